# Attempts are in dumps: whatever way a plain owner dumps and restores a database, a schema or tables, the table of
# attempts, its rows and what keeps them come along, and what is attempted then is stored behind them.
use strict;
use warnings;

use IPC::Run ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('audit_dump');
$node->init;
$node->start;
my $directory = PostgreSQL::Test::Utils::tempdir;

# app owns the database and what is in it, other owns an audited table there, and neither is a superuser.
$node->safe_psql('postgres', 'CREATE ROLE app LOGIN; CREATE ROLE other LOGIN; CREATE ROLE writer LOGIN');

sub as
{
    my ($role, $database, $sql) = @_;
    return $node->safe_psql($database, $sql, extra_params => [ '-U', $role ]);
}

sub new_database
{
    my ($name) = @_;
    $node->safe_psql('postgres', "CREATE DATABASE $name OWNER app");
    $node->safe_psql($name, 'CREATE EXTENSION ratchet');
    return $name;
}

# Runs a program against this server as app; returns exit status and what it says.
sub run_program
{
    my (@command) = @_;
    my ($out, $err) = ('', '');
    local $ENV{PGHOST} = $node->host;
    local $ENV{PGPORT} = $node->port;
    local $ENV{PGUSER} = 'app';
    IPC::Run::run(\@command, '<', \undef, '>', \$out, '2>', \$err);
    return ($? >> 8, join("\n", grep { /ERROR|FATAL/ && !/must be owner of extension ratchet/ } split /\n/, $err));
}

new_database('source');
as('app', 'source', <<'SQL');
CREATE SCHEMA office;
CREATE TABLE office.forms (id int PRIMARY KEY, submitted_at timestamptz, submitted_by text);
SELECT ratchet.guard('office.forms', 'submitted_at', actor => 'submitted_by', audit => true);
INSERT INTO office.forms VALUES (1), (2), (3);
GRANT USAGE ON SCHEMA office TO writer;
GRANT SELECT, UPDATE ON office.forms TO writer;
CREATE SCHEMA "Büro 2";
CREATE TABLE "Büro 2"."it's a ""form""" (region text, id int, done boolean, PRIMARY KEY (region, id)) PARTITION BY LIST (region);
CREATE TABLE "Büro 2".eu PARTITION OF "Büro 2"."it's a ""form""" FOR VALUES IN ('eu');
SELECT ratchet.guard('"Büro 2"."it''s a ""form"""', 'done', audit => true);
INSERT INTO "Büro 2".eu VALUES ('eu', 1);
-- The contract is gone, what was attempted is not.
CREATE TABLE office.memos (id int PRIMARY KEY, done boolean);
SELECT ratchet.guard('office.memos', 'done', audit => true);
INSERT INTO office.memos VALUES (1);
SELECT ratchet.submit('office.memos', 1);
SELECT ratchet.unguard('office.memos');
SQL
as('writer', 'source', q{SET application_name = 'desk'; SELECT ratchet.submit('office.forms', i, 'ann'::text) FROM generate_series(1, 2) i;
    UPDATE office.forms SET submitted_at = NULL WHERE id = 1;});
as('app', 'source', q{SELECT ratchet.submit('"Büro 2"."it''s a ""form"""', '{"region": "eu", "id": 1}'::jsonb)});

my $attempts = 'SELECT * FROM ratchet.attempts ORDER BY at';
my $stored = as('app', 'source', $attempts);
is(scalar(my @lines = split(/\n/, $stored)), 5, 'what was attempted is there');

