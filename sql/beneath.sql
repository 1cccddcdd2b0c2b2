--
-- What other BEFORE triggers make of a row beneath a flush, a recount, a foreign key's own action and a verb: a flush
-- never fails for a policy, and stores its counts; an action is stored; a verb answers, or raises
--
\set SHOW_CONTEXT never
SET client_min_messages = warning;
\pset format unaligned
\pset tuples_only on
CREATE SCHEMA beneath;
SET search_path = beneath, test_setup;
-- what the trigger does to the row, as an assignment; nothing where that is empty
CREATE FUNCTION meddle() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    CASE current_setting('beneath.does', true)
        WHEN 'fence' THEN NEW.f := OLD.f - 1; NEW.p := OLD.p + 1; NEW.rest := 'stamped';
        WHEN 'fence alone' THEN NEW.f := OLD.f - 1;
        WHEN 'no fence' THEN NEW.f := NULL;
        WHEN 'version' THEN NEW.v := OLD.v - 1; NEW.rest := 'stamped';
        WHEN 'next version' THEN NEW.v := OLD.v + 1;
        WHEN 'forward' THEN NEW.p := OLD.p - 1; NEW.rest := 'stamped';
        WHEN 'gate' THEN NEW.closed_at := NULL;
        WHEN 'owned' THEN NEW.closer := 'eve'; NEW.rest := 'stamped';
        WHEN 'once' THEN NEW.o := 'twice';
        WHEN 'frozen' THEN NEW.z := 'thawed';
        WHEN 'transition' THEN NEW.state := 'c';
        WHEN 'terminal' THEN NEW.state := 'a';
        WHEN 'all' THEN NEW.v := 0; NEW.p := 0; NEW.closer := 'eve'; NEW.o := 'twice'; NEW.z := 'thawed'; NEW.rest := 'stamped';
        ELSE NULL;
    END CASE;
    RETURN NEW;
END $$;
CREATE TABLE place (id int PRIMARY KEY);
CREATE TABLE room (id int PRIMARY KEY, place int REFERENCES place ON DELETE SET NULL);  -- whose action comes before that of run
CREATE TABLE run (
    id int PRIMARY KEY, n int DEFAULT 0, total int DEFAULT 2, done boolean DEFAULT false,
    f int DEFAULT 5, v int DEFAULT 7, p int DEFAULT 3, closed_at timestamptz, closer text, o text DEFAULT 'one',
    z text DEFAULT 'ice', state text DEFAULT 'a', rest text DEFAULT 'old', place int REFERENCES place ON DELETE SET NULL);
CREATE TABLE result (run int REFERENCES run, ok boolean);
SELECT ratchet.tally('result', 'run', '{"n": "true"}', total => 'total', done => 'done');
CREATE FUNCTION declare_in(mode text) RETURNS text LANGUAGE sql AS $$
    SELECT ratchet.guard('run', gate => 'closed_at', owned => '{closer}', once => '{o}', frozen => '{z}', forward => '{p}',
        states => '{"state": {"a": ["b"], "b": ["c"], "c": []}}', version => 'v', fence => 'f', mode => mode, replace => true)
