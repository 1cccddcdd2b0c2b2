--
-- ratchet.submit(): every outcome, every form of key, actor and idempotency key.
--
\set SHOW_CONTEXT never
SET client_min_messages = warning;
\pset format unaligned
\pset tuples_only on
CREATE SCHEMA submit;
SET search_path = submit, test_setup;
-- An answer without what differs from run to run: whether the time is this transaction's is all that it tells of it.
CREATE FUNCTION brief(r ratchet.submit_result) RETURNS text LANGUAGE sql AS $$
SELECT concat_ws(' ', r.outcome,
    CASE WHEN r.submitted_at = now() THEN 'now' WHEN r.submitted_at IS NOT NULL THEN 'earlier' END,
    'by ' || r.submitted_by, 'record ' || r.record::text, 'progress ' || r.progress::text, 'conflict ' || r.conflict,
    'stale ' || r.stale::text)
$$;

CREATE TABLE card (
    id int PRIMARY KEY, code text UNIQUE, token uuid UNIQUE, note text, score numeric(5,2), tags text[], extra jsonb,
    submitted_at timestamptz, submitted_by text, request text);
SELECT ratchet.guard('card', 'submitted_at', actor => 'submitted_by', idempotency_key => 'request', owned => '{score,tags}');
INSERT INTO card (id, code, token, note)
SELECT i, 'c' || i, ('00000000-0000-0000-0000-0000000000' || to_char(i, 'FM00'))::uuid, 'start' FROM generate_series(1, 40) i;

--
-- Outcomes
--
SELECT brief(r) FROM ratchet.submit('card', 1, actor => 'ann', patch => '{"score": 7.5, "tags": ["x", "y"], "extra": {"a": 1}, "note": "done"}') r;
SELECT id, note, score, tags, extra, submitted_at IS NOT NULL AS closed, submitted_by, request FROM card WHERE id = 1;
SELECT brief(r) FROM ratchet.submit('card', 1, actor => 'bob', patch => '{"score": 1, "note": "late"}') r;
SELECT note, score, submitted_by FROM card WHERE id = 1;
SELECT brief(r) FROM ratchet.submit('card', 999, actor => 'bob') r;
-- without an actor the gate closes all the same
SELECT brief(r) FROM ratchet.submit('card', 2) r;
-- twice in one transaction
BEGIN;
SELECT brief(r) FROM ratchet.submit('card', 3, actor => 'ann') r;
SELECT brief(r) FROM ratchet.submit('card', 3, actor => 'bob') r;
SAVEPOINT s;
SELECT brief(r) FROM ratchet.submit('card', 4, actor => 'ann') r;
ROLLBACK TO s;
SELECT brief(r) FROM ratchet.submit('card', 4, actor => 'bob') r;
ROLLBACK;
SELECT count(*) FROM card WHERE id IN (3, 4) AND submitted_at IS NOT NULL;
-- several calls in one statement, over a set of rows, in FROM and in the select list
SELECT c.id, brief(r) FROM (VALUES (5), (6), (5), (998)) v (id) LEFT JOIN card c ON c.id = v.id, ratchet.submit('card', v.id, actor => 'set') r
ORDER BY v.id, 2;
SELECT id, (ratchet.submit('card', id, actor => 'list')).outcome FROM card WHERE id BETWEEN 6 AND 8 ORDER BY id;
SELECT count(*) FROM ratchet.submit('card', 9);
SELECT count(*) FROM ratchet.submit('card', 9);
SELECT count(*) FROM ratchet.submit('card', 997);
SELECT count(*) FROM ratchet.submit('card', 10, expect => '{"note": "other"}');
SELECT brief(ratchet.submit('card', 10, actor => 'scalar'));
-- no write of a loser touches the row
SELECT ctid, xmin FROM card WHERE id = 10 \gset before_
SELECT brief(r) FROM ratchet.submit('card', 10, actor => 'bob', patch => '{"note": "late"}') r;
SELECT ctid = :'before_ctid' AND xmin = :'before_xmin' AS untouched FROM card WHERE id = 10;

--
-- Forms of the key
--
SELECT brief(r) FROM ratchet.submit('card', '11', actor => 'text') r;
SELECT brief(r) FROM ratchet.submit('card', '12'::text, actor => 'text') r;
SELECT brief(r) FROM ratchet.submit('card', '13'::varchar, actor => 'varchar') r;
SELECT brief(r) FROM ratchet.submit('card', 14::bigint, actor => 'bigint') r;
SELECT brief(r) FROM ratchet.submit('card', 15::smallint, actor => 'smallint') r;
SELECT brief(r) FROM ratchet.submit('card', '{"id": 16}'::jsonb, actor => 'jsonb') r;
SELECT brief(r) FROM ratchet.submit('card', '{"code": "c17"}'::jsonb, actor => 'another unique key') r;
SELECT brief(r) FROM ratchet.submit('card', '{"token": "00000000-0000-0000-0000-000000000018"}'::jsonb, actor => 'another unique key') r;
SELECT brief(r) FROM ratchet.submit('submit.card', 19, actor => 'qualified') r;
SELECT brief(r) FROM ratchet.submit('card'::regclass::oid, 20, actor => 'oid') r;

