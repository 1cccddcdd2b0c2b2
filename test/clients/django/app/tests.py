from django.db import connection
from django.test import TestCase

from app.models import Result, Run

# snippet: tests
