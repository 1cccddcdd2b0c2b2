import io
import json
import os
import shutil
import sys
import uuid

import django
from django.conf import settings
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction

settings.configure(
    DATABASES={"default": {
        "ENGINE": "django.db.backends.postgresql", "NAME": os.environ["PGDATABASE"], "HOST": os.environ["PGHOST"],
        "PORT": os.environ["PGPORT"], "USER": os.environ["PGUSER"]}},
    INSTALLED_APPS=["app"], DEFAULT_AUTO_FIELD="django.db.models.BigAutoField", USE_TZ=True)
django.setup()
call_command("makemigrations", "app", name="initial", stdout=io.StringIO())
# Only now: it depends on the first one.
shutil.move("contracts.py", "app/migrations/0002_contracts.py")

from django.test.runner import DiscoverRunner  # noqa: E402



class Runner(DiscoverRunner):
    def run_checks(self, databases=None):
        """Would say on the standard output that there is nothing to say."""


if Runner(verbosity=0).run_tests(["app"]):
    sys.exit("the tests fail")

call_command("migrate", stdout=io.StringIO())

from app.models import Job, Result, Run, Scorecard  # noqa: E402

card, job, run = Scorecard.objects.create(), Job.objects.create(), Run.objects.create(total=5)
stale, stale_run = Scorecard.objects.get(pk=card.pk), Run.objects.get(pk=run.pk)
request = uuid.uuid4()
# snippet: calls
# snippet: errors
# snippet: save
# Backwards and forwards; and Django sees no difference between its models and the tables.
call_command("migrate", "app", "0001", stdout=io.StringIO())
call_command("migrate", stdout=io.StringIO())
call_command("makemigrations", "app", check=True, dry_run=True, stdout=io.StringIO())
