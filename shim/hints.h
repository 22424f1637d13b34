/* SPDX-License-Identifier: MIT */
/*
 * What a descriptor probably is: one byte each, so that rules that name a protocol cost no question to the kernel, and
 * that read(2) asks about nothing but datagram sockets.
 *
 * The kernel knows best. A hint is set where a socket is made or was asked about, and forgotten where a descriptor may
 * have become something else (dup, dup2, dup3, F_DUPFD, SCM_RIGHTS, exec). It is never wrong for a descriptor
 * that was made in our sight, and only ever narrows `protos`.
 */
#ifndef SOCKADE_SHIM_HINTS_H
#define SOCKADE_SHIM_HINTS_H

#include "policy/image.h"
#include "shim/process.h"

#include <stdatomic.h>
#include <stdbool.h>

/* Under any policy hints are kept, since a later one may ask for them. Without one they begin with the first. */
#define WATCH_HINTS (~WATCH_ABSENT)

enum hint_state {
    HINT_UNSEEN,  /* nobody told us of this number since exec */
    HINT_UNKNOWN, /* it came by dup or SCM_RIGHTS: ask */
    HINT_OTHER,   /* a socket that is not IP, or no socket */
    HINT_IP,      /* an IP socket; `protos` has one bit */
};

struct hint {
    enum hint_state state;
    unsigned protos; /* PROTO_ANY where not known */
    bool stream;     /* an IP stream: judged at connect and accept */
    bool datagram;   /* reading it may hand over a datagram whose source is judged; may be false only if that is sure */
    bool raw;        /* an IP socket of type SOCK_RAW; ICMP without it is a ping socket */
};

struct hint hint_get(int fd);

/*
 * The table, for the two hot questions below: a byte a descriptor (see hints.c). Above HINT_COUNT nothing is
 * remembered.
 */
#define HINT_COUNT 65536
#define HINT_DATAGRAM 64
extern _Atomic uint8_t hint_bytes[HINT_COUNT] __attribute__((visibility("hidden")));

/* All that is known of `fd` as one number, to compare; of one below HINT_COUNT. */
static inline uint8_t hint_of(int fd)
{
    return atomic_load_explicit(&hint_bytes[(unsigned)fd], memory_order_relaxed);
}

/* Of any. */
static inline uint8_t hint_byte(int fd)
{
    if ((unsigned)fd >= HINT_COUNT)
        return fd < 0 ? HINT_OTHER : HINT_UNKNOWN | HINT_DATAGRAM;
    return hint_of(fd);
}

/* Whether read(2) must look at `fd` at all; a number that is none takes the long way to its EBADF. */
static inline bool hint_may_give_datagrams(int fd)
{
    return (unsigned)fd >= HINT_COUNT ||
           (atomic_load_explicit(&hint_bytes[(unsigned)fd], memory_order_relaxed) & HINT_DATAGRAM) != 0;
}

/* Remembers what socket(2), socketpair(2) or accept(2) made, or what the kernel just answered. fd < 0 is ignored. */
void hint_set(int fd, int domain, int type, int protocol);
void hint_copy_accepted(int listener, int fd);
void hint_set_no_socket(int fd);

/* A datagram socket that is connected, of which no more can be asked: what it gives comes from its peer. */
void hint_set_connected(int fd);

/*
 * `fd` is new here, and the same file as `from`: as hint_forget, but where nothing may be asked it is what `from` is.
 */
void hint_duplicate(int from, int fd);

/*
 * `fd` is new here and may be anything. In a process that judges datagrams the kernel is asked at once whether it can
 * give any, since read(2) on anything else makes no system call but the program's own.
 */
void hint_forget(int fd);

/* `fd` is used as only a stream can be: a hint that says otherwise is of a socket that had its number earlier. */
void hint_expect_stream(int fd);

/* `fd` is accepted from: what was accepted is what it is, so it is asked about once, and not each connection. */
void hint_of_listener(int fd);

/* Forgets the descriptors that came with a message. */
struct msghdr;
void hint_forget_passed(const struct msghdr *message);

/*
 * The hint, after asking the kernel (SO_DOMAIN, SO_TYPE, SO_PROTOCOL) where there is none; the answer is remembered.
 * HINT_OTHER for what is no socket. errno is preserved.
 */
struct hint hint_ask(int fd);

/* Forgets all: what was remembered while hints were not kept may be of descriptors that are no more. */
void hint_begin(void);

/*
 * Of a descriptor that was here before us, or became what it is while nobody judged datagrams: marks it HINT_UNKNOWN
 * where it is a datagram socket without a hint, since read(2) asks about no other. True: it is one.
 */
bool hint_inherit(int fd);

#endif
