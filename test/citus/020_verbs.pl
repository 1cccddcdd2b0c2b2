# Verbs of distributed tables: through the functions of ratchet.delegate(), through the verbs themselves where Citus
# delegates those, and by a table's name on the node that has the row. Elsewhere the error says what to do.
use strict;
use warnings;

use FindBin;
use Test::More;

use lib "$FindBin::Bin/lib";
use CitusCluster;

my $citus = CitusCluster->new('verbs');

$citus->sql(<<'SQL');
CREATE TABLE cards (id bigint PRIMARY KEY, submitted_at timestamptz, submitted_by text, request uuid UNIQUE, note text,
  status text NOT NULL DEFAULT 'new', beat_at timestamptz);
SQL
like($citus->said('SELECT * FROM ratchet.delegate(NULL)'), qr/^ERROR:  22004: /, 'delegate: NULL');
like($citus->said("SELECT * FROM ratchet.delegate('cards')"),
    qr/^ERROR:  55000: verbs of relation "cards" cannot be delegated\nDETAIL:  It is not distributed by Citus\.$/m,
    'a table of this server');
$citus->sql(<<'SQL');
ALTER TABLE cards DROP CONSTRAINT cards_request_key;
SELECT create_distributed_table('cards', 'id');
SQL
like($citus->said("SELECT * FROM ratchet.delegate('cards')"), qr/^ERROR:  55000: .*\nDETAIL:  It has no contract\.$/m,
    'a table without a contract');
$citus->sql(<<'SQL');
SELECT ratchet.guard('cards', gate => 'submitted_at', actor => 'submitted_by', idempotency_key => 'request',
  states => '{"status": {"new": ["running"], "running": ["done"], "done": []}}', heartbeat => 'beat_at');
INSERT INTO cards (id) SELECT i FROM generate_series(1, 60) i;
CREATE TABLE reviews (card_id bigint REFERENCES cards, part int, body text, PRIMARY KEY (card_id, part));
SELECT create_distributed_table('reviews', 'card_id', colocate_with => 'cards');
SQL

# -- where the row is, and where it is not -----------------------------------------------------------------------------

my $elsewhere = qr/^ERROR:  42R01: relation "cards" is not stored on this server alone\nDETAIL:  It is distributed by Citus, and the row is on another node\.\nHINT:  .*ratchet\.delegate\(\)/m;
my ($has, $has_not) = $citus->nodes_of('cards', 1);
my @calls = (
    "ratchet.update('cards', 1, '{\"note\": \"here\"}')",
    "ratchet.beat('cards', 1)",
    "ratchet.advance('cards', 1, 'running')",
    "ratchet.submit('cards', 1, 'ann')",
    "ratchet.amend('cards', 1, '{\"note\": \"amended\"}', 'ann', 'test')");
foreach my $call (@calls)
{
    like($citus->said("SELECT outcome FROM $call"), $elsewhere, "the coordinator: $call");
    like($citus->said("SELECT outcome FROM $call", $has_not), $elsewhere, "the other worker: $call");
    like($citus->said("SELECT outcome FROM $call", $has), qr/^(?:updated|alive|advanced|submitted|amended)$/, "its worker: $call");
}
is($citus->sql('SELECT submitted_by, note, status, beat_at IS NOT NULL FROM cards WHERE id = 1'), 'ann|amended|running|t', 'all of it is stored');

# -- ratchet.delegate() ------------------------------------------------------------------------------------------------

is( $citus->sql("SELECT string_agg(verb, ' ') FROM ratchet.delegate('cards')"),
    'submit update advance beat amend', 'a function for each verb that the contract has a use for');
is($citus->sql("SELECT outcome, submitted_by FROM cards_submit($_, 'ann')"), 'submitted|ann', "submit: card $_") foreach 2 .. 6;
is($citus->sql("SELECT outcome, submitted_by FROM cards_submit(2, 'bob')"), 'already_submitted|ann', 'a loser learns who was first');
is($citus->sql('SELECT outcome FROM cards_submit(0)'), 'not_found', 'no such row');
like($citus->said('SELECT outcome FROM cards_submit(NULL)'), qr/^ERROR:  22004: /, 'NULL');
my $uuid = '11111111-1111-1111-1111-111111111111';
is($citus->sql("SELECT outcome FROM cards_submit(7, 'ann', idempotency_key => '$uuid')"), 'submitted', 'with an idempotency key');
is($citus->sql("SELECT outcome FROM cards_submit(7, 'ann', idempotency_key => '$uuid')"), 'replayed', 'repeated');
is($citus->sql("SELECT outcome FROM cards_submit(8, expect => '{\"note\": \"read\"}')"), 'stale', 'expect');

my $review = q(child => 'reviews', record => '{"part": 1, "body": "good"}');
is($citus->sql("SELECT outcome, record FROM cards_submit(10, 'ann', $review)"),
    'submitted|{"body": "good", "part": 1, "card_id": 10}', 'a record is stored with it');
