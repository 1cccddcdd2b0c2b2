--
-- DDL on guarded tables: followed where it can be, refused in the migration
-- itself where a contract could not be enforced afterwards, and reported by
-- ratchet.health() where nobody could stop it.
--
\set SHOW_CONTEXT never
SET client_min_messages = warning;
\pset format unaligned
\pset tuples_only on
CREATE SCHEMA ddl;
SET search_path = ddl, test_setup;
CREATE FUNCTION contract(which regclass) RETURNS text LANGUAGE sql AS $$
SELECT concat_ws(' ', 'gate ' || gate, 'gate_at ' || gate_at, 'actor ' || actor, 'key ' || idempotency_key, 'owned ' || owned::text, 'mode ' || mode, 'insert ' || insert)
FROM ratchet.contract WHERE target = which
$$;
CREATE FUNCTION health() RETURNS SETOF text LANGUAGE sql AS $$
SELECT format(E'%s %s: %s\n  %s', severity, COALESCE(target::text, 'database'), finding, remedy) FROM ratchet.health()
WHERE target IS NULL OR target IN (SELECT oid FROM pg_class WHERE relnamespace IN (SELECT oid FROM pg_namespace WHERE nspname ~ '^ddl'))
ORDER BY target::text, finding
$$;
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;

--
-- Renamed columns are followed
--
CREATE TABLE card (id int PRIMARY KEY, note text, submitted_at timestamptz, submitted_by text, request uuid, score int, tags text[]);
SELECT ratchet.guard('card', 'submitted_at', actor => 'submitted_by', idempotency_key => 'request', owned => '{score,tags}', mode => 'reject', insert => 'reject');
INSERT INTO card VALUES (1, 'start');
SELECT outcome FROM ratchet.submit('card', 1, actor => 'ann', patch => '{"score": 1}');
ALTER TABLE card RENAME submitted_at TO "Abgegeben, am";
ALTER TABLE card RENAME COLUMN submitted_by TO "von 'wem'";
ALTER TABLE card RENAME COLUMN request TO "a=b";
ALTER TABLE ONLY card RENAME COLUMN score TO points;
ALTER TABLE ddl.card RENAME COLUMN note TO remark;
SELECT contract('card');
SELECT attempt('UPDATE card SET points = 2') ;
SELECT attempt('UPDATE card SET "Abgegeben, am" = NULL');
SELECT attempt('INSERT INTO card (id, points) VALUES (2, 2)');
SELECT outcome, submitted_by FROM ratchet.submit('card', 1, actor => 'bob');
-- two names exchanged
ALTER TABLE card RENAME points TO other;
ALTER TABLE card RENAME remark TO points;
ALTER TABLE card RENAME other TO remark;
SELECT contract('card');
SELECT attempt('UPDATE card SET points = 2, remark = remark');
SELECT attempt('UPDATE card SET remark = 2');
-- rolled back with the rename
BEGIN;
ALTER TABLE card RENAME tags TO labels;
SELECT contract('card');
ROLLBACK;
SELECT contract('card');
SELECT attempt($$UPDATE card SET tags = '{x}'$$);
-- nothing named, nothing to do
ALTER TABLE IF EXISTS no_card RENAME a TO b;
ALTER TABLE card RENAME CONSTRAINT card_pkey TO card_key;
ALTER INDEX card_key RENAME TO card_pkey;
-- partitioned
CREATE TABLE tree (id int, region text, note text, submitted_at timestamptz, score int, PRIMARY KEY (id, region)) PARTITION BY LIST (region);
CREATE TABLE tree_a PARTITION OF tree FOR VALUES IN ('a');
CREATE TABLE tree_b (gone int, score int, submitted_at timestamptz, note text, region text, id int, PRIMARY KEY (id, region));
ALTER TABLE tree_b DROP COLUMN gone;
ALTER TABLE tree ATTACH PARTITION tree_b FOR VALUES IN ('b');
SELECT ratchet.guard('tree', 'submitted_at', owned => '{score}', mode => 'reject', insert => 'reject');
INSERT INTO tree VALUES (1, 'a', 'start'), (2, 'b', 'start');
UPDATE tree SET submitted_at = '2026-01-01', score = id;
ALTER TABLE tree RENAME score TO points;
SELECT contract('tree');
SELECT attempt('UPDATE tree SET points = 9'), attempt('UPDATE tree_b SET points = 9'), attempt($$INSERT INTO tree_b (id, region, points) VALUES (9, 'b', 9)$$);
SELECT attempt('ALTER TABLE tree_a RENAME points TO score');
-- through inheritance: the rename of the parent's column renames the guarded child's
CREATE TABLE parent (id int, submitted_at timestamptz, score int);
CREATE TABLE child (extra int) INHERITS (parent);
CREATE TABLE grandchild () INHERITS (child);
SELECT ratchet.guard('grandchild', 'submitted_at', owned => '{score,extra}', mode => 'reject');
INSERT INTO grandchild VALUES (1, '2026-01-01', 1, 1);
ALTER TABLE parent RENAME score TO points;
ALTER TABLE child RENAME extra TO more;
SELECT contract('grandchild');
SELECT attempt('UPDATE parent SET points = 2'), attempt('UPDATE grandchild SET more = 2');
-- a type's attributes are columns of every table of that type: change the contract first
CREATE TYPE form AS (id int, submitted_at timestamptz, score int);
CREATE TABLE of_type OF form (PRIMARY KEY (id));
SELECT ratchet.guard('of_type', 'submitted_at', owned => '{score}', mode => 'reject');
INSERT INTO of_type VALUES (1, '2026-01-01', 1);
SELECT attempt('ALTER TYPE form RENAME ATTRIBUTE score TO points CASCADE');
SELECT attempt('ALTER TYPE form RENAME ATTRIBUTE submitted_at TO closed_at CASCADE');
SELECT contract('of_type');
SELECT attempt('UPDATE of_type SET id = 2');
SELECT attempt('ALTER TYPE form DROP ATTRIBUTE score CASCADE');
SELECT attempt('ALTER TYPE form ALTER ATTRIBUTE submitted_at TYPE text CASCADE');
SELECT attempt('ALTER TYPE form ADD ATTRIBUTE other int CASCADE');

