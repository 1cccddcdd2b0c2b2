"""What the loads of this directory have in common: a database of their own, what goes wrong, and how that is told."""

import collections
import os
import time

import psycopg2
from writer import DEADLINE, connect

HERE = os.path.dirname(os.path.abspath(__file__))


class LoadBase:
    """failures: what went wrong, by the name of the check that has found it."""

    UNEXPECTED = 'nothing unexpected happens'

    def __init__(self, database, schema):
        """Makes the database anew, with the schema from this file."""
        self.failures = collections.defaultdict(list)
        self.create_database(database)
        self.admin = connect('admin')
        with open(os.path.join(HERE, schema), encoding='utf-8') as sql:
            self.ask(sql.read())

    @staticmethod
    def create_database(name):
        os.environ.pop('PGDATABASE', None)
        connection = psycopg2.connect(dbname='postgres')
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(f'DROP DATABASE IF EXISTS {name}')
            cursor.execute(f'CREATE DATABASE {name}')
        connection.close()
        os.environ['PGDATABASE'] = name

    def ask(self, sql, parameters=None):
        with self.admin.cursor() as cursor:
            cursor.execute(sql, parameters)
            return cursor.fetchall() if cursor.description else cursor.rowcount

    def fail(self, problem, check=None):
        self.failures[check or self.UNEXPECTED].append(str(problem))

    def count_deadlocks(self, sessions, names):
        """Ends these sessions; answers what the statistics say. names: of their applications, a regular expression."""
        for session in sessions:
            session.connection.close()
        # A backend adds to the statistics at the latest when it ends.
        end = time.monotonic() + DEADLINE
        while self.ask('SELECT 1 FROM pg_stat_activity WHERE application_name ~ %s', [names]):
            if time.monotonic() > end:
                self.fail('a backend does not end')
                break
            time.sleep(0.01)
        return self.ask('SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()')[0][0]


def tell(ok, name, problems=()):
    print(f'{"ok" if ok else "not ok"} - {name}', flush=True)
    for problem in list(problems)[:5]:
        print('#   ' + problem.replace('\n', '\n#   '), flush=True)
    return ok
