--
-- Every path on which SQL can write a row, against every mode and both gate_by.
--
-- One line a cell: what the statement answered and what became of the gate, the
-- owned columns and the column that no contract protects. check_cell() asserts
-- the rules that the cells follow, so that the expected output cannot be
-- wrong in a way that nobody notices.
--
\set SHOW_CONTEXT never
SET client_min_messages = warning;
\pset format unaligned
\pset tuples_only on
SET ratchet.kept_notice = off;
CREATE SCHEMA write_paths;
SET search_path = write_paths, test_setup;

CREATE TABLE doc (
    id int, region text DEFAULT 'a', note text, submitted_at timestamptz, submitted_by text, score numeric,
    PRIMARY KEY (id, region));
-- One leaf numbers its attributes as the root does, the other differently and with a hole.
CREATE TABLE part (
    id int, region text DEFAULT 'a', note text, submitted_at timestamptz, submitted_by text, score numeric,
    PRIMARY KEY (id, region)) PARTITION BY LIST (region);
CREATE TABLE part_a PARTITION OF part FOR VALUES IN ('a');
CREATE TABLE part_b (
    gone int, score numeric, submitted_by text, note text, submitted_at timestamptz, region text DEFAULT 'a', id int,
    PRIMARY KEY (id, region));
ALTER TABLE part_b DROP COLUMN gone;
ALTER TABLE part ATTACH PARTITION part_b FOR VALUES IN ('b');
CREATE VIEW doc_view AS SELECT * FROM doc;
CREATE VIEW part_view AS SELECT * FROM part;
CREATE TABLE outbox (target text, id int, at timestamptz, who text, score numeric);

-- A trigger that writes what its arguments say, as one that stamps rows would.
CREATE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.submitted_at := NULLIF(TG_ARGV[0], '');
    NEW.submitted_by := NULLIF(TG_ARGV[1], '');
    NEW.score := NULLIF(TG_ARGV[2], '');
    NEW.note := 'new';
    RETURN NEW;
END $$;
CREATE FUNCTION write_through() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('UPDATE %s SET submitted_at = $1, submitted_by = $2, score = $3, note = %L WHERE id = $4',
                   NEW.target, 'new') USING NEW.at, NEW.who, NEW.score, NEW.id;
    RETURN NULL;
END $$;
CREATE TRIGGER write_through AFTER INSERT ON outbox FOR EACH ROW EXECUTE FUNCTION write_through();

-- {T} is the table; {AT}, {BY} and {SCORE} are the literals to write.
CREATE TABLE write_path (place int GENERATED ALWAYS AS IDENTITY, name text, kinds text, template text);
INSERT INTO write_path (name, kinds, template) VALUES
('update', 'doc part',
 $$UPDATE {T} SET submitted_at = {AT}, submitted_by = {BY}, score = {SCORE}, note = 'new' WHERE id = 1$$),
('update from', 'doc part',
 $$UPDATE {T} t SET submitted_at = v.at, submitted_by = v.by, score = v.score, note = v.note
   FROM (VALUES (1, {AT}, {BY}, {SCORE}, 'new')) v (id, at, by, score, note) WHERE t.id = v.id$$),
('upsert', 'doc part',
 $$INSERT INTO {T} (id, submitted_at, submitted_by, score, note) VALUES (1, {AT}, {BY}, {SCORE}, 'new')
   ON CONFLICT (id, region) DO UPDATE SET submitted_at = excluded.submitted_at, submitted_by = excluded.submitted_by,
   score = excluded.score, note = excluded.note$$),
('insert select upsert', 'doc part',
 $$INSERT INTO {T} (id, submitted_at, submitted_by, score, note) SELECT i, {AT}, {BY}, {SCORE}, 'new' FROM generate_series(1, 1) i
   ON CONFLICT (id, region) DO UPDATE SET (submitted_at, submitted_by, score, note) =
   (excluded.submitted_at, excluded.submitted_by, excluded.score, excluded.note)$$),
('merge', 'doc part',
 $$MERGE INTO {T} t USING (VALUES (1)) v (id) ON t.id = v.id WHEN MATCHED THEN
   UPDATE SET submitted_at = {AT}, submitted_by = {BY}, score = {SCORE}, note = 'new'$$),
('writable cte', 'doc part',
 $$WITH w AS (UPDATE {T} SET submitted_at = {AT}, submitted_by = {BY}, score = {SCORE}, note = 'new' WHERE id = 1 RETURNING id)
   SELECT count(*) FROM w$$),
('current of', 'doc part',
 $p$DO $c$ DECLARE c CURSOR FOR SELECT * FROM {T} WHERE id = 1 FOR UPDATE; r record; BEGIN OPEN c; FETCH c INTO r;
   UPDATE {T} SET submitted_at = {AT}, submitted_by = {BY}, score = {SCORE}, note = 'new' WHERE CURRENT OF c; CLOSE c; END $c$$p$),
