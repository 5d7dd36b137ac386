/* SPDX-License-Identifier: MIT
 *
 * docs/tutorial.md, "Coroutines that hand over to each other".
 */
#include <hocket/coro.h>

#include <stdio.h>

struct player {
    const char *word;
    struct hkt_coro *other;
};

static int play(struct hkt_coro *self, void *arg)
{
    const struct player *player = arg;

    for (int i = 0; i < 3; i++) {
        printf("%s ", player->word);
        HKT_TRY(hkt_coro_transfer(self, player->other, NULL, NULL));
    }
    return 0;
}

int main(void)
{
    struct player ping = {"ping", NULL}, pong = {"pong", NULL};
    hkt_auto_coro first = hkt_coro_new(play, &ping);
    hkt_auto_coro second = hkt_coro_new(play, &pong);

    ping.other = second;
    pong.other = first;
    int rc = hkt_coro_resume(first, NULL, NULL);
    puts("");
    return rc < 0;
}
