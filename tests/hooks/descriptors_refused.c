/* SPDX-License-Identifier: MIT */
/*
 * Rules about protocols hold for a descriptor whatever its number was before, and wherever it came from.
 *
 * Under the policy TCP may not go to port 45630 of 192.0.2.1 and UDP not to 45640; so each check asks for both.
 */
#include "refusal.h"

#include "state/call.c" /* past the hooks */

#include <sys/wait.h>

#define TCP_PORT 45630
#define UDP_PORT 45640

/* What a descriptor is seen to be by the rules: a child asks, so that `fd` is used up elsewhere. */
enum seen { SEEN_TCP, SEEN_UDP, SEEN_NEITHER, SEEN_BOTH };

/* Whether an errno is the policy's. Nobody listens, so that the kernel's is ECONNREFUSED; others are a surprise. */
static bool is_policys(int error, const char *call)
{
    if (error != EPERM && error != EACCES && error != ECONNREFUSED)
        fprintf(stderr, "# %s: %s\n", call, strerror(error));
    return error != ECONNREFUSED;
}

/* Whether a connection to this port of 192.0.2.1 is refused by the policy. */
static bool connect_refused(int fd, uint16_t port)
{
    union peer peer = peer_of("192.0.2.1", port);

    return connect(fd, &peer.any, sizeof(peer.inet)) != 0 && is_policys(errno, "connect");
}

/* The same by sendto; for a stream by Fast Open. */
static bool sendto_refused(int fd, uint16_t port)
{
    union peer peer = peer_of("192.0.2.1", port);
    int type = 0;
    socklen_t length = sizeof(type);

    must("SO_TYPE", getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &length));
    return sendto(fd, "data", 4, type == SOCK_STREAM ? MSG_FASTOPEN : 0, &peer.any, sizeof(peer.inet)) != 4 &&
           is_policys(errno, "sendto");
}

static enum seen seen_by(bool (*refused)(int fd, uint16_t port), int fd)
{
    bool tcp = refused(fd, TCP_PORT);
    bool udp = refused(fd, UDP_PORT);

    return tcp && udp ? SEEN_BOTH : tcp ? SEEN_TCP : udp ? SEEN_UDP : SEEN_NEITHER;
}

/* Both ways of asking; sendto comes first, for connect leaves an error behind. */
static void assert_seen(enum seen expected, int fd)
{
    assert_int_equal(seen_by(sendto_refused, fd), expected);
    assert_int_equal(seen_by(connect_refused, fd), expected);
}

static int tcp_socket(void)
{
    return open_one(AF_INET, SOCK_STREAM, 0);
}

static int udp_socket(void)
{
    return open_one(AF_INET, SOCK_DGRAM, 0);
}

static void opened(void **state)
{
    int tcp = tcp_socket();
    int udp = udp_socket();

    (void)state;
    assert_seen(SEEN_TCP, tcp);
    assert_seen(SEEN_UDP, udp);
    close(tcp);
    close(udp);
    /* the numbers again, the other way round */
    udp = udp_socket();
    tcp = tcp_socket();
    assert_seen(SEEN_TCP, tcp);
    assert_seen(SEEN_UDP, udp);
    close(tcp);
    close(udp);
}

/* Each way to duplicate onto, or into, a number that was another's. */
static int duplicated(int way, int fd, int number)
{
    switch (way) {
    case 0:
        return dup2(fd, number);
    case 1:
        return dup3(fd, number, O_CLOEXEC);
    case 2:
        close(number);
        return dup(fd);
    case 3:
        close(number);
        return fcntl(fd, F_DUPFD, number);
    default:
        close(number);
        return fcntl(fd, F_DUPFD_CLOEXEC, number);
    }
}

static void duplicates(void **state)
{
    (void)state;
    for (int way = 0; way < 5; way++) {
        for (int other = 0; other < 4; other++) {
            int number = other == 0   ? udp_socket()
                         : other == 1 ? tcp_socket()
                         : other == 2 ? open("/dev/null", O_RDWR)
                                      : open_one(AF_UNIX, SOCK_DGRAM, 0);
            int tcp = tcp_socket();
            int udp = udp_socket();

            assert_int_equal(duplicated(way, tcp, number), number);
            assert_seen(SEEN_TCP, number);
            assert_int_equal(duplicated(way, udp, number), number);
            assert_seen(SEEN_UDP, number);
            close(number);
            close(tcp);
            close(udp);
        }
    }
}

