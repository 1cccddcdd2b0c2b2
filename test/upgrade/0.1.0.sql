-- What pg_dump wrote of a database that ratchet 0.1.0 had guarded and counted, without its comments: each kind of contract
-- of that version, of two owners, and what others have built upon its functions. Roles are not in it.
SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;
CREATE SCHEMA "Prüf Plan";
ALTER SCHEMA "Prüf Plan" OWNER TO clerk;
CREATE EXTENSION IF NOT EXISTS ratchet WITH SCHEMA pg_catalog;
COMMENT ON EXTENSION ratchet IS 'race safety declared on tables: one-winner submit gates and protected columns';
CREATE SCHEMA school;
ALTER SCHEMA school OWNER TO teacher;
CREATE TYPE school.phase AS ENUM (
    'new',
    'ready',
    'archived'
);
ALTER TYPE school.phase OWNER TO teacher;
CREATE FUNCTION "Prüf Plan"."ist ""fertig""?"(text) RETURNS void
    LANGUAGE sql
    AS $$SELECT$$;
ALTER FUNCTION "Prüf Plan"."ist ""fertig""?"(text) OWNER TO clerk;
CREATE FUNCTION school.finished(run integer) RETURNS void
    LANGUAGE sql
    AS $$INSERT INTO school.done (run) VALUES (run)$$;
ALTER FUNCTION school.finished(run integer) OWNER TO teacher;
CREATE FUNCTION school.good(score integer) RETURNS boolean
    LANGUAGE sql IMMUTABLE
    AS $$SELECT score >= 50$$;
ALTER FUNCTION school.good(score integer) OWNER TO teacher;
CREATE FUNCTION school.healthy() RETURNS bigint
    LANGUAGE sql
    BEGIN ATOMIC
 SELECT count(*) AS count
    FROM ratchet.health() health(severity, target, finding, remedy)
   WHERE (health.severity = 'error'::text);
END;
ALTER FUNCTION school.healthy() OWNER TO postgres;
SET default_tablespace = '';
SET default_table_access_method = heap;
CREATE TABLE school.cards (
    id bigint NOT NULL,
    comment text,
    source text,
    submitted_at timestamp with time zone,
    submitted_by text,
    request uuid
);
ALTER TABLE school.cards OWNER TO teacher;
CREATE FUNCTION school.send(card bigint, who text) RETURNS text
    LANGUAGE sql
    BEGIN ATOMIC
 SELECT submit.outcome
    FROM ratchet.submit('school.cards'::regclass, send.card, actor => send.who) submit(outcome, submitted_at, submitted_by, record, progress, conflict, stale);
