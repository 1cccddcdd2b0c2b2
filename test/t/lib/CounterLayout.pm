# A counted child table and its parents, laid out in one of several ways, for the tests of the write paths.
#
# Every layout has a parent "runs" and a child "results" with the same counters, so that one write path can be written
# once for all: what differs (key columns and types, partitions, further tables) is asked of the layout. A test database
# holds one layout. Its functions: clear() and fill() put the rows of the fixture back, check() tells whether counters and
# rows agree.
package CounterLayout;

use strict;
use warnings;

# What the fixture stores: the expected number of each run, and the questions that have a result. The key NULL is the
# child rows that refer to no run.
my @RUNS = ([ 1, 4 ], [ 2, 2 ], [ 3, undef ], [ 4, 0 ], [ 5, 3 ], [ 6, 1 ]);
my @RESULTS = ([ 1, 1 ], [ 1, 2 ], [ 1, 3 ], [ 2, 1 ], [ 2, 2 ], [ 3, 1 ], [ 5, 1 ], [ 5, 2 ], [ undef, 1 ], [ undef, 2 ]);

# Declared as users do, and recounted by aggregates that were written without looking at that.
my @RESULT_COUNTERS = (
    [ evaluated_count => 'true', 'count(*)' ],
    [ correct_count => 'is_correct', 'count(*) FILTER (WHERE c.is_correct)' ],
    [ high_count => 'score >= 50 AND NOT void', 'count(CASE WHEN c.score >= 50 AND c.void = false THEN 1 END)' ],
    [ score_total => 'sum(score)', 'coalesce(sum(c.score), 0)' ],
    [ weight_total => 'sum(score * weight)', 'coalesce(sum(c.score * c.weight), 0)' ]);
my $COUNTER_COLUMNS =
    'evaluated_count bigint NOT NULL DEFAULT 0, correct_count int NOT NULL DEFAULT 0, '
  . 'high_count smallint, score_total bigint, weight_total numeric';

my @PLAIN_KEY = ([ 'id', 'bigint', 'run_id', 'bigint' ]);
my @REGION_KEY = ([ 'region', 'text', 'region', 'text' ], [ 'id', 'bigint', 'run_id', 'bigint' ]);
my $in_region = sub { my ($n) = @_; return ($n % 2 ? q{'eu'} : q{'us'}, $n) };

# key: parent column and type, child column and type, for each column of the key.
# parent_key, child_key: the literals of the key of a run, in the parent and in a child row for one question.
my %LAYOUTS = (
    'plain' => {},
    'root' => { partitions => 1 },
    'leaf' => { partitions => 1, leaf => 1 },
    'partitioned parent' => { key => \@REGION_KEY, parent_key => $in_region, partitioned_parent => 1 },
    'both partitioned' =>
      { key => \@REGION_KEY, parent_key => $in_region, partitions => 1, subpartitions => 1, partitioned_parent => 1 },
    'on delete set null' => { action => 'SET NULL' },
    'on delete set null, partitioned' => { action => 'SET NULL', partitions => 1 },
    'on delete set default' => { action => 'SET DEFAULT' },
    'deferrable foreign key' => { action => 'NO ACTION', deferrable => 1 },
    'composite key' => {
        key => [ [ 'project', 'int', 'project_id', 'int' ], [ 'code', 'text', 'run_code', 'varchar(10)' ] ],
        parent_key => sub { my ($n) = @_; return ($n < 4 ? 1 : 2, "'r$n'") },
    },
    'composite key, on delete set null of a part' => {
        action => 'SET NULL (run_id)',
        key => \@REGION_KEY,
        parent_key => $in_region,
    },
    'cross-type key' => { key => [ [ 'id', 'bigint', 'run_id', 'int' ] ] },
    # Equal keys that do not look the same.
    'numeric key' => {
        key => [ [ 'id', 'numeric', 'run_id', 'numeric' ] ],
        child_key => sub { my ($n, $q) = @_; return $n . ('', '.0', '.00')[ $q % 3 ] },
    },
    'collated key' => {
        setup => q{CREATE COLLATION caseless (provider = icu, locale = 'und-u-ks-level2', deterministic = false);},
        key => [ [ 'name', 'text COLLATE caseless', 'run_name', 'text COLLATE caseless' ] ],
        parent_key => sub { my ($n) = @_; return "'Run $n'" },
        child_key => sub { my ($n, $q) = @_; return "'" . ('run', 'Run', 'RUN')[ $q % 3 ] . " $n'" },
    },
    'two parents' => { graders => 1 },
    'two children' => { annotations => 1 },
    'tallied total' => { questions => 1 },
    'three levels' => { evaluations => 1 },
    'tree of parents' => { tree => 1 },
    'generated column' => { generated => 1 },
    'guarded parent' => { guarded => 1 },
);

