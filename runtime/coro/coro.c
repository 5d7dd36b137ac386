/* SPDX-License-Identifier: MIT
 *
 * The coroutine state machine. The inline doors of hocket/coro.h handle the two states that matter
 * for speed, suspended and running; everything else comes here, to one funnel for each direction.
 */
#include "base/os.h"
#include "base/report.h"
#include "cold.h"
#include "profile.h"
#include "side.h"
#include "stack.h"

#include <string.h>

_Static_assert(sizeof(struct hkt_coro) <= 64, "a control block's hot half is one cache line");

/* Making and ending */

static int check_opts(const struct hkt_coro_opts *opts)
{
    const char *name = opts->name ? opts->name : "coro";

    if (opts->stack && opts->stack_size < HKT_STACK_MIN)
        hkt_report("coroutine '%s': its own memory of %zu bytes is less than %d", name,
                   opts->stack_size, HKT_STACK_MIN);
    else if (opts->stack_size && opts->stack_size < HKT_STACK_MIN)
        hkt_report("coroutine '%s': a stack of %zu bytes is less than %d", name, opts->stack_size,
                   HKT_STACK_MIN);
    else if (!opts->stack && opts->stack_size > hkt__stack_most())
        hkt_report("coroutine '%s': a stack of %zu bytes is more than %zu", name, opts->stack_size,
                   hkt__stack_most());
    else if (opts->flags & ~(unsigned)(HKT_CORO_FPENV | HKT_CORO_PAINT))
        hkt_report("coroutine '%s': unknown flags 0x%x", name, opts->flags);
    else
        return 0;
    return -EINVAL;
}

/* Above what must stay as it is. */
static uint64_t *lowest_paint(const struct hkt__cold *cold)
{
    return (uint64_t *)cold->low + (cold->traits & HKT__GUARDED ? 0 : HKT__CANARIES);
}

static void paint(struct hkt__cold *cold)
{
    uint64_t *low = lowest_paint(cold);

    hkt__side_open(low, (size_t)(cold->top - (char *)low));
    for (uint64_t *p = low; p < (uint64_t *)cold->top; p++)
        *p = HKT__PAINT;
}

static const char usual_name[] = "coro";

static struct hkt_coro *take(const struct hkt_coro_opts *opts)
{
    size_t size = opts->stack_size ? opts->stack_size : HKT__STACK_DEFAULT;

    if (check_opts(opts) < 0)
        return NULL;
    return opts->stack ? hkt__stack_adopt(opts->stack, size) : hkt__stack_take(size);
}

/* Puts c before its first step. */
HKT_INLINE void rewind_unwatched(struct hkt_coro *c, void *arg)
{
    struct hkt__cold *cold = c->cold;

    cold->arg = arg;
    cold->rc = 0;
    if (HKT_UNLIKELY(cold->result != NULL))
        cold->result = NULL;
    if (HKT_UNLIKELY(c->face != NULL))
        c->face = NULL;
    c->ctx.flags = HKT__CREATED;
}

static void rewind_to_start(struct hkt_coro *c, void *arg, void *site)
{
    const struct hkt__cold *cold = c->cold;
    bool special = (cold->traits & (HKT__GUARDED | HKT_CORO_FPENV)) != HKT__GUARDED;

    rewind_unwatched(c, arg);
    if (special || cold->thread->watched) {
        c->ctx.flags |= HKT__SLOW;
        hkt__side_watch(c);
        cold->watched->site = site;
    }
    if (cold->traits & HKT_CORO_PAINT)
        paint(c->cold);
}

/* Makes a control block, whose links are clear, ready for a use. What most blocks have in common is
 * compared before it is written, here and above, because a life takes more stores than a processor
 * commits in the time of all its other instructions. */
HKT_INLINE void dress(struct hkt_coro *c, const char *name, void *data, uint32_t traits)
{
    struct hkt__cold *cold = c->cold;
    char *top = cold->low + cold->room - cold->colour;

    if (HKT_UNLIKELY(cold->name != name))
        cold->name = name;
    if (HKT_UNLIKELY(cold->top != top))
        cold->top = top;
    if (HKT_UNLIKELY(cold->traits != traits))
        cold->traits = traits;
    if (HKT_UNLIKELY(c->data != data))
        c->data = data;
}

