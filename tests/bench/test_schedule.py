# SPDX-License-Identifier: MIT
"""What is measured when time is short, with programs that only pretend to take theirs."""

import unittest

from suite import budget, catalog, schedule
from suite.program import Outcome, Row

PEERS = ["pcl", "go", "python", "greenlet", "boost-jump"]
LIMIT = 45.0


class Clock:
    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


class Pretender:
    """Takes so many seconds, or all that it is given."""

    def __init__(self, clock, seconds, share=1.0):
        self.clock, self.seconds, self.share = clock, seconds, share
        self.calls = []    # (impl, when)

    def measure(self, row, _scale, limit):
        self.calls.append((row.impl, self.clock.now))
        self.clock.now += min(self.seconds, limit)
        if self.seconds > limit:
            return Outcome({}, f"not done in {limit:.3g} s", 1.0)
        return Outcome({row.case: (1.0, row.unit)}, None, self.share)


class Short(unittest.TestCase):
    def setUp(self):
        self.clock = Clock()
        self.until = self.clock.now + LIMIT

    def plan(self, programs, rounds=3, **more):
        """programs: {(case, impl): Pretender}."""
        rows = [Row(program, more.get("bench", "switch"), case, impl, "ns")
                for (case, impl), program in programs.items()]
        plan = schedule.Schedule(
            rows, {"rounds": rounds, "scale": 0.1, "comparing": False},
            budget.Budget(more.get("until", self.until), 0.1, self.clock))
        self.results = {(r.case, r.impl): r for r in plan.run()}
        return plan

    def all_take(self, seconds):
        return {(case, impl): Pretender(self.clock, seconds)
                for case in catalog.BENCHES["switch"] for impl in ["hocket", *PEERS]}

    def test_enough_time(self):
        plan = self.plan(self.all_take(0.1))
        self.assertEqual((plan.skipped, plan.hurried), ([], []))
        self.assertEqual({len(r.runs) for r in self.results.values()}, {3})

    def test_fewer_rounds_first(self):
        plan = self.plan(self.all_take(1.0))
        self.assertLessEqual(self.clock.now, self.until)
        self.assertEqual(plan.skipped, [])
        self.assertTrue(plan.hurried)
        self.assertEqual(len(self.results), 24)

    def test_then_fewer_peers_but_not_the_main_ones(self):
        plan = self.plan(self.all_take(1.5), until=self.clock.now + 22)
        self.assertLessEqual(self.clock.now, 1000.0 + 22)
        kept = {impl for impl in ["hocket", *PEERS] if impl in (*catalog.OURS, *catalog.MAIN)}
        self.assertTrue({row.impl for row in plan.skipped}.isdisjoint(kept))
        self.assertTrue(plan.skipped)
        for case in catalog.BENCHES["switch"]:
            for impl in kept:
                self.assertEqual(len(self.results[case, impl].runs), 1)

    def test_then_hocket_alone(self):
        self.plan(self.all_take(1.9), until=self.clock.now + 15)
        self.assertLessEqual(self.clock.now, 1000.0 + 15)
        for case in catalog.BENCHES["switch"]:
            self.assertEqual(len(self.results[case, "hocket"].runs), 1)

    def test_what_takes_long_leaves_time_for_the_others(self):
        programs = {(case, "hocket"): Pretender(self.clock, 0.1) for case in ("2", "1000")}
        programs["100000", "hocket"] = Pretender(self.clock, 30.0)
        programs["1000000", "hocket"] = Pretender(self.clock, 60.0)
        self.plan(programs, bench="yield")
        self.assertLessEqual(self.clock.now, self.until)
        for case in ("2", "1000"):
            self.assertTrue(self.results[case, "hocket"].runs)

    def test_one_that_hangs_takes_no_time_of_the_main_ones(self):
        programs = self.all_take(0.2)
        programs["two_sites", "pcl"].seconds = 1e9
        self.plan(programs)
        self.assertLessEqual(self.clock.now, self.until)
        self.assertIn("not done in", self.results["two_sites", "pcl"].failure)
        for case in catalog.BENCHES["switch"]:
            self.assertTrue(self.results[case, "hocket"].runs)

    def test_all_hang(self):
        self.plan(self.all_take(1e9))
        self.assertLessEqual(self.clock.now, self.until + 0.1)

    def test_no_time_at_all(self):
        plan = self.plan(self.all_take(1.0), until=self.clock.now - 5)
        self.assertEqual((self.results, self.clock.now), ({}, 1000.0))
        self.assertEqual(len(plan.skipped), 24)

    def test_a_second_chance_while_there_is_time(self):
        programs = {("deep", "hocket"): Pretender(self.clock, 1.0, share=0.5)}
        self.plan(programs, rounds=1)
        self.assertEqual(len(programs["deep", "hocket"].calls), 2)

    def test_no_second_chance_after(self):
        programs = {("deep", "hocket"): Pretender(self.clock, 4.0, share=0.5)}
        self.plan(programs, until=self.clock.now + 7)
        self.assertEqual(len(programs["deep", "hocket"].calls), 1)
        self.assertEqual(len(self.results["deep", "hocket"].runs), 1)

    def test_runs_are_of_the_same_rounds(self):
        """So the numbers of two implementations can be paired by their place."""
        programs = self.all_take(1.2)
        programs["deep", "greenlet"].seconds = 4.0
        self.plan(programs, rounds=5)
        for case in catalog.BENCHES["switch"]:
            calls = sorted((when, impl) for impl in ["hocket", *PEERS]
                           for _, when in programs[case, impl].calls)
            seen = dict.fromkeys((impl for _, impl in calls), 0)
            for _, impl in calls:
                # None begins a round before the others have done with the one before, or left.
                last = max(when for when, other in calls if other == impl)
                behind = [i for i in seen if seen[i] < seen[impl]]
                self.assertFalse([i for i in behind for when, other in calls
                                  if other == i and when > last])
                seen[impl] += 1

    def test_order_is_of_chance_and_the_same_each_time(self):
        rows = [Row(None, "switch", "deep", impl, "ns") for impl in ["hocket", *PEERS]]
        orders = [[r.impl for r in schedule.in_round(rows, turn)] for turn in range(12)]
        self.assertEqual(orders, [[r.impl for r in schedule.in_round(rows, turn)]
                                  for turn in range(12)])
        self.assertGreater(len(set(map(tuple, orders))), 9)
        self.assertGreater(len({order[0] for order in orders}), 3)
        self.assertTrue(all(sorted(order) == sorted(orders[0]) for order in orders))


class Estimates(unittest.TestCase):
    def test_a_crowd_takes_longer(self):
        time_ = budget.Budget()
        few, many = (Row(None, "yield", case, "hocket", "ns") for case in ("2", "1000000"))
        self.assertGreater(time_.estimate(many), 10 * time_.estimate(few))

    def test_what_it_took(self):
        time_ = budget.Budget()
        row, other = (Row(None, "switch", "deep", impl, "ns") for impl in ("hocket", "go"))
        before = time_.estimate(other)
        time_.learn(row, 3.0)
        self.assertAlmostEqual(time_.estimate(row), 3.3)
        # So this machine is slow.
        self.assertGreater(time_.estimate(other), before)

    def test_rounds_share_the_time(self):
        clock = Clock()
        time_ = budget.Budget(clock.now + 10, 0.1, clock)
        rows = [Row(None, "switch", "deep", impl, "ns") for impl in PEERS]
        for row in rows:
            time_.learn(row, 0.2)
        self.assertEqual(time_.rounds(3, rows, []), 3)
        self.assertEqual(time_.rounds(8, rows, [(8, rows)] * 2), 3)
        self.assertEqual(time_.rounds(8, rows, [(8, rows)] * 99), 0)
