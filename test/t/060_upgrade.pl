# ALTER EXTENSION ratchet UPDATE, from every version that there was. What it makes is what CREATE EXTENSION makes, and the
# contracts of a database of that version, which test/upgrade has as its own server dumped it, hold from then on as before:
# also while the library is new and the SQL objects are not.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('upgrade');
$node->init(extra => [ '--locale=C', '--encoding=UTF8' ]);
$node->append_conf('postgresql.conf', "max_prepared_transactions = 10\ndeadlock_timeout = 10s");
$node->start;

my ($current) = slurp_file('extension/ratchet.control') =~ /default_version = '(.*)'/;
my @former = map { m{ratchet--([0-9.]+)\.sql$} && $1 ne $current ? $1 : () } sort glob 'extension/ratchet--*.sql';
cmp_ok(scalar @former, '>', 0, 'there are former versions');

sub create
{
    my ($database, $version) = @_;
    $node->safe_psql('postgres', "CREATE DATABASE $database TEMPLATE template0");
    $node->safe_psql($database, 'CREATE EXTENSION ratchet' . ($version ? " VERSION '$version'" : ''));
    return;
}

# -- the same objects --------------------------------------------------------------------------------------------------

# A line for each property of each member of the extension.
my $members = q{
    WITH member AS (
        SELECT classid, objid, pg_describe_object(classid, objid, 0) AS name
        FROM pg_depend
        WHERE refclassid = 'pg_extension'::regclass AND deptype = 'e'
          AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'ratchet'))
    SELECT name || ' is a member' FROM member
    UNION ALL
    SELECT format('%s%s has comment %s', name, ' column ' || a.attname, d.description)
    FROM member JOIN pg_description d USING (classoid, objoid)
    LEFT JOIN pg_attribute a ON classoid = 'pg_class'::regclass AND a.attrelid = objoid AND a.attnum = objsubid AND objsubid > 0
    UNION ALL
    SELECT format('%s has initial privileges %s', name, (SELECT array_agg(i ORDER BY i::text) FROM unnest(p.initprivs) i))
    FROM member JOIN pg_init_privs p USING (classoid, objoid)
    UNION ALL
    SELECT format('%s is owned by %s, with privileges %s', name, proowner::regrole, (SELECT array_agg(a ORDER BY a::text) FROM unnest(proacl) a))
    FROM member JOIN pg_proc p ON classoid = 'pg_proc'::regclass AND p.oid = objoid
    UNION ALL
    SELECT format('%s is %s %s rows %s cost %s', name, pg_get_functiondef(objoid), probin, prorows, procost)
    FROM member JOIN pg_proc p ON classoid = 'pg_proc'::regclass AND p.oid = objoid
    UNION ALL
    SELECT format('%s is a %s owned by %s, persistence %s, replica identity %s, options %s, row security %s, with privileges %s',
        name, relkind, relowner::regrole, relpersistence, relreplident, reloptions, relrowsecurity,
        (SELECT array_agg(a ORDER BY a::text) FROM unnest(relacl) a))
    FROM member JOIN pg_class c ON classoid = 'pg_class'::regclass AND c.oid = objoid
    UNION ALL
    SELECT format('%s is defined as %s', name, pg_get_viewdef(objoid))
    FROM member JOIN pg_class c ON classoid = 'pg_class'::regclass AND c.oid = objoid AND relkind = 'v'
    UNION ALL
    SELECT format('%s has column %s %s %s%s%s', name, attnum, attname, format_type(atttypid, atttypmod),
        CASE WHEN attnotnull THEN ' not null' END, ' default ' || pg_get_expr(adbin, adrelid))
    FROM member
    JOIN pg_class c ON (classoid = 'pg_class'::regclass AND c.oid = objoid)
                    OR (classoid = 'pg_type'::regclass AND c.oid = (SELECT typrelid FROM pg_type t WHERE t.oid = objoid))
    JOIN pg_attribute a ON attrelid = c.oid AND attnum > 0
    LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
    UNION ALL
    SELECT format('%s has index %s', name, pg_get_indexdef(indexrelid))
    FROM member JOIN pg_index ON classoid = 'pg_class'::regclass AND indrelid = objoid
    UNION ALL
    SELECT format('%s has constraint %s %s', name, conname, pg_get_constraintdef(c.oid))
    FROM member JOIN pg_constraint c ON classoid = 'pg_class'::regclass AND conrelid = objoid
    UNION ALL
    SELECT format('%s is %s, owned by %s, with privileges %s', name, typtype, typowner::regrole, typacl)
    FROM member JOIN pg_type t ON classoid = 'pg_type'::regclass AND t.oid = objoid
    UNION ALL
    SELECT format('%s is on %s, calls %s, has tags %s, is enabled %s, owned by %s', name, evtevent, evtfoid::regprocedure, evttags, evtenabled,
        evtowner::regrole)
    FROM member JOIN pg_event_trigger e ON classoid = 'pg_event_trigger'::regclass AND e.oid = objoid
    UNION ALL
    SELECT format('%s is owned by %s, with privileges %s', name, nspowner::regrole, (SELECT array_agg(a ORDER BY a::text) FROM unnest(nspacl) a))
    FROM member JOIN pg_namespace n ON classoid = 'pg_namespace'::regclass AND n.oid = objoid
    UNION ALL
    SELECT format('extension is of version %s, owned by %s, in schema %s, relocatable %s, its tables %s dumped where %s', extversion,
        extowner::regrole, extnamespace::regnamespace, extrelocatable, extconfig::regclass[], extcondition)
    FROM pg_extension WHERE extname = 'ratchet'};
