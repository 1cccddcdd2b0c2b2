# rate_limit: of an actor's calls exactly as many go through as the contract says, one after the other and all at once.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('rate_limit');
$node->init;
$node->append_conf('postgresql.conf', <<'CONF');
shared_preload_libraries = 'ratchet'
ratchet.max_actors = 200
max_connections = 60
log_statement = none
CONF
$node->start;
my $version = $node->safe_psql('postgres', 'SHOW server_version_num');

# No token of a day comes back while this runs.
my $schema = q{
    CREATE EXTENSION ratchet;
    CREATE TABLE cards (id int PRIMARY KEY, submitted_at timestamptz, submitted_by text, comment text);
    INSERT INTO cards SELECT generate_series(1, 100);
    CREATE TABLE calls (actor text, outcome text);};
my $declare = q{SELECT ratchet.guard('cards', 'submitted_at', actor => 'submitted_by', rate_limit => '10 per day')};
$node->safe_psql('postgres', "$schema $declare");

sub answers { return $node->safe_psql('postgres', $_[0]) }

# -- one actor, one after the other ------------------------------------------------------------------------------------

is(answers(q{SELECT outcome, count(*) FROM generate_series(1, 1000) g, LATERAL ratchet.submit('cards', 1 + g % 2, actor => 'ann') GROUP BY 1 ORDER BY 1}),
    "already_submitted|8\nlimited|990\nsubmitted|2", 'of 1,000 rapid calls of one actor 10 go through');
is(answers(q{SELECT outcome, submitted_at, submitted_by, record, conflict, stale, retry_after BETWEEN '2 hours 23 minutes' AND '2 hours 24 minutes'
             FROM ratchet.submit('cards', 3, actor => 'ann')}),
    'limited||||||t', 'who is limited is told when the next token comes, and nothing else');
is(answers(q{SELECT count(*) FROM cards WHERE submitted_at IS NOT NULL}), '2', 'nothing is written');
is(answers(q{SELECT outcome FROM ratchet.submit('cards', 3, actor => 'bob')}), 'submitted', 'another actor is not limited');
is(answers(q{SELECT outcome FROM ratchet.submit('cards', -1, actor => 'ann')}), 'limited', 'not even the row is looked for');
is(answers(q{SELECT limited, submitted FROM ratchet.stat WHERE kind = 'guard'}), '992|3', 'it is counted');
is(answers(q{BEGIN; SELECT outcome FROM ratchet.submit('cards', 4, actor => 'ann'); SELECT count(*) FROM pg_locks WHERE locktype IN ('tuple', 'transactionid') AND pid = pg_backend_pid()}),
    "limited\n0", 'no row is locked');

# Each table has calls of its own.
$node->safe_psql('postgres', q{CREATE TABLE others (id int PRIMARY KEY, submitted_at timestamptz, submitted_by text);
    INSERT INTO others VALUES (1);
    SELECT ratchet.guard('others', 'submitted_at', actor => 'submitted_by', rate_limit => '10 per day')});
is(answers(q{SELECT outcome FROM ratchet.submit('others', 1, actor => 'ann')}), 'submitted', 'who is limited at one table is not at another');
$node->safe_psql('postgres', 'DROP TABLE others');

# What else writes the row is not limited, nor is a bad call one.
is(answers(q{UPDATE cards SET submitted_at = now(), submitted_by = 'ann' WHERE id = 5; SELECT count(*) FROM cards WHERE submitted_by = 'ann' AND id = 5}),
    '1', 'a plain UPDATE that closes the gate is not limited');
for (1 .. 12)
{
    my ($status, $out, $err) = $node->psql('postgres', q{SELECT ratchet.submit('cards', 6, actor => 'eve', patch => '{"no": 1}')});
    like($err, qr/has no column "no"|column "no"/, 'a bad argument is an error') if $_ == 1;
}
is(answers(q{SELECT outcome FROM ratchet.submit('cards', 6, actor => 'eve')}), 'submitted', 'and takes no token');

# Who may update another column only may not submit, and so must not spend what somebody else has.
$node->safe_psql('postgres', q{CREATE ROLE commenter LOGIN; GRANT SELECT, UPDATE (comment) ON cards TO commenter});
for my $call (1 .. 12)
{
    my ($status, $out, $err) =
      $node->psql('postgres', q{SELECT ratchet.submit('cards', 99, actor => 'sue')}, extra_params => [ '-U', 'commenter' ]);
    like($err, qr/permission denied for table cards/, "who may not submit is refused, call $call") if $call == 1 || $call == 12;
}
is(answers(q{SELECT outcome FROM ratchet.submit('cards', 99, actor => 'sue')}), 'submitted', 'and spends nobody else\'s calls');
{
    my ($status, $out, $err) =
      $node->psql('postgres', q{BEGIN READ ONLY; SELECT ratchet.submit('cards', 1, actor => 'ann')});
    like($err, qr/cannot execute UPDATE in a read-only transaction/, 'a read-only transaction is told so, limited or not');
}

