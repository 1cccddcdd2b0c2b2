--
-- Completions by conditions over the parent's columns.
--
\set SHOW_CONTEXT never
SET client_min_messages = warning;
\pset format unaligned
\pset tuples_only on
CREATE SCHEMA completions;
SET search_path = completions, test_setup;
CREATE TABLE run (id int PRIMARY KEY, total int, sealed_at timestamptz, n int NOT NULL DEFAULT 0, passed int, failed int,
                  finished boolean NOT NULL DEFAULT false, finished_at timestamptz, all_passed boolean, has_failed boolean, note text);
CREATE TABLE result (run int REFERENCES run ON DELETE CASCADE, question int, passed boolean, UNIQUE (run, question));
CREATE TABLE log (place serial, what text, run int, state text);
CREATE FUNCTION finish(run int) RETURNS void LANGUAGE sql AS $$
INSERT INTO completions.log (what, run, state) SELECT 'finish', id, format('%s of %s', n, total) FROM completions.run WHERE id = finish.run
$$;
CREATE FUNCTION praise(run int) RETURNS void LANGUAGE sql AS $$ INSERT INTO completions.log (what, run) VALUES ('praise', praise.run) $$;
CREATE FUNCTION alert(run int) RETURNS void LANGUAGE sql AS $$ INSERT INTO completions.log (what, run) VALUES ('alert', alert.run) $$;
CREATE FUNCTION look() RETURNS SETOF text LANGUAGE sql AS $$
SELECT concat_ws(' ', id || ':', n || '/' || COALESCE(total::text, 'null'), 'passed ' || passed, 'failed ' || failed,
                 CASE WHEN finished THEN 'finished' END, CASE WHEN finished_at = now() THEN 'now' WHEN finished_at < now() THEN 'before' END,
                 CASE WHEN all_passed THEN 'all passed' END, CASE WHEN has_failed THEN 'has failed' END)
FROM completions.run ORDER BY id
$$;
-- Who was called since the last look, in that order.
CREATE FUNCTION called() RETURNS text LANGUAGE sql AS $$
WITH gone AS (DELETE FROM completions.log RETURNING *)
SELECT string_agg(concat_ws(' ', what, run, state), '; ' ORDER BY place) FROM gone
$$;
-- With other completions where they are given.
CREATE FUNCTION declare(completions jsonb DEFAULT '{
    "finished": {"when": "sealed_at IS NOT NULL AND n >= total", "at": "finished_at", "call": "finish(int)"},
    "all_passed": {"when": "sealed_at IS NOT NULL AND passed = total", "call": "praise(int)", "latch": false},
    "has_failed": {"when": "failed > 0", "call": "completions.alert(integer)", "latch": true}}', replace boolean DEFAULT false) RETURNS text LANGUAGE sql AS $$
SELECT ratchet.tally('result', 'run', '{"n": "true", "passed": "passed", "failed": "NOT passed"}', completions => declare.completions, replace => declare.replace)
$$;
SELECT declare();
SELECT declare();
SELECT tgname, pg_get_triggerdef(oid) FROM pg_trigger WHERE tgrelid = 'run'::regclass AND tgname IN ('~ratchet_counters', '~ratchet_completion') ORDER BY 1;

--
-- Whatever takes the last step
--
INSERT INTO run (id, total) VALUES (1, 2), (2, 2), (3, NULL);
INSERT INTO result VALUES (1, 1, true), (1, 2, true), (2, 1, true);
SELECT look(), called();
-- a plain column
UPDATE run SET sealed_at = now();
SELECT look();
SELECT called();
-- a row
INSERT INTO result VALUES (2, 2, false);
SELECT look();
SELECT called();
-- a total
UPDATE run SET total = 0 WHERE id = 3;
SELECT look();
SELECT called();
-- the first failure, once; that it is made good is seen by the others
INSERT INTO result VALUES (3, 1, false), (3, 2, false);
SELECT called();
UPDATE result SET passed = true WHERE run = 2;
UPDATE result SET passed = false WHERE run = 2 AND question = 1;
SELECT look();
SELECT called();
-- what others write is kept out
SET client_min_messages = notice;
UPDATE run SET finished = false, all_passed = true, has_failed = NULL, note = 'saved' WHERE id = 2;
SET client_min_messages = warning;
SELECT look();
SELECT count(note) FROM run;
-- nothing that a condition reads: not looked at
UPDATE run SET note = 'again';
-- NULL is false
UPDATE run SET total = NULL;
SELECT look();
SELECT called();

