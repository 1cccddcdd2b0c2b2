import asyncio
import json
import os
import uuid

import asyncpg


async def main():
    con = await asyncpg.connect(host=os.environ["PGHOST"], port=int(os.environ["PGPORT"]), user=os.environ["PGUSER"],
                                database=os.environ["PGDATABASE"])
    await con.execute("INSERT INTO scorecards VALUES (1); INSERT INTO jobs VALUES (1); INSERT INTO runs VALUES (1, 3)")
    request = uuid.uuid4()
    # snippet: contracts
    # snippet: calls
    try:
        await con.fetchrow("SELECT * FROM ratchet.submit('scorecards', $1, $2)", 1, 42)
    except asyncpg.DataError as error:
        assert "expected str, got int" in str(error)
    # snippet: errors
    # snippet: save
    # snippet: tests
    await con.close()


asyncio.run(main())
