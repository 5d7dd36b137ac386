/* SPDX-License-Identifier: MIT
 *
 * Feeding a process and reading what it says, a task for each pipe: whichever is full or empty, the
 * others go on, so neither side waits for the other for ever.
 */
#include <hocket/io.h>
#include <hocket/process.h>
#include <hocket/task.h>

#include <string.h>

enum { FIRST_ROOM = 4096 };

struct feeding {
    int fd;
    const void *data;
    size_t size;
};

/* Closing says that no more will come. */
static int feed(void *arg)
{
    struct feeding *f = arg;
    int rc = hkt_write_all(f->fd, f->data, f->size, NULL);

    (void)hkt_close(f->fd);
    return rc == -EPIPE ? 0 : rc;
}

struct reading {
    int fd;
    struct hkt_output got;
    size_t room, limit;
    bool wanted;
};

/* One byte stays free for the NUL. */
static int make_room(struct reading *r)
{
    if (r->got.size + 1 < r->room)
        return 0;
    size_t room = r->room ? r->room * 2 : FIRST_ROOM;
    char *larger = hkt_alloc(room);
    if (!larger)
        return -ENOMEM;
    if (r->got.size > 0)
        memcpy(larger, r->got.data, r->got.size);
    hkt_dealloc(r->got.data);
    r->got.data = larger;
    r->room = room;
    return 0;
}

static int read_all(struct reading *r)
{
    ssize_t n;

    do {
        HKT_TRY(make_room(r));
        n = hkt_read(r->fd, r->got.data + r->got.size, r->room - 1 - r->got.size);
        if (n > 0 && r->wanted)
            r->got.size += (size_t)n;
        if (r->limit && r->got.size > r->limit)
            return -EMSGSIZE;
    } while (n > 0);
    r->got.data[r->got.size] = '\0';
    return (int)n;
}

static int take_in(void *arg)
{
    struct reading *r = arg;
    int rc = read_all(r);

    (void)hkt_close(r->fd);
    return rc;
}

static void hand_over(struct reading *r, struct hkt_output *to, int rc)
{
    if (to && rc == 0)
        *to = r->got;
    else
        hkt_dealloc(r->got.data);
}

/* A member that does not begin closes nothing. */
static int spawn_for(struct hkt_group *g, hkt_task_fn *fn, void *arg, int fd)
{
    const struct hkt_task_opts opts = {.name = "communicate", .flags = HKT_EAGER};

    if (fd < 0)
        return 0;
    int rc = hkt_group_spawn_opts(g, fn, arg, &opts);
    if (rc < 0)
        (void)hkt_close(fd);
    return rc;
}

static int exchange(struct feeding *in, struct reading *out, struct reading *err)
{
    struct hkt_group g = {.on_error = NULL};
    int rc = hkt_group_enter(&g);

    if (rc < 0)
        return rc;
    rc = spawn_for(&g, take_in, out, out->fd);
    int more = spawn_for(&g, take_in, err, err->fd);
    rc = rc < 0 ? rc : more;
    more = spawn_for(&g, feed, in, in->fd);
    return hkt_group_exit(&g, rc < 0 ? rc : more);
}

int hkt_process_communicate(struct hkt_process *p, const void *input, size_t size,
                            struct hkt_output *out, struct hkt_output *err, size_t limit,
                            int *status)
{
    struct feeding in = {.data = input, .size = size};
    struct reading from[2] = {{.limit = limit, .wanted = out != NULL},
                              {.limit = limit, .wanted = err != NULL}};

    if (out)
        *out = (struct hkt_output){NULL, 0};
    if (err)
        *err = (struct hkt_output){NULL, 0};
    if (!p)
        return -ENOMEM;
    if (!hkt_task_current())
        return -EPERM;
    in.fd = hkt_process_take_fd(p, 0);
    from[0].fd = hkt_process_take_fd(p, 1);
    from[1].fd = hkt_process_take_fd(p, 2);
    int rc = exchange(&in, &from[0], &from[1]);
    if (rc >= 0)
        rc = hkt_process_wait(p, status);
    hand_over(&from[0], out, rc);
    hand_over(&from[1], err, rc);
    return rc;
}
