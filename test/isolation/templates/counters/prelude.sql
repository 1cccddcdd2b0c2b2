-- The runs and results of every spec about counters. Counted: evaluated_count, correct_count, score_total.
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
    run        bigint REFERENCES run ON DELETE CASCADE,
    question   integer NOT NULL,
    is_correct boolean NOT NULL,
    score      integer NOT NULL,
    CONSTRAINT result_question UNIQUE (run, question)
);

-- Witnesses, which know nothing of ratchet. Every version of a run, beside the transaction that made it; numbers are
-- drawn while the row's lock is held, so those of one run are in the order of its versions.
CREATE TABLE version (
    n         bigint GENERATED ALWAYS AS IDENTITY,
    xact      xid8 NOT NULL DEFAULT pg_current_xact_id(),
    id        bigint NOT NULL,
    was       boolean NOT NULL,  -- complete before
    run       jsonb              -- NULL: deleted
);
CREATE FUNCTION witness() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO public.version (id, was, run)
    VALUES (coalesce(NEW.id, OLD.id), coalesce(OLD.is_completed, false), to_jsonb(NEW));
    RETURN NULL;
END $$;
CREATE TRIGGER witness AFTER INSERT OR UPDATE OR DELETE ON run FOR EACH ROW EXECUTE FUNCTION witness();

-- Calls of on_done.
CREATE TABLE completion (
    xact xid8 NOT NULL DEFAULT pg_current_xact_id(),
    id   bigint NOT NULL
);
CREATE FUNCTION completed(run bigint) RETURNS void LANGUAGE sql AS $$ INSERT INTO public.completion (id) VALUES (run) $$;

-- Two of four, two of three, and a run that no number of results completes.
INSERT INTO run (id, total) VALUES (1, 4), (2, 3), (3, NULL);
INSERT INTO result SELECT 1 + q / 4, q, q % 2 = 1, q FROM unnest(ARRAY[1, 2, 5, 6]) q;
DO $$ BEGIN
    PERFORM ratchet.tally('result', 'run',
                          jsonb_build_object('evaluated_count', 'true', 'correct_count', 'is_correct',
                                             'score_total', 'sum(score)'),
                          total => 'total', done => 'is_completed', done_at => 'completed_at',
                          on_done => 'completed(bigint)', contention => '@contention@');
END $$;

-- What each session was answered, written in the session's own transaction: a row is here if and only if that
-- transaction committed.
CREATE TABLE answer (
    n       bigint GENERATED ALWAYS AS IDENTITY,
    xact    xid8 NOT NULL DEFAULT pg_current_xact_id(),
    version bigint,         -- the newest of any run when it was given
    who     text NOT NULL,
    verb    text NOT NULL,
    outcome text NOT NULL,
    run     bigint,         -- of a save
    asked   jsonb,          -- records, or what a save meant to save
@spill@     exact   jsonb,          -- the runs as they were then, and with what lay spilled
    told    jsonb           -- the whole answer
);
CREATE FUNCTION answered(who text, verb text, outcome text, asked jsonb, told jsonb) RETURNS void LANGUAGE sql AS $$
    INSERT INTO answer (version, who, verb, outcome, asked, told)
    SELECT last_value, who, verb, outcome, asked, told FROM version_n_seq;
@spill@     UPDATE answer SET exact = (
@spill@         SELECT jsonb_object_agg(r.id, to_jsonb(r) || to_jsonb(e)) FROM run r JOIN run_exact e ON e.id = r.id)
@spill@     WHERE n = lastval();
$$;

-- New results of a run, as submit_batch() takes them, and as many rows for a plain INSERT.
CREATE FUNCTION results(run bigint, VARIADIC questions integer[])
RETURNS TABLE (run bigint, question integer, is_correct boolean, score integer) LANGUAGE sql AS $$
    SELECT results.run, q, q % 2 = 1, q FROM unnest(questions) q;
$$;
CREATE FUNCTION records(run bigint, VARIADIC questions integer[]) RETURNS jsonb LANGUAGE sql AS $$
    SELECT jsonb_agg(to_jsonb(r) ORDER BY n)
    FROM unnest(questions) WITH ORDINALITY q (question, n), results(run, q.question) r;
$$;
@spill@ -- Whether it is done is told as the row has it, and depends on where the counts lie.
CREATE FUNCTION brief(progress jsonb) RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(format('%s %s: %s of %s%s', p ->> 'parent', p -> 'key' ->> 'id', c -> 'evaluated_count',
@wait@                              c -> 'total', CASE WHEN (p ->> 'done')::boolean THEN ', done' END),
@spill@                              c -> 'total', ''),
                      '; ' ORDER BY p ->> 'parent', p -> 'key')
    FROM jsonb_array_elements(progress) p, LATERAL (SELECT p -> 'columns') c (c);
