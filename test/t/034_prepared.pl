# What docs/operations/counters.md says of prepared transactions: PREPARE TRANSACTION never waits for a parent's row, because who has
# prepared may hold it for long, and no server looks for circles of prepared transactions in several databases. Where
# counts wait otherwise, a row that somebody else has is an error at once; where they spill they are appended beside it, so
# that every PREPARE succeeds and nobody's row is held until COMMIT PREPARED. The parent's row itself may be found in
# several ways: directly, by a statement, in a partition, by a key of two columns or of another type.
use strict;
use warnings;

use IPC::Run ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('prepared');
$node->init;
# Nobody may wait at PREPARE: whoever did would be told of it here, and the test would end instead of hanging.
$node->append_conf('postgresql.conf', <<'CONF');
max_prepared_transactions = 40
max_worker_processes = 20
lock_timeout = '10s'
CONF
$node->start;

my $busy = <<'TEXT';
ERROR:  40001: a row of "runs" that has to be counted for is locked by another transaction
DETAIL:  A transaction that is about to be prepared does not wait: no deadlock detector knows of what prepared transactions hold.
HINT:  Try the transaction again, or declare the tally with contention => 'spill'.
TEXT

sub make_database
{
    my ($database, $contention) = @_;
    $node->safe_psql('postgres', "CREATE DATABASE $database");
    $node->safe_psql($database, <<"SQL");
CREATE EXTENSION ratchet;
CREATE TABLE runs (id int PRIMARY KEY, total int, n int NOT NULL DEFAULT 0, done boolean NOT NULL DEFAULT false);
CREATE TABLE results (run_id int REFERENCES runs);
CREATE TABLE calls (run_id int);
CREATE FUNCTION note_call(run int) RETURNS void LANGUAGE sql AS 'INSERT INTO public.calls VALUES (run)';
SELECT ratchet.tally('results', 'runs', '{"n": "true"}', total => 'total', done => 'done', on_done => 'note_call(int)',
    contention => '$contention');
INSERT INTO runs VALUES (1, 3), (2, 3);
SQL
    return;
}

# Names of prepared transactions are the server's, not the database's.
sub gid { my ($database, $gid) = @_; return "$gid in $database"; }

# Runs a script in a session of its own; answers what went wrong.
sub attempt
{
    my ($database, $script) = @_;
    my ($status, $stdout, $stderr) =
      $node->psql($database, "\\set VERBOSITY verbose\n\\set SHOW_CONTEXT never\n$script", on_error_stop => 0);
    $stderr =~ s/^psql:<stdin>:\d+: //mg;
    # Where in ratchet, and for which table, which psql tells too.
    $stderr =~ s/^(LOCATION|SCHEMA NAME|TABLE NAME):.*(\n|\z)//mg;
    return $stderr eq '' || $stderr =~ /\n\z/ ? $stderr : "$stderr\n";
}

# Prepares a transaction that has added a result to the runs in this order.
sub prepare
{
    my ($database, $gid, @runs) = @_;
    @runs = (1) if !@runs;
    my $inserts = join '', map { "INSERT INTO results VALUES ($_);\n" } @runs;
    return attempt($database, "BEGIN;\n${inserts}PREPARE TRANSACTION '" . gid($database, $gid) . "';\n");
}

sub finish
{
    my ($database, $how, $gid) = @_;
    $node->safe_psql($database, "$how PREPARED '" . gid($database, $gid) . "'");
    return;
}

sub run_of
{
    my ($database, $run) = @_;
    $run //= 1;
    return $node->safe_psql($database, "SELECT n, done FROM runs WHERE id = $run");
}

# What the counter and what lies spilled for it are together; fails where that is not what is counted again.
sub exact_of
{
    my ($database, $run) = @_;
    $run //= 1;
    my ($exact, $counted) = split /\|/, $node->safe_psql($database,
        "SELECT n, (SELECT count(*) FROM results r WHERE r.run_id = e.id) FROM runs_exact e WHERE id = $run");
    return $exact == $counted ? $exact : "$exact, counted again $counted";
}

