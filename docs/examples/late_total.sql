-- Results arrive before anybody knows how many there will be. The total comes last, or in the middle: whatever makes the
-- run complete, a result or the total, completes it, once, and in its own transaction.
--
--   psql -f docs/examples/late_total.sql
--
-- creates the schema "late_total" in a database of yours; DROP SCHEMA late_total CASCADE removes it. What each query
-- answers stands below it, after "-->".

\set ON_ERROR_STOP on
CREATE EXTENSION IF NOT EXISTS ratchet;
CREATE SCHEMA late_total;

-- NULL: not known yet. A run without a total is not complete, however many results it has.
CREATE TABLE late_total.runs (
    id           bigint PRIMARY KEY,
    total        int,
    result_count int NOT NULL DEFAULT 0,
    is_completed boolean NOT NULL DEFAULT false);
CREATE TABLE late_total.results (id bigint PRIMARY KEY, run_id bigint NOT NULL REFERENCES late_total.runs);
CREATE INDEX ON late_total.results (run_id);
CREATE TABLE late_total.reports (id bigserial PRIMARY KEY, run_id bigint NOT NULL, results int NOT NULL);

CREATE FUNCTION late_total.report(run bigint) RETURNS void LANGUAGE sql
BEGIN ATOMIC
    INSERT INTO late_total.reports (run_id, results) SELECT id, result_count FROM late_total.runs WHERE id = run;
END;
-- once: a total that is known is not forgotten by a stale save, nor changed.
SELECT ratchet.guard('late_total.runs', once => '{total}');
--> created
SELECT ratchet.tally('late_total.results', 'late_total.runs', '{"result_count": "true"}',
    total => 'total', done => 'is_completed', on_done => 'late_total.report(bigint)');
--> created

-- The total comes last: the statement that stores it completes the run.
INSERT INTO late_total.runs (id) VALUES (1), (2);
INSERT INTO late_total.results VALUES (1, 1), (2, 1), (3, 1), (4, 2);
SELECT id, result_count, is_completed FROM late_total.runs ORDER BY id;
--> 1 | 3 | f
--> 2 | 1 | f
UPDATE late_total.runs SET total = 3 WHERE id = 1 RETURNING result_count, is_completed;
--> 3 | t
SELECT run_id, results FROM late_total.reports;
--> 1 | 3

-- The total comes in between: the last result completes the run.
UPDATE late_total.runs SET total = 2 WHERE id = 2 RETURNING result_count, is_completed;
--> 1 | f
INSERT INTO late_total.results VALUES (5, 2);
SELECT result_count, is_completed FROM late_total.runs WHERE id = 2;
--> 2 | t

-- Both at once, by two sessions, or in one transaction: it is completed once all the same.
BEGIN;
INSERT INTO late_total.runs (id) VALUES (3);
INSERT INTO late_total.results VALUES (6, 3);
UPDATE late_total.runs SET total = 2 WHERE id = 3;
INSERT INTO late_total.results VALUES (7, 3);
COMMIT;
-- And a page that was opened before the total was known saves what it has read.
UPDATE late_total.runs SET total = NULL WHERE id = 3 RETURNING total, is_completed;
--> 2 | t
SELECT run_id, results FROM late_total.reports ORDER BY run_id;
--> 1 | 3
--> 2 | 2
--> 3 | 2