--
-- Born complete: an empty batch
--
INSERT INTO run (id, total, sealed_at) VALUES (4, 0, now()), (5, 1, now());
SELECT look();
SELECT called();
BEGIN;
INSERT INTO run (id, total, sealed_at, n, finished, has_failed) VALUES (6, 0, now(), 7, false, true);
SELECT called();
SELECT ratchet.flush();
SELECT called();
SELECT finished, has_failed, n FROM run WHERE id = 6;
COMMIT;
SELECT called();
-- proposed by an upsert, and not stored
INSERT INTO run (id, total, sealed_at) VALUES (5, 0, now()) ON CONFLICT DO NOTHING;
SELECT look();
SELECT called();
INSERT INTO run (id, total, sealed_at) VALUES (5, 0, now()) ON CONFLICT (id) DO UPDATE SET total = EXCLUDED.total;
SELECT called();
MERGE INTO run r USING (VALUES (5, 3), (7, 0)) v (id, total) ON v.id = r.id
WHEN MATCHED THEN UPDATE SET total = v.total WHEN NOT MATCHED THEN INSERT (id, total, sealed_at) VALUES (v.id, v.total, now());
SELECT look();
SELECT called();
-- sealed while it is filled, in one transaction
BEGIN;
INSERT INTO run (id, total) VALUES (8, 2);
INSERT INTO result VALUES (8, 1, true), (8, 2, true);
UPDATE run SET sealed_at = now() WHERE id = 8;
COMMIT;
SELECT called();
DELETE FROM run;
SELECT called();

--
-- Called for what a transaction makes of a row, at a flush: once, and not for what it takes back
--
INSERT INTO run (id, total, sealed_at) VALUES (1, 1, now()), (2, 1, now());
BEGIN;
UPDATE run SET total = 0 WHERE id = 1;
UPDATE run SET total = 1 WHERE id = 1;
COMMIT;
SELECT called();
BEGIN;
UPDATE run SET total = 0 WHERE id = 1;
UPDATE run SET total = 1 WHERE id = 1;
UPDATE run SET total = 0 WHERE id = 1;
COMMIT;
SELECT called();
-- complete before and after
BEGIN;
UPDATE run SET total = 1 WHERE id = 1;
SELECT ratchet.flush();
UPDATE run SET total = 0 WHERE id = 1;
COMMIT;
SELECT look(), called();
UPDATE run SET total = 1;
-- called at an earlier flush
BEGIN;
UPDATE run SET total = 0 WHERE id = 1;
SELECT ratchet.flush();
SELECT called();
UPDATE run SET total = 1 WHERE id = 1;
SELECT ratchet.flush();
UPDATE run SET total = 0 WHERE id = 1;
COMMIT;
SELECT called();
UPDATE run SET total = 1;
-- savepoints: what is rolled back was never called for
BEGIN;
SAVEPOINT a;
UPDATE run SET total = 0;
ROLLBACK TO a;
SAVEPOINT b;
UPDATE run SET total = 0 WHERE id = 2;
RELEASE b;
SAVEPOINT c;
SELECT ratchet.flush();
SELECT what, run FROM log;
ROLLBACK TO c;
SELECT what, run FROM log;
COMMIT;
SELECT called();
UPDATE run SET total = 1;
BEGIN;
UPDATE run SET total = 0 WHERE id = 2;
SAVEPOINT a;
UPDATE run SET total = 1 WHERE id = 2;
SAVEPOINT b;
UPDATE run SET total = 0 WHERE id = 1;
RELEASE b;
ROLLBACK TO a;
COMMIT;
SELECT look();
SELECT called();
UPDATE run SET total = 1;
BEGIN;
UPDATE run SET total = 0 WHERE id = 2;
SAVEPOINT a;
UPDATE run SET total = 1 WHERE id = 2;
RELEASE a;
COMMIT;
SELECT called();
-- immediate constraints: at the end of each statement
BEGIN;
SET CONSTRAINTS ALL IMMEDIATE;
UPDATE run SET total = 0;
SELECT called();
UPDATE run SET total = 1;
COMMIT;
SELECT called();
-- a row that goes; one that comes back under its key was complete before
BEGIN;
UPDATE run SET total = 0;
DELETE FROM run WHERE id = 1;
COMMIT;
SELECT called();
BEGIN;
DELETE FROM run WHERE id = 2;
INSERT INTO run (id, total, sealed_at) VALUES (2, 0, now()), (1, 0, now());
COMMIT;
SELECT called();
-- prepared
BEGIN;
UPDATE run SET total = 1;
PREPARE TRANSACTION 'regress_ratchet';
COMMIT PREPARED 'regress_ratchet';
BEGIN;
UPDATE run SET total = 0;
PREPARE TRANSACTION 'regress_ratchet';
COMMIT PREPARED 'regress_ratchet';
SELECT called();
-- the flush trigger is disabled: at once, and not lost
UPDATE run SET total = 1;
ALTER TABLE run DISABLE TRIGGER "~ratchet_flush";
BEGIN;
UPDATE run SET total = 0 WHERE id = 1;
SELECT called();
UPDATE run SET total = 0 WHERE id = 2;
COMMIT;
SELECT called();
ALTER TABLE run ENABLE TRIGGER "~ratchet_flush";

