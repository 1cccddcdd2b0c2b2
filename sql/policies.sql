--
-- Policies of columns: once, frozen and forward, in every mode, over every class of types; heartbeat; rows that break a contract already.
--
\set SHOW_CONTEXT never
SET client_min_messages = warning;
\pset format unaligned
\pset tuples_only on
CREATE SCHEMA policies;
SET search_path = policies, test_setup;
SET datestyle = ISO;
SET timezone = 'UTC';
SET intervalstyle = postgres;

-- One write in all three modes: a plain UPDATE that sets another column too, and ratchet.update(). Answers what it finds:
-- written, kept or the error with its SQLSTATE and column, and what update() says. A column that is kept lets the rest through.
CREATE FUNCTION trial(policy text, type text, before text, after text, closed boolean DEFAULT false) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    mode text; found text; verb text; state text; col text; message text; is_after boolean; is_before boolean; rest text;
BEGIN
    FOREACH mode IN ARRAY '{keep,reject,observe}'::text[] LOOP
        DROP TABLE IF EXISTS t;
        EXECUTE format('CREATE TABLE t (id int PRIMARY KEY, rest text DEFAULT ''old'', gone int, c %s, submitted_at timestamptz)', type);
        ALTER TABLE t DROP gone;
        EXECUTE format('INSERT INTO t (id, c, submitted_at) SELECT i, %1$L::%2$s, CASE WHEN $1 THEN now() END FROM generate_series(1, 2) i', before, type) USING closed;
        EXECUTE format('SELECT ratchet.guard(''t'', gate => ''submitted_at'', %I => ''{c}'', mode => %L)', policy, format('%s=%s', policy, mode));
        BEGIN
            EXECUTE format('UPDATE t SET c = %L::%s, rest = ''new'' WHERE id = 1', after, type);
            EXECUTE format('SELECT c::text IS NOT DISTINCT FROM %1$L::%3$s::text, c::text IS NOT DISTINCT FROM %2$L::%3$s::text, t.rest FROM t WHERE id = 1', after, before, type)
            INTO is_after, is_before, rest;
            found := concat_ws(' ', CASE WHEN is_after AND NOT is_before THEN 'written' WHEN is_before AND NOT is_after THEN 'kept' ELSE 'same' END,
                               CASE WHEN rest <> 'new' THEN 'WITHOUT THE REST' END);
        EXCEPTION WHEN OTHERS THEN
            GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, col = COLUMN_NAME, message = MESSAGE_TEXT;
            found := format('%s on %s: %s', state, col, message);
        END;
        BEGIN
            EXECUTE format('SELECT u.outcome || '' '' || u.kept::text FROM ratchet.update(''t'', 2, jsonb_build_object(''c'', to_jsonb(%L::%s))) u', after, type) INTO verb;
        EXCEPTION WHEN OTHERS THEN
            GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE;
            verb := state;
        END;
        RETURN NEXT format('%s %s %s->%s: %s; update(): %s', mode, type, COALESCE(before, 'NULL'), COALESCE(after, 'NULL'), found, verb);
    END LOOP;
END $$;

CREATE TYPE mood AS ENUM ('low', 'middle', 'high');
CREATE TYPE pair AS (a int, b text);
CREATE DOMAIN percent AS int CHECK (VALUE BETWEEN 0 AND 100);

--
-- once: NULL -> value, then fixed
--
SELECT trial('once', type, NULL, value) FROM (VALUES ('int', '1'), ('json', '{"a": 1}'), ('text', ''), ('int[]', '{1,NULL}'), ('pair', '(1,x)'), ('boolean', 'f')) v (type, value);
SELECT trial('once', type, before, after) FROM (VALUES
    ('smallint', '1', '2'), ('numeric', '1.0', '1.00'), ('double precision', 'NaN', '0'), ('text', 'a', 'A'), ('varchar(5)', 'a', NULL), ('bpchar', 'a', 'b'),
    ('boolean', 'f', 't'), ('uuid', '00000000-0000-0000-0000-000000000001', '00000000-0000-0000-0000-000000000002'), ('json', '{"a": 1}', '{"a":1}'),
    ('jsonb', '{"a": 1}', '{"a": 2}'), ('bytea', '\x00', '\x01'), ('int[]', '{1}', '{1,2}'), ('pair', '(1,x)', '(1,y)'), ('mood', 'low', 'high'),
    ('percent', '5', '6'), ('timestamptz', '2020-01-01', 'infinity'), ('point', '(0,0)', '(1,1)'), ('int4range', '[1,2)', 'empty'), ('xml', '<a/>', '<b/>')) v (type, before, after);
