/* SPDX-License-Identifier: MIT */
/*
 * MSG_FASTOPEN opens a TCP connection without connect(2): in sendto, sendmsg and sendmmsg, over IPv4 and IPv6. The
 * client's bit of net.ipv4.tcp_fastopen must be set, as it is by default; the server's need not be.
 */
#include "tests/kernel/proof.h"

#define SYSCTL "/proc/sys/net/ipv4/tcp_fastopen"

static ssize_t by_sendto(int fd, union address *peer, socklen_t length)
{
    return sendto(fd, "hello", 5, MSG_FASTOPEN, &peer->any, length);
}

static ssize_t by_sendmsg(int fd, union address *peer, socklen_t length)
{
    struct iovec data = {.iov_base = "hello", .iov_len = 5};
    struct msghdr message = {.msg_name = peer, .msg_namelen = length, .msg_iov = &data, .msg_iovlen = 1};
    return sendmsg(fd, &message, MSG_FASTOPEN);
}

static ssize_t by_sendmmsg(int fd, union address *peer, socklen_t length)
{
    struct iovec data = {.iov_base = "hello", .iov_len = 5};
    struct mmsghdr one = {
        .msg_hdr = {.msg_name = peer, .msg_namelen = length, .msg_iov = &data, .msg_iovlen = 1},
    };
    int sent = sendmmsg(fd, &one, 1, MSG_FASTOPEN);
    return sent == 1 ? (ssize_t)one.msg_len : sent;
}

static const struct {
    const char *name;
    ssize_t (*send)(int fd, union address *peer, socklen_t length);
} ways[] = {{"sendto", by_sendto}, {"sendmsg", by_sendmsg}, {"sendmmsg", by_sendmmsg}};

#define WAYS (sizeof(ways) / sizeof(*ways))

/* A socket that never saw connect sends, and its peer accepts a connection from it with the data. */
static void opens(int family, const char *text, bool server_bit)
{
    for (size_t i = 0; i < WAYS; i++) {
        union address own;
        union address client_own;
        union address seen;
        int queue = 8;
        socklen_t size = sizeof(seen);
        socklen_t client_size = sizeof(client_own);
        int listener = open_bound(family, SOCK_STREAM, text, &own);
        prove(!server_bit || setsockopt(listener, IPPROTO_TCP, 23 /* TCP_FASTOPEN */, &queue, sizeof(queue)) == 0,
              "TCP_FASTOPEN on the listener");
        int client = open_socket(family, SOCK_STREAM);
        prove(ways[i].send(client, &own, address_size(family)) == 5, "MSG_FASTOPEN in %s", ways[i].name);
        int accepted = accept(listener, &seen.any, &size);
        prove(accepted >= 0 && arrives(accepted, "hello"), "%s opened a connection and sent its data", ways[i].name);
        prove(getsockname(client, &client_own.any, &client_size) == 0 && client_own.inet.sin_port == seen.inet.sin_port,
              "the connection is the sender's");
        close(accepted);
        close(client);
        close(listener);
    }
}

static void refused_without_the_bit(void)
{
    for (size_t i = 0; i < WAYS; i++) {
        union address own;
        int listener = open_bound(AF_INET, SOCK_STREAM, "127.0.0.1", &own);
        int client = open_socket(AF_INET, SOCK_STREAM);
        prove_fails(ways[i].send(client, &own, 16), EOPNOTSUPP, "MSG_FASTOPEN without the client's bit");
        close(client);
        close(listener);
    }
}

static bool client_bit_is_set(void)
{
    char text[16] = "";
    int fd = open(SYSCTL, O_RDONLY | O_CLOEXEC);
    ssize_t length = fd >= 0 ? read(fd, text, sizeof(text) - 1) : -1;
    if (fd >= 0)
        close(fd);
    return length > 0 && (atoi(text) & 1) != 0;
}

int main(void)
{
    bool tried = client_bit_is_set();
    if (tried) {
        opens(AF_INET, "127.0.0.1", false);
        opens(AF_INET6, "::1", false);
    }
    if (!enter_private_network() || !write_file(SYSCTL, "3")) {
        if (!tried)
            skip("net.ipv4.tcp_fastopen lacks the client's bit, and there are no namespaces to set it in");
        return proved("MSG_FASTOPEN in sendto, sendmsg and sendmmsg opens a TCP connection");
    }
    opens(AF_INET, "127.0.0.1", true);
    opens(AF_INET6, "::1", true);
    prove(write_file(SYSCTL, "0"), "the sysctl can be cleared");
    refused_without_the_bit();
    return proved("MSG_FASTOPEN in sendto, sendmsg and sendmmsg opens a TCP connection, unless the client's bit is 0");
}
