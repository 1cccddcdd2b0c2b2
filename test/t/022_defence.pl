# The defence of docs/examples/defence.sql: evaluators submit at once, each several times, with and without an
# idempotency key, some only to roll back. Each has exactly one evaluation, everybody is answered, and the last
# evaluation concludes the defence in its own transaction, once.
use strict;
use warnings;

use IPC::Run ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $attempts = 5;    # of each evaluator at once; the last of them is rolled back
my @codes = (1 .. 3);    # of each project

my $node = PostgreSQL::Test::Cluster->new('defence');
$node->init;
$node->append_conf('postgresql.conf', "max_connections = 400\nlog_statement = none\nlog_min_messages = fatal\n");
$node->start;
$node->safe_psql('postgres', 'CREATE DATABASE defence');

sub sql { return $node->safe_psql('defence', join ';', @_); }

# -- the example -------------------------------------------------------------------------------------------------------

my $example = 'docs/examples/defence.sql';
my ($out, $err) = ('', '');
IPC::Run::run([ 'psql', '-XAtq', '-F', ' | ', '-f', $example, '-d', $node->connstr('defence') ],
    '<', \undef, '>', \$out, '2>', \$err);
is($?, 0, 'the example runs') or diag $err;
is($out, join('', slurp_file($example) =~ /^--> (.*\n)/mg), 'and answers what it says');
like($err, qr/NOTICE:  columns? .*"evaluated_count".* of relation "projects" kept (its value|their values) in 1 row/, 'with a notice of what a stale save left alone');

# -- what is written down of everything --------------------------------------------------------------------------------

sql(q{
    CREATE TABLE happened (what text, project_id bigint, evaluator_id bigint, tx xid8 DEFAULT pg_current_xact_id());
    CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        this jsonb := to_jsonb(coalesce(NEW, OLD));
    BEGIN
        -- Students are numbered like their projects here.
        INSERT INTO public.happened (what, project_id, evaluator_id)
        VALUES (TG_OP || ' ' || TG_TABLE_NAME, coalesce(this ->> 'project_id', this ->> 'id')::bigint,
                (this ->> 'evaluator_id')::bigint);
        RETURN NULL;
    END $$;
    CREATE TRIGGER note AFTER UPDATE ON defence.students FOR EACH ROW EXECUTE FUNCTION note();
    CREATE TRIGGER note AFTER DELETE ON defence.access_codes FOR EACH ROW EXECUTE FUNCTION note();
    CREATE TRIGGER note AFTER INSERT ON defence.evaluations FOR EACH ROW EXECUTE FUNCTION note();
    CREATE TRIGGER note AFTER UPDATE ON defence.projects FOR EACH ROW
        WHEN (OLD.is_defended IS DISTINCT FROM NEW.is_defended) EXECUTE FUNCTION note();

    CREATE TABLE outcomes (project_id bigint, evaluator_id bigint, attempt int, request uuid, outcome text,
        submitted_by text, record jsonb, progress jsonb, tx xid8 DEFAULT pg_current_xact_id());

    -- The control: look, then write; count again, then compare.
    CREATE TABLE by_hand (project_id bigint, evaluator_id bigint, has_evaluated boolean DEFAULT false);
    CREATE TABLE evaluated_by_hand (project_id bigint, evaluator_id bigint);
    CREATE TABLE concluded_by_hand (project_id bigint)});

sub create_projects
{
    my ($first, $last, $evaluators) = @_;
    my $codes = join ', ', @codes;
    sql(qq{
        INSERT INTO defence.students (id, name) SELECT p, 'student' FROM generate_series($first, $last) p;
        INSERT INTO defence.projects (id, student_id, title) SELECT p, p, 'title' FROM generate_series($first, $last) p;
        INSERT INTO defence.access_codes (code, project_id)
            SELECT p || ' ' || c, p FROM generate_series($first, $last) p, unnest(ARRAY[$codes]) c;
        INSERT INTO defence.assignments (project_id, evaluator_id)
            SELECT p, e FROM generate_series($first, $last) p, generate_series(1, $evaluators) e;
        INSERT INTO by_hand (project_id, evaluator_id) SELECT project_id, evaluator_id FROM defence.assignments});
}

# -- all at once -------------------------------------------------------------------------------------------------------

my $directory = PostgreSQL::Test::Utils::tempdir;
my $scripts = 0;