--
-- A function that raises fails the transaction; one that writes is counted, and may complete something else
--
DELETE FROM run;
CREATE OR REPLACE FUNCTION praise(run int) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF praise.run = 9 THEN RAISE EXCEPTION 'not praised' USING ERRCODE = 'P7777'; END IF;
    INSERT INTO completions.log (what, run) VALUES ('praise', praise.run);
    INSERT INTO completions.result SELECT id, 0, true FROM completions.run WHERE id = praise.run + 1;
END $$;
INSERT INTO run (id, total, sealed_at) SELECT i, 1, now() FROM generate_series(1, 4) i;
INSERT INTO result VALUES (1, 1, true);
SELECT look();
SELECT called();
INSERT INTO run (id, total, sealed_at) VALUES (9, 0, now());
\echo :SQLSTATE
SELECT count(*) FROM run WHERE id = 9;
INSERT INTO run (id, total, sealed_at) SELECT i, 1, now() FROM generate_series(101, 199) i;
INSERT INTO result VALUES (101, 1, true);
\echo :SQLSTATE
SELECT count(*) FROM result WHERE run > 100;
SELECT called();
DELETE FROM run;

--
-- Nobody who is called: latch, at, notify alone
--
SELECT declare('{"finished": {"when": "n >= total", "at": "finished_at", "latch": true}, "has_failed": {"when": "failed > 0", "notify": true}}', true);
INSERT INTO run (id, total) VALUES (1, 1);
INSERT INTO result VALUES (1, 1, true);
SELECT look();
DELETE FROM result;
SELECT look();
SELECT declare('{"finished": {"when": "n >= total", "at": "finished_at"}}', true);
SELECT look();
LISTEN ratchet;
SELECT declare('{"finished": {"when": "n >= total", "at": "finished_at"}, "has_failed": {"when": "failed > 0", "notify": true}}');
BEGIN;
INSERT INTO result VALUES (1, 1, false);
PREPARE TRANSACTION 'regress_ratchet';
\echo :SQLSTATE
UNLISTEN ratchet;

--
-- Beside a total, of the same tally and of others; conditions over counters of several tallies
--
CREATE TABLE expected (run int REFERENCES run, question int);
SELECT ratchet.tally('expected', 'run', '{"total": "true"}');
SELECT ratchet.tally('result', 'run', '{"n": "true", "passed": "passed", "failed": "NOT passed"}', total => 'total', done => 'finished', total_of => 'n',
    completions => '{"all_passed": {"when": "passed = total AND total > 0", "call": "alert(int)"}}', on_done => 'finish(int)', replace => true);
SELECT ratchet.tally('result', 'run', '{"n": "true", "passed": "passed", "failed": "NOT passed"}', total => 'total', done => 'finished', total_of => 'n',
    completions => '{"all_passed": {"when": "total = passed AND total > 0", "call": "alert(int)"}}', on_done => 'finish(int)');
DELETE FROM run;
INSERT INTO run (id) VALUES (1);
INSERT INTO expected VALUES (1, 1), (1, 2);
INSERT INTO result VALUES (1, 1, true), (1, 2, false);
SELECT look(), called();
UPDATE result SET passed = true;
SELECT look(), called();
INSERT INTO expected VALUES (1, 3);
SELECT look(), called();
DELETE FROM expected WHERE question = 3;
SELECT look(), called();
SELECT total, done, on_done, completions FROM ratchet.contract WHERE target IN ('result'::regclass, 'expected'::regclass) ORDER BY target::text;
SELECT * FROM ratchet.describe('run');
SELECT progress FROM ratchet.progress('run', 1);
-- the other tally goes: what it has counted is an ordinary column
DELETE FROM expected;
SELECT ratchet.untally('expected', 'run');
UPDATE run SET total = 2;
SELECT look(), called();
SELECT ratchet.untally('result', 'run');
SELECT count(*) FROM pg_trigger WHERE tgrelid = 'run'::regclass AND tgname LIKE '%ratchet%';

