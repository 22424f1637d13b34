/* SPDX-License-Identifier: MIT */
/*
 * Translated sockets: raw ICMP sockets in the program's eyes, ping sockets in the kernel's.
 *
 * State belongs to the socket and not to a descriptor: it is found by SO_COOKIE, one number for a socket whatever
 * descriptor or process refers to it, so dup, close and a number used again need no notice. It lives in shared memory,
 * so that both sides of a fork see it. A label on the socket itself (SO_MAX_PACING_RATE) tells a program that got the
 * socket by exec or SCM_RIGHTS what it is.
 */
#ifndef SOCKADE_SHIM_ICMP_SOCKET_H
#define SOCKADE_SHIM_ICMP_SOCKET_H

#include "shim/icmp/filter.h"
#include "shim/icmp/inbox.h"
#include "shim/process.h"

#include <netinet/in.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* Bits of process.watch beside those of the policy. */
#define WATCH_ICMP (1u << 16)   /* this process has translated sockets */
#define WATCH_PROBES (1u << 17) /* it has UDP or TCP sockets whose ICMP errors are shown on them (probe.h) */

enum icmp_kind {
    KIND_ICMP,   /* AF_INET, IPPROTO_ICMP */
    KIND_ICMP6,  /* AF_INET6, IPPROTO_ICMPV6 */
    KIND_SENDER, /* AF_INET, IPPROTO_RAW: sends packets with their own header, and never receives */
    /*
     * AF_INET6, IPPROTO_UDP, beside a raw ICMPv6 socket of the process: sends UDP headers of the program's own. mtr
     * sends so what it hears of on the other one. A raw socket would also show all UDP that comes; this one never
     * receives.
     */
    KIND_SENDER6,
};

/* Control messages and queues that the program itself asked for; in the kernel they are always on. */
enum {
    ASKED_TTL = 1,            /* IP_RECVTTL */
    ASKED_TOS = 2,            /* IP_RECVTOS */
    ASKED_PKTINFO = 4,        /* IP_PKTINFO, IPV6_RECVPKTINFO */
    ASKED_OPTIONS = 8,        /* IP_RECVOPTS */
    ASKED_RECVERR = 16,       /* IP_RECVERR, IPV6_RECVERR */
    ASKED_RFC4884 = 32,       /* IP_RECVERR_RFC4884, IPV6_RECVERR_RFC4884 */
    ASKED_NODEFRAG = 64,      /* IP_NODEFRAG and */
    ASKED_ROUTER_ALERT = 128, /* IP_ROUTER_ALERT: only to be told again */
    ASKED_DISCONNECTED = 256, /* connect(2) with AF_UNSPEC: a raw socket's name has no port from then on */
    ASKED_CONTROL = ASKED_TTL | ASKED_TOS | ASKED_PKTINFO | ASKED_OPTIONS,
};

/* One echo request that is on its way, by the sequence number on the wire. */
struct echo {
    uint16_t identifier; /* the program's, host byte order, as the next */
    uint16_t sequence;
    uint16_t length; /* behind the IP header */
    uint8_t code;    /* 0 by RFC 792, but raw sockets send any, and Linux sends it back */
    bool known;
};

/* The identifier on the wire: none yet; the program's own one, bound; or whatever, and the table tells (idmap). */
enum { IDENTIFIER_NONE = 0, IDENTIFIER_FIXED = 1 << 16, IDENTIFIER_MAPPED = 2 << 16, IDENTIFIER_STATE = 3 << 16 };

struct icmp_socket {
    _Atomic uint64_t cookie; /* 0: free */
    _Atomic int fd;          /* a descriptor of it in this process, lately; to be verified by icmp_is */
    enum icmp_kind kind;
    _Atomic uint32_t asked;       /* ASKED_* */
    _Atomic uint32_t identifier;  /* IDENTIFIER_* | the program's identifier where fixed */
    _Atomic uint16_t next;        /* sequence number for the wire, where mapped */
    _Atomic uint16_t longest;     /* the longest request that may have gone out, behind the IP header */
    _Atomic bool header_included; /* IP_HDRINCL */
    _Atomic bool has_sent;
    _Atomic bool has_listened; /* waited on or received from */
    _Atomic bool look;         /* the error queue may hold something though the socket has no error pending */
    _Atomic bool screened;     /* receives have something to sort out: see icmp_screen_changed */
    _Atomic int pending;       /* an errno that the next send, receive or SO_ERROR gives (only with ASKED_RECVERR) */
    _Atomic uint8_t tos;       /* IP_TOS, for quoted headers */
    _Atomic bool fragments;    /* IP_MTU_DISCOVER is "don't": no DF in quoted headers */

