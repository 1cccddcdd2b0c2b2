"""Transactions over two databases, as an XA coordinator makes them, on runs that many want at a time.

Each client adds results to some of the runs of both databases, in an order of its own, prepares in both at once, each
in a thread, and then commits or rolls back what it has prepared. Some clients die between the two: their sessions end
with their transactions prepared or not, and a recovery that comes later decides from what it finds, as coordinators do:
committed where the client had decided so, or where all of it is prepared and the die falls that way.

Whoever waits at PREPARE waits perhaps for one who waits at PREPARE in the other database. So what must not happen is a
wait, and a watcher looks for one all the time. Where counts wait, a client whose run is held is told so (40001) and tries
again; where they spill there is nothing to be told. The rest is arithmetic: in every snapshot the counters, and what lies
spilled for them, are what is counted again; what was committed is in both databases and the rest in none; in the end
everything is folded, and each run was completed exactly once.

The server is the one that the environment names; it wants max_prepared_transactions of five for each client. What is
random comes from the seed.
"""

import argparse
import collections
import concurrent.futures
import faulthandler
import os
import random
import sys
import threading
import time

import psycopg2
from load import LoadBase, tell
from writer import CANCELLED, DEADLINE, SERIALIZATION, TERMINATED, connect

TALLY = """SELECT ratchet.tally('results', 'runs', '{"n": "true", "score": "sum(score)"}', total => 'total',
    done => 'is_completed', on_done => 'run_completed(int)', contention => %s)"""
SPILLED = 'CREATE OR REPLACE VIEW spilled AS SELECT id, n, score FROM runs_spilled'
OPEN = 4  # runs at a time
TOTAL = 40
# A row that a prepared transaction may hold, for as long as nobody ends it.
WAITING = """SELECT a.datname, a.query, l.locktype, l.mode FROM pg_stat_activity a JOIN pg_locks l USING (pid)
    WHERE a.query LIKE 'PREPARE%' AND NOT l.granted AND l.locktype IN ('transactionid', 'tuple', 'advisory')"""

NAMES = {
    'hang': 'everybody comes to an end',
    'wait': 'nobody waits for a row at PREPARE',
    'drift': 'no drift in any snapshot meanwhile',
    'folded': 'what lies spilled is folded by itself',
    'left': 'no drift in the end',
    'verify': 'no drift, says verify()',
    'atomic': 'what was committed is in both databases, and nothing else',
    'once': 'every run is completed exactly once',
    'prepared': 'nothing stays prepared',
    'unexpected': 'nothing unexpected happens to a client',
    'deadlocks': 'no deadlocks',
    'all': 'everything has happened',
}


class Base(LoadBase):
    """One of the two databases, and the administrator's session in it."""

    def __init__(self, name, contention):
        self.name = name
        super().__init__(name, 'two_phase.sql')
        self.ask(TALLY, [contention])
        if contention == 'spill':
            self.ask(SPILLED)

    def connect(self, name):
        os.environ['PGDATABASE'] = self.name
        return connect(name)


