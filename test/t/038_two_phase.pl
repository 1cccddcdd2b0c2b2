# Transactions over two databases that are prepared in both at once, the short form of `make stress`: nobody waits for a row
# at PREPARE TRANSACTION, and whatever becomes of clients the counters are exact, and each run is completed once.
use strict;
use warnings;

use FindBin ();
use Test::More;
use lib "$FindBin::Bin/lib";

use StressLoad;

my $node = start_load_server('two_phase');

run_load(12, 'two_phase', '--seconds', 4, '--contention', $_) foreach 'wait', 'spill';

$node->stop;
done_testing();
