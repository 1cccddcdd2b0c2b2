"""The workers and the sweepers of claims.py, and the same two in plain SQL.

A worker reads which jobs are queued, claims one, reports what it does, and finishes it. Now and then it stalls until its
job was taken away, and goes on as if nothing had happened; or the connection breaks before or after its COMMIT is sent,
so that it asks again with the same key and the same expectation. Whatever it is told about a claim or a finish it notes.
"""

import collections
import json
import os
import random
import struct
import time
import uuid

import psycopg2
import psycopg2.extras
from writer import DEADLINE, DEADLOCK, connect

SILENCE = '100 ms'  # after so long without a sign of life a job is taken away
STALE = '23R04'
SUCCESSES = ('advanced', 'replayed')

Answer = collections.namedtuple('Answer', 'worker job_id state seen lease request lost outcome')
COLUMNS = ('id', 'status', 'lease', 'worker', 'request', 'heartbeat_at', 'progress', 'result', 'note')


class Session:
    """A connection that says who writes, and for which lease."""

    def __init__(self, load, name):
        self.load = load
        self.name = name
        self.lease = 0
        self.random = random.Random(f'{load.seed}/{name}')
        self.counts = collections.Counter()
        self.connect()

    def connect(self):
        self.connection = connect(self.name)
        self.take(self.lease)

    def take(self, lease):
        self.lease = lease
        self.execute("SELECT set_config('claims.lease', %s, false)", [str(lease)])

    def take_new(self):
        self.take(self.execute("SELECT nextval('leases')")[0][0])

    def execute(self, sql, parameters=None):
        with self.connection.cursor() as cursor:
            cursor.execute(sql, parameters)
            return cursor.fetchall() if cursor.description else cursor.rowcount

    def ask(self, sql, parameters=None):
        return self.execute(sql, parameters)[0][0]

    def lose(self, committing):
        """The connection breaks: nobody ever reads what the server answers to this COMMIT."""
        if committing:
            os.write(self.connection.fileno(), b'Q' + struct.pack('!I', 11) + b'COMMIT\0')
        self.connection.close()
        self.connect()


