--
-- Counts that spill: ratchet.tally(contention => 'spill'), ratchet.fold(). Above READ COMMITTED every flush appends, so
-- one session is enough to have something lie beside the rows.
--
\set SHOW_CONTEXT never
SET client_min_messages = warning;
\pset format unaligned
\pset tuples_only on
SET ratchet.fold_worker = off;
CREATE ROLE regress_ratchet_stranger;
CREATE SCHEMA spill;
GRANT USAGE, CREATE ON SCHEMA spill TO PUBLIC;
SET search_path = spill, test_setup;
CREATE TABLE run (
    id int PRIMARY KEY, total int, n int NOT NULL DEFAULT 0, good smallint, big bigint, points numeric(10,2), done boolean NOT NULL DEFAULT false,
    done_at timestamptz, sealed boolean, flawless boolean, note text);
CREATE TABLE result (run int REFERENCES run ON DELETE CASCADE DEFERRABLE, question int, good boolean, points numeric(6,2));
CREATE TABLE log (place serial, said text);
CREATE FUNCTION finish(run int) RETURNS void LANGUAGE sql AS $$ INSERT INTO spill.log (said) VALUES ('done ' || finish.run) $$;
CREATE FUNCTION praise(run int) RETURNS void LANGUAGE sql AS $$ INSERT INTO spill.log (said) VALUES ('flawless ' || praise.run) $$;
CREATE FUNCTION declare(contention text) RETURNS text LANGUAGE sql AS $$
SELECT ratchet.tally('spill.result', 'spill.run', '{"n": "true", "good": "good", "big": "sum(question)", "points": "sum(points)"}', total => 'total', done => 'done', done_at => 'done_at',
    on_done => 'spill.finish(int)', completions => '{"flawless": {"when": "sealed AND good = n", "call": "spill.praise(int)", "latch": true}}', contention => declare.contention)
$$;
INSERT INTO run (id, total) VALUES (1, 3), (2, 3), (3, NULL);
SELECT declare('spill');
-- each counter as it is stored, and what lies beside it; and what it should be, where the two together are not that
CREATE FUNCTION look(which int DEFAULT NULL) RETURNS SETOF text LANGUAGE sql AS $$
SELECT concat_ws(' ', r.id || ':', concat(r.n, to_char(s.n, 'FMSG99')), concat('good ', r.good, to_char(s.good, 'FMSG99')), concat('big ', r.big, to_char(s.big, 'FMSG99')),
                 concat('points ', r.points, to_char(s.points, 'FMSG90.00')), CASE WHEN done THEN 'done' END, CASE WHEN done <> (done_at IS NOT NULL) THEN 'AT' END,
                 CASE WHEN flawless THEN 'flawless' END, CASE WHEN (e.n, e.good, e.big, e.points) IS DISTINCT FROM (c.n, c.good, c.big, c.points) THEN format('of %s', c) END)
FROM spill.run r JOIN spill.run_exact e USING (id)
CROSS JOIN LATERAL (SELECT count(*) AS n, count(*) FILTER (WHERE x.good) AS good, coalesce(sum(question), 0) AS big, coalesce(sum(x.points), 0) AS points
                    FROM spill.result x WHERE x.run = r.id) c
LEFT JOIN LATERAL (SELECT sum(x.n) AS n, sum(x.good) AS good, sum(x.big) AS big, sum(x.points) AS points
                   FROM spill.run_spilled x WHERE x.id = r.id HAVING count(*) > 0) s ON true
WHERE which IS NULL OR which = r.id
ORDER BY r.id
$$;
CREATE FUNCTION lying() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM spill.run_spilled';
CREATE FUNCTION said() RETURNS text LANGUAGE sql AS $$ SELECT string_agg(said, ', ' ORDER BY place) FROM spill.log $$;

