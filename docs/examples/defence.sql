-- The defence of a thesis. Every evaluator assigned to a project hands in one evaluation, once. The last of them
-- concludes the defence: the student advances and the access codes of the project are gone, in the very transaction that
-- stored that evaluation, however many evaluators press the button at the same time, and however often each of them does.
--
--   psql -f docs/examples/defence.sql
--
-- creates the schema "defence" in a database of yours; DROP SCHEMA defence CASCADE removes it. What each query answers
-- stands below it, after "-->"; test/t/022_defence.pl runs this file and compares, then lets 64 evaluators loose on it.

\set ON_ERROR_STOP on
CREATE EXTENSION IF NOT EXISTS ratchet;
CREATE SCHEMA defence;

-- -- The tables, as the application has them already ------------------------------------------------------------------

CREATE TABLE defence.students (
    id    bigint PRIMARY KEY,
    name  text NOT NULL,
    stage text NOT NULL DEFAULT 'defence');

CREATE TABLE defence.projects (
    id              bigint PRIMARY KEY,
    student_id      bigint NOT NULL REFERENCES defence.students,
    title           text NOT NULL,
    assigned_count  int NOT NULL DEFAULT 0,
    evaluated_count int NOT NULL DEFAULT 0,
    grade_sum       numeric NOT NULL DEFAULT 0,
    is_defended     boolean NOT NULL DEFAULT false,
    defended_at     timestamptz);

CREATE TABLE defence.access_codes (
    code       text PRIMARY KEY,
    project_id bigint NOT NULL REFERENCES defence.projects);
CREATE INDEX ON defence.access_codes (project_id);

CREATE TABLE defence.assignments (
    project_id    bigint NOT NULL REFERENCES defence.projects,
    evaluator_id  bigint NOT NULL,
    has_evaluated boolean NOT NULL DEFAULT false,
    evaluated_at  timestamptz,
    evaluated_by  text,
    request_id    uuid,
    PRIMARY KEY (project_id, evaluator_id));

CREATE TABLE defence.evaluations (
    project_id   bigint NOT NULL REFERENCES defence.projects,
    evaluator_id bigint NOT NULL,
    grade        numeric NOT NULL CHECK (grade BETWEEN 1 AND 5),
    remark       text,
    PRIMARY KEY (project_id, evaluator_id),
    FOREIGN KEY (project_id, evaluator_id) REFERENCES defence.assignments);

-- -- The contracts ----------------------------------------------------------------------------------------------------

-- One evaluation per assignment: only ratchet.submit() closes the gate, and nobody opens it again.
SELECT ratchet.guard('defence.assignments', gate => 'has_evaluated', gate_at => 'evaluated_at', actor => 'evaluated_by',
    idempotency_key => 'request_id', gate_by => 'submit');
--> created

-- How many evaluators there are is counted, not kept by hand.
SELECT ratchet.tally('defence.assignments', 'defence.projects', '{"assigned_count": "true"}');
--> created

-- What happens once, when the last evaluation is in. It runs as the owner of the tables, with nothing of theirs in its
-- search_path: names have a schema.
CREATE FUNCTION defence.conclude(project bigint) RETURNS void LANGUAGE sql
BEGIN ATOMIC
    UPDATE defence.students s SET stage = 'graduated'
        FROM defence.projects p WHERE p.id = project AND s.id = p.student_id;
    DELETE FROM defence.access_codes WHERE project_id = project;
END;

-- The defence is over when as many have evaluated as are assigned: the total is the other tally. With latch it stays
-- over when somebody is assigned afterwards.
SELECT ratchet.tally('defence.evaluations', 'defence.projects',
    '{"evaluated_count": "true", "grade_sum": "sum(grade)"}',
    total => 'assigned_count', done => 'is_defended', done_at => 'defended_at',
    on_done => 'defence.conclude(bigint)', latch => true);
--> created

-- -- A defence --------------------------------------------------------------------------------------------------------

INSERT INTO defence.students (id, name) VALUES (1, 'Ada');
INSERT INTO defence.projects (id, student_id, title) VALUES (1, 1, 'Notes on an engine');
INSERT INTO defence.access_codes (code, project_id) VALUES ('blue door', 1), ('third floor', 1);
INSERT INTO defence.assignments (project_id, evaluator_id) VALUES (1, 7), (1, 8);
SELECT assigned_count, evaluated_count, is_defended FROM defence.projects WHERE id = 1;
--> 2 | 0 | f

-- The gate and the record in one call. The application sends a key of its own with the request ...
SELECT outcome, record ->> 'grade' AS grade,
       progress -> 0 -> 'columns' ->> 'evaluated_count' AS evaluated, progress -> 0 ->> 'done' AS done
FROM ratchet.submit('defence.assignments', '{"project_id": 1, "evaluator_id": 7}', 'Babbage',
    child => 'defence.evaluations', record => '{"grade": 1.3, "remark": "sound"}',
    idempotency_key => '6f9619ff-8b86-4011-b42d-00c04fc964ff', flush => true);
--> submitted | 1.3 | 1 | false

-- ... so that it can ask again when the answer was lost: 200, and the evaluation that is stored.
SELECT outcome, record ->> 'grade' AS grade
FROM ratchet.submit('defence.assignments', '{"project_id": 1, "evaluator_id": 7}', 'Babbage',
    child => 'defence.evaluations', record => '{"grade": 1.3, "remark": "sound"}',
    idempotency_key => '6f9619ff-8b86-4011-b42d-00c04fc964ff');
--> replayed | 1.3

-- The second browser window is told who was first: 409. Nothing is stored.
SELECT outcome, submitted_by, submitted_at IS NOT NULL AS at, record IS NULL AS nothing
FROM ratchet.submit('defence.assignments', '{"project_id": 1, "evaluator_id": 7}', 'Babbage, second window',
    child => 'defence.evaluations', record => '{"grade": 5}');
--> already_submitted | Babbage | t | t

-- The last evaluation concludes the defence.
SELECT outcome, progress -> 0 -> 'columns' ->> 'evaluated_count' AS evaluated, progress -> 0 ->> 'done' AS done
FROM ratchet.submit('defence.assignments', '{"project_id": 1, "evaluator_id": 8}', 'Somerville',
    child => 'defence.evaluations', record => '{"grade": 1.7}', flush => true);
--> submitted | 2 | true
SELECT stage, (SELECT count(*) FROM defence.access_codes) AS codes FROM defence.students WHERE id = 1;
--> graduated | 0
SELECT grade_sum / evaluated_count AS grade, is_defended, defended_at IS NOT NULL AS at
FROM defence.projects WHERE id = 1;
--> 1.5000000000000000 | t | t

-- A page that was opened before all this saves its old copy of the project. The title is saved; the counters and the
-- conclusion stay what they are, with a notice.
UPDATE defence.projects SET title = 'Notes on the Analytical Engine', evaluated_count = 0, is_defended = false,
    defended_at = NULL WHERE id = 1
RETURNING title, evaluated_count, is_defended;
--> Notes on the Analytical Engine | 2 | t

-- What a page asks for, and what a nightly job does: no rows, no drift.
SELECT outcome, progress ->> 'done' AS done FROM ratchet.progress('defence.projects', 1);
--> found | true
SELECT count(*) AS drift FROM ratchet.verify();
--> 0
