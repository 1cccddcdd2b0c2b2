# test/t/lib/StressLoad.pm: runs a program of test/stress, whose lines "ok - ..." and "not ok - ..." are tests.
package StressLoad;
use strict;
use warnings;

use Exporter 'import';
use IPC::Run ();
use Test::More;

our @EXPORT = qw(run_load);

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
