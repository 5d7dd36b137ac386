# SPDX-License-Identifier: MIT
"""The programs that measure; support/bench.h says how they are spoken to."""

import pathlib
import resource
import signal
import subprocess
import sys
import time
from typing import NamedTuple

TIME_LIMIT_S = 180
OUT_OF_TIME = 1000    # no status that a program can have
SCRIPTS = {"python": "python.py", "greenlet": "greenlet_peer.py"}
PEERS = pathlib.Path(__file__).resolve().parent.parent / "peers"


class Row(NamedTuple):
    """Something that a program can measure."""
    program: "Program"
    bench: str
    case: str
    impl: str
    unit: str


class Outcome(NamedTuple):
    numbers: dict    # case: (number, unit)
    failure: str     # or the reason why there are none
    share: float     # of its core that the program had
    also: dict = {}  # {name: number}: what else the same run has found of the case


class Program:
    def __init__(self, name, argv):
        self.name, self.argv = name, argv

    def rows(self, limit=TIME_LIMIT_S):
        """What it can measure, or the reason why it cannot."""
        status, out, err = _call([*self.argv, "list"], limit)[:3]
        if status:
            return [], _reason(status, out, err, limit)
        lines = (line.split(maxsplit=3) for line in out.splitlines())
        return [Row(self, *words) for words in lines], None

    def measure(self, row, scale, limit=TIME_LIMIT_S):
        argv = [*self.argv, "run", row.bench, row.case, row.impl, str(scale)]
        status, out, err, share = _call(argv, limit)
        if status:
            return Outcome({}, _reason(status, out, err, limit), share)
        first, *others = out.splitlines()
        numbers, also = {row.case: (float(first), row.unit)}, {}
        for case, number, unit in (line.split(maxsplit=2) for line in others):
            if case == "also":
                also[number] = float(unit)
            else:
                numbers[case] = (float(number), unit)
        return Outcome(numbers, None, share, also)


def _call(argv, limit):
    """Exit status (a negative signal, OUT_OF_TIME), output, errors, and the share of its core's
    time that it had."""
    start, before = time.monotonic(), _used()
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=limit,
                              stdin=subprocess.DEVNULL, check=False)
    except subprocess.TimeoutExpired:
        return OUT_OF_TIME, "", "", 1.0
    except OSError as error:
        return 127, "", error.strerror, 1.0
    share = (_used() - before) / (time.monotonic() - start)
    return done.returncode, done.stdout, done.stderr, share


def _used():
    """Seconds of processor time of all programs so far."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def not_done(limit):
    return f"not done in {limit:.3g} s"


def _reason(status, out, err, limit):
    if status == OUT_OF_TIME:
        return not_done(limit)
    for line in out.splitlines():
        if status == 3 and line.startswith("fail: "):
            return line[len("fail: "):]
    if status < 0:
        return f"killed by {signal.Signals(-status).name}"
    return f"exit {status} {err.strip().splitlines()[-1] if err.strip() else ''}".strip()


def lines_of(build):
    """What a build says of itself."""
    return (build / "bench" / "programs.txt").read_text(encoding="utf-8").splitlines()


def found(build):
    """The programs of a build, {impl: reason} of those left out, and the compilers' names."""
    programs, missing, compilers = [], {}, []
    for line in lines_of(build):
        kind, _, rest = line.partition(" ")
        if kind == "program":
            programs.append(Program(rest, [str(build / "bench" / rest)]))
        elif kind == "missing":
            impl, _, reason = rest.partition(" ")
            missing[impl] = reason
        elif kind == "compiler":
            compilers.append(rest)
    for impl, script in SCRIPTS.items():
        programs.append(Program(impl, [sys.executable, str(PEERS / script)]))
    return programs, missing, compilers