CREATE TABLE by_uuid (id uuid PRIMARY KEY, submitted_at timestamptz, who uuid, request uuid);
SELECT ratchet.guard('by_uuid', 'submitted_at', actor => 'who', idempotency_key => 'request');
INSERT INTO by_uuid SELECT ('00000000-0000-0000-0000-00000000000' || i)::uuid FROM generate_series(1, 5) i;
SELECT brief(r) FROM ratchet.submit('by_uuid', '00000000-0000-0000-0000-000000000001'::uuid, '10000000-0000-0000-0000-000000000000'::uuid) r;
SELECT brief(r) FROM ratchet.submit('by_uuid', '00000000-0000-0000-0000-000000000002', '10000000-0000-0000-0000-000000000000') r;
SELECT brief(r) FROM ratchet.submit('by_uuid', '{"id": "00000000-0000-0000-0000-000000000003"}'::jsonb, '10000000-0000-0000-0000-000000000000'::uuid) r;
SELECT brief(r) FROM ratchet.submit('by_uuid', '{00000000-0000-0000-0000-000000000004}', idempotency_key => '20000000-0000-0000-0000-000000000000'::uuid) r;
SELECT brief(r) FROM ratchet.submit('by_uuid', '00000000-0000-0000-0000-000000000004'::uuid, idempotency_key => '20000000-0000-0000-0000-000000000000') r;
SELECT brief(r) FROM ratchet.submit('by_uuid', '00000000-0000-0000-0000-000000000004'::uuid, idempotency_key => '30000000-0000-0000-0000-000000000000') r;

CREATE TABLE composite (project int, evaluator int, slot text, submitted_at timestamptz, who bigint, request varchar(20),
                        PRIMARY KEY (project, evaluator), UNIQUE (slot, project));
SELECT ratchet.guard('composite', 'submitted_at', actor => 'who', idempotency_key => 'request');
INSERT INTO composite SELECT 1, i, 's' || i FROM generate_series(1, 9) i;
SELECT brief(r) FROM ratchet.submit('composite', '{"project": 1, "evaluator": 1}'::jsonb, 7) r;
SELECT brief(r) FROM ratchet.submit('composite', '{"evaluator": 2, "project": 1}'::jsonb, 7::bigint) r;
SELECT brief(r) FROM ratchet.submit('composite', '{"evaluator": 3, "project": 1}'::text, '7') r;
SELECT brief(r) FROM ratchet.submit('composite', E' \n{"evaluator": "4", "project": 1}', '7') r;
SELECT brief(r) FROM ratchet.submit('composite', '{"slot": "s5", "project": 1}', 7) r;
SELECT brief(r) FROM ratchet.submit('composite', '{"slot": "s5", "project": 2}', 7) r;
SELECT attempt($$SELECT ratchet.submit('composite', '1')$$);
SELECT attempt($$SELECT ratchet.submit('composite', 1)$$);
SELECT attempt($$SELECT ratchet.submit('composite', '{"project": 1}'::jsonb)$$);
SELECT attempt($$SELECT ratchet.submit('composite', '{"project": 1, "evaluator": 2, "slot": "s2"}'::jsonb)$$);
-- a text key that happens to look like an object is a text where the primary key is one column
CREATE TABLE by_text (id text PRIMARY KEY, submitted_at timestamptz);
SELECT ratchet.guard('by_text', 'submitted_at');
INSERT INTO by_text VALUES ('{"id": 1}'), ('it''s "quoted" \ $1'), (' padded '), ('');
SELECT brief(r) FROM ratchet.submit('by_text', '{"id": 1}') r;
SELECT brief(r) FROM ratchet.submit('by_text', 'it''s "quoted" \ $1') r;
SELECT brief(r) FROM ratchet.submit('by_text', ' padded ') r;
SELECT brief(r) FROM ratchet.submit('by_text', '') r;
SELECT brief(r) FROM ratchet.submit('by_text', 'padded') r;
-- further key types
CREATE DOMAIN positive AS int CHECK (VALUE > 0);
CREATE TABLE by_domain (id positive PRIMARY KEY, submitted_at timestamptz);
CREATE TABLE by_numeric (id numeric PRIMARY KEY, submitted_at timestamptz);
CREATE TABLE by_char (id char(4) PRIMARY KEY, submitted_at timestamptz);
CREATE TABLE by_day (id date PRIMARY KEY, submitted_at timestamptz);
CREATE TABLE by_list (id int[] PRIMARY KEY, submitted_at timestamptz);
SELECT ratchet.guard(t, 'submitted_at') FROM unnest('{by_domain,by_numeric,by_char,by_day,by_list}'::regclass[]) t;
INSERT INTO by_domain VALUES (1); INSERT INTO by_numeric VALUES (1.50); INSERT INTO by_char VALUES ('ab');
INSERT INTO by_day VALUES ('2026-01-01'); INSERT INTO by_list VALUES ('{1,2}');
SELECT brief(ratchet.submit('by_domain', 1)), brief(ratchet.submit('by_numeric', '1.5')), brief(ratchet.submit('by_char', 'ab')),
       brief(ratchet.submit('by_day', '2026-01-01')), brief(ratchet.submit('by_list', '{1,2}'));
