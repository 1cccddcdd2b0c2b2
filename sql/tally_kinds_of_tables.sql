--
-- Tallies over all kinds of tables: several at once, keys, partitions, chains of tables.
--
\set SHOW_CONTEXT never
SET client_min_messages = warning;
\pset format unaligned
\pset tuples_only on
CREATE SCHEMA tally_kinds_of_tables;
SET search_path = tally_kinds_of_tables, test_setup;
CREATE FUNCTION triggers(pattern text) RETURNS SETOF text LANGUAGE sql AS $$
SELECT tgrelid::regclass || ' ' || string_agg(tgname, ' ' ORDER BY tgname COLLATE "C") FROM pg_trigger
WHERE tgrelid::regclass::text LIKE pattern AND NOT tgisinternal GROUP BY tgrelid ORDER BY 1
$$;

--
-- Several tallies on one child: by several foreign keys to several parents, and to one
--
CREATE TABLE evaluation (id int PRIMARY KEY, n int);
CREATE TABLE run (id int PRIMARY KEY, n int, retried int, correct int);
CREATE TABLE result (id int, run int REFERENCES run, retry_of int REFERENCES run, evaluation int REFERENCES evaluation, is_correct boolean);
INSERT INTO run SELECT generate_series(1, 3);
INSERT INTO evaluation VALUES (1), (2);
SELECT ratchet.tally('result', 'evaluation', '{"n": "true"}');
SELECT ratchet.tally('result', 'run', '{"n": "true", "correct": "is_correct"}', via => '{run}');
SELECT ratchet.tally('result', 'run', '{"retried": "true"}', via => '{retry_of}');
SELECT triggers('result');
SELECT triggers('run');
INSERT INTO result VALUES (1, 1, NULL, 1, true), (2, 1, 2, 1, false), (3, 2, 1, 2, true), (4, NULL, 2, NULL, true), (5, 3, 3, 1, NULL);
SELECT * FROM run ORDER BY id;
SELECT * FROM evaluation ORDER BY id;
UPDATE result SET run = retry_of, retry_of = run, evaluation = 2 WHERE id = 2;
SELECT * FROM run ORDER BY id;
SELECT * FROM evaluation ORDER BY id;
SELECT * FROM ratchet.verify();
-- no column has two masters
SELECT attempt($$SELECT ratchet.tally('result', 'run', '{"n": "true"}', via => '{retry_of}')$$);
ALTER TABLE run ADD done boolean, ADD done_too boolean, ADD total int;
SELECT ratchet.tally('result', 'run', '{"n": "true", "correct": "is_correct"}', via => '{run}', total => 'total', done => 'done');
SELECT attempt($$SELECT ratchet.tally('result', 'run', '{"retried": "true"}', via => '{retry_of}', total => 'total', done => 'done')$$);
SELECT attempt($$SELECT ratchet.tally('result', 'run', '{"total": "true"}', via => '{retry_of}', replace => true)$$);
SELECT ratchet.tally('result', 'run', '{"retried": "true"}', via => '{retry_of}', total => 'n', done => 'done_too', replace => true);
-- which of them is meant
SELECT attempt($$SELECT ratchet.tally('result', 'run', '{"retried": "true"}')$$);
SELECT attempt($$SELECT ratchet.untally('result', 'run')$$);
SELECT ratchet.untally('result', 'run', '{run}');
INSERT INTO result VALUES (6, 1, 1, 1);
SELECT id, n, retried FROM run ORDER BY id;
SELECT triggers('result');
SELECT ratchet.untally('result', 'run');
SELECT triggers('run');
SELECT ratchet.untally('result', 'evaluation');
SELECT triggers('%');
DROP TABLE result, run, evaluation;