--
-- Existing rows: declared, verified, repaired, restored by hand
--
UPDATE run SET finished = false, n = 0, passed = 0, all_passed = NULL, sealed_at = now();
SELECT declare();
SELECT look();
SELECT called();
ALTER TABLE run DISABLE TRIGGER "~ratchet_counters";
UPDATE run SET n = 1, finished = false, finished_at = NULL;
ALTER TABLE run ENABLE TRIGGER "~ratchet_counters";
SELECT * FROM ratchet.verify('run');
CALL ratchet.repair('run');
SELECT * FROM ratchet.verify('run');
SELECT look();
SELECT called();
SELECT ratchet.untally('result', 'run');
UPDATE run SET finished = false, n = 0;
SELECT ratchet.tally('result', 'run', '{"n": "true"}', completions => '{"finished": {"when": "sealed_at IS NOT NULL AND n >= total", "call": "finish(int)"}}', backfill => 'later');
SELECT called();
SET client_min_messages = error;
CALL ratchet.repair('run');
SET client_min_messages = warning;
SELECT called();
-- DDL after a backfill that completes, in one transaction
SELECT ratchet.untally('result', 'run');
UPDATE run SET finished = false, n = 0;
BEGIN;
SELECT ratchet.tally('result', 'run', '{"n": "true"}', completions => '{"finished": {"when": "sealed_at IS NOT NULL AND n >= total", "call": "finish(int)"}}');
ALTER TABLE run ADD COLUMN more int;
ALTER TABLE result ADD COLUMN more int;
COMMIT;
SELECT called();
-- rows of before, which nobody has decided
SELECT ratchet.untally('result', 'run');
-- the replica role decides nothing, and calls nobody
SELECT declare();
SELECT called();
SET session_replication_role = replica;
INSERT INTO run (id, total, sealed_at, n, finished, finished_at, passed, failed, all_passed) VALUES (7, 1, now(), 1, true, now(), 1, 0, true), (8, 0, now(), 0, false, NULL, 0, 0, false);
INSERT INTO result VALUES (7, 1, true);
RESET session_replication_role;
SELECT look();
SELECT called();
SELECT key, "column" FROM ratchet.verify('run');
DELETE FROM run;

--
-- A guard: what it keeps decides
--
SELECT ratchet.guard('run', once => '{sealed_at}', forward => '{total}');
INSERT INTO run (id, total) VALUES (1, 2);
INSERT INTO result VALUES (1, 1, true), (1, 2, true);
UPDATE run SET sealed_at = '2026-01-01';
SELECT called();
UPDATE run SET sealed_at = NULL;
UPDATE run SET total = 1;
SELECT look();
SELECT called();
UPDATE run SET total = 3;
SELECT look();
SELECT outcome, kept FROM ratchet.update('run', 1, '{"total": 1, "finished": true}');
SELECT outcome FROM ratchet.amend('run', 1, '{"total": 2}', 'dba', 'test');
SELECT look();
SELECT called();
SELECT ratchet.unguard('run');

--
-- Partitions, whose columns have other numbers
--
CREATE TABLE batch (region text, id int, n bigint, expected int, is_full boolean, is_large boolean, PRIMARY KEY (region, id)) PARTITION BY LIST (region);
CREATE TABLE batch_eu PARTITION OF batch FOR VALUES IN ('eu');
CREATE TABLE batch_us (is_large boolean, gone int, expected int, id int NOT NULL, n bigint, is_full boolean, region text NOT NULL);
ALTER TABLE batch_us DROP COLUMN gone;
ALTER TABLE batch ATTACH PARTITION batch_us FOR VALUES IN ('us');
CREATE TABLE piece (region text, batch int, FOREIGN KEY (region, batch) REFERENCES batch);
CREATE FUNCTION fill(region text, id int) RETURNS void LANGUAGE sql AS $$ INSERT INTO completions.log (what, run, state) VALUES ('fill', id, region) $$;
SELECT ratchet.tally('piece', 'batch', '{"n": "true"}', completions => '{"is_full": {"when": "n >= expected", "call": "fill(text, int)"}, "is_large": {"when": "n > 2"}}');
INSERT INTO batch VALUES ('eu', 1, 9, 1, true), ('us', 1, 9, 3, false), ('us', 2, 0, 0, false);
INSERT INTO piece VALUES ('us', 1), ('us', 1), ('us', 1);
SELECT * FROM batch ORDER BY 1, 2;
SELECT called();
UPDATE batch_us SET expected = 4 WHERE id = 1;
UPDATE batch_us SET expected = 3 WHERE id = 1;
SELECT called();
BEGIN;
UPDATE batch_us SET expected = 4 WHERE id = 1;
UPDATE batch SET expected = 3 WHERE id = 1 AND region = 'us';
COMMIT;
SELECT called();
SELECT * FROM ratchet.verify('batch');

