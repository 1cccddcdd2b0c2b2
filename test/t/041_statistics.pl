# Statistics of contracts: what is counted of whom, how long writers wait, who may see it, and what becomes of it over a
# restart, a crash, a file that is damaged, and a disk that is full. On a server with ratchet preloaded, and on one without.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes ();

my $node = PostgreSQL::Test::Cluster->new('statistics');
$node->init;
$node->append_conf('postgresql.conf', <<'CONF');
shared_preload_libraries = 'ratchet'
ratchet.max_contracts = 12
max_prepared_transactions = 2
log_statement = none
CONF
$node->start;
my $version = $node->safe_psql('postgres', 'SHOW server_version_num');
my $file = $node->data_dir . '/pg_stat/ratchet.stat';

my $schema = q{
    CREATE EXTENSION ratchet;
    CREATE TABLE cards (id int PRIMARY KEY, submitted_at timestamptz, submitted_by int, comment text);
    SELECT ratchet.guard('cards', 'submitted_at', actor => 'submitted_by');
    CREATE TABLE runs (id int PRIMARY KEY, count int NOT NULL DEFAULT 0);
    CREATE TABLE results (id serial PRIMARY KEY, run_id int NOT NULL REFERENCES runs);
    SELECT ratchet.tally('results', 'runs', '{"count": "true"}');
    INSERT INTO cards SELECT generate_series(1, 100);
    INSERT INTO runs VALUES (1), (2);};

sub stat_is
{
    my ($columns, $where, $expected, $name) = @_;
    is($node->safe_psql('postgres', "SELECT $columns FROM ratchet.stat WHERE $where"), $expected, $name);
}

# Polls until the query answers t.
sub wait_for
{
    my ($query) = @_;
    $node->poll_query_until('postgres', $query) or die "timed out: $query";
}

# Runs SQL in a session of its own that has to wait for a lock; ends when it waits.
sub start_waiter
{
    my ($name, $sql) = @_;
    my $session = { in => '', out => '', err => '' };
    $session->{run} = IPC::Run::start(
        [ 'psql', '-XqAt', '-d', $node->connstr('postgres') . " application_name=$name", '-c', $sql ],
        '<', \undef, '>', \$session->{out}, '2>', \$session->{err});
    wait_for("SELECT EXISTS (SELECT FROM pg_stat_activity WHERE application_name = '$name' AND wait_event_type = 'Lock')");
    return $session;
}

sub finish_waiter
{
    my ($session) = @_;
    $session->{run}->finish;
    is($session->{err}, '', 'the session that waited has no error');
    chomp $session->{out};
    return $session->{out};
}

# A transaction that holds what its statements have locked.
sub hold
{
    my ($sql) = @_;
    my $session = $node->background_psql('postgres');
    $session->query_safe("BEGIN; $sql");
    return $session;
}

# -- counting ----------------------------------------------------------------------------------------------------------

$node->safe_psql('postgres', $schema);
stat_is(q{string_agg(concat_ws(' ', kind, relation, parent, submitted, counted), ', ' ORDER BY kind)}, 'true',
    'guard cards 0 0, parent runs 0 0, tally results runs 0 0', 'a row a contract, before anything happens');

# Partitions count for their root, also when they are written directly.
$node->safe_psql(
    'postgres', q{
    CREATE TABLE parts (id int, done boolean, PRIMARY KEY (id)) PARTITION BY RANGE (id);
    CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (10);
    CREATE TABLE parts_2 PARTITION OF parts FOR VALUES FROM (10) TO (20);
    SELECT ratchet.guard('parts', 'done');
    INSERT INTO parts VALUES (1), (11);
    SELECT ratchet.submit('parts', 1);
    SELECT ratchet.submit('parts_2', 11);
    UPDATE parts SET done = false;
    UPDATE parts_1 SET done = false;});
stat_is('submitted, kept', q{relation = 'parts'::regclass}, '2|3', 'partitions count for their root');
is($node->safe_psql('postgres', q{SELECT count(*) FROM ratchet.stat WHERE relation::text LIKE 'parts_%'}), '0', 'and for nobody else');

$node->safe_psql('postgres', q{
    SET ratchet.statistics = off;
    SELECT ratchet.submit('cards', 100);
    DROP TABLE parts;});
stat_is('submitted', q{relation = 'cards'::regclass}, '0', 'nothing is counted with ratchet.statistics off');
is($node->safe_psql('postgres', q{SELECT count(*) FROM ratchet.stat WHERE relation::text LIKE '%parts%' OR relation::oid NOT IN (SELECT oid FROM pg_class)}),
    '0', 'a table that is dropped has no row');

