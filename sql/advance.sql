--
-- ratchet.advance(): a move along the graph, with a record, whatever the keys' types; and what version does to the verbs.
--
\set SHOW_CONTEXT never
SET client_min_messages = warning;
\pset format unaligned
\pset tuples_only on
CREATE SCHEMA advance;
SET search_path = advance, test_setup;
CREATE TYPE status AS ENUM ('draft', 'enhancing', 'ready', 'failed');
CREATE TABLE interview (id bigint PRIMARY KEY, code text UNIQUE NOT NULL, status status, priority int NOT NULL DEFAULT 1, title text, prompts int NOT NULL DEFAULT 0,
                        request uuid, alive timestamptz, updated_at timestamptz NOT NULL DEFAULT '2020-01-01');
CREATE TABLE prompt (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, interview bigint NOT NULL REFERENCES interview, body text NOT NULL CHECK (body <> 'bad'),
                     UNIQUE (interview, body));
INSERT INTO interview (id, code, status) SELECT i, 'c' || i, 'draft' FROM generate_series(1, 12) i;
SELECT ratchet.tally('prompt', 'interview', '{"prompts": "true"}');
SELECT ratchet.guard('interview', states => '{"status": {"draft": ["enhancing"], "enhancing": ["ready", "failed"], "failed": ["enhancing"], "ready": []}}',
                     heartbeat => 'alive', idempotency_key => 'request', frozen => '{title}');
CREATE FUNCTION look(wanted bigint) RETURNS text LANGUAGE sql AS $$
SELECT format('%s %s, %s counted, prompts: %s', status, title, prompts, (SELECT string_agg(body, ', ' ORDER BY body) FROM prompt WHERE interview = wanted)) FROM interview WHERE id = wanted
$$;

--
-- Moves, and every answer
--
SELECT outcome, state, was, record, progress, kept, conflict, stale FROM ratchet.advance('interview', 1, 'enhancing', '{"title": "one"}', 'prompt', '{"body": "p1"}', flush => true);
SELECT look(1), alive IS NOT NULL FROM interview WHERE id = 1;
SELECT outcome, state, was, record, progress FROM ratchet.advance('interview', 1, 'enhancing', NULL, 'prompt', '{"body": "p2"}');
SELECT outcome, state, was, record FROM ratchet.advance('interview', 1, 'draft', NULL, 'prompt', '{"body": "p2"}');
SELECT outcome, state, was, conflict FROM ratchet.advance('interview', 1, 'failed', '{"title": "x"}', 'prompt', '{"body": "p1"}');
SELECT outcome, state, was, stale FROM ratchet.advance('interview', 1, 'failed', expect => '{"title": "two", "priority": 1}');
SELECT outcome, state, was FROM ratchet.advance('interview', 99, 'failed');
SELECT look(1);
SELECT outcome, state, was, kept FROM ratchet.advance('interview', 1, 'failed', '{"title": "failed once"}', expect => '{"title": "one"}');
SELECT outcome, state, was, record->>'body' FROM ratchet.advance('interview', 1, 'enhancing', NULL, 'prompt', '{"body": "p3"}');
SELECT outcome, state, was FROM ratchet.advance('interview', 1, 'ready', '{"title": "last"}');
SELECT outcome, state, was FROM ratchet.advance('interview', 1, 'enhancing', '{"title": "late"}');
SELECT look(1);
UPDATE interview SET status = NULL WHERE id = 2;
UPDATE interview SET priority = 5 WHERE id = 2;
SELECT look(2);
INSERT INTO interview (id, code) VALUES (20, 'c20');
SELECT outcome, state, was FROM ratchet.advance('interview', 20, 'failed');
SELECT outcome, state, was FROM ratchet.advance('interview', '{"code": "c20"}'::jsonb, 'draft');

