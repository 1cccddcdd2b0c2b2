"""What `pg_ratchet init` suggests for schemas of all kinds: init_suggests.py PG_RATCHET

The recipes of docs/examples without their contracts, pgbench's tables, and what two ORMs make of their own samples:
Django of the models that it comes with, Prisma of the schema of its introduction. Every suggestion must run, and must
refuse nothing. Exit status 77: no psycopg2.
"""
import os
import pathlib
import re
import subprocess
import sys

try:
    import psycopg2
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(77)

pg_ratchet = sys.argv[1]
examples = pathlib.Path(__file__).resolve().parents[2] / "docs/examples"

PRISMA = """
CREATE TYPE "Role" AS ENUM ('USER', 'ADMIN');
CREATE TABLE "User" ("id" SERIAL PRIMARY KEY, "email" TEXT NOT NULL UNIQUE, "name" TEXT, "role" "Role" NOT NULL DEFAULT 'USER');
CREATE TABLE "Profile" ("id" SERIAL PRIMARY KEY, "bio" TEXT NOT NULL, "userId" INT NOT NULL UNIQUE REFERENCES "User");
CREATE TABLE "Post" ("id" SERIAL PRIMARY KEY, "createdAt" TIMESTAMP(3) NOT NULL DEFAULT now(), "updatedAt" TIMESTAMP(3) NOT NULL,
    "title" VARCHAR(255) NOT NULL, "published" BOOLEAN NOT NULL DEFAULT false, "viewCount" INT NOT NULL DEFAULT 0,
    "authorId" INT NOT NULL REFERENCES "User");
CREATE TABLE "Category" ("id" SERIAL PRIMARY KEY, "name" TEXT NOT NULL);
CREATE TABLE "_CategoryToPost" ("A" INT NOT NULL REFERENCES "Category", "B" INT NOT NULL REFERENCES "Post");
"""

SHOP = """
CREATE SCHEMA "Shop";
CREATE TYPE "Shop".state AS ENUM ('pending', 'processing', 'completed', 'cancelled');
CREATE TABLE "Shop"."Posts" (id bigint PRIMARY KEY, comments_count int NOT NULL DEFAULT 0, likes_count int, paid_at timestamp);
CREATE TABLE "Shop".comments (id bigint PRIMARY KEY, post_id bigint REFERENCES "Shop"."Posts");
CREATE TABLE "Shop".tasks (id bigint PRIMARY KEY, state "Shop".state NOT NULL DEFAULT 'pending', completed_at timestamptz, progress int);
CREATE TABLE "Shop".letters (id bigint PRIMARY KEY, deleted_at timestamptz, published_at timestamptz, updated_at timestamptz,
    approved_at timestamptz, status text CHECK (status IN ('open', 'it''s odd')));
CREATE TABLE "Shop".done (id bigint PRIMARY KEY, submitted_at timestamptz);
"""


def expect(true, what, evidence=""):
    print(("ok: " if true else "FAILED: ") + what)
    if not true:
        sys.exit(f"{what}: {evidence}")


def sql(database, text, *values):
    connection = psycopg2.connect(dbname=database)
    with connection, connection.cursor() as cursor:
        cursor.execute(text, values or None)
        rows = cursor.fetchall() if cursor.description else []
    connection.close()
    return rows


def create(name):
    connection = psycopg2.connect("")
    connection.autocommit = True
    connection.cursor().execute(f"CREATE DATABASE {name}")
    connection.close()
    sql(name, "CREATE EXTENSION ratchet")


def tables_of(example):
    text = (examples / f"{example}.sql").read_text()
    schema = re.search(r"^CREATE SCHEMA .*?;", text, re.M).group()
    return schema + "\n".join(re.findall(r"^CREATE TABLE .*?;$", text, re.M | re.S))


def django_tables(database):
    import django
    from django.conf import settings
    from django.core.management import call_command

    apps = ["contenttypes", "auth", "sessions", "sites", "flatpages", "redirects"]
    settings.configure(
        INSTALLED_APPS=[f"django.contrib.{app}" for app in apps],
        DATABASES={"default": {"ENGINE": "django.db.backends.postgresql", "NAME": database, "HOST": os.environ["PGHOST"],
                               "PORT": os.environ["PGPORT"], "USER": os.environ["PGUSER"]}},
        SECRET_KEY="for this test",
        SITE_ID=1,
    )
    django.setup()
    call_command("migrate", verbosity=0)


