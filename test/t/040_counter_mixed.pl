# Counters whose contract changes under load, the short form of `make stress`: counts spill and wait in turn, a counter is
# renamed, another one comes and goes, and others verify, repair and fold.
use strict;
use warnings;

use FindBin ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use lib "$FindBin::Bin/lib";

use StressLoad;

my $node = PostgreSQL::Test::Cluster->new('counter_mixed');
$node->init;
$node->append_conf('postgresql.conf', <<'CONF');
max_connections = 100
max_prepared_transactions = 20
log_statement = none
log_min_messages = fatal
CONF
$node->start;
$ENV{PGHOST} = $node->host;
$ENV{PGPORT} = $node->port;

run_load(15, 'counter_mixed', '--seconds', 5);
run_load(12, 'counter_mixed', '--seconds', 5, '--direct');

$node->stop;
done_testing();
