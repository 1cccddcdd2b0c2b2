--
-- A JSON string where an object is meant: the client has encoded it twice.
--
\set SHOW_CONTEXT never
SET client_min_messages = warning;
\pset format unaligned
\pset tuples_only on
CREATE SCHEMA twice;
SET search_path = twice;
CREATE FUNCTION attempt(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    message text; hint text; answer text;
BEGIN
    EXECUTE statement INTO answer;
    RETURN answer;
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, hint = PG_EXCEPTION_HINT;
    RETURN concat_ws(E'\n', message, NULLIF('hint: ' || hint, 'hint: '));
END $$;
CREATE TABLE card (id int PRIMARY KEY, comment text, n int DEFAULT 0, status text, at timestamptz);
CREATE TABLE note (id int PRIMARY KEY, card int REFERENCES card);
INSERT INTO card VALUES (1);
SELECT attempt($$SELECT ratchet.guard('card', 'at', states => to_jsonb('{"status": {"a": []}}'::text))$$);
SELECT attempt($$SELECT ratchet.tally('note', 'card', to_jsonb('{"n": "true"}'::text))$$);
SELECT ratchet.guard('card', 'at'), ratchet.tally('note', 'card', '{"n": "true"}');
SELECT attempt($$SELECT ratchet.update('card', 1, to_jsonb('{"comment": "x"}'::text))$$);
SELECT attempt($$SELECT ratchet.update('card', 1, '{"comment": "x"}', expect => to_jsonb('{"comment": null}'::text))$$);
SELECT attempt($$SELECT ratchet.update('card', to_jsonb('{"id": 1}'::text), '{"comment": "x"}')$$);
SELECT attempt($$SELECT ratchet.submit('card', 1, child => 'note', record => to_jsonb('{"id": 1}'::text))$$);
SELECT attempt($$SELECT ratchet.submit_batch('note', to_jsonb('[{"id": 1}]'::text))$$);
-- other things that are no object
SELECT attempt($$SELECT ratchet.update('card', 1, '[]')$$);
SELECT attempt($$SELECT ratchet.update('card', 1, '1')$$);
SELECT attempt($$SELECT ratchet.submit_batch('note', '{}')$$);
DROP SCHEMA twice CASCADE;
