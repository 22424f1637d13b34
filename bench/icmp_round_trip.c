/* SPDX-License-Identifier: MIT */
/*
 * An echo request to the loopback address and the wait for its answer, again and again: what programs like ping do.
 *
 * usage: icmp_round_trip FAMILY SOCKET HOW RUN [TRIPS]
 *   FAMILY 4, 6
 *   SOCKET raw, filtered (ICMP_FILTER lets only echo replies through), ping (SOCK_DGRAM: what translation rests on)
 *   HOW    recvfrom, recvmsg (with room for control messages, as ping), poll (before each recvmsg), sendmsg (and
 *   recvmsg)
 *   RUN    time: prints nanoseconds a trip, the median of many short rounds
 *          count: makes them inside `counted` and prints nothing, for strace and callgrind
 */
#include "timing.h"

#include <arpa/inet.h>
#include <linux/icmp.h>
#include <netinet/icmp6.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ROUNDS 41
#define TRIPS 100
#define DATA 56
#define WARM 64

static bool six, raw, polls, messages, sends_messages;
static int echo;
static uint16_t identifier;
static uint16_t sequence;
static struct sockaddr_storage target;
static socklen_t target_length;
static unsigned char packet[8 + DATA];
static unsigned char answer[1500];
static char control[256];

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

static uint16_t checksum(const unsigned char *bytes, size_t length)
{
    uint32_t sum = 0;

    for (size_t i = 0; i + 1 < length; i += 2)
        sum += (uint32_t)(bytes[i] << 8 | bytes[i + 1]);
    while (sum >> 16 != 0)
        sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)~sum;
}

static void put16(unsigned char *at, uint16_t value)
{
    at[0] = (unsigned char)(value >> 8);
    at[1] = (unsigned char)value;
}

static void request_send(void)
{
    struct iovec part = {packet, sizeof(packet)};
    struct msghdr message = {.msg_name = &target, .msg_namelen = target_length, .msg_iov = &part, .msg_iovlen = 1};

    sequence++;
    put16(packet + 6, sequence);
    put16(packet + 2, 0);
    if (!six)
        put16(packet + 2, checksum(packet, sizeof(packet)));
    if (sends_messages
            ? sendmsg(echo, &message, 0) != sizeof(packet)
            : sendto(echo, packet, sizeof(packet), 0, (struct sockaddr *)&target, target_length) != sizeof(packet))
        fail("send");
}

static ssize_t answer_receive(void)
{
    struct sockaddr_storage from;
    socklen_t length = sizeof(from);
    struct iovec part = {answer, sizeof(answer)};
    struct msghdr message = {.msg_name = &from,
                             .msg_namelen = sizeof(from),
                             .msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = control,
                             .msg_controllen = sizeof(control)};

    if (polls) {
        struct pollfd one = {.fd = echo, .events = POLLIN};

        if (poll(&one, 1, 1000) != 1)
            fail("poll");
    }
    if (messages)
        return recvmsg(echo, &message, 0);
    return recvfrom(echo, answer, sizeof(answer), 0, (struct sockaddr *)&from, &length);
}

/* A raw socket on the loopback device sees the request too. */
static bool is_answer(ssize_t length)
{
    size_t header = raw && !six ? (size_t)(answer[0] & 15) * 4 : 0;
    const unsigned char *icmp = answer + header;

    return length == (ssize_t)(header + sizeof(packet)) && icmp[0] == (six ? ICMP6_ECHO_REPLY : ICMP_ECHOREPLY) &&
           (!raw || (icmp[4] << 8 | icmp[5]) == identifier) && (icmp[6] << 8 | icmp[7]) == sequence;
}

static void trip(void)
{
    ssize_t length;

    request_send();
    do {
        length = answer_receive();
        if (length < 0)
            fail("receive");
    } while (!is_answer(length));
}

static void filter(void)
{
    struct icmp_filter four = {~(1u << ICMP_ECHOREPLY)};
    struct icmp6_filter filter6;

    ICMP6_FILTER_SETBLOCKALL(&filter6);
    ICMP6_FILTER_SETPASS(ICMP6_ECHO_REPLY, &filter6);
    if (six ? setsockopt(echo, IPPROTO_ICMPV6, ICMP6_FILTER, &filter6, sizeof(filter6)) != 0
            : setsockopt(echo, SOL_RAW, ICMP_FILTER, &four, sizeof(four)) != 0)
        fail("filter");
}

static void prepare(const char *kind)
{
    struct sockaddr_in *four = (struct sockaddr_in *)&target;
    struct sockaddr_in6 *other = (struct sockaddr_in6 *)&target;

    raw = strcmp(kind, "ping") != 0;
    echo = socket(six ? AF_INET6 : AF_INET, raw ? SOCK_RAW : SOCK_DGRAM, six ? IPPROTO_ICMPV6 : IPPROTO_ICMP);
    if (echo < 0)
        fail("socket");
    if (strcmp(kind, "filtered") == 0)
        filter();
    if (six)
        *other = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_addr = in6addr_loopback};
    else
        *four = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    target_length = six ? sizeof(*other) : sizeof(*four);
    identifier = (uint16_t)getpid();
    packet[0] = six ? ICMP6_ECHO_REQUEST : ICMP_ECHO;
    put16(packet + 4, identifier);
    memset(packet + 8, 'x', DATA);
}

static void measure(int trips)
{
    double rounds[ROUNDS];

    for (int r = 0; r < ROUNDS; r++) {
        double begun = now_ns();

        for (int i = 0; i < trips; i++)
            trip();
        rounds[r] = (now_ns() - begun) / trips;
    }
    printf("%.1f\n", median(rounds, ROUNDS));
}

/* callgrind counts what is under this function (--toggle-collect). */
__attribute__((noinline)) void counted(int trips);
void counted(int trips)
{
    for (int i = 0; i < trips; i++)
        trip();
}

int main(int count, char **words)
{
    int trips = count > 5 ? atoi(words[5]) : TRIPS;

    if (count < 5) {
        fprintf(stderr, "usage: icmp_round_trip FAMILY SOCKET HOW RUN [TRIPS]\n");
        return 2;
    }
    six = words[1][0] == '6';
    polls = strcmp(words[3], "poll") == 0;
    sends_messages = strcmp(words[3], "sendmsg") == 0;
    messages = strcmp(words[3], "recvfrom") != 0;
    prepare(words[2]);
    for (int i = 0; i < WARM; i++)
        trip();
    if (strcmp(words[4], "time") == 0) {
        measure(trips);
        return 0;
    }
    counted(trips);
    return 0;
}