class Worker(Session):
    def __init__(self, load, number):
        super().__init__(load, f'worker {number}')
        self.answers = []

    def step(self):
        """One job, or none where none is queued; False when all are done."""
        queued = self.execute("SELECT id, lease FROM jobs WHERE status = 'queued' ORDER BY id LIMIT 3")
        if not queued:
            time.sleep(0.002)
            return not self.load.all_done()
        job, seen = self.random.choice(queued)
        if self.claim(job, seen):
            self.work(job)
        return True

    def work(self, job):
        reports = self.random.randint(0, 3)
        stalling = self.random.randint(0, reports) if self.random.random() < 0.15 else None
        for number in range(reports + 1):
            if number == stalling:
                self.stall(job)
            if number < reports and not self.report(job, 10 * number) and stalling is None:
                self.counts['displaced'] += 1
                return
        self.finish(job)

    def stall(self, job):
        """Until the job is somebody else's, or nobody's."""
        self.counts['stalled'] += 1
        end = time.monotonic() + DEADLINE
        while self.execute('SELECT lease, worker FROM jobs WHERE id = %s', [job])[0] == (self.lease, self.name):
            if time.monotonic() > end:
                self.load.fail(f'{self.name}: nobody has taken job {job} away')
                return
            time.sleep(0.01)

    def call(self, job, state, seen, request, perform):
        """perform() answers the outcome of a move; asked again where the answer was lost. Notes what it was in the end."""
        lost = self.random.choices([None, 'after', 'before'], [80, 14, 6])[0]
        if lost:
            self.execute('BEGIN')
            perform()
            self.lose(committing=lost == 'after')
            self.counts[f'lost {lost} COMMIT'] += 1
        outcome = perform()
        self.counts[f'{state}: {outcome}'] += 1
        self.answers.append(Answer(self.name, job, state, seen, self.lease, request, lost, outcome))
        return outcome in SUCCESSES

    # -- with ratchet --------------------------------------------------------------------------------------------------

    def claim(self, job, seen):
        self.take_new()
        request = self.key()
        expect = json.dumps({'lease': seen}) if self.random.random() < 0.5 else None
        patch = json.dumps({'lease': self.lease, 'worker': self.name, 'progress': 0})
        if not self.call(job, 'running', seen, request, lambda: self.ask(
                "SELECT outcome FROM ratchet.advance('jobs', %s, 'running', %s, expect => %s, idempotency_key => %s::uuid)",
                [job, patch, expect, request])):
            return False
        self.copy = self.execute('SELECT * FROM jobs WHERE id = %s', [job])[0]
        return True

    def key(self):
        return str(uuid.UUID(int=self.random.getrandbits(128))) if self.random.random() < 0.6 else None

    def report(self, job, progress):
        """In one of the ways there are; answers whether the job is still this worker's."""
        way = self.random.choices(['beat', 'beat, expecting', 'update', 'save', 'beat, awaited'], [4, 4, 4, 4, 1])[0]
        self.counts[way] += 1
        patch = json.dumps({'lease': self.lease, 'progress': progress})
        if way == 'beat, awaited':
            return self.beat_awaited(job, patch)
        if way == 'save':
            return self.save_copy(status='running', lease=self.lease, worker=self.name, progress=progress)
        if way == 'beat':
            outcome = self.ask("SELECT outcome FROM ratchet.beat('jobs', %s, %s)", [job, patch])
        elif way == 'beat, expecting':
            outcome = self.ask("SELECT outcome FROM ratchet.beat('jobs', %s, expect => %s)",
                               [job, json.dumps({'lease': self.lease})])
        else:
            outcome = self.ask("SELECT outcome FROM ratchet.update('jobs', %s, %s)", [job, patch])
        self.counts[f'{way}: {outcome}'] += 1
        return outcome in ('alive', 'updated', 'unchanged')

    def beat_awaited(self, job, patch):
        """A sign of life that a sweeper finds on its way, because it is committed when one waits for the job."""
        self.execute('BEGIN')
        outcome = self.ask("SELECT outcome FROM ratchet.beat('jobs', %s, %s)", [job, patch])
        end = time.monotonic() + DEADLINE
        while outcome == 'alive' and time.monotonic() < end and not self.load.all_done() and not self.ask(
                'SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND transactionid = pg_current_xact_id()::xid)'):
            time.sleep(0.005)
        self.execute('COMMIT')
        self.counts[f'beat, awaited: {outcome}'] += 1
        return outcome == 'alive'

    def save_copy(self, **values):
        """As an ORM saves a row that it has read a while ago: every column."""
        self.copy = tuple({**dict(zip(COLUMNS, self.copy)), **values}.values())
        try:
            self.execute(f'UPDATE jobs SET ({", ".join(COLUMNS)}) = ({", ".join(["%s"] * len(COLUMNS))}) WHERE id = %s',
                         [*self.copy, self.copy[0]])
            return True
        except psycopg2.Error as error:
            if error.pgcode != STALE:
                raise
            self.counts['save: stale'] += 1
            return False

    def finish(self, job):
        request = self.key()
        patch = json.dumps({'lease': self.lease, 'result': f'{self.name}, {self.lease}'})
        record = json.dumps({'worker': self.name, 'lease': self.lease})
        self.call(job, 'done', self.lease, request, lambda: self.ask(
            "SELECT outcome FROM ratchet.advance('jobs', %s, 'done', %s, 'results', %s, %s, idempotency_key => %s::uuid)",
            [job, patch, record, json.dumps({'worker': self.name}), request]))


