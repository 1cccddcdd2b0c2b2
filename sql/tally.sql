--
-- Declaring tallies: ratchet.tally(), ratchet.untally().
--
\set SHOW_CONTEXT never
SET client_min_messages = warning;
\pset format unaligned
\pset tuples_only on
CREATE SCHEMA tally;
SET search_path = tally, test_setup;
CREATE FUNCTION locks(which regclass) RETURNS SETOF text LANGUAGE sql AS $$
SELECT DISTINCT mode FROM pg_locks WHERE relation = which AND pid = pg_backend_pid() ORDER BY mode
$$;
CREATE FUNCTION triggers(which regclass) RETURNS SETOF text LANGUAGE sql AS $$
SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE tgrelid = which AND NOT tgisinternal ORDER BY tgname COLLATE "C"
$$;
CREATE FUNCTION finish(integer) RETURNS void LANGUAGE sql AS 'SELECT';

--
-- Every argument
--
CREATE TABLE run (
    id int PRIMARY KEY, total int, evaluated int NOT NULL DEFAULT 0, correct bigint, wrong smallint, points numeric,
    completed boolean NOT NULL DEFAULT false, completed_at timestamptz, late boolean, note text);
CREATE TABLE result (run int REFERENCES run ON DELETE CASCADE, question int, is_correct boolean, score numeric(6,2), PRIMARY KEY (run, question));
INSERT INTO run (id, total) VALUES (1, 3), (2, 3), (3, NULL);
INSERT INTO result VALUES (1, 1, true, 1.5), (1, 2, false, 0.25), (1, 3, NULL, NULL), (2, 1, true, 2);
SELECT ratchet.tally('result', 'run', '{"evaluated": "true"}');
SELECT * FROM run ORDER BY id;
SELECT triggers('result');
SELECT triggers('run');
SELECT ratchet.tally('result', 'run', '{"evaluated": true}');
SELECT ratchet.tally('result', 'run', '{"evaluated": "true", "correct": "is_correct", "wrong": "NOT is_correct"}');
SELECT ratchet.tally('result', 'run', '{"evaluated": "true", "correct": "is_correct", "wrong": "NOT is_correct", "points": "sum(score)"}', total => 'total');
SELECT ratchet.tally('result', 'run', '{"evaluated": "true", "correct": "is_correct", "wrong": "NOT is_correct", "points": "sum(score)"}', total => 'total', done => 'completed');
SELECT ratchet.tally('result', 'run', '{"evaluated": "true", "correct": "is_correct", "wrong": "NOT is_correct", "points": "sum(score)"}', total => 'total', total_of => 'evaluated',
                     done => 'completed', done_at => 'completed_at', on_done => 'finish(int)', latch => true, notify => true);
SELECT id, total, evaluated, correct, wrong, points, completed, completed_at IS NOT NULL FROM run ORDER BY id;
SELECT triggers('result');
SELECT triggers('run');
-- NULL means the default; the order of counters does not matter, nor their spelling
SELECT ratchet.tally(child => 'result', parent => 'run', counters => '{"points": " SUM( score ) ", "wrong": "not(is_correct)", "correct": "(is_correct)", "evaluated": "TRUE"}',
                     via => '{run}', total => 'total', total_of => NULL, done => 'completed', done_at => 'completed_at', on_done => 'tally.finish(int4)',
                     latch => true, notify => true, contention => NULL, backfill => NULL, replace => NULL);
SELECT ratchet.untally('result', 'run');
SELECT ratchet.untally('result', 'run');
SELECT count(*) FROM pg_trigger WHERE tgrelid IN ('run'::regclass, 'result'::regclass) AND NOT tgisinternal;
-- the columns keep their values and are anybody's
SELECT evaluated, correct, completed FROM run WHERE id = 1;
UPDATE run SET evaluated = 77, completed = false, id = 4 WHERE id = 3;
SELECT evaluated, completed FROM run WHERE id = 4;
DELETE FROM run WHERE id = 4;

