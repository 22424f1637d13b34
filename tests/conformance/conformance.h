/* SPDX-License-Identifier: MIT */
/*
 * What the conformance programs share. Each is run twice, as root on a real raw socket and as an ordinary user on a
 * translated one, and what it prints must be the same. So nothing is printed that differs from run to run, nor what
 * the translation is permitted to differ in; packets are printed here and nowhere else:
 *
 * - The outer IP id: the kernel does not tell it with a ping socket's packets. Nor DF; shown as a raw socket would most
 *   likely have had it. The outer header's checksum follows from both: printed is whether it is right.
 * - A quoted header's TTL (hop limit), id, DF and checksum: the error queue begins behind that header. The checksum of
 *   the ICMP error follows from it: printed is whether it is right.
 * - On loopback a raw socket sees its own request before the reply; a ping socket never does: left out by take().
 *
 * Not even asked for: packets that answer other sockets (a raw socket gets a copy of every one), time exceeded code 1
 * (the kernel keeps it from the error queue), and sending other types than echo (the kernel refuses).
 */
#ifndef SOCKADE_TESTS_CONFORMANCE_H
#define SOCKADE_TESTS_CONFORMANCE_H

#include "tests/conformance/lab.h"
#include "tests/hooks/hook_test.h"

#include <fcntl.h>
#include <linux/errqueue.h>
#include <net/if.h>
#include <netinet/icmp6.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>

#ifndef ICMP_FILTER
#define ICMP_FILTER 1
#endif

enum { CASE_SECONDS = 30, LARGEST = 66000, DATA = 24, ID = 0x4711 };

static int family; /* of the case that runs */

union place {
    struct sockaddr any;
    struct sockaddr_in inet;
    struct sockaddr_in6 inet6;
    struct sockaddr_storage storage;
};

/* The address that asks the router for an answer of this kind. */
static inline union place place_of(enum kind kind, unsigned variant)
{
    union place place = {.storage = {0}};
    char text[64];
    if (family == AF_INET) {
        snprintf(text, sizeof(text), LAB_NET4 "%d.%u", kind, variant);
        place.inet = inet_address(text, 0);
    } else {
        snprintf(text, sizeof(text), LAB_NET6 "%x:%x", (unsigned)kind, variant);
        place.inet6 = inet6_address(text, 0);
    }
    return place;
}

static inline union place loopback_place(void)
{
    union place place = {.storage = {0}};
    if (family == AF_INET)
        place.inet = inet_address("127.0.0.1", 0);
    else
        place.inet6 = inet6_address("::1", 0);
    return place;
}

static inline socklen_t place_size(void)
{
    return family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
}

static inline void say_place(const char *name, const union place *place, socklen_t length)
{
    char text[64] = "?";
    bool six = place->any.sa_family == AF_INET6;
    if (length < 16) {
        printf("%s: %u bytes\n", name, (unsigned)length);
        return;
    }
    inet_ntop(place->any.sa_family, six ? (const void *)&place->inet6.sin6_addr : (const void *)&place->inet.sin_addr,
              text, sizeof(text));
    printf("%s: %s port %d, %u bytes\n", name, text, ntohs(place->inet.sin_port), (unsigned)length);
}

static inline int icmp_protocol(void)
{
    return family == AF_INET ? IPPROTO_ICMP : IPPROTO_ICMPV6;
}

static inline int open_icmp(void)
{
    return (int)must("a raw ICMP socket", socket(family, SOCK_RAW, icmp_protocol()));
}

static inline int set_int(int fd, int level, int name, int value)
{
    return setsockopt(fd, level, name, &value, sizeof(value));
}

static inline uint32_t sum_bytes(const unsigned char *at, size_t length, uint32_t sum)
{
    for (size_t i = 0; i < length; i++)
        sum += (uint32_t)at[i] << (i % 2 == 0 ? 8 : 0);
    while (sum > UINT16_MAX)
        sum = (sum & UINT16_MAX) + (sum >> 16);
    return sum;
}

/* Writes an echo request; the result is its length. Byte i of the data is i. */
static inline size_t make_echo(unsigned char *packet, unsigned id, unsigned sequence, size_t data)
{
    unsigned char header[8] = {family == AF_INET ? ICMP_ECHO : ICMP6_ECHO_REQUEST,
                               0,
                               0,
                               0,
                               (unsigned char)(id >> 8),
                               (unsigned char)id,
                               (unsigned char)(sequence >> 8),
                               (unsigned char)sequence};
    memcpy(packet, header, sizeof(header));
    for (size_t i = 0; i < data; i++)
        packet[8 + i] = (unsigned char)i;
    if (family == AF_INET) { /* the kernel writes that of ICMPv6 */
        uint32_t sum = ~sum_bytes(packet, 8 + data, 0);
        packet[2] = (unsigned char)(sum >> 8);
        packet[3] = (unsigned char)sum;
    }
    return 8 + data;
}