# Every client runs the script once a project. In each all of them queue up behind an advisory lock, and only when all
# are there it is released: so they really submit at once, and a fast one cannot run ahead.
sub run_projects
{
    my ($first, $last, $evaluators, $mode, $script) = @_;
    my $clients = $attempts * $evaluators;
    my $file = $directory . '/script_' . ++$scripts . '.sql';
    append_to_file($file, <<"SQL");
\\set project :project + 1
\\set evaluator :client_id % $evaluators + 1
\\set attempt :client_id / $evaluators + 1
SELECT pg_advisory_lock_shared(7, :project);
$script
SELECT pg_advisory_unlock_shared(7, :project);
SQL

    my $starter = $node->background_psql('defence');
    $starter->query_safe("SELECT count(pg_advisory_lock(7, p)) FROM generate_series($first, $last) p");
    my ($out, $err) = ('', '');
    my $pgbench = IPC::Run::start(
        [
            'pgbench', '-n', '-M', $mode, '-c', $clients, '-j', 2, '-t', $last - $first + 1, '-D', 'project=' . ($first - 1),
            '-f', $file, $node->connstr('defence')
        ],
        '<', \undef, '>', \$out, '2>', \$err);
    $starter->query_safe(<<SQL);
DO \$\$
DECLARE
    deadline timestamptz := clock_timestamp() + '${PostgreSQL::Test::Utils::timeout_default}s'::interval;
BEGIN
    FOR project IN $first .. $last LOOP
        WHILE (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND classid = 7 AND objid = project AND NOT granted)
                < $clients LOOP
            IF clock_timestamp() > deadline THEN RAISE EXCEPTION 'not all clients have come to project %', project; END IF;
            PERFORM pg_sleep(0.001);
        END LOOP;
        PERFORM pg_advisory_unlock(7, project);
    END LOOP;
END \$\$;
SQL
    $pgbench->finish;
    is($pgbench->result(0), 0, "$evaluators evaluators, $attempts attempts each, $mode: no attempt is an error") or diag $err;
    $starter->quit;
}

my $by_hand = <<SQL;
BEGIN;
SELECT (NOT has_evaluated)::int AS open FROM by_hand WHERE project_id = :project AND evaluator_id = :evaluator \\gset
\\if :open
UPDATE by_hand SET has_evaluated = true WHERE project_id = :project AND evaluator_id = :evaluator;
INSERT INTO evaluated_by_hand VALUES (:project, :evaluator);
INSERT INTO concluded_by_hand SELECT :project
    WHERE (SELECT count(*) FROM evaluated_by_hand WHERE project_id = :project)
        = (SELECT count(*) FROM by_hand WHERE project_id = :project);
\\endif
COMMIT;
SQL

# Attempts 1 and 2 are one request of one actor, sent twice; 3 has a key of its own and 4 none.
my $submit = <<SQL;
INSERT INTO outcomes (project_id, evaluator_id, attempt, request, outcome, submitted_by, record, progress)
SELECT :project, :evaluator, :attempt, r.request, s.outcome, s.submitted_by, s.record, s.progress
FROM (SELECT CASE (:attempt)::int WHEN 4 THEN NULL WHEN 3 THEN md5(:project || ' ' || :evaluator || ' other')::uuid
                           ELSE md5(:project || ' ' || :evaluator)::uuid END AS request) r,
    ratchet.submit('defence.assignments',
        jsonb_build_object('project_id', (:project)::bigint, 'evaluator_id', (:evaluator)::bigint),
        'attempt ' || greatest((:attempt)::int, 2), child => 'defence.evaluations',
        record => jsonb_build_object('grade', 1 + (:evaluator)::int % 4, 'remark', 'attempt ' || :attempt),
        idempotency_key => r.request, flush => true) s;
SQL
my $rolled_back = "BEGIN;\n$submit" . "ROLLBACK;\n";
my $mixture = "\\if :attempt = $attempts\n$rolled_back\\else\n$submit\\endif\n";