SELECT brief(ratchet.submit('by_list', '{"id": [1, 2]}'::jsonb));

--
-- Parameters as drivers send them
--
PREPARE untyped AS SELECT brief(r) FROM ratchet.submit($1, $2, $3, $4, $5) r;
SELECT parameter_types FROM pg_prepared_statements WHERE name = 'untyped';
EXECUTE untyped ('card', '21', 'ann', '{"score": 1}', 'request-21');
EXECUTE untyped ('card', '21', 'ann', '{"score": 1}', 'request-21');
EXECUTE untyped ('card', '21', NULL, NULL, NULL);
PREPARE untyped_named AS SELECT brief(r) FROM ratchet.submit($1, $2, actor => $3, idempotency_key => $4, expect => $5) r;
EXECUTE untyped_named ('card', '22', 'ann', 'request-22', '{"note": "start"}');
PREPARE all_of_them AS SELECT brief(r) FROM ratchet.submit($1, $2, $3, $4, $5, $6, $7, $8) r;
EXECUTE all_of_them ('card', '23', 'ann', '{}', 'request-23', NULL, NULL, '{}');
PREPARE typed (regclass, bigint, bigint, jsonb, uuid) AS SELECT brief(r) FROM ratchet.submit($1, $2, $3, $4, $5) r;
EXECUTE typed ('card', 24, 42, '{"note": "typed"}', 'a0000000-0000-0000-0000-000000000001');
EXECUTE typed ('card', 24, 42, NULL, 'A0000000-0000-0000-0000-000000000001');
SELECT submitted_by, request, note FROM card WHERE id = 24;
PREPARE typed_uuid (regclass, text, uuid, jsonb, bigint) AS SELECT brief(r) FROM ratchet.submit($1, $2, $3, $4, $5) r;
EXECUTE typed_uuid ('card', '25', 'b0000000-0000-0000-0000-000000000001', NULL, 12345);
EXECUTE typed_uuid ('card', '25', 'b0000000-0000-0000-0000-000000000001', NULL, 12345);
-- generic plans of the caller's own change nothing
SET plan_cache_mode = force_generic_plan;
EXECUTE untyped ('card', '26', 'ann', NULL, NULL);
EXECUTE untyped ('card', '26', 'bob', NULL, NULL);
RESET plan_cache_mode;

--
-- Idempotency
--
SELECT brief(r) FROM ratchet.submit('card', 27, actor => 'ann', idempotency_key => 'once') r;
SELECT brief(r) FROM ratchet.submit('card', 27, actor => 'ann', idempotency_key => 'once') r;
SELECT brief(r) FROM ratchet.submit('card', 27, actor => 'bob', idempotency_key => 'once', patch => '{"note": "ignored"}') r;
SELECT brief(r) FROM ratchet.submit('card', 27, actor => 'ann', idempotency_key => 'Once') r;
SELECT brief(r) FROM ratchet.submit('card', 27, actor => 'ann') r;
SELECT brief(r) FROM ratchet.submit('card', 27, actor => 'ann', idempotency_key => 'once', expect => '{"note": "wrong"}') r;
SELECT note FROM card WHERE id = 27;
-- a gate that closed without a key is nobody's replay
SELECT brief(r) FROM ratchet.submit('card', 28, actor => 'ann') r;
SELECT brief(r) FROM ratchet.submit('card', 28, actor => 'ann', idempotency_key => 'once') r;
SELECT attempt($$SELECT ratchet.submit('composite', '{"project": 1, "evaluator": 6}', idempotency_key => repeat('k', 21))$$);

