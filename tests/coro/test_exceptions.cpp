/* SPDX-License-Identifier: MIT
 *
 * C++ exceptions inside coroutines. What a catch block handles is kept by thread in the C++
 * runtime, so it must be put aside at each switch: else the wrong one is rethrown.
 */
#include "base/child.h"
#include "base/where.h"
#include "support/test.h"

#include <hocket/gen.h>

#include <exception>
#include <stdexcept>
#include <string>

namespace
{

int resume(struct hkt_coro *c)
{
    return hkt_coro_resume(c, NULL, NULL);
}

int throw_and_catch(struct hkt_coro *self, void *arg)
{
    int *caught = static_cast<int *>(arg);

    for (int i = 0; i < 3; i++) {
        try {
            HKT_TRY(hkt_coro_yield(self, NULL, NULL));
            throw std::runtime_error("number " + std::to_string(i));
        } catch (const std::runtime_error &e) {
            *caught += e.what() == "number " + std::to_string(i);
        }
    }
    return 0;
}

Test(exceptions, one_may_be_thrown_and_caught_inside)
{
    int caught = 0;
    struct hkt_coro *c = hkt_coro_new(throw_and_catch, &caught);

    while (resume(c) > 0)
        continue;
    cr_assert_eq(caught, 3);
    hkt_coro_free(c);
}

struct plan {
    std::string name;
    std::string rethrown;
    int steps;
};

/* Yields inside a catch block, and rethrows what it caught before. */
int yield_in_catch(struct hkt_coro *self, void *arg)
{
    plan *p = static_cast<plan *>(arg);

    try {
        try {
            throw std::runtime_error(p->name);
        } catch (...) {
            for (int i = 0; i < p->steps; i++)
                HKT_TRY(hkt_coro_yield(self, NULL, NULL));
            throw;
        }
    } catch (const std::runtime_error &e) {
        p->rethrown = e.what();
    }
    return 0;
}

Test(exceptions, a_switch_inside_catch_keeps_what_is_handled)
{
    plan p = {"mine", "", 3};
    struct hkt_coro *c = hkt_coro_new(yield_in_catch, &p);

    for (int i = 0; i < 3; i++) {
        cr_assert_eq(resume(c), 1);
        cr_assert(!std::current_exception(), "the resumer handles none");
        try {
            throw std::logic_error("the resumer's");
        } catch (const std::logic_error &) {
        }
    }
    cr_assert_eq(resume(c), 0);
    cr_assert_str_eq(p.rethrown.c_str(), "mine");
    hkt_coro_free(c);
}

Test(exceptions, several_in_their_catch_blocks_and_the_resumer_in_its_own)
{
    plan p[4] = {{"zero", "", 3}, {"one", "", 5}, {"two", "", 2}, {"three", "", 4}};
    struct hkt_coro *c[4];
    std::string mine;

    for (int i = 0; i < 4; i++)
        c[i] = hkt_coro_new(yield_in_catch, &p[i]);
    try {
        try {
            throw std::runtime_error("the resumer's");
        } catch (...) {
            for (int step = 0; step < 7; step++)
                for (int i = 0; i < 4; i++)
                    (void)!resume(c[(i * 3 + step) % 4]);
            throw;
        }
    } catch (const std::runtime_error &e) {
        mine = e.what();
    }
    cr_assert_str_eq(mine.c_str(), "the resumer's");
    for (int i = 0; i < 4; i++) {
        cr_assert_eq(hkt_coro_state(c[i]), HKT_FINISHED);
        cr_assert_str_eq(p[i].rethrown.c_str(), p[i].name.c_str());
        hkt_coro_free(c[i]);
    }
}

/* Resumes another from inside its own catch block. */
int nest(struct hkt_coro *self, void *arg)
{
    plan *p = static_cast<plan *>(arg);
    plan below = {p->name + "'", "", p->steps - 1};

    if (p->steps == 0)
        return yield_in_catch(self, (p->steps = 2, p));
    try {
        try {
            throw std::runtime_error(p->name);
        } catch (...) {
            struct hkt_coro *inner = hkt_coro_new(nest, &below);
            while (resume(inner) > 0)
                HKT_TRY(hkt_coro_yield(self, NULL, NULL));
            hkt_coro_free(inner);
            throw;
        }
    } catch (const std::runtime_error &e) {
        p->rethrown = e.what();
    }
    return p->rethrown == p->name && below.rethrown == below.name ? 0 : -EIO;
}

Test(exceptions, nested_coroutines_each_inside_a_catch_block)
{
    plan p = {"outermost", "", 5};
    struct hkt_coro *c = hkt_coro_new(nest, &p);
    int rc;

    while ((rc = resume(c)) > 0)
        continue;
    cr_assert_eq(rc, 0);
    cr_assert_str_eq(p.rethrown.c_str(), "outermost");
    hkt_coro_free(c);
}

struct pair {
    struct hkt_coro *c[2];
    std::string rethrown[2];
};

int transfer_in_catch(struct hkt_coro *self, void *arg)
{
    pair *both = static_cast<pair *>(arg);
    int me = self == both->c[1];

    try {
        try {
            throw std::runtime_error(me ? "second" : "first");
        } catch (...) {
            for (int i = 0; i < 5; i++)
                HKT_TRY(hkt_coro_transfer(self, both->c[!me], NULL, NULL));
            throw;
        }
    } catch (const std::runtime_error &e) {
        both->rethrown[me] = e.what();
    }
    return 0;
}

Test(exceptions, a_transfer_inside_catch_keeps_what_is_handled)
{
    pair both;

    both.c[0] = hkt_coro_new(transfer_in_catch, &both);
    both.c[1] = hkt_coro_new(transfer_in_catch, &both);
    cr_assert_eq(resume(both.c[0]), 0);
    cr_assert(!std::current_exception());
    cr_assert_eq(resume(both.c[1]), 0);
    cr_assert_str_eq(both.rethrown[0].c_str(), "first");
    cr_assert_str_eq(both.rethrown[1].c_str(), "second");
    hkt_coro_free(both.c[0]);
    hkt_coro_free(both.c[1]);
}

int gen_in_catch(struct hkt_gen *self, void *arg)
{
    return yield_in_catch(HKT__CORO_OF(self), arg);
}

int delegate_in_catch(struct hkt_gen *self, void *sub)
{
    int rc = 0;

    try {
        throw std::runtime_error("the delegator's");
    } catch (const std::runtime_error &e) {
        rc = hkt_yield_from(self, static_cast<struct hkt_gen *>(sub), NULL);
        try {
            throw;
        } catch (const std::runtime_error &again) {
            if (std::string(again.what()) != "the delegator's" || again.what() != e.what())
                rc = -EIO;
        }
    }
    return rc;
}

Test(exceptions, delegation_inside_catch_keeps_what_each_handles)
{
    plan p = {"the delegate's", "", 4};
    struct hkt_gen *sub = hkt_gen_new(gen_in_catch, &p);
    struct hkt_gen *mid = hkt_gen_new(delegate_in_catch, sub);
    struct hkt_gen *g = hkt_gen_new(delegate_in_catch, mid);
    int rc;

    while ((rc = hkt_gen_next(g, NULL)) > 0)
        cr_assert(!std::current_exception());
    cr_assert_eq(rc, 0);
    cr_assert_str_eq(p.rethrown.c_str(), "the delegate's");
    hkt_gen_free(g);
    hkt_gen_free(mid);
    hkt_gen_free(sub);
}

/* Closing: the yield answers with a code, so destructors run by plain returns. */

struct counted {
    int *count;
    explicit counted(int *n) : count(n)
    {
        ++*count;
    }
    ~counted()
    {
        --*count;
    }
    counted(const counted &) = delete;
    counted &operator=(const counted &) = delete;
};

int hold_objects(struct hkt_coro *self, void *arg)
{
    counted a(static_cast<int *>(arg));

    try {
        counted b(static_cast<int *>(arg));
        throw std::runtime_error("x");
    } catch (...) {
        counted c(static_cast<int *>(arg));
        return hkt_coro_yield(self, NULL, NULL);
    }
}

Test(exceptions, destructors_run_when_a_body_is_closed_in_a_catch_block)
{
    int count = 0;
    struct hkt_coro *c = hkt_coro_new(hold_objects, &count);

    cr_assert_eq(resume(c), 1);
    cr_assert_eq(count, 2, "the one in the try block has gone");
    cr_assert_eq(hkt_coro_close(c), 0);
    cr_assert_eq(count, 0);
    cr_assert(!std::current_exception());
    hkt_coro_free(c);
}

int uncaught_inside(struct hkt_coro *self, void *arg)
{
    try {
        HKT_TRY(hkt_coro_yield(self, NULL, NULL));
        throw 1;
    } catch (int) {
        *static_cast<int *>(arg) = std::uncaught_exceptions();
    }
    return 0;
}

struct resume_when_destroyed {
    struct hkt_coro *c;
    ~resume_when_destroyed()
    {
        (void)!resume(c);
    }
};

Test(exceptions, a_coroutine_resumed_while_the_stack_unwinds_counts_its_own_uncaught_ones)
{
    int inside = -1;
    struct hkt_coro *c = hkt_coro_new(uncaught_inside, &inside);

    cr_assert_eq(resume(c), 1);
    try {
        resume_when_destroyed guard = {c};
        throw std::runtime_error("unwinding");
    } catch (const std::runtime_error &) {
        cr_assert_eq(std::uncaught_exceptions(), 0);
    }
    cr_assert_eq(inside, 0);
    hkt_coro_free(c);
}

/* An exception that leaves a body has nowhere to go. */

int let_it_out(struct hkt_coro *self, void *arg)
{
    if (arg && hkt_coro_yield(self, NULL, NULL) < 0)
        return -1;
    throw std::runtime_error("nobody catches this");
}

void catch_outside(void *begun)
{
    try {
        struct hkt_coro *c = hkt_coro_new(let_it_out, begun);
        (void)!resume(c);
        (void)!resume(c);
    } catch (...) {
        (void)!write(STDERR_FILENO, "escaped\n", 8);
        _exit(1);
    }
}

Test(exceptions, one_that_leaves_a_body_ends_in_terminate_and_not_in_the_resumer)
{
    int x;
    void *const ways[] = {NULL, &x};

    for (void *begun : ways) {
        struct child child;
        cr_assert(child_run(&child, catch_outside, begun));
        cr_assert(child_died_of(&child, SIGABRT), "status 0x%x", child.status);
        cr_assert(!child_said(&child, "escaped"), "%s", child.err);
        cr_assert(child_said(&child, "terminate"), "%s", child.err);
    }
}

} // namespace
