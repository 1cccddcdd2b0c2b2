--
-- alive: the states in which a row has a heartbeat. Elsewhere beat() returns finished, and stuck() does not look.
--
\set SHOW_CONTEXT never
SET client_min_messages = warning;
\pset format unaligned
\pset tuples_only on
CREATE SCHEMA alive;
SET search_path = alive, test_setup;
CREATE FUNCTION graph() RETURNS jsonb IMMUTABLE LANGUAGE sql AS $$
SELECT '{"status": {"queued": ["running"], "running": ["paused", "done", "failed"], "paused": ["running"], "done": [], "failed": ["queued"]}}'::jsonb
$$;
CREATE TABLE job (id int PRIMARY KEY, status text DEFAULT 'queued', progress int DEFAULT 0, seen_at timestamptz, sealed_at timestamptz, lane text, phase int);

--
-- Declaring
--
SELECT attempt($$SELECT ratchet.guard('job', states => graph(), alive => '{running}')$$);
SELECT attempt($$SELECT ratchet.guard('job', heartbeat => 'seen_at', alive => '{running}')$$);
SELECT attempt($$SELECT ratchet.guard('job', states => graph(), heartbeat => 'seen_at', alive => '{running,runing}')$$);
SELECT attempt($$SELECT ratchet.guard('job', states => graph(), heartbeat => 'seen_at', alive => '{running,done}')$$);
SELECT attempt($$SELECT ratchet.guard('job', states => graph(), heartbeat => 'seen_at', alive => '{running,NULL}')$$);
SELECT attempt($$SELECT ratchet.guard('job', states => graph(), heartbeat => 'seen_at', alive => '{""}')$$);
SELECT ratchet.guard('job', states => graph(), heartbeat => 'seen_at', alive => '{}');
SELECT ratchet.guard('job', states => graph(), heartbeat => 'seen_at');
SELECT ratchet.guard('job', states => graph(), heartbeat => 'seen_at', alive => '{running,paused,running}');
SELECT ratchet.guard('job', states => graph(), heartbeat => 'seen_at', alive => '{paused,running}');
SELECT heartbeat, alive FROM ratchet.contract;
SELECT policy, rule FROM ratchet.describe('job') WHERE "column" = 'seen_at';
SELECT attempt($$SELECT ratchet.guard('job', states => graph(), heartbeat => 'seen_at')$$);
SELECT attempt($$SELECT ratchet.guard('job', states => graph(), heartbeat => 'seen_at', alive => '{queued,running}')$$);
SELECT ratchet.guard('job', states => graph(), heartbeat => 'seen_at', alive => '{running}', replace => true);
-- which column it is must be clear from the states
SELECT ratchet.guard('job', states => graph() || '{"phase": {"1": ["2"], "2": []}}', heartbeat => 'seen_at', alive => '{running}');
SELECT attempt($$SELECT ratchet.guard('job', states => graph() || '{"lane": {"running": ["over"], "over": []}}', heartbeat => 'seen_at', alive => '{running}', replace => true)$$);
SELECT attempt($$SELECT ratchet.guard('job', states => graph() || '{"phase": {"1": ["2"], "2": []}}', heartbeat => 'seen_at', alive => '{running,1}', replace => true)$$);
SELECT ratchet.guard('job', states => graph() || '{"lane": {"running": ["over"], "over": []}}', heartbeat => 'seen_at', alive => '{running,paused}', replace => true);
SELECT ratchet.guard('job', states => graph() || '{"phase": {"1": ["2"], "2": []}}', heartbeat => 'seen_at', alive => '{1}', replace => true);
SELECT rule FROM ratchet.describe('job') WHERE policy = 'alive';
-- renamed with the column
ALTER TABLE job RENAME phase TO step;
SELECT rule FROM ratchet.describe('job') WHERE policy = 'alive';
SELECT ratchet.unguard('job');

