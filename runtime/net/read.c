/* SPDX-License-Identifier: MIT
 *
 * Forms of reading that look into what has come before they take it: all of them peek and consume.
 */
#include <hocket/net.h>

#include <stdint.h>
#include <string.h>

ssize_t hkt_stream_readexactly(struct hkt_stream *s, void *buf, size_t size)
{
    const char *data;
    size_t done = 0;
    ssize_t n;

    if (size <= hkt_stream_limit(s)) {
        n = hkt_stream_peek(s, size, &data);
        if (n <= 0)
            return n;
        done = (size_t)n < size ? (size_t)n : size;
        memcpy(buf, data, done);
        hkt_stream_consume(s, done);
        return (ssize_t)done;
    }
    while (done < size && (n = hkt_stream_read(s, (char *)buf + done, size - done)) != 0) {
        if (n < 0)
            return n;
        done += (size_t)n;
    }
    return (ssize_t)done;
}

/* The separators to look for, and how far that was done. */
struct search {
    const struct iovec *separators;
    int n;
    size_t longest;
    size_t limit;
    size_t seen; /* bytes in which there is none */
    size_t before;
};

static int check(struct search *search)
{
    for (int i = 0; i < search->n; i++) {
        size_t size = search->separators[i].iov_len;
        if (size == 0)
            return -EINVAL;
        if (size > search->longest)
            search->longest = size;
    }
    return search->n > 0 ? 0 : -EINVAL;
}

static const char *find(const char *data, size_t size, const struct iovec *separator)
{
    if (separator->iov_len == 1)
        return memchr(data, *(const unsigned char *)separator->iov_base, size);
    return memmem(data, size, separator->iov_base, separator->iov_len);
}

/* The end of the separator that ends first, 0 if there is none; search->before: what precedes it.
 */
static size_t first_end(struct search *search, const char *data, size_t size)
{
    /* One may have begun in what was seen. */
    size_t from = search->seen >= search->longest ? search->seen - search->longest + 1 : 0;
    size_t end = 0;

    for (int i = 0; i < search->n; i++) {
        const struct iovec *separator = &search->separators[i];
        const char *at = find(data + from, size - from, separator);
        size_t its_end = at ? (size_t)(at - data) + separator->iov_len : 0;
        if (at && (end == 0 || its_end < end)) {
            end = its_end;
            search->before = (size_t)(at - data);
        }
    }
    return end;
}

static ssize_t take(struct hkt_stream *s, size_t size)
{
    hkt_stream_consume(s, size);
    return (ssize_t)size;
}

static ssize_t until(struct hkt_stream *s, struct search *search, const char **data)
{
    for (;;) {
        ssize_t n = hkt_stream_peek(s, search->seen + 1, data);
        if (n <= 0)
            return n;
        size_t there = (size_t)n;
        size_t end = first_end(search, *data, there);
        if (end > 0 && search->before <= search->limit)
            return take(s, end);
        if (end > 0 || there >= search->limit + search->longest)
            return -EMSGSIZE;
        if (there <= search->seen)
            return take(s, there); /* the end */
        search->seen = there;
    }
}

ssize_t hkt_stream_readuntil_any(struct hkt_stream *s, const struct iovec *separators, int n,
                                 const char **data)
{
    struct search search = {.separators = separators, .n = n, .limit = hkt_stream_limit(s)};
    int rc = check(&search);

    *data = NULL;
    return rc < 0 ? rc : until(s, &search, data);
}

ssize_t hkt_stream_readuntil(struct hkt_stream *s, const void *separator, size_t size,
                             const char **data)
{
    const struct iovec one = {(void *)(uintptr_t)separator, size};

    return hkt_stream_readuntil_any(s, &one, 1, data);
}

ssize_t hkt_stream_readall(struct hkt_stream *s, size_t limit, const char **data)
{
    ssize_t n = hkt_stream_peek(s, limit < SIZE_MAX ? limit + 1 : limit, data);

    if (n <= 0)
        return n;
    return (size_t)n <= limit ? take(s, (size_t)n) : -EMSGSIZE;
}

static void drop_line(struct hkt_stream *s, const char *data)
{
    size_t size = hkt_stream_buffered(s);
    const char *end = memchr(data, '\n', size);

    hkt_stream_consume(s, end ? (size_t)(end + 1 - data) : size);
}

ssize_t hkt_stream_readline(struct hkt_stream *s, char *line, size_t size)
{
    const struct iovec newline = {(void *)(uintptr_t) "\n", 1};
    struct search search = {
        .separators = &newline, .n = 1, .longest = 1, .limit = hkt_stream_limit(s)};
    const char *data = NULL;

    if (size < 2)
        return -EINVAL;
    if (search.limit > size - 2)
        search.limit = size - 2;
    ssize_t n = until(s, &search, &data);
    if (n == -EMSGSIZE)
        drop_line(s, data);
    if (n < 0)
        return n;
    if (n > 0)
        memcpy(line, data, (size_t)n);
    line[n] = '\0';
    return n;
}