/* Apart, as make_slow() below. */
HKT__APART static struct hkt_coro *make_with(void *arg, const struct hkt_coro_opts *opts,
                                             uint32_t traits, void *site)
{
    struct hkt_coro *c = take(opts);

    if (!c)
        return NULL;
    traits |= opts->flags | (hkt__stack_guarded(c->cold) ? HKT__GUARDED : 0);
    dress(c, opts->name ? opts->name : usual_name, opts->data, traits);
    rewind_to_start(c, arg, site);
    return c;
}

/* Apart, so that the usual case saves no register for it. */
HKT__APART static struct hkt_coro *make_slow(struct hkt_coro *warm, void *arg, uint32_t traits,
                                             void *site)
{
    struct hkt_coro *c = warm ? warm : hkt__stack_take(HKT__STACK_DEFAULT);

    if (!c)
        return NULL;
    dress(c, usual_name, NULL, traits | HKT__GUARDED);
    rewind_to_start(c, arg, site);
    return c;
}

/* The usual case in one stretch: a block used before, and nothing to watch. */
static struct hkt_coro *make_usual(void *arg, uint32_t traits, void *site)
{
    struct hkt_coro *c = hkt__stack_take_warm();

    if (HKT_UNLIKELY(!c || hkt__thread_current->watched))
        return make_slow(c, arg, traits, site);
    dress(c, usual_name, NULL, traits | HKT__GUARDED);
    rewind_unwatched(c, arg);
    return c;
}

struct hkt_coro *hkt__coro_make(void *arg, const struct hkt_coro_opts *opts, uint32_t traits,
                                void *site)
{
    return opts ? make_with(arg, opts, traits, site) : make_usual(arg, traits, site);
}

HKT__APART static struct hkt_coro *new_slow(struct hkt_coro *warm, hkt_coro_fn *fn, void *arg,
                                            void *site)
{
    struct hkt_coro *c = make_slow(warm, arg, 0, site);

    if (c)
        c->cold->fn.coro = fn;
    return c;
}

HKT__APART struct hkt_coro *hkt_coro_new(hkt_coro_fn *fn, void *arg)
{
    struct hkt_coro *c = hkt__stack_take_warm();

    /* As make_usual(), which would have fn saved around a call that is seldom made. */
    if (HKT_UNLIKELY(!c || hkt__thread_current->watched))
        return new_slow(c, fn, arg, HKT__SITE);
    dress(c, usual_name, NULL, HKT__GUARDED);
    rewind_unwatched(c, arg);
    c->cold->fn.coro = fn;
    return c;
}

HKT__APART struct hkt_coro *hkt_coro_new_opts(hkt_coro_fn *fn, void *arg,
                                              const struct hkt_coro_opts *opts)
{
    struct hkt_coro *c = hkt__coro_make(arg, opts, 0, HKT__SITE);

    if (c)
        c->cold->fn.coro = fn;
    return c;
}

static void abandon_delegation(struct hkt_coro *c)
{
    struct hkt__cold *cold = c->cold;

    if (cold->delegator)
        hkt__gen_detach((struct hkt_gen *)c);
    if (cold->delegate)
        hkt__gen_detach(cold->delegate);
}

/* Who closes a body to be rid of it asks for no answer. */
static void report_last_error(const struct hkt_coro *c, int rc)
{
    if (rc < 0)
        hkt_report("coroutine '%s' failed when it was closed: %s", c->cold->name, hkt_strerror(rc));
}

/* Ends what has not ended by itself. Whether c may now be taken back. */
static bool put_to_rest(struct hkt_coro *c)
{
    if (hkt__coro_check(c, "free") < 0) {
        hkt_report("free of coroutine '%s' on a thread that is not its own: not freed",
                   c->cold->name);
        return false;
    }
    int rc = hkt_coro_close(c);
    if (c->ctx.flags & HKT__FINISHED) {
        report_last_error(c, rc);
        return true;
    }
    if (hkt__busy(c) || rc == -EBUSY) {
        hkt_report("free of coroutine '%s' while it is running: not freed", c->cold->name);
        return false;
    }
    hkt_report("coroutine '%s' ignored its close and was freed", c->cold->name);
    abandon_delegation(c);
    return true;
}

