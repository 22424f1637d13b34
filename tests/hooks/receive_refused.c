/* SPDX-License-Identifier: MIT */
/*
 * Datagrams that the policy refuses: never handed over, by no kind of receive, and nobody hangs or spins because of
 * them.
 */
#include "refused.h"

#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/wait.h>

static void discarded(void **state)
{
    (void)state;
    for (enum form form = 0; form < FORMS; form++) {
        from_stranger("no");
        from_friend("yes");
        from_stranger("no");
        from_friend("again");
        assert_gives(form, in, "yes");
        assert_gives(form, in, "again");
    }
}

static void blocking_waits(void **state)
{
    struct later later;

    (void)state;
    for (enum form form = 0; form < FORMS; form++) {
        from_stranger("no");
        later_start(&later, friend_, 30, "late");
        assert_gives(form, in, "late");
        pthread_join(later.thread, NULL);
        /* and again when the stranger comes during the wait */
        later_start(&later, stranger, 20, "no");
        usleep(40000);
        pthread_join(later.thread, NULL);
        later_start(&later, friend_, 30, "later");
        assert_gives(form, in, "later");
        pthread_join(later.thread, NULL);
    }
}

static void nonblocking_gets_eagain(void **state)
{
    (void)state;
    for (enum form form = 0; form < FORMS; form++) {
        nonblocking(in, true);
        from_stranger("no");
        from_stranger("no");
        assert_fails(form, in, EAGAIN);
        assert_false(is_readable(in));
        nonblocking(in, false);
    }
    from_stranger("no");
    assert_int_equal(recv(in, buffer, 8, MSG_DONTWAIT), -1);
    assert_int_equal(errno, EAGAIN);
    assert_false(is_readable(in));
}

/* Waits until `in` is readable, by one of many calls. */
enum wait { BY_POLL, BY_PPOLL, BY_SELECT, BY_PSELECT, BY_EPOLL, BY_EPOLL_PWAIT, BY_EPOLL_PWAIT2, WAITS };

static int epoll_set = -1;

static int wait_by(enum wait wait)
{
    struct pollfd entry = {.fd = in, .events = POLLIN};
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = 0x123456789abcdef};
    fd_set reading;

    FD_ZERO(&reading);
    FD_SET(in, &reading);
    if (wait >= BY_EPOLL) {
        if (epoll_set >= 0)
            close(epoll_set);
        epoll_set = (int)must("epoll_create1", epoll_create1(0));
        must("epoll_ctl", epoll_ctl(epoll_set, EPOLL_CTL_ADD, in, &event));
    }
    switch (wait) {
    case BY_POLL:
        return poll(&entry, 1, -1);
    case BY_PPOLL:
        return ppoll(&entry, 1, NULL, NULL);
    case BY_SELECT:
        return select(in + 1, &reading, NULL, NULL, NULL);
    case BY_PSELECT:
        return pselect(in + 1, &reading, NULL, NULL, NULL, NULL);
    case BY_EPOLL:
        return epoll_wait(epoll_set, &event, 1, -1);
    case BY_EPOLL_PWAIT:
        return epoll_pwait(epoll_set, &event, 1, -1, NULL);
    case BY_EPOLL_PWAIT2:
    default:
        return epoll_pwait2(epoll_set, &event, 1, NULL, NULL);
    }
}

/* Told "readable", a blocking receive answers EAGAIN; the note is then used up, and the next one waits. */
static void told_readable(void **state)
{
    struct later later;

    (void)state;
    for (enum wait wait = 0; wait < WAITS; wait++) {
        for (enum form form = 0; form < FORMS; form++) {
            from_stranger("no");
            assert_int_equal(wait_by(wait), 1);
            assert_fails(form, in, EAGAIN);
            from_stranger("no");
            later_start(&later, friend_, 20, "late");
            assert_gives(form, in, "late");
            pthread_join(later.thread, NULL);
        }
    }
}

/* A receive that was given what was reported ends the note, too. */
static void told_and_given(void **state)
{
    struct later later;

    (void)state;
    for (enum wait wait = 0; wait < WAITS; wait++) {
        from_friend("yes");
        assert_int_equal(wait_by(wait), 1);
        assert_gives(BY_RECV, in, "yes");
        from_stranger("no");
        later_start(&later, friend_, 20, "late");
        assert_gives(BY_RECV, in, "late");
        pthread_join(later.thread, NULL);
    }
}

/* What epoll reports of another descriptor says nothing about this one. */
static void told_of_another(void **state)
{
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = 7};
    struct later later;
    int other = bound("127.0.0.1", 0, SOCK_DGRAM);
    int set = (int)must("epoll_create1", epoll_create1(0));

    (void)state;
    must("epoll_ctl", epoll_ctl(set, EPOLL_CTL_ADD, other, &event));
    event.data.u64 = 8;
    must("epoll_ctl", epoll_ctl(set, EPOLL_CTL_ADD, in, &event));
    send_text(friend_, port_of(other), "other");
    assert_int_equal(epoll_wait(set, &event, 1, -1), 1);
    from_stranger("no");
    later_start(&later, friend_, 20, "late");
    assert_gives(BY_RECV, in, "late");
    pthread_join(later.thread, NULL);
    close(set);
    close(other);
}

