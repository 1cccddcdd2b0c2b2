"""What a test claims, each checked and counted; and the connection that it looks through."""
import psycopg2

admin = psycopg2.connect("")
admin.autocommit = True
failures = []
count = 0


def check(actual, expected, message):
    global count
    count += 1
    if actual != expected:
        failures.append(message)
        print(f"FAILED: {message}: {actual!r}, expected {expected!r}")


def run(sql, parameters=None):
    with admin.cursor() as cursor:
        cursor.execute(sql, parameters)
        return cursor.fetchall() if cursor.description else None


def verdict():
    """The exit status of the test."""
    print(f"{count} claims are true" if not failures else f"{len(failures)} of {count} claims failed")
    return 1 if failures else 0
