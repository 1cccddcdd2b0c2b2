--
-- What nobody works on any more is moved: by stuck() with what it was seen as, and by sweep(), which waits for nobody
--
\set SHOW_CONTEXT never
SET client_min_messages = warning;
\pset format unaligned
\pset tuples_only on
CREATE SCHEMA sweep;
SET search_path = sweep, test_setup;
CREATE TYPE status AS ENUM ('queued', 'running', 'done', 'failed');
CREATE TABLE job (id int PRIMARY KEY, status status NOT NULL DEFAULT 'queued', alive_at timestamptz, attempt int NOT NULL DEFAULT 1, note text);
SELECT ratchet.guard('job', states => '{"status": {"queued": ["running", "failed"], "running": ["done", "failed", "queued"], "done": [], "failed": ["queued"]}}',
    heartbeat => 'alive_at', alive => '{running}', fence => 'attempt');
INSERT INTO job SELECT i, 'running', now() - i * interval '1 hour' FROM generate_series(1, 6) i;
INSERT INTO job VALUES (7, 'running', NULL), (8, 'queued', now() - interval '9 days'), (9, 'done', now() - interval '9 days'), (10, 'failed', now() - interval '9 days');

-- stuck(): what it was judged by
SELECT key, state, (SELECT string_agg(k, ' ') FROM jsonb_object_keys(expect) k), (expect ->> 'alive_at')::timestamptz = since FROM ratchet.stuck('job', '150 min');
CREATE TABLE seen AS SELECT * FROM ratchet.stuck('job', '150 min');
-- a sign of life, a move and another worker, while the sweep was on its way
SELECT outcome FROM ratchet.beat('job', 3);
SELECT outcome FROM ratchet.advance('job', 4, 'done');
UPDATE job SET attempt = 2, alive_at = now() WHERE id = 5;
SELECT s.key, a.outcome, a.stale, a.state FROM seen s, LATERAL ratchet.advance('job', s.key, 'failed', '{"note": "no sign of life"}', expect => s.expect) a ORDER BY s.key;
SELECT id, status, attempt, note FROM job ORDER BY id;
-- the same in another session's clothes: the text is read as it was written
SET DateStyle = 'German';
SET TimeZone = 'Asia/Kathmandu';
CREATE TABLE seen_so AS SELECT * FROM ratchet.stuck('job', '90 min');
SET DateStyle = 'SQL, MDY';
SET TimeZone = 'America/St_Johns';
SELECT s.key, a.outcome FROM seen_so s, LATERAL ratchet.advance('job', s.key, 'queued', expect => s.expect) a;
RESET DateStyle;
RESET TimeZone;

-- sweep()
UPDATE job SET status = 'queued' WHERE status = 'failed';
UPDATE job SET status = 'running', alive_at = NULL WHERE status = 'queued' AND id < 8;
BEGIN;
SET LOCAL session_replication_role = replica;
UPDATE job SET alive_at = now() - id * interval '1 hour' WHERE id < 7;
COMMIT;
SELECT id, status, now() - alive_at > interval '90 min' FROM job ORDER BY id;
SELECT key, was, state, since IS NULL, age >= interval '5 hours' FROM ratchet.sweep('job', '90 min', 'failed', patch => '{"note": "swept"}', max_rows => 2);
SELECT key, was, state FROM ratchet.sweep('job', '90 min', 'queued');
SELECT key, was, state FROM ratchet.sweep('job', '90 min', 'queued');
SELECT key, was, state FROM ratchet.sweep('job', '1 day', 'failed', state => 'queued', max_rows => NULL);
SELECT id, status, note, alive_at > now() - interval '1 minute' FROM job ORDER BY id;
-- what becomes of a displaced worker
SELECT outcome FROM ratchet.beat('job', 6);
SELECT outcome, state FROM ratchet.advance('job', 6, 'done');