--
-- At READ COMMITTED the row is written where nobody has it; above, the counts are appended, whatever they are
--
INSERT INTO result VALUES (1, 1, true, 1.5);
SELECT look(), lying();
BEGIN ISOLATION LEVEL REPEATABLE READ;
INSERT INTO result VALUES (1, 2, false, 0.25), (1, 3, NULL, NULL), (NULL, 9, true, 9);
SELECT look(1);
COMMIT;
SELECT look();
BEGIN ISOLATION LEVEL SERIALIZABLE;
UPDATE result SET good = true, points = -2 WHERE question = 2;
DELETE FROM result WHERE question = 1;
SELECT ratchet.flush();
SELECT look(1);
COMMIT;
SELECT look(1), lying();
-- moved from one run to another; what comes to nothing is nothing
BEGIN ISOLATION LEVEL REPEATABLE READ;
UPDATE result SET run = 2 WHERE question = 3;
INSERT INTO result VALUES (3, 1, true, 1);
DELETE FROM result WHERE run = 3;
COMMIT;
SELECT look(), lying();
-- who gets the row next adds what lies beside it, and removes it
INSERT INTO result VALUES (1, 4, true, 1);
SELECT look(), lying();
SELECT ratchet.fold('run');
SELECT look(), lying();
SELECT ratchet.fold('run'), ratchet.fold();
-- what comes to nothing together is removed too
BEGIN ISOLATION LEVEL REPEATABLE READ;
INSERT INTO result VALUES (3, 1, true, 1);
COMMIT;
BEGIN ISOLATION LEVEL REPEATABLE READ;
DELETE FROM result WHERE run = 3;
COMMIT;
SELECT lying();
SELECT ratchet.fold();
SELECT look(3), lying();
SELECT * FROM ratchet.verify('run');

--
-- Savepoints, SET CONSTRAINTS, ratchet.flush()
--
BEGIN ISOLATION LEVEL REPEATABLE READ;
INSERT INTO result VALUES (2, 5, true, 1);
SAVEPOINT a;
INSERT INTO result VALUES (2, 6, true, 1);
SELECT ratchet.flush();
SELECT look(2), lying();
ROLLBACK TO a;
SELECT look(2), lying();
SAVEPOINT b;
INSERT INTO result VALUES (2, 7, false, 1);
SET CONSTRAINTS ALL IMMEDIATE;
SELECT look(2), lying();
RELEASE b;
INSERT INTO result VALUES (2, 8, false, 1);
SELECT look(2), lying();
SAVEPOINT c;
DELETE FROM result WHERE run = 2;
SELECT look(2);
ROLLBACK TO c;
COMMIT;
SELECT look(2);
-- a fold that is rolled back
BEGIN;
SAVEPOINT a;
SELECT ratchet.fold('run');
SELECT look(2);
ROLLBACK TO a;
SELECT look(2);
INSERT INTO result VALUES (2, 9, true, 1);
SELECT ratchet.flush();
SELECT look(2);
SAVEPOINT b;
SELECT ratchet.fold('run');
ROLLBACK TO b;
SELECT look(2);
ROLLBACK;
SELECT look(2), said();
SELECT ratchet.fold();
SELECT look(2), said();
SELECT count(*), ratchet.fold() FROM ratchet.verify();

