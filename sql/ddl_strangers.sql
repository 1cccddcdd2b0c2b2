--
-- A contract is no veto on strangers: DDL meets only the contracts that depend on what it touches, runs nobody's code,
-- and where the contract's owner has rights that the caller lacks it passes and ratchet.health() tells.
--
\set SHOW_CONTEXT never
SET client_min_messages = warning;
\pset format unaligned
\pset tuples_only on
CREATE ROLE regress_ratchet_a;
CREATE ROLE regress_ratchet_b;
CREATE SCHEMA strangers;
CREATE SCHEMA od_a AUTHORIZATION regress_ratchet_a;
CREATE SCHEMA of_b AUTHORIZATION regress_ratchet_b;
GRANT USAGE, CREATE ON SCHEMA strangers TO regress_ratchet_a, regress_ratchet_b;
SET search_path = strangers, test_setup;
CREATE FUNCTION locks() RETURNS SETOF text LANGUAGE sql AS $$
SELECT l.relation::regclass || ' ' || l.mode FROM pg_locks l JOIN pg_class c ON c.oid = l.relation
WHERE l.pid = pg_backend_pid() AND c.relnamespace IN ('strangers'::regnamespace, 'od_a'::regnamespace, 'of_b'::regnamespace)
ORDER BY 1
$$;

-- team A counts with a function of its own, and completes with another
SET ROLE regress_ratchet_a;
CREATE FUNCTION od_a.good(n int) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN n > 0; END';
CREATE FUNCTION od_a.completed(id int) RETURNS void LANGUAGE sql AS 'SELECT';
CREATE TABLE run (id int PRIMARY KEY, total int, n int, done boolean);
CREATE TABLE result (run int REFERENCES run, q int);
SELECT ratchet.tally('result', 'run', '{"n": "od_a.good(q)"}', total => 'total', total_of => 'n', done => 'done', on_done => 'od_a.completed(int)');
-- its function now raises, which is its own affair
CREATE OR REPLACE FUNCTION od_a.good(n int) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RAISE EXCEPTION ''code of a''; END';
RESET ROLE;
-- team B, without USAGE on od_a
SET ROLE regress_ratchet_b;
CREATE FUNCTION of_b.f(int) RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE TYPE of_b.colour AS ENUM ('red', 'green');
CREATE DOMAIN of_b.short AS text;
CREATE DOMAIN of_b.moment AS timestamptz;
SELECT attempt('ALTER FUNCTION of_b.f(int) STABLE');
SELECT attempt('ALTER FUNCTION of_b.f(int) RENAME TO g');
SELECT attempt($$ALTER TYPE of_b.colour ADD VALUE 'blue'$$);
SELECT attempt($$ALTER TYPE of_b.colour RENAME VALUE 'green' TO 'gray'$$);
SELECT attempt('ALTER DOMAIN of_b.short SET NOT NULL');
SELECT attempt('ALTER SCHEMA of_b OWNER TO regress_ratchet_b');
SELECT attempt('CREATE TABLE of_b.t (i int)');
SELECT attempt('ALTER TABLE of_b.t ADD j int');
RESET ROLE;
SELECT attempt('ALTER FUNCTION of_b.g(int) VOLATILE');

-- locks: none but the command's own
BEGIN;
ALTER INDEX run_pkey RENAME TO run_key;
SELECT locks();
ROLLBACK;
BEGIN;
ALTER TABLE run ADD note text;
SELECT locks();
ROLLBACK;
BEGIN;
ALTER TABLE run RENAME n TO counted;
SELECT locks();
SELECT counters FROM ratchet.contract WHERE target = 'result'::regclass;
ROLLBACK;
BEGIN;
ALTER FUNCTION od_a.good(int) RENAME TO fine;
ALTER TYPE of_b.colour ADD VALUE 'black';
SELECT locks();
ROLLBACK;