$$;
SELECT declare_in('reject');
CREATE TRIGGER meddle BEFORE UPDATE ON run FOR EACH ROW EXECUTE FUNCTION meddle();
INSERT INTO place VALUES (1), (2), (3);
INSERT INTO run (id, place) VALUES (1, 1);
INSERT INTO run (id, closed_at, closer, state) VALUES (2, '2026-01-01', 'ann', 'c');
CREATE FUNCTION flush_while(does text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    before run[] := ARRAY(SELECT r FROM run r ORDER BY id);
BEGIN
    PERFORM set_config('beneath.does', does, true);
    RETURN NEXT does || ': ' || attempt('INSERT INTO result VALUES (1), (2), (2); SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED');
    -- what has changed, the counts as their differences
    RETURN QUERY SELECT r.id || ' n+' || r.n - b.n || concat(' ' || r.done, (SELECT string_agg(' ' || j.key || '=' || COALESCE(j.value, 'NULL'), '' ORDER BY j.key)
            FROM jsonb_each_text(to_jsonb(r) - '{n,done}'::text[]) j WHERE j.value IS DISTINCT FROM to_jsonb(b) ->> j.key))
        FROM run r JOIN unnest(before) b ON b.id = r.id ORDER BY r.id;
END $$;

--
-- A flush, in each mode: the fence takes all back that a trigger has made of the row, of other columns each is judged
--
SET client_min_messages = notice;
SELECT flush_while('nothing');
SELECT flush_while('fence');
SELECT flush_while('fence alone');
SELECT flush_while('no fence');
SELECT flush_while('version');
SELECT flush_while('forward');
SELECT flush_while('gate');
SELECT flush_while('owned');
SELECT flush_while('once');
SELECT flush_while('frozen');
SELECT flush_while('transition');
SELECT flush_while('terminal');
SELECT flush_while('all');
-- a trigger that counts the version up has a reason
BEGIN;
SELECT flush_while('next version');
ROLLBACK;
SELECT * FROM ratchet.verify('run');
SET client_min_messages = warning;
SELECT declare_in('keep');
SET client_min_messages = notice;
SELECT flush_while('fence');
SELECT flush_while('version');
SELECT flush_while('all');
SET client_min_messages = warning;
SELECT declare_in('observe');
SET client_min_messages = log;
BEGIN;
SELECT flush_while('fence');
ROLLBACK;
BEGIN;
SELECT flush_while('all');
ROLLBACK;
SET client_min_messages = warning;
SELECT declare_in('reject');

-- at COMMIT, and with flush
SET client_min_messages = notice;
SET beneath.does = 'fence';
INSERT INTO result VALUES (1), (2);
SELECT outcome FROM ratchet.submit_batch('result', '[{"run": 1}]', flush => true);
SELECT id, n, done, f, v, p, rest FROM run ORDER BY id;
-- a recount
SET client_min_messages = warning;
BEGIN;
SET LOCAL session_replication_role = replica;
UPDATE run SET n = 99, done = false;
COMMIT;
SET client_min_messages = notice;
CALL ratchet.repair('run');
SELECT id, n, done, f, v, p, rest FROM run ORDER BY id;
SELECT * FROM ratchet.verify('run');
-- any other write is late, or forbidden, as before
SELECT attempt($$UPDATE run SET rest = 'new' WHERE id = 1$$);
SET beneath.does = 'forward';
SELECT attempt($$UPDATE run SET rest = 'new' WHERE id = 1$$);

--
-- A foreign key's own action: the fence that a trigger has lowered is put back, and the reference goes in any mode
--
SET beneath.does = 'fence';
UPDATE place SET id = 4 WHERE id = 3;
DELETE FROM place WHERE id = 1;
SELECT id, place, f, v, p, rest FROM run WHERE id = 1;
SET client_min_messages = warning;
SELECT declare_in('fence=keep');
SET beneath.does = '';
UPDATE run SET place = 2 WHERE id = 1;
SET beneath.does = 'no fence';
SET client_min_messages = notice;
DELETE FROM place WHERE id = 2;
SELECT id, place, f, v, p, rest FROM run WHERE id = 1;
-- whoever sets the fence himself is late, also as the owner beneath an action that has yet to come
CREATE FUNCTION evict() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN UPDATE run SET place = NULL, f = 1, rest = 'evicted' WHERE id = 1; RETURN NEW; END $$;
CREATE TRIGGER evict BEFORE UPDATE ON room FOR EACH ROW EXECUTE FUNCTION evict();
SET beneath.does = '';
INSERT INTO place VALUES (1);
INSERT INTO room VALUES (1, 1);
UPDATE run SET place = 1 WHERE id = 1;
DELETE FROM place WHERE id = 1;
SELECT id, place, f, v, p, rest FROM run WHERE id = 1;
-- what a trigger does to other columns beneath an action is its own write
SET client_min_messages = warning;
SELECT declare_in('reject');
UPDATE run SET place = 4 WHERE id = 1;
SET beneath.does = 'forward';
SELECT attempt('DELETE FROM place WHERE id = 4');

-- partitions of any shape
CREATE TABLE tree (id int, n int DEFAULT 0, f int DEFAULT 5, rest text DEFAULT 'old', p int DEFAULT 3, PRIMARY KEY (id)) PARTITION BY RANGE (id);
CREATE TABLE tree_low PARTITION OF tree FOR VALUES FROM (1) TO (10);
CREATE TABLE tree_high (gone int, rest text DEFAULT 'old', p int DEFAULT 3, f int DEFAULT 5, n int DEFAULT 0, id int NOT NULL);
ALTER TABLE tree_high DROP gone;
ALTER TABLE tree ATTACH PARTITION tree_high FOR VALUES FROM (10) TO (20);
CREATE TABLE leaf (tree int REFERENCES tree);
SELECT ratchet.tally('leaf', 'tree', '{"n": "true"}');
SELECT ratchet.guard('tree', fence => 'f', forward => '{p}', mode => 'reject');
CREATE TRIGGER meddle BEFORE UPDATE ON tree FOR EACH ROW EXECUTE FUNCTION meddle();
INSERT INTO tree (id) VALUES (1), (11);
SET client_min_messages = notice;
SET beneath.does = 'fence';
INSERT INTO leaf VALUES (1), (11), (11);
SELECT * FROM tree ORDER BY id;
SET client_min_messages = warning;

--
-- Verbs: a fence and a version that a trigger lowers are stale, as if the call had brought them; anything else is raised
--
CREATE TABLE job (id int PRIMARY KEY, state text DEFAULT 'a', seen timestamptz DEFAULT '2020-01-01', closed_at timestamptz,
    closer text, f int DEFAULT 5, v int DEFAULT 7, p int DEFAULT 3, o text DEFAULT 'one', z text DEFAULT 'ice', rest text);
SELECT ratchet.guard('job', gate => 'closed_at', owned => '{closer}', once => '{o}', forward => '{p}', heartbeat => 'seen',
    states => '{"state": {"a": ["b"], "b": ["c"], "c": []}}', version => 'v', fence => 'f', mode => 'reject');
CREATE TRIGGER meddle BEFORE UPDATE ON job FOR EACH ROW EXECUTE FUNCTION meddle();
INSERT INTO job SELECT generate_series(1, 2);
CREATE FUNCTION verbs() RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
    RETURN NEXT 'sweep ' || answer($q$SELECT count(*) FROM ratchet.sweep('job', '1 day', 'b')$q$);
    RETURN NEXT 'beat ' || answer($q$SELECT outcome, stale FROM ratchet.beat('job', 1)$q$);
    RETURN NEXT 'advance ' || answer($q$SELECT outcome, stale FROM ratchet.advance('job', 1, 'b')$q$);
    RETURN NEXT 'submit ' || answer($q$SELECT outcome, stale FROM ratchet.submit('job', 1)$q$);
END $$;
SET beneath.does = 'fence';
SELECT verbs();
SET beneath.does = 'version';
SELECT verbs();
SET beneath.does = 'forward';
SELECT verbs();
SET beneath.does = 'once';
SELECT verbs();
SELECT count(*) FROM job WHERE (state, seen, f, v, p, o) = ('a', '2020-01-01', 5, 7, 3, 'one') AND closed_at IS NULL AND rest IS NULL;

RESET beneath.does;
SET client_min_messages = error;
DROP SCHEMA beneath CASCADE;
