# docs/monitoring with the real prometheus-postgres-exporter: its queries bring every metric that the alert rules and the
# dashboard name, and say what happened. Skipped where the exporter is not installed.
use strict;
use warnings;

use FindBin;
use HTTP::Tiny;
use IPC::Run;
use JSON::PP;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep);

my $directory = "$FindBin::Bin/../../docs/monitoring";

sub find_program
{
    my ($name) = @_;
    my ($found) = grep { -x } map { "$_/$name" } split(/:/, $ENV{PATH}), '/usr/bin', '/usr/sbin';
    return $found;
}

my $exporter = find_program('prometheus-postgres-exporter')
  or plan skip_all => 'prometheus-postgres-exporter is not installed';

# -- the files name the same metrics -----------------------------------------------------------------------------------

# Those of ours, and the exporter's own about itself.
sub metrics_of
{
    my ($text) = @_;
    my %names = map { $_ => 1 } $text =~ /\b((?:ratchet|pg_exporter)_[a-z_]+)\b/g;
    return sort keys %names;
}

# Of queries, not of words about them.
my $dashboard = decode_json(slurp_file("$directory/dashboard.json"));
my @expressions;
sub collect
{
    my ($node) = @_;
    if (ref $node eq 'HASH')
    {
        push @expressions, grep { defined && !ref } @{$node}{qw(expr query definition)};
        collect($_) for values %$node;
    }
    elsif (ref $node eq 'ARRAY') { collect($_) for @$node }
}
collect($dashboard);
my @rules = slurp_file("$directory/alerts.yaml") =~ /^\s+expr: (.*?)^\s+(?:for|labels):/msg;
my @named = metrics_of(join("\n", @expressions, @rules));
cmp_ok(scalar @expressions, '>', 10, 'the dashboard has queries');
is(scalar @rules, 8, 'the alert rules have been read');

# -- a server, and something to tell of it -------------------------------------------------------------------------------

