# What the documentation says of bringing contracts to a server in use: a declaration behind a long transaction, a server
# without the library, a restore into one without the extension, a standby.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('rollout');
$node->init(allows_streaming => 1);
$node->append_conf('postgresql.conf', "log_statement = none\n");
$node->start;
$node->safe_psql('postgres', q{
    CREATE EXTENSION ratchet;
    CREATE TABLE scorecards (id bigint PRIMARY KEY, comment text, submitted_at timestamptz);
    INSERT INTO scorecards VALUES (1, 'draft'), (2, 'draft');
    CREATE TABLE runs (id bigint PRIMARY KEY, evaluated_count int NOT NULL DEFAULT 0);
    CREATE TABLE results (id bigint PRIMARY KEY, run_id bigint NOT NULL REFERENCES runs);
    CREATE TABLE unrelated (id bigint)});

# -- guide/adopting: the lock queue ------------------------------------------------------------------------------------

my $declaration = q{SELECT ratchet.guard('scorecards', gate => 'submitted_at')};
my $long = $node->background_psql('postgres', on_error_stop => 0);
$long->query_safe(q{BEGIN; UPDATE scorecards SET comment = 'open for long' WHERE id = 1});

# The declaration waits for the transaction, and a writer of another row waits behind the declaration.
my $declaring = $node->background_psql('postgres', on_error_stop => 0);
$declaring->query_until(qr/begun/, "\\echo begun\nSET lock_timeout = '10min';\n$declaration;\n");
my $waits = q{SELECT count(*) FROM pg_locks WHERE relation = 'scorecards'::regclass AND NOT granted AND mode = };
ok($node->poll_query_until('postgres', "$waits 'ShareRowExclusiveLock'", '1'), 'a declaration waits for a long transaction');
my $writer = $node->background_psql('postgres', on_error_stop => 0);
$writer->query_until(qr/begun/, "\\echo begun\nUPDATE scorecards SET comment = 'behind' WHERE id = 2;\n");
ok($node->poll_query_until('postgres', "$waits 'RowExclusiveLock'", '1'), 'and writers wait behind it');
$node->safe_psql('postgres', q{SELECT pg_cancel_backend(pid) FROM pg_locks
    WHERE relation = 'scorecards'::regclass AND NOT granted AND mode = 'ShareRowExclusiveLock'});
ok($node->poll_query_until('postgres', q{SELECT comment = 'behind' FROM scorecards WHERE id = 2}),
    'once it gives up they go on, while the long transaction is still open');

my ($status, $out, $err) = $node->psql('postgres', "SET lock_timeout = '100ms'; $declaration");
like($err, qr/canceling statement due to lock timeout/, 'with lock_timeout it gives up by itself');
is($node->safe_psql('postgres', 'SELECT count(*) FROM ratchet.contract'), '0', 'and nothing has changed');
$long->query_safe('COMMIT');
is($node->safe_psql('postgres', "SET lock_timeout = '60s'; $declaration"), 'created', 'repeated, it succeeds');
$_->quit for $long, $declaring, $writer;

# -- operations/locking: who is kept waiting by a table that is being altered ---------------------------------------------

$node->safe_psql('postgres', q{SELECT ratchet.tally('results', 'runs', '{"evaluated_count": "true"}')});
my $altering = $node->background_psql('postgres', on_error_stop => 0);
$altering->query_safe('BEGIN; LOCK TABLE results IN ACCESS EXCLUSIVE MODE');
for my $looks (q{TABLE ratchet.contract}, q{SELECT * FROM ratchet.health()}, q{SELECT * FROM ratchet.verify()})
{
    (undef, undef, $err) = $node->psql('postgres', "SET lock_timeout = '100ms'; $looks");
    like($err, qr/canceling statement due to lock timeout/, "$looks waits for a table that is locked");
}
is($node->psql('postgres', q{SET lock_timeout = '100ms'; SELECT * FROM ratchet.describe('scorecards'); SELECT * FROM ratchet.submit('scorecards', 1)}), 0,
    'what concerns another table does not');
$altering->quit;
$node->safe_psql('postgres', q{SELECT ratchet.untally('results', 'runs'); SELECT ratchet.amend('scorecards', 1, '{"submitted_at": null}', 'ann', 'again')});

# -- operations/replication: a standby reads everything ----------------------------------------------------------------

$node->safe_psql('postgres', q{
    SELECT ratchet.tally('results', 'runs', '{"evaluated_count": "true"}', contention => 'spill');
    INSERT INTO runs VALUES (1);
    INSERT INTO results VALUES (1, 1), (2, 1);
    SELECT ratchet.submit('scorecards', 1)});
