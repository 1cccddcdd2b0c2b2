\echo Use "CREATE EXTENSION ratchet" to load this file. \quit

CREATE SCHEMA ratchet;
COMMENT ON SCHEMA ratchet IS
'Race safety declared on tables: contracts, verbs and what tells about them.';

-- ---------------------------------------------------------------------------
-- Result types. Every verb answers exactly one row of one of these.
-- ---------------------------------------------------------------------------

CREATE TYPE ratchet.submit_result AS (
    outcome      text,
    submitted_at timestamptz,
    submitted_by text,
    record       jsonb,
    progress     jsonb,
    conflict     text,
    stale        text[]
);

CREATE TYPE ratchet.update_result AS (
    outcome text,
    kept    text[],
    stale   text[]
);

CREATE TYPE ratchet.advance_result AS (
    outcome  text,
    state    text,
    was      text,
    record   jsonb,
    progress jsonb,
    kept     text[],
    conflict text,
    stale    text[]
);

CREATE TYPE ratchet.beat_result AS (
    outcome text,
    kept    text[]
);

CREATE TYPE ratchet.amend_result AS (
    outcome text,
    changed text[]
);

CREATE TYPE ratchet.batch_result AS (
    outcome    text,
    inserted   bigint,
    duplicates jsonb,
    progress   jsonb
);

CREATE TYPE ratchet.progress_result AS (
    outcome  text,
    progress jsonb
);

COMMENT ON TYPE ratchet.batch_result IS
'What ratchet.submit_batch() answers. outcome: stored (all records), partial or duplicates (none was new). inserted: how many were stored. duplicates: a JSON array, an object for each record that was not: index (its place in records, from 0), constraint (the unique constraint or index that it repeats, null where that is not known or the caller may not read the key), same_as (the place of the record of this batch that it repeats, null: a stored row). progress: a JSON array about the parents that were counted for, see ratchet.progress(); NULL without flush.';
COMMENT ON TYPE ratchet.progress_result IS
'What ratchet.progress() answers. outcome: found or not_found. progress: {"parent": "public.runs", "key": {"id": 7}, "columns": {counters, totals, done, done_at}, "done": whether all of it is complete, null where no done is declared}.';
COMMENT ON TYPE ratchet.submit_result IS
'What ratchet.submit() answers. outcome: submitted, replayed, already_submitted, conflict, stale or not_found. submitted_at, submitted_by: when and by whom the gate was closed (of the winner, also for a loser). record: the stored child row. progress: a JSON array about the parents that count the row or the record, as they will commit, see ratchet.progress(); NULL where none do or nothing was submitted. conflict: name of the unique constraint or index that the record hit. stale: columns that differ from what the caller expected.';
COMMENT ON TYPE ratchet.update_result IS
'What ratchet.update() answers. outcome: updated, unchanged, kept, stale or not_found. kept: patched columns that the contract kept at their current value. stale: columns that differ from what the caller expected.';
COMMENT ON TYPE ratchet.advance_result IS
'What ratchet.advance() answers. outcome: advanced, already_there, refused, conflict, stale or not_found. state: the state that the row is in afterwards, was: the one before, NULL where the row was not judged or the caller may not read the column. record: the stored child row. progress: as in ratchet.submit_result. kept: patched columns that the contract kept. conflict: name of the unique constraint or index that the record hit; nothing was changed. stale: columns that differ from what the caller expected.';
COMMENT ON TYPE ratchet.beat_result IS
'What ratchet.beat() answers. outcome: alive, finished (the row''s gate is closed or a state is terminal; nothing was written) or not_found. kept: patched columns that the contract kept.';
COMMENT ON TYPE ratchet.amend_result IS
'What ratchet.amend() answers. outcome: amended, unchanged or not_found. changed: the columns that changed.';

-- ---------------------------------------------------------------------------
-- Version
-- ---------------------------------------------------------------------------

CREATE FUNCTION ratchet.version() RETURNS text
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
    AS 'MODULE_PATHNAME', 'ratchet_version';
COMMENT ON FUNCTION ratchet.version() IS
'Version of the loaded library, as in ratchet.control.';

-- ---------------------------------------------------------------------------
-- Trigger functions. A contract is a trigger; its arguments are the contract.
-- They stay executable by all, so that a plain owner can restore a dump; the
-- event trigger below refuses attachment without the table owner's rights.
-- ---------------------------------------------------------------------------

CREATE FUNCTION ratchet.guard_row() RETURNS trigger
    LANGUAGE c
    AS 'MODULE_PATHNAME', 'ratchet_guard_row';
COMMENT ON FUNCTION ratchet.guard_row() IS
'Trigger function of ratchet.guard(): BEFORE UPDATE FOR EACH ROW, named ~ratchet_guard. Not to be attached by hand; use ratchet.guard().';

CREATE FUNCTION ratchet.guard_insert() RETURNS trigger
    LANGUAGE c
    AS 'MODULE_PATHNAME', 'ratchet_guard_insert';
COMMENT ON FUNCTION ratchet.guard_insert() IS
'Trigger function of ratchet.guard(insert => ''reject''): AFTER INSERT FOR EACH ROW, named ~ratchet_guard_insert. Raises 23R01. Not to be attached by hand; use ratchet.guard().';

CREATE FUNCTION ratchet.born_closed(inserted record) RETURNS boolean
    LANGUAGE c STABLE
    AS 'MODULE_PATHNAME', 'ratchet_born_closed';
COMMENT ON FUNCTION ratchet.born_closed(record) IS
'WHEN condition of ~ratchet_guard_insert: true when the inserted row is closed, or has an owned column that is not at its default, and does not come from a cross-partition move of a guarded row.';

CREATE FUNCTION ratchet.count_row() RETURNS trigger
    LANGUAGE c
    AS 'MODULE_PATHNAME', 'ratchet_count_row';
COMMENT ON FUNCTION ratchet.count_row() IS
'Trigger function of ratchet.tally(): AFTER INSERT OR UPDATE OR DELETE FOR EACH ROW on the child, named !ratchet_tally_1 and so on. Adds to a map in memory; nothing is written before the flush. Not to be attached by hand; use ratchet.tally().';

