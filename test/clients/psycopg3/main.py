import json
import uuid

import psycopg
from psycopg.types.json import Jsonb

con = psycopg.connect("")
cur = con.cursor()
cur.execute("INSERT INTO scorecards VALUES (1); INSERT INTO jobs VALUES (1); INSERT INTO runs VALUES (1, 3)")
request = uuid.uuid4()
# snippet: contracts
# snippet: submit3
# snippet: calls
con.commit()
# snippet: errors3
# snippet: save3
con.commit()
# snippet: tests
