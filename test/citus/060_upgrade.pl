# An update on the coordinator is one on all nodes; contracts can be distributed from then on.
use strict;
use warnings;

use FindBin;
use Test::More;

use lib "$FindBin::Bin/lib";
use CitusCluster;

my $citus = CitusCluster->new('upgrade');
my $current = $citus->sql("SELECT extversion FROM pg_extension WHERE extname = 'ratchet'");
my $versions = q{SELECT DISTINCT result FROM run_command_on_all_nodes($$SELECT extversion FROM pg_extension WHERE extname = 'ratchet'$$)};

$citus->sql("DROP EXTENSION ratchet; CREATE EXTENSION ratchet VERSION '0.1.0'");
is($citus->sql($versions), '0.1.0', 'every node has the version that the coordinator has');
$citus->sql('CREATE TABLE cards (id bigint PRIMARY KEY, submitted_at timestamptz, note text)');
$citus->sql(q{CREATE TRIGGER "~ratchet_guard" BEFORE UPDATE ON cards FOR EACH ROW
    EXECUTE FUNCTION ratchet.guard_row('gate=submitted_at', 'gate_by=any', 'mode=keep')});
$citus->sql('ALTER EXTENSION ratchet UPDATE');
is($citus->sql($versions), $current, 'every node is updated');
$citus->sql(q{SELECT create_distributed_table('cards', 'id'); INSERT INTO cards SELECT i, now() FROM generate_series(1, 20) i;
    UPDATE cards SET submitted_at = NULL, note = 'late'});
is($citus->sql('SELECT count(submitted_at), count(note) FROM cards'), '20|20', 'a contract from before is on the shards');
is($citus->sql('SELECT * FROM ratchet.health()'), '', 'healthy');

done_testing();
