--
-- Counts that spill for parents of all kinds: partitioned, counted themselves, or with triggers and constraints of others.
--
\set SHOW_CONTEXT never
SET client_min_messages = warning;
\pset format unaligned
\pset tuples_only on
SET ratchet.fold_worker = off;
CREATE SCHEMA spill_parents;
SET search_path = spill_parents, test_setup;

--
-- A partitioned parent, and partitioned children
--
CREATE TABLE run (id int, part text, n int, points numeric, total int, done boolean NOT NULL DEFAULT false, PRIMARY KEY (id, part)) PARTITION BY LIST (part);
CREATE TABLE run_x PARTITION OF run FOR VALUES IN ('x');
CREATE TABLE run_y (part text NOT NULL, gone int, done boolean NOT NULL DEFAULT false, points numeric, id int NOT NULL, n int, total int);
ALTER TABLE run_y DROP COLUMN gone;
ALTER TABLE run ATTACH PARTITION run_y FOR VALUES IN ('y');
CREATE TABLE result (run int, part text, points numeric, FOREIGN KEY (run, part) REFERENCES run) PARTITION BY LIST (part);
CREATE TABLE result_x PARTITION OF result FOR VALUES IN ('x');
CREATE TABLE result_y PARTITION OF result FOR VALUES IN ('y');
CREATE TABLE log (place serial, id int, part text);
CREATE FUNCTION finish(id int, part text) RETURNS void LANGUAGE sql AS 'INSERT INTO spill_parents.log (id, part) VALUES (finish.id, finish.part)';
INSERT INTO run (id, part, total) VALUES (1, 'x', 2), (1, 'y', 2), (2, 'y', 1);
SELECT ratchet.tally('result', 'run', '{"n": "true", "points": "sum(points)"}', total => 'total', done => 'done', on_done => 'finish(int, text)', contention => 'spill');
-- stored, in both together, and there
CREATE FUNCTION look() RETURNS SETOF text LANGUAGE sql AS $$
SELECT concat_ws(' ', r.tableoid::regclass, id, part, r.n, r.points, 'exact', e.n, e.points, CASE WHEN done THEN 'done' END, CASE WHEN (e.n, e.points) IS DISTINCT FROM (c.n, c.points) THEN format('of %s', c) END)
FROM spill_parents.run r JOIN spill_parents.run_exact e USING (id, part) CROSS JOIN LATERAL (SELECT count(*) AS n, coalesce(sum(x.points), 0) AS points FROM spill_parents.result x WHERE (x.run, x.part) = (r.id, r.part)) c ORDER BY id, part
$$;
BEGIN ISOLATION LEVEL REPEATABLE READ;
INSERT INTO result VALUES (1, 'x', 1), (1, 'y', 2);
INSERT INTO result_y VALUES (2, 'y', 3);
COMMIT;
SELECT look();
INSERT INTO result VALUES (1, 'x', 5);
SELECT look();
SELECT ratchet.fold('run'), ratchet.fold();
SELECT look();
SELECT id, part FROM log ORDER BY place;
BEGIN ISOLATION LEVEL REPEATABLE READ;
INSERT INTO result VALUES (1, 'x', 1), (1, 'y', 2);
COMMIT;
TRUNCATE result_x;
SELECT look();
BEGIN ISOLATION LEVEL REPEATABLE READ;
INSERT INTO result VALUES (1, 'x', 1);
SELECT ratchet.flush();
TRUNCATE result;
INSERT INTO result VALUES (2, 'y', 1);
COMMIT;
SELECT look();
SELECT ratchet.fold();
SELECT look();
SELECT * FROM ratchet.verify();
DROP TABLE result, run;

--
-- A parent that is counted itself: each fold is counted for the row above
--
CREATE TABLE league (id int PRIMARY KEY, points bigint, runs int, total int, done boolean NOT NULL DEFAULT false);
CREATE TABLE run (id int PRIMARY KEY, league int REFERENCES league, n int, total int, done boolean NOT NULL DEFAULT false);
CREATE TABLE result (run int REFERENCES run);
SELECT ratchet.tally('result', 'run', '{"n": "true"}', total => 'total', done => 'done', contention => 'spill');
SELECT ratchet.tally('run', 'league', '{"points": "sum(n)", "runs": "done"}', total => 'total', total_of => 'runs', done => 'done', contention => 'spill');
INSERT INTO league (id, total) VALUES (1, 2);
INSERT INTO run (id, league, total) VALUES (1, 1, 1), (2, 1, 1);
BEGIN ISOLATION LEVEL REPEATABLE READ;
INSERT INTO result VALUES (1), (2), (2);
COMMIT;
SELECT r.id, r.n, e.n, done FROM run r JOIN run_exact e USING (id) ORDER BY 1;
SELECT l.*, e.points, e.runs FROM league l JOIN league_exact e USING (id);
SELECT * FROM ratchet.verify();
SELECT ratchet.fold('league'), ratchet.fold('run'), ratchet.fold('league');
SELECT r.id, r.n, e.n, done FROM run r JOIN run_exact e USING (id) ORDER BY 1;
SELECT l.*, e.points, e.runs FROM league l JOIN league_exact e USING (id);
BEGIN ISOLATION LEVEL REPEATABLE READ;
UPDATE run SET total = 3;
COMMIT;
SELECT l.*, e.points, e.runs FROM league l JOIN league_exact e USING (id);
SELECT ratchet.fold();
SELECT l.*, e.points, e.runs FROM league l JOIN league_exact e USING (id);
SELECT * FROM ratchet.verify();
DROP TABLE result, run, league;

