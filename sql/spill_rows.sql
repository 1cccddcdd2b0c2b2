--
-- Counts that spill, and rows that come and go: deleted and inserted, truncated, copied, or written by hand into the
-- table of spilled counts.
--
\set SHOW_CONTEXT never
SET client_min_messages = warning;
\pset format unaligned
\pset tuples_only on
SET ratchet.fold_worker = off;
CREATE SCHEMA spill_rows;
GRANT USAGE, CREATE ON SCHEMA spill_rows TO PUBLIC;
SET search_path = spill_rows, test_setup;
CREATE TABLE run (
    id int PRIMARY KEY, total int, n int NOT NULL DEFAULT 0, good smallint, big bigint, points numeric(10,2), done boolean NOT NULL DEFAULT false,
    done_at timestamptz, sealed boolean, flawless boolean, note text);
CREATE TABLE result (run int REFERENCES run ON DELETE CASCADE DEFERRABLE, question int, good boolean, points numeric(6,2));
CREATE TABLE log (place serial, said text);
CREATE FUNCTION finish(run int) RETURNS void LANGUAGE sql AS $$ INSERT INTO spill_rows.log (said) VALUES ('done ' || finish.run) $$;
CREATE FUNCTION praise(run int) RETURNS void LANGUAGE sql AS $$ INSERT INTO spill_rows.log (said) VALUES ('flawless ' || praise.run) $$;
CREATE FUNCTION declare(contention text) RETURNS text LANGUAGE sql AS $$
SELECT ratchet.tally('spill_rows.result', 'spill_rows.run', '{"n": "true", "good": "good", "big": "sum(question)", "points": "sum(points)"}', total => 'total', done => 'done', done_at => 'done_at',
    on_done => 'spill_rows.finish(int)', completions => '{"flawless": {"when": "sealed AND good = n", "call": "spill_rows.praise(int)", "latch": true}}', contention => declare.contention)
$$;
SELECT declare('spill');
-- each counter as it is stored, and what lies beside it; and what it should be, where the two together are not that
CREATE FUNCTION look(which int DEFAULT NULL) RETURNS SETOF text LANGUAGE sql AS $$
SELECT concat_ws(' ', r.id || ':', concat(r.n, to_char(s.n, 'FMSG99')), concat('good ', r.good, to_char(s.good, 'FMSG99')), concat('big ', r.big, to_char(s.big, 'FMSG99')),
                 concat('points ', r.points, to_char(s.points, 'FMSG90.00')), CASE WHEN done THEN 'done' END, CASE WHEN done <> (done_at IS NOT NULL) THEN 'AT' END,
                 CASE WHEN flawless THEN 'flawless' END, CASE WHEN (e.n, e.good, e.big, e.points) IS DISTINCT FROM (c.n, c.good, c.big, c.points) THEN format('of %s', c) END)
FROM spill_rows.run r JOIN spill_rows.run_exact e USING (id)
CROSS JOIN LATERAL (SELECT count(*) AS n, count(*) FILTER (WHERE x.good) AS good, coalesce(sum(question), 0) AS big, coalesce(sum(x.points), 0) AS points
                    FROM spill_rows.result x WHERE x.run = r.id) c
LEFT JOIN LATERAL (SELECT sum(x.n) AS n, sum(x.good) AS good, sum(x.big) AS big, sum(x.points) AS points
                   FROM spill_rows.run_spilled x WHERE x.id = r.id HAVING count(*) > 0) s ON true
WHERE which IS NULL OR which = r.id
ORDER BY r.id
$$;
CREATE FUNCTION lying() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM spill_rows.run_spilled';
CREATE FUNCTION said() RETURNS text LANGUAGE sql AS $$ SELECT string_agg(said, ', ' ORDER BY place) FROM spill_rows.log $$;

