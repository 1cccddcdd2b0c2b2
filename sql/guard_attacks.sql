--
-- Attacks on a guard contract, each with a control: a guard as it is often
-- written in PL/pgSQL, against which the attack works. A control that stops
-- working would make its attack prove nothing, so its line is in the expected
-- output too.
--
\set SHOW_CONTEXT never
SET client_min_messages = warning;
\pset format unaligned
\pset tuples_only on
CREATE ROLE regress_ratchet_owner;
CREATE ROLE regress_ratchet_writer;
CREATE ROLE regress_ratchet_trigger;
CREATE ROLE regress_ratchet_reader;
CREATE ROLE regress_ratchet_nobody;
CREATE SCHEMA attacks AUTHORIZATION regress_ratchet_owner;
GRANT USAGE ON SCHEMA attacks TO PUBLIC;
SET search_path = attacks, test_setup;
SET ROLE regress_ratchet_owner;

CREATE TABLE safe (id int PRIMARY KEY, note text, submitted_at timestamptz, submitted_by text);
SELECT ratchet.guard('safe', 'submitted_at', gate_by => 'submit', actor => 'submitted_by');

--
-- The naive guards. All keep the gate as it is unless they believe that the
-- write is permitted; they differ in what they believe.
--
CREATE TABLE naive (id int PRIMARY KEY, note text, submitted_at timestamptz, submitted_by text);
CREATE FUNCTION naive_guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    belief text := current_setting('naive.belief');
    permitted boolean;
BEGIN
    permitted := CASE belief
        WHEN 'setting' THEN COALESCE(current_setting('naive.permit', true), '') = 'on'
        WHEN 'depth' THEN pg_trigger_depth() > 1
        WHEN 'role' THEN current_user = 'regress_ratchet_owner'
        WHEN 'lock' THEN EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND objid = 4711 AND pid = pg_backend_pid())
        WHEN 'operator' THEN NEW.submitted_at IS NOT DISTINCT FROM OLD.submitted_at
    END;
    IF OLD.submitted_at IS NOT NULL AND NOT permitted THEN
        NEW.submitted_at := OLD.submitted_at;
        NEW.submitted_by := OLD.submitted_by;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER zz_guard BEFORE UPDATE ON naive FOR EACH ROW EXECUTE FUNCTION naive_guard();
-- Its submit, with the permission that its guard believes in.
CREATE FUNCTION naive_submit(key int, who text, note_patch text DEFAULT NULL, note_expected text DEFAULT NULL) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    hits int;
BEGIN
    PERFORM set_config('naive.permit', 'on', true);
    IF current_setting('naive.belief') = 'lock' THEN PERFORM pg_advisory_lock(4711); END IF;
    UPDATE attacks.naive SET submitted_at = pg_catalog.now(), submitted_by = who, note = COALESCE(note_patch, note)
    WHERE id = key AND submitted_at IS NULL AND (note_expected IS NULL OR note = note_expected);
    GET DIAGNOSTICS hits = ROW_COUNT;
    IF current_setting('naive.belief') = 'lock' THEN PERFORM pg_advisory_unlock(4711); END IF;
    PERFORM set_config('naive.permit', 'off', true);
    RETURN CASE hits WHEN 1 THEN 'submitted' ELSE 'not submitted' END;
END $$;
GRANT SELECT, INSERT, UPDATE, DELETE ON safe, naive TO regress_ratchet_writer;

-- Rows 1 and 2 submitted by ann, rows 3 and 4 open; in both tables.
CREATE FUNCTION reset() RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = attacks, pg_temp AS $$
    TRUNCATE safe, naive;
    INSERT INTO safe SELECT i, 'start', CASE WHEN i < 3 THEN '2026-01-01'::timestamptz END, CASE WHEN i < 3 THEN 'ann' END FROM generate_series(1, 4) i;
    INSERT INTO naive TABLE safe;
$$;
CREATE FUNCTION look(target text) RETURNS text LANGUAGE plpgsql SECURITY DEFINER SET search_path = attacks, pg_temp AS $$
DECLARE
    seen text;
BEGIN
    EXECUTE format($q$SELECT string_agg(id || CASE WHEN submitted_at IS NULL THEN ' open' ELSE ' closed by ' || COALESCE(submitted_by, 'nobody') END
        || CASE WHEN note <> 'start' THEN ' (' || note || ')' ELSE '' END, ', ' ORDER BY id) FROM %s$q$, target) INTO seen;
    RETURN seen;
END $$;
-- Runs an attack on both; {T} is the table, {SUBMIT} a call that submits row 3.
CREATE FUNCTION run_attack(belief text, attack text, VARIADIC more text[] DEFAULT '{}') RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    target text;
    answer text;
    statement text;
BEGIN
    PERFORM set_config('naive.belief', belief, true);
    PERFORM attacks.reset();
    FOREACH target IN ARRAY '{naive,safe}'::text[] LOOP
        answer := NULL;
        FOREACH statement IN ARRAY attack || more LOOP
            statement := replace(statement, '{T}', 'attacks.' || target);
            statement := replace(statement, '{SUBMIT}', CASE target WHEN 'naive' THEN 'attacks.naive_submit(3, ''bob'')'
                                                        ELSE '(ratchet.submit(''attacks.safe'', 3, actor => ''bob'')).outcome' END);
            answer := NULLIF(concat_ws('; ', answer, NULLIF(test_setup.attempt(statement), 'ok')), '');
        END LOOP;
        RETURN NEXT target || ': ' || attacks.look(target) || COALESCE(E'\n' || NULLIF(answer, ''), '');
    END LOOP;
END $$;
RESET ROLE;

--
-- Settings: whatever a session sets, nothing is permitted by it
--
SET ROLE regress_ratchet_writer;
SELECT run_attack('setting', $a$SELECT set_config('naive.permit', 'on', true)$a$,
    $a$SELECT set_config('ratchet.' || name, 'on', true) FROM unnest('{permit,permission,submit,amend,in_submit,bypass,mode,depth}'::text[]) name$a$,
    $a$SELECT set_config('ratchet.kept_notice', 'off', true)$a$,
    $a$UPDATE {T} SET submitted_at = NULL, submitted_by = NULL WHERE id = 1$a$);