my $node = PostgreSQL::Test::Cluster->new('monitoring');
$node->init;
$node->append_conf('postgresql.conf', "shared_preload_libraries = 'ratchet'\nclient_min_messages = error");
$node->start;
$node->safe_psql(
    'postgres', q{
    CREATE EXTENSION ratchet;
    CREATE ROLE monitor LOGIN IN ROLE pg_monitor;
    CREATE ROLE app LOGIN;
    CREATE SCHEMA app AUTHORIZATION app;
    SET ROLE app;
    GRANT USAGE ON SCHEMA app TO monitor;
    CREATE TABLE app.cards (id int PRIMARY KEY, comment text, submitted_at timestamptz);
    SELECT ratchet.guard('app.cards', gate => 'submitted_at');
    INSERT INTO app.cards SELECT i FROM generate_series(1, 9) i;
    CREATE TABLE app.jobs (id int PRIMARY KEY, status text, seen_at timestamptz);
    SELECT ratchet.guard('app.jobs', heartbeat => 'seen_at', states => '{"status": {"running": ["done"], "done": []}}');
    INSERT INTO app.jobs VALUES (1, 'running', now() - interval '1 hour'), (2, 'running', now() - interval '2 hours');
    GRANT SELECT ON app.jobs TO monitor;
    CREATE TABLE app.hidden (id int PRIMARY KEY, seen_at timestamptz);
    SELECT ratchet.guard('app.hidden', heartbeat => 'seen_at');
    CREATE TABLE app.off (id int PRIMARY KEY, "at "" {},=\" timestamptz);
    SELECT ratchet.guard('app.off', 'at " {},=\');
    ALTER TABLE app.off DISABLE TRIGGER ALL;
    CREATE TABLE app.runs (id int PRIMARY KEY, seen int NOT NULL DEFAULT 0);
    CREATE TABLE app.results (run int REFERENCES app.runs);
    SELECT ratchet.tally('app.results', 'app.runs', '{"seen": "true"}');
    INSERT INTO app.runs VALUES (1), (2);
    INSERT INTO app.results VALUES (1), (1), (2);
    SELECT ratchet.submit('app.cards', 1), ratchet.submit('app.cards', 2);
    SELECT ratchet.submit('app.cards', 1);});
{
    local $ENV{PGAPPNAME} = q{an "old" orm\ };
    $node->safe_psql('postgres', 'UPDATE app.cards SET submitted_at = NULL');
}
$node->safe_psql('postgres', 'SET session_replication_role = replica; UPDATE app.runs SET seen = 7 WHERE id = 2');

# -- the exporter ----------------------------------------------------------------------------------------------------

# Runs the exporter with a queries file, and answers what one scrape brings.
sub scrape
{
    my ($queries, $role) = @_;
    my $port = PostgreSQL::Test::Cluster::get_free_port();
    local $ENV{DATA_SOURCE_NAME} = sprintf('host=%s port=%d user=%s dbname=postgres sslmode=disable', $node->host, $node->port, $role);
    my $output = '';
    my $run = IPC::Run::start(
        [ $exporter, "--extend.query-path=$directory/$queries", "--web.listen-address=127.0.0.1:$port",
            '--disable-default-metrics', '--disable-settings-metrics' ],
        '<', \undef, '>&', \$output);
    my $answer;
    my $deadline = time + $PostgreSQL::Test::Utils::timeout_default;
    while (time < $deadline)
    {
        $answer = HTTP::Tiny->new(timeout => 60)->get("http://127.0.0.1:$port/metrics");
        last if $answer->{success} || !$run->pumpable;
        sleep 0.1;
    }
    $run->kill_kill;
    ok($answer->{success}, "$queries: scraped") or diag $output;
    # name{labels} value, with labels in the order of their names
    my %values;
    for (split /\n/, $answer->{content})
    {
        next unless /^([a-z_]+)(?:\{(.*)\})? (\S+)$/;
        my ($name, $labels, $value) = ($1, $2 // '', $3);
        $labels =~ s/(?:^|,)server="[^"]*"//;
        $labels =~ s/^,//;
        $values{"$name\{$labels}"} = $value;
    }
    is($values{'pg_exporter_last_scrape_error{}'}, '0', "$queries: every query answers") or diag $output;
    return \%values;
}

my $values = scrape('queries.yaml', 'monitor');
my $drift = scrape('drift.yaml', 'app');

my %brought;
/^([a-z_]+)/ and $brought{$1} = 1 for keys %$values, keys %$drift;
my @missing = grep { !$brought{$_} } @named;
is_deeply(\@missing, [], 'every metric that rules and dashboard name is there');

sub shows
{
    my ($metric, $value) = @_;
    is($values->{$metric}, $value, $metric) or diag join("\n", sort grep { !/^(?:go|process|promhttp)_/ } keys %$values);
}

my $cards = 'datname="postgres",kind="guard",parent="",relation="app.cards"';
shows("ratchet_submitted_total{$cards}", '2');
shows("ratchet_already_submitted_total{$cards}", '1');
shows("ratchet_kept_total{$cards}", '2');
shows("ratchet_contract_enabled{$cards}", '1');
shows('ratchet_contract_enabled{datname="postgres",kind="guard",parent="",relation="app.off"}', '0');
shows('ratchet_counted_total{datname="postgres",kind="tally",parent="app.runs",relation="app.results"}', '3');
shows('ratchet_column_kept_total{column_name="submitted_at",datname="postgres",relation="app.cards"}', '2');
shows('ratchet_submit_seconds_bucket{datname="postgres",le="+Inf",relation="app.cards"}', '3');
shows('ratchet_stuck_rows{datname="postgres",relation="app.jobs"}', '2');
shows('ratchet_health_findings{datname="postgres",severity="error"}', '1');
shows('ratchet_info_statistics{datname="postgres",version="' . $node->safe_psql('postgres', 'SELECT ratchet.version()') . '"}', '1');
ok((grep { /^ratchet_column_last_seconds\{application="an \\"old\\" orm\\\\ ",/ } keys %$values),
    'who sent the last stale save, whatever the name');
ok(!(grep { /relation="app.hidden"/ && /^ratchet_stuck/ } keys %$values), 'what may not be read is left out');
is($drift->{'ratchet_drift_counters{datname="postgres",relation="app.runs"}'}, '1', 'drift is measured');

# -- without statistics, the rest is there ---------------------------------------------------------------------------

$node->append_conf('postgresql.conf', "shared_preload_libraries = ''");
$node->restart;
SKIP:
{
    skip 'this server keeps statistics without preload', 3
      if $node->safe_psql('postgres', 'SELECT ratchet.stat_enabled()') eq 't';
    $values = scrape('queries.yaml', 'monitor');
    shows('ratchet_stuck_rows{datname="postgres",relation="app.jobs"}', '2');
    like((join "\n", map { "$_ $values->{$_}" } keys %$values), qr/^ratchet_info_statistics\{.*\} 0$/m, 'the exporter says so');
}

# -- the rules ---------------------------------------------------------------------------------------------------------

SKIP:
{
    my $promtool = find_program('promtool') or skip 'promtool is not installed', 2;
    command_ok([ $promtool, 'check', 'rules', "$directory/alerts.yaml" ], 'the rules are well formed');
    command_ok([ $promtool, 'test', 'rules', "$directory/alerts_test.yaml" ], 'the rules fire when they should');
}

$node->stop;
done_testing();