END;
ALTER FUNCTION school.send(card bigint, who text) OWNER TO postgres;
CREATE TABLE "Prüf Plan"."Bögen ""1"" = 'x'" (
    "Schlüssel" text NOT NULL,
    "Bemerkung" text,
    "Abgegeben am" timestamp with time zone,
    "von, wem" integer,
    "a=b" text,
    "it's \ {done}" text
);
ALTER TABLE "Prüf Plan"."Bögen ""1"" = 'x'" OWNER TO clerk;
CREATE TABLE "Prüf Plan"."Läufe" (
    "Nr." text NOT NULL,
    "Soll" integer,
    "An'zahl" integer,
    "ist ""voll""" boolean
);
ALTER TABLE "Prüf Plan"."Läufe" OWNER TO clerk;
CREATE TABLE "Prüf Plan"."Werte; --" (
    "für" text,
    "gut?" boolean
);
ALTER TABLE "Prüf Plan"."Werte; --" OWNER TO clerk;
CREATE TABLE school.answers (
    at timestamp with time zone,
    answer ratchet.submit_result
);
ALTER TABLE school.answers OWNER TO postgres;
CREATE TABLE school.ballots (
    id uuid NOT NULL,
    counted boolean DEFAULT false NOT NULL,
    counted_at timestamp without time zone,
    weight integer DEFAULT 1,
    note text
);
ALTER TABLE school.ballots OWNER TO teacher;
CREATE TABLE school.batches (
    region text NOT NULL,
    id integer NOT NULL,
    total integer,
    n integer DEFAULT 0 NOT NULL,
    done boolean DEFAULT false NOT NULL
)
PARTITION BY LIST (region);
ALTER TABLE school.batches OWNER TO teacher;
CREATE TABLE school.batches_eu (
    region text NOT NULL,
    id integer NOT NULL,
    total integer,
    n integer DEFAULT 0 NOT NULL,
    done boolean DEFAULT false NOT NULL
);
ALTER TABLE school.batches_eu OWNER TO teacher;
CREATE TABLE school.batches_us (
    region text NOT NULL,
    id integer NOT NULL,
    total integer,
    n integer DEFAULT 0 NOT NULL,
    done boolean DEFAULT false NOT NULL
);
ALTER TABLE school.batches_us OWNER TO teacher;
CREATE TABLE school.checks (
    project integer,
    ok boolean
);
ALTER TABLE school.checks OWNER TO teacher;
CREATE VIEW school.contracts AS
 SELECT contract.target,
    contract.kind,
    contract.gate,
    contract.gate_at,
    contract.gate_by,
    contract.actor,
    contract.idempotency_key,
    contract.owned,
    contract.once,
    contract.frozen,
    contract.forward,
    contract.states,
    contract.heartbeat,
    contract.version,
    contract.mode,
    contract.insert,
    contract.enabled,
    contract.trigger,
    contract.parent,
    contract.via,
    contract.counters,
    contract.total,
    contract.total_of,
    contract.done,
    contract.done_at,
    contract.on_done,
    contract.latch,
    contract.notify
   FROM ratchet.contract;
ALTER TABLE school.contracts OWNER TO postgres;
CREATE TABLE school.done (
    run integer,
    at timestamp with time zone DEFAULT now()
);
ALTER TABLE school.done OWNER TO teacher;
CREATE TABLE school.drafts (
    id integer NOT NULL,
    title text,
    published_at timestamp with time zone
);
ALTER TABLE school.drafts OWNER TO teacher;
CREATE TABLE school.entries (
    region text,
    batch integer,
    id integer
)
PARTITION BY RANGE (id);
ALTER TABLE school.entries OWNER TO teacher;
CREATE TABLE school.entries_high (
    region text,
    batch integer,
    id integer
);
ALTER TABLE school.entries_high OWNER TO teacher;
CREATE TABLE school.entries_low (
    region text,
    batch integer,
    id integer
);
ALTER TABLE school.entries_low OWNER TO teacher;
CREATE TABLE school.forms (
    region text NOT NULL,
    id integer NOT NULL,
    note text,
    sent_at timestamp with time zone,
    sent_by text
)
PARTITION BY LIST (region);
ALTER TABLE school.forms OWNER TO teacher;
CREATE TABLE school.forms_eu (
    region text NOT NULL,
    id integer NOT NULL,
    note text,
    sent_at timestamp with time zone,
    sent_by text
);
ALTER TABLE school.forms_eu OWNER TO teacher;
CREATE TABLE school.forms_us (
    sent_by text,
    sent_at timestamp with time zone,
    note text,
    id integer NOT NULL,
    region text NOT NULL
);
ALTER TABLE school.forms_us OWNER TO teacher;
CREATE TABLE school.items (
    id integer NOT NULL,
    part integer
);
ALTER TABLE school.items OWNER TO teacher;
CREATE TABLE school.jobs (
    id integer NOT NULL,
    status text DEFAULT 'queued'::text NOT NULL,
    phase school.phase DEFAULT 'new'::school.phase NOT NULL,
    progress integer DEFAULT 0 NOT NULL,
    creator text,
    result text,
    seen_at timestamp with time zone,
    request text,
    lock_version integer DEFAULT 1 NOT NULL,
    note text
);
ALTER TABLE school.jobs OWNER TO teacher;
CREATE TABLE school.parts (
    id integer NOT NULL,
    project integer,
    items integer DEFAULT 0 NOT NULL,
    state text DEFAULT 'open'::text NOT NULL
);
ALTER TABLE school.parts OWNER TO teacher;
CREATE TABLE school.paused (
    id integer NOT NULL,
    submitted_at timestamp with time zone
);
ALTER TABLE school.paused OWNER TO teacher;
CREATE TABLE school.runs (
    id integer NOT NULL,
    total integer,
    evaluated integer DEFAULT 0 NOT NULL,
    good integer DEFAULT 0 NOT NULL,
    points numeric,
    is_completed boolean DEFAULT false NOT NULL,
    completed_at timestamp with time zone,
    name text
);
ALTER TABLE school.runs OWNER TO teacher;
CREATE VIEW school.progress AS
 SELECT r.id,
    p.outcome,
    (p.progress -> 'done'::text) AS done
   FROM school.runs r,
    LATERAL ratchet.progress('school.runs'::regclass, (r.id)::bigint) p(outcome, progress);
