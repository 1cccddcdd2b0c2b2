--
-- The table of attempts: what is made, and what becomes of it when it, or its table, is altered.
--
\set SHOW_CONTEXT never
SET client_min_messages = warning;
\pset format unaligned
\pset tuples_only on
CREATE ROLE regress_ratchet_owner;
CREATE ROLE regress_ratchet_other;
CREATE ROLE regress_ratchet_writer;
CREATE SCHEMA audit_table;
GRANT USAGE, CREATE ON SCHEMA audit_table TO PUBLIC;
SET search_path = audit_table, test_setup;
-- all that there is beside a guarded table
CREATE FUNCTION made(which regclass) RETURNS SETOF text LANGUAGE sql AS $$
WITH class AS (SELECT c.*, c.oid::regclass AS name FROM pg_class c WHERE c.oid = which)
SELECT concat_ws(' ', 'table', name, 'of', relowner::regrole, (SELECT string_agg(concat(NULLIF(grantee, 0)::regrole, ' ', privilege_type), ', ' ORDER BY grantee, privilege_type) FROM aclexplode(relacl) WHERE grantee <> relowner),
                 CASE WHEN relrowsecurity THEN 'rls' END, CASE relreplident WHEN 'f' THEN 'full' END, relpersistence)
FROM class
UNION ALL (SELECT name || '.' || attname || ' ' || format_type(atttypid, atttypmod) || CASE WHEN attnotnull THEN ' not null' ELSE '' END
          FROM class JOIN pg_attribute ON attrelid = class.oid WHERE attnum > 0 AND NOT attisdropped ORDER BY attnum)
UNION ALL SELECT pg_get_indexdef(indexrelid) FROM class JOIN pg_index ON indrelid = class.oid
UNION ALL SELECT pg_get_triggerdef(t.oid) FROM class JOIN pg_trigger t ON tgrelid = class.oid WHERE NOT tgisinternal
UNION ALL SELECT obj_description(class.oid, 'pg_class') FROM class
$$;
CREATE FUNCTION there() RETURNS text LANGUAGE sql AS $$
SELECT string_agg(oid::regclass::text, ' ' ORDER BY relname) FROM pg_class WHERE relname ~ '_attempts\d*$' AND relkind = 'r'
$$;
CREATE FUNCTION findings() RETURNS SETOF text LANGUAGE sql AS $$
SELECT concat_ws(' ', severity, target || ':', finding, '--', remedy) FROM ratchet.health() ORDER BY 1
$$;
CREATE FUNCTION audited(audit boolean DEFAULT true) RETURNS text LANGUAGE plpgsql AS $$
BEGIN RETURN ratchet.guard('card', 'done', audit => audited.audit, replace => true); END $$;
CREATE FUNCTION submit(id int) RETURNS text LANGUAGE plpgsql AS $$
BEGIN RETURN (SELECT outcome FROM ratchet.submit('card', submit.id)); END $$;

--
-- What is made, by whomever: the owner's, with no right for anybody else
--
SET ROLE regress_ratchet_owner;
ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO PUBLIC;
ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO regress_ratchet_writer;
CREATE TABLE card (id int PRIMARY KEY, done boolean NOT NULL DEFAULT false, note text);
INSERT INTO card SELECT generate_series(1, 20);
RESET ROLE;
SELECT audited();
SELECT made('card_attempts');
SET ROLE regress_ratchet_owner;
SELECT audited();
CREATE TABLE sheet (id int PRIMARY KEY, done boolean);
SET client_min_messages = notice;
SELECT ratchet.guard('sheet', 'done', audit => true);
SET client_min_messages = warning;
SELECT made('sheet_attempts');
ALTER DEFAULT PRIVILEGES REVOKE ALL ON TABLES FROM PUBLIC;
ALTER DEFAULT PRIVILEGES REVOKE SELECT ON TABLES FROM regress_ratchet_writer;
DROP TABLE sheet, sheet_attempts;

--
-- Nobody else writes it, its owner neither, nor who was granted to
--
SELECT submit(1), submit(1);
GRANT ALL ON card_attempts TO regress_ratchet_writer;
SET ROLE regress_ratchet_writer;
SELECT attempt($$INSERT INTO card_attempts (at, outcome, transaction) VALUES (now(), 'submitted', '1')$$);
SELECT attempt('DELETE FROM card_attempts');
SET ROLE regress_ratchet_owner;
REVOKE ALL ON card_attempts FROM regress_ratchet_writer;
SELECT attempt($$INSERT INTO card_attempts (at, outcome, transaction) VALUES (now(), 'submitted', '1')$$);
SELECT attempt($$UPDATE card_attempts SET actor = 'nobody'$$);
SELECT attempt('DELETE FROM card_attempts');
SELECT attempt('TRUNCATE card_attempts');
RESET ROLE;
INSERT INTO audit_table.card_attempts (at, outcome, transaction) VALUES (now(), 'submitted', '1');
TRUNCATE audit_table.card_attempts;
SELECT key, outcome FROM card_attempts ORDER BY at;
SELECT attempt('SELECT ratchet.keep_attempts()');