--
-- Expectations
--
SELECT brief(r) FROM ratchet.submit('card', 29, expect => '{"note": "other", "score": 1, "code": "c29"}') r;
SELECT brief(r) FROM ratchet.submit('card', 29, expect => '{"score": null, "tags": [], "extra": null}') r;
SELECT brief(r) FROM ratchet.submit('card', 29, expect => '{"note": null}') r;
SELECT submitted_at FROM card WHERE id = 29;
SELECT brief(r) FROM ratchet.submit('card', 29, actor => 'ann', expect => '{"note": "start", "score": null, "tags": null, "submitted_at": null, "id": 29}') r;
-- a row that is submitted is that first, whatever was expected
SELECT brief(r) FROM ratchet.submit('card', 29, actor => 'bob', expect => '{"note": "other"}') r;
SELECT brief(r) FROM ratchet.submit('card', 999, expect => '{"note": "other"}') r;
-- values compare by their type's equality, not by their text
INSERT INTO card (id, note, score, tags, extra) VALUES (41, 'start', 1.50, '{a,b}', '{"a": 1, "b": 2}');
SELECT brief(r) FROM ratchet.submit('card', 41, expect => '{"score": "1.5", "tags": ["a", "b"], "extra": {"b": 2, "a": 1}}') r;
-- more distinct calls than a backend remembers statements
SELECT count(*), count(DISTINCT outcome) FROM generate_series(0, 255) i, LATERAL (
    SELECT (ratchet.submit('card', 30, expect => (
        SELECT COALESCE(jsonb_object_agg(c.name, 'nothing'), '{}') FROM unnest('{note,code,submitted_by,request}'::text[]) WITH ORDINALITY c (name, bit)
        WHERE i >> (bit::int - 1) & 1 = 1)
        || jsonb_build_object('note', 'other') || (
        SELECT COALESCE(jsonb_object_agg(c.name, NULL), '{}') FROM unnest('{tags,extra,score,token}'::text[]) WITH ORDINALITY c (name, bit)
        WHERE i >> (bit::int + 3) & 1 = 1))).outcome) x;
SELECT brief(r) FROM ratchet.submit('card', 30, actor => 'ann', expect => '{"note": "start"}') r;

--
-- Gates
--
CREATE DOMAIN instant AS timestamptz CHECK (VALUE > '2000-01-01');
CREATE DOMAIN yes AS boolean;
CREATE TABLE gate_boolean (id int PRIMARY KEY, done boolean NOT NULL DEFAULT false, done_at timestamptz, by int);
CREATE TABLE gate_boolean_bare (id int PRIMARY KEY, done boolean);
CREATE TABLE gate_boolean_local (id int PRIMARY KEY, done yes, done_at timestamp);
CREATE TABLE gate_local (id int PRIMARY KEY, at timestamp, by uuid);
CREATE TABLE gate_domain (id int PRIMARY KEY, at instant, by text);
CREATE TABLE gate_precision (id int PRIMARY KEY, at timestamptz(0));
SELECT ratchet.guard('gate_boolean', 'done', gate_at => 'done_at', actor => 'by'),
       ratchet.guard('gate_boolean_bare', 'done'),
       ratchet.guard('gate_boolean_local', 'done', gate_at => 'done_at'),
       ratchet.guard('gate_local', 'at', actor => 'by'),
       ratchet.guard('gate_domain', 'at', actor => 'by'),
       ratchet.guard('gate_precision', 'at');
INSERT INTO gate_boolean VALUES (1), (2); INSERT INTO gate_boolean_bare VALUES (1, NULL), (2, false);
INSERT INTO gate_boolean_local VALUES (1); INSERT INTO gate_local VALUES (1); INSERT INTO gate_domain VALUES (1);
INSERT INTO gate_precision VALUES (1);
SELECT brief(r) FROM ratchet.submit('gate_boolean', 1, 7) r;
SELECT brief(r) FROM ratchet.submit('gate_boolean', 1, 8) r;
SELECT done, done_at IS NOT NULL AS timed, by FROM gate_boolean WHERE id = 1;
SELECT brief(r) FROM ratchet.submit('gate_boolean_bare', 1) r;
SELECT brief(r) FROM ratchet.submit('gate_boolean_bare', 2) r;
SELECT brief(r) FROM ratchet.submit('gate_boolean_bare', 2) r;
SET TimeZone = 'Asia/Kathmandu';
SELECT brief(r) FROM ratchet.submit('gate_boolean_local', 1) r;
SELECT brief(r) FROM ratchet.submit('gate_local', 1, 'c0000000-0000-0000-0000-000000000001'::uuid) r;
RESET TimeZone;
SELECT brief(r) FROM ratchet.submit('gate_local', 1) r;
SELECT brief(r) FROM ratchet.submit('gate_domain', 1, actor => 'ann') r;
SELECT brief(r) FROM ratchet.submit('gate_domain', 1, actor => 'bob') r;
BEGIN;
SELECT outcome, submitted_at = date_trunc('second', submitted_at) AS as_stored FROM ratchet.submit('gate_precision', 1);
COMMIT;

