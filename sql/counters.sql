--
-- Counting: what each way to write the child or the parent does.
--
\set SHOW_CONTEXT never
\pset format unaligned
\pset tuples_only on
CREATE SCHEMA counters;
SET search_path = counters, test_setup;
CREATE TABLE run (
    id int PRIMARY KEY, total int, n int NOT NULL DEFAULT 0, good int, points numeric, done boolean NOT NULL DEFAULT false, done_at timestamptz, note text);
CREATE TABLE result (
    run int REFERENCES run ON DELETE CASCADE ON UPDATE CASCADE, question int, good boolean, points numeric, remark text, PRIMARY KEY (run, question));
SELECT ratchet.tally('result', 'run', '{"n": "true", "good": "good", "points": "sum(points)"}', total => 'total', done => 'done', done_at => 'done_at');
INSERT INTO run (id, total) SELECT i, 4 FROM generate_series(1, 3) i;
-- The runs, and beneath what differs from a recount, which is nothing.
CREATE FUNCTION look() RETURNS SETOF text LANGUAGE sql AS $$
SELECT concat_ws(' ', r.id, 'n ' || n, 'good ' || r.good, 'points ' || r.points, CASE WHEN done THEN 'done' END, CASE WHEN done_at IS NOT NULL THEN 'at' END, note) FROM run r
UNION ALL
SELECT format('DRIFT %s: n %s good %s points %s', r.id, r.n, r.good, r.points) FROM run r
WHERE concat_ws(' ', r.n, COALESCE(r.good, 0), trim_scale(COALESCE(r.points, 0))) <>
      (SELECT concat_ws(' ', count(*), count(*) FILTER (WHERE c.good), trim_scale(COALESCE(sum(c.points), 0))) FROM result c WHERE c.run = r.id)
ORDER BY 1
$$;
SELECT look();

--
-- The child, by every statement
--
INSERT INTO result VALUES (1, 1, true, 1.5);
INSERT INTO result SELECT 1, q, q % 2 = 0, q FROM generate_series(2, 3) q;
ALTER TABLE result DROP CONSTRAINT result_pkey;
ALTER TABLE result ALTER run DROP NOT NULL, ADD UNIQUE (run, question);
INSERT INTO result VALUES (2, 1, NULL, NULL), (2, 2, NULL, 0), (NULL, 3, true, 9);
SELECT look();
COPY result (run, question, good, points) FROM stdin;
3	1	t	0.1
3	2	f	0.2
\N	1	t	1
\.
SELECT look();
INSERT INTO result VALUES (1, 1, false, 3), (1, 4, false, 3) ON CONFLICT DO NOTHING;
SELECT look();
INSERT INTO result VALUES (1, 1, false, 3), (1, 5, true, 1) ON CONFLICT (run, question) DO UPDATE SET good = excluded.good, points = result.points + excluded.points;
SELECT look();
UPDATE result SET remark = 'x';
UPDATE result SET good = NOT good WHERE run = 1;
SELECT look();
UPDATE result SET run = 3 WHERE run = 1 AND question IN (4, 5);
UPDATE result SET run = NULL WHERE run = 2 AND question = 1;
UPDATE result SET run = 2, points = 1 WHERE run IS NULL AND question = 3;
SELECT look();
DELETE FROM result WHERE run = 3 AND question < 3;
DELETE FROM result WHERE run IS NULL;
SELECT look();
MERGE INTO result t USING (VALUES (1, 1, true), (1, 2, NULL), (1, 7, true)) s (run, question, good) ON t.run = s.run AND t.question = s.question
    WHEN MATCHED AND s.good IS NULL THEN DELETE
    WHEN MATCHED THEN UPDATE SET good = s.good, run = 2, question = 9
    WHEN NOT MATCHED THEN INSERT VALUES (s.run, s.question, s.good, 7);
