/* SPDX-License-Identifier: MIT */
/* Expected peers: whom was asked is expected, nobody else, and 4,096 at a time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "shim/answers.h"

static void exact(void **state)
{
    struct address peer = address_from_v4(0xc0000201);
    struct address neighbour = address_from_v4(0xc0000202);
    struct address six = {.lo = peer.lo, .family = ADDRESS_INET6};

    (void)state;
    assert_false(answers_expected(&peer, 53));
    answers_expect(&peer, 53);
    assert_true(answers_expected(&peer, 53));
    assert_false(answers_expected(&peer, 54));
    assert_false(answers_expected(&peer, 0));
    assert_false(answers_expected(&neighbour, 53));
    assert_false(answers_expected(&six, 53));
    six.hi = 1;
    answers_expect(&six, 53);
    six.hi = 2;
    assert_false(answers_expected(&six, 53));
}

static void many(void **state)
{
    unsigned lost = 0;

    (void)state;
    for (uint32_t i = 0; i < 100000; i++) {
        struct address peer = address_from_v4(i);

        answers_expect(&peer, (uint16_t)i);
        answers_expect(&peer, (uint16_t)i);
    }
    for (uint32_t i = 100000 - 4096; i < 100000; i++) {
        struct address peer = address_from_v4(i);

        lost += !answers_expected(&peer, (uint16_t)i);
    }
    assert_in_range(lost, 0, 1);
    lost = 0;
    for (uint32_t i = 0; i < 50000; i++) {
        struct address peer = address_from_v4(i);

        lost += !answers_expected(&peer, (uint16_t)i);
    }
    assert_in_range(lost, 49990, 50000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(exact), cmocka_unit_test(many)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
