"""Jobs that are claimed, lost, taken away and finished under load, and what everybody was told against what happened.

Workers (claimant.py) take two hundred jobs among them while sweepers take away what shows no sign of life; round after
round. Then every version that a trigger has seen of every job, and every answer that a worker was given, is judged. The
second load makes two counted moves a transaction in any order, and must not deadlock.

With --plain the same workers and sweepers read, decide and save whole rows, and counts are added by hand: the same
checks must find every kind of damage, or they would prove nothing.

The server is the one that the environment names. The exit status is 0 when all is well. What is random comes from the
seed; who is faster does not.
"""

import argparse
import collections
import faulthandler
import os
import random
import sys
import threading
import time

import psycopg2.extras
from claimant import (SILENCE, SUCCESSES, Answer, Mover, PlainMover, PlainSweeper, PlainWorker, Sweeper, Worker)
from load import LoadBase, tell
from writer import DEADLINE

CONTRACTS = """
    SELECT ratchet.guard('jobs', idempotency_key => 'request', fence => 'lease', heartbeat => 'heartbeat_at',
        alive => '{running}', frozen => '{result}',
        states => '{"status": {"queued": ["running"], "running": ["done", "failed", "queued"], "failed": ["queued"], "done": []}}');
    SELECT ratchet.guard('items', states => '{"status": {"open": ["done"], "done": ["open"]}}');
    SELECT ratchet.tally('items', 'batches', '{"done_count": "status = ''done''"}')"""

SUCCESS = f'outcome IN {SUCCESSES}'
# Each must find no rows once all jobs of a round are done.
CHECKS = {
    'every job is done once': """
        SELECT j.id, count(h.number) FROM jobs j LEFT JOIN history h ON h.job_id = j.id AND h.status = 'done' AND h.was <> 'done'
        GROUP BY j.id HAVING count(h.number) <> 1""",
    'nothing is written to a job that is done': "SELECT * FROM history WHERE was = 'done'",
    'a job has one result': """
        SELECT j.id, count(r.id) FROM jobs j LEFT JOIN results r ON r.job_id = j.id GROUP BY j.id HAVING count(r.id) <> 1""",
    'the result that stands is that of the one worker that was told so': f"""
        SELECT j.id, a.worker, a.lease, j.result FROM answers a JOIN jobs j ON j.id = a.job_id
        WHERE a.state = 'done' AND {SUCCESS} AND (j.status, j.lease, j.result, j.worker)
              IS DISTINCT FROM ('done', a.lease, a.worker || ', ' || a.lease, a.worker)""",
    'who was displaced never writes again': """
        SELECT * FROM history h WHERE writer_lease <> lease OR lease < lease_before
            OR EXISTS (SELECT FROM history b WHERE b.job_id = h.job_id AND b.number < h.number AND b.lease > h.writer_lease)""",
    'a lease has one holder': """
        SELECT job_id, writer_lease, array_agg(DISTINCT writer) FROM history WHERE writer LIKE 'worker %'
        GROUP BY job_id, writer_lease HAVING count(DISTINCT writer) > 1""",
    'a job is claimed by one worker at a time':
        "SELECT * FROM history WHERE was = 'running' AND status = 'running' AND lease <> lease_before",
    'only what shows no sign of life is taken away': f"""
        SELECT * FROM history WHERE writer LIKE 'sweeper %' AND was = 'running' AND silence < '{SILENCE}'""",
    'what is advanced or replayed has happened, once': f"""
        SELECT a.*, n.count FROM answers a, LATERAL (
            SELECT count(*) FROM history h WHERE h.job_id = a.job_id AND h.writer = a.worker AND h.writer_lease = a.lease
                AND h.status = a.state AND h.was <> a.state AND h.request IS NOT DISTINCT FROM coalesce(a.request, h.request)) n
        WHERE {SUCCESS} AND n.count <> 1""",
    'who is told already_there has lost to somebody': """
        SELECT * FROM answers a WHERE outcome = 'already_there' AND NOT EXISTS (
            SELECT FROM history h WHERE h.job_id = a.job_id AND h.status = a.state
                AND (h.writer <> a.worker OR a.lost = 'after' AND a.request IS NULL))""",
    'who is told stale was overtaken': """
        SELECT * FROM answers a WHERE outcome = 'stale' AND NOT EXISTS (
            SELECT FROM history h WHERE h.job_id = a.job_id AND h.lease > a.seen)""",
    # Without a key, a repetition cannot be told from somebody else's call; and a row keeps the last key that it was given.
    'who has moved a job was told so, unless the answer was lost and there was no key or another one came': f"""
        SELECT * FROM history h WHERE h.writer LIKE 'worker %' AND h.status <> h.was AND NOT EXISTS (
            SELECT FROM answers a WHERE a.job_id = h.job_id AND a.worker = h.writer AND a.lease = h.writer_lease
                AND a.state = h.status AND ({SUCCESS} OR a.lost = 'after' AND (a.request IS NULL OR EXISTS (
                    SELECT FROM history n WHERE n.job_id = h.job_id AND n.number > h.number AND n.lease > h.lease))))""",
}
# What the control finds; the others are of calls that plain SQL does not have.
DAMAGES = ['every job is done once', 'nothing is written to a job that is done', 'a job has one result',
           'the result that stands is that of the one worker that was told so', 'who was displaced never writes again',
           'a lease has one holder', 'only what shows no sign of life is taken away']
