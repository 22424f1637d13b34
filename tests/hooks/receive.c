/* SPDX-License-Identifier: MIT */
/*
 * Every way to receive a datagram that no rule refuses: run bare and with the shim, the output must be the same.
 */
#include "hook_test.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/uio.h>
#include <sys/wait.h>

ssize_t __recv_chk(int fd, void *buffer, size_t size, size_t room, int flags);
ssize_t __recvfrom_chk(int fd, void *buffer, size_t size, size_t room, int flags, struct sockaddr *address,
                       socklen_t *length);
ssize_t __read_chk(int fd, void *buffer, size_t size, size_t room);
ssize_t __read(int fd, void *buffer, size_t size);

static int in, out; /* UDP on 127.0.0.1 */
static uint16_t port;
static char buffer[256];
static volatile int minus_one = -1, too_many = 1025;

/* Puts a datagram into the queue of `in`. */
static void queue(const char *text)
{
    send_text(out, port, text);
}

/* Empties the queue of `in`, by a call that is not tested here. */
static void drain(void)
{
    struct pollfd entry = {.fd = in, .events = POLLIN};

    while (poll(&entry, 1, 0) > 0 && (entry.revents & POLLIN))
        recv(in, buffer, sizeof(buffer), MSG_DONTWAIT);
}

static bool is_from_out(const struct sockaddr_in *address)
{
    return address->sin_family == AF_INET && address->sin_port == htons(port_of(out)) &&
           address->sin_addr.s_addr == htonl(INADDR_LOOPBACK);
}

static void recvfrom_addresses(void)
{
    static const int lengths[] = {0, 1, 4, 15, 16, 17, 28, 128, 4096, -1, -4096};
    struct sockaddr_in *address = (struct sockaddr_in *)(void *)buffer;
    socklen_t length;

    for (size_t i = 0; i < COUNT(lengths); i++) {
        char data[16];

        queue("hello");
        memset(buffer, '.', 32);
        length = (socklen_t)lengths[i];
        printf("room %d ", lengths[i]);
        CHECK("recvfrom", recvfrom(in, data, sizeof(data), MSG_DONTWAIT, (struct sockaddr *)address, &length));
        say_value("length", (int)length);
        say_value("family", (unsigned char)buffer[0]);
        say_value("behind", buffer[16] == '.' && buffer[31] == '.');
        if (lengths[i] >= 16)
            say_value("source", is_from_out(address));
        drain();
    }
    queue("hello");
    CHECK("no address", recvfrom(in, buffer, sizeof(buffer), 0, NULL, NULL));
    queue("hello");
    CHECK("no address, bad length", recvfrom(in, buffer, sizeof(buffer), 0, NULL, BAD_POINTER));
    queue("hello");
    CHECK("address without length", recvfrom(in, buffer, sizeof(buffer), 0, (struct sockaddr *)address, NULL));
    drain();
    queue("hello");
    length = 16;
    CHECK("bad address", recvfrom(in, buffer, sizeof(buffer), 0, BAD_POINTER, &length));
    drain();
    queue("hello");
    CHECK("bad length", recvfrom(in, buffer, sizeof(buffer), 0, (struct sockaddr *)address, BAD_POINTER));
    drain();
}

static void recv_buffers(void)
{
    queue("hello");
    CHECK("bad buffer", recv(in, BAD_POINTER, 16, 0));
    drain();
    queue("hello");
    CHECK("short buffer", recv(in, buffer, 2, 0));
    CHECK("the rest is gone", recv(in, buffer, 16, MSG_DONTWAIT));
    queue("hello");
    CHECK("short buffer, MSG_TRUNC", recv(in, buffer, 2, MSG_TRUNC));
    queue("hello");
    CHECK("no buffer", recv(in, NULL, 0, 0));
    CHECK("took it all the same", recv(in, buffer, 16, MSG_DONTWAIT));
    queue("");
    CHECK("empty datagram", recv(in, buffer, 16, 0));
    queue("hello");
    CHECK("endless buffer", recv(in, buffer, ENDLESS, 0));
    drain();
    queue("hello");
    CHECK("MSG_WAITALL", recv(in, buffer, 16, MSG_WAITALL));
    queue("one");
    queue("two");
    CHECK("MSG_PEEK", recv(in, buffer, 16, MSG_PEEK));
    say_text("peeked", buffer, 3);
    CHECK("MSG_PEEK | MSG_TRUNC", recv(in, buffer, 1, MSG_PEEK | MSG_TRUNC));
    CHECK("after a peek", recvfrom(in, buffer, 16, 0, NULL, NULL));
    say_text("taken", buffer, 3);
    CHECK("then the next", recv(in, buffer, 16, 0));
    say_text("taken", buffer, 3);
}

