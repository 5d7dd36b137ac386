# SPDX-License-Identifier: MIT
"""In which order things are measured, and what comes of it."""

import random
import statistics
import sys

from . import catalog, machine, program

# Below this share of its core's time a program was disturbed, and is given a second chance.
UNDISTURBED = 0.9
OTHERS = 2    # that is, all that are neither hocket nor a main peer
LONG_S = 2    # what takes more seconds comes after what is equal to it
# Of the order in which the implementations of a case are measured in each round.
SEED = 20


class Result:
    """One implementation in one case: a number for each round, of which only the last may be
    missing, or why it failed."""

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
        return {"bench": self.bench, "case": self.case, "impl": self.impl, "unit": self.unit,
                "min": self.min, "median": self.median, "runs": self.runs}

    def also_as_json(self):
        """[{}]: what was found besides."""
        return [{"bench": self.bench, "case": self.case, "impl": self.impl, "name": name,
                 "median": self.also_median(name), "runs": runs}
                for name, runs in self.also.items()]


class Case:
    """What is compared with each other: so many rounds are wanted, so many are done."""

    def __init__(self, bench, name, rows, wanted):
        self.bench, self.name, self.rows, self.wanted = bench, name, rows, wanted
        self.done = 0


class Schedule:
    """effort: rounds, scale, and, of a comparison, even where fewer rounds are usual."""

    def __init__(self, rows, effort, budget):
        self.rows, self.effort, self.budget = rows, effort, budget
        self.results = {}
        self.measured = self.disturbed = 0
        self.hurried, self.skipped = [], []

    def run(self):
        """Case by case, so that what is compared was measured close together."""
        cases = [Case(bench, case, rows, self._rounds(bench, case))
                 for bench, cases in catalog.BENCHES.items() for case in cases
                 if (rows := [r for r in self.rows if (r.bench, r.case) == (bench, case)])]
        for i, case in enumerate(cases):
            self._run_case(case, cases[i + 1:])
        for turn in range(1, max((case.wanted for case in cases), default=0)):
            for case in cases:
                if case.done == turn < case.wanted:
                    self._run_round(case, [])
        _progress("")
        self.hurried = [f"{case.bench}/{case.name}" for case in cases if self._is_short(case)]
        return [r for r in self.results.values() if r.runs or r.failure]

    def _run_case(self, case, later):
        """For want of time there are fewer rounds, of which some are made up for at the end; then
        fewer peers, but for the main ones."""
        others = [(c.wanted, c.rows) for c in later]
        rows_later = [r for c in later for r in c.rows]
        self._run_round(case, rows_later)
        while self.budget.rounds(case.wanted - case.done, case.rows, others):
            self._run_round(case, rows_later)

    def _run_round(self, case, rows_later):
        """Each implementation once, in an order of chance. There must be time for the first round
        of what is more important and comes later."""
        turn, order = case.done, in_round(case.rows, case.done)
        case.done += 1
        for i, row in enumerate(order):
            _progress(f"{case.bench}/{case.name}, round {turn + 1} of {case.wanted}: {row.impl}")
            result = self._result(row, row.case, row.unit)
            # Those that missed a round are out of step, and take part in none of the others.
            if result.failure or len(result.runs) != turn:
                continue
            level = self._level(row) if turn == 0 else OTHERS
            must = rows_later + (order[i + 1:] if turn == 0 else [])
            reserve = self.budget.sum(r for r in must if self._level(r) < level)
            if self.budget.fits(row, reserve):
                self._measure(row, reserve)
            elif turn == 0:
                self.skipped.append(row)

    def _is_short(self, case):
        """Whether it had less than was wanted."""
        there = [self._result(row, row.case, row.unit) for row in case.rows]
        return any(r.runs and not r.failure and len(r.runs) < case.wanted for r in there)

    def _level(self, row):
        """The less the more important; what takes long must not keep others from being measured."""
        level = 0 if row.impl in catalog.OURS else 1 if row.impl in catalog.MAIN else OTHERS
        return min(OTHERS, level + (self.budget.estimate(row) > LONG_S))

    def _rounds(self, bench, case):
        return catalog.rounds_of(bench, case, self.effort["rounds"], self.effort["comparing"])

    def _measure(self, row, reserve):
        outcome = self._outcome(row, reserve)
        self.measured += 1
        self.disturbed += outcome.share < UNDISTURBED
        if outcome.failure:
            self._result(row, row.case, row.unit).failure = outcome.failure
        for case, (number, unit) in outcome.numbers.items():
            self._result(row, case, unit).runs.append(number)
        for name, number in outcome.also.items():
            self._result(row, row.case, row.unit).also.setdefault(name, []).append(number)

    def _outcome(self, row, reserve):
        if row.bench in ("memory", "million"):
            needed = catalog.memory_needed(row)
            if needed > machine.memory_available():
                return program.Outcome({}, f"may need {needed / 2**30:.1f} GiB of memory", 1.0)
            return self._once(row, reserve)._replace(share=1.0)
        outcome = self._once(row, reserve)
        if row.bench in catalog.UNDISTURBED:
            return outcome._replace(share=1.0)
        if outcome.share < UNDISTURBED and not outcome.failure and self.budget.fits(row, reserve):
            again = self._once(row, reserve)
            if not again.failure:
                outcome = max(outcome, again, key=lambda o: o.share)
        return outcome

    def _once(self, row, reserve):
        start = self.budget.clock()
        outcome = row.program.measure(row, self.effort["scale"],
                                      self.budget.limit_of(row, reserve))
        if not outcome.failure:
            self.budget.learn(row, self.budget.clock() - start)
        return outcome

    def _result(self, row, case, unit):
        key = (row.bench, case, row.impl)
        return self.results.setdefault(key, Result(row.bench, case, row.impl, unit))


def in_round(rows, turn):
    """The rows of a case in an order of chance, which is the same in every run."""
    rows = list(rows)
    random.Random(f"{SEED} {rows[0].bench}/{rows[0].case} {turn}").shuffle(rows)
    return rows


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
