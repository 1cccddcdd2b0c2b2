"""Counted runs under load, and everything counted again.

Writers (writer.py) change their results of a few runs in all the ways there are, while their backends are cancelled and
terminated at random. Two phases take turns:

 - churn: counts go up and down, runs are completed and reopened again and again;
 - fill: nothing but additions, until every run has all its results. So each run must be completed exactly once.

Judged are the counters (counted again in one snapshot, all the time by a watcher and at the end of each phase, and by
ratchet.verify()), the completions (a log that on_done writes against a log that a trigger of the user's writes), what
the writers know of their own results, and the deadlocks.

With --contention spill counts spill, and the worker that folds them is terminated at random while counts go up and down.
Then what every snapshot must show is that a counter and what lies spilled for it are together what is counted again; and
when nobody writes any more all of it must be folded, soon. Runs are completed where counts are folded.

With --crashes somebody else stops the server at once in the middle of all this and starts it again, as often as that.
With --promotions somebody else promotes a standby instead, as often as that, and the writers go on there. Meanwhile the
standby is looked at as the primary is: it has the same counts, and nobody who folds.

With --control the counters are kept by a trigger that counts again: the same load must find it wrong.

The server is the one that the environment names. The exit status is 0 when all is well. What is random comes from the
seed; which writer is hit by what at which moment does not.
"""

import argparse
import collections
import faulthandler
import os
import queue
import random
import signal
import sys
import threading
import time

import psycopg2
from load import LoadBase, tell
from writer import DEADLINE, Writer, connect

TALLY = """SELECT ratchet.tally('results', 'runs', '{"evaluated_count": "true", "correct_count": "is_correct",
    "incorrect_count": "NOT is_correct", "score_total": "sum(score)"}', total => 'total', done => 'is_completed',
    done_at => 'completed_at', on_done => 'run_completed(int)', contention => %s)"""
SPILLED = """CREATE OR REPLACE VIEW spilled AS
    SELECT id, evaluated_count, correct_count, incorrect_count, score_total FROM runs_spilled"""
# Whatever spills for one parent brings a worker for all of the owner's.
BELL = """CREATE TABLE bells (id int PRIMARY KEY, rung int NOT NULL DEFAULT 0);
    CREATE TABLE rings (bell_id int REFERENCES bells);
    INSERT INTO bells VALUES (1);
    DO $$ BEGIN PERFORM ratchet.tally('rings', 'bells', '{"rung": "true"}', contention => 'spill'); END $$"""
WORKER = "SELECT pid FROM pg_stat_activity WHERE backend_type = 'ratchet fold' AND datname = current_database()"
CONTROL = """CREATE TRIGGER count_again AFTER INSERT OR UPDATE OR DELETE ON results
    FOR EACH ROW EXECUTE FUNCTION count_again()"""

