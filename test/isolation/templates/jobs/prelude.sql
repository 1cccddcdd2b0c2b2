-- The job of every spec about states. status moves along edge, progress goes forward, result and progress are fixed once
-- the job has ended, worker is written once, seen_at is the heartbeat, request the idempotency key; comment is free.
-- (No closing brace may stand in here: isolationtester would end the block at it.)
CREATE TABLE job (
    id       bigint PRIMARY KEY,
    status   text NOT NULL DEFAULT 'running',
    progress integer NOT NULL DEFAULT 10,
    result   text,
    worker   text,
    seen_at  timestamptz,
    request  text,
    comment  text NOT NULL DEFAULT 'new',
    version  integer  -- of the contract in one spec only; elsewhere it stays NULL
);
CREATE TABLE note (
    job  bigint NOT NULL REFERENCES job ON DELETE CASCADE,
    slot text NOT NULL CONSTRAINT note_slot UNIQUE
);
-- Told to the judge apart from the contract, so that a contract which knows nothing of states is found out.
CREATE TABLE edge (before text, after text);
INSERT INTO edge VALUES ('queued', 'running'), ('queued', 'failed'), ('running', 'paused'), ('running', 'done'),
                        ('running', 'failed'), ('paused', 'running'), ('paused', 'failed');
CREATE FUNCTION graph() RETURNS jsonb LANGUAGE sql AS $$
    SELECT jsonb_build_object('status', jsonb_object_agg(s.state,
               (SELECT COALESCE(jsonb_agg(e.after), jsonb_build_array()) FROM edge e WHERE e.before = s.state)))
    FROM (SELECT before FROM edge UNION SELECT after FROM edge) s (state);
$$;
DO $$ BEGIN
    PERFORM ratchet.guard('job', states => graph(), forward => ARRAY['progress'], frozen => ARRAY['result', 'progress'],
                          once => ARRAY['worker'], heartbeat => 'seen_at', idempotency_key => 'request');
END $$;

-- Every version of every row, and what each session was answered, both written in the transaction itself: they are here
-- if and only if it committed. The numbers of both come from one sequence and are drawn while the row's lock is held, so
-- they are in the order of the commits.
CREATE SEQUENCE turn;
CREATE TABLE change (
    n      bigint NOT NULL DEFAULT nextval('turn'),
    job    bigint NOT NULL,
    before jsonb,  -- NULL: inserted
    after  jsonb   -- NULL: deleted
);
CREATE TABLE answer (
    n       bigint NOT NULL DEFAULT nextval('turn'),
    job     bigint NOT NULL,
    who     text NOT NULL,
    verb    text NOT NULL,
    outcome text,
    told    jsonb,  -- the whole answer
    asked   jsonb,  -- the columns that the call set
    read    jsonb,  -- a save: the row as it was loaded
    change  bigint  -- what the call did to the row; NULL: nothing
);
CREATE FUNCTION witness() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    number bigint;
BEGIN
    INSERT INTO change (job, before, after) VALUES (COALESCE(NEW.id, OLD.id), to_jsonb(OLD), to_jsonb(NEW))
    RETURNING n INTO number;
    PERFORM set_config('client.change', number::text, false);  -- taken back with the savepoint that it was set in
    RETURN NULL;
END $$;
CREATE TRIGGER witness AFTER INSERT OR UPDATE OR DELETE ON job FOR EACH ROW EXECUTE FUNCTION witness();
INSERT INTO job (id) VALUES (1), (2);

-- Verbs called and verbs that came back, also in transactions that were rolled back: sequences do not roll back.
CREATE SEQUENCE called;
CREATE SEQUENCE answered;
CREATE FUNCTION call(job bigint) RETURNS bigint LANGUAGE sql AS $$
    SELECT nextval('called'), set_config('client.change', '', false);
    SELECT job;
$$;
CREATE FUNCTION note_answer(job bigint, who text, verb text, outcome text, told jsonb, asked jsonb, read jsonb DEFAULT NULL)
RETURNS void LANGUAGE sql AS $$
    INSERT INTO answer (job, who, verb, outcome, told, asked, read, change)
    VALUES (job, who, verb, outcome, told, asked, read, NULLIF(current_setting('client.change'), '')::bigint);
$$;

