-- Jobs: the main task, a heartbeat and a worker write one row. Each reads it, changes what is its own and saves all
-- columns, so progress jumps back, a finished job goes on changing, heartbeats overwrite progress. With a contract the
-- same saves go through without any of it.
--
--   psql -f docs/examples/job.sql
--
-- creates the schema "job" in a database of yours; DROP SCHEMA job CASCADE removes it. What each query answers stands
-- below it, after "-->"; test/t/033_examples.pl runs this file and compares, test/t/030_jobs.pl runs three writers at
-- once.

\set ON_ERROR_STOP on
CREATE EXTENSION IF NOT EXISTS ratchet;
CREATE SCHEMA job;

-- -- The table, as the application has it already ---------------------------------------------------------------------

CREATE TABLE job.jobs (
    id           bigint PRIMARY KEY,
    status       text NOT NULL DEFAULT 'queued',
    progress     int NOT NULL DEFAULT 0,
    started_by   text,
    heartbeat_at timestamptz,
    result       text,
    note         text);
INSERT INTO job.jobs (id) SELECT generate_series(1, 4);

-- -- The contract -----------------------------------------------------------------------------------------------------

-- A forbidden move is an error unless it is said otherwise. Here it is: writers that save whole rows bring back states
-- which they have read, and mean nothing by it. So a status that cannot follow is kept, and the rest is saved.
SELECT ratchet.guard('job.jobs',
    states    => '{"status": {"queued": ["running", "failed"], "running": ["done", "failed"], "done": [], "failed": []}}',
    forward   => '{progress}',                        -- never goes down
    frozen    => '{progress, heartbeat_at, result}',  -- free until the job has ended
    once      => '{started_by}',
    heartbeat => 'heartbeat_at',                      -- never goes down either, and beat() sets it
    mode      => 'states=keep');
--> created

-- -- The application, unchanged ---------------------------------------------------------------------------------------

-- The main task starts the job, the worker reports.
UPDATE job.jobs SET status = 'running', progress = 0, started_by = 'main', heartbeat_at = '2030-01-01 12:00Z',
    result = NULL, note = NULL WHERE id = 1;
UPDATE job.jobs SET status = 'running', progress = 60, started_by = 'main', heartbeat_at = '2030-01-01 12:00Z',
    result = NULL, note = NULL WHERE id = 1;

-- The heartbeat had read the row before all that. It is alive, and nothing else has changed.
UPDATE job.jobs SET status = 'queued', progress = 0, started_by = NULL, heartbeat_at = '2030-01-01 12:05Z',
    result = NULL, note = 'seen' WHERE id = 1
RETURNING status, progress, started_by, heartbeat_at AT TIME ZONE 'UTC' AS heartbeat, note;
--> running | 60 | main | 2030-01-01 12:05:00 | seen

-- The worker ends the job. The main task saves its old copy, the heartbeat goes on for a while: the job has ended.
UPDATE job.jobs SET status = 'done', progress = 100, result = 'good' WHERE id = 1;
UPDATE job.jobs SET status = 'running', progress = 60, started_by = 'main', heartbeat_at = '2030-01-01 12:10Z',
    result = NULL, note = 'my title' WHERE id = 1
RETURNING status, progress, result, heartbeat_at AT TIME ZONE 'UTC' AS heartbeat, note;
--> done | 100 | good | 2030-01-01 12:05:00 | my title

-- -- Code that wants to know ------------------------------------------------------------------------------------------

-- A move: exactly one of all who try is told that it was the one.
SELECT outcome, was, state FROM ratchet.advance('job.jobs', 2, 'running', '{"started_by": "worker 1"}');
--> advanced | queued | running
SELECT outcome, was, state FROM ratchet.advance('job.jobs', 2, 'running', '{"started_by": "worker 2"}');
--> already_there | running | running

-- A sign of life, with progress or without. Progress that comes late is kept where it is, and said so.
SELECT outcome, kept FROM ratchet.beat('job.jobs', 2);
--> alive | {}
SELECT outcome, kept FROM ratchet.beat('job.jobs', 2, '{"progress": 40}');
--> alive | {}
SELECT outcome, kept FROM ratchet.beat('job.jobs', 2, '{"progress": 20, "note": "a slow worker"}');
--> alive | {progress}

-- The worker is told by its next heartbeat that it may stop.
SELECT outcome, state FROM ratchet.advance('job.jobs', 2, 'failed', '{"note": "took too long"}');
--> advanced | failed
SELECT outcome FROM ratchet.beat('job.jobs', 2, '{"progress": 80}');
--> finished
SELECT outcome, state FROM ratchet.advance('job.jobs', 2, 'done', '{"result": "good"}');
--> refused | failed
SELECT status, progress, result IS NULL AS nothing, note FROM job.jobs WHERE id = 2;
--> failed | 40 | t | took too long

-- -- Jobs that nobody works on any more -------------------------------------------------------------------------------

-- Job 3 was started by somebody who is gone; here it was an hour ago. Job 4 has not begun, and is asked for by its
-- state.
UPDATE job.jobs SET status = 'running', heartbeat_at = now() - interval '1 hour' WHERE id = 3;
SELECT key, state, age > '59 min' AS an_hour FROM ratchet.stuck('job.jobs', '10 min');
--> 3 | running | t
SELECT key, state, since IS NULL AS never FROM ratchet.stuck('job.jobs', '10 min', state => 'queued');
--> 4 | queued | t

-- Given up in one statement. A job whose worker comes back meanwhile is left to it.
SELECT key, was, state FROM ratchet.sweep('job.jobs', '10 min', 'failed');
--> 3 | running | failed
SELECT count(*) FROM ratchet.stuck('job.jobs', '10 min');
--> 0