CREATE FUNCTION ratchet.flush_counters() RETURNS trigger
    LANGUAGE c
    AS 'MODULE_PATHNAME', 'ratchet_flush_counters';
COMMENT ON FUNCTION ratchet.flush_counters() IS
'Trigger function of ratchet.tally(): deferred constraint trigger on child and parent, named ~ratchet_flush. Its WHEN (false) keeps PostgreSQL from queueing it for every row: the other triggers queue it once. Writes what the transaction has counted, just before COMMIT. Not to be attached by hand; use ratchet.tally().';

CREATE FUNCTION ratchet.count_truncate() RETURNS trigger
    LANGUAGE c
    AS 'MODULE_PATHNAME', 'ratchet_count_truncate';
COMMENT ON FUNCTION ratchet.count_truncate() IS
'Trigger function of ratchet.tally(): TRUNCATE triggers on the child and its partitions, named ~ratchet_truncate and ~ratchet_truncating. Not to be attached by hand; use ratchet.tally().';

CREATE FUNCTION ratchet.keep_counters() RETURNS trigger
    LANGUAGE c
    AS 'MODULE_PATHNAME', 'ratchet_keep_counters';
COMMENT ON FUNCTION ratchet.keep_counters() IS
'Trigger function of ratchet.tally(): BEFORE INSERT OR UPDATE FOR EACH ROW on the parent, named ~ratchet_counters. Keeps counters and decides whether a row is complete. Not to be attached by hand; use ratchet.tally().';

CREATE FUNCTION ratchet.count_gone() RETURNS trigger
    LANGUAGE c
    AS 'MODULE_PATHNAME', 'ratchet_count_gone';
COMMENT ON FUNCTION ratchet.count_gone() IS
'Trigger function of ratchet.tally(): AFTER DELETE FOR EACH ROW on the parent, named !ratchet_gone. Keeps what a deleted row had for a row that is inserted under its key in the same transaction. Not to be attached by hand; use ratchet.tally().';

CREATE FUNCTION ratchet.complete_row() RETURNS trigger
    LANGUAGE c
    AS 'MODULE_PATHNAME', 'ratchet_complete_row';
COMMENT ON FUNCTION ratchet.complete_row() IS
'Trigger function of ratchet.tally(): AFTER UPDATE FOR EACH ROW on the parent, named ~ratchet_completion. Calls on_done and notifies. Not to be attached by hand; use ratchet.tally().';

-- ---------------------------------------------------------------------------
-- Declaring contracts
-- ---------------------------------------------------------------------------

CREATE FUNCTION ratchet.guard(
    target          regclass,
    gate            name    DEFAULT NULL,
    gate_at         name    DEFAULT NULL,
    gate_by         text    DEFAULT 'any',
    actor           name    DEFAULT NULL,
    idempotency_key name    DEFAULT NULL,
    owned           name[]  DEFAULT '{}',
    once            name[]  DEFAULT '{}',
    frozen          name[]  DEFAULT '{}',
    forward         name[]  DEFAULT '{}',
    states          jsonb   DEFAULT NULL,
    heartbeat       name    DEFAULT NULL,
    version         name    DEFAULT NULL,
    mode            text    DEFAULT NULL,
    insert          text    DEFAULT 'allow',
    audit           boolean DEFAULT false,
    rate_limit      text    DEFAULT NULL,
    replace         boolean DEFAULT false,
    validate        boolean DEFAULT false
) RETURNS text
    LANGUAGE c VOLATILE
    AS 'MODULE_PATHNAME', 'ratchet_guard';
COMMENT ON FUNCTION ratchet.guard(regclass, name, name, text, name, name, name[], name[], name[], name[], jsonb, name, name, text, text, boolean, text, boolean, boolean) IS
'Declares a guard contract on a table. gate: timestamptz, timestamp or boolean column that closes once; gate_at, actor, idempotency_key, owned: columns that only the closing writes; gate_by: ''any'' or ''submit''. once: written from NULL to a value, then fixed. frozen: free until the gate is closed or a state is terminal. forward: never goes down in its type''s default order. states: {"column": {"state": ["next", ...], ...}}, every state a key, a terminal one leads to []; NULL is not begun. heartbeat: a forward time that ratchet.beat() sets. version: an integer that the database counts up with every update. mode: keep, reject or observe, one word for all policies or a list such as ''owned=reject, forward=observe''; by default forbidden transitions and stale versions are rejected and all else is kept. insert: ''reject'' refuses new rows that are not open. validate: rows that break the contract already are an error instead of a notice. Declarative: answers created, extended, replaced, repaired or unchanged. Only the table''s owner. Errors: 42501 not the owner; 42809 not an ordinary or partitioned table; 22004 a NULL name; 22023 bad argument, or a call that would remove or weaken a policy without replace => true; 23514 rows break the contract, with validate; 0A000 an argument of a later version; 55R01 a trigger or rule that would defeat the contract. Locks: ACCESS SHARE when nothing changes, otherwise SHARE ROW EXCLUSIVE until the end of the transaction, and ACCESS EXCLUSIVE to take insert => ''reject'' back.';

CREATE FUNCTION ratchet.unguard(target regclass) RETURNS boolean
    LANGUAGE c VOLATILE STRICT
    AS 'MODULE_PATHNAME', 'ratchet_unguard';
COMMENT ON FUNCTION ratchet.unguard(regclass) IS
'Removes the guard contract of a table, or what is left of one. Answers whether there was anything to remove. Only the table''s owner (42501). Locks: ACCESS EXCLUSIVE, as DROP TRIGGER, until the end of the transaction.';

CREATE FUNCTION ratchet.tally(
    child      regclass,
    parent     regclass,
    counters   jsonb,
    via        name[]       DEFAULT NULL,
    total      name         DEFAULT NULL,
    total_of   name         DEFAULT NULL,
    done       name         DEFAULT NULL,
    done_at    name         DEFAULT NULL,
    on_done    regprocedure DEFAULT NULL,
    latch      boolean      DEFAULT false,
    notify     boolean      DEFAULT false,
    contention text         DEFAULT 'wait',
    backfill   text         DEFAULT 'now',
    replace    boolean      DEFAULT false
) RETURNS text
    LANGUAGE c VOLATILE
    AS 'MODULE_PATHNAME', 'ratchet_tally';