-- said(call(job), who, <answer of a ratchet verb>, <what the call asked for>)
CREATE FUNCTION said(job bigint, who text, told ratchet.advance_result, asked jsonb)
RETURNS TABLE (outcome text, was text, state text, kept text[], conflict text, stale text[]) LANGUAGE sql AS $$
    SELECT note_answer(job, who, 'advance', (told).outcome, to_jsonb(told), asked), nextval('answered');
    SELECT (told).outcome, (told).was, (told).state, (told).kept, (told).conflict, (told).stale;
$$;
CREATE FUNCTION said(job bigint, who text, told ratchet.beat_result, asked jsonb DEFAULT jsonb_build_object())
RETURNS TABLE (outcome text, kept text[]) LANGUAGE sql AS $$
    SELECT note_answer(job, who, 'beat', (told).outcome, to_jsonb(told), asked), nextval('answered');
    SELECT (told).outcome, (told).kept;
$$;
CREATE FUNCTION said(job bigint, who text, told ratchet.update_result, asked jsonb)
RETURNS TABLE (outcome text, kept text[], stale text[]) LANGUAGE sql AS $$
    SELECT note_answer(job, who, 'update', (told).outcome, to_jsonb(told), asked), nextval('answered');
    SELECT (told).outcome, (told).kept, (told).stale;
$$;

-- An ORM: load() fetches the row into the client, save() writes every column of that image, the changed ones and the
-- stale ones. how => 'upsert' says it in an INSERT; how => 'counted' counts the version up and looks for the one that it
-- has loaded, as Hibernate does.
CREATE FUNCTION load(wanted bigint) RETURNS TABLE (status text, progress integer, comment text, version integer)
LANGUAGE sql AS $$
    SELECT j.status, j.progress, j.comment, j.version
    FROM job j CROSS JOIN LATERAL set_config('client.row', to_jsonb(j)::text, false)
    WHERE j.id = wanted;
$$;
CREATE FUNCTION save(saver text, changes jsonb, how text DEFAULT 'plain') RETURNS TABLE (outcome text)
LANGUAGE plpgsql AS $$
DECLARE
    loaded jsonb := current_setting('client.row')::jsonb;
    meant  job := jsonb_populate_record(NULL::job, loaded || changes);
    said   text := 'no row';
BEGIN
    PERFORM set_config('client.change', '', false);
    IF how = 'upsert' THEN
        INSERT INTO job VALUES (meant.*)
        ON CONFLICT (id) DO UPDATE SET status = excluded.status, progress = excluded.progress, result = excluded.result,
            worker = excluded.worker, seen_at = excluded.seen_at, request = excluded.request, comment = excluded.comment,
            version = excluded.version;
    ELSE
        UPDATE job j SET status = meant.status, progress = meant.progress, result = meant.result, worker = meant.worker,
            seen_at = meant.seen_at, request = meant.request, comment = meant.comment,
            version = CASE how WHEN 'counted' THEN meant.version + 1 ELSE meant.version END
        WHERE j.id = meant.id AND (how <> 'counted' OR j.version = meant.version);
    END IF;
    IF FOUND THEN said := 'saved'; END IF;
    PERFORM note_answer(meant.id, saver, 'save', said, NULL, changes, loaded);
    RETURN QUERY SELECT said;
END $$;
CREATE FUNCTION remove(unwanted bigint, remover text) RETURNS TABLE (outcome text) LANGUAGE plpgsql AS $$
DECLARE
    said text := 'no row';
BEGIN
    PERFORM set_config('client.change', '', false);
    DELETE FROM job j WHERE j.id = unwanted;
    IF FOUND THEN said := 'deleted'; END IF;
    PERFORM note_answer(unwanted, remover, 'delete', said, NULL, NULL);
    RETURN QUERY SELECT said;
END $$;

-- What must hold once every transaction has ended.
CREATE VIEW chain AS  -- a change beside the one before it
SELECT c.*, lag(c.after) OVER (PARTITION BY c.job ORDER BY c.n) AS follows FROM change c;

CREATE VIEW step AS  -- a change that is neither the first nor the last of a row
SELECT c.*, (c.before ->> 'status') IN ('done', 'failed') AS had_ended FROM change c
WHERE c.before IS NOT NULL AND c.after IS NOT NULL;

CREATE VIEW call AS  -- an answer, the row that the call found and the row that it left
SELECT a.*, c.before, c.after, COALESCE(c.before, f.after) AS found
FROM answer a
LEFT JOIN change c ON c.n = a.change
LEFT JOIN LATERAL (SELECT p.after FROM change p WHERE p.job = a.job AND p.n < a.n ORDER BY p.n DESC LIMIT 1) f ON true;

