# SPDX-License-Identifier: MIT
"""The tests by ranks, beside all that could have been."""

import itertools
import math
import random
import unittest

from suite import exact


def ranks_of(values):
    return [sum(w < v for w in values) + sum(w == v for w in values) / 2 + 0.5 for v in values]


def two_sided(all_, value):
    low = sum(x <= value + 1e-9 for x in all_) / len(all_)
    high = sum(x >= value - 1e-9 for x in all_) / len(all_)
    return min(1, 2 * min(low, high))


def p_of_signs(values):
    values = [v for v in values if v]
    ranks = ranks_of([abs(v) for v in values])
    all_ = [sum(itertools.compress(ranks, signs))
            for signs in itertools.product([0, 1], repeat=len(ranks))]
    return two_sided(all_, sum(r for r, v in zip(ranks, values) if v > 0))


def p_of_choices(old, new):
    ranks = ranks_of([*old, *new])
    all_ = [sum(some) for some in itertools.combinations(ranks, len(new))]
    return two_sided(all_, sum(ranks[len(old):]))


class Exact(unittest.TestCase):
    def setUp(self):
        self.random = random.Random(1)

    def numbers(self, count, ties, shift=0.0):
        numbers = [self.random.gauss(shift, 1) for _ in range(count)]
        return [round(x) for x in numbers] if ties else numbers

    def test_signed_rank_is_that_of_all_signs(self):
        for trial in range(60):
            values = self.numbers(self.random.randint(1, 9), trial % 2, 0.5)
            self.assertAlmostEqual(exact.signed_rank(values).p, p_of_signs(values))

    def test_rank_sum_is_that_of_all_choices(self):
        for trial in range(60):
            old = self.numbers(self.random.randint(1, 6), trial % 2)
            new = self.numbers(self.random.randint(1, 5), trial % 2, 1)
            self.assertAlmostEqual(exact.rank_sum(old, new).p, p_of_choices(old, new))

    def test_least_p_is_reached(self):
        self.assertEqual(exact.signed_rank([0.1 * i for i in range(1, 9)]).p, 2 / 256)
        self.assertEqual(exact.least_p_paired(8), 2 / 256)
        self.assertEqual(exact.rank_sum([1, 2, 3, 4, 5], [6, 7, 8, 9, 10]).p, 2 / 252)
        self.assertEqual(exact.least_p(5, 5), 2 / 252)

    def test_nothing_differs(self):
        self.assertEqual(exact.signed_rank([0.0] * 8).p, 1)
        self.assertEqual(exact.rank_sum([1.0] * 5, [1.0] * 5).p, 1)

    def test_interval_leaves_out_zero_where_p_is_small(self):
        for _ in range(200):
            values = self.numbers(self.random.randint(6, 10), False, 0.6)
            found = exact.signed_rank(values)
            self.assertEqual(not found.low <= 0 <= found.high, found.p <= 0.05)
            old, new = self.numbers(6, False), self.numbers(7, False, 1)
            found = exact.rank_sum(old, new)
            self.assertEqual(not found.low <= 0 <= found.high, found.p <= 0.05)

    def test_interval_holds_the_shift(self):
        inside = sum(found.low <= 0.3 <= found.high for _ in range(400)
                     if (found := exact.signed_rank(self.numbers(9, False, 0.3))))
        self.assertGreaterEqual(inside, 0.92 * 400)

    def test_too_few_for_an_interval(self):
        found = exact.signed_rank([0.1, 0.2, 0.3])
        self.assertEqual((found.low, found.high), (-math.inf, math.inf))

    def test_shift_is_not_misled_by_one(self):
        self.assertAlmostEqual(exact.signed_rank([0.1] * 7 + [9.0]).shift, 0.1)
        self.assertAlmostEqual(exact.rank_sum([1.0] * 6 + [50.0], [1.2] * 7).shift, 0.2)

    def test_holm(self):
        for given, wanted in [([], []), ([0.01], [0.01]), ([0.04, 0.01, 0.03], [0.06, 0.03, 0.06]),
                              ([0.5, 0.9], [1.0, 1.0])]:
            for a, b in zip(exact.holm(given), wanted, strict=True):
                self.assertAlmostEqual(a, b)
