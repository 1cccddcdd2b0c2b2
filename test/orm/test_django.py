"""Django's save() writes every column of an instance, as it was when it was read. Here it meets a submission.

Every order of the steps read, save, submit and commit is played, autocommit and transaction.atomic(), with and without
a rollback. Each order is played on two tables: on one without a contract, where submissions must be seen to be lost,
and on one with a contract, where none may be. What either row must look like in the end is computed from the order in
which the database has stored the writes, and compared column by column.
"""
import contextlib
import datetime
import json
import os
import sys
import uuid

import django
from django.conf import settings

settings.configure(
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": os.environ["PGDATABASE"],
            "HOST": os.environ.get("PGHOST", ""),
            "PORT": os.environ.get("PGPORT", ""),
            "USER": os.environ.get("PGUSER", ""),
        }
    },
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    INSTALLED_APPS=[],
    USE_TZ=True,
)
django.setup()

from django.db import DataError, IntegrityError, OperationalError, connection, models, transaction  # noqa: E402
from django.db.models import F  # noqa: E402
from django.utils import timezone  # noqa: E402

from _steps import Scheduler, Worker, orders  # noqa: E402


class Scorecard(models.Model):
    comment = models.TextField(default="")
    score = models.IntegerField(default=0)
    submitted_at = models.DateTimeField(null=True)
    submitted_by = models.TextField(null=True)
    submission_source = models.TextField(null=True)
    request = models.UUIDField(null=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        abstract = True


class Plain(Scorecard):
    class Meta:
        app_label = "scores"
        db_table = "plain_scorecards"


class Guarded(Scorecard):
    class Meta:
        app_label = "scores"
        db_table = "scorecards"


class Strict(Scorecard):
    class Meta:
        app_label = "scores"
        db_table = "Strict Scorecards"


class Attempt(models.Model):
    scorecard = models.ForeignKey(Guarded, on_delete=models.CASCADE)
    status = models.IntegerField()

    class Meta:
        app_label = "scores"


OWNED = ("submitted_at", "submitted_by", "submission_source")
COMPARED = ("comment", "score") + OWNED

failures = []


def check(condition, message):
    if not condition:
        failures.append(message)
        if len(failures) <= 20:
            print(f"FAILED: {message}")


def sqlstate(cause):
    # Django takes psycopg 3 where it is installed, which names it otherwise than psycopg2.
    return getattr(cause, "sqlstate", None) or cause.pgcode


@contextlib.contextmanager
def notices():
    """The texts of the notices that arrive meanwhile."""
    texts = []
    driver = connection.connection
    if hasattr(driver, "add_notice_handler"):
        driver.add_notice_handler(keep := lambda notice: texts.append(notice.message_primary))
        yield texts
        driver.remove_notice_handler(keep)
    else:
        del driver.notices[:]
        yield texts
        texts += driver.notices


def create_tables():
    with connection.cursor() as cursor:
        cursor.execute("CREATE EXTENSION ratchet")
    with connection.schema_editor() as editor:
        for model in (Plain, Guarded, Strict, Attempt):
            editor.create_model(model)
    with connection.cursor() as cursor:
        for table, mode in (("scorecards", "keep"), ('"Strict Scorecards"', "reject")):
            cursor.execute(
                "SELECT ratchet.guard(%s, gate => 'submitted_at', actor => 'submitted_by',"
                " idempotency_key => 'request', owned => '{submission_source}', mode => %s)",
                [table, mode],
            )
        # The order in which the database has stored the writes of a row: numbered while the row is locked, so the
        # numbers cannot lie, and rolled back with the write.
        cursor.execute(
            """
            CREATE TABLE history (number bigserial, row_id bigint, pid int);
            CREATE FUNCTION remember() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                INSERT INTO history (row_id, pid) VALUES (NEW.id, pg_backend_pid());
                RETURN NULL;
            END $$;
            CREATE TRIGGER remember AFTER UPDATE ON plain_scorecards FOR EACH ROW EXECUTE FUNCTION remember();
            CREATE TRIGGER remember AFTER UPDATE ON scorecards FOR EACH ROW EXECUTE FUNCTION remember();
            """
        )


def connect():
    connection.ensure_connection()
    return connection.connection.info.backend_pid


def is_blocked(pid):
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT cardinality(pg_blocking_pids(pid)) > 0 AND wait_event IN ('transactionid', 'tuple')"
            " FROM pg_stat_activity WHERE pid = %s",
            [pid],
        )
        row = cursor.fetchone()
    return bool(row and row[0])


