/* SPDX-License-Identifier: MIT */
/* Remembered destinations: known only as long as all that the verdict depended on is what it was. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "shim/recent.h"

#include <arpa/inet.h>

#define FD 7

static struct sockaddr_in four(uint32_t address, uint16_t port)
{
    return (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(address)}};
}

static struct sockaddr_in6 six(uint8_t last, uint16_t port)
{
    struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_port = htons(port)};

    address.sin6_addr.s6_addr[0] = 0x20;
    address.sin6_addr.s6_addr[15] = last;
    return address;
}

static bool knows4(int fd, struct sockaddr_in address)
{
    union reached_address copy;

    return reached_copy4(&copy, (struct sockaddr *)&address) && reached_knows4(&reached_by_sendto, fd, &copy, true);
}

static bool knows6(int fd, struct sockaddr_in6 address)
{
    union reached_address copy;

    return reached_copy6(&copy, (struct sockaddr *)&address) && reached_knows6(&reached_by_sendto, fd, &copy, true);
}

static void remember(int fd, const void *address, socklen_t length, struct answer_note answer)
{
    struct reached_claim claim;

    reached_expect(&claim, &reached_by_sendto, fd, address, length);
    reached_allow(&claim, fd, answer);
}

static int setup(void **state)
{
    (void)state;
    memset(&reached_by_sendto, 0, sizeof(reached_by_sendto));
    atomic_store(&process.watch, WATCH_TO);
    atomic_store(&process.generation, 1);
    hint_set(FD, AF_INET, SOCK_DGRAM, 0);
    return 0;
}

static void exact(void **state)
{
    struct sockaddr_in peer = four(0xc0000201, 53);
    struct sockaddr_in6 other = six(1, 53);

    (void)state;
    assert_false(knows4(FD, peer));
    remember(FD, &peer, sizeof(peer), (struct answer_note){0});
    assert_true(knows4(FD, peer));
    assert_false(knows4(FD, four(0xc0000201, 54)));
    assert_false(knows4(FD, four(0xc0000202, 53)));
    assert_false(knows6(FD, other));
    remember(FD, &other, sizeof(other), (struct answer_note){0});
    assert_true(knows6(FD, other));
    assert_false(knows6(FD, six(2, 53)));
    assert_false(knows6(FD, six(1, 54)));
    other.sin6_addr.s6_addr[1] = 1;
    assert_false(knows6(FD, other));
}

static void ends_with_what_it_depended_on(void **state)
{
    struct sockaddr_in peer = four(0xc0000201, 53);

    (void)state;
    remember(FD, &peer, sizeof(peer), (struct answer_note){0});
    hint_set(FD, AF_INET, SOCK_STREAM, 0);
    assert_false(knows4(FD, peer));
    hint_set(FD, AF_INET, SOCK_DGRAM, 0);
    assert_true(knows4(FD, peer));
    atomic_fetch_add(&process.generation, 1);
    assert_false(knows4(FD, peer));
    remember(FD, &peer, sizeof(peer), (struct answer_note){0});
    assert_true(knows4(FD, peer));
    atomic_fetch_or(&process.watch, 1u << 16);
    assert_false(knows4(FD, peer));
}

static void what_is_not_remembered(void **state)
{
    struct sockaddr_in peer = four(0xc0000201, 53);
    struct sockaddr_in unspecified = peer;
    struct reached_claim claim;

    (void)state;
    unspecified.sin_family = AF_UNSPEC;
    remember(FD, &unspecified, sizeof(unspecified), (struct answer_note){0});
    assert_false(knows4(FD, unspecified));
    remember(HINT_COUNT, &peer, sizeof(peer), (struct answer_note){0});
    assert_false(knows4(HINT_COUNT, peer));
    remember(-1, &peer, sizeof(peer), (struct answer_note){0});
    assert_false(knows4(-1, peer));

    reached_expect(&claim, &reached_by_sendto, FD, (struct sockaddr *)&peer, sizeof(peer));
    hint_set(FD, AF_INET, SOCK_STREAM, 0); /* found out on the way */
    reached_allow(&claim, FD, (struct answer_note){0});
    assert_false(knows4(FD, peer));

    hint_set(FD, AF_INET, SOCK_DGRAM, 0);
    reached_expect(&claim, &reached_by_sendto, FD, (struct sockaddr *)&peer, sizeof(peer));
    atomic_fetch_add(&process.generation, 1); /* a new image while the old one was asked */
    reached_allow(&claim, FD, (struct answer_note){0});
    assert_false(knows4(FD, peer));
}

static void a_write_under_way(void **state)
{
    struct sockaddr_in peer = four(0xc0000201, 53);

    (void)state;
    reached_by_sendto.writes++;
    remember(FD, &peer, sizeof(peer), (struct answer_note){0});
    assert_false(knows4(FD, peer));
}

static void answers_that_are_forgotten(void **state)
{
    struct sockaddr_in peer = four(0xc0000201, 53);
    _Atomic uint64_t place = 42;

    (void)state;
    atomic_store(&process.watch, WATCH_TO | WATCH_FROM_DATAGRAM);
    remember(FD, &peer, sizeof(peer), (struct answer_note){&place, 42});
    assert_true(knows4(FD, peer));
    place = 43;
    assert_false(knows4(FD, peer));
}

static void sources_without_their_port(void **state)
{
    struct sockaddr_storage source = {0};
    struct sockaddr_in first = four(0xc0000201, 1000);
    struct sockaddr_in second = four(0xc0000201, 2000);
    struct reached_claim claim;
    union reached_address copy;

    (void)state;
    memcpy(&source, &first, sizeof(first));
    assert_false(recent_allows(FD, &source, sizeof(first)));
    assert_true(recent_copy(&copy, &source, sizeof(first)));
    reached_expect(&claim, &recent_sources, FD, (struct sockaddr *)&copy.inet, sizeof(first));
    reached_allow(&claim, FD, (struct answer_note){0});
    memcpy(&source, &second, sizeof(second));
    assert_true(recent_allows(FD, &source, sizeof(second)));
    assert_false(recent_allows(FD, &source, 8));
    second.sin_addr.s_addr ^= 1;
    memcpy(&source, &second, sizeof(second));
    assert_false(recent_allows(FD, &source, sizeof(second)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(exact, setup),
        cmocka_unit_test_setup(ends_with_what_it_depended_on, setup),
        cmocka_unit_test_setup(what_is_not_remembered, setup),
        cmocka_unit_test_setup(a_write_under_way, setup),
        cmocka_unit_test_setup(answers_that_are_forgotten, setup),
        cmocka_unit_test_setup(sources_without_their_port, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
