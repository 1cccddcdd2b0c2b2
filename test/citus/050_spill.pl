# Counts of a distributed parent that spill: the table of spilled counts is on the shards, beside the parent's.
use strict;
use warnings;

use FindBin;
use Test::More;

use lib "$FindBin::Bin/lib";
use CitusCluster;

my $citus = CitusCluster->new('spill');

# Workers fold when they are let.
sub fold_workers
{
    my ($state) = @_;
    foreach my $node (@{ $citus->{nodes} })
    {
        $node->append_conf('postgresql.conf', "ratchet.fold_worker = $state");
        $node->reload;
        $node->poll_query_until('postgres', "SELECT current_setting('ratchet.fold_worker')", $state) or die 'no reload';
        next if $state eq 'on';
        $node->poll_query_until('postgres', "SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'ratchet fold'")
          or die 'a worker stays';
    }
}

# What a worker's look at them would be too late for.
sub drained { return $citus->coordinator->poll_query_until('postgres', 'SELECT count(*) = 0 FROM runs_spilled') }

$citus->sql(<<'SQL');
CREATE TABLE runs (id bigint PRIMARY KEY, total int, n int, points numeric, done boolean, at timestamptz);
CREATE TABLE results (run_id bigint REFERENCES runs ON DELETE CASCADE, question int, points numeric, PRIMARY KEY (run_id, question));
SELECT create_distributed_table('runs', 'id');
SELECT create_distributed_table('results', 'run_id', colocate_with => 'runs');
INSERT INTO runs SELECT i, 3 FROM generate_series(1, 20) i;
SQL
my $tally = q{SELECT ratchet.tally('results', 'runs', '{"n": "true", "points": "sum(points)"}', total => 'total', done => 'done',
  done_at => 'at', backfill => 'later'};
fold_workers('off');

# -- declared ----------------------------------------------------------------------------------------------------------

is($citus->sql("$tally, contention => 'spill')"), 'created', 'declared');
is($citus->on_shards('results', q(CALL ratchet.repair('%s'))), join("\n", ('t|CALL') x 8), 'and counted');
is($citus->sql("$tally, contention => 'spill')"), 'unchanged', 'declared again');
is($citus->sql("SELECT count(DISTINCT colocation_id) FROM citus_tables WHERE table_name::text IN ('runs', 'runs_spilled')"),
    '1', 'the table of spilled counts is distributed with the parent');
is($citus->triggers('runs_spilled'), '~ratchet_spilled:8', 'on every shard with its trigger');
is($_->safe_psql('postgres', 'SELECT * FROM ratchet.health()'), '', $_->name . ' is healthy') foreach @{ $citus->{nodes} };

# -- counted beside a row that another transaction has ------------------------------------------------------------------

sub spill
{
    my ($values) = @_;
    my $holder = $citus->coordinator->background_psql('postgres');
    $holder->query_safe('BEGIN');
    $holder->query_safe('UPDATE runs SET total = total');
    $citus->sql("INSERT INTO results VALUES $values");
    $holder->query_safe('ROLLBACK');
    $holder->quit;
}

spill('(1, 1, 1.5)');
is($citus->sql('SELECT id, n, points FROM runs_spilled'), '1|1|1.5', 'a transaction of one node does not wait');
spill('(2, 1, 1), (3, 1, 1), (4, 1, 1), (5, 1, 1), (6, 1, 1), (7, 1, 1), (8, 1, 1), (9, 1, 1)');
is($citus->sql('SELECT sum(n), count(*) FROM runs_spilled'), '9|9', 'nor does one that is prepared on several nodes');
is($citus->sql('SELECT sum(n), sum(points) FROM runs'), '0|0', 'the rows do not have them');
is($citus->sql('SELECT sum(n), sum(points) FROM runs_exact'), '9|9.5', 'the view has');
is($citus->sql('SELECT * FROM ratchet.verify()'), '', 'verify() knows of them, on the coordinator');
is($_->safe_psql('postgres', 'SELECT * FROM ratchet.verify()'), '', 'and on ' . $_->name) foreach $citus->workers;
my $unfolded = 0;
$unfolded += $_->safe_psql('postgres', q(SELECT count(*) FROM ratchet.health() WHERE finding LIKE 'spilled counts%'))
  foreach $citus->workers;
cmp_ok($unfolded, '>', 0, 'health() on the workers says that nobody adds them');
like($citus->said(q(INSERT INTO runs_spilled VALUES (1, 1, 1, '1'))), qr/NOTICE:  .*not stored: only tallies write it/, 'nobody else appends');
like($citus->said('DELETE FROM runs_spilled'), qr/^ERROR:  23R01: .*holds spilled counts/m, 'or removes');
is($citus->on_shards('results', q(CALL ratchet.repair('%s'))), join("\n", ('t|CALL') x 8), 'repair() leaves them');
is($citus->sql('SELECT sum(n) FROM runs_exact'), '9', 'where they are');
$citus->sql("SELECT * FROM ratchet.delegate('runs')");
is($citus->sql("SELECT progress -> 'columns' ->> 'n' FROM runs_progress(1)"), '1', 'progress() adds them');

# -- folded ------------------------------------------------------------------------------------------------------------

$citus->sql('INSERT INTO results VALUES (1, 2, 1)');
is($citus->sql('SELECT n, points FROM runs WHERE id = 1'), '2|2.5', 'who has the row next adds them');
like($citus->said("SELECT ratchet.fold('runs')"), qr/^ERROR:  42R01: .*\n.*\nHINT:  Call it on each of its shards/m,
    'the coordinator has none to add');
is($citus->sql('SELECT ratchet.fold()'), '0', 'and leaves them where they are');
is($citus->sql(q(SELECT sum(result::int) FROM run_command_on_shards('runs', $$SELECT ratchet.fold('%s')$$))), '8', 'fold() on the shards');
is($citus->sql('SELECT count(*) FROM runs_spilled'), '0', 'leaves none');
is($citus->sql('SELECT sum(n), sum(points) FROM runs'), '10|10.5', 'and loses none');
fold_workers('on');
spill('(1, 3, 1), (2, 3, 1), (3, 3, 1)');
ok(drained(), 'the workers of the nodes do it by themselves');
is($citus->sql('SELECT string_agg(n || $$ $$ || done, $$, $$ ORDER BY id) FROM runs WHERE id <= 3'), '3 true, 2 false, 2 false',
    'and complete the row');

# -- changed -----------------------------------------------------------------------------------------------------------

fold_workers('off');
spill('(4, 4, 1), (5, 4, 1)');
$citus->sql('ALTER TABLE runs RENAME n TO counted');
is($citus->sql('SELECT sum(counted) FROM runs_spilled'), '2', 'a rename of a counter is followed');
is($citus->sql("SELECT to_regclass('runs_exact')"), '', 'the view is dropped');
$citus->sql('ALTER TABLE runs RENAME counted TO n');
is($citus->sql("$tally, contention => 'spill')"), 'repaired', 'and made by who declares the tally again');
is($citus->sql('SELECT sum(n) FROM runs_exact'), '15', 'with what lies spilled');
is($citus->sql("$tally, contention => 'wait', replace => true)"), 'extended', 'who waits again');
is($citus->sql("SELECT sum(n), to_regclass('runs_spilled') FROM runs"), '15|', 'has lost nothing, and the table is gone');
is($citus->sql("SELECT count(*) FROM citus_shards WHERE table_name::text = 'runs_spilled'"), '0', 'from the nodes too');
is($citus->sql("$tally, contention => 'spill', replace => true)"), 'extended', 'and back');
spill('(6, 4, 1), (7, 4, 1)');
$citus->sql('TRUNCATE results');
is($citus->sql('SELECT sum(n), sum(points)::int FROM runs_exact'), '0|0', 'TRUNCATE takes what lies spilled');
spill('(6, 4, 1), (7, 4, 1)');
$citus->sql('DELETE FROM runs WHERE id = 6');
is($citus->sql('SELECT count(*) FROM runs_spilled'), '1', 'so does who deletes the row');

# -- moved with the shards ---------------------------------------------------------------------------------------------

sub move
{
    my ($mode) = @_;
    foreach my $id (7 .. 12)
    {
        my ($has, $has_not) = $citus->nodes_of('runs', $id);
        my ($from, $to) = map { "'${\ $_->host}', ${\ $_->port}" } $has, $has_not;
        $citus->sql("SELECT citus_move_shard_placement(get_shard_id_for_distribution_column('runs', $id), $from, $to, '$mode')");
    }
}

foreach my $mode ('block_writes', 'force_logical')
{
    spill(join ', ', map { "($_, " . ($mode eq 'block_writes' ? 10 : 20) . ', 1)' } 7 .. 12);
    my $before = $citus->sql('SELECT id, n, points FROM runs_exact ORDER BY 1');
    cmp_ok($citus->sql('SELECT count(*) FROM runs_spilled'), '>=', 6, 'counts lie spilled');
    move($mode);
    is($citus->sql('SELECT id, n, points FROM runs_exact ORDER BY 1'), $before, "$mode takes them along");
    is($citus->sql('SELECT * FROM ratchet.verify()'), '', 'no drift');
}
fold_workers('on');
$citus->sql('INSERT INTO results SELECT i, 30, 1 FROM generate_series(7, 12) i');
ok(drained(), 'they are added where they are now');
is($citus->sql('SELECT * FROM ratchet.verify()'), '', 'no drift');
is($_->safe_psql('postgres', 'SELECT * FROM ratchet.health()'), '', $_->name . ' is healthy') foreach @{ $citus->{nodes} };

# -- several nodes in one transaction ----------------------------------------------------------------------------------

my @writers = map {
    my $from = $_ * 1000;
    my @parents = $_ % 2 ? (7 .. 12) : reverse 7 .. 12;
    $citus->start(join '', map {
        my $question = $from + $_;
        'BEGIN; ' . join('', map { "INSERT INTO results VALUES ($_, $question, 1); " } @parents) . "COMMIT;\n"
    } 1 .. 50)
} 1 .. 6;
my $moves = 0;
while (grep { $_->{run}->pumpable && $_->{run}->pump_nb } @writers)
{
    my ($has, $has_not) = $citus->nodes_of('runs', 8);
    my ($from, $to) = map { "'${\ $_->host}', ${\ $_->port}" } $has, $has_not;
    my $mode = $moves++ % 2 ? 'force_logical' : 'block_writes';
    $citus->sql("SELECT citus_move_shard_placement(get_shard_id_for_distribution_column('runs', 8), $from, $to, '$mode')");
}
$_->{run}->finish foreach @writers;
note "$moves moves";
is(join('', map { $_->{err} } @writers), '', 'nobody fails, and nobody waits for ever, while a shard is moved');
ok(drained(), 'what was spilled is added');
is($citus->sql('SELECT n FROM runs WHERE id = 8'), $citus->sql('SELECT count(*) FROM results WHERE run_id = 8'), 'every count is there');
is($citus->sql('SELECT * FROM ratchet.verify()'), '', 'no drift');

# -- removed -----------------------------------------------------------------------------------------------------------

fold_workers('off');
spill('(13, 1, 1)');
is($citus->sql("SELECT ratchet.untally('results', 'runs')"), 't', 'untally()');
is($citus->sql("SELECT n, to_regclass('runs_spilled'), to_regclass('runs_exact') FROM runs WHERE id = 13"), '1||', 'has added what lay there');
is($citus->triggers('results') . $citus->triggers('runs'), '', 'nothing is left');
$citus->sql("$tally, contention => 'spill')");
spill('(14, 1, 1)');
$citus->sql('DROP TABLE results; DROP TABLE runs CASCADE');
# Shards that were moved away are dropped later.
$citus->sql('CALL citus_cleanup_orphaned_resources()');
is($citus->sql("SELECT to_regclass('runs_spilled')"), '', 'the table goes with its parent');
is($_->safe_psql('postgres', q(SELECT count(*) FROM pg_class WHERE relname ~ '^runs_')), '0', 'on ' . $_->name) foreach @{ $citus->{nodes} };

# -- declared before ---------------------------------------------------------------------------------------------------

$citus->sql(<<"SQL");
CREATE TABLE runs (id bigint PRIMARY KEY, total int, n int, points numeric, done boolean, at timestamptz);
CREATE TABLE results (run_id bigint REFERENCES runs ON DELETE CASCADE, question int, points numeric, PRIMARY KEY (run_id, question));
$tally, contention => 'spill');
INSERT INTO runs SELECT i, 3 FROM generate_series(1, 20) i;
INSERT INTO results VALUES (1, 1, 1);
SELECT create_distributed_table('runs', 'id');
SELECT create_distributed_table('results', 'run_id', colocate_with => 'runs');
SQL
$citus->sql('INSERT INTO results VALUES (1, 2, 1)');
is($citus->sql('SELECT n FROM runs WHERE id = 1'), '2', 'a tally that was there before counts, and waits for the row');
like($citus->sql('SELECT finding FROM ratchet.health()') . join('', map { $_->safe_psql('postgres', 'SELECT finding FROM ratchet.health()') } $citus->workers),
    qr/wait, and do not spill/, 'health() says so');
is($citus->sql("$tally, contention => 'spill')"), 'repaired', 'declared again');
spill('(1, 3, 1)');
is($citus->sql('SELECT n FROM runs_spilled'), '1', 'they spill');
is($citus->sql('SELECT n FROM runs_exact WHERE id = 1'), '3', 'and are counted');

done_testing();
