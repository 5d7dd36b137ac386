# SPDX-License-Identifier: MIT
"""Runs the benchmark programs that were built, and reports: a table, JSON and HTML.

Called by bench/run.sh, which has the options described.
"""

import argparse
import datetime
import os
import pathlib
import sys
import time

from suite import (budget, catalog, compare, machine, old, origin, page, program, record, schedule,
                   servers, table)

# seconds: when all must have ended, after what was built has been.
FULL = {"rounds": 8, "scale": 1.0, "seconds": float("inf")}
QUICK = {"rounds": 3, "scale": 0.1, "seconds": 45}
# Of those seconds, for the report.
REPORT_S = 2.5


class Parser(argparse.ArgumentParser):
    def error(self, message):
        self.exit(2, f"bench/run.sh: {message}\n")


def parse(args):
    parser = Parser(prog="bench/run.sh", allow_abbrev=False)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", action="append", default=[], metavar="NAME")
    parser.add_argument("--rounds", type=int, metavar="N")
    parser.add_argument("--compare", type=pathlib.Path, metavar="OLD.json")
    parser.add_argument("--against", metavar="REV")
    parser.add_argument("--json", type=pathlib.Path, metavar="FILE")
    parser.add_argument("--html", type=pathlib.Path, metavar="FILE")
    parser.add_argument("--build", type=pathlib.Path, required=True)
    parser.add_argument("--since", type=float, help="seconds by the clock: when it began")
    parser.add_argument("--check", action="store_true", help="only check the options")
    parser.add_argument("--meson", default="", help="the options of the build")
    parser.add_argument("--packages", default="", help="those of the peers")
    options, unknown = parser.parse_known_args(args)
    if unknown:
        parser.error(f"unknown option '{unknown[0]}'; there are --quick, --only NAME, --rounds N, "
                     "--compare OLD.json, --against REV, --json FILE and --html FILE")
    check_names(parser, options)
    check_comparison(parser, options)
    for file in filter(None, [options.json, options.html]):
        if file.is_dir() or not file.absolute().parent.is_dir():
            parser.error(f"'{file}' cannot be written: no such directory, or it is one")
    options.json = options.json or options.build / "bench.json"
    options.html = options.html or options.build / "bench.html"
    return options


def check_names(parser, options):
    for name in options.only:
        if name not in catalog.names():
            parser.error(f"nothing is called '{name}'; --only takes one of: "
                         + ", ".join(catalog.names()))
    if options.rounds is not None and options.rounds < 1:
        parser.error("--rounds takes a number from 1")


def check_comparison(parser, options):
    """Reads what is compared with, so that nothing is measured in vain."""
    if options.compare and options.against:
        parser.error("--compare needs the peers, which --against leaves out: one of them")
    try:
        options.compare = record.read(options.compare) if options.compare else None
        options.against = old.commit(options.against) if options.against else None
    except (record.Failed, old.Failed) as failure:
        parser.error(str(failure))


def wanted_rows(programs, missing, options, time_):
    """What is to be measured; adds to missing what cannot be, and answers what --quick skips."""
    rows, skipped = [], []
    for one in programs:
        there, reason = one.rows(time_.limit())
        if reason:
            missing[one.name] = reason
        for row in there:
            if catalog.is_wanted(row.bench, row.case, options.only):
                quick_skips = options.quick and catalog.left_out_by_quick(row)
                (skipped if quick_skips else rows).append(row)
    # hocket first: what is equal stays in this order.
    rows.sort(key=lambda row: not catalog.is_hocket(row.impl))
    return rows, skipped


def paired(rows):
    """Of hocket's, those that both revisions have."""
    there = {(row.bench, row.case, row.impl) for row in rows}
    return [row for row in rows if catalog.is_hocket(row.impl)
            and (compare.is_old(row.impl)
                 or (row.bench, row.case, compare.old_name(row.impl)) in there)]


