--
-- A column that several contracts of one table name: the rename is followed in all of them, or in none.
--
\set SHOW_CONTEXT never
SET client_min_messages = warning;
\pset format unaligned
\pset tuples_only on
CREATE SCHEMA renames;
SET search_path = renames;
CREATE FUNCTION contracts(which regclass) RETURNS SETOF text LANGUAGE sql AS $$
SELECT concat_ws(' ', kind, 'gate ' || gate, 'owned ' || owned::text, 'forward ' || forward::text, 'via ' || via::text, counters) FROM ratchet.contract
WHERE target = which ORDER BY kind, counters::text
$$;
CREATE TABLE run (id int PRIMARY KEY, n int, m int, total int, done boolean);
INSERT INTO run (id) VALUES (1), (2);

-- guarded, and in the conditions of two tallies
CREATE TABLE result (id int PRIMARY KEY, run int REFERENCES run, at timestamptz, score int);
CREATE TABLE team (id int PRIMARY KEY, open int);
ALTER TABLE result ADD team int REFERENCES team;
SELECT ratchet.guard('result', 'at', owned => '{score}');
SELECT ratchet.tally('result', 'run', '{"n": "score IS NULL"}');
SELECT ratchet.tally('result', 'team', '{"open": "at IS NULL AND score IS NULL"}');
INSERT INTO team VALUES (1);
INSERT INTO result VALUES (1, 1, NULL, NULL, 1), (2, 1, NULL, NULL, 1);
ALTER TABLE result RENAME score TO points;
ALTER TABLE result RENAME at TO "closed, at";
SELECT contracts('result');
SELECT outcome FROM ratchet.submit('result', 1, patch => '{"points": 5}');
UPDATE result SET points = 6 WHERE id = 1;
SELECT id, points FROM result ORDER BY id;
SELECT n FROM run WHERE id = 1;
SELECT open FROM team;

-- a partitioned table
CREATE TABLE leaf (id int, part text, run int REFERENCES run, at timestamptz, score int) PARTITION BY LIST (part);
CREATE TABLE leaf_a PARTITION OF leaf FOR VALUES IN ('a');
SELECT ratchet.guard('leaf', 'at', owned => '{score}');
SELECT ratchet.tally('leaf', 'run', '{"m": "score IS NULL"}');
ALTER TABLE leaf RENAME score TO points;
INSERT INTO leaf VALUES (1, 'a', 2);
SELECT contracts('leaf');
SELECT m FROM run WHERE id = 2;

-- a parent: a guard's column that is a counter's total
SELECT ratchet.guard('run', forward => '{total}');
SELECT ratchet.tally('result', 'run', '{"n": "points IS NULL"}', total => 'total', total_of => 'n', done => 'done');
ALTER TABLE run RENAME total TO expected;
SELECT contracts('run');
UPDATE run SET expected = 1 WHERE id = 1;
UPDATE run SET expected = 0 WHERE id = 1;
SELECT n, expected, done FROM run WHERE id = 1;

-- a guarded table that inherits the column
CREATE TABLE elder (id int, score int);
CREATE TABLE heir (at timestamptz) INHERITS (elder);
SELECT ratchet.guard('heir', 'at', owned => '{score}');
ALTER TABLE elder RENAME score TO points;
SELECT contracts('heir');

DROP SCHEMA renames CASCADE;
