--
-- What verbs answer as JSON is what a SELECT would show: no cast to json that
-- the owner of a type has declared runs as whoever calls them.
--
\set SHOW_CONTEXT never
SET client_min_messages = warning;
\pset format unaligned
\pset tuples_only on
CREATE ROLE regress_ratchet_evil;
CREATE SCHEMA casts;
GRANT USAGE, CREATE ON SCHEMA casts TO regress_ratchet_evil;
SET search_path = casts;
CREATE TABLE caught (who name, what text);
GRANT INSERT ON caught TO regress_ratchet_evil;
SET ROLE regress_ratchet_evil;
CREATE TYPE color AS ENUM ('red', 'green');
CREATE TYPE spot AS (c color, n int);
CREATE TYPE colors AS RANGE (subtype = color);
CREATE DOMAIN tint AS color;
CREATE FUNCTION evil(color) RETURNS json LANGUAGE plpgsql AS $$ BEGIN INSERT INTO casts.caught VALUES (current_user, 'color'); RETURN '"caught"'; END $$;
CREATE FUNCTION evil(spot) RETURNS json LANGUAGE plpgsql AS $$ BEGIN INSERT INTO casts.caught VALUES (current_user, 'spot'); RETURN '"caught"'; END $$;
CREATE FUNCTION evil(colors) RETURNS json LANGUAGE plpgsql AS $$ BEGIN INSERT INTO casts.caught VALUES (current_user, 'colors'); RETURN '"caught"'; END $$;
CREATE CAST (color AS json) WITH FUNCTION evil(color);
CREATE CAST (spot AS json) WITH FUNCTION evil(spot);
CREATE CAST (colors AS json) WITH FUNCTION evil(colors);
RESET ROLE;

CREATE TABLE card (id color PRIMARY KEY, request text, at timestamptz);
CREATE TABLE note (id int, card color REFERENCES card, tint tint, many color[], spot spot, spots spot[], colors colors,
    whole numeric, part float8, nan float8, flag boolean, day date, stamp timestamp, moment timestamptz, span interval, doc jsonb, old json,
    grid int[], nothing text, padded char(4), dropped int, bytes bytea, empty int[], quoted text);
ALTER TABLE note DROP COLUMN dropped;
INSERT INTO card VALUES ('red'), ('green');
SELECT ratchet.guard('card', 'at', idempotency_key => 'request');
SET timezone = 'UTC';
SELECT outcome, jsonb_pretty(record) FROM ratchet.submit('card', 'red', idempotency_key => 'k', child => 'note', record => $${"id": 1, "tint": "red",
    "many": ["red", null, "green"], "spot": {"c": "red", "n": 1}, "spots": [{"c": "green", "n": 2}], "colors": "[red,green]", "whole": 1.50,
    "part": 0.25, "nan": "NaN", "flag": true, "day": "2026-01-02", "stamp": "2026-01-02 03:04:05", "moment": "2026-01-02 03:04:05+00",
    "span": "1 day", "doc": {"a": [1, null]}, "old": {"b":  2}, "grid": [[1, 2], [3, 4]], "padded": "ab", "bytes": "\\x00ff", "empty": [],
    "quoted": "say \"hi\"\n\\"}$$);
-- the same as to_jsonb() where no type of a user's is in it
SELECT s.outcome, s.record - '{tint,many,spot,spots,colors,card}'::text[] = to_jsonb(n) - '{tint,many,spot,spots,colors,card}'::text[]
FROM ratchet.submit('card', 'red', idempotency_key => 'k', child => 'note', record => '{}') s, note n;
DELETE FROM caught;

CREATE TABLE job (id color PRIMARY KEY, status text);
CREATE TABLE result (job color REFERENCES job, spot spot, UNIQUE (spot));
INSERT INTO job VALUES ('red', 'new'), ('green', 'new');
SELECT ratchet.guard('job', states => '{"status": {"new": ["done"], "done": []}}');
SELECT outcome, record FROM ratchet.advance('job', 'red', 'done', child => 'result', record => '{"spot": {"c": "red", "n": 1}}');

-- counters: progress, batches, verify, notifications
CREATE TABLE run (id color PRIMARY KEY, n int DEFAULT 0, total int DEFAULT 1, done boolean);
CREATE TABLE item (run color REFERENCES run, no int UNIQUE);
INSERT INTO run VALUES ('red');
SELECT ratchet.tally('item', 'run', '{"n": "true"}', total => 'total', done => 'done', notify => true);
SELECT outcome, inserted, progress FROM ratchet.submit_batch('item', '[{"run": "red", "no": 1}]', flush => true);
SELECT outcome, progress FROM ratchet.progress('run', 'red');
ALTER TABLE run DISABLE TRIGGER USER;
UPDATE run SET n = 7;
ALTER TABLE run ENABLE TRIGGER USER;
SELECT * FROM ratchet.verify('run');
-- a key of several columns, as text
CREATE TABLE pair (a color, b int, status text, since timestamptz, PRIMARY KEY (a, b));
INSERT INTO pair VALUES ('red', 1, 'new', '2026-01-01');
SELECT ratchet.guard('pair', states => '{"status": {"new": ["done"], "done": []}}');
SELECT key FROM ratchet.stuck('pair', '1 min', since => 'since');
SELECT * FROM caught;

DROP SCHEMA casts CASCADE;
DROP ROLE regress_ratchet_evil;
