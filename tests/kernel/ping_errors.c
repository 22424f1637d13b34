/* SPDX-License-Identifier: MIT */
/* ICMP errors on a ping socket: what waits in its error queue, what it costs other calls, and how it shows. */
#include "tests/kernel/ping.h"

#include <sys/select.h>

enum { ID = 905 };

static int open_asking(int family)
{
    int fd = open_ping(family);
    bool four = family == AF_INET;
    prove(bind_id(fd, family, ID) == 0, "bind");
    set_option(fd, four ? (int)IPPROTO_IP : (int)IPPROTO_IPV6, four ? IP_RECVERR : IPV6_RECVERR, 1);
    return fd;
}

static void an_entry_tells(void)
{
    int fd = open_asking(AF_INET);
    inject(ID, ICMP_DEST_UNREACH, ICMP_HOST_UNREACH, 0);
    prove(poll_now(fd) == POLLERR, "poll shows POLLERR without POLLIN");
    struct queued entry = take_error(fd, 0);
    prove(entry.length == 8 && entry.data[0] == ICMP_ECHO, "its data is the quoted packet from its ICMP header on");
    prove(entry.data[4] == ID >> 8 && entry.data[5] == (ID & 0xff), "with the identifier on the wire");
    prove(entry.name.inet.sin_addr.s_addr == htonl(INADDR_LOOPBACK), "its name is where the packet went");
    prove(entry.offender.inet.sin_addr.s_addr == htonl(0x7f000009), "its offender is who sent the error");
    prove(entry.error.ee_origin == SO_EE_ORIGIN_ICMP && entry.error.ee_errno == EHOSTUNREACH, "its origin and errno");
    prove(entry.error.ee_type == ICMP_DEST_UNREACH && entry.error.ee_code == ICMP_HOST_UNREACH, "its type and code");
    close(fd);

    fd = open_asking(AF_INET6);
    inject6(ID, ICMP6_TIME_EXCEEDED, 0, 0);
    prove(poll_now(fd) == POLLERR, "POLLERR, IPv6");
    entry = take_error(fd, 0);
    prove(entry.length == 8 && entry.data[0] == ICMP6_ECHO_REQUEST, "from the ICMPv6 header on");
    prove(entry.error.ee_origin == SO_EE_ORIGIN_ICMP6 && entry.error.ee_errno == EHOSTUNREACH,
          "origin and errno, IPv6");
    close(fd);
}

/* All in host byte order, the redirect's gateway too. */
static void information_of_each_type(void)
{
    static const struct {
        int type, code, errno_value;
        uint32_t rest, info;
    } cases[] = {
        {ICMP_DEST_UNREACH, ICMP_NET_UNREACH, ENETUNREACH, 0, 0},
        {ICMP_DEST_UNREACH, ICMP_PROT_UNREACH, ENOPROTOOPT, 0, 0},
        {ICMP_DEST_UNREACH, ICMP_PORT_UNREACH, ECONNREFUSED, 0, 0},
        {ICMP_DEST_UNREACH, ICMP_FRAG_NEEDED, EMSGSIZE, 1400, 1400},
        {ICMP_TIME_EXCEEDED, ICMP_EXC_TTL, EHOSTUNREACH, 0, 0},
        {ICMP_PARAMETERPROB, 0, EPROTO, 0x14000000, 0x14},
        {ICMP_REDIRECT, ICMP_REDIR_HOST, EREMOTEIO, 0x7f000007, 0x7f000007},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        int fd = open_asking(AF_INET);
        set_option(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_OMIT);
        inject(ID, cases[i].type, cases[i].code, cases[i].rest);
        struct queued entry = take_error(fd, 0);
        prove(entry.length == 8, "%d/%d is queued", cases[i].type, cases[i].code);
        prove((int)entry.error.ee_errno == cases[i].errno_value, "%d/%d: errno is %u", cases[i].type, cases[i].code,
              entry.error.ee_errno);
        prove(entry.error.ee_info == cases[i].info, "%d/%d: ee_info is %x", cases[i].type, cases[i].code,
              entry.error.ee_info);
        close(fd);
    }
}

static void costs_one_call(void)
{
    int fd = open_asking(AF_INET);
    int witness = open_raw(AF_INET);
    inject(ID, ICMP_DEST_UNREACH, ICMP_HOST_UNREACH, 0);
    prove(recv(witness, (char[64]){0}, 64, 0) == 8 + 20 + QUOTE_SIZE, "a raw socket sees the error");
    prove_fails(send_echo(fd, AF_INET, ID, 1), EHOSTUNREACH, "the next send");
    prove(nothing_waits(witness), "which sent nothing");
    prove(send_echo(fd, AF_INET, ID, 1) == ECHO_SIZE, "the one after it sends");
    prove(next_reply(fd, AF_INET).id == htons(ID), "and is answered");

    inject(ID, ICMP_TIME_EXCEEDED, ICMP_EXC_TTL, 0);
    prove_fails(recv(fd, (char[64]){0}, 64, MSG_DONTWAIT), EHOSTUNREACH, "the next receive");
    prove_fails(recv(fd, (char[64]){0}, 64, MSG_DONTWAIT), EAGAIN, "the one after it");
    prove(poll_now(fd) == POLLERR, "the entries are still there");
    fd_set readable;
    FD_ZERO(&readable);
    FD_SET(fd, &readable);
    prove(select(fd + 1, &readable, NULL, NULL, &(struct timeval){0}) == 1, "select says readable, though nothing is");
    close(fd);
    close(witness);
}

