--
-- What the other tests share; make runs it before them. In a schema of its own, which a test names behind its own in
-- search_path and which none drops.
--
CREATE SCHEMA test_setup;
GRANT USAGE ON SCHEMA test_setup TO PUBLIC;

-- All that a client could show of what a statement raises, or 'ok'.
CREATE FUNCTION test_setup.attempt(statement text, is_asked boolean DEFAULT false) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    answer text := 'ok'; state text; message text; detail text; hint text; tab text; col text; con text; context text;
BEGIN
    IF is_asked THEN
        EXECUTE statement INTO answer;
    ELSE
        EXECUTE statement;
    END IF;
    RETURN answer;
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL,
        hint = PG_EXCEPTION_HINT, tab = TABLE_NAME, col = COLUMN_NAME, con = CONSTRAINT_NAME, context = PG_EXCEPTION_CONTEXT;
    RETURN concat_ws(E'\n', state || ' ' || message, NULLIF('detail: ' || detail, 'detail: '),
                     NULLIF('hint: ' || hint, 'hint: '), NULLIF('table: ' || tab, 'table: '),
                     NULLIF('column: ' || col, 'column: '), NULLIF('constraint: ' || con, 'constraint: '),
                     'context: ' || substring(context FROM 'on_done function [^\n]*'));
END $$;
-- The same, with the first column of a query's first row in place of 'ok'.
CREATE FUNCTION test_setup.answer(query text) RETURNS text LANGUAGE sql AS 'SELECT test_setup.attempt(query, true)';