static void recv_errors(void)
{
    int pipes[2];
    int file = (int)must("open", open("/dev/null", O_RDWR));

    must("pipe", pipe(pipes));
    CHECK("recv, MSG_DONTWAIT", recv(in, buffer, 16, MSG_DONTWAIT));
    CHECK("recvfrom, MSG_DONTWAIT", recvfrom(in, buffer, 16, MSG_DONTWAIT, NULL, NULL));
    CHECK("MSG_ERRQUEUE", recv(in, buffer, 16, MSG_ERRQUEUE));
    CHECK("MSG_OOB", recv(in, buffer, 16, MSG_OOB | MSG_DONTWAIT));
    CHECK("recv of -1", recv(-1, buffer, 16, 0));
    CHECK("recvfrom of 999", recvfrom(999, buffer, 16, 0, NULL, NULL));
    CHECK("recvmsg of -1", recvmsg(-1, &(struct msghdr){0}, 0));
    CHECK("recvmmsg of -1", recvmmsg(-1, &(struct mmsghdr){0}, 1, 0, NULL));
    CHECK("recv of a pipe", recv(pipes[0], buffer, 16, 0));
    CHECK("recv of a file", recv(file, buffer, 16, 0));
    CHECK("read of -1", read(-1, buffer, 16));
    CHECK("readv of -1", readv(-1, &(struct iovec){buffer, 16}, 1));
    CHECK("read of a file", read(file, buffer, 16));
    must("write", write(pipes[1], "pipe", 4));
    CHECK("read of a pipe", read(pipes[0], buffer, 16));
    fcntl(in, F_SETFL, O_NONBLOCK);
    CHECK("recv, O_NONBLOCK", recv(in, buffer, 16, 0));
    CHECK("read, O_NONBLOCK", read(in, buffer, 16));
    CHECK("recvmsg, O_NONBLOCK", recvmsg(in, &(struct msghdr){0}, 0));
    CHECK("recvmmsg, O_NONBLOCK", recvmmsg(in, &(struct mmsghdr){0}, 1, 0, NULL));
    fcntl(in, F_SETFL, 0);
    close(pipes[0]);
    close(pipes[1]);
    close(file);
}

/* A fortified call with a size that is too large ends the program. */
static void recv_fortified(void)
{
    queue("hello");
    CHECK("__recv_chk", __recv_chk(in, buffer, 16, sizeof(buffer), 0));
    queue("hello");
    CHECK("__recvfrom_chk", __recvfrom_chk(in, buffer, 16, 16, 0, NULL, NULL));
    queue("hello");
    CHECK("__read_chk", __read_chk(in, buffer, 16, 17));
    for (int form = 0; form < 3; form++) {
        int status = 0;
        pid_t child = fork();

        if (child == 0) {
            close(2);
            if (form == 0)
                __recv_chk(in, buffer, 16, 15, MSG_DONTWAIT);
            else if (form == 1)
                __recvfrom_chk(in, buffer, 16, 15, MSG_DONTWAIT, NULL, NULL);
            else
                __read_chk(in, buffer, 16, 15);
            _exit(0);
        }
        waitpid(child, &status, 0);
        say_value("signal", WIFSIGNALED(status) ? WTERMSIG(status) : 0);
    }
}

static void reads(void)
{
    struct iovec parts[3] = {{buffer, 2}, {buffer + 100, 0}, {buffer + 2, 20}};
    struct iovec endless = {buffer, ENDLESS};
    struct iovec nothing[2] = {{buffer, 0}, {NULL, 0}};

    queue("hello");
    CHECK("read of nothing", read(in, buffer, 0));
    CHECK("read of nothing to nowhere", read(in, NULL, 0));
    CHECK("readv of nothing", readv(in, nothing, 2));
    CHECK("readv without parts", readv(in, parts, 0));
    CHECK("readv of -1 parts", readv(in, parts, minus_one));
    CHECK("readv of 1025 parts", readv(in, parts, too_many));
    CHECK("readv of no parts' address", readv(in, NO_POINTER, 1));
    CHECK("readv of an endless part", readv(in, &endless, 1));
    CHECK("read of too much", read(in, buffer, ENDLESS));
    if (sizeof(size_t) == 4) /* a kernel of 64 bits looks only whether such a buffer ends behind 4 GiB */
        queue("hello");
    CHECK("read", read(in, buffer, 16));
    queue("hello");
    CHECK("__read", __read(in, buffer, 16));
    queue("hello");
    CHECK("readv", readv(in, parts, 3));
    say_text("scattered", buffer, 5);
    queue("hello");
    CHECK("readv, short", readv(in, parts, 1));
    queue("");
    CHECK("read of an empty datagram", read(in, buffer, 16));
    queue("hello");
    CHECK("read to a bad buffer", read(in, BAD_POINTER, 16));
    drain();
}

