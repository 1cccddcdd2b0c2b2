"""The verbs resolve whatever a driver makes of its parameters.

Drivers differ in what they tell the server about a parameter, and so in which of the overloads the call resolves to:
 - psycopg2 writes literals into the statement: 1, 'text', '...'::uuid.
 - psycopg 3 sends str as unknown, int as smallint, integer or bigint by its size, UUID as uuid, Jsonb as jsonb.
 - node-postgres sends everything as text of unknown type (OID 0) over the extended protocol, also numbers and JSON; so
   do libpqxx and PHP's PDO. Here libpq sends exactly that.
 - pgx, asyncpg and tokio-postgres prepare first, ask which types the server has chosen, and send binary values of them.
 - JDBC sends strings as character varying, numbers as integer or bigint.
Each way plays the same story with each kind of key.
"""
import collections
import itertools
import json
import sys
import uuid

import psycopg2
import psycopg2.extras

try:
    import psycopg
    from psycopg.types.json import Json, Jsonb
    from psycopg.types.numeric import Int2, Int4, Int8
except ImportError:
    psycopg = None

import _libpq
from _claims import check, run, verdict

INT4, INT8, TEXT, VARCHAR, UUID, JSONB, REGCLASS = 23, 20, 25, 1043, 2950, 3802, 2205

SETUP = """
CREATE EXTENSION ratchet;
CREATE TABLE by_bigint (id bigint PRIMARY KEY, note text, n int, closed_at timestamptz, closed_by text, request uuid);
CREATE TABLE by_text (id text PRIMARY KEY, note text, n int, closed_at timestamptz, closed_by bigint, request text);
CREATE TABLE by_uuid (id uuid PRIMARY KEY, note text, n int, closed_at timestamptz, closed_by uuid, request uuid);
CREATE TABLE by_both (project_id int, evaluator_id bigint, note text, n int, closed_at timestamptz,
    closed_by varchar(60), request varchar(60), PRIMARY KEY (project_id, evaluator_id));
CREATE TABLE record_of_bigint (id bigserial PRIMARY KEY, parent bigint REFERENCES by_bigint, author text);
SELECT ratchet.guard(t::regclass, gate => 'closed_at', actor => 'closed_by', idempotency_key => 'request')
    FROM unnest('{by_bigint,by_text,by_uuid,by_both}'::text[]) t;
"""

psycopg2.extras.register_uuid()


# -- the story ---------------------------------------------------------------------------------------------------------

Kind = collections.namedtuple("Kind", "table key actor other request")
numbers = itertools.count(1)


def kinds():
    """Every kind of key with an actor and an idempotency key of another type each."""
    n = next(numbers)
    yield Kind("by_bigint", n, "ann", "bob", uuid.uuid4())
    yield Kind("by_bigint", 3_000_000_000 + n, "ann", "bob", uuid.uuid4())
    yield Kind("by_text", f"key '{n}' \"ß\"", 7, 8, f"request {n}")
    yield Kind("by_uuid", uuid.uuid4(), uuid.uuid4(), uuid.uuid4(), uuid.uuid4())
    yield Kind("by_both", {"project_id": n, "evaluator_id": 5_000_000_000 + n}, "ann", "bob", f"request {n}")


def insert(kind):
    key = kind.key if isinstance(kind.key, dict) else {"id": kind.key}
    columns = ", ".join(key)
    run(f"INSERT INTO {kind.table} ({columns}, n) VALUES ({', '.join(['%s'] * len(key))}, 1)", list(key.values()))


UPDATE = "SELECT outcome, kept::text FROM ratchet.update(?, ?, ?)"
UPDATE_EXPECTING = "SELECT outcome, stale::text FROM ratchet.update(?, ?, ?, ?)"
SUBMIT_BARE = "SELECT outcome, submitted_by FROM ratchet.submit(?, ?)"
SUBMIT_ACTOR = "SELECT outcome, submitted_by FROM ratchet.submit(?, ?, ?)"
SUBMIT_EXPECTING = "SELECT outcome, stale::text FROM ratchet.submit(?, ?, ?, expect => ?)"
SUBMIT = "SELECT outcome, submitted_by FROM ratchet.submit(?, ?, ?, ?, ?)"
SUBMIT_NAMED = "SELECT outcome, submitted_by FROM ratchet.submit(?, key => ?, idempotency_key => ?, actor => ?)"
SUBMIT_RECORD = "SELECT outcome, record ->> 'author' FROM ratchet.submit(?, ?, ?, child => ?, record => ?)"
AMEND = "SELECT outcome, changed::text FROM ratchet.amend(?, ?, ?, ?, ?)"


