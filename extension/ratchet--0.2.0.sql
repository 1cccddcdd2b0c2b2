\echo Use "CREATE EXTENSION ratchet" to load this file. \quit

CREATE SCHEMA ratchet;
COMMENT ON SCHEMA ratchet IS
'Race safety declared on tables: contracts, verbs and functions that report on them.';

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
    stale        text[],
    retry_after  interval
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
    kept    text[],
    stale   text[]
);

CREATE TYPE ratchet.amend_result AS (
    outcome text,
    changed text[]
);

CREATE TYPE ratchet.batch_result AS (
    outcome    text,
    inserted   bigint,
    duplicates jsonb,
    progress   jsonb,
    conflict   text
);

CREATE TYPE ratchet.progress_result AS (
    outcome  text,
    progress jsonb
);

COMMENT ON TYPE ratchet.batch_result IS
'What ratchet.submit_batch() returns. outcome: stored (all records), partial, duplicates (none was new) or full (a limit of a counter; nothing was stored). inserted: how many were stored. duplicates: a JSON array, an object for each record that was not stored: index (its place in records, from 0), constraint (the unique constraint or index that it repeats, null where that is not known or the caller may not read the key), same_as (the place of the record of this batch that it repeats, null: a stored row). progress: a JSON array about the parents that were counted for, see ratchet.progress(); NULL without flush. conflict: with full, the name of the limit.';
COMMENT ON TYPE ratchet.progress_result IS
'What ratchet.progress() returns. outcome: found or not_found. progress: {"parent": "public.runs", "key": {"id": 7}, "columns": {counters, totals, done, done_at}, "done": whether all of it is complete, null where no done is declared}.';
COMMENT ON TYPE ratchet.submit_result IS
'What ratchet.submit() returns. outcome: submitted, replayed, already_submitted, key_reused (the idempotency key belongs to another row, or to another actor''s submission of this one; nothing was changed), conflict, full (a limit of a counter that counts the row or the record; nothing was changed), limited (the actor calls more often than the contract''s rate_limit; nothing was looked at), stale or not_found. submitted_at, submitted_by: when and by whom the gate was closed (by the winner, also for a loser). record: the stored child row. progress: a JSON array about the parents that count the row or the record, as they will commit, see ratchet.progress(); NULL without flush, where none do, and where nothing was submitted. conflict: name of the unique or exclusion constraint or the index that the record hit, or of the limit. stale: columns that differ from what the caller expected. retry_after: of limited, how long it takes until the actor has a call again; NULL otherwise.';
COMMENT ON TYPE ratchet.update_result IS
'What ratchet.update() returns. outcome: updated, unchanged, kept, stale or not_found. kept: patched columns that the contract kept at their current value. A column that the caller may not read counts as updated, whatever its value was and whether it was kept. stale: columns that differ from what the caller expected.';
COMMENT ON TYPE ratchet.advance_result IS
'What ratchet.advance() returns. outcome: advanced, replayed (the same idempotency key had moved the row before), and, none of them a success: already_there (another call had moved the row to that state), refused (for a caller who may not read the state, also where the row is already there), key_reused (the idempotency key belongs to another row; nothing was changed), conflict, full (a limit of a counter; nothing was changed), stale or not_found. state: the state that the row is in afterwards, was: the one before, NULL where the row was not judged or the caller may not read the column. record: the stored child row; after replayed and already_there that of the call that moved the row, where it is the only one. progress: as in ratchet.submit_result. kept: patched columns that the contract kept, of those that the caller may read. conflict: name of the unique or exclusion constraint or the index that the record hit, or of the limit; nothing was changed. stale: columns that differ from what the caller expected.';
COMMENT ON TYPE ratchet.beat_result IS
'What ratchet.beat() returns. outcome: alive, finished (the row''s gate is closed, a state is terminal, or the row is in no state that the contract calls alive; nothing was written), stale (somebody else has the row; nothing was written) or not_found. kept: patched columns that the contract kept, of those that the caller may read. stale: columns that differ from what the caller expected, or the fence or version that its patch was out of date by.';
COMMENT ON TYPE ratchet.amend_result IS
'What ratchet.amend() returns. outcome: amended, unchanged or not_found. changed: the columns that changed, and those of patch that the caller may not read.';

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
'Trigger function of ratchet.guard(): BEFORE UPDATE FOR EACH ROW, named ~ratchet_guard. Do not attach it by hand; use ratchet.guard().';

CREATE FUNCTION ratchet.guard_insert() RETURNS trigger
    LANGUAGE c
    AS 'MODULE_PATHNAME', 'ratchet_guard_insert';
COMMENT ON FUNCTION ratchet.guard_insert() IS
'Trigger function of ratchet.guard(insert => ''reject''): AFTER INSERT FOR EACH ROW, named ~ratchet_guard_insert. Raises 23R01. Do not attach it by hand; use ratchet.guard().';

CREATE FUNCTION ratchet.born_closed(inserted record) RETURNS boolean
    LANGUAGE c STABLE
    AS 'MODULE_PATHNAME', 'ratchet_born_closed';
COMMENT ON FUNCTION ratchet.born_closed(record) IS
'Internal: WHEN condition of ~ratchet_guard_insert, executable by all, because writers evaluate it with their own rights: true when the inserted row is closed, or has an owned column that is not at its default, and does not come from a cross-partition move of a guarded row.';

CREATE FUNCTION ratchet.guard_delete() RETURNS trigger
    LANGUAGE c
    AS 'MODULE_PATHNAME', 'ratchet_guard_delete';
COMMENT ON FUNCTION ratchet.guard_delete() IS
'Trigger function of ratchet.guard(delete => ''reject''): BEFORE DELETE FOR EACH ROW, named ~ratchet_guard_delete. Raises 23R01 for a row that is closed or in a terminal state, and does not move to another partition. Do not attach it by hand; use ratchet.guard().';

CREATE FUNCTION ratchet.guard_truncate() RETURNS trigger
    LANGUAGE c
    AS 'MODULE_PATHNAME', 'ratchet_guard_truncate';
COMMENT ON FUNCTION ratchet.guard_truncate() IS
'Trigger function of ratchet.guard(delete => ''reject''): BEFORE TRUNCATE on the table and its partitions, named ~ratchet_guard_truncate. Raises 23R01. Do not attach it by hand; use ratchet.guard().';

CREATE FUNCTION ratchet.count_row() RETURNS trigger
    LANGUAGE c
    AS 'MODULE_PATHNAME', 'ratchet_count_row';
COMMENT ON FUNCTION ratchet.count_row() IS
'Trigger function of ratchet.tally(): AFTER INSERT OR UPDATE OR DELETE FOR EACH ROW on the child, named !ratchet_tally_1 and so on. Adds to a map in memory; nothing is written before the flush. Do not attach it by hand; use ratchet.tally().';

CREATE FUNCTION ratchet.flush_counters() RETURNS trigger
    LANGUAGE c
    AS 'MODULE_PATHNAME', 'ratchet_flush_counters';
COMMENT ON FUNCTION ratchet.flush_counters() IS
'Trigger function of ratchet.tally(): deferred constraint trigger on child and parent, named ~ratchet_flush. Its WHEN (false) keeps PostgreSQL from queueing it for every row: the other triggers queue it once. Writes what the transaction has counted, just before COMMIT. Do not attach it by hand; use ratchet.tally().';

CREATE FUNCTION ratchet.count_truncate() RETURNS trigger
    LANGUAGE c
    AS 'MODULE_PATHNAME', 'ratchet_count_truncate_0_2';
COMMENT ON FUNCTION ratchet.count_truncate() IS
'Trigger function of ratchet.tally(): TRUNCATE triggers on the child and its partitions, named ~ratchet_truncate and ~ratchet_truncating. Do not attach it by hand; use ratchet.tally().';

CREATE FUNCTION ratchet.keep_counters() RETURNS trigger
    LANGUAGE c
    AS 'MODULE_PATHNAME', 'ratchet_keep_counters';
COMMENT ON FUNCTION ratchet.keep_counters() IS
'Trigger function of ratchet.tally(): BEFORE INSERT OR UPDATE FOR EACH ROW on the parent, named ~ratchet_counters. Keeps counters and decides whether a row is complete. Do not attach it by hand; use ratchet.tally().';

