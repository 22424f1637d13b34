/* SPDX-License-Identifier: MIT */
/*
 * Makes each socket call in a loop between two marks, for strace to count: on sockets of every kind, that came to the
 * process in every way a descriptor can.
 *
 * A mark is a write of text to descriptor -1, past libc's names. What is made around the loops (pushing data to
 * receive, taking back what was sent) goes past them too, so that what is counted beside the call itself is the same
 * bare and preloaded. The first call of each loop stands apart: a descriptor that is new here may be asked about once.
 *
 * usage: syscalls ROUNDS MANY FOLDER
 */
#include "state/call.c" /* past the hooks */

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

/* As the rules of syscalls.sh name them. */
#define PORT_STREAM 4001
#define PORT_OURS 4002
#define PORT_PEER 4003

#define BATCH 8
#define PULLED 4099 /* bytes that a pull asks for, and nothing else does */

enum kind { UDP4, UDP6, UNIX_DATAGRAM, TCP4, TCP6, TCP_WILDCARD, UNIX_STREAM, KINDS };
static const char *const kind_names[KINDS] = {"udp4", "udp6",         "unix-datagram", "tcp4",
                                              "tcp6", "tcp-wildcard", "unix-stream"};

/* What a kind is tested with; all of them come the same way. */
enum { OURS, PEER, LISTENER, FRESH, COUNT };
static enum kind kind;
static int fds[COUNT];
static struct sockaddr_storage peer_name; /* where OURS sends to, or FRESH connects to */
static socklen_t peer_length;
static int epoll_fd;
static int rounds;
static const char *origin;
static const char *folder;
static char bytes[16];
static char pulled[PULLED];

static void fail(const char *what)
{
    fprintf(stderr, "%s %s: %s: %m\n", origin == NULL ? "start" : origin, kind_names[kind], what);
    exit(1);
}

static int checked(int result, const char *what)
{
    if (result < 0)
        fail(what);
    return result;
}

static bool is_stream(void)
{
    return kind >= TCP4;
}

/* Names */

static void name_inet(struct sockaddr_storage *name, socklen_t *length, bool six, bool wildcard, uint16_t port)
{
    struct sockaddr_in inet = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct sockaddr_in6 inet6 = {.sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_addr = IN6ADDR_LOOPBACK_INIT};

    inet.sin_addr.s_addr = htonl(wildcard ? INADDR_ANY : INADDR_LOOPBACK);
    memset(name, 0, sizeof(*name));
    *length = six ? sizeof(inet6) : sizeof(inet);
    memcpy(name, six ? (void *)&inet6 : (void *)&inet, *length);
}

static void name_unix(struct sockaddr_storage *name, socklen_t *length, uint16_t port)
{
    struct sockaddr_un path = {.sun_family = AF_UNIX};

    snprintf(path.sun_path, sizeof(path.sun_path), "%s/%d", folder, port);
    memcpy(name, &path, sizeof(path));
    *length = sizeof(path);
}

static void name_make(struct sockaddr_storage *name, socklen_t *length, bool wildcard, uint16_t port)
{
    if (kind == UNIX_DATAGRAM || kind == UNIX_STREAM)
        name_unix(name, length, port);
    else
        name_inet(name, length, kind == UDP6 || kind == TCP6, wildcard, port);
}

/* Making the sockets */

static int socket_make(void)
{
    static const int domains[KINDS] = {AF_INET, AF_INET6, AF_UNIX, AF_INET, AF_INET6, AF_INET, AF_UNIX};

    return checked(socket(domains[kind], is_stream() ? SOCK_STREAM : SOCK_DGRAM, 0), "socket");
}

static int socket_bound(uint16_t port, bool wildcard)
{
    struct sockaddr_storage name;
    socklen_t length;
    int on = 1;
    int fd = socket_make();

    name_make(&name, &length, wildcard, port);
    if (kind == UNIX_DATAGRAM || kind == UNIX_STREAM)
        unlink(((struct sockaddr_un *)&name)->sun_path);
    else
        checked(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)), "SO_REUSEADDR");
    checked(bind(fd, (struct sockaddr *)&name, length), "bind");
    return fd;
}

