--
-- delete => 'reject': a row that is closed or in a terminal state stays, whoever deletes it and however.
--
\set SHOW_CONTEXT never
SET client_min_messages = warning;
\pset format unaligned
\pset tuples_only on
CREATE SCHEMA guarded_delete;
SET search_path = guarded_delete, test_setup;

--
-- Declaring
--
CREATE TABLE card (id int PRIMARY KEY, submitted_at timestamptz, who text, status text DEFAULT 'open', note text);
SELECT attempt($$SELECT ratchet.guard('card', once => '{note}', delete => 'reject')$$);
SELECT attempt($$SELECT ratchet.guard('card', 'submitted_at', delete => 'keep')$$);
SELECT ratchet.guard('card', 'submitted_at', delete => 'allow');
SELECT ratchet.guard('card', 'submitted_at', delete => NULL);
SELECT ratchet.guard('card', 'submitted_at', delete => 'reject');
SELECT ratchet.guard('card', 'submitted_at', delete => 'reject');
SELECT insert, delete FROM ratchet.contract;
SELECT policy, rule FROM ratchet.describe('card') WHERE policy = 'delete';
SELECT tgname, pg_get_triggerdef(oid) FROM pg_trigger WHERE tgrelid = 'card'::regclass ORDER BY 1;
SELECT attempt($$SELECT ratchet.guard('card', 'submitted_at')$$);
SELECT ratchet.guard('card', 'submitted_at', replace => true);
SELECT tgname FROM pg_trigger WHERE tgrelid = 'card'::regclass ORDER BY 1;
SELECT ratchet.guard('card', 'submitted_at', actor => 'who', states => '{"status": {"open": ["done"], "done": []}}', delete => 'reject', insert => 'reject');
SELECT rule FROM ratchet.describe('card') WHERE policy = 'delete';