--
-- A record in a child table, stored with the gate
--
CREATE TABLE run (id int PRIMARY KEY, label text UNIQUE, submitted_at timestamptz, submitted_by text, request text);
CREATE TABLE result (
    id int GENERATED BY DEFAULT AS IDENTITY, run_id int NOT NULL REFERENCES run, kind text NOT NULL DEFAULT 'plain', points int CHECK (points >= 0),
    doubled int GENERATED ALWAYS AS (points * 2) STORED, details jsonb, CONSTRAINT one_result_of_a_kind UNIQUE (run_id, kind));
SELECT ratchet.guard('run', 'submitted_at', actor => 'submitted_by', idempotency_key => 'request');
INSERT INTO run SELECT i, 'r' || i FROM generate_series(1, 20) i;
SELECT brief(r) FROM ratchet.submit('run', 1, actor => 'ann', child => 'result', record => '{"points": 3, "details": {"a": [1]}}', idempotency_key => 'k1') r;
-- a replay brings the record that is stored, not the one that came with it
SELECT brief(r) FROM ratchet.submit('run', 1, actor => 'ann', child => 'result', record => '{"points": 4}', idempotency_key => 'k1') r;
SELECT brief(r) FROM ratchet.submit('run', 1, actor => 'ann', idempotency_key => 'k1') r;
-- a loser stores nothing
SELECT brief(r) FROM ratchet.submit('run', 1, actor => 'bob', child => 'result', record => '{"points": 4, "kind": "late"}') r;
SELECT brief(r) FROM ratchet.submit('run', 999, actor => 'bob', child => 'result', record => '{"points": 4}') r;
SELECT brief(r) FROM ratchet.submit('run', 2, actor => 'bob', child => 'result', record => '{"points": 4}', expect => '{"label": "x"}') r;
SELECT run_id, kind, points, doubled, details FROM result ORDER BY id;
-- an empty record, and one that names the row itself
SELECT brief(r) FROM ratchet.submit('run', 2, child => 'result', record => '{}') r;
SELECT brief(r) FROM ratchet.submit('run', 3, child => 'result', record => '{"run_id": 3}') r;
SELECT attempt($$SELECT ratchet.submit('run', 4, child => 'result', record => '{"run_id": 3}')$$);
SELECT attempt($$SELECT ratchet.submit('run', 4, child => 'result', record => '{"run_id": null}')$$);
-- conflict: the constraint's name, and nothing changed
INSERT INTO result (run_id, kind) VALUES (5, 'plain');
SELECT brief(r) FROM ratchet.submit('run', 5, actor => 'ann', child => 'result', record => '{"points": 1}', idempotency_key => 'k5') r;
SELECT submitted_at, submitted_by, request FROM run WHERE id = 5;
SELECT brief(r) FROM ratchet.submit('run', 5, actor => 'ann', child => 'result', record => '{"points": 1, "kind": "other"}', idempotency_key => 'k5') r;
-- two stored rows: which of them was the record nobody can tell
SELECT brief(r) FROM ratchet.submit('run', 5, actor => 'ann', child => 'result', record => '{"points": 1, "kind": "other"}', idempotency_key => 'k5') r;
-- several conflicts in one transaction, which goes on
BEGIN;
INSERT INTO result (run_id, kind) VALUES (6, 'plain'), (7, 'plain');
SELECT brief(r) FROM ratchet.submit('run', 6, child => 'result', record => '{}') r;
SELECT brief(r) FROM ratchet.submit('run', 7, child => 'result', record => '{}') r;
SELECT brief(r) FROM ratchet.submit('run', 8, child => 'result', record => '{}') r;
COMMIT;
SELECT id FROM run WHERE id BETWEEN 6 AND 8 AND submitted_at IS NOT NULL;
-- any other error of the record is an error, and nothing changed
SELECT attempt($$SELECT ratchet.submit('run', 9, child => 'result', record => '{"points": -1}')$$);
SELECT attempt($$SELECT ratchet.submit('run', 9, child => 'result', record => '{"kind": null}')$$);
SELECT attempt($$SELECT ratchet.submit('run', 9, child => 'result', record => '{"doubled": 1}')$$);
SELECT submitted_at FROM run WHERE id = 9;
-- a unique key of the target itself is no conflict of the record
SELECT attempt($$SELECT ratchet.submit('run', 9, patch => '{"label": "r1"}', child => 'result', record => '{}')$$);
SELECT count(*) FROM result WHERE run_id = 9;
-- a child that cannot be one
CREATE TABLE stranger (id int);
CREATE TABLE twice (id int, run_id int REFERENCES run, other_id int REFERENCES run);
CREATE VIEW result_view AS SELECT * FROM result;
SELECT attempt($$SELECT ratchet.submit('run', 9, child => 'stranger', record => '{}')$$);
SELECT attempt($$SELECT ratchet.submit('run', 9, child => 'twice', record => '{}')$$);
SELECT attempt($$SELECT ratchet.submit('run', 9, child => 'result_view', record => '{}')$$);
SELECT attempt($$SELECT ratchet.submit('run', 9, child => 'result')$$);
SELECT attempt($$SELECT ratchet.submit('run', 9, record => '{}')$$);
-- a BEFORE trigger that suppresses the record
CREATE FUNCTION suppress() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
CREATE TRIGGER suppress BEFORE INSERT ON result FOR EACH ROW WHEN (NEW.kind = 'suppressed') EXECUTE FUNCTION suppress();
SELECT attempt($$SELECT ratchet.submit('run', 9, child => 'result', record => '{"kind": "suppressed"}')$$);
SELECT submitted_at FROM run WHERE id = 9;

