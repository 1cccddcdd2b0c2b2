--
-- A table that Citus distributes, told by Citus's own list of its tables: a
-- call by its name can never work, so it must not answer an error that is
-- retried. A stand-in for the list does.
--
\set SHOW_CONTEXT never
SET client_min_messages = warning;
\pset format unaligned
\pset tuples_only on
CREATE SCHEMA spread;
SET search_path = spread, test_setup;
CREATE TABLE card (id int PRIMARY KEY, n int DEFAULT 0, status text, beat timestamptz, at timestamptz);
CREATE TABLE note (id int PRIMARY KEY, card int REFERENCES card);
CREATE TABLE elsewhere (id int PRIMARY KEY, at timestamptz);
INSERT INTO card VALUES (1, DEFAULT, 'new');
INSERT INTO elsewhere VALUES (1);
SELECT ratchet.guard('card', 'at', states => '{"status": {"new": ["done"], "done": []}}', heartbeat => 'beat');
SELECT ratchet.guard('elsewhere', 'at'), ratchet.tally('note', 'card', '{"n": "true"}');
BEGIN;
SET LOCAL allow_system_table_mods = on;
CREATE TABLE pg_catalog.pg_dist_partition (logicalrelid regclass, partmethod "char");
INSERT INTO pg_catalog.pg_dist_partition VALUES ('card', 'h'), ('note', 'h');
SELECT answer($$SELECT outcome FROM ratchet.submit('card', 1)$$);
SELECT answer($$SELECT outcome FROM ratchet.update('card', 1, '{"n": 1}')$$);
SELECT answer($$SELECT outcome FROM ratchet.advance('card', 1, 'done')$$);
SELECT answer($$SELECT outcome FROM ratchet.beat('card', 1)$$);
SELECT answer($$SELECT outcome FROM ratchet.amend('card', 1, '{"n": 1}', 'me', 'test')$$);
SELECT answer($$SELECT outcome FROM ratchet.submit_batch('note', '[{"id": 1, "card": 1}]')$$);
SELECT answer($$SELECT outcome FROM ratchet.progress('card', 1)$$);
SELECT answer($$CALL ratchet.suspend('card', 'test')$$);
-- a record for a distributed table
SELECT answer($$SELECT outcome FROM ratchet.submit('elsewhere', 1, child => 'note', record => '{}')$$);
-- other tables are as they were
SELECT outcome FROM ratchet.submit('elsewhere', 1);
-- with the index that Citus has
ALTER TABLE pg_catalog.pg_dist_partition ADD CONSTRAINT pg_dist_partition_logical_relid_index UNIQUE (logicalrelid);
SELECT answer($$SELECT outcome FROM ratchet.update('card', 1, '{"n": 1}')$$);
SELECT outcome FROM ratchet.amend('elsewhere', 1, '{"at": null}', 'me', 'test');
COMMIT;
CALL ratchet.repair('card');
SET allow_system_table_mods = on;
DROP TABLE pg_catalog.pg_dist_partition;
RESET allow_system_table_mods;
SELECT outcome FROM ratchet.submit('card', 1);
DROP SCHEMA spread CASCADE;
