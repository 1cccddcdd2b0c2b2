# What docs/operations/replication.md says of contracts on a subscriber of logical replication.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $publisher = PostgreSQL::Test::Cluster->new('publisher');
$publisher->init(allows_streaming => 'logical');
$publisher->start;
my $subscriber = PostgreSQL::Test::Cluster->new('subscriber');
$subscriber->init;
$subscriber->append_conf('postgresql.conf', 'wal_retrieve_retry_interval = 100ms');
$subscriber->start;

my $schema = <<'SQL';
CREATE EXTENSION ratchet;
CREATE TABLE cards (id int PRIMARY KEY, submitted_at timestamptz, status text DEFAULT 'draft');
SELECT ratchet.guard('cards', gate => 'submitted_at',
    states => '{"status": {"draft": ["review"], "review": ["final"], "final": []}}');
CREATE TABLE runs (id int PRIMARY KEY, total int, n int, done boolean);
CREATE TABLE results (id int PRIMARY KEY, run_id int REFERENCES runs);
CREATE TABLE calls (run_id int);
CREATE FUNCTION completed(int) RETURNS void BEGIN ATOMIC INSERT INTO public.calls VALUES ($1); END;
SELECT ratchet.tally('results', 'runs', '{"n": "true"}', total => 'total', done => 'done', on_done => 'completed(int)');
CREATE TABLE jobs (id int PRIMARY KEY, total int, n int, done boolean);
CREATE TABLE steps (id int PRIMARY KEY, job_id int REFERENCES jobs);
CREATE FUNCTION job_completed(int) RETURNS void BEGIN ATOMIC INSERT INTO public.calls VALUES (-$1); END;
SELECT ratchet.tally('steps', 'jobs', '{"n": "true"}', total => 'total', done => 'done', on_done => 'job_completed(int)');
SQL
$_->safe_psql('postgres', $schema) foreach $publisher, $subscriber;

# Rows of jobs are each server's own; of runs and results both tables are published.
$_->safe_psql('postgres', 'INSERT INTO jobs VALUES (1, 2)') foreach $publisher, $subscriber;
$publisher->safe_psql('postgres', 'CREATE PUBLICATION p FOR TABLE cards, runs, results, steps');
my $connection = $publisher->connstr . ' dbname=postgres';
$subscriber->safe_psql('postgres', "CREATE SUBSCRIPTION s CONNECTION '$connection' PUBLICATION p");
$subscriber->wait_for_subscription_sync($publisher, 's');

sub publish
{
    my ($sql) = @_;
    $publisher->safe_psql('postgres', $sql);
    $publisher->wait_for_catchup('s');
    return;
}

sub both
{
    my ($sql) = @_;
    return join(' / ', map { $_->safe_psql('postgres', $sql) } $publisher, $subscriber);
}

# Switches the contract's triggers of a table.
sub switch
{
    my ($how, @tables) = @_;
    foreach my $table (@tables)
    {
        my $triggers = $subscriber->safe_psql('postgres',
            "SELECT quote_ident(tgname) FROM pg_trigger WHERE tgrelid = '$table'::regclass AND tgname ~ 'ratchet' AND NOT tgisinternal");
        $subscriber->safe_psql('postgres', "ALTER TABLE $table $how TRIGGER $_") foreach split /\n/, $triggers;
    }
    return;
}

# -- a contract as it is declared: not asked by the apply worker ---------------------------------------------------------

publish("INSERT INTO cards VALUES (1, now(), 'final'), (2, NULL, 'draft')");
publish(q(SELECT ratchet.amend('cards', 1, '{"submitted_at": null, "status": "draft"}', NULL, 'reopened')));
is(both('SELECT submitted_at IS NULL, status FROM cards WHERE id = 1'), 't|draft / t|draft', 'an amend arrives as it was');

publish('INSERT INTO runs VALUES (1, 2); INSERT INTO results VALUES (1, 1); INSERT INTO results VALUES (2, 1)');
is(both('SELECT n, done FROM runs'), '2|t / 2|t', 'counters arrive as they were counted');
is(both('SELECT count(*) FROM calls'), '1 / 0', 'on_done was called by the publisher alone');

# -- writes on the subscriber --------------------------------------------------------------------------------------------

$subscriber->safe_psql('postgres', 'INSERT INTO results VALUES (100, 1)');
is(both('SELECT n FROM runs'), '2 / 3', 'a row of its own is counted there');
publish('INSERT INTO results VALUES (3, 1)');
is(both('SELECT n FROM runs'), '3 / 3', 'the next count that arrives overwrites that');
is($subscriber->safe_psql('postgres', q(SELECT "column", stored, counted FROM ratchet.verify('runs'))), 'n|3|4',
    'so the counter has drifted, and verify() says so');
$subscriber->safe_psql('postgres', 'DELETE FROM results WHERE id = 100');
$subscriber->safe_psql('postgres', q(CALL ratchet.repair('runs')));

# -- tallies that are ENABLE ALWAYS, where only the children arrive ------------------------------------------------------

publish('INSERT INTO steps VALUES (1, 1)');
is(both('SELECT n, done FROM jobs'), '1|f / 0|f', 'children that arrive alone are not counted');
switch('ENABLE ALWAYS', 'steps', 'jobs');
$subscriber->safe_psql('postgres', q(CALL ratchet.repair('jobs')));
publish('INSERT INTO steps VALUES (2, 1)');
is(both('SELECT n, done FROM jobs'), '2|t / 2|t', 'with all triggers ENABLE ALWAYS they are');
is(both('SELECT count(*) FROM calls WHERE run_id = -1'), '1 / 1', 'and on_done is called on the subscriber too');

# -- a guard that is ENABLE ALWAYS ---------------------------------------------------------------------------------------

switch('ENABLE ALWAYS', 'cards');
publish("UPDATE cards SET submitted_at = now(), status = 'review' WHERE id = 1");
publish(q(SELECT ratchet.amend('cards', 1, '{"submitted_at": null}', NULL, 'reopened again')));
is(both('SELECT submitted_at IS NULL FROM cards WHERE id = 1'), 't / f', 'it undoes an amend');

my $log = -s $subscriber->logfile;
$publisher->safe_psql('postgres', q(SELECT ratchet.amend('cards', 2, '{"status": "final"}', NULL, 'moved on')));
$publisher->safe_psql('postgres', 'INSERT INTO runs VALUES (2, 5)');
$subscriber->wait_for_log(qr/ERROR:.*transition of column "status" of relation "cards" is not allowed/, $log);
is($subscriber->safe_psql('postgres', 'SELECT count(*) FROM runs'), '1', 'and a move that it refuses stops the subscription');

switch('ENABLE', 'cards');
$publisher->wait_for_catchup('s');
is(both('SELECT status FROM cards WHERE id = 2'), 'final / final', 'ENABLE TRIGGER lets it go on');
is(both('SELECT count(*) FROM runs'), '2 / 2', 'with all that came after');

done_testing();
