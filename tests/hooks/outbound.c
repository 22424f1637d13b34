/* SPDX-License-Identifier: MIT */
/*
 * Every way to connect to a peer that no rule refuses: run bare and with the shim, the output must be the same.
 */
#include "hook_test.h"

#include <fcntl.h>
#include <linux/netlink.h>
#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

int __connect(int fd, const struct sockaddr *address, socklen_t length);

/* Room for addresses that are longer than any. */
static union {
    struct sockaddr any;
    struct sockaddr_in inet;
    struct sockaddr_in6 inet6;
    struct sockaddr_un path;
    char bytes[8192];
} peer;

static const int lengths[] = {0, 1, 2, 8, 15, 16, 17, 23, 24, 27, 28, 29, 110, 111, 128, 129, 4096, -1, -4096};
static int receiver, receiver6, listener, listener6;
static uint16_t tcp_port, tcp6_port, udp_port, udp6_port; /* theirs */
static uint16_t closed_port;                              /* nobody has it, by TCP or UDP */

static void peer_inet(const char *text, uint16_t port)
{
    memset(&peer, 0, sizeof(peer));
    peer.inet = inet_address(text, port);
}

static void peer_inet6(const char *text, uint16_t port)
{
    memset(&peer, 0, sizeof(peer));
    peer.inet6 = inet6_address(text, port);
}

static int open_one(int family, int type, int protocol)
{
    return (int)must("socket", socket(family, type, protocol));
}

static void say_connected(int fd)
{
    struct sockaddr_storage address;
    socklen_t length = sizeof(address);

    CHECK("  peer", getpeername(fd, (struct sockaddr *)&address, &length));
    say_value("  length", length);
}

/* How many datagrams wait, and of what length. */
static void say_arrived(int fd)
{
    char buffer[64];
    long got;

    printf("  arrived:");
    while ((got = recv(fd, buffer, sizeof(buffer), MSG_DONTWAIT | MSG_TRUNC)) >= 0)
        printf(" %ld", got);
    printf("\n");
}

static void connect_lengths(const char *what, int family, int type)
{
    for (size_t i = 0; i < COUNT(lengths); i++) {
        int fd = open_one(family, type, 0);

        printf("%s, %d bytes ", what, lengths[i]);
        CHECK("connect", connect(fd, &peer.any, (socklen_t)lengths[i]));
        say_connected(fd);
        close(fd);
    }
}

static void connect_addresses(void)
{
    int fd = open_one(AF_INET, SOCK_STREAM, 0);

    peer_inet("127.0.0.1", tcp_port);
    CHECK("no address", connect(fd, NO_POINTER, 0));
    CHECK("no address, 16 bytes", connect(fd, NO_POINTER, 16));
    CHECK("no address, -1 bytes", connect(fd, NO_POINTER, (socklen_t)-1));
    CHECK("bad address", connect(fd, BAD_POINTER, 16));
    CHECK("bad address, no bytes", connect(fd, BAD_POINTER, 0));
    CHECK("bad address, 200 bytes", connect(fd, BAD_POINTER, 200));
    CHECK("__connect", __connect(fd, &peer.any, 16));
    CHECK("connect again", connect(fd, &peer.any, 16));
    close(fd);
    connect_lengths("tcp", AF_INET, SOCK_STREAM);
    connect_lengths("udp", AF_INET, SOCK_DGRAM);
    connect_lengths("tcp6 to inet", AF_INET6, SOCK_STREAM);
    peer_inet("127.0.0.1", udp_port);
    connect_lengths("udp6 to inet", AF_INET6, SOCK_DGRAM);
    peer_inet6("::1", tcp6_port);
    connect_lengths("tcp6", AF_INET6, SOCK_STREAM);
    connect_lengths("udp6", AF_INET6, SOCK_DGRAM);
    connect_lengths("tcp to inet6", AF_INET, SOCK_STREAM);
    peer_inet6("::ffff:127.0.0.1", tcp_port);
    connect_lengths("tcp6, v4-mapped", AF_INET6, SOCK_STREAM);
    peer_inet("0.0.0.0", tcp_port);
    connect_lengths("tcp to 0.0.0.0", AF_INET, SOCK_STREAM);
    peer_inet6("::", tcp6_port);
    connect_lengths("tcp6 to ::", AF_INET6, SOCK_STREAM);
}

