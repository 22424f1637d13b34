/* SPDX-License-Identifier: MIT */
/*
 * The quick way to receive: by what a receive on this descriptor found it to be, and without asking the kernel again.
 *
 * Whatever libc does to the number ends that knowledge (hints.c). What libc does not do (system calls of the program's
 * own, a thread with a table of descriptors of its own) can still have put another socket there. So the kernel is
 * asked for what the program asked for, to the byte, and what came tells whether it is a reply to this socket; the
 * header is put in front of it then. If it does not tell, the kernel is asked afterwards, and what belongs to another
 * socket is handed over as it came.
 */
#include "shim/icmp/receive.h"

#include "shim/hints.h"
#include "shim/icmp/control.h"
#include "shim/icmp/give.h"
#include "shim/icmp/packet.h"
#include "shim/icmp/pull.h"
#include "shim/icmp/wait_parts.h"
#include "shim/inbound.h"
#include "shim/judge.h"
#include "shim/passed.h"
#include "shim/real.h"

#include <errno.h>
#include <limits.h>
#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>

/* Flags under which a receive has nothing special. */
#define PLAIN_FLAGS (MSG_DONTWAIT | MSG_TRUNC | MSG_NOSIGNAL | MSG_CMSG_CLOEXEC)

/* What is longer had better be received behind the place of the header at once, than be moved. */
#define MOVED_MOST 2048

/* One message on its way. */
struct plain {
    struct icmp_socket *socket;
    unsigned char *buffer; /* the program's */
    size_t room;
    struct iovec part;
    struct msghdr message;
    union {
        struct sockaddr_in four;
        struct sockaddr_in6 six;
        struct sockaddr_storage any; /* another socket's */
    } name;
    struct facts facts;
    _Alignas(struct cmsghdr) unsigned char control[CONTROL_ROOM];
};

/*
 * Whether a reply can go straight into the program's buffer. It has room for an answer to the longest request and some
 * more, since a ping socket does not tell how long a packet is that it cut. Under rules about sources every receive is
 * sure of its socket.
 */
static bool is_plain(const struct icmp_socket *socket, const struct msghdr *message, int flags)
{
    const struct iovec *part = message->msg_iov;
    size_t longest = atomic_load_explicit(&socket->longest, memory_order_relaxed);

    return (flags & ~PLAIN_FLAGS) == 0 && message->msg_iovlen == 1 && !plainly_bad(part) &&
           !plainly_bad(part->iov_base) && longest <= MOVED_MOST && part->iov_len >= IPV4_HEADER_MAX + longest &&
           part->iov_len <= INT_MAX && (socket->identifier & IDENTIFIER_STATE) == IDENTIFIER_FIXED &&
           socket->has_sent && !icmp_needs_look(socket) && !watching(WATCH_INBOUND);
}

static ssize_t take(struct plain *plain, int fd, int flags)
{
    plain->part = (struct iovec){plain->buffer, plain->room};
    plain->message = (struct msghdr){.msg_name = &plain->name,
                                     .msg_namelen = sizeof(plain->name),
                                     .msg_iov = &plain->part,
                                     .msg_iovlen = 1,
                                     .msg_control = plain->control,
                                     .msg_controllen = sizeof(plain->control)};
    return real.recvmsg(fd, &plain->message, flags | (wait_has_threads() ? MSG_DONTWAIT : 0));
}

/*
 * Whether what came can only have come to this socket: an echo reply with its identifier, from no port, with all the
 * control messages that are always on.
 */
static bool is_own(const struct plain *plain, size_t length)
{
    const unsigned char *header = plain->buffer;
    bool six = icmp_is_six(plain->socket);
    size_t name = six ? sizeof(plain->name.six) : sizeof(plain->name.four);

    return length >= ICMP_HEADER && plain->message.msg_namelen == name && plain->facts.local_known &&
           (six || (plain->facts.ttl_known && plain->facts.tos_known)) && !plain->facts.has_error &&
           plain->name.any.ss_family == (six ? AF_INET6 : AF_INET) && plain->name.four.sin_port == 0 &&
           header[0] == (six ? ICMP6_ECHO_REPLY : ICMP_ECHOREPLY) &&
           (header[4] << 8 | header[5]) == (uint16_t)plain->socket->identifier;
}