HKT__APART static void free_slow(struct hkt_coro *c)
{
    if (!c)
        return;
    if ((c->ctx.flags != HKT__FINISHED || c->cold->thread != hkt__thread_current) &&
        !put_to_rest(c))
        return;
    hkt__side_unwatch(c);
    hkt__stack_give(c);
}

void hkt_coro_free(struct hkt_coro *c)
{
    if (HKT_LIKELY(c && c->ctx.flags == HKT__FINISHED && c->cold->thread == hkt__thread_current &&
                   !hkt__thread_current->watched))
        hkt__stack_give(c);
    else
        free_slow(c);
}

/* Switching */

/* Moves the resumer from one context to the other. */
static void move_resumer(struct hkt_coro *from, struct hkt_coro *to)
{
    hkt__ctx_copy(&to->ctx, &from->ctx);
    to->ctx.flags = (to->ctx.flags & HKT__STICKY) | HKT__RUNNING;
}

/* Inlined, because a call that does not return would put the return predictor out of step: the
 * resumer's next return, a misprediction, would cost more than all the rest of a coroutine's life.
 */
HKT_INLINE void leave(struct hkt_coro *self, struct hkt_coro *to, struct hkt_msg msg)
{
    const struct hkt_ctx *load = &self->ctx;
    struct hkt_ctx target;

    if (to) {
        hkt__ctx_copy(&target, &to->ctx);
        move_resumer(self, to);
        load = &target;
    }
    if (HKT_UNLIKELY(self->ctx.flags & HKT__SLOW))
        hkt__side_leave(NULL, self, to);
    self->ctx.flags = HKT__FINISHED;
    hkt__ctx_jump_to(load, to ? &to->ctx : load, msg);
}

HKT__UNSANITIZED void hkt__coro_leave(struct hkt_coro *self, struct hkt_coro *to,
                                      struct hkt_msg msg)
{
    leave(self, to, msg);
}

static int run_body(struct hkt_coro *c)
{
    struct hkt__cold *cold = c->cold;

    return cold->traits & HKT__IS_GEN ? cold->fn.gen((struct hkt_gen *)c, cold->arg)
                                      : cold->fn.coro(c, cold->arg);
}

/* The first function on a coroutine's stack. */
HKT__UNSANITIZED static void coro_main(struct hkt_ctx *ctx, struct hkt_msg msg)
{
    struct hkt_coro *c = (struct hkt_coro *)ctx;

    (void)msg;
    if (HKT_UNLIKELY(c->ctx.flags & HKT__SLOW))
        hkt__side_arrive(NULL, c);
    int rc = run_body(c);
    c->cold->rc = rc;
    if (HKT_UNLIKELY(c->cold->delegator != NULL))
        hkt__gen_end((struct hkt_gen *)c, rc);
    else
        leave(c, NULL, (struct hkt_msg){NULL, rc < 0 ? rc : 0});
    __builtin_trap();
}

void hkt__coro_begin_at(struct hkt_coro *c, hkt_ctx_fn *fn)
{
    hkt__ctx_begin(&c->ctx, c->cold->top, fn);
    c->ctx.flags &= HKT__STICKY;
}

void hkt__coro_begin(struct hkt_coro *c)
{
    hkt__coro_begin_at(c, coro_main);
}

HKT_INLINE int run(struct hkt_coro *c, struct hkt_msg msg, void **value)
{
    c->ctx.flags = (c->ctx.flags & HKT__STICKY) | HKT__RUNNING;
    msg = hkt__ctx_resume(&c->ctx, msg);
    if (value)
        *value = msg.value;
    return (int)msg.code;
}

int hkt__coro_run(struct hkt_coro *c, struct hkt_msg msg, void **value)
{
    bool slow = c->ctx.flags & HKT__SLOW;
    struct hkt__side me;

    if (HKT_UNLIKELY(slow))
        hkt__side_resume_leave(&me, c);
    int rc = run(c, msg, value);
    if (HKT_UNLIKELY(slow))
        hkt__side_resume_arrive(&me);
    return rc;
}

struct hkt_msg hkt__coro_hand_over(struct hkt_coro *self, struct hkt_coro *to, struct hkt_msg msg)
{
    struct hkt_ctx target;
    bool slow = self->ctx.flags & HKT__SLOW;
    struct hkt__side me;

