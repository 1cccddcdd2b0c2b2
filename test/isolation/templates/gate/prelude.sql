-- The scorecard of every spec. Protected: submitted_at, submitted_by, request, verdict. Free: comment, score.
-- (No closing brace may stand in here: isolationtester would end the block at it.)
CREATE TABLE scorecard (
    id           bigint PRIMARY KEY,
    comment      text NOT NULL DEFAULT 'draft',
    score        integer NOT NULL DEFAULT 0,
    verdict      text,
    submitted_at timestamptz,
    submitted_by text,
    request      text
);
CREATE TABLE review (
    scorecard bigint NOT NULL REFERENCES scorecard,
    slot      text NOT NULL CONSTRAINT review_slot UNIQUE
);
DO $$ BEGIN
    PERFORM ratchet.guard('scorecard', gate => 'submitted_at', actor => 'submitted_by',
                          idempotency_key => 'request', owned => ARRAY['verdict']);
END $$;

-- What each session was answered, written in the session's own transaction: a row is here if and only if that
-- transaction committed. Numbers are drawn while the row's lock is held, so they are in the order of the commits.
CREATE TABLE answer (
    n       bigint GENERATED ALWAYS AS IDENTITY,
    id      bigint NOT NULL,  -- of the scorecard
    who     text NOT NULL,
    verb    text NOT NULL,
    outcome text,
    told    jsonb,            -- the whole answer
    holds   jsonb             -- columns that have these values from this commit on; NULL: the call changed nothing
);
INSERT INTO scorecard SELECT generate_series(1, 2);
INSERT INTO answer (id, who, verb, outcome, holds)
SELECT s.id, 'setup', 'insert', 'inserted', to_jsonb(s) - 'id' FROM scorecard s;

-- Calls begun and calls that came back, also in transactions that were rolled back: sequences do not roll back.
CREATE SEQUENCE called;
CREATE SEQUENCE answered;
CREATE FUNCTION call(id bigint) RETURNS bigint LANGUAGE sql AS $$
    SELECT nextval('called');
    SELECT id;
$$;

-- said(call(scorecard), who, <answer of a ratchet verb>, <what the call asked for beside the gate and the actor>)
CREATE FUNCTION said(id bigint, who text, told ratchet.submit_result, asked jsonb DEFAULT jsonb_build_object())
RETURNS TABLE (outcome text, submitted_by text, conflict text, stale text[]) LANGUAGE sql AS $$
    INSERT INTO answer (id, who, verb, outcome, told, holds)
    VALUES (id, who, 'submit', (told).outcome, to_jsonb(told),
            CASE (told).outcome WHEN 'submitted' THEN
                jsonb_build_object('submitted_at', (told).submitted_at, 'submitted_by', (told).submitted_by) || asked
            END);
    SELECT nextval('answered');
    SELECT (told).outcome, (told).submitted_by, (told).conflict, (told).stale;
$$;
CREATE FUNCTION said(id bigint, who text, told ratchet.update_result, asked jsonb)
RETURNS TABLE (outcome text, kept text[], stale text[]) LANGUAGE sql AS $$
    INSERT INTO answer (id, who, verb, outcome, told, holds)
    VALUES (id, who, 'update', (told).outcome, to_jsonb(told),
            CASE (told).outcome WHEN 'updated' THEN asked - (told).kept END);
    SELECT nextval('answered');
    SELECT (told).outcome, (told).kept, (told).stale;
$$;
CREATE FUNCTION said(id bigint, who text, told ratchet.amend_result, asked jsonb)
RETURNS TABLE (outcome text, changed text[]) LANGUAGE sql AS $$
    INSERT INTO answer (id, who, verb, outcome, told, holds)
    VALUES (id, who, 'amend', (told).outcome, to_jsonb(told),
            CASE (told).outcome WHEN 'amended' THEN
                CASE asked -> 'submitted_at' WHEN 'null' THEN jsonb_build_object('submitted_by', NULL, 'request', NULL)
                                             ELSE jsonb_build_object() END || asked
            END);
    SELECT nextval('answered');
    SELECT (told).outcome, (told).changed;
$$;

-- An ORM: load() fetches the row into the client, save() writes every column of that image, the changed ones and the
-- stale ones. A save that closes chooses the time itself and is answered by the row that it gets back.
CREATE FUNCTION load(card bigint) RETURNS TABLE (comment text, submitted_by text) LANGUAGE sql AS $$
    SELECT s.comment, s.submitted_by
    FROM scorecard s CROSS JOIN LATERAL set_config('client.row', to_jsonb(s)::text, false)
    WHERE s.id = card;
$$;
CREATE FUNCTION save(saver text, comment text, closes boolean DEFAULT false, upsert boolean DEFAULT false)
RETURNS TABLE (outcome text) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    meant scorecard := jsonb_populate_record(NULL::scorecard, current_setting('client.row')::jsonb);
    after scorecard;
    said  text;
    holds jsonb;