/* After a receive that gave nothing; false: the long way goes on. */
static bool nothing_came(struct icmp_socket *socket, int fd, int flags)
{
    if (errno == EAGAIN)
        return (flags & MSG_DONTWAIT) || !wait_has_threads();
    if (errno == ENOTSOCK) /* read(2) on what has the number by now */
        return false;
    if (!is_icmp_errno(errno) || !icmp_is(socket, fd))
        return true;
    socket->look = true;
    return false;
}

/* What came to another socket, which has the number by now. */
static void foreign_give(const struct plain *plain, struct msghdr *message)
{
    message->msg_flags = plain->message.msg_flags;
    name_give(message, &plain->name, plain->message.msg_namelen);
    control_give(message, plain->control, plain->message.msg_controllen, UINT32_MAX, true);
    hint_forget_passed(message);
    passed_each(message, icmp_adopt);
}

/* Puts the header in front; returns the packet's length, of which no more is in the buffer than there is room. */
static size_t header_put(const struct plain *plain, size_t length)
{
    unsigned char header[IPV4_HEADER_MAX];
    size_t size = ipv4_header(header, &plain->facts, plain->name.four.sin_addr, length);
    size_t left = plain->room - size;

    memmove(plain->buffer + size, plain->buffer, length < left ? length : left);
    memcpy(plain->buffer, header, size);
    return size + length;
}

/*
 * One that was cut although it had room is no answer by RFC 792. It is told as a little longer than the room, and from
 * then on the long way is gone, which has room for any.
 */
static ssize_t packet_give(const struct plain *plain, struct msghdr *message, size_t length, int flags)
{
    uint32_t asked = plain->socket->asked;

    if (plain->message.msg_flags & MSG_TRUNC) {
        longest_note(plain->socket, UINT16_MAX);
        length++;
    }
    message->msg_flags = plain->message.msg_flags;
    if (!icmp_is_six(plain->socket))
        length = header_put(plain, length);
    name_give(message, &plain->name, plain->message.msg_namelen);
    if (plain->facts.asked_for || (asked & ASKED_CONTROL))
        control_give(message, plain->control, plain->message.msg_controllen, asked, false);
    else
        message->msg_controllen = 0;
    return length_give(message, length, plain->room, flags);
}

/* A look at what the number is by now, after something came that need not be this socket's. */
static bool is_ours(struct plain *plain, int fd)
{
    struct icmp_socket *socket = icmp_find(fd);

    if (socket == NULL) {
        icmp_doubt(fd);
        return false;
    }
    icmp_verify(socket, fd);
    plain->socket = socket;
    return true;
}

static __attribute__((noinline)) bool receive(struct icmp_socket *socket, int fd, struct msghdr *message, int flags,
                                              ssize_t *got)
{
    struct plain plain;
    int saved = errno;
    size_t length;

    plain.socket = socket;
    plain.buffer = message->msg_iov->iov_base;
    plain.room = message->msg_iov->iov_len;
    *got = take(&plain, fd, flags);
    if (*got < 0) {
        if (nothing_came(socket, fd, flags))
            return true;
        errno = saved;
        return false;
    }
    length = (size_t)*got;
    facts_read(&plain.facts, &plain.message);
    if (length == 0 || (!is_own(&plain, length) && !is_ours(&plain, fd))) {
        foreign_give(&plain, message);
        return true;
    }
    if (length >= ICMP_HEADER && !reply_rename(plain.socket, plain.buffer))
        return false;
    *got = packet_give(&plain, message, length, flags);
    return true;
}

bool icmp_receive_plain(int fd, struct msghdr *message, int flags, ssize_t *got)
{
    struct icmp_socket *socket = icmp_verified(fd);

    return socket != NULL && is_plain(socket, message, flags) && receive(socket, fd, message, flags, got);
}