--
-- Dropped and changed columns are refused, with the column
--
SELECT attempt('ALTER TABLE card DROP COLUMN "Abgegeben, am"');
SELECT attempt('ALTER TABLE card DROP COLUMN IF EXISTS tags CASCADE');
SELECT attempt('ALTER TABLE card DROP COLUMN points, DROP COLUMN remark');
SELECT attempt('ALTER TABLE tree DROP COLUMN points');
SELECT attempt('ALTER TABLE parent DROP COLUMN points');
SELECT attempt('ALTER TABLE card DROP COLUMN points');
SELECT attempt('ALTER TABLE card ALTER "Abgegeben, am" TYPE text');
SELECT attempt('ALTER TABLE card ALTER "Abgegeben, am" TYPE date');
BEGIN;
SELECT attempt('ALTER TABLE card ALTER "Abgegeben, am" TYPE boolean USING "Abgegeben, am" IS NOT NULL');
ROLLBACK;
SELECT attempt('ALTER TABLE card ALTER "Abgegeben, am" TYPE timestamp');
SELECT attempt('ALTER TABLE card ALTER "Abgegeben, am" SET NOT NULL');
SELECT attempt('ALTER TABLE card ALTER "a=b" TYPE int USING 1');
SELECT attempt('ALTER TABLE tree ALTER submitted_at TYPE text');
SELECT contract('card');
-- a type that fits is fine, as is a change of any other column
SELECT attempt('ALTER TABLE card ALTER "a=b" TYPE text');
SELECT attempt('ALTER TABLE card ALTER remark TYPE bigint');
SELECT attempt('ALTER TABLE card ALTER id TYPE bigint');
SELECT outcome, submitted_by FROM ratchet.submit('card', 1, actor => 'bob');
SELECT attempt('UPDATE card SET remark = 5');
SELECT attempt('ALTER TABLE card ALTER remark SET DEFAULT random()');
SELECT attempt('ALTER TABLE card ADD COLUMN extra int GENERATED ALWAYS AS (id + 1) STORED');
-- dropped with its type
CREATE DOMAIN shade AS text;
CREATE TABLE coloured (id int PRIMARY KEY, submitted_at timestamptz, colour shade);
SELECT ratchet.guard('coloured', 'submitted_at', owned => '{colour}');
SELECT attempt('DROP DOMAIN shade');
SELECT attempt('DROP DOMAIN shade CASCADE');
SELECT contract('coloured'), (SELECT count(*) FROM pg_type WHERE typname = 'shade');
SELECT ratchet.guard('coloured', 'submitted_at', replace => true);
SELECT attempt('DROP DOMAIN shade CASCADE');
-- the contract goes with the table, and with its schema
CREATE SCHEMA ddl_inner;
CREATE TABLE ddl_inner.inner_card (id int PRIMARY KEY, submitted_at timestamptz);
SELECT ratchet.guard('ddl_inner.inner_card', 'submitted_at');
SELECT attempt('DROP SCHEMA ddl_inner CASCADE');
SELECT attempt('DROP TABLE coloured');

