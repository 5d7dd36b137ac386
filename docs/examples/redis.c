/* SPDX-License-Identifier: MIT
 *
 * Asks Redis, through its own client library, hiredis, what the lines of the standard input say.
 *
 *      redis HOST PORT [SECONDS]       as: echo 'INCR visitors' | redis 127.0.0.1 6379
 *
 * HOST is a number, because the library would look a name up while everybody waits. A command that
 * takes longer than SECONDS is given up.
 *
 * All tasks share one connection. What they ask in one turn of the loop goes out together, and
 * answers come in the order of the questions, so a task that has asked waits for a future, and two
 * callbacks move bytes between the socket and the library's buffers. A lost connection is an error
 * for those who wait, and made anew for who asks next.
 */
#include "lines.h"

#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WORDS = 64 };

/* Stays until the server has answered, also when nobody waits any more: the order counts. */
struct question {
    struct question *next;
    struct hkt_future answered; /* 0 with a redisReply, or an error */
};

static struct redis {
    const char *host;
    int port;
    redisContext *context; /* NULL: not connected */
    struct question *first, **last;
    char why[128]; /* the last one was lost */
} redis;

/* Where the loop comes in */

/* Whoever was cancelled has cancelled the future too, and does not want the reply. */
static void next_answer(int rc, redisReply *reply)
{
    struct question *q = redis.first;

    if (!(redis.first = q->next))
        redis.last = &redis.first;
    if (hkt_future_set(&q->answered, rc, reply) == 0)
        return;
    freeReplyObject(reply);
    free(q);
}

/* The library closes the descriptor, so the loop must have let go of it before. */
static void disconnect(int rc)
{
    if (!redis.context)
        return;
    (void)hkt_remove_reader(hkt_loop_current(), redis.context->fd);
    (void)hkt_remove_writer(hkt_loop_current(), redis.context->fd);
    snprintf(redis.why, sizeof redis.why, "%s", redis.context->errstr);
    redisFree(redis.context);
    redis.context = NULL;
    while (redis.first)
        next_answer(rc, NULL);
}

static void on_readable(void *arg)
{
    void *reply = NULL;
    int rc = redisBufferRead(redis.context);

    (void)arg;
    while (rc == REDIS_OK && redis.first &&
           (rc = redisGetReplyFromReader(redis.context, &reply)) == REDIS_OK && reply)
        next_answer(0, reply);
    if (rc != REDIS_OK)
        disconnect(-ECONNRESET);
}

static void on_writable(void *arg)
{
    int done = 0;

    (void)arg;
    if (redisBufferWrite(redis.context, &done) != REDIS_OK)
        disconnect(-ECONNRESET);
    else if (done)
        (void)hkt_remove_writer(hkt_loop_current(), redis.context->fd);
}

/* Does not wait: the socket becomes writable when it is connected, or is not. */
static int connect_redis(void)
{
    redis.last = &redis.first;
    redis.context = redisConnectNonBlock(redis.host, redis.port);
    if (!redis.context)
        return -ENOMEM;
    int rc = -ECONNRESET;
    if (!redis.context->err)
        rc = hkt_add_reader(hkt_loop_current(), redis.context->fd, on_readable, NULL);
    if (rc < 0)
        disconnect(rc);
    return rc;
}

/* What a task calls */

static struct question *queue_question(int argc, const char **argv)
{
    struct question *q = calloc(1, sizeof *q);

    if (!q || redisAppendCommandArgv(redis.context, argc, argv, NULL) != REDIS_OK) {
        free(q);
        return NULL;
    }
    *redis.last = q;
    redis.last = &q->next;
    return q;
}

/* Returns: 0 with the reply, which is the caller's; -ECONNRESET: see redis.why; -ECANCELED. */
static int ask(int argc, const char **argv, redisReply **reply)
{
    if (!redis.context)
        HKT_TRY(connect_redis());
    HKT_TRY(hkt_add_writer(hkt_loop_current(), redis.context->fd, on_writable, NULL));
    struct question *q = queue_question(argc, argv);
    if (!q)
        return -ENOMEM;
    int rc = hkt_await(&q->answered);
    if (rc == -ECANCELED)
        return rc; /* the question is freed when its answer comes, and may have been already */
    *reply = hkt_future_value(&q->answered);
    free(q);
    return rc;
}

/* The program */

static void print_reply(int number, const redisReply *reply)
{
    switch (reply->type) {
    case REDIS_REPLY_INTEGER:
        answer(number, "%lld", reply->integer);
        break;
    case REDIS_REPLY_NIL:
        answer(number, "(nil)");
        break;
    case REDIS_REPLY_ARRAY:
        for (size_t i = 0; i < reply->elements; i++)
            print_reply(number, reply->element[i]);
        break;
    default:
        answer(number, "%s", reply->str);
    }
}

static int ask_line(int number, char *line)
{
    const char *words[WORDS];
    redisReply *reply = NULL;
    char *rest;
    int n = 0;

    for (char *w = strtok_r(line, " ", &rest); w && n < WORDS; w = strtok_r(NULL, " ", &rest))
        words[n++] = w;
    int rc = n > 0 ? ask(n, words, &reply) : 0;
    if (rc == 0 && reply)
        print_reply(number, reply);
    else if (rc != 0 && rc != -ECANCELED)
        answer(number, "%s", rc == -ECONNRESET ? redis.why : hkt_strerror(rc));
    freeReplyObject(reply);
    return rc;
}

static int main_task(void *seconds)
{
    int rc = each_line(ask_line, *(const double *)seconds);

    disconnect(-ECONNRESET);
    return rc;
}

int main(int argc, char **argv)
{
    double seconds = argc > 3 ? strtod(argv[3], NULL) : 0;

    if (argc < 3 || argc > 4) {
        fputs("usage: redis HOST PORT [SECONDS]\n", stderr);
        return 2;
    }
    redis.host = argv[1];
    redis.port = atoi(argv[2]);
    return hkt_run(main_task, &seconds) < 0;
}