# PostgreSQL tells nobody.
$node->safe_psql(
    'postgres', q{
    CREATE TABLE prepared (id int PRIMARY KEY, done boolean);
    SELECT ratchet.guard('prepared', 'done');
    INSERT INTO prepared VALUES (1);
    BEGIN; SELECT ratchet.submit('prepared', 1); PREPARE TRANSACTION 'p';
    ROLLBACK PREPARED 'p';
    BEGIN; SELECT ratchet.submit('prepared', 1); ROLLBACK;});
stat_is('submitted, rolled_back', q{relation = 'prepared'::regclass}, '2|1', 'ROLLBACK PREPARED is not counted as a rollback');
$node->safe_psql('postgres', 'DROP TABLE prepared');

# -- waits -------------------------------------------------------------------------------------------------------------

my $waits = q{SELECT waits FROM ratchet.stat WHERE relation = 'cards'::regclass};
my $holder = hold(q{SELECT ratchet.submit('cards', 1, actor => 1)});
my $waiter = start_waiter('loser', q{SELECT outcome FROM ratchet.submit('cards', 1, actor => 2)});
$holder->query_safe('COMMIT');
is(finish_waiter($waiter), 'already_submitted', 'a loser has waited');
stat_is('waits, wait_time > 0, wait_time_max = wait_time', q{relation = 'cards'::regclass}, '1|t|t', 'and its wait is counted');

$holder->query_safe(q{BEGIN; SELECT ratchet.submit('cards', 2, actor => 1)});
$waiter = start_waiter('winner', q{SELECT outcome FROM ratchet.submit('cards', 2, actor => 2)});
$holder->query_safe('ROLLBACK');
is(finish_waiter($waiter), 'submitted', 'whoever waited for a rollback wins');
stat_is('submitted, already_submitted, rolled_back, waits', q{relation = 'cards'::regclass}, '3|1|1|2',
    'what was rolled back is counted as tried, and as rolled back');

$holder->query_safe(q{BEGIN; UPDATE cards SET comment = 'held' WHERE id = 3});
$waiter = start_waiter('saver', q{UPDATE cards SET comment = 'saved' WHERE id = 3});
$holder->query_safe('COMMIT');
finish_waiter($waiter);
$node->safe_psql('postgres', q{UPDATE cards SET comment = 'saved' WHERE id = 4});
stat_is('waits, wait_time > wait_time_max', q{relation = 'cards'::regclass}, '3|t', 'the wait of a plain UPDATE is counted, once');

$holder->query_safe(q{BEGIN; UPDATE cards SET comment = 'held' WHERE id = 5});
$waiter = start_waiter('patcher', q{SELECT outcome FROM ratchet.update('cards', 5, '{"comment": "patched"}')});
$holder->query_safe('COMMIT');
is(finish_waiter($waiter), 'updated', 'ratchet.update() has waited');
stat_is('waits', q{relation = 'cards'::regclass}, '4', 'and is counted, but not once more by the guard');

$holder->query_safe(q{BEGIN; LOCK TABLE results IN SHARE MODE});
$waiter = start_waiter('elsewhere', q{BEGIN; INSERT INTO results (run_id) VALUES (1); UPDATE cards SET comment = 'no wait' WHERE id = 6; ROLLBACK});
$holder->query_safe('COMMIT');
finish_waiter($waiter);
ok($node->safe_psql('postgres', $waits) <= 5, 'a wait for something else is counted at most where it delayed the same message');

$holder->query_safe(q{BEGIN; UPDATE runs SET count = count WHERE id = 1});
$waiter = start_waiter('counter', q{INSERT INTO results (run_id) VALUES (1)});
$holder->query_safe('COMMIT');
finish_waiter($waiter);
stat_is('waits, wait_time > 0, flushes', q{relation = 'runs'::regclass}, '1|t|1', 'a flush that waits for a run is counted there');

$holder->query_safe(q{BEGIN; LOCK TABLE cards, runs, results});
is($node->safe_psql('postgres', q{SET lock_timeout = '60s'; SELECT count(*) FROM ratchet.stat; SELECT count(*) FROM ratchet.stat_columns}),
    "3\n0", 'whoever looks at statistics waits for no lock on a table');
$holder->query_safe('COMMIT');
$holder->quit;

my $submits = $node->safe_psql('postgres', q{SELECT submitted + already_submitted FROM ratchet.stat WHERE relation = 'cards'::regclass});
is($node->safe_psql('postgres', q{SELECT sum(n) FROM ratchet.stat, unnest(submit_histogram) n WHERE relation = 'cards'::regclass}),
    $submits, 'each submit() is in the histogram');
