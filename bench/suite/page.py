# SPDX-License-Identifier: MIT
"""The results as a page that needs nothing but itself."""

import html as markup
import itertools

from . import catalog, chart, machine, markdown, schedule, table

STYLE = """
:root { color-scheme: light dark; --back: #fbfaf8; --card: #ffffff; --text: #1d2127;
  --soft: #5c6570; --line: #dcdfe3; --ours: #c2410c; --variant: #e9a27c; --peer: #7b93ad;
  --floor: #c3c9d0; --mark: #1d2127; --good: #11734b; --goodback: #d9f0e5; --bad: #a8200d;
  --badback: #fbe0da; }
@media (prefers-color-scheme: dark) { :root { --back: #14171b; --card: #1c2026; --text: #e7eaee;
  --soft: #9aa4b0; --line: #343b44; --ours: #ff8a4c; --variant: #9c5a38; --peer: #6483a6;
  --floor: #4a535e; --mark: #f2f4f6; --good: #6fd6a8; --goodback: #17382b; --bad: #ff9d8a;
  --badback: #46201a; } }
body { background: var(--back); color: var(--text); margin: 0 auto; max-width: 1080px;
  padding: 24px 20px 60px; font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 26px; margin: 0 0 4px; } h2 { font-size: 19px; margin: 36px 0 8px; }
h3 { font-size: 15px; margin: 0; } p { margin: 4px 0 10px; } .soft { color: var(--soft); }
section { background: var(--card); border: 1px solid var(--line); border-radius: 8px;
  padding: 14px 18px; margin: 12px 0; }
svg { width: 100%; height: auto; display: block; }
svg text { font: 12.5px system-ui, sans-serif; fill: var(--text); }
svg .tick { fill: var(--soft); font-size: 11px; } svg .ratio { fill: var(--soft); }
svg .name.ours, svg .ratio.ours { fill: var(--ours); font-weight: 600; }
svg .name.floor { fill: var(--soft); } svg .failure { fill: var(--bad); }
.bar.peer { fill: var(--peer); } .bar.floor { fill: var(--floor); } .bar.ours { fill: var(--ours); }
.bar.ours.variant { fill: var(--variant); }
.grid { stroke: var(--line); stroke-width: 1; } .spread { stroke: var(--mark); fill: none;
  stroke-width: 1.2; opacity: .75; }
.wide { overflow-x: auto; margin-bottom: 14px; } table.few { width: auto; }
table.few td, table.few th { min-width: 90px; } table { border-collapse: collapse; font-size: 13px; width: 100%; }
th, td { padding: 4px 6px; text-align: right; border-bottom: 1px solid var(--line);
  white-space: nowrap; }
th:first-child, td:first-child { text-align: left; } th { font-weight: 600; }
td.slower { color: var(--good); background: var(--goodback); }
td.faster { color: var(--bad); background: var(--badback); } td.none { color: var(--soft); }
td.us { color: var(--ours); font-weight: 600; }
.plain th, .plain td { text-align: left; white-space: normal; }
.plain th { white-space: nowrap; vertical-align: top; }
details { margin: 10px 0; } summary { cursor: pointer; color: var(--soft); }
pre { background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: 10px 14px;
  overflow: auto; max-height: 320px; font: 12px/1.45 ui-monospace, monospace; margin: 8px 0; }
button { font: inherit; font-size: 13px; padding: 1px 10px; margin-left: 10px; cursor: pointer;
  color: var(--text); background: var(--card); border: 1px solid var(--line); border-radius: 6px; }
.verdict { font-weight: 600; color: var(--text); }
"""

# Selecting and then copying works from a file, too, where the clipboard itself is out of reach.
SCRIPT = """
for (const button of document.querySelectorAll("button")) button.onclick = event => {
  event.preventDefault();
  const details = button.closest("details"), all = document.createRange();
  details.open = true;
  all.selectNodeContents(details.querySelector("pre"));
  getSelection().removeAllRanges();
  getSelection().addRange(all);
  button.textContent = document.execCommand("copy") ? "copied" : "selected: press Ctrl+C";
  setTimeout(() => button.textContent = "copy", 2000);
};
"""

# The columns of the first tables, each the name of one implementation for all cases.
SERVER_COLUMNS = ["bare-epoll", "bare-uring", "libev", "libuv", "st", "go", "go-nethttp", "nginx"]
FEW = 5    # with so many a table need not be as wide as the page
COLUMNS = ["boost-jump", "boost-fiber-ctx", "boost-fiber", "ucontext", "pcl", "st", "go",
           "greenlet", "python", "cpp20"]


def _cell(impl, group):
    for result in group:
        if result.impl == impl and not result.runs:
            return '<td class="faster none">fails</td>'
        against = schedule.ratio(result, group)
        if result.impl == impl and against is not None:
            cls = "slower" if against > 1.05 else "faster" if against < 0.95 else "none"
            return f'<td class="{cls}">{table.number(against)} ×</td>'
    return '<td class="none">–</td>'


def _short(unit):
    return {"bytes RSS": "B", "bytes page tables": "B", "us CPU": "µs", "ns": "ns"}.get(unit, "×")


def _overview_of(cases, columns):
    rows = []
    for bench, case, group in cases:
        ours = next((r for r in group if r.impl == "hocket" and r.runs), None)
        if ours:
            cells = "".join(_cell(impl, group) for impl in columns)
            rows.append(f"<tr><td>{bench}/{case}</td><td class=\"us\">"
                        f"{table.number(ours.median)} {_short(ours.unit)}</td>{cells}</tr>")
    heads = "".join(f"<th>{impl}</th>" for impl in ["", "hocket", *columns])
    few = ' class="few"' if len(columns) < FEW else ""
    return (f'<div class="wide"><table{few}><tr>{heads}</tr>{"".join(rows)}</table></div>'
            if rows else "")


