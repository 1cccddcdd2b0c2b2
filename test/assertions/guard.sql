-- guard.sql: declarations of guards, every policy and mode, every verb. Run twice, with and without caches discarded; what
-- it prints must not depend on that, nor on the time. A statement that may fail goes through attempt().
\set SHOW_CONTEXT never
\ir ../../sql/test_setup.sql
CREATE EXTENSION ratchet;
SELECT ratchet.version() IS NOT NULL;
CREATE SCHEMA guard;
SET search_path = guard, test_setup;
SET timezone = 'UTC';

--
-- Every policy at once, declared, repeated, extended, weakened, replaced
--
CREATE TYPE status AS ENUM ('queued', 'running', 'done', 'failed');
CREATE TABLE job (
    id bigint PRIMARY KEY, code text UNIQUE, token uuid UNIQUE, status status, phase int, title text, author text, progress numeric(5,2),
    closed_at timestamptz, closed_by text, request text, grade int, tags text[], extra jsonb, alive timestamptz, v int NOT NULL DEFAULT 1,
    updated_at timestamp DEFAULT '2020-01-01', doubled numeric GENERATED ALWAYS AS (progress * 2) STORED);
CREATE INDEX ON job (progress);
CREATE TABLE prompt (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, job bigint NOT NULL REFERENCES job, body text CHECK (body <> 'bad'), UNIQUE (job, body));
INSERT INTO job (id, code, token, status, phase, title, progress)
SELECT i, 'c' || i, ('00000000-0000-0000-0000-0000000000' || to_char(i, 'FM00'))::uuid, 'queued', 1, 'title', 0 FROM generate_series(1, 30) i;
SELECT ratchet.guard('job', 'closed_at', actor => 'closed_by', idempotency_key => 'request', owned => '{grade,tags}');
SELECT ratchet.guard('job', 'closed_at', actor => 'closed_by', idempotency_key => 'request', owned => '{grade,tags}');
SELECT ratchet.guard('job', 'closed_at', actor => 'closed_by', idempotency_key => 'request', owned => '{grade,tags}', once => '{author}', frozen => '{title}',
    forward => '{progress}', heartbeat => 'alive', version => 'v',
    states => '{"status": {"queued": ["running", "failed"], "running": ["done", "failed"], "done": [], "failed": []}, "phase": {"1": [2], "2": [3], "3": []}}');
SELECT attempt($$SELECT ratchet.guard('job', 'closed_at', actor => 'closed_by')$$);
SELECT attempt($$SELECT ratchet.guard('job', 'nothing')$$), attempt($$SELECT ratchet.guard('job', 'title')$$), attempt($$SELECT ratchet.guard('pg_class', 'relname')$$),
       attempt($$SELECT ratchet.guard('job', states => '{"status": {"queued": ["lost"]}}')$$), attempt($$SELECT ratchet.guard('job', 'closed_at', owned => '{doubled}')$$);
SELECT * FROM ratchet.describe('job');
SELECT target, kind, gate, gate_by, actor, idempotency_key, owned, once, frozen, forward, states, heartbeat, version, mode, insert, enabled FROM ratchet.contract;
SELECT * FROM ratchet.health();

--
-- Plain writers: whole-row saves, upsert, MERGE, UPDATE ... FROM, a cursor, a view, COPY
--
UPDATE job SET title = 'new', author = 'ann', progress = 5 WHERE id = 1;
UPDATE job SET author = 'bob', progress = 4, phase = 2 WHERE id = 1;
SELECT attempt('UPDATE job SET status = ''done'' WHERE id = 1'), attempt('UPDATE job SET v = 1 WHERE id = 1'), attempt('UPDATE job SET phase = 9 WHERE id = 1');
UPDATE job SET closed_at = '2026-01-01', closed_by = 'ann', grade = 7, tags = '{x}' WHERE id = 1;
UPDATE job SET closed_at = NULL, closed_by = NULL, grade = 1, title = 'late', extra = '{"a": 1}' WHERE id = 1;
INSERT INTO job (id, grade, extra) VALUES (1, 3, '{"b": 2}') ON CONFLICT (id) DO UPDATE SET grade = excluded.grade, extra = excluded.extra;
MERGE INTO job j USING (VALUES (1, 9)) s (id, grade) ON j.id = s.id WHEN MATCHED THEN UPDATE SET grade = s.grade, progress = 6;
UPDATE job SET grade = s.grade, progress = 7 FROM (VALUES (1, 10)) s (id, grade) WHERE job.id = s.id;
CREATE VIEW job_view AS SELECT * FROM job WHERE id < 100;
UPDATE job_view SET grade = 11, progress = 8 WHERE id = 1;
BEGIN;
DECLARE c CURSOR FOR SELECT * FROM job WHERE id = 1 FOR UPDATE;
FETCH c \g /dev/null
UPDATE job SET grade = 12, progress = 9 WHERE CURRENT OF c;
COMMIT;
SELECT id, title, author, progress, closed_at, closed_by, grade, tags, extra, phase, v FROM job WHERE id = 1;
SET ratchet.kept_notice = off;
UPDATE job SET grade = 13 WHERE id = 1;
RESET ratchet.kept_notice;
COPY job (id, code, status) FROM STDIN;
31	c31	queued
32	c32	queued
\.