static void families(void)
{
    static const int odd[] = {AF_UNIX, AF_INET, AF_INET6, AF_NETLINK, AF_PACKET, AF_VSOCK, 99, 65535};
    static const struct {
        int family, type;
    } sockets[] = {{AF_INET, SOCK_STREAM}, {AF_INET, SOCK_DGRAM}, {AF_INET6, SOCK_STREAM}, {AF_INET6, SOCK_DGRAM},
                   {AF_UNIX, SOCK_STREAM}, {AF_UNIX, SOCK_DGRAM}, {AF_NETLINK, SOCK_RAW}};

    peer_inet("127.0.0.1", tcp_port);
    for (size_t i = 0; i < COUNT(sockets); i++) {
        for (size_t j = 0; j < COUNT(odd); j++) {
            int fd = open_one(sockets[i].family, sockets[i].type | SOCK_NONBLOCK, 0);

            peer.any.sa_family = (sa_family_t)odd[j];
            printf("socket %d %d, family %d ", sockets[i].family, sockets[i].type, odd[j]);
            CHECK("connect", connect(fd, &peer.any, 28));
            CHECK("  sendto", sendto(fd, "x", 1, MSG_NOSIGNAL, &peer.any, 28));
            close(fd);
        }
    }
    say_arrived(receiver);
    say_arrived(receiver6);
}

static void descriptors(void)
{
    int fds[] = {-1, 9999, 0, 0, 0, 0};

    fds[2] = open("/dev/null", O_RDWR);
    fds[3] = open(".", O_RDONLY | O_DIRECTORY);
    fds[4] = open(".", O_PATH);
    fds[5] = epoll_create1(0);
    for (size_t i = 0; i < COUNT(fds); i++) {
        struct iovec part = {(char[]){"x"}, 1};
        struct mmsghdr entry = {.msg_hdr = {.msg_name = &peer, .msg_namelen = 16, .msg_iov = &part, .msg_iovlen = 1}};

        peer_inet("127.0.0.1", udp_port);
        printf("descriptor %zu ", i);
        CHECK("connect", connect(fds[i], &peer.any, 16));
        CHECK("  connect to nothing", connect(fds[i], NO_POINTER, 16));
        CHECK("  sendto", sendto(fds[i], "x", 1, 0, &peer.any, 16));
        CHECK("  sendmsg", sendmsg(fds[i], &entry.msg_hdr, 0));
        CHECK("  sendmmsg", sendmmsg(fds[i], &entry, 1, 0));
        CHECK("  Fast Open", sendto(fds[i], "x", 1, MSG_FASTOPEN, &peer.any, 16));
    }
    for (size_t i = 2; i < COUNT(fds); i++)
        close(fds[i]);
}

