-- Test suites that roll back every test, and fixtures that are loaded with triggers disabled: what docs/guide/tests.md says.
CREATE TABLE runs (id int PRIMARY KEY, total int, n int, done boolean);
CREATE TABLE results (run_id int REFERENCES runs);
CREATE TABLE calls (run_id int);
CREATE FUNCTION completed(int) RETURNS void BEGIN ATOMIC INSERT INTO public.calls VALUES ($1); END;
SELECT ratchet.tally('results', 'runs', '{"n": "true"}', total => 'total', done => 'done', on_done => 'completed(int)');
CREATE TABLE cards (id int PRIMARY KEY, submitted_at timestamptz);
SELECT ratchet.guard('cards', gate => 'submitted_at');
INSERT INTO runs VALUES (1, 2);

-- A test that is rolled back never comes to the COMMIT that counts.
BEGIN;
INSERT INTO results VALUES (1), (1);
SELECT n, done, (SELECT count(*) FROM calls) AS calls FROM runs;
ROLLBACK;

-- SET CONSTRAINTS ALL IMMEDIATE at its beginning: every statement counts at once.
BEGIN;
SET CONSTRAINTS ALL IMMEDIATE;
INSERT INTO results VALUES (1);
SELECT n, done, (SELECT count(*) FROM calls) AS calls FROM runs;
INSERT INTO results VALUES (1);
SELECT n, done, (SELECT count(*) FROM calls) AS calls FROM runs;
SAVEPOINT code_under_test;
DELETE FROM results;
SELECT n, done, (SELECT count(*) FROM calls) AS calls FROM runs;
ROLLBACK TO code_under_test;
SELECT n, done, (SELECT count(*) FROM calls) AS calls FROM runs;
ROLLBACK;
SELECT n, done, (SELECT count(*) FROM calls) AS calls FROM runs;

-- ratchet.flush() in the middle does it for what was written before.
BEGIN;
INSERT INTO results VALUES (1), (1);
SELECT ratchet.flush();
SELECT n, done, (SELECT count(*) FROM calls) AS calls FROM runs;
INSERT INTO results VALUES (1);
SELECT n FROM runs;
ROLLBACK;

-- Fixtures as Rails loads them, as superuser: nothing is counted, nothing is kept, and what was ENABLE ALWAYS or
-- disabled on purpose is simply enabled afterwards.
ALTER TABLE cards ENABLE ALWAYS TRIGGER "~ratchet_guard";
BEGIN;
ALTER TABLE runs DISABLE TRIGGER ALL;
ALTER TABLE results DISABLE TRIGGER ALL;
ALTER TABLE cards DISABLE TRIGGER ALL;
DELETE FROM runs;
INSERT INTO runs VALUES (1, 2, 7);
INSERT INTO results VALUES (1), (1);
INSERT INTO cards VALUES (1, '2026-01-01');
UPDATE cards SET submitted_at = NULL;
ALTER TABLE runs ENABLE TRIGGER ALL;
ALTER TABLE results ENABLE TRIGGER ALL;
ALTER TABLE cards ENABLE TRIGGER ALL;
COMMIT;
SELECT submitted_at FROM cards;
SELECT tgenabled FROM pg_trigger WHERE tgrelid = 'cards'::regclass AND tgname = '~ratchet_guard';
SELECT "column", stored, counted FROM ratchet.verify('runs');
CALL ratchet.repair('runs');
SELECT n, done, (SELECT count(*) FROM calls) AS calls FROM runs;

-- By a plain owner they are refused, and Rails loads its fixtures under the triggers without a word.
CREATE ROLE regress_ratchet_owner;
ALTER TABLE cards OWNER TO regress_ratchet_owner;
CREATE TABLE card_notes (card_id int REFERENCES cards);
SET ROLE regress_ratchet_owner;
\set VERBOSITY sqlstate
ALTER TABLE cards DISABLE TRIGGER ALL;
\set VERBOSITY default
RESET ROLE;

DROP TABLE results, runs, card_notes, cards;
DROP FUNCTION completed;
DROP TABLE calls;
DROP ROLE regress_ratchet_owner;