sub prepared { return $node->safe_psql('postgres', 'SELECT count(*) FROM pg_prepared_xacts'); }

# The worker that folds does so by itself.
sub is_folded
{
    my ($database, $run, $expected, $name) = @_;
    ok($node->poll_query_until($database, "SELECT n || '|' || done::text FROM runs WHERE id = $run", $expected)
          && $node->safe_psql($database, 'SELECT count(*) FROM runs_spilled') eq '0', $name);
    return;
}

# -- contention => 'wait' ----------------------------------------------------------------------------------------------

make_database($_, 'wait') foreach 'a', 'b';

is(prepare('a', 'first'), '', 'wait: a transaction that has counted is prepared');
is(run_of('a'), '0|f', 'nobody sees its counts yet');
is(prepare('a', 'second'), $busy, 'the next one that counts for the run fails at PREPARE TRANSACTION, at once');
is(prepare('a', 'second', 2, 1), $busy, 'also where it counts for another one too');
is(prepared(), '1', 'so only the first one is left');
is(prepare('a', 'other', 2), '', 'of the other run nothing is held');
finish('a', 'ROLLBACK', 'other');
$node->restart;
is(prepare('a', 'second'), $busy, 'it holds the run after a restart too');
finish('a', 'COMMIT', 'first');
is(run_of('a'), '1|f', 'COMMIT PREPARED publishes the counts');
is(prepare('a', 'second'), '', 'and frees the run');
finish('a', 'ROLLBACK', 'second');
is(run_of('a'), '1|f', 'ROLLBACK PREPARED drops the counts');

# Who only commits waits, as ever: for an open transaction that holds the row, and PREPARE does not even for that one.
my $holder = $node->background_psql('a', on_error_stop => 1);
$holder->query_safe('BEGIN; SELECT * FROM runs WHERE id = 1 FOR NO KEY UPDATE');
is(prepare('a', 'third'), $busy, 'nor does it wait for a transaction that is open');
my ($stdout, $stderr) = ('', '');
my $waiter = IPC::Run::start([ 'psql', '-XAtq', '-d', $node->connstr('a'), '-c', 'INSERT INTO results VALUES (1)' ],
    '<', \undef, '>', \$stdout, '2>', \$stderr, IPC::Run::timeout(180));
ok($node->poll_query_until('a', q{SELECT count(*) = 1 FROM pg_locks WHERE NOT granted}), 'COMMIT does');
$holder->query_safe('COMMIT');
$holder->quit;
$waiter->finish;
is($stderr . run_of('a'), '2|f', 'and gets it');

# A key that is only referenced is nobody's.
$holder = $node->background_psql('a', on_error_stop => 1);
$holder->query_safe('BEGIN; SELECT * FROM runs WHERE id = 1 FOR KEY SHARE');
is(prepare('a', 'third'), '', 'what a foreign key takes is in nobody\'s way');
finish('a', 'ROLLBACK', 'third');
$holder->query_safe('COMMIT');
$holder->quit;

# Each of two global transactions has prepared in one database and goes on in the other one, where it finds the other's run
# held by a transaction that no backend runs. Neither server has a circle to detect; nobody waits in one.
is(prepare('a', 'one'), '', 'one: prepared in a');
is(prepare('b', 'two'), '', 'two: prepared in b');
is(prepare('b', 'one'), $busy, 'one: in b it is told at once');
is(prepare('a', 'two'), $busy, 'two: in a it is told at once');
finish('a', 'ROLLBACK', 'one');
finish('b', 'ROLLBACK', 'two');
is(run_of('a'), '2|f', 'a: both rolled back, nothing is counted');
is(run_of('b'), '0|f', 'b: both rolled back, nothing is counted');
foreach my $gid ('one', 'two')
{
    is(prepare($_, $gid), '', "again, one after the other: $gid is prepared in $_") foreach 'a', 'b';
    finish($_, 'COMMIT', $gid) foreach 'a', 'b';
}
is(run_of('a'), '4|t', 'a: exact, and complete');
is(run_of('b'), '2|f', 'b: exact');
is($node->safe_psql('a', 'SELECT count(*) FROM calls'), '1', 'a: completed once');