SELECT attempt(format('SET ratchet.%s = on', name)) FROM unnest('{permit,submit,amend,bypass,off}'::text[]) name;
SELECT name FROM pg_settings WHERE name LIKE 'ratchet.%' AND context = 'user';
SELECT attempt('SET session_replication_role = replica');
SELECT attempt('ALTER TABLE safe DISABLE TRIGGER ALL');
SELECT attempt('ALTER TABLE safe DISABLE TRIGGER "~ratchet_guard"');
SELECT attempt('DROP TRIGGER "~ratchet_guard" ON safe');
SELECT attempt($$SELECT ratchet.unguard('safe')$$);
SELECT attempt($$SELECT ratchet.guard('safe', 'submitted_at', mode => 'observe', replace => true)$$);
SELECT attempt('ALTER EVENT TRIGGER ratchet_ddl_end DISABLE');
RESET ROLE;

--
-- Roles: neither a SECURITY DEFINER function nor SET ROLE makes a writer special
--
SET ROLE regress_ratchet_owner;
CREATE FUNCTION reopen_as_owner(target text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    EXECUTE format('UPDATE %s SET submitted_at = NULL, submitted_by = NULL WHERE id = 1', target);
END $$;
SET ROLE regress_ratchet_writer;
SELECT run_attack('role', $a$SELECT attacks.reopen_as_owner('{T}')$a$);
RESET ROLE;
GRANT regress_ratchet_owner TO regress_ratchet_writer;
SET SESSION AUTHORIZATION regress_ratchet_writer;
SELECT run_attack('role', $a$SET LOCAL ROLE regress_ratchet_owner$a$, $a$UPDATE {T} SET submitted_at = NULL WHERE id = 1$a$);
RESET SESSION AUTHORIZATION;
REVOKE regress_ratchet_owner FROM regress_ratchet_writer;
-- nor the owner, nor a superuser
SET ROLE regress_ratchet_owner;
SELECT run_attack('role', $a$UPDATE {T} SET submitted_at = NULL WHERE id = 1$a$);
RESET ROLE;
SELECT attempt('UPDATE safe SET submitted_at = NULL');
SELECT look('safe');

--
-- Trigger depth: a trigger of another table
--
SET ROLE regress_ratchet_owner;
CREATE TABLE elsewhere (target text);
GRANT INSERT ON elsewhere TO regress_ratchet_writer;
CREATE FUNCTION reopen_from_elsewhere() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('UPDATE %s SET submitted_at = NULL WHERE id = 1', NEW.target);
    RETURN NEW;
END $$;
CREATE TRIGGER a BEFORE INSERT ON elsewhere FOR EACH ROW EXECUTE FUNCTION reopen_from_elsewhere();
CREATE CONSTRAINT TRIGGER b AFTER INSERT ON elsewhere DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION reopen_from_elsewhere();
SET ROLE regress_ratchet_writer;
SELECT run_attack('depth', $a$INSERT INTO attacks.elsewhere VALUES ('{T}')$a$, $a$SET CONSTRAINTS ALL IMMEDIATE$a$);
RESET ROLE;

--
-- search_path: operators, functions, casts and types that shadow the real ones
--
CREATE SCHEMA hostile AUTHORIZATION regress_ratchet_writer;
SET ROLE regress_ratchet_writer;
CREATE FUNCTION hostile.yes(timestamptz, timestamptz) RETURNS boolean LANGUAGE sql AS 'SELECT true';
CREATE FUNCTION hostile.yes(text, text) RETURNS boolean LANGUAGE sql AS 'SELECT true';
CREATE FUNCTION hostile.yes(int, int) RETURNS boolean LANGUAGE sql AS 'SELECT true';
CREATE FUNCTION hostile.yes(oid, oid) RETURNS boolean LANGUAGE sql AS 'SELECT true';
CREATE FUNCTION hostile.yes(name, name) RETURNS boolean LANGUAGE sql AS 'SELECT true';
CREATE OPERATOR hostile.= (LEFTARG = timestamptz, RIGHTARG = timestamptz, FUNCTION = hostile.yes);
CREATE OPERATOR hostile.= (LEFTARG = text, RIGHTARG = text, FUNCTION = hostile.yes);
CREATE OPERATOR hostile.= (LEFTARG = int, RIGHTARG = int, FUNCTION = hostile.yes);
CREATE OPERATOR hostile.= (LEFTARG = oid, RIGHTARG = oid, FUNCTION = hostile.yes);
CREATE OPERATOR hostile.= (LEFTARG = name, RIGHTARG = name, FUNCTION = hostile.yes);
CREATE FUNCTION hostile.now() RETURNS timestamptz LANGUAGE sql AS 'SELECT NULL::timestamptz';
CREATE FUNCTION hostile.quote_ident(text) RETURNS text LANGUAGE sql AS $$SELECT 'hostile'::text$$;
CREATE FUNCTION hostile.to_jsonb(anyelement) RETURNS jsonb LANGUAGE sql AS $$SELECT '{}'::jsonb$$;
CREATE DOMAIN hostile.text AS int;
CREATE DOMAIN hostile.jsonb AS int;
CREATE DOMAIN hostile.timestamptz AS int;
CREATE DOMAIN hostile.bool AS int;
CREATE DOMAIN hostile.regclass AS int;
CREATE FUNCTION hostile._submit(regclass, text, jsonb, text, jsonb, text, regclass, jsonb, jsonb) RETURNS ratchet.submit_result
    LANGUAGE sql AS $$SELECT ROW('submitted', NULL, 'hostile', NULL, NULL, NULL, NULL, NULL)::ratchet.submit_result$$;
CREATE TABLE hostile.safe (id int PRIMARY KEY, note pg_catalog.text, submitted_at pg_catalog.timestamptz, submitted_by pg_catalog.text);
SELECT run_attack('operator', $a$SET LOCAL search_path = hostile, pg_catalog, attacks$a$, $a$UPDATE {T} SET submitted_at = NULL WHERE id OPERATOR(pg_catalog.=) 1$a$,
    $a$UPDATE {T} SET submitted_by = NULL WHERE id OPERATOR(pg_catalog.=) 2$a$, $a$SET LOCAL search_path = attacks$a$);
-- the key and the expectation of a submission: an operator that says yes to everything
SELECT set_config('naive.belief', 'setting', false), reset();
BEGIN;
SET LOCAL search_path = hostile, pg_catalog;
SELECT attacks.naive_submit(3, 'eve', NULL::pg_catalog.text, 'never expected');
SELECT (ratchet.submit('attacks.safe', 3, actor => 'eve', expect => '{"note": "never expected"}')).*;
SELECT (ratchet.update('attacks.safe', 3, '{"note": "eve"}', '{"note": "never expected"}')).*;
SELECT (ratchet.submit('attacks.safe', 99, actor => 'eve')).outcome;
COMMIT;
SELECT look('naive');
SELECT look('safe');
BEGIN;
SET LOCAL search_path = hostile, pg_temp, pg_catalog;
CREATE TEMP TABLE safe (id int PRIMARY KEY, submitted_at pg_catalog.timestamptz);
CREATE DOMAIN pg_temp.jsonb AS int;
CREATE DOMAIN pg_temp.timestamptz AS int;
SELECT outcome, submitted_by, submitted_at OPERATOR(pg_catalog.=) pg_catalog.now() FROM ratchet.submit('attacks.safe', 3, actor => 'bob', expect => '{"note": "start"}');
SELECT outcome, submitted_by FROM ratchet.submit('attacks.safe', 3, actor => 'eve');
SELECT outcome FROM ratchet.update('attacks.safe', '4', '{"note": "changed"}', '{"note": "start"}');
-- a name without a schema is looked up as the caller says, and what it finds there has no contract
SELECT test_setup.attempt($$SELECT ratchet.submit('safe', 1)$$);
ROLLBACK;
-- the row that the caller asked for, not all that hostile.= would match
SELECT look('safe');
RESET ROLE;
-- DDL and declaration under the same path
SET ROLE regress_ratchet_owner;
SET search_path = hostile, pg_temp, pg_catalog;
CREATE TABLE attacks.late (id int PRIMARY KEY, note pg_catalog.text, submitted_at pg_catalog.timestamptz, score int);
SELECT ratchet.guard('attacks.late', 'submitted_at', owned => '{score}', insert => 'reject');
SELECT ratchet.guard('attacks.late', 'submitted_at', owned => '{score}', insert => 'reject');
ALTER TABLE attacks.late RENAME score TO points;
SELECT target, gate, owned, insert FROM ratchet.contract WHERE target OPERATOR(pg_catalog.=) 'attacks.late'::pg_catalog.regclass;
SELECT * FROM ratchet.health();
SELECT test_setup.attempt($$ALTER TABLE attacks.late DROP COLUMN points$$);
SELECT test_setup.attempt($$INSERT INTO attacks.late VALUES (1, 'x', pg_catalog.now())$$);
SELECT ratchet.unguard('attacks.late');
RESET search_path;
SET search_path = attacks, test_setup;
DROP TABLE late;
RESET ROLE;

--
-- Triggers that piggyback on a submission of row 3: other rows, and the row itself
--
SET ROLE regress_ratchet_owner;
CREATE FUNCTION piggyback() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.id = 3 THEN
        EXECUTE format('UPDATE %s SET submitted_at = NULL, submitted_by = NULL WHERE id = ANY ($1)', TG_RELID::regclass) USING TG_ARGV[0]::int[];
    END IF;
    RETURN CASE TG_WHEN WHEN 'BEFORE' THEN NEW END;
END $$;
CREATE FUNCTION with_triggers(belief text, kind text, rows text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    target text;
BEGIN
    FOREACH target IN ARRAY '{naive,safe}'::text[] LOOP
        EXECUTE format('CREATE TRIGGER aa_piggyback %s ON %s FOR EACH ROW WHEN (pg_trigger_depth() = 0) EXECUTE FUNCTION piggyback(%L)', kind, target, rows);
    END LOOP;
    RETURN QUERY SELECT run_attack(belief, 'SELECT {SUBMIT}');
    DROP TRIGGER aa_piggyback ON naive;
    DROP TRIGGER aa_piggyback ON safe;
END $$;
SELECT with_triggers('setting', 'BEFORE UPDATE', '{1,2}');
SELECT with_triggers('setting', 'AFTER UPDATE', '{1,2}');
SELECT with_triggers('setting', 'AFTER UPDATE', '{3}');
SELECT with_triggers('setting', 'BEFORE UPDATE', '{3}');
SELECT with_triggers('depth', 'AFTER UPDATE OF submitted_at', '{1,2,3}');
-- with a nested submission before the piggyback, whose permission must not outlive it
CREATE FUNCTION nested() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.id <> 3 THEN RETURN NEW; END IF;
    IF TG_RELID = 'naive'::regclass THEN
        PERFORM naive_submit(4, 'nested');
        -- as an implementation without a stack has it: still on after the nested call
        PERFORM set_config('naive.permit', 'on', true);
    ELSE
        PERFORM ratchet.submit('safe', 4, actor => 'nested');
        PERFORM ratchet.submit('safe', 2, actor => 'nested');
        PERFORM ratchet.submit('safe', 3, actor => 'nested') WHERE TG_WHEN = 'AFTER';
    END IF;
    EXECUTE format('UPDATE %s SET submitted_at = NULL, submitted_by = NULL WHERE id IN (1, 2, 4)', TG_RELID::regclass);
    RETURN NEW;
END $$;
CREATE FUNCTION with_nested(kind text) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('CREATE TRIGGER aa_nested %s ON naive FOR EACH ROW EXECUTE FUNCTION nested()', kind);
    EXECUTE format('CREATE TRIGGER aa_nested %s ON safe FOR EACH ROW EXECUTE FUNCTION nested()', kind);
    RETURN QUERY SELECT run_attack('setting', 'SELECT {SUBMIT}');
    DROP TRIGGER aa_nested ON naive;
    DROP TRIGGER aa_nested ON safe;
END $$;
SELECT with_nested('BEFORE UPDATE');
SELECT with_nested('AFTER UPDATE');
-- the same row submitted by its own BEFORE trigger: PostgreSQL's own error, no double submission
CREATE FUNCTION resubmit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF pg_trigger_depth() = 1 THEN PERFORM ratchet.submit('safe', NEW.id, actor => 'inner'); END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER aa_resubmit BEFORE UPDATE ON safe FOR EACH ROW EXECUTE FUNCTION resubmit();
SELECT reset();
SELECT attempt($$SELECT ratchet.submit('safe', 3, actor => 'outer')$$);
SELECT look('safe');
DROP TRIGGER aa_resubmit ON safe;

--
-- Code that runs at the very depth of the submission: CHECK constraints, policies, defaults of a domain
--
CREATE FUNCTION armed(id int, target text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    IF COALESCE(current_setting('attack.armed', true), '') = 'on' THEN
        PERFORM set_config('attack.armed', 'off', true);
        EXECUTE format('UPDATE %s SET submitted_at = NULL, submitted_by = NULL WHERE id IN (1, 2)', target);
    END IF;
    RETURN true;
END $$;
ALTER TABLE naive ADD CONSTRAINT armed CHECK (armed(id, 'naive'));
ALTER TABLE safe ADD CONSTRAINT armed CHECK (armed(id, 'safe'));
SELECT run_attack('setting', $a$SELECT set_config('attack.armed', 'on', true)$a$, 'SELECT {SUBMIT}');
ALTER TABLE naive DROP CONSTRAINT armed;
ALTER TABLE safe DROP CONSTRAINT armed;
CREATE POLICY armed ON naive USING (armed(id, 'naive')) WITH CHECK (armed(id, 'naive'));
CREATE POLICY armed ON safe USING (armed(id, 'safe')) WITH CHECK (armed(id, 'safe'));
ALTER TABLE naive ENABLE ROW LEVEL SECURITY;
ALTER TABLE safe ENABLE ROW LEVEL SECURITY;
SET ROLE regress_ratchet_writer;
SELECT run_attack('setting', $a$SELECT set_config('attack.armed', 'on', true)$a$, 'SELECT {SUBMIT}');
SET ROLE regress_ratchet_owner;
ALTER TABLE naive DISABLE ROW LEVEL SECURITY;
ALTER TABLE safe DISABLE ROW LEVEL SECURITY;
DROP POLICY armed ON naive;
DROP POLICY armed ON safe;
-- a rule that adds a statement to the submission's own
CREATE RULE extra AS ON UPDATE TO naive WHERE old.id = 3 DO ALSO SELECT set_config('attack.armed', 'on', true), armed(3, 'naive');
CREATE RULE extra AS ON UPDATE TO safe WHERE old.id = 3 DO ALSO SELECT set_config('attack.armed', 'on', true), armed(3, 'safe');
SELECT run_attack('setting', 'SELECT {SUBMIT}');
DROP RULE extra ON naive;
DROP RULE extra ON safe;

--
-- Inside a referential action
--
CREATE TABLE users (id int PRIMARY KEY);
GRANT SELECT, DELETE ON users TO regress_ratchet_writer;
ALTER TABLE naive ADD user_id int REFERENCES users ON DELETE SET NULL;
ALTER TABLE safe ADD user_id int REFERENCES users ON DELETE SET NULL;
SELECT ratchet.guard('safe', 'submitted_at', gate_by => 'submit', actor => 'submitted_by', owned => '{user_id}');
CREATE OR REPLACE FUNCTION reset() RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = attacks, pg_temp AS $$
    TRUNCATE safe, naive, users;
    INSERT INTO users VALUES (1), (2);
    INSERT INTO safe SELECT i, 'start', CASE WHEN i < 3 THEN '2026-01-01'::timestamptz END, CASE WHEN i < 3 THEN 'ann' END, i FROM generate_series(1, 2) i;
    INSERT INTO naive TABLE safe;
$$;
-- itself: the action nulls the reference of row 1, a trigger reopens the row with it
CREATE FUNCTION reopen_itself() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.user_id IS NULL THEN NEW.submitted_at := NULL; NEW.submitted_by := 'eve'; END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER aa_reopen BEFORE UPDATE ON naive FOR EACH ROW EXECUTE FUNCTION reopen_itself();
CREATE TRIGGER aa_reopen BEFORE UPDATE ON safe FOR EACH ROW EXECUTE FUNCTION reopen_itself();
SELECT reset(), set_config('naive.belief', 'depth', false);
SET ROLE regress_ratchet_writer;
DELETE FROM users WHERE id = 1;
SELECT 'naive: ' || look('naive'), 'safe: ' || look('safe');
SET ROLE regress_ratchet_owner;
SELECT id, user_id FROM safe ORDER BY id;
DROP TRIGGER aa_reopen ON naive;
DROP TRIGGER aa_reopen ON safe;
-- others: the flag of the action is still up when the trigger of the row writes row 2, whose user exists
CREATE FUNCTION reopen_others() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.id = 1 THEN
        EXECUTE format('UPDATE %s SET submitted_at = NULL, user_id = NULL WHERE id = 2', TG_RELID::regclass);
        EXECUTE format('UPDATE %s SET user_id = NULL WHERE id = 2', TG_RELID::regclass);
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER aa_reopen BEFORE UPDATE ON naive FOR EACH ROW EXECUTE FUNCTION reopen_others();
CREATE TRIGGER aa_reopen BEFORE UPDATE ON safe FOR EACH ROW EXECUTE FUNCTION reopen_others();
SELECT reset();
SET ROLE regress_ratchet_writer;
DELETE FROM users WHERE id = 1;
SELECT 'naive: ' || look('naive'), 'safe: ' || look('safe');
SET ROLE regress_ratchet_owner;
SELECT 'naive', id, user_id FROM naive UNION ALL SELECT 'safe', id, user_id FROM safe ORDER BY 1, 2;
DROP TRIGGER aa_reopen ON naive;
DROP TRIGGER aa_reopen ON safe;
-- a referenced row that a policy merely hides is not gone
CREATE POLICY hide ON users USING (id <> 2) WITH CHECK (true);
ALTER TABLE users ENABLE ROW LEVEL SECURITY;
ALTER TABLE users FORCE ROW LEVEL SECURITY;
CREATE TRIGGER aa_reopen BEFORE UPDATE ON safe FOR EACH ROW EXECUTE FUNCTION reopen_others();
SELECT reset();
DELETE FROM users WHERE id = 1;
SELECT id, user_id FROM safe ORDER BY id;
DROP TRIGGER aa_reopen ON safe;
ALTER TABLE naive DROP user_id;
SELECT ratchet.guard('safe', 'submitted_at', gate_by => 'submit', actor => 'submitted_by', replace => true);
ALTER TABLE safe DROP user_id;
DROP TABLE users;
CREATE OR REPLACE FUNCTION reset() RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = attacks, pg_temp AS $$
    TRUNCATE safe, naive;
    INSERT INTO safe SELECT i, 'start', CASE WHEN i < 3 THEN '2026-01-01'::timestamptz END, CASE WHEN i < 3 THEN 'ann' END FROM generate_series(1, 4) i;
    INSERT INTO naive TABLE safe;
$$;

--
-- Errors between permission and update, and exception blocks around them
--
ALTER TABLE naive ADD CONSTRAINT short CHECK (length(note) < 10);
ALTER TABLE safe ADD CONSTRAINT short CHECK (length(note) < 10);
SELECT set_config('naive.belief', 'lock', false), reset();
DO $$
BEGIN
    BEGIN
        PERFORM naive_submit(3, 'eve', 'much too long a note');
    EXCEPTION WHEN check_violation THEN NULL;
    END;
    UPDATE naive SET submitted_at = NULL WHERE id = 1;
    FOR i IN 1..3 LOOP
        BEGIN
            CASE i
                WHEN 1 THEN PERFORM ratchet.submit('safe', 3, actor => 'eve', patch => '{"note": "much too long a note"}');
                WHEN 2 THEN PERFORM ratchet.amend('safe', 2, '{"note": "much too long a note"}', 'eve', 'x');
                WHEN 3 THEN PERFORM ratchet.update('safe', 3, '{"note": "much too long a note"}');
            END CASE;
        EXCEPTION WHEN check_violation THEN NULL;
        END;
        UPDATE safe SET submitted_at = NULL, submitted_by = NULL;
    END LOOP;
END $$;
SELECT 'naive: ' || look('naive'), 'safe: ' || look('safe');
SELECT pg_advisory_unlock_all();
-- a trigger that fails after the permission is given
CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no'; END $$;
CREATE TRIGGER aa_fail BEFORE UPDATE ON safe FOR EACH ROW WHEN (NEW.id = 3) EXECUTE FUNCTION fail();
SELECT reset();
BEGIN;
SAVEPOINT s;
SELECT ratchet.submit('safe', 3);
ROLLBACK TO s;
UPDATE safe SET submitted_at = NULL WHERE id = 1;
SELECT look('safe');
COMMIT;
DROP TRIGGER aa_fail ON safe;
-- cancelled in the middle
CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(10); RETURN NEW; END $$;
CREATE TRIGGER aa_dawdle BEFORE UPDATE ON safe FOR EACH ROW WHEN (NEW.id = 3) EXECUTE FUNCTION dawdle();
BEGIN;
SAVEPOINT s;
SET LOCAL statement_timeout = '20ms';
SELECT ratchet.submit('safe', 3);
ROLLBACK TO s;
UPDATE safe SET submitted_at = NULL WHERE id = 1;
SELECT look('safe');
COMMIT;
DROP TRIGGER aa_dawdle ON safe;
ALTER TABLE naive DROP CONSTRAINT short;
ALTER TABLE safe DROP CONSTRAINT short;

--
-- Views. The control guards by column privileges, which a view's owner lends.
--
CREATE VIEW naive_view WITH (security_barrier) AS SELECT * FROM naive WHERE id < 3 WITH CHECK OPTION;
CREATE VIEW safe_view WITH (security_barrier) AS SELECT * FROM safe WHERE id < 3 WITH CHECK OPTION;
CREATE VIEW safe_invoker WITH (security_invoker) AS SELECT * FROM safe;
CREATE VIEW safe_instead AS SELECT * FROM safe;
CREATE FUNCTION write_instead() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    UPDATE attacks.safe SET submitted_at = NEW.submitted_at, note = NEW.note WHERE id = OLD.id;
    RETURN NEW;
END $$;
CREATE TRIGGER write_instead INSTEAD OF UPDATE ON safe_instead FOR EACH ROW EXECUTE FUNCTION write_instead();
GRANT SELECT, UPDATE ON naive_view, safe_view, safe_invoker, safe_instead TO regress_ratchet_writer;
ALTER TABLE naive DISABLE TRIGGER zz_guard;
REVOKE UPDATE ON naive FROM regress_ratchet_writer;
GRANT UPDATE (note) ON naive TO regress_ratchet_writer;
SELECT reset();
SET ROLE regress_ratchet_writer;
SELECT attempt('UPDATE naive SET submitted_at = NULL');
UPDATE naive_view SET submitted_at = NULL;
UPDATE safe_view SET submitted_at = NULL, note = 'view';
UPDATE safe_invoker SET submitted_at = NULL, note = note || '!';
UPDATE safe_instead SET submitted_at = NULL, note = note || '?';
SET ROLE regress_ratchet_owner;
SELECT 'naive: ' || look('naive'), 'safe: ' || look('safe');
DROP VIEW naive_view, safe_view, safe_invoker, safe_instead;
ALTER TABLE naive ENABLE TRIGGER zz_guard;
GRANT UPDATE ON naive TO regress_ratchet_writer;
SELECT attempt($$SELECT ratchet.submit('pg_catalog.pg_tables', 1)$$);

--
-- Attaching by hand: the TRIGGER privilege is no right to declare contracts
--
CREATE TABLE victim (id int PRIMARY KEY, note text, submitted_at timestamptz);
GRANT TRIGGER ON victim TO regress_ratchet_trigger;
SET ROLE regress_ratchet_trigger;
-- control: any other trigger function may be attached with it
SELECT attempt('CREATE TRIGGER naive BEFORE UPDATE ON victim FOR EACH ROW EXECUTE FUNCTION naive_guard()');
SELECT attempt($$CREATE TRIGGER "~ratchet_guard" BEFORE UPDATE ON victim FOR EACH ROW EXECUTE FUNCTION ratchet.guard_row('gate=submitted_at', 'gate_by=any', 'mode=reject')$$);
SELECT attempt($$CREATE TRIGGER "~ratchet_guard_insert" AFTER INSERT ON victim FOR EACH ROW EXECUTE FUNCTION ratchet.guard_insert()$$);
SELECT attempt($$SELECT ratchet.guard('victim', 'submitted_at')$$);
SET ROLE regress_ratchet_owner;
SELECT tgname FROM pg_trigger WHERE tgrelid = 'victim'::regclass;
DROP TRIGGER naive ON victim;
SELECT attempt($$CREATE TRIGGER "~ratchet_guard" BEFORE UPDATE ON victim FOR EACH ROW EXECUTE FUNCTION ratchet.guard_row('gate=submitted_at', 'gate_by=any', 'mode=reject')$$);
-- and once there is a contract, it cannot be replaced or outrun with it either
SET ROLE regress_ratchet_trigger;
SELECT attempt($$CREATE OR REPLACE TRIGGER "~ratchet_guard" BEFORE UPDATE ON victim FOR EACH ROW EXECUTE FUNCTION ratchet.guard_row('gate=submitted_at', 'gate_by=any', 'mode=observe')$$);
SELECT attempt($$CREATE OR REPLACE TRIGGER "~ratchet_guard" BEFORE UPDATE ON victim FOR EACH ROW EXECUTE FUNCTION naive_guard()$$);
SELECT attempt($$CREATE TRIGGER "~zzz" BEFORE UPDATE ON victim FOR EACH ROW EXECUTE FUNCTION naive_guard()$$);
SELECT attempt($$CREATE TRIGGER "~ratchet_guard_insert" AFTER INSERT ON victim FOR EACH ROW EXECUTE FUNCTION naive_guard()$$);
-- the names are reserved, also for the owner, who has ratchet.unguard()
SET ROLE regress_ratchet_owner;
SELECT attempt($$CREATE OR REPLACE TRIGGER "~ratchet_guard" BEFORE UPDATE ON victim FOR EACH ROW EXECUTE FUNCTION naive_guard()$$);
SELECT attempt($$CREATE TRIGGER "~ratchet_guard" BEFORE UPDATE ON naive FOR EACH ROW EXECUTE FUNCTION naive_guard()$$);
SELECT attempt($$ALTER TRIGGER zz_guard ON naive RENAME TO "~ratchet_guard"$$);
RESET ROLE;
SELECT mode FROM ratchet.contract WHERE target = 'victim'::regclass;
SELECT attempt('SELECT ratchet.guard_row()');
SELECT attempt('SELECT ratchet.guard_insert()');
SELECT attempt('SELECT ratchet.watch_ddl()');
SELECT ratchet.born_closed(NULL), ratchet.born_closed(ROW(1, 2)), ratchet.born_closed(ROW(1, 'x', now())::victim);

--
-- Rights: the verbs give a caller nothing that it does not have
--
SET ROLE regress_ratchet_owner;
GRANT SELECT ON safe TO regress_ratchet_reader;
SELECT reset(), set_config('naive.belief', 'setting', false);
-- control: a submit that runs with its owner's rights
CREATE FUNCTION naive_definer(key int, who text) RETURNS text LANGUAGE sql SECURITY DEFINER SET search_path = attacks, pg_temp
    AS 'SELECT naive_submit(key, who)';
CREATE FUNCTION all_verbs(target text, key int) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
    RETURN NEXT 'submit: ' || attempt(format('SELECT ratchet.submit(%L, %L, actor => %L)', target, key, 'eve'));
    RETURN NEXT 'update: ' || attempt(format('SELECT ratchet.update(%L, %L, %L)', target, key, '{"note": "eve"}'));
    RETURN NEXT 'amend: ' || attempt(format('SELECT ratchet.amend(%L, %L, %L, %L, %L)', target, key, '{"note": "eve"}', 'eve', 'x'));
END $$;
SET ROLE regress_ratchet_reader;
SELECT naive_definer(3, 'reader');
SELECT all_verbs('safe', 3);
SET ROLE regress_ratchet_nobody;
SELECT naive_definer(4, 'nobody');
SELECT all_verbs('safe', 3);
-- no lock is left behind by a refused call
BEGIN;
SELECT attempt($$SELECT ratchet.submit('safe', 3)$$);
SELECT count(*) FROM pg_locks WHERE relation = 'safe'::regclass AND pid = pg_backend_pid();
COMMIT;
SET ROLE regress_ratchet_owner;
SELECT 'naive: ' || look('naive'), 'safe: ' || look('safe');
-- columns: a right to write the note is none to close the gate
GRANT UPDATE (note) ON safe TO regress_ratchet_reader;
SET ROLE regress_ratchet_reader;
SELECT all_verbs('safe', 3);
SELECT outcome, kept FROM ratchet.update('safe', 3, '{"note": "by reader"}');
SELECT attempt($$SELECT ratchet.update('safe', 3, '{"submitted_by": "eve"}')$$);
SET ROLE regress_ratchet_owner;
REVOKE ALL ON safe FROM regress_ratchet_reader;
GRANT SELECT (id), UPDATE (submitted_at, submitted_by) ON safe TO regress_ratchet_reader;
SET ROLE regress_ratchet_reader;
SELECT all_verbs('safe', 3);
SET ROLE regress_ratchet_owner;
GRANT SELECT (id, submitted_at, submitted_by) ON safe TO regress_ratchet_reader;
SET ROLE regress_ratchet_reader;
SELECT attempt($$SELECT ratchet.submit('safe', 3, patch => '{"note": "eve"}')$$);
SELECT outcome, submitted_by FROM ratchet.submit('safe', 3, actor => 'reader');
SELECT outcome, submitted_by FROM ratchet.submit('safe', 3, actor => 'reader');
SET ROLE regress_ratchet_owner;
SELECT look('safe');
-- a record needs the right to INSERT it
CREATE TABLE record (safe_id int REFERENCES safe, points int);
CREATE TABLE naive_record (naive_id int REFERENCES naive, points int);
GRANT SELECT ON record TO regress_ratchet_writer;
SET ROLE regress_ratchet_writer;
SELECT attempt($$SELECT ratchet.submit('safe', 4, actor => 'writer', child => 'record', record => '{"points": 1}')$$);
SET ROLE regress_ratchet_owner;
GRANT INSERT (safe_id) ON record TO regress_ratchet_writer;
SET ROLE regress_ratchet_writer;
SELECT attempt($$SELECT ratchet.submit('safe', 4, actor => 'writer', child => 'record', record => '{"points": 1}')$$);
SELECT outcome, record FROM ratchet.submit('safe', 4, actor => 'writer', child => 'record', record => '{}');
SET ROLE regress_ratchet_owner;
DROP TABLE record, naive_record;

--
-- amend: the owner's, or an explicit grant within the own rights
--
SELECT reset();
SET ROLE regress_ratchet_writer;
SELECT attempt($$SELECT ratchet.amend('safe', 1, '{"submitted_at": null}', 'eve', 'x')$$);
SELECT attempt($$SELECT ratchet.amend_right()$$);
RESET ROLE;
GRANT EXECUTE ON FUNCTION ratchet.amend_right() TO regress_ratchet_writer, regress_ratchet_nobody;
SET ROLE regress_ratchet_nobody;
SELECT attempt($$SELECT ratchet.amend('safe', 1, '{"submitted_at": null}', 'eve', 'x')$$);
SET ROLE regress_ratchet_writer;
SELECT outcome, changed FROM ratchet.amend('safe', 1, '{"submitted_at": null}', 'writer', 'granted');
UPDATE safe SET submitted_at = NULL;
RESET ROLE;
REVOKE EXECUTE ON FUNCTION ratchet.amend_right() FROM regress_ratchet_writer, regress_ratchet_nobody;
SET ROLE regress_ratchet_writer;
SELECT attempt($$SELECT ratchet.amend('safe', 2, '{"submitted_at": null}', 'eve', 'x')$$);
SELECT look('safe');
-- a trigger in which the owner amends lends nothing to the statement around it
SET ROLE regress_ratchet_owner;
CREATE FUNCTION amend_beside() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = attacks AS $$
BEGIN
    IF NEW.id = 3 THEN PERFORM ratchet.amend('safe', 2, '{"note": "amended"}', 'trigger', 'x'); END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER aa_amend BEFORE UPDATE ON safe FOR EACH ROW EXECUTE FUNCTION amend_beside();
SELECT reset();
SET ROLE regress_ratchet_writer;
UPDATE safe SET submitted_at = '2020-01-01', submitted_by = 'eve' WHERE id IN (1, 3);
SET ROLE regress_ratchet_owner;
SELECT look('safe');
DROP TRIGGER aa_amend ON safe;

--
-- Row-level security
--
SELECT reset();
UPDATE safe SET note = 'hidden' WHERE id = 3;
UPDATE safe SET note = 'seen' WHERE id = 4;
INSERT INTO safe VALUES (5, 'mine'), (6, 'locked');
ALTER TABLE safe ENABLE ROW LEVEL SECURITY;
CREATE POLICY see ON safe FOR SELECT USING (note <> 'hidden');
CREATE POLICY change ON safe FOR UPDATE USING (note IN ('mine', 'locked')) WITH CHECK (note <> 'locked' OR submitted_at IS NULL);
SET ROLE regress_ratchet_writer;
-- control: a submit with its owner's rights reaches what the caller cannot see
SELECT naive_definer(3, 'eve');
SELECT outcome, submitted_by FROM ratchet.submit('safe', 3, actor => 'eve');
SELECT attempt($$SELECT ratchet.submit('safe', 4, actor => 'eve')$$);
SELECT outcome, submitted_by FROM ratchet.submit('safe', 1, actor => 'eve');
SELECT attempt($$SELECT ratchet.submit('safe', 6, actor => 'eve')$$);
SELECT attempt($$SELECT ratchet.update('safe', 4, '{"note": "mine"}')$$);
SELECT outcome FROM ratchet.update('safe', 3, '{"note": "mine"}');
SELECT outcome, submitted_by FROM ratchet.submit('safe', 5, actor => 'writer');
-- statements are cached, policies are looked at each time, for whoever calls
SET ROLE regress_ratchet_owner;
SELECT outcome, submitted_by FROM ratchet.submit('safe', 3, actor => 'owner');
SET ROLE regress_ratchet_writer;
SELECT outcome, submitted_by FROM ratchet.submit('safe', 3, actor => 'eve');
SET ROLE regress_ratchet_owner;
SELECT look('safe');
ALTER TABLE safe DISABLE ROW LEVEL SECURITY;

--
-- insert => 'reject': a move in progress lends nothing to an INSERT
--
CREATE TABLE tree (id int, region text, note text, submitted_at timestamptz, PRIMARY KEY (id, region)) PARTITION BY LIST (region);
CREATE TABLE tree_a PARTITION OF tree FOR VALUES IN ('a');
CREATE TABLE tree_b PARTITION OF tree FOR VALUES IN ('b');
-- control: believes that an INSERT after an update of the partition key is the move's
CREATE TABLE naive_tree (id int, region text, note text, submitted_at timestamptz, PRIMARY KEY (id, region)) PARTITION BY LIST (region);
CREATE TABLE naive_tree_a PARTITION OF naive_tree FOR VALUES IN ('a');
CREATE TABLE naive_tree_b PARTITION OF naive_tree FOR VALUES IN ('b');
CREATE FUNCTION naive_tree() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        PERFORM set_config('naive.moving', 'on', true) WHERE NEW.region <> OLD.region;
        RETURN NEW;
    END IF;
    IF NEW.submitted_at IS NOT NULL AND current_setting('naive.moving', true) = 'on' THEN RETURN NULL; END IF;
    IF NEW.submitted_at IS NOT NULL THEN RAISE EXCEPTION 'must be born open'; END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER naive_tree BEFORE UPDATE ON naive_tree FOR EACH ROW EXECUTE FUNCTION naive_tree();
CREATE TRIGGER naive_tree_insert AFTER INSERT ON naive_tree FOR EACH ROW EXECUTE FUNCTION naive_tree();
SELECT ratchet.guard('tree', 'submitted_at', insert => 'reject');
CREATE FUNCTION smuggle(target text, first text, second text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    answers text;
    ids text;
BEGIN
    EXECUTE format('DELETE FROM %s', target);
    EXECUTE format($q$INSERT INTO %s VALUES (1, 'a', 'closed'), (2, 'a', 'open')$q$, target);
    EXECUTE format($q$UPDATE %s SET submitted_at = '2026-01-01' WHERE id = 1$q$, target);
    PERFORM set_config('naive.moving', 'off', true);
    answers := left(attempt(replace(first, '{T}', target)), 5) || ', ' || left(attempt(replace(second, '{T}', target)), 5);
    EXECUTE format($q$SELECT string_agg(id || region || CASE WHEN submitted_at IS NULL THEN ' open' ELSE ' closed' END, ', ' ORDER BY id) FROM %s$q$, target) INTO ids;
    RETURN target || ': ' || answers || ': ' || ids;
END $$;
SELECT smuggle(t, first, $$INSERT INTO {T} VALUES (9, 'a', 'smuggled', now())$$)
FROM unnest(ARRAY[$$UPDATE {T} SET region = 'b' WHERE id = 2$$, $$UPDATE {T} SET region = 'b' WHERE id = 1$$, $$UPDATE {T} SET region = 'b'$$,
                  $$UPDATE {T} SET region = 'b' WHERE id = 99$$, $$WITH w AS (UPDATE {T} SET region = 'b' RETURNING *) SELECT count(*) FROM w$$])
     WITH ORDINALITY f (first, place), unnest('{naive_tree,tree}'::text[]) t ORDER BY place, t;
SELECT smuggle(t, $$SELECT 1$$, $$WITH w AS (UPDATE {T} SET region = 'b' WHERE id = 2 RETURNING *)
    INSERT INTO {T} SELECT 9, 'a', 'smuggled', now() FROM w$$) FROM unnest('{naive_tree,tree}'::text[]) t ORDER BY t;
-- in the very window between the move's DELETE and its INSERT: a trigger, and a CHECK constraint of the new place
CREATE FUNCTION smuggle_in() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format($q$INSERT INTO %s VALUES (9, 'a', 'smuggled', now())$q$, TG_ARGV[0]);
    RETURN OLD;
END $$;
CREATE TRIGGER smuggle_in BEFORE DELETE ON tree_a FOR EACH ROW WHEN (OLD.id = 2) EXECUTE FUNCTION smuggle_in('tree');
CREATE TRIGGER smuggle_in BEFORE DELETE ON naive_tree_a FOR EACH ROW WHEN (OLD.id = 2) EXECUTE FUNCTION smuggle_in('naive_tree');
ALTER TABLE tree_a DISABLE TRIGGER smuggle_in;
ALTER TABLE naive_tree_a DISABLE TRIGGER smuggle_in;
SELECT smuggle(t, format('ALTER TABLE %s_a ENABLE TRIGGER smuggle_in', t), $$UPDATE {T} SET region = 'b' WHERE id = 2$$) FROM unnest('{naive_tree,tree}'::text[]) t ORDER BY t;
DROP TRIGGER smuggle_in ON tree_a;
DROP TRIGGER smuggle_in ON naive_tree_a;
CREATE FUNCTION smuggling(id int, target text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    IF COALESCE(current_setting('attack.armed', true), '') = 'on' AND id = 2 THEN
        PERFORM set_config('attack.armed', 'off', true);
        EXECUTE format($q$INSERT INTO %s VALUES (9, 'a', 'smuggled', now())$q$, target);
    END IF;
    RETURN true;
END $$;
ALTER TABLE tree ADD CHECK (smuggling(id, 'tree'));
ALTER TABLE naive_tree ADD CHECK (smuggling(id, 'naive_tree'));
SELECT smuggle(t, $$SELECT set_config('attack.armed', 'on', true)$$, $$UPDATE {T} SET region = 'b' WHERE id = 2$$) FROM unnest('{naive_tree,tree}'::text[]) t ORDER BY t;

RESET ROLE;
SET client_min_messages = error;
DROP SCHEMA hostile, attacks CASCADE;
DROP OWNED BY regress_ratchet_owner, regress_ratchet_writer, regress_ratchet_trigger, regress_ratchet_reader, regress_ratchet_nobody;
DROP ROLE regress_ratchet_owner, regress_ratchet_writer, regress_ratchet_trigger, regress_ratchet_reader, regress_ratchet_nobody;
