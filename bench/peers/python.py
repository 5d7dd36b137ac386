# SPDX-License-Identifier: MIT
"""Python's generators: no stack of their own, so `deep` is four of them, each delegating to the
next."""

import pathlib
import sys
from itertools import repeat
from time import perf_counter_ns

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
import bench


def yield_forever():
    while True:
        yield


def level_fourth():
    yield


def level_third():
    yield from level_fourth()


def level_second():
    yield from level_third()


def level_first():
    yield from level_second()


def deep_forever():
    while True:
        yield from level_first()


def time_steps(n, generator):
    start = perf_counter_ns()
    for _ in repeat(None, n // 2):
        next(generator)
    return perf_counter_ns() - start - bench.loop_ns(n // 2)


def answer_forever():
    message = 0
    while True:
        message = yield message + 1


def time_resume(n):
    other = answer_forever()
    next(other)
    start = perf_counter_ns()
    for i in range(n // 2):
        if other.send(i) != i + 1:
            bench.fail("a value was lost")
    return perf_counter_ns() - start - bench.loop_ns(n // 2)


def count_to(n):
    i = 0
    while i < n:
        yield i
        i += 1


def time_generator(n):
    start = perf_counter_ns()
    total = 0
    for x in count_to(n):
        total += x
    took = perf_counter_ns() - start
    bench.check_sum(total, n)
    return took


def finish():
    return
    yield


def time_create(n):
    start = perf_counter_ns()
    for _ in repeat(None, n):
        for _ in finish():
            pass
    return perf_counter_ns() - start - bench.loop_ns(n)


def park_here():
    local = bytearray(bench.LOCALS)
    yield
    del local


def park(n):
    parked = [park_here() for _ in range(n)]
    for one in parked:
        next(one)
    return parked


TABLE = [
    bench.Entry("switch", "two_sites", "python", lambda n: time_steps(n, yield_forever())),
    bench.Entry("switch", "deep", "python", lambda n: time_steps(n, deep_forever())),
    bench.Entry("resume", "value", "python", time_resume),
    bench.Entry("generator", "range", "python", time_generator, bench.GENERATOR_COUNT),
    bench.Entry("create", "run_finish", "python", time_create),
    *bench.memory_entries("python", park),
]

if __name__ == "__main__":
    sys.exit(bench.main(TABLE))
