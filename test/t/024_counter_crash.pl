# Counters after a crash: the server is shut down immediately in the middle of a load of sixteen writers. After recovery
# nothing has drifted, every completion was called once, and the writers find what they were told was committed.
# `make stress` does the same with RATCHET_CRASHES=50.
use strict;
use warnings;

use IPC::Run ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes ();

my $crashes = $ENV{RATCHET_CRASHES} // 3;

my $node = PostgreSQL::Test::Cluster->new('counter_crash');
$node->init;
$node->append_conf('postgresql.conf', <<'CONF');
max_connections = 100
max_prepared_transactions = 20
log_statement = none
log_min_messages = error
CONF
$node->start;
$ENV{PGHOST} = $node->host;
$ENV{PGPORT} = $node->port;

my ($out, $err) = ('', '');
my $load = IPC::Run::start([ 'test/stress/counter_load', '--runs', 10, '--crashes', $crashes ],
    '<', \undef, '>', \$out, '2>', \$err, IPC::Run::timeout(120 + 20 * $crashes));

# The next line that the load prints; undef when it has ended.
my $read = 0;
sub next_line
{
    $load->pump while index($out, "\n", $read) < 0 && $load->pumpable;
    my $end = index($out, "\n", $read);
    return undef if $end < 0;
    my $line = substr($out, $read, $end - $read);
    $read = $end + 1;
    return $line;
}

my $crashed = 0;
while (defined(my $line = next_line()))
{
    if ($line =~ /^crash \d+ in (\d+) ms$/)
    {
        # When in the load it comes is left to chance on purpose.
        Time::HiRes::usleep(1000 * $1);
        $node->stop('immediate');
        $node->start;
        $crashed++;
    }
    elsif ($line =~ /^(not )?ok - (.*)/) { ok(!$1, $2); }
    else { note $line; }
}
$load->finish;
is($load->result(0), 0, 'the load has come to its end') or diag $err;
is($crashed, $crashes, "the server was shut down immediately $crashes times");
my @bad = grep { /deadlock detected|PANIC: |TRAP: |was terminated by signal/ } split /\n/, slurp_file($node->logfile);
is(join("\n", @bad), '', 'no deadlock, and no crash but these');

$node->stop;
done_testing();
