/* SPDX-License-Identifier: MIT
 *
 * Descriptors as cases of a select.
 */
#include "sched/fdwait.h"
#include "sync/select.h"

struct fdcase {
    struct hkt__fdwait wait;
    struct hkt_case *of;
};

_Static_assert(sizeof(struct fdcase) <= sizeof(((struct hkt_case *)0)->wait), "room in the case");

static struct fdcase *fdcase_of(struct hkt_case *c)
{
    return (struct fdcase *)(void *)&c->wait;
}

static bool ready(struct hkt_case *c, unsigned direction)
{
    int rc = hkt__fd_look((int)c->number, direction);

    c->when = rc < 0 ? rc : 0;
    return rc != 0;
}

static bool readable_ready(struct hkt_case *c)
{
    return ready(c, HKT__POLL_READ);
}

static bool writable_ready(struct hkt_case *c)
{
    return ready(c, HKT__POLL_WRITE);
}

static int perform(struct hkt_case *c)
{
    return (int)c->when;
}

static void came(struct hkt__fdwait *w, int rc)
{
    hkt__case_happens(((struct fdcase *)(void *)w)->of, rc, false);
}

/* The same descriptor may be in two cases of one select, of which only one can wait. */
static int enlist(struct hkt_case *c, unsigned direction)
{
    struct fdcase *own = fdcase_of(c);

    own->of = c;
    return hkt__fd_watch(&own->wait, (int)c->number, direction, came);
}

static int readable_enlist(struct hkt_case *c)
{
    return enlist(c, HKT__POLL_READ);
}

static int writable_enlist(struct hkt_case *c)
{
    return enlist(c, HKT__POLL_WRITE);
}

static void withdraw(struct hkt_case *c)
{
    hkt__fd_unwatch(c->select->loop, &fdcase_of(c)->wait);
}

static const struct hkt__case_ops readable_ops = {readable_ready, perform, readable_enlist,
                                                  withdraw, false};
static const struct hkt__case_ops writable_ops = {writable_ready, perform, writable_enlist,
                                                  withdraw, false};

struct hkt_case hkt_case_readable(int fd)
{
    return (struct hkt_case){.ops = &readable_ops, .number = fd};
}

struct hkt_case hkt_case_writable(int fd)
{
    return (struct hkt_case){.ops = &writable_ops, .number = fd};
}
