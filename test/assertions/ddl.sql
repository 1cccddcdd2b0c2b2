-- ddl.sql: what the event trigger follows, judges or refuses, and the writes that come afterwards. Run as guard.sql is.
\set SHOW_CONTEXT never
\ir ../../sql/test_setup.sql
-- guard.sql does this with caches discarded already, and it takes a minute.
SET debug_discard_caches = 0;
CREATE EXTENSION ratchet;
RESET debug_discard_caches;
SET client_min_messages = warning;
CREATE SCHEMA ddl;
SET search_path = ddl, test_setup;
-- All of them one after another, each undone whether it went well or not.
CREATE FUNCTION undone(VARIADIC statements text[]) RETURNS TABLE (statement text, answer text) LANGUAGE plpgsql AS $$
BEGIN
    FOREACH statement IN ARRAY statements LOOP
        BEGIN
            answer := test_setup.attempt(statement);
            RAISE EXCEPTION USING ERRCODE = 'P9999';
        EXCEPTION WHEN SQLSTATE 'P9999' THEN
            RETURN NEXT;
        END;
    END LOOP;
END $$;
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE FUNCTION finish(int) RETURNS void LANGUAGE sql AS 'SELECT';
CREATE FUNCTION big(n int) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT n > 10';
CREATE TYPE status AS ENUM ('queued', 'running', 'done');
CREATE DOMAIN colour AS text;
CREATE TABLE run (id int PRIMARY KEY, total int, n int, large int, points numeric, done boolean, done_at timestamptz, status status, at timestamptz, by text, shade colour, note text);
CREATE TABLE result (run int CONSTRAINT result_fk REFERENCES run ON DELETE CASCADE, q int, points numeric, note text);
SELECT ratchet.tally('result', 'run', '{"n": "true", "large": "ddl.big(q)", "points": "sum(points)"}', total => 'total', done => 'done', done_at => 'done_at', on_done => 'finish(int)');
SELECT ratchet.guard('run', 'at', actor => 'by', owned => '{shade}', states => '{"status": {"queued": ["running"], "running": ["done"], "done": []}}', insert => 'reject');
INSERT INTO run (id, total, status) VALUES (1, 2, 'queued'), (2, 2, 'queued');

-- Renames
ALTER TABLE run RENAME at TO closed_at;
ALTER TABLE run RENAME n TO counted;
ALTER TABLE run RENAME total TO expected;
ALTER TABLE run RENAME status TO phase;
ALTER TABLE result RENAME q TO question;
ALTER TABLE result RENAME run TO run_id;
INSERT INTO result (run_id, question, points) VALUES (1, 11, 1.5), (1, 2, 2);
SELECT outcome, submitted_by FROM ratchet.submit('run', 1, 'ann', '{"shade": "red"}');
UPDATE run SET shade = 'blue', closed_at = NULL, note = 'x' WHERE id = 1;
SELECT id, counted, large, points, done, phase, closed_at IS NOT NULL, by, shade, note FROM run ORDER BY id;
ALTER TABLE run RENAME TO lauf;
ALTER TABLE lauf RENAME TO run;
SELECT * FROM undone('ALTER SCHEMA ddl RENAME TO ddl_moved', 'ALTER TABLE run SET SCHEMA public', 'ALTER TABLE result SET SCHEMA public');
ALTER TABLE run RENAME CONSTRAINT run_pkey TO run_key;
ALTER INDEX run_key RENAME TO run_pkey;

-- What touches a contract, as each of the command's kinds
SELECT * FROM undone('ALTER TABLE run DROP closed_at', 'ALTER TABLE run DROP counted', 'ALTER TABLE run ALTER closed_at TYPE text', 'ALTER TABLE run ALTER counted TYPE text',
    'ALTER TABLE run DROP closed_at, ADD closed_at timestamptz', 'ALTER TABLE result DROP question', 'ALTER TABLE result DROP CONSTRAINT result_fk',
    'ALTER TABLE result DROP CONSTRAINT result_fk CASCADE', 'ALTER TABLE run DROP CONSTRAINT run_pkey', 'ALTER TABLE run DROP CONSTRAINT run_pkey CASCADE',
    'ALTER TABLE result ALTER run_id TYPE bigint', 'ALTER TABLE result ALTER points TYPE real', 'ALTER TABLE run ALTER closed_at SET NOT NULL');