('view', 'doc part',
 $$UPDATE {T}_view SET submitted_at = {AT}, submitted_by = {BY}, score = {SCORE}, note = 'new' WHERE id = 1$$),
('trigger before the guard', 'doc part',
 $$CREATE TRIGGER stamp BEFORE UPDATE ON {T} FOR EACH ROW EXECUTE FUNCTION stamp({at}, {by}, {score});
   UPDATE {T} SET note = 'old' WHERE id = 1; DROP TRIGGER stamp ON {T}$$),
('trigger of another table', 'doc part',
 $$INSERT INTO outbox VALUES ('{T}', 1, {AT}, {BY}, {SCORE})$$),
('leaf update', 'part',
 $$UPDATE part_a SET submitted_at = {AT}, submitted_by = {BY}, score = {SCORE}, note = 'new' WHERE id = 1$$),
('leaf upsert', 'part',
 $$INSERT INTO part_a (id, submitted_at, submitted_by, score, note) VALUES (1, {AT}, {BY}, {SCORE}, 'new')
   ON CONFLICT (id, region) DO UPDATE SET submitted_at = excluded.submitted_at, submitted_by = excluded.submitted_by,
   score = excluded.score, note = excluded.note$$),
('move', 'part',
 $$UPDATE part SET region = 'b', submitted_at = {AT}, submitted_by = {BY}, score = {SCORE}, note = 'new' WHERE id = 1$$),
('move by merge', 'part',
 $$MERGE INTO part t USING (VALUES (1)) v (id) ON t.id = v.id WHEN MATCHED THEN
   UPDATE SET region = 'b', submitted_at = {AT}, submitted_by = {BY}, score = {SCORE}, note = 'new'$$),
('move from the other leaf', 'part other',
 $$UPDATE part SET region = 'a', submitted_at = {AT}, submitted_by = {BY}, score = {SCORE}, note = 'new' WHERE id = 1$$),
('update in the other leaf', 'part other',
 $$UPDATE part SET submitted_at = {AT}, submitted_by = {BY}, score = {SCORE}, note = 'new' WHERE id = 1$$);

-- What is attempted. closed: whether the row is submitted before.
CREATE TABLE trial (place int, name text, closed boolean, at text, who text, score text);
INSERT INTO trial VALUES
(1, 'reopen', true, NULL, NULL, NULL),
(2, 'rewrite', true, '2026-03-03 03:03:03+00', 'eve', '3'),
(3, 'owned', false, NULL, NULL, '99'),
(4, 'close', false, '2026-02-02 02:02:02+00', 'bob', '5');

CREATE TABLE cell (attempt text, path text, target text, gate_by text, mode text, state text,
                   gate text, actor text, score text, note text, leaf text);

CREATE FUNCTION run_cell(attempt trial, path write_path, target text, gate_by text, mode text) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
    before record;
    after record;
    state text := 'ok';
    statement text := replace(path.template, '{T}', target);
    verdict cell;
BEGIN
    EXECUTE format('DELETE FROM %s', target);
    EXECUTE format('INSERT INTO %s (id, region, note) VALUES (1, %L, %L)', target,
                   CASE WHEN path.kinds ~ 'other' THEN 'b' ELSE 'a' END, 'start');
    IF attempt.closed THEN
        EXECUTE format('SELECT ratchet.submit(%L, %L::jsonb, actor => %L, patch => %L)', target,
                       jsonb_build_object('id', 1, 'region', CASE WHEN path.kinds ~ 'other' THEN 'b' ELSE 'a' END),
                       'ann'::text, '{"score": 10}');
    END IF;
    EXECUTE format('SELECT submitted_at, submitted_by, score, note FROM %s', target) INTO STRICT before;
    statement := replace(replace(replace(statement, '{AT}', quote_nullable(attempt.at) || '::timestamptz'),
                                 '{BY}', quote_nullable(attempt.who) || '::text'),
                         '{SCORE}', quote_nullable(attempt.score) || '::numeric');
    statement := replace(replace(replace(statement, '{at}', quote_literal(COALESCE(attempt.at, ''))),
                                 '{by}', quote_literal(COALESCE(attempt.who, ''))),
                         '{score}', quote_literal(COALESCE(attempt.score, '')));
    BEGIN
        EXECUTE statement;
    EXCEPTION WHEN OTHERS THEN
        GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE;
        IF state <> '23R01' THEN state := state || ' ' || SQLERRM; END IF;
    END;
    EXECUTE format('SELECT submitted_at, submitted_by, score, note, tableoid::regclass::text AS leaf FROM %s', target)
       INTO STRICT after;
    verdict := (attempt.name, path.name, target, gate_by, mode, state,
        CASE WHEN after.submitted_at IS NOT DISTINCT FROM before.submitted_at THEN 'kept' ELSE 'written' END,
        CASE WHEN after.submitted_by IS NOT DISTINCT FROM before.submitted_by THEN 'kept' ELSE 'written' END,
        CASE WHEN after.score IS NOT DISTINCT FROM before.score THEN 'kept' ELSE 'written' END,
        after.note, after.leaf);
    INSERT INTO cell SELECT verdict.*;
    RETURN format('%s -> %s: gate %s, actor %s, score %s, note %s, in %s', path.name, state, verdict.gate, verdict.actor,
                  verdict.score, verdict.note, verdict.leaf);
