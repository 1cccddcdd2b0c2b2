--
-- version_ignores: a write that changes only these columns is no new version, and makes no open form stale.
--
\set SHOW_CONTEXT never
SET client_min_messages = warning;
\pset format unaligned
\pset tuples_only on
CREATE SCHEMA version_ignores;
SET search_path = version_ignores, test_setup;
CREATE TABLE doc (id int PRIMARY KEY, gone int, title text DEFAULT 'title', views int DEFAULT 0, seen_at timestamptz, alive_at timestamptz, kept text, v int DEFAULT 1, data json,
                  twice int GENERATED ALWAYS AS (views * 2) STORED, upper text GENERATED ALWAYS AS (upper(title)) STORED);
ALTER TABLE doc DROP gone;

--
-- Declaring
--
SELECT attempt($$SELECT ratchet.guard('doc', forward => '{views}', version_ignores => '{views}')$$);
SELECT attempt($$SELECT ratchet.guard('doc', version => 'v', version_ignores => '{v}')$$);
SELECT attempt($$SELECT ratchet.guard('doc', version => 'v', version_ignores => '{views,views}')$$);
SELECT attempt($$SELECT ratchet.guard('doc', version => 'v', version_ignores => '{nothing}')$$);
SELECT attempt($$SELECT ratchet.guard('doc', version => 'v', version_ignores => '{NULL}')$$);
SELECT ratchet.guard('doc', version => 'v', forward => '{views}', heartbeat => 'alive_at', once => '{kept}', version_ignores => '{views,seen_at}');
SELECT ratchet.guard('doc', version => 'v', forward => '{views}', heartbeat => 'alive_at', once => '{kept}', version_ignores => '{views,seen_at}');
SELECT version, version_ignores FROM ratchet.contract;
SELECT rule FROM ratchet.describe('doc') WHERE policy = 'version';
-- to ignore more is to protect less
SELECT attempt($$SELECT ratchet.guard('doc', version => 'v', forward => '{views}', heartbeat => 'alive_at', once => '{kept}', version_ignores => '{views,seen_at,title}')$$);
SELECT ratchet.guard('doc', version => 'v', forward => '{views}', heartbeat => 'alive_at', once => '{kept}');
SELECT attempt($$SELECT ratchet.guard('doc', version => 'v', forward => '{views}', heartbeat => 'alive_at', once => '{kept}', version_ignores => '{views}')$$);
SELECT ratchet.guard('doc', version => 'v', forward => '{views}', heartbeat => 'alive_at', once => '{kept}', version_ignores => '{views,seen_at}', replace => true);
ALTER TABLE doc RENAME seen_at TO looked_at;
SELECT version_ignores FROM ratchet.contract;
SELECT attempt('ALTER TABLE doc DROP looked_at');
ALTER TABLE doc RENAME looked_at TO seen_at;

--
-- What counts
--
INSERT INTO doc (id) SELECT generate_series(1, 5);
CREATE FUNCTION doc(wanted int) RETURNS text LANGUAGE sql AS $$ SELECT concat_ws(' ', title, views, CASE WHEN seen_at IS NOT NULL THEN 'seen' END, kept, 'v' || v) FROM doc WHERE id = wanted $$;
UPDATE doc SET views = views + 1, seen_at = now() WHERE id = 1;
SELECT doc(1);
UPDATE doc SET views = views, title = title WHERE id = 1;
SELECT doc(1);
UPDATE doc SET views = views + 1, title = 'new' WHERE id = 1;
SELECT doc(1);
-- what a policy keeps is no change either: the row as it is stored counts
UPDATE doc SET kept = 'first' WHERE id = 1;
UPDATE doc SET kept = 'second', views = 9 WHERE id = 1;
SELECT doc(1);
-- an open form saves over any number of touches, and not over an edit
UPDATE doc SET title = 'form', views = 9, v = 3 WHERE id = 1;
SELECT attempt($$UPDATE doc SET title = 'stale', v = 3 WHERE id = 1$$);
-- a touch that brings an old version is stale as any write; one that has counted goes by its number
SELECT attempt($$UPDATE doc SET views = 10, v = 3 WHERE id = 1$$);
UPDATE doc SET views = 10, v = 5 WHERE id = 1;
SELECT doc(1);
-- a row that has none yet gets one with its first change that counts
INSERT INTO doc (id, v) VALUES (6, NULL);
UPDATE doc SET views = 1 WHERE id = 6;
SELECT doc(6);
UPDATE doc SET title = 'first' WHERE id = 6;
SELECT doc(6);
SELECT attempt($$UPDATE doc SET v = NULL WHERE id = 2$$);
SELECT doc(2);
-- types without an equality operator
UPDATE doc SET data = '{"a": 1}' WHERE id = 2;
UPDATE doc SET data = '{"a": 1}', views = 1 WHERE id = 2;
SELECT doc(2);

--
-- The verbs; a beat's own heartbeat is ignored, another writer's is not
--
SELECT outcome FROM ratchet.update('doc', 3, '{"views": 4}');
SELECT outcome FROM ratchet.beat('doc', 3);
SELECT outcome FROM ratchet.beat('doc', 3, '{"views": 5}');
SELECT doc(3);
SELECT outcome FROM ratchet.beat('doc', 3, '{"title": "beat"}');
SELECT doc(3);
UPDATE doc SET alive_at = 'infinity' WHERE id = 3;
SELECT doc(3);
SELECT outcome FROM ratchet.amend('doc', 3, '{"views": 1}', 'dba', 'test');
SELECT doc(3);

--
-- Another trigger's change counts unless it is ignored too; mode keep
--
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.data := to_json(now()); RETURN NEW; END $$;
CREATE TRIGGER touch BEFORE UPDATE ON doc FOR EACH ROW EXECUTE FUNCTION touch();
UPDATE doc SET views = 8 WHERE id = 4;
SELECT doc(4);
SELECT ratchet.guard('doc', version => 'v', version_ignores => '{views,data}', mode => 'keep', replace => true);
UPDATE doc SET views = 9 WHERE id = 4;
SELECT doc(4);
UPDATE doc SET views = 10, v = 1 WHERE id = 4;
SELECT doc(4);
DROP TABLE doc;

--
-- Partitions of any shape, also a row that moves
--
CREATE TABLE part (id int, leaf text, views int, v bigint DEFAULT 1, PRIMARY KEY (id, leaf)) PARTITION BY LIST (leaf);
CREATE TABLE part_a PARTITION OF part FOR VALUES IN ('a');
CREATE TABLE part_b (gone int, v bigint, views int, leaf text NOT NULL, id int NOT NULL);
ALTER TABLE part_b DROP gone;
ALTER TABLE part ATTACH PARTITION part_b FOR VALUES IN ('b');
SELECT ratchet.guard('part', version => 'v', version_ignores => '{views,leaf}');
INSERT INTO part VALUES (1, 'a', 0, 1), (2, 'b', 0, 1);
UPDATE part SET views = views + 1;
UPDATE part SET leaf = 'b' WHERE id = 1;
UPDATE part SET id = 3 WHERE id = 2;
SELECT tableoid::regclass, * FROM part ORDER BY id;

SET client_min_messages = error;
DROP SCHEMA version_ignores CASCADE;
