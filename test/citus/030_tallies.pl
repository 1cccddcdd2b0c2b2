# Tallies of distributed tables: children are counted on the node that has them, into the parent's shard that their
# foreign key leads to. What a coordinator cannot do for its shards, each of them is asked to do.
use strict;
use warnings;

use FindBin;
use Test::More;

use lib "$FindBin::Bin/lib";
use CitusCluster;

my $citus = CitusCluster->new('tallies');

my $tables = <<'SQL';
CREATE TABLE %1$s (id bigint PRIMARY KEY, total int, n int, good int, done boolean, done_at timestamptz);
CREATE TABLE %2$s (run_id bigint REFERENCES %1$s ON DELETE CASCADE, question int, ok boolean, PRIMARY KEY (run_id, question));
INSERT INTO %1$s SELECT i, 3 FROM generate_series(1, 20) i;
INSERT INTO %2$s SELECT r, q, q = 1 FROM generate_series(1, 20) r, generate_series(1, 2) q;
SQL
my $distribute = <<'SQL';
SELECT create_distributed_table('%1$s', 'id');
SELECT create_distributed_table('%2$s', 'run_id', colocate_with => '%1$s');
SQL
my $tally = q{SELECT ratchet.tally('%2$s', '%1$s', '{"n": "true", "good": "ok"}', total => 'total', done => 'done', done_at => 'done_at'};

sub of { my ($text) = @_; return sprintf $text, @_[ 1, 2 ] }

# What the counters come to: how many rows of the parent there are with each.
sub counters
{
    my ($parent, $good) = @_;
    return $citus->sql("SELECT n, ${\ ($good // 'good')}, done, count(*) FROM $parent GROUP BY 1, 2, 3 ORDER BY 1, 2");
}

my $truncates = '~ratchet_truncate:8 ~ratchet_truncating:8';
my $child = "!ratchet_tally_1:8 ~ratchet_flush:8 $truncates";

# -- declared after ----------------------------------------------------------------------------------------------------

$citus->sql(of("$tables$distribute", 'runs', 'results'));
like(
    $citus->said(of("$tally)", 'runs', 'results')),
    qr/^ERROR:  42R01: relation "results" is not stored on this server alone\n.*\nHINT:  Declare the tally with backfill => 'later'/m,
    'rows that are there cannot be counted by the coordinator');
my $declared = $citus->said(of("$tally, backfill => 'later')", 'runs', 'results'));
like($declared, qr/^created$/m, 'declared');
is($citus->triggers('runs'), '!ratchet_gone:8 ~ratchet_counters:8 ~ratchet_flush:8', 'on every shard of the parent');
is($citus->triggers('results'), $child, 'and of the child, with the triggers of TRUNCATE');
is($citus->sql('SELECT count(*) FROM ratchet.verify()'), '60', 'verify() on the coordinator sees what is not counted');
my $on_workers = 0;
$on_workers += $_->safe_psql('postgres', 'SELECT count(*) FROM ratchet.verify()') foreach $citus->workers;
is($on_workers, '60', 'on a worker, that of the shards there');
like($citus->said("CALL ratchet.repair('runs')"), qr/^ERROR:  42R01: .*\n.*\nHINT:  Call it on each of its shards/m, 'repair() is refused');
like($citus->said('CALL ratchet.repair()'), qr/^NOTICE:  00000: relation "results" is distributed by Citus and was left out$/m,
    'of all tables it leaves out those');
is($citus->on_shards('results', q(CALL ratchet.repair('%s'))), join("\n", ('t|CALL') x 8), 'on the shards it repairs');
is(counters('runs'), '2|1|f|20', 'and then the counters say what is there');
is($citus->sql('SELECT * FROM ratchet.verify()'), '', 'so does verify()');

# -- writes ------------------------------------------------------------------------------------------------------------

$citus->sql('INSERT INTO results SELECT i, 3, true FROM generate_series(1, 20) i');
is(counters('runs'), '3|2|t|20', 'INSERT into all shards');
$citus->sql('UPDATE results SET ok = false WHERE question = 3 AND run_id = 1');
$citus->sql('DELETE FROM results WHERE run_id IN (2, 3) AND question = 3');
is(counters('runs'), "2|1|f|2\n3|1|t|1\n3|2|t|17", 'UPDATE, DELETE');
$citus->sql('BEGIN; DELETE FROM results; ROLLBACK');
$citus->sql('BEGIN; SAVEPOINT s; DELETE FROM results WHERE run_id = 5; ROLLBACK TO s; DELETE FROM results WHERE run_id = 6; COMMIT');
is(counters('runs'), "0|0|f|1\n2|1|f|2\n3|1|t|1\n3|2|t|16", 'savepoints, rollback');
$citus->sql('UPDATE runs SET n = 99, done = false');
is(counters('runs'), "0|0|f|1\n2|1|f|2\n3|1|t|1\n3|2|t|16", 'nobody else writes them');
$citus->sql("COPY results FROM STDIN;\n6\t9\tt\n\\.\nDELETE FROM results WHERE question = 9");
is($citus->sql("COPY results FROM STDIN;\n6\t9\tt\n\\.\nSELECT n FROM runs WHERE id = 6"), '1', 'COPY');
$citus->sql('DELETE FROM results WHERE question = 9; DELETE FROM runs WHERE id = 7');
is($citus->sql('SELECT count(*) FROM results WHERE run_id = 7'), '0', 'a cascade');
is($citus->sql('SELECT * FROM ratchet.verify()'), '', 'no drift');
is($_->safe_psql('postgres', 'SELECT * FROM ratchet.verify()'), '', $_->name . ' finds none in its own shards') foreach $citus->workers;
like($citus->said('SELECT ratchet.flush()'), qr/^NOTICE:  00000: nothing that was counted on this server is left to write$/m,
    'flush() on the coordinator says that it does nothing');

# -- verbs -------------------------------------------------------------------------------------------------------------

is($citus->sql("SELECT string_agg(verb, ' ') FROM ratchet.delegate('runs')"), 'progress', 'delegate(): the parent');
is($citus->sql("SELECT string_agg(verb, ' ') FROM ratchet.delegate('results')"), 'submit_batch', 'and the child');
is($citus->sql("SELECT outcome, progress ->> 'parent', progress -> 'columns' ->> 'n' FROM runs_progress(8)"), 'found|public.runs|3',
    'progress() tells of the table, not of its shard');
is( $citus->sql(q(SELECT outcome, inserted, duplicates FROM results_submit_batch(6, '[{"run_id": 6, "question": 1, "ok": true},
  {"run_id": 6, "question": 2}, {"run_id": 6, "question": 1}]'))),
    'partial|2|[{"index": 2, "same_as": 0, "constraint": "results_pkey"}]', 'a batch, told by the constraint of the table');
like($citus->said(q(SELECT * FROM results_submit_batch(6, '[{"run_id": 6, "question": 4}, {"run_id": 8, "question": 4}]'))),
    qr/^ERROR:  22023: all records of a batch must have the same value of column "run_id"$/m, 'of one parent');
like($citus->said(q(SELECT * FROM results_submit_batch(6, '[{"question": 4}]'))),
    qr/^ERROR:  22023: each record must name column "run_id"$/m, 'which each record names');
like($citus->said(q(SELECT * FROM results_submit_batch(6, '[]'))), qr/^ERROR:  22023: /, 'so that an empty one has none');
is($citus->sql(q(SELECT outcome, progress #>> '{0,columns,n}' FROM results_submit_batch(6, '[{"run_id": 6, "question": 3}]', flush => true))),
    'stored|3', 'with flush, what its parent will say');
is($citus->sql('SELECT n, done FROM runs WHERE id = 6'), '3|t', 'and says');

# -- DDL ---------------------------------------------------------------------------------------------------------------

is($citus->sql(of("$tally)", 'runs', 'results')), 'unchanged', 'declared again');
is($citus->sql(of("$tally, latch => true, backfill => 'later')", 'runs', 'results')), 'extended', 'extended');
$citus->sql('ALTER TABLE results RENAME ok TO is_correct; ALTER TABLE runs RENAME good TO correct');
$citus->sql('INSERT INTO results VALUES (8, 4, true)');
is($citus->sql('SELECT n, correct FROM runs WHERE id = 8'), '4|3', 'renames of what is counted and of a counter are followed');
like($citus->said('ALTER TABLE results DROP CONSTRAINT results_run_id_fkey'), qr/^ERROR:  42R01: /, 'the foreign key stays');
is($citus->triggers('results'), $child, 'the shards have the triggers that they had');
$citus->sql('TRUNCATE results');
is($citus->sql('SELECT sum(n), sum(correct) FROM runs'), '0|0', 'TRUNCATE counts on each shard');
is($citus->sql('SELECT * FROM ratchet.verify()'), '', 'no drift');
is($_->safe_psql('postgres', 'SELECT * FROM ratchet.health()'), '', $_->name . ' is healthy') foreach @{ $citus->{nodes} };
is($citus->sql("SELECT ratchet.untally('results', 'runs')"), 't', 'removed');
is($citus->triggers('results') . $citus->triggers('runs'), '', 'from all shards');

# -- declared before ---------------------------------------------------------------------------------------------------

$citus->sql(of($tables, 'early', 'early_results'));
is($citus->sql(of("$tally)", 'early', 'early_results')), 'created', 'declared before');
$citus->sql(of($distribute, 'early', 'early_results'));
is($citus->triggers('early_results'), $child, 'the shards have the same triggers');
is(counters('early'), '2|1|f|20', 'and the counts of what was there');
$citus->sql('INSERT INTO early_results VALUES (1, 3, true)');
is(counters('early'), "2|1|f|19\n3|2|t|1", 'go on');
is($citus->sql(of("$tally, latch => true, backfill => 'later')", 'early', 'early_results')), 'extended', 'it can be declared again');
like($citus->said('ALTER TABLE early_results DROP CONSTRAINT early_results_run_id_fkey'), qr/^ERROR:  (?:42R01|2BP01): /,
    'the foreign key stays there too');

# -- partitions --------------------------------------------------------------------------------------------------------

$citus->sql(<<'SQL');
CREATE TABLE forms (id bigint PRIMARY KEY, n int);
CREATE TABLE answers (form_id bigint REFERENCES forms, day date, PRIMARY KEY (form_id, day)) PARTITION BY RANGE (day);
CREATE TABLE answers_1 PARTITION OF answers FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
SELECT create_distributed_table('forms', 'id');
SELECT create_distributed_table('answers', 'form_id', colocate_with => 'forms');
SELECT ratchet.tally('answers', 'forms', '{"n": "true"}', backfill => 'later');
CREATE TABLE answers_2 PARTITION OF answers FOR VALUES FROM ('2026-02-01') TO ('2026-03-01');
INSERT INTO forms VALUES (1), (2), (3);
INSERT INTO answers SELECT i, d FROM generate_series(1, 3) i, (VALUES (date '2026-01-05'), ('2026-02-05')) v (d);
SQL
is($citus->sql('SELECT n, count(*) FROM forms GROUP BY 1'), '2|3', 'partitions of a distributed child are counted, old and new ones');
$citus->sql("UPDATE answers SET day = '2026-02-07' WHERE form_id = 1 AND day = '2026-01-05'; TRUNCATE answers_2");
is($citus->sql('SELECT string_agg(n::text, $$ $$ ORDER BY id) FROM forms'), '0 1 1', 'a move between them, TRUNCATE of one');
$citus->sql('TRUNCATE answers');
is($citus->sql('SELECT sum(n) FROM forms'), '0', 'TRUNCATE of all');
is($citus->sql("SELECT ratchet.untally('answers', 'forms')"), 't', 'removed');
is($citus->triggers('answers_1') . $citus->triggers('answers_2'), '', 'from the shards of partitions too');

# -- several nodes in one transaction ----------------------------------------------------------------------------------

# Two transactions count for the same two parents, which are on different nodes. Citus prepares them, each on both nodes
# at once, so that each can be prepared first on one of the nodes, and hold there what the other one wants: it is told so,
# and does not wait.
my ($on_first) = $citus->sql('SELECT min(i) FROM generate_series(1, 20) i WHERE ' . on_port(0));
my ($on_second) = $citus->sql('SELECT min(i) FROM generate_series(1, 20) i WHERE ' . on_port(1));

sub on_port
{
    my ($worker) = @_;
    return "(SELECT nodeport FROM citus_shards WHERE shardid = get_shard_id_for_distribution_column('early', i)) = "
      . ($citus->workers)[$worker]->port;
}

my @writers = map {
    my $from = $_ * 1000;
    my @parents = $_ % 2 ? ($on_first, $on_second) : ($on_second, $on_first);
    my $script = join '', map {
        my $question = $from + $_;
        'BEGIN; ' . join('', map { "INSERT INTO early_results VALUES ($_, $question); " } @parents) . "COMMIT;\n"
    } 1 .. 100;
    $citus->start($script)
} 1 .. 4;
$_->{run}->finish foreach @writers;
my %errors = map { $_ => 1 } map { $_->{err} =~ /ERROR:\s+(\w+)/g } @writers;
like(join(' ', sort keys %errors), qr/^(?:40001(?: 40P01)?)?$/, 'some fail, and can be repeated; none waits for ever');
is($citus->sql('SELECT * FROM ratchet.verify()'), '', 'no drift');
# What one of them had prepared on the other node, Citus's own recovery looks after.
$citus->coordinator->poll_query_until('postgres', 'SELECT recover_prepared_transactions() = 0') or die 'no recovery';
ok($_->poll_query_until('postgres', 'SELECT count(*) = 0 FROM pg_prepared_xacts'), $_->name . ' has nothing left that is prepared')
  foreach $citus->workers;

# -- reference tables --------------------------------------------------------------------------------------------------

$citus->sql(<<'SQL');
CREATE TABLE topics (id bigint PRIMARY KEY, n int);
CREATE TABLE posts (id bigint PRIMARY KEY, topic_id bigint REFERENCES topics);
CREATE TABLE topics2 (LIKE topics INCLUDING ALL);
CREATE TABLE posts2 (id bigint PRIMARY KEY, topic_id bigint REFERENCES topics2);
SELECT ratchet.tally('posts2', 'topics2', '{"n": "true"}');
SELECT create_reference_table('topics');
SELECT create_distributed_table('posts', 'id');
SQL
like(
    $citus->said(q(SELECT ratchet.tally('posts', 'topics', '{"n": "true"}', backfill => 'later'))),
    qr/^ERROR:  42R01: .*\nDETAIL:  its parent is a reference table of Citus, and every node would count into its own copy$/m,
    'a reference table is no parent of a distributed child');
# Citus makes the foreign key anew, and what depends on it goes.
$citus->sql("SELECT create_reference_table('topics2'); SELECT create_distributed_table('posts2', 'id')");
$citus->sql('INSERT INTO topics2 VALUES (1); INSERT INTO posts2 VALUES (1, 1)');
is($citus->sql('SELECT n FROM topics2'), '0', 'a tally that was there before goes with the foreign key');
like(
    $citus->sql('SELECT severity, target, finding FROM ratchet.health()'),
    qr/^error\|posts2\|"posts2" has triggers of a tally that is gone$/m,
    'which health() tells of');

done_testing();
