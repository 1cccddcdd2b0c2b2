--
-- What callers without a right learn, and what they may call.
--
\set SHOW_CONTEXT never
SET client_min_messages = notice;
\pset format unaligned
\pset tuples_only on
CREATE ROLE regress_ratchet_owner;
CREATE ROLE regress_ratchet_leaf;
CREATE ROLE regress_ratchet_writer;
CREATE SCHEMA rights AUTHORIZATION regress_ratchet_owner;
GRANT USAGE, CREATE ON SCHEMA rights TO PUBLIC;
SET search_path = rights, test_setup;
SET ROLE regress_ratchet_owner;

--
-- Who may UPDATE a column and not SELECT it is told nothing of its value
--
CREATE TABLE job (id int PRIMARY KEY, note text, secret text, best int, status text, beat timestamptz);
SELECT ratchet.guard('job', once => '{secret}', forward => '{best}', heartbeat => 'beat',
    states => '{"status": {"new": ["running"], "running": ["done"], "done": []}}');
INSERT INTO job VALUES (1, 'n', 's3cret', 5, 'new');
GRANT SELECT (id, note), UPDATE ON job TO regress_ratchet_writer;
SET ROLE regress_ratchet_writer;
SELECT patch, u.outcome, u.kept FROM unnest(ARRAY['{"secret": "s3cret"}', '{"secret": "other"}', '{"best": 5}', '{"best": 4}',
    '{"note": "n", "secret": "s3cret"}', '{"note": "n", "secret": "other"}', '{"note": "n"}']::jsonb[]) patch, ratchet.update('job', 1, patch) u;
SELECT patch, b.outcome, b.kept FROM unnest(ARRAY['{"secret": "s3cret"}', '{"secret": "other"}', '{"best": 4}']::jsonb[]) patch, ratchet.beat('job', 1, patch) b;
UPDATE job SET secret = 'other' WHERE id = 1;
UPDATE job SET best = 1 WHERE id = 1;
SELECT outcome, kept FROM ratchet.advance('job', 1, 'running', '{"secret": "other"}');
SELECT outcome, state, was FROM ratchet.advance('job', 1, 'running');
SELECT outcome, state, was FROM ratchet.advance('job', 1, 'new');
SET ROLE regress_ratchet_owner;
SELECT secret, best, status FROM job;
-- who may read is told as ever
SELECT patch, u.outcome, u.kept FROM unnest(ARRAY['{"secret": "s3cret"}', '{"secret": "other"}']::jsonb[]) patch, ratchet.update('job', 1, patch) u;
SELECT outcome, state, was FROM ratchet.advance('job', 1, 'running');
RESET ROLE;
GRANT EXECUTE ON FUNCTION ratchet.amend_right() TO regress_ratchet_writer;
SET ROLE regress_ratchet_writer;
SELECT patch, a.outcome, a.changed FROM unnest(ARRAY['{"secret": "s3cret"}', '{"secret": "other"}', '{"note": "n"}']::jsonb[]) patch, ratchet.amend('job', 1, patch, 'me', 'test') a;
RESET ROLE;
REVOKE EXECUTE ON FUNCTION ratchet.amend_right() FROM regress_ratchet_writer;

-- what is observed goes to the log, which a client can ask for
SET ROLE regress_ratchet_owner;
SELECT ratchet.guard('job', once => '{secret}', forward => '{best}', heartbeat => 'beat', mode => 'observe', replace => true);
GRANT SELECT (best) ON job TO regress_ratchet_writer;
SET ROLE regress_ratchet_writer;
SET client_min_messages = log;
BEGIN;
UPDATE job SET secret = 'other' WHERE id = 1;
UPDATE job SET best = 1 WHERE id = 1;
ROLLBACK;
SET client_min_messages = notice;
RESET ROLE;

--
-- A partition's owner does not own the contract
--
SET ROLE regress_ratchet_owner;
CREATE TABLE card (id int, region text, at timestamptz, PRIMARY KEY (id, region)) PARTITION BY LIST (region);
CREATE TABLE card_a PARTITION OF card FOR VALUES IN ('a');
SELECT ratchet.guard('card', 'at');
INSERT INTO card VALUES (1, 'a', now());
RESET ROLE;
ALTER TABLE card_a OWNER TO regress_ratchet_leaf;
SET ROLE regress_ratchet_leaf;
SELECT answer($$SELECT outcome FROM ratchet.amend('card_a', '{"id": 1, "region": "a"}', '{"at": null}', 'me', 'why not')$$);
BEGIN;
CALL ratchet.suspend('card_a', 'why not');
ROLLBACK;
RESET ROLE;
GRANT ALL ON card_a TO regress_ratchet_owner;
SET ROLE regress_ratchet_owner;
SELECT answer($$SELECT outcome FROM ratchet.amend('card_a', '{"id": 1, "region": "a"}', '{"at": null}', 'me', 'why not')$$);

--
-- _take() counts in a batch's own statement alone
--
CREATE TABLE run (id int PRIMARY KEY, n int DEFAULT 0);
CREATE TABLE item (run int REFERENCES run, no int UNIQUE);
INSERT INTO run VALUES (1);
SELECT ratchet.tally('item', 'run', '{"n": "true"}');
CREATE FUNCTION meddle() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM ratchet._take(3), ratchet._take(2), ratchet._take(-5), ratchet._take(1);
    RETURN NEW;
END $$;
CREATE TRIGGER meddle BEFORE INSERT ON item FOR EACH ROW EXECUTE FUNCTION meddle();
INSERT INTO item VALUES (1, 2);
SELECT outcome, inserted, duplicates FROM ratchet.submit_batch('item', '[{"run": 1, "no": 1}, {"run": 1, "no": 2}, {"run": 1, "no": 3}]');
SELECT no FROM item ORDER BY 1;
SELECT ratchet._take(1);

--
-- Whatever all may execute is for callers, or says what it is for
--
RESET ROLE;
SELECT p.proname, CASE WHEN p.prorettype = 'trigger'::regtype THEN 'trigger' ELSE split_part(obj_description(p.oid, 'pg_proc'), ' ', 1) END
FROM pg_proc p
WHERE p.pronamespace = 'ratchet'::regnamespace AND has_function_privilege('public', p.oid, 'EXECUTE')
  AND (p.proname LIKE '\_%' OR p.prorettype IN ('trigger'::regtype, 'event_trigger'::regtype) OR p.proname = 'born_closed')
ORDER BY 1;
SELECT proname FROM pg_proc WHERE pronamespace = 'ratchet'::regnamespace AND NOT has_function_privilege('public', oid, 'EXECUTE') ORDER BY 1;
SELECT answer($$SELECT ratchet.born_closed(ROW(1))$$);
SELECT answer($$SELECT ratchet._arguments(0)$$);
SELECT answer($$SELECT ratchet._states(0, 0)$$);
SELECT answer($$SELECT ratchet._tally(0, 0)$$);

SET client_min_messages = warning;
DROP SCHEMA rights CASCADE;
DROP ROLE regress_ratchet_owner, regress_ratchet_leaf, regress_ratchet_writer;