static inline ssize_t echo_with(int fd, const union place *to, unsigned id, unsigned sequence, size_t data)
{
    static __thread unsigned char packet[LARGEST];
    size_t length = make_echo(packet, id, sequence, data);
    return sendto(fd, packet, length, 0, &to->any, place_size());
}

/* Asks the router; the result is sendto's. */
static inline ssize_t ask(int fd, enum kind kind, unsigned variant, unsigned sequence)
{
    union place to = place_of(kind, variant);
    return echo_with(fd, &to, ID, sequence, DATA);
}

/* Has the router send a UDP packet back, now or late. A new link may lose the first packets. */
static inline void settle_by(enum reply when)
{
    static const struct timeval limit = {.tv_usec = 300000};
    union place to = place_of(REPLY, when);
    char byte;
    ssize_t length = -1;
    int fd = (int)must("socket", socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    to.inet.sin_port = htons(7);
    must("connect", connect(fd, &to.any, place_size()));
    must("SO_RCVTIMEO", setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)));
    for (int i = 0; i < 10 && length < 0; i++) {
        must("send", send(fd, "x", 1, 0));
        while ((length = recv(fd, &byte, 1, 0)) < 0 && errno == EINTR)
            continue;
    }
    must("the router answers", length);
    close(fd);
    usleep(2000);
}

/* Waits until the router has answered everything that was sent so far, but for what comes late. */
static inline void settle(void)
{
    settle_by(PLAIN);
}

/* The same, and what comes late too. */
static inline void settle_late(void)
{
    settle_by(LATE);
}

static inline bool is_error(int type)
{
    if (family == AF_INET6)
        return type < 128;
    return type == ICMP_DEST_UNREACH || type == ICMP_TIME_EXCEEDED || type == ICMP_PARAMETERPROB ||
           type == ICMP_SOURCE_QUENCH || type == ICMP_REDIRECT;
}

/* Whether the checksum of a whole ICMP message is right. `from` is needed for ICMPv6. */
static inline bool sum_is_right(const unsigned char *icmp, size_t length, const union place *from)
{
    uint32_t sum = 0;
    struct in6_addr own;
    if (family == AF_INET6) {
        if (from == NULL)
            return true;
        inet_pton(AF_INET6, IN6_IS_ADDR_LOOPBACK(&from->inet6.sin6_addr) ? "::1" : LAB_OWN6, &own);
        sum = sum_bytes(own.s6_addr, 16,
                        sum_bytes(from->inet6.sin6_addr.s6_addr, 16, (uint32_t)length + IPPROTO_ICMPV6));
    }
    return sum_bytes(icmp, length, sum) == UINT16_MAX;
}

/* Takes what may differ out of an IPv4 header, as far as it is there. */
static inline void mask_header4(unsigned char *ip, size_t length, bool quoted)
{
    for (size_t i = 4; i < 12 && i < length; i++) {
        if (i == 6)
            ip[i] &= 0xbf;
        else if (i < 6 || i > 9 || (quoted && i == 8))
            ip[i] = 0;
    }
}

static inline void mask_header6(unsigned char *ip, size_t length)
{
    if (length > 7)
        ip[7] = 0;
}

/* One line with a packet; see the opening comment. `whole` is its full length where the buffer was shorter. */
static inline void say_packet(const char *name, const void *bytes, size_t length, size_t whole, const union place *from)
{
    static __thread unsigned char packet[LARGEST];
    size_t icmp = family == AF_INET ? 20 : 0;
    const char *sums = "";
    memcpy(packet, bytes, length);
    if (family == AF_INET && length > 0) {
        icmp = (size_t)(packet[0] & 15) * 4;
        if (length == whole && length >= icmp && length >= 20)
            sums = sum_bytes(packet, icmp, 0) == UINT16_MAX ? " header" : " WRONG HEADER SUM";
        mask_header4(packet, length, false);
    }
    printf("%s: %zu bytes%s", name, length, sums);
    if (length == whole && length >= icmp + 4)
        printf("%s", sum_is_right(packet + icmp, length - icmp, from) ? " icmp" : " WRONG ICMP SUM");
    if (length > icmp + 3 && is_error(packet[icmp])) {
        packet[icmp + 2] = packet[icmp + 3] = 0;
        if (length > icmp + 8 && family == AF_INET)
            mask_header4(packet + icmp + 8, length - icmp - 8, true);
        else if (length > icmp + 8)
            mask_header6(packet + icmp + 8, length - icmp - 8);
    }
    uint32_t digest = 2166136261U; /* FNV-1a, of what is too long to print */
    for (size_t i = 0; i < length; i++) {
        digest = (digest ^ packet[i]) * 16777619U;
        if (i < 160)
            printf("%s%02x", i % 4 == 0 ? " " : "", packet[i]);
    }
    if (length > 160)
        printf(" ... %08x", digest);
    printf("\n");
    fflush(stdout);
}

