--
-- fence: a write that brings a smaller value than the row has is out of date as a whole.
--
\set SHOW_CONTEXT never
SET client_min_messages = warning;
\pset format unaligned
\pset tuples_only on
CREATE SCHEMA fence;
SET search_path = fence, test_setup;
SET datestyle = ISO;
SET timezone = 'UTC';

--
-- Declaring
--
CREATE TABLE job (id int PRIMARY KEY, status text NOT NULL DEFAULT 'queued', attempt int, result text, note text, seen_at timestamptz, event_at timestamptz,
                  v int NOT NULL DEFAULT 1, data json, twice int GENERATED ALWAYS AS (attempt * 2) STORED);
SELECT ratchet.guard('job', fence => 'attempt');
SELECT ratchet.guard('job', fence => 'attempt');
SELECT fence, mode FROM ratchet.contract;
SELECT * FROM ratchet.describe('job');
SELECT attempt($$SELECT ratchet.guard('job', fence => 'nothing')$$);
SELECT attempt($$SELECT ratchet.guard('job', fence => 'data')$$);
SELECT attempt($$SELECT ratchet.guard('job', fence => 'twice')$$);
SELECT attempt($$SELECT ratchet.guard('job', fence => 'attempt', forward => '{attempt}')$$);
SELECT attempt($$SELECT ratchet.guard('job', fence => 'attempt', mode => 'forward=keep')$$);
SELECT attempt($$SELECT ratchet.guard('job', forward => '{attempt}')$$);
SELECT attempt($$SELECT ratchet.guard('job', fence => 'event_at')$$);
SELECT attempt($$SELECT ratchet.guard('job', fence => 'attempt', mode => 'keep')$$);
SELECT ratchet.guard('job', fence => 'attempt', mode => 'observe', replace => true);
SELECT * FROM ratchet.describe('job');
SELECT ratchet.guard('job', fence => 'attempt', mode => 'fence=keep');
SELECT * FROM ratchet.describe('job');
SELECT ratchet.guard('job', forward => '{attempt}', replace => true);
SELECT ratchet.guard('job', fence => 'attempt');
ALTER TABLE job RENAME attempt TO lease;
SELECT fence FROM ratchet.contract;
SELECT attempt('ALTER TABLE job DROP COLUMN lease CASCADE');
SELECT attempt('ALTER TABLE job ALTER lease TYPE json USING NULL, DROP twice');
ALTER TABLE job RENAME lease TO attempt;
SELECT ratchet.unguard('job');

