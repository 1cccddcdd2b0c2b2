# One winner: of 64 callers at once, across a restart between the phases of a two-phase commit, and across a crash.
use strict;
use warnings;

use IPC::Run ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $clients = 64;

my $node = PostgreSQL::Test::Cluster->new('concurrent');
$node->init;
# What a submission must survive here is a real commit.
$node->append_conf('postgresql.conf', <<'CONF');
fsync = on
synchronous_commit = on
max_connections = 100
max_prepared_transactions = 10
log_statement = none
CONF
$node->start;

$node->safe_psql(
    'postgres', q{
    CREATE EXTENSION ratchet;
    CREATE TABLE scorecards (id bigint PRIMARY KEY, comment text, submitted_at timestamptz, submitted_by text, request uuid);
    SELECT ratchet.guard('scorecards', gate => 'submitted_at', actor => 'submitted_by', idempotency_key => 'request');
    CREATE TABLE reviews (scorecard_id bigint REFERENCES scorecards, author text);
    CREATE TABLE naive (id bigint PRIMARY KEY, submitted_at timestamptz, submitted_by text);
    CREATE TABLE outcomes (round int, client text, outcome text, submitted_by text, submitted_at timestamptz);
    INSERT INTO scorecards SELECT generate_series(1, 200);
    INSERT INTO naive SELECT generate_series(1, 10);});

# -- 64 at once --------------------------------------------------------------------------------------------------------

my $directory = PostgreSQL::Test::Utils::tempdir;
my $scripts = 0;

# Every client runs the script once a round. In each round all of them queue up behind an advisory lock, and only when all
# are there it is released: so they really submit at once, and a fast one cannot run ahead.
sub run_rounds
{
    my ($first, $count, $mode, $script) = @_;
    my $file = $directory . '/script_' . ++$scripts . '.sql';
    append_to_file($file, "\\set round :round + 1\nSELECT pg_advisory_lock_shared(7, :round);\n"
          . "$script\nSELECT pg_advisory_unlock_shared(7, :round);\n");

    my $starter = $node->background_psql('postgres');
    my $last = $first + $count - 1;
    $starter->query_safe("SELECT count(pg_advisory_lock(7, r)) FROM generate_series($first, $last) r");
    my ($out, $err) = ('', '');
    my $pgbench = IPC::Run::start(
        [
            'pgbench', '-n', '-M', $mode, '-c', $clients, '-j', 2, '-t', $count, '-D', 'round=' . ($first - 1),
            '-f', $file, '-h', $node->host, '-p', $node->port, 'postgres'
        ],
        '<', \undef, '>', \$out, '2>', \$err);
    $starter->query_safe(<<SQL);
DO \$\$
DECLARE
    deadline timestamptz := clock_timestamp() + '${PostgreSQL::Test::Utils::timeout_default}s'::interval;
BEGIN
    FOR round IN $first .. $last LOOP
        WHILE (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND classid = 7 AND objid = round AND NOT granted)
                < $clients LOOP
            IF clock_timestamp() > deadline THEN RAISE EXCEPTION 'not all clients have come to round %', round; END IF;
            PERFORM pg_sleep(0.001);
        END LOOP;
        PERFORM pg_advisory_unlock(7, round);
    END LOOP;
END \$\$;
SQL
    $pgbench->finish;
    is($pgbench->result(0), 0, "$mode: pgbench") or diag $err;
    $starter->quit;
}

sub has_one_winner
{
    my ($first, $count, $name) = @_;
    my $last = $first + $count - 1;
    is( $node->safe_psql(
            'postgres', qq{
            SELECT count(DISTINCT round), count(*), count(*) FILTER (WHERE outcome = 'submitted'),
                count(*) FILTER (WHERE outcome = 'already_submitted') FROM outcomes WHERE round BETWEEN $first AND $last}),
        join('|', $count, $count * $clients, $count, $count * ($clients - 1)),
        "$name: one winner in each of $count rounds, $clients callers each, the others already_submitted");
    is( $node->safe_psql(
            'postgres', qq{
            SELECT o.round, o.client, o.outcome, o.submitted_by FROM outcomes o JOIN scorecards s ON s.id = o.round
            JOIN outcomes w ON w.round = o.round AND w.outcome = 'submitted'
            WHERE o.round BETWEEN $first AND $last
              AND (o.submitted_by, o.submitted_at, s.submitted_by, s.submitted_at)
                  IS DISTINCT FROM (w.client, w.submitted_at, w.client, w.submitted_at)}),
        '', "$name: everybody is told the winner and the time, and both are in the row");
}

# The control: look, then write, as code by hand does. The same start must show several winners, or it shows nothing.
run_rounds(1, 10, 'simple', <<'SQL');
SELECT (submitted_at IS NULL)::int AS open FROM naive WHERE id = :round \gset
\if :open
UPDATE naive SET submitted_at = now(), submitted_by = :client_id WHERE id = :round;
INSERT INTO outcomes VALUES (:round, :client_id, 'submitted');
\endif
SQL
cmp_ok($node->safe_psql('postgres', 'SELECT count(*) FROM outcomes'),
    '>', 10, 'without ratchet several callers win a round');
$node->safe_psql('postgres', 'TRUNCATE outcomes');

run_rounds(1, 50, 'simple', <<'SQL');
INSERT INTO outcomes SELECT :round, 'client ' || :client_id, outcome, submitted_by, submitted_at
    FROM ratchet.submit('scorecards', :round, actor => 'client ' || :client_id);