CREATE FUNCTION ratchet.count_gone() RETURNS trigger
    LANGUAGE c
    AS 'MODULE_PATHNAME', 'ratchet_count_gone';
COMMENT ON FUNCTION ratchet.count_gone() IS
'Trigger function of ratchet.tally(): AFTER INSERT OR DELETE FOR EACH ROW on the parent, named !ratchet_gone. Keeps what a deleted row had for a row that is inserted under its key in the same transaction. Do not attach it by hand; use ratchet.tally().';

CREATE FUNCTION ratchet.keep_spilled() RETURNS trigger
    LANGUAGE c
    AS 'MODULE_PATHNAME', 'ratchet_keep_spilled';
COMMENT ON FUNCTION ratchet.keep_spilled() IS
'Trigger function of ratchet.tally(contention => ''spill''): AFTER INSERT OR UPDATE OR DELETE FOR EACH ROW on the table of a parent''s spilled counts, FROM the parent, named ~ratchet_spilled. Says whose the table is, and keeps others from writing it: an UPDATE or DELETE is 23R01, a row that is inserted is taken out again. Do not attach it by hand; use ratchet.tally().';

CREATE FUNCTION ratchet.keep_attempts() RETURNS trigger
    LANGUAGE c
    AS 'MODULE_PATHNAME', 'ratchet_keep_attempts';
COMMENT ON FUNCTION ratchet.keep_attempts() IS
'Trigger function of ratchet.guard(audit => true): AFTER INSERT OR UPDATE OR DELETE FOR EACH ROW on the table of a guarded table''s attempts, FROM the guarded table, named ~ratchet_attempts, and BEFORE TRUNCATE, named ~ratchet_attempts_truncate. Says whose the table is, and keeps others from writing it: 23R01. Do not attach it by hand; use ratchet.guard().';

CREATE FUNCTION ratchet.complete_row() RETURNS trigger
    LANGUAGE c
    AS 'MODULE_PATHNAME', 'ratchet_complete_row';
COMMENT ON FUNCTION ratchet.complete_row() IS
'Trigger function of ratchet.tally(): AFTER UPDATE FOR EACH ROW on the parent, named ~ratchet_completion. Calls on_done and notifies. Do not attach it by hand; use ratchet.tally().';

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
    version_ignores name[]  DEFAULT '{}',
    fence           name    DEFAULT NULL,
    alive           text[]  DEFAULT NULL,
    time_zone       text    DEFAULT NULL,
    mode            text    DEFAULT NULL,
    insert          text    DEFAULT 'allow',
    delete          text    DEFAULT 'allow',
    audit           boolean DEFAULT false,
    rate_limit      text    DEFAULT NULL,
    replace         boolean DEFAULT false,
    validate        boolean DEFAULT false
) RETURNS text
    LANGUAGE c VOLATILE
    AS 'MODULE_PATHNAME', 'ratchet_guard_0_2';
COMMENT ON FUNCTION ratchet.guard(regclass, name, name, text, name, name, name[], name[], name[], name[], jsonb, name, name, name[], name, text[], text, text, text, text, boolean, text, boolean, boolean) IS
'Declares a guard contract on a table. gate: timestamptz, timestamp or boolean column that closes once; gate_at, actor, idempotency_key, owned: columns that only the closing of the gate writes; gate_by: ''any'' or ''submit''. once: written from NULL to a value, then fixed. frozen: free until the gate is closed or a state is terminal. forward: never goes down in its type''s default order. states: {"column": {"state": ["next", ...], ...}}, every state is a key, a terminal one leads to []; NULL means not begun. heartbeat: a forward time that ratchet.beat() sets. version: an integer that the database increments with every update; version_ignores: columns whose changes alone are no new version. fence: a column that only grows, such as the number of an attempt or the time of an event; a write that brings a smaller value, or NULL, is out of date as a whole. alive: the states in which a row has a heartbeat; elsewhere ratchet.beat() returns finished, and ratchet.stuck() does not look. time_zone: what columns of type timestamp hold, UTC or a full name such as Europe/Berlin; without it they are read and written in the session''s TimeZone, which a NOTICE (01R03) reports. mode: keep, reject or observe, one word for all policies or a list such as ''owned=reject, forward=observe''; by default forbidden transitions, stale versions and writes that are out of date are rejected and everything else is kept. insert: ''reject'' refuses new rows that are not open. delete: ''reject'' refuses that a row which is closed or in a terminal state is deleted, also by cascades, and TRUNCATE. rate_limit: how often an actor may call ratchet.submit(), such as ''10 per minute'' or ''100 per 15 minutes'': so many at once, and then as they come back, evenly; beyond that it returns limited with retry_after; a call counts whatever comes of it; who names no actor is limited as his role. audit: what is attempted is stored in a table beside it, of its owner, named NAME_attempts, which stays when the contract goes; the view ratchet.attempts shows all such tables to their owners. validate: existing rows that violate the contract are an error instead of a notice. Declarative: returns created, extended, replaced, repaired or unchanged. Only the table''s owner. Errors: 42501 not the owner; 42809 not an ordinary or partitioned table; 22004 a NULL name; 22023 bad argument, or a call that would remove or weaken a policy without replace => true; 23514 existing rows violate the contract, with validate; 0A000 rate_limit where the server has no shared memory for it, audit of a table that Citus distributes; 42R01 a trigger or rule that would defeat the contract. Locks: ACCESS SHARE when nothing changes, otherwise SHARE ROW EXCLUSIVE until the end of the transaction, and ACCESS EXCLUSIVE to remove insert => ''reject'' or delete => ''reject''.';

CREATE FUNCTION ratchet.unguard(target regclass) RETURNS boolean
    LANGUAGE c VOLATILE STRICT
    AS 'MODULE_PATHNAME', 'ratchet_unguard';
COMMENT ON FUNCTION ratchet.unguard(regclass) IS
'Removes the guard contract of a table, or what is left of one. Returns whether there was anything to remove. Only the table''s owner (42501). Locks: ACCESS EXCLUSIVE, as DROP TRIGGER, until the end of the transaction.';

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
    completions jsonb       DEFAULT NULL,
    limits     jsonb        DEFAULT NULL,
    time_zone  text         DEFAULT NULL,
    contention text         DEFAULT NULL,
    backfill   text         DEFAULT 'now',
    replace    boolean      DEFAULT false
) RETURNS text
    LANGUAGE c VOLATILE
    AS 'MODULE_PATHNAME', 'ratchet_tally_0_2';
COMMENT ON FUNCTION ratchet.tally(regclass, regclass, jsonb, name[], name, name, name, name, regprocedure, boolean, boolean, jsonb, jsonb, text, text, text, boolean) IS
'Declares that columns of parent count rows of child, exact at every commit. counters: {"column of parent": "condition over the columns of child" | "true" | "sum(expression)"}, IMMUTABLE, names outside pg_catalog qualified. via: the columns of a validated foreign key from child to parent; default: the only one. total: the parent''s column with the expected number; total_of: the counter that it is compared with; done: boolean, true while total > 0 and counter >= total (latch: and ever after); done_at: when it became true; time_zone: what it holds where it is a timestamp, as for ratchet.guard(). on_done: called with the parent''s key at a flush, once for each transaction that makes done true, whatever the cause, as the owner of the tables with search_path = pg_catalog, pg_temp. notify: NOTIFY ratchet with a JSON payload as well. completions: {"boolean column of parent": {"when": condition over the columns of parent, "at": column, "call": "function(type)", "latch": boolean, "notify": boolean}}, decided whenever anything that they read changes, at INSERT too. limits: {"counter": "column" | number | {"max": ..., "min": ...}}: a write that would take the counter beyond it fails with 23R05. contention: ''wait'' (what a first declaration gets): a flush waits for a parent''s row that another transaction has; ''spill'': it appends its counts to the table parent_spilled instead, from where a background worker adds them, or the next transaction that gets the row, and the view parent_exact shows both together; for all tallies of the parent; NULL (default) leaves it as it is. backfill: ''now'' counts the existing rows, ''later'' leaves that to CALL ratchet.repair(). Declarative: returns created, extended, replaced, repaired or unchanged. Only the owner of both tables, which must be the same role. Errors: 42501 not the owner; 42809 not an ordinary or partitioned table; 22004, 22023 bad argument, or a call that would remove or change something without replace => true; 25001 backfill, or folding what lies spilled, at an isolation level other than READ COMMITTED; 42R01 a trigger or rule that would defeat it. Locks: ACCESS SHARE when nothing changes, otherwise SHARE ROW EXCLUSIVE on child, then on parent, until the end of the transaction.';

