--
-- For people and for monitoring: stuck(), orphans(), describe(); and suspend(), for this transaction only.
--
\set SHOW_CONTEXT never
SET client_min_messages = warning;
\pset format unaligned
\pset tuples_only on
CREATE SCHEMA watching;
SET search_path = watching, test_setup;
SET timezone = 'UTC';
CREATE ROLE regress_ratchet_owner;
CREATE ROLE regress_ratchet_reader;
GRANT USAGE, CREATE ON SCHEMA watching TO regress_ratchet_owner, regress_ratchet_reader;
SET ROLE regress_ratchet_owner;
CREATE TABLE job (id int PRIMARY KEY, status text, phase int, alive timestamptz, updated_at timestamp, closed boolean, note text);
SELECT ratchet.guard('job', 'closed', states => '{"status": {"queued": ["running"], "running": ["done", "failed"], "done": [], "failed": ["queued"]}, "phase": {"1": [2], "2": []}}', heartbeat => 'alive');
INSERT INTO job SELECT i, (ARRAY['queued', 'running', 'done', 'failed', NULL, 'running', 'running', 'running'])[i], 1, now() - i * interval '1 hour', '2020-01-01', i = 7
FROM generate_series(1, 8) i;
UPDATE job SET phase = 2 WHERE id = 8;
INSERT INTO job (id, status, phase) VALUES (9, 'running', 1), (10, 'queued', NULL);
CREATE TABLE pair (a int, b text, status text, seen timestamp, PRIMARY KEY (b, a));
SELECT ratchet.guard('pair', states => '{"status": {"open": ["shut"], "shut": []}}');
INSERT INTO pair VALUES (1, 'x', 'open', '2020-01-01'), (2, 'y', 'shut', '2020-01-01'), (3, 'z', 'open', 'infinity');

--
-- stuck(): not finished, and no sign of life for that long, oldest first
--
SELECT key, state, now() - since = age, age >= key::int * interval '1 hour' FROM ratchet.stuck('job', '90 min');
SELECT key, state, since IS NULL FROM ratchet.stuck('job', '90 min', 'running');
SELECT key, state FROM ratchet.stuck('job', '90 min', 'done');
SELECT key, state FROM ratchet.stuck('job', '90 min', '2');
SELECT key, state, since FROM ratchet.stuck('job', '1 day', 'queued', since => 'updated_at');
SELECT key, state FROM ratchet.stuck('job', '1 day');
SELECT key, state, since FROM ratchet.stuck('pair', '1 day', since => 'seen');
-- handed to a verb, all of them at once
SELECT s.key, a.outcome, a.was FROM ratchet.stuck('job', '90 min', 'running') s, LATERAL ratchet.advance('job', s.key, 'failed', '{"note": "no sign of life"}', state_column => 'status') a;
SELECT s.key, a.outcome FROM ratchet.stuck('pair', '1 day', since => 'seen') s, LATERAL ratchet.advance('pair', s.key, 'shut') a;
SELECT key FROM ratchet.stuck('job', '90 min', 'running');
SELECT attempt($$SELECT * FROM ratchet.stuck('pair', '1 day')$$);
SELECT attempt($$SELECT * FROM ratchet.stuck('pair', '1 day', since => 'nothing')$$);
SELECT attempt($$SELECT * FROM ratchet.stuck('pair', '1 day', since => 'a')$$);
SELECT attempt($$SELECT * FROM ratchet.stuck('pair', '1 day', 'nothing', since => 'seen')$$);
SELECT attempt($$SELECT * FROM ratchet.stuck('job', '1 day', 'nothing')$$);
SELECT attempt($$SELECT * FROM ratchet.stuck('pair', NULL)$$);
SELECT attempt($$SELECT * FROM ratchet.stuck(NULL, '1 day')$$);
SELECT attempt($$SELECT * FROM ratchet.stuck('pg_class', '1 day')$$);
CREATE TABLE gate (id int PRIMARY KEY, closed_at timestamptz, at timestamptz DEFAULT '2020-01-01');
INSERT INTO gate VALUES (1, NULL), (2, now());
SELECT ratchet.guard('gate', 'closed_at');
SELECT key, state FROM ratchet.stuck('gate', '1 day', since => 'at');
DROP TABLE gate;