/* Sockets that are no UDP over IPv4. */
static void families(void)
{
    struct sockaddr_storage address;
    socklen_t length = sizeof(address);
    int six_in = bound("::", 0, SOCK_DGRAM);
    int six_out = bound("::1", 0, SOCK_DGRAM);
    int named = unix_bound("sockade-test-named", SOCK_DGRAM);
    int unnamed = unix_bound(NULL, SOCK_DGRAM);
    int pair[2];

    send_text(six_out, port_of(six_in), "six");
    CHECK("IPv6", recvfrom(six_in, buffer, 16, 0, (struct sockaddr *)&address, &length));
    say_value("length", length);
    send_text(out, port_of(six_in), "four");
    length = sizeof(address);
    CHECK("v4-mapped", recvfrom(six_in, buffer, 16, 0, (struct sockaddr *)&address, &length));
    say_value("family", address.ss_family);
    unix_send(named, "sockade-test-named", "self");
    length = sizeof(address);
    CHECK("Unix datagram", recvfrom(named, buffer, 16, 0, (struct sockaddr *)&address, &length));
    say_value("length", length);
    unix_send(named, "sockade-test-named", "self");
    CHECK("Unix datagram by read", read(named, buffer, 16));
    unix_send(unnamed, "sockade-test-named", "nobody");
    length = sizeof(address);
    CHECK("Unix datagram of no name", recvfrom(named, buffer, 16, 0, (struct sockaddr *)&address, &length));
    say_value("length", length);
    for (int type = SOCK_STREAM; type <= SOCK_SEQPACKET; type += type == SOCK_DGRAM ? 3 : 1) {
        must("socketpair", socketpair(AF_UNIX, type, 0, pair));
        must("write", write(pair[1], "pair", 4));
        length = sizeof(address);
        CHECK("socketpair", recvfrom(pair[0], buffer, 16, 0, (struct sockaddr *)&address, &length));
        say_value("length", length);
        must("write", write(pair[1], "pair", 4));
        CHECK("socketpair by read", read(pair[0], buffer, 16));
        close(pair[1]);
        if (type != SOCK_DGRAM)
            CHECK("end of a socketpair", recv(pair[0], buffer, 16, 0));
        close(pair[0]);
    }
    close(six_in);
    close(six_out);
    close(named);
    close(unnamed);
}

static void tcp(void)
{
    struct sockaddr_in address;
    socklen_t length = sizeof(address);
    int listener = bound("127.0.0.1", 0, SOCK_STREAM);
    int client = (int)must("socket", socket(AF_INET, SOCK_STREAM, 0));
    int server;

    must("listen", listen(listener, 1));
    must("getsockname", getsockname(listener, (struct sockaddr *)&address, &length));
    must("connect", connect(client, (struct sockaddr *)&address, length));
    server = (int)must("accept", accept(listener, NULL, NULL));
    CHECK("stream, MSG_DONTWAIT", recv(server, buffer, 16, MSG_DONTWAIT));
    must("send", send(client, "abcdefgh", 8, 0));
    CHECK("stream, MSG_PEEK", recv(server, buffer, 2, MSG_PEEK));
    length = sizeof(address);
    CHECK("stream", recvfrom(server, buffer, 2, 0, (struct sockaddr *)&address, &length));
    say_value("length", length);
    CHECK("stream, no buffer", recv(server, buffer, 0, 0));
    CHECK("stream by read", read(server, buffer, 2));
    CHECK("stream by readv", readv(server, &(struct iovec){buffer, 2}, 1));
    CHECK("stream, MSG_TRUNC", recv(server, NULL, 1, MSG_TRUNC));
    must("send", send(client, "!", 1, MSG_OOB));
    usleep(10000);
    CHECK("stream, MSG_WAITALL", recv(server, buffer, 1, MSG_WAITALL));
    CHECK("MSG_OOB", recv(server, buffer, 1, MSG_OOB));
    say_text("urgent", buffer, 1);
    shutdown(client, SHUT_WR);
    CHECK("end of stream", recv(server, buffer, 16, 0));
    CHECK("end of stream by read", read(server, buffer, 16));
    CHECK("recv of a listener", recv(listener, buffer, 16, 0));
    close(server);
    close(client);
    close(listener);
}

