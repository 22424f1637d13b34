/* SPDX-License-Identifier: MIT */
/*
 * Queries out of sockaddrs. Each one is handed over at the very end of a page, behind which nothing may be read, and
 * at an odd address.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "policy/query.h"

#include <arpa/inet.h>
#include <linux/netlink.h>
#include <linux/vm_sockets.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/un.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static unsigned char *page_end;
static struct query query;
static struct {
    char bytes[QUERY_PATH];
    char fence[16];
} path;

static int map_pages(void **state)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    unsigned char *pages = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    (void)state;
    page_end = pages + page;
    return pages == MAP_FAILED || mprotect(page_end, page, PROT_NONE) != 0;
}

/* Asks with the first `length` bytes of `address`, which end where the page does. */
static enum query_outcome ask_meaning(enum direction direction, const void *address, size_t length, enum unspec unspec,
                                      unsigned protos)
{
    memcpy(page_end - length, address, length);
    memset(&query, 0xa5, sizeof(query));
    memset(&path, 0x5a, sizeof(path));
    enum query_outcome outcome = query_from_sockaddr(&query, direction, (struct sockaddr *)(page_end - length),
                                                     (socklen_t)length, unspec, protos, path.bytes);
    for (size_t i = 0; i < sizeof(path.fence); i++)
        assert_int_equal(path.fence[i], 0x5a);
    assert_int_equal(query.direction, direction);
    assert_false(query.strict || query.same_file || query.same_file_data);
    if (outcome == QUERY_JUDGE && query.address.family != ADDRESS_UNIX)
        assert_true(!query.path && query.path_length == 0);
    return outcome;
}

static enum query_outcome ask(enum direction direction, const void *address, size_t length)
{
    return ask_meaning(direction, address, length, UNSPEC_IS_NOTHING, PROTO_ANY);
}

static struct sockaddr_in inet(const char *text, uint16_t port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};
    assert_int_equal(inet_pton(AF_INET, text, &a.sin_addr), 1);
    return a;
}

static struct sockaddr_in6 inet6(const char *text, uint16_t port)
{
    struct sockaddr_in6 a = {.sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_scope_id = 7};
    assert_int_equal(inet_pton(AF_INET6, text, &a.sin6_addr), 1);
    return a;
}

/* The query's address is the one that `text` names. */
static void assert_address(const char *text)
{
    char written[ADDRESS_TEXT];
    address_format(&query.address, written);
    assert_string_equal(written, text);
}

static void assert_port(bool known, uint16_t port)
{
    assert_int_equal(query.port_known, known);
    assert_int_equal(query.port, port);
}

static void ip_addresses_in_each_direction(void **state)
{
    struct sockaddr_in v4 = inet("192.0.2.1", 443);
    struct sockaddr_in6 v6 = inet6("2001:db8::1", 8443);

    (void)state;
    for (enum direction d = 0; d < DIRECTIONS; d++) {
        assert_int_equal(ask(d, &v4, sizeof(v4)), QUERY_JUDGE);
        assert_address("192.0.2.1");
        assert_port(d != DIRECTION_FROM, d == DIRECTION_FROM ? 0 : 443);
        assert_int_equal(ask(d, &v6, sizeof(v6)), QUERY_JUDGE);
        assert_address("2001:db8::1");
        assert_port(d != DIRECTION_FROM, d == DIRECTION_FROM ? 0 : 8443);
        v6.sin6_scope_id = 0;
    }
}

static void mapped_addresses_are_ipv4(void **state)
{
    struct sockaddr_in6 a = inet6("::ffff:192.0.2.1", 443);

    (void)state;
    for (enum direction d = 0; d < DIRECTIONS; d++) {
        assert_int_equal(ask(d, &a, sizeof(a)), QUERY_JUDGE);
        assert_int_equal(query.address.family, ADDRESS_INET);
        assert_address("192.0.2.1");
    }
}

static void wildcards_are_loopback_only_as_a_destination(void **state)
{
    static const struct {
        const char *text;
        const char *to;
        const char *on;
    } cases[] = {{"::ffff:0.0.0.0", "127.0.0.1", "0.0.0.0"}, {"::", "::1", "::"}};
    struct sockaddr_in v4 = inet("0.0.0.0", 80);

    (void)state;
    assert_int_equal(ask(DIRECTION_TO, &v4, sizeof(v4)), QUERY_JUDGE);
    assert_address("127.0.0.1");
    assert_int_equal(ask(DIRECTION_ON, &v4, sizeof(v4)), QUERY_JUDGE);
    assert_address("0.0.0.0");
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct sockaddr_in6 v6 = inet6(cases[i].text, 80);
        assert_int_equal(ask(DIRECTION_TO, &v6, sizeof(v6)), QUERY_JUDGE);
        assert_address(cases[i].to);
        assert_int_equal(ask(DIRECTION_ON, &v6, sizeof(v6)), QUERY_JUDGE);
        assert_address(cases[i].on);
        assert_int_equal(ask(DIRECTION_FROM, &v6, sizeof(v6)), QUERY_JUDGE);
        assert_address(cases[i].on);
    }
}