static void sockets_make(void)
{
    name_make(&peer_name, &peer_length, false, is_stream() ? PORT_STREAM : PORT_PEER);
    fds[FRESH] = socket_make();
    if (!is_stream()) {
        fds[OURS] = socket_bound(PORT_OURS, false);
        fds[PEER] = socket_bound(PORT_PEER, false);
        fds[LISTENER] = socket_make();
        return;
    }
    fds[LISTENER] = socket_bound(PORT_STREAM, kind == TCP_WILDCARD);
    checked(listen(fds[LISTENER], 16), "listen");
    fds[OURS] = socket_make();
    checked(connect(fds[OURS], (struct sockaddr *)&peer_name, peer_length), "connect");
    fds[PEER] = checked(accept(fds[LISTENER], NULL, NULL), "accept");
}

static void sockets_close(void)
{
    for (int i = 0; i < COUNT; i++)
        close(fds[i]);
}

/* Around the loops */

static void mark(const char *what, const char *op)
{
    char text[96];
    int length = snprintf(text, sizeof(text), "%s %s %s %s", what, origin, kind_names[kind], op);

    kernel_call(SYS_write, -1, text, length);
}

/* The peer sends a byte to us. */
static void push(void)
{
    struct sockaddr_storage name;
    socklen_t length;

    name_make(&name, &length, false, PORT_OURS);
    if (is_stream())
        length = 0;
    checked((int)kernel_call(SYS_sendto, fds[PEER], "x", 1, 0, length == 0 ? NULL : &name, length), "push");
}

/* Takes back what was sent: in one call or in more, as it comes. So these are not counted, and known by their size. */
static void pull(int fd)
{
    while (kernel_call(SYS_recvfrom, fd, pulled, PULLED, MSG_DONTWAIT, NULL, NULL) > 0)
        continue;
}

/* The calls */

static void call_sendto(void)
{
    checked((int)sendto(fds[OURS], "x", 1, 0, (struct sockaddr *)&peer_name, peer_length), "sendto");
    pull(fds[PEER]);
}

/* Nobody takes these back: what finds no room is dropped. */
static void call_sendto_alone(void)
{
    checked((int)sendto(fds[OURS], "x", 1, 0, (struct sockaddr *)&peer_name, peer_length), "sendto");
}

static void call_send(void)
{
    checked((int)send(fds[OURS], "x", 1, 0), "send");
    pull(fds[PEER]);
}

static void call_write(void)
{
    checked((int)write(fds[OURS], "x", 1), "write");
    pull(fds[PEER]);
}

static void call_sendmsg(void)
{
    struct iovec part = {bytes, 1};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};

    if (!is_stream()) {
        message.msg_name = &peer_name;
        message.msg_namelen = peer_length;
    }
    checked((int)sendmsg(fds[OURS], &message, 0), "sendmsg");
    pull(fds[PEER]);
}

static void call_sendmmsg(void)
{
    struct iovec part = {bytes, 1};
    struct mmsghdr batch[BATCH] = {0};

    for (int i = 0; i < BATCH; i++) {
        batch[i].msg_hdr = (struct msghdr){.msg_iov = &part, .msg_iovlen = 1};
        if (!is_stream()) {
            batch[i].msg_hdr.msg_name = &peer_name;
            batch[i].msg_hdr.msg_namelen = peer_length;
        }
    }
    checked(sendmmsg(fds[OURS], batch, BATCH, 0), "sendmmsg");
    pull(fds[PEER]);
}

static void call_recvfrom(void)
{
    struct sockaddr_storage from;
    socklen_t length = sizeof(from);

    push();
    checked((int)recvfrom(fds[OURS], bytes, sizeof(bytes), 0, (struct sockaddr *)&from, &length), "recvfrom");
}

static void call_recv(void)
{
    push();
    checked((int)recv(fds[OURS], bytes, sizeof(bytes), 0), "recv");
}

static void call_read(void)
{
    push();
    checked((int)read(fds[OURS], bytes, sizeof(bytes)), "read");
}