--
-- Triggers and rules that would defeat it
--
SELECT attempt('CREATE TRIGGER "~s" BEFORE UPDATE ON card FOR EACH ROW EXECUTE FUNCTION touch()');
SELECT attempt('CREATE TRIGGER "~s" BEFORE INSERT OR UPDATE OF remark ON card FOR EACH ROW WHEN (false) EXECUTE FUNCTION touch()');
SELECT attempt('CREATE TRIGGER "ähnlich" BEFORE UPDATE ON card FOR EACH ROW EXECUTE FUNCTION touch()');
SELECT attempt('CREATE TRIGGER "~s" BEFORE UPDATE ON tree FOR EACH ROW EXECUTE FUNCTION touch()');
SELECT attempt('CREATE TRIGGER "~s" BEFORE UPDATE ON tree_b FOR EACH ROW EXECUTE FUNCTION touch()');
-- these are no danger: before it, after it, for statements, for other events
SELECT attempt('CREATE TRIGGER first BEFORE UPDATE ON card FOR EACH ROW EXECUTE FUNCTION touch()');
SELECT attempt('CREATE TRIGGER "~s" AFTER UPDATE ON card FOR EACH ROW EXECUTE FUNCTION touch()');
SELECT attempt('CREATE TRIGGER "~t" BEFORE UPDATE ON card FOR EACH STATEMENT EXECUTE FUNCTION touch()');
SELECT attempt('CREATE TRIGGER "~u" BEFORE INSERT OR DELETE ON card FOR EACH ROW EXECUTE FUNCTION touch()');
SELECT attempt('ALTER TRIGGER first ON card RENAME TO "~v"');
SELECT attempt('ALTER TRIGGER first ON card RENAME TO "~a"');
SELECT attempt('ALTER TRIGGER "~a" ON card RENAME TO first');
-- its own triggers keep name, time and condition
SELECT attempt('ALTER TRIGGER "~ratchet_guard" ON card RENAME TO aaa');
SELECT attempt('ALTER TRIGGER "~ratchet_guard_insert" ON card RENAME TO aaa');
SELECT attempt('CREATE RULE r AS ON UPDATE TO card DO INSTEAD NOTHING');
SELECT attempt('CREATE RULE r AS ON UPDATE TO card WHERE old.id = 1 DO INSTEAD SELECT 1');
SELECT attempt('CREATE RULE r AS ON UPDATE TO tree DO INSTEAD NOTHING');
SELECT attempt('CREATE RULE r AS ON UPDATE TO tree_b DO INSTEAD NOTHING');
SELECT attempt('CREATE RULE r AS ON UPDATE TO card DO ALSO NOTHING');
SELECT attempt('CREATE OR REPLACE RULE r AS ON UPDATE TO card DO INSTEAD NOTHING');
SELECT attempt('DROP RULE r ON card');
-- an event trigger sees what a function or a DO block does as well
SELECT attempt('DO $d$ BEGIN ALTER TABLE card RENAME tags TO labels; CREATE TRIGGER "~z" BEFORE UPDATE ON card FOR EACH ROW EXECUTE FUNCTION touch(); END $d$');
SELECT contract('card');

