/* SPDX-License-Identifier: MIT */
/*
 * Every way to accept a peer that no rule refuses: run bare and with the shim, the output must be the same.
 */
#include "hook_test.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

static int listener;
static struct sockaddr_in there; /* its address */

static int open_client(void)
{
    int fd = (int)must("socket", socket(AF_INET, SOCK_STREAM, 0));

    must("connect", connect(fd, (struct sockaddr *)&there, sizeof(there)));
    return fd;
}

static void nonblocking(int fd, bool on)
{
    must("F_SETFL", fcntl(fd, F_SETFL, on ? O_NONBLOCK : 0));
}

/* What an accepted descriptor is, and whether it works; then it is closed. */
static void say_accepted(int fd, int client)
{
    char byte = 0;

    if (fd < 0)
        return;
    say_value("  closed on exec", fcntl(fd, F_GETFD));
    say_value("  flags", fcntl(fd, F_GETFL));
    if (client >= 0) {
        must("send", send(client, "x", 1, 0));
        nonblocking(fd, false);
        CHECK("  recv", recv(fd, &byte, 1, 0));
    }
    close(fd);
}

static void addresses(void)
{
    static const int lengths[] = {0, 1, 2, 4, 15, 16, 17, 28, 128, 4096, -1, -4096};
    static unsigned char buffer[8192];

    for (size_t i = 0; i < COUNT(lengths); i++) {
        for (int four = 0; four < 2; four++) {
            struct sockaddr_in own;
            socklen_t own_length = sizeof(own), length = (socklen_t)lengths[i];
            int client = open_client();
            int fd;

            must("getsockname", getsockname(client, (struct sockaddr *)&own, &own_length));
            memset(buffer, '.', 64);
            printf("room %d ", lengths[i]);
            errno = UNTOUCHED;
            if (four)
                fd = accept4(listener, (struct sockaddr *)(void *)buffer, &length, 0);
            else
                fd = accept(listener, (struct sockaddr *)(void *)buffer, &length);
            say(four ? "accept4" : "accept", fd < 0 ? fd : 0);
            say_value("  length", (int)length);
            if (lengths[i] > 0)
                say_value("  address", memcmp(buffer, &own, lengths[i] < 16 ? (size_t)lengths[i] : 16) == 0);
            say_value("  behind",
                      buffer[16] == '.' && (lengths[i] <= 0 || lengths[i] >= 16 || buffer[lengths[i]] == '.'));
            say_accepted(fd, client);
            close(client);
        }
    }
}

static void pointers(void)
{
    struct sockaddr_in peer;
    socklen_t length = sizeof(peer);
    int client;

    for (int form = 0; form < 7; form++) {
        static const char *const names[] = {"nothing asked", "length alone",  "a bad length alone",     "no length",
                                            "a bad length",  "a bad address", "a negative length alone"};
        struct sockaddr *address[] = {NULL, NULL, NULL, (void *)&peer, (void *)&peer, BAD_POINTER, NULL};
        socklen_t negative = (socklen_t)-1;
        socklen_t *lengths[] = {NULL, &length, BAD_POINTER, NO_POINTER, BAD_POINTER, &length, &negative};

        for (int four = 0; four < 2; four++) {
            int fd;

            client = open_client();
            length = sizeof(peer);
            errno = UNTOUCHED;
            fd = four ? accept4(listener, address[form], lengths[form], 0)
                      : accept(listener, address[form], lengths[form]);
            say(names[form], fd < 0 ? fd : 0);
            say_value("  length", (int)length);
            say_accepted(fd, fd < 0 ? -1 : client);
            close(client);
        }
    }
    nonblocking(listener, true);
    CHECK("nobody is left", accept(listener, NULL, NULL));
    nonblocking(listener, false);
}

static void flags(void)
{
    static const int all[] = {0, SOCK_CLOEXEC, SOCK_NONBLOCK, SOCK_CLOEXEC | SOCK_NONBLOCK, 1, -1};

    for (size_t i = 0; i < COUNT(all); i++) {
        int client = open_client();
        int fd;

        errno = UNTOUCHED;
        printf("flags %d ", all[i]);
        fd = accept4(listener, NULL, NULL, all[i]);
        say("accept4", fd < 0 ? fd : 0);
        say_accepted(fd, client);
        if (fd < 0)
            close((int)must("accept", accept(listener, NULL, NULL)));
        close(client);
    }
}

