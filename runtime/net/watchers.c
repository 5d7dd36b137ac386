/* SPDX-License-Identifier: MIT
 *
 * Tasks that wait for a stream or server to change. Each has a future of its own, so that one that
 * is cancelled leaves the others alone.
 */
#include <hocket/net.h>

struct hkt__watcher {
    struct hkt_future changed;
    struct hkt__watcher *next;
};

static void unlink_watcher(struct hkt__watchers *w, const struct hkt__watcher *self)
{
    for (struct hkt__watcher **at = &w->first; *at; at = &(*at)->next) {
        if (*at == self) {
            *at = self->next;
            return;
        }
    }
}

int hkt__watchers_wait(struct hkt__watchers *w)
{
    struct hkt__watcher self = {0};
    struct hkt__watcher **at = &w->first;

    while (*at)
        at = &(*at)->next;
    *at = &self;
    int rc = hkt_await(&self.changed);
    unlink_watcher(w, &self); /* unless it was woken */
    return rc;
}

void hkt__watchers_wake(struct hkt__watchers *w)
{
    struct hkt__watcher *woken = w->first;

    w->first = NULL;
    while (woken) {
        struct hkt__watcher *next = woken->next; /* it is on the waiter's stack */
        (void)hkt_future_set(&woken->changed, 0, NULL);
        woken = next;
    }
}