END $$;

CREATE FUNCTION run_matrix(target text, gate_by text, mode text, insert text) RETURNS SETOF text
LANGUAGE plpgsql AS $$
DECLARE
    a trial;
    p write_path;
BEGIN
    PERFORM ratchet.guard(target::regclass, 'submitted_at', gate_by => gate_by, actor => 'submitted_by', owned => '{score}',
                          mode => mode, insert => insert, replace => true);
    FOR a IN SELECT * FROM trial ORDER BY place LOOP
        FOR p IN SELECT * FROM write_path WHERE target = ANY (string_to_array(kinds, ' ')) ORDER BY place LOOP
            -- An upsert that brings closed values to a row that is not there is an INSERT; these all find theirs.
            RETURN NEXT format('%s %s %s %s: ', a.name, target, gate_by, mode) || run_cell(a, p, target, gate_by, mode);
        END LOOP;
    END LOOP;
END $$;

SELECT run_matrix('doc', 'any', 'keep', 'allow');
SELECT run_matrix('doc', 'any', 'reject', 'allow');
SELECT run_matrix('doc', 'any', 'observe', 'allow');
SELECT run_matrix('doc', 'submit', 'keep', 'allow');
SELECT run_matrix('doc', 'submit', 'reject', 'allow');
SELECT run_matrix('doc', 'submit', 'observe', 'allow');
SELECT run_matrix('part', 'any', 'keep', 'allow');
SELECT run_matrix('part', 'any', 'reject', 'allow');
SELECT run_matrix('part', 'any', 'observe', 'allow');
SELECT run_matrix('part', 'submit', 'keep', 'allow');
SELECT run_matrix('part', 'submit', 'reject', 'allow');
SELECT run_matrix('part', 'submit', 'observe', 'allow');

-- insert => 'reject' must change nothing for rows that exist: the same cells again, compared with the ones above.
CREATE TABLE cell_allow AS SELECT * FROM cell;
TRUNCATE cell;
SELECT count(*) FROM (
    SELECT run_matrix(t, g, m, 'reject')
    FROM unnest('{doc,part}'::text[]) t, unnest('{any,submit}'::text[]) g, unnest('{keep,reject,observe}'::text[]) m) x;
SELECT 'differs with insert => reject: ' || d::text FROM (TABLE cell EXCEPT TABLE cell_allow) d;
SELECT 'differs with insert => allow: ' || d::text FROM (TABLE cell_allow EXCEPT TABLE cell) d;
SELECT 'cells: ' || count(*) FROM cell_allow;

-- The rules. A cell that follows none of them is printed.
CREATE FUNCTION check_cell(c cell) RETURNS text LANGUAGE sql AS $$
SELECT CASE
    WHEN c.mode = 'observe' OR (c.attempt = 'close' AND c.gate_by = 'any') THEN
        -- goes through; "owned" leaves gate and actor as they were
        CASE WHEN c.state = 'ok' AND c.note = 'new' AND c.score = 'written'
              AND (c.attempt = 'owned') = (c.gate = 'kept') AND (c.attempt = 'owned') = (c.actor = 'kept') THEN 'ok' END
    WHEN c.mode = 'keep' THEN
        CASE WHEN c.state = 'ok' AND c.note = 'new' AND 'kept' = ALL (ARRAY[c.gate, c.actor, c.score]) THEN 'ok' END
    WHEN c.mode = 'reject' THEN
        CASE WHEN c.state = '23R01' AND c.note = 'start' AND 'kept' = ALL (ARRAY[c.gate, c.actor, c.score]) THEN 'ok' END
    END $$;
SELECT 'breaks the rules: ' || c::text FROM cell c WHERE check_cell(c) IS DISTINCT FROM 'ok';
SELECT 'breaks the rules: ' || c::text FROM cell_allow c WHERE check_cell(ROW(c.*)::cell) IS DISTINCT FROM 'ok';