$citus->sql("INSERT INTO reviews VALUES (11, 1, 'older')");
is($citus->sql("SELECT outcome, conflict FROM cards_submit(11, 'ann', $review)"), 'conflict|reviews_pkey', 'or nothing is');
is($citus->sql('SELECT count(*) FROM cards WHERE id = 11 AND submitted_at IS NULL'), '1', 'the gate is open still');
$citus->sql("CREATE TABLE apart (id bigint PRIMARY KEY, card_id bigint, part int, body text)");
$citus->sql("SELECT create_distributed_table('apart', 'id', shard_count => 4)");
like($citus->said("SELECT outcome FROM cards_submit(11, 'ann', child => 'apart', record => '{\"id\": 1}')"), qr/^ERROR:  (?:22023|42R01): /,
    'a record of a table that does not refer to it');

# A transaction over several nodes is one.
my $several = join '; ', map { "SELECT outcome FROM cards_submit($_, 'eve')" } 20 .. 27;
$citus->sql("BEGIN; $several; ROLLBACK");
is($citus->sql("SELECT count(*) FROM cards WHERE submitted_by = 'eve'"), '0', 'rolled back on all nodes');
$citus->sql("BEGIN; $several; COMMIT");
is($citus->sql("SELECT count(*) FROM cards WHERE submitted_by = 'eve'"), '8', 'committed on all nodes');
is($citus->sql("BEGIN; SELECT outcome FROM cards_advance(30, 'running'); SAVEPOINT s; SELECT outcome FROM cards_advance(30, 'done'); "
          . 'ROLLBACK TO s; COMMIT; SELECT status FROM cards WHERE id = 30'),
    "advanced\nadvanced\nrunning", 'savepoints');
is($citus->sql('DO $$ DECLARE r text; BEGIN FOR i IN 31..34 LOOP SELECT outcome INTO r FROM cards_submit(i); END LOOP; END $$; '
          . 'SELECT count(submitted_at) FROM cards WHERE id BETWEEN 31 AND 34'),
    '4', 'from PL/pgSQL, in FROM');
is($citus->sql('PREPARE s (bigint) AS SELECT outcome FROM cards_submit($1); EXECUTE s (35); EXECUTE s (36); EXECUTE s (35)'),
    "submitted\nsubmitted\nalready_submitted", 'prepared');
like($citus->said('SELECT (cards_submit(i)).outcome FROM generate_series(40, 45) i'), $elsewhere, 'not once for each row of a query');

# Whoever may not write the table may not write its shards.
$citus->sql('CREATE ROLE ann LOGIN; GRANT SELECT ON cards TO ann');
like($citus->said('SET ROLE ann; SELECT outcome FROM cards_submit(46)'), qr/^ERROR:  42501: /, 'a role without the right');
$citus->sql('GRANT UPDATE ON cards TO ann');
is($citus->sql('SET ROLE ann; SELECT outcome FROM cards_submit(46)'), 'submitted', 'with it');
like($citus->said("SET ROLE ann; SELECT * FROM ratchet.delegate('cards')"), qr/^ERROR:  42501: /, 'only the owner delegates');

# -- composite keys, types of keys -------------------------------------------------------------------------------------

$citus->sql(<<'SQL');
CREATE TABLE seats (project int, evaluator int, submitted_at timestamptz, PRIMARY KEY (project, evaluator));
SELECT create_distributed_table('seats', 'project');
SELECT ratchet.guard('seats', gate => 'submitted_at');
SELECT ratchet.delegate('seats');
INSERT INTO seats SELECT i, 7 FROM generate_series(1, 9) i;
CREATE TABLE slugs (slug varchar(20) PRIMARY KEY, submitted_at timestamptz);
ALTER TABLE slugs ADD COLUMN gone int;
ALTER TABLE slugs DROP COLUMN gone, ADD COLUMN note text;
SELECT create_distributed_table('slugs', 'slug');
SELECT ratchet.guard('slugs', gate => 'submitted_at');
SELECT ratchet.delegate('slugs');
INSERT INTO slugs SELECT 'slug ' || i FROM generate_series(1, 9) i;
SQL
is($citus->sql(join ';', map { qq(SELECT outcome FROM seats_submit($_, '{"project": $_, "evaluator": 7}')) } 1 .. 9),
    join("\n", ('submitted') x 9), 'a composite key');
is($citus->sql(join ';', map { "SELECT outcome FROM slugs_submit('slug $_', patch => '{\"note\": \"x\"}')" } 1 .. 9),
    join("\n", ('submitted') x 9), 'a key of text, in a table that has had another column');
is($citus->sql('SELECT count(submitted_at), count(note) FROM slugs'), '9|9', 'stored where it belongs');

# -- the verbs themselves ----------------------------------------------------------------------------------------------