def suggested(database):
    done = subprocess.run([pg_ratchet, "init", "-d", database], stdout=subprocess.PIPE, text=True)
    expect(done.returncode == 0, f"{database}: init runs")
    text = done.stdout
    if "SELECT" in re.sub("(?m)^--.*$", "", text):
        sql(database, text)
    wrong = sql(database, "SELECT target::text, mode FROM ratchet.contract WHERE kind <> 'guard' OR mode <> 'observe'")
    expect(not wrong, f"{database}: what it suggests runs, and only observes", wrong)
    # As a person would who has read the comments.
    for tally in re.findall(r"^-- (SELECT ratchet\.tally\(.*?\);)$", text, re.M | re.S):
        sql(database, re.sub(r"^-- ", "", tally, flags=re.M))
    faults = sql(database, "SELECT target::text, finding FROM ratchet.health() WHERE severity = 'error'")
    expect(not faults, f"{database}: the tallies run, too, and all is enforced", faults)
    again = subprocess.run([pg_ratchet, "init", "-d", database], stdout=subprocess.PIPE, text=True).stdout
    expect("SELECT ratchet.guard(" not in re.sub("(?m)^--.*$", "", again), f"{database}: guarded tables are left out", again)
    return text


def contracts(database):
    return dict(sql(database, """SELECT target::text, concat_ws(' ', gate, gate_at, actor, idempotency_key, heartbeat,
        array_to_string(NULLIF(forward, '{}'), ' '), counters::text, parent::text, total, done, done_at) FROM ratchet.contract"""))


for name in ("scorecard", "counters", "defence", "job", "interview"):
    create(f"init_{name}")
    sql(f"init_{name}", tables_of(name))
    suggested(f"init_{name}")

found = contracts("init_scorecard")
expect(found == {"scorecard.scorecards": "submitted_at submitted_by"}, "scorecard: the gate and who closed it", found)
found = contracts("init_counters")
expect(found == {"quality.results": '{"correct_count": "is_correct", "evaluated_count": "true"} quality.runs total is_completed completed_at',
                 "quality.runs": '{"run_count": "true"} quality.evaluations'},
       "counters: what is counted, and the completion", found)
found = contracts("init_defence")
expect(found == {"defence.assignments": "has_evaluated evaluated_at evaluated_by request_id"}, "defence: the gate of an assignment", found)
found = contracts("init_job")
expect(found == {"job.jobs": "heartbeat_at progress"}, "job: heartbeat and progress", found)
expect(contracts("init_interview") == {}, "interview: states that are not to be seen are only asked for")

create("init_pgbench")
subprocess.run(["pgbench", "-i", "-q", "init_pgbench"], check=True, stderr=subprocess.DEVNULL)
text = suggested("init_pgbench")
expect(text.startswith("-- Nothing here"), "pgbench: nothing", text)

create("init_prisma")
sql("init_prisma", PRISMA)
text = suggested("init_prisma")
expect(text.startswith("-- Nothing here"), "Prisma's sample: nothing, not even for published", text)

try:
    create("init_django")
    django_tables("init_django")
    text = suggested("init_django")
    expect(text.startswith("-- Nothing here"), "Django's own models: nothing", text)
except ImportError as missing:
    print(f"skipped: {missing}")

create("init_shop")
sql("init_shop", SHOP)
sql("init_shop", "SELECT ratchet.guard('\"Shop\".done', 'submitted_at')")
done = subprocess.run([pg_ratchet, "init", "-d", "init_shop"], stdout=subprocess.PIPE, text=True).stdout
expect('"Shop".done' not in done, "a table with a guard is left out", done)
expect("deleted_at" not in done and "published_at" not in done and "updated_at" not in done, "times that come and go are no gates", done)
expect("gate => 'completed_at'" not in done, "where a state says that it has ended, no time is a gate", done)
expect("time_zone" in done, "a time without a zone is asked about", done)
expect("status (open, it's odd)" in done, "states that are no known words are listed as they are", done)
sql("init_shop", done)
states = sql("init_shop", "SELECT states FROM ratchet.contract WHERE target = '\"Shop\".tasks'::regclass")[0][0]
states = {column: {state: set(next) for state, next in graph.items()} for column, graph in states.items()}
expect(states == {"state": {"pending": {"processing", "completed", "cancelled"},
                            "processing": {"pending", "completed", "cancelled"}, "completed": set(), "cancelled": set()}},
       "states by their words", states)
sql("init_shop", "INSERT INTO \"Shop\".tasks VALUES (1, 'completed', now(), 9); UPDATE \"Shop\".tasks SET state = 'pending', progress = 1")
expect(sql("init_shop", 'SELECT state::text, progress FROM "Shop".tasks') == [("pending", 1)], "and nothing is refused or kept")
