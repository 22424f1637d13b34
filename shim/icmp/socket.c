/* SPDX-License-Identifier: MIT */
/*
 * The directory of this process' translated sockets: by cookie, with a guess by descriptor number in front of it.
 *
 * The directory is private and the state behind it is shared: a socket that was open at a fork has the same state on
 * both sides, and one that was opened later is known where it was opened. Entries are never unmapped, since another
 * thread may be in the middle of a call on a socket that was closed under it: an entry that is used again gets fresh
 * pages at the same address.
 */
#include "shim/icmp/socket.h"

#include "shim/descriptors.h"
#include "shim/icmp/label.h"
#include "shim/icmp/packet.h"
#include "shim/real.h"
#include "shim/sandbox.h"
#include "state/kernel.h"
#include "state/large.h"

#include <errno.h>
#include <linux/icmp.h>
#include <netinet/icmp6.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#define ENTRIES 1024
#define GUESSES 65536

/* Closed sockets are looked for when so many entries are in use, and again at twice the number that was left. */
#define SWEEP_FROM 16

struct entry {
    _Atomic uint64_t cookie;            /* 0: free, or not ready yet */
    struct icmp_socket *_Atomic socket; /* stays when the entry becomes free */
    _Atomic uint32_t users;             /* threads that work on the state by icmp_keep */
    bool ended;                         /* nobody can find it any more, and it becomes free once it has no users */
    _Atomic uint32_t claimed;
    _Atomic bool doubted; /* its descriptor was not found, and a sweep was made for it */
    bool alive;           /* sweep's own */
};

LARGE static struct entry entries[ENTRIES];
static _Atomic unsigned entry_end; /* behind the last entry that was ever used */
static _Atomic unsigned entry_count;
static _Atomic unsigned sweep_at = SWEEP_FROM;
static _Atomic pid_t sweeper;

/* By descriptor: the number of its entry plus one. */
LARGE static _Atomic uint16_t guesses[GUESSES];
LARGE static _Atomic uint16_t verified[GUESSES];

/* In a sandbox a number is what it was when it was looked at last. */
static bool cookie_of(int fd, uint64_t *cookie)
{
    socklen_t length = sizeof(*cookie);
    const struct icmp_socket *socket;

    *cookie = 0;
    if (sandboxed()) {
        socket = icmp_guess(fd);
        *cookie = socket == NULL ? 0 : atomic_load(&socket->cookie);
        return *cookie != 0;
    }
    return real.getsockopt(fd, SOL_SOCKET, SO_COOKIE, cookie, &length) == 0 && *cookie != 0;
}

/* The entry of a cookie; the guess is looked at first. NULL where there is none. */
static struct entry *entry_of(int fd, uint64_t cookie)
{
    unsigned end = atomic_load_explicit(&entry_end, memory_order_acquire);
    unsigned guess = (unsigned)fd < GUESSES ? atomic_load_explicit(&guesses[(unsigned)fd], memory_order_relaxed) : 0;

    if (guess != 0 && atomic_load_explicit(&entries[guess - 1].cookie, memory_order_acquire) == cookie)
        return &entries[guess - 1];
    for (unsigned i = 0; i < end; i++) {
        if (atomic_load_explicit(&entries[i].cookie, memory_order_acquire) == cookie)
            return &entries[i];
    }
    return NULL;
}

/* Remembers where the socket was seen. */
static void note_descriptor(struct entry *entry, int fd)
{
    struct icmp_socket *socket = entry->socket;
    uint16_t number = (uint16_t)(entry - entries + 1);

    if (atomic_load_explicit(&socket->fd, memory_order_relaxed) != fd)
        atomic_store_explicit(&socket->fd, fd, memory_order_relaxed);
    if ((unsigned)fd < GUESSES && atomic_load_explicit(&guesses[(unsigned)fd], memory_order_relaxed) != number)
        atomic_store_explicit(&guesses[(unsigned)fd], number, memory_order_relaxed);
}

struct icmp_socket *icmp_find(int fd)
{
    struct entry *entry = NULL;
    uint64_t cookie;
    int saved = errno;
    bool forbidden = false;

    if (cookie_of(fd, &cookie))
        entry = entry_of(fd, cookie);
    else
        forbidden = errno == EPERM || errno == EACCES || errno == ENOSYS || errno == ENOBUFS || errno == ENOMEM;
    errno = saved;
    if (forbidden) /* a sandbox came after the socket: it is what it was */
        return icmp_guess(fd);
    if (entry == NULL)
        return NULL;
    note_descriptor(entry, fd);
    return entry->socket;
}

