"""What counters cost: results that are stored while the database, or the client, keeps the counters of their runs."""

import os
import sys
from functools import partial

import cases
import server
from measure import Report, client_time, compare, crowd_time, statements_time

CROWD = 16
RUNS = 1_000  # in every table, however many of them get results
NEVER = 2_000_000_000  # the total of a run that is not to be completed


def shape(ways, unique):
    """Empties the tables of all ways. unique: one answer to a question of a run, by an index that is also what a re-count finds
    the results of a run by."""
    for schema in {way.schema for way in ways}:
        server.psql('TRUNCATE results; DROP INDEX IF EXISTS results_run_id_question_id_key', schema)
        if unique:
            server.psql('CREATE UNIQUE INDEX results_run_id_question_id_key ON results (run_id, question_id)', schema)


def fill(way, total=NEVER):
    """Runs without results. A checkpoint too, so that none that is due falls into the measure."""
    server.psql(f"CALL bench.fill_runs('{way.schema}', {RUNS}, {total}); CHECKPOINT")
    server.psql(f'VACUUM (FREEZE, ANALYZE) {way.schema}.runs, {way.schema}.results')


def check(way, stored=None):
    """Ends the program unless results and counters are what they have to be: figures of an untrue counter are worth nothing.
    How many results there are, and how many of them no counter has."""
    recount = f"bench.recount_beside('{way.schema}', '{way.beside}')" if way.beside else f"bench.recount('{way.schema}')"
    drifted, results, uncounted = map(int, server.psql(f'SELECT * FROM {recount}').split('|'))
    if stored not in (None, results):
        sys.exit(f'{way.name}: {results:,} results in the table, {stored:,} were stored')
    if way.exact and drifted > 0:
        sys.exit(f'{way.name}: the counters of {drifted:,} runs are untrue, {uncounted:,} of {results:,} results are not in them')
    return results, uncounted


# Goes before what a slice measures: the luck of where things lie in a session's memory, of which each slice draws its own.
ELSEWHERE = 'CALL bench.elsewhere()'


def many_results(options, title, statement, slices):
    """Many results in one statement, into runs that it completes."""
    questions, slices = (50, 1) if options.quick else (500, slices)
    results, file = f'1, {RUNS}, 1, {questions}', f'{os.environ["PGHOST"]}/results'
    server.psql(f"COPY (SELECT * FROM bench.new_results({results})) TO '{file}'")
    ways = [way for way in cases.IN_THE_DATABASE if way.name not in options.without]
    shape(ways, unique=False)

    def slice_of(way):
        fill(way, questions)
        text = statement.format(results=results, file=file)
        printed = server.psql(f'{ELSEWHERE}; CALL bench.time_commit($sql${text}$sql$)', way.schema)
        seconds = [float(value) for value in printed.split('|')]
        check(way, RUNS * questions)
        return seconds

    report = Report(f'{RUNS * questions:,} results of {RUNS:,} runs {title}', 'ms', 1e3, [way.name for way in ways])
    # Every result makes another version of its run within one transaction: the row trigger takes minutes.
    compare(options, report, slices, {way.name: partial(slice_of, way) for way in ways}, once=[cases.ROW_TRIGGER.name])
    report.want_time('ratchet', 'no counter', 1.10)
    report.print()


def count_bulk(options):
    many_results(options, 'in one INSERT ... SELECT', cases.NEW_RESULTS, 2)


def count_copy(options):
    many_results(options, 'in one COPY', cases.COPY_RESULTS, 6)


