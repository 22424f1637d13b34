/* SPDX-License-Identifier: MIT */
/*
 * Receives that end without a packet: a socket that was shut down, a descriptor that was closed under a thread which
 * waits and is another socket's by now, memory that the kernel cannot write to.
 */
#include "tests/conformance/conformance.h"

#include <pthread.h>

static unsigned char buffer[4096];

static int open_connected(void)
{
    union place peer = place_of(REPLY, PLAIN);
    int fd = open_icmp();

    must("connect", connect(fd, &peer.any, place_size()));
    return fd;
}

static void say_ended(const char *name, int fd)
{
    union place from = {.storage = {0}};
    struct iovec part = {buffer, sizeof(buffer)};
    char control[64];
    struct msghdr message = {.msg_name = &from,
                             .msg_namelen = sizeof(from),
                             .msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = control,
                             .msg_controllen = sizeof(control)};

    CHECK(name, recvmsg(fd, &message, 0));
    printf("  name %u, control %zu, flags %d\n", (unsigned)message.msg_namelen, (size_t)message.msg_controllen,
           message.msg_flags);
    CHECK("  without waiting", recv(fd, buffer, sizeof(buffer), MSG_DONTWAIT));
}

static void say_readiness(const char *name, int fd)
{
    struct pollfd entry = {.fd = fd, .events = POLLIN};
    struct timeval limit = {.tv_usec = 200000};
    fd_set set;

    CHECK(name, poll(&entry, 1, 200));
    say_value("  events", entry.revents);
    FD_ZERO(&set);
    FD_SET(fd, &set);
    CHECK("  select", select(fd + 1, &set, NULL, NULL, &limit));
}

static void shut_down(void)
{
    static const int hows[] = {SHUT_RD, SHUT_WR, SHUT_RDWR};

    for (size_t i = 0; i < COUNT(hows); i++) {
        int fresh = open_icmp();
        int connected = open_connected();

        CHECK("shutdown", shutdown(fresh, hows[i]));
        CHECK("shutdown, connected", shutdown(connected, hows[i]));
        say_readiness("poll", fresh);
        say_readiness("poll, connected", connected);
        if (hows[i] == SHUT_WR)
            continue;
        say_ended("recvmsg", fresh);
        say_ended("recvmsg, connected", connected);
    }
}

static void *receive_one(void *context)
{
    union place from = {.storage = {0}};
    socklen_t size = sizeof(from);

    CHECK("recvfrom in a thread", recvfrom(*(int *)context, buffer, sizeof(buffer), 0, &from.any, &size));
    say_value("  name", size);
    return NULL;
}

static double seconds_used(void)
{
    struct timespec used;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    return (double)used.tv_sec + (double)used.tv_nsec / 1e9;
}

static void shut_down_under_a_thread(void)
{
    for (int connected = 0; connected < 2; connected++) {
        int fd = connected ? open_connected() : open_icmp();
        double before = seconds_used();
        pthread_t thread;
        int result, error;

        must("pthread_create", -pthread_create(&thread, NULL, receive_one, &fd));
        usleep(100000);
        result = shutdown(fd, SHUT_RDWR);
        error = errno;
        must("pthread_join", -pthread_join(thread, NULL)); /* before we say anything: the thread says something too */
        errno = error;
        say("shutdown", result);
        say_value("little time was used", seconds_used() - before < 0.1);
    }
}

static void *receive_any(void *context)
{
    (void)recv(*(int *)context, buffer, sizeof(buffer), 0);
    return NULL;
}

/*
 * What the thread gets differs (a raw socket's receive goes on with the old socket); that it takes nothing of others
 * does not.
 */
static void closed_under_a_thread(void)
{
    union place own = loopback_place();
    socklen_t size = sizeof(own);
    int fd = open_icmp();
    int copy = (int)must("dup", dup(fd));
    pthread_t thread;
    int udp;

    must("a first echo", ask(fd, REPLY, PLAIN, 1));
    say_next("its reply", fd, 0);
    must("pthread_create", -pthread_create(&thread, NULL, receive_any, &fd));
    usleep(100000);
    must("close", close(fd));
    udp = (int)must("socket", socket(family, SOCK_DGRAM, 0));
    say_value("the number is used again", udp == fd);
    must("bind", bind(udp, &own.any, place_size()));
    must("getsockname", getsockname(udp, &own.any, &size));
    must("a datagram", sendto(udp, "datagram", 8, 0, &own.any, size));
    must("a second echo", ask(copy, REPLY, PLAIN, 2));
    must("pthread_join", -pthread_join(thread, NULL));
    CHECK("the datagram is still there", recv(udp, buffer, sizeof(buffer), MSG_DONTWAIT));
}

static void bad_memory(void)
{
    static const size_t sizes[] = {4, 100};

    for (size_t i = 0; i < 2 * COUNT(sizes); i++) {
        int fd = i % 2 == 0 ? open_icmp() : open_connected();
        struct iovec part = {NULL, sizes[i / 2]};
        struct msghdr message = {.msg_namelen = 77, .msg_iov = &part, .msg_iovlen = 1};

        must("an echo", ask(fd, REPLY, PLAIN, 1));
        settle();
        CHECK("recvmsg to no memory", recvmsg(fd, &message, 0));
        must("an echo", ask(fd, REPLY, PLAIN, 2));
        settle();
        part.iov_base = buffer;
        CHECK("recvmsg without a name", recvmsg(fd, &message, 0));
        say_value("  msg_namelen", message.msg_namelen);
    }
}

int main(void)
{
    run_case("shut down", shut_down);
    run_case("shut down under a thread", shut_down_under_a_thread);
    run_case("closed under a thread", closed_under_a_thread);
    run_case("bad memory", bad_memory);
    return 0;
}
