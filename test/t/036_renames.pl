# What contracts name is renamed, by somebody who holds no lock on their tables, beside writers and beside verify(). Nobody
# may fail, and every row is counted by what the contract means.
use strict;
use warnings;

use IPC::Run ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $transactions = $ENV{RATCHET_TRANSACTIONS} || 1000;  # of each of four writers

my $node = PostgreSQL::Test::Cluster->new('renames');
$node->init;
$node->append_conf('postgresql.conf', "log_statement = none\n");
$node->start;
$node->safe_psql(
    'postgres', q{
    CREATE EXTENSION ratchet;
    CREATE SCHEMA app;
    CREATE SEQUENCE run_ids;
    CREATE TABLE told (run int);
    CREATE TYPE app.mark AS ENUM ('right', 'wrong');
    CREATE FUNCTION app.counts(mark app.mark) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$ SELECT mark = 'right' $$;
    CREATE FUNCTION app.told(run int) RETURNS void LANGUAGE sql AS $$ INSERT INTO public.told VALUES (run) $$;
    CREATE TABLE runs (id int PRIMARY KEY, n int NOT NULL DEFAULT 0, total int, complete boolean);
    CREATE TABLE results (run int REFERENCES runs, mark app.mark);
    SELECT ratchet.tally('results', 'runs', '{"n": "app.counts(mark) AND mark = ''right''"}', total => 'total', total_of => 'n',
        done => 'complete', on_done => 'app.told(int)');});

# Each transaction has runs of its own, and completes one.
my $script = $node->basedir . '/count.sql';
append_to_file(
    $script, q{
BEGIN;
INSERT INTO runs (id, total) VALUES (nextval('run_ids'), 2);
INSERT INTO results VALUES (currval('run_ids'), 'right'), (currval('run_ids'), 'wrong'), (currval('run_ids'), 'right');
COMMIT;
});
my $verify = $node->basedir . '/verify.sql';
append_to_file($verify, "SELECT 1 / (count(*) = 0)::int FROM ratchet.verify('results');\n");

sub load
{
    my ($file, $clients, $transactions) = @_;
    my %load = (out => '', err => '');
    $load{run} = IPC::Run::start(
        [
            'pgbench', '-n', '-c', $clients, '-t', $transactions, '-f', $file, '-h', $node->host, '-p', $node->port, 'postgres'
        ],
        '<', \undef, '>', \$load{out}, '2>', \$load{err});
    return \%load;
}

my @there = (
    'ALTER FUNCTION app.counts(app.mark) RENAME TO counted', 'ALTER TYPE app.mark RENAME TO grade',
    'ALTER FUNCTION app.told(int) RENAME TO finished', 'ALTER SCHEMA app RENAME TO moved');
my @back = (
    'ALTER SCHEMA moved RENAME TO app', 'ALTER FUNCTION app.finished(int) RENAME TO told',
    'ALTER TYPE app.grade RENAME TO mark', 'ALTER FUNCTION app.counted(app.mark) RENAME TO counts');
my $renames = 0;

my $writers = load($script, 4, $transactions);
my $verifier = load($verify, 1, $transactions / 20);
while ($writers->{run}->pumpable || $verifier->{run}->pumpable)
{
    $_->{run}->pumpable && $_->{run}->pump_nb for $writers, $verifier;
    $node->safe_psql('postgres', join(";\n", (@there, @back) x 3));
    $renames += 24;
}
note("$renames renames");
for my $load ($writers, $verifier)
{
    $load->{run}->finish;
    is($load->{run}->result(0), 0, 'every transaction has gone well') or diag $load->{err};
}
is($node->safe_psql('postgres', 'SELECT count(*) > 0, count(*) = 4 * ' . $transactions . ' FROM runs'), 't|t', 'all are there');
is( $node->safe_psql('postgres', 'SELECT count(*) FROM runs WHERE n <> 2 OR complete IS NOT TRUE'),
    '0', 'every run counts its right results, and is complete');
is( $node->safe_psql('postgres', 'SELECT count(*), count(DISTINCT run) FROM told'),
    4 * $transactions . '|' . 4 * $transactions,
    'every run was told of once');
is($node->safe_psql('postgres', 'SELECT * FROM ratchet.verify()'), '', 'no drift');

$node->stop;
done_testing();
