/* SPDX-License-Identifier: MIT */
/*
 * Sending goes one of two ways. An echo request whose identifier is the socket's own goes to the kernel exactly as the
 * program gave it, without a question. Else what goes out is put together: a mapped sequence number, the bound source
 * address as a control message, a header of the program's own taken apart
 * (send_header.c).
 *
 * An ICMP error that came makes the next send of a ping socket fail once in place of sending. A raw socket sends all
 * the same, so the packet is sent again, and the error stays to be found in the queue.
 */
#include "shim/icmp/send.h"

#include "shim/icmp/identifier.h"
#include "shim/icmp/parts.h"
#include "shim/icmp/pull.h"
#include "shim/icmp/sending.h"
#include "shim/real.h"

#include <errno.h>
#include <limits.h>
#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>
#include <string.h>

/* Errors may come faster than we send; what fails more often has another reason. */
#define TRIES 8

/* Flags under which a send has nothing special. */
#define PLAIN_FLAGS (MSG_DONTWAIT | MSG_NOSIGNAL | MSG_CONFIRM | MSG_DONTROUTE)

#define PACKET_MOST 65535

/* struct sockaddr_in6 before it had a scope (SIN6_LEN_RFC2133 of the kernel): raw sockets still take it. */
#define SHORT_SOCKADDR6 24

/* The program's echo request. */
struct request {
    uint16_t identifier;
    uint16_t sequence;
    uint8_t code;  /* ping sockets send no other than 0 */
    bool extended; /* its sequence number has 8 bits, with flags behind them: never mapped, and not in the table */
};

ssize_t sending_fails(int error)
{
    errno = error;
    cancellation_point();
    return -1;
}

/* What a ping socket can send (ping_supported): echo requests of at least 8 bytes; the code goes out as 0. */
static bool request_read(struct request *out, const struct icmp_socket *socket, const unsigned char header[ICMP_HEADER])
{
    bool six = icmp_is_six(socket);

    out->identifier = (uint16_t)(header[4] << 8 | header[5]);
    out->sequence = (uint16_t)(header[6] << 8 | header[7]);
    out->extended = header[0] == (six ? EXTENDED_ECHO6 : EXTENDED_ECHO);
    out->code = header[1];
    return out->extended || header[0] == (six ? ICMP6_ECHO_REQUEST : ICMP_ECHO);
}

/*
 * After a send that failed with the errno of an ICMP error: whether it failed for good. A raw socket sends in spite of
 * a pending error, but not with a header of the program's own (only raw_send_hdrinc goes through sock_alloc_send_skb):
 * then what pull.c finds to be pending is shown, once.
 *
 * EMSGSIZE is also what the kernel itself finds, and it then puts an entry into the error queue each time. A program
 * that reads that queue must not find more of them than tries of its own, so there it is looked up whether an error
 * came.
 */
static bool failed_for_good(struct icmp_socket *socket, int fd)
{
    bool asked = (socket->asked & ASKED_RECVERR) != 0;
    int pending;

    socket->look = true;
    if (socket->kind == KIND_SENDER || (!asked && !socket->connected) ||
        (!socket->header_included && errno != EMSGSIZE))
        return false;
    icmp_pull(socket, fd);
    if (!socket->header_included)
        return asked && socket->pending == 0;
    pending = atomic_exchange(&socket->pending, 0);
    if (pending != 0)
        errno = pending;
    return pending != 0;
}

/* Goes on after a send that failed, as long as that may be due to errors that came. */
static ssize_t send_again(struct icmp_socket *socket, int fd, const struct msghdr *message, int flags)
{
    for (unsigned tries = 0; tries < TRIES && is_icmp_errno(errno); tries++) {
        ssize_t sent;

        if (failed_for_good(socket, fd))
            return -1;
        sent = real.sendmsg(fd, message, flags);
        if (sent >= 0)
            return sent;
    }
    return -1;
}

static ssize_t transmit(struct sending *sending)
{
    int saved = errno;
    ssize_t sent;

    icmp_mark_sent(sending->socket);
    sent = real.sendmsg(sending->fd, &sending->out.message, sending->flags);
    if (sent < 0)
        sent = send_again(sending->socket, sending->fd, &sending->out.message, sending->flags);
    if (sent >= 0)
        errno = saved;
    return sent;
}

