/* SPDX-License-Identifier: MIT */
/*
 * Streams that come to a local address which the policy refuses: by a listener that was bound before the policy could
 * refuse it, and by one that is bound to all addresses. And what is known of listeners, whatever their number was
 * before.
 */
#include "refusal.h"

#include "state/call.c" /* past the hooks */

#include <pthread.h>
#include <sys/wait.h>

static int listener; /* 127.0.0.1 */
static uint16_t port;

static int setup(void **state)
{
    (void)state;
    deadline(20);
    listener = listening("127.0.0.1", 0);
    port = port_of(listener);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    close(listener);
    return 0;
}

static void here(void **state)
{
    int any = listening("0.0.0.0", 0);
    int any6 = listening("::", 0);
    int refused = client_to("127.0.0.1", "127.0.0.9", port_of(any));
    int allowed = client_to("127.0.0.1", "127.0.0.8", port_of(any));
    int refused6 = client_to("::1", "2001:db8::3", port_of(any6));
    int mapped = client_to("127.0.0.1", "127.0.0.9", port_of(any6));
    int allowed6 = client_to("::1", "::1", port_of(any6));

    (void)state;
    assert_served(accept(any, NULL, NULL), allowed);
    assert_served(accept(any6, NULL, NULL), allowed6);
    assert_reset(refused);
    assert_reset(refused6);
    assert_reset(mapped);
    close(any);
    close(any6);
}

/* A listener that was bound out of the policy's sight. */
static int unseen(const char *text, uint16_t service)
{
    union peer peer = peer_of(text, service);
    int fd = open_one(peer.any.sa_family, SOCK_STREAM, 0), on = 1;

    must("SO_REUSEADDR", setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)));
    must("bind", kernel_call(SYS_bind, fd, &peer, size_of(&peer)));
    must("listen", kernel_call(SYS_listen, fd, 10));
    return fd;
}

/* accept fails at once, and takes nobody. */
static void assert_takes_nobody(int fd, int error, const char *to, uint16_t service)
{
    int waiting = client_to("127.0.0.1", to, service);
    long server;

    for (int i = 0; i < 3; i++) {
        assert_refused(error, accept(fd, NULL, NULL));
        assert_refused(error, accept4(fd, NULL, NULL, SOCK_NONBLOCK));
    }
    server = kernel_call(SYS_accept4, fd, NULL, NULL, 0);
    assert_served((int)server, waiting);
    assert_refused(error, accept(fd, NULL, NULL)); /* does not wait either */
}

static void bound_before(void **state)
{
    int fd = unseen("127.0.0.1", 45661), allowed;

    (void)state;
    assert_takes_nobody(fd, EIO, "127.0.0.1", 45661);
    close(fd);
    fd = unseen("0.0.0.0", 45661);
    assert_takes_nobody(fd, EIO, "127.0.0.1", 45661);
    close(fd);
    fd = unseen("127.0.0.9", port);
    assert_takes_nobody(fd, EADDRNOTAVAIL, "127.0.0.9", port);
    close(fd);
    fd = unseen("127.0.0.1", 45662); /* refused to UDP alone */
    allowed = client_to("127.0.0.1", "127.0.0.1", 45662);
    assert_served(accept(fd, NULL, NULL), allowed);
    close(fd);
}

static void *refused_thread(void *argument)
{
    pthread_cancel(pthread_self());
    accept(*(int *)argument, NULL, NULL);
    return NULL;
}

static void bound_before_is_a_cancellation_point(void **state)
{
    int fd = unseen("127.0.0.1", 45661);
    pthread_t thread;
    void *result;

    (void)state;
    if (cancels()) {
        assert_int_equal(pthread_create(&thread, NULL, refused_thread, &fd), 0);
        pthread_join(thread, &result);
        assert_ptr_equal(result, PTHREAD_CANCELED);
    }
    close(fd);
}

/* Inherited from a parent that ran without the object: the child is this program with `inherited` and a number. */
static char self[4096];

static int inherited_says(int fd)
{
    int allowed = client_to("127.0.0.6", "127.0.0.1", port_of(fd));

    if (port_of(fd) == 45661)
        return accept(fd, NULL, NULL) == -1 && errno == EIO ? 0 : 1;
    close(client_to("127.0.0.2", "127.0.0.1", port_of(fd)));
    close(client_to("127.0.0.7", "127.0.0.1", port_of(fd)));
    if (accept(fd, NULL, NULL) < 0)
        return 2;
    nonblocking(fd, true);
    close(allowed);
    return accept(fd, NULL, NULL) == -1 && errno == EAGAIN ? 0 : 3;
}

/* The bare parent: listens, and becomes the preloaded child. */
static int bare_parent(const char *service, const char *object)
{
    char number[16];

    snprintf(number, sizeof(number), "%d", unseen("127.0.0.1", (uint16_t)atoi(service)));
    setenv("LD_PRELOAD", object, 1);
    execl(self, self, "inherited", number, NULL);
    return 97;
}

