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
    union {
        struct {
            _Atomic uint32_t watch;      /* WATCH_* of all layers; every bit until the process has started */
            _Atomic uint32_t generation; /* raised whenever a layer's image has changed, after its latch */
        };
        _Atomic uint64_t state; /* both, to compare */
    };
    bool log_all; /* some layer wants an event for what it allows too */
    int layer_count;
    struct layer layers[LAYERS_MAX];
    struct log_limit limit;
    uid_t uid;
    const char *exe; /* as executed, absolute where that could be found; "" without any layer */
};

extern struct process process __attribute__((visibility("hidden")));

/*
 * The one branch of a hook that has nothing to do: whether anything of these kinds can be refused or noted here. True
 * also before the process has started, so that the slow path, which begins with process_ready, starts it.
 */
static inline bool watching(uint32_t kinds)
{
    return unlikely(atomic_load_explicit(&process.watch, memory_order_relaxed) & kinds);
}

/*
 * What verdicts that are remembered hold for. 32-bit machines take two loads: who remembers reads it before the policy is
 * asked, so that a state put together of an old and a new half is at worst one that never comes again.
 */
static inline uint64_t process_state(void)
{
#if UINTPTR_MAX > UINT32_MAX
    return atomic_load_explicit(&process.state, memory_order_acquire);
#else
    uint64_t generation = atomic_load_explicit(&process.generation, memory_order_acquire);

    return generation << 32 | atomic_load_explicit(&process.watch, memory_order_relaxed);
#endif
}

/* The half of it that tells what is watched. */
static inline uint32_t state_watch(uint64_t state)
{
#if UINTPTR_MAX > UINT32_MAX && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    state >>= 32;
#endif
    return (uint32_t)state;
}

/* Whether the policy is known; before that everything is judged as fail-closed does. */
bool process_is_ready(void);

/*
 * Begins every hook's slow path: starts the process if no constructor has (other libraries' constructors call hooked
 * functions too), and tells whether after that there still is something of these kinds. errno is preserved.
 */
bool process_ready(uint32_t kinds);

#endif
