"""The whole scorecard contract on one table, beside Django's save(): gate, owned, once, frozen and forward at once.

Clients read the row, edit it, save all of it as they have read it, submit it by a save or by ratchet.submit(), or update
some columns by ratchet.update(), each on a connection of its own. 500 interleavings are drawn at random (RATCHET_SEED,
which is printed), and after every step the stored row must be, column by column, what a model of the rules predicts.
The same steps on a table without a contract must show the damage. With a version column the second of two saves of the
same row is an IntegrityError with SQLSTATE 23R04, and nothing of the first one is lost.
"""
import datetime
import json
import os
import random
import sys

import django
from django.conf import settings

CLIENTS = ("first", "second", "third")


def database():
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": os.environ["PGDATABASE"],
        "HOST": os.environ.get("PGHOST", ""),
        "PORT": os.environ.get("PGPORT", ""),
        "USER": os.environ.get("PGUSER", ""),
    }


settings.configure(
    DATABASES={name: database() for name in ("default",) + CLIENTS},
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    INSTALLED_APPS=[],
    USE_TZ=True,
)
django.setup()

from django.db import IntegrityError, connection, connections, models, transaction  # noqa: E402

INTERLEAVINGS = 500


class Scorecard(models.Model):
    comment = models.TextField(default="")  # free
    creator_id = models.IntegerField(null=True)  # once
    final_comment = models.TextField(null=True)  # frozen
    manually_scored = models.BooleanField(default=False)  # forward
    score_count = models.IntegerField(default=0)  # forward
    submitted_at = models.DateTimeField(null=True)  # the gate
    submitted_by = models.TextField(null=True)  # owned
    submission_source = models.TextField(null=True)  # owned

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


class Document(models.Model):
    title = models.TextField()
    body = models.TextField(default="")
    lock_version = models.IntegerField(default=1)

    class Meta:
        app_label = "scores"
        db_table = "documents"


COLUMNS = [field.name for field in Scorecard._meta.get_fields() if field.name != "id"]
OWNED = ("submitted_at", "submitted_by", "submission_source")
FORWARD = ("manually_scored", "score_count")


def create_tables():
    with connection.cursor() as cursor:
        cursor.execute("CREATE EXTENSION ratchet")
    with connection.schema_editor() as editor:
        for model in (Plain, Guarded, Document):
            editor.create_model(model)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT ratchet.guard('scorecards', gate => 'submitted_at', actor => 'submitted_by', owned => '{submission_source}',"
            " once => '{creator_id}', frozen => '{final_comment}', forward => '{manually_scored,score_count}')"
        )
        cursor.execute("SELECT ratchet.guard('documents', version => 'lock_version')")


# -- the model of the rules ----------------------------------------------------------------------------------------------


def written(state, values):
    """The row after a write that sets these columns."""
    closed = state["submitted_at"] is not None
    closes = not closed and values.get("submitted_at") is not None
    after = dict(state)
    for column, value in values.items():
        if column in OWNED and not closes:
            continue
        if column == "creator_id" and state[column] is not None:
            continue
        if column == "final_comment" and closed:
            continue
        if column in FORWARD and value < state[column]:
            continue
        after[column] = value
    return after


# -- what clients do -----------------------------------------------------------------------------------------------------