--
-- Inheritance, partitions
--
SELECT attempt('CREATE TABLE card_child () INHERITS (card)');
CREATE TABLE card_child (LIKE card INCLUDING DEFAULTS INCLUDING GENERATED);
SELECT attempt('ALTER TABLE card_child INHERIT card');
DROP TABLE card_child;
CREATE TABLE tree_c (LIKE tree);
CREATE TRIGGER "~z" BEFORE UPDATE ON tree_c FOR EACH ROW EXECUTE FUNCTION touch();
SELECT attempt($$ALTER TABLE tree ATTACH PARTITION tree_c FOR VALUES IN ('c')$$);
ALTER TRIGGER "~z" ON tree_c RENAME TO earlier;
SELECT attempt($$ALTER TABLE tree ATTACH PARTITION tree_c FOR VALUES IN ('c')$$);
CREATE TABLE tree_ruled (LIKE tree);
CREATE RULE r AS ON UPDATE TO tree_ruled DO INSTEAD NOTHING;
SELECT attempt($$ALTER TABLE tree ATTACH PARTITION tree_ruled FOR VALUES IN ('r')$$);
-- a whole tree that brings a later trigger with it
CREATE TABLE tree_sub (LIKE tree) PARTITION BY LIST (region);
CREATE TABLE tree_sub_d PARTITION OF tree_sub FOR VALUES IN ('d');
CREATE TRIGGER "~z" BEFORE UPDATE ON tree_sub_d FOR EACH ROW EXECUTE FUNCTION touch();
SELECT attempt($$ALTER TABLE tree ATTACH PARTITION tree_sub FOR VALUES IN ('d')$$);
CREATE FOREIGN DATA WRAPPER ratchet_ddl;
CREATE SERVER ratchet_ddl FOREIGN DATA WRAPPER ratchet_ddl;
CREATE FOREIGN TABLE far (id int NOT NULL, region text NOT NULL, note text, submitted_at timestamptz, points int) SERVER ratchet_ddl;
CREATE TABLE keyless_tree (id int, region text, submitted_at timestamptz) PARTITION BY LIST (region);
SELECT ratchet.guard('keyless_tree', 'submitted_at');
SELECT attempt($$CREATE FOREIGN TABLE keyless_far PARTITION OF keyless_tree FOR VALUES IN ('f') SERVER ratchet_ddl$$);
CREATE FOREIGN TABLE keyless_far (id int, region text, submitted_at timestamptz) SERVER ratchet_ddl;
SELECT attempt($$ALTER TABLE keyless_tree ATTACH PARTITION keyless_far FOR VALUES IN ('f')$$);
SELECT attempt($$CREATE TEMP TABLE keyless_temp PARTITION OF keyless_tree FOR VALUES IN ('t')$$);
-- inside CREATE SCHEMA
SELECT attempt('CREATE SCHEMA ddl_created CREATE TABLE card_child () INHERITS (ddl.card)');
SELECT attempt($$CREATE SCHEMA ddl_created CREATE TABLE t (id int, at timestamptz)
    CREATE TRIGGER "~ratchet_guard" AFTER UPDATE ON t FOR EACH ROW EXECUTE FUNCTION ratchet.guard_row('gate=at')$$);