    _Atomic bool bound; /* bind(2) named an address: packets to others are not for us, and it is the source of ours */
    struct in_addr local;
    struct in6_addr local6;
    uint32_t local_scope;
    _Atomic bool connected; /* packets from others are not for us */
    struct in_addr peer;
    struct in6_addr peer6;

    _Atomic uint32_t icmp_filter; /* as the program set it */
    uint32_t icmp6_filter[8];
    bool extended_out;              /* the kernel keeps out extended echo replies, which icmp6_filter blocks */
    int32_t checksum_offset;        /* IPV6_CHECKSUM: 2 for ICMPv6 from the start; -1: off */
    _Atomic uint32_t program_count; /* instructions of the attached filter; 0: none */
    struct sock_filter program[FILTER_INSTRUCTIONS];

    uint32_t pacing_rate_set; /* the program's own SO_MAX_PACING_RATE, since the label has taken its place */
    uint64_t pacing_rate;
    int receive_buffer; /* the program's own SO_RCVBUF as getsockopt shows it; 0: not set */
    int reuse_address;  /* the program's own SO_REUSEADDR */
    int mtu_discover;   /* the program's own IP_MTU_DISCOVER or IPV6_MTU_DISCOVER; -1: not set */

    unsigned char
        taken[65536]; /* one message of the kernel, and what it is turned into; guarded by the lock of `packets` */
    unsigned char built[65536];
    struct inbox packets;           /* held for the next receive */
    struct inbox errors;            /* held for MSG_ERRQUEUE, of programs that set IP_RECVERR */
    _Atomic uint64_t echoes[65536]; /* struct echo, by the sequence number on the wire */
};

static inline bool icmp_is_six(const struct icmp_socket *socket)
{
    return socket->kind == KIND_ICMP6 || socket->kind == KIND_SENDER6;
}

/* One that never receives. */
static inline bool icmp_is_sender(const struct icmp_socket *socket)
{
    return socket->kind == KIND_SENDER || socket->kind == KIND_SENDER6;
}

/* The protocol number that the program asked for, which is also the port in a raw socket's name. */
static inline int icmp_protocol(const struct icmp_socket *socket)
{
    static const int protocols[] = {[KIND_ICMP] = IPPROTO_ICMP,
                                    [KIND_ICMP6] = IPPROTO_ICMPV6,
                                    [KIND_SENDER] = IPPROTO_RAW,
                                    [KIND_SENDER6] = IPPROTO_UDP};

    return protocols[socket->kind];
}

/*
 * The translated socket behind `fd`, asked of the kernel (one getsockopt); NULL where it is none. errno is preserved.
 */
struct icmp_socket *icmp_find(int fd);

/* The same where this process has any at all: one load and a branch otherwise. */
static inline struct icmp_socket *icmp_of(int fd)
{
    return watching(WATCH_ICMP) ? icmp_find(fd) : NULL;
}

/*
 * What `fd` was when it was last looked at, without asking: may be wrong, and is only for what does no harm then. NULL
 * where it never was a translated socket.
 */
struct icmp_socket *icmp_guess(int fd);

/*
 * What a receive on `fd` found it to be (icmp_verify), as long as libc has not made anything else of the number since
 * (icmp_doubt): NULL where that is not known. A program's own system calls may have, all the same.
 */
struct icmp_socket *icmp_verified(int fd);
void icmp_verify(const struct icmp_socket *socket, int fd);
void icmp_doubt(int fd);

/* Whether `fd` is this socket now. errno is preserved. */
bool icmp_is(const struct icmp_socket *socket, int fd);

/*
 * Makes state for a ping socket that was just opened, sets the options in the kernel that translation rests on, and
 * labels it. NULL with errno (ENOBUFS, ENOMEM) where there is no room; the descriptor stays open.
 */
