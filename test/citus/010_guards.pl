# Guards of distributed tables: declared before or after, they are on every shard, and follow DDL there.
use strict;
use warnings;

use FindBin;
use Test::More;

use lib "$FindBin::Bin/lib";
use CitusCluster;

my $citus = CitusCluster->new('guards');

my $cards = 'id bigint PRIMARY KEY, submitted_at timestamptz, submitted_by bigint, comment text';
$citus->sql(<<"SQL");
CREATE TABLE cards ($cards);
SELECT create_distributed_table('cards', 'id');
SELECT ratchet.guard('cards', gate => 'submitted_at', actor => 'submitted_by');
INSERT INTO cards SELECT i, NULL, NULL, NULL FROM generate_series(1, 40) i;
SQL
is($citus->triggers('cards'), '~ratchet_guard:8', 'declared after: on every shard');

# -- writes through the coordinator ------------------------------------------------------------------------------------

$citus->sql('UPDATE cards SET submitted_at = now(), submitted_by = 7 WHERE id = 1');
my $stale = $citus->said("UPDATE cards SET submitted_at = NULL, submitted_by = NULL, comment = 'stale' WHERE id = 1");
like(
    $stale,
    qr/^NOTICE:  01R01: columns "submitted_at", "submitted_by" of relation "cards_\d+" kept their values in 1 row$/m,
    'a stale save is told of, by the name of the shard');
is($citus->sql('SELECT submitted_at IS NOT NULL, submitted_by, comment FROM cards WHERE id = 1'),
    't|7|stale', 'the gate stays, the rest is saved');
$citus->sql('UPDATE cards SET submitted_at = now(), submitted_by = 9');
$citus->sql('UPDATE cards SET submitted_at = NULL');
is($citus->sql('SELECT count(*), count(submitted_at), count(*) FILTER (WHERE submitted_by = 7) FROM cards'),
    '40|40|1', 'an UPDATE of all shards: each row is judged where it is');

# -- declarations -----------------------------------------------------------------------------------------------------

is($citus->sql("SELECT ratchet.guard('cards', gate => 'submitted_at', actor => 'submitted_by')"), 'unchanged', 'declared again');
is($citus->sql("SELECT ratchet.guard('cards', gate => 'submitted_at', actor => 'submitted_by', once => '{comment}')"),
    'extended', 'extended');
like($citus->said("SELECT ratchet.guard('cards', gate => 'submitted_at')"), qr/^ERROR:  22023: /, 'weakened only with replace');
is($citus->sql("SELECT ratchet.guard('cards', gate => 'submitted_at', actor => 'submitted_by', insert => 'reject', "
          . "delete => 'reject', replace => true)"),
    'replaced', 'replaced');
my $all = '~ratchet_guard:8 ~ratchet_guard_delete:8 ~ratchet_guard_insert:8 ~ratchet_guard_truncate:8';
is($citus->triggers('cards'), $all, 'every shard has all triggers, that of TRUNCATE too');
like($citus->said('DELETE FROM cards WHERE id = 1'), qr/^ERROR:  23R01: /, 'no closed row goes');
like($citus->said('INSERT INTO cards VALUES (41, now())'), qr/^ERROR:  23R01: /, 'none is born closed');
like($citus->said('TRUNCATE cards'), qr/^ERROR:  23R01: cannot truncate relation "cards"$/m, 'nor are all of them truncated');

$citus->sql("CREATE TABLE early ($cards)");
$citus->sql("SELECT ratchet.guard('early', gate => 'submitted_at', insert => 'reject', delete => 'reject')");
$citus->sql("SELECT create_distributed_table('early', 'id', colocate_with => 'cards')");
is($citus->triggers('early'), $all, 'declared before: the same triggers');
$citus->sql('INSERT INTO early VALUES (1)');
like($citus->said('INSERT INTO early VALUES (2, now())'), qr/^ERROR:  23R01: /, 'and they fire');

# Attempts are stored beside the table, which would be on the coordinator.
like($citus->said("SELECT ratchet.guard('early', gate => 'submitted_at', insert => 'reject', delete => 'reject', audit => true)"),
    qr/^ERROR:  0A000: attempts at rows of relation "early" cannot be stored$/m, 'no audit of a distributed table');
