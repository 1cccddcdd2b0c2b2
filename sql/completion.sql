--
-- Completion: total, done, done_at, on_done, latch, notify.
--
\set SHOW_CONTEXT never
SET client_min_messages = warning;
\pset format unaligned
\pset tuples_only on
CREATE SCHEMA completion;
SET search_path = completion, test_setup;
CREATE TABLE run (id int PRIMARY KEY, total int, n int NOT NULL DEFAULT 0, done boolean NOT NULL DEFAULT false, done_at timestamptz, note text);
CREATE TABLE result (run int REFERENCES run ON DELETE CASCADE, question int, remark text, UNIQUE (run, question));
CREATE TABLE log (place serial, run int, what text);
CREATE FUNCTION finish(run int) RETURNS void LANGUAGE sql AS $$
INSERT INTO completion.log (run, what) SELECT id, format('n %s of %s, done %s', n, total, done) FROM completion.run WHERE id = finish.run
$$;
CREATE FUNCTION look() RETURNS SETOF text LANGUAGE sql AS $$
SELECT concat_ws(' ', id, n || '/' || COALESCE(total::text, 'null'), CASE WHEN done THEN 'done' END,
                 CASE WHEN done_at = now() THEN 'now' WHEN done_at < now() THEN 'before' END) FROM completion.run
WHERE id < 100 ORDER BY id
$$;
-- What on_done was called for since the last look, in that order.
CREATE FUNCTION called() RETURNS text LANGUAGE sql AS $$
WITH gone AS (DELETE FROM completion.log RETURNING *) SELECT string_agg(run || ': ' || what, '; ' ORDER BY place) FROM gone
$$;
SELECT ratchet.tally('result', 'run', '{"n": "true"}', total => 'total', done => 'done', done_at => 'done_at', on_done => 'finish(int)');
INSERT INTO run (id, total) VALUES (1, 2), (2, 0), (3, NULL), (4, -1), (5, 1);

--
-- The last one completes, in its transaction
--
INSERT INTO result VALUES (1, 1);
SELECT look(), called();
INSERT INTO result VALUES (1, 2);
SELECT look(), called();
-- more than enough is no new completion
INSERT INTO result VALUES (1, 3);
SELECT look(), called();
BEGIN;
SELECT done_at AS first_at FROM run WHERE id = 1 \gset
INSERT INTO result VALUES (1, 4);
SELECT ratchet.flush();
SELECT look(), done_at = :'first_at' FROM run WHERE id = 1;
ROLLBACK;
-- total 0, negative or NULL never completes
INSERT INTO result VALUES (2, 1), (3, 1), (4, 1);
SELECT look();
SELECT called();
-- several at once, in the order of their keys
UPDATE run SET total = 2 WHERE id IN (2, 3);
INSERT INTO result VALUES (5, 1), (3, 2), (2, 2);
SELECT look();
SELECT called();
-- in the transaction that completes, and undone with it
BEGIN;
DELETE FROM result WHERE run = 5;
SELECT ratchet.flush();
SELECT look();
INSERT INTO result VALUES (5, 1);
SELECT called();
SELECT ratchet.flush();
SELECT look();
SELECT called();
ROLLBACK;
SELECT called();

--
-- Removed and added again: done is what the counters say, and each time that it becomes true counts
--
DELETE FROM result WHERE run = 1 AND question > 1;
SELECT look(), called();
INSERT INTO result VALUES (1, 2);
SELECT look(), called();
BEGIN;
DELETE FROM result WHERE run = 1;
INSERT INTO result VALUES (1, 5), (1, 6);
COMMIT;
SELECT look(), called();
BEGIN;
DELETE FROM result WHERE run = 1;
SELECT ratchet.flush();
INSERT INTO result VALUES (1, 7), (1, 8);
COMMIT;
SELECT look(), called();
UPDATE result SET run = 5 WHERE run = 1 AND question = 7;
SELECT look();
SELECT called();
TRUNCATE result;
SELECT look();
SELECT called();

--
-- A change of total decides anew
--
INSERT INTO result VALUES (1, 1), (3, 1);
UPDATE run SET total = 1 WHERE id = 1;
SELECT look(), called();
UPDATE run SET total = 1, note = 'same' WHERE id = 1;
UPDATE run SET total = 5 WHERE id = 1;
SELECT look(), called();
UPDATE run SET total = n WHERE id IN (1, 3);
SELECT look();
SELECT called();
UPDATE run SET total = NULL WHERE id = 1;
UPDATE run SET total = 0 WHERE id = 3;
SELECT look();
SELECT called();
-- with done in the same statement: the total counts, the given value does not
SET client_min_messages = notice;
UPDATE run SET total = 1, done = false WHERE id = 1;
UPDATE run SET total = 2, done = true WHERE id = 1;
SET client_min_messages = warning;
SELECT look();
SELECT called();
BEGIN;
INSERT INTO result VALUES (1, 2);
UPDATE run SET total = 3 WHERE id = 1;
COMMIT;
SELECT look(), called();
UPDATE run SET total = 1 WHERE id IN (1, 2);
SELECT look();
SELECT called();