class Client:
    def __init__(self, load, number):
        self.load = load
        self.number = number
        self.random = random.Random(f'{load.seed}/{number}')
        self.counts = collections.Counter()
        self.pool = concurrent.futures.ThreadPoolExecutor(3)
        self.connections = None

    def connect(self):
        # One after the other: which database is meant stands in the environment.
        with self.load.connecting:
            self.connections = [base.connect(f'client {self.number}') for base in self.load.bases]

    def close(self):
        for connection in self.connections or []:
            connection.close()
        self.connections = None

    def execute(self, place, sql, parameters=None):
        with self.connections[place].cursor() as cursor:
            cursor.execute(sql, parameters)
            return cursor.statusmessage

    def attempt(self, place, sql):
        """Answers the error, None if there is none."""
        try:
            tag = self.execute(place, sql)
            # PREPARE of a transaction that has failed answers ROLLBACK and no error.
            return None if tag == sql.split(" '")[0] else RuntimeError(f'{sql}: {tag}')
        except psycopg2.Error as error:
            return error

    def both(self, command, gid, places=(0, 1)):
        """Sent side by side; answers what went wrong, by place."""
        futures = {place: self.pool.submit(self.attempt, place, f"{command} '{gid} {place}'") for place in places}
        return {place: future.result() for place, future in futures.items()}

    def excuse(self, error):
        code = getattr(error, 'pgcode', None)
        closed = any(connection.closed for connection in self.connections)
        if code == TERMINATED or code is None and closed and isinstance(error, psycopg2.Error):
            return 'terminated'
        if code == CANCELLED and 'user request' in str(error):
            return 'cancelled'
        if code == SERIALIZATION and self.load.contention == 'wait':
            return 'busy'
        self.load.fail(f'client {self.number}: {code}: {error}', 'unexpected')
        return 'unexpected'

    def transaction(self):
        """One transaction over both databases, which may be left to the recovery."""
        self.counts['transactions'] += 1
        gid = f'{self.number}/{self.counts["transactions"]}'
        try:
            if self.connections is None:
                self.connect()
            for place in self.random.sample([0, 1], 2):
                self.add(place, gid)
        except psycopg2.Error as error:
            # Nothing of it is prepared, so nothing is left of it.
            self.counts[self.excuse(error)] += 1
            self.close()
            return
        if self.random.random() < 0.03:
            # It comes when it comes, to this transaction or the next one.
            self.pool.submit(self.connections[self.random.choice([0, 1])].cancel)
        prepared = self.both('PREPARE TRANSACTION', gid)
        self.finish(gid, prepared)

    def add(self, place, gid):
        isolation = 'REPEATABLE READ' if self.load.contention == 'spill' and self.random.random() < 0.2 else 'READ COMMITTED'
        self.execute(place, f'BEGIN ISOLATION LEVEL {isolation}')
        runs = self.random.sample(self.load.open_runs(), self.random.randint(1, 3))
        for run in runs:
            self.execute(place, 'INSERT INTO results (run_id, global_id, score) SELECT %s, %s, %s'
                                ' FROM generate_series(1, %s)',
                         [run, gid, self.random.choice([0, 1, 2.5, -1]), self.random.randint(1, 2)])

    def finish(self, gid, prepared):
        failed = [place for place, error in prepared.items() if error is not None]
        reasons = {self.excuse(prepared[place]) for place in failed}
        if 'terminated' in reasons:
            # Whether it is prepared there is not known here.
            self.die(gid, None)
            self.counts['ended while preparing'] += 1
            return
        if failed:
            # Told by one server, the client takes it back from the other. PREPARE that fails has rolled back.
            self.end('ROLLBACK', gid, [place for place in prepared if place not in failed])
            self.counts.update(reasons)
            time.sleep(self.random.random() / 100)
            return
        chance = self.random.random()
        if chance < 0.1:
            self.end('ROLLBACK', gid, [0, 1])
            self.counts['rolled back'] += 1
        elif chance < 0.17 and len(self.load.orphans) < len(self.load.clients):
            # Between the decision and its execution, or before the decision.
            decided = self.random.choice(['COMMIT', None])
            if decided:
                self.load.decide(gid)
            self.die(gid, decided)
            self.counts['dead'] += 1
        else:
            self.load.decide(gid)
            self.end('COMMIT', gid, [0, 1])
            self.counts['committed'] += 1

    def end(self, how, gid, places):
        problems = {place: error for place, error in self.both(f'{how} PREPARED', gid, places).items() if error}
        if problems:
            # What was decided stands; somebody else does it.
            for error in problems.values():
                if self.excuse(error) not in ('terminated', 'cancelled'):
                    return
            self.die(gid, how)
            self.counts['ended while finishing'] += 1

    def die(self, gid, decided):
        """The client is gone, and another one takes its number."""
        self.load.orphans.append((gid, decided))
        self.close()