# One at least of: two evaluations of one evaluator, no conclusion, two conclusions.
create_projects(11, 30, 5);
run_projects(11, 30, 5, 'simple', $by_hand);
cmp_ok(
    sql(q{
        SELECT count(*) FROM (SELECT DISTINCT project_id FROM by_hand) p
        WHERE (SELECT count(*) FROM evaluated_by_hand WHERE project_id = p.project_id)
            <> (SELECT count(*) FROM by_hand WHERE project_id = p.project_id)
           OR (SELECT count(*) FROM concluded_by_hand WHERE project_id = p.project_id) <> 1}),
    '>', 0, 'by hand defences go wrong');

sub is_exact
{
    my ($first, $last, $evaluators, $name) = @_;
    my $projects = $last - $first + 1;
    my $here = "project_id BETWEEN $first AND $last";

    is(sql("SELECT count(*), count(*) FILTER (WHERE outcome = 'submitted') FROM outcomes WHERE $here"),
        join('|', $projects * $evaluators * ($attempts - 1), $projects * $evaluators),
        "$name: every attempt is answered, and so many win as there are evaluators");
    is( sql(qq{
            SELECT o.project_id, o.evaluator_id, o.attempt, o.outcome, o.submitted_by, w.attempt
            FROM outcomes o LEFT JOIN outcomes w USING (project_id, evaluator_id)
            WHERE o.$here AND w.outcome = 'submitted'
              AND (o.outcome <> CASE WHEN o.attempt = w.attempt THEN 'submitted' WHEN o.request = w.request THEN 'replayed'
                                     ELSE 'already_submitted' END
                   OR o.submitted_by IS DISTINCT FROM 'attempt ' || greatest(w.attempt, 2)
                   OR o.record ->> 'remark' IS DISTINCT FROM
                      CASE o.outcome WHEN 'already_submitted' THEN NULL ELSE 'attempt ' || w.attempt END)}),
        '', "$name: a repeated request is replayed, all others are told who was first");
    is( sql(qq{
            SELECT * FROM (SELECT project_id, evaluator_id, evaluated_by, request_id FROM defence.assignments WHERE $here) a
            FULL JOIN (SELECT * FROM outcomes WHERE $here AND outcome = 'submitted') w USING (project_id, evaluator_id)
            FULL JOIN (SELECT * FROM defence.evaluations WHERE $here) e USING (project_id, evaluator_id)
            WHERE (a.evaluated_by, a.request_id, e.remark)
                  IS DISTINCT FROM (w.submitted_by, w.request, 'attempt ' || w.attempt)}),
        '', "$name: each evaluator has one evaluation, the winner's");

    # Nobody saw a count that another one saw too, so exactly one was told that it was the last.
    is( sql(qq{
            SELECT project_id FROM outcomes WHERE $here AND outcome = 'submitted' GROUP BY project_id
            HAVING array_agg((progress -> 0 -> 'columns' ->> 'evaluated_count')::int
                             ORDER BY (progress -> 0 -> 'columns' ->> 'evaluated_count')::int)
                   <> ARRAY(SELECT generate_series(1, $evaluators))
                OR bool_or((progress -> 0 ->> 'done')::boolean
                           <> ((progress -> 0 -> 'columns' ->> 'evaluated_count')::int = $evaluators))
                OR bool_or(jsonb_array_length(progress) <> 1)}),
        '', "$name: the winners are answered the counts 1 to $evaluators, and the last one that it was the last");
    is( sql(qq{
            SELECT project_id, w.tx, array_agg(what || ' ' || number ORDER BY what) FROM (
                SELECT project_id, h.tx, what, count(*) AS number FROM happened h
                WHERE $here AND what <> 'INSERT evaluations' GROUP BY project_id, h.tx, what) h
            FULL JOIN (SELECT o.project_id, o.tx FROM outcomes o JOIN happened e USING (project_id, evaluator_id, tx)
                       WHERE o.$here AND (o.progress -> 0 ->> 'done')::boolean AND o.outcome = 'submitted'
                         AND e.what = 'INSERT evaluations') w USING (project_id, tx)
            GROUP BY project_id, w.tx
            HAVING w.tx IS NULL
                OR array_agg(what || ' ' || number ORDER BY what)
                   <> '{DELETE access_codes ${\scalar @codes},UPDATE projects 1,UPDATE students 1}'}),
        '', "$name: the transaction of the last evaluation, and no other, concludes, advances and clears, once");
    is( sql(qq{
            SELECT count(*), count(DISTINCT tx) FROM happened WHERE $here AND what = 'UPDATE students'},
            qq{SELECT count(*) FROM defence.students WHERE id BETWEEN $first AND $last AND stage = 'graduated'},
            qq{SELECT count(*) FROM defence.access_codes WHERE $here},
            qq{SELECT count(*) FROM defence.projects WHERE id BETWEEN $first AND $last AND is_defended
                AND defended_at IS NOT NULL AND assigned_count = $evaluators AND evaluated_count = $evaluators
                AND grade_sum = (SELECT sum(grade) FROM defence.evaluations WHERE project_id = projects.id)}),
        "$projects|$projects\n$projects\n0\n$projects", "$name: $projects defences, each concluded once");
    is(sql('SELECT * FROM ratchet.verify()'), '', "$name: no drift");
}