SELECT trial('once', 'int', '1', '1');

--
-- frozen: free while the gate is open, then fixed
--
SELECT trial('frozen', type, before, after) FROM (VALUES ('int', '1', '2'), ('text', 'a', NULL), ('json', '1', '2'), ('pair', NULL, '(1,x)')) v (type, before, after);
SELECT trial('frozen', type, before, after, true) FROM (VALUES
    ('int', '1', '2'), ('text', 'a', NULL), ('text', NULL, 'a'), ('json', '1', '2'), ('pair', '(1,x)', '(2,x)'), ('boolean', 't', 'f'), ('numeric', '1', '1.0'),
    ('mood', 'high', 'low'), ('timestamptz', '2020-01-01', '2020-01-02'), ('int[]', '{1}', '{}'), ('bytea', '\x01', NULL)) v (type, before, after);
SELECT trial('frozen', 'text', 'a', 'a', true);

--
-- forward: never down in the type's order, and never back to NULL
--
SELECT trial('forward', type, before, after) FROM (VALUES
    ('smallint', '1', '2'), ('int', '-1', '0'), ('bigint', NULL, '-9223372036854775808'), ('numeric', '1.0', '1.00'), ('numeric', 'Infinity', 'NaN'), ('real', '1', 'infinity'),
    ('double precision', 'infinity', 'NaN'), ('date', '2020-01-01', 'infinity'), ('timestamp', '-infinity', '2020-01-01'), ('timestamptz', '2020-01-01', '2020-01-02'),
    ('time', '10:00', '11:00'), ('interval', '30 days', '1 mon'), ('interval', '1 day', '25 hours'), ('text', 'a', 'b'), ('boolean', 'f', 't'), ('mood', 'low', 'high'),
    ('percent', '5', '6'), ('uuid', '00000000-0000-0000-0000-000000000001', '00000000-0000-0000-0000-000000000002'), ('int[]', '{1}', '{1,2}'), ('pair', '(1,x)', '(1,y)')) v (type, before, after);
SELECT trial('forward', type, before, after) FROM (VALUES
    ('smallint', '2', '1'), ('int', '0', '-1'), ('bigint', '1', NULL), ('numeric', '1.01', '1'), ('numeric', 'NaN', 'Infinity'), ('real', 'infinity', '1'),
    ('double precision', 'NaN', 'infinity'), ('date', 'infinity', '2020-01-01'), ('timestamp', '2020-01-01', '-infinity'), ('timestamptz', '2020-01-02', '2020-01-01'),
    ('time', '11:00', '10:00'), ('interval', '25 hours', '1 day'), ('text', 'b', 'a'), ('boolean', 't', 'f'), ('boolean', 'f', NULL), ('mood', 'high', 'middle'),
    ('percent', '6', '5'), ('uuid', '00000000-0000-0000-0000-000000000002', '00000000-0000-0000-0000-000000000001'), ('int[]', '{1,2}', '{1}'), ('pair', '(1,y)', '(1,x)')) v (type, before, after);
SELECT trial('forward', 'int', '1', '1');
-- what has no order cannot go forward
SELECT attempt($$CREATE TABLE shape (id int PRIMARY KEY, j json, p point, b bytea)$$);
SELECT attempt($$SELECT ratchet.guard('shape', forward => '{j}')$$);
SELECT attempt($$SELECT ratchet.guard('shape', forward => '{p}')$$);
SELECT attempt($$SELECT ratchet.guard('shape', forward => '{b}')$$);
DROP TABLE t, shape;