--
-- A failure at any step leaves neither a record nor a state that moved
--
SELECT attempt($$SELECT * FROM ratchet.advance('interview', 3, 'enhancing', NULL, 'prompt', '{"body": "bad"}')$$);
SELECT attempt($$SELECT * FROM ratchet.advance('interview', 3, 'enhancing', NULL, 'prompt', '{"body": null}')$$);
SELECT attempt($$SELECT * FROM ratchet.advance('interview', 3, 'enhancing', '{"priority": "high"}', 'prompt', '{"body": "p"}')$$);
SELECT split_part(attempt($$SELECT * FROM ratchet.advance('interview', 3, 'enhancing', '{"priority": null}', 'prompt', '{"body": "p"}')$$), E'\n', 1);
SELECT attempt($$SELECT * FROM ratchet.advance('interview', 3, 'enhancing', NULL, 'prompt', '{"body": "p", "interview": 4}')$$);
SELECT attempt($$SELECT * FROM ratchet.advance('interview', 3, 'enhancing', '{"code": "c4"}', 'prompt', '{"body": "p"}')$$);
SELECT look(3);
BEGIN;
SELECT outcome FROM ratchet.advance('interview', 3, 'enhancing', NULL, 'prompt', '{"body": "p"}');
ROLLBACK;
SELECT look(3);

--
-- Safe to repeat with a key: wherever the row is by then
--
SELECT outcome, state, was, record->>'body' FROM ratchet.advance('interview', 4, 'enhancing', NULL, 'prompt', '{"body": "p"}', idempotency_key => '00000000-0000-0000-0000-000000000001');
SELECT outcome, state, was, record->>'body' FROM ratchet.advance('interview', 4, 'enhancing', NULL, 'prompt', '{"body": "p"}', idempotency_key => '00000000-0000-0000-0000-000000000001'::uuid);
SELECT outcome, state, was, record->>'body' FROM ratchet.advance('interview', 4, 'enhancing', NULL, 'prompt', '{"body": "p"}', idempotency_key => '00000000-0000-0000-0000-000000000002');
SELECT outcome, state, was, record->>'body' FROM ratchet.advance('interview', 4, 'enhancing', NULL, 'prompt', '{"body": "p"}');
SELECT outcome, state FROM ratchet.advance('interview', 4, 'ready');
SELECT outcome, state, was, record->>'body' FROM ratchet.advance('interview', 4, 'enhancing', NULL, 'prompt', '{"body": "p"}', idempotency_key => '00000000-0000-0000-0000-000000000001');
UPDATE interview SET request = '00000000-0000-0000-0000-000000000009' WHERE id = 5;
SELECT request FROM interview WHERE id = 5;
SELECT attempt($$SELECT * FROM ratchet.advance('interview', 5, 'enhancing', idempotency_key => 'no uuid')$$);
SELECT look(4);

--
-- Keys and states of every type that a driver may bind
--
SELECT outcome FROM ratchet.advance('interview', '6', 'enhancing');
SELECT outcome FROM ratchet.advance('interview', 6::bigint, 'ready'::text);
SELECT outcome FROM ratchet.advance('interview', 7, 'enhancing'::status);
SELECT outcome FROM ratchet.advance('interview', 7::smallint, 'ready'::varchar);
SELECT outcome FROM ratchet.advance('interview', '{"id": 8}'::jsonb, 'enhancing'::name);
PREPARE untyped AS SELECT outcome FROM ratchet.advance('interview', $1, $2, $3, NULL, NULL, $4, $5);
EXECUTE untyped('9', 'enhancing', '{"title": "nine"}', '{"priority": 1}', '00000000-0000-0000-0000-000000000003');
PREPARE named AS SELECT outcome FROM ratchet.advance(target => $1, key => $2, state => $3);
EXECUTE named('interview', '9', 'ready');
CREATE TABLE step (a int, b uuid, n smallint, c text, PRIMARY KEY (a, b));
INSERT INTO step VALUES (1, '00000000-0000-0000-0000-000000000001', 1, 'x');
SELECT ratchet.guard('step', states => '{"n": {"1": [2], "2": [3], "3": []}, "c": {"x": ["y"], "y": []}}');
SELECT outcome, state, was FROM ratchet.advance('step', '{"a": 1, "b": "00000000-0000-0000-0000-000000000001"}', 2, state_column => 'n');
SELECT outcome, state, was FROM ratchet.advance('step', '{"a": 1, "b": "00000000-0000-0000-0000-000000000001"}', '3', state_column => 'n');
SELECT outcome, state, was FROM ratchet.advance('step', '{"a": 1, "b": "00000000-0000-0000-0000-000000000001"}', 'y', state_column => 'c');
SELECT attempt($$SELECT * FROM ratchet.advance('step', '{"a": 1, "b": "00000000-0000-0000-0000-000000000001"}', 'y')$$);
SELECT attempt($$SELECT * FROM ratchet.advance('step', '{"a": 1, "b": "00000000-0000-0000-0000-000000000001"}', 'y', state_column => 'a')$$);
SELECT attempt($$SELECT * FROM ratchet.advance('step', '{"a": 1, "b": "00000000-0000-0000-0000-000000000001"}', 'y', state_column => 'nothing')$$);
DROP TABLE step;

