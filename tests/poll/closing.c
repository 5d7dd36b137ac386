/* SPDX-License-Identifier: MIT
 *
 * For programs that run over a fake kqueue: it sees what they close, as a kernel does.
 */
#include "fake_kqueue.h"

int __real_close(int fd);
int __wrap_close(int fd);

int __wrap_close(int fd)
{
    kqueue_closing(fd);
    return __real_close(fd);
}
