--
-- Limits: counters that may not go beyond a column, or a number.
--
\set SHOW_CONTEXT never
SET client_min_messages = warning;
\pset format unaligned
\pset tuples_only on
CREATE SCHEMA limits;
SET search_path = limits, test_setup;
CREATE TABLE course (id int PRIMARY KEY, capacity int, reserved int NOT NULL DEFAULT 0, points numeric, budget bigint, note text);
CREATE TABLE seat (course int REFERENCES course ON DELETE CASCADE, person int, points int DEFAULT 0, sent boolean, UNIQUE (course, person));
CREATE FUNCTION look() RETURNS SETOF text LANGUAGE sql AS $$
SELECT concat_ws(' ', id || ':', reserved || '/' || COALESCE(capacity::text, 'null'), points || '/' || COALESCE(budget::text, 'null')) FROM limits.course ORDER BY id
$$;
SELECT ratchet.tally('seat', 'course', '{"reserved": "true", "points": "sum(points)"}', limits => '{"reserved": "capacity", "points": {"max": "budget", "min": -10}}');
SELECT ratchet.tally('seat', 'course', '{"points": "sum(points)", "reserved": "true"}', limits => '{"points": {"min": -10.0, "max": "budget"}, "reserved": "capacity"}');
SELECT ratchet.tally('seat', 'course', '{"points": "sum(points)", "reserved": "true"}', limits => '{"points": {"min": -10, "max": "budget"}, "reserved": {"max": "capacity", "min": null}}');
SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE tgrelid = 'course'::regclass AND tgname = '~ratchet_counters';
SELECT limits FROM ratchet.contract WHERE target = 'seat'::regclass;
SELECT * FROM ratchet.describe('course');
INSERT INTO course (id, capacity, budget) VALUES (1, 2, NULL), (2, NULL, 10), (3, 0, 0);

-- up to the limit, and not further; at COMMIT
INSERT INTO seat VALUES (1, 1), (1, 2);
INSERT INTO seat VALUES (1, 3);
\echo :SQLSTATE
BEGIN;
INSERT INTO seat VALUES (1, 3);
SELECT attempt('SELECT ratchet.flush()');
DELETE FROM seat WHERE person = 1;
COMMIT;
SELECT look();
-- no limit; a sum; a floor
INSERT INTO seat SELECT 2, i FROM generate_series(1, 20) i;
UPDATE seat SET points = 10 WHERE course = 2 AND person = 1;
UPDATE seat SET points = 1 WHERE course = 2 AND person = 2;
\echo :SQLSTATE
UPDATE seat SET points = -1 WHERE course = 1;
UPDATE seat SET points = -6 WHERE course = 1;
\echo :SQLSTATE
SELECT look();
-- moved
UPDATE seat SET course = 3 WHERE course = 1 AND person = 2;
\echo :SQLSTATE
-- immediate, and of several rows all or nothing
BEGIN;
SET CONSTRAINTS ALL IMMEDIATE;
SELECT attempt('INSERT INTO seat VALUES (2, 30, 0), (1, 31, 0), (1, 32, 0)');
COMMIT;
SELECT look();
-- the column comes down to the counter, and not below; NULL lifts it
SELECT attempt('UPDATE course SET capacity = 2 WHERE id = 1'), attempt('UPDATE course SET capacity = 1 WHERE id = 1'),
       attempt('UPDATE course SET capacity = NULL WHERE id = 1'), attempt('UPDATE course SET capacity = 1 WHERE id = 1');
SELECT look();
SELECT attempt('UPDATE course SET capacity = -1 WHERE id = 3');
SELECT attempt('UPDATE course SET budget = 9, note = ''less'' WHERE id = 2');
SELECT attempt('UPDATE course SET note = ''other'', budget = budget');
UPDATE course SET capacity = 2 WHERE id = 1;
-- both in one transaction: what is there at the flush
BEGIN;
INSERT INTO seat VALUES (3, 1);
UPDATE course SET capacity = 1 WHERE id = 3;
COMMIT;
SELECT look();