-- below the root of a tree
CREATE TABLE deep (id int, region text, at timestamptz) PARTITION BY LIST (region);
CREATE TABLE deep_a PARTITION OF deep FOR VALUES IN ('a', 'b') PARTITION BY LIST (region);
SELECT ratchet.guard('deep', 'at');
SELECT attempt('CREATE TRIGGER "~z" BEFORE UPDATE ON deep_a FOR EACH ROW EXECUTE FUNCTION touch()');
CREATE TABLE deep_aa (id int, region text, at timestamptz);
CREATE TRIGGER "~z" BEFORE UPDATE ON deep_aa FOR EACH ROW EXECUTE FUNCTION touch();
SELECT attempt($$ALTER TABLE deep_a ATTACH PARTITION deep_aa FOR VALUES IN ('a')$$);
-- a rule that is replaced while it is disabled, and enabled then
CREATE RULE asleep AS ON UPDATE TO card DO ALSO NOTHING;
ALTER TABLE card DISABLE RULE asleep;
SELECT attempt('CREATE OR REPLACE RULE asleep AS ON UPDATE TO card DO INSTEAD NOTHING');
SELECT attempt('ALTER TABLE card ENABLE RULE asleep');
DROP RULE asleep ON card;
SELECT attempt('ALTER TABLE tree DETACH PARTITION tree_c');
SELECT attempt('UPDATE tree_c SET points = 1');

--
-- Attached by hand, by the owner: as a restored dump does it
--
CREATE TABLE hand (id int PRIMARY KEY, submitted_at timestamptz, score int);
SELECT attempt($$CREATE TRIGGER "~ratchet_guard" BEFORE UPDATE ON hand FOR EACH ROW EXECUTE FUNCTION ratchet.guard_row('gate=submitted_at', 'gate_by=any', 'owned=score', 'mode=reject')$$);
SELECT contract('hand');
SELECT ratchet.guard('hand', 'submitted_at', owned => '{score}', mode => 'reject');
SELECT ratchet.unguard('hand');
CREATE FUNCTION by_hand(VARIADIC arguments text[]) RETURNS text LANGUAGE sql AS $$
SELECT attempt('CREATE TRIGGER "~ratchet_guard" BEFORE UPDATE ON hand FOR EACH ROW EXECUTE FUNCTION ratchet.guard_row(' ||
               COALESCE((SELECT string_agg(quote_literal(a), ', ') FROM unnest(arguments) a), '') || ')')
$$;
SELECT by_hand('gate=nothing');
SELECT by_hand('gate=score');
SELECT by_hand('gate=submitted_at', 'owned=nothing');
SELECT arguments, by_hand(VARIADIC string_to_array(arguments, ' ')) <> 'ok' AS refused
FROM unnest(ARRAY['', 'submitted_at', 'gate', 'gate=', '=submitted_at', 'gate_by=any', 'gate=submitted_at gate=submitted_at', 'gate=submitted_at gate_by=nobody',
    'gate=submitted_at gate_by=any gate_by=any', 'gate=submitted_at mode=never', 'gate=submitted_at owned=', 'gate=submitted_at owned=score owned=score',
    'gate=submitted_at owned=submitted_at', 'gate=submitted_at insert=perhaps', 'gate=submitted_at actor=nobody', 'gate=submitted_at idempotency_key=score',
    'gate=submitted_at gate_at=submitted_at', 'gate=submitted_at future=policy', 'GATE=submitted_at']) arguments;
