/* SPDX-License-Identifier: MIT */
/*
 * The notes of one thread: a bit for each low descriptor, a few slots for high ones, and what the last epoll wait
 * returned.
 *
 * poll and select name descriptors, so they are noted as such. epoll names the program's own data, which may be
 * anything; which descriptor it stands for is looked up in /proc/self/fdinfo, and only when a receive is about to wait.
 * The rule for it: what the last epoll wait reported holds for every descriptor registered with that data until that
 * descriptor's next receive or accept in this thread. Hence a second bit, `ended`, for receives since that wait.
 *
 * A signal handler may poll or receive in the middle of any of this: at worst one note is lost or stays.
 */
#include "shim/readiness.h"

#include "shim/fdinfo.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

#define LOW 1024         /* descriptors with a bit: select(2) knows no others */
#define HIGH 8           /* slots for others, oldest out */
#define EPOLL_RESULTS 32 /* data values kept of one wait */

#define READABLE ((uint32_t)(EPOLLIN | EPOLLRDNORM | EPOLLPRI | EPOLLRDHUP | EPOLLERR | EPOLLHUP))

/* A set of descriptors. High ones are kept plus one, so that 0 is a free slot. */
struct set {
    uint64_t low[LOW / 64];
    uint32_t high[HIGH];
    uint32_t oldest;
};

struct notes {
    struct set told;  /* reported by poll or select, and not received from since */
    struct set ended; /* received from since the last epoll wait */
    int epoll_fd;
    uint32_t result_count;
    bool more_results; /* than were kept */
    uint64_t results[EPOLL_RESULTS];
};

static __thread struct notes notes __attribute__((tls_model("initial-exec")));
__thread bool readiness_noted;

static bool set_has(const struct set *set, int fd)
{
    if (fd < LOW)
        return (set->low[fd / 64] >> (fd % 64)) & 1;
    for (unsigned i = 0; i < HIGH; i++) {
        if (set->high[i] == (uint32_t)fd + 1)
            return true;
    }
    return false;
}

static void set_add(struct set *set, int fd)
{
    if (fd < LOW)
        set->low[fd / 64] |= UINT64_C(1) << (fd % 64);
    else if (!set_has(set, fd))
        set->high[set->oldest++ % HIGH] = (uint32_t)fd + 1;
}

static void set_remove(struct set *set, int fd)
{
    if (fd < LOW) {
        set->low[fd / 64] &= ~(UINT64_C(1) << (fd % 64));
        return;
    }
    for (unsigned i = 0; i < HIGH; i++) {
        if (set->high[i] == (uint32_t)fd + 1)
            set->high[i] = 0;
    }
}

void readiness_note(int fd)
{
    if (fd < 0)
        return;
    set_add(&notes.told, fd);
    readiness_noted = true;
}

void readiness_note_epoll(int epoll_fd, const struct epoll_event *events, int count)
{
    uint32_t kept = 0;

    notes.more_results = false;
    for (int i = 0; i < count; i++) {
        if (!(events[i].events & READABLE))
            continue;
        if (kept == EPOLL_RESULTS) {
            notes.more_results = true;
            break;
        }
        notes.results[kept++] = events[i].data.u64;
    }
    readiness_noted = true;
    notes.epoll_fd = epoll_fd;
    notes.result_count = kept;
    memset(&notes.ended, 0, sizeof(notes.ended));
}

void readiness_forget(int fd)
{
    if (fd < 0)
        return;
    set_remove(&notes.told, fd);
    if (notes.result_count > 0)
        set_add(&notes.ended, fd);
}

/* Whether a registration is of the descriptor asked for, with data that was reported. */
static bool is_reported(int target, uint64_t data, void *context)
{
    const int *fd = context;

    if (target != *fd)
        return false;
    if (notes.more_results)
        return true;
    for (uint32_t i = 0; i < notes.result_count && i < EPOLL_RESULTS; i++) {
        if (notes.results[i] == data)
            return true;
    }
    return false;
}

/*
 * Whether the last epoll wait reported `fd`. Where /proc does not tell, yes: a caller that watches its descriptors by
 * epoll can bear EAGAIN, but not a wait for a packet that never comes.
 */
static bool epoll_reported(int fd)
{
    bool complete;

    return fdinfo_targets(notes.epoll_fd, is_reported, &fd, &complete) || !complete;
}

bool readiness_take(int fd)
{
    int saved = errno;
    bool told;

    if (fd < 0)
        return false;
    told = set_has(&notes.told, fd);
    if (!told && notes.result_count > 0 && !set_has(&notes.ended, fd))
        told = epoll_reported(fd);
    readiness_forget(fd);
    errno = saved;
    return told;
}