# What the restored database is asked.
sub is_restored
{
    my ($database, $name, %options) = @_;
    my $expected = $options{only} ? join("\n", grep { /$options{only}/ } split /\n/, $stored) : $stored;
    is(as('app', $database, $attempts), $expected, "$name: what was attempted is there");
    is($node->safe_psql($database, 'SELECT * FROM ratchet.health()'), '', "$name: healthy");
    is(as('other', $database, 'SELECT count(*) FROM ratchet.attempts'), '0', "$name: nobody else sees it");
    my (undef, undef, $err) = $node->psql($database, 'DELETE FROM office.forms_attempts', extra_params => [ '-U', 'app' ]);
    like($err, qr/relation "forms_attempts" holds attempts, which only contracts write/, "$name: nor does anybody write it");
    as('writer', $database, q{UPDATE office.forms SET submitted_at = NULL WHERE id = 2; SELECT ratchet.submit('office.forms', 3, 'bob'::text);});
    is(as('app', $database, q{SELECT key, outcome, role FROM office.forms_attempts ORDER BY at OFFSET 3}),
        "2|kept|writer\n3|submitted|writer", "$name: what is attempted then comes behind it");
    is(as('app', $database, q{SELECT ratchet.guard('office.forms', 'submitted_at', actor => 'submitted_by', audit => true)}),
        'unchanged', "$name: the contract is the same");
    is(as('app', $database, q{SELECT count(*) FROM pg_class WHERE relname LIKE 'forms\_attempts%' AND relkind = 'r'}), '1', "$name: with the same table");
    return;
}

# -- the whole database ------------------------------------------------------------------------------------------------

my ($status, $said) = run_program('pg_dump', '-f', "$directory/plain.sql", 'source');
is("$status $said", '0 ', 'a plain owner dumps his database');
my $database = new_database('plain');
(undef, $said) = run_program('psql', '-X', '-q', '-o', '/dev/null', '-d', $database, '-f', "$directory/plain.sql");
is($said, '', 'and restores it');
is_restored($database, 'plain');

run_program('pg_dump', '-Fc', '-f', "$directory/custom", 'source');
$database = new_database('custom');
($status, $said) = run_program('pg_restore', '-j2', '-d', $database, "$directory/custom");
is($said, '', 'custom format, two jobs');
is_restored($database, 'custom');

# Over a copy that is in use.
run_program('pg_dump', '--clean', '--if-exists', '-f', "$directory/clean.sql", 'source');
(undef, $said) = run_program('psql', '-X', '-q', '-o', '/dev/null', '-d', $database, '-f', "$directory/clean.sql");
is(join("\n", grep { !/cannot drop inherited constraint|cannot drop extension|extension ratchet/ } split /\n/, $said), '', 'over an older copy');
is_restored($database, 'clean');

# -- parts of it -------------------------------------------------------------------------------------------------------

run_program('pg_dump', '--schema', 'office', '-f', "$directory/schema.sql", 'source');
$database = new_database('one_schema');
(undef, $said) = run_program('psql', '-X', '-q', '-o', '/dev/null', '-d', $database, '-f', "$directory/schema.sql");
is($said, '', 'one schema');
is_restored($database, 'one schema', only => qr/office/);

run_program('pg_dump', '-t', 'office.forms*', '-f', "$directory/tables.sql", 'source');
$database = new_database('tables');
as('app', $database, 'CREATE SCHEMA office; GRANT USAGE ON SCHEMA office TO writer');
(undef, $said) = run_program('psql', '-X', '-q', '-o', '/dev/null', '-d', $database, '-f', "$directory/tables.sql");
is($said, '', 'the table and that of its attempts');
is_restored($database, 'tables', only => qr/office.forms/);

# Without its table for attempts the contract lets nothing be attempted unseen, and says so; a declaration makes one.
run_program('pg_dump', '-t', 'office.forms', '-f', "$directory/table.sql", 'source');
$database = new_database('one_table');
as('app', $database, 'CREATE SCHEMA office; GRANT USAGE ON SCHEMA office TO writer');
(undef, $said) = run_program('psql', '-X', '-q', '-o', '/dev/null', '-d', $database, '-f', "$directory/table.sql");
is($said, '', 'the table alone');
my $submit = q{SELECT outcome FROM ratchet.submit('office.forms', 3, 'bob'::text)};
like(($node->psql($database, $submit))[2], qr/attempts at rows of relation "forms" cannot be stored/, 'the table alone: nothing is attempted unseen');
like($node->safe_psql($database, 'SELECT finding FROM ratchet.health()'), qr/cannot be stored, so they fail: there is no table for them/,
    'the table alone: health() reports it');
