"""How it is measured: variants that take turns, medians of their figures and of the ratios between them, one report a case."""

import sys
from statistics import median

import server

# Time and the backend's processor time, marked after the warm-up and in the last round.
ROUND = r"""\set n :n + 1
{script}
\if :n = :first or :n = :last
INSERT INTO bench.mark VALUES (clock_timestamp(), bench.cpu_ns());
\endif
"""
MARK = 'INSERT INTO bench.mark VALUES (clock_timestamp(), bench.cpu_ns());'
USED = """
SELECT extract(epoch FROM max(at) - min(at)), (max(cpu_ns) - min(cpu_ns)) / 1e9 FROM bench.mark
"""


def used():
    """What was used between two marks: seconds, and seconds of processor time."""
    return [float(value) for value in server.psql(USED).split('|')]


def client_time(script, warm_up, rounds, schema=None, **variables):
    """Runs a script that many times over one connection, prepared. Seconds as the client sees them; of processor time."""
    server.psql('TRUNCATE bench.mark')
    server.pgbench(ROUND.format(script=script), warm_up + rounds, schema, n=0, first=warm_up, last=warm_up + rounds, **variables)
    return used()


def statements_time(warm_up, statements, schema=None):
    """Runs statements one after the other over one connection. Seconds as the client sees them; of processor time."""
    server.psql('TRUNCATE bench.mark')
    server.psql('\n'.join([*terminated(warm_up), MARK, *terminated(statements), MARK]), schema)
    return used()


def terminated(statements):
    return [f'{statement};' for statement in statements]


def crowd_time(script, clients, seconds, schema, **variables):
    """Runs a script on many connections for that long, prepared. Seconds a transaction, over all connections together, and
    seconds of processor time that a transaction took of the server's backends."""
    before = server.backends_cpu_seconds()
    rate, transactions = server.pgbench_crowd(f'\\set n :n + 1\n{script}', clients, seconds, schema, n=0, **variables)
    return [1 / rate, (server.backends_cpu_seconds() - before) / transactions]


class Report:
    """Collects the measures of one case and prints them as a table, a line a variant. Less is better in all of it, unless
    the figures are rates: then what the client sees is printed as transactions in a second. processor: whose processor
    time stands beside it."""

    def __init__(self, title, unit, factor, names, rates=False, processor='server'):
        self.title, self.unit, self.factor, self.names, self.rates = title, unit, factor, names, rates
        self.processor = processor
        self.measured = {name: [] for name in names}
        self.wanted = []

    def add(self, name, seconds, cpu_seconds):
        self.measured[name].append((seconds, cpu_seconds))

    def ratio(self, place, name, other):
        return median(mine[place] / theirs[place] for mine, theirs in zip(self.measured[name], self.measured[other]))

    def seconds(self, place, name):
        return median(values[place] for values in self.measured[name])

    def want(self, text, place, name, other, least=None, most=None):
        """A target, unless one of the two was left out. A rate is the reciprocal of the client's time."""
        if not {name, other} <= set(self.names):
            return
        if least is not None:
            self.wanted.append((text, lambda: 1 / self.ratio(place, name, other), f'at least {least:.2f}', lambda ratio: ratio >= least))
        else:
            self.wanted.append((text, lambda: self.ratio(place, name, other), f'at most {most:.2f}', lambda ratio: ratio <= most))

    def want_rate(self, name, other, least):
        """The rate that the client sees, at least that share of the other's."""
        self.want(f'rate, {name} / {other}', 0, name, other, least=least)

    def want_time(self, name, other, most):
        """The time that the client sees, at most that many times the other's."""
        self.want(f'time, {name} / {other}', 0, name, other, most=most)

    def want_cpu(self, name, other, most):
        """The server's time, at most that many times the other's."""
        self.want(f'server time, {name} / {other}', 1, name, other, most=most)

    def print(self):
        width = max(map(len, self.names))
        first = self.names[0]
        print(f'\n{self.title}')
        print(f'  {"":{width}}  {"per second" if self.rates else self.unit:>10}  ratio   {self.processor} {self.unit:>4}  ratio')
        for name in self.names:
            seen, ratio = self.seconds(0, name) * self.factor, self.ratio(0, name, first)
            if self.rates:
                seen, ratio = 1 / self.seconds(0, name), 1 / ratio
            print(f'  {name:{width}}  {seen:10,.1f}  {ratio:5.3f}  '
                  f'{self.seconds(1, name) * self.factor:12,.1f}  {self.ratio(1, name, first):5.3f}')
        for what, measured, text, holds in self.wanted:
            ratio = measured()
            print(f'  -> {what}: {ratio:.3f} (target: {text}, {"met" if holds(ratio) else "missed"})')
        sys.stdout.flush()


def compare(options, report, slices, runs, once=()):
    """Runs all variants, interleaved, in an order that turns around from slice to slice. runs: a function for each name that says what one slice used. once: names of those
    that take so long that one slice has to do."""
    for repetition in range(options.repetitions):
        best = {name: [float('inf'), float('inf')] for name in runs if repetition == 0 or name not in once}
        for number in range(slices):
            for name in list(best)[::-1 if (repetition + number) % 2 else 1]:
                if number == 0 or name not in once:
                    best[name] = [min(pair) for pair in zip(best[name], runs[name]())]
        for name, seconds in best.items():
            report.add(name, *seconds)