CREATE FUNCTION ratchet.untally(child regclass, parent regclass, via name[] DEFAULT NULL) RETURNS boolean
    LANGUAGE c VOLATILE
    AS 'MODULE_PATHNAME', 'ratchet_untally';
COMMENT ON FUNCTION ratchet.untally(regclass, regclass, name[]) IS
'Removes the tally of child on parent; the counters keep their values and become ordinary columns. Returns whether there was one. Only the owner of both tables (42501). Errors: 22023 when there are several and via names none of them. Locks: ACCESS EXCLUSIVE on child, then on parent, until the end of the transaction.';

CREATE FUNCTION ratchet.flush() RETURNS void
    LANGUAGE c VOLATILE
    AS 'MODULE_PATHNAME', 'ratchet_flush_now';
COMMENT ON FUNCTION ratchet.flush() IS
'Writes now what this transaction has counted, instead of just before COMMIT: to read one''s own counts, or to run DDL or TRUNCATE on the tables in the same transaction. The rows of the parents stay locked until the end of the transaction. Errors: those of the write, see docs/operations/locking.md, and of on_done functions.';

-- ---------------------------------------------------------------------------
-- The verbs. One C function each, an overload for every type that drivers bind
-- as a key or an actor: it reads the types of its arguments from the call.
-- Untyped parameters resolve to the text overload, and an untyped
-- anycompatible argument to text; drivers that ask for the types of untyped
-- parameters must cast (docs/clients/README.md). No declaration does
-- better: PostgreSQL refuses to report the type of a parameter that is "any" or
-- anyelement, and a type of our own is one that tokio-postgres encodes nothing
-- for, not even text. What follows an argument with a default
-- needs one too, so bigint and uuid actors come without, which also keeps a
-- call that names no actor unambiguous.
-- ---------------------------------------------------------------------------

CREATE FUNCTION ratchet.submit(target regclass, key text, actor text DEFAULT NULL, patch jsonb DEFAULT NULL,
    idempotency_key anycompatible DEFAULT NULL::text, child regclass DEFAULT NULL, record jsonb DEFAULT NULL,
    expect jsonb DEFAULT NULL, flush boolean DEFAULT false)
    RETURNS ratchet.submit_result LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ratchet_submit_0_2';
CREATE FUNCTION ratchet.submit(target regclass, key text, actor bigint, patch jsonb DEFAULT NULL,
    idempotency_key anycompatible DEFAULT NULL::text, child regclass DEFAULT NULL, record jsonb DEFAULT NULL,
    expect jsonb DEFAULT NULL, flush boolean DEFAULT false)
    RETURNS ratchet.submit_result LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ratchet_submit_0_2';
CREATE FUNCTION ratchet.submit(target regclass, key text, actor uuid, patch jsonb DEFAULT NULL,
    idempotency_key anycompatible DEFAULT NULL::text, child regclass DEFAULT NULL, record jsonb DEFAULT NULL,
    expect jsonb DEFAULT NULL, flush boolean DEFAULT false)
    RETURNS ratchet.submit_result LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ratchet_submit_0_2';
CREATE FUNCTION ratchet.submit(target regclass, key bigint, actor text DEFAULT NULL, patch jsonb DEFAULT NULL,
    idempotency_key anycompatible DEFAULT NULL::text, child regclass DEFAULT NULL, record jsonb DEFAULT NULL,
    expect jsonb DEFAULT NULL, flush boolean DEFAULT false)
    RETURNS ratchet.submit_result LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ratchet_submit_0_2';
CREATE FUNCTION ratchet.submit(target regclass, key bigint, actor bigint, patch jsonb DEFAULT NULL,
    idempotency_key anycompatible DEFAULT NULL::text, child regclass DEFAULT NULL, record jsonb DEFAULT NULL,
    expect jsonb DEFAULT NULL, flush boolean DEFAULT false)
    RETURNS ratchet.submit_result LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ratchet_submit_0_2';
CREATE FUNCTION ratchet.submit(target regclass, key bigint, actor uuid, patch jsonb DEFAULT NULL,
    idempotency_key anycompatible DEFAULT NULL::text, child regclass DEFAULT NULL, record jsonb DEFAULT NULL,
    expect jsonb DEFAULT NULL, flush boolean DEFAULT false)
    RETURNS ratchet.submit_result LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ratchet_submit_0_2';
CREATE FUNCTION ratchet.submit(target regclass, key uuid, actor text DEFAULT NULL, patch jsonb DEFAULT NULL,
    idempotency_key anycompatible DEFAULT NULL::text, child regclass DEFAULT NULL, record jsonb DEFAULT NULL,
    expect jsonb DEFAULT NULL, flush boolean DEFAULT false)
    RETURNS ratchet.submit_result LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ratchet_submit_0_2';
CREATE FUNCTION ratchet.submit(target regclass, key uuid, actor bigint, patch jsonb DEFAULT NULL,
    idempotency_key anycompatible DEFAULT NULL::text, child regclass DEFAULT NULL, record jsonb DEFAULT NULL,
    expect jsonb DEFAULT NULL, flush boolean DEFAULT false)
    RETURNS ratchet.submit_result LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ratchet_submit_0_2';
CREATE FUNCTION ratchet.submit(target regclass, key uuid, actor uuid, patch jsonb DEFAULT NULL,
    idempotency_key anycompatible DEFAULT NULL::text, child regclass DEFAULT NULL, record jsonb DEFAULT NULL,
    expect jsonb DEFAULT NULL, flush boolean DEFAULT false)
    RETURNS ratchet.submit_result LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ratchet_submit_0_2';
CREATE FUNCTION ratchet.submit(target regclass, key jsonb, actor text DEFAULT NULL, patch jsonb DEFAULT NULL,
    idempotency_key anycompatible DEFAULT NULL::text, child regclass DEFAULT NULL, record jsonb DEFAULT NULL,
    expect jsonb DEFAULT NULL, flush boolean DEFAULT false)
    RETURNS ratchet.submit_result LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ratchet_submit_0_2';
CREATE FUNCTION ratchet.submit(target regclass, key jsonb, actor bigint, patch jsonb DEFAULT NULL,
    idempotency_key anycompatible DEFAULT NULL::text, child regclass DEFAULT NULL, record jsonb DEFAULT NULL,
    expect jsonb DEFAULT NULL, flush boolean DEFAULT false)
    RETURNS ratchet.submit_result LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ratchet_submit_0_2';
CREATE FUNCTION ratchet.submit(target regclass, key jsonb, actor uuid, patch jsonb DEFAULT NULL,
    idempotency_key anycompatible DEFAULT NULL::text, child regclass DEFAULT NULL, record jsonb DEFAULT NULL,
    expect jsonb DEFAULT NULL, flush boolean DEFAULT false)
    RETURNS ratchet.submit_result LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ratchet_submit_0_2';

CREATE FUNCTION ratchet.update(target regclass, key text, patch jsonb, expect jsonb DEFAULT NULL)
    RETURNS ratchet.update_result LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ratchet_update';
CREATE FUNCTION ratchet.update(target regclass, key bigint, patch jsonb, expect jsonb DEFAULT NULL)
    RETURNS ratchet.update_result LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ratchet_update';
CREATE FUNCTION ratchet.update(target regclass, key uuid, patch jsonb, expect jsonb DEFAULT NULL)
    RETURNS ratchet.update_result LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ratchet_update';
CREATE FUNCTION ratchet.update(target regclass, key jsonb, patch jsonb, expect jsonb DEFAULT NULL)
    RETURNS ratchet.update_result LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ratchet_update';

CREATE FUNCTION ratchet.submit_batch(child regclass, records jsonb, flush boolean DEFAULT false)
    RETURNS ratchet.batch_result LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ratchet_submit_batch_0_2';
