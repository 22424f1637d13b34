/* SPDX-License-Identifier: MIT */
/*
 * Many at once, on loopback: 64 threads with a socket each, 10,000 echoes in flight on one socket, 16 identifiers by 16
 * senders and 4 readers on one socket. Nothing is lost and nothing confused. A raw socket also sees what is not its own
 * (each socket every packet), which could not be held: those cases count what is the own.
 */
#include "tests/conformance/conformance.h"

enum { THREADS = 64, FEW = 4, ECHOES = 100, FLIGHT = 10000, SENDERS = 16, READERS = 4, EACH = 100 };

static unsigned lost;
static unsigned wrong;
static unsigned found;

static size_t icmp_at(const unsigned char *packet)
{
    return family == AF_INET ? (size_t)(packet[0] & 15) * 4 : 0;
}

/* How a thread's socket is told apart from the others'. */
static enum { BY_NOTHING, BY_BIND, BY_CONNECT } narrowed;

static int open_narrowed(unsigned number, union place *to)
{
    int fd = open_icmp();
    char text[32];
    *to = loopback_place();
    if (narrowed == BY_BIND) {
        snprintf(text, sizeof(text), "127.1.0.%u", number + 1);
        to->inet = inet_address(text, 0);
        must("bind", bind(fd, &to->any, place_size()));
    } else if (narrowed == BY_CONNECT) {
        *to = place_of(REPLY, 100 + number);
        must("connect", connect(fd, &to->any, place_size()));
    }
    return fd;
}

static void *own_socket(void *argument)
{
    unsigned id = 0x2000 + (unsigned)(uintptr_t)argument;
    union place to;
    unsigned char packet[256];
    int fd = open_narrowed((unsigned)(uintptr_t)argument, &to);
    for (unsigned i = 0; i < ECHOES; i++) {
        must("send", echo_with(fd, &to, id, i, 16));
        for (;;) {
            if (!is_readable(fd, 5000)) {
                __atomic_add_fetch(&lost, 1, __ATOMIC_RELAXED);
                break;
            }
            ssize_t length = take(fd, packet, sizeof(packet), 0, NULL);
            size_t at = icmp_at(packet);
            if (length < 8 || (unsigned)(packet[at + 4] << 8 | packet[at + 5]) != id)
                continue;
            if ((unsigned)(packet[at + 6] << 8 | packet[at + 7]) != i)
                __atomic_add_fetch(&wrong, 1, __ATOMIC_RELAXED);
            __atomic_add_fetch(&found, 1, __ATOMIC_RELAXED);
            break;
        }
        if (narrowed == BY_NOTHING)
            usleep(500); /* a raw socket's buffer must hold the others' packets while its thread does not run */
    }
    close(fd);
    return NULL;
}

static void say_counts(void)
{
    say_value("found", found);
    say_value("lost", lost);
    say_value("wrong", wrong);
}

static void run_threads(uintptr_t count)
{
    pthread_t threads[THREADS];
    for (uintptr_t i = 0; i < count; i++)
        must("thread", -pthread_create(&threads[i], NULL, own_socket, (void *)i));
    for (uintptr_t i = 0; i < count; i++)
        pthread_join(threads[i], NULL);
    say_counts();
}

static void bound_sockets(void)
{
    narrowed = BY_BIND;
    run_threads(THREADS);
}

static void connected(void)
{
    narrowed = BY_CONNECT;
    run_threads(THREADS);
}

static void unbound(void)
{
    run_threads(FEW);
}

/* Sent before any is read, as far as the socket's buffer holds; the rest when it is empty again. */
static void in_flight(void)
{
    static bool seen[FLIGHT];
    unsigned char packet[256];
    union place to = loopback_place();
    int fd = open_icmp();
    must("SO_RCVBUF", set_int(fd, SOL_SOCKET, SO_RCVBUF, 16 << 20));
    for (unsigned i = 0; i < FLIGHT; i++) {
        must("send", echo_with(fd, &to, 0x3000 + i / 1000, i % 1000, 4));
        if (i % 100 != 99)
            continue;
        ssize_t length;
        while ((length = take(fd, packet, sizeof(packet), MSG_DONTWAIT, NULL)) > 0) {
            size_t at = icmp_at(packet);
            unsigned index = ((unsigned)(packet[at + 4] << 8 | packet[at + 5]) - 0x3000) * 1000 +
                             (unsigned)(packet[at + 6] << 8 | packet[at + 7]);
            if (index >= FLIGHT || seen[index])
                wrong++;
            else
                seen[index] = true;
            found++;
        }
    }
    say_counts();
}

static int common;
static bool arrived[SENDERS][EACH];

static void *sender(void *argument)
{
    union place to = loopback_place();
    unsigned id = (unsigned)(uintptr_t)argument;
    for (unsigned i = 0; i < EACH; i++) {
        must("send", echo_with(common, &to, 0x5000 + id, i, 12));
        if (i % 8 == 7)
            usleep(500);
    }
    return NULL;
}

static void *reader(void *argument)
{
    unsigned char packet[256];
    (void)argument;
    while (is_readable(common, 700)) {
        ssize_t length = take(common, packet, sizeof(packet), MSG_DONTWAIT, NULL);
        if (length < 8)
            continue; /* another reader took it */
        size_t at = icmp_at(packet);
        unsigned id = (unsigned)(packet[at + 4] << 8 | packet[at + 5]) - 0x5000;
        unsigned sequence = (unsigned)(packet[at + 6] << 8 | packet[at + 7]);
        if (id >= SENDERS || sequence >= EACH || __atomic_exchange_n(&arrived[id][sequence], true, __ATOMIC_RELAXED))
            __atomic_add_fetch(&wrong, 1, __ATOMIC_RELAXED);
        __atomic_add_fetch(&found, 1, __ATOMIC_RELAXED);
    }
    return NULL;
}

static void one_socket(void)
{
    pthread_t threads[SENDERS + READERS];
    common = open_icmp();
    must("SO_RCVBUF", set_int(common, SOL_SOCKET, SO_RCVBUF, 1 << 20));
    for (uintptr_t i = 0; i < SENDERS + READERS; i++)
        must("thread", -pthread_create(&threads[i], NULL, i < READERS ? reader : sender, (void *)(i - READERS)));
    for (int i = 0; i < SENDERS + READERS; i++)
        pthread_join(threads[i], NULL);
    lost = SENDERS * EACH - found;
    say_counts();
}

int main(void)
{
    run_one("64 threads, a bound socket each", bound_sockets, AF_INET);
    run_case("64 threads, a connected socket each", connected);
    run_case("4 threads, an unbound socket each", unbound);
    run_case("10,000 in flight", in_flight);
    run_case("16 senders and 4 readers on one socket", one_socket);
    return 0;
}