SELECT look();
WITH gone AS (DELETE FROM result WHERE run = 2 RETURNING *), moved AS (UPDATE result SET run = 2 WHERE run = 3 RETURNING *)
INSERT INTO result SELECT 3, question, good, points FROM gone;
SELECT look();
SELECT * FROM ratchet.verify();
-- nothing counted, nothing written: the parent's row stays as it is
SELECT xmin AS before_xmin FROM run WHERE id = 1 \gset
UPDATE result SET remark = 'y';
BEGIN;
INSERT INTO result VALUES (1, 50, true, 5);
DELETE FROM result WHERE question = 50;
COMMIT;
SELECT xmin = :'before_xmin' FROM run WHERE id = 1;
-- one update a parent and transaction, however many statements
CREATE TABLE updates (id int, n int);
CREATE FUNCTION note_update() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO counters.updates VALUES (NEW.id, NEW.n); RETURN NULL; END';
CREATE TRIGGER note_update AFTER UPDATE ON run FOR EACH ROW EXECUTE FUNCTION note_update();
BEGIN;
INSERT INTO result SELECT 1, q FROM generate_series(101, 200) q;
INSERT INTO result SELECT 2, q FROM generate_series(101, 200) q;
DELETE FROM result WHERE question > 190;
SELECT count(*) FROM updates;
COMMIT;
SELECT * FROM updates ORDER BY id;
DROP TRIGGER note_update ON run;
-- whole table
TRUNCATE result;
SELECT look();

--
-- The parent: its counters are nobody else's
--
INSERT INTO result VALUES (1, 1, true, 1), (1, 2, true, 1), (1, 3, false, 1), (1, 4, false, 1), (2, 1, true, 1);
SELECT look();
UPDATE run SET n = 99;
UPDATE run SET n = n, note = 'saved';
UPDATE run SET n = 0, good = NULL, points = -1, done = false, done_at = NULL, note = 'stale' WHERE id = 1;
UPDATE run SET done = true, done_at = '2020-01-01' WHERE id = 2;
SELECT look();
BEGIN;
UPDATE run SET n = n + 1 WHERE id = 1;
UPDATE run SET n = n + 1 WHERE id = 2;
COMMIT;
-- control: without the tally's trigger it would have been so
BEGIN;
ALTER TABLE run DISABLE TRIGGER "~ratchet_counters";
UPDATE run SET n = 99 WHERE id = 1;
SELECT look();
ROLLBACK;
-- born with zero, and not complete
INSERT INTO run VALUES (4, 1, 77, 77, 77, true, '2020-01-01', 'new'), (5, 0, -3, NULL, NULL, true, NULL, 'empty'), (6, NULL, 0, 0, 0, false, NULL, 'open');
SELECT look();
INSERT INTO run VALUES (1, 4, 0, 0, 0, false, NULL, 'upsert') ON CONFLICT (id) DO UPDATE SET total = excluded.total, n = excluded.n, done = excluded.done, note = excluded.note;
MERGE INTO run t USING (VALUES (2), (7)) s (id) ON t.id = s.id WHEN MATCHED THEN UPDATE SET n = 5, note = 'merged' WHEN NOT MATCHED THEN INSERT (id, n) VALUES (s.id, 5);
COPY run (id, total, n, done) FROM stdin;
8	5	5	t
\.
SELECT look();
-- the key stays
SELECT attempt('UPDATE run SET id = 10 WHERE id = 1');
SELECT attempt('UPDATE run SET id = id + 100');
UPDATE run SET id = id;
-- it may go, with its children or without any
DELETE FROM run WHERE id IN (1, 4);
SELECT look();
SELECT run, count(*) FROM result GROUP BY run ORDER BY run;
-- and come again
BEGIN;
DELETE FROM run WHERE id = 2;
INSERT INTO run (id, total) VALUES (2, 2);
INSERT INTO result VALUES (2, 1, true, 4), (2, 2, true, 4);
COMMIT;
SELECT look();
BEGIN;
INSERT INTO result VALUES (2, 3);
DELETE FROM result WHERE run = 2;
DELETE FROM run WHERE id = 2;
INSERT INTO run (id, total, note) VALUES (2, 1, 'again');
COMMIT;
SELECT look();
WITH gone AS (DELETE FROM run WHERE id = 2 RETURNING *) INSERT INTO run SELECT * FROM gone;
SELECT look();
-- the verb update() keeps them too
INSERT INTO result VALUES (2, 1);
DELETE FROM run WHERE id > 3;
SELECT ratchet.guard('run', 'done_at');
ALTER TABLE run ADD submitted_at timestamptz;
SELECT ratchet.guard('run', 'submitted_at', owned => '{n}');
SELECT ratchet.guard('run', 'submitted_at', owned => '{note}');
SELECT ratchet.tally('result', 'run', '{"n": "true", "good": "good", "points": "sum(points)", "note": "true"}', total => 'total', total_of => 'n', done => 'done', done_at => 'done_at');
SELECT * FROM ratchet.update('run', 2, '{"n": 50, "total": 9}');
SELECT * FROM ratchet.update('run', 2, '{"n": 50, "done": true}');
SELECT outcome, changed FROM ratchet.amend('run', 2, '{"n": 50, "note": "amended"}', 'me', 'test');
SELECT look();
SELECT ratchet.unguard('run');

