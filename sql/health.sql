--
-- ratchet.health() survives whatever it finds, and grades it by what fails.
--
\set SHOW_CONTEXT never
SET client_min_messages = warning;
\pset format unaligned
\pset tuples_only on
CREATE SCHEMA health;
SET search_path = health, test_setup;
CREATE FUNCTION health() RETURNS SETOF text LANGUAGE sql AS $$
SELECT format(E'%s %s: %s\n  %s', severity, COALESCE(target::text, 'database'), finding, remedy) FROM ratchet.health() ORDER BY 1
$$;
CREATE ROLE regress_ratchet_health;
GRANT USAGE, CREATE ON SCHEMA health TO regress_ratchet_health;
CREATE TYPE colour AS ENUM ('red', 'green');
CREATE FUNCTION big(n int) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN n > 10; END';
CREATE FUNCTION finished(id int) RETURNS void LANGUAGE sql AS 'SELECT';
CREATE TABLE card (id int PRIMARY KEY, at timestamptz, score int);
CREATE TABLE bad (id int PRIMARY KEY, at timestamptz, score int);
CREATE TABLE painted (id int PRIMARY KEY, tint colour);
CREATE TABLE run (id int PRIMARY KEY, total int, n int, m int, done boolean);
CREATE TABLE result (run int REFERENCES run, part int, q int) PARTITION BY LIST (part);
CREATE TABLE result_1 PARTITION OF result FOR VALUES IN (1);
SELECT ratchet.guard('card', 'at', owned => '{score}', insert => 'reject');
SELECT ratchet.guard('bad', 'at');
SELECT ratchet.guard('painted', states => '{"tint": {"red": ["green"], "green": []}}');
SELECT ratchet.tally('result', 'run', '{"n": "true", "m": "health.big(q)"}', total => 'total', total_of => 'n', done => 'done', on_done => 'finished(int)');
SELECT health();
INSERT INTO run VALUES (1, 9);
-- a partition of somebody else's
ALTER TABLE result_1 OWNER TO regress_ratchet_health;
SELECT replace(health(), current_user, 'the owner');
SELECT attempt('INSERT INTO result VALUES (1, 1, 1)');
ALTER TABLE result_1 OWNER TO CURRENT_USER;
-- what the event triggers would have refused or followed
ALTER EVENT TRIGGER ratchet_ddl_start DISABLE;
ALTER EVENT TRIGGER ratchet_ddl_end DISABLE;
DROP TRIGGER "~ratchet_guard_insert" ON card;
CREATE TRIGGER "~ratchet_guard_insert" AFTER INSERT ON card FOR EACH ROW WHEN (NEW.id < 0) EXECUTE FUNCTION ratchet.guard_insert();
CREATE OR REPLACE TRIGGER "~ratchet_guard" BEFORE UPDATE ON bad FOR EACH ROW EXECUTE FUNCTION ratchet.guard_row('nonsense');
ALTER TABLE bad DISABLE TRIGGER "~ratchet_guard";
ALTER TYPE colour RENAME VALUE 'green' TO 'grue';
ALTER FUNCTION big(int) RENAME TO large;
ALTER FUNCTION finished(int) RENAME TO completed;
ALTER TABLE run DISABLE TRIGGER "~ratchet_counters";
SELECT health();
ALTER EVENT TRIGGER ratchet_ddl_start ENABLE;
ALTER EVENT TRIGGER ratchet_ddl_end ENABLE;
-- in a transaction that may not write
BEGIN READ ONLY;
SELECT count(*) > 5 FROM ratchet.health();
COMMIT;
-- the same by hand, told in the command
SELECT attempt($$DROP TRIGGER "~ratchet_guard_insert" ON card; CREATE TRIGGER "~ratchet_guard_insert" AFTER INSERT ON card FOR EACH ROW WHEN (NEW.id < 0) EXECUTE FUNCTION ratchet.guard_insert()$$);
-- lost IMMUTABLE, and the right to call
ALTER FUNCTION large(int) RENAME TO big;
ALTER FUNCTION completed(int) RENAME TO finished;
ALTER TABLE run ENABLE TRIGGER "~ratchet_counters";
ALTER EVENT TRIGGER ratchet_ddl_end DISABLE;
ALTER FUNCTION big(int) VOLATILE;
ALTER EVENT TRIGGER ratchet_ddl_end ENABLE;
SELECT h FROM health() h WHERE h ~ 'IMMUTABLE';
SELECT attempt('INSERT INTO result VALUES (1, 1, 1)');

-- a trigger of a Citus shard has the shard's suffix
CREATE TABLE shard (id int PRIMARY KEY, at timestamptz, score int);
SELECT ratchet.guard('shard', 'at', owned => '{score}', mode => 'reject');
INSERT INTO shard VALUES (1, now(), 1);
ALTER EVENT TRIGGER ratchet_ddl_end DISABLE;
ALTER TRIGGER "~ratchet_guard" ON shard RENAME TO "~ratchet_guard_102008";
ALTER EVENT TRIGGER ratchet_ddl_end ENABLE;
SELECT attempt('ALTER TABLE shard ADD note text');
SELECT attempt('ALTER TABLE shard RENAME TO shard_102008');
SELECT attempt('ALTER TABLE shard_102008 ADD note text');
SELECT attempt('UPDATE shard_102008 SET score = 2');
SELECT h FROM health() h WHERE h ~ 'shard';

