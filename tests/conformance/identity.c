/* SPDX-License-Identifier: MIT */
/*
 * What a socket says of itself, and that this goes with the socket: through copies, processes, exec, and reused
 * numbers.
 */
#include "tests/conformance/conformance.h"

static unsigned char buffer[4096];
static const char *self;

static void say_int(const char *name, int fd, int level, int option)
{
    int value = -7;
    socklen_t size = sizeof(value);
    CHECK(name, getsockopt(fd, level, option, &value, &size));
    printf("  value %d, %u bytes\n", value, (unsigned)size);
}

static void say_own(const char *name, int fd)
{
    union place place = {.storage = {0}};
    socklen_t size = sizeof(place);
    CHECK(name, getsockname(fd, &place.any, &size));
    say_place("  own", &place, size);
    size = sizeof(place);
    CHECK("  getpeername", getpeername(fd, &place.any, &size));
    if (errno == UNTOUCHED)
        say_place("  peer", &place, size);
}

static void say_identity(int fd)
{
    say_int("SO_TYPE", fd, SOL_SOCKET, SO_TYPE);
    say_int("SO_PROTOCOL", fd, SOL_SOCKET, SO_PROTOCOL);
    say_int("SO_DOMAIN", fd, SOL_SOCKET, SO_DOMAIN);
    say_int("SO_ERROR", fd, SOL_SOCKET, SO_ERROR);
    say_int("SO_ACCEPTCONN", fd, SOL_SOCKET, SO_ACCEPTCONN);
    say_int("SO_REUSEADDR", fd, SOL_SOCKET, SO_REUSEADDR);
    say_own("getsockname", fd);
}

static void opening(void)
{
    static const int flags[] = {0, SOCK_CLOEXEC, SOCK_NONBLOCK, SOCK_CLOEXEC | SOCK_NONBLOCK};
    for (size_t i = 0; i < COUNT(flags); i++) {
        errno = UNTOUCHED;
        int fd = socket(family, SOCK_RAW | flags[i], icmp_protocol());
        say("socket", fd >= 0);
        say_value("F_GETFD", fcntl(fd, F_GETFD));
        say_value("F_GETFL", fcntl(fd, F_GETFL));
        if (i == 0)
            say_identity(fd);
        CHECK("close", close(fd));
        CHECK("close again", close(fd));
    }
    CHECK("protocol 0", socket(family, SOCK_RAW, 0));
    CHECK("an unknown flag", socket(family, SOCK_RAW | 0x400000, icmp_protocol()));
    int fd = (int)must("socket", socket(family, SOCK_DGRAM, icmp_protocol()));
    say_int("a ping socket stays one: SO_TYPE", fd, SOL_SOCKET, SO_TYPE);
    union place to = place_of(REPLY, PLAIN);
    must("send", echo_with(fd, &to, ID, 1, DATA));
    CHECK("its data begins behind the IP header", recv(fd, buffer, sizeof(buffer), 0));
    CHECK("listen", listen(open_icmp(), 1));
    CHECK("accept", accept(open_icmp(), NULL, NULL));
    CHECK("shutdown", shutdown(open_icmp(), SHUT_RDWR));
}

static void names(void)
{
    union place place = place_of(REPLY, PLAIN);
    union place local = loopback_place();
    int fd = open_icmp();
    must("send", ask(fd, REPLY, PLAIN, 1));
    say_own("after a send", fd);
    place.inet.sin_port = htons(99);
    CHECK("connect", connect(fd, &place.any, place_size()));
    say_own("connected", fd);
    struct sockaddr nowhere = {.sa_family = AF_UNSPEC};
    CHECK("disconnect", connect(fd, &nowhere, sizeof(nowhere)));
    say_own("disconnected", fd);
    CHECK("bind after a send", bind(fd, &local.any, place_size()));
    say_own("bound", fd);
    fd = open_icmp();
    local.inet.sin_port = htons(7);
    CHECK("bind with a port", bind(fd, &local.any, place_size()));
    say_own("bound", fd);
    CHECK("bind again", bind(fd, &local.any, place_size()));
    CHECK("a short address", bind(open_icmp(), &local.any, 7));
    CHECK("a foreign address", bind(open_icmp(), &place.any, place_size()));
    local.inet.sin_port = 0;
    must("send", echo_with(fd, &local, ID, 3, DATA));
    say_next("reply", fd, 0);
    say_own("still", fd);
}