    hkt__ctx_copy(&target, &to->ctx);
    move_resumer(self, to);
    self->ctx.flags &= ~HKT__RUNNING;
    if (HKT_UNLIKELY(slow))
        hkt__side_leave(&me, self, to);
    msg = hkt__ctx_switch_to(&self->ctx, &target, &to->ctx, msg);
    if (HKT_UNLIKELY(slow))
        hkt__side_arrive(&me, self);
    return msg;
}

/* The funnels */

int hkt__coro_check_slow(const struct hkt_coro *c, const char *verb)
{
    if (!c)
        return -ENOMEM;
    if (c->ctx.flags & HKT__FREED)
        hkt__fatal("%s of coroutine '%s', which was freed", verb, c->cold->name);
    return -EXDEV;
}

static int step_unbegun(struct hkt_coro *c, struct hkt_msg msg, void **value)
{
    if (msg.code < 0) {
        c->cold->rc = (int)msg.code;
        c->ctx.flags = HKT__FINISHED;
        return (int)msg.code;
    }
    if (msg.value)
        return -EINVAL;
    hkt__coro_begin(c);
    return hkt__coro_run(c, msg, value);
}

/* A generator has ended for ever, as in Python; of a coroutine somebody wants what is no more. */
static int step_finished(const struct hkt_coro *c, struct hkt_msg msg)
{
    if (msg.code < 0)
        return (int)msg.code;
    return c->cold->traits & HKT__IS_GEN ? 0 : -ESHUTDOWN;
}

HKT__APART static int step_any(struct hkt_coro *c, struct hkt_msg msg, void **value)
{
    int rc = hkt__coro_check(c, "resume");

    if (value)
        *value = NULL;
    if (HKT_UNLIKELY(rc < 0))
        return rc;
    if (c->ctx.flags & HKT__CREATED)
        return step_unbegun(c, msg, value);
    if (HKT_UNLIKELY(hkt__busy(c)))
        return -EBUSY;
    if (c->ctx.flags & HKT__FINISHED)
        return step_finished(c, msg);
    if (HKT_UNLIKELY(c->ctx.flags & (HKT__DELEGATING | HKT__DELEGATED)))
        return hkt__gen_step_innermost((struct hkt_gen *)c, msg, value);
    return hkt__coro_run(c, msg, value);
}

int hkt__coro_step(struct hkt_coro *c, struct hkt_msg msg, void **value)
{
    if (HKT_UNLIKELY(!c || c->ctx.flags != HKT__CREATED || msg.value || msg.code ||
                     c->cold->thread != hkt__thread_current))
        return step_any(c, msg, value);
    c->ctx.flags = HKT__RUNNING;
    msg = hkt__ctx_start(&c->ctx, c->cold->top, coro_main);
    if (value)
        *value = msg.value;
    return (int)msg.code;
}

int hkt__coro_yield(struct hkt_coro *self, struct hkt_msg msg, void **in)
{
    struct hkt__side me;
    int rc = hkt__coro_check(self, "yield");

    if (rc == 0 && !(self->ctx.flags & HKT__RUNNING))
        rc = -EPERM;
    if (HKT_UNLIKELY(rc < 0)) {
        if (in)
            *in = NULL;
        return rc;
    }
    bool slow = self->ctx.flags & HKT__SLOW;
    self->ctx.flags &= ~HKT__RUNNING;
    if (HKT_UNLIKELY(slow))
        hkt__side_leave(&me, self, NULL);
    msg = hkt_ctx_switch(&self->ctx, &self->ctx, msg);
    if (HKT_UNLIKELY(slow))
        hkt__side_arrive(&me, self);
    if (in)
        *in = msg.value;
    return (int)msg.code;
}

static int may_transfer(const struct hkt_coro *self, const struct hkt_coro *to, const void *in)
{
    int rc = hkt__coro_check(to, "transfer");

    if (rc == 0)
        rc = hkt__coro_check(self, "transfer");
    if (rc < 0)
        return rc;
    if (!(self->ctx.flags & HKT__RUNNING))
        return -EPERM;
    if (hkt__busy(to))
        return -EBUSY;
    if (to->ctx.flags & HKT__FINISHED)
        return -ESHUTDOWN;
    if ((self->ctx.flags | to->ctx.flags) & (HKT__DELEGATING | HKT__DELEGATED))
        return -EBUSY; /* a chain of generators has one resumer */
    return (to->ctx.flags & HKT__CREATED) && in ? -EINVAL : 0;
}