--
-- One parent, several children; a total that is a tally, of another child and of the same one
--
CREATE TABLE defence (id int PRIMARY KEY, assigned int, evaluated int, score int, passed boolean NOT NULL DEFAULT false, decided boolean NOT NULL DEFAULT false);
CREATE TABLE assignment (defence int REFERENCES defence, evaluator int, PRIMARY KEY (defence, evaluator));
CREATE TABLE evaluation (defence int REFERENCES defence, evaluator int, score int, PRIMARY KEY (defence, evaluator));
SELECT ratchet.tally('evaluation', 'defence', '{"evaluated": "true", "score": "sum(score)"}', total => 'assigned', done => 'decided');
SELECT ratchet.tally('assignment', 'defence', '{"assigned": "true"}');
SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE tgrelid = 'defence'::regclass AND tgname = '~ratchet_counters';
INSERT INTO defence (id) VALUES (1), (2);
BEGIN;
INSERT INTO assignment VALUES (1, 1), (1, 2), (2, 1);
INSERT INTO evaluation VALUES (1, 1, 50);
COMMIT;
SELECT * FROM defence ORDER BY id;
-- decided on the values after both
BEGIN;
INSERT INTO evaluation VALUES (1, 2, 30);
INSERT INTO assignment VALUES (1, 3);
COMMIT;
SELECT * FROM defence ORDER BY id;
DELETE FROM assignment WHERE evaluator = 3;
SELECT * FROM defence ORDER BY id;
SELECT * FROM ratchet.verify('defence');
SELECT attempt($$SELECT ratchet.tally('assignment', 'defence', '{"evaluated": "true"}', replace => true)$$);
-- what all of them have been made of goes one by one
SELECT ratchet.untally('assignment', 'defence');
UPDATE defence SET assigned = 3 WHERE id = 1;
SELECT * FROM defence ORDER BY id;
SELECT triggers('%');
SELECT ratchet.untally('evaluation', 'defence');
SELECT triggers('%');
ALTER TABLE assignment ADD has_evaluated boolean NOT NULL DEFAULT false;
SELECT ratchet.tally('assignment', 'defence', '{"assigned": "true", "evaluated": "has_evaluated"}', total => 'assigned', total_of => 'evaluated', done => 'decided');
SELECT * FROM defence ORDER BY id;
UPDATE assignment SET has_evaluated = true WHERE evaluator = 1;
SELECT * FROM defence ORDER BY id;
INSERT INTO assignment VALUES (2, 2, true);
DELETE FROM assignment WHERE defence = 1 AND evaluator = 2;
SELECT * FROM defence ORDER BY id;
DROP TABLE assignment, evaluation, defence;

