/* SPDX-License-Identifier: MIT
 *
 * hocket/gen.h: Python's generators. A generator is a coroutine that hands out values on demand, in
 * constant memory, and can be sent values, thrown errors into, closed, and delegated to.
 *
 *      HKT_GEN_OF(ints, int);
 *
 *      static int count(struct hkt_gen *self, void *stop)
 *      {
 *          for (int i = 0; i < *(int *)stop; i++)
 *              HKT_TRY(ints_yield(self, i));
 *          return 0;
 *      }
 *
 *      hkt_auto_gen g = hkt_gen_new(count, &stop);
 *      for (int x; ints_next(g, &x) > 0;)
 *          printf("%d\n", x);
 *
 * Stepping calls answer 1 for a value, 0 for the end, and a negative code for an error.
 */
#ifndef HOCKET_GEN_H
#define HOCKET_GEN_H

#include <hocket/base.h>
#include <hocket/coro.h>

#include <string.h>

struct hkt_gen {
    struct hkt_coro coro; /* private */
};

/* A generator is its coroutine; NULL stays NULL. */
#define HKT__CORO_OF(g) ((struct hkt_coro *)(g))

typedef int hkt_gen_fn(struct hkt_gen *self, void *arg);

/* A source of values that needs no stack: like a step, it answers 1 with *value set, 0 at the end,
 * negative on error. */
typedef int hkt_iter_fn(void *ctx, void **value);

HKT_BEGIN_DECLS

/* What: makes a generator that will run fn(self, arg). Runs nothing yet.
 * Returns: the generator, or NULL when out of memory, which every call below answers with -ENOMEM.
 * Suspends: never. Thread: any, to which the generator then belongs.
 * Owner: the caller, who ends it with hkt_gen_free() or by hkt_auto_gen.
 * Python: calling a generator function. */
HKT_API HKT_MUST_CHECK struct hkt_gen *hkt_gen_new(hkt_gen_fn *fn, void *arg);
HKT_API HKT_MUST_CHECK struct hkt_gen *hkt_gen_new_opts(hkt_gen_fn *fn, void *arg,
                                                        const struct hkt_coro_opts *opts);

/* What: the same, with size bytes of *arg copied into the generator now, aligned for any type; the
 * body receives the copy. It is how arguments are bound by value. size: at most 1024.
 * Returns: NULL also when size is too large, which is reported. */
HKT_API HKT_MUST_CHECK struct hkt_gen *hkt_gen_new_copy(hkt_gen_fn *fn, const void *arg,
                                                        size_t size);

/* What: raises err at the pending yield of g, or of the generator that it delegates to. *value is
 * the next value yielded.
 * err: negative. HKT_ECLOSE closes delegates first.
 * Returns: as hkt_gen_next(); a generator that has not begun or has finished answers err itself and
 * runs nothing; -EINVAL: err is not negative. Python: generator.throw(). */
HKT_API HKT_MUST_CHECK int hkt_gen_throw(struct hkt_gen *g, int err, void **value);

/* What: asks g to finish: its pending yield answers HKT_ECLOSE.
 * Returns: 0; the body's own error; -EPROTO when the body yielded again, where it stays suspended;
 * -EBUSY when it is running. Python: generator.close(). */
HKT_API int hkt_gen_close(struct hkt_gen *g);

/* What: closes g and takes its memory back, even if the body ignores the close. That is reported,
 * and so is an error that the body returns then. NULL is fine. Freeing a running generator is
 * reported and does nothing; freeing twice aborts. Python: `del g`, sys.unraisablehook. */
HKT_API void hkt_gen_free(struct hkt_gen *g);

/* What: leaves result for hkt_gen_result() and answers 0: `return hkt_gen_return(self, p);`. */
HKT_API int hkt_gen_return(struct hkt_gen *self, void *result);

/* What: what a finished generator left with hkt_gen_return(), else NULL.
 * Python: StopIteration.value. */
HKT_API void *hkt_gen_result(const struct hkt_gen *g);

