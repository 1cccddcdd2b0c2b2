--
-- ratchet.update(): a partial update that says what became of it.
--
\set SHOW_CONTEXT never
SET client_min_messages = warning;
\pset format unaligned
\pset tuples_only on
CREATE SCHEMA update;
SET search_path = update, test_setup;

CREATE TABLE card (
    id int PRIMARY KEY, code text UNIQUE, token uuid UNIQUE, note text, score numeric(5,2), tags text[], extra jsonb, raw json,
    submitted_at timestamptz, submitted_by text, twice numeric GENERATED ALWAYS AS (score * 2) STORED);
SELECT ratchet.guard('card', 'submitted_at', actor => 'submitted_by', owned => '{score,tags}');
INSERT INTO card (id, code, token, note)
SELECT i, 'c' || i, ('00000000-0000-0000-0000-0000000000' || to_char(i, 'FM00'))::uuid, 'start' FROM generate_series(1, 20) i;
SELECT outcome FROM generate_series(11, 20) i, ratchet.submit('card', i, actor => 'ann', patch => '{"score": 7.5, "tags": ["x"]}');

--
-- Outcomes: open row, submitted row
--
SELECT r FROM ratchet.update('card', 1, '{"note": "new", "extra": {"a": [1, null]}}') r;
SELECT r FROM ratchet.update('card', 1, '{"note": "new"}') r;
SELECT r FROM ratchet.update('card', 1, '{"note": "newer", "score": 5}') r;
SELECT r FROM ratchet.update('card', 1, '{"score": 5}') r;
SELECT r FROM ratchet.update('card', 1, '{"note": "newer", "score": null}') r;
SELECT r FROM ratchet.update('card', 1, '{"note": null}') r;
SELECT r FROM ratchet.update('card', 999, '{"note": "new"}') r;
SELECT id, note, score, extra, submitted_at FROM card WHERE id = 1;
SELECT r FROM ratchet.update('card', 11, '{"note": "late"}') r;
SELECT r FROM ratchet.update('card', 11, '{"note": "later", "score": 1, "tags": [], "submitted_at": null, "submitted_by": "eve"}') r;
SELECT r FROM ratchet.update('card', 11, '{"submitted_at": null}') r;
SELECT r FROM ratchet.update('card', 11, '{"note": "later", "score": 7.50, "tags": ["x"]}') r;
SELECT r FROM ratchet.update('card', 11, '{"note": "later", "score": 8}') r;
SELECT id, note, score, tags, twice, submitted_at IS NOT NULL AS closed, submitted_by FROM card WHERE id = 11;
-- what changes nothing writes nothing
SELECT ctid, xmin FROM card WHERE id = 11 \gset before_
SELECT r FROM ratchet.update('card', 11, '{"note": "later"}') r;
SELECT r FROM ratchet.update('card', 11, '{"score": 0}') r;
SELECT ctid = :'before_ctid' AND xmin = :'before_xmin' FROM card WHERE id = 11;
-- gate_by any: a patch that closes the gate is a submission and may write the owned columns with it
SELECT r FROM ratchet.update('card', 2, '{"submitted_at": "2026-01-01", "submitted_by": "bob", "score": 3, "note": "done"}') r;
SELECT id, note, score, submitted_at, submitted_by FROM card WHERE id = 2;
-- always one row
SELECT count(*) FROM ratchet.update('card', 999, '{"note": "x"}');
SELECT count(*) FROM ratchet.update('card', 3, '{"note": "x"}', '{"note": "y"}');
SELECT (ratchet.update('card', id, '{"note": "list"}')).outcome FROM card WHERE id IN (3, 11) ORDER BY id;
SELECT r FROM (VALUES (3), (11), (999)) v (id), ratchet.update('card', v.id, '{"note": "set"}') r ORDER BY v.id;