--
-- The collation of the column decides what is down
--
CREATE TABLE word (id int PRIMARY KEY, posix text COLLATE "C", free text);
INSERT INTO word VALUES (1, 'a');
SELECT ratchet.guard('word', forward => '{posix}', mode => 'reject');
SELECT attempt($$UPDATE word SET posix = 'B'$$);
SELECT attempt($$UPDATE word SET posix = 'b'$$);
DROP TABLE word;

--
-- All at once, each with its own mode; frozen beside once and forward
--
CREATE TABLE card (id int PRIMARY KEY, title text, score int, creator text, source text, manually_scored boolean NOT NULL DEFAULT false, comment text,
                   submitted_at timestamptz, submitter text);
SELECT ratchet.guard('card', 'submitted_at', actor => 'submitter', owned => '{source}', once => '{creator}', frozen => '{score,creator,comment}',
                     forward => '{score,manually_scored}', mode => 'once=reject, forward=observe');
SELECT once, frozen, forward, states, heartbeat, version, mode FROM ratchet.contract WHERE target = 'card'::regclass;
SELECT tgname, pg_get_triggerdef(oid) FROM pg_trigger WHERE tgrelid = 'card'::regclass;
SELECT ratchet.guard('card', 'submitted_at', actor => 'submitter', owned => '{source}', once => '{creator}', frozen => '{score,creator,comment}',
                     forward => '{score,manually_scored}', mode => 'forward=observe,once=reject');
INSERT INTO card (id, title) VALUES (1, 'one'), (2, 'two');
-- the ORM saves whole rows
CREATE FUNCTION save(id int, title text, score int, creator text, source text, manually_scored boolean, comment text, submitted_at timestamptz, submitter text)
RETURNS text LANGUAGE sql AS $$
SELECT attempt(format('UPDATE card SET title = %L, score = %L, creator = %L, source = %L, manually_scored = %L, comment = %L, submitted_at = %L, submitter = %L WHERE id = %s',
                      title, score, creator, source, manually_scored, comment, submitted_at, submitter, id))
$$;
CREATE FUNCTION card(wanted int) RETURNS text LANGUAGE sql AS $$
SELECT concat_ws(' ', title, score, creator, source, manually_scored, comment, CASE WHEN submitted_at IS NULL THEN 'open' ELSE 'closed' END, submitter) FROM card WHERE id = wanted
$$;
SET client_min_messages = notice;
SELECT save(1, 'one a', 5, 'ann', NULL, true, 'fine', NULL, NULL);
SELECT card(1);
SELECT save(1, 'one b', 4, NULL, 'web', false, 'better', NULL, NULL);
SELECT save(1, 'one b', 4, 'ann', 'web', true, 'better', NULL, 'x');
SELECT card(1);
SELECT outcome, submitted_by FROM ratchet.submit('card', 1, actor => 'bob', patch => '{"source": "api", "comment": "last"}');
SELECT card(1);
SELECT save(1, 'one c', 3, 'ann', NULL, true, NULL, NULL, NULL);
SELECT card(1);
SELECT save(1, 'one d', 9, 'cyd', NULL, true, NULL, NULL, NULL);
SELECT outcome, kept FROM ratchet.update('card', 1, '{"title": "one e", "score": 8, "comment": "x"}');
SELECT card(1);
-- submit() itself obeys the other policies
SELECT save(2, 'two', 5, 'ann', NULL, true, NULL, NULL, NULL);
SELECT attempt($$SELECT * FROM ratchet.submit('card', 2, patch => '{"creator": "eve", "title": "x"}')$$);
SELECT card(2);
SELECT outcome FROM ratchet.submit('card', 2, patch => '{"title": "twice"}');
SELECT card(2);
-- amend() may do all of it
SELECT outcome, changed FROM ratchet.amend('card', 1, '{"creator": "eve", "score": 1, "submitted_at": null, "comment": null}', 'dba', 'test');
SELECT card(1);
SET client_min_messages = warning;
DROP TABLE card CASCADE;

