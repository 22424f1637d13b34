/* SPDX-License-Identifier: MIT */
/* One message after the other: taken, converted, screened, held. */
#include "shim/icmp/pull.h"

#include "shim/icmp/borrow.h"
#include "shim/icmp/packet.h"
#include "shim/icmp/probe.h"
#include "shim/icmp/receive.h"
#include "shim/icmp/screen.h"
#include "state/kernel.h"

#include <netinet/icmp6.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <string.h>

/* Messages that one look takes from one queue: more can be fetched by the next one. */
#define PULL_MOST 4096

/* What the kernel said in one message. */
struct message {
    struct msghdr header;
    struct iovec part;
    struct sockaddr_in6 name; /* or sockaddr_in */
    _Alignas(struct cmsghdr) unsigned char control[CONTROL_ROOM];
    size_t length;
    struct facts facts;
};

bool is_icmp_errno(int error)
{
    switch (error) {
    case EHOSTUNREACH:
    case ENETUNREACH:
    case EHOSTDOWN:
    case ENONET:
    case ECONNREFUSED:
    case ENOPROTOOPT:
    case EOPNOTSUPP:
    case EMSGSIZE:
    case EPROTO:
    case EACCES:
    case EREMOTEIO:
        return true;
    default:
        return false;
    }
}

/* Receives one message into `taken`, without waiting and without being a cancellation point: locks are held. */
static ssize_t take(struct icmp_socket *socket, int fd, struct message *message, int flags)
{
    ssize_t got;

    message->part = (struct iovec){socket->taken, sizeof(socket->taken)};
    message->header = (struct msghdr){.msg_name = &message->name,
                                      .msg_namelen = sizeof(message->name),
                                      .msg_iov = &message->part,
                                      .msg_iovlen = 1,
                                      .msg_control = message->control,
                                      .msg_controllen = sizeof(message->control)};
    got = kernel_recvmsg(fd, &message->header, flags | MSG_DONTWAIT);
    if (got < 0)
        return -1;
    message->length = (size_t)got;
    facts_read(&message->facts, &message->header);
    return got;
}

bool reply_rename(const struct icmp_socket *socket, unsigned char header[8])
{
    uint16_t identifier = (uint16_t)(header[4] << 8 | header[5]);
    uint16_t wire = (uint16_t)(header[6] << 8 | header[7]);
    struct echo echo;

    if (header[0] == EXTENDED_ECHO_REPLY || header[0] == EXTENDED_ECHO_REPLY6)
        return true; /* its number has 8 bits, so it is never mapped */
    if (header[0] != (icmp_is_six(socket) ? ICMP6_ECHO_REPLY : ICMP_ECHOREPLY))
        return true;
    echo = icmp_echo_name(socket, identifier, wire);
    if (echo.code == 0) /* then it went out as it was, and what the answer says is the answerer's */
        echo.code = header[1];
    if (echo.known && (echo.identifier != identifier || echo.sequence != wire || echo.code != header[1]))
        echo_rename(header, echo.code, echo.identifier, echo.sequence);
    return echo.known;
}

/* Gives a packet to its own socket, and to the listeners beside it. */
static void deliver(struct icmp_socket *socket, int fd, struct held *packet, bool shared)
{
    struct held own = *packet;

    if (!icmp_is_sender(socket) && icmp_screen(socket, fd, &own))
        inbox_add(&socket->packets, &own); /* what finds no room is dropped, as from a full receive buffer */
    if (shared)
        icmp_deliver_to_listeners(icmp_is_six(socket), packet);
}

static void held_describe(struct held *held, const struct message *message, const void *data, size_t length)
{
    *held = (struct held){.data = data,
                          .length = length,
                          .name = &message->name,
                          .name_length = message->header.msg_namelen,
                          .control = message->control,
                          .control_length = message->header.msg_controllen};
}

static void hold_reply(struct icmp_socket *socket, int fd, struct message *message, bool shared)
{
    struct held packet;
    size_t header = 0;

    if (message->length >= ICMP_HEADER && !reply_rename(socket, socket->taken))
        return;
    if (icmp_is_six(socket)) {
        held_describe(&packet, message, socket->taken, message->length);
    } else {
        struct in_addr source = ((const struct sockaddr_in *)(const void *)&message->name)->sin_addr;
        size_t room;

        header = ipv4_header(socket->built, &message->facts, source, message->length);
        room = sizeof(socket->built) - header;
        memcpy(socket->built + header, socket->taken, message->length < room ? message->length : room);
        held_describe(&packet, message, socket->built, header + (message->length < room ? message->length : room));
    }
    deliver(socket, fd, &packet, shared);
}