def story(kind):
    """What happens to a row, in this order: name, statement, its parameters after table and key, the answer."""
    actor = str(kind.actor)
    return [
        ("update", UPDATE, [{"note": "read"}], ("updated", "{}")),
        ("update, stale", UPDATE_EXPECTING, [{"note": "x"}, {"n": 2}], ("stale", "{n}")),
        ("submit, stale", SUBMIT_EXPECTING, [kind.actor, {"n": 2}], ("stale", "{n}")),
        ("submit", SUBMIT, [kind.actor, {"n": 2}, kind.request], ("submitted", actor)),
        ("submit again", SUBMIT, [kind.actor, {"n": 2}, kind.request], ("replayed", actor)),
        ("submit by another", SUBMIT, [kind.other, None, None], ("already_submitted", actor)),
        ("submit without an actor", SUBMIT_BARE, [], ("already_submitted", actor)),
        ("submit, named arguments", SUBMIT_NAMED, [kind.request, kind.other], ("key_reused", actor)),
        ("update of the gate", UPDATE, [{"closed_at": None}], ("kept", "{closed_at}")),
        ("amend", AMEND, [{"closed_at": None}, kind.other, "why"], ("amended", "{closed_at,closed_by,request}")),
        ("amend without an actor", AMEND, [{"n": 2}, None, "why"], ("unchanged", "{}")),
        ("submit with a null actor", SUBMIT_ACTOR, [None], ("submitted", None)),
    ]


def play(way, call):
    """call(sql, parameters) -> first row as strings; the statement has ? for each parameter."""

    def tell(kind, name, sql, parameters, expected):
        try:
            seen = call(sql, [kind.table, kind.key, *parameters])
        except Exception as error:  # every driver has its own; what it says is the failed answer
            seen = type(error).__name__, str(error).splitlines()[0]
        check(seen, expected, f"{way}, {kind.table}: {name}")

    for kind in kinds():
        insert(kind)
        for step in story(kind):
            tell(kind, *step)
        if kind.table == "by_bigint":
            kind = kind._replace(key=kind.key + 1_000_000)
            insert(kind)
            record = [kind.actor, "record_of_bigint", {"author": "ann"}]
            tell(kind, "submit with a record", SUBMIT_RECORD, record, ("submitted", "ann"))


def strings(row):
    return tuple(None if value is None else str(value) for value in row)


# -- the ways ----------------------------------------------------------------------------------------------------------


def as_text(value):
    """What node-postgres's prepareValue() makes of a value: null, or text."""
    if value is None:
        return None
    return json.dumps(value) if isinstance(value, dict) else str(value)


def psycopg2_way(dump):
    connection = psycopg2.connect("")
    connection.autocommit = True

    def call(sql, parameters):
        with connection.cursor() as cursor:
            cursor.execute(sql.replace("?", "%s"), [dump(parameter) for parameter in parameters])
            return strings(cursor.fetchone())

    return call


def psycopg_way(dump, placeholder="%s", cursor_class=None, **options):
    connection = psycopg.connect("", autocommit=True)

    def call(sql, parameters):
        with (cursor_class(connection) if cursor_class else connection.cursor()) as cursor:
            cursor.execute(sql.replace("?", placeholder), [dump(parameter) for parameter in parameters], **options)
            return strings(cursor.fetchone())

    return call


def numbered(sql):
    places = itertools.count(1)
    return "".join(f"${next(places)}" if letter == "?" else letter for letter in sql)


def encoded(value):
    return None if value is None else as_text(value).encode()


def untyped_way(types):
    connection = _libpq.Connection()

    def call(sql, parameters):
        oids = types and [types(parameter, place) for place, parameter in enumerate(parameters)]
        return connection.execute(numbered(sql), [encoded(parameter) for parameter in parameters], oids)[0]

    return call


