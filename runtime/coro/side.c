/* SPDX-License-Identifier: MIT
 *
 * The watchers are found when the program runs, through weak references, so that one build of the
 * library serves programs with and without them.
 */
#include "side.h"
#include "base/os.h"
#include "base/report.h"
#include "profile.h"
#include "stack.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#ifdef HKT_HAVE_VALGRIND
#include <valgrind/memcheck.h>
#endif

/* Darwin's linker refuses a name that no library has, weak or not: there they are looked up. */
#if defined(__APPLE__)
#define WATCHER(result, name, args) static result(*name) args
#else
#define WATCHER(result, name, args) __attribute__((weak)) result name args
#endif

WATCHER(void, __sanitizer_start_switch_fiber, (void **fake, const void *bottom, size_t size));
WATCHER(void, __sanitizer_finish_switch_fiber, (void *fake, const void **bottom, size_t *size));
WATCHER(void, __asan_unpoison_memory_region, (const volatile void *addr, size_t size));
WATCHER(void, __lsan_register_root_region, (const void *addr, size_t size));
WATCHER(void, __lsan_unregister_root_region, (const void *addr, size_t size));
WATCHER(void *, __tsan_get_current_fiber, (void));
WATCHER(void *, __tsan_create_fiber, (unsigned flags));
WATCHER(void, __tsan_destroy_fiber, (void *fiber));
WATCHER(void, __tsan_switch_to_fiber, (void *fiber, unsigned flags));
/* Itanium C++ ABI 2.2.2: the caught exceptions' stack and the count of uncaught ones; on ARM EHABI
 * a third word. */
WATCHER(uintptr_t *, __cxa_get_globals, (void));

#if defined(__APPLE__)
#define FIND(name)                                                                                 \
    {                                                                                              \
        (void **)&(name), #name                                                                    \
    }

__attribute__((constructor)) static void find_watchers(void)
{
    static const struct {
        void **at;
        const char *name;
    } watchers[] = {
        FIND(__sanitizer_start_switch_fiber),
        FIND(__sanitizer_finish_switch_fiber),
        FIND(__asan_unpoison_memory_region),
        FIND(__lsan_register_root_region),
        FIND(__lsan_unregister_root_region),
        FIND(__tsan_get_current_fiber),
        FIND(__tsan_create_fiber),
        FIND(__tsan_destroy_fiber),
        FIND(__tsan_switch_to_fiber),
        FIND(__cxa_get_globals),
    };

    for (size_t i = 0; i < sizeof watchers / sizeof *watchers; i++)
        *watchers[i].at = dlsym(RTLD_DEFAULT, watchers[i].name);
}
#endif

#if defined(__arm__) && !defined(__APPLE__)
enum { EH_WORDS = 3 };
#else
enum { EH_WORDS = 2 };
#endif

static void eh_swap(uintptr_t *save, const uintptr_t *load)
{
    uintptr_t *globals = __cxa_get_globals();

    memcpy(save, globals, EH_WORDS * sizeof *save);
    memcpy(globals, load, EH_WORDS * sizeof *save);
}

static void put_canaries(const struct hkt__cold *cold)
{
    for (int i = 0; i < HKT__CANARIES; i++)
        ((uint64_t *)cold->low)[i] = HKT__CANARY;
}

/* On whose stack sp is: as a rule that of self, which needs no search. */
static struct hkt_coro *standing_on(struct hkt_coro *self, const void *sp)
{
    bool own = (uintptr_t)sp - (uintptr_t)self->cold->low < self->cold->room;

    return own ? self : hkt__stack_owner(sp, false);
}

/* Whether sp, where self is about to be suspended, is below its stack. It may as well be on that of
 * another that self has resumed. */
static bool sp_below(const struct hkt_coro *self, uintptr_t sp, const struct hkt_coro *on)
{
    if (on)
        return on != self && !hkt__busy(on);
    return (uintptr_t)self->cold->low - sp < self->cold->room;
}

