# No slot is free for the background worker that adds spilled counts: whoever spills commits all the same, health() tells,
# the next writer adds them, and once a slot is free there is a worker again.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('no_worker_slot');
$node->init;
# One slot, and nobody else who wants it.
$node->append_conf('postgresql.conf', <<'CONF');
max_worker_processes = 1
max_logical_replication_workers = 0
max_parallel_workers = 0
max_prepared_transactions = 10
CONF
$node->start;

my $workers = q{SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'ratchet fold'};
my $state = 'SELECT n, (SELECT count(*) FROM run_spilled) FROM run';
my $findings = q{SELECT count(*) FROM ratchet.health() WHERE finding LIKE '%there is no background worker'};

for my $database ('busy', 'late')
{
    $node->safe_psql('postgres', "CREATE DATABASE $database");
    $node->safe_psql(
        $database, q{
        CREATE EXTENSION ratchet;
        CREATE TABLE run (id int PRIMARY KEY, n int NOT NULL DEFAULT 0);
        CREATE TABLE result (run int REFERENCES run);
        SELECT ratchet.tally('result', 'run', '{"n": "true"}', contention => 'spill');
        INSERT INTO run VALUES (1)});
}

# A result that spills, because a prepared transaction has the row.
sub spill
{
    my ($database) = @_;
    $node->safe_psql(
        $database, qq{
        BEGIN;
        SELECT FROM run FOR NO KEY UPDATE;
        PREPARE TRANSACTION 'holder of $database'});
    $node->safe_psql($database, 'INSERT INTO result VALUES (1)');
}

sub let_go { my ($database) = @_; $node->safe_psql($database, "COMMIT PREPARED 'holder of $database'") }

# The worker of one database has the slot, and stays as long as somebody has the row.
spill('busy');
ok($node->poll_query_until('postgres', $workers, '1'), 'the worker of one database has the only slot');

spill('late');
let_go('late');
is($node->safe_psql('late', $state), '0|1', 'in another database counts lie spilled');
is($node->safe_psql('late', $findings), '1', 'health() says that there is no worker for them');
$node->safe_psql('late', 'INSERT INTO result VALUES (1)');
is($node->safe_psql('late', $state), '2|0', 'the next writer adds them');
is($node->safe_psql('late', $findings), '0', 'health() has nothing to say');

let_go('busy');
ok($node->poll_query_until('busy', $state, '1|0'), 'the worker adds what lay spilled in its database');
ok($node->poll_query_until('postgres', $workers, '0'), 'and goes');
# Above READ COMMITTED every count spills. One may come before the server knows that the slot is free.
my $spills = 'BEGIN ISOLATION LEVEL REPEATABLE READ; INSERT INTO result VALUES (1); COMMIT';
ok($node->poll_query_until('late', "$spills; $workers", "BEGIN\nINSERT 0 1\nCOMMIT\n1"), 'there is a worker again');
ok( $node->poll_query_until(
        'late', 'SELECT n = (SELECT count(*) FROM result) AND NOT EXISTS (SELECT FROM run_spilled) FROM run'),
    'which adds what lies there');
is($node->safe_psql($_, 'SELECT count(*) FROM ratchet.verify()'), '0', "$_: no drift") for 'busy', 'late';

$node->stop;
done_testing();