MOVED = {
    'the counts of moves are right': """
        SELECT * FROM batches b WHERE done_count <> (SELECT count(*) FROM items WHERE batch_id = b.id AND status = 'done')""",
    'the counts of moves are right, says verify()': 'SELECT * FROM ratchet.verify()',
}
KINDS = ['running: advanced', 'running: replayed', 'running: already_there', 'running: stale', 'done: advanced',
         'done: replayed', 'done: stale', 'lost after COMMIT', 'lost before COMMIT', 'stalled', 'beat: alive', 'beat: stale',
         'beat, expecting: alive', 'beat, expecting: stale', 'beat, awaited: alive', 'update: updated', 'update: stale',
         'save', 'save: stale', 'sweep()', 'stuck() and advance(): advanced', 'stuck() and advance(): stale', 'queued again']


class Load(LoadBase):
    def __init__(self, options):
        self.seed = options.seed
        self.plain = options.plain
        self.jobs = options.jobs
        self.batches = 4
        self.stopping = threading.Event()
        self.rounds = 0
        super().__init__('claims', 'claims.sql')
        self.ask('INSERT INTO batches SELECT generate_series(0, %s)', [self.batches - 1])
        self.ask('INSERT INTO items SELECT i, i %% %s FROM generate_series(0, %s) i',
                 [self.batches, self.batches * options.workers - 1])
        if not self.plain:
            self.ask(CONTRACTS)
        worker, sweeper, mover = (PlainWorker, PlainSweeper, PlainMover) if self.plain else (Worker, Sweeper, Mover)
        self.workers = [worker(self, number) for number in range(options.workers)]
        self.sweepers = [sweeper(self, number) for number in range(3)]
        self.movers = [mover(self, number) for number in range(options.workers)]

    def counts(self):
        counts = collections.Counter()
        for session in self.workers + self.sweepers + self.movers:
            counts.update(session.counts)
        return counts

    def all_done(self):
        return self.finished.is_set()

    # -- the phases ----------------------------------------------------------------------------------------------------

    def repeat(self, session):
        try:
            while not self.stopping.is_set() and session.step() is not False:
                pass
        except Exception as error:  # handed over to the main thread
            self.fail(f'{session.name}: {error!r}')
            raise

    def phase(self, sessions, beside=(), look=lambda: False):
        """All do step() over and over, until look() is true; those beside them until the others have ended."""
        self.stopping.clear()
        threads = [threading.Thread(target=self.repeat, args=(session,), daemon=True) for session in (*sessions, *beside)]
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads[:len(sessions)]):
            if look() or self.failures['nothing unexpected happens']:
                self.stopping.set()
            time.sleep(0.01)
        self.stopping.set()
        for thread in threads:
            thread.join()

    def take_round(self):
        """All jobs from queued to done, as far as they come, and what was done and told judged."""
        self.finished = threading.Event()
        self.ask('TRUNCATE jobs, results, history, answers RESTART IDENTITY')
        self.ask('INSERT INTO jobs (id) SELECT generate_series(1, %s)', [self.jobs])
        latest = time.monotonic() + DEADLINE

        def look():
            if not self.ask("SELECT 1 FROM jobs WHERE status <> 'done' LIMIT 1"):
                self.finished.set()
            # Where jobs are reopened for ever, a round of the control has an end nevertheless.
            return time.monotonic() > latest

        self.phase(self.workers, self.sweepers, look)
        if not self.finished.is_set() and not self.plain:
            self.fail(f"not done: {self.ask('SELECT id, status FROM jobs WHERE status <> %s', ['done'])}")
        with self.admin.cursor() as cursor:
            psycopg2.extras.execute_values(cursor, f'INSERT INTO answers ({", ".join(Answer._fields)}) VALUES %s',
                                           [answer for worker in self.workers for answer in worker.answers])
        for worker in self.workers:
            worker.answers.clear()
        self.check(CHECKS)
        self.rounds += 1

    def check(self, checks):
        for name, sql in checks.items():
            for row in self.ask(sql):
                self.fail(row, name)

    def move_for(self, seconds):
        end = time.monotonic() + seconds
        self.phase(self.movers, look=lambda: time.monotonic() > end)
        self.check({'the counts of moves are right': MOVED['the counts of moves are right']} if self.plain else MOVED)

    def deadlocks(self, log):
        """What the server says of them: its statistics and its log."""
        counted = self.count_deadlocks(self.workers + self.sweepers + self.movers, '^(worker|sweeper|mover) ')
        return counted, log.count('deadlock detected')