$members =~ s/classid, objid, pg_describe/classid AS classoid, objid AS objoid, pg_describe/;

sub members
{
    my ($database) = @_;
    # One a line, whatever is in it.
    return map { $_ => 1 } split /\n/,
      $node->safe_psql($database, "SELECT regexp_replace(line, '\\s+', ' ', 'g') FROM ($members) m (line)");
}

create('fresh');
my %fresh = members('fresh');
cmp_ok(scalar keys %fresh, '>', 300, 'members of the extension have properties');

foreach my $former (@former)
{
    (my $database = "from_$former") =~ tr/./_/;
    create($database, $former);
    $node->safe_psql($database, 'ALTER EXTENSION ratchet UPDATE');
    my %updated = members($database);
    my @differences = ((map { "only CREATE EXTENSION: $_" } sort grep { !$updated{$_} } keys %fresh),
        (map { "only the update from $former: $_" } sort grep { !$fresh{$_} } keys %updated));
    is(scalar @differences, 0, "the update from $former makes what CREATE EXTENSION makes")
      or diag join("\n", @differences), "\nWhat ratchet--$current.sql has, ratchet--$former--*.sql must have too.";
}

is( $node->safe_psql(
        'fresh', q{BEGIN; UPDATE pg_extension SET extversion = '0.0.1' WHERE extname = 'ratchet';
        SELECT severity, finding FROM ratchet.health(); ROLLBACK}),
    "warning|the library that this session has is of version $current, the SQL objects in this database are of 0.0.1",
    'health() compares library and objects');

# -- the database of 0.1.0 ---------------------------------------------------------------------------------------------

$node->safe_psql('postgres', 'CREATE ROLE teacher; CREATE ROLE clerk; CREATE ROLE writer');

sub restore
{
    my ($database, $version) = @_;
    create($database, $version);
    my ($status, $out, $err) = $node->psql($database, slurp_file('test/upgrade/0.1.0.sql'), on_error_stop => 0);
    return join "\n", grep { /^psql.*ERROR/ } split /\n/, $err;
}