def effort_of(options, rows):
    """With as many rounds as a comparison needs."""
    effort = dict(QUICK if options.quick else FULL)
    effort["comparing"] = bool(options.compare or options.against)
    tested = sum(catalog.is_hocket(row.impl) and not compare.is_old(row.impl)
                 and not compare.is_bytes(row.unit) for row in rows)
    if options.compare:
        effort["rounds"] = compare.rounds_for(tested, compare.fewest_rounds(options.compare, rows))
    elif options.against:
        effort["rounds"] = compare.rounds_for(tested)
    effort["rounds"] = options.rounds or effort["rounds"]
    return effort


def names_of(skipped, rows):
    """Those that were skipped: whole cases without their implementations."""
    measured = {(row.bench, row.case) for row in rows}
    return sorted({f"{row.bench}/{row.case}"
                   + (f" {row.impl}" if (row.bench, row.case) in measured else "")
                   for row in skipped})


def notes(plan, core, skipped, missing):
    """What a reader must know besides the numbers."""
    lines = [f"Measured in {plan.effort['rounds']} interleaved rounds (memory, which is the same each "
             f"time, servers and timers: fewer), in an order of chance with the seed {schedule.SEED}, "
             f"{core.how}; a warm-up in each, and the cost of the loop subtracted."]
    lines += servers.notes(plan.rows)
    if plan.hurried:
        lines.append("For want of time with fewer rounds: " + ", ".join(plan.hurried) + ".")
    if plan.skipped:
        kept = [row for row in plan.rows if row not in plan.skipped]
        lines.append("Left out for want of time: " + ", ".join(names_of(plan.skipped, kept)) + ".")
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


def compared(options, numbers):
    """[Change], and what to say of them; nothing where nothing is compared."""
    if options.compare:
        changes, how, what = compare.with_old(options.compare, numbers), "compare", "the other run"
    elif options.against:
        changes, how, what = compare.with_revision(numbers), "against", options.against[:12]
    else:
        return [], []
    return changes, compare.explained(changes, how, what) + (
        old.remarks(options.against) if options.against else [])


def prepared(options):
    """What is there: programs, what is missing, the compilers, the core; and the time there is."""
    since = options.since
    if options.against:
        since = None if old.build(options.against, options.meson.split()) else since
    spent = max(0, time.time() - since) if since else 0
    effort = QUICK if options.quick else FULL
    time_ = budget.Budget(time.monotonic() + effort["seconds"] - REPORT_S - spent, effort["scale"])
    core = machine.Core()
    servers.raise_limits()
    programs, missing, compilers = program.found(options.build)
    more, without = servers.found(options.build, program.lines_of(options.build), core.other)
    missing.update(without)
    if options.against:
        more += old.found(options.build, core.other)
    return programs + more, missing, compilers, core, time_


def main():
    options = parse(sys.argv[1:])
    if options.check:
        return 0
    try:
        programs, missing, compilers, core, time_ = prepared(options)
    except old.Failed as failure:
        print(f"bench/run.sh: {failure}", file=sys.stderr)
        return 1
    rows, skipped = wanted_rows(programs, missing, options, time_)
    if options.against:
        rows, skipped, missing = paired(rows), [], {}
    facts = machine.facts() + origin.facts(options.build, compilers, options.packages.split())
    facts.append(("date", datetime.date.today().isoformat()))
    core.take()
    machine.be_first_to_go()
    plan = schedule.Schedule(rows, effort_of(options, rows), time_)
    results = plan.run()

    remarks = notes(plan, core, skipped, missing)
    numbers = [r.as_json() for r in results if r.runs]
    changes, said = compared(options, numbers)
    record.write(options.json, numbers, record.more(results, facts, remarks, changes, said))
    options.html.write_text(page.html(results, facts, remarks, changes, said), encoding="utf-8")
    table.print_all(results)
    if said:
        table.print_changes(changes, said)
    print("\n" + "\n".join(remarks))
    print(f"Written: {options.json}, {record.beside(options.json).name} and {options.html}")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("\nbench/run.sh: interrupted")
    except BrokenPipeError:
        # Whoever read the table has seen enough; nothing is left to be flushed into it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
