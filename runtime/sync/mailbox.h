/* SPDX-License-Identifier: MIT
 *
 * A mailbox as its calls and its cases of selects know it.
 *
 * A call that waits has its element handed over. A case of a select cannot, because another case
 * may happen first, on a thread that knows nothing of this one: it is only told to look, on its own
 * thread, and what it was told of stays in the mailbox, or free, until then.
 */
#ifndef HOCKET_SYNC_MAILBOX_H
#define HOCKET_SYNC_MAILBOX_H

#include "line.h"
#include "select.h"
#include "store.h"

#include <hocket/mailbox.h>

/* Those who send, or receive. */
struct hkt__mail_side {
    struct hkt__line line; /* of struct hkt__party */
    size_t told;           /* cases that have not looked yet */
};

struct hkt_mailbox {
    pthread_mutex_t lock;
    struct hkt__store store;
    struct hkt__mail_side senders, receivers;
    size_t calls; /* that wait or have not returned yet, and cases */
    bool closed;
};

static inline struct hkt__party *hkt__mail_party(struct hkt__node *n)
{
    return (struct hkt__party *)(void *)((char *)n - offsetof(struct hkt__party, node));
}

int hkt__mailbox_check(const struct hkt_mailbox *m, size_t size);

/* All under the lock. */

int hkt__mailbox_send_now(struct hkt_mailbox *m, const void *value);
int hkt__mailbox_recv_now(struct hkt_mailbox *m, void *value);
/* Lets those go on, or look, for whom there is something now. */
void hkt__mailbox_serve(struct hkt_mailbox *m);

/* mailcase.c: takes p, which is a case, out of its line, and has it look. */
void hkt__mailcase_tell(struct hkt__mail_side *side, struct hkt__party *p);

#endif
