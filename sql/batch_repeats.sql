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

-- an index with a condition cannot be looked up: what it refuses beside a BEFORE trigger is told by an attempt of its own
CREATE TABLE item (run int REFERENCES run, no int, deleted boolean NOT NULL DEFAULT false, upd timestamptz);
CREATE UNIQUE INDEX item_live ON item (run, no) WHERE NOT deleted;
SELECT ratchet.tally('item', 'run', '{"n": "true"}');
CREATE TRIGGER touch BEFORE INSERT ON item FOR EACH ROW EXECUTE FUNCTION touch();
SELECT outcome, inserted, duplicates FROM ratchet.submit_batch('item', '[{"run": 1, "no": 1}, {"run": 1, "no": 2}]');
SELECT outcome, inserted, duplicates FROM ratchet.submit_batch('item', '[{"run": 1, "no": 1}, {"run": 1, "no": 4}]');
DROP TRIGGER touch ON item;
SELECT outcome, inserted, duplicates FROM ratchet.submit_batch('item', '[{"run": 1, "no": 1}, {"run": 1, "no": 4}]');
SELECT n FROM run;
-- with defaults that some records lack, repeats within the batch, and the rest of the batch stored
CREATE TRIGGER touch BEFORE INSERT ON item FOR EACH ROW EXECUTE FUNCTION touch();
SELECT outcome, inserted, duplicates FROM ratchet.submit_batch('item', '[{"run": 1, "no": 5}, {"run": 1, "no": 1, "deleted": false}, {"run": 1, "no": 1, "deleted": true}, {"run": 1, "no": 5}]');
-- what a trigger suppresses is no duplicate, also beside some
CREATE FUNCTION suppress_nine() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF NEW.no = 9 THEN RETURN NULL; END IF; RETURN NEW; END $$;
CREATE TRIGGER suppress BEFORE INSERT ON item FOR EACH ROW EXECUTE FUNCTION suppress_nine();
SELECT ratchet.submit_batch('item', '[{"run": 1, "no": 1}, {"run": 1, "no": 6}, {"run": 1, "no": 9}]');
-- what the attempt meets besides is an error
CREATE FUNCTION count_calls() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF NEW.no = 1 AND current_setting('batch_repeats.seen', true) = 'yes' THEN RAISE EXCEPTION 'the second look fails'; END IF;
  IF NEW.no = 1 THEN PERFORM set_config('batch_repeats.seen', 'yes', true); END IF;
  RETURN NEW; END $$;
CREATE TRIGGER unsteady BEFORE INSERT ON item FOR EACH ROW EXECUTE FUNCTION count_calls();
SELECT ratchet.submit_batch('item', '[{"run": 1, "no": 1}, {"run": 1, "no": 6}]');
DROP TRIGGER unsteady ON item;
-- what has been deleted meanwhile is stored: here by the trigger itself, once the record has been skipped
CREATE FUNCTION make_room() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF NEW.no = 4 AND current_setting('batch_repeats.skipped', true) = 'yes' THEN DELETE FROM item WHERE no = 4; END IF;
  IF NEW.no = 4 THEN PERFORM set_config('batch_repeats.skipped', 'yes', true); END IF;
  RETURN NEW; END $$;
CREATE TRIGGER room BEFORE INSERT ON item FOR EACH ROW EXECUTE FUNCTION make_room();
SELECT outcome, inserted, duplicates FROM ratchet.submit_batch('item', '[{"run": 1, "no": 4}, {"run": 1, "no": 1}]');
SELECT n, (SELECT count(*) FROM item) FROM run;
DROP TABLE item;

-- an exclusion constraint, on a partition
CREATE TABLE item (run int REFERENCES run, no int, span int4range) PARTITION BY LIST (run);
CREATE TABLE item_1 PARTITION OF item FOR VALUES IN (1);
ALTER TABLE item_1 ADD CONSTRAINT apart EXCLUDE USING gist (span WITH &&);
SELECT ratchet.tally('item', 'run', '{"n": "true"}', replace => true);
CREATE FUNCTION leave() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
CREATE TRIGGER leave BEFORE INSERT ON item FOR EACH ROW EXECUTE FUNCTION leave();
SELECT outcome, inserted, duplicates FROM ratchet.submit_batch('item', '[{"run": 1, "no": 1, "span": "[1,5)"}, {"run": 1, "no": 2, "span": "[4,9)"}, {"run": 1, "no": 3, "span": "[5,9)"}]');
SELECT n FROM run;
-- a trigger of a partition alone: what it suppresses is no duplicate
DROP TRIGGER leave ON item;
CREATE TRIGGER suppress BEFORE INSERT ON item_1 FOR EACH ROW EXECUTE FUNCTION suppress_nine();
SELECT ratchet.submit_batch('item', '[{"run": 1, "no": 9, "span": "[20,21)"}]');
SELECT outcome, inserted, duplicates FROM ratchet.submit_batch('item', '[{"run": 1, "no": 8, "span": "[2,3)"}, {"run": 1, "no": 10, "span": "[30,31)"}]');
-- a unique index of a partition alone is a key like any other, for every caller
CREATE UNIQUE INDEX item_1_no ON item_1 (no);
DROP TRIGGER suppress ON item_1;
ALTER TABLE item ADD PRIMARY KEY (run, span);
SELECT outcome, inserted FROM ratchet.submit_batch('item', '[{"run": 1, "no": 11, "span": "[40,41)"}, {"run": 1, "no": 11, "span": "[50,51)"}]');
SELECT n, (SELECT count(*) FROM item) FROM run;
DROP TABLE item;

-- a deferrable constraint: only where the key that records can repeat is another one
CREATE TABLE item (run int REFERENCES run, no int PRIMARY KEY, code int UNIQUE DEFERRABLE);
SELECT ratchet.tally('item', 'run', '{"n": "true"}', replace => true);
SELECT ratchet.submit_batch('item', '[{"run": 1, "no": 1}]');
DROP TABLE item;
CREATE TABLE item (run int REFERENCES run, no int UNIQUE, id serial PRIMARY KEY DEFERRABLE);
SELECT ratchet.tally('item', 'run', '{"n": "true"}', replace => true);
SELECT outcome, inserted, duplicates FROM ratchet.submit_batch('item', '[{"run": 1, "no": 1}, {"run": 1, "no": 1}]');
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