/* What: CREATED, RUNNING, SUSPENDED or FINISHED; suspended in a delegate is SUSPENDED.
 * Python: inspect.getgeneratorstate(). */
HKT_API enum hkt_coro_state hkt_gen_state(const struct hkt_gen *g);

/* What: the generator that g is delegating to, or NULL. Python: gi_yieldfrom. */
HKT_API struct hkt_gen *hkt_gen_delegate(const struct hkt_gen *g);

/* What: yields everything that sub yields, straight to whoever steps self, and forwards what is
 * sent and thrown; a step costs the same at any depth of delegation. *result (which may be NULL) is
 * what sub left with hkt_gen_return(). sub stays the caller's to free.
 * Returns: 0 when sub has finished; sub's error; HKT_ECLOSE after self was closed, sub having been
 * closed first; -EPROTO: sub yielded while being closed; -EBUSY: sub is running (or is self, or
 * delegates to self). Suspends: when sub yields. Python: yield from. */
HKT_API hkt_async int hkt_yield_from(struct hkt_gen *self, struct hkt_gen *sub, void **result);

/* What: yields every value of a stackless source. A value sent in is refused with -EINVAL, as
 * Python's iterators have no send; what is thrown comes out of this call.
 * Returns: 0 at the end; fn's error; what was thrown. Suspends: when fn gives a value.
 * Python: yield from an iterator. */
HKT_API hkt_async int hkt_yield_from_iter(struct hkt_gen *self, hkt_iter_fn *fn, void *ctx);

/* What: a generator of start, start + step, ... up to but not including stop (down to, for a
 * negative step), as int64_t; step with hkt_ints_next().
 * Returns: NULL when out of memory, or when step is 0, which is reported. Python: range(). */
HKT_API HKT_MUST_CHECK struct hkt_gen *hkt_range(int64_t start, int64_t stop, int64_t step);

HKT_API int hkt__gen_face_mismatch(const struct hkt_gen *g, const char *face);
/* Puts a value that came as a word where it has an address, until the next step. */
HKT_API int hkt__gen_keep_word(struct hkt_gen *g, void **value);

HKT_END_DECLS

HKT_INLINE int hkt__by_address(struct hkt_gen *g, int rc, void **value)
{
    return HKT_UNLIKELY(rc == HKT__YIELDED_WORD) ? hkt__gen_keep_word(g, value) : rc;
}

/* What: the next value of g in *value.
 * Returns: 1 a value; 0 finished, now and ever after; the body's error, once (0 afterwards);
 * -EBUSY: g is running, or a generator that it delegates to is.
 * Suspends: the caller until then. Thread: g's own. Python: next(g). */
HKT_INLINE HKT_MUST_CHECK int hkt_gen_next(struct hkt_gen *g, void **value)
{
    return hkt__by_address(g, hkt__step(HKT__CORO_OF(g), NULL, value), value);
}

/* What: the same, and the pending yield of g receives in; NULL is None.
 * Returns: also -EINVAL when in is not NULL and g has not begun: it may still be started.
 * Python: generator.send(). */
HKT_INLINE HKT_MUST_CHECK int hkt_gen_send(struct hkt_gen *g, void *in, void **value)
{
    return hkt__by_address(g, hkt__step(HKT__CORO_OF(g), in, value), value);
}

/* What: hands value to whoever stepped self, and waits for the next step. *in (which may be NULL)
 * is what was sent, NULL for a plain next. value is borrowed by the receiver until then.
 * Returns: 0; what was thrown in; HKT_ECLOSE: being closed, clean up and return it; -EPERM: self is
 * not running. Suspends: always. Python: in = yield value. */
HKT_INLINE hkt_async int hkt_yield(struct hkt_gen *self, void *value, void **in)
{
    return hkt_coro_yield(HKT__CORO_OF(self), value, in);
}

/* A callable as an iterator that ends when it answers a sentinel. Python: iter(callable, sentinel).
 * By value, no allocation; fields are private. */
