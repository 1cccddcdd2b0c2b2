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
SELECT attempt('SELECT count(*) FROM ratchet.attempt');
SELECT attempt($$INSERT INTO ratchet.attempt (at, relation, outcome, transaction) VALUES (now(), 'card', 'submitted', '1')$$);
SELECT attempt('DELETE FROM ratchet.attempt');
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

-- what others have hung on the table does not run as the writer
RESET SESSION AUTHORIZATION;
CREATE FUNCTION spy() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''as %'', current_user; END';
CREATE TRIGGER spy BEFORE INSERT ON ratchet.attempt FOR EACH ROW EXECUTE FUNCTION spy();
CREATE FUNCTION spy_index(text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS
    'BEGIN IF current_user = ''regress_ratchet_writer'' THEN RAISE EXCEPTION ''as %'', current_user; END IF; RETURN $1; END';
CREATE INDEX spying ON ratchet.attempt (audit.spy_index(outcome));
SET SESSION AUTHORIZATION regress_ratchet_writer;
SELECT outcome FROM ratchet.submit('card', 6, 'ann'::text);
RESET SESSION AUTHORIZATION;
DROP INDEX ratchet.spying;
DROP TRIGGER spy ON ratchet.attempt;
SET enable_seqscan = off;
SELECT outcome FROM ratchet.attempt WHERE relation = 'card'::regclass AND key = '6';
RESET enable_seqscan;

-- a rename is followed; of a table that is gone only a superuser sees what was attempted
SET SESSION AUTHORIZATION regress_ratchet_auditor;
ALTER TABLE pair RENAME TO couple;
SELECT relation, key, outcome FROM ratchet.attempts WHERE relation = 'couple'::regclass;
DROP TABLE couple;
SELECT count(*) FROM ratchet.attempts WHERE outcome = 'submitted' AND key LIKE '{%';
RESET SESSION AUTHORIZATION;
SELECT count(*) FROM ratchet.attempt WHERE outcome = 'submitted' AND key LIKE '{%';

-- pruning: the caller's own tables, and of tables that are gone a superuser's
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
RESET SESSION AUTHORIZATION;
SELECT count(*) FROM ratchet.attempt;
CALL ratchet.prune_attempts('0 seconds');
SELECT count(*) FROM ratchet.attempt;
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
RESET SESSION AUTHORIZATION;

-- a publication of all tables does not keep them from being removed
SELECT relreplident FROM pg_class WHERE oid = 'ratchet.attempt'::regclass;

-- more than one batch
INSERT INTO ratchet.attempt (at, relation, outcome, transaction) SELECT '2026-01-01', 'card', 'submitted', '1' FROM generate_series(1, 25000);
SET client_min_messages = info;
CALL ratchet.prune_attempts('0 seconds');
SET client_min_messages = warning;

SET SESSION AUTHORIZATION regress_ratchet_auditor;
SELECT ratchet.guard('card', 'submitted_at', actor => 'submitted_by', idempotency_key => 'request_id', owned => '{score}',
    states => '{"state": {"new": ["old"], "old": []}}', replace => true);
SELECT outcome FROM ratchet.submit('card', 3, 'ann'::text);
SELECT count(*) FROM ratchet.attempts;
RESET SESSION AUTHORIZATION;
DROP SCHEMA audit CASCADE;
DROP ROLE regress_ratchet_auditor, regress_ratchet_writer;