/* Whether a packet is an echo request: our own, seen on loopback. */
static inline bool is_request(const unsigned char *packet, ssize_t length)
{
    if (family == AF_INET6)
        return length >= 8 && packet[0] == ICMP6_ECHO_REQUEST;
    return length >= 28 && packet[(packet[0] & 15) * 4] == ICMP_ECHO;
}

/* The next packet that is not an own request; its length or -1. */
static inline ssize_t take(int fd, void *packet, size_t room, int flags, union place *from)
{
    union place unused;
    for (;;) {
        socklen_t size = sizeof(union place);
        ssize_t length = recvfrom(fd, packet, room, flags, from ? &from->any : &unused.any, &size);
        if (length < 0 || !is_request(packet, length))
            return length;
    }
}

/* Receives a packet, waiting for it, and prints it and its source. */
static inline void say_next(const char *name, int fd, int flags)
{
    static __thread unsigned char packet[LARGEST];
    union place from;
    memset(&from, 0, sizeof(from));
    errno = UNTOUCHED;
    ssize_t length = take(fd, packet, sizeof(packet), flags, &from);
    if (length < 0) {
        say(name, length);
        return;
    }
    say_packet(name, packet, (size_t)length, (size_t)length, &from);
    say_place("  from", &from, place_size());
}

/* Prints everything that waits. */
static inline void say_waiting(const char *name, int fd)
{
    for (int i = 0; i < 64; i++) {
        unsigned char byte;
        errno = UNTOUCHED;
        if (recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0) {
            say(name, -1);
            return;
        }
        say_next(name, fd, MSG_DONTWAIT);
    }
}

/* The same, errors first: a raw socket has one queue for replies and errors, a ping socket has two. */
static inline void say_errors_first(const char *name, int fd)
{
    enum { MOST = 16 };
    static unsigned char packets[MOST][4096];
    static size_t lengths[MOST];
    size_t count = 0;
    ssize_t length;
    while (count < MOST && (length = take(fd, packets[count], sizeof(packets[count]), MSG_DONTWAIT, NULL)) > 0)
        lengths[count++] = (size_t)length;
    for (int pass = 0; pass < 2; pass++)
        for (size_t i = 0; i < count; i++) {
            size_t icmp = family == AF_INET ? (size_t)(packets[i][0] & 15) * 4 : 0;
            if (is_error(packets[i][icmp]) == (pass == 0))
                say_packet(name, packets[i], lengths[i], lengths[i], NULL);
        }
    say_value("  packets", (long)count);
}

/* Waits for the router's mirror and prints what it saw, but for the IP id, which is the kernel's own. */
static inline void say_mirrored(int fd)
{
    static unsigned char buffer[4096];
    size_t at = family == AF_INET ? 28 : 8;
    settle();
    ssize_t length;
    while ((length = take(fd, buffer, sizeof(buffer), MSG_DONTWAIT, NULL)) > 0) {
        if (family == AF_INET && (size_t)length >= at + 20)
            say_value("  DF", (buffer[at + 6] & 0x40) != 0);
        if (family == AF_INET && (size_t)length >= at + 20)
            buffer[at + 4] = buffer[at + 5] = buffer[at + 10] = buffer[at + 11] = 0;
        if ((size_t)length > at)
            say_packet("  mirrored", buffer + at, (size_t)length - at, SIZE_MAX, NULL);
        else
            say_packet("  answered", buffer, (size_t)length, (size_t)length, NULL);
    }
    say("  then", length);
}

static inline bool is_readable(int fd, int wait)
{
    struct pollfd entry = {.fd = fd, .events = POLLIN};
    return poll(&entry, 1, wait) == 1 && (entry.revents & POLLIN);
}

static inline long long now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

/* Runs a case in a process of its own, for IPv4 and for IPv6: one that hangs or crashes costs no other its turn. */
static inline void run_one(const char *name, void (*body)(void), int which)
{
    printf("== %s, IPv%d\n", name, which == AF_INET ? 4 : 6);
    fflush(stdout);
    pid_t child = (pid_t)must("fork", fork());
    int status = 0;
    if (child == 0) {
        family = which;
        deadline(CASE_SECONDS);
        settle(); /* what the case before asked for would reach this one's raw sockets */
        body();
        fflush(stdout);
        _exit(0);
    }
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        continue;
    if (WIFSIGNALED(status))
        printf("ENDED BY SIGNAL %d%s\n", WTERMSIG(status), WTERMSIG(status) == SIGALRM ? ", it hung" : "");
    else if (status != 0)
        printf("ENDED WITH %d\n", WEXITSTATUS(status));
}

static inline void run_case(const char *name, void (*body)(void))
{
    run_one(name, body, AF_INET);
    run_one(name, body, AF_INET6);
}

#endif
