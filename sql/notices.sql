--
-- Every refusal is seen: one NOTICE a statement and table, SQLSTATE 01R01.
--
\set SHOW_CONTEXT never
\pset format unaligned
\pset tuples_only on
SET client_min_messages = warning;
CREATE SCHEMA notices;
SET search_path = notices, test_setup;
CREATE TABLE card (id int PRIMARY KEY, note text, submitted_at timestamptz, submitted_by text, score int);
CREATE TABLE form (id int PRIMARY KEY, note text, done boolean, answer text);
CREATE TABLE tree (id int, region text, note text, submitted_at timestamptz, PRIMARY KEY (id, region)) PARTITION BY LIST (region);
CREATE TABLE tree_a PARTITION OF tree FOR VALUES IN ('a');
CREATE TABLE tree_b (gone int, submitted_at timestamptz, note text, region text, id int, PRIMARY KEY (id, region));
ALTER TABLE tree_b DROP COLUMN gone;
ALTER TABLE tree ATTACH PARTITION tree_b FOR VALUES IN ('b');
SELECT ratchet.guard('card', 'submitted_at', actor => 'submitted_by', owned => '{score}'), ratchet.guard('form', 'done', owned => '{answer}'),
       ratchet.guard('tree', 'submitted_at');
INSERT INTO card SELECT i, 'start', '2026-01-01', 'ann', i FROM generate_series(1, 5) i;
INSERT INTO card SELECT i, 'start', NULL, NULL, NULL FROM generate_series(6, 7) i;
INSERT INTO form SELECT i, 'start', true, 'a' FROM generate_series(1, 3) i;
INSERT INTO tree SELECT i, CASE WHEN i % 2 = 0 THEN 'a' ELSE 'b' END, 'start', '2026-01-01' FROM generate_series(1, 5) i;
RESET client_min_messages;

-- its SQLSTATE
\set VERBOSITY sqlstate
UPDATE card SET submitted_at = NULL WHERE id = 1;
\set VERBOSITY default
-- several rows, several columns: the columns that were kept in any of them, the rows in which any was
UPDATE card SET submitted_at = NULL, note = 'x' WHERE id <= 3;
UPDATE card SET submitted_at = NULL, submitted_by = NULL, score = 0;
UPDATE card SET score = 9 WHERE id IN (1, 6);
UPDATE card SET score = 1 WHERE id = 1;
-- nothing kept, nothing said
UPDATE card SET note = 'y';
UPDATE card SET score = score, submitted_at = submitted_at;
UPDATE card SET submitted_at = NULL WHERE id = 99;
UPDATE card SET note = 'closed', submitted_at = '2026-02-02', score = 7 WHERE id = 7;
-- several tables in one statement
WITH a AS (UPDATE card SET score = 0 WHERE id <= 2 RETURNING id), b AS (UPDATE form SET answer = 'b', done = false RETURNING id)
SELECT (SELECT count(*) FROM a), (SELECT count(*) FROM b);
-- one table twice in one statement
WITH a AS (UPDATE card SET score = 0 WHERE id = 1 RETURNING id), b AS (UPDATE card SET submitted_at = NULL WHERE id = 2 RETURNING id)
SELECT (SELECT count(*) FROM a), (SELECT count(*) FROM b);
-- leaves are their table, also when rows move between them
UPDATE tree SET submitted_at = NULL;
UPDATE tree SET submitted_at = NULL, region = CASE region WHEN 'a' THEN 'b' ELSE 'a' END;
UPDATE tree_b SET submitted_at = NULL;
-- other statements
INSERT INTO card (id, score) VALUES (1, 9), (2, 9) ON CONFLICT (id) DO UPDATE SET score = excluded.score;
MERGE INTO card USING (VALUES (1), (2), (3)) v (id) ON card.id = v.id WHEN MATCHED THEN UPDATE SET score = 0;
PREPARE p AS UPDATE card SET score = $1 WHERE id = 1;
EXECUTE p (0);
EXECUTE p (0);
DO $$ BEGIN EXECUTE 'EXPLAIN (ANALYZE) UPDATE card SET score = 0 WHERE id = 1'; END $$;
BEGIN;
DECLARE c CURSOR FOR SELECT * FROM card WHERE id <= 2 ORDER BY id FOR UPDATE;
FETCH c;
UPDATE card SET score = 0 WHERE CURRENT OF c;
FETCH c;
UPDATE card SET score = 0 WHERE CURRENT OF c;
COMMIT;
-- each statement of a function is one
DO $$ BEGIN
    UPDATE card SET score = 0 WHERE id = 1;
    UPDATE card SET score = 0 WHERE id <= 2;
    FOR i IN 1..2 LOOP UPDATE form SET done = false WHERE id = i; END LOOP;
END $$;
CREATE FUNCTION sql_body() RETURNS void LANGUAGE sql BEGIN ATOMIC
    UPDATE card SET score = 0 WHERE id = 1;
    UPDATE form SET answer = 'c';
END;
SELECT sql_body();
-- a trigger's statement is its own, inside the statement that fires it
CREATE FUNCTION beside() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE card SET score = 0 WHERE id IN (1, 2, 3) AND id <> NEW.id;
    RETURN NULL;
