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

#define LATER_LOGS 3

/*
 * Images are held in two slots with a sequence latch: readers look at slot `latch & 1`, copy what they found out, and
 * look again if the latch moved. A new image is mapped over the idle slot and the latch is raised; so readers own
 * nothing, nothing blocks, and signal handlers, siglongjmp, cancellation and fork need no care.
 */
struct layer {
    _Atomic uint32_t latch;
    struct view slots[2];
    bool system;
    _Atomic bool closed; /* could not be read: refuse everything but Unix, netlink and AF_ALG */
    struct log_place log;
    /* Places that later texts named. None is ever written again, since an event may be on its way to it. */
    struct log_place later_logs[LATER_LOGS];
    int later_count;
    _Atomic int log_now; /* 0: `log`, else one more than the index of a later one */
};

/* A word that tells when there is a new image: the layer's, in a control file that is mapped shared. */
struct notice {
    const _Atomic uint32_t *_Atomic word; /* never NULL */
    _Atomic uint32_t seen;                /* up to here it has been followed, or tried to */
};

struct process {
    union {
        struct {
            _Atomic uint32_t watch;      /* WATCH_* of all layers; every bit until the process has started */
            _Atomic uint32_t generation; /* raised whenever a layer's image has changed, after its latch */
        };
        _Atomic uint64_t state; /* both, to compare */
    };
    _Atomic bool log_all;    /* some layer wants an event for what it allows too */
    _Atomic int layer_count; /* may grow when a policy appears */
    _Atomic uint64_t
        words_seen; /* what policy_words was when it was followed last; no sum at all where it does not do */
    struct notice notices[LAYERS_MAX];
    struct layer layers[LAYERS_MAX];
    struct log_limit limit;
    uid_t uid;
    const char *exe; /* as executed, absolute where that could be found; "" without any layer */
};

extern struct process process __attribute__((visibility("hidden")));

/* Bits of process.watch beside those of the policy: */
#define WATCH_FOLLOW (1u << 19) /* there are layers, of which newer images may come */
#define WATCH_ABSENT (1u << 20) /* there is none, and one may appear: socket, bind, listen and accept look for it */
#define WATCH_POLICY (WATCH_ALL | WATCH_FOLLOW | WATCH_ABSENT)

/*
 * The one branch of a hook that has nothing to do: whether anything of these kinds can be refused or noted here. True
 * also before the process has started, so that the slow path, which begins with process_ready, starts it.
 */
static inline bool watching(uint32_t kinds)
{
    return unlikely(atomic_load_explicit(&process.watch, memory_order_relaxed) & kinds);
}

/* The word of a layer that is not there, or has no control file. */
extern const _Atomic uint32_t no_word __attribute__((visibility("hidden")));

/* So many layers' words are looked at without a loop, and are part of the state below; under more nothing is remembered. */
#define STATE_LAYERS 2

/* Their sum, which only rises. */
static inline uint64_t policy_words(void)
{
    const _Atomic uint32_t *first = atomic_load_explicit(&process.notices[0].word, memory_order_relaxed);
    const _Atomic uint32_t *second = atomic_load_explicit(&process.notices[1].word, memory_order_relaxed);

    return (uint64_t)atomic_load_explicit(first, memory_order_relaxed) +
           atomic_load_explicit(second, memory_order_relaxed);
}

/* Whether a newer image may have come, or be said to have: never wrongly no. A few loads; what is read later is newer. */
static inline bool policy_may_have_moved(void)
{
    return unlikely(policy_words() != atomic_load_explicit(&process.words_seen, memory_order_acquire));
}

/* Whether it has, in truth. */
bool policy_has_moved(void);

/* To be called after a layer was added or a word was followed. */
void policy_words_seen(void);

/* Where a layer's events go now. */
static inline const struct log_place *layer_log(const struct layer *layer)
{
    int now = atomic_load_explicit(&layer->log_now, memory_order_acquire);

    return now == 0 ? &layer->log : &layer->later_logs[now - 1];
}

/* Makes `watch` and `log_all` what the layers ask for now; the bits that are not the policy's stay. */
void process_watch_again(void);

/*
 * What verdicts that are remembered hold for: in the low half what is watched, in the high one the sum of the images'
 * changes and of the words that tell of newer ones. All of them only rise, so a state never comes again, and a word that has
 * moved sends the call to policy_ready. Machines that cannot load both halves at once take two loads: who remembers reads the
 * state before the policy is asked, so that one put together of an old and a new half is at worst one that never comes.
 */
static inline uint64_t process_state(void)
{
    uint64_t words = policy_words();

#if UINTPTR_MAX > UINT32_MAX && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    return atomic_load_explicit(&process.state, memory_order_acquire) + (words << 32);
#else
    words += atomic_load_explicit(&process.generation, memory_order_acquire);
    return words << 32 | atomic_load_explicit(&process.watch, memory_order_relaxed);
#endif
}

/* The half of it that tells what is watched. */
static inline uint32_t state_watch(uint64_t state)
{
    return (uint32_t)state;
}

/* Whether the policy is known; before that everything is judged as fail-closed does. */
bool process_is_ready(void);

/*
 * Begins every hook's slow path: starts the process if no constructor has (other libraries' constructors call hooked
 * functions too), and tells whether after that there still is something of these kinds. errno is preserved.
 */
bool process_ready(uint32_t kinds);

/* What policy_ready does where the process has not started, or a word has moved. */
void policy_catch_up(void);

/*
 * The same for calls that create, address, accept or receive: a newer image is taken first (follow.h). Not for read,
 * write and waits, which make no system call but the program's own.
 */
static inline bool policy_ready(uint32_t kinds)
{
    if (unlikely(!process_is_ready() || policy_may_have_moved()))
        policy_catch_up();
    return watching(kinds);
}

#endif