static void counts(void)
{
    int count = -1;
    int fd = open_icmp();
    CHECK("FIONREAD, empty", ioctl(fd, FIONREAD, &count));
    say_value("  is", count);
    must("send", ask(fd, REPLY, PLAIN, 1));
    settle();
    CHECK("FIONREAD, a reply", ioctl(fd, FIONREAD, &count));
    say_value("  is", count);
    say_next("reply", fd, 0);
    must("send", ask(fd, UNREACHABLE, 1, 1));
    settle();
    CHECK("FIONREAD, an error", ioctl(fd, FIONREAD, &count));
    say_value("  is", count);
    CHECK("SIOCOUTQ", ioctl(fd, TIOCOUTQ, &count));
    say_value("  is", count);
    CHECK("FIONREAD, a bad pointer", ioctl(fd, FIONREAD, BAD_POINTER));
    say_next("error", fd, 0);
    count = 1;
    CHECK("FIONBIO", ioctl(fd, FIONBIO, &count));
    CHECK("then nothing waits", recv(fd, buffer, 9, 0));
}

/* The socket works through this descriptor. */
static void works(const char *name, int fd)
{
    printf("%s: ", name);
    CHECK("send", ask(fd, REPLY, PLAIN, 5));
    say_next("  reply", fd, 0);
    must("send", ask(fd, UNREACHABLE, 3, 6));
    settle();
    say_next("  error", fd, MSG_DONTWAIT);
    CHECK("  nothing more", recv(fd, buffer, 9, MSG_DONTWAIT));
    say_int("  SO_TYPE", fd, SOL_SOCKET, SO_TYPE);
}

static void copies(void)
{
    int fd = open_icmp();
    int copy = dup(fd);
    must("send", ask(fd, REPLY, PLAIN, 1));
    say_next("by a copy", copy, 0);
    works("dup", copy);
    works("dup2", dup2(fd, 77));
    works("dup3", dup3(fd, 78, O_CLOEXEC));
    works("F_DUPFD", fcntl(fd, F_DUPFD, 80));
    works("F_DUPFD_CLOEXEC", fcntl(fd, F_DUPFD_CLOEXEC, 90));
    works("dup2 to 0, as busybox does", dup2(fd, 0));
    syscall(SYS_dup2, fd, 100);
    works("out of our sight", 100);
    close(fd);
    works("the first one closed", 77);
    syscall(SYS_close, 77);
    works("another one closed out of sight", 78);
}

/* Numbers that become something else: a datagram socket is a datagram socket, whatever had its number. */
static void reused(void)
{
    static const char *const ways[] = {"close", "close by syscall", "dup2", "dup2 by syscall",
                                       "close_range by syscall"};
    for (size_t i = 0; i < COUNT(ways); i++) {
        int fd = open_icmp();
        int kept = dup(fd);
        works("before", fd);
        int udp = (int)must("socket", socket(family, SOCK_DGRAM, 0));
        switch (i) {
        case 0:
            close(fd);
            break;
        case 1:
            syscall(SYS_close, fd);
            break;
        case 2:
            dup2(udp, fd);
            break;
        case 3:
            syscall(SYS_dup2, udp, fd);
            break;
        default:
            syscall(SYS_close_range, fd, fd, 0);
        }
        if (i != 2 && i != 3)
            udp = (int)must("socket", socket(family, SOCK_DGRAM, 0));
        say_value(ways[i], udp == fd || i == 2 || i == 3);
        union place to = place_of(REPLY, PLAIN);
        to.inet.sin_port = htons(7);
        CHECK("  sendto", sendto(fd, "abcdefgh", 8, 0, &to.any, place_size()));
        CHECK("  recv", recv(fd, buffer, 100, 0));
        say_value("  the same bytes", memcmp(buffer, "abcdefgh", 8) == 0);
        say_int("  SO_TYPE", fd, SOL_SOCKET, SO_TYPE);
        works("  the copy", kept);
        close(fd);
        close(kept);
        close(udp);
    }
}

static void children(void)
{
    int status;
    int fd = open_icmp();
    must("send", ask(fd, REPLY, PLAIN, 1));
    settle();
    fflush(stdout);
    if (fork() == 0) {
        say_next("the child takes it", fd, MSG_DONTWAIT);
        works("in the child", fd);
        must("send", ask(fd, REPLY, PLAIN, 2));
        must("send", ask(fd, UNREACHABLE, 1, 3));
        settle();
        _exit(0);
    }
    must("wait", wait(&status));
    say_errors_first("what the child asked for", fd);
    works("in the parent", fd);

    /* What the parent has seen waiting is not there twice. */
    must("send", ask(fd, UNREACHABLE, 1, 4));
    settle();
    say_value("readable", is_readable(fd, 0));
    if (fork() == 0) {
        say_next("the child takes it", fd, MSG_DONTWAIT);
        _exit(0);
    }
    must("wait", wait(&status));
    CHECK("the parent finds none", recv(fd, buffer, 9, MSG_DONTWAIT));
    say_value("and is told so", is_readable(fd, 0));
}

