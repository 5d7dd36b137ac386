/* SPDX-License-Identifier: MIT
 *
 * The answers of webd. Writing is gathering: none of these costs a system call of its own.
 */
#define _POSIX_C_SOURCE 200809L

#include "webd.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { HEAD_SIZE = 384 };

static const char hello[] = "Hello, World!";

/* Every status that webd answers with. */
static const struct status {
    int code;
    const char *reason;
    const char *lines; /* of the head */
} statuses[] = {
    {200, "OK", ""},
    {400, "Bad Request", ""},
    {403, "Forbidden", ""},
    {404, "Not Found", ""},
    {405, "Method Not Allowed", "Allow: GET, HEAD\r\n"},
    {408, "Request Timeout", ""},
    {413, "Content Too Large", ""},
    {414, "URI Too Long", ""},
    {431, "Request Header Fields Too Large", ""},
    {503, "Service Unavailable", ""},
    {505, "HTTP Version Not Supported", ""},
    {500, "Internal Server Error", ""}, /* the last: any other */
};

static const struct status *status_of(int code)
{
    const struct status *s = statuses;

    while (s->code != code && s->code != 500)
        s++;
    return s;
}

/* What a head says of the connection: one of HTTP/1.0 ends unless the answer says otherwise. */
enum ending { STAYS, STAYS_OLD, ENDS, ENDINGS };

static const char *const ending_lines[ENDINGS] = {"", "Connection: keep-alive\r\n",
                                                  "Connection: close\r\n"};

static enum ending ending_of(const struct client *c)
{
    if (c->closing)
        return ENDS;
    return c->parser.http_minor == 0 ? STAYS_OLD : STAYS;
}

static size_t format_head(char *head, int code, enum ending ending, const char *type, int64_t size)
{
    const struct status *status = status_of(code);

    return (size_t)snprintf(head, HEAD_SIZE,
                            "HTTP/1.1 %d %s\r\nServer: hocket\r\nDate: %s\r\n%s%s"
                            "Content-Type: %s\r\nContent-Length: %lld\r\n\r\n",
                            status->code, status->reason, date(time(NULL)), status->lines,
                            ending_lines[ending], type, (long long)size);
}

int answer_head(struct client *c, int status, const char *type, int64_t size)
{
    char head[HEAD_SIZE];
    size_t length = format_head(head, status, ending_of(c), type, size);

    return hkt_stream_write(c->stream, head, length);
}

int answer_status(struct client *c, int status)
{
    char text[64];
    int size = snprintf(text, sizeof text, "%d %s\n", status, status_of(status)->reason);

    HKT_TRY(answer_head(c, status, "text/plain", size));
    return c->parser.method == HTTP_HEAD ? 0 : hkt_stream_write(c->stream, text, (size_t)size);
}

int answer_plaintext(struct client *c)
{
    static _Thread_local struct {
        char text[HEAD_SIZE + sizeof hello];
        size_t head;
    } answers[ENDINGS], *answer;
    static _Thread_local time_t made;
    const size_t body = sizeof hello - 1;
    time_t now = time(NULL);

    if (now != made) {
        for (enum ending e = STAYS; e < ENDINGS; e++) {
            size_t head = format_head(answers[e].text, 200, e, "text/plain", (int64_t)body);
            memcpy(answers[e].text + head, hello, body);
            answers[e].head = head;
        }
        made = now;
    }
    answer = &answers[ending_of(c)];
    return hkt_stream_write(c->stream, answer->text,
                            answer->head + (c->parser.method == HTTP_HEAD ? 0 : body));
}

int answer_file(struct client *c, const char *path, size_t path_size)
{
    const char *type;
    int64_t size;
    int fd = find_file(c->root, path, path_size, &size, &type);

    if (fd < 0)
        return answer_status(c, -fd);
    int rc = answer_head(c, 200, type, size);
    if (rc == 0 && c->parser.method == HTTP_GET)
        rc = send_pieces(c->stream, fd, size, &c->limit, c->step_ns);
    close(fd);
    return rc;
}
