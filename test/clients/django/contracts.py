from django.contrib.postgres.operations import CreateExtension
from django.db import migrations

# snippet: contracts