my $next = 101;
for my $case ([ 2, 20 ], [ 5, 20 ], [ 64, 2 ])
{
    my ($evaluators, $projects) = @$case;
    for my $mode ('simple', 'prepared')
    {
        my ($first, $last) = ($next, $next + $projects - 1);
        $next = $last + 1;
        create_projects($first, $last, $evaluators);
        run_projects($first, $last, $evaluators, $mode, $mixture);
        is_exact($first, $last, $evaluators, "$evaluators evaluators, $mode");
    }
}
is($node->safe_psql('postgres', q{SELECT deadlocks FROM pg_stat_database WHERE datname = 'defence'}),
    0, 'no deadlocks');

# -- a conclusion that fails -------------------------------------------------------------------------------------------

sub attempt
{
    my ($project, $evaluator, $then) = @_;
    my ($out, $err);
    $node->psql(
        'defence', qq{BEGIN; SELECT outcome, progress -> 0 ->> 'done' FROM ratchet.submit('defence.assignments',
            '{"project_id": $project, "evaluator_id": $evaluator}', 'ann', child => 'defence.evaluations',
            record => '{"grade": 2}', flush => true); $then},
        stdout => \$out, stderr => \$err, on_error_stop => 0);
    return $err =~ /ERROR:  (.*)/ ? $1 : $out;
}

# How far a defence is: what the project says, what is stored, the student, the codes.
sub standing
{
    my ($project) = @_;
    return sql(qq{
        SELECT evaluated_count, is_defended, (SELECT count(*) FROM defence.evaluations WHERE project_id = p.id),
            (SELECT count(*) FROM defence.assignments WHERE project_id = p.id AND has_evaluated), stage,
            (SELECT count(*) FROM defence.access_codes WHERE project_id = p.id)
        FROM defence.projects p JOIN defence.students s ON s.id = p.student_id WHERE p.id = $project});
}

create_projects(1001, 1001, 2);
sql(q{ALTER TABLE defence.students ADD CONSTRAINT fees_paid CHECK (id <> 1001 OR stage = 'defence')});
is(attempt(1001, 1, 'COMMIT'), 'submitted|false', 'the first evaluation');
like(attempt(1001, 2, 'COMMIT'), qr/violates check constraint "fees_paid"/, 'the last one, where the conclusion fails');
is(standing(1001), '1|f|1|1|defence|3', 'fails whole: no evaluation, an open gate');
sql('ALTER TABLE defence.students DROP CONSTRAINT fees_paid');
is(attempt(1001, 2, 'ROLLBACK'), 'submitted|true', 'the last one, rolled back');
is(standing(1001), '1|f|1|1|defence|3', 'leaves nothing behind');
is(attempt(1001, 2, 'COMMIT'), 'submitted|true', 'the last one, again');
is(standing(1001), '2|t|2|2|graduated|0', 'concludes the defence');

# -- afterwards --------------------------------------------------------------------------------------------------------

sql(q{INSERT INTO defence.assignments (project_id, evaluator_id) VALUES (1001, 3)});
is(standing(1001), '2|t|2|2|graduated|0', 'somebody is assigned afterwards: the defence stays concluded');
is(attempt(1001, 3, 'COMMIT'), 'submitted|true', 'and may still evaluate');
is(standing(1001), '3|t|3|3|graduated|0', 'which counts');
is(sql(q{SELECT count(*) FROM happened WHERE project_id = 1001 AND what = 'UPDATE students'}),
    1, 'and concludes nothing again');
is(sql('SELECT * FROM ratchet.verify()', 'SELECT * FROM ratchet.health()'), '', 'no drift, and healthy at the end');

$node->stop;
done_testing();