is($node->safe_psql('postgres', q{SELECT cardinality(submit_histogram) = cardinality(ratchet.stat_buckets()) FROM ratchet.stat LIMIT 1}),
    't', 'which has a bound for each number');

# -- who may see it ----------------------------------------------------------------------------------------------------

$node->safe_psql(
    'postgres', q{
    SET application_name = 'the ORM';
    UPDATE cards SET submitted_at = NULL WHERE id = 1;
    CREATE ROLE stranger LOGIN;
    CREATE ROLE monitor LOGIN IN ROLE pg_monitor;});
my $columns = q{SELECT relation, column_name, kept, rejected, observed, last_application_name FROM ratchet.stat_columns};
is($node->safe_psql('postgres', $columns), 'cards|submitted_at|1|0|0|the ORM', 'the column, and who has sent the stale save');
is($node->safe_psql('postgres', $columns, extra_params => [ '-U', 'stranger' ]), 'cards|submitted_at|1|0|0|', 'strangers see numbers alone');
is($node->safe_psql('postgres', $columns, extra_params => [ '-U', 'monitor' ]), 'cards|submitted_at|1|0|0|the ORM', 'pg_monitor sees all');
is($node->safe_psql('postgres', q{SELECT kept FROM ratchet.stat WHERE relation::text = 'cards'}, extra_params => [ '-U', 'stranger' ]),
    '1', 'everybody sees numbers');
my ($status, $out, $err) = $node->psql('postgres', 'SELECT ratchet.stat_reset()', extra_params => [ '-U', 'monitor' ]);
like($err, qr/permission denied for function stat_reset/, 'only who was granted it sets statistics to zero');
($status, $out, $err) = $node->psql('postgres', 'SET ratchet.statistics = off', extra_params => [ '-U', 'stranger' ]);
like($err, qr/permission denied to set parameter "ratchet.statistics"/, 'and only a superuser switches counting off');

# -- restarts ----------------------------------------------------------------------------------------------------------

my $everything = q{SELECT * FROM ratchet.stat ORDER BY relation::text, kind} ;
my $before = $node->safe_psql('postgres', $everything) . $node->safe_psql('postgres', $columns);
$node->restart;
is($node->safe_psql('postgres', $everything) . $node->safe_psql('postgres', $columns), $before, 'a restart keeps everything');
ok(!-e $file, 'and removes the file');

$node->stop('immediate');
$node->start;
stat_is(q{sum(submitted + kept + counted + waits), bool_and(stats_reset > pg_postmaster_start_time() - interval '1 minute')}, 'true', '0|t',
    'after a crash everything is zero');
is($node->safe_psql('postgres', $columns), '', 'columns too');

sub damage
{
    my ($what, $change, $log) = @_;
    $node->safe_psql('postgres', q{UPDATE cards SET submitted_at = NULL WHERE id = 1});
    stat_is('kept', q{relation = 'cards'::regclass}, '1', "counted before the shutdown: $what");
    my $start = -s $node->logfile;
    $change->() if $what =~ /shutdown/;
    $node->stop;
    $change->() if $what !~ /shutdown/;
    $node->start;
    like(substr(slurp_file($node->logfile), $start), $log, "the log says so: $what");
    stat_is('sum(kept)', 'true', '0', "statistics begin anew: $what");
    ok(!-e $file && !-e "$file.new", "nothing is left behind: $what");
}

sub rewrite
{
    my ($change) = @_;
    my $contents = slurp_file($file);
    $change->(\$contents);
    open my $out, '>:raw', $file or die "$file: $!";
    print $out $contents;
    close $out;
}

my $ignored = qr/LOG:  ignoring file "pg_stat\/ratchet\.stat" of ratchet's statistics: /;
damage('a flipped bit', sub { rewrite(sub { substr(${ $_[0] }, -100, 1) ^= "\x01" }) }, qr/${ignored}its checksum is wrong/);
damage('half of the file', sub { rewrite(sub { ${ $_[0] } = substr(${ $_[0] }, 0, length(${ $_[0] }) / 2) }) }, qr/${ignored}it has another length than it says/);
damage('an empty file', sub { rewrite(sub { ${ $_[0] } = '' }) }, qr/${ignored}it is too short/);
damage('a wild number of entries', sub { rewrite(sub { substr(${ $_[0] }, 12, 4) = "\xff\xff\xff\xff" }) }, qr/${ignored}it has another length than it says/);
damage('another version', sub { rewrite(sub { substr(${ $_[0] }, 0, 4) = "\0\0\0\0" }) }, qr/${ignored}it is of another version/);
SKIP:
{
    skip 'there is no /dev/full', 5 unless -c '/dev/full';
    damage('a full disk at shutdown', sub { symlink('/dev/full', "$file.new") or die $! }, qr/LOG:  could not write file "pg_stat\/ratchet\.stat\.new": No space left on device/);
}

