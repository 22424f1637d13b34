/* SPDX-License-Identifier: MIT */
/*
 * What goes out in place of a program's packet: headers taken apart, messages put together, numbers that are never
 * shared.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <limits.h>
#include <netinet/ip.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "shim/icmp/identifier.h"
#include "shim/icmp/outgoing.h"
#include "shim/icmp/own_header.h"
#include "shim/icmp/parts.h"
#include "shim/passed.h"
#include "shim/real.h"

/* A header with `options`, and its errno or 0. */
struct header_case {
    const char *name;
    struct iphdr ip; /* without its options */
    const char *options;
    size_t options_length;
    size_t size;
    int error;
};

static int header_try(const struct header_case *test, struct own_header *out)
{
    unsigned char bytes[IPV4_HEADER_MAX] = {0};

    memcpy(bytes, &test->ip, sizeof(test->ip));
    memcpy(bytes + sizeof(test->ip), test->options, test->options_length);
    return own_header_read(out, bytes, test->size);
}

#define IP(words, life, fragment)                                                                                      \
    .ip = {.version = 4, .ihl = (words), .ttl = (life), .frag_off = (fragment), .tos = 0x10}
#define OPTIONS(text) .options = (text), .options_length = sizeof(text) - 1

static void test_headers(void **state)
{
    const struct header_case cases[] = {
        {"plain", IP(5, 9, 0), OPTIONS(""), 28, 0},
        {"nothing behind it", IP(5, 9, 0), OPTIONS(""), 20, 0},
        {"short", IP(5, 9, 0), OPTIONS(""), 19, EINVAL},
        {"nothing", IP(5, 9, 0), OPTIONS(""), 0, EINVAL},
        {"length below 20", IP(4, 9, 0), OPTIONS(""), 28, EINVAL},
        {"length beyond the packet", IP(8, 9, 0), OPTIONS("\1\1\1\1\1\1\1\1\1\1\1\1"), 31, EINVAL},
        {"version", .ip = {.version = 6, .ihl = 5, .ttl = 9}, OPTIONS(""), 28, EPERM},
        {"no TTL", IP(5, 0, 0), OPTIONS(""), 28, EPERM},
        {"more fragments", IP(5, 9, htons(IP_MF)), OPTIONS(""), 28, EPERM},
        {"a later fragment", IP(5, 9, htons(1)), OPTIONS(""), 28, EPERM},
        {"DF", IP(5, 9, htons(IP_DF)), OPTIONS(""), 28, 0},
        {"no operations", IP(6, 9, 0), OPTIONS("\1\1\1\0"), 32, 0},
        {"record route", IP(7, 9, 0), OPTIONS("\1\7\7\4\0\0\0\0"), 36, 0},
        {"rubbish behind the end", IP(6, 9, 0), OPTIONS("\0\203\377\0"), 32, 0},
        {"loose source route", IP(7, 9, 0), OPTIONS("\1\203\7\4\1\2\3\4"), 36, EPERM},
        {"strict source route", IP(7, 9, 0), OPTIONS("\1\211\7\4\1\2\3\4"), 36, EPERM},
        {"option without a length", IP(6, 9, 0), OPTIONS("\1\1\1\7"), 32, EPERM},
        {"option of length 1", IP(6, 9, 0), OPTIONS("\7\1\1\1"), 32, EPERM},
        {"option beyond the header", IP(6, 9, 0), OPTIONS("\7\377\4\0"), 32, 0}, /* the kernel's to refuse */
    };
    struct own_header header;

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int error = header_try(&cases[i], &header);

        if (error != cases[i].error)
            fail_msg("%s: %d, not %d", cases[i].name, error, cases[i].error);
        if (error == 0) {
            assert_int_equal(header.length, cases[i].ip.ihl * 4);
            assert_int_equal(header.options_length, header.length - 20);
            assert_int_equal(header.tos, cases[i].ip.tos);
            assert_int_equal(header.dont_fragment, cases[i].ip.frag_off == htons(IP_DF));
        }
    }
}

/* What the parts of a message hold. */
static size_t flatten(const struct msghdr *message, unsigned char *out, size_t room)
{
    return parts_read(message->msg_iov, message->msg_iovlen, 0, out, room);
}

static void replace_try(size_t parts, size_t size, size_t skip)
{
    static const unsigned char header[ICMP_HEADER] = "HEADER!!";
    static unsigned char bytes[8192];
    static unsigned char got[8192 + 8];
    static struct iovec vectors[IOV_MAX];
    struct msghdr message = {.msg_iov = vectors, .msg_iovlen = parts};
    struct outgoing out;
    size_t at = 0;

    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (unsigned char)(i * 7);
    for (size_t i = 0; i < parts; i++) { /* of lengths 0 to 2 mostly, the last one takes what is left */
        size_t length = i + 1 == parts ? size - at : i % 3 < size - at ? i % 3 : size - at;

        vectors[i] = (struct iovec){bytes + at, length};
        at += length;
    }
    outgoing_begin(&out, &message);
    assert_true(outgoing_replace(&out, header, skip));
    assert_true(out.message.msg_iovlen <= IOV_MAX);
    assert_int_equal(flatten(&out.message, got, sizeof(got)), size - skip + sizeof(header));
    assert_memory_equal(got, header, sizeof(header));
    if (size > skip)
        assert_memory_equal(got + sizeof(header), bytes + skip, size - skip);
    outgoing_end(&out);
}

