/* SPDX-License-Identifier: MIT
 *
 * Files, directories, names and processes without memory.
 */
#include "base/failing.h"

#include "base/sys.h"

#include <hocket/hocket.h>

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>

static struct hkt__sys real_sys;
static char dir[] = "/tmp/hocket-test-XXXXXX";

/* The pool may answer that the system has no thread, which has to do with memory too. */
static int as_memory(int rc)
{
    return rc == -EAGAIN ? -ENOMEM : rc;
}

/* A directory of so many entries that its list grows. */

enum { ENTRIES = 150 };

static const char *entry(int i)
{
    static char path[128];

    snprintf(path, sizeof path, "%s/an-entry-with-quite-a-long-name-%d", dir, i);
    return path;
}

static int list_it(void *arg)
{
    struct hkt_dir *list;
    int rc = hkt_dir_list(dir, &list);

    (void)arg;
    cr_assert((rc == 0) == (list != NULL));
    cr_assert(rc < 0 || list->count == ENTRIES);
    hkt_dir_free(list);
    return rc;
}

Test(io_oom, a_directory, .timeout = 60)
{
    cr_assert_not_null(mkdtemp(dir));
    for (int i = 0; i < ENTRIES; i++)
        close(open(entry(i), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    fail_each(list_it, NULL);
    for (int i = 0; i < ENTRIES; i++)
        unlink(entry(i));
    cr_assert_eq(rmdir(dir), 0);
}

/* Calls on paths. */

static int use_paths(void *arg)
{
    struct hkt_stat st;
    char sub[64], moved[64];

    (void)arg;
    snprintf(sub, sizeof sub, "%s/a", dir);
    snprintf(moved, sizeof moved, "%s/b", dir);
    int rc = hkt_path_mkdir(sub, 0700);
    rc = rc < 0 ? rc : hkt_path_stat(sub, &st);
    rc = rc < 0 ? rc : hkt_path_rename(sub, moved);
    rc = rc < 0 ? rc : hkt_path_rmdir(moved);
    (void)rmdir(sub);
    (void)rmdir(moved);
    return as_memory(rc);
}

Test(io_oom, paths, .timeout = 60)
{
    cr_assert_not_null(mkdtemp(dir));
    fail_each(use_paths, NULL);
    cr_assert_eq(rmdir(dir), 0);
}

/* A file that is copied to a socket, where the system does not send it by itself. */

static ssize_t no_sendfile(int socket, int file, int64_t *offset, size_t size)
{
    (void)socket, (void)file, (void)offset, (void)size;
    return -ENOSYS;
}

static int send_it(void *file)
{
    char got[16] = "";
    int pair[2];
    size_t done;

    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    int rc = hkt_sendfile(pair[0], ARG_FD(file), 0, 6, &done);
    if (rc == 0) {
        cr_assert_eq(done, 6);
        cr_assert_eq(read(pair[1], got, sizeof got), 6);
        cr_assert_str_eq(got, "a file");
    } else {
        cr_assert_eq(done, 0);
    }
    (void)hkt_close(pair[0]);
    close(pair[1]);
    return as_memory(rc);
}

Test(io_oom, a_file_to_a_socket, .timeout = 60)
{
    char path[] = "/tmp/hocket-test-XXXXXX";
    int file = mkstemp(path);

    cr_assert_eq(write(file, "a file", 6), 6);
    real_sys = hkt__sys;
    hkt__sys.sendfile = no_sendfile;
    fail_each(send_it, FD_ARG(file));
    hkt__sys = real_sys;
    close(file);
    unlink(path);
}

/* Names, by the pool. None leaves this machine. */

static int here(const char *host, const char *service, const struct addrinfo *hints,
                struct addrinfo **list)
{
    if (hints->ai_flags & AI_NUMERICHOST)
        return getaddrinfo(host, service, hints, list);
    return getaddrinfo("127.0.0.1", service, hints, list);
}

static int look_up(void *arg)
{
    const struct sockaddr_in addr = {.sin_family = AF_INET};
    struct addrinfo *list = NULL;
    char host[64];

    (void)arg;
    int rc = hkt_getaddrinfo("name.test", "80", NULL, &list);
    if (rc < 0)
        return as_memory(rc);
    cr_assert_not_null(list);
    hkt_freeaddrinfo(list);
    return as_memory(hkt_getnameinfo((const struct sockaddr *)&addr, sizeof addr, host, sizeof host,
                                     NULL, 0, NI_NUMERICHOST));
}

Test(io_oom, a_name, .timeout = 60)
{
    cr_assert_eq(setenv("HKT_RESOLVER", "pool", 1), 0);
    real_sys = hkt__sys;
    hkt__sys.getaddrinfo = here;
    fail_each(look_up, NULL);
    hkt__sys = real_sys;
}

/* A process that says what it is told, in more than one piece of memory. */

enum { TOLD = 20000 };

static int talk_with(struct hkt_process *p)
{
    static char told[TOLD];
    struct hkt_output out;
    int status = -1;

    memset(told, 'x', sizeof told);
    int rc = hkt_process_communicate(p, told, sizeof told, &out, NULL, 0, &status);
    if (rc == 0) {
        cr_assert_eq(status, 0);
        cr_assert_eq(out.size, sizeof told);
        cr_assert_eq(memcmp(out.data, told, sizeof told), 0);
        hkt_dealloc(out.data);
        return 0;
    }
    cr_assert_null(out.data);
    (void)hkt_process_kill(p);
    memory.fail_from = -1;
    cr_assert_eq(hkt_process_wait(p, &status), 0);
    return rc;
}

static int talk(void *arg)
{
    static const char *const argv[] = {"cat", NULL};
    const struct hkt_process_opts opts = {
        .in.how = HKT_PIPE, .out.how = HKT_PIPE, .err.how = HKT_NULL};
    struct hkt_process *p;
    int rc = hkt_process_spawn(argv, &opts, &p);

    (void)arg;
    cr_assert((rc == 0) == (p != NULL));
    if (rc == 0)
        rc = talk_with(p);
    hkt_process_free(p);
    return as_memory(rc);
}

static void no_child_is_left(void)
{
    cr_assert_eq(waitpid(-1, NULL, WNOHANG), -1);
    cr_assert_eq(errno, ECHILD);
}

Test(io_oom, a_process, .timeout = 120)
{
    fail_each(talk, NULL);
    no_child_is_left();
}

static int no_pidfd(pid_t pid)
{
    (void)pid;
    return -ENOSYS;
}

Test(io_oom, a_process_that_a_thread_waits_for, .timeout = 120)
{
    real_sys = hkt__sys;
    hkt__sys.pidfd_open = no_pidfd;
    fail_each(talk, NULL);
    hkt__sys = real_sys;
    no_child_is_left();
}