/* Whether an address is of the usual form, so that the kernel answers the same on a ping socket as on a raw one. */
static bool address_is_plain(const struct icmp_socket *socket, const struct sockaddr *address, socklen_t length)
{
    const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)(const void *)address;

    if (address == NULL)
        return socket->connected;
    if (plainly_bad(address))
        return false;
    if (!icmp_is_six(socket))
        return length >= sizeof(struct sockaddr_in) && address->sa_family == AF_INET;
    return length >= sizeof(*six) && address->sa_family == AF_INET6 &&
           (six->sin6_port == 0 || six->sin6_port == htons(IPPROTO_ICMPV6));
}

bool icmp_send_plain(int fd, const void *data, size_t length, int flags, const struct sockaddr *address,
                     socklen_t address_length, ssize_t *sent)
{
    struct icmp_socket *socket = icmp_guess(fd);
    struct request request;
    int saved = errno;

    if (socket == NULL || length < ICMP_HEADER || length > PACKET_MOST || plainly_bad(data) ||
        (flags & ~PLAIN_FLAGS) != 0)
        return false;
    if (!socket->has_sent || socket->header_included || socket->bound || icmp_is_sender(socket) ||
        !address_is_plain(socket, address, address_length) || !request_read(&request, socket, data) ||
        request.code != 0 || !identifier_served(socket, request.identifier, request.sequence))
        return false;
    longest_note(socket, length);
    if (!request.extended)
        echo_store(socket, request.sequence, 0, request.identifier, request.sequence, (uint16_t)length);
    *sent = real.sendto(fd, data, length, flags, address, address_length);
    if (likely(*sent >= 0))
        return true;
    if (errno == ENOTSOCK) { /* write(2) on what has the number by now */
        errno = saved;
        return false;
    }
    if (is_icmp_errno(errno) && icmp_is(socket, fd)) {
        struct iovec part = {(void *)(uintptr_t)data, length};
        struct msghdr message = {.msg_name = (void *)(uintptr_t)address,
                                 .msg_namelen = address == NULL ? 0 : address_length,
                                 .msg_iov = &part,
                                 .msg_iovlen = 1};

        *sent = send_again(socket, fd, &message, flags);
    }
    if (*sent >= 0)
        errno = saved;
    return true;
}

/* Makes an address that a raw socket takes one that a ping socket takes. Returns 0 or the raw socket's errno. */
static int address_translate(struct sending *sending)
{
    struct msghdr *message = &sending->out.message;
    struct own_address *own = &sending->out.address;
    struct sockaddr_in6 *six = (struct sockaddr_in6 *)(void *)&own->storage;
    bool is_six = icmp_is_six(sending->socket);
    socklen_t least = is_six ? SHORT_SOCKADDR6 : (socklen_t)sizeof(struct sockaddr_in);

    if (message->msg_name == NULL || message->msg_namelen == 0) {
        message->msg_name = NULL;
        message->msg_namelen = 0;
        return sending->socket->connected ? 0 : EDESTADDRREQ;
    }
    if (plainly_bad(message->msg_name))
        return EFAULT;
    if (message->msg_namelen < least || message->msg_namelen > INT_MAX)
        return EINVAL;
    /* sendmsg cuts what is longer. */
    own->length = message->msg_namelen < sizeof(own->storage) ? message->msg_namelen : sizeof(own->storage);
    memcpy(&own->storage, message->msg_name, own->length);
    if (own->storage.ss_family != AF_UNSPEC && own->storage.ss_family != (is_six ? AF_INET6 : AF_INET))
        return EAFNOSUPPORT;
    own->storage.ss_family = is_six ? AF_INET6 : AF_INET;
    if (is_six && six->sin6_port != 0 && six->sin6_port != htons((uint16_t)icmp_protocol(sending->socket)))
        return EINVAL;
    if (is_six && own->length < sizeof(*six)) {
        memset((unsigned char *)six + own->length, 0, sizeof(*six) - own->length);
        six->sin6_scope_id = 0;
        own->length = sizeof(*six);
    }
    message->msg_name = &own->storage;
    message->msg_namelen = own->length;
    return 0;
}