# Each must find no rows, whenever nobody writes.
CHECKS = {
    'no drift, counted again': 'SELECT * FROM drift',
    'no drift, says verify()': 'SELECT * FROM ratchet.verify()',
    'is_completed turns as the counts say, true and false in turn': """
        SELECT * FROM (SELECT *, lag(done, 1, false) OVER (PARTITION BY run_id ORDER BY number) AS before FROM turns) t
        WHERE done = before OR done AND NOT coalesce(total > 0 AND evaluated >= total, false)""",
    'is_completed is what its last turn says': """
        SELECT * FROM runs r WHERE is_completed IS DISTINCT FROM coalesce(
            (SELECT done FROM turns WHERE run_id = r.id ORDER BY number DESC LIMIT 1), false)""",
    # What a transaction has completed when it ends it has called for once; what it undoes again it may have called for
    # at an earlier flush.
    'on_done is called once for what a transaction completes, in it': """
        SELECT run_id, tx, sum(calls) AS calls, sum(due) AS due, sum(may) AS may
        FROM (SELECT run_id, tx, 1, 0, 0 FROM completions
              UNION ALL
              SELECT run_id, tx, 0, ((array_agg(done ORDER BY number))[1] AND (array_agg(done ORDER BY number DESC))[1])::int,
                     ((array_agg(done ORDER BY number))[1])::int
              FROM turns GROUP BY run_id, tx) l (run_id, tx, calls, due, may)
        GROUP BY run_id, tx HAVING sum(calls) NOT BETWEEN sum(due) AND sum(may)""",
    'on_done sees all that is counted':
        'SELECT * FROM completions WHERE counted <> evaluated OR evaluated < total OR total <= 0',
    'nothing stays prepared': 'SELECT * FROM pg_prepared_xacts',
}
# Where nothing spills: otherwise what lies beside the row may say so too.
WAITING = {
    'is_completed turns false as the counts say':
        'SELECT * FROM turns WHERE NOT done AND total > 0 AND evaluated >= total',
}
# Of what lies spilled.
EXACT = {
    'the view of exact counts says what is counted': """
        SELECT * FROM runs_exact e FULL JOIN (
            SELECT r.id, count(c.id) AS evaluated, coalesce(sum(c.score), 0) AS score
            FROM runs r LEFT JOIN results c ON c.run_id = r.id GROUP BY r.id) c USING (id)
        WHERE (e.evaluated_count, e.score_total) IS DISTINCT FROM (c.evaluated, c.score)""",
}
# After a fill phase; completions from this number on are its own.
FILLED = {
    'every run is completed by its last result':
        'SELECT * FROM runs WHERE NOT is_completed OR evaluated_count <> total',
    'every run is completed exactly once': """
        SELECT r.id, count(c.number) FROM runs r LEFT JOIN completions c ON c.run_id = r.id AND c.number > %s
        GROUP BY r.id HAVING count(c.number) <> 1""",
}
# Where nothing spills, also.
FILLED_AT_ONCE = {
    'a run is completed by a transaction that stored a result of it, and the last one': """
        SELECT * FROM completions c WHERE number > %s AND (counted <> total
            OR NOT EXISTS (SELECT FROM results r WHERE r.run_id = c.run_id AND r.tx = c.tx))""",
}
KINDS = ['insert', 'copy', 'batch', 'batch, flushed', 'upsert', 'update', 'move', 'delete', 'save of a run', 'released',
         'rolled back to', 'rolled back to, flushed', 'commit', 'flush', 'immediate', 'prepare', 'rolled back',
         'statement_timeout', 'cancelled', 'terminated']


