/* SPDX-License-Identifier: MIT */
/* SO_COOKIE is one number for a socket, through whatever descriptor and process it is asked. */
#include "tests/kernel/proof.h"

#include <sys/wait.h>

#ifndef SO_COOKIE
#define SO_COOKIE 57
#endif

static uint64_t cookie_of(int fd)
{
    uint64_t cookie = 0;
    socklen_t size = sizeof(cookie);
    if (getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &size) != 0 && errno == ENOPROTOOPT)
        skip("no SO_COOKIE here");
    prove(size == sizeof(cookie) && cookie != 0, "SO_COOKIE");
    return cookie;
}

static void same_for_each_descriptor(int fd)
{
    uint64_t cookie = cookie_of(fd);
    int copy = dup(fd);
    int high = fcntl(fd, F_DUPFD_CLOEXEC, 100);
    prove(cookie_of(fd) == cookie, "it does not change");
    prove(copy >= 0 && cookie_of(copy) == cookie, "dup has the same");
    prove(high >= 100 && cookie_of(high) == cookie, "F_DUPFD has the same");

    pid_t child = fork();
    int status;
    if (child == 0)
        _exit(cookie_of(fd) == cookie ? 0 : 1);
    prove(child > 0 && waitpid(child, &status, 0) == child && status == 0, "another process reads the same");
    close(high);
    close(copy);
}

/* A closed socket's number does not come back with its descriptor's. */
static void differs_for_each_socket(void)
{
    enum { SOCKETS = 64 };
    uint64_t seen[SOCKETS];
    static const int kinds[][2] = {
        {AF_INET, SOCK_DGRAM}, {AF_INET, SOCK_STREAM}, {AF_UNIX, SOCK_STREAM}, {AF_UNIX, SOCK_DGRAM}};
    for (int i = 0; i < SOCKETS; i++) {
        int fd = open_socket(kinds[i % 4][0], kinds[i % 4][1]);
        seen[i] = cookie_of(fd);
        for (int j = 0; j < i; j++)
            prove(seen[i] != seen[j], "each socket has its own");
        close(fd);
    }
}

int main(void)
{
    same_for_each_descriptor(open_socket(AF_INET, SOCK_DGRAM));
    same_for_each_descriptor(open_socket(AF_UNIX, SOCK_STREAM));
    differs_for_each_socket();
    return proved("SO_COOKIE is equal over dup, F_DUPFD and fork, and never the same for two sockets");
}
