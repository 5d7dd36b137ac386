/* SPDX-License-Identifier: MIT
 *
 * The stacks of a thread that is measured are zero before each use, so the lowest word that is not
 * says how deep the use went. It is looked at when the block is used again, when it is given away,
 * when its thread ends, and when somebody asks: nothing is done at a coroutine's end, which may
 * then be as quick as ever. All of it is behind what makes a coroutine HKT__SLOW.
 */
#include "profile.h"
#include "base/os.h"
#include "base/symbol.h"
#include "overflow.h"
#include "side.h"
#include "stack.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    SITES = 512,
    WHOLLY_SEARCHED = 1 << 20, /* of larger stacks only what is resident below the top */
};

/* What is known of a function, begun by what was made in one place. */
struct site {
    uintptr_t fn, from;
    size_t ended;
    size_t living; /* of the thread that asks */
    size_t most;   /* bytes used */
    size_t room;   /* of how many, at most */
};

/* Of the process. */
static struct {
    pthread_mutex_t lock;
    struct site site[SITES]; /* found by both, or in the next place that is free */
    struct site *order[SITES];
    size_t left_out; /* uses of those that there was no room for */
} seen = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void report_at_exit(void)
{
    hkt_stack_report();
}

static void watch_exit(void)
{
    (void)atexit(report_at_exit);
}

bool hkt__profile_wanted(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    const char *wish = getenv("HKT_STACK_PROFILE");

    if (!wish || !*wish || strcmp(wish, "0") == 0)
        return false;
    pthread_once(&once, watch_exit);
    return true;
}

/* Measuring */

static uint64_t *bottom_of(const struct hkt__cold *cold)
{
    char *low = cold->low;

    if (!hkt__stack_guarded(cold))
        low += HKT__CANARIES * sizeof(uint64_t);
    else if (cold->room > WHOLLY_SEARCHED)
        low += cold->room - hkt__os.resident(cold->low, cold->room) * hkt__os_page_size();
    return (uint64_t *)(void *)low;
}

static uint64_t *top_of(const struct hkt__cold *cold)
{
    return (uint64_t *)(void *)(cold->low + cold->room - cold->colour);
}

/* The lowest word that is neither zero nor that other one. */
HKT__UNSANITIZED static uint64_t *lowest_word(const struct hkt__cold *cold, uint64_t other)
{
    uint64_t *p = bottom_of(cold), *top = top_of(cold);

    hkt__side_look(true);
    while (p < top && (*p == 0 || *p == other))
        p++;
    hkt__side_look(false);
    return p;
}

size_t hkt__profile_used(const struct hkt_coro *c)
{
    return (size_t)((char *)top_of(c->cold) - (char *)lowest_word(c->cold, HKT__PAINT));
}

/* Word by word, and not by memset(), which a sanitizer would have look at the frames' own marks. */
HKT__UNSANITIZED static void wipe(const struct hkt__cold *cold)
{
    uint64_t *p = lowest_word(cold, 0), *top = top_of(cold);

    hkt__side_open(p, (size_t)(top - p) * sizeof *p);
    for (uint64_t zero = 0; p < top; p++) {
        __asm__("" : "+r"(zero));
        *p = zero;
    }
}

/* Noting; under the lock */

/* NULL: there is no place left. */
static struct site *site_of(uintptr_t fn, uintptr_t from)
{
    size_t at = (fn / 16 + from) % SITES;

    for (size_t i = 0; i < SITES; i++, at = (at + 1) % SITES) {
        struct site *s = &seen.site[at];
        if (!s->fn) {
            s->fn = fn;
            s->from = from;
        }
        if (s->fn == fn && s->from == from)
            return s;
    }
    return NULL;
}

static struct site *note(const struct hkt_coro *c, size_t used)
{
    struct site *s = site_of((uintptr_t)c->cold->fn.coro, (uintptr_t)c->cold->watched->site);

    if (!s) {
        seen.left_out++;
        return NULL;
    }
    if (s->most < used)
        s->most = used;
    if (s->room < hkt__stack_size(c->cold))
        s->room = hkt__stack_size(c->cold);
    return s;
}

