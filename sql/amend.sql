--
-- ratchet.amend(): the only way back. Its log line is tested where the server log can be read.
--
\set SHOW_CONTEXT never
SET client_min_messages = warning;
\pset format unaligned
\pset tuples_only on
CREATE SCHEMA amend;
SET search_path = amend, test_setup;

CREATE TABLE card (
    id int PRIMARY KEY, code text UNIQUE, note text, score numeric(5,2), submitted_at timestamptz, submitted_by text, request uuid);
SELECT ratchet.guard('card', 'submitted_at', gate_by => 'submit', actor => 'submitted_by', idempotency_key => 'request',
                     owned => '{score}', mode => 'reject');
INSERT INTO card (id, code, note) SELECT i, 'c' || i, 'start' FROM generate_series(1, 10) i;
SELECT outcome FROM generate_series(1, 8) i, ratchet.submit('card', i, actor => 'ann', patch => '{"score": 7.5}',
    idempotency_key => '00000000-0000-0000-0000-000000000001'::uuid);

--
-- Outcomes
--
-- an owned column is corrected; the gate stays closed
SELECT r FROM ratchet.amend('card', 1, '{"score": 8, "note": "corrected"}', 'dba', 'ticket 1') r;
SELECT r FROM ratchet.amend('card', 1, '{"score": 8.00}', 'dba', 'ticket 1') r;
SELECT r FROM ratchet.amend('card', 1, '{"score": 8, "note": "other"}', 'dba', 'ticket 1') r;
SELECT r FROM ratchet.amend('card', 999, '{"score": 8}', 'dba', 'ticket 1') r;
SELECT note, score, submitted_at IS NOT NULL, submitted_by FROM card WHERE id = 1;
-- unsubmit: what the closing has set goes with the gate
SELECT r FROM ratchet.amend('card', 2, '{"submitted_at": null}', 'dba', 'ticket 2') r;
SELECT score, submitted_at, submitted_by, request FROM card WHERE id = 2;
SELECT outcome, submitted_by FROM ratchet.submit('card', 2, actor => 'bob', idempotency_key => '00000000-0000-0000-0000-000000000002'::uuid);
SELECT outcome, submitted_by FROM ratchet.submit('card', 2, actor => 'bob', idempotency_key => '00000000-0000-0000-0000-000000000001'::uuid);
-- unless the patch says otherwise
SELECT r FROM ratchet.amend('card', 3, '{"submitted_at": null, "submitted_by": "kept"}', 'dba', 'ticket 3') r;
SELECT submitted_at, submitted_by, request FROM card WHERE id = 3;
-- anonymise
SELECT r FROM ratchet.amend('card', 4, '{"submitted_by": null}', 'dba', 'erasure') r;
SELECT submitted_at IS NOT NULL, submitted_by FROM card WHERE id = 4;
-- a gate may be closed, or dated again, by hand
SELECT r FROM ratchet.amend('card', 9, '{"submitted_at": "2026-01-01", "submitted_by": "paper", "score": 1}', 'dba', 'came by post') r;
SELECT r FROM ratchet.amend('card', 9, '{"submitted_at": "2026-01-02"}', 'dba', 'came by post') r;
SELECT submitted_at, submitted_by, score FROM card WHERE id = 9;
-- an open row
SELECT r FROM ratchet.amend('card', 10, '{"score": 3}', 'dba', 'owned while open') r;
SELECT r FROM ratchet.amend('card', 10, '{"submitted_at": null}', 'dba', 'open already') r;
-- no writer gains anything by it
SELECT attempt('UPDATE card SET score = 0 WHERE id = 1');
-- what is unchanged writes nothing
SELECT ctid, xmin FROM card WHERE id = 1 \gset before_
SELECT r FROM ratchet.amend('card', 1, '{"score": 8}', 'dba', 'nothing') r;
SELECT ctid = :'before_ctid' AND xmin = :'before_xmin' FROM card WHERE id = 1;
-- always one row
SELECT count(*) FROM ratchet.amend('card', 999, '{"score": 8}', 'dba', 'x');
SELECT (ratchet.amend('card', id, '{"score": 2}', 'dba', 'x')).outcome FROM card WHERE id IN (5, 6) ORDER BY id;

--
-- Keys, actors and parameters
--
SELECT r FROM ratchet.amend('card', '7', '{"score": 1}', 'dba', 'text') r;
SELECT r FROM ratchet.amend('card', 7::bigint, '{"score": 2}', 42, 'bigint') r;
SELECT r FROM ratchet.amend('card', '{"id": 7}'::jsonb, '{"score": 3}', 42::bigint, 'jsonb') r;
SELECT r FROM ratchet.amend('card', '{"code": "c7"}'::jsonb, '{"score": 4}', '00000000-0000-0000-0000-00000000000a'::uuid, 'unique') r;
SELECT r FROM ratchet.amend('card', 7, '{"score": 5}', NULL, 'no actor') r;
SELECT r FROM ratchet.amend('card', key => 7, patch => '{"score": 6}', reason => 'named', actor => 'dba') r;
PREPARE untyped AS SELECT r FROM ratchet.amend($1, $2, $3, $4, $5) r;
SELECT parameter_types FROM pg_prepared_statements WHERE name = 'untyped';
EXECUTE untyped ('card', '7', '{"score": 9}', 'dba', 'untyped');
PREPARE typed (regclass, bigint, jsonb, bigint, text) AS SELECT r FROM ratchet.amend($1, $2, $3, $4, $5) r;
EXECUTE typed ('card', 7, '{"score": 10}', 7, 'typed');
PREPARE typed_uuid (regclass, text, jsonb, uuid, text) AS SELECT r FROM ratchet.amend($1, $2, $3, $4, $5) r;
EXECUTE typed_uuid ('card', '7', '{"score": 11}', '00000000-0000-0000-0000-00000000000a', 'typed');

