/* SPDX-License-Identifier: MIT */
/*
 * What socket calls cost in this process: prints `name nanoseconds` for each, the median of many short rounds.
 *
 * Run bare and preloaded in turn by calls.py; only ratios of one interleaved run mean anything on a shared machine.
 */
#include <arpa/inet.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define ROUNDS 41
#define CALLS 2000

static int udp;
static int echo;
static int nobody[2];
static struct sockaddr_in peer;

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

static void call_connect(void)
{
    if (connect(udp, (struct sockaddr *)&peer, sizeof(peer)) != 0)
        fail("connect");
}

static void call_sendto(void)
{
    if (sendto(udp, "x", 1, 0, (struct sockaddr *)&peer, sizeof(peer)) != 1)
        fail("sendto");
}

/* Fills the queue outside the measure, so that only the receive counts. */
static void call_recvfrom(void)
{
    struct sockaddr_in from;
    socklen_t length = sizeof(from);
    char byte;

    if (recvfrom(echo, &byte, 1, MSG_DONTWAIT, (struct sockaddr *)&from, &length) != 1)
        fail("recvfrom");
}

static void call_read(void)
{
    char byte;

    if (read(nobody[0], &byte, 0) != 0)
        fail("read");
}

static void call_poll(void)
{
    struct pollfd one = {.fd = echo, .events = POLLIN};

    poll(&one, 1, 0);
}

static double now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

static int order(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;

    return (x > y) - (x < y);
}

static void measure(const char *name, void (*call)(void), void (*prepare)(void), int calls)
{
    double rounds[ROUNDS];

    for (int r = 0; r < ROUNDS; r++) {
        double begun;

        for (int i = 0; prepare != NULL && i < calls; i++)
            prepare();
        begun = now();
        for (int i = 0; i < calls; i++)
            call();
        rounds[r] = (now() - begun) / calls;
    }
    qsort(rounds, ROUNDS, sizeof(rounds[0]), order);
    printf("%s %.1f\n", name, rounds[ROUNDS / 2]);
}

static void drain(void)
{
    char byte;

    while (recv(echo, &byte, 1, MSG_DONTWAIT) >= 0)
        continue;
}

int main(void)
{
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t length = sizeof(peer);

    udp = socket(AF_INET, SOCK_DGRAM, 0);
    echo = socket(AF_INET, SOCK_DGRAM, 0);
    if (udp < 0 || echo < 0 || socketpair(AF_UNIX, SOCK_STREAM, 0, nobody) != 0)
        fail("socket");
    if (bind(echo, (struct sockaddr *)&any, sizeof(any)) != 0 ||
        getsockname(echo, (struct sockaddr *)&peer, &length) != 0)
        fail("bind");
    measure("sendto", call_sendto, drain, 200);
    drain();
    measure("recvfrom", call_recvfrom, call_sendto, 100);
    measure("connect", call_connect, NULL, CALLS);
    measure("poll", call_poll, NULL, CALLS);
    measure("read", call_read, NULL, CALLS);
    return 0;
}