def crowd(options, title, ways):
    """Many connections at once, whose commits wait for the disk. ways: each with its script. The report, and what the last
    check of each said."""
    slices, seconds = (1, 2) if options.quick else (6, 2)
    ways = {way.name: (way, script) for way, script in ways if way.name not in options.without}
    checked = {}

    def slice_of(way, script):
        fill(way)
        used = crowd_time(script, CROWD, seconds, way.schema, runs=RUNS, run=RUNS // 2)
        checked[way.name] = check(way)
        return used

    report = Report(f'{CROWD} connections, {title}', 'us', 1e6, list(ways), rates=True)
    with server.durable_commits():
        compare(options, report, slices, {name: partial(slice_of, *way) for name, way in ways.items()})
    return report, checked


def count_many_runs(options):
    ways = cases.IN_THE_DATABASE
    shape(ways, unique=False)
    report, _ = crowd(options, 'one result a transaction, 1,000 runs', [(way, cases.ONE_RESULT) for way in ways])
    report.want_rate('ratchet', 'no counter', 0.90)
    report.print()


def decide(options):
    ways = cases.DECIDING
    shape(ways, unique=False)
    report, _ = crowd(options, 'one result a transaction, 1,000 runs, by what the counters decide', [(way, cases.ONE_RESULT) for way in ways])
    report.want_rate(cases.FIVE_COMPLETIONS.name, cases.RATCHET.name, 0.90)
    report.want_rate(cases.LIMITED.name, cases.RATCHET.name, 0.95)
    report.print()


def count_one_run(options):
    shape([way for way, _ in cases.ONE_RUN], unique=True)
    report, checked = crowd(options, 'BEGIN; INSERT; SELECT 1; COMMIT, all results of one run', cases.ONE_RUN)
    report.want_rate('ratchet', cases.ROW_TRIGGER.name, 1.5)
    report.print()
    if cases.RECOUNTED.name in checked:
        results, uncounted = checked[cases.RECOUNTED.name]
        print(f'  {cases.RECOUNTED.name}: the counter lacks {uncounted:,} of {results:,} results in the end')


def count_large_run(options):
    """Batches into runs of three sizes. Every slice has a small run of its own, every repetition a middle one, so that they
    stay about as large as they are said to be. Run 1 takes the rounds that are not measured."""
    warm_up, rounds, slices = (10, 20, 2) if options.quick else (10, 20, 4)
    small, middle, large = (1_000, 10_000, 100_000) if options.quick else (1_000, 100_000, 1_000_000)
    ways = {way: script for way, script in cases.LARGE_RUN if way.name not in options.without}
    runs = {large: [2], middle: range(3, 3 + options.repetitions)}
    runs[small] = range(runs[middle].stop, runs[middle].stop + options.repetitions * slices)
    shape(ways, unique=True)
    for way in ways:
        fill(way)
        for size in runs:
            results = f'{runs[size][0]}, {runs[size][-1]}, 1, {size}'
            server.psql(cases.NEW_RESULTS.format(results=results), way.schema)
        server.psql(f'VACUUM (FREEZE, ANALYZE) {way.schema}.runs, {way.schema}.results')
    taken = {(way, size): 0 for way in ways for size in runs}

    def slice_of(way, size):
        number = taken[way, size]
        taken[way, size] += 1
        run = runs[size][number * len(runs[size]) // (options.repetitions * slices)]
        # Beyond the questions that any run has, and others in every slice.
        base = large + (number * len(runs) + list(runs).index(size)) * 100 * (warm_up + rounds + 1)
        return client_time(ways[way], warm_up, rounds, way.schema, base=base, spare=1, measured=run)

    names = {(way, size): f'{way.name}, {size:,}' for way in ways for size in (small, middle, large)}
    report = Report('A batch of 100 results into a run that holds so many', 'ms', 1e3 / rounds, list(names.values()))
    # Counting a million results for every batch takes minutes.
    compare(options, report, slices, {name: partial(slice_of, *place) for place, name in names.items()},
            once=[name for (way, size), name in names.items() if way is cases.RECOUNTED and size == large])
    for way in ways:
        slices_taken = sum(taken[way, size] for size in runs)
        check(way, sum(size * len(runs[size]) for size in runs) + slices_taken * 100 * (warm_up + rounds))
    report.want_time(f'ratchet, {large:,}', f'ratchet, {small:,}', 1.2)
    report.print()


def write_batches(number, directory):
    """Batches of 1,000 results, 100 for each of 10 runs, as JSON in a table and as files in the server's directory: those."""
    server.psql('TRUNCATE bench.batch')
    files = [f'{directory}/batch.{n}' for n in range(number)]
    for n, file in enumerate(files):
        batch = f'bench.new_results(1, 10, {100 * n + 1}, {100 * n + 100})'
        server.psql(f"INSERT INTO bench.batch SELECT {n}, json_agg(record) FROM {batch} record; COPY (SELECT * FROM {batch}) TO '{file}'")
    return files


def submit_batch(options):
    """What lies in the server as a file or as JSON is stored, so that neither has to come through a client."""
    warm_up, rounds, slices = (5, 10, 2) if options.quick else (5, 40, 8)
    variants = {name: (way, statement) for name, way, statement in cases.ARRIVING if way.name not in options.without}
    shape([way for way, _ in variants.values()], unique=True)
    files = write_batches(warm_up + rounds, os.environ['PGHOST'])

    def slice_of(way, statement):
        fill(way)
        batches = [statement.format(n=n, file=file) for n, file in enumerate(files)]
        seconds = statements_time([ELSEWHERE, *batches[:warm_up]], batches[warm_up:], way.schema)
        check(way, 1_000 * len(batches))
        return seconds

    report = Report('A batch of 1,000 results of 10 runs', 'ms', 1e3 / rounds, list(variants))
    compare(options, report, slices, {name: partial(slice_of, *variant) for name, variant in variants.items()})
    report.want_rate('submit_batch()', 'COPY, no counter', 0.60)
    report.print()


CASES = {'count_bulk': count_bulk, 'count_copy': count_copy, 'count_many_runs': count_many_runs, 'decide': decide, 'count_one_run': count_one_run,
         'count_large_run': count_large_run, 'submit_batch': submit_batch}