COMMENT ON FUNCTION ratchet.submit_batch(regclass, jsonb, boolean) IS
'Stores records, a JSON array of objects, in a counted table, those that repeat a unique key left out and reported one by one. A column that a record does not name gets its default. Records are inserted in the order of their keys, so that batches which overlap do not deadlock. flush: write the counts now and report the parents as they will commit, whose rows it then holds until the end of the transaction; false (default): leave that to COMMIT, so that transactions with several batches do not deadlock. Runs with the caller''s rights; parents that the caller may not read are left out of the result. Errors: 22xxx bad argument, nothing changed; 42R01 no tally, or a trigger or rule suppresses a record; 23xxx a constraint other than a unique one; 42501 a missing right; 40001 as any INSERT ... ON CONFLICT. Locks: ROW EXCLUSIVE on child; with flush the parents'' rows until the end of the transaction.';

CREATE FUNCTION ratchet._take(ordinal bigint) RETURNS boolean
    LANGUAGE c VOLATILE STRICT
    AS 'MODULE_PATHNAME', 'ratchet_take';
COMMENT ON FUNCTION ratchet._take(bigint) IS
'Internal: part of the statement of ratchet.submit_batch(), which runs with its caller''s rights, so executable by all. Notes that a record is about to be inserted; called anywhere else it does nothing. Always true.';

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
    idempotency_key anycompatible DEFAULT NULL::text, state_column name DEFAULT NULL, flush boolean DEFAULT false)
    RETURNS ratchet.advance_result LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ratchet_advance_0_2';
CREATE FUNCTION ratchet.advance(target regclass, key text, state anyelement, patch jsonb DEFAULT NULL,
    child regclass DEFAULT NULL, record jsonb DEFAULT NULL, expect jsonb DEFAULT NULL,
    idempotency_key anycompatible DEFAULT NULL::text, state_column name DEFAULT NULL, flush boolean DEFAULT false)
    RETURNS ratchet.advance_result LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ratchet_advance_0_2';
CREATE FUNCTION ratchet.advance(target regclass, key bigint, state text, patch jsonb DEFAULT NULL,
    child regclass DEFAULT NULL, record jsonb DEFAULT NULL, expect jsonb DEFAULT NULL,
    idempotency_key anycompatible DEFAULT NULL::text, state_column name DEFAULT NULL, flush boolean DEFAULT false)
    RETURNS ratchet.advance_result LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ratchet_advance_0_2';
CREATE FUNCTION ratchet.advance(target regclass, key bigint, state anyelement, patch jsonb DEFAULT NULL,
    child regclass DEFAULT NULL, record jsonb DEFAULT NULL, expect jsonb DEFAULT NULL,
    idempotency_key anycompatible DEFAULT NULL::text, state_column name DEFAULT NULL, flush boolean DEFAULT false)
    RETURNS ratchet.advance_result LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ratchet_advance_0_2';
CREATE FUNCTION ratchet.advance(target regclass, key uuid, state text, patch jsonb DEFAULT NULL,
    child regclass DEFAULT NULL, record jsonb DEFAULT NULL, expect jsonb DEFAULT NULL,
    idempotency_key anycompatible DEFAULT NULL::text, state_column name DEFAULT NULL, flush boolean DEFAULT false)
    RETURNS ratchet.advance_result LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ratchet_advance_0_2';
CREATE FUNCTION ratchet.advance(target regclass, key uuid, state anyelement, patch jsonb DEFAULT NULL,
    child regclass DEFAULT NULL, record jsonb DEFAULT NULL, expect jsonb DEFAULT NULL,
    idempotency_key anycompatible DEFAULT NULL::text, state_column name DEFAULT NULL, flush boolean DEFAULT false)
    RETURNS ratchet.advance_result LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ratchet_advance_0_2';
CREATE FUNCTION ratchet.advance(target regclass, key jsonb, state text, patch jsonb DEFAULT NULL,
    child regclass DEFAULT NULL, record jsonb DEFAULT NULL, expect jsonb DEFAULT NULL,
    idempotency_key anycompatible DEFAULT NULL::text, state_column name DEFAULT NULL, flush boolean DEFAULT false)
    RETURNS ratchet.advance_result LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ratchet_advance_0_2';
CREATE FUNCTION ratchet.advance(target regclass, key jsonb, state anyelement, patch jsonb DEFAULT NULL,
    child regclass DEFAULT NULL, record jsonb DEFAULT NULL, expect jsonb DEFAULT NULL,
    idempotency_key anycompatible DEFAULT NULL::text, state_column name DEFAULT NULL, flush boolean DEFAULT false)
    RETURNS ratchet.advance_result LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ratchet_advance_0_2';

CREATE FUNCTION ratchet.beat(target regclass, key text, patch jsonb DEFAULT NULL, expect jsonb DEFAULT NULL)
    RETURNS ratchet.beat_result LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ratchet_beat_0_2';
CREATE FUNCTION ratchet.beat(target regclass, key bigint, patch jsonb DEFAULT NULL, expect jsonb DEFAULT NULL)
    RETURNS ratchet.beat_result LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ratchet_beat_0_2';
CREATE FUNCTION ratchet.beat(target regclass, key uuid, patch jsonb DEFAULT NULL, expect jsonb DEFAULT NULL)
    RETURNS ratchet.beat_result LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ratchet_beat_0_2';
CREATE FUNCTION ratchet.beat(target regclass, key jsonb, patch jsonb DEFAULT NULL, expect jsonb DEFAULT NULL)
    RETURNS ratchet.beat_result LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ratchet_beat_0_2';

-- amend(): break-glass. The table's owner may, and a role that was granted
-- EXECUTE on the marker function amend_right() and may UPDATE the table.
CREATE FUNCTION ratchet.amend_right() RETURNS boolean
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
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
'Suspends the guard contract of a table in this transaction only, for everything that it writes: to backfill or repair data without disabling triggers for all sessions. Counters are still maintained. Ends with the transaction, or with the savepoint after which it was called. Only the owner of the table and, for a partition, of the partitioned table as well. The server log says who and why, and at COMMIT how many writes were not checked. Errors: 42501 not the owner; 22004, 22023 bad argument; 25P01 outside a transaction block; 42R01 no contract. Locks: ACCESS SHARE until the end of the transaction.';

-- ---------------------------------------------------------------------------
-- Tables that Citus distributes
-- ---------------------------------------------------------------------------

CREATE FUNCTION ratchet.delegate(target regclass) RETURNS TABLE (verb text, function regprocedure)
    LANGUAGE c VOLATILE
    AS 'MODULE_PATHNAME', 'ratchet_delegate';
COMMENT ON FUNCTION ratchet.delegate(regclass) IS
'For a table that Citus distributes: creates, in its schema, a function for each verb that its contracts have a use for (scorecards_submit, scorecards_update, ...), which Citus runs on the node that has the row, and returns them. Their first argument is the column that the table is distributed by: it is the key where that is the primary key, otherwise the key follows as jsonb; of submit_batch it is what all records have in common. They run with the rights of their caller. Called again it replaces them, as after a rename. Only the table''s owner (42501), who needs CREATE on its schema. Errors: 55000 the table has no contract, is not distributed, or by no column; those of create_distributed_function(). Locks: ACCESS SHARE on the table.';

-- ---------------------------------------------------------------------------
-- Rows that no worker is on any more
-- ---------------------------------------------------------------------------

CREATE FUNCTION ratchet.stuck(target regclass, older_than interval, state text DEFAULT NULL, since name DEFAULT NULL)
    RETURNS TABLE (key text, state text, since timestamptz, age interval, expect jsonb)
    LANGUAGE c STABLE
    AS 'MODULE_PATHNAME', 'ratchet_stuck_0_2';
COMMENT ON FUNCTION ratchet.stuck(regclass, interval, text, name) IS
'Rows that are not finished (no terminal state, gate open) and have shown no sign of life for older_than, oldest first; where the contract says in which states a row is alive, only rows in these, among them those that have never shown one. state: instead of that, only rows in this state, among them those that have never shown one. since: the time column to judge by; default: the heartbeat. state returned: that of the only column with states, or of the one that has the requested state or those of alive. key: the primary key as the verbs take it, so that the result can be passed to them: SELECT a.* FROM ratchet.stuck(''interviews'', ''10 min'', since => ''updated_at'') s, LATERAL ratchet.advance(''interviews'', s.key, ''failed'', expect => s.expect) a. expect: the time, states and gate that the row was judged by, so that a row which shows a sign of life meanwhile is stale and not moved. Runs with the caller''s rights. Errors: 22004, 22023 bad argument; 42501 a missing right; 42R01 no contract. Locks: ACCESS SHARE.';

