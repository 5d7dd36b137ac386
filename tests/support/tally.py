# SPDX-License-Identifier: MIT
"""Counts what `meson test` ran in a build directory, test by test.

    tally.py BUILD

prints a line for each test, its parts separated by tabs: pass, fail or skip; the name; why. The
output of what failed follows, each line behind a bar, so that nobody takes it for a result.

Suites, told to write a TAP file, are counted by that, scripts by what they list; any other test
counts as one.
"""

import glob
import json
import os
import re
import sys

TAIL = 60  # lines of a failed test's output that are shown
LINE = re.compile(r"(not )?ok\b(?: \d+)?(?: - )?(\S*)\s*(# SKIP)?\s*(.*)")
LISTED = re.compile(r"(not )?ok (.*?)(?: # SKIP (.*))?")
SUMS = re.compile(r"\d+ passed, \d+ failed(, \d+ skipped)?")


def runs(build):
    """What meson logged, one dictionary for each executable."""
    for log in glob.glob(os.path.join(build, "meson-logs", "testlog*.json")):
        with open(log, encoding="utf-8", errors="replace") as lines:
            yield from (json.loads(line) for line in lines)


def tap_results(path):
    """(results, whether the file is whole)."""
    results, plan = [], None
    try:
        with open(path, encoding="utf-8", errors="replace") as lines:
            for line in lines:
                if line.startswith("1.."):
                    plan = int(line[3:])
                match = LINE.match(line)
                if match:
                    bad, name, skip, why = match.groups()
                    status = "fail" if bad else "skip" if skip else "pass"
                    results.append((status, name, why.strip() if status != "pass" else ""))
    except FileNotFoundError:
        return [], False
    return results, plan == len(results)


def suite_results(run, tap):
    """The results of one suite; what it should have told and did not is a failure."""
    results, whole = tap_results(tap)
    failed = any(status == "fail" for status, _, _ in results)
    if not results:
        results.append(("fail", run["name"], f"ran no test ({run['result']})"))
    elif not whole:
        results.append(("fail", run["name"], f"ended early ({run['result']})"))
    elif run["result"] != "OK" and not failed:
        results.append(("fail", run["name"], f"{run['result']}, status {run['returncode']}"))
    return results


def other_results(run):
    """One result, or those that a script lists which ends with "N passed, N failed"."""
    name = run["name"].split(" / ")[-1]
    lines = run.get("stdout", "").strip().splitlines()
    last = lines[-1] if lines else ""
    if SUMS.fullmatch(last):
        listed = [LISTED.fullmatch(line) for line in lines]
        return [("fail" if m[1] else "skip" if m[3] else "pass", f"{name}: {m[2]}", m[3] or "")
                for m in listed if m]
    if run["result"] == "SKIP":
        return [("skip", name, last or "no reason given")]
    if run["result"] == "OK":
        return [("pass", name, "")]
    return [("fail", name, f"{run['result']}, status {run['returncode']}")]


def output_of(run):
    """What is worth reading of it."""
    lines = (run.get("stdout", "") + run.get("stderr", "")).splitlines()
    return [line for line in lines if not line.startswith("ok ")][-TAIL:]


def main():
    for run in runs(sys.argv[1]):
        taps = [word[6:] for word in run["command"] if word.startswith("--tap=")]
        results = suite_results(run, taps[0]) if taps else other_results(run)
        for result in results:
            print("\t".join(result))
        if any(status == "fail" for status, _, _ in results):
            print("".join(f"| {line}\n" for line in output_of(run)), end="")


if __name__ == "__main__":
    main()
