/* SPDX-License-Identifier: MIT
 *
 * Fetches the URLs that come as lines on the standard input, many at a time, by libcurl.
 *
 *      multi [SECONDS]         as: echo http://127.0.0.1:8080/ | multi
 *
 * A transfer that takes longer than SECONDS is given up.
 *
 * libcurl's multi interface has sockets of its own, which it opens, shares between transfers, keeps
 * and closes as it likes. It says which of them it waits for, and for how long at most; the loop
 * calls it when one is ready or the time has come; and it says which transfers are done. So there
 * are three callbacks, and for each transfer a task that waits for a future.
 */
#include "lines.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>

static CURLM *multi;
static struct hkt_handle timer;

/* Where the loop comes in */

/* Called after each step. A code is zero or positive. */
static void tell_who_is_done(void)
{
    struct hkt_future *done;
    CURLMsg *m;
    int left;

    while ((m = curl_multi_info_read(multi, &left)))
        if (m->msg == CURLMSG_DONE &&
            curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &done) == CURLE_OK)
            (void)hkt_future_set(done, (int)m->data.result, NULL);
}

static void step(curl_socket_t fd, int what)
{
    int running;

    (void)curl_multi_socket_action(multi, fd, what, &running);
    tell_who_is_done();
}

static void on_readable(void *fd)
{
    step((curl_socket_t)(intptr_t)fd, CURL_CSELECT_IN);
}

static void on_writable(void *fd)
{
    step((curl_socket_t)(intptr_t)fd, CURL_CSELECT_OUT);
}

static void on_time(void *arg)
{
    (void)arg;
    step(CURL_SOCKET_TIMEOUT, 0);
}

/* From libcurl: what it waits for at a socket. CURL_POLL_REMOVE comes before it closes one, and has
 * neither bit. */
static int want_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *of_socket)
{
    struct hkt_loop *loop = hkt_loop_current();
    void *number = (void *)(intptr_t)fd;
    int rc = 0;

    (void)easy, (void)arg, (void)of_socket;
    if (what == CURL_POLL_IN || what == CURL_POLL_INOUT)
        rc = hkt_add_reader(loop, fd, on_readable, number);
    else
        (void)hkt_remove_reader(loop, fd);
    if (rc == 0 && (what == CURL_POLL_OUT || what == CURL_POLL_INOUT))
        rc = hkt_add_writer(loop, fd, on_writable, number);
    else
        (void)hkt_remove_writer(loop, fd);
    return rc < 0 ? -1 : 0;
}

/* From libcurl: when it wants to be called at the latest; -1: never. It must not be called from
 * here. */
static int want_time(CURLM *of, long ms, void *arg)
{
    (void)of, (void)arg;
    (void)hkt_handle_cancel(&timer);
    if (ms < 0)
        return 0;
    return hkt_call_later(hkt_loop_current(), &timer, HKT_MS(ms), on_time, NULL) < 0 ? -1 : 0;
}

/* What a task calls */

/* Ends the transfer too, if the task was cancelled: from then on libcurl does not know of it, and
 * of what is on this task's stack. Returns: CURLE_OK; another CURLcode; an error of ours. */
static int transfer(CURL *easy)
{
    struct hkt_future done = {0};

    curl_easy_setopt(easy, CURLOPT_PRIVATE, &done);
    if (curl_multi_add_handle(multi, easy) != CURLM_OK)
        return -ENOMEM;
    int rc = hkt_await(&done);
    curl_multi_remove_handle(multi, easy);
    return rc;
}

/* The program */

/* Is called by the loop, and so must not wait. */
static size_t count_bytes(char *data, size_t size, size_t count, void *total)
{
    (void)data;
    *(size_t *)total += size * count;
    return size * count;
}

static int fetch_line(int number, char *url)
{
    CURL *easy = curl_easy_init();
    char why[CURL_ERROR_SIZE] = "";
    size_t total = 0;
    long status = 0;

    curl_easy_setopt(easy, CURLOPT_URL, url);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L); /* signals are the loop's */
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, why);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, count_bytes);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, &total);
    int rc = easy ? transfer(easy) : -ENOMEM;
    if (rc == CURLE_OK) {
        curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
        answer(number, "%ld, %zu bytes", status, total);
    } else if (rc != -ECANCELED) {
        answer(number, "%s", *why ? why : rc > 0 ? curl_easy_strerror((CURLcode)rc) : "no memory");
    }
    curl_easy_cleanup(easy);
    return rc < 0 ? rc : 0;
}

static int main_task(void *seconds)
{
    multi = curl_multi_init();
    if (!multi)
        return -ENOMEM;
    curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, want_socket);
    curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, want_time);
    int rc = each_line(fetch_line, *(const double *)seconds);
    curl_multi_cleanup(multi); /* closes the connections that it has kept */
    (void)hkt_handle_cancel(&timer);
    return rc;
}

int main(int argc, char **argv)
{
    double seconds = argc > 1 ? strtod(argv[1], NULL) : 0;

    if (argc > 2 || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        fputs("usage: multi [SECONDS]\n", stderr);
        return 2;
    }
    int rc = hkt_run(main_task, &seconds);
    curl_global_cleanup();
    return rc < 0;
}