--
-- beat() in every state
--
INSERT INTO job (id, status) SELECT i, (ARRAY['queued', 'running', 'paused', 'done', 'failed', NULL, 'unknown'])[i] FROM generate_series(1, 7) i;
SELECT ratchet.guard('job', gate => 'sealed_at', states => graph(), heartbeat => 'seen_at', alive => '{running,paused}', frozen => '{progress}');
SELECT id, status, outcome FROM job, LATERAL ratchet.beat('job', id, '{"progress": 5}') ORDER BY id;
SELECT id, status, progress, seen_at IS NOT NULL FROM job ORDER BY id;
-- a gate that is closed ends it in every state; frozen columns are as free as ever where nobody is at work
UPDATE job SET sealed_at = now() WHERE id = 3;
SELECT outcome FROM ratchet.beat('job', 3);
UPDATE job SET progress = 7 WHERE id = 1;
-- the worker of a job that was swept learns it
SELECT outcome FROM ratchet.advance('job', 2, 'failed');
SELECT outcome, kept, stale FROM ratchet.beat('job', 2, '{"progress": 90}');
SELECT outcome FROM ratchet.beat('job', 2, expect => '{"status": "running"}');
SELECT outcome FROM ratchet.advance('job', 2, 'queued');
SELECT outcome FROM ratchet.beat('job', 2);
SELECT outcome FROM ratchet.advance('job', 2, 'running');
SELECT outcome FROM ratchet.beat('job', 2, '{"progress": 90}');
SELECT status, progress FROM job WHERE id = 2;
-- what another trigger does to the row's state does not matter: the row as it is does
CREATE FUNCTION move() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.status := 'queued'; RETURN NEW; END $$;
CREATE TRIGGER move BEFORE UPDATE ON job FOR EACH ROW WHEN (OLD.id = 5) EXECUTE FUNCTION move();
SELECT outcome FROM ratchet.beat('job', 5);
SELECT status FROM job WHERE id = 5;
DROP TRIGGER move ON job;
BEGIN;
CALL ratchet.suspend('job', 'test');
SELECT outcome FROM ratchet.beat('job', 1);
COMMIT;

--
-- stuck() looks at these states, and in them at rows without any sign of life
--
SET timezone = 'UTC';
TRUNCATE job;
INSERT INTO job (id, status, seen_at, sealed_at) VALUES (1, 'queued', NULL, NULL), (2, 'queued', '2020-01-01', NULL), (3, 'running', '2020-01-03', NULL), (4, 'running', NULL, NULL),
    (5, 'running', 'infinity', NULL), (6, 'paused', '2020-01-02', NULL), (7, 'paused', '2020-01-02', '2020-01-02'), (8, 'done', '2020-01-01', NULL), (9, NULL, '2020-01-01', NULL);
SELECT key, state, since FROM ratchet.stuck('job', '1 min');
SELECT key, state, since FROM ratchet.stuck('job', '1 min', 'queued');
SELECT key, state, since FROM ratchet.stuck('job', '1 min', 'running');
SELECT key, state FROM ratchet.stuck('job', '1 min', since => 'sealed_at');
SELECT ratchet.guard('job', states => graph() || '{"step": {"1": ["2"], "2": []}}', heartbeat => 'seen_at', alive => '{running}', replace => true);
SELECT key, state, since FROM ratchet.stuck('job', '1 min');
SELECT ratchet.guard('job', states => graph(), heartbeat => 'seen_at', replace => true);
SELECT key, state, since FROM ratchet.stuck('job', '1 min');
DROP TABLE job;

--
-- Integers, enums and partitions
--
CREATE TYPE mood AS ENUM ('idle', 'busy', 'over');
CREATE TABLE part (id int, leaf text, mood mood, seen_at timestamptz, PRIMARY KEY (id, leaf)) PARTITION BY LIST (leaf);
CREATE TABLE part_a PARTITION OF part FOR VALUES IN ('a');
CREATE TABLE part_b (seen_at timestamptz, mood mood, leaf text NOT NULL, id int NOT NULL);
ALTER TABLE part ATTACH PARTITION part_b FOR VALUES IN ('b');
SELECT ratchet.guard('part', states => '{"mood": {"idle": ["busy"], "busy": ["idle", "over"], "over": []}}', heartbeat => 'seen_at', alive => '{busy}');
INSERT INTO part SELECT i, l, m FROM unnest('{a,b}'::text[]) l, unnest(enum_range(NULL::mood)) WITH ORDINALITY u (m, i);
SELECT id, leaf, mood, outcome FROM part, LATERAL ratchet.beat('part', jsonb_build_object('id', id, 'leaf', leaf)) ORDER BY 1, 2;
SELECT state, seen_at IS NOT NULL FROM part, LATERAL ratchet.stuck('part', '-1 min') s WHERE s.key::jsonb = jsonb_build_object('id', id, 'leaf', leaf);

SET client_min_messages = error;
DROP SCHEMA alive CASCADE;