static void descriptors(void)
{
    int fds[] = {-1, 9999, open("/dev/null", O_RDWR), open(".", O_PATH), epoll_create1(0), -1, -1, -1, -1};

    fds[5] = bound("127.0.0.1", 0, SOCK_STREAM); /* does not listen */
    fds[6] = bound("127.0.0.1", 0, SOCK_DGRAM);
    fds[7] = open_client();
    fds[8] = (int)must("accept", accept(listener, NULL, NULL));
    for (size_t i = 0; i < COUNT(fds); i++) {
        struct sockaddr_storage peer;
        socklen_t length = sizeof(peer);

        printf("descriptor %zu ", i);
        CHECK("accept", accept(fds[i], (struct sockaddr *)&peer, &length));
        CHECK("  accept4", accept4(fds[i], NULL, NULL, SOCK_CLOEXEC));
        CHECK("  accept to a bad place", accept(fds[i], BAD_POINTER, &length));
        say_value("  length", length);
    }
    for (size_t i = 2; i < COUNT(fds); i++)
        close(fds[i]);
}

/* IPv6, IPv4 on an IPv6 listener, MPTCP, Unix. */
static void families(void)
{
    int six = bound("::", 0, SOCK_STREAM);
    struct sockaddr_in four_there = inet_address("127.0.0.1", port_of(six));
    struct sockaddr_in6 six_there = inet6_address("::1", port_of(six));
    struct sockaddr_storage peer;
    socklen_t length = sizeof(peer);
    int client, mptcp;

    must("listen", listen(six, 10));
    client = (int)must("socket", socket(AF_INET6, SOCK_STREAM, 0));
    must("connect", connect(client, (struct sockaddr *)&six_there, sizeof(six_there)));
    CHECK("IPv6", accept(six, (struct sockaddr *)&peer, &length) < 0);
    say_value("  length", length);
    say_value("  family", peer.ss_family);
    close(client);
    client = (int)must("socket", socket(AF_INET, SOCK_STREAM, 0));
    must("connect", connect(client, (struct sockaddr *)&four_there, sizeof(four_there)));
    CHECK("v4-mapped", accept(six, (struct sockaddr *)&peer, &length) < 0);
    say_value("  length", length);
    say_value("  mapped", IN6_IS_ADDR_V4MAPPED(&((struct sockaddr_in6 *)&peer)->sin6_addr));
    close(client);
    close(six);
    mptcp = socket(AF_INET, SOCK_STREAM, IPPROTO_MPTCP);
    CHECK("MPTCP is there", mptcp < 0);
    if (mptcp >= 0) {
        four_there = inet_address("127.0.0.1", 0);
        must("bind", bind(mptcp, (struct sockaddr *)&four_there, sizeof(four_there)));
        must("listen", listen(mptcp, 10));
        four_there.sin_port = htons(port_of(mptcp));
        client = (int)must("socket", socket(AF_INET, SOCK_STREAM, IPPROTO_MPTCP));
        must("connect", connect(client, (struct sockaddr *)&four_there, sizeof(four_there)));
        CHECK("MPTCP", accept(mptcp, NULL, NULL) < 0);
        close(client);
        close(mptcp);
    }
}

static void unix_peers(void)
{
    static const int types[] = {SOCK_STREAM, SOCK_SEQPACKET};

    for (size_t i = 0; i < COUNT(types); i++) {
        int named = unix_bound("sockade-test-accepting", types[i]);
        socklen_t length;
        struct sockaddr_un address = abstract_address("sockade-test-accepting", &length);
        struct sockaddr_un peer;
        int unnamed = unix_bound(NULL, types[i]);
        int client = unix_bound("sockade-test-client", types[i]);
        int fd;

        must("listen", listen(named, 10));
        must("connect", connect(unnamed, (struct sockaddr *)&address, length));
        must("connect", connect(client, (struct sockaddr *)&address, length));
        length = sizeof(peer);
        errno = UNTOUCHED;
        fd = accept(named, (struct sockaddr *)&peer, &length);
        say("Unix, of no name", fd < 0 ? fd : 0);
        say_value("  length", length);
        close(fd);
        length = sizeof(peer);
        errno = UNTOUCHED;
        fd = accept4(named, (struct sockaddr *)&peer, &length, SOCK_NONBLOCK);
        say("Unix, named", fd < 0 ? fd : 0);
        say_value("  length", length);
        say_text("  name", peer.sun_path + 1, length - offsetof(struct sockaddr_un, sun_path) - 1);
        close(fd);
        close(unnamed);
        close(client);
        close(named);
    }
}

