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

#include "state/kernel.h"

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

/* Reads an unsigned number behind `name` in a line of /proc; false where there is none. */
static bool field(const char *line, const char *name, unsigned base, uint64_t *out)
{
    const char *at = strstr(line, name);
    bool any = false;

    *out = 0;
    for (at = at == NULL ? "" : at + strlen(name); *at == ' '; at++)
        ;
    for (;; at++, any = true) {
        unsigned digit = *at >= 'a' ? (unsigned)(*at - 'a') + 10 : (unsigned)*at - '0';

        if (digit >= base)
            return any;
        *out = *out * base + digit;
    }
}

/* Whether a line is `fd`'s entry in the epoll set, registered with data that was reported. */
static bool line_reports(const char *line, int fd)
{
    uint64_t target, data;

    if (strncmp(line, "tfd:", 4) != 0 || !field(line, "tfd:", 10, &target) || target != (uint64_t)fd ||
        !field(line, "data:", 16, &data))
        return false;
    if (notes.more_results)
        return true;
    for (uint32_t i = 0; i < notes.result_count && i < EPOLL_RESULTS; i++) {
        if (notes.results[i] == data)
            return true;
    }
    return false;
}

/* /proc/thread-self/fdinfo/N: the calling thread's own table of descriptors, also where it shares it with nobody. */
static int fdinfo_open(int fd)
{
    char path[48] = "/proc/thread-self/fdinfo/";
    char digits[12];
    size_t at = sizeof(digits);

    digits[--at] = '\0';
    do
        digits[--at] = (char)('0' + fd % 10);
    while ((fd /= 10) > 0);
    memcpy(path + strlen(path), digits + at, sizeof(digits) - at);
    return kernel_open(AT_FDCWD, path, O_RDONLY, 0);
}

/*
 * Whether the last epoll wait reported `fd`. Where /proc does not tell, yes: a caller that watches its descriptors by
 * epoll can bear EAGAIN, but not a wait for a packet that never comes.
 */
static bool epoll_reported(int fd)
{
    char buffer[512];
    char line[128];
    size_t length = 0;
    size_t budget = (size_t)4 << 20; /* some 50,000 descriptors */
    ssize_t got = -1;
    int info = fdinfo_open(notes.epoll_fd);
    bool found = info < 0;

    while (!found && budget > 0 && (got = kernel_read(info, buffer, sizeof(buffer))) > 0) {
        budget -= (size_t)got < budget ? (size_t)got : budget;
        for (ssize_t i = 0; i < got && !found; i++) {
            if (buffer[i] != '\n') {
                line[length] = buffer[i];
                length += length < sizeof(line) - 1;
                continue;
            }
            line[length] = '\0';
            length = 0;
            found = line_reports(line, fd);
        }
    }
    if (info >= 0)
        kernel_close(info);
    return found || got != 0;
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