--
-- What is refused
--
CREATE TABLE parent (id int PRIMARY KEY, total int, n int, doubled int GENERATED ALWAYS AS (total * 2) STORED, a boolean, b boolean, a_at timestamptz,
                     b_at timestamp, c int, at_all timestamptz NOT NULL DEFAULT now());
CREATE TABLE child (parent int REFERENCES parent);
CREATE FUNCTION later(int) RETURNS boolean LANGUAGE sql STABLE AS 'SELECT now() > timestamptz ''2026-01-01''';
CREATE FUNCTION refused(completions jsonb, done name DEFAULT NULL, time_zone text DEFAULT NULL) RETURNS text LANGUAGE sql AS $$
SELECT attempt(format('SELECT ratchet.tally(''child'', ''parent'', ''{"n": "true"}'', completions => %L, total => %L, done => %L, time_zone => %L, backfill => ''later'')',
                      completions, CASE WHEN done IS NOT NULL THEN 'total' END, done, time_zone))
$$;
SELECT refused('[]');
SELECT refused('"{}"');
SELECT refused('{"a": "n > 1"}');
SELECT refused('{"a": ["n > 1"]}');
SELECT refused('{"a": {}}');
SELECT refused('{"a": {"when": null}}');
SELECT refused('{"a": {"when": ""}}');
SELECT refused('{"a": {"when": true}}');
SELECT refused('{"a": {"when": "n > 1", "done": "b"}}');
SELECT refused('{"a": {"when": "n > 1", "latch": "yes"}}');
SELECT refused('{"a": {"when": "n > 1", "at": 7}}');
SELECT refused('{"a": {"when": "n > 1", "call": "finish"}}');
SELECT refused('{"a": {"when": "n > 1", "call": "finish(text)"}}');
SELECT refused('{"a": {"when": "n > 1", "call": "pg_catalog.now()"}}');
SELECT refused('{"": {"when": "n > 1"}}');
SELECT refused('{"missing": {"when": "n > 1"}}');
SELECT refused('{"c": {"when": "n > 1"}}');
SELECT refused('{"n": {"when": "n > 1"}}');
SELECT refused('{"a": {"when": "n > 1", "at": "b"}}');
SELECT refused('{"a": {"when": "n > 1", "at": "at_all"}}');
SELECT refused('{"a": {"when": "n > 1", "at": "a_at"}, "b": {"when": "n > 2", "at": "a_at"}}');
SELECT refused('{"a": {"when": "n > 1"}}', done => 'a');
SELECT refused('{"a": {"when": "n > 1"}}', time_zone => 'UTC');
SELECT refused('{"a": {"when": "n > 1", "at": "b_at"}}', time_zone => 'Mars');
SELECT refused('{"a": {"when": "n >"}}');
SELECT refused('{"a": {"when": "n > 1); SELECT (true"}}');
SELECT refused('{"a": {"when": "n + 1"}}');
SELECT refused('{"a": {"when": "sum(n)"}}');
SELECT refused('{"a": {"when": "count(*) > 1"}}');
SELECT refused('{"a": {"when": "(SELECT true)"}}');
SELECT refused('{"a": {"when": "m > 1"}}');
SELECT refused('{"a": {"when": "parent.* IS NOT NULL"}}');
SELECT refused('{"a": {"when": "tableoid = 1"}}');
SELECT refused('{"a": {"when": "at_all < now()"}}');
SELECT refused('{"a": {"when": "later(n)"}}');
SELECT refused('{"a": {"when": "completions.later(n)"}}');
SELECT refused('{"a": {"when": "doubled > n"}}');
SELECT refused('{"a": {"when": "NOT a"}}');
SELECT refused('{"a": {"when": "n > 1"}, "b": {"when": "a"}}');
SELECT refused('{"a": {"when": "n > 1", "at": "a_at"}, "b": {"when": "a_at IS NOT NULL"}}');
SELECT refused('{"a": {"when": "b"}}', done => 'b');
-- a column of another tally that is declared later
SELECT ratchet.tally('child', 'parent', '{"n": "true"}', completions => '{"a": {"when": "b"}}');
CREATE TABLE other (parent int REFERENCES parent);
SELECT attempt($$SELECT ratchet.tally('other', 'parent', '{"c": "true"}', completions => '{"b": {"when": "c > 1"}}')$$);
SELECT attempt($$SELECT ratchet.tally('other', 'parent', '{"c": "true"}', completions => '{"a": {"when": "c > 1"}}')$$);
-- less needs replace
SELECT ratchet.tally('child', 'parent', '{"n": "true"}', completions => '{"a": {"when": "n > 1", "at": "b_at", "call": "finish(int)", "latch": true, "notify": true}}', time_zone => 'UTC', replace => true);
SELECT attempt($$SELECT ratchet.tally('child', 'parent', '{"n": "true"}', completions => '{"a": {"when": "n > 2", "at": "a_at", "call": "alert(int)"}}')$$);
SELECT attempt($$SELECT ratchet.tally('child', 'parent', '{"n": "true"}', completions => '{"a": {"when": "n > 1"}}')$$);
SELECT attempt($$SELECT ratchet.tally('child', 'parent', '{"n": "true"}')$$);
SELECT ratchet.tally('child', 'parent', '{"n": "true"}', completions => '{"a": {"when": "n > 1", "at": "b_at", "call": "finish(int)", "latch": true, "notify": true}, "b": {"when": "n > 5"}}', time_zone => 'UTC');
SELECT completions FROM ratchet.contract WHERE target = 'child'::regclass;
SELECT * FROM ratchet.describe('parent');
-- the text of a contract by hand
CREATE FUNCTION by_hand(VARIADIC arguments text[]) RETURNS text LANGUAGE sql AS $$
SELECT attempt(format('CREATE OR REPLACE TRIGGER "~ratchet_counters" BEFORE INSERT OR UPDATE ON parent FOR EACH ROW EXECUTE FUNCTION ratchet.keep_counters(%s)',
                      (SELECT string_agg(quote_literal(a), ', ') FROM unnest(arguments) a)))
