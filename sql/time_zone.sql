-- Times in columns that have no time zone, and in columns of a lower precision.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS ratchet;
SET client_min_messages = notice;
\set VERBOSITY default
\set SHOW_CONTEXT never
CREATE SCHEMA time_zone;
SET search_path = time_zone, pg_catalog;
-- how far a time of UTC is from now, in whole minutes
CREATE FUNCTION minutes_off(at timestamp) RETURNS int LANGUAGE sql AS
$$SELECT round(extract(epoch FROM at - (now() AT TIME ZONE 'UTC')) / 60)$$;

-- without a time zone: a notice for each column, and the session's zone as ever
CREATE TABLE cards (id int PRIMARY KEY, sent boolean, sent_at timestamp, sender text, name text);
CREATE TABLE jobs (id int PRIMARY KEY, submitted_at timestamp, status text);
SELECT ratchet.guard('cards', gate => 'sent', gate_at => 'sent_at', actor => 'sender');
SELECT ratchet.guard('cards', gate => 'sent', gate_at => 'sent_at', actor => 'sender');
CREATE TABLE codes (id int PRIMARY KEY, at timestamp);
\set VERBOSITY sqlstate
SELECT ratchet.guard('codes', gate => 'at');
\set VERBOSITY default
-- what it is not
SELECT ratchet.guard('cards', gate => 'sent', gate_at => 'sent_at', actor => 'sender', time_zone => 'Mars/Olympus');
SELECT ratchet.guard('cards', gate => 'sent', gate_at => 'sent_at', actor => 'sender', time_zone => 'CET');
SELECT ratchet.guard('cards', gate => 'sent', gate_at => 'sent_at', actor => 'sender', time_zone => '');
-- with one: that is more, another one or none is less
SELECT ratchet.guard('cards', gate => 'sent', gate_at => 'sent_at', actor => 'sender', time_zone => 'UTC');
SELECT ratchet.guard('cards', gate => 'sent', gate_at => 'sent_at', actor => 'sender', time_zone => 'UTC');
SELECT ratchet.guard('cards', gate => 'sent', gate_at => 'sent_at', actor => 'sender', time_zone => 'Europe/Berlin');
SELECT ratchet.guard('cards', gate => 'sent', gate_at => 'sent_at', actor => 'sender');
SELECT target, time_zone FROM ratchet.contract WHERE target = 'cards'::regclass;
SELECT rule FROM ratchet.describe('cards') WHERE policy = 'gate';
-- a column may have the name
ALTER TABLE cards RENAME COLUMN name TO "UTC";
SELECT time_zone FROM ratchet.contract WHERE target = 'cards'::regclass;

-- written and answered as UTC, wherever the session is
INSERT INTO cards (id) VALUES (1), (2);
SET TimeZone = 'Asia/Tokyo';
SELECT outcome, submitted_at = now() AS now FROM ratchet.submit('cards', 1, 'me');
SELECT minutes_off(sent_at) FROM cards WHERE id = 1;
SET TimeZone = 'America/New_York';
SELECT outcome, abs(extract(epoch FROM submitted_at - now())) < 600 AS now, submitted_by FROM ratchet.submit('cards', 1, 'you');

-- the gate itself, on the direct path and by the statement
SELECT ratchet.guard('jobs', gate => 'submitted_at', states => '{"status": {"running": ["done"], "done": []}}',
                     time_zone => 'UTC');
INSERT INTO jobs VALUES (1), (2);
SET TimeZone = 'Asia/Tokyo';
SELECT outcome, submitted_at = now() AS now FROM ratchet.submit('jobs', 1);
SELECT outcome, submitted_at = now() AS now FROM ratchet.submit('jobs', 2, patch => '{"status": "running"}');
SELECT id, minutes_off(submitted_at) FROM jobs ORDER BY id;
SET TimeZone = 'America/New_York';
SELECT outcome, abs(extract(epoch FROM submitted_at - now())) < 600 AS now FROM ratchet.submit('jobs', 1);
CREATE TABLE plain (id int PRIMARY KEY, at timestamp);
SELECT ratchet.guard('plain', gate => 'at', time_zone => 'utc');
INSERT INTO plain VALUES (1);
SET TimeZone = 'Asia/Tokyo';
SELECT outcome, submitted_at = now() AS now FROM ratchet.submit('plain', 1);
SET TimeZone = 'America/New_York';
SELECT outcome, abs(extract(epoch FROM submitted_at - now())) < 600 AS now FROM ratchet.submit('plain', 1);
SELECT minutes_off(at) FROM plain;

-- stuck(): a job that was touched a minute ago is not, from anywhere
CREATE TABLE work (id int PRIMARY KEY, status text, touched_at timestamp);
SELECT ratchet.guard('work', states => '{"status": {"running": ["done"], "done": []}}', time_zone => 'UTC');
INSERT INTO work VALUES (1, 'running', (now() AT TIME ZONE 'UTC') - interval '1 minute'),
                        (2, 'running', (now() AT TIME ZONE 'UTC') - interval '20 minutes'), (3, 'running', '-infinity');
