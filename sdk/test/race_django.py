"""The endpoints of a Django application are raced: race_django.py PG_RATCHET APPLICATION

Starts the application of docs/examples/django_race, as docs/guide/race.md shows it, on the database that the
environment names. Its submissions must be seen to be lost, and the lost rows kept; once the table is guarded none may be.
Exit status 77: no Django.
"""
import json
import subprocess
import sys

try:
    import django  # noqa: F401
    import psycopg2
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(77)

pg_ratchet, application = sys.argv[1:3]
ROUNDS = 15


def run(*command):
    subprocess.run([sys.executable, application, *command], check=True)


def race(url):
    """The commands of docs/guide/race.md, with the application's own client in place of curl."""

    def endpoint(rest):
        return f"{sys.executable} {application} post {url}/scorecards{rest}"

    done = subprocess.run(
        [pg_ratchet, "race", "own", "-n", str(ROUNDS), "--writers", "2", "--think", "60ms", "--keep-failed", "--json"]
        + ["--create-cmd", endpoint("")]
        + ["--update-cmd", endpoint("/{key}/update?work={think_ms}")]
        + ["--submit-cmd", endpoint("/{key}/submit?work={think_ms}")]
        + ["--check-cmd", endpoint("/{key}/submitted")]
        + ["--cleanup-cmd", endpoint("/{key}/delete")],
        stdout=subprocess.PIPE,
    )
    return done.returncode, json.loads(done.stdout)


def rows(where="true"):
    connection = psycopg2.connect("")
    with connection, connection.cursor() as cursor:
        cursor.execute(f"SELECT id::text FROM scorecards WHERE {where} ORDER BY scorecards.id")
        found = [key for key, in cursor.fetchall()]
    connection.close()
    return found


def expect(true, what, evidence):
    print(("ok: " if true else "FAILED: ") + what)
    if not true:
        sys.exit(f"{what}: {evidence}")


run("migrate")
server = subprocess.Popen([sys.executable, application, "serve", "0"], stdout=subprocess.PIPE, text=True)
try:
    url = server.stdout.readline().strip()

    status, found = race(url)
    expect(status == 1 and found["lost"] > 0, "without a contract submissions are lost", found)
    expect(found["submits"]["succeeded"] == ROUNDS, "all of them had been answered success", found)
    expect(rows() == [failure["key"] for failure in found["failures"]], "the lost rows are kept, and no other", rows())
    expect(not rows("submitted_at IS NOT NULL"), "none of them is submitted", rows())
    expect("409 is not submitted" in found["failures"][0]["complaint"], "the check's words are told", found)

    run("guard")
    kept = rows()
    status, guarded = race(url)
    expect(status == 0 and guarded["lost"] == 0, "with a contract none is lost", guarded)
    expect(guarded["submits"]["succeeded"] == ROUNDS, "all of them were answered success", guarded)
    expect(guarded["updates"]["succeeded"] == 2 * ROUNDS, "and so were all updates", guarded)
    expect(rows() == kept, "every row was cleaned up", rows())
finally:
    server.terminate()
    server.wait()
