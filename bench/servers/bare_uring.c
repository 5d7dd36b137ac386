/* SPDX-License-Identifier: MIT
 *
 * The floor with io_uring: one accept and one receive for each connection that go on by themselves,
 * received into buffers that the ring hands out, and sends that are submitted with the next wait.
 */
#include "server.h"

#include <liburing.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
    ENTRIES = 4096,
    COMPLETIONS = 32768,
    BUFFERS = 1024, /* a power of two */
    SIZE = 4096,
    NO_BUFFER = 0xffff,
    GROUP = 1,
};

enum op { ACCEPT, RECEIVE, SEND };

static struct http *connections[SERVER_FDS];
static struct io_uring ring;
static struct io_uring_buf_ring *handed;
static char *buffers;
static int listener;

static uint64_t tag(enum op op, int fd, unsigned buffer)
{
    return (uint64_t)op << 56 | (uint64_t)buffer << 32 | (uint32_t)fd;
}

static struct io_uring_sqe *entry(uint64_t data)
{
    struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);

    if (!sqe) {
        io_uring_submit(&ring);
        sqe = io_uring_get_sqe(&ring);
    }
    if (!sqe)
        server_fail("io_uring_get_sqe");
    /* A prep function leaves it as it is. */
    sqe->user_data = data;
    return sqe;
}

static void submit_accept(void)
{
    io_uring_prep_multishot_accept(entry(tag(ACCEPT, listener, 0)), listener, NULL, NULL, 0);
}

static void submit_receive(int fd)
{
    struct io_uring_sqe *sqe = entry(tag(RECEIVE, fd, 0));

    io_uring_prep_recv_multishot(sqe, fd, NULL, 0, 0);
    sqe->flags |= IOSQE_BUFFER_SELECT;
    sqe->buf_group = GROUP;
}

static void hand_back(unsigned buffer)
{
    io_uring_buf_ring_add(handed, buffers + (size_t)buffer * SIZE, SIZE, (unsigned short)buffer,
                          io_uring_buf_ring_mask(BUFFERS), 0);
    io_uring_buf_ring_advance(handed, 1);
}

static void end(int fd)
{
    free(connections[fd]);
    connections[fd] = NULL;
    close(fd);
}

static void accepted(int fd)
{
    if (fd < 0 || fd >= SERVER_FDS)
        server_fail("accept");
    server_no_delay(fd);
    connections[fd] = http_new();
    submit_receive(fd);
}

/* What is echoed lies in the buffer until it was sent. */
static void answer(int fd, unsigned buffer, size_t size)
{
    struct answer a = answer_to(connections[fd], buffers + (size_t)buffer * SIZE, size);
    unsigned keep = server_echoes ? buffer : NO_BUFFER;

    if (!a.data)
        shutdown(fd, SHUT_RDWR);
    else if (a.size > 0)
        io_uring_prep_send(entry(tag(SEND, fd, keep)), fd, a.data, a.size, MSG_NOSIGNAL);
    if (keep == NO_BUFFER)
        hand_back(buffer);
}

static void received(int fd, const struct io_uring_cqe *cqe)
{
    bool armed = cqe->flags & IORING_CQE_F_MORE;

    if (cqe->res > 0)
        answer(fd, cqe->flags >> IORING_CQE_BUFFER_SHIFT, (size_t)cqe->res);
    else if (cqe->flags & IORING_CQE_F_BUFFER)
        hand_back(cqe->flags >> IORING_CQE_BUFFER_SHIFT);
    if (armed)
        return;
    if (cqe->res > 0 || cqe->res == -ENOBUFS)
        submit_receive(fd);
    else
        end(fd);
}

static void take(const struct io_uring_cqe *cqe)
{
    int fd = (int)(uint32_t)cqe->user_data;
    unsigned buffer = cqe->user_data >> 32 & 0xffff;

    switch ((enum op)(cqe->user_data >> 56)) {
    case ACCEPT:
        accepted(cqe->res);
        if (!(cqe->flags & IORING_CQE_F_MORE))
            submit_accept();
        break;
    case RECEIVE:
        received(fd, cqe);
        break;
    case SEND:
        if (buffer != NO_BUFFER)
            hand_back(buffer);
        if (cqe->res < 0)
            shutdown(fd, SHUT_RDWR);
        break;
    }
}

static void *map(size_t size)
{
    void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (p == MAP_FAILED)
        server_fail("mmap");
    return p;
}

static void begin(void)
{
    struct io_uring_params params = {
        .flags = IORING_SETUP_CQSIZE | IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN,
        .cq_entries = COMPLETIONS,
    };
    struct io_uring_buf_reg reg = {.ring_entries = BUFFERS, .bgid = GROUP};
    int rc = io_uring_queue_init_params(ENTRIES, &ring, &params);

    handed = map(BUFFERS * sizeof(struct io_uring_buf));
    buffers = map((size_t)BUFFERS * SIZE);
    reg.ring_addr = (uintptr_t)handed;
    if (rc == 0)
        rc = io_uring_register_buf_ring(&ring, &reg, 0);
    errno = -rc;
    if (rc < 0)
        server_fail("io_uring");
    io_uring_buf_ring_init(handed);
    for (unsigned i = 0; i < BUFFERS; i++)
        hand_back(i);
}

int server_run(void)
{
    begin();
    listener = server_listen();
    submit_accept();
    for (;;) {
        struct io_uring_cqe *cqe;
        unsigned head, seen = 0;
        io_uring_submit_and_wait(&ring, 1);
        io_uring_for_each_cqe(&ring, head, cqe)
        {
            take(cqe);
            seen++;
        }
        io_uring_cq_advance(&ring, seen);
    }
}