BEGIN
    PERFORM call(meant.id);
    meant.comment := save.comment;
    meant.score := meant.score + 1;
    IF closes THEN
        meant.submitted_at := clock_timestamp();
        meant.submitted_by := saver;
        meant.verdict := 'of ' || saver;
    END IF;
    IF upsert THEN
        INSERT INTO scorecard AS s VALUES (meant.*)
        ON CONFLICT (id) DO UPDATE SET comment = excluded.comment, score = excluded.score, verdict = excluded.verdict,
            submitted_at = excluded.submitted_at, submitted_by = excluded.submitted_by, request = excluded.request
        RETURNING s.* INTO after;
    ELSE
        UPDATE scorecard s SET comment = meant.comment, score = meant.score, verdict = meant.verdict,
            submitted_at = meant.submitted_at, submitted_by = meant.submitted_by, request = meant.request
        WHERE s.id = meant.id
        RETURNING s.* INTO after;
    END IF;
    IF after.id IS NULL THEN
        said := 'no row';
    ELSE
        said := 'saved';
        holds := jsonb_build_object('comment', meant.comment, 'score', meant.score);
        IF closes AND after.submitted_at = meant.submitted_at THEN
            said := 'submitted';
            holds := to_jsonb(meant) - 'id';
        END IF;
    END IF;
    INSERT INTO answer (id, who, verb, outcome, told, holds)
    VALUES (meant.id, saver, 'save', said, to_jsonb(after), holds);
    PERFORM nextval('answered');
    RETURN QUERY SELECT said;
END $$;
CREATE FUNCTION remove(card bigint, remover text) RETURNS TABLE (outcome text) LANGUAGE plpgsql AS $$
DECLARE
    said text := 'no row';
BEGIN
    PERFORM call(card);
    DELETE FROM scorecard s WHERE s.id = card;
    IF FOUND THEN said := 'deleted'; END IF;
    INSERT INTO answer (id, who, verb, outcome) VALUES (card, remover, 'delete', said);
    PERFORM nextval('answered');
    RETURN QUERY SELECT said;
END $$;

CREATE FUNCTION add(card bigint, adder text) RETURNS TABLE (outcome text) LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO scorecard VALUES (card);
    INSERT INTO answer (id, who, verb, outcome, holds)
    SELECT s.id, adder, 'insert', 'inserted', to_jsonb(s) - 'id' FROM scorecard s WHERE s.id = card;
    RETURN QUERY SELECT 'inserted'::text;
END $$;

-- What must hold once every transaction has ended, judged by what the committed ones were answered.
CREATE VIEW turn AS  -- of the gate
SELECT id, n, verb, holds ->> 'submitted_at' AS submitted_at,
       lag(holds ->> 'submitted_at') OVER (PARTITION BY id ORDER BY n) AS submitted_before
FROM answer WHERE holds ? 'submitted_at';

CREATE VIEW held AS  -- the column as it is, and as the last commit with a say over it was told that it is
SELECT s.id, c.name, c.value AS found, a.value AS promised
FROM scorecard s
CROSS JOIN LATERAL jsonb_each_text(to_jsonb(s) - 'id') AS c (name, value)
CROSS JOIN LATERAL (SELECT a.holds ->> c.name AS value FROM answer a
                    WHERE a.id = s.id AND a.holds ? c.name ORDER BY a.n DESC LIMIT 1) a;

-- Protected columns as a save or update that did not close was told that they are, and as they were promised before.
CREATE VIEW wrote AS
SELECT a.n, c.name, c.value, p.value AS promised
FROM answer a
CROSS JOIN LATERAL jsonb_each_text(CASE a.outcome WHEN 'saved' THEN a.told WHEN 'updated' THEN a.holds END) AS c (name, value)
CROSS JOIN LATERAL (SELECT p.holds ->> c.name AS value FROM answer p
                    WHERE p.id = a.id AND p.n < a.n AND p.holds ? c.name ORDER BY p.n DESC LIMIT 1) p
WHERE c.name IN ('submitted_at', 'submitted_by', 'request', 'verdict');

CREATE VIEW committed AS
SELECT who, verb, outcome, told ->> 'submitted_by' AS told_winner FROM answer WHERE who <> 'setup'
ORDER BY id, who, n;

CREATE VIEW stored AS
SELECT id, comment, score, verdict, submitted_at IS NOT NULL AS closed, submitted_by, request
FROM scorecard ORDER BY id;

