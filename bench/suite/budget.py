# SPDX-License-Identifier: MIT
"""How much time there is, and what can be done in it."""

import math
import statistics
import time

from . import catalog
from .program import TIME_LIMIT_S

# Until something was measured, seconds: of any program, beside its measuring; of its measuring at a
# scale of 1; of each of a crowd; of a server's start, warm-up and end.
START, MEASURING, EACH, SERVER = 0.08, 0.35, 1e-5, 0.35
# What is given no more time has hung: as many times what was expected, though some seconds.
PATIENCE, PATIENCE_S = 10, 5


class Budget:
    """until, of the clock: when all must have ended. Each row is measured only if its end is
    expected before that, and with what must be measured after it."""

    def __init__(self, until=math.inf, scale=1.0, clock=time.monotonic):
        self.until, self.scale, self.clock = until, scale, clock
        self.known = {}
        self.slower = []    # how many times the usual time each took

    def left(self):
        return self.until - self.clock()

    def limit(self):
        """Seconds that may pass in what is begun now."""
        return max(0.01, min(TIME_LIMIT_S, self.left()))

    def limit_of(self, row, reserve):
        """The same of a row, which leaves the reserve of seconds to others once it has had twice
        what was expected of it."""
        if math.isinf(self.until):
            return self.limit()
        expected = self.estimate(row)
        most = max(self.left() - reserve, 2 * expected)
        return min(self.limit(), most, max(PATIENCE_S, PATIENCE * expected))

    def estimate(self, row):
        """Seconds: what it took before, or what such things take on a machine like this."""
        if (key := _key(row)) in self.known:
            return self.known[key]
        slower = statistics.median(self.slower) if self.slower else 1.0
        return _usual(row, self.scale) * max(1.0, slower)

    def learn(self, row, took):
        """Of what has not failed, and so is typical of the machine."""
        if _key(row) not in self.known:
            self.slower.append(took / _usual(row, self.scale))
        self.known[_key(row)] = took * 1.1

    def sum(self, rows):
        return sum(map(self.estimate, rows))

    def fits(self, row, reserve=0.0):
        """Whether it can be measured, and the reserve of seconds is still there afterwards."""
        return self.estimate(row) + reserve <= self.left()

    def rounds(self, wanted, rows, later):
        """How many rounds of these rows, where those that come later, [(rounds, rows)], have their
        share of the time, too."""
        all_ = wanted * self.sum(rows) + sum(rounds * self.sum(some) for rounds, some in later)
        if all_ <= self.left():
            return wanted
        return max(0, int(wanted * self.left() / all_))


def _key(row):
    return row.bench, row.case, row.impl


def _usual(row, scale):
    if row.bench in catalog.SERVERS or row.bench == "timer":
        crowd = 0.8 if row.bench in ("idle", "mixed") else 0.0
        if (row.bench, row.case) in catalog.ASKED_FOR:
            crowd = 80
        return SERVER + max(scale, 0.3) + crowd
    if row.bench == "million":
        return START + 4 * EACH * 1000000
    first = row.case.split("_")[0]
    crowd = int(first) if first.isdigit() else 0
    return START + MEASURING * scale + EACH * crowd * (1 if row.bench == "memory" else 2)