--
-- A table that counts for itself
--
CREATE TABLE node (id int PRIMARY KEY, up int REFERENCES node, below int, weight int NOT NULL DEFAULT 1, heavy bigint);
SELECT ratchet.tally('node', 'node', '{"below": "true", "heavy": "sum(weight + heavy)"}', contention => 'spill');
CREATE FUNCTION tree() RETURNS SETOF text LANGUAGE sql AS $$
SELECT concat_ws(' ', id, 'below', t.below, 'exact', e.below, 'heavy', t.heavy, 'exact', e.heavy) FROM spill_parents.node t JOIN spill_parents.node_exact e USING (id) ORDER BY id
$$;
BEGIN ISOLATION LEVEL REPEATABLE READ;
INSERT INTO node VALUES (1, NULL), (2, 1), (3, 2), (4, 2);
COMMIT;
SELECT tree();
SELECT * FROM ratchet.verify();
SELECT ratchet.fold();
SELECT tree();
SELECT * FROM ratchet.verify();
BEGIN ISOLATION LEVEL REPEATABLE READ;
DELETE FROM node WHERE id = 4;
UPDATE node SET weight = 5 WHERE id = 3;
COMMIT;
INSERT INTO node VALUES (5, 3);
SELECT tree();
SELECT ratchet.fold();
SELECT tree();
SELECT * FROM ratchet.verify();
DROP TABLE node;

--
-- Triggers of others at the parent: before the row is written, and after it, when nothing lies beside it any more
--
CREATE TABLE run (id int PRIMARY KEY, n int, note text);
CREATE TABLE result (run int REFERENCES run, q int);
CREATE TABLE seen (place serial, said text);
SELECT ratchet.tally('result', 'run', '{"n": "true"}', contention => 'spill');
INSERT INTO run VALUES (1), (2);
CREATE FUNCTION look_at_it() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_WHEN = 'BEFORE' THEN NEW.note := concat_ws(' ', OLD.note, NEW.n); END IF;
    INSERT INTO spill_parents.seen (said) SELECT concat_ws(' ', TG_WHEN, 'n', NEW.n, 'exact', e.n, 'progress', p.progress -> 'columns' -> 'n')
        FROM spill_parents.run_exact e, ratchet.progress('spill_parents.run', NEW.id) p WHERE e.id = NEW.id;
    RETURN NEW;
END $$;
CREATE TRIGGER looks BEFORE UPDATE ON run FOR EACH ROW EXECUTE FUNCTION look_at_it();
CREATE TRIGGER looks_after AFTER UPDATE ON run FOR EACH ROW EXECUTE FUNCTION look_at_it();
BEGIN ISOLATION LEVEL REPEATABLE READ;
INSERT INTO result VALUES (1, 1), (1, 2), (2, 1);
COMMIT;
SELECT * FROM run ORDER BY id;
INSERT INTO result VALUES (1, 3);
SELECT * FROM run ORDER BY id;
SELECT said FROM seen ORDER BY place;
SELECT ratchet.fold();
SELECT * FROM run ORDER BY id;
DROP TRIGGER looks ON run;
DROP TRIGGER looks_after ON run;
-- that count for the same row, at once
CREATE FUNCTION add_one() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF NEW.n < 9 THEN INSERT INTO spill_parents.result VALUES (NEW.id); END IF; RETURN NULL; END $$;
CREATE TRIGGER adds AFTER UPDATE ON run FOR EACH ROW EXECUTE FUNCTION add_one();
BEGIN ISOLATION LEVEL REPEATABLE READ;
INSERT INTO result VALUES (1, 4), (2, 4);
COMMIT;
BEGIN;
SET CONSTRAINTS ALL IMMEDIATE;
INSERT INTO result VALUES (1, 5);
COMMIT;
SELECT id, n, (SELECT count(*) FROM result WHERE run = id) FROM run ORDER BY id;
SELECT ratchet.fold();
SELECT id, n, (SELECT count(*) FROM result WHERE run = id) FROM run ORDER BY id;
DROP TRIGGER adds ON run;
-- that keep the row from being written: the counts lie on
CREATE FUNCTION suppress() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE TRIGGER aa_suppress BEFORE UPDATE ON run FOR EACH ROW EXECUTE FUNCTION suppress();
BEGIN ISOLATION LEVEL REPEATABLE READ;
INSERT INTO result VALUES (1, 6);
COMMIT;
SELECT attempt('SELECT ratchet.fold()');
SELECT attempt('INSERT INTO result VALUES (1, 7); SELECT ratchet.flush()');
DROP TRIGGER aa_suppress ON run;
-- and constraints, which nobody but a fold breaks
ALTER TABLE run ADD CONSTRAINT few CHECK (n < 11);
BEGIN ISOLATION LEVEL REPEATABLE READ;
INSERT INTO result VALUES (1, 8);
COMMIT;
SELECT id, n FROM run_exact ORDER BY id;
SELECT attempt('SELECT ratchet.fold()');
SELECT attempt('INSERT INTO result VALUES (1, 7); SELECT ratchet.flush()');
DELETE FROM result WHERE run = 1 AND q = 8;
SELECT r.id, r.n, e.n FROM run r JOIN run_exact e USING (id) ORDER BY id;
SELECT * FROM ratchet.verify();

SET client_min_messages = error;
DROP SCHEMA spill_parents CASCADE;