/* A pending ICMP error fails the next receive once. */
static void port_unreachable(void)
{
    int fd = (int)must("socket", socket(AF_INET, SOCK_DGRAM, 0));
    int closed = bound("127.0.0.1", 0, SOCK_DGRAM);
    struct sockaddr_in address = inet_address("127.0.0.1", port_of(closed));

    close(closed);
    must("connect", connect(fd, (struct sockaddr *)&address, sizeof(address)));
    must("send", send(fd, "x", 1, 0));
    CHECK("refused port", recv(fd, buffer, 16, 0));
    CHECK("only once", recv(fd, buffer, 16, MSG_DONTWAIT));
    must("send", send(fd, "x", 1, 0));
    CHECK("refused port by read", read(fd, buffer, 16));
    must("send", send(fd, "x", 1, 0));
    CHECK("refused port by recvmmsg", recvmmsg(fd, &(struct mmsghdr){0}, 1, 0, NULL));
    close(fd);
}

static void timeouts(void)
{
    long begun = milliseconds();

    receive_timeout(in, 60);
    CHECK("SO_RCVTIMEO, recv", recv(in, buffer, 16, 0));
    CHECK("SO_RCVTIMEO, recvfrom", recvfrom(in, buffer, 16, 0, NULL, NULL));
    CHECK("SO_RCVTIMEO, recvmsg", recvmsg(in, &(struct msghdr){0}, 0));
    CHECK("SO_RCVTIMEO, recvmmsg", recvmmsg(in, &(struct mmsghdr){0}, 1, 0, NULL));
    CHECK("SO_RCVTIMEO, read", read(in, buffer, 16));
    CHECK("SO_RCVTIMEO, readv", readv(in, &(struct iovec){buffer, 16}, 1));
    begun = milliseconds() - begun;
    say_value("six waits", begun >= 350 && begun < 2000);
    receive_timeout(in, 0);
}

static void on_alarm(int number)
{
    (void)number;
    queue("alarm");
}

/* A signal in 40 ms, whose handler sends a datagram. */
static void handler(int flags)
{
    struct sigaction action = {.sa_flags = flags};
    struct itimerval soon = {.it_value = {.tv_usec = 40000}};

    action.sa_handler = on_alarm;
    must("sigaction", sigaction(SIGALRM, &action, NULL));
    must("setitimer", setitimer(ITIMER_REAL, &soon, NULL));
}

static void interruptions(void)
{
    struct mmsghdr entry = {0};

    handler(0);
    CHECK("interrupted recv", recv(in, buffer, 16, 0));
    drain();
    handler(0);
    CHECK("interrupted read", read(in, buffer, 16));
    drain();
    handler(0);
    CHECK("interrupted recvmmsg", recvmmsg(in, &entry, 1, 0, NULL));
    drain();
    handler(SA_RESTART);
    CHECK("restarted recv", recv(in, buffer, 16, 0));
    handler(SA_RESTART);
    CHECK("restarted readv", readv(in, &(struct iovec){buffer, 16}, 1));
    handler(SA_RESTART);
    CHECK("restarted recvmsg", recvmsg(in, &(struct msghdr){0}, 0));
    receive_timeout(in, 1000);
    handler(SA_RESTART);
    CHECK("no restart under SO_RCVTIMEO", recv(in, buffer, 16, 0));
    drain();
    receive_timeout(in, 0);
}

/* Every receive is a cancellation point. */
static void *cancelled_call(void *form)
{
    struct mmsghdr entry = {0};

    switch (*(int *)form) {
    case 0:
        recv(in, buffer, 16, 0);
        break;
    case 1:
        recvfrom(in, buffer, 16, 0, NULL, NULL);
        break;
    case 2:
        recvmsg(in, &entry.msg_hdr, 0);
        break;
    case 3:
        recvmmsg(in, &entry, 1, 0, NULL);
        break;
    case 4:
        read(in, buffer, 16);
        break;
    default:
        readv(in, &(struct iovec){buffer, 16}, 1);
    }
    return NULL;
}

static void cancellations(void)
{
    for (int form = 0; form < 6 && cancels(); form++) {
        pthread_t thread;
        void *result;

        must("pthread_create", -pthread_create(&thread, NULL, cancelled_call, &form));
        usleep(10000);
        pthread_cancel(thread);
        pthread_join(thread, &result);
        say_value("cancelled", result == PTHREAD_CANCELED);
    }
}

int main(void)
{
    deadline(30);
    in = bound("127.0.0.1", 0, SOCK_DGRAM);
    out = bound("127.0.0.1", 0, SOCK_DGRAM);
    port = port_of(in);
    recvfrom_addresses();
    recv_buffers();
    recv_errors();
    recv_fortified();
    reads();
    families();
    tcp();
    port_unreachable();
    timeouts();
    cancellations();
    interruptions();
    return 0;
}