COMMENT ON FUNCTION ratchet.tally(regclass, regclass, jsonb, name[], name, name, name, name, regprocedure, boolean, boolean, text, text, boolean) IS
'Declares that columns of parent count rows of child, exact at every commit. counters: {"column of parent": "condition over the columns of child" | "true" | "sum(expression)"}, IMMUTABLE, names outside pg_catalog qualified. via: the columns of a validated foreign key from child to parent; default: the only one. total: the parent''s column with the expected number; total_of: the counter that it is compared with; done: boolean, true while total > 0 and counter >= total (latch: and ever after); done_at: when it became true. on_done: called with the parent''s key, once for each time that done becomes true, whatever made it so, in that transaction, as the owner of the tables with search_path = pg_catalog, pg_temp. notify: NOTIFY ratchet with a JSON payload as well. backfill: ''now'' counts what is there, ''later'' leaves that to CALL ratchet.repair(). Declarative: answers created, extended, replaced, repaired or unchanged. Only the owner of both tables, which must be one. Errors: 42501 not the owner; 42809 not an ordinary or partitioned table; 22004, 22023 bad argument, or a call that would remove or change something without replace => true; 0A000 contention => ''spill''; 25001 backfill at another isolation level than READ COMMITTED; 55R01 a trigger or rule that would defeat it. Locks: ACCESS SHARE when nothing changes, otherwise SHARE ROW EXCLUSIVE on child, then on parent, until the end of the transaction.';

CREATE FUNCTION ratchet.untally(child regclass, parent regclass, via name[] DEFAULT NULL) RETURNS boolean
    LANGUAGE c VOLATILE
    AS 'MODULE_PATHNAME', 'ratchet_untally';
COMMENT ON FUNCTION ratchet.untally(regclass, regclass, name[]) IS
'Removes the tally of child at parent; the counters keep their values and become ordinary columns. Answers whether there was one. Only the owner of both tables (42501). Errors: 22023 when there are several and via names none of them. Locks: ACCESS EXCLUSIVE on child, then on parent, until the end of the transaction.';

CREATE FUNCTION ratchet.flush() RETURNS void
    LANGUAGE c VOLATILE
    AS 'MODULE_PATHNAME', 'ratchet_flush_now';
COMMENT ON FUNCTION ratchet.flush() IS
'Writes now what this transaction has counted, instead of just before COMMIT: to read one''s own counts, or to run DDL or TRUNCATE on the tables in the same transaction. The rows of the parents stay locked until the end of the transaction. Errors: those of the write, see docs/locking.md, and of on_done functions.';

-- ---------------------------------------------------------------------------
-- The verbs. One C function each, an overload for every type that drivers bind
-- as a key or an actor: it reads the types of its arguments from the call.
-- Untyped parameters resolve to the text overload, and an untyped
-- anycompatible argument to text. What follows an argument with a default
-- needs one too, so bigint and uuid actors come without, which also keeps a
-- call that names no actor unambiguous.
-- ---------------------------------------------------------------------------

CREATE FUNCTION ratchet.submit(target regclass, key text, actor text DEFAULT NULL, patch jsonb DEFAULT NULL,
    idempotency_key anycompatible DEFAULT NULL::text, child regclass DEFAULT NULL, record jsonb DEFAULT NULL,
    expect jsonb DEFAULT NULL)
    RETURNS ratchet.submit_result LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ratchet_submit';
CREATE FUNCTION ratchet.submit(target regclass, key text, actor bigint, patch jsonb DEFAULT NULL,
    idempotency_key anycompatible DEFAULT NULL::text, child regclass DEFAULT NULL, record jsonb DEFAULT NULL,
    expect jsonb DEFAULT NULL)
    RETURNS ratchet.submit_result LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ratchet_submit';
CREATE FUNCTION ratchet.submit(target regclass, key text, actor uuid, patch jsonb DEFAULT NULL,
    idempotency_key anycompatible DEFAULT NULL::text, child regclass DEFAULT NULL, record jsonb DEFAULT NULL,
    expect jsonb DEFAULT NULL)
    RETURNS ratchet.submit_result LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ratchet_submit';
CREATE FUNCTION ratchet.submit(target regclass, key bigint, actor text DEFAULT NULL, patch jsonb DEFAULT NULL,
    idempotency_key anycompatible DEFAULT NULL::text, child regclass DEFAULT NULL, record jsonb DEFAULT NULL,
    expect jsonb DEFAULT NULL)
    RETURNS ratchet.submit_result LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ratchet_submit';
CREATE FUNCTION ratchet.submit(target regclass, key bigint, actor bigint, patch jsonb DEFAULT NULL,
    idempotency_key anycompatible DEFAULT NULL::text, child regclass DEFAULT NULL, record jsonb DEFAULT NULL,
    expect jsonb DEFAULT NULL)
    RETURNS ratchet.submit_result LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ratchet_submit';
CREATE FUNCTION ratchet.submit(target regclass, key bigint, actor uuid, patch jsonb DEFAULT NULL,
    idempotency_key anycompatible DEFAULT NULL::text, child regclass DEFAULT NULL, record jsonb DEFAULT NULL,
    expect jsonb DEFAULT NULL)
    RETURNS ratchet.submit_result LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ratchet_submit';
CREATE FUNCTION ratchet.submit(target regclass, key uuid, actor text DEFAULT NULL, patch jsonb DEFAULT NULL,
    idempotency_key anycompatible DEFAULT NULL::text, child regclass DEFAULT NULL, record jsonb DEFAULT NULL,
    expect jsonb DEFAULT NULL)
    RETURNS ratchet.submit_result LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ratchet_submit';
CREATE FUNCTION ratchet.submit(target regclass, key uuid, actor bigint, patch jsonb DEFAULT NULL,
    idempotency_key anycompatible DEFAULT NULL::text, child regclass DEFAULT NULL, record jsonb DEFAULT NULL,
    expect jsonb DEFAULT NULL)
    RETURNS ratchet.submit_result LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ratchet_submit';