-- a composite key with odd names and a state in it, integers as states, a timestamp as the time
CREATE TABLE "Odd Job" ("the id" text, part int, "State" int DEFAULT 1, "at" timestamp, PRIMARY KEY ("the id", part, "State"));
CREATE TABLE child (i text, p int, s int, FOREIGN KEY (i, p, s) REFERENCES "Odd Job" ON UPDATE CASCADE);
SELECT ratchet.guard('"Odd Job"', states => '{"State": {"1": ["2"], "2": []}}', time_zone => 'UTC');
INSERT INTO "Odd Job" VALUES ('a b', 1, 1, '2020-01-01'), ('a b', 2, 1, '2020-01-01'), ('c', 1, 2, '2020-01-01');
INSERT INTO child VALUES ('a b', 1, 1);
SELECT key, state, expect FROM ratchet.stuck('"Odd Job"', '1 day', since => 'at');
SELECT key, was, state FROM ratchet.sweep('"Odd Job"', '1 day', '2', since => 'at');
TABLE child;
-- a gate, two columns of states
CREATE TABLE two (id bigint PRIMARY KEY, a text DEFAULT 'x', b text DEFAULT 'm', at timestamptz, seen timestamptz DEFAULT '2020-01-01');
SELECT ratchet.guard('two', 'at', states => '{"a": {"x": ["y", "z"], "y": [], "z": ["x"]}, "b": {"m": ["n"], "n": []}}', heartbeat => 'seen');
INSERT INTO two (id, b) VALUES (1, 'm'), (2, 'n'), (3, 'm');
SELECT outcome FROM ratchet.submit('two', 3);
SELECT key, expect FROM ratchet.stuck('two', '1 day');
SELECT key, was, state FROM ratchet.sweep('two', '1 day', 'z');
SELECT key, was, state FROM ratchet.sweep('two', '0', 'x', state => 'z');
-- partitions, whose rows move with the state
CREATE TABLE moved (id int, status text, seen timestamptz, PRIMARY KEY (id, status)) PARTITION BY LIST (status);
CREATE TABLE moved_running PARTITION OF moved FOR VALUES IN ('running');
CREATE TABLE moved_rest PARTITION OF moved DEFAULT;
SELECT ratchet.guard('moved', states => '{"status": {"running": ["failed"], "failed": []}}', heartbeat => 'seen', alive => '{running}');
INSERT INTO moved VALUES (1, 'running', '2020-01-01'), (2, 'running', now()), (3, 'failed', '2020-01-01');
SELECT key, was, state FROM ratchet.sweep('moved', '1 day', 'failed');
SELECT tableoid::regclass, id, status FROM moved ORDER BY 2;

-- bad arguments
SELECT attempt($$SELECT ratchet.sweep(NULL, '1 day', 'failed')$$);
SELECT attempt($$SELECT ratchet.sweep('job', NULL, 'failed')$$);
SELECT attempt($$SELECT ratchet.sweep('job', '1 day', NULL)$$);
SELECT attempt($$SELECT ratchet.sweep('job', '1 day', 'gone')$$);
SELECT attempt($$SELECT ratchet.sweep('job', '1 day', 'failed', state => 'gone')$$);
SELECT attempt($$SELECT ratchet.sweep('two', '1 day', 'y', state => 'm')$$);
SELECT attempt($$SELECT ratchet.sweep('two', '1 day', 'm')$$);
SELECT attempt($$SELECT ratchet.sweep('job', '1 day', 'failed', since => 'note')$$);
SELECT attempt($$SELECT ratchet.sweep('job', '1 day', 'failed', patch => '{"status": "done"}')$$);
SELECT attempt($$SELECT ratchet.sweep('job', '1 day', 'failed', patch => '{"nothing": 1}')$$);
SELECT attempt($$SELECT ratchet.sweep('job', '1 day', 'failed', max_rows => 0)$$);
SELECT attempt($$SELECT ratchet.sweep('pg_class', '1 day', 'failed')$$);
CREATE TABLE keyless (status text, seen timestamptz DEFAULT '2020-01-01');
SELECT ratchet.guard('keyless', states => '{"status": {"a": ["b"], "b": []}}', heartbeat => 'seen');
INSERT INTO keyless VALUES ('a');
SELECT attempt($$SELECT ratchet.sweep('keyless', '1 day', 'b')$$);

-- a trigger of an earlier move shows a sign of life of a later row: that is judged again
CREATE TABLE pair (id int PRIMARY KEY, status text, alive_at timestamptz);
SELECT ratchet.guard('pair', states => '{"status": {"running": ["failed"], "failed": []}}', heartbeat => 'alive_at');
CREATE FUNCTION beat_next() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE pair SET alive_at = now() WHERE id = NEW.id + 1 AND status = 'running';
    RETURN NULL;
END $$;
CREATE TRIGGER beat_next AFTER UPDATE OF status ON pair FOR EACH ROW EXECUTE FUNCTION beat_next();
INSERT INTO pair VALUES (1, 'running', '2020-01-01'), (2, 'running', '2020-01-02'), (3, 'running', '2020-01-03');
SELECT key, was, state FROM ratchet.sweep('pair', '1 day', 'failed');
SELECT id, status, alive_at > '2020-01-05' FROM pair ORDER BY id;
-- a row without a state has not begun, and can be moved anywhere
INSERT INTO pair VALUES (5, NULL, '2020-01-01');
SELECT key, was, state FROM ratchet.sweep('pair', '1 day', 'failed');
-- a key is told as a verb reads it, whatever the session's settings
CREATE TABLE day (day date PRIMARY KEY, status text DEFAULT 'running', alive_at timestamptz DEFAULT '2020-01-01');
SELECT ratchet.guard('day', states => '{"status": {"running": ["failed"], "failed": ["running"]}}', heartbeat => 'alive_at');
INSERT INTO day VALUES ('2020-03-02');
SET DateStyle = 'German';
SELECT key FROM ratchet.stuck('day', '1 day');
SELECT key FROM ratchet.sweep('day', '1 day', 'failed');
RESET DateStyle;