SET TimeZone = 'Asia/Tokyo';
SELECT key, date_trunc('minute', age) FROM ratchet.stuck('work', '10 minutes', since => 'touched_at') ORDER BY key;
SET TimeZone = 'America/New_York';
SELECT key, date_trunc('minute', age) FROM ratchet.stuck('work', '10 minutes', since => 'touched_at') ORDER BY key;
SELECT ratchet.guard('work', states => '{"status": {"running": ["done"], "done": []}}', replace => true);
SET TimeZone = 'UTC';
SELECT key FROM ratchet.stuck('work', '10 minutes', since => 'touched_at') ORDER BY key;

-- a tally: done_at
CREATE TABLE runs (id int PRIMARY KEY, total int DEFAULT 1, n int, done boolean, done_at timestamp(3));
CREATE TABLE results (run_id int REFERENCES runs);
SELECT ratchet.tally('results', 'runs', '{"n": "true"}', total => 'total', done => 'done', time_zone => 'UTC');
SELECT ratchet.tally('results', 'runs', '{"n": "true"}', total => 'total', done => 'done', done_at => 'done_at', time_zone => 'UTC+');
SELECT ratchet.tally('results', 'runs', '{"n": "true"}', total => 'total', done => 'done', done_at => 'done_at');
SELECT ratchet.tally('results', 'runs', '{"n": "true"}', total => 'total', done => 'done', done_at => 'done_at', time_zone => 'Europe/Berlin');
SELECT ratchet.tally('results', 'runs', '{"n": "true"}', total => 'total', done => 'done', done_at => 'done_at', time_zone => 'UTC');
SELECT ratchet.tally('results', 'runs', '{"n": "true"}', total => 'total', done => 'done', done_at => 'done_at', time_zone => 'UTC', replace => true);
SELECT target, time_zone FROM ratchet.contract WHERE parent = 'runs'::regclass;
SELECT rule FROM ratchet.describe('runs') WHERE policy = 'done_at';
SET TimeZone = 'Asia/Tokyo';
INSERT INTO runs VALUES (1);
INSERT INTO results VALUES (1);
SELECT minutes_off(done_at), done_at = date_trunc('milliseconds', done_at) AS rounded FROM runs;
UPDATE runs SET total = 2;
UPDATE runs SET total = 1;
SELECT minutes_off(done_at), done_at = date_trunc('milliseconds', done_at) AS rounded FROM runs;

-- precision, also where the counts are written by a statement, and of a heartbeat and a gate
CREATE TABLE seconds (id int PRIMARY KEY, total int DEFAULT 1 CHECK (total > 0), n int, done boolean, done_at timestamptz(0));
CREATE TABLE ticks (second_id int REFERENCES seconds);
SELECT ratchet.tally('ticks', 'seconds', '{"n": "true"}', total => 'total', done => 'done', done_at => 'done_at');
INSERT INTO seconds SELECT generate_series(1, 5);
INSERT INTO ticks SELECT generate_series(1, 5);
SELECT count(*), count(*) FILTER (WHERE done_at <> date_trunc('second', done_at)) AS finer FROM seconds;
CREATE TABLE beats (id int PRIMARY KEY, sent_at timestamp(0), by text, beat_at timestamptz(0), status text);
SELECT ratchet.guard('beats', gate => 'sent_at', actor => 'by', heartbeat => 'beat_at', time_zone => 'UTC');
INSERT INTO beats VALUES (1);
SELECT outcome FROM ratchet.beat('beats', 1);
SELECT outcome, submitted_at = date_trunc('second', submitted_at) AS rounded FROM ratchet.submit('beats', 1, 'me');
SELECT beat_at = date_trunc('second', beat_at), sent_at = date_trunc('second', sent_at), minutes_off(sent_at) FROM beats;

-- a version is checked by its domain
CREATE DOMAIN digit AS int CHECK (VALUE < 3);
CREATE TABLE digits (id int PRIMARY KEY, version digit NOT NULL DEFAULT 1, name text);
SELECT ratchet.guard('digits', version => 'version');
INSERT INTO digits VALUES (1);
UPDATE digits SET name = 'a';
UPDATE digits SET name = 'b';
SELECT * FROM digits;

-- a zone that the server does not know, as a restored contract may have one
CREATE TRIGGER "~ratchet_guard" BEFORE UPDATE ON results FOR EACH ROW
EXECUTE FUNCTION ratchet.guard_row('once=run_id', 'mode=once=keep', 'time_zone=Mars/Olympus');
UPDATE results SET run_id = 1;

SET client_min_messages = warning;
-- a gate that a migration makes a timestamp
CREATE TABLE retyped (id int PRIMARY KEY, submitted_at timestamptz, note text);
SELECT ratchet.guard('retyped', gate => 'submitted_at');
ALTER TABLE retyped ALTER note TYPE varchar(20);
SET client_min_messages = notice;
ALTER TABLE retyped ALTER submitted_at TYPE timestamp;
SET client_min_messages = warning;
DROP SCHEMA time_zone CASCADE;
