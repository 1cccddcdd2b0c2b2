# Counters over a promotion: a standby is promoted in the middle of a load of sixteen writers, who go on there. On the
# primary, on the standby, and on what it has become, the counters and what lies spilled for them are what is counted
# again, and each completion is called for once. `make stress` does the same with RATCHET_PROMOTIONS=20.
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

my $promotions = $ENV{RATCHET_PROMOTIONS} // 1;

my $primary = PostgreSQL::Test::Cluster->new('counter_promotion_0');
$primary->init(allows_streaming => 1);
# No look at a standby shall be cancelled.
configure_for_load($primary, 'max_standby_streaming_delay = -1', 'log_min_messages = error');
$primary->start;
$ENV{PGHOST} = $primary->host;
$ENV{PGPORT} = $primary->port;

my $made = 0;
sub standby_of
{
    my ($node) = @_;
    ++$made;
    $node->backup("for $made");
    my $standby = PostgreSQL::Test::Cluster->new("counter_promotion_$made");
    $standby->init_from_backup($node, "for $made", has_streaming => 1);
    $standby->start;
    return $standby;
}

my @logs = ($primary->logfile);
sub promotion_load
{
    my ($contention) = @_;
    my ($in, $out, $err) = ('', '', '');
    my $load = IPC::Run::start([ 'test/stress/counter_load', '--runs', 5, '--promotions', $promotions,
            '--contention', $contention ],
        '<', \$in, '>', \$out, '2>', \$err, IPC::Run::timeout(180 + 30 * $promotions));

    my $read = 0;
    my $next_line = sub {
        $load->pump while index($out, "\n", $read) < 0 && $load->pumpable;
        my $end = index($out, "\n", $read);
        return undef if $end < 0;
        my $line = substr($out, $read, $end - $read);
        $read = $end + 1;
        return $line;
    };
    my $tell = sub {
        my ($what, $node) = @_;
        $in .= "$what " . $node->port . "\n";
        $load->pump_nb;
    };

    my ($standby, $promoted) = (undef, 0);
    while (defined(my $line = $next_line->()))
    {
        if ($line eq 'ready')
        {
            $standby = standby_of($primary);
            push @logs, $standby->logfile;
            $tell->('standby', $standby);
        }
        elsif ($line =~ /^promote (\d+) in (\d+) ms$/)
        {
            # When in the load it comes is left to chance on purpose. Every other time the old primary does not know yet.
            Time::HiRes::usleep(1000 * $2);
            $primary->stop('immediate') if $1 % 2 == 1;
            $standby->promote;
            $primary->stop('immediate') if $1 % 2 == 0;
            $primary->clean_node;
            $primary = $standby;
            $promoted++;
            $tell->('primary', $primary);
        }
        elsif ($line =~ /^(not )?ok - (.*)/) { ok(!$1, $2); }
        else { note $line; }
    }
    $load->finish;
    is($load->result(0), 0, "$contention: the load has come to its end") or diag $err;
    is($promoted, $promotions, "$contention: a standby was promoted $promotions times");
    return;
}

foreach my $contention (split / /, $ENV{RATCHET_CONTENTION} // 'spill')
{
    promotion_load($contention);
    $ENV{PGPORT} = $primary->port;
}

foreach my $log (@logs)
{
    my @bad = grep { /deadlock detected|PANIC: |TRAP: |was terminated by signal/ } split /\n/, slurp_file($log);
    is(join("\n", @bad), '', 'no deadlock, and nothing has crashed');
}

$primary->stop;
done_testing();
