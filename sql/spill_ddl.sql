--
-- Counts that spill: declaring them, and what becomes of their table when others alter tables.
--
\set SHOW_CONTEXT never
SET client_min_messages = warning;
\pset format unaligned
\pset tuples_only on
SET ratchet.fold_worker = off;
CREATE ROLE regress_ratchet_owner;
CREATE ROLE regress_ratchet_reader;
CREATE ROLE regress_ratchet_writer;
CREATE SCHEMA spill_ddl;
GRANT USAGE, CREATE ON SCHEMA spill_ddl TO PUBLIC;
SET search_path = spill_ddl, test_setup;
-- all that there is beside a parent
CREATE FUNCTION made(which text) RETURNS SETOF text LANGUAGE sql AS $$
WITH class AS (SELECT c.*, c.oid::regclass AS name FROM pg_class c WHERE c.relnamespace = 'spill_ddl'::regnamespace AND c.relkind IN ('r', 'v', 'i') AND c.oid::regclass::text ~ which)
SELECT concat_ws(' ', CASE relkind WHEN 'r' THEN 'table' ELSE 'view' END, name, 'of', relowner::regrole, (SELECT string_agg(concat(grantee::regrole, ' ', privilege_type), ', ' ORDER BY grantee::regrole::text) FROM aclexplode(relacl) WHERE grantee <> relowner),
                 array_to_string(reloptions, ', '), CASE WHEN relrowsecurity THEN 'rls' END, CASE relreplident WHEN 'f' THEN 'full' END)
FROM class WHERE relkind IN ('r', 'v')
UNION ALL SELECT name || '.' || attname || ' ' || format_type(atttypid, atttypmod) || CASE WHEN attnotnull THEN ' not null' ELSE '' END || COALESCE(' collate ' || NULLIF(attcollation, 0)::regcollation, '')
          FROM class JOIN pg_attribute ON attrelid = class.oid WHERE relkind IN ('r', 'v') AND attnum > 0 AND NOT attisdropped
UNION ALL SELECT pg_get_indexdef(class.oid) FROM class WHERE relkind = 'i'
UNION ALL SELECT pg_get_triggerdef(t.oid) FROM class JOIN pg_trigger t ON tgrelid = class.oid WHERE NOT tgisinternal
UNION ALL SELECT concat_ws(' ', 'policy', polname, 'on', name, polcmd) FROM class JOIN pg_policy ON polrelid = class.oid
UNION ALL SELECT obj_description(class.oid, 'pg_class') FROM class WHERE relkind IN ('r', 'v')
UNION ALL SELECT name || ' goes with ' || refobjid::regclass FROM class JOIN pg_depend ON objid = class.oid AND classid = 'pg_class'::regclass AND deptype = 'a' WHERE relkind IN ('r', 'v')
ORDER BY 1
$$;
CREATE FUNCTION there(which text DEFAULT '_(spilled|exact)\d*$') RETURNS text LANGUAGE sql AS $$
SELECT string_agg(oid::regclass::text || '(' || (SELECT string_agg(attname, ', ' ORDER BY attname COLLATE "C") FROM pg_attribute WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped) || ')', ' ' ORDER BY relname)
FROM pg_class c WHERE relname ~ which AND relkind IN ('r', 'v')
$$;
CREATE FUNCTION findings() RETURNS SETOF text LANGUAGE sql AS $$
SELECT concat_ws(' ', severity, target || ':', finding, '--', remedy) FROM ratchet.health() ORDER BY 1
$$;

