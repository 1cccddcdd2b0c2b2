"""What is measured: the statements of every benchmark, shared by run (rates, times) and instructions (counts)."""

from dataclasses import dataclass

ONE_ROW = 'UPDATE {table} SET score = :n, comment = :text, updated_at = now() WHERE id = :id;'
SUBMITTER = 7


@dataclass(frozen=True)
class Variant:
    """One way of doing the same thing: what the table calls it, and the statements of one round."""

    name: str
    script: str
    table: str = 'scorecards'


# One-row UPDATE of an open row, prepared. Nothing that a contract owns is changed.
ONE_ROW_UPDATE = [
    Variant('unguarded', ONE_ROW.format(table='bench.unguarded'), 'bench.unguarded'),
    Variant('empty C trigger', ONE_ROW.format(table='bench.empty_c'), 'bench.empty_c'),
    Variant('guarded', ONE_ROW.format(table='bench.guarded'), 'bench.guarded'),
    Variant('PL/pgSQL trigger', ONE_ROW.format(table='bench.plpgsql'), 'bench.plpgsql'),
]

# The same row under a guard with two owned columns and under one with every policy: three columns are set, or, as an ORM
# saves it, all of them.
WHOLE_ROW = (
    'UPDATE {table} SET project_id = project_id, {third} = {third}, creator_user_id = creator_user_id, title = title, '
    'comment = :text, score = :n, {eighth} = {eighth}, {ninth} = {ninth}, manually_scored = manually_scored, '
    'submission_source = submission_source, submitted_at = submitted_at, submitter_user_id = submitter_user_id, '
    'created_at = created_at, updated_at = now() WHERE id = :id;'
)
OWNED_ONLY, ALL_POLICIES = 'two owned columns', 'all policies'
POLICIES = {
    'three columns': [
        Variant(OWNED_ONLY, ONE_ROW.format(table='bench.guarded'), 'bench.guarded'),
        Variant(ALL_POLICIES, ONE_ROW.format(table='bench.policies'), 'bench.policies'),
    ],
    'the whole row': [
        Variant(OWNED_ONLY, WHOLE_ROW.format(table='bench.guarded', third='evaluator_id', eighth='score_impact', ninth='score_team'),
                'bench.guarded'),
        Variant(ALL_POLICIES, WHOLE_ROW.format(table='bench.policies', third='version', eighth='progress', ninth='status'),
                'bench.policies'),
    ],
}

# A worker's write, with the number of its attempt, under a guard without a fence and with one.
NO_FENCE, FENCE = 'no fence', 'fence'
# Rows come again in later slices, with a larger number.
ATTEMPT = (
    '\\set attempt :base + :n\n'
    'UPDATE {table} SET score = :n, comment = :text, score_team = 1000000000 + :attempt, updated_at = now() WHERE id = :id;'
)
POLICIES['three columns and an attempt'] = [
    Variant(NO_FENCE, ATTEMPT.format(table='bench.guarded'), 'bench.guarded'),
    Variant(FENCE, ATTEMPT.format(table='bench.fenced'), 'bench.fenced'),
]

UPDATE_BY_HAND = (
    'UPDATE scorecards SET submitted_at = now(), submitter_user_id = :submitter '
    'WHERE id = :id AND submitted_at IS NULL RETURNING submitted_at, submitter_user_id;'
)
SELECT_BY_HAND = 'SELECT submitted_at, submitter_user_id FROM scorecards WHERE id = :id;'
SUBMIT_FROM = "SELECT * FROM ratchet.submit('scorecards', :id::bigint, :submitter::bigint);"
SUBMIT_OUTCOME = "SELECT (ratchet.submit('scorecards', :id::bigint, :submitter::bigint)).outcome;"
SUBMIT_PLPGSQL = 'SELECT * FROM submit_plpgsql(:id::bigint, :submitter::bigint);'

