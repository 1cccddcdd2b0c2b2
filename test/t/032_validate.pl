# guard(validate => true) sees what was committed until it has the table, whatever snapshot its transaction began with.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('validate');
$node->init;
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION ratchet; CREATE TABLE late (id int PRIMARY KEY, status text)');

my $guard = q{SELECT ratchet.guard('late', states => '{"status": {"good": []}}', validate => true)};
for my $level ('READ COMMITTED', 'REPEATABLE READ', 'SERIALIZABLE')
{
    my $writer = $node->background_psql('postgres');
    my $owner = $node->background_psql('postgres', on_error_stop => 0);
    my $pid = $owner->query_safe('SELECT pg_backend_pid()');
    $owner->query_safe("BEGIN ISOLATION LEVEL $level; SELECT count(*) FROM late;");
    $writer->query_safe("BEGIN; INSERT INTO late VALUES (1, 'bad')");
    # It waits for the writer, who has the table.
    $owner->query_until(qr/started/, "\\echo started\n$guard;\n\\echo ended as :SQLSTATE\n");
    $node->poll_query_until('postgres', "SELECT count(*) = 1 FROM pg_locks WHERE pid = $pid AND NOT granted") or die 'guard() does not wait';
    $writer->query_safe('COMMIT');
    like($owner->query_until(qr/ended as \w+/, ''), qr/ended as 23514/, "$level: what came in while it waited is found");
    $owner->query('ROLLBACK');
    is($node->safe_psql('postgres', 'SELECT count(*) FROM ratchet.contract'), 0, "$level: and the contract is not declared");
    $node->safe_psql('postgres', 'DELETE FROM late');
    $_->quit for $owner, $writer;
}
is($node->safe_psql('postgres', $guard), 'created', 'without such a row it is');

$node->stop;
done_testing();