$$;
SELECT by_hand('key=id', 'counter=n', 'when=n > 1', 'done=a');
SELECT by_hand('key=id', 'counter=n', 'when=n > 1', 'of=n');
SELECT by_hand('key=id', 'counter=n', 'when=n > 1', 'total_of=n', 'done=a');
SELECT by_hand('key=id', 'counter=n', 'of=n', 'done=a');
-- a condition that raises fails the write that needs it, and no other
SELECT ratchet.tally('child', 'parent', '{"n": "true"}', completions => '{"a": {"when": "10 / (total - n) > 1"}}', replace => true);
INSERT INTO parent (id, total) VALUES (1, 1);
INSERT INTO child VALUES (1);
\echo :SQLSTATE
SELECT attempt('UPDATE parent SET total = 0'), attempt('UPDATE parent SET c = 0');
BEGIN;
INSERT INTO child VALUES (1);
UPDATE parent SET total = 2;
COMMIT;
SELECT total, n, a FROM parent;

--
-- DDL: what a condition names follows, or is refused
--
DROP TABLE child, other;
SELECT ratchet.untally(NULL, 'parent');
CREATE TABLE child (parent int REFERENCES parent);
CREATE SCHEMA functions;
CREATE TYPE functions.mood AS ENUM ('open', 'shut');
ALTER TABLE parent ADD COLUMN mood functions.mood, ADD COLUMN "it's" int;
CREATE FUNCTION functions.enough(int, int) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT $1 >= $2';
CREATE FUNCTION functions.told(int) RETURNS void LANGUAGE sql AS $$ INSERT INTO completions.log (what, run) VALUES ('told', $1) $$;
UPDATE parent SET mood = 'open', "it's" = 1;
SELECT ratchet.tally('child', 'parent', '{"n": "true"}', completions =>
    '{"a": {"when": "mood = ''shut''::functions.mood AND functions.enough(n, \"it''s\")", "at": "a_at", "call": "functions.told(int)"}}');