--
-- Transactions, savepoints, exceptions
--
TRUNCATE result, run;
INSERT INTO run (id, total) SELECT i, 4 FROM generate_series(1, 3) i;
BEGIN;
INSERT INTO result VALUES (1, 1);
ROLLBACK;
SELECT look();
BEGIN;
INSERT INTO result VALUES (1, 1);
SAVEPOINT a;
INSERT INTO result VALUES (1, 2), (2, 1);
SAVEPOINT b;
DELETE FROM result WHERE question = 1;
ROLLBACK TO b;
RELEASE a;
SAVEPOINT c;
UPDATE result SET run = 3 WHERE run = 2;
ROLLBACK TO c;
COMMIT;
SELECT look();
DO $$
BEGIN
    FOR i IN 3..6 LOOP
        BEGIN
            INSERT INTO counters.result VALUES (2, i, true, 1);
            IF i % 2 = 0 THEN RAISE EXCEPTION 'no'; END IF;
        EXCEPTION WHEN OTHERS THEN
            INSERT INTO counters.result VALUES (3, i, true, 1);
        END;
    END LOOP;
END $$;
SELECT look();
-- a failed statement after counting
BEGIN;
INSERT INTO result VALUES (1, 7);
SAVEPOINT s;
INSERT INTO result VALUES (1, 8), (1, 7);
ROLLBACK TO s;
INSERT INTO result VALUES (1, 9);
COMMIT;
SELECT look();
-- SET CONSTRAINTS: at once, then later again, also undone
BEGIN;
SET CONSTRAINTS ALL IMMEDIATE;
INSERT INTO result SELECT 3, q FROM generate_series(11, 20) q;
SELECT look();
DELETE FROM result WHERE question IN (11, 12);
SELECT look();
SET CONSTRAINTS ALL DEFERRED;
INSERT INTO result SELECT 3, q FROM generate_series(21, 30) q;
SELECT n FROM run WHERE id = 3;
COMMIT;
SELECT look();
BEGIN;
INSERT INTO result VALUES (1, 31);
SAVEPOINT s;
SET CONSTRAINTS ALL IMMEDIATE;
SELECT n FROM run WHERE id = 1;
ROLLBACK TO s;
SELECT n FROM run WHERE id = 1;
INSERT INTO result VALUES (1, 32);
COMMIT;
SELECT look();
BEGIN;
SAVEPOINT s;
INSERT INTO result VALUES (1, 33);
SET CONSTRAINTS ALL IMMEDIATE;
ROLLBACK TO s;
INSERT INTO result VALUES (1, 34);
COMMIT;
SELECT look();
BEGIN;
SET CONSTRAINTS "~ratchet_flush" IMMEDIATE;
INSERT INTO result VALUES (2, 41), (2, 42);
DELETE FROM result WHERE question = 41;
SELECT n FROM run WHERE id = 2;
COMMIT;
SELECT look();