--
-- What is made
--
CREATE TABLE run (id int PRIMARY KEY, total int, n int NOT NULL DEFAULT 0, good smallint, points numeric(10,2), done boolean NOT NULL DEFAULT false);
CREATE TABLE result (run int REFERENCES run, good boolean, points numeric(6,2));
GRANT SELECT ON run TO regress_ratchet_reader;
GRANT SELECT (id), INSERT ON run TO regress_ratchet_writer;
INSERT INTO run VALUES (1, 2), (2, 2);
INSERT INTO result VALUES (1, true, 1);
SELECT ratchet.tally('result', 'run', '{"n": "true"}', contention => 'spill');
SELECT made('^run_');
SELECT n FROM run_exact WHERE id = 1;
-- what is not said stays as it is
SELECT ratchet.tally('result', 'run', '{"n": "true"}');
SELECT ratchet.tally('result', 'run', '{"n": "true"}', contention => 'spill');
SELECT ratchet.tally('result', 'run', '{"n": "true"}', contention => NULL);
BEGIN ISOLATION LEVEL REPEATABLE READ;
INSERT INTO result VALUES (1, true, 1), (2, false, 1);
COMMIT;
-- extended: a counter comes, and what lies spilled lies on
SELECT ratchet.tally('result', 'run', '{"n": "true", "good": "good"}');
SELECT there();
SELECT n, good FROM run ORDER BY id;
SELECT id, n, good FROM run_spilled ORDER BY id;
SELECT * FROM run_exact ORDER BY id;
SELECT * FROM ratchet.verify('run');
SELECT ratchet.tally('result', 'run', '{"n": "true", "good": "good", "points": "sum(points)"}', total => 'total', done => 'done');
SELECT there();
SELECT * FROM run_exact ORDER BY id;
SELECT done FROM run ORDER BY id;
SELECT ratchet.fold('run');
SELECT done FROM run ORDER BY id;
-- replaced: a counter goes, and what lies spilled is added first
BEGIN ISOLATION LEVEL REPEATABLE READ;
INSERT INTO result VALUES (2, true, 1);
COMMIT;
SELECT attempt($$SELECT ratchet.tally('result', 'run', '{"n": "true", "points": "sum(points)"}', total => 'total', done => 'done')$$);
SELECT ratchet.tally('result', 'run', '{"n": "true", "points": "sum(points)"}', total => 'total', done => 'done', replace => true);
SELECT there();
SELECT id, n, good, points, done FROM run ORDER BY id;
-- no longer spilled
BEGIN ISOLATION LEVEL REPEATABLE READ;
INSERT INTO result VALUES (2, true, 1);
COMMIT;
SELECT ratchet.tally('result', 'run', '{"n": "true", "points": "sum(points)"}', total => 'total', done => 'done', contention => 'wait', backfill => 'later');
SELECT there();
SELECT id, n, good, points, done FROM run ORDER BY id;
SELECT ratchet.tally('result', 'run', '{"n": "true", "points": "sum(points)"}', total => 'total', done => 'done');
SELECT contention FROM ratchet.contract WHERE target = 'result'::regclass;
-- in one transaction, and undone
BEGIN;
SELECT ratchet.tally('result', 'run', '{"n": "true", "points": "sum(points)"}', total => 'total', done => 'done', contention => 'spill');
INSERT INTO result VALUES (2, true, 1);
SELECT there();
ROLLBACK;
SELECT there();
-- folding needs READ COMMITTED, all else does not
SELECT ratchet.tally('result', 'run', '{"n": "true", "points": "sum(points)"}', total => 'total', done => 'done', contention => 'spill');
BEGIN ISOLATION LEVEL REPEATABLE READ;
INSERT INTO result VALUES (2, true, 1);
SELECT attempt($$SELECT ratchet.tally('result', 'run', '{"n": "true", "points": "sum(points)"}', total => 'total', done => 'done', contention => 'wait')$$);
SELECT attempt($$SELECT ratchet.tally('result', 'run', '{"n": "true", "points": "sum(points)"}', total => 'total', done => 'done', contention => 'wait', backfill => 'later')$$);
SELECT attempt('SELECT ratchet.untally(''result'', ''run'')');
COMMIT;
SELECT ratchet.untally('result', 'run');
SELECT there();
SELECT id, n, points FROM run ORDER BY id;

