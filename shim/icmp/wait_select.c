/* SPDX-License-Identifier: MIT */
/*
 * select as a ppoll over the descriptors in its sets. What poll reports unasked and select would not count (an error or
 * hang-up of a descriptor that is in no set for it) is left out of the rest of the wait.
 */
#include "shim/icmp/wait.h"

#include "shim/fdinfo.h"
#include "shim/icmp/epoll_sets.h"
#include "shim/icmp/wait_parts.h"
#include "shim/judge.h"
#include "shim/real.h"

#include <errno.h>
#include <stddef.h>
#include <sys/mman.h>

/* Entries that find room on the stack. */
#define SMALL 64

enum { READING, WRITING, EXCEPTIONS, SETS };

/* As the kernel counts them: POLLIN_SET, POLLOUT_SET, POLLEX_SET of fs/select.c, and what is asked for them. */
static const short counted[SETS] = {POLLIN | POLLRDNORM | POLLRDBAND | POLLHUP | POLLERR,
                                    POLLOUT | POLLWRNORM | POLLWRBAND | POLLERR, POLLPRI};
static const short asked[SETS] = {POLLIN | POLLRDNORM | POLLRDBAND, POLLOUT | POLLWRNORM | POLLWRBAND, POLLPRI};

struct selection {
    int count; /* descriptors are below this */
    fd_set *sets[SETS];
    struct pollfd *entries;
    nfds_t used;
};

static unsigned long word_of(const fd_set *set, int i)
{
    return set == NULL ? 0 : (unsigned long)set->fds_bits[i];
}

static int words_of(int count)
{
    return (count + NFDBITS - 1) / NFDBITS;
}

static unsigned long any_of(fd_set *const sets[SETS], int i)
{
    return word_of(sets[READING], i) | word_of(sets[WRITING], i) | word_of(sets[EXCEPTIONS], i);
}

/* The bits of word `i` that stand for descriptors below `count`. */
static unsigned long below(int count, int i)
{
    int left = count - i * NFDBITS;

    return left >= NFDBITS ? ~0ul : (1ul << left) - 1;
}

/*
 * Sets may be shorter than `count` says where that is more than the process has descriptors, since the kernel looks at
 * no more.
 */
static int count_bounded(int count)
{
    int saved = errno;
    int size = count > FD_SETSIZE ? fdinfo_table_size() : -1;

    errno = saved;
    return size >= 0 && size < count ? size : count;
}

static bool sets_are_bad(fd_set *const sets[SETS])
{
    for (int set = 0; set < SETS; set++) {
        if (sets[set] != NULL && plainly_bad(sets[set]))
            return true;
    }
    return false;
}

bool icmp_select_concerns(int count, const fd_set *reading, const fd_set *writing, const fd_set *exceptions)
{
    fd_set *sets[SETS] = {(fd_set *)(uintptr_t)reading, (fd_set *)(uintptr_t)writing, (fd_set *)(uintptr_t)exceptions};

    if (count <= 0 || sets_are_bad(sets))
        return false;
    if (watching(WATCH_PROBES))
        return true;
    count = count_bounded(count);
    for (int i = 0; i < words_of(count); i++) {
        for (unsigned long bits = any_of(sets, i) & below(count, i); bits != 0; bits &= bits - 1) {
            int fd = i * NFDBITS + __builtin_ctzl(bits);

            if (icmp_guess(fd) != NULL || (epoll_sets_any() && epoll_sets_has(fd)))
                return true;
        }
    }
    return false;
}

static nfds_t members_of(const struct selection *selection)
{
    nfds_t members = 0;

    for (int i = 0; i < words_of(selection->count); i++)
        members += (nfds_t)__builtin_popcountl(any_of(selection->sets, i) & below(selection->count, i));
    return members;
}

static void entries_fill(struct selection *selection)
{
    for (int i = 0; i < words_of(selection->count); i++) {
        unsigned long reading = word_of(selection->sets[READING], i);
        unsigned long writing = word_of(selection->sets[WRITING], i);
        unsigned long exceptions = word_of(selection->sets[EXCEPTIONS], i);
        unsigned long left = (reading | writing | exceptions) & below(selection->count, i);

        for (; left != 0; left &= left - 1) {
            int bit = __builtin_ctzl(left);
            int events = (reading >> bit & 1 ? asked[READING] : 0) | (writing >> bit & 1 ? asked[WRITING] : 0) |
                         (exceptions >> bit & 1 ? asked[EXCEPTIONS] : 0);

            selection->entries[selection->used++] = (struct pollfd){.fd = i * NFDBITS + bit, .events = (short)events};
        }
    }
}

