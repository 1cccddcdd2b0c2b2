-- Which types drivers are told that ask for those of untyped parameters (pgx, asyncpg, tokio-postgres).
PREPARE untyped AS SELECT * FROM ratchet.submit($1, $2, $3, $4, $5, $6, $7, $8);
PREPARE cast_once AS SELECT * FROM ratchet.submit($1, $2::bigint, $3::uuid, $4, $5::uuid);
PREPARE named AS SELECT * FROM ratchet.submit('pg_class', $1::uuid, patch => $2, actor => $3::bigint, expect => $4);
PREPARE moved AS SELECT * FROM ratchet.advance('pg_class', $1::bigint, $2, patch => $3, idempotency_key => $4::uuid);
PREPARE amended AS SELECT * FROM ratchet.amend('pg_class', $1::bigint, $2, $3::bigint, $4);
PREPARE alive AS SELECT * FROM ratchet.beat('pg_class', $1::bigint, $2);
PREPARE updated AS SELECT * FROM ratchet.update('pg_class', $1::uuid, $2, $3);
PREPARE asked AS SELECT * FROM ratchet.progress('pg_class', $1::bigint);
PREPARE batch AS SELECT * FROM ratchet.submit_batch('pg_class', $1);
SELECT name, parameter_types FROM pg_prepared_statements ORDER BY prepare_time;

-- No other declaration would make them take integers and UUIDs without a cast, so there are overloads, and text is the one for
-- what has no type. PostgreSQL names no type for "any" and anyelement, text for anycompatible, and does not choose between
-- bigint and uuid.
CREATE FUNCTION as_any(regclass, "any") RETURNS ratchet.progress_result LANGUAGE c AS '$libdir/ratchet', 'ratchet_progress';
CREATE FUNCTION as_element(regclass, anyelement) RETURNS ratchet.progress_result LANGUAGE c
    AS '$libdir/ratchet', 'ratchet_progress';
CREATE FUNCTION as_compatible(regclass, anycompatible) RETURNS ratchet.progress_result LANGUAGE c
    AS '$libdir/ratchet', 'ratchet_progress';
CREATE FUNCTION as_two(regclass, bigint) RETURNS ratchet.progress_result LANGUAGE c AS '$libdir/ratchet', 'ratchet_progress';
CREATE FUNCTION as_two(regclass, uuid) RETURNS ratchet.progress_result LANGUAGE c AS '$libdir/ratchet', 'ratchet_progress';
\set VERBOSITY sqlstate
PREPARE as_any AS SELECT as_any('pg_class', $1);
PREPARE as_element AS SELECT as_element('pg_class', $1);
PREPARE as_compatible AS SELECT as_compatible('pg_class', $1);
PREPARE as_two AS SELECT as_two('pg_class', $1);
\set VERBOSITY default
SELECT name, parameter_types FROM pg_prepared_statements WHERE name LIKE 'as%' AND name <> 'asked';

DEALLOCATE ALL;
DROP FUNCTION as_any, as_element, as_compatible, as_two(regclass, bigint), as_two(regclass, uuid);
