--
-- Closing a gate without the executor: the same answers and the same rows as
-- by the statement, on tables that differ only in what decides between the two.
--
\set SHOW_CONTEXT never
SET client_min_messages = warning;
\pset format unaligned
\pset tuples_only on
CREATE SCHEMA direct;
SET search_path = direct;
CREATE TABLE users (id int PRIMARY KEY);
INSERT INTO users SELECT generate_series(1, 9);

-- What each table adds to the plain one. Only the first three need nothing of the executor.
CREATE FUNCTION make_card(name text, extra text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('CREATE TABLE %I (id int PRIMARY KEY, note text, submitted_at timestamptz, by_id int, request text)', name);
    EXECUTE replace(extra, '%t', quote_ident(name));
    EXECUTE format('SELECT ratchet.guard(%L, gate => ''submitted_at'', actor => ''by_id'', idempotency_key => ''request'')', name);
    EXECUTE format('INSERT INTO %I (id, note) SELECT g, repeat(md5(g::text), 20) FROM generate_series(1, 200) g', name);
END $$;
SELECT make_card(name, extra) FROM (VALUES
    ('plain', ''),
    -- index entries of updated rows
    ('indexed', 'CREATE INDEX ON %t (submitted_at); CREATE INDEX ON %t (by_id) WHERE submitted_at IS NOT NULL;
                 CREATE INDEX ON %t ((by_id + 1)); CREATE UNIQUE INDEX ON %t (request) WHERE request IS NOT NULL'),
    -- foreign keys whose columns stay as they are
    ('referenced', 'CREATE TABLE %t_child (card_id int REFERENCES %t)'),
    ('unique_key', 'ALTER TABLE %t ADD UNIQUE (request)'),
    ('actor_refers', 'ALTER TABLE %t ADD FOREIGN KEY (by_id) REFERENCES users'),
    ('checked', 'ALTER TABLE %t ADD CHECK (id > 0)'),
    ('generated', 'ALTER TABLE %t ADD twice int GENERATED ALWAYS AS (id * 2) STORED'),
    ('ruled', 'CREATE RULE r AS ON UPDATE TO %t WHERE new.id < 0 DO ALSO SELECT 1'),
    ('row_security', 'ALTER TABLE %t ENABLE ROW LEVEL SECURITY'),
    ('triggered', 'CREATE FUNCTION %t_f() RETURNS trigger LANGUAGE plpgsql AS ''BEGIN RETURN new; END'';
                   CREATE TRIGGER a AFTER UPDATE ON %t FOR EACH ROW EXECUTE FUNCTION %t_f()')) v (name, extra);
CREATE TABLE cards AS SELECT relname AS name FROM pg_class WHERE relnamespace = 'direct'::regnamespace
    AND relkind = 'r' AND EXISTS (SELECT FROM ratchet.contract WHERE target = pg_class.oid);
SELECT count(*) FROM cards;

-- The same calls on each: winners, losers, replays, keys that collide, rows that are not there.
CREATE TABLE answers (name text, call int, outcome text, submitted_by text, is_now boolean);
CREATE FUNCTION play(name text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    answer ratchet.submit_result;
    call int;
BEGIN
    FOR call IN 1..400 LOOP
        BEGIN
            -- every row twice; from 150 on with a key, of which some collide; from 380 on by another actor; beyond 200 there
            -- is no row
            answer := ratchet.submit(name, 1 + (call * 11) % 210, 1 + (call * 11 % 210 + call / 380) % 9,
                                     idempotency_key => CASE WHEN call >= 150 THEN 'key ' || call % 210 % 40 END);
            INSERT INTO answers VALUES (name, call, answer.outcome, answer.submitted_by, answer.submitted_at = now());
        EXCEPTION WHEN unique_violation THEN
            INSERT INTO answers VALUES (name, call, 'collides', NULL, NULL);
        END;
    END LOOP;
END $$;
SELECT play(name) FROM cards;
SELECT outcome, count(*) FROM answers WHERE name = 'plain' GROUP BY 1 ORDER BY 1;
-- tables that allow a key only once answer as each other, and so do the rest
SELECT count(*) FROM (
    SELECT call, outcome, submitted_by, is_now FROM answers
    GROUP BY name IN ('indexed', 'unique_key'), call, outcome, submitted_by, is_now
    HAVING count(*) <> (SELECT count(*) FROM cards WHERE (name IN ('indexed', 'unique_key')) = bool_or(answers.name IN ('indexed', 'unique_key')))) d;

-- Rows: what was answered is what is stored, and nothing else has changed.
CREATE FUNCTION stored(name text) RETURNS TABLE (closed bigint, digest text) LANGUAGE plpgsql AS $$
BEGIN
    RETURN QUERY EXECUTE format(
        'SELECT count(submitted_at), md5(string_agg(concat_ws(''|'', id, note, submitted_at = now(), by_id, request), '','' ORDER BY id)) FROM %I', name);
END $$;
SELECT count(DISTINCT digest), min(closed) FROM cards, stored(name) WHERE name NOT IN ('indexed', 'unique_key');
SELECT count(DISTINCT digest), min(closed) FROM cards, stored(name) WHERE name IN ('indexed', 'unique_key');

-- Indexes know the new versions.
SET enable_seqscan = off;
SET enable_bitmapscan = off;
SELECT count(*) FROM indexed WHERE submitted_at > '2000-01-01';
SELECT count(*) FROM indexed WHERE by_id > 0 AND submitted_at IS NOT NULL;
SELECT count(*) FROM indexed WHERE by_id + 1 > 0;
SELECT count(*) FROM indexed WHERE request > '';
RESET enable_seqscan;
RESET enable_bitmapscan;

-- A row of this very transaction, whose foreign key checks are still pending, and one that a savepoint takes back.
BEGIN;
ALTER TABLE referenced ADD parent int REFERENCES users DEFERRABLE INITIALLY DEFERRED;
INSERT INTO referenced (id, parent) VALUES (901, 77);
SELECT outcome FROM ratchet.submit('referenced', 901, 1);
COMMIT;
SELECT count(*) FROM referenced WHERE id = 901;
BEGIN;
INSERT INTO plain (id) VALUES (902), (903);
SELECT outcome FROM ratchet.submit('plain', 902, 1);
SAVEPOINT s;
SELECT outcome FROM ratchet.submit('plain', 903, 1);
ROLLBACK TO s;
SELECT outcome FROM ratchet.submit('plain', 903, 2);
SELECT outcome, submitted_by FROM ratchet.submit('plain', 902, 2);
COMMIT;
SELECT id, by_id FROM plain WHERE id > 900 ORDER BY id;

-- Nothing is written where nothing may be.
BEGIN READ ONLY;
SELECT outcome FROM ratchet.submit('plain', 1, 1);
ROLLBACK;

-- Rights on columns only are enough, and no less than the statement asks for is.
CREATE ROLE regress_ratchet_direct;
GRANT USAGE ON SCHEMA direct TO regress_ratchet_direct;
INSERT INTO plain (id) SELECT generate_series(1001, 1004);
GRANT SELECT (id, submitted_at, by_id), UPDATE (submitted_at, by_id) ON plain TO regress_ratchet_direct;
SET ROLE regress_ratchet_direct;
SELECT outcome FROM ratchet.submit('plain', 1001, 1);
SELECT outcome, submitted_by FROM ratchet.submit('plain', 1001, 2);
RESET ROLE;
REVOKE SELECT (by_id) ON plain FROM regress_ratchet_direct;
REVOKE UPDATE (by_id) ON plain FROM regress_ratchet_direct;
SET ROLE regress_ratchet_direct;
SELECT outcome FROM ratchet.submit('plain', 1002, 1);
RESET ROLE;
SELECT count(*) FROM plain WHERE id = 1002 AND submitted_at IS NULL;

-- A trigger or policy that arrives later is obeyed at once.
CREATE FUNCTION shout() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN new.note := 'shouted'; RETURN new; END $$;
SELECT outcome FROM ratchet.submit('plain', 1003, 1);
CREATE TRIGGER a BEFORE UPDATE ON plain FOR EACH ROW EXECUTE FUNCTION shout();
SELECT outcome FROM ratchet.submit('plain', 1004, 1);
SELECT id, note FROM plain WHERE id IN (1003, 1004) ORDER BY id;

DROP SCHEMA direct CASCADE;
DROP ROLE regress_ratchet_direct;
