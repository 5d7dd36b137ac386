# SPDX-License-Identifier: MIT
"""What the benchmark programs in Python share: the protocol of support/bench.h."""

import sys
from itertools import repeat
from time import perf_counter_ns

USUAL_NS = 200e6
LOCALS = 200
GENERATOR_COUNT = 10_000_000


class Entry:
    """Either time(n), which answers the nanoseconds of n operations, or park(n)."""

    def __init__(self, bench, name, impl, time=None, count=0, park=None, least=0):
        self.bench, self.name, self.impl = bench, name, impl
        self.time, self.count, self.park = time, count, park
        self.least = least  # operations: fewer would take no less time
        self.unit = "bytes RSS" if park else "ns"


def memory_entries(impl, park):
    return [Entry("memory", str(n), impl, count=n, park=park) for n in (10000, 100000, 1000000)]


def fail(reason):
    print(f"fail: {reason}")
    sys.exit(3)


def loop_ns(n):
    """What n turns of an empty loop take: to be subtracted where one drives what is measured."""
    start = perf_counter_ns()
    for _ in repeat(None, n):
        pass
    return perf_counter_ns() - start


def check_sum(total, n):
    if total != n * (n - 1) // 2:
        fail(f"the sum is wrong: {total}")


def multiple_of_8(n):
    return max(int(n), 8) // 8 * 8


def calibrate(entry, ns):
    """How many operations fill the time; what is run for that warms up, too. A crowd takes so long
    to set up that it is tried once."""
    n = entry.least or 64
    while (took := entry.time(n)) < ns / 8 and not entry.least:
        n *= 2
    return max(multiple_of_8(n * ns / took), entry.least)


def measure_time(entry, scale):
    """A fixed number of operations is a most: with a small SCALE there is only time for some."""
    n = calibrate(entry, USUAL_NS * scale)
    if entry.count and (scale >= 1 or n > entry.count):
        n = entry.count
    return entry.time(n) / n


def field(file, key):
    """The number after key in a file of "Key:  number kB" lines, in bytes."""
    with open(file, encoding="ascii") as lines:
        for line in lines:
            if line.startswith(key):
                return int(line.split()[1]) * 1024
    return fail(f"no {key} in {file}")


def memory_now():
    return field("/proc/self/smaps_rollup", "Rss:"), field("/proc/self/status", "VmPTE:")


def run(entry, scale):
    if entry.park is None:
        print(f"{measure_time(entry, scale):.4f}")
        return
    before = memory_now()
    parked = entry.park(entry.count)
    rss, tables = (after - b for after, b in zip(memory_now(), before))
    print(f"{rss / entry.count:.1f}")
    print(f"{entry.name}_pt {tables / entry.count:.1f} bytes page tables")
    sys.stdout.flush()
    del parked


def main(table):
    args = sys.argv[1:]
    if args == ["list"]:
        for e in table:
            print(e.bench, e.name, e.impl, e.unit)
        return 0
    if len(args) == 5 and args[0] == "run":
        for e in table:
            if [e.bench, e.name, e.impl] == args[1:4]:
                run(e, float(args[4]))
                return 0
    print(f"usage: {sys.argv[0]} list | run BENCH CASE IMPL SCALE", file=sys.stderr)
    return 2
