/* SPDX-License-Identifier: MIT
 *
 * Files and directories.
 */
#include "io/pooled.h"

#include <fcntl.h>
#include <hocket/file.h>
#include <stdlib.h>
#include <sys/stat.h>

/* A directory for each test. */

static char dir[64];

static const char *in_dir(const char *name)
{
    static char paths[4][128];
    static int turn;
    char *path = paths[turn++ % 4];

    snprintf(path, sizeof paths[0], "%s/%s", dir, name);
    return path;
}

static void set_up(void)
{
    snprintf(dir, sizeof dir, "/tmp/hocket-test-XXXXXX");
    cr_assert_not_null(mkdtemp(dir));
}

static void tear_down(void)
{
    cr_assert_eq(rmdir(dir), 0, "everything was removed");
}

TestSuite(file, .init = set_up, .fini = tear_down);

static int reads_and_writes(void *arg)
{
    const char *path = in_dir("a");
    char buf[32] = "";
    int fd = hkt_file_open(path, O_RDWR | O_CREAT | O_EXCL, 0600);

    (void)arg;
    cr_assert(fd >= 0, "%d", fd);
    cr_assert(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    cr_assert_eq(hkt_file_write(fd, "hello world", 11), 11);
    cr_assert_eq(hkt_file_read(fd, buf, sizeof buf), 0, "at the end");
    cr_assert_eq(hkt_file_pread(fd, buf, sizeof buf, 6), 5);
    cr_assert_str_eq(buf, "world");
    cr_assert_eq(hkt_file_pwrite(fd, "W", 1, 6), 1);
    cr_assert_eq(hkt_file_sync(fd), 0);
    cr_assert_eq(lseek(fd, 0, SEEK_SET), 0);
    cr_assert_eq(hkt_file_read(fd, buf, 6), 6, "and the position moves");
    cr_assert_eq(hkt_file_read(fd, buf, sizeof buf), 5);
    cr_assert_eq(memcmp(buf, "World", 5), 0);
    cr_assert_eq(hkt_file_truncate(fd, 3), 0);
    cr_assert_eq(hkt_file_pread(fd, buf, sizeof buf, 0), 3);
    cr_assert_eq(hkt_file_pread(fd, buf, sizeof buf, INT64_C(1) << 33), 0);
    cr_assert_eq(hkt_close(fd), 0);
    return hkt_path_unlink(path);
}

Test(file, is_written_and_read)
{
    on_each_backend(reads_and_writes, NULL);
}

static int64_t nanoseconds(struct timespec t)
{
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void expect_same(const struct hkt_stat *st, const struct stat *system)
{
    cr_assert_eq(st->dev, (uint64_t)system->st_dev);
    cr_assert_eq(st->ino, (uint64_t)system->st_ino);
    cr_assert_eq(st->nlink, (uint64_t)system->st_nlink);
    cr_assert_eq(st->rdev, (uint64_t)system->st_rdev);
    cr_assert_eq(st->mode, (uint32_t)system->st_mode);
    cr_assert(st->uid == system->st_uid && st->gid == system->st_gid);
    cr_assert_eq(st->size, (int64_t)system->st_size);
    cr_assert_eq(st->blocks, (int64_t)system->st_blocks);
    cr_assert_eq(st->mtime_ns, nanoseconds(system->st_mtim));
    cr_assert_eq(st->ctime_ns, nanoseconds(system->st_ctim));
    cr_assert_eq(st->atime_ns, nanoseconds(system->st_atim));
}

static void expect_told(const char *path, bool link)
{
    struct hkt_stat st;
    struct stat system;

    memset(&st, 0xff, sizeof st);
    cr_assert_eq(link ? lstat(path, &system) : stat(path, &system), 0);
    cr_assert_eq(link ? hkt_path_lstat(path, &st) : hkt_path_stat(path, &st), 0);
    expect_same(&st, &system);
}

static int tells(void *arg)
{
    const char *path = in_dir("a"), *link = in_dir("l");
    struct hkt_stat st;
    struct stat system;
    int fd = hkt_file_open(path, O_WRONLY | O_CREAT, 0640);

    (void)arg;
    cr_assert_eq(hkt_file_write(fd, "12345", 5), 5);
    cr_assert_eq(hkt_file_sync(fd), 0);
    cr_assert_eq(symlink(path, link), 0);
    expect_told(path, false);
    expect_told(path, true);
    expect_told(link, false);
    expect_told(link, true);
    expect_told(dir, false);
    cr_assert_eq(fstat(fd, &system), 0);
    cr_assert_eq(hkt_file_stat(fd, &st), 0);
    expect_same(&st, &system);
    cr_assert(S_ISREG(st.mode) && st.size == 5);
    cr_assert_eq(hkt_path_lstat(link, &st), 0);
    cr_assert(S_ISLNK(st.mode) && st.ino != (uint64_t)system.st_ino);
    cr_assert_eq(hkt_close(fd), 0);
    cr_assert_eq(hkt_path_unlink(link), 0);
    return hkt_path_unlink(path);
}

Test(file, tells_what_it_is)
{
    on_each_backend(tells, NULL);
}

/* Its times may change meanwhile. */
static int tells_of_a_device(void *arg)
{
    struct hkt_stat st;
    struct stat system;

    (void)arg;
    cr_assert_eq(stat("/dev/null", &system), 0);
    cr_assert_eq(hkt_path_stat("/dev/null", &st), 0);
    cr_assert(S_ISCHR(st.mode) && st.rdev != 0);
    cr_assert_eq(st.rdev, (uint64_t)system.st_rdev);
    cr_assert_eq(st.dev, (uint64_t)system.st_dev);
    return 0;
}

Test(file, tells_of_a_device)
{
    on_each_backend(tells_of_a_device, NULL);
}

static int errors(void *arg)
{
    struct hkt_stat st;
    struct hkt_dir *list = (struct hkt_dir *)(uintptr_t)1;
    char c;

    (void)arg;
    cr_assert_eq(hkt_file_open(in_dir("none"), O_RDONLY, 0), -ENOENT);
    cr_assert_eq(hkt_file_open(dir, O_WRONLY, 0), -EISDIR);
    cr_assert_eq(hkt_path_stat(in_dir("none"), &st), -ENOENT);
    cr_assert_eq(hkt_path_lstat(in_dir("none"), &st), -ENOENT);
    cr_assert_eq(hkt_path_unlink(in_dir("none")), -ENOENT);
    cr_assert_eq(hkt_path_rename(in_dir("none"), in_dir("x")), -ENOENT);
    cr_assert_eq(hkt_path_mkdir(dir, 0700), -EEXIST);
    cr_assert_eq(hkt_path_rmdir(in_dir("none")), -ENOENT);
    cr_assert_eq(hkt_dir_list(in_dir("none"), &list), -ENOENT);
    cr_assert_null(list);
    cr_assert_eq(hkt_file_stat(-1, &st), -EBADF);
    cr_assert_eq(hkt_file_stat(AT_FDCWD, &st), -EBADF, "which names no directory here");
    cr_assert_eq(hkt_file_read(-1, &c, 1), -EBADF);
    cr_assert_eq(hkt_file_sync(-1), -EBADF);
    int fd = hkt_file_open(dir, O_RDONLY | O_DIRECTORY, 0);
    cr_assert(fd >= 0);
    cr_assert_eq(hkt_file_read(fd, &c, 1), -EISDIR);
    cr_assert_eq(hkt_close(fd), 0);
    fd = hkt_file_open("/dev/full", O_WRONLY, 0);
    cr_assert(fd >= 0);
    cr_assert_eq(hkt_file_write(fd, "x", 1), -ENOSPC);
    cr_assert_eq(hkt_file_pwrite(fd, "x", 1, 0), -ENOSPC);
    return hkt_close(fd);
}

Test(file, errors_are_the_systems)
{
    char c;

    on_each_backend(errors, NULL);
    cr_assert_eq(hkt_file_read(0, &c, 1), -EPERM, "not in a task");
}

/* Paths that none of these calls can do anything with: each says what the system's says. */

static int refused(int rc)
{
    cr_assert_lt(rc, 0, "it was done");
    return -errno;
}

static void expect_refused(const char *path)
{
    const char *unmade = in_dir("x/y");
    struct hkt_stat st;
    struct stat system;

    cr_assert_eq(hkt_path_stat(path, &st), stat(path, &system) ? -errno : 0, "%s", path);
    cr_assert_eq(hkt_path_lstat(path, &st), lstat(path, &system) ? -errno : 0, "%s", path);
    cr_assert_eq(hkt_path_rename(path, unmade), refused(rename(path, unmade)), "%s", path);
    cr_assert_eq(hkt_path_rename(in_dir("f"), path), refused(rename(in_dir("f"), path)), "%s",
                 path);
    cr_assert_eq(hkt_path_unlink(path), refused(unlink(path)), "%s", path);
    cr_assert_eq(hkt_path_mkdir(path, 0700), refused(mkdir(path, 0700)), "%s", path);
    cr_assert_eq(hkt_path_rmdir(path), refused(rmdir(path)), "%s", path);
}

static int awkward(void *arg)
{
    static char long_name[300], long_path[5000];

    (void)arg;
    memset(long_name, 'n', sizeof long_name - 1);
    memset(long_path, '/', sizeof long_path - 1);
    cr_assert_eq(close(open(in_dir("f"), O_CREAT | O_WRONLY | O_CLOEXEC, 0600)), 0);
    cr_assert_eq(symlink("l", in_dir("l")), 0);
    cr_assert_eq(mkdir(in_dir("locked"), 0), 0);
    expect_refused("");
    expect_refused(dir);
    expect_refused(in_dir("f/x"));
    expect_refused(in_dir("l/x"));
    expect_refused(in_dir("none/x"));
    expect_refused(in_dir("locked/x/y"));
    expect_refused("/proc/self/status");
    expect_refused(long_name);
    expect_refused(long_path);
    cr_assert_eq(hkt_path_rmdir(in_dir("f")), -ENOTDIR);
    cr_assert_eq(hkt_path_unlink(in_dir("locked")), refused(unlink(in_dir("locked"))));
    cr_assert_eq(hkt_path_mkdir(in_dir("f"), 0700), -EEXIST);
    cr_assert_eq(unlink(in_dir("f")) | unlink(in_dir("l")) | rmdir(in_dir("locked")), 0);
    return 0;
}

Test(file, what_is_refused_is_refused_as_by_the_system)
{
    on_each_backend(awkward, NULL);
}

/* A call that fails before it was begun, as of no path, has others behind it in the same batch. */

static int tells_of_nothing(void *arg)
{
    struct hkt_stat st;

    (void)arg;
    return hkt_path_stat("", &st);
}

static int tells_of_root(void *arg)
{
    struct hkt_stat st;

    (void)arg;
    return hkt_path_stat("/", &st);
}

static int fail_among_others(void *arg)
{
    struct hkt_task *tasks[20];

    (void)arg;
    for (int i = 0; i < 20; i++)
        tasks[i] = hkt_spawn(i % 3 == 0 ? tells_of_nothing : tells_of_root, NULL);
    for (int i = 0; i < 20; i++)
        cr_assert_eq(hkt_join(tasks[i]), i % 3 == 0 ? -ENOENT : 0);
    return 0;
}

Test(file, one_that_fails_keeps_nobody_waiting)
{
    on_each_backend(fail_among_others, NULL);
}

static int moves(void *arg)
{
    struct hkt_stat st;

    (void)arg;
    cr_assert_eq(hkt_path_mkdir(in_dir("d"), 0700), 0);
    cr_assert_eq(hkt_path_stat(in_dir("d"), &st), 0);
    cr_assert(S_ISDIR(st.mode) && (st.mode & 0777) == 0700);
    cr_assert_eq(hkt_path_rename(in_dir("d"), in_dir("e")), 0);
    cr_assert_eq(hkt_path_stat(in_dir("d"), &st), -ENOENT);
    cr_assert_eq(hkt_path_rmdir(dir), -ENOTEMPTY);
    mode_t before = umask(027);
    cr_assert_eq(hkt_path_mkdir(in_dir("d"), 0777), 0);
    umask(before);
    cr_assert_eq(hkt_path_stat(in_dir("d"), &st), 0);
    cr_assert_eq(st.mode & 0777, 0750u);
    cr_assert_eq(hkt_path_rename(in_dir("d"), in_dir("e")), 0, "in place of an empty one");
    return hkt_path_rmdir(in_dir("e"));
}

static int nothing_named(void *arg)
{
    struct hkt_stat st;
    struct hkt_dir *list = arg;

    cr_assert_eq(hkt_file_open(NULL, O_RDONLY, 0), -EINVAL);
    cr_assert_eq(hkt_file_stat(0, NULL), -EINVAL);
    cr_assert_eq(hkt_path_stat(NULL, &st), -EINVAL);
    cr_assert_eq(hkt_path_stat("/", NULL), -EINVAL);
    cr_assert_eq(hkt_path_lstat(NULL, &st), -EINVAL);
    cr_assert_eq(hkt_path_lstat("/", NULL), -EINVAL);
    cr_assert_eq(hkt_path_rename(NULL, "a"), -EINVAL);
    cr_assert_eq(hkt_path_rename("a", NULL), -EINVAL);
    cr_assert_eq(hkt_path_unlink(NULL), -EINVAL);
    cr_assert_eq(hkt_path_mkdir(NULL, 0700), -EINVAL);
    cr_assert_eq(hkt_path_rmdir(NULL), -EINVAL);
    cr_assert_eq(hkt_dir_list(NULL, &list), -EINVAL);
    cr_assert_null(list);
    return 0;
}

Test(file, without_a_name_there_is_none)
{
    on_each_backend(nothing_named, &(int){0});
}

Test(file, directories_are_made_moved_and_removed)
{
    on_each_backend(moves, NULL);
}

/* Listing */

enum { FILES = 300 };

static const char *numbered(int i)
{
    char name[64];

    snprintf(name, sizeof name, "a-file-whose-name-is-somewhat-long-%d", i);
    return in_dir(name);
}

static int lists(void *arg)
{
    struct hkt_dir *list;
    bool seen[FILES] = {false};

    (void)arg;
    cr_assert_eq(hkt_dir_list(dir, &list), 0);
    cr_assert_eq(list->count, 0u);
    hkt_dir_free(list);
    for (int i = 0; i < FILES; i++)
        cr_assert_eq(close(open(numbered(i), O_CREAT | O_WRONLY | O_CLOEXEC, 0600)), 0);
    cr_assert_eq(mkdir(in_dir("d"), 0700), 0);
    cr_assert_eq(hkt_dir_list(dir, &list), 0);
    cr_assert_eq(list->count, (size_t)FILES + 1);
    for (size_t i = 0; i < list->count; i++) {
        const struct hkt_dir_entry *e = &list->entries[i];
        const char *dash = strrchr(e->name, '-');
        cr_assert(e->type == 0 || e->type == (uint32_t)(dash ? S_IFREG : S_IFDIR), "%s", e->name);
        cr_assert(dash || strcmp(e->name, "d") == 0, "%s", e->name);
        if (dash)
            seen[atoi(dash + 1)] = true;
    }
    for (int i = 0; i < FILES; i++) {
        cr_assert(seen[i]);
        cr_assert_eq(unlink(numbered(i)), 0);
    }
    hkt_dir_free(list);
    hkt_dir_free(NULL);
    return hkt_path_rmdir(in_dir("d"));
}

Test(file, a_directory_is_listed_whole)
{
    on_each_backend(lists, NULL);
}

/* Many at once, more than a ring has entries */

enum { READERS = 700 };

static int reads_byte(void *at)
{
    char c = 0;
    int64_t offset = (intptr_t)at;

    HKT_TRY(hkt_file_pread(ARG_FD(hkt_task_data(hkt_task_current())), &c, 1, offset));
    return (unsigned char)c == offset % 251 ? 0 : -EILSEQ;
}

static int many_read(void *arg)
{
    static struct hkt_task *tasks[READERS];
    const char *path = in_dir("a");
    unsigned char data[READERS];
    int fd = hkt_file_open(path, O_RDWR | O_CREAT, 0600);
    const struct hkt_task_opts opts = {.data = FD_ARG(fd)};

    (void)arg;
    for (int i = 0; i < READERS; i++)
        data[i] = (unsigned char)(i % 251);
    cr_assert_eq(hkt_file_write(fd, data, READERS), READERS);
    for (int i = 0; i < READERS; i++)
        tasks[i] = hkt_spawn_opts(reads_byte, FD_ARG(i), &opts);
    cr_assert_eq(hkt_gather(tasks, READERS, NULL), 0);
    for (int i = 0; i < READERS; i++)
        hkt_detach(tasks[i]);
    cr_assert_eq(hkt_file_pread(fd, data, 1, -1), -EINVAL);
    cr_assert_eq(hkt_file_pread(fd, data, sizeof data, READERS), 0, "the end is no cancellation");
    cr_assert_eq(hkt_close(fd), 0);
    return hkt_path_unlink(path);
}

Test(file, is_read_by_many_at_once)
{
    on_each_backend(many_read, NULL);
}

/* All but ftruncate() and lists. */
static int goes_without_threads(void *arg)
{
    const char *path = in_dir("d/a"), *other = in_dir("d/b");
    struct hkt_stat st;
    char buf[16];

    (void)arg;
    cr_assert_eq(hkt_path_mkdir(in_dir("d"), 0700), 0);
    int fd = hkt_file_open(path, O_RDWR | O_CREAT, 0600);
    cr_assert(fd >= 0);
    cr_assert_eq(hkt_file_write(fd, "0123", 4), 4);
    cr_assert_eq(hkt_file_pwrite(fd, "x", 1, 3), 1);
    cr_assert_eq(hkt_file_sync(fd), 0);
    cr_assert_eq(hkt_file_read(fd, buf, sizeof buf), 0);
    cr_assert_eq(hkt_file_pread(fd, buf, sizeof buf, 3), 1);
    cr_assert_eq(hkt_file_stat(fd, &st), 0);
    cr_assert_eq(hkt_path_stat(path, &st), 0);
    cr_assert_eq(hkt_path_lstat(path, &st), 0);
    cr_assert_eq(hkt_path_rename(path, other), 0);
    cr_assert_eq(hkt_path_unlink(other), 0);
    cr_assert_eq(hkt_path_rmdir(in_dir("d")), 0);
    cr_assert_eq(hkt_work_threads(), 0u);
    cr_assert_eq(hkt_file_truncate(fd, 2), 0);
    cr_assert_eq(hkt_work_threads(), 1u);
    return hkt_close(fd);
}

Test(file, goes_by_io_uring_without_threads)
{
    const struct hkt_loop_opts opts = {.poller = "io_uring"};

    if (!have_backend("io_uring"))
        cr_skip_test("there is no io_uring here");
    cr_assert_eq(hkt_run_opts(goes_without_threads, NULL, &opts), 0);
}

/* A call that is taken back before the kernel has seen it, and one whose loop ends meanwhile. */

static int reads_some(void *fd)
{
    char buf[16];

    return (int)hkt_file_pread(ARG_FD(fd), buf, sizeof buf, 0);
}

static int tells_once(void *arg)
{
    struct hkt_stat st = {.size = -1};
    int rc = hkt_path_stat("/", &st);

    (void)arg;
    cr_expect((st.size == -1) == (rc < 0), "%d", rc);
    return rc;
}

static const struct hkt_task_opts at_once = {.flags = HKT_EAGER};

static int takes_back(void *arg)
{
    int fd = hkt_file_open("/etc/passwd", O_RDONLY, 0);

    (void)arg;
    struct hkt_task *t = hkt_spawn_opts(reads_some, FD_ARG(fd), &at_once);
    cr_assert(hkt_task_cancel(t));
    int rc = hkt_join(t);
    cr_assert(rc == -ECANCELED || rc == 16, "%d", rc);
    t = hkt_spawn_opts(tells_once, NULL, &at_once);
    cr_assert(hkt_task_cancel(t));
    rc = hkt_join(t);
    cr_assert(rc == -ECANCELED || rc == 0, "%d", rc);
    hkt_detach(hkt_spawn_opts(reads_some, FD_ARG(fd), &at_once));
    hkt_detach(hkt_spawn_opts(tells_once, NULL, &at_once));
    return 0;
}

Test(file, a_call_is_taken_back)
{
    on_each_backend(takes_back, NULL);
}

/* Cancellation */

static int writes_one(void *fd)
{
    ssize_t n = hkt_file_write(ARG_FD(fd), "x", 1);

    cr_expect_eq(hkt_sleep(0), n == 1 ? -ECANCELED : 0, "one of the two");
    return (int)n;
}

static int cancels(void *arg)
{
    struct hkt_stat st;
    const char *path = in_dir("a");
    int64_t written = 0;
    int fd = hkt_file_open(path, O_WRONLY | O_CREAT, 0600);

    (void)arg;
    for (int i = 0; i < 50; i++) {
        struct hkt_task *t = hkt_spawn(writes_one, FD_ARG(fd));
        cr_assert_eq(hkt_sleep(0), 0);
        for (int spin = 0; spin < i * 100; spin++)
            sched_yield();
        cr_assert(hkt_task_cancel(t));
        int rc = hkt_join(t);
        cr_assert(rc == 1 || rc == -ECANCELED, "%d", rc);
        written += rc == 1;
    }
    cr_assert_eq(hkt_file_stat(fd, &st), 0);
    cr_assert_eq(st.size, written, "what was cancelled was not done, and what was done says so");
    cr_assert_eq(hkt_close(fd), 0);
    return hkt_path_unlink(path);
}

Test(file, a_cancelled_call_has_happened_or_not_and_says_which)
{
    on_each_backend(cancels, NULL);
}

/* One for each call on a path, which its answer must agree with. */

static int settles(int rc)
{
    cr_expect_eq(hkt_sleep(0), rc == 0 ? -ECANCELED : 0, "one of the two");
    return rc;
}

static int makes_dir(void *path)
{
    return settles(hkt_path_mkdir(path, 0700));
}

static int removes_dir(void *path)
{
    return settles(hkt_path_rmdir(path));
}

static int moves_away(void *path)
{
    return settles(hkt_path_rename(path, in_dir("other")));
}

static int removes_file(void *path)
{
    return settles(hkt_path_unlink(path));
}

static int looks(void *path)
{
    return settles(tells_once(path));
}

static bool is_there(const char *path)
{
    return access(path, F_OK) == 0;
}

/* Whether it was done. */
static bool cancel_soon(hkt_task_fn *fn, void *path, int spins)
{
    struct hkt_task *t = hkt_spawn(fn, path);

    cr_assert_eq(hkt_sleep(0), 0);
    for (int i = 0; i < spins; i++)
        sched_yield();
    cr_assert(hkt_task_cancel(t));
    int rc = hkt_join(t);
    cr_assert(rc == 0 || rc == -ECANCELED, "%d", rc);
    return rc == 0;
}

static int cancels_each(void *arg)
{
    char path[128];

    (void)arg;
    snprintf(path, sizeof path, "%s", in_dir("a"));
    for (int i = 0; i < 40; i++) {
        cr_assert_eq(cancel_soon(makes_dir, path, i * 20), is_there(path));
        (void)mkdir(path, 0700);
        cr_assert_eq(cancel_soon(removes_dir, path, i * 20), !is_there(path));
        (void)rmdir(path);
        cr_assert_eq(close(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600)), 0);
        cr_assert_eq(cancel_soon(moves_away, path, i * 20), !is_there(path));
        (void)rename(in_dir("other"), path);
        cr_assert_eq(cancel_soon(removes_file, path, i * 20), !is_there(path));
        (void)unlink(path);
        (void)cancel_soon(looks, path, i * 20);
    }
    return 0;
}

Test(file, so_has_one_on_a_path)
{
    on_each_backend(cancels_each, NULL);
}
