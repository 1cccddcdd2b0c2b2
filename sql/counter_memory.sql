--
-- Memory: what a savepoint, a flushed row and a count take is given back, each with its own reason to live
--
\set SHOW_CONTEXT never
SET client_min_messages = warning;
\pset format unaligned
\pset tuples_only on
CREATE SCHEMA counter_memory;
SET search_path = counter_memory;
CREATE TABLE run (id text PRIMARY KEY, n int NOT NULL DEFAULT 0, points numeric NOT NULL DEFAULT 0);
CREATE TABLE result (run text REFERENCES run, points numeric);
SELECT ratchet.tally('result', 'run', '{"n": "points * 2 > 1", "points": "sum(points + 1)"}');
INSERT INTO run SELECT 'run ' || i FROM generate_series(1, 10000) i;

-- Memory of the transaction and of ratchet, which outlives statements; PostgreSQL itself takes some bytes for each of these
-- statements elsewhere.
CREATE FUNCTION lasting() RETURNS bigint LANGUAGE sql AS $$
SELECT sum(total_bytes) FROM pg_backend_memory_contexts WHERE name IN ('TopTransactionContext', 'CurTransactionContext') OR name LIKE 'ratchet%'
$$;
-- Runs a statement a number of times, and then as often again: whether the second half takes more than 16 bytes for each.
CREATE FUNCTION leaks(statement text, times int) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    before bigint;
BEGIN
    FOR i IN 1..times LOOP EXECUTE statement; END LOOP;
    before := counter_memory.lasting();
    FOR i IN 1..times LOOP EXECUTE statement; END LOOP;
    RETURN counter_memory.lasting() - before > 16 * times;
END $$;
CREATE FUNCTION add_result(undo boolean) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO counter_memory.result VALUES ('run 1', 5);
    IF undo THEN RAISE EXCEPTION 'undone'; END IF;
EXCEPTION WHEN raise_exception THEN NULL;
END $$;

-- a savepoint that is rolled back, followed by a good one: expressions are compiled anew
BEGIN;
SELECT leaks('SELECT counter_memory.add_result(true), counter_memory.add_result(false)', 1500);
COMMIT;
-- savepoints that are released: their counts are merged
BEGIN;
SELECT leaks('SELECT counter_memory.add_result(false)', 3000);
COMMIT;
-- a flush for each statement: what is booked out is gone
BEGIN;
SET CONSTRAINTS ALL IMMEDIATE;
SELECT leaks($$INSERT INTO counter_memory.result VALUES ('run 2', 1.5)$$, 3000);
COMMIT;
SELECT * FROM run WHERE n > 0 ORDER BY id;

-- a flush of many rows takes the memory of one
-- PostgreSQL keeps some bytes of every event that an AFTER trigger was fired for, until the transaction ends.
CREATE FUNCTION in_use() RETURNS bigint LANGUAGE sql AS $$
SELECT sum(total_bytes) FROM pg_backend_memory_contexts WHERE name <> 'AfterTriggerEvents'
$$;
CREATE TABLE watched (rows int, bytes bigint);
CREATE SEQUENCE flushed;
CREATE FUNCTION watch() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    place bigint := nextval('counter_memory.flushed');
BEGIN
    IF place % 4000 = 1000 THEN INSERT INTO counter_memory.watched VALUES (place, counter_memory.in_use()); END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER watch AFTER UPDATE ON run FOR EACH ROW EXECUTE FUNCTION watch();
INSERT INTO result SELECT id, 1 FROM run;
SELECT count(*), (max(bytes) - min(bytes)) / (max(rows) - min(rows)) > 16 AS leaks FROM watched;
-- and so where rows are at several depths of a tree, but for the rows of a depth themselves
CREATE TABLE node (id int PRIMARY KEY, up int REFERENCES node, below int NOT NULL DEFAULT 0);
SELECT ratchet.tally('node', 'node', '{"below": "sum(below + 1)"}');
INSERT INTO node SELECT i, NULLIF(i / 2, 0) FROM generate_series(1, 20000) i;
CREATE TRIGGER watch AFTER UPDATE ON node FOR EACH ROW EXECUTE FUNCTION watch();
TRUNCATE watched;
SELECT setval('flushed', 1, false);
INSERT INTO node SELECT 100000 + i, i FROM generate_series(10001, 20000) i;
SELECT count(*), (max(bytes) - min(bytes)) / (max(rows) - min(rows)) > 200 AS leaks FROM watched;
SELECT below FROM node WHERE id = 1;
SELECT * FROM ratchet.verify();
DROP SCHEMA counter_memory CASCADE;