--
-- orphans(): records whose row is still where it has none
--
CREATE TABLE log (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, a int, b text, text text, FOREIGN KEY (b, a) REFERENCES pair);
INSERT INTO log (a, b) VALUES (1, 'x'), (3, 'z'), (3, 'z'), (NULL, NULL);
SELECT * FROM ratchet.orphans('pair', 'log', 'open');
SELECT * FROM ratchet.orphans('pair', 'log', 'shut');
SELECT attempt($$SELECT * FROM ratchet.orphans('pair', 'log', 'nothing')$$);
SELECT attempt($$SELECT * FROM ratchet.orphans('pair', 'log', NULL)$$);
SELECT attempt($$SELECT * FROM ratchet.orphans('pair', 'job', 'open')$$);
SELECT attempt($$SELECT * FROM ratchet.orphans('log', 'pair', 'open')$$);
-- the recipe
DELETE FROM log l USING ratchet.orphans('pair', 'log', 'open') o WHERE l.id = o.key::int;
SELECT * FROM ratchet.orphans('pair', 'log', 'open');
SELECT count(*) FROM log;

--
-- Rights: what the caller may read
--
SET ROLE regress_ratchet_reader;
SELECT attempt($$SELECT * FROM ratchet.stuck('job', '1 hour')$$);
SELECT attempt($$SELECT * FROM ratchet.orphans('pair', 'log', 'open')$$);
SET ROLE regress_ratchet_owner;
GRANT SELECT (id, status) ON job TO regress_ratchet_reader;
SET ROLE regress_ratchet_reader;
SELECT attempt($$SELECT * FROM ratchet.stuck('job', '1 hour')$$);
SET ROLE regress_ratchet_owner;
GRANT SELECT ON job TO regress_ratchet_reader;
ALTER TABLE job ENABLE ROW LEVEL SECURITY;
CREATE POLICY those ON job USING (id > 5);
SET ROLE regress_ratchet_reader;
SELECT key FROM ratchet.stuck('job', '0 min', 'queued', 'updated_at');
SET ROLE regress_ratchet_owner;
SELECT key FROM ratchet.stuck('job', '0 min', 'queued', 'updated_at');
ALTER TABLE job DISABLE ROW LEVEL SECURITY;

--
-- describe()
--
SELECT * FROM ratchet.describe('job');
SELECT ratchet.guard('job', 'closed', gate_by => 'submit', actor => 'note', gate_at => 'updated_at', frozen => '{alive}', heartbeat => 'alive', mode => 'reject', insert => 'reject', replace => true,
                     states => '{"status": {"queued": ["running"], "running": ["done", "failed", "queued"], "done": [], "failed": []}}');
SELECT * FROM ratchet.describe('job');
CREATE TABLE doc (id int PRIMARY KEY, key text, title text, author text, v int, status text, n int, good int, points int, total int, done boolean, done_at timestamptz);
CREATE TABLE line (id int PRIMARY KEY, doc int REFERENCES doc, ok boolean, score int);
CREATE FUNCTION finish(int) RETURNS void LANGUAGE sql AS 'SELECT';
SELECT ratchet.guard('doc', states => '{"status": {"a": ["b"], "b": []}}', idempotency_key => 'key', once => '{author}', frozen => '{title}', version => 'v', mode => 'once=observe,version=keep');
SELECT ratchet.tally('line', 'doc', '{"n": "true", "good": "ok", "points": "sum(score)"}', total => 'total', done => 'done', done_at => 'done_at', on_done => 'finish(int)', latch => true, notify => true);
SELECT * FROM ratchet.describe('doc');
SELECT * FROM ratchet.describe('line');
SELECT * FROM ratchet.describe('pg_class');
SELECT attempt('SELECT * FROM ratchet.describe(NULL)');
SET ROLE regress_ratchet_reader;
SELECT count(*) FROM ratchet.describe('doc');
SET ROLE regress_ratchet_owner;