struct icmp_socket *icmp_guess(int fd)
{
    unsigned guess = (unsigned)fd < GUESSES ? atomic_load_explicit(&guesses[(unsigned)fd], memory_order_relaxed) : 0;

    if (guess == 0 || atomic_load_explicit(&entries[guess - 1].cookie, memory_order_acquire) == 0)
        return NULL;
    return entries[guess - 1].socket;
}

struct icmp_socket *icmp_verified(int fd)
{
    unsigned number = (unsigned)fd < GUESSES ? atomic_load_explicit(&verified[(unsigned)fd], memory_order_relaxed) : 0;

    if (number == 0 || atomic_load_explicit(&entries[number - 1].cookie, memory_order_acquire) == 0)
        return NULL;
    return entries[number - 1].socket;
}

void icmp_doubt(int fd)
{
    if ((unsigned)fd < GUESSES)
        atomic_store_explicit(&verified[(unsigned)fd], 0, memory_order_relaxed);
}

bool icmp_is(const struct icmp_socket *socket, int fd)
{
    uint64_t cookie;
    int saved = errno;
    bool is = fd >= 0 && cookie_of(fd, &cookie) && cookie == atomic_load(&socket->cookie);

    errno = saved;
    return is;
}

/* Sweeping: entries whose sockets no descriptor refers to become free. */

static void mark_alive(int fd)
{
    struct entry *entry;
    uint64_t cookie;

    if (!cookie_of(fd, &cookie))
        return;
    entry = entry_of(fd, cookie);
    if (entry == NULL)
        return;
    entry->alive = true;
    note_descriptor(entry, fd);
}

/* Whoever holds the state sees that the cookie is gone, or is seen here (both are sequentially consistent). */
static void entry_free(struct entry *entry)
{
    struct icmp_socket *socket = entry->socket;

    atomic_store(&entry->cookie, 0);
    entry->ended = atomic_load(&entry->users) != 0;
    if (entry->ended || mmap(socket, sizeof(*socket), PROT_READ | PROT_WRITE,
                             MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0) == MAP_FAILED)
        return; /* stays claimed: what cannot be made fresh is not used again */
    atomic_fetch_sub(&entry_count, 1);
    atomic_store_explicit(&entry->claimed, 0, memory_order_release);
}

static void sweep(void)
{
    unsigned end = atomic_load(&entry_end);
    unsigned left;
    int saved = errno;

    if (sandboxed() || !descriptors_claim(&sweeper))
        return;
    for (unsigned i = 0; i < end; i++)
        entries[i].alive = atomic_load(&entries[i].cookie) == 0; /* free, or being made */
    descriptors_each(mark_alive);
    /* Without /proc, or a descriptor to read it by, high numbers were not visited. */
    for (unsigned i = 0; i < end; i++) {
        if (entries[i].ended || (!entries[i].alive && !icmp_is(entries[i].socket, entries[i].socket->fd)))
            entry_free(&entries[i]);
    }
    left = atomic_load(&entry_count);
    atomic_store(&sweep_at, left * 2 > SWEEP_FROM ? left * 2 : SWEEP_FROM);
    atomic_store(&sweeper, 0);
    errno = saved;
}

/* Making */