static void note_end(struct hkt_coro *c)
{
    const struct hkt__cold *cold = c->cold;
    size_t used = cold->fn.coro ? hkt__profile_used(c) : 0;

    if (used > 0) {
        struct site *s = note(c, used);
        if (s)
            s->ended++;
    }
    if (used > 0 || !cold->pool) /* the user's memory may have held anything before its first use */
        wipe(cold);
}

void hkt__profile_end(struct hkt_coro *c)
{
    pthread_mutex_lock(&seen.lock);
    note_end(c);
    pthread_mutex_unlock(&seen.lock);
}

static void note_any(struct hkt_coro *c)
{
    if (c->ctx.flags & HKT__FREED)
        note_end(c);
    else {
        size_t used = hkt__profile_used(c);
        struct site *s = used > 0 ? note(c, used) : NULL;
        if (s)
            s->living++;
    }
}

static void note_all(const struct hkt__thread *t)
{
    for (int i = 0; i < SITES; i++)
        seen.site[i].living = 0;
    if (t && t->profiled)
        hkt__stack_each(t, note_any);
}

void hkt__profile_end_all(const struct hkt__thread *t)
{
    pthread_mutex_lock(&seen.lock);
    note_all(t);
    for (int i = 0; i < SITES; i++) {
        seen.site[i].ended += seen.site[i].living;
        seen.site[i].living = 0;
    }
    pthread_mutex_unlock(&seen.lock);
}

/* Telling */

/* Twice what was seen; and that a signal may come, unless no handler would run there. */
static size_t suggestion(const struct site *s)
{
    size_t need = s->most * 2;
    size_t with_signal = s->most + hkt__signal_frame();
    size_t size = hkt__stack_for(need);

    if (need < with_signal && (size > HKT__STACK_SMALL || hkt__signal_on_stack()))
        size = hkt__stack_for(with_signal);
    return size;
}

size_t hkt_stack_suggest(hkt_body_fn *body)
{
    size_t size = 0;

    pthread_mutex_lock(&seen.lock);
    note_all(hkt__thread_current);
    for (int i = 0; i < SITES; i++)
        if (seen.site[i].fn == (uintptr_t)body && body && suggestion(&seen.site[i]) > size)
            size = suggestion(&seen.site[i]);
    pthread_mutex_unlock(&seen.lock);
    return size;
}

static void write_line(const char *line, int n, size_t size)
{
    hkt__os.write_stderr(line, (size_t)n < size ? (size_t)n : size - 1);
}

static void write_site(const struct site *s)
{
    char name[80], made_in[80], line[320];

    hkt__symbol_name(s->fn, name, sizeof name);
    name[strcspn(name, "+")] = '\0';
    hkt__symbol_name(s->from - 1, made_in, sizeof made_in); /* behind the call */
    write_line(line,
               snprintf(line, sizeof line, "  %-24s %-28s %8zu %10zu %10zu %10zu\n", name, made_in,
                        s->ended + s->living, s->most, s->room, suggestion(s)),
               sizeof line);
}

static int by_most(const void *a, const void *b)
{
    const struct site *one = *(struct site *const *)a, *other = *(struct site *const *)b;

    return (one->most < other->most) - (one->most > other->most);
}

/* Those seen, and first those that need most. */
static size_t put_in_order(void)
{
    size_t n = 0;

    for (int i = 0; i < SITES; i++)
        if (seen.site[i].fn)
            seen.order[n++] = &seen.site[i];
    qsort(seen.order, n, sizeof *seen.order, by_most);
    return n;
}

static void write_table(void)
{
    char line[160];
    size_t n = put_in_order();

    write_line(line,
               snprintf(line, sizeof line,
                        "hocket: stacks made in %zu places\n  %-24s %-28s %8s %10s "
                        "%10s %10s\n",
                        n, "function", "made in", "uses", "most used", "of", "stack_size"),
               sizeof line);
    for (size_t i = 0; i < n; i++)
        write_site(seen.order[i]);
    if (seen.left_out > 0)
        write_line(line,
                   snprintf(line, sizeof line, "  %zu uses of further places\n", seen.left_out),
                   sizeof line);
}

void hkt_stack_report(void)
{
    pthread_mutex_lock(&seen.lock);
    note_all(hkt__thread_current);
    write_table();
    pthread_mutex_unlock(&seen.lock);
}
