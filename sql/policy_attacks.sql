--
-- Attacks on policies, states and versions: each with a control, or against what a naive way would do.
--
\set SHOW_CONTEXT never
SET client_min_messages = warning;
\pset format unaligned
\pset tuples_only on
CREATE SCHEMA policy_attacks;
SET search_path = policy_attacks, test_setup;
CREATE ROLE regress_ratchet_alice;
CREATE ROLE regress_ratchet_app;
GRANT USAGE, CREATE ON SCHEMA policy_attacks TO regress_ratchet_alice;
GRANT USAGE ON SCHEMA policy_attacks TO regress_ratchet_app;

--
-- Casts that an owner has declared for his types are not called by whoever looks at his table
--
SET ROLE regress_ratchet_alice;
CREATE TYPE kind AS ENUM ('a', 'b');
CREATE FUNCTION spy(kind) RETURNS text LANGUAGE plpgsql AS $$ BEGIN RAISE 'cast called by %', current_user; END $$;
CREATE CAST (kind AS text) WITH FUNCTION spy(kind);
CREATE FUNCTION spy_json(kind) RETURNS json LANGUAGE plpgsql AS $$ BEGIN RAISE 'cast called by %', current_user; END $$;
CREATE CAST (kind AS json) WITH FUNCTION spy_json(kind);
CREATE TABLE odd (id kind PRIMARY KEY, status kind, alive timestamptz);
CREATE TABLE odder (a kind, b int, status kind, alive timestamptz, PRIMARY KEY (a, b));
CREATE TABLE record (id kind PRIMARY KEY, odd kind REFERENCES odd);
INSERT INTO odd VALUES ('a', 'a', '2020-01-01'), ('b', 'b', '2020-01-01');
INSERT INTO odder VALUES ('a', 1, 'a', '2020-01-01'), ('b', 1, NULL, 'infinity');
INSERT INTO record VALUES ('a', 'a');
SELECT attempt($$SELECT 'a'::kind::text$$);
RESET ROLE;
SELECT ratchet.guard('odd', states => '{"status": {"a": []}}', heartbeat => 'alive');
SELECT ratchet.guard('odder', states => '{"status": {"a": ["b"], "b": []}}', heartbeat => 'alive');
SELECT key, state FROM ratchet.stuck('odd', '1 day');
SELECT key, state FROM ratchet.stuck('odd', '1 day', 'a');
SELECT key, state FROM ratchet.stuck('odder', '1 day');
SELECT * FROM ratchet.orphans('odd', 'record', 'a');
SET client_min_messages = notice;
SELECT ratchet.guard('odder', states => '{"status": {"b": []}}', heartbeat => 'alive', replace => true);
SET client_min_messages = warning;

--
-- A trigger underneath an action of one's own tables is no referential action, whatever one does to the referenced row
--
SET ROLE regress_ratchet_alice;
CREATE TABLE lookup (status text PRIMARY KEY, label text);
INSERT INTO lookup VALUES ('open'), ('done');
CREATE TABLE task (id int PRIMARY KEY, status text REFERENCES lookup ON UPDATE CASCADE, result text REFERENCES lookup ON UPDATE CASCADE);
INSERT INTO task VALUES (1, 'done', 'done');
SELECT ratchet.guard('task', states => '{"status": {"open": ["done"], "done": []}}', frozen => '{result}', mode => 'reject');
GRANT SELECT, UPDATE ON task TO regress_ratchet_app;
GRANT SELECT, UPDATE (label) ON lookup TO regress_ratchet_app;
RESET ROLE;
DO $$ BEGIN EXECUTE format('GRANT TEMPORARY ON DATABASE %I TO regress_ratchet_app', current_database()); END $$;
SET ROLE regress_ratchet_app;
SELECT attempt($$UPDATE task SET status = 'open', result = 'open'$$);
CREATE TEMP TABLE p (id int PRIMARY KEY);
CREATE TEMP TABLE c (id int REFERENCES p ON DELETE CASCADE);
INSERT INTO p VALUES (1);
INSERT INTO c VALUES (1);
CREATE FUNCTION pg_temp.f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN UPDATE policy_attacks.task SET status = 'open', result = 'open' WHERE id = 1; RETURN OLD; END $$;
CREATE TRIGGER f BEFORE DELETE ON c FOR EACH ROW EXECUTE FUNCTION pg_temp.f();
BEGIN;
UPDATE lookup SET label = 'touched';
SELECT attempt('DELETE FROM p');
COMMIT;
SELECT * FROM task;
-- the control: a real action still goes through
SET ROLE regress_ratchet_alice;
UPDATE lookup SET status = 'finished' WHERE status = 'done';
SELECT * FROM task;

