/* SPDX-License-Identifier: MIT
 *
 * A TCP server that sends back what it is sent.
 *
 *      echo [URL]        by default tcp://127.0.0.1:7000
 *
 * Each connection is one call of serve(), in a task of its own: it reads like a program that has
 * one client and all the time in the world. Stop it with Ctrl-C.
 */
#include <hocket/hocket.h>

static int serve(struct hkt_stream *s, void *arg)
{
    char buf[2048];
    ssize_t n;

    (void)arg;
    while ((n = hkt_stream_read(s, buf, sizeof buf)) > 0)
        HKT_TRY(hkt_stream_write(s, buf, (size_t)n));
    return (int)n;
}

int main(int argc, char **argv)
{
    return hkt_run(HKT_SERVER(argc > 1 ? argv[1] : "tcp://127.0.0.1:7000", serve));
}