-- references of other types, of several columns, to other keys than the primary one
CREATE TABLE sheet (id numeric PRIMARY KEY, a int, b text, day timestamp UNIQUE, nick text UNIQUE, submitted_at timestamptz, UNIQUE (a, b));
CREATE TABLE sheet_int (id int GENERATED ALWAYS AS IDENTITY, sheet int REFERENCES sheet);
CREATE TABLE sheet_pair (x text, y int, FOREIGN KEY (y, x) REFERENCES sheet (a, b));
CREATE TABLE sheet_day (day date REFERENCES sheet (day));
CREATE TABLE sheet_nick (nick name REFERENCES sheet (nick));
SELECT ratchet.guard('sheet', 'submitted_at');
INSERT INTO sheet VALUES (1, 10, 'ten', '2026-01-01', 'one'), (2, 20, 'twenty', '2026-01-02', 'two'), (3, 30, 'thirty', '2026-01-03', 'three'),
    (4, 40, 'forty', '2026-01-04', 'four'), (5, NULL, NULL, NULL, NULL), (6, 60, 'sixty', '2026-01-06', 'six');
SELECT brief(r) FROM ratchet.submit('sheet', '1', child => 'sheet_int', record => '{}') r;
SELECT brief(r) FROM ratchet.submit('sheet', '2', child => 'sheet_pair', record => '{}') r;
SELECT brief(r) FROM ratchet.submit('sheet', '3', child => 'sheet_day', record => '{}') r;
SELECT brief(r) FROM ratchet.submit('sheet', '4', child => 'sheet_nick', record => '{}') r;
SELECT brief(r) FROM ratchet.submit('sheet', '6', child => 'sheet_int', record => '{"sheet": 6}') r;
SELECT attempt($$SELECT ratchet.submit('sheet', '5', child => 'sheet_nick', record => '{}')$$);
SELECT attempt($$SELECT ratchet.submit('sheet', '5', child => 'sheet_pair', record => '{}')$$);
SELECT submitted_at FROM sheet WHERE id = 5;

-- the child is the table itself
CREATE TABLE reply (id int PRIMARY KEY, parent int REFERENCES reply, body text, sent_at timestamptz);
SELECT ratchet.guard('reply', 'sent_at');
INSERT INTO reply VALUES (1, NULL, 'one');
SELECT brief(r) FROM ratchet.submit('reply', 1, child => 'reply', record => '{"id": 2, "body": "two"}') r;
SELECT id, parent, body, sent_at IS NOT NULL AS sent FROM reply ORDER BY id;

--
-- Partitioned targets and children
--
CREATE TABLE defence (id int, region text, note text, submitted_at timestamptz, submitted_by text, request uuid, PRIMARY KEY (id, region)) PARTITION BY LIST (region);
CREATE TABLE defence_a PARTITION OF defence FOR VALUES IN ('a');
CREATE TABLE defence_rest (gone int, request uuid, submitted_by text, submitted_at timestamptz, note text, region text, id int, PRIMARY KEY (id, region));
ALTER TABLE defence_rest DROP COLUMN gone;
ALTER TABLE defence ATTACH PARTITION defence_rest DEFAULT;
CREATE TABLE evaluation (defence_id int, region text, evaluator int, points int, FOREIGN KEY (defence_id, region) REFERENCES defence,
                         CONSTRAINT one_evaluation PRIMARY KEY (defence_id, region, evaluator)) PARTITION BY HASH (defence_id);
