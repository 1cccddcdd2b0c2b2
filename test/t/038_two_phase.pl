# Transactions over two databases that are prepared in both at once, the short form of `make stress`: nobody waits for a row
# at PREPARE TRANSACTION, and whatever becomes of clients the counters are exact, and each run is completed once.
use strict;
use warnings;

use FindBin ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use lib "$FindBin::Bin/lib";

use StressLoad;

my $node = PostgreSQL::Test::Cluster->new('two_phase');
$node->init;
$node->append_conf('postgresql.conf', <<'CONF');
max_connections = 100
max_prepared_transactions = 100
log_statement = none
log_min_messages = fatal
CONF
$node->start;
$ENV{PGHOST} = $node->host;
$ENV{PGPORT} = $node->port;

run_load(12, 'two_phase', '--seconds', 4, '--contention', $_) foreach 'wait', 'spill';

$node->stop;
done_testing();
