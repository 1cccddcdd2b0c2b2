"""Counted runs under load whose contract changes all the time.

The load is that of counters.py. Beside its writers a migrator declares that counts spill and that they wait, renames a
counter, takes another one into the contract and out of it; and others verify, repair, fold and look at health. None of it may
fail or be in anybody's way for longer than a transaction, nothing may drift in any snapshot, and each run that is filled
is completed exactly once, whatever its contract is at that moment.
"""

import argparse
import collections
import faulthandler
import json
import os
import random
import sys

from counters import Load, print_exception, run_load
from writer import DEADLINE, connect

# The table comes and goes, its columns change. A stable function sees what its caller sees.
SPILLED = """
ALTER TABLE runs ADD COLUMN high_count int NOT NULL DEFAULT 0;
CREATE FUNCTION spilled_now() RETURNS TABLE (id int, evaluated_count bigint, correct_count bigint, incorrect_count bigint,
    score_total bigint, high_count bigint) LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF to_regclass('public.runs_spilled') IS NOT NULL THEN
        RETURN QUERY EXECUTE 'SELECT (row->>''id'')::int, (row->>''evaluated_count'')::bigint,
            (row->>''correct_count'')::bigint, coalesce(row->>''incorrect_count'', row->>''incorrect_number'')::bigint,
            (row->>''score_total'')::bigint, (row->>''high_count'')::bigint
            FROM (SELECT to_jsonb(s) FROM public.runs_spilled s) s (row)';
    END IF;
END $$;
CREATE OR REPLACE VIEW spilled AS
    SELECT id, evaluated_count, correct_count, incorrect_count, score_total FROM public.spilled_now();
CREATE VIEW high_drift AS
    SELECT r.id, high_count, s.spilled, c.counted
    FROM runs r
    LEFT JOIN (SELECT id, sum(high_count) AS spilled FROM spilled_now() GROUP BY id) s USING (id)
    LEFT JOIN (SELECT run_id, count(*) AS counted FROM results WHERE score > 50 GROUP BY run_id) c ON c.run_id = r.id
    WHERE high_count + coalesce(s.spilled, 0) <> coalesce(c.counted, 0)"""
TALLY = """SELECT ratchet.tally('results', 'runs', %s, total => 'total', done => 'is_completed', done_at => 'completed_at',
    on_done => 'run_completed(int)', contention => %s, replace => %s)"""


