"""The pages of docs/clients/ for the clients that other tests here use are true: test/clients/run runs their snippets.

`make check-clients` does it for all clients.
"""
import os
import subprocess
import sys

CLIENTS = ("psycopg2", "psycopg3", "pg8000", "asyncpg", "sqlalchemy", "sqlalchemy-asyncpg", "django", "node-postgres", "postgres.js")
run = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "clients", "run")

done = subprocess.run([sys.executable, run, *CLIENTS], env={**os.environ, "PYTHON": sys.executable}, check=False)
sys.exit(done.returncode)
