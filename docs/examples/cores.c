/* SPDX-License-Identifier: MIT
 *
 * A TCP server on all processors: each line is answered with the number of the core that read it.
 *
 *      cores [URL [N]]       by default tcp://127.0.0.1:7000, on as many cores as there are
 *
 * Each core has a loop, a listening socket and connections of its own, and shares nothing with the
 * others; the system spreads the connections. Stop it with Ctrl-C.
 */
#include <hocket/hocket.h>

#include <stdio.h>
#include <stdlib.h>

static int serve(struct hkt_stream *s, void *arg)
{
    char line[1024], answer[32];
    ssize_t n;

    (void)arg;
    while ((n = hkt_stream_readline(s, line, sizeof line)) > 0) {
        int size =
            snprintf(answer, sizeof answer, "core %d of %d\n", hkt_core_index(), hkt_core_count());
        HKT_TRY(hkt_stream_write(s, answer, (size_t)size));
    }
    return (int)n;
}

int main(int argc, char **argv)
{
    const struct hkt_server_opts opts = {.reuse_port = true};
    struct hkt_service service = {argc > 1 ? argv[1] : "tcp://127.0.0.1:7000", serve, NULL, &opts};

    return hkt_run_cores(argc > 2 ? atoi(argv[2]) : 0, hkt_service_run, &service, NULL);
}
