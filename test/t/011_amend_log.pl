# What reaches the server log and nobody else: each amend, also one that is rolled back, and what mode observe has seen.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('amend_log');
$node->init;
# Statements would be logged, and sent to a client that asks for log messages, with the very words looked for.
$node->append_conf('postgresql.conf', 'log_statement = none');
$node->start;

$node->safe_psql(
    'postgres', q{
    CREATE ROLE app LOGIN;
    CREATE ROLE auditor LOGIN;
    CREATE ROLE clerk LOGIN;
    CREATE EXTENSION ratchet;
    GRANT EXECUTE ON FUNCTION ratchet.amend_right() TO auditor;
    CREATE SCHEMA app AUTHORIZATION app;
    SET ROLE app;
    CREATE TABLE app.scorecards (id bigint PRIMARY KEY, comment text, submitted_at timestamptz, submitted_by text,
        request text, score int CHECK (score < 100));
    SELECT ratchet.guard('app.scorecards', gate => 'submitted_at', actor => 'submitted_by', idempotency_key => 'request',
        owned => '{score}');
    CREATE TABLE app."Sitze" (exam int, "Platz" text, handed_in boolean, PRIMARY KEY (exam, "Platz"));
    SELECT ratchet.guard('app."Sitze"', gate => 'handed_in');
    GRANT USAGE ON SCHEMA app TO auditor, clerk;
    GRANT SELECT, UPDATE ON ALL TABLES IN SCHEMA app TO auditor, clerk;
    INSERT INTO app.scorecards SELECT i FROM generate_series(1, 9) i;
    SELECT ratchet.submit('app.scorecards', i, actor => 'ann', idempotency_key => 'k', patch => '{"score": 1}')
        FROM generate_series(1, 9) i;
    INSERT INTO app."Sitze" VALUES (1, 'a''b', true), (1, 'c', NULL);});

