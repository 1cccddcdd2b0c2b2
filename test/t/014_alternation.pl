# Between two amends that open a gate there is exactly one winner: whatever mixture of submissions, amends, rollbacks and
# stale saves runs on a few rows, the committed submissions and reopenings of each row alternate.
use strict;
use warnings;

use IPC::Run ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('alternation');
$node->init;
$node->append_conf('postgresql.conf', "max_connections = 50\nlog_statement = none\nlog_min_messages = fatal\n");
$node->start;

$node->safe_psql(
    'postgres', q{
    CREATE EXTENSION ratchet;
    CREATE TABLE scorecards (id bigint PRIMARY KEY, saves int NOT NULL DEFAULT 0, submitted_at timestamptz, submitted_by text);
    CREATE TABLE happened (number bigserial, id bigint, what text, who text);
    INSERT INTO scorecards SELECT generate_series(1, 4);});

my %scripts = (
    # Numbered while the row is locked by the submission itself.
    submit => <<'SQL',
BEGIN;
WITH answer AS MATERIALIZED (SELECT outcome FROM ratchet.submit('scorecards', :id, 'client ' || :client_id))
INSERT INTO happened (id, what, who) SELECT :id, 'submitted', 'client ' || :client_id FROM answer WHERE outcome = 'submitted';
COMMIT;
SQL
    rollback => <<'SQL',
BEGIN;
SELECT outcome FROM ratchet.submit('scorecards', :id, 'nobody');
ROLLBACK;
SQL
    amend => <<'SQL',
BEGIN;
WITH answer AS MATERIALIZED (SELECT changed FROM ratchet.amend('scorecards', :id, jsonb_build_object('submitted_at', NULL), 'ops', 'again'))
INSERT INTO happened (id, what) SELECT :id, 'reopened' FROM answer WHERE 'submitted_at' = ANY (changed);
COMMIT;
SQL
    save => <<'SQL',
UPDATE scorecards SET saves = saves + 1, submitted_at = NULL, submitted_by = 'stale' WHERE id = :id;
SQL
);

my $directory = PostgreSQL::Test::Utils::tempdir;
my %share = (submit => 4, rollback => 2, amend => 2, save => 4);
append_to_file("$directory/$_", "\\set id random(1, 4)\nSET client_min_messages = error;\n$scripts{$_}") for keys %scripts;

# How many neighbours in a row's history are of the same kind, and how many rows are not as their last event says.
my $faults = q{
    SELECT (SELECT count(*) FROM (SELECT what, lag(what) OVER (PARTITION BY id ORDER BY number) AS before FROM happened) h
            WHERE what = before),
           (SELECT count(*) FROM scorecards s
            JOIN LATERAL (SELECT what, who FROM happened WHERE id = s.id ORDER BY number DESC LIMIT 1) last ON true
            WHERE (last.what = 'submitted') IS DISTINCT FROM (s.submitted_at IS NOT NULL)
               OR (last.what = 'submitted' AND last.who IS DISTINCT FROM s.submitted_by))};

sub mix
{
    my ($mode, $name) = @_;
    my ($out, $err) = ('', '');
    my @files = map { ('-f', "$directory/$_\@$share{$_}") } sort keys %share;
    IPC::Run::run(
        [ 'pgbench', '-n', '-M', $mode, '-c', 16, '-j', 2, '-t', 400, @files, $node->connstr('postgres') ],
        '<', \undef, '>', \$out, '2>', \$err);
    is($?, 0, "$name: pgbench") or diag $err;
}

my $guard = q{SELECT ratchet.guard('scorecards', gate => 'submitted_at', actor => 'submitted_by', gate_by => 'submit', replace => true%s)};

# The control: in mode observe the stale saves reopen gates, so that submissions follow each other.
$node->safe_psql('postgres', sprintf $guard, q{, mode => 'observe'});
mix('simple', 'without protection');
my ($neighbours) = split /\|/, $node->safe_psql('postgres', $faults);
cmp_ok($neighbours, '>', 0, 'without protection rows are submitted again and again');

$node->safe_psql('postgres', 'TRUNCATE happened; UPDATE scorecards SET submitted_at = NULL, submitted_by = NULL');
$node->safe_psql('postgres', sprintf $guard, q{});
for my $mode ('simple', 'prepared')
{
    mix($mode, $mode);
    is($node->safe_psql('postgres', $faults), '0|0', "$mode: submissions and reopenings alternate, and the rows agree");
}
cmp_ok($node->safe_psql('postgres', q{SELECT count(*) FROM happened WHERE what = 'submitted'}),
    '>', 100, 'there were many of them');
is($node->safe_psql('postgres', q{SELECT count(*) FROM scorecards WHERE submitted_by IN ('nobody', 'stale')}),
    0, 'no submission is of one that was rolled back or saved over');

$node->stop;
done_testing();
