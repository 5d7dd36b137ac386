/* SPDX-License-Identifier: MIT
 *
 * What would stop the loop, done where it stops nobody: a computation, a file, a name, a program.
 * Meanwhile a task counts turns, which it could not if the loop stood still.
 */
#include <hocket/hocket.h>

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct sum {
    int from, to, result;
};

/* Runs in a thread of the pool. It looks now and then whether it is still wanted. */
static int add_up(void *arg)
{
    struct sum *s = arg;

    for (int i = s->from; i <= s->to; i++) {
        s->result += i;
        if (i % 1000 == 0 && hkt_blocking_cancelled())
            return -EINTR;
    }
    return 0;
}

static int compute(void)
{
    struct sum s = {.from = 1, .to = 10000};

    HKT_TRY(hkt_run_blocking(add_up, &s));
    printf("sum: %d\n", s.result);
    return 0;
}

static int write_and_read(const char *path)
{
    char text[16] = "";
    int fd = hkt_file_open(path, O_RDWR | O_CREAT | O_EXCL, 0600);

    HKT_TRY(fd);
    int64_t rc = hkt_file_pwrite(fd, "on disk", 7, 0);
    if (rc >= 0)
        rc = hkt_file_sync(fd);
    if (rc >= 0)
        rc = hkt_file_pread(fd, text, sizeof text - 1, 0);
    (void)hkt_close(fd);
    HKT_TRY(hkt_path_unlink(path));
    HKT_TRY(rc);
    printf("file: %s\n", text);
    return 0;
}

static int sort_lines(const char *lines)
{
    const char *const argv[] = {"sort", "-r", NULL};
    const struct hkt_process_opts opts = {.in = {.how = HKT_PIPE}, .out = {.how = HKT_PIPE}};
    struct hkt_timeout limit = {0};
    struct hkt_process *p;
    struct hkt_output out;
    int status = 0;

    HKT_TRY(hkt_process_spawn(argv, &opts, &p));
    HKT_TRY(hkt_timeout_enter(&limit, HKT_SEC(60)));
    int rc = hkt_process_communicate(p, lines, strlen(lines), &out, NULL, 0, &status);
    rc = (int)hkt_timeout_exit(&limit, rc);
    if (rc < 0)
        (void)hkt_process_kill(p); /* which is reaped, though nobody waits for it */
    hkt_process_free(p);
    HKT_TRY(rc);
    printf("sort: status %d\n%s", status, out.data);
    hkt_dealloc(out.data);
    return 0;
}

static int look_up(const char *url)
{
    struct hkt_addr list[HKT_ADDRS_MAX];
    char text[HKT_ADDR_TEXT];
    int n = hkt_resolve(url, false, list, HKT_ADDRS_MAX);

    HKT_TRY(n);
    printf("%s is %s\n", url, hkt_addr_format(&list[n - 1], text, sizeof text));
    return 0;
}

static int count_turns(void *turns)
{
    for (;; ++*(int *)turns)
        HKT_TRY(hkt_sleep(0));
}

static int work(void *arg)
{
    char path[64];

    (void)arg;
    snprintf(path, sizeof path, "/tmp/hocket-off-the-loop-%ld", (long)getpid());
    HKT_TRY(compute());
    HKT_TRY(write_and_read(path));
    HKT_TRY(sort_lines("a\nb\nc\n"));
    return look_up("tcp://localhost:80");
}

static int main_task(void *arg)
{
    int turns = 0;
    struct hkt_task *counter = hkt_spawn(count_turns, &turns);
    int rc = work(arg);

    (void)hkt_task_cancel(counter);
    if (hkt_join(counter) == -ECANCELED)
        printf("the loop went on: %s\n", turns > 0 ? "yes" : "no");
    return rc;
}

int main(void)
{
    int rc = hkt_run(main_task, NULL);

    if (rc < 0)
        fprintf(stderr, "%s\n", hkt_strerror(rc));
    return rc < 0;
}