--
-- Several rows in one statement: each is judged by its own state.
--
SELECT ratchet.guard('doc', 'submitted_at', actor => 'submitted_by', owned => '{score}', replace => true);
DELETE FROM doc;
INSERT INTO doc (id, note, submitted_at, submitted_by, score)
VALUES (1, 'closed', '2026-01-01', 'ann', 10), (2, 'open', NULL, NULL, NULL), (3, 'closed', '2026-01-03', 'cay', 30);
UPDATE doc SET submitted_at = '2026-05-05', submitted_by = 'all', score = 55, note = note || ' new';
SELECT id, note, submitted_at, submitted_by, score FROM doc ORDER BY id;

--
-- Writers that the guard must not stop: a foreign key's own actions.
--

CREATE TABLE users (id int PRIMARY KEY, name text UNIQUE);
CREATE FUNCTION fresh_users() RETURNS void LANGUAGE sql AS $$
    DELETE FROM card; DELETE FROM card_part; DELETE FROM users;
    INSERT INTO users VALUES (0, 'nobody'), (1, 'ann'), (2, 'bob'), (3, 'cay');
    INSERT INTO card (id, setnull, setdefault, cascades, by_name, closed)
        VALUES (1, 1, 2, 3, 'cay', true), (2, 2, 1, 1, 'ann', true), (3, 1, 2, 3, 'cay', false);
    INSERT INTO card_part (id, region, setnull, setdefault, cascades, by_name, closed)
        VALUES (1, 'a', 1, 2, 3, 'cay', true), (2, 'b', 2, 1, 1, 'ann', true), (3, 'b', 1, 2, 3, 'cay', false)
$$ SET check_function_bodies = off;
CREATE TABLE card (
    id int PRIMARY KEY, region text DEFAULT 'a',
    setnull int REFERENCES users ON DELETE SET NULL ON UPDATE SET NULL,
    setdefault int DEFAULT 0 REFERENCES users ON DELETE SET DEFAULT ON UPDATE SET DEFAULT,
    cascades int REFERENCES users ON DELETE CASCADE ON UPDATE CASCADE,
    by_name text REFERENCES users (name) ON DELETE SET NULL ON UPDATE CASCADE,
    closed boolean NOT NULL DEFAULT false);
CREATE TABLE card_part (
    id int, region text DEFAULT 'a',
    setnull int REFERENCES users ON DELETE SET NULL ON UPDATE SET NULL,
    setdefault int DEFAULT 0 REFERENCES users ON DELETE SET DEFAULT ON UPDATE SET DEFAULT,
    cascades int REFERENCES users ON DELETE CASCADE ON UPDATE CASCADE,
    by_name text REFERENCES users (name) ON DELETE SET NULL ON UPDATE CASCADE,
    closed boolean NOT NULL DEFAULT false,
    PRIMARY KEY (id, region)) PARTITION BY LIST (region);
CREATE TABLE card_part_a PARTITION OF card_part FOR VALUES IN ('a');
CREATE TABLE card_part_b (
    closed boolean NOT NULL DEFAULT false, gone text, by_name text, cascades int, setdefault int DEFAULT 0, setnull int,
    region text NOT NULL DEFAULT 'a', id int NOT NULL);
ALTER TABLE card_part_b DROP COLUMN gone;
ALTER TABLE card_part ATTACH PARTITION card_part_b FOR VALUES IN ('b');

-- In every mode, also in the strictest, both tables end alike.
CREATE FUNCTION referential(gate_by text, mode text, action text) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
    PERFORM ratchet.guard(t, 'closed', gate_by => gate_by, mode => mode, owned => '{setnull,setdefault,cascades,by_name}',
                          replace => true)
    FROM unnest('{card,card_part}'::regclass[]) t;
    PERFORM fresh_users();
    RETURN NEXT format('%s %s: %s -> %s', gate_by, mode, action, attempt(action));
    RETURN QUERY SELECT '  ' || c::text FROM (SELECT id, setnull, setdefault, cascades, by_name, closed FROM card) c ORDER BY c.id;
    RETURN QUERY SELECT '  partitioned table differs: ' || d::text FROM (
        (SELECT id, setnull, setdefault, cascades, by_name, closed FROM card
         EXCEPT SELECT id, setnull, setdefault, cascades, by_name, closed FROM card_part)
        UNION ALL
        (SELECT id, setnull, setdefault, cascades, by_name, closed FROM card_part
         EXCEPT SELECT id, setnull, setdefault, cascades, by_name, closed FROM card)) d;
END $$;
SELECT referential(g, m, a)
FROM unnest('{any,submit}'::text[]) WITH ORDINALITY g (g, gp), unnest('{keep,reject,observe}'::text[]) WITH ORDINALITY m (m, mp),
     unnest(ARRAY['DELETE FROM users WHERE id = 1', 'DELETE FROM users WHERE id = 3', 'UPDATE users SET id = id + 10 WHERE id > 0',
                  'UPDATE users SET name = upper(name)']) WITH ORDINALITY a (a, ap)
