--
-- on_done functions are called by their OID, as the parser would call them, and convert nothing by a user's function
--
\set SHOW_CONTEXT never
SET client_min_messages = warning;
\pset format unaligned
\pset tuples_only on
CREATE SCHEMA on_done_calls;
SET search_path = on_done_calls, test_setup;
CREATE TABLE told (what text);
CREATE FUNCTION same(anyelement, anyelement) RETURNS void LANGUAGE plpgsql AS 'BEGIN INSERT INTO on_done_calls.told VALUES (format(''same %s %s'', $1, $2)); END';
CREATE FUNCTION common(anycompatible, anycompatible) RETURNS anycompatible LANGUAGE plpgsql AS 'BEGIN INSERT INTO on_done_calls.told VALUES (format(''common %s %s %s'', $1, $2, pg_typeof($1))); RETURN $1; END';
CREATE FUNCTION of_any(anyelement) RETURNS anyarray LANGUAGE sql AS 'INSERT INTO on_done_calls.told VALUES (format(''any %s'', $1)); SELECT ARRAY[$1]';
CREATE FUNCTION wide(numeric) RETURNS void LANGUAGE sql AS 'INSERT INTO on_done_calls.told VALUES (format(''wide %s'', $1))';
CREATE FUNCTION many(int) RETURNS SETOF int LANGUAGE sql AS 'SELECT $1';

-- two columns that are not alike
CREATE TABLE mixed (t text, n int, total int DEFAULT 1, c int, d bool, PRIMARY KEY (t, n));
CREATE TABLE mixed_row (t text, n int, FOREIGN KEY (t, n) REFERENCES mixed);
SELECT attempt($$SELECT ratchet.tally('mixed_row', 'mixed', '{"c": "true"}', total => 'total', done => 'd', on_done => 'same(anyelement,anyelement)')$$);
SELECT attempt($$SELECT ratchet.tally('mixed_row', 'mixed', '{"c": "true"}', total => 'total', done => 'd', on_done => 'common(anycompatible,anycompatible)')$$);
-- alike, or with a common type
CREATE TABLE pair (a int, b numeric, total int DEFAULT 1, c int, d bool, PRIMARY KEY (a, b));
CREATE TABLE pair_row (a int, b numeric, FOREIGN KEY (a, b) REFERENCES pair);
SELECT attempt($$SELECT ratchet.tally('pair_row', 'pair', '{"c": "true"}', total => 'total', done => 'd', on_done => 'same(anyelement,anyelement)')$$);
SELECT ratchet.tally('pair_row', 'pair', '{"c": "true"}', total => 'total', done => 'd', on_done => 'common(anycompatible,anycompatible)');
INSERT INTO pair VALUES (5, 1.5);
INSERT INTO pair_row VALUES (5, 1.5);
CREATE TABLE twin (a int, b int, total int DEFAULT 1, c int, d bool, PRIMARY KEY (a, b));
CREATE TABLE twin_row (a int, b int, FOREIGN KEY (a, b) REFERENCES twin);
SELECT ratchet.tally('twin_row', 'twin', '{"c": "true"}', total => 'total', done => 'd', on_done => 'same(anyelement,anyelement)');
INSERT INTO twin VALUES (1, 2);
INSERT INTO twin_row VALUES (1, 2);
CREATE TABLE one (id int PRIMARY KEY, total int DEFAULT 1, c int, d bool);
CREATE TABLE one_row (id int REFERENCES one);
SELECT ratchet.tally('one_row', 'one', '{"c": "true"}', total => 'total', done => 'd', on_done => 'of_any(anyelement)');
INSERT INTO one VALUES (1), (2);
INSERT INTO one_row VALUES (1);
SELECT ratchet.tally('one_row', 'one', '{"c": "true"}', total => 'total', done => 'd', on_done => 'wide(numeric)', replace => true);
INSERT INTO one_row VALUES (2);
SELECT attempt($$SELECT ratchet.tally('one_row', 'one', '{"c": "true"}', total => 'total', done => 'd', on_done => 'many(int)', replace => true)$$);
SELECT what FROM told ORDER BY 1;

-- whoever owns the cast or the domain would run as the owner of the tables, unless that is himself
CREATE ROLE regress_ratchet_caster;
GRANT USAGE, CREATE ON SCHEMA on_done_calls TO regress_ratchet_caster;
SET ROLE regress_ratchet_caster;
CREATE TYPE four AS ENUM ('x');
CREATE TYPE five AS ENUM ('x');
CREATE FUNCTION four_to_five(four) RETURNS five LANGUAGE sql IMMUTABLE AS $$ SELECT 'x'::on_done_calls.five $$;
CREATE CAST (four AS five) WITH FUNCTION four_to_five(four) AS IMPLICIT;
CREATE DOMAIN checked AS int CHECK (VALUE > 0);
RESET ROLE;
CREATE FUNCTION of_five(five) RETURNS void LANGUAGE sql AS 'SELECT';
CREATE FUNCTION of_checked(checked) RETURNS void LANGUAGE sql AS 'SELECT';
CREATE TABLE cast_parent (id four PRIMARY KEY, total int DEFAULT 1, c int, d bool);
CREATE TABLE cast_row (id four REFERENCES cast_parent);
SELECT attempt($$SELECT ratchet.tally('cast_row', 'cast_parent', '{"c": "true"}', total => 'total', done => 'd', on_done => 'of_five(five)')$$);
SELECT attempt($$SELECT ratchet.tally('one_row', 'one', '{"c": "true"}', total => 'total', done => 'd', on_done => 'of_checked(checked)', replace => true)$$);
CREATE FUNCTION of_four(four) RETURNS void LANGUAGE sql AS 'SELECT';
SELECT ratchet.tally('cast_row', 'cast_parent', '{"c": "true"}', total => 'total', done => 'd', on_done => 'of_four(four)');
INSERT INTO cast_parent VALUES ('x');
INSERT INTO cast_row VALUES ('x');
ALTER DOMAIN checked OWNER TO CURRENT_USER;
SELECT ratchet.tally('one_row', 'one', '{"c": "true"}', total => 'total', done => 'd', on_done => 'of_checked(checked)', replace => true);

SET client_min_messages = error;
DROP SCHEMA on_done_calls CASCADE;
DROP ROLE regress_ratchet_caster;