class Log:
    """What the server has logged since this program began."""

    def __init__(self, name):
        self.name = name
        self.start = os.path.getsize(name)

    def count(self, text):
        with open(self.name, encoding='utf-8', errors='replace') as log:
            log.seek(self.start)
            return sum(text in line for line in log)


def describe(load):
    counts = sorted(load.counts().items())
    print('# ' + ', '.join([f'{load.rounds} rounds of {load.jobs} jobs'] + [f'{count} {kind}' for kind, count in counts]))


def run_load(options, log):
    """Rounds for so many seconds, longer where not everything has happened yet; then moves for a quarter of that."""
    load = Load(options)
    end = time.monotonic() + options.seconds
    latest = end + 5 * options.seconds + DEADLINE
    while not any(load.failures.values()) and time.monotonic() < latest:
        load.take_round()
        if time.monotonic() > end and all(load.counts()[kind] for kind in KINDS):
            break
    load.move_for(options.seconds / 4)
    counts = load.counts()
    counted, logged = load.deadlocks(log)
    if counted or logged or counts['deadlocks']:
        load.fail(f'{counted} in pg_stat_database, {logged} in the log, {counts["deadlocks"]} told to movers', 'no deadlocks')
    for kind in KINDS + ['moves']:
        if not counts[kind]:
            load.fail(f'no "{kind}"', 'everything has happened')
    describe(load)
    names = [*CHECKS, *MOVED, 'nothing unexpected happens', 'no deadlocks', 'everything has happened']
    what = f'{options.workers} workers, {options.jobs} jobs'
    return all([tell(not load.failures[name], f'{what}: {name}', load.failures[name]) for name in names])


def run_plain(options, log):
    """Until every kind of damage was done."""
    load = Load(options)
    latest = time.monotonic() + options.seconds + DEADLINE
    end = time.monotonic() + options.seconds
    while time.monotonic() < latest and not load.failures['nothing unexpected happens']:
        load.take_round()
        if time.monotonic() > end and all(load.failures[name] for name in DAMAGES):
            break
    load.move_for(options.seconds / 4)
    counted, logged = load.deadlocks(log)
    describe(load)
    found = [tell(load.failures[name], f'plain SQL, violated {len(load.failures[name])} times: {name}') for name in DAMAGES]
    found.append(tell(counted and logged, f'plain SQL, {counted} deadlocks, {logged} in the log: no deadlocks'))
    problems = load.failures['nothing unexpected happens']
    return all(found + [tell(not problems, 'plain SQL: nothing unexpected happens', problems)])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--seconds', type=float, default=60)
    parser.add_argument('--workers', type=int, default=16)
    parser.add_argument('--jobs', type=int, default=200)
    parser.add_argument('--seed', default=os.environ.get('RATCHET_SEED') or random.SystemRandom().randrange(10**9))
    parser.add_argument('--log', default=os.path.join(os.environ.get('PGHOST', ''), 'log'), help="the server's log")
    parser.add_argument('--plain', action='store_true')
    options = parser.parse_args()
    options.seed = str(options.seed)
    print(f'# seed {options.seed}', flush=True)
    # Whatever hangs, this program ends.
    faulthandler.dump_traceback_later(60 + 10 * (options.seconds + DEADLINE), exit=True)
    return (run_plain if options.plain else run_load)(options, Log(options.log))


if __name__ == '__main__':
    sys.exit(0 if main() else 1)
