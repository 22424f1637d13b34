/* SPDX-License-Identifier: MIT */
/* Control messages read: every kind that the shim asks for, and any bytes in their place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <string.h>

#include "shim/icmp/packet.h"

#define LOCAL "10.1.1.1"
#define LOCAL6 "fd01::1"

/* A control buffer as the kernel fills it. */
struct control {
    unsigned char bytes[CONTROL_ROOM];
    size_t length;
};

static void control_add(struct control *control, int level, int type, const void *data, size_t length)
{
    struct cmsghdr header = {.cmsg_len = CMSG_LEN(length), .cmsg_level = level, .cmsg_type = type};

    assert_true(control->length + CMSG_SPACE(length) <= sizeof(control->bytes));
    memset(control->bytes + control->length, 0, CMSG_SPACE(length));
    memcpy(control->bytes + control->length, &header, sizeof(header));
    memcpy(control->bytes + control->length + CMSG_LEN(0), data, length);
    control->length += CMSG_SPACE(length);
}

static struct facts control_read(struct control *control)
{
    struct msghdr message = {.msg_control = control->bytes, .msg_controllen = control->length};
    struct facts facts;

    memset(&facts, 0x55, sizeof(facts));
    facts_read(&facts, &message);
    return facts;
}

static void facts4(void **state)
{
    struct control control = {.length = 0};
    struct in_pktinfo local = {.ipi_ifindex = 7};
    struct {
        struct sock_extended_err error;
        struct sockaddr_in from;
    } error = {.error = {.ee_origin = SO_EE_ORIGIN_ICMP, .ee_type = 11, .ee_info = 5}};
    struct facts facts;
    int ttl = 63;
    uint8_t tos = 0xc0;

    (void)state;
    inet_pton(AF_INET, LOCAL, &local.ipi_addr);
    inet_pton(AF_INET, "10.1.1.99", &local.ipi_spec_dst);
    error.from.sin_family = AF_INET;
    inet_pton(AF_INET, "10.7.7.7", &error.from.sin_addr);
    control_add(&control, SOL_SOCKET, SCM_TIMESTAMP, "0123456789abcdef", 16);
    control_add(&control, IPPROTO_IP, IP_PKTINFO, &local, sizeof(local));
    control_add(&control, IPPROTO_IP, IP_TTL, &ttl, sizeof(ttl));
    control_add(&control, IPPROTO_IP, IP_TOS, &tos, sizeof(tos));
    control_add(&control, IPPROTO_IP, IP_RECVOPTS, "\x07\x07\x08\x0a\x07\x07\x07", 8);
    control_add(&control, IPPROTO_IP, IP_RECVERR, &error, sizeof(error));
    facts = control_read(&control);
    assert_true(facts.ttl_known && facts.tos_known && facts.local_known && facts.has_error && facts.offender_known);
    assert_int_equal(facts.ttl, 63);
    assert_int_equal(facts.tos, 0xc0);
    assert_int_equal(facts.interface, 7);
    assert_int_equal(facts.local.s_addr, inet_addr(LOCAL));
    assert_int_equal(facts.options_length, 8);
    assert_memory_equal(facts.options, "\x07\x07\x08\x0a\x07\x07\x07", 8);
    assert_int_equal(facts.error.ee_info, 5);
    assert_int_equal(facts.offender.s_addr, inet_addr("10.7.7.7"));
    /* The same where no address can be aligned. */
    memmove(control.bytes + 1, control.bytes, control.length);
    {
        struct msghdr message = {.msg_control = control.bytes + 1, .msg_controllen = control.length};
        struct facts again;

        facts_read(&again, &message);
        assert_memory_equal(&again.offender, &facts.offender, sizeof(facts.offender));
        assert_int_equal(again.ttl, 63);
    }
}