--
-- What lies beside a row is of that row
--
INSERT INTO run (id, total) VALUES (1, 3), (2, 2), (3, NULL);
BEGIN ISOLATION LEVEL REPEATABLE READ;
INSERT INTO result VALUES (1, 1, true, 1), (1, 2, true, 1), (2, 1, true, 1);
COMMIT;
SELECT look(), lying();
-- deleted with its children
DELETE FROM run WHERE id = 1;
SELECT look(), lying();
INSERT INTO run (id) VALUES (1);
SELECT look(1), lying();
BEGIN ISOLATION LEVEL REPEATABLE READ;
INSERT INTO result VALUES (1, 1, true, 1);
DELETE FROM run WHERE id = 1;
INSERT INTO run (id) VALUES (1);
INSERT INTO result VALUES (1, 2, true, 1);
COMMIT;
SELECT look(1), lying();
-- deleted and inserted again beneath its children
ALTER TABLE result DROP CONSTRAINT result_run_fkey CASCADE;
SELECT ratchet.untally(NULL, 'run');
SELECT n, good FROM run WHERE id = 1;
ALTER TABLE result ADD FOREIGN KEY (run) REFERENCES run DEFERRABLE INITIALLY DEFERRED;
SELECT declare('spill');
SELECT look(1), lying();
INSERT INTO result VALUES (1, 3, true, 1);
BEGIN ISOLATION LEVEL REPEATABLE READ;
INSERT INTO result VALUES (1, 4, true, 1), (2, 4, true, 1);
COMMIT;
SELECT look();
BEGIN;
DELETE FROM run WHERE id = 1;
INSERT INTO run (id, total) VALUES (1, 4);
COMMIT;
SELECT look(), lying(), said();
BEGIN ISOLATION LEVEL REPEATABLE READ;
DELETE FROM result WHERE run = 1 AND question = 4;
COMMIT;
BEGIN ISOLATION LEVEL SERIALIZABLE;
DELETE FROM run WHERE id = 1;
INSERT INTO run (id, total) VALUES (1, 3);
COMMIT;
SELECT look(1), said();
BEGIN;
DELETE FROM run WHERE id = 1;
SELECT ratchet.flush();
SAVEPOINT a;
INSERT INTO run (id, total) VALUES (1, 3);
ROLLBACK TO a;
INSERT INTO run (id, total) VALUES (1, 4);
COMMIT;
SELECT look(1), lying(), said();
-- TRUNCATE of parents
BEGIN ISOLATION LEVEL REPEATABLE READ;
INSERT INTO result VALUES (3, 1, true, 5);
COMMIT;
BEGIN;
TRUNCATE run CASCADE;
SELECT lying();
ROLLBACK;
SELECT look(3), lying();
TRUNCATE run CASCADE;
SELECT lying();
-- what a former row has left, here because no trigger saw it go, is not for one whose children come first
CREATE FUNCTION lose() RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
    SET LOCAL session_replication_role = replica;
    DELETE FROM spill_rows.result;
    DELETE FROM spill_rows.run;
    SET LOCAL session_replication_role = origin;
    RETURN spill_rows.lying();
END $$;
INSERT INTO run (id) VALUES (3);
BEGIN ISOLATION LEVEL REPEATABLE READ;
INSERT INTO result VALUES (3, 1, true, 5);
COMMIT;
SELECT lose();
BEGIN;
INSERT INTO result VALUES (3, 2, false, 7);
INSERT INTO run (id, total) VALUES (3, 1);
COMMIT;
SELECT look(), lying(), said();
BEGIN ISOLATION LEVEL REPEATABLE READ;
INSERT INTO result VALUES (3, 3, true, 5);
COMMIT;
SELECT lose();
BEGIN ISOLATION LEVEL REPEATABLE READ;
INSERT INTO run (id) VALUES (3);
INSERT INTO result VALUES (3, 4, true, 1);
COMMIT;
SELECT look(), lying();
-- nor is it there for ever
SELECT lose(), ratchet.fold(), lying();
SELECT * FROM ratchet.health() WHERE target = 'run'::regclass;
-- TRUNCATE of children
INSERT INTO run (id, total) VALUES (1, 1), (2, 1);
INSERT INTO result VALUES (1, 1, true, 1);
BEGIN ISOLATION LEVEL REPEATABLE READ;
INSERT INTO result VALUES (1, 2, true, 2), (2, 1, false, 3);
COMMIT;
SELECT look();
TRUNCATE result;
SELECT look(), lying();
BEGIN ISOLATION LEVEL REPEATABLE READ;
INSERT INTO result VALUES (1, 2, true, 2), (2, 1, false, 3);
COMMIT;
BEGIN ISOLATION LEVEL REPEATABLE READ;
TRUNCATE result;
INSERT INTO result VALUES (2, 2, true, 4);
COMMIT;
SELECT look(), lying();
SELECT ratchet.fold(), look(2), lying();
-- COPY
BEGIN ISOLATION LEVEL REPEATABLE READ;
COPY run (id, total, n, points) FROM stdin;
10	2	9	9
11	\N	9	9
\.
COPY result FROM stdin;
10	1	t	1.5
10	2	f	\N
11	1	\N	-1
\.
SELECT look(10), look(11);
COMMIT;
SELECT look(10), look(11), lying();
TRUNCATE log;
SELECT ratchet.fold();
SELECT look(10), look(11), said();