static void each_entry_sets_the_error_again(void)
{
    int fd = open_asking(AF_INET);
    int pending = 0;
    socklen_t size = sizeof(pending);
    inject(ID, ICMP_DEST_UNREACH, ICMP_HOST_UNREACH, 0);
    inject(ID, ICMP_DEST_UNREACH, ICMP_NET_UNREACH, 0);
    prove(getsockopt(fd, SOL_SOCKET, SO_ERROR, &pending, &size) == 0 && pending == ENETUNREACH,
          "SO_ERROR has the last");
    prove(getsockopt(fd, SOL_SOCKET, SO_ERROR, &pending, &size) == 0 && pending == 0, "and is empty then");
    prove(take_error(fd, 0).error.ee_errno == EHOSTUNREACH, "the first entry");
    prove(getsockopt(fd, SOL_SOCKET, SO_ERROR, &pending, &size) == 0 && pending == ENETUNREACH,
          "the next entry's error is set");
    prove(take_error(fd, 0).error.ee_errno == ENETUNREACH, "the second entry");
    prove(getsockopt(fd, SOL_SOCKET, SO_ERROR, &pending, &size) == 0 && pending == 0, "the last one taken leaves none");
    prove(poll_now(fd) == 0, "and poll says nothing");

    inject(ID, ICMP_DEST_UNREACH, ICMP_HOST_UNREACH, 0);
    prove(take_error(fd, MSG_PEEK).length == 8, "MSG_PEEK with MSG_ERRQUEUE");
    prove_fails(take_error(fd, 0).length, EAGAIN, "it has consumed the entry: the next");
    close(fd);
}

static void not_every_error_is_queued(void)
{
    int fd = open_asking(AF_INET);
    inject(ID, ICMP_TIME_EXCEEDED, ICMP_EXC_FRAGTIME, 0);
    prove_fails(take_error(fd, 0).length, EAGAIN, "time exceeded code 1 is not");
    set_option(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DONT);
    inject(ID, ICMP_DEST_UNREACH, ICMP_FRAG_NEEDED, 1400);
    prove_fails(take_error(fd, 0).length, EAGAIN, "fragmentation needed with IP_PMTUDISC_DONT is not");
    set_option(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_OMIT);
    inject(ID, ICMP_DEST_UNREACH, ICMP_FRAG_NEEDED, 1400);
    prove(take_error(fd, 0).error.ee_info == 1400, "with IP_PMTUDISC_OMIT it is");
    inject(ID + 1, ICMP_DEST_UNREACH, ICMP_HOST_UNREACH, 0);
    prove_fails(take_error(fd, 0).length, EAGAIN, "another identifier's is not");
    close(fd);

    fd = open_ping(AF_INET);
    prove(bind_id(fd, AF_INET, ID) == 0, "bind");
    inject(ID, ICMP_DEST_UNREACH, ICMP_HOST_UNREACH, 0);
    prove(poll_now(fd) == 0 && take_error(fd, 0).length == -1, "without IP_RECVERR none is");
    close(fd);
}

/* RFC 4884: the quote is padded to 128 bytes, its length in words stands in the second byte of the rest. */
static void extensions_come_along(bool option)
{
    unsigned char padded[100 + 12] = {[100] = 0x20, [104] = 0, 8, 1, 1, 0, 0x40, 0xb1, 1};
    int fd = open_asking(AF_INET);
    if (option)
        set_option(fd, IPPROTO_IP, IP_RECVERR_RFC4884, 1);
    uint16_t sum = internet_checksum(padded + 100, 12);
    memcpy(padded + 102, &sum, sizeof(sum));
    inject_with(ID, ICMP_TIME_EXCEEDED, ICMP_EXC_TTL, 32 << 16, padded, sizeof(padded));
    struct queued entry = take_error(fd, 0);
    prove(entry.length == 8 + 100 + 12, "the bytes are there: %zd", entry.length);
    prove(memcmp(entry.data + 108, padded + 100, 12) == 0, "unchanged");
    if (option)
        prove(entry.error.ee_rfc4884.len == 108, "with the option the quoted ICMP's length is told: %u",
              entry.error.ee_rfc4884.len);
    close(fd);
}

int main(void)
{
    enter_ping_network();
    an_entry_tells();
    information_of_each_type();
    costs_one_call();
    each_entry_sets_the_error_again();
    not_every_error_is_queued();
    extensions_come_along(false);
    extensions_come_along(true);
    return proved(
        "errors wait in the error queue; each fails one send or one receive, and taking one tells of the next");
}