# -- contention => 'spill' ---------------------------------------------------------------------------------------------

make_database($_, 'spill') foreach 'c', 'd';

# Of somebody who has the table of spilled counts it is told as well, and does not wait.
$node->safe_psql('c', "BEGIN; LOCK TABLE runs_spilled IN SHARE MODE; PREPARE TRANSACTION '" . gid('c', 'ddl') . "'");
is(prepare('c', 'told'), $busy =~ s/a row of "runs" that has to be counted for/table "runs_spilled"/r =~ s/, or declare .*'spill'//r,
    'spill: nobody waits for the table where counts are appended');
finish('c', 'ROLLBACK', 'ddl');

is(prepare('c', $_), '', "spill: $_ is prepared") foreach 'first', 'second', 'third';
is(prepared(), '3', 'all three are');
is(run_of('c') . ' ' . exact_of('c'), '0|f 0', 'nobody sees their counts yet');
is(attempt('c', 'INSERT INTO results VALUES (1)'), '', 'who only commits is not held up either');
is(exact_of('c'), '1', 'and is counted');
finish('c', 'ROLLBACK', 'second');
is(exact_of('c'), '1', 'ROLLBACK PREPARED drops the counts');
$node->restart;
is(exact_of('c'), '1', 'after a restart too');
$node->safe_psql('c', "SELECT ratchet.progress('runs', 1)");
finish('c', 'COMMIT', 'first');
is(exact_of('c'), '2', 'COMMIT PREPARED publishes the counts');
is_folded('c', 1, '2|false', 'which the worker adds to the run: it has come with the first session that looked at it');
is(prepare('c', 'fourth'), '', 'PREPARE TRANSACTION goes on to succeed');
finish('c', 'COMMIT', $_) foreach 'third', 'fourth';
is(exact_of('c'), '4', 'as it does those of the others');
is_folded('c', 1, '4|true', 'and completes it');
is($node->safe_psql('c', 'SELECT count(*) FROM calls'), '1', 'once');

is(prepare('c', 'one'), '', 'one: prepared in c');
is(prepare('d', 'two'), '', 'two: prepared in d');
is(prepare('d', 'one'), '', 'one: prepared in d, which two does not hold');
is(prepare('c', 'two'), '', 'two: prepared in c, which one does not hold');
finish($_, 'COMMIT', 'one') foreach 'c', 'd';
finish($_, 'ROLLBACK', 'two') foreach 'c', 'd';
is(exact_of('c'), '5', 'c: exact');
is(exact_of('d'), '1', 'd: exact');
is_folded('c', 1, '5|true', 'c: folded');
is_folded('d', 1, '1|false', 'd: folded');

# Both runs, in either order, twice over.
is(prepare('d', 'there', 1, 2), '', 'two runs are counted in one transaction');
is(prepare('d', 'back', 2, 1), '', 'and in another one, in the other order');
finish('d', 'COMMIT', $_) foreach 'there', 'back';
is(exact_of('d', 1) . ' ' . exact_of('d', 2), '3 2', 'both are exact');
is_folded('d', 1, '3|true', 'the one is complete');
is_folded('d', 2, '2|false', 'the other one is not');

# -- how a transaction comes to its PREPARE ----------------------------------------------------------------------------