class Client:
    """One client's way through one row: what it has read, and what it does next."""

    def __init__(self, chance, name, model, pk):
        self.chance, self.name, self.model, self.pk = chance, name, model, pk
        self.instance = None

    def step(self, state):
        """Does one thing; the row as it must be afterwards."""
        if self.instance is None or self.chance.random() < 0.4:
            self.instance = self.model.objects.using(self.name).get(pk=self.pk)
            return state
        return self.chance.choice([self.save, self.save, self.save_submitted, self.submit, self.update])(state)

    def edit(self):
        number = self.chance.randrange(1000)
        self.instance.comment = f"{self.name} {number}"
        if self.chance.random() < 0.5:
            self.instance.creator_id = number
        if self.chance.random() < 0.5:
            self.instance.final_comment = f"final {number}"
        if self.chance.random() < 0.5:
            self.instance.manually_scored = self.chance.random() < 0.7
            self.instance.score_count = self.chance.randrange(20)

    def save(self, state):
        self.edit()
        values = {column: getattr(self.instance, column) for column in COLUMNS}
        self.instance.save(using=self.name)
        self.instance = None
        return written(state, values)

    def save_submitted(self, state):
        self.instance.submitted_at = datetime.datetime.now(datetime.timezone.utc)
        self.instance.submitted_by = self.name
        self.instance.submission_source = "save"
        return self.save(state)

    def submit(self, state):
        patch = {"submission_source": "api", "score_count": self.chance.randrange(20)}
        if self.model is Plain:
            rows = Plain.objects.using(self.name).filter(pk=self.pk, submitted_at__isnull=True)
            rows.update(submitted_at=datetime.datetime.now(datetime.timezone.utc), submitted_by=self.name, **patch)
            return None
        with connections[self.name].cursor() as cursor:
            cursor.execute(
                "SELECT outcome, submitted_at, submitted_by FROM ratchet.submit('scorecards', %s, %s, %s)",
                [self.pk, self.name, json.dumps(patch)],
            )
            outcome, at, by = cursor.fetchone()
        if state["submitted_at"] is not None:
            expect((outcome, at, by), ("already_submitted", state["submitted_at"], state["submitted_by"]), "the loser's answer")
            return state
        expect((outcome, by), ("submitted", self.name), "the winner's answer")
        return written(state, {"submitted_at": at, "submitted_by": by, **patch})

    def update(self, state):
        patch = {"comment": f"{self.name} updated", "score_count": self.chance.randrange(20), "creator_id": self.chance.randrange(9)}
        if self.model is Plain:
            Plain.objects.using(self.name).filter(pk=self.pk).update(**patch)
            return None
        with connections[self.name].cursor() as cursor:
            cursor.execute("SELECT kept FROM ratchet.update('scorecards', %s, %s)", [self.pk, json.dumps(patch)])
            kept = cursor.fetchone()[0]
        after = written(state, patch)
        expect(sorted(kept), sorted(column for column in patch if after[column] != patch[column]), "kept")
        return after


failures = []
what = ""


def expect(found, expected, of):
    if found != expected:
        failures.append(f"{what}: {of}: {found!r}, expected {expected!r}")


def stored(model, pk):
    return model.objects.values(*COLUMNS).get(pk=pk)


def play(seed, number):
    """One interleaving on the guarded table, each step compared with the model; how many steps."""
    global what
    chance = random.Random(f"{seed} {number}")
    row = Guarded.objects.create()
    clients = [Client(chance, name, Guarded, row.pk) for name in CLIENTS]
    state = stored(Guarded, row.pk)
    steps = chance.randrange(8, 20)
    for step in range(steps):
        what = f"interleaving {number}, step {step}"
        state = chance.choice(clients).step(state)
        expect(stored(Guarded, row.pk), state, "the row")
    return steps


def is_damaged(seed, number):
    """The same kind of steps without a contract: whether any step broke a rule."""
    chance = random.Random(f"{seed} {number}")
    row = Plain.objects.create()
    clients = [Client(chance, name, Plain, row.pk) for name in CLIENTS]
    damaged = False
    for _ in range(chance.randrange(8, 20)):
        before = stored(Plain, row.pk)
        chance.choice(clients).step(before)
        after = stored(Plain, row.pk)
        damaged = damaged or written(before, after) != after
    return damaged


def check_version():
    """Two clients read the same version; the second save is a conflict and loses nothing."""
    for number in range(20):
        document = Document.objects.create(title="title")
        first = Document.objects.using("first").get(pk=document.pk)
        second = Document.objects.using("second").get(pk=document.pk)
        first.title = f"first {number}"
        first.save(using="first")
        second.body = f"second {number}"
        try:
            with transaction.atomic(using="second"):
                second.save(using="second")
            failures.append("a stale save went through")
        except IntegrityError as error:
            state = getattr(error.__cause__, "sqlstate", None) or error.__cause__.pgcode
            expect(state, "23R04", "SQLSTATE of a stale save")
        again = Document.objects.using("second").get(pk=document.pk)
        expect((again.title, again.body, again.lock_version), (f"first {number}", "", 2), "the document")
        again.body = f"second {number}"
        again.save(using="second")
        again.refresh_from_db(using="second")
        expect((again.title, again.body, again.lock_version), (f"first {number}", f"second {number}", 3), "the document saved again")


def main():
    seed = os.environ.get("RATCHET_SEED") or str(random.SystemRandom().randrange(10**6))
    print(f"RATCHET_SEED={seed}")
    create_tables()
    steps = sum(play(seed, number) for number in range(INTERLEAVINGS))
    damaged = sum(is_damaged(seed, number) for number in range(INTERLEAVINGS // 5))
    check_version()
    print(f"{INTERLEAVINGS} interleavings, {steps} steps as the model says; without a contract {damaged} of {INTERLEAVINGS // 5} break a rule")
    if damaged == 0:
        failures.append("the control shows no damage")
    for failure in failures[:20]:
        print(f"FAILED: {failure}")
    sys.exit(1 if failures else 0)


main()