# -- actors ------------------------------------------------------------------------------------------------------------


def values_of(instance):
    return {column: getattr(instance, column) for column in COMPARED}


class Actor:
    """What one client does to one row. `ends`: autocommit, commit or rollback of a transaction.atomic() block."""

    def __init__(self, model, pk, ends):
        self.model, self.pk, self.ends = model, pk, ends
        self.block = None
        self.error = None
        self.written = None  # the values that it has sent, as a function of the row's state
        self.claims = False  # was told that it has submitted the row

    def steps(self):
        steps = self.work()
        if self.ends == "autocommit":
            return [self._guarded(step) for step in steps]
        steps[0] = self._in_block(steps[0])
        return [self._guarded(step) for step in steps] + [self._leave]

    def _in_block(self, step):
        def enter_and_step():
            self.block = transaction.atomic()
            self.block.__enter__()
            step()

        return enter_and_step

    def _guarded(self, step):
        def run():
            if self.error is not None:
                return
            try:
                step()
            except OperationalError as error:
                # Under REPEATABLE READ the true answer to a lost race; a real client would start again.
                if sqlstate(error.__cause__) != "40001":
                    raise
                self.error = error

        return run

    def _leave(self):
        if self.error is not None:
            self.block.__exit__(type(self.error), self.error, self.error.__traceback__)
            return
        if self.ends == "rollback":
            transaction.set_rollback(True)
        self.block.__exit__(None, None, None)

    def committed(self):
        return self.error is None and self.ends != "rollback"


class Saver(Actor):
    """Reads the row, changes a column, saves all of them."""

    comment = "edited"

    def work(self):
        return [self.read, self.save]

    def read(self):
        self.instance = self.model.objects.get(pk=self.pk)

    def save(self):
        self.instance.comment = self.comment
        self.instance.score += 1
        self.write()

    def write(self):
        values = values_of(self.instance)
        self.written = lambda state, guarded: saved(state, values, guarded)
        self.instance.save()


class OtherSaver(Saver):
    comment = "edited by another"


class SavingSubmitter(Saver):
    """Submits by a save() of its own, as an application does that knows nothing of ratchet."""

    actor = "ann"

    def save(self):
        self.instance.submitted_at = timezone.now()
        self.instance.submitted_by = self.actor
        self.instance.submission_source = "web"
        self.claims = True
        self.write()


class CallingSubmitter(Actor):
    """Submits by ratchet.submit(); where there is no contract by the best that SQL has, a conditional UPDATE."""

    actor = "ann"

    def work(self):
        return [self.submit]

    def submit(self):
        if self.model is Plain:
            now = timezone.now()
            count = Plain.objects.filter(pk=self.pk, submitted_at__isnull=True).update(
                submitted_at=now, submitted_by=self.actor, submission_source="web"
            )
            self.outcome = "submitted" if count else "already_submitted"
        else:
            with connection.cursor() as cursor:
                cursor.execute(
                    "SELECT outcome, submitted_at, submitted_by FROM ratchet.submit(%s, %s, actor => %s, patch => %s)",
                    ["scorecards", self.pk, self.actor, json.dumps({"submission_source": "web"})],
                )
                self.outcome, now, self.told = cursor.fetchone()
        self.claims = self.outcome == "submitted"
        closing = {"submitted_at": now, "submitted_by": self.actor, "submission_source": "web"}
        self.written = lambda state, guarded: {**state, **closing}


class OtherCallingSubmitter(CallingSubmitter):
    actor = "bob"


def saved(state, values, guarded):
    """The row after a save: with a contract what is submitted stays, and everything else is as saved."""
    if guarded and state["submitted_at"] is not None:
        return {**values, **{column: state[column] for column in OWNED}}
    return dict(values)


# -- playing -----------------------------------------------------------------------------------------------------------


class Tally:
    def __init__(self):
        self.interleavings = self.waits = self.failed = 0
        self.lost_submissions = {Plain: 0, Guarded: 0}
        self.lost_comments = {Plain: 0, Guarded: 0}


