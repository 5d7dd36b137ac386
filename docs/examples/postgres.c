/* SPDX-License-Identifier: MIT
 *
 * Asks PostgreSQL, through its own client library, libpq, what the lines of the standard input say.
 *
 *      postgres CONNECTION COUNT [SECONDS]
 *
 *      echo 'select now()' | postgres 'host=/run/postgresql dbname=postgres' 4
 *
 * CONNECTION is libpq's; the host in it should be a number (hostaddr) or the directory of a unix
 * socket, because the library would look a name up while everybody waits. COUNT connections are
 * made as they are needed, kept, and made anew when they were lost. A query that takes longer than
 * SECONDS is cancelled in the server, and its connection goes on.
 *
 * A connection belongs to one task at a time, which drives it in straight-line code: it calls the
 * library, and where that says that it wants the socket to be readable or writable, waits for it.
 */
#include "lines.h"

#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_CONNECTIONS = 100, CANCEL_SECONDS = 5 };

static struct pool {
    const char *conninfo;
    struct hkt_semaphore free; /* how many may be taken */
    PGconn *idle[MOST_CONNECTIONS];
    int idle_count;
} pool;

/* Waits for what the library wants */

/* It may close its socket and open another while it tries one address after the other, so it is
 * asked for it each time, and for what it waits. */
static int finish_connecting(PGconn *c)
{
    PostgresPollingStatusType wants = PGRES_POLLING_WRITING;

    while (wants == PGRES_POLLING_READING || wants == PGRES_POLLING_WRITING) {
        unsigned events = wants == PGRES_POLLING_READING ? HKT_READABLE : HKT_WRITABLE;
        HKT_TRY(hkt_poll(PQsocket(c), events));
        wants = PQconnectPoll(c);
    }
    return wants == PGRES_POLLING_OK && PQsetnonblocking(c, 1) == 0 ? 0 : -ENOTCONN;
}

/* A server that does not read before it has written must be listened to meanwhile. */
static int flush(PGconn *c)
{
    int left;

    while ((left = PQflush(c)) > 0) {
        int ready = hkt_poll(PQsocket(c), HKT_READABLE | HKT_WRITABLE);
        HKT_TRY(ready);
        if (ready & HKT_READABLE && !PQconsumeInput(c))
            return -ECONNRESET;
    }
    return left < 0 ? -ECONNRESET : 0;
}

/* Returns: 0 with a result, or NULL when there are no more; an error. */
static int next_result(PGconn *c, PGresult **result)
{
    while (PQisBusy(c)) {
        HKT_TRY(hkt_poll(PQsocket(c), HKT_READABLE));
        if (!PQconsumeInput(c))
            return -ECONNRESET;
    }
    *result = PQgetResult(c);
    return 0;
}

/* Queries */

static void print_result(int number, PGresult *r)
{
    if (PQresultStatus(r) == PGRES_COMMAND_OK)
        answer(number, "%s", PQcmdStatus(r));
    for (int row = 0; row < PQntuples(r); row++)
        for (int column = 0; column < PQnfields(r); column++)
            answer(number, "%s", PQgetvalue(r, row, column));
}

static int take_results(PGconn *c, int number)
{
    PGresult *r;
    int rc, failed = 0;

    while ((rc = next_result(c, &r)) == 0 && r) {
        ExecStatusType status = PQresultStatus(r);
        if (number > 0)
            print_result(number, r);
        PQclear(r);
        if (status == PGRES_FATAL_ERROR)
            failed = -EIO; /* and the connection knows why */
        if (status == PGRES_COPY_IN || status == PGRES_COPY_OUT)
            return -ENOTSUP; /* a protocol of its own, whose result comes again and again */
    }
    return rc < 0 ? rc : failed;
}

static int query(PGconn *c, int number, const char *sql)
{
    if (!PQsendQueryParams(c, sql, 0, NULL, NULL, NULL, NULL, 0))
        return -ECONNRESET;
    HKT_TRY(flush(c));
    return take_results(c, number);
}

/* Runs in the pool of threads, because it makes a connection of its own and waits for it. */
static int cancel_blocking(void *cancel)
{
    char why[256];

    return PQcancel(cancel, why, sizeof why) ? 0 : -ECONNRESET;
}

/* The task was told to stop, and stops when the server has: so it waits again, on its way out. */
static int cancel_query(PGconn *c)
{
    struct hkt_timeout limit = {0};
    PGcancel *cancel = PQgetCancel(c);
    int rc = cancel ? hkt_run_blocking(cancel_blocking, cancel) : -ENOMEM;

    PQfreeCancel(cancel);
    HKT_TRY(rc);
    HKT_TRY(hkt_timeout_enter(&limit, HKT_SEC(CANCEL_SECONDS)));
    return (int)hkt_timeout_exit(&limit, take_results(c, 0));
}

/* Connections */

/* Unless it was lost while it was idle: then there is to read why, perhaps, and then the end. */
static PGconn *take_idle(void)
{
    PGconn *c = pool.idle_count > 0 ? pool.idle[--pool.idle_count] : NULL;

    if (PQconsumeInput(c) && PQconsumeInput(c))
        return c;
    PQfinish(c);
    return NULL;
}

/* Keeps it, unless it was lost, or is in the middle of something. */
static void give_back(PGconn *c)
{
    if (PQtransactionStatus(c) == PQTRANS_IDLE)
        pool.idle[pool.idle_count++] = c;
    else
        PQfinish(c);
}

/* Its first line: hints come on more. */
static void say_why(PGconn *c, int number, int rc)
{
    const char *why = *PQerrorMessage(c) ? PQerrorMessage(c) : hkt_strerror(rc);

    answer(number, "%.*s", (int)strcspn(why, "\n"), why);
}

static int query_line(int number, char *sql)
{
    int rc = 0;

    HKT_TRY(hkt_semaphore_acquire(&pool.free));
    HKT_DEFER(hkt_semaphore_leave, &pool.free);
    PGconn *c = take_idle();
    if (!c && (c = PQconnectStart(pool.conninfo)))
        rc = PQstatus(c) == CONNECTION_BAD ? -ENOTCONN : finish_connecting(c);
    if (rc == 0)
        rc = query(c, number, sql);
    if (rc == -ECANCELED && PQtransactionStatus(c) == PQTRANS_ACTIVE)
        (void)!cancel_query(c);
    else if (rc < 0 && rc != -ECANCELED)
        say_why(c, number, rc);
    give_back(c);
    return rc;
}

static int main_task(void *seconds)
{
    int rc = each_line(query_line, *(const double *)seconds);

    while (pool.idle_count > 0)
        PQfinish(pool.idle[--pool.idle_count]);
    return rc;
}

int main(int argc, char **argv)
{
    double seconds = argc > 3 ? strtod(argv[3], NULL) : 0;
    int count = argc > 2 ? atoi(argv[2]) : 0;

    if (argc > 4 || count < 1 || count > MOST_CONNECTIONS ||
        hkt_semaphore_init(&pool.free, count, count) < 0) {
        fputs("usage: postgres CONNECTION COUNT [SECONDS]\n", stderr);
        return 2;
    }
    pool.conninfo = argv[1];
    return hkt_run(main_task, &seconds) < 0;
}