--
-- Every way to delete
--
INSERT INTO card SELECT generate_series(1, 9);
SELECT outcome FROM ratchet.submit('card', 1, 'ann');
SELECT outcome FROM ratchet.advance('card', 2, 'done');
SELECT attempt('DELETE FROM card WHERE id = 1');
SELECT attempt('DELETE FROM card WHERE id = 2');
SELECT attempt('DELETE FROM card');
SELECT attempt('DELETE FROM card USING (VALUES (1)) v (id) WHERE card.id = v.id');
SELECT attempt('MERGE INTO card c USING (VALUES (1)) v (id) ON c.id = v.id WHEN MATCHED THEN DELETE');
SELECT attempt('WITH gone AS (DELETE FROM card WHERE id IN (1, 3) RETURNING *) SELECT * FROM gone');
SELECT attempt('TRUNCATE card');
BEGIN;
DECLARE c CURSOR FOR SELECT * FROM card WHERE id = 1;
FETCH c \g /dev/null
SELECT attempt('DELETE FROM card WHERE CURRENT OF c');
COMMIT;
DELETE FROM card WHERE id = 3;
-- what this transaction closes itself; what it opens again
BEGIN;
SELECT outcome FROM ratchet.submit('card', 4, 'bob');
SELECT attempt('DELETE FROM card WHERE id = 4');
SELECT outcome FROM ratchet.amend('card', 4, '{"submitted_at": null}', 'dba', 'test');
DELETE FROM card WHERE id = 4;
COMMIT;
SELECT id FROM card ORDER BY id;
-- cascades, and TRUNCATE that another table leads to
CREATE TABLE owner (id int PRIMARY KEY);
INSERT INTO owner VALUES (1), (2), (5);
ALTER TABLE card ADD CONSTRAINT owned FOREIGN KEY (id) REFERENCES owner ON DELETE CASCADE NOT VALID;
SELECT attempt('DELETE FROM owner WHERE id = 1');
SELECT attempt('DELETE FROM owner');
DELETE FROM owner WHERE id = 5;
SELECT attempt('TRUNCATE owner CASCADE');
SELECT id FROM card ORDER BY id;
ALTER TABLE card DROP CONSTRAINT owned;
-- suspended
BEGIN;
CALL ratchet.suspend('card', 'test');
DELETE FROM card WHERE id = 1;
SELECT count(*) FROM card;
SAVEPOINT s;
TRUNCATE card;
ROLLBACK TO s;
ROLLBACK;
BEGIN;
SAVEPOINT s;
CALL ratchet.suspend('card', 'test');
ROLLBACK TO s;
SELECT attempt('TRUNCATE card');
ROLLBACK;
-- an open row may go, and one with its key come back
DELETE FROM card WHERE id = 6;
INSERT INTO card VALUES (6);
-- a disabled guard enforces nothing; health() says so, and guard() repairs it
ALTER TABLE card DISABLE TRIGGER "~ratchet_guard";
BEGIN;
DELETE FROM card WHERE id = 1;
ROLLBACK;
ALTER TABLE card ENABLE TRIGGER "~ratchet_guard";
ALTER TABLE card DISABLE TRIGGER "~ratchet_guard_delete", DISABLE TRIGGER "~ratchet_guard_truncate";
SELECT severity, finding, remedy FROM ratchet.health();
SELECT ratchet.guard('card', 'submitted_at', actor => 'who', states => '{"status": {"open": ["done"], "done": []}}', delete => 'reject', insert => 'reject');
DROP TRIGGER "~ratchet_guard_truncate" ON card;
SELECT severity, finding FROM ratchet.health();
SELECT ratchet.guard('card', 'submitted_at', actor => 'who', states => '{"status": {"open": ["done"], "done": []}}', delete => 'reject', insert => 'reject');
SELECT severity, finding FROM ratchet.health();
SELECT attempt('TRUNCATE card');
-- what is left without the contract
DROP TRIGGER "~ratchet_guard" ON card;
SELECT severity, finding, remedy FROM ratchet.health() ORDER BY 2;
DELETE FROM card WHERE id = 1;
SELECT ratchet.unguard('card'), ratchet.unguard('card');
SELECT tgname FROM pg_trigger WHERE tgrelid = 'card'::regclass;
TRUNCATE card;
-- attached by hand, called by hand
SELECT attempt('CREATE TRIGGER mine BEFORE DELETE ON card FOR EACH ROW EXECUTE FUNCTION ratchet.guard_delete()');
SELECT attempt('CREATE TRIGGER "~ratchet_guard_delete" AFTER DELETE ON card FOR EACH ROW EXECUTE FUNCTION ratchet.guard_delete()');
SELECT attempt('CREATE TRIGGER "~ratchet_guard_delete" BEFORE DELETE ON card FOR EACH ROW WHEN (OLD.id > 1) EXECUTE FUNCTION ratchet.guard_delete()');
SELECT attempt('CREATE TRIGGER "~ratchet_guard_truncate" AFTER TRUNCATE ON card EXECUTE FUNCTION ratchet.guard_truncate()');
SELECT attempt('CREATE TRIGGER "~ratchet_guard_truncate" BEFORE TRUNCATE ON card EXECUTE FUNCTION ratchet.count_truncate()');
SELECT attempt('SELECT ratchet.guard_delete()');
CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN OLD; END';
SELECT attempt('CREATE TRIGGER "~ratchet_guard_delete" BEFORE DELETE ON card FOR EACH ROW EXECUTE FUNCTION nothing()');
SELECT attempt('CREATE TRIGGER "~ratchet_guard_truncate" BEFORE TRUNCATE ON card EXECUTE FUNCTION nothing()');
DROP TABLE card, owner;

