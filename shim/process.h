/* SPDX-License-Identifier: MIT */
/*
 * What this process knows of its policy: the layers that hold, and one word that tells hooks whether to look at all.
 */
#ifndef SOCKADE_SHIM_PROCESS_H
#define SOCKADE_SHIM_PROCESS_H

#include "policy/decide.h"
#include "state/event.h"
#include "state/generation.h"

#include <stdatomic.h>
#include <stdbool.h>

#define likely(condition) __builtin_expect(!!(condition), 1)
#define unlikely(condition) __builtin_expect(!!(condition), 0)

#define LATER_LOGS 3

/*
 * Images are held in slots with a sequence latch: readers look at slot `latch & LATCH_SLOT`, copy what they found out,
 * and look again if the latch moved. The first image stays where it was mapped, in slot 0. Newer ones come by turns
 * into slots 1 and 2: mapped over the idle one, whereupon the latch is raised; so readers own nothing, nothing blocks,
 * and signal handlers, siglongjmp, cancellation and fork need no care. A program whose policy never changes keeps no
 * room for that.
 */
#define LATCH_SLOT 3u
#define LATCH_STEP 4u

struct layer {
    _Atomic uint32_t latch;
    struct view slots[3];
    bool system;
    _Atomic bool closed; /* could not be read: refuse everything but Unix, netlink and AF_ALG */
    int later_count;
    _Atomic int log_now; /* in process_logs */
};

struct process {
    union {
        struct {
            _Atomic uint32_t watch;      /* WATCH_* of all layers; every bit until the process has started */
            _Atomic uint32_t generation; /* raised whenever a layer's image has changed, after its latch */
        };
        _Atomic uint64_t state; /* both, to compare */
    };
    _Atomic bool log_all;        /* some layer wants an event for what it allows too */
    _Atomic int layer_count;     /* may grow when a policy appears */
    _Atomic uint32_t words_seen; /* what policy_words was when it was followed last, or what it never is again */
    _Atomic uint32_t word_seen[LAYERS_MAX]; /* up to here each layer's has been followed, or tried to */
    struct layer layers[LAYERS_MAX];
    struct log_limit limit;
    uid_t uid;
    const char *exe; /* as executed, absolute where that could be found; "" without any layer */
};

extern struct process process __attribute__((visibility("hidden")));

/*
 * Each layer's place for events, and behind it those that later texts named. None of these is ever written again, since
 * an event may be on its way to it.
 */
extern struct log_place process_logs[LAYERS_MAX][1 + LATER_LOGS] __attribute__((visibility("hidden")));

/* Bits of process.watch beside those of the policy: */
#define WATCH_FOLLOW (1u << 19) /* there are layers, of which newer images may come */
#define WATCH_ABSENT (1u << 20) /* there is none, and one may appear: socket, bind, listen and accept look for it */
#define WATCH_POLICY (WATCH_ALL | WATCH_FOLLOW | WATCH_ABSENT)

/*
 * A relaxed load that compilers fold into the instruction which uses it, as they do with no atomic one (gcc 12, clang
 * 14): a third of what a hook costs that has nothing to do. An aligned word is read at once on all machines that Linux
 * runs on.
 */
#if defined(__SANITIZE_THREAD__)
#define glance(word) atomic_load_explicit(word, memory_order_relaxed)
#else
#define glance(word) (*(const uint32_t *)(const void *)(word))
#endif

/*
 * The one branch of a hook that has nothing to do: whether anything of these kinds can be refused or noted here. True
 * also before the process has started, so that the slow path, which begins with process_ready, starts it.
 */
static inline bool watching(uint32_t kinds)
{
    return unlikely(glance(&process.watch) & kinds);
}

/* Each layer's control file is mapped over one of these; 0 where it has none. */
extern union generation_place process_words[LAYERS_MAX] __attribute__((visibility("hidden")));

/* The word that tells when there is a new image of layer `i`. */
static inline uint32_t layer_word(int i)
{
    return atomic_load_explicit(&process_words[i].page.word, memory_order_acquire);
}

/*
 * So many layers' words are looked at without a loop, and are part of the state below; under more nothing is
 * remembered.
 */
#define STATE_LAYERS 2

/* Their sum, which only rises. */
static inline uint32_t policy_words(void)
{
    return glance(&process_words[0].page.word) + glance(&process_words[1].page.word);
}

/*
 * Whether a newer image may have come, or be said to have: never wrongly no. Three loads; what is read later is newer.
 */
static inline bool policy_may_have_moved(void)
{
    uint32_t seen = glance(&process.words_seen);
    bool moved = policy_words() != seen;

    atomic_thread_fence(memory_order_acquire);
    return unlikely(moved);
}

/*
 * The branch of a hook that follows a newer policy: whether anything of these kinds can be refused or noted, or may be
 * from now on. The order matters: another thread may be through with a newer policy in between, and what is watched is
 * made before its word is called seen.
 */
static inline bool concerned(uint32_t kinds)
{
    uint32_t seen = glance(&process.words_seen);

    atomic_thread_fence(memory_order_acquire);
    if (watching(kinds))
        return true;
    atomic_thread_fence(memory_order_acquire);
    return unlikely(policy_words() != seen);
}

/* Whether it has, in truth. */
bool policy_has_moved(void);

/* To be called after a layer was added, or a word was followed or replaced. */
void policy_words_seen(void);

/* Where a layer's events go now. */
static inline const struct log_place *layer_log(const struct layer *layer)
{
    int now = atomic_load_explicit(&layer->log_now, memory_order_acquire);

    return &process_logs[layer - process.layers][now];
}

/* Makes `watch` and `log_all` what the layers ask for now; the bits that are not the policy's stay. */
void process_watch_again(void);

/*
 * What verdicts that are remembered hold for: in the low half what is watched, in the high one the sum of the images'
 * changes and of the words that tell of newer ones. All of them only rise, so a state never comes again, and a word
 * that has moved sends the call to policy_ready. Machines that cannot load both halves at once take two loads: who
 * remembers reads the state before the policy is asked, so that one put together of an old and a new half is at worst
 * one that never comes.
 */
static inline uint64_t process_state(void)
{
    uint64_t words = (uint64_t)policy_words() << 32;

#if UINTPTR_MAX > UINT32_MAX && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    return atomic_load_explicit(&process.state, memory_order_acquire) + words;
#else
    words += (uint64_t)atomic_load_explicit(&process.generation, memory_order_acquire) << 32;
    return words | atomic_load_explicit(&process.watch, memory_order_relaxed);
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
