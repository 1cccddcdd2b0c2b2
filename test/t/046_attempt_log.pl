# ratchet.log: a line an attempt, as key=value or JSON, whatever names and keys are; no more than so many a second; without
# row values but the key; not to be silenced by a session. And audit => true over two-phase commit.
use strict;
use warnings;

use JSON::PP ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('attempt_log');
$node->init(extra => [ '--encoding', 'UTF8', '--locale', 'C' ]);
$node->append_conf('postgresql.conf', "log_statement = none\nmax_prepared_transactions = 5\n");
$node->start;
$node->safe_psql('postgres', "CREATE DATABASE bytes ENCODING 'SQL_ASCII' TEMPLATE template0");
$node->safe_psql($_, 'CREATE EXTENSION ratchet; CREATE ROLE ' . ($_ eq 'postgres' ? 'app LOGIN' : 'unused')) foreach 'postgres', 'bytes';

# Runs a script; answers the messages of the lines about attempts, what the client was sent, and all of the log.
sub lines_of
{
    my ($script, %options) = @_;
    my $database = $options{database} // 'postgres';
    my $start = -s $node->logfile;
    my ($out, $err);
    $node->psql($database, $script, stdout => \$out, stderr => \$err, on_error_stop => 0, extra_params => $options{params} // []);
    my $log = substr(slurp_file($node->logfile), $start);
    my @lines = $log =~ /LOG:  (ratchet:[^\n]*|\{"ratchet"[^\n]*)/g;
    return { lines => \@lines, err => $err, log => $log };
}

sub set_log
{
    my (%settings) = @_;
    $node->append_conf('postgresql.conf', "ratchet.$_ = $settings{$_}\n") foreach keys %settings;
    $node->reload;
    foreach my $name (keys %settings)
    {
        $node->poll_query_until('postgres', "SELECT current_setting('ratchet.$name', true) = '$settings{$name}'") or die $name;
    }
    return;
}

$node->safe_psql('postgres', <<'SQL');
CREATE TABLE cards (id bigint PRIMARY KEY, note text, submitted_at timestamptz, state text, version int);
SELECT ratchet.guard('cards', 'submitted_at', states => '{"state": {"new": ["done"], "done": []}}', version => 'version');
INSERT INTO cards VALUES (1, 'secret', '2026-01-01', 'new', 1), (2, 'secret', NULL, 'new', 1), (3, 'secret', '2026-01-01', 'new', 1);
GRANT SELECT, UPDATE ON cards TO app;
CREATE TABLE watched (id bigint PRIMARY KEY, submitted_at timestamptz, state text, fence int, version int);
SELECT ratchet.guard('watched', 'submitted_at', states => '{"state": {"new": ["done"], "done": []}}', fence => 'fence',
    version => 'version', mode => 'observe');
INSERT INTO watched VALUES (1, '2026-01-01', 'new', 5, 1), (2, '2026-01-01', 'done', 5, 1);
SQL

# -- what is logged by default, and what is not ------------------------------------------------------------------------

my $stale = "SET application_name = 'old app'; UPDATE cards SET submitted_at = NULL, note = 'secret' WHERE id <> 2;";
my $kept = 'ratchet: event=kept schema=public relation=cards columns=submitted_at rows=2 application="old app"';
is_deeply(lines_of($stale)->{lines}, [$kept], 'a stale save that was kept leaves a line');
my $silenced = lines_of("SET ratchet.kept_notice = off; $stale");
is_deeply($silenced->{lines}, [$kept], 'also where the application has silenced its notices');
is($silenced->{err}, '', 'which the application does not see');
my $asking = lines_of("SET client_min_messages = debug1; $stale");
unlike($asking->{err}, qr/ratchet:/, 'nor does one that asks for what goes to the log');
unlike($asking->{log}, qr/secret|STATEMENT/, 'no row value and no statement is logged');
like(lines_of('SET ratchet.log = off; ' . $stale, params => [ '-U', 'app' ])->{err}, qr/permission denied to set parameter "ratchet.log"/,
    'a session cannot silence it');
is_deeply(lines_of("SET ratchet.log = off; $stale")->{lines}, [], 'a superuser can');

is_deeply(lines_of("UPDATE cards SET state = 'nowhere' WHERE id = 2")->{lines},
    ['ratchet: event=rejected sqlstate=23R02 schema=public relation=cards columns=state application="046_attempt_log.pl"'],
    'what is rejected leaves a line');
is_deeply(lines_of("SELECT ratchet.submit('cards', 1)")->{lines}, [], 'the outcome of a call leaves none');
is_deeply(lines_of("SET ratchet.log = 'all'; SELECT ratchet.submit('cards', 1); SELECT ratchet.advance('cards', 1, 'done');")->{lines},
    [ map { qq(ratchet: event=$_ schema=public relation=cards application="046_attempt_log.pl") } 'already_submitted', 'advanced' ],
    'unless all attempts are wanted');

# -- mode observe says what would come of it ---------------------------------------------------------------------------

sub observed
{
    my ($set, $would, $columns, $name) = @_;
    is_deeply(lines_of("UPDATE watched SET $set")->{lines},
        [qq(ratchet: event=observed would_be=$would schema=public relation=watched columns=$columns application="046_attempt_log.pl")], $name);
    return;
}
observed(q{submitted_at = NULL WHERE id = 1}, 'kept', 'submitted_at', 'observe: a gate would be kept closed');
$node->safe_psql('postgres', q{UPDATE watched SET submitted_at = '2026-01-01' WHERE id = 1});
observed(q{state = 'nowhere' WHERE id = 1}, 'rejected sqlstate=23R02', 'state', 'observe: a transition would be rejected');
observed(q{state = 'new' WHERE id = 2}, 'kept', 'state', 'observe: a terminal state would be kept');
observed(q{version = 0 WHERE id = 2}, 'rejected sqlstate=23R04', 'version', 'observe: a stale version would be rejected');
observed(q{fence = 1 WHERE id = 2}, 'rejected sqlstate=23R04', 'fence', 'observe: a late write would be rejected');
$node->safe_psql('postgres', q{UPDATE watched SET state = 'new', fence = 9 WHERE id = 1});
observed(q{submitted_at = NULL, state = 'nowhere' WHERE id = 1}, 'rejected sqlstate=23R02', 'state',
    'observe: a write that would be rejected is told of as such, whatever else would be kept');

# -- keys and formats --------------------------------------------------------------------------------------------------

is_deeply(lines_of("SET ratchet.log_keys = on; UPDATE cards SET submitted_at = NULL WHERE id IN (1, 2);")->{lines},
    ['ratchet: event=kept schema=public relation=cards columns=submitted_at key=1 application="046_attempt_log.pl"'],
    'with keys, a line says which row it was');

my @hostile = ("a\"b", "new\nline", 'back\\slash', "tab\there", "\x{1}", "caf\x{e9} \x{2603}", 'a=b c', '{"ratchet": 1}', "'; DROP", '');
my $encoded = sub { my ($text) = @_; utf8::encode($text); return $text; };
my $literal = sub { my ($text) = @_; $text =~ s/'/''/g; return "'" . $encoded->($text) . "'"; };
my $identifier = sub { my ($text) = @_; $text =~ s/"/""/g; return '"' . $encoded->($text) . '"'; };
foreach my $name (@hostile)
{
    my $table = 't' . $name;
    my $script = sprintf(<<'SQL', ($identifier->($table), $identifier->("c$name"), $literal->($identifier->($table) =~ s/^"|"$//gr), $literal->("c$name")));
CREATE TABLE %1$s (id text PRIMARY KEY, %2$s timestamptz);
SELECT ratchet.guard((SELECT max(oid::bigint)::oid FROM pg_class WHERE relkind = 'r')::regclass, %4$s);
SQL
    $node->safe_psql('postgres', $script . 'INSERT INTO ' . $identifier->($table) . " VALUES ($_, now())") foreach $literal->($name);
    my $update = 'SET ratchet.log_keys = on; SET application_name = ' . $literal->("app$name")
      . '; UPDATE ' . $identifier->($table) . ' SET ' . $identifier->("c$name") . ' = NULL;';
    my @lines = @{ lines_of("SET ratchet.log_format = json; $update")->{lines} };
    is(scalar(@lines), 1, 'json: one line');
    my $line = JSON::PP->new->utf8->decode($lines[0]);
    is_deeply([ @$line{qw(event relation key)}, @{ $line->{columns} } ], [ 'kept', $table, $name, "c$name" ], 'json: names and key come out as they are');
    ok(exists $line->{application}, 'json: the application is named');
    my @text = @{ lines_of($update)->{lines} };
    is(scalar(@text), 1, 'text: one line');
    # A value is a plain word, or a JSON string; of columns, several with commas between.
    my %found;
    my $rest = $text[0] =~ s/^ratchet://r;
    while ($rest =~ s/^ (\w+)=((?:\w+|"(?:[^"\\]|\\.)*"))//) { $found{$1} = $2; }
    is($rest, '', 'text: the whole line is key=value');
    $found{$_} = $found{$_} =~ /^"/ ? JSON::PP->new->utf8->allow_nonref->decode($found{$_}) : $found{$_} foreach keys %found;
    is_deeply([ @found{qw(event relation key columns)} ], [ 'kept', $table, $name, "c$name" ], 'text: names and key come out as they are');
}

# Bytes that are no character of any encoding.
my $bytes = lines_of(<<"SQL", database => 'bytes');
CREATE TABLE t (id text PRIMARY KEY, done boolean);
SELECT ratchet.guard('t', 'done');
INSERT INTO t VALUES (E'\\xff\\xfe', true);
SET ratchet.log_format = json;
SET ratchet.log_keys = on;
UPDATE t SET done = false;
SQL
is(scalar(@{ $bytes->{lines} }), 1, 'SQL_ASCII: one line');
is(JSON::PP->new->utf8->decode($bytes->{lines}[0])->{key}, "\x{ff}\x{fe}", 'SQL_ASCII: bytes are escaped one by one');

# -- not too many ------------------------------------------------------------------------------------------------------

# Whether or not a second ends in the middle of it: every line is written, or counted as suppressed.
sub check_cap
{
    my ($name) = @_;
    set_log(log_rate => 5);
    my $flood = lines_of('DO $$ BEGIN FOR i IN 1..300 LOOP UPDATE cards SET submitted_at = NULL WHERE id = 1; END LOOP; END $$;');
    my $written = scalar @{ $flood->{lines} };
    my ($first, $last) = $flood->{log} =~ /\A.*?(\d\d:\d\d:\d\d)[^\n]*ratchet:.*(\d\d:\d\d:\d\d)[^\n]*ratchet:/s;
    my $seconds = sub { my ($h, $m, $s) = split /:/, $_[0]; return $h * 3600 + $m * 60 + $s; };
    cmp_ok($written, '<=', 5 * (($seconds->($last) - $seconds->($first)) % 86400 + 2), "$name: no more than so many a second");
    cmp_ok($written, '>', 0, "$name: but some");
    my $suppressed = 0;
    $suppressed += $_ foreach map { / suppressed=(\d+)/ ? $1 : () } @{ $flood->{lines} };
    set_log(log_rate => 0);
    set_log(log_rate => 1000);
    return ($written, $suppressed);
}

# Without shared memory each session counts for itself, so what is suppressed at its end is not told.
check_cap('a session alone');

$node->append_conf('postgresql.conf', "shared_preload_libraries = 'ratchet'\n");
$node->restart;
my ($written, $told) = check_cap('shared');
my ($after) = map { / suppressed=(\d+)/ ? $1 : () } @{ lines_of($stale)->{lines} };
is($written + $told + ($after // 0), 300, 'shared: what was not written is told of by the next line, also of another session');
set_log(log_rate => 100);

# -- audit: two-phase commit -------------------------------------------------------------------------------------------

$node->safe_psql('postgres', <<'SQL');
CREATE SCHEMA office;
CREATE TABLE office.forms (id int PRIMARY KEY, submitted_at timestamptz);
SELECT ratchet.guard('office.forms', 'submitted_at', audit => true);
INSERT INTO office.forms VALUES (1), (2), (3);
BEGIN; SELECT ratchet.submit('office.forms', 1); PREPARE TRANSACTION 'one';
BEGIN; SELECT ratchet.submit('office.forms', 2); PREPARE TRANSACTION 'two';
SQL
$node->restart;
$node->safe_psql('postgres', q{COMMIT PREPARED 'one'; ROLLBACK PREPARED 'two'; UPDATE office.forms SET submitted_at = now() WHERE id = 3;});
my $attempts = q{SELECT relation, key, outcome, transaction IS NOT NULL FROM ratchet.attempts ORDER BY at};
my $stored = "office.forms|1|submitted|t\noffice.forms|3|closed|t";
is($node->safe_psql('postgres', $attempts), $stored, 'an attempt that is prepared is there when it commits');

$node->stop;
done_testing();
