--
-- What somebody gets wrong on the first day, and what the message says to do
--
CREATE SCHEMA newcomers;
SET search_path = newcomers, test_setup;
CREATE TABLE sc (id bigint PRIMARY KEY, note text, score int, request uuid, submitted_at timestamptz, submitted_by bigint,
                 status text DEFAULT 'queued', beat timestamptz);
INSERT INTO sc (id) SELECT generate_series(1, 9);
SELECT ratchet.guard('sc', 'submitted_at', actor => 'submitted_by', idempotency_key => 'request', heartbeat => 'beat',
                     states => '{"status": {"queued": ["running", "failed"], "running": ["done"], "done": [], "failed": []}}');
CREATE TABLE runs (id bigint PRIMARY KEY, total int, evaluated int NOT NULL DEFAULT 0, done boolean);
CREATE TABLE results (id bigint PRIMARY KEY, run_id bigint REFERENCES runs, ok boolean, points int, sc_id bigint REFERENCES sc);

-- All that a client could show, with the place that the parser points to and every line of context.
CREATE FUNCTION told(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    state text; message text; detail text; hint text; tab text; col text; context text;
BEGIN
    EXECUTE statement;
    RETURN 'ok: ACCEPTED';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL,
        hint = PG_EXCEPTION_HINT, tab = TABLE_NAME, col = COLUMN_NAME, context = PG_EXCEPTION_CONTEXT;
    RETURN concat_ws(E'\n', state || ' ' || message, NULLIF('detail: ' || detail, 'detail: '),
                     NULLIF('hint: ' || hint, 'hint: '), NULLIF('table: ' || tab, 'table: '),
                     NULLIF('column: ' || col, 'column: '),
                     NULLIF('context: ' || regexp_replace(context, '\n?SQL statement.*', ''), 'context: '));
END $$;

\a
\t on
--
-- A value of another type: which argument it was, and which column it is for
--
SELECT told($$SELECT ratchet.submit('sc', 2, 'alice')$$);
SELECT told($$SELECT ratchet.submit('sc', 'two')$$);
SELECT told($$SELECT ratchet.submit('sc', 2, idempotency_key => 'no uuid')$$);
SELECT told($$SELECT ratchet.submit('sc', '{"id": "two"}'::jsonb)$$);
SELECT told($$SELECT ratchet.submit('sc', 2, patch => '{"note": "n", "score": "ten"}')$$);
SELECT told($$SELECT ratchet.submit('sc', 2, expect => '{"note": "n", "score": "ten"}')$$);
SELECT told($$SELECT ratchet.submit('sc', 2, child => 'results', record => '{"id": 1, "points": "ten"}')$$);
SELECT told($$SELECT ratchet.update('sc', 2, '{"score": "ten"}')$$);
SELECT told($$SELECT ratchet.update('sc', 'two', '{"score": 10}')$$);
SELECT told($$SELECT ratchet.amend('sc', 2, '{"score": "ten"}', 'ann', 'typing error')$$);
SELECT told($$SELECT ratchet.advance('sc', 'two', 'running')$$);
SELECT told($$SELECT ratchet.advance('sc', 2, 'running', patch => '{"score": "ten"}')$$);
SELECT told($$SELECT ratchet.beat('sc', 'two')$$);
-- in a batch also which record, counted from 0 as duplicates are; nothing of it is stored
CREATE DOMAIN grade AS int CHECK (VALUE BETWEEN 1 AND 6);
CREATE TYPE mood AS ENUM ('well', 'ill');
CREATE TYPE place AS (x int, y int);
CREATE TABLE answers (id bigint PRIMARY KEY, run_id bigint REFERENCES runs, at timestamptz, request uuid, mood mood, grade grade DEFAULT 1, exact grade NOT NULL DEFAULT 1,
                      amount numeric(4, 2), tags int[], place place, extra jsonb, code varchar(2));
SELECT ratchet.tally('answers', 'runs', '{"evaluated": "true"}');
CREATE FUNCTION batch(second text) RETURNS text LANGUAGE sql AS
    $$SELECT told(format('SELECT ratchet.submit_batch(%L, %L)', 'answers', '[{"id": 1, "run_id": 1}, ' || second || ']'))$$;
SELECT batch('{"id": "two"}');
SELECT batch('{"id": 2, "run_id": 99999999999999999999}');
SELECT batch('{"id": 2, "at": "tomorow"}');
SELECT batch('{"id": 2, "request": "no uuid"}');
SELECT batch('{"id": 2, "mood": "unwell"}');
SELECT batch('{"id": 2, "grade": 7}');
SELECT batch('{"id": 2, "amount": 123.4}');
SELECT batch('{"id": 2, "tags": [1, "two"]}');
SELECT batch('{"id": 2, "tags": 7}');
SELECT batch('{"id": 2, "place": {"x": "west"}}');
SELECT batch('{"id": 2, "code": "three"}');
SELECT batch('{"id": null, "run_id": 1}');
SELECT batch('null');
SELECT batch('[]');
-- the index is that of the batch, also where every record names the same columns
SELECT told($$SELECT ratchet.submit_batch('answers', '[{"run_id": 1, "id": 1}, {"id": 2, "run_id": 1}, {"id": 3, "run_id": "one"}]')$$);
SELECT count(*) FROM answers;
-- JSON's null is NULL, and of no record is anything lost
INSERT INTO runs (id) VALUES (1);
SELECT ratchet.submit_batch('answers', '[{"id": 1, "run_id": 1, "extra": null, "tags": null}, {"id": 2, "run_id": 1, "extra": {"a": [1]}, "tags": [1, null], "place": {"y": 2}, "grade": null, "mood": "ill"}]');
SELECT * FROM answers;
DROP TABLE answers;
-- a key of columns that was not passed as jsonb
SELECT told($$SELECT ratchet.submit('sc', '{"id": 1}')$$);
SELECT told($$SELECT ratchet.advance('sc', '{"id": 1}', 'running')$$);
SELECT told($$SELECT ratchet.update('sc', ' {"id": 1}', '{"score": 10}')$$);

--
-- A column that is not there: the one that is nearly called so
--
SELECT told($$SELECT ratchet.update('sc', 2, '{"scor": 10}')$$);
SELECT told($$SELECT ratchet.submit('sc', 2, patch => '{"Note": "n"}')$$);
SELECT told($$SELECT ratchet.update('sc', 2, '{"x": "n"}')$$);
SELECT told($$SELECT ratchet.submit('sc', 2, expect => '{"statsu": "queued"}')$$);
SELECT told($$SELECT ratchet.guard('sc', 'submited_at', replace => true)$$);
SELECT told($$SELECT ratchet.guard('sc', 'submitted_at', owned => '{nothing_like_it}', replace => true)$$);
SELECT told($$SELECT ratchet.guard('sc', states => '{"statu": {"a": []}}', replace => true)$$);
SELECT told($$SELECT ratchet.tally('results', 'runs', '{"evaluted": "true"}')$$);
SELECT told($$SELECT ratchet.tally('results', 'runs', '{"evaluated": "true"}', total => 'totl', done => 'done')$$);
SELECT told($$SELECT ratchet.tally('results', 'runs', '{"evaluated": "true"}', via => '{runid}')$$);
SELECT told($$SELECT ratchet.submit_batch('results', '[{"id": 1, "run": 1}]')$$);

--
-- Counters
--
SELECT told($$SELECT ratchet.tally('results', 'runs', '{"evaluated": "count(*)"}')$$);
SELECT told($$SELECT ratchet.tally('results', 'runs', '{"evaluated": "COUNT(ok)"}')$$);
SELECT told($$SELECT ratchet.tally('results', 'runs', '{"evaluated": "max(points)"}')$$);
SELECT told($$SELECT ratchet.tally('results', 'runs', '{"evaluated": "ok = "}')$$);
SELECT told($$SELECT ratchet.tally('results', 'runs', '{"evaluated": ""}')$$);
SELECT told($$SELECT ratchet.tally('results', 'runs', '{"evaluated": "okk"}')$$);
SELECT told($$SELECT ratchet.tally('results', 'runs', '{"evaluated": "q"}')$$);
SELECT told($$SELECT ratchet.tally('results', 'runs', '{"evaluated": "points"}')$$);
SELECT told($$SELECT ratchet.tally('results', 'runs', '{"evaluated": "sum(points"}')$$);
SELECT told($$SELECT ratchet.tally('results', 'runs', '{"evaluated": "sum(ok)"}')$$);
SELECT told($$SELECT ratchet.tally('results', 'runs', '{"evaluated": "*"}')$$);
SELECT told($$SELECT ratchet.tally('results', 'runs', '{"evaluated": "results.*"}')$$);
SELECT told($$SELECT ratchet.tally('results', 'runs', '{"evaluated": "ok AS good"}')$$);
SELECT told($$SELECT ratchet.tally('results', 'runs', '{"evaluated": "ok, ok"}')$$);
SELECT told($$SELECT ratchet.tally('results', 'runs', '{"evaluated": "ok FROM results"}')$$);
SELECT told($$SELECT ratchet.tally('results', 'runs', '{"evaluated": "ok; DROP TABLE results"}')$$);
SELECT told($$SELECT ratchet.tally('results', 'runs', '{"evaluated": 7}')$$);
SELECT told($$SELECT ratchet.tally('results', 'runs', '["evaluated"]')$$);
SELECT told($$SELECT ratchet.tally('results', 'runs', '{"evaluated": "true"}', completions => '["done"]')$$);
SELECT told($$SELECT ratchet.tally('results', 'runs', '{"evaluated": "true"}', completions => '{"done": {"when": "evaluated = totl"}}')$$);
SELECT told($$SELECT ratchet.tally('results', 'runs', '{"evaluated": "true"}', completions => '{"done": {"when": "evaluated = "}}')$$);
SELECT told($$SELECT ratchet.tally('results', 'runs', '{"evaluated": "true"}', limits => '["total"]')$$);
-- the place is one in the counter's own text
SELECT ratchet.tally('results', 'runs', '{"evaluated": "ok = "}');
SELECT ratchet.tally('results', 'runs', '{"evaluated": "points > 3 AND okk"}');
-- child and parent the wrong way round
SELECT told($$SELECT ratchet.tally('runs', 'results', '{"evaluated": "true"}')$$);
SELECT told($$SELECT ratchet.tally('sc', 'runs', '{"evaluated": "true"}')$$);

--
-- Modes
--
SELECT told($$SELECT ratchet.guard('sc', 'submitted_at', mode => 'ownd=reject', replace => true)$$);
SELECT told($$SELECT ratchet.guard('sc', 'submitted_at', forward => '{score}', mode => 'once=reject', replace => true)$$);
SELECT told($$SELECT ratchet.guard('sc', 'submitted_at', mode => 'owned=rejct', replace => true)$$);

--
-- A transition that the graph does not have
--
SELECT told($$UPDATE sc SET status = 'done' WHERE id = 3$$);
SELECT told($$UPDATE sc SET status = 'unheard of' WHERE id = 3$$);
SELECT told($$UPDATE sc SET status = NULL WHERE id = 3$$);
SELECT told($$SELECT ratchet.update('sc', 3, '{"status": "done"}')$$);
SELECT told($$SELECT ratchet.advance('sc', 3, 'dne')$$);
-- who may not read the state is not told it
CREATE ROLE newcomers_writer;
GRANT USAGE ON SCHEMA newcomers, test_setup TO newcomers_writer;
GRANT UPDATE ON sc TO newcomers_writer;
SET ROLE newcomers_writer;
SELECT told($$UPDATE sc SET status = 'done'$$);
RESET ROLE;
GRANT SELECT (status) ON sc TO newcomers_writer;
SET ROLE newcomers_writer;
SELECT told($$UPDATE sc SET status = 'done'$$);
RESET ROLE;
ALTER TABLE sc ENABLE ROW LEVEL SECURITY;
CREATE POLICY everything ON sc USING (true);
SET ROLE newcomers_writer;
SELECT told($$UPDATE sc SET status = 'done'$$);
RESET ROLE;
DROP OWNED BY newcomers_writer;
DROP ROLE newcomers_writer;
\t off
\a

--
-- Outside of a transaction; a table without a key
--
CALL ratchet.suspend('sc', 'import');
CREATE TABLE keyless (id int, submitted_at timestamptz);
SELECT ratchet.guard('keyless', 'submitted_at');
SELECT ratchet.guard('keyless', 'submitted_at');
CREATE TABLE unique_only (id int UNIQUE, submitted_at timestamptz);
SELECT ratchet.guard('unique_only', 'submitted_at');

SELECT id, status FROM sc WHERE status <> 'queued' OR submitted_at IS NOT NULL;
\set VERBOSITY terse
SET client_min_messages = warning;
DROP SCHEMA newcomers CASCADE;
