import asyncio
import json
import os
import uuid

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine

engine = create_async_engine(
    f"postgresql+asyncpg://{os.environ['PGUSER']}@/{os.environ['PGDATABASE']}?host={os.environ['PGHOST']}&port={os.environ['PGPORT']}")
request = str(uuid.uuid4())


def run(con):
    for table in ("scorecards VALUES (1)", "jobs VALUES (1)", "runs VALUES (1, 3)"):
        con.execute(text(f"INSERT INTO {table}"))
    # snippet: contracts
    # snippet: calls
    # snippet: errors


async def main():
    async with engine.begin() as con:
        await con.run_sync(run)
    await engine.dispose()


asyncio.run(main())
