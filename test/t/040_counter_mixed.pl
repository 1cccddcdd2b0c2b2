# Counters whose contract changes under load, the short form of `make stress`: counts spill and wait in turn, a counter is
# renamed, another one comes and goes, and others verify, repair and fold.
use strict;
use warnings;

use FindBin ();
use Test::More;
use lib "$FindBin::Bin/lib";

use StressLoad;

my $node = start_load_server('counter_mixed');

run_load(15, 'counter_mixed', '--seconds', 5);
run_load(12, 'counter_mixed', '--seconds', 5, '--direct');

$node->stop;
done_testing();