--
-- ratchet.flush(): counts early, and DDL or TRUNCATE of a counted table in one transaction
--
DELETE FROM result WHERE question > 9;
BEGIN;
INSERT INTO result VALUES (1, 51), (2, 51);
SELECT n FROM run WHERE id = 1;
SELECT ratchet.flush();
SELECT n FROM run WHERE id = 1;
INSERT INTO result VALUES (1, 52);
SELECT ratchet.flush(), ratchet.flush();
SELECT n FROM run WHERE id = 1;
DELETE FROM result WHERE question = 51;
COMMIT;
SELECT look();
BEGIN;
INSERT INTO result VALUES (1, 53);
SAVEPOINT s;
SELECT ratchet.flush();
INSERT INTO result VALUES (1, 54);
ROLLBACK TO s;
SELECT n FROM run WHERE id = 1;
COMMIT;
SELECT look();
SELECT ratchet.flush();
-- control: without it, PostgreSQL refuses
BEGIN;
INSERT INTO result VALUES (1, 55);
SELECT attempt('ALTER TABLE result ADD extra int');
SELECT attempt('TRUNCATE result');
SELECT ratchet.flush();
ALTER TABLE result ADD extra int;
INSERT INTO result VALUES (2, 55);
SELECT ratchet.flush();
TRUNCATE result;
SELECT look();
INSERT INTO result VALUES (2, 56);
SELECT ratchet.flush();
ALTER TABLE result DROP CONSTRAINT result_run_question_key;
COMMIT;
SELECT look();
BEGIN;
INSERT INTO result VALUES (2, 57);
SELECT ratchet.flush();
SAVEPOINT s;
TRUNCATE result;
INSERT INTO result VALUES (3, 57);
ROLLBACK TO s;
COMMIT;
SELECT look();
-- the parent, too
BEGIN;
INSERT INTO result VALUES (2, 58);
SELECT ratchet.flush();
ALTER TABLE run ALTER note SET DEFAULT 'x';
TRUNCATE run, result;
INSERT INTO run (id, total) VALUES (1, 2);
INSERT INTO result VALUES (1, 59);
COMMIT;
SELECT look();
-- in a rolled-back subtransaction of PL/pgSQL
DO $$
BEGIN
    INSERT INTO counters.result VALUES (1, 60);
    BEGIN
        PERFORM ratchet.flush();
        RAISE EXCEPTION 'no';
    EXCEPTION WHEN OTHERS THEN NULL;
    END;
    INSERT INTO counters.result VALUES (1, 61);
END $$;
SELECT look();

--
-- The parent's own deferred triggers and constraints still fire when counts are written
--
CREATE TABLE place (id int PRIMARY KEY, n int NOT NULL DEFAULT 0, rank int UNIQUE DEFERRABLE INITIALLY DEFERRED);
CREATE TABLE visit (place int REFERENCES place);
-- the user's trigger changes another column with the counter
CREATE FUNCTION ranked() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.rank = NEW.n; RETURN NEW; END';
CREATE TRIGGER ranked BEFORE UPDATE ON place FOR EACH ROW EXECUTE FUNCTION ranked();
ALTER TRIGGER ranked ON place RENAME TO aa_ranked;
CREATE FUNCTION few() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (SELECT n FROM counters.place WHERE id = NEW.id) > 3 THEN RAISE 'too many visits'; END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER few AFTER UPDATE ON place DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION few();
INSERT INTO place (id) VALUES (1), (2), (3);
SELECT ratchet.tally('visit', 'place', '{"n": "true"}');
INSERT INTO visit VALUES (1), (1), (2);
SELECT * FROM place ORDER BY id;
\set VERBOSITY terse
INSERT INTO visit VALUES (2);
SELECT * FROM place ORDER BY id;
INSERT INTO visit VALUES (1), (1);
SELECT * FROM place ORDER BY id;
INSERT INTO visit VALUES (3);
SELECT * FROM place ORDER BY id;
BEGIN;
INSERT INTO visit VALUES (2), (1);
COMMIT;
SELECT * FROM place ORDER BY id;
BEGIN;
SET CONSTRAINTS ALL IMMEDIATE;
INSERT INTO visit VALUES (2);
ROLLBACK;
SELECT count(*) FROM visit;
\set VERBOSITY default
-- what a BEFORE trigger does to a counter does not last
CREATE OR REPLACE FUNCTION ranked() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.n = 1000; NEW.rank = -NEW.id; RETURN NEW; END';
INSERT INTO visit VALUES (3);
SELECT * FROM place ORDER BY id;
-- one that suppresses the update makes the write fail
CREATE OR REPLACE FUNCTION ranked() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
BEGIN;
INSERT INTO visit VALUES (3);
SELECT attempt('SELECT ratchet.flush()');
ROLLBACK;
INSERT INTO visit VALUES (3);
\echo :SQLSTATE
SELECT * FROM place ORDER BY id;
DROP TRIGGER aa_ranked ON place;
DROP TABLE visit, place;

