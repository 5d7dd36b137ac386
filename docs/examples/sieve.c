/* SPDX-License-Identifier: MIT
 *
 * Go's prime sieve: a task for each prime, and an unbuffered channel from each to the next. Each
 * passes on what its prime does not divide; the first number that comes out is the next prime. When
 * enough are found the last channel is closed, each task closes the one before, and a select sees
 * whether the end reaches the first task within a second.
 */
#include <hocket/channel.h>
#include <hocket/task.h>

#include <stdio.h>

HKT_CHANNEL_OF(ints, int);

enum { PRIMES = 10 };

struct stage {
    struct hkt_channel *in;
    struct hkt_channel out;
    int prime;
};

static int count_up(void *arg)
{
    struct hkt_channel *out = arg;

    for (int i = 2;; i++)
        HKT_TRY(ints_send(out, i)); /* -ESHUTDOWN when it is closed */
}

static int pass_on(void *arg)
{
    struct stage *s = arg;

    for (int x; ints_recv(s->in, &x) > 0;)
        if (x % s->prime != 0 && ints_send(&s->out, x) < 0)
            break;
    return hkt_channel_close(s->in); /* which ends the stage before it */
}

static int sieve(void *arg)
{
    struct hkt_channel numbers = HKT_CHANNEL_INIT(int);
    struct stage stages[PRIMES];
    struct hkt_task *filters[PRIMES];
    struct hkt_channel *from = &numbers;
    struct hkt_task *source = hkt_spawn(count_up, &numbers);

    (void)arg;
    for (int i = 0; i < PRIMES; i++) {
        stages[i] = (struct stage){from, HKT_CHANNEL_INIT(int), 0};
        if (ints_recv(from, &stages[i].prime) <= 0)
            return -EPROTO;
        printf("%d\n", stages[i].prime);
        filters[i] = hkt_spawn(pass_on, &stages[i]);
        from = &stages[i].out;
    }
    HKT_TRY(hkt_channel_close(from));

    struct hkt_case cases[] = {hkt_case_future(hkt_task_future(source)),
                               hkt_case_after(HKT_SEC(1))};
    int first = hkt_select(cases, 2);
    printf("%s\n", first == 0 && cases[0].rc == -ESHUTDOWN ? "the source was told" : "too late");
    for (int i = 0; i < PRIMES; i++)
        HKT_TRY(hkt_join(filters[i]));
    return hkt_join(source) == -ESHUTDOWN ? 0 : -EPROTO;
}

int main(void)
{
    return hkt_run(sieve, NULL) < 0;
}