/* The bound address as the source, unless the program names one for this packet. On IPv6 it is bound in the kernel. */
static bool source_tell(struct sending *sending)
{
    const struct icmp_socket *socket = sending->socket;
    const struct in_pktinfo source = {.ipi_spec_dst = socket->local};

    if (!socket->bound || icmp_is_six(socket) || socket->local.s_addr == 0 ||
        IN_MULTICAST(ntohl(socket->local.s_addr)) || socket->local.s_addr == INADDR_BROADCAST ||
        outgoing_has_control(&sending->out, IPPROTO_IP, IP_PKTINFO))
        return true;
    return outgoing_control(&sending->out, IPPROTO_IP, IP_PKTINFO, &source, sizeof(source));
}

/* Why a ping socket cannot send what is no echo request: the errno that a raw socket gives, else EPERM. */
static int why_not(const struct icmp_socket *socket, size_t length)
{
    if (socket->header_included)
        return EPERM;
    if (length < 2) /* type and code are read for the route (raw_probe_proto_opt) */
        return EFAULT;
    if (icmp_is_six(socket) && length < 4) /* the checksum has no place */
        return EINVAL;
    return EPERM;
}

ssize_t sending_echo(struct sending *sending, size_t at)
{
    struct icmp_socket *socket = sending->socket;
    struct msghdr *message = &sending->out.message;
    size_t length = sending->size - at;
    unsigned char header[ICMP_HEADER];
    struct request request;
    uint16_t wire;
    bool as_it_is;

    if (length < ICMP_HEADER)
        return sending_fails(why_not(socket, length));
    parts_read(message->msg_iov, message->msg_iovlen, at, header, sizeof(header));
    if (!request_read(&request, socket, header))
        return sending_fails(EPERM);
    as_it_is = identifier_serves(socket, sending->fd, request.identifier, request.sequence) || request.extended;
    wire = as_it_is ? request.sequence : atomic_fetch_add(&socket->next, 1);
    longest_note(socket, length);
    if (!request.extended)
        echo_store(socket, wire, request.code, request.identifier, request.sequence, (uint16_t)length);
    header[1] = 0;
    header[6] = (unsigned char)(wire >> 8);
    header[7] = (unsigned char)wire;
    if ((!as_it_is || at > 0 || request.code != 0) && !outgoing_replace(&sending->out, header, at + sizeof(header)))
        return sending_fails(errno);
    if (!source_tell(sending))
        return sending_fails(errno);
    return transmit(sending);
}

/* Whether the kernel answers EFAULT or EMSGSIZE before it looks at the packet; what only it can read is not touched. */
static bool is_for_kernel(const struct msghdr *message)
{
    return message->msg_iovlen > IOV_MAX || parts_are_bad(message->msg_iov, message->msg_iovlen) ||
           (message->msg_controllen > 0 && plainly_bad(message->msg_control));
}

ssize_t icmp_send(struct icmp_socket *socket, int fd, const struct msghdr *message, int flags, const char *op)
{
    struct sending sending;
    ssize_t sent;
    int error;

    if (is_for_kernel(message))
        return real.sendmsg(fd, message, flags);
    sending.socket = socket;
    sending.fd = fd;
    sending.flags = flags;
    sending.op = op;
    sending.size = parts_size(message->msg_iov, message->msg_iovlen);
    outgoing_begin(&sending.out, message);
    if (sending.size > PACKET_MOST)
        return sending_fails(EMSGSIZE);
    if (flags & MSG_OOB)
        return sending_fails(EOPNOTSUPP);
    error = address_translate(&sending);
    if (error == 0 && socket->header_included && socket->kind != KIND_SENDER)
        error = atomic_exchange(&socket->pending, 0);
    if (error != 0)
        return sending_fails(error);
    /* IPV6_HDRINCL, and IPPROTO_RAW without its header (protocol 255). */
    if (socket->header_included ? icmp_is_six(socket) : socket->kind == KIND_SENDER)
        return sending_fails(EPERM);
    if (socket->kind == KIND_SENDER6)
        sent = sending_udp(&sending);
    else
        sent = socket->header_included ? sending_with_header(&sending) : sending_echo(&sending, 0);
    outgoing_end(&sending.out);
    return sent;
}
