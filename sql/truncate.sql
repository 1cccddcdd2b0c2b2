-- TRUNCATE of counted tables beside triggers that add and remove rows in the same command.
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS ratchet;
CREATE SCHEMA truncating;
SET search_path = truncating, pg_catalog;

CREATE TABLE runs (id int PRIMARY KEY, n int NOT NULL DEFAULT 0, points numeric NOT NULL DEFAULT 0);
CREATE TABLE results (id int PRIMARY KEY, run_id int REFERENCES runs, score numeric);
SELECT ratchet.tally('results', 'runs', '{"n": "true", "points": "sum(score)"}');
INSERT INTO runs VALUES (1), (2);
CREATE PROCEDURE fill() LANGUAGE sql AS $$
    DELETE FROM truncating.results;
    INSERT INTO truncating.results VALUES (1, 1, 10), (2, 1, 5), (3, 2, 1);
    SELECT ratchet.flush();
$$;
CREATE FUNCTION state(OUT id int, OUT n int, OUT points numeric, OUT drifts bigint) RETURNS SETOF record LANGUAGE sql AS $$
    SELECT id, n, points, (SELECT count(*) FROM ratchet.verify('truncating.results')) FROM truncating.runs ORDER BY id
$$;
CREATE FUNCTION act() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN EXECUTE TG_ARGV[0]; RETURN NULL; END';

-- a BEFORE trigger that removes rows, one that adds some, one that fires after ours, one that fails halfway
CALL fill();
CREATE TRIGGER act BEFORE TRUNCATE ON results EXECUTE FUNCTION act('DELETE FROM results WHERE id < 3');
TRUNCATE results;
SELECT * FROM state();
CREATE OR REPLACE TRIGGER act BEFORE TRUNCATE ON results EXECUTE FUNCTION act('INSERT INTO results VALUES (9, 1, 7)');
CALL fill();
TRUNCATE results;
SELECT * FROM state();
ALTER TRIGGER act ON results RENAME TO "~~act";
CALL fill();
TRUNCATE results RESTART IDENTITY;
SELECT * FROM state();
CREATE OR REPLACE TRIGGER "~~act" BEFORE TRUNCATE ON results
EXECUTE FUNCTION act('DO $_$ BEGIN INSERT INTO results VALUES (9, 1, 7); RAISE division_by_zero; EXCEPTION WHEN division_by_zero THEN DELETE FROM results WHERE id = 3; END $_$');
CALL fill();
TRUNCATE results;
SELECT * FROM state();
DROP TRIGGER "~~act" ON results;

-- an AFTER trigger that adds rows, when counts are written at once and when they wait; both
CREATE TRIGGER act AFTER TRUNCATE ON results EXECUTE FUNCTION act('INSERT INTO results VALUES (9, 1, 7)');
CALL fill();
BEGIN;
SET CONSTRAINTS ALL IMMEDIATE;
TRUNCATE results;
SELECT * FROM state();
COMMIT;
SELECT * FROM state();
CALL fill();
TRUNCATE results;
SELECT * FROM state();
ALTER TRIGGER act ON results RENAME TO "~~act";
CREATE TRIGGER act BEFORE TRUNCATE ON results EXECUTE FUNCTION act('INSERT INTO results VALUES (8, 2, 3)');
CALL fill();
BEGIN;
SET CONSTRAINTS ALL IMMEDIATE;
TRUNCATE results;
COMMIT;
SELECT * FROM state();

-- savepoints
CALL fill();
BEGIN;
SAVEPOINT a;
TRUNCATE results;
ROLLBACK TO a;
SELECT * FROM state();
SAVEPOINT b;
TRUNCATE results;
RELEASE b;
COMMIT;
SELECT * FROM state();

DROP TRIGGER act ON results;
DROP TRIGGER "~~act" ON results;

-- the parents go with it, and come back under the same keys
CALL fill();
BEGIN;
TRUNCATE runs CASCADE;
INSERT INTO runs VALUES (1), (2);
INSERT INTO results VALUES (1, 1, 4);
COMMIT;
SELECT * FROM state();

-- repeatedly in one transaction, and DDL after it
BEGIN;
TRUNCATE results;
TRUNCATE results;
ALTER TABLE results ADD COLUMN remark text;
INSERT INTO results VALUES (1, 1, 4);
COMMIT;
SELECT * FROM state();

-- a drift that was there goes with the rows
CALL fill();
ALTER TABLE runs DISABLE TRIGGER USER;
UPDATE runs SET n = 7 WHERE id = 1;
ALTER TABLE runs ENABLE TRIGGER USER;
TRUNCATE results;
SELECT * FROM state();

-- REPEATABLE READ
CALL fill();
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT count(*) FROM runs;
TRUNCATE results;
SELECT * FROM state();
COMMIT;

-- Partitions: several leaves in one command are one step. The total is a counter too.
CREATE TABLE called (run int, total int, n int);
CREATE TABLE sums (id int PRIMARY KEY, total int NOT NULL DEFAULT 0, n int NOT NULL DEFAULT 0,
                   complete boolean NOT NULL DEFAULT false);