CREATE TABLE evaluation_0 PARTITION OF evaluation FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE evaluation_1 PARTITION OF evaluation FOR VALUES WITH (MODULUS 2, REMAINDER 1);
SELECT ratchet.guard('defence', 'submitted_at', gate_by => 'submit', actor => 'submitted_by', idempotency_key => 'request', mode => 'reject', insert => 'reject');
INSERT INTO defence SELECT i, CASE WHEN i % 2 = 0 THEN 'a' ELSE 'z' END, 'start' FROM generate_series(1, 8) i;
SELECT brief(r) FROM ratchet.submit('defence', '{"id": 1, "region": "z"}', 'ann', '{"note": "done"}', 'd0000000-0000-0000-0000-000000000001', 'evaluation', '{"evaluator": 1, "points": 5}') r;
SELECT brief(r) FROM ratchet.submit('defence', '{"id": 1, "region": "z"}', 'ann', '{"note": "done"}', 'd0000000-0000-0000-0000-000000000001', 'evaluation', '{"evaluator": 1, "points": 5}') r;
SELECT brief(r) FROM ratchet.submit('defence', '{"id": 2, "region": "a"}', 'ann') r;
SELECT brief(r) FROM ratchet.submit('defence', '{"id": 2, "region": "z"}', 'ann') r;
-- by the leaf, and a submission that moves the row
SELECT brief(r) FROM ratchet.submit('defence_rest', '{"id": 3, "region": "z"}', 'ann') r;
SELECT brief(r) FROM ratchet.submit('defence', '{"id": 4, "region": "a"}', 'ann', '{"region": "y"}') r;
SELECT brief(r) FROM ratchet.submit('defence', '{"id": 5, "region": "z"}', 'ann', '{"region": "a"}', child => 'evaluation', record => '{"evaluator": 9}') r;
INSERT INTO evaluation VALUES (6, 'a', 1, 1);
SELECT brief(r) FROM ratchet.submit('defence', '{"id": 6, "region": "a"}', 'ann', child => 'evaluation', record => '{"evaluator": 1}') r;
SELECT tableoid::regclass, id, region, note, submitted_at IS NOT NULL AS closed, submitted_by FROM defence ORDER BY id;
SELECT * FROM evaluation ORDER BY 1, 2, 3;

--
-- Names that need quoting everywhere
--
CREATE SCHEMA "Süd ""Ost""";
CREATE TABLE "Süd ""Ost"""."Prüfung's \1" (
    "Schlüssel=1" int PRIMARY KEY, "t" text, "r" text, "Abgegeben, am" timestamptz, "von = ""wem""" text, "select" text);
CREATE TABLE "Süd ""Ost"""."Bogen {1}" (
    "t" int REFERENCES "Süd ""Ost"""."Prüfung's \1", "größe's" int, CONSTRAINT "nur ""einmal""" UNIQUE ("größe's"));
SELECT ratchet.guard('"Süd ""Ost"""."Prüfung''s \1"', 'Abgegeben, am', actor => 'von = "wem"', idempotency_key => 'select', owned => '{t}', mode => 'reject');
INSERT INTO "Süd ""Ost"""."Prüfung's \1" ("Schlüssel=1") VALUES (1), (2);
SELECT brief(r) FROM ratchet.submit('"Süd ""Ost"""."Prüfung''s \1"', '{"Schlüssel=1": 1}'::jsonb, $$O'Hara$$, '{"t": "$1", "r": "\\"}', $$'$$, '"Süd ""Ost"""."Bogen {1}"', '{"größe''s": 5}', '{"t": null}') r;
SELECT brief(r) FROM ratchet.submit('"Süd ""Ost"""."Prüfung''s \1"', 1, $$O'Hara$$, NULL, $$'$$, '"Süd ""Ost"""."Bogen {1}"', '{"größe''s": 5}') r;
SELECT brief(r) FROM ratchet.submit('"Süd ""Ost"""."Prüfung''s \1"', 2, 'bob', NULL, NULL, '"Süd ""Ost"""."Bogen {1}"', '{"größe''s": 5}') r;
SELECT "Schlüssel=1", "t", "r", "von = ""wem""", "select" FROM "Süd ""Ost"""."Prüfung's \1" ORDER BY 1;
SELECT attempt($$UPDATE "Süd ""Ost"""."Prüfung's \1" SET "von = ""wem""" = 'x' WHERE "Schlüssel=1" = 1$$);

--
-- What keeps a submission from closing the gate is said, not answered as an outcome
--
CREATE FUNCTION meddle() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    CASE TG_ARGV[0]
        WHEN 'suppress' THEN RETURN NULL;
        WHEN 'reopen' THEN NEW.submitted_at := NULL;
        WHEN 'actor' THEN NEW.submitted_by := 'trigger'; NEW.submitted_at := '2026-01-01';
    END CASE;
    RETURN NEW;