def play(workers, model, cast, order, tally, name):
    row = model.objects.create(comment="created")
    actors = [kind(model, row.pk, ends) for kind, ends in cast]
    scheduler = Scheduler(workers, is_blocked)
    scheduler.run(order, [actor.steps() for actor in actors])
    tally.waits += scheduler.waits
    tally.failed += sum(actor.error is not None for actor in actors)

    guarded = model is Guarded
    what = f"{name}, {model._meta.db_table}, order {order}"
    with connection.cursor() as cursor:
        cursor.execute("SELECT pid FROM history WHERE row_id = %s ORDER BY number", [row.pk])
        pids = [pid for (pid,) in cursor.fetchall()]
        cursor.execute("TRUNCATE history")
    by_pid = {worker.pid: actor for worker, actor in zip(workers, actors)}
    writers = [by_pid[pid] for pid in pids]
    check(all(writer.committed() for writer in writers), f"{what}: a write that was not committed is there")
    for actor in actors:
        writes = actor.committed() and (actor.claims or isinstance(actor, Saver))
        check((actor in writers) == writes, f"{what}: {type(actor).__name__} was told otherwise than what is stored")

    final = values_of(model.objects.get(pk=row.pk))
    expected = values_of(row)
    for writer in writers:
        expected = writer.written(expected, guarded)
    check(final == expected, f"{what}: the row is {final}, expected {expected}")

    winners = [actor for actor in actors if actor.claims and actor.committed()]
    lost = any(final["submitted_at"] is None or final["submitted_by"] != winner.actor for winner in winners)
    tally.lost_submissions[model] += lost
    if guarded:
        check(len(winners) <= 1, f"{what}: {len(winners)} winners")
        check(not lost, f"{what}: the submission is lost")
        for actor in actors:
            if isinstance(actor, CallingSubmitter) and actor.committed() and actor.outcome == "already_submitted":
                check(winners and actor.told == winners[0].actor, f"{what}: the loser is not told the winner")
            elif isinstance(actor, CallingSubmitter) and actor.committed():
                check(actor.outcome == "submitted", f"{what}: outcome {actor.outcome}")
    # Between two whole-row saves the later one has the last word about what no contract protects, as ever.
    savers = [writer for writer in writers if isinstance(writer, Saver)]
    if savers:
        lost = final["comment"] != savers[-1].instance.comment
        tally.lost_comments[model] += lost
        check(not lost, f"{what}: the comment of the last save is lost")


def steps_of(kind, ends):
    return (1 if issubclass(kind, CallingSubmitter) else 2) + (ends != "autocommit")


def play_kind(workers, name, casts, isolation=None):
    tally = Tally()
    for worker in workers:
        level = isolation or "READ COMMITTED"
        worker.give(lambda: run_sql(f"SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL {level}"))
        worker.wait(10)
    for cast in casts:
        for order in orders([steps_of(*part) for part in cast]):
            label = name + " " + ", ".join(f"{kind.__name__} {ends}" for kind, ends in cast)
            tally.interleavings += 1
            play(workers, Plain, cast, order, tally, label)
            play(workers, Guarded, cast, order, tally, label)
    lost = {
        what: f"{counts[Plain]} without ratchet, {counts[Guarded]} with"
        for what, counts in (("submissions", tally.lost_submissions), ("comments", tally.lost_comments))
    }
    print(
        f"{name}: {tally.interleavings} interleavings; lost submissions: {lost['submissions']};"
        f" lost comments: {lost['comments']}; {tally.waits} waits for a row"
        + (f"; {tally.failed} serialization failures" if isolation else "")
    )
    sys.stdout.flush()
    check(tally.lost_submissions[Plain] > 0, f"{name}: the control has lost nothing, so this shows nothing")
    return tally


def run_sql(sql, parameters=None):
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return cursor.fetchall() if cursor.description else None


AUTOCOMMIT = ("autocommit",)
BLOCKS = ("commit", "rollback")


def pairs(saver_ends, submitter, submitter_ends):
    return [((Saver, a), (submitter, b)) for a in saver_ends for b in submitter_ends]


