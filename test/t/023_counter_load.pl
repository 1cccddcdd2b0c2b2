# Counters under load, the short form of `make stress`: sixteen writers on one run and on a hundred, cancelled and
# terminated at random, and a control that shows what the same load finds where counts are kept by hand.
use strict;
use warnings;

use IPC::Run ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

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

# Each line "ok - ..." or "not ok - ..." of it is a test.
sub load
{
    my ($tests, @arguments) = @_;
    my ($out, $err) = ('', '');
    IPC::Run::run([ 'test/stress/counter_load', '--seconds', 5, @arguments ], '<', \undef, '>', \$out, '2>', \$err);
    my $status = $?;
    my $seen = 0;
    for my $line (split /\n/, $out)
    {
        if ($line =~ /^(not )?ok - (.*)/) { ok(!$1, $2); $seen++; }
        else { note $line; }
    }
    is("$status, $seen tests", "0, $tests tests", "counter_load @arguments has come to its end") or diag $err;
}

load(1, '--control', '--runs', 10);
load(15, '--runs', 1);
load(15, '--runs', 100);

$node->stop;
done_testing();
