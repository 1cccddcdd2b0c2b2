# What the pages of the documentation show is true: every block of SQL and of shell runs, page by page and in its order, and
# the SQL answers what it says behind "-->". Read are the READMEs of the repository and of the SDK, and the pages below docs/,
# but for those of the clients, which test/clients/run reads in the same way.
#
# A page is one session in a database of its own, and has a directory of its own for the shell, which finds that database in
# PGDATABASE. What a reader needs not see stands in a comment that begins "<!-- sql" or "<!-- sh".
#
# Every block has a language and a fence. In front of one that does not run here stands why: "<!-- as PATH -->", it is a file of
# the repository; "<!-- run by PATH -->" or "<!-- compiled by PATH -->", a test that names the page has it; "<!-- not run: the
# reason -->". Only text, and the transcripts of a console, whose commands sdk/test/documented_commands.py looks up, need nothing.
use strict;
use warnings;

use IPC::Run ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

# What a page has in its order: [language, mark, text, line], where mark is what stands in front of it, or ''. A block without a
# fence has no language.
sub blocks_of
{
    my ($page) = @_;
    my ($marked, $end, $indent, $before, $in_list, $number, @found) = ('', undef, '', '', 0, 0);
    for my $line (split /\n/, slurp_file($page))
    {
        ++$number;
        if (!defined $end)
        {
            if ($line =~ /^ *<!-- ((?:as|run by|compiled by|not run:) .*\S) *-->$/) { $marked = $1 }
            elsif ($line =~ /^( *)(```|<!-- )(\w*)$/)
            {
                ($indent, $end) = ($1, $2 eq '```' ? $2 : '-->');
                push @found, [ $3, $marked, '', $number ];
            }
            elsif ($line =~ /^( +)\S/ && $before eq '' && length $1 >= 4 + 4 * $in_list) { push @found, [ '', '', $line, $number ] }
            elsif ($line =~ /\S/)
            {
                $marked = '';
                # A list goes on with what is indented, and in lines that follow without a break.
                if ($line =~ /^(?:[-*]|\d+\.) /) { $in_list = 1 }
                elsif ($line =~ /^\S/ && $before eq '') { $in_list = 0 }
            }
        }
        elsif ($line eq $indent . $end) { undef $end; $marked = '' }
        else { $found[-1][2] .= $line =~ s/^$indent//r . "\n" }
        $before = $line;
    }
    return @found;
}

my @pages = ('README.md', 'sdk/README.md', grep { !m{^docs/clients} } map { glob } 'docs/*.md', 'docs/*/*.md');
my $node = PostgreSQL::Test::Cluster->new('documentation');
$node->init;
# Preloaded, for statistics and rate limits.
$node->append_conf('postgresql.conf', "log_statement = none\nlog_min_messages = fatal\nmax_prepared_transactions = 10\n"
      . "shared_preload_libraries = ratchet\n");
$node->start;

my ($statements, $commands, %not_run) = (0, 0);
for my $page (@pages)
{
    my $script = '';
    my $directory = PostgreSQL::Test::Utils::tempdir();
    for my $block (blocks_of($page))
    {
        my ($language, $mark, $text, $line) = @$block;
        if ($language eq '') { fail("$page:$line: a block without a language, or without a fence: $text") }
        elsif ($mark =~ /^as (\S+)/)
        {
            my $file = $1;  # which may begin with a comment
            is($text, slurp_file($file) =~ s/^(?:--.*\n)+//r, "$page shows $file as it is");
        }
        elsif ($mark =~ /^(?:run|compiled) by (\S+)/)
        {
            my $test = $1;
            ok(-f $test && slurp_file($test) =~ /\b\Q$page\E\b/, "$page:$line: $test has the page's block");
        }
        elsif ($mark ne '') { SKIP: { ++$not_run{$language}; skip "$page:$line: $mark", 1 } }
        elsif ($language eq 'sql') { $script .= $text }
        elsif ($language eq 'sh')
        {
            my $file = "$directory/$line.sh";
            append_to_file($file, $text);
            $script .= "\\! cd $directory && timeout 60 bash -euo pipefail $file </dev/null >$file.out 2>&1 || { echo line $line; cat $file.out; }\n";
            ++$commands;
        }
        elsif ($language !~ /^(?:text|console)$/) { fail("$page:$line: nothing says what runs this block of $language") }
    }
    next if $script eq '';
    my $expected = join '', map { "$_\n" } $script =~ /^--> ?(.*)$/mg;

    my $database = $page =~ s/\W/_/gr;
    $node->safe_psql('postgres', qq{CREATE DATABASE "$database"});
    $node->safe_psql($database, 'CREATE EXTENSION ratchet');
    # Standard input, so that no message begins with a file's name; both streams in one, in the order in which psql writes.
    my $said = '';
    local @ENV{qw(PGHOST PGPORT PGDATABASE)} = ($node->host, $node->port, $database);
    IPC::Run::run([ 'psql', '-XAtq', '-F', ' | ', '-v', 'VERBOSITY=terse' ], '<', \$script, '>&', \$said);
    $said =~ s/^\n//mg;  # what a function without a result returns
    is($said, $expected, "$page: what it shows runs, and answers what it says");
    is($node->safe_psql($database, 'SELECT * FROM ratchet.health()'), '', "$page: and health() finds nothing");
    $statements += () = $script =~ /;\s*(?:--.*)?$/mg;
}
cmp_ok($statements, '>', 50, 'the pages have been read');
cmp_ok($commands, '>', 2, 'and their commands');
diag("$statements statements and $commands blocks of shell; not run here: " . join ', ', map { "$not_run{$_} of $_" } sort keys %not_run);

$node->stop;
done_testing();