--
-- Partitions: deleted nowhere, moved everywhere
--
CREATE TABLE form (id int, part text, at timestamptz, note text, PRIMARY KEY (id, part)) PARTITION BY LIST (part);
CREATE TABLE form_a PARTITION OF form FOR VALUES IN ('a');
CREATE TABLE form_b (gone int, note text, at timestamptz, part text NOT NULL, id int NOT NULL);
ALTER TABLE form_b DROP gone;
CREATE TABLE form_c PARTITION OF form FOR VALUES IN ('c', 'd') PARTITION BY LIST (part);
CREATE TABLE form_cc PARTITION OF form_c FOR VALUES IN ('c');
SELECT ratchet.guard('form', 'at', delete => 'reject');
ALTER TABLE form ATTACH PARTITION form_b FOR VALUES IN ('b');
CREATE TABLE form_cd PARTITION OF form_c FOR VALUES IN ('d');
CREATE VIEW truncates AS SELECT tgrelid::regclass, tgname FROM pg_trigger WHERE tgname LIKE '%guard_truncate' ORDER BY tgrelid::regclass::text;
SELECT * FROM truncates;
SELECT ratchet.guard('form', 'at', delete => 'reject');
SELECT * FROM ratchet.health();
INSERT INTO form SELECT i, p, CASE WHEN i < 3 THEN now() END FROM generate_series(1, 4) i, unnest('{a,b,c}'::text[]) p;
SELECT attempt('DELETE FROM form WHERE id = 1'), attempt('DELETE FROM form_b WHERE id = 1'), attempt('DELETE FROM form_cc');
SELECT attempt('TRUNCATE form'), attempt('TRUNCATE form_a'), attempt('TRUNCATE form_b'), attempt('TRUNCATE form_c'), attempt('TRUNCATE form_cc');
-- up and down, several at once, on plans of any shape
UPDATE form SET part = CASE part WHEN 'a' THEN 'b' WHEN 'b' THEN 'c' ELSE 'a' END, id = id + 10 WHERE id IN (1, 3);
UPDATE form_c SET part = 'd' WHERE id = 2;
MERGE INTO form f USING (VALUES (2, 'a')) s (id, part) ON f.id = s.id AND f.part = s.part WHEN MATCHED THEN UPDATE SET part = 'c', id = 22;
SELECT outcome FROM ratchet.update('form', '{"id": 2, "part": "d"}', '{"part": "a"}');
SELECT outcome FROM ratchet.amend('form', '{"id": 2, "part": "a"}', '{"part": "c"}', 'dba', 'test');
SELECT tableoid::regclass, id, at IS NOT NULL FROM form ORDER BY 1, 2;
BEGIN;
CALL ratchet.suspend('form', 'test');
UPDATE form SET part = 'd' WHERE id = 2 AND part = 'c';
DELETE FROM form_cd;
TRUNCATE form_a;
SELECT count(*) FROM form;
ROLLBACK;
-- a move that does not take place is no pass for a DELETE, neither in the same statement nor later
CREATE FUNCTION skip() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('test.skip', true) = 'on' THEN RETURN NULL; END IF;
    RETURN OLD;
END $$;
CREATE TRIGGER skip BEFORE DELETE ON form_b FOR EACH ROW EXECUTE FUNCTION skip();
SET test.skip = on;
BEGIN;
UPDATE form SET part = 'a' WHERE id = 2 AND part = 'b';
SET LOCAL test.skip = off;
SELECT tableoid::regclass, id FROM form WHERE id = 2 AND part = 'b';
SELECT attempt('DELETE FROM form WHERE id = 2 AND part = ''b''');
ROLLBACK;
-- MERGE comes to a row twice: to move it, which is suppressed, then to delete it
CREATE OR REPLACE FUNCTION skip() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('test.skip', CASE current_setting('test.skip') WHEN 'on' THEN 'off' ELSE 'on' END, false);
    IF current_setting('test.skip') = 'off' THEN RETURN NULL; END IF;
    RETURN OLD;