--
-- A row is born incomplete, also where nothing is expected; on_done belongs to updates
--
INSERT INTO run (id, total, n, done, done_at) VALUES (6, 1, 1, true, now());
SELECT look();
SELECT called();

--
-- on_done that raises: the whole submission fails
--
CREATE OR REPLACE FUNCTION finish(run int) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF finish.run = 6 THEN RAISE EXCEPTION 'not yet' USING ERRCODE = 'P7777', DETAIL = 'Wait.', HINT = 'Try later.'; END IF;
    INSERT INTO completion.log (run, what) VALUES (finish.run, 'ok');
END $$;
INSERT INTO result VALUES (6, 1);
\echo :SQLSTATE
BEGIN;
INSERT INTO result VALUES (6, 1), (5, 1);
SELECT attempt('SELECT ratchet.flush()');
SELECT attempt('SET CONSTRAINTS ALL IMMEDIATE');
DELETE FROM result WHERE run = 6;
COMMIT;
SELECT look();
SELECT called();
SELECT attempt('UPDATE run SET total = -1 WHERE id = 6'), attempt('INSERT INTO result VALUES (6, 1)');
UPDATE run SET total = 1 WHERE id = 6;
\echo :SQLSTATE
BEGIN;
UPDATE run SET total = 1 WHERE id = 6;
SELECT attempt('SELECT ratchet.flush()');
ROLLBACK;
SELECT attempt($$SELECT * FROM ratchet.submit_batch('result', '[{"run": 6, "question": 9}]', false)$$);
UPDATE run SET total = 3 WHERE id = 6;
SELECT attempt($$SELECT * FROM ratchet.submit_batch('result', '[{"run": 6, "question": 10}]', flush => true)$$);
BEGIN;
SELECT attempt($$SELECT * FROM ratchet.submit_batch('result', '[{"run": 6, "question": 10}]', false)$$);
COMMIT;
\echo :SQLSTATE
SELECT look();
SELECT run, question FROM result WHERE run = 6 ORDER BY question;
DELETE FROM run WHERE id = 6;
SELECT ratchet.untally('result', 'run');

--
-- on_done that writes: to guarded tables, to other tallied tables, back into the child
--
TRUNCATE run, result;
CREATE TABLE student (id int PRIMARY KEY, advanced_at timestamptz, finished int NOT NULL DEFAULT 0);
CREATE TABLE certificate (student int REFERENCES student, run int UNIQUE);
SELECT ratchet.guard('student', 'advanced_at');
SELECT ratchet.tally('certificate', 'student', '{"finished": "true"}');
INSERT INTO student VALUES (1), (2);
CREATE FUNCTION certify(run int) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO completion.certificate VALUES (certify.run % 10, certify.run);
    PERFORM ratchet.submit('completion.student', certify.run % 10);
    INSERT INTO completion.log (run, what) VALUES (certify.run, 'certified');
END $$;
SELECT ratchet.tally('result', 'run', '{"n": "true"}', total => 'total', done => 'done', on_done => 'certify(int)');
INSERT INTO run (id, total) VALUES (1, 1), (11, 1), (2, 1), (12, 1), (22, 2);
INSERT INTO result VALUES (1, 1), (11, 1), (2, 1), (22, 1);
SELECT id, advanced_at IS NOT NULL, finished FROM student ORDER BY id;
SELECT called();
-- the second time hits the unique key: nothing of it is stored
INSERT INTO certificate VALUES (2, 12);
SELECT attempt('INSERT INTO result VALUES (12, 1), (22, 2)');
BEGIN;
INSERT INTO result VALUES (12, 1), (22, 2);
SELECT attempt('SELECT ratchet.flush()');
ROLLBACK;
SELECT * FROM ratchet.verify();
SELECT id, finished FROM student ORDER BY id;
-- all counters are written before any on_done is called
CREATE FUNCTION inspect(run int) RETURNS void LANGUAGE sql AS $$
INSERT INTO completion.log (run, what) SELECT inspect.run, string_agg(id || ' ' || n || ' ' || done, ', ' ORDER BY id) FROM completion.run
$$;
SELECT ratchet.tally('result', 'run', '{"n": "true"}', total => 'total', done => 'done', on_done => 'inspect(int)', replace => true);
TRUNCATE result, run;
INSERT INTO run (id, total) VALUES (1, 1), (2, 1), (3, 2);
INSERT INTO result VALUES (1, 1), (2, 1), (3, 1);
SELECT called();
-- back into the child: another run, which completes, and the same run, which is complete already
CREATE FUNCTION go_on(run int) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO completion.log (run, what) VALUES (go_on.run, 'done');
    INSERT INTO completion.result SELECT id, go_on.run FROM completion.run WHERE id IN (go_on.run, go_on.run + 1) ON CONFLICT DO NOTHING;