--
-- Without a gate: what needs one or states says so
--
CREATE TABLE plain (id int PRIMARY KEY, a int, b int, c int, at timestamptz, label text, who text);
SELECT attempt($$SELECT ratchet.guard('plain')$$);
SELECT attempt($$SELECT ratchet.guard('plain', frozen => '{a}')$$);
SELECT attempt($$SELECT ratchet.guard('plain', owned => '{a}')$$);
SELECT attempt($$SELECT ratchet.guard('plain', once => '{a}', actor => 'who')$$);
SELECT attempt($$SELECT ratchet.guard('plain', once => '{a}', gate_at => 'at')$$);
SELECT attempt($$SELECT ratchet.guard('plain', once => '{a}', gate_by => 'submit')$$);
SELECT attempt($$SELECT ratchet.guard('plain', once => '{a}', idempotency_key => 'label')$$);
SELECT attempt($$SELECT ratchet.guard('plain', once => '{a}', insert => 'reject')$$);
SELECT attempt($$SELECT ratchet.guard('plain', once => '{a}', forward => '{a}')$$);
SELECT attempt($$SELECT ratchet.guard('plain', once => '{a,a}')$$);
SELECT attempt($$SELECT ratchet.guard('plain', 'at', frozen => '{a,a}')$$);
SELECT attempt($$SELECT ratchet.guard('plain', 'at', owned => '{a}', frozen => '{a}')$$);
SELECT attempt($$SELECT ratchet.guard('plain', once => '{nothing}')$$);
SELECT attempt($$SELECT ratchet.guard('plain', once => '{""}')$$);
SELECT attempt($$SELECT ratchet.guard('plain', once => '{a,NULL}')$$);
SELECT attempt($$SELECT ratchet.guard('plain', heartbeat => 'a')$$);
SELECT attempt($$SELECT ratchet.guard('plain', version => 'label')$$);
SELECT attempt($$SELECT ratchet.guard('plain', once => '{a}', mode => 'forward=keep')$$);
SELECT attempt($$SELECT ratchet.guard('plain', once => '{a}', mode => 'once=keep, once=reject')$$);
SELECT attempt($$SELECT ratchet.guard('plain', once => '{a}', mode => 'once')$$);
SELECT attempt($$SELECT ratchet.guard('plain', once => '{a}', mode => 'keep, once=reject')$$);
SELECT ratchet.guard('plain', once => '{a}');
SELECT attempt($$SELECT * FROM ratchet.submit('plain', 1)$$);
SELECT attempt($$SELECT * FROM ratchet.advance('plain', 1, 'x')$$);
SELECT attempt($$SELECT * FROM ratchet.beat('plain', 1)$$);
-- weaker needs replace, stronger does not
SELECT ratchet.guard('plain', once => '{a,b}', forward => '{c}');
SELECT attempt($$SELECT ratchet.guard('plain', once => '{a}', forward => '{b}', heartbeat => 'at')$$);
SELECT attempt($$SELECT ratchet.guard('plain', once => '{a,b}', forward => '{c}', mode => 'forward=observe')$$);
SELECT ratchet.guard('plain', once => '{a,b}', forward => '{c}', mode => 'forward=reject');
SELECT ratchet.guard('plain', once => '{b,a}', forward => '{c}', heartbeat => 'at', mode => 'reject');
SELECT mode, once FROM ratchet.contract WHERE target = 'plain'::regclass;
SELECT ratchet.guard('plain', once => '{a}', replace => true);
-- renamed columns are followed
ALTER TABLE plain RENAME a TO "a=, b";
SELECT once FROM ratchet.contract WHERE target = 'plain'::regclass;
SELECT attempt('ALTER TABLE plain DROP "a=, b"');
ALTER TABLE plain ALTER "a=, b" TYPE text;
SELECT ratchet.guard('plain', forward => '{c}', replace => true);
SELECT attempt('ALTER TABLE plain ALTER c TYPE json USING NULL');
DROP TABLE plain;