--
-- Declarative: a repeated call changes nothing and holds up no writer
--
SELECT ratchet.tally('result', 'run', '{"evaluated": "true"}', total => 'total', done => 'completed');
SELECT string_agg(xmin::text, ' ' ORDER BY tgname) AS before_xmin FROM pg_trigger WHERE tgrelid IN ('run'::regclass, 'result'::regclass) \gset
BEGIN;
SELECT ratchet.tally('result', 'run', '{"evaluated": "true"}', total => 'total', done => 'completed', backfill => 'later', replace => true);
SELECT locks('run'), locks('result');
COMMIT;
SELECT string_agg(xmin::text, ' ' ORDER BY tgname) = :'before_xmin' FROM pg_trigger WHERE tgrelid IN ('run'::regclass, 'result'::regclass);
BEGIN;
SELECT ratchet.tally('result', 'run', '{"evaluated": "true", "correct": "is_correct"}', total => 'total', done => 'completed');
SELECT locks('run');
SELECT locks('result');
ROLLBACK;
-- a declaration that is rolled back is none
BEGIN;
SELECT ratchet.untally('result', 'run');
INSERT INTO result VALUES (2, 2);
ROLLBACK;
INSERT INTO result VALUES (2, 2);
SELECT id, evaluated FROM run ORDER BY id;
-- what was counted before is written as it was declared then
BEGIN;
INSERT INTO result VALUES (2, 3, false);
SELECT ratchet.tally('result', 'run', '{"evaluated": "NOT is_correct"}', total => 'total', total_of => 'evaluated', done => 'completed', replace => true);
INSERT INTO result VALUES (2, 4, false);
COMMIT;
SELECT id, evaluated FROM run ORDER BY id;
BEGIN;
INSERT INTO result VALUES (2, 5, false);
SELECT ratchet.untally('result', 'run');
INSERT INTO result VALUES (2, 6, false);
COMMIT;
SELECT id, evaluated FROM run ORDER BY id;
-- repaired: triggers that are missing or disabled
SELECT ratchet.tally('result', 'run', '{"evaluated": "true", "correct": "is_correct"}', total => 'total', done => 'completed', on_done => 'finish(int)');
CREATE FUNCTION again() RETURNS text LANGUAGE sql AS $$
SELECT ratchet.tally('result', 'run', '{"evaluated": "true", "correct": "is_correct"}', total => 'total', done => 'completed', on_done => 'finish(int)')
$$;
SELECT again();
ALTER TABLE result DISABLE TRIGGER "!ratchet_tally_1";
INSERT INTO result VALUES (2, 7);
SELECT again(), again();
SELECT id, evaluated FROM run ORDER BY id;
ALTER TABLE run DISABLE TRIGGER "~ratchet_counters";
SELECT again(), again();
ALTER TABLE result DISABLE TRIGGER "~ratchet_flush";
SELECT again(), again();
ALTER TABLE result DISABLE TRIGGER "~ratchet_truncate";
SELECT again(), again();
ALTER TABLE run DISABLE TRIGGER "~ratchet_completion";
SELECT again(), again();
ALTER TABLE run DISABLE TRIGGER "!ratchet_gone";
SELECT again(), again();
DROP TRIGGER "~ratchet_flush" ON result;
SELECT again(), again();
ALTER TABLE result ENABLE REPLICA TRIGGER "~ratchet_flush";
SELECT again(), again();
ALTER TABLE result ENABLE ALWAYS TRIGGER "!ratchet_tally_1";
SELECT again();

--
-- Taking away or changing needs replace, and says what would be lost
--
SELECT ratchet.tally('result', 'run', '{"evaluated": "true", "correct": "is_correct", "points": "sum(score)"}', total => 'total', done => 'completed',
                     done_at => 'completed_at', on_done => 'finish(int)', latch => true, notify => true);
SELECT attempt($$SELECT ratchet.tally('result', 'run', '{"evaluated": "true"}')$$);
SELECT attempt($$SELECT ratchet.tally('result', 'run', '{"evaluated": "true", "correct": "NOT is_correct", "points": "sum(score)"}', total => 'total', total_of => 'correct',
    done => 'late', done_at => 'completed_at', on_done => 'finish(int)', latch => true, notify => true)$$);
CREATE FUNCTION other(integer) RETURNS void LANGUAGE sql AS 'SELECT';
SELECT attempt($$SELECT ratchet.tally('result', 'run', '{"evaluated": "true", "correct": "is_correct", "points": "score > 1"}', total => 'total',
    done => 'completed', done_at => 'completed_at', on_done => 'other(int)', notify => false)$$);
SELECT ratchet.tally('result', 'run', '{"evaluated": "true", "wrong": "NOT is_correct"}', total => 'total', done => 'late', replace => true);
SELECT triggers('run');
SELECT id, evaluated, correct, wrong, late FROM run ORDER BY id;
-- what it no longer writes is anybody's
UPDATE run SET correct = 99 WHERE id = 1;
SELECT correct FROM run WHERE id = 1;
SELECT ratchet.untally('result', 'run');