def described_way(chosen):
    connection = _libpq.Connection()
    names = {}

    def binary(value, type_):
        if value is None or type_ == REGCLASS:
            return encoded(value), 0
        if type_ == INT8:
            return int(value).to_bytes(8, "big", signed=True), 1
        if type_ == UUID:
            return uuid.UUID(str(value)).bytes, 1
        if type_ == JSONB:
            return b"\x01" + encoded(value), 1
        if type_ == TEXT:
            return encoded(value), 1
        raise ValueError(f"parameter of type {type_}")

    def call(sql, parameters):
        if sql not in names:
            name = f"s{len(names)}"
            names[sql] = name, connection.prepare(name, numbered(sql))
            chosen.update(names[sql][1])
        name, types = names[sql]
        values = [binary(parameter, type_) for parameter, type_ in zip(parameters, types)]
        return connection.execute_prepared(name, [value for value, _ in values], [format_ for _, format_ in values])[0]

    return call


def jdbc_type(value, _place):
    if isinstance(value, int):
        return INT4 if abs(value) < 2**31 else INT8
    if isinstance(value, uuid.UUID):
        return UUID
    # A JSON object is sent by setObject(..., Types.OTHER), of unknown type.
    return 0 if isinstance(value, dict) or value is None else VARCHAR


def libpqxx_type(value, place):
    return TEXT if place == 0 else 0


def wrapped(wrap, value):
    return wrap(value) if isinstance(value, dict) else value


def jsonb(value):
    return wrapped(Jsonb, value)


def smallest(value):
    if isinstance(value, dict):
        return Jsonb(value)
    if not isinstance(value, int):
        return value
    return Int2(value) if value < 2**15 else Int4(value) if value < 2**31 else Int8(value)


def biggest(value):
    return Int8(value) if isinstance(value, int) else jsonb(value)


def play_all():
    play("psycopg2, literals", psycopg2_way(lambda value: wrapped(psycopg2.extras.Json, value)))
    play("psycopg2, strings", psycopg2_way(as_text))
    play("untyped text, as node-postgres", untyped_way(None))
    play("unknown types said so", untyped_way(lambda value, place: 0))
    play("the table as text", untyped_way(libpqxx_type))
    play("character varying and integers, as JDBC", untyped_way(jdbc_type))
    chosen = set()
    play("prepared, described, binary, as pgx", described_way(chosen))
    check(chosen, {REGCLASS, TEXT, JSONB}, "types that the server chooses for untyped parameters")
    if psycopg is None:
        print("psycopg 3 is not installed: what it sends is not tested")
        return
    play("psycopg 3", psycopg_way(jsonb))
    play("psycopg 3, JSON as strings", psycopg_way(lambda value: wrapped(json.dumps, value)))
    play("psycopg 3, everything a string", psycopg_way(as_text))
    play("psycopg 3, smallest integers", psycopg_way(smallest))
    play("psycopg 3, bigint", psycopg_way(biggest))
    play("psycopg 3, binary", psycopg_way(jsonb, placeholder="%b"))
    play("psycopg 3, prepared", psycopg_way(jsonb, prepare=True))
    if hasattr(psycopg, "ClientCursor"):
        play("psycopg 3, literals", psycopg_way(jsonb, cursor_class=psycopg.ClientCursor))
    check_pipeline()
    check_json_type()


def check_pipeline():
    run("INSERT INTO by_bigint (id) SELECT 9000000 + i FROM generate_series(1, 50) i")
    with psycopg.connect("", autocommit=True) as connection, connection.cursor() as cursor:
        cursor.executemany(
            "SELECT outcome FROM ratchet.submit('by_bigint', %s, %s)",
            [(9_000_000 + i, f"actor {i}") for i in range(1, 51)],
            returning=True,
        )
        outcomes = [cursor.fetchone()[0]]
        while cursor.nextset():
            outcomes.append(cursor.fetchone()[0])
    check(outcomes, ["submitted"] * 50, "psycopg 3, executemany in pipeline mode")


def check_json_type():
    """json is converted to jsonb in assignments only: a cast is needed, as with PostgreSQL's own functions."""
    run("INSERT INTO by_bigint (id) VALUES (9100000)")
    with psycopg.connect("", autocommit=True) as connection:
        row = connection.execute(
            "SELECT outcome FROM ratchet.submit('by_bigint', %s, 'ann', patch => %s::jsonb)",
            [9_100_000, Json({"n": 5})],
        ).fetchone()
    check(row, ("submitted",), "psycopg 3, json with a cast")


# -- bad parameters, untyped -------------------------------------------------------------------------------------------


