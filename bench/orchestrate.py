# SPDX-License-Identifier: MIT
"""Runs the benchmark programs that were built, and reports: a table, JSON and HTML.

Called by bench/run.sh, which has the options described.
"""

import argparse
import datetime
import json
import os
import pathlib
import sys
import time

from suite import catalog, machine, page, program, schedule, servers, table

# hurry: the seconds after which there is time for one round only.
FULL = {"rounds": 7, "scale": 1.0, "hurry": float("inf")}
QUICK = {"rounds": 3, "scale": 0.1, "hurry": 24}


class Parser(argparse.ArgumentParser):
    def error(self, message):
        self.exit(2, f"bench/run.sh: {message}\n")


def parse(args):
    parser = Parser(prog="bench/run.sh", allow_abbrev=False)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", action="append", default=[], metavar="NAME")
    parser.add_argument("--json", type=pathlib.Path, metavar="FILE")
    parser.add_argument("--html", type=pathlib.Path, metavar="FILE")
    parser.add_argument("--build", type=pathlib.Path, required=True)
    parser.add_argument("--spent", type=float, default=0, help="seconds, before this began")
    parser.add_argument("--check", action="store_true", help="only check the options")
    options, unknown = parser.parse_known_args(args)
    if unknown:
        parser.error(f"unknown option '{unknown[0]}'; there are --quick, --only NAME, "
                     "--json FILE and --html FILE")
    for name in options.only:
        if name not in catalog.names():
            parser.error(f"nothing is called '{name}'; --only takes one of: "
                         + ", ".join(catalog.names()))
    for file in filter(None, [options.json, options.html]):
        if file.is_dir() or not file.absolute().parent.is_dir():
            parser.error(f"'{file}' cannot be written: no such directory, or it is one")
    options.json = options.json or options.build / "bench.json"
    options.html = options.html or options.build / "bench.html"
    return options


def wanted_rows(programs, missing, options):
    """What is to be measured; adds to missing what cannot be, and answers what --quick skips."""
    rows, skipped = [], []
    for one in programs:
        there, reason = one.rows()
        if reason:
            missing[one.name] = reason
        for row in there:
            if catalog.is_wanted(row.bench, row.case, options.only):
                quick_skips = options.quick and catalog.left_out_by_quick(row)
                (skipped if quick_skips else rows).append(row)
    # hocket first: what is equal stays in this order.
    rows.sort(key=lambda row: not catalog.is_hocket(row.impl))
    return rows, skipped


def names_of(skipped, rows):
    """Those that were skipped: whole cases without their implementations."""
    measured = {(row.bench, row.case) for row in rows}
    return sorted({f"{row.bench}/{row.case}"
                   + (f" {row.impl}" if (row.bench, row.case) in measured else "")
                   for row in skipped})


def notes(plan, core, effort, skipped, missing):
    """What a reader must know besides the numbers."""
    lines = [f"Measured in {effort['rounds']} interleaved rounds (memory, which is the same each "
             f"time, servers and timers: fewer), {core.how}; a warm-up in each, and the cost of the "
             "loop subtracted."]
    lines += servers.notes(plan.rows)
    if plan.hurried:
        lines.append("For want of time with fewer rounds: " + ", ".join(plan.hurried) + ".")
    if plan.disturbed:
        lines.append(f"The machine was busy: {plan.disturbed} of {plan.measured} measurements had "
                     f"less than {schedule.UNDISTURBED:.0%} of their core.")
    if core.others_busy() > 0.1:
        lines.append(f"Meanwhile the other cores were {core.others_busy():.0%} busy, which disturbs, "
                     "the more if they are threads of the same one.")
    if skipped:
        lines.append("Left out by --quick: " + ", ".join(names_of(skipped, plan.rows)) + ".")
    for impl, reason in sorted(missing.items()):
        lines.append(f"Left out, not installed: {impl} ({reason}).")
    return lines


def main():
    options = parse(sys.argv[1:])
    if options.check:
        return 0
    effort = QUICK if options.quick else FULL
    deadline = time.monotonic() + effort["hurry"] - options.spent
    core = machine.Core()
    servers.raise_limits()
    programs, missing, compilers = program.found(options.build)
    more, without = servers.found(options.build, program.lines_of(options.build), core.other)
    missing.update(without)
    rows, skipped = wanted_rows(programs + more, missing, options)
    core.take()
    machine.be_first_to_go()
    plan = schedule.Schedule(rows, effort["rounds"], effort["scale"], deadline)
    results = plan.run()

    remarks = notes(plan, core, effort, skipped, missing)
    facts = machine.facts() + [("compilers", "; ".join(compilers)),
                               ("date", datetime.date.today().isoformat())]
    numbers = [r.as_json() for r in results if r.runs]
    options.json.write_text(json.dumps(numbers, indent=1) + "\n", encoding="utf-8")
    options.html.write_text(page.html(results, facts, remarks), encoding="utf-8")
    table.print_all(results)
    print("\n" + "\n".join(remarks))
    print(f"Written: {options.json} and {options.html}")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("\nbench/run.sh: interrupted")
    except BrokenPipeError:
        # Whoever read the table has seen enough; nothing is left to be flushed into it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