--
-- suspend(): the owner, with a reason, in this transaction
--
SELECT ratchet.guard('job', 'closed', states => '{"status": {"queued": ["running"], "running": ["done", "failed"], "done": [], "failed": ["queued"]}}', heartbeat => 'alive', mode => 'reject', insert => 'reject', replace => true);
CREATE FUNCTION job(wanted int) RETURNS text LANGUAGE sql AS $$ SELECT concat_ws(' ', status, closed, note) FROM job WHERE id = wanted $$;
SELECT attempt($$UPDATE job SET status = 'queued' WHERE id = 3$$);
BEGIN;
CALL ratchet.suspend('job', 'repair of May');
UPDATE job SET status = 'queued', closed = true, alive = NULL WHERE id = 3;
INSERT INTO job VALUES (20, 'done', 1, NULL, NULL, true);
SELECT outcome, kept FROM ratchet.update('job', 3, '{"status": "odd"}');
COMMIT;
SELECT job(3), job(20);
SELECT attempt($$UPDATE job SET status = 'done' WHERE id = 3$$);
SELECT attempt($$INSERT INTO job VALUES (21, 'done')$$);
-- a savepoint takes it back, a release does not
BEGIN;
SAVEPOINT s;
CALL ratchet.suspend('job', 'once');
SAVEPOINT t;
UPDATE job SET status = 'running' WHERE id = 3;
RELEASE t;
ROLLBACK TO s;
SELECT attempt($$UPDATE job SET status = 'done' WHERE id = 3$$);
SAVEPOINT s;
CALL ratchet.suspend('job', 'twice');
CALL ratchet.suspend('job', 'thrice');
RELEASE s;
UPDATE job SET status = 'failed' WHERE id = 3;
ROLLBACK;
SELECT job(3);
SELECT attempt($$UPDATE job SET status = 'done' WHERE id = 3$$);
-- in a block that commits in between
DO $$
BEGIN
    CALL ratchet.suspend('watching.job', 'in a block');
    UPDATE job SET status = 'failed' WHERE id = 3;
    COMMIT;
    RAISE INFO '%', attempt('UPDATE job SET status = ''done'' WHERE id = 3');
END $$;
SELECT job(3);
-- another table's contract is not suspended with it; counters are kept all the same
INSERT INTO doc (id, status, total) VALUES (1, 'b', 2);
BEGIN;
CALL ratchet.suspend('doc', 'test');
UPDATE doc SET status = 'a', n = 77, title = 'x' WHERE id = 1;
INSERT INTO line VALUES (1, 1);
SELECT attempt($$UPDATE job SET status = 'done' WHERE id = 3$$);
COMMIT;
SELECT status, title, n, v FROM doc;
-- not outside of a transaction, not without a reason, a contract, or the owner's rights
CALL ratchet.suspend('job', 'alone');
\echo :SQLSTATE
SELECT attempt($$CALL ratchet.suspend('job', ' ')$$);
SELECT attempt($$CALL ratchet.suspend('job', NULL)$$);
SELECT attempt($$CALL ratchet.suspend(NULL, 'x')$$);
SELECT attempt($$CALL ratchet.suspend('pair', 'x')$$);
SELECT attempt($$CALL ratchet.suspend('line', 'x')$$);
SET ROLE regress_ratchet_reader;
BEGIN;
CALL ratchet.suspend('job', 'mine');
\echo :SQLSTATE
ROLLBACK;
SET ROLE regress_ratchet_owner;
CREATE TABLE tree (id int, c text, PRIMARY KEY (id)) PARTITION BY RANGE (id);
CREATE TABLE leaf PARTITION OF tree FOR VALUES FROM (1) TO (10);
CREATE TABLE mine PARTITION OF tree FOR VALUES FROM (10) TO (20);
SELECT ratchet.guard('tree', states => '{"c": {"a": ["b"], "b": []}}');
INSERT INTO tree VALUES (1, 'b'), (11, 'b');
BEGIN;
CALL ratchet.suspend('leaf', 'a leaf stands for its table');
UPDATE tree SET c = 'a';
SELECT * FROM tree ORDER BY id;
ROLLBACK;
RESET ROLE;
ALTER TABLE mine OWNER TO regress_ratchet_reader;
SET ROLE regress_ratchet_reader;
SELECT attempt($$CALL ratchet.suspend('mine', 'x')$$);

RESET ROLE;
SET client_min_messages = error;
DROP SCHEMA watching CASCADE;
DROP ROLE regress_ratchet_owner, regress_ratchet_reader;
