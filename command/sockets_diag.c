/* SPDX-License-Identifier: MIT */
/* sock_diag(7): TCP, UDP and Unix sockets of our namespace, the latter with their other ends, which /proc hides. */
#include "command/sockets.h"

#include "policy/image.h"

#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#define ANSWER_SECONDS 5
#define ANSWER_SIZE 32768 /* the kernel fills no more at once */

/* Takes one message of an answer. */
typedef void take_function(struct socket_table *table, uint64_t space, const struct nlmsghdr *message, unsigned proto);

static void set_address(struct sockaddr_storage *out, socklen_t *length, int family, const __be32 words[4], __be16 port)
{
    static const __be32 nothing[4];
    size_t size = family == AF_INET6 ? 16 : 4;

    if (port == 0 && memcmp(words, nothing, size) == 0)
        return;
    if (family == AF_INET6) {
        struct sockaddr_in6 *inet6 = (struct sockaddr_in6 *)(void *)out;

        inet6->sin6_family = AF_INET6;
        inet6->sin6_port = port;
        memcpy(&inet6->sin6_addr, words, size);
        *length = sizeof(*inet6);
    } else {
        struct sockaddr_in *inet = (struct sockaddr_in *)(void *)out;

        inet->sin_family = AF_INET;
        inet->sin_port = port;
        memcpy(&inet->sin_addr, words, size);
        *length = sizeof(*inet);
    }
}

static void take_inet(struct socket_table *table, uint64_t space, const struct nlmsghdr *message, unsigned proto)
{
    const struct inet_diag_msg *told = NLMSG_DATA(message);
    struct held_socket *added;

    if (message->nlmsg_len < NLMSG_LENGTH(sizeof(*told)) || told->idiag_inode == 0)
        return;
    added = sockets_add(table, space, told->idiag_inode, told->idiag_family);
    added->proto = proto;
    set_address(&added->local, &added->local_length, told->idiag_family, told->id.idiag_src, told->id.idiag_sport);
    set_address(&added->remote, &added->remote_length, told->idiag_family, told->id.idiag_dst, told->id.idiag_dport);
    socket_set_state(added, told->idiag_state);
}

static void take_unix(struct socket_table *table, uint64_t space, const struct nlmsghdr *message, unsigned proto)
{
    const struct unix_diag_msg *told = NLMSG_DATA(message);
    struct held_socket *added;
    const struct rtattr *part;
    size_t left;

    (void)proto;
    if (message->nlmsg_len < NLMSG_LENGTH(sizeof(*told)) || told->udiag_ino == 0)
        return;
    added = sockets_add(table, space, told->udiag_ino, AF_UNIX);
    left = message->nlmsg_len - NLMSG_LENGTH(sizeof(*told));
    for (part = (const void *)(told + 1); RTA_OK(part, left); part = RTA_NEXT(part, left)) {
        uint32_t peer;

        if (part->rta_type == UNIX_DIAG_NAME)
            socket_set_name(added, RTA_DATA(part), RTA_PAYLOAD(part));
        if (part->rta_type == UNIX_DIAG_PEER && RTA_PAYLOAD(part) >= sizeof(peer)) {
            memcpy(&peer, RTA_DATA(part), sizeof(peer));
            added->peer = peer;
        }
    }
    socket_set_state(added, told->udiag_state);
    added->connected = added->peer != 0;
    added->stream = told->udiag_type != SOCK_DGRAM;
}

/* Reads answers up to their end; false where the kernel reports an error or falls silent. */
static bool read_answers(struct socket_table *table, uint64_t space, int fd, take_function *take, unsigned proto)
{
    static _Alignas(struct nlmsghdr) char bytes[ANSWER_SIZE];

    for (;;) {
        ssize_t got = recv(fd, bytes, sizeof(bytes), 0);
        size_t left = got > 0 ? (size_t)got : 0;
        const struct nlmsghdr *message = (const void *)bytes;

        if (got <= 0)
            return false;
        for (; NLMSG_OK(message, left); message = NLMSG_NEXT(message, left)) {
            if (message->nlmsg_type == NLMSG_DONE)
                return true;
            if (message->nlmsg_type != SOCK_DIAG_BY_FAMILY)
                return false;
            take(table, space, message, proto);
        }
    }
}

/* Puts one question for all of a kind. */
static bool ask(struct socket_table *table, uint64_t space, const void *request, size_t size, take_function *take,
                unsigned proto)
{
    struct {
        struct nlmsghdr head;
        char body[128];
    } question = {.head = {.nlmsg_len = (uint32_t)NLMSG_LENGTH(size),
                           .nlmsg_type = SOCK_DIAG_BY_FAMILY,
                           .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP}};
    const struct timeval patience = {.tv_sec = ANSWER_SECONDS};
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
    bool told;

    if (fd < 0)
        return false;
    memcpy(question.body, request, size);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    told = send(fd, &question, question.head.nlmsg_len, 0) == (ssize_t)question.head.nlmsg_len &&
           read_answers(table, space, fd, take, proto);
    close(fd);
    return told;
}

bool sockets_ask_inet(struct socket_table *table, uint64_t space)
{
    static const struct {
        uint8_t family, number;
        unsigned proto;
    } kinds[] = {{AF_INET, IPPROTO_TCP, PROTO_TCP},
                 {AF_INET6, IPPROTO_TCP, PROTO_TCP},
                 {AF_INET, IPPROTO_UDP, PROTO_UDP},
                 {AF_INET6, IPPROTO_UDP, PROTO_UDP}};

    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        const struct inet_diag_req_v2 request = {
            .sdiag_family = kinds[i].family, .sdiag_protocol = kinds[i].number, .idiag_states = UINT32_MAX};

        if (!ask(table, space, &request, sizeof(request), take_inet, kinds[i].proto))
            return false;
    }
    return true;
}

bool sockets_ask_unix(struct socket_table *table, uint64_t space)
{
    const struct unix_diag_req request = {
        .sdiag_family = AF_UNIX, .udiag_states = UINT32_MAX, .udiag_show = UDIAG_SHOW_NAME | UDIAG_SHOW_PEER};

    return ask(table, space, &request, sizeof(request), take_unix, 0);
}
