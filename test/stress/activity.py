"""What ratchet.stat says, against what the clients know that they have done.

Clients do a mix of everything that is counted and tally it themselves, from the answers that they get: winners and losers
of one row, repetitions, stale saves, moves that the graph refuses, counted rows, transactions and savepoints that are
rolled back, and sessions that are killed in the middle of a transaction. When all have ended both tallies must be the
same, exactly, contract by contract; also of columns.

The server is the one that the environment names, with ratchet preloaded. The exit status is 0 when all is well.
"""

import argparse
import collections
import faulthandler
import json
import os
import random
import sys
import threading
import time
import uuid

import psycopg2
from load import LoadBase, tell
from writer import DEADLINE, TERMINATED, connect

GUARD, TALLY, PARENT = 'guard', 'tally', 'parent'
EVENTS = ['submitted', 'replayed', 'already_submitted', 'conflict', 'stale', 'limited', 'kept', 'rejected', 'observed',
          'advanced', 'refused', 'amended', 'suspended', 'swept', 'completions', 'flushes', 'counted', 'spilled', 'folded',
          'rolled_back', 'key_reused', '"full"', 'not_found', 'already_there', 'updated', 'unchanged', 'alive', 'finished']
CHANGES = {'submitted', 'advanced', 'updated', 'amended', 'kept', 'observed', 'suspended', 'counted'}
FORBIDDEN = '23R02'


