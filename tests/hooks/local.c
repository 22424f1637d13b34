/* SPDX-License-Identifier: MIT */
/*
 * Every way to have a local address that no rule refuses, to listen, and to make sockets: run bare and with the shim,
 * the output must be the same.
 */
#include "hook_test.h"

#include <fcntl.h>
#include <linux/if_alg.h>
#include <linux/netlink.h>
#include <sys/stat.h>

static union {
    struct sockaddr any;
    struct sockaddr_in inet;
    struct sockaddr_in6 inet6;
    struct sockaddr_un path;
    char bytes[8192];
} own;

static int open_one(int family, int type)
{
    return (int)must("socket", socket(family, type, 0));
}

static void own_inet(const char *text, uint16_t port)
{
    memset(&own, 0, sizeof(own));
    own.inet = inet_address(text, port);
}

static void own_inet6(const char *text, uint16_t port)
{
    memset(&own, 0, sizeof(own));
    own.inet6 = inet6_address(text, port);
}

/* What a socket is bound to, but for a port that the kernel chose. */
static void say_bound(int fd)
{
    struct sockaddr_storage address;
    socklen_t length = sizeof(address);
    char text[INET6_ADDRSTRLEN] = "";

    CHECK("  name", getsockname(fd, (struct sockaddr *)&address, &length));
    if (address.ss_family == AF_INET)
        inet_ntop(AF_INET, &((struct sockaddr_in *)&address)->sin_addr, text, sizeof(text));
    else if (address.ss_family == AF_INET6)
        inet_ntop(AF_INET6, &((struct sockaddr_in6 *)&address)->sin6_addr, text, sizeof(text));
    else
        return;
    printf("  %s, %s port\n", text, port_of(fd) == 0 ? "no" : "a");
}

static void bind_lengths(const char *what, int family, int type)
{
    static const int lengths[] = {0, 1, 2, 8, 15, 16, 17, 23, 24, 27, 28, 29, 128, 129, 4096, -1, -4096};

    for (size_t i = 0; i < COUNT(lengths); i++) {
        int fd = open_one(family, type);

        printf("%s, %d bytes ", what, lengths[i]);
        CHECK("bind", bind(fd, &own.any, (socklen_t)lengths[i]));
        say_bound(fd);
        close(fd);
    }
}

static void binds(void)
{
    int fd = open_one(AF_INET, SOCK_STREAM);

    own_inet("127.0.0.1", 0);
    CHECK("no address", bind(fd, NO_POINTER, 0));
    CHECK("no address, 16 bytes", bind(fd, NO_POINTER, 16));
    CHECK("bad address", bind(fd, BAD_POINTER, 16));
    CHECK("bad address, no bytes", bind(fd, BAD_POINTER, 0));
    close(fd);
    bind_lengths("tcp", AF_INET, SOCK_STREAM);
    bind_lengths("udp", AF_INET, SOCK_DGRAM);
    bind_lengths("tcp6 to inet", AF_INET6, SOCK_STREAM);
    own_inet("0.0.0.0", 0);
    bind_lengths("tcp to any", AF_INET, SOCK_STREAM);
    own.any.sa_family = AF_UNSPEC;
    bind_lengths("AF_UNSPEC to any", AF_INET, SOCK_STREAM);
    own_inet("127.0.0.1", 0);
    own.any.sa_family = AF_UNSPEC;
    bind_lengths("AF_UNSPEC", AF_INET, SOCK_DGRAM);
    own_inet6("::1", 0);
    bind_lengths("tcp6", AF_INET6, SOCK_STREAM);
    bind_lengths("udp6", AF_INET6, SOCK_DGRAM);
    bind_lengths("tcp to inet6", AF_INET, SOCK_STREAM);
    own_inet6("::ffff:127.0.0.1", 0);
    bind_lengths("tcp6, v4-mapped", AF_INET6, SOCK_STREAM);
    own_inet6("::", 0);
    bind_lengths("tcp6 to any", AF_INET6, SOCK_STREAM);
    own_inet("203.0.113.9", 0);
    bind_lengths("not ours", AF_INET, SOCK_STREAM);
    own_inet("127.0.0.1", 80);
    bind_lengths("privileged port", AF_INET, SOCK_STREAM);
}

static void twice(void)
{
    int first = bound("127.0.0.1", 0, SOCK_STREAM);
    int second = open_one(AF_INET, SOCK_STREAM);
    int third = open_one(AF_INET, SOCK_DGRAM);

    own_inet("127.0.0.1", port_of(first));
    CHECK("bind of what is bound", bind(first, &own.any, 16));
    CHECK("bind to a port in use", bind(second, &own.any, 16));
    CHECK("bind to the same number by UDP", bind(third, &own.any, 16));
    CHECK("listen", listen(first, 5));
    CHECK("listen again", listen(first, 0));
    CHECK("listen, negative", listen(first, -1));
    close(first);
    close(second);
    close(third);
}

