"""Programs against the server that the environment names: psql, pgbench, and the module of the benchmarks."""

import contextlib
import os
import re
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))


def run(command, schema=None, **options):
    """Runs a program, that schema's tables first in its search_path. What it printed."""
    environment = {**os.environ, 'PGOPTIONS': f'-c search_path={schema}'} if schema else None
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False, env=environment, **options)
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


def psql(sql, schema=None, **variables):
    command = ['psql', '-X', '-q', '-A', '-t', '-v', 'ON_ERROR_STOP=1']
    for name, value in variables.items():
        command += ['-v', f'{name}={value}']
    return run(command, schema, input=sql).strip()


def create_tables(module):
    for name in ('schema.sql', 'counters.sql'):
        with open(os.path.join(HERE, name), encoding='utf-8') as file:
            psql(file.read(), module=module)


LOADED, ROOMY = 100, 40  # how full a table's pages are, see bench.fill()


def fill(table, rows, closed=False, fullness=ROOMY):
    psql(f"CALL bench.fill('{table}', {rows}, {str(closed).lower()}, {fullness})")
    psql(f'VACUUM (FREEZE, ANALYZE) {table}')


def pgbench(script, rounds, schema=None, **variables):
    """Runs a script that many times over one connection, prepared. What pgbench printed."""
    return run_pgbench(script, ['-c', '1', '-t', str(rounds)], schema, variables)


def pgbench_crowd(script, clients, seconds, schema, **variables):
    """Runs a script on many connections for that long, prepared. Transactions in a second, and all of them."""
    printed = run_pgbench(script, ['-c', str(clients), '-j', '2', '-T', str(seconds)], schema, variables)
    return (float(re.search(r'^tps = ([\d.]+) \(without initial', printed, re.M).group(1)),
            int(re.search(r'^number of transactions actually processed: (\d+)', printed, re.M).group(1)))


def run_pgbench(script, options, schema, variables):
    with tempfile.NamedTemporaryFile('w', suffix='.sql') as file:
        file.write(script)
        file.flush()
        command = ['pgbench', '-n', '-M', 'prepared', *options, '-f', file.name]
        for name, value in variables.items():
            command += ['-D', f'{name}={value}']
        return run(command, schema)


def wait_for(what, query):
    """Waits until a query says t."""
    deadline = time.monotonic() + 60
    while psql(query) != 't':
        if time.monotonic() > deadline:
            sys.exit(f'waited in vain for {what}')
        time.sleep(0.02)


def backends_cpu_seconds():
    """Processor time of all backends so far, user and system. The postmaster has it once they have ended."""
    wait_for('the backends to end', "SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'client backend'")
    with open(f'/proc/{postmaster()}/stat', encoding='ascii') as file:
        fields = file.read().rpartition(')')[2].split()
    return (int(fields[13]) + int(fields[14])) / os.sysconf('SC_CLK_TCK')


def postmaster():
    return re.search(r'\d+', psql("SELECT pg_read_file('postmaster.pid')")).group()


@contextlib.contextmanager
def durable_commits():
    """The server commits as it does out of the box: a commit waits until its log is on the disk."""
    def switch(change, value):
        psql(f'ALTER SYSTEM {change.format("fsync")}; ALTER SYSTEM {change.format("synchronous_commit")}; SELECT pg_reload_conf()')
        wait_for('the new settings', f"SELECT current_setting('fsync') || current_setting('synchronous_commit') = '{value}{value}'")

    switch('SET {} = on', 'on')
    try:
        yield
    finally:
        switch('RESET {}', 'off')