--
-- Arguments that are wrong
--
SELECT attempt($$SELECT ratchet.tally('result', 'run', '{"n": "true"}', contention => 'Spill')$$);
SELECT attempt($$SELECT ratchet.tally('result', 'run', '{"n": "true"}', contention => '')$$);
SELECT attempt($$SELECT ratchet.tally('result', 'run', '{"n": "true"}', limits => '{"n": "total"}', contention => 'spill')$$);
SELECT ratchet.tally('result', 'run', '{"n": "true"}', limits => '{"n": 100}');
SELECT attempt($$SELECT ratchet.tally('result', 'run', '{"n": "true"}', limits => '{"n": 100}', contention => 'spill')$$);
SELECT attempt($$SELECT ratchet.tally('result', 'run', '{"n": "true"}', limits => '{"n": 100}', contention => 'spill', replace => true)$$);
SELECT ratchet.tally('result', 'run', '{"n": "true"}', contention => 'spill', replace => true);
SELECT attempt($$SELECT ratchet.tally('result', 'run', '{"n": "true"}', limits => '{"n": 100}')$$);

--
-- Two tallies of one parent share the table, and how it is
--
CREATE TABLE note (id int PRIMARY KEY, run int REFERENCES run);
ALTER TABLE run ADD notes bigint;
SELECT ratchet.tally('note', 'run', '{"notes": "true"}');
SELECT target, contention FROM ratchet.contract WHERE parent = 'run'::regclass ORDER BY 1;
SELECT there();
BEGIN ISOLATION LEVEL REPEATABLE READ;
INSERT INTO result VALUES (1, true, 1);
INSERT INTO note VALUES (1, 1), (2, 2);
COMMIT;
SELECT * FROM run_exact ORDER BY id;
SELECT ratchet.untally('result', 'run');
SELECT there();
SELECT id, n, notes FROM run ORDER BY id;
BEGIN ISOLATION LEVEL REPEATABLE READ;
INSERT INTO note VALUES (3, 2);
COMMIT;
SELECT ratchet.tally('result', 'run', '{"n": "true"}', contention => 'wait');
SELECT target, contention FROM ratchet.contract WHERE parent = 'run'::regclass ORDER BY 1;
SELECT there();
SELECT id, n, notes FROM run ORDER BY id;
SELECT ratchet.tally('result', 'run', '{"n": "true"}', contention => 'spill');
SELECT there();
DROP TABLE note;
SELECT ratchet.untally(NULL, 'run');
SELECT there();

--
-- Renames
--
BEGIN ISOLATION LEVEL REPEATABLE READ;
INSERT INTO result VALUES (1, true, 1);
COMMIT;
ALTER TABLE run RENAME TO race;
ALTER TABLE race RENAME COLUMN id TO number;
ALTER TABLE race RENAME COLUMN n TO amount;
SELECT there();
CREATE SCHEMA spill_other;
ALTER TABLE race SET SCHEMA spill_other;
INSERT INTO result VALUES (2, true, 1);
BEGIN ISOLATION LEVEL REPEATABLE READ;
INSERT INTO result VALUES (1, true, 1);
COMMIT;
SELECT * FROM run_exact ORDER BY number;
SELECT ratchet.fold('spill_other.race');
SELECT number, amount FROM spill_other.race ORDER BY number;
SELECT ratchet.tally('result', 'spill_other.race', '{"amount": "true", "good": "good"}');
SELECT there();
ALTER TABLE run_spilled RENAME TO left_over;
ALTER TABLE left_over SET SCHEMA spill_other;
BEGIN ISOLATION LEVEL REPEATABLE READ;
INSERT INTO result VALUES (1, true, 1);
COMMIT;
SELECT number, amount, good FROM spill_other.left_over;
SELECT findings();
SELECT ratchet.tally('result', 'spill_other.race', '{"amount": "true", "good": "good"}', contention => 'wait');
SELECT there(), there('left');
SELECT number, amount, good FROM spill_other.race ORDER BY number;
ALTER TABLE spill_other.race SET SCHEMA spill_ddl;
ALTER TABLE race RENAME TO run;
ALTER TABLE run RENAME COLUMN number TO id;
ALTER TABLE run RENAME COLUMN amount TO n;
DROP SCHEMA spill_other;

