"""Programs against the server that the environment names: psql, pgbench, and the module of the benchmarks."""

import contextlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))


def run(command, schema=None, **options):
    """Runs a program, that schema's tables first in its search_path. What it printed."""
    environment = {**os.environ, 'PGOPTIONS': f'-c search_path={schema}'} if schema else None
    options = {'stdout': subprocess.PIPE, 'stderr': subprocess.PIPE, 'text': True, 'check': False, 'env': environment, **options}
    done = subprocess.run(command, **options)
    if done.returncode != 0:
        sys.exit(f'{" ".join(command)}\n{done.stdout}{done.stderr or ""}')
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


def keep_statistics(state):
    """Of sessions that begin from now on: on or off."""
    psql(f'ALTER DATABASE {os.environ["PGDATABASE"]} SET ratchet.statistics = {state}')


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
    transactions, rate = rate_printed(printed)
    return rate, transactions


def rate_printed(printed):
    """How many transactions pgbench has run in all, and how many in a second."""
    return (int(re.search(r'^number of transactions actually processed: (\d+)', printed, re.M).group(1)),
            float(re.search(r'^tps = ([\d.]+) \(without initial', printed, re.M).group(1)))


def pgbench_rate(script, clients, warm_up, seconds, schema, **variables):
    """Runs a script on many connections, prepared, and that long once each of them has had time for its caches and plans.
    Transactions in a second."""
    printed = run_pgbench(script, ['-c', str(clients), '-j', '2', '-T', str(warm_up + seconds), '-P', str(warm_up)], schema, variables)
    at, rate = map(float, re.search(r'^progress: ([\d.]+) s, ([\d.]+) tps', printed, re.M).groups())
    transactions, whole = rate_printed(printed)
    return (transactions - at * rate) / (transactions / whole - at) if transactions > 0 else 0.0


def run_pgbench(script, options, schema, variables):
    with tempfile.NamedTemporaryFile('w', suffix='.sql') as file:
        file.write(script)
        file.flush()
        command = ['pgbench', '-n', '-M', 'prepared', *options, '-f', file.name]
        for name, value in variables.items():
            command += ['-D', f'{name}={value}']
        return run(command, schema, stderr=subprocess.STDOUT)


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
def held(statement, schema):
    """Another session has run the statement in a transaction that has not ended."""
    environment = {**os.environ, 'PGOPTIONS': f'-c search_path={schema}'}
    with subprocess.Popen(['psql', '-X', '-q', '-A', '-t'], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                          env=environment) as session:
        session.stdin.write(f"BEGIN;\n{statement};\nSELECT 'held';\n")
        session.stdin.flush()
        while session.stdout.readline() != 'held\n':
            if session.poll() is not None:
                sys.exit(f'{statement} failed')
        try:
            yield
        finally:
            session.stdin.close()


@contextlib.contextmanager
def settings(**changed):
    """The server has other settings for a while."""
    def tell(statement, wanted):
        server_says = ' AND '.join(f"current_setting('{name}') = '{value}'" for name, value in wanted.items())
        psql(''.join(statement.format(name=name, value=value) for name, value in changed.items()) + 'SELECT pg_reload_conf()')
        wait_for('the settings', f'SELECT {server_says}')

    before = {name: psql(f"SELECT current_setting('{name}')") for name in changed}
    tell("ALTER SYSTEM SET {name} = '{value}';", changed)
    try:
        yield
    finally:
        tell('ALTER SYSTEM RESET {name};', before)


def durable_commits():
    """The server commits as it does out of the box: a commit waits until its log is on the disk."""
    return settings(fsync='on', synchronous_commit='on')


@contextlib.contextmanager
def synchronous_standby():
    """A commit waits until its log is on the disk of a standby as well, which is on the same machine."""
    directory = f'{os.environ["PGHOST"]}/standby'
    owner = os.stat(os.environ['PGHOST'])
    # As the user whose server it is; from / because he may not be allowed to enter the caller's directory.
    as_server = {'user': owner.st_uid, 'group': owner.st_gid, 'extra_groups': []} if os.getuid() == 0 else {}
    run(['pg_basebackup', '-D', directory, '-R', '-c', 'fast', '--no-sync'], cwd='/', **as_server)
    control = ['pg_ctl', '--pgdata', directory, '--silent', '--wait']
    try:
        run([*control, 'start', '-o', '-c port=5433 -c fsync=on -c shared_buffers=64MB', '-l', f'{directory}/log'], cwd='/',
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **as_server)
        with settings(fsync='on', synchronous_commit='on', synchronous_standby_names='*'):
            wait_for('the standby', "SELECT coalesce(bool_or(sync_state = 'sync'), false) FROM pg_stat_replication")
            yield
    finally:
        run([*control, 'stop', '--mode', 'immediate'], cwd='/', **as_server)
        shutil.rmtree(directory)
