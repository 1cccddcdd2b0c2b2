--
-- Partitions of a counted table: those of CREATE SCHEMA, and unlogged ones
--
\set SHOW_CONTEXT never
SET client_min_messages = warning;
\pset format unaligned
\pset tuples_only on
CREATE SCHEMA partition_ddl;
SET search_path = partition_ddl, test_setup;
CREATE TABLE run (id int PRIMARY KEY, n int NOT NULL DEFAULT 0);
INSERT INTO run VALUES (1);
CREATE TABLE result (run int REFERENCES run, q int) PARTITION BY RANGE (q);
CREATE TABLE result_1 PARTITION OF result FOR VALUES FROM (0) TO (10);
SELECT ratchet.tally('result', 'run', '{"n": "true"}');

-- a partition that CREATE SCHEMA makes gets its TRUNCATE triggers too
CREATE SCHEMA of_partition_ddl
  CREATE TABLE result_2 PARTITION OF partition_ddl.result FOR VALUES FROM (10) TO (20)
  CREATE TABLE other (id int);
INSERT INTO result SELECT 1, q FROM generate_series(5, 14) q;
SELECT n FROM run;
TRUNCATE of_partition_ddl.result_2;
SELECT n FROM run;
SELECT * FROM ratchet.verify();
SELECT * FROM ratchet.health();

-- after a crash an unlogged partition is empty, and what was counted of it is not
SELECT attempt('ALTER TABLE result_1 SET UNLOGGED');
SELECT attempt('CREATE UNLOGGED TABLE result_3 PARTITION OF result FOR VALUES FROM (20) TO (30)');
CREATE UNLOGGED TABLE result_3 (run int, q int);
SELECT attempt('ALTER TABLE result ATTACH PARTITION result_3 FOR VALUES FROM (20) TO (30)');
SELECT ratchet.untally('result', 'run');
ALTER TABLE result ATTACH PARTITION result_3 FOR VALUES FROM (20) TO (30);
SELECT attempt($$SELECT ratchet.tally('result', 'run', '{"n": "true"}')$$);
ALTER TABLE result_3 SET LOGGED;
SELECT ratchet.tally('result', 'run', '{"n": "true"}');
-- one that became so unseen is reported
ALTER EVENT TRIGGER ratchet_ddl_end DISABLE;
ALTER TABLE result_3 SET UNLOGGED;
ALTER EVENT TRIGGER ratchet_ddl_end ENABLE;
SELECT * FROM ratchet.health();
ALTER TABLE result_3 SET LOGGED;
SELECT * FROM ratchet.health();

DROP SCHEMA of_partition_ddl, partition_ddl CASCADE;
