/* SPDX-License-Identifier: MIT
 *
 * How OpenSSL reads and writes: input comes from the descriptor, by calls that never wait; output
 * is kept until the transport sends it, so that a read never waits for a write or the other way
 * round.
 */
#include "transport.h"

#include <pthread.h>
#include <string.h>

static pthread_once_t once = PTHREAD_ONCE_INIT;
static BIO_METHOD *method;

static ssize_t take_early(struct hkt__tls_transport *t, char *buf, size_t size)
{
    size_t n = hkt_buf_len(&t->early);

    n = n < size ? n : size;
    memcpy(buf, t->early.data + t->early.start, n);
    hkt_buf_consume(&t->early, n);
    if (hkt_buf_len(&t->early) == 0)
        hkt_buf_release(&t->early);
    return (ssize_t)n;
}

static int bio_read(BIO *bio, char *buf, int size)
{
    struct hkt__tls_transport *t = BIO_get_data(bio);

    BIO_clear_retry_flags(bio);
    if (size <= 0)
        return 0;
    ssize_t n = hkt_buf_len(&t->early) > 0 ? take_early(t, buf, (size_t)size)
                                           : hkt_try_read(t->base.fd, buf, (size_t)size);
    if (n == -EAGAIN)
        BIO_set_retry_read(bio);
    else if (n < 0)
        t->io_error = (int)n;
    t->cut = n == 0;
    return n < 0 ? -1 : (int)n;
}

static int bio_write(BIO *bio, const char *data, int size)
{
    struct hkt__tls_transport *t = BIO_get_data(bio);

    BIO_clear_retry_flags(bio);
    if (size <= 0)
        return 0;
    int rc = hkt_buf_add(&t->out, data, (size_t)size);
    if (rc < 0) {
        t->io_error = rc;
        return -1;
    }
    t->base.unsent = hkt_buf_len(&t->out);
    return size;
}

static long bio_ctrl(BIO *bio, int command, long number, void *pointer)
{
    const struct hkt__tls_transport *t = BIO_get_data(bio);

    (void)number, (void)pointer;
    if (command == BIO_CTRL_EOF)
        return t->cut;
    return command == BIO_CTRL_FLUSH || command == BIO_CTRL_DUP;
}

static void make_method(void)
{
    BIO_METHOD *m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "hocket");

    if (m && BIO_meth_set_read(m, bio_read) && BIO_meth_set_write(m, bio_write) &&
        BIO_meth_set_ctrl(m, bio_ctrl))
        method = m;
    else
        BIO_meth_free(m);
}

BIO *hkt__tls_bio_new(struct hkt__tls_transport *t)
{
    pthread_once(&once, make_method);
    BIO *bio = method ? BIO_new(method) : NULL;

    if (bio) {
        BIO_set_data(bio, t);
        BIO_set_init(bio, 1);
    }
    return bio;
}