class Load(LoadBase):
    UNEXPECTED = 'nothing unexpected happens to a writer'

    def __init__(self, options, runs, may_crash=False):
        self.control = options.control
        self.mixed = options.contention == 'mixed'  # now the one, now the other
        self.spills = options.contention != 'wait'
        self.turns = not options.direct
        self.seed = options.seed
        self.slots = options.slots
        self.may_crash = may_crash
        self.is_over = False  # the crash that is expected
        self.runs = list(range(1, runs + 1))
        self.random = random.Random(f'{self.seed}/load')
        self.looks = 0
        self.spilled = 0  # looks that have found something spilled
        self.ended = 0  # workers that were terminated since everything was folded the last time
        self.ended_workers = 0
        self.prepared = 0  # transactions that a crash has found prepared
        self.killed = 0  # crashes by the worker
        self.standby = None  # its port
        self.standby_looks = 0
        self.stopping = threading.Event()
        self.checks = {name: sql for name, sql in {**CHECKS, **({} if self.spills else WAITING)}.items()
                       if self.turns or 'turns' not in sql}
        self.filled = {**FILLED, **({} if self.spills else FILLED_AT_ONCE)}
        super().__init__(f'counters_{runs}', 'counters.sql')
        self.ask('INSERT INTO runs (id, total) SELECT i, 5 FROM generate_series(1, %s) i', [runs])
        if not self.turns:
            self.ask('DROP TRIGGER note_turn ON runs')
        if self.control:
            self.ask(CONTROL)
        else:
            self.ask(TALLY, [None if self.mixed else options.contention])
        if self.spills:
            self.ask(BELL)
        if self.spills and not self.mixed:
            self.ask(SPILLED)
            self.checks.update(EXACT)
        self.writers = [Writer(self, number) for number in range(options.writers)]

    def total(self, *kinds):
        return sum(writer.counts[kind] for writer in self.writers for kind in kinds)

    # -- beside the writers --------------------------------------------------------------------------------------------

    def harass(self):
        """Cancels, and now and then terminates, whichever writer it hits."""
        chaos = random.Random(self.random.random())
        connection = connect('chaos')
        with connection.cursor() as cursor:
            while not self.stopping.wait(chaos.expovariate(40)):
                function = chaos.choices(['pg_cancel_backend', 'pg_terminate_backend'], [5, 1])[0]
                cursor.execute(f'SELECT {function}(pid) FROM pg_stat_activity WHERE application_name = %s',
                               [f'writer {chaos.randrange(len(self.writers))}'])
        connection.close()

    def end_workers(self):
        """Terminates the worker that folds, whatever it is at."""
        chaos = random.Random(self.random.random())
        connection = connect('chaos')
        with connection.cursor() as cursor:
            while not self.stopping.wait(chaos.expovariate(10)):
                cursor.execute(f'SELECT pg_terminate_backend(pid) FROM ({WORKER}) w')
                self.ended += cursor.rowcount
        connection.close()

    def watch(self):
        """What everybody else sees: the counts are right in every snapshot, not only when nobody writes."""
        connection = connect('watcher')
        with connection.cursor() as cursor:
            while not self.stopping.wait(0.05):
                self.look(cursor)
                self.looks += 1
        connection.close()

    def look(self, cursor):
        cursor.execute('SELECT * FROM drift')
        for row in cursor.fetchall():
            self.fail(row, 'no drift in any snapshot meanwhile')
        if self.spills:
            cursor.execute('SELECT 1 FROM spilled LIMIT 1')
            self.spilled += cursor.rowcount

    def watch_standby(self):
        """The same, where nobody can write; also while it is promoted."""
        while not self.stopping.wait(0.05):
            if not self.standby:
                continue
            connection = connect('standby watcher', port=self.standby)
            with connection.cursor() as cursor:
                while not self.stopping.wait(0.05):
                    for sql in 'SELECT * FROM drift', *(EXACT.values() if self.spills else ()):
                        cursor.execute(sql)
                        for row in cursor.fetchall():
                            self.fail(f'standby: {row}', 'no drift in any snapshot meanwhile')
                    cursor.execute(f'SELECT pid FROM ({WORKER}) w WHERE pg_is_in_recovery()')
                    for row in cursor.fetchall():
                        self.fail(f'{row} on a standby', 'nobody folds on a standby')
                    self.standby_looks += 1
            connection.close()

    def beside(self, function):
        try:
            function()
        except psycopg2.Error as error:
            # A crash ends these; the next phase starts them again.
            if not self.may_crash:
                self.fail(f'{function.__name__}: {error}')

    def write(self, writer, step):
        try:
            while not self.stopping.is_set() and step(writer) is not False:
                pass
        except Exception as error:  # handed over to the main thread
            self.fail(f'writer {writer.number}: {error!r}')
            raise

    def phase(self, step, finished=lambda: False, others=()):
        """All writers do step() over and over, until it answers False or finished() is true."""
        self.stopping.clear()
        threads = [threading.Thread(target=self.write, args=(writer, step), daemon=True) for writer in self.writers]
        beside = [threading.Thread(target=self.beside, args=(function,), daemon=True)
                  for function in (self.harass, self.watch, *others)]
        for thread in threads + beside:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            if finished() or self.failures and not self.control:
                self.stopping.set()
            time.sleep(0.01)
        self.stopping.set()
        for thread in beside:
            thread.join()

    # -- the phases ----------------------------------------------------------------------------------------------------

    def churn_for(self, seconds):
        end = time.monotonic() + seconds
        self.phase(Writer.churn, lambda: time.monotonic() > end, (*self.chaos_of_churn(), *self.others()))
        self.fold()

    def others(self):
        """What else goes on in each phase."""
        return ()

    def chaos_of_churn(self):
        return (self.end_workers,) if self.spills else ()

    def fold(self, unattended=False):
        """Waits until nothing lies spilled. unattended: the worker may have gone without being asked."""
        if not self.spills:
            return
        end = time.monotonic() + DEADLINE
        while left := self.ask('SELECT id, evaluated_count FROM spilled UNION ALL SELECT id, rung FROM bells_spilled'):
            if time.monotonic() > end:
                worker = self.ask(f'SELECT w.pid, wait_event, state FROM pg_stat_activity a JOIN ({WORKER}) w USING (pid)')
                self.fail(f'{left}, worker {worker}', 'what lies spilled is folded when nobody writes')
                return
            if (self.ended or unattended) and not self.ask(WORKER):
                self.ring()
            time.sleep(0.02)
        self.ended_workers += self.ended
        self.ended = 0

    def ring(self):
        """Spills, in a new session: one that has called for a worker just now does not do so again at once."""
        connection = connect('bell')
        with connection.cursor() as cursor:
            cursor.execute('BEGIN ISOLATION LEVEL REPEATABLE READ; INSERT INTO rings VALUES (1); COMMIT')
        connection.close()

    def prepare_fill(self, unattended=False):
        """Takes half of all results away and says who has to add which to what; answers where the log stands."""
        half = range(0, len(self.writers) * self.slots, 2)
        self.ask('DELETE FROM results WHERE id = ANY (%s)', [list(half)])
        self.fold(unattended)
        places = self.random.sample(half, len(half))
        plan = {id: self.runs[number % len(self.runs)] for number, id in enumerate(places)}
        for writer in self.writers:
            writer.plan = {id: plan[id] for id in writer.ids if id in plan}
            writer.rows = {id: row for id, row in writer.rows.items() if id not in plan}
        missing = collections.Counter(plan.values())
        for run in self.runs:
            self.ask('UPDATE runs SET total = evaluated_count + %s WHERE id = %s', [missing[run], run])
        return self.ask('SELECT coalesce(max(number), 0) FROM completions')[0][0]

    # -- what must hold ------------------------------------------------------------------------------------------------

    def check(self, checks, before=None):
        for name, sql in checks.items():
            for row in self.ask(sql, [before] if '%s' in sql else None):
                self.fail(row, name)

    def check_all(self):
        self.check(self.checks)
        known = {id: row for writer in self.writers for id, row in writer.rows.items()}
        stored = {row[0]: tuple(row[1:]) for row in self.ask('SELECT id, run_id, is_correct, score FROM results')}
        if stored != known:
            self.fail(f'{set(stored.items()) ^ set(known.items())}', 'the results are what their writers know of them')

    def check_deadlocks(self):
        told = self.count_deadlocks(self.writers, '^writer ')
        if told or self.total('deadlocks'):
            self.fail(f'{told} in pg_stat_database, {self.total("deadlocks")} told to writers', 'no deadlocks')

    def missing(self):
        """What has to happen beside the writers and has not."""
        kinds = {'look at spilled counts': self.spilled, 'end of the worker': self.ended_workers} if self.spills else {}
        return [kind for kind, count in kinds.items() if not count]

    def describe(self):
        counts = collections.Counter()
        for writer in self.writers:
            counts.update(writer.counts)
        completions = self.ask('SELECT count(*) FROM completions')[0][0]
        if self.may_crash:
            counts['prepared at a crash'] = self.prepared
            counts['crashes by the worker'] = self.killed
            counts['looks at a standby'] = self.standby_looks
        if self.spills:
            counts['looks at spilled counts'] = self.spilled
            counts['ends of the worker'] = self.ended_workers
        return ', '.join([f'{counts.pop("committed")} committed', f'{completions} completions', f'{self.looks} looks'] +
                         [f'{count} {kind}' for kind, count in sorted(counts.items())])