CREATE FUNCTION ratchet.sweep(target regclass, older_than interval, target_state text, state text DEFAULT NULL,
    since name DEFAULT NULL, patch jsonb DEFAULT NULL, max_rows integer DEFAULT 1000)
    RETURNS TABLE (key text, was text, state text, since timestamptz, age interval)
    LANGUAGE c VOLATILE
    AS 'MODULE_PATHNAME', 'ratchet_sweep';
COMMENT ON FUNCTION ratchet.sweep(regclass, interval, text, text, name, jsonb, integer) IS
'Moves rows that are stuck, as ratchet.stuck() finds them, to target_state, and returns those that it has moved: key, was and state (the states before and after), since (the last sign of life) and age. Only rows from whose state the graph leads there. A row that somebody has locked is left out: its worker is alive; every other one is judged again under its lock. A row whose move meets something else that somebody holds (a key of a unique index, a referenced row, what a trigger locks) for more than 10 ms is left to the next call. Counts are written at COMMIT, which may wait for whoever has written the parent. state, since: as for ratchet.stuck(). patch: columns to set with the move, as for ratchet.advance(). max_rows: at most so many, those that have been stuck longest first; NULL: all. Where moves can wait, it begins none later than half of deadlock_timeout after it has locked the first row. Obeys the contract as any UPDATE does and runs with the caller''s rights. Errors: 22004, 22023 bad argument, nothing changed; 42501 a missing right; 42R01 no contract, or a trigger, rule or policy suppresses the update; 23xxx what patch or the table''s constraints forbid; 40001 under REPEATABLE READ and SERIALIZABLE where a row has changed since the snapshot. Locks: ROW EXCLUSIVE on the table; the rows that it takes until the end of the transaction.';

CREATE FUNCTION ratchet.orphans(target regclass, child regclass, state text)
    RETURNS TABLE (key text, target_key text, state text)
    LANGUAGE c STABLE
    AS 'MODULE_PATHNAME', 'ratchet_orphans';
COMMENT ON FUNCTION ratchet.orphans(regclass, regclass, text) IS
'Records of child whose row of target is still in this state, in which it has none: what is left when a record was stored and the status did not follow. key: the record''s primary key, target_key: that of its row, as the verbs take it. The record is found by the child''s only foreign key to target. Runs with the caller''s rights. Errors: 22004, 22023 bad argument; 42501 a missing right; 42R01 no contract. Locks: ACCESS SHARE on both tables.';

-- ---------------------------------------------------------------------------
-- Counters against their children
-- ---------------------------------------------------------------------------

CREATE FUNCTION ratchet.fold(target regclass DEFAULT NULL) RETURNS bigint
    LANGUAGE c VOLATILE
    AS 'MODULE_PATHNAME', 'ratchet_fold';
COMMENT ON FUNCTION ratchet.fold(regclass) IS
'Adds counts that lie spilled to the rows that they are for, and completes rows that become complete, as a flush does; a background worker does it by itself, or, where there is none, the next transaction that counts for the row. A row that another transaction has is left to that one. target: a parent; NULL (default): all whose owner the caller is. Returns the number of rows that were written; at most 1,000 a parent and call. Does nothing for a parent whose counts do not spill. Only the owner (42501). Errors: 42R01 no tally; 25001 above READ COMMITTED; those of on_done functions. Locks: ROW EXCLUSIVE on the parent and its table of spilled counts, and the rows, until the end of the transaction; waits for no row.';

CREATE FUNCTION ratchet.verify(target regclass DEFAULT NULL)
    RETURNS TABLE (parent regclass, child regclass, key jsonb, "column" name, stored text, counted text)
    LANGUAGE c VOLATILE
    AS 'MODULE_PATHNAME', 'ratchet_verify';
COMMENT ON FUNCTION ratchet.verify(regclass) IS
'Recounts all children and returns a row for each counter, or done, that differs from the count. target: a parent or a child; NULL: all tallies of tables that the caller owns. No rows: no drift. Each tally is counted in one snapshot, so writers need not stop; what this transaction has counted is written first. Above READ COMMITTED that is the transaction''s snapshot, which sees a table that has been truncated since as empty, and so reports drift where there is none. Only the owner (42501). Errors: 42R01 no tally. Locks: ACCESS SHARE on both tables.';

CREATE PROCEDURE ratchet.repair(target regclass DEFAULT NULL)
    LANGUAGE c
    AS 'MODULE_PATHNAME', 'ratchet_repair';
COMMENT ON PROCEDURE ratchet.repair(regclass) IS
'Corrects counters and done that differ from the count, row by row, each under its row lock, in transactions of its own; writers continue meanwhile. target: as for ratchet.verify(). It can be stopped and called again. Reports its progress in INFO messages. Rows that become complete are completed, with on_done. Only the owner (42501). Errors: 25001 in a transaction block, or not at READ COMMITTED; 42R01 no tally. Locks: ROW EXCLUSIVE on the parent, the rows of a batch until it commits.';

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
    AS 'MODULE_PATHNAME', 'ratchet_watch_ddl_0_2';
COMMENT ON FUNCTION ratchet.watch_ddl() IS
'Event trigger function: lets contracts follow what they name when it is renamed or moved, and refuses, in the migration itself, DDL after which a contract could not be enforced (42R01), and attachment of ratchet triggers without the rights of the table''s owner (42501). It looks only at contracts of tables that the command touches, and at those that depend on the object that it touches, there only if the caller has the rights of their owner; it runs no user''s code and locks no table that the command has not locked. What it does not refuse is reported by ratchet.health().';

-- An event trigger's function is called without a look at who may execute it.
REVOKE ALL ON FUNCTION ratchet.watch_ddl() FROM PUBLIC;

CREATE EVENT TRIGGER ratchet_ddl_start ON ddl_command_start
    WHEN TAG IN ('ALTER TABLE', 'ALTER SCHEMA', 'ALTER FUNCTION', 'ALTER ROUTINE', 'ALTER OPERATOR', 'ALTER TYPE', 'ALTER DOMAIN',
                 'ALTER COLLATION', 'ALTER EXTENSION', 'ALTER TEXT SEARCH CONFIGURATION', 'ALTER TEXT SEARCH DICTIONARY',
                 'ALTER VIEW', 'ALTER MATERIALIZED VIEW', 'ALTER FOREIGN TABLE')
    EXECUTE FUNCTION ratchet.watch_ddl();
