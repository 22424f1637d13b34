/* SPDX-License-Identifier: MIT */
/*
 * What calls cost in this process: prints `name nanoseconds` for each, the lower quartile of many batches of some
 * microseconds: whatever disturbs a batch makes it longer, so that this varies half as much as their median.
 *
 * One pass makes one batch of every call, so that a drift of the machine hits all alike. part_calls.py runs it for some
 * milliseconds under each mechanism in turn. Nothing leaves the loopback device.
 *
 * usage: calls [PASSES [PORT]]    PORT: where it listens (Landlock allows ports by number)
 */
#include "timing.h"

#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define PASSES_MOST 1000
#define MANY 64     /* calls of a batch */
#define DATAGRAMS 8 /* as many fit a queue, also of the Unix sockets that socket_wrapper has in their place */
#define STREAMS 16  /* TCP connections of a batch */

enum call { OTHER, CONNECT, SENDTO, RECVFROM, TCP_CONNECT, ACCEPT, TCP_CYCLE, SOCKET_CLOSE, READ, WRITE, POLL, CALLS };
static const char *const names[CALLS] = {
    [OTHER] = "any other call",
    [CONNECT] = "UDP connect",
    [SENDTO] = "UDP sendto",
    [RECVFROM] = "recvfrom",
    [ACCEPT] = "accept",
    [TCP_CONNECT] = "TCP connect",
    [TCP_CYCLE] = "full TCP cycle",
    [READ] = "read",
    [SOCKET_CLOSE] = "socket+close",
    [WRITE] = "write",
    [POLL] = "poll",
};
static double samples[CALLS][PASSES_MOST + 2];
static int pass;

static int connected, sender, receiver, listener;
static int channel[2];
static int client[STREAMS], server[STREAMS];
static struct sockaddr_in receiver_name, listener_name;

static _Noreturn void fail(const char *what)
{
    perror(what);
    exit(1);
}

static void must(int done, const char *what)
{
    if (!done)
        fail(what);
}

static void timed(enum call which, int times, void (*call)(int))
{
    double begun = now_ns();

    for (int i = 0; i < times; i++)
        call(i);
    samples[which][pass] += (now_ns() - begun) / times;
}

/* Both sides of datagrams in turn, and the mean of as many turns as make a batch. */
static void timed_datagrams(void (*send)(int), void (*receive)(int))
{
    for (int turn = 0; turn < MANY / DATAGRAMS; turn++) {
        timed(SENDTO, DATAGRAMS, send);
        timed(RECVFROM, DATAGRAMS, receive);
    }
    samples[SENDTO][pass] /= MANY / DATAGRAMS;
    samples[RECVFROM][pass] /= MANY / DATAGRAMS;
}

static void call_other(int i)
{
    (void)i;
    getppid();
}

static void call_connect(int i)
{
    (void)i;
    must(connect(connected, (struct sockaddr *)&receiver_name, sizeof(receiver_name)) == 0, "connect");
}

static void call_sendto(int i)
{
    (void)i;
    must(sendto(sender, "x", 1, 0, (struct sockaddr *)&receiver_name, sizeof(receiver_name)) == 1, "sendto");
}

static void call_recvfrom(int i)
{
    struct sockaddr_in from;
    socklen_t length = sizeof(from);
    char byte;

    (void)i;
    must(recvfrom(receiver, &byte, 1, MSG_DONTWAIT, (struct sockaddr *)&from, &length) == 1, "recvfrom");
}

static void call_tcp_connect(int i)
{
    must(connect(client[i], (struct sockaddr *)&listener_name, sizeof(listener_name)) == 0, "connect (TCP)");
}

static void call_accept(int i)
{
    struct sockaddr_in from;
    socklen_t length = sizeof(from);

    server[i] = accept(listener, (struct sockaddr *)&from, &length);
    must(server[i] >= 0, "accept");
}

static void open_stream(int i)
{
    client[i] = socket(AF_INET, SOCK_STREAM, 0);
    must(client[i] >= 0, "socket");
}

/* The accepting side first: it resets, so that no port stays behind in TIME_WAIT. */
static void close_stream(int i)
{
    close(server[i]);
    close(client[i]);
}

static void call_cycle(int i)
{
    open_stream(i);
    call_tcp_connect(i);
    call_accept(i);
    close_stream(i);
}

static void call_socket(int i)
{
    (void)i;
    close(socket(AF_INET, SOCK_DGRAM, 0));
}

static void call_write(int i)
{
    (void)i;
    must(write(channel[1], "x", 1) == 1, "write");
}

static void call_read(int i)
{
    char byte;

    (void)i;
    must(read(channel[0], &byte, 1) == 1, "read");
}

static void call_poll(int i)
{
    struct pollfd one = {.fd = receiver, .events = POLLIN};

    (void)i;
    poll(&one, 1, 0);
}

static void pass_once(void)
{
    timed(OTHER, MANY, call_other);
    timed(CONNECT, MANY, call_connect);
    timed_datagrams(call_sendto, call_recvfrom);
    for (int i = 0; i < STREAMS; i++)
        open_stream(i);
    timed(TCP_CONNECT, STREAMS, call_tcp_connect);
    timed(ACCEPT, STREAMS, call_accept);
    for (int i = 0; i < STREAMS; i++)
        close_stream(i);
    timed(TCP_CYCLE, STREAMS, call_cycle);
    timed(SOCKET_CLOSE, STREAMS, call_socket);
    timed(WRITE, MANY, call_write);
    timed(READ, MANY, call_read);
    timed(POLL, MANY, call_poll);
}

static void bind_loopback(int descriptor, int port, struct sockaddr_in *name)
{
    struct sockaddr_in any = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t length = sizeof(*name);

    must(descriptor >= 0 && bind(descriptor, (struct sockaddr *)&any, sizeof(any)) == 0, "bind");
    must(getsockname(descriptor, (struct sockaddr *)name, &length) == 0, "getsockname");
}

static void open_all(int port)
{
    struct linger reset = {.l_onoff = 1, .l_linger = 0};

    connected = socket(AF_INET, SOCK_DGRAM, 0);
    sender = socket(AF_INET, SOCK_DGRAM, 0);
    must(connected >= 0 && sender >= 0 && pipe(channel) == 0, "socket");
    receiver = socket(AF_INET, SOCK_DGRAM, 0);
    bind_loopback(receiver, 0, &receiver_name);
    listener = socket(AF_INET, SOCK_STREAM, 0);
    bind_loopback(listener, port, &listener_name);
    /* What is accepted inherits it. */
    must(setsockopt(listener, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)) == 0, "SO_LINGER");
    must(listen(listener, 2 * STREAMS) == 0, "listen");
}

int main(int count, char **words)
{
    int passes = count > 1 ? atoi(words[1]) : 10;

    if (passes < 1 || passes > PASSES_MOST)
        passes = PASSES_MOST;
    open_all(count > 2 ? atoi(words[2]) : 0);
    /* Two more, which meet cold caches and first looks at a policy, do not count. */
    for (pass = passes; pass < passes + 2; pass++)
        pass_once();
    for (pass = 0; pass < passes; pass++)
        pass_once();
    for (enum call call = 0; call < CALLS; call++) {
        sort_values(samples[call], (size_t)passes);
        printf("%s %.1f\n", names[call], samples[call][passes / 4]);
    }
    return 0;
}
