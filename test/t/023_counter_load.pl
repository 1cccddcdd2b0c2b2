# Counters under load, the short form of `make stress`: sixteen writers on one run and on a hundred, cancelled and
# terminated at random, and a control that shows what the same load finds where counts are kept by hand. All of it with
# counts that wait and with counts that spill.
use strict;
use warnings;

use FindBin ();
use Test::More;
use lib "$FindBin::Bin/lib";

use StressLoad;

my $node = start_load_server('counter_load');

run_load(1, 'counter_load', '--seconds', 5, '--control', '--contention', 'wait', '--runs', 10);
run_load(16, 'counter_load', '--seconds', 5, '--contention', 'wait', '--runs', $_) foreach 1, 100;
run_load(16, 'counter_load', '--seconds', 5, '--contention', 'spill', '--runs', $_) foreach 1, 100;
run_load(13, 'counter_load', '--seconds', 5, '--contention', 'spill', '--runs', 3, '--direct');

$node->stop;
done_testing();
