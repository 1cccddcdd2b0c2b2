--
-- States: what graphs are accepted, what each move becomes in each mode, and columns that freeze with a terminal state.
--
\set SHOW_CONTEXT never
SET client_min_messages = warning;
\pset format unaligned
\pset tuples_only on
CREATE SCHEMA states;
SET search_path = states, test_setup;
CREATE TYPE st AS ENUM ('queued', 'running', 'done', 'failed');

--
-- Declaring: every state a key, labels that the type has, types that have states
--
CREATE TABLE job (id int PRIMARY KEY, status st, label text, short varchar(4), n smallint, at timestamptz, f float8, fixed char(4), free text);
CREATE FUNCTION guard(graph text) RETURNS text LANGUAGE sql AS $$
SELECT attempt(format('SELECT ratchet.guard(''job'', states => %L)', graph))
$$;
SELECT guard('{}');
SELECT guard('[]');
SELECT guard('"x"');
SELECT guard('null');
SELECT guard('{"status": []}');
SELECT guard('{"status": {}}');
SELECT guard('{"status": "queued"}');
SELECT guard('{"status": {"queued": "done"}}');
SELECT guard('{"status": {"queued": {"done": []}}}');
SELECT guard('{"status": {"queued": [["done"]]}}');
SELECT guard('{"status": {"queued": [true], "true": []}}');
SELECT guard('{"status": {"queued": [null]}}');
SELECT guard('{"status": {"queued": ["runing"], "running": []}}');
SELECT guard('{"status": {"queued": ["runing"], "runing": []}}');
SELECT guard('{"nothing": {"a": []}}');
SELECT guard('{"": {"a": []}}');
SELECT guard('{"at": {"a": []}}');
SELECT guard('{"f": {"1": []}}');
SELECT guard('{"fixed": {"a": []}}');
SELECT guard('{"n": {"40000": []}}');
SELECT guard('{"n": {"1.5": []}}');
SELECT guard('{"n": {"01": []}}');
SELECT guard('{"n": {"1": [2.5], "2.5": []}}');
SELECT guard('{"short": {"toolong": []}}');
SELECT attempt($$SELECT ratchet.guard('job', states => '{"status": {"queued": []}}', forward => '{status}')$$);
SELECT attempt($$SELECT ratchet.guard('job', states => '{"status": {"queued": []}}', mode => 'transition=keep')$$);
SELECT ratchet.guard('job', states => '{"status": {"running": ["done", "failed", "done", "running"], "done": [], "failed": [], "queued": ["running", "failed"]},
    "n": {"0": [1], "1": [2, 0], "2": []}, "short": {"": ["a=b"], "a=b": []}, "label": {"to=x": ["from=y"], "from=y": []}}');
SELECT states, mode FROM ratchet.contract WHERE target = 'job'::regclass;
SELECT ratchet._arguments(oid) FROM pg_trigger WHERE tgrelid = 'job'::regclass;
-- the same in another order changes nothing; more moves are less protection, fewer are more
SELECT ratchet.guard('job', states => '{"label": {"from=y": [], "to=x": ["from=y"]}, "short": {"a=b": [], "": ["a=b"]}, "n": {"2": [], "1": [0, 2], "0": [1]},
    "status": {"queued": ["failed", "running"], "running": ["failed", "done"], "done": [], "failed": []}}');
SELECT guard('{"status": {"queued": ["running", "failed", "done"], "running": ["done", "failed"], "done": [], "failed": ["queued"]}, "n": {"0": [1], "1": [2, 0]}}');
SELECT guard('{"status": {"queued": ["running", "failed", "done"], "running": ["done", "failed"], "done": [], "failed": ["queued"]}, "n": {"0": [1], "1": [0]}}');
SELECT ratchet.guard('job', states => '{"status": {"queued": ["running"], "running": ["done"], "done": [], "failed": []}, "n": {"0": [1], "1": [2, 0], "2": []},
    "short": {"": ["a=b"], "a=b": []}, "label": {"to=x": ["from=y"], "from=y": []}}');
DROP TABLE job;