--
-- Every mode and class of types: what becomes of the row, how many rows the writer is told of, and what update() answers
--
CREATE TYPE mood AS ENUM ('low', 'high');
CREATE FUNCTION trial(type text, before text, after text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    mode text; found text; verb text; n int;
BEGIN
    FOREACH mode IN ARRAY '{reject,keep,observe}'::text[] LOOP
        EXECUTE format('CREATE TABLE t (id int PRIMARY KEY, gone int, rest text DEFAULT ''old'', f %s)', type);
        ALTER TABLE t DROP gone;
        EXECUTE format('INSERT INTO t (id, f) SELECT i, %L::%s FROM generate_series(1, 2) i', before, type);
        EXECUTE format('SELECT ratchet.guard(''t'', fence => ''f'', mode => %L)', mode);
        BEGIN
            EXECUTE format('UPDATE t SET f = %L::%s, rest = ''new'' WHERE id = 1', after, type);
            GET DIAGNOSTICS n = ROW_COUNT;
            EXECUTE format('SELECT concat_ws('' '', COALESCE(f::text, ''NULL''), rest) FROM t WHERE id = 1') INTO found;
            found := format('%s rows, %s', n, found);
        EXCEPTION WHEN OTHERS THEN
            found := SQLSTATE;
        END;
        BEGIN
            EXECUTE format('SELECT concat_ws('' '', outcome, stale) FROM ratchet.update(''t'', 2, jsonb_build_object(''f'', to_jsonb(%L::%s), ''rest'', ''new''))', after, type)
            INTO verb;
        EXCEPTION WHEN OTHERS THEN
            verb := SQLSTATE;
        END;
        DROP TABLE t;
        RETURN NEXT format('%s %s: %s; update(): %s', mode, concat_ws(' -> ', COALESCE(before, 'NULL'), COALESCE(after, 'NULL')), found, verb);
    END LOOP;
END $$;
SELECT trial(type, before, after) FROM (VALUES ('int', '2', '1'), ('int', '2', '2'), ('int', '2', '3'), ('int', '2', NULL), ('int', NULL, '-5'), ('int', NULL, NULL),
    ('bigint', '-1', '-2'), ('numeric', '1.0', '1.00'), ('numeric', '1.01', '1'), ('double precision', 'NaN', 'Infinity'), ('date', '2026-01-02', '2026-01-01'),
    ('timestamp', 'infinity', '2026-01-01'), ('timestamptz', '2026-01-01 00:00:00.000001+00', '2026-01-01 00:00+00'), ('timestamptz', NULL, '-infinity'),
    ('text COLLATE "C"', 'a', 'B'), ('mood', 'high', 'low'), ('uuid', '00000000-0000-0000-0000-000000000002', '00000000-0000-0000-0000-000000000001'),
    ('pg_lsn', '0/10', '0/2')) v (type, before, after);
DROP FUNCTION trial;

--
-- A displaced worker, and every way to write a row: rejected, nothing changes
--
INSERT INTO job (id, status, attempt, result) SELECT i, 'running', 3, 'old' FROM generate_series(1, 9) i;
SELECT ratchet.guard('job', fence => 'attempt', states => '{"status": {"queued": ["running"], "running": ["done", "failed"], "done": [], "failed": ["queued"]}}',
                     heartbeat => 'seen_at', once => '{note}');
SELECT attempt($$UPDATE job SET attempt = 2, status = 'done', result = 'late' WHERE id = 1$$);
SELECT attempt($$UPDATE job SET attempt = NULL WHERE id = 1$$);
SELECT attempt($$INSERT INTO job (id, attempt) VALUES (1, 2) ON CONFLICT (id) DO UPDATE SET attempt = excluded.attempt, result = 'late'$$);
SELECT attempt($$MERGE INTO job j USING (VALUES (1, 2)) s (id, attempt) ON j.id = s.id WHEN MATCHED THEN UPDATE SET attempt = s.attempt, result = 'late'$$);
SELECT attempt($$UPDATE job SET attempt = s.attempt FROM (VALUES (1, 2)) s (id, attempt) WHERE job.id = s.id$$);
-- neither a forbidden move nor a terminal state is found first
SELECT attempt($$UPDATE job SET attempt = 2, status = 'queued' WHERE id = 1$$);
UPDATE job SET status = 'done', attempt = 3 WHERE id = 2;
SELECT attempt($$UPDATE job SET attempt = 2, status = 'running' WHERE id = 2$$);
SELECT attempt($$UPDATE job SET attempt = 2, status = 'nowhere', note = 'x' WHERE id = 2$$);
-- what leaves the fence alone, repeats it or raises it is current
UPDATE job SET result = 'plain' WHERE id = 3;
UPDATE job SET result = 'same', attempt = 3 WHERE id = 4;
UPDATE job SET result = 'next', attempt = 4, status = 'failed' WHERE id = 5;
SELECT id, status, attempt, result FROM job ORDER BY id;

--
-- The verbs
--
SELECT outcome, state, was, stale FROM ratchet.advance('job', 6, 'done', '{"attempt": 2}');
SELECT outcome, state, was, stale FROM ratchet.advance('job', 2, 'done', '{"attempt": 2}');
SELECT outcome, state, was, stale FROM ratchet.advance('job', 2, 'queued', '{"attempt": 2}');
SELECT outcome, state, was, stale FROM ratchet.advance('job', 2, 'done', '{"attempt": 3}');
SELECT outcome, kept, stale FROM ratchet.update('job', 6, '{"attempt": 2, "result": "late"}');
SELECT outcome, kept, stale FROM ratchet.update('job', 6, '{"attempt": null}');
SELECT outcome, kept, stale FROM ratchet.update('job', 6, '{"attempt": 3}');
SELECT * FROM ratchet.beat('job', 6, '{"attempt": 2}');
SELECT * FROM ratchet.beat('job', 2, '{"attempt": 2}');
SELECT * FROM ratchet.beat('job', 2, '{"attempt": 3}');
SELECT * FROM ratchet.beat('job', 6, expect => '{"attempt": 2, "status": "running"}');
SELECT * FROM ratchet.beat('job', 2, expect => '{"attempt": 2}');
SELECT * FROM ratchet.beat('job', 99, expect => '{"attempt": 2}');
SELECT seen_at, attempt, result, status FROM job WHERE id = 6;
SELECT * FROM ratchet.beat('job', 6, '{"attempt": 3}', '{"attempt": 3}');
SELECT * FROM ratchet.beat('job', '{"id": 6}'::jsonb, expect => '{"attempt": 3}');
SELECT seen_at IS NOT NULL FROM job WHERE id = 6;
SELECT attempt($$SELECT ratchet.beat('job', 6, expect => '{"data": 1}')$$);
SELECT attempt($$SELECT ratchet.beat('job', 6, expect => '{"nothing": 1}')$$);
SELECT attempt($$SELECT ratchet.beat('job', 6, expect => '[]')$$);
-- what a caller expects he must be able to read; what he brings is judged all the same
CREATE ROLE regress_ratchet_worker;
GRANT USAGE ON SCHEMA fence TO regress_ratchet_worker;
GRANT SELECT (id), UPDATE (seen_at, attempt) ON job TO regress_ratchet_worker;
SET ROLE regress_ratchet_worker;
SELECT attempt($$SELECT ratchet.beat('job', 6, expect => '{"attempt": 3}')$$);
SELECT outcome, stale FROM ratchet.beat('job', 6, '{"attempt": 2}');
SELECT outcome FROM ratchet.beat('job', 6);
RESET ROLE;
DROP OWNED BY regress_ratchet_worker;
DROP ROLE regress_ratchet_worker;
-- a beat that a trigger suppresses is an error, never stale
CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE TRIGGER nothing BEFORE UPDATE ON job FOR EACH ROW EXECUTE FUNCTION nothing();
SELECT attempt($$SELECT ratchet.beat('job', 6, expect => '{"attempt": 3}')$$);
DROP TRIGGER nothing ON job;
-- a repetition is told as such, also to who was displaced since: it is done
SELECT ratchet.guard('job', fence => 'attempt', states => '{"status": {"queued": ["running"], "running": ["done", "failed"], "done": [], "failed": ["queued"]}}',
                     heartbeat => 'seen_at', once => '{note}', idempotency_key => 'result');
UPDATE job SET result = NULL WHERE id = 6;
SELECT outcome, state FROM ratchet.advance('job', 6, 'failed', '{"attempt": 3}', idempotency_key => 'r6');
SELECT outcome, state FROM ratchet.advance('job', 6, 'queued', '{"attempt": 4}');
SELECT outcome <> 'stale', stale FROM ratchet.advance('job', 6, 'failed', '{"attempt": 3}', idempotency_key => 'r6');
SELECT outcome, stale FROM ratchet.advance('job', 6, 'running', '{"attempt": 3}', idempotency_key => 'r7');
SELECT outcome, stale FROM ratchet.advance('job', 6, 'running', '{"attempt": 3}', expect => '{"status": "failed"}', idempotency_key => 'r7');
SELECT outcome, changed FROM ratchet.amend('job', 6, '{"attempt": 1}', 'dba', 'test');
BEGIN;
CALL ratchet.suspend('job', 'test');
UPDATE job SET attempt = NULL WHERE id = 5;
SELECT outcome, stale FROM ratchet.update('job', 4, '{"attempt": 1}');
COMMIT;
SELECT id, attempt FROM job WHERE id IN (4, 5, 6) ORDER BY id;

--
-- keep: the row stays as it is, as a whole, and is reported
--
SELECT ratchet.guard('job', fence => 'attempt', states => '{"status": {"queued": ["running"], "running": ["done", "failed"], "done": [], "failed": ["queued"]}}',
                     heartbeat => 'seen_at', once => '{note}', mode => 'fence=keep', replace => true);
SET client_min_messages = notice;
UPDATE job SET attempt = 2, status = 'done', result = 'late' WHERE id IN (7, 8) RETURNING id, status, attempt, result;
UPDATE job SET attempt = 2, status = 'nowhere', note = 'x' WHERE id = 7;
UPDATE job SET attempt = CASE id WHEN 7 THEN 1 ELSE 5 END, result = 'mixed' WHERE id IN (7, 8);
INSERT INTO job (id, attempt) VALUES (7, 1) ON CONFLICT (id) DO UPDATE SET attempt = excluded.attempt, result = 'late' RETURNING id, attempt, result;
SELECT outcome, state, was, stale FROM ratchet.advance('job', 7, 'done', '{"attempt": 2}');
SELECT outcome, kept, stale FROM ratchet.update('job', 7, '{"attempt": 2, "result": "late"}');
SELECT * FROM ratchet.beat('job', 7, '{"attempt": 2}');
SET ratchet.kept_notice = off;
UPDATE job SET attempt = 2 WHERE id = 7;
RESET ratchet.kept_notice;
SELECT id, status, attempt, result, note, seen_at FROM job WHERE id IN (7, 8) ORDER BY id;
-- observed: it goes through, and the log says so
SELECT ratchet.guard('job', fence => 'attempt', mode => 'observe', replace => true);
SET client_min_messages = log;
UPDATE job SET attempt = 2, result = 'late' WHERE id IN (7, 8);
UPDATE job SET attempt = 1 WHERE id = 7;
SELECT outcome, stale FROM ratchet.update('job', 8, '{"attempt": 1}');
SET client_min_messages = warning;
SELECT id, attempt, result FROM job WHERE id IN (7, 8) ORDER BY id;

--
-- Beside a version: a row that stays is no new version, and whichever is out of date says so
--
SELECT ratchet.guard('job', fence => 'attempt', version => 'v', mode => 'fence=keep', replace => true);
UPDATE job SET attempt = 9, v = 1 WHERE id = 9;
UPDATE job SET attempt = 8, result = 'late' WHERE id = 9;
UPDATE job SET attempt = 8, result = 'late', v = 0 WHERE id = 9;
SELECT attempt('UPDATE job SET attempt = 9, v = 0 WHERE id = 9');
SELECT outcome, stale FROM ratchet.update('job', 9, '{"attempt": 8, "v": 2}');
SELECT outcome, stale FROM ratchet.update('job', 9, '{"attempt": 9, "v": 0}');
SELECT outcome, stale FROM ratchet.update('job', 9, '{"attempt": 8, "v": 0}');
SELECT attempt, result, v FROM job WHERE id = 9;
UPDATE job SET attempt = 10, result = 'new', v = 2 WHERE id = 9;
SELECT attempt, result, v FROM job WHERE id = 9;
DROP TABLE job;

--
-- A webhook: an event that comes late tears no row, and a closed row stays closed
--
CREATE TABLE payment (id int PRIMARY KEY, status text, event_at timestamptz, paid_at timestamptz, payer text, request text);
SELECT ratchet.guard('payment', gate => 'paid_at', actor => 'payer', idempotency_key => 'request', fence => 'event_at', mode => 'fence=keep');
INSERT INTO payment VALUES (1, 'new', '2026-01-01'), (2, 'new', '2026-01-01'), (3, 'new', '2026-01-03');
CREATE FUNCTION hook(id int, status text, event_at timestamptz) RETURNS text LANGUAGE sql AS $$
INSERT INTO payment VALUES (id, status, event_at) ON CONFLICT (id) DO UPDATE SET status = excluded.status, event_at = excluded.event_at RETURNING status || ' ' || event_at::date
$$;
SELECT hook(1, 'refunded', '2026-01-03');
SELECT hook(1, 'paid', '2026-01-02');
SELECT hook(1, 'closed', '2026-01-03');
SELECT outcome, submitted_by, stale FROM ratchet.submit('payment', 1, 'ann', '{"event_at": "2026-01-02", "status": "late"}');
SELECT outcome, submitted_by, stale FROM ratchet.submit('payment', 1, 'ann', '{"event_at": "2026-01-04", "status": "final"}', 'r1');
SELECT outcome, submitted_by, stale FROM ratchet.submit('payment', 1, 'ann', '{"event_at": "2026-01-02"}', 'r1');
SELECT outcome, submitted_by, stale FROM ratchet.submit('payment', 1, 'bob', '{"event_at": "2026-01-02"}');
SELECT outcome FROM ratchet.submit('payment', 2, 'bob');
SET client_min_messages = notice;
-- on a closed row the fence is judged first: the free columns stay too
UPDATE payment SET paid_at = NULL, payer = 'eve', status = 'reopened', event_at = '2026-01-02' WHERE id = 1;
UPDATE payment SET paid_at = NULL, payer = 'eve', status = 'reopened', event_at = '2026-01-05' WHERE id = 1;
SET client_min_messages = warning;
SELECT id, status, event_at::date, paid_at IS NOT NULL, payer FROM payment ORDER BY id;
-- an open gate is not closed by a write that is out of date
UPDATE payment SET paid_at = now(), payer = 'eve', event_at = '2026-01-02' WHERE id = 3;
SELECT status, paid_at, payer FROM payment WHERE id = 3;
-- who may not read the fence is not told of it
CREATE ROLE regress_ratchet_hook;
GRANT USAGE ON SCHEMA fence TO regress_ratchet_hook;
GRANT SELECT (id), UPDATE ON payment TO regress_ratchet_hook;
SET ROLE regress_ratchet_hook;
SET client_min_messages = notice;
UPDATE payment SET event_at = '2020-01-01' WHERE id = 3;
SET client_min_messages = warning;
-- nor can he find it by trying, unless he may write it
SELECT attempt($$SELECT ratchet.update('payment', 3, '{"status": "x"}', '{"event_at": "2026-01-03"}')$$);
SELECT outcome, stale FROM ratchet.update('payment', 3, '{"event_at": "2026-01-01"}');
RESET ROLE;
REVOKE UPDATE ON payment FROM regress_ratchet_hook;
GRANT UPDATE (status) ON payment TO regress_ratchet_hook;
SET ROLE regress_ratchet_hook;
SELECT attempt($$SELECT ratchet.update('payment', 3, '{"event_at": "2026-01-01"}')$$);
SELECT attempt($$SELECT ratchet.update('payment', 3, '{"status": "x"}', '{"event_at": "2026-01-03"}')$$);
RESET ROLE;
DROP TABLE payment;
DROP OWNED BY regress_ratchet_hook;
DROP ROLE regress_ratchet_hook;

--
-- What another BEFORE trigger makes of the fence is what counts
--
CREATE TABLE t (id int PRIMARY KEY, f int, rest text);
INSERT INTO t VALUES (1, 5, 'old');
SELECT ratchet.guard('t', fence => 'f');
CREATE FUNCTION change() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.f := OLD.f + TG_ARGV[0]::int; RETURN NEW; END $$;
CREATE TRIGGER change BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION change('-1');
SELECT attempt($$UPDATE t SET rest = 'new'$$);
SELECT attempt($$UPDATE t SET f = 9$$);
SELECT outcome, stale FROM ratchet.update('t', 1, '{"rest": "new"}');
CREATE OR REPLACE TRIGGER change BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION change('1');
UPDATE t SET f = 1, rest = 'new';
SELECT * FROM t;
DROP TABLE t;

--
-- A foreign key's own action knows nothing of attempts
--
CREATE TABLE lease (holder int, n int, PRIMARY KEY (holder, n));
CREATE TABLE task (id int PRIMARY KEY, holder int, n int, rest text, FOREIGN KEY (holder, n) REFERENCES lease ON DELETE SET NULL ON UPDATE CASCADE);
INSERT INTO lease VALUES (1, 7), (1, 8);
INSERT INTO task VALUES (1, 1, 7, 'old'), (2, 1, 8, 'old');
SELECT ratchet.guard('task', fence => 'n');
SELECT attempt('UPDATE task SET holder = NULL, n = NULL WHERE id = 1');
UPDATE lease SET n = 2 WHERE n = 7;
DELETE FROM lease WHERE n = 8;
SELECT * FROM task ORDER BY id;
DROP TABLE task, lease;

--
-- Partitions of any shape, and a move that is out of date stays where it is
--
CREATE TABLE ev (id int, part text, f int, rest text, PRIMARY KEY (id, part)) PARTITION BY LIST (part);
CREATE TABLE ev_a PARTITION OF ev FOR VALUES IN ('a');
CREATE TABLE ev_b (gone int, rest text, f int, part text NOT NULL, id int NOT NULL);
ALTER TABLE ev_b DROP gone;
SELECT ratchet.guard('ev', fence => 'f', mode => 'keep');
ALTER TABLE ev ATTACH PARTITION ev_b FOR VALUES IN ('b');
INSERT INTO ev VALUES (1, 'a', 5, 'old'), (2, 'b', 5, 'old');
SET client_min_messages = notice;
UPDATE ev SET part = CASE part WHEN 'a' THEN 'b' ELSE 'a' END, f = 4, rest = 'late';
UPDATE ev_b SET f = 4, rest = 'late';
SET client_min_messages = warning;
SELECT tableoid::regclass, * FROM ev ORDER BY id;
UPDATE ev SET part = CASE part WHEN 'a' THEN 'b' ELSE 'a' END, f = 6, rest = 'new';
SELECT tableoid::regclass, * FROM ev ORDER BY id;
DROP TABLE ev;

--
-- A table that is counted for: what a flush counts is written, whatever a trigger does to the fence, and what stays as it is keeps its counts
--
CREATE TABLE run (id int PRIMARY KEY, f int DEFAULT 5, total int DEFAULT 2, n int DEFAULT 0, done boolean DEFAULT false, v int DEFAULT 1, rest text);
CREATE TABLE result (run int REFERENCES run, ok boolean);
SELECT ratchet.tally('result', 'run', '{"n": "true"}', total => 'total', done => 'done');
SELECT ratchet.guard('run', fence => 'f', version => 'v', mode => 'fence=keep');
INSERT INTO run (id) VALUES (1), (2);
INSERT INTO result VALUES (1), (1), (2);
SELECT id, f, n, done, v FROM run ORDER BY id;
UPDATE run SET f = 4, total = 1, rest = 'late';
SELECT id, f, total, n, done, v, rest FROM run ORDER BY id;
UPDATE run SET f = 6, total = 1, n = 9, rest = 'new';
SELECT id, f, total, n, done, v, rest FROM run ORDER BY id;
CREATE TRIGGER change BEFORE UPDATE ON run FOR EACH ROW EXECUTE FUNCTION change('-1');
SET client_min_messages = notice;
INSERT INTO result VALUES (1), (2), (2);
SET client_min_messages = warning;
SELECT id, f, n, done, v FROM run ORDER BY id;
SELECT * FROM ratchet.verify('run');

SET client_min_messages = error;
DROP SCHEMA fence CASCADE;
