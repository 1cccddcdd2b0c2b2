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
BULK_TABLES = [(variant.name, variant.table) for variant in ONE_ROW_UPDATE]
BULK = "UPDATE {table} SET comment = 'changed', score = score + 1"
BULK_UPDATE = [
    ('all open, no guarded column changed', False, BULK, 1.15),
    ('all closed, no guarded column changed', True, BULK, 1.15),
    ('all closed, a stale save that would reopen them', True,
     BULK + ', submitted_at = NULL, submitter_user_id = NULL, submission_source = NULL', None),
]