--
-- Every move in every mode: 5 before x 6 after, as a plain save and by update()
--
CREATE FUNCTION moves(type text, mode text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    before text; after text; line text; found text; verb text; state text; col text;
BEGIN
    FOREACH before IN ARRAY '{NULL,a,b,z,odd}'::text[] LOOP
        line := '';
        FOREACH after IN ARRAY '{NULL,a,b,z,odd,odder}'::text[] LOOP
            DROP TABLE IF EXISTS t;
            EXECUTE format('CREATE TABLE t (id int PRIMARY KEY, c %s, free text)', type);
            EXECUTE format('INSERT INTO t SELECT i, $1::%s FROM generate_series(1, 2) i', type) USING before;
            PERFORM ratchet.guard('t', states => '{"c": {"a": ["b"], "b": ["a", "z"], "z": []}}', mode => mode);
            BEGIN
                EXECUTE format('UPDATE t SET c = $1::%s, free = ''x'' WHERE id = 1', type) USING after;
                EXECUTE 'SELECT CASE WHEN c::text IS NOT DISTINCT FROM $1 THEN CASE WHEN $1 IS NOT DISTINCT FROM $2 THEN ''='' ELSE ''+'' END WHEN c::text IS NOT DISTINCT FROM $2 THEN ''kept'' END
                         || CASE WHEN free = ''x'' THEN '''' ELSE '' LOST'' END FROM t WHERE id = 1' INTO found USING after, before;
            EXCEPTION WHEN integrity_constraint_violation OR SQLSTATE '23R02' THEN
                GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, col = COLUMN_NAME;
                found := state || ' ' || col;
            END;
            BEGIN
                SELECT u.outcome || u.kept::text INTO verb FROM ratchet.update('t', 2, jsonb_build_object('c', after)) u;
            EXCEPTION WHEN integrity_constraint_violation OR SQLSTATE '23R02' THEN
                verb := SQLSTATE;
            END;
            line := line || format(' ->%s: %s (%s)', COALESCE(after, 'NULL'), found, verb);
        END LOOP;
        RETURN NEXT COALESCE(before, 'NULL') || line;
    END LOOP;
END $$;
CREATE TYPE label AS ENUM ('a', 'b', 'z', 'odd', 'odder');
CREATE DOMAIN word AS varchar(10);
SELECT moves('text', NULL);
SELECT moves('label', NULL);
SELECT moves('word', 'states=keep');
SELECT moves('varchar', 'states=reject');
SELECT moves('label', 'observe');
DROP TABLE t;
-- the texts
CREATE TABLE t (id int PRIMARY KEY, c text, n int, free text);
INSERT INTO t VALUES (1, 'a', 1, 'x'), (2, 'z', 3, 'x');
SELECT ratchet.guard('t', states => '{"c": {"a": ["b"], "b": ["a", "z"], "z": []}, "n": {"1": [2], "2": [3], "3": []}}');
SELECT attempt($$UPDATE t SET c = 'z' WHERE id = 1$$);
SELECT attempt($$UPDATE t SET n = 3, c = 'b' WHERE id = 1$$);
SELECT ratchet.guard('t', states => '{"c": {"a": ["b"], "b": ["a", "z"], "z": []}, "n": {"1": [2], "2": [3], "3": []}}', mode => 'reject');
SELECT attempt($$UPDATE t SET c = 'a' WHERE id = 2$$);
SELECT attempt($$UPDATE t SET n = NULL WHERE id = 2$$);
UPDATE t SET n = 2, c = 'b', free = 'y' WHERE id = 1;
SELECT * FROM t ORDER BY id;
DROP TABLE t;

--
-- frozen columns freeze when any state is terminal, or the gate closes; in the statement that does it they are still free
--
CREATE TABLE t (id int PRIMARY KEY, c text, n int, result text, progress int, closed_at timestamptz);
INSERT INTO t (id, c, n) SELECT i, 'a', 1 FROM generate_series(1, 4) i;
SELECT ratchet.guard('t', 'closed_at', frozen => '{result,progress}', forward => '{progress}', states => '{"c": {"a": ["z"], "z": []}, "n": {"1": [2], "2": []}}');
UPDATE t SET result = 'r' || id, progress = id;
UPDATE t SET c = 'z', result = 'last', progress = 9 WHERE id = 1;
UPDATE t SET n = 2, result = 'last', progress = 9 WHERE id = 2;
UPDATE t SET closed_at = '2020-01-01', result = 'last', progress = 9 WHERE id = 3;
UPDATE t SET result = 'too late', progress = 10;
SELECT * FROM t ORDER BY id;
SELECT outcome, kept FROM ratchet.update('t', 1, '{"result": "x", "c": "a"}');
DROP TABLE t;

--
-- insert => 'reject': born in a state that leads somewhere
--
CREATE TABLE t (id int PRIMARY KEY, c text);
SELECT ratchet.guard('t', states => '{"c": {"a": ["b"], "b": []}}', insert => 'reject');
SELECT attempt($$INSERT INTO t VALUES (1, 'a'), (2, NULL)$$);
SELECT attempt($$INSERT INTO t VALUES (3, 'b')$$);
SELECT attempt($$INSERT INTO t VALUES (3, 'x')$$);
SELECT attempt($$INSERT INTO t VALUES (1, 'b') ON CONFLICT (id) DO UPDATE SET c = EXCLUDED.c$$);
SELECT * FROM t ORDER BY id;
DROP TABLE t;

--
-- Partitions, and a move between them
--
CREATE TABLE t (id int, c text, part text, gone int, note text, PRIMARY KEY (id, part)) PARTITION BY LIST (part);
CREATE TABLE t_a PARTITION OF t FOR VALUES IN ('a');
CREATE TABLE t_b (note text, part text NOT NULL, c text, id int NOT NULL, gone int);
ALTER TABLE t DROP gone;
ALTER TABLE t_b DROP gone;
ALTER TABLE t ATTACH PARTITION t_b FOR VALUES IN ('b');
SELECT ratchet.guard('t', frozen => '{note}', states => '{"c": {"x": ["y"], "y": []}}', insert => 'reject');
INSERT INTO t VALUES (1, 'x', 'a'), (2, 'x', 'b');
SELECT attempt($$UPDATE t SET c = 'q', part = 'b' WHERE id = 1$$);
UPDATE t SET c = 'y', part = 'b', note = 'last' WHERE id = 1;
UPDATE t SET c = 'x', part = 'a', note = 'late' WHERE id = 1;
SELECT tableoid::regclass, * FROM t ORDER BY id;
SELECT outcome, state, was, record, kept FROM ratchet.advance('t', '{"id": 2, "part": "b"}'::jsonb, 'y', '{"part": "a", "note": "n"}');
SELECT tableoid::regclass, * FROM t ORDER BY id;
DROP TABLE t;

--
-- What DDL does to a graph
--
CREATE TABLE t (id int PRIMARY KEY, c st);
SELECT ratchet.guard('t', states => '{"c": {"queued": ["running"], "running": []}}');
ALTER TYPE st ADD VALUE 'new' BEFORE 'queued';
SELECT attempt($$ALTER TYPE st RENAME VALUE 'running' TO 'under way'$$);
SELECT attempt($$ALTER TABLE t ALTER c TYPE int USING 1$$);
SELECT attempt($$ALTER TABLE t ALTER c TYPE text$$);
SELECT attempt($$ALTER TABLE t ALTER c TYPE varchar(3) USING 'x'$$);
ALTER TABLE t RENAME c TO state;
SELECT states FROM ratchet.contract WHERE target = 't'::regclass;
INSERT INTO t VALUES (1, 'queued');
SELECT attempt($$UPDATE t SET state = 'done'$$);
UPDATE t SET state = 'running';
SELECT * FROM t;
SELECT * FROM ratchet.health();
-- a graph that somebody has written into the catalog by hand is refused at use
CREATE TABLE u (id int PRIMARY KEY, c text);
SELECT attempt($$CREATE TRIGGER "~ratchet_guard" BEFORE UPDATE ON u FOR EACH ROW EXECUTE FUNCTION ratchet.guard_row('from=a')$$);
SELECT attempt($$CREATE TRIGGER "~ratchet_guard" BEFORE UPDATE ON u FOR EACH ROW EXECUTE FUNCTION ratchet.guard_row('state=c', 'to=a')$$);
SELECT attempt($$CREATE TRIGGER "~ratchet_guard" BEFORE UPDATE ON u FOR EACH ROW EXECUTE FUNCTION ratchet.guard_row('state=c', 'from=a', 'to=b')$$);
SELECT attempt($$CREATE TRIGGER "~ratchet_guard" BEFORE UPDATE ON u FOR EACH ROW EXECUTE FUNCTION ratchet.guard_row('state=c')$$);

SET client_min_messages = error;
DROP SCHEMA states CASCADE;
