--
-- audit => true: what is attempted is stored, in the transaction of the attempt.
--
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE ROLE regress_ratchet_auditor;
CREATE ROLE regress_ratchet_writer;
CREATE SCHEMA audit AUTHORIZATION regress_ratchet_auditor;
GRANT USAGE ON SCHEMA audit TO PUBLIC;
SET search_path = audit, test_setup;
SET SESSION AUTHORIZATION regress_ratchet_auditor;
CREATE TABLE card (id int PRIMARY KEY, note text, submitted_at timestamptz, submitted_by text, request_id text, score int, state text);
CREATE TABLE pair (a int, b text, done boolean, PRIMARY KEY (a, b));
SELECT ratchet.guard('card', 'submitted_at', actor => 'submitted_by', idempotency_key => 'request_id', owned => '{score}',
    states => '{"state": {"new": ["old"], "old": []}}', audit => true);
SELECT ratchet.guard('card', 'submitted_at', actor => 'submitted_by', idempotency_key => 'request_id', owned => '{score}',
    states => '{"state": {"new": ["old"], "old": []}}', audit => true);
SELECT ratchet.guard('pair', 'done', audit => true);
SELECT target, audit FROM ratchet.contract ORDER BY 1;
SELECT policy, rule FROM ratchet.describe('pair') WHERE policy = 'audit';
INSERT INTO card (id, state) SELECT i, 'new' FROM generate_series(1, 6) i;
INSERT INTO pair VALUES (1, 'x"y', false);
GRANT SELECT, UPDATE ON card, pair TO regress_ratchet_writer;

-- to leave it out weakens the contract
SELECT attempt($$SELECT ratchet.guard('pair', 'done')$$);
SELECT attempt($$SELECT ratchet.guard('pair', 'done', audit => false)$$);

-- a writer needs no right on the table of attempts, and has none
SET SESSION AUTHORIZATION regress_ratchet_writer;
SET application_name = 'the writer';
SELECT outcome FROM ratchet.submit('card', 1, 'ann'::text, idempotency_key => 'r1'::text);
SELECT outcome FROM ratchet.submit('card', 1, 'ann'::text, idempotency_key => 'r1'::text);
SELECT outcome FROM ratchet.submit('card', 1, 'bob'::text);
SELECT outcome FROM ratchet.submit('card', 99, 'bob'::text);
UPDATE card SET submitted_at = '2026-01-01', submitted_by = 'cyd' WHERE id = 2;
UPDATE card SET submitted_at = NULL, score = 9, note = 'stale' WHERE id <= 2;
SELECT outcome FROM ratchet.update('card', 3, '{"note": "n"}');
SELECT outcome FROM ratchet.update('card', 1, '{"score": 1}');
SELECT outcome FROM ratchet.advance('card', 3, 'old');
SELECT outcome FROM ratchet.advance('card', 3, 'new');
SELECT outcome FROM ratchet.submit('pair', '{"a": 1, "b": "x\"y"}'::jsonb);
SELECT attempt('SELECT count(*) FROM card_attempts');
SELECT attempt($$INSERT INTO card_attempts (at, outcome, transaction) VALUES (now(), 'submitted', '1')$$);
SELECT attempt('DELETE FROM card_attempts');
SELECT count(*) FROM ratchet.attempts;

-- what is rolled back has not happened; what fails is not there
BEGIN;
SELECT outcome FROM ratchet.submit('card', 4, 'ann'::text);
ROLLBACK;
BEGIN;
SAVEPOINT s;
SELECT outcome FROM ratchet.submit('card', 5, 'lost'::text);
ROLLBACK TO s;
SELECT outcome FROM ratchet.submit('card', 5, 'kept'::text);
COMMIT;
SELECT attempt($$UPDATE card SET state = 'nowhere' WHERE id = 6$$);
RESET application_name;

-- the owner reads it, and nobody else
SET SESSION AUTHORIZATION regress_ratchet_auditor;
SELECT outcome FROM ratchet.amend('card', 1, '{"submitted_at": null}', 'dba'::text, 'by mistake');
SELECT relation, key, outcome, columns, actor, idempotency_key, role, application_name, client_address IS NULL OR client_address <> '0.0.0.0' AS has_address
    FROM ratchet.attempts ORDER BY at, key;
SELECT count(DISTINCT transaction) = count(*) - 1 FROM ratchet.attempts;  -- two rows are of one statement

-- a rename is followed; of a table that is gone the owner has what was attempted, in a table as any other
ALTER TABLE pair RENAME TO couple;
SELECT relation, key, outcome FROM ratchet.attempts WHERE relation = 'couple'::regclass;
SET client_min_messages = notice;
DROP TABLE couple;
SET client_min_messages = warning;
SELECT count(*) FROM ratchet.attempts WHERE outcome = 'submitted' AND key LIKE '{%';
SELECT key, outcome FROM pair_attempts;
DELETE FROM pair_attempts;
DROP TABLE pair_attempts;