--
-- The verbs: every outcome, every form of key
--
SELECT outcome, submitted_by, record, progress, conflict, stale FROM ratchet.submit('job', 2, actor => 'ann');
SELECT outcome, submitted_by FROM ratchet.submit('job', 2, actor => 'bob');
SELECT outcome, submitted_by FROM ratchet.submit('job', '3', 'ann', '{"grade": 5, "tags": ["x", "y"], "extra": {"k": [1]}}', 'key-3', 'prompt', '{"body": "p"}', '{"title": "title", "extra": null}');
SELECT outcome, submitted_by, record - 'id' FROM ratchet.submit('job', '3', 'ann', '{"grade": 5}', 'key-3', 'prompt', '{"body": "p"}');
SELECT outcome, stale FROM ratchet.submit('job', 4::bigint, expect => '{"title": "other", "tags": ["q"]}');
SELECT outcome FROM ratchet.submit('job', 99, actor => 7);
SELECT outcome FROM ratchet.submit('job', '{"code": "c5"}'::jsonb, actor => 'ann');
SELECT outcome FROM ratchet.submit('job', '{"token": "00000000-0000-0000-0000-000000000006"}'::jsonb, actor => '00000000-0000-0000-0000-0000000000aa'::uuid);
INSERT INTO prompt (job, body) VALUES (7, 'taken');
SELECT outcome, conflict FROM ratchet.submit('job', 7, 'ann', child => 'prompt', record => '{"body": "taken"}');
SELECT attempt($$SELECT ratchet.submit('job', 7, 'ann', child => 'prompt', record => '{"body": "bad"}')$$), attempt($$SELECT ratchet.submit('job', 'x')$$),
       attempt($$SELECT ratchet.submit('job', 7, patch => '{"nothing": 1}')$$), attempt($$SELECT ratchet.submit('prompt', 1)$$), attempt($$SELECT ratchet.submit(NULL, 1)$$);