SELECT attempt($$CREATE TRIGGER guard BEFORE UPDATE ON hand FOR EACH ROW EXECUTE FUNCTION ratchet.guard_row('gate=submitted_at')$$);
SELECT attempt($$CREATE TRIGGER "~ratchet_guard" AFTER UPDATE ON hand FOR EACH ROW EXECUTE FUNCTION ratchet.guard_row('gate=submitted_at')$$);
SELECT attempt($$CREATE TRIGGER "~ratchet_guard" BEFORE INSERT OR UPDATE ON hand FOR EACH ROW EXECUTE FUNCTION ratchet.guard_row('gate=submitted_at')$$);
SELECT attempt($$CREATE TRIGGER "~ratchet_guard" BEFORE UPDATE OF score ON hand FOR EACH ROW EXECUTE FUNCTION ratchet.guard_row('gate=submitted_at')$$);
SELECT attempt($$CREATE TRIGGER "~ratchet_guard" BEFORE UPDATE ON hand FOR EACH ROW WHEN (OLD.id > 0) EXECUTE FUNCTION ratchet.guard_row('gate=submitted_at')$$);
SELECT attempt($$CREATE TRIGGER "~ratchet_guard" BEFORE UPDATE ON hand FOR EACH STATEMENT EXECUTE FUNCTION ratchet.guard_row('gate=submitted_at')$$);
SELECT attempt($$CREATE TRIGGER "~ratchet_guard_insert" BEFORE INSERT ON hand FOR EACH ROW EXECUTE FUNCTION ratchet.guard_insert()$$);
SELECT attempt($$CREATE TRIGGER "~ratchet_guard" BEFORE UPDATE ON far FOR EACH ROW EXECUTE FUNCTION ratchet.guard_row('gate=submitted_at')$$);
SELECT attempt($$CREATE TRIGGER "~ratchet_guard" BEFORE UPDATE ON tree_c FOR EACH ROW EXECUTE FUNCTION ratchet.guard_row('gate=submitted_at', 'gate_by=any', 'mode=keep')$$);
SELECT count(*) FROM pg_trigger WHERE tgrelid = 'hand'::regclass;
SELECT ratchet.unguard('tree_c');

--
-- DDL by a trigger in the middle of a guarded statement: what holds is what the statement began with, or an error
--
CREATE TABLE busy (id int PRIMARY KEY, note text, submitted_at timestamptz, score int);
CREATE TABLE busy_record (busy_id int REFERENCES busy, points int);
SELECT ratchet.guard('busy', 'submitted_at', owned => '{score}');
INSERT INTO busy VALUES (1, 'start', '2026-01-01', 1), (2, 'start', NULL, NULL), (3, 'start', NULL, NULL);
CREATE FUNCTION ddl_inside() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    CASE NEW.note
        WHEN 'redeclare' THEN PERFORM ratchet.guard('busy', 'submitted_at', owned => '{score}', mode => 'reject');
        WHEN 'rename' THEN ALTER TABLE busy RENAME score TO points;
        WHEN 'record' THEN ALTER TABLE busy_record RENAME points TO marks;
        WHEN 'schema' THEN ALTER SCHEMA ddl RENAME TO ddl_moved;
        ELSE NULL;
    END CASE;
    RETURN NEW;
END $$;
CREATE TRIGGER ddl_inside BEFORE UPDATE ON busy FOR EACH ROW EXECUTE FUNCTION ddl_inside();
BEGIN;
SELECT outcome FROM ratchet.update('busy', 1, '{"note": "redeclare", "score": 5}');
SELECT attempt('UPDATE busy SET score = 9 WHERE id = 1');
COMMIT;
SELECT attempt('UPDATE busy SET score = 9 WHERE id = 1');
SELECT attempt($$SELECT ratchet.update('busy', 1, '{"note": "rename"}')$$);
SELECT attempt($$UPDATE busy SET note = 'rename' WHERE id = 1$$);
SELECT contract('busy');
SELECT outcome, record FROM ratchet.submit('busy', 2, patch => '{"note": "record"}', child => 'busy_record', record => '{"points": 3}');
SELECT outcome, record FROM ratchet.submit('busy', 3, patch => '{"note": "schema"}', child => 'busy_record', record => '{"marks": 3}');
SELECT count(*) FROM ddl_moved.busy_record;
ALTER SCHEMA ddl_moved RENAME TO ddl;
SELECT outcome FROM ratchet.update('busy', 3, '{"note": "back"}');
SELECT id, note, score FROM busy ORDER BY id;
DROP TABLE busy_record, busy;
-- more statements inside of one than a backend remembers
CREATE TABLE flood (id int PRIMARY KEY, submitted_at timestamptz, c1 int, c2 int, c3 int, c4 int, c5 int, c6 int, c7 int);
SELECT ratchet.guard('flood', 'submitted_at');
INSERT INTO flood (id) VALUES (1), (2);
CREATE FUNCTION flood_inside() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    FOR i IN 1..127 LOOP
        PERFORM ratchet.update('flood', 2, (SELECT jsonb_object_agg('c' || b, i) FROM generate_series(1, 7) b WHERE i >> (b - 1) & 1 = 1));
    END LOOP;
    RETURN NEW;