CREATE FUNCTION ratchet.submit(target regclass, key uuid, actor uuid, patch jsonb DEFAULT NULL,
    idempotency_key anycompatible DEFAULT NULL::text, child regclass DEFAULT NULL, record jsonb DEFAULT NULL,
    expect jsonb DEFAULT NULL)
    RETURNS ratchet.submit_result LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ratchet_submit';
CREATE FUNCTION ratchet.submit(target regclass, key jsonb, actor text DEFAULT NULL, patch jsonb DEFAULT NULL,
    idempotency_key anycompatible DEFAULT NULL::text, child regclass DEFAULT NULL, record jsonb DEFAULT NULL,
    expect jsonb DEFAULT NULL)
    RETURNS ratchet.submit_result LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ratchet_submit';
CREATE FUNCTION ratchet.submit(target regclass, key jsonb, actor bigint, patch jsonb DEFAULT NULL,
    idempotency_key anycompatible DEFAULT NULL::text, child regclass DEFAULT NULL, record jsonb DEFAULT NULL,
    expect jsonb DEFAULT NULL)
    RETURNS ratchet.submit_result LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ratchet_submit';
CREATE FUNCTION ratchet.submit(target regclass, key jsonb, actor uuid, patch jsonb DEFAULT NULL,
    idempotency_key anycompatible DEFAULT NULL::text, child regclass DEFAULT NULL, record jsonb DEFAULT NULL,
    expect jsonb DEFAULT NULL)
    RETURNS ratchet.submit_result LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ratchet_submit';

CREATE FUNCTION ratchet.update(target regclass, key text, patch jsonb, expect jsonb DEFAULT NULL)
    RETURNS ratchet.update_result LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ratchet_update';
CREATE FUNCTION ratchet.update(target regclass, key bigint, patch jsonb, expect jsonb DEFAULT NULL)
    RETURNS ratchet.update_result LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ratchet_update';
CREATE FUNCTION ratchet.update(target regclass, key uuid, patch jsonb, expect jsonb DEFAULT NULL)
    RETURNS ratchet.update_result LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ratchet_update';
CREATE FUNCTION ratchet.update(target regclass, key jsonb, patch jsonb, expect jsonb DEFAULT NULL)
    RETURNS ratchet.update_result LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ratchet_update';

CREATE FUNCTION ratchet.submit_batch(child regclass, records jsonb, flush boolean DEFAULT true)
    RETURNS ratchet.batch_result LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ratchet_submit_batch';
COMMENT ON FUNCTION ratchet.submit_batch(regclass, jsonb, boolean) IS
'Stores records, a JSON array of objects, in a counted table, those that repeat a unique key left out and reported one by one. A column that a record does not name gets its default. Records are inserted in the order of their keys, so that batches which overlap do not deadlock. flush: write the counts now and answer the parents as they will commit; false: leave that to COMMIT. Runs with the caller''s rights; parents that the caller may not read are left out of the answer. Errors: 22xxx bad argument, nothing changed; 55R01 no tally, or a trigger or rule suppresses a record; 23xxx a constraint other than a unique one; 42501 a missing right; 40001 as any INSERT ... ON CONFLICT. Locks: ROW EXCLUSIVE on child; with flush the parents'' rows until the end of the transaction.';

CREATE FUNCTION ratchet._take(ordinal bigint) RETURNS boolean
    LANGUAGE c VOLATILE STRICT
    AS 'MODULE_PATHNAME', 'ratchet_take';
COMMENT ON FUNCTION ratchet._take(bigint) IS
'Part of the statement of ratchet.submit_batch(): notes that a record is about to be inserted. Always true.';

CREATE FUNCTION ratchet.progress(parent regclass, key text)
    RETURNS ratchet.progress_result LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ratchet_progress';
CREATE FUNCTION ratchet.progress(parent regclass, key bigint)
    RETURNS ratchet.progress_result LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ratchet_progress';
CREATE FUNCTION ratchet.progress(parent regclass, key uuid)
    RETURNS ratchet.progress_result LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ratchet_progress';
CREATE FUNCTION ratchet.progress(parent regclass, key jsonb)
    RETURNS ratchet.progress_result LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ratchet_progress';

-- advance() takes a state as text, or as a value of its column's own type.
CREATE FUNCTION ratchet.advance(target regclass, key text, state text, patch jsonb DEFAULT NULL,
    child regclass DEFAULT NULL, record jsonb DEFAULT NULL, expect jsonb DEFAULT NULL,
    idempotency_key anycompatible DEFAULT NULL::text, state_column name DEFAULT NULL)
    RETURNS ratchet.advance_result LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ratchet_advance';
CREATE FUNCTION ratchet.advance(target regclass, key text, state anyelement, patch jsonb DEFAULT NULL,
    child regclass DEFAULT NULL, record jsonb DEFAULT NULL, expect jsonb DEFAULT NULL,
    idempotency_key anycompatible DEFAULT NULL::text, state_column name DEFAULT NULL)
    RETURNS ratchet.advance_result LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ratchet_advance';
CREATE FUNCTION ratchet.advance(target regclass, key bigint, state text, patch jsonb DEFAULT NULL,
    child regclass DEFAULT NULL, record jsonb DEFAULT NULL, expect jsonb DEFAULT NULL,
    idempotency_key anycompatible DEFAULT NULL::text, state_column name DEFAULT NULL)
    RETURNS ratchet.advance_result LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ratchet_advance';
CREATE FUNCTION ratchet.advance(target regclass, key bigint, state anyelement, patch jsonb DEFAULT NULL,
    child regclass DEFAULT NULL, record jsonb DEFAULT NULL, expect jsonb DEFAULT NULL,
    idempotency_key anycompatible DEFAULT NULL::text, state_column name DEFAULT NULL)
    RETURNS ratchet.advance_result LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ratchet_advance';
CREATE FUNCTION ratchet.advance(target regclass, key uuid, state text, patch jsonb DEFAULT NULL,
    child regclass DEFAULT NULL, record jsonb DEFAULT NULL, expect jsonb DEFAULT NULL,
    idempotency_key anycompatible DEFAULT NULL::text, state_column name DEFAULT NULL)
    RETURNS ratchet.advance_result LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ratchet_advance';
