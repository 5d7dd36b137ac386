/* SPDX-License-Identifier: MIT
 *
 * hocket/context.h: variables that each task has a value of its own of, and begins with those that
 * the task had that spawned it. What it sets is seen by itself and by those that it spawns later.
 *
 *      HKT_VAR_OF(numbers, int);
 *      static struct hkt_var request = HKT_VAR("request", int);
 *
 *      HKT_TRY(numbers_set(&request, 17));
 *      hkt_detach(hkt_spawn(log_later, NULL));     there numbers_get(&request, &x) answers 17
 *
 * To get is two loads and a comparison, whatever was set; to set copies the value, and, if the
 * variables were inherited since the last time, an array with a pointer for each. A task that is
 * spawned where nothing was set pays nothing.
 *
 * A thread has values of its own outside of tasks. Callbacks see those, and the main task of a loop
 * begins with them; a thread of the pool has none. Python: contextvars. Unless a comment says
 * otherwise a function is called on any thread, and never suspends.
 */
#ifndef HOCKET_CONTEXT_H
#define HOCKET_CONTEXT_H

#include <hocket/base.h>
#include <hocket/loop.h>

#include <stdbool.h>

/* A variable: static, or in place as long as anything may have a value of it. */
struct hkt_var {
    const char *name;
    size_t size;          /* of a value */
    const void *initial;  /* what it is where it was not set; NULL: nothing */
    void (*drop)(void *); /* called with each value that nobody has any more; NULL: nothing is */
    unsigned slot;        /* private */
};

#define HKT_VAR(name_, type)                                                                       \
    {                                                                                              \
        (name_), sizeof(type), NULL, NULL, 0                                                       \
    }
/* With the address of what it is where it was not set. */
#define HKT_VAR_INITIAL(name_, type, initial_)                                                     \
    {                                                                                              \
        (name_), sizeof(type), (initial_), NULL, 0                                                 \
    }

/* What a variable was before. Fields are private. Python: Token. */
struct hkt_var_token {
    struct hkt_var *var;
    struct hkt__value *before;
    struct hkt_task *task;
    uint64_t made;
};

/* A copy of all variables. Python: Context. */
struct hkt_context;

HKT_BEGIN_DECLS

/* What: the value here, in place: it stays until this task sets the variable again or ends.
 * Returns: NULL: it was not set, and has no initial value. Python: ContextVar.get(). */
HKT_API const void *hkt_var_value(const struct hkt_var *var);

/* What: copies the value into *value. Returns: 0; -ENOENT: it was not set, and has no initial
 * value; -EINVAL: size is not the variable's. Python: ContextVar.get(). */
HKT_API HKT_MUST_CHECK int hkt_var_get(const struct hkt_var *var, void *value, size_t size);

/* What: gives it a copy of *value, here and in tasks that are spawned from here on. token, which
 * may be NULL, receives what it was before, and holds on to that until hkt_var_reset().
 * Returns: 0; -ENOMEM; -EINVAL: size is not the variable's. Python: ContextVar.set(). */
HKT_API HKT_MUST_CHECK int hkt_var_set(struct hkt_var *var, const void *value, size_t size,
                                       struct hkt_var_token *token);

/* What: makes it what it was before. Ends the token, but for -EINVAL and -ENOMEM, which can come
 * only when a task was spawned since.
 * Returns: 0; -EALREADY: done before; -EINVAL: another task set it; -ENOMEM.
 * Python: ContextVar.reset(). */
HKT_API int hkt_var_reset(struct hkt_var_token *token);

/* What: a copy of all variables as they are here. Returns: NULL when out of memory. Thread: it may
 * be used by this one only. Owner: the caller. Python: copy_context(). */
HKT_API HKT_MUST_CHECK struct hkt_context *hkt_context_copy(void);
/* NULL is fine. Returns: 0; -EBUSY: something runs in it (nothing done). */
HKT_API int hkt_context_free(struct hkt_context *context);

/* What: calls fn(arg) with these variables, and keeps in context what it sets. For a task of its
 * own that begins with a copy of them: struct hkt_task_opts.
 * Returns: what fn returned; -EBUSY: something runs in it; -ENOMEM: NULL. Suspends: if fn does.
 * Python: Context.run(). */
HKT_API hkt_async int hkt_context_run(struct hkt_context *context, hkt_task_fn *fn, void *arg);

HKT_END_DECLS

/* Declares a typed face over struct hkt_var. For HKT_VAR_OF(users, struct user):
 * users_get(var, &value), users_set(var, value), users_swap(var, value, &token), to be undone by
 * hkt_var_reset(). On a variable whose values have another size they answer -EINVAL. */
#define HKT_VAR_OF(face, type)                                                                     \
    typedef type face##_var_value;                                                                 \
    HKT_INLINE HKT_MUST_CHECK int face##_get(const struct hkt_var *var, face##_var_value *value)   \
    {                                                                                              \
        return hkt_var_get(var, value, sizeof *value);                                             \
    }                                                                                              \
    HKT_INLINE HKT_MUST_CHECK int face##_set(struct hkt_var *var, face##_var_value value)          \
    {                                                                                              \
        return hkt_var_set(var, &value, sizeof value, NULL);                                       \
    }                                                                                              \
    HKT_INLINE HKT_MUST_CHECK int face##_swap(struct hkt_var *var, face##_var_value value,         \
                                              struct hkt_var_token *token)                         \
    {                                                                                              \
        return hkt_var_set(var, &value, sizeof value, token);                                      \
    }                                                                                              \
    struct face##__var_face

#endif
