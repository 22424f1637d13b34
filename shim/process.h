/* SPDX-License-Identifier: MIT */
/*
 * What this process knows of its policy: the layers that hold, and one word that tells hooks whether to look at all.
 */
#ifndef SOCKADE_SHIM_PROCESS_H
#define SOCKADE_SHIM_PROCESS_H

#include "policy/decide.h"
#include "state/event.h"

#include <stdatomic.h>
#include <stdbool.h>

#define likely(condition) __builtin_expect(!!(condition), 1)
#define unlikely(condition) __builtin_expect(!!(condition), 0)

/*
 * Images are held in two slots with a sequence latch: readers look at slot `latch & 1`, copy what they found out, and
 * look again if the latch moved. A new image is mapped over the idle slot and the latch is raised; so readers own
 * nothing, nothing blocks, and signal handlers, siglongjmp, cancellation and fork need no care.
 */
struct layer {
    _Atomic uint32_t latch;
    struct view slots[2];
    bool system;
    bool closed; /* could not be read: refuse everything but Unix, netlink and AF_ALG */
    struct log_place log;
};

struct process {
    _Atomic uint32_t watch; /* WATCH_* of all layers; every bit until the process has started */
    bool log_all;           /* some layer wants an event for what it allows too */
    int layer_count;
    struct layer layers[LAYERS_MAX];
    struct log_limit limit;
    uid_t uid;
    const char *exe; /* as executed, absolute where that could be found; "" without any layer */
};

extern struct process process;

/*
 * The one branch of a hook that has nothing to do: whether anything of these kinds can be refused or noted here. True
 * also before the process has started, so that the slow path, which begins with process_ready, starts it.
 */
static inline bool watching(uint32_t kinds)
{
    return unlikely(atomic_load_explicit(&process.watch, memory_order_relaxed) & kinds);
}

/* Whether the policy is known; before that everything is judged as fail-closed does. */
bool process_is_ready(void);

/*
 * Begins every hook's slow path: starts the process if no constructor has (other libraries' constructors call hooked
 * functions too), and tells whether after that there still is something of these kinds. errno is preserved.
 */
bool process_ready(uint32_t kinds);

#endif
