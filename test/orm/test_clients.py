"""Every driver that is here raises what the table of errors in docs/clients/README.md says; test_client_pages.py runs the calls.

psycopg2 and Django are always here. psycopg 3, asyncpg, pg8000 and SQLAlchemy are tested where they are installed. Of pgx
and tokio-postgres the test asks what they ask: which types the server chooses for the parameters of their calls.
"""
import asyncio
import importlib
import os
import re
import sys

import psycopg2

import _documented
import _libpq
from _claims import check, run, verdict

SETUP = """
CREATE EXTENSION ratchet;
CREATE TABLE scorecards (id bigint PRIMARY KEY, comment text, submitted_at timestamptz, submitter_user_id bigint);
CREATE TABLE documents (id uuid PRIMARY KEY, submitted_at timestamptz, author uuid);
CREATE TABLE strict (id bigint PRIMARY KEY, submitted_at timestamptz, status text DEFAULT 'queued', progress int DEFAULT 5, v int);
CREATE TABLE plain (id bigint PRIMARY KEY);
SELECT ratchet.guard('scorecards', gate => 'submitted_at', actor => 'submitter_user_id'),
    ratchet.guard('documents', gate => 'submitted_at', actor => 'author'),
    ratchet.guard('strict', gate => 'submitted_at', forward => '{progress}', version => 'v', mode => 'reject',
        states => '{"status": {"queued": ["running"], "running": ["done"], "done": []}}');
INSERT INTO scorecards VALUES (0, NULL, now());
INSERT INTO strict (id, submitted_at, v) VALUES (1, now(), 1);
"""
REFUSALS = [
    ("23R01", "UPDATE strict SET submitted_at = NULL WHERE id = 1"),
    ("23R02", "UPDATE strict SET status = 'done' WHERE id = 1"),
    ("23R03", "UPDATE strict SET progress = 4 WHERE id = 1"),
    ("23R04", "UPDATE strict SET v = 7 WHERE id = 1"),
]
UNENFORCED = "SELECT * FROM ratchet.submit('plain', '1')"
KEPT = "UPDATE scorecards SET submitted_at = NULL WHERE id = 0"
INT8, UUID, JSONB = 20, 2950, 3802

claims = _documented.errors()
host, port, role, database = (os.environ[name] for name in ("PGHOST", "PGPORT", "PGUSER", "PGDATABASE"))


def module(name):
    try:
        return importlib.import_module(name)
    except ImportError:
        print(f"{name} is not installed: not tested")
        return None


def check_errors(client, execute, sqlstate):
    """execute(sql) runs a statement in a transaction of its own; sqlstate(error) as the page says."""
    refused, unenforced = claims[client]
    for code, sql, expected in [(*refusal, refused) for refusal in REFUSALS] + [("42R01", UNENFORCED, unenforced)]:
        try:
            execute(sql)
            seen = "no error", None
        except Exception as error:
            seen = type(error).__name__, sqlstate(error)
        check(seen, (expected, code), f"{client}: {sql}")


# -- the clients -------------------------------------------------------------------------------------------------------


def check_psycopg2():
    connection = psycopg2.connect("")
    connection.autocommit = True
    cursor = connection.cursor()
    check_errors("psycopg2", cursor.execute, lambda e: e.pgcode)
    cursor.execute(KEPT)
    check(connection.notices[-1].splitlines()[0], 'NOTICE:  column "submitted_at" of relation "scorecards" kept its value in 1 row', "psycopg2: the notice")


def check_django():
    import django
    from django.conf import settings
    from django.db import connection

    settings.configure(DATABASES={"default": {
        "ENGINE": "django.db.backends.postgresql", "NAME": database, "HOST": host, "PORT": port, "USER": role}})
    django.setup()

    def execute(sql):
        with connection.cursor() as cursor:
            cursor.execute(sql)

    check_errors("Django", execute, lambda e: getattr(e.__cause__, "pgcode", None) or e.__cause__.sqlstate)


