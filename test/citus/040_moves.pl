# Shards that are moved to another node while rows of them are submitted: whoever is told "submitted" has submitted, with
# his record, and nobody else has.
use strict;
use warnings;

use FindBin;
use Test::More;

use lib "$FindBin::Bin/lib";
use CitusCluster;

my $citus = CitusCluster->new('moves');
my $rows = 3000;

$citus->sql(<<"SQL");
CREATE TABLE cards (id bigint PRIMARY KEY, submitted_at timestamptz, submitted_by text);
SELECT create_distributed_table('cards', 'id', shard_count => 2);
SELECT ratchet.guard('cards', gate => 'submitted_at', actor => 'submitted_by');
CREATE TABLE reviews (card_id bigint REFERENCES cards, part int, author text, PRIMARY KEY (card_id, part));
SELECT create_distributed_table('reviews', 'card_id', colocate_with => 'cards');
SELECT ratchet.delegate('cards');
INSERT INTO cards SELECT i FROM generate_series(1, $rows) i;
SQL

# Sessions that submit all cards, each in an order of its own: one at a time, so that each is a transaction.
sub submit_all
{
    my ($who) = @_;
    my @ids = sort { ($a * 7919 + $who * 104729) % 10007 <=> ($b * 7919 + $who * 104729) % 10007 } 1 .. $rows;
    my $script = join '', map {
        qq(SELECT outcome FROM cards_submit($_, 'writer $who', child => 'reviews', record => '{"part": 1, "author": "writer $who"}');\n)
    } @ids;
    return $citus->start($script);
}

my @sessions = map { submit_all($_) } 1 .. 3;
my $moves = 0;
while (grep { $_->{run}->pumpable && $_->{run}->pump_nb } @sessions)
{
    my $mode = $moves % 2 ? 'force_logical' : 'block_writes';
    my ($from, $to) = map { "'${\ $_->host}', ${\ $_->port}" } $moves % 4 < 2 ? $citus->workers : reverse $citus->workers;
    my $shard = $citus->sql("SELECT min(shardid) FROM citus_shards WHERE table_name = 'cards'::regclass AND (nodename, nodeport) = ($from)");
    next if $shard eq '';
    $citus->sql("SELECT citus_move_shard_placement($shard, $from, $to, '$mode')");
}
continue { $moves++ }
$_->{run}->finish foreach @sessions;
cmp_ok($moves, '>', 2, 'shards were moved meanwhile') or note "$moves moves";
note "$moves moves";

my ($told, %said) = (0);
foreach my $session (@sessions)
{
    $said{$_}++ foreach split /\n/, $session->{out};
    $said{$_}++ foreach map { s/^.*ERROR:\s+//r } split /\n/, $session->{err};
}
note join ', ', map { "$_: $said{$_}" } sort keys %said;
is($citus->sql('SELECT count(submitted_at) FROM cards'), $said{submitted}, 'as many rows are submitted as were told');
is($citus->sql('SELECT count(*) FROM reviews'), $said{submitted}, 'each with a record');
is($citus->sql('SELECT count(*) FROM cards JOIN reviews ON id = card_id AND submitted_by = author'), $said{submitted}, 'of its winner');
is(join(' ', grep { !/^(?:submitted|already_submitted|40001)$/ } sort keys %said), '', 'nothing else was said but what can be repeated');

done_testing();
