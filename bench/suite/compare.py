# SPDX-License-Identifier: MIT
"""What has changed, and whether that is more than noise: docs/design/benchmarks.md has the tests.

Compared are hocket's numbers with those of another run, each in relation to the peers of its round,
which cancels the drift of the machine; or with those of another revision in the same rounds.
"""

import math
import statistics
from typing import NamedTuple

from . import catalog, exact

ALPHA = 0.05
LEAST_CHANGE = 0.02    # a change of less is none, whatever the test says
LEAST_BYTES = 1        # likewise
LEAST_ROUNDS, MOST_ROUNDS = 8, 16
SLACK = 4              # so many outcomes on either side are a finding: a round may disagree a little

TESTS = {
    "compare": "Of each round counts hocket's number divided by the geometric mean of the peers that "
               "both runs have; those of the two runs are compared by the exact Mann-Whitney test.",
    "against": "Of each round counts the quotient of the two; that they lie around 1 is tested by "
               "Wilcoxon's exact signed-rank test, which is about the signs of their logarithms.",
}


class Change(NamedTuple):
    """One row of the comparison."""
    bench: str
    case: str
    impl: str
    unit: str
    ratio: float      # new to old; None where there is none
    low: float        # of the interval of 95 %; None where there is none
    high: float
    p: float          # made larger by Holm's method; None where it was not tested
    rounds: str
    verdict: str

    def changed(self):
        return self.verdict in ("faster", "slower", "fewer", "more")


class Sample(NamedTuple):
    """What is to be tested."""
    key: tuple
    unit: str
    found: exact.Found
    least_p: float
    rounds: str


def old_name(impl):
    """What the other revision's is called."""
    return impl.replace("hocket", "hocket-old", 1)


def is_old(impl):
    return impl.startswith("hocket-old")


def is_bytes(unit):
    return unit.startswith("bytes")


def rounds_for(tested, old_rounds=None):
    """So many that the test can find a change in each of so many rows: of pairs, or with as many of
    the other run."""
    rounds = LEAST_ROUNDS
    while rounds < MOST_ROUNDS and SLACK * max(tested, 1) * _least_p(rounds, old_rounds) > ALPHA:
        rounds += 1
    return rounds


def _least_p(rounds, old_rounds):
    return exact.least_p(old_rounds, rounds) if old_rounds else exact.least_p_paired(rounds)


def fewest_rounds(old, rows):
    """Of what the other run has of these rows; None if it has none of them."""
    names = {(row.bench, row.case, row.impl) for row in rows if catalog.is_hocket(row.impl)}
    return min((len(one["runs"]) for one in old if not is_bytes(one["unit"])
                and (one["bench"], one["case"], one["impl"]) in names), default=None)


def with_old(old, new):
    """[Change] of hocket's rows that both runs, lists as in the JSON file, have."""
    before, after = _by_case(old), _by_case(new)
    samples, changes = [], []
    for (bench, case), now in after.items():
        then = before.get((bench, case), {})
        for impl in filter(catalog.is_hocket, now):
            if impl in then and then[impl]["unit"] == now[impl]["unit"]:
                _add((bench, case, impl), then, now, samples, changes)
    return _in_order(_judged(samples) + changes, after)


def with_revision(new):
    """[Change] of hocket's rows from those of the other revision."""
    after = _by_case(new)
    samples, changes = [], []
    for (bench, case), now in after.items():
        for impl in now:
            old = now.get(old_name(impl)) if catalog.is_hocket(impl) else None
            if not old or is_old(impl):
                continue
            key, unit = (bench, case, impl), now[impl]["unit"]
            pairs = list(zip(now[impl]["runs"], old["runs"]))
            if is_bytes(unit):
                changes.append(_change_of_bytes(key, old, now[impl]))
            elif any(min(pair) <= 0 for pair in pairs):
                changes.append(_untested(key, unit, "no quotient"))
            else:
                found = exact.signed_rank([math.log(a / b) for a, b in pairs])
                samples.append(Sample(key, unit, found, exact.least_p_paired(len(pairs)),
                                      str(len(pairs))))
    return _in_order(_judged(samples) + changes, after)


