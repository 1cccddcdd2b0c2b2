--
-- Declaring contracts: ratchet.guard(), ratchet.unguard(), ratchet.contract.
--
\set SHOW_CONTEXT never
SET client_min_messages = warning;
\pset format unaligned
\pset tuples_only on
CREATE SCHEMA guard;
SET search_path = guard, test_setup;
CREATE FUNCTION contract(which regclass) RETURNS text LANGUAGE sql AS $$
SELECT concat_ws(' ', kind, 'gate ' || gate, 'gate_at ' || gate_at, 'gate_by ' || gate_by, 'actor ' || actor, 'key ' || idempotency_key,
                 'owned ' || owned::text, 'mode ' || mode, 'insert ' || insert, CASE WHEN NOT enabled THEN 'disabled' END)
FROM ratchet.contract WHERE target = which
$$;
-- Locks of this transaction that a writer of the table would wait for or that its writers would hold up.
CREATE FUNCTION locks(which regclass) RETURNS SETOF text LANGUAGE sql AS $$
SELECT DISTINCT mode FROM pg_locks WHERE relation = which AND pid = pg_backend_pid() ORDER BY mode
$$;
CREATE FUNCTION triggers(which regclass) RETURNS SETOF text LANGUAGE sql AS $$
SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE tgrelid = which AND NOT tgisinternal ORDER BY tgname
$$;

--
-- Every argument
--
CREATE TABLE card (
    id int PRIMARY KEY, note text, done boolean, done_at timestamptz, submitted_at timestamptz, submitted_by int, request uuid,
    score numeric, tags text[]);
SELECT ratchet.guard('card', 'submitted_at');
SELECT contract('card');
SELECT triggers('card');
SELECT ratchet.guard('card', 'submitted_at', actor => 'submitted_by');
SELECT ratchet.guard('card', 'submitted_at', actor => 'submitted_by', idempotency_key => 'request', owned => '{score,tags}');
SELECT ratchet.guard('card', 'submitted_at', actor => 'submitted_by', idempotency_key => 'request', owned => '{score,tags}', gate_by => 'submit');
SELECT ratchet.guard('card', 'submitted_at', actor => 'submitted_by', idempotency_key => 'request', owned => '{score,tags}', gate_by => 'submit',
                     mode => 'reject');
SELECT ratchet.guard('card', 'submitted_at', actor => 'submitted_by', idempotency_key => 'request', owned => '{score,tags}', gate_by => 'submit',
                     mode => 'reject', insert => 'reject');
SELECT contract('card');
SELECT triggers('card');
SELECT ratchet.unguard('card');
SELECT ratchet.unguard('card');
SELECT contract('card'), count(*) FROM pg_trigger WHERE tgrelid = 'card'::regclass;
SELECT ratchet.guard(target => 'card', gate => 'done', gate_at => 'done_at', gate_by => 'any', actor => NULL, idempotency_key => NULL, owned => NULL,
                     once => NULL, frozen => '{}', forward => '{}', states => NULL, heartbeat => NULL, version => NULL, mode => 'owned=observe',
                     insert => 'allow', audit => false, rate_limit => NULL, replace => false);
SELECT contract('card');
-- NULL means the default
SELECT ratchet.guard('card', 'done', gate_at => 'done_at', gate_by => NULL, mode => 'observe', insert => NULL, audit => NULL, replace => NULL);
-- every spelling of a mode
SELECT ratchet.guard('card', 'done', gate_at => 'done_at', mode => ' owned = keep ');
SELECT contract('card');
SELECT ratchet.guard('card', 'done', gate_at => 'done_at', mode => 'keep'), ratchet.guard('card', 'done', gate_at => 'done_at');

