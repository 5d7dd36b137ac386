# SPDX-License-Identifier: MIT
"""greenlet: stackful coroutines for Python, which copy the stack out and in."""

import pathlib
import sys
from itertools import repeat
from time import perf_counter_ns

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
import bench

try:
    from greenlet import getcurrent, greenlet
except ImportError:
    bench.fail("needs python3-greenlet")


def time_steps(n, body):
    other = greenlet(body)
    other.switch(getcurrent())
    start = perf_counter_ns()
    for _ in repeat(None, n // 2):
        other.switch()
    return perf_counter_ns() - start - bench.loop_ns(n // 2)


def yield_forever(home):
    while True:
        home.switch()


def answer_forever(home):
    message = home.switch()
    while True:
        message = home.switch(message + 1)


class Ring:
    """Greenlets in a circle, each with a body that counts its own turns."""

    def __init__(self, n, bodies):
        self.turns = n // len(bodies)
        self.home = getcurrent()
        self.sides = [greenlet(lambda body=body: body(self)) for body in bodies]
        self.after = dict(zip(self.sides, self.sides[1:] + self.sides[:1]))
        self.at = self.sides[0]

    def yield_next(self):
        self.at = self.after[self.at]
        self.at.switch()

    def time(self):
        start = perf_counter_ns()
        self.at.switch()
        return perf_counter_ns() - start - bench.loop_ns(self.turns * len(self.sides))


def body_first(ring):
    for _ in repeat(None, ring.turns):
        ring.yield_next()
    ring.home.switch()


def body_second(ring):
    for _ in repeat(None, ring.turns):
        ring.yield_next()
    ring.home.switch()


def body_third(ring):
    for _ in repeat(None, ring.turns):
        ring.yield_next()
    ring.home.switch()


def body_fourth(ring):
    for _ in repeat(None, ring.turns):
        ring.yield_next()
    ring.home.switch()


def level_fourth(ring):
    ring.yield_next()


def level_third(ring):
    level_fourth(ring)


def level_second(ring):
    level_third(ring)


def level_first(ring):
    level_second(ring)


def body_deep(ring):
    for _ in repeat(None, ring.turns):
        level_first(ring)
    ring.home.switch()


def time_ring(*bodies):
    return lambda n: Ring(n, bodies).time()


def time_resume(n):
    other = greenlet(answer_forever)
    other.switch(getcurrent())
    start = perf_counter_ns()
    for i in range(n // 2):
        if other.switch(i) != i + 1:
            bench.fail("a value was lost")
    return perf_counter_ns() - start - bench.loop_ns(n // 2)


def time_generator(n):
    home = getcurrent()

    def count_to():
        i = 0
        while i < n:
            home.switch(i)
            i += 1

    start = perf_counter_ns()
    other = greenlet(count_to)
    total = 0
    while (x := other.switch()) is not None:
        total += x
    took = perf_counter_ns() - start
    bench.check_sum(total, n)
    return took


def finish():
    pass


def time_create(n):
    start = perf_counter_ns()
    for _ in repeat(None, n):
        greenlet(finish).switch()
    return perf_counter_ns() - start - bench.loop_ns(n)


def park_here(home):
    local = bytearray(bench.LOCALS)
    home.switch()
    del local


def park(n):
    home = getcurrent()
    parked = [greenlet(park_here) for _ in range(n)]
    for one in parked:
        one.switch(home)
    return parked


TABLE = [
    bench.Entry("switch", "two_sites", "greenlet", lambda n: time_steps(n, yield_forever)),
    bench.Entry("switch", "ring_same", "greenlet", time_ring(body_first, body_first)),
    bench.Entry("switch", "ring_different", "greenlet",
                time_ring(body_first, body_second, body_third, body_fourth)),
    bench.Entry("switch", "deep", "greenlet", time_ring(body_deep, body_deep)),
    bench.Entry("resume", "value", "greenlet", time_resume),
    bench.Entry("generator", "range", "greenlet", time_generator, bench.GENERATOR_COUNT),
    bench.Entry("create", "run_finish", "greenlet", time_create),
    *bench.memory_entries("greenlet", park),
]

if __name__ == "__main__":
    sys.exit(bench.main(TABLE))
