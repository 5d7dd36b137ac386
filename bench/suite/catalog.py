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
    "million": {
        "build": "1,000,000 tasks with guarded 64 KiB stacks, half of which wait for a time that is "
                 "far off and half for a message over a channel: until all wait, each",
        "memory": "What each takes then",
        "wake": "All are woken: until all have run, each",
        "end": "All are left, cancelled at the end of their loop, and given back, each",
        "hibernate": "The stacks of all are put aside, 64 at a time, as a loop does it, each",
        "hibernate_singly": "The same, one by one",
        "memory_hibernating": "What each takes then",
        "wake_hibernating": "All are woken: until their stacks are back and all have run, each",
    },
    "yield": {
        "2": "Tasks that do nothing but give up their turn: 2 of them",
        "10": "10 tasks",
        "1000": "1,000 tasks",
        "100000": "100,000 tasks, which run in the order in which they were made",
        "100000_shuffled": "100,000 tasks, which run in an order of chance",
        "1000000": "1,000,000 tasks, in the order in which they were made",
    },
    "park": {
        "2": "Two tasks that wake each other: each has the other go on, and waits until it is told "
             "the same. By the least that each library has for it: events of hocket, conditions of "
             "State Threads and, with their lock, of Boost.Fiber, channels with room for one of Go",
    },
    "spawn_join": {
        "one": "Make a task that returns at once, and wait for its end",
    },
    "queue": {
        "channel": "A task sends a number over an unbuffered channel and receives one over "
                   "another, to and from a task that sends back",
        "buffered": "The same over queues (of Go: channels) with room for one",
    },
    "select": {
        "4": "A task sends numbers over 4 unbuffered channels in turn, another receives them by a "
             "select",
    },
    "xthread": {
        "message": "A number there and back between two threads, each on a core of its own: "
                   "hocket's loops by mailboxes with room for one, goroutines by unbuffered "
                   "channels. Whoever waits sleeps, so the waking up of cores is in it",
    },
    "lock": {
        "free": "A task takes a lock that nobody else wants, and gives it back",
    },
    "read": {
        "ready": "64 bytes that lie in a pipe are read, so nobody waits",
    },
    "http": {
        "1": "Keep-alive requests on 1 connection, each answered with 13 bytes of text",
        "64": "The same on 64 connections",
        "1024": "The same on 1,024 connections",
        "10000": "The same on 10,000 connections, all of them busy",
        "pipelined": "64 connections, on each of which 16 requests are sent at once; latency is "
                     "that of all 16",
        "apart": "64 connections, with server and load generator on a core each: latency has the "
                 "cores' waking up in it",
    },
    "echo": {
        "1": "64 bytes there and back on 1 connection",
        "64": "The same on 64 connections",
        "1024": "The same on 1,024 connections",
        "apart": "64 connections, with server and load generator on a core each",
    },
    "churn": {
        "64": "64 clients that connect for each request, and close when they have the answer",
        "apart": "The same, with server and load generator on a core each",
    },
    "cores": {
        "1": "http/64 once more, server and load generator on one core",
        "2": "A server on two cores, and a load generator with 64 connections on each of them: "
             "what takes as long as on one core scales",
    },
    "idle": {
        "10000": "A connection that is kept alive and has made one request, of 10,000. Afterwards "
                 "each makes one more, one after the other in an order of chance: what it costs "
                 "to wake it",
        "most": "The same with as many, up to 1,000,000, as a process may have descriptors; only "
                "if it is asked for by --only idle/most",
    },
    "mixed": {
        "64": "http/64 beside 10,000 idle connections",
        "apart": "The same, with server and load generator on a core each",
    },
    "timer": {
        "10000": "10,000 tasks sleep for 0 to 100 ms, again and again",
        "100000": "100,000 of them; more than one core can do, so they wake late",
        "arm_cancel": "1,000,000 timers are armed for 1 to 101 s, then cancelled, in the same "
                      "order",
    },
}

# What takes so long, or so much of the machine, that it is done only where --only names it.
ASKED_FOR = (("idle", "most"),)
SERVERS = ("http", "echo", "churn", "cores", "idle", "mixed")
# Their numbers are what they are whatever else the core does meanwhile: shares of processor time.
UNDISTURBED = (*SERVERS, "timer", "xthread")
# The floor of the servers.
BARE = "bare-epoll"

# What is found besides the number: {name: heading}, in the order of the columns.
_ALSO_SERVERS = {"us": "us CPU", "user": "user", "sys": "system", "load": "load's us",
                 "rate": "a second", "p50": "p50 us", "p99": "p99 us", "calls": "syscalls"}
ALSO = {
    **{bench: _ALSO_SERVERS for bench in SERVERS},
    "idle": {"pt": "page tables", "us": "us a wake-up", "load": "load's us", "p50": "p50 us",
             "p99": "p99 us"},
    "timer": {"p50": "p50 ms late", "p99": "p99 ms late", "early": "early", "rate": "a second"},
}