--
-- A claim is made once. Whether a call repeats one comes before what it expects, as in submit()
--
CREATE TABLE seat (id int PRIMARY KEY, status text NOT NULL DEFAULT 'free', holder text, request text);
SELECT ratchet.guard('seat', states => '{"status": {"free": ["held"], "held": ["free", "sold"], "sold": []}}', idempotency_key => 'request');
INSERT INTO seat VALUES (1), (2);
SELECT outcome, state, was FROM ratchet.advance('seat', 1, 'held', '{"holder": "A"}', expect => '{"holder": null}', idempotency_key => 'a');
SELECT outcome, state, was FROM ratchet.advance('seat', 1, 'held', '{"holder": "B"}');
SELECT outcome, state, was FROM ratchet.advance('seat', 1, 'held', '{"holder": "B"}', idempotency_key => 'b');
SELECT outcome, state, was, stale FROM ratchet.advance('seat', 1, 'held', '{"holder": "B"}', expect => '{"holder": null}', idempotency_key => 'b');
SELECT outcome, state, was, stale FROM ratchet.advance('seat', 1, 'held', '{"holder": "A"}', expect => '{"holder": null}', idempotency_key => 'a');
SELECT outcome, state, was, stale FROM ratchet.advance('seat', 1, 'sold', expect => '{"holder": "B"}', idempotency_key => 'c');
SELECT outcome, state, was, stale FROM ratchet.advance('seat', 1, 'sold', expect => '{"holder": "A"}', idempotency_key => 'c');
SELECT outcome, state, was, stale FROM ratchet.advance('seat', 1, 'sold', expect => '{"holder": "A", "status": "held"}', idempotency_key => 'c');
SELECT outcome, state, was, stale FROM ratchet.advance('seat', 1, 'held', expect => '{"holder": null}', idempotency_key => 'a');
SELECT outcome FROM ratchet.advance('seat', 3, 'held', expect => '{"holder": null}', idempotency_key => 'a');
SELECT * FROM seat ORDER BY id;
-- for a role that may move it and read nothing but its key and what it expects
CREATE ROLE regress_ratchet_mover;
GRANT USAGE ON SCHEMA advance TO regress_ratchet_mover;
GRANT SELECT (id, holder), UPDATE ON seat TO regress_ratchet_mover;
SET ROLE regress_ratchet_mover;
SELECT outcome, state, was FROM ratchet.advance('seat', 2, 'held', '{"holder": "A"}', expect => '{"holder": null}', idempotency_key => 'a');
SELECT outcome, state, was FROM ratchet.advance('seat', 2, 'held', '{"holder": "A"}', expect => '{"holder": null}', idempotency_key => 'a');
SELECT outcome, state, was FROM ratchet.advance('seat', 2, 'held', '{"holder": "B"}', idempotency_key => 'b');
SELECT outcome, state, was, stale FROM ratchet.advance('seat', 2, 'held', '{"holder": "B"}', expect => '{"holder": null}', idempotency_key => 'b');
RESET ROLE;
DROP OWNED BY regress_ratchet_mover;
DROP ROLE regress_ratchet_mover;
-- the winner of a submission is found before what a repetition expects, too
CREATE TABLE card (id int PRIMARY KEY, note text, submitted_at timestamptz, request text);
SELECT ratchet.guard('card', 'submitted_at', idempotency_key => 'request', version => NULL);
INSERT INTO card VALUES (1, 'a');
SELECT outcome FROM ratchet.submit('card', 1, patch => '{"note": "b"}', expect => '{"note": "a"}', idempotency_key => 'k');
SELECT outcome FROM ratchet.submit('card', 1, patch => '{"note": "b"}', expect => '{"note": "a"}', idempotency_key => 'k');
SELECT outcome FROM ratchet.submit('card', 1, patch => '{"note": "c"}', expect => '{"note": "a"}', idempotency_key => 'l');