END $$;
PREPARE twice AS MERGE INTO form f USING (VALUES (2, 'b', 1), (2, 'b', 2)) s (id, part, n) ON f.id = s.id AND f.part = s.part AND n <= $1
WHEN MATCHED AND s.n = 1 AND current_setting('test.skip') = 'on' THEN UPDATE SET part = 'a' WHEN MATCHED THEN DELETE;
SELECT attempt('EXECUTE twice (2)');
SET test.skip = on;
BEGIN;
EXECUTE twice (1);
SELECT attempt('EXECUTE twice (1)');
ROLLBACK;
SELECT tableoid::regclass, id FROM form WHERE id = 2 AND part = 'b';
CREATE OR REPLACE FUNCTION skip() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN OLD; END';
BEGIN;
SAVEPOINT s;
SELECT attempt('UPDATE form SET part = ''none'' WHERE id = 2 AND part = ''b''');
UPDATE form SET part = 'none' WHERE id = 2 AND part = 'b';
ROLLBACK TO s;
SELECT attempt('DELETE FROM form WHERE id = 2 AND part = ''b''');
ROLLBACK;
CREATE OR REPLACE FUNCTION skip() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF pg_trigger_depth() > 1 THEN RETURN OLD; END IF;
    RAISE WARNING '%', split_part(attempt(format('DELETE FROM form WHERE id = %s AND part = %L', OLD.id, OLD.part)), E'\n', 1);
    RETURN OLD;
END $$;
UPDATE form SET part = 'a' WHERE id = 2 AND part = 'b';
SELECT tableoid::regclass, id FROM form WHERE id = 2 ORDER BY 1;
-- a partition that comes and goes
DROP TRIGGER skip ON form_b;
ALTER TABLE form DETACH PARTITION form_b;
SELECT * FROM truncates;
TRUNCATE form_b;
ALTER TABLE form ATTACH PARTITION form_b FOR VALUES IN ('b');
SELECT * FROM truncates;
ALTER TABLE form DETACH PARTITION form_c;
SELECT * FROM truncates;
DELETE FROM form_c;
ALTER TABLE form ATTACH PARTITION form_c FOR VALUES IN ('c', 'd');
CREATE SCHEMA more CREATE TABLE form_e PARTITION OF guarded_delete.form FOR VALUES IN ('e');
SELECT * FROM truncates;
SELECT * FROM ratchet.health();
ALTER TABLE form_a DISABLE TRIGGER "~ratchet_guard_delete";
DROP TRIGGER "~ratchet_guard_truncate" ON form_cd;
SELECT finding FROM ratchet.health() ORDER BY 1;
SELECT ratchet.guard('form', 'at', delete => 'reject');
SELECT * FROM ratchet.health();
SELECT ratchet.guard('form', 'at', replace => true);
SELECT * FROM truncates;
SELECT ratchet.guard('form', 'at', delete => 'reject');
SELECT ratchet.unguard('form');
SELECT * FROM truncates;
DELETE FROM form;
DROP SCHEMA more CASCADE;

--
-- Beside a tally, on either side
--
CREATE TABLE run (id int PRIMARY KEY, n int DEFAULT 0, at timestamptz);
CREATE TABLE result (id int PRIMARY KEY, run int REFERENCES run ON DELETE CASCADE, sealed boolean DEFAULT false);
SELECT ratchet.tally('result', 'run', '{"n": "true"}');
SELECT ratchet.guard('run', 'at', delete => 'reject'), ratchet.guard('result', 'sealed', delete => 'reject');
INSERT INTO run (id) VALUES (1), (2);
INSERT INTO result VALUES (1, 1), (2, 1), (3, 2);
SELECT outcome FROM ratchet.submit('result', 1);
SELECT attempt('DELETE FROM run WHERE id = 1'), attempt('TRUNCATE result'), attempt('TRUNCATE run CASCADE');
DELETE FROM result WHERE id = 2;
DELETE FROM run WHERE id = 2;
SELECT id, n FROM run;
SELECT * FROM ratchet.verify('run');
BEGIN;
CALL ratchet.suspend('result', 'test');
TRUNCATE result;
SELECT id, n FROM run;
ROLLBACK;

SET client_min_messages = error;
DROP SCHEMA guarded_delete CASCADE;