--
-- Completed in the fold, once
--
TRUNCATE log;
INSERT INTO run (id, total) VALUES (4, 2), (5, 1), (6, 0);
BEGIN ISOLATION LEVEL REPEATABLE READ;
INSERT INTO result VALUES (4, 1, true, 1), (4, 2, true, 1), (5, 1, true, 1);
COMMIT;
SELECT look(4), look(5), said();
SELECT * FROM ratchet.verify();
BEGIN;
SELECT ratchet.fold();
SELECT said();
ROLLBACK;
SELECT ratchet.fold();
SELECT look(4), look(5), said();
SELECT ratchet.fold();
INSERT INTO result VALUES (4, 3, true, 1);
BEGIN ISOLATION LEVEL REPEATABLE READ;
INSERT INTO result VALUES (5, 2, true, 1);
COMMIT;
SELECT ratchet.fold(), said();
-- undone and done again while nobody folds: as it was, nobody is called
BEGIN ISOLATION LEVEL REPEATABLE READ;
DELETE FROM result WHERE run = 4;
COMMIT;
BEGIN ISOLATION LEVEL REPEATABLE READ;
INSERT INTO result VALUES (4, 1, true, 1), (4, 2, true, 1);
COMMIT;
SELECT ratchet.fold(), look(4), said();
-- undone by one fold, done by the next
BEGIN ISOLATION LEVEL REPEATABLE READ;
DELETE FROM result WHERE run = 4 AND question = 2;
COMMIT;
SELECT ratchet.fold(), look(4), said();
BEGIN ISOLATION LEVEL REPEATABLE READ;
INSERT INTO result VALUES (4, 2, true, 1);
COMMIT;
SELECT ratchet.fold(), look(4), said();
-- whoever completes a row by another column is no further than what is there
TRUNCATE log;
BEGIN ISOLATION LEVEL REPEATABLE READ;
DELETE FROM result WHERE run = 4 AND question = 2;
INSERT INTO result VALUES (5, 3, false, 1);
COMMIT;
UPDATE run SET total = 1 WHERE id = 6;
UPDATE run SET total = 3 WHERE id = 4;
UPDATE run SET total = 2 WHERE id = 4;
UPDATE run SET sealed = true WHERE id = 5;
SELECT look(4), look(5), said();
SELECT ratchet.fold();
SELECT look(4), look(5), said();
BEGIN ISOLATION LEVEL REPEATABLE READ;
DELETE FROM result WHERE run = 5 AND NOT good;
INSERT INTO result VALUES (4, 2, true, 1), (4, 3, true, 1);
COMMIT;
UPDATE run SET total = 3, sealed = true WHERE id = 4;
SELECT look(4), said();
SELECT * FROM ratchet.verify();
SELECT ratchet.fold();
SELECT look(4), look(5), said();
-- a row that the transaction itself has completed is complete by all that it has counted
TRUNCATE log;
BEGIN ISOLATION LEVEL REPEATABLE READ;
UPDATE run SET total = 4 WHERE id = 4;
COMMIT;
BEGIN ISOLATION LEVEL REPEATABLE READ;
UPDATE run SET total = 3 WHERE id = 4;
DELETE FROM result WHERE run = 4 AND question = 3;
COMMIT;
SELECT look(4), said();
BEGIN ISOLATION LEVEL REPEATABLE READ;
UPDATE run SET total = 4 WHERE id = 4;
INSERT INTO result VALUES (4, 3, true, 1), (4, 4, true, 1);
COMMIT;
SELECT look(4), said();
SELECT ratchet.fold();
SELECT look(4), said();
-- a function that raises undoes the fold whole
CREATE OR REPLACE FUNCTION finish(run int) RETURNS void LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'not yet'; END $$;
BEGIN ISOLATION LEVEL REPEATABLE READ;
INSERT INTO result VALUES (6, 1, false, 1);
COMMIT;
SELECT attempt('SELECT ratchet.fold()');
SELECT look(6);
CREATE OR REPLACE FUNCTION finish(run int) RETURNS void LANGUAGE sql AS $$ INSERT INTO spill.log (said) VALUES ('done ' || finish.run) $$;
SELECT ratchet.fold();
SELECT look(6), said();

--
-- progress() and what verbs answer: the counters as they are with what lies beside them, completed as the row says
--
BEGIN ISOLATION LEVEL REPEATABLE READ;
INSERT INTO result VALUES (2, 10, true, 0.5);
COMMIT;
SELECT look(2);
SELECT outcome, (progress -> 'columns') - 'done_at'::text FROM ratchet.progress('run', 2);
SELECT outcome, progress FROM ratchet.progress('run', 99);
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT outcome, inserted, (progress -> 0 -> 'columns') - 'done_at'::text, progress -> 0 -> 'done' FROM ratchet.submit_batch('result', '[{"run": 3, "question": 1, "good": true}, {"run": 2, "question": 11}]', flush => true);
SELECT outcome, (progress -> 'columns') - 'done_at'::text FROM ratchet.progress('run', 3);
SELECT lying();
COMMIT;
SELECT outcome, inserted, (progress -> 0 -> 'columns') - 'done_at'::text, progress -> 0 -> 'done' FROM ratchet.submit_batch('result', '[{"run": 3, "question": 2, "good": true}]', flush => true);
SELECT look(2), look(3), lying();
CREATE TABLE card (id int PRIMARY KEY, run int REFERENCES run, status text, submitted_at timestamptz);
SELECT ratchet.guard('card', gate => 'submitted_at', states => '{"status": {"open": ["closed"], "closed": []}}');
ALTER TABLE run ADD closed int, ADD submitted int;
SELECT ratchet.tally('card', 'run', '{"closed": "status = ''closed''", "submitted": "submitted_at IS NOT NULL"}');
INSERT INTO card VALUES (1, 3, 'open'), (2, 3, 'open');
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT outcome, progress -> 0 -> 'columns' -> 'closed' FROM ratchet.advance('card', 1, 'closed', flush => true);
SELECT outcome, progress -> 0 -> 'columns' -> 'submitted', progress -> 0 -> 'columns' -> 'n' FROM ratchet.submit('card', 1, flush => true);
COMMIT;
SELECT id, closed, submitted FROM run WHERE id = 3 UNION ALL SELECT id, closed, submitted FROM run_spilled WHERE id = 3 UNION ALL SELECT id, closed, submitted FROM run_exact WHERE id = 3;

