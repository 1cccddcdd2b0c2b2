-- The tables of every spec about claims. A task is worked on by one attempt at a time, which passes its number whenever it
-- writes; what it has written is 'of' that number. A payment is told by events, which come in any order and more than once.
-- (No closing brace may stand in here: isolationtester would end the block at it.)
CREATE TABLE task (
    id        bigint PRIMARY KEY,
    status    text NOT NULL DEFAULT 'running',
    attempt   integer NOT NULL DEFAULT 1,
    result    text,
    seen_at   timestamptz,
    sealed_at timestamptz
);
CREATE TABLE payment (
    id     bigint PRIMARY KEY,
    status text NOT NULL,
    event  integer NOT NULL
);
DO $$ BEGIN
    PERFORM ratchet.guard('task', gate => 'sealed_at', fence => 'attempt', heartbeat => 'seen_at', alive => ARRAY['running'],
        delete => 'reject', states => jsonb_build_object('status', jsonb_build_object('queued', jsonb_build_array('running'),
            'running', jsonb_build_array('queued', 'done'), 'done', jsonb_build_array())));
    PERFORM ratchet.guard('payment', fence => 'event', mode => 'keep');
END $$;

-- Every version of every row, and what each session was answered, both written in the transaction itself: they are here
-- if and only if it committed. The numbers of both come from one sequence and are drawn while the row's lock is held, so
-- they are in the order of the commits.
CREATE SEQUENCE turn;
CREATE TABLE change (
    n      bigint NOT NULL DEFAULT nextval('turn'),
    kind   text NOT NULL,
    id     bigint NOT NULL,
    before jsonb,  -- NULL: inserted
    after  jsonb   -- NULL: deleted
);
CREATE TABLE answer (
    n       bigint NOT NULL DEFAULT nextval('turn'),
    kind    text NOT NULL,
    id      bigint NOT NULL,
    who     text NOT NULL,
    verb    text NOT NULL,
    outcome text,
    told    jsonb,    -- the whole answer
    brought integer,  -- the attempt or event that the call named; NULL: none
    change  bigint    -- what the call did to the row; NULL: nothing
);
CREATE FUNCTION witness() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    number bigint;
BEGIN
    -- A row that stays as it is was not changed.
    IF to_jsonb(OLD) = to_jsonb(NEW) THEN RETURN NULL; END IF;
    INSERT INTO change (kind, id, before, after) VALUES (TG_TABLE_NAME, COALESCE(NEW.id, OLD.id), to_jsonb(OLD), to_jsonb(NEW))
    RETURNING n INTO number;
    PERFORM set_config('client.change', number::text, false);  -- taken back with the savepoint that it was set in
    RETURN NULL;
END $$;
CREATE TRIGGER witness AFTER INSERT OR UPDATE OR DELETE ON task FOR EACH ROW EXECUTE FUNCTION witness();
CREATE TRIGGER witness AFTER INSERT OR UPDATE OR DELETE ON payment FOR EACH ROW EXECUTE FUNCTION witness();
INSERT INTO task (id) VALUES (1);
INSERT INTO payment VALUES (1, 'event 1', 1);

-- Verbs called and verbs that came back, also in transactions that were rolled back: sequences do not roll back.
CREATE SEQUENCE called;
CREATE SEQUENCE answered;
CREATE FUNCTION call() RETURNS bigint LANGUAGE sql AS $$
    SELECT nextval('called'), set_config('client.change', '', false);
    SELECT 1::bigint;
$$;
CREATE FUNCTION note_answer(kind text, id bigint, who text, verb text, outcome text, told jsonb, brought integer)
RETURNS void LANGUAGE sql AS $$
    INSERT INTO answer (kind, id, who, verb, outcome, told, brought, change)
    VALUES (kind, id, who, verb, outcome, told, brought, NULLIF(current_setting('client.change'), '')::bigint);
$$;

-- said(call(), who, <answer of a ratchet verb about task 1>, <the attempt that the call named>)
CREATE FUNCTION said(id bigint, who text, told ratchet.advance_result, brought integer)
RETURNS TABLE (outcome text, was text, state text, stale text[]) LANGUAGE sql AS $$
    SELECT note_answer('task', id, who, 'advance', (told).outcome, to_jsonb(told), brought), nextval('answered');
    SELECT (told).outcome, (told).was, (told).state, (told).stale;
