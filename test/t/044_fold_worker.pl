# What a flush leaves to the worker that folds, as long as one is there: what lies spilled for the row, but never where
# something would become complete without it, or cease to be; and a row of which others have a child in hand. The worker
# is held back by a signal, so that it is there and does nothing.
use strict;
use warnings;

use IPC::Run ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('fold_worker');
$node->init;
$node->start;
$node->safe_psql('postgres', <<'SQL');
CREATE EXTENSION ratchet;
CREATE TABLE runs (id int PRIMARY KEY, total int, n int NOT NULL DEFAULT 0, done boolean NOT NULL DEFAULT false);
CREATE TABLE results (run_id int REFERENCES runs);
CREATE TABLE calls (run_id int);
CREATE FUNCTION note_call(run int) RETURNS void LANGUAGE sql AS 'INSERT INTO public.calls VALUES (run)';
SELECT ratchet.tally('results', 'runs', '{"n": "true"}', total => 'total', done => 'done', on_done => 'note_call(int)',
    contention => 'spill');
INSERT INTO runs VALUES (1, 3), (2, 2), (3, 9), (4, NULL);
SQL

sub sql { my ($sql) = @_; return $node->safe_psql('postgres', $sql); }

# A session with a transaction that is open until it is told more.
sub open_session
{
    my ($sql) = @_;
    my $session = { in => '', out => '' };
    $session->{run} = IPC::Run::start([ 'psql', '-XAtq', '-d', $node->connstr('postgres'), '-v', 'ON_ERROR_STOP=1' ],
        '<', \$session->{in}, '>', \$session->{out}, IPC::Run::timeout(60));
    tell_session($session, "BEGIN; $sql");
    return $session;
}

sub tell_session
{
    my ($session, $sql) = @_;
    $session->{out} = '';
    $session->{in} .= "$sql\n\\echo heard\n";
    $session->{run}->pump until $session->{out} =~ /^heard$/m;
    return;
}

sub end_session { my ($session, $how) = @_; tell_session($session, "$how;"); $session->{run}->finish; return; }

# Spills what the script counts for the run, because somebody else has its row.
sub spill
{
    my ($run, $script) = @_;
    my $holder = open_session("UPDATE runs SET total = total WHERE id = $run;");
    sql($script);
    end_session($holder, 'ROLLBACK');
    return;
}

my $row = q{SELECT n || ' + ' || coalesce((SELECT sum(s.n) FROM runs_spilled s WHERE s.id = r.id)::text, 'none') || ' ' || done
    FROM runs r WHERE id = };

sql('INSERT INTO results SELECT run FROM (VALUES (1), (1), (2), (2)) AS v (run)');
is(sql("SELECT string_agg(n || ' ' || done, ', ' ORDER BY id) FROM runs WHERE id < 3"), '2 false, 2 true', 'written at once');
is(sql('SELECT string_agg(run_id::text, $$ $$) FROM calls'), '2', 'the second run is complete');

# Something spills, so a worker comes. It is stopped where it waits: in a transaction it might have a row, and it goes
# when it has had nothing to do for two seconds.
my $worker;
sub stop_worker
{
    for (1 .. 100)
    {
        spill(4, 'INSERT INTO results VALUES (4)');
        $node->poll_query_until('postgres', "SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'ratchet fold'")
          or die 'no worker comes';
        $node->poll_query_until('postgres', 'SELECT n = (SELECT count(*) FROM results WHERE run_id = 4) FROM runs WHERE id = 4')
          or die 'the worker does not fold';
        $worker = sql("SELECT pid FROM pg_stat_activity WHERE backend_type = 'ratchet fold'");
        next if $worker eq '' || !kill 'STOP', $worker;
        return if sql("SELECT array_agg(locktype) = '{advisory}' FROM pg_locks WHERE pid = $worker") eq 't';
        kill 'CONT', $worker;
    }
    die 'the worker is always busy';
}
stop_worker();

spill(1, 'DELETE FROM results WHERE ctid = (SELECT min(ctid) FROM results WHERE run_id = 1)');
spill(2, 'DELETE FROM results WHERE ctid = (SELECT min(ctid) FROM results WHERE run_id = 2)');
spill(3, 'INSERT INTO results VALUES (3)');
is(sql($row . 1), '2 + -1 false', 'a removal lies beside the first run');
is(sql($row . 2), '2 + -1 true', 'and beside the second');

sql('INSERT INTO results VALUES (3)');
is(sql($row . 3), '1 + 1 false', 'a flush that decides nothing leaves to the worker what lies there');

sql('INSERT INTO results VALUES (1)');
is(sql($row . 1), '2 + none false', 'one that would complete the run adds it, and does not');
spill(1, 'INSERT INTO results VALUES (1)');
is(sql($row . 1), '2 + 1 false', 'what would complete the run lies there');
sql('DELETE FROM results WHERE run_id = 2');
is(sql($row . 2), '0 + none false', 'one that ends a completion adds it, too');

my $other = open_session('INSERT INTO results VALUES (3);');
sql('INSERT INTO results VALUES (3)');
is(sql($row . 3), '1 + 2 false', 'a flush leaves alone a row of which others have a child in hand');
end_session($other, 'COMMIT');
# That one is the only one left.
is(sql($row . 3), '2 + 2 false', 'who is the last of them writes it');

