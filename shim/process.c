/* SPDX-License-Identifier: MIT */
/* The process' one record of its policy, and the moment it is filled. */
#include "shim/process.h"

#include "shim/hints.h"
#include "shim/icmp/socket.h"
#include "shim/icmp/open.h"
#include "shim/real.h"
#include "shim/start.h"

#include <errno.h>
#include <sched.h>
#include <sys/syscall.h>

struct process process = {.watch = UINT32_MAX};

enum stage { STAGE_NEW, STAGE_STARTING, STAGE_READY };

static _Atomic int stage;
static _Atomic pid_t starter; /* the thread that fills `process` */

bool process_is_ready(void)
{
    return atomic_load_explicit(&stage, memory_order_acquire) == STAGE_READY;
}

/* What one layer makes worth watching. */
static uint32_t layer_watch(const struct layer *layer)
{
    if (layer->closed)
        return WATCH_TO | WATCH_FROM_STREAM | WATCH_FROM_DATAGRAM | WATCH_ON;
    return layer->slots[atomic_load_explicit(&layer->latch, memory_order_acquire) & 1].watch;
}

/* From here on hooks look at what the layers ask for and at nothing else. */
static void process_watch(void)
{
    uint32_t watch = 0;

    for (int i = 0; i < process.layer_count; i++) {
        watch |= layer_watch(&process.layers[i]);
        process.log_all |= process.layers[i].slots[0].settings.log_what == LOG_ALL;
    }
    if (watch & WATCH_FROM_DATAGRAM)
        hint_inherited();
    if (icmp_pretends_root())
        watch |= WATCH_PRETEND;
    atomic_store_explicit(&process.watch, watch, memory_order_relaxed);
}

/*
 * Runs once, from our constructor or from the first hook before it. Whoever comes while another thread is at it waits;
 * a signal handler that interrupted the start itself goes on unready, and is refused by judge().
 */
static void process_start(void)
{
    pid_t self = (pid_t)syscall(SYS_gettid);
    int expected = STAGE_NEW;

    if (atomic_compare_exchange_strong(&stage, &expected, STAGE_STARTING)) {
        atomic_store(&starter, self);
        real_bind();
        start_layers();
        process_watch();
        icmp_inherited();
        atomic_store_explicit(&stage, STAGE_READY, memory_order_release);
        return;
    }
    while (atomic_load_explicit(&stage, memory_order_acquire) == STAGE_STARTING && atomic_load(&starter) != self)
        sched_yield();
}

bool process_ready(uint32_t kinds)
{
    if (unlikely(!process_is_ready())) {
        int saved = errno;

        process_start();
        errno = saved;
    }
    return watching(kinds);
}

/*
 * Not linked `-z initfirst`: that would run it before libc's own initialisation, when `environ` is not there yet and the
 * pin could not be written into it. Hooks that are called by earlier constructors start the process themselves.
 */
__attribute__((constructor)) static void constructor(void)
{
    process_ready(0);
}
