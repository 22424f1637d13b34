/* SPDX-License-Identifier: MIT */
/*
 * Instructions a socket call costs in user space: run under callgrind by instructions.py, bare and preloaded.
 *
 * Each call is made some times unmeasured, then REPEATS times between two client requests; callgrind writes one file
 * for it, named by its trigger. Nothing is sent anywhere but over loopback: UDP connects of foreign addresses send
 * nothing.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>
#include <valgrind/callgrind.h>

#define REPEATS 64

static int udp, udp6, echo, epoll;
static int pair[2];
static struct sockaddr_in peer;
static struct sockaddr_in6 peer6;
static char byte[4];

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

/* Numbers that are the same in every run. */
static uint32_t random_next(void)
{
    static uint64_t state = 42;

    state = state * UINT64_C(6364136223846793005) + 1442695040888963407u;
    return (uint32_t)(state >> 32);
}

static void nothing(void)
{
}

static void call_connect(void)
{
    if (connect(udp, (struct sockaddr *)&peer, sizeof(peer)) != 0)
        fail("connect");
}

static void call_connect6(void)
{
    connect(udp6, (struct sockaddr *)&peer6, sizeof(peer6));
}

static struct sockaddr_in anywhere = {.sin_family = AF_INET, .sin_port = 0x3930};
static struct sockaddr_in6 anywhere6 = {.sin6_family = AF_INET6, .sin6_port = 0x3930};

static void another(void)
{
    anywhere.sin_addr.s_addr = random_next();
}

static void another6(void)
{
    uint32_t words[4] = {htonl(0x20010000 | (random_next() & 0xffff)), random_next(), random_next(), random_next()};

    memcpy(&anywhere6.sin6_addr, words, sizeof(words));
}

static void call_connect_random(void)
{
    connect(udp, (struct sockaddr *)&anywhere, sizeof(anywhere));
}

static void call_connect6_random(void)
{
    connect(udp6, (struct sockaddr *)&anywhere6, sizeof(anywhere6));
}

static void drain(void)
{
    while (recv(echo, byte, 1, MSG_DONTWAIT) >= 0)
        continue;
}

static void call_sendto(void)
{
    if (sendto(udp, "x", 1, 0, (struct sockaddr *)&peer, sizeof(peer)) != 1)
        fail("sendto");
}

static void call_sendto6(void)
{
    sendto(udp6, "x", 1, 0, (struct sockaddr *)&peer6, sizeof(peer6));
}

static void call_sendmsg(void)
{
    struct iovec part = {byte, 1};
    struct msghdr message = {.msg_name = &peer, .msg_namelen = sizeof(peer), .msg_iov = &part, .msg_iovlen = 1};

    if (sendmsg(udp, &message, 0) != 1)
        fail("sendmsg");
}

static void fill(void)
{
    drain();
    call_sendto();
}

static void call_recvfrom(void)
{
    struct sockaddr_in from;
    socklen_t length = sizeof(from);

    if (recvfrom(echo, byte, 1, MSG_DONTWAIT, (struct sockaddr *)&from, &length) != 1)
        fail("recvfrom");
}

static void call_recv(void)
{
    if (recv(echo, byte, 1, MSG_DONTWAIT) != 1)
        fail("recv");
}

static void call_recvmsg(void)
{
    struct sockaddr_in from;
    struct iovec part = {byte, 1};
    struct msghdr message = {.msg_name = &from, .msg_namelen = sizeof(from), .msg_iov = &part, .msg_iovlen = 1};

    if (recvmsg(echo, &message, MSG_DONTWAIT) != 1)
        fail("recvmsg");
}

static void refill(void)
{
    static const char many[REPEATS];

    while (recv(pair[0], byte, sizeof(byte), MSG_DONTWAIT) > 0)
        continue;
    if (send(pair[1], many, sizeof(many), 0) < 0)
        fail("send");
}

static void call_read(void)
{
    if (read(pair[0], byte, 1) != 1)
        fail("read");
}

static void call_readv(void)
{
    struct iovec part = {byte, 1};

    if (readv(pair[0], &part, 1) != 1)
        fail("readv");
}

static void call_recv_stream(void)
{
    if (recv(pair[0], byte, 1, 0) != 1)
        fail("recv");
}

static void call_write(void)
{
    if (write(pair[1], byte, 1) != 1)
        fail("write");
}

static void call_writev(void)
{
    struct iovec part = {byte, 1};

    if (writev(pair[1], &part, 1) != 1)
        fail("writev");
}

static void call_send(void)
{
    if (send(pair[1], byte, 1, 0) != 1)
        fail("send");
}

static void call_poll(void)
{
    struct pollfd one = {.fd = udp, .events = POLLIN};

    poll(&one, 1, 0);
}

static void call_ppoll(void)
{
    struct timespec time = {0, 0};
    struct pollfd one = {.fd = udp, .events = POLLIN};

    ppoll(&one, 1, &time, NULL);
}