is(as('app', $database, q{SELECT ratchet.guard('office.forms', 'submitted_at', actor => 'submitted_by', audit => true)}), 'repaired',
    'the table alone: declared again');
is(as('app', $database, "$submit; SELECT key, outcome FROM office.forms_attempts"), "submitted\n3|submitted", 'the table alone: and audited');

# -- structure and data apart ------------------------------------------------------------------------------------------

run_program('pg_dump', '--schema-only', '-f', "$directory/structure.sql", 'source');
run_program('pg_dump', '--data-only', '-f', "$directory/data.sql", 'source');
$database = new_database('apart');
(undef, $said) = run_program('psql', '-X', '-q', '-o', '/dev/null', '-d', $database, '-f', "$directory/structure.sql");
is($said, '', 'the structure alone');
(undef, $said) = run_program('psql', '-X', '-q', '-1', '-v', 'ON_ERROR_STOP=1', '-d', $database, '-f', "$directory/data.sql");
like($said, qr/relation ".+" holds attempts, which only contracts write/, 'the data does not go in as if anybody might write it');
my $tables = q{SELECT format('ALTER TABLE %s %s TRIGGER "~ratchet_attempts";', tgrelid::regclass, '%s') FROM pg_trigger WHERE tgname = '~ratchet_attempts'};
as('app', $database, as('app', $database, $tables =~ s/'%s'/'DISABLE'/r));
($status, $said) = run_program('psql', '-X', '-q', '-1', '-v', 'ON_ERROR_STOP=1', '-d', $database, '-f', "$directory/data.sql");
is("$status $said", '0 ', 'with the triggers disabled it does');
as('app', $database, as('app', $database, $tables =~ s/'%s'/'ENABLE'/r));
is_restored($database, 'apart');

# -- another owner, and without the extension --------------------------------------------------------------------------

$node->safe_psql('source', q{CREATE SCHEMA theirs AUTHORIZATION other; SET ROLE other; CREATE TABLE theirs.forms (id int PRIMARY KEY, done boolean);
    SELECT ratchet.guard('theirs.forms', 'done', audit => true); INSERT INTO theirs.forms VALUES (1); SELECT ratchet.submit('theirs.forms', 1);});
is(as('other', 'source', 'SELECT relation, key, outcome FROM ratchet.attempts'), 'theirs.forms|1|submitted', 'each owner sees his own');
is(as('app', 'source', $attempts), $stored, 'and nobody else\'s');
like((run_program('pg_dump', '-f', "$directory/both.sql", 'source'))[1], qr/permission denied for schema theirs/, 'what is another\'s was never to be dumped by him');
my $superuser = $node->safe_psql('postgres', 'SELECT current_user');
is((run_program('pg_dump', '-U', $superuser, '-f', "$directory/both.sql", 'source'))[0], 0, 'a superuser dumps all');
$node->safe_psql('postgres', 'CREATE DATABASE both_owners');
$node->run_log([ 'psql', '-X', '-q', '-o', '/dev/null', '-d', $node->connstr('both_owners'), '-f', "$directory/both.sql" ]);
is($node->safe_psql('both_owners', 'SELECT count(*) FROM ratchet.attempts'), '6', 'and restores all');
is(as('other', 'both_owners', 'SELECT relation, key, outcome FROM ratchet.attempts'), 'theirs.forms|1|submitted', 'where each owner sees his own');
$node->safe_psql('both_owners', 'DROP EXTENSION ratchet CASCADE');
is(as('app', 'both_owners', 'SELECT key, outcome FROM office.forms_attempts ORDER BY at LIMIT 1'), '1|submitted', 'without the extension the tables stay');

$node->stop;
done_testing();