int hkt__coro_transfer(struct hkt_coro *self, struct hkt_coro *to, void *in, void **back)
{
    struct hkt_msg msg = {in, 0};
    int rc = may_transfer(self, to, in);

    if (back)
        *back = NULL;
    if (rc < 0)
        return rc;
    if (to->ctx.flags & HKT__CREATED)
        hkt__coro_begin(to);
    msg = hkt__coro_hand_over(self, to, msg);
    if (back)
        *back = msg.value;
    return (int)msg.code;
}

int hkt_coro_close(struct hkt_coro *c)
{
    struct hkt_msg msg = {NULL, HKT_ECLOSE};
    int rc = hkt__coro_check(c, "close");

    if (rc < 0)
        return rc;
    if (hkt__busy(c))
        return -EBUSY;
    if (HKT_UNLIKELY(c->ctx.flags & HKT__DELEGATING)) {
        msg.code = hkt__gen_close_delegates((struct hkt_gen *)c);
        if (msg.code == 0)
            return -EBUSY;
    }
    rc = hkt__coro_step(c, msg, NULL);
    if (!(c->ctx.flags & HKT__FINISHED)) /* it yielded, or handed over to another */
        return -EPROTO;
    return rc == HKT_ECLOSE || rc > 0 ? 0 : rc;
}

HKT__APART int hkt_coro_reset(struct hkt_coro *c, hkt_coro_fn *fn, void *arg)
{
    int rc = hkt__coro_check(c, "reset");

    if (rc < 0)
        return rc;
    rc = hkt_coro_close(c);
    if (!(c->ctx.flags & HKT__FINISHED))
        return rc;
    report_last_error(c, rc);
    hkt__side_unwatch(c);
    rewind_to_start(c, arg, HKT__SITE);
    c->cold->fn.coro = fn;
    return 0;
}

/* Looking */

enum hkt_coro_state hkt_coro_state(const struct hkt_coro *c)
{
    if (!c || c->ctx.flags & (HKT__FINISHED | HKT__FREED))
        return HKT_FINISHED;
    if (c->ctx.flags & HKT__CREATED)
        return HKT_CREATED;
    if (c->ctx.flags & HKT__DELEGATING)
        c = &hkt__gen_innermost((const struct hkt_gen *)c)->coro;
    return hkt__busy(c) ? HKT_RUNNING : HKT_SUSPENDED;
}

int hkt_coro_result(const struct hkt_coro *c)
{
    if (!c)
        return -ENOMEM;
    return c->ctx.flags & HKT__FINISHED ? c->cold->rc : -EAGAIN;
}

struct hkt_coro *hkt_coro_current(void)
{
    return hkt__stack_owner(__builtin_frame_address(0), false);
}

const char *hkt_coro_name(const struct hkt_coro *c)
{
    return c ? c->cold->name : "none";
}

void hkt_coro_set_name(struct hkt_coro *c, const char *name)
{
    if (c)
        c->cold->name = name ? name : "coro";
}

size_t hkt_coro_stack_size(const struct hkt_coro *c)
{
    return c ? hkt__stack_size(c->cold) : 0;
}

HKT__UNSANITIZED static size_t painted_over(const struct hkt__cold *cold)
{
    const uint64_t *p = lowest_paint(cold);

    hkt__side_look(true);
    while (p < (const uint64_t *)cold->top && *p == HKT__PAINT)
        p++;
    hkt__side_look(false);
    return (size_t)(cold->top - (const char *)p);
}

size_t hkt_coro_stack_used(const struct hkt_coro *c)
{
    if (!c)
        return 0;
    if (c->cold->traits & HKT_CORO_PAINT)
        return painted_over(c->cold);
    if (c->cold->thread->profiled)
        return hkt__profile_used(c);
    if (!hkt__stack_guarded(c->cold))
        return hkt_coro_stack_size(c); /* in pages that are others' too */
    size_t used = hkt__os.resident(c->cold->low, c->cold->room) * hkt__os_page_size();
    size_t size = hkt_coro_stack_size(c);
    return used < size ? used : size;
}