# The run is held by a transaction that is open, so that whoever does not know that he is about to prepare would wait.
sub check_ways
{
    my ($database, $answer, $contention) = @_;
    my %ways = (
        'in a string of several statements' =>
          "BEGIN\\; INSERT INTO results VALUES (2)\\; PREPARE TRANSACTION 'way';",
        'in a string that begins the transaction with it' =>
          "INSERT INTO results VALUES (2)\\; BEGIN\\; PREPARE TRANSACTION 'way';",
        'by a released savepoint' =>
          "BEGIN; SAVEPOINT s; INSERT INTO results VALUES (2); RELEASE s; PREPARE TRANSACTION 'way';",
        'beside a savepoint that is still there' =>
          "BEGIN; SAVEPOINT s; INSERT INTO results VALUES (2); PREPARE TRANSACTION 'way';",
        'beside one that was rolled back' =>
          "BEGIN; INSERT INTO results VALUES (2); SAVEPOINT s; INSERT INTO results VALUES (2); ROLLBACK TO s;\n"
          . "PREPARE TRANSACTION 'way';",
        'by rows that come back after they were counted and rolled back' =>
          "BEGIN; SAVEPOINT s; INSERT INTO results VALUES (1); SET CONSTRAINTS ALL IMMEDIATE; ROLLBACK TO s;\n"
          . "SET CONSTRAINTS ALL DEFERRED; INSERT INTO results VALUES (2); PREPARE TRANSACTION 'way';",
    );
    my $blocker = $node->background_psql($database, on_error_stop => 1);
    $blocker->query_safe('BEGIN; SELECT * FROM runs WHERE id = 2 FOR NO KEY UPDATE');
    my $before = $node->safe_psql($database, 'SELECT count(*) FROM results WHERE run_id = 2');
    foreach my $way (sort keys %ways)
    {
        is(attempt($database, $ways{$way}), $answer, "$contention: $way");
        is(prepared(), $answer eq '' ? '1' : '0', "$contention: $way: is prepared or not");
        next if $answer ne '';
        $node->safe_psql($database, "COMMIT PREPARED 'way'");
        ++$before;
        is($node->safe_psql($database, 'SELECT n FROM runs_exact WHERE id = 2'), $before,
            "$contention: $way: is counted once");
    }
    # In the extended protocol, where the command is a portal's.
    my $script = PostgreSQL::Test::Utils::tempdir() . "/way.sql";
    append_to_file($script, "BEGIN;\nINSERT INTO results VALUES (2);\nPREPARE TRANSACTION 'way';\n");
    my ($out, $err) = ('', '');
    IPC::Run::run([ 'pgbench', '-n', '-t', 1, '--verbose-errors', '-M', 'extended', '-f', $script, '-d', $node->connstr($database) ],
        '<', \undef, '>', \$out, '2>', \$err);
    my $is_told = $err =~ /a row of "runs" that has to be counted for is locked by another transaction/;
    ok($answer eq '' ? prepared() eq '1' : $is_told && prepared() eq '0', "$contention: in the extended protocol") or diag $err;
    if ($answer eq '')
    {
        $node->safe_psql($database, "COMMIT PREPARED 'way'");
        ++$before;
    }
    # The command that fails for itself leaves nothing behind: the next transaction of the session is as any other.
    my $after = $contention eq 'wait' ? 'ERROR:  55P03: canceling statement due to lock timeout\n' : '';
    like(attempt($database, "BEGIN; INSERT INTO results VALUES (1); PREPARE TRANSACTION '" . 'x' x 300 . "';\n"
          . "SET lock_timeout = '100ms'; INSERT INTO results VALUES (2);"),
 qr/\AERROR:  22023: transaction identifier "x+" is too long\n$after\z/,
        "$contention: PREPARE that fails is forgotten");
    $blocker->query_safe('COMMIT');
    $blocker->quit;
    return;
}

check_ways('b', $busy, 'wait');
check_ways('d', '', 'spill');

# -- parents of other kinds --------------------------------------------------------------------------------------------