CREATE VIEW committed AS
SELECT who, verb, outcome, told ->> 'was' AS was, told ->> 'state' AS state FROM answer ORDER BY job, who, n;

CREATE VIEW stored AS
SELECT id, status, progress, result, worker, seen_at IS NOT NULL AS seen, request, comment, version,
       (SELECT string_agg(slot, ' ' ORDER BY slot) FROM note WHERE job = id) AS notes,
       (SELECT string_agg(concat_ws(' ', after ->> 'status', after ->> 'progress'), ', ' ORDER BY n) FROM change
        WHERE job = id) AS history
FROM job
WHERE EXISTS (SELECT FROM answer WHERE job = id) OR EXISTS (SELECT FROM step WHERE job = id) ORDER BY id;

CREATE VIEW judgement AS
SELECT COALESCE(string_agg('VIOLATED: ' || invariant, ', ') FILTER (WHERE violations > 0), 'ok') AS verdict,
       count(violations) AS invariants
FROM (
    SELECT 'no version of a row is lost' AS invariant,
           (SELECT count(*) FROM chain WHERE before IS DISTINCT FROM follows)
           + (SELECT count(*) FROM (SELECT DISTINCT ON (job) job, after FROM change ORDER BY job, n DESC) l
              FULL JOIN job j ON j.id = l.job WHERE to_jsonb(j) IS DISTINCT FROM l.after) AS violations
    UNION ALL
    SELECT 'states follow the graph',
           (SELECT count(*) FROM step s
            WHERE s.before -> 'status' <> s.after -> 'status'
              AND NOT EXISTS (SELECT FROM edge e
                              WHERE e.before = s.before ->> 'status' AND e.after = s.after ->> 'status'))
    UNION ALL
    SELECT 'what has ended changes no more, but for what is free',
           (SELECT count(*) FROM step
            WHERE had_ended AND before - 'comment' - 'version' <> after - 'comment' - 'version')
    UNION ALL
    SELECT 'progress and heartbeat never go back',
           (SELECT count(*) FROM step
            WHERE (after ->> 'progress')::integer < (before ->> 'progress')::integer
               OR (after ->> 'seen_at')::timestamptz < (before ->> 'seen_at')::timestamptz
               OR (before ->> 'seen_at' IS NOT NULL AND after ->> 'seen_at' IS NULL))
    UNION ALL
    SELECT 'what is written once stays',
           (SELECT count(*) FROM step
            WHERE before ->> 'worker' IS NOT NULL AND before -> 'worker' <> after -> 'worker')
    UNION ALL
    SELECT 'only advance() writes the idempotency key',
           (SELECT count(*) FROM step s
            WHERE s.before -> 'request' <> s.after -> 'request'
              AND NOT EXISTS (SELECT FROM answer a WHERE a.change = s.n AND a.outcome = 'advanced'
                                AND a.asked -> 'request' = s.after -> 'request'))
    UNION ALL
    SELECT 'who is told to have moved has, alone and by one edge',
           (SELECT count(*) FROM call
            WHERE (outcome = 'advanced'
                   AND (told -> 'was' = before -> 'status' AND told -> 'state' = after -> 'status'
                        AND told -> 'was' <> told -> 'state' AND asked -> 'status' = told -> 'state') IS NOT TRUE)
               OR (verb = 'advance' AND outcome <> 'advanced' AND change IS NOT NULL))
           + (SELECT count(*) FROM step s
              WHERE s.before -> 'status' <> s.after -> 'status' AND EXISTS (SELECT FROM answer a WHERE a.change = s.n
                AND a.verb IN ('beat', 'update')))
    UNION ALL
    SELECT 'losers are told the state that they lost to',
           (SELECT count(*) FROM call
            WHERE (outcome IN ('already_there', 'replayed', 'refused')
                   AND (told -> 'was' = found -> 'status' AND told -> 'state' = found -> 'status') IS NOT TRUE)
               OR (outcome = 'already_there' AND (asked -> 'status' = found -> 'status') IS NOT TRUE)
               OR (verb = 'advance' AND outcome NOT IN ('advanced', 'conflict')
                   AND (outcome = 'replayed') <> COALESCE(asked -> 'request' = found -> 'request', false))
               OR (outcome = 'refused' AND EXISTS (SELECT FROM edge e WHERE e.before = found ->> 'status'
                                                                       AND e.after = asked ->> 'status')))
    UNION ALL
    SELECT 'a record for each move that has one, and no other',
           (SELECT count(*)
            FROM (SELECT to_jsonb(t) AS record FROM note t) t
            FULL JOIN (SELECT told -> 'record' AS record FROM answer a
                       WHERE outcome = 'advanced' AND told ->> 'record' IS NOT NULL
                         AND NOT EXISTS (SELECT FROM change d WHERE d.job = a.job AND d.n > a.n AND d.after IS NULL)) w
                 USING (record)
            WHERE t.* IS NULL OR w.* IS NULL)
           + (SELECT count(*) FROM answer l
              WHERE l.outcome <> 'advanced' AND l.told ->> 'record' IS NOT NULL
                AND NOT EXISTS (SELECT FROM answer w WHERE w.job = l.job AND w.n < l.n AND w.outcome = 'advanced'
                                  AND (l.outcome = 'already_there' OR w.asked -> 'request' = l.asked -> 'request')
                                  AND w.told -> 'record' = l.told -> 'record'))
    UNION ALL
    SELECT 'a request moves a job once',
           (SELECT count(*) FROM (SELECT FROM answer WHERE outcome = 'advanced' AND asked ? 'request'
                                  GROUP BY job, asked -> 'request' HAVING count(*) > 1) r)
    UNION ALL
    SELECT 'a beat tells the living from the finished and the missing',
           (SELECT count(*) FROM call
            WHERE verb = 'beat'
              AND CASE outcome
                    WHEN 'alive' THEN before ->> 'status' NOT IN ('done', 'failed') AND after ->> 'seen_at' IS NOT NULL
                    WHEN 'finished' THEN change IS NULL AND found ->> 'status' IN ('done', 'failed')
                    WHEN 'not_found' THEN change IS NULL AND found IS NULL
                  END IS NOT TRUE)
    UNION ALL
    SELECT 'what is patched is there, or told to be kept',
           (SELECT count(*) FROM call c CROSS JOIN LATERAL jsonb_each(c.asked) p (name, value)
            WHERE c.outcome IN ('advanced', 'alive', 'updated', 'kept') AND p.name <> 'version'
              AND (CASE WHEN c.told -> 'kept' ? p.name THEN COALESCE(c.after, c.found) -> p.name = c.found -> p.name
                                                            AND p.value <> c.found -> p.name
                        ELSE c.after -> p.name = p.value END) IS NOT TRUE)
    UNION ALL
    SELECT 'a save saves what is free',
           (SELECT count(*) FROM call
            WHERE outcome = 'saved' AND (after -> 'comment' = (read || asked) -> 'comment') IS NOT TRUE)
    UNION ALL
    SELECT 'a versioned row counts its updates, but for mere beats',
           (SELECT count(*) FROM step
            WHERE before ->> 'version' IS NOT NULL
              AND ((after ->> 'version')::integer - (before ->> 'version')::integer)
                  IS DISTINCT FROM CASE WHEN EXISTS (SELECT FROM answer a WHERE a.change = step.n AND a.verb = 'beat'
                                                       AND a.asked = jsonb_build_object()) THEN 0 ELSE 1 END)
    UNION ALL
    SELECT 'of a versioned row nothing is overwritten unread',
           (SELECT count(*) FROM call
            WHERE found ->> 'version' IS NOT NULL
              AND CASE WHEN verb = 'save' AND outcome = 'saved'
                       THEN read - 'seen_at' = before - 'seen_at'
                       WHEN verb = 'save' AND outcome = 'no row' THEN read -> 'version' <> found -> 'version'
                       WHEN outcome = 'updated' AND asked ? 'version' THEN asked -> 'version' = before -> 'version'
                       WHEN outcome = 'stale' AND asked ? 'version' THEN asked -> 'version' <> found -> 'version'
                       ELSE true
                  END IS NOT TRUE)
    UNION ALL
    SELECT 'a race is answered, never raised',  -- but for the 40001 of the higher levels
           (SELECT count(*) FROM called c, answered a
            WHERE current_setting('transaction_isolation') = 'read committed'
              AND (c.last_value, c.is_called) IS DISTINCT FROM (a.last_value, a.is_called))
    UNION ALL
    SELECT 'a row is missed only when it was deleted',
           (SELECT count(*) FROM call
            WHERE (outcome = 'not_found') <> (verb IN ('advance', 'beat', 'update') AND found IS NULL))
) v;
