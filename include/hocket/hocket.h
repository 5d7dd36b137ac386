/* SPDX-License-Identifier: MIT
 *
 * hocket/hocket.h: everything.
 */
#ifndef HOCKET_HOCKET_H
#define HOCKET_HOCKET_H

#include <hocket/base.h>
#include <hocket/channel.h>
#include <hocket/context.h>
#include <hocket/cores.h>
#include <hocket/coro.h>
#include <hocket/dns.h>
#include <hocket/file.h>
#include <hocket/gen.h>
#include <hocket/io.h>
#include <hocket/loop.h>
#include <hocket/mailbox.h>
#include <hocket/net.h>
#include <hocket/process.h>
#include <hocket/queue.h>
#include <hocket/remote.h>
#include <hocket/select.h>
#include <hocket/signal.h>
#include <hocket/switch.h>
#include <hocket/sync.h>
#include <hocket/task.h>
#include <hocket/work.h>

#endif