END $$;
CREATE TRIGGER meddle BEFORE UPDATE ON card FOR EACH ROW EXECUTE FUNCTION meddle('suppress');
SELECT attempt($$SELECT ratchet.submit('card', 31, actor => 'ann')$$);
CREATE OR REPLACE TRIGGER meddle BEFORE UPDATE ON card FOR EACH ROW EXECUTE FUNCTION meddle('reopen');
SELECT attempt($$SELECT ratchet.submit('card', 31, actor => 'ann')$$);
-- a trigger may write what belongs to the closing; the answer tells what is stored
CREATE OR REPLACE TRIGGER meddle BEFORE UPDATE ON card FOR EACH ROW EXECUTE FUNCTION meddle('actor');
SELECT outcome, submitted_at, submitted_by FROM ratchet.submit('card', 31, actor => 'ann');
-- a trigger that comes, sleeps, wakes and goes within one session is looked at each time
CREATE OR REPLACE TRIGGER meddle BEFORE UPDATE ON card FOR EACH ROW EXECUTE FUNCTION meddle('reopen');
SELECT attempt($$SELECT ratchet.submit('card', 38, actor => 'ann')$$) ~ '^42R01';
ALTER TABLE card DISABLE TRIGGER meddle;
SELECT brief(r) FROM ratchet.submit('card', 38, actor => 'ann') r;
ALTER TABLE card ENABLE ALWAYS TRIGGER meddle;
SELECT attempt($$SELECT ratchet.submit('card', 39, actor => 'ann')$$) ~ '^42R01';
DROP TRIGGER meddle ON card;
SELECT brief(r) FROM ratchet.submit('card', 39, actor => 'ann') r;
-- row and statement triggers behind it, with and without transition tables, see the closed row once
CREATE TABLE seen (what text, id int, closed boolean);
CREATE FUNCTION see() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_LEVEL = 'ROW' THEN INSERT INTO seen VALUES ('row', NEW.id, NEW.submitted_at IS NOT NULL);
    ELSE INSERT INTO seen SELECT 'statement', id, submitted_at IS NOT NULL FROM after; END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER see_row AFTER UPDATE ON card FOR EACH ROW EXECUTE FUNCTION see();
CREATE TRIGGER see_statement AFTER UPDATE ON card REFERENCING NEW TABLE AS after FOR EACH STATEMENT EXECUTE FUNCTION see();
SELECT brief(r) FROM ratchet.submit('card', 40, actor => 'ann') r;
SELECT brief(r) FROM ratchet.submit('card', 40, actor => 'bob') r;
TABLE seen;
DROP TRIGGER see_row ON card;
DROP TRIGGER see_statement ON card;
ALTER TABLE card DISABLE TRIGGER "~ratchet_guard";
SELECT attempt($$SELECT ratchet.submit('card', 32, actor => 'ann')$$);
ALTER TABLE card ENABLE REPLICA TRIGGER "~ratchet_guard";
SELECT attempt($$SELECT ratchet.submit('card', 32, actor => 'ann')$$);
ALTER TABLE card ENABLE TRIGGER "~ratchet_guard";
SELECT brief(r) FROM ratchet.submit('card', 32, actor => 'ann') r;
-- statements of rules that only add run beside it
CREATE TABLE journal (id int, note text);
CREATE RULE journal AS ON UPDATE TO card DO ALSO INSERT INTO journal VALUES (old.id, new.note);
SELECT brief(r) FROM ratchet.submit('card', 33, actor => 'ann', patch => '{"note": "ruled"}') r;
SELECT brief(r) FROM ratchet.submit('card', 33, actor => 'bob', patch => '{"note": "late"}') r;
SELECT * FROM journal;
DROP RULE journal ON card;

-- Read-only transactions and a schema that is renamed under cached statements
BEGIN READ ONLY;
SELECT ratchet.submit('card', 34, actor => 'ann');
ROLLBACK;
ALTER SCHEMA submit RENAME TO submit_renamed;
SET search_path = submit_renamed, test_setup;
SELECT outcome FROM ratchet.submit('card', 34, actor => 'ann');
CREATE SCHEMA submit;
CREATE TABLE submit.card (id int PRIMARY KEY, note text, submitted_at timestamptz, submitted_by text, request text);
INSERT INTO submit.card (id) VALUES (35);
SELECT outcome FROM ratchet.submit('submit_renamed.card', 35, actor => 'ann');
SELECT id, submitted_by FROM submit.card;
SELECT id, submitted_by FROM submit_renamed.card WHERE id IN (34, 35) ORDER BY id;
DROP SCHEMA submit CASCADE;
-- and columns that are renamed, dropped and added between calls
ALTER TABLE card RENAME submitted_by TO author;
SELECT outcome, submitted_by FROM ratchet.submit('card', 36, actor => 'ann');
ALTER TABLE card DROP COLUMN note;
ALTER TABLE card ADD COLUMN note int DEFAULT 5;
SELECT outcome, stale FROM ratchet.submit('card', 37, actor => 'ann', expect => '{"note": 6}');
SELECT outcome FROM ratchet.submit('card', 37, actor => 'ann', patch => '{"note": 7}', expect => '{"note": 5}');
SELECT id, author, note FROM card WHERE id IN (36, 37) ORDER BY id;

DROP SCHEMA submit_renamed, "Süd ""Ost""" CASCADE;
