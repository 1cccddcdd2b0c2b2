# What the reference lists is what there is, in both directions: functions with their arguments, settings with their defaults,
# columns of views, and names of functions anywhere in the documentation.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('reference');
$node->init;
$node->append_conf('postgresql.conf', "shared_preload_libraries = ratchet\n");
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION ratchet');

sub lines { return map { [ split /\|/, $_, -1 ] } split /\n/, $node->safe_psql('postgres', $_[0]) }
sub without { my ($some, @others) = @_; my %in = map { $_ => 1 } @others; return join ' ', grep { !$in{$_} } @$some }

my $all = join '', map { slurp_file($_) } 'README.md', glob('docs/*.md'), glob('docs/*/*.md');
my $reference = slurp_file('docs/reference/functions.md');

# -- functions ---------------------------------------------------------------------------------------------------------

# Triggers and what only the extension itself calls have a comment that says so, and no page.
my @functions = lines(q{
    SELECT proname, string_agg(DISTINCT argument, ' ')
    FROM pg_proc p LEFT JOIN LATERAL unnest(proargnames[1:pronargs]) AS argument ON true
    WHERE pronamespace = 'ratchet'::regnamespace AND prorettype NOT IN ('trigger'::regtype, 'event_trigger'::regtype)
        AND obj_description(p.oid, 'pg_proc') !~ '^Internal' GROUP BY proname ORDER BY proname});
cmp_ok(@functions, '>', 20, 'the functions');
for my $function (@functions)
{
    my ($name, $arguments) = @$function;
    my ($section) = $reference =~ /^## ratchet\.$name\(\)\n(.*?)(?=^## |\z)/ms;
    if (!defined $section) { like($all, qr/\bratchet\.$name\(\)/, "$name() is mentioned"); next }
    is(join(' ', grep { $section !~ /\b\Q$_\E\b/ } split / /, $arguments), '', "$name() with all its arguments");
    my @named = map { /^\| `(\w+)` /mg } $section =~ /^\| (?:argument|column) \|.*\n((?:\|.*\n)+)/mg;
    my @own = map { $_->[0] } lines("
        SELECT DISTINCT unnest(proargnames) FROM pg_proc WHERE pronamespace = 'ratchet'::regnamespace AND proname = '$name'
        UNION SELECT attname FROM pg_proc p JOIN pg_type t ON t.oid = p.prorettype JOIN pg_attribute a ON a.attrelid = t.typrelid
        WHERE pronamespace = 'ratchet'::regnamespace AND proname = '$name' AND attnum > 0");
    is(without(\@named, @own), '', "$name() has every argument and column that its tables list");
    is(join(' ', grep { $section !~ /\b\Q$_\E\b/ } @own), '', "$name() with all that it returns");
}
my %there = map { $_->[0] => 1 } lines(q{SELECT proname FROM pg_proc WHERE pronamespace = 'ratchet'::regnamespace});
is(join(' ', grep { !$there{$_} } $all =~ /\bratchet\.(\w+)\(/g), '', 'every function that a page names is there');

is(join(' ', map { $_->[0] } lines(q{SELECT proname FROM pg_proc WHERE pronamespace = 'ratchet'::regnamespace AND prosecdef})), '',
    'none is SECURITY DEFINER, as SECURITY.md promises');

# -- SQLSTATEs ---------------------------------------------------------------------------------------------------------

my ($errors) = run_command([ 'pg_config', '--includedir-server' ]);
my %code = slurp_file("$errors/utils/errcodes.h") =~ /^#define (ERRCODE_\w+) MAKE_SQLSTATE\((.*?)\)/mg;
s/[', ]//g for values %code;
my ($table) = slurp_file('docs/reference/outcomes.md') =~ /^## SQLSTATEs\n(.*)/ms;
my $codes = join ' ', $table =~ /^\| (\S.*?) \|/mg;
# Not for a user's eyes: functions of triggers that are called by hand.
my %silent = map { $_ => 1 } qw(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED ERRCODE_E_R_I_E_EVENT_TRIGGER_PROTOCOL_VIOLATED);
my %raised;
for my $file (glob 'extension/src/*/*.cpp extension/src/*.cpp')
{
    # What only becomes a line of the log is not among them.
    my $text = slurp_file($file) =~ s/ereport\(LOG, *errcode\(\w+\)//gr;
    $raised{$1} = $file while $text =~ /\berrcode\((ERRCODE_\w+)\)/g;
    $raised{$1} = $file while $text =~ /\berror_\w+\((ERRCODE_\w+),/g;
}
cmp_ok(scalar keys %raised, '>', 15, 'the SQLSTATEs');
for my $name (sort grep { !$silent{$_} } keys %raised)
{
    my $class = substr($code{$name}, 0, 2) . 'xxx';
    like($codes, qr/\b(?:$code{$name}|$class)\b/, "$code{$name}, $name, is in the table ($raised{$name})");
}
for my $own (slurp_file('extension/src/pg/sqlstate.h') =~ /MAKE_SQLSTATE\((.*?)\)/g)
{
    $own =~ s/[', ]//g;
    like($codes, qr/\b$own\b/, "$own is in the table");
}

# -- settings ----------------------------------------------------------------------------------------------------------

my $settings = slurp_file('docs/reference/settings.md');
my @settings = lines(q{SELECT name, boot_val, context FROM pg_settings WHERE name LIKE 'ratchet.%' ORDER BY name});
my (%default, %who);
for my $row ($settings =~ /^\| (`ratchet.*)$/mg)
{
    my ($names, $defaults, $who) = split / \| /, $row;
    my @of = map { tr/`//dr } split /, /, $defaults;
    for my $name ($names =~ /`([^`]+)`/g) { $default{$name} = shift @of; $who{$name} = $who }
}
is_deeply([ sort keys %default ], [ map { $_->[0] } @settings ], 'all settings and no others');
my %context = (superuser => 'superuser', user => 'any role', postmaster => 'at start, where the library is preloaded');
for my $setting (@settings)
{
    my ($name, $value, $context) = @$setting;
    is($default{$name}, $value, "$name: its default");
    is($who{$name}, $context{$context}, "$name: who sets it");
}

# -- views -------------------------------------------------------------------------------------------------------------

my ($contract) = slurp_file('docs/reference/views.md') =~ /^## ratchet\.contract\n(.*?)^## /ms;
my @columns = map { $_->[0] } lines(q{SELECT attname FROM pg_attribute WHERE attrelid = 'ratchet.contract'::regclass AND attnum > 0 ORDER BY attnum});
my @named = $contract =~ /`(\w+)`/g;
is(without(\@columns, @named), '', 'ratchet.contract: all its columns');
is(without(\@named, @columns, 'guard', 'tally'), '', 'ratchet.contract: and no others');
my $operations = slurp_file('docs/operations/statistics.md') . slurp_file('docs/operations/attempts.md');
for my $view (qw(stat stat_columns attempts))
{
    my @some = map { $_->[0] } lines("SELECT attname FROM pg_attribute WHERE attrelid = 'ratchet.$view'::regclass AND attnum > 0");
    is(join(' ', grep { $operations !~ /\b\Q$_\E\b/ } @some), '', "ratchet.$view: all its columns");
}

$node->stop;
done_testing();