--
-- Declarative: a repeated call changes nothing and holds up no writer
--
SELECT ratchet.guard('card', 'submitted_at', owned => '{score}', insert => 'reject', replace => true);
SELECT xmin AS before_xmin FROM pg_trigger WHERE tgrelid = 'card'::regclass AND tgname = '~ratchet_guard' \gset
BEGIN;
SELECT ratchet.guard('card', 'submitted_at', owned => '{score}', insert => 'reject');
SELECT locks('card');
SELECT ratchet.guard('card', 'submitted_at', owned => '{score}', insert => 'reject', replace => true);
SELECT locks('card');
COMMIT;
SELECT xmin = :'before_xmin' FROM pg_trigger WHERE tgrelid = 'card'::regclass AND tgname = '~ratchet_guard';
BEGIN;
SELECT ratchet.guard('card', 'submitted_at', owned => '{score,tags}', insert => 'reject');
SELECT locks('card');
ROLLBACK;
BEGIN;
SELECT attempt($$SELECT ratchet.guard('card', 'submitted_at')$$);
SELECT locks('card');
ROLLBACK;
SELECT contract('card');
-- a declaration that is rolled back is none
BEGIN;
SELECT ratchet.unguard('card');
INSERT INTO card (id, submitted_at) VALUES (1, '2026-01-01');
UPDATE card SET submitted_at = NULL;
ROLLBACK;
SELECT attempt('INSERT INTO card (id, submitted_at) VALUES (1, now())');
-- in the transaction that declares it, it is in force at once, also for what the backend has looked up before
INSERT INTO card (id, score) VALUES (1, 1);
SELECT attempt('INSERT INTO card (id, score) VALUES (1, 1)');
INSERT INTO card (id) VALUES (1);
BEGIN;
UPDATE card SET submitted_at = '2026-01-01', score = 1 WHERE id = 1;
UPDATE card SET tags = '{a}' WHERE id = 1;
SELECT ratchet.guard('card', 'submitted_at', owned => '{score,tags}', insert => 'reject', mode => 'reject');
SELECT attempt($$UPDATE card SET tags = '{b}' WHERE id = 1$$);
SELECT ratchet.guard('card', 'submitted_at', owned => '{score}', insert => 'reject', replace => true);
SELECT attempt($$UPDATE card SET tags = '{b}', score = 2 WHERE id = 1$$);
SELECT tags, score FROM card;
COMMIT;

--
-- Weakening needs replace, and says what would be lost
--
SELECT ratchet.guard('card', 'done', gate_at => 'done_at', gate_by => 'submit', actor => 'submitted_by', idempotency_key => 'request',
                     owned => '{score,tags}', mode => 'reject', insert => 'reject', replace => true);
SELECT attempt($$SELECT ratchet.guard('card', 'submitted_at')$$);
SELECT attempt($$SELECT ratchet.guard('card', 'done', gate_by => 'submit', actor => 'submitted_by', idempotency_key => 'request',
    owned => '{tags,score,note}', mode => 'reject', insert => 'reject')$$);
SELECT attempt($$SELECT ratchet.guard('card', 'done', gate_at => 'submitted_at', gate_by => 'submit', actor => 'submitted_by', idempotency_key => 'request',
    owned => '{score,tags}', mode => 'reject', insert => 'reject')$$);
SELECT attempt($$SELECT ratchet.guard('card', 'done', gate_at => 'done_at', gate_by => 'any', actor => 'submitted_by', idempotency_key => 'request',
    owned => '{score,tags}', mode => 'reject', insert => 'reject')$$);
SELECT attempt($$SELECT ratchet.guard('card', 'done', gate_at => 'done_at', gate_by => 'submit', actor => 'submitted_by', idempotency_key => 'request',
    owned => '{score}', mode => 'keep', insert => 'allow')$$);
SELECT attempt($$SELECT ratchet.guard('card', 'done', gate_at => 'done_at', gate_by => 'submit', actor => 'submitted_by', idempotency_key => 'request',
    owned => '{score,tags}', mode => 'observe', insert => 'reject')$$);
SELECT contract('card');
SELECT ratchet.guard('card', 'submitted_at', replace => true);
SELECT contract('card');
SELECT triggers('card');

--
-- What needs shared memory is refused without it, not ignored
--
SELECT attempt($$SELECT ratchet.guard('card', 'submitted_at', rate_limit => '10/min')$$);
SELECT contract('card');