def check_errors():
    connection = _libpq.Connection()
    run("INSERT INTO by_bigint (id, n) VALUES (8000000, 1)")
    run("INSERT INTO by_both (project_id, evaluator_id) VALUES (8000, 1)")
    run("INSERT INTO by_uuid (id) VALUES ('00000000-0000-0000-0000-000000000001')")
    before = run("SELECT b, c, u FROM by_bigint b, by_both c, by_uuid u WHERE b.id = 8000000 AND c.project_id = 8000"
                 " AND u.id = '00000000-0000-0000-0000-000000000001'")
    submit = "SELECT outcome FROM ratchet.submit(?, ?, ?, ?, ?)"
    cases = [
        (submit, ["by_bigint", "", "ann", None, None], "22P02"),
        (submit, ["by_bigint", "8000000.0", "ann", None, None], "22P02"),
        (submit, ["by_bigint", "8000000; DROP TABLE by_bigint", "ann", None, None], "22P02"),
        (submit, ["by_bigint", "99999999999999999999", "ann", None, None], "22003"),
        (submit, ["by_bigint", None, "ann", None, None], "22004"),
        (submit, [None, "8000000", "ann", None, None], "22004"),
        (submit, ["no such table", "8000000", "ann", None, None], "42602"),
        (submit, ["no_such_table", "8000000", "ann", None, None], "42P01"),
        (submit, ["by_bigint", "8000000", "ann", "{", None], "22P02"),
        (submit, ["by_bigint", "8000000", "ann", "[]", None], "22023"),
        (submit, ["by_bigint", "8000000", "ann", '{"n": "x"}', None], "22P02"),
        (submit, ["by_bigint", "8000000", "ann", '{"no": 1}', None], "22023"),
        (submit, ["by_bigint", "8000000", "ann", None, "no uuid"], "22P02"),
        (submit, ["by_uuid", "00000000-0000-0000-0000-000000000001", "no uuid", None, None], "22P02"),
        (submit, ["by_uuid", "1", None, None, None], "22P02"),
        (submit, ["by_both", "8000", "ann", None, None], "22023"),
        (submit, ["by_both", '{"project_id": 8000}', "ann", None, None], "22023"),
        (submit, ["by_both", '{"project_id": 8000, "evaluator_id": null}', "ann", None, None], "22004"),
        (submit, ["by_both", '{"project_id": 8000, "evaluator_id": 1', "ann", None, None], "22P02"),
        (submit, ["by_both", '{"project_id": 8000, "evaluator_id": 1}', "x" * 61, None, None], "22001"),
        (UPDATE, ["by_bigint", "8000000", None], "22023"),
        (UPDATE, ["by_bigint", "8000000", "{}"], "22023"),
        (AMEND, ["by_bigint", "8000000", '{"n": 2}', "ops", ""], "22023"),
        (AMEND, ["by_bigint", "8000000", '{"n": 2}', "ops", None], "22023"),
    ]
    for sql, parameters, sqlstate in cases:
        try:
            seen = connection.execute(numbered(sql), [encoded(parameter) for parameter in parameters])
        except _libpq.Error as error:
            seen = error.sqlstate
        check(seen, sqlstate, f"{sql} {parameters}")
    after = run("SELECT b, c, u FROM by_bigint b, by_both c, by_uuid u WHERE b.id = 8000000 AND c.project_id = 8000"
                " AND u.id = '00000000-0000-0000-0000-000000000001'")
    check(after, before, "bad parameters change nothing")

    # Odd, but good.
    for parameters, outcome in [
        (["by_bigint", " 8000000 ", "ann", '{"note": "' + "x" * 1_000_000 + '"}', None], "submitted"),
        (["public.by_bigint", "8000000", "eve", None, None], "already_submitted"),
        (['"by_bigint"', "8000000", "eve", None, None], "already_submitted"),
        (["by_both", ' {"evaluator_id": "1", "project_id": 8000}', "x" * 60, None, "y" * 60], "submitted"),
        (["by_text", "x" * 1_000_000, "1", None, None], "not_found"),
    ]:
        seen = connection.execute(numbered(submit), [encoded(parameter) for parameter in parameters])
        check(seen, [(outcome,)], f"submit {[parameter and parameter[:40] for parameter in parameters]}")


def main():
    run(SETUP)
    play_all()
    check_errors()
    check(run("SELECT * FROM ratchet.health()"), [], "health")
    return verdict()


if __name__ == "__main__":
    sys.exit(main())
