/* SPDX-License-Identifier: MIT */
/* AF_UNSPEC in a sockaddr: an IPv4 address on IPv4 sockets, none on IPv6 UDP, an IPv6 address on raw IPv6 sockets. */
#include "tests/kernel/proof.h"

/* sendto(2) on IPv4 takes the rest for a sockaddr_in. */
static void ipv4_datagram_is_delivered(void)
{
    union address peer;
    int receiver = open_bound(AF_INET, SOCK_DGRAM, "127.0.0.1", &peer);
    int sender = open_socket(AF_INET, SOCK_DGRAM);
    peer.any.sa_family = AF_UNSPEC;
    prove(sendto(sender, "v4", 2, 0, &peer.any, 16) == 2, "sendto with AF_UNSPEC on IPv4");
    prove(arrives(receiver, "v4"), "the datagram arrives");
    prove_fails(sendto(sender, "v4", 2, 0, &peer.any, 15), EINVAL, "AF_UNSPEC with 15 bytes");
    close(receiver);
    close(sender);
}

/* bind(2) on IPv4 takes it where the address is the wildcard (a relic from Linux 2.0's days), and then has a port. */
static void ipv4_bind_is_taken(void)
{
    union address own = address_of(AF_INET, "0.0.0.0", 0);
    socklen_t size = sizeof(own);
    int fd = open_socket(AF_INET, SOCK_STREAM);
    own.any.sa_family = AF_UNSPEC;
    prove(bind(fd, &own.any, 16) == 0 && getsockname(fd, &own.any, &size) == 0, "bind with AF_UNSPEC to the wildcard");
    prove(own.any.sa_family == AF_INET && own.inet.sin_port != 0, "it is bound as AF_INET");
    close(fd);

    fd = open_socket(AF_INET, SOCK_STREAM);
    own = address_of(AF_INET, "127.0.0.1", 0);
    own.any.sa_family = AF_UNSPEC;
    prove_fails(bind(fd, &own.any, 16), EAFNOSUPPORT, "bind with AF_UNSPEC to an address");
    close(fd);
}

/* connect(2) dissolves the association and reaches nobody. */
static void connect_dissolves(void)
{
    union address peer;
    int receiver = open_bound(AF_INET, SOCK_DGRAM, "127.0.0.1", &peer);
    int sender = open_socket(AF_INET, SOCK_DGRAM);
    socklen_t size = sizeof(peer);
    prove(connect(sender, &peer.any, 16) == 0, "connect");
    peer.any.sa_family = AF_UNSPEC;
    prove(connect(sender, &peer.any, 16) == 0, "connect with AF_UNSPEC");
    prove_fails(getpeername(sender, &peer.any, &size), ENOTCONN, "getpeername after it");
    close(receiver);
    close(sender);
}

/* sendto(2) on IPv6 UDP takes it for no address: only the connected peer is reached. */
static void ipv6_datagram_has_no_address(void)
{
    union address peer;
    union address other;
    int receiver = open_bound(AF_INET6, SOCK_DGRAM, "::1", &peer);
    int bystander = open_bound(AF_INET6, SOCK_DGRAM, "::1", &other);
    int sender = open_socket(AF_INET6, SOCK_DGRAM);
    other.any.sa_family = AF_UNSPEC;
    prove_fails(sendto(sender, "v6", 2, 0, &other.any, 28), EDESTADDRREQ, "AF_UNSPEC on an unconnected IPv6 socket");
    prove(connect(sender, &peer.any, 28) == 0, "connect");
    prove(sendto(sender, "v6", 2, 0, &other.any, 28) == 2, "AF_UNSPEC on a connected IPv6 socket");
    prove(arrives(receiver, "v6"), "the datagram goes to the connected peer");
    prove(nothing_waits(bystander), "and not to the address behind AF_UNSPEC");
    close(receiver);
    close(bystander);
    close(sender);
}

/* sendto(2) on a raw IPv6 socket takes it for AF_INET6 (rawv6_sendmsg refuses a family only if it is not 0). */
static void raw_ipv6_is_delivered(void)
{
    union address peer = address_of(AF_INET6, "::1", 0);
    struct timeval limit = {.tv_sec = 3};
    int fd = socket(AF_INET6, SOCK_RAW, 253); /* a number for experiments (RFC 3692) */
    prove(fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) == 0, "a raw socket");
    peer.any.sa_family = AF_UNSPEC;
    prove(sendto(fd, "raw", 3, 0, &peer.any, 28) == 3, "sendto with AF_UNSPEC on raw IPv6");
    prove(arrives(fd, "raw"), "the packet arrives");
    prove(sendto(fd, "raw", 3, 0, &peer.any, 24) == 3 && arrives(fd, "raw"), "with 24 bytes too");
    close(fd);
}

int main(void)
{
    ipv4_datagram_is_delivered();
    ipv4_bind_is_taken();
    connect_dissolves();
    ipv6_datagram_has_no_address();
    if (!enter_private_network())
        return proved("AF_UNSPEC is AF_INET on IPv4 sockets, no address on IPv6 UDP (raw IPv6 needs user namespaces)");
    raw_ipv6_is_delivered();
    return proved("AF_UNSPEC is AF_INET on IPv4 sockets, no address on IPv6 UDP, AF_INET6 on raw IPv6");
}
