/* SPDX-License-Identifier: MIT */
/*
 * Few peers, named again and again in any order: whether one is refused depends on address, port and protocol of this
 * call and on nothing that was remembered of others, also where descriptors become other sockets and signal handlers
 * call in between.
 */
#include "refusal.h"

#include <pthread.h>
#include <sys/time.h>

#define ROUNDS 20000
#define SOCKETS 6
#define PORTS 3 /* from FIRST_PORT on; see again_refused.conf */
#define FIRST_PORT 701

static const char *const hosts[][3] = {{"192.0.2.1", "2001:db8::1", "::ffff:192.0.2.1"},
                                       {"192.0.2.2", "2001:db8::2", "::ffff:192.0.2.2"}};

/* Sockets of one thread, and what they are: rows of `kinds`. */
struct set {
    unsigned random;
    int fds[SOCKETS];
    unsigned kind[SOCKETS];
};

static const struct kind {
    int family, type, protocol;
} kinds[] = {{AF_INET, SOCK_DGRAM, 0},
             {AF_INET6, SOCK_DGRAM, 0},
             {AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0},
             {AF_INET6, SOCK_STREAM | SOCK_NONBLOCK, 0},
             {AF_INET, SOCK_DGRAM, IPPROTO_UDPLITE},
             {AF_INET6, SOCK_DGRAM, 0}};

static struct set in_handler = {.random = 4};
static _Atomic unsigned wrong;
static _Atomic unsigned handled;

static unsigned pick(struct set *set, unsigned count)
{
    set->random = set->random * 1103515245 + 12345;
    return (set->random >> 16) % count;
}

static void open_all(struct set *set)
{
    for (unsigned i = 0; i < SOCKETS; i++) {
        set->kind[i] = i;
        set->fds[i] = socket(kinds[i].family, kinds[i].type, kinds[i].protocol);
        if (set->fds[i] < 0) { /* no UDP-Lite here */
            set->kind[i] = 0;
            set->fds[i] = socket(AF_INET, SOCK_DGRAM, 0);
        }
    }
}

/* Puts another socket under the number of one, by dup2 or by close and socket. */
static void exchange(struct set *set)
{
    unsigned i = pick(set, SOCKETS);
    unsigned kind = pick(set, 4);
    int fd;

    if (pick(set, 2)) {
        close(set->fds[i]);
        set->fds[i] = socket(kinds[kind].family, kinds[kind].type, kinds[kind].protocol);
    } else {
        fd = socket(kinds[kind].family, kinds[kind].type, kinds[kind].protocol);
        dup2(fd, set->fds[i]);
        close(fd);
    }
    set->kind[i] = kind;
}

static long reach(int fd, bool stream, unsigned form, const union peer *peer)
{
    struct iovec part = {(char[]){"x"}, 1};
    struct mmsghdr entry = {
        .msg_hdr = {
            .msg_name = (void *)(uintptr_t)peer, .msg_namelen = size_of(peer), .msg_iov = &part, .msg_iovlen = 1}};

    if (stream || form == 0)
        return connect(fd, &peer->any, size_of(peer));
    if (form == 1)
        return sendmsg(fd, &entry.msg_hdr, MSG_NOSIGNAL);
    if (form == 2)
        return sendmmsg(fd, &entry, 1, MSG_NOSIGNAL);
    return sendto(fd, "x", 1, MSG_NOSIGNAL, &peer->any, size_of(peer));
}

/* One call, and whether it was refused as it should be. */
static void one_call(struct set *set)
{
    unsigned i = pick(set, SOCKETS);
    unsigned host = pick(set, 2);
    unsigned port = pick(set, PORTS);
    bool stream = kinds[set->kind[i]].type != SOCK_DGRAM;
    unsigned written = kinds[set->kind[i]].family == AF_INET ? 0 : 1 + pick(set, 2);
    union peer peer = peer_of(hosts[host][written], (uint16_t)(FIRST_PORT + port));
    bool refused = host == 0 ? port == (stream ? 1 : 0) : port == 2;
    bool was;

    errno = 0;
    was = reach(set->fds[i], stream, pick(set, 6), &peer) < 0 && errno == ENETDOWN;
    wrong += was != refused;
}

static void handler(int number)
{
    int saved = errno;

    (void)number;
    for (int i = 0; i < 3; i++)
        one_call(&in_handler);
    handled++;
    errno = saved;
}

static void *calls(void *argument)
{
    struct set set = {.random = *(unsigned *)argument};

    open_all(&set);
    for (int i = 0; i < ROUNDS; i++) {
        one_call(&set);
        if (i % 50 == 0)
            exchange(&set);
    }
    for (unsigned i = 0; i < SOCKETS; i++)
        close(set.fds[i]);
    return NULL;
}

static void again_and_again(void **state)
{
    struct itimerval often = {{0, 300}, {0, 300}};
    struct itimerval never = {{0, 0}, {0, 0}};
    struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};
    unsigned seeds[2] = {1, 2};
    unsigned own = 3;
    pthread_t threads[2];

    (void)state;
    deadline(50);
    open_all(&in_handler);
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, calls, &seeds[i]), 0);
    sigaction(SIGVTALRM, &action, NULL);
    setitimer(ITIMER_VIRTUAL, &often, NULL);
    do /* its time is counted in ticks of the kernel, which all of the rounds may lie between */
        calls(&own);
    while (handled == 0);
    setitimer(ITIMER_VIRTUAL, &never, NULL);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(wrong, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(again_and_again)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
