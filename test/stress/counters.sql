-- What counters.py loads: runs with counters, their results, and two logs that nobody but the database writes.
CREATE EXTENSION ratchet;

CREATE TABLE runs (
    id              int PRIMARY KEY,
    note            text,
    total           int,
    evaluated_count int NOT NULL DEFAULT 0,
    correct_count   int NOT NULL DEFAULT 0,
    incorrect_count int NOT NULL DEFAULT 0,
    score_total     bigint NOT NULL DEFAULT 0,
    is_completed    boolean NOT NULL DEFAULT false,
    completed_at    timestamptz) WITH (fillfactor = 20);

CREATE TABLE results (
    id         int PRIMARY KEY,
    run_id     int REFERENCES runs,
    is_correct boolean,
    score      int NOT NULL,
    -- The top level transaction; xmin may be that of a subtransaction.
    tx         xid8 NOT NULL DEFAULT pg_current_xact_id());
CREATE INDEX ON results (run_id);

-- What has been counted and is not in the counters yet: nothing, unless the counts spill. The load says where it lies.
CREATE VIEW spilled AS
SELECT NULL::int AS id, 0::bigint AS evaluated_count, 0::bigint AS correct_count, 0::bigint AS incorrect_count,
       0::bigint AS score_total WHERE false;

-- Written by on_done: what it sees at that moment.
CREATE TABLE completions (
    number    bigserial PRIMARY KEY,
    run_id    int NOT NULL,
    tx        xid8 NOT NULL DEFAULT pg_current_xact_id(),
    counted   bigint NOT NULL,
    evaluated int NOT NULL,
    total     int NOT NULL);

CREATE FUNCTION run_completed(run int) RETURNS void LANGUAGE sql AS $$
    INSERT INTO public.completions (run_id, counted, evaluated, total)
    SELECT id, (SELECT count(*) FROM public.results WHERE run_id = run)
               - (SELECT coalesce(sum(evaluated_count), 0) FROM public.spilled WHERE id = run), evaluated_count, total
    FROM public.runs WHERE id = run $$;

-- Written by a trigger of the user's: every change of is_completed. The row is locked, so the numbers are in order.
CREATE TABLE turns (
    number    bigserial PRIMARY KEY,
    run_id    int NOT NULL,
    tx        xid8 NOT NULL DEFAULT pg_current_xact_id(),
    done      boolean NOT NULL,
    evaluated int NOT NULL,
    total     int);

CREATE FUNCTION note_turn() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO public.turns (run_id, done, evaluated, total)
    VALUES (NEW.id, NEW.is_completed, NEW.evaluated_count, NEW.total);
    RETURN NULL;
END $$;
CREATE TRIGGER note_turn AFTER UPDATE ON runs FOR EACH ROW
    WHEN (OLD.is_completed IS DISTINCT FROM NEW.is_completed) EXECUTE FUNCTION note_turn();

-- Everything counted again, both ways. One statement, so one snapshot: empty at every moment.
CREATE VIEW drift AS
SELECT r.id, r.total, r.evaluated_count, r.correct_count, r.incorrect_count, r.score_total, r.is_completed,
       s.evaluated AS evaluated_spilled, s.correct AS correct_spilled, s.incorrect AS incorrect_spilled,
       s.score AS score_spilled, c.evaluated, c.correct, c.incorrect, c.score
FROM runs r LEFT JOIN (
    SELECT id, sum(evaluated_count) AS evaluated, sum(correct_count) AS correct, sum(incorrect_count) AS incorrect,
           sum(score_total) AS score
    FROM spilled GROUP BY id) s ON s.id = r.id
FULL JOIN (
    SELECT run_id, count(*) AS evaluated, count(*) FILTER (WHERE is_correct) AS correct,
           count(*) FILTER (WHERE NOT is_correct) AS incorrect, sum(score) AS score
    FROM results WHERE run_id IS NOT NULL GROUP BY run_id) c ON c.run_id = r.id
WHERE (r.evaluated_count + coalesce(s.evaluated, 0), r.correct_count + coalesce(s.correct, 0),
       r.incorrect_count + coalesce(s.incorrect, 0), r.score_total + coalesce(s.score, 0))
      IS DISTINCT FROM (coalesce(c.evaluated, 0), coalesce(c.correct, 0), coalesce(c.incorrect, 0),
                        coalesce(c.score, 0))
   OR r.is_completed AND NOT coalesce(r.total > 0 AND r.evaluated_count >= r.total, false)
   -- What lies spilled may say otherwise: then the fold decides.
   OR NOT r.is_completed AND r.total > 0 AND r.evaluated_count >= r.total AND s.id IS NULL
   OR r.is_completed IS DISTINCT FROM (r.completed_at IS NOT NULL);

-- The control: what teams write by hand. Counted again at every change, and wrong all the same.
CREATE FUNCTION count_again() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE public.runs r SET (evaluated_count, correct_count, incorrect_count, score_total) = (
        SELECT count(*), count(*) FILTER (WHERE is_correct), count(*) FILTER (WHERE NOT is_correct),
               coalesce(sum(score), 0) FROM public.results WHERE run_id = r.id)
    WHERE id IN (NEW.run_id, OLD.run_id);
    UPDATE public.runs SET is_completed = total > 0 AND evaluated_count >= total,
           completed_at = CASE WHEN total > 0 AND evaluated_count >= total THEN now() END
    WHERE id IN (NEW.run_id, OLD.run_id);
    RETURN NULL;
END $$;