$node->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'base', has_streaming => 1);
$standby->start;
$node->wait_for_catchup($standby);
is($standby->safe_psql('postgres', 'SELECT evaluated_count FROM runs_exact'), '2', 'standby: exact counts');
is($standby->safe_psql('postgres', q{SELECT count(*) > 0 FROM ratchet.describe('scorecards')}), 't', 'standby: describe()');
is($standby->safe_psql('postgres', 'SELECT * FROM ratchet.health()'), '', 'standby: health()');
is($standby->safe_psql('postgres', 'SELECT * FROM ratchet.verify()'), '', 'standby: verify()');
$standby->stop;

# -- operations/backup: a restore into a server without the extension --------------------------------------------------

my $dump = PostgreSQL::Test::Utils::tempdir . '/app.dump';
$node->command_ok([ 'pg_dump', '-Fc', '-f', $dump, '-d', $node->connstr('postgres') ], 'a dump');
$node->safe_psql('postgres', 'CREATE DATABASE restored');
my ($list) = run_command([ 'pg_restore', '--list', $dump ]);
my $without = PostgreSQL::Test::Utils::tempdir . '/without';
append_to_file($without, join "\n", grep { !/EXTENSION/ } split /\n/, $list);
my @restore = ('pg_restore', '-d', $node->connstr('restored'));
my ($said, $errors) = run_command([ @restore, '--use-list', $without, $dump ]);
like($errors, qr/schema "ratchet" does not exist/, 'without the extension each contract is an error');
is($node->safe_psql('restored', 'SELECT count(*) FROM scorecards WHERE submitted_at IS NOT NULL'), '1', 'the data is there');
is($node->safe_psql('restored', 'SELECT evaluated_count FROM runs'), '2', 'so are the counts');

$node->safe_psql('restored', 'CREATE EXTENSION ratchet');
is($node->safe_psql('restored', 'SELECT count(*) FROM ratchet.contract'), '0', 'no contract came along');
is($node->safe_psql('restored', 'SELECT * FROM ratchet.health()'), '', 'and health() cannot know of one');
$node->safe_psql('restored', 'INSERT INTO results VALUES (3, 1)');
my $contracts = PostgreSQL::Test::Utils::tempdir . '/contracts';
append_to_file($contracts, join "\n", grep { / TRIGGER .* [!~]ratchet_/ } split /\n/, $list);
$node->command_ok([ @restore, '--use-list', $contracts, $dump ], 'the triggers alone can be restored afterwards');
my $contract = q{SELECT target::text, kind FROM ratchet.contract ORDER BY 1, 2};
is($node->safe_psql('restored', $contract), $node->safe_psql('postgres', $contract), 'then the contracts are the same');
$node->safe_psql('restored', 'CALL ratchet.repair()');
is($node->safe_psql('restored', 'SELECT evaluated_count FROM runs'), '3', 'and repair() counts what was written meanwhile');

# -- operations/install: a server without the library ------------------------------------------------------------------

# New sessions look for a file that is not there, as those of a server without the package do.
$node->safe_psql('postgres', q{UPDATE pg_proc SET probin = '$libdir/nowhere' WHERE probin = '$libdir/ratchet'});
my $missing = qr/could not access file "\$libdir\/nowhere"/;
sub refused { my ($sql, $what) = @_; my (undef, undef, $error) = $node->psql('postgres', $sql); like($error, $missing, $what) }
is($node->safe_psql('postgres', 'SELECT count(*) FROM scorecards'), '2', 'without the library: reading works');
is($node->psql('postgres', 'INSERT INTO unrelated VALUES (1)'), 0, 'without the library: so do writes of other tables');
refused(q{UPDATE scorecards SET comment = 'x'}, 'without the library: a guarded write fails');
refused('INSERT INTO results VALUES (9, 1)', 'without the library: a counted one too');
refused('ALTER TABLE unrelated ADD a int', 'without the library: and so does unrelated DDL');
$node->safe_psql('postgres', "ALTER EVENT TRIGGER $_ DISABLE") for qw(ratchet_ddl_start ratchet_ddl_end ratchet_sql_drop);
is($node->psql('postgres', 'ALTER TABLE unrelated ADD a int'), 0, 'until the event triggers are disabled');
$node->safe_psql('postgres', "ALTER EVENT TRIGGER $_ ENABLE") for qw(ratchet_ddl_start ratchet_ddl_end ratchet_sql_drop);
$node->safe_psql('postgres', 'DROP EXTENSION ratchet CASCADE');
is($node->psql('postgres', q{UPDATE scorecards SET comment = 'x'; CREATE TABLE another (id int)}), 0,
    'DROP EXTENSION ... CASCADE works without it, and is a way out');

$node->stop;
done_testing();
