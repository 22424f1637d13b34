/* SPDX-License-Identifier: MIT */
/*
 * Two ways to wait. With one thread and no other source: a receive that only peeks, so that the kernel itself blocks. Else a
 * ppoll over all sources; the kernel never restarts that after a signal, so it is begun again here where recvmsg would be
 * restarted.
 */
#include "shim/icmp/linger.h"

#include "shim/icmp/pull.h"
#include "shim/icmp/receive.h"
#include "shim/real.h"

#include <errno.h>
#include <signal.h>
#include <sys/time.h>

#define SECOND_NS 1000000000L

/* Sources that are waited on at once; a program that has more raw sockets of one family is looked after in turns. */
#define SOURCES 31
#define TURN_NS (50 * 1000 * 1000L)

bool linger_deadline(const struct timespec *from, struct timespec *end)
{
    struct timespec now = {0};

    if (from->tv_sec < 0 || from->tv_nsec < 0 || from->tv_nsec >= SECOND_NS)
        return false;
    clock_gettime(CLOCK_MONOTONIC, &now);
    if (__builtin_add_overflow(now.tv_sec, from->tv_sec, &end->tv_sec))
        end->tv_sec = now.tv_sec; /* longer than any clock lives */
    end->tv_nsec = now.tv_nsec + from->tv_nsec;
    if (end->tv_nsec >= SECOND_NS) {
        end->tv_sec++;
        end->tv_nsec -= SECOND_NS;
    }
    return true;
}

bool linger_left(const struct timespec *end, struct timespec *left)
{
    struct timespec now = {0};

    clock_gettime(CLOCK_MONOTONIC, &now);
    left->tv_sec = end->tv_sec - now.tv_sec;
    left->tv_nsec = end->tv_nsec - now.tv_nsec;
    if (left->tv_nsec < 0) {
        left->tv_sec--;
        left->tv_nsec += SECOND_NS;
    }
    if (left->tv_sec < 0)
        *left = (struct timespec){0};
    return left->tv_sec > 0 || left->tv_nsec > 0;
}

/* Whether the descriptor blocks, and for how long. */
static void ask(struct lingering *linger, int fd)
{
    struct timeval timeout = {0};
    socklen_t length = sizeof(timeout);
    int status = real.fcntl(fd, F_GETFL);

    linger->asked = true;
    linger->refused = status >= 0 && (status & O_NONBLOCK);
    if (real.getsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, &length) == 0 &&
        (timeout.tv_sec != 0 || timeout.tv_usec != 0)) {
        struct timespec from = {timeout.tv_sec, timeout.tv_usec * 1000L};

        linger->limited = linger_deadline(&from, &linger->end);
    }
}

/*
 * Whether recvmsg would be restarted after the signal that came (signal(7)): not under SO_RCVTIMEO, else if its handler was
 * installed with SA_RESTART. Which signal it was is not known; so only if all handlers were.
 */
static bool restarts(const struct lingering *linger)
{
    if (linger->limited)
        return false;
    for (int number = 1; number < NSIG; number++) {
        struct sigaction action;

        if (sigaction(number, NULL, &action) == 0 && action.sa_handler != SIG_DFL && action.sa_handler != SIG_IGN &&
            !(action.sa_flags & SA_RESTART))
            return false;
    }
    return true;
}

static bool wait_for_all(struct lingering *linger, struct icmp_socket *socket, int fd)
{
    struct pollfd entries[1 + SOURCES];
    int sources[SOURCES];
    struct timespec left = {0, TURN_NS};
    unsigned count = icmp_sources(socket, sources, SOURCES);
    bool in_turns = count == SOURCES;
    int ready;

    entries[0] = (struct pollfd){.fd = socket->kind == KIND_SENDER ? -1 : fd, .events = POLLIN};
    for (unsigned i = 0; i < count; i++)
        entries[1 + i] = (struct pollfd){.fd = sources[i], .events = POLLIN};
    if (linger->limited && !linger_left(&linger->end, &left)) {
        errno = EAGAIN;
        return false;
    }
    if (in_turns && (left.tv_sec > 0 || left.tv_nsec > TURN_NS))
        left = (struct timespec){0, TURN_NS};
    ready = real.ppoll(entries, 1 + count, linger->limited || in_turns ? &left : NULL, NULL);
    if (ready < 0)
        return errno == EINTR && restarts(linger);
    if (entries[0].revents & POLLNVAL) {
        errno = EBADF;
        return false;
    }
    return true;
}

/* A pending error ends the wait as a packet does: the error queue has to be looked at then. */
static bool wait_in_kernel(struct icmp_socket *socket, int fd)
{
    if (real.recvfrom(fd, &(char){0}, 0, MSG_PEEK, NULL, NULL) >= 0)
        return true;
    if (!is_icmp_errno(errno))
        return false;
    socket->look = true;
    return true;
}

bool linger(struct lingering *linger, struct icmp_socket *socket, int fd, bool threads)
{
    bool listener = icmp_is_listener(socket) || socket->kind == KIND_SENDER;

    if (!linger->asked)
        ask(linger, fd);
    if (linger->refused) {
        errno = EAGAIN;
        return false;
    }
    if (threads || listener)
        return wait_for_all(linger, socket, fd);
    return wait_in_kernel(socket, fd);
}