struct hkt_iter {
    int (*fn)(void *ctx, void *out);
    void *ctx;
    const void *sentinel;
    size_t size;
    int done;
};

/* What: an iterator over what fn(ctx, out) stores, values of size bytes, until one equals
 * *sentinel, byte for byte. fn answers 1 for a value, 0 for its own end, negative for an error. */
HKT_INLINE struct hkt_iter hkt_iter(int (*fn)(void *ctx, void *out), void *ctx,
                                    const void *sentinel, size_t size)
{
    struct hkt_iter it = {fn, ctx, sentinel, size, 0};
    return it;
}

HKT_BEGIN_DECLS
/* What: the next value in *out. Returns: 1 a value; 0 finished, and stays so; fn's error, which
 * does not finish it. Suspends: never by itself; fn may. */
HKT_API HKT_MUST_CHECK int hkt_iter_next(struct hkt_iter *it, void *out);
HKT_END_DECLS

/* In debug builds (HKT_DEBUG) a typed accessor used on a generator of another type, or on one that
 * delegates to such, is refused with -EINVAL and reported: what it sends is not delivered, what was
 * yielded is not copied out. Otherwise this costs nothing. */
#ifdef HKT_DEBUG
#define HKT__FACE_SET(g, tag)   ((g) ? (void)((g)->coro.face = (tag)) : (void)0)
#define HKT__FACE_WRONG(g, tag) (hkt__gen_face_mismatch((g), (tag)) < 0)
#else
#define HKT__FACE_SET(g, tag)   ((void)0)
#define HKT__FACE_WRONG(g, tag) 0
#endif

/* Whether values of a type travel in a register. In C++ one that is not copied by its bytes does
 * not. */
#ifdef __cplusplus
#define HKT__IS_WORD(type) (sizeof(type) <= sizeof(void *) && __is_trivially_copyable(type))
#else
#define HKT__IS_WORD(type) (sizeof(type) <= sizeof(void *))
#endif

HKT_INLINE struct hkt_msg hkt__word_of(const void *value, size_t size)
{
    struct hkt_msg msg = {NULL, HKT__YIELDED_WORD};

    memcpy((void *)&msg.value, value, size < sizeof msg.value ? size : sizeof msg.value);
    return msg;
}

HKT_INLINE void hkt__word_to(void *out, size_t size, const void *word)
{
    memcpy(out, (const void *)&word, size < sizeof word ? size : sizeof word);
}

/* Declares a typed face over struct hkt_gen, so that user code has no casts. For
 * HKT_GEN_OF(ints, int):
 *
 *      int ints_next(g, int *out)                    next(g)
 *      int ints_send(g, int in, int *out)            g.send(in)
 *      int ints_throw(g, int err, int *out)          g.throw(err)
 *      int ints_yield(self, int value)               yield value
 *      int ints_yield_recv(self, int value, int *in) in = yield value; answers 1 when a value was
 *                                                    sent, 0 for a plain next, *in untouched
 *
 * A value that is no larger than a pointer travels in a register. Another lives on the yielder's
 * stack while it is suspended and is copied out. */