/* An entry of our own, with zeroed state; NULL with errno. */
static struct entry *entry_claim(void)
{
    if (atomic_load(&entry_count) >= atomic_load(&sweep_at))
        sweep();
    for (unsigned i = 0; i < ENTRIES; i++) {
        struct entry *entry = &entries[i];
        unsigned end = atomic_load(&entry_end);
        uint32_t free = 0;

        if (!atomic_compare_exchange_strong(&entry->claimed, &free, 1))
            continue;
        if (entry->socket == NULL) {
            void *fresh = mmap(NULL, sizeof(struct icmp_socket), PROT_READ | PROT_WRITE,
                               MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

            if (fresh == MAP_FAILED) {
                atomic_store(&entry->claimed, 0);
                errno = ENOMEM;
                return NULL;
            }
            entry->socket = fresh;
        }
        entry->doubted = false;
        atomic_fetch_add(&entry_count, 1);
        while (end <= i && !atomic_compare_exchange_strong(&entry_end, &end, i + 1))
            ;
        return entry;
    }
    errno = ENOBUFS;
    return NULL;
}

static void option_on(int fd, int level, int name)
{
    int on = 1;

    real.setsockopt(fd, level, name, &on, sizeof(on));
}

/*
 * What translation rests on. The identifier must be ours alone: with SO_REUSEADDR, which ping sockets have on from the
 * start, a second bind to it would take over all replies. The error queue shares the receive buffer.
 */
static void options_prepare(int fd, enum icmp_kind kind)
{
    const int least = 65536;
    int off = 0;
    int room = 0;
    socklen_t length = sizeof(room);

    real.setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &off, sizeof(off));
    if (real.getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, &length) == 0 && room < 2 * least)
        real.setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &least, sizeof(least));
    if (kind == KIND_ICMP6 || kind == KIND_SENDER6) {
        option_on(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO);
        option_on(fd, IPPROTO_IPV6, IPV6_RECVERR);
        option_on(fd, IPPROTO_IPV6, IPV6_RECVERR_RFC4884);
        return;
    }
    option_on(fd, IPPROTO_IP, IP_RECVTTL);
    option_on(fd, IPPROTO_IP, IP_RECVTOS);
    option_on(fd, IPPROTO_IP, IP_PKTINFO);
    option_on(fd, IPPROTO_IP, IP_RECVOPTS);
    option_on(fd, IPPROTO_IP, IP_RECVERR);
    option_on(fd, IPPROTO_IP, IP_RECVERR_RFC4884);
}

/* A peer that the socket was connected to before it came to us. */
static void peer_take(struct icmp_socket *socket, int fd)
{
    struct sockaddr_storage peer = {0};
    socklen_t length = sizeof(peer);

    if (real.getpeername(fd, (struct sockaddr *)&peer, &length) != 0)
        return;
    if (peer.ss_family == AF_INET)
        socket->peer = ((const struct sockaddr_in *)&peer)->sin_addr;
    else
        socket->peer6 = ((const struct sockaddr_in6 *)&peer)->sin6_addr;
    socket->connected = true;
}

struct icmp_socket *icmp_register_as(int fd, const struct label *label)
{
    struct timespec now = {0};
    struct icmp_socket *socket;
    struct entry *entry;
    uint64_t cookie;

    if (!cookie_of(fd, &cookie)) {
        errno = ENOBUFS;
        return NULL;
    }
    entry = entry_claim();
    if (entry == NULL)
        return NULL;
    socket = entry->socket;
    socket->kind = (enum icmp_kind)label->kind;
    socket->fd = fd;
    socket->header_included = label->header_included;
    socket->asked = label->asked;
    socket->identifier = label->fixed    ? (uint32_t)IDENTIFIER_FIXED | label->identifier
                         : label->mapped ? (uint32_t)IDENTIFIER_MAPPED
                                         : (uint32_t)IDENTIFIER_NONE;
    socket->has_sent = label->fixed || label->mapped;
    socket->longest = socket->has_sent ? UINT16_MAX : 0;
    socket->checksum_offset = socket->kind == KIND_SENDER6 ? -1 : 2;
    socket->mtu_discover = -1;
    socket->reuse_address = 1; /* as raw sockets have it */
    /* Where the numbers start matters only for replies to an earlier program on the same socket, which must not fit. */
    clock_gettime(CLOCK_MONOTONIC, &now);
    socket->next = (uint16_t)(now.tv_nsec >> 8);
    options_prepare(fd, socket->kind);
    peer_take(socket, fd);
    icmp_screen_changed(socket);
    socket->cookie = cookie;
    atomic_store_explicit(&entry->cookie, cookie, memory_order_release);
    note_descriptor(entry, fd);
    icmp_label(socket, fd);
    atomic_fetch_or_explicit(&process.watch, WATCH_ICMP, memory_order_relaxed);
    return socket;
}

struct icmp_socket *icmp_register(int fd, enum icmp_kind kind)
{
    return icmp_register_as(fd, &(struct label){.kind = kind, .header_included = kind == KIND_SENDER});
}

void icmp_label(struct icmp_socket *socket, int fd)
{
    uint32_t identifier = atomic_load(&socket->identifier);
    struct label label = {.kind = socket->kind,
                          .fixed = (identifier & IDENTIFIER_STATE) == IDENTIFIER_FIXED,
                          .mapped = (identifier & IDENTIFIER_STATE) == IDENTIFIER_MAPPED,
                          .header_included = socket->header_included,
                          .asked = (uint16_t)socket->asked,
                          .identifier = (uint16_t)identifier};
    uint64_t word = label_pack(&label);
    int saved = errno;

    real.setsockopt(fd, SOL_SOCKET, SO_MAX_PACING_RATE, &word, sizeof(word));
    errno = saved;
}