# spills => 1: counts spill (contention => 'spill').
sub new
{
    my ($class, $name, %how) = @_;
    die "no layout \"$name\"" if !$LAYOUTS{$name};
    my $self = bless {
        name => $name,
        title => $how{spills} ? "$name, spilled" : $name,
        %how,
        key => \@PLAIN_KEY,
        parent_key => sub { return $_[0] },
        action => 'CASCADE',
        %{ $LAYOUTS{$name} } }, $class;
    $self->{child_key} //= $self->{parent_key};
    # Where write paths write to.
    $self->{table} = $self->{leaf} ? 'results_a' : 'results';
    return $self;
}

# The same layout, written to in another place.
sub addressing
{
    my ($self, $table) = @_;
    return bless { %$self, table => $table, leaf => $table eq 'results_a' }, ref $self;
}

# -- pieces of SQL -----------------------------------------------------------------------------------------------------

sub key_columns { my ($self) = @_; return map { $_->[0] } @{ $self->{key} } }
sub reference_columns { my ($self) = @_; return map { $_->[2] } @{ $self->{key} } }

# The literals of a run's key in a child row.
sub reference
{
    my ($self, $run, $question) = @_;
    return map { 'NULL' } @{ $self->{key} } if !defined $run;
    return $self->{child_key}->($run, $question // 0);
}

sub equals
{
    my ($columns, $literals, $separator) = @_;
    return join $separator, map { "$columns->[$_] = $literals->[$_]" } 0 .. $#$columns;
}

sub is_run { my ($self, $run) = @_; return equals([ $self->key_columns ], [ $self->{parent_key}->($run) ], ' AND ') }
sub is_of { my ($self, $run) = @_; return equals([ $self->reference_columns ], [ $self->reference($run) ], ' AND ') }
sub set_run { my ($self, $run) = @_; return equals([ $self->reference_columns ], [ $self->reference($run, 1) ], ', ') }

# Columns of a child row.
sub columns
{
    my ($self) = @_;
    return ($self->reference_columns, qw(q part is_correct void score weight), $self->{graders} ? 'grader_id' : ());
}

# The partition that a row written for a question belongs to.
sub part { my ($self, $question) = @_; return $self->{leaf} || $question % 2 ? "'a'" : "'b'" }

# The literals of a child row: what is said of the question depends on its number, so that all cases occur.
sub row
{
    my ($self, $run, $question, %with) = @_;
    my $part = $with{part} // $self->part($question);
    return (
        $self->reference($run, $question),
        $with{question} // $question,
        $part,
        ('false', 'true', 'NULL', 'true')[ $question % 4 ],
        ('false', 'false', 'true', 'NULL', 'false')[ $question % 5 ],
        $with{score} // ($question % 7 == 3 ? 'NULL' : 20 + 30 * ($question % 4)),
        $question % 3 ? '1.25' : 'NULL',
        $self->{graders} ? 1 + $question % 3 : ());
}

sub values_of { return join ', ', map { '(' . join(', ', @$_) . ')' } @_ }

sub insert
{
    my ($self, @rows) = @_;
    return "INSERT INTO $self->{table} (" . join(', ', $self->columns) . ') VALUES ' . values_of(@rows);
}

# The same rows as COPY reads them.
sub copy
{
    my ($self, @rows) = @_;
    my @lines = map { join "\t", map { $_ eq 'NULL' ? '\N' : s/^'(.*)'$/$1/r } @$_ } @rows;
    return join "\n", "COPY $self->{table} (" . join(', ', $self->columns) . ') FROM STDIN;', @lines, '\.';
}

# The columns of the child's unique key.
sub unique { my ($self) = @_; return join ', ', $self->reference_columns, 'q', 'part' }

# The literals of new parents, each given as its number and its total.
sub new_runs
{
    my ($self, @runs) = @_;
    my %super = (2 => 1, 3 => 1, 4 => 2, 5 => 2, 7 => 6);
    my @columns =
      ($self->key_columns, 'total', $self->{evaluations} ? 'evaluation_id' : (), $self->{tree} ? 'super_id' : ());
    my @rows;
    for (@runs)
    {
        my ($run, $total) = @$_;
        my @row = ($self->{parent_key}->($run), $total // 'NULL');
        push @row, 1 + int(($run - 1) / 3) if $self->{evaluations};
        push @row, $super{$run} // 'NULL' if $self->{tree};
        push @rows, \@row;
    }
    return 'INSERT INTO runs (' . join(', ', @columns) . ') VALUES ' . values_of(@rows);
}

sub new_run { my ($self, $run, $total) = @_; return $self->new_runs([ $run, $total ]) }

# -- the tables --------------------------------------------------------------------------------------------------------

# Each tally: as it is declared, and the same recounted.
sub tallies
{
    my ($self) = @_;
    my @generated = (
        [ doubled_total => 'sum(doubled)', 'coalesce(sum(2 * c.score), 0)' ],
        [ hundred_count => 'doubled = 100', 'count(*) FILTER (WHERE c.score = 50)' ]);
    my %runs = (
        child => 'results',
        parent => 'runs',
        on => [ map { [ @$_[ 0, 2 ] ] } @{ $self->{key} } ],
        counters => [ @RESULT_COUNTERS, $self->{generated} ? @generated : () ],
        total => 'total',
        total_of => 'evaluated_count',
        done => 'is_completed',
        done_at => 'completed_at');
    my @tallies = (\%runs);
    push @tallies,
      {
        child => 'results',
        parent => 'graders',
        on => [ [ 'id', 'grader_id' ] ],
        counters => [ [ graded => 'true', 'count(*)' ], [ score_total => 'sum(score)', 'coalesce(sum(c.score), 0)' ] ],
      }
      if $self->{graders};
    push @tallies,
      {
        child => 'annotations',
        parent => 'runs',
        on => [ [ 'id', 'run_id' ] ],
        counters => [
            [ note_count => 'true', 'count(*)' ],
            [ letters => 'sum(length(body))', 'coalesce(sum(char_length(c.body)), 0)' ]
        ],
      }
      if $self->{annotations};
    push @tallies,
      {
        child => 'questions',
        parent => 'runs',
        on => [ [ 'id', 'run_id' ] ],
        counters => [ [ total => 'true', 'count(*)' ] ],
      }
      if $self->{questions};
    push @tallies,
      {
        child => 'runs',
        parent => 'evaluations',
        on => [ [ 'id', 'evaluation_id' ] ],
        counters => [
            [ run_count => 'true', 'count(*)' ],
            [ completed_count => 'is_completed', 'count(*) FILTER (WHERE c.is_completed)' ],
            [ result_total => 'sum(evaluated_count)', 'coalesce(sum(c.evaluated_count), 0)' ]
        ],
        total => 'planned',
        total_of => 'completed_count',
        done => 'finished',
        done_at => 'finished_at',
      }
      if $self->{evaluations};
    push @tallies,
      {
        child => 'runs',
        parent => 'runs',
        on => [ [ 'id', 'super_id' ] ],
        counters => [
            [ sub_count => 'true', 'count(*)' ],
            [ sub_completed => 'is_completed', 'count(*) FILTER (WHERE c.is_completed)' ],
            [ sub_results => 'sum(evaluated_count)', 'coalesce(sum(c.evaluated_count), 0)' ]
        ],
      }
      if $self->{tree};
    $_->{spills} = $self->{spills} for @tallies;
    return @tallies;
}

sub declaration
{
    my ($tally) = @_;
    my $counters = join ', ', map { qq{"$_->[0]": "$_->[1]"} } @{ $tally->{counters} };
    my $via = join ',', map { $_->[1] } @{ $tally->{on} };
    my $total = join '', map { defined $tally->{$_} ? ", $_ => '$tally->{$_}'" : '' } qw(total total_of done done_at);
    $total .= q{, contention => 'spill'} if $tally->{spills};
    return "SELECT ratchet.tally('$tally->{child}', '$tally->{parent}', '{$counters}', via => '{$via}'$total);\n";
}

# A line for each row of the parent whose counters, with what lies spilled for them, are not those of its children, for
# children without a parent's row, and for each row that is done and should not be or the other way round. What lies
# spilled may be the reason why a row is not done yet.
sub recount
{
    my ($tally) = @_;
    my @counters = map { $_->[0] } @{ $tally->{counters} };
    my @keys = map { $_->[0] } @{ $tally->{on} };
    my @references = map { $_->[1] } @{ $tally->{on} };
    my $kept = join ', ', map { "p.$_" } @counters;
    my $counted = join ', ', map { "coalesce(c.$_, 0)" } @counters;
    my $exact = $tally->{spills} ? "$tally->{parent}_exact" : $tally->{parent};
    my $is_spilled =
      $tally->{spills}
      ? "EXISTS (SELECT FROM $tally->{parent}_spilled s WHERE ${\ join ' AND ', map { qq{s.$_ = p.$_} } @keys})"
      : 'false';
    my $sql = <<"SQL";
    SELECT concat('$tally->{parent} ', ROW(${\ join ', ', map { "p.$_" } @keys}), ' by $tally->{child}: kept ',
        ROW($kept), ', counted ', ROW($counted)) AS line
    FROM $exact p
    FULL JOIN (SELECT ${\ join ', ', (map { "c.$_" } @references), map { "$_->[2] AS $_->[0]" } @{ $tally->{counters} }}
        FROM $tally->{child} c WHERE ${\ join ' AND ', map { "c.$_ IS NOT NULL" } @references}
        GROUP BY ${\ join ', ', map { "c.$_" } @references}) c
    ON ${\ join ' AND ', map { "p.$_->[0] = c.$_->[1]" } @{ $tally->{on} }}
    WHERE p.$keys[0] IS NULL OR ROW($kept) IS DISTINCT FROM ROW($counted)
SQL
    $sql .= <<"SQL" if $tally->{done};
    UNION ALL
    SELECT concat('$tally->{parent} ', ROW(${\ join ', ', map { "p.$_" } @keys}), ': $tally->{done} ', p.$tally->{done},
        ', $tally->{done_at} ', p.$tally->{done_at}, ', $tally->{total_of} ', p.$tally->{total_of}, ', $tally->{total} ',
        p.$tally->{total})
    FROM $tally->{parent} p
    WHERE p.$tally->{done} IS DISTINCT FROM
            CASE WHEN p.$tally->{total} > 0 THEN p.$tally->{total_of} >= p.$tally->{total} ELSE false END
            AND (p.$tally->{done} OR NOT $is_spilled)
        OR p.$tally->{done} IS DISTINCT FROM (p.$tally->{done_at} IS NOT NULL)
SQL
    return $sql;
}

sub parents
{
    my ($self) = @_;
    my %parents = map { $_->{parent} => 1 } $self->tallies;
    return sort keys %parents;
}

# The tables of spilled counts.
sub spilled { my ($self) = @_; return $self->{spills} ? map { "${_}_spilled" } $self->parents : () }

# What the rows are, apart from times.
sub contents
{
    my ($self) = @_;
    # 1.50 is 1.5.
    my $weight = q{jsonb_build_object('weight_total', trim_scale(weight_total))};
    my @queries = map { "SELECT '$_->[0]', $_->[1] FROM $_->[0] t" } (
        [ 'results', 'to_jsonb(t)' ],
        $self->{annotations} ? [ 'annotations', 'to_jsonb(t)' ] : (),
        $self->{questions} ? [ 'questions', 'to_jsonb(t)' ] : (),
        [ 'runs', "to_jsonb(t) - 'completed_at' - 'submitted_at' || $weight" ],
        $self->{graders} ? [ 'graders', 'to_jsonb(t)' ] : (),
        $self->{evaluations} ? [ 'evaluations', q{to_jsonb(t) - 'finished_at'} ] : ());
    return join "\n    UNION ALL ", @queries;
}

sub create_tables
{
    my ($self) = @_;
    my $key = join ', ', $self->key_columns;
    my $references = join ', ', $self->reference_columns;
    my $run_columns =
        join(', ', map { "$_->[0] $_->[1]" } @{ $self->{key} })
      . ($self->{evaluations} ? ', evaluation_id int REFERENCES evaluations ON DELETE CASCADE' : '')
      . ", total int, note text, $COUNTER_COLUMNS"
      . ($self->{annotations} ? ', note_count int, letters bigint' : '')
      . ($self->{tree}
        ? ', super_id bigint REFERENCES runs ON DELETE CASCADE, sub_count int, sub_completed int, sub_results numeric'
        : '')
      . ($self->{generated} ? ', doubled_total bigint, hundred_count int' : '')
      . ($self->{guarded} ? ', submitted_at timestamptz, submitted_by text' : '')
      . ', is_completed boolean, completed_at timestamptz';
    my $sql = $self->{setup} // '';

    $sql .= <<'SQL' if $self->{evaluations};
CREATE TABLE evaluations (id int PRIMARY KEY, planned int, run_count int, completed_count int, result_total numeric,
    finished boolean, finished_at timestamptz);
SQL
    if ($self->{partitioned_parent})
    {
        # The partitions do not have their columns at the same places.
        $sql .= <<"SQL";
CREATE TABLE runs ($run_columns, PRIMARY KEY ($key)) PARTITION BY LIST (region);
CREATE TABLE runs_eu PARTITION OF runs FOR VALUES IN ('eu');
CREATE TABLE runs_us (gone int, LIKE runs_eu INCLUDING DEFAULTS);
ALTER TABLE runs_us DROP COLUMN gone;
ALTER TABLE runs ATTACH PARTITION runs_us FOR VALUES IN ('us');
SQL
    }
    else
    {
        $sql .= "CREATE TABLE runs ($run_columns, PRIMARY KEY ($key));\n";
    }
    $sql .= "CREATE TABLE graders (id int PRIMARY KEY, graded int, score_total numeric);\n" if $self->{graders};

    my $result_columns =
        join(', ', map { "$_->[2] $_->[3]" . ($self->{action} eq 'SET DEFAULT' ? ' DEFAULT 6' : '') } @{ $self->{key} })
      . ', q int NOT NULL, part text NOT NULL, is_correct boolean, void boolean, score int, weight numeric'
      . ($self->{generated} ? ', doubled int GENERATED ALWAYS AS (score * 2) STORED' : '')
      . ($self->{graders} ? ', grader_id int REFERENCES graders' : '');
    my $deferrable = $self->{deferrable} ? ' DEFERRABLE INITIALLY DEFERRED' : '';
    my $partition_by = $self->{partitions} ? ' PARTITION BY LIST (part)' : '';
    $sql .= <<"SQL";
CREATE TABLE results ($result_columns, UNIQUE ($references, q, part),
    FOREIGN KEY ($references) REFERENCES runs ON DELETE $self->{action}$deferrable)$partition_by;
SQL
    if ($self->{partitions})
    {
        my $subpartitions = $self->{subpartitions} ? ' PARTITION BY HASH (q)' : '';
        $sql .= <<"SQL";
CREATE TABLE results_a (weight numeric, gone int, score int, void boolean, part text NOT NULL, is_correct boolean,
    q int NOT NULL, ${\ join ', ', map { "$_->[2] $_->[3]" } reverse @{ $self->{key} }});
ALTER TABLE results_a DROP COLUMN gone;
ALTER TABLE results ATTACH PARTITION results_a FOR VALUES IN ('a');
CREATE TABLE results_b PARTITION OF results FOR VALUES IN ('b')$subpartitions;
SQL
        $sql .= "CREATE TABLE results_b_$_ PARTITION OF results_b FOR VALUES WITH (MODULUS 2, REMAINDER $_);\n"
          for $self->{subpartitions} ? (0, 1) : ();
    }
    $sql .= "CREATE TABLE annotations (run_id bigint REFERENCES runs ON DELETE CASCADE, body text);\n"
      if $self->{annotations};
    $sql .= "CREATE TABLE questions (run_id bigint REFERENCES runs ON DELETE CASCADE, q int);\n" if $self->{questions};
    return $sql;
}

# All rows away, in one transaction, and those of the fixture back, in another: what one transaction that does both is to
# count is for a path to find out.
sub fixture
{
    my ($self) = @_;
    # In the leaf's layout too the rows go through the root, into both partitions.
    my $root = $self->addressing('results');
    my @tables = ('results', 'runs');
    unshift @tables, 'questions' if $self->{questions};
    unshift @tables, 'annotations' if $self->{annotations};
    push @tables, 'graders' if $self->{graders};
    push @tables, 'evaluations' if $self->{evaluations};
    my @rows;
    push @rows, 'INSERT INTO graders SELECT generate_series(1, 3)' if $self->{graders};
    push @rows, 'INSERT INTO evaluations VALUES (1, 1), (2, 3), (3, 0)' if $self->{evaluations};
    push @rows, $self->new_runs(@RUNS);
    push @rows, 'INSERT INTO questions SELECT 1 + n / 10, n % 10 FROM unnest(ARRAY[1, 2, 3, 4, 11, 12, 41, 42, 43, 51]) n'
      if $self->{questions};
    push @rows, q{INSERT INTO annotations VALUES (1, 'first'), (1, 'second'), (2, NULL), (NULL, 'nowhere')}
      if $self->{annotations};
    push @rows, $root->insert(map { [ $root->row(@$_) ] } @RESULTS);

    my $sql = '';
    for my $function ([ clear => map { "DELETE FROM $_" } @tables ], [ fill => @rows ])
    {
        my ($name, @statements) = @$function;
        $sql .= "CREATE FUNCTION $name() RETURNS void LANGUAGE plpgsql AS \$\$\nBEGIN\n";
        $sql .= join '', map { "    $_;\n" } @statements;
        $sql .= "END \$\$;\n";
    }
    return $sql;
}

# Everything that a database with this layout holds; helpers of single paths are CounterPaths' own.
sub create
{
    my ($self) = @_;
    my $sql = $self->create_tables . join '', map { declaration($_) } $self->tallies;
    $sql .= "SELECT ratchet.guard('runs', gate => 'submitted_at', actor => 'submitted_by');\n" if $self->{guarded};
    my $recount = join "    UNION ALL\n", map { recount($_) } $self->tallies;
    # When all is folded.
    my $left = join '', map { "\n        RETURN QUERY SELECT 'd spilled: ' || to_jsonb(s)::text FROM $_ s;" } $self->spilled;
    $sql .= $self->fixture . <<"SQL";
CREATE VIEW recount AS
$recount;

-- The letter says what a line is: f the fingerprint of all rows, d drift. Whatever role a path has left.
CREATE FUNCTION "check"(thoroughly boolean) RETURNS SETOF text LANGUAGE plpgsql SECURITY DEFINER AS \$\$
BEGIN
    RETURN QUERY SELECT 'f ' || md5(coalesce(string_agg(t || r::text, ' ' ORDER BY t, r::text), '')) FROM (
    ${\ $self->contents}) rows (t, r);
    RETURN QUERY SELECT 'd ' || line FROM recount;
    IF thoroughly THEN$left
        RETURN QUERY SELECT format('d verify(): %s by %s %s: %s stored %s, counted %s', v.parent, v.child, v.key,
            v."column", v.stored, v.counted) FROM ratchet.verify() v;
    END IF;
END \$\$;
SQL
    return $sql;
}

1;
