/* SPDX-License-Identifier: MIT */
/* IPv4 through IPv6 sockets: by v4-mapped addresses, and on UDP by a plain sockaddr_in. */
#include "tests/kernel/proof.h"

/* The v4-mapped form of `own`. */
static union address mapped_form(const union address *own)
{
    union address a = address_of(AF_INET6, "::ffff:0.0.0.0", own->inet.sin_port);
    memcpy(&a.inet6.sin6_addr.s6_addr[12], &own->inet.sin_addr, 4);
    return a;
}

/* sendto and connect on IPv6 UDP with `length` bytes of `peer` reach the IPv4 socket `receiver`. */
static void datagrams_reach(int receiver, const union address *peer, socklen_t length, const char *what)
{
    int sender = open_socket(AF_INET6, SOCK_DGRAM);
    prove(sendto(sender, "to", 2, 0, &peer->any, length) == 2 && arrives(receiver, "to"), "sendto with %s", what);
    prove(connect(sender, &peer->any, length) == 0 && send(sender, "co", 2, 0) == 2 && arrives(receiver, "co"),
          "connect with %s", what);
    close(sender);
}

/* Streams take the v4-mapped form only, and say so by different errors. */
static void streams(void)
{
    union address own;
    int listener = open_bound(AF_INET, SOCK_STREAM, "127.0.0.1", &own);
    union address mapped = mapped_form(&own);
    int client = open_socket(AF_INET6, SOCK_STREAM);
    prove_fails(connect(client, &own.any, 16), EINVAL, "16 bytes of AF_INET on an IPv6 stream");
    prove_fails(connect(client, &own.any, 28), EAFNOSUPPORT, "28 bytes of AF_INET on an IPv6 stream");
    prove(connect(client, &mapped.any, 28) == 0, "a v4-mapped address on an IPv6 stream");
    int accepted = accept(listener, NULL, NULL);
    prove(accepted >= 0, "the connection is accepted by an IPv4 socket");
    close(accepted);
    close(client);
    close(listener);
}

/* An IPv6 socket that takes IPv4 names its peer by the v4-mapped form. */
static void receiver_sees_the_mapped_form(void)
{
    union address own;
    union address from;
    socklen_t size = sizeof(from);
    char byte;
    int receiver = open_bound(AF_INET6, SOCK_DGRAM, "::", &own);
    int sender = open_socket(AF_INET, SOCK_DGRAM);
    union address peer = address_of(AF_INET, "127.0.0.1", own.inet6.sin6_port);
    prove(sendto(sender, "x", 1, 0, &peer.any, 16) == 1, "sendto from IPv4");
    prove(recvfrom(receiver, &byte, 1, 0, &from.any, &size) == 1, "recvfrom on IPv6");
    prove(from.any.sa_family == AF_INET6 && size == 28 && IN6_IS_ADDR_V4MAPPED(&from.inet6.sin6_addr),
          "the source is a v4-mapped address");
    close(receiver);
    close(sender);
}

int main(void)
{
    union address own;
    int receiver = open_bound(AF_INET, SOCK_DGRAM, "127.0.0.1", &own);
    union address mapped = mapped_form(&own);
    datagrams_reach(receiver, &own, 16, "AF_INET on IPv6 UDP");
    datagrams_reach(receiver, &mapped, 28, "a v4-mapped address on IPv6 UDP");
    streams();
    receiver_sees_the_mapped_form();
    return proved("IPv6 sockets reach IPv4 by v4-mapped addresses, and UDP ones by AF_INET too, in connect and sendto");
}