/* An edge-triggered server reads until EAGAIN and must have heard of everybody by then. */
static void edge_triggered(void **state)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLET};
    int set = (int)must("epoll_create1", epoll_create1(0));

    (void)state;
    nonblocking(in, true);
    must("epoll_ctl", epoll_ctl(set, EPOLL_CTL_ADD, in, &event));
    for (int i = 0; i < 100; i++)
        from_stranger("no");
    from_friend("yes");
    assert_int_equal(epoll_wait(set, &event, 1, 1000), 1);
    assert_gives(BY_RECV, in, "yes");
    assert_fails(BY_RECV, in, EAGAIN);
    assert_int_equal(epoll_wait(set, &event, 1, 0), 0);
    from_friend("more");
    assert_int_equal(epoll_wait(set, &event, 1, 1000), 1);
    assert_gives(BY_RECV, in, "more");
    close(set);
}

/* A wait under SO_RCVTIMEO ends when it would have ended without the stranger. */
static void timeout_is_kept(void **state)
{
    struct later later;

    (void)state;
    receive_timeout(in, 400);
    for (enum form form = 0; form < FORMS; form++) {
        long begun = milliseconds();

        later_start(&later, stranger, 350, "no");
        assert_fails(form, in, EAGAIN);
        assert_in_range(milliseconds() - begun, 390, 740); /* 750 where the stranger starts it anew */
        pthread_join(later.thread, NULL);
    }
    from_stranger("no");
    later_start(&later, friend_, 30, "in time");
    assert_gives(BY_RECV, in, "in time");
    pthread_join(later.thread, NULL);
}

static void on_alarm(int number)
{
    (void)number;
}

/* A wait that goes on can be interrupted as any other: EINTR, or a restart; always EINTR under SO_RCVTIMEO. */
static void wait_is_interrupted(void **state)
{
    struct itimerval soon = {.it_value = {.tv_usec = 30000}};
    struct sigaction action = {.sa_flags = 0};
    struct later later;

    (void)state;
    action.sa_handler = on_alarm;
    sigaction(SIGALRM, &action, NULL);
    from_stranger("no");
    setitimer(ITIMER_REAL, &soon, NULL);
    assert_fails(BY_RECV, in, EINTR);
    action.sa_flags = SA_RESTART;
    sigaction(SIGALRM, &action, NULL);
    from_stranger("no");
    setitimer(ITIMER_REAL, &soon, NULL);
    later_start(&later, friend_, 60, "late");
    assert_gives(BY_RECV, in, "late");
    pthread_join(later.thread, NULL);
    receive_timeout(in, 500);
    from_stranger("no");
    setitimer(ITIMER_REAL, &soon, NULL);
    assert_fails(BY_RECV, in, EINTR);
    deadline(10);
}

/* A peek does not show a stranger's datagram, and leaves what it shows. */
static void peeks(void **state)
{
    struct iovec part = {buffer, sizeof(buffer)};
    struct mmsghdr entry = {.msg_hdr = {.msg_iov = &part, .msg_iovlen = 1}};

    (void)state;
    from_stranger("no");
    from_stranger("no");
    from_friend("one");
    assert_int_equal(recv(in, buffer, 8, MSG_PEEK), 3);
    assert_memory_equal(buffer, "one", 3);
    from_stranger("no");
    assert_gives(BY_RECV, in, "one");
    assert_int_equal(recv(in, buffer, 8, MSG_PEEK | MSG_DONTWAIT), -1);
    assert_int_equal(errno, EAGAIN);
    from_stranger("no");
    from_friend("two");
    assert_int_equal(recvmsg(in, &entry.msg_hdr, MSG_PEEK), 3);
    from_stranger("no");
    assert_int_equal(recvmmsg(in, &entry, 1, MSG_PEEK, NULL), 1);
    assert_memory_equal(buffer, "two", 3);
    assert_gives(BY_READ, in, "two");
    from_stranger("no");
    from_stranger("no");
    from_friend("three");
    assert_int_equal(recvmmsg(in, &entry, 1, MSG_PEEK, NULL), 1);
    assert_gives(BY_RECV, in, "three");
}

/* The source is that of what was handed over, with the caller's room. */
static void sources(void **state)
{
    struct sockaddr_in source;
    socklen_t length = sizeof(source);

    (void)state;
    from_stranger("no");
    from_friend("yes");
    assert_int_equal(recvfrom(in, buffer, 8, 0, (struct sockaddr *)&source, &length), 3);
    assert_int_equal(length, sizeof(source));
    assert_int_equal(ntohs(source.sin_port), port_of(friend_));
    from_stranger("no");
    length = 4;
    memset(&source, 0, sizeof(source));
    assert_int_equal(recvfrom(in, buffer, 8, MSG_DONTWAIT, (struct sockaddr *)&source, &length), -1);
    assert_int_equal(length, 4);
    assert_int_equal(source.sin_family, 0);
}