# Closing the gate of one row of the guarded table, prepared; every round finds an open row.
WINNER = [
    Variant('UPDATE by hand', UPDATE_BY_HAND),
    Variant('FROM submit()', SUBMIT_FROM),
    Variant('(submit()).outcome', SUBMIT_OUTCOME),
    Variant('PL/pgSQL function', SUBMIT_PLPGSQL),
]

# The same on a row that is closed. By hand the UPDATE tells nothing, so a SELECT has to follow.
LOSER = [
    Variant('UPDATE, SELECT by hand', UPDATE_BY_HAND + '\n' + SELECT_BY_HAND),
    Variant('FROM submit()', SUBMIT_FROM),
    Variant('(submit()).outcome', SUBMIT_OUTCOME),
    Variant('PL/pgSQL function', SUBMIT_PLPGSQL),
]

# One UPDATE of every row. What: whether the rows are submitted, the statement, the target against the empty C trigger.
# What is counted of a contract in shared memory, off and on: a stale save of a closed row is one that is kept.
STALE_SAVE = 'UPDATE bench.guarded SET score = :n, comment = :text, submitted_at = NULL, submitter_user_id = NULL WHERE id = :id;'
STATISTICS = [('statistics off', 'off'), ('statistics on', 'on')]

BULK_TABLES = [(variant.name, variant.table) for variant in ONE_ROW_UPDATE]
BULK = "UPDATE {table} SET comment = 'changed', score = score + 1"
BULK_UPDATE = [
    ('all open, no guarded column changed', False, BULK, 1.15),
    ('all closed, no guarded column changed', True, BULK, 1.15),
    ('all closed, a stale save that would reopen them', True,
     BULK + ', submitted_at = NULL, submitter_user_id = NULL, submission_source = NULL', None),
]


@dataclass(frozen=True)
class Counting:
    """One way of keeping the counters of a run: what the table calls it, the schema of its tables, whether its counters are
    true; beside: a table in which counts may lie beside the run's row. The statements that store a result are the same for
    all of them, unless the way is one of the client's."""

    name: str
    schema: str
    exact: bool = True
    beside: str = None


NO_COUNTER = Counting('no counter', 'no_counter', exact=False)
EMPTY_C_ROW = Counting('empty C row trigger', 'empty_c', exact=False)
ROW_TRIGGER = Counting('PL/pgSQL row trigger', 'row_trigger')
STATEMENT_TRIGGER = Counting('PL/pgSQL statement trigger', 'statement_trigger')
LOCKED = Counting('SELECT FOR UPDATE, save', 'locked')
RECOUNTED = Counting('re-count before save', 'recounted', exact=False)
RATCHET = Counting('ratchet', 'counted')
FIVE_COMPLETIONS = Counting('ratchet, five completions', 'five')
LIMITED = Counting('ratchet, a limit', 'limited')
DECIDING = [RATCHET, FIVE_COMPLETIONS, LIMITED]
COUNTING = [NO_COUNTER, EMPTY_C_ROW, ROW_TRIGGER, STATEMENT_TRIGGER, LOCKED, RECOUNTED, RATCHET]
IN_THE_DATABASE = [NO_COUNTER, EMPTY_C_ROW, ROW_TRIGGER, STATEMENT_TRIGGER, RATCHET]

RESULT_COLUMNS = 'run_id, question_id, is_correct, score, answer'
RESULT = (
    f'INSERT INTO results ({RESULT_COLUMNS}) '
    "VALUES (:run, :question, :question % 3 <> 0, :question % 10, 'an answer of some forty characters');"
)
NEW_RESULTS = f'INSERT INTO results ({RESULT_COLUMNS}) SELECT * FROM bench.new_results({{results}})'
COPY_RESULTS = f"COPY results ({RESULT_COLUMNS}) FROM '{{file}}'"

# One result a transaction. Every connection answers questions of its own.
OWN_QUESTION = '\\set question :client_id * 1000000 + :n\n'
ONE_RESULT = '\\set run random(1, :runs)\n' + OWN_QUESTION + RESULT

