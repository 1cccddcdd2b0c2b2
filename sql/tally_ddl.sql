--
-- DDL on counted tables: followed where it can be, refused where it would break a tally.
--
\set SHOW_CONTEXT never
SET client_min_messages = warning;
\pset format unaligned
\pset tuples_only on
CREATE SCHEMA tally_ddl;
SET search_path = tally_ddl, test_setup;
-- The same, undone.
CREATE FUNCTION undone(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    answer text;
BEGIN
    BEGIN
        answer := test_setup.attempt(statement);
        RAISE EXCEPTION USING ERRCODE = 'P9999';
    EXCEPTION WHEN SQLSTATE 'P9999' THEN
        RETURN answer;
    END;
END $$;
-- Tallies as ratchet.contract tells of them.
CREATE FUNCTION tallies() RETURNS SETOF text LANGUAGE sql AS $$
SELECT concat_ws(' ', target, kind, 'of ' || parent, via, counters, 'total ' || total, 'total_of ' || total_of, 'done ' || done, 'done_at ' || done_at, 'on_done ' || on_done,
                 CASE WHEN latch THEN 'latch' END, CASE WHEN notify THEN 'notify' END, CASE WHEN NOT enabled THEN 'disabled' END)
FROM ratchet.contract WHERE kind = 'tally' ORDER BY target::text, via::text
$$;
CREATE FUNCTION health() RETURNS SETOF text LANGUAGE sql AS $$
SELECT concat_ws(' | ', severity, target, finding, remedy) FROM ratchet.health() ORDER BY 1
$$;
CREATE FUNCTION finish(integer) RETURNS void LANGUAGE sql AS 'SELECT';
CREATE FUNCTION big(n int) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT n > 10';
CREATE TABLE run (id int PRIMARY KEY, total int, n int NOT NULL DEFAULT 0, good int, points numeric, large int, done boolean NOT NULL DEFAULT false, done_at timestamptz, note text);
CREATE TABLE result (
    run int CONSTRAINT result_fk REFERENCES run ON DELETE CASCADE, question int, good boolean, points numeric(6,2), remark text, spare int);
SELECT ratchet.tally('result', 'run', '{"n": "true", "good": "good AND question > 0", "points": "sum(points)", "large": "tally_ddl.big(question)"}',
                     total => 'total', total_of => 'n', done => 'done', done_at => 'done_at', on_done => 'finish(int)', latch => true);
SELECT tallies();
SELECT health();
INSERT INTO run (id, total) VALUES (1, 2), (2, NULL);
INSERT INTO result VALUES (1, 1, true, 1);

--
-- Renames are followed, wherever the name is used
--
ALTER TABLE result RENAME run TO run_id;
ALTER TABLE result RENAME question TO "Frage ""x""";
ALTER TABLE result RENAME good TO question;
ALTER TABLE result RENAME points TO "sum";
ALTER TABLE result RENAME remark TO good;
ALTER TABLE run RENAME id TO key;
ALTER TABLE run RENAME n TO "N, =";
ALTER TABLE run RENAME good TO "right";
ALTER TABLE run RENAME "right" TO good_count;
ALTER TABLE run RENAME total TO expected;
ALTER TABLE run RENAME done TO is_completed;
ALTER TABLE run RENAME done_at TO completed_at;
ALTER TABLE run RENAME note TO n;
SELECT tallies();
SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE tgrelid IN ('run'::regclass, 'result'::regclass) AND tgname ~ 'tally|counters|completion' ORDER BY tgname COLLATE "C";
INSERT INTO result (run_id, "Frage ""x""", question, "sum") VALUES (1, 11, true, 2);
SELECT key, "N, =", good_count, points, large, is_completed, completed_at IS NOT NULL FROM run ORDER BY key;
SELECT * FROM ratchet.verify();
SELECT health();
UPDATE result SET question = false WHERE "Frage ""x""" = 1;
SELECT key, "N, =", good_count, points, large, is_completed FROM run ORDER BY key;
-- tables, schemas, the function of on_done, that of a condition
ALTER TABLE result RENAME TO outcome;
ALTER TABLE run RENAME TO "Lauf";
SELECT tallies();
INSERT INTO outcome (run_id, "Frage ""x""", question, "sum") VALUES (2, 11, true, 2);
SELECT key, "N, =", good_count, points, large FROM "Lauf" ORDER BY key;
ALTER TABLE "Lauf" RENAME TO run;
ALTER TABLE outcome RENAME TO result;
SELECT undone('ALTER FUNCTION finish(int) RENAME TO finished');
SELECT undone('ALTER FUNCTION big(int) RENAME TO large');
CREATE SCHEMA elsewhere;
SELECT undone('ALTER FUNCTION finish(int) SET SCHEMA elsewhere');
ALTER TABLE result SET SCHEMA elsewhere;
ALTER TABLE run SET SCHEMA elsewhere;
SELECT tallies();
INSERT INTO elsewhere.result (run_id, "Frage ""x""", question, "sum") VALUES (2, 1, true, 2);
SELECT key, "N, =", good_count, points, large FROM elsewhere.run ORDER BY key;
ALTER TABLE elsewhere.run SET SCHEMA tally_ddl;
ALTER TABLE elsewhere.result SET SCHEMA tally_ddl;
SELECT attempt($$DO 'BEGIN ALTER TABLE tally_ddl.result RENAME "sum" TO points; RAISE ''undo''; END'$$);
SELECT * FROM ratchet.verify();

--
-- What would break it is refused, in the migration itself
--
SELECT undone('ALTER TABLE result DROP CONSTRAINT result_fk');
SELECT undone('ALTER TABLE result DROP run_id');
SELECT undone('ALTER TABLE result DROP question');
SELECT undone('ALTER TABLE result DROP "sum"');
SELECT undone('ALTER TABLE run DROP "N, ="');
SELECT undone('ALTER TABLE run DROP expected');
SELECT undone('ALTER TABLE run DROP is_completed');
SELECT undone('ALTER TABLE run DROP completed_at');
SELECT undone('ALTER TABLE run DROP CONSTRAINT run_pkey');
SELECT undone('DROP FUNCTION finish(int)');
SELECT undone('DROP FUNCTION big(int)');
SELECT undone('DROP TABLE run');
SELECT undone('ALTER TABLE run ALTER "N, =" TYPE text');
SELECT undone('ALTER TABLE run ALTER is_completed DROP DEFAULT, ALTER is_completed TYPE int USING 0');
SELECT undone('ALTER TABLE run ALTER completed_at TYPE date');
SELECT undone('ALTER TABLE run ALTER points TYPE int');
SELECT undone('ALTER TABLE run ALTER points TYPE numeric(12,1)');
SELECT undone('ALTER TABLE run ALTER expected TYPE real');
SELECT undone('ALTER TABLE result ALTER question TYPE text');
SELECT undone('ALTER TABLE result ALTER "sum" TYPE real');
SELECT undone('ALTER TABLE run ALTER points TYPE numeric(12,2)');
SELECT undone('ALTER TABLE run ADD UNIQUE ("N, =")');
SELECT undone('CREATE UNIQUE INDEX ON run (good_count)');
SELECT undone('CREATE UNIQUE INDEX ON run (large, key)');
SELECT undone('ALTER FUNCTION big(int) VOLATILE');
SELECT undone('ALTER TABLE run RENAME expected TO "N, ="');
CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
SELECT undone('CREATE TRIGGER "~zz" BEFORE UPDATE ON run FOR EACH ROW EXECUTE FUNCTION nothing()');
SELECT undone('CREATE TRIGGER "~zz" BEFORE INSERT ON run FOR EACH ROW EXECUTE FUNCTION nothing()');
CREATE TRIGGER aa BEFORE UPDATE ON run FOR EACH ROW EXECUTE FUNCTION nothing();
SELECT undone('ALTER TRIGGER aa ON run RENAME TO "~zz"');
DROP TRIGGER aa ON run;
SELECT undone('CREATE RULE no AS ON UPDATE TO run DO INSTEAD NOTHING');
SELECT undone('ALTER TRIGGER "~ratchet_counters" ON run RENAME TO other');
SELECT undone('ALTER TRIGGER "!ratchet_tally_1" ON result RENAME TO other');
SELECT undone('ALTER TRIGGER "~ratchet_flush" ON result RENAME TO other');
SELECT undone('CREATE TRIGGER other AFTER INSERT ON result FOR EACH ROW EXECUTE FUNCTION ratchet.count_row(''via=run_id'', ''counter=large'', ''count=true'')');
SELECT undone('CREATE TRIGGER "!ratchet_tally_7" AFTER INSERT ON result FOR EACH ROW EXECUTE FUNCTION ratchet.count_row(''via=run_id'', ''counter=large'', ''count=true'')');
SELECT undone('CREATE TRIGGER "!ratchet_tally_7" AFTER INSERT OR UPDATE OR DELETE ON result FOR EACH ROW EXECUTE FUNCTION ratchet.count_row()');
SELECT undone('CREATE TRIGGER "!ratchet_tally_7" AFTER INSERT OR UPDATE OR DELETE ON result FOR EACH ROW EXECUTE FUNCTION ratchet.count_row(''via=nonsense'', ''counter=large'', ''count=true'')');
SELECT undone('CREATE TRIGGER "!ratchet_tally_7" AFTER INSERT OR UPDATE OR DELETE ON result FOR EACH ROW EXECUTE FUNCTION ratchet.count_row(''nonsense'')');
SELECT tallies();
SELECT health();

--
-- What does not is not
--
ALTER TABLE result ADD more int, DROP spare, ALTER good TYPE varchar(30), ADD UNIQUE (run_id, "Frage ""x""");
ALTER TABLE run ADD more int, ALTER n TYPE varchar(30), ALTER "N, =" TYPE bigint, ALTER good_count SET DEFAULT 5, ALTER expected TYPE numeric;
CREATE INDEX ON run ("N, =");
ALTER TABLE run ADD CHECK ("N, =" < 5);
INSERT INTO result (run_id, "Frage ""x""", question, "sum") VALUES (2, 2, true, 2);
SELECT key, "N, =", good_count, points, large FROM run ORDER BY key;
INSERT INTO result (run_id, "Frage ""x""") VALUES (2, 3), (2, 4), (2, 5);
SELECT * FROM ratchet.verify();
SELECT tallies();
-- a second foreign key to the same parent
ALTER TABLE result ADD CONSTRAINT second_fk FOREIGN KEY (run_id) REFERENCES run;
INSERT INTO result (run_id) VALUES (1);
SELECT key, "N, =" FROM run ORDER BY key;
-- inheritance
SELECT undone('CREATE TABLE heir () INHERITS (run)');
SELECT undone('CREATE TABLE heir () INHERITS (result)');
-- a child that is gone leaves counters that count nothing
DROP TABLE result;
SELECT tallies();
SELECT health();
SELECT key, "N, =" FROM run ORDER BY key;
UPDATE run SET "N, =" = 0;
SELECT key, "N, =" FROM run ORDER BY key;
SELECT ratchet.untally(NULL, 'run');
SELECT health();
SELECT count(*) FROM pg_trigger WHERE tgrelid = 'run'::regclass AND NOT tgisinternal;
DROP TABLE run;

--
-- Tables that have dropped columns; what CASCADE takes along
--
CREATE TABLE run (gone int, id int PRIMARY KEY, gone_too int, total int, n int, done boolean);
CREATE TABLE result (gone int, run int REFERENCES run, gone_too int, good boolean, q int);
ALTER TABLE run DROP gone, DROP gone_too;
ALTER TABLE result DROP gone, DROP gone_too;
SELECT ratchet.tally('result', 'run', '{"n": "good AND q > 1"}', total => 'total', total_of => 'n', done => 'done', on_done => 'finish(int)');
ALTER TABLE result RENAME q TO question;
ALTER TABLE result RENAME good TO q;
ALTER TABLE run RENAME n TO counted;
SELECT tallies();
INSERT INTO run VALUES (1, 1);
INSERT INTO result VALUES (1, true, 2), (1, true, 1);
SELECT * FROM run;
SELECT attempt('DROP FUNCTION finish(int) CASCADE');
SELECT health();
SELECT attempt('INSERT INTO result VALUES (1, true, 3)');
SELECT ratchet.tally('result', 'run', '{"counted": "q AND question > 1"}') <> 'unchanged';
SELECT health();
SELECT ratchet.untally('result', 'run');
SELECT health();
SELECT count(*) FROM pg_trigger WHERE tgrelid IN ('run'::regclass, 'result'::regclass) AND NOT tgisinternal;
DROP TABLE result, run;

--
-- Partitions: attached with what they hold, detached, dropped
--
CREATE TABLE run (id int PRIMARY KEY, n int);
INSERT INTO run SELECT generate_series(1, 3);
CREATE TABLE result (run int REFERENCES run, part text) PARTITION BY LIST (part);
CREATE TABLE result_a PARTITION OF result FOR VALUES IN ('a');
SELECT ratchet.tally('result', 'run', '{"n": "true"}');
INSERT INTO result VALUES (1, 'a'), (2, 'a');
CREATE TABLE result_b (part text, run int);
INSERT INTO result_b VALUES ('b', 1), ('b', 3);
SELECT attempt($$ALTER TABLE result ATTACH PARTITION result_b FOR VALUES IN ('b')$$);
SELECT * FROM run ORDER BY id;
SELECT * FROM ratchet.verify();
CALL ratchet.repair('run');
SELECT attempt('ALTER TABLE result DETACH PARTITION result_a');
SELECT * FROM ratchet.verify();
CALL ratchet.repair('run');
SELECT attempt('DROP TABLE result_b');
SELECT * FROM ratchet.verify();
CALL ratchet.repair('run');
-- a table with a tally of its own
CREATE TABLE result_c (run int REFERENCES run, part text);
ALTER TABLE run ADD m int;
SELECT ratchet.tally('result_c', 'run', '{"m": "true"}');
SELECT attempt($$ALTER TABLE result ATTACH PARTITION result_c FOR VALUES IN ('c')$$);
SELECT ratchet.untally('result_c', 'run');
SELECT attempt($$ALTER TABLE result ATTACH PARTITION result_c FOR VALUES IN ('c')$$);
INSERT INTO result VALUES (2, 'c');
SELECT id, n FROM run ORDER BY id;
SELECT health();

--
-- health: what is switched off or missing
--
ALTER TABLE result DISABLE TRIGGER "~ratchet_flush";
SELECT health();
ALTER TABLE result ENABLE TRIGGER "~ratchet_flush", DISABLE TRIGGER "!ratchet_tally_1";
SELECT tallies();
SELECT health();
ALTER TABLE result ENABLE TRIGGER "!ratchet_tally_1";
ALTER TABLE run DISABLE TRIGGER "~ratchet_counters";
SELECT health();
SELECT attempt('INSERT INTO result VALUES (1, ''c'')');
ALTER TABLE run ENABLE TRIGGER "~ratchet_counters";
DROP TRIGGER "~ratchet_counters" ON run;
SELECT health();
SELECT attempt('INSERT INTO result VALUES (1, ''c'')');
SELECT ratchet.tally('result', 'run', '{"n": "true"}') <> 'unchanged';
SELECT health();
DROP TRIGGER "~ratchet_truncate" ON result;
SELECT health();
SELECT ratchet.tally('result', 'run', '{"n": "true"}');
SELECT health();

SET client_min_messages = error;
DROP SCHEMA tally_ddl, elsewhere CASCADE;