#define HKT_GEN_OF(face, type)                                                                     \
    typedef type face##_value;                                                                     \
    static const char face##__tag[] HKT_UNUSED = #face "(" #type ")";                              \
    HKT_INLINE int face##__got(struct hkt_gen *g, int rc, void *value, face##_value *out)          \
    {                                                                                              \
        const int word = rc == HKT__YIELDED_WORD;                                                  \
        (void)g;                                                                                   \
        if (HKT_UNLIKELY(rc <= 0))                                                                 \
            return rc;                                                                             \
        if (HKT__FACE_WRONG(g, face##__tag) || (word && !HKT__IS_WORD(face##_value)))              \
            return -EINVAL;                                                                        \
        if (HKT_LIKELY(word))                                                                      \
            hkt__word_to((void *)out, sizeof *out, value);                                         \
        else                                                                                       \
            *out = *(face##_value *)value;                                                         \
        return 1;                                                                                  \
    }                                                                                              \
    HKT_INLINE hkt_async int face##__give(struct hkt_gen *self, face##_value *value, void **in)    \
    {                                                                                              \
        HKT__FACE_SET(self, face##__tag);                                                          \
        if (HKT__IS_WORD(face##_value))                                                            \
            return hkt__yield(HKT__CORO_OF(self), hkt__word_of(value, sizeof *value), in);         \
        return hkt_yield(self, (void *)value, in);                                                 \
    }                                                                                              \
    HKT_INLINE HKT_MUST_CHECK int face##_next(struct hkt_gen *g, face##_value *out)                \
    {                                                                                              \
        void *value;                                                                               \
        int rc = hkt__step(HKT__CORO_OF(g), NULL, &value);                                         \
        return face##__got(g, rc, value, out);                                                     \
    }                                                                                              \
    HKT_INLINE HKT_MUST_CHECK int face##_send(struct hkt_gen *g, face##_value in,                  \
                                              face##_value *out)                                   \
    {                                                                                              \
        void *value;                                                                               \
        if (HKT__FACE_WRONG(g, face##__tag))                                                       \
            return -EINVAL;                                                                        \
        int rc = hkt__step(HKT__CORO_OF(g), (void *)&in, &value);                                  \
        return face##__got(g, rc, value, out);                                                     \
    }                                                                                              \
    HKT_INLINE HKT_MUST_CHECK int face##_throw(struct hkt_gen *g, int err, face##_value *out)      \
    {                                                                                              \
        void *value;                                                                               \
        int rc = hkt_gen_throw(g, err, &value);                                                    \
        return face##__got(g, rc, value, out);                                                     \
    }                                                                                              \
    HKT_INLINE hkt_async int face##_yield(struct hkt_gen *self, face##_value value)                \
    {                                                                                              \
        return face##__give(self, &value, NULL);                                                   \
    }                                                                                              \
    HKT_INLINE hkt_async int face##_yield_recv(struct hkt_gen *self, face##_value value,           \
                                               face##_value *in)                                   \
    {                                                                                              \
        void *sent;                                                                                \
        int rc = face##__give(self, &value, &sent);                                                \
        if (HKT_LIKELY(rc == 0) && sent) {                                                         \
            *in = *(face##_value *)sent;                                                           \
            return 1;                                                                              \
        }                                                                                          \
        return rc;                                                                                 \
    }                                                                                              \
    struct face##__face

HKT_GEN_OF(hkt_ints, int64_t);

#if defined(__GNUC__)
HKT_INLINE void hkt__gen_cleanup(struct hkt_gen **g)
{
    hkt_gen_free(*g);
}
/* A generator that is closed and freed when its scope is left, by any way. */
#define hkt_auto_gen __attribute__((cleanup(hkt__gen_cleanup))) struct hkt_gen *

struct hkt__each {
    struct hkt_gen *gen;
    int once;
};

HKT_INLINE void hkt__each_cleanup(struct hkt__each *each)
{
    hkt_gen_free(each->gen);
}

/* for x in g: runs the block that follows with each value in turn; owns the generator, and closes
 * and frees it when the loop is left, by its end, break, return or goto. *rc is 0 after a whole
 * run or a break at a value, negative when the generator failed.
 *
 *      HKT_EACH(ints, x, hkt_gen_new(count, &stop), &rc)
 *          printf("%d\n", x);
 */
#define HKT_EACH(face, var, gen_expr, rc)                                                          \
    for (__attribute__((                                                                           \
             cleanup(hkt__each_cleanup))) struct hkt__each hkt__each_##var = {(gen_expr), 1};      \
         hkt__each_##var.once; hkt__each_##var.once = 0)                                           \
        for (face##_value var; hkt__each_step((rc), face##_next(hkt__each_##var.gen, &var)) > 0;)

HKT_INLINE int hkt__each_step(int *rc, int step)
{
    *rc = step < 0 ? step : 0;
    return step;
}
#endif

#endif
