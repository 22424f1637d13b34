/* SPDX-License-Identifier: MIT */
/* What a ping socket makes of a packet it is given: identifier and checksum are its own, and only echo goes out. */
#include "tests/kernel/ping.h"

static void identifier_and_checksum_are_the_kernels(void)
{
    unsigned char wire[64];
    int fd = open_ping(AF_INET);
    int witness = open_raw(AF_INET);
    struct echo echo = echo_request(AF_INET, 0x1111, 5);
    union address peer = address_of(AF_INET, "127.0.0.1", htons(33434));

    echo.checksum = htons(0xbad0);
    prove(bind_id(fd, AF_INET, 0x2222) == 0, "bind");
    prove(sendto(fd, &echo, sizeof(echo), 0, &peer.any, 28) == ECHO_SIZE, "any port and a longer sockaddr are taken");
    prove(recv(witness, wire, sizeof(wire), 0) == 20 + ECHO_SIZE, "a raw socket sees the request");
    prove(wire[20] == ICMP_ECHO && wire[24] == 0x22 && wire[25] == 0x22, "with the bound identifier");
    prove(wire[26] == 0 && wire[27] == 5, "and the caller's sequence number");
    prove(internet_checksum(wire + 20, ECHO_SIZE) == 0, "and a right checksum");
    close(fd);
    close(witness);
}

static bool is_taken(int fd, int family, int type, int code, size_t length)
{
    unsigned char packet[64] = {(unsigned char)type, (unsigned char)code};
    union address peer = loopback_of(family);
    ssize_t sent = sendto(fd, packet, length, 0, &peer.any, address_size(family));
    prove(sent == (ssize_t)length || (sent == -1 && errno == EINVAL), "%d/%d, %zu bytes: sent or EINVAL", type, code,
          length);
    return sent >= 0;
}

static void only_echo(int family, int echo, int extended)
{
    int fd = open_ping(family);
    for (int type = 0; type < 256; type++)
        for (int code = 0; code < 256; code += code == 0 ? 1 : 127)
            prove(is_taken(fd, family, type, code, 8) == (code == 0 && (type == echo || type == extended)), "%d/%d",
                  type, code);
    for (size_t length = 0; length < 8; length++)
        prove(!is_taken(fd, family, echo, 0, length), "%zu bytes are too short", length);
    close(fd);
}

static void truncation_is_not_told(void)
{
    unsigned char short_one[8];
    int fd = open_ping(AF_INET);
    int raw = open_raw(AF_INET);
    prove(send_echo(fd, AF_INET, 0, 1) == ECHO_SIZE, "send");
    struct iovec vector = {short_one, sizeof(short_one)};
    struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1};
    prove(recvmsg(fd, &message, MSG_TRUNC) == sizeof(short_one), "a ping socket tells what it copied");
    prove((message.msg_flags & MSG_TRUNC) != 0, "with the flag set");
    prove(recv(raw, short_one, sizeof(short_one), MSG_TRUNC) == 20 + ECHO_SIZE, "a raw one tells what there was");
    close(fd);
    close(raw);
}

static void refused_options(void)
{
    int fd = open_ping(AF_INET);
    int six = open_ping(AF_INET6);
    int value = 1;
    unsigned char filter[32] = {0};
    prove_fails(setsockopt(fd, IPPROTO_IP, IP_HDRINCL, &value, sizeof(value)), ENOPROTOOPT, "IP_HDRINCL");
    prove_fails(setsockopt(fd, SOL_RAW, ICMP_FILTER, &value, sizeof(value)), ENOPROTOOPT, "ICMP_FILTER");
    prove_fails(setsockopt(six, IPPROTO_ICMPV6, ICMP6_FILTER, filter, sizeof(filter)), ENOPROTOOPT, "ICMP6_FILTER");
    prove_fails(setsockopt(six, IPPROTO_IPV6, IPV6_CHECKSUM, &value, sizeof(value)), ENOPROTOOPT, "IPV6_CHECKSUM");
    prove_fails(setsockopt(six, SOL_RAW, IPV6_CHECKSUM, &value, sizeof(value)), ENOPROTOOPT,
                "IPV6_CHECKSUM of SOL_RAW");
    prove_fails(ioctl(fd, FIONREAD, &value), ENOTTY, "FIONREAD");
    close(fd);
    close(six);
}

int main(void)
{
    enter_ping_network();
    identifier_and_checksum_are_the_kernels();
    only_echo(AF_INET, ICMP_ECHO, 42); /* 42 and 160: extended echo, RFC 8335 */
    only_echo(AF_INET6, ICMP6_ECHO_REQUEST, 160);
    truncation_is_not_told();
    refused_options();
    return proved(
        "a ping socket sends echo alone, with its own identifier and checksum, and refuses a raw socket's options");
}
