/* SPDX-License-Identifier: MIT */
/*
 * Takes COUNT connections from the own listener on loopback, which have been made before: for strace, and for
 * callgrind, which counts the accepts alone. Of COUNT connections every one must be taken.
 *
 * usage: accepts COUNT
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include <valgrind/callgrind.h>

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

int main(int argc, char **argv)
{
    int count = argc > 1 ? atoi(argv[1]) : 0;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_ANY)}};
    struct sockaddr_in peer;
    socklen_t length = sizeof(name);

    if (listener < 0 || bind(listener, (struct sockaddr *)&name, sizeof(name)) != 0 || listen(listener, 1024) != 0 ||
        getsockname(listener, (struct sockaddr *)&name, &length) != 0)
        fail("listen");
    name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    for (int i = 0; i < count + 1; i++) {
        int client = socket(AF_INET, SOCK_STREAM, 0);

        if (client < 0 || connect(client, (struct sockaddr *)&name, sizeof(name)) != 0)
            fail("connect");
    }
    length = sizeof(peer);
    if (accept(listener, (struct sockaddr *)&peer, &length) < 0)
        fail("accept");
    CALLGRIND_ZERO_STATS;
    for (int i = 0; i < count; i++) {
        length = sizeof(peer);
        if (accept(listener, (struct sockaddr *)&peer, &length) < 0)
            fail("accept");
    }
    CALLGRIND_DUMP_STATS_AT("accept");
    return 0;
}