CREATE FUNCTION ratchet.advance(target regclass, key uuid, state anyelement, patch jsonb DEFAULT NULL,
    child regclass DEFAULT NULL, record jsonb DEFAULT NULL, expect jsonb DEFAULT NULL,
    idempotency_key anycompatible DEFAULT NULL::text, state_column name DEFAULT NULL)
    RETURNS ratchet.advance_result LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ratchet_advance';
CREATE FUNCTION ratchet.advance(target regclass, key jsonb, state text, patch jsonb DEFAULT NULL,
    child regclass DEFAULT NULL, record jsonb DEFAULT NULL, expect jsonb DEFAULT NULL,
    idempotency_key anycompatible DEFAULT NULL::text, state_column name DEFAULT NULL)
    RETURNS ratchet.advance_result LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ratchet_advance';
CREATE FUNCTION ratchet.advance(target regclass, key jsonb, state anyelement, patch jsonb DEFAULT NULL,
    child regclass DEFAULT NULL, record jsonb DEFAULT NULL, expect jsonb DEFAULT NULL,
    idempotency_key anycompatible DEFAULT NULL::text, state_column name DEFAULT NULL)
    RETURNS ratchet.advance_result LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ratchet_advance';

CREATE FUNCTION ratchet.beat(target regclass, key text, patch jsonb DEFAULT NULL)
    RETURNS ratchet.beat_result LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ratchet_beat';
CREATE FUNCTION ratchet.beat(target regclass, key bigint, patch jsonb DEFAULT NULL)
    RETURNS ratchet.beat_result LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ratchet_beat';
CREATE FUNCTION ratchet.beat(target regclass, key uuid, patch jsonb DEFAULT NULL)
    RETURNS ratchet.beat_result LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ratchet_beat';
CREATE FUNCTION ratchet.beat(target regclass, key jsonb, patch jsonb DEFAULT NULL)
    RETURNS ratchet.beat_result LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ratchet_beat';

-- amend(): break-glass. The table's owner may, and whoever was granted
-- EXECUTE on the marker function amend_right() and may UPDATE the table.
CREATE FUNCTION ratchet.amend_right() RETURNS boolean
    LANGUAGE sql IMMUTABLE
    AS 'SELECT true';
REVOKE ALL ON FUNCTION ratchet.amend_right() FROM PUBLIC;
COMMENT ON FUNCTION ratchet.amend_right() IS
'Marker: a role with EXECUTE on this function may call ratchet.amend() on guarded tables that it does not own, within its own UPDATE privileges.';

CREATE FUNCTION ratchet.amend(target regclass, key text, patch jsonb, actor anycompatible, reason text)
    RETURNS ratchet.amend_result LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ratchet_amend';
CREATE FUNCTION ratchet.amend(target regclass, key bigint, patch jsonb, actor anycompatible, reason text)
    RETURNS ratchet.amend_result LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ratchet_amend';
CREATE FUNCTION ratchet.amend(target regclass, key uuid, patch jsonb, actor anycompatible, reason text)
    RETURNS ratchet.amend_result LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ratchet_amend';
CREATE FUNCTION ratchet.amend(target regclass, key jsonb, patch jsonb, actor anycompatible, reason text)
    RETURNS ratchet.amend_result LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ratchet_amend';

CREATE PROCEDURE ratchet.suspend(target regclass, reason text)
    LANGUAGE c
    AS 'MODULE_PATHNAME', 'ratchet_suspend';
COMMENT ON PROCEDURE ratchet.suspend(regclass, text) IS
'Suspends the guard contract of a table in this transaction only, for all that it writes: to backfill or repair data without disabling triggers for everybody. Counters are kept all the same. Ends with the transaction, or with the savepoint after which it was called. Only the table''s owner. The server log says who and why, and at COMMIT how many updates were not checked. Errors: 42501 not the owner; 22004, 22023 bad argument; 25P01 outside of a transaction block; 55R01 no contract. Locks: ACCESS SHARE until the end of the transaction.';

-- ---------------------------------------------------------------------------
-- Rows that nobody works on any more
-- ---------------------------------------------------------------------------

CREATE FUNCTION ratchet.stuck(target regclass, older_than interval, state text DEFAULT NULL, since name DEFAULT NULL)
    RETURNS TABLE (key text, state text, since timestamptz, age interval)
    LANGUAGE c STABLE
    AS 'MODULE_PATHNAME', 'ratchet_stuck';
COMMENT ON FUNCTION ratchet.stuck(regclass, interval, text, name) IS
'Rows that are not finished (no terminal state, gate open) and have shown no sign of life for that long, oldest first. state: only rows in this state, among them those that have never shown one. since: the time column that tells; default: the heartbeat. state answered: of the only column with states, or of the one that has the state asked for. key: the primary key as the verbs take it, so that the answer can be handed to them: SELECT a.* FROM ratchet.stuck(''interviews'', ''10 min'', since => ''updated_at'') s, LATERAL ratchet.advance(''interviews'', s.key, ''failed'') a. Runs with the caller''s rights. Errors: 22004, 22023 bad argument; 42501 a missing right; 55R01 no contract. Locks: ACCESS SHARE.';

CREATE FUNCTION ratchet.orphans(target regclass, child regclass, state text)
    RETURNS TABLE (key text, target_key text, state text)
    LANGUAGE c STABLE
    AS 'MODULE_PATHNAME', 'ratchet_orphans';
COMMENT ON FUNCTION ratchet.orphans(regclass, regclass, text) IS
'Records of child whose row of target is still in this state, in which it has none: what is left when a record was stored and the status did not follow. key: the record''s primary key, target_key: that of its row, as the verbs take it. The record is found by the child''s only foreign key to target. Runs with the caller''s rights. Errors: 22004, 22023 bad argument; 42501 a missing right; 55R01 no contract. Locks: ACCESS SHARE on both tables.';

-- ---------------------------------------------------------------------------
-- Counters against their children
-- ---------------------------------------------------------------------------