--
-- What others alter
--
SELECT ratchet.tally('result', 'run', '{"n": "true", "good": "good"}', contention => 'spill');
SELECT attempt('ALTER TABLE run ALTER id TYPE bigint');
SELECT attempt('ALTER TABLE run ALTER n TYPE bigint');
SELECT attempt('ALTER TABLE run DROP COLUMN n');
SELECT attempt('ALTER TABLE run DROP COLUMN total');
SELECT attempt('ALTER TABLE run_spilled DROP COLUMN good');
SELECT attempt('DROP TABLE run_spilled');
-- nor is another table its table, because somebody may make triggers of the parent
GRANT TRIGGER ON run TO regress_ratchet_writer;
SET ROLE regress_ratchet_writer;
CREATE TABLE trap (id int, n bigint, good bigint, ratchet_xid xid8);
SELECT attempt('CREATE CONSTRAINT TRIGGER "~ratchet_spilled" AFTER INSERT OR UPDATE OR DELETE ON trap FROM run FOR EACH ROW EXECUTE FUNCTION ratchet.keep_spilled()');
RESET ROLE;
SELECT findings();
SELECT ratchet.tally('result', 'run', '{"n": "true", "good": "good"}', contention => 'spill');
-- the view is only for people
DROP VIEW run_exact;
ALTER TABLE run_spilled ALTER good TYPE int;
SELECT findings();
ALTER TABLE run_spilled ALTER good TYPE bigint;
SELECT findings();
-- whoever may write the table could
ALTER TABLE run_spilled DISABLE TRIGGER "~ratchet_spilled";
SELECT findings();
ALTER TABLE run_spilled ENABLE TRIGGER "~ratchet_spilled";
SELECT findings();
BEGIN ISOLATION LEVEL REPEATABLE READ;
INSERT INTO result VALUES (1, true, 1);
COMMIT;
SELECT id, n, good FROM run_spilled;
-- another index does no harm, as it comes by REINDEX CONCURRENTLY, which gives the table's own another OID
CREATE INDEX extra ON run_spilled (n);
REINDEX TABLE CONCURRENTLY run_spilled;
BEGIN ISOLATION LEVEL REPEATABLE READ;
INSERT INTO result VALUES (1, true, 1);
COMMIT;
SET enable_seqscan = off;
SELECT id, sum(n) FROM run_spilled WHERE n = 1 GROUP BY id;
SELECT id, sum(n) FROM run_spilled WHERE id = 1 GROUP BY id;
RESET enable_seqscan;
DROP INDEX extra;
-- something else is added to the table: it is not used, which health() says
CREATE UNIQUE INDEX extra ON run_spilled (id, n, ratchet_xid);
SELECT findings();
BEGIN ISOLATION LEVEL READ COMMITTED;
INSERT INTO result VALUES (2, true, 1);
COMMIT;
SELECT id, n, good FROM run ORDER BY id;
SELECT attempt($$SELECT ratchet.tally('result', 'run', '{"n": "true", "good": "good"}', contention => 'wait')$$);
SELECT attempt($$SELECT ratchet.tally('result', 'run', '{"n": "true", "good": "good"}', contention => 'spill')$$);
SELECT attempt($$SELECT ratchet.untally('result', 'run')$$);
SELECT attempt('SELECT * FROM ratchet.verify()');
CALL ratchet.repair('run');
SELECT attempt('TRUNCATE result');
DROP INDEX extra;
SELECT findings();
SELECT ratchet.fold();
SELECT id, n, good FROM run ORDER BY id;
ALTER TABLE run_spilled ADD note text;
SELECT findings();
SELECT attempt($$SELECT ratchet.tally('result', 'run', '{"n": "true", "good": "good"}', contention => 'spill')$$);
SELECT findings();
CREATE UNIQUE INDEX ON run_spilled (id, ratchet_xid);
SELECT findings();
DROP INDEX run_spilled_id_ratchet_xid_idx1;
-- it is dropped: what lay there is lost, which is drift as any other
BEGIN ISOLATION LEVEL REPEATABLE READ;
INSERT INTO result VALUES (1, true, 1);
COMMIT;
DROP TABLE run_spilled CASCADE;
SELECT findings();
INSERT INTO result VALUES (2, true, 1);
SELECT ratchet.fold('run');
SELECT key, "column", stored, counted FROM ratchet.verify('run') ORDER BY 1, 2;
SELECT ratchet.tally('result', 'run', '{"n": "true", "good": "good"}');
SELECT there();
SELECT * FROM run_exact ORDER BY id;
SELECT * FROM ratchet.verify('run');
SELECT findings();
-- they go with the parent
DROP TABLE result;
DROP TABLE run;
SELECT there();