class MixedLoad(Load):
    def __init__(self, options, runs):
        self.contention = 'wait'
        self.wrong = 'incorrect_count'  # its name now
        self.high = False  # whether high_count is counted
        self.done = collections.Counter()
        self.changes = collections.deque(maxlen=8)
        super().__init__(options, runs)
        self.ask(SPILLED)

    def others(self):
        return self.migrate, self.verify, self.repair, self.fold_now, self.look_at_health

    def look(self, cursor):
        # Which table there is, and which snapshot is taken, no migration may come between. No writer is kept out.
        cursor.execute('BEGIN')
        cursor.execute('LOCK TABLE runs IN SHARE UPDATE EXCLUSIVE MODE')
        super().look(cursor)
        cursor.execute("SELECT counters ? 'high_count' FROM ratchet.contract WHERE target = 'results'::regclass")
        if cursor.fetchone()[0]:
            cursor.execute('SELECT * FROM high_drift')
            for row in cursor.fetchall():
                self.fail(row, 'no drift in any snapshot meanwhile')
            self.done['looks at high_count'] += 1
        cursor.execute('COMMIT')

    def again(self, name, rate, step):
        """step(cursor) at random moments, in a session of its own."""
        chaos = random.Random(self.random.random())
        connection = connect(name)
        with connection.cursor() as cursor:
            while not self.stopping.wait(chaos.expovariate(rate)):
                step(cursor, chaos)
        connection.close()

    # -- beside the writers --------------------------------------------------------------------------------------------

    def declare(self, cursor, replace=False):
        counters = {'evaluated_count': 'true', 'correct_count': 'is_correct', self.wrong: 'NOT is_correct',
                    'score_total': 'sum(score)', **({'high_count': 'score > 50'} if self.high else {})}
        cursor.execute(TALLY, [json.dumps(counters), self.contention, replace])
        return cursor.fetchone()[0]

    def migrate(self):
        self.again('migrator', 6, self.change)

    def change(self, cursor, chaos):
        what = chaos.choices(['contention', 'rename', 'counter', 'again'], [4, 2, 2, 1])[0]
        if what == 'contention':
            self.contention = 'wait' if self.contention == 'spill' else 'spill'
            answer = self.declare(cursor, replace=True)
            what = f'to {self.contention}'
        elif what == 'rename':
            before, self.wrong = self.wrong, 'incorrect_number' if self.wrong == 'incorrect_count' else 'incorrect_count'
            cursor.execute(f'ALTER TABLE runs RENAME {before} TO {self.wrong}')
            answer = None
        elif what == 'counter':
            self.high = not self.high
            answer = self.declare(cursor, replace=not self.high)
            what = 'counter added' if self.high else 'counter taken out'
        else:
            answer = self.declare(cursor)
        self.changes.append(f'{what}: {answer}')
        if answer and (answer == 'unchanged') != (what == 'again'):
            self.fail(', '.join(self.changes))
        self.done[what] += 1

    def verify(self):
        def step(cursor, chaos):
            cursor.execute('SELECT * FROM ratchet.verify()')
            for row in cursor.fetchall():
                self.fail(row, 'no drift, says verify()')
            self.done['verify()'] += 1
        self.again('verifier', 8, step)

    def repair(self):
        def step(cursor, chaos):
            cursor.execute('CALL ratchet.repair()')
            self.done['repair()'] += 1
        self.again('repairer', 4, step)

    def fold_now(self):
        def step(cursor, chaos):
            cursor.execute('SELECT ratchet.fold()')
            self.done['fold()'] += 1
        self.again('folder', 8, step)

    def look_at_health(self):
        """Where no migration comes between, nothing is the matter, but that a worker was ended. Else it may meet one half
        way, and tell of that, but must not fail of it."""
        def step(cursor, chaos):
            locks = chaos.random() < 0.5
            cursor.execute('BEGIN')
            if locks:
                cursor.execute('LOCK TABLE runs IN SHARE UPDATE EXCLUSIVE MODE')
            cursor.execute("SELECT * FROM ratchet.health() WHERE finding NOT LIKE '%%there is no background worker%%'"
                           ' AND %s', [locks])
            for row in cursor.fetchall():
                self.fail(row, 'nothing is the matter, says health()')
            cursor.execute('COMMIT')
            self.done['health()'] += 1
        self.again('nurse', 4, step)

    def missing(self):
        kinds = ['to spill', 'to wait', 'rename', 'counter added', 'counter taken out', 'again', 'verify()', 'repair()',
                 'fold()', 'health()', 'looks at high_count']
        return super().missing() + [kind for kind in kinds if not self.done[kind]]

    def describe(self):
        return ', '.join([super().describe()] + [f'{count} {kind}' for kind, count in sorted(self.done.items())])


def main():
    sys.excepthook = print_exception
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--runs', type=int, default=5)
    parser.add_argument('--seconds', type=float, default=600)
    parser.add_argument('--writers', type=int, default=16)
    parser.add_argument('--slots', type=int, default=64, help='how many results a writer can have')
    parser.add_argument('--seed', default=os.environ.get('RATCHET_SEED') or random.SystemRandom().randrange(10**9))
    parser.add_argument('--direct', action='store_true', help='no trigger of the user\'s is on the runs')
    options = parser.parse_args()
    options.seed = str(options.seed)
    options.contention = 'mixed'
    options.control = False
    print(f'# seed {options.seed}', flush=True)
    # Whatever hangs, this program ends.
    faulthandler.dump_traceback_later(60 + 10 * (options.seconds + DEADLINE), exit=True)
    return run_load(options, options.runs, MixedLoad)


if __name__ == '__main__':
    sys.exit(0 if main() else 1)
