# What is thrown inside the fence becomes an SQL error: the server stays up, the session goes on, destructors have run.
# The control at the end throws without the fence and loses the session, which shows that these tests see the difference.
use strict;
use warnings;

use Cwd qw(abs_path);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $library = abs_path('test/modules/fence/ratchet_fence_test.so');
ok(-e $library, 'the test module is built') or BAIL_OUT('no ratchet_fence_test.so');

my $node = PostgreSQL::Test::Cluster->new('fence');
$node->init;
# For the control: the server comes back by itself.
$node->append_conf('postgresql.conf', 'restart_after_crash = on');
$node->start;

sub postmaster_pid
{
    my ($pid) = slurp_file($node->data_dir . '/postmaster.pid') =~ /^(\d+)/;
    return $pid;
}
my $postmaster = postmaster_pid();

my %functions = (
    fence_runtime_error => 'void',
    fence_bad_alloc => 'void',
    fence_huge_allocation => 'void',
    fence_int => 'void',
    fence_core_error => 'void',
    fence_long_message => 'void',
    fence_in_core => 'void',
    fence_ereport => 'void',
    fence_nothing => 'text',
    fence_witnesses => 'int',
    unfenced_runtime_error => 'void');
$node->safe_psql('postgres', "CREATE FUNCTION $_() RETURNS $functions{$_} LANGUAGE C AS '$library'")
  for sort keys %functions;
$node->safe_psql('postgres', "CREATE FUNCTION fence_callback(int) RETURNS int LANGUAGE C STRICT AS '$library'");

# Runs one call between two looks at the session that makes it.
sub in_one_session
{
    my ($call) = @_;
    my ($status, $out, $err) = $node->psql(
        'postgres',
        qq{\\set VERBOSITY verbose
SELECT pg_backend_pid();
SELECT $call;
SELECT pg_backend_pid();
SELECT fence_witnesses();
SELECT fence_nothing();},
        on_error_stop => 0);
    my ($before, $after, $witnesses, $nothing) = split /\n/, $out;
    return { err => $err, status => $status, before => $before, after => $after, witnesses => $witnesses, nothing => $nothing };
}

my $log_start = -s $node->logfile;

for my $case (
    [ 'fence_runtime_error()', 'XX000', qr/^thrown at the bottom, 1000 bytes owned$/, 'std::runtime_error' ],
    [ 'fence_bad_alloc()', '53200', qr/^out of memory$/, 'std::bad_alloc' ],
    [ 'fence_huge_allocation()', '(?:XX000|53200)', qr/./, 'an allocation that no machine can serve' ],
    [ 'fence_int()', 'XX000', qr/^unknown C\+\+ exception$/, 'an int' ],
    [ 'fence_core_error()', '22023', qr/^a bad argument$/, 'an error of the core lane' ],
    [ 'fence_long_message()', 'XX000', qr/^x(?:\xC3\xA4)+$/, 'a message longer than the buffer' ],
    [ 'fence_callback(-1)', 'XX000', qr/^thrown in a callback$/, 'an exception in a callback' ],
    [ 'fence_in_core()', 'XX000', qr/^thrown at the bottom, 1000 bytes owned$/, 'an exception in core code amid backend code' ],
    [ 'fence_ereport()', '22012', qr/^an error of the server$/, 'ereport(ERROR)' ])
{
    my ($call, $sqlstate, $message, $name) = @$case;
    my $seen = in_one_session($call);
    my ($state, $text) = $seen->{err} =~ /ERROR:  (\w{5}): ([^\n]*)/;
    like($state, qr/^$sqlstate$/, "$name: SQLSTATE");
    like($text, $message, "$name: message");
    is($seen->{after}, $seen->{before}, "$name: the session goes on");
    is($seen->{witnesses}, 0, "$name: destructors have run");
    is($seen->{nothing}, 'nothing thrown', "$name: fenced functions still work");
}

my $core = in_one_session('fence_core_error()');
like($core->{err}, qr/DETAIL:  What is wrong with it\.\n/, 'an error of the core lane keeps its detail');
like($core->{err}, qr/HINT:  What to do about it\.\n/, 'an error of the core lane keeps its hint');

is($node->safe_psql('postgres', 'SELECT fence_callback(7)'), 7, 'a callback that throws nothing answers');

# Inside PL/pgSQL's exception blocks, many times over.
is( $node->safe_psql(
        'postgres', q{
        CREATE FUNCTION caught() RETURNS text LANGUAGE plpgsql AS $$
        DECLARE states text[] := '{}';
        BEGIN
            FOR i IN 1..2000 LOOP
                BEGIN
                    CASE i % 3
                        WHEN 0 THEN PERFORM fence_runtime_error();
                        WHEN 1 THEN PERFORM fence_bad_alloc();
                        ELSE PERFORM fence_int();
                    END CASE;
                EXCEPTION WHEN OTHERS THEN
                    IF NOT SQLSTATE = ANY (states) THEN states := states || SQLSTATE; END IF;
                END;
            END LOOP;
            RETURN (SELECT string_agg(s, ' ' ORDER BY s) FROM unnest(states) s) || ' ' || fence_witnesses();
        END $$;
        SELECT caught()}),
    '53200 XX000 0', 'caught by exception blocks, 2000 times in one transaction');

ok(!$node->log_contains('was terminated by signal', $log_start), 'no server process died');
is(postmaster_pid(), $postmaster, 'the postmaster is the same');

# The control.
$log_start = -s $node->logfile;
my $seen = in_one_session('unfenced_runtime_error()');
isnt($seen->{status}, 0, 'without the fence the session is lost');
is($seen->{nothing}, undef, 'without the fence nothing runs after it');
# By the log: a client that the server turns away while it recovers would break the pipe that its query comes through.
$node->wait_for_log(qr/database system is ready to accept connections/, $log_start);
is($node->safe_psql('postgres', 'SELECT true'), 't', 'the server recovers');
ok($node->log_contains('was terminated by signal', $log_start), 'without the fence the server process dies');

$node->stop;
done_testing();