CREATE FUNCTION ratchet.verify(target regclass DEFAULT NULL)
    RETURNS TABLE (parent regclass, child regclass, key jsonb, "column" name, stored text, counted text)
    LANGUAGE c VOLATILE
    AS 'MODULE_PATHNAME', 'ratchet_verify';
COMMENT ON FUNCTION ratchet.verify(regclass) IS
'Counts all children anew and answers a row for each counter, or done, that is not what was counted. target: a parent or a child; NULL: all tallies of tables that the caller owns. No rows: there is no drift. Each tally is counted in one snapshot, so writers need not stop; what this transaction has counted is written first. Only the owner (42501). Errors: 55R01 no tally. Locks: ACCESS SHARE on both tables.';

CREATE PROCEDURE ratchet.repair(target regclass DEFAULT NULL)
    LANGUAGE c
    AS 'MODULE_PATHNAME', 'ratchet_repair';
COMMENT ON PROCEDURE ratchet.repair(regclass) IS
'Sets counters and done that are not what is counted, row by row, each under its row lock, in transactions of its own; writers go on meanwhile. target: as for ratchet.verify(). It can be stopped and called again. Tells its progress by INFO messages. Rows that become complete are completed, with on_done. Only the owner (42501). Errors: 25001 in a transaction block, or not at READ COMMITTED; 55R01 no tally. Locks: ROW EXCLUSIVE on the parent, the rows of a batch until it commits.';

-- ---------------------------------------------------------------------------
-- Contracts in words
-- ---------------------------------------------------------------------------

CREATE FUNCTION ratchet.describe(target regclass)
    RETURNS TABLE ("column" text, policy text, rule text)
    LANGUAGE c STABLE
    AS 'MODULE_PATHNAME', 'ratchet_describe';
COMMENT ON FUNCTION ratchet.describe(regclass) IS
'The contracts of a table in sentences, column by column: who may write it, when, and what becomes of any other write; for tallies, what is counted where. column: NULL for a rule about the whole row. No rows: no contract. Errors: 22004. Locks: ACCESS SHARE, also on the tables that count for it.';

-- ---------------------------------------------------------------------------
-- Watching DDL
-- ---------------------------------------------------------------------------

CREATE FUNCTION ratchet.watch_ddl() RETURNS event_trigger
    LANGUAGE c
    AS 'MODULE_PATHNAME', 'ratchet_watch_ddl';
COMMENT ON FUNCTION ratchet.watch_ddl() IS
'Event trigger function: follows column renames into contracts and refuses, in the migration itself, DDL after which a contract could not be enforced (55R01) and attachment of ratchet triggers without the rights of the table''s owner (42501).';

CREATE EVENT TRIGGER ratchet_ddl_end ON ddl_command_end
    WHEN TAG IN ('ALTER TABLE', 'CREATE TABLE', 'CREATE INDEX', 'CREATE TRIGGER', 'ALTER TRIGGER', 'CREATE RULE', 'ALTER RULE',
                 'CREATE FOREIGN TABLE', 'ALTER FOREIGN TABLE', 'CREATE SCHEMA', 'ALTER SCHEMA',
                 'ALTER FUNCTION', 'ALTER ROUTINE', 'ALTER OPERATOR', 'ALTER TYPE', 'ALTER DOMAIN',
                 -- Both accept the name of a table.
                 'ALTER VIEW', 'ALTER MATERIALIZED VIEW')
    EXECUTE FUNCTION ratchet.watch_ddl();
CREATE EVENT TRIGGER ratchet_sql_drop ON sql_drop
    EXECUTE FUNCTION ratchet.watch_ddl();

-- ---------------------------------------------------------------------------
-- Reading contracts back
-- ---------------------------------------------------------------------------

CREATE FUNCTION ratchet._arguments(trigger oid) RETURNS text[]
    LANGUAGE c STABLE STRICT
    AS 'MODULE_PATHNAME', 'ratchet_arguments';
COMMENT ON FUNCTION ratchet._arguments(oid) IS
'The arguments of a trigger, decoded.';

CREATE FUNCTION ratchet._states(target oid, trigger oid) RETURNS jsonb
    LANGUAGE c STABLE STRICT
    AS 'MODULE_PATHNAME', 'ratchet_states';
COMMENT ON FUNCTION ratchet._states(oid, oid) IS
'The state graphs of a guard, as ratchet.guard() takes them.';

CREATE FUNCTION ratchet._findings(target regclass) RETURNS TABLE (severity text, finding text, remedy text)
    LANGUAGE c STABLE STRICT
    AS 'MODULE_PATHNAME', 'ratchet_findings';
COMMENT ON FUNCTION ratchet._findings(regclass) IS
'What ratchet.health() has to say about one table with contracts.';

CREATE FUNCTION ratchet._tally(child oid, trigger oid, OUT parent regclass, OUT via text[], OUT counters jsonb,
    OUT total text, OUT total_of text, OUT done text, OUT done_at text, OUT on_done text, OUT latch boolean,
    OUT notify boolean)
    LANGUAGE c STABLE STRICT
    AS 'MODULE_PATHNAME', 'ratchet_tally_row';
COMMENT ON FUNCTION ratchet._tally(oid, oid) IS
'What ratchet.contract has to say about one tally.';

CREATE VIEW ratchet.contract AS
SELECT t.tgrelid::pg_catalog.regclass AS target,
       'guard'::text AS kind,
       v.gate[1] AS gate,
       v.gate_at[1] AS gate_at,
       v.gate_by[1] AS gate_by,
       v.actor[1] AS actor,
       v.idempotency_key[1] AS idempotency_key,
       v.owned AS owned,
       v.once AS once,
       v.frozen AS frozen,
       v.forward AS forward,
       ratchet._states(t.tgrelid, t.oid) AS states,
       v.heartbeat[1] AS heartbeat,
       v.version[1] AS version,
       v.mode[1] AS mode,
       COALESCE(v.insert[1], 'allow') AS insert,
       t.tgenabled OPERATOR(pg_catalog.<>) 'D' AS enabled,
       t.oid AS trigger,
       NULL::pg_catalog.regclass AS parent,
       NULL::pg_catalog.text[] AS via,
       NULL::pg_catalog.jsonb AS counters,
       NULL::pg_catalog.text AS total,
       NULL::pg_catalog.text AS total_of,
       NULL::pg_catalog.text AS done,
       NULL::pg_catalog.text AS done_at,
       NULL::pg_catalog.text AS on_done,
       NULL::pg_catalog.bool AS latch,
       NULL::pg_catalog.bool AS notify
