--
-- A JSON string where an object is meant: the client has encoded it twice.
--
\set SHOW_CONTEXT never
SET client_min_messages = warning;
\pset format unaligned
\pset tuples_only on
CREATE SCHEMA twice;
SET search_path = twice, test_setup;
CREATE TABLE card (id int PRIMARY KEY, comment text, n int DEFAULT 0, status text, at timestamptz);
CREATE TABLE note (id int PRIMARY KEY, card int REFERENCES card);
INSERT INTO card VALUES (1);
SELECT answer($$SELECT ratchet.guard('card', 'at', states => to_jsonb('{"status": {"a": []}}'::text))$$);
SELECT answer($$SELECT ratchet.tally('note', 'card', to_jsonb('{"n": "true"}'::text))$$);
SELECT ratchet.guard('card', 'at'), ratchet.tally('note', 'card', '{"n": "true"}');
SELECT answer($$SELECT ratchet.update('card', 1, to_jsonb('{"comment": "x"}'::text))$$);
SELECT answer($$SELECT ratchet.update('card', 1, '{"comment": "x"}', expect => to_jsonb('{"comment": null}'::text))$$);
SELECT answer($$SELECT ratchet.update('card', to_jsonb('{"id": 1}'::text), '{"comment": "x"}')$$);
SELECT answer($$SELECT ratchet.submit('card', 1, child => 'note', record => to_jsonb('{"id": 1}'::text))$$);
SELECT answer($$SELECT ratchet.submit_batch('note', to_jsonb('[{"id": 1}]'::text))$$);
-- other things that are no object
SELECT answer($$SELECT ratchet.update('card', 1, '[]')$$);
SELECT answer($$SELECT ratchet.update('card', 1, '1')$$);
SELECT answer($$SELECT ratchet.submit_batch('note', '{}')$$);
DROP SCHEMA twice CASCADE;
