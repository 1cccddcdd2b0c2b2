# test/citus/lib/CitusCluster.pm: a coordinator and two workers with Citus and ratchet, for tests that need them.
#
# The nodes find each other by their sockets' directory, so that none listens on a network.
package CitusCluster;
use strict;
use warnings;

use IPC::Run ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

# Skips the test where the server has no Citus.
sub new
{
    my ($class, $name) = @_;
    my ($libraries) = run_command([ 'pg_config', '--pkglibdir' ]);
    my ($version) = run_command([ 'pg_config', '--version' ]);
    plan skip_all => "no Citus in $libraries" if !-e "$libraries/citus.so";
    my @nodes = map { _start("${name}_$_") } 'coordinator', 'worker1', 'worker2';
    my $self = bless { nodes => \@nodes }, $class;
    my ($coordinator, @workers) = @nodes;
    $coordinator->safe_psql('postgres', "SELECT citus_set_coordinator_host('${\ $coordinator->host}', ${\ $coordinator->port})");
    $coordinator->safe_psql('postgres', "SELECT citus_add_node('${\ $_->host}', ${\ $_->port})") foreach @workers;
    $coordinator->safe_psql('postgres', 'CREATE EXTENSION ratchet');
    note "$version, Citus " . $self->sql("SELECT extversion FROM pg_extension WHERE extname = 'citus'");
    return $self;
}

sub _start
{
    my ($name) = @_;
    my $node = PostgreSQL::Test::Cluster->new($name);
    $node->init;
    $node->append_conf('postgresql.conf', <<"CONF");
shared_preload_libraries = 'citus'
citus.enable_unsafe_triggers = on
citus.shard_count = 8
citus.node_conninfo = 'sslmode=disable'
citus.local_hostname = '${\ $node->host}'
max_connections = 100
max_prepared_transactions = 100
wal_level = logical
max_wal_senders = 20
max_replication_slots = 20
CONF
    $node->start;
    $node->safe_psql('postgres', 'CREATE EXTENSION citus');
    return $node;
}

sub coordinator { my ($self) = @_; return $self->{nodes}[0] }
sub workers { my ($self) = @_; my (undef, @workers) = @{ $self->{nodes} }; return @workers }

# What a statement returns on the coordinator.
sub sql { my ($self, $sql) = @_; return $self->coordinator->safe_psql('postgres', $sql) }

# What a script comes to there, or on another node: the rows, and the messages without their context.
sub said
{
    my ($self, $sql, $node) = @_;
    my ($status, $stdout, $stderr) =
      ($node // $self->coordinator)->psql('postgres', "\\set SHOW_CONTEXT never\n\\set VERBOSITY verbose\n$sql", on_error_stop => 0);
    $stderr =~ s/^psql:<stdin>:\d+: //mg;
    $stderr =~ s/^(?:LOCATION|CONTEXT|SCHEMA NAME|TABLE NAME|COLUMN NAME|CONSTRAINT NAME):.*\n?//mg;
    return join "\n", grep { $_ ne '' } $stdout, $stderr;
}

# What a statement returns on each shard of a table, sorted; %s is the shard's name.
sub on_shards
{
    my ($self, $table, $statement) = @_;
    return $self->sql("SELECT success, result FROM run_command_on_shards('$table', \$\$$statement\$\$) ORDER BY 1, 2");
}

# Which triggers of ratchet the shards of a table have, without what Citus appends, and how many shards have each.
sub triggers
{
    my ($self, $table) = @_;
    my %count;
    foreach my $line (split /\n/, $self->on_shards($table,
        q{SELECT string_agg(tgname, ' ') FROM pg_trigger WHERE tgrelid = '%s'::regclass AND tgname ~ 'ratchet'}))
    {
        my ($success, $names) = split /\|/, $line, 2;
        $count{ s/_\d+$//r }++ foreach split / /, $names;
    }
    return join ' ', map { "$_:$count{$_}" } sort keys %count;
}

# Runs a script on the coordinator in the background: {run}, an IPC::Run harness to pump and finish, {out} and {err}, where
# errors are SQLSTATEs.
sub start
{
    my ($self, $script) = @_;
    my $file = PostgreSQL::Test::Utils::tempdir() . '/script.sql';
    append_to_file($file, $script);
    my %session = (out => '', err => '');
    $session{run} = IPC::Run::start(
        [ 'psql', '-XqAt', '-v', 'VERBOSITY=sqlstate', '-d', $self->coordinator->connstr('postgres'), '-f', $file ],
        '<', \undef, '>', \$session{out}, '2>', \$session{err});
    return \%session;
}

# The worker that has the row with this value of the distribution column, and the one that has not.
sub nodes_of
{
    my ($self, $table, $value) = @_;
    my $port = $self->sql("SELECT nodeport FROM citus_shards WHERE shardid = get_shard_id_for_distribution_column('$table', $value)");
    my ($has) = grep { $_->port == $port } $self->workers;
    my ($has_not) = grep { $_->port != $port } $self->workers;
    return ($has, $has_not);
}

1;
