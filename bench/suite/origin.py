# SPDX-License-Identifier: MIT
"""What was measured: of which commit, how it was built, and which versions the peers have."""

import json
import pathlib
import subprocess

TOP = pathlib.Path(__file__).resolve().parents[2]
# Of Meson's options those that make other code; what is not there has its usual value.
OPTIONS = ["buildtype", "optimization", "debug", "b_lto", "b_ndebug", "c_args", "cpp_args",
           "default_library", "switch", "checks", "io_uring", "valgrind", "cares"]


def _out(*argv, anyway=False):
    """What it prints; nothing where it is not there, or where it fails and that matters."""
    try:
        done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=5,
                              stdin=subprocess.DEVNULL)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if anyway or done.returncode == 0 else ""


def _commit():
    name = _out("git", "-C", str(TOP), "rev-parse", "--short=12", "HEAD")
    if not name:
        return "unknown"
    changed = _out("git", "-C", str(TOP), "status", "--porcelain", "--untracked-files=no")
    return name + (", with changes" if changed else "")


def _options(build):
    try:
        file = build / "meson-info" / "intro-buildoptions.json"
        values = {one["name"]: one["value"] for one in json.loads(file.read_text("utf-8"))}
    except (OSError, ValueError):
        return "unknown"
    return " ".join(f"-D{name}={_text(values[name])}" for name in OPTIONS if values.get(name))


def _text(value):
    if isinstance(value, list):
        return ",".join(value)
    return str(value).lower() if isinstance(value, bool) else str(value)


def _versions(packages):
    """Of those Debian packages that are installed."""
    lines = _out("dpkg-query", "-W", "-f", "${db:Status-Status} ${Package} ${Version}\\n", *packages,
                 anyway=True).splitlines()
    return ", ".join(words[1] + " " + words[2] for line in lines
                     if (words := line.split())[0] == "installed")


def facts(build, compilers, packages):
    """[(what, value)]."""
    found = [("commit", _commit()), ("compilers", "; ".join(compilers)),
             ("build options", _options(build))]
    versions = _versions(packages) if packages else ""
    return found + ([("peers' packages", versions)] if versions else [])
