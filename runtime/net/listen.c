/* SPDX-License-Identifier: MIT
 *
 * Listening sockets: made from an address, or handed over by whoever started the process.
 */
#include <hocket/cores.h>
#include <hocket/net.h>

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { FIRST_HANDED = 3, PORTS_TRIED = 20 };

/* FreeBSD spreads connections only over listeners with the former. */
#if defined(SO_REUSEPORT_LB)
enum { SHARE_PORT = SO_REUSEPORT_LB };
#elif defined(SO_REUSEPORT)
enum { SHARE_PORT = SO_REUSEPORT };
#endif

/* Only where there is a way to say it. */
#if defined(SO_INCOMING_CPU)
static void keep_to_this_cpu(int fd)
{
    const int cpu = sched_getcpu();

    if (cpu >= 0)
        (void)setsockopt(fd, SOL_SOCKET, SO_INCOMING_CPU, &cpu, sizeof cpu);
}
#else
static void keep_to_this_cpu(int fd)
{
    (void)fd;
}
#endif

static void set(int fd, int level, int option)
{
    const int on = 1;

    (void)setsockopt(fd, level, option, &on, sizeof on);
}

/* Options that connections inherit, where the system lets them, are set once here. */
static void set_options(int fd, const struct hkt_addr *addr, const struct hkt_server_opts *opts)
{
    if (addr->sockaddr.ss_family == AF_UNIX)
        return;
    set(fd, SOL_SOCKET, SO_REUSEADDR);
    if (opts->reuse_port)
        set(fd, SOL_SOCKET, SHARE_PORT);
    if (opts->same_cpu)
        keep_to_this_cpu(fd);
    if (addr->sockaddr.ss_family == AF_INET6)
        set(fd, IPPROTO_IPV6, IPV6_V6ONLY);
    if (addr->type == SOCK_STREAM)
        set(fd, IPPROTO_TCP, TCP_NODELAY);
}

/* Whether the path is a socket on which nobody listens any more. */
static bool is_stale(const struct hkt_addr *addr)
{
    const struct sockaddr_un *un = (const struct sockaddr_un *)&addr->sockaddr;
    struct stat st;

    if (addr->sockaddr.ss_family != AF_UNIX || !un->sun_path[0] || lstat(un->sun_path, &st) != 0 ||
        !S_ISSOCK(st.st_mode))
        return false;
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    if (fd < 0)
        return false;
    /* A full backlog would block: that one is alive. */
    (void)fcntl(fd, F_SETFL, O_NONBLOCK);
    bool refused =
        connect(fd, (const struct sockaddr *)un, addr->size) != 0 && errno == ECONNREFUSED;
    close(fd);
    return refused;
}

static int bind_to(int fd, const struct hkt_addr *addr)
{
    const struct sockaddr *sa = (const struct sockaddr *)&addr->sockaddr;

    if (bind(fd, sa, addr->size) == 0)
        return 0;
    if (errno != EADDRINUSE || !is_stale(addr))
        return -errno;
    unlink(((const struct sockaddr_un *)&addr->sockaddr)->sun_path);
    return bind(fd, sa, addr->size) == 0 ? 0 : -errno;
}

static int listen_on(const struct hkt_addr *addr, const struct hkt_server_opts *opts)
{
    int fd = hkt_socket(addr->sockaddr.ss_family, addr->type, 0);

    if (fd < 0)
        return fd;
    set_options(fd, addr, opts);
    int rc = bind_to(fd, addr);
    if (rc == 0 && addr->type == SOCK_STREAM &&
        listen(fd, opts->backlog > 0 ? opts->backlog : SOMAXCONN) != 0)
        rc = -errno;
    if (rc == 0)
        return fd;
    (void)hkt_close(fd);
    return rc;
}

/* Port 0 means the same port for all addresses: the first one's. */
static void follow(struct hkt_addr *addr, int fd)
{
    struct sockaddr_storage first;
    socklen_t size = sizeof first;
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&addr->sockaddr;

    /* The port lies at the same place in both families. */
    if (addr->sockaddr.ss_family != AF_UNIX && in6->sin6_port == 0 &&
        getsockname(fd, (struct sockaddr *)&first, &size) == 0)
        in6->sin6_port = ((struct sockaddr_in6 *)&first)->sin6_port;
}

/* A machine may lack a family; one address has to do. */
static bool is_absent(int rc)
{
    return rc == -EAFNOSUPPORT || rc == -EADDRNOTAVAIL;
}

static void close_all(const int *fds, int n)
{
    while (n > 0)
        (void)hkt_close(fds[--n]);
}

static int listen_on_all(struct hkt_addr *list, int n, const struct hkt_server_opts *opts, int *fds)
{
    int done = 0, rc = 0;

    for (int i = 0; i < n; i++) {
        if (done > 0)
            follow(&list[i], fds[0]);
        rc = listen_on(&list[i], opts);
        if (rc >= 0)
            fds[done++] = rc;
        else if (!is_absent(rc))
            break;
    }
    if (rc >= 0 || (is_absent(rc) && done > 0))
        return done;
    close_all(fds, done);
    return rc;
}

