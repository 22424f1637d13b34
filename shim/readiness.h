/* SPDX-License-Identifier: MIT */
/*
 * Which descriptors this thread was just told are readable.
 *
 * A datagram or connection that the policy refuses is taken out of the queue; a caller that was told "readable" and
 * then blocks would hang on a packet from a denied host. So a wait notes what it reported, and the receive or accept
 * that then finds nothing allowed gives EAGAIN (ECONNABORTED for accept) in place of a wait. The note ends with the
 * next receive or accept on that descriptor. Nothing is noted in a process without inbound rules.
 */
#ifndef SOCKADE_SHIM_READINESS_H
#define SOCKADE_SHIM_READINESS_H

#include <stdbool.h>
#include <sys/epoll.h>

void readiness_note(int fd);

/* What an epoll wait returned: data, not descriptors. /proc/self/fdinfo tells which they are, if it is ever asked. */
void readiness_note_epoll(int epoll_fd, const struct epoll_event *events, int count);

/*
 * Whether `fd` was reported since its last receive or accept; ends the note. Costs no system call unless epoll
 * reported.
 */
bool readiness_take(int fd);

/* Whether this thread was ever told of anything. */
extern __thread bool readiness_noted __attribute__((tls_model("initial-exec"), visibility("hidden")));

/* Ends the note without asking. */
void readiness_forget(int fd);
static inline void readiness_end(int fd)
{
    if (readiness_noted)
        readiness_forget(fd);
}

#endif