--
-- Written by hand
--
SET client_min_messages = notice;
BEGIN ISOLATION LEVEL REPEATABLE READ;
INSERT INTO result VALUES (11, 2, true, 1);
COMMIT;
INSERT INTO run_spilled (id, n, good, big, points, ratchet_xid) VALUES (11, 1, 1, 1, 1, '1'), (11, 1, 1, 1, 1, '2');
SELECT look(11), lying();
COPY run_spilled (id, n, good, big, points, ratchet_xid) FROM stdin;
11	1	1	1	1	1
\.
SELECT attempt('UPDATE run_spilled SET n = 2');
SELECT attempt('UPDATE run_spilled SET n = n');
SELECT attempt('DELETE FROM run_spilled');
SELECT attempt('INSERT INTO run_exact VALUES (11, 1)');
SELECT look(11), lying();

-- who folds what is another's leaves nothing behind that would run as himself
CREATE ROLE regress_ratchet_spiller;
GRANT USAGE, CREATE ON SCHEMA spill_rows TO regress_ratchet_spiller;
SET ROLE regress_ratchet_spiller;
CREATE TABLE seen (as_role text);
CREATE TABLE his_run (id int PRIMARY KEY, n int NOT NULL DEFAULT 0);
CREATE TABLE his_result (run int REFERENCES his_run);
SELECT ratchet.tally('his_result', 'his_run', '{"n": "true"}', contention => 'spill');
CREATE FUNCTION see() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO spill_rows.seen VALUES (current_user); RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER see AFTER UPDATE ON his_run DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION see();
INSERT INTO his_run VALUES (1);
BEGIN ISOLATION LEVEL REPEATABLE READ;
INSERT INTO his_result VALUES (1);
COMMIT;
RESET ROLE;
SELECT attempt($$SELECT ratchet.fold('his_run')$$);
SELECT attempt($$SELECT ratchet.tally('his_result', 'his_run', '{"n": "true"}', contention => 'wait')$$);
SELECT * FROM seen;
SET ROLE regress_ratchet_spiller;
SELECT ratchet.fold('his_run');
SELECT * FROM seen;
RESET ROLE;

--
-- What lies in a table that cannot be used is not known, a removal perhaps: nothing becomes complete meanwhile
--
CREATE TABLE hidden (id int PRIMARY KEY, total int, n int NOT NULL DEFAULT 0, done boolean NOT NULL DEFAULT false);
CREATE TABLE hidden_result (id int, hidden int REFERENCES hidden);
SELECT ratchet.tally('hidden_result', 'hidden', '{"n": "true"}', total => 'total', done => 'done', on_done => 'finish(int)', contention => 'spill');
TRUNCATE log;
INSERT INTO hidden VALUES (1, 3);
INSERT INTO hidden_result VALUES (1, 1), (2, 1);
BEGIN ISOLATION LEVEL REPEATABLE READ;
DELETE FROM hidden_result WHERE id = 1;
COMMIT;
ALTER TABLE hidden_spilled ADD note text;
INSERT INTO hidden_result VALUES (3, 1);
UPDATE hidden SET total = 2;
UPDATE hidden SET total = 4;
INSERT INTO hidden_result VALUES (3, 1);
SELECT id, n, done FROM hidden;
ALTER TABLE hidden_spilled DROP note;
INSERT INTO hidden_result VALUES (4, 1);
SELECT id, n, done FROM hidden;
INSERT INTO hidden_result VALUES (5, 1);
SELECT id, n, done FROM hidden;
SELECT said FROM log;
SELECT * FROM ratchet.verify('hidden');

SET client_min_messages = error;
DROP SCHEMA spill_rows CASCADE;
DROP ROLE regress_ratchet_spiller;