class Load:
    def __init__(self, options, contention):
        self.contention = contention
        self.seed = options.seed
        self.random = random.Random(f'{options.seed}/load')
        self.failures = collections.defaultdict(list)
        self.stopping = threading.Event()
        self.stopped_writing = threading.Event()
        self.finished = threading.Event()
        self.connecting = threading.Lock()
        self.orphans = collections.deque()
        self.decided = set()  # the coordinator's log: what is committed, whatever becomes of the client
        self.counts = collections.Counter()
        self.first = 1  # of the runs that are open
        self.bases = [Base(f'two_phase_{name}', contention) for name in ('a', 'b')]
        for base in self.bases:
            base.ask('INSERT INTO runs (id, total) SELECT i, %s FROM generate_series(1, %s) i', [TOTAL, OPEN])
        self.clients = [Client(self, number) for number in range(options.clients)]

    def fail(self, problem, check):
        self.failures[check].append(str(problem))

    def decide(self, gid):
        self.decided.add(gid)

    def open_runs(self):
        return range(self.first, self.first + OPEN)

    # -- beside the clients --------------------------------------------------------------------------------------------

    def write(self, client):
        while not self.stopping.is_set():
            client.transaction()

    def harass(self):
        chaos = random.Random(self.random.random())
        connection = self.session('chaos', 0)
        with connection.cursor() as cursor:
            while not self.stopping.wait(chaos.expovariate(4)):
                cursor.execute('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = %s'
                               ' AND datname = %s',
                               [f'client {chaos.randrange(len(self.clients))}', chaos.choice(self.bases).name])
        connection.close()

    def session(self, name, place):
        with self.connecting:
            return self.bases[place].connect(name)

    def watch(self, place):
        connection = self.session('watcher', place)
        with connection.cursor() as cursor:
            while not self.finished.wait(0.03):
                cursor.execute('SELECT * FROM drift')
                for row in cursor.fetchall():
                    self.fail(f'{self.bases[place].name}: {row}', 'drift')
                cursor.execute('SELECT 1 FROM spilled LIMIT 1')
                self.counts['looks at spilled counts'] += cursor.rowcount
                cursor.execute(WAITING)
                for row in cursor.fetchall():
                    self.fail(row, 'wait')
                self.counts['looks'] += 1
        connection.close()

    def advance(self):
        """Opens the next run where the first one is complete in both databases."""
        connections = [self.session('opener', place) for place in (0, 1)]
        cursors = [connection.cursor() for connection in connections]
        while not self.stopping.wait(0.02):
            done = 0
            for cursor in cursors:
                cursor.execute('SELECT 1 FROM runs WHERE id = %s AND is_completed', [self.first])
                done += cursor.rowcount
            if done == 2:
                for cursor in cursors:
                    cursor.execute('INSERT INTO runs (id, total) VALUES (%s, %s)', [self.first + OPEN, TOTAL])
                self.first += 1
        for connection in connections:
            connection.close()

    def recover(self):
        """Ends what clients have left prepared, when their sessions have ended."""
        chaos = random.Random(self.random.random())
        connections = [self.session('recovery', place) for place in (0, 1)]
        while not (self.stopped_writing.is_set() and not self.orphans):
            if not self.orphans:
                time.sleep(0.01)
                continue
            gid, decided = self.orphans.popleft()
            # For as long as this, the rows of a client that is dead may be held.
            time.sleep(chaos.random() / 50)
            self.resolve(connections, gid, decided, chaos)
        for connection in connections:
            connection.close()

    def resolve(self, connections, gid, decided, chaos):
        number = gid.split('/')[0]
        cursors = [connection.cursor() for connection in connections]
        end = time.monotonic() + DEADLINE
        there = None
        while there is None:
            # A session that has ended for its client may be about to prepare yet.
            cursors[0].execute('SELECT 1 FROM pg_stat_activity WHERE application_name = %s AND query LIKE %s',
                               [f'client {number}', f"% '{gid} %'"])
            busy = cursors[0].rowcount
            if not busy:
                cursors[0].execute('SELECT database FROM pg_prepared_xacts WHERE gid LIKE %s', [f'{gid} %'])
                there = {row[0] for row in cursors[0].fetchall()}
            elif time.monotonic() > end:
                return self.fail(f'the session of {gid} does not end', 'hang')
            else:
                time.sleep(0.01)
        if decided is None and gid in self.decided:
            decided = 'COMMIT'
        if decided is None:
            decided = chaos.choice(['COMMIT', 'ROLLBACK']) if len(there) == 2 else 'ROLLBACK'
            if decided == 'COMMIT':
                self.decide(gid)
        for place, base in enumerate(self.bases):
            if base.name in there:
                cursors[place].execute(f"{decided} PREPARED '{gid} {place}'")
                self.counts[f'{decided} PREPARED by the recovery'] += 1
        return None

    # -- the load ------------------------------------------------------------------------------------------------------

    def guarded(self, function, *arguments):
        try:
            function(*arguments)
        except Exception as error:  # handed over to the main thread
            self.fail(f'{function.__name__}: {error!r}', 'unexpected')
            self.stopping.set()

    def run(self, seconds):
        watchers = [self.start(self.watch, place) for place in (0, 1)]
        recovery = self.start(self.recover)
        writers = [self.start(self.write, client) for client in self.clients] + [self.start(self.harass), self.start(self.advance)]
        end = time.monotonic() + seconds
        while time.monotonic() < end and not self.failures and not self.stopping.is_set():
            time.sleep(0.02)
        self.stopping.set()
        self.join(writers)
        self.stopped_writing.set()
        self.join([recovery])
        for client in self.clients:
            client.close()
        if not self.failures:
            self.complete()
            self.fold()
        self.finished.set()
        self.join(watchers)

    def start(self, function, *arguments):
        thread = threading.Thread(target=self.guarded, args=(function, *arguments), daemon=True)
        thread.start()
        return thread

    def join(self, threads):
        end = time.monotonic() + DEADLINE
        for thread in threads:
            thread.join(max(0, end - time.monotonic()))
            if thread.is_alive():
                self.fail('a thread does not end', 'hang')

    def complete(self):
        """Adds what the runs that are open lack, if anything."""
        for base in self.bases:
            self.fold_one(base)
            base.ask("""INSERT INTO results (run_id, global_id, score) SELECT r.id, 'last', 1 FROM runs r
                        CROSS JOIN LATERAL generate_series(1, r.total - r.n)""")

    def fold(self):
        for base in self.bases:
            self.fold_one(base)

    def fold_one(self, base):
        """No worker was ended and no server: so nothing needs anybody's help."""
        end = time.monotonic() + DEADLINE
        while left := base.ask('SELECT id, count(*) FROM spilled GROUP BY id'):
            if time.monotonic() > end:
                worker = base.ask("SELECT pid FROM pg_stat_activity WHERE backend_type = 'ratchet fold'"
                                  ' AND datname = current_database()')
                self.fail(f'{base.name}: {left}, worker {worker}', 'folded')
                return
            time.sleep(0.02)

    # -- what must hold ------------------------------------------------------------------------------------------------

    def check(self):
        stored = []
        for base in self.bases:
            for row in base.ask('SELECT * FROM drift'):
                self.fail(f'{base.name}: {row}', 'left')
            for row in base.ask('SELECT * FROM ratchet.verify()'):
                self.fail(f'{base.name}: {row}', 'verify')
            for row in base.ask('SELECT r.id, count(c.number) FROM runs r LEFT JOIN completions c ON c.run_id = r.id'
                                ' GROUP BY r.id HAVING count(c.number) <> 1'):
                self.fail(f'{base.name}: {row}', 'once')
            stored.append({row[0] for row in base.ask('SELECT DISTINCT global_id FROM results')} - {'last'})
            self.counts['completions'] += base.ask('SELECT count(*) FROM completions')[0][0]
            self.counts['results'] += base.ask('SELECT count(*) FROM results')[0][0]
        for place in (0, 1):
            if stored[place] != self.decided:
                self.fail(f'{self.bases[place].name}: {sorted(stored[place] ^ self.decided)[:10]}', 'atomic')
        for row in self.bases[0].ask('SELECT * FROM pg_prepared_xacts'):
            self.fail(row, 'prepared')
        deadlocks = sum(base.count_deadlocks([], '^client ') for base in self.bases)
        if deadlocks:
            self.fail(deadlocks, 'deadlocks')
        for client in self.clients:
            self.counts.update(client.counts)
        expected = ['committed', 'rolled back', 'dead', 'terminated', 'COMMIT PREPARED by the recovery',
                    'ROLLBACK PREPARED by the recovery',
                    'busy' if self.contention == 'wait' else 'looks at spilled counts']
        missing = [kind for kind in expected if not self.counts[kind]]
        if missing:
            self.fail(missing, 'all')


def run_load(options, contention):
    load = Load(options, contention)
    load.run(options.seconds)
    load.check()
    for base in load.bases:
        base.admin.close()
    print('# ' + ', '.join(f'{count} {kind}' for kind, count in sorted(load.counts.items())))
    what = f'{contention}, {options.clients} clients'
    return all([tell(not load.failures[check], f'{what}: {name}', load.failures[check]) for check, name in NAMES.items()])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--contention', choices=['wait', 'spill'], nargs='+', default=['wait', 'spill'])
    parser.add_argument('--seconds', type=float, default=60)
    parser.add_argument('--clients', type=int, default=16)
    parser.add_argument('--seed', default=os.environ.get('RATCHET_SEED') or random.SystemRandom().randrange(10**9))
    options = parser.parse_args()
    print(f'# seed {options.seed}', flush=True)
    # Whatever hangs, this program ends.
    faulthandler.dump_traceback_later(60 + len(options.contention) * (options.seconds + 5 * DEADLINE), exit=True)
    return all([run_load(options, contention) for contention in options.contention])


if __name__ == '__main__':
    sys.exit(0 if main() else 1)
