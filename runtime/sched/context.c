/* SPDX-License-Identifier: MIT
 *
 * Variables that tasks inherit. Each has a slot, the same in all arrays of pointers to values; a
 * task has such an array, or shares one with those from which or to which it was handed down. Who
 * sets something first gets an array of its own, so nobody sees what another sets afterwards.
 *
 * Arrays and values count their users without locks: they stay within a thread.
 */
#include "context.h"

#include "base/os.h"

#include <stdlib.h>
#include <string.h>

struct hkt__value {
    size_t users;
    void (*drop)(void *);
    max_align_t data[];
};

struct hkt__vars {
    size_t users;
    unsigned count;
    struct hkt__value *slot[];
};

struct hkt_context {
    struct hkt__vars *vars;
    bool entered;
};

static atomic_uint slots; /* given to variables; the first is 1 */

/* Of the thread, outside of tasks. The key is for its end only. */
static HKT__THREAD struct hkt__vars *outside;
static pthread_once_t outside_once = PTHREAD_ONCE_INIT;
static pthread_key_t outside_key;

static struct hkt__vars **here(void)
{
    struct hkt_task *self = hkt__task_self();

    return self ? &hkt__job(self)->vars : &outside;
}

/* Values and arrays */

static struct hkt__value *value_use(struct hkt__value *v)
{
    if (v)
        v->users++;
    return v;
}

static void value_release(struct hkt__value *v)
{
    if (!v || --v->users > 0)
        return;
    if (v->drop)
        v->drop(v->data);
    free(v);
}

static struct hkt__value *value_new(const struct hkt_var *var, const void *data)
{
    struct hkt__value *v = hkt__os.alloc(sizeof *v + var->size);

    if (!v)
        return NULL;
    v->users = 1;
    v->drop = var->drop;
    memcpy(v->data, data, var->size);
    return v;
}

static struct hkt__vars *vars_use(struct hkt__vars *vars)
{
    if (vars)
        vars->users++;
    return vars;
}

static void vars_release(struct hkt__vars *vars)
{
    if (!vars || --vars->users > 0)
        return;
    for (unsigned i = 0; i < vars->count; i++)
        value_release(vars->slot[i]);
    free(vars);
}

void hkt__vars_inherit(struct hkt__job *job, const struct hkt_task_opts *opts)
{
    job->vars = vars_use(opts && opts->context ? opts->context->vars : *here());
}

void hkt__vars_leave(struct hkt__job *job)
{
    struct hkt__vars *vars = job->vars;

    job->vars = NULL;
    vars_release(vars);
}

/* One that nobody else has, with room for so many; NULL: out of memory, and nothing was done. */
static struct hkt__vars *own(struct hkt__vars **at, unsigned count)
{
    struct hkt__vars *old = *at;

    if (old && old->users == 1 && old->count >= count)
        return old;
    if (old && old->count > count)
        count = old->count;
    struct hkt__vars *new = hkt__os.alloc(sizeof *new + count * sizeof new->slot[0]);
    if (!new)
        return NULL;
    new->users = 1;
    new->count = count;
    for (unsigned i = 0; old && i < old->count; i++)
        new->slot[i] = value_use(old->slot[i]);
    vars_release(old);
    *at = new;
    return new;
}

static void thread_ends(void *at)
{
    vars_release(*(struct hkt__vars **)at);
    *(struct hkt__vars **)at = NULL;
}

static void make_outside_key(void)
{
    pthread_key_create(&outside_key, thread_ends);
}

static void watch_thread(void)
{
    pthread_once(&outside_once, make_outside_key);
    pthread_setspecific(outside_key, &outside);
}

/* Slots: 0 is none yet. Two threads may be the first to ask. */
static unsigned slot_of(struct hkt_var *var)
{
    unsigned slot = __atomic_load_n(&var->slot, __ATOMIC_RELAXED), none = 0;

    if (slot)
        return slot;
    slot = atomic_fetch_add(&slots, 1) + 1;
    if (__atomic_compare_exchange_n(&var->slot, &none, slot, false, __ATOMIC_RELAXED,
                                    __ATOMIC_RELAXED))
        return slot;
    return none;
}

/* Getting and setting */

const void *hkt_var_value(const struct hkt_var *var)
{
    const struct hkt__vars *vars = *here();
    unsigned slot = __atomic_load_n(&var->slot, __ATOMIC_RELAXED);

    if (vars && slot && slot <= vars->count && vars->slot[slot - 1])
        return vars->slot[slot - 1]->data;
    return var->initial;
}

int hkt_var_get(const struct hkt_var *var, void *value, size_t size)
{
    const void *v = hkt_var_value(var);

    if (size != var->size)
        return -EINVAL;
    if (!v)
        return -ENOENT;
    memcpy(value, v, size);
    return 0;
}

static void remember(struct hkt_var_token *token, struct hkt_var *var, struct hkt__value *before)
{
    struct hkt_task *self = hkt__task_self();

    *token = (struct hkt_var_token){
        .var = var, .before = before, .task = self, .made = self ? hkt__job(self)->id : 0};
}

int hkt_var_set(struct hkt_var *var, const void *value, size_t size, struct hkt_var_token *token)
{
    struct hkt__vars **at = here();

    if (size != var->size)
        return -EINVAL;
    if (at == &outside && !outside)
        watch_thread();
    unsigned slot = slot_of(var);
    struct hkt__value *new = value_new(var, value);
    struct hkt__vars *vars = new ? own(at, slot) : NULL;
    if (!vars) {
        free(new);
        return -ENOMEM;
    }
    struct hkt__value *before = vars->slot[slot - 1];
    vars->slot[slot - 1] = new;
    if (token)
        remember(token, var, before);
    else
        value_release(before);
    atomic_store_explicit(&hkt__tasks_inherit, true, memory_order_relaxed);
    return 0;
}

int hkt_var_reset(struct hkt_var_token *token)
{
    const struct hkt_task *self = hkt__task_self();

    if (!token->var)
        return -EALREADY;
    if (token->task != self || (self && hkt__job(self)->id != token->made))
        return -EINVAL;
    unsigned slot = slot_of(token->var);
    struct hkt__vars *vars = own(here(), slot);
    if (!vars)
        return -ENOMEM;
    struct hkt__value *after = vars->slot[slot - 1];
    vars->slot[slot - 1] = token->before;
    *token = (struct hkt_var_token){0};
    value_release(after);
    return 0;
}

/* All of them */

struct hkt_context *hkt_context_copy(void)
{
    struct hkt_context *context = hkt__os.alloc(sizeof *context);

    if (context)
        context->vars = vars_use(*here());
    return context;
}

int hkt_context_free(struct hkt_context *context)
{
    if (!context)
        return 0;
    if (context->entered)
        return -EBUSY;
    vars_release(context->vars);
    free(context);
    return 0;
}

int hkt_context_run(struct hkt_context *context, hkt_task_fn *fn, void *arg)
{
    struct hkt__vars **at = here(), *before = *at;

    if (!context)
        return -ENOMEM;
    if (context->entered)
        return -EBUSY;
    context->entered = true;
    *at = context->vars;
    context->vars = NULL;
    int rc = fn(arg);
    context->vars = *at;
    *at = before;
    context->entered = false;
    return rc;
}
