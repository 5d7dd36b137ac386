/* SPDX-License-Identifier: MIT
 *
 * A chat room over TCP: each line that somebody says goes to everybody else.
 *
 *      chat [URL]        by default tcp://127.0.0.1:7000
 *
 *      nc 127.0.0.1 7000
 *
 * The first line that a client sends is its name; an empty one stands for its address. Stop it with
 * Ctrl-C.
 *
 * Whoever does not read what is said must not keep the others waiting: a stream keeps so much for a
 * client, and one that falls further behind is thrown out.
 */
#include <hocket/hocket.h>

#include <stdio.h>
#include <string.h>

enum {
    SEATS = 1000,
    LINE = 512, /* bytes of a line, with its newline */
    NAME = 32,  /* of a name */
    NAME_SECONDS = 60,
};

/* Who is in the room; NULL is a free seat. A stream that is here belongs to another task, which may
 * free it whenever this one is suspended. */
static struct hkt_stream *seats[SEATS];

static int find_seat(struct hkt_stream *s)
{
    for (int i = 0; i < SEATS; i++) {
        if (!seats[i]) {
            seats[i] = s;
            return i;
        }
    }
    return -ENOSPC;
}

/* To everybody but its author. Nothing here suspends, so nobody leaves meanwhile. A stream that is
 * aborted is at its end for the task that reads from it, which then leaves the room. */
static void say(const struct hkt_stream *author, const char *who, const char *words)
{
    char line[NAME + LINE + 8];
    int size = snprintf(line, sizeof line, "%s%s\n", who, words);

    for (int i = 0; i < SEATS; i++)
        if (seats[i] && seats[i] != author &&
            hkt_stream_try_write(seats[i], line, (size_t)size) < 0)
            hkt_stream_abort(seats[i]);
}

static int tell(struct hkt_stream *s, const char *words)
{
    return hkt_stream_write(s, words, strlen(words));
}

/* What a terminal would obey is not passed on to other people's. */
static void make_plain(char *line)
{
    line[strcspn(line, "\r\n")] = '\0';
    for (; *line; line++)
        if ((unsigned char)*line < ' ' || *line == 0x7f)
            *line = '?';
}

/* Returns: more than 0; 0 at the end. */
static int read_line(struct hkt_stream *s, char *line, size_t size)
{
    ssize_t n;

    while ((n = hkt_stream_readline(s, line, size)) == -EMSGSIZE)
        HKT_TRY(tell(s, "* that was too long\n"));
    if (n > 0)
        make_plain(line);
    return (int)n;
}

static int ask_name(struct hkt_stream *s, char *name)
{
    struct hkt_timeout limit = {0};
    struct hkt_addr peer;

    HKT_TRY(tell(s, "* your name?\n"));
    HKT_TRY(hkt_timeout_enter(&limit, HKT_SEC(NAME_SECONDS)));
    int n = (int)hkt_timeout_exit(&limit, read_line(s, name, NAME));
    if (n > 0 && name[0] == '\0') {
        HKT_TRY(hkt_stream_peer(s, &peer));
        hkt_addr_format(&peer, name, NAME);
    }
    return n == -ETIMEDOUT ? 0 : n;
}

static int talk(struct hkt_stream *s, const char *name)
{
    char line[LINE], who[NAME + 2];
    int n;

    snprintf(who, sizeof who, "%s: ", name);
    while ((n = read_line(s, line, sizeof line)) > 0)
        say(s, who, line);
    return n;
}

static int serve(struct hkt_stream *s, void *arg)
{
    char name[NAME], notice[NAME + 2];
    int rc = ask_name(s, name);

    (void)arg;
    if (rc <= 0)
        return rc;
    int seat = find_seat(s);
    if (seat < 0)
        return tell(s, "* the room is full\n");
    snprintf(notice, sizeof notice, "* %s", name);
    say(s, notice, " joined");
    rc = talk(s, name);
    seats[seat] = NULL;
    say(s, notice, " left");
    return rc;
}

int main(int argc, char **argv)
{
    return hkt_run(HKT_SERVER(argc > 1 ? argv[1] : "tcp://127.0.0.1:7000", serve));
}