--
-- verify() and repair() with real drift, made while something lies spilled
--
ALTER TABLE result DISABLE TRIGGER "!ratchet_tally_1";
INSERT INTO result VALUES (2, 12, true, 4), (6, 2, true, 1);
ALTER TABLE result ENABLE TRIGGER "!ratchet_tally_1";
BEGIN ISOLATION LEVEL REPEATABLE READ;
DELETE FROM result WHERE run = 6 AND question = 1;
COMMIT;
SELECT look(2), look(3), look(6);
SELECT parent, child, key, "column", stored, counted FROM ratchet.verify() ORDER BY key, "column";
TRUNCATE log;
CALL ratchet.repair('run');
SELECT look(2), look(3), look(6), lying();
SELECT * FROM ratchet.verify();
SELECT ratchet.fold();
SELECT look(2), look(3), look(6), said();
SELECT * FROM ratchet.verify();

--
-- What people and monitoring are told
--
SELECT * FROM ratchet.health() WHERE target = 'run'::regclass;
BEGIN ISOLATION LEVEL REPEATABLE READ;
INSERT INTO result VALUES (2, 13, true, 1);
COMMIT;
SELECT * FROM ratchet.health() WHERE target = 'run'::regclass;
SELECT * FROM ratchet.describe('run') WHERE policy IN ('contention', 'counter');
SELECT target, parent, contention FROM ratchet.contract WHERE kind = 'tally' ORDER BY target::text;

--
-- fold(): who may, where
--
SET default_transaction_isolation = 'repeatable read';
SELECT attempt('SELECT ratchet.fold()');
SET default_transaction_isolation = 'serializable';
SELECT attempt($$SELECT ratchet.fold('run')$$);
RESET default_transaction_isolation;
SELECT attempt($$SELECT ratchet.fold('log')$$);
SELECT attempt($$SELECT ratchet.fold('result')$$);
SELECT attempt($$SELECT ratchet.fold('run_spilled')$$);
-- 0 is no table, and does not stand for all of them
SELECT attempt('SELECT ratchet.stat_reset(0)');
SELECT attempt('SELECT ratchet.fold(0)');
SELECT attempt('SELECT ratchet.verify(0)');
CALL ratchet.repair(0);
SET ROLE regress_ratchet_stranger;
SELECT attempt($$SELECT ratchet.fold('run')$$);
SELECT ratchet.fold();
SELECT attempt('SET ratchet.fold_worker = on');
RESET ROLE;
BEGIN READ ONLY;
SELECT attempt('SELECT ratchet.fold()');
COMMIT;
SELECT lying(), ratchet.fold(), lying();

--
-- A failed transaction that PREPARE TRANSACTION ends leaves nothing behind: the next one writes the row
--
BEGIN;
SELECT 1 / 0;
PREPARE TRANSACTION 'spill';
INSERT INTO result VALUES (2, 14, true, 1);
SELECT look(2), lying();

SET client_min_messages = error;
DROP SCHEMA spill CASCADE;
DROP ROLE regress_ratchet_stranger;
