# Jobs that are claimed, lost, taken away and finished, the short form of `make stress`: sixteen workers and three
# sweepers on two hundred jobs, and a control that shows what the same load does to them in plain SQL.
use strict;
use warnings;

use FindBin ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use lib "$FindBin::Bin/lib";

use StressLoad;

my $node = PostgreSQL::Test::Cluster->new('claims');
$node->init;
$node->append_conf('postgresql.conf', "max_connections = 100\nlog_statement = none\n");
$node->start;
$ENV{PGHOST} = $node->host;
$ENV{PGPORT} = $node->port;

run_load(9, 'claims', '--seconds', 3, '--log', $node->logfile, '--plain');
run_load(17, 'claims', '--seconds', 3, '--log', $node->logfile);

$node->stop;
done_testing();