static void test_replace(void **state)
{
    static const size_t counts[] = {1, 2, 3, 9, 15, 16, 17, 18, 100, IOV_MAX - 1, IOV_MAX};
    static const size_t skips[] = {8, 28, 68};

    (void)state;
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        for (size_t j = 0; j < sizeof(skips) / sizeof(skips[0]); j++) {
            replace_try(counts[i], skips[j], skips[j]);
            replace_try(counts[i], skips[j] + 1, skips[j]);
            replace_try(counts[i], 3000, skips[j]);
        }
    }
    replace_try(IOV_MAX, 3000, 0);
}

/* Control messages of the program's own, `length` bytes of data in one of them; then three of ours. */
static void control_try(size_t length)
{
    static _Alignas(struct cmsghdr) unsigned char own[131072 + 64];
    struct cmsghdr header = {.cmsg_len = CMSG_LEN(length), .cmsg_level = 1, .cmsg_type = 2};
    struct msghdr message = {.msg_control = own, .msg_controllen = length == 0 ? 0 : header.cmsg_len};
    const unsigned char options[40] = "options";
    struct outgoing out;
    struct control control;
    int value = 77;
    size_t at = 0;

    memset(own, 0x5a, sizeof(own));
    memcpy(own, &header, sizeof(header));
    outgoing_begin(&out, &message);
    assert_int_equal(outgoing_has_control(&out, 1, 2), length > 0);
    assert_false(outgoing_has_control(&out, 1, 3));
    assert_true(outgoing_control(&out, 7, 8, &value, sizeof(value)));
    assert_true(outgoing_control(&out, 7, 9, options, sizeof(options)));
    assert_true(outgoing_control(&out, 7, 10, &value, sizeof(value)));
    assert_true(outgoing_has_control(&out, 7, 10));
    if (length > 0) {
        assert_true(control_at(out.message.msg_control, out.message.msg_controllen, at, &control));
        assert_int_equal(control.length, CMSG_LEN(length));
        assert_memory_equal(out.message.msg_control, own, CMSG_LEN(length));
        at += control.space;
    }
    for (int type = 8; type <= 10; type++) {
        assert_true(control_at(out.message.msg_control, out.message.msg_controllen, at, &control));
        assert_int_equal(control.level, 7);
        assert_int_equal(control.type, type);
        assert_memory_equal((unsigned char *)out.message.msg_control + at + CMSG_LEN(0),
                            type == 9 ? (const void *)options : &value, control.length - CMSG_LEN(0));
        at += control.space;
    }
    assert_int_equal(at, out.message.msg_controllen);
    outgoing_end(&out);
}

static void test_controls(void **state)
{
    static unsigned char many[131072 + 64];
    struct msghdr message = {.msg_control = many, .msg_controllen = sizeof(many)};
    struct outgoing out;
    int value = 1;

    (void)state;
    for (size_t length = 0; length < 1000; length++)
        control_try(length);
    control_try(131072 - 64);
    outgoing_begin(&out, &message);
    errno = 0;
    assert_false(outgoing_control(&out, 1, 2, &value, sizeof(value)));
    assert_int_equal(errno, ENOBUFS);
    outgoing_end(&out);
}

/* Sixteen senders, half of them with the fixed identifier, until one of the others maps the socket. */
#define SENDERS 16
#define ROUNDS 200

static struct icmp_socket *shared;
static _Atomic uint16_t sequences;
static _Atomic unsigned taken[65536];
static pthread_barrier_t line;

static void *send_many(void *number)
{
    unsigned own = (unsigned)(uintptr_t)number;

    pthread_barrier_wait(&line);
    for (unsigned i = 0; i < 64; i++) {
        uint16_t wire;

        if (own % 8 != 0 || i < 16) {
            wire = atomic_fetch_add(&sequences, 1);
            if (identifier_served(shared, 7, wire)) {
                atomic_fetch_add(&taken[wire], 1);
                continue;
            }
        }
        identifier_serves(shared, -1, 8, 1); /* maps it */
        atomic_fetch_add(&taken[atomic_fetch_add(&shared->next, 1)], 1);
    }
    return NULL;
}

static void test_numbers_are_never_shared(void **state)
{
    (void)state;
    real.setsockopt = setsockopt; /* a label on no socket */
    shared = calloc(1, sizeof(*shared));
    assert_non_null(shared);
    for (unsigned round = 0; round < ROUNDS; round++) {
        pthread_t threads[SENDERS];

        memset((void *)(uintptr_t)taken, 0, sizeof(taken));
        sequences = (uint16_t)(65500 - round);
        shared->next = sequences;
        shared->identifier = IDENTIFIER_FIXED | 7;
        pthread_barrier_init(&line, NULL, SENDERS);
        for (uintptr_t i = 0; i < SENDERS; i++)
            assert_int_equal(pthread_create(&threads[i], NULL, send_many, (void *)i), 0);
        for (unsigned i = 0; i < SENDERS; i++)
            pthread_join(threads[i], NULL);
        pthread_barrier_destroy(&line);
        assert_int_equal(shared->identifier, IDENTIFIER_MAPPED);
        for (unsigned i = 0; i < 65536; i++)
            assert_true(taken[i] <= 1);
    }
    free(shared);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_headers),
        cmocka_unit_test(test_replace),
        cmocka_unit_test(test_controls),
        cmocka_unit_test(test_numbers_are_never_shared),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