static void call_recvmsg(void)
{
    struct sockaddr_storage from;
    struct iovec part = {bytes, sizeof(bytes)};
    struct msghdr message = {.msg_name = &from, .msg_namelen = sizeof(from), .msg_iov = &part, .msg_iovlen = 1};

    push();
    checked((int)recvmsg(fds[OURS], &message, 0), "recvmsg");
}

static void call_recvmmsg(void)
{
    struct iovec part = {bytes, 1};
    struct mmsghdr batch[BATCH] = {0};

    for (int i = 0; i < BATCH; i++) {
        batch[i].msg_hdr = (struct msghdr){.msg_iov = &part, .msg_iovlen = 1};
        push();
    }
    checked(recvmmsg(fds[OURS], batch, BATCH, MSG_DONTWAIT, NULL), "recvmmsg");
}

static void call_poll(void)
{
    struct pollfd one = {.fd = fds[OURS], .events = POLLIN};

    checked(poll(&one, 1, 0), "poll");
}

static void call_select(void)
{
    struct timeval time = {0, 0};
    fd_set reading;

    FD_ZERO(&reading);
    FD_SET(fds[OURS], &reading);
    checked(select(fds[OURS] + 1, &reading, NULL, NULL, &time), "select");
}

static void call_epoll_wait(void)
{
    struct epoll_event event;

    checked(epoll_wait(epoll_fd, &event, 1, 0), "epoll_wait");
}

static void call_connect(void)
{
    const struct sockaddr nowhere = {.sa_family = AF_UNSPEC};

    checked(connect(fds[FRESH], (struct sockaddr *)&peer_name, peer_length), "connect");
    if (!is_stream())
        return;
    close(checked((int)kernel_call(SYS_accept, fds[LISTENER], NULL, NULL), "accept"));
    kernel_call(SYS_connect, fds[FRESH], &nowhere, sizeof(nowhere)); /* the connection ends, the socket does not */
}

static void call_accept(void)
{
    int client = socket_make();

    checked((int)kernel_call(SYS_connect, client, &peer_name, peer_length), "connect");
    close(checked(accept(fds[LISTENER], NULL, NULL), "accept"));
    close(client);
}

static void call_socket(void)
{
    close(socket_make());
}

/* The loops */

static void loop(const char *op, void (*call)(void), int count)
{
    mark("first", op);
    call();
    mark("begin", op);
    for (int i = 0; i < count; i++)
        call();
    mark("end", op);
}

static void loop_close(void)
{
    mark("begin", "close");
    close(fds[OURS]);
    close(fds[PEER]);
    mark("end", "close");
}

/* Waits, of which each finds a byte to read. */
static void loops_of_waits(void)
{
    struct epoll_event event = {.events = EPOLLIN};

    epoll_fd = checked(epoll_create1(0), "epoll_create1");
    checked(epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fds[OURS], &event), "epoll_ctl");
    push();
    loop("poll", call_poll, rounds);
    loop("select", call_select, rounds);
    loop("epoll_wait", call_epoll_wait, rounds);
    pull(fds[OURS]);
    close(epoll_fd);
}

static void loops(void)
{
    if (!is_stream())
        loop("sendto", call_sendto, rounds);
    loop("sendmsg", call_sendmsg, rounds);
    loop("sendmmsg", call_sendmmsg, rounds);
    loop("recvfrom", call_recvfrom, rounds);
    loop("recv", call_recv, rounds);
    loop("recvmsg", call_recvmsg, rounds);
    loop("recvmmsg", call_recvmmsg, rounds);
    loop("read", call_read, rounds);
    loops_of_waits();
    if (!is_stream()) /* what follows goes where the socket is connected to */
        checked(connect(fds[OURS], (struct sockaddr *)&peer_name, peer_length), "connect");
    loop("send", call_send, rounds);
    loop("write", call_write, rounds);
    loop("socket", call_socket, rounds);
    if (kind != UNIX_STREAM) /* a Unix stream connects once */
        loop("connect", call_connect, rounds);
    if (is_stream())
        loop("accept", call_accept, rounds);
    loop_close();
}

/* How descriptors come to a process */

static void renumber(int i, int number)
{
    checked(dup2(fds[i], number), "dup2");
    close(fds[i]);
    fds[i] = number;
}