CREATE EVENT TRIGGER ratchet_ddl_end ON ddl_command_end
    WHEN TAG IN ('ALTER TABLE', 'CREATE TABLE', 'CREATE INDEX', 'CREATE TRIGGER', 'ALTER TRIGGER', 'CREATE RULE', 'ALTER RULE',
                 'CREATE FOREIGN TABLE', 'ALTER FOREIGN TABLE', 'CREATE SCHEMA', 'ALTER SCHEMA',
                 'CREATE FUNCTION', 'ALTER FUNCTION', 'ALTER ROUTINE', 'ALTER OPERATOR', 'ALTER TYPE', 'ALTER DOMAIN',
                 'ALTER COLLATION', 'ALTER EXTENSION', 'ALTER TEXT SEARCH CONFIGURATION', 'ALTER TEXT SEARCH DICTIONARY',
                 'REVOKE',
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
'Internal: the arguments of a trigger, decoded. Executable by all, because the view ratchet.contract calls it with its reader''s rights; it reveals no more than pg_trigger does.';

CREATE FUNCTION ratchet._states(target oid, trigger oid) RETURNS jsonb
    LANGUAGE c STABLE STRICT
    AS 'MODULE_PATHNAME', 'ratchet_states';
COMMENT ON FUNCTION ratchet._states(oid, oid) IS
'Internal: the state graphs of a guard, as ratchet.guard() takes them. Executable by all, because the view ratchet.contract calls it with its reader''s rights; it reveals no more than pg_trigger does.';

CREATE FUNCTION ratchet._findings(target regclass) RETURNS TABLE (severity text, finding text, remedy text)
    LANGUAGE c STABLE STRICT
    AS 'MODULE_PATHNAME', 'ratchet_findings';
COMMENT ON FUNCTION ratchet._findings(regclass) IS
'Internal: what ratchet.health() has to say about one table with contracts. Executable by all, because ratchet.health() calls it with its caller''s rights.';

CREATE FUNCTION ratchet._tally(child oid, trigger oid, OUT parent regclass, OUT via text[], OUT counters jsonb,
    OUT total text, OUT total_of text, OUT done text, OUT done_at text, OUT on_done text, OUT latch boolean,
    OUT notify boolean, OUT time_zone text, OUT completions jsonb, OUT limits jsonb,
    OUT contention text)
    LANGUAGE c STABLE STRICT
    AS 'MODULE_PATHNAME', 'ratchet_tally_row_0_2';
COMMENT ON FUNCTION ratchet._tally(oid, oid) IS
'Internal: what ratchet.contract shows about one tally. Executable by all, because the view calls it with its reader''s rights; it reveals no more than pg_trigger does.';

CREATE FUNCTION ratchet.record_dependencies(target regclass DEFAULT NULL) RETURNS bigint
    LANGUAGE c VOLATILE
    AS 'MODULE_PATHNAME', 'ratchet_record_dependencies';
COMMENT ON FUNCTION ratchet.record_dependencies(regclass) IS
'The step after pg_upgrade, which leaves out what the triggers of tallies depend on: their foreign keys, the columns and functions of their conditions, their on_done functions. Until that is recorded again these can be dropped, and are not followed when they are renamed. target: a table that counts or is counted; NULL (default): all whose owner the caller is. Returns the number of tables for which something was recorded; 0: nothing was missing. A table for which something cannot be resolved any more is a WARNING, and an error where it is the target. Errors: 42501 not the owner of target; 42R01 target has no tally. Locks: SHARE UPDATE EXCLUSIVE on the tables, until the end of the transaction.';

-- New columns come last, so that an update need not drop the view and what others have built upon it.
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
       NULL::pg_catalog.bool AS notify,
       v.time_zone[1] AS time_zone,
       NULL::pg_catalog.jsonb AS completions,
       NULL::pg_catalog.jsonb AS limits,
       NULL::pg_catalog.text AS contention,
       v.rate_limit[1] AS rate_limit,
       v.audit IS NOT NULL AS audit,
       v.version_ignores AS version_ignores,
       v.fence[1] AS fence,
       v.alive AS alive,
       COALESCE(v.delete[1], 'allow') AS delete
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
           COALESCE(pg_catalog.array_agg(a.value ORDER BY a.place) FILTER (WHERE a.role OPERATOR(pg_catalog.=) 'fence'), '{}') AS fence,
           COALESCE(pg_catalog.array_agg(a.value ORDER BY a.place) FILTER (WHERE a.role OPERATOR(pg_catalog.=) 'version_ignores'), '{}') AS version_ignores,
           COALESCE(pg_catalog.array_agg(a.value ORDER BY a.place) FILTER (WHERE a.role OPERATOR(pg_catalog.=) 'alive'), '{}') AS alive,
           COALESCE(pg_catalog.array_agg(a.value ORDER BY a.place) FILTER (WHERE a.role OPERATOR(pg_catalog.=) 'mode'), '{}') AS mode,
           COALESCE(pg_catalog.array_agg(a.value ORDER BY a.place) FILTER (WHERE a.role OPERATOR(pg_catalog.=) 'time_zone'), '{}') AS time_zone,
           COALESCE(pg_catalog.array_agg(a.value ORDER BY a.place) FILTER (WHERE a.role OPERATOR(pg_catalog.=) 'insert'), '{}') AS insert,
           COALESCE(pg_catalog.array_agg(a.value ORDER BY a.place) FILTER (WHERE a.role OPERATOR(pg_catalog.=) 'delete'), '{}') AS delete,
           COALESCE(pg_catalog.array_agg(a.value ORDER BY a.place) FILTER (WHERE a.role OPERATOR(pg_catalog.=) 'rate_limit'), '{}') AS rate_limit,
           pg_catalog.max(a.value) FILTER (WHERE a.role OPERATOR(pg_catalog.=) 'audit') AS audit
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
       y.parent, y.via, y.counters, y.total, y.total_of, y.done, y.done_at, y.on_done, y.latch, y.notify, y.time_zone,
       y.completions, y.limits, y.contention, NULL, NULL, NULL, NULL, NULL, NULL
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
    WHERE t.tgfoid OPERATOR(pg_catalog.=) ANY (ARRAY['ratchet.guard_insert()'::pg_catalog.regprocedure,
              'ratchet.guard_delete()'::pg_catalog.regprocedure, 'ratchet.guard_truncate()'::pg_catalog.regprocedure]::pg_catalog.oid[])
      AND t.tgparentid OPERATOR(pg_catalog.=) 0::pg_catalog.oid
      AND NOT EXISTS (SELECT FROM pg_catalog.pg_trigger g
                      WHERE g.tgrelid OPERATOR(pg_catalog.=) t.tgrelid
                        AND g.tgfoid OPERATOR(pg_catalog.=) 'ratchet.guard_row()'::pg_catalog.regprocedure)
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
    WHERE pg_catalog.current_setting('session_replication_role') OPERATOR(pg_catalog.=) 'replica'
    UNION ALL
    SELECT 'warning', NULL::pg_catalog.regclass,
           pg_catalog.format('the library that this session has is of version %s, the SQL objects in this database are of %s',
                             ratchet.version(), e.extversion),
           'Connect again, or restart the server where it preloads the library; then ALTER EXTENSION ratchet UPDATE.'
    FROM pg_catalog.pg_extension e
    WHERE e.extname OPERATOR(pg_catalog.=) 'ratchet' AND e.extversion OPERATOR(pg_catalog.<>) ratchet.version();
END;
COMMENT ON FUNCTION ratchet.health() IS
'What keeps a contract of this database from being enforced, a row a finding: severity (error: not enforced now, or a write fails now; warning: not enforced on some path, or a write would fail), the table (NULL for the whole database), the finding and what to do about it. No rows: all is well. Locks: ACCESS SHARE on every table with a contract.';

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
        ('submit', 'Closes the gate of one row, once: sets gate, actor and idempotency key, the columns of patch, and stores record in child with its reference filled in, all or nothing. key: the single-column primary key as text, bigint or uuid, or a JSON object over any unique key. key and expect are compared as their columns'' base types, neither rounded to a length nor checked against a domain; a null in expect stands for JSON''s null too. expect: column values that must still hold. Always returns one row; of concurrent calls one returns submitted, the others already_submitted with the winner''s actor and time. flush: also write what the transaction has counted and report it as progress; the rows of the parents are then held until the end of the transaction. Runs with the caller''s rights. Errors: 22xxx bad argument, nothing changed; 42R01 no contract, a trigger, rule or policy defeats it, or Citus has the row on another node; 23xxx a constraint of the tables; 42501 a missing right; 40001 under REPEATABLE READ and SERIALIZABLE when a row that it would have to write changed since the snapshot, and at any level when the row is being moved to another partition. Locks: ROW EXCLUSIVE on the table (and on child); the winner holds the row until the end of the transaction.'),
        ('update', 'Updates the columns named in patch, of one row found by key, where expect still holds. Always returns one row: updated, unchanged (the row had these values; nothing is written), kept (all of it was protected), stale or not_found; kept lists the protected columns; a column that the caller may not read is always written, and not reported. Obeys the contract as any UPDATE does and runs with the caller''s rights. Errors: 22xxx bad argument, nothing changed; 23R01 a protected column in mode reject; 23xxx a constraint; 42501 a missing right; 42R01 no contract, or a trigger, rule or policy suppresses the update; 40001 as any UPDATE. Locks: ROW EXCLUSIVE on the table; a row that was written until the end of the transaction.'),
        ('advance', 'Moves one row along the graph of its states, sets the columns of patch and stores record in child with its reference filled in, all or nothing. state: where to, as text or as a value of the column''s type; state_column is needed where several columns have states. expect: column values that must still hold. idempotency_key (of a contract without a gate): a repeated call with the key that was stored last returns replayed with the stored record, whatever state the row is in by then and whatever it expects. flush: as in ratchet.submit(). A heartbeat of the contract is set too. Always returns one row: advanced and replayed are successes; already_there (another call moved the row there), refused (the graph does not lead there from where the row is), key_reused, conflict (the record hit a unique key or an exclusion constraint; nothing changed), stale or not_found. Obeys the other policies as any UPDATE does and runs with the caller''s rights. Errors: 22xxx bad argument, nothing changed; 23R01, 23R03 a protected column of patch in mode reject; 23xxx a constraint of the tables; 42501 a missing right; 42R01 no contract, or a trigger, rule or policy suppresses the update; 40001 as any UPDATE. Locks: ROW EXCLUSIVE on the table (and on child); the row until the end of the transaction, also when it is not moved.'),
        ('beat', 'Sets the heartbeat of one row to now, and the columns of patch with it, where expect still holds, unless the row is finished. Several at once never undo one another: the latest heartbeat stays. A beat that changes nothing but the heartbeat does not increment the version. Always returns one row: alive, finished (gate closed, a state terminal or, with alive in the contract, the row in none of these states; nothing is written), stale (expect does not hold, or patch brings a fence or version that is out of date; nothing is written) or not_found; kept lists patched columns that the contract kept. Obeys the contract as any UPDATE does and runs with the caller''s rights. Errors: 22xxx bad argument, nothing changed; 23R01, 23R02, 23R03 what patch may not do, in mode reject; 42501 a missing right; 42R01 no contract, or a trigger, rule or policy suppresses the update; 40001 as any UPDATE. Locks: ROW EXCLUSIVE on the table; the row until the end of the transaction, unless expect does not hold.'),
        ('progress', 'What the counters of one parent row say: exact as of this statement, with what this transaction has counted, which is written first. key: the single-column primary key as text, bigint or uuid, or a JSON object over any unique key. Runs with the caller''s rights. Errors: 22xxx bad argument; 42501 a missing right; 42R01 no tally. Locks: ACCESS SHARE on the table.'),
        ('amend', 'Break-glass: changes any column of one row, including owned ones, and can reopen the gate (actor, gate_at and idempotency key are cleared with it unless patch names them). Only the owner of the table (of the partitioned table for a partition), or a role with EXECUTE on ratchet.amend_right(). Always written to the server log with actor and reason. Returns one row: amended, unchanged or not_found. Errors: 42501 no right; 22xxx bad argument, nothing changed; 42R01 no contract, or a trigger, rule or policy suppresses the update; 40001 as any UPDATE. Locks: ROW EXCLUSIVE on the table; a row that was written until the end of the transaction.')
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

-- Statistics: shared memory, not tables.
CREATE FUNCTION ratchet.stat_enabled() RETURNS boolean
    LANGUAGE c STABLE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'ratchet_stat_enabled';
COMMENT ON FUNCTION ratchet.stat_enabled() IS
'Whether the server has shared memory for statistics and for rate_limit: the library is preloaded, or it is PostgreSQL 17 or newer. Takes no locks.';

CREATE FUNCTION ratchet._stat_since() RETURNS timestamptz
    LANGUAGE c STABLE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'ratchet_stat_since';
COMMENT ON FUNCTION ratchet._stat_since() IS 'Internal: since when the server counts. Errors: 55000 where it has no shared memory for that.';

CREATE FUNCTION ratchet._stat(OUT relation oid, OUT parent oid, OUT kind text,
    OUT submitted bigint,
    OUT replayed bigint,
    OUT already_submitted bigint,
    OUT conflict bigint,
    OUT key_reused bigint,
    OUT stale bigint,
    OUT limited bigint,
    OUT "full" bigint,
    OUT not_found bigint,
    OUT advanced bigint,
    OUT already_there bigint,
    OUT refused bigint,
    OUT updated bigint,
    OUT unchanged bigint,
    OUT alive bigint,
    OUT finished bigint,
    OUT amended bigint,
    OUT swept bigint,
    OUT closed bigint,
    OUT kept bigint,
    OUT rejected bigint,
    OUT observed bigint,
    OUT suspended bigint,
    OUT counted bigint,
    OUT flushes bigint,
    OUT completions bigint,
    OUT spilled bigint,
    OUT folded bigint,
    OUT rolled_back bigint, OUT waits bigint, OUT wait_time double precision, OUT wait_time_max double precision,
    OUT submit_histogram bigint[], OUT stats_reset timestamptz)
    RETURNS SETOF record LANGUAGE c VOLATILE PARALLEL RESTRICTED ROWS 50 AS 'MODULE_PATHNAME', 'ratchet_stat';
COMMENT ON FUNCTION ratchet._stat() IS 'Internal: what the view ratchet.stat reads.';

CREATE FUNCTION ratchet._stat_columns(OUT relation oid, OUT kind text, OUT column_name name, OUT kept bigint,
    OUT rejected bigint, OUT observed bigint, OUT last_application_name text, OUT last_at timestamptz)
    RETURNS SETOF record LANGUAGE c VOLATILE PARALLEL RESTRICTED ROWS 50 AS 'MODULE_PATHNAME', 'ratchet_stat_columns';
COMMENT ON FUNCTION ratchet._stat_columns() IS 'Internal: what the view ratchet.stat_columns reads.';

CREATE FUNCTION ratchet.stat_buckets() RETURNS double precision[]
    LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'ratchet_stat_buckets';
COMMENT ON FUNCTION ratchet.stat_buckets() IS
'The upper bounds, inclusive and in milliseconds, of the durations that submit_histogram of ratchet.stat counts, in its order; the last is Infinity.';

CREATE FUNCTION ratchet.stat_reset(target regclass DEFAULT NULL) RETURNS void
    LANGUAGE c VOLATILE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'ratchet_stat_reset';
COMMENT ON FUNCTION ratchet.stat_reset(regclass) IS
'Sets the statistics of a table''s contracts, or of all contracts of this database, to zero, at once and whatever becomes of the transaction. Not executable by the public; GRANT EXECUTE to whom may. Errors: 42P01 target is 0, which is no table; 55000 where the server has no shared memory for statistics.';
REVOKE ALL ON FUNCTION ratchet.stat_reset(regclass) FROM PUBLIC;

CREATE VIEW ratchet.stat AS
SELECT c.relation::pg_catalog.regclass AS relation,
       c.kind AS kind,
       COALESCE(s.submitted, 0) AS submitted,
       COALESCE(s.closed, 0) AS closed,
       COALESCE(s.replayed, 0) AS replayed,
       COALESCE(s.already_submitted, 0) AS already_submitted,
       COALESCE(s.conflict, 0) AS conflict,
       COALESCE(s.stale, 0) AS stale,
       COALESCE(s.limited, 0) AS limited,
       COALESCE(s.kept, 0) AS kept,
       COALESCE(s.rejected, 0) AS rejected,
       COALESCE(s.observed, 0) AS observed,
       COALESCE(s.advanced, 0) AS advanced,
       COALESCE(s.refused, 0) AS refused,
       COALESCE(s.amended, 0) AS amended,
       COALESCE(s.suspended, 0) AS suspended,
       COALESCE(s.swept, 0) AS swept,
       COALESCE(s.completions, 0) AS completions,
       COALESCE(s.flushes, 0) AS flushes,
       COALESCE(s.counted, 0) AS counted,
       COALESCE(s.spilled, 0) AS spilled,
       COALESCE(s.folded, 0) AS folded,
       COALESCE(s.waits, 0) AS waits,
       COALESCE(s.wait_time, 0) AS wait_time,
       COALESCE(s.wait_time_max, 0) AS wait_time_max,
       COALESCE(s.rolled_back, 0) AS rolled_back,
       COALESCE(s.submit_histogram, pg_catalog.array_fill(0::pg_catalog.int8, ARRAY[pg_catalog.cardinality(ratchet.stat_buckets())])) AS submit_histogram,
       COALESCE(s.stats_reset, ratchet._stat_since()) AS stats_reset,
       c.parent::pg_catalog.regclass AS parent,
       COALESCE(s.key_reused, 0) AS key_reused,
       COALESCE(s."full", 0) AS "full",
       COALESCE(s.not_found, 0) AS not_found,
       COALESCE(s.already_there, 0) AS already_there,
       COALESCE(s.updated, 0) AS updated,
       COALESCE(s.unchanged, 0) AS unchanged,
       COALESCE(s.alive, 0) AS alive,
       COALESCE(s.finished, 0) AS finished
FROM (
    SELECT t.tgrelid AS relation, 'guard'::pg_catalog.text AS kind, NULL::pg_catalog.oid AS parent
    FROM pg_catalog.pg_trigger t
    WHERE t.tgfoid OPERATOR(pg_catalog.=) 'ratchet.guard_row()'::pg_catalog.regprocedure
      AND t.tgparentid OPERATOR(pg_catalog.=) 0::pg_catalog.oid
    UNION
    SELECT t.tgrelid, 'parent', NULL
    FROM pg_catalog.pg_trigger t
    WHERE t.tgfoid OPERATOR(pg_catalog.=) 'ratchet.keep_counters()'::pg_catalog.regprocedure
      AND t.tgparentid OPERATOR(pg_catalog.=) 0::pg_catalog.oid
    UNION
    SELECT t.tgrelid, 'tally', f.confrelid
    FROM pg_catalog.pg_trigger t
    JOIN pg_catalog.pg_constraint f
        ON f.conrelid OPERATOR(pg_catalog.=) t.tgrelid AND f.contype OPERATOR(pg_catalog.=) 'f'
       AND f.conparentid OPERATOR(pg_catalog.=) 0::pg_catalog.oid
    WHERE t.tgfoid OPERATOR(pg_catalog.=) 'ratchet.count_row()'::pg_catalog.regprocedure
      AND t.tgparentid OPERATOR(pg_catalog.=) 0::pg_catalog.oid
      AND (SELECT pg_catalog.array_agg(a.attname::pg_catalog.text ORDER BY a.attname)
           FROM pg_catalog.pg_attribute a
           WHERE a.attrelid OPERATOR(pg_catalog.=) f.conrelid AND a.attnum OPERATOR(pg_catalog.=) ANY (f.conkey))
          OPERATOR(pg_catalog.=)
          (SELECT pg_catalog.array_agg(pg_catalog.substr(u.argument, 5) ORDER BY pg_catalog.substr(u.argument, 5)::pg_catalog.name)
           FROM pg_catalog.unnest(ratchet._arguments(t.oid)) u (argument)
           WHERE pg_catalog.starts_with(u.argument, 'via='))
) c
LEFT JOIN ratchet._stat() s
    ON s.relation OPERATOR(pg_catalog.=) c.relation AND s.kind OPERATOR(pg_catalog.=) c.kind
   AND COALESCE(s.parent, 0::pg_catalog.oid) OPERATOR(pg_catalog.=) COALESCE(c.parent, 0::pg_catalog.oid)
WHERE ratchet._stat_since() IS NOT NULL;
COMMENT ON VIEW ratchet.stat IS
'What has happened to each contract of this database since stats_reset, whether or not its transaction committed; partitions count for their root. kind: guard (relation is the guarded table), tally (the counted table, parent is where it counts), parent (the table whose counters tallies write). Outcomes of calls: submitted to limited, advanced, refused, amended, swept and the last columns. Rows: closed (gates, by a plain UPDATE), kept, rejected, observed, suspended; counted of a tally; flushes (row versions written with counts), completions, spilled, folded of a parent. rolled_back: changes among all of these that a rollback has undone; not ROLLBACK PREPARED, of which PostgreSQL tells no extension. waits: writes that waited for a lock; wait_time, wait_time_max: milliseconds. submit_histogram: calls of submit() by duration, see ratchet.stat_buckets(). Readable by everybody, as pg_stat_user_tables is. Errors: 55000 where the server has no shared memory for statistics.';

CREATE VIEW ratchet.stat_columns AS
SELECT s.relation::pg_catalog.regclass AS relation,
       s.column_name AS column_name,
       s.kept AS kept,
       s.rejected AS rejected,
       s.observed AS observed,
       s.last_application_name AS last_application_name,
       s.last_at AS last_at,
       s.kind AS kind
FROM ratchet._stat_columns() s
WHERE EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid OPERATOR(pg_catalog.=) s.relation)
  AND ratchet._stat_since() IS NOT NULL;
