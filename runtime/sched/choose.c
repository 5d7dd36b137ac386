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

static int open_named(struct hkt__poller *p, const char *name)
{
    for (int i = 0; i < AVAILABLE; i++) {
        if (strcmp(available[i]->name, name) != 0)
            continue;
        p->ops = available[i];
        int rc = p->ops->open(p);
        if (rc < 0)
            hkt_report("poller '%s' was refused by the system: %s", name, hkt_strerror(rc));
        return rc;
    }
    hkt_report("there is no poller '%s' here", name);
    return -EINVAL;
}

int hkt__poller_choose(struct hkt__poller *p, const char *name)
{
    int rc = -ENOSYS;

    if (!name)
        name = getenv("HKT_POLLER");
    if (name && *name && open_named(p, name) == 0)
        return 0;
    for (int i = 0; i < AVAILABLE && rc < 0; i++) {
        p->ops = available[i];
        rc = p->ops->open(p);
        if (rc < 0)
            hkt_report("poller '%s' was refused by the system: %s", p->ops->name, hkt_strerror(rc));
    }
    return rc;
}
