/* SPDX-License-Identifier: MIT */
/*
 * Two ways to wait. With one thread, no other source and no time limit: a receive that only peeks, so that the kernel
 * itself blocks. Else a ppoll over all sources; the kernel never restarts that after a signal, so it is begun again
 * here where recvmsg would be restarted.
 */
#include "shim/icmp/linger.h"

#include "shim/icmp/pull.h"
#include "shim/icmp/wait_parts.h"
#include "shim/real.h"

#include <errno.h>
#include <signal.h>
#include <sys/time.h>

#define SECOND_NS 1000000000L

/* A turn, where what has come may be seen by looking again alone. */
#define TURN_NS (20 * 1000 * 1000L)

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
 * Whether recvmsg would be restarted after the signal that came (signal(7)): not under SO_RCVTIMEO, else if its handler
 * was installed with SA_RESTART. Which signal it was is not known; so only if all handlers were.
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

/*
 * In turns where there are threads: what another one took from the kernel for us, while it looked after a listener or
 * waited for the same socket, is in the inbox, and does not wake anybody.
 */
static bool wait_for_all(struct lingering *linger, struct icmp_socket *socket, int fd, bool threads)
{
    struct pollfd entries[1 + WAIT_SOURCES];
    struct wait_sources sources = {.count = 0};
    struct timespec left = {0, TURN_NS};
    bool in_turns;
    int ready;

    wait_sources_add(&sources, socket);
    in_turns = threads || wait_sources_overflow(&sources);
    entries[0] = (struct pollfd){.fd = icmp_is_sender(socket) ? -1 : fd, .events = POLLIN | POLLRDHUP};
    for (unsigned i = 0; i < sources.count; i++)
        entries[1 + i] = sources.entries[i];
    if (linger->limited && !linger_left(&linger->end, &left)) {
        errno = EAGAIN;
        return false;
    }
    if (in_turns && (left.tv_sec > 0 || left.tv_nsec > TURN_NS))
        left = (struct timespec){0, TURN_NS};
    ready = real.ppoll(entries, 1 + sources.count, linger->limited || in_turns ? &left : NULL, NULL);
    if (ready < 0)
        return errno == EINTR && restarts(linger);
    /* Another thread may have closed it, and what has its number by now must not be read. */
    if (!icmp_is(socket, fd)) {
        errno = EBADF;
        return false;
    }
    linger->ended = (entries[0].revents & POLLRDHUP) != 0;
    return !linger->ended;
}

/*
 * A pending error ends the wait as a packet does: the error queue has to be looked at then. shutdown(2) ends it without
 * a packet that could be cut.
 */
static bool wait_in_kernel(struct lingering *linger, struct icmp_socket *socket, int fd)
{
    struct msghdr look = {0};

    if (real.recvmsg(fd, &look, MSG_PEEK) >= 0) {
        linger->ended = !(look.msg_flags & MSG_TRUNC);
        return !linger->ended;
    }
    if (!is_icmp_errno(errno))
        return false;
    socket->look = true;
    return true;
}

bool linger(struct lingering *linger, struct icmp_socket *socket, int fd, bool threads)
{
    bool listener = icmp_is_listener(socket) || icmp_is_sender(socket);

    if (!linger->asked)
        ask(linger, fd);
    if (linger->refused) {
        errno = EAGAIN;
        return false;
    }
    if (threads || listener || linger->limited)
        return wait_for_all(linger, socket, fd, threads);
    return wait_in_kernel(linger, socket, fd);
}