FROM pg_catalog.pg_trigger t
CROSS JOIN LATERAL (
    SELECT COALESCE(pg_catalog.array_agg(a.value ORDER BY a.place) FILTER (WHERE a.role OPERATOR(pg_catalog.=) 'gate'), '{}') AS gate,
           COALESCE(pg_catalog.array_agg(a.value ORDER BY a.place) FILTER (WHERE a.role OPERATOR(pg_catalog.=) 'gate_at'), '{}') AS gate_at,
           COALESCE(pg_catalog.array_agg(a.value ORDER BY a.place) FILTER (WHERE a.role OPERATOR(pg_catalog.=) 'gate_by'), '{}') AS gate_by,
           COALESCE(pg_catalog.array_agg(a.value ORDER BY a.place) FILTER (WHERE a.role OPERATOR(pg_catalog.=) 'actor'), '{}') AS actor,
           COALESCE(pg_catalog.array_agg(a.value ORDER BY a.place) FILTER (WHERE a.role OPERATOR(pg_catalog.=) 'idempotency_key'), '{}') AS idempotency_key,
           COALESCE(pg_catalog.array_agg(a.value ORDER BY a.place) FILTER (WHERE a.role OPERATOR(pg_catalog.=) 'owned'), '{}') AS owned,
           COALESCE(pg_catalog.array_agg(a.value ORDER BY a.place) FILTER (WHERE a.role OPERATOR(pg_catalog.=) 'once'), '{}') AS once,
           COALESCE(pg_catalog.array_agg(a.value ORDER BY a.place) FILTER (WHERE a.role OPERATOR(pg_catalog.=) 'frozen'), '{}') AS frozen,
           COALESCE(pg_catalog.array_agg(a.value ORDER BY a.place) FILTER (WHERE a.role OPERATOR(pg_catalog.=) 'forward'), '{}') AS forward,
           COALESCE(pg_catalog.array_agg(a.value ORDER BY a.place) FILTER (WHERE a.role OPERATOR(pg_catalog.=) 'heartbeat'), '{}') AS heartbeat,
           COALESCE(pg_catalog.array_agg(a.value ORDER BY a.place) FILTER (WHERE a.role OPERATOR(pg_catalog.=) 'version'), '{}') AS version,
           COALESCE(pg_catalog.array_agg(a.value ORDER BY a.place) FILTER (WHERE a.role OPERATOR(pg_catalog.=) 'mode'), '{}') AS mode,
           COALESCE(pg_catalog.array_agg(a.value ORDER BY a.place) FILTER (WHERE a.role OPERATOR(pg_catalog.=) 'insert'), '{}') AS insert
    FROM (
        SELECT pg_catalog.split_part(u.argument, '=', 1) AS role,
               pg_catalog.substr(u.argument, pg_catalog.strpos(u.argument, '=') OPERATOR(pg_catalog.+) 1) AS value,
               u.place
        FROM pg_catalog.unnest(ratchet._arguments(t.oid)) WITH ORDINALITY AS u (argument, place)
    ) a
) v
WHERE t.tgfoid OPERATOR(pg_catalog.=) 'ratchet.guard_row()'::pg_catalog.regprocedure
  AND t.tgparentid OPERATOR(pg_catalog.=) 0::pg_catalog.oid
UNION ALL
SELECT t.tgrelid::pg_catalog.regclass, 'tally', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
       t.tgenabled OPERATOR(pg_catalog.<>) 'D', t.oid,
       y.parent, y.via, y.counters, y.total, y.total_of, y.done, y.done_at, y.on_done, y.latch, y.notify
FROM pg_catalog.pg_trigger t CROSS JOIN LATERAL ratchet._tally(t.tgrelid, t.oid) y
WHERE t.tgfoid OPERATOR(pg_catalog.=) 'ratchet.count_row()'::pg_catalog.regprocedure
  AND t.tgparentid OPERATOR(pg_catalog.=) 0::pg_catalog.oid;
COMMENT ON VIEW ratchet.contract IS
'Every contract of this database, one row each, read back from the triggers that are the contract. Partition clones are left out.';

CREATE FUNCTION ratchet.health() RETURNS TABLE (severity text, target regclass, finding text, remedy text)
    LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT f.severity, c.target, f.finding, f.remedy
    FROM (SELECT DISTINCT t.tgrelid::pg_catalog.regclass AS target FROM pg_catalog.pg_trigger t
          WHERE t.tgfoid OPERATOR(pg_catalog.=) ANY (ARRAY['ratchet.guard_row()'::pg_catalog.regprocedure,
                    'ratchet.count_row()'::pg_catalog.regprocedure, 'ratchet.keep_counters()'::pg_catalog.regprocedure,
                    'ratchet.flush_counters()'::pg_catalog.regprocedure]::pg_catalog.oid[])
            AND t.tgparentid OPERATOR(pg_catalog.=) 0::pg_catalog.oid) c
    CROSS JOIN LATERAL ratchet._findings(c.target) f
    UNION ALL
    SELECT 'error', t.tgrelid::pg_catalog.regclass,
           pg_catalog.format('trigger "%s" is left of a contract whose guard trigger is gone', t.tgname),
           'Declare the contract again with ratchet.guard(), or remove what is left with ratchet.unguard().'
    FROM pg_catalog.pg_trigger t
    WHERE t.tgfoid OPERATOR(pg_catalog.=) 'ratchet.guard_insert()'::pg_catalog.regprocedure
      AND t.tgparentid OPERATOR(pg_catalog.=) 0::pg_catalog.oid
      AND NOT EXISTS (SELECT FROM ratchet.contract c
                      WHERE c.target OPERATOR(pg_catalog.=) t.tgrelid AND c.kind OPERATOR(pg_catalog.=) 'guard')
    UNION ALL
    SELECT 'error', NULL::pg_catalog.regclass,
           pg_catalog.format('event trigger "%s" is disabled: DDL can break contracts unseen', e.evtname),
           pg_catalog.format('ALTER EVENT TRIGGER %I ENABLE', e.evtname)
    FROM pg_catalog.pg_event_trigger e
    WHERE e.evtfoid OPERATOR(pg_catalog.=) 'ratchet.watch_ddl()'::pg_catalog.regprocedure
      AND e.evtenabled OPERATOR(pg_catalog.=) 'D'
    UNION ALL
    SELECT 'error', NULL::pg_catalog.regclass,
           'session_replication_role is replica in this session: only contracts that are ENABLE ALWAYS fire',
           'SET session_replication_role = origin'
    WHERE pg_catalog.current_setting('session_replication_role') OPERATOR(pg_catalog.=) 'replica';
