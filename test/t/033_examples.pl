# The examples of docs/examples that are whole stories: each runs from beginning to end, and answers what it says behind
# "-->". Twice, in one database, because somebody may drop its schema and start again.
use strict;
use warnings;

use IPC::Run ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

# What stands on standard error: notices of what was kept, and errors that are part of the story.
my %examples = (
    scorecard => [
        qr/NOTICE:  columns "creator_id", "manually_scored", "score_count" of relation "scorecards" kept their values in 1 row/,
        qr/NOTICE:  columns "submitted_at", "submitted_by", "submission_source", "final_comment" of relation "scorecards" kept their values in 1 row/,
    ],
    job => [
        qr/NOTICE:  columns "started_by", "progress", "status" of relation "jobs" kept their values in 1 row/,
        qr/NOTICE:  columns "progress", "heartbeat_at", "result", "status" of relation "jobs" kept their values in 1 row/,
    ],
    interview => [
        qr/NOTICE:  columns "worked_at", "status" of relation "interviews" kept their values in 1 row/,
        qr/ERROR:  new row for relation "prompts" violates check constraint "prompts_body_check"/,
    ],
    claim   => [qr/ERROR:  write to relation "jobs" is out of date/],
    sweep   => [],
    webhook => [
        qr/NOTICE:  column "event_at" of relation "payments" kept its value in 1 row/,
        qr/NOTICE:  1 row of relation "payments" stayed as it was: the write brought an older value of column "event_at"/,
    ],
    polymorphic =>
      [qr/ERROR:  insert or update on table "comments" violates foreign key constraint "comments_photo_id_fkey"/],
    on_demand =>
      [qr/ERROR:  insert or update on table "events" violates foreign key constraint "events_account_id_day_fkey"/],
    late_total => [qr/NOTICE:  column "total" of relation "runs" kept its value in 1 row/],
    seal       => [
        qr/NOTICE:  column "sealed_at" of relation "imports" kept its value in 1 row/,
        qr/NOTICE:  columns "checked_count", "row_count", "is_complete", "completed_at" of relation "imports" kept/,
    ],
    stock => [
        qr/ERROR:  counter "reserved" of relation "events" would exceed its limit/,  # one place too many
        qr/ERROR:  counter "reserved" of relation "events" would exceed its limit/,  # a capacity too small
    ]);

my $node = PostgreSQL::Test::Cluster->new('examples');
$node->init;
$node->append_conf('postgresql.conf', "log_statement = none\nlog_min_messages = fatal\n");
$node->start;

for my $name (sort keys %examples)
{
    my $example = "docs/examples/$name.sql";
    my $expected = join '', slurp_file($example) =~ /^--> (.*\n)/mg;
    for my $time ('first', 'second')
    {
        my ($out, $err) = ('', '');
        IPC::Run::run([ 'psql', '-XAtq', '-F', ' | ', '-f', $example, '-d', $node->connstr('postgres') ],
            '<', \undef, '>', \$out, '2>', \$err);
        is($?, 0, "$name, the $time time: the example runs") or diag $err;
        is($out, $expected, "$name, the $time time: and answers what it says");
        like($err, $_, "$name, the $time time: with what it tells besides") for @{ $examples{$name} };
        is(() = $err =~ /ERROR: /g, () = "@{ $examples{$name} }" =~ /ERROR: /g, "$name, the $time time: no other error")
          or diag $err;
        is($node->safe_psql('postgres', 'SELECT * FROM ratchet.health()'), '', "$name, the $time time: health");
        $node->safe_psql('postgres', "DROP SCHEMA $name CASCADE");
    }
}

$node->stop;
done_testing();