-- the verbs say so, and nothing of it is stored
SELECT outcome, inserted, duplicates, progress, conflict FROM ratchet.submit_batch('seat', '[{"course": 1, "person": 8}, {"course": 2, "person": 40}]', flush => true);
BEGIN;
SELECT outcome, inserted, conflict FROM ratchet.submit_batch('seat', '[{"course": 1, "person": 8}]', flush => true);
SELECT outcome, inserted, conflict FROM ratchet.submit_batch('seat', '[{"course": 2, "person": 8}]', false);
SELECT outcome, inserted, conflict FROM ratchet.submit_batch('seat', '[{"course": 2, "person": 41}]', flush => true);
SELECT outcome, inserted, conflict FROM ratchet.submit_batch('seat', '[{"course": 1, "person": 8}]', false);
SELECT attempt('SELECT ratchet.flush()');
ROLLBACK;
SELECT look();
CREATE TABLE form (id int PRIMARY KEY, course int REFERENCES course, status text DEFAULT 'open', submitted_at timestamptz, UNIQUE (id, course));
ALTER TABLE seat ADD form int REFERENCES form;
SELECT ratchet.guard('form', gate => 'submitted_at', states => '{"status": {"open": ["sent"], "sent": []}}');
INSERT INTO form (id, course) VALUES (1, 1), (2, 2);
SELECT outcome, submitted_at, record, progress, conflict FROM ratchet.submit('form', 1, child => 'seat', record => '{"course": 1, "person": 9}');
SELECT outcome, conflict FROM ratchet.submit('form', 2, child => 'seat', record => '{"course": 2, "person": 1}');
SELECT outcome, state, was, record, conflict FROM ratchet.advance('form', 1, 'sent', child => 'seat', record => '{"course": 1, "person": 9}');
SELECT outcome, record ->> 'person', progress -> 0 -> 'columns' FROM ratchet.submit('form', 2, child => 'seat', record => '{"course": 2, "person": 90}', flush => true);
SELECT id, status, submitted_at IS NOT NULL FROM form ORDER BY id;
SELECT count(*) FROM seat WHERE form IS NOT NULL;
-- a row that is counted itself
CREATE TABLE room (id int PRIMARY KEY, places int, used int);
CREATE TABLE guest (id int PRIMARY KEY, room int REFERENCES room, arrived_at timestamptz);
SELECT ratchet.guard('guest', gate => 'arrived_at');
SELECT ratchet.tally('guest', 'room', '{"used": "arrived_at IS NOT NULL"}', limits => '{"used": "places"}');
INSERT INTO room VALUES (1, 1);
INSERT INTO guest VALUES (1, 1), (2, 1);
SELECT outcome, conflict FROM ratchet.submit('guest', 1);
SELECT outcome, submitted_at, conflict FROM ratchet.submit('guest', 2);
SELECT * FROM room;
SELECT count(*) FROM guest WHERE arrived_at IS NULL;

-- rows that are beyond it already may stay so, or come back
SELECT ratchet.untally('seat', 'course');
UPDATE course SET capacity = 5 WHERE id IN (1, 2);
INSERT INTO seat VALUES (1, 8);
SET client_min_messages = notice;
SELECT ratchet.tally('seat', 'course', '{"reserved": "true"}', limits => '{"reserved": "capacity"}');
SET client_min_messages = warning;
SELECT look();
INSERT INTO seat VALUES (2, 91);
\echo :SQLSTATE
DELETE FROM seat WHERE course = 2 AND person > 18;
UPDATE course SET note = 'beyond' WHERE id = 2;
SELECT attempt('UPDATE course SET capacity = 4 WHERE id = 2'), attempt('UPDATE course SET capacity = 6 WHERE id = 2');
SELECT look();
ALTER TABLE seat DISABLE TRIGGER "!ratchet_tally_1";
INSERT INTO seat SELECT 1, i FROM generate_series(50, 60) i;
ALTER TABLE seat ENABLE TRIGGER "!ratchet_tally_1";
SET client_min_messages = notice;
CALL ratchet.repair('course');
SET client_min_messages = warning;
SELECT look();
SELECT * FROM ratchet.verify('course');

-- less needs replace; renames are followed, and types may change
SELECT attempt($$SELECT ratchet.tally('seat', 'course', '{"reserved": "true"}')$$);
SELECT attempt($$SELECT ratchet.tally('seat', 'course', '{"reserved": "true"}', limits => '{"reserved": 30}')$$);
ALTER TABLE course RENAME COLUMN capacity TO places;
ALTER TABLE course RENAME COLUMN reserved TO taken;
ALTER TABLE course ALTER COLUMN places TYPE numeric;
SELECT limits FROM ratchet.contract WHERE target = 'seat'::regclass;
SELECT attempt('ALTER TABLE course ALTER COLUMN places TYPE text');
SELECT attempt('ALTER TABLE course DROP COLUMN places');
SELECT attempt('INSERT INTO seat VALUES (3, 70); SET CONSTRAINTS ALL IMMEDIATE');