CREATE FUNCTION note(int) RETURNS void LANGUAGE sql AS
'INSERT INTO truncating.called SELECT id, total, n FROM truncating.sums WHERE id = $1';
CREATE TABLE parts (sum_id int REFERENCES sums, place int, of_total boolean) PARTITION BY LIST (place);
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES IN (1);
CREATE TABLE parts_2 PARTITION OF parts FOR VALUES IN (2);
CREATE TABLE parts_3 PARTITION OF parts FOR VALUES IN (3, 4) PARTITION BY LIST (place);
CREATE TABLE parts_3a PARTITION OF parts_3 FOR VALUES IN (3);
CREATE TABLE parts_3b PARTITION OF parts_3 FOR VALUES IN (4);
SELECT ratchet.tally('parts', 'sums', '{"total": "of_total", "n": "NOT of_total"}', total => 'total', total_of => 'n',
                     done => 'complete', on_done => 'note(int)');
INSERT INTO sums VALUES (1);
CREATE PROCEDURE fill_parts() LANGUAGE sql AS $$
    DELETE FROM truncating.parts;
    INSERT INTO truncating.parts VALUES (1, 1, true), (1, 1, true), (1, 2, false), (1, 2, true), (1, 3, false), (1, 4, true);
    SELECT ratchet.flush();
    DELETE FROM truncating.called;
$$;
CALL fill_parts();
SELECT * FROM sums;
-- after the first leaf alone the row would be complete: total 2, n 2
TRUNCATE parts_1, parts_2;
SELECT * FROM sums;
SELECT * FROM called;
TRUNCATE parts_3;
SELECT * FROM sums;
CALL fill_parts();
TRUNCATE parts_1, parts_3, parts;
SELECT * FROM sums;
SELECT * FROM called;
-- triggers of the leaves
CREATE FUNCTION act_parts() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN EXECUTE TG_ARGV[0]; RETURN NULL; END';
CREATE TRIGGER act BEFORE TRUNCATE ON parts_1 EXECUTE FUNCTION act_parts('DELETE FROM parts WHERE of_total');
CREATE TRIGGER "~~act" BEFORE TRUNCATE ON parts_1 EXECUTE FUNCTION act_parts('INSERT INTO parts VALUES (1, 1, true), (1, 2, true), (1, 3, true)');
CREATE TRIGGER act_after AFTER TRUNCATE ON parts_1 EXECUTE FUNCTION act_parts('INSERT INTO parts VALUES (1, 1, true), (1, 2, false)');
CREATE TRIGGER "~~act_after" AFTER TRUNCATE ON parts_1 EXECUTE FUNCTION act_parts('INSERT INTO parts VALUES (1, 1, true)');
CALL fill_parts();
TRUNCATE parts_1;
SELECT s.*, (SELECT count(*) FROM ratchet.verify('parts')) AS drifts FROM sums s;
CALL fill_parts();
BEGIN;
SET CONSTRAINTS ALL IMMEDIATE;
TRUNCATE parts_2, parts_1;
SELECT s.*, (SELECT count(*) FROM ratchet.verify('parts')) AS drifts FROM sums s;
COMMIT;
SELECT s.*, (SELECT count(*) FROM ratchet.verify('parts')) AS drifts FROM sums s;
CALL fill_parts();
TRUNCATE parts;
SELECT s.*, (SELECT count(*) FROM ratchet.verify('parts')) AS drifts FROM sums s;
SELECT * FROM called;
-- a table that becomes a partition, and one that is none any more
CREATE TABLE parts_5 (sum_id int REFERENCES sums, place int, of_total boolean);
ALTER TABLE parts ATTACH PARTITION parts_5 FOR VALUES IN (5);
INSERT INTO parts VALUES (1, 5, false);
TRUNCATE parts_5;
SELECT s.*, (SELECT count(*) FROM ratchet.verify('parts')) AS drifts FROM sums s;
SELECT tgname FROM pg_trigger WHERE tgrelid = 'parts_5'::regclass AND NOT tgisinternal AND tgname LIKE '~ratchet_trunc%' ORDER BY 1;
ALTER TABLE parts DETACH PARTITION parts_5;
SELECT tgname FROM pg_trigger WHERE tgrelid = 'parts_5'::regclass AND NOT tgisinternal AND tgname LIKE '~ratchet_trunc%' ORDER BY 1;
SELECT severity, finding FROM ratchet.health() WHERE finding LIKE '%truncat%';

-- two tables that count for one row, in one command
CREATE TABLE both_sides (id int PRIMARY KEY, total int, n int, complete boolean);
CREATE TABLE wanted (id int REFERENCES both_sides);
CREATE TABLE given (id int REFERENCES both_sides);
SELECT ratchet.tally('wanted', 'both_sides', '{"total": "true"}');
SELECT ratchet.tally('given', 'both_sides', '{"n": "true"}', total => 'total', done => 'complete', on_done => 'note(int)');
CREATE TRIGGER act AFTER TRUNCATE ON wanted EXECUTE FUNCTION act('INSERT INTO wanted VALUES (1)');
INSERT INTO both_sides VALUES (1);
INSERT INTO wanted VALUES (1), (1), (1);
INSERT INTO given VALUES (1), (1);
DELETE FROM called;
TRUNCATE wanted, given;
SELECT * FROM both_sides;
SELECT * FROM called;

SET client_min_messages = warning;
DROP SCHEMA truncating CASCADE;
