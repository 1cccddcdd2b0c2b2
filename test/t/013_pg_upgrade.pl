# pg_upgrade takes the extension apart and puts its members together again one by one, event triggers included, before it
# hands over the tables. Contracts and the library's catalogs must come out of that as they went in.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $old = PostgreSQL::Test::Cluster->new('old');
$old->init;
$old->start;

$old->safe_psql(
    'postgres', q{
    CREATE ROLE app LOGIN;
    CREATE EXTENSION ratchet;
    CREATE SCHEMA app AUTHORIZATION app;
    SET ROLE app;
    CREATE TABLE app.scorecards (id bigint, region text, comment text, submitted_at timestamptz, submitted_by text,
        PRIMARY KEY (id, region)) PARTITION BY LIST (region);
    CREATE TABLE app.scorecards_eu (submitted_by text, gone int, submitted_at timestamptz, comment text,
        region text NOT NULL, id bigint NOT NULL);
    ALTER TABLE app.scorecards_eu DROP COLUMN gone;
    ALTER TABLE app.scorecards ATTACH PARTITION app.scorecards_eu FOR VALUES IN ('eu');
    CREATE TABLE app.scorecards_us PARTITION OF app.scorecards FOR VALUES IN ('us');
    SELECT ratchet.guard('app.scorecards', gate => 'submitted_at', actor => 'submitted_by', insert => 'reject');
    INSERT INTO app.scorecards (id, region) SELECT i, r FROM generate_series(1, 10) i, unnest('{eu,us}'::text[]) r;
    SELECT ratchet.submit('app.scorecards', jsonb_build_object('id', i, 'region', r), actor => 'ann')
        FROM generate_series(1, 5) i, unnest('{eu,us}'::text[]) r;
    CREATE TABLE app.forms (id int PRIMARY KEY, done boolean);
    SELECT ratchet.guard('app.forms', 'done', audit => true);
    INSERT INTO app.forms VALUES (1), (2);
    SELECT ratchet.submit('app.forms', 1);
    CREATE FUNCTION app.adult(age int) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT age >= 18';
    CREATE FUNCTION app.finished(class int) RETURNS void LANGUAGE sql AS 'SELECT';
    CREATE TABLE app.classes (id int PRIMARY KEY, total int, n int, full_ boolean);
    CREATE TABLE app.pupils (class int REFERENCES app.classes, age int);
    SELECT ratchet.tally('app.pupils', 'app.classes', '{"n": "app.adult(age)"}', total => 'total', total_of => 'n',
        done => 'full_', on_done => 'app.finished(int)');
    INSERT INTO app.classes VALUES (1, 9);
    INSERT INTO app.pupils VALUES (1, 17), (1, 18), (1, 19);});

my $catalog = q{
    SELECT target, gate, gate_by, actor, owned, mode, insert, enabled FROM ratchet.contract ORDER BY target::text;
    SELECT evtname, evtevent, evtfoid::regprocedure, evtenabled FROM pg_event_trigger ORDER BY evtname;
    SELECT pg_describe_object(classid, objid, 0) FROM pg_depend
        WHERE refobjid = (SELECT oid FROM pg_extension WHERE extname = 'ratchet') AND deptype = 'e' ORDER BY 1;
    SELECT pg_get_triggerdef(oid), tgenabled FROM pg_trigger WHERE tgname LIKE '~ratchet%'
        ORDER BY tgrelid::regclass::text, 1;
    SELECT count(*), md5(string_agg(s::text, ',' ORDER BY s::text)) FROM app.scorecards s;
    SELECT * FROM ratchet.attempts};
my $before = $old->safe_psql('postgres', $catalog);
$old->stop;

my $new = PostgreSQL::Test::Cluster->new('new');
$new->init;
my $bindir = $new->config_data('--bindir');
chdir PostgreSQL::Test::Utils::tempdir;
command_ok(
    [
        'pg_upgrade', '--no-sync', '-d', $old->data_dir, '-D', $new->data_dir, '-b', $bindir, '-B', $bindir,
        '-s', $new->host, '-p', $old->port, '-P', $new->port
    ],
    'pg_upgrade')
  or diag map { slurp_file($_) } glob($new->data_dir . '/pg_upgrade_output.d/*/log/pg_upgrade_dump_*.log');
$new->start;

is($new->safe_psql('postgres', $catalog), $before, 'contracts, members, event triggers and rows are as before');
# pg_upgrade takes no dependency along that the extension has recorded.
is( $new->safe_psql('postgres', 'SELECT severity, target FROM ratchet.health() ORDER BY target::text'),
    "warning|app.classes\nwarning|app.pupils", 'health() names the tables whose dependencies are not recorded');
my ($status, $out, $err) = $new->psql('postgres', 'ALTER TABLE app.pupils ALTER age TYPE bigint');
like($err, qr/belongs to its contract, as a part of what is counted/, 'a counted column keeps its type all the same');
is($new->safe_psql('postgres', 'SET ROLE app; SELECT ratchet.record_dependencies()'), '2', 'they are recorded again');
($status, $out, $err) = $new->psql('postgres', 'DROP FUNCTION app.adult(int)');
like($err, qr/cannot drop function app.adult\(integer\) because other objects depend on it/, 'and hold');
($status, $out, $err) = $new->psql('postgres', 'DROP FUNCTION app.finished(int)');
like($err, qr/cannot drop function app.finished\(integer\) because other objects depend on it/, 'also the function of a completion');
is( $new->safe_psql(
        'postgres', q{
        ALTER FUNCTION app.adult(int) RENAME TO grown;
        INSERT INTO app.pupils VALUES (1, 20);
        SELECT n FROM app.classes;
        SELECT * FROM ratchet.verify()}),
    '3', 'and are followed');
is($new->safe_psql('postgres', 'SELECT * FROM ratchet.health()'), '', 'healthy');
is( $new->safe_psql(
        'postgres', q{
        SET ROLE app;
        UPDATE app.scorecards SET submitted_at = NULL, submitted_by = 'eve', comment = 'late';
        SELECT count(submitted_at), count(*) FILTER (WHERE submitted_by = 'ann'), count(comment) FROM app.scorecards;
        SELECT outcome FROM ratchet.submit('app.scorecards', '{"id": 6, "region": "eu"}'::jsonb, actor => 'bob');
        ALTER TABLE app.scorecards RENAME COLUMN submitted_by TO submitter;
        SELECT actor FROM ratchet.contract WHERE actor <> ''}),
    "10|10|20\nsubmitted\nsubmitter", 'contracts are enforced, and DDL is watched');
is( $new->safe_psql(
        'postgres', q{
        SET ROLE app;
        UPDATE app.forms SET done = false WHERE id = 1;
        SELECT outcome FROM ratchet.submit('app.forms', 2);
        SELECT relation, key, outcome FROM ratchet.attempts ORDER BY at OFFSET 1}),
    "submitted\nforms|1|kept\nforms|2|submitted", 'what is attempted comes behind what was attempted before');

$new->stop;
done_testing();