CREATE VIEW judgement AS
SELECT invariant, CASE violations WHEN 0 THEN 'ok' ELSE 'VIOLATED' END AS verdict
FROM (
    SELECT 'a gate closes once until it is amended' AS invariant,
           (SELECT count(*) FROM turn
            WHERE verb IN ('submit', 'save') AND (submitted_at IS NULL OR submitted_before IS NOT NULL)) AS violations
    UNION ALL
    SELECT 'only closing and amending write what is protected',
           (SELECT count(*) FROM wrote WHERE value IS DISTINCT FROM promised)
           + (SELECT count(*) FROM turn WHERE verb = 'save' AND submitted_at IS NOT NULL
              AND (SELECT gate_by = 'submit' FROM ratchet.contract WHERE target = 'scorecard'::regclass))
    UNION ALL
    SELECT 'a committed submission is still there',
           (SELECT count(*) FROM held
            WHERE name IN ('submitted_at', 'submitted_by', 'request', 'verdict') AND found IS DISTINCT FROM promised)
    UNION ALL
    SELECT 'a committed save is still there',
           (SELECT count(*) FROM held WHERE name IN ('comment', 'score') AND found IS DISTINCT FROM promised)
    UNION ALL
    SELECT 'losers are told who won and when',
           (SELECT count(*) FROM answer l
            WHERE l.outcome IN ('already_submitted', 'replayed')
              AND NOT (EXISTS (SELECT FROM answer w WHERE w.id = l.id AND w.n < l.n
                                 AND w.holds ->> 'submitted_at' = l.told ->> 'submitted_at')
                       AND EXISTS (SELECT FROM answer w WHERE w.id = l.id AND w.n < l.n
                                     AND w.holds ->> 'submitted_by' = l.told ->> 'submitted_by')))
    UNION ALL
    SELECT 'a replay repeats its own request',
           (SELECT count(*) FROM answer l
            WHERE l.outcome = 'replayed'
              AND NOT EXISTS (SELECT FROM answer w WHERE w.id = l.id AND w.n < l.n AND w.outcome = 'submitted'
                                AND w.who = l.who AND w.holds ? 'request' AND w.told -> 'record' = l.told -> 'record'
                                AND w.holds ->> 'submitted_at' = l.told ->> 'submitted_at'))
    UNION ALL
    SELECT 'every call is answered one well-formed row',
           (SELECT count(*) FROM answer
            WHERE (CASE verb || ' ' || outcome
                     WHEN 'submit submitted' THEN told ->> 'submitted_at' IS NOT NULL AND told ->> 'submitted_by' = who
                     WHEN 'submit already_submitted' THEN told ->> 'submitted_at' IS NOT NULL
                     WHEN 'submit replayed' THEN told ->> 'submitted_at' IS NOT NULL
                     WHEN 'submit conflict' THEN told ->> 'conflict' IS NOT NULL AND told ->> 'submitted_at' IS NULL
                     WHEN 'submit stale' THEN jsonb_array_length(told -> 'stale') > 0
                     WHEN 'submit not_found' THEN jsonb_strip_nulls(told - 'outcome') = jsonb_build_object()
                     WHEN 'update updated' THEN jsonb_typeof(told -> 'kept') = 'array'
                     WHEN 'update unchanged' THEN jsonb_array_length(told -> 'kept') = 0
                     WHEN 'update kept' THEN jsonb_array_length(told -> 'kept') > 0
                     WHEN 'update stale' THEN jsonb_array_length(told -> 'stale') > 0
                     WHEN 'update not_found' THEN jsonb_array_length(told -> 'kept') = 0
                     WHEN 'amend amended' THEN jsonb_array_length(told -> 'changed') > 0
                     WHEN 'amend unchanged' THEN jsonb_array_length(told -> 'changed') = 0
                     WHEN 'amend not_found' THEN jsonb_array_length(told -> 'changed') = 0
                     ELSE verb IN ('insert', 'save', 'delete')
                   END) IS NOT TRUE)
    UNION ALL
    SELECT 'a race is answered, never raised',  -- but for the 40001 of the higher levels
           (SELECT count(*) FROM called c, answered a
            WHERE current_setting('transaction_isolation') = 'read committed'
              AND (c.last_value, c.is_called) IS DISTINCT FROM (a.last_value, a.is_called))
    UNION ALL
    SELECT 'a row is gone only when it was deleted',
           (SELECT count(*)
            FROM (SELECT DISTINCT ON (id) id, verb FROM answer WHERE outcome IN ('inserted', 'deleted')
                  ORDER BY id, n DESC) l
            WHERE (verb = 'insert') <> EXISTS (SELECT FROM scorecard s WHERE s.id = l.id))
           + (SELECT count(*) FROM answer m
              WHERE outcome IN ('not_found', 'no row')
                AND (SELECT l.verb FROM answer l WHERE l.id = m.id AND l.n < m.n AND l.outcome IN ('inserted', 'deleted')
                     ORDER BY l.n DESC LIMIT 1) = 'insert')
    UNION ALL
    SELECT 'records are those of the winners',
           (SELECT count(*)
            FROM (SELECT to_jsonb(r) AS record FROM review r) r
            FULL JOIN (SELECT told -> 'record' AS record FROM answer
                       WHERE outcome = 'submitted' AND told ->> 'record' IS NOT NULL) w USING (record)
            WHERE r.* IS NULL OR w.* IS NULL)
) v;
