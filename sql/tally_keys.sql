-- Foreign keys that a tally can, and cannot, count by; numbers that it can, and cannot, hold.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS ratchet;
\set VERBOSITY default
\set SHOW_CONTEXT never
CREATE SCHEMA tally_keys;
SET search_path = tally_keys, pg_catalog;

-- a conversion that depends on settings: the same day is another moment in another TimeZone
CREATE TABLE days (at timestamptz PRIMARY KEY, n int);
CREATE TABLE visits (day date REFERENCES days);
SELECT ratchet.tally('visits', 'days', '{"n": "true"}');
CREATE TABLE clocks (at timestamptz PRIMARY KEY, n int);
CREATE TABLE ticks (at timestamp REFERENCES clocks);
SELECT ratchet.tally('ticks', 'clocks', '{"n": "true"}');
-- one that does not
CREATE TABLE wide (id bigint PRIMARY KEY, n int);
CREATE TABLE narrow (id int REFERENCES wide);
SELECT ratchet.tally('narrow', 'wide', '{"n": "true"}');
CREATE TABLE moments (at timestamp PRIMARY KEY, n int);
CREATE TABLE dates (day date REFERENCES moments);
SELECT ratchet.tally('dates', 'moments', '{"n": "true"}');
SET TimeZone = 'Asia/Tokyo';
INSERT INTO moments VALUES ('2026-01-01');
INSERT INTO dates VALUES ('2026-01-01');
SET TimeZone = 'America/New_York';
DELETE FROM dates;
SELECT n FROM moments;
RESET TimeZone;

-- the same foreign key twice is one; it may be the second that is validated
CREATE TABLE runs (id int PRIMARY KEY, other int UNIQUE, n int, m int);
CREATE TABLE results (run_id int REFERENCES runs);
ALTER TABLE results ADD CONSTRAINT again FOREIGN KEY (run_id) REFERENCES runs NOT VALID;
SELECT ratchet.tally('results', 'runs', '{"n": "true"}');
SELECT ratchet.tally('results', 'runs', '{"n": "true"}', via => '{run_id}');
INSERT INTO runs VALUES (1, 10);
INSERT INTO results VALUES (1), (1);
SELECT n FROM runs;
ALTER TABLE results DROP CONSTRAINT again;
INSERT INTO results VALUES (1);
SELECT n FROM runs;
SELECT ratchet.tally('results', 'runs', '{"n": "true"}');
-- with other columns, or another target, they are several
CREATE TABLE doubled (run_id int REFERENCES runs, second int REFERENCES runs);
SELECT ratchet.tally('doubled', 'runs', '{"m": "true"}');
ALTER TABLE doubled ADD FOREIGN KEY (second) REFERENCES runs (other);
SELECT ratchet.tally('doubled', 'runs', '{"m": "true"}', via => '{second}');
CREATE TABLE unsound (run_id int);
ALTER TABLE unsound ADD CONSTRAINT a FOREIGN KEY (run_id) REFERENCES runs NOT VALID;
ALTER TABLE unsound ADD CONSTRAINT b FOREIGN KEY (run_id) REFERENCES runs NOT VALID;
SELECT ratchet.tally('unsound', 'runs', '{"m": "true"}');

-- a partition is counted with its table, whatever the parent is
CREATE TABLE tree (id int, region int, n int, PRIMARY KEY (id, region)) PARTITION BY LIST (region);
CREATE TABLE tree_1 PARTITION OF tree FOR VALUES IN (1);
CREATE TABLE tree_2 PARTITION OF tree FOR VALUES IN (2);
CREATE TABLE leaves (id int, region int, FOREIGN KEY (id, region) REFERENCES tree) PARTITION BY LIST (region);
CREATE TABLE leaves_1 PARTITION OF leaves FOR VALUES IN (1);
CREATE TABLE leaves_2 (id int, region int);
ALTER TABLE leaves ATTACH PARTITION leaves_2 FOR VALUES IN (2);
SELECT ratchet.tally('leaves_1', 'tree', '{"n": "true"}');
SELECT ratchet.tally('leaves_2', 'tree', '{"n": "true"}');
SELECT ratchet.tally('leaves', 'tree_1', '{"n": "true"}');
SELECT ratchet.tally('leaves', 'tree', '{"n": "true"}');
INSERT INTO tree VALUES (1, 1), (1, 2);
INSERT INTO leaves VALUES (1, 1), (1, 2), (1, 2);
INSERT INTO leaves_1 VALUES (1, 1), (1, 1);
SELECT * FROM tree ORDER BY region;

-- a conversion that somebody else may write anew
CREATE TYPE mood AS ENUM ('1', '2');
CREATE FUNCTION number_of(mood) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT $1::text::int';
CREATE CAST (mood AS int) WITH FUNCTION number_of(mood) AS IMPLICIT;
CREATE TABLE documents (id int PRIMARY KEY, n int NOT NULL DEFAULT 0);
CREATE TABLE pages (document mood REFERENCES documents);
SELECT ratchet.tally('pages', 'documents', '{"n": "true"}');

-- numbers
CREATE TABLE sums (id int PRIMARY KEY, total numeric, exact numeric(8,2), tens numeric(5,-1), n int);
CREATE TABLE terms (sum_id int REFERENCES sums, value numeric, price numeric(6,2), whole int);
INSERT INTO sums VALUES (1);
INSERT INTO terms VALUES (1, 'NaN', 1.25, 4);
SELECT ratchet.tally('terms', 'sums', '{"total": "sum(value)"}');
UPDATE terms SET value = 'Infinity';
SELECT ratchet.tally('terms', 'sums', '{"total": "sum(value)"}');
SELECT ratchet.tally('terms', 'sums', '{"tens": "true"}');
SELECT ratchet.tally('terms', 'sums', '{"tens": "sum(whole)"}');
SELECT ratchet.tally('terms', 'sums', '{"tens": "sum(price)"}');
SELECT ratchet.tally('terms', 'sums', '{"exact": "sum(price)", "n": "true"}');
SELECT ratchet.tally('terms', 'sums', '{"exact": "sum(price)", "n": "true", "total": "sum(value)"}', backfill => 'later');
CALL ratchet.repair('terms');
UPDATE terms SET value = 1.5;
DELETE FROM terms;
INSERT INTO terms VALUES (1, 1.5, 1.25, 4);
CALL ratchet.repair('terms');
SELECT * FROM sums;

DROP SCHEMA tally_keys CASCADE;
