# SPDX-License-Identifier: MIT
"""What there is to measure, and what it means."""

# Bench: {case: what it is}, in the order of the report.
BENCHES = {
    "switch": {
        "two_sites": "The main program resumes a body that does nothing but yield, again and again",
        "ring_same": "2 coroutines run the same function and hand over to each other through a "
                     "call of a scheduler's yield_next()",
        "ring_different": "4 coroutines, each with a function of its own, hand over in a circle",
        "deep": "A ring of 2 in which each turn goes 4 calls deep, yields at the bottom, and "
                "returns through all 4",
    },
    "resume": {
        "value": "A value goes in, another comes out, by the ordinary public calls",
    },
    "generator": {
        "range": "10,000,000 numbers on demand, added up by the consumer (fewer with --quick)",
    },
    "create": {
        "run_finish": "Make a coroutine, run it to its end, free it; stacks are reused where the "
                      "library can",
    },
    "memory": {
        "10000": "10,000 parked coroutines, 64 KiB stacks where there are any",
        "100000": "100,000 parked coroutines",
        "1000000": "1,000,000 parked coroutines",
    },
}

TITLES = {
    "switch": "Switch, one way",
    "resume": "Resume with a value, one way",
    "generator": "Generator, each number",
    "create": "Create, run, finish",
    "memory": "Memory of a parked coroutine",
}

# What the names of implementations stand for.
IMPLS = {
    "hocket": "in switch its bare context switch, elsewhere its public calls; stacks have guard "
              "pages",
    "hocket-coro": "the same shapes by hocket's public coroutine calls",
    "hocket-outline": "hocket with the portable out-of-line switch",
    "hocket-outline-coro": "hocket's public coroutine calls with the portable switch",
    "hocket-ctx": "hocket's bare context on the caller's stack, as boost-jump",
    "hocket-outline-ctx": "the same with the portable switch",
    "hocket-reset": "hocket, one coroutine made fresh again each time",
    "boost-jump": "Boost.Context's assembly, jump_fcontext, bare",
    "boost-fiber-ctx": "Boost.Context's C++ class fiber; in memory without guard pages",
    "boost-fiber-ctx-guard": "the same with protected_fixedsize_stack, which takes two mappings of "
                             "the 65,530 that a process may have",
    "boost-coroutine2": "Boost.Coroutine2",
    "boost-fiber": "Boost.Fiber, a scheduler; in memory without guard pages",
    "cpp20": "C++20 coroutines: no stack, so only a coroutine itself can suspend",
    "ucontext": "swapcontext; in memory on stacks without guard pages",
    "pcl": "the Portable Coroutine Library; no guard pages",
    "st": "State Threads, a scheduler; no guard pages",
    "go": "goroutines on one processor, their stacks grow; generator by an unbuffered channel",
    "python": "Python generators: no stack",
    "greenlet": "greenlet for Python",
    "floor-direct": "no switch: a call and its return, half of it each way",
    "floor-indirect": "the same through a pointer",
}

def memory_needed(row):
    """Bytes, about: most touch one page of a stack for each."""
    return int(row.case) * 5000 if row.bench == "memory" else 0


def left_out_by_quick(row):
    """Because of the time it takes."""
    if row.bench != "memory" or row.case == "10000":
        return False
    if row.case == "1000000":
        return row.impl not in ("hocket", "cpp20", "boost-fiber-ctx-guard")
    return row.impl == "greenlet"


def rounds_of(bench, case, rounds):
    """Memory is the same each time, and a million takes seconds."""
    if bench != "memory":
        return rounds
    return 1 if rounds <= 3 or case == "1000000" else 3


def names():
    """What --only accepts."""
    return [name for bench, cases in BENCHES.items()
            for name in [bench, *(f"{bench}/{case}" for case in cases)]]


def is_wanted(bench, case, only):
    return not only or bench in only or f"{bench}/{case}" in only


def is_hocket(impl):
    return impl.startswith("hocket")


def is_floor(impl):
    return impl.startswith("floor")


def has_stack(impl):
    """Whether it is a peer in kind: one that can yield at any call depth."""
    return not (is_floor(impl) or is_hocket(impl) or impl in ("cpp20", "python"))