-- rights: those of the caller
CREATE ROLE regress_ratchet_sweeper;
GRANT USAGE ON SCHEMA sweep, test_setup TO regress_ratchet_sweeper;
GRANT SELECT ON job TO regress_ratchet_sweeper;
UPDATE job SET status = 'queued' WHERE status = 'failed';
UPDATE job SET status = 'running' WHERE id = 1;
SET ROLE regress_ratchet_sweeper;
SELECT attempt($$SELECT ratchet.sweep('job', '0', 'failed')$$);
RESET ROLE;
GRANT UPDATE (status, alive_at) ON job TO regress_ratchet_sweeper;
SET ROLE regress_ratchet_sweeper;
SELECT attempt($$SELECT ratchet.sweep('job', '0', 'failed', patch => '{"note": "x"}')$$);
SELECT key, was FROM ratchet.sweep('job', '0', 'failed');
RESET ROLE;
-- a trigger that suppresses the move is an error, not a row less
CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE TRIGGER a BEFORE UPDATE ON two FOR EACH ROW EXECUTE FUNCTION nothing();
SELECT attempt($$SELECT ratchet.sweep('two', '0', 'z')$$);

--
-- Where a move can wait for somebody it is a subtransaction, which shows in xmin, and a row that would have to wait is left
--
CREATE TABLE lane (id int PRIMARY KEY);
INSERT INTO lane VALUES (1);
CREATE TABLE plain (id int PRIMARY KEY, request int UNIQUE, lane int REFERENCES lane, state text DEFAULT 'a', v int DEFAULT 0, seen timestamptz);
CREATE TABLE record (plain int REFERENCES plain);
SELECT ratchet.guard('plain', states => '{"state": {"a": ["b"], "b": ["a"]}}', version => 'v', heartbeat => 'seen');
INSERT INTO plain (id, request, lane, seen) SELECT i, i, 1, '2020-01-01' FROM generate_series(1, 3) i;
CREATE FUNCTION transactions(patch jsonb DEFAULT NULL) RETURNS TABLE (moved bigint, transactions bigint) LANGUAGE plpgsql AS $$
BEGIN
    PERFORM ratchet.advance('plain', key, 'a') FROM ratchet.stuck('plain', '-1 day', 'b');
    moved := count(*) FROM ratchet.sweep('plain', '-1 day', 'b', 'a', patch => patch);
    transactions := count(DISTINCT xmin::text) FROM plain WHERE state = 'b';
    RETURN NEXT;
END $$;
-- keys and references that stay as they are, and a reference that is set
SELECT * FROM transactions();
SELECT * FROM transactions('{"lane": 1}');
CREATE INDEX i ON plain (state);
SELECT * FROM transactions();
-- what may be refused, for anything that the move sets
CREATE UNIQUE INDEX u ON plain (id) WHERE state = 'b';
SELECT * FROM transactions();
DROP INDEX u;
CREATE UNIQUE INDEX u ON plain ((id::text || state));
SELECT * FROM transactions();
DROP INDEX u;
CREATE UNIQUE INDEX u ON plain (id, seen);
SELECT * FROM transactions();
DROP INDEX u;
CREATE UNIQUE INDEX u ON plain (id, v);
SELECT * FROM transactions();
DROP INDEX u;
ALTER TABLE plain ADD CHECK (v >= 0);
SELECT * FROM transactions();
ALTER TABLE plain DROP CONSTRAINT plain_v_check;
SELECT * FROM transactions();
ALTER TABLE plain ENABLE ROW LEVEL SECURITY;
SELECT * FROM transactions();
ALTER TABLE plain DISABLE ROW LEVEL SECURITY;
-- triggers of others, which may say themselves that they would have to wait
CREATE FUNCTION busy() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.id = 2 AND NEW.state = 'b' THEN RAISE lock_not_available; END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER busy AFTER UPDATE ON plain FOR EACH ROW EXECUTE FUNCTION busy();
SELECT * FROM transactions();
SELECT id, state FROM plain ORDER BY id;
-- any other error is one of the call
CREATE OR REPLACE FUNCTION busy() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.id = 3 AND NEW.state = 'b' THEN RAISE 'too busy'; END IF;
    RETURN NEW;
END $$;
SELECT attempt('SELECT transactions()');
-- nobody takes away the cursor that the rows come from
CREATE OR REPLACE FUNCTION busy() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN EXECUTE 'CLOSE ALL'; RETURN NEW; END $$;
SELECT left(attempt($$SELECT ratchet.sweep('plain', '-1 day', 'b', 'a')$$), 5);
SELECT current_setting('lock_timeout');

SET client_min_messages = error;
DROP OWNED BY regress_ratchet_sweeper;
DROP SCHEMA sweep CASCADE;
DROP ROLE regress_ratchet_sweeper;
