"""What the command says, and with which exit code, where something is wrong around it: command_in_trouble.py PG_RATCHET

A full disk, names that somebody has chosen with care, a table in another transaction's hand, a role without rights, an
extension of another version, a connection that ends. The server is the one that PGHOST and so on name.
"""
import os
import pathlib
import subprocess
import sys
import tempfile

pg_ratchet = sys.argv[1]


def expect(true, what, evidence=""):
    print(("ok: " if true else "FAILED: ") + what)
    if not true:
        sys.exit(f"{what}: {evidence}")


def sql(text, database="trouble"):
    done = subprocess.run(["psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-d", database], input=text, capture_output=True, text=True)
    expect(done.returncode == 0, f"SQL in {database}", done.stderr)
    return done.stdout.strip()


def run(*arguments, out=subprocess.PIPE):
    # The encoding is the database's, whatever the locale.
    return subprocess.run([pg_ratchet, *arguments], stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.PIPE,
                          encoding="utf-8", env={**os.environ, "PGDATABASE": "trouble"}, timeout=120)


def fails(done, code, message):
    expect(done.returncode == code and message in done.stderr, f"exit code {code}: {message}", (done.returncode, done.stderr))


sql("CREATE DATABASE trouble; CREATE ROLE trouble_nobody LOGIN", "postgres")
sql("""
CREATE EXTENSION ratchet;
CREATE TABLE runs (id bigint PRIMARY KEY, total int, n int NOT NULL DEFAULT 0, done boolean NOT NULL DEFAULT false);
CREATE TABLE results (id bigint PRIMARY KEY, run_id bigint REFERENCES runs);
INSERT INTO runs VALUES (1, 4);
SELECT ratchet.tally('results', 'runs', '{"n": "true"}', total => 'total', done => 'done');
CREATE TABLE cards (id bigint PRIMARY KEY, submitted_at timestamptz);
SELECT ratchet.guard('cards', 'submitted_at');
""")

# A full disk: what was not written must not look as if there had been nothing to say.
with open("/dev/full", "w", encoding="utf-8") as full:
    for arguments in (["list"], ["list", "--json"], ["health"], ["doctor"], ["verify"], ["describe", "cards"], ["init"],
                      ["top", "--once"], ["--help"], ["--version"], ["--generate", "man"]):
        fails(run(*arguments, out=full), 2, "No space left on device")

with tempfile.TemporaryDirectory() as directory:
    place = pathlib.Path(directory)
    race = ["race", "gate", "-d", "trouble", "--rounds", "1", "--variant", "submit", "--report"]
    # Through a link, because a file that takes the place of a device is a sad thing to find.
    device = place / "device"
    device.symlink_to("/dev/full")
    fails(run(*race, str(device)), 2, f"cannot write {device}: No space left on device")
    expect(device.is_symlink() and device.is_char_device(), "a device stays what it is")
    (place / "real.html").write_text("before")
    (place / "link.html").symlink_to(place / "real.html")
    expect(run(*race, str(place / "link.html")).returncode == 0, "a report to where a link leads")
    expect((place / "link.html").is_symlink() and "<html" in (place / "real.html").read_text(), "the link leads there still")

# Names that end a comment, or move a terminal's cursor. What init prints is SQL that somebody pipes into psql.
EVIL = 'evil\nDROP TABLE cards; --'
COLUMNS = "(id bigint PRIMARY KEY, submitted_at timestamptz, status text CHECK (status IN ('a', E'b\\rDROP TABLE cards; --')))"
sql(f"""
CREATE TABLE "{EVIL}" {COLUMNS};
CREATE TABLE "Evils" (id bigint PRIMARY KEY, "user_count" int NOT NULL DEFAULT 0);
CREATE TABLE "of\nDROP TABLE cards; --" (id bigint PRIMARY KEY, evil bigint REFERENCES "Evils", "user" boolean);
CREATE TABLE born_closed (id bigint PRIMARY KEY, submitted_at timestamptz DEFAULT now());
CREATE TABLE ancestors (id bigint PRIMARY KEY, submitted_at timestamptz);
CREATE TABLE descendants (more int) INHERITS (ancestors);
CREATE TABLE posts (id bigint PRIMARY KEY, comments_count int NOT NULL DEFAULT 0);
CREATE TABLE comments (id bigint PRIMARY KEY, post_id bigint REFERENCES posts, answers bigint REFERENCES posts);
""")
suggested = run("init")
expect(suggested.returncode == 0, "init runs")
for line in suggested.stdout.replace("\r", "\n").splitlines():
    # The one place where a name's second line may begin a line: within a literal.
    expect(not line.startswith("DROP TABLE") or line == "DROP TABLE cards; --\"',", "no name ends its comment", line)