def explained(changes, how, what):
    """The heading of the comparison, and what it means."""
    tested = sum(c.p is not None for c in changes)
    found = sum(c.changed() for c in changes)
    return [f"Compared with {what}: {found} of {len(changes)} rows have changed. A ratio below 1 is "
            "less than before.",
            f"{TESTS[how]} The estimate and its interval are those of Hodges and Lehmann. p is "
            f"Holm's, for {tested} tests. A change is what has p < {ALPHA:g} and is more than "
            f"{LEAST_CHANGE:.0%}; bytes, which are the same each time, need no test."]


def _by_case(numbers):
    cases = {}
    for one in numbers:
        cases.setdefault((one["bench"], one["case"]), {})[one["impl"]] = one
    return cases


def _in_order(changes, cases):
    order = {(*case, impl): i for i, (case, impl) in enumerate(
        (case, impl) for case, impls in cases.items() for impl in impls)}
    return sorted(changes, key=lambda c: order[c.bench, c.case, c.impl])


def _add(key, then, now, samples, changes):
    impl, unit = key[2], now[key[2]]["unit"]
    if is_bytes(unit):
        changes.append(_change_of_bytes(key, then[impl], now[impl]))
        return
    peers = [peer for peer in now if not catalog.is_hocket(peer) and peer in then
             and all(len(run[peer]["runs"]) >= len(run[impl]["runs"]) for run in (then, now))]
    if not peers:
        changes.append(_untested(key, unit, "no peer in both"))
        return
    old, new = _to_peers(then, impl, peers), _to_peers(now, impl, peers)
    if not old or not new:
        changes.append(_untested(key, unit, "no quotient"))
        return
    samples.append(Sample(key, unit, exact.rank_sum(old, new), exact.least_p(len(old), len(new)),
                          f"{len(old)}, {len(new)}"))


def _to_peers(run, impl, peers):
    """Each round's logarithm of how many times the mean of the peers it is."""
    logs = []
    for turn, number in enumerate(run[impl]["runs"]):
        others = [run[peer]["runs"][turn] for peer in peers]
        if min(number, *others) <= 0:
            return []
        logs.append(math.log(number) - statistics.fmean(map(math.log, others)))
    return logs


def _judged(samples):
    """Those of which no number could be a finding are not tested, so that they do not make it
    harder for the others. That is known before any number is."""
    able = [s for s in samples if s.least_p <= ALPHA]
    adjusted = dict(zip((s.key for s in able), exact.holm([s.found.p for s in able])))
    return [Change(*s.key, s.unit, math.exp(s.found.shift), _finite(s.found.low),
                   _finite(s.found.high), adjusted.get(s.key), s.rounds,
                   _verdict(s, adjusted.get(s.key), len(able))) for s in samples]


def _finite(logarithm):
    return None if math.isinf(logarithm) else math.exp(logarithm)


def _verdict(sample, p, tested):
    ratio = math.exp(sample.found.shift)
    if p is not None and p < ALPHA:
        if abs(ratio - 1) <= LEAST_CHANGE:
            return f"under {LEAST_CHANGE:.0%}"
        return "faster" if ratio < 1 else "slower"
    return "too few rounds" if sample.least_p * max(tested, 1) > ALPHA else "no change seen"


def _change_of_bytes(key, old, new):
    """They are the same each time, but for what else the process holds."""
    was, is_ = (statistics.median(one["runs"]) for one in (old, new))
    ratio = is_ / was if was > 0 else None
    verdict = "no change seen"
    if abs(is_ - was) > max(LEAST_BYTES, LEAST_CHANGE * abs(was)):
        verdict = "more" if is_ > was else "fewer"
    return Change(*key, new["unit"], ratio, None, None, None,
                  f"{len(old['runs'])}, {len(new['runs'])}", verdict)


def _untested(key, unit, why):
    return Change(*key, unit, None, None, None, None, "", why)