def check_psycopg():
    psycopg = module("psycopg")
    if psycopg is None:
        return

    connection = psycopg.connect("", autocommit=True)
    cursor = connection.cursor()
    check_errors("psycopg 3", cursor.execute, lambda e: e.sqlstate)
    heard = []
    connection.add_notice_handler(lambda diag: heard.append(diag.sqlstate))
    cursor.execute(KEPT)
    check(heard, ["01R01"], "psycopg 3: the notice")


def check_asyncpg(loop):
    asyncpg = module("asyncpg")
    if asyncpg is None:
        return
    connection = loop.run_until_complete(asyncpg.connect(host=host, port=int(port), user=role, database=database))

    def execute(sql):
        return loop.run_until_complete(connection.execute(sql))

    check_errors("asyncpg", execute, lambda e: e.sqlstate)
    heard = []
    connection.add_log_listener(lambda _connection, message: heard.append(message.sqlstate))
    execute(KEPT)
    loop.run_until_complete(asyncio.sleep(0))  # listeners are called by the loop
    check(heard, ["01R01"], "asyncpg: the notice")
    # Why the page has casts: without them the server says text, and the driver refuses what is none.
    try:
        loop.run_until_complete(connection.fetchrow("SELECT * FROM ratchet.submit('scorecards', $1, $2)", 1, 42))
        seen = "no error"
    except asyncpg.DataError as error:
        seen = str(error)
    check("expected str, got int" in seen, True, f"asyncpg: a call without casts: {seen}")
    loop.run_until_complete(connection.close())


def check_sqlalchemy():
    sqlalchemy = module("sqlalchemy")
    if sqlalchemy is None:
        return
    engine = sqlalchemy.create_engine(
        f"postgresql+psycopg2://{role}@/{database}?host={host}&port={port}", isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        check_errors("SQLAlchemy on psycopg2", connection.exec_driver_sql, lambda e: e.orig.pgcode)
    engine.dispose()


def check_sqlalchemy_asyncpg(loop):
    sqlalchemy, asyncpg = module("sqlalchemy"), module("asyncpg")
    if sqlalchemy is None or asyncpg is None:
        return
    from sqlalchemy.ext.asyncio import create_async_engine

    engine = create_async_engine(
        f"postgresql+asyncpg://{role}@/{database}?host={host}&port={port}", isolation_level="AUTOCOMMIT")

    async def use(work):
        async with engine.connect() as connection:
            await connection.run_sync(work)

    loop.run_until_complete(use(lambda connection: check_errors(
        "SQLAlchemy on asyncpg", connection.exec_driver_sql, lambda e: e.orig.sqlstate)))
    loop.run_until_complete(engine.dispose())


def check_pg8000():
    pg8000 = module("pg8000")
    if pg8000 is None:
        return
    if hasattr(pg8000, "dbapi"):
        print("pg8000 is newer than the one that the page tells of: not tested")
        return
    connection = pg8000.connect(user=role, unix_sock=f"{host}/.s.PGSQL.{port}", database=database)
    connection.autocommit = True
    cursor = connection.cursor()
    check_errors("pg8000", cursor.execute, lambda e: e.args[2])


def check_described():
    """pgx and tokio-postgres send values of the types that the server names for the documented submissions."""
    connection = _libpq.Connection()
    types = {"bigint": INT8, "uuid": UUID}
    for page, language, count in (("pgx.md", "go", 3), ("README.md", "rust", 2)):
        statements = re.findall(r"""["`](SELECT [^"`]*ratchet\.submit\([^"`]*)["`]""", _documented.code(page, language))
        check(len(statements) >= count, True, f"{page}: statements in {language}")
        for number, sql in enumerate(statements):
            # Every parameter is cast, but for the patch.
            expected = [types[cast] if cast else JSONB for cast in re.findall(r"\$\d(?:::(\w+))?", sql)]
            check(connection.prepare(f"{language}{number}", sql), expected, f"{page}: types of {sql}")


def main():
    run(SETUP)
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    check_psycopg2()
    check_django()
    check_psycopg()
    check_asyncpg(loop)
    check_sqlalchemy()
    check_sqlalchemy_asyncpg(loop)
    check_pg8000()
    check_described()
    return verdict()


if __name__ == "__main__":
    sys.exit(main())
