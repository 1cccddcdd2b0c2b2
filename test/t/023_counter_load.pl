# Counters under load, the short form of `make stress`: sixteen writers on one run and on a hundred, cancelled and
# terminated at random, and a control that shows what the same load finds where counts are kept by hand. All of it with
# counts that wait and with counts that spill.
use strict;
use warnings;

use FindBin ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use lib "$FindBin::Bin/lib";

use StressLoad;

my $node = PostgreSQL::Test::Cluster->new('counter_load');
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

run_load(1, 'counter_load', '--seconds', 5, '--control', '--contention', 'wait', '--runs', 10);
run_load(16, 'counter_load', '--seconds', 5, '--contention', 'wait', '--runs', $_) foreach 1, 100;
run_load(16, 'counter_load', '--seconds', 5, '--contention', 'spill', '--runs', $_) foreach 1, 100;
run_load(13, 'counter_load', '--seconds', 5, '--contention', 'spill', '--runs', 3, '--direct');

$node->stop;
done_testing();
