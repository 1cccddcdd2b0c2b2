# The short form of `make stress`: what clients have done under load is what ratchet.stat says, exactly. And what
# pg_regress tests of contracts is the same where everything is counted.
use strict;
use warnings;

use FindBin ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use lib "$FindBin::Bin/lib";

use StressLoad;

my $node = PostgreSQL::Test::Cluster->new('statistics_load');
$node->init;
$node->append_conf('postgresql.conf', <<'CONF');
shared_preload_libraries = 'ratchet'
max_connections = 100
max_prepared_transactions = 10
log_statement = none
CONF
$node->start;
$ENV{PGHOST} = $node->host;
$ENV{PGPORT} = $node->port;

run_load(6, 'activity', '--seconds', 4);

my $all = q{SELECT * FROM ratchet.stat ORDER BY relation::text, kind};
my $before = $node->safe_psql('activity', $all);
$node->restart;
is($node->safe_psql('activity', $all), $before, 'all of it is there after a restart');

my $output = $PostgreSQL::Test::Utils::tmp_check . '/regress';
mkdir $output;
my ($out, $err);
my $passed = IPC::Run::run(
    [
        $ENV{PG_REGRESS}, '--load-extension=ratchet', "--host=$ENV{PGHOST}", "--port=$ENV{PGPORT}", '--inputdir=.', "--outputdir=$output",
        '--dbname=regress', 'test_setup', 'guard', 'submit', 'advance', 'tally', 'completion', 'policies', 'spill', 'rolled_back'
    ],
    '<', \undef, '>', \$out, '2>', \$err);
ok($passed, 'pg_regress passes') or diag $out, $err;

$node->stop;
done_testing();
