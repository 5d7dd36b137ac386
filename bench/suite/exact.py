# SPDX-License-Identifier: MIT
"""Exact tests by ranks, which one disturbed round does not mislead, with an estimate and its
interval. They ask nothing of how the numbers are distributed, and few numbers are enough.
"""

import math
import statistics
from typing import NamedTuple

CONFIDENCE = 0.95


class Found(NamedTuple):
    """What a test says of a shift."""
    shift: float
    low: float     # of the interval; infinite where there are too few numbers for one
    high: float
    p: float       # two-sided


def signed_rank(differences):
    """Whether differences of pairs lie around zero: Wilcoxon's signed-rank test. Were there no
    difference, each could as well have the other sign, so all choices of signs are counted."""
    walsh = sorted((a + b) / 2 for i, a in enumerate(differences) for b in differences[i:])
    there = [d for d in differences if d]
    ranks = _double_ranks([abs(d) for d in there])
    p = _two_sided(_sums(ranks), sum(r for r, d in zip(ranks, there) if d > 0))
    within = _within(_sums(range(1, len(differences) + 1)))
    return Found(statistics.median(walsh), *_between(walsh, within), p)


def rank_sum(old, new):
    """By how much new ones lie above old ones: the Mann-Whitney test. Were there no difference, any
    of all the numbers could as well be the new ones, so all such choices are counted."""
    shifts = sorted(b - a for a in old for b in new)
    ranks = _double_ranks([*old, *new])
    p = _two_sided(_sums_of(ranks, len(new)), sum(ranks[len(old):]))
    least = len(new) * (len(new) + 1) // 2
    sums = _sums_of(range(1, len(ranks) + 1), len(new))
    within = _within({total - least: ways for total, ways in sums.items()})
    return Found(statistics.median(shifts), *_between(shifts, within), p)


def least_p_paired(count):
    """The least p that so many pairs can have."""
    return 2 / 2 ** count


def least_p(old, new):
    """The least p that so many old and new numbers can have."""
    return 2 / math.comb(old + new, new)


def holm(ps):
    """Each p made so much larger that the chance of one false alarm among all is what it says."""
    adjusted, highest = [0.0] * len(ps), 0.0
    for rank, i in enumerate(sorted(range(len(ps)), key=lambda i: ps[i])):
        highest = max(highest, min(1.0, ps[i] * (len(ps) - rank)))
        adjusted[i] = highest
    return adjusted


def _double_ranks(values):
    """Twice the ranks, so that those of equal values, which share them, are integers."""
    ordered = sorted(values)
    first = {v: i for i, v in reversed(list(enumerate(ordered)))}
    last = {v: i for i, v in enumerate(ordered)}
    return [first[v] + last[v] + 2 for v in values]


def _sums(weights):
    """{sum: how many subsets have it}."""
    ways = {0: 1}
    for weight in weights:
        more = dict(ways)
        for total, count in ways.items():
            more[total + weight] = more.get(total + weight, 0) + count
        ways = more
    return ways


def _sums_of(weights, size):
    """{sum: how many subsets of that size have it}."""
    ways = [{0: 1}] + [{} for _ in range(size)]
    for weight in weights:
        for taken in range(size, 0, -1):
            for total, count in ways[taken - 1].items():
                at = total + weight
                ways[taken][at] = ways[taken].get(at, 0) + count
    return ways[size]


def _two_sided(ways, value):
    low = sum(count for total, count in ways.items() if total <= value)
    high = sum(count for total, count in ways.items() if total >= value)
    return min(1.0, 2 * min(low, high) / sum(ways.values()))


def _within(ways):
    """How many of the ordered estimates on either side are outside the interval, and one more."""
    most, sum_, outside = (1 - CONFIDENCE) / 2 * sum(ways.values()), 0, 0
    for total in range(max(ways) + 1):
        sum_ += ways.get(total, 0)
        if sum_ > most:
            break
        outside = total + 1
    return outside


def _between(ordered, within):
    if not within:
        return -math.inf, math.inf
    return ordered[within - 1], ordered[-within]
