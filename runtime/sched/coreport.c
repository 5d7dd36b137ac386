/* SPDX-License-Identifier: MIT
 *
 * Of port 0 all cores get the same: what the first of them was given for a URL, the others take.
 */
#include "cores.h"

#include "base/os.h"

#include <stdlib.h>
#include <string.h>

struct hkt__core_port {
    struct hkt__core_port *next;
    uint16_t port;
    char url[];
};

uint16_t hkt__core_port_begin(const char *url)
{
    struct hkt__core *self = hkt__core_self();

    if (!self)
        return 0;
    pthread_mutex_lock(&self->all->ports_lock);
    for (const struct hkt__core_port *p = self->all->ports; p; p = p->next)
        if (strcmp(p->url, url) == 0)
            return p->port;
    return 0;
}

static int add(struct hkt__cores *all, const char *url, uint16_t port)
{
    size_t size = strlen(url) + 1;
    struct hkt__core_port *p = hkt__os.alloc(sizeof *p + size);

    if (!p)
        return -ENOMEM;
    memcpy(p->url, url, size);
    p->port = port;
    p->next = all->ports;
    all->ports = p;
    return 0;
}

int hkt__core_port_end(const char *url, uint16_t port)
{
    struct hkt__core *self = hkt__core_self();

    if (!self)
        return 0;
    int rc = port ? add(self->all, url, port) : 0;
    pthread_mutex_unlock(&self->all->ports_lock);
    return rc;
}

void hkt__core_ports_free(struct hkt__cores *all)
{
    struct hkt__core_port *p;

    while ((p = all->ports) != NULL) {
        all->ports = p->next;
        free(p);
    }
}
