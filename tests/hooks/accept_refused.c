/* SPDX-License-Identifier: MIT */
/*
 * Streams whose peer the policy refuses: reset, and nobody behind them in the queue is missed, hangs or spins because
 * of them.
 */
#include "refusal.h"

#include <dirent.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/select.h>

static int listener; /* 127.0.0.1 */
static uint16_t port;

static int setup(void **state)
{
    (void)state;
    listener = listening("127.0.0.1", 0);
    receive_timeout(listener, 0);
    port = port_of(listener);
    deadline(20);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    close(listener);
    return 0;
}

static int client(const char *source)
{
    return client_to(source, "127.0.0.1", port);
}

static int descriptor_count(void)
{
    DIR *folder = opendir("/proc/self/fd");
    int count = 0;

    while (readdir(folder) != NULL)
        count++;
    closedir(folder);
    return count;
}

/* Plain accept. */

static void reset(void **state)
{
    static const char *const sources[] = {"127.0.0.2", "127.0.0.4", "127.0.0.7"};
    int before = descriptor_count();

    (void)state;
    nonblocking(listener, true);
    for (size_t i = 0; i < COUNT(sources); i++) {
        int one = client(sources[i]);
        int two = client(sources[i]);

        assert_refused(EAGAIN, i % 2 == 0 ? accept(listener, NULL, NULL) : accept4(listener, NULL, NULL, SOCK_CLOEXEC));
        assert_reset(one);
        assert_reset(two);
    }
    assert_int_equal(descriptor_count(), before);
}

/* A queue of a(llowed) and r(efused) ones. */
static void queue(const char *letters, int clients[16])
{
    for (int i = 0; letters[i] != '\0'; i++)
        clients[i] = client(letters[i] == 'a' ? "127.0.0.1" : "127.0.0.2");
}

static void served_behind_refused(void **state)
{
    struct sockaddr_in peer, own;
    int clients[16];

    (void)state;
    queue("rrarra", clients);
    for (int i = 2; i < 6; i += 3) {
        socklen_t length = sizeof(peer), own_length = sizeof(own);
        int fd;

        errno = UNTOUCHED;
        fd = accept(listener, (struct sockaddr *)&peer, &length);
        assert_int_equal(errno, UNTOUCHED);
        assert_int_equal(length, sizeof(peer));
        must("getsockname", getsockname(clients[i], (struct sockaddr *)&own, &own_length));
        assert_memory_equal(&peer, &own, sizeof(peer));
        assert_served(fd, clients[i]);
        assert_reset(clients[i - 1]);
        assert_reset(clients[i - 2]);
    }
}

static void *connects_later(void *argument)
{
    usleep(60000);
    return (void *)(intptr_t)client(argument);
}

static void blocking_waits(void **state)
{
    int refused = client("127.0.0.2");
    pthread_t thread;
    void *fd;
    int server;

    (void)state;
    assert_int_equal(pthread_create(&thread, NULL, connects_later, (void *)(uintptr_t) "127.0.0.1"), 0);
    server = accept(listener, NULL, NULL);
    pthread_join(thread, &fd);
    assert_served(server, (int)(intptr_t)fd);
    assert_reset(refused);
}

static void by_errno(void **state)
{
    int one = client("127.0.0.3"), two = client("127.0.0.3");
    int allowed = client("127.0.0.1"), three = client("127.0.0.3");

    (void)state;
    assert_refused(EPROTO, accept(listener, NULL, NULL));
    assert_reset(one);
    assert_refused(EPROTO, accept4(listener, NULL, NULL, 0));
    assert_reset(two);
    assert_served(accept(listener, NULL, NULL), allowed);
    assert_refused(EPROTO, accept(listener, NULL, NULL));
    assert_reset(three);
    nonblocking(listener, true);
    assert_refused(EAGAIN, accept(listener, NULL, NULL));
}

/* IPv6, and IPv4 on an IPv6 listener. */
static void families(void **state)
{
    int six = listening("::", 0);
    int refused = client_to("2001:db8::2", "2001:db8::1", port_of(six));
    int mapped = client_to("127.0.0.2", "127.0.0.1", port_of(six));
    int allowed = client_to("2001:db8::1", "2001:db8::1", port_of(six));
    int mapped_allowed = client_to("127.0.0.1", "127.0.0.1", port_of(six));

    (void)state;
    assert_served(accept(six, NULL, NULL), allowed);
    assert_served(accept(six, NULL, NULL), mapped_allowed);
    assert_reset(refused);
    assert_reset(mapped);
    close(six);
}