static bool has_port(const struct hkt_addr *addr)
{
    return addr->sockaddr.ss_family == AF_UNIX ||
           ((const struct sockaddr_in6 *)&addr->sockaddr)->sin6_port != 0;
}

/* A port that the system gives to the first address may be somebody's in the other family: then
 * another one is asked for. */
static int listen_on_any(const struct hkt_addr *list, int n, const struct hkt_server_opts *opts,
                         int *fds)
{
    const struct sockaddr_in6 *first = (const struct sockaddr_in6 *)&list[0].sockaddr;
    bool free_choice = n > 1 && first->sin6_port == 0;
    int rc, tries = 0;

    do {
        struct hkt_addr copy[HKT_ADDRS_MAX];
        memcpy(copy, list, (size_t)n * sizeof *list);
        rc = listen_on_all(copy, n, opts, fds);
    } while (rc == -EADDRINUSE && free_choice && ++tries < PORTS_TRIED);
    return rc;
}

static uint16_t port_of(int fd)
{
    struct hkt_addr addr = {.sockaddr.ss_family = AF_UNSPEC};

    follow(&addr, fd);
    return ((const struct sockaddr_in6 *)&addr.sockaddr)->sin6_port;
}

/* Where the system may choose the port, cores that share one follow the first of them. */
static int listen_in_step(const char *url, struct hkt_addr *list, int n,
                          const struct hkt_server_opts *opts, int *fds)
{
    uint16_t port = hkt__core_port_begin(url);

    for (int i = 0; i < n && port; i++)
        ((struct sockaddr_in6 *)&list[i].sockaddr)->sin6_port = port;
    int rc = listen_on_any(list, n, opts, fds);
    int agreed = hkt__core_port_end(url, rc > 0 && !port ? port_of(fds[0]) : 0);
    if (rc < 0 || agreed == 0)
        return rc;
    close_all(fds, rc);
    return agreed;
}

/* Handed over */

static const char *env(const char *name)
{
    const char *value = getenv(name);

    return value ? value : "";
}

/* Whether the name is the i-th between colons of the list. */
static bool is_named(const char *list, int i, const char *name)
{
    while (i-- > 0 && *list) {
        list += strcspn(list, ":");
        list += *list == ':';
    }
    size_t size = strcspn(list, ":");
    return size == strlen(name) && memcmp(list, name, size) == 0;
}

/* How many there are, whether or not they fit. */
static size_t find_handed(const char *name, int *fds, size_t max)
{
    long count = strtol(env("LISTEN_FDS"), NULL, 10);
    size_t n = 0;

    if (strtol(env("LISTEN_PID"), NULL, 10) != (long)getpid())
        return 0;
    for (int i = 0; i < count; i++) {
        if (name && *name && !is_named(env("LISTEN_FDNAMES"), i, name))
            continue;
        if (n < max)
            fds[n] = FIRST_HANDED + i;
        n += fcntl(FIRST_HANDED + i, F_SETFD, FD_CLOEXEC) == 0;
    }
    return n;
}

int hkt_listen_fds(const char *name, int *fds, size_t max)
{
    size_t n = find_handed(name, fds, max);

    return (int)(n < max ? n : max);
}

static int inherited(const char *url, int *fds, size_t max)
{
    char *end;
    long fd = strtol(url + 5, &end, 10);

    if (end == url + 5 || *end || fd < 0 || max < 1 || fcntl((int)fd, F_GETFD) < 0) {
        hkt_report("'%s' is not an open descriptor", url);
        return -EBADF;
    }
    fds[0] = (int)fd;
    return 1;
}

static int handed_over(const char *url, int *fds, size_t max)
{
    size_t n = find_handed(url + 10, fds, max);

    if (n > 0 && n <= max)
        return (int)n;
    if (n == 0)
        hkt_report("'%s': no such socket was handed over", url);
    else
        hkt_report("'%s': %zu sockets were handed over, and %zu fit", url, n, max);
    return n == 0 ? -ENOENT : -E2BIG;
}

int hkt_listen(const char *url, const struct hkt_server_opts *opts, int *fds, size_t max)
{
    static const struct hkt_server_opts none;
    struct hkt_addr list[HKT_ADDRS_MAX];

    if (url && strncmp(url, "fd://", 5) == 0)
        return inherited(url, fds, max);
    if (url && strncmp(url, "systemd://", 10) == 0)
        return handed_over(url, fds, max);
    int n = hkt_resolve(url, true, list, max < HKT_ADDRS_MAX ? max : HKT_ADDRS_MAX);
    if (n <= 0)
        return n;
    if (!opts)
        opts = &none;
    return opts->reuse_port && !has_port(&list[0]) ? listen_in_step(url, list, n, opts, fds)
                                                   : listen_on_any(list, n, opts, fds);
}
