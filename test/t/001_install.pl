# CREATE EXTENSION works in a new cluster, and what was installed is what the control file says.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $control = slurp_file('extension/ratchet.control');
my ($version) = $control =~ /^default_version\s*=\s*'(.*)'/m;
ok($version, "the control file has a version ($version)");

my $node = PostgreSQL::Test::Cluster->new('install');
$node->init;
$node->start;

$node->safe_psql('postgres', 'CREATE EXTENSION ratchet');
is($node->safe_psql('postgres', 'SELECT ratchet.version()'), $version, 'the library has the version of the control file');
is($node->safe_psql('postgres', q{SELECT extversion FROM pg_extension WHERE extname = 'ratchet'}),
    $version, 'so has the extension');

# Every member can be resolved and none lies outside of its schema.
is( $node->safe_psql(
        'postgres', q{
        SELECT p.oid::regprocedure
        FROM pg_depend d JOIN pg_proc p ON p.oid = d.objid
        JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'ratchet'
        WHERE d.classid = 'pg_proc'::regclass AND d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'
          AND p.pronamespace <> 'ratchet'::regnamespace}),
    '', 'all functions are in the schema ratchet');

$node->safe_psql('postgres', 'DROP EXTENSION ratchet');
$node->safe_psql('postgres', 'CREATE EXTENSION ratchet');
is($node->safe_psql('postgres', 'SELECT ratchet.version()'), $version, 'can be dropped and created again');

$node->stop;
done_testing();