-- a guard over types of somebody else's
SET ROLE regress_ratchet_b;
GRANT USAGE ON SCHEMA of_b TO regress_ratchet_a;
CREATE TYPE of_b.form AS (id int, at timestamptz, score int);
SET ROLE regress_ratchet_a;
CREATE TABLE job (id int PRIMARY KEY, at of_b.moment, status of_b.colour, note text, short of_b.short DEFAULT '');
SELECT ratchet.guard('job', 'at', owned => '{short}', states => '{"status": {"red": ["gray"], "gray": []}}');
CREATE TABLE typed OF of_b.form (PRIMARY KEY (id));
SELECT ratchet.guard('typed', 'at', owned => '{score}');
INSERT INTO job VALUES (1, NULL, 'red', 'x'), (2, '2026-01-01', 'red', 'x');
INSERT INTO typed VALUES (1, '2026-01-01', 1);
RESET ROLE;
-- who has the owner's rights is told in the command
SELECT attempt($$ALTER TYPE of_b.colour RENAME VALUE 'gray' TO 'grey'$$);
SELECT attempt('DROP DOMAIN of_b.short CASCADE');
SELECT attempt('ALTER TYPE of_b.form DROP ATTRIBUTE score CASCADE');
SELECT attempt('ALTER TYPE of_b.form DROP ATTRIBUTE score CASCADE, ADD ATTRIBUTE score int CASCADE');
-- who has not, is not
SET ROLE regress_ratchet_b;
SELECT attempt($$ALTER TYPE of_b.colour RENAME VALUE 'gray' TO 'grey'$$);
RESET ROLE;
SELECT severity, target, finding FROM ratchet.health() WHERE target::text = 'job' ORDER BY finding;
-- only what needs the state fails
SET ROLE regress_ratchet_a;
SELECT attempt($$UPDATE job SET note = 'y'$$);
SELECT attempt($$UPDATE job SET status = 'grey' WHERE id = 1$$);
SELECT attempt($$UPDATE job SET short = 'y' WHERE id = 2$$);
SELECT id, at, short, note FROM job ORDER BY id;
SELECT ratchet.guard('job', 'at', owned => '{short}', states => '{"status": {"red": ["grey"], "grey": []}}', replace => true);
SELECT attempt($$UPDATE job SET status = 'grey' WHERE id = 1$$);
-- a gate that can never be open again is a gate that is closed
UPDATE job SET at = '2026-01-01';
SET ROLE regress_ratchet_b;
SELECT attempt('ALTER DOMAIN of_b.moment SET NOT NULL');
SET ROLE regress_ratchet_a;
SELECT attempt($$UPDATE job SET note = 'z'$$);
SELECT attempt($$UPDATE job SET short = 'z', note = 'zz' WHERE id = 1$$);
SELECT id, short, note FROM job ORDER BY id;
RESET ROLE;
SELECT severity, target, finding FROM ratchet.health() WHERE target::text = 'job' ORDER BY finding;
SET ROLE regress_ratchet_b;
SELECT attempt('DROP DOMAIN of_b.short CASCADE');
SELECT attempt('ALTER TYPE of_b.form DROP ATTRIBUTE score CASCADE');
RESET ROLE;
SELECT severity, target, finding FROM ratchet.health() WHERE target::text IN ('job', 'typed') ORDER BY target::text, finding;

-- rights that are taken away by somebody who owns the function
SET ROLE regress_ratchet_b;
CREATE FUNCTION of_b.even(n int) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN n % 2 = 0; END';
SET ROLE regress_ratchet_a;
CREATE TABLE sheet (id int PRIMARY KEY, n int);
CREATE TABLE line (sheet int REFERENCES sheet, q int, note text);
SELECT ratchet.tally('line', 'sheet', '{"n": "of_b.even(q)"}');
INSERT INTO sheet VALUES (1);
INSERT INTO line VALUES (1, 2), (1, 3);
SELECT * FROM sheet;
SET ROLE regress_ratchet_b;
SELECT attempt('REVOKE USAGE ON SCHEMA of_b FROM regress_ratchet_a');
SET ROLE regress_ratchet_a;
SELECT attempt('INSERT INTO line VALUES (1, 4)');
SELECT attempt($$UPDATE line SET note = 'x'$$);
SELECT attempt('ALTER TABLE line ADD other int');
RESET ROLE;
SELECT severity, target, finding FROM ratchet.health() WHERE target::text = 'line' ORDER BY finding;
SELECT attempt('ALTER FUNCTION of_b.g(int) STABLE');
GRANT USAGE ON SCHEMA of_b TO regress_ratchet_a;
SET ROLE regress_ratchet_a;
SELECT attempt('INSERT INTO line VALUES (1, 4)');
SELECT * FROM sheet;
RESET ROLE;

SET client_min_messages = error;
DROP SCHEMA strangers, od_a, of_b CASCADE;
DROP ROLE regress_ratchet_a, regress_ratchet_b;