--
-- Composite keys, in another order, with other types; NULL in a part counts nowhere
--
CREATE TABLE parent (b text, a bigint, c int UNIQUE, n int, m int, PRIMARY KEY (a, b));
CREATE TABLE child (x int, y varchar(10), z smallint REFERENCES parent (c), FOREIGN KEY (y, x) REFERENCES parent (b, a));
SELECT ratchet.tally('child', 'parent', '{"n": "true"}', via => '{x,y}');
SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE tgname ~ '^(!ratchet_tally|~ratchet_counters)' ORDER BY tgname COLLATE "C";
SELECT ratchet.tally('child', 'parent', '{"n": "true"}', via => '{y,x}');
INSERT INTO parent VALUES ('k', 1, 10), ('l', 1, 20), ('k', 2, 30);
INSERT INTO child VALUES (1, 'k', 10), (1, 'k', 20), (1, NULL, 10), (NULL, 'k', 10), (2, 'k', NULL);
SELECT a, b, n FROM parent ORDER BY a, b;
UPDATE child SET x = 1, y = 'l' WHERE y IS NULL OR x = 2;
SELECT a, b, n FROM parent ORDER BY a, b;
-- all tallies of a parent reference one key
SELECT attempt($$SELECT ratchet.tally('child', 'parent', '{"m": "true"}', via => '{z}')$$);
CREATE TABLE child_too (b text, a int, FOREIGN KEY (a, b) REFERENCES parent (a, b));
SELECT ratchet.tally('child_too', 'parent', '{"m": "true"}');
INSERT INTO child_too VALUES ('k', 1), ('k', 1), ('l', 1), ('k', 2);
DELETE FROM child WHERE x = 1 AND y = 'k' AND z = 10;
SELECT a, b, n, m FROM parent ORDER BY a, b;
SELECT outcome, progress FROM ratchet.progress('parent', '{"a": 1, "b": "k"}'::jsonb);
SELECT outcome, progress->'key' FROM ratchet.progress('parent', '{"c": 30}'::jsonb);
SELECT outcome FROM ratchet.progress('parent', '{"c": 31}'::jsonb);
SELECT attempt($$SELECT ratchet.progress('parent', 1)$$);
SELECT attempt($$SELECT ratchet.progress('parent', '{"n": 1}'::jsonb)$$);
SELECT * FROM ratchet.verify('parent');
DROP TABLE child, child_too, parent;
-- types: the foreign key's own equality decides, not the image
CREATE COLLATION nocase (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE TABLE parent (id numeric PRIMARY KEY, n int);
CREATE TABLE child (id int REFERENCES parent);
CREATE TABLE child_too (id numeric REFERENCES parent);
ALTER TABLE parent ADD m int;
SELECT ratchet.tally('child', 'parent', '{"n": "true"}'), ratchet.tally('child_too', 'parent', '{"m": "true"}');
INSERT INTO parent VALUES (1.0), (2), (3.50);
INSERT INTO child VALUES (1), (2), (2);
INSERT INTO child_too VALUES (1.00), (1), (3.5), (3.500);
UPDATE child_too SET id = 3.50 WHERE id = 3.5;
SELECT * FROM parent ORDER BY id;
UPDATE parent SET id = 1.00 WHERE id = 1;
SELECT attempt('UPDATE parent SET id = 1.5 WHERE id = 1');
SELECT * FROM parent ORDER BY id;
SELECT * FROM ratchet.verify();
DROP TABLE child, child_too, parent;
CREATE TABLE parent (id text COLLATE nocase PRIMARY KEY, n int);
CREATE TABLE child (id text COLLATE nocase REFERENCES parent);
SELECT ratchet.tally('child', 'parent', '{"n": "true"}');
INSERT INTO parent VALUES ('Abc'), ('x');
INSERT INTO child VALUES ('abc'), ('ABC'), ('X');
SELECT * FROM parent ORDER BY id;
DELETE FROM child WHERE id = 'aBC';
SELECT * FROM parent ORDER BY id;
DROP TABLE child, parent;
CREATE TABLE parent (id uuid PRIMARY KEY, n int);
CREATE TABLE child (id uuid REFERENCES parent);
SELECT ratchet.tally('child', 'parent', '{"n": "true"}');
INSERT INTO parent VALUES ('00000000-0000-0000-0000-000000000001');
INSERT INTO child SELECT id FROM parent, generate_series(1, 3);
SELECT n FROM parent;
SELECT progress->'columns' FROM ratchet.progress('parent', '00000000-0000-0000-0000-000000000001'::uuid);
SELECT progress->'columns' FROM ratchet.progress('parent', '00000000-0000-0000-0000-000000000001');
SELECT attempt($$SELECT ratchet.progress('parent', 'x')$$);
SELECT attempt($$SELECT ratchet.progress('parent', 7)$$);
SELECT attempt($$SELECT ratchet.progress('parent', NULL::text)$$), attempt($$SELECT ratchet.progress(NULL, 1)$$);
SELECT attempt($$SELECT ratchet.progress('child', 7)$$);
DROP TABLE child, parent;

--
-- Every type of counter, to its end
--
CREATE TABLE parent (id int PRIMARY KEY, s smallint, i int, b bigint, n numeric, d numeric(6,2));
CREATE TABLE child (id int REFERENCES parent, s smallint, i int, b bigint, d numeric(6,2));
SELECT ratchet.tally('child', 'parent', '{"s": "sum(s)", "i": "sum(i)", "b": "sum(b)", "n": "sum(b)", "d": "sum(d)"}');
INSERT INTO parent VALUES (1);
INSERT INTO child VALUES (1, 32767, 2147483647, 9223372036854775807, 9999.99);
SELECT * FROM parent;
SELECT attempt('INSERT INTO child VALUES (1, 1, 0, 0, 0)');
SELECT attempt('INSERT INTO child VALUES (1, 0, 1, 0, 0)');
SELECT attempt('INSERT INTO child VALUES (1, 0, 0, 1, 0)');
SELECT attempt('INSERT INTO child VALUES (1, 0, 0, 0, 0.01)');
BEGIN;
SELECT attempt('INSERT INTO child SELECT 1, 0, 0, 9223372036854775807, 0 FROM generate_series(1, 2)');
ROLLBACK;
INSERT INTO child VALUES (1, -32767, -2147483647, -9223372036854775807, -9999.99), (1, NULL, NULL, NULL, NULL);
SELECT * FROM parent;
SELECT attempt($$INSERT INTO child (id, d) VALUES (1, 'NaN')$$);
-- a transaction that goes beyond and comes back
BEGIN;
INSERT INTO child (id, i) VALUES (1, 2147483647), (1, 2147483647);
DELETE FROM child WHERE i > 0;
INSERT INTO child (id, d) VALUES (1, 0.1), (1, 0.2);
COMMIT;
SELECT * FROM parent;
SELECT * FROM ratchet.verify();
DROP TABLE child, parent;

--
-- Partitioned child: leaves and partitions that come later or go
--
CREATE TABLE run (id int PRIMARY KEY, n int, m int);
INSERT INTO run SELECT generate_series(1, 4);
CREATE TABLE result (run int REFERENCES run, part text, q int) PARTITION BY LIST (part);
CREATE TABLE result_a PARTITION OF result FOR VALUES IN ('a');
CREATE TABLE result_b (gone int, q int, part text, gone_too int, run int);
ALTER TABLE result_b DROP COLUMN gone, DROP COLUMN gone_too;
ALTER TABLE result ATTACH PARTITION result_b FOR VALUES IN ('b');
CREATE TABLE result_c PARTITION OF result FOR VALUES IN ('c', 'd', 'e') PARTITION BY LIST (part);
CREATE TABLE result_cc PARTITION OF result_c FOR VALUES IN ('c');
SELECT ratchet.tally('result', 'run', '{"n": "true", "m": "q > 1"}');
SELECT ratchet.tally('result', 'run', '{"n": "true", "m": "q > 1"}');
SELECT triggers('result%');
CREATE TABLE result_d PARTITION OF result_c FOR VALUES IN ('d');
CREATE TABLE result_e (q int, gone int, run int, part text);
ALTER TABLE result_e DROP COLUMN gone;
ALTER TABLE result_c ATTACH PARTITION result_e FOR VALUES IN ('e');
SELECT triggers('result%');
SELECT ratchet.tally('result', 'run', '{"n": "true", "m": "q > 1"}');
INSERT INTO result SELECT r, p, q FROM generate_series(1, 3) r, unnest('{a,b,c,d,e}'::text[]) p, generate_series(1, 2) q;
INSERT INTO result_a VALUES (4, 'a', 1);
INSERT INTO result_b VALUES (2, 'b', 4);
INSERT INTO result_e VALUES (2, 4, 'e');
SELECT * FROM run ORDER BY id;
-- moves between partitions count as they are
UPDATE result SET part = 'b' WHERE part = 'a' AND run = 1;
SELECT * FROM run ORDER BY id;
UPDATE result SET part = 'e', run = 4, q = 3 WHERE part = 'a' AND run = 2;
UPDATE result_c SET part = 'd', q = 0 WHERE part = 'c' AND run = 3;
SELECT * FROM run ORDER BY id;
MERGE INTO result t USING (VALUES (1, 'b'), (9, 'x')) s (run, part) ON t.run = s.run AND t.part = s.part AND q = 2
    WHEN MATCHED THEN UPDATE SET part = 'a', run = 3;
SELECT * FROM run ORDER BY id;
SELECT * FROM ratchet.verify();
-- one partition emptied, then all
TRUNCATE result_b;
SELECT * FROM run ORDER BY id;
TRUNCATE result_c;
SELECT * FROM run ORDER BY id;
SELECT * FROM ratchet.verify();
INSERT INTO result VALUES (1, 'b', 2), (1, 'd', 2);
BEGIN;
TRUNCATE result;
INSERT INTO result VALUES (4, 'e', 5);
COMMIT;
SELECT * FROM run ORDER BY id;
SELECT * FROM ratchet.verify();
-- by the root only
SELECT attempt($$SELECT ratchet.tally('result_a', 'run', '{"n": "true"}')$$);
SELECT attempt($$SELECT ratchet.untally('result_a', 'run')$$);
SELECT ratchet.untally('result', 'run');
SELECT triggers('%');
DROP TABLE result, run;

--
-- Partitioned parent, and both
--
CREATE TABLE run (id int, part text, n int, m int, total int, done boolean NOT NULL DEFAULT false, note text, PRIMARY KEY (id, part)) PARTITION BY LIST (part);
CREATE TABLE run_a PARTITION OF run FOR VALUES IN ('a');
CREATE TABLE run_b (done boolean NOT NULL DEFAULT false, m int, gone int, total int, n int, note text, part text, id int, PRIMARY KEY (id, part));
ALTER TABLE run_b DROP COLUMN gone;
ALTER TABLE run ATTACH PARTITION run_b FOR VALUES IN ('b');
CREATE TABLE result (run int, part text, q int, FOREIGN KEY (run, part) REFERENCES run ON DELETE CASCADE) PARTITION BY LIST (part);
CREATE TABLE result_a PARTITION OF result FOR VALUES IN ('a');
CREATE TABLE result_b PARTITION OF result FOR VALUES IN ('b');
INSERT INTO run (id, part, total) VALUES (1, 'a', 2), (1, 'b', 2), (2, 'b', NULL);
INSERT INTO result VALUES (1, 'a', 1);
SELECT ratchet.tally('result', 'run', '{"n": "true"}', total => 'total', done => 'done');
SELECT ratchet.tally('result', 'run', '{"n": "true"}', total => 'total', done => 'done');
CREATE TABLE run_c PARTITION OF run FOR VALUES IN ('c');
SELECT triggers('run%');
INSERT INTO run (id, part, total, n) VALUES (1, 'c', 1, 7);
INSERT INTO result VALUES (1, 'a', 2), (1, 'b', 1), (2, 'b', 1);
SELECT attempt($$INSERT INTO result VALUES (1, 'c', 1)$$);
CREATE TABLE result_c PARTITION OF result FOR VALUES IN ('c');
INSERT INTO result VALUES (1, 'c', 1);
SELECT tableoid::regclass, id, n, done FROM run ORDER BY id, part;
SET client_min_messages = notice;
UPDATE run SET n = 50, done = false;
UPDATE run_b SET n = 50;
SET client_min_messages = warning;
SELECT tableoid::regclass, id, n, done FROM run ORDER BY id, part;
SELECT attempt($$UPDATE run SET part = 'b' WHERE part = 'c'$$);
DELETE FROM run WHERE part = 'b' AND id = 1;
SELECT tableoid::regclass, id, n, done FROM run ORDER BY id, part;
TRUNCATE result_a;
SELECT tableoid::regclass, id, n, done FROM run ORDER BY id, part;
SELECT * FROM ratchet.verify();
SELECT outcome, progress FROM ratchet.progress('run', '{"id": 1, "part": "c"}');
SELECT attempt($$SELECT ratchet.tally('result', 'run_a', '{"n": "true"}')$$);
DROP TABLE result, run;

--
-- A table that counts itself, and a chain of tables
--
CREATE TABLE node (id int PRIMARY KEY, above int REFERENCES node ON DELETE CASCADE, n int, total int, done boolean NOT NULL DEFAULT false);
SELECT ratchet.tally('node', 'node', '{"n": "true"}', total => 'total', done => 'done');
SELECT triggers('node');
INSERT INTO node (id, above, total) VALUES (1, NULL, 2), (2, 1, NULL), (3, 1, 1), (4, 3, NULL), (5, 5, 1);
SELECT * FROM node ORDER BY id;
UPDATE node SET above = 2 WHERE id = 4;
SELECT * FROM node ORDER BY id;
DELETE FROM node WHERE id = 2;
SELECT * FROM node ORDER BY id;
SELECT * FROM ratchet.verify();
TRUNCATE node;
SELECT ratchet.untally('node', 'node');
SELECT triggers('node');
DROP TABLE node;
CREATE TABLE project (id int PRIMARY KEY, evaluations int, finished int, results int, done boolean NOT NULL DEFAULT false);
CREATE TABLE evaluation (id int PRIMARY KEY, project int REFERENCES project, total int, n int, points int, done boolean NOT NULL DEFAULT false);
CREATE TABLE result (evaluation int REFERENCES evaluation, points int);
INSERT INTO project VALUES (1);
INSERT INTO evaluation VALUES (1, 1, 2), (2, 1, 1);
INSERT INTO result VALUES (1, 5);
SELECT ratchet.tally('evaluation', 'project', '{"evaluations": "true", "finished": "done", "results": "sum(n)"}', total => 'evaluations', total_of => 'finished', done => 'done');
SELECT ratchet.tally('result', 'evaluation', '{"n": "true", "points": "sum(points)"}', total => 'total', done => 'done');
SELECT * FROM project;
SELECT * FROM evaluation ORDER BY id;
BEGIN;
INSERT INTO result VALUES (1, 6), (2, 1);
COMMIT;
SELECT * FROM project;
SELECT * FROM evaluation ORDER BY id;
DELETE FROM result WHERE evaluation = 2;
SELECT * FROM project;
TRUNCATE result;
SELECT * FROM project;
SELECT * FROM evaluation ORDER BY id;
SELECT * FROM ratchet.verify();

SET client_min_messages = error;
DROP SCHEMA tally_kinds_of_tables CASCADE;
