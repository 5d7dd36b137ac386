/* SPDX-License-Identifier: MIT
 *
 * The answers of webd to HTTP/2: the same as those to HTTP/1.1, in other words.
 */
#define _POSIX_C_SOURCE 200809L

#include "webd_h2.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static ssize_t read_body(nghttp2_session *books, int32_t id, uint8_t *buf, size_t size,
                         uint32_t *flags, nghttp2_data_source *source, void *arg)
{
    struct session *s = arg;
    struct exchange *e = source->ptr;
    size_t left = (size_t)(e->size - e->sent);
    ssize_t n = (ssize_t)(left < size ? left : size);

    (void)books, (void)id;
    if (e->fd < 0)
        memcpy(buf, e->text + e->sent, (size_t)n);
    else if (n > 0)
        n = pread(e->fd, buf, (size_t)n, e->sent);
    if (n < 0 || (n == 0 && left > 0))
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE; /* shorter than was said */
    be_patient(s->client);
    e->sent += n;
    if (e->sent == e->size)
        *flags |= NGHTTP2_DATA_FLAG_EOF;
    return n;
}

static nghttp2_nv field(const char *name, const char *value)
{
    return (nghttp2_nv){(uint8_t *)(uintptr_t)name, (uint8_t *)(uintptr_t)value, strlen(name),
                        strlen(value), NGHTTP2_NV_FLAG_NONE};
}

static int send_answer(struct session *s, int32_t id, struct exchange *e, int status,
                       const char *type)
{
    char code[12], length[24];
    const nghttp2_data_provider body = {{.ptr = e}, read_body};

    snprintf(code, sizeof code, "%d", status);
    snprintf(length, sizeof length, "%lld", (long long)e->size);
    const nghttp2_nv fields[] = {field(":status", code), field("server", "hocket"),
                                 field("date", date(time(NULL))), field("content-type", type),
                                 field("content-length", length)};
    return nghttp2_submit_response(s->books, id, fields, sizeof fields / sizeof *fields,
                                   e->head ? NULL : &body);
}

/* Chooses what is sent. Returns: the status. */
static int find_answer(const struct session *s, struct exchange *e, const char **type)
{
    size_t size = strcspn(e->path, "?#");

    if (!e->get && !e->head)
        return 405;
    if (e->path_size > PATH_MOST - 1)
        return 414;
    if (strcmp(e->path, "/plaintext") == 0) {
        e->size = snprintf(e->text, sizeof e->text, "Hello, World!");
        return 200;
    }
    e->fd = find_file(s->client->root, e->path, size, &e->size, type);
    return e->fd >= 0 ? 200 : -e->fd;
}

int answer_exchange(struct session *s, int32_t id, struct exchange *e)
{
    const char *type = "text/plain";
    int status = find_answer(s, e, &type);

    be_patient(s->client);
    if (status != 200) {
        type = "text/plain";
        e->size = snprintf(e->text, sizeof e->text, "%d\n", status);
    }
    return send_answer(s, id, e, status, type);
}
