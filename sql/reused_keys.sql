--
-- Unique keys and exclusion constraints that a submission meets: an
-- idempotency key that is used again, and a record that is there already.
--
\set SHOW_CONTEXT never
SET client_min_messages = warning;
\pset format unaligned
\pset tuples_only on
CREATE SCHEMA reused;
SET search_path = reused;
CREATE TABLE card (id int PRIMARY KEY, request text UNIQUE, who text, score int, at timestamptz);
CREATE TABLE note (card int REFERENCES card, body text);
INSERT INTO card (id) SELECT generate_series(1, 9);
SELECT ratchet.guard('card', 'at', actor => 'who', idempotency_key => 'request');

-- for another row
SELECT outcome, submitted_by FROM ratchet.submit('card', 1, 'ann', idempotency_key => 'k1');
SELECT outcome, submitted_by, conflict FROM ratchet.submit('card', 2, 'ann', '{"score": 2}', 'k1');
SELECT outcome, record, conflict FROM ratchet.submit('card', 2, 'ann', idempotency_key => 'k1', child => 'note', record => '{}');
SELECT count(*) FROM note;
SELECT id, request, who, score, at IS NOT NULL FROM card WHERE id <= 2 ORDER BY 1;
-- the row can be submitted all the same
SELECT outcome FROM ratchet.submit('card', 2, 'ann', idempotency_key => 'k2');
-- by another actor
SELECT outcome, submitted_at IS NOT NULL, submitted_by FROM ratchet.submit('card', 1, 'bob', idempotency_key => 'k1');
SELECT outcome, submitted_by FROM ratchet.submit('card', 1, 'ann', idempotency_key => 'k1');
SELECT outcome, submitted_by FROM ratchet.submit('card', 1, idempotency_key => 'k1');
-- a loser is a loser, whoever it is
SELECT outcome, submitted_by FROM ratchet.submit('card', 1, 'bob', idempotency_key => 'k3');
SELECT outcome, submitted_by FROM ratchet.submit('card', 1, 'bob', idempotency_key => 'k2');

-- other indexes that know the key: partial, of an expression, an exclusion constraint, of two columns
CREATE TABLE partial (id int PRIMARY KEY, request uuid, who int, at timestamptz);
CREATE UNIQUE INDEX ON partial (request) WHERE at IS NOT NULL;
CREATE TABLE expressed (id int PRIMARY KEY, request text, who int, at timestamptz);
CREATE UNIQUE INDEX ON expressed (lower(request));
CREATE TABLE excluded (id int PRIMARY KEY, request text, who int, at timestamptz, EXCLUDE USING btree (request WITH =));
CREATE TABLE both_of (id int PRIMARY KEY, request text, who int, at timestamptz, UNIQUE (who, request));
CREATE TABLE unindexed (id int PRIMARY KEY, request text, who int, at timestamptz);
CREATE TABLE parted (id int, region text, request text, who int, at timestamptz, PRIMARY KEY (id, region)) PARTITION BY LIST (region);
CREATE TABLE parted_a PARTITION OF parted FOR VALUES IN ('a');
ALTER TABLE parted_a ADD UNIQUE (request);
CREATE FUNCTION run(t text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    key text := '00000000-0000-0000-0000-00000000000a';
BEGIN
    PERFORM ratchet.guard(t::regclass, 'at', actor => 'who', idempotency_key => 'request');
    FOR i IN 1..3 LOOP
        EXECUTE format('INSERT INTO %I (id) VALUES (%s)', t, i);
        RETURN QUERY SELECT t || ' ' || outcome FROM ratchet.submit(t::regclass, i, CASE i WHEN 3 THEN 8 ELSE 7 END, idempotency_key => upper(key));
    END LOOP;
    RETURN QUERY SELECT t || ' ' || outcome FROM ratchet.submit(t::regclass, 1, 8, idempotency_key => upper(key));
END $$;
SELECT run(t) FROM unnest('{partial,expressed,excluded,both_of,unindexed}'::text[]) t;
SELECT ratchet.guard('parted', 'at', actor => 'who', idempotency_key => 'request');
INSERT INTO parted VALUES (1, 'a'), (2, 'a');
SELECT outcome FROM ratchet.submit('parted', '{"id": 1, "region": "a"}', 7, idempotency_key => 'k');
SELECT outcome FROM ratchet.submit('parted', '{"id": 2, "region": "a"}', 7, idempotency_key => 'k');
SELECT outcome FROM ratchet.submit('parted_a', '{"id": 2, "region": "a"}', 7, idempotency_key => 'k');
-- another unique key that the patch violates is an error as ever
ALTER TABLE card ADD UNIQUE (score);
SELECT outcome FROM ratchet.submit('card', 3, 'ann', '{"score": 1}', 'k3');
SELECT outcome FROM ratchet.submit('card', 4, 'ann', '{"score": 1}', 'k4');

-- advance() has such keys too
CREATE TABLE job (id int PRIMARY KEY, status text, request text UNIQUE);
INSERT INTO job SELECT i, 'queued' FROM generate_series(1, 3) i;
SELECT ratchet.guard('job', states => '{"status": {"queued": ["running"], "running": []}}', idempotency_key => 'request');
SELECT outcome, state, was FROM ratchet.advance('job', 1, 'running', idempotency_key => 'k1');
SELECT outcome, state, was FROM ratchet.advance('job', 2, 'running', idempotency_key => 'k1');
SELECT outcome, state, was FROM ratchet.advance('job', 1, 'running', idempotency_key => 'k1');
SELECT * FROM job ORDER BY id;

--
-- A record that an exclusion constraint refuses is a conflict like any other
--
CREATE TABLE visit (card int REFERENCES card, during int4range, EXCLUDE USING gist (during WITH &&));
CREATE TABLE visits (card int REFERENCES card, room int, during int4range) PARTITION BY LIST (room);
CREATE TABLE visits_1 PARTITION OF visits (EXCLUDE USING gist (during WITH &&)) FOR VALUES IN (1);
SELECT outcome FROM ratchet.submit('card', 5, 'ann', child => 'visit', record => '{"during": "[1,5)"}');
SELECT outcome, conflict, record FROM ratchet.submit('card', 6, 'ann', child => 'visit', record => '{"during": "[4,8)"}');
SELECT outcome FROM ratchet.submit('card', 6, 'ann', child => 'visits', record => '{"room": 1, "during": "[4,8)"}');
SELECT outcome, conflict FROM ratchet.submit('card', 7, 'ann', child => 'visits', record => '{"room": 1, "during": "[4,8)"}');
SELECT at FROM card WHERE id = 7;
CREATE TABLE run (job int REFERENCES job, slot int, EXCLUDE USING btree (slot WITH =));
SELECT outcome FROM ratchet.advance('job', 2, 'running', child => 'run', record => '{"slot": 1}');
SELECT outcome, conflict, state FROM ratchet.advance('job', 3, 'running', child => 'run', record => '{"slot": 1}');

DROP SCHEMA reused CASCADE;
