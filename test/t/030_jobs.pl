# The job race: main task, heartbeat task and worker write one row each in its own way, all of it at once, with what they
# read some time ago. 200 jobs, the order of all reads and writes drawn at random; the seed is printed.
#
# A trigger of the test keeps every version that was stored. Without a contract the same script must show the damage.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $seed = $ENV{RATCHET_SEED} // 4711;
my $rounds = 240;
note "RATCHET_SEED=$seed";

my $node = PostgreSQL::Test::Cluster->new('jobs');
$node->init;
$node->append_conf('postgresql.conf', "fsync = off\nlog_statement = none\nclient_min_messages = warning\n");
$node->start;

# What the three do to jobs, given the image of a row that they have read: an ORM's save of the whole row.
my %saves = (
    main => q{
        status = CASE WHEN i.status = 'queued' THEN 'running' WHEN i.progress >= 100 THEN 'done' ELSE i.status END,
        progress = i.progress, result = i.result, alive = i.alive, note = 'main ' || :r},
    heartbeat => q{
        status = i.status, progress = i.progress, result = i.result, alive = timestamptz '2026-01-01' + :r * interval '1 s',
        note = 'heartbeat ' || :r},
    worker => q{
        status = i.status, progress = least(100, i.progress + 5 + (:r + j.id) % 20), result = 'result ' || :r, alive = i.alive,
        note = 'worker ' || :r});
my %verbs = (
    main => q{
        SELECT count(*) FROM image i, LATERAL ratchet.advance('jobs', i.id, CASE WHEN i.status = 'queued' THEN 'running' ELSE 'done' END,
            jsonb_build_object('note', 'main ' || :r)) a
        WHERE (i.status = 'queued' OR i.progress >= 100) AND :jobs},
    heartbeat => q{SELECT count(*) FROM image i, LATERAL ratchet.beat('jobs', i.id) b WHERE :jobs},
    worker => q{
        SELECT count(*) FROM image i, LATERAL ratchet.beat('jobs', i.id, jsonb_build_object('progress', least(100, i.progress + 5 + (:r + i.id) % 20),
            'result', 'result ' || :r, 'note', 'worker ' || :r)) b
        WHERE :jobs});

# Plays the script in a database of its own; what it did to the jobs.
sub play
{
    my ($name, $guard, $statements) = @_;
    $node->safe_psql('postgres', "CREATE DATABASE $name");
    $node->safe_psql(
        $name, qq{
        CREATE EXTENSION ratchet;
        CREATE TABLE jobs (id int PRIMARY KEY, status text NOT NULL DEFAULT 'queued', progress int NOT NULL DEFAULT 0, result text,
            alive timestamptz, note text);
        CREATE TABLE history (n bigint GENERATED ALWAYS AS IDENTITY, id int, status text, progress int, result text, alive timestamptz);
        CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS
            'BEGIN INSERT INTO history (id, status, progress, result, alive) VALUES (NEW.id, NEW.status, NEW.progress, NEW.result, NEW.alive); RETURN NULL; END';
        CREATE TRIGGER keep AFTER INSERT OR UPDATE ON jobs FOR EACH ROW EXECUTE FUNCTION keep();
        $guard;
        INSERT INTO jobs (id) SELECT generate_series(1, 200);});
    srand $seed;
    my %sessions;
    for my $writer (sort keys %saves)
    {
        $sessions{$writer} = $node->background_psql($name, on_error_stop => 1);
        $sessions{$writer}->query('CREATE TEMP TABLE image AS SELECT * FROM jobs');
    }
    my @writers = sort keys %saves;
    for my $r (1 .. $rounds)
    {
        my $writer = $writers[ rand @writers ];
        my ($part, $of) = (int rand 3, 3);
        # Which jobs it is about differs from round to round, so every job has an order of its own.
        my $jobs = "(hashint8(i.id::bigint * 1000003 + $r + $seed) & 1023) % $of = $part";
        my $statement;
        if (rand() < 0.5)
        {
            $statement = "UPDATE image i SET (status, progress, result, alive) = (SELECT j.status, j.progress, j.result, j.alive FROM jobs j WHERE j.id = i.id) WHERE $jobs";
        }
        elsif ($statements) { ($statement = $statements->{$writer}) =~ s/:jobs/$jobs/; }
        else { $statement = "UPDATE jobs j SET $saves{$writer} FROM image i WHERE j.id = i.id AND $jobs"; }
        $statement =~ s/:r\b/$r/g;
        $sessions{$writer}->query($statement);
    }
    $_->quit for values %sessions;

    my $damage = $node->safe_psql(
        $name, q{
        WITH step AS (
            SELECT h.*, lag(status) OVER w AS old_status, lag(progress) OVER w AS old_progress, lag(result) OVER w AS old_result, lag(alive) OVER w AS old_alive
            FROM history h WINDOW w AS (PARTITION BY id ORDER BY n))
        SELECT count(*) FILTER (WHERE progress < old_progress), count(*) FILTER (WHERE alive < old_alive OR alive IS NULL AND old_alive IS NOT NULL),
               count(*) FILTER (WHERE old_status IN ('done', 'failed') AND (status, progress, result) IS DISTINCT FROM (old_status, old_progress, old_result)),
               count(*) FILTER (WHERE status <> old_status AND (old_status, status) NOT IN (('queued', 'running'), ('running', 'done'))),
               (SELECT count(*) FROM jobs j WHERE alive IS DISTINCT FROM (SELECT max(h.alive) FROM history h WHERE h.id = j.id)),
               (SELECT count(*) FROM jobs WHERE status = 'done'), count(*)
        FROM step});
    my @kinds = ('progress back', 'heartbeat back', 'finished and changed', 'moved otherwise', 'lost the last heartbeat', 'done', 'versions');
    my @counts = split /\|/, $damage;
    my %found = map { $kinds[$_] => $counts[$_] } 0 .. $#kinds;
    note "$name: " . join ', ', map { "$_ $found{$_}" } @kinds;
    return \%found;
}

my $guard = q{SELECT ratchet.guard('jobs', states => '{"status": {"queued": ["running"], "running": ["done", "failed"], "done": [], "failed": []}}',
    forward => '{progress}', frozen => '{progress,result}', heartbeat => 'alive'};
my @damages = ('progress back', 'heartbeat back', 'finished and changed', 'lost the last heartbeat');

my $naive = play('naive', 'SELECT 1');
cmp_ok($naive->{$_}, '>', 0, "without a contract: $_") for @damages, 'moved otherwise';

my $saved = play('saved', "$guard, mode => 'states=keep')");
is($saved->{$_}, 0, "the same saves under a contract: $_") for @damages, 'moved otherwise';
cmp_ok($saved->{done}, '>', 0, 'the same saves under a contract: jobs are done');

my $called = play('called', "$guard)", \%verbs);
is($called->{$_}, 0, "beat() and advance(): $_") for @damages, 'moved otherwise';
cmp_ok($called->{done}, '>', 0, 'beat() and advance(): jobs are done');

done_testing();