--
-- DDL and new contracts in the triggers of a verb's own update
--
CREATE TABLE moving (id int PRIMARY KEY, status text, once1 text, x text);
INSERT INTO moving VALUES (1, 'q'), (2, 'q');
SELECT ratchet.guard('moving', states => '{"status": {"q": ["r"], "r": []}}', once => '{once1}');
CREATE FUNCTION evil() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.id = 1 THEN
        PERFORM ratchet.guard('policy_attacks.moving', once => '{once1}', replace => true);
        UPDATE policy_attacks.moving SET x = 'y' WHERE id = 2;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER a BEFORE UPDATE ON moving FOR EACH ROW EXECUTE FUNCTION evil();
SELECT attempt($$SELECT * FROM ratchet.advance('moving', 1, 'r')$$);
SELECT id, status FROM moving ORDER BY id;
CREATE OR REPLACE FUNCTION evil() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.id = 1 THEN
        ALTER TABLE policy_attacks.moving RENAME x TO y;
        UPDATE policy_attacks.moving SET once1 = 'z' WHERE id = 2;
    END IF;
    RETURN NEW;
END $$;
SELECT attempt($$SELECT * FROM ratchet.update('moving', 1, '{"x": "patched"}')$$);
SELECT attempt($$SELECT * FROM ratchet.amend('moving', 1, '{"x": "patched"}', NULL, 'test')$$);
SELECT * FROM moving ORDER BY id;

--
-- Counts are no changes that a version counts, whichever way they are written
--
CREATE TABLE run (id int PRIMARY KEY, v int DEFAULT 1, n int NOT NULL DEFAULT 0, title text, CHECK (n >= 0));
CREATE TABLE result (run int REFERENCES run);
SELECT ratchet.tally('result', 'run', '{"n": "true"}');
SELECT ratchet.guard('run', version => 'v');
INSERT INTO run (id) VALUES (1);
INSERT INTO result VALUES (1);
SELECT v, n FROM run;
CREATE FUNCTION same() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER same BEFORE UPDATE ON run FOR EACH ROW EXECUTE FUNCTION same();
INSERT INTO result VALUES (1), (1);
SELECT v, n FROM run;
SELECT outcome FROM ratchet.update('run', 1, '{"title": "edited", "v": 1}');
SELECT v, n FROM run;

--
-- Under suspend() the verbs still say what they did
--
CREATE TABLE job (id int PRIMARY KEY, status text, key text, alive timestamptz);
INSERT INTO job VALUES (1, 'q'), (2, 'd'), (3, 'q');
SELECT ratchet.guard('job', states => '{"status": {"q": ["r"], "r": ["d"], "d": []}}', heartbeat => 'alive', idempotency_key => 'key');
BEGIN;
CALL ratchet.suspend('job', 'test');
SELECT outcome, state, was FROM ratchet.advance('job', 1, 'd', idempotency_key => 'k');
SELECT outcome, state, was FROM ratchet.advance('job', 1, 'd', idempotency_key => 'k');
SELECT outcome, state, was FROM ratchet.advance('job', 2, 'q');
SELECT outcome FROM ratchet.beat('job', 1);
SELECT outcome FROM ratchet.beat('job', 3);
COMMIT;
SELECT id, status, key FROM job ORDER BY id;

--
-- What the caller may not read he is not told
--
CREATE TABLE secret (id int PRIMARY KEY, status text);
INSERT INTO secret VALUES (1, 'top');
SELECT ratchet.guard('secret', states => '{"status": {"low": ["top"], "top": []}}');
GRANT SELECT (id), UPDATE (status) ON secret TO regress_ratchet_app;
SET ROLE regress_ratchet_app;
SELECT attempt('SELECT status FROM policy_attacks.secret');
SELECT outcome, state, was FROM ratchet.advance('secret', 1, 'low');
SET ROLE regress_ratchet_alice;

--
-- One odd row does not make stuck() fail; a graph has an end
--
UPDATE job SET alive = '-infinity' WHERE id = 3;
INSERT INTO job (id, status, alive) VALUES (4, 'q', '-infinity');
SELECT key, since, age FROM ratchet.stuck('job', '1 day');
CREATE TABLE large (id int PRIMARY KEY, n int);
SELECT attempt(format('SELECT ratchet.guard(''large'', states => %L)', jsonb_build_object('n', (SELECT jsonb_object_agg(i, '[]'::jsonb) FROM generate_series(1, 1001) i))));
SELECT attempt(format('SELECT ratchet.guard(''large'', states => %L)', jsonb_build_object('n', (SELECT jsonb_object_agg(i, jsonb_build_array(i % 1000 + 1)) FROM generate_series(1, 1000) i))));
INSERT INTO large VALUES (1, 1000), (2, 500);
UPDATE large SET n = n % 1000 + 1;
SELECT * FROM large ORDER BY id;

RESET ROLE;
SET client_min_messages = error;
DROP TABLE pg_temp.c, pg_temp.p;
DROP SCHEMA policy_attacks CASCADE;
DO $$ BEGIN EXECUTE format('REVOKE TEMPORARY ON DATABASE %I FROM regress_ratchet_app', current_database()); END $$;
DROP OWNED BY regress_ratchet_app;
DROP ROLE regress_ratchet_alice, regress_ratchet_app;
