--
-- Records that repeat a key which cannot be looked up, or has NULLs that are not distinct; row-level security
--
\set SHOW_CONTEXT never
SET client_min_messages = warning;
\pset format unaligned
\pset tuples_only on
CREATE ROLE regress_ratchet_writer;
CREATE SCHEMA batch_repeats;
GRANT USAGE ON SCHEMA batch_repeats TO PUBLIC;
SET search_path = batch_repeats;
CREATE TABLE run (id int PRIMARY KEY, n int NOT NULL DEFAULT 0);
INSERT INTO run VALUES (1);
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.upd := now(); RETURN NEW; END $$;

-- an index with a condition: beside a BEFORE trigger it cannot be told which of the two it was, and nothing is stored
CREATE TABLE item (run int REFERENCES run, no int, deleted boolean NOT NULL DEFAULT false, upd timestamptz);
CREATE UNIQUE INDEX item_live ON item (run, no) WHERE NOT deleted;
SELECT ratchet.tally('item', 'run', '{"n": "true"}');
CREATE TRIGGER touch BEFORE INSERT ON item FOR EACH ROW EXECUTE FUNCTION touch();
SELECT outcome, inserted, duplicates FROM ratchet.submit_batch('item', '[{"run": 1, "no": 1}, {"run": 1, "no": 2}]');
SELECT outcome, inserted, duplicates FROM ratchet.submit_batch('item', '[{"run": 1, "no": 1}, {"run": 1, "no": 4}]');
DROP TRIGGER touch ON item;
SELECT outcome, inserted, duplicates FROM ratchet.submit_batch('item', '[{"run": 1, "no": 1}, {"run": 1, "no": 4}]');
SELECT n FROM run;
DROP TABLE item;

-- NULLs that are not distinct
CREATE TABLE item (run int REFERENCES run, no int, upd timestamptz, UNIQUE NULLS NOT DISTINCT (run, no));
SELECT ratchet.tally('item', 'run', '{"n": "true"}', replace => true);
CREATE TRIGGER touch BEFORE INSERT ON item FOR EACH ROW EXECUTE FUNCTION touch();
SELECT outcome, inserted, duplicates FROM ratchet.submit_batch('item', '[{"run": 1, "no": null}, {"run": 1, "no": 1}, {"run": 1, "no": null}]');
SELECT outcome, inserted, duplicates FROM ratchet.submit_batch('item', '[{"run": 1, "no": null}, {"run": 1, "no": 7}]');
-- a trigger that does suppress is told where nothing else can be the reason
CREATE FUNCTION suppress() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF NEW.no = 9 THEN RETURN NULL; END IF; RETURN NEW; END $$;
CREATE TRIGGER suppress BEFORE INSERT ON item FOR EACH ROW EXECUTE FUNCTION suppress();
SELECT ratchet.submit_batch('item', '[{"run": 1, "no": 9}]');
SELECT * FROM ratchet.verify();

-- a key that the caller may not read
GRANT INSERT ON item TO regress_ratchet_writer;
DROP TRIGGER suppress ON item;
SET ROLE regress_ratchet_writer;
SELECT outcome, inserted, duplicates FROM ratchet.submit_batch('item', '[{"run": 1, "no": 1}, {"run": 1, "no": 11}]');
RESET ROLE;
DROP TRIGGER touch ON item;
SET ROLE regress_ratchet_writer;
SELECT outcome, inserted, duplicates FROM ratchet.submit_batch('item', '[{"run": 1, "no": 1}, {"run": 1, "no": 11}]');
RESET ROLE;

-- a policy of SELECT is not one of INSERT
CREATE TABLE seen (run int REFERENCES run, no int UNIQUE, who text);
ALTER TABLE run ADD COLUMN seen int NOT NULL DEFAULT 0;
SELECT ratchet.tally('seen', 'run', '{"seen": "true"}');
ALTER TABLE seen ENABLE ROW LEVEL SECURITY;
CREATE POLICY i ON seen FOR INSERT WITH CHECK (true);
CREATE POLICY s ON seen FOR SELECT USING (who = 'me');
GRANT INSERT, SELECT ON seen TO regress_ratchet_writer;
SET ROLE regress_ratchet_writer;
SELECT outcome, inserted, duplicates FROM ratchet.submit_batch('seen', '[{"run": 1, "no": 2, "who": "bob"}]');
SELECT outcome, inserted, duplicates FROM ratchet.submit_batch('seen', '[{"run": 1, "no": 2, "who": "bob"}, {"run": 1, "no": 3, "who": "me"}]');
RESET ROLE;
SELECT * FROM run;
SELECT * FROM ratchet.verify();
DROP SCHEMA batch_repeats CASCADE;
DROP ROLE regress_ratchet_writer;
