/* SPDX-License-Identifier: MIT
 *
 * The files that httpd and webd serve. They are read with calls that block: what is served often is
 * in the system's memory, and one piece is read at a time.
 */
#define _POSIX_C_SOURCE 200809L

#include "site.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NAME_SIZE = 1025 };

static const char *type_of(const char *name)
{
    static const char *const types[][2] = {
        {".html", "text/html; charset=utf-8"},
        {".txt", "text/plain; charset=utf-8"},
        {".css", "text/css"},
        {".js", "text/javascript"},
        {".json", "application/json"},
        {".svg", "image/svg+xml"},
        {".png", "image/png"},
        {".jpg", "image/jpeg"},
        {".ico", "image/x-icon"},
    };
    const char *slash = strrchr(name, '/');
    const char *dot = strrchr(slash ? slash : name, '.');

    for (size_t i = 0; dot && i < sizeof types / sizeof types[0]; i++)
        if (strcasecmp(dot, types[i][0]) == 0)
            return types[i][1];
    return "application/octet-stream";
}

const char *path_of(const char *url, size_t *size)
{
    const char *end = url + *size, *at = url;

    if (at < end && *at != '/') {
        for (int slashes = 0; at < end && (slashes += *at == '/') < 3; at++)
            ;
    }
    *size = 0;
    while (at + *size < end && at[*size] != '?' && at[*size] != '#')
        ++*size;
    return at;
}

static int digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Returns: 0; a status. */
static int decode(const char *path, size_t size, char *name)
{
    size_t n = 0;

    if (size >= NAME_SIZE)
        return 414;
    for (size_t i = 0; i < size; i++) {
        char c = path[i];
        if (c == '%') {
            int high = i + 2 < size ? digit(path[i + 1]) : -1;
            int low = high >= 0 ? digit(path[i + 2]) : -1;
            if (low < 0 || (high == 0 && low == 0))
                return 400;
            c = (char)(high * 16 + low);
            i += 2;
        }
        name[n++] = c;
    }
    name[n] = '\0';
    return 0;
}

/* A name that leads up may lead out. What links in the directory lead to is up to its owner. */
static bool leads_up(const char *name)
{
    while (name) {
        name += strspn(name, "/");
        if (strncmp(name, "..", 2) == 0 && (name[2] == '/' || name[2] == '\0'))
            return true;
        name = strchr(name, '/');
    }
    return false;
}

static int status_of_error(int error)
{
    switch (error) {
    case ENOENT:
    case ENOTDIR:
        return 404;
    case EACCES:
    case EPERM:
    case ELOOP:
        return 403;
    case ENAMETOOLONG:
        return 414;
    case EMFILE:
    case ENFILE:
    case ENOMEM:
        return 503;
    default:
        return 500;
    }
}

/* Returns: a descriptor; a negative status. Without waiting for the other end of a pipe. */
static int open_at(int directory, const char *name, struct stat *st)
{
    int fd = openat(directory, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

    if (fd >= 0 && fstat(fd, st) == 0)
        return fd;
    int status = status_of_error(errno);
    if (fd >= 0)
        close(fd);
    return -status;
}

/* Returns: as open_at(), of a file. A directory stands for its index.html. */
static int open_file(int root, const char *name, struct stat *st, const char **type)
{
    int fd = open_at(root, name, st);

    *type = type_of(name);
    if (fd >= 0 && S_ISDIR(st->st_mode)) {
        int directory = fd;
        fd = open_at(directory, "index.html", st);
        *type = type_of("index.html");
        close(directory);
    }
    if (fd >= 0 && !S_ISREG(st->st_mode)) {
        close(fd);
        return -403;
    }
    return fd;
}

static int send_through(struct hkt_stream *s, int fd, int64_t size, struct hkt_timeout *limit,
                        int64_t step_ns, char *piece)
{
    for (int64_t at = 0; at < size;) {
        size_t most = size - at < HKT_BUF_SIZE ? (size_t)(size - at) : HKT_BUF_SIZE;
        ssize_t n = pread(fd, piece, most, at);
        if (n <= 0)
            return n < 0 ? -errno : -EPIPE; /* the file became shorter than was said */
        (void)hkt_timeout_reschedule(limit, hkt_now() + step_ns);
        HKT_TRY(hkt_stream_write(s, piece, (size_t)n));
        at += n;
    }
    return 0;
}

/* The piece is not on the stack: what was used of that stays memory while the client is idle. */
int send_pieces(struct hkt_stream *s, int fd, int64_t size, struct hkt_timeout *limit,
                int64_t step_ns)
{
    struct hkt_buf piece = {NULL, 0, 0, 0};
    int rc = hkt_buf_reserve(&piece, HKT_BUF_SIZE);

    if (rc == 0)
        rc = send_through(s, fd, size, limit, step_ns, piece.data);
    hkt_buf_release(&piece);
    return rc;
}

int find_file(int root, const char *path, size_t path_size, int64_t *size, const char **type)
{
    char name[NAME_SIZE];
    struct stat st;
    int status = decode(path, path_size, name);

    if (status != 0 || leads_up(name))
        return status ? -status : -403;
    const char *below = name + strspn(name, "/"); /* the root: what is absolute is outside */
    int fd = open_file(root, *below ? below : ".", &st, type);
    *size = fd < 0 ? 0 : st.st_size;
    return fd;
}

const char *date(time_t now)
{
    static _Thread_local char text[40]; /* a core's */
    static _Thread_local time_t made;
    struct tm tm;

    if (now != made)
        strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&now, &tm));
    made = now;
    return text;
}