static void ports(void **state)
{
    int guarded = listening("127.0.0.1", 45660);
    int refused = client_to("127.0.0.5", "127.0.0.1", 45660);
    int allowed = client("127.0.0.5");

    (void)state;
    nonblocking(guarded, true);
    assert_refused(EAGAIN, accept(guarded, NULL, NULL));
    assert_reset(refused);
    assert_served(accept(listener, NULL, NULL), allowed);
    close(guarded);
}

/* Servers. */

/* Edge-triggered: one event, then accept until EAGAIN; nobody may be left over. */
static void edge_triggered(void **state)
{
    static const char letters[] = "rarrraarr";
    struct epoll_event event = {.events = EPOLLIN | EPOLLET};
    int set = (int)must("epoll_create1", epoll_create1(0));
    int clients[16], served[16], count = 0;

    (void)state;
    nonblocking(listener, true);
    must("epoll_ctl", epoll_ctl(set, EPOLL_CTL_ADD, listener, &event));
    queue(letters, clients);
    assert_int_equal(epoll_wait(set, &event, 1, 1000), 1);
    for (;;) {
        int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);

        if (fd < 0)
            break;
        served[count++] = fd;
    }
    assert_int_equal(errno, EAGAIN);
    assert_int_equal(count, 3);
    assert_int_equal(epoll_wait(set, &event, 1, 0), 0);
    for (int i = 0, next = 0; letters[i] != '\0'; i++) {
        if (letters[i] == 'a')
            assert_served(served[next++], clients[i]);
        else
            assert_reset(clients[i]);
    }
    close(set);
}

/* Level-triggered, with a blocking listener: each time it is told "readable" it accepts once. */
static void level_triggered(void **state)
{
    int clients[16], rounds = 0, served = 0;

    (void)state;
    queue("rrarrarr", clients);
    while (is_readable(listener, 50)) {
        int fd = accept(listener, NULL, NULL);

        assert_true(++rounds < 10);
        if (fd < 0)
            assert_int_equal(errno, ECONNABORTED);
        else
            served++;
        close(fd);
    }
    assert_int_equal(served, 2);
    for (int i = 0; i < 8; i++)
        close(clients[i]);
}

/* Ways to be told that the listener is readable. */
enum wait { BY_POLL, BY_SELECT, BY_EPOLL, WAITS };

static int wait_by(enum wait wait)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = &listener};
    static int set = -1;
    fd_set reading;

    switch (wait) {
    case BY_POLL:
        return is_readable(listener, 1000);
    case BY_SELECT:
        FD_ZERO(&reading);
        FD_SET(listener, &reading);
        return select(listener + 1, &reading, NULL, NULL, NULL);
    case BY_EPOLL:
    default:
        close(set);
        set = (int)must("epoll_create1", epoll_create1(0));
        must("epoll_ctl", epoll_ctl(set, EPOLL_CTL_ADD, listener, &event));
        return epoll_wait(set, &event, 1, 1000);
    }
}

/* Told "readable" because of refused peers alone, a blocking accept does not wait. */
static void told_readable(void **state)
{
    (void)state;
    for (enum wait wait = 0; wait < WAITS; wait++) {
        int one = client("127.0.0.2"), two = client("127.0.0.2"), allowed;
        pthread_t thread;
        void *fd;
        int server;

        assert_int_equal(wait_by(wait), 1);
        assert_refused(ECONNABORTED, accept(listener, NULL, NULL));
        assert_reset(one);
        assert_reset(two);
        /* an allowed one behind them is served */
        one = client("127.0.0.2");
        allowed = client("127.0.0.1");
        assert_int_equal(wait_by(wait), 1);
        assert_served(accept(listener, NULL, NULL), allowed);
        assert_reset(one);
        /* the note is used up: now it waits */
        one = client("127.0.0.2");
        assert_int_equal(pthread_create(&thread, NULL, connects_later, (void *)(uintptr_t) "127.0.0.1"), 0);
        server = accept(listener, NULL, NULL);
        pthread_join(thread, &fd);
        assert_served(server, (int)(intptr_t)fd);
        assert_reset(one);
    }
}

