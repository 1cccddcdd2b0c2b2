"""What a hot run costs: many writers whose results are of one run, by how its counters are kept."""

import contextlib
import os
import sys
from functools import partial
from statistics import median

import cases
import counters
import plot
import server
from measure import Report, client_time, compare

WRITERS = [1, 2, 4, 8, 16, 32, 64]
CROWD = counters.CROWD
HOT = counters.RUNS // 2  # the run that all write to
PLOT = 'docs/images/hot-run.svg'


class Scaling:
    """Rates of ways at some points, in rounds: within a round each point meets all ways one after the other, in an order
    that turns around from round to round. Printed are medians of the ratios to the first way at the same point of the same
    round."""

    def __init__(self, options, title, ways, points):
        self.title, self.points, self.seconds = title, points, 1
        self.rounds = options.repetitions
        self.ways = {way.name: way for way in ways if way is ways[0] or way.name not in options.without}
        self.rates = {(name, point): [] for name in self.ways for point in points}
        self.load = []

    def measure(self, rate_of):
        """rate_of(way, point, seconds): transactions in a second. Counters are verified after each."""
        for number in range(self.rounds):
            self.load.append(os.getloadavg()[0])
            for point in self.points:
                for way in list(self.ways.values())[::-1 if number % 2 else 1]:
                    counters.fill(way)
                    self.rates[way.name, point].append(rate_of(way, point, self.seconds))
                    counters.check(way)
        self.load.append(os.getloadavg()[0])

    def ratios(self, name, point, other=None):
        other = other or next(iter(self.ways))
        return [mine / theirs for mine, theirs in zip(self.rates[name, point], self.rates[other, point])]

    def ratio(self, name, point, other=None):
        return median(self.ratios(name, point, other))

    def print(self, targets=()):
        """targets: (way, way that it is compared with, point, at least), unless one of them was left out."""
        width = max(map(len, self.ways))
        print(f'\n{self.title}: ratios to the same without a counter ({self.rounds} rounds of {self.seconds} s, '
              f'load {min(self.load):.1f} to {max(self.load):.1f})')
        print(f'  {"":{width}}' + ''.join(f'{point:>9}' for point in self.points))
        first = next(iter(self.ways))
        print(f'  {"(per second)":{width}}' + ''.join(f'{median(self.rates[first, point]):9,.0f}' for point in self.points))
        for name in self.ways:
            print(f'  {name:{width}}' + ''.join(f'{self.ratio(name, point):9.3f}' for point in self.points))
        for name, other, point, least in targets:
            if {name, other} <= set(self.ways) and point in self.points:
                ratio, all_ratios = self.ratio(name, point, other), self.ratios(name, point, other)
                print(f'  -> rate, {name} / {other}, {point}: {ratio:.3f} ({min(all_ratios):.3f} to {max(all_ratios):.3f}; '
                      f'target: at least {least:.2f}, {"met" if ratio >= least else "missed"})')
        sys.stdout.flush()


def hot_rate(script, way, clients, seconds, **variables):
    return server.pgbench_rate(f'\\set n :n + 1\n{script}', clients, 1, seconds, way.schema, n=0, run=HOT, **variables)


def one_result(way, clients, seconds):
    return hot_rate(cases.IN_TRANSACTION, way, clients, seconds)


TARGETS = [(cases.SPILL.name, cases.NO_COUNTER.name, CROWD, 0.85), (cases.SPILL.name, cases.ROW_TRIGGER.name, CROWD, 4.0)]


def hot_run(options):
    ways = cases.HOT_RUN
    counters.shape(ways, unique=False)
    scaling = Scaling(options, 'One hot run by number of writers, BEGIN; INSERT; SELECT 1; COMMIT', ways,
                      [1, 4, CROWD] if options.quick else WRITERS)
    with server.durable_commits():
        scaling.measure(one_result)
    scaling.print(TARGETS)
    if options.quick or len(scaling.ways) < len(ways):
        return
    series = {name: [scaling.ratio(name, point) for point in scaling.points] for name in scaling.ways}
    os.makedirs(os.path.dirname(PLOT), exist_ok=True)
    with open(PLOT, 'w', encoding='utf-8') as file:
        file.write(plot.lines('One hot run: transactions per second', 'writers at once, each one result a transaction',
                              'ratio to no counter', scaling.points, series))


def hot_commits(options):
    """The same where a commit waits for less, and for more."""
    ways = cases.HOT_RUN
    counters.shape(ways, unique=False)
    for what, commits in [('synchronous_commit = off', contextlib.nullcontext()),
                          ('a synchronous standby on the same machine', server.synchronous_standby())]:
        scaling = Scaling(options, f'One hot run, {what}, by number of writers', ways, [CROWD])
        with commits:
            scaling.measure(one_result)
        scaling.print(TARGETS)


def hot_batches(options):
    ways = cases.HOT_RUN
    counters.shape(ways, unique=False)
    scaling = Scaling(options, f'One hot run, {CROWD} writers, by results in a transaction', ways, [1, 10, 100])
    with server.durable_commits():
        scaling.measure(lambda way, rows, seconds: hot_rate(cases.HOT_BATCH, way, CROWD, seconds, rows=rows))
    scaling.print()


def hot_many_runs(options):
    ways = [cases.NO_COUNTER, cases.ROW_TRIGGER, cases.WAIT, cases.SPILL]
    counters.shape(ways, unique=False)
    scaling = Scaling(options, f'One result a transaction by number of runs, {CROWD} connections', ways, [counters.RUNS])
    scaling.rounds *= 1 if options.quick else 2

    def rate_of(way, runs, seconds):
        return server.pgbench_rate(f'\\set n :n + 1\n{cases.ONE_RESULT}', CROWD, 1, seconds, way.schema, n=0, runs=runs)

    with server.durable_commits():
        scaling.measure(rate_of)
    scaling.print([(way.name, cases.NO_COUNTER.name, counters.RUNS, 0.90) for way in (cases.SPILL, cases.WAIT)])


def hot_alone(options):
    """One writer, by many short slices that take turns; commits wait for nothing, so that there is nothing else to see."""
    rounds, pairs = 1_000, 4 if options.quick else 12
    ways = {way.name: way for way in (cases.WAIT, cases.SPILL)}
    counters.shape(ways.values(), unique=False)
    report = Report(f'One writer alone on one run ({pairs * options.repetitions} pairs of {rounds:,} transactions)', 'us', 1e6 / rounds,
                    list(ways))

    def slice_of(way):
        counters.fill(way)
        seconds = client_time(cases.IN_TRANSACTION, 200, rounds, way.schema, run=HOT)
        counters.check(way, 200 + rounds)
        return seconds

    for _ in range(pairs):
        compare(options, report, 1, {name: partial(slice_of, way) for name, way in ways.items()})
    report.want_rate(cases.SPILL.name, cases.WAIT.name, 0.97)
    report.print()


CASES = {'hot_run': hot_run, 'hot_commits': hot_commits, 'hot_batches': hot_batches, 'hot_many_runs': hot_many_runs, 'hot_alone': hot_alone}
