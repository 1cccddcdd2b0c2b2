--
-- In which order a flush writes, and that it ends: chains and circles of tables, circles of rows, triggers that count again
--
\set SHOW_CONTEXT never
SET client_min_messages = warning;
\pset format unaligned
\pset tuples_only on
CREATE SCHEMA flush_order;
SET search_path = flush_order;

--
-- Two tables that count for one another
--
CREATE TABLE teams (id int PRIMARY KEY, owner int, members int NOT NULL DEFAULT 0);
CREATE TABLE users (id int PRIMARY KEY, team int REFERENCES teams, owned int NOT NULL DEFAULT 0);
ALTER TABLE teams ADD FOREIGN KEY (owner) REFERENCES users;
SELECT ratchet.tally('users', 'teams', '{"members": "true"}'), ratchet.tally('teams', 'users', '{"owned": "true"}');
INSERT INTO teams VALUES (1), (2);
INSERT INTO users VALUES (1, 1), (2, 1), (3, 2);
BEGIN;
UPDATE teams SET owner = 3;
INSERT INTO users VALUES (4, 2);
DELETE FROM users WHERE id = 1;
COMMIT;
SELECT t.id, members FROM teams t ORDER BY 1;
SELECT id, owned FROM users ORDER BY 1;
SELECT * FROM ratchet.verify('users');
SELECT * FROM ratchet.verify('teams');

-- the same where each count changes the other: as deep as the data is
CREATE TABLE boxes (id int PRIMARY KEY, shelf int, weight int NOT NULL DEFAULT 0);
CREATE TABLE shelves (id int PRIMARY KEY, box int REFERENCES boxes, weight int NOT NULL DEFAULT 0);
ALTER TABLE boxes ADD FOREIGN KEY (shelf) REFERENCES shelves;
SELECT ratchet.tally('shelves', 'boxes', '{"weight": "sum(weight + 1)"}'), ratchet.tally('boxes', 'shelves', '{"weight": "sum(weight + 1)"}');
INSERT INTO boxes SELECT generate_series(0, 200);
INSERT INTO shelves SELECT i, i FROM generate_series(0, 200) i;
UPDATE boxes SET shelf = id - 1 WHERE id > 0;
SELECT id, weight FROM shelves WHERE id IN (0, 1, 199, 200) ORDER BY 1;
BEGIN;
INSERT INTO boxes VALUES (201, 200);
INSERT INTO shelves VALUES (201, 201), (202, 100);
COMMIT;
SELECT id, weight FROM shelves WHERE id IN (0, 1, 199, 200) ORDER BY 1;
SELECT * FROM ratchet.verify('boxes');
SELECT * FROM ratchet.verify('shelves');
-- a circle in the data does not settle
UPDATE boxes SET shelf = 200 WHERE id = 0;
SELECT id, weight FROM shelves WHERE id IN (0, 1, 199, 200) ORDER BY 1;

--
-- A chain of many tables, each counted in several columns of the next, takes one step a table
--
DO $$
BEGIN
    CREATE TABLE level_0 (id int PRIMARY KEY, a int NOT NULL DEFAULT 0, b int NOT NULL DEFAULT 0, c int NOT NULL DEFAULT 0);
    FOR i IN 1..40 LOOP
        EXECUTE format('CREATE TABLE level_%s (id int PRIMARY KEY, up int REFERENCES level_%s, up_too int REFERENCES level_%2$s, a int NOT NULL DEFAULT 0, b int NOT NULL DEFAULT 0, c int NOT NULL DEFAULT 0)', i, i - 1);
        PERFORM ratchet.tally(format('level_%s', i)::regclass, format('level_%s', i - 1)::regclass, '{"a": "sum(a + 1)"}', via => '{up}'),
                ratchet.tally(format('level_%s', i)::regclass, format('level_%s', i - 1)::regclass, '{"b": "true"}', via => '{up_too}');
    END LOOP;
    INSERT INTO level_0 VALUES (1);
    FOR i IN 1..40 LOOP EXECUTE format('INSERT INTO level_%s VALUES (1, 1, 1)', i); END LOOP;
END $$;
SELECT a, b FROM level_0;
INSERT INTO level_40 VALUES (2, 1, 1);
SELECT a, b FROM level_0;
SELECT a, b FROM level_39;

--
-- A table that counts for itself
--
CREATE TABLE u (id int PRIMARY KEY, up int REFERENCES u, sub int NOT NULL DEFAULT 0);
SELECT ratchet.tally('u', 'u', '{"sub": "sum(sub + 1)"}');
INSERT INTO u VALUES (1, NULL), (2, 1), (3, 2), (4, 3), (5, 1);
SELECT * FROM u ORDER BY id;
-- many rows at many depths: each is written once
CREATE TABLE written (id int);
CREATE FUNCTION note_written() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO flush_order.written VALUES (NEW.id); RETURN NULL; END $$;
CREATE TRIGGER note AFTER UPDATE ON u FOR EACH ROW EXECUTE FUNCTION note_written();
INSERT INTO u VALUES (6, 5), (7, 4), (8, 1), (9, 2), (10, 7);
SELECT string_agg(id::text, ' ') FROM written;
SELECT * FROM u ORDER BY id;
SELECT * FROM ratchet.verify('u');
DROP TRIGGER note ON u;
-- deeper than the C stack
INSERT INTO u (id, up) SELECT i, NULLIF(i - 1, 1000) FROM generate_series(1001, 5000) i;
SELECT sub FROM u WHERE id = 1001;
BEGIN;
SET CONSTRAINTS ALL IMMEDIATE;
INSERT INTO u VALUES (5001, 5000);
COMMIT;
BEGIN;
INSERT INTO u VALUES (5002, 5001);
SELECT ratchet.flush();
COMMIT;
SELECT sub FROM u WHERE id = 1001;
-- a circle of rows
UPDATE u SET up = 3 WHERE id = 1;
BEGIN;
UPDATE u SET up = 1 WHERE id = 1;
COMMIT;
SELECT ratchet.flush();
DO $$
BEGIN
    UPDATE flush_order.u SET up = 3 WHERE id = 1;
    PERFORM ratchet.flush();