static void inherited(void **state)
{
    static const char *const services[] = {"45661", "45663"};

    (void)state;
    for (size_t i = 0; i < COUNT(services); i++) {
        int status = 0;
        pid_t child = fork();

        if (child == 0) {
            const char *object = getenv("LD_PRELOAD");

            unsetenv("LD_PRELOAD");
            execl(self, self, "bare", services[i], object, NULL);
            _exit(99);
        }
        waitpid(child, &status, 0);
        assert_int_equal(status, 0);
    }
}

/* Numbers that were another socket's. */
static void numbers(void **state)
{
    int udp = (int)must("socket", socket(AF_INET, SOCK_DGRAM, 0));
    int later = (int)must("socket", socket(AF_INET, SOCK_DGRAM, 0));
    struct sockaddr_in any = inet_address("127.0.0.1", 0);
    int allowed, refused, server;

    (void)state;
    close(udp);
    assert_int_equal(kernel_call(SYS_socket, AF_INET, SOCK_STREAM, 0), udp);
    must("bind", bind(udp, (struct sockaddr *)&any, sizeof(any)));
    must("listen", listen(udp, 10));
    refused = client_to("127.0.0.7", "127.0.0.1", port_of(udp));
    allowed = client_to("127.0.0.6", "127.0.0.1", port_of(udp));
    close(later);
    server = accept(udp, NULL, NULL);
    assert_int_equal(server, later);
    assert_served(server, allowed);
    assert_reset(refused);
    close(udp);
    /* a port that is refused to UDP alone */
    udp = (int)must("socket", socket(AF_INET, SOCK_DGRAM, 0));
    close(udp);
    assert_int_equal(kernel_call(SYS_socket, AF_INET, SOCK_STREAM, 0), udp);
    any.sin_port = htons(45664);
    must("bind", kernel_call(SYS_bind, udp, &any, sizeof(any)));
    assert_gives(0, listen(udp, 10));
    /* and the listener that was always one */
    later = (int)must("socket", socket(AF_INET, SOCK_DGRAM, 0));
    allowed = client_to("127.0.0.6", "127.0.0.1", port);
    close(later);
    server = accept(listener, NULL, NULL);
    assert_int_equal(server, later);
    assert_served(server, allowed);
    close(udp);
}

/* A number whose listener was allowed and closed, and that another one has got past us. */
static void number_of_an_earlier_listener(void **state)
{
    struct sockaddr_in any = inet_address("127.0.0.1", 45661);
    int fd = listening("127.0.0.1", 0), on = 1, allowed, refused;

    (void)state;
    for (int i = 0; i < 3; i++) {
        allowed = client_to("127.0.0.1", "127.0.0.1", port_of(fd));
        assert_served(accept(fd, NULL, NULL), allowed);
    }
    close(fd);
    assert_int_equal(kernel_call(SYS_socket, AF_INET, SOCK_STREAM, 0), fd);
    must("SO_REUSEADDR", setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)));
    must("bind", kernel_call(SYS_bind, fd, &any, sizeof(any)));
    must("listen", kernel_call(SYS_listen, fd, 10));
    refused = client_to("127.0.0.1", "127.0.0.1", 45661);
    assert_refused(EIO, accept(fd, NULL, NULL));
    assert_reset(refused);
    assert_refused(EIO, accept(fd, NULL, NULL)); /* nobody is taken from here on */
    close(fd);
}

static void unix_peers(void **state)
{
    int here_ = unix_bound("sockade-accepts", SOCK_STREAM);
    int taken = (int)must("socket", socket(AF_UNIX, SOCK_STREAM, 0));
    int stranger = unix_bound("sockade-stranger-1", SOCK_STREAM);
    int friend_ = unix_bound("sockade-friend", SOCK_STREAM);
    socklen_t length;
    struct sockaddr_un address = abstract_address("sockade-accepts", &length);

    (void)state;
    must("listen", listen(here_, 10));
    must("connect", connect(stranger, (struct sockaddr *)&address, length));
    must("connect", connect(friend_, (struct sockaddr *)&address, length));
    assert_served(accept(here_, NULL, NULL), friend_);
    assert_true(recv(stranger, (char[1]){0}, 1, 0) <= 0);
    address = abstract_address("sockade-taken-1", &length);
    assert_refused(EIO, bind(taken, (struct sockaddr *)&address, length));
    must("bind", kernel_call(SYS_bind, taken, &address, length));
    assert_refused(EIO, listen(taken, 10));
    must("listen", kernel_call(SYS_listen, taken, 10));
    assert_refused(EIO, accept(taken, NULL, NULL));
    close(stranger);
    close(taken);
    close(here_);
}

int main(int count, char **words)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(here),
        cmocka_unit_test(bound_before),
        cmocka_unit_test(bound_before_is_a_cancellation_point),
        cmocka_unit_test(inherited),
        cmocka_unit_test(numbers),
        cmocka_unit_test(number_of_an_earlier_listener),
        cmocka_unit_test(unix_peers),
    };
    ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);

    if (length <= 0)
        return 1;
    if (count == 4 && strcmp(words[1], "bare") == 0)
        return bare_parent(words[2], words[3]);
    if (count == 3 && strcmp(words[1], "inherited") == 0)
        return inherited_says(atoi(words[2]));
    return cmocka_run_group_tests(tests, setup, teardown);
}