TITLES = {
    "switch": "Switch, one way",
    "resume": "Resume with a value, one way",
    "generator": "Generator, each number",
    "create": "Create, run, finish",
    "memory": "Memory of a parked coroutine",
    "million": "A million tasks that wait",
    "yield": "A task's turn",
    "park": "Wait for another task, which is ready",
    "spawn_join": "Spawn a task and join it",
    "queue": "Message between tasks, there and back",
    "select": "Select, a message",
    "xthread": "Message between two cores, there and back",
    "lock": "Lock, taken and given back",
    "read": "Read of what has come",
    "http": "HTTP, a request",
    "echo": "Echo over TCP, a message",
    "churn": "HTTP, a connection for each request",
    "cores": "HTTP on several cores, a core's time for a request",
    "idle": "Memory of an idle connection",
    "mixed": "HTTP beside idle connections, a request",
    "timer": "Sleeps and timers, each",
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
    "floor-pthread": "the system's mutex, in a process with a second thread: what is there without "
                     "a runtime",
    "go": "goroutines on one processor, their stacks grow; generator by an unbuffered channel; as "
          "a server with a small parser of its own",
    "python": "Python generators: no stack",
    "greenlet": "greenlet for Python",
    "hocket-uring": "hocket with its io_uring poller",
    "hocket-hibernating": "hocket, with the stacks of tasks that have waited for 100 ms put aside",
    "bare-epoll": "a server on nothing but epoll",
    "bare-uring": "a server on nothing but io_uring",
    "libev": "libev: callbacks",
    "libuv": "libuv: callbacks; it counts milliseconds",
    "go-nethttp": "the HTTP server of Go's library, on one processor",
    "nginx": "nginx, one process, an answer from its configuration",
    "floor-direct": "no switch: a call and its return, half of it each way",
    "floor-indirect": "the same through a pointer",
    "floor-syscall": "the system's call, with nothing around it",
}

# Of servers and timers, all that --quick has time for.
QUICK = {
    *(("http", "64", impl) for impl in ("hocket", BARE, "go")),
    *(("timer", "10000", impl) for impl in ("hocket", "go")),
}


# Those that are measured, whatever there is no time for, and then the others that are.
OURS = ("hocket", "hocket-old")
MAIN = ("boost-jump", "boost-fiber-ctx", "ucontext", "cpp20", "st", "go", BARE)
# How the name of each begins: what it is of.
PREFIXES = ("hocket", "boost", "cpp20", "ucontext", "pcl", "st", "go", "python", "greenlet", "floor",
            "bare", "libuv", "libev", "nginx")


def is_named(impl):
    return impl.split("-")[0] in PREFIXES


def memory_needed(row):
    """Bytes, about: most touch one page of a stack for each."""
    if row.bench == "million":
        return 1000000 * 5000
    return int(row.case.split("_")[0]) * 5000 if row.bench in ("memory", "yield") else 0


def left_out_by_quick(row):
    """Because of the time it takes."""
    if row.bench in SERVERS or row.bench == "timer":
        return (row.bench, row.case, row.impl) not in QUICK
    if row.bench == "million":
        return True
    if row.bench == "yield":
        return row.case == "1000000" or row.case.startswith("100000") and row.impl != "hocket"
    if row.bench != "memory" or row.case == "10000":
        return False
    if row.case == "1000000":
        return row.impl not in ("hocket", "cpp20", "boost-fiber-ctx-guard")
    return row.impl == "greenlet"


def rounds_of(bench, case, rounds, comparing=False):
    """Memory is the same each time, and a million takes seconds. What is compared needs them all."""
    if comparing and bench not in ("memory", "million", "idle"):
        return rounds
    if bench in SERVERS or bench == "timer":
        if (bench, case) in ASKED_FOR:
            return 1
        slow = bench == "idle" or (bench, case) == ("http", "10000")
        return min(rounds, 3 if slow else 5)
    if bench == "million":
        return 1 if case.startswith("memory") else min(rounds, 3)
    if bench == "yield" and case == "1000000":
        return min(rounds, 3)
    if bench != "memory":
        return rounds
    return 1 if rounds <= 3 or case == "1000000" else 3


def names():
    """What --only accepts."""
    return ["servers", *(name for bench, cases in BENCHES.items()
                         for name in [bench, *(f"{bench}/{case}" for case in cases)])]


def is_wanted(bench, case, only):
    if (bench, case) in ASKED_FOR:
        return f"{bench}/{case}" in only
    groups = ["servers"] if bench in SERVERS else []
    return not only or any(name in only for name in [bench, f"{bench}/{case}", *groups])


def is_hocket(impl):
    return impl.startswith("hocket")


def is_floor(impl):
    return impl.startswith(("floor", "bare"))


def has_stack(impl):
    """Whether it is a peer in kind: one that can yield at any call depth."""
    return not (is_floor(impl) or is_hocket(impl) or impl in
                ("cpp20", "python", "libev", "libuv", "nginx"))