SELECT * FROM undone('CREATE UNIQUE INDEX ON run (counted)', 'CREATE INDEX ON run (counted)', 'ALTER TABLE run ADD UNIQUE (large)', 'CREATE RULE r AS ON UPDATE TO run DO INSTEAD NOTHING',
    'CREATE RULE r AS ON UPDATE TO run DO ALSO NOTHING', 'CREATE TRIGGER "~z" BEFORE UPDATE ON run FOR EACH ROW EXECUTE FUNCTION touch()',
    'CREATE TRIGGER first BEFORE UPDATE ON run FOR EACH ROW EXECUTE FUNCTION touch()', 'CREATE TRIGGER "~z" BEFORE INSERT ON run FOR EACH ROW EXECUTE FUNCTION touch()',
    'ALTER TRIGGER "~ratchet_guard" ON run RENAME TO x', 'ALTER TRIGGER "!ratchet_tally_1" ON result RENAME TO x', 'CREATE TABLE heir () INHERITS (run)', 'CREATE TABLE heir () INHERITS (result)');
SELECT * FROM undone('ALTER FUNCTION finish(int) RENAME TO finished', 'ALTER FUNCTION big(int) RENAME TO large', 'ALTER FUNCTION big(int) VOLATILE', 'ALTER FUNCTION touch() RENAME TO touched',
    'CREATE OR REPLACE FUNCTION big(n int) RETURNS boolean LANGUAGE sql AS ''SELECT n > 5''', 'DROP FUNCTION big(int)', 'DROP FUNCTION finish(int) CASCADE', 'DROP FUNCTION big(int) CASCADE',
    'ALTER TYPE status RENAME VALUE ''queued'' TO ''waiting''', 'ALTER TYPE status RENAME TO state', 'ALTER TYPE status SET SCHEMA public', 'ALTER DOMAIN colour SET NOT NULL', 'ALTER DOMAIN colour RENAME TO color',
    'ALTER DOMAIN colour ADD CHECK (VALUE <> ''green'')', 'DROP DOMAIN colour CASCADE', 'DROP TYPE status CASCADE', 'DROP TABLE run', 'DROP TABLE run CASCADE', 'DROP TABLE result', 'DROP EXTENSION ratchet CASCADE');
ALTER TYPE status ADD VALUE 'failed';
SELECT * FROM undone('CREATE SCHEMA made CREATE TABLE heir () INHERITS (ddl.run)', 'CREATE SCHEMA made CREATE TABLE t (id int)',
    'CREATE TRIGGER "~ratchet_guard" BEFORE UPDATE ON result FOR EACH ROW EXECUTE FUNCTION ratchet.guard_row(''gate=nothing'')',
    'CREATE TRIGGER "!ratchet_tally_7" AFTER INSERT OR UPDATE OR DELETE ON result FOR EACH ROW EXECUTE FUNCTION ratchet.count_row(''via=run_id'', ''counter=large'', ''count=true'')',
    'ALTER TABLE run DISABLE TRIGGER ALL', 'ALTER TABLE run OWNER TO CURRENT_USER', 'ALTER TABLE run ENABLE ROW LEVEL SECURITY', 'ALTER VIEW run RENAME TO lauf');
INSERT INTO result (run_id, question) VALUES (2, 13);
SELECT id, counted, large, done FROM run ORDER BY id;

-- Nothing of a contract: it is looked at, and let pass
CREATE TABLE other (id int PRIMARY KEY, note text);
ALTER TABLE other ADD more int, ALTER note TYPE varchar(9), ADD CHECK (id > 0);
ALTER INDEX other_pkey RENAME TO other_key;
CREATE VIEW seen AS SELECT * FROM other;
ALTER VIEW seen RENAME TO viewed;
CREATE RULE r AS ON UPDATE TO other DO INSTEAD NOTHING;
ALTER RULE r ON other RENAME TO s;
CREATE FOREIGN DATA WRAPPER regress_ratchet_instrumented;
CREATE SERVER regress_ratchet_instrumented FOREIGN DATA WRAPPER regress_ratchet_instrumented;
CREATE FOREIGN TABLE far (id int) SERVER regress_ratchet_instrumented;
ALTER FOREIGN TABLE far RENAME id TO key;
CREATE OPERATOR === (LEFTARG = int, RIGHTARG = int, FUNCTION = int4eq);
ALTER OPERATOR === (int, int) SET SCHEMA public;
DROP TABLE other CASCADE;
DROP SERVER regress_ratchet_instrumented CASCADE;
DROP FOREIGN DATA WRAPPER regress_ratchet_instrumented;
DROP OPERATOR public.=== (int, int);