def _overview(cases, where):
    late = [*catalog.SERVERS, "timer"]
    halves = [([c for c in cases if c[0] not in late], COLUMNS),
              ([c for c in cases if c[0] in late], SERVER_COLUMNS)]
    shown = [(some, _measured(some, columns)) for some, columns in halves]
    return ("".join(_overview_of(some, columns) for some, columns in shown) +
            '<p class="soft">How many times what hocket takes: 4 × is four times as slow, or as '
            "large. Green is where hocket is better, red where the other is, by more than 5 %. – is "
            "a shape that the peer does not offer, or that was not measured.</p>"
            + _to_paste("\n".join(filter(None, (markdown.overview(some, columns, where)
                                                for some, columns in shown)))))


def _measured(cases, columns):
    """Those of the columns that have a number."""
    there = {r.impl for _, _, group in cases for r in group}
    return [impl for impl in columns if impl in there]


def _to_paste(text):
    return (f"<details><summary>Table to paste, Markdown <button>copy</button></summary>"
            f"<pre>{markup.escape(text)}</pre></details>")


def _compared(changes, said):
    if not said:
        return ""
    rows = "".join(f"<tr><td>{c.bench}/{c.case}</td><td>{c.impl}</td>"
                   + "".join(f'<td class="{_kind_of(c)}">{cell}</td>'
                             for cell in table.change_cells(c)) + "</tr>" for c in changes)
    heads = "".join(f"<th>{head}</th>" for head in ["", "", *table.CHANGE_HEADS])
    lines = "".join(f"<p>{markup.escape(line)}</p>" for line in said)
    return (f'<h2>What has changed</h2><section>{lines}<div class="wide"><table><tr>{heads}</tr>'
            f"{rows}</table></div>{_to_paste(markdown.of_changes(changes, said[0]))}</section>")


def _kind_of(change):
    better = change.verdict in ("faster", "fewer")
    return "slower" if better else "faster" if change.changed() else "none"


def _verdict(group):
    """Who of those that are the same in kind comes next."""
    ours = next((r for r in group if r.impl == "hocket" and r.runs), None)
    peers = [r for r in group if catalog.has_stack(r.impl) and r.runs]
    if not ours or not peers:
        return ""
    best = peers[0]
    against = schedule.ratio(best, group)
    if not against or against <= 0:
        return ""
    if against >= 1:
        return (f"{best.impl}, the best other with stacks, takes {table.number(against)} × what "
                "hocket takes.")
    return (f"hocket takes {table.number(1 / against)} × what {best.impl}, the best other with "
            "stacks, takes.")


def _also(bench, group):
    """What was found besides, as a table below the picture."""
    heads, columns = table.also_heads(bench, group), table.also_columns(bench, group)
    if not heads:
        return ""
    lines = []
    for result in group:
        ours = ' class="us"' if result.impl == "hocket" else ""
        cells = "".join(f"<td{ours}>{cell}</td>" for cell in
                        table.also_cells(result, group, columns))
        lines.append(f"<tr><td>{result.impl}</td>{cells}</tr>")
    head = "".join(f"<th>{head}</th>" for head in ["", *heads])
    return f'<div class="wide"><table><tr>{head}</tr>{"".join(lines)}</table></div>'


def _section(bench, case, group):
    base = case.removesuffix("_pt")
    what = catalog.BENCHES[bench][base]
    if case != base:
        what = f"Page tables of {what}"
    return (f"<section><h3>{bench}/{case}</h3><p class=\"soft\">{markup.escape(what)}. "
            f"<span class=\"verdict\">{markup.escape(_verdict(group))}</span></p>"
            f"{chart.svg(group)}{_also(bench, group)}</section>")


def _pairs(pairs):
    rows = "".join(f"<tr><th>{markup.escape(a)}</th><td>{markup.escape(b)}</td></tr>"
                   for a, b in pairs)
    return f'<table class="plain">{rows}</table>'


def _charts(cases, where):
    parts = []
    for bench, some in itertools.groupby(cases, key=lambda case: case[0]):
        some = list(some)
        parts.append(f"<h2>{markup.escape(catalog.TITLES[bench])}</h2>"
                     f'<p class="soft">{markup.escape(where)}</p>')
        parts += [_section(*case) for case in some]
        parts.append(_to_paste(markdown.of_bench(bench, some, where)))
    return "".join(parts)


def html(results, facts, remarks, changes=(), said=()):
    cases, where = list(schedule.by_case(results)), machine.where(facts)
    shown = {r.impl for r in results}
    impls = [(impl, what) for impl, what in catalog.IMPLS.items() if impl in shown]
    notes = "".join(f"<p>{markup.escape(line)}</p>" for line in remarks)
    return f"""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>hocket: benchmarks</title><style>{STYLE}</style></head><body>
<h1>hocket beside its peers</h1>
<p class="soft">All in the same run on the same core. Less is better everywhere. A bar is the
median of the rounds, the line across its end goes from the best round to the worst, the last
column is the ratio to hocket.</p>
<h2>At a glance</h2><section>{_overview(cases, where)}</section>
{_compared(changes, said)}
{_charts(cases, where)}
<h2>How it was measured</h2><section>{notes}{_pairs(facts)}</section>
<h2>Who is who</h2><section>{_pairs(impls)}</section>
<script>{SCRIPT}</script>
</body></html>
"""