ORDER BY gp, mp, ap;
-- What looks like such an action, written by hand, is a writer as any other.
SELECT ratchet.guard('card', 'closed', mode => 'keep', owned => '{setnull,setdefault,cascades,by_name}', replace => true);
SELECT fresh_users();
UPDATE card SET setnull = NULL, setdefault = 0, cascades = 2, by_name = NULL WHERE closed;
SELECT c FROM card c ORDER BY id;

-- A key of two columns of which one is guarded; the action's column list names just that one.
CREATE TABLE member (tenant int, id int, PRIMARY KEY (tenant, id));
CREATE TABLE form (
    id int PRIMARY KEY, tenant int NOT NULL, submitter int, submitted_at timestamptz,
    FOREIGN KEY (tenant, submitter) REFERENCES member ON DELETE SET NULL (submitter) ON UPDATE CASCADE);
SELECT ratchet.guard('form', 'submitted_at', actor => 'submitter', gate_by => 'submit', mode => 'reject');
INSERT INTO member VALUES (1, 1), (1, 2), (2, 1);
INSERT INTO form VALUES (1, 1, 1, '2026-01-01'), (2, 1, 2, '2026-01-01'), (3, 2, 1, NULL);
DELETE FROM member WHERE tenant = 1 AND id = 1;
UPDATE member SET id = 22 WHERE tenant = 1 AND id = 2;
UPDATE member SET tenant = 3 WHERE tenant = 2;
SELECT id, tenant, submitter FROM form ORDER BY id;

-- A table that refers to itself, and a reference to a partitioned table whose row moves.
CREATE TABLE node (id int PRIMARY KEY, parent int REFERENCES node ON DELETE SET NULL ON UPDATE CASCADE, done boolean);
SELECT ratchet.guard('node', 'done', owned => '{parent}', mode => 'reject');
INSERT INTO node VALUES (1, NULL, true), (2, 1, true), (3, 2, true);
UPDATE node SET id = 20 WHERE id = 2;
DELETE FROM node WHERE id = 1;
SELECT * FROM node ORDER BY id;

--
-- What the guard cannot stand behind is refused: 42R01.
--
CREATE TABLE strict (id int PRIMARY KEY, note text, submitted_at timestamptz, score numeric);
CREATE FUNCTION reopen() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.submitted_at := NULL; RETURN NEW; END $$;
SELECT ratchet.guard('strict', 'submitted_at', owned => '{score}');
INSERT INTO strict VALUES (1, 'start', '2026-01-01', 1);
SELECT attempt('CREATE TRIGGER "~zzz" BEFORE UPDATE ON strict FOR EACH ROW EXECUTE FUNCTION reopen()');
SELECT attempt('CREATE TRIGGER "~ratchet_guard2" BEFORE INSERT OR UPDATE OF note ON strict FOR EACH ROW EXECUTE FUNCTION reopen()');
SELECT attempt('CREATE TRIGGER aaa BEFORE UPDATE ON strict FOR EACH ROW EXECUTE FUNCTION reopen()');
SELECT attempt('ALTER TRIGGER aaa ON strict RENAME TO "~~"');
UPDATE strict SET note = 'new';
SELECT id, note, submitted_at IS NOT NULL AS closed, score FROM strict;
SELECT attempt('CREATE RULE swallow AS ON UPDATE TO strict DO INSTEAD NOTHING');
SELECT attempt('CREATE RULE divert AS ON UPDATE TO strict WHERE new.note = ''x'' DO INSTEAD DELETE FROM strict WHERE id = old.id');
-- A rule that only adds a statement stays possible, and its statement is guarded too.
CREATE TABLE trigger_of_rule (id int);
CREATE TABLE journal (id int);
SELECT attempt('CREATE RULE also AS ON INSERT TO trigger_of_rule DO ALSO UPDATE strict SET submitted_at = NULL, note = ''by rule''');
SELECT attempt('CREATE RULE also AS ON UPDATE TO strict DO ALSO INSERT INTO journal VALUES (old.id)');
INSERT INTO trigger_of_rule VALUES (1);
TABLE journal;
SELECT id, note, submitted_at IS NOT NULL AS closed FROM strict ORDER BY id;
-- Declared on a table that has such things already.
CREATE TABLE late (id int PRIMARY KEY, submitted_at timestamptz);
CREATE TRIGGER "~zzz" BEFORE UPDATE ON late FOR EACH ROW EXECUTE FUNCTION reopen();
SELECT attempt($$SELECT ratchet.guard('late', 'submitted_at')$$);
ALTER TABLE late DISABLE TRIGGER "~zzz";
SELECT attempt($$SELECT ratchet.guard('late', 'submitted_at')$$);
SELECT attempt('ALTER TABLE late ENABLE TRIGGER "~zzz"');
CREATE TABLE ruled (id int PRIMARY KEY, submitted_at timestamptz);
CREATE RULE swallow AS ON UPDATE TO ruled DO INSTEAD NOTHING;
SELECT attempt($$SELECT ratchet.guard('ruled', 'submitted_at')$$);
-- A BEFORE INSERT trigger could rewrite a row while it moves; only such moves are refused.
CREATE TRIGGER stamp BEFORE INSERT ON part_b FOR EACH ROW EXECUTE FUNCTION reopen();
SELECT ratchet.guard('part', 'submitted_at', actor => 'submitted_by', owned => '{score}', replace => true);
DELETE FROM part;
INSERT INTO part (id, note, submitted_at) VALUES (1, 'start', '2026-01-01');
SELECT attempt($$UPDATE part SET note = 'new' WHERE id = 1$$);
SELECT attempt($$UPDATE part SET region = 'b' WHERE id = 1$$);
SELECT attempt($$MERGE INTO part USING (VALUES (1)) v (id) ON part.id = v.id WHEN MATCHED THEN UPDATE SET region = 'b'$$);
DROP TRIGGER stamp ON part_b;
SELECT attempt($$UPDATE part SET region = 'b' WHERE id = 1$$);
SELECT tableoid::regclass, note, submitted_at IS NOT NULL AS closed FROM part;

