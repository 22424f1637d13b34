/* SPDX-License-Identifier: MIT */
/* What is remembered of a probe's datagrams: the last ones, each under its destination, with the sum of its bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

#include "shim/icmp/packet.h"
#include "shim/icmp/probe_table.h"

static struct sockaddr_in6 name4(const char *text, uint16_t port)
{
    struct sockaddr_in6 name = {0};
    struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = htons(port)};

    assert_int_equal(inet_pton(AF_INET, text, &four.sin_addr), 1);
    memcpy(&name, &four, sizeof(four));
    return name;
}

static struct sockaddr_in6 name6(const char *text, uint16_t port)
{
    struct sockaddr_in6 name = {.sin6_family = AF_INET6, .sin6_port = htons(port)};

    assert_int_equal(inet_pton(AF_INET6, text, &name.sin6_addr), 1);
    return name;
}

static void send_to(struct probe *probe, struct sockaddr_in6 to, uint8_t ttl, const struct iovec *parts, size_t count,
                    uint16_t length)
{
    struct sent sent = {.port = to.sin6_port, .length = length, .ttl = ttl, .tos = 8};

    probe_address(&to, sent.address);
    probe_remember(probe, &sent, parts, count);
}

static void names(void **state)
{
    struct sockaddr_in6 a = name4("10.0.0.1", 33434);
    struct sockaddr_in6 b = name6("fd00::1", 33434);
    struct sockaddr_in6 scoped = b;

    (void)state;
    scoped.sin6_scope_id = 3;
    scoped.sin6_flowinfo = 5;
    assert_true(probe_same_name(&a, &a));
    assert_true(probe_same_name(&b, &scoped));
    assert_false(probe_same_name(&a, &b));
    b = name4("10.0.0.1", 33435);
    assert_false(probe_same_name(&a, &b));
    b = name4("10.0.0.2", 33434);
    assert_false(probe_same_name(&a, &b));
}

static void remembers_the_last(void **state)
{
    struct probe *probe = calloc(1, sizeof(*probe));
    struct iovec part = {(char[]){"0123456789"}, 10};
    struct sockaddr_in6 to = name4("10.0.0.1", 33434);
    struct sent sent;

    (void)state;
    assert_non_null(probe);
    assert_false(probe_recall(probe, &to, &sent));
    send_to(probe, to, 1, &part, 1, 10);
    send_to(probe, name4("10.0.0.2", 33434), 2, &part, 1, 9);
    send_to(probe, name4("10.0.0.1", 33435), 3, &part, 1, 8);
    assert_true(probe_recall(probe, &to, &sent));
    assert_int_equal(sent.ttl, 1);
    assert_int_equal(sent.tos, 8);
    assert_int_equal(sent.length, 10);
    send_to(probe, to, 4, &part, 1, 7);
    assert_true(probe_recall(probe, &to, &sent));
    assert_int_equal(sent.ttl, 4);
    assert_int_equal(sent.length, 7);
    for (uint16_t i = 0; i < SENT; i++)
        send_to(probe, name6("fd00::1", i), 5, &part, 1, 1);
    assert_false(probe_recall(probe, &to, &sent));
    for (uint16_t i = 0; i < SENT; i++) {
        struct sockaddr_in6 other = name6("fd00::1", i);

        assert_true(probe_recall(probe, &other, &sent));
    }
    free(probe);
}

/* The sum does not depend on how the bytes were cut, and stops where they were cut off. */
static void sums_parts(void **state)
{
    unsigned char bytes[1001];
    struct sockaddr_in6 to = name6("fd00::1", 7);

    (void)state;
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (unsigned char)(i * 7 + 3);
    for (uint16_t length = 0; length <= sizeof(bytes); length = (uint16_t)(length + 91)) {
        struct probe *probe = calloc(1, sizeof(*probe));
        struct iovec parts[] = {{bytes, 1}, {NULL, 0}, {bytes + 1, 255}, {bytes + 256, 3}, {bytes + 259, 742}};
        struct sent sent;

        assert_non_null(probe);
        send_to(probe, to, 1, parts, 5, length);
        assert_true(probe_recall(probe, &to, &sent));
        assert_int_equal(checksum_finish(sent.sum), checksum_finish(checksum_add(0, bytes, length)));
        free(probe);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names),
        cmocka_unit_test(remembers_the_last),
        cmocka_unit_test(sums_parts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
