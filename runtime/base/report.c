/* SPDX-License-Identifier: MIT */
#include "report.h"
#include "os.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINE_SIZE = 512 };

static void report_to_stderr(void *ctx, const char *line)
{
    char text[LINE_SIZE + 16];
    int n = snprintf(text, sizeof text, "hocket: %s\n", line);

    (void)ctx;
    hkt__os.write_stderr(text, (size_t)n);
}

static struct hkt__reporter process = {report_to_stderr, NULL};
HKT__THREAD const struct hkt__reporter *hkt__reporter;

void hkt_on_report(hkt_report_fn *fn, void *ctx)
{
    process = (struct hkt__reporter){fn ? fn : report_to_stderr, ctx};
}

void hkt_report(const char *format, ...)
{
    char line[LINE_SIZE];
    va_list args;

    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    const struct hkt__reporter *to = hkt__reporter ? hkt__reporter : &process;
    to->fn(to->ctx, line);
}

void hkt__fatal(const char *format, ...)
{
    char line[LINE_SIZE];
    va_list args;

    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    report_to_stderr(NULL, line);
    abort();
}

const char *hkt_strerror(int code)
{
    switch (code) {
    case HKT_ECLOSE:
        return "being closed";
    case HKT_EBROKEN:
        return "barrier broken";
    case HKT_ECERT:
        return "certificate refused";
    default:
        if (code < -4095) /* no errno */
            return "error of the program's own";
        return code >= 0 ? "success" : strerror(-code);
    }
}