SQL
has_one_winner(1, 50, 'submit');

# Prepared, with parameters of unknown type, and with a record that only the winner may leave behind.
run_rounds(51, 50, 'prepared', <<'SQL');
INSERT INTO outcomes SELECT :round, :client_id, outcome, submitted_by, submitted_at
    FROM ratchet.submit('scorecards', :round, actor => :client_id, child => 'reviews',
        record => jsonb_build_object('author', :client_id::text));
SQL
has_one_winner(51, 50, 'submit with a record');
is( $node->safe_psql(
        'postgres', q{
        SELECT count(*), count(*) FILTER (WHERE r.author = s.submitted_by), count(DISTINCT r.scorecard_id)
        FROM reviews r JOIN scorecards s ON s.id = r.scorecard_id}),
    '50|50|50', 'submit with a record: the winner\'s record, and nobody else\'s');

# -- two phases --------------------------------------------------------------------------------------------------------

# A submit that is to be found waiting for the row; answers the running psql and its output.
sub waiting_submit
{
    my ($id, $actor) = @_;
    my $output = '';
    my $process = IPC::Run::start(
        [ 'psql', '-XAtq', '-d', $node->connstr('postgres'), '-c',
            "SELECT outcome, submitted_by FROM ratchet.submit('scorecards', $id, actor => '$actor')" ],
        '<', \undef, '>', \$output, '2>&1');
    $node->poll_query_until('postgres', q{SELECT count(*) = 1 FROM pg_locks WHERE locktype = 'transactionid' AND NOT granted})
      or die "nobody waits for row $id";
    return ($process, \$output);
}

$node->safe_psql(
    'postgres', q{
    BEGIN;
    SELECT ratchet.submit('scorecards', 101, actor => 'ann', child => 'reviews', record => '{"author": "ann"}');
    PREPARE TRANSACTION 'to be committed';
    BEGIN;
    SELECT ratchet.submit('scorecards', 102, actor => 'ann', child => 'reviews', record => '{"author": "ann"}');
    -- The notice of a kept column is due in the same transaction.
    UPDATE scorecards SET submitted_at = NULL, comment = 'late' WHERE id = 102;
    PREPARE TRANSACTION 'to be rolled back';});

$node->restart;

is($node->safe_psql('postgres', 'SELECT count(*) FROM scorecards WHERE id IN (101, 102) AND submitted_at IS NOT NULL'),
    0, 'prepared: not submitted yet');
my ($process, $output) = waiting_submit(101, 'bob');
$node->safe_psql('postgres', q{COMMIT PREPARED 'to be committed'});
$process->finish;
is($$output, "already_submitted|ann\n", 'prepared, restarted, committed: who waited is told the winner');

($process, $output) = waiting_submit(102, 'bob');
$node->safe_psql('postgres', q{ROLLBACK PREPARED 'to be rolled back'});
$process->finish;
is($$output, "submitted|bob\n", 'prepared, restarted, rolled back: who waited wins');
is( $node->safe_psql(
        'postgres', q{
        SELECT s.id, s.submitted_by, s.comment, (SELECT string_agg(author, ',') FROM reviews WHERE scorecard_id = s.id)
        FROM scorecards s WHERE id IN (101, 102) ORDER BY id}),
    "101|ann||ann\n102|bob||", 'prepared: only what was committed is there');

# -- a crash -----------------------------------------------------------------------------------------------------------

for my $round (1 .. 3)
{
    my ($done, $undone) = (110 + 2 * $round, 111 + 2 * $round);
    my $open = $node->background_psql('postgres');
    is($open->query_safe("BEGIN; SELECT outcome FROM ratchet.submit('scorecards', $undone, actor => 'bob')"),
        'submitted', "crash $round: a submission that is not committed");
    my $submit = qq{SELECT outcome, record ->> 'author' FROM ratchet.submit('scorecards', $done, actor => 'ann',
        idempotency_key => '00000000-0000-0000-0000-000000000001', child => 'reviews', record => '{"author": "ann"}')};
    is($node->safe_psql('postgres', $submit), 'submitted|ann', "crash $round: a submission that is");
    $node->stop('immediate');
    $open->quit;
    $node->start;
    is( $node->safe_psql(
            'postgres', qq{
            SELECT s.id, s.submitted_at IS NOT NULL, s.submitted_by, count(r.author) FROM scorecards s
            LEFT JOIN reviews r ON r.scorecard_id = s.id WHERE s.id IN ($done, $undone) GROUP BY s.id ORDER BY s.id}),
        "$done|t|ann|1\n$undone|f||0", "crash $round: the one is there, the other is not");
    is($node->safe_psql('postgres', $submit), 'replayed|ann', "crash $round: who has lost the answer asks again and is told");
    is( $node->safe_psql(
            'postgres', qq{
            UPDATE scorecards SET submitted_at = NULL, comment = 'late' WHERE id = $done;
            SELECT outcome, submitted_by FROM ratchet.submit('scorecards', $done, actor => 'eve');
            SELECT outcome, submitted_by FROM ratchet.submit('scorecards', $undone, actor => 'eve')}),
        "already_submitted|ann\nsubmitted|eve", "crash $round: the contract holds after recovery");
}

is($node->safe_psql('postgres', 'SELECT * FROM ratchet.health()'), '', 'healthy at the end');

$node->stop;
done_testing();