# -- more contracts than there is room for -----------------------------------------------------------------------------

# Entries of tables and databases that are gone are given up.
for my $round (1 .. 4)
{
    $node->safe_psql('postgres', join '', map { qq{
        CREATE TABLE gone_$_ (id int PRIMARY KEY, done boolean);
        SELECT ratchet.guard('gone_$_', 'done');
        INSERT INTO gone_$_ VALUES (1);
        SELECT ratchet.submit('gone_$_', 1);} } 1 .. 4);
    stat_is('sum(submitted)', q{relation::text LIKE 'gone%'}, '4', "new tables are counted in round $round");
    $node->safe_psql('postgres', 'DROP TABLE gone_1, gone_2, gone_3, gone_4');
    $node->safe_psql('postgres', "CREATE DATABASE gone_$round");
    $node->safe_psql("gone_$round", $schema . q{SELECT ratchet.submit('cards', 1)});
    $node->safe_psql('postgres', "DROP DATABASE gone_$round");
}

$node->safe_psql('postgres', q{UPDATE cards SET comment = 'again' WHERE id = 1; INSERT INTO results (run_id) VALUES (1)});

# Whoever has dropped a table and gets its entry for another one, before that is rolled back.
$node->safe_psql('postgres', join '', map { qq{
    CREATE TABLE many_$_ (id int PRIMARY KEY, done boolean);
    SELECT ratchet.guard('many_$_', 'done');
    INSERT INTO many_$_ VALUES (1), (2), (3);} } 1 .. 10);
my $other = $node->background_psql('postgres');
$node->safe_psql('postgres', join '', map { "SELECT ratchet.submit('many_$_', 1);" } 1 .. 9);
$other->query_safe(q{SELECT ratchet.submit('many_1', 2)});
stat_is('submitted', q{relation::text = 'many_1'}, '2', 'counted, and cached');
$node->safe_psql('postgres', q{
    BEGIN;
    SAVEPOINT a;
    DROP TABLE many_1;
    SELECT ratchet.submit('many_10', 1);
    ROLLBACK TO a;
    COMMIT});
stat_is('submitted, rolled_back', q{relation::text = 'many_10'}, '1|1', 'another one has got the entry');
$other->query_safe(q{SELECT ratchet.submit('many_1', 3)});
$other->quit;
stat_is('submitted, rolled_back', q{relation::text = 'many_10'}, '1|1', 'and a count for the former one never lands there');

# There is no room any more.
is($node->safe_psql('postgres', q{SELECT outcome FROM ratchet.submit('many_1', 3)}), 'already_submitted', 'a contract without room works');
stat_is('already_submitted', q{relation::text = 'many_1'}, '0', 'and is not counted');
like($node->safe_psql('postgres', q{SELECT finding FROM ratchet.health() WHERE target::text = 'many_1'}),
    qr/not counted: there are more contracts than fit into memory/, 'which health() says');
$node->stop;

# -- a server that does not preload ratchet ----------------------------------------------------------------------------

my $plain = PostgreSQL::Test::Cluster->new('plain');
$plain->init;
$plain->start;
$plain->safe_psql('postgres', $schema . q{SELECT ratchet.submit('cards', 1)});
if ($version >= 170000)
{
    is($plain->safe_psql('postgres', q{SELECT ratchet.stat_enabled(), submitted FROM ratchet.stat WHERE kind = 'guard'}), 't|1',
        'statistics are kept without preload');
    $plain->restart;
    is($plain->safe_psql('postgres', q{SELECT submitted FROM ratchet.stat WHERE kind = 'guard'}), '0', 'until the server is restarted');
}
else
{
    is($plain->safe_psql('postgres', 'SELECT ratchet.stat_enabled()'), 'f', 'before PostgreSQL 17 there are no statistics without preload');
    for my $view ('stat', 'stat_columns')
    {
        my ($status, $out, $err) = $plain->psql('postgres', "\\set VERBOSITY verbose\nSELECT * FROM ratchet.$view");
        like($err, qr/ERROR:  55000: ratchet keeps no statistics: add ratchet to shared_preload_libraries\nHINT:  Before PostgreSQL 17 only a preloaded library has shared memory/,
            "ratchet.$view says so");
    }
}
is($plain->safe_psql('postgres', q{SELECT outcome FROM ratchet.submit('cards', 1)}), 'already_submitted', 'everything else works');
$plain->stop;

done_testing();