--
-- insert => 'reject': rows are born open, on every path that makes rows.
--
CREATE TABLE born (
    id int, region text DEFAULT 'a', note text, submitted_at timestamptz, score numeric DEFAULT 1, tags text[] DEFAULT '{x}',
    PRIMARY KEY (id, region)) PARTITION BY LIST (region);
CREATE TABLE born_a PARTITION OF born FOR VALUES IN ('a');
CREATE TABLE born_b (gone int, tags text[] DEFAULT '{x}', score numeric DEFAULT 1, submitted_at timestamptz, note text, region text, id int,
                     PRIMARY KEY (id, region));
ALTER TABLE born_b DROP COLUMN gone;
ALTER TABLE born ATTACH PARTITION born_b FOR VALUES IN ('b');
SELECT ratchet.guard('born', 'submitted_at', owned => '{score,tags}', insert => 'reject');
SELECT attempt($$INSERT INTO born VALUES (1, 'a', 'open')$$);
SELECT attempt($$INSERT INTO born VALUES (2, 'a', 'closed', now())$$);
SELECT attempt($$INSERT INTO born VALUES (2, 'a', 'owned', NULL, 2)$$);
SELECT attempt($$INSERT INTO born VALUES (2, 'a', 'owned null', NULL, NULL)$$);
SELECT attempt($$INSERT INTO born VALUES (2, 'a', 'default said', NULL, 1, ARRAY['x'])$$);
SELECT attempt($$INSERT INTO born VALUES (3, 'b', 'closed in the other leaf', now())$$);
SELECT attempt($$INSERT INTO born_b (id, region, submitted_at) VALUES (3, 'b', now())$$);
SELECT attempt($$INSERT INTO born SELECT i, 'a', 'select', CASE WHEN i = 7 THEN now() END FROM generate_series(5, 7) i$$);
SELECT attempt($$WITH w AS (INSERT INTO born (id, submitted_at) VALUES (3, now()) RETURNING 1) SELECT * FROM w$$);
SELECT attempt($$MERGE INTO born USING (VALUES (3)) v (id) ON born.id = v.id WHEN NOT MATCHED THEN INSERT (id, submitted_at) VALUES (3, now())$$);
SELECT attempt($$INSERT INTO born (id, submitted_at) VALUES (3, now()) ON CONFLICT (id, region) DO UPDATE SET note = 'updated'$$);
SELECT attempt($$INSERT INTO born (id, note, submitted_at) VALUES (1, 'upsert of an existing row', now())
    ON CONFLICT (id, region) DO UPDATE SET note = excluded.note, submitted_at = excluded.submitted_at$$);
