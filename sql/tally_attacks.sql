--
-- Attacks on counters: each with a control that it works without the defence, or against a naive one.
--
\set SHOW_CONTEXT never
SET client_min_messages = warning;
\pset format unaligned
\pset tuples_only on
CREATE ROLE regress_ratchet_owner;
CREATE ROLE regress_ratchet_writer;
CREATE ROLE regress_ratchet_trigger;
CREATE ROLE regress_ratchet_other;
CREATE SCHEMA tally_attacks;
GRANT USAGE, CREATE ON SCHEMA tally_attacks TO PUBLIC;
SET search_path = tally_attacks, test_setup;
SET ROLE regress_ratchet_owner;
CREATE TABLE run (id int PRIMARY KEY, total int, n int NOT NULL DEFAULT 0, done boolean NOT NULL DEFAULT false, secret text);
CREATE TABLE result (run int REFERENCES run, question int, remark text, UNIQUE (run, question));
CREATE TABLE log (run int);
CREATE FUNCTION finish(run int) RETURNS void LANGUAGE sql AS 'INSERT INTO tally_attacks.log VALUES (finish.run)';
SELECT ratchet.tally('result', 'run', '{"n": "true"}', total => 'total', done => 'done', on_done => 'finish(int)');
INSERT INTO run (id, total, secret) SELECT i, 3, 'hidden' FROM generate_series(1, 3) i;
CREATE FUNCTION look() RETURNS text LANGUAGE sql SECURITY DEFINER SET search_path = tally_attacks AS $$
SELECT string_agg(format('%s: %s of %s', r.id, n, (SELECT count(*) FROM result c WHERE c.run = r.id)) || CASE WHEN done THEN ' done' ELSE '' END, ', ' ORDER BY id) FROM run r
$$;

--
-- A writer with no right on the parent counts; the verbs tell him nothing about it
--
GRANT INSERT, DELETE ON result TO regress_ratchet_writer;
GRANT SELECT (run), UPDATE (run) ON result TO regress_ratchet_writer;
SET ROLE regress_ratchet_writer;
INSERT INTO result VALUES (1, 1), (2, 1);
UPDATE result SET run = 3 WHERE run = 2;
SELECT look();
DELETE FROM result WHERE run = 3;
SELECT look();
-- control: what he may not
SELECT attempt('SELECT n FROM run');
SELECT attempt('UPDATE run SET n = 9');
SELECT attempt($$SELECT ratchet.progress('run', 1)$$);
SELECT outcome, inserted, duplicates, progress FROM ratchet.submit_batch('result', '[{"run": 1, "question": 1}, {"run": 1, "question": 2}, {"run": 1, "question": 2}]', flush => true);
SELECT attempt($$SELECT * FROM ratchet.verify('run')$$), attempt($$SELECT * FROM ratchet.verify('result')$$);
SELECT count(*) FROM ratchet.verify();
SELECT attempt($$CALL ratchet.repair('run')$$);
CALL ratchet.repair('run');
CALL ratchet.repair();
SELECT attempt($$SELECT ratchet.tally('result', 'run', '{"n": "true"}')$$);
SELECT attempt($$SELECT ratchet.untally('result', 'run')$$);
-- completion runs as the owner, who alone may write the log
INSERT INTO result VALUES (1, 3);
SELECT look();
SELECT attempt('INSERT INTO log VALUES (1)');
SELECT attempt('SELECT run FROM log');
RESET ROLE;
SELECT * FROM log;
-- with the rights, he is told
GRANT SELECT (id, total, n, done) ON run TO regress_ratchet_writer;
SET ROLE regress_ratchet_writer;
SELECT outcome, inserted, duplicates, progress FROM ratchet.submit_batch('result', '[{"run": 2, "question": 7}]', flush => true);
SELECT attempt($$SELECT ratchet.progress('run', 1)$$);
RESET ROLE;
REVOKE ALL ON run FROM regress_ratchet_writer;

