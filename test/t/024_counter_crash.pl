# Counters after a crash: the server is shut down immediately in the middle of a load of sixteen writers. After recovery
# nothing has drifted, every completion was called once, and the writers find what they were told was committed. Where
# counts spill, the worker that folds them is also killed now and then, upon which the server starts again by itself.
# `make stress` does the same with RATCHET_CRASHES=50. RATCHET_CONTENTION=spill: only those.
use strict;
use warnings;

use FindBin ();
use IPC::Run ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes ();
use lib "$FindBin::Bin/lib";

use StressLoad;

my $crashes = $ENV{RATCHET_CRASHES} // 3;

my $node = start_load_server('counter_crash', 'log_min_messages = error', 'restart_after_crash = on');

# One load with the counts of this contention, and so many crashes in the middle of it. A trigger of the user's notes what
# is completed; without it, directly, runs are written without the executor.
sub crash_load
{
    my ($contention, @arguments) = @_;
    my ($out, $err) = ('', '');
    my @command = ('test/stress/counter_load', '--runs', 10, '--crashes', $crashes, '--contention', $contention, @arguments);
    my $load = IPC::Run::start(\@command, '<', \undef, '>', \$out, '2>', \$err, IPC::Run::timeout(120 + 20 * $crashes));

    # The next line that the load prints; undef when it has ended.
    my $read = 0;
    my $next_line = sub {
        $load->pump while index($out, "\n", $read) < 0 && $load->pumpable;
        my $end = index($out, "\n", $read);
        return undef if $end < 0;
        my $line = substr($out, $read, $end - $read);
        $read = $end + 1;
        return $line;
    };

    my $crashed = 0;
    while (defined(my $line = $next_line->()))
    {
        if ($line =~ /^crash \d+ in (\d+) ms$/)
        {
            # When in the load it comes is left to chance on purpose.
            Time::HiRes::usleep(1000 * $1);
            $node->stop('immediate');
            $node->start;
            $crashed++;
        }
        elsif ($line =~ /^crash \d+ by the worker$/) { $crashed++; }
        elsif ($line =~ /^(not )?ok - (.*)/) { ok(!$1, $2); }
        else { note $line; }
    }
    $load->finish;
    is($load->result(0), 0, "$contention: the load has come to its end") or diag $err;
    is($crashed, $crashes, "$contention: the server has crashed $crashes times");
    return;
}

foreach my $contention (split / /, $ENV{RATCHET_CONTENTION} // 'wait spill')
{
    crash_load($contention);
    crash_load($contention, '--direct') if $contention eq 'spill';
}

my @bad = grep { /deadlock detected|PANIC: |TRAP: |was terminated by signal/ } split /\n/, slurp_file($node->logfile);
@bad = grep { !/background worker "ratchet fold" \(PID \d+\) was terminated by signal 9/ } @bad;
is(join("\n", @bad), '', 'no deadlock, and no crash but these');

$node->stop;
done_testing();