# Another spelling of what the column takes for the same actor has no calls of its own.
$node->safe_psql('postgres', q{CREATE TABLE amounts (id int PRIMARY KEY, submitted_at timestamptz, submitted_by numeric);
    INSERT INTO amounts SELECT generate_series(1, 3);
    SELECT ratchet.guard('amounts', 'submitted_at', actor => 'submitted_by', rate_limit => '2 per day')});
is(answers(q{SELECT string_agg(outcome, ' ' ORDER BY i) FROM generate_series(1, 3) i, LATERAL ratchet.submit('amounts', i, actor => '1.' || repeat('0', i))}),
    'submitted submitted limited', 'equal values are one actor');
is(answers(q{SELECT outcome FROM ratchet.submit('amounts', 3, actor => '2'::text)}), 'submitted', 'and another one is another');
$node->safe_psql('postgres', q{DROP TABLE amounts; DROP OWNED BY commenter; DROP ROLE commenter});

# A rollback gives no token back.
answers(q{BEGIN; SELECT ratchet.submit('cards', 7, actor => 'rob') FROM generate_series(1, 10); ROLLBACK});
is(answers(q{SELECT outcome FROM ratchet.submit('cards', 7, actor => 'rob')}), 'limited', 'a rollback gives no token back');

# Who names no actor is limited as his role.
$node->safe_psql('postgres', q{CREATE ROLE app LOGIN; GRANT SELECT, UPDATE ON cards TO app});
is(answers(q{SELECT outcome, count(*) FROM generate_series(1, 12) g, LATERAL ratchet.submit('cards', 8 + 0 * g) GROUP BY 1 ORDER BY 1}),
    "already_submitted|9\nlimited|2\nsubmitted|1", 'a role that names no actor is limited');
is($node->safe_psql('postgres', q{SELECT outcome FROM ratchet.submit('cards', 8)}, extra_params => [ '-U', 'app' ]), 'already_submitted',
    'another role is not');
# Nor does an actor whose name is the role's OID spend what the role has.
$node->safe_psql('postgres', q{CREATE TABLE numbered (id int PRIMARY KEY, submitted_at timestamptz, submitted_by bigint);
    INSERT INTO numbered SELECT generate_series(1, 4);
    SELECT ratchet.guard('numbered', 'submitted_at', actor => 'submitted_by', rate_limit => '2 per day')});
is(answers(q{SELECT string_agg(outcome, ' ' ORDER BY i) FROM generate_series(1, 3) i, pg_roles r,
             LATERAL ratchet.submit('numbered', i, actor => r.oid::bigint) WHERE rolname = current_user}),
    'submitted submitted limited', 'an actor that is a number');
is(answers(q{SELECT outcome FROM ratchet.submit('numbered', 4)}), 'submitted', 'is not the role of that OID');
$node->safe_psql('postgres', 'DROP TABLE numbered');

# -- many actors, all at once ------------------------------------------------------------------------------------------

# Twenty sessions, each of which calls for each of a hundred actors: 20 calls of an actor, 10 of which go through.
my $script = $node->basedir . '/calls.sql';
append_to_file($script, q{
    INSERT INTO calls SELECT 'actor ' || a, outcome FROM (SELECT a FROM generate_series(1, 100) a ORDER BY random()) r,
        LATERAL ratchet.submit('cards', 9, actor => 'actor ' || a);
});
$node->command_ok([ 'pgbench', '-n', '-c', 20, '-j', 4, '-t', 1, '-f', $script, 'postgres' ], 'twenty sessions');
is(answers(q{SELECT count(*), min(through), max(through), sum(calls) FROM (
                 SELECT actor, count(*) calls, count(*) FILTER (WHERE outcome <> 'limited') through FROM calls GROUP BY 1) c}),
    '100|10|10|2000', 'of each of a hundred actors exactly 10 calls go through');

# One actor in many sessions at once.
unlink $script;
append_to_file($script, q{
    INSERT INTO calls SELECT 'one', outcome FROM generate_series(1, 50) g, LATERAL ratchet.submit('cards', 10 + 0 * g, actor => 'one');
});
$node->command_ok([ 'pgbench', '-n', '-c', 20, '-j', 4, '-t', 1, '-f', $script, 'postgres' ], 'twenty sessions');
is(answers(q{SELECT count(*), count(*) FILTER (WHERE outcome <> 'limited') FROM calls WHERE actor = 'one'}), '1000|10',
    'of 1,000 calls of one actor, all at once, exactly 10 go through');
is(answers(q{SELECT count(*) FROM ratchet.health()}), '0', 'all is well');

# -- more actors than there is room for --------------------------------------------------------------------------------

answers(q{SELECT count(ratchet.submit('cards', 9, actor => 'crowd ' || a)) FROM generate_series(1, 5000) a});
like(answers(q{SELECT severity, finding FROM ratchet.health()}),
    qr/^warning\|rate_limit of "cards" lets through too much: there were more actors at one time than fit into memory, \d+ times since the server was started$/,
    'health() says that buckets were given up');

# -- tokens come back --------------------------------------------------------------------------------------------------

