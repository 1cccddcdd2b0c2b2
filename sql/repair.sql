--
-- Counters against a recount: ratchet.verify(), ratchet.repair(), backfill later.
--
\set SHOW_CONTEXT never
SET client_min_messages = warning;
\pset format unaligned
\pset tuples_only on
CREATE ROLE regress_ratchet_repairer;
CREATE SCHEMA repair;
GRANT USAGE, CREATE ON SCHEMA repair TO PUBLIC;
SET search_path = repair, test_setup;
CREATE TABLE run (id int PRIMARY KEY, total int, n int NOT NULL DEFAULT 0, good bigint, points numeric, done boolean NOT NULL DEFAULT false, done_at timestamptz, note text);
CREATE TABLE result (run int REFERENCES run, question int, good boolean, points numeric(6,2));
CREATE TABLE log (place serial, run int);
CREATE FUNCTION finish(run int) RETURNS void LANGUAGE sql AS 'INSERT INTO repair.log (run) VALUES (finish.run)';
CREATE FUNCTION look() RETURNS SETOF text LANGUAGE sql AS $$
SELECT concat_ws(' ', id, n || '/' || COALESCE(total::text, 'null'), 'good ' || good, 'points ' || points, CASE WHEN done THEN 'done' END, CASE WHEN done_at IS NOT NULL THEN 'at' END)
FROM repair.run ORDER BY id
$$;
INSERT INTO run (id, total) VALUES (1, 2), (2, 2), (3, NULL), (4, 1);
INSERT INTO result VALUES (1, 1, true, 1.5), (1, 2, false, 2), (2, 1, true, 0.25), (NULL, 1, true, 9);
SELECT attempt('SELECT * FROM ratchet.verify(''run'')');
SELECT * FROM ratchet.verify();
CALL ratchet.repair();
CALL ratchet.repair('run');
\echo :SQLSTATE

--
-- Backfill later: declared at once, counted from then on; the rest by repair
--
SELECT ratchet.tally('result', 'run', '{"n": "true", "good": "good", "points": "sum(points)"}', total => 'total', done => 'done', done_at => 'done_at', on_done => 'finish(int)', backfill => 'later');
SELECT look();
SELECT * FROM ratchet.verify('run');
INSERT INTO result VALUES (4, 1, true, 7), (2, 2, NULL, NULL);
SELECT look();
SELECT * FROM ratchet.verify('result');
CALL ratchet.repair('result');
SELECT look();
SELECT run FROM log ORDER BY place;
SELECT * FROM ratchet.verify();
CALL ratchet.repair('run');
CALL ratchet.repair();
TRUNCATE log;

--
-- Drift: as it comes from disabled triggers, in the child and in the parent
--
SELECT (SELECT xmin FROM run WHERE id = 1) AS before_xmin \gset
ALTER TABLE result DISABLE TRIGGER "!ratchet_tally_1";
INSERT INTO result VALUES (2, 7, true, 1), (3, 7, false, NULL);
DELETE FROM result WHERE run = 4;
ALTER TABLE result ENABLE TRIGGER "!ratchet_tally_1";
SELECT * FROM ratchet.verify();
-- writes go on meanwhile, and add to what is there
INSERT INTO result VALUES (3, 8, true, 5);
SELECT look();
SELECT * FROM ratchet.verify('run');
BEGIN;
INSERT INTO result VALUES (3, 9, true, 5);
SELECT * FROM ratchet.verify('run');
ROLLBACK;
CALL ratchet.repair('run');
SELECT look();
SELECT run FROM log ORDER BY place;
SELECT * FROM ratchet.verify();
-- what is right is not written
SELECT xmin = :'before_xmin' FROM run WHERE id = 1;
ALTER TABLE run DISABLE TRIGGER "~ratchet_counters";
UPDATE run SET n = 100, good = NULL, points = 'NaN', done = false, done_at = NULL WHERE id = 1;
UPDATE run SET done = true, done_at = '2026-01-01' WHERE id = 4;
UPDATE run SET good = NULL WHERE id = 3;
ALTER TABLE run ENABLE TRIGGER "~ratchet_counters";
SELECT * FROM ratchet.verify('run') ORDER BY key, "column";
CALL ratchet.repair(target => 'run');
SELECT look();
SELECT run FROM log ORDER BY place;
SELECT * FROM ratchet.verify();
-- TRUNCATE without triggers
ALTER TABLE result DISABLE TRIGGER "~ratchet_truncate";
TRUNCATE result;
ALTER TABLE result ENABLE TRIGGER "~ratchet_truncate";
SELECT count(*) FROM ratchet.verify();
CALL ratchet.repair();
SELECT look();

--
-- on_done that raises stops a repair and undoes its batch of rows; it can be called again
--
TRUNCATE log;
CREATE OR REPLACE FUNCTION finish(run int) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF finish.run = 4 AND NOT EXISTS (SELECT FROM repair.log WHERE log.run = 0) THEN RAISE EXCEPTION 'not yet'; END IF;
    INSERT INTO repair.log (run) VALUES (finish.run);
END $$;
ALTER TABLE result DISABLE TRIGGER "!ratchet_tally_1";
INSERT INTO result VALUES (1, 1), (1, 2), (4, 1);
ALTER TABLE result ENABLE TRIGGER "!ratchet_tally_1";
CALL ratchet.repair('run');
SELECT key, "column", stored, counted FROM ratchet.verify() ORDER BY key, "column";
INSERT INTO log (run) VALUES (0);
CALL ratchet.repair('run');
SELECT look();
SELECT run FROM log ORDER BY run;
-- more than one batch of rows
INSERT INTO run (id, total) SELECT i, 2 FROM generate_series(1001, 1250) i;
ALTER TABLE result DISABLE TRIGGER "!ratchet_tally_1";
INSERT INTO result SELECT i, 1 FROM generate_series(1001, 1250) i;
ALTER TABLE result ENABLE TRIGGER "!ratchet_tally_1";
CALL ratchet.repair('run');
SELECT count(*), sum(n) FROM run WHERE id > 1000;
DELETE FROM result WHERE run > 1000;
DELETE FROM run WHERE id > 1000;