static void die_of_overrun(const struct hkt__cold *cold)
{
    hkt__fatal("stack overflow in coroutine '%s': its stack of %zu bytes was overrun, which was "
               "found when it switched",
               cold->name, hkt__stack_size(cold));
}

uint32_t hkt__side_process_watched(void)
{
#ifdef HKT_DEBUG
    return HKT__SLOW;
#else
    return __sanitizer_start_switch_fiber || __tsan_switch_to_fiber || __cxa_get_globals ? HKT__SLOW
                                                                                         : 0;
#endif
}

void hkt__side_watch(struct hkt_coro *c)
{
    struct hkt__cold *cold = c->cold;

    cold->watched->peer = (struct hkt__peer){0};
    cold->watched->leaf = NULL;
    if (__asan_unpoison_memory_region) /* what the last user's frames left behind */
        __asan_unpoison_memory_region(cold->low, cold->room);
    if (cold->thread->profiled)
        hkt__profile_end(c);
    if (!(cold->traits & HKT__GUARDED))
        put_canaries(cold);
    if (__tsan_create_fiber && !cold->watched->fiber)
        cold->watched->fiber = __tsan_create_fiber(0);
}

void hkt__side_unwatch(struct hkt_coro *c)
{
    if (!__tsan_destroy_fiber || !c->cold->watched->fiber)
        return;
    __tsan_destroy_fiber(c->cold->watched->fiber);
    c->cold->watched->fiber = NULL;
}

/* The coroutine on whose stack c goes on: another one, if c was suspended from inside it. */
static const struct hkt__cold *stack_of(const struct hkt_coro *c)
{
    return c->cold->watched->leaf ? c->cold->watched->leaf->cold : c->cold;
}

HKT__UNSANITIZED void hkt__side_resume_leave(struct hkt__side *me, struct hkt_coro *c)
{
    const struct hkt__cold *on = stack_of(c);
    struct hkt__peer *peer = &c->cold->watched->peer;

    peer->bottom = NULL;
    if (__sanitizer_start_switch_fiber)
        __sanitizer_start_switch_fiber(&me->fake_stack, on->low, on->room);
    if (__tsan_switch_to_fiber) {
        peer->fiber = __tsan_get_current_fiber();
        __tsan_switch_to_fiber(on->watched->fiber, 0);
    }
}

void hkt__side_resume_arrive(struct hkt__side *me)
{
    if (__sanitizer_finish_switch_fiber)
        __sanitizer_finish_switch_fiber(me->fake_stack, NULL, NULL);
}

static void leave_state(struct hkt__side *me, const struct hkt_coro *self)
{
    const struct hkt__cold *cold = self->cold;
    struct hkt__side last;

    if (!me)
        me = &last;
    if (cold->traits & HKT_CORO_FPENV) {
        hkt__arch_fpenv_get(&me->fpenv);
        hkt__arch_fpenv_set(&cold->watched->peer.fpenv);
    }
    if (__cxa_get_globals)
        eh_swap(me->eh, cold->watched->peer.eh);
}

HKT__UNSANITIZED void hkt__side_leave(struct hkt__side *me, struct hkt_coro *self,
                                      struct hkt_coro *to)
{
    struct hkt__cold *cold = self->cold;
    const struct hkt__peer *peer = &cold->watched->peer;
    const void *bottom = peer->bottom;
    size_t size = peer->size;
    void *fiber = peer->fiber;

    bool guarded = cold->traits & HKT__GUARDED;