-- what a tally depends on is not recorded, as after pg_upgrade
CREATE TABLE class (id int PRIMARY KEY, total int, n int, done boolean);
CREATE TABLE pupil (class int REFERENCES class, age int);
CREATE FUNCTION adult(n int) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT n >= 18';
SELECT ratchet.tally('pupil', 'class', '{"n": "health.adult(age)"}', total => 'total', total_of => 'n', done => 'done', on_done => 'finished(int)');
SELECT ratchet.record_dependencies('pupil'), ratchet.record_dependencies('class');
CREATE FUNCTION recorded() RETURNS SETOF text LANGUAGE sql AS $$
SELECT format('%s on %s', t.tgname, pg_describe_object(d.refclassid, d.refobjid, d.refobjsubid))
FROM pg_depend d JOIN pg_trigger t ON d.classid = 'pg_trigger'::regclass AND d.objid = t.oid
WHERE t.tgrelid IN ('pupil'::regclass, 'class'::regclass) AND d.deptype = 'n' AND d.refobjid >= 16384
  AND d.refobjid NOT IN (SELECT objid FROM pg_depend WHERE deptype = 'e') ORDER BY 1
$$;
SELECT recorded();
DELETE FROM pg_depend d USING pg_trigger t
WHERE d.classid = 'pg_trigger'::regclass AND d.objid = t.oid AND t.tgrelid IN ('pupil'::regclass, 'class'::regclass) AND d.deptype = 'n'
  AND d.refobjid NOT IN (SELECT objid FROM pg_depend WHERE deptype = 'e') AND d.refobjid >= 16384
  AND t.tgname IN ('!ratchet_tally_1', '~ratchet_counters');
SELECT h FROM health() h WHERE h ~ 'pupil|class';
SELECT attempt('ALTER TABLE pupil ALTER age TYPE bigint');
SELECT attempt('ALTER EXTENSION ratchet ADD FUNCTION health.adult(int)'), attempt('ALTER EXTENSION ratchet DROP FUNCTION health.adult(int)');
SET ROLE regress_ratchet_health;
SELECT ratchet.record_dependencies(), attempt($$SELECT ratchet.record_dependencies('pupil')$$);
RESET ROLE;
SELECT ratchet.record_dependencies('pupil'), ratchet.record_dependencies(), ratchet.record_dependencies();
SELECT recorded();
SELECT h FROM health() h WHERE h ~ 'pupil|class';
ALTER FUNCTION adult(int) RENAME TO grown;
SELECT counters FROM ratchet.contract WHERE target = 'pupil'::regclass;

-- one that cannot be resolved does not keep the others from theirs
CREATE TABLE club (id int PRIMARY KEY, n int);
CREATE TABLE member (club int REFERENCES club, age int);
SELECT ratchet.tally('member', 'club', '{"n": "age > 3"}');
DELETE FROM pg_depend d USING pg_trigger t
WHERE d.classid = 'pg_trigger'::regclass AND d.objid = t.oid AND t.tgrelid IN ('pupil'::regclass, 'member'::regclass) AND d.deptype = 'n'
  AND d.refobjid NOT IN (SELECT objid FROM pg_depend WHERE deptype = 'e') AND d.refobjid >= 16384 AND t.tgname = '!ratchet_tally_1';
ALTER FUNCTION grown(int) RENAME TO old;
SELECT ratchet.record_dependencies();
SELECT attempt($$SELECT ratchet.record_dependencies('pupil')$$);
ALTER FUNCTION old(int) RENAME TO grown;
SELECT ratchet.record_dependencies();
SELECT attempt($$SELECT ratchet.record_dependencies('card')$$);
-- the type of a column that comes from an inheritance parent
CREATE TABLE base (age int);
CREATE TABLE heir (club int REFERENCES club) INHERITS (base);
ALTER TABLE club ADD m int;
SELECT ratchet.tally('heir', 'club', '{"m": "age > 3"}');
DELETE FROM pg_depend d USING pg_trigger t
WHERE d.classid = 'pg_trigger'::regclass AND d.objid = t.oid AND t.tgrelid = 'heir'::regclass AND d.deptype = 'n'
  AND d.refobjid NOT IN (SELECT objid FROM pg_depend WHERE deptype = 'e') AND d.refobjid >= 16384 AND t.tgname = '!ratchet_tally_1';
SELECT attempt('ALTER TABLE base ALTER age TYPE text');

SET client_min_messages = error;
DROP SCHEMA health CASCADE;
DROP ROLE regress_ratchet_health;