PREPARE submitting AS SELECT outcome FROM ratchet.submit($1, $2, $3, $4, $5);
EXECUTE submitting ('job', '8', 'ann', '{"grade": 1}', 'r8');
EXECUTE submitting ('job', '8', 'ann', '{"grade": 1}', 'r8');
SELECT id, (ratchet.submit('job', id, actor => 'list')).outcome FROM job WHERE id BETWEEN 8 AND 10 ORDER BY id;
SELECT * FROM ratchet.update('job', 11, '{"title": "t2", "progress": 3}');
SELECT * FROM ratchet.update('job', 11, '{"title": "t2", "progress": 3}');
SELECT * FROM ratchet.update('job', '11'::text, '{"progress": 1}');
SELECT * FROM ratchet.update('job', '{"code": "c11"}'::jsonb, '{"extra": {"z": 1}, "progress": 1}', '{"title": "t2"}');
SELECT * FROM ratchet.update('job', 11, '{"title": "t3"}', '{"title": "t1", "v": 1}');
SELECT * FROM ratchet.update('job', 99, '{"title": "t3"}');
SELECT attempt($$SELECT ratchet.update('job', 11, '{"status": "done"}')$$), attempt($$SELECT ratchet.update('job', 11, '{"progress": "x"}')$$), attempt($$SELECT ratchet.update('job', 11, '{"doubled": 1}')$$);
SELECT outcome, state, was, record - 'id', kept, conflict, stale FROM ratchet.advance('job', 12, 'running', '{"title": "go"}', 'prompt', '{"body": "p"}', '{"title": "title"}', state_column => 'status');
SELECT outcome, state, was FROM ratchet.advance('job', 12, 'running'::status, state_column => 'status');
SELECT outcome, state, was FROM ratchet.advance('job', '12'::text, 'queued', state_column => 'status');
SELECT outcome, state, was, kept FROM ratchet.advance('job', '{"id": 12}'::jsonb, 'done', '{"progress": -1, "author": "z"}', state_column => 'status');
SELECT outcome, state, was FROM ratchet.advance('job', 12, 2, state_column => 'phase');
SELECT outcome, stale FROM ratchet.advance('job', 13, 'running', expect => '{"title": "x"}', state_column => 'status');
SELECT outcome, conflict FROM ratchet.advance('job', 7, 'running', child => 'prompt', record => '{"body": "taken"}', state_column => 'status');
SELECT outcome FROM ratchet.advance('job', 99, 'running', state_column => 'status');
SELECT attempt($$SELECT ratchet.advance('job', 13, 'running')$$), attempt($$SELECT ratchet.advance('job', 13, 'lost', state_column => 'status')$$), attempt($$SELECT ratchet.advance('job', 13, 2, state_column => 'title')$$);
SELECT * FROM ratchet.beat('job', 14);
SELECT * FROM ratchet.beat('job', 14, '{"progress": 4, "title": "b"}');
SELECT * FROM ratchet.beat('job', '14'::text, '{"progress": 3}');
SELECT * FROM ratchet.beat('job', '{"code": "c12"}'::jsonb);
SELECT * FROM ratchet.beat('job', 99);
SELECT * FROM ratchet.amend('job', 2, '{"grade": 4}', 'ann', 'why');
SELECT * FROM ratchet.amend('job', 2, '{"grade": 4}', 'ann', 'why');
SELECT * FROM ratchet.amend('job', '2'::text, '{"closed_at": null, "status": "failed"}', 7, 'why');
SELECT * FROM ratchet.amend('job', '{"code": "c99"}'::jsonb, '{"grade": 4}', 'ann', 'why');
SELECT attempt($$SELECT ratchet.amend('job', 2, '{"grade": 4}', 'ann', '')$$), attempt($$SELECT ratchet.amend('job', 2, '{"grade": "x"}', 'ann', 'why')$$);
SELECT id, status, phase, title, author, progress, closed_at IS NOT NULL, closed_by, request, grade, tags, extra, alive IS NOT NULL, v FROM job WHERE id IN (1, 2, 3, 11, 12, 14) ORDER BY id;
SELECT key, state FROM ratchet.stuck('job', '1 day', since => 'updated_at') ORDER BY key::int LIMIT 3;
SELECT key, state FROM ratchet.stuck('job', '0', 'queued', 'updated_at') ORDER BY key::int LIMIT 3;
SELECT attempt($$SELECT * FROM ratchet.stuck('job', '1 day', 'lost')$$);
SELECT * FROM ratchet.orphans('job', 'prompt', 'queued');
SELECT attempt($$SELECT * FROM ratchet.orphans('prompt', 'job', 'queued')$$);

--
-- Savepoints, suspend, two-phase commit, other isolation levels
--
BEGIN;
SELECT outcome FROM ratchet.submit('job', 15, 'ann');
SAVEPOINT one;
SELECT outcome FROM ratchet.submit('job', 16, 'ann');
UPDATE job SET grade = 3 WHERE id = 15;
SELECT attempt($$SELECT ratchet.advance('job', 16, 'lost', state_column => 'status')$$);
ROLLBACK TO one;
SELECT outcome FROM ratchet.submit('job', 16, 'bob');
CALL ratchet.suspend('job', 'backfill');
UPDATE job SET grade = 99, status = 'done' WHERE id IN (15, 17);
RELEASE one;
COMMIT;
SELECT attempt($$CALL ratchet.suspend('job', 'outside')$$);
BEGIN ISOLATION LEVEL SERIALIZABLE;
SELECT outcome FROM ratchet.submit('job', 18, 'ann');
UPDATE job SET progress = 1, grade = 2 WHERE id = 18;
PREPARE TRANSACTION 'guard';
COMMIT PREPARED 'guard';
SELECT id, status, closed_by, grade FROM job WHERE id BETWEEN 15 AND 18 ORDER BY id;

