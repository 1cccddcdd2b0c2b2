-- Runs of an evaluation, at three levels: results arrive in batches and count for their run, runs count for their
-- evaluation. A run is complete when all its results are in, an evaluation when all its runs are, and whoever brings the
-- last result finds out for all of them, in his own transaction.
--
--   psql -f docs/examples/counters.sql
--
-- creates the schema "quality" in a database of yours; DROP SCHEMA quality CASCADE removes it. What each query answers
-- stands below it, after "-->".

\set ON_ERROR_STOP on
CREATE EXTENSION IF NOT EXISTS ratchet;
CREATE SCHEMA quality;

-- -- The tables, as the application has them already ------------------------------------------------------------------

CREATE TABLE quality.evaluations (
    id            bigint PRIMARY KEY,
    name          text NOT NULL,
    run_count     int NOT NULL DEFAULT 0,
    finished_runs int NOT NULL DEFAULT 0,
    result_count  bigint NOT NULL DEFAULT 0,
    is_finished   boolean NOT NULL DEFAULT false,
    finished_at   timestamptz);

CREATE TABLE quality.runs (
    id              bigint PRIMARY KEY,
    evaluation_id   bigint NOT NULL REFERENCES quality.evaluations ON DELETE CASCADE,
    model           text NOT NULL,
    total           int NOT NULL,
    evaluated_count int NOT NULL DEFAULT 0,
    correct_count   int NOT NULL DEFAULT 0,
    incorrect_count int NOT NULL DEFAULT 0,
    score_total     numeric NOT NULL DEFAULT 0,
    is_completed    boolean NOT NULL DEFAULT false,
    completed_at    timestamptz);
CREATE INDEX ON quality.runs (evaluation_id);

CREATE TABLE quality.results (
    run_id      bigint NOT NULL REFERENCES quality.runs ON DELETE CASCADE,
    question_id bigint NOT NULL,
    is_correct  boolean,                -- NULL: could not be judged
    score       numeric,
    PRIMARY KEY (run_id, question_id));

CREATE TABLE quality.reports (evaluation_id bigint PRIMARY KEY REFERENCES quality.evaluations ON DELETE CASCADE, best text);

-- -- The contracts ----------------------------------------------------------------------------------------------------

SELECT ratchet.tally('quality.results', 'quality.runs',
    '{"evaluated_count": "true", "correct_count": "is_correct", "incorrect_count": "NOT is_correct",
      "score_total": "sum(score)"}',
    total => 'total', done => 'is_completed', done_at => 'completed_at');
--> created

-- Called once, when the last run of an evaluation is complete. Standard SQL: names are resolved now, not when it runs.
CREATE FUNCTION quality.report(evaluation bigint) RETURNS void LANGUAGE sql
BEGIN ATOMIC
    INSERT INTO quality.reports
    SELECT evaluation, r.model FROM quality.runs r WHERE r.evaluation_id = evaluation ORDER BY r.score_total DESC LIMIT 1;
END;

-- All runs, and those of them that are complete: the total is a counter itself. What is summed is one, too.
SELECT ratchet.tally('quality.runs', 'quality.evaluations',
    '{"run_count": "true", "finished_runs": "is_completed", "result_count": "sum(evaluated_count)"}',
    total => 'run_count', total_of => 'finished_runs', done => 'is_finished', done_at => 'finished_at',
    on_done => 'quality.report(bigint)', latch => true);
--> created

-- -- An evaluation ----------------------------------------------------------------------------------------------------

INSERT INTO quality.evaluations (id, name) VALUES (1, 'spring');
INSERT INTO quality.runs (id, evaluation_id, model, total) VALUES (10, 1, 'small', 3), (11, 1, 'large', 2);

-- A batch over two runs. What each of them has come to, as it will commit:
SELECT b.outcome, p -> 'key' ->> 'id' AS run, p -> 'columns' ->> 'evaluated_count' AS evaluated, p ->> 'done' AS done
FROM ratchet.submit_batch('quality.results', '[
    {"run_id": 11, "question_id": 1, "is_correct": true, "score": 0.9},
    {"run_id": 10, "question_id": 1, "is_correct": true, "score": 0.8},
    {"run_id": 11, "question_id": 2, "is_correct": true, "score": 0.7}]', flush => true) b, jsonb_array_elements(b.progress) p
WHERE p ->> 'parent' = 'quality.runs' ORDER BY 2;
--> stored | 10 | 1 | false
--> stored | 11 | 2 | true

-- Its answer was lost, so the worker sends it again, with one more. Nothing is counted twice.
SELECT outcome, inserted, jsonb_path_query_array(duplicates, '$[*].index') AS duplicates
FROM ratchet.submit_batch('quality.results', '[
    {"run_id": 11, "question_id": 1, "is_correct": true, "score": 0.9},
    {"run_id": 10, "question_id": 1, "is_correct": true, "score": 0.8},
    {"run_id": 11, "question_id": 2, "is_correct": true, "score": 0.7},
    {"run_id": 10, "question_id": 2}]');
--> partial | 1 | [0, 1, 2]

-- Judged later, by plain SQL, and saved by an ORM that loaded the run before all this.
UPDATE quality.results SET is_correct = false, score = 0.1 WHERE run_id = 10 AND question_id = 2;
UPDATE quality.runs SET model = 'small-2', evaluated_count = 0, correct_count = 0 WHERE id = 10;
SELECT model, evaluated_count, correct_count, incorrect_count, score_total FROM quality.runs WHERE id = 10;
--> small-2 | 2 | 1 | 1 | 0.9

-- The last result completes its run, and the run the evaluation.
INSERT INTO quality.results VALUES (10, 3, true, 0.6);
SELECT e.run_count, e.finished_runs, e.result_count, e.is_finished, r.best
FROM quality.evaluations e JOIN quality.reports r ON r.evaluation_id = e.id;
--> 2 | 2 | 5 | t | large

-- A run removed takes its results and counts with it.
DELETE FROM quality.runs WHERE id = 11;
SELECT run_count, finished_runs, result_count FROM quality.evaluations;
--> 1 | 1 | 3

-- -- Looking after it -------------------------------------------------------------------------------------------------

SELECT count(*) FROM ratchet.verify();
--> 0
SELECT count(*) FROM ratchet.health();
--> 0

-- Triggers do not see everything. Whoever may switch them off can put the counters wrong ...
ALTER TABLE quality.results DISABLE TRIGGER USER;
DELETE FROM quality.results WHERE question_id = 3;
ALTER TABLE quality.results ENABLE TRIGGER USER;
SELECT child, key ->> 'id' AS run, "column", stored, counted FROM ratchet.verify('quality.runs') ORDER BY 3;
--> quality.results | 10 | correct_count | 2 | 1
--> quality.results | 10 | evaluated_count | 3 | 2
--> quality.results | 10 | is_completed | true | false
--> quality.results | 10 | score_total | 1.5 | 0.9

-- ... and right again. What the run counts for elsewhere follows.
CALL ratchet.repair('quality.runs');
SELECT e.finished_runs, e.result_count, r.is_completed FROM quality.evaluations e JOIN quality.runs r ON r.evaluation_id = e.id;
--> 0 | 2 | f
