--
-- Keys and expectations are compared, not assigned: no length rounds them, no
-- domain checks them, and what is equal for the type is equal.
--
\set SHOW_CONTEXT never
SET client_min_messages = warning;
\pset format unaligned
\pset tuples_only on
CREATE ROLE regress_ratchet_owner;
CREATE ROLE regress_ratchet_writer;
CREATE SCHEMA keys AUTHORIZATION regress_ratchet_owner;
GRANT USAGE ON SCHEMA keys TO PUBLIC;
SET search_path = keys, test_setup;
SET ROLE regress_ratchet_owner;

--
-- Keys: a row that is none of the table's is not found
--
CREATE TABLE num (id numeric(5,2) PRIMARY KEY, at timestamptz);
CREATE TABLE chars (id varchar(3) PRIMARY KEY, at timestamptz);
CREATE TABLE padded (id char(3) PRIMARY KEY, at timestamptz);
CREATE TABLE moment (id timestamp(0) PRIMARY KEY, at timestamptz);
CREATE TABLE span (id interval(0) PRIMARY KEY, at timestamptz);
CREATE TABLE bits (id bit(3) PRIMARY KEY, at timestamptz);
CREATE TABLE pair (a numeric(5,2), b varchar(2), at timestamptz, PRIMARY KEY (a, b));
INSERT INTO num VALUES (1.00), (2.00);
INSERT INTO chars VALUES ('abc'), ('d');
INSERT INTO padded VALUES ('ab');
INSERT INTO moment VALUES ('2026-01-01 12:00:00');
INSERT INTO span VALUES ('1 second');
INSERT INTO bits VALUES (B'100');
INSERT INTO pair VALUES (1, 'ab');
SELECT ratchet.guard(t::regclass, 'at') FROM unnest('{num,chars,padded,moment,span,bits,pair}'::text[]) t;
SELECT outcome FROM ratchet.submit('num', '1.004');
SELECT outcome FROM ratchet.submit('num', '{"id": 1.004}'::jsonb);
SELECT outcome FROM ratchet.submit('num', '10000');
SELECT count(*) FROM num WHERE at IS NOT NULL;
SELECT outcome FROM ratchet.submit('num', '1.000');
SELECT outcome FROM ratchet.submit('num', 2);
SELECT outcome FROM ratchet.submit('chars', 'abcd');
SELECT outcome FROM ratchet.submit('chars', 'abc    ');
SELECT outcome FROM ratchet.submit('chars', 'abc');
SELECT outcome FROM ratchet.submit('padded', 'abxx');
SELECT outcome FROM ratchet.submit('padded', 'ab         ');
SELECT outcome FROM ratchet.submit('moment', '2026-01-01 12:00:00.4');
SELECT outcome FROM ratchet.submit('moment', '2026-01-01 12:00:00');
SELECT outcome FROM ratchet.submit('span', '1.4 second');
SELECT outcome FROM ratchet.submit('span', '1000 milliseconds');
SELECT outcome FROM ratchet.submit('bits', '1');
SELECT outcome FROM ratchet.submit('bits', '1000');
SELECT outcome FROM ratchet.submit('bits', '100');
SELECT outcome FROM ratchet.submit('pair', '{"a": 1.001, "b": "ab"}'::jsonb);
SELECT outcome FROM ratchet.submit('pair', '{"a": 1, "b": "abc"}');
SELECT outcome FROM ratchet.submit('pair', '{"a": 1.0, "b": "ab"}');
-- the other verbs read the same key
SELECT outcome FROM ratchet.update('num', '2.001', '{"at": null}');
SELECT outcome FROM ratchet.amend('num', '2.001', '{"at": null}', 'me', 'test');

