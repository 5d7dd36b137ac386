# SPDX-License-Identifier: MIT
"""The machine: what a reader must know of it, and its quietest core."""

import os
import pathlib
import platform
import re
import subprocess
import time


def _first(file, key):
    try:
        for line in pathlib.Path(file).read_text(encoding="ascii", errors="replace").splitlines():
            if line.startswith(key):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return ""


def facts():
    """[(what, value)]."""
    source = pathlib.Path("/sys/devices/system/clocksource/clocksource0/current_clocksource")
    clock = source.read_text(encoding="ascii").strip() if source.exists() else "unknown source"
    processor = _first("/proc/cpuinfo", "model name") or platform.processor() or "unknown"
    memory = int(_first("/proc/meminfo", "MemTotal").split()[0]) / 2**20
    return [
        ("processor", f"{processor}, {os.cpu_count()} cores, {platform.machine()}"),
        ("memory", f"{memory:.0f} GiB"),
        ("kernel", f"{platform.system()} {platform.release()}"),
        ("hypervisor", _hypervisor()),
        ("huge pages", _huge_pages()),
        ("clock", f"CLOCK_MONOTONIC ({clock})"),
    ]


def _read(file):
    try:
        return pathlib.Path(file).read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        return ""


def _hypervisor():
    """Which, as far as the processor and the firmware say."""
    try:
        lines = subprocess.run(["lscpu"], capture_output=True, text=True, check=False, timeout=5,
                               stdin=subprocess.DEVNULL, env={**os.environ, "LC_ALL": "C"}).stdout
    except (OSError, subprocess.TimeoutExpired):
        lines = ""
    vendor = re.search(r"^Hypervisor vendor:\s*(.+)$", lines, re.MULTILINE)
    dmi = pathlib.Path("/sys/class/dmi/id")
    names = filter(None, [_read(dmi / "sys_vendor"), _read(dmi / "product_name")])
    return ", ".join([vendor[1] if vendor else "no hypervisor that shows", *names])


def _huge_pages():
    """Of the modes the one in brackets is in force."""
    mode = re.search(r"\[(\w+)\]", _read("/sys/kernel/mm/transparent_hugepage/enabled"))
    return f"transparent: {mode[1]}" if mode else "no transparent ones"


def where(facts_):
    """In a line, for beside a table."""
    known = dict(facts_)
    names = ("processor", "kernel", "compilers", "commit", "date")
    return "; ".join(("commit " if name == "commit" else "") + known[name]
                     for name in names if name in known) + "."


def memory_available():
    """Bytes."""
    return int(_first("/proc/meminfo", "MemAvailable").split()[0]) * 1024


def be_first_to_go():
    """Where memory runs out, it is to be a benchmark that ends, not something else."""
    try:
        pathlib.Path("/proc/self/oom_score_adj").write_text("500", encoding="ascii")
    except OSError:
        pass


def _times():
    """{core: (idle, all) clock ticks since the machine started}."""
    times = {}
    for line in pathlib.Path("/proc/stat").read_text(encoding="ascii").splitlines():
        name, *ticks = line.split()
        if name.startswith("cpu") and name != "cpu":
            ticks = list(map(int, ticks))
            times[int(name[3:])] = (ticks[3] + ticks[4], sum(ticks[:8]))
    return times


def _busy(before, cores):
    """The share of their time since then that the cores had something to do."""
    now = _times()
    idle = sum(now[c][0] - before[c][0] for c in cores)
    all_ = sum(now[c][1] - before[c][1] for c in cores)
    return 1 - idle / all_ if all_ else 0


class Core:
    """The one on which everything is measured: of those that are allowed, the quietest."""

    def __init__(self):
        before = _times()
        time.sleep(0.2)
        allowed = sorted(os.sched_getaffinity(0))
        self.number = min(allowed, key=lambda c: (_busy(before, [c]), -c))
        self.other = next((c for c in allowed if c != self.number), None)
        self.since = _times()
        self.how = f"pinned to core {self.number}"

    def take(self):
        """For this process and all that it starts."""
        os.sched_setaffinity(0, {self.number})
        try:
            # Niceness would count only among the processes of the same session.
            os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
            self.how += ", ahead of all else there (SCHED_RR)"
        except PermissionError:
            pass

    def others_busy(self):
        """How busy the other cores have been: they share caches, perhaps more."""
        return _busy(self.since, [c for c in self.since if c != self.number])
