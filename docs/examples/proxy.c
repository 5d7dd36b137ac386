/* SPDX-License-Identifier: MIT
 *
 * Forwards connections.
 *
 *      proxy LISTEN_URL TARGET_URL
 *
 *      proxy tcp://:8080 tcp://192.0.2.7:80
 *      proxy tcp://127.0.0.1:7001 unix:///run/service.sock
 *
 * A connection is two tasks, one for each direction. When one side has said all that it will say,
 * the other is told so, and may go on answering: half a connection stays open. An error closes both
 * halves.
 */
#include <hocket/hocket.h>

#include <stdio.h>

enum { CONNECT_SECONDS = 10 };

struct way {
    struct hkt_stream *from, *to;
};

/* Copies until the end. What came is written from where it lies, and a way that waits for input
 * holds no buffer. When the writing side is full the write waits, so the reading side fills up in
 * its turn, and whoever sends too fast is slowed down. */
static int forward(void *arg)
{
    const struct way *way = arg;
    const char *data;
    ssize_t n;

    while ((n = hkt_stream_peek(way->from, 1, &data)) > 0) {
        HKT_TRY(hkt_stream_write(way->to, data, (size_t)n));
        hkt_stream_consume(way->from, (size_t)n);
    }
    return n < 0 ? (int)n : hkt_stream_write_eof(way->to);
}

/* The group ends when both ways have; the first to fail cancels the other. */
static int both_ways(struct hkt_stream *client, struct hkt_stream *target)
{
    struct way there = {client, target}, back = {target, client};
    struct hkt_group group = {0};

    HKT_TRY(hkt_group_enter(&group));
    int rc = hkt_group_spawn(&group, forward, &back);
    return hkt_group_exit(&group, rc < 0 ? rc : forward(&there));
}

static int connect_to(const char *url, struct hkt_stream **target)
{
    struct hkt_timeout limit = {0};

    HKT_TRY(hkt_timeout_enter(&limit, HKT_SEC(CONNECT_SECONDS)));
    return (int)hkt_timeout_exit(&limit, hkt_open_connection(url, NULL, target));
}

static int serve(struct hkt_stream *client, void *target_url)
{
    struct hkt_stream *target = NULL;
    int rc = connect_to(target_url, &target);

    if (rc == 0)
        rc = both_ways(client, target);
    if (rc == 0)
        rc = hkt_stream_close(target);
    if (rc < 0)
        hkt_stream_abort(client); /* what it got is not all */
    hkt_stream_free(target);
    return rc;
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fputs("usage: proxy LISTEN_URL TARGET_URL\n", stderr);
        return 2;
    }
    struct hkt_service service = {argv[1], serve, argv[2], NULL};
    return hkt_run(hkt_service_run, &service);
}
