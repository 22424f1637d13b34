/* SPDX-License-Identifier: MIT */
/* The part of faulted.c that pings by a raw socket, which is translated. */
#ifndef SOCKADE_TESTS_FAULTED_PING_H
#define SOCKADE_TESTS_FAULTED_PING_H

#include "faulted.h"

#include <netinet/ip_icmp.h>
#include <poll.h>
#include <sys/epoll.h>

/* Translated ping sockets. */
static int ping = -1, sent;

static inline void ping_opens(void)
{
    CALL(9, (ping = socket(AF_INET, SOCK_RAW, IPPROTO_ICMP)) >= 0 ? 9 : -1);
}

static inline void ping_closes(void)
{
    close(ping);
}

static inline void ping_opens_and_closes(void)
{
    ping_opens();
    ping_closes();
}

static inline uint16_t sum(const void *bytes, size_t length)
{
    const uint16_t *at = bytes;
    uint32_t total = 0;

    for (; length > 1; length -= 2)
        total += *at++;
    total = (total >> 16) + (total & 0xffff);
    return (uint16_t) ~(total + (total >> 16));
}

static inline int echo_to(const struct sockaddr_in *to)
{
    struct icmphdr packet = {.type = ICMP_ECHO, .un.echo = {.id = htons(77), .sequence = htons(1)}};

    packet.checksum = sum(&packet, sizeof(packet));
    sent = (int)sendto(ping, &packet, sizeof(packet), 0, (const struct sockaddr *)to, sizeof(*to));
    return sent;
}

/* Its answer: 9 where it is what a raw socket gives, or where nothing was sent, -1 with errno where there is none. */
static inline int echo_back(void)
{
    unsigned char packet[200];
    ssize_t got = recv(ping, packet, sizeof(packet), 0);

    if (got < 0 && sent < 0 && errno == EAGAIN) {
        errno = UNTOUCHED;
        return 9;
    }
    if (got < 0)
        return -1;
    return got == 28 && packet[0] == 0x45 && packet[20] == ICMP_ECHOREPLY ? 9 : 8;
}

static inline int waits_by_poll(void)
{
    struct pollfd one = {.fd = ping, .events = POLLIN};

    return poll(&one, 1, 100) < 0 ? -1 : 0;
}

static inline int waits_by_epoll(void)
{
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = 5}, got;
    int set = epoll_create1(EPOLL_CLOEXEC), result;

    result = epoll_ctl(set, EPOLL_CTL_ADD, ping, &event);
    if (result == 0)
        result = epoll_wait(set, &got, 1, 100) < 0 ? -1 : 0;
    close(set);
    return result;
}

static inline void pings(void)
{
    struct timeval limit = {.tv_usec = 50000};

    setsockopt(ping, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    CALL(-1, echo_to(&refused));
    CALL(8, echo_to(&allowed));
    CALL(0, waits_by_poll());
    CALL(9, echo_back());
    CALL(8, echo_to(&allowed));
    CALL(0, waits_by_epoll());
    CALL(9, echo_back());
}

#endif