--
-- Security definers, and a security-restricted operation
--
CREATE FUNCTION define(statement text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS 'BEGIN EXECUTE statement; END';
ALTER FUNCTION define OWNER TO regress_ratchet_writer;
SET ROLE regress_ratchet_other;
SELECT attempt('INSERT INTO result VALUES (2, 2)');
SELECT attempt($$SELECT define('INSERT INTO tally_attacks.result VALUES (2, 2)')$$);
SELECT look();
BEGIN;
SET CONSTRAINTS ALL IMMEDIATE;
SELECT define('INSERT INTO tally_attacks.result VALUES (3, 1), (3, 2)');
SELECT define('SELECT ratchet.flush()');
SELECT ratchet.flush();
COMMIT;
SELECT look();
RESET ROLE;
SET ROLE regress_ratchet_owner;
CREATE FUNCTION write_it() RETURNS int LANGUAGE plpgsql AS 'BEGIN DELETE FROM tally_attacks.result WHERE run = 3 AND question = 2; RETURN 1; END';
CREATE MATERIALIZED VIEW writing AS SELECT write_it() AS one WITH NO DATA;
REFRESH MATERIALIZED VIEW writing;
\echo :SQLSTATE
SELECT look();
DROP MATERIALIZED VIEW writing;

--
-- A flush that does not fire: COMMIT fails instead of losing counts. Nothing that a writer may call brings it about, so the
-- catalog is forged: the event is there, and its trigger does nothing.
--
RESET ROLE;
CREATE FUNCTION idle() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE FUNCTION forge(function regprocedure) RETURNS void LANGUAGE plpgsql SET allow_system_table_mods = on AS $$
BEGIN
    UPDATE pg_catalog.pg_trigger SET tgfoid = function WHERE tgrelid = 'result'::regclass AND tgname = '~ratchet_flush';
    UPDATE pg_catalog.pg_class SET relhastriggers = true WHERE oid = 'result'::regclass;
END
$$;
BEGIN;
INSERT INTO result VALUES (2, 50);
SELECT forge('idle()');
COMMIT;
\echo :SQLSTATE
SELECT look();
BEGIN;
INSERT INTO result VALUES (2, 50);
SELECT forge('idle()');
PREPARE TRANSACTION 'regress_ratchet';
\echo :SQLSTATE
BEGIN;
SAVEPOINT s;
INSERT INTO result VALUES (2, 50);
SELECT forge('idle()');
ROLLBACK TO s;
COMMIT;
SELECT look();
BEGIN;
INSERT INTO result VALUES (2, 51);
SELECT forge('idle()');
SELECT ratchet.flush();
SELECT forge('ratchet.flush_counters()');
COMMIT;
SELECT look();
-- the control
INSERT INTO result VALUES (2, 52);
SELECT look();
SET ROLE regress_ratchet_writer;
SELECT proname FROM pg_proc WHERE pronamespace = 'ratchet'::regnamespace AND proname ~ 'arm' AND has_function_privilege(oid, 'EXECUTE');

--
-- _take() by hand, outside a batch, and inside by the table's own trigger: an error, and nothing is stored
--
SELECT ratchet._take(1), ratchet._take(-5), ratchet._take(NULL);
RESET ROLE;
CREATE FUNCTION meddle() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM ratchet._take(9999999999), ratchet._take(-1), ratchet._take(1) FROM generate_series(1, 10);
    RETURN NEW;
END $$;
CREATE TRIGGER meddle BEFORE INSERT ON result FOR EACH ROW EXECUTE FUNCTION meddle();
SET ROLE regress_ratchet_writer;
SELECT outcome, inserted, duplicates FROM ratchet.submit_batch('result', '[{"run": 2, "question": 70}, {"run": 2, "question": 51}, {"run": 2, "question": 71}]', flush => true);
SELECT look();
RESET ROLE;
DROP TRIGGER meddle ON result;
DELETE FROM result WHERE question > 69;

--
-- Functions called as what they are not
--
SELECT attempt('SELECT ratchet.' || f || '()') FROM unnest('{count_row,flush_counters,keep_counters,complete_row,count_truncate,count_gone}'::text[]) f;

--
-- Forged triggers: another name, time, condition, table; a role with the TRIGGER privilege alone
--
GRANT TRIGGER ON run, result TO regress_ratchet_trigger;
SET ROLE regress_ratchet_trigger;
-- control: it may create triggers
CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER mine BEFORE INSERT ON result FOR EACH ROW EXECUTE FUNCTION nothing();
SELECT attempt($$CREATE TRIGGER "!ratchet_tally_2" AFTER INSERT OR UPDATE OR DELETE ON result FOR EACH ROW EXECUTE FUNCTION ratchet.count_row('via=run', 'counter=n', 'count=true')$$);
SELECT attempt($$CREATE OR REPLACE TRIGGER "!ratchet_tally_1" AFTER INSERT OR UPDATE OR DELETE ON result FOR EACH ROW EXECUTE FUNCTION ratchet.count_row('via=run', 'counter=n', 'count=false')$$);
SELECT attempt($$CREATE OR REPLACE TRIGGER "~ratchet_counters" BEFORE INSERT OR UPDATE ON run FOR EACH ROW EXECUTE FUNCTION ratchet.keep_counters('key=id', 'counter=n')$$);
SELECT attempt($$CREATE TRIGGER x AFTER DELETE ON run FOR EACH ROW EXECUTE FUNCTION ratchet.count_gone()$$);
SELECT attempt($$CREATE TRIGGER x AFTER TRUNCATE ON result FOR EACH STATEMENT EXECUTE FUNCTION ratchet.count_truncate()$$);
SELECT attempt($$CREATE CONSTRAINT TRIGGER x AFTER INSERT ON result DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION ratchet.flush_counters()$$);
SELECT attempt($$CREATE TRIGGER x AFTER UPDATE ON run FOR EACH ROW EXECUTE FUNCTION ratchet.complete_row()$$);
SELECT attempt($$CREATE OR REPLACE TRIGGER "!ratchet_tally_1" AFTER INSERT ON result FOR EACH ROW EXECUTE FUNCTION nothing()$$);
SELECT attempt($$CREATE OR REPLACE TRIGGER "~ratchet_counters" BEFORE INSERT OR UPDATE ON run FOR EACH ROW EXECUTE FUNCTION nothing()$$);
SELECT attempt($$CREATE OR REPLACE TRIGGER "~ratchet_truncate" AFTER TRUNCATE ON result FOR EACH STATEMENT EXECUTE FUNCTION nothing()$$);
SELECT attempt($$CREATE OR REPLACE TRIGGER "!ratchet_gone" AFTER DELETE ON run FOR EACH ROW EXECUTE FUNCTION nothing()$$);
SELECT attempt($$CREATE OR REPLACE TRIGGER "~ratchet_completion" AFTER UPDATE ON run FOR EACH ROW EXECUTE FUNCTION nothing()$$);
RESET ROLE;
DROP TRIGGER mine ON result;
SELECT tgname FROM pg_trigger WHERE tgrelid IN ('run'::regclass, 'result'::regclass) AND NOT tgisinternal ORDER BY tgrelid, tgname COLLATE "C";
INSERT INTO result VALUES (3, 9);
SELECT look();

--
-- Row-level security is no filter for counts
--
GRANT SELECT, INSERT, UPDATE, DELETE ON result TO regress_ratchet_writer;
GRANT SELECT, UPDATE ON run TO regress_ratchet_writer;
DELETE FROM result;
SET ROLE regress_ratchet_owner;
ALTER TABLE run ENABLE ROW LEVEL SECURITY;
ALTER TABLE result ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON result FOR ALL TO regress_ratchet_writer USING (remark = 'mine') WITH CHECK (remark IN ('mine', 'theirs'));
SET ROLE regress_ratchet_writer;
INSERT INTO result VALUES (1, 1, 'mine'), (1, 2, 'theirs'), (2, 1, 'theirs');
-- control: he sees no run and one result
SELECT (SELECT count(*) FROM run), (SELECT count(*) FROM result);
SELECT look();
UPDATE result SET run = 3;
SELECT look();
DELETE FROM result;
SELECT look();
SELECT outcome, inserted, duplicates, progress FROM ratchet.submit_batch('result', '[{"run": 3, "question": 1, "remark": "mine"}, {"run": 3, "question": 1, "remark": "mine"}]', flush => true);
SELECT outcome, progress FROM ratchet.progress('run', 3);
SELECT attempt($$SELECT ratchet.submit_batch('result', '[{"run": 3, "question": 2, "remark": "evil"}]', flush => true)$$);
SELECT outcome, inserted, duplicates, progress FROM ratchet.submit_batch('result', '[{"run": 2, "question": 1, "remark": "mine"}]', flush => true);
SELECT look();
SET ROLE regress_ratchet_owner;
SELECT * FROM ratchet.verify();
-- FORCE: the owner is subject to the policies too; writing counts is not
ALTER TABLE run FORCE ROW LEVEL SECURITY;
ALTER TABLE result FORCE ROW LEVEL SECURITY;
SELECT (SELECT count(*) FROM run), (SELECT count(*) FROM result);
SET ROLE regress_ratchet_writer;
INSERT INTO result VALUES (1, 5, 'mine'), (3, 5, 'mine'), (3, 6, 'mine');
RESET ROLE;
SELECT string_agg(format('%s: %s of %s', r.id, n, (SELECT count(*) FROM result c WHERE c.run = r.id)) || CASE WHEN done THEN ' done' ELSE '' END, ', ' ORDER BY id) FROM run r;
-- nor do recounts: drift is found, repaired and counted in full
ALTER TABLE run DISABLE TRIGGER "~ratchet_counters";
RESET ROLE;
UPDATE run SET n = 0;
SET ROLE regress_ratchet_owner;
ALTER TABLE run ENABLE TRIGGER "~ratchet_counters";
SELECT * FROM ratchet.verify('run');
CALL ratchet.repair('run');
SELECT * FROM ratchet.verify('run');
SELECT ratchet.untally('result', 'run');
SELECT ratchet.tally('result', 'run', '{"n": "true"}', total => 'total', done => 'done', on_done => 'finish(int)');
RESET ROLE;
UPDATE run SET total = total;
SELECT string_agg(format('%s: %s of %s', r.id, n, (SELECT count(*) FROM result c WHERE c.run = r.id)) || CASE WHEN done THEN ' done' ELSE '' END, ', ' ORDER BY id) FROM run r;
SET ROLE regress_ratchet_owner;
TRUNCATE result;
RESET ROLE;
SELECT string_agg(format('%s: %s of %s', r.id, n, (SELECT count(*) FROM result c WHERE c.run = r.id)) || CASE WHEN done THEN ' done' ELSE '' END, ', ' ORDER BY id) FROM run r;

--
-- The parent's own triggers run as its owner; one that sets its search_path is nobody else's
--
ALTER TABLE run DISABLE ROW LEVEL SECURITY, NO FORCE ROW LEVEL SECURITY;
ALTER TABLE result DISABLE ROW LEVEL SECURITY, NO FORCE ROW LEVEL SECURITY;
CREATE SCHEMA regress_ratchet_hostile AUTHORIZATION regress_ratchet_writer;
SET ROLE regress_ratchet_writer;
CREATE TABLE regress_ratchet_hostile.audit (run int, by text);
GRANT ALL ON SCHEMA regress_ratchet_hostile TO PUBLIC;
GRANT ALL ON regress_ratchet_hostile.audit TO PUBLIC;
SET ROLE regress_ratchet_owner;
CREATE TABLE audit (run int, by text);
CREATE FUNCTION audited() RETURNS trigger LANGUAGE plpgsql SET search_path = tally_attacks AS 'BEGIN INSERT INTO audit VALUES (NEW.id, current_user); RETURN NULL; END';
CREATE TRIGGER audited AFTER UPDATE ON run FOR EACH ROW EXECUTE FUNCTION audited();
SET ROLE regress_ratchet_writer;
SET search_path = regress_ratchet_hostile, tally_attacks, test_setup;
-- control: so it is for the writer
SELECT 'audit'::regclass;
INSERT INTO tally_attacks.result VALUES (1, 2);
SELECT count(*) FROM audit;
RESET ROLE;
SET search_path = tally_attacks, test_setup;
SELECT * FROM audit;
SELECT look();
DROP SCHEMA regress_ratchet_hostile CASCADE;
DROP TRIGGER audited ON run;

--
-- Two owners: refused at declaration, and when it came later
--
CREATE TABLE foreign_run (id int PRIMARY KEY, n int);
ALTER TABLE foreign_run OWNER TO regress_ratchet_other;
GRANT REFERENCES ON foreign_run TO regress_ratchet_owner;
CREATE TABLE own_result (run int REFERENCES foreign_run);
ALTER TABLE own_result OWNER TO regress_ratchet_owner;
INSERT INTO foreign_run VALUES (1, 0);
SELECT attempt($$SELECT ratchet.tally('own_result', 'foreign_run', '{"n": "true"}')$$);
SET ROLE regress_ratchet_owner;
SELECT attempt($$SELECT ratchet.tally('own_result', 'foreign_run', '{"n": "true"}')$$);
SET ROLE regress_ratchet_other;
SELECT attempt($$SELECT ratchet.tally('own_result', 'foreign_run', '{"n": "true"}')$$);
RESET ROLE;
ALTER TABLE foreign_run OWNER TO regress_ratchet_owner;
SELECT ratchet.tally('own_result', 'foreign_run', '{"n": "true"}');
INSERT INTO own_result VALUES (1);
SELECT n FROM foreign_run;
ALTER TABLE own_result OWNER TO regress_ratchet_other;
SELECT attempt('INSERT INTO own_result VALUES (1)');
SELECT attempt('SELECT * FROM ratchet.verify()');
ALTER TABLE own_result OWNER TO regress_ratchet_owner;
INSERT INTO own_result VALUES (1);
SELECT n FROM foreign_run;
-- both to another owner, who had no part in it
ALTER TABLE own_result OWNER TO regress_ratchet_other;
ALTER TABLE foreign_run OWNER TO regress_ratchet_other;
INSERT INTO own_result VALUES (1);
SELECT n FROM foreign_run;

RESET ROLE;
SET client_min_messages = error;
DROP SCHEMA tally_attacks CASCADE;
DROP OWNED BY regress_ratchet_owner, regress_ratchet_writer, regress_ratchet_trigger, regress_ratchet_other;
DROP ROLE regress_ratchet_owner, regress_ratchet_writer, regress_ratchet_trigger, regress_ratchet_other;
