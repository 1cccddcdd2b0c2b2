--
-- References that convert by a user's function: nothing of ratchet runs it as the caller
--
\set SHOW_CONTEXT never
SET client_min_messages = warning;
\pset format unaligned
\pset tuples_only on
CREATE SCHEMA user_casts;
SET search_path = user_casts;
CREATE TYPE mood AS ENUM ('1', '2');
CREATE FUNCTION number_of(mood) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT $1::text::int';
CREATE CAST (mood AS int) WITH FUNCTION number_of(mood) AS IMPLICIT;
CREATE TABLE documents (id int PRIMARY KEY, at timestamptz, st text, n int NOT NULL DEFAULT 0);
CREATE TABLE pages (document mood REFERENCES documents, t text);
SELECT ratchet.guard('documents', gate => 'at', states => '{"st": {"a": ["b"], "b": []}}');
INSERT INTO documents VALUES (1, NULL, 'a');
SELECT outcome FROM ratchet.submit('documents', 1, child => 'pages', record => '{"t": "x"}');
SELECT outcome FROM ratchet.advance('documents', 1, 'b', child => 'pages', record => '{"t": "x"}');
SELECT * FROM ratchet.orphans('documents', 'pages', 'a');
SELECT ratchet.tally('pages', 'documents', '{"n": "true"}');
SELECT at IS NULL, st FROM documents;
-- PostgreSQL's own conversions are no matter
CREATE TABLE notes (document bigint REFERENCES documents, t text);
SELECT outcome FROM ratchet.submit('documents', 1, child => 'notes', record => '{"t": "x"}');
SELECT ratchet.tally('notes', 'documents', '{"n": "true"}');
SELECT n FROM documents;
DROP SCHEMA user_casts CASCADE;
