"""A small Django application in one file, and how its endpoints are raced. docs/guide/race.md tells the story.

    scorecards.py migrate            creates the table in the database that PGHOST, PGDATABASE and so on name
    scorecards.py guard              declares the contract; nothing else changes
    scorecards.py serve [PORT]       serves on 127.0.0.1 and prints its address; port 0 takes a free one
    scorecards.py post URL           sends a POST; exit status 0 if the answer is 2xx, prints it

    POST   /scorecards                   creates one, answers its id
    POST   /scorecards/ID/update         changes the comment, as forms do: get(), a little work, save()
    POST   /scorecards/ID/submit         submits: get(), save(); 409 if it is submitted already
    POST   /scorecards/ID/submitted      200 if it is submitted, 409 if it is not
    POST   /scorecards/ID/delete
"""
import os
import sys
import time
import urllib.error
import urllib.request


def post(url):
    """What curl -fsS -X POST does, where there is no curl."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, method="POST")) as answer:
            print(answer.read().decode())
    except urllib.error.HTTPError as error:
        sys.exit(f"{error.code} {error.read().decode()}")


# Before Django is imported, which takes longer than the race.
if __name__ == "__main__" and sys.argv[1:2] == ["post"]:
    post(sys.argv[2])
    sys.exit()

import django  # noqa: E402
from django.conf import settings  # noqa: E402

settings.configure(
    ROOT_URLCONF=__name__,
    ALLOWED_HOSTS=["127.0.0.1"],
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": os.environ.get("PGDATABASE", "postgres"),
            "HOST": os.environ.get("PGHOST", ""),
            "PORT": os.environ.get("PGPORT", ""),
            "USER": os.environ.get("PGUSER", ""),
        }
    },
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    USE_TZ=True,
)
django.setup()

from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.db import connection, models  # noqa: E402
from django.http import HttpResponse  # noqa: E402
from django.shortcuts import get_object_or_404  # noqa: E402
from django.urls import path  # noqa: E402
from django.utils import timezone  # noqa: E402


class Scorecard(models.Model):
    comment = models.TextField(default="draft")
    submitted_at = models.DateTimeField(null=True)
    submitted_by = models.TextField(null=True)

    class Meta:
        app_label = "scorecards"
        db_table = "scorecards"


def work(request):
    """What an application does between get() and save(): ?work=MS milliseconds of it."""
    time.sleep(float(request.GET.get("work", 0)) / 1000)


def create(request):
    return HttpResponse(Scorecard.objects.create().pk, status=201)


def update(request, pk):
    scorecard = get_object_or_404(Scorecard, pk=pk)
    work(request)
    scorecard.comment = "updated"
    scorecard.save()
    return HttpResponse("updated")


def submit(request, pk):
    scorecard = get_object_or_404(Scorecard, pk=pk)
    if scorecard.submitted_at:
        return HttpResponse("submitted already", status=409)
    work(request)
    scorecard.submitted_at = timezone.now()
    scorecard.submitted_by = "somebody"
    scorecard.save()
    return HttpResponse("submitted", status=201)


def submitted(request, pk):
    scorecard = get_object_or_404(Scorecard, pk=pk)
    if scorecard.submitted_at:
        return HttpResponse("is submitted")
    return HttpResponse(f"is not submitted, comment {scorecard.comment}", status=409)


def delete(request, pk):
    get_object_or_404(Scorecard, pk=pk).delete()
    return HttpResponse("deleted")


urlpatterns = [path("scorecards", create)] + [
    path(f"scorecards/<int:pk>/{view.__name__}", view) for view in (update, submit, submitted, delete)
]


def migrate():
    with connection.schema_editor() as editor:
        editor.create_model(Scorecard)


def guard():
    with connection.cursor() as cursor:
        cursor.execute("CREATE EXTENSION IF NOT EXISTS ratchet")
        cursor.execute("SELECT ratchet.guard('scorecards', gate => 'submitted_at', actor => 'submitted_by')")


def serve(port="8000"):
    from socketserver import ThreadingMixIn
    from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

    class Server(ThreadingMixIn, WSGIServer):
        daemon_threads = True
        request_queue_size = 128

    class Handler(WSGIRequestHandler):
        def log_message(self, *_):
            pass

    server = make_server("127.0.0.1", int(port), get_wsgi_application(), Server, Handler)
    print(f"http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    commands = {"migrate": migrate, "guard": guard, "serve": serve}
    if len(sys.argv) < 2 or sys.argv[1] not in commands:
        sys.exit(__doc__)
    commands[sys.argv[1]](*sys.argv[2:])