--
-- Partitioned tables
--
CREATE TABLE tree (id int, region text, note text, submitted_at timestamptz, score int DEFAULT 0, PRIMARY KEY (id, region)) PARTITION BY LIST (region);
CREATE TABLE tree_a PARTITION OF tree FOR VALUES IN ('a');
CREATE TABLE tree_b (gone int, score int DEFAULT 0, submitted_at timestamptz, gone2 text, note text, region text, id int, PRIMARY KEY (id, region));
ALTER TABLE tree_b DROP COLUMN gone, DROP COLUMN gone2;
ALTER TABLE tree ATTACH PARTITION tree_b FOR VALUES IN ('b');
CREATE TABLE tree_c PARTITION OF tree FOR VALUES IN ('c', 'd') PARTITION BY LIST (region);
CREATE TABLE tree_cc PARTITION OF tree_c FOR VALUES IN ('c');
SELECT ratchet.guard('tree', 'submitted_at', owned => '{score}', insert => 'reject', mode => 'reject');
SELECT ratchet.guard('tree', 'submitted_at', owned => '{score}', insert => 'reject', mode => 'reject');
SELECT target, contract(target) FROM ratchet.contract WHERE target::text LIKE 'tree%';
SELECT tgrelid::regclass, tgname FROM pg_trigger WHERE tgrelid::regclass::text LIKE 'tree%' ORDER BY 1, 2;
-- partitions that come later have it, whatever their columns' order
CREATE TABLE tree_d PARTITION OF tree_c FOR VALUES IN ('d');
CREATE TABLE tree_e (gone int, id int NOT NULL, submitted_at timestamptz, region text NOT NULL, score int DEFAULT 0, note text, submitted_by int);
ALTER TABLE tree_e DROP COLUMN gone, DROP COLUMN submitted_by;
ALTER TABLE tree ATTACH PARTITION tree_e FOR VALUES IN ('e');
INSERT INTO tree SELECT i, chr(96 + i), 'start' FROM generate_series(1, 5) i;
UPDATE tree SET submitted_at = '2026-01-01', score = id;
SELECT id, region, attempt(format($$UPDATE tree SET score = 9 WHERE id = %s$$, id)) ~ '^23R01', attempt(format($$UPDATE %s SET submitted_at = NULL WHERE id = %s$$, tableoid::regclass, id)) ~ '^23R01',
       attempt(format($$INSERT INTO %s (id, region, score) VALUES (9, %L, 9)$$, tableoid::regclass, region)) ~ '^23R01',
       attempt(format($$UPDATE tree SET note = 'new' WHERE id = %s$$, id))
FROM tree ORDER BY id;
SELECT tableoid::regclass, id, note, score FROM tree ORDER BY id;
-- by the root only
SELECT attempt($$SELECT ratchet.guard('tree_a', 'submitted_at')$$);
SELECT attempt($$SELECT ratchet.guard('tree_c', 'submitted_at')$$);
SELECT attempt($$SELECT ratchet.unguard('tree_a')$$);
-- a detached partition is a table without a contract
ALTER TABLE tree DETACH PARTITION tree_e;
SELECT triggers('tree_e');
UPDATE tree_e SET submitted_at = NULL;
ALTER TABLE tree ATTACH PARTITION tree_e FOR VALUES IN ('e');
SELECT attempt($$UPDATE tree SET score = 9 WHERE region = 'e'$$) ~ '^23R01';
-- a table with a contract of its own keeps it out of the tree
CREATE TABLE tree_f (LIKE tree INCLUDING DEFAULTS);
SELECT ratchet.guard('tree_f', 'submitted_at');
SELECT attempt($$ALTER TABLE tree ATTACH PARTITION tree_f FOR VALUES IN ('f')$$);
SELECT ratchet.unguard('tree_f');
SELECT attempt($$ALTER TABLE tree ATTACH PARTITION tree_f FOR VALUES IN ('f')$$);
SELECT ratchet.guard('tree', 'submitted_at', replace => true);
SELECT tgrelid::regclass, tgname FROM pg_trigger WHERE tgrelid::regclass::text LIKE 'tree%' ORDER BY 1, 2;
SELECT ratchet.unguard('tree');
SELECT count(*) FROM pg_trigger WHERE tgrelid::regclass::text LIKE 'tree%';
-- an empty tree
CREATE TABLE bare (id int, submitted_at timestamptz) PARTITION BY RANGE (id);
SELECT ratchet.guard('bare', 'submitted_at');

