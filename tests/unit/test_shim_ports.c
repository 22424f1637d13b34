/* SPDX-License-Identifier: MIT */
/* Remembered ports and listeners: only as long as the number is the same socket's, and the policy the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "shim/hints.h"
#include "shim/ports.h"

#include <arpa/inet.h>
#include <sys/socket.h>

#define FD 7
#define OTHER (FD + 64) /* a listener's place is shared with every 64th */

static int setup(void **state)
{
    (void)state;
    atomic_store(&process.watch, WATCH_ON);
    atomic_store(&process.generation, 1);
    ports_forget(FD);
    ports_forget(OTHER);
    return 0;
}

static bool knows(int fd, uint16_t wanted)
{
    uint16_t port = 0;

    return ports_recall(fd, &port) && port == wanted;
}

static void a_port_is_remembered(void **state)
{
    (void)state;
    assert_false(knows(FD, 53));
    ports_learn(FD, ports_before(FD), 53);
    assert_true(knows(FD, 53));
    assert_false(knows(FD + 1, 53));
    ports_forget(FD);
    assert_false(knows(FD, 53));
}

static void a_change_in_between_wins(void **state)
{
    uint32_t before = ports_before(FD);

    (void)state;
    ports_forget(FD);
    ports_learn(FD, before, 53);
    assert_false(knows(FD, 53));
    before = ports_before(FD);
    hint_set(FD, AF_INET, SOCK_STREAM, 0);
    ports_learn(FD, before, 53);
    assert_false(knows(FD, 53));
}

static void no_port_is_no_port(void **state)
{
    (void)state;
    ports_learn(FD, ports_before(FD), 0);
    assert_false(knows(FD, 0));
}

static void whatever_makes_a_descriptor_forgets(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++) {
        ports_learn(FD, ports_before(FD), 53);
        assert_true(knows(FD, 53));
        if (i == 0)
            hint_set(FD, AF_INET, SOCK_DGRAM, 0);
        else if (i == 1)
            hint_forget(FD);
        else if (i == 2)
            hint_copy_accepted(FD + 1, FD);
        else
            hint_set_no_socket(FD);
        assert_false(knows(FD, 53));
    }
}

static void numbers_out_of_range(void **state)
{
    static const int numbers[] = {-1, PORTS_COUNT, INT32_MAX};
    struct listener_claim claim;
    bool wildcard;
    uint16_t port;

    (void)state;
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        ports_learn(numbers[i], ports_before(numbers[i]), 53);
        assert_false(knows(numbers[i], 53));
        assert_false(listener_is_allowed(numbers[i], &wildcard, &port, &claim));
        listener_allow(numbers[i], &claim, true, 53);
        assert_false(listener_is_allowed(numbers[i], &wildcard, &port, &claim));
        ports_forget(numbers[i]);
    }
}

/* Remembers a listener as it is now. */
static void listen_on(int fd, bool wildcard, uint16_t port)
{
    struct listener_claim claim;
    bool known;
    uint16_t before;

    listener_is_allowed(fd, &known, &before, &claim);
    listener_allow(fd, &claim, wildcard, port);
}

static bool listens_on(int fd, bool wanted, uint16_t wanted_port)
{
    struct listener_claim claim;
    bool wildcard = !wanted;
    uint16_t port = 0;

    return listener_is_allowed(fd, &wildcard, &port, &claim) && wildcard == wanted && port == wanted_port;
}

static void a_listener_is_remembered(void **state)
{
    (void)state;
    assert_false(listens_on(FD, true, 80));
    listen_on(FD, true, 80);
    assert_true(listens_on(FD, true, 80));
    listen_on(OTHER, false, 443);
    assert_true(listens_on(OTHER, false, 443));
    assert_false(listens_on(FD, true, 80)); /* its place is taken */
}

static void a_listener_is_forgotten(void **state)
{
    struct listener_claim claim;
    bool wildcard;
    uint16_t port;

    (void)state;
    listen_on(FD, false, 80);
    ports_forget(FD);
    assert_false(listens_on(FD, false, 80));
    listen_on(FD, false, 80);
    assert_true(listens_on(FD, false, 80));
    atomic_fetch_add(&process.generation, 1); /* a newer policy */
    assert_false(listens_on(FD, false, 80));
    assert_false(listener_is_allowed(FD, &wildcard, &port, &claim));
    ports_forget(FD); /* while it is judged */
    listener_allow(FD, &claim, false, 80);
    assert_false(listens_on(FD, false, 80));
}

/* The port alone, which a datagram's decision asked for, makes no listener. */
static void a_port_is_no_listener(void **state)
{
    (void)state;
    ports_learn(FD, ports_before(FD), 53);
    assert_false(listens_on(FD, false, 53));
    assert_false(listens_on(0, false, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_port_is_remembered, setup),
        cmocka_unit_test_setup(a_change_in_between_wins, setup),
        cmocka_unit_test_setup(no_port_is_no_port, setup),
        cmocka_unit_test_setup(whatever_makes_a_descriptor_forgets, setup),
        cmocka_unit_test_setup(numbers_out_of_range, setup),
        cmocka_unit_test_setup(a_listener_is_remembered, setup),
        cmocka_unit_test_setup(a_listener_is_forgotten, setup),
        cmocka_unit_test_setup(a_port_is_no_listener, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