COMMENT ON VIEW ratchet.stat_columns IS
'Writes that a contract has kept from changing a column, refused because of it or only observed, by column, since stats_reset of ratchet.stat; a column that was renamed is another one. last_application_name: application_name of the session that did so last, at last_at: what to look at first; NULL for whoever neither owns the table nor has the privileges of pg_read_all_stats. Errors: 55000 where the server has no shared memory for statistics.';

CREATE FUNCTION ratchet._attempts(
    OUT at               timestamptz,
    OUT relation         regclass,
    OUT key              text,
    OUT outcome          text,
    OUT columns          text[],
    OUT actor            text,
    OUT idempotency_key  text,
    OUT role             text,
    OUT client_address   inet,
    OUT application_name text,
    OUT transaction      xid8)
    RETURNS SETOF record
    LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'ratchet_attempts';
COMMENT ON FUNCTION ratchet._attempts() IS
'Internal: the rows of all tables of attempts whose owner''s rights the caller has. Executable by all, because the view ratchet.attempts calls it with its reader''s rights.';

CREATE VIEW ratchet.attempts AS SELECT a.* FROM ratchet._attempts() a;
COMMENT ON VIEW ratchet.attempts IS
'Attempts under contracts with audit => true, of all tables whose owner''s rights the reader has, also where the contract has no audit any more. Each guarded table has a table of its own for them, NAME_attempts, of its owner, with these columns but relation, written by the extension alone, in the transaction of the attempt: who asks for one table''s only reads that, by its index on at. An attempt that failed with an error, or whose transaction was rolled back, is not among them. A table of attempts that was altered, so that attempts cannot be stored there, is left out with a WARNING. Locks: ACCESS SHARE on each of these tables.';
COMMENT ON COLUMN ratchet.attempts.at IS 'When it was made: the clock, not the begin of the transaction.';
COMMENT ON COLUMN ratchet.attempts.relation IS 'The guarded table, the topmost one of a partition tree.';
COMMENT ON COLUMN ratchet.attempts.key IS 'The row''s primary key as text; one of several columns, or another unique key that a call names the row by, is a JSON object, its columns by name. NULL where the table has no primary key and none is named.';
COMMENT ON COLUMN ratchet.attempts.outcome IS 'The outcome of a call, as ratchet.submit() and the others return it; or closed, kept, observed: what became of a row of a plain write.';
COMMENT ON COLUMN ratchet.attempts.columns IS 'The columns that were kept, or only observed.';
COMMENT ON COLUMN ratchet.attempts.actor IS 'Whom the call names, or the write stores in the column actor.';
COMMENT ON COLUMN ratchet.attempts.idempotency_key IS 'The idempotency key that the call names.';
COMMENT ON COLUMN ratchet.attempts.role IS 'The database role.';
COMMENT ON COLUMN ratchet.attempts.client_address IS 'The client''s address; NULL over a Unix socket.';
COMMENT ON COLUMN ratchet.attempts.application_name IS 'The session''s application_name.';
COMMENT ON COLUMN ratchet.attempts.transaction IS 'The transaction that has made it, as pg_current_xact_id() returns it, on the server where it was made.';

CREATE PROCEDURE ratchet.prune_attempts(older_than interval)
    LANGUAGE c AS 'MODULE_PATHNAME', 'ratchet_prune_attempts';
COMMENT ON PROCEDURE ratchet.prune_attempts(interval) IS
'Removes attempts that are older, of all tables whose owner''s rights the caller has, also where the contract has no audit any more. 10,000 rows a transaction; it may be cancelled at any time, and waits for no other transaction that removes some. Errors: 25001 inside a transaction block; 22004, 22023 older_than is null or negative; 25006 in read-only transactions. Locks: ROW EXCLUSIVE on one table of attempts at a time.';

GRANT USAGE ON SCHEMA ratchet TO PUBLIC;
GRANT SELECT ON ratchet.contract, ratchet.stat, ratchet.stat_columns, ratchet.attempts TO PUBLIC;