--
-- Every mode lets it through; a reason is asked for
--
SELECT ratchet.guard('card', 'submitted_at', actor => 'submitted_by', idempotency_key => 'request', owned => '{score}', mode => m, replace => true)
    || ' ' || (ratchet.amend('card', 8, jsonb_build_object('score', length(m)), 'dba', m)).outcome FROM unnest('{keep,reject,observe}'::text[]) m;
SELECT attempt($$SELECT ratchet.amend('card', 8, '{"score": 1}', 'dba', NULL)$$);
SELECT attempt($$SELECT ratchet.amend('card', 8, '{"score": 1}', 'dba', '')$$);
SELECT attempt($$SELECT ratchet.amend('card', 8, '{"score": 1}', 'dba', E' \t\n')$$);
SELECT score FROM card WHERE id = 8;

--
-- Boolean gates, and columns that cannot be empty
--
CREATE TABLE flag (id int PRIMARY KEY, done boolean NOT NULL DEFAULT false, done_at timestamptz, by int NOT NULL DEFAULT 0);
SELECT ratchet.guard('flag', 'done', gate_at => 'done_at', actor => 'by');
INSERT INTO flag VALUES (1), (2);
SELECT outcome FROM generate_series(1, 2) i, ratchet.submit('flag', i, 7);
-- what may be NULL is, what may not goes back to its default
SELECT r FROM ratchet.amend('flag', 1, '{"done": false}', 'dba', 'again') r;
SELECT done, done_at, by FROM flag WHERE id = 1;
SELECT outcome, submitted_by FROM ratchet.submit('flag', 1, 8);
SELECT r FROM ratchet.amend('flag', 2, '{"done": false, "by": 3}', 'dba', 'again') r;
SELECT done, done_at, by FROM flag WHERE id = 2;

--
-- Triggers and partitions
--
CREATE FUNCTION meddle() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.note = 'suppress' THEN RETURN NULL; END IF;
    NEW.code := 'stamped ' || NEW.id;
    RETURN NEW;
END $$;
CREATE TRIGGER meddle BEFORE UPDATE ON card FOR EACH ROW EXECUTE FUNCTION meddle();
SELECT attempt($$SELECT ratchet.amend('card', 8, '{"note": "suppress"}', 'dba', 'x')$$);
SELECT r FROM ratchet.amend('card', 8, '{"note": "stamped", "score": 1}', 'dba', 'x') r;
SELECT code, note, score FROM card WHERE id = 8;
DROP TRIGGER meddle ON card;
ALTER TABLE card DISABLE TRIGGER "~ratchet_guard";
SELECT attempt($$SELECT ratchet.amend('card', 8, '{"note": "unguarded"}', 'dba', 'x')$$);
ALTER TABLE card ENABLE TRIGGER "~ratchet_guard";

CREATE TABLE part (id int, region text, note text, score int, at timestamptz, who text, PRIMARY KEY (id, region)) PARTITION BY LIST (region);
CREATE TABLE part_a PARTITION OF part FOR VALUES IN ('a');
CREATE TABLE part_b (gone int, who text, at timestamptz, score int, note text, region text, id int, PRIMARY KEY (id, region));
ALTER TABLE part_b DROP COLUMN gone;
ALTER TABLE part ATTACH PARTITION part_b FOR VALUES IN ('b');
SELECT ratchet.guard('part', 'at', actor => 'who', owned => '{score}', mode => 'reject', insert => 'reject');
INSERT INTO part SELECT i, CASE WHEN i < 3 THEN 'a' ELSE 'b' END, 'start' FROM generate_series(1, 4) i;
SELECT outcome FROM generate_series(1, 4) i, ratchet.submit('part', jsonb_build_object('id', i, 'region', CASE WHEN i < 3 THEN 'a' ELSE 'b' END), actor => 'ann');
SELECT r FROM ratchet.amend('part', '{"id": 1, "region": "a"}', '{"score": 9}', 'dba', 'x') r;
SELECT r FROM ratchet.amend('part', '{"id": 2, "region": "a"}', '{"at": null, "region": "b", "score": 4}', 'dba', 'x') r;
SELECT r FROM ratchet.amend('part', '{"id": 3, "region": "b"}', '{"score": 9, "region": "a"}', 'dba', 'x') r;
SELECT r FROM ratchet.amend('part_b', '{"id": 4, "region": "b"}', '{"at": null}', 'dba', 'x') r;
SELECT tableoid::regclass, id, region, note, score, at IS NOT NULL, who FROM part ORDER BY id;

--
-- An amendment that is rolled back, or fails, leaves the contract in force
--
SELECT ratchet.guard('card', 'submitted_at', actor => 'submitted_by', idempotency_key => 'request', owned => '{score}', mode => 'reject');
BEGIN;
SAVEPOINT s;
SELECT outcome FROM ratchet.amend('card', 1, '{"submitted_at": null}', 'dba', 'x');
ROLLBACK TO s;
SELECT attempt('UPDATE card SET submitted_at = NULL WHERE id = 1');
COMMIT;
SELECT attempt($$SELECT ratchet.amend('card', 1, '{"code": "c2"}', 'dba', 'x')$$);
SELECT attempt('UPDATE card SET submitted_at = NULL WHERE id = 1');

DROP SCHEMA amend CASCADE;
