-- Completions of a guarded table are decided from what is stored, after the guard has had its say.
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS ratchet;
SET client_min_messages = notice;
CREATE SCHEMA completion_guard;
SET search_path = completion_guard, pg_catalog;

CREATE TABLE completed (run int, at timestamptz DEFAULT clock_timestamp());
CREATE FUNCTION note(int) RETURNS void LANGUAGE sql AS 'INSERT INTO completion_guard.completed VALUES ($1)';

-- One table for each way in which a guard may keep a total.
CREATE TABLE runs (id int PRIMARY KEY, total int, n int NOT NULL DEFAULT 0, is_done boolean NOT NULL DEFAULT false,
                   done_at timestamptz, name text, submitted_at timestamptz, version int);
CREATE TABLE results (id int PRIMARY KEY, run_id int REFERENCES runs);
SELECT ratchet.tally('results', 'runs', '{"n": "true"}', total => 'total', done => 'is_done', done_at => 'done_at',
                     on_done => 'note(int)');
CREATE FUNCTION start(total int) RETURNS void LANGUAGE sql AS $$
    TRUNCATE completion_guard.results;
    DELETE FROM completion_guard.runs;
    DELETE FROM completion_guard.completed;
    INSERT INTO completion_guard.runs (id, total, version) VALUES (1, total, 1);
    INSERT INTO completion_guard.results VALUES (1, 1), (2, 1);
    SELECT ratchet.flush();
$$;
CREATE FUNCTION state(OUT total int, OUT n int, OUT is_done boolean, OUT dated boolean, OUT name text, OUT calls bigint)
LANGUAGE sql AS $$
    SELECT total, n, is_done, done_at IS NOT NULL, name, (SELECT count(*) FROM completion_guard.completed)
    FROM completion_guard.runs
$$;

-- forward: a smaller total is kept out, and completes nothing
SELECT ratchet.guard('runs', forward => '{total}');
SELECT start(5);
UPDATE runs SET total = 2, name = 'smaller';
SELECT * FROM state();
UPDATE runs SET total = 2, is_done = true, done_at = now();
SELECT * FROM state();
SELECT * FROM ratchet.update('runs', 1, '{"total": 2}');
SELECT * FROM ratchet.update('runs', 1, '{"total": 2, "is_done": true, "name": "kept"}');
SELECT * FROM ratchet.update('runs', 1, '{"total": 2, "is_done": true}');
SELECT * FROM state();
-- conversely a complete run keeps its total, and so is still complete
SELECT start(2);
SELECT * FROM state();
UPDATE runs SET total = NULL, name = 'none';
SELECT * FROM state();
UPDATE runs SET total = 1;
SELECT * FROM state();
-- what the policy allows is decided
UPDATE runs SET total = 3, name = 'more';
SELECT * FROM state();
INSERT INTO results VALUES (3, 1);
SELECT * FROM state();

-- upsert, MERGE, UPDATE ... FROM, and the flush's own statement beside a trigger that changes the total
SELECT start(5);
INSERT INTO runs (id, total) VALUES (1, 2) ON CONFLICT (id) DO UPDATE SET total = EXCLUDED.total;
MERGE INTO runs r USING (VALUES (1, 1)) v (id, total) ON v.id = r.id WHEN MATCHED THEN UPDATE SET total = v.total;
UPDATE runs r SET total = v.total FROM (VALUES (1, 2)) v (id, total) WHERE v.id = r.id;
SELECT * FROM state();
CREATE FUNCTION shrink() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.total := 1; RETURN NEW; END';
CREATE TRIGGER shrink BEFORE UPDATE ON runs FOR EACH ROW EXECUTE FUNCTION shrink();
INSERT INTO results VALUES (3, 1);
SELECT * FROM state();
UPDATE runs SET name = 'touched';
SELECT * FROM state();
DROP TRIGGER shrink ON runs;
CALL ratchet.repair('runs');
SELECT * FROM state();
-- amend() and suspend() go through, and decide
SELECT * FROM ratchet.amend('runs', 1, '{"total": 2}', 'dba', 'test');
SELECT * FROM state();
SELECT start(5);
BEGIN;
CALL ratchet.suspend('runs', 'test');
UPDATE runs SET total = 2, n = 7;
COMMIT;
SELECT * FROM state();
SELECT ratchet.unguard('runs');

-- once
SELECT start(5);
SELECT ratchet.guard('runs', once => '{total}');
UPDATE runs SET total = 2;
SELECT * FROM state();
UPDATE runs SET total = NULL;
SELECT * FROM state();
SELECT ratchet.unguard('runs');