kill 'CONT', $worker;
ok($node->poll_query_until('postgres', 'SELECT count(*) = 0 FROM runs_spilled'), 'the worker goes on');
is(sql("SELECT string_agg(n || ' ' || done, ', ' ORDER BY id) FROM runs WHERE id < 4"), '3 true, 0 false, 4 false',
    'and adds everything');
is(sql('SELECT string_agg(run_id::text, $$ $$ ORDER BY run_id) FROM calls'), '1 2', 'each run was called for once');
is(sql("SELECT count(*) FROM ratchet.verify('runs')"), '0', 'verify() finds no drift');

# -- one that is killed ------------------------------------------------------------------------------------------------

# A transaction has seen the worker, which then is killed with something to do. In the same statement, so by what it knew
# then, it completes the run: nobody else would come.
$node->safe_psql('postgres', <<'SQL');
CREATE PROCEDURE count_when_told() LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO results VALUES (6);
    COMMIT;
    PERFORM pg_advisory_lock(1);
    INSERT INTO results VALUES (5);
    COMMIT;
END$$;
INSERT INTO runs VALUES (5, 2), (6, NULL);
SQL
stop_worker();
spill(5, 'INSERT INTO results VALUES (5)');
my $teller = open_session('SELECT pg_advisory_xact_lock(1);');
my $counter = { in => '', out => '' };
$counter->{run} = IPC::Run::start([ 'psql', '-XAtq', '-d', $node->connstr('postgres'), '-c', 'CALL count_when_told()' ],
    '<', \undef, '>', \$counter->{out}, IPC::Run::timeout(60));
ok($node->poll_query_until('postgres', q{SELECT count(*) = 1 FROM pg_stat_activity WHERE wait_event = 'advisory' AND query LIKE 'CALL%'}),
    'a statement has seen the worker');
# What a session knows of a worker is no older than 50 ms.
my $killed_at = sql("SELECT clock_timestamp() FROM pg_terminate_backend($worker)");
kill 'CONT', $worker;
ok($node->poll_query_until('postgres', qq{SELECT count(*) = 0 AND clock_timestamp() > '$killed_at'::timestamptz + interval '60 ms'
    FROM pg_stat_activity WHERE backend_type = 'ratchet fold'}), 'which is killed');
end_session($teller, 'COMMIT');
$counter->{run}->finish;
is(sql($row . 5), '2 + none true', 'and itself adds what would have been left to that');

# -- the table, between counting and COMMIT -----------------------------------------------------------------------------

# Who has counted does not lock the table before he needs it, so it may be another one by then.
my ($index) = split /\n/, sql('SELECT indexrelid::regclass FROM pg_index WHERE indrelid = $$runs_spilled$$::regclass');
my $counted = open_session('INSERT INTO results VALUES (6);');
sql("REINDEX INDEX CONCURRENTLY $index");
my $has_row = open_session('UPDATE runs SET total = total WHERE id = 6;');
end_session($counted, 'COMMIT');
end_session($has_row, 'ROLLBACK');
ok($node->poll_query_until('postgres', 'SELECT n = 2 FROM runs WHERE id = 6'), 'what is appended goes into the index that there is now');

$counted = open_session('INSERT INTO results VALUES (6);');
$has_row = open_session('UPDATE runs SET total = total WHERE id = 6;');
my $dropper = open_session('DROP TABLE runs_spilled CASCADE;');
$counted->{in} .= "COMMIT;\n";
$counted->{run}->pump_nb while length $counted->{in};
ok($node->poll_query_until('postgres', q{SELECT count(*) = 1 FROM pg_locks JOIN pg_stat_activity USING (pid)
    WHERE NOT granted AND relation = 'runs_spilled'::regclass AND backend_type = 'client backend'}),
    'who wants to append waits for who drops the table');
end_session($dropper, 'COMMIT');
end_session($has_row, 'ROLLBACK');
$counted->{run}->finish;
is(sql('SELECT n FROM runs WHERE id = 6'), '3', 'without a table what was counted is added to the row');
like(sql('SELECT finding FROM ratchet.health()'), qr/wait, and do not spill/, 'and health() says that there is none');
is(sql("SELECT count(*) FROM ratchet.verify('runs')"), '0', 'verify() finds no drift');

# -- another owner's ---------------------------------------------------------------------------------------------------

for my $owner (qw(one other))
{
    $node->safe_psql('postgres', <<"SQL");
CREATE ROLE $owner;
CREATE SCHEMA of_$owner AUTHORIZATION $owner;
SET SESSION AUTHORIZATION $owner;
CREATE TABLE of_$owner.runs (id int PRIMARY KEY, note text, n int NOT NULL DEFAULT 0);
CREATE TABLE of_$owner.results (run_id int REFERENCES of_$owner.runs);
SELECT ratchet.tally('of_$owner.results', 'of_$owner.runs', '{"n": "true"}', contention => 'spill');
INSERT INTO of_$owner.runs VALUES (1);
SQL
}
my $holder = open_session('UPDATE of_one.runs SET note = note; UPDATE of_other.runs SET note = note;');
sql('INSERT INTO of_one.results VALUES (1); INSERT INTO of_other.results VALUES (1)');
is(sql('SELECT count(*) FROM of_one.runs_spilled, of_other.runs_spilled'), '1', 'counts of two owners are spilled');
end_session($holder, 'ROLLBACK');
ok($node->poll_query_until('postgres', 'SELECT n = 1 FROM of_one.runs'), 'a session calls a worker');
ok($node->poll_query_until('postgres', 'SELECT n = 1 FROM of_other.runs'), 'and at once that of another owner too');

$node->stop;
done_testing();
