/* SPDX-License-Identifier: MIT */
/*
 * Control messages out of a buffer whose lengths need not be right, and a message moved into another header: each
 * buffer ends where a page ends, behind which nothing may be touched.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "shim/forward.h"
#include "shim/passed.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define LARGEST 200
#define ROUNDS 200000

static char *page_end;
static int seen[LARGEST];
static unsigned seen_count;

static int map_pages(void **state)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    char *pages = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    (void)state;
    page_end = pages + page;
    return pages == MAP_FAILED || mprotect(page_end, page, PROT_NONE) != 0;
}

static void see(int fd)
{
    assert_true(fd >= 0);
    seen[seen_count++ % LARGEST] = fd;
}

/* Appends one control message to a buffer; returns where the next one goes. */
static size_t control_put(char *buffer, size_t at, int type, const void *data, size_t size)
{
    struct cmsghdr header = {.cmsg_len = CMSG_LEN(size), .cmsg_level = SOL_SOCKET, .cmsg_type = type};

    memcpy(buffer + at, &header, sizeof(header));
    memcpy(buffer + at + CMSG_LEN(0), data, size);
    return at + CMSG_SPACE(size);
}

static void descriptors_are_found(void **state)
{
    static const int numbers[3] = {7, -1, 9};
    char *buffer = page_end - 3 * CMSG_SPACE(sizeof(numbers));
    struct msghdr message = {.msg_control = buffer};
    size_t at = control_put(buffer, 0, SCM_CREDENTIALS, numbers, sizeof(numbers));

    (void)state;
    at = control_put(buffer, at, SCM_RIGHTS, numbers, sizeof(numbers));
    at = control_put(buffer, at, 4 /* SCM_PIDFD */, numbers, sizeof(numbers[0]));
    message.msg_controllen = at;
    seen_count = 0;
    passed_each(&message, see);
    assert_int_equal(seen_count, 3);
    assert_int_equal(seen[0], 7);
    assert_int_equal(seen[1], 9);
    assert_int_equal(seen[2], 7);
}

/* Any bytes, of any length, at any alignment: terminates inside the buffer. */
static void rubbish(void **state)
{
    (void)state;
    srandom(1);
    for (int round = 0; round < ROUNDS; round++) {
        size_t size = (size_t)random() % LARGEST;
        struct msghdr message = {.msg_control = page_end - size, .msg_controllen = size};

        for (size_t i = 0; i < size; i++)
            page_end[-1 - (ptrdiff_t)i] = (char)random();
        for (size_t i = 0; i + sizeof(struct cmsghdr) <= size; i += (size_t)random() % 40 + 1) {
            struct cmsghdr header = {
                .cmsg_len = (size_t)random() % 64, .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};

            memcpy(page_end - size + i, &header, sizeof(header));
        }
        seen_count = 0;
        passed_each(&message, see);
        assert_in_range(seen_count, 0, LARGEST / sizeof(int));
    }
}

/* Data goes from any parts into any parts; what does not fit is cut, and said. */
static void payload_moves(void **state)
{
    char from[3][8] = {"abc", "", "defgh"}, to[3][8];

    (void)state;
    for (size_t split = 0; split <= 10; split++) {
        struct iovec sources[3] = {{from[0], 3}, {from[1], 0}, {from[2], 5}};
        struct iovec targets[3] = {{to[0], split < 4 ? split : 4}, {to[1], 0}, {to[2], split < 4 ? 0 : split - 4}};
        struct mmsghdr source = {.msg_hdr = {.msg_iov = sources, .msg_iovlen = 3}, .msg_len = 8};
        struct mmsghdr target = {.msg_hdr = {.msg_iov = targets, .msg_iovlen = 3}};
        char joined[9] = "";
        size_t fits = split < 8 ? split : 8;

        message_forward(&target, &source, split % 2 ? MSG_TRUNC : 0);
        assert_int_equal(target.msg_len, split % 2 ? 8 : fits);
        assert_int_equal(target.msg_hdr.msg_flags, fits < 8 ? MSG_TRUNC : 0);
        memcpy(joined, to[0], fits < 4 ? fits : 4);
        memcpy(joined + 4, to[2], fits < 4 ? 0 : fits - 4);
        assert_memory_equal(joined, "abcdefgh", fits);
    }
}

/* Whole control messages move while they fit; descriptors of the others are closed. */
static void control_is_cut(void **state)
{
    (void)state;
    for (size_t room = 0; room <= 64; room++) {
        char buffer[64], taken[64];
        int number = 5;
        int fd = dup(0);
        size_t at = control_put(buffer, 0, SCM_TIMESTAMP, &number, sizeof(number));
        struct mmsghdr source = {.msg_hdr = {.msg_control = buffer}};
        struct mmsghdr target = {.msg_hdr = {.msg_control = taken, .msg_controllen = room}};
        bool both = room >= CMSG_SPACE(sizeof(int)) + CMSG_LEN(sizeof(int));
        bool one = room >= CMSG_LEN(sizeof(int));

        source.msg_hdr.msg_controllen = control_put(buffer, at, SCM_RIGHTS, &fd, sizeof(fd));
        message_forward(&target, &source, 0);
        assert_int_equal(target.msg_hdr.msg_flags, both ? 0 : MSG_CTRUNC);
        assert_true(target.msg_hdr.msg_controllen <= room);
        assert_int_equal(target.msg_hdr.msg_controllen >= CMSG_LEN(sizeof(int)), one);
        assert_int_equal(fcntl(fd, F_GETFD) == 0, both);
        if (both)
            close(fd);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(descriptors_are_found),
        cmocka_unit_test(rubbish),
        cmocka_unit_test(payload_moves),
        cmocka_unit_test(control_is_cut),
    };

    return cmocka_run_group_tests(tests, map_pages, NULL);
}