$$;

CREATE FUNCTION batch(who text, records jsonb, flush boolean DEFAULT true)
RETURNS TABLE (outcome text, inserted bigint, repeated text, progress text) LANGUAGE plpgsql AS $$
DECLARE
    told ratchet.batch_result;
BEGIN
    told := ratchet.submit_batch('result', records, flush);
    PERFORM answered(who, CASE WHEN flush THEN 'batch' ELSE 'batch, later' END, told.outcome, records, to_jsonb(told));
    RETURN QUERY
        SELECT told.outcome, told.inserted,
               (SELECT string_agg(format('%s of %s', d -> 'index', coalesce(d ->> 'constraint', d ->> 'same_as')), ', ')
                FROM jsonb_array_elements(told.duplicates) d),
               brief(told.progress);
END $$;

-- An ORM: load() fetches the run into the client, save() writes every column of that image, the changed ones and the
-- stale ones, and counts in the client where "counts" says how many results it believes to have added.
CREATE FUNCTION load(which bigint) RETURNS TABLE (note text, total integer, evaluated_count integer, is_completed boolean)
LANGUAGE sql AS $$
    SELECT r.note, r.total, r.evaluated_count, r.is_completed
    FROM run r CROSS JOIN LATERAL set_config('client.row', to_jsonb(r)::text, false)
    WHERE r.id = which;
$$;
CREATE FUNCTION save(who text, says text, counts integer DEFAULT 0, upsert boolean DEFAULT false)
RETURNS TABLE (outcome text, note text, evaluated_count integer, is_completed boolean) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    meant run := jsonb_populate_record(NULL::run, current_setting('client.row')::jsonb);
    after run;
    said  text;
BEGIN
    meant.note := says;
    IF counts <> 0 THEN
        meant.evaluated_count := meant.evaluated_count + counts;
        meant.is_completed := meant.evaluated_count >= meant.total;
        meant.completed_at := CASE WHEN meant.is_completed THEN clock_timestamp() END;
    END IF;
    IF upsert THEN
        INSERT INTO run AS r VALUES (meant.*)
        ON CONFLICT (id) DO UPDATE SET note = excluded.note, total = excluded.total,
            evaluated_count = excluded.evaluated_count, correct_count = excluded.correct_count,
            score_total = excluded.score_total, is_completed = excluded.is_completed,
            completed_at = excluded.completed_at
        RETURNING r.* INTO after;
    ELSE
        UPDATE run r SET note = meant.note, total = meant.total,
            evaluated_count = meant.evaluated_count, correct_count = meant.correct_count,
            score_total = meant.score_total, is_completed = meant.is_completed, completed_at = meant.completed_at
        WHERE r.id = meant.id
        RETURNING r.* INTO after;
    END IF;
    said := CASE WHEN after.id IS NULL THEN 'no row' ELSE 'saved' END;
    INSERT INTO answer (who, verb, outcome, run, asked)
    VALUES (who, 'save', said, meant.id, jsonb_build_object('note', meant.note));
    RETURN QUERY SELECT said, after.note, after.evaluated_count, after.is_completed;
END $$;

-- What must hold at every commit.
@wait@ CREATE VIEW stored AS SELECT id, evaluated_count::bigint, correct_count, score_total::bigint FROM run;
@spill@ CREATE VIEW stored AS
@spill@ SELECT id, evaluated_count::bigint, correct_count::bigint, score_total::bigint FROM run_exact;
CREATE VIEW recounted AS
SELECT r.id, count(c.run) AS evaluated_count, count(*) FILTER (WHERE c.is_correct) AS correct_count,
       coalesce(sum(c.score), 0) AS score_total
FROM run r LEFT JOIN result c ON c.run = r.id
GROUP BY r.id;

CREATE VIEW decided AS  -- every version of a run, those that no witness saw too
SELECT (run ->> 'is_completed')::boolean AS done, run ->> 'completed_at' AS done_at,
       coalesce((run ->> 'total')::integer > 0
                AND (run ->> 'evaluated_count')::integer >= (run ->> 'total')::integer, false) AS due
FROM (SELECT run FROM version UNION ALL SELECT to_jsonb(run) FROM run) v;