ALTER TABLE school.progress OWNER TO postgres;
CREATE TABLE school.projects (
    id integer NOT NULL,
    expected integer,
    parts integer DEFAULT 0 NOT NULL,
    finished boolean,
    checks integer DEFAULT 0 NOT NULL,
    sealed_at timestamp with time zone
);
ALTER TABLE school.projects OWNER TO teacher;
CREATE TABLE school.results (
    id integer NOT NULL,
    run integer NOT NULL,
    score integer,
    weight numeric
);
ALTER TABLE school.results OWNER TO teacher;
CREATE TABLE school.reviews (
    card bigint NOT NULL,
    author text NOT NULL
);
ALTER TABLE school.reviews OWNER TO teacher;
CREATE VIEW school.stuck_jobs AS
 SELECT stuck.key,
    stuck.state,
    stuck.since,
    stuck.age
   FROM ratchet.stuck('school.jobs'::regclass, '00:00:00'::interval, 'running'::text) stuck(key, state, since, age);
ALTER TABLE school.stuck_jobs OWNER TO postgres;
ALTER TABLE ONLY school.batches ATTACH PARTITION school.batches_eu FOR VALUES IN ('eu');
ALTER TABLE ONLY school.batches ATTACH PARTITION school.batches_us FOR VALUES IN ('us');
ALTER TABLE ONLY school.entries ATTACH PARTITION school.entries_high FOR VALUES FROM (100) TO (1000);
ALTER TABLE ONLY school.entries ATTACH PARTITION school.entries_low FOR VALUES FROM (0) TO (100);
ALTER TABLE ONLY school.forms ATTACH PARTITION school.forms_eu FOR VALUES IN ('eu');
ALTER TABLE ONLY school.forms ATTACH PARTITION school.forms_us FOR VALUES IN ('us');
COPY "Prüf Plan"."Bögen ""1"" = 'x'" ("Schlüssel", "Bemerkung", "Abgegeben am", "von, wem", "a=b", "it's \ {done}") FROM stdin;
ß2	\N	\N	\N	\N	\N
ß1	\N	2026-11-29 01:42:51.99272+00	7	\N	\N
\.
COPY "Prüf Plan"."Läufe" ("Nr.", "Soll", "An'zahl", "ist ""voll""") FROM stdin;
eins	1	1	t
\.
COPY "Prüf Plan"."Werte; --" ("für", "gut?") FROM stdin;
eins	t
eins	f
\.
COPY school.answers (at, answer) FROM stdin;
2026-01-01 00:00:00+00	(already_submitted,"2026-11-29 01:42:51.815336+00",ann,,,,)
\.
COPY school.ballots (id, counted, counted_at, weight, note) FROM stdin;
c81e728d-9d4c-2f63-6f06-7f89cc14862c	f	\N	1	\N
eccbc87e-4b5c-e2fe-2830-8fd9f2a7baf3	f	\N	1	\N
a87ff679-a2f3-e71d-9181-a67b7542122c	f	\N	1	\N
c4ca4238-a0b9-2382-0dcc-509a6f75849b	t	2026-11-29 01:42:51.829686	2	\N
\.
COPY school.batches_eu (region, id, total, n, done) FROM stdin;
eu	1	3	2	f
\.
COPY school.batches_us (region, id, total, n, done) FROM stdin;
us	1	2	2	t
\.
COPY school.cards (id, comment, source, submitted_at, submitted_by, request) FROM stdin;
2	card 2	\N	\N	\N	\N
3	card 3	\N	\N	\N	\N
4	card 4	\N	\N	\N	\N
5	card 5	\N	\N	\N	\N
6	card 6	\N	\N	\N	\N
1	card 1	web	2026-11-29 01:42:51.815336+00	ann	11111111-1111-1111-1111-111111111111
\.
COPY school.checks (project, ok) FROM stdin;
1	t
1	f
2	t
\.
COPY school.done (run, at) FROM stdin;
1	2026-11-29 01:42:51.906361+00
\.
COPY school.drafts (id, title, published_at) FROM stdin;
1	a	2026-01-02 03:04:05+00
2	b	\N
\.
COPY school.entries_high (region, batch, id) FROM stdin;
eu	1	101
us	1	102
\.
COPY school.entries_low (region, batch, id) FROM stdin;
eu	1	1
us	1	2
\.
COPY school.forms_eu (region, id, note, sent_at, sent_by) FROM stdin;
eu	1	\N	\N	\N
eu	2	\N	\N	\N
eu	3	\N	\N	\N
\.
COPY school.forms_us (sent_by, sent_at, note, id, region) FROM stdin;
\N	\N	\N	2	us
\N	\N	\N	3	us
bob	2026-11-29 01:42:51.869575+00	\N	1	us
\.
COPY school.items (id, part) FROM stdin;
1	1
2	1
3	3
\.
COPY school.jobs (id, status, phase, progress, creator, result, seen_at, request, lock_version, note) FROM stdin;
3	queued	new	0	ann	\N	\N	\N	1	\N
4	queued	new	0	ann	\N	\N	\N	1	\N
5	queued	new	0	ann	\N	\N	\N	1	\N
1	running	new	40	ann	\N	2026-11-29 01:42:51.841196+00	k1	3	\N
2	done	new	0	ann	\N	2026-11-29 01:42:51.845462+00	\N	3	\N
\.
COPY school.parts (id, project, items, state) FROM stdin;
2	1	0	open
1	1	2	open
3	2	1	open
\.
COPY school.paused (id, submitted_at) FROM stdin;
\.
COPY school.projects (id, expected, parts, finished, checks, sealed_at) FROM stdin;
1	2	2	t	1	\N
2	2	1	f	1	\N
\.
COPY school.results (id, run, score, weight) FROM stdin;
1	2	20	1.5
2	1	40	3.0
3	2	60	4.5
4	1	80	6.0
\.
COPY school.reviews (card, author) FROM stdin;
1	ann
\.
COPY school.runs (id, total, evaluated, good, points, is_completed, completed_at, name) FROM stdin;
3	2	0	0	0	f	\N	\N
1	2	2	1	9.0	t	2026-11-29 01:42:51.906361+00	\N
2	3	2	1	6.0	f	\N	\N
\.
ALTER TABLE ONLY "Prüf Plan"."Bögen ""1"" = 'x'"
    ADD CONSTRAINT "Bögen ""1"" = 'x'_pkey" PRIMARY KEY ("Schlüssel");
