--
-- A counter's expression that names what an extension brought follows it when the extension moves
--
SET client_min_messages = warning;
\pset format unaligned
\pset tuples_only on
CREATE SCHEMA moves_here;
CREATE SCHEMA moves_there;
CREATE EXTENSION citext SCHEMA moves_here;
CREATE SCHEMA extension_moves;
SET search_path = extension_moves;
CREATE TABLE runs (id int PRIMARY KEY, n int NOT NULL DEFAULT 0);
CREATE TABLE results (run int REFERENCES runs, name moves_here.citext);
SELECT ratchet.tally('results', 'runs', '{"n": "name OPERATOR(moves_here.=) ''abc''::moves_here.citext"}');
INSERT INTO runs VALUES (1);
INSERT INTO results VALUES (1, 'ABC'), (1, 'x');
ALTER EXTENSION citext SET SCHEMA moves_there;
SELECT counters FROM ratchet.contract WHERE target = 'results'::regclass;
INSERT INTO results VALUES (1, 'aBc');
ALTER SCHEMA moves_there RENAME TO moves_away;
SELECT counters FROM ratchet.contract WHERE target = 'results'::regclass;
INSERT INTO results VALUES (1, 'Abc');
SELECT n FROM runs;
SELECT * FROM ratchet.verify();
SELECT * FROM ratchet.health();
DROP SCHEMA extension_moves CASCADE;
DROP EXTENSION citext;
DROP SCHEMA moves_here, moves_away;
