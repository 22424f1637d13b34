/* SPDX-License-Identifier: MIT */
/*
 * Waiting on for a caller whose datagram was thrown away.
 *
 * The time that a call has already waited is known only if the clock was read at its entry. A look at the clock costs
 * more than all the rest of an allowed receive, so it is taken only in processes where SO_RCVTIMEO has been seen: set
 * through our setsockopt, or found on a socket (inherited, passed) by the first call that needed to know. That first
 * call alone counts from its first discard.
 */
#include "shim/patience.h"

#include "shim/process.h"
#include "shim/readiness.h"
#include "shim/real.h"
#include "shim/sandbox.h"

#include <errno.h>
#include <sys/time.h>

/*
 * So many discards in a row end one call's turn. A queue that was full when the call began holds fewer: 32 MiB of the
 * smallest packets, 768 bytes each as the kernel counts them, are 43,690. So more than that means that they arrive as
 * fast as they are taken, which is when an edge-triggered caller may be told EAGAIN with packets waiting: the next one
 * that arrives is a new edge.
 */
#define FLOOD 65536u

/* Between two looks at a socket whose error queue keeps poll(2) from sleeping. */
#define NAP_NS (10 * 1000 * 1000L)

#define SECOND_NS 1000000000L

_Atomic bool patience_timed;

void patience_expect_timeouts(void)
{
    atomic_store_explicit(&patience_timed, true, memory_order_relaxed);
}

void patience_clock(struct patience *patience)
{
    patience->entered_known = clock_gettime(CLOCK_MONOTONIC, &patience->entered) == 0;
}

void patience_begin(struct patience *patience, int fd, int flags)
{
    patience->fd = fd;
    patience->flags = flags;
    patience->discards = 0;
    patience->asked = false;
    patience->error_only = false;
}

bool patience_goes_on(struct patience *patience)
{
    return ++patience->discards % FLOOD != 0;
}

static struct timespec time_add(struct timespec a, struct timespec b)
{
    struct timespec sum = {a.tv_sec + b.tv_sec, a.tv_nsec + b.tv_nsec};

    if (sum.tv_nsec >= SECOND_NS) {
        sum.tv_sec++;
        sum.tv_nsec -= SECOND_NS;
    }
    return sum;
}

/* a - b, at least 0 */
static struct timespec time_left(struct timespec a, struct timespec b)
{
    struct timespec left = {a.tv_sec - b.tv_sec, a.tv_nsec - b.tv_nsec};

    if (left.tv_nsec < 0) {
        left.tv_sec--;
        left.tv_nsec += SECOND_NS;
    }
    if (left.tv_sec < 0)
        left = (struct timespec){0};
    return left;
}

static bool time_is_less(const struct timespec *a, const struct timespec *b)
{
    return a->tv_sec != b->tv_sec ? a->tv_sec < b->tv_sec : a->tv_nsec < b->tv_nsec;
}

static struct timespec now(void)
{
    struct timespec time = {0};

    clock_gettime(CLOCK_MONOTONIC, &time);
    return time;
}

/* Turns SO_RCVTIMEO into a deadline; 0 is none. */
static void deadline_find(struct patience *patience)
{
    struct timeval timeout = {0};
    socklen_t length = sizeof(timeout);

    patience->limited = real.getsockopt(patience->fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, &length) == 0 &&
                        (timeout.tv_sec != 0 || timeout.tv_usec != 0);
    if (!patience->limited)
        return;
    patience_expect_timeouts();
    if (!patience->entered_known)
        patience->entered = now();
    patience->deadline = time_add(patience->entered, (struct timespec){timeout.tv_sec, timeout.tv_usec * 1000L});
}

/* What the caller can be made to bear, found out once a call. */
static void patience_ask(struct patience *patience)
{
    int status = 0;

    patience->asked = true;
    patience->limited = false;
    if (sandboxed()) { /* the kernel waits, or does not, as the caller's own call says */
        patience->impatient = (patience->flags & MSG_DONTWAIT) || readiness_take(patience->fd);
        return;
    }
    if (!(patience->flags & MSG_DONTWAIT))
        status = real.fcntl(patience->fd, F_GETFL);
    patience->impatient = (patience->flags & MSG_DONTWAIT) || (status >= 0 && (status & O_NONBLOCK)) ||
                          readiness_take(patience->fd);
    if (!patience->impatient)
        deadline_find(patience);
}

/* The shorter of what SO_RCVTIMEO and the call's own timeout leave. */
static struct timespec remaining(const struct patience *patience, const struct timespec *limit)
{
    struct timespec left = limit != NULL ? *limit : (struct timespec){0};

    if (patience->limited) {
        struct timespec option = time_left(patience->deadline, now());

        if (limit == NULL || time_is_less(&option, &left))
            left = option;
    }
    return left;
}

/*
 * Sleeps until the socket is readable. While nothing but the error queue is filled poll(2) returns at once, though a
 * receive would wait: then it is looked at a hundred times a second.
 */
static int sleep_for(struct patience *patience, struct timespec left)
{
    const struct timespec nap = {0, NAP_NS};
    struct pollfd entry = {.fd = patience->fd, .events = POLLIN};
    int ready;

    if (patience->error_only && time_is_less(&nap, &left))
        return real.ppoll(NULL, 0, &nap, NULL) == 0 ? 1 : -1;
    ready = real.ppoll(&entry, patience->error_only ? 0 : 1, &left, NULL);
    patience->error_only = ready > 0 && !(entry.revents & POLLIN);
    return ready;
}

bool patience_waits(struct patience *patience, struct timespec *limit, bool *wait)
{
    struct timespec left, start;
    int ready;

    if (!patience->asked)
        patience_ask(patience);
    *wait = !patience->impatient && !patience->limited && limit == NULL;
    if (*wait)
        return true;
    left = remaining(patience, limit);
    if (patience->impatient || (left.tv_sec == 0 && left.tv_nsec == 0)) {
        errno = EAGAIN;
        return false;
    }
    start = now();
    ready = sleep_for(patience, left);
    if (limit != NULL)
        *limit = time_left(*limit, time_left(now(), start));
    if (ready == 0)
        errno = EAGAIN;
    return ready > 0;
}