ALTER TABLE ONLY "Prüf Plan"."Läufe"
    ADD CONSTRAINT "Läufe_pkey" PRIMARY KEY ("Nr.");
ALTER TABLE ONLY school.ballots
    ADD CONSTRAINT ballots_pkey PRIMARY KEY (id);
ALTER TABLE ONLY school.batches
    ADD CONSTRAINT batches_pkey PRIMARY KEY (region, id);
ALTER TABLE ONLY school.batches_eu
    ADD CONSTRAINT batches_eu_pkey PRIMARY KEY (region, id);
ALTER TABLE ONLY school.batches_us
    ADD CONSTRAINT batches_us_pkey PRIMARY KEY (region, id);
ALTER TABLE ONLY school.cards
    ADD CONSTRAINT cards_pkey PRIMARY KEY (id);
ALTER TABLE ONLY school.drafts
    ADD CONSTRAINT drafts_pkey PRIMARY KEY (id);
ALTER TABLE ONLY school.forms
    ADD CONSTRAINT forms_pkey PRIMARY KEY (region, id);
ALTER TABLE ONLY school.forms_eu
    ADD CONSTRAINT forms_eu_pkey PRIMARY KEY (region, id);
ALTER TABLE ONLY school.forms_us
    ADD CONSTRAINT forms_us_pkey PRIMARY KEY (region, id);