-- what is refused
CREATE FUNCTION refused(limits jsonb) RETURNS text LANGUAGE sql AS $$
SELECT attempt(format('SELECT ratchet.tally(''seat'', ''course'', ''{"taken": "true"}'', limits => %L, replace => true, backfill => ''later'')', limits))
$$;
ALTER TABLE course ADD COLUMN twice int GENERATED ALWAYS AS (budget * 2) STORED, ADD COLUMN full_up boolean;
SELECT refused('[]');
SELECT refused('"{}"');
SELECT refused('{"taken": true}');
SELECT refused('{"taken": null}');
SELECT refused('{"taken": ""}');
SELECT refused('{"taken": ["places"]}');
SELECT refused('{"taken": {}}');
SELECT refused('{"taken": {"most": "places"}}');
SELECT refused('{"taken": {"max": true}}');
SELECT refused('{"other": "places"}');
SELECT refused('{"taken": "taken"}');
SELECT refused('{"taken": "missing"}');
SELECT refused('{"taken": "note"}');
SELECT refused('{"taken": "full_up"}');
SELECT refused('{"taken": "twice"}');
-- a limit that is counted itself; two tallies; a completion at the limit
CREATE TABLE chair (course int REFERENCES course);
SELECT ratchet.untally('seat', 'course');
DELETE FROM seat;
SELECT ratchet.tally('chair', 'course', '{"budget": "true"}');
SELECT ratchet.tally('seat', 'course', '{"taken": "true"}', limits => '{"taken": "budget"}', completions => '{"full_up": {"when": "taken >= budget"}}');
INSERT INTO seat VALUES (1, 1);
\echo :SQLSTATE
BEGIN;
INSERT INTO seat VALUES (1, 1);
INSERT INTO chair VALUES (1);
COMMIT;
SELECT taken, budget, full_up FROM course WHERE id = 1;
DELETE FROM chair;
\echo :SQLSTATE

-- partitions, and columns at other places
CREATE TABLE hall (region text, id int, used int, places bigint, PRIMARY KEY (region, id)) PARTITION BY LIST (region);
CREATE TABLE hall_eu (places bigint, id int NOT NULL, gone int, used int, region text NOT NULL);
ALTER TABLE hall_eu DROP COLUMN gone;
ALTER TABLE hall ATTACH PARTITION hall_eu FOR VALUES IN ('eu');
CREATE TABLE ticket (region text, hall int, FOREIGN KEY (region, hall) REFERENCES hall);
SELECT ratchet.tally('ticket', 'hall', '{"used": "true"}', limits => '{"used": "places"}');
INSERT INTO hall VALUES ('eu', 1, 0, 1);
INSERT INTO ticket VALUES ('eu', 1);
SELECT attempt('INSERT INTO ticket VALUES (''eu'', 1); SET CONSTRAINTS ALL IMMEDIATE');
SELECT attempt('UPDATE hall_eu SET places = 0');
SELECT * FROM hall;
-- the name of a limit is never too long
CREATE TABLE a_table_with_a_name_that_is_nearly_as_long_as_a_name_can_be (id int PRIMARY KEY, a_counter_with_a_long_name_too_which_does_not_fit int);
CREATE TABLE part (id int REFERENCES a_table_with_a_name_that_is_nearly_as_long_as_a_name_can_be);
SELECT ratchet.tally('part', 'a_table_with_a_name_that_is_nearly_as_long_as_a_name_can_be', '{"a_counter_with_a_long_name_too_which_does_not_fit": "true"}', limits => '{"a_counter_with_a_long_name_too_which_does_not_fit": 0}');
INSERT INTO a_table_with_a_name_that_is_nearly_as_long_as_a_name_can_be VALUES (1);
SELECT outcome, conflict, length(conflict) FROM ratchet.submit_batch('part', '[{"id": 1}]', flush => true);

SET client_min_messages = error;
DROP SCHEMA limits CASCADE;