/* What a raw socket gets as packets alone: raw_err of IPv4 puts neither into the error queue. */
static bool is_packet_only(const struct sock_extended_err *error)
{
    return error->ee_origin == SO_EE_ORIGIN_ICMP &&
           (error->ee_type == ICMP_REDIRECT || error->ee_type == ICMP_SOURCE_QUENCH);
}

/*
 * Whether the kernel would leave the errno of an ICMP error with a raw socket: raw_err and rawv6_err do so for all
 * errors if IP_RECVERR is set, and for hard ones if the socket is connected.
 */
static bool error_stays(const struct icmp_socket *socket, const struct sock_extended_err *error)
{
    static const bool hard[] = {0, 0, 1, 1, 0, 0, 1, 1, 1, 1, 1, 0, 0, 1, 1, 1}; /* icmp_err_convert, by code */

    if (is_packet_only(error))
        return false;
    if (socket->asked & ASKED_RECVERR)
        return true;
    if (!socket->connected)
        return false;
    if (icmp_is_six(socket))
        return error->ee_errno == ECONNREFUSED || error->ee_errno == EACCES || error->ee_errno == EPROTO;
    if (error->ee_type == ICMP_DEST_UNREACH)
        return error->ee_code == ICMP_FRAG_NEEDED ? !socket->fragments
                                                  : error->ee_code < sizeof(hard) && hard[error->ee_code];
    return error->ee_type == ICMP_PARAMETERPROB;
}

/*
 * The name of the echo that an error quotes, in its first 8 bytes, which are mended; false: it quotes nothing of ours.
 */
static bool quoted_rename(struct icmp_socket *socket, unsigned char *data, size_t length, struct echo *echo)
{
    uint16_t wire;

    *echo = (struct echo){0};
    if (length < ICMP_HEADER || data[0] != (icmp_is_six(socket) ? ICMP6_ECHO_REQUEST : ICMP_ECHO))
        return true;
    wire = (uint16_t)(data[6] << 8 | data[7]);
    *echo = icmp_echo_name(socket, (uint16_t)(data[4] << 8 | data[5]), wire);
    if (echo->known)
        echo_rename(data, echo->code, echo->identifier, echo->sequence);
    return echo->known;
}

/* The offender as the source of a packet: what recvfrom of a raw socket tells. */
static void name_offender(struct message *message, bool six)
{
    const struct facts *facts = &message->facts;

    if (six) {
        message->name.sin6_addr = facts->offender6;
        message->name.sin6_port = 0;
        if (IN6_IS_ADDR_LINKLOCAL(&facts->offender6))
            message->name.sin6_scope_id = (uint32_t)facts->interface;
        else
            message->name.sin6_scope_id = 0;
    } else {
        struct sockaddr_in *name = (struct sockaddr_in *)(void *)&message->name;

        *name = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr = facts->offender};
    }
}

static size_t build_error(struct icmp_socket *socket, const struct message *message, const struct echo *echo)
{
    const struct sockaddr_in *four = (const struct sockaddr_in *)(const void *)&message->name;
    struct quote quote = {.six = icmp_is_six(socket),
                          .facts = &message->facts,
                          .source = message->facts.local,
                          .source6 = message->facts.local6,
                          .protocol = icmp_is_six(socket) ? IPPROTO_ICMPV6 : IPPROTO_ICMP,
                          .tos = socket->tos,
                          .ttl = message->facts.error.ee_type ==
                                         (icmp_is_six(socket) ? ICMP6_TIME_EXCEEDED : ICMP_TIME_EXCEEDED)
                                     ? 1
                                     : IPDEFTTL,
                          .dont_fragment = !socket->fragments,
                          .length = echo->length,
                          .data = socket->taken,
                          .data_length = message->length};

    if (quote.six)
        quote.destination6 = message->name.sin6_addr;
    else
        quote.destination = four->sin_addr;
    return quote_packet(socket->built, sizeof(socket->built), &quote);
}

/* Errors of our own stack, and time stamps of what was sent: for programs that asked for them, as they are. */
static bool is_for_error_queue(const struct icmp_socket *socket, const struct facts *facts)
{
    if (facts->has_error && is_packet_only(&facts->error))
        return false;
    return (socket->asked & ASKED_RECVERR) || !facts->has_error ||
           (facts->error.ee_origin != SO_EE_ORIGIN_LOCAL && facts->error.ee_origin != SO_EE_ORIGIN_ICMP &&
            facts->error.ee_origin != SO_EE_ORIGIN_ICMP6);
}