static void facts6(void **state)
{
    struct control control = {.length = 0};
    struct in6_pktinfo local = {.ipi6_ifindex = 9};
    struct {
        struct sock_extended_err error;
        struct sockaddr_in6 from;
    } error = {.error = {.ee_origin = SO_EE_ORIGIN_ICMP, .ee_type = 3}, .from = {.sin6_family = AF_INET6}};
    struct facts facts;
    int number = 62;

    (void)state;
    inet_pton(AF_INET6, "::ffff:10.1.1.1", &local.ipi6_addr);
    inet_pton(AF_INET6, "::ffff:10.7.7.7", &error.from.sin6_addr);
    control_add(&control, IPPROTO_IPV6, IPV6_PKTINFO, &local, sizeof(local));
    control_add(&control, IPPROTO_IPV6, IPV6_HOPLIMIT, &number, sizeof(number));
    number = 3;
    control_add(&control, IPPROTO_IPV6, IPV6_TCLASS, &number, sizeof(number));
    control_add(&control, IPPROTO_IPV6, IPV6_RECVERR, &error, sizeof(error));
    facts = control_read(&control);
    assert_int_equal(facts.ttl, 62);
    assert_int_equal(facts.tos, 3);
    assert_int_equal(facts.interface, 9);
    assert_memory_equal(&facts.local6, &local.ipi6_addr, sizeof(facts.local6));
    assert_memory_equal(&facts.offender6, &error.from.sin6_addr, sizeof(facts.offender6));
    /* A dual-stack socket's IPv4 */
    assert_int_equal(facts.local.s_addr, inet_addr(LOCAL));
    assert_int_equal(facts.offender.s_addr, inet_addr("10.7.7.7"));
    assert_true(is_icmp_error(&facts, false));
    assert_false(is_icmp_error(&facts, true));
    /* The forms of RFC 2292 alone */
    control.length = 0;
    number = 61;
    inet_pton(AF_INET6, LOCAL6, &local.ipi6_addr);
    control_add(&control, IPPROTO_IPV6, 2, &local, sizeof(local));
    control_add(&control, IPPROTO_IPV6, 8, &number, sizeof(number));
    facts = control_read(&control);
    assert_true(facts.ttl_known && facts.local_known && !facts.tos_known && !facts.has_error);
    assert_int_equal(facts.ttl, 61);
    assert_memory_equal(&facts.local6, &local.ipi6_addr, sizeof(facts.local6));
    assert_int_equal(facts.local.s_addr, 0);
}

/* One message of a length that is wrong, and a good one behind it that must not be read. */
static void malformed(size_t length)
{
    struct control control = {.length = 0};
    int ttl = 63;
    struct facts facts;

    control_add(&control, IPPROTO_IP, IP_TOS, "\x01", 1);
    control_add(&control, SOL_SOCKET, SCM_TIMESTAMP, "0123456789abcdef", 16);
    memcpy(control.bytes + CMSG_SPACE(1), &length, sizeof(length));
    control_add(&control, IPPROTO_IP, IP_TTL, &ttl, sizeof(ttl));
    facts = control_read(&control);
    assert_true(facts.tos_known);
    assert_false(facts.ttl_known);
}

/* Whether there is more than what is always on. */
static void facts_asked_for(void **state)
{
    static const struct {
        int level;
        int type;
        bool asked_for;
    } kinds[] = {
        {IPPROTO_IP, IP_TTL, false},         {IPPROTO_IP, IP_TOS, false},         {IPPROTO_IP, IP_PKTINFO, false},
        {IPPROTO_IP, IP_RECVOPTS, false},    {IPPROTO_IP, IP_RETOPTS, true},      {IPPROTO_IP, IP_RECVERR, false},
        {IPPROTO_IPV6, IPV6_PKTINFO, false}, {IPPROTO_IPV6, IPV6_RECVERR, false}, {IPPROTO_IPV6, IPV6_HOPLIMIT, true},
        {IPPROTO_IPV6, IPV6_TCLASS, true},   {SOL_SOCKET, SCM_TIMESTAMP, true},   {IPPROTO_ICMP, IP_TTL, true}};

    (void)state;
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        struct control control = {.length = 0};
        int number = 1;

        control_add(&control, IPPROTO_IP, IP_TTL, &number, sizeof(number));
        control_add(&control, kinds[i].level, kinds[i].type, &number, sizeof(number));
        control_add(&control, IPPROTO_IP, IP_TOS, &number, sizeof(number));
        assert_int_equal(control_read(&control).asked_for, kinds[i].asked_for);
    }
}