/* AF_UNSPEC in connect dissolves. */
static void unspecified(void)
{
    int fd = open_one(AF_INET, SOCK_DGRAM, 0);
    struct sockaddr nothing = {.sa_family = AF_UNSPEC};

    peer_inet("127.0.0.1", udp_port);
    CHECK("udp connect", connect(fd, &peer.any, 16));
    CHECK("udp send", send(fd, "abc", 3, 0));
    CHECK("udp disconnect", connect(fd, &nothing, sizeof(nothing)));
    CHECK("udp send after it", send(fd, "x", 1, 0));
    CHECK("udp disconnect, 2 bytes", connect(fd, &nothing, 2));
    CHECK("udp reconnect", connect(fd, &peer.any, 16));
    peer_inet("127.0.0.1", closed_port);
    CHECK("udp connect elsewhere", connect(fd, &peer.any, 16));
    CHECK("udp send to nobody", send(fd, "x", 1, 0));
    CHECK("udp send and hear of it", sendto(fd, "x", 1, 0, NULL, 0));
    peer_inet("127.0.0.1", udp_port);
    CHECK("udp sendto past the peer", sendto(fd, "abcd", 4, 0, &peer.any, 16));
    close(fd);
    say_arrived(receiver);
    fd = open_one(AF_INET, SOCK_STREAM, 0);
    CHECK("tcp disconnect of nothing", connect(fd, &nothing, sizeof(nothing)));
    peer_inet("127.0.0.1", tcp_port);
    CHECK("tcp connect", connect(fd, &peer.any, 16));
    CHECK("tcp disconnect", connect(fd, &nothing, sizeof(nothing)));
    CHECK("tcp reconnect", connect(fd, &peer.any, 16));
    close(fd);
    fd = open_one(AF_UNIX, SOCK_DGRAM, 0);
    CHECK("Unix disconnect", connect(fd, &nothing, sizeof(nothing)));
    close(fd);
    fd = open_one(AF_INET6, SOCK_DGRAM, 0);
    CHECK("udp6 disconnect", connect(fd, &nothing, sizeof(nothing)));
    close(fd);
}

static void sendto_unspecified(void)
{
    int fd = open_one(AF_INET, SOCK_DGRAM, 0);
    int six = open_one(AF_INET6, SOCK_DGRAM, 0);

    peer_inet("127.0.0.1", udp_port);
    peer.any.sa_family = AF_UNSPEC;
    CHECK("AF_UNSPEC on udp", sendto(fd, "x", 1, 0, &peer.any, 16));
    CHECK("AF_UNSPEC on udp, 15 bytes", sendto(fd, "x", 1, 0, &peer.any, 15));
    CHECK("AF_UNSPEC on udp6", sendto(six, "x", 1, 0, &peer.any, 28));
    say_arrived(receiver);
    peer_inet6("::1", udp6_port);
    CHECK("udp6 connect", connect(six, &peer.any, 28));
    peer.any.sa_family = AF_UNSPEC;
    CHECK("AF_UNSPEC on connected udp6", sendto(six, "xy", 2, 0, &peer.any, 28));
    say_arrived(receiver6);
    close(fd);
    close(six);
}

/* Waits for what a non-blocking connect began. */
static void say_outcome(int fd)
{
    struct pollfd one = {.fd = fd, .events = POLLOUT};
    int error = 0;
    socklen_t length = sizeof(error);

    CHECK("  poll", poll(&one, 1, 2000));
    CHECK("  SO_ERROR", getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length));
    say_value("  is", error);
    CHECK("  connect again", connect(fd, &peer.any, 16));
    CHECK("  and again", connect(fd, &peer.any, 16));
}