ALTER TABLE ONLY school.items
    ADD CONSTRAINT items_pkey PRIMARY KEY (id);
ALTER TABLE ONLY school.jobs
    ADD CONSTRAINT jobs_pkey PRIMARY KEY (id);
ALTER TABLE ONLY school.parts
    ADD CONSTRAINT parts_pkey PRIMARY KEY (id);
ALTER TABLE ONLY school.paused
    ADD CONSTRAINT paused_pkey PRIMARY KEY (id);
ALTER TABLE ONLY school.projects
    ADD CONSTRAINT projects_pkey PRIMARY KEY (id);
ALTER TABLE ONLY school.results
    ADD CONSTRAINT results_pkey PRIMARY KEY (id);
ALTER TABLE ONLY school.reviews
    ADD CONSTRAINT reviews_card_author_key UNIQUE (card, author);
ALTER TABLE ONLY school.runs
    ADD CONSTRAINT runs_pkey PRIMARY KEY (id);
ALTER INDEX school.batches_pkey ATTACH PARTITION school.batches_eu_pkey;
ALTER INDEX school.batches_pkey ATTACH PARTITION school.batches_us_pkey;
ALTER INDEX school.forms_pkey ATTACH PARTITION school.forms_eu_pkey;
ALTER INDEX school.forms_pkey ATTACH PARTITION school.forms_us_pkey;
CREATE TRIGGER "!ratchet_gone" AFTER INSERT OR DELETE ON "Prüf Plan"."Läufe" FOR EACH ROW EXECUTE FUNCTION ratchet.count_gone();
ALTER TABLE ONLY "Prüf Plan"."Werte; --"
    ADD CONSTRAINT "Werte; --_für_fkey" FOREIGN KEY ("für") REFERENCES "Prüf Plan"."Läufe"("Nr.");
CREATE TRIGGER "!ratchet_tally_1" AFTER INSERT OR DELETE OR UPDATE ON "Prüf Plan"."Werte; --" FOR EACH ROW EXECUTE FUNCTION ratchet.count_row('via=für', 'counter=An''zahl', 'count="gut?"');
CREATE TRIGGER "~ratchet_completion" AFTER UPDATE ON "Prüf Plan"."Läufe" FOR EACH ROW WHEN ((new."ist ""voll""" AND (old."ist ""voll""" IS NOT TRUE))) EXECUTE FUNCTION ratchet.complete_row();
CREATE TRIGGER "~ratchet_counters" BEFORE INSERT OR UPDATE ON "Prüf Plan"."Läufe" FOR EACH ROW EXECUTE FUNCTION ratchet.keep_counters('key=Nr.', 'counter=An''zahl', 'total=Soll', 'total_of=An''zahl', 'done=ist "voll"', 'on_done="Prüf Plan"."ist ""fertig""?"(pg_catalog.text)');
CREATE CONSTRAINT TRIGGER "~ratchet_flush" AFTER DELETE ON "Prüf Plan"."Läufe" DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (false) EXECUTE FUNCTION ratchet.flush_counters();
CREATE CONSTRAINT TRIGGER "~ratchet_flush" AFTER DELETE ON "Prüf Plan"."Werte; --" DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (false) EXECUTE FUNCTION ratchet.flush_counters();
CREATE TRIGGER "~ratchet_guard" BEFORE UPDATE ON "Prüf Plan"."Bögen ""1"" = 'x'" FOR EACH ROW EXECUTE FUNCTION ratchet.guard_row('gate=Abgegeben am', 'gate_by=any', 'actor=von, wem', 'owned=a=b', 'owned=it''s \ {done}', 'mode=keep');
CREATE TRIGGER "~ratchet_truncate" AFTER TRUNCATE ON "Prüf Plan"."Werte; --" FOR EACH STATEMENT EXECUTE FUNCTION ratchet.count_truncate();
CREATE TRIGGER "!ratchet_gone" AFTER INSERT OR DELETE ON school.batches FOR EACH ROW EXECUTE FUNCTION ratchet.count_gone();
CREATE TRIGGER "!ratchet_gone" AFTER INSERT OR DELETE ON school.parts FOR EACH ROW EXECUTE FUNCTION ratchet.count_gone();
CREATE TRIGGER "!ratchet_gone" AFTER INSERT OR DELETE ON school.projects FOR EACH ROW EXECUTE FUNCTION ratchet.count_gone();
CREATE TRIGGER "!ratchet_gone" AFTER INSERT OR DELETE ON school.runs FOR EACH ROW EXECUTE FUNCTION ratchet.count_gone();
ALTER TABLE ONLY school.checks
    ADD CONSTRAINT checks_project_fkey FOREIGN KEY (project) REFERENCES school.projects(id);