/* The three that are always on, in the kernel's order, which is read in one step, and in any other order. */
static void facts_usual(void **state)
{
    static const int orders[][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
    static const int types[] = {IP_PKTINFO, IP_TTL, IP_TOS};
    struct in_pktinfo local = {.ipi_ifindex = 7};
    const uint8_t tos = 0xb8;
    const int ttl = 57;
    const void *const data[] = {&local, &ttl, &tos};
    const size_t lengths[] = {sizeof(local), sizeof(ttl), sizeof(tos)};

    (void)state;
    inet_pton(AF_INET, LOCAL, &local.ipi_addr);
    for (size_t i = 0; i < 2 * sizeof(orders) / sizeof(orders[0]); i++) {
        struct control control = {.length = 0};
        struct facts facts;

        if (i % 2 != 0)
            control_add(&control, SOL_SOCKET, SCM_TIMESTAMP, "0123456789abcdef", 16);
        for (size_t j = 0; j < 3; j++) {
            int which = orders[i / 2][j];

            control_add(&control, IPPROTO_IP, types[which], data[which], lengths[which]);
        }
        facts = control_read(&control);
        assert_true(facts.ttl_known && facts.tos_known && facts.local_known);
        assert_false(facts.has_error || facts.offender_known || facts.options_length > 0);
        assert_int_equal(facts.asked_for, i % 2 != 0);
        assert_int_equal(facts.ttl, 57);
        assert_int_equal(facts.tos, 0xb8);
        assert_int_equal(facts.interface, 7);
        assert_int_equal(facts.local.s_addr, inet_addr(LOCAL));
    }
    /* As long in all, and other ones. */
    for (size_t i = 0; i < 3; i++) {
        struct control control = {.length = 0};

        for (size_t j = 0; j < 3; j++)
            control_add(&control, i == j ? IPPROTO_IPV6 : IPPROTO_IP, types[j], data[j], lengths[j]);
        assert_int_equal(control_read(&control).local_known, i != 0);
        assert_int_equal(control_read(&control).ttl_known, i != 1);
        assert_int_equal(control_read(&control).tos_known, i != 2);
    }
}

static void facts_hostile(void **state)
{
    struct control control = {.length = 0};
    struct msghdr nothing = {.msg_control = NULL, .msg_controllen = 100};
    struct sock_extended_err error = {.ee_origin = SO_EE_ORIGIN_ICMP, .ee_type = 3};
    unsigned char options[60] = {1};
    struct facts facts;

    (void)state;
    facts_read(&facts, &nothing);
    assert_false(facts.ttl_known || facts.tos_known || facts.local_known || facts.has_error || facts.offender_known);
    malformed(0);
    malformed(CMSG_LEN(0) - 1);
    malformed(CMSG_SPACE(16) + CMSG_SPACE(4) + 1);
    malformed(SIZE_MAX);
    malformed(SIZE_MAX - sizeof(size_t) + 1);
    /* Contents that are too short or too long for what they say they are */
    control_add(&control, IPPROTO_IP, IP_TTL, "", 0);
    control_add(&control, IPPROTO_IP, IP_PKTINFO, "0123456", 7);
    control_add(&control, IPPROTO_IPV6, IPV6_PKTINFO, "0123456", 7);
    control_add(&control, IPPROTO_IP, IP_RECVERR, &error, sizeof(error) - 1);
    control_add(&control, IPPROTO_IP, IP_RECVOPTS, options, sizeof(options));
    facts = control_read(&control);
    assert_false(facts.ttl_known || facts.local_known || facts.has_error || facts.offender_known);
    assert_int_equal(facts.options_length, 40);
    /* A last message that says to be a byte longer than the buffer */
    control.length = 0;
    control_add(&control, IPPROTO_IP, IP_RECVOPTS, options, 8);
    control.length -= 1;
    facts = control_read(&control);
    assert_int_equal(facts.options_length, 0);
    /* An error without its sender, as errors of our own stack are */
    control.length = 0;
    control_add(&control, IPPROTO_IP, IP_RECVERR, &error, sizeof(error));
    facts = control_read(&control);
    assert_true(facts.has_error);
    assert_false(facts.offender_known);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(facts4),      cmocka_unit_test(facts6),        cmocka_unit_test(facts_asked_for),
        cmocka_unit_test(facts_usual), cmocka_unit_test(facts_hostile),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
