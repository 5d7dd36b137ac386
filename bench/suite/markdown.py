# SPDX-License-Identifier: MIT
"""The results as tables in Markdown, to be pasted elsewhere."""

from . import catalog, schedule, table

HEADS = ["", "implementation", "median", "min", "max", "to hocket"]


def _table(heads, rows, names=1):
    """So many columns have names in them, the others numbers."""
    lines = [heads, ["---"] * names + ["---:"] * (len(heads) - names), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _cell(text):
    return text.replace("|", "\\|")


def _numbers(result, group):
    if not result.runs:
        return [_cell(f"fails: {result.failure}"), "", "", ""]
    against = schedule.ratio(result, group)
    return [table.number(result.median), table.number(result.min), table.number(result.max),
            table.times(against) if against is not None else ""]


def _rows(cases):
    """The name of a case stands in the first of its rows only."""
    for _, case, group in cases:
        for i, result in enumerate(group):
            name = f"`{case}`, {result.unit}" if i == 0 else ""
            impl = f"**{result.impl}**" if result.impl == "hocket" else result.impl
            yield [name, impl, *_numbers(result, group)]


def of_bench(bench, cases, where):
    """All cases of a bench, headed by what it is and where it was measured."""
    rows = _table(HEADS, _rows(cases), names=2)
    return f"**{catalog.TITLES[bench]}** (`{bench}`), less is better. {where}\n\n{rows}\n"


def overview(cases, columns, where):
    """hocket's median, and how many times that the others take."""
    rows = []
    for bench, case, group in cases:
        ours = next((r for r in group if r.impl == "hocket" and r.runs), None)
        if ours:
            ratios = {r.impl: schedule.ratio(r, group) for r in group if r.runs}
            rows.append([f"`{bench}/{case}`", f"{table.number(ours.median)} {ours.unit}",
                         *(table.times(ratios[impl]) if ratios.get(impl) is not None else "-"
                           for impl in columns)])
    if not rows:
        return ""
    return f"{where}\n\n{_table(['', 'hocket', *columns], rows)}\n"


def of_changes(changes, title):
    rows = [[f"`{c.bench}/{c.case}`", c.impl, *table.change_cells(c)] for c in changes]
    return f"{title}\n\n{_table(['', 'implementation', *table.CHANGE_HEADS], rows, names=2)}\n"