--
-- Arguments that are wrong, each with nothing changed
--
CREATE TABLE bystander (id int PRIMARY KEY);
CREATE TABLE odd (
    id int PRIMARY KEY, run int REFERENCES run, second int REFERENCES run, generated int GENERATED ALWAYS AS (id + 1) STORED);
CREATE TABLE stale (run int, n int);
ALTER TABLE stale ADD CONSTRAINT stale_fk FOREIGN KEY (run) REFERENCES run NOT VALID;
ALTER TABLE run ADD three int GENERATED ALWAYS AS (3) STORED, ADD word text, ADD day date, ADD must timestamptz NOT NULL DEFAULT '2026-01-01',
    ADD unique_one int UNIQUE, ADD partly_unique int, ADD included int, ADD real_one real, ADD quarter numeric(6,1);
CREATE UNIQUE INDEX ON run (partly_unique) WHERE id > 100;
CREATE UNIQUE INDEX ON run (id) INCLUDE (included);
CREATE FUNCTION try(arguments text) RETURNS text LANGUAGE sql AS $$
SELECT attempt(format('SELECT ratchet.tally(%s)', arguments))
$$;
SELECT try($$NULL, 'run', '{"evaluated": "true"}'$$);
SELECT try($$'result', NULL, '{"evaluated": "true"}'$$);
SELECT try($$'result', 'run', NULL$$);
SELECT try($$0, 'run', '{"evaluated": "true"}'$$);
SELECT try($$'result', 'run', '[]'$$);
SELECT try($$'result', 'run', '"evaluated"'$$);
SELECT try($$'result', 'run', '{}'$$);
SELECT try($$'result', 'run', '{"evaluated": 1}'$$);
SELECT try($$'result', 'run', '{"evaluated": null}'$$);
SELECT try($$'result', 'run', '{"evaluated": false}'$$);
SELECT try($$'result', 'run', '{"evaluated": ["true"]}'$$);
SELECT try($$'result', 'run', '{"evaluated": {"true": 1}}'$$);
SELECT try($$'result', 'run', '{"": "true"}'$$);
SELECT try($$'result', 'run', '{"nonsense": "true"}'$$);
SELECT try($$'result', 'run', '{"ctid": "true"}'$$);
SELECT try($$'result', 'run', '{"word": "true"}'$$);
SELECT try($$'result', 'run', '{"real_one": "true"}'$$);
SELECT try($$'result', 'run', '{"three": "true"}'$$);
SELECT try($$'result', 'run', '{"id": "true"}'$$);
SELECT try($$'result', 'run', '{"unique_one": "true"}'$$);
SELECT try($$'result', 'run', '{"partly_unique": "true"}'$$);
SELECT try($$'result', 'run', '{"included": "true"}'$$);
SELECT try($$'result', 'run', '{"evaluated": "sum(score)"}'$$);
SELECT try($$'result', 'run', '{"quarter": "sum(score)"}'$$);
SELECT try($$'result', 'run', '{"evaluated": "true"}', total => 'nonsense'$$);
SELECT try($$'result', 'run', '{"evaluated": "true"}', total => 'word'$$);
SELECT try($$'result', 'run', '{"evaluated": "true"}', total => 'three'$$);
SELECT try($$'result', 'run', '{"evaluated": "true"}', total => 'evaluated'$$);
SELECT try($$'result', 'run', '{"correct": "is_correct"}', total => 'total'$$);
SELECT try($$'result', 'run', '{"correct": "true", "evaluated": "true"}', total => 'total'$$);
SELECT try($$'result', 'run', '{"evaluated": "true"}', total => 'total', total_of => 'correct'$$);
SELECT try($$'result', 'run', '{"evaluated": "true"}', total_of => 'evaluated'$$);
SELECT try($$'result', 'run', '{"evaluated": "true"}', done => 'completed'$$);
SELECT try($$'result', 'run', '{"evaluated": "true"}', total => 'total', done => 'word'$$);
SELECT try($$'result', 'run', '{"evaluated": "true"}', total => 'total', done => 'evaluated'$$);
SELECT try($$'result', 'run', '{"evaluated": "true"}', total => 'total', done => 'nonsense'$$);
SELECT try($$'result', 'run', '{"evaluated": "true"}', total => 'total', done_at => 'completed_at'$$);
SELECT try($$'result', 'run', '{"evaluated": "true"}', total => 'total', done => 'completed', done_at => 'day'$$);
SELECT try($$'result', 'run', '{"evaluated": "true"}', total => 'total', done => 'completed', done_at => 'must'$$);
SELECT try($$'result', 'run', '{"evaluated": "true"}', total => 'total', done => 'completed', done_at => 'completed'$$);
SELECT try($$'result', 'run', '{"evaluated": "true"}', total => 'total', on_done => 'finish(int)'$$);
SELECT try($$'result', 'run', '{"evaluated": "true"}', total => 'total', latch => true$$);
SELECT try($$'result', 'run', '{"evaluated": "true"}', total => 'total', notify => true$$);
SELECT try($$'result', 'run', '{"evaluated": "true"}', total => 'total', done => 'completed', on_done => 'nonsense(int)'$$);
CREATE FUNCTION bare() RETURNS void LANGUAGE sql AS 'SELECT';
CREATE FUNCTION wordy(text) RETURNS void LANGUAGE sql AS 'SELECT';
CREATE PROCEDURE proceed(int) LANGUAGE sql AS 'SELECT';
SELECT try($$'result', 'run', '{"evaluated": "true"}', total => 'total', done => 'completed', on_done => 'bare()'$$);
SELECT try($$'result', 'run', '{"evaluated": "true"}', total => 'total', done => 'completed', on_done => 'wordy(text)'$$);
SELECT try($$'result', 'run', '{"evaluated": "true"}', total => 'total', done => 'completed', on_done => 'proceed(int)'$$);
SELECT try($$'result', 'run', '{"evaluated": "true"}', total => 'total', done => 'completed', on_done => 'pg_catalog.sum(int)'$$);
SELECT try($$'result', 'run', '{"evaluated": "true"}', contention => 'Wait'$$);
SELECT try($$'result', 'run', '{"evaluated": "true"}', backfill => 'never'$$);
SELECT try($$'result', 'run', '{"evaluated": "true"}', via => '{question}'$$);
SELECT try($$'result', 'run', '{"evaluated": "true"}', via => '{nonsense}'$$);
SELECT try($$'result', 'run', '{"evaluated": "true"}', via => '{run,run}'$$);
SELECT try($$'result', 'run', '{"evaluated": "true"}', via => '{run,question}'$$);
SELECT try($$'result', 'run', '{"evaluated": "true"}', via => '{NULL}'$$);
SELECT try($$'odd', 'run', '{"evaluated": "true"}'$$);
SELECT try($$'bystander', 'run', '{"evaluated": "true"}'$$);
SELECT try($$'run', 'result', '{"evaluated": "true"}'$$);
SELECT try($$'stale', 'run', '{"evaluated": "true"}'$$);
SELECT count(*) FROM pg_trigger WHERE NOT tgisinternal AND tgrelid IN ('run'::regclass, 'result'::regclass, 'odd'::regclass, 'stale'::regclass);
ALTER TABLE stale VALIDATE CONSTRAINT stale_fk;
SELECT try($$'stale', 'run', '{"evaluated": "true"}'$$);
SELECT ratchet.untally('stale', 'run');
-- untally
SELECT attempt($$SELECT ratchet.untally('result', NULL)$$), attempt($$SELECT ratchet.untally(NULL, NULL)$$);
SELECT ratchet.tally('result', 'run', '{"evaluated": "true"}', via => '{}');
-- a child that is not named: what is left at the parent of children that are gone, which is nothing
SELECT ratchet.untally(NULL, 'run');
SELECT ratchet.untally('result', 'run', '{nonsense}'), ratchet.untally('result', 'run', '{question}'), ratchet.untally('bystander', 'run'), ratchet.untally('run', 'result');
-- the tally is between these two tables, not any two
SELECT ratchet.untally('result', 'bystander', '{run}');
SELECT ratchet.tally('result', 'run', '{"evaluated": "true"}');
SELECT ratchet.untally('result', 'run');
-- not at a snapshot that may be old
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT try($$'result', 'run', '{"evaluated": "true"}'$$);
SELECT try($$'result', 'run', '{"evaluated": "true"}', backfill => 'later'$$);
ROLLBACK;
-- a sum needs a column that holds it
ALTER TABLE run ADD exact numeric(12,2), ADD wide numeric(12,3);
ALTER TABLE result ADD whole smallint, ADD long bigint;
SELECT try($$'result', 'run', '{"exact": "sum(score)", "wide": "sum(score)", "evaluated": "sum(whole)", "correct": "sum(long)", "wrong": "sum(question)", "quarter": "sum(long)"}'$$);
SELECT ratchet.untally('result', 'run');