    /* Before anything else is looked at: what lay below may be another's control block. */
    if (!guarded && HKT_UNLIKELY(!hkt__canaries_live(cold)))
        die_of_overrun(cold);
    const void *sp = __builtin_frame_address(0);
    struct hkt_coro *on = standing_on(self, sp);
    if (!guarded && HKT_UNLIKELY(sp_below(self, (uintptr_t)sp, on)))
        die_of_overrun(cold);
    leave_state(me, self);
    cold->watched->leaf = me ? on : NULL;
    if (to) {
        const struct hkt__cold *on = stack_of(to);
        bottom = on->low;
        size = on->room;
        fiber = on->watched->fiber;
        to->cold->watched->peer = *peer;
    }
    if (__sanitizer_start_switch_fiber)
        __sanitizer_start_switch_fiber(me ? &me->fake_stack : NULL, bottom, size);
    if (__tsan_switch_to_fiber)
        __tsan_switch_to_fiber(fiber, 0);
}

static void arrive_state(const struct hkt__side *me, struct hkt__cold *cold)
{
    static const uintptr_t none[3];

    if (cold->traits & HKT_CORO_FPENV) {
        hkt__arch_fpenv_get(&cold->watched->peer.fpenv);
        if (me)
            hkt__arch_fpenv_set(&me->fpenv);
    }
    if (__cxa_get_globals)
        eh_swap(cold->watched->peer.eh, me ? me->eh : none);
}

void hkt__side_arrive(struct hkt__side *me, struct hkt_coro *self)
{
    if (__sanitizer_finish_switch_fiber) {
        const void *bottom;
        size_t size;
        __sanitizer_finish_switch_fiber(me ? me->fake_stack : NULL, &bottom, &size);
        struct hkt__peer *peer = &self->cold->watched->peer;
        if (!peer->bottom) { /* resumed, not transferred to: it came from the resumer */
            peer->bottom = bottom;
            peer->size = size;
        }
    }
    arrive_state(me, self->cold);
}

void hkt__side_open(void *addr, size_t size)
{
    (void)addr;
    (void)size;
#ifdef HKT_HAVE_VALGRIND
    VALGRIND_MAKE_MEM_UNDEFINED(addr, size);
#endif
}

void hkt__side_look(bool begin)
{
    (void)begin;
#ifdef HKT_HAVE_VALGRIND
    if (begin)
        VALGRIND_DISABLE_ERROR_REPORTING;
    else
        VALGRIND_ENABLE_ERROR_REPORTING;
#endif
}

/* A heap block may be referred to from a coroutine's stack alone. Told of each stack and not of the
 * slab, because LeakSanitizer reads all of it, and a guard page need not show in the process's map.
 */
void hkt__side_note_stack(struct hkt_coro *c)
{
    if (__lsan_register_root_region)
        __lsan_register_root_region(c->cold->low, c->cold->room);
#ifdef HKT_HAVE_VALGRIND
    if (RUNNING_ON_VALGRIND) /* else not even a page of those is touched */
        c->cold->watched->valgrind_id =
            VALGRIND_STACK_REGISTER(c->cold->low, c->cold->low + c->cold->room);
#endif
}

bool hkt__side_scans_memory(void)
{
    return __lsan_register_root_region != NULL;
}

void hkt__side_hide(const struct hkt_coro *c, const void *image, size_t size)
{
    if (!__lsan_register_root_region)
        return;
    __lsan_unregister_root_region(c->cold->low, c->cold->room);
    __lsan_register_root_region(image, size);
}

void hkt__side_show(const struct hkt_coro *c, const void *image, size_t size)
{
    if (!__lsan_register_root_region)
        return;
    __lsan_unregister_root_region(image, size);
    __lsan_register_root_region(c->cold->low, c->cold->room);
}

void hkt__side_forget_stack(struct hkt_coro *c)
{
    if (__lsan_unregister_root_region)
        __lsan_unregister_root_region(c->cold->low, c->cold->room);
    if (__asan_unpoison_memory_region)
        __asan_unpoison_memory_region(c->cold->low, c->cold->room);
#ifdef HKT_HAVE_VALGRIND
    if (RUNNING_ON_VALGRIND)
        VALGRIND_STACK_DEREGISTER(c->cold->watched->valgrind_id);
    VALGRIND_MAKE_MEM_UNDEFINED(c->cold->low, c->cold->room);
#endif
}
