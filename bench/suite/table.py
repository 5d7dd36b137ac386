# SPDX-License-Identifier: MIT
"""The results as text."""

from . import catalog, schedule


def number(x):
    """Three digits that matter, and no more."""
    if abs(x) >= 1000:
        return f"{x:,.0f}"
    return f"{x:.0f}" if abs(x) >= 100 else f"{x:.1f}" if abs(x) >= 10 else f"{x:.2f}"


def times(x):
    """A ratio to hocket."""
    return f"{number(x)} x"


def heading(bench, case, results):
    unit = results[0].unit
    return f"{bench}/{case}: {catalog.TITLES[bench]}, {unit}"


def _line(result, results):
    mark = "*" if result.impl == "hocket" else " "
    if not result.runs:
        return f"{mark} {result.impl:<22} fails ({result.failure})"
    against = schedule.ratio(result, results)
    return (f"{mark} {result.impl:<22}{number(result.min):>10}{number(result.median):>10}"
            f"{times(against) if against is not None else '':>12}")


def print_all(results):
    for bench, case, group in schedule.by_case(results):
        print(f"\n{heading(bench, case, group)}")
        print(f"  {'':<22}{'min':>10}{'median':>10}{'to hocket':>12}")
        for result in group:
            print(_line(result, group))
