-- What activity.py loads: rows to submit, jobs to move, results to count.
CREATE EXTENSION ratchet;

CREATE TABLE cards (
    id           serial PRIMARY KEY,
    submitted_at timestamptz,
    submitted_by int,
    request      uuid,
    comment      text) PARTITION BY RANGE (id);
-- Leaves count for their root.
CREATE TABLE cards_1 PARTITION OF cards FOR VALUES FROM (1) TO (500);
CREATE TABLE cards_2 PARTITION OF cards FOR VALUES FROM (500) TO (1000000000);

CREATE TABLE jobs (
    id     serial PRIMARY KEY,
    status text NOT NULL DEFAULT 'queued',
    note   text);

-- Open for one call, which everybody makes at once.
CREATE TABLE prizes (
    id     int PRIMARY KEY,
    won_at timestamptz,
    won_by int);

CREATE TABLE runs (
    id       serial PRIMARY KEY,
    total    int NOT NULL,
    count    int NOT NULL DEFAULT 0,
    done     boolean NOT NULL DEFAULT false);
CREATE TABLE results (
    id     bigserial PRIMARY KEY,
    run_id int NOT NULL REFERENCES runs);
CREATE INDEX ON results (run_id);

SELECT ratchet.guard('cards', 'submitted_at', actor => 'submitted_by', idempotency_key => 'request');
SELECT ratchet.guard('jobs', states => '{"status": {"queued": ["running"], "running": ["done"], "done": []}}');
SELECT ratchet.guard('prizes', 'won_at', actor => 'won_by', mode => 'observe');
SELECT ratchet.tally('results', 'runs', '{"count": "true"}', total => 'total', done => 'done');
INSERT INTO prizes SELECT generate_series(1, 200000);
INSERT INTO runs (total) SELECT 1000000000 FROM generate_series(1, 4);