$citus->sql("CREATE TABLE audited ($cards)");
$citus->sql("SELECT ratchet.guard('audited', gate => 'submitted_at', audit => true)");
like($citus->said("SELECT create_distributed_table('audited', 'id', colocate_with => 'cards')"),
    qr/attempts at rows of a table that Citus distributes are not stored/, 'nor is an audited one distributed');
$citus->sql('INSERT INTO audited VALUES (1)');
is($citus->sql("SELECT outcome FROM ratchet.submit('audited', 1); SELECT key, outcome FROM audited_attempts"), "submitted\n1|submitted",
    'which is audited on its server');

is($citus->sql("SELECT ratchet.guard('early', gate => 'submitted_at', replace => true)"), 'replaced', 'replaced by less');
is($citus->triggers('early'), '~ratchet_guard:8', 'nothing is left of the rest');
$citus->sql('TRUNCATE early');
$citus->sql("SELECT ratchet.guard('early', gate => 'submitted_at', delete => 'reject')");
is($citus->sql("SELECT ratchet.unguard('early')"), 't', 'removed');
is($citus->triggers('early'), '', 'from all shards');

# -- DDL ---------------------------------------------------------------------------------------------------------------

$citus->sql('ALTER TABLE cards RENAME submitted_by TO author');
is($citus->sql("SELECT actor FROM ratchet.contract WHERE target = 'cards'::regclass"), 'author', 'a rename is followed');
$citus->sql('UPDATE cards SET author = 5 WHERE id = 1');
is($citus->sql('SELECT author FROM cards WHERE id = 1'), '7', 'on the shards too');
like($citus->said('ALTER TABLE cards DROP COLUMN author'), qr/^ERROR:  42R01: /, 'a column of the contract is not dropped');
like($citus->said('CREATE FUNCTION noop() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RETURN NEW; END$$; '
          . 'CREATE TRIGGER "~z" BEFORE UPDATE ON cards FOR EACH ROW EXECUTE FUNCTION noop()'),
    qr/^ERROR:  42R01: /, 'a trigger that would fire later is refused');

# -- partitions --------------------------------------------------------------------------------------------------------

$citus->sql(<<'SQL');
CREATE TABLE jobs (id bigint, day date, submitted_at timestamptz, note text, PRIMARY KEY (id, day)) PARTITION BY RANGE (day);
CREATE TABLE jobs_1 PARTITION OF jobs FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
SELECT create_distributed_table('jobs', 'id');
SELECT ratchet.guard('jobs', gate => 'submitted_at');
CREATE TABLE jobs_2 PARTITION OF jobs FOR VALUES FROM ('2026-02-01') TO ('2026-03-01');
INSERT INTO jobs VALUES (1, '2026-01-05'), (2, '2026-02-05');
UPDATE jobs SET submitted_at = now();
UPDATE jobs SET submitted_at = NULL, note = 'stale';
SQL
is($citus->sql('SELECT count(submitted_at), count(note) FROM jobs'), '2|2', 'partitions that are distributed keep the gate');
is($citus->triggers('jobs_1') . ', ' . $citus->triggers('jobs_2'), '~ratchet_guard:8, ~ratchet_guard:8', 'old and new ones');

# -- health ------------------------------------------------------------------------------------------------------------

is($_->safe_psql('postgres', 'SELECT * FROM ratchet.health()'), '', $_->name . ' is healthy') foreach @{ $citus->{nodes} };
my ($has) = $citus->nodes_of('cards', 1);
my $shard = $citus->sql("SELECT shard_name('cards', get_shard_id_for_distribution_column('cards', 1))");
my ($number) = $shard =~ /(\d+)$/;
$has->safe_psql('postgres', qq{DROP TRIGGER "~ratchet_guard_$number" ON $shard});
like(
    $has->safe_psql('postgres', 'SELECT severity, target, finding FROM ratchet.health()'),
    qr/^error\|cards\|shard "$shard" does not have trigger "~ratchet_guard" of "cards", or has it with other arguments$/m,
    'a shard that has lost its guard is found on its node');

# -- and back ----------------------------------------------------------------------------------------------------------

$citus->sql("SELECT undistribute_table('jobs')");
is($citus->sql("SELECT count(*) FROM pg_trigger WHERE tgname = '~ratchet_guard' AND tgrelid IN ('jobs'::regclass, 'jobs_1'::regclass)"),
    '2', 'a table that is no longer distributed has its guard');
$citus->sql('DROP EXTENSION ratchet CASCADE');
is($citus->triggers('cards'), '', 'with the extension the guards go from all shards');

done_testing();
