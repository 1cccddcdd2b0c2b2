# Counters after random transactions of savepoints: made, released and rolled back to in any depth, with flushes, exception blocks,
# SET CONSTRAINTS and parents that are replaced in between. After each, counters = recount.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $transactions = $ENV{RATCHET_TRANSACTIONS} || 400;
my $seed = $ENV{RATCHET_SEED} || 7;
srand($seed);
note("seed $seed, $transactions transactions");

my $node = PostgreSQL::Test::Cluster->new('savepoints');
$node->init;
$node->start;
$node->safe_psql(
    'postgres', q{
    CREATE EXTENSION ratchet;
    CREATE TABLE runs (id int PRIMARY KEY, n int);
    CREATE TABLE results (id bigserial PRIMARY KEY, run_id int REFERENCES runs ON DELETE CASCADE DEFERRABLE);
    SELECT ratchet.tally('results', 'runs', '{"n": "true"}');
    INSERT INTO runs SELECT generate_series(1, 3);
    CREATE TABLE wrong (transaction int, steps text);});

# One step; changes the savepoints that there are, innermost last.
sub step
{
    my ($savepoints) = @_;
    my $choice = rand;
    my $run = 1 + int(rand(3));
    my $one = int(rand(@$savepoints));
    return "INSERT INTO results (run_id) VALUES ($run);" if $choice < 0.30 || ($choice >= 0.58 && $choice < 0.93 && !@$savepoints);
    return 'DELETE FROM results WHERE id = (SELECT min(id) FROM results);' if $choice < 0.34;
    if ($choice < 0.58)
    {
        push @$savepoints, 's' . @$savepoints;
        return "SAVEPOINT $savepoints->[-1];";
    }
    if ($choice < 0.80)
    {
        my $name = $savepoints->[$one];
        splice @$savepoints, $one;
        return "RELEASE $name;";
    }
    if ($choice < 0.93)
    {
        splice @$savepoints, $one + 1;
        return "ROLLBACK TO $savepoints->[-1];";
    }
    return 'SELECT ratchet.flush();' if $choice < 0.95;
    return 'SET CONSTRAINTS ALL IMMEDIATE;' if $choice < 0.96;
    return "DELETE FROM runs WHERE id = $run; INSERT INTO runs VALUES ($run);" if $choice < 0.98;
    return "DO \$\$ BEGIN INSERT INTO results (run_id) VALUES (1); BEGIN INSERT INTO results (run_id) VALUES (2);"
      . " RAISE EXCEPTION 'undo'; EXCEPTION WHEN raise_exception THEN NULL; END; END \$\$;";
}

my $script = '';
for my $number (1 .. $transactions)
{
    my @savepoints;
    my $steps = join ' ', map { step(\@savepoints) } 1 .. 4 + int(rand(20));
    $script .= "BEGIN;\n$steps\nCOMMIT;\nINSERT INTO wrong SELECT $number, \$steps\$$steps\$steps\$ WHERE EXISTS"
      . " (SELECT FROM runs r WHERE COALESCE(n, 0) <> (SELECT count(*) FROM results WHERE run_id = r.id));\n";
}
$node->safe_psql('postgres', $script);

is($node->safe_psql('postgres', 'SELECT transaction, steps FROM wrong ORDER BY transaction LIMIT 3'),
    '', 'counters = recount after every transaction');
is($node->safe_psql('postgres', 'SELECT count(*) FROM ratchet.verify()'), '0', 'verify() agrees');
# Otherwise the test above would have nothing to compare.
cmp_ok($node->safe_psql('postgres', "SELECT count(*) FROM results"), '>', 10, 'results were stored');

$node->stop;
done_testing();
