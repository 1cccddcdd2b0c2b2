--
-- What a tally names is renamed, moved, or changes what it is: followed, or refused in that very command.
--
\set SHOW_CONTEXT never
SET client_min_messages = warning;
\pset format unaligned
\pset tuples_only on
CREATE SCHEMA ddl_names;
CREATE SCHEMA lib;
SET search_path = ddl_names, test_setup;
CREATE FUNCTION counted() RETURNS SETOF text LANGUAGE sql AS $$
SELECT c.value FROM ratchet.contract t, jsonb_each_text(t.counters) c WHERE t.target::text ~ 'result' ORDER BY c.key COLLATE "C"
$$;
CREATE DOMAIN lib.points AS integer;
CREATE COLLATION lib.german (provider = libc, locale = 'C');
CREATE TEXT SEARCH CONFIGURATION lib.plain (COPY = pg_catalog.simple);
CREATE TYPE lib.colour AS ENUM ('red', 'green');
CREATE TYPE lib.pair AS (a int, b int);
CREATE TABLE lib.address (zip text);
CREATE FUNCTION lib.big(n int) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN n > 10; END';
CREATE FUNCTION lib.zip(a lib.address) RETURNS text LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN a.zip; END';
CREATE FUNCTION lib.same(a int, b int) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN a = b; END';
CREATE OPERATOR lib.=== (FUNCTION = lib.same, LEFTARG = int, RIGHTARG = int);
CREATE FUNCTION lib.finished(id lib.points) RETURNS void LANGUAGE sql AS 'SELECT';
CREATE TABLE run (id int PRIMARY KEY, total int, done boolean, n1 int, n2 int, n3 int, n4 int, n5 int, n6 int, n7 int, n8 int, "n $1" int);
CREATE TABLE result (run int REFERENCES run, q int, body text, tint lib.colour, home lib.address, pair lib.pair, "q $2" int);
SELECT ratchet.tally('result', 'run', $${
    "n1": "CAST(q AS lib.points) > 1", "n2": "body < 'x' COLLATE lib.german", "n3": "to_tsvector('lib.plain', body) @@ to_tsquery('lib.plain', 'a$1''s')",
    "n4": "tint = 'red'", "n5": "lib.big(q)", "n6": "lib.zip(home) = '$2'", "n7": "q OPERATOR(lib.===) 1",
    "n8": "(pair).a = 1 AND lib.zip(ROW('1')::lib.address) = '1'", "n $1": "sum(\"q $2\")"}$$,
    total => 'total', total_of => 'n5', done => 'done', on_done => 'lib.finished(lib.points)');
SELECT counted();
INSERT INTO run VALUES (1, 9);
INSERT INTO result VALUES (1, 11, 'a$1''s', 'red', '($2)', '(1,2)', 4);
SELECT * FROM run;

-- each of them is followed
CREATE SCHEMA moved;
ALTER DOMAIN lib.points RENAME TO "Punkte";
ALTER DOMAIN lib."Punkte" SET SCHEMA moved;
ALTER COLLATION lib.german RENAME TO deutsch;
ALTER COLLATION lib.deutsch SET SCHEMA moved;
ALTER TEXT SEARCH CONFIGURATION lib.plain RENAME TO bare;
ALTER TEXT SEARCH CONFIGURATION lib.bare SET SCHEMA moved;
ALTER TYPE lib.colour RENAME VALUE 'red' TO 'it''s red';
ALTER TYPE lib.colour RENAME TO tint;
ALTER TYPE lib.pair RENAME ATTRIBUTE a TO "$1";
ALTER TYPE lib.pair RENAME TO couple;
ALTER TABLE lib.address RENAME TO place;
ALTER TABLE lib.place SET SCHEMA moved;
ALTER FUNCTION lib.big(int) RENAME TO large;
ALTER FUNCTION lib.large(int) SET SCHEMA moved;
ALTER ROUTINE lib.zip(moved.place) RENAME TO code;
ALTER OPERATOR lib.=== (int, int) SET SCHEMA moved;
ALTER FUNCTION lib.finished(moved."Punkte") RENAME TO completed;
ALTER SCHEMA lib RENAME TO "Bibliothek";
SELECT counted();
SELECT on_done FROM ratchet.contract WHERE target = 'result'::regclass;
\c -
\set SHOW_CONTEXT never
SET client_min_messages = warning;
SET search_path = ddl_names, test_setup;
INSERT INTO result VALUES (1, 12, 'a$1''s', 'it''s red', '($2)', '(1,2)', 5);
SELECT * FROM run;
SELECT severity, finding FROM ratchet.health();
SELECT * FROM ratchet.verify();
-- and with it the partitions' own triggers, and the rename that is rolled back
BEGIN;
SAVEPOINT s;
ALTER SCHEMA "Bibliothek" RENAME TO other;
SELECT count(*) FROM counted() c WHERE c ~ 'other';
ROLLBACK TO s;
SELECT count(*) FROM counted() c WHERE c ~ 'other';
COMMIT;
ALTER SCHEMA "Bibliothek" RENAME TO lib;
CREATE TABLE tree (run int REFERENCES run, q int) PARTITION BY LIST (q);
CREATE TABLE tree_1 PARTITION OF tree FOR VALUES IN (1, 11) PARTITION BY LIST (q);
CREATE TABLE tree_11 PARTITION OF tree_1 FOR VALUES IN (11);
ALTER TABLE run ADD m int;
SELECT ratchet.tally('tree', 'run', '{"m": "moved.large(q)"}');
ALTER FUNCTION moved.large(int) RENAME TO grand;
INSERT INTO tree VALUES (1, 11);
SELECT m FROM run;
SELECT tgrelid::regclass, encode(tgargs, 'escape') FROM pg_trigger WHERE tgrelid::regclass::text ~ '^tree' AND tgfoid = 'ratchet.count_row'::regproc ORDER BY 1;
-- a name that becomes another's
ALTER FUNCTION moved.grand(int) RENAME TO large;
CREATE FUNCTION moved.grand(n int) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT false';
INSERT INTO tree VALUES (1, 11);
SELECT m FROM run;

