/* SPDX-License-Identifier: MIT */
/*
 * The claim is the pid of the process whose thread is at work. After a fork(2) in the middle of that nobody in the
 * child is, though the claim was copied; so it stands in a page that the kernel wipes on fork (MADV_WIPEONFORK, Linux
 * 4.14). A child of vfork(2) shares the page, finds its parent's pid there, and leaves its parent's memory alone.
 */
#include "shim/elect.h"

#include "state/kernel.h"

#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define BUSY 1u
#define AWAITED 2u  /* somebody sleeps until it is over */
#define HOPELESS 4u /* somebody has slept long enough */

struct election {
    /*
     * The pid of the process whose memory this is in the upper half (0: not known, as after a fork), bits in the lower.
     */
    _Atomic uint64_t claim;
    _Atomic uint32_t ended; /* how many; who waits sleeps on it */
};

static struct election plain; /* where no page is to be had that the kernel wipes */
static struct election *_Atomic present;
static int errno_before;

static struct election *election_make(void)
{
    void *page = mmap(NULL, sizeof(struct election), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct election *made = page == MAP_FAILED ? &plain : page;
    struct election *expected = NULL;

    if (page != MAP_FAILED && madvise(page, sizeof(struct election), MADV_WIPEONFORK) != 0)
        made = &plain;
    if (page != MAP_FAILED && made == &plain)
        munmap(page, sizeof(struct election));
    if (atomic_compare_exchange_strong(&present, &expected, made))
        return made;
    if (made != &plain)
        munmap(page, sizeof(struct election));
    return expected;
}

static pid_t owner_of(uint64_t claim)
{
    return (pid_t)(claim >> 32);
}

/*
 * A claim of another pid is a vfork parent's, and holds, unless that process is no more; one that cannot be wiped is a
 * parent's that was copied.
 */
static bool claim_take(struct election *here)
{
    uint64_t before = atomic_load(&here->claim);
    pid_t owner = owner_of(before);
    pid_t self = getpid();

    if (owner == self && (before & BUSY))
        return false;
    if (owner != self && owner != 0 && here != &plain && !(kill(owner, 0) != 0 && errno == ESRCH))
        return false;
    return atomic_compare_exchange_strong(&here->claim, &before, (uint64_t)self << 32 | BUSY);
}

bool elect(sigset_t *mask)
{
    struct election *here = atomic_load(&present);
    int saved = errno;
    sigset_t all;

    if (here == NULL)
        here = election_make();
    /* No system call a call while another thread is at work. */
    if (here != &plain && (atomic_load(&here->claim) & BUSY)) {
        errno = saved;
        return false;
    }
    memset(&all, 0xff, sizeof(all)); /* with the two that libc keeps for itself: one of them cancels */
    kernel_signal_mask(&all, mask);
    if (claim_take(here)) {
        errno_before = saved;
        return true;
    }
    kernel_signal_mask(mask, NULL);
    errno = saved;
    return false;
}

void elect_end(const sigset_t *mask)
{
    struct election *here = atomic_load(&present);
    int saved = errno_before;
    uint64_t claim = atomic_fetch_and(&here->claim, ~(uint64_t)(BUSY | AWAITED | HOPELESS));

    /* Behind that: who is still about to sleep then finds the count raised, and does not. */
    atomic_fetch_add(&here->ended, 1);
    if (claim & AWAITED)
        kernel_wake_all(&here->ended);
    kernel_signal_mask(mask, NULL);
    errno = saved;
}

static uint64_t nanoseconds_now(void)
{
    struct timespec now = {0};

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/*
 * Whoever is waited for had time enough. True: it was a child of vfork(2) that was killed, and its claim is gone now.
 */
static bool claim_give_up(struct election *here, uint64_t claim)
{
    bool dead = kill(owner_of(claim), 0) != 0 && errno == ESRCH;

    atomic_compare_exchange_strong(&here->claim, &claim, dead ? 0 : claim | HOPELESS);
    return dead;
}

bool elect_wait(void)
{
    struct election *here = atomic_load(&present);
    uint32_t ended = here == NULL ? 0 : atomic_load(&here->ended);
    uint64_t deadline = 0;
    int saved = errno;
    bool again = false;

    while (here != NULL && here != &plain) {
        uint64_t claim = atomic_load(&here->claim);
        uint64_t now;

        if (atomic_load(&here->ended) != ended || !(claim & BUSY)) {
            again = owner_of(claim) == getpid() || owner_of(claim) == 0;
            break;
        }
        if (claim & HOPELESS)
            break;
        now = nanoseconds_now();
        deadline = deadline == 0 ? now + ELECT_PATIENCE_NS : deadline;
        if (now >= deadline) {
            again = claim_give_up(here, claim);
            break;
        }
        if (atomic_compare_exchange_strong(&here->claim, &claim, claim | AWAITED) &&
            !kernel_sleep_on(&here->ended, ended, deadline - now))
            break;
    }
    errno = saved;
    return again;
}
