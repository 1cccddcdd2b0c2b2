"""Programs against the server that the environment names: psql, pgbench, and the module of the benchmarks."""

import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))


def run(command, **options):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False, **options)
    if done.returncode != 0:
        sys.exit(f'{" ".join(command)}\n{done.stdout}{done.stderr}')
    return done.stdout


def forget_environment():
    """Leaves no setting of the caller's own PostgreSQL client in the way; PG_CONFIG and its like stay."""
    for name in list(os.environ):
        if name.startswith('PG') and not name.startswith('PG_'):
            del os.environ[name]


def build_module():
    """The library of the benchmarks; its path."""
    run(['make', '--silent', '--no-print-directory', '-C', os.path.join(HERE, 'module')])
    return os.path.join(HERE, 'module', 'ratchet_bench.so')


def psql(sql, **variables):
    command = ['psql', '-X', '-q', '-A', '-t', '-v', 'ON_ERROR_STOP=1']
    for name, value in variables.items():
        command += ['-v', f'{name}={value}']
    return run(command, input=sql).strip()


def create_tables(module):
    with open(os.path.join(HERE, 'schema.sql'), encoding='utf-8') as schema:
        psql(schema.read(), module=module)


LOADED, ROOMY = 100, 40  # how full a table's pages are, see bench.fill()


def fill(table, rows, closed=False, fullness=ROOMY):
    psql(f"CALL bench.fill('{table}', {rows}, {str(closed).lower()}, {fullness})")
    psql(f'VACUUM (FREEZE, ANALYZE) {table}')


def pgbench(script, rounds, **variables):
    """Runs a script that many times over one connection, prepared. What pgbench printed."""
    with tempfile.NamedTemporaryFile('w', suffix='.sql') as file:
        file.write(script)
        file.flush()
        command = ['pgbench', '-n', '-M', 'prepared', '-c', '1', '-t', str(rounds), '-f', file.name]
        for name, value in variables.items():
            command += ['-D', f'{name}={value}']
        return run(command)