--
-- Children before their parent, and removed triggers
--
CREATE TABLE late (id int PRIMARY KEY, n int);
CREATE TABLE early (late int REFERENCES late DEFERRABLE INITIALLY DEFERRED);
SELECT ratchet.tally('early', 'late', '{"n": "true"}');
BEGIN;
INSERT INTO early VALUES (1), (1);
INSERT INTO late VALUES (1), (2);
COMMIT;
SELECT * FROM late ORDER BY id;
BEGIN;
DELETE FROM late WHERE id = 1;
INSERT INTO late VALUES (1);
COMMIT;
SELECT * FROM late ORDER BY id;
BEGIN;
INSERT INTO early VALUES (9);
SELECT attempt('SELECT ratchet.flush()');
INSERT INTO late VALUES (9);
COMMIT;
SELECT * FROM late ORDER BY id;
BEGIN;
INSERT INTO early VALUES (10);
COMMIT;
SELECT * FROM late ORDER BY id;
DROP TABLE early, late;

--
-- Savepoints within savepoints, released together: what they counted belongs to the transaction
--
CREATE TABLE nest (id int PRIMARY KEY, n int NOT NULL DEFAULT 0);
CREATE TABLE egg (nest int REFERENCES nest);
SELECT ratchet.tally('egg', 'nest', '{"n": "true"}');
INSERT INTO nest VALUES (1);
BEGIN;
INSERT INTO egg VALUES (1);
SAVEPOINT outside;
INSERT INTO egg VALUES (1);
SAVEPOINT inside;
INSERT INTO egg VALUES (1);
RELEASE inside;
RELEASE outside;
SAVEPOINT later;
INSERT INTO egg VALUES (1);
ROLLBACK TO later;
COMMIT;
SELECT n, (SELECT count(*) FROM egg) AS eggs FROM nest;
BEGIN;
SAVEPOINT one;
INSERT INTO egg VALUES (1);
SAVEPOINT two;
SAVEPOINT three;
INSERT INTO egg VALUES (1);
RELEASE two;
SAVEPOINT two;
INSERT INTO egg VALUES (1);
ROLLBACK TO one;
INSERT INTO egg VALUES (1);
COMMIT;
SELECT n, (SELECT count(*) FROM egg) AS eggs FROM nest;
DROP TABLE egg, nest;

--
-- Pages of a parent are pruned, if not for every count: it does not grow
--
CREATE TABLE busy (id int PRIMARY KEY, n int NOT NULL DEFAULT 0, filler text DEFAULT repeat('x', 50));
CREATE TABLE work (busy int REFERENCES busy);
SELECT ratchet.tally('work', 'busy', '{"n": "true"}');
INSERT INTO busy (id) SELECT generate_series(1, 80);
DO $$
BEGIN
    FOR i IN 1..3000 LOOP
        INSERT INTO work VALUES (1 + i % 80);
        COMMIT;
    END LOOP;
END $$;
SELECT sum(n), pg_relation_size('busy') / current_setting('block_size')::int <= 4 AS small FROM busy;
DROP TABLE work, busy;

SET client_min_messages = error;
DROP SCHEMA counters CASCADE;
