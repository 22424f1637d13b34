/* SPDX-License-Identifier: MIT */
/* Addresses that were seen, as nets. */
#include "config/nets.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MOST 512

static int compare(const void *a, const void *b)
{
    return address_compare(a, b);
}

/* Reads addresses divided by spaces, makes nets of them, and writes those the same way. */
static void nets_of(char *out, const char *text, bool (*may_join)(const struct address_range *, void *), void *data)
{
    static struct address addresses[MOST];
    static struct net nets[MOST];
    size_t count = 0, made;
    char copy[8192], *rest = copy;

    snprintf(copy, sizeof(copy), "%s", text);
    for (const char *word; (word = strsep(&rest, " ")) != NULL;) {
        assert_true(count < MOST);
        assert_int_equal(address_parse(word, &addresses[count++]), ADDRESS_OK);
    }
    qsort(addresses, count, sizeof(*addresses), compare);
    made = nets_make(nets, addresses, count, may_join, data);
    out[0] = '\0';
    for (size_t i = 0, seen = 0; i < made; i++) {
        char range[RANGE_TEXT];

        assert_int_equal(nets[i].first, seen);
        seen += nets[i].count;
        range_format(&nets[i].range, range);
        snprintf(out + strlen(out), 4096 - strlen(out), "%s%s", i > 0 ? " " : "", range);
        for (size_t j = nets[i].first; j < seen; j++) {
            assert_true(address_compare(&nets[i].range.first, &addresses[j]) <= 0);
            assert_true(address_compare(&nets[i].range.last, &addresses[j]) >= 0);
        }
        if (i + 1 == made)
            assert_int_equal(seen, count);
    }
}

static void assert_nets(const char *text, const char *expected)
{
    char out[4096];

    nets_of(out, text, NULL, NULL);
    assert_string_equal(out, expected);
}

static void few_stay_what_they_are(void **state)
{
    (void)state;
    assert_nets("192.0.2.1", "192.0.2.1");
    assert_nets("192.0.2.1 192.0.2.2 192.0.2.3", "192.0.2.1 192.0.2.2 192.0.2.3");
    assert_nets("2001:db8::1 2001:db8::2 2001:db8::3", "2001:db8::1 2001:db8::2 2001:db8::3");
}

static void close_ones_are_a_net(void **state)
{
    (void)state;
    assert_nets("192.0.2.0 192.0.2.1 192.0.2.2 192.0.2.3", "192.0.2.0/30");
    assert_nets("192.0.2.1 192.0.2.5 192.0.2.9 192.0.2.30", "192.0.2.0/27");
    assert_nets("192.0.2.1 192.0.2.5 192.0.2.9 192.0.2.33", "192.0.2.1 192.0.2.5 192.0.2.9 192.0.2.33"); /* 1 in 16 */
    assert_nets("2001:db8::1 2001:db8::2 2001:db8::3 2001:db8::4", "2001:db8::/125");
    assert_nets("2001:db8::1 2001:db8::f 2001:db8:0:0:8000::3 2001:db8::4", "2001:db8::/64");
    assert_nets("2001:db8::1 2001:db8::f 2001:db8:0:1::3 2001:db8::4",
                "2001:db8::1 2001:db8::4 2001:db8::f 2001:db8:0:1::3");
}

static void far_ones_stay_apart(void **state)
{
    (void)state;
    assert_nets("10.0.0.1 10.0.0.2 10.0.0.3 10.0.0.4 198.51.100.9 203.0.113.1 203.0.113.2",
                "10.0.0.0/29 198.51.100.9 203.0.113.1 203.0.113.2");
    assert_nets("0.0.0.1 255.255.255.255 :: ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
                "0.0.0.1 255.255.255.255 :: ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
}

static void no_net_is_wider_than_24(void **state)
{
    char text[8192] = "", out[4096];

    (void)state;
    for (int i = 0; i < 256; i++)
        snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s192.0.%d.%d", i > 0 ? " " : "", 2 + i % 2, i);
    nets_of(out, text, NULL, NULL);
    assert_string_equal(out, "192.0.2.0/24 192.0.3.0/24");
}

static bool not_with_five(const struct address_range *range, void *data)
{
    struct address five;

    assert_int_equal(address_parse(data, &five), ADDRESS_OK);
    return address_compare(&range->first, &five) > 0 || address_compare(&range->last, &five) < 0;
}

static void what_is_refused_is_left_out(void **state)
{
    char out[4096], five[] = "192.0.2.5";

    (void)state;
    nets_of(out, "192.0.2.0 192.0.2.1 192.0.2.2 192.0.2.3 192.0.2.4 192.0.2.6", not_with_five, five);
    assert_string_equal(out, "192.0.2.0/30 192.0.2.4 192.0.2.6");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(few_stay_what_they_are),      cmocka_unit_test(close_ones_are_a_net),
        cmocka_unit_test(far_ones_stay_apart),         cmocka_unit_test(no_net_is_wider_than_24),
        cmocka_unit_test(what_is_refused_is_left_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
