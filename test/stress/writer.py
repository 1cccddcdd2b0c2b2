"""One of the writers of counters.py: its own results, and all the ways to write them.

Each writer owns a range of results.id, so it knows what its part of the table must be, and no two writers ever want the
same result: they meet at the runs only. So every deadlock and every wrong count is the counters'.

What follows a flush in the same transaction is nothing, or a rollback to a savepoint before it. A transaction that holds
one run and goes on to write results of another can deadlock; this load is of transactions that flush last.
"""

import collections
import io
import json
import random
import time

import psycopg2

DEADLINE = 60  # seconds that a single statement, or the server's recovery, may take; reached only when something hangs
CANCELLED, LOCK_TIMEOUT, TERMINATED, SERIALIZATION, DEADLOCK = '57014', '55P03', '57P01', '40001', '40P01'
CRASHED = ('57P02', '57P03')  # crash_shutdown, cannot_connect_now

Row = collections.namedtuple('Row', 'run correct score')


def connect(name, **where):
    # A deadlock is to be seen before a timeout or a cancellation dissolves it.
    connection = psycopg2.connect(application_name=name, options=f'-c statement_timeout={DEADLINE}s '
                                                                 '-c deadlock_timeout=10ms -c client_min_messages=error', **where)
    connection.autocommit = True  # BEGIN and COMMIT are statements like the others here
    return connection