--
-- Modes, gates of other types, insert => 'reject', audit of what is kept
--
CREATE TABLE strict (id int PRIMARY KEY, closed boolean NOT NULL DEFAULT false, closed_at timestamptz, by int, note text, n int, hot int, at date DEFAULT '2026-01-01');
SELECT ratchet.guard('strict', 'closed', gate_at => 'closed_at', gate_by => 'submit', actor => 'by', frozen => '{note}', forward => '{n,hot}', mode => 'owned=reject, frozen=reject, forward=observe', insert => 'reject');
INSERT INTO strict (id, n) SELECT i, 1 FROM generate_series(1, 5) i;
SELECT attempt('INSERT INTO strict (id, closed) VALUES (9, true)'), attempt('INSERT INTO strict (id, by) VALUES (9, 1)');
INSERT INTO strict (id, n) VALUES (1, 5) ON CONFLICT (id) DO UPDATE SET n = excluded.n;
SELECT attempt('UPDATE strict SET closed = true WHERE id = 1');
UPDATE strict SET n = 2 WHERE id = 1;
SELECT outcome, submitted_by FROM ratchet.submit('strict', 1, actor => 7);
SELECT attempt('UPDATE strict SET closed = false WHERE id = 1'), attempt('UPDATE strict SET note = ''x'', by = 3 WHERE id = 1');
SELECT ratchet.guard('strict', 'closed', gate_at => 'closed_at', replace => true);
SELECT * FROM ratchet.describe('strict');
SELECT ratchet.guard('strict', 'closed', gate_at => 'closed_at', mode => 'observe', replace => true);
UPDATE strict SET closed = false WHERE id = 1;
SELECT attempt($$SELECT ratchet.guard('strict', 'closed', gate_at => 'closed_at', owned => '{at}', mode => 'reject', validate => true, replace => true)$$);
UPDATE strict SET closed = true WHERE id = 1;
SELECT ratchet.guard('strict', 'closed', gate_at => 'closed_at', owned => '{at}', mode => 'reject', validate => true, replace => true);
SELECT attempt('UPDATE strict SET closed = true, at = NULL WHERE id = 2'), attempt('UPDATE strict SET at = now() WHERE id = 2');

--
-- A fence: late writes of every kind, in every mode
--
CREATE TABLE task (id int PRIMARY KEY, status text DEFAULT 'running', attempt int DEFAULT 3, at timestamptz, note text, alive timestamptz, holder int REFERENCES strict);
SELECT ratchet.guard('task', 'at', fence => 'attempt', heartbeat => 'alive', states => '{"status": {"running": ["done"], "done": []}}');
INSERT INTO task (id) SELECT generate_series(1, 5);
SELECT attempt('UPDATE task SET attempt = 2, note = ''late'''), attempt('UPDATE task SET attempt = NULL');
SELECT outcome, was, stale FROM ratchet.advance('task', 1, 'done', '{"attempt": 2}');
SELECT outcome, stale FROM ratchet.update('task', 1, '{"attempt": 2, "note": "late"}');
SELECT outcome, stale FROM ratchet.submit('task', 1, patch => '{"attempt": 2}');
SELECT * FROM ratchet.beat('task', 1, '{"attempt": 2}');
SELECT * FROM ratchet.beat('task', 1, expect => '{"attempt": 2, "status": "running"}');
SELECT * FROM ratchet.beat('task', 1, '{"attempt": 4}', '{"attempt": 3}');
SELECT outcome FROM ratchet.submit('task', 2);
ALTER TABLE task ADD v int DEFAULT 1, ADD views int;
SELECT ratchet.guard('task', 'at', fence => 'attempt', heartbeat => 'alive', states => '{"status": {"running": ["done"], "done": []}}', version => 'v', version_ignores => '{views}');
UPDATE task SET views = 1;
UPDATE task SET views = 2, note = 'edited' WHERE id = 4;
SELECT outcome FROM ratchet.beat('task', 5, '{"views": 3}');
SELECT id, views, v FROM task ORDER BY id;
SELECT attempt($$SELECT ratchet.guard('task', 'at', fence => 'attempt', heartbeat => 'alive', states => '{"status": {"running": ["done"], "done": []}}', alive => '{done}')$$);
SELECT ratchet.guard('task', 'at', fence => 'attempt', heartbeat => 'alive', states => '{"status": {"running": ["done"], "done": []}}', alive => '{running}', replace => true);
SELECT id, outcome FROM generate_series(1, 3) id, LATERAL ratchet.beat('task', id);
SELECT key, state FROM ratchet.stuck('task', '0');
SELECT ratchet.guard('task', 'at', fence => 'attempt', heartbeat => 'alive', states => '{"status": {"running": ["done"], "done": []}}', mode => 'fence=keep', replace => true);
UPDATE task SET attempt = 2, note = 'late', status = 'lost', at = NULL;
INSERT INTO task (id, attempt) VALUES (1, 1) ON CONFLICT (id) DO UPDATE SET attempt = excluded.attempt, note = 'late';
SELECT * FROM ratchet.describe('task');
SELECT ratchet.guard('task', 'at', fence => 'attempt', mode => 'observe', replace => true);
UPDATE task SET attempt = 2, note = 'observed' WHERE id = 3;
SELECT id, status, attempt, at IS NOT NULL, note, alive IS NOT NULL FROM task ORDER BY id;
DROP TABLE task;