CREATE TRIGGER "!ratchet_tally_1" AFTER INSERT OR DELETE OR UPDATE ON school.checks FOR EACH ROW EXECUTE FUNCTION ratchet.count_row('via=project', 'counter=checks', 'count=ok');
ALTER TABLE school.entries
    ADD CONSTRAINT entries_region_batch_fkey FOREIGN KEY (region, batch) REFERENCES school.batches(region, id);
CREATE TRIGGER "!ratchet_tally_1" AFTER INSERT OR DELETE OR UPDATE ON school.entries FOR EACH ROW EXECUTE FUNCTION ratchet.count_row('via=region', 'via=batch', 'counter=n', 'count=true');
ALTER TABLE ONLY school.items
    ADD CONSTRAINT items_part_fkey FOREIGN KEY (part) REFERENCES school.parts(id);
CREATE TRIGGER "!ratchet_tally_1" AFTER INSERT OR DELETE OR UPDATE ON school.items FOR EACH ROW EXECUTE FUNCTION ratchet.count_row('via=part', 'counter=items', 'count=true');
ALTER TABLE ONLY school.parts
    ADD CONSTRAINT parts_project_fkey FOREIGN KEY (project) REFERENCES school.projects(id);
CREATE TRIGGER "!ratchet_tally_1" AFTER INSERT OR DELETE OR UPDATE ON school.parts FOR EACH ROW EXECUTE FUNCTION ratchet.count_row('via=project', 'counter=parts', 'count=true');
ALTER TABLE ONLY school.results
    ADD CONSTRAINT results_run_fkey FOREIGN KEY (run) REFERENCES school.runs(id) ON DELETE CASCADE;
