/* SPDX-License-Identifier: MIT */
/*
 * What the system calls of an ICMP round trip cost by themselves, on ping sockets: prints `name nanoseconds` for each,
 * the median of many short rounds. Needs nothing but ping sockets; part_icmp.py runs it without the object.
 */
#include "timing.h"

#include <arpa/inet.h>
#include <linux/icmp.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ROUNDS 41
#define CALLS 50 /* so many replies find room in a receive buffer */

static int plain, told; /* `told` has the control messages on that a translated socket needs */
static struct sockaddr_in target = {.sin_family = AF_INET};
static unsigned char packet[64] = {ICMP_ECHO};
static unsigned char answer[1500];

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

static void send_on(int fd)
{
    if (sendto(fd, packet, sizeof(packet), 0, (struct sockaddr *)&target, sizeof(target)) != sizeof(packet))
        fail("sendto");
}

static ssize_t receive_on(int fd, size_t control_room)
{
    static char control[512];
    struct sockaddr_in from;
    struct iovec part = {answer, sizeof(answer)};
    struct msghdr message = {.msg_name = &from,
                             .msg_namelen = sizeof(from),
                             .msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = control,
                             .msg_controllen = control_room};

    return recvmsg(fd, &message, MSG_DONTWAIT);
}

static void call_sendto(void)
{
    send_on(plain);
}

static void call_sendto_told(void)
{
    send_on(told);
}

static void call_recvfrom(void)
{
    struct sockaddr_in from;
    socklen_t length = sizeof(from);

    if (recvfrom(plain, answer, sizeof(answer), MSG_DONTWAIT, (struct sockaddr *)&from, &length) != sizeof(packet))
        fail("recvfrom");
}

static void call_recvmsg(void)
{
    if (receive_on(plain, 0) != sizeof(packet))
        fail("recvmsg");
}

static void call_recvmsg_told(void)
{
    if (receive_on(told, 512) != sizeof(packet))
        fail("recvmsg");
}

static void call_recvmsg_empty(void)
{
    if (receive_on(plain, 0) >= 0)
        fail("nothing to receive");
}

static void call_error_queue(void)
{
    if (recv(told, answer, sizeof(answer), MSG_DONTWAIT | MSG_ERRQUEUE) >= 0)
        fail("no error to receive");
}

static void call_cookie(void)
{
    uint64_t cookie;
    socklen_t length = sizeof(cookie);

    if (getsockopt(plain, SOL_SOCKET, SO_COOKIE, &cookie, &length) != 0)
        fail("SO_COOKIE");
}

static void call_poll(void)
{
    struct pollfd one = {.fd = plain, .events = POLLIN};

    poll(&one, 1, 0);
}

static void empty(int fd)
{
    while (recv(fd, answer, sizeof(answer), MSG_DONTWAIT) >= 0)
        continue;
}

/* `prepare` and what the calls leave behind are outside the measure. */
static void measure(const char *name, void (*call)(void), void (*prepare)(void))
{
    double rounds[ROUNDS];

    for (int r = 0; r < ROUNDS; r++) {
        double begun;

        empty(plain);
        empty(told);
        for (int i = 0; prepare != NULL && i < CALLS; i++)
            prepare();
        begun = now_ns();
        for (int i = 0; i < CALLS; i++)
            call();
        rounds[r] = (now_ns() - begun) / CALLS;
    }
    printf("%s %.1f\n", name, median(rounds, ROUNDS));
}

static int ping_socket(void)
{
    int room = 1 << 20;
    int fd = socket(AF_INET, SOCK_DGRAM, IPPROTO_ICMP);

    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room)) != 0)
        fail("a ping socket");
    return fd;
}

int main(void)
{
    static const int options[] = {IP_RECVTTL, IP_RECVTOS, IP_PKTINFO, IP_RECVOPTS, IP_RECVERR};
    int on = 1;

    target.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    plain = ping_socket();
    told = ping_socket();
    for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
        if (setsockopt(told, IPPROTO_IP, options[i], &on, sizeof(on)) != 0)
            fail("setsockopt");
    }
    measure("sendto", call_sendto, NULL);
    measure("recvfrom", call_recvfrom, call_sendto);
    measure("recvmsg", call_recvmsg, call_sendto);
    measure("recvmsg-control", call_recvmsg_told, call_sendto_told);
    measure("recvmsg-nothing", call_recvmsg_empty, NULL);
    measure("recv-errqueue", call_error_queue, NULL);
    measure("getsockopt-cookie", call_cookie, NULL);
    measure("poll", call_poll, call_sendto);
    return 0;
}