# Runs SQL; answers what the client has got on standard output and standard error, and the new entries of the server log,
# level and message.
sub outcome_of
{
    my ($sql, %options) = @_;
    my $start = -s $node->logfile;
    my ($out, $err);
    # The client asks for everything that it could be sent.
    $node->psql('postgres', "SET client_min_messages = debug1;\n$sql",
        stdout => \$out, stderr => \$err, on_error_stop => 0, extra_params => [ '-U', $options{role} // 'app' ]);
    my $log = substr(slurp_file($node->logfile), $start);
    # An entry goes on in lines that start with a tab.
    my @entries = $log =~ /^\d{4}-\d\d-\d\d [\d:.]+ \w+ \[\d+\] \S+ (LOG:  ratchet[^\n]*(?:\n\t[^\n]*)*)/mg;
    return { out => $out, err => $err, entries => \@entries, log => $log };
}

sub logs
{
    my ($name, $sql, $out, $entries, %options) = @_;
    my $seen = outcome_of($sql, %options);
    is($seen->{out}, $out, "$name: the answer");
    is_deeply($seen->{entries}, $entries, "$name: the log") or diag $seen->{log};
    unlike($seen->{err}, qr/ratchet/, "$name: the client is sent nothing of it");
    return $seen;
}

# -- amend -------------------------------------------------------------------------------------------------------------

logs('reopening',
    q{SELECT * FROM ratchet.amend('app.scorecards', 1, '{"submitted_at": null}', 'ops@example.org', 'submitted by mistake')},
    'amended|{submitted_at,submitted_by,request}',
    ['LOG:  ratchet amend: amended submitted_at, submitted_by, request of row (id=1) of relation "app.scorecards"'
          . ' by "ops@example.org" (role "app"): "submitted by mistake"']);

logs('a correction, rolled back',
    q{BEGIN; SELECT * FROM ratchet.amend('app.scorecards', 2, '{"score": 7, "comment": "x"}', 'ops', 'wrong sum');
      ROLLBACK; SELECT score FROM app.scorecards WHERE id = 2},
    "amended|{comment,score}\n1",
    ['LOG:  ratchet amend: amended comment, score of row (id=2) of relation "app.scorecards"'
          . ' by "ops" (role "app"): "wrong sum"']);

logs('a correction, rolled back to a savepoint',
    q{BEGIN; SAVEPOINT s; SELECT outcome FROM ratchet.amend('app.scorecards', 2, '{"score": 8}', 42, 'wrong sum');
      ROLLBACK TO s; COMMIT; SELECT score FROM app.scorecards WHERE id = 2},
    "amended\n1",
    ['LOG:  ratchet amend: amended score of row (id=2) of relation "app.scorecards" by "42" (role "app"): "wrong sum"']);

logs('a composite key, quoted names',
    q{SELECT * FROM ratchet.amend('app."Sitze"', '{"exam": 1, "Platz": "a''b"}'::jsonb, '{"handed_in": false}', 'ops',
      'recount')},
    'amended|{handed_in}',
    [q{LOG:  ratchet amend: amended handed_in of row (exam=1, Platz="a'b") of relation "app.Sitze"}
          . ' by "ops" (role "app"): "recount"']);

logs('nothing to change',
    q{SELECT * FROM ratchet.amend('app.scorecards', 3, '{"score": 1}', 'ops', 'to be sure')},
    'unchanged|{}',
    ['LOG:  ratchet amend: unchanged nothing of row (id=3) of relation "app.scorecards"'
          . ' by "ops" (role "app"): "to be sure"']);

logs('no such row',
    q{SELECT * FROM ratchet.amend('app.scorecards', 4711, '{"score": 1}', 'ops', 'to be sure')},
    'not_found|{}',
    ['LOG:  ratchet amend: not_found nothing of row (id=4711) of relation "app.scorecards"'
          . ' by "ops" (role "app"): "to be sure"']);

logs('by a role with the right to amend',
    q{SELECT outcome FROM ratchet.amend('app.scorecards', 3, '{"score": 2}', NULL::text, 'audit')},
    'amended',
    ['LOG:  ratchet amend: amended score of row (id=3) of relation "app.scorecards" by "" (role "auditor"): "audit"'],
    role => 'auditor');

# Neither is an amend; the server logs the error as any other.
my $seen = outcome_of(q{SELECT * FROM ratchet.amend('app.scorecards', 4, '{"score": 2}', 'me', 'because')}, role => 'clerk');
is_deeply($seen->{entries}, [], 'refused: no line');
like($seen->{err}, qr/permission denied to amend relation "scorecards"/, 'refused: an error');
$seen = outcome_of(q{SELECT * FROM ratchet.amend('app.scorecards', 4, '{"score": 100}', 'me', 'because')});
is_deeply($seen->{entries}, [], 'failed: no line');
like($seen->{err}, qr/violates check constraint/, 'failed: an error');

# A name in the log that is not the caller's own: the role is the one whose rights were used.
$seen = outcome_of(
    q{SET ROLE auditor; SELECT outcome FROM ratchet.amend('app.scorecards', 4, '{"score": 3}', 'ops', 'r')},
    role => 'postgres');
like(join('', @{ $seen->{entries} }), qr/\(role "auditor"\): "r"$/, 'after SET ROLE: the role whose rights were used');

# Neither line breaks nor quotation marks leave the field that they are in.
my $forged = '2026-01-01 00:00:00.000 UTC [1] LOG:  ratchet amend: amended score of row (id=5)';
$seen = outcome_of(
    qq{SELECT outcome FROM ratchet.amend('app.scorecards', 4, '{"score": 4}', E'ops\\n$forged', E'reason\\n$forged')});
is_deeply(
    $seen->{entries},
    [         'LOG:  ratchet amend: amended score of row (id=4) of relation "app.scorecards" by'
            . qq{ "ops\\n$forged" (role "app"): "reason\\n$forged"} ],
    'line breaks in actor and reason are written as such');
is($seen->{out}, 'amended', 'and are no error');
logs('an actor that looks like another role',
    q{SELECT outcome FROM ratchet.amend('app.scorecards', 4, '{"score": 6}', 'ops" (role "postgres"): approved', 'r "x" \\')},
    'amended',
    ['LOG:  ratchet amend: amended score of row (id=4) of relation "app.scorecards"'
          . ' by "ops\" (role \"postgres\"): approved" (role "app"): "r \"x\" \\\\"']);
$node->safe_psql(
    'postgres', q{
    SET ROLE app;
    CREATE TABLE app."a"" by ""b" ("x, y" text PRIMARY KEY, "z of row (id=1)" int, at timestamptz);
    SELECT ratchet.guard('app."a"" by ""b"', 'at');
    INSERT INTO app."a"" by ""b" VALUES (E'k) of\n"', 1);});
logs('names and keys',
    q{SELECT outcome FROM ratchet.amend('app."a"" by ""b"', E'k) of\n"', '{"z of row (id=1)": 2}', 'ops', 'r')},
    'amended',
    ['LOG:  ratchet amend: amended "z of row (id=1)" of row ("x, y"="k) of\n\"") of relation "app.a\" by \"b"'
          . ' by "ops" (role "app"): "r"']);
logs('suspend',
    q{BEGIN; CALL ratchet.suspend('app."a"" by ""b"', E'why\n"not"'); UPDATE app."a"" by ""b" SET at = now(); COMMIT},
    '',
    [   'LOG:  ratchet suspend: contract of relation "app.a\" by \"b" by role "app": "why\n\"not\""',
        'LOG:  ratchet suspend: 1 writes of relation "app.a\" by \"b" were not checked in this transaction' ]);

# A long reason is written whole.
my $start = -s $node->logfile;
is( $node->safe_psql(
        'postgres', q{SELECT outcome FROM ratchet.amend('app.scorecards', 4, '{"score": 5}', 'ops',
                repeat('x', 100000) || 'end')}),
    'amended', 'a reason of 100,000 letters');
like(substr(slurp_file($node->logfile), $start), qr/\(role "postgres"\): "x{30000,}end"$/m, 'is written whole');

# The line cannot be switched off by who amends.
for my $setting ('log_min_messages = panic', 'log_error_verbosity = terse', 'log_statement = none')
{
    $seen = outcome_of("SET $setting");
    like($seen->{err}, qr/permission denied to set parameter/, "the table's owner may not SET $setting");
}

# -- observe -----------------------------------------------------------------------------------------------------------

$node->safe_psql(
    'postgres', q{
    SET ROLE app;
    CREATE TABLE app.drafts (region text, id int, comment text, submitted_at timestamptz, submitted_by text,
        PRIMARY KEY (region, id)) PARTITION BY LIST (region);
    CREATE TABLE app.drafts_eu PARTITION OF app.drafts FOR VALUES IN ('eu');
    CREATE TABLE app.drafts_us PARTITION OF app.drafts FOR VALUES IN ('us');
    SELECT ratchet.guard('app.drafts', gate => 'submitted_at', actor => 'submitted_by', mode => 'observe');
    INSERT INTO app.drafts SELECT r, i, 'x', now(), 'ann' FROM unnest('{eu,us}'::text[]) r, generate_series(1, 3) i;});

sub observes
{
    my ($name, $sql, $out, $entries) = @_;
    my $start = -s $node->logfile;
    my ($stdout, $stderr);
    $node->psql('postgres', $sql, stdout => \$stdout, stderr => \$stderr,
        on_error_stop => 0, extra_params => [ '-U', 'app' ]);
    is($stdout, $out, "$name: the write goes through");
    is($stderr, '', "$name: the client is sent nothing of it");
    my @entries = substr(slurp_file($node->logfile), $start) =~ /(LOG:  ratchet[^\n]*)/g;
    is_deeply(\@entries, $entries, "$name: the log");
}

observes('one row',
    q{UPDATE app.drafts SET submitted_at = NULL WHERE region = 'eu' AND id = 1 RETURNING submitted_at IS NULL},
    't', ['LOG:  ratchet: event=observed would_be=kept schema=app relation=drafts columns=submitted_at application="011_amend_log.pl"']);

observes('rows of two partitions in one statement',
    q{UPDATE app.drafts SET submitted_at = '2000-01-01', submitted_by = 'eve' WHERE id = 2 RETURNING submitted_by},
    "eve\neve", ['LOG:  ratchet: event=observed would_be=kept schema=app relation=drafts columns=submitted_at,submitted_by rows=2 application="011_amend_log.pl"']);

observes('rolled back',
    q{BEGIN; UPDATE app.drafts SET submitted_by = 'eve' WHERE id = 3; ROLLBACK;
      SELECT submitted_by FROM app.drafts WHERE id = 3},
    "ann\nann", ['LOG:  ratchet: event=observed would_be=kept schema=app relation=drafts columns=submitted_by rows=2 application="011_amend_log.pl"']);

observes('two statements',
    q{UPDATE app.drafts SET submitted_by = 'eve' WHERE id = 3; UPDATE app.drafts SET submitted_by = 'ann' WHERE id = 3},
    '', [ ('LOG:  ratchet: event=observed would_be=kept schema=app relation=drafts columns=submitted_by rows=2 application="011_amend_log.pl"') x 2 ]);

observes('a write that the contract allows', q{UPDATE app.drafts SET comment = 'y' WHERE id = 3}, '', []);

observes('through update()',
    q{SELECT * FROM ratchet.update('app.drafts', '{"region": "eu", "id": 3}'::jsonb, '{"submitted_by": "eve"}')},
    'updated|{}|', ['LOG:  ratchet: event=observed would_be=kept schema=app relation=drafts columns=submitted_by application="011_amend_log.pl"']);

$node->stop;
done_testing();
