/* SPDX-License-Identifier: MIT */
#include "lines.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* A library does not know that it is called on a small stack: an encrypted connection, a name that
 * is looked up, a big message need more than the usual 64 KiB. What is not touched is no memory. */
enum { STACK_SIZE = 512 * 1024 };

struct line {
    line_fn *fn;
    int64_t limit_ns;
    int number;
    char text[LINE_SIZE];
};

void answer(int number, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    printf("%d: ", number);
    vprintf(format, args);
    putchar('\n');
    va_end(args);
}

static int do_line(void *arg)
{
    struct line line = *(const struct line *)arg; /* which is overwritten when this task waits */
    struct hkt_timeout limit = {0};

    HKT_TRY(hkt_timeout_enter(&limit, line.limit_ns));
    int rc = (int)hkt_timeout_exit(&limit, line.fn(line.number, line.text));
    if (rc == -ECANCELED || rc == -ETIMEDOUT)
        answer(line.number, "%s", rc == -ETIMEDOUT ? "not in time" : "cancelled");
    return rc == -ECANCELED ? rc : 0; /* another failure is no reason to cancel the others */
}

static int read_lines(struct hkt_stream *input, struct hkt_group *group, struct line *line)
{
    const struct hkt_task_opts opts = {.stack_size = STACK_SIZE, .flags = HKT_EAGER};
    ssize_t n;

    while ((n = hkt_stream_readline(input, line->text, sizeof line->text)) > 0) {
        line->text[strcspn(line->text, "\r\n")] = '\0';
        line->number++;
        HKT_TRY(hkt_group_spawn_opts(group, do_line, line, &opts));
    }
    return (int)n;
}

int each_line(line_fn *fn, double seconds)
{
    struct line line = {.fn = fn, .limit_ns = seconds > 0 ? (int64_t)(seconds * 1e9) : -1};
    struct hkt_stream *input = hkt_stream_of(0, NULL);
    struct hkt_group group = {0};

    HKT_TRY(input ? 0 : -ENOMEM);
    setvbuf(stdout, NULL, _IOLBF, 0);
    int rc = hkt_group_enter(&group);
    if (rc == 0)
        rc = hkt_group_exit(&group, read_lines(input, &group, &line));
    hkt_stream_free(input);
    return rc;
}