--
-- Referential actions are no stale writers
--
CREATE TABLE person (id int PRIMARY KEY);
CREATE TABLE form (id int PRIMARY KEY, at timestamptz, by int REFERENCES person ON DELETE SET NULL ON UPDATE CASCADE, other int DEFAULT 1 REFERENCES person ON DELETE SET DEFAULT);
INSERT INTO person VALUES (1), (2), (3);
INSERT INTO form VALUES (1, NULL, 2, 3);
SELECT ratchet.guard('form', 'at', actor => 'by', frozen => '{other}');
SELECT outcome FROM ratchet.submit('form', 1, 2);
UPDATE person SET id = 4 WHERE id = 2;
SELECT by, other FROM form;
DELETE FROM person WHERE id IN (3, 4);
SELECT by, other FROM form;

--
-- Partitions: moves, leaves of another shape, verbs through root and leaf
--
CREATE TABLE card (id int, part text, at timestamptz, by text, grade int, status text, PRIMARY KEY (id, part)) PARTITION BY LIST (part);
CREATE TABLE card_a PARTITION OF card FOR VALUES IN ('a');
CREATE TABLE card_b (gone int, status text, grade int, by text, at timestamptz, part text NOT NULL, id int NOT NULL);
ALTER TABLE card_b DROP COLUMN gone;
SELECT ratchet.guard('card', 'at', actor => 'by', owned => '{grade}', states => '{"status": {"x": ["y"], "y": []}}', insert => 'reject');
ALTER TABLE card ATTACH PARTITION card_b FOR VALUES IN ('b');
INSERT INTO card (id, part, status) SELECT i, p, 'x' FROM generate_series(1, 4) i, unnest('{a,b}'::text[]) p;
SELECT outcome FROM ratchet.submit('card', '{"id": 1, "part": "a"}', 'ann', '{"grade": 3}');
UPDATE card SET part = 'b', grade = 9, id = 10 WHERE id = 1 AND part = 'a';
UPDATE card_b SET grade = 8, at = NULL WHERE id = 10;
SELECT * FROM ratchet.update('card', '{"id": 2, "part": "a"}', '{"part": "b", "id": 11}');
SELECT outcome, state FROM ratchet.advance('card_b', '{"id": 11, "part": "b"}', 'y');
SELECT attempt('UPDATE card SET status = ''x'', part = ''a'' WHERE id = 11');
SELECT tableoid::regclass, id, part, at IS NOT NULL, by, grade, status FROM card ORDER BY id, part;
SELECT * FROM ratchet.describe('card_b');
ALTER TABLE card DETACH PARTITION card_b;
SELECT * FROM ratchet.health();
ALTER TABLE card ATTACH PARTITION card_b FOR VALUES IN ('b');
CREATE TABLE card_c PARTITION OF card FOR VALUES IN ('c', 'd') PARTITION BY LIST (part);
CREATE TABLE card_cc PARTITION OF card_c FOR VALUES IN ('c');
INSERT INTO card (id, part, status) VALUES (1, 'c', 'x');
SELECT outcome FROM ratchet.submit('card', '{"id": 1, "part": "c"}', 'ann');