def play_all():
    workers = [Worker(connect, connection_close) for _ in range(3)]
    totals = {}
    for submitter, name in (
        (CallingSubmitter, "save() meets submit()"),
        (SavingSubmitter, "save() meets a submitting save()"),
    ):
        kinds = [
            ("autocommit", pairs(AUTOCOMMIT, submitter, AUTOCOMMIT)),
            ("atomic", pairs(BLOCKS, submitter, BLOCKS)),
            ("mixed", pairs(AUTOCOMMIT, submitter, BLOCKS) + pairs(BLOCKS, submitter, AUTOCOMMIT)),
            (
                "two savers",
                [((Saver, "autocommit"), (OtherSaver, "autocommit"), (submitter, "autocommit"))]
                + ([((Saver, "commit"), (OtherSaver, "autocommit"), (submitter, "autocommit"))]
                   if submitter is CallingSubmitter else []),
            ),
        ]
        tallies = [play_kind(workers, f"{name}, {kind}", casts) for kind, casts in kinds]
        totals[name] = sum(tally.interleavings for tally in tallies)
        check(sum(tally.waits for tally in tallies) > 0, f"{name}: nobody ever waited for a row")
        play_kind(
            workers,
            f"{name}, repeatable read",
            pairs(("autocommit", "commit"), submitter, ("autocommit", "commit")),
            "REPEATABLE READ",
        )
    play_kind(
        workers,
        "save() meets two submit()",
        [
            ((Saver, "autocommit"), (CallingSubmitter, "commit"), (OtherCallingSubmitter, "commit")),
            ((Saver, "autocommit"), (CallingSubmitter, "rollback"), (OtherCallingSubmitter, "autocommit")),
        ],
    )
    for name, total in totals.items():
        print(f"{name}: {total} interleavings in all")
        check(total >= 100, f"{name}: {total} interleavings are fewer than 100")
    for worker in workers:
        worker.stop()


def connection_close():
    connection.close()


# -- what an application does with the outcomes ------------------------------------------------------------------------

STATUS = {
    "submitted": 201,
    "replayed": 200,
    "already_submitted": 409,
    "conflict": 409,
    "stale": 412,
    "not_found": 404,
}


