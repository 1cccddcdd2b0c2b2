# What docs/operations.md says of prepared transactions: PREPARE TRANSACTION writes the counts and holds the parents until COMMIT
# PREPARED, so transactions over two databases that prepare in different orders wait for each other where no server looks for
# deadlocks. One order, or lock_timeout, is the way out.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('prepared');
$node->init;
$node->append_conf('postgresql.conf', 'max_prepared_transactions = 10');
$node->start;

my @databases = ('a', 'b');
foreach my $database (@databases)
{
    $node->safe_psql('postgres', "CREATE DATABASE $database");
    $node->safe_psql($database, <<'SQL');
CREATE EXTENSION ratchet;
CREATE TABLE runs (id int PRIMARY KEY, total int, n int, done boolean);
CREATE TABLE results (run_id int REFERENCES runs);
SELECT ratchet.tally('results', 'runs', '{"n": "true"}', total => 'total', done => 'done');
INSERT INTO runs VALUES (1, 3);
SQL
}

# Prepares a transaction that has added a result; answers what went wrong. Names of prepared transactions are the server's, not
# the database's.
sub prepare
{
    my ($database, $gid) = @_;
    my ($status, $stdout, $stderr) = $node->psql($database, <<"SQL", on_error_stop => 0);
\\set VERBOSITY sqlstate
SET lock_timeout = '100ms';
BEGIN;
INSERT INTO results VALUES (1);
PREPARE TRANSACTION '$gid in $database';
SQL
    $stderr =~ s/^psql:<stdin>:\d+: //;
    return $stderr;
}

sub finish
{
    my ($database, $how, $gid) = @_;
    $node->safe_psql($database, "$how PREPARED '$gid in $database'");
    return;
}

sub run_of
{
    my ($database) = @_;
    return $node->safe_psql($database, 'SELECT n, done FROM runs');
}

# -- counts of a prepared transaction ----------------------------------------------------------------------------------

is(prepare('a', 'first'), '', 'a transaction that has counted is prepared');
is(run_of('a'), '0|f', 'nobody sees its counts yet');
is(prepare('a', 'second'), 'ERROR:  55P03', 'the next one that counts for the run waits inside PREPARE TRANSACTION, and is not prepared');
is($node->safe_psql('postgres', 'SELECT count(*) FROM pg_prepared_xacts'), '1', 'so only the first one is left');
$node->restart;
is(prepare('a', 'second'), 'ERROR:  55P03', 'it holds the run after a restart too');
finish('a', 'COMMIT', 'first');
is(run_of('a'), '1|f', 'COMMIT PREPARED publishes the counts');
is(prepare('a', 'second'), '', 'and frees the run');
finish('a', 'ROLLBACK', 'second');
is(run_of('a'), '1|f', 'ROLLBACK PREPARED drops the counts');

# -- two databases -----------------------------------------------------------------------------------------------------

# Each of two global transactions has prepared in one database and goes on in the other one. There it finds the other's run
# held by a transaction that no backend runs: neither server has a circle to detect. Only lock_timeout ends it.
is(prepare('a', 'one'), '', 'one: prepared in a');
is(prepare('b', 'two'), '', 'two: prepared in b');
is(prepare('b', 'one'), 'ERROR:  55P03', 'one: in b it waits for two, until lock_timeout');
is(prepare('a', 'two'), 'ERROR:  55P03', 'two: in a it waits for one, until lock_timeout');
finish('a', 'ROLLBACK', 'one');
finish('b', 'ROLLBACK', 'two');
is(run_of($_), $_ eq 'a' ? '1|f' : '0|f', "$_: both rolled back, nothing is counted") foreach @databases;

# In one order the second one has nothing yet that the first one could wait for.
is(prepare('a', 'one'), '', 'in one order: one is prepared in a');
is(prepare('a', 'two'), 'ERROR:  55P03', 'two waits in a, and holds nothing in b');
is(prepare('b', 'one'), '', 'one is prepared in b');
finish($_, 'COMMIT', 'one') foreach @databases;
is(prepare($_, 'two'), '', "two is prepared in $_") foreach @databases;
finish($_, 'COMMIT', 'two') foreach @databases;
is(run_of('a'), '3|t', 'a: exact, and complete');
is(run_of('b'), '2|f', 'b: exact');

done_testing();