SELECT attempt($$INSERT INTO born (id, submitted_at) VALUES (1, now()) ON CONFLICT DO NOTHING$$);
COPY born (id, region, note) FROM stdin;
10	a	open by copy
11	b	open by copy
\.
COPY born (id, region, note, submitted_at) FROM stdin;
12	a	open by copy	\N
13	b	closed by copy	2026-01-01
\.
COPY born_b (id, region, note, score) FROM stdin;
13	b	owned by copy	5
\.
SELECT tableoid::regclass, id, note, submitted_at IS NOT NULL AS closed, score, tags FROM born ORDER BY id;
-- A submitted row moves, by one statement or by many in one transaction, there and back.
BEGIN;
SELECT attempt($$UPDATE born SET region = 'b' WHERE id = 1$$);
SELECT attempt($$UPDATE born SET region = 'a' WHERE id = 1$$);
SELECT attempt($$UPDATE born SET region = CASE region WHEN 'a' THEN 'b' ELSE 'a' END$$);
COMMIT;
SELECT tableoid::regclass, id, submitted_at IS NOT NULL AS closed FROM born ORDER BY id;
-- A move lends nothing to an INSERT.
BEGIN;
UPDATE born SET region = 'a' WHERE id = 1;
SELECT attempt($$INSERT INTO born (id, submitted_at) VALUES (20, now())$$);
UPDATE born SET region = 'b' WHERE id = 2;
SELECT attempt($$INSERT INTO born (id, submitted_at) VALUES (20, now())$$);
ROLLBACK;
WITH moved AS (UPDATE born SET region = 'a' WHERE id = 2 RETURNING id)
SELECT attempt($$INSERT INTO born (id, submitted_at) VALUES (20, now())$$) FROM moved;
SELECT id FROM born WHERE id = 20;

--
-- Images, not values: types without an equality operator, and equal values that look different.
--
CREATE DOMAIN percent AS int CHECK (VALUE BETWEEN 0 AND 100);
CREATE TYPE pair AS (a int, b text);
CREATE TYPE mood AS ENUM ('sad', 'glad');
CREATE TABLE typed (
    id int PRIMARY KEY, note text, submitted_at timestamptz,
    c_json json, c_point point, c_numeric numeric, c_domain percent, c_array int[], c_pair pair, c_pairs pair[], c_mood mood,
    c_big text, c_packed text, c_range int4range, c_xml bytea);
