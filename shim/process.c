/* SPDX-License-Identifier: MIT */
/* The process' one record of its policy, and the moment it is filled. */
#include "shim/process.h"

#include "shim/checkers.h"
#include "shim/descriptors.h"
#include "shim/follow.h"
#include "shim/hints.h"
#include "shim/icmp/socket.h"
#include "shim/icmp/open.h"
#include "shim/icmp/wait_parts.h"
#include "shim/real.h"
#include "shim/start.h"
#include "state/call.h"
#include "state/large.h"

#include <errno.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

struct process process = {.watch = UINT32_MAX};
LARGE union generation_place process_words[LAYERS_MAX];
LARGE struct log_place process_logs[LAYERS_MAX][1 + LATER_LOGS];

enum stage { STAGE_NEW, STAGE_READY };

static _Atomic int stage;
static _Atomic pid_t starter;         /* the thread that fills `process` */
static _Atomic bool *_Atomic at_work; /* whether it does, in this process; NULL: it has no other threads */

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

static void expect_datagrams(int fd)
{
    hint_inherit(fd);
}

/*
 * When datagrams begin to be judged the bits are set first: a descriptor that is made meanwhile is then marked by
 * whoever makes it.
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
        descriptors_each(expect_datagrams);
}

static void inherit_datagram(int fd)
{
    if (hint_inherit(fd))
        icmp_adopt(fd); /* a ping socket, maybe */
}

/* From here on hooks look at what the layers ask for, and at the translated sockets that came by exec. */
static void process_watch(void)
{
    uint32_t watch = policy_watch();

    atomic_store_explicit(&process.watch, watch, memory_order_relaxed);
    descriptors_each(watch & WATCH_FROM_DATAGRAM ? inherit_datagram : icmp_adopt);
}

/*
 * While other threads are there one of them may fork in the middle of the start, and in the child nobody is at work,
 * though it looks like that. So it is noted in a page that the kernel wipes on fork (MADV_WIPEONFORK, Linux 4.14). A
 * child of vfork(2) shares the page, and waits for its parent. The page stays, since a thread that waits may look at
 * it.
 */
static void start_note(void)
{
    _Atomic bool *page = atomic_load(&at_work);
    _Atomic bool *expected = NULL;
    size_t size = (size_t)getpagesize();

    if (page == NULL && wait_has_threads()) {
        page = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (page == MAP_FAILED)
            return;
        if (madvise((void *)page, size, MADV_WIPEONFORK) != 0 ||
            !atomic_compare_exchange_strong(&at_work, &expected, page)) {
            munmap((void *)page, size);
            page = expected;
        }
    }
    if (page != NULL)
        atomic_store(page, true);
}

/* Whether this is a child that was forked in the middle of the start: then it begins anew. */
static bool start_was_lost(void)
{
    const _Atomic bool *page = atomic_load(&at_work);
    pid_t before = atomic_load(&starter);

    return page != NULL && !atomic_load(page) && atomic_compare_exchange_strong(&starter, &before, 0);
}

/*
 * Runs once, from our constructor or from the first hook before it. Whoever comes while another thread is at it waits.
 * A signal handler that interrupted the start itself goes on unready, and is refused by judge(); what it calls besides
 * has to be bound, which may be under way.
 */
static void process_start(void)
{
    pid_t self = (pid_t)kernel_call(SYS_gettid, 0);
    pid_t nobody = 0;

    if (atomic_load(&starter) == 0)
        start_note();
    /* By one step, so that a handler never finds a start without its thread. */
    if (atomic_compare_exchange_strong(&starter, &nobody, self)) {
        process.layer_count = 0; /* of a start that was lost */
        checkers_leave_out();
        real_bind();
        start_layers();
        process_watch();
        atomic_store_explicit(&stage, STAGE_READY, memory_order_release);
        return;
    }
    while (!process_is_ready() && atomic_load(&starter) != self) {
        if (start_was_lost()) {
            process_start();
            return;
        }
        sched_yield();
    }
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
 * Not linked `-z initfirst`: that would run it before libc's own initialisation, when `__environ` is not there yet and
 * the pin could not be written into it. Hooks that are called by earlier constructors start the process themselves.
 */
__attribute__((constructor)) static void constructor(void)
{
    int saved = errno;

    process_start();
    errno = saved;
}