my $own = <<'SQL';
SELECT count(create_distributed_function(oid::regprocedure, 'key', colocate_with => 'cards', force_delegation => true))
FROM pg_proc WHERE pronamespace = 'ratchet'::regnamespace AND proargtypes[1] = 'bigint'::regtype
  AND proname IN ('submit', 'update', 'advance', 'beat', 'amend', 'progress')
SQL
cmp_ok($citus->sql($own), '>', 5, 'Citus takes the verbs as they are');
is($citus->sql("SELECT outcome, submitted_by FROM ratchet.submit('cards', $_, 'sdk')"), 'submitted|sdk', "card $_ by ratchet.submit()")
  foreach 50 .. 53;
is($citus->sql("SET search_path = pg_catalog; SELECT outcome FROM ratchet.submit('public.cards', 54, 'sdk', child => 'public.reviews', "
          . q[record => '{"part": 2}')]),
    'submitted', 'with a record, whatever the search_path');

# -- whole tables ------------------------------------------------------------------------------------------------------

like($citus->said("BEGIN; CALL ratchet.suspend('cards', 'test')"), qr/^ERROR:  42R01: .*\nDETAIL:  It is distributed by Citus\.\nHINT:  .*shard/m,
    'suspend() is refused');
is( $has->safe_psql('postgres', "BEGIN; CALL ratchet.suspend(shard_name('cards', get_shard_id_for_distribution_column('cards', 1)), 'test'); "
          . "UPDATE cards SET submitted_by = 'corrected' WHERE id = 1; COMMIT; SELECT submitted_by FROM cards WHERE id = 1"),
    'corrected', 'of a shard, in a transaction on its node, it lasts for what is written there');
$citus->sql("UPDATE cards SET status = 'running' WHERE id IN (55, 56)");
$citus->sql("SELECT outcome FROM cards_beat($_)") foreach 55, 56;
is($citus->sql("SELECT string_agg(key, ' ' ORDER BY key) FROM ratchet.stuck('cards', '-1 minute', 'running') WHERE key IN ('55', '56')"),
    '55 56', 'stuck() looks at all shards');
like($citus->said("SELECT * FROM ratchet.sweep('cards', '-1 minute', 'done')"), qr/^ERROR:  42R01: .*\n.*\nHINT:  Call it on each of its shards/m,
    'sweep() is refused');
my $sweep = q{SELECT count(*) FROM ratchet.sweep('%s', '-1 minute', 'done', 'running') WHERE key IN ('55', '56')};
is($citus->sql("SELECT sum(result::int) FROM run_command_on_shards('cards', \$\$$sweep\$\$)"), '2', 'on the shards it moves');
is($citus->sql('SELECT string_agg(status, $$ $$) FROM cards WHERE id IN (55, 56)'), 'done done', 'what is stuck');

is($citus->sql("SELECT string_agg(target_key, ' ') FROM ratchet.orphans('cards', 'reviews', 'new') WHERE target_key = '10'"),
    '10', 'orphans() looks at all of them too');
is($citus->sql('SELECT count(*) FROM run_command_on_workers($$SELECT count(*) FROM ratchet.health()$$) WHERE result = $$0$$'), '2',
    'health() is asked of each worker');

# -- tables that are no distributed ones -------------------------------------------------------------------------------

$citus->sql(<<'SQL');
CREATE TABLE kinds (id bigint PRIMARY KEY, submitted_at timestamptz, note text);
SELECT create_reference_table('kinds');
SELECT ratchet.guard('kinds', gate => 'submitted_at');
INSERT INTO kinds VALUES (1);
UPDATE kinds SET submitted_at = now();
UPDATE kinds SET submitted_at = NULL, note = 'stale';
CREATE TABLE managed (id bigint PRIMARY KEY, kind bigint REFERENCES kinds, submitted_at timestamptz);
SELECT ratchet.guard('managed', gate => 'submitted_at');
INSERT INTO managed VALUES (1, 1);
CREATE TABLE plain (id bigint PRIMARY KEY, submitted_at timestamptz);
SELECT ratchet.guard('plain', gate => 'submitted_at');
INSERT INTO plain VALUES (1);
SQL
is($citus->sql('SELECT submitted_at IS NOT NULL, note FROM kinds'), 't|stale', 'a reference table keeps its gate');
like($citus->said("SELECT outcome FROM ratchet.submit('kinds', '1')"), qr/^ERROR:  42R01: .*\nDETAIL:  It is a reference table of Citus/m,
    'its rows are for plain SQL');
is($citus->sql("SELECT count(*) FROM pg_dist_partition WHERE logicalrelid = 'managed'::regclass"), '1', 'a local table that Citus manages');
is($citus->sql("SELECT outcome FROM ratchet.submit('managed', '1')"), 'submitted', 'is where it is called');
like($citus->said("SELECT * FROM ratchet.delegate('managed')"), qr/^ERROR:  55000: .*\nDETAIL:  No column says/m, 'and not delegated');
is($citus->sql("SELECT outcome FROM ratchet.submit('plain', '1')"), 'submitted', 'a plain table is as it was');

done_testing();
