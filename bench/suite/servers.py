# SPDX-License-Identifier: MIT
"""The servers, and what it costs them to answer.

Each measurement starts a server and the load generator, both on the same core, so that neither
waits for another core to wake up. What counts is the server's processor time for a request as a
multiple of the generator's in the same run, which cancels the fast and the slow phases of the
machine. The system's calls are counted in a pass of their own, by strace, which disturbs.
"""

import concurrent.futures
import contextlib
import json
import os
import pathlib
import resource
import select
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from typing import NamedTuple

from . import machine
from .program import TIME_LIMIT_S, Outcome, Row, not_done

RATIO = "x the generator's CPU"
BYTES = "bytes RSS"
TIME = "ns"
MANY_CORES = ("hocket", "hocket-uring", "go")
HERE = pathlib.Path(__file__).resolve().parent.parent / "servers"
COUNTED = 10000     # requests in which the system's calls are counted, at least
EACH = 3            # and of each connection
START_LIMIT_S = 10
SPARE_FDS = 200
CONNECTION = 24 << 10    # bytes, more than a server, the generator and the system have for one


class Case(NamedTuple):
    """What the load generator does."""
    mode: str
    connections: int = 0
    depth: int = 1
    idle: int = 0
    apart: bool = False    # server and generator on a core each
    cores: int = 0         # how many the server runs on, with a generator on each


CASES = {
    ("http", "1"): Case("http", 1),
    ("http", "64"): Case("http", 64),
    ("http", "1024"): Case("http", 1024),
    ("http", "10000"): Case("http", 10000),
    ("http", "pipelined"): Case("http", 64, depth=16),
    ("http", "apart"): Case("http", 64, apart=True),
    ("echo", "1"): Case("echo", 1),
    ("echo", "64"): Case("echo", 64),
    ("echo", "1024"): Case("echo", 1024),
    ("echo", "apart"): Case("echo", 64, apart=True),
    ("churn", "64"): Case("churn", 64),
    ("churn", "apart"): Case("churn", 64, apart=True),
    ("cores", "1"): Case("http", 64, cores=1),
    ("cores", "2"): Case("http", 64, cores=2),
    ("idle", "10000"): Case("http", idle=10000),
    ("idle", "most"): Case("http", idle=1000000),
    ("mixed", "64"): Case("http", 64, idle=10000),
    ("mixed", "apart"): Case("http", 64, idle=10000, apart=True),
}


class Kind(NamedTuple):
    """An implementation: what is started for HTTP and for echo, None where it has none."""
    http: str
    echo: str
    environment: dict
    idle_only: bool = False


# The name of the built server, where it is not that of the implementation.
PROGRAMS = {"hocket-uring": "hocket", "hocket-hibernating": "hocket", "go-nethttp": "go"}
KINDS = {
    # What it is for: connections that wait long.
    "hocket-hibernating": Kind("http", None, {"HKT_HIBERNATE": "100"}, idle_only=True),
    "hocket-uring": Kind("http", "echo", {"HKT_POLLER": "io_uring"}),
    "go-nethttp": Kind("nethttp", None, {}),
}
USUAL = Kind("http", "echo", {})


class Failed(Exception):
    """Why there is no number."""


