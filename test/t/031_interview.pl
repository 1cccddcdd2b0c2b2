# The interview: a prompt is stored and the status moves on, or neither, whatever fails in between. stuck() lists what is
# stuck and nothing else; orphans() lists what code has left that stores first and moves afterwards.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('interview');
$node->init;
$node->append_conf('postgresql.conf', "fsync = on\nlog_statement = none\nlock_timeout = 0\n");
$node->start;

$node->safe_psql(
    'postgres', q{
    CREATE EXTENSION ratchet;
    CREATE TABLE interviews (id bigint PRIMARY KEY, status text NOT NULL DEFAULT 'draft', title text, updated_at timestamptz NOT NULL DEFAULT now(), request uuid);
    CREATE TABLE prompts (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, interview_id bigint NOT NULL REFERENCES interviews, body text NOT NULL CHECK (body <> 'refused'),
        UNIQUE (interview_id, body));
    CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.updated_at = now(); RETURN NEW; END';
    CREATE TRIGGER touch BEFORE UPDATE ON interviews FOR EACH ROW EXECUTE FUNCTION touch();
    SELECT ratchet.guard('interviews', idempotency_key => 'request',
        states => '{"status": {"draft": ["enhancing"], "enhancing": ["ready", "failed"], "failed": ["enhancing"], "ready": []}}');
    INSERT INTO interviews (id) SELECT generate_series(1, 60);});

sub ask { my ($sql) = @_; return scalar $node->safe_psql('postgres', $sql) }
sub state_of { my ($id) = @_; return ask("SELECT status || ' ' || (SELECT count(*) FROM prompts WHERE interview_id = i.id) FROM interviews i WHERE id = $id") }