--
-- Without the extension
--
CREATE TABLE run (id int PRIMARY KEY, n int);
CREATE TABLE result (run int REFERENCES run);
SELECT ratchet.tally('result', 'run', '{"n": "true"}', contention => 'spill');
INSERT INTO run VALUES (1);
BEGIN ISOLATION LEVEL REPEATABLE READ;
INSERT INTO result VALUES (1);
COMMIT;
BEGIN;
DROP EXTENSION ratchet CASCADE;
SELECT there();
SELECT * FROM run_exact;
DELETE FROM run_spilled;
ROLLBACK;
SELECT * FROM run_exact;
DROP TABLE run, result;

--
-- Keys: composite, with a collation, numeric; names that need quotes, and are as long as may be
--
CREATE TABLE "A ""run"" whose name is as long as a name may be in PostgreSQL__" (
    b text COLLATE "POSIX", "a'" numeric, "c c" char(3), "n " int, "the longest name of a column that there may be, of 63 bytes____" bigint,
    PRIMARY KEY ("a'", b, "c c"));
CREATE TABLE "child" (x text COLLATE "POSIX", y numeric, z char(3), v bigint, FOREIGN KEY (x, y, z) REFERENCES "A ""run"" whose name is as long as a name may be in PostgreSQL__" (b, "a'", "c c"));
SELECT ratchet.tally('child', '"A ""run"" whose name is as long as a name may be in PostgreSQL__"', '{"n ": "true", "the longest name of a column that there may be, of 63 bytes____": "sum(v)"}', contention => 'spill');
INSERT INTO "A ""run"" whose name is as long as a name may be in PostgreSQL__" VALUES ('x', 1.50, 'q'), ('X', 1.50, 'q'), ('x', 2, 'q');
BEGIN ISOLATION LEVEL REPEATABLE READ;
INSERT INTO child VALUES ('x', 1.5, 'q', 5), ('x', 1.5000, 'q  ', 6), ('X', 1.5, 'q', 7);
COMMIT;
SELECT made('^"A .*(spilled|exact)');
TABLE "A ""run"" whose name is as long as a name may be in Postgre_exact" ORDER BY 1, 2, 3;
BEGIN ISOLATION LEVEL REPEATABLE READ;
DELETE FROM child WHERE v = 6;
COMMIT;
INSERT INTO child VALUES ('x', 1.500, 'q', 1);
TABLE "A ""run"" whose name is as long as a name may be in PostgreSQL__" ORDER BY b, "a'";
SELECT ratchet.fold();
TABLE "A ""run"" whose name is as long as a name may be in PostgreSQL__" ORDER BY b, "a'";
SELECT * FROM ratchet.verify();
ALTER TABLE "A ""run"" whose name is as long as a name may be in PostgreSQL__" RENAME COLUMN "n " TO "n""";
SELECT ratchet.tally('child', '"A ""run"" whose name is as long as a name may be in PostgreSQL__"', '{"n\"": "true", "the longest name of a column that there may be, of 63 bytes____": "sum(v)"}', contention => 'wait');
SELECT there();
DROP TABLE child, "A ""run"" whose name is as long as a name may be in PostgreSQL__";
-- names that are taken
CREATE TABLE run (id int PRIMARY KEY, n int);
CREATE TABLE run_spilled (mine int);
CREATE VIEW run_exact AS SELECT 1 AS mine;
CREATE TABLE result (run int REFERENCES run);
SELECT ratchet.tally('result', 'run', '{"n": "true"}', contention => 'spill');
SELECT there();
SELECT ratchet.tally('result', 'run', '{"n": "true"}', contention => 'wait');
SELECT there();
DROP VIEW run_exact;
DROP TABLE run_spilled, run, result;