-- pruning: the caller's own tables, a superuser all
SELECT attempt($$CALL ratchet.prune_attempts('1 day')$$);
SELECT attempt($$CALL ratchet.prune_attempts(NULL)$$);
SET client_min_messages = info;
CALL ratchet.prune_attempts(NULL);
CALL ratchet.prune_attempts('-1 day');
SET SESSION AUTHORIZATION regress_ratchet_writer;
CALL ratchet.prune_attempts('0 seconds');
SET SESSION AUTHORIZATION regress_ratchet_auditor;
CALL ratchet.prune_attempts('1 day');
CALL ratchet.prune_attempts('0 seconds');
SELECT count(*) FROM card_attempts;
SELECT outcome FROM ratchet.submit('card', 1, 'eve'::text);
SET default_transaction_read_only = on;
CALL ratchet.prune_attempts('0 seconds');
RESET default_transaction_read_only;
RESET SESSION AUTHORIZATION;
CALL ratchet.prune_attempts('0 seconds');
SELECT count(*) FROM card_attempts;
SET client_min_messages = warning;

-- another key than the primary key is not taken for it; and one key is one text, whichever partition has the row
SET SESSION AUTHORIZATION regress_ratchet_auditor;
CREATE TABLE coded (id int PRIMARY KEY, code int UNIQUE, done boolean);
SELECT ratchet.guard('coded', 'done', audit => true);
INSERT INTO coded VALUES (1, 5, false), (5, 9, false);
SELECT outcome FROM ratchet.submit('coded', '{"code": 5}'::jsonb);
SELECT outcome FROM ratchet.submit('coded', 5);
CREATE TABLE split (b int, a int, done boolean, note text, PRIMARY KEY (a, b)) PARTITION BY LIST (a);
CREATE TABLE split_1 (a int NOT NULL, note text, done boolean, b int NOT NULL);
ALTER TABLE split ATTACH PARTITION split_1 FOR VALUES IN (1);
SELECT ratchet.guard('split', 'done', owned => '{note}', audit => true);
INSERT INTO split VALUES (2, 1, false);
SELECT outcome FROM ratchet.submit('split', '{"b": 2, "a": 1}'::jsonb);
UPDATE split SET note = 'late';
SELECT outcome FROM ratchet.submit('split_1', '{"b": 2, "a": 1}'::jsonb);
SELECT relation, key, outcome FROM ratchet.attempts WHERE relation IN ('coded'::regclass, 'split'::regclass) ORDER BY at;
CALL ratchet.prune_attempts('0 seconds');

-- a sweep leaves a row for each that it has moved; signs of life, and records of a batch, none
CREATE TABLE task (id int PRIMARY KEY, state text NOT NULL DEFAULT 'running', seen_at timestamptz, n int NOT NULL DEFAULT 0);
SELECT ratchet.guard('task', states => '{"state": {"running": ["lost", "done"], "lost": [], "done": []}}', heartbeat => 'seen_at', audit => true);
CREATE TABLE step (task int REFERENCES task);
SELECT ratchet.tally('step', 'task', '{"n": "true"}');
INSERT INTO task (id, seen_at) SELECT i, now() - interval '2 hours' FROM generate_series(1, 3) i;
SELECT outcome FROM ratchet.beat('task', 3);
SELECT count(*) FROM ratchet.sweep('task', '1 hour', 'lost');
SELECT outcome FROM ratchet.submit_batch('step', '[{"task": 1}, {"task": 3}]');
SELECT id, state, n FROM task ORDER BY id;
SELECT key, outcome FROM task_attempts ORDER BY key;

-- a publication of all tables does not keep them from being removed
SELECT relreplident FROM pg_class WHERE oid = 'card_attempts'::regclass;

-- more than one batch, the old ones among new ones
ALTER TABLE card_attempts DISABLE TRIGGER "~ratchet_attempts";
INSERT INTO card_attempts (at, outcome, transaction) SELECT CASE WHEN i % 5 = 0 THEN 'infinity' ELSE timestamptz '2026-01-01' END, 'submitted', '1' FROM generate_series(1, 31250) i;
ALTER TABLE card_attempts ENABLE TRIGGER "~ratchet_attempts";
SET client_min_messages = info;
CALL ratchet.prune_attempts('0 seconds');
CALL ratchet.prune_attempts('0 seconds');
SET client_min_messages = warning;
SELECT count(*) FROM card_attempts;

-- without audit nothing more is stored, and what is there stays
SELECT ratchet.guard('card', 'submitted_at', actor => 'submitted_by', idempotency_key => 'request_id', owned => '{score}',
    states => '{"state": {"new": ["old"], "old": []}}', replace => true);
SELECT outcome FROM ratchet.submit('card', 3, 'ann'::text);
SELECT count(*) FROM ratchet.attempts;
SELECT attempt('DELETE FROM card_attempts');
RESET SESSION AUTHORIZATION;
DROP SCHEMA audit CASCADE;
DROP ROLE regress_ratchet_auditor, regress_ratchet_writer;
