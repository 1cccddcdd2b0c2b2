# Jobs that are claimed, lost, taken away and finished, the short form of `make stress`: sixteen workers and three
# sweepers on two hundred jobs, and a control that shows what the same load does to them in plain SQL.
use strict;
use warnings;

use FindBin ();
use Test::More;
use lib "$FindBin::Bin/lib";

use StressLoad;

my $node = start_load_server('claims', 'log_min_messages = warning');

run_load(9, 'claims', '--seconds', 3, '--log', $node->logfile, '--plain');
run_load(17, 'claims', '--seconds', 3, '--log', $node->logfile);

$node->stop;
done_testing();
