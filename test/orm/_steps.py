"""Interleaves the steps of several actors, each with a database connection of its own, in one given order.

An actor is a thread. The scheduler hands out one step at a time and goes on when the step is done, or when the actor's
server process is seen to wait for a row that another actor has locked. So the order does not depend on timing, and
nothing sleeps to win a race. An actor that waits takes its further steps as soon as it can; only when two of them wait
for the same row is it the server that chooses who goes first.
"""
import queue
import threading
import time

DEADLINE = 30  # seconds for a single step; reached only when something hangs


def orders(counts):
    """All orders of the actors' steps, each order a tuple of actor numbers."""

    def extend(left):
        if not any(left):
            yield ()
            return
        for actor, count in enumerate(left):
            if count:
                rest = list(left)
                rest[actor] -= 1
                for tail in extend(tuple(rest)):
                    yield (actor,) + tail

    return extend(tuple(counts))


class Worker:
    """A thread that runs what it is given, on its own connection, one step after the other."""

    def __init__(self, connect, disconnect):
        self.inbox = queue.Queue()
        self.pending = 0
        self.changed = threading.Condition()
        self.error = None
        self.pid = None
        self._connect, self._disconnect = connect, disconnect
        self.thread = threading.Thread(target=self._loop, daemon=True)
        self.thread.start()
        self.give(lambda: setattr(self, "pid", self._connect()))
        self.wait(DEADLINE)

    def _loop(self):
        while True:
            step = self.inbox.get()
            if step is None:
                self._disconnect()
                return
            try:
                step()
            except BaseException as error:  # handed over to the scheduler
                self.error = error
            with self.changed:
                self.pending -= 1
                self.changed.notify_all()

    def give(self, step):
        with self.changed:
            self.pending += 1
        self.inbox.put(step)

    def wait(self, seconds):
        with self.changed:
            done = self.changed.wait_for(lambda: self.pending == 0, seconds)
        if self.error is not None:
            error, self.error = self.error, None
            raise error
        return done

    def stop(self):
        self.inbox.put(None)
        self.thread.join(DEADLINE)


class Scheduler:
    def __init__(self, workers, is_blocked):
        self.workers = workers
        self.is_blocked = is_blocked  # pid -> whether that server process waits for a row
        self.waits = 0  # how often a step was seen to wait

    def _settle(self, blocked):
        """Returns when every worker is idle or waits for a row; `blocked` is the list of those that wait."""
        deadline = time.monotonic() + DEADLINE
        while True:
            # An actor that has got its row may let another one go on, so look until nothing changes.
            before = list(blocked)
            for number, worker in enumerate(self.workers):
                while not worker.wait(0.002):
                    if self.is_blocked(worker.pid):
                        if number not in blocked:
                            blocked.append(number)
                            self.waits += 1
                        break
                    if time.monotonic() > deadline:
                        raise TimeoutError(f"actor {number} neither goes on nor waits for a row")
                else:
                    if number in blocked:
                        blocked.remove(number)
            if blocked == before:
                return

    def run(self, order, actors):
        """actors: a list of lists of callables."""
        steps = [iter(actor) for actor in actors]
        blocked = []
        for number in order:
            self.workers[number].give(next(steps[number]))
            self._settle(blocked)
        deadline = time.monotonic() + DEADLINE
        while blocked:
            self._settle(blocked)
            if time.monotonic() > deadline:
                raise TimeoutError(f"actors {blocked} wait for ever")
