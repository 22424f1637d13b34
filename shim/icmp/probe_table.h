/* SPDX-License-Identifier: MIT */
/* The directory of probes, and what is known of each. Shared between the parts of probe.h, and with no one else. */
#ifndef SOCKADE_SHIM_ICMP_PROBE_TABLE_H
#define SOCKADE_SHIM_ICMP_PROBE_TABLE_H

#include "shim/icmp/inbox.h"
#include "shim/icmp/probe.h"

#include <netinet/in.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* Probes at once; a socket beyond that is left what it is. Datagrams that are remembered of each. */
#define PROBES 128
#define SENT 64

/* What an error tells no more of the datagram that it quotes. */
struct sent {
    _Atomic uint32_t turn;     /* counts up; 0: nothing, or being written */
    unsigned char address[16]; /* whom to; an IPv4 one takes 4 bytes */
    uint16_t port;             /* network byte order, as the next two */
    uint16_t source_port;      /* of hidden probes: what the program's own header said */
    uint16_t checksum;         /* of hidden probes: likewise */
    uint16_t length;           /* behind the UDP header */
    uint32_t sum;              /* of these bytes (checksum_add) */
    uint8_t ttl;
    uint8_t tos;
};

struct probe {
    _Atomic uint64_t cookie; /* 0: free; PROBE_CLAIMED: being made */
    _Atomic int owner;       /* process that made it, or took it over from one that ended */
    _Atomic int fd;          /* a descriptor of it, lately; to be verified by probe_is */
    bool six;
    bool stream;
    bool hidden;        /* ours alone: it sends UDP for a socket with headers of its own (probe_packet.c) */
    bool dont_fragment; /* of hidden probes, as the next: what is set in the kernel */
    bool without_checksum;
    uint16_t port;           /* the program's source port, network byte order */
    uint32_t made;           /* counts up */
    _Atomic bool connected;  /* as the program sees it, to `peer` */
    _Atomic bool split;      /* and in the kernel no more, so that errors from elsewhere arrive too */
    _Atomic bool queued;     /* streams: a bare IPv4 one would show POLLERR, since errors are in its queue */
    _Atomic int pending;     /* the errno that a bare socket would give, once */
    _Atomic uint32_t pulled; /* ICMP errors that were taken out of its queue */
    _Atomic uint8_t ttl;
    _Atomic uint8_t tos;
    _Atomic int rfc4884;      /* the program's own IP_RECVERR_RFC4884 or IPV6_RECVERR_RFC4884 */
    struct sockaddr_in6 peer; /* or sockaddr_in */
    struct sockaddr_in6 name; /* getsockname's, where `split` */
    _Atomic uint32_t turn;
    struct sent sent[SENT];
};

/* The state of one kernel socket option that both families have under two names. */
struct option {
    int level;
    int name;
};
enum probe_option { OPTION_RECVERR, OPTION_RFC4884, OPTION_TTL, OPTION_TOS };
struct option probe_option(bool six, enum probe_option which);

/* An int-sized option of the kernel's; `otherwise` where there is no answer. errno is preserved, as in the next. */
int option_get(int fd, int level, int name, int otherwise);
void option_set(int fd, int level, int name, int value);

/* A free place, zeroed but for its cookie, which is PROBE_CLAIMED; NULL where there is none. */
#define PROBE_CLAIMED UINT64_MAX
struct probe *probe_claim(void);

/* Makes a claimed place the state of `fd`; false, and free again, where `fd` is no socket. */
bool probe_publish(struct probe *probe, int fd);

/* Forgets a probe. The socket itself is not touched. */
void probe_free(struct probe *probe);

/* Whether `fd` is this probe now. errno is preserved. */
bool probe_is(const struct probe *probe, int fd);

/* Walks over all probes; begin with 0, NULL at the end. No system call. */
struct probe *probe_next(unsigned *at);

/* A descriptor of the probe in this process, verified; -1 where there is none any more. errno is preserved. */
int probe_descriptor(struct probe *probe);

/* One puller at a time, with room to work in. False where this thread is at it already, or there is no table. */
#define PROBE_ROOM 65536
struct probe_room {
    struct inbox lock; /* for its lock alone: its pages are never touched */
    unsigned char taken[PROBE_ROOM];
    unsigned char built[PROBE_ROOM];
};
struct probe_room *probe_room_lock(struct inbox_guard *guard);
void probe_room_unlock(struct probe_room *room, const struct inbox_guard *guard);

/* probe_pull.c: takes one probe's errors; `fd` is it. errno is preserved. */
void probe_drain(struct probe *probe, int fd);

/*
 * probe_tell.c: has the kernel tell more with each error; returns what was switched on by that, to be switched off
 * again.
 */
unsigned probe_tell_more(const struct probe *probe, int fd);
void probe_tell_as_before(int fd, unsigned changed);

/* Takes the pending errno into errno: true where there is one. */
bool probe_fails(struct probe *probe);

/*
 * Gives up what is no probe any more: errors that are queued are still taken, then the kernel's options are the
 * program's.
 */
void probe_release(struct probe *probe, int fd);

/*
 * A stream that is connected is none any more: its errors were answered, and IPV6_RECVERR would be seen from here on.
 */
void probe_settle(struct probe *probe, int fd);

/*
 * probe_record.c: remembers a datagram that was sent; `to` and `ttl` etc. as in the result, which is to be filled but
 * for the sum.
 */
struct msghdr;
void probe_remember(struct probe *probe, const struct sent *facts, const struct iovec *parts, size_t count);

/* The last datagram to this address and port; false where none is known. */
bool probe_recall(const struct probe *probe, const struct sockaddr_in6 *to, struct sent *out);

/* Whether two names are of one address and port. Names of IPv4 are sockaddr_in. */
bool probe_same_name(const struct sockaddr_in6 *a, const struct sockaddr_in6 *b);

/* The bytes of the address in a name. */
size_t probe_address(const struct sockaddr_in6 *name, unsigned char out[16]);

#endif
