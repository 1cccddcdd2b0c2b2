"""What the C++ SDK costs beside libpqxx alone, which sends the same statements."""

import os
import subprocess
import sys
from functools import partial

import counters
import server
from cases import RATCHET
from measure import Report, compare

BUILD = os.path.join(server.ROOT, 'build', 'cmake')

SUBMITS = {
    'libpqxx, nontransaction': 'raw',
    'client.run()': 'sdk',
    'libpqxx, work': 'raw_work',
    'submission.run(work)': 'sdk_work',
    'client.transact()': 'sdk_transact',
}
BATCHES = {
    'libpqxx, JSON at hand': 'raw_at_hand',
    'client.run(), batch at hand': 'sdk_at_hand',
    'libpqxx, JSON by nlohmann': 'raw_converted',
    'client.run(), batch made': 'sdk_converted',
    'libpqxx, work, JSON at hand': 'raw_work_at_hand',
    'batch.run(work), batch at hand': 'sdk_work_at_hand',
    'libpqxx, work, JSON by nlohmann': 'raw_work_converted',
    'batch.run(work), batch made': 'sdk_work_converted',
}


class Slices:
    """The program that runs them, built first. One connection of each kind for all of its slices."""

    def __init__(self, case):
        server.run(['cmake', '--log-level=WARNING', '-S', server.ROOT, '-B', BUILD, '-DRATCHET_BUILD_TESTS=ON'])
        server.run(['cmake', '--build', BUILD, '--target', 'sdk_bench'])
        self.program = subprocess.Popen([os.path.join(BUILD, 'sdk', 'bench', 'sdk_bench'), case], text=True, bufsize=1,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def take(self, variant, warm_up, rounds, number):
        """One slice. Seconds as the client sees them; of its processor time."""
        self.program.stdin.write(f'{variant} {warm_up} {rounds} {number}\n')
        answer = self.program.stdout.readline()
        if not answer:
            sys.exit(f'sdk_bench ended in {variant}')
        return [float(value) for value in answer.split()]

    def end(self):
        self.program.stdin.close()
        if self.program.wait() != 0:
            sys.exit('sdk_bench failed')


def sdk_submit(options):
    """Submissions of rows that nobody has touched: by key and actor alone, which is the cheapest call there is and so the
    hardest to compare with, and with a column that is set."""
    warm_up = 200
    slices, rounds = (3, 1_000) if options.quick else (8, 2_000)
    for what, suffix in (('key and actor', ''), ('a column set too', '_patch')):
        server.fill('scorecards', options.repetitions * slices * len(SUBMITS) * (warm_up + rounds))
        program, used_rows = Slices('submit'), 0

        def slice_of(variant, suffix=suffix, program=program):
            nonlocal used_rows
            used_rows += warm_up + rounds
            return program.take(variant + suffix, warm_up, rounds, used_rows - warm_up - rounds + 1)

        report = Report(f'A submission, {what} ({slices} x {rounds:,} rounds a repetition)', 'us', 1e6 / rounds, list(SUBMITS),
                        processor='client')
        compare(options, report, slices, {name: partial(slice_of, variant) for name, variant in SUBMITS.items()})
        program.end()
        report.want_rate('client.run()', 'libpqxx, nontransaction', 0.95)
        report.want_rate('submission.run(work)', 'libpqxx, work', 0.95)
        report.want_rate('client.transact()', 'libpqxx, work', 0.95)
        report.print()


def sdk_batch(options):
    """10,000 results of 100 runs in chunks of 1,000: each commits by itself, or all of them in one transaction."""
    warm_up, rounds, slices = (1, 1, 2) if options.quick else (1, 3, 3)
    counters.shape([RATCHET], unique=True)
    program, used = Slices('batch'), 0

    def slice_of(variant):
        nonlocal used
        counters.fill(RATCHET)
        used += warm_up + rounds
        seconds = program.take(variant, warm_up, rounds, used)
        counters.check(RATCHET, 10_000 * (warm_up + rounds))
        return seconds

    report = Report(f'A batch of 10,000 results ({slices} x {rounds} rounds a repetition)', 'ms', 1e3 / rounds, list(BATCHES),
                    processor='client')
    compare(options, report, slices, {name: partial(slice_of, variant) for name, variant in BATCHES.items()})
    program.end()
    names = list(BATCHES)
    for raw, with_sdk in zip(names[::2], names[1::2]):
        report.want_rate(with_sdk, raw, 0.90)
    report.print()


CASES = {'sdk_submit': sdk_submit, 'sdk_batch': sdk_batch}