-- owned and frozen, with a gate
SELECT ratchet.guard('runs', gate => 'submitted_at', owned => '{total}');
SELECT start(5);
UPDATE runs SET total = 2;
SELECT * FROM state();
SELECT outcome FROM ratchet.submit('runs', 1, patch => '{"total": 2}');
SELECT * FROM state();
UPDATE runs SET total = NULL, submitted_at = NULL;
SELECT * FROM state();
SELECT ratchet.unguard('runs');
SELECT ratchet.guard('runs', gate => 'submitted_at', frozen => '{total}');
SELECT start(5);
UPDATE runs SET submitted_at = now(), total = 4;
UPDATE runs SET total = 2;
SELECT * FROM state();
SELECT ratchet.unguard('runs');

-- observe: what is told of is stored, and decided from
SELECT ratchet.guard('runs', forward => '{total}', mode => 'observe');
SELECT start(5);
UPDATE runs SET total = 2;
SELECT * FROM state();
SELECT ratchet.unguard('runs');

-- reject, and a stale version: nothing at all
SELECT ratchet.guard('runs', forward => '{total}', version => 'version', mode => 'reject');
SELECT start(5);
UPDATE runs SET total = 2;
UPDATE runs SET total = 6, version = 9;
SELECT * FROM state();
-- counts are no version, and a version is counted up beside what is kept
INSERT INTO results VALUES (3, 1), (4, 1), (5, 1);
SELECT total, n, is_done, version FROM runs;
UPDATE runs SET n = 9, is_done = false, name = 'stale';
SELECT total, n, is_done, version, name FROM runs;
SELECT * FROM ratchet.update('runs', 1, '{"is_done": false, "version": 2}');
SELECT total, n, is_done, version, name FROM runs;
SELECT ratchet.unguard('runs');

-- a guard that does not fire leaves everything to the counters
SELECT ratchet.guard('runs', forward => '{total}');
ALTER TABLE runs DISABLE TRIGGER "~ratchet_guard";
SELECT start(5);
UPDATE runs SET total = 2, n = 9;
SELECT * FROM state();
ALTER TABLE runs ENABLE TRIGGER "~ratchet_guard";
SELECT ratchet.unguard('runs');

-- a statement that is under way would not have the guard
CREATE FUNCTION declare() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM ratchet.guard('completion_guard.runs', forward => '{total}');
    RETURN NEW;
END $$;
CREATE TRIGGER declare BEFORE UPDATE ON runs FOR EACH ROW EXECUTE FUNCTION declare();
UPDATE runs SET n = 9;
DROP TRIGGER declare ON runs;

-- partitions
CREATE TABLE batches (id int PRIMARY KEY, total int, n int, is_done boolean) PARTITION BY RANGE (id);
CREATE TABLE batches_low PARTITION OF batches FOR VALUES FROM (0) TO (10);
CREATE TABLE parts (batch_id int REFERENCES batches);
SELECT ratchet.guard('batches', forward => '{total}');
SELECT ratchet.tally('parts', 'batches', '{"n": "true"}', total => 'total', done => 'is_done', on_done => 'note(int)');
DELETE FROM completed;
INSERT INTO batches VALUES (1, 5);
INSERT INTO parts VALUES (1), (1);
UPDATE batches SET total = 2;
UPDATE batches_low SET total = NULL;
SELECT b.*, (SELECT count(*) FROM completed) AS calls FROM batches b;
UPDATE batches SET total = 5, n = 4, is_done = true;
SELECT b.*, (SELECT count(*) FROM completed) AS calls FROM batches b;
INSERT INTO parts VALUES (1), (1), (1);
SELECT b.*, (SELECT count(*) FROM completed) AS calls FROM batches b;

-- a total that a foreign key's own action sets
CREATE TABLE sizes (size int PRIMARY KEY);
CREATE TABLE boxes (id int PRIMARY KEY, size int REFERENCES sizes ON DELETE SET NULL, n int, full_up boolean);
CREATE TABLE items (box_id int REFERENCES boxes);
SELECT ratchet.guard('boxes', once => '{size}');
SELECT ratchet.tally('items', 'boxes', '{"n": "true"}', total => 'size', done => 'full_up');
INSERT INTO sizes VALUES (2);
INSERT INTO boxes VALUES (1, 2);
INSERT INTO items VALUES (1), (1);
SELECT * FROM boxes;
DELETE FROM sizes;
SELECT * FROM boxes;

-- an open boolean gate may be NULL or false: that is no change of a guarded column
CREATE TABLE forms (id int PRIMARY KEY, sent boolean, sent_by text, note text);
SELECT ratchet.guard('forms', gate => 'sent', actor => 'sent_by', mode => 'reject');
INSERT INTO forms VALUES (1);
UPDATE forms SET sent = false, note = 'saved';
SELECT * FROM ratchet.update('forms', 1, '{"sent": null, "note": "again"}');
SELECT * FROM forms;
UPDATE forms SET sent_by = 'me', sent = NULL;
SELECT outcome FROM ratchet.submit('forms', 1, 'me');
UPDATE forms SET sent = false;
UPDATE forms SET sent = NULL;

SET client_min_messages = warning;
DROP SCHEMA completion_guard CASCADE;
