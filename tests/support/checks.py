# SPDX-License-Identifier: MIT
"""What the scripts of tests/examples share: checks, programs that serve, and the words that are
printed.

One line a check, "ok NAME", "not ok NAME" or "ok NAME # SKIP WHY", and at last "N passed, N
failed". Arguments in the environment: TEST_TIME_SCALE, a factor on time limits, and TEST_ONLY,
words of which one must be in the name of a check.
"""

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback

LIMIT = 30 * float(os.environ.get("TEST_TIME_SCALE", "1"))  # seconds, for anything at all
CHECKS = []
AT_END = contextlib.ExitStack()  # what is left to be ended after the last check
NEEDS = {  # programs that are not built everywhere
    "fetch": "no OpenSSL 3 for this machine",
    "httpd": "no source of llhttp on this machine",
    "tls_echo": "no OpenSSL 3 for this machine",
    "webd": "no source of llhttp on this machine",
}


class Skip(Exception):
    """Why a check is not made."""


def check(name):
    """Marks a function as a check."""

    def add(function):
        CHECKS.append((name, function))
        return function

    return add


def tool(name):
    if not shutil.which(name):
        raise Skip(f"no {name} on this machine")
    return name


def run(*words, stdin=b""):
    """What a client prints. It fails with what it printed."""
    done = subprocess.run(words, input=stdin, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          timeout=LIMIT, check=False)
    text = done.stdout
    assert done.returncode == 0, f"{' '.join(words)}: status {done.returncode}: {text[:2000]!r}"
    return text


def eventually(condition, what):
    """Waits for something that has no event."""
    end = time.monotonic() + LIMIT
    while not condition():
        assert time.monotonic() < end, f"never: {what}"
        time.sleep(0.02)


# Servers


def wrapper_of(build):
    """The words of the exe_wrapper: of the environment, else of the build's cross file."""
    if "MESON_EXE_WRAPPER" in os.environ:
        return os.environ["MESON_EXE_WRAPPER"].split()
    with contextlib.suppress(OSError), open(f"{build}/meson-private/cmd_line.txt") as lines:
        for cross in re.findall(r"'([^']*)'", next((x for x in lines if "cross_file" in x), "")):
            with open(cross) as words:
                for line in words:
                    if line.startswith("exe_wrapper"):
                        return re.findall(r"'([^']*)'", line)
    return []


class Server:
    """A program that serves, until the end of the block."""

    build, wrapper, tmp = "", [], ""

    def __init__(self, program, *words, family=socket.AF_INET, **at):
        self.path = f"{self.build}/docs/examples/{program}"
        if program in NEEDS and not os.path.exists(self.path):
            raise Skip(f"{program} is not built: {NEEDS[program]}")
        self.program = program
        self.said = tempfile.TemporaryFile(dir=self.tmp)
        self.address, url, fds = at.get("address"), at.get("url"), []
        if not url:
            listener = at["listener"].dup() if "listener" in at else self.listen(family)
            self.address, fds = listener.getsockname(), [listener.fileno()]
            url = f"fd://{fds[0]}"
        words = [url if word == "URL" else word for word in words or ["URL"]]
        self.process = subprocess.Popen(self.wrapper + [self.path, *words], pass_fds=fds,
                                        stdin=subprocess.DEVNULL, stdout=self.said,
                                        stderr=self.said)
        if fds:
            listener.close()

    def listen(self, family):
        listener = socket.socket(family)
        name = tempfile.mktemp(dir=self.tmp, suffix=".sock")
        listener.bind(("127.0.0.1", 0) if family == socket.AF_INET else name)
        listener.listen(128)
        return listener

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        if kind and kind is not Skip:
            print("# said:", self.output())
        self.said.close()

    @property
    def url(self):
        return f"tcp://127.0.0.1:{self.port}"

    @property
    def port(self):
        return str(self.address[1])

    def output(self):
        self.said.seek(0)
        return self.said.read().decode(errors="replace")

    def connect(self, **options):
        """A client, which also tells that the server has started by answering it."""
        family = socket.AF_INET if isinstance(self.address, tuple) else socket.AF_UNIX
        s = socket.socket(family)
        s.settimeout(LIMIT)
        if options.get("small"):
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        s.connect(self.address)
        return s

    def sockets(self):
        """How many descriptors it has."""
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def stop(self, signum=signal.SIGTERM, words=""):
        """Ends it as a user would; it must have had nothing to say but words."""
        self.process.send_signal(signum)
        status = self.process.wait(LIMIT)
        assert status == 0, f"exit status {status}"
        assert re.fullmatch(words, self.output()), f"it said: {self.output()}"


def main(usage):
    """Makes the checks of the script that is called so."""
    if len(sys.argv) < 2:
        sys.exit(usage)
    Server.build = os.path.abspath(sys.argv[1])
    Server.wrapper = sys.argv[2:] or wrapper_of(Server.build)
    only = os.environ.get("TEST_ONLY", "").split()
    counts = {"ok": 0, "not ok": 0, "skip": 0}
    with tempfile.TemporaryDirectory() as Server.tmp, AT_END:
        for name, function in CHECKS:
            if only and not any(word in name for word in only):
                continue
            try:
                function()
                print("ok", name)
                counts["ok"] += 1
            except Skip as why:
                print("ok", name, "# SKIP", why)
                counts["skip"] += 1
            except Exception:
                print("not ok", name)
                for line in traceback.format_exc().splitlines()[-15:]:
                    print("#", line[:500])
                counts["not ok"] += 1
            sys.stdout.flush()
    skipped = f", {counts['skip']} skipped" if counts["skip"] else ""
    print(f"{counts['ok']} passed, {counts['not ok']} failed{skipped}")
    sys.exit(counts["not ok"] > 0)
