-- Scorecards: a reviewer fills in a form, somebody presses Submit. The application reads a row, changes an attribute and
-- saves all columns, as ORMs do. Nothing of it has to change: the contract keeps what a stale save would undo, and the
-- rest of the save goes through.
--
--   psql -f docs/examples/scorecard.sql
--
-- creates the schema "scorecard" in a database of yours; DROP SCHEMA scorecard CASCADE removes it. What each query
-- answers stands below it, after "-->"; test/t/033_examples.pl runs this file and compares.

\set ON_ERROR_STOP on
CREATE EXTENSION IF NOT EXISTS ratchet;
CREATE SCHEMA scorecard;

-- -- The table, as the application has it already ---------------------------------------------------------------------

CREATE TABLE scorecard.scorecards (
    id                bigint PRIMARY KEY,
    comment           text NOT NULL DEFAULT '',
    final_comment     text,
    creator_id        bigint,
    manually_scored   boolean NOT NULL DEFAULT false,
    score_count       int NOT NULL DEFAULT 0,
    submitted_at      timestamptz,
    submitted_by      text,
    submission_source text);
INSERT INTO scorecard.scorecards (id, comment) SELECT i, 'created' FROM generate_series(1, 3) i;

-- What happens without a contract. A page has read the row; Submit commits; the page saves every column as it was.
UPDATE scorecard.scorecards SET submitted_at = now(), submitted_by = 'ann', submission_source = 'web' WHERE id = 3;
UPDATE scorecard.scorecards SET comment = 'edited', final_comment = NULL, creator_id = NULL, manually_scored = false,
    score_count = 0, submitted_at = NULL, submitted_by = NULL, submission_source = NULL WHERE id = 3
RETURNING comment, submitted_at IS NULL AS "the submission is lost";
--> edited | t

-- -- The contract -----------------------------------------------------------------------------------------------------

-- To see first what it would keep, declare it with mode => 'observe': everything goes through, and the server log says
-- what would not have. The same call without it is the contract in force.
SELECT ratchet.guard('scorecard.scorecards',
    gate    => 'submitted_at',                    -- closes once; a save() that submits is a submission too
    actor   => 'submitted_by',                    -- written with the gate, and only with it
    owned   => '{submission_source}',
    once    => '{creator_id}',                    -- from NULL to a value, and that was it
    frozen  => '{final_comment}',                 -- free until the row is submitted
    forward => '{manually_scored, score_count}',  -- never goes down; false is less than true
    mode    => 'observe');
--> created
SELECT ratchet.guard('scorecard.scorecards', gate => 'submitted_at', actor => 'submitted_by',
    owned => '{submission_source}', once => '{creator_id}', frozen => '{final_comment}',
    forward => '{manually_scored, score_count}');
--> extended
SELECT "column", policy FROM ratchet.describe('scorecard.scorecards') WHERE "column" = 'creator_id';
--> creator_id | once

-- -- The application, unchanged ---------------------------------------------------------------------------------------

-- While the gate is open a save() saves what it always did.
UPDATE scorecard.scorecards SET comment = 'first look', final_comment = 'fine', creator_id = 7, manually_scored = true,
    score_count = 3, submitted_at = NULL, submitted_by = NULL, submission_source = NULL WHERE id = 1
RETURNING comment, final_comment, creator_id, manually_scored, score_count;
--> first look | fine | 7 | t | 3

-- Another page had read the row before that. What it changed is saved; the creator stays, and what was counted.
UPDATE scorecard.scorecards SET comment = 'second look', final_comment = 'fine', creator_id = 8,
    manually_scored = false, score_count = 1, submitted_at = NULL, submitted_by = NULL, submission_source = NULL
WHERE id = 1
RETURNING comment, creator_id, manually_scored, score_count;
--> second look | 7 | t | 3

-- Submit is a save() as well: it takes the gate from open to closed, so it may write what belongs to it.
UPDATE scorecard.scorecards SET submitted_at = now(), submitted_by = 'ann', submission_source = 'web' WHERE id = 1
RETURNING submitted_by, submission_source;
--> ann | web

-- The race this is about: the page saves its old copy. The comment is saved, with a notice of what was kept.
UPDATE scorecard.scorecards SET comment = 'third look', final_comment = 'not so fine', creator_id = 7,
    manually_scored = true, score_count = 4, submitted_at = NULL, submitted_by = NULL, submission_source = NULL
WHERE id = 1
RETURNING comment, final_comment, score_count, submitted_at IS NOT NULL AS submitted, submitted_by;
--> third look | fine | 4 | t | ann

-- And a second Submit that was as late changes nothing of the first one.
UPDATE scorecard.scorecards SET submitted_at = now(), submitted_by = 'bob', submission_source = 'mail' WHERE id = 1
RETURNING submitted_by, submission_source;
--> ann | web

-- -- Code that wants to know ------------------------------------------------------------------------------------------

-- One call, one answer: who lost is told who won. The columns of patch are written with it.
SELECT outcome, submitted_by FROM ratchet.submit('scorecard.scorecards', 2, 'ann', '{"submission_source": "web"}');
--> submitted | ann
SELECT outcome, submitted_by FROM ratchet.submit('scorecard.scorecards', 2, 'bob', '{"submission_source": "mail"}');
--> already_submitted | ann

-- Some columns only, instead of the whole row; it answers which of them were protected.
SELECT outcome, kept FROM ratchet.update('scorecard.scorecards', 2, '{"comment": "late", "final_comment": "too late"}');
--> updated | {final_comment}

-- When it has to be: by the owner, with a reason, in the server log.
SELECT outcome, changed FROM ratchet.amend('scorecard.scorecards', 2, '{"submitted_at": null}', 'ops', 'ticket 4711');
--> amended | {submitted_at,submitted_by}
SELECT submitted_at IS NULL AS open, submitted_by IS NULL AS nobody FROM scorecard.scorecards WHERE id = 2;
--> t | t