static void listens(void)
{
    int fds[] = {-1, 9999, open("/dev/null", O_RDWR), open(".", O_PATH), -1, -1, -1, -1, -1};
    struct sockaddr_in there;
    int client;

    fds[4] = open_one(AF_INET, SOCK_STREAM); /* not bound */
    fds[5] = bound("127.0.0.1", 0, SOCK_DGRAM);
    fds[6] = open_one(AF_INET6, SOCK_STREAM);
    fds[7] = open_one(AF_UNIX, SOCK_STREAM);
    fds[8] = open_one(AF_UNIX, SOCK_DGRAM);
    for (size_t i = 0; i < COUNT(fds); i++) {
        own_inet("127.0.0.1", 0);
        printf("descriptor %zu ", i);
        CHECK("listen", listen(fds[i], 1));
        say_bound(fds[i]);
        CHECK("  bind", bind(fds[i], &own.any, 16));
    }
    there = inet_address("127.0.0.1", port_of(fds[4]));
    client = open_one(AF_INET, SOCK_STREAM);
    CHECK("connect to what was not bound", connect(client, (struct sockaddr *)&there, sizeof(there)));
    CHECK("listen of what is connected", listen(client, 1));
    CHECK("accept of what was not bound", accept(fds[4], NULL, NULL) < 0);
    close(client);
    for (size_t i = 2; i < COUNT(fds); i++)
        close(fds[i]);
}

static void families(void)
{
    static const int odd[] = {AF_UNIX, AF_INET6, AF_NETLINK, AF_PACKET, 99, 65535};
    static const struct {
        int family, type;
    } sockets[] = {{AF_INET, SOCK_STREAM}, {AF_INET6, SOCK_DGRAM}, {AF_NETLINK, SOCK_RAW}};

    for (size_t i = 0; i < COUNT(sockets); i++) {
        for (size_t j = 0; j < COUNT(odd); j++) {
            int fd = open_one(sockets[i].family, sockets[i].type);

            memset(&own, 0, sizeof(own));
            own.any.sa_family = (sa_family_t)odd[j];
            printf("socket %d, family %d ", sockets[i].family, odd[j]);
            CHECK("bind", bind(fd, &own.any, 28));
            close(fd);
        }
    }
}

static void unix_paths(void)
{
    static const char *const paths[] = {"sock", "./sock", "other", "no/folder", "file", ""};
    static const int types[] = {SOCK_STREAM, SOCK_DGRAM};

    close((int)must("creat", creat("file", 0600)));
    for (size_t i = 0; i < COUNT(types); i++) {
        for (size_t j = 0; j < COUNT(paths); j++) {
            size_t text = strlen(paths[j]);
            int fd = open_one(AF_UNIX, types[i]);

            memset(&own, 0, sizeof(own));
            own.path.sun_family = AF_UNIX;
            memcpy(own.path.sun_path, paths[j], text);
            printf("unix %d \"%s\" ", types[i], paths[j]);
            CHECK("bind", bind(fd, &own.any, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + text)));
            CHECK("  bind again, all of it", bind(fd, &own.any, sizeof(own.path)));
            CHECK("  bind again, too long", bind(fd, &own.any, sizeof(own.path) + 1));
            CHECK("  listen", listen(fd, 1));
            CHECK("  is there", access(paths[j], F_OK));
            close(fd);
        }
        unlink("sock");
        unlink("other");
    }
}

static void unix_names(void)
{
    int first = unix_bound("sockade-test-local", SOCK_STREAM);
    int second = open_one(AF_UNIX, SOCK_STREAM);
    socklen_t length;
    struct sockaddr_un address = abstract_address("sockade-test-local", &length);

    CHECK("a name in use", bind(second, (struct sockaddr *)&address, length));
    CHECK("a name one longer", bind(second, (struct sockaddr *)&address, length + 1));
    say_bound(second);
    CHECK("listen", listen(second, 1));
    close(second);
    close(first);
}

