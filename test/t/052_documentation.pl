# What the pages of the documentation show is true: every block of SQL runs, page by page and in its order, and answers what
# it says behind "-->". Read are README.md and the pages below docs/, but for those of the clients, which have tests of their own.
#
# A page is one session in a database of its own. What a reader needs not see stands in a comment that begins "<!-- sql".
# A block that cannot run here has "<!-- not run: the reason -->" in front of it, one that is a file of the repository
# "<!-- as PATH -->".
use strict;
use warnings;

use IPC::Run ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

# What a page has in its order: [kind, text], where kind is 'sql', 'as PATH' or 'not run: the reason'.
sub blocks_of
{
    my ($page) = @_;
    my ($marked, $kind, $end, $indent, @found) = ('');
    for my $line (split /\n/, slurp_file($page))
    {
        if (!defined $kind)
        {
            if ($line =~ /^ *<!-- ((?:as|not run:) .*\S) *-->$/) { $marked = $1 }
            elsif ($line =~ /^( *)(```|<!-- )sql$/)
            {
                ($indent, $end) = ($1, $2 eq '```' ? $2 : '-->');
                push @found, [ $kind = $marked || 'sql', '' ];
            }
            elsif ($line =~ /^ *```/) { ($kind, $end, $indent) = ('other', '```', '') }
            elsif ($line =~ /\S/) { $marked = '' }
        }
        elsif ($line eq $indent . $end || $kind eq 'other' && $line =~ /^ *```$/) { undef $kind; $marked = '' }
        elsif ($kind ne 'other') { $found[-1][1] .= $line =~ s/^$indent//r . "\n" }
    }
    return @found;
}

my @pages = ('README.md', grep { !m{^docs/clients} } map { glob } 'docs/*.md', 'docs/*/*.md');
my $node = PostgreSQL::Test::Cluster->new('documentation');
$node->init;
# Preloaded, for statistics and rate limits.
$node->append_conf('postgresql.conf', "log_statement = none\nlog_min_messages = fatal\nmax_prepared_transactions = 10\n"
      . "shared_preload_libraries = ratchet\n");
$node->start;

my $statements = 0;
for my $page (@pages)
{
    my $script = '';
    for my $block (blocks_of($page))
    {
        my ($kind, $text) = @$block;
        if ($kind =~ /^as (\S+)/)
        {
            my $file = $1;  # which may begin with a comment
            is($text, slurp_file($file) =~ s/^(?:--.*\n)+//r, "$page shows $file as it is");
        }
        elsif ($kind eq 'sql') { $script .= $text }
        else { SKIP: { skip "$page: $kind", 1 } }
    }
    next if $script eq '';
    my $expected = join '', map { "$_\n" } $script =~ /^--> ?(.*)$/mg;

    my $database = $page =~ s/\W/_/gr;
    $node->safe_psql('postgres', qq{CREATE DATABASE "$database"});
    $node->safe_psql($database, 'CREATE EXTENSION ratchet');
    # Standard input, so that no message begins with a file's name; both streams in one, in the order in which psql writes.
    my $said = '';
    IPC::Run::run([ 'psql', '-XAtq', '-F', ' | ', '-v', 'VERBOSITY=terse', '-d', $node->connstr($database) ], '<', \$script, '>&', \$said);
    $said =~ s/^\n//mg;  # what a function without a result returns
    is($said, $expected, "$page: what it shows runs, and answers what it says");
    is($node->safe_psql($database, 'SELECT * FROM ratchet.health()'), '', "$page: and health() finds nothing");
    $statements += () = $script =~ /;\s*(?:--.*)?$/mg;
}
cmp_ok($statements, '>', 50, 'the pages have been read');

$node->stop;
done_testing();