SELECT completions FROM ratchet.contract WHERE target = 'child'::regclass;
ALTER TABLE parent RENAME COLUMN n TO counted;
ALTER TABLE parent RENAME COLUMN "it's" TO "as many";
ALTER TABLE parent RENAME COLUMN a TO is_shut;
ALTER TABLE parent RENAME COLUMN a_at TO shut_at;
ALTER TABLE parent RENAME COLUMN mood TO state;
ALTER TABLE parent RENAME TO box;
ALTER SCHEMA functions RENAME TO helpers;
ALTER TYPE helpers.mood RENAME TO condition;
ALTER TYPE helpers.condition RENAME VALUE 'shut' TO 'closed';
ALTER FUNCTION helpers.enough RENAME TO suffices;
ALTER FUNCTION helpers.suffices SET SCHEMA completions;
ALTER FUNCTION helpers.told RENAME TO was_told;
SELECT completions FROM ratchet.contract WHERE target = 'child'::regclass;
INSERT INTO child VALUES (1);
UPDATE box SET state = 'closed';
SELECT counted, "as many", state, is_shut, shut_at IS NOT NULL FROM box;
SELECT called();
SELECT attempt('DROP FUNCTION completions.suffices(int, int)'), attempt('DROP FUNCTION helpers.was_told(int)');
SELECT attempt('ALTER TABLE box DROP COLUMN state');
SELECT attempt('ALTER TABLE box DROP COLUMN is_shut');
SELECT attempt('ALTER TABLE box DROP COLUMN shut_at');
SELECT attempt('ALTER TABLE box ALTER COLUMN state TYPE text');
SELECT attempt('ALTER TABLE box ALTER COLUMN counted TYPE bigint');
SELECT attempt('ALTER TABLE box ALTER COLUMN c TYPE bigint');
SELECT attempt('ALTER FUNCTION completions.suffices VOLATILE');
SELECT attempt('ALTER FUNCTION helpers.was_told STABLE');
SELECT attempt('CREATE OR REPLACE FUNCTION completions.suffices(int, int) RETURNS boolean LANGUAGE sql STABLE AS ''SELECT $1 > $2''');
SELECT attempt('ALTER TABLE box ALTER COLUMN is_shut TYPE text');
-- no dependency is recorded twice
ALTER TABLE box ADD COLUMN more int;
ALTER TABLE box ADD COLUMN even_more int;
SELECT count(*) = count(DISTINCT (refclassid, refobjid, refobjsubid, deptype)) FROM pg_depend
WHERE classid = 'pg_trigger'::regclass AND objid = (SELECT oid FROM pg_trigger WHERE tgrelid = 'box'::regclass AND tgname = '~ratchet_counters');
-- gone while nobody looked: writes that need it fail, until it is there again
ALTER EVENT TRIGGER ratchet_ddl_start DISABLE;
ALTER EVENT TRIGGER ratchet_ddl_end DISABLE;
ALTER FUNCTION completions.suffices RENAME TO hidden;
ALTER EVENT TRIGGER ratchet_ddl_start ENABLE;
ALTER EVENT TRIGGER ratchet_ddl_end ENABLE;
SELECT attempt('UPDATE box SET state = ''open''');
SELECT attempt('UPDATE box SET more = 1');
DELETE FROM child;
\echo :SQLSTATE
SELECT severity, finding FROM ratchet.health() WHERE target = 'box'::regclass;
SELECT attempt('SELECT ratchet.verify(''box'')');
ALTER FUNCTION completions.hidden RENAME TO suffices;
DELETE FROM child;
SELECT counted, is_shut FROM box;
SELECT * FROM ratchet.health() WHERE target = 'box'::regclass;

