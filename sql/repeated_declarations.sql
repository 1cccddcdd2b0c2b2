--
-- The same declaration again is no change, whatever the session's settings are.
--
\set SHOW_CONTEXT never
SET client_min_messages = warning;
\pset format unaligned
\pset tuples_only on
CREATE SCHEMA repeated;
SET search_path = repeated;
CREATE FUNCTION finished(id int) RETURNS void LANGUAGE sql AS 'SELECT';
CREATE TABLE run (id int PRIMARY KEY, total int, n int, done boolean, early int, long int, raw int, rate int, name int);
CREATE TABLE result (run int CONSTRAINT first REFERENCES run, at timestamptz, took interval, image bytea, rate double precision, "Name" text);
CREATE FUNCTION declare_it() RETURNS text LANGUAGE sql AS $$
SELECT ratchet.tally('result', 'run', $c${"n": "true", "early": "at > '2026-01-01 00:00+00'", "long": "took > '1 day 02:00'", "raw": "image = '\\x00ff'",
    "rate": "rate > 0.1::float8", "name": "\"Name\" = 'a\\b' AND lower(\"Name\") <> ''"}$c$,
    total => 'total', total_of => 'n', done => 'done', on_done => 'finished(int)')
$$;
SELECT declare_it();
SELECT jsonb_pretty(counters), on_done FROM ratchet.contract WHERE target = 'result'::regclass;
SET timezone = 'Asia/Tokyo';
SELECT declare_it();
SET bytea_output = 'escape';
SELECT declare_it();
SET quote_all_identifiers = on;
SELECT declare_it();
SET intervalstyle = 'iso_8601';
SET datestyle = 'German';
SET extra_float_digits = -15;
SET xmloption = 'document';
SET standard_conforming_strings = off;
SET escape_string_warning = off;
SET backslash_quote = off;
SET transform_null_equals = on;
SELECT declare_it();
RESET ALL;
SET client_min_messages = warning;
SET search_path = repeated;
-- with the same foreign key there twice
ALTER TABLE result ADD CONSTRAINT second FOREIGN KEY (run) REFERENCES run;
SELECT declare_it();
SELECT ratchet.tally('result', 'run', counters, via => '{run}', total => 'total', total_of => 'n', done => 'done', on_done => 'finished(int)') FROM ratchet.contract WHERE target = 'result'::regclass;
-- counted alike by everybody
INSERT INTO run VALUES (1, 9);
SET timezone = 'America/New_York';
INSERT INTO result VALUES (1, '2026-01-01 00:30+00', '1 day 03:00', '\x00ff', 0.2, 'a\b');
RESET timezone;
INSERT INTO result VALUES (1, '2025-12-31 23:30+00', '1 day', '\x00', 0.05, 'a');
SELECT n, early, long, raw, rate, name FROM run;
-- a time without a zone is meant in the session's
SET timezone = 'Asia/Tokyo';
CREATE TABLE other (run int REFERENCES run, at timestamptz);
SELECT ratchet.tally('other', 'run', '{"total": "at >= ''2026-01-01''"}');
SELECT counters FROM ratchet.contract WHERE target = 'other'::regclass;
RESET timezone;
DROP TABLE other;

SET client_min_messages = error;
DROP SCHEMA repeated CASCADE;
