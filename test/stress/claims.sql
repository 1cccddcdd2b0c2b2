-- What claims.py loads: jobs, the results of those that are done, and a history that a trigger writes of every version.
CREATE EXTENSION ratchet;

-- Each claim, and each sweep, takes a lease of its own, so that whoever had the job before has a smaller one.
CREATE SEQUENCE leases;

CREATE TABLE jobs (
    id           int PRIMARY KEY,
    status       text NOT NULL DEFAULT 'queued',
    lease        bigint NOT NULL DEFAULT 0,
    worker       text,
    request      uuid,
    heartbeat_at timestamptz,
    progress     int NOT NULL DEFAULT 0,
    result       text,
    note         text) WITH (fillfactor = 20);
CREATE INDEX ON jobs (status, id);

-- Nothing here forbids a second result of a job.
CREATE TABLE results (
    id     bigserial PRIMARY KEY,
    job_id int NOT NULL REFERENCES jobs,
    worker text NOT NULL,
    lease  bigint NOT NULL);
CREATE INDEX ON results (job_id);

-- The witness. Every version of a job is written while its row is locked, so those of one job are numbered in order.
-- Who writes, and with which lease, is what the session says of itself, not what the row says.
CREATE TABLE history (
    number       bigserial PRIMARY KEY,
    job_id       int NOT NULL,
    was          text NOT NULL,
    status       text NOT NULL,
    lease        bigint NOT NULL,
    lease_before bigint NOT NULL,
    request      uuid,
    writer       text NOT NULL DEFAULT current_setting('application_name'),
    writer_lease bigint NOT NULL DEFAULT current_setting('claims.lease')::bigint,
    silence      interval);
CREATE INDEX ON history (job_id, number);

CREATE FUNCTION witness() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO public.history (job_id, was, status, lease, lease_before, request, silence)
    VALUES (NEW.id, OLD.status, NEW.status, NEW.lease, OLD.lease, NEW.request, now() - OLD.heartbeat_at);
    RETURN NULL;
END $$;
CREATE TRIGGER witness AFTER UPDATE ON jobs FOR EACH ROW EXECUTE FUNCTION witness();

-- What the workers were told. A call whose answer was lost is asked again, and has one answer in the end.
CREATE TABLE answers (
    worker  text NOT NULL,
    job_id  int NOT NULL,
    state   text NOT NULL,     -- running: a claim; done: a finish
    seen    bigint NOT NULL,   -- the lease of the job when it was read
    lease   bigint NOT NULL,
    request uuid,
    lost    text,              -- the first answer, together with its COMMIT (after) or before it was sent (before)
    outcome text NOT NULL);

-- The same call, made by who knows whom, twice: items of workers of their own, counted in a few batches.
CREATE TABLE batches (id int PRIMARY KEY, done_count int NOT NULL DEFAULT 0);
CREATE TABLE items (
    id       int PRIMARY KEY,
    batch_id int NOT NULL REFERENCES batches,
    status   text NOT NULL DEFAULT 'open');