def submit_view(pk, actor, expect=None, request=None):
    """A view's body: no exception for an expected race, so the transaction goes on and can record the attempt."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT outcome, submitted_by, stale FROM ratchet.submit(%s, %s, actor => %s, idempotency_key => %s,"
                " expect => %s)",
                ["scorecards", pk, actor, request, expect and json.dumps(expect)],
            )
            outcome, submitted_by, stale = cursor.fetchone()
        status = STATUS[outcome]
        if outcome != "not_found":
            Attempt.objects.create(scorecard_id=pk, status=status)
        return status, submitted_by if status == 409 else stale


def check_views():
    row = Guarded.objects.create(comment="created", score=3)
    seen = Guarded.objects.get(pk=row.pk)
    Guarded.objects.filter(pk=row.pk).update(score=4)
    check(submit_view(row.pk, "ann", {"score": seen.score}) == (412, ["score"]), "a changed score answers 412")
    seen.refresh_from_db()
    check(seen.submitted_at is None, "412 leaves the gate open")
    request = uuid.uuid4()
    check(submit_view(row.pk, "ann", {"score": seen.score}, request) == (201, None), "the fresh score answers 201")
    check(submit_view(row.pk, "ann", {"score": 0}, request) == (200, None), "the same request again answers 200")
    check(submit_view(row.pk, "bob", {"score": 0}) == (409, "ann"), "another's submission answers 409 and the winner")
    check(submit_view(-1, "bob") == (404, None), "no such row answers 404")
    statuses = list(Attempt.objects.filter(scorecard=row).order_by("pk").values_list("status", flat=True))
    check(statuses == [412, 201, 200, 409], f"the transaction of every answer goes on: {statuses}")
    try:
        submit_view(row.pk, "bob", {"no such column": 1})
        check(False, "an unknown column is an error")
    except DataError as error:
        check(sqlstate(error.__cause__) == "22023", f"an unknown column is {sqlstate(error.__cause__)}")
    print("views: 201, 200, 409, 412 and 404, each in a transaction that goes on")


def check_other_writes():
    def submitted():
        row = Guarded.objects.create(comment="created")
        stale = Guarded.objects.get(pk=row.pk)
        run_sql("SELECT ratchet.submit('scorecards', %s, actor => 'ann')", [row.pk])
        return stale

    def is_kept(stale, name, comment):
        row = Guarded.objects.get(pk=stale.pk)
        check(row.submitted_at is not None and row.submitted_by == "ann", f"{name}: the submission is lost")
        check(row.comment == comment, f"{name}: the comment is {row.comment!r}")

    stale = submitted()
    stale.comment = "saved"
    with notices() as told:
        stale.save()
    is_kept(stale, "save()", "saved")
    check('columns "submitted_at", "submitted_by" of relation "scorecards" kept their values in 1 row' in "".join(told), f"save(): notices are {told!r}")
    stale.refresh_from_db()
    check(stale.submitted_by == "ann", "refresh_from_db() shows what is stored")
    stale.comment = "saved again"
    with notices() as told:
        stale.save()
    check(not told, f"a fresh save() raises no notice: {told!r}")

    stale = submitted()
    stale.comment = "forced"
    stale.save(force_update=True)
    is_kept(stale, "save(force_update)", "forced")

    stale = submitted()
    stale.comment = "some columns"
    stale.submitted_by = "eve"
    stale.save(update_fields=["comment", "submitted_by"])
    is_kept(stale, "save(update_fields)", "some columns")

    stale = submitted()
    count = Guarded.objects.filter(pk=stale.pk).update(submitted_at=None, comment="query set", score=F("score") + 1)
    check(count == 1, f"update() counts {count} rows")
    is_kept(stale, "update()", "query set")

    several = [submitted() for _ in range(5)]
    for stale in several:
        stale.comment = "bulk"
    Guarded.objects.bulk_update(several, ["comment", "submitted_at", "submitted_by"])
    for stale in several:
        is_kept(stale, "bulk_update()", "bulk")

    stale = submitted()
    _, created = Guarded.objects.update_or_create(pk=stale.pk, defaults={"comment": "or create", "submitted_at": None})
    check(not created, "update_or_create() updates")
    is_kept(stale, "update_or_create()", "or create")

    several = [submitted() for _ in range(3)]
    for stale in several:
        stale.comment = "upsert"
    if django.VERSION >= (4, 1):
        Guarded.objects.bulk_create(
            several,
            update_conflicts=True,
            unique_fields=["id"],
            update_fields=["comment", "submitted_at", "submitted_by"],
        )
        for stale in several:
            is_kept(stale, "bulk_create(update_conflicts)", "upsert")

    # A savepoint that is rolled back takes the submission with it, and nothing else.
    row = Guarded.objects.create()
    with transaction.atomic():
        try:
            with transaction.atomic():
                run_sql("SELECT ratchet.submit('scorecards', %s, actor => 'ann')", [row.pk])
                raise ValueError
        except ValueError:
            pass
        outcome = run_sql("SELECT outcome FROM ratchet.submit('scorecards', %s, actor => 'bob')", [row.pk])
    check(outcome == [("submitted",)], f"after a rolled back savepoint: {outcome}")
    check(Guarded.objects.get(pk=row.pk).submitted_by == "bob", "after a rolled back savepoint the second one has it")

    # Mode reject: Django's own exception for a broken constraint, and nothing of the save is stored.
    row = Strict.objects.create(comment="created")
    stale = Strict.objects.get(pk=row.pk)
    run_sql("SELECT ratchet.submit(%s, %s, actor => 'ann')", ['"Strict Scorecards"', row.pk])
    stale.comment = "late"
    try:
        stale.save()
        check(False, "mode reject: a stale save() is an error")
    except IntegrityError as error:
        cause = error.__cause__
        check(
            (sqlstate(cause), cause.diag.table_name, cause.diag.column_name)
            == ("23R01", "Strict Scorecards", "submitted_at"),
            f"mode reject: {sqlstate(cause)} {cause.diag.table_name} {cause.diag.column_name}",
        )
    row.refresh_from_db()
    check(row.comment == "created", "mode reject: nothing of the save is stored")
    print("other writes: save(), save(update_fields), update(), bulk_update(), update_or_create() keep the submission;"
          " mode reject is an IntegrityError")


def main():
    started = datetime.datetime.now()
    create_tables()
    play_all()
    check_views()
    check_other_writes()
    check(run_sql("SELECT * FROM ratchet.health()") == [], "health() has findings")
    seconds = (datetime.datetime.now() - started).total_seconds()
    print(f"{len(failures)} failures, {seconds:.0f} s")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