--
-- Where it may not run, and who may not
--
BEGIN;
CALL ratchet.repair('run');
\echo :SQLSTATE
ROLLBACK;
SELECT attempt($$CALL ratchet.repair('run')$$);
DO $$ BEGIN CALL ratchet.repair('repair.run'); END $$;
SET default_transaction_isolation = 'repeatable read';
CALL ratchet.repair('run');
\echo :SQLSTATE
SELECT * FROM ratchet.verify('run');
RESET default_transaction_isolation;
SET ROLE regress_ratchet_repairer;
CALL ratchet.repair('run');
\echo :SQLSTATE
SELECT attempt($$SELECT * FROM ratchet.verify('run')$$);
CALL ratchet.repair();
SELECT * FROM ratchet.verify();
RESET ROLE;
CALL ratchet.repair('log');
SELECT attempt($$SELECT * FROM ratchet.verify('log')$$);
-- NULL is everything that the caller owns, and no more
SET ROLE regress_ratchet_repairer;
CREATE TABLE own_run (id int PRIMARY KEY, n int);
CREATE TABLE own_result (run int REFERENCES own_run);
INSERT INTO own_run VALUES (1);
INSERT INTO own_result VALUES (1), (1);
SELECT ratchet.tally('own_result', 'own_run', '{"n": "true"}', backfill => 'later');
RESET ROLE;
ALTER TABLE run DISABLE TRIGGER "~ratchet_counters";
UPDATE run SET n = 9 WHERE id = 3;
ALTER TABLE run ENABLE TRIGGER "~ratchet_counters";
SET ROLE regress_ratchet_repairer;
SELECT * FROM ratchet.verify();
CALL ratchet.repair(NULL);
RESET ROLE;
SELECT * FROM ratchet.verify();
CALL ratchet.repair();

--
-- Several tallies of a table, composite keys, partitions, a chain of tables
--
CREATE TABLE top (id int PRIMARY KEY, runs int, points int, total int, done boolean NOT NULL DEFAULT false);
CREATE TABLE tree (a int, b text, top int REFERENCES top, n int, m int, total int, done boolean NOT NULL DEFAULT false, PRIMARY KEY (a, b)) PARTITION BY LIST (b);
CREATE TABLE tree_x PARTITION OF tree FOR VALUES IN ('x');
CREATE TABLE tree_y PARTITION OF tree FOR VALUES IN ('y');
CREATE TABLE leaf (a int, b text, q int, FOREIGN KEY (a, b) REFERENCES tree) PARTITION BY LIST (b);
CREATE TABLE leaf_x PARTITION OF leaf FOR VALUES IN ('x');
CREATE TABLE leaf_y PARTITION OF leaf FOR VALUES IN ('y');
CREATE TABLE other (a int, b text, FOREIGN KEY (b, a) REFERENCES tree (b, a));
SELECT ratchet.tally('leaf', 'tree', '{"n": "true"}', total => 'total', done => 'done'), ratchet.tally('other', 'tree', '{"m": "true"}'),
       ratchet.tally('tree', 'top', '{"runs": "done", "points": "sum(n)"}', total => 'total', total_of => 'runs', done => 'done');
INSERT INTO top (id, total) VALUES (1, 2);
INSERT INTO tree (a, b, top, total) VALUES (1, 'x', 1, 1), (1, 'y', 1, 2), (2, 'y', 1, NULL);
ALTER TABLE leaf DISABLE TRIGGER "!ratchet_tally_1";
ALTER TABLE other DISABLE TRIGGER "!ratchet_tally_1";
INSERT INTO leaf VALUES (1, 'x', 1), (1, 'y', 1), (1, 'y', 2), (2, 'y', 3);
INSERT INTO other VALUES (2, 'y'), (NULL, 'y');
ALTER TABLE leaf ENABLE TRIGGER "!ratchet_tally_1";
ALTER TABLE other ENABLE TRIGGER "!ratchet_tally_1";
SELECT * FROM ratchet.verify('tree') ORDER BY parent, child, key, "column";
SELECT * FROM ratchet.verify('other');
CALL ratchet.repair('other');
CALL ratchet.repair('tree');
SELECT * FROM ratchet.verify();
SELECT tableoid::regclass, a, b, n, m, done FROM tree ORDER BY a, b;
SELECT * FROM top;
-- a trigger in the way: it says so
CREATE FUNCTION suppress() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE TRIGGER aa_suppress BEFORE UPDATE ON top FOR EACH ROW EXECUTE FUNCTION suppress();
ALTER TABLE top DISABLE TRIGGER "~ratchet_counters", DISABLE TRIGGER aa_suppress;
UPDATE top SET points = 0;
ALTER TABLE top ENABLE TRIGGER "~ratchet_counters", ENABLE TRIGGER aa_suppress;
CALL ratchet.repair('top');
\echo :SQLSTATE
DROP TRIGGER aa_suppress ON top;
-- the parent's trigger is needed
ALTER TABLE top DISABLE TRIGGER "~ratchet_counters";
CALL ratchet.repair('top');
\echo :SQLSTATE
ALTER TABLE top ENABLE TRIGGER "~ratchet_counters";
CALL ratchet.repair('top');
SELECT * FROM ratchet.verify();

SET client_min_messages = error;
DROP SCHEMA repair CASCADE;
DROP ROLE regress_ratchet_repairer;