def run_load(options, runs, kind=Load):
    """Phases in turn for so many seconds, longer where not everything has happened yet."""
    load = kind(options, runs)
    end = time.monotonic() + options.seconds
    latest = end + 5 * options.seconds + DEADLINE
    cycle = min(4, options.seconds / 2)
    while not load.failures and time.monotonic() < latest:
        load.churn_for(cycle)
        load.check_all()
        before = load.prepare_fill()
        load.phase(Writer.fill, others=load.others())
        load.fold()
        if not load.failures:
            load.check(load.filled, before)
        load.check_all()
        if time.monotonic() > end and all(load.total(kind) for kind in KINDS) and not load.missing():
            break
    load.check_deadlocks()
    for kind in [] if load.failures else KINDS:
        if not load.total(kind):
            load.fail(f'no "{kind}"', 'everything has happened')
    if load.missing() and not load.failures:
        load.fail(f'no {load.missing()}', 'everything has happened')
    print(f'# {load.describe()}')
    names = [*load.checks, *load.filled, 'no drift in any snapshot meanwhile', 'the results are what their writers know of them',
             'nothing unexpected happens to a writer', 'no deadlocks', 'everything has happened']
    if load.spills:
        names.append('what lies spilled is folded when nobody writes')
    names += [name for name in load.failures if name not in names]
    what = f'{options.contention}, {options.writers} writers, {runs} run{"s" if runs > 1 else ""}'
    return all([tell(not load.failures[name], f'{what}: {name}', load.failures[name]) for name in names])