END $$;
CREATE TRIGGER flood_inside BEFORE UPDATE ON flood FOR EACH ROW WHEN (pg_trigger_depth() = 0) EXECUTE FUNCTION flood_inside();
SELECT outcome FROM ratchet.submit('flood', 1);
SELECT outcome, changed FROM ratchet.amend('flood', 1, '{"submitted_at": null}', 'dba', 'x');
SELECT * FROM flood ORDER BY id;
DROP TABLE flood;

--
-- health(): nothing so far, then a finding for each thing that nobody could stop
--
SELECT health();
ALTER TABLE card DISABLE TRIGGER "~ratchet_guard";
SELECT health();
UPDATE card SET remark = 7;
SELECT attempt($$SELECT ratchet.submit('card', 1)$$);
ALTER TABLE card ENABLE REPLICA TRIGGER "~ratchet_guard";
SELECT health();
ALTER TABLE card ENABLE ALWAYS TRIGGER "~ratchet_guard";
SELECT health();
ALTER TABLE card DISABLE TRIGGER "~ratchet_guard_insert";
SELECT health();
-- the remedy, as it is written there
SELECT split_part(remedy, ', or', 1) AS cure FROM ratchet.health() \gset
:cure;
SELECT health();
DROP TRIGGER "~ratchet_guard_insert" ON card;
SELECT health();
SELECT ratchet.guard('card', 'Abgegeben, am', actor => 'von ''wem''', idempotency_key => 'a=b', owned => '{remark,tags}', mode => 'reject', insert => 'reject', replace => true);
SELECT health();
ALTER TABLE card ALTER "Abgegeben, am" DROP NOT NULL;
SELECT attempt('INSERT INTO card (id, remark) VALUES (5, 5)');
-- a trigger dropped by hand leaves the other behind
BEGIN;
DROP TRIGGER "~ratchet_guard" ON card;
SELECT contract('card');
SELECT health();
SELECT attempt($$SELECT ratchet.submit('card', 1)$$);
SELECT ratchet.unguard('card');
SELECT health();
ROLLBACK;
-- one leaf's
ALTER TABLE tree_b DISABLE TRIGGER "~ratchet_guard";
SELECT health();
UPDATE tree SET points = 9 WHERE region = 'b';
SELECT attempt('UPDATE tree SET points = 9');
ALTER TABLE tree ENABLE TRIGGER "~ratchet_guard";
SELECT health();
-- a table outside search_path: the remedy can be pasted as it is
CREATE SCHEMA "ddl Far";
CREATE TABLE "ddl Far"."Karte" (id int PRIMARY KEY, submitted_at timestamptz);
SELECT ratchet.guard('"ddl Far"."Karte"', 'submitted_at');
ALTER TABLE "ddl Far"."Karte" DISABLE TRIGGER USER;
SELECT health();
SELECT split_part(remedy, ', or', 1) AS cure FROM ratchet.health() \gset
:cure;
SELECT health();
-- a trigger before the move
CREATE TRIGGER on_insert BEFORE INSERT ON tree_a FOR EACH ROW EXECUTE FUNCTION touch();
SELECT health();
DROP TRIGGER on_insert ON tree_a;
-- a leaf of somebody else's
CREATE ROLE regress_ratchet_ddl;
GRANT CREATE ON SCHEMA ddl TO regress_ratchet_ddl;
ALTER TABLE tree_b OWNER TO regress_ratchet_ddl;
SELECT replace(health(), current_user, 'the owner');
ALTER TABLE tree_b OWNER TO CURRENT_USER;
-- what the event trigger would have refused
CREATE TABLE ruled (id int PRIMARY KEY, note text, submitted_at timestamptz);
CREATE TABLE forebear (id int PRIMARY KEY, note text, submitted_at timestamptz);
SELECT ratchet.guard('ruled', 'submitted_at'), ratchet.guard('forebear', 'submitted_at');
INSERT INTO ruled VALUES (1);
INSERT INTO forebear VALUES (1);
ALTER EVENT TRIGGER ratchet_ddl_end DISABLE;
SELECT health();
CREATE TRIGGER "~z" BEFORE UPDATE ON card FOR EACH ROW EXECUTE FUNCTION touch();
CREATE RULE r AS ON UPDATE TO ruled DO INSTEAD NOTHING;
ALTER TABLE tree RENAME points TO score;
ALTER TABLE of_type RENAME TO of_form;
CREATE TABLE forebear_child () INHERITS (forebear);
ALTER EVENT TRIGGER ratchet_ddl_end ENABLE;
SELECT health();
-- then the first write fails, loudly
SELECT attempt('UPDATE card SET id = id');
SELECT attempt('UPDATE tree SET note = 1');
SELECT attempt($$SELECT ratchet.submit('tree', '{"id": 1, "region": "a"}')$$);
SELECT attempt('UPDATE forebear SET note = 1');
SELECT attempt($$SELECT ratchet.submit('ruled', 1)$$);
SELECT attempt($$SELECT ratchet.submit('forebear', 1)$$);
DROP TRIGGER "~z" ON card;
DROP RULE r ON ruled;
DROP TABLE forebear_child;
SELECT attempt('UPDATE card SET id = id');
SELECT attempt('UPDATE forebear SET note = 1');
SELECT outcome FROM ratchet.submit('ruled', 1);
SELECT attempt($$SELECT ratchet.guard('tree', 'submitted_at', owned => '{score}', mode => 'reject', insert => 'reject')$$);
SELECT ratchet.guard('tree', 'submitted_at', owned => '{score}', mode => 'reject', insert => 'reject', replace => true);
SELECT health();
ALTER EVENT TRIGGER ratchet_sql_drop DISABLE;
SELECT attempt('ALTER TABLE tree DROP COLUMN score');
ALTER EVENT TRIGGER ratchet_ddl_end DISABLE;
ALTER TABLE tree DROP COLUMN score;
SELECT health();
ALTER EVENT TRIGGER ratchet_sql_drop ENABLE;
ALTER EVENT TRIGGER ratchet_ddl_end ENABLE;
SELECT attempt('UPDATE tree SET note = 1');
SELECT ratchet.guard('tree', 'submitted_at', mode => 'reject', insert => 'reject', replace => true);
SELECT attempt('UPDATE tree SET note = 1');
SELECT health();
SET session_replication_role = replica;
SELECT health();
RESET session_replication_role;
SET session_replication_role = local;
SELECT health();
SELECT attempt('UPDATE card SET remark = 8');
RESET session_replication_role;
SELECT health();

DROP SCHEMA ddl, "ddl Far" CASCADE;
DROP SERVER ratchet_ddl;
DROP FOREIGN DATA WRAPPER ratchet_ddl CASCADE;
DROP ROLE regress_ratchet_ddl;