/* A header that was used for a refused datagram is as good as new for the next. */
static void headers(void **state)
{
    char control[256];
    struct sockaddr_in source;
    struct iovec part = {buffer, sizeof(buffer)};
    struct msghdr header = {.msg_name = &source,
                            .msg_namelen = sizeof(source),
                            .msg_iov = &part,
                            .msg_iovlen = 1,
                            .msg_control = control,
                            .msg_controllen = sizeof(control)};
    int on = 1;

    (void)state;
    from_stranger("a rather long one");
    must("IP_PKTINFO", setsockopt(in, IPPROTO_IP, IP_PKTINFO, &on, sizeof(on)));
    from_friend("yes");
    assert_int_equal(recvmsg(in, &header, 0), 3);
    assert_int_equal(header.msg_namelen, sizeof(source));
    assert_int_equal(header.msg_controllen, CMSG_SPACE(sizeof(struct in_pktinfo)));
    assert_int_equal(header.msg_flags, 0);
    assert_int_equal(source.sin_addr.s_addr, htonl(INADDR_LOOPBACK));
    from_stranger("no");
    header.msg_namelen = 3;
    header.msg_controllen = 99;
    header.msg_flags = 0x55;
    assert_int_equal(recvmsg(in, &header, MSG_DONTWAIT), -1);
    assert_int_equal(header.msg_namelen, 3);
    assert_int_equal(header.msg_controllen, 99);
    assert_int_equal(header.msg_flags, 0x55);
}

/* Duplicates and passed descriptors are judged like the first. */
static void other_numbers(void **state)
{
    struct carrier parcel, taken;
    int pair[2];
    int copies[4];

    (void)state;
    must("socketpair", socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
    carrier_make(&parcel, "in", in);
    carrier_make(&taken, "", -1);
    must("sendmsg", sendmsg(pair[0], &parcel.header, 0));
    must("recvmsg", recvmsg(pair[1], &taken.header, 0));
    copies[0] = carried(&taken.header);
    copies[1] = (int)must("dup", dup(in));
    copies[2] = (int)must("dup2", dup2(in, 300));
    copies[3] = (int)must("F_DUPFD", fcntl(in, F_DUPFD, 310));
    for (size_t i = 0; i < COUNT(copies); i++) {
        for (enum form form = 0; form < FORMS; form++) {
            from_stranger("no");
            from_friend("yes");
            assert_gives(form, copies[i], "yes");
        }
        close(copies[i]);
    }
    close(pair[0]);
    close(pair[1]);
}

/* A number that was a datagram socket's and is now a file's. */
static void stale_number(void **state)
{
    int pipes[2];
    int number = (int)must("dup", dup(in));

    (void)state;
    close(number);
    must("pipe", pipe(pipes));
    must("write", write(pipes[1], "pipe", 4));
    assert_int_equal(pipes[0], number);
    assert_gives(BY_READ, pipes[0], "pipe");
    must("write", write(pipes[1], "again", 5));
    assert_gives(BY_READV, pipes[0], "again");
    close(pipes[0]);
    close(pipes[1]);
}

static void children(void **state)
{
    int status;
    pid_t child = fork();

    (void)state;
    if (child == 0) {
        from_stranger("no");
        from_friend("yes");
        _exit(receive_by(BY_READ, in) == 3 && strcmp(buffer, "yes") == 0 ? 5 : 1);
    }
    waitpid(child, &status, 0);
    assert_int_equal(WEXITSTATUS(status), 5);
}

/* Across exec nothing is known of a descriptor but that it is there. */
static void inherited(void **state)
{
    char number[12];
    int status;
    pid_t child;

    (void)state;
    from_stranger("no");
    from_friend("yes");
    snprintf(number, sizeof(number), "%d", in);
    child = fork();
    if (child == 0) {
        execl("/proc/self/exe", "receive_refused", number, (char *)NULL);
        _exit(1);
    }
    waitpid(child, &status, 0);
    assert_int_equal(WEXITSTATUS(status), 5);
}

/* The half of `inherited` behind exec. */
static int read_inherited(int fd)
{
    deadline(5);
    return receive_by(BY_READ, fd) == 3 && strcmp(buffer, "yes") == 0 ? 5 : 1;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        TEST(discarded),      TEST(blocking_waits),  TEST(nonblocking_gets_eagain),
        TEST(told_readable),  TEST(told_and_given),  TEST(told_of_another),
        TEST(edge_triggered), TEST(timeout_is_kept), TEST(wait_is_interrupted),
        TEST(peeks),          TEST(sources),         TEST(headers),
        TEST(other_numbers),  TEST(stale_number),    TEST(children),
        TEST(inherited),
    };

    if (argc > 1)
        return read_inherited(atoi(argv[1]));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
