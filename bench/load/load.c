/* SPDX-License-Identifier: MIT
 *
 *      load --mode http|echo|churn --port N --pid N [--connections N] [--depth N] [--idle N]
 *           [--warm-up S] [--seconds S] [--requests N]
 *
 * opens the connections, and then measures for so long, or until so many answers have come. Prints
 * JSON: what came, and what the generator and the server, whose pid it is, have used meanwhile.
 */
#include "load.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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
        {"mode", 1, NULL, 'm'},     {"port", 1, NULL, 'p'},
        {"pid", 1, NULL, 'P'},      {"connections", 1, NULL, 'c'},
        {"depth", 1, NULL, 'd'},    {"idle", 1, NULL, 'i'},
        {"warm-up", 1, NULL, 'w'},  {"seconds", 1, NULL, 's'},
        {"requests", 1, NULL, 'r'}, {NULL, 0, NULL, 0},
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

static void measure(const struct load *l)
{
    client_open_busy();
    if (l->warm_up > 0)
        client_run(after(l->warm_up), 0);
    latency_reset();
    struct usage server = usage_of(l->pid), own = usage_of(getpid());
    uint64_t start = load_now();
    uint64_t answers = client_run(after(l->seconds), l->requests);
    double took = (double)(load_now() - start) / 1e9;
    struct usage own_then = usage_of(getpid()), server_then = usage_of(l->pid);

    printf(", \"requests\": %llu, \"seconds\": %.6f", (unsigned long long)answers, took);
    print_usage("server", server, server_then);
    print_usage("load", own, own_then);
    printf(", \"p50\": %.3f, \"p99\": %.3f", latency_quantile(0.5), latency_quantile(0.99));
}

/* A server may give memory back when it has nothing to do. */
static void measure_idle(const struct load *l)
{
    double before = resident(l->pid);

    client_open_idle();
    usleep(300000);
    printf(", \"resident\": %.0f", (resident(l->pid) - before) / l->idle);
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
    printf("}\n");
    return 0;
}