CREATE VIEW called_back AS  -- how often a transaction has to call on_done for a run, and how often it has
SELECT id, xact, sum(due) AS due, sum(may) AS may, sum(calls) AS calls
FROM (SELECT id, xact, 0 AS calls, ((array_agg(now ORDER BY n DESC))[1] AND NOT (array_agg(was ORDER BY n))[1])::integer AS due,
             -- what was called for at an earlier flush may be undone again
             (bool_or(now) AND NOT (array_agg(was ORDER BY n))[1])::integer AS may
      FROM (SELECT *, coalesce((run ->> 'is_completed')::boolean, false) AS now FROM version) v GROUP BY id, xact
      UNION ALL SELECT id, xact, 1, 0, 0 FROM completion) c
GROUP BY id, xact;

CREATE VIEW promised AS  -- runs as an answer told them, and as they were then in that transaction
SELECT p -> 'columns' AS columns, (p ->> 'done')::boolean AS done, v.run
FROM answer a
CROSS JOIN LATERAL jsonb_array_elements(CASE jsonb_typeof(a.told -> 'progress') WHEN 'array' THEN a.told -> 'progress' END) p
@spill@ CROSS JOIN LATERAL (SELECT a.exact -> (p -> 'key' ->> 'id') AS run) v
@wait@ CROSS JOIN LATERAL (SELECT v.run FROM version v
@wait@                     WHERE v.xact = a.xact AND v.id = (p -> 'key' ->> 'id')::bigint AND v.n <= a.version
@wait@                     ORDER BY v.n DESC LIMIT 1) v
WHERE a.verb <> 'batch, later' AND p ->> 'parent' IN ('run', 'public.run');

CREATE VIEW further AS  -- of a spec's own tables: a template may replace it
SELECT NULL::text AS invariant, 0::bigint AS violations WHERE false;

CREATE VIEW judgement AS
SELECT invariant, CASE violations WHEN 0 THEN 'ok' ELSE 'VIOLATED' END AS verdict
FROM (
    SELECT 'every counter is the recount' AS invariant,
           (SELECT count(*) FROM (TABLE stored EXCEPT TABLE recounted) d) AS violations
    UNION ALL
    SELECT 'every recount is the counter', (SELECT count(*) FROM (TABLE recounted EXCEPT TABLE stored) d)
    UNION ALL
    SELECT 'verify() finds no drift', (SELECT count(*) FROM ratchet.verify())
    UNION ALL
    SELECT 'a run is done when total > 0 and counter >= total, and only then',
@wait@            (SELECT count(*) FROM decided WHERE done <> due)
@spill@            (SELECT count(*) FROM decided WHERE done AND NOT due)
@spill@            + (SELECT count(*) FROM run r
@spill@               WHERE NOT r.is_completed AND r.total > 0 AND r.evaluated_count >= r.total
@spill@                 AND NOT EXISTS (SELECT FROM run_spilled s WHERE s.id = r.id))
    UNION ALL
    SELECT 'a run that is done says when, no other does',
           (SELECT count(*) FROM decided WHERE done <> (done_at IS NOT NULL))
    UNION ALL
    SELECT 'on_done is called once per completion, in its transaction',
           (SELECT count(*) FROM called_back WHERE calls NOT BETWEEN due AND may)
    UNION ALL
    SELECT 'progress is told as it will commit',
           (SELECT count(*) FROM promised
            WHERE NOT run @> columns OR columns = jsonb_build_object()
               OR done IS DISTINCT FROM (run ->> 'is_completed')::boolean)
    UNION ALL
    SELECT 'a batch is answered record by record',
           (SELECT count(*) FROM answer
            WHERE verb LIKE 'batch%'
              AND NOT ((told ->> 'inserted')::integer + jsonb_array_length(told -> 'duplicates')
                           = jsonb_array_length(asked)
                       AND outcome = CASE WHEN jsonb_array_length(told -> 'duplicates') = 0 THEN 'stored'
                                          WHEN told ->> 'inserted' = '0' THEN 'duplicates' ELSE 'partial' END))
    UNION ALL
    SELECT 'a committed save is still there',
           (SELECT count(*)
            FROM (SELECT DISTINCT ON (run) run, asked FROM answer WHERE outcome = 'saved' ORDER BY run, n DESC) s
            JOIN run r ON r.id = s.run
            WHERE NOT to_jsonb(r) @> s.asked)
    UNION ALL
    SELECT * FROM further
) v;

-- What is left, for people to read.
CREATE VIEW told AS SELECT who, verb, outcome FROM answer ORDER BY who, n;
CREATE VIEW left_over AS
SELECT r.id, r.note, r.total, r.evaluated_count AS counted, r.correct_count AS correct, r.score_total AS score,
       r.is_completed AS done, (SELECT count(*) FROM completion c WHERE c.id = r.id) AS times,
       (SELECT string_agg(c.question::text, ' ' ORDER BY c.question) FROM result c WHERE c.run = r.id) AS questions
FROM run r ORDER BY r.id;