CREATE TRIGGER "!ratchet_tally_1" AFTER INSERT OR DELETE OR UPDATE ON school.results FOR EACH ROW EXECUTE FUNCTION ratchet.count_row('via=run', 'counter=good', 'count=school.good(score)', 'counter=points', 'sum=weight', 'counter=evaluated', 'count=true');
CREATE TRIGGER "~ratchet_completion" AFTER UPDATE ON school.batches FOR EACH ROW WHEN ((new.done AND (old.done IS NOT TRUE))) EXECUTE FUNCTION ratchet.complete_row();
ALTER TABLE school.batches_us DISABLE TRIGGER "~ratchet_completion";
CREATE TRIGGER "~ratchet_completion" AFTER UPDATE ON school.runs FOR EACH ROW WHEN ((new.is_completed AND (old.is_completed IS NOT TRUE))) EXECUTE FUNCTION ratchet.complete_row();
CREATE TRIGGER "~ratchet_counters" BEFORE INSERT OR UPDATE ON school.batches FOR EACH ROW EXECUTE FUNCTION ratchet.keep_counters('key=region', 'key=id', 'counter=n', 'total=total', 'total_of=n', 'done=done', 'notify=true');
CREATE TRIGGER "~ratchet_counters" BEFORE INSERT OR UPDATE ON school.parts FOR EACH ROW EXECUTE FUNCTION ratchet.keep_counters('key=id', 'counter=items');
CREATE TRIGGER "~ratchet_counters" BEFORE INSERT OR UPDATE ON school.projects FOR EACH ROW EXECUTE FUNCTION ratchet.keep_counters('key=id', 'counter=checks', 'counter=parts', 'total=expected', 'total_of=parts', 'done=finished', 'latch=true');
CREATE TRIGGER "~ratchet_counters" BEFORE INSERT OR UPDATE ON school.runs FOR EACH ROW EXECUTE FUNCTION ratchet.keep_counters('key=id', 'counter=evaluated', 'counter=good', 'counter=points', 'total=total', 'total_of=evaluated', 'done=is_completed', 'done_at=completed_at', 'on_done=school.finished(integer)', 'notify=true');
CREATE CONSTRAINT TRIGGER "~ratchet_flush" AFTER DELETE ON school.batches DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (false) EXECUTE FUNCTION ratchet.flush_counters();
CREATE CONSTRAINT TRIGGER "~ratchet_flush" AFTER DELETE ON school.checks DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (false) EXECUTE FUNCTION ratchet.flush_counters();
CREATE CONSTRAINT TRIGGER "~ratchet_flush" AFTER DELETE ON school.entries DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (false) EXECUTE FUNCTION ratchet.flush_counters();
CREATE CONSTRAINT TRIGGER "~ratchet_flush" AFTER DELETE ON school.items DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (false) EXECUTE FUNCTION ratchet.flush_counters();
CREATE CONSTRAINT TRIGGER "~ratchet_flush" AFTER DELETE ON school.parts DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (false) EXECUTE FUNCTION ratchet.flush_counters();
CREATE CONSTRAINT TRIGGER "~ratchet_flush" AFTER DELETE ON school.projects DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (false) EXECUTE FUNCTION ratchet.flush_counters();
CREATE CONSTRAINT TRIGGER "~ratchet_flush" AFTER DELETE ON school.results DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (false) EXECUTE FUNCTION ratchet.flush_counters();
CREATE CONSTRAINT TRIGGER "~ratchet_flush" AFTER DELETE ON school.runs DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (false) EXECUTE FUNCTION ratchet.flush_counters();
CREATE TRIGGER "~ratchet_guard" BEFORE UPDATE ON school.ballots FOR EACH ROW EXECUTE FUNCTION ratchet.guard_row('gate=counted', 'gate_at=counted_at', 'gate_by=submit', 'owned=weight', 'mode=reject', 'insert=reject');
CREATE TRIGGER "~ratchet_guard" BEFORE UPDATE ON school.cards FOR EACH ROW EXECUTE FUNCTION ratchet.guard_row('gate=submitted_at', 'gate_by=any', 'actor=submitted_by', 'idempotency_key=request', 'owned=source', 'mode=keep');
CREATE TRIGGER "~ratchet_guard" BEFORE UPDATE ON school.drafts FOR EACH ROW EXECUTE FUNCTION ratchet.guard_row('gate=published_at', 'gate_by=any', 'mode=observe');
CREATE TRIGGER "~ratchet_guard" BEFORE UPDATE ON school.forms FOR EACH ROW EXECUTE FUNCTION ratchet.guard_row('gate=sent_at', 'gate_by=any', 'actor=sent_by', 'mode=keep');
CREATE TRIGGER "~ratchet_guard" BEFORE UPDATE ON school.jobs FOR EACH ROW EXECUTE FUNCTION ratchet.guard_row('idempotency_key=request', 'once=creator', 'frozen=result', 'forward=progress', 'state=phase', 'from=archived', 'from=new', 'to=ready', 'from=ready', 'to=archived', 'state=status', 'from=done', 'from=failed', 'from=queued', 'to=failed', 'to=running', 'from=running', 'to=done', 'to=failed', 'heartbeat=seen_at', 'version=lock_version', 'mode=once=reject');
CREATE TRIGGER "~ratchet_guard" BEFORE UPDATE ON school.paused FOR EACH ROW EXECUTE FUNCTION ratchet.guard_row('gate=submitted_at', 'gate_by=any', 'mode=keep');
ALTER TABLE school.paused DISABLE TRIGGER "~ratchet_guard";
CREATE TRIGGER "~ratchet_guard" BEFORE UPDATE ON school.projects FOR EACH ROW EXECUTE FUNCTION ratchet.guard_row('gate=sealed_at', 'gate_by=any', 'mode=keep');
CREATE TRIGGER "~ratchet_guard_insert" AFTER INSERT ON school.ballots FOR EACH ROW WHEN (ratchet.born_closed(new.*)) EXECUTE FUNCTION ratchet.guard_insert();
CREATE TRIGGER "~ratchet_truncate" AFTER TRUNCATE ON school.checks FOR EACH STATEMENT EXECUTE FUNCTION ratchet.count_truncate();
CREATE TRIGGER "~ratchet_truncate" AFTER TRUNCATE ON school.entries FOR EACH STATEMENT EXECUTE FUNCTION ratchet.count_truncate();
CREATE TRIGGER "~ratchet_truncate" AFTER TRUNCATE ON school.items FOR EACH STATEMENT EXECUTE FUNCTION ratchet.count_truncate();
CREATE TRIGGER "~ratchet_truncate" AFTER TRUNCATE ON school.parts FOR EACH STATEMENT EXECUTE FUNCTION ratchet.count_truncate();
CREATE TRIGGER "~ratchet_truncate" AFTER TRUNCATE ON school.results FOR EACH STATEMENT EXECUTE FUNCTION ratchet.count_truncate();
CREATE TRIGGER "~ratchet_truncating" BEFORE TRUNCATE ON school.entries FOR EACH STATEMENT EXECUTE FUNCTION ratchet.count_truncate();
CREATE TRIGGER "~ratchet_truncating" BEFORE TRUNCATE ON school.entries_high FOR EACH STATEMENT EXECUTE FUNCTION ratchet.count_truncate();
CREATE TRIGGER "~ratchet_truncating" BEFORE TRUNCATE ON school.entries_low FOR EACH STATEMENT EXECUTE FUNCTION ratchet.count_truncate();
ALTER TABLE ONLY school.reviews
    ADD CONSTRAINT reviews_card_fkey FOREIGN KEY (card) REFERENCES school.cards(id);