class Running:
    """A server, until it is left."""

    def __init__(self, argv, environment=None, port=None, about=None, limit=START_LIMIT_S):
        self.process = subprocess.Popen(
            argv, env={**os.environ, **(environment or {})}, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.about, self.limit = about, min(limit, START_LIMIT_S)
        try:
            self.port = port or self._printed_port()
            self._wait_for_port()
        except Failed:
            self.__exit__()
            raise

    def _printed_port(self):
        ready = select.select([self.process.stdout], [], [], self.limit)[0]
        line = self.process.stdout.readline() if ready else ""
        if not line.strip().isdigit():
            raise Failed("the server does not start")
        return int(line)

    def _wait_for_port(self):
        until = time.monotonic() + self.limit
        while time.monotonic() < until:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return
            except OSError:
                time.sleep(0.01)
        raise Failed("the server does not answer")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        if self.about:
            shutil.rmtree(self.about, ignore_errors=True)


def _nginx():
    return shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")


def _free_port():
    with socket.create_server(("127.0.0.1", 0)) as free:
        return free.getsockname()[1]


def _start_nginx(program, limit):
    """It cannot be asked which port it got, so it is told."""
    about, port = tempfile.mkdtemp(prefix="hocket-bench-"), _free_port()
    text = (HERE / "nginx.conf").read_text(encoding="utf-8")
    conf = pathlib.Path(about) / "nginx.conf"
    conf.write_text(text.replace("@PORT@", str(port)).replace("@DIRECTORY@", about),
                    encoding="utf-8")
    return Running([program, "-p", about, "-c", str(conf)], port=port, about=about, limit=limit)


class Server:
    """One implementation; to the schedule it is a program that can measure."""

    def __init__(self, impl, program, load, other_core):
        self.name, self.program, self.load = impl, program, load
        self.other_core = other_core
        self.kind = KINDS.get(impl, USUAL)
        self.calls = {}
        self.until = 0    # of the monotonic clock: when what is being measured must be done

    def _mode(self, case):
        if self.name == "nginx":
            return None if case.mode == "echo" else "http"
        return self.kind.echo if case.mode == "echo" else self.kind.http

    def _can(self, case):
        if case.cores and self.name not in MANY_CORES or self.kind.idle_only and not case.idle:
            return False
        alone = self.other_core is None
        return self._mode(case) and not (alone and (case.apart or case.cores > 1))

    def rows(self, _limit=TIME_LIMIT_S):
        """What it can measure; never a reason why it cannot, as programs may have."""
        rows = []
        for (bench, name), case in CASES.items():
            if self._can(case):
                unit = TIME if case.cores else RATIO if case.connections else BYTES
                rows.append(Row(self, bench, name, self.name, unit))
        return rows, None

    def measure(self, row, scale, limit=TIME_LIMIT_S):
        case = _for(row)
        self.until = time.monotonic() + limit
        try:
            found = self._load(case, ["--seconds", f"{max(scale, 0.3):.2f}"])
            if scale >= 1 and not case.cores and case.connections and (row.bench, row.case) not in self.calls:
                self.calls[row.bench, row.case] = self._count_calls(case)
        except Failed as failure:
            return Outcome({}, str(failure), 1.0)
        return self._outcome(row, case, found) if case.connections else _idle_outcome(row, found)

    def _outcome(self, row, case, found):
        requests, scale = found["requests"], 1e6 / found["requests"]
        also = {"us": found["server_cpu"] * scale, "user": found["server_user"] * scale,
                "sys": (found["server_cpu"] - found["server_user"]) * scale,
                "load": found["load_cpu"] * scale, "rate": requests / found["seconds"],
                "p50": found["p50"], "p99": found["p99"]}
        calls = self.calls.get((row.bench, row.case))
        if calls is not None:
            also["calls"] = calls
        number = found["server_cpu"] / found["load_cpu"]
        if case.cores:
            number = 1e9 * case.cores * found["seconds"] / requests
        return Outcome({row.case: (number, row.unit)}, None, 1.0, also)

    def _start(self, case):
        if self.name == "nginx":
            return _start_nginx(self.program, self._left())
        argv = [self.program, self._mode(case)]
        if case.cores > 1:
            # The generators' cores, however this process is pinned.
            with _on(self._cores(case)):
                return Running([*argv, str(case.cores)], self.kind.environment, limit=self._left())
        return Running(argv, self.kind.environment, limit=self._left())

    def _left(self):
        return max(0.01, self.until - time.monotonic())

    def _cores(self, case):
        own = os.sched_getaffinity(0)
        return own | {self.other_core} if case.cores > 1 else own

    def _load(self, case, more):
        with self._start(case) as server:
            if case.cores < 2:
                return self._generate(case, server, more)
            # On each core a generator; what they found about the server they found twice.
            with concurrent.futures.ThreadPoolExecutor() as threads:
                return _together([one.result() for one in [
                    threads.submit(self._generate, case, server, more, {core})
                    for core in sorted(self._cores(case))]])

    def _generate(self, case, server, more, cores=None):
        limit = self._left()
        try:
            done = subprocess.run(self._load_argv(case, server, more), capture_output=True,
                                  text=True, timeout=limit, stdin=subprocess.DEVNULL,
                                  check=False, preexec_fn=_keeper(cores or self._load_cores(case)))
        except subprocess.TimeoutExpired:
            raise Failed(not_done(limit)) from None
        return _found(done.returncode, done.stdout, done.stderr)

    def _load_argv(self, case, server, more):
        return [self.load, "--mode", case.mode, "--port", str(server.port),
                "--pid", str(server.process.pid), "--connections", str(case.connections),
                "--depth", str(case.depth), "--idle", str(case.idle), *more]

    def _load_cores(self, case):
        return {self.other_core} if case.apart else os.sched_getaffinity(0)

    def _count_calls(self, case):
        """The system's calls a request; None without strace, or where it may not trace. It is there
        only from when all connections are open until the last answer has come."""
        strace = shutil.which("strace")
        if not strace:
            return None
        requests = max(COUNTED, EACH * case.connections)
        with self._start(case) as server, tempfile.NamedTemporaryFile("r") as file:
            load = subprocess.Popen(
                self._load_argv(case, server, ["--hold", "--requests", str(requests)]),
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                preexec_fn=_keeper(self._load_cores(case)))
            limit = threading.Timer(self._left(), load.kill)
            limit.start()
            try:
                load.stderr.readline()      # that the connections are open
                with _traced(strace, server.process.pid, file.name):
                    _let_go(load)
                    load.stderr.readline()  # that all answers have come
                out, err = load.communicate("\n")
            finally:
                limit.cancel()
                load.kill()
                load.wait()
            answers = _found(load.returncode, out, err)["requests"]
            total = [line.split()[0] for line in file if line.rstrip().endswith("total")]
        return int(total[0]) / answers if total else None


@contextlib.contextmanager
def _traced(strace, pid, file):
    """Meanwhile the system's calls of that process are counted."""
    tracer = subprocess.Popen([strace, "-f", "-c", "-U", "calls,name", "-o", file, "-p", str(pid)],
                              stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        tracer.stderr.readline()    # that it is attached
        yield
    finally:
        tracer.send_signal(signal.SIGINT)
        tracer.communicate()


def _let_go(load):
    """It may be gone already, and have said why."""
    with contextlib.suppress(BrokenPipeError):
        load.stdin.write("\n")
        load.stdin.flush()


def _keeper(cores):
    """What keeps a process that is being started on these."""
    return lambda: os.sched_setaffinity(0, cores)


def _found(status, out, err):
    """What the generator says, or why it says nothing."""
    if status:
        lines = [line for line in out.splitlines() if "fail: " in line]
        raise Failed(lines[-1].partition("fail: ")[2] if lines else
                     f"the load generator: exit {status} {err.strip()}")
    return json.loads(out)


def _idle_outcome(row, found):
    scale = 1e6 / found["requests"]
    also = {"pt": found["tables"], "us": found["server_cpu"] * scale,
            "load": found["load_cpu"] * scale, "p50": found["p50"], "p99": found["p99"]}
    return Outcome({row.case: (found["resident"], row.unit)}, None, 1.0, also)


@contextlib.contextmanager
def _on(cores):
    """What is started meanwhile runs on these."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def _together(found):
    """What several generators found at the same time."""
    sums = ("requests", "load_cpu", "load_user")
    return {key: sum(one[key] for one in found) / (1 if key in sums else len(found))
            for key in found[0]}


def _for(row):
    """Its case, with no more connections than there may be."""
    case, most = CASES[row.bench, row.case], most_connections()
    return case._replace(idle=min(case.idle, most), connections=min(case.connections, most))


def most_connections():
    """So many this process may have descriptors for, and there is memory for."""
    return min(resource.getrlimit(resource.RLIMIT_NOFILE)[0] - SPARE_FDS - 64,
               machine.memory_available() // CONNECTION)


def raise_limits():
    """As many descriptors as may be, for all that is started."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    with contextlib.suppress(OSError, ValueError):    # who may not raise it keeps it
        most = max(hard, int(pathlib.Path("/proc/sys/fs/nr_open").read_text(encoding="ascii")))
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
        return
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def notes(rows):
    """What a reader must know of those that were measured."""
    if not any(isinstance(row.program, Server) for row in rows):
        return []
    lines = ["Servers: server and load generator on one core, but for apart; the number is the "
             "server's processor time as a multiple of the generator's for the same requests, "
             "and the columns beside it are for one request. In cores it is the time of a core, "
             "all of which server and generator share, for a request."]
    if not shutil.which("strace"):
        lines.append("The system's calls were not counted: no strace.")
    if all(row.case != "apart" for row in rows):
        lines.append("Not measured with cores apart.")
    cases = [CASES[row.bench, row.case] for row in rows if isinstance(row.program, Server)]
    if most_connections() < max(max(case.idle, case.connections) for case in cases):
        lines.append(f"No more than {most_connections()} connections, idle or busy: the limit of "
                     "descriptors, or memory.")
    return lines


def _load_of(build):
    return str(build / "bench" / "bench-load")


def built(build, lines, load_of, other_core):
    """The servers of a build, from its list of programs, and the load generator of a build."""
    there = dict(line.split()[1:3] for line in lines if line.startswith("server "))
    names = {impl: there.get(PROGRAMS.get(impl, impl)) for impl in [*there, *PROGRAMS]}
    return [Server(impl, str(build / "bench" / name), _load_of(load_of), other_core)
            for impl, name in names.items() if name]


def found(build, lines, other_core):
    """All that a build and this machine have, and {impl: reason} of those left out."""
    servers = built(build, lines, build, other_core)
    if not _nginx():
        return servers, {"nginx": "needs nginx"}
    return [*servers, Server("nginx", _nginx(), _load_of(build), other_core)], {}