class Client:
    def __init__(self, load, number):
        self.load = load
        self.number = number
        self.random = random.Random(f'{load.seed}/{number}')
        self.told = collections.Counter()     # (table, kind, event) -> how often
        self.columns = collections.Counter()  # (table, column, event) -> how often
        self.kinds = collections.Counter()
        self.undone = collections.Counter()   # changes of the transaction that is open: (table, kind) -> how many
        self.pending = collections.Counter()  # rows of the transaction that is open that count: run -> how many
        self.run = None                       # of this client alone, and what it still lacks
        self.missing = 0
        self.connect()

    def connect(self):
        self.connection = connect(f'client {self.number}')

    def ask(self, sql, parameters=None):
        with self.connection.cursor() as cursor:
            cursor.execute(sql, parameters)
            return cursor.fetchall() if cursor.description else cursor.rowcount

    def count(self, table, event, kind=GUARD, rows=1):
        self.told[table, kind, event] += rows
        if event in CHANGES:
            self.undone[table, kind] += rows

    def roll_back(self):
        for (table, kind), rows in self.undone.items():
            self.told[table, kind, 'rolled_back'] += rows
        self.forget()

    def forget(self):
        self.undone.clear()
        self.pending.clear()

    def commit(self):
        for _ in self.pending:
            self.told['runs', PARENT, 'flushes'] += 1
        if self.run in self.pending:
            self.missing -= self.pending[self.run]
            if self.missing == 0:
                self.told['runs', PARENT, 'completions'] += 1
        self.forget()

    # -- what is counted -----------------------------------------------------------------------------------------------

    def answer(self, table, sql, parameters):
        outcome = self.ask(sql, parameters)[0][0]
        self.count(table, outcome)
        return outcome

    def submit(self, table, key, request=None):
        return self.answer(table, 'SELECT outcome FROM ratchet.submit(%s, %s, actor => %s, idempotency_key => %s::uuid)',
                           [table, key, self.number, request])

    def win_or_lose(self):
        self.answer('prizes', "SELECT outcome FROM ratchet.submit('prizes', %s, actor => %s)", [self.load.prize, self.number])

    def submit_twice(self):
        key, request = self.new_card(), str(uuid.UUID(int=self.random.getrandbits(128)))
        self.submit('cards', key, request)
        self.submit('cards', key, request)
        self.submit('cards', key, str(uuid.UUID(int=self.random.getrandbits(128))))

    def new_card(self):
        return self.ask("INSERT INTO cards (comment) VALUES ('new') RETURNING id")[0][0]

    def expect_wrongly(self):
        key = self.new_card()
        self.answer('cards', "SELECT outcome FROM ratchet.submit('cards', %s, expect => %s)", [key, json.dumps({'comment': 'old'})])
        self.answer('cards', "SELECT outcome FROM ratchet.submit('cards', %s)", [-1])

    def save_stale(self):
        key = self.new_card()
        self.submit('cards', key)
        self.ask("UPDATE cards SET submitted_at = NULL, submitted_by = NULL, comment = 'saved' WHERE id = %s", [key])
        self.count('cards', 'kept')
        for column in ('submitted_at', 'submitted_by'):
            self.columns['cards', column, 'kept'] += 1

    def amend(self):
        key = self.new_card()
        self.submit('cards', key)
        self.answer('cards', "SELECT outcome FROM ratchet.amend('cards', %s, '{\"submitted_at\": null}', 'admin', 'test')", [key])
        self.answer('cards', "SELECT outcome FROM ratchet.update('cards', %s, '{\"comment\": \"amended\"}')", [key])

    def observe(self):
        key = self.load.observed + self.number
        self.submit_observed(key)
        self.ask('UPDATE prizes SET won_by = %s WHERE id = %s', [self.random.randrange(100000, 200000), key])
        self.count('prizes', 'observed')
        self.columns['prizes', 'won_by', 'observed'] += 1

    def submit_observed(self, key):
        self.answer('prizes', "SELECT outcome FROM ratchet.submit('prizes', %s, actor => %s)", [key, self.number])

    def new_job(self):
        return self.ask("INSERT INTO jobs (note) VALUES ('new') RETURNING id")[0][0]

    def move(self):
        key = self.new_job()
        for state in ('running', 'running', 'queued', 'done'):
            self.answer('jobs', "SELECT outcome FROM ratchet.advance('jobs', %s, %s)", [key, state])

    def add(self):
        if self.missing - self.pending[self.run] <= 0:
            # A run that is complete, or would be with this transaction, gets no more.
            if self.run in self.pending:
                return
            self.missing = self.random.randrange(1, 4)
            self.run = self.ask('INSERT INTO runs (total) VALUES (%s) RETURNING id', [self.missing])[0][0]
        for run in {self.random.randrange(1, 5), self.run}:
            self.ask('INSERT INTO results (run_id) VALUES (%s)', [run])
            self.count('results', 'counted', TALLY)
            self.pending[run] += 1

    STEPS = [win_or_lose, submit_twice, expect_wrongly, save_stale, amend, observe, move, add]

    # -- transactions --------------------------------------------------------------------------------------------------

    def do_some(self, most=4):
        for _ in range(self.random.randrange(1, most)):
            step = self.random.choice(self.STEPS)
            self.kinds[step.__name__] += 1
            step(self)

    def alone(self):
        """Each statement its own transaction, but for what takes several."""
        self.do_some(2)
        self.commit_alone()

    def commit_alone(self):
        # Each row was flushed by its own statement.
        for run, rows in self.pending.items():
            self.told['runs', PARENT, 'flushes'] += rows
            if run == self.run:
                self.missing -= rows
                self.told['runs', PARENT, 'completions'] += self.missing == 0
        self.forget()

    def committed(self):
        self.ask('BEGIN')
        self.do_some()
        self.ask('COMMIT')
        self.commit()

    def rolled_back(self):
        self.ask('BEGIN')
        self.do_some()
        self.ask('ROLLBACK')
        # What it made for later is gone as well.
        self.run, self.missing = None, 0
        self.roll_back()

    def to_savepoint(self):
        self.ask('BEGIN')
        self.do_some()
        before, pending, run, missing = self.undone.copy(), self.pending.copy(), self.run, self.missing
        self.undone.clear()
        self.ask('SAVEPOINT a')
        self.do_some()
        self.ask('SAVEPOINT b')
        self.do_some()
        if self.random.random() < 0.5:
            self.ask('RELEASE b')
        self.ask('ROLLBACK TO a')
        self.roll_back()
        self.undone, self.pending, self.run, self.missing = before, pending, run, missing
        self.ask('COMMIT')
        self.commit()

    def killed(self):
        self.ask('BEGIN')
        self.do_some()
        pid = self.ask('SELECT pg_backend_pid()')[0][0]
        self.load.kill(pid)
        try:
            self.ask('SELECT 1')
            self.load.fail(f'client {self.number} goes on although it was killed')
        except psycopg2.Error as error:
            if error.pgcode not in (None, TERMINATED):
                raise
        self.run, self.missing = None, 0
        self.roll_back()
        self.connect()

    def refused(self):
        """An error that the guard raises undoes all of the transaction."""
        self.ask('BEGIN')
        self.do_some()
        key = self.new_job()
        try:
            self.ask("UPDATE jobs SET status = 'done' WHERE id = %s", [key])
            self.load.fail('a forbidden transition was let through')
        except psycopg2.Error as error:
            if error.pgcode != FORBIDDEN:
                raise
        self.count('jobs', 'rejected')
        self.columns['jobs', 'status', 'rejected'] += 1
        self.ask('ROLLBACK')
        self.run, self.missing = None, 0
        self.roll_back()

    TRANSACTIONS = [alone, alone, alone, committed, committed, rolled_back, to_savepoint, refused]

    def step(self):
        transaction = Client.killed if self.random.random() < 0.01 else self.random.choice(self.TRANSACTIONS)
        self.kinds[transaction.__name__] += 1
        transaction(self)


