# Counters are exact at every commit: each way of writing a child table or its parents, in each layout of the tables, at
# each isolation level, in each kind of transaction. After every cell of that product the counters of every parent are
# compared with a recount, by this test and by ratchet.verify(). A cell that PostgreSQL refuses must be refused with the
# SQLSTATE that is stated for it.
#
# All that is done with counts that wait, and again with counts that spill, where a cell begins with counts that lie
# beside the rows, and every other one at READ COMMITTED with rows that a prepared transaction holds.
#
# One psql runs all cells of a layout, in a database of its own. A failing cell is named, and told with its statements.
use strict;
use warnings;

use FindBin ();
use IPC::Run ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use lib "$FindBin::Bin/lib";

use CounterLayout;
use CounterPaths;

# Where a row is written, and where it is counted: each path in each common kind of transaction at each isolation level,
# and in each further kind at one of them.
my @places = ('plain', 'root', 'leaf', 'partitioned parent');
# What else the tables can be: a sixth of the paths and kinds, each at one level, other ones in each layout.
my @variants = (
    'both partitioned',
    'on delete set null',
    'on delete set null, partitioned',
    'on delete set default',
    'deferrable foreign key',
    'composite key',
    'composite key, on delete set null of a part',
    'cross-type key',
    'numeric key',
    'collated key',
    'generated column',
    'two parents',
    'two children',
    'tallied total',
    'three levels',
    'tree of parents',
    'guarded parent');

my @levels = ('read committed', 'repeatable read', 'serializable');

# Kinds of transactions. "path" stands for the statements of the path, "more" for one further row of the same table. What
# a transaction leaves follows from its words, see expectation().
my @common = (
    [ 'autocommit' => 'path' ],
    [ 'commit' => qw(begin path commit) ],
    [ 'rollback' => qw(begin more path rollback) ],
    [ 'savepoint rollback' => qw(begin more savepoint:a path back:a commit) ],
    [ 'flush' => qw(begin more flush path flush check commit) ],
    [ 'flush in a rolled-back savepoint' => qw(begin path savepoint:a flush check back:a commit) ],
    [ 'SET CONSTRAINTS before' => qw(begin immediate path check more check commit) ],
    [ 'SET CONSTRAINTS after' => qw(begin path immediate check more check commit) ],
    [ 'SET CONSTRAINTS in a rolled-back savepoint' => qw(begin path savepoint:a immediate check back:a more commit) ],
    [ 'commit prepared' => qw(begin more path prepare check commit_prepared) ],
    [ 'rollback prepared' => qw(begin path prepare check rollback_prepared) ]);
my @further = (
    [ 'one message' => 'message' ],
    [ 'commit and chain' => qw(begin path chain more commit) ],
    [ 'error' => qw(begin path error commit) ],
    [ 'savepoint rollback, then more' => qw(begin savepoint:a path back:a more commit) ],
    [ 'savepoint rollback before' => qw(begin savepoint:a more back:a path commit) ],
    [ 'savepoints released' => qw(begin savepoint:a path savepoint:b more release:b release:a commit) ],
    [ 'released in a rolled-back one' => qw(begin more savepoint:a savepoint:b path release:b back:a commit) ],
    [ 'rolled back in a released one' => qw(begin savepoint:a path savepoint:b more back:b release:a commit) ],
    [ 'more and flush in a rolled-back savepoint' => qw(begin path savepoint:a more flush check back:a commit) ],
    [ 'flush before a rolled-back savepoint' => qw(begin more flush savepoint:a path flush check back:a check commit) ],
    [   'flush in a released, rolled-back savepoint' =>
          qw(begin savepoint:a path savepoint:b flush release:b check back:a check more commit)
    ],
    [   'flush in three savepoints, two of them released' =>
          qw(begin savepoint:a more savepoint:b path savepoint:c flush release:c release:b check back:a check commit)
    ],
    [ 'flush twice, one rolled back' => qw(begin path savepoint:a flush back:a flush check more commit) ],
    [ 'SET CONSTRAINTS IMMEDIATE, then DEFERRED' => qw(begin immediate more deferred path commit) ],
    [   'SET CONSTRAINTS before a rolled-back savepoint' =>
          qw(begin immediate savepoint:a path check back:a check more commit)
    ],
    [ 'flush, prepared' => qw(begin path flush savepoint:a more back:a prepare commit_prepared) ]);
my @kinds = (@common, @further);