--
-- Bad arguments change nothing
--
SELECT attempt($$SELECT * FROM ratchet.advance('interview', 10, 'enhanced')$$);
SELECT attempt($$SELECT * FROM ratchet.advance('interview', 10, NULL::text)$$);
SELECT attempt($$SELECT * FROM ratchet.advance(NULL, 10, 'ready')$$);
SELECT attempt($$SELECT * FROM ratchet.advance('interview', NULL::text, 'ready')$$);
SELECT attempt($$SELECT * FROM ratchet.advance('interview', 'ten', 'ready')$$);
SELECT attempt($$SELECT * FROM ratchet.advance('interview', 10, 'enhancing', '{"status": "ready"}')$$);
SELECT attempt($$SELECT * FROM ratchet.advance('interview', 10, 'enhancing', '{"alive": null}')$$);
SELECT attempt($$SELECT * FROM ratchet.advance('interview', 10, 'enhancing', '{"request": null}')$$);
SELECT attempt($$SELECT * FROM ratchet.advance('interview', 10, 'enhancing', '{"nothing": 1}')$$);
SELECT attempt($$SELECT * FROM ratchet.advance('interview', 10, 'enhancing', '[1]')$$);
SELECT attempt($$SELECT * FROM ratchet.advance('interview', 10, 'enhancing', child => 'prompt')$$);
SELECT attempt($$SELECT * FROM ratchet.advance('interview', 10, 'enhancing', record => '{}')$$);
SELECT attempt($$SELECT * FROM ratchet.advance('interview', 10, 'enhancing', child => 'interview', record => '{}')$$);
SELECT attempt($$SELECT * FROM ratchet.advance('interview', 10, 'enhancing', expect => '{"nothing": 1}')$$);
SELECT attempt($$SELECT * FROM ratchet.advance('prompt', 1, 'enhancing')$$);
SELECT look(10);

--
-- Whatever mode saves have, advance() answers; a forbidden move by a plain save is what the mode says
--
SELECT ratchet.guard('interview', states => '{"status": {"draft": ["enhancing"], "enhancing": ["ready", "failed"], "failed": ["enhancing"], "ready": []}}',
                     heartbeat => 'alive', idempotency_key => 'request', frozen => '{title}', mode => 'observe', replace => true);
SELECT outcome, state, was FROM ratchet.advance('interview', 10, 'ready');
SELECT outcome, state, was FROM ratchet.advance('interview', 1, 'enhancing');
UPDATE interview SET status = 'ready' WHERE id = 10;
SELECT look(10);
SELECT ratchet.guard('interview', states => '{"status": {"draft": ["enhancing"], "enhancing": ["ready", "failed"], "failed": ["enhancing"], "ready": []}}',
                     heartbeat => 'alive', idempotency_key => 'request', frozen => '{title}', mode => 'reject');
SELECT outcome, state, was FROM ratchet.advance('interview', 1, 'enhancing');
SELECT attempt($$UPDATE interview SET status = 'enhancing' WHERE id = 1$$);
SELECT attempt($$UPDATE interview SET title = 'x' WHERE id = 1$$);