/* Waits. */

static void on_alarm(int number)
{
    (void)number;
}

/* A signal each 50 ms; the handler restarts or not. */
static void alarms(int restart, bool on)
{
    struct sigaction action = {.sa_flags = restart};
    struct itimerval often = {.it_interval = {.tv_usec = 50000}, .it_value = {.tv_usec = 50000}};
    struct itimerval never = {0};

    action.sa_handler = on_alarm;
    must("sigaction", sigaction(SIGALRM, &action, NULL));
    must("setitimer", setitimer(ITIMER_REAL, on ? &often : &never, NULL));
}

static void *connects_later(void *argument)
{
    sigset_t all;

    (void)argument;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, NULL);
    usleep(250000);
    return (void *)(intptr_t)open_client();
}

static void *accepts(void *argument)
{
    (void)argument;
    accept(listener, NULL, NULL);
    return NULL;
}

static void *accepts_at_once(void *argument)
{
    (void)argument;
    pthread_cancel(pthread_self());
    accept4(listener, NULL, NULL, 0);
    return NULL;
}

static void waits(void)
{
    struct pollfd one;
    pthread_t thread;
    void *client;
    long began;
    int fd;

    nonblocking(listener, true);
    CHECK("non-blocking", accept(listener, NULL, NULL));
    CHECK("non-blocking, accept4", accept4(listener, NULL, NULL, 0));
    nonblocking(listener, false);
    receive_timeout(listener, 120);
    began = milliseconds();
    CHECK("in time", accept(listener, NULL, NULL));
    say_value("  it took that long", milliseconds() - began >= 110 && milliseconds() - began < 2000);
    alarms(SA_RESTART, true);
    CHECK("in time, interrupted", accept(listener, NULL, NULL));
    alarms(0, false);
    receive_timeout(listener, 0);
    alarms(0, true);
    CHECK("interrupted", accept(listener, NULL, NULL));
    alarms(SA_RESTART, true);
    must("thread", -pthread_create(&thread, NULL, connects_later, NULL));
    errno = UNTOUCHED;
    fd = accept(listener, NULL, NULL);
    say("restarted", fd < 0 ? fd : 0);
    alarms(0, false);
    pthread_join(thread, &client);
    say_accepted(fd, (int)(intptr_t)client);
    close((int)(intptr_t)client);
    fd = open_client();
    one = (struct pollfd){.fd = listener, .events = POLLIN};
    CHECK("reported by poll", poll(&one, 1, 1000));
    close((int)must("accept", accept(listener, NULL, NULL)));
    CHECK("and no more", poll(&one, 1, 0));
    close(fd);
    run_cancelled("cancelled while it waits", accepts, true);
    run_cancelled("cancelled before", accepts_at_once, false);
}

/* Many at once, and some that left before they were taken. */
static void queues(void)
{
    struct linger reset = {.l_onoff = 1};
    int clients[40];
    int taken = 0;

    for (size_t i = 0; i < COUNT(clients); i++)
        clients[i] = open_client();
    for (size_t i = 0; i < COUNT(clients); i += 2) {
        must("SO_LINGER", setsockopt(clients[i], SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)));
        close(clients[i]);
    }
    nonblocking(listener, true);
    for (;;) {
        struct sockaddr_in peer;
        socklen_t length = sizeof(peer);
        int fd = accept(listener, (struct sockaddr *)&peer, &length);

        if (fd < 0)
            break;
        taken += length == sizeof(peer);
        close(fd);
    }
    say("all of them", -1);
    say_value("  taken", taken);
    nonblocking(listener, false);
    for (size_t i = 1; i < COUNT(clients); i += 2)
        close(clients[i]);
}

int main(void)
{
    deadline(30);
    listener = bound("127.0.0.1", 0, SOCK_STREAM);
    must("listen", listen(listener, 100));
    there = inet_address("127.0.0.1", port_of(listener));

    addresses();
    pointers();
    flags();
    descriptors();
    families();
    unix_peers();
    waits();
    queues();
    return 0;
}
