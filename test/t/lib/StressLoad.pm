# test/t/lib/StressLoad.pm: a server for the programs of test/stress, and running one, whose lines "ok - ..." and
# "not ok - ..." are tests.
package StressLoad;
use strict;
use warnings;

use Exporter 'import';
use IPC::Run ();
use PostgreSQL::Test::Cluster;
use Test::More;

our @EXPORT = qw(configure_for_load start_load_server run_load);

# Room for many writers, and no log of what they provoke; unless further lines of the configuration say otherwise.
sub configure_for_load
{
    my ($node, @settings) = @_;
    $node->append_conf(
        'postgresql.conf', join "\n", 'max_connections = 100', 'max_prepared_transactions = 100', 'log_statement = none',
        'log_min_messages = fatal', @settings, '');
    return;
}

# A server to which the programs connect.
sub start_load_server
{
    my ($name, @settings) = @_;
    my $node = PostgreSQL::Test::Cluster->new($name);
    $node->init;
    configure_for_load($node, @settings);
    $node->start;
    ($ENV{PGHOST}, $ENV{PGPORT}) = ($node->host, $node->port);
    return $node;
}

# So many tests, or it has not come to its end.
sub run_load
{
    my ($tests, $program, @arguments) = @_;
    my ($out, $err) = ('', '');
    IPC::Run::run([ "test/stress/$program", @arguments ], '<', \undef, '>', \$out, '2>', \$err);
    my $status = $?;
    my $seen = 0;
    for my $line (split /\n/, $out)
    {
        if ($line =~ /^(not )?ok - (.*)/) { ok(!$1, $2); $seen++; }
        else { note $line; }
    }
    is("$status, $seen tests", "0, $tests tests", "$program @arguments has come to its end") or diag $err;
}

1;
