# SPDX-License-Identifier: MIT
"""Another revision of hocket, built beside this one so that both are measured in the same rounds."""

import pathlib
import subprocess

from . import compare, program, servers

TOP = pathlib.Path(__file__).resolve().parents[2]
PLACE = TOP / "build-bench-old"
TREE, BUILD = PLACE / "tree", PLACE / "build"
# Where a benchmark itself may have changed.
PROGRAMS = ["bench/hocket", "bench/support", "bench/servers", "bench/timers"]


class Failed(Exception):
    """Why there is no such build."""


class Renamed:
    """A program of that revision, whose implementations have other names here."""

    def __init__(self, inner):
        self.inner, self.name = inner, inner.name

    def rows(self, limit=program.TIME_LIMIT_S):
        rows, reason = self.inner.rows(limit)
        return [row._replace(program=self, impl=compare.old_name(row.impl)) for row in rows], reason

    def measure(self, row, scale, limit=program.TIME_LIMIT_S):
        impl = row.impl.replace("-old", "", 1)
        return self.inner.measure(row._replace(program=self.inner, impl=impl), scale, limit)


def _git(*words, where=TOP):
    done = subprocess.run(["git", "-C", str(where), *words], capture_output=True, text=True,
                          check=False, stdin=subprocess.DEVNULL)
    if done.returncode:
        raise Failed(done.stderr.strip() or f"git {words[0]}: exit {done.returncode}")
    return done.stdout.strip()


def commit(revision):
    """Its name in full; raises Failed where there is none."""
    try:
        return _git("rev-parse", "--verify", "--quiet", revision + "^{commit}")
    except OSError as error:
        raise Failed("there is no git") from error
    except Failed as failure:
        raise Failed(f"there is no revision '{revision}'") from failure


def remarks(name):
    """Where not only the library differs."""
    files = _git("diff", "--name-only", name, "--", *PROGRAMS).splitlines()
    return [f"These of the benchmarks themselves differ: {', '.join(files)}."] if files else []


def build(name, options):
    """hocket's programs of that commit, built with these options of Meson. Answers whether there
    was anything to do."""
    _check_out(name)
    if not (BUILD / "build.ninja").exists():
        _run("meson", "setup", str(BUILD), str(TREE), *options)
    else:
        _run("ninja", "-C", str(BUILD), "build.ninja")
    lines = program.lines_of(BUILD)
    targets = ["bench/" + words[-1] for line in lines if (words := line.split())
               and words[0] in ("program", "server") and "-hocket" in words[-1]]
    return "no work to do" not in _run("ninja", "-C", str(BUILD), *targets)


def _check_out(name):
    if not (TREE / ".git").exists():
        _git("worktree", "prune")
        _git("worktree", "add", "--detach", "--force", str(TREE), name)
    elif _git("rev-parse", "HEAD", where=TREE) != name:
        _git("checkout", "--detach", "--force", name, where=TREE)


def _run(*argv):
    done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          check=False, stdin=subprocess.DEVNULL)
    if done.returncode:
        last = "\n".join(done.stdout.splitlines()[-20:])
        raise Failed(f"{' '.join(argv[:2])} in build-bench-old failed:\n{last}")
    return done.stdout


def found(load_of, other_core):
    """Its programs and servers; those who load them are of the build load_of."""
    lines = program.lines_of(BUILD)
    programs = [program.Program(name, [str(BUILD / "bench" / name)]) for kind, name, *_ in
                map(str.split, lines) if kind == "program" and "-hocket" in name]
    hockets = [line for line in lines if line.startswith("server hocket ")]
    there = servers.built(BUILD, hockets, load_of, other_core)
    return [Renamed(one) for one in programs + there]