--
-- What cannot be counted or count
--
CREATE VIEW a_view AS SELECT * FROM run;
CREATE TEMP TABLE temporary (id int PRIMARY KEY, n int);
CREATE TABLE heir () INHERITS (run);
SELECT try(format($$%L, 'run', '{"evaluated": "true"}'$$, t)) FROM unnest('{a_view,temporary,pg_catalog.pg_class}'::text[]) t;
SELECT try(format($$'result', %L, '{"evaluated": "true"}'$$, t)) FROM unnest('{a_view,temporary,run}'::text[]) t;
DROP TABLE heir;

--
-- Expressions
--
CREATE SCHEMA helper;
CREATE FUNCTION helper.odd(n int) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT n % 2 = 1';
CREATE FUNCTION helper.now_odd(n int) RETURNS boolean LANGUAGE plpgsql STABLE AS 'BEGIN RETURN n % 2 = 1; END';
CREATE FUNCTION helper.true_of(result) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT true';
CREATE DOMAIN amount AS int CHECK (VALUE >= 0);
ALTER TABLE result ADD kind text, ADD cost amount, ADD tags text[], ADD "Odd ""name'" boolean, ADD extra jsonb, ADD at timestamptz;
CREATE FUNCTION counted(expression text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    answer text;
BEGIN
    answer := attempt(format($q$SELECT ratchet.tally('result', 'run', %L, replace => true)$q$, jsonb_build_object('evaluated', expression)));
    IF answer = 'ok' THEN
        SELECT substring(pg_get_triggerdef(oid) FROM $re$'counter=evaluated', (.*)\)$re$) INTO answer
        FROM pg_trigger WHERE tgrelid = 'result'::regclass AND tgname = '!ratchet_tally_1';
    END IF;
    RETURN answer;