static void nonblocking(void)
{
    int fd = open_one(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

    peer_inet("127.0.0.1", tcp_port);
    CHECK("non-blocking connect", connect(fd, &peer.any, 16));
    say_outcome(fd);
    close(fd);
    peer_inet("127.0.0.1", closed_port);
    fd = open_one(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    CHECK("non-blocking connect to nobody", connect(fd, &peer.any, 16));
    say_outcome(fd);
    close(fd);
    fd = open_one(AF_INET, SOCK_STREAM, 0);
    CHECK("connect to nobody", connect(fd, &peer.any, 16));
    CHECK("once more", connect(fd, &peer.any, 16));
    close(fd);
    peer_inet("127.0.0.1", 0);
    fd = open_one(AF_INET, SOCK_STREAM, 0);
    CHECK("connect to port 0", connect(fd, &peer.any, 16));
    peer_inet("224.0.0.1", tcp_port);
    CHECK("tcp connect to multicast", connect(fd, &peer.any, 16));
    peer_inet("127.0.0.1", tcp_port);
    CHECK("connect of a listener", connect(listener, &peer.any, 16));
    close(fd);
}

/* TCP by other names, and UDP-Lite. */
static void protocols(void)
{
    static const struct {
        const char *name;
        int type, protocol;
    } all[] = {{"mptcp", SOCK_STREAM, IPPROTO_MPTCP},
               {"udplite", SOCK_DGRAM, IPPROTO_UDPLITE},
               {"icmp", SOCK_DGRAM, IPPROTO_ICMP},
               {"raw", SOCK_RAW, 253}};

    for (size_t i = 0; i < COUNT(all); i++) {
        int fd = socket(AF_INET, all[i].type, all[i].protocol);

        printf("%s ", all[i].name);
        CHECK("is there", fd < 0);
        if (fd < 0)
            continue;
        peer_inet("127.0.0.1", all[i].type == SOCK_STREAM ? tcp_port : closed_port);
        CHECK("  sendto", sendto(fd, "\10\0\0\0\0\0\0\0", 8, MSG_NOSIGNAL, &peer.any, 16));
        CHECK("  connect", connect(fd, &peer.any, 16));
        CHECK("  send", send(fd, "\10\0\0\0\0\0\0\0", 8, MSG_NOSIGNAL));
        close(fd);
    }
}

static int unix_open(const char *path, int type)
{
    int fd = open_one(AF_UNIX, type, 0);

    memset(&peer, 0, sizeof(peer));
    peer.path.sun_family = AF_UNIX;
    memcpy(peer.path.sun_path, path, strlen(path));
    return fd;
}

static void unix_paths(void)
{
    static const int types[] = {SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET};
    static const char *const paths[] = {"stream", "./stream", "nobody", "dgram", "link", "file", "no/folder", ""};
    int stream = unix_open("stream", SOCK_STREAM);
    int dgram;

    must("bind", bind(stream, &peer.any, sizeof(peer.path)));
    must("listen", listen(stream, 100));
    dgram = unix_open("dgram", SOCK_DGRAM);
    must("bind", bind(dgram, &peer.any, sizeof(peer.path)));
    must("symlink", symlink("stream", "link"));
    close((int)must("creat", creat("file", 0600)));
    for (size_t i = 0; i < COUNT(types); i++) {
        for (size_t j = 0; j < COUNT(paths); j++) {
            int fd = unix_open(paths[j], types[i]);
            socklen_t text = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(paths[j]));

            printf("unix %d \"%s\" ", types[i], paths[j]);
            CHECK("connect", connect(fd, &peer.any, text));
            CHECK("  with a NUL", connect(fd, &peer.any, text + 1));
            CHECK("  all of it", connect(fd, &peer.any, sizeof(peer.path)));
            CHECK("  and more", connect(fd, &peer.any, sizeof(peer.path) + 1));
            CHECK("  sendto", sendto(fd, "x", 1, MSG_NOSIGNAL, &peer.any, text));
            close(fd);
        }
    }
    say_arrived(dgram);
    close(stream);
    close(dgram);
}

static void unix_names(void)
{
    int named = unix_bound("sockade-test-outbound", SOCK_STREAM);
    socklen_t length;

    must("listen", listen(named, 0));
    for (int extra = -1; extra <= 1; extra++) {
        int fd = open_one(AF_UNIX, SOCK_STREAM, 0);
        struct sockaddr_un address = abstract_address("sockade-test-outbound", &length);

        printf("abstract name, %d more ", extra);
        CHECK("connect", connect(fd, (struct sockaddr *)&address, length + (socklen_t)extra));
        close(fd);
    }
    close(named);
}

static void netlink(void)
{
    int fd = open_one(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
    struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
    struct nlmsghdr nothing = {.nlmsg_len = sizeof(nothing), .nlmsg_type = NLMSG_NOOP};

    CHECK("netlink connect", connect(fd, (struct sockaddr *)&kernel, sizeof(kernel)));
    CHECK("netlink sendto", sendto(fd, &nothing, sizeof(nothing), 0, (struct sockaddr *)&kernel, sizeof(kernel)));
    CHECK("netlink sendto, short", sendto(fd, &nothing, sizeof(nothing), 0, (struct sockaddr *)&kernel, 4));
    close(fd);
}

/* Waits and cancellation: a Unix listener whose queue is full. */

static int full; /* a socket whose connect waits */

static void on_alarm(int number)
{
    (void)number;
}

static void *connects(void *argument)
{
    (void)argument;
    connect(full, &peer.any, sizeof(peer.path));
    return NULL;
}

/* A connect that cannot wait, in a thread with a cancellation pending. */
static void *connects_at_once(void *argument)
{
    struct sockaddr_in address = inet_address("127.0.0.1", tcp_port);

    (void)argument;
    pthread_cancel(pthread_self());
    connect(full, (struct sockaddr *)&address, sizeof(address));
    return NULL;
}

static void waits(void)
{
    struct sigaction action = {0};
    struct itimerval often = {.it_interval = {.tv_usec = 40000}, .it_value = {.tv_usec = 40000}};
    struct itimerval never = {0};
    int queue = unix_open("full", SOCK_STREAM);
    int one = open_one(AF_UNIX, SOCK_STREAM, 0);
    int two = open_one(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

    must("bind", bind(queue, &peer.any, sizeof(peer.path)));
    must("listen", listen(queue, 0));
    CHECK("queue", connect(one, &peer.any, sizeof(peer.path)));
    CHECK("full queue, non-blocking", connect(two, &peer.any, sizeof(peer.path)));
    full = open_one(AF_UNIX, SOCK_STREAM, 0);
    run_cancelled("cancelled while it waits", connects, true);
    run_cancelled("cancelled before", connects_at_once, false);
    action.sa_handler = on_alarm;
    must("sigaction", sigaction(SIGALRM, &action, NULL));
    must("setitimer", setitimer(ITIMER_REAL, &often, NULL));
    CHECK("interrupted", connect(full, &peer.any, sizeof(peer.path)));
    must("setitimer", setitimer(ITIMER_REAL, &never, NULL));
    close(queue);
    close(one);
    close(two);
    close(full);
}

/* A port that nobody has: TCP's stays bound and does not listen, UDP's is given back when the others have theirs. */
static int reserve(int *tcp)
{
    for (;;) {
        int udp = (int)must("socket", socket(AF_INET, SOCK_DGRAM, 0));

        *tcp = bound("127.0.0.1", 0, SOCK_STREAM);
        closed_port = port_of(*tcp);
        peer_inet("127.0.0.1", closed_port);
        if (bind(udp, &peer.any, 16) == 0)
            return udp;
        close(udp);
        close(*tcp);
    }
}

int main(void)
{
    int reserved_tcp;
    int reserved_udp = reserve(&reserved_tcp);

    deadline(30);
    listener = bound("127.0.0.1", 0, SOCK_STREAM);
    listener6 = bound("::1", 0, SOCK_STREAM);
    must("listen", listen(listener, 1000));
    must("listen", listen(listener6, 1000));
    receiver = bound("127.0.0.1", 0, SOCK_DGRAM);
    receiver6 = bound("::1", 0, SOCK_DGRAM);
    tcp_port = port_of(listener);
    tcp6_port = port_of(listener6);
    udp_port = port_of(receiver);
    udp6_port = port_of(receiver6);
    close(reserved_udp);

    connect_addresses();
    families();
    descriptors();
    unspecified();
    sendto_unspecified();
    nonblocking();
    protocols();
    unix_paths();
    unix_names();
    netlink();
    waits();
    close(reserved_tcp);
    return 0;
}