--
-- A domain's check is the business of who stores a value
--
RESET ROLE;
CREATE TABLE spied (who name, what text);
GRANT INSERT ON spied TO PUBLIC;
CREATE FUNCTION spy(value text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO keys.spied VALUES (current_user, value);
    RETURN value <> 'none';
END $$;
CREATE DOMAIN code AS text CHECK (keys.spy(VALUE));
CREATE DOMAIN worth AS numeric(5,1) CHECK (keys.spy(VALUE::text));
CREATE TYPE place AS (code code, worth numeric(4,1));
CREATE TYPE span_of_worth AS RANGE (subtype = worth);
SET ROLE regress_ratchet_owner;
CREATE TABLE card (code code PRIMARY KEY, worth worth, codes code[], place place, places place[], span span_of_worth, at timestamptz);
INSERT INTO card VALUES ('a', 1.5, '{x,y}', ROW('p', 2.5), ARRAY[ROW('p', 2.5)::place], NULL);
SELECT ratchet.guard('card', 'at');
GRANT SELECT, UPDATE ON card TO regress_ratchet_writer;
RESET ROLE;
TRUNCATE spied;
SET ROLE regress_ratchet_writer;
SELECT answer($$SELECT outcome FROM ratchet.update('card', 'none', '{"at": null}')$$);
SELECT answer($$SELECT outcome FROM ratchet.update('card', '{"code": "none"}'::jsonb, '{"at": null}')$$);
SELECT expect, answer(format($$SELECT outcome FROM ratchet.update('card', 'a', '{"at": null}', expect => %L)$$, expect))
FROM unnest(ARRAY['{"worth": 1.5}', '{"worth": 1.51}', '{"worth": 99999.9}', '{"codes": ["x", "y"]}', '{"codes": ["x", "none"]}',
    '{"codes": "{x,y}"}', '{"codes": "{x,none}"}', '{"place": {"code": "p", "worth": 2.5}}', '{"place": {"code": "none", "worth": 2.5}}',
    '{"place": {"code": "p", "worth": 2.51}}', '{"place": "(p,2.5)"}', '{"place": "(none,2.5)"}', '{"places": [{"code": "p", "worth": 2.5}]}',
    '{"places": [{"code": "none", "worth": 2.5}]}', '{"places": null}', '{"span": "[1,2]"}']) expect;
RESET ROLE;
SELECT * FROM spied;
-- while a patch is stored
SET ROLE regress_ratchet_writer;
SELECT answer($$SELECT outcome FROM ratchet.update('card', 'a', '{"worth": 2.5}')$$);
RESET ROLE;
SELECT DISTINCT what FROM spied;
SET ROLE regress_ratchet_owner;

--
-- JSON null is what both nulls are read as
--
CREATE TABLE doc (id int PRIMARY KEY, body jsonb, note text);
CREATE DOMAIN document AS jsonb;
CREATE TABLE doc2 (id int PRIMARY KEY, body document, note text);
INSERT INTO doc VALUES (1, 'null'), (2, NULL), (3, '{}');
INSERT INTO doc2 VALUES (1, 'null');
SELECT ratchet.guard('doc', once => '{note}'), ratchet.guard('doc2', once => '{note}');
SELECT d.id, u.outcome, u.stale FROM doc d, ratchet.update('doc', d.id, '{"note": "x"}', expect => jsonb_build_object('body', d.body)) u ORDER BY 1;
SELECT outcome, stale FROM ratchet.update('doc', 3, '{"note": "x"}', expect => '{"body": null}');
SELECT outcome, stale FROM ratchet.update('doc2', 1, '{"note": "x"}', expect => '{"body": null}');

--
-- A key that the call itself changes: the second call still finds the row
--
CREATE TABLE seat (exam int, handed_in boolean, status text, who text, UNIQUE (exam, handed_in), UNIQUE (exam, status));
INSERT INTO seat VALUES (1, false, 'queued'), (2, false, 'queued');
SELECT ratchet.guard('seat', 'handed_in', actor => 'who', states => '{"status": {"queued": ["done"], "done": ["late"], "late": []}}');
SELECT outcome, submitted_by FROM ratchet.submit('seat', '{"exam": 1, "handed_in": false}'::jsonb, 'ann');
SELECT outcome, submitted_by FROM ratchet.submit('seat', '{"exam": 1, "handed_in": false}'::jsonb, 'bob');
SELECT outcome, submitted_by FROM ratchet.submit('seat', '{"exam": 3, "handed_in": false}'::jsonb, 'bob');
SELECT outcome, state, was FROM ratchet.advance('seat', '{"exam": 2, "status": "queued"}'::jsonb, 'done');
SELECT outcome, state, was FROM ratchet.advance('seat', '{"exam": 2, "status": "queued"}'::jsonb, 'done');
SELECT outcome, state, was FROM ratchet.advance('seat', '{"exam": 2, "status": "queued"}'::jsonb, 'late');
SELECT outcome, state, was FROM ratchet.advance('seat', '{"exam": 3, "status": "queued"}'::jsonb, 'done');

--
-- A record's own reference to its row
--
CREATE TABLE exam (id numeric PRIMARY KEY, at timestamptz);
CREATE TABLE sheet (exam numeric(6,3) REFERENCES exam, body text);
CREATE TABLE sheet2 (exam int REFERENCES exam, body text);
CREATE TABLE named (id text PRIMARY KEY, at timestamptz);
CREATE TABLE sheet3 (named char(4) REFERENCES named, body text);
INSERT INTO exam SELECT generate_series(1, 6);
INSERT INTO named VALUES ('ab');
SELECT ratchet.guard('exam', 'at'), ratchet.guard('named', 'at');
SELECT outcome, record FROM ratchet.submit('exam', 1, child => 'sheet', record => '{"exam": 1.0}');
SELECT outcome, record FROM ratchet.submit('exam', 2, child => 'sheet2', record => '{"exam": 2}');
SELECT answer($$SELECT outcome FROM ratchet.submit('exam', 3, child => 'sheet', record => '{"exam": 3.001}')$$);
SELECT answer($$SELECT outcome FROM ratchet.submit('exam', 3, child => 'sheet', record => '{"exam": null}')$$);
SELECT outcome, record FROM ratchet.submit('named', 'ab', child => 'sheet3', record => '{"named": "ab"}');

--
-- The same foreign key twice is one; a partition has its parent's
--
ALTER TABLE sheet ADD CONSTRAINT again FOREIGN KEY (exam) REFERENCES exam ON DELETE CASCADE;
SELECT answer($$SELECT record FROM ratchet.submit('exam', 3, child => 'sheet', record => '{}')$$);
CREATE TABLE parted (exam numeric REFERENCES exam, body text) PARTITION BY LIST (body);
CREATE TABLE parted_x PARTITION OF parted FOR VALUES IN ('x');
SELECT answer($$SELECT record FROM ratchet.submit('exam', 4, child => 'parted_x', record => '{"body": "x"}')$$);
SELECT answer($$SELECT record FROM ratchet.submit('exam', 5, child => 'parted', record => '{"body": "x"}')$$);
ALTER TABLE sheet ADD second numeric REFERENCES exam;
SELECT answer($$SELECT record FROM ratchet.submit('exam', 6, child => 'sheet', record => '{}')$$);

RESET ROLE;
DROP SCHEMA keys CASCADE;
DROP ROLE regress_ratchet_owner, regress_ratchet_writer;