END $$;
SELECT counted(e) FROM unnest(ARRAY[
    'is_correct', 'question > 1', 'kind = ''a'' AND score >= 0.5', 'result.question IN (1, 2)', 'tally.result.question BETWEEN 1 AND 2', 'kind LIKE ''x%''',
    'CASE WHEN is_correct THEN kind = ''a'' ELSE false END', 'score IS NULL', 'kind ~ ''^a''', '''x'' = ANY (tags)', '"Odd ""name''"', '(extra ->> ''ok'')::boolean',
    'helper.odd(question)', 'is_correct IS NOT DISTINCT FROM true', 'null', '''t''', 'sum(question)', 'sum(question * 2 + 1)', 'sum(cost)',
    'sum(CASE WHEN is_correct THEN 1 ELSE 0 END)', 'sum(1)', 'COALESCE(is_correct, false)', 'length(kind) > 3', 'lower(kind) = ''a'' COLLATE "C"',
    'question OPERATOR(pg_catalog.>) 1', '((is_correct))', E'is_correct -- a comment\n']) e;
SELECT counted(e) FROM unnest(ARRAY[
    '', ' ', 'nonsense', 'question', 'now() > ''2026-01-01''', 'random() > 0.5', 'at > ''2026-01-01''::timestamp', 'helper.now_odd(question)', 'odd(question)', 'current_user = ''x''',
    '(SELECT true)', 'EXISTS (SELECT FROM run)', 'question IN (SELECT 1)', 'result IS NOT NULL', 'helper.true_of(result)', 'helper.true_of(result.*)', 'ctid IS NOT NULL', 'tableoid = 0', 'xmin IS NULL',
    'count(*) > 1', 'max(question) > 1', 'sum(question) > 1', 'sum(sum(question))', 'sum(DISTINCT question)', 'sum(question) FILTER (WHERE is_correct)', 'sum(question ORDER BY question)',
    'sum(question) OVER ()', 'sum(*)', 'sum(kind)', 'sum(question::float8)', 'sum(score::real)', 'sum()', 'row_number() OVER () = 1', 'generate_series(1, 2) = 1', 'unnest(tags) = ''x''',
    '$1', '$1 = question', 'run.id = 1', 'OLD.question = 1', 'DEFAULT', '*', 'result.*', 'GROUPING(question) = 1', 'pg_sleep(0) IS NULL', 'sum(cost - random()::int)']) e;