--
-- Whose rights: the writer's for his own statement, the owner's for the condition
--
CREATE ROLE regress_ratchet_sealer;
CREATE ROLE regress_ratchet_keeper;
GRANT USAGE, CREATE ON SCHEMA completions TO regress_ratchet_keeper;
GRANT USAGE ON SCHEMA completions, test_setup TO regress_ratchet_sealer, regress_ratchet_keeper;
SET ROLE regress_ratchet_keeper;
CREATE FUNCTION is_keeper(int) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RETURN current_user = 'regress_ratchet_keeper'; END $$;
REVOKE ALL ON FUNCTION is_keeper FROM PUBLIC;
CREATE TABLE crate (id int PRIMARY KEY, sealed boolean, size int, n int, shut boolean, secret int DEFAULT 1);
CREATE TABLE thing (crate int REFERENCES crate);
SELECT ratchet.tally('thing', 'crate', '{"n": "true"}', completions => '{"shut": {"when": "sealed AND completions.is_keeper(secret)"}}');
GRANT SELECT (id, sealed), UPDATE (sealed), INSERT (id, sealed) ON crate TO regress_ratchet_sealer;
GRANT INSERT ON thing TO regress_ratchet_sealer;
RESET ROLE;
SET ROLE regress_ratchet_sealer;
INSERT INTO crate (id, sealed) VALUES (1, false), (2, true);
UPDATE crate SET sealed = true WHERE id = 1;
INSERT INTO thing VALUES (1);
RESET ROLE;
SELECT id, sealed, n, shut FROM crate ORDER BY id;
-- a function that leaves something behind for the session's user cannot
SET ROLE regress_ratchet_keeper;
CREATE FUNCTION set_trap(int) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN PERFORM set_config('role', 'none', true); RETURN true; END $$;
SELECT ratchet.tally('thing', 'crate', '{"n": "true"}', completions => '{"shut": {"when": "sealed AND completions.set_trap(secret)"}}', replace => true, backfill => 'later');
RESET ROLE;
SELECT attempt('UPDATE crate SET sealed = NOT sealed');
SELECT attempt('INSERT INTO crate (id, sealed) VALUES (3, true)'), attempt('UPDATE crate SET sealed = NOT sealed');
-- what the owner may call no more
SET ROLE regress_ratchet_keeper;
SELECT ratchet.tally('thing', 'crate', '{"n": "true"}', completions => '{"shut": {"when": "sealed AND completions.is_keeper(secret)"}}', replace => true);
RESET ROLE;
SELECT attempt('ALTER FUNCTION is_keeper OWNER TO CURRENT_USER');
ALTER EVENT TRIGGER ratchet_ddl_end DISABLE;
ALTER FUNCTION is_keeper OWNER TO CURRENT_USER;
REVOKE ALL ON FUNCTION is_keeper FROM regress_ratchet_keeper;
ALTER EVENT TRIGGER ratchet_ddl_end ENABLE;
SELECT attempt('UPDATE crate SET sealed = NOT sealed WHERE id = 1');
SELECT attempt('UPDATE crate SET size = 1');
INSERT INTO thing VALUES (1);
\echo :SQLSTATE
SELECT severity, finding FROM ratchet.health() WHERE target = 'crate'::regclass;
GRANT EXECUTE ON FUNCTION is_keeper TO regress_ratchet_keeper;
UPDATE crate SET sealed = NOT sealed;
SELECT id, sealed, n, shut FROM crate ORDER BY id;
DROP TABLE thing, crate;
DROP OWNED BY regress_ratchet_keeper, regress_ratchet_sealer;
DROP ROLE regress_ratchet_keeper, regress_ratchet_sealer;

-- what a function undoes that is called first is not called for; what is done again is, once
CREATE TABLE undo_told (n serial, id int, ok boolean);
CREATE TABLE undo_run (id int PRIMARY KEY, total int, n int NOT NULL DEFAULT 0, ok boolean);
CREATE TABLE undo_row (run int REFERENCES undo_run);
CREATE FUNCTION undo_call(i int) RETURNS void LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO undo_told (id, ok) VALUES (i, (SELECT r.ok FROM undo_run r WHERE r.id = i));
    IF i IN (1, 30) THEN UPDATE undo_run SET total = 9 WHERE id = i + 2; END IF;
    IF i = 1 THEN DELETE FROM undo_run WHERE id = 2; END IF;
    IF i = 31 THEN UPDATE undo_run SET total = 0 WHERE id = 32; END IF;
END $$;
ALTER FUNCTION undo_call SET search_path = completions, pg_catalog;
SELECT ratchet.tally('undo_row', 'undo_run', '{"n": "true"}', completions => '{"ok": {"when": "n = total", "call": "undo_call(int)"}}');
INSERT INTO undo_run VALUES (1, 0), (2, 0), (3, 0);
SELECT id, ok FROM undo_told ORDER BY n;
SELECT id, ok FROM undo_run ORDER BY id;
INSERT INTO undo_run VALUES (30, 0), (31, 0), (32, 0);
SELECT id, ok FROM undo_told WHERE id >= 30 ORDER BY n;
-- a function that takes the contract away is the last one
CREATE FUNCTION undo_untally(i int) RETURNS void LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO completions.undo_told (id) VALUES (i);
    PERFORM ratchet.untally('completions.undo_row', 'completions.undo_run');
END $$;
SELECT ratchet.tally('undo_row', 'undo_run', '{"n": "true"}', completions => '{"ok": {"when": "n = total", "call": "undo_untally(int)"}}', replace => true);
INSERT INTO undo_run VALUES (40, 0), (41, 0);
SELECT id FROM undo_told WHERE id >= 40 ORDER BY n;

SET client_min_messages = error;
DROP SCHEMA completions, helpers CASCADE;