def run_control(options, runs):
    """Until a count is found wrong; that takes longer where the load's own deadlocks are in the way."""
    load = Load(options, runs)
    latest = time.monotonic() + options.seconds + DEADLINE
    wrong = load.failures['no drift in any snapshot meanwhile']
    load.phase(Writer.churn, lambda: wrong or time.monotonic() > latest)
    print(f'# {len(wrong)} wrong in {load.looks} looks, {load.total("deadlocks")} deadlocks')
    return tell(wrong, f'{options.writers} writers, {runs} run{"s" if runs > 1 else ""}: counters that are counted again'
                ' by hand are found wrong')


def run_crashes(options, runs):
    """The server goes down and comes back while a phase is running. Who does that reads when on standard output."""
    load = Load(options, runs, may_crash=True)
    for number in range(1, options.crashes + 1):
        filling = load.random.random() < 0.5
        before = load.prepare_fill() if filling else None
        started = load.total('committed')
        announced = False
        crashed = False
        load.is_over = False
        # Where the worker is killed the server ends all other sessions, and starts again by itself.
        kills_worker = load.spills and load.random.random() < 0.3
        writing = True
        delay = load.random.randint(0, 300)
        due = None

        def finished():
            nonlocal announced, crashed, due, kills_worker
            if not announced and load.total('committed') > started + 2 * len(load.writers):
                announced = True
                due = time.monotonic() + delay / 1000
                if not kills_worker:
                    print(f'crash {number} in {delay} ms', flush=True)
            try:
                worker = load.ask(WORKER)
                if kills_worker and worker and (not writing or announced and time.monotonic() > due):
                    # Again and again: one that is about to go by itself does not die of it.
                    os.kill(worker[0][0], signal.SIGKILL)
                elif kills_worker and not writing:
                    announced = True
                    kills_worker = False
                    print(f'crash {number} in 0 ms', flush=True)
            except ProcessLookupError:
                pass
            except psycopg2.Error:
                crashed = True
            return crashed

        step = Writer.fill if filling else Writer.churn
        load.phase(step, finished, () if filling else load.chaos_of_churn())
        writing = False
        if not announced and not kills_worker:
            print(f'crash {number} in 0 ms', flush=True)
            announced = True
        while not crashed and not load.failures:  # everything was added before it came
            finished()
            time.sleep(0.01)
        if kills_worker:
            load.killed += 1
            print(f'crash {number} by the worker', flush=True)
        load.is_over = True
        load.admin = reconnect()
        load.prepared += load.ask('SELECT count(*) FROM pg_prepared_xacts')[0][0]
        # Before anybody has written or folded again.
        load.check({'no drift at once after recovery': 'SELECT * FROM drift', **(EXACT if load.spills else {})})
        for writer in load.writers:
            writer.rejoin()
        if filling:
            load.phase(Writer.fill)
            load.fold(unattended=True)
            load.check(load.filled, before)
        load.fold(unattended=True)
        load.check_all()
        problems = [f'{name}: {problem}' for name, found in load.failures.items() for problem in found]
        if not tell(not problems, f'crash {number}: 0 drift, completions exact', problems):
            return False
    print(f'# {load.describe()}')
    return tell(not load.total('deadlocks'), 'no deadlocks')


