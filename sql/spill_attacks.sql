--
-- Counts that spill, and whoever means harm, or brings rows that no flush has appended.
--
\set SHOW_CONTEXT never
SET client_min_messages = warning;
\pset format unaligned
\pset tuples_only on
SET ratchet.fold_worker = off;
CREATE ROLE regress_ratchet_owner;
CREATE SCHEMA spill_attacks AUTHORIZATION regress_ratchet_owner;
SET search_path = spill_attacks, test_setup;
SET ROLE regress_ratchet_owner;
CREATE TABLE team (id int PRIMARY KEY, n bigint NOT NULL DEFAULT 0);
CREATE TABLE run (id int PRIMARY KEY, team int REFERENCES team, total int, n int NOT NULL DEFAULT 0, done boolean NOT NULL DEFAULT false);
CREATE TABLE result (run int REFERENCES run);
CREATE TABLE log (said text);
CREATE FUNCTION finish(run int) RETURNS void LANGUAGE sql AS $$ INSERT INTO spill_attacks.log VALUES (format('done %s as %s', run, current_user)) $$;
CREATE FUNCTION declare(contention text) RETURNS text LANGUAGE sql
AS $$ SELECT ratchet.tally('result', 'run', '{"n": "true"}', total => 'total', done => 'done', on_done => 'finish(int)', contention => declare.contention, replace => true) $$;
SELECT declare('spill');
SELECT ratchet.tally('run', 'team', '{"n": "sum(n)"}');
INSERT INTO team VALUES (1), (2);
INSERT INTO run (id, team, total) SELECT i, 1 + i % 2, 2 FROM generate_series(1, 4) i;
CREATE PROCEDURE spill(run int, count int) LANGUAGE sql AS 'INSERT INTO result SELECT spill.run FROM generate_series(1, spill.count)';
CREATE FUNCTION look() RETURNS text LANGUAGE sql
AS $$ SELECT (SELECT string_agg(format('%s: %s of %s%s', r.id, r.n, e.n, CASE WHEN done THEN ' done' END), ', ' ORDER BY r.id) FROM run r JOIN run_exact e USING (id)) ||
             (SELECT '; ' || string_agg(format('%s: %s', id, n), ', ' ORDER BY id) FROM team) || coalesce((SELECT '; ' || string_agg(said, ', ' ORDER BY said) FROM log), '') $$;
RESET ROLE;

--
-- Who folds what is another's leaves nothing behind that runs as himself
--
BEGIN ISOLATION LEVEL REPEATABLE READ;
CALL spill(1, 1);
CALL spill(2, 2);
COMMIT;
SELECT look();
SELECT ratchet.fold();
SELECT look();
SET ROLE regress_ratchet_owner;
CREATE FUNCTION escape() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO spill_attacks.log VALUES (format('%s as %s', tg_table_name, current_user)); RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER escape AFTER UPDATE ON run DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION escape();
RESET ROLE;
BEGIN ISOLATION LEVEL REPEATABLE READ;
CALL spill(1, 1);
CALL spill(2, 1);
COMMIT;
SELECT attempt('SELECT ratchet.fold()');
SELECT attempt('SELECT ratchet.fold(''run'')');
SELECT attempt('SELECT declare(''wait'')');
SELECT look();
SET ROLE regress_ratchet_owner;
DROP TRIGGER escape ON run;
-- further up
CREATE CONSTRAINT TRIGGER escape AFTER UPDATE ON team DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION escape();
RESET ROLE;
SELECT attempt('SELECT ratchet.fold()');
SELECT attempt('SELECT declare(''wait'')');
SET session_replication_role = replica;
UPDATE run SET n = 9 WHERE id = 1;
SET session_replication_role = origin;
CALL ratchet.repair('run');
SELECT look();
SET ROLE regress_ratchet_owner;
SELECT ratchet.fold();
SELECT look();
CALL ratchet.repair('run');
DROP TRIGGER escape ON team;
TRUNCATE log;
SELECT look();

--
-- Rows of transactions that were long before what this session has removed, as a restore brings them
--
RESET ROLE;
SET session_replication_role = replica;
INSERT INTO run_spilled VALUES (1, 5, '3'), (3, 1, '3');
SET session_replication_role = origin;
INSERT INTO result SELECT 1 FROM generate_series(1, 5);
SET session_replication_role = replica;
INSERT INTO result SELECT 1 FROM generate_series(1, 5);
INSERT INTO result VALUES (3);
SET session_replication_role = origin;
SELECT look();
SELECT ratchet.fold(), ratchet.fold();
SELECT look();
SET session_replication_role = replica;
INSERT INTO run_spilled VALUES (1, 1, '3');
INSERT INTO result VALUES (1);
SET session_replication_role = origin;
SELECT declare('wait');
SELECT (SELECT string_agg(format('%s: %s of %s', r.id, r.n, (SELECT count(*) FROM result WHERE run = r.id)), ', ' ORDER BY r.id) FROM run r);

SET client_min_messages = error;
DROP SCHEMA spill_attacks CASCADE;
DROP ROLE regress_ratchet_owner;