--
-- delete => 'reject', in partitions that come, go and are moved between
--
SELECT ratchet.guard('card', 'at', actor => 'by', owned => '{grade}', states => '{"status": {"x": ["y"], "y": []}}', insert => 'reject', delete => 'reject');
CREATE TABLE card_d PARTITION OF card_c FOR VALUES IN ('d');
SELECT attempt('DELETE FROM card'), attempt('DELETE FROM card_b WHERE id = 11'), attempt('TRUNCATE card'), attempt('TRUNCATE card_cc'), attempt('TRUNCATE card_d');
UPDATE card SET part = 'd', id = 12 WHERE id = 1 AND part = 'c';
SELECT attempt('DELETE FROM card_d');
DELETE FROM card WHERE id = 3 AND part = 'a';
BEGIN;
CALL ratchet.suspend('card', 'cleaning up');
DELETE FROM card_d;
TRUNCATE card_b;
ROLLBACK;
ALTER TABLE card_c DETACH PARTITION card_d;
TRUNCATE card_d;
SELECT * FROM ratchet.health();
ALTER TABLE card_a DISABLE TRIGGER "~ratchet_guard_delete", DISABLE TRIGGER "~ratchet_guard_truncate";
SELECT severity, target, finding, remedy FROM ratchet.health() ORDER BY 2, 3;
SELECT ratchet.guard('card', 'at', actor => 'by', owned => '{grade}', states => '{"status": {"x": ["y"], "y": []}}', insert => 'reject', delete => 'reject');
SELECT * FROM ratchet.describe('card');
SELECT ratchet.unguard('card');

--
-- Undone: unguard, a disabled and a dropped trigger, rights
--
ALTER TABLE strict DISABLE TRIGGER "~ratchet_guard";
SELECT severity, target, finding, remedy FROM ratchet.health() ORDER BY 2, 3;
SELECT attempt($$SELECT ratchet.submit('strict', 3)$$);
SELECT ratchet.guard('strict', 'closed', gate_at => 'closed_at', owned => '{at}', mode => 'reject');
DROP TRIGGER "~ratchet_guard" ON strict;
SELECT ratchet.guard('strict', 'closed', insert => 'reject');
ALTER TABLE strict DISABLE TRIGGER "~ratchet_guard_insert";
SELECT severity, target, finding, remedy FROM ratchet.health() ORDER BY 2, 3;
SELECT ratchet.unguard('strict'), ratchet.unguard('strict');
CREATE ROLE regress_ratchet_instrumented;
GRANT USAGE ON SCHEMA guard TO regress_ratchet_instrumented;
GRANT SELECT, UPDATE ON job TO regress_ratchet_instrumented;
SET ROLE regress_ratchet_instrumented;
SELECT outcome FROM ratchet.submit('job', 20, 'me');
SELECT attempt($$SELECT ratchet.amend('job', 20, '{"grade": 1}', 'me', 'why')$$), attempt($$SELECT ratchet.unguard('job')$$), attempt($$SELECT ratchet.guard('job', 'closed_at')$$);
RESET ROLE;
ALTER TABLE job ENABLE ROW LEVEL SECURITY;
CREATE POLICY half ON job USING (id % 2 = 0);
SET ROLE regress_ratchet_instrumented;
SELECT outcome FROM ratchet.submit('job', 21, 'me');
SELECT outcome FROM ratchet.submit('job', 22, 'me');
SELECT * FROM ratchet.update('job', 24, '{"title": "mine"}');
RESET ROLE;
SELECT ratchet.unguard('job');
UPDATE job SET closed_at = NULL, grade = 0 WHERE id = 1;
SELECT closed_at, grade FROM job WHERE id = 1;
DROP SCHEMA guard CASCADE;
DROP ROLE regress_ratchet_instrumented;
DROP EXTENSION ratchet CASCADE;