def run_promotions(options, runs):
    """As with crashes; who promotes tells on standard input where the primary is, and where the standby is."""
    load = Load(options, runs, may_crash=True)
    primaries = queue.Queue()
    standbys = queue.Queue()

    def listen():
        for line in sys.stdin:
            what, port = line.split()
            {'primary': primaries, 'standby': standbys}[what].put(port)

    threading.Thread(target=listen, daemon=True).start()
    for number in range(1, options.promotions + 1):
        print('ready', flush=True)
        load.standby = standbys.get(timeout=2 * DEADLINE)
        load.is_over = False
        started = load.total('committed')
        announced = False

        def finished():
            nonlocal announced
            if not announced and load.standby_looks and load.total('committed') > started + 10 * len(load.writers):
                announced = True
                print(f'promote {number} in {load.random.randint(0, 500)} ms', flush=True)
            return not primaries.empty()

        load.phase(Writer.churn, finished, (*load.chaos_of_churn(), load.watch_standby))
        if load.failures:
            break
        if not announced:  # a writer that could not connect again took that for the end of the primary
            print(f'promote {number} in 0 ms', flush=True)
        load.is_over = True
        os.environ['PGPORT'] = primaries.get(timeout=2 * DEADLINE)
        load.standby = None
        load.admin = reconnect()
        load.prepared += load.ask('SELECT count(*) FROM pg_prepared_xacts')[0][0]
        load.check({'no drift at once after promotion': 'SELECT * FROM drift', **(EXACT if load.spills else {})})
        for writer in load.writers:
            writer.rejoin(forgets=True)
        before = load.prepare_fill(unattended=True)
        load.phase(Writer.fill)
        load.fold(unattended=True)
        load.check(load.filled, before)
        load.check_all()
        problems = [f'{name}: {problem}' for name, found in load.failures.items() for problem in found]
        if not tell(not problems, f'{options.contention}, promotion {number}: 0 drift, completions exact', problems):
            break
    else:
        print(f'# {load.describe()}')
        return tell(load.standby_looks and not load.total('deadlocks'), f'{options.contention}: no deadlocks')
    print(f'# {load.describe()}')
    return tell(False, 'all promotions', [f'{name}: {found}' for name, found in load.failures.items()])


def reconnect():
    end = time.monotonic() + DEADLINE
    while True:
        try:
            return connect('admin')
        except psycopg2.OperationalError:
            if time.monotonic() > end:
                raise
            time.sleep(0.01)


def print_exception(kind, error, trace):
    """psycopg2 prints what it meets while it raises that a connection was terminated during COPY: nobody's fault."""
    if kind is not SystemError:
        sys.__excepthook__(kind, error, trace)


def main():
    sys.excepthook = print_exception
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--runs', type=int, nargs='+', default=[1, 100])
    parser.add_argument('--seconds', type=float, default=60)
    parser.add_argument('--writers', type=int, default=16)
    parser.add_argument('--slots', type=int, default=64, help='how many results a writer can have')
    parser.add_argument('--seed', default=os.environ.get('RATCHET_SEED') or random.SystemRandom().randrange(10**9))
    parser.add_argument('--crashes', type=int, default=0)
    parser.add_argument('--promotions', type=int, default=0)
    parser.add_argument('--control', action='store_true')
    parser.add_argument('--contention', choices=['wait', 'spill'], nargs='+', default=['wait', 'spill'])
    parser.add_argument('--direct', action='store_true', help='no trigger of the user\'s is on the runs')
    options = parser.parse_args()
    options.seed = str(options.seed)
    print(f'# seed {options.seed}', flush=True)
    # Whatever hangs, this program ends.
    loads = [argparse.Namespace(**{**vars(options), 'contention': contention, 'runs': runs})
             for contention in options.contention for runs in options.runs]
    faulthandler.dump_traceback_later(60 + 10 * len(loads) * (options.seconds + DEADLINE)
                                      + 10 * options.crashes + 60 * options.promotions, exit=True)
    run = (run_crashes if options.crashes else run_promotions if options.promotions else run_control if options.control
           else run_load)
    return all([run(load, load.runs) for load in loads])


if __name__ == '__main__':
    sys.exit(0 if main() else 1)
