/* SPDX-License-Identifier: MIT */
/*
 * The claim is the pid of the process whose thread is at work. After a fork(2) in the middle of that nobody in the child
 * is, though the claim was copied; so it stands in a page that the kernel wipes on fork (MADV_WIPEONFORK, Linux 4.14).
 * A child of vfork(2) shares the page, finds its parent's pid there, and leaves its parent's memory alone.
 */
#include "shim/elect.h"

#include "state/kernel.h"

#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#define BUSY 1u

/* The pid of the process whose memory this is in the upper half (0: not known, as after a fork), BUSY in the lower. */
typedef _Atomic uint64_t claim;

static claim plain; /* where no page is to be had that the kernel wipes */
static claim *_Atomic present;
static int errno_before;

static claim *claim_make(void)
{
    void *page = mmap(NULL, sizeof(claim), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    claim *made = page == MAP_FAILED ? &plain : page;
    claim *expected = NULL;

    if (page != MAP_FAILED && madvise(page, sizeof(claim), MADV_WIPEONFORK) != 0)
        made = &plain;
    if (page != MAP_FAILED && made == &plain)
        munmap(page, sizeof(claim));
    if (atomic_compare_exchange_strong(&present, &expected, made))
        return made;
    if (made != &plain)
        munmap(page, sizeof(claim));
    return expected;
}

/*
 * A claim of another pid is a vfork parent's, and holds, unless that process is no more; one that cannot be wiped is a
 * parent's that was copied.
 */
static bool claim_take(claim *here)
{
    uint64_t before = atomic_load(here);
    pid_t owner = (pid_t)(before >> 32);
    pid_t self = getpid();

    if (owner == self && (before & BUSY))
        return false;
    if (owner != self && owner != 0 && here != &plain && !(kill(owner, 0) != 0 && errno == ESRCH))
        return false;
    return atomic_compare_exchange_strong(here, &before, (uint64_t)self << 32 | BUSY);
}

bool elect(sigset_t *mask)
{
    claim *here = atomic_load(&present);
    int saved = errno;
    sigset_t all;

    if (here == NULL)
        here = claim_make();
    /* No system call a call while another thread is at work. */
    if (here != &plain && (atomic_load(here) & BUSY)) {
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
    int saved = errno_before;

    atomic_fetch_and(atomic_load(&present), ~(uint64_t)BUSY);
    kernel_signal_mask(mask, NULL);
    errno = saved;
}
