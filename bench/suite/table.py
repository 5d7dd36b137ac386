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


def also_columns(bench, results):
    """{name: heading} of what was found besides."""
    return {name: head for name, head in catalog.ALSO.get(bench, {}).items()
            if any(name in r.also for r in results)}


def floor_of(results):
    """The implementation that stands for no runtime at all, if it was measured."""
    return next((r.impl for r in results if r.impl == catalog.BARE and r.runs), None)


def also_cells(result, results, columns):
    """The texts of those columns, after the ratio to the floor where there is one."""
    numbers = [result.also_median(name) for name in columns]
    cells = [number(n) if n is not None else "" for n in numbers]
    bare = floor_of(results)
    against = schedule.ratio(result, results, bare) if bare else None
    return [number(against) if against is not None else ""] * bool(bare) + cells


def also_heads(bench, results):
    return ["to bare"] * bool(floor_of(results)) + list(also_columns(bench, results).values())


def _line(result, results):
    mark = "*" if result.impl == "hocket" else " "
    if not result.runs:
        return f"{mark} {result.impl:<22} fails ({result.failure})"
    against = schedule.ratio(result, results)
    return (f"{mark} {result.impl:<22}{number(result.min):>10}{number(result.median):>10}"
            f"{times(against) if against is not None else '':>12}"
            + "".join(f"{cell:>13}" for cell in also_cells(
                result, results, also_columns(result.bench, results))))


def print_all(results):
    for bench, case, group in schedule.by_case(results):
        print(f"\n{heading(bench, case, group)}")
        print(f"  {'':<22}{'min':>10}{'median':>10}{'to hocket':>12}"
              + "".join(f"{head:>13}" for head in also_heads(bench, group)))
        for result in group:
            print(_line(result, group))


CHANGE_HEADS = ["ratio", "95 %", "p", "rounds", "verdict"]


def change_cells(change):
    """The texts of a comparison's columns."""
    known = None not in (change.low, change.high)
    between = f"{change.low:.3f} to {change.high:.3f}" if known else ""
    return [f"{change.ratio:.3f}" if change.ratio is not None else "", between,
            f"{change.p:.2g}" if change.p is not None else "", change.rounds, change.verdict]


def print_changes(changes, said):
    print("\n" + "\n".join(said))
    widths = [8, 18, 9, 8, 16]
    print(f"  {'':<44}" + "".join(f"{h:>{w}}" for h, w in zip(CHANGE_HEADS, widths)))
    for c in changes:
        mark = "!" if c.changed() else " "
        print(f"{mark} {f'{c.bench}/{c.case} {c.impl}':<44}"
              + "".join(f"{cell:>{w}}" for cell, w in zip(change_cells(c), widths)))