END $$;
CREATE TRIGGER beside AFTER UPDATE ON form FOR EACH ROW EXECUTE FUNCTION beside();
UPDATE form SET answer = 'd' WHERE id <= 2;
CREATE TRIGGER beside_itself AFTER UPDATE ON card FOR EACH ROW WHEN (NEW.note = 'nested') EXECUTE FUNCTION beside();
UPDATE card SET score = 0, note = 'nested' WHERE id = 1;
DROP TRIGGER beside_itself ON card;
DROP TRIGGER beside ON form;
-- the verbs: update() answers it and is an UPDATE as any other; submit() and amend() keep nothing
SELECT outcome, kept FROM ratchet.update('card', 1, '{"score": 0, "note": "z"}');
SELECT outcome, kept FROM ratchet.update('card', 1, '{"score": 0}');
SELECT outcome FROM ratchet.submit('card', 1);
SELECT outcome FROM ratchet.submit('card', 6, actor => 'bob', patch => '{"score": 6}');
SELECT outcome FROM ratchet.amend('card', 6, '{"score": 7}', 'dba', 'x');

--
-- Nothing is left over after what did not happen
--
SELECT attempt('UPDATE card SET score = 1 / (id - 3)');
UPDATE form SET answer = 'e' WHERE id = 1;
BEGIN;
SAVEPOINT s;
UPDATE card SET score = 0 / 0;
ROLLBACK TO s;
UPDATE card SET note = 'n' WHERE id = 1;
SAVEPOINT s;
UPDATE card SET score = CASE WHEN id < 5 THEN 0 ELSE 1 / (id - 5) END;
ROLLBACK TO s;
UPDATE form SET answer = 'e' WHERE id = 1;
RELEASE s;
COMMIT;
UPDATE card SET score = CASE WHEN id < 5 THEN 0 ELSE 1 / (id - 5) END;
UPDATE card SET note = 'n' WHERE id = 1;
DO $$ BEGIN
    BEGIN
        UPDATE card SET score = CASE WHEN id < 5 THEN 0 ELSE 1 / (id - 5) END;
    EXCEPTION WHEN division_by_zero THEN NULL;
    END;
    UPDATE form SET note = 'quiet';
    UPDATE card SET score = 0 WHERE id = 1;
END $$;
-- a statement inside an aborted subtransaction of a statement that goes on
CREATE FUNCTION fails_inside(int) RETURNS int LANGUAGE plpgsql AS $$
BEGIN
    UPDATE form SET answer = 'f' WHERE id = $1;
    UPDATE form SET answer = (1 / 0)::text WHERE id = $1;
    RETURN $1;
EXCEPTION WHEN division_by_zero THEN RETURN $1;
END $$;
UPDATE card SET score = fails_inside(id) WHERE id IN (1, 2);
-- what was said stays said when the transaction rolls back
BEGIN;
UPDATE card SET score = 0 WHERE id = 1;
ROLLBACK;
-- a table that goes away with the statement's transaction
BEGIN;
CREATE TABLE gone (id int PRIMARY KEY, submitted_at timestamptz);
SELECT ratchet.guard('gone', 'submitted_at');
INSERT INTO gone VALUES (1, '2026-01-01');
UPDATE gone SET submitted_at = NULL;
DROP TABLE gone;
UPDATE card SET score = 0 WHERE id = 1;
COMMIT;
-- a referential action keeps nothing, so nothing is said
CREATE TABLE users (name text PRIMARY KEY);
INSERT INTO users VALUES ('ann'), ('bob');
UPDATE card SET submitted_at = submitted_at WHERE submitted_by IS NULL;
DELETE FROM card WHERE submitted_by IS NULL;
ALTER TABLE card ADD FOREIGN KEY (submitted_by) REFERENCES users ON DELETE SET NULL;
DELETE FROM users WHERE name = 'ann';
SELECT id, submitted_by FROM card ORDER BY id;

--
-- Modes
--
SET client_min_messages = warning;
SELECT ratchet.guard('card', 'submitted_at', actor => 'submitted_by', owned => '{score}', mode => 'reject');
RESET client_min_messages;
UPDATE card SET score = 0;
SET client_min_messages = warning;
SELECT ratchet.guard('card', 'submitted_at', actor => 'submitted_by', owned => '{score}', mode => 'observe', replace => true),
       ratchet.guard('tree', 'submitted_at', mode => 'observe', replace => true);
RESET client_min_messages;
-- observe says it to the log
UPDATE card SET score = 10 WHERE id <= 2;
SET client_min_messages = log;
\set VERBOSITY sqlstate
UPDATE card SET score = 11 WHERE id = 1;
\set VERBOSITY default
UPDATE card SET score = 12, submitted_at = NULL WHERE id <= 2;
UPDATE tree SET submitted_at = NULL;
WITH a AS (UPDATE card SET score = 0 WHERE id IN (3, 4) RETURNING id), b AS (UPDATE form SET answer = 'g', done = false RETURNING id)
SELECT (SELECT count(*) FROM a), (SELECT count(*) FROM b);
SELECT outcome, kept FROM ratchet.update('card', 3, '{"score": 9}');
RESET client_min_messages;

--
-- The switch
--
SHOW ratchet.kept_notice;
SET ratchet.kept_notice = off;
UPDATE form SET answer = 'h';
SELECT outcome, kept FROM ratchet.update('form', 1, '{"answer": "i"}');
SET client_min_messages = log;
UPDATE card SET score = 13 WHERE id = 3;
RESET client_min_messages;
BEGIN;
SET LOCAL ratchet.kept_notice = on;
UPDATE form SET answer = 'j' WHERE id = 1;
COMMIT;
UPDATE form SET answer = 'j' WHERE id = 1;
SET ratchet.kept_notice = 'sometimes';
RESET ratchet.kept_notice;
UPDATE form SET answer = 'j' WHERE id = 1;
SET client_min_messages = warning;
UPDATE form SET answer = 'j' WHERE id = 1;
SELECT answer FROM form ORDER BY id;

DROP SCHEMA notices CASCADE;
