-- Interviews: a service writes the prompt of an interview, which takes a while. Then the prompt is stored and the status
-- moves to "ready". Where the second does not follow the first, there is a prompt that nobody finds and an interview
-- that is "enhancing" for ever. Older code that does one after the other keeps running; what it leaves behind is found
-- and cleared. Code that calls advance() leaves nothing behind.
--
--   psql -f docs/examples/interview.sql
--
-- creates the schema "interview" in a database of yours; DROP SCHEMA interview CASCADE removes it. What each query
-- answers stands below it, after "-->"; test/t/033_examples.pl runs this file and compares, test/t/031_interview.pl
-- breaks it at every step.

\set ON_ERROR_STOP on
CREATE EXTENSION IF NOT EXISTS ratchet;
CREATE SCHEMA interview;

-- -- The tables, as the application has them already ------------------------------------------------------------------

CREATE TABLE interview.interviews (
    id        bigint PRIMARY KEY,
    title     text NOT NULL DEFAULT 'untitled',
    status    text NOT NULL DEFAULT 'draft',
    worked_at timestamptz);

CREATE TABLE interview.prompts (
    id           bigserial PRIMARY KEY,
    interview_id bigint NOT NULL REFERENCES interview.interviews CONSTRAINT one_prompt UNIQUE,
    body         text NOT NULL CHECK (body <> ''));

INSERT INTO interview.interviews (id) SELECT generate_series(1, 5);

-- -- The contract -----------------------------------------------------------------------------------------------------

SELECT ratchet.guard('interview.interviews', heartbeat => 'worked_at', states => '{"status":
    {"draft": ["enhancing"], "enhancing": ["ready", "failed"], "failed": ["enhancing"], "ready": []}}');
--> created

-- -- The application, unchanged ---------------------------------------------------------------------------------------

-- Both interviews are begun. One ends well. That of the other one was begun an hour ago, and its status does not follow:
-- the program was restarted, or the statement was cancelled, or the status had a typing error.
UPDATE interview.interviews SET status = 'enhancing', worked_at = now() WHERE id = 1;
UPDATE interview.interviews SET status = 'enhancing', worked_at = now() - interval '1 hour' WHERE id = 2;
INSERT INTO interview.prompts (interview_id, body) VALUES (1, 'Tell me about yourself.');
UPDATE interview.interviews SET title = 'untitled', status = 'ready', worked_at = now() WHERE id = 1
RETURNING status;
--> ready
INSERT INTO interview.prompts (interview_id, body) VALUES (2, 'What are your strengths?');

-- A page that was opened while the first one was being enhanced saves all of it. The title is saved, the status stays.
UPDATE interview.interviews SET title = 'Monday', status = 'enhancing', worked_at = NULL WHERE id = 1
RETURNING title, status;
--> Monday | ready

-- What was left behind: an interview that nobody works on, and a prompt whose interview does not know of it.
SELECT key, state FROM ratchet.stuck('interview.interviews', '10 min');
--> 2 | enhancing
SELECT o.target_key, o.state, p.body FROM ratchet.orphans('interview.interviews', 'interview.prompts', 'enhancing') o
JOIN interview.prompts p ON p.id = o.key::bigint;
--> 2 | enhancing | What are your strengths?

-- To be run now and then. First the interviews are given up: from then on whoever comes late is refused, so that nobody
-- makes an interview ready while its prompt is being removed. One that shows a sign of life meanwhile is left alone. Then
-- the prompts of those that were given up are removed.
-- BEGIN OF THE RECIPE
BEGIN;
SELECT s.key, a.outcome, a.was, a.state
FROM ratchet.stuck('interview.interviews', '10 min', state => 'enhancing') s,
    LATERAL ratchet.advance('interview.interviews', s.key, 'failed', expect => s.expect) a;
--> 2 | advanced | enhancing | failed
DELETE FROM interview.prompts p
USING ratchet.orphans('interview.interviews', 'interview.prompts', 'failed') o WHERE p.id = o.key::bigint;
COMMIT;
-- END OF THE RECIPE
SELECT status, (SELECT count(*) FROM interview.prompts WHERE interview_id = 2) AS prompts
FROM interview.interviews WHERE id = 2;
--> failed | 0

-- -- Both in one call -------------------------------------------------------------------------------------------------

-- It is tried again: a prompt without its status, or a status without its prompt, is not a thing that can be.
SELECT outcome, was, state FROM ratchet.advance('interview.interviews', 2, 'enhancing');
--> advanced | failed | enhancing
SELECT outcome, state, record ->> 'body' AS body, (record ->> 'interview_id')::bigint AS of
FROM ratchet.advance('interview.interviews', 2, 'ready', child => 'interview.prompts',
    record => '{"body": "What are your strengths?"}');
--> advanced | ready | What are your strengths? | 2

-- A service that was started twice: the second one is told, and stores nothing.
SELECT outcome, state FROM ratchet.advance('interview.interviews', 2, 'ready', child => 'interview.prompts',
    record => '{"body": "And your weaknesses?"}');
--> already_there | ready

-- One that comes back after its interview was given up.
SELECT outcome FROM ratchet.advance('interview.interviews', 3, 'enhancing');
--> advanced
SELECT outcome FROM ratchet.advance('interview.interviews', 3, 'failed');
--> advanced
SELECT outcome, state FROM ratchet.advance('interview.interviews', 3, 'ready', child => 'interview.prompts',
    record => '{"body": "Too late?"}');
--> refused | failed

-- A prompt that cannot be stored leaves the status where it is: a known one is an answer, a bad one an error.
SELECT outcome FROM ratchet.advance('interview.interviews', 4, 'enhancing');
--> advanced
INSERT INTO interview.prompts (interview_id, body) VALUES (4, 'by another program');
SELECT outcome, state, conflict FROM ratchet.advance('interview.interviews', 4, 'ready', child => 'interview.prompts',
    record => '{"body": "Why us?"}');
--> conflict | enhancing | one_prompt
SELECT outcome FROM ratchet.advance('interview.interviews', 5, 'enhancing');
--> advanced
\set ON_ERROR_STOP off
SELECT outcome FROM ratchet.advance('interview.interviews', 5, 'ready', child => 'interview.prompts',
    record => '{"body": ""}');
\set ON_ERROR_STOP on
SELECT status, (SELECT count(*) FROM interview.prompts WHERE interview_id = 5) AS prompts
FROM interview.interviews WHERE id = 5;
--> enhancing | 0
