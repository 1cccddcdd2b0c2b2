-- Imports that are filled while their rows are being checked already. How many rows there will be is known to nobody until
-- the import is sealed; from then on it is complete when all its rows are checked, be it by the seal or by the last check.
--
--   psql -f docs/examples/seal.sql
--
-- creates the schema "seal" in a database of yours; DROP SCHEMA seal CASCADE removes it. What each query answers stands
-- below it, after "-->".

\set ON_ERROR_STOP on
CREATE EXTENSION IF NOT EXISTS ratchet;
CREATE SCHEMA seal;

-- -- The tables -------------------------------------------------------------------------------------------------------

CREATE TABLE seal.imports (
    id            bigint PRIMARY KEY,
    sealed_at     timestamptz,
    row_count     int NOT NULL DEFAULT 0,
    checked_count int NOT NULL DEFAULT 0,
    failed_count  int NOT NULL DEFAULT 0,
    is_complete   boolean NOT NULL DEFAULT false,
    completed_at  timestamptz,
    has_failed    boolean NOT NULL DEFAULT false);
CREATE TABLE seal.rows (
    id        bigint PRIMARY KEY,
    import_id bigint NOT NULL REFERENCES seal.imports,
    is_good   boolean);  -- NULL: not checked yet
CREATE INDEX ON seal.rows (import_id);
CREATE TABLE seal.log (id bigserial PRIMARY KEY, import_id bigint NOT NULL, what text NOT NULL);

-- -- The contracts ----------------------------------------------------------------------------------------------------

CREATE FUNCTION seal.publish(import bigint) RETURNS void LANGUAGE sql
BEGIN ATOMIC
    INSERT INTO seal.log (import_id, what) SELECT id, row_count || ' rows published' FROM seal.imports WHERE id = import;
END;
CREATE FUNCTION seal.alert(import bigint) RETURNS void LANGUAGE sql
BEGIN ATOMIC
    INSERT INTO seal.log (import_id, what) VALUES (import, 'a row has failed');
END;

-- The seal is a gate: it closes once, and no stale save opens it again.
SELECT ratchet.guard('seal.imports', gate => 'sealed_at');
--> created
-- Two completions, each a condition over columns of the import. The second one stays true when the row is mended.
SELECT ratchet.tally('seal.rows', 'seal.imports',
    '{"row_count": "true", "checked_count": "is_good IS NOT NULL", "failed_count": "NOT is_good"}',
    completions => '{
        "is_complete": {"when": "sealed_at IS NOT NULL AND checked_count = row_count", "at": "completed_at", "call": "seal.publish(bigint)"},
        "has_failed":  {"when": "failed_count > 0", "call": "seal.alert(bigint)", "latch": true}}');
--> created

-- -- Sealed first, or checked first -----------------------------------------------------------------------------------

INSERT INTO seal.imports (id) VALUES (1), (2), (3);

-- All rows of the first one are checked, and checked again; more may come.
INSERT INTO seal.rows VALUES (1, 1, true), (2, 1, NULL);
UPDATE seal.rows SET is_good = true WHERE id = 2;
SELECT row_count, checked_count, is_complete FROM seal.imports WHERE id = 1;
--> 2 | 2 | f

-- Whoever seals it completes it. A second seal is told so.
SELECT outcome FROM ratchet.submit('seal.imports', 1);
--> submitted
SELECT outcome FROM ratchet.submit('seal.imports', 1);
--> already_submitted
SELECT is_complete, completed_at IS NOT NULL AS at FROM seal.imports WHERE id = 1;
--> t | t

-- The second one is sealed while rows are still being checked: the last check completes it. The first failure is called
-- once, however many follow.
INSERT INTO seal.rows VALUES (3, 2), (4, 2), (5, 2);
SELECT outcome FROM ratchet.submit('seal.imports', 2);
--> submitted
UPDATE seal.rows SET is_good = false WHERE id IN (3, 4);
SELECT is_complete, has_failed FROM seal.imports WHERE id = 2;
--> f | t
UPDATE seal.rows SET is_good = true WHERE id = 5;
SELECT is_complete, has_failed FROM seal.imports WHERE id = 2;
--> t | t

-- An import without rows is complete when it is sealed: there is no total that would have to be greater than zero.
SELECT outcome FROM ratchet.submit('seal.imports', 3);
--> submitted
SELECT import_id, what FROM seal.log ORDER BY id;
--> 1 | 2 rows published
--> 2 | a row has failed
--> 2 | 3 rows published
--> 3 | 0 rows published

-- -- A page that was opened before all this ---------------------------------------------------------------------------

UPDATE seal.imports SET sealed_at = NULL, row_count = 0, checked_count = 0, is_complete = false, completed_at = NULL WHERE id = 1
RETURNING sealed_at IS NOT NULL AS sealed, row_count, is_complete;
--> t | 2 | t
SELECT count(*) FROM ratchet.verify('seal.imports');
--> 0