/* Sends `fd` through a pair of sockets, and receives it under the number `number`, which is closed before. */
static int passed(int fd, int number)
{
    struct carrier carrier;
    int pair[2], got;

    must("socketpair", socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
    carrier_make(&carrier, "fd", fd);
    must("sendmsg", sendmsg(pair[0], &carrier.header, 0));
    close(number);
    carrier_make(&carrier, "", -1);
    must("recvmsg", recvmsg(pair[1], &carrier.header, 0));
    got = carried(&carrier.header);
    close(pair[0]);
    close(pair[1]);
    return got;
}

static void passed_descriptors(void **state)
{
    int udp = udp_socket();
    int tcp = tcp_socket();
    int number = udp_socket();

    (void)state;
    assert_int_equal(passed(tcp, number), number);
    assert_seen(SEEN_TCP, number);
    assert_int_equal(passed(udp, number), number);
    assert_seen(SEEN_UDP, number);
    close(number);
    close(udp);
    close(tcp);
}

/*
 * A number that was TCP's, and is UDP's by a system call that nobody sees, or the other way round; and Unix sockets
 * before either. Sends find out, since what was remembered makes no sense; a connect believes it.
 */
static void reused_unseen(void **state)
{
    int number = tcp_socket();

    (void)state;
    close(number);
    assert_int_equal(kernel_call(SYS_socket, AF_INET, SOCK_DGRAM, 0), number);
    assert_int_equal(seen_by(sendto_refused, number), SEEN_UDP);
    close(number);
    number = udp_socket();
    close(number);
    assert_int_equal(kernel_call(SYS_socket, AF_INET, SOCK_STREAM, 0), number);
    assert_int_equal(seen_by(sendto_refused, number), SEEN_TCP);
    close(number);
    for (int type = SOCK_STREAM; type <= SOCK_DGRAM; type++) {
        for (int before = SOCK_STREAM; before <= SOCK_DGRAM; before++) {
            number = open_one(AF_UNIX, before, 0);
            close(number);
            assert_int_equal(kernel_call(SYS_socket, AF_INET, type, 0), number);
            assert_seen(type == SOCK_STREAM ? SEEN_TCP : SEEN_UDP, number);
            close(number);
        }
    }
}

/* A file closed and a socket in its place, again and again. */
static void numbers_go_round(void **state)
{
    (void)state;
    for (int i = 0; i < 30; i++) {
        int fd = i % 3 == 0 ? open("/dev/null", O_RDWR) : i % 3 == 1 ? tcp_socket() : udp_socket();

        if (i % 3 != 0)
            assert_seen(i % 3 == 1 ? SEEN_TCP : SEEN_UDP, fd);
        close(fd);
    }
}

/* Descriptors above the table of hints. */
static void high_numbers(void **state)
{
    int udp = udp_socket();
    int high = fcntl(udp, F_DUPFD, 70000);

    (void)state;
    if (high < 0)
        high = fcntl(udp, F_DUPFD, 1000); /* as high as RLIMIT_NOFILE allows */
    assert_true(high >= 1000);
    assert_seen(SEEN_UDP, high);
    close(high);
    close(udp);
}

/* Through exec: the child is this program with `asked` and a number. */
static char self[4096];

static int child_says(int fd)
{
    char number[16];
    int status = 0;
    pid_t child;

    snprintf(number, sizeof(number), "%d", fd);
    child = fork();
    if (child == 0) {
        execl(self, self, "asked", number, NULL);
        _exit(99);
    }
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 98;
}

static void inherited(void **state)
{
    int udp = udp_socket();
    int tcp = tcp_socket();

    (void)state;
    assert_int_equal(child_says(udp), SEEN_UDP);
    assert_int_equal(child_says(tcp), SEEN_TCP);
    close(udp);
    close(tcp);
}

/* A fork without exec keeps what is known. */
static void forked(void **state)
{
    int udp = udp_socket();
    int status = 0;
    pid_t child = fork();

    (void)state;
    if (child == 0)
        _exit(seen_by(sendto_refused, udp) == SEEN_UDP && seen_by(sendto_refused, tcp_socket()) == SEEN_TCP ? 0 : 1);
    waitpid(child, &status, 0);
    assert_int_equal(status, 0);
    close(udp);
}

int main(int count, char **words)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(opened),        cmocka_unit_test(duplicates),       cmocka_unit_test(passed_descriptors),
        cmocka_unit_test(reused_unseen), cmocka_unit_test(numbers_go_round), cmocka_unit_test(high_numbers),
        cmocka_unit_test(inherited),     cmocka_unit_test(forked),
    };
    ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);

    deadline(20);
    if (count == 3 && strcmp(words[1], "asked") == 0)
        return (int)seen_by(connect_refused, atoi(words[2]));
    if (length <= 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