class Writer:
    def __init__(self, load, number):
        self.load = load
        self.number = number
        self.random = random.Random(f'{load.seed}/{number}')
        self.ids = range(number * load.slots, (number + 1) * load.slots)
        self.rows = {}  # as committed: id -> Row
        self.plan = {}  # what fill() has to add: id -> run
        self.isolation = None
        self.preparing = False
        self.crashed = False
        self.forgets = False
        self.doing = []
        self.counts = collections.Counter()
        self.connection = connect(f'writer {number}')

    # -- statements ----------------------------------------------------------------------------------------------------

    def execute(self, sql, parameters=None):
        with self.connection.cursor() as cursor:
            cursor.execute(sql, parameters)
            self.tag = cursor.statusmessage
            return cursor.fetchall() if cursor.description else cursor.rowcount

    def check(self, actual, expected, what):
        if actual != expected:
            self.load.fail(f'writer {self.number}: {what}: {actual!r}, expected {expected!r}')

    def excuse(self, error):
        """Names the reason of an error that the load itself brings about; any other is a failure."""
        message = str(error).strip()
        if error.pgcode == CANCELLED:
            if 'due to statement timeout' not in message:
                return 'cancelled'
            if self.limited:
                return 'statement_timeout'
        elif error.pgcode == LOCK_TIMEOUT and self.limited:
            return 'lock_timeout'
        elif error.pgcode == SERIALIZATION and self.may_conflict():
            return 'serialization'
        elif error.pgcode == SERIALIZATION and self.preparing and (self.load.mixed or not self.load.spills):
            return 'busy at PREPARE'
        elif error.pgcode == TERMINATED or (error.pgcode is None and self.connection.closed):
            return 'terminated'
        elif error.pgcode in CRASHED and self.load.may_crash:
            return 'crashed'
        elif error.pgcode == DEADLOCK:
            self.counts['deadlocks'] += 1
            if self.load.control:
                return 'deadlock'
        self.load.fail(f'writer {self.number}: {error.pgcode}: {message}')
        return 'unexpected'

    def may_conflict(self):
        """Writers share nothing but runs. Where counts spill, no count asks for a run's newest version."""
        if self.isolation == 'REPEATABLE READ' and self.load.spills and not self.load.mixed:
            return 'save of a run' in self.doing
        return self.isolation != 'READ COMMITTED'

    # -- transactions --------------------------------------------------------------------------------------------------

    def transaction(self, work):
        """Runs work() in a transaction that may be cancelled anywhere. Afterwards self.rows is what was committed."""
        self.images = [self.rows]  # what the table may be afterwards
        self.now = dict(self.rows)
        self.doing = []
        self.limited = False
        self.preparing = False
        self.isolation = self.random.choices(['READ COMMITTED', 'REPEATABLE READ', 'SERIALIZABLE'],
                                             [75, 17, 8] if self.load.spills else [88, 8, 4])[0]
        try:
            self.execute(f'BEGIN ISOLATION LEVEL {self.isolation}')
            self.limit()
            work()
            self.end()
        except psycopg2.Error as error:
            self.counts[self.excuse(error)] += 1
            self.recover()

    def limit(self):
        chance = self.random.random()
        if chance < 0.3:
            name = 'statement_timeout' if chance < 0.15 else 'lock_timeout'
            self.execute(f'SET LOCAL {name} = {self.random.randint(1, 30)}')
            self.limited = True

    def end(self):
        # A crash shall find transactions that are prepared.
        how = self.random.choices(['commit', 'rollback', 'flush', 'immediate', 'prepare'],
                                  [80, 8, 4, 4, 30 if self.load.may_crash else 4])[0]
        if how == 'rollback':
            self.execute('ROLLBACK')
            self.counts['rolled back'] += 1
            return
        if how == 'flush' and not self.load.control:
            self.execute('SELECT ratchet.flush()')
        elif how == 'immediate':
            self.execute('SET CONSTRAINTS ALL IMMEDIATE')
        self.images.append(self.now)
        if how == 'prepare':
            self.preparing = True
            self.execute(f"PREPARE TRANSACTION 'writer {self.number}'")
            self.settle()
        else:
            self.execute('COMMIT')
            self.check(self.tag, 'COMMIT', 'COMMIT')
            self.rows = self.now
        self.counts['committed'] += 1
        self.counts[how] += 1
        self.counts.update(self.doing)

    def settle(self):
        """Decides on what was prepared, if anything was, and looks."""
        if self.execute('SELECT 1 FROM pg_prepared_xacts WHERE gid = %s', [f'writer {self.number}']):
            self.execute(f"{self.random.choice(['COMMIT', 'ROLLBACK'])} PREPARED 'writer {self.number}'")
        rows = {row[0]: Row(*row[1:]) for row in self.execute(
            'SELECT id, run_id, is_correct, score FROM results WHERE id BETWEEN %s AND %s',
            [self.ids[0], self.ids[-1]])}
        if rows not in self.images and not self.forgets:
            self.load.fail(f'writer {self.number}: its results are neither as before a transaction nor as after it')
        self.rows = rows
        self.images = [rows]

    def rejoin(self, forgets=False):
        """After a crash, in a transaction or between two. forgets: what was committed last may be lost."""
        if not self.crashed:
            self.images = [self.rows]
        self.crashed = False
        self.forgets = forgets
        self.recover()
        self.forgets = False

    def recover(self):
        """After an error: what is left of the transaction is rolled back, or known to be committed."""
        deadline = time.monotonic() + DEADLINE
        while True:
            try:
                if self.connection.closed:
                    self.connection = connect(f'writer {self.number}')
                self.limited = False
                self.execute('ROLLBACK')
                self.settle()
                return
            except psycopg2.Error as error:
                # A connection that could not be made has no code, and it is the old one that is closed.
                self.excuse(error)
                if self.load.may_crash and self.connection.closed and not self.load.is_over:
                    # What is left of the transaction waits for rejoin(), so that others see it as the crash has left it.
                    self.crashed = True
                    self.load.stopping.set()
                    return
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.01)

    # -- what a transaction does ---------------------------------------------------------------------------------------

    def some(self, ids, most):
        ids = list(ids)
        return self.random.sample(ids, min(len(ids), self.random.randint(1, most)))

    def taken(self, most):
        return self.some((id for id in self.ids if id in self.now), most)

    def new_rows(self, most):
        free = self.some((id for id in self.ids if id not in self.now), most)
        return {id: self.row(self.random.choice(self.load.runs)) for id in free}

    def row(self, run):
        return Row(run, self.random.choice([True, False, None]), self.random.randint(-5, 100))

    def values(self, rows):
        with self.connection.cursor() as cursor:
            return b', '.join(cursor.mogrify('(%s, %s::int, %s::boolean, %s)', [id, *row])
                              for id, row in rows.items()).decode()

    def insert(self, rows):
        count = self.execute(f'INSERT INTO results (id, run_id, is_correct, score) VALUES {self.values(rows)}')
        self.check(count, len(rows), 'INSERT')
        self.now.update(rows)

    def copy(self, rows):
        lines = ''.join('\t'.join('\\N' if value is None else str(value) for value in (id, *row)) + '\n'
                        for id, row in rows.items())
        with self.connection.cursor() as cursor:
            cursor.copy_expert('COPY results (id, run_id, is_correct, score) FROM STDIN', io.StringIO(lines))
        self.now.update(rows)

    def batch(self, rows, flush=False):
        """With records that are stored already, and records that the batch repeats."""
        records = list(rows.items())
        known = [(id, self.now[id]) for id in self.taken(2)] if self.random.random() < 0.5 else []
        repeated = [(id, self.row(run)) for id, (run, _, _) in records if self.random.random() < 0.1]
        records = self.random.sample(records + known, len(records) + len(known)) + repeated
        first = {}
        duplicates = []
        for index, (id, _) in enumerate(records):
            if id in self.now or id in first:
                duplicates.append([index, first.get(id)])
            else:
                first[id] = index
        answer, inserted, told, progress = self.execute(
            'SELECT outcome, inserted, duplicates, progress FROM ratchet.submit_batch(%s, %s, flush => %s)',
            ['results', json.dumps(
                [{'id': id, 'run_id': row.run, 'is_correct': row.correct, 'score': row.score} for id, row in records]),
                flush])[0]
        expected = 'stored' if not duplicates else 'partial' if rows else 'duplicates'
        self.check((answer, inserted), (expected, len(rows)), 'submit_batch')
        self.check([[d['index'], d['same_as']] for d in told], duplicates, 'duplicates of submit_batch')
        self.now.update(rows)
        if flush:
            seen = {o['key']['id']: o['columns']['evaluated_count'] for o in progress}
            runs = {row.run for row in rows.values() if row.run is not None}
            self.check(runs <= set(seen), True, f'progress of {runs} in {seen}')
            # What has spilled holds no run, so the next statement may see what others have added meanwhile.
            if self.load.spills:
                return
            stored = self.execute('SELECT id, evaluated_count FROM runs WHERE id = ANY (%s)', [list(seen)])
            self.check(seen, dict(stored), 'progress of submit_batch')

    def upsert(self):
        rows = self.new_rows(3)
        rows.update((id, self.row(self.now[id].run)) for id in self.taken(3))
        if rows:
            count = self.execute(
                f'INSERT INTO results (id, run_id, is_correct, score) VALUES {self.values(rows)}'
                ' ON CONFLICT (id) DO UPDATE SET is_correct = EXCLUDED.is_correct, score = EXCLUDED.score')
            self.check(count, len(rows), 'upsert')
            self.now.update(rows)

    def update(self):
        self.change({id: self.row(self.now[id].run) for id in self.taken(4)})

    def move(self):
        """To another run, or to none."""
        self.change({id: self.row(self.random.choice([None, *self.load.runs])) for id in self.taken(4)})

    def change(self, rows):
        if rows:
            count = self.execute(
                'UPDATE results SET run_id = v.run, is_correct = v.correct, score = v.score'
                f' FROM (VALUES {self.values(rows)}) v (id, run, correct, score) WHERE results.id = v.id')
            self.check(count, len(rows), 'UPDATE')
            self.now.update(rows)

    def delete(self):
        ids = self.taken(6)
        if ids:
            self.check(self.execute('DELETE FROM results WHERE id = ANY (%s)', [ids]), len(ids), 'DELETE')
            for id in ids:
                del self.now[id]

    def add(self, rows, last=False):
        """Stores new rows in one of the ways there are."""
        ways = ['insert', 'copy'] if self.load.control else ['insert', 'copy', 'batch', 'batch']
        way = self.random.choice(ways)
        if way == 'batch':
            flush = last and self.random.random() < 0.5
            self.batch(rows, flush)
            way = 'batch, flushed' if flush else way
        else:
            getattr(self, way)(rows)
        self.doing.append(way)

    def savepoint(self, work):
        """work() in a subtransaction: kept, rolled back, or rolled back after its counts were written."""
        how = self.random.choice(['released', 'rolled back to', 'rolled back to, flushed'])
        before = dict(self.now)
        self.execute('SAVEPOINT s')
        work()
        if how == 'released':
            self.execute('RELEASE s')
        else:
            if how == 'rolled back to, flushed':
                self.execute('SET CONSTRAINTS ALL IMMEDIATE')
            self.execute('ROLLBACK TO s')
            self.now = before
        self.doing.append(how)

    # -- the phases ----------------------------------------------------------------------------------------------------

    def churn(self):
        """One transaction of the mixture, or a save of a run."""
        if self.random.random() < 0.08 and not self.load.control:
            self.transaction(self.save_run)
        else:
            self.transaction(self.mix)

    def mix(self):
        for _ in range(self.random.randint(1, 3)):
            if self.random.random() < 0.25:
                self.savepoint(self.one)
            else:
                self.one()
        if self.random.random() < 0.2:
            rows = self.new_rows(5)
            if rows:
                self.add(rows, last=True)

    def one(self):
        # The fuller the range the likelier a DELETE, so that the counts go up and down.
        full = len(self.now) / len(self.ids)
        weights = {'add': 2 * (1 - full), 'upsert': 0.3, 'update': 0.5, 'move': 0.5, 'delete': full}
        what = self.random.choices(list(weights), list(weights.values()))[0]
        if what == 'add':
            rows = self.new_rows(5)
            if rows:
                self.add(rows)
        else:
            getattr(self, what)()
            self.doing.append(what)

    def save_run(self):
        """As an ORM saves a row that it has read a while ago: every column, and a total that is near what is there."""
        run = self.random.choice(self.load.runs)
        # Where a migration renames incorrect_count, an ORM of before would not find it.
        columns = 'evaluated_count, correct_count, score_total, is_completed, completed_at'
        columns += '' if self.load.mixed else ', incorrect_count'
        stale = self.execute(f'SELECT {columns} FROM runs WHERE id = %s', [run])[0]
        total = self.random.choice([None, 0] + 6 * [stale[0] + self.random.randint(-3, 3)])
        self.doing.append('save of a run')
        count = self.execute(
            f'UPDATE runs SET (note, total, {columns}) = (%s, %s{", %s" * len(stale)}) WHERE id = %s',
            [f'saved by {self.number}', total, *stale, run])
        self.check(count, 1, 'save of a run')

    def fill(self):
        """Adds what is missing of the plan and nothing else; False when nothing is."""
        if self.plan.keys() <= self.rows.keys():
            return False
        self.transaction(self.add_planned)
        return True

    def add_planned(self):
        def rows():
            missing = [id for id in self.plan if id not in self.now]
            return {id: self.row(self.plan[id]) for id in self.some(missing, 3)}

        if self.random.random() < 0.3:
            self.savepoint(lambda: self.add(rows()))
        left = rows()
        if left:
            self.add(left, last=True)