# One result in a transaction that goes on after it, in one run. SELECT 1 is the rest of what the application does.
IN_TRANSACTION = f'{OWN_QUESTION}BEGIN;\n{RESULT}\nSELECT 1;\nCOMMIT;'
SAVE = (
    'UPDATE runs SET evaluated_count = :evaluated, correct_count = :correct, is_completed = total > 0 AND :evaluated >= total '
    'WHERE id = :run;'
)
LOCK_AND_SAVE = f"""{OWN_QUESTION}BEGIN;
SELECT evaluated_count + 1 AS evaluated, correct_count + CASE WHEN :question % 3 <> 0 THEN 1 ELSE 0 END AS correct
FROM runs WHERE id = :run FOR UPDATE \\gset
{RESULT}
{SAVE}
SELECT 1;
COMMIT;"""
COUNT_AGAIN = r"""SELECT count(*) AS evaluated, count(*) FILTER (WHERE is_correct) AS correct FROM results WHERE run_id = :run \gset
"""
RECOUNT_AND_SAVE = f"""{OWN_QUESTION}BEGIN;
{RESULT}
{COUNT_AGAIN}{SAVE}
SELECT 1;
COMMIT;"""
ONE_RUN = [(way, IN_TRANSACTION) for way in (NO_COUNTER, EMPTY_C_ROW, ROW_TRIGGER, STATEMENT_TRIGGER)] + [
    (LOCKED, LOCK_AND_SAVE), (RECOUNTED, RECOUNT_AND_SAVE), (RATCHET, IN_TRANSACTION)]

# The same in one run that many write to: how its counters are kept, and batches of some results.
WAIT = Counting('wait', 'counted')
SPILL = Counting('spill', 'spilling', beside='runs_spilled')
SLOTS = [Counting(f'{slots} slots by hand', f'slots_{slots}', beside='run_slots') for slots in (8, 64)]
HOT_RUN = [NO_COUNTER, ROW_TRIGGER, WAIT, *SLOTS, SPILL]
HOT_BATCH = f"""\\set question (:client_id * 1000000 + :n) * 100
BEGIN;
INSERT INTO results ({RESULT_COLUMNS})
SELECT :run, :question::bigint + i, i % 3 <> 0, i % 10, 'an answer of some forty characters' FROM generate_series(1, :rows) i;
SELECT 1;
COMMIT;"""

# A batch of 100 results of one run. The first rounds, which are not measured, go to another one.
BATCH = f"""\\set run CASE WHEN :n <= :first THEN :spare ELSE :measured END
\\set question :base + 100 * :n
BEGIN;
INSERT INTO results ({RESULT_COLUMNS})
SELECT :run, :question + i, i % 3 <> 0, i % 10, 'an answer of some forty characters ' || i FROM generate_series(1, 100) i;
{{more}}COMMIT;"""
LARGE_RUN = [(RATCHET, BATCH.format(more='')), (RECOUNTED, BATCH.format(more=f'{COUNT_AGAIN}{SAVE}\n'))]

# A batch of 1,000 results that arrives as a file or as JSON.
FROM_JSON = (
    f'INSERT INTO results ({RESULT_COLUMNS}) SELECT {RESULT_COLUMNS} FROM bench.batch, '
    'jsonb_populate_recordset(NULL::results, records::jsonb) WHERE n = {n} ON CONFLICT DO NOTHING'
)
SUBMIT_BATCH = "SELECT * FROM ratchet.submit_batch('results', (SELECT records::jsonb FROM bench.batch WHERE n = {n}))"
ARRIVING = [
    ('COPY, no counter', NO_COUNTER, COPY_RESULTS),
    ('INSERT from JSON, no counter', NO_COUNTER, FROM_JSON),
    ('COPY, ratchet', RATCHET, COPY_RESULTS),
    ('submit_batch()', RATCHET, SUBMIT_BATCH),
]