EXCEPTION WHEN statement_too_complex THEN RAISE WARNING '% %', SQLSTATE, SQLERRM;
END $$;
SELECT * FROM u WHERE id <= 10 ORDER BY id;
SELECT * FROM ratchet.verify('u');
-- what is kept for a row that is gone is no reason to go on
DO $$
BEGIN
    SET CONSTRAINTS ALL IMMEDIATE;
    FOR i IN 1..100 LOOP
        INSERT INTO flush_order.u VALUES (20000, 10), (20001, 20000), (20002, 20001);
        DELETE FROM flush_order.u WHERE id = 20002;
        DELETE FROM flush_order.u WHERE id IN (20000, 20001);
    END LOOP;
END $$;
BEGIN;
INSERT INTO u VALUES (20000, 10), (20001, 20000);
SELECT ratchet.flush();
DELETE FROM u WHERE id IN (20000, 20001);
SELECT ratchet.flush();
INSERT INTO u VALUES (20000, 10);
COMMIT;
SELECT * FROM u WHERE id IN (10, 20000) ORDER BY id;
SELECT * FROM ratchet.verify('u');
-- a circle of rows whose counts settle
CREATE TABLE v (id int PRIMARY KEY, up int REFERENCES v, busy int NOT NULL DEFAULT 0);
SELECT ratchet.tally('v', 'v', '{"busy": "busy > 0 OR id = 3"}');
INSERT INTO v VALUES (1, NULL), (2, 1), (3, 2);
UPDATE v SET up = 3 WHERE id = 1;
SELECT * FROM v ORDER BY id;
SELECT * FROM ratchet.verify('v');

--
-- Triggers that count again
--
CREATE TABLE runs (id int PRIMARY KEY, n int NOT NULL DEFAULT 0);
CREATE TABLE results (run int REFERENCES runs, line int);
SELECT ratchet.tally('results', 'runs', '{"n": "true"}');
CREATE FUNCTION another() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO flush_order.results VALUES (NEW.id, NEW.n); RETURN NULL; END $$;
INSERT INTO runs VALUES (1), (2);
CREATE TRIGGER another AFTER UPDATE ON runs FOR EACH ROW WHEN (NEW.n BETWEEN 1 AND 20) EXECUTE FUNCTION another();
INSERT INTO results VALUES (1, 0);
SELECT * FROM runs ORDER BY id;
SELECT * FROM ratchet.verify('runs');
CREATE TRIGGER another_too AFTER UPDATE ON runs FOR EACH ROW WHEN (NEW.id = 2) EXECUTE FUNCTION another();
INSERT INTO results VALUES (2, 0);
BEGIN;
SET CONSTRAINTS ALL IMMEDIATE;
INSERT INTO results VALUES (2, 0);
COMMIT;
SELECT * FROM runs ORDER BY id;
-- one after the other they are no chain
BEGIN;
SET CONSTRAINTS ALL IMMEDIATE;
DO $$ BEGIN FOR i IN 1..200 LOOP INSERT INTO flush_order.u VALUES (10000 + i, 3); END LOOP; END $$;
COMMIT;
SELECT id, sub FROM u WHERE id <= 3 ORDER BY id;

--
-- statement_timeout, in the COMMIT of one statement and of a transaction
--
CREATE FUNCTION lasts() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(600); RETURN NULL; END $$;
CREATE TRIGGER lasts AFTER UPDATE ON runs FOR EACH ROW WHEN (NEW.id = 1) EXECUTE FUNCTION lasts();
SET statement_timeout = '100ms';
INSERT INTO results VALUES (1, 0);
BEGIN;
INSERT INTO results VALUES (1, 0);
COMMIT;
-- and what is called when a run is complete
DROP TRIGGER lasts ON runs;
DROP TRIGGER another ON runs;
DROP TRIGGER another_too ON runs;
ALTER TABLE runs ADD COLUMN total int, ADD COLUMN done boolean;
CREATE FUNCTION lasts(run int) RETURNS void LANGUAGE sql AS 'SELECT pg_sleep(600)';
SELECT ratchet.tally('results', 'runs', '{"n": "true"}', total => 'total', done => 'done', on_done => 'lasts(int)');
UPDATE runs SET total = n + 1 WHERE id = 1;
INSERT INTO results VALUES (1, 0);
RESET statement_timeout;
SELECT id, n, done FROM runs ORDER BY id;
SELECT * FROM ratchet.verify();
DROP SCHEMA flush_order CASCADE;