static void port_zero_is_a_clients_bind(void **state)
{
    struct sockaddr_in v4 = inet("192.0.2.1", 0);
    struct sockaddr_in6 v6 = inet6("2001:db8::1", 0);

    (void)state;
    assert_int_equal(ask(DIRECTION_ON, &v4, sizeof(v4)), QUERY_KERNEL);
    assert_int_equal(ask(DIRECTION_ON, &v6, sizeof(v6)), QUERY_KERNEL);
    assert_int_equal(ask(DIRECTION_TO, &v4, sizeof(v4)), QUERY_JUDGE);
    assert_port(true, 0);
    assert_int_equal(ask(DIRECTION_FROM, &v6, sizeof(v6)), QUERY_JUDGE);
    assert_port(false, 0);
}

static void short_and_long_addresses_are_the_kernels(void **state)
{
    unsigned char big[200] = {0};
    struct sockaddr_in v4 = inet("192.0.2.1", 443);
    struct sockaddr_in6 v6 = inet6("2001:db8::1", 443);

    (void)state;
    for (enum direction d = 0; d < DIRECTIONS; d++) {
        assert_int_equal(query_from_sockaddr(&query, d, NULL, 16, UNSPEC_IS_INET, PROTO_ANY, path.bytes), QUERY_KERNEL);
        for (size_t length = 0; length < sizeof(big); length++) {
            memcpy(big, &v4, sizeof(v4));
            enum query_outcome expected = length < 16 || length > 128 ? QUERY_KERNEL : QUERY_JUDGE;
            assert_int_equal(ask(d, big, length), expected);
            memcpy(big, &v6, sizeof(v6));
            expected = length < 24 || length > 128 ? QUERY_KERNEL : QUERY_JUDGE;
            assert_int_equal(ask(d, big, length), expected);
        }
        assert_int_equal(query_from_sockaddr(&query, d, (struct sockaddr *)(page_end - 16), UINT32_MAX, UNSPEC_IS_INET,
                                             PROTO_ANY, path.bytes),
                         QUERY_KERNEL);
    }
}

static void unspec_is_what_the_caller_says(void **state)
{
    struct sockaddr_in v4 = inet("192.0.2.1", 443);
    struct sockaddr_in6 v6 = inet6("2001:db8::1", 443);

    (void)state;
    v4.sin_family = AF_UNSPEC;
    v6.sin6_family = AF_UNSPEC;
    for (size_t length = 2; length <= sizeof(v6); length++) {
        assert_int_equal(ask_meaning(DIRECTION_TO, &v6, length, UNSPEC_IS_NOTHING, PROTO_ANY), QUERY_KERNEL);
        assert_int_equal(ask_meaning(DIRECTION_TO, &v6, length, UNSPEC_IS_INET, PROTO_ANY),
                         length < 16 ? QUERY_KERNEL : QUERY_JUDGE);
        assert_int_equal(ask_meaning(DIRECTION_TO, &v6, length, UNSPEC_IS_INET6, PROTO_ANY),
                         length < 24 ? QUERY_KERNEL : QUERY_JUDGE);
    }
    assert_address("2001:db8::1");
    assert_port(true, 443);
    assert_int_equal(ask_meaning(DIRECTION_TO, &v4, sizeof(v4), UNSPEC_IS_INET, PROTO_ANY), QUERY_JUDGE);
    assert_address("192.0.2.1");
    assert_port(true, 443);
    v4 = inet("0.0.0.0", 443);
    v4.sin_family = AF_UNSPEC;
    assert_int_equal(ask_meaning(DIRECTION_TO, &v4, sizeof(v4), UNSPEC_IS_INET, PROTO_ANY), QUERY_JUDGE);
    assert_address("127.0.0.1");
}

