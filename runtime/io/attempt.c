/* SPDX-License-Identifier: MIT */
#include "attempt.h"

#include "coro/hibernate.h"

int hkt__attempt_begin(struct hkt__attempt *a, int fd, unsigned direction, const char *why)
{
    struct hkt_loop *loop = hkt__loop;

    if (HKT_UNLIKELY(!loop || !loop->current))
        return -EPERM;
    *a = (struct hkt__attempt){.number = fd, .direction = direction, .why = why};
    int rc = hkt__fd_get(loop, fd, &a->fd);
    if (HKT_LIKELY(rc == 0))
        a->generation = a->fd->generation;
    return rc;
}

int hkt__attempt_ready(struct hkt__attempt *a)
{
    if (HKT_LIKELY(a->fd->ready & a->direction))
        return 0;
    int rc = hkt__fd_wait(a->number, a->direction, a->why);
    /* Closed after the wake-up: the number may be another's already. */
    return rc == 0 && a->fd->generation != a->generation ? -ECANCELED : rc;
}

bool hkt__interrupted(ssize_t rc)
{
    return rc == -EINTR || (rc == -EFAULT && hkt__rouse_all() > 0);
}

bool hkt__attempt_decided(struct hkt__attempt *a, ssize_t rc)
{
    if (HKT_LIKELY(rc >= 0)) {
        hkt__op_done(hkt__loop);
        return true;
    }
    if (rc != -EAGAIN && rc != -EWOULDBLOCK)
        return !hkt__interrupted(rc);
    a->fd->ready &= (uint8_t)~a->direction;
    return false;
}