-- refused, as nothing could be counted after it
SELECT attempt($$CREATE OR REPLACE FUNCTION moved.large(n int) RETURNS boolean LANGUAGE plpgsql AS 'BEGIN RETURN n > 10; END'$$);
SELECT attempt('ALTER FUNCTION moved.large(int) STABLE');
SELECT attempt($$CREATE OR REPLACE FUNCTION moved.large(n int) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN n > 10; END'$$);
CREATE ROLE regress_ratchet_names;
GRANT USAGE, CREATE ON SCHEMA ddl_names TO regress_ratchet_names;
GRANT USAGE ON SCHEMA lib, moved TO regress_ratchet_names;
ALTER TABLE run OWNER TO regress_ratchet_names;
ALTER TABLE tree OWNER TO regress_ratchet_names;
ALTER TABLE tree_1 OWNER TO regress_ratchet_names;
ALTER TABLE tree_11 OWNER TO regress_ratchet_names;
ALTER TABLE result OWNER TO regress_ratchet_names;
SELECT attempt('REVOKE USAGE ON SCHEMA lib FROM regress_ratchet_names');
SELECT attempt('REVOKE EXECUTE ON FUNCTION lib.completed FROM PUBLIC');
SELECT attempt('REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA moved FROM PUBLIC');
SELECT attempt('REVOKE EXECUTE ON FUNCTION moved.grand FROM PUBLIC');
GRANT EXECUTE ON FUNCTION lib.completed TO regress_ratchet_names;
SELECT attempt('REVOKE EXECUTE ON FUNCTION lib.completed FROM PUBLIC');

-- the same type again, and another one, for the columns of a foreign key that is counted by
ALTER TABLE result ALTER run TYPE int;
ALTER TABLE run ALTER id TYPE int;
ALTER TABLE run ALTER id TYPE bigint;
ALTER TABLE result ALTER run TYPE bigint, ALTER body TYPE text;
SELECT attempt('ALTER TABLE result ALTER run TYPE bigint, DROP CONSTRAINT result_run_fkey');
SELECT attempt('ALTER TABLE result DROP CONSTRAINT result_run_fkey');
-- not to one that depends on a setting
CREATE TABLE day (id date PRIMARY KEY, n int);
CREATE TABLE entry (day date REFERENCES day);
SELECT ratchet.tally('entry', 'day', '{"n": "true"}');
SELECT attempt('ALTER TABLE day ALTER id TYPE timestamptz');
SELECT attempt('ALTER TABLE entry ALTER day TYPE timestamptz');
SELECT attempt('ALTER TABLE entry ALTER day TYPE date');
DROP TABLE day, entry;
INSERT INTO result VALUES (1, 12, 'a$1''s', 'it''s red', '($2)', '(1,2)', 6);
SELECT n5, "n $1", m FROM run;
SELECT severity, finding FROM ratchet.health();

-- ratchet's own schema is found by its name
SELECT attempt('ALTER SCHEMA ratchet RENAME TO rachet');

SET client_min_messages = error;
DROP SCHEMA ddl_names, lib, moved CASCADE;
DROP ROLE regress_ratchet_names;