static void other_families(void)
{
    struct sockaddr_nl netlink = {.nl_family = AF_NETLINK};
    struct sockaddr_alg alg = {.salg_family = AF_ALG, .salg_type = "hash", .salg_name = "sha256"};
    int fd = open_one(AF_NETLINK, SOCK_RAW);

    CHECK("netlink bind", bind(fd, (struct sockaddr *)&netlink, sizeof(netlink)));
    CHECK("netlink bind, short", bind(fd, (struct sockaddr *)&netlink, 4));
    close(fd);
    fd = socket(AF_ALG, SOCK_SEQPACKET, 0);
    CHECK("AF_ALG is there", fd < 0);
    if (fd >= 0) {
        CHECK("AF_ALG bind", bind(fd, (struct sockaddr *)&alg, sizeof(alg)));
        close(fd);
    }
}

static void reserved_ports(void)
{
    int fd = open_one(AF_INET, SOCK_STREAM);
    int six = open_one(AF_INET6, SOCK_STREAM);
    int again = open_one(AF_INET, SOCK_STREAM);
    struct sockaddr_in address = inet_address("127.0.0.1", 7);
    struct sockaddr_in6 wrong = inet6_address("::1", 7);
    int result;

    CHECK("bindresvport", result = bindresvport(fd, NULL));
    say_value("  a reserved port", port_of(fd) >= 512 && port_of(fd) < 1024);
    CHECK("bindresvport of what is bound", bindresvport(fd, NULL));
    errno = UNTOUCHED;
    result = bindresvport(again, &address);
    say("bindresvport to an address", result);
    if (result == 0) {
        say_value("  a reserved port", ntohs(address.sin_port) >= 512 && ntohs(address.sin_port) < 1024);
        say_value("  is the one", ntohs(address.sin_port) == port_of(again));
        say_value("  the address", address.sin_addr.s_addr == htonl(INADDR_LOOPBACK));
    }
    CHECK("bindresvport of another family", bindresvport(six, (struct sockaddr_in *)&wrong));
    CHECK("bindresvport of IPv6", bindresvport(six, NULL));
    CHECK("bindresvport of a closed descriptor", bindresvport(9999, NULL));
    CHECK("bindresvport of no socket", bindresvport(0, NULL));
    close(fd);
    close(six);
    close(again);
}

/* Sockets of all kinds, and options that SCTP would connect and bind by. */
static void sockets(void)
{
    static const int triples[][3] = {{AF_INET, SOCK_STREAM, 0},
                                     {AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_TCP},
                                     {AF_INET, SOCK_DGRAM, IPPROTO_TCP},
                                     {AF_INET, SOCK_STREAM, IPPROTO_SCTP},
                                     {AF_INET, 99, 0},
                                     {AF_INET, SOCK_STREAM, -1},
                                     {AF_UNIX, SOCK_SEQPACKET, 0},
                                     {AF_UNIX, SOCK_STREAM, 9},
                                     {AF_NETLINK, SOCK_RAW, 999},
                                     {0, SOCK_STREAM, 0},
                                     {-1, SOCK_STREAM, 0},
                                     {999, SOCK_STREAM, 0}};
    static const int options[] = {100, 101, 107, 110, 111};
    struct sockaddr_in address = inet_address("127.0.0.9", 9);
    int stream = open_one(AF_INET, SOCK_STREAM);

    for (size_t i = 0; i < COUNT(triples); i++) {
        int fd;

        errno = UNTOUCHED;
        fd = socket(triples[i][0], triples[i][1], triples[i][2]);
        printf("socket %zu ", i);
        say("is", fd < 0 ? fd : 0);
        if (fd >= 0)
            close(fd);
    }
    for (size_t i = 0; i < COUNT(options); i++) {
        socklen_t length = sizeof(address);

        printf("option %d ", options[i]);
        CHECK("setsockopt", setsockopt(stream, IPPROTO_SCTP, options[i], &address, sizeof(address)));
        CHECK("  nothing", setsockopt(stream, IPPROTO_SCTP, options[i], NO_POINTER, 0));
        CHECK("  nowhere", setsockopt(stream, IPPROTO_SCTP, options[i], BAD_POINTER, 16));
        CHECK("  negative", setsockopt(stream, IPPROTO_SCTP, options[i], &address, (socklen_t)-1));
        CHECK("  closed", setsockopt(9999, IPPROTO_SCTP, options[i], &address, sizeof(address)));
        CHECK("  getsockopt", getsockopt(stream, IPPROTO_SCTP, options[i], &address, &length));
        CHECK("  getsockopt nowhere", getsockopt(stream, IPPROTO_SCTP, options[i], NO_POINTER, &length));
        CHECK("  getsockopt of no length", getsockopt(stream, IPPROTO_SCTP, options[i], &address, NO_POINTER));
    }
    close(stream);
}

int main(void)
{
    deadline(30);
    umask(022);
    binds();
    twice();
    listens();
    families();
    unix_paths();
    unix_names();
    other_families();
    reserved_ports();
    sockets();
    return 0;
}