--
-- Rights: the caller's own, and no more
--
CREATE ROLE regress_ratchet_mover;
GRANT USAGE ON SCHEMA advance TO regress_ratchet_mover;
GRANT SELECT, UPDATE (status, alive) ON interview TO regress_ratchet_mover;
SET ROLE regress_ratchet_mover;
SELECT outcome FROM ratchet.advance('interview', 11, 'enhancing');
SELECT attempt($$SELECT * FROM ratchet.advance('interview', 11, 'ready', '{"title": "x"}')$$);
SELECT attempt($$SELECT * FROM ratchet.advance('interview', 11, 'ready', child => 'prompt', record => '{"body": "x"}')$$);
SELECT attempt($$SELECT * FROM ratchet.beat('prompt', 1)$$);
SELECT outcome FROM ratchet.beat('interview', 11);
RESET ROLE;
ALTER TABLE interview ENABLE ROW LEVEL SECURITY;
CREATE POLICY seen ON interview FOR SELECT USING (true);
CREATE POLICY own ON interview FOR UPDATE USING (id = 11);
SET ROLE regress_ratchet_mover;
SELECT attempt($$SELECT * FROM ratchet.advance('interview', 12, 'enhancing')$$);
SELECT attempt($$SELECT * FROM ratchet.beat('interview', 12)$$);
SELECT outcome FROM ratchet.advance('interview', 11, 'failed');
RESET ROLE;
DROP POLICY seen ON interview;
CREATE POLICY seen ON interview FOR SELECT USING (id > 11);
SET ROLE regress_ratchet_mover;
SELECT outcome FROM ratchet.advance('interview', 11, 'enhancing');
SELECT outcome FROM ratchet.beat('interview', 11);
RESET ROLE;
ALTER TABLE interview DISABLE ROW LEVEL SECURITY;

--
-- A trigger that suppresses the update is an error, and so is one that moves the row elsewhere
--
CREATE FUNCTION suppress() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN IF NEW.title = ''suppress'' THEN RETURN NULL; END IF; IF NEW.title = ''wander'' THEN NEW.status = ''draft''; END IF; RETURN NEW; END';
CREATE TRIGGER suppress BEFORE UPDATE ON interview FOR EACH ROW EXECUTE FUNCTION suppress();
SELECT attempt($$SELECT * FROM ratchet.advance('interview', 12, 'enhancing', '{"title": "suppress"}')$$);
SELECT outcome, state, was FROM ratchet.advance('interview', 12, 'enhancing', '{"title": "moves"}');
SELECT attempt($$SELECT outcome, state, was FROM ratchet.advance('interview', 12, 'ready', '{"title": "wander"}')$$);
SELECT look(12);
DROP TRIGGER suppress ON interview;
ALTER TABLE interview DISABLE TRIGGER "~ratchet_guard";
SELECT attempt($$SELECT * FROM ratchet.advance('interview', 12, 'ready')$$);
SELECT attempt($$SELECT * FROM ratchet.beat('interview', 12)$$);
ALTER TABLE interview ENABLE TRIGGER "~ratchet_guard";
SELECT ratchet.verify('interview');