static void protocols_of_the_other_family_are_dropped(void **state)
{
    static const struct {
        unsigned given;
        unsigned v4;
        unsigned v6;
    } cases[] = {
        {PROTO_ANY, PROTO_ANY & ~PROTO_ICMP6, PROTO_ANY & ~PROTO_ICMP},
        {PROTO_TCP, PROTO_TCP, PROTO_TCP},
        {PROTO_UDP | PROTO_ICMP6, PROTO_UDP, PROTO_UDP | PROTO_ICMP6},
        {PROTO_ICMP | PROTO_ICMP6, PROTO_ICMP, PROTO_ICMP6},
        {PROTO_ICMP, PROTO_ICMP, PROTO_ICMP},
        {PROTO_ICMP6, PROTO_ICMP6, PROTO_ICMP6},
        {0, 0, 0},
    };
    struct sockaddr_in v4 = inet("192.0.2.1", 443);
    struct sockaddr_in6 mapped = inet6("::ffff:192.0.2.1", 443);
    struct sockaddr_in6 v6 = inet6("2001:db8::1", 443);

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        ask_meaning(DIRECTION_TO, &v4, sizeof(v4), UNSPEC_IS_NOTHING, cases[i].given);
        assert_int_equal(query.protos, cases[i].v4);
        ask_meaning(DIRECTION_FROM, &mapped, sizeof(mapped), UNSPEC_IS_NOTHING, cases[i].given);
        assert_int_equal(query.protos, cases[i].v4);
        ask_meaning(DIRECTION_ON, &v6, sizeof(v6), UNSPEC_IS_NOTHING, cases[i].given);
        assert_int_equal(query.protos, cases[i].v6);
    }
}

/* Asks with a Unix name of `length` bytes. */
static enum query_outcome ask_unix(enum direction direction, const char *name, size_t length)
{
    unsigned char bytes[128] = {0};
    sa_family_t family = AF_UNIX;
    memcpy(bytes, &family, sizeof(family));
    memcpy(bytes + sizeof(family), name, length);
    return ask(direction, bytes, sizeof(family) + length);
}

static void assert_path(const char *expected, size_t length)
{
    assert_int_equal(query.address.family, ADDRESS_UNIX);
    assert_false(query.port_known);
    assert_ptr_equal(query.path, path.bytes);
    assert_int_equal(query.path_length, length);
    assert_memory_equal(query.path, expected, length);
    assert_int_equal(query.path[length], '\0');
}

static void unix_names(void **state)
{
    char full[126];

    (void)state;
    memset(full, 'x', sizeof(full));
    for (enum direction d = 0; d < DIRECTIONS; d++) {
        assert_int_equal(ask_unix(d, "/run/a.sock", 12), QUERY_JUDGE);
        assert_path("/run/a.sock", 11);
        assert_int_equal(ask_unix(d, "/run/a.sock", 11), QUERY_JUDGE); /* no NUL: the length ends it */
        assert_path("/run/a.sock", 11);
        assert_int_equal(ask_unix(d, "/run\0a.sock", 11), QUERY_JUDGE);
        assert_path("/run", 4);
        assert_int_equal(ask_unix(d, "relative", 8), QUERY_JUDGE);
        assert_path("relative", 8);
        assert_int_equal(ask_unix(d, "\0name\0more", 10), QUERY_JUDGE);
        assert_path("@name\0more", 10);
        assert_int_equal(ask_unix(d, "\0", 1), QUERY_JUDGE); /* a name of no bytes, but a name */
        assert_path("@", 1);
        assert_int_equal(ask_unix(d, full, 108), QUERY_JUDGE);
        assert_path(full, 108);
        full[0] = '\0';
        assert_int_equal(ask_unix(d, full, 108), QUERY_JUDGE);
        full[0] = '@';
        assert_path(full, 108);
        full[0] = 'x';
        assert_int_equal(ask_unix(d, "", 0), QUERY_KERNEL); /* unnamed, or an autobind */
        for (size_t length = 110; length <= 126; length++)
            assert_int_equal(ask_unix(d, full, length), QUERY_KERNEL);
    }
    /* The kernel counts a NUL behind a path that fills sun_path. */
    assert_int_equal(ask_unix(DIRECTION_FROM, full, 109), QUERY_JUDGE);
    assert_path(full, 108);
    assert_int_equal(ask_unix(DIRECTION_TO, full, 109), QUERY_KERNEL);
    assert_int_equal(ask_unix(DIRECTION_ON, full, 109), QUERY_KERNEL);
}