static void hold_error(struct icmp_socket *socket, int fd, struct message *message, bool shared)
{
    bool icmp = is_icmp_error(&message->facts, icmp_is_six(socket));
    struct inbox_guard guard;
    struct echo echo = {0};
    struct held held;
    size_t length;

    if (icmp && !quoted_rename(socket, socket->taken, message->length, &echo))
        return;
    held_describe(&held, message, socket->taken, message->length);
    if (!icmp_is_sender(socket) && is_for_error_queue(socket, &message->facts) && inbox_lock(&socket->errors, &guard)) {
        inbox_add(&socket->errors, &held);
        inbox_unlock(&socket->errors, &guard);
    }
    if (!icmp)
        return;
    if (error_stays(socket, &message->facts.error))
        socket->pending = (int)message->facts.error.ee_errno;
    length = build_error(socket, message, &echo);
    if (length == 0)
        return;
    name_offender(message, icmp_is_six(socket));
    held_describe(&held, message, socket->built, length);
    deliver(socket, fd, &held, shared);
}

static void pull_errors(struct icmp_socket *socket, int fd, bool shared)
{
    struct message message;
    unsigned count = 0;

    socket->look = false;
    while (count < PULL_MOST && take(socket, fd, &message, MSG_ERRQUEUE) >= 0) {
        hold_error(socket, fd, &message, shared);
        count++;
    }
    if (count == PULL_MOST)
        socket->look = true;
}

/*
 * Why nothing can be taken, as a sandbox says to each recvmsg(2), is the program's to know: it would wait for ever. A
 * descriptor that is gone says nothing of the socket.
 */
static void note_failure(struct icmp_socket *socket, int error)
{
    if (error != 0 && error != EAGAIN && error != EINTR && error != EBADF && error != ENOTSOCK)
        socket->pending = error;
}

/* Until one is held, or `all`. */
static void pull_replies(struct icmp_socket *socket, int fd, bool shared, bool all)
{
    struct message message;
    int error = 0;

    for (unsigned count = 0; count < PULL_MOST; count++) {
        if (!all && atomic_load(&socket->packets.count) > 0)
            return;
        if (take(socket, fd, &message, 0) >= 0) {
            hold_reply(socket, fd, &message, shared);
            error = 0;
            continue;
        }
        if (!is_icmp_errno(errno)) {
            note_failure(socket, errno);
            return;
        }
        error = errno;
        pull_errors(socket, fd, shared);
    }
    note_failure(socket, error);
}

/* Gives a packet to one listener. */
static void deliver_to(struct icmp_socket *socket, int fd, struct held packet)
{
    struct inbox_guard guard;

    if (!icmp_is_listener(socket) || !icmp_screen(socket, fd, &packet) || !inbox_lock(&socket->packets, &guard))
        return;
    inbox_add(&socket->packets, &packet);
    inbox_unlock(&socket->packets, &guard);
}

void icmp_deliver_to_listeners(bool six, const struct held *packet)
{
    struct icmp_socket *socket;
    unsigned at = 0;
    int fd;

    while ((socket = icmp_next(&at, &fd)) != NULL) {
        if (icmp_is_six(socket) != six || !icmp_keep(socket))
            continue;
        deliver_to(socket, fd, *packet);
        icmp_release(socket);
    }
}

/* The queues of one socket. */
static void pull_one(struct icmp_socket *socket, int fd, bool shared, bool all)
{
    struct inbox_guard guard;

    if (!inbox_lock(&socket->packets, &guard))
        return;
    pull_errors(socket, fd, shared);
    pull_replies(socket, fd, shared, shared || all);
    inbox_unlock(&socket->packets, &guard);
}

/* The queues of another thread's socket maybe, which is closed by it at any moment. */
static void pull_other(struct icmp_socket *socket, int fd)
{
    int borrowed = descriptor_borrow(fd);

    if (icmp_keep(socket)) {
        if (icmp_is(socket, borrowed))
            pull_one(socket, borrowed, true, true);
        icmp_release(socket);
    }
    descriptor_return(borrowed, fd);
}

void icmp_pull(struct icmp_socket *socket, int fd)
{
    bool six = icmp_is_six(socket);
    int saved = errno;

    if (icmp_is_listener(socket)) {
        struct icmp_socket *other;
        unsigned at = 0;
        int other_fd;

        if (watching(WATCH_PROBES))
            probe_pull(six);
        while (icmp_has_senders(six) && (other = icmp_next(&at, &other_fd)) != NULL) {
            if (other != socket && icmp_is_six(other) == six && other->has_sent)
                pull_other(other, other_fd);
        }
    }
    pull_one(socket, fd, socket->has_sent && icmp_has_listeners(six), false);
    errno = saved;
}

void icmp_pull_all(struct icmp_socket *socket, int fd)
{
    int saved = errno;

    if (socket->has_sent && !icmp_is_sender(socket))
        pull_one(socket, fd, icmp_has_listeners(icmp_is_six(socket)), true);
    errno = saved;
}