static void call_select(void)
{
    struct timeval time = {0, 0};

    select(0, NULL, NULL, NULL, &time);
}

static void call_epoll_wait(void)
{
    struct epoll_event event;

    epoll_wait(epoll, &event, 1, 0);
}

static void call_epoll_ctl(void)
{
    struct epoll_event event = {.events = EPOLLIN};

    epoll_ctl(epoll, EPOLL_CTL_MOD, udp, &event);
}

static void call_fcntl(void)
{
    fcntl(udp, F_GETFL);
}

static void call_ioctl(void)
{
    int count;

    ioctl(echo, FIONREAD, &count);
}

static void call_getsockopt(void)
{
    int type;
    socklen_t length = sizeof(type);

    getsockopt(udp, SOL_SOCKET, SO_TYPE, &type, &length);
}

static void call_setsockopt(void)
{
    int on = 1;

    setsockopt(udp, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
}

static void call_getsockname(void)
{
    struct sockaddr_in name;
    socklen_t length = sizeof(name);

    getsockname(udp, (struct sockaddr *)&name, &length);
}

static void call_getpeername(void)
{
    struct sockaddr_in name;
    socklen_t length = sizeof(name);

    getpeername(udp, (struct sockaddr *)&name, &length);
}

static void call_getuid(void)
{
    getuid();
}

static void call_close(void)
{
    close(-1);
}

static void call_socket(void)
{
    close(socket(AF_INET, SOCK_DGRAM, 0));
}

static void call_dup(void)
{
    close(dup(pair[0]));
}

/* `prepare` is called before each call, outside the measure. */
static void measure(const char *name, void (*call)(void), void (*prepare)(void), void (*once)(void))
{
    for (int i = 0; i < 3; i++) {
        if (prepare != NULL)
            prepare();
        if (once != NULL)
            once();
        call();
    }
    if (once != NULL)
        once();
    CALLGRIND_ZERO_STATS;
    for (int i = 0; i < REPEATS; i++) {
        if (prepare != NULL) {
            CALLGRIND_TOGGLE_COLLECT;
            prepare();
            CALLGRIND_TOGGLE_COLLECT;
        }
        call();
    }
    CALLGRIND_DUMP_STATS_AT(name);
}

static void measure_all(void)
{
    measure("nothing", nothing, NULL, NULL);
    measure("prepared", nothing, nothing, NULL);
    measure("connect", call_connect, NULL, NULL);
    measure("connect6", call_connect6, NULL, NULL);
    measure("sendto", call_sendto, drain, NULL);
    measure("sendto6", call_sendto6, NULL, NULL);
    measure("sendmsg", call_sendmsg, drain, NULL);
    measure("recvfrom", call_recvfrom, fill, NULL);
    measure("recv", call_recv, fill, NULL);
    measure("recvmsg", call_recvmsg, fill, NULL);
    measure("connect-random", call_connect_random, another, NULL);
    measure("connect6-random", call_connect6_random, another6, NULL);
    measure("read", call_read, NULL, refill);
    measure("readv", call_readv, NULL, refill);
    measure("recv-stream", call_recv_stream, NULL, refill);
    measure("write", call_write, NULL, refill);
    measure("writev", call_writev, NULL, refill);
    measure("send", call_send, NULL, refill);
    measure("poll", call_poll, NULL, NULL);
    measure("ppoll", call_ppoll, NULL, NULL);
    measure("select", call_select, NULL, NULL);
    measure("epoll_wait", call_epoll_wait, NULL, NULL);
    measure("epoll_ctl", call_epoll_ctl, NULL, NULL);
    measure("fcntl", call_fcntl, NULL, NULL);
    measure("ioctl", call_ioctl, NULL, NULL);
    measure("getsockopt", call_getsockopt, NULL, NULL);
    measure("setsockopt", call_setsockopt, NULL, NULL);
    measure("getsockname", call_getsockname, NULL, NULL);
    measure("getpeername", call_getpeername, NULL, NULL);
    measure("getuid", call_getuid, NULL, NULL);
    measure("close", call_close, NULL, NULL);
    measure("socket", call_socket, NULL, NULL);
    measure("dup", call_dup, NULL, NULL);
}

int main(void)
{
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    struct epoll_event event = {.events = EPOLLIN};
    socklen_t length = sizeof(peer);

    peer6 = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = 0x3930, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    udp = socket(AF_INET, SOCK_DGRAM, 0);
    udp6 = socket(AF_INET6, SOCK_DGRAM, 0);
    echo = socket(AF_INET, SOCK_DGRAM, 0);
    epoll = epoll_create1(0);
    if (udp < 0 || echo < 0 || epoll < 0 || socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0)
        fail("socket");
    if (bind(echo, (struct sockaddr *)&any, sizeof(any)) != 0 ||
        getsockname(echo, (struct sockaddr *)&peer, &length) != 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, udp, &event) != 0)
        fail("bind");
    measure_all();
    return 0;
}
