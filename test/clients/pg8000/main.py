import json
import os

import pg8000

con = pg8000.connect(user=os.environ["PGUSER"], unix_sock=f"{os.environ['PGHOST']}/.s.PGSQL.{os.environ['PGPORT']}",
                     database=os.environ["PGDATABASE"])
cur = con.cursor()
cur.execute("""
    SELECT ratchet.guard('scorecards', gate => 'submitted_at', actor => 'submitter_id', idempotency_key => 'request_id'),
        ratchet.guard('jobs', states => '{"status": {"queued": ["running"], "running": []}}'),
        ratchet.tally('results', 'runs', '{"evaluated_count": "true"}')""")
cur.execute("INSERT INTO scorecards VALUES (1)")
# snippet: pg8000
con.commit()
con.close()