expect("born_closed" not in suggested.stdout, "a time with a default is no gate", suggested.stdout)
expect("ancestors" not in suggested.stdout, "nor is a table whose children no guard would see", suggested.stdout)
expect("public.posts" not in suggested.stdout, "nor is it counted by one of two references", suggested.stdout)
sql(suggested.stdout)
expect(sql("SELECT count(*) FROM cards") == "0", "and every table is there")
tally = "\n".join(line[3:] for line in suggested.stdout.splitlines() if line.startswith("-- "))
tally = tally[tally.index("SELECT ratchet.tally("):]
sql(tally[:tally.index(");") + 2])
expect(sql("SELECT counters ->> 'user_count' FROM ratchet.contract WHERE kind = 'tally' AND parent = '\"Evils\"'::regclass")
       == '"user"', "a column that is a word of SQL is quoted")
sql("""DO $$ BEGIN
    EXECUTE format('CREATE TABLE %I (id bigint PRIMARY KEY, submitted_at timestamptz)', E'red\\x1b[31m');
    PERFORM ratchet.guard(format('%I', E'red\\x1b[31m')::regclass, 'submitted_at', mode => 'observe');
END $$""")
for command in ("list", "health", "doctor"):
    done = run(command)
    expect("\x1b" not in done.stdout and "\\x1b[31m" in done.stdout, f"{command} obeys no name", done.stdout)
    expect("\nDROP" not in done.stdout and "\\x0aDROP" in done.stdout, f"{command} has a name on one line", done.stdout)
sql("""
CREATE TABLE jobs (id text PRIMARY KEY, status text NOT NULL, seen_at timestamptz);
SELECT ratchet.guard('jobs', heartbeat => 'seen_at', states => '{"status": {"running": ["failed"], "failed": []}}');
INSERT INTO jobs VALUES (E'a\\x1b[31m\\nb', 'running', now() - interval '1 hour');
""")
for more in (["--dry-run"], []):
    done = run("sweep", "--table", "jobs", "--older-than", "1min", "--to", "failed", *more)
    expect("\x1b" not in done.stdout and "\\x1b[31m" in done.stdout, f"sweep {more} obeys no key", done.stdout)
done = run("describe", "nowhere")
expect(done.stderr == 'pg_ratchet: ERROR:  relation "nowhere" does not exist\n', "a table that is not there, in one line", done.stderr)
fails(run("init", "--schema", "nowhere"), 2, "there is no schema nowhere")

# Nothing to verify is not everything verified.
done = run("verify", "-U", "trouble_nobody")
expect(done.returncode == 5 and "nothing was counted" in done.stdout, "a role without tables is told so", done)
expect(run("verify", "-U", "trouble_nobody", "--json").stdout == "[]\n", "as JSON, too")
expect(run("verify").returncode == 0, "the owner has counters")

# A table that somebody has locked: not for ever.
holder = subprocess.Popen(["psql", "-XAtq", "-d", "trouble"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
holder.stdin.write("BEGIN; LOCK TABLE cards; SELECT 'locked';\n")
holder.stdin.flush()
expect(holder.stdout.readline() == "locked\n", "a table is locked")
waiting = {command: subprocess.Popen([pg_ratchet, *command.split()], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                     text=True, env={**os.environ, "PGDATABASE": "trouble"})
           for command in ("list", "health", "doctor", "describe cards")}
for command, process in waiting.items():
    _, message = process.communicate(timeout=120)
    expect(process.returncode == 2 and "has locked a table" in message, f"{command} gives up and says so", message)
holder.communicate("ROLLBACK;\n")

# A connection that ends.
watching = subprocess.Popen([pg_ratchet, "watch", "runs", "1", "--interval", "50ms", "--timeout", "2min"],
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, "PGDATABASE": "trouble"})
sql("""DO $$ BEGIN
    FOR i IN 1..1200 LOOP
        PERFORM pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'pg_ratchet' AND state = 'idle';
        EXIT WHEN FOUND;
        PERFORM pg_sleep(0.05), pg_stat_clear_snapshot();
    END LOOP;
END $$""")
_, message = watching.communicate(timeout=120)
expect(watching.returncode == 2 and "the connection to the server was lost" in message, "a lost connection is called that", message)

# An extension that the command was not made for: it says so, races included.
sql("UPDATE pg_extension SET extversion = '0.0.9' WHERE extname = 'ratchet'")
for arguments in (["list"], ["race", "gate", "-d", "trouble", "--rounds", "1"], ["race", "counters", "-d", "trouble", "--rounds", "1"]):
    fails(run(*arguments), 2, "has version 0.0.9 of the extension ratchet")
done = run("race", "gate", "-d", "trouble", "--rounds", "1", "--variant", "none", "-U", "trouble_nobody")
expect(done.stderr.strip("\n") == done.stderr[:-1], "a message ends with one end of a line", done.stderr)