--
-- Composite keys, no key, names that need quoting, tables outside search_path, an unlogged table, a typed table
--
CREATE TABLE pair (a int, b int, submitted_at timestamptz, PRIMARY KEY (a, b));
CREATE TABLE keyless (submitted_at timestamptz);
CREATE UNLOGGED TABLE unlogged (id int PRIMARY KEY, submitted_at timestamptz);
CREATE TYPE row_type AS (id int, submitted_at timestamptz);
CREATE TABLE of_type OF row_type (PRIMARY KEY (id));
SELECT ratchet.guard('pair', 'submitted_at'), ratchet.guard('keyless', 'submitted_at'), ratchet.guard('unlogged', 'submitted_at'), ratchet.guard('of_type', 'submitted_at');
INSERT INTO keyless VALUES ('2026-01-01');
UPDATE keyless SET submitted_at = NULL;
SELECT submitted_at IS NULL FROM keyless;
CREATE SCHEMA "Süd ""x""";
CREATE TABLE "Süd ""x"""."Karten 'k' \n" ("Id" int PRIMARY KEY, "Abgegeben, am=" timestamptz, "von ""wem""" text, "Größe's" int, "a=b" int, "{c}" int, "\" int, "ÄÖÜäöüÄÖÜäöüÄÖÜäöüÄÖÜäöüÄÖÜäöüX" int);
SELECT ratchet.guard('"Süd ""x"""."Karten ''k'' \n"', 'Abgegeben, am=', actor => 'von "wem"', owned => ARRAY['Größe''s', 'a=b', '{c}', '\', 'ÄÖÜäöüÄÖÜäöüÄÖÜäöüÄÖÜäöüÄÖÜäöüX'],
                     mode => 'reject', insert => 'reject');
SELECT ratchet.guard('"Süd ""x"""."Karten ''k'' \n"', 'Abgegeben, am=', actor => 'von "wem"', owned => ARRAY['Größe''s', 'a=b', '{c}', '\', 'ÄÖÜäöüÄÖÜäöüÄÖÜäöüÄÖÜäöüÄÖÜäöüX'],
                     mode => 'reject', insert => 'reject');
SELECT target, gate, actor, owned FROM ratchet.contract WHERE gate = 'Abgegeben, am=';
SELECT triggers('"Süd ""x"""."Karten ''k'' \n"');
INSERT INTO "Süd ""x"""."Karten 'k' \n" VALUES (1);
UPDATE "Süd ""x"""."Karten 'k' \n" SET "Abgegeben, am=" = '2026-01-01';
SELECT attempt(format($$UPDATE "Süd ""x"""."Karten 'k' \n" SET %I = 1$$, attname)) FROM pg_attribute
WHERE attrelid = '"Süd ""x"""."Karten ''k'' \n"'::regclass AND attnum > 3 ORDER BY attnum;
SELECT attempt($$INSERT INTO "Süd ""x"""."Karten 'k' \n" ("Id", "a=b") VALUES (2, 1)$$);
SELECT attempt($$SELECT ratchet.guard('"Süd ""x"""."Karten ''k'' \n"', 'Abgegeben, am=')$$);
SELECT ratchet.unguard('"Süd ""x"""."Karten ''k'' \n"');

--
-- What cannot carry a contract
--
CREATE TABLE parent (id int, submitted_at timestamptz);
CREATE TABLE child () INHERITS (parent);
CREATE VIEW a_view AS SELECT * FROM parent;
CREATE MATERIALIZED VIEW a_matview AS SELECT * FROM parent;
CREATE TEMP TABLE temporary (id int, submitted_at timestamptz);
CREATE SEQUENCE a_sequence;
CREATE INDEX an_index ON parent (id);
CREATE FOREIGN DATA WRAPPER ratchet_dummy;
CREATE SERVER ratchet_dummy FOREIGN DATA WRAPPER ratchet_dummy;
CREATE FOREIGN TABLE far (id int, submitted_at timestamptz) SERVER ratchet_dummy;
CREATE TABLE mixed (id int, submitted_at timestamptz) PARTITION BY LIST (id);
CREATE TABLE mixed_sub PARTITION OF mixed FOR VALUES IN (1, 2) PARTITION BY LIST (id);
CREATE FOREIGN TABLE mixed_far PARTITION OF mixed_sub FOR VALUES IN (1) SERVER ratchet_dummy;
SELECT attempt(format('SELECT ratchet.guard(%L, %L)', t, 'submitted_at'))
FROM unnest('{parent,a_view,a_matview,temporary,a_sequence,an_index,far,mixed,row_type,pg_catalog.pg_class,pg_toast.pg_toast_1255,information_schema.tables}'::text[]) t;
-- a child of inheritance can: its rows are updated through its triggers, whatever name the UPDATE gives
SELECT ratchet.guard('child', 'submitted_at');
INSERT INTO child VALUES (1, '2026-01-01');
UPDATE parent SET submitted_at = NULL;
SELECT submitted_at IS NOT NULL FROM child;
-- and a parent whose children are gone
CREATE TABLE former (id int, submitted_at timestamptz);
CREATE TABLE former_child () INHERITS (former);
ALTER TABLE former_child NO INHERIT former;
SELECT ratchet.guard('former', 'submitted_at');
DROP FOREIGN TABLE mixed_far;
SELECT ratchet.guard('mixed', 'submitted_at');

--
-- Only the owner
--
CREATE ROLE regress_ratchet_guard_owner;
CREATE ROLE regress_ratchet_guard_other;
GRANT USAGE, CREATE ON SCHEMA guard TO regress_ratchet_guard_owner, regress_ratchet_guard_other;
SET ROLE regress_ratchet_guard_owner;
CREATE TABLE owned (id int PRIMARY KEY, submitted_at timestamptz);
GRANT ALL ON owned TO regress_ratchet_guard_other;
SELECT ratchet.guard('owned', 'submitted_at');
SET ROLE regress_ratchet_guard_other;
SELECT attempt($$SELECT ratchet.guard('owned', 'submitted_at')$$);
SELECT attempt($$SELECT ratchet.guard('owned', 'submitted_at', mode => 'reject')$$);
SELECT attempt($$SELECT ratchet.unguard('owned')$$);
-- contracts are no secret to those who can see the catalog
SELECT contract('owned');
SELECT count(*) FROM ratchet.health() WHERE target = 'owned'::regclass;
RESET ROLE;
SELECT ratchet.guard('owned', 'submitted_at', mode => 'reject');
ALTER TABLE owned OWNER TO regress_ratchet_guard_other;
SET ROLE regress_ratchet_guard_other;
SELECT ratchet.unguard('owned');
RESET ROLE;

--
-- The contract moves with its table
--
CREATE SCHEMA guard_elsewhere;
SELECT ratchet.guard('pair', 'submitted_at', mode => 'reject');
INSERT INTO pair VALUES (1, 1, '2026-01-01');
ALTER TABLE pair RENAME TO couple;
ALTER TABLE couple SET SCHEMA guard_elsewhere;
SELECT contract('guard_elsewhere.couple');
SELECT attempt('UPDATE guard_elsewhere.couple SET submitted_at = NULL');
-- and is not copied with its columns
CREATE TABLE copy (LIKE guard_elsewhere.couple INCLUDING ALL);
SELECT count(*) FROM pg_trigger WHERE tgrelid = 'copy'::regclass;
DROP TABLE guard_elsewhere.couple;
SELECT count(*) FROM ratchet.contract WHERE target::text LIKE '%couple%';
SELECT ratchet.version() ~ '^\d+\.\d+\.\d+$';

DROP SCHEMA guard, guard_elsewhere, "Süd ""x""" CASCADE;
DROP SERVER IF EXISTS ratchet_dummy;
DROP FOREIGN DATA WRAPPER ratchet_dummy CASCADE;
DROP ROLE regress_ratchet_guard_owner, regress_ratchet_guard_other;