--
-- version: counted up with every update, by whomever; a stale one is refused, or by the verbs answered
--
CREATE TABLE doc (id int PRIMARY KEY, body text, note text, lock_version int, alive timestamptz, status text DEFAULT 'a', closed_at timestamptz, n int NOT NULL DEFAULT 0);
CREATE TABLE line (doc int REFERENCES doc);
INSERT INTO doc (id, lock_version) VALUES (1, 1), (2, NULL), (3, 2147483647), (4, 1);
SELECT ratchet.tally('line', 'doc', '{"n": "true"}');
SELECT ratchet.guard('doc', 'closed_at', frozen => '{body}', version => 'lock_version', heartbeat => 'alive', states => '{"status": {"a": ["b"], "b": []}}');
CREATE FUNCTION doc(wanted int) RETURNS text LANGUAGE sql AS $$ SELECT concat_ws(' ', body, note, 'v' || lock_version, status, CASE WHEN closed_at IS NOT NULL THEN 'closed' END) FROM doc WHERE id = wanted $$;
UPDATE doc SET note = 'no version at all' WHERE id = 1;
SELECT doc(1);
UPDATE doc SET note = 'the version that was read', lock_version = 2 WHERE id = 1;
SELECT doc(1);
UPDATE doc SET note = 'counted up by the client', lock_version = 4 WHERE id = 1 AND lock_version = 3;
SELECT doc(1);
UPDATE doc SET note = 'by expression', lock_version = lock_version + 1 WHERE id = 1;
SELECT doc(1);
SELECT attempt($$UPDATE doc SET note = 'stale', lock_version = 4 WHERE id = 1$$);
SELECT attempt($$UPDATE doc SET note = 'from nowhere', lock_version = 7 WHERE id = 1$$);
SELECT attempt($$UPDATE doc SET note = 'none', lock_version = NULL WHERE id = 1$$);
SELECT attempt($$UPDATE doc SET lock_version = -2147483648 WHERE id = 1$$);
UPDATE doc SET note = 'legacy', lock_version = 77 WHERE id = 2;
SELECT doc(2);
SELECT attempt($$UPDATE doc SET note = 'too many' WHERE id = 3$$);
SELECT outcome, stale, kept FROM ratchet.update('doc', 1, '{"note": "x", "lock_version": 4}');
SELECT outcome, stale, kept FROM ratchet.update('doc', 1, '{"note": "fresh", "lock_version": 5}');
SELECT outcome FROM ratchet.update('doc', 1, '{"note": "fresh"}');
SELECT doc(1);
SELECT outcome, state, stale FROM ratchet.advance('doc', 1, 'b', '{"lock_version": 5}');
SELECT outcome, state, stale FROM ratchet.advance('doc', 1, 'b', '{"lock_version": 6}');
SELECT doc(1);
-- a sign of life and a count are no changes that somebody else could have missed; a submission and an amendment are
SELECT outcome FROM ratchet.beat('doc', 4);
INSERT INTO line VALUES (4), (4);
SELECT doc(4), n FROM doc WHERE id = 4;
SELECT outcome FROM ratchet.beat('doc', 4, '{"note": "beat"}');
SELECT outcome, stale FROM ratchet.beat('doc', 4, '{"note": "beat", "lock_version": 1}');
SELECT doc(4);
SELECT outcome FROM ratchet.submit('doc', 4, patch => '{"body": "final"}');
SELECT doc(4);
SELECT outcome FROM ratchet.amend('doc', 4, '{"body": "amended", "lock_version": 1}', 'me', 'test');
SELECT doc(4);
SELECT outcome, stale FROM ratchet.submit('doc', 2, patch => '{"lock_version": 0}');
-- an upsert, and rows in bulk
INSERT INTO doc (id, note) VALUES (1, 'upserted') ON CONFLICT (id) DO UPDATE SET note = EXCLUDED.note;
UPDATE doc SET note = 'bulk' WHERE id IN (1, 2);
SELECT doc(1), doc(2);
-- the milder modes
SELECT ratchet.guard('doc', 'closed_at', frozen => '{body}', version => 'lock_version', heartbeat => 'alive', states => '{"status": {"a": ["b"], "b": []}}', mode => 'version=keep', replace => true);
SET client_min_messages = notice;
UPDATE doc SET body = 'stale', note = 'goes through', lock_version = 3 WHERE id = 4;
SELECT doc(4);
SELECT outcome, kept FROM ratchet.update('doc', 4, '{"note": "x", "lock_version": 3}');
SELECT ratchet.guard('doc', 'closed_at', frozen => '{body}', version => 'lock_version', heartbeat => 'alive', states => '{"status": {"a": ["b"], "b": []}}', mode => 'version=observe', replace => true);
UPDATE doc SET note = 'goes through, and is logged', lock_version = 3 WHERE id = 4;
SELECT doc(4);
SET client_min_messages = warning;
-- also where nothing else is guarded, and the statement names no guarded column
CREATE TABLE plain (id int PRIMARY KEY, a int, v bigint NOT NULL DEFAULT 0);
SELECT ratchet.guard('plain', version => 'v');
INSERT INTO plain SELECT i, 0 FROM generate_series(1, 3) i;
UPDATE plain SET a = 1 WHERE id < 3;
UPDATE plain SET a = 2 WHERE id < 2;
SELECT * FROM plain ORDER BY id;
CREATE FUNCTION add_one() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.v = NEW.v + 1; RETURN NEW; END';
CREATE TRIGGER add_one BEFORE UPDATE ON plain FOR EACH ROW EXECUTE FUNCTION add_one();
UPDATE plain SET a = 3;
SELECT * FROM plain ORDER BY id;

SET client_min_messages = error;
DROP SCHEMA advance CASCADE;
DROP ROLE regress_ratchet_mover;
