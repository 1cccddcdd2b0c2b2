from django.db import models

# snippet: models