my %statements = (
    begin => 'BEGIN',
    commit => 'COMMIT',
    chain => 'COMMIT AND CHAIN',
    rollback => 'ROLLBACK',
    error => 'SELECT 1 / 0',
    savepoint => 'SAVEPOINT',
    back => 'ROLLBACK TO SAVEPOINT',
    release => 'RELEASE SAVEPOINT',
    flush => 'SELECT ratchet.flush()',
    immediate => 'SET CONSTRAINTS ALL IMMEDIATE',
    deferred => 'SET CONSTRAINTS ALL DEFERRED',
    # The variable, because the names are those of the whole server.
    prepare => q{PREPARE TRANSACTION :'DBNAME'},
    commit_prepared => q{COMMIT PREPARED :'DBNAME'},
    rollback_prepared => q{ROLLBACK PREPARED :'DBNAME'},
    check => 'SELECT "check"(false)');

my @fold = ('BEGIN ISOLATION LEVEL READ COMMITTED', 'SELECT ratchet.fold() >= 0', 'COMMIT');

# -- what a cell must leave --------------------------------------------------------------------------------------------

# Follows the words of a transaction: which writes are kept, whether PostgreSQL refuses the path, and how many checks see
# the rows.
sub expectation
{
    my ($layout, $path, @words) = @_;
    my %now = (kept => [], pending => 0, immediate => 0, failed => 0);
    my ($refused, $checks, @savepoints, @committed) = (undef, 1);
    my $write = sub {
        my ($what) = @_;
        return if $now{failed};
        my $state = $what eq 'path' && $path->{refused}
          && $path->{refused}->({ %now, block => $words[0] ne 'path', layout => $layout });
        ($refused, $now{failed}) = ($state, 1) if $state;
        push @{ $now{kept} }, $what if !$state;
        $now{pending} = !$now{immediate};
    };
    my $settle = sub { @committed = (@committed, @{ $now{kept} }) if !$now{failed} };

    for my $word (@words)
    {
        my ($verb, $name) = split /:/, $word;
        if ($verb eq 'path' || $verb eq 'more') { $write->($verb) }
        elsif ($verb eq 'message') { $write->($_) for 'path', 'more' }
        elsif ($verb eq 'error') { $now{failed} = 1 }
        elsif ($verb eq 'savepoint')
        {
            push @savepoints, { %now, kept => [ @{ $now{kept} } ], name => $name } if !$now{failed};
        }
        elsif ($verb eq 'back')
        {
            next if !grep { $_->{name} eq $name } @savepoints;
            pop @savepoints while $savepoints[-1]{name} ne $name;
            %now = (%{ $savepoints[-1] }, kept => [ @{ $savepoints[-1]{kept} } ]);
        }
        elsif ($verb eq 'flush') { $now{pending} = 0 if !$layout->{deferrable} }
        elsif ($verb eq 'immediate' || $verb eq 'deferred')
        {
            next if $now{failed};
            $now{immediate} = $verb eq 'immediate';
            $now{pending} = 0 if $now{immediate};
        }
        elsif ($verb eq 'check') { $checks++ if !$now{failed} }
        elsif ($verb eq 'prepare')
        {
            # One that has failed is rolled back there.
            $now{kept} = [] if $now{failed};
            $now{failed} = 0;
        }
        elsif ($verb eq 'chain')
        {
            $settle->();
            %now = (kept => [], pending => 0, immediate => 0, failed => 0);
        }
        elsif ($verb eq 'rollback' || $verb eq 'rollback_prepared') { $now{kept} = [] }
    }
    $settle->();
    # Single statements of a refused path may have been committed.
    my $kept = $refused && @words == 1 && $words[0] eq 'path' ? 'refused path' : join ' ', @committed;
    return { refused => $refused, kept => $kept, checks => $checks };
}

# -- the cells as a psql script ----------------------------------------------------------------------------------------

