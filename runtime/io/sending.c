/* SPDX-License-Identifier: MIT */
#include "sched/fdsend.h"

#include <hocket/io.h>

int hkt_send_begin(struct hkt_sending *s, int fd, const void *data, size_t size, hkt_sent_fn *fn,
                   void *arg)
{
    struct hkt_loop *loop = hkt__loop;

    if (!loop)
        return -EPERM;
    if (s->loop)
        return -EBUSY;
    s->fn = fn;
    s->arg = arg;
    return hkt__send_begin(loop, s, fd, data, size);
}

bool hkt_send_possible(int fd)
{
    return hkt__loop && hkt__send_possible(hkt__loop, fd);
}

void hkt_send_cancel(struct hkt_sending *s)
{
    if (s)
        hkt__send_cancel(s);
}
