/* SPDX-License-Identifier: MIT */
/*
 * Makes one socket call as a line of a decision table names it, and prints the errno that it gave (0: success).
 *
 *     replay to|from|on ADDRESS PORT tcp|udp|icmp|icmp6    replay to|on unix:PATH    replay family NUMBER
 *
 * It is started by replay.py, preloaded and under whatever name the table wants. `from` listens at ADDRESS, says
 * "ready", and takes what has come when a line arrives on stdin.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

struct target {
    struct sockaddr_storage address;
    socklen_t length;
    int type, protocol;
};

static int report(long result)
{
    printf("%d\n", result < 0 ? errno : 0);
    return 0;
}

/* Ends with what no verdict can be: the test itself could not be made. */
static void broken(const char *what)
{
    printf("%s: %s\n", what, strerror(errno));
    exit(1);
}

static void read_unix(const char *path, struct target *target)
{
    struct sockaddr_un *address = (struct sockaddr_un *)&target->address;

    address->sun_family = AF_UNIX;
    strncpy(address->sun_path, path, sizeof(address->sun_path) - 1);
    target->length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(address->sun_path));
    if (*path == '@')
        address->sun_path[0] = '\0';
    target->type = SOCK_STREAM;
}

static void read_inet(char **words, struct target *target)
{
    struct sockaddr_in *v4 = (struct sockaddr_in *)&target->address;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&target->address;
    in_port_t port = htons((unsigned short)atoi(words[1]));

    if (inet_pton(AF_INET, words[0], &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = port;
        target->length = sizeof(*v4);
    } else if (inet_pton(AF_INET6, words[0], &v6->sin6_addr) == 1) {
        v6->sin6_family = AF_INET6;
        v6->sin6_port = port;
        target->length = sizeof(*v6);
        if (IN6_IS_ADDR_LINKLOCAL(&v6->sin6_addr))
            v6->sin6_scope_id = if_nametoindex("dead0");
    } else {
        broken(words[0]);
    }
    target->type = strcmp(words[2], "tcp") == 0 ? SOCK_STREAM : SOCK_DGRAM;
    if (strcmp(words[2], "icmp") == 0 || strcmp(words[2], "icmp6") == 0)
        target->protocol = v4->sin_family == AF_INET ? IPPROTO_ICMP : IPPROTO_ICMPV6;
}

/* A connection is only begun; a datagram is an echo request, which ping sockets insist on. */
static long reach(int fd, const struct target *target)
{
    unsigned char echo[8] = {target->address.ss_family == AF_INET ? 8 : 128};

    if (target->type == SOCK_STREAM)
        return connect(fd, (const struct sockaddr *)&target->address, target->length);
    return sendto(fd, echo, sizeof(echo), 0, (const struct sockaddr *)&target->address, target->length);
}

static long stand(int fd, const struct target *target)
{
    int on = 1;

    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (target->address.ss_family != AF_UNIX)
        setsockopt(fd, IPPROTO_IP, IP_FREEBIND, &on, sizeof(on)); /* the address need not be ours */
    if (bind(fd, (const struct sockaddr *)&target->address, target->length) != 0)
        return -1;
    return target->type == SOCK_STREAM ? listen(fd, 8) : 0;
}

static long be_reached(int fd, const struct target *target)
{
    char room[64];

    if (stand(fd, target) != 0)
        broken("bind or listen");
    puts("ready");
    fflush(stdout);
    if (fgets(room, sizeof(room), stdin) == NULL)
        broken("stdin");
    return target->type == SOCK_STREAM ? accept(fd, NULL, NULL) : recv(fd, room, sizeof(room), 0);
}

int main(int count, char **words)
{
    struct target target = {.length = 0};
    int fd;

    if (count == 3 && strcmp(words[1], "family") == 0) {
        int domain = atoi(words[2]);

        return report(socket(domain, domain == AF_PACKET || domain == AF_NETLINK ? SOCK_RAW : SOCK_STREAM, 0));
    }
    if (count == 3 && strncmp(words[2], "unix:", 5) == 0)
        read_unix(words[2] + 5, &target);
    else if (count == 5)
        read_inet(words + 2, &target);
    else
        return 2;
    fd = socket(target.address.ss_family, target.type | SOCK_NONBLOCK, target.protocol);
    if (fd < 0)
        broken("socket");
    if (strcmp(words[1], "to") == 0)
        return report(reach(fd, &target));
    return report(strcmp(words[1], "on") == 0 ? stand(fd, &target) : be_reached(fd, &target));
}