-- Stored out of line, uncompressed and compressed.
ALTER TABLE typed ALTER c_big SET STORAGE EXTERNAL;
CREATE TABLE typed_write (place int GENERATED ALWAYS AS IDENTITY, col text, stored text, written text, changes boolean);
INSERT INTO typed_write (col, stored, written, changes) VALUES
('c_json', $$'{"a":1}'$$, $$'{"a":1}'$$, false),
('c_json', $$'{"a":1}'$$, $$'{"a": 1}'$$, true),
('c_json', $$'{"a":1}'$$, 'NULL', true),
('c_point', $$'(1,2)'$$, $$'(1.0,2)'$$, false),
('c_point', $$'(1,2)'$$, $$'(1,3)'$$, true),
('c_numeric', '1.0', '1.0', false),
('c_numeric', '1.0', '1.000', true),
('c_numeric', '1.0', '2', true),
('c_domain', '7', '7', false),
('c_domain', '7', '8', true),
('c_array', $$'{1,2}'$$, 'ARRAY[1,2]', false),
('c_array', $$'{1,2}'$$, $$'{2,1}'$$, true),
('c_array', $$'{1,2}'$$, $$'[0:1]={1,2}'$$, true),
('c_array', $$'{1,2}'$$, $$'{1,NULL}'$$, true),
('c_pair', $$ROW(1,'x')::pair$$, $$'(1,x)'$$, false),
('c_pair', $$ROW(1,'x')::pair$$, $$'(1,y)'$$, true),
('c_pair', $$ROW(1,'x')::pair$$, $$'(1,)'$$, true),
('c_pair', $$'(,)'::pair$$, 'NULL', true),
('c_pairs', $$ARRAY[ROW(1,'x')::pair]$$, $$ARRAY['(1,x)'::pair]$$, false),
('c_pairs', $$ARRAY[ROW(1,'x')::pair]$$, $$ARRAY['(2,x)'::pair]$$, true),
('c_mood', $$'sad'$$, $$'sad'$$, false),
('c_mood', $$'sad'$$, $$'glad'$$, true),
('c_big', $$repeat('abcdefgh', 5000)$$, $$repeat('abcdefgh', 5000)$$, false),
('c_big', $$repeat('abcdefgh', 5000)$$, $$repeat('abcdefgh', 4999) || 'abcdefgX'$$, true),
('c_big', $$repeat('abcdefgh', 5000)$$, $$'short'$$, true),
('c_packed', $$repeat('abcdefgh', 50000)$$, $$repeat('abcdefgh', 50000)$$, false),
('c_packed', $$repeat('abcdefgh', 50000)$$, $$repeat('abcdefgh', 50000) || 'X'$$, true),
('c_packed', $$'short'$$, $$repeat('abcdefgh', 50000)$$, true),
('c_range', $$'[1,5)'$$, $$'[1,4]'$$, false),
('c_range', $$'[1,5)'$$, $$'empty'$$, true),
('c_xml', $$'\x00'$$, $$'\x00'$$, false),
('c_xml', $$'\x00'$$, $$'\x0000'$$, true);
CREATE FUNCTION typed_cell(w typed_write, mode text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    answer text;
    same boolean;
BEGIN
    PERFORM ratchet.guard('typed', 'submitted_at', mode => mode, replace => true,
        owned => '{c_json,c_point,c_numeric,c_domain,c_array,c_pair,c_pairs,c_mood,c_big,c_packed,c_range,c_xml}');
    DELETE FROM typed;
    EXECUTE format('INSERT INTO typed (id, note, submitted_at, %I) VALUES (1, ''start'', ''2026-01-01'', %s)', w.col, w.stored);
    answer := left(attempt(format('UPDATE typed SET %I = %s, note = ''new''', w.col, w.written)), 5);
    -- A whole-row save that brings back what it read must always go through.
    UPDATE typed SET note = note || '!', c_json = c_json, c_big = c_big, c_packed = c_packed, c_pair = c_pair, c_pairs = c_pairs;
    EXECUTE format('SELECT %1$I IS NOT NULL AND %1$I::text = (SELECT %1$I::text FROM (SELECT (jsonb_populate_record(NULL::typed, ''{}'')).*) x) '
                   'OR %1$I::text IS NOT DISTINCT FROM (%2$s)::%3$s::text FROM typed', w.col, w.stored,
                   (SELECT atttypid::regtype FROM pg_attribute WHERE attrelid = 'typed'::regclass AND attname = w.col)) INTO same;
    RETURN format('%s %s: %s -> %s: %s, stored %s, note %s', mode, w.col, left(w.stored, 32), left(w.written, 40), answer,
                  CASE WHEN same THEN 'as it was' ELSE 'written' END, (SELECT note FROM typed))
        || CASE WHEN (mode = 'keep' AND (answer <> 'ok' OR NOT same))
                  OR (mode = 'reject' AND ((answer = '23R01') <> w.changes OR NOT same))
                THEN '   BREAKS THE RULES' ELSE '' END;
END $$;
SELECT typed_cell(w, 'keep') FROM typed_write w ORDER BY place;
SELECT typed_cell(w, 'reject') FROM typed_write w ORDER BY place;

-- A generated column follows what was kept, not what was attempted.
CREATE TABLE generated (
    id int PRIMARY KEY, score int, submitted_at timestamptz, passed boolean GENERATED ALWAYS AS (score >= 50) STORED);
SELECT ratchet.guard('generated', 'submitted_at', owned => '{score}');
INSERT INTO generated VALUES (1, 80, '2026-01-01');
UPDATE generated SET score = 0, submitted_at = NULL;
SELECT id, score, submitted_at IS NOT NULL AS closed, passed FROM generated;

-- A boolean gate: NULL and false are both open.
CREATE TABLE flag (id int PRIMARY KEY, note text, done boolean, done_at timestamp, score int);
SELECT ratchet.guard('flag', 'done', gate_at => 'done_at', owned => '{score}');
INSERT INTO flag VALUES (1, '', NULL, NULL, NULL), (2, '', false, NULL, NULL), (3, '', true, '2026-01-01', 3);
UPDATE flag SET score = 9, note = 'owned';
SELECT * FROM flag ORDER BY id;
UPDATE flag SET done = true, done_at = '2026-02-02', score = 9, note = 'closed';
SELECT * FROM flag ORDER BY id;
UPDATE flag SET done = CASE WHEN id > 1 THEN false END, done_at = NULL, score = 0, note = 'reopened';
SELECT * FROM flag ORDER BY id;

-- The gate as partition key: closing moves the row, a stale save must not move it back.
CREATE TABLE inbox (id int, note text, sent boolean NOT NULL DEFAULT false, PRIMARY KEY (id, sent)) PARTITION BY LIST (sent);
CREATE TABLE inbox_open PARTITION OF inbox FOR VALUES IN (false);
CREATE TABLE inbox_sent PARTITION OF inbox FOR VALUES IN (true);
SELECT ratchet.guard('inbox', 'sent', insert => 'reject');
INSERT INTO inbox VALUES (1, 'one'), (2, 'two');
SELECT outcome FROM ratchet.submit('inbox', '{"id": 1, "sent": false}'::jsonb);
UPDATE inbox SET sent = true WHERE id = 2;
SELECT tableoid::regclass, * FROM inbox ORDER BY id;
UPDATE inbox SET sent = false, note = note || ' saved';
SELECT tableoid::regclass, * FROM inbox ORDER BY id;

DROP SCHEMA write_paths CASCADE;
