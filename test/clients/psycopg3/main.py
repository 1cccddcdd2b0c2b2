import json
import uuid

import psycopg
from psycopg.types.json import Json, Jsonb

con = psycopg.connect("")
cur = con.cursor()
cur.execute("INSERT INTO scorecards VALUES (1); INSERT INTO jobs VALUES (1); INSERT INTO runs VALUES (1, 3)")
request = uuid.uuid4()
# snippet: contracts
# snippet: calls
cur.execute("SELECT outcome FROM ratchet.update('scorecards', %s, %s)", (1, Jsonb({"comment": "changed"})))
assert cur.fetchone() == ("updated",), "Jsonb()"
con.commit()
try:
    cur.execute("SELECT outcome FROM ratchet.update('scorecards', %s, %s)", (1, Json({})))
    raise AssertionError("Json() was taken")
except psycopg.ProgrammingError:
    con.rollback()
# snippet: errors3
# snippet: save3
con.commit()
# snippet: tests