void icmp_screen_changed(struct icmp_socket *socket)
{
    const uint32_t *six = socket->icmp6_filter;
    bool blocks = icmp_is_six(socket) ? icmp6_filter_blocks(six, ICMP6_ECHO_REPLY) ||
                                            (!socket->extended_out && icmp6_filter_blocks(six, EXTENDED_ECHO_REPLY6))
                                      : icmp_filter_blocks(socket->icmp_filter, ICMP_ECHOREPLY);

    socket->screened = icmp_is_sender(socket) || socket->program_count > 0 || socket->connected || socket->bound ||
                       blocks;
}

void icmp_mark_sent(struct icmp_socket *socket)
{
    if (!atomic_load_explicit(&socket->has_sent, memory_order_relaxed))
        atomic_store(&socket->has_sent, true);
}

void icmp_mark_listened(struct icmp_socket *socket)
{
    if (!atomic_load_explicit(&socket->has_listened, memory_order_relaxed))
        atomic_store(&socket->has_listened, true);
}

/* Whether some socket of the family is a listener, or has sent. */
static bool any(bool six, bool listener)
{
    unsigned end = atomic_load_explicit(&entry_end, memory_order_acquire);

    for (unsigned i = 0; i < end; i++) {
        const struct icmp_socket *socket;

        if (atomic_load_explicit(&entries[i].cookie, memory_order_acquire) == 0)
            continue;
        socket = entries[i].socket;
        if (icmp_is_six(socket) == six && (listener ? icmp_is_listener(socket) : (bool)socket->has_sent))
            return true;
    }
    return false;
}

bool icmp_has_listeners(bool six)
{
    return any(six, true);
}

bool icmp_has_senders(bool six)
{
    return any(six, false);
}

struct icmp_socket *icmp_next(unsigned *at, int *fd)
{
    while (*at < atomic_load_explicit(&entry_end, memory_order_acquire)) {
        struct entry *entry = &entries[(*at)++];

        if (atomic_load_explicit(&entry->cookie, memory_order_acquire) == 0)
            continue;
        *fd = entry->socket->fd;
        if (!icmp_is(entry->socket, *fd)) {
            /* Closed, or only under another number: one sweep tells. */
            if (atomic_exchange(&entry->doubted, true))
                continue;
            sweep();
            if (atomic_load(&entry->cookie) == 0)
                continue;
            *fd = entry->socket->fd;
            if (!icmp_is(entry->socket, *fd))
                continue;
        }
        atomic_store_explicit(&entry->doubted, false, memory_order_relaxed);
        return entry->socket;
    }
    return NULL;
}

/* The entry of a state, which always is the same one. */
static struct entry *entry_with(const struct icmp_socket *socket)
{
    unsigned i = 0;

    while (entries[i].socket != socket)
        i++;
    return &entries[i];
}

void icmp_verify(const struct icmp_socket *socket, int fd)
{
    uint16_t number = (uint16_t)(entry_with(socket) - entries + 1);

    if ((unsigned)fd < GUESSES && atomic_load_explicit(&verified[(unsigned)fd], memory_order_relaxed) != number)
        atomic_store_explicit(&verified[(unsigned)fd], number, memory_order_relaxed);
}

bool icmp_keep(const struct icmp_socket *socket)
{
    struct entry *entry = entry_with(socket);

    atomic_fetch_add(&entry->users, 1);
    if (atomic_load(&entry->cookie) != 0)
        return true;
    atomic_fetch_sub(&entry->users, 1);
    return false;
}

void icmp_release(const struct icmp_socket *socket)
{
    atomic_fetch_sub(&entry_with(socket)->users, 1);
}

bool icmp_holds(enum icmp_kind kind)
{
    struct icmp_socket *socket;
    unsigned at = 0;
    int fd;

    while ((socket = icmp_next(&at, &fd)) != NULL) {
        if (socket->kind == kind)
            return true;
    }
    return false;
}

struct icmp_socket *icmp_peek(unsigned *at)
{
    while (*at < atomic_load_explicit(&entry_end, memory_order_acquire)) {
        struct entry *entry = &entries[(*at)++];

        if (atomic_load_explicit(&entry->cookie, memory_order_acquire) != 0)
            return entry->socket;
    }
    return NULL;
}