-- Typed tables, inheritance, partitions that come and go
CREATE TYPE form AS (id int, at timestamptz, score int);
CREATE TABLE of_type OF form (PRIMARY KEY (id));
SELECT ratchet.guard('of_type', 'at', owned => '{score}');
SELECT * FROM undone('ALTER TYPE form RENAME ATTRIBUTE score TO points CASCADE', 'ALTER TYPE form DROP ATTRIBUTE score CASCADE', 'ALTER TYPE form ADD ATTRIBUTE more int CASCADE');
CREATE TABLE elder (id int, at timestamptz, score int);
CREATE TABLE heir () INHERITS (elder);
SELECT ratchet.guard('heir', 'at', owned => '{score}');
ALTER TABLE elder RENAME score TO points;
SELECT owned FROM ratchet.contract WHERE target = 'heir'::regclass;
CREATE TABLE tree (id int, part text, run int REFERENCES run, at timestamptz, score int) PARTITION BY LIST (part);
CREATE TABLE tree_a PARTITION OF tree FOR VALUES IN ('a');
CREATE TABLE tree_b (score int, gone int, at timestamptz, run int, part text, id int);
ALTER TABLE tree_b DROP gone;
ALTER TABLE run ADD leaves int;
SELECT ratchet.guard('tree', 'at', owned => '{score}');
SELECT ratchet.tally('tree', 'run', '{"leaves": "score IS NULL"}');
ALTER TABLE tree ATTACH PARTITION tree_b FOR VALUES IN ('b');
ALTER TABLE tree RENAME score TO points;
INSERT INTO tree VALUES (1, 'a', 1), (2, 'b', 1), (3, 'b', 2);
UPDATE tree SET at = '2026-01-01', points = 1 WHERE id = 2;
UPDATE tree SET points = 2, part = 'a' WHERE id = 2;
SELECT tableoid::regclass, id, at, points FROM tree ORDER BY id;
SELECT id, leaves FROM run ORDER BY id;
SELECT * FROM undone('ALTER TABLE tree_a RENAME points TO score', 'CREATE TRIGGER "~z" BEFORE UPDATE ON tree_b FOR EACH ROW EXECUTE FUNCTION touch()', 'ALTER TABLE tree DETACH PARTITION tree_b',
    'CREATE TABLE tree_c PARTITION OF tree FOR VALUES IN (''c'') PARTITION BY LIST (part)', 'DROP TABLE tree_b', 'TRUNCATE tree_b', 'ALTER TABLE tree DROP points');
ALTER TABLE tree DETACH PARTITION tree_b;
SELECT count(*) FROM pg_trigger WHERE tgrelid = 'tree_b'::regclass AND NOT tgisinternal;
ALTER TABLE tree ATTACH PARTITION tree_b FOR VALUES IN ('b');
SELECT count(*) FROM ratchet.verify();

-- In the middle of statements, and without the event trigger
CREATE FUNCTION inside() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.note = 'add' THEN ALTER TABLE ddl.result ADD more int; END IF;
    IF NEW.note = 'redeclare' THEN PERFORM ratchet.guard('ddl.run', 'closed_at', actor => 'by', owned => '{shade,note}', states => '{"phase": {"queued": ["running"], "running": ["done"], "done": []}}', insert => 'reject'); END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER inside BEFORE UPDATE ON run FOR EACH ROW EXECUTE FUNCTION inside();
SELECT outcome FROM ratchet.update('run', 2, '{"note": "add"}');
SELECT outcome FROM ratchet.update('run', 2, '{"note": "redeclare"}');
SELECT * FROM ratchet.update('run', 2, '{"note": "kept"}');
DROP TRIGGER inside ON run;
ALTER EVENT TRIGGER ratchet_ddl_end DISABLE;
ALTER EVENT TRIGGER ratchet_sql_drop DISABLE;
ALTER TABLE run RENAME shade TO hue;
ALTER TABLE result DROP note;
CREATE TRIGGER "~z" BEFORE UPDATE ON tree_b FOR EACH ROW EXECUTE FUNCTION touch();
SELECT severity, target, finding FROM ratchet.health() ORDER BY 2, 3;
SELECT attempt('UPDATE run SET note = ''y'''), attempt('UPDATE tree SET points = 3'), attempt($$SELECT ratchet.submit('run', 2)$$);
ALTER EVENT TRIGGER ratchet_ddl_end ENABLE;
ALTER EVENT TRIGGER ratchet_sql_drop ENABLE;
SELECT severity, target, finding FROM ratchet.health() ORDER BY 2, 3;
SELECT ratchet.unguard('run'), ratchet.unguard('of_type'), ratchet.unguard('tree');
DROP FUNCTION big(int) CASCADE;
SELECT severity, target, finding FROM ratchet.health() ORDER BY 2, 3;
SELECT ratchet.untally(NULL, 'run');
SET client_min_messages = error;
DROP SCHEMA ddl CASCADE;
DROP EXTENSION ratchet CASCADE;
