/* SPDX-License-Identifier: MIT
 *
 * Which poller a loop uses.
 */
#include "loop.h"

#include "base/report.h"

#include <stdlib.h>
#include <string.h>

/* Best first: what a loop falls back to is the next one. */
static const struct hkt__poller_ops *const available[] = {
#if defined(HKT_HAVE_EPOLL)
    &hkt__poller_epoll,
#endif
#if defined(HKT_HAVE_KQUEUE)
    &hkt__poller_kqueue,
#endif
#if defined(HKT_HAVE_URING)
    &hkt__poller_uring,
#endif
};
enum { AVAILABLE = sizeof available / sizeof *available };

static int open_one(struct hkt__poller *p, const struct hkt__poller_ops *ops)
{
    p->ops = ops;
    int rc = ops->open(p);
    if (rc < 0)
        hkt_report("poller '%s' was refused by the system: %s", ops->name, hkt_strerror(rc));
    return rc;
}

static const struct hkt__poller_ops *find(const char *name)
{
    for (int i = 0; i < AVAILABLE; i++)
        if (strcmp(available[i]->name, name) == 0)
            return available[i];
    hkt_report("there is no poller '%s' here", name);
    return NULL;
}

int hkt__poller_choose(struct hkt__poller *p, const char *name)
{
    const struct hkt__poller_ops *asked = NULL;
    int rc = -ENOSYS;

    if (!name)
        name = getenv("HKT_POLLER");
    if (name && *name && (asked = find(name)) && (rc = open_one(p, asked)) == 0)
        return 0;
    for (int i = 0; i < AVAILABLE && rc < 0; i++)
        if (available[i] != asked)
            rc = open_one(p, available[i]);
    return rc;
}