class Load(LoadBase):
    def __init__(self, options):
        self.seed = options.seed
        self.prize = 1
        self.observed = 200000 - options.clients
        self.stopping = threading.Event()
        self.lock = threading.Lock()
        super().__init__('activity', 'activity.sql')
        self.clients = [Client(self, number) for number in range(options.clients)]

    def kill(self, pid):
        with self.lock:
            self.ask('SELECT pg_terminate_backend(%s)', [pid])
            end = time.monotonic() + DEADLINE
            while self.ask('SELECT 1 FROM pg_stat_activity WHERE pid = %s', [pid]):
                if time.monotonic() > end:
                    raise RuntimeError('a backend does not end')
                time.sleep(0.001)

    def repeat(self, client):
        try:
            while not self.stopping.is_set():
                client.step()
        except Exception as error:  # handed over to the main thread
            self.fail(f'client {client.number}: {error!r}')
            self.stopping.set()
            raise

    def run(self, seconds):
        threads = [threading.Thread(target=self.repeat, args=(client,), daemon=True) for client in self.clients]
        for thread in threads:
            thread.start()
        end = time.monotonic() + seconds
        while time.monotonic() < end and not self.stopping.is_set():
            # Everybody goes on to the next prize.
            self.prize += 1
            time.sleep(0.002)
        self.stopping.set()
        for thread in threads:
            thread.join()

    def compare(self):
        told, columns = collections.Counter(), collections.Counter()
        for client in self.clients:
            told.update(client.told)
            columns.update(client.columns)
        names = [event.strip('"') for event in EVENTS]
        seen = {}
        for row in self.ask(f"SELECT relation::text, kind, {', '.join(EVENTS)} FROM ratchet.stat"):
            for event, count in zip(names, row[2:]):
                seen[row[0], row[1], event] = count
        for key in sorted(set(seen) | set(told)):
            if seen.get(key) != told[key]:
                self.fail(f'{key}: counted {seen.get(key)}, told {told[key]}', 'statistics are what the clients were told')
        seen = {}
        for table, column, *counts in self.ask('SELECT relation::text, column_name, kept, rejected, observed FROM ratchet.stat_columns'):
            for event, count in zip(('kept', 'rejected', 'observed'), counts):
                if count:
                    seen[table, column, event] = count
        for key in sorted(set(seen) | set(columns)):
            if seen.get(key) != columns[key]:
                self.fail(f'{key}: counted {seen.get(key)}, told {columns[key]}', 'columns are what the clients were told')
        submits = sum(told[table, GUARD, event] for table in ('cards', 'prizes') for event in
                      ('submitted', 'replayed', 'already_submitted', 'stale', 'not_found'))
        timed = self.ask('SELECT sum(s) FROM ratchet.stat, unnest(submit_histogram) s')[0][0]
        if timed != submits:
            self.fail(f'{timed} of {submits}', 'every submit() was timed')
        waits, time_waited, longest = self.ask('SELECT sum(waits), sum(wait_time), max(wait_time_max) FROM ratchet.stat')[0]
        if not 0 < longest <= time_waited:
            self.fail(f'{waits} waits, {time_waited} ms, the longest {longest} ms', 'there were waits')
        for event in ('submitted', 'replayed', 'already_submitted', 'stale', 'kept', 'rejected', 'observed', 'advanced', 'refused',
                      'already_there', 'amended', 'completions', 'flushes', 'counted', 'rolled_back', 'not_found', 'updated'):
            if not sum(count for key, count in told.items() if key[2] == event):
                self.fail(f'no {event}', 'everything has happened')
        kinds = collections.Counter()
        for client in self.clients:
            kinds.update(client.kinds)
        if not kinds['killed']:
            self.fail('nobody was killed', 'everything has happened')
        print('# ' + ', '.join(f'{count} {kind}' for kind, count in sorted(kinds.items())))
        print(f'# {sum(told.values())} events, {waits} waits')


CHECKS = [LoadBase.UNEXPECTED, 'statistics are what the clients were told', 'columns are what the clients were told',
          'every submit() was timed', 'there were waits', 'everything has happened']


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--seconds', type=float, default=60)
    parser.add_argument('--clients', type=int, default=16)
    parser.add_argument('--seed', default=os.environ.get('RATCHET_SEED') or random.SystemRandom().randrange(10**9))
    options = parser.parse_args()
    print(f'# seed {options.seed}', flush=True)
    # Whatever hangs, this program ends.
    faulthandler.dump_traceback_later(60 + 2 * (options.seconds + DEADLINE), exit=True)
    load = Load(options)
    load.run(options.seconds)
    if not load.failures[LoadBase.UNEXPECTED]:
        load.compare()
    return all([tell(not load.failures[name], f'{options.clients} clients: {name}', load.failures[name]) for name in CHECKS])


if __name__ == '__main__':
    sys.exit(0 if main() else 1)
