import json
import uuid

import psycopg2
from psycopg2.extras import Json, register_uuid

register_uuid()

con = psycopg2.connect("")
cur = con.cursor()
cur.execute("INSERT INTO scorecards VALUES (1); INSERT INTO jobs VALUES (1); INSERT INTO runs VALUES (1, 3)")
request = uuid.uuid4()
# snippet: contracts
# snippet: calls
cur.execute("SELECT outcome FROM ratchet.update('scorecards', %s, %s)", (1, Json({"comment": "changed"})))
assert cur.fetchone() == ("updated",), "Json()"
con.commit()
# snippet: errors2
# snippet: save2
con.commit()
# snippet: tests