--
-- Rights: another owner's tables declared by a superuser; who sees what
--
SET ROLE regress_ratchet_owner;
CREATE TABLE run (id int PRIMARY KEY, tenant name NOT NULL, n int);
CREATE TABLE result (run int REFERENCES run);
ALTER TABLE run ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON run USING (tenant = current_user);
GRANT SELECT ON run TO regress_ratchet_reader, regress_ratchet_writer;
GRANT INSERT ON result TO regress_ratchet_writer;
INSERT INTO run VALUES (1, 'regress_ratchet_reader'), (2, 'regress_ratchet_owner');
RESET ROLE;
SELECT ratchet.tally('result', 'run', '{"n": "true"}', contention => 'spill');
SELECT made('^run_(spilled|exact)$');
SET ROLE regress_ratchet_writer;
BEGIN ISOLATION LEVEL REPEATABLE READ;
INSERT INTO result VALUES (1), (2);
COMMIT;
SELECT count(*) FROM run_spilled;
TABLE run_exact;
SELECT attempt('INSERT INTO run_spilled VALUES (1, 1, ''1'')');
SELECT attempt('DELETE FROM run_spilled');
SET ROLE regress_ratchet_reader;
SELECT id, n FROM run_spilled ORDER BY id;
TABLE run_exact;
SELECT outcome, progress -> 'columns' FROM ratchet.progress('run', 1);
SELECT outcome FROM ratchet.progress('run', 2);
SET ROLE regress_ratchet_owner;
SELECT id, n FROM run_spilled ORDER BY id;
TABLE run_exact ORDER BY id;
SELECT * FROM ratchet.verify();
SELECT findings();
SELECT ratchet.fold();
SELECT id, n FROM run ORDER BY id;
-- another owner, with the parent, which the table and the view follow; and without it
RESET ROLE;
ALTER TABLE run OWNER TO regress_ratchet_writer;
ALTER TABLE result OWNER TO regress_ratchet_writer;
SELECT relname, relowner::regrole FROM pg_class WHERE relname ~ '^run_(spilled|exact)$' ORDER BY 1;
SELECT findings();
ALTER TABLE run_spilled OWNER TO regress_ratchet_owner;
SELECT findings();
ALTER TABLE run_spilled OWNER TO regress_ratchet_writer;
SELECT findings();
REASSIGN OWNED BY regress_ratchet_writer TO regress_ratchet_owner;
BEGIN ISOLATION LEVEL REPEATABLE READ;
INSERT INTO result VALUES (1);
COMMIT;
SELECT ratchet.fold();
DROP OWNED BY regress_ratchet_owner;
SELECT there();

SET client_min_messages = error;
DROP SCHEMA spill_ddl CASCADE;
DROP ROLE regress_ratchet_owner, regress_ratchet_reader, regress_ratchet_writer;