/* Onto numbers that belong to sockets of another kind, or to no socket. */
static void duplicate_over(bool sockets)
{
    for (int i = 0; i < COUNT; i++) {
        int over = sockets ? socket(AF_INET, is_stream() ? SOCK_DGRAM : SOCK_STREAM, 0) : open("/dev/null", O_RDWR);

        renumber(i, checked(over, "another descriptor"));
    }
}

static void pass(void)
{
    union {
        struct cmsghdr header;
        char room[CMSG_SPACE(sizeof(fds))];
    } control = {.header = {.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(fds))}};
    struct iovec part = {bytes, 1};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)};
    int pair[2];

    checked(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), "socketpair");
    memcpy(CMSG_DATA(&control.header), fds, sizeof(fds));
    checked((int)sendmsg(pair[0], &message, 0), "pass");
    sockets_close();
    checked((int)recvmsg(pair[1], &message, 0), "take");
    memcpy(fds, CMSG_DATA(&control.header), sizeof(fds));
    close(pair[0]);
    close(pair[1]);
}

static void swap_ends(void)
{
    int ours = fds[OURS];

    fds[OURS] = fds[PEER];
    fds[PEER] = ours;
}

/* In a child, which keeps what it has; or behind exec, where nothing is known any more. */
static void inherit(const char *program, bool executes)
{
    pid_t child = checked(fork(), "fork");
    int status;

    if (child == 0) {
        char words[COUNT][12], number[12], rounds_text[12];

        if (!executes) {
            loops();
            _exit(0);
        }
        for (int i = 0; i < COUNT; i++)
            snprintf(words[i], sizeof(words[i]), "%d", fds[i]);
        snprintf(number, sizeof(number), "%d", (int)kind);
        snprintf(rounds_text, sizeof(rounds_text), "%d", rounds);
        execl(program, program, "inherited", folder, rounds_text, number, words[OURS], words[PEER], words[LISTENER],
              words[FRESH], (char *)NULL);
        fail("exec");
    }
    checked(waitpid(child, &status, 0), "waitpid");
    if (status != 0)
        exit(1);
}

static void inherited(char *words[])
{
    origin = "execed";
    folder = words[0];
    rounds = atoi(words[1]);
    kind = (enum kind)atoi(words[2]);
    for (int i = 0; i < COUNT; i++)
        fds[i] = atoi(words[3 + i]);
    name_make(&peer_name, &peer_length, false, is_stream() ? PORT_STREAM : PORT_PEER);
    loops();
}

static void test_kind(const char *program)
{
    static const char *const origins[] = {"opened", "duplicated", "over-socket", "over-file",
                                          "passed", "forked",     "execed",      "accepted"};

    for (size_t i = 0; i < sizeof(origins) / sizeof(origins[0]); i++) {
        origin = origins[i];
        if (strcmp(origin, "accepted") == 0 && !is_stream())
            continue;
        sockets_make();
        if (strcmp(origin, "duplicated") == 0) {
            for (int j = 0; j < COUNT; j++)
                renumber(j, 100 + j);
        } else if (strncmp(origin, "over", 4) == 0) {
            duplicate_over(strcmp(origin, "over-socket") == 0);
        } else if (strcmp(origin, "passed") == 0) {
            pass();
        } else if (strcmp(origin, "accepted") == 0) {
            swap_ends();
        }
        if (strcmp(origin, "forked") == 0 || strcmp(origin, "execed") == 0)
            inherit(program, strcmp(origin, "execed") == 0);
        else
            loops();
        sockets_close();
    }
}

int main(int argc, char *argv[])
{
    if (argc == 9 && strcmp(argv[1], "inherited") == 0) {
        inherited(argv + 2);
        return 0;
    }
    if (argc != 4)
        return 2;
    rounds = atoi(argv[1]);
    folder = argv[3];
    for (kind = 0; kind < KINDS; kind++)
        test_kind(argv[0]);
    /* Many of the two that name a peer. */
    kind = UDP4;
    origin = "many";
    sockets_make();
    loop("connect", call_connect, atoi(argv[2]));
    loop("sendto", call_sendto_alone, atoi(argv[2]));
    return 0;
}