END;
COMMENT ON FUNCTION ratchet.health() IS
'What keeps a contract of this database from being enforced, a row a finding: severity (error: not enforced now; warning: not enforced on some path), the table (NULL for the whole database), the finding and what to do about it. No rows: all is well. Locks: ACCESS SHARE on every table with a contract.';

-- ---------------------------------------------------------------------------
-- Comments on all overloads of a verb, and who may see what
-- ---------------------------------------------------------------------------

DO $comment$
DECLARE
    overload pg_catalog.regprocedure;
    verb text;
    meaning text;
BEGIN
    FOR verb, meaning IN VALUES
        ('submit', 'Closes the gate of one row, once: sets gate, actor and idempotency key, the columns of patch, and stores record in child with its reference filled in, all or nothing. key: the single-column primary key as text, bigint or uuid, or a JSON object over any unique key. expect: column values that must still hold. Answers one row always; of concurrent calls one answers submitted, the others already_submitted with the winner''s actor and time. Runs with the caller''s rights. Errors: 22xxx bad argument, nothing changed; 55R01 no contract, or a trigger, rule or policy defeats it; 23xxx a constraint of the tables; 42501 a missing right; 40001 under REPEATABLE READ and SERIALIZABLE when a row that it would have to write changed since the snapshot, and at any level when the row is being moved to another partition. Locks: ROW EXCLUSIVE on the table (and on child); the winner holds the row until the end of the transaction.'),
        ('update', 'Updates the columns named in patch, of one row found by key, where expect still holds. Answers one row always: updated, unchanged (the row had these values; nothing is written), kept (all of it was protected), stale or not_found; kept lists the protected columns. Obeys the contract as any UPDATE does and runs with the caller''s rights. Errors: 22xxx bad argument, nothing changed; 23R01 a protected column in mode reject; 23xxx a constraint; 42501 a missing right; 55R01 no contract, or a trigger, rule or policy suppresses the update; 40001 as any UPDATE. Locks: ROW EXCLUSIVE on the table; a row that was written until the end of the transaction.'),
        ('advance', 'Moves one row along the graph of its states, sets the columns of patch and stores record in child with its reference filled in, all or nothing. state: where to, as text or as a value of the column''s type; state_column is needed where several columns have states. expect: column values that must still hold. idempotency_key (of a contract without a gate): a repeated call with the key that was stored last answers already_there with the stored record, wherever the row is by then. A heartbeat of the contract is set too. Answers one row always: advanced, already_there, refused (the graph does not lead there from where the row is), conflict (the record hit a unique key; nothing changed), stale or not_found. Obeys the other policies as any UPDATE does and runs with the caller''s rights. Errors: 22xxx bad argument, nothing changed; 23R01, 23R03 a protected column of patch in mode reject; 23xxx a constraint of the tables; 42501 a missing right; 55R01 no contract, or a trigger, rule or policy suppresses the update; 40001 as any UPDATE. Locks: ROW EXCLUSIVE on the table (and on child); the row until the end of the transaction, also when it is not moved.'),
        ('beat', 'Sets the heartbeat of one row to now, and the columns of patch with it, unless the row is finished. Several at once never undo one another: the latest heartbeat stays. A beat that changes nothing but the heartbeat does not count up the version. Answers one row always: alive, finished (gate closed or a state terminal; nothing is written) or not_found; kept lists patched columns that the contract kept. Obeys the contract as any UPDATE does and runs with the caller''s rights. Errors: 22xxx bad argument, nothing changed; 23R01, 23R02, 23R03, 23R04 what patch may not do, in mode reject; 42501 a missing right; 55R01 no contract, or a trigger, rule or policy suppresses the update; 40001 as any UPDATE. Locks: ROW EXCLUSIVE on the table; the row until the end of the transaction.'),
        ('progress', 'What the counters of one parent row say: exact as of this statement, with what this transaction has counted, which is written first. key: the single-column primary key as text, bigint or uuid, or a JSON object over any unique key. Runs with the caller''s rights. Errors: 22xxx bad argument; 42501 a missing right; 55R01 no tally. Locks: ACCESS SHARE on the table.'),
        ('amend', 'Break-glass: changes any column of one row, also owned ones, and can reopen the gate (actor, gate_at and idempotency key are cleared with it unless patch names them). Only the table''s owner or a role with EXECUTE on ratchet.amend_right(). Always written to the server log with actor and reason. Answers one row: amended, unchanged or not_found. Errors: 42501 no right; 22xxx bad argument, nothing changed; 55R01 no contract, or a trigger, rule or policy suppresses the update; 40001 as any UPDATE. Locks: ROW EXCLUSIVE on the table; a row that was written until the end of the transaction.')
    LOOP
        FOR overload IN
            SELECT p.oid FROM pg_catalog.pg_proc p
            WHERE p.pronamespace = 'ratchet'::pg_catalog.regnamespace AND p.proname = verb
        LOOP
            EXECUTE pg_catalog.format('COMMENT ON FUNCTION %s IS %L', overload, meaning);
        END LOOP;
    END LOOP;
END
$comment$;

GRANT USAGE ON SCHEMA ratchet TO PUBLIC;
GRANT SELECT ON ratchet.contract TO PUBLIC;