$$;
CREATE FUNCTION said(id bigint, who text, told ratchet.beat_result, brought integer)
RETURNS TABLE (outcome text, stale text[]) LANGUAGE sql AS $$
    SELECT note_answer('task', id, who, 'beat', (told).outcome, to_jsonb(told), brought), nextval('answered');
    SELECT (told).outcome, (told).stale;
$$;
CREATE FUNCTION said(id bigint, who text, told ratchet.update_result, brought integer, kind text DEFAULT 'task')
RETURNS TABLE (outcome text, stale text[]) LANGUAGE sql AS $$
    SELECT note_answer(kind, id, who, 'update', (told).outcome, to_jsonb(told), brought), nextval('answered');
    SELECT (told).outcome, (told).stale;
$$;
CREATE FUNCTION said(id bigint, who text, told ratchet.submit_result, brought integer)
RETURNS TABLE (outcome text, stale text[]) LANGUAGE sql AS $$
    SELECT note_answer('task', id, who, 'submit', (told).outcome, to_jsonb(told), brought), nextval('answered');
    SELECT (told).outcome, (told).stale;
$$;

-- What writes without a verb: who saves a whole task, takes it over, gives it up, removes it, and what a webhook does.
CREATE FUNCTION write(who text, verb text, brought integer, statement text) RETURNS TABLE (outcome text) LANGUAGE plpgsql AS $$
DECLARE
    rows integer;
BEGIN
    PERFORM set_config('client.change', '', false);
    EXECUTE statement;
    GET DIAGNOSTICS rows = ROW_COUNT;
    PERFORM note_answer('task', 1, who, verb, rows || ' rows', NULL, brought);
    RETURN QUERY SELECT rows || ' rows';
END $$;
CREATE FUNCTION hook(payment bigint, who text, number integer) RETURNS TABLE (status text) LANGUAGE plpgsql AS $$
DECLARE
    stored text;
BEGIN
    PERFORM set_config('client.change', '', false);
    INSERT INTO payment AS p VALUES (payment, 'event ' || number, number)
    ON CONFLICT (id) DO UPDATE SET status = excluded.status, event = excluded.event
    RETURNING p.status INTO stored;
    PERFORM note_answer('payment', payment, who, 'hook', stored, NULL, number);
    RETURN QUERY SELECT stored;
END $$;

-- What must hold once every transaction has ended.
CREATE VIEW chain AS  -- a change beside the one before it
SELECT c.*, lag(c.after) OVER (PARTITION BY c.kind, c.id ORDER BY c.n) AS follows FROM change c;

CREATE VIEW step AS  -- a change that is neither the first nor the last of a row
SELECT c.* FROM change c WHERE c.before IS NOT NULL AND c.after IS NOT NULL;

CREATE VIEW call AS  -- an answer, the row that the call found and the row that it left
SELECT a.*, c.before, c.after, COALESCE(c.before, f.after) AS found
FROM answer a
LEFT JOIN change c ON c.n = a.change
LEFT JOIN LATERAL (SELECT p.after FROM change p WHERE p.kind = a.kind AND p.id = a.id AND p.n < a.n
                   ORDER BY p.n DESC LIMIT 1) f ON true;

CREATE VIEW committed AS SELECT who, verb, brought, outcome FROM answer ORDER BY kind, id, who, n;

CREATE VIEW stored AS
SELECT 'task' AS kind, t.id, concat_ws(' ', status, 'attempt', attempt, result, CASE WHEN seen_at IS NOT NULL THEN 'seen' END,
                                       CASE WHEN sealed_at IS NOT NULL THEN 'sealed' END) AS "row"
FROM task t WHERE EXISTS (SELECT FROM answer WHERE kind = 'task')
UNION ALL
SELECT 'payment', p.id, concat_ws(' ', status, 'at', event) FROM payment p WHERE EXISTS (SELECT FROM answer WHERE kind = 'payment')
ORDER BY 1, 2;

