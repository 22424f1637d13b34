/* SPDX-License-Identifier: MIT */
/* 0.0.0.0 and :: as a destination are this host: loopback, or the address that the socket is bound to. */
#include "tests/kernel/proof.h"

/* A datagram to `text` reaches the socket at `own`. */
static void datagram(int family, const char *text, int own_family, const char *own_text)
{
    union address own;
    int receiver = open_bound(own_family, SOCK_DGRAM, own_text, &own);
    int sender = open_socket(family, SOCK_DGRAM);
    union address peer = address_of(family, text, own.inet.sin_port); /* sin6_port stands in the same place */
    prove(sendto(sender, "x", 1, 0, &peer.any, address_size(family)) == 1, "sendto %s", text);
    prove(arrives(receiver, "x"), "a datagram to %s reaches %s", text, own_text);
    close(receiver);
    close(sender);
}

/* A connection to `text`, of a socket bound to `from` unless that is NULL, has `expected` as its peer. */
static void connection(int family, const char *text, const char *from, int own_family, const char *expected)
{
    union address own;
    char got[INET6_ADDRSTRLEN];
    int listener = open_bound(own_family, SOCK_STREAM, expected, &own);
    int client = open_socket(family, SOCK_STREAM);
    if (from) {
        union address local = address_of(family, from, 0);
        prove(bind(client, &local.any, address_size(family)) == 0, "bind to %s", from);
    }
    union address peer = address_of(family, text, own.inet.sin_port);
    socklen_t size = address_size(family);
    prove(connect(client, &peer.any, size) == 0, "a connection to %s reaches %s", text, expected);
    prove(getpeername(client, &peer.any, &size) == 0, "getpeername");
    bool mapped = family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&peer.inet6.sin6_addr);
    const void *bytes = family == AF_INET ? (void *)&peer.inet.sin_addr
                                          : (void *)&peer.inet6.sin6_addr.s6_addr[mapped ? 12 : 0];
    inet_ntop(own_family, bytes, got, sizeof(got));
    prove(strcmp(got, expected) == 0, "the peer of a connection to %s is %s, not %s", text, got, expected);
    close(listener);
    close(client);
}

int main(void)
{
    datagram(AF_INET, "0.0.0.0", AF_INET, "127.0.0.1");
    datagram(AF_INET6, "::", AF_INET6, "::1");
    datagram(AF_INET6, "::ffff:0.0.0.0", AF_INET, "127.0.0.1");
    connection(AF_INET, "0.0.0.0", NULL, AF_INET, "127.0.0.1");
    connection(AF_INET6, "::", NULL, AF_INET6, "::1");
    connection(AF_INET6, "::ffff:0.0.0.0", NULL, AF_INET, "127.0.0.1");
    /* Where the socket is bound, it is that address; still this host. */
    connection(AF_INET, "0.0.0.0", "127.0.0.2", AF_INET, "127.0.0.2");
    connection(AF_INET6, "::", "::ffff:127.0.0.1", AF_INET, "127.0.0.1");
    return proved("0.0.0.0 and :: as a destination are loopback, or the address that the socket is bound to");
}