/* Whether an entry counts in a set. */
static bool counts(const struct pollfd *entry, int set)
{
    return (entry->events & asked[set]) != 0 && (entry->revents & counted[set]) != 0;
}

/*
 * How many bits will be set. Entries that have none though poll reports them are left out from now on; -1: a bad
 * descriptor.
 */
static int bits_count(struct selection *selection)
{
    int bits = 0;

    for (nfds_t i = 0; i < selection->used; i++) {
        struct pollfd *entry = &selection->entries[i];
        int own;

        if (entry->fd < 0 || entry->revents == 0)
            continue;
        if (entry->revents & POLLNVAL)
            return -1;
        own = counts(entry, READING) + counts(entry, WRITING) + counts(entry, EXCEPTIONS);
        if (own == 0)
            entry->fd = -1;
        bits += own;
    }
    return bits;
}

static void sets_write(const struct selection *selection)
{
    for (int set = 0; set < SETS; set++) {
        fd_set *bits = selection->sets[set];

        if (bits == NULL)
            continue;
        for (int i = 0; i < words_of(selection->count); i++)
            bits->fds_bits[i] = 0;
        for (nfds_t i = 0; i < selection->used; i++) {
            const struct pollfd *entry = &selection->entries[i];

            if (entry->revents != 0 && entry->fd >= 0 && counts(entry, set))
                bits->fds_bits[entry->fd / NFDBITS] |= (__fd_mask)(1ul << (entry->fd % NFDBITS));
        }
    }
}

static int selected(struct selection *selection, const struct span *span, const struct timespec *timeout,
                    const sigset_t *mask)
{
    const struct timespec none = {0};
    struct timespec left;
    int found;

    entries_fill(selection);
    for (;; timeout = span_next(span, false, &left)) {
        found = icmp_ppoll(selection->entries, selection->used, timeout, mask);
        if (found < 0)
            return -1;
        if (found > 0)
            found = bits_count(selection);
        if (found < 0) /* the kernel knows what it says of a bad descriptor */
            return real.pselect(selection->count, selection->sets[READING], selection->sets[WRITING],
                                selection->sets[EXCEPTIONS], &none, mask);
        if (found > 0 || span_is_over(span))
            break;
    }
    sets_write(selection);
    return found;
}

static __attribute__((noinline)) int selected_small(struct selection *selection, const struct span *span,
                                                    const struct timespec *timeout, const sigset_t *mask)
{
    struct pollfd entries[SMALL];
    int found;

    selection->entries = entries;
    found = selected(selection, span, timeout, mask);
    selection->entries = NULL;
    return found;
}

/* A thread that is cancelled here leaves its pages behind. */
static __attribute__((noinline)) int selected_large(struct selection *selection, nfds_t members,
                                                    const struct span *span, const struct timespec *timeout,
                                                    const sigset_t *mask)
{
    size_t size = members * sizeof(struct pollfd);
    int found;

    selection->entries = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (selection->entries == MAP_FAILED) {
        errno = ENOMEM;
        return -1;
    }
    found = selected(selection, span, timeout, mask);
    munmap(selection->entries, size);
    return found;
}

int icmp_pselect(int count, fd_set *reading, fd_set *writing, fd_set *exceptions, struct timespec *timeout,
                 const sigset_t *mask)
{
    struct selection selection = {.sets = {reading, writing, exceptions}};
    struct span span;
    nfds_t members;
    int found;

    if (count <= 0 || sets_are_bad(selection.sets))
        return real.pselect(count, reading, writing, exceptions, timeout, mask);
    if (!span_begin(&span, timeout)) {
        errno = EINVAL;
        return -1;
    }
    selection.count = count_bounded(count);
    members = members_of(&selection);
    found = members <= SMALL ? selected_small(&selection, &span, timeout, mask)
                             : selected_large(&selection, members, &span, timeout, mask);
    if (timeout != NULL)
        span_next(&span, false, timeout);
    return found;
}
