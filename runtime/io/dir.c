/* SPDX-License-Identifier: MIT
 *
 * Directories, listed as a whole: one trip to the pool, and two pieces of memory that double as
 * they fill.
 */
#include "pool.h"

#include "base/os.h"

#include <hocket/file.h>

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct listing {
    const char *path;
    struct hkt_dir *dir;
    size_t room; /* entries that fit */
    size_t names_size, names_room;
};

/* As realloc(), through the one door. */
static int grow(void **memory, size_t used, size_t *room, size_t need, size_t unit)
{
    size_t wanted = *room ? *room : 64;

    if (need <= *room)
        return 0;
    while (wanted < need)
        wanted *= 2;
    void *larger = hkt__os.alloc(wanted * unit);
    if (!larger)
        return -ENOMEM;
    if (used > 0)
        memcpy(larger, *memory, used * unit);
    free(*memory);
    *memory = larger;
    *room = wanted;
    return 0;
}

static uint32_t type_of(const struct dirent *d)
{
#if defined(DTTOIF)
    return d->d_type == DT_UNKNOWN ? 0 : (uint32_t)DTTOIF(d->d_type);
#else
    (void)d;
    return 0;
#endif
}

static int add(struct listing *l, const struct dirent *d)
{
    size_t size = strlen(d->d_name) + 1;
    void *names = l->dir->names, *entries = l->dir->entries;

    int rc = grow(&names, l->names_size, &l->names_room, l->names_size + size, 1);
    l->dir->names = names;
    if (rc == 0)
        rc = grow(&entries, l->dir->count, &l->room, l->dir->count + 1, sizeof *l->dir->entries);
    l->dir->entries = entries;
    if (rc < 0)
        return rc;
    memcpy(l->dir->names + l->names_size, d->d_name, size);
    l->dir->entries[l->dir->count++] = (struct hkt_dir_entry){.type = type_of(d)};
    l->names_size += size;
    return 0;
}

static int read_all(struct listing *l, DIR *stream)
{
    const struct dirent *d;
    int rc = 0;

    for (errno = 0; rc == 0 && (d = readdir(stream)) != NULL; errno = 0)
        if (strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0)
            rc = add(l, d);
    return rc < 0 ? rc : -errno;
}

/* One after the other: only at the end it is known where they stay. */
static void set_names(struct hkt_dir *dir)
{
    const char *name = dir->names;

    for (size_t i = 0; i < dir->count; i++) {
        dir->entries[i].name = name;
        name += strlen(name) + 1;
    }
}

static int list(void *arg)
{
    struct listing *l = arg;
    DIR *stream = opendir(l->path);

    if (!stream)
        return -errno;
    l->dir = hkt_alloc(sizeof *l->dir);
    int rc = l->dir ? read_all(l, stream) : -ENOMEM;
    closedir(stream);
    if (rc == 0)
        set_names(l->dir);
    return rc;
}

int hkt_dir_list(const char *path, struct hkt_dir **dir)
{
    struct listing l = {.path = path};
    int rc = path ? hkt__run_blocking(list, &l, "directory") : -EINVAL;

    if (rc < 0) {
        hkt_dir_free(l.dir);
        l.dir = NULL;
    }
    *dir = l.dir;
    return rc;
}

void hkt_dir_free(struct hkt_dir *dir)
{
    if (!dir)
        return;
    free(dir->entries);
    free(dir->names);
    hkt_dealloc(dir);
}
