-- Jobs whose worker is gone are found and given to somebody else, by a job of cron. A worker that is only slow is alive:
-- its job is judged again under its lock, so that one which shows a sign of life meanwhile stays its own.
--
--   psql -f docs/examples/sweep.sql
--
-- creates the schema "sweep" in a database of yours; DROP SCHEMA sweep CASCADE removes it. What each query answers stands
-- below it, after "-->".

\set ON_ERROR_STOP on
CREATE EXTENSION IF NOT EXISTS ratchet;
CREATE SCHEMA sweep;

CREATE TABLE sweep.jobs (
    id           bigint PRIMARY KEY,
    status       text NOT NULL DEFAULT 'queued',
    created_at   timestamptz NOT NULL DEFAULT now(),
    attempt      int NOT NULL DEFAULT 0,
    heartbeat_at timestamptz,
    note         text);
SELECT ratchet.guard('sweep.jobs', heartbeat => 'heartbeat_at', alive => '{running}', fence => 'attempt',
    states => '{"status": {"queued": ["running", "failed"], "running": ["done", "failed", "queued"], "failed": ["queued"], "done": []}}');
--> created

-- Job 1 is being worked on, the workers of 2, 3 and 4 are gone, and nobody ever wanted 5.
INSERT INTO sweep.jobs (id, status, created_at, attempt, heartbeat_at) VALUES
    (1, 'running', now() - interval '2 hours', 1, now()),
    (2, 'running', now() - interval '2 hours', 1, now() - interval '1 hour'),
    (3, 'running', now() - interval '2 hours', 3, now() - interval '50 min'),
    (4, 'running', now() - interval '2 hours', 1, now() - interval '40 min'),
    (5, 'queued', now() - interval '2 days', 0, NULL);

-- -- All in the same way ----------------------------------------------------------------------------------------------

-- For monitoring: what there is. Nothing is locked or changed.
SELECT key, state, age >= '40 min' AS long_ago FROM ratchet.stuck('sweep.jobs', '10 min');
--> 2 | running | t
--> 3 | running | t
--> 4 | running | t

-- What cron runs, here for one row. It leaves out what somebody has locked, or what would have to wait, and returns what it moved.
-- The same from a shell: pg_ratchet sweep --table sweep.jobs --older-than 10min --to failed --set note=silent
SELECT key, was, state FROM ratchet.sweep('sweep.jobs', '10 min', 'failed', patch => '{"note": "silent"}', max_rows => 1);
--> 2 | running | failed

-- What has waited in the queue for a day is no row that anybody should be working on, so its state is named, and the time
-- that it is judged by.
SELECT key, was, state FROM ratchet.sweep('sweep.jobs', '1 day', 'failed', state => 'queued', since => 'created_at',
    patch => '{"note": "nobody has come"}');
--> 5 | queued | failed

-- -- Each in its own way ----------------------------------------------------------------------------------------------

-- Three attempts, then it has failed. Here the list is kept, to show what comes in between: the worker of 4 was only slow.
CREATE TABLE sweep.seen AS SELECT * FROM ratchet.stuck('sweep.jobs', '10 min');
SELECT outcome FROM ratchet.beat('sweep.jobs', 4, '{"attempt": 1}');
--> alive

-- With expect, 4 is judged by what it was listed for. Without, a live job would be taken from its worker. In the order of
-- the key, so that two of these statements at the same time cannot deadlock.
SELECT s.key, a.outcome, a.state, a.stale
FROM (SELECT s.key, s.expect, j.attempt FROM sweep.seen s JOIN sweep.jobs j ON j.id = s.key::bigint ORDER BY j.id) s,
    LATERAL ratchet.advance('sweep.jobs', s.key, CASE WHEN s.attempt < 3 THEN 'queued' ELSE 'failed' END, expect => s.expect) a;
--> 3 | advanced | failed | 
--> 4 | stale |  | {heartbeat_at}
SELECT id, status, note FROM sweep.jobs ORDER BY id;
--> 1 | running | 
--> 2 | failed | silent
--> 3 | failed | 
--> 4 | running | 
--> 5 | failed | nobody has come

-- All that failed, queued once more: state names what a sweep may take, whoever works on what.
SELECT count(*) FROM ratchet.sweep('sweep.jobs', '0 seconds', 'queued', state => 'failed', patch => '{"note": null}');
--> 3