END $$;
SELECT ratchet.tally('result', 'run', '{"n": "true"}', total => 'total', done => 'done', on_done => 'go_on(int)', replace => true);
TRUNCATE result, run;
INSERT INTO run (id, total) SELECT i, 1 FROM generate_series(1, 5) i;
INSERT INTO result VALUES (1, 0);
SELECT look();
SELECT called();
SELECT * FROM ratchet.verify();
BEGIN;
DELETE FROM result WHERE run = 4;
SELECT ratchet.flush();
SELECT look();
INSERT INTO result VALUES (4, 7);
SELECT ratchet.flush();
SELECT look();
COMMIT;
SELECT look();
SELECT called();
SELECT * FROM ratchet.verify();
-- a chain has an end
INSERT INTO run (id, total) SELECT i, 1 FROM generate_series(101, 160) i;
INSERT INTO result VALUES (101, 0);
SELECT count(*), sum(n) FROM run WHERE id > 100 AND done;
SELECT count(*) FROM log WHERE run > 100;
INSERT INTO run (id, total) SELECT i, 1 FROM generate_series(201, 299) i;
INSERT INTO result VALUES (201, 0);
\echo :SQLSTATE
SELECT count(*) FROM result WHERE run > 200;
-- one that undoes itself
CREATE FUNCTION undo(run int) RETURNS void LANGUAGE sql AS $$
DELETE FROM completion.result WHERE run = undo.run
$$;
SELECT ratchet.tally('result', 'run', '{"n": "true"}', total => 'total', done => 'done', on_done => 'undo(int)', replace => true);
TRUNCATE result, run, log;
INSERT INTO run (id, total) VALUES (1, 2);
INSERT INTO result VALUES (1, 1), (1, 2);
SELECT look(), count(*) FROM result;
CREATE OR REPLACE FUNCTION undo(run int) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM completion.result WHERE result.run = undo.run;
    PERFORM ratchet.flush();
    INSERT INTO completion.result VALUES (undo.run, 1), (undo.run, 2);
END $$;
-- it is called for what the transaction makes of the row as others see it, so once
INSERT INTO result VALUES (1, 1), (1, 2);
SELECT look(), count(*) FROM result;
DELETE FROM result;
-- a parent that goes in on_done
CREATE OR REPLACE FUNCTION undo(run int) RETURNS void LANGUAGE sql AS 'DELETE FROM completion.run WHERE id = undo.run';
INSERT INTO result VALUES (1, 1), (1, 2);
SELECT count(*) FROM run;
SELECT count(*) FROM result;
SELECT ratchet.untally('result', 'run');

--
-- Whose rights, which search_path
--
TRUNCATE result, run, log;
CREATE ROLE regress_ratchet_completer;
GRANT USAGE ON SCHEMA completion TO regress_ratchet_completer;
GRANT INSERT, SELECT ON result TO regress_ratchet_completer;
GRANT SELECT, UPDATE (total) ON run TO regress_ratchet_completer;
CREATE FUNCTION who(integer) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO completion.log (run, what)
    VALUES ($1, concat_ws(', ', CASE current_user WHEN (SELECT relowner::regrole::text FROM pg_class WHERE oid = 'completion.run'::regclass) THEN 'owner' ELSE current_user END,
                          current_setting('search_path'), to_regclass('run') IS NULL));
