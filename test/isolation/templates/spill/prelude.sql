-- The runs and results of every spec about counts that spill. Counted: evaluated_count, correct_count, score_total.
-- Nobody has a trigger on a run, so that it is written directly; triggers.spec is the same with one.
-- (No closing brace may stand in here: isolationtester would end the block at it.)
CREATE TABLE run (
    id              bigint PRIMARY KEY,
    note            text NOT NULL DEFAULT 'draft',  -- neither counted nor decided
    total           integer,
    evaluated_count integer NOT NULL DEFAULT 0,
    correct_count   bigint NOT NULL DEFAULT 0,
    score_total     numeric NOT NULL DEFAULT 0,
    is_completed    boolean NOT NULL DEFAULT false,
    completed_at    timestamptz
);
CREATE TABLE result (
    run        bigint CONSTRAINT result_run REFERENCES run ON DELETE CASCADE DEFERRABLE,
    question   integer NOT NULL,
    is_correct boolean NOT NULL,
    score      integer NOT NULL
);

-- Calls of on_done.
CREATE TABLE completion (
    xact xid8 NOT NULL DEFAULT pg_current_xact_id(),
    id   bigint NOT NULL
);
CREATE FUNCTION completed(run bigint) RETURNS void LANGUAGE sql AS $$ INSERT INTO public.completion (id) VALUES (run) $$;

-- Two of four, two of three, and a run that no number of results completes.
INSERT INTO run (id, total) VALUES (1, 4), (2, 3), (3, NULL);
INSERT INTO result SELECT 1 + q / 4, q, q % 2 = 1, q FROM unnest(ARRAY[1, 2, 5, 6]) q;
CREATE FUNCTION declare(contention text) RETURNS text LANGUAGE sql AS $$
    SELECT ratchet.tally('result', 'run', jsonb_build_object('evaluated_count', 'true', 'correct_count', 'is_correct',
                                                             'score_total', 'sum(score)'),
                         total => 'total', done => 'is_completed', done_at => 'completed_at',
                         on_done => 'completed(bigint)', contention => declare.contention)
$$;
DO $$ BEGIN PERFORM declare('spill'); END $$;

-- New results of a run.
CREATE FUNCTION results(run bigint, VARIADIC questions integer[])
RETURNS TABLE (run bigint, question integer, is_correct boolean, score integer) LANGUAGE sql AS $$
    SELECT results.run, q, q % 2 = 1, q FROM unnest(questions) q;
$$;

-- Recount and what is stored and lies spilled, in the snapshot of who asks (they are STABLE). Functions, because views
-- would depend on what a declaration drops.
CREATE FUNCTION lying()
RETURNS TABLE (id bigint, rows bigint, evaluated_count numeric, correct_count numeric, score_total numeric)
LANGUAGE sql STABLE AS $$
    SELECT id, count(*), sum(evaluated_count), sum(correct_count), sum(score_total) FROM run_spilled GROUP BY id
$$;
CREATE FUNCTION exact() RETURNS TABLE (id bigint, evaluated_count numeric, correct_count numeric, score_total numeric)
LANGUAGE sql STABLE AS $$ SELECT id, evaluated_count, correct_count, score_total FROM run_exact $$;
CREATE VIEW stored AS
SELECT r.id, r.evaluated_count + coalesce(s.evaluated_count, 0) AS evaluated_count,
       r.correct_count + coalesce(s.correct_count, 0) AS correct_count, r.score_total + coalesce(s.score_total, 0) AS score_total
FROM run r LEFT JOIN lying() s ON s.id = r.id;
CREATE VIEW recounted AS
SELECT r.id, count(c.run)::numeric AS evaluated_count, (count(*) FILTER (WHERE c.is_correct))::numeric AS correct_count,
       coalesce(sum(c.score), 0)::numeric AS score_total
FROM run r LEFT JOIN result c ON c.run = r.id
GROUP BY r.id;
CREATE VIEW called AS SELECT id, count(*) AS times, count(DISTINCT xact) AS transactions FROM completion GROUP BY id;

CREATE VIEW judgement AS
SELECT invariant, CASE violations WHEN 0 THEN 'ok' ELSE 'VIOLATED' END AS verdict
FROM (
    SELECT 'stored and spilled together are the recount' AS invariant,
           (SELECT count(*) FROM ((TABLE stored EXCEPT TABLE recounted) UNION ALL (TABLE recounted EXCEPT TABLE stored)) d)
           AS violations
    UNION ALL
    SELECT 'so says the view',
           (SELECT count(*) FROM (SELECT * FROM exact() EXCEPT TABLE recounted) d)
    UNION ALL
    SELECT 'verify() finds no drift', (SELECT count(*) FROM ratchet.verify())
    UNION ALL
    SELECT 'a run where nothing lies spilled is done when total > 0 and counter >= total, and only then',
           (SELECT count(*) FROM run r
            WHERE r.is_completed <> coalesce(r.total > 0 AND r.evaluated_count >= r.total, false)
              AND NOT EXISTS (SELECT FROM lying() s WHERE s.id = r.id))
    UNION ALL
    SELECT 'a run that is done says when, no other does',
           (SELECT count(*) FROM run WHERE is_completed <> (completed_at IS NOT NULL))
    UNION ALL
    SELECT 'on_done is called for a run that is done, once a transaction',
           (SELECT count(*) FROM run r FULL JOIN called c ON c.id = r.id
            WHERE (r.is_completed AND c.id IS NULL) OR c.times > c.transactions)
) v;

-- What is left, for people to read: of a counter what is stored, and what lies spilled.
CREATE VIEW left_over AS
SELECT r.id, concat(r.evaluated_count, to_char(s.evaluated_count, 'FMSG9')) AS counted,
       concat(r.correct_count, to_char(s.correct_count, 'FMSG9')) AS correct,
       concat(r.score_total, to_char(s.score_total, 'FMSG99')) AS score, s.rows AS spilled, r.is_completed AS done, c.times,
       (SELECT string_agg(c.question::text, ' ' ORDER BY c.question) FROM result c WHERE c.run = r.id) AS questions
FROM run r LEFT JOIN lying() s ON s.id = r.id LEFT JOIN called c ON c.id = r.id ORDER BY r.id;
-- Of rows that are gone.
CREATE VIEW stray AS SELECT id, evaluated_count FROM lying() s WHERE NOT EXISTS (SELECT FROM run r WHERE r.id = s.id);