sub fails
{
    my ($database, $sql, $like, $name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my ($status, $out, $err) = $node->psql($database, "\\set VERBOSITY verbose\n$sql");
    like($err, $like, $name);
    return;
}

# Every contract is tried; all is undone.
sub check_contracts
{
    my ($database, $when) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $ballot = "id = md5('1')::uuid";
    my %answers = (
        'a gate' => [
            q{UPDATE school.cards SET submitted_at = NULL, submitted_by = 'eve', source = 'x', comment = 'late' WHERE id = 1;
              SELECT submitted_at IS NOT NULL, submitted_by, source, comment FROM school.cards WHERE id = 1;
              UPDATE school.cards SET submitted_at = now(), submitted_by = 'bob', source = 'plain' WHERE id = 3;
              SELECT outcome, submitted_by FROM ratchet.submit('school.cards', 3, 'eve')},
            "t|ann|web|late\nalready_submitted|bob"
        ],
        'an idempotency key and a record' => [
            q{SELECT outcome, submitted_by FROM ratchet.submit('school.cards', 1, actor => 'ann',
                  idempotency_key => '11111111-1111-1111-1111-111111111111'::uuid);
              SELECT outcome, record ->> 'author' FROM ratchet.submit('school.cards', 4, 'cid', child => 'school.reviews',
                  record => '{"author": "cid"}')},
            "replayed|ann\nsubmitted|cid"
        ],
        'mode observe' => [q{UPDATE school.drafts SET published_at = NULL; SELECT count(published_at) FROM school.drafts}, '0'],
        'a disabled guard' => [
            q{INSERT INTO school.paused VALUES (1, now()); UPDATE school.paused SET submitted_at = NULL;
              SELECT count(submitted_at) FROM school.paused},
            '0'
        ],
        'policies' => [
            q{UPDATE school.jobs SET progress = 10, note = 'kept' WHERE id = 1; SELECT progress, note FROM school.jobs WHERE id = 1;
              UPDATE school.jobs SET result = 'late' WHERE id = 2; SELECT result FROM school.jobs WHERE id = 2;
              SELECT outcome, state FROM ratchet.advance('school.jobs', 1, 'done', state_column => 'status');
              SELECT outcome FROM ratchet.beat('school.jobs', 1, '{"progress": 50}');
              SELECT outcome FROM ratchet.beat('school.jobs', 3, '{"progress": 50}');
              SELECT outcome FROM ratchet.advance('school.jobs', 3, 'ready', state_column => 'phase', idempotency_key => 'k');
              SELECT outcome FROM ratchet.advance('school.jobs', 3, 'ready', state_column => 'phase', idempotency_key => 'k')},
            "40|kept\n\nadvanced|done\nfinished\nalive\nadvanced\nreplayed"
        ],
        'partitions' => [
            q{UPDATE school.forms SET sent_at = NULL, sent_by = 'eve', note = 'late';
              SELECT count(sent_at), max(sent_by), count(note) FROM school.forms;
              SELECT outcome FROM ratchet.submit('school.forms_us', '{"region": "us", "id": 2}'::jsonb, 'bob')},
            "1|bob|6\nsubmitted"
        ],
        'counters, sums and a completion' => [
            q{INSERT INTO school.results VALUES (10, 2, 90, 5), (11, 3, 10, NULL), (12, 3, 60, 0.25); SELECT ratchet.flush();
              UPDATE school.runs SET evaluated = 0, is_completed = false, name = 'stale';
              SELECT id, evaluated, good, points, is_completed, completed_at IS NOT NULL, name FROM school.runs ORDER BY id;
              SELECT run FROM school.done ORDER BY at, run},
            "\n1|2|1|9.0|t|t|stale\n2|3|2|11.0|t|t|stale\n3|2|1|0.25|t|t|stale\n1\n2\n3"
        ],
        'a parent that counts and is counted, guarded' => [
            q{DELETE FROM school.items WHERE id = 1; UPDATE school.parts SET project = 2 WHERE id = 1;
              UPDATE school.checks SET ok = true WHERE project = 1;
              UPDATE school.projects SET sealed_at = now(), parts = 0, checks = 9; SELECT ratchet.flush();
              SELECT id, parts, finished, checks, sealed_at IS NOT NULL FROM school.projects ORDER BY id;
              SELECT id, items FROM school.parts ORDER BY id},
            "\n1|1|t|2|t\n2|2|t|1|t\n1|1\n2|0\n3|1"
        ],
        'partitions on both sides' => [
            q{INSERT INTO school.entries VALUES ('eu', 1, 3); SELECT ratchet.flush();
              TRUNCATE school.entries_high; SELECT region, n, done FROM school.batches ORDER BY region;
              TRUNCATE school.entries; SELECT region, n, done FROM school.batches ORDER BY region},
            "\neu|2|f\nus|1|f\neu|0|f\nus|0|f"
        ],
        'names that want quoting' => [
            q{UPDATE "Prüf Plan"."Bögen ""1"" = 'x'"
                  SET "Abgegeben am" = NULL, "a=b" = 'x', "it's \ {done}" = 'y', "von, wem" = 0, "Bemerkung" = 'z'
                  WHERE "Schlüssel" = 'ß1';
              SELECT "Abgegeben am" IS NOT NULL, "a=b", "it's \ {done}", "von, wem", "Bemerkung"
                  FROM "Prüf Plan"."Bögen ""1"" = 'x'" WHERE "Schlüssel" = 'ß1';
              INSERT INTO "Prüf Plan"."Werte; --" VALUES ('eins', true); SELECT ratchet.flush(); SELECT * FROM "Prüf Plan"."Läufe"},
            "t|||7|z\n\neins|1|2|t"
        ],
        'what others have built' => [
            q{SELECT count(*), count(parent) FROM school.contracts; SELECT key, state FROM school.stuck_jobs;
              SELECT id, outcome, done FROM school.progress ORDER BY id;
              SELECT school.send(5, 'dan'), school.send(5, 'eve');
              INSERT INTO school.answers SELECT now(), s FROM ratchet.submit('school.cards', 6, 'eve') s;
              SELECT (answer).outcome FROM school.answers ORDER BY at DESC LIMIT 1},
            "14|6\n1|running\n1|found|true\n2|found|false\n3|found|false\nsubmitted|already_submitted\nsubmitted"
        ]);
    foreach my $what (sort keys %answers)
    {
        my ($sql, $answer) = @{ $answers{$what} };
        is($node->safe_psql($database, "BEGIN; $sql; ROLLBACK"), $answer, "$when: $what");
    }
    fails($database, "UPDATE school.ballots SET weight = 9 WHERE $ballot", qr/ERROR:  23R01/, "$when: mode reject");
    fails($database, "UPDATE school.ballots SET counted = true WHERE id = md5('2')::uuid", qr/ERROR:  23R01/, "$when: gate_by submit");
    fails($database, "INSERT INTO school.ballots VALUES (md5('9')::uuid, true)", qr/ERROR:  23R01/, "$when: insert reject");
    fails($database, "UPDATE school.jobs SET creator = 'eve' WHERE id = 1", qr/ERROR:  23R01/, "$when: once");
    fails($database, "UPDATE school.jobs SET status = 'done' WHERE id = 3", qr/ERROR:  23R02/, "$when: a transition");
    fails($database, 'UPDATE school.jobs SET lock_version = 0 WHERE id = 3', qr/ERROR:  23R04/, "$when: a stale version");
    fails($database, 'ALTER TABLE school.cards DROP COLUMN source', qr/ERROR:  42R01/, "$when: DDL is watched");
    is($node->safe_psql($database, 'SELECT * FROM ratchet.verify()'), '', "$when: no drift");
    return;
}

# Disabled by their owner.
my $known = "school.batches|trigger \"~ratchet_completion\" of \"batches_us\" does not fire in ordinary sessions\n"
  . 'school.paused|trigger "~ratchet_guard" of "paused" does not fire in ordinary sessions';
my $findings = 'SELECT target, finding FROM ratchet.health() ORDER BY target::text, finding';
my $descriptions = q{SELECT c.relation, d.*
    FROM (SELECT target AS relation FROM ratchet.contract UNION SELECT parent FROM ratchet.contract) c, ratchet.describe(c.relation) d
    WHERE c.relation <> 0 ORDER BY c.relation::text, 2, 3, 4};
my $contracts = q{SELECT target, kind, gate, gate_at, gate_by, actor, idempotency_key, owned, once, frozen, forward, states, heartbeat,
    version, mode, insert, enabled, parent, via, counters, total, total_of, done, done_at, on_done, latch, notify
    FROM ratchet.contract ORDER BY target::text, via};
my $triggers = q{SELECT pg_get_triggerdef(t.oid), tgenabled FROM pg_trigger t JOIN pg_proc p ON p.oid = tgfoid
    WHERE p.pronamespace = 'ratchet'::regnamespace ORDER BY tgrelid::regclass::text, tgname};

is(restore('old', '0.1.0'), '', 'a dump of 0.1.0 is restored where the extension is of that version');
my $contracts_before = $node->safe_psql('old', $contracts);
my $descriptions_before = $node->safe_psql('old', $descriptions);
is($node->safe_psql('old', q{SELECT ratchet.version() = extversion FROM pg_extension WHERE extname = 'ratchet'}),
    'f', 'the library is newer');
check_contracts('old', 'before the update');
my $asks = q{BEGIN; SELECT outcome, progress -> 0 -> 'columns' ->> 'checks' FROM ratchet.submit('school.projects', 1, child => 'school.checks',
    record => '{"ok": true}'); ROLLBACK};
is($node->safe_psql('old', $asks), 'submitted|2', 'before the update: a verb flushes, as that version declares it');
foreach my $call ("guard('school.cards', gate => 'submitted_at')", "tally('school.items', 'school.parts', '{\"items\": \"true\"}')")
{
    fails('old', "SELECT ratchet.$call",
        qr/ERROR:  55000: no contract can be declared before.*HINT:  ALTER EXTENSION ratchet UPDATE/s,
        'before the update: no contract is declared');
}

# Whatever refuses it, nothing is changed.
$node->safe_psql(
    'old', q{CREATE FUNCTION school.protect() RETURNS text LANGUAGE sql
        BEGIN ATOMIC SELECT ratchet.guard('school.cards', gate => 'submitted_at'); END});
fails('old', 'ALTER EXTENSION ratchet UPDATE',
    qr/ERROR:  2BP01.*DETAIL:  function school.protect\(\) depends on ratchet.guard\(regclass,.*HINT:  Drop these/s,
    'what is compiled against arguments that have moved is listed');
$node->safe_psql('old', 'DROP FUNCTION school.protect()');
my $holder = $node->background_psql('old');
$holder->query_safe('BEGIN; INSERT INTO school.items VALUES (50, 3)');
fails('old', "SET lock_timeout = '100ms'; ALTER EXTENSION ratchet UPDATE",
    qr/ERROR:  55P03/, 'a table in use is not waited for beyond lock_timeout');
$holder->query_safe('ROLLBACK');
$holder->quit;
my $unseen = join ' ', map { "ALTER EVENT TRIGGER $_ ENABLE;" } 'ratchet_ddl_end', 'ratchet_sql_drop';
$node->safe_psql('old', $unseen =~ s/ENABLE/DISABLE/gr . 'ALTER TABLE school.runs RENAME is_completed TO finished;' . $unseen);
fails('old', 'ALTER EXTENSION ratchet UPDATE',
    qr/ERROR:  42R01: contracts of some.* cannot be carried over\nDETAIL:  school.runs: column \S+ does not exist\nHINT:  Remove/,
    'contracts that cannot be carried over are listed');
$node->safe_psql('old', $unseen =~ s/ENABLE/DISABLE/gr . 'ALTER TABLE school.runs RENAME finished TO is_completed;' . $unseen);
is($node->safe_psql('old', "SELECT extversion FROM pg_extension WHERE extname = 'ratchet'"), '0.1.0', 'what fails changes nothing');

$node->safe_psql('old', 'ALTER EVENT TRIGGER ratchet_ddl_end DISABLE');
# A session that has planned and cached what there was.
my $running = $node->background_psql('old');
my $prepared = q{EXECUTE send(2, 'ann')};
$running->query_safe(q{PREPARE send(bigint, text) AS SELECT outcome FROM ratchet.submit('school.cards', $1, $2);
    PREPARE stuck AS SELECT key FROM ratchet.stuck('school.jobs', '0 s', 'running'); BEGIN});
is($running->query_safe($prepared), 'submitted', 'a statement is prepared');
$running->query_safe('ROLLBACK');
is($running->query_safe('EXECUTE stuck'), '1', 'another one');
my ($status, $out, $err) = $node->psql('old', 'ALTER EXTENSION ratchet UPDATE');
is($status, 0, 'the update');
is( join("\n", sort $err =~ /WARNING:  (.*)/g),
    join("\n",
        'event trigger "ratchet_ddl_end" is disabled: DDL can break contracts unseen',
        map { s/^[^|]*\|//r } split /\n/, $known),
    'it names what was not enforced');
$running->query_safe('BEGIN');
is($running->query_safe($prepared), 'submitted', 'a prepared statement goes on');
is($running->query_safe('EXECUTE stuck'), '1', 'the other one too');
$running->query_safe('ROLLBACK');
$running->quit;

is($node->safe_psql('old', "SELECT evtenabled FROM pg_event_trigger WHERE evtname = 'ratchet_ddl_end'"),
    'D', 'a disabled event trigger stays so');
$node->safe_psql('old', 'ALTER EVENT TRIGGER ratchet_ddl_end ENABLE');
is($node->safe_psql('old', $contracts), $contracts_before, 'contracts read as before');
is($node->safe_psql('old', $findings), $known, 'health() finds nothing new');
check_contracts('old', 'after the update');
is( $node->safe_psql(
        'old', 'SELECT (answer).outcome, (answer).submitted_by, (answer).retry_after FROM school.answers; SELECT school.healthy()'),
    "already_submitted|ann|\n2",
    'a stored result reads as before');
is( $node->safe_psql(
        'old', q{BEGIN; UPDATE school.runs SET total = 9 WHERE id = 1; UPDATE school.runs SET total = 2 WHERE id = 1;
        SELECT ratchet.flush(); SELECT count(*) FROM school.done WHERE run = 1; ROLLBACK}),
    "\n1", 'what a transaction undoes and completes again is no news');
my $privileges = q{SELECT has_function_privilege(r, p.oid, 'EXECUTE') FROM unnest('{teacher,writer}'::text[]) r, pg_proc p
    WHERE p.pronamespace = 'ratchet'::regnamespace AND (proname IN ('guard', 'amend_right') OR oid =
        'ratchet.submit(regclass,bigint,text,jsonb,anycompatible,regclass,jsonb,jsonb,boolean)'::regprocedure) ORDER BY r, proname};
is($node->safe_psql('old', $asks), 'submitted|', 'after the update: it does not unless it is asked to');
is($node->safe_psql('old', $privileges), "t\nt\nt\nf\nf\nf", 'what was granted and revoked is as before');

# Each is declared again as it was: that it is all there is for the declaration to say.
sub declared_again
{
    my ($database) = @_;
    return $node->safe_psql(
        $database, q{
        SELECT ratchet.guard(target, gate => gate, gate_at => gate_at, gate_by => COALESCE(gate_by, 'any'), actor => actor,
            idempotency_key => idempotency_key, owned => owned, once => once, frozen => frozen, forward => forward,
            states => states, heartbeat => heartbeat, version => version, mode => mode, insert => insert)
        FROM ratchet.contract WHERE kind = 'guard' AND enabled
        UNION ALL
        SELECT ratchet.tally(target, parent, counters, via => via, total => total, total_of => total_of, done => done,
            done_at => done_at, on_done => on_done::regprocedure, latch => latch, notify => notify)
        FROM ratchet.contract WHERE kind = 'tally' AND parent <> 'school.batches'::regclass});
}
is(declared_again('old'), join("\n", ('unchanged') x 12), 'a contract that is declared again is unchanged');
# But for the sentences of this version.
is($node->safe_psql('old', "SELECT count(*) FROM ($descriptions) d"),
    scalar(my @rules = split /\n/, $descriptions_before), 'describe() has a rule for each');

# What an update leaves is dumped and restored as any database of this version.
my $dump = PostgreSQL::Test::Utils::tempdir . '/updated.sql';
$node->command_ok([ 'pg_dump', '-f', $dump, $node->connstr('old') ], 'it is dumped');
$node->safe_psql('postgres', 'CREATE DATABASE again TEMPLATE template0');
$node->command_ok(
    [ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-o', '/dev/null', '-f', $dump, $node->connstr('again') ],
    'and restored without an error');
is($node->safe_psql('again', $triggers), $node->safe_psql('old', $triggers), 'with the triggers of the database that it is from');
check_contracts('again', 'after dump and restore');
is($node->safe_psql('again', $privileges), $node->safe_psql('old', $privileges), 'and its privileges');

# -- a dump of 0.1.0 where the extension is of this version ------------------------------------------------------------

my @errors = split /\n/, restore('direct');
is(scalar(grep { /function ratchet\.(guard|submit)\(.* does not exist/ } @errors),
    5, 'privileges on functions of that version are errors of the restore');
is(scalar(grep { /malformed record literal/ } @errors),
    1, 'so are stored results with fewer attributes than they have now');
is(scalar(@errors), 6, 'and nothing else is') or diag join "\n", @errors;
check_contracts('direct', 'restored into this version');
like($node->safe_psql('direct', $findings),
    qr/school.runs\|trigger "~ratchet_completion" of "runs" is that of an earlier version/,
    'health() finds triggers of that version');
is(join(' ', sort split /\n/, declared_again('direct')),
    join(' ', ('repaired') x 5, ('unchanged') x 7), 'contracts are declared again');
$node->safe_psql(
    'direct', q{SELECT ratchet.tally(target, parent, counters, total => total, done => done, notify => notify)
        FROM ratchet.contract WHERE parent = 'school.batches'::regclass});
is($node->safe_psql('direct', $findings),
    'school.paused|trigger "~ratchet_guard" of "paused" does not fire in ordinary sessions',
    'which makes them like any other');
check_contracts('direct', 'declared again');
$node->safe_psql('direct', q{SET ROLE teacher; CREATE OR REPLACE TRIGGER "~ratchet_completion" AFTER UPDATE ON school.runs FOR EACH ROW
    WHEN (new.is_completed AND old.is_completed IS NOT TRUE) EXECUTE FUNCTION ratchet.complete_row()});
is(join(' ', sort split /\n/, declared_again('direct')),
    'repaired' . ' unchanged' x 11, 'also where only the condition of a trigger is of that version');

# -- pg_upgrade with objects of 0.1.0, and the update on the new server -------------------------------------------------

is(restore('waiting', '0.1.0'), '', 'a database of 0.1.0');
$node->stop;
my $new = PostgreSQL::Test::Cluster->new('new');
$new->init(extra => [ '--locale=C', '--encoding=UTF8' ]);
my $bindir = $new->config_data('--bindir');
chdir PostgreSQL::Test::Utils::tempdir;
command_ok(
    [
        'pg_upgrade', '--no-sync', '-d', $node->data_dir, '-D', $new->data_dir, '-b', $bindir, '-B', $bindir,
        '-s', $new->host, '-p', $node->port, '-P', $new->port
    ],
    'pg_upgrade');
$node = $new;
$node->start;
$node->safe_psql('waiting', 'ALTER EXTENSION ratchet UPDATE');
is($node->safe_psql('waiting', $findings), $known, 'the update records what pg_upgrade has left out');
check_contracts('waiting', 'after pg_upgrade and the update');

$node->stop;
done_testing();
