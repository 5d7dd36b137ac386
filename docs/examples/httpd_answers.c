/* SPDX-License-Identifier: MIT
 *
 * The answers of httpd. Writing is gathering: none of these costs a system call of its own.
 */
#define _POSIX_C_SOURCE 200809L

#include "httpd.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

enum { HEAD_SIZE = 384 };

static const char hello[] = "Hello, World!";

/* Every status that httpd answers with. */
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

const char *date(time_t now)
{
    static char text[40];
    static time_t made;
    struct tm tm;

    if (now != made)
        strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&now, &tm));
    made = now;
    return text;
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
    static struct {
        char text[HEAD_SIZE + sizeof hello];
        size_t head;
    } answers[ENDINGS], *answer;
    static time_t made;
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