--
-- Without audit, and without a contract, the rows stay, kept and shown; an audit that begins again goes on with them
--
SET ROLE regress_ratchet_owner;
SELECT audited(false);
SELECT submit(2);
SELECT attempt('DELETE FROM card_attempts');
SELECT count(*) FROM ratchet.attempts;
SELECT audited();
SELECT submit(2);
SELECT ratchet.unguard('card');
UPDATE card SET done = false;
SELECT attempt('DELETE FROM card_attempts');
SELECT count(*) FROM ratchet.attempts;
SELECT audited();
SELECT submit(1);
SELECT there();
SELECT relation, key, outcome FROM ratchet.attempts ORDER BY at;

--
-- What the owner has hung on the table runs as nobody; what would have to be computed makes it unfit, in the migration
--
CREATE FUNCTION spy() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''as %'', current_user; END';
CREATE FUNCTION spy(text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RAISE EXCEPTION ''as %'', current_user; END';
CREATE FUNCTION spy_on() RETURNS boolean LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''as %'', current_user; END';
CREATE TRIGGER spy BEFORE INSERT OR DELETE ON card_attempts FOR EACH ROW EXECUTE FUNCTION spy();
CREATE TRIGGER spy_after AFTER INSERT OR DELETE ON card_attempts FOR EACH ROW EXECUTE FUNCTION spy();
CREATE TRIGGER spy_statement BEFORE INSERT OR DELETE ON card_attempts EXECUTE FUNCTION spy();
ALTER TABLE card_attempts ALTER actor SET DEFAULT 'x' || spy_on()::text, ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY spy ON card_attempts USING (spy_on()) WITH CHECK (spy_on());
CREATE TABLE heir () INHERITS (card_attempts);
CREATE INDEX by_key ON card_attempts (key, outcome) INCLUDE (actor);
CREATE INDEX by_columns ON card_attempts USING gin (columns);
GRANT SELECT, UPDATE ON card TO regress_ratchet_writer;
SET ROLE regress_ratchet_writer;
SELECT submit(3);
RESET ROLE;
SELECT submit(4);
SELECT key, outcome FROM ratchet.attempts WHERE key IN ('3', '4');
CALL ratchet.prune_attempts('1 day');
SET ROLE regress_ratchet_owner;
DROP TRIGGER spy ON card_attempts;
DROP TRIGGER spy_after ON card_attempts;
DROP TRIGGER spy_statement ON card_attempts;
DROP POLICY spy ON card_attempts;
ALTER TABLE card_attempts NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY;
DROP TABLE heir;
SELECT key FROM card_attempts WHERE key = '3';
DROP INDEX by_key, by_columns;
SELECT attempt('CREATE INDEX ON card_attempts (lower(outcome))');
SELECT attempt('CREATE INDEX ON card_attempts (key) WHERE outcome = ''kept''');
SELECT attempt('CREATE UNIQUE INDEX ON card_attempts (at, key)');
SELECT attempt('ALTER TABLE card_attempts ADD PRIMARY KEY (at, transaction)');
SELECT attempt('ALTER TABLE card_attempts ADD EXCLUDE (at WITH =)');
SELECT attempt('ALTER TABLE card_attempts ADD CHECK (outcome <> ''kept'')');
SELECT attempt('ALTER TABLE card_attempts ADD note text');
SELECT attempt('ALTER TABLE card_attempts DROP actor');
SELECT attempt('ALTER TABLE card_attempts RENAME actor TO who');
SELECT attempt('ALTER TABLE card_attempts ALTER actor TYPE varchar');
SELECT attempt('ALTER TABLE card_attempts ALTER actor SET NOT NULL');
SELECT attempt('ALTER TABLE card_attempts ALTER outcome DROP NOT NULL');
SELECT attempt('CREATE RULE r AS ON INSERT TO card_attempts DO ALSO NOTHING');
SELECT attempt('ALTER TRIGGER "~ratchet_attempts" ON card_attempts RENAME TO mine');
SELECT attempt('ALTER TABLE card_attempts SET UNLOGGED');
SELECT attempt('DROP TABLE card_attempts');
SELECT attempt('DROP TABLE card_attempts CASCADE');
SELECT findings();
SELECT submit(3);
-- a column that came and went does no harm, and where columns stand does not either
SELECT audited(false);
ALTER TABLE card_attempts ADD note text;
SELECT count(*) FROM ratchet.attempts;
SELECT attempt('SELECT audited()');
ALTER TABLE card_attempts DROP note, DROP role;
ALTER TABLE card_attempts ADD role text;
SELECT audited();
SELECT submit(5);
SELECT key, outcome, actor, role FROM ratchet.attempts WHERE key = '5';
SELECT key, outcome, actor, role FROM card_attempts WHERE key = '5';
-- disabled, it keeps nobody from writing, which is said, and a declaration enables it
ALTER TABLE card_attempts DISABLE TRIGGER ALL;
SELECT findings();
SELECT audited();
SELECT findings();
SELECT attempt('DELETE FROM card_attempts'), attempt('TRUNCATE card_attempts');

--
-- Untied, or gone without a look: nothing is attempted unseen
--
BEGIN;
DROP TRIGGER "~ratchet_attempts" ON card_attempts;
SELECT attempt('SELECT submit(6)');
SELECT attempt('UPDATE card SET done = false');
SELECT note FROM card WHERE id = 6;
UPDATE card SET note = 'free' WHERE id = 6;
SELECT findings();
-- which keeps nobody from dropping others
CREATE TABLE sheet (id int PRIMARY KEY, done boolean);
SELECT ratchet.guard('sheet', 'done', audit => true);
DROP TABLE sheet, sheet_attempts;
SELECT policy, rule FROM ratchet.describe('card') WHERE policy = 'audit';
-- taken up again by its name
SELECT audited();
SELECT there();
SELECT submit(6);
ROLLBACK;
-- tied again by hand, as a restore does it, which a session that knows the contract hears of
BEGIN;
DROP TRIGGER "~ratchet_attempts" ON card_attempts;
SELECT attempt('SELECT submit(6)');
CREATE CONSTRAINT TRIGGER "~ratchet_attempts" AFTER INSERT OR UPDATE OR DELETE ON card_attempts FROM card FOR EACH ROW EXECUTE FUNCTION ratchet.keep_attempts();
SELECT submit(6);
SELECT key, outcome FROM ratchet.attempts WHERE key = '6';
ROLLBACK;
BEGIN;
DROP TRIGGER "~ratchet_attempts" ON card_attempts;
SELECT submit(6);
ROLLBACK;
BEGIN;
SELECT audited(false);
DROP TABLE card_attempts;
SELECT submit(6);
SELECT audited();
SELECT submit(6);
SELECT count(*) FROM ratchet.attempts;
ROLLBACK;

--
-- Names: renames and schemas of either are followed; what is taken is left alone; what is too long is cut
--
RESET ROLE;
CREATE SCHEMA audit_other AUTHORIZATION regress_ratchet_owner;
SET ROLE regress_ratchet_owner;
ALTER TABLE card RENAME TO note;
ALTER TABLE note SET SCHEMA audit_other;
SELECT outcome FROM ratchet.submit('audit_other.note', 7);
ALTER TABLE card_attempts RENAME TO trail;
SELECT outcome FROM ratchet.submit('audit_other.note', 8);
SELECT relation, key FROM ratchet.attempts WHERE key IN ('7', '8') ORDER BY key;
ALTER TABLE audit_other.note SET SCHEMA audit_table;
ALTER TABLE note RENAME TO card;
ALTER TABLE trail RENAME TO card_attempts;
CREATE TABLE "a name as long as names may be, of sixty-three bytes: 0123456789" (id int PRIMARY KEY, done boolean);
CREATE TABLE "a name as long as names may be, of sixty-three bytes: _attempts" (mine int);
SELECT ratchet.guard('"a name as long as names may be, of sixty-three bytes: 0123456789"', 'done', audit => true);
SELECT there();
CREATE TABLE sheet (id int PRIMARY KEY, done boolean);
CREATE VIEW sheet_attempts AS SELECT 1 AS mine;
SELECT ratchet.guard('sheet', 'done', audit => true);
CREATE TABLE page (id int PRIMARY KEY, done boolean);
CREATE TABLE page_attempts (LIKE card_attempts);
RESET ROLE;
ALTER TABLE page_attempts OWNER TO regress_ratchet_writer;
SET ROLE regress_ratchet_owner;
SELECT ratchet.guard('page', 'done', audit => true);
SELECT there();
RESET ROLE;
DROP TABLE "a name as long as names may be, of sixty-three bytes: 0123456789", "a name as long as names may be, of sixty-three bytes: _attempts",
    "a name as long as names may be, of sixty-three bytes:_attempts1", page, page_attempts, page_attempts1, sheet, sheet_attempts1;
DROP VIEW sheet_attempts;
-- of a table that was made again the attempts go on
SET ROLE regress_ratchet_owner;
CREATE TABLE sheet (id int PRIMARY KEY, done boolean);
INSERT INTO sheet VALUES (1), (2);
SELECT ratchet.guard('sheet', 'done', audit => true);
SELECT outcome FROM ratchet.submit('sheet', 1);
DROP TABLE sheet;
CREATE TABLE sheet (id int PRIMARY KEY, done boolean);
INSERT INTO sheet VALUES (1), (2);
SET client_min_messages = notice;
SELECT ratchet.guard('sheet', 'done', audit => true);
SET client_min_messages = warning;
SELECT outcome FROM ratchet.submit('sheet', 2);
SELECT relation, key FROM ratchet.attempts WHERE relation = 'sheet'::regclass ORDER BY at;
DROP TABLE sheet, sheet_attempts;

--
-- Owners: it goes with the table; nobody ties a table of his to another's
--
RESET ROLE;
ALTER TABLE card OWNER TO regress_ratchet_other;
SELECT relowner::regrole FROM pg_class WHERE oid = 'card_attempts'::regclass;
SELECT submit(9);
SELECT attempt('ALTER TABLE card_attempts OWNER TO regress_ratchet_owner');
-- unseen by event triggers: what is another's to read is not stored there
SET session_replication_role = replica;
ALTER TABLE card_attempts OWNER TO regress_ratchet_owner;
RESET session_replication_role;
SELECT attempt('SELECT submit(11)');
SELECT findings();
SET session_replication_role = replica;
ALTER TABLE card_attempts OWNER TO regress_ratchet_other;
RESET session_replication_role;
SELECT submit(11);
SET ROLE regress_ratchet_owner;
SELECT count(*) FROM ratchet.attempts;
CREATE TABLE trap (at timestamptz NOT NULL, key text, outcome text NOT NULL, columns text[], actor text, idempotency_key text, role text,
    client_address inet, application_name text, transaction xid8 NOT NULL);
SELECT attempt('CREATE CONSTRAINT TRIGGER "~ratchet_attempts" AFTER INSERT OR UPDATE OR DELETE ON trap FROM card FOR EACH ROW EXECUTE FUNCTION ratchet.keep_attempts()');
RESET ROLE;
GRANT TRIGGER ON card TO regress_ratchet_owner;
SET ROLE regress_ratchet_owner;
SELECT attempt('CREATE CONSTRAINT TRIGGER "~ratchet_attempts" AFTER INSERT OR UPDATE OR DELETE ON trap FROM card FOR EACH ROW EXECUTE FUNCTION ratchet.keep_attempts()');
DROP TABLE trap;
RESET ROLE;
REASSIGN OWNED BY regress_ratchet_other TO regress_ratchet_owner;
SELECT submit(10);
SELECT findings();

--
-- Partitions: one table for the tree
--
SET ROLE regress_ratchet_owner;
CREATE TABLE tree (id int, region text, done boolean, PRIMARY KEY (id, region)) PARTITION BY LIST (region);
CREATE TABLE tree_eu PARTITION OF tree FOR VALUES IN ('eu');
SELECT ratchet.guard('tree', 'done', audit => true);
CREATE TABLE tree_us PARTITION OF tree FOR VALUES IN ('us');
INSERT INTO tree VALUES (1, 'eu'), (1, 'us');
UPDATE tree SET done = true;
UPDATE tree_us SET done = false;
SELECT key, outcome FROM tree_attempts ORDER BY at, key;
SELECT attempt('CREATE TABLE tree_attempts_more PARTITION OF tree_attempts DEFAULT');
ALTER TABLE tree DETACH PARTITION tree_us;
UPDATE tree_us SET done = false;
SELECT count(*) FROM tree_attempts;
-- which has one of its own then, and when it comes back goes on in the other
SELECT ratchet.unguard('tree_us');
SELECT ratchet.guard('tree_us', 'done', audit => true);
UPDATE tree_us SET done = true;
SELECT ratchet.unguard('tree_us');
ALTER TABLE tree ATTACH PARTITION tree_us FOR VALUES IN ('us');
UPDATE tree_us SET done = false;
UPDATE tree SET done = false WHERE region = 'us';
SELECT relation, count(*) FROM ratchet.attempts WHERE relation::text LIKE 'tree%' GROUP BY 1 ORDER BY 1;
DROP TABLE tree, tree_attempts, tree_us_attempts;
CREATE UNLOGGED TABLE fast (id int PRIMARY KEY, done boolean);
SELECT ratchet.guard('fast', 'done', audit => true);
SELECT relpersistence FROM pg_class WHERE oid = 'fast_attempts'::regclass;
DROP TABLE fast, fast_attempts;
RESET ROLE;
CREATE ACCESS METHOD regress_ratchet_heap TYPE TABLE HANDLER heap_tableam_handler;
CREATE TABLE other_heap (id int PRIMARY KEY, done boolean) USING regress_ratchet_heap;
SET default_table_access_method = regress_ratchet_heap;
SELECT ratchet.guard('other_heap', 'done', audit => true);
RESET default_table_access_method;
INSERT INTO other_heap VALUES (1);
SELECT outcome FROM ratchet.submit('other_heap', 1);
SELECT key, outcome FROM other_heap_attempts;
SELECT ratchet.guard('other_heap', 'done', replace => true);
DROP TABLE other_heap, other_heap_attempts;
DROP ACCESS METHOD regress_ratchet_heap;
SET ROLE regress_ratchet_owner;
CREATE TEMP TABLE brief (id int PRIMARY KEY, done boolean);
SELECT attempt($$SELECT ratchet.guard('pg_temp.brief', 'done', audit => true)$$);
SELECT there();
-- one that is tied by hand is nobody's trouble: other sessions could not even look at it
BEGIN;
SELECT audited(false);
DROP TABLE card_attempts;
CREATE TEMP TABLE trap (at timestamptz NOT NULL, key text, outcome text NOT NULL, columns text[], actor text, idempotency_key text, role text,
    client_address inet, application_name text, transaction xid8 NOT NULL);
CREATE CONSTRAINT TRIGGER "~ratchet_attempts" AFTER INSERT OR UPDATE OR DELETE ON trap FROM card FOR EACH ROW EXECUTE FUNCTION ratchet.keep_attempts();
SET client_min_messages = warning;
SELECT count(*) FROM ratchet.attempts;
SELECT attempt('SELECT audited()');
ROLLBACK;

--
-- Without the extension, and again with it
--
CREATE TABLE "a name as long as names may be, of sixty-three bytes: 1st of two" (id int PRIMARY KEY, done boolean);
CREATE TABLE "a name as long as names may be, of sixty-three bytes: 2nd of two" (id int PRIMARY KEY, done boolean);
INSERT INTO "a name as long as names may be, of sixty-three bytes: 1st of two" VALUES (1);
SELECT ratchet.guard('"a name as long as names may be, of sixty-three bytes: 1st of two"', 'done', audit => true);
SELECT ratchet.guard('"a name as long as names may be, of sixty-three bytes: 2nd of two"', 'done', audit => true);
SELECT outcome FROM ratchet.submit('"a name as long as names may be, of sixty-three bytes: 1st of two"', 1);
RESET ROLE;
BEGIN;
SET LOCAL client_min_messages = error;
DROP EXTENSION ratchet CASCADE;
CREATE EXTENSION ratchet;
-- what is not sure to be its own nobody gets
SELECT ratchet.guard('"a name as long as names may be, of sixty-three bytes: 2nd of two"', 'done', audit => true);
SELECT count(*) FROM ratchet.attempts;
ROLLBACK;
DROP TABLE "a name as long as names may be, of sixty-three bytes: 1st of two", "a name as long as names may be, of sixty-three bytes: 2nd of two",
    "a name as long as names may be, of sixty-three bytes: _attempts", "a name as long as names may be, of sixty-three bytes:_attempts1";
BEGIN;
SET LOCAL client_min_messages = error;
DROP EXTENSION ratchet CASCADE;
SELECT there(), count(*) > 5 FROM card_attempts;
DELETE FROM card_attempts;
CREATE EXTENSION ratchet;
SELECT ratchet.guard('card', 'done', audit => true);
UPDATE card SET done = NOT done WHERE id = 1;
SELECT relation, key, outcome FROM ratchet.attempts;
SELECT there();
ROLLBACK;

SET client_min_messages = error;
DROP OWNED BY regress_ratchet_owner, regress_ratchet_other, regress_ratchet_writer CASCADE;
SELECT there();
DROP SCHEMA audit_table CASCADE;
DROP ROLE regress_ratchet_owner, regress_ratchet_other, regress_ratchet_writer;