CREATE VIEW judgement AS
SELECT COALESCE(string_agg('VIOLATED: ' || invariant, ', ') FILTER (WHERE violations > 0), 'ok') AS verdict,
       count(violations) AS invariants
FROM (
    SELECT 'no version of a row is lost' AS invariant,
           (SELECT count(*) FROM chain WHERE before IS DISTINCT FROM follows)
           + (SELECT count(*) FROM (SELECT DISTINCT ON (kind, id) kind, id, after FROM change ORDER BY kind, id, n DESC) l
              FULL JOIN (SELECT 'task' AS kind, t.id, to_jsonb(t) AS row FROM task t
                         UNION ALL SELECT 'payment', p.id, to_jsonb(p) FROM payment p) r USING (kind, id)
              WHERE r.row IS DISTINCT FROM l.after) AS violations
    UNION ALL
    SELECT 'neither attempts nor events go back',
           (SELECT count(*) FROM step
            WHERE (after ->> 'attempt')::integer < (before ->> 'attempt')::integer
               OR (after ->> 'event')::integer < (before ->> 'event')::integer)
    UNION ALL
    SELECT 'no row is of two attempts, or of two events',
           (SELECT count(*) FROM change
            WHERE after ->> 'result' <> 'of ' || (after ->> 'attempt') OR after ->> 'status' <> 'event ' || (after ->> 'event'))
    UNION ALL
    SELECT 'the last event is the last that was told',
           (SELECT count(*) FROM payment p
            WHERE event <> (SELECT greatest(max(brought), 1) FROM answer a
                            WHERE a.kind = 'payment' AND a.id = p.id AND a.outcome <> 'not_found')
              AND EXISTS (SELECT FROM answer a WHERE a.kind = 'payment' AND a.id = p.id))
    UNION ALL
    SELECT 'who is told to have written has, and nobody else',
           (SELECT count(*) FROM call
            WHERE kind = 'task' AND (outcome IN ('advanced', 'updated', 'submitted', 'alive', '1 rows')) <> (change IS NOT NULL))
           + (SELECT count(*) FROM step s WHERE NOT EXISTS (SELECT FROM answer a WHERE a.change = s.n))
    UNION ALL
    SELECT 'who writes as an attempt is that of the row',
           (SELECT count(*) FROM call
            WHERE kind = 'task' AND change IS NOT NULL AND brought IS NOT NULL
              AND brought <> (COALESCE(after, before) ->> 'attempt')::integer)
    UNION ALL
    SELECT 'who is told to be late is',
           (SELECT count(*) FROM call
            WHERE outcome = 'stale' AND (brought < (COALESCE(found ->> 'attempt', found ->> 'event'))::integer) IS NOT TRUE)
    UNION ALL
    SELECT 'a task is alive while it is running, and open',
           (SELECT count(*) FROM call
            WHERE (outcome = 'alive' AND (before ->> 'status' = 'running' AND before ->> 'sealed_at' IS NULL) IS NOT TRUE)
               OR (outcome = 'finished'
                   AND (found ->> 'status' <> 'running' OR found ->> 'sealed_at' IS NOT NULL) IS NOT TRUE))
    UNION ALL
    SELECT 'nobody is given up who has shown a sign of life',
           (SELECT count(*) FROM call WHERE verb = 'sweep' AND change IS NOT NULL AND before ->> 'seen_at' IS NOT NULL)
    UNION ALL
    SELECT 'a task that is sealed or done stays',
           (SELECT count(*) FROM change
            WHERE after IS NULL AND (before ->> 'sealed_at' IS NOT NULL OR before ->> 'status' = 'done'))
    UNION ALL
    SELECT 'a race is answered, never raised',  -- but for the 40001 of the higher levels
           (SELECT count(*) FROM called c, answered a
            WHERE current_setting('transaction_isolation') = 'read committed'
              AND (c.last_value, c.is_called) IS DISTINCT FROM (a.last_value, a.is_called))
    UNION ALL
    SELECT 'a row is missed only when it was deleted',
           (SELECT count(*) FROM call WHERE outcome = 'not_found' AND found IS NOT NULL)
) v;
