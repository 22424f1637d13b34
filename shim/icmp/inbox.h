/* SPDX-License-Identifier: MIT */
/*
 * Packets that were taken from the kernel before the program asked for them: to know whether it would get one at all,
 * or since they are for several sockets.
 *
 * In memory that both sides of a fork share, so that nothing is read twice. Bounded: what finds no room is dropped, as
 * from a full receive buffer. Guarded by a lock that is held with all signals blocked, for microseconds; a holder that
 * was killed loses it.
 */
#ifndef SOCKADE_SHIM_ICMP_INBOX_H
#define SOCKADE_SHIM_ICMP_INBOX_H

#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#define INBOX_ROOM (256 * 1024)

/* The largest message that fits: an IPv4 packet, with its control messages. */
#define INBOX_MESSAGE (65535 + 1024)

struct inbox {
    _Atomic uint32_t lock;     /* thread id of the holder, 0: free */
    _Atomic uint32_t count;    /* of messages; may be read without the lock */
    _Atomic uint32_t arrivals; /* how many were ever added: an edge for epoll */
    uint32_t head;             /* offset of the first message */
    uint32_t tail;             /* behind the last one */
    _Alignas(8) unsigned char bytes[INBOX_ROOM];
};

/* A message as recvmsg gives it: the packet in the program's eyes, its source, the kernel's own control messages. */
struct held {
    const void *data;
    size_t length;
    const void *name; /* struct sockaddr_in or sockaddr_in6 */
    size_t name_length;
    const void *control;
    size_t control_length;
};

struct inbox_guard {
    sigset_t before;
};

/* False only where this thread itself holds it, which a signal handler cannot bring about since signals are blocked. */
bool inbox_lock(struct inbox *inbox, struct inbox_guard *guard);
void inbox_unlock(struct inbox *inbox, const struct inbox_guard *guard);

/* The rest needs the lock. */

/* Appends a copy; false where there is no room. */
bool inbox_add(struct inbox *inbox, const struct held *message);

/* The first message, in place until the lock is released; false where there is none. */
bool inbox_first(struct inbox *inbox, struct held *message);

/* Removes the first message. */
void inbox_drop(struct inbox *inbox);

#endif
