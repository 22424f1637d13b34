/* SPDX-License-Identifier: MIT */
/* The process' one record of its policy, and the moment it is filled. */
#include "shim/process.h"

#include "shim/checkers.h"
#include "shim/follow.h"
#include "shim/hints.h"
#include "shim/icmp/socket.h"
#include "shim/icmp/open.h"
#include "shim/real.h"
#include "shim/start.h"
#include "state/call.h"
#include "state/large.h"

#include <errno.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

struct process process = {.watch = UINT32_MAX};
LARGE union generation_place process_words[LAYERS_MAX];
LARGE struct log_place process_logs[LAYERS_MAX][1 + LATER_LOGS];

enum stage { STAGE_NEW, STAGE_READY };

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
    return layer->slots[atomic_load_explicit(&layer->latch, memory_order_acquire) & LATCH_SLOT].watch;
}

/* What all layers make worth watching. */
static uint32_t policy_watch(void)
{
    int count = atomic_load_explicit(&process.layer_count, memory_order_acquire);
    uint32_t watch = count > 0 ? WATCH_FOLLOW : WATCH_ABSENT;
    bool log_all = false;

    for (int i = 0; i < count; i++) {
        const struct layer *layer = &process.layers[i];

        watch |= layer_watch(layer);
        log_all |= layer->slots[atomic_load(&layer->latch) & LATCH_SLOT].settings.log_what == LOG_ALL;
    }
    atomic_store_explicit(&process.log_all, log_all, memory_order_relaxed);
    if (icmp_pretends_root())
        watch |= WATCH_PRETEND;
    return watch;
}

/*
 * When datagrams begin to be judged the bits are set first: a descriptor that is made meanwhile is then marked by whoever
 * makes it.
 */
void process_watch_again(void)
{
    uint32_t watch = policy_watch();
    uint32_t before = atomic_load_explicit(&process.watch, memory_order_relaxed);

    if (!(before & WATCH_HINTS))
        hint_begin();
    while (!atomic_compare_exchange_weak_explicit(&process.watch, &before,
                                                  watch | (before & ~(WATCH_POLICY | WATCH_PRETEND)),
                                                  memory_order_relaxed, memory_order_relaxed))
        continue;
    if (watch & ~before & WATCH_FROM_DATAGRAM)
        hint_inherited();
}

/* From here on hooks look at what the layers ask for and at nothing else. */
static void process_watch(void)
{
    uint32_t watch = policy_watch();

    if (watch & WATCH_FROM_DATAGRAM)
        hint_inherited();
    atomic_store_explicit(&process.watch, watch, memory_order_relaxed);
}

/* Whether the thread that fills `process` is still there: not so in a child that another thread has forked meanwhile. */
static bool starter_is_gone(void)
{
    return kernel_call(SYS_tgkill, getpid(), atomic_load(&starter), 0) != 0 && errno == ESRCH;
}

/*
 * Runs once, from our constructor or from the first hook before it. Whoever comes while another thread is at it waits. A
 * signal handler that interrupted the start itself goes on unready, and is refused by judge(); what it calls besides has to be
 * bound, which may be under way.
 */
static void process_start(void)
{
    pid_t self = (pid_t)kernel_call(SYS_gettid, 0);
    pid_t nobody = 0;

    /* By one step, so that a handler never finds a start without its thread. */
    if (atomic_compare_exchange_strong(&starter, &nobody, self)) {
        checkers_leave_out();
        real_bind();
        start_layers();
        process_watch();
        icmp_inherited();
        atomic_store_explicit(&stage, STAGE_READY, memory_order_release);
        return;
    }
    while (!process_is_ready() && nobody != self && !starter_is_gone())
        sched_yield();
    if (!process_is_ready())
        real_bind();
}

bool policy_has_moved(void)
{
    for (int i = 0; i < atomic_load_explicit(&process.layer_count, memory_order_relaxed); i++) {
        if (layer_word(i) != atomic_load_explicit(&process.word_seen[i], memory_order_relaxed))
            return true;
    }
    return false;
}

void policy_words_seen(void)
{
    uint32_t sum = atomic_load(&process.word_seen[0]) + atomic_load(&process.word_seen[1]);

    /* A sum only rises: one less never comes, and whoever has more layers looks at all of them in policy_has_moved. */
    atomic_store(&process.words_seen, atomic_load(&process.layer_count) > STATE_LAYERS ? sum - 1 : sum);
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

void policy_catch_up(void)
{
    if (unlikely(!process_is_ready()))
        process_ready(0);
    else if (policy_has_moved())
        follow_words();
}

/*
 * Not linked `-z initfirst`: that would run it before libc's own initialisation, when `__environ` is not there yet and the
 * pin could not be written into it. Hooks that are called by earlier constructors start the process themselves.
 */
__attribute__((constructor)) static void constructor(void)
{
    int saved = errno;

    process_start();
    errno = saved;
}
