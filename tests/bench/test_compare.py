# SPDX-License-Identifier: MIT
"""Comparisons of which it is known what has changed."""

import random
import unittest

from suite import compare


class Run:
    """A made-up run on a machine that drifts and trembles, as in the JSON file."""

    def __init__(self, seed, rounds, tremble=0.005):
        self.random, self.rounds, self.tremble = random.Random(seed), rounds, tremble
        self.drift = [self.random.uniform(0.7, 1.4) for _ in range(rounds)]
        self.numbers = []

    def add(self, case, impl, number, unit="ns", bench="switch"):
        runs = [number * d * (1 + self.random.gauss(0, self.tremble)) for d in self.drift]
        return self.put(case, impl, [number] * self.rounds if unit.startswith("bytes") else runs,
                        unit, bench)

    def put(self, case, impl, runs, unit="ns", bench="switch"):
        self.numbers.append({"bench": bench, "case": case, "impl": impl, "unit": unit,
                             "min": min(runs), "median": sorted(runs)[len(runs) // 2],
                             "runs": runs})
        return self

    def with_peers(self, case, hocket):
        return self.add(case, "hocket", hocket).add(case, "go", 40).add(case, "pcl", 200)


def verdicts(changes):
    return {(c.case, c.impl): c.verdict for c in changes}


class WithOld(unittest.TestCase):
    def test_drift_is_no_change_but_a_change_is(self):
        old = Run(1, 8).with_peers("two_sites", 10).with_peers("deep", 20).with_peers("ring_same", 5)
        new = Run(2, 8).with_peers("two_sites", 10).with_peers("deep", 22).with_peers("ring_same", 4)
        changes = compare.with_old(old.numbers, new.numbers)
        self.assertEqual(verdicts(changes), {("two_sites", "hocket"): "no change seen",
                                             ("deep", "hocket"): "slower",
                                             ("ring_same", "hocket"): "faster"})
        slower = changes[1]
        self.assertAlmostEqual(slower.ratio, 1.1, delta=0.02)
        self.assertLess(slower.low, slower.ratio)
        self.assertLess(slower.ratio, slower.high)
        self.assertLess(slower.p, 0.05)

    def test_what_is_small_is_no_change(self):
        old, new = Run(1, 10, 0.0005), Run(2, 10, 0.0005)
        changes = compare.with_old(old.with_peers("deep", 10).numbers,
                                   new.with_peers("deep", 10.1).numbers)
        self.assertEqual(verdicts(changes), {("deep", "hocket"): "under 2%"})

    def test_too_few_rounds(self):
        old, new = Run(1, 3).with_peers("deep", 10), Run(2, 3).with_peers("deep", 20)
        change, = compare.with_old(old.numbers, new.numbers)
        self.assertEqual((change.verdict, change.p, change.low), ("too few rounds", None, None))

    def test_too_few_rounds_for_so_many_rows(self):
        old, new = Run(1, 4), Run(2, 4)
        for case in range(30):
            old.with_peers(str(case), 10)
            new.with_peers(str(case), 20)
        changes = compare.with_old(old.numbers, new.numbers)
        self.assertEqual({c.verdict for c in changes}, {"too few rounds"})

    def test_only_peers_of_both_count(self):
        old, new = Run(1, 8).with_peers("deep", 10), Run(2, 8).with_peers("deep", 10)
        old.add("deep", "st", 100)
        new.add("deep", "python", 1000)
        new.put("deep", "cpp20", [1.0, 2.0])
        old.put("deep", "cpp20", [9.0, 2.0])
        self.assertEqual(verdicts(compare.with_old(old.numbers, new.numbers)),
                         {("deep", "hocket"): "no change seen"})

    def test_no_peer(self):
        old, new = Run(1, 8).add("deep", "hocket", 10), Run(2, 8).add("deep", "hocket", 20)
        self.assertEqual(verdicts(compare.with_old(old.numbers, new.numbers)),
                         {("deep", "hocket"): "no peer in both"})

    def test_what_only_one_run_has(self):
        old, new = Run(1, 8).with_peers("deep", 10), Run(2, 8).with_peers("two_sites", 10)
        self.assertEqual(compare.with_old(old.numbers, new.numbers), [])

    def test_no_quotient_of_nothing(self):
        old = Run(1, 8).with_peers("deep", 10).numbers
        new = Run(2, 8).put("deep", "hocket", [0.0] * 8).add("deep", "go", 40).numbers
        self.assertEqual(verdicts(compare.with_old(old, new)), {("deep", "hocket"): "no quotient"})

    def test_bytes(self):
        for was, is_, verdict in [(4000, 4000, "no change seen"), (4000, 4070, "no change seen"),
                                  (4000, 4100, "more"), (4000, 3900, "fewer"), (0, 0.5, "no change seen"),
                                  (0, 9, "more")]:
            old = Run(1, 1).add("10000", "hocket", was, "bytes RSS", "memory")
            new = Run(2, 1).add("10000", "hocket", is_, "bytes RSS", "memory")
            self.assertEqual(verdicts(compare.with_old(old.numbers, new.numbers)),
                             {("10000", "hocket"): verdict})

    def test_false_alarms_are_rare(self):
        alarms = 0
        for seed in range(60):
            old, new = Run(2 * seed, 8, 0.05), Run(2 * seed + 1, 8, 0.05)
            for case in range(10):
                old.with_peers(str(case), 10)
                new.with_peers(str(case), 10)
            alarms += any(c.changed() for c in compare.with_old(old.numbers, new.numbers))
        self.assertLessEqual(alarms, 6)


class WithRevision(unittest.TestCase):
    def test_pairs(self):
        run = Run(3, 9)
        for case, old, new in [("two_sites", 10, 10), ("deep", 20, 22), ("ring_same", 5, 4)]:
            run.add(case, "hocket-old", old).add(case, "hocket", new)
            run.add(case, "hocket-old-coro", old).add(case, "hocket-coro", old)
        self.assertEqual(verdicts(compare.with_revision(run.numbers)), {
            ("two_sites", "hocket"): "no change seen", ("two_sites", "hocket-coro"): "no change seen",
            ("deep", "hocket"): "slower", ("deep", "hocket-coro"): "no change seen",
            ("ring_same", "hocket"): "faster", ("ring_same", "hocket-coro"): "no change seen"})

    def test_without_a_pair(self):
        run = Run(3, 9).add("deep", "hocket", 10).add("deep", "go", 10)
        self.assertEqual(compare.with_revision(run.numbers), [])

    def test_names(self):
        self.assertEqual(compare.old_name("hocket-outline-coro"), "hocket-old-outline-coro")
        self.assertTrue(compare.is_old("hocket-old"))
        self.assertFalse(compare.is_old("hocket-outline"))


class Rounds(unittest.TestCase):
    def test_as_many_as_can_find_something(self):
        self.assertEqual(compare.rounds_for(1), 8)
        self.assertEqual(compare.rounds_for(10), 11)
        self.assertEqual(compare.rounds_for(60), 14)
        self.assertEqual(compare.rounds_for(60, 7), 9)
        self.assertEqual(compare.rounds_for(60, 5), 14)
        self.assertEqual(compare.rounds_for(60, 2), compare.MOST_ROUNDS)

    def test_explained(self):
        old, new = Run(1, 8).with_peers("deep", 10), Run(2, 8).with_peers("deep", 11)
        changes = compare.with_old(old.numbers, new.numbers)
        said = " ".join(compare.explained(changes, "compare", "the other run"))
        self.assertIn("1 of 1 rows", said)
        self.assertIn("Mann-Whitney", said)