--
-- A heartbeat goes forward; beat() sets it by the clock
--
CREATE TABLE job (id int PRIMARY KEY, progress int DEFAULT 0, at timestamptz, note text, version smallint);
SELECT ratchet.guard('job', forward => '{progress}', heartbeat => 'at', version => 'version');
INSERT INTO job (id) VALUES (1), (2);
SELECT outcome, kept FROM ratchet.beat('job', 1);
SELECT at > now() - interval '1 minute' AND at <= clock_timestamp(), version FROM job WHERE id = 1;
SELECT outcome, kept FROM ratchet.beat('job', '1', '{"progress": 5, "note": "x"}');
SELECT outcome, kept FROM ratchet.beat('job', 1::bigint, '{"progress": 4, "note": "y"}');
SELECT progress, note, version FROM job WHERE id = 1;
SELECT outcome FROM ratchet.beat('job', '{"id": 3}'::jsonb);
UPDATE job SET at = '2001-01-01', note = 'z' WHERE id = 1;
SELECT at > '2001-01-01', note FROM job WHERE id = 1;
-- a later beat is not undone by an earlier one
UPDATE job SET at = '2100-01-01' WHERE id = 2;
SELECT outcome, kept FROM ratchet.beat('job', 2, '{"note": "late"}');
SELECT at, note FROM job WHERE id = 2;
SELECT attempt($$SELECT * FROM ratchet.beat('job', 2, '{"at": null}')$$);
SELECT attempt($$SELECT * FROM ratchet.beat('job', 2, '{"nothing": 1}')$$);
SELECT attempt($$SELECT * FROM ratchet.beat('job', NULL::text)$$);
SELECT attempt($$SELECT * FROM ratchet.beat(NULL, 1)$$);
SELECT attempt($$SELECT * FROM ratchet.beat('job', 2, '[]')$$);
SELECT attempt($$SELECT * FROM ratchet.beat('job', 'two')$$);
DROP TABLE job;

--
-- Rows that break the contract already: told with their first keys, or refused
--
CREATE TABLE old (id int PRIMARY KEY, status text, submitted_at timestamptz, submitter text, region text DEFAULT 'eu', at timestamptz);
INSERT INTO old (id, status, submitter, at) VALUES (1, 'open', NULL, now()), (2, 'opne', NULL, NULL), (3, 'done', 'ann', NULL), (4, NULL, NULL, NULL),
    (5, 'x', NULL, NULL), (6, 'y', NULL, NULL), (7, 'z', NULL, NULL), (8, 'done', NULL, 'infinity');
SET client_min_messages = notice;
SELECT attempt($$SELECT ratchet.guard('old', 'submitted_at', actor => 'submitter', idempotency_key => 'region', heartbeat => 'at', states => '{"status": {"open": ["done"], "done": []}}', validate => true)$$);
SELECT count(*) FROM ratchet.contract WHERE target = 'old'::regclass;
SELECT ratchet.guard('old', 'submitted_at', actor => 'submitter', idempotency_key => 'region', heartbeat => 'at', states => '{"status": {"open": ["done"], "done": []}}');
SELECT ratchet.guard('old', 'submitted_at', actor => 'submitter', idempotency_key => 'region', heartbeat => 'at', states => '{"status": {"open": ["done"], "done": []}}');
CREATE TABLE composite (a int, b text, done boolean, done_at timestamptz, who text, PRIMARY KEY (a, b));
INSERT INTO composite VALUES (1, 'x', false, now()), (1, 'y', NULL, now()), (2, 'x', true, now());
SELECT ratchet.guard('composite', 'done', gate_at => 'done_at', actor => 'who');
CREATE TABLE keyless (status int);
INSERT INTO keyless SELECT 5 FROM generate_series(1, 7);
SELECT ratchet.guard('keyless', states => '{"status": {"1": [2], "2": []}}');
-- neither policies nor a lack of rights hide rows from the check
CREATE ROLE regress_ratchet_owner;
GRANT USAGE, CREATE ON SCHEMA policies TO regress_ratchet_owner;
CREATE TABLE hidden (id int PRIMARY KEY, status text);
INSERT INTO hidden VALUES (1, 'bad');
ALTER TABLE hidden ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY, OWNER TO regress_ratchet_owner;
SET ROLE regress_ratchet_owner;
SELECT ratchet.guard('hidden', states => '{"status": {"good": []}}');
RESET ROLE;

SET client_min_messages = error;
DROP SCHEMA policies CASCADE;
DROP ROLE regress_ratchet_owner;