--
-- Expectations
--
SELECT r FROM ratchet.update('card', 4, '{"note": "new"}', '{"note": "other", "score": 1, "code": "c4"}') r;
SELECT r FROM ratchet.update('card', 4, '{"note": "new"}', expect => '{"note": "start", "score": null}') r;
SELECT r FROM ratchet.update('card', 4, '{"note": "newer"}', expect => '{}') r;
SELECT r FROM ratchet.update('card', 11, '{"score": 1}', expect => '{"score": 7.5}') r;
SELECT r FROM ratchet.update('card', 11, '{"score": 1}', expect => '{"score": 1}') r;
SELECT r FROM ratchet.update('card', 999, '{"note": "x"}', expect => '{"note": "y"}') r;
SELECT attempt($$SELECT ratchet.update('card', 4, '{"note": "x"}', expect => '{"raw": {}}')$$);
SELECT r FROM ratchet.update('card', 4, '{"raw": {"b": 1,  "a": 2}}') r;
-- a generated column can be expected, though not set
SELECT r FROM ratchet.update('card', 12, '{"note": "new"}', expect => '{"twice": 14}') r;
SELECT r FROM ratchet.update('card', 12, '{"note": "new"}', expect => '{"twice": 15}') r;
-- a counter on an unprotected column, without losing anything
SELECT r FROM ratchet.update('card', 5, '{"extra": 1}', expect => '{"extra": null}') r;
SELECT r FROM ratchet.update('card', 5, '{"extra": 2}', expect => '{"extra": 1}') r;
SELECT r FROM ratchet.update('card', 5, '{"extra": 2}', expect => '{"extra": 1}') r;

--
-- Keys and parameters
--
SELECT r FROM ratchet.update('card', '6', '{"note": "text"}') r;
SELECT r FROM ratchet.update('card', 6::bigint, '{"note": "bigint"}') r;
SELECT r FROM ratchet.update('card', '{"id": 6}'::jsonb, '{"note": "jsonb"}') r;
SELECT r FROM ratchet.update('card', '{"code": "c6"}'::jsonb, '{"note": "unique"}') r;
CREATE TABLE by_uuid (id uuid PRIMARY KEY, note text, at timestamptz);
SELECT ratchet.guard('by_uuid', 'at');
INSERT INTO by_uuid VALUES ('00000000-0000-0000-0000-000000000001');
SELECT r FROM ratchet.update('by_uuid', '00000000-0000-0000-0000-000000000001'::uuid, '{"note": "uuid"}') r;
CREATE TABLE pair (a int, b text, note text, at timestamptz, PRIMARY KEY (a, b));
SELECT ratchet.guard('pair', 'at');
INSERT INTO pair VALUES (1, 'x');
SELECT r FROM ratchet.update('pair', '{"b": "x", "a": 1}', '{"note": "text object"}') r;
PREPARE untyped AS SELECT r FROM ratchet.update($1, $2, $3, $4) r;
SELECT parameter_types FROM pg_prepared_statements WHERE name = 'untyped';
EXECUTE untyped ('card', '7', '{"note": "untyped"}', NULL);
EXECUTE untyped ('card', '7', '{"note": "again"}', '{"note": "untyped"}');
PREPARE typed (regclass, bigint, jsonb, jsonb) AS SELECT r FROM ratchet.update($1, $2, $3, $4) r;
EXECUTE typed ('card', 7, '{"note": "typed"}', '{"note": "untyped"}');
-- the key itself may be patched, where nothing protects it
SELECT r FROM ratchet.update('card', 8, '{"id": 88, "note": "moved"}') r;
SELECT r FROM ratchet.update('card', 8, '{"note": "gone"}') r;
SELECT note FROM card WHERE id = 88;

--
-- Modes
--
SELECT ratchet.guard('card', 'submitted_at', actor => 'submitted_by', owned => '{score,tags}', mode => 'reject');
SELECT attempt($$SELECT ratchet.update('card', 12, '{"note": "late", "score": 1}')$$);
SELECT attempt($$SELECT ratchet.update('card', 9, '{"score": 1}')$$);
SELECT r FROM ratchet.update('card', 12, '{"note": "late", "score": 7.5}') r;
SELECT note, score FROM card WHERE id = 12;
SELECT ratchet.guard('card', 'submitted_at', actor => 'submitted_by', owned => '{score,tags}', mode => 'observe', replace => true);
SELECT r FROM ratchet.update('card', 13, '{"note": "late", "score": 1, "submitted_at": null}') r;
SELECT note, score, submitted_at FROM card WHERE id = 13;
SELECT ratchet.guard('card', 'submitted_at', gate_by => 'submit', actor => 'submitted_by', owned => '{score,tags}');
SELECT r FROM ratchet.update('card', 9, '{"submitted_at": "2026-01-01", "note": "closing"}') r;
SELECT note, submitted_at FROM card WHERE id = 9;

