-- The tables of the benchmarks, all alike but for their triggers. psql variables: module, the library's path.
\set QUIET on
\set ON_ERROR_STOP on
SET client_min_messages = warning;

CREATE EXTENSION IF NOT EXISTS ratchet;
CREATE SCHEMA bench;

CREATE FUNCTION bench.empty_trigger() RETURNS trigger LANGUAGE c AS :'module', 'bench_empty_trigger';
CREATE FUNCTION bench.cpu_ns() RETURNS bigint LANGUAGE c VOLATILE AS :'module', 'bench_cpu_ns';
CREATE FUNCTION bench.profile(name text) RETURNS void LANGUAGE c VOLATILE AS :'module', 'bench_profile';

-- What one run used, read by the programs afterwards.
CREATE UNLOGGED TABLE bench.mark (at timestamptz, cpu_ns bigint);

CREATE TABLE bench.unguarded (
    id                bigint PRIMARY KEY,
    project_id        bigint NOT NULL,
    evaluator_id      bigint NOT NULL,
    creator_user_id   bigint,
    title             text NOT NULL,
    comment           text,
    score             integer,
    score_impact      integer,
    score_team        integer,
    manually_scored   boolean NOT NULL DEFAULT false,
    submission_source text,
    submitted_at      timestamptz,
    submitter_user_id bigint,
    created_at        timestamptz NOT NULL DEFAULT now(),
    updated_at        timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE bench.empty_c (LIKE bench.unguarded INCLUDING ALL);
CREATE TABLE bench.guarded (LIKE bench.unguarded INCLUDING ALL);
CREATE TABLE bench.fenced (LIKE bench.unguarded INCLUDING ALL);
CREATE TABLE bench.plpgsql (LIKE bench.unguarded INCLUDING ALL);
CREATE TABLE public.scorecards (LIKE bench.unguarded INCLUDING ALL);

-- As many columns of the same types, in the same order; each policy guards some.
CREATE TABLE bench.policies (
    id                bigint PRIMARY KEY,
    project_id        bigint NOT NULL,
    version           bigint NOT NULL,
    creator_user_id   bigint,
    title             text NOT NULL,
    comment           text,
    score             integer,
    progress          integer,
    status            integer,
    manually_scored   boolean NOT NULL DEFAULT false,
    submission_source text,
    submitted_at      timestamptz,
    submitter_user_id bigint,
    created_at        timestamptz NOT NULL DEFAULT now(),
    updated_at        timestamptz NOT NULL DEFAULT now()
);

CREATE TRIGGER empty_c BEFORE UPDATE ON bench.empty_c FOR EACH ROW EXECUTE FUNCTION bench.empty_trigger();

SELECT ratchet.guard('bench.guarded', gate => 'submitted_at', actor => 'submitter_user_id', owned => '{submission_source}') \g /dev/null
SELECT ratchet.guard('bench.fenced', gate => 'submitted_at', actor => 'submitter_user_id', owned => '{submission_source}',
                     fence => 'score_team') \g /dev/null
SELECT ratchet.guard('public.scorecards', gate => 'submitted_at', actor => 'submitter_user_id', owned => '{submission_source}') \g /dev/null

SELECT ratchet.guard('bench.policies', gate => 'submitted_at', actor => 'submitter_user_id', owned => '{submission_source}',
                     once => '{creator_user_id}', frozen => '{title,comment,score}', forward => '{progress,manually_scored}',
                     states => '{"status": {"0": [1], "1": [2, 4], "2": [3], "3": [0, 4], "4": []}}', heartbeat => 'updated_at',
                     version => 'version') \g /dev/null

-- The same promise as people write it.
CREATE FUNCTION bench.keep_submission() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.submitted_at IS NOT NULL THEN
        NEW.submitted_at := OLD.submitted_at;
        NEW.submitter_user_id := OLD.submitter_user_id;
        NEW.submission_source := OLD.submission_source;
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER keep_submission BEFORE UPDATE ON bench.plpgsql FOR EACH ROW EXECUTE FUNCTION bench.keep_submission();

CREATE FUNCTION public.submit_plpgsql(card bigint, submitter bigint, OUT outcome text, OUT won_at timestamptz, OUT won_by bigint)
LANGUAGE plpgsql AS $$
BEGIN
    UPDATE public.scorecards c SET submitted_at = now(), submitter_user_id = submitter
    WHERE c.id = card AND c.submitted_at IS NULL
    RETURNING c.submitted_at, c.submitter_user_id INTO won_at, won_by;
    IF FOUND THEN
        outcome := 'submitted';
        RETURN;
    END IF;
    SELECT c.submitted_at, c.submitter_user_id INTO won_at, won_by FROM public.scorecards c WHERE c.id = card;
    outcome := CASE WHEN FOUND THEN 'already_submitted' ELSE 'not_found' END;
END
$$;

-- Fills a table anew. closed: every row is submitted. fullness: how full its pages are, in percent. 100 is what a table
-- has that was just loaded; with 40 every row's next version fits on its page, so that an update is HOT and nothing has
-- to be pruned: the cheapest update there is, and so the hardest to compare with.
CREATE PROCEDURE bench.fill(target regclass, rows integer, closed boolean, fullness integer) LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('TRUNCATE %s', target);
    EXECUTE format('ALTER TABLE %s SET (fillfactor = %s)', target, fullness);
    EXECUTE format($fill$
        INSERT INTO %s
        SELECT i, i / 10, i %% 10, i %% 7, 'scorecard ' || i, 'a comment of the usual length, some sixty characters long ' || i,
               i %% 100, i %% 50, i %% 4, false, 'web',
               CASE WHEN $2 THEN timestamptz '2024-05-01 12:00+00' + i * interval '1 second' END, CASE WHEN $2 THEN i %% 7 END,
               timestamptz '2024-04-01 12:00+00', timestamptz '2024-04-01 12:00+00'
        FROM generate_series(1, $1) i ORDER BY i $fill$, target) USING rows, closed;
    EXECUTE format('ALTER TABLE %s RESET (fillfactor)', target);
END
$$;

-- Runs one statement: seconds by the clock and of this backend's processor time.
CREATE FUNCTION bench.timed(statement text, OUT seconds float8, OUT cpu_seconds float8) LANGUAGE plpgsql AS $$
DECLARE
    began timestamptz := clock_timestamp();
    began_ns bigint := bench.cpu_ns();
BEGIN
    EXECUTE statement;
    seconds := extract(epoch FROM clock_timestamp() - began);
    cpu_seconds := (bench.cpu_ns() - began_ns) / 1e9;
END
$$;