$node->safe_psql('postgres', q{SELECT ratchet.guard('cards', 'submitted_at', actor => 'submitted_by', rate_limit => '1 per second', replace => true)});
is(answers(q{SELECT outcome, count(*) FROM generate_series(1, 3) g, LATERAL ratchet.submit('cards', 9 + 0 * g, actor => 'tom') GROUP BY 1 ORDER BY 1}),
    "already_submitted|1\nlimited|2", 'one call a second');
ok($node->poll_query_until('postgres', q{SELECT outcome = 'already_submitted' FROM ratchet.submit('cards', 9, actor => 'tom')}),
    'until the token has come back');
ok($node->poll_query_until('postgres', q{SELECT outcome = 'submitted' FROM ratchet.submit('cards', 11, actor => 'ann')}),
    'whoever had none left under another limit gets them at the pace of this one');

# -- declarations ------------------------------------------------------------------------------------------------------

sub error_of
{
    my ($sql, $on) = @_;
    my ($status, $out, $err) = ($on // $node)->psql('postgres', "\\set VERBOSITY verbose\n$sql");
    $err =~ s/^psql:<stdin>:\d+: //mg;
    return $err;
}
for my $bad ('', 'ten per minute', '10/min', '0 per day', '10 per 0 days', '1 per month', '10 per minute sharp', '-1 per day', '10 per 32 days',
    '1000001 per day', '99999999999999999999 per day')
{
    like(error_of("SELECT ratchet.guard('cards', 'submitted_at', rate_limit => '$bad', replace => true)"),
        qr/ERROR:  22023: invalid rate_limit "\Q$bad\E"\nHINT:  For example '10 per minute' or '100 per 15 minutes'/, "rate_limit '$bad' is refused");
}
like(error_of(q{SELECT ratchet.guard('calls', once => '{actor}', rate_limit => '1 per day')}), qr/ERROR:  22023: rate_limit needs a gate/, 'without a gate as well');
like(error_of(q{SELECT ratchet.guard('cards', 'submitted_at', actor => 'submitted_by', rate_limit => '2 per second')}),
    qr/guard would weaken the contract.*\nDETAIL:  rate_limit "1 per second" becomes "2 per second"/, 'a looser limit needs replace');
like(error_of(q{SELECT ratchet.guard('cards', 'submitted_at', actor => 'submitted_by')}), qr/DETAIL:  rate_limit "1 per second" is removed/, 'none as well');
is(answers(q{SELECT ratchet.guard('cards', 'submitted_at', actor => 'submitted_by', rate_limit => ' 1  per 120 minutes')}), 'extended', 'a stricter one does not');
is(answers(q{SELECT ratchet.guard('cards', 'submitted_at', actor => 'submitted_by', rate_limit => '1 per 2 hours')}), 'unchanged', 'one and the same limit');
is(answers(q{SELECT rate_limit FROM ratchet.contract}), '1 per 2 hours', 'it stands in ratchet.contract');
like(answers(q{SELECT rule FROM ratchet.describe('cards') WHERE policy = 'rate_limit'}), qr/may call ratchet\.submit\(\) 1 per 2 hours/, 'and in describe()');

# -- without memory to share -------------------------------------------------------------------------------------------

my $dump = $node->basedir . '/dump.sql';
$node->command_ok([ 'pg_dump', '-d', $node->connstr('postgres'), '-f', $dump ], 'dumped');
my $plain = PostgreSQL::Test::Cluster->new('plain');
$plain->init;
$plain->start;
$plain->safe_psql('postgres', 'CREATE ROLE app');
$plain->command_ok([ 'psql', '-Xq', '-v', 'ON_ERROR_STOP=1', '-d', $plain->connstr('postgres'), '-f', $dump ], 'restored on a server without preload');
if ($version >= 170000)
{
    is($plain->safe_psql('postgres', q{SELECT outcome FROM ratchet.submit('cards', 50, actor => 'ann')}), 'submitted', 'which has memory nevertheless');
    is($plain->safe_psql('postgres', q{SELECT outcome FROM ratchet.submit('cards', 51, actor => 'ann')}), 'limited', 'and keeps the limit');
}
else
{
    like(error_of(q{SELECT ratchet.submit('cards', 50, actor => 'ann')}, $plain),
        qr/ERROR:  42R01: rate_limit of relation "cards" needs shared memory, which the server does not have for ratchet\nHINT:  Add ratchet to shared_preload_libraries/,
        'submit() does not go beyond a limit that cannot be kept');
    is($plain->safe_psql('postgres', q{UPDATE cards SET comment = 'x' WHERE id = 50 RETURNING comment}), 'x', 'other writes go on');
    is($plain->safe_psql('postgres', q{SELECT severity, finding FROM ratchet.health()}),
        'error|rate_limit of "cards" needs shared memory, without which ratchet.submit() fails', 'health() says so');
    like(error_of(q{CREATE TABLE other (id int PRIMARY KEY, done boolean); SELECT ratchet.guard('other', 'done', rate_limit => '1 per day')}, $plain),
        qr/ERROR:  0A000: rate_limit of relation "other" needs shared memory/, 'and no other is declared');
}
$plain->stop;
$node->stop;

done_testing();