static void passed(void)
{
    struct carrier carrier;
    int ends[2];
    int status;
    int fd = open_icmp();
    must("send", ask(fd, REPLY, PLAIN, 1));
    must("socketpair", socketpair(AF_UNIX, SOCK_DGRAM, 0, ends));
    carrier_make(&carrier, "x", fd);
    must("sendmsg", sendmsg(ends[0], &carrier.header, 0));
    must("sendmsg", sendmsg(ends[0], &carrier.header, 0));
    close(fd);
    carrier_make(&carrier, "", -1);
    must("recvmsg", recvmsg(ends[1], &carrier.header, 0));
    fd = carried(&carrier.header);
    say_next("what was asked for before", fd, 0);
    works("passed", fd);
    close(fd);
    fflush(stdout);
    if (fork() == 0) {
        carrier_make(&carrier, "", -1);
        must("recvmsg", recvmsg(ends[1], &carrier.header, 0));
        works("passed to a child", carried(&carrier.header));
        _exit(0);
    }
    must("wait", wait(&status));
}

/* A program that was not there when the socket was opened. */
static void other_program(void)
{
    char number[16];
    int status;
    int fd = open_icmp();
    works("before", fd);
    must("send", ask(fd, REPLY, PLAIN, 1));
    snprintf(number, sizeof(number), "%d", fd);
    fflush(stdout);
    if (fork() == 0) {
        execl(self, self, number, family == AF_INET ? "4" : "6", (char *)NULL);
        _exit(9);
    }
    must("wait", wait(&status));
    say_value("it ended", status);
    works("after it", fd);
}

/* A program that runs already and has none of its own is handed one. */
static void handed_over(void)
{
    struct carrier carrier;
    int ends[2];
    int status;
    char number[16];
    must("socketpair", socketpair(AF_UNIX, SOCK_DGRAM, 0, ends));
    snprintf(number, sizeof(number), "%d", ends[1]);
    fflush(stdout);
    if (fork() == 0) {
        execl(self, self, number, family == AF_INET ? "4" : "6", "passed", (char *)NULL);
        _exit(9);
    }
    int fd = open_icmp();
    works("before", fd);
    must("send", ask(fd, REPLY, PLAIN, 1));
    settle();
    carrier_make(&carrier, "x", fd);
    fflush(stdout); /* before the other one says anything */
    must("sendmsg", sendmsg(ends[0], &carrier.header, 0));
    must("wait", wait(&status));
    say_value("it ended", status);
    works("after it", fd);
}

/* As many as a program may have, again and again: none is out of use for ever. */
static void many(void)
{
    enum { MANY = 200, ROUNDS = 4 };
    static int fds[MANY];
    unsigned good = 0;
    union place peer = place_of(REPLY, PLAIN);
    union place nobody = place_of(SILENT, 1); /* so that the others do not all get a copy */
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < MANY; i++) {
            fds[i] = open_icmp();
            must("connect", connect(fds[i], &nobody.any, place_size()));
        }
        for (unsigned i = 0; i < MANY; i += 7) {
            must("connect", connect(fds[i], &peer.any, place_size()));
            good += echo_with(fds[i], &peer, 0x3000 + i, i, 4) > 0 && recv(fds[i], buffer, sizeof(buffer), 0) > 0;
            must("connect", connect(fds[i], &nobody.any, place_size()));
        }
        for (int i = 0; i < MANY; i++)
            if (round % 2)
                close(fds[i]);
            else
                syscall(SYS_close, fds[i]);
    }
    say_value("answered", good);
    works("after them", open_icmp());
}

static void after_exec(int fd)
{
    deadline(CASE_SECONDS);
    say_identity(fd);
    say_next("asked for before exec", fd, 0);
    works("after exec", fd);
    int copy = dup(fd);
    close(fd);
    works("a copy after exec", copy);
}

static int receive_descriptor(int end)
{
    struct carrier carrier;
    deadline(CASE_SECONDS);
    carrier_make(&carrier, "", -1);
    must("recvmsg", recvmsg(end, &carrier.header, 0));
    return carried(&carrier.header);
}

int main(int argc, char **argv)
{
    self = argv[0];
    if (argc > 2) {
        family = *argv[2] == '4' ? AF_INET : AF_INET6;
        after_exec(argc > 3 ? receive_descriptor(atoi(argv[1])) : atoi(argv[1]));
        return 0;
    }
    run_case("opening", opening);
    run_case("names", names);
    run_case("counts", counts);
    run_case("copies", copies);
    run_case("reused numbers", reused);
    run_case("children", children);
    run_case("passed by SCM_RIGHTS", passed);
    run_case("exec", other_program);
    run_case("handed over", handed_over);
    run_case("many", many);
    return 0;
}
