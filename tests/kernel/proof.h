/* SPDX-License-Identifier: MIT */
/*
 * What the proofs share. A proof is a program that shows one thing the kernel does and the code rests on: it exits
 * with 0 and a line `ok: ...`, with 1 where the kernel does otherwise, with 77 and the reason where it cannot tell.
 * No packet leaves loopback or a network namespace that the program made for itself.
 */
#ifndef SOCKADE_TESTS_PROOF_H
#define SOCKADE_TESTS_PROOF_H

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define PROOF_SECONDS 20 /* then a signal ends it: a proof that hangs has failed */
#define PROOF_SKIPPED 77

union address {
    struct sockaddr any;
    struct sockaddr_in inet;
    struct sockaddr_in6 inet6;
    struct sockaddr_un path;
    unsigned char bytes[256]; /* longer than the kernel takes */
};

/* Goes on where `holds`; else says what does not hold, and errno, and ends the program. */
static inline __attribute__((format(printf, 2, 3))) void prove(bool holds, const char *format, ...)
{
    if (holds)
        return;
    int error = errno;
    va_list arguments;
    va_start(arguments, format);
    printf("disproved: ");
    vprintf(format, arguments);
    printf(" (errno is %d, %s)\n", error, strerror(error));
    va_end(arguments);
    exit(1);
}

static inline __attribute__((noreturn)) void skip(const char *reason)
{
    printf("skipped: %s\n", reason);
    exit(PROOF_SKIPPED);
}

static inline int proved(const char *what)
{
    printf("ok: %s\n", what);
    return 0;
}

/* A call fails, with this very error. */
static inline void prove_fails(long result, int error, const char *what)
{
    prove(result == -1 && errno == error, "%s: gave %ld, not %s", what, result, strerror(error));
}

static inline socklen_t address_size(int family)
{
    return family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
}

/* `text` and `port` (network byte order) as a sockaddr. */
static inline union address address_of(int family, const char *text, in_port_t port)
{
    union address a = {.any = {.sa_family = (sa_family_t)family}};
    void *bytes = family == AF_INET ? (void *)&a.inet.sin_addr : (void *)&a.inet6.sin6_addr;
    if (family == AF_INET)
        a.inet.sin_port = port;
    else
        a.inet6.sin6_port = port;
    prove(inet_pton(family, text, bytes) == 1, "\"%s\" is an address", text);
    return a;
}

/* A socket whose receives and accepts do not wait for ever. */
static inline int open_socket(int family, int type)
{
    struct timeval limit = {.tv_sec = 3};
    int fd = socket(family, type, 0);
    if (fd < 0 && family == AF_INET6 && errno == EAFNOSUPPORT)
        skip("no IPv6 here");
    prove(fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) == 0, "socket");
    return fd;
}

/* A socket bound to `text` and a port of the kernel's choice; `own` becomes its address. Streams listen. */
static inline int open_bound(int family, int type, const char *text, union address *own)
{
    socklen_t size = sizeof(*own);
    int fd = open_socket(family, type);
    *own = address_of(family, text, 0);
    if (bind(fd, &own->any, address_size(family)) != 0) {
        if (family == AF_INET6 && errno == EADDRNOTAVAIL)
            skip("no IPv6 address on loopback");
        prove(false, "bind to %s", text);
    }
    prove(type != SOCK_STREAM || listen(fd, 8) == 0, "listen");
    prove(getsockname(fd, &own->any, &size) == 0, "getsockname");
    return fd;
}

/* The next datagram is `text`. */
static inline bool arrives(int fd, const char *text)
{
    char buffer[64];
    ssize_t length = recv(fd, buffer, sizeof(buffer), 0);
    return length == (ssize_t)strlen(text) && memcmp(buffer, text, strlen(text)) == 0;
}

/* Nothing is there to be received, and nothing comes within a moment. */
static inline bool nothing_waits(int fd)
{
    struct pollfd one = {.fd = fd, .events = POLLIN};
    return poll(&one, 1, 50) == 0;
}

static inline bool write_file(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    bool written = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
    if (fd >= 0)
        close(fd);
    return written;
}

/* Moves the process into user and network namespaces of its own, as their root, with loopback up. */
static inline bool enter_private_network(void)
{
    char map[64];
    struct ifreq loopback = {.ifr_name = "lo"};
    unsigned uid = geteuid();
    unsigned gid = getegid();
    if (unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0)
        return false;
    snprintf(map, sizeof(map), "0 %u 1", uid);
    if (!write_file("/proc/self/setgroups", "deny") || !write_file("/proc/self/uid_map", map))
        return false;
    snprintf(map, sizeof(map), "0 %u 1", gid);
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (!write_file("/proc/self/gid_map", map) || fd < 0 || ioctl(fd, SIOCGIFFLAGS, &loopback) != 0)
        return false;
    loopback.ifr_flags |= IFF_UP;
    bool up = ioctl(fd, SIOCSIFFLAGS, &loopback) == 0;
    close(fd);
    return up;
}

/* Ends a proof that hangs. */
static __attribute__((constructor)) void limit_time(void)
{
    alarm(PROOF_SECONDS);
}

#endif