static void other_families(void **state)
{
    static const struct {
        sa_family_t family;
        enum address_family expected;
    } cases[] = {
        {AF_NETLINK, ADDRESS_EXEMPT}, {AF_ALG, ADDRESS_EXEMPT},      {AF_VSOCK, ADDRESS_OTHER},
        {AF_PACKET, ADDRESS_OTHER},   {AF_BLUETOOTH, ADDRESS_OTHER}, {UINT16_MAX, ADDRESS_OTHER},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        for (size_t length = 0; length <= 128; length++) {
            unsigned char bytes[128] = {0};
            memcpy(bytes, &cases[i].family, sizeof(cases[i].family));
            for (enum direction d = 0; d < DIRECTIONS; d++) {
                assert_int_equal(ask(d, bytes, length), length < 2 ? QUERY_KERNEL : QUERY_JUDGE);
                if (length >= 2) {
                    assert_int_equal(query.address.family, cases[i].expected);
                    assert_port(false, 0);
                    assert_int_equal(query.protos, PROTO_ANY);
                }
            }
        }
    }
}

static void protocols_of_sockets(void **state)
{
    static const struct {
        int domain;
        int type;
        int protocol;
        unsigned expected;
    } cases[] = {
        {AF_INET, SOCK_STREAM, 0, PROTO_TCP},
        {AF_INET6, SOCK_STREAM, IPPROTO_TCP, PROTO_TCP},
        {AF_INET, SOCK_STREAM, 262, PROTO_TCP},
        {AF_INET, SOCK_STREAM, 256, PROTO_TCP},
        {AF_INET, SOCK_STREAM, 132, PROTO_SCTP},
        {AF_INET6, SOCK_SEQPACKET, 0, PROTO_SCTP},
        {AF_INET, SOCK_SEQPACKET, 132, PROTO_SCTP},
        {AF_INET, SOCK_SEQPACKET, 6, PROTO_RAW},
        {AF_INET, SOCK_STREAM, 17, PROTO_RAW},
        {AF_INET, SOCK_DGRAM, 0, PROTO_UDP},
        {AF_INET6, SOCK_DGRAM, 17, PROTO_UDP},
        {AF_INET, SOCK_DGRAM, 136, PROTO_UDP},
        {AF_INET, SOCK_DGRAM, 1, PROTO_ICMP},
        {AF_INET6, SOCK_DGRAM, 58, PROTO_ICMP6},
        {AF_INET, SOCK_DGRAM, 6, PROTO_RAW},
        {AF_INET, SOCK_RAW, 1, PROTO_ICMP},
        {AF_INET6, SOCK_RAW, 58, PROTO_ICMP6},
        {AF_INET, SOCK_RAW, 255, PROTO_RAW},
        {AF_INET, SOCK_RAW, 6, PROTO_RAW},
        {AF_INET, SOCK_RAW, 0, PROTO_RAW},
        {AF_INET, SOCK_PACKET, 0, PROTO_RAW},
        {AF_INET, -1, -1, PROTO_RAW},
        {AF_INET, SOCK_DCCP, 33, PROTO_RAW},
        {AF_UNIX, SOCK_STREAM, 0, 0},
        {AF_PACKET, SOCK_RAW, 3, 0},
        {AF_UNSPEC, SOCK_DGRAM, 0, 0},
        {-1, SOCK_STREAM, 0, 0},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        int type = cases[i].type;
        assert_int_equal(protocol_of(cases[i].domain, type, cases[i].protocol), cases[i].expected);
        if (type > 0) {
            type |= SOCK_CLOEXEC | SOCK_NONBLOCK;
            assert_int_equal(protocol_of(cases[i].domain, type, cases[i].protocol), cases[i].expected);
        }
    }
    assert_true(type_is_stream(SOCK_STREAM));
    assert_true(type_is_stream(SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC));
    assert_false(type_is_stream(SOCK_DGRAM));
    assert_false(type_is_stream(SOCK_SEQPACKET | SOCK_CLOEXEC));
    assert_false(type_is_stream(SOCK_RAW));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ip_addresses_in_each_direction),
        cmocka_unit_test(mapped_addresses_are_ipv4),
        cmocka_unit_test(wildcards_are_loopback_only_as_a_destination),
        cmocka_unit_test(port_zero_is_a_clients_bind),
        cmocka_unit_test(short_and_long_addresses_are_the_kernels),
        cmocka_unit_test(unspec_is_what_the_caller_says),
        cmocka_unit_test(protocols_of_the_other_family_are_dropped),
        cmocka_unit_test(unix_names),
        cmocka_unit_test(other_families),
        cmocka_unit_test(protocols_of_sockets),
    };
    return cmocka_run_group_tests(tests, map_pages, NULL);
}
