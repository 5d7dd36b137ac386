/* SPDX-License-Identifier: MIT
 *
 *      load --mode http|echo|churn --port N --pid N [--connections N] [--depth N] [--idle N]
 *           [--warm-up S] [--seconds S] [--requests N] [--hold]
 *
 * opens the connections, and then measures for so long, or until so many answers have come. Prints
 * JSON: what came, and what the generator and the server, whose pid it is, have used meanwhile. Of
 * idle connections alone: what each takes, and what it costs to wake it.
 *
 * With --hold it says so to standard error when the connections are open, and again when all
 * answers have come, and each time goes on when it is given a line. So somebody else can count
 * meanwhile what the server does, and nothing of the connections' beginning and end is in it.
 */
#include "load.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { WAKE_S = 2 }; /* is enough, but for who looks at each connection to find one */

void load_fail(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    printf("fail: ");
    vprintf(format, args);
    printf("\n");
    va_end(args);
    exit(3);
}

static enum mode mode_of(const char *name)
{
    static const char *const names[] = {"http", "echo", "churn"};

    for (int i = 0; i < 3; i++)
        if (!strcmp(name, names[i]))
            return (enum mode)i;
    load_fail("no mode %s", name);
}

static struct load options(int argc, char **argv)
{
    static const struct option known[] = {
        {"mode", 1, NULL, 'm'},        {"port", 1, NULL, 'p'},    {"pid", 1, NULL, 'P'},
        {"connections", 1, NULL, 'c'}, {"depth", 1, NULL, 'd'},   {"idle", 1, NULL, 'i'},
        {"warm-up", 1, NULL, 'w'},     {"seconds", 1, NULL, 's'}, {"requests", 1, NULL, 'r'},
        {"hold", 0, NULL, 'h'},        {NULL, 0, NULL, 0},
    };
    struct load l = {.mode = LOAD_HTTP, .depth = 1, .warm_up = 0.2, .seconds = 1};
    int *const integers[] = {
        ['p'] = &l.port, ['P'] = &l.pid, ['c'] = &l.connections, ['d'] = &l.depth, ['i'] = &l.idle};
    int o;

    while ((o = getopt_long(argc, argv, "", known, NULL)) != -1) {
        if (o == 'm')
            l.mode = mode_of(optarg);
        else if (o == 'w')
            l.warm_up = atof(optarg);
        else if (o == 's')
            l.seconds = atof(optarg);
        else if (o == 'r')
            l.requests = strtoull(optarg, NULL, 10);
        else if (o == 'h')
            l.hold = true;
        else if (o == '?')
            exit(2);
        else
            *integers[o] = atoi(optarg);
    }
    if (l.depth < 1 || l.pid < 1 || l.port < 1)
        load_fail("a server, and a depth of 1 at least, are needed");
    return l;
}

static uint64_t after(double seconds)
{
    return load_now() + (uint64_t)(seconds * 1e9);
}

/* What was used between; the ticks are too coarse for more than a proportion. */
static void print_usage(const char *whose, struct usage a, struct usage b)
{
    double ticks = b.user - a.user + b.sys - a.sys, cpu = b.cpu - a.cpu;
    double user = ticks > 0 ? cpu * (b.user - a.user) / ticks : 0;

    printf(", \"%s_cpu\": %.6f, \"%s_user\": %.6f", whose, cpu, whose, user);
}

struct sample {
    struct usage server, own;
    uint64_t time;
};

static struct sample sample(const struct load *l)
{
    struct sample s = {usage_of(l->pid), usage_of(getpid()), load_now()};

    return s;
}

static void print_sample(struct sample a, struct sample b, uint64_t answers)
{
    printf(", \"requests\": %llu, \"seconds\": %.6f", (unsigned long long)answers,
           (double)(b.time - a.time) / 1e9);
    print_usage("server", a.server, b.server);
    print_usage("load", a.own, b.own);
    printf(", \"p50\": %.3f, \"p99\": %.3f", latency_quantile(0.5), latency_quantile(0.99));
}

static void hold(const struct load *l)
{
    char line[8];

    if (!l->hold)
        return;
    fputs("held\n", stderr);
    if (!fgets(line, sizeof line, stdin))
        load_fail("nobody lets it go on");
}

static void measure(const struct load *l)
{
    client_open_busy();
    hold(l);
    client_start(l->requests);
    if (l->warm_up > 0 && !l->requests)
        client_run(after(l->warm_up));
    latency_reset();
    struct sample start = sample(l);
    uint64_t answers = client_run(after(l->seconds));
    print_sample(start, sample(l), answers);
    hold(l);
}

static void measure_wake(const struct load *l)
{
    latency_reset();
    struct sample start = sample(l);
    uint64_t woken = client_wake_idle(after(WAKE_S));
    print_sample(start, sample(l), woken);
}

/* A server may give memory back when it has nothing to do. */
static void measure_idle(const struct load *l)
{
    double memory = resident(l->pid), pages = tables(l->pid);

    client_open_idle();
    sleep(1);
    printf(", \"resident\": %.0f, \"tables\": %.0f", (resident(l->pid) - memory) / l->idle,
           (tables(l->pid) - pages) / l->idle);
}

int main(int argc, char **argv)
{
    struct load l = options(argc, argv);

    client_begin(&l);
    printf("{\"idle\": %d, \"connections\": %d", l.idle, l.connections);
    if (l.idle > 0)
        measure_idle(&l);
    if (l.connections > 0)
        measure(&l);
    else if (l.idle > 0)
        measure_wake(&l);
    printf("}\n");
    return 0;
}