/* A flood of refused ones holds no call for ever. The clients have left already. */
static void flood(void **state)
{
    int allowed, server, aborted = 0;

    (void)state;
    for (int i = 0; i < 3000; i++)
        close(client("127.0.0.2"));
    allowed = client("127.0.0.1");
    while ((server = accept(listener, NULL, NULL)) < 0) {
        assert_int_equal(errno, ECONNABORTED);
        assert_true(++aborted < 10);
    }
    assert_true(aborted >= 1);
    assert_served(server, allowed);
}

/* Time and signals. */

static volatile bool over;

/* With an accept at work the reset may come before connect has returned, and then is its error. */
static void *connects_again_and_again(void *argument)
{
    union peer peer = peer_of("127.0.0.1", port);

    (void)argument;
    while (!over) {
        int fd = bound("127.0.0.2", 0, SOCK_STREAM);

        assert_true(connect(fd, &peer.any, size_of(&peer)) == 0 || errno == ECONNRESET);
        close(fd);
        usleep(20000);
    }
    return NULL;
}

static void time_limit(void **state)
{
    long began = milliseconds();
    pthread_t thread;

    (void)state;
    receive_timeout(listener, 250);
    over = false;
    assert_int_equal(pthread_create(&thread, NULL, connects_again_and_again, NULL), 0);
    assert_refused(EAGAIN, accept(listener, NULL, NULL));
    over = true;
    pthread_join(thread, NULL);
    assert_in_range(milliseconds() - began, 200, 5000); /* without a limit it would never end */
}

static void on_alarm(int number)
{
    (void)number;
}

static void interrupted(void **state)
{
    struct sigaction action = {0}, before;
    struct itimerval soon = {.it_value = {.tv_usec = 60000}};
    int refused = client("127.0.0.2");

    (void)state;
    alarm(0);
    action.sa_handler = on_alarm;
    must("sigaction", sigaction(SIGALRM, &action, &before));
    must("setitimer", setitimer(ITIMER_REAL, &soon, NULL));
    assert_refused(EINTR, accept(listener, NULL, NULL));
    must("sigaction", sigaction(SIGALRM, &before, NULL));
    assert_reset(refused);
}

static void *accepts(void *argument)
{
    while (argument == NULL)
        accept(listener, NULL, NULL);
    return NULL;
}

/*
 * A server that is cancelled while it turns peers away keeps no descriptor open, but for what libc itself loses where
 * the cancellation meets the return of accept (glibc bug 12683, until 2.41): on a busy machine most times.
 */
static void cancellation(void **state)
{
    int before = descriptor_count();

    (void)state;
    for (int i = 0; i < 20 && cancels(); i++) {
        pthread_t thread, other;
        void *result;

        over = false;
        assert_int_equal(pthread_create(&thread, NULL, accepts, NULL), 0);
        assert_int_equal(pthread_create(&other, NULL, connects_again_and_again, NULL), 0);
        usleep(2000 + 1000 * (useconds_t)i);
        pthread_cancel(thread);
        pthread_join(thread, &result);
        assert_ptr_equal(result, PTHREAD_CANCELED);
        over = true;
        pthread_join(other, NULL);
    }
    assert_in_range(descriptor_count(), before, before + 17);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(reset, setup, teardown),
        cmocka_unit_test_setup_teardown(served_behind_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(blocking_waits, setup, teardown),
        cmocka_unit_test_setup_teardown(by_errno, setup, teardown),
        cmocka_unit_test_setup_teardown(families, setup, teardown),
        cmocka_unit_test_setup_teardown(ports, setup, teardown),
        cmocka_unit_test_setup_teardown(edge_triggered, setup, teardown),
        cmocka_unit_test_setup_teardown(level_triggered, setup, teardown),
        cmocka_unit_test_setup_teardown(told_readable, setup, teardown),
        cmocka_unit_test_setup_teardown(flood, setup, teardown),
        cmocka_unit_test_setup_teardown(time_limit, setup, teardown),
        cmocka_unit_test_setup_teardown(interrupted, setup, teardown),
        cmocka_unit_test_setup_teardown(cancellation, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