class PlainWorker(Worker):
    """Reads, decides, and saves the whole row."""

    def claim(self, job, seen):
        def perform():
            self.copy = self.execute('SELECT * FROM jobs WHERE id = %s', [job])[0]
            now = dict(zip(COLUMNS, self.copy))
            if now['status'] != 'queued':
                return 'already_there'
            self.take(now['lease'] + 1)
            self.save_copy(status='running', lease=self.lease, worker=self.name, progress=0,
                           heartbeat_at=self.ask('SELECT clock_timestamp()'))
            return 'advanced'

        return self.call(job, 'running', seen, None, perform)

    def report(self, job, progress):
        return self.save_copy(progress=progress, heartbeat_at=self.ask('SELECT clock_timestamp()'))

    def finish(self, job):
        def perform():
            self.save_copy(status='done', result=f'{self.name}, {self.lease}')
            self.execute('INSERT INTO results (job_id, worker, lease) VALUES (%s, %s, %s)', [job, self.name, self.lease])
            return 'advanced'

        self.call(job, 'done', self.lease, None, perform)


class Sweeper(Session):
    """Takes jobs away whose workers show no sign of life, in the two ways there are, and queues them again."""

    def __init__(self, load, number):
        super().__init__(load, f'sweeper {number}')
        self.composed = number > 0

    def step(self):
        self.take_new()
        patch = json.dumps({'lease': self.lease, 'worker': None})
        if self.composed:
            # Two of these at once: in the order of the key, because a row that was waited for stays locked, moved or not.
            for outcome, in self.execute("""
                    SELECT a.outcome FROM (SELECT * FROM ratchet.stuck('jobs', %s) ORDER BY key::int) s,
                        LATERAL ratchet.advance('jobs', s.key, 'failed', %s, expect => s.expect) a""", [SILENCE, patch]):
                self.counts[f'stuck() and advance(): {outcome}'] += 1
            self.counts['queued again'] += len(self.execute(
                "SELECT key FROM ratchet.sweep('jobs', '0', 'queued', state => 'failed', patch => %s)", [patch]))
        else:
            self.counts['sweep()'] += len(self.execute(
                "SELECT key FROM ratchet.sweep('jobs', %s, 'queued', patch => %s)", [SILENCE, patch]))


class PlainSweeper(Sweeper):
    def step(self):
        stuck = self.execute("SELECT * FROM jobs WHERE status = 'running' AND heartbeat_at < now() - %s::interval", [SILENCE])
        for row in stuck:
            self.copy = row
            self.take(dict(zip(COLUMNS, row))['lease'])
            Worker.save_copy(self, status='queued', worker=None)
            self.counts['swept'] += 1


class Mover(Session):
    """Two counted moves a transaction, of items of its own, whose batches it takes in any order."""

    def __init__(self, load, number):
        super().__init__(load, f'mover {number}')
        self.done = {number * load.batches + batch: False for batch in range(load.batches)}

    def step(self):
        chosen = self.random.sample(sorted(self.done), 2)
        try:
            self.execute('BEGIN')
            for item in chosen:
                self.move(item, 'open' if self.done[item] else 'done')
            self.execute('COMMIT')
        except psycopg2.Error as error:
            if error.pgcode != DEADLOCK:
                raise
            self.counts['deadlocks'] += 1
            self.execute('ROLLBACK')
            return
        self.counts['moves'] += 1
        for item in chosen:
            self.done[item] = not self.done[item]

    def move(self, item, state):
        outcome = self.ask("SELECT outcome FROM ratchet.advance('items', %s, %s)", [item, state])
        if outcome != 'advanced':
            self.load.fail(f'{self.name}: item {item} to {state}: {outcome}')


class PlainMover(Mover):
    def move(self, item, state):
        self.execute('UPDATE items SET status = %s WHERE id = %s', [state, item])
        self.execute('UPDATE batches SET done_count = done_count + %s WHERE id = (SELECT batch_id FROM items WHERE id = %s)',
                     [1 if state == 'done' else -1, item])