# Neither an orphan nor a status without its prompt, anywhere; and this interview as it was.
sub is_whole
{
    my ($id, $what, $expected) = @_;
    is(state_of($id), $expected // 'draft 0', "$what: neither a prompt nor a move");
    is(ask(q{SELECT count(*) FROM ratchet.orphans('interviews', 'prompts', 'draft')}), 0, "$what: no orphan");
    is(ask(q{SELECT count(*) FROM interviews i WHERE status = 'enhancing' AND NOT EXISTS (SELECT FROM prompts WHERE interview_id = i.id)}),
        0, "$what: no move without its prompt");
}

my $advance = q{SELECT outcome FROM ratchet.advance('interviews', %d, '%s', child => 'prompts', record => '{"body": "%s"}')};

# -- what refuses it ---------------------------------------------------------------------------------------------------

my ($status, $out, $err) = $node->psql('postgres', sprintf $advance, 1, 'enhancing', 'refused');
like($err, qr/violates check constraint/, 'a constraint refuses the prompt');
is_whole(1, 'a refused prompt');
is(ask(sprintf $advance, 1, 'ready', 'p'), 'refused', 'the graph refuses the move');
is_whole(1, 'a refused move');
is(ask(sprintf $advance, 1, 'enhancing', 'p'), 'advanced', 'it goes through');
is(state_of(1), 'enhancing 1', 'prompt and move together');
is(ask("SELECT outcome FROM ratchet.advance('interviews', 1, 'failed')"), 'advanced', 'the enhancing fails');
is(ask(sprintf $advance, 1, 'enhancing', 'p'), 'conflict', 'the same prompt again is a conflict');
is(state_of(1), 'failed 1', 'a conflict moves nothing');
is(ask(sprintf $advance, 1, 'enhancing', 'p2'), 'advanced', 'failed leads back to enhancing');
is(state_of(1), 'enhancing 2', 'the user has tried again');

# -- what interrupts it: each time while it waits for a lock that the test holds, on the prompt's way in ----------------

my $holder = $node->background_psql('postgres');

# Starts the call for an interview and waits until it waits.
sub start_call
{
    my ($id) = @_;
    $holder->query_safe("BEGIN; INSERT INTO prompts (interview_id, body) SELECT id, 'contested' FROM interviews WHERE id = $id;");
    my $caller = $node->background_psql('postgres', on_error_stop => 0);
    my $pid = $caller->query_safe('SELECT pg_backend_pid()');
    chomp $pid;
    # The move is made, and the record waits for the other one with the same unique key.
    $caller->query_until(qr/started/, "\\echo started\n" . sprintf("$advance;\n", $id, 'enhancing', 'contested'));
    $node->poll_query_until('postgres', "SELECT count(*) = 1 FROM pg_stat_activity WHERE pid = $pid AND wait_event_type = 'Lock'")
      or die 'the call does not wait';
    return ($caller, $pid);
}

for my $fault ([ cancel => 'pg_cancel_backend' ], [ termination => 'pg_terminate_backend' ])
{
    my ($name, $function) = @$fault;
    my $id = $name eq 'cancel' ? 10 : 11;
    my ($caller, $pid) = start_call($id);
    is(ask("SELECT $function($pid)"), 't', "$name of the call");
    $node->poll_query_until('postgres', "SELECT count(*) = 0 FROM pg_stat_activity WHERE pid = $pid AND wait_event_type = 'Lock'")
      or die 'the call goes on';
    $holder->query_safe('ROLLBACK');
    $caller->{run}->kill_kill if $name ne 'cancel';
    $caller->quit if $name eq 'cancel';
    is_whole($id, $name);
    is(ask(sprintf $advance, $id, 'enhancing', 'contested'), 'advanced', "after a $name it can be called again");
}

# A transaction that has moved and stored, and is cut off before its COMMIT.
my $open = $node->background_psql('postgres');
$open->query_safe('BEGIN');
is($open->query_safe(sprintf $advance, 12, 'enhancing', 'p'), 'advanced', 'moved and stored, not committed');
my $open_pid = $open->query_safe('SELECT pg_backend_pid()');
ask("SELECT pg_terminate_backend($open_pid)");
$node->poll_query_until('postgres', "SELECT count(*) = 0 FROM pg_stat_activity WHERE pid = $open_pid") or die;
$open->{run}->kill_kill;
is_whole(12, 'a backend terminated before COMMIT');

# The server is shut down at once while one call waits and another transaction is open.
my ($waiting) = start_call(13);
my $late = $node->background_psql('postgres');
$late->query_safe('BEGIN');
is($late->query_safe(sprintf $advance, 14, 'enhancing', 'p'), 'advanced', 'moved and stored, not committed');
is(ask(sprintf $advance, 15, 'enhancing', 'p'), 'advanced', 'moved, stored and committed');
$node->stop('immediate');
$_->{run}->kill_kill for $waiting, $late, $holder;
$node->start;
is_whole(13, 'an immediate shutdown while it waits');
is_whole(14, 'an immediate shutdown before COMMIT');
is(state_of(15), 'enhancing 1', 'what was committed is there');

# -- an answer that was lost ---------------------------------------------------------------------------------------------

my $keyed = q{SELECT outcome, state, record ->> 'body' FROM ratchet.advance('interviews', 16, 'enhancing', child => 'prompts', record => '{"body": "once"}',
    idempotency_key => '00000000-0000-0000-0000-000000000016')};
is(ask($keyed), 'advanced|enhancing|once', 'the answer gets lost');
is(ask($keyed), 'replayed|enhancing|once', 'asked again');
ask("SELECT outcome FROM ratchet.advance('interviews', 16, 'ready')");
is(ask($keyed), 'replayed|ready|once', 'asked again when it has moved on');
is(state_of(16), 'ready 1', 'one prompt');

# -- stuck() lists exactly what is stuck ------------------------------------------------------------------------------------

ask(q{
    ALTER TABLE interviews DISABLE TRIGGER touch;
    UPDATE interviews SET updated_at = now() - id * interval '1 minute';
    ALTER TABLE interviews ENABLE TRIGGER touch;});
is( ask(q{SELECT string_agg(key, ',' ORDER BY key::int) FROM ratchet.stuck('interviews', '10 min', 'enhancing', since => 'updated_at')}),
    ask(q{SELECT string_agg(id::text, ',' ORDER BY id) FROM interviews WHERE status = 'enhancing' AND updated_at < now() - interval '10 min'}),
    'stuck() is what a query by hand finds');
is( ask(q{SELECT string_agg(key, ',' ORDER BY key::int) FROM ratchet.stuck('interviews', '10 min', 'enhancing', since => 'updated_at')}), '10,11,15', 'and that is these');
is( ask(q{SELECT count(*) FROM ratchet.stuck('interviews', '10 min', since => 'updated_at')}),
    ask(q{SELECT count(*) FROM interviews WHERE status <> 'ready' AND updated_at < now() - interval '10 min'}),
    'without a state: all that are not ready');
is( ask(q{SELECT string_agg(s.key || ' ' || a.outcome, ',' ORDER BY s.key) FROM ratchet.stuck('interviews', '10 min', 'enhancing', since => 'updated_at') s,
        LATERAL ratchet.advance('interviews', s.key, 'failed') a}),
    '10 advanced,11 advanced,15 advanced', 'handed to advance()');
is(ask(q{SELECT count(*) FROM ratchet.stuck('interviews', '10 min', 'enhancing', since => 'updated_at')}), 0, 'nothing is stuck any more');

# -- what older code has left ----------------------------------------------------------------------------------------------

for my $id (20 .. 24)
{
    # Two statements, and the second one fails.
    ask("INSERT INTO prompts (interview_id, body) VALUES ($id, 'orphan')");
    my ($failed) = $node->psql('postgres', "UPDATE interviews SET status = 'enhanced' WHERE id = $id", on_error_stop => 1);
    isnt($failed, 0, "interview $id: the status update fails");
}
is(ask(q{SELECT string_agg(target_key || ' ' || state, ',' ORDER BY target_key) FROM ratchet.orphans('interviews', 'prompts', 'draft')}),
    '20 draft,21 draft,22 draft,23 draft,24 draft', 'orphans() finds them');
is( ask(q{SELECT string_agg(a.outcome, ',') FROM ratchet.orphans('interviews', 'prompts', 'draft') o, LATERAL ratchet.advance('interviews', o.target_key, 'enhancing') a
        WHERE o.target_key::int < 22}),
    'advanced,advanced', 'some of them are to count after all');
ask(q{DELETE FROM prompts p USING ratchet.orphans('interviews', 'prompts', 'draft') o WHERE p.id = o.key::bigint});
is(ask(q{SELECT count(*) FROM ratchet.orphans('interviews', 'prompts', 'draft')}), 0, 'and the rest is removed');
is(ask(q{SELECT count(*) FROM prompts WHERE body = 'orphan'}), 2, 'nothing else is');

$node->stop;
done_testing();
