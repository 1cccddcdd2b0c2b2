-- Jobs that workers claim. One that has stalled is displaced, and comes back: whatever it still wants to write to the job
-- is refused, because it brings the lease of its claim, and every claim and every sweep takes a larger one.
--
--   psql -f docs/examples/claim.sql
--
-- creates the schema "claim" in a database of yours; DROP SCHEMA claim CASCADE removes it. What each query answers
-- stands below it, after "-->".

\set ON_ERROR_STOP on
CREATE EXTENSION IF NOT EXISTS ratchet;
CREATE SCHEMA claim;

-- -- The table, and the contract --------------------------------------------------------------------------------------

-- A sequence gives no lease twice, not even to two workers who have read the same row.
CREATE SEQUENCE claim.leases;
CREATE TABLE claim.jobs (
    id           bigint PRIMARY KEY,
    status       text NOT NULL DEFAULT 'queued',
    lease        bigint NOT NULL DEFAULT 0,
    worker       text,
    request_id   uuid,
    heartbeat_at timestamptz,
    progress     int NOT NULL DEFAULT 0,
    result       text);
INSERT INTO claim.jobs (id) VALUES (1), (2);

SELECT ratchet.guard('claim.jobs',
    states => '{"status": {"queued": ["running"], "running": ["done", "failed", "queued"], "failed": ["queued"], "done": []}}',
    fence           => 'lease',         -- a write that brings a smaller one is out of date as a whole
    heartbeat       => 'heartbeat_at',
    alive           => '{running}',     -- only then does somebody work on it
    idempotency_key => 'request_id');
--> created

-- -- Claims -----------------------------------------------------------------------------------------------------------

-- Ann takes a lease and claims the job with it, under a key that she has made for this claim.
SELECT nextval('claim.leases') AS lease \gset ann_
SELECT outcome, state FROM ratchet.advance('claim.jobs', 1, 'running',
    jsonb_build_object('lease', :ann_lease, 'worker', 'ann', 'progress', 0),
    idempotency_key => '0b4f9e0e-6a3c-4f0e-9d5b-3d1c4f1f7a10');
--> advanced | running

-- The connection broke before she read that. The same call again: it is hers.
SELECT outcome, state FROM ratchet.advance('claim.jobs', 1, 'running',
    jsonb_build_object('lease', :ann_lease, 'worker', 'ann', 'progress', 0),
    idempotency_key => '0b4f9e0e-6a3c-4f0e-9d5b-3d1c4f1f7a10');
--> replayed | running

-- Bob is too late, and a larger lease alone takes nothing from anybody.
SELECT nextval('claim.leases') AS lease \gset bob_
SELECT outcome, state FROM ratchet.advance('claim.jobs', 1, 'running',
    jsonb_build_object('lease', :bob_lease, 'worker', 'bob', 'progress', 0));
--> already_there | running
SELECT worker, lease FROM claim.jobs WHERE id = 1;
--> ann | 1

-- Signs of life bring the lease along.
SELECT outcome FROM ratchet.beat('claim.jobs', 1, jsonb_build_object('lease', :ann_lease, 'progress', 40));
--> alive

-- -- Displaced --------------------------------------------------------------------------------------------------------

-- Ann stalls. A sweep gives the job back, here at once; it takes a lease too, and from now on hers is out of date, even
-- before anybody else has claimed the job.
SELECT key, was, state FROM ratchet.sweep('claim.jobs', '0 seconds', 'queued',
    patch => jsonb_build_object('lease', nextval('claim.leases'), 'worker', NULL));
--> 1 | running | queued
SELECT nextval('claim.leases') AS lease \gset bob_
SELECT outcome, state FROM ratchet.advance('claim.jobs', 1, 'running',
    jsonb_build_object('lease', :bob_lease, 'worker', 'bob', 'progress', 0),
    idempotency_key => '6f9619ff-8b86-4011-b42d-00c04fc964ff');
--> advanced | running

-- Ann is back and knows nothing of that. Her next heartbeat tells her to stop, and so does everything else.
SELECT outcome, stale FROM ratchet.beat('claim.jobs', 1, jsonb_build_object('lease', :ann_lease, 'progress', 80));
--> stale | {lease}
SELECT outcome, stale FROM ratchet.advance('claim.jobs', 1, 'done',
    jsonb_build_object('lease', :ann_lease, 'result', 'by ann'));
--> stale | {lease}

-- An ORM that saves all columns as it has read them gets an error, SQLSTATE 23R04, and changes nothing.
\set ON_ERROR_STOP off
UPDATE claim.jobs SET status = 'done', lease = :ann_lease, worker = 'ann', progress = 100, result = 'by ann' WHERE id = 1;
\set ON_ERROR_STOP on

-- Bob has noticed nothing.
SELECT outcome, state FROM ratchet.advance('claim.jobs', 1, 'done',
    jsonb_build_object('lease', :bob_lease, 'progress', 100, 'result', 'by bob'));
--> advanced | done
SELECT status, worker, lease, progress, result FROM claim.jobs WHERE id = 1;
--> done | bob | 4 | 100 | by bob