# The statements of a cell, each with the word that it comes from.
sub statements_of
{
    my ($layout, $path, $held, @words) = @_;
    my $more = $layout->insert([ $layout->row(6, 1001) ]);
    my @statements = ([ 'fixture', 'SELECT clear()' ]);
    # Above READ COMMITTED all of it spills.
    push @statements, map { [ 'fixture', $_ ] }
      $layout->{spills} ? ('BEGIN ISOLATION LEVEL REPEATABLE READ', 'SELECT fill()', 'COMMIT') : 'SELECT fill()';
    # Paths look for runs by their total: it must be in the row.
    push @statements, map { [ 'fixture', $_ ] } @fold if $layout->{spills} && $layout->{questions};
    push @statements, map { [ 'fixture', $_ ] } 'BEGIN',
      (map { "SELECT count(*) FROM (SELECT FROM $_ FOR NO KEY UPDATE) held" } $layout->parents),
      q{PREPARE TRANSACTION :'HOLDER'}
      if $held;
    for my $word (@words)
    {
        my ($verb, $name) = split /:/, $word;
        if ($verb eq 'path') { push @statements, map { [ 'path', $_ ] } @{ $path->{statements} } }
        elsif ($verb eq 'more') { push @statements, [ 'more', $more ] }
        elsif ($verb eq 'message') { push @statements, [ 'path', join ' \; ', @{ $path->{statements} }, $more ] }
        else { push @statements, [ $verb, join ' ', $statements{$verb}, $name // () ] }
    }
    push @statements, [ 'after', $path->{after} ] if $path->{after};
    push @statements, [ 'fixture', q{COMMIT PREPARED :'HOLDER'} ] if $held;
    push @statements, [ 'check', 'SELECT "check"(false)' ], map { [ 'fold', $_ ] } @fold if $layout->{spills};
    push @statements, [ 'check', 'SELECT "check"(true)' ];
    return @statements;
}

# Whether a path needs rows of parents for itself, so that nobody else may hold them.
sub writes_parents
{
    my ($layout, $path) = @_;
    my $parents = join '|', $layout->parents;
    return grep { /\b(?:UPDATE|DELETE FROM|TRUNCATE) (?:$parents)\b|TRUNCATE|ratchet\.submit\(/ } @{ $path->{statements} };
}

# All cells of a layout.
sub cells_of
{
    my ($layout) = @_;
    my @paths = CounterPaths::of($layout);
    my ($variant) = grep { $variants[$_] eq $layout->{name} } 0 .. $#variants;
    $variant //= @variants if $layout->{spills};
    my @cells;
    for my $turn (0 .. $#levels)
    {
        my $level = $levels[$turn];
        for my $place (0 .. $#paths)
        {
            my $path = $paths[$place];
            for my $which (0 .. $#kinds)
            {
                my ($kind_name, @words) = @{ $kinds[$which] };
                next if $words[0] eq 'message' && $path->{apart};
                next if defined $variant && ($variant + $place + $which) % (6 * @levels) != $turn;
                next if !defined $variant && $which >= @common && ($place + $which) % @levels != $turn;
                # Between PREPARE and COMMIT PREPARED a reader would wait for ever.
                @words = grep { $_ ne 'check' } @words if $path->{locks} && grep { $_ eq 'prepare' } @words;
                my %expected = %{ expectation($layout, $path, @words) };
                $expected{checks}++ if $layout->{spills};
                my $held = $layout->{spills} && $turn == 0 && ($place + $which) % 2 && !writes_parents($layout, $path);
                push @cells,
                  {
                    name => "$layout->{title} / $level / $path->{name} / $kind_name" . ($held ? ', held' : ''),
                    level => $level,
                    path => $path->{name},
                    kind => $kind_name,
                    same => $path->{same},
                    statements => [ statements_of($layout, $path, $held, @words) ],
                    %expected,
                  };
            }
        }
    }
    return @cells;
}

# Before each statement the word that it comes from, after it the SQLSTATE.
sub script_of
{
    my (@cells) = @_;
    my @lines = (
        'SET client_min_messages = warning;', q{SET lock_timeout = '30s';},
        '\set VERBOSITY verbose', q{\set HOLDER :DBNAME '_holder'});
    my $level = '';
    for my $number (0 .. $#cells)
    {
        my $cell = $cells[$number];
        push @lines, "SET default_transaction_isolation = '$cell->{level}';" if $cell->{level} ne $level;
        $level = $cell->{level};
        push @lines, "\\echo cell $number";
        push @lines, "$_->[1]" . ($_->[1] =~ /^COPY/ ? '' : ';'), "\\echo s $_->[0] :SQLSTATE :LAST_ERROR_MESSAGE"
          for @{ $cell->{statements} };
    }
    return join "\n", @lines, '\echo end', '';
}

# What psql has printed, by cell: states (word, SQLSTATE, message), fingerprints, drift.
sub results_of
{
    my ($output) = @_;
    my (@results, $result);
    for my $line (split /\n/, $output)
    {
        if ($line =~ /^cell (\d+)$/) { $result = $results[$1] = { states => [], fingerprints => [], drift => [] } }
        elsif (!$result) { next }
        elsif ($line =~ /^s (\w+) (\w{5}) ?(.*)$/) { push @{ $result->{states} }, [ $1, $2, $3 ] }
        elsif ($line =~ /^f (\w+)$/) { push @{ $result->{fingerprints} }, $1 }
        elsif ($line =~ /^d (.*)$/) { push @{ $result->{drift} }, $1 }
        elsif ($line eq 'end') { $result->{ended} = 1 }
    }
    return @results;
}

# -- the verdict -------------------------------------------------------------------------------------------------------

# What is wrong with one cell by itself.
sub faults_of
{
    my ($cell, $result) = @_;
    return 'was not run to its end' if !$result || @{ $result->{states} } < @{ $cell->{statements} };
    my @faults = @{ $result->{drift} };
    my ($first) = grep { $_->[1] ne '00000' && $_->[0] ne 'error' } @{ $result->{states} };
    # After the intended error everything else fails.
    undef $first if $cell->{kind} eq 'error' && !$cell->{refused} && $first && $first->[1] eq '25P02';
    my $expected = $cell->{refused} ? "path $cell->{refused}" : 'no error';
    my $seen = $first ? "$first->[0] $first->[1]" : 'no error';
    push @faults, "expected $expected, got $seen" . ($first ? ": $first->[2]" : '') if $seen ne $expected;
    my $checks = @{ $result->{fingerprints} };
    push @faults, "$cell->{checks} checks expected, $checks seen" if $checks != $cell->{checks};
    return @faults;
}

# The value that most have.
sub usual
{
    my %times;
    $times{$_}++ for @_;
    my ($usual) = sort { $times{$b} <=> $times{$a} || $a cmp $b } keys %times;
    return $usual;
}

# What a transaction keeps does not depend on its kind: cells of one path that keep the same writes leave the same rows.
sub compare_rows
{
    my ($cells, $results, $faults) = @_;
    my %left;
    for my $number (grep { $results->[$_] && @{ $results->[$_]{fingerprints} } } 0 .. $#$cells)
    {
        my $cell = $cells->[$number];
        my $writes = $cell->{kept} =~ /path/ ? "$cell->{kept} $cell->{path}" : $cell->{kept};
        push @{ $left{$writes} }, [ $number, $results->[$number]{fingerprints}[-1] ];
    }
    my %usual = map { $_ => usual(map { $_->[1] } @{ $left{$_} }) } keys %left;
    for my $writes (keys %left)
    {
        push @{ $faults->[ $_->[0] ] }, "other rows than after other transactions that keep \"$writes\""
          for grep { $_->[1] ne $usual{$writes} } @{ $left{$writes} };
    }
    # Nor is there a path that does nothing at all, unless it says so.
    for my $number (grep { $cells->[$_]{kept} eq 'path' } 0 .. $#$cells)
    {
        my $cell = $cells->[$number];
        my $equal = $usual{"path $cell->{path}"} eq $usual{''};
        push @{ $faults->[$number] }, $equal ? 'the path changes nothing' : 'the path changes something'
          if $equal xor $cell->{same};
    }
}

# -- running them ------------------------------------------------------------------------------------------------------

my $node = PostgreSQL::Test::Cluster->new('paths');
$node->init;
$node->append_conf('postgresql.conf',
    "max_prepared_transactions = 10\nlog_statement = none\nlog_min_messages = fatal\nlog_min_error_statement = panic\n"
      . "log_connections = off\nlog_disconnections = off\n"
      # What lies spilled is for the cells to fold.
      . "ratchet.fold_worker = off\n");
$node->start;
# Who owns the tables is no superuser.
$node->safe_psql('postgres', 'CREATE ROLE app LOGIN; CREATE ROLE writer; GRANT writer TO app');

my $directory = PostgreSQL::Test::Utils::tempdir;
my $number_of_cells = 0;
my $told = 0;

sub database_of { my ($layout) = @_; return $layout->{title} =~ s/\W+/_/gr }

# Creates the database, and starts psql on all its cells.
sub start
{
    my ($layout) = @_;
    my $database = database_of($layout);
    $node->safe_psql('postgres', "CREATE DATABASE $database OWNER app");
    $node->safe_psql($database, 'CREATE EXTENSION ratchet');
    my $setup = join '', map { $_->{setup} ? $_->{setup}->($layout) : () } CounterPaths::of($layout);
    $node->safe_psql($database, $layout->create . $setup, extra_params => [ '-U', 'app' ]);

    my @cells = cells_of($layout);
    my $file = "$directory/$database";
    append_to_file("$file.sql", script_of(@cells));
    my $harness = IPC::Run::start(
        [ 'psql', '-XqAt', '-U', 'app', '-f', "$file.sql", $node->connstr($database) ],
        '<', \undef, '>', "$file.out", '2>', "$file.err");
    return { layout => $layout, cells => \@cells, file => $file, harness => $harness };
}

# One test a layout and kind of transaction, which names every cell that fails.
sub judge
{
    my ($run) = @_;
    $run->{harness}->finish;
    my @cells = @{ $run->{cells} };
    my @results = results_of(slurp_file("$run->{file}.out"));
    my @faults = map { [ faults_of($cells[$_], $results[$_]) ] } 0 .. $#cells;
    compare_rows(\@cells, \@results, \@faults);

    for my $kind (map { $_->[0] } @kinds)
    {
        my @numbers = grep { $cells[$_]{kind} eq $kind } 0 .. $#cells;
        my @failed = grep { @{ $faults[$_] } } @numbers;
        my $refused = grep { $cells[$_]{refused} } @numbers;
        ok(!@failed, sprintf '%s, %s: %d cells%s',
            $run->{layout}{title}, $kind, scalar @numbers, $refused ? ", $refused of them refused" : '');
        for my $number (@failed)
        {
            diag "$cells[$number]{name}: ", join '; ', @{ $faults[$number] };
            next if ++$told > 10;
            diag map { "    $_->[1];\n" } @{ $cells[$number]{statements} };
        }
    }
    $number_of_cells += @cells;
}

my $has_icu = $node->psql('postgres',
    q{BEGIN; CREATE COLLATION t (provider = icu, locale = 'und', deterministic = false); ROLLBACK}) == 0;

my @runs;
for my $spills (0, 1)
{
    for my $name (@places, @variants)
    {
        if ($name eq 'collated key' && !$has_icu)
        {
          SKIP: { skip 'the server is built without ICU', scalar @kinds }
            next;
        }
        push @runs, start(CounterLayout->new($name, spills => $spills));
        judge(shift @runs) if @runs > 1;
    }
}
judge(shift @runs) while @runs;

cmp_ok($number_of_cells, '>=', 400, "$number_of_cells cells");

# -- the control -------------------------------------------------------------------------------------------------------

# Both recounts see a write that is not counted.
my $plain = CounterLayout->new('plain');
my $drift = $node->safe_psql(
    'plain', qq{
    SELECT clear();
    SELECT fill();
    ALTER TABLE results DISABLE TRIGGER "!ratchet_tally_1";
    ${\ $plain->insert([ $plain->row(1, 4) ])};
    ALTER TABLE results ENABLE TRIGGER "!ratchet_tally_1";
    SELECT "check"(true)});
like($drift, qr/^d runs \(1\) by results: kept \(3,/m, 'the recount sees a write that was not counted');
like($drift, qr/^d verify\(\): runs by results \{"id": 1\}: evaluated_count stored 3, counted 4$/m, 'so does verify()');
$drift = $node->safe_psql('plain', 'SET client_min_messages = warning; CALL ratchet.repair(); SELECT "check"(true)');
unlike($drift, qr/^d /m, 'repair() puts it right');

# Where somebody holds the row it is not written, and they see what is missing beside it.
my $spilled = CounterLayout->new('plain', spills => 1);
my $database = database_of($spilled);
$node->safe_psql(
    $database, qq{
    SELECT clear();
    SELECT fill();
    BEGIN;
    SELECT FROM runs FOR NO KEY UPDATE;
    PREPARE TRANSACTION 'holder'});
$drift = $node->safe_psql(
    $database, qq{
    ${\ $spilled->insert([ $spilled->row(1, 4) ])};
    SELECT evaluated_count FROM runs WHERE id = 1;
    SELECT evaluated_count FROM runs_spilled;
    SELECT "check"(false);
    COMMIT PREPARED 'holder'});
like($drift, qr/^3\n1\nf \w+$/, 'where the row is held the count lies beside it');
$drift = $node->safe_psql(
    $database, q{
    SET session_replication_role = replica;
    DELETE FROM runs_spilled;
    RESET session_replication_role;
    SELECT "check"(true)});
like($drift, qr/^d runs \(1\) by results: kept \(3,/m, 'the recount sees that it is gone');
like($drift, qr/^d verify\(\): runs by results \{"id": 1\}: evaluated_count stored 3, counted 4$/m, 'so does verify()');

$node->stop;
done_testing();