END $$;
CREATE SCHEMA hostile;
CREATE FUNCTION hostile.concat_ws(VARIADIC text[]) RETURNS text LANGUAGE sql AS $$ SELECT 'hijacked' $$;
GRANT USAGE ON SCHEMA hostile TO regress_ratchet_completer;
SELECT ratchet.tally('result', 'run', '{"n": "true"}', total => 'total', done => 'done', on_done => 'who(int)');
INSERT INTO run (id, total) VALUES (1, 1), (2, 1), (3, 1), (4, 5);
SET ROLE regress_ratchet_completer;
SET search_path = hostile, completion, pg_catalog, test_setup;
INSERT INTO completion.result VALUES (1, 1);
SELECT outcome FROM ratchet.submit_batch('result', '[{"run": 2, "question": 1}]', flush => true);
BEGIN;
SET CONSTRAINTS ALL IMMEDIATE;
INSERT INTO completion.result VALUES (3, 1);
COMMIT;
INSERT INTO completion.result VALUES (4, 1);
UPDATE run SET total = 1 WHERE id = 4;
SELECT current_user, current_setting('search_path');
RESET ROLE;
SET search_path = completion, test_setup;
SELECT called();
-- backfill and repair complete, too, and call it
SELECT ratchet.untally('result', 'run');
UPDATE run SET done = false, n = 0;
SELECT ratchet.tally('result', 'run', '{"n": "true"}', total => 'total', done => 'done', on_done => 'who(int)', backfill => 'later');
SELECT look();
SELECT called();
SET client_min_messages = error;
CALL ratchet.repair('run');
SET client_min_messages = warning;
SELECT look();
SELECT called();
SELECT ratchet.untally('result', 'run');
UPDATE run SET done = false, n = 0;
SELECT ratchet.tally('result', 'run', '{"n": "true"}', total => 'total', done => 'done', on_done => 'who(int)');
SELECT look();
SELECT called();
-- a function that the owner may not execute is no on_done, now or later
ALTER TABLE run OWNER TO regress_ratchet_completer;
ALTER TABLE result OWNER TO regress_ratchet_completer;
-- nobody is there to refuse it
ALTER EVENT TRIGGER ratchet_ddl_end DISABLE;
REVOKE ALL ON FUNCTION who FROM PUBLIC;
ALTER EVENT TRIGGER ratchet_ddl_end ENABLE;
SELECT attempt($$UPDATE run SET total = 7$$);
UPDATE run SET total = 1 WHERE id = 1;
\echo :SQLSTATE
SET ROLE regress_ratchet_completer;
SELECT attempt($$SELECT ratchet.tally('result', 'run', '{"n": "true"}', total => 'total', done => 'done', on_done => 'who(int)', latch => true)$$);
RESET ROLE;
ALTER TABLE run OWNER TO CURRENT_USER;
ALTER TABLE result OWNER TO CURRENT_USER;
SELECT ratchet.untally('result', 'run');
DROP OWNED BY regress_ratchet_completer;
DROP ROLE regress_ratchet_completer;

--
-- latch: done stays
--
TRUNCATE result, run;
SELECT ratchet.tally('result', 'run', '{"n": "true"}', total => 'total', done => 'done', done_at => 'done_at', on_done => 'inspect(int)', latch => true);
INSERT INTO run (id, total) VALUES (1, 2);
INSERT INTO result VALUES (1, 1), (1, 2);
SELECT look(), called();
DELETE FROM result;
SELECT look(), called();
UPDATE run SET total = 9;
UPDATE run SET total = NULL;
SELECT look(), called();
UPDATE run SET total = 2;
INSERT INTO result VALUES (1, 1), (1, 2);
SELECT look(), called();
TRUNCATE result;
SELECT look(), called();
SELECT * FROM ratchet.verify();
-- without it, it falls again
SELECT ratchet.tally('result', 'run', '{"n": "true"}', total => 'total', done => 'done', done_at => 'done_at', on_done => 'inspect(int)', replace => true);
SELECT look(), called();
SELECT ratchet.untally('result', 'run');

--
-- notify
--
CREATE TABLE pair (a int, b text, total int, n int, done boolean, PRIMARY KEY (a, b));
CREATE TABLE part (a int, b text, FOREIGN KEY (a, b) REFERENCES pair);
SELECT ratchet.tally('part', 'pair', '{"n": "true"}', total => 'total', done => 'done', notify => true);
INSERT INTO pair VALUES (1, 'it''s "x"', 1), (2, 'y', 2), (3, 'z', 1);
INSERT INTO part VALUES (1, 'it''s "x"'), (2, 'y');
SELECT a, n, done FROM pair ORDER BY a;
-- such a transaction cannot be prepared; one that completes nothing can
BEGIN;
INSERT INTO part VALUES (3, 'z');
PREPARE TRANSACTION 'regress_ratchet';
SELECT n, done FROM pair WHERE a = 3;
BEGIN;
UPDATE pair SET total = 1 WHERE a = 2;
PREPARE TRANSACTION 'regress_ratchet';
BEGIN;
DELETE FROM part WHERE a = 2;
PREPARE TRANSACTION 'regress_ratchet';
COMMIT PREPARED 'regress_ratchet';
SELECT a, n, done FROM pair ORDER BY a;

SET client_min_messages = error;
DROP SCHEMA completion, hostile CASCADE;