my %parents = (
    'with a trigger of the user' => {
        make => <<'SQL', key => 'id int', refer => 'id', values => ['7'], },
CREATE TABLE parent (id int PRIMARY KEY, total int, n int NOT NULL DEFAULT 0, done boolean);
CREATE FUNCTION look() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER look BEFORE UPDATE ON parent FOR EACH ROW EXECUTE FUNCTION look();
SQL
    'that is partitioned' => {
        make => <<'SQL', key => 'id int', refer => 'id', values => ['7'], },
CREATE TABLE parent (id int PRIMARY KEY, total int, n int NOT NULL DEFAULT 0, done boolean) PARTITION BY RANGE (id);
CREATE TABLE parent_low PARTITION OF parent FOR VALUES FROM (0) TO (5);
CREATE TABLE parent_high PARTITION OF parent FOR VALUES FROM (5) TO (10);
SQL
    'with a key of two columns' => {
        make => <<'SQL', key => 'tenant text, id bigint', refer => 'tenant, id', values => [q('it''s'), '7'], },
CREATE TABLE parent (id bigint, tenant text, total int, n int NOT NULL DEFAULT 0, done boolean, PRIMARY KEY (tenant, id));
SQL
    'with a key of text' => {
        make => <<'SQL', key => 'id text', refer => 'id', values => [q('a key so long that no image of it is kept anywhere')], },
CREATE TABLE parent (id text PRIMARY KEY, total int, n int NOT NULL DEFAULT 0, done boolean);
SQL
    'with a numeric key, written otherwise' => {
        make => <<'SQL', key => 'id numeric', refer => 'id', values => ['7.0'], stored => ['7.000'], },
CREATE TABLE parent (id numeric PRIMARY KEY, total int, n int NOT NULL DEFAULT 0, done boolean);
SQL
);
my $number = 0;
foreach my $kind (sort keys %parents)
{
    my %parent = %{ $parents{$kind} };
    my $values = join ', ', @{ $parent{values} };
    my $stored = join ', ', @{ $parent{stored} // $parent{values} };
    foreach my $contention ('wait', 'spill')
    {
        my $database = 'kind' . ++$number;
        my $name = "a parent $kind, $contention";
        $node->safe_psql('postgres', "CREATE DATABASE $database");
        $node->safe_psql($database, <<"SQL");
CREATE EXTENSION ratchet;
$parent{make}
CREATE TABLE child ($parent{key}, FOREIGN KEY ($parent{refer}) REFERENCES parent);
SELECT ratchet.tally('child', 'parent', '{"n": "true"}', total => 'total', done => 'done', contention => '$contention');
INSERT INTO parent ($parent{refer}, total) VALUES ($stored, 2);
SQL
        my $insert = "INSERT INTO child ($parent{refer}) VALUES ($values)";
        # The library comes with the first counted row of the session, in the very transaction.
        is(attempt($database, "BEGIN; $insert; PREPARE TRANSACTION 'one'"), '', "$name: prepared");
        my $second = attempt($database, "BEGIN; $insert; PREPARE TRANSACTION 'two'");
        is($second, $contention eq 'wait' ? $busy =~ s/"runs"/"parent"/r : '', "$name: and another one");
        $node->safe_psql($database, "COMMIT PREPARED 'one'");
        if ($contention eq 'wait')
        {
            is($node->safe_psql($database, 'SELECT n, done FROM parent'), '1|f', "$name: counted");
            is(attempt($database, "BEGIN; $insert; PREPARE TRANSACTION 'two'"), '', "$name: and then the other one");
        }
        $node->safe_psql($database, "COMMIT PREPARED 'two'");
        ok($node->poll_query_until($database, "SELECT n || '|' || done::text FROM parent", '2|true'),
            "$name: both, and complete");
        is($node->safe_psql($database, 'SELECT count(*) FROM parent_spilled'), '0', "$name: nothing is left")
          if $contention eq 'spill';
    }
}

my @bad = grep { /deadlock detected|PANIC: |TRAP: |was terminated by signal/ } split /\n/, slurp_file($node->logfile);
is(join("\n", @bad), '', 'no deadlock, and nothing has crashed');

$node->stop;
done_testing();