GRANT USAGE ON SCHEMA "Prüf Plan" TO PUBLIC;
GRANT USAGE ON SCHEMA school TO PUBLIC;
GRANT ALL ON FUNCTION ratchet.amend_right() TO teacher;
REVOKE ALL ON FUNCTION ratchet.guard(target regclass, gate name, gate_at name, gate_by text, actor name, idempotency_key name, owned name[], once name[], frozen name[], forward name[], states jsonb, heartbeat name, version name, mode text, insert text, audit boolean, rate_limit text, replace boolean, validate boolean) FROM PUBLIC;
GRANT ALL ON FUNCTION ratchet.guard(target regclass, gate name, gate_at name, gate_by text, actor name, idempotency_key name, owned name[], once name[], frozen name[], forward name[], states jsonb, heartbeat name, version name, mode text, insert text, audit boolean, rate_limit text, replace boolean, validate boolean) TO teacher;
REVOKE ALL ON FUNCTION ratchet.submit(target regclass, key bigint, actor text, patch jsonb, idempotency_key anycompatible, child regclass, record jsonb, expect jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION ratchet.submit(target regclass, key bigint, actor text, patch jsonb, idempotency_key anycompatible, child regclass, record jsonb, expect jsonb) TO teacher;
GRANT ALL ON FUNCTION ratchet.submit(target regclass, key bigint, actor text, patch jsonb, idempotency_key anycompatible, child regclass, record jsonb, expect jsonb) TO clerk;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE school.cards TO writer;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE school.ballots TO writer;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE school.batches TO writer;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE school.batches_eu TO writer;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE school.batches_us TO writer;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE school.checks TO writer;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE school.done TO writer;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE school.drafts TO writer;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE school.entries TO writer;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE school.entries_high TO writer;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE school.entries_low TO writer;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE school.forms TO writer;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE school.forms_eu TO writer;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE school.forms_us TO writer;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE school.items TO writer;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE school.jobs TO writer;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE school.parts TO writer;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE school.paused TO writer;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE school.runs TO writer;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE school.projects TO writer;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE school.results TO writer;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE school.reviews TO writer;
