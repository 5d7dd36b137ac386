# SPDX-License-Identifier: MIT
"""In which order things are measured, and what comes of it."""

import statistics
import sys
import time

from . import catalog, machine, program

# Below this share of its core's time a program was disturbed, and is given a second chance.
UNDISTURBED = 0.9


class Result:
    """One implementation in one case: a number for each round, or why it failed."""

    def __init__(self, bench, case, impl, unit):
        self.bench, self.case, self.impl, self.unit = bench, case, impl, unit
        self.runs, self.failure, self.also = [], None, {}

    @property
    def median(self):
        return statistics.median(self.runs)

    @property
    def min(self):
        return min(self.runs)

    @property
    def max(self):
        return max(self.runs)

    def also_median(self, name):
        """Of what was found besides; None where it was not."""
        return statistics.median(self.also[name]) if name in self.also else None

    def as_json(self):
        also = {name: {"median": self.also_median(name), "runs": runs}
                for name, runs in self.also.items()}
        return {"bench": self.bench, "case": self.case, "impl": self.impl, "unit": self.unit,
                "min": self.min, "median": self.median, "runs": self.runs,
                **({"also": also} if also else {})}


class Schedule:
    """deadline, of time.monotonic(): past it one round must do."""

    def __init__(self, rows, rounds, scale, deadline):
        self.rows, self.rounds, self.scale, self.deadline = rows, rounds, scale, deadline
        self.results = {}
        self.measured = self.disturbed = 0
        self.hurried = []

    def run(self):
        """Case by case, so that what is compared was measured close together."""
        for bench, cases in catalog.BENCHES.items():
            for case in cases:
                rows = [r for r in self.rows if (r.bench, r.case) == (bench, case)]
                if rows:
                    self._run_case(bench, case, rows)
        _progress("")
        return list(self.results.values())

    def _run_case(self, bench, case, rows):
        """Each implementation once a round; another one begins each time."""
        rounds = catalog.rounds_of(bench, case, self.rounds)
        for turn in range(rounds):
            if turn and time.monotonic() > self.deadline:
                self.hurried.append(f"{bench}/{case}")
                return
            first = turn * len(rows) // rounds
            for row in rows[first:] + rows[:first]:
                _progress(f"{bench}/{case}, round {turn + 1} of {rounds}: {row.impl}")
                if not self._failed(row):
                    self._measure(row)

    def _measure(self, row):
        outcome = self._outcome(row)
        self.measured += 1
        self.disturbed += outcome.share < UNDISTURBED
        if outcome.failure:
            self._result(row, row.case, row.unit).failure = outcome.failure
        for case, (number, unit) in outcome.numbers.items():
            self._result(row, case, unit).runs.append(number)
        for name, number in outcome.also.items():
            self._result(row, row.case, row.unit).also.setdefault(name, []).append(number)

    def _outcome(self, row):
        if row.bench == "memory":
            needed = catalog.memory_needed(row)
            if needed > machine.memory_available():
                return program.Outcome({}, f"may need {needed / 2**30:.1f} GiB of memory", 1.0)
            return row.program.measure(row, self.scale)._replace(share=1.0)
        outcome = row.program.measure(row, self.scale)
        if row.bench in catalog.UNDISTURBED:
            return outcome._replace(share=1.0)
        if outcome.share < UNDISTURBED:
            again = row.program.measure(row, self.scale)
            outcome = max(outcome, again, key=lambda o: o.share)
        return outcome

    def _failed(self, row):
        return self._result(row, row.case, row.unit).failure

    def _result(self, row, case, unit):
        key = (row.bench, case, row.impl)
        return self.results.setdefault(key, Result(row.bench, case, row.impl, unit))


def _progress(text):
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)


def by_case(results):
    """[(bench, case, results sorted by median, failures last)], in the order of the catalog."""
    cases = {}
    for r in results:
        cases.setdefault((r.bench, r.case), []).append(r)
    order = {(b, c): i for i, (b, c) in enumerate((b, c) for b in catalog.BENCHES for case
             in catalog.BENCHES[b] for c in (case, case + "_pt"))}
    for key in sorted(cases, key=order.get):
        yield *key, sorted(cases[key], key=lambda r: (not r.runs, r.median if r.runs else 0))


def ratio(result, results, to="hocket"):
    """How many times hocket's median it is; None where one of them has none."""
    for base in results:
        if base.impl == to and base.runs and result.runs and base.median > 0:
            return result.median / base.median
    return None