-- nothing but an expression gets in
SELECT counted(e) FROM unnest(ARRAY[
    'true) FROM result WHERE (true', 'true), (false', 'true) AS x, (false', 'true) WHERE (true', 'true); DROP TABLE result; SELECT (true', 'true) UNION SELECT (true', 'true) ORDER BY (1', 'true) LIMIT (1',
    'true) INTO stolen FROM (SELECT 1) x WHERE (true', 'true) GROUP BY (1', 'true) WINDOW w AS (', 'true) HAVING (true', 'true) FOR UPDATE; SELECT (true', 'true /*', 'true', ')', '(',
    'true, false', 'true FROM result', 'true --', 'is_correct AS x', 'WITH x AS (SELECT 1) SELECT true', 'VALUES (true)', 'true; SELECT true', 'ROW(true, false)', ') SELECT (1', 'SELECT true', 'TABLE run']) e;
SELECT to_regclass('stolen'), to_regclass('result');
-- a name is what it is in pg_catalog, whatever the search_path says then or later
CREATE FUNCTION length(text) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 1000';
CREATE FUNCTION helper.always(int, int) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT true';
CREATE OPERATOR helper.> (LEFTARG = int, RIGHTARG = int, FUNCTION = helper.always);
SET search_path = helper, tally, pg_catalog, test_setup;
SELECT tally.counted('length(kind) > 3');
SELECT tally.counted('question OPERATOR(helper.>) 3');
SET search_path = tally, test_setup;
DELETE FROM result;
INSERT INTO result (run, question, kind) VALUES (1, 1, 'ab'), (1, 2, 'abcdef');
SELECT evaluated FROM run WHERE id = 1;
SELECT counted('length(kind) > 3');
SELECT evaluated FROM run WHERE id = 1;
SELECT ratchet.untally('result', 'run');
-- an expression that fails fails the write, not more
SELECT counted('1 / (question - 5) > 0');
SELECT attempt('INSERT INTO result (run, question) VALUES (1, 5)');
INSERT INTO result (run, question) VALUES (1, 6);
SELECT evaluated FROM run WHERE id = 1;
SELECT ratchet.untally('result', 'run');
SELECT ratchet.tally('result', 'run', '{"evaluated": "sum(cost)"}');
SELECT attempt('INSERT INTO result (run, question, cost) VALUES (1, 7, -1)');
SELECT ratchet.untally('result', 'run');
ALTER TABLE result DROP at, DROP extra, DROP tags, DROP cost, DROP "Odd ""name'";

--
-- Names that need quoting, tables outside search_path, an unlogged table
--
CREATE SCHEMA "Süd ""x""";
CREATE UNLOGGED TABLE "Süd ""x"""."Läufe 'k' \n" ("Id" int PRIMARY KEY, "Zahl, =" int, "Größe's" int, "{fertig}" boolean, "fertig ""am""" timestamp);
CREATE UNLOGGED TABLE "Süd ""x"""."a=b" ("\" int REFERENCES "Süd ""x"""."Läufe 'k' \n", "ist's ""so""" boolean);
CREATE FUNCTION "Süd ""x"""."fertig, 'ja'"(int) RETURNS void LANGUAGE sql AS 'SELECT';
INSERT INTO "Süd ""x"""."Läufe 'k' \n" VALUES (1, NULL, 2);
SELECT ratchet.tally('"Süd ""x"""."a=b"', '"Süd ""x"""."Läufe ''k'' \n"', '{"Zahl, =": "\"ist''s \"\"so\"\"\""}', total => 'Größe''s', total_of => 'Zahl, =', done => '{fertig}',
                     done_at => 'fertig "am"', on_done => '"Süd ""x"""."fertig, ''ja''"(int)', notify => true)
FROM generate_series(1, 2);
SELECT triggers('"Süd ""x"""."a=b"');
SELECT triggers('"Süd ""x"""."Läufe ''k'' \n"');
INSERT INTO "Süd ""x"""."a=b" VALUES (1, true), (1, true), (1, false);
SELECT "Zahl, =", "{fertig}", "fertig ""am""" IS NOT NULL FROM "Süd ""x"""."Läufe 'k' \n";
SELECT outcome, progress - 'columns' FROM ratchet.progress('"Süd ""x"""."Läufe ''k'' \n"', 1);
SELECT ratchet.untally('"Süd ""x"""."a=b"', '"Süd ""x"""."Läufe ''k'' \n"', ARRAY['\']);

SET client_min_messages = error;
DROP SCHEMA tally, helper, "Süd ""x""" CASCADE;