struct icmp_socket *icmp_register(int fd, enum icmp_kind kind);

/* The same with what a label tells of it. The state is complete before anybody can find it. */
struct label;
struct icmp_socket *icmp_register_as(int fd, const struct label *label);

/*
 * Looks at a descriptor that came by exec or SCM_RIGHTS, and takes it up where it carries a label. errno is preserved.
 */
void icmp_adopt(int fd);

/* Writes the label again, after the identifier became fixed or mapped, or an option changed that exec has to keep. */
void icmp_label(struct icmp_socket *socket, int fd);

/* To be called when a filter, a peer or a bound address was set or removed: decides anew what `screened` is. */
void icmp_screen_changed(struct icmp_socket *socket);

/*
 * Marks that it has sent, or has been waited on or received from (which may make it a listener). Cheap when already so.
 */
void icmp_mark_sent(struct icmp_socket *socket);
void icmp_mark_listened(struct icmp_socket *socket);

/*
 * A listener: waited on or received from, and has never sent. It sees what the family's other translated sockets see,
 * and the errors of UDP and TCP probes, as a raw socket beside them would. Senders are none.
 */
static inline bool icmp_is_listener(const struct icmp_socket *socket)
{
    return socket->has_listened && !socket->has_sent && !icmp_is_sender(socket);
}

/* How many there may be of the family: cheap, and never too few. */
bool icmp_has_listeners(bool six);
bool icmp_has_senders(bool six);

/*
 * Walks over the sockets of this process: the first from index `*at` on that may be in use, and its descriptor,
 * verified; `*at` is moved behind it. NULL at the end. Begin with 0.
 */
struct icmp_socket *icmp_next(unsigned *at, int *fd);

/*
 * Keeps the state that a walk came by from being used again for another socket, until it is released. False where the
 * socket was closed meanwhile. No system call.
 */
bool icmp_keep(const struct icmp_socket *socket);
void icmp_release(const struct icmp_socket *socket);

/* Whether this process has a socket of that kind open. errno is preserved. */
bool icmp_holds(enum icmp_kind kind);

/* The same without a look at descriptors: no system call. What is closed may still be among them. */
struct icmp_socket *icmp_peek(unsigned *at);

/* The echo table. `wire` is the sequence number on the wire, host byte order. */
static inline void echo_store(struct icmp_socket *socket, uint16_t wire, uint8_t code, uint16_t identifier,
                              uint16_t sequence, uint16_t length)
{
    atomic_store_explicit(&socket->echoes[wire],
                          (uint64_t)code << 56 | UINT64_C(1) << 48 | (uint64_t)length << 32 | (uint64_t)sequence << 16 |
                              identifier,
                          memory_order_relaxed);
}

/* Notes how long a request is: answers may be as long. */
static inline void longest_note(struct icmp_socket *socket, size_t length)
{
    if (length > atomic_load_explicit(&socket->longest, memory_order_relaxed))
        atomic_store_explicit(&socket->longest, (uint16_t)length, memory_order_relaxed);
}

static inline struct echo echo_load(const struct icmp_socket *socket, uint16_t wire)
{
    uint64_t word = atomic_load_explicit(&socket->echoes[wire], memory_order_relaxed);

    return (struct echo){.identifier = (uint16_t)word,
                         .sequence = (uint16_t)(word >> 16),
                         .length = (uint16_t)(word >> 32),
                         .code = (uint8_t)(word >> 56),
                         .known = word != 0};
}

/*
 * What the program called the echo that came back with this identifier and sequence number on the wire. Not known: it
 * was sent by nobody here (another program before exec, with an identifier that was mapped): to be dropped.
 */
static inline struct echo icmp_echo_name(const struct icmp_socket *socket, uint16_t identifier, uint16_t wire)
{
    struct echo echo = echo_load(socket, wire);
    uint32_t own = atomic_load_explicit(&socket->identifier, memory_order_relaxed);

    if (!echo.known && (own & IDENTIFIER_STATE) == IDENTIFIER_FIXED && (uint16_t)own == identifier)
        echo = (struct echo){.identifier = identifier, .sequence = wire, .known = true};
    return echo;
}

#endif