--
-- Triggers beside it
--
CREATE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.note = 'suppress' THEN RETURN NULL; END IF;
    NEW.code := 'stamped ' || NEW.id;
    IF NEW.note = 'meddle' THEN NEW.note := 'meddled'; NEW.score := 0; END IF;
    IF NEW.note = 'undo' THEN NEW.note := OLD.note; END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER stamp BEFORE UPDATE ON card FOR EACH ROW EXECUTE FUNCTION stamp();
SELECT r FROM ratchet.update('card', 14, '{"note": "stamped"}') r;
SELECT r FROM ratchet.update('card', 15, '{"score": 1}') r;
SELECT r FROM ratchet.update('card', 16, '{"note": "meddle"}') r;
SELECT r FROM ratchet.update('card', 17, '{"note": "undo"}') r;
SELECT attempt($$SELECT ratchet.update('card', 18, '{"note": "suppress"}')$$);
SELECT id, code, note, score FROM card WHERE id BETWEEN 14 AND 18 ORDER BY id;
DROP TRIGGER stamp ON card;
ALTER TABLE card ENABLE REPLICA TRIGGER "~ratchet_guard";
SELECT attempt($$SELECT ratchet.update('card', 18, '{"note": "unguarded"}')$$);
ALTER TABLE card ENABLE TRIGGER "~ratchet_guard";
SET session_replication_role = replica;
SELECT attempt($$SELECT ratchet.update('card', 18, '{"note": "unguarded"}')$$);
RESET session_replication_role;
SELECT note FROM card WHERE id = 18;

--
-- Partitioned tables
--
CREATE TABLE part (id int, region text, note text, score int, at timestamptz, PRIMARY KEY (id, region)) PARTITION BY LIST (region);
CREATE TABLE part_a PARTITION OF part FOR VALUES IN ('a');
CREATE TABLE part_b (gone int, at timestamptz, score int, note text, region text, id int, PRIMARY KEY (id, region));
ALTER TABLE part_b DROP COLUMN gone;
ALTER TABLE part ATTACH PARTITION part_b FOR VALUES IN ('b');
SELECT ratchet.guard('part', 'at', owned => '{score}');
INSERT INTO part VALUES (1, 'a', 'start', 1, '2026-01-01'), (2, 'b', 'start', 2, '2026-01-01'), (3, 'b', 'start', NULL, NULL);
SELECT r FROM ratchet.update('part', '{"id": 1, "region": "a"}', '{"note": "new", "score": 9}') r;
SELECT r FROM ratchet.update('part', '{"id": 2, "region": "b"}', '{"note": "new", "score": 9, "at": null}') r;
SELECT r FROM ratchet.update('part', '{"id": 2, "region": "b"}', '{"score": 9}') r;
SELECT r FROM ratchet.update('part', '{"id": 2, "region": "b"}', '{"region": "a", "score": 9}') r;
SELECT r FROM ratchet.update('part_b', '{"id": 3, "region": "b"}', '{"score": 9, "note": "by leaf"}') r;
SELECT tableoid::regclass, * FROM part ORDER BY id;

-- The permission that it runs under allows nothing and is gone afterwards, also after an error.
SELECT attempt($$SELECT ratchet.update('card', 19, '{"code": "c20"}')$$);
UPDATE card SET submitted_at = NULL WHERE id = 19;
SELECT id, submitted_at IS NOT NULL FROM card WHERE id = 19;

-- One transaction may name any number of sets of columns: no more of their plans stay than of as many statements as are kept.
CREATE TABLE wide (id int PRIMARY KEY, a int, b int, c int, d int, e int, f int, g int, h int, submitted_at timestamptz);
SELECT ratchet.guard('wide', 'submitted_at');
INSERT INTO wide (id) VALUES (1);
DO $$
BEGIN
  FOR n IN 1 .. 255 LOOP
    PERFORM ratchet.update('wide', 1, (SELECT jsonb_object_agg(chr(97 + bit), n) FROM generate_series(0, 7) bit WHERE n & (1 << bit) <> 0));
  END LOOP;
  IF (SELECT count(*) FROM pg_backend_memory_contexts WHERE name = 'CachedPlanSource' AND ident LIKE 'UPDATE update.wide %') > 64 THEN
    RAISE 'plans of statements that are kept no more are still there';
  END IF;
END $$;
SELECT a, h FROM wide;

DROP SCHEMA update CASCADE;
