/* SPDX-License-Identifier: MIT */
/* Notes of what epoll sets hold: found, replaced, removed, bounded, and never read half written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "shim/icmp/epoll_sets.h"
#include "shim/real.h"

#include <pthread.h>
#include <stdbool.h>
#include <string.h>

#define MANY 1500

static void put(int set, int fd, uint32_t events, uint64_t data)
{
    struct member member = {.set = set, .fd = fd, .kind = MEMBER_PROBE, .events = events, .data = data};

    epoll_sets_put(&member);
}

static unsigned count_of(int set)
{
    struct member member;
    unsigned count = 0;
    unsigned at = 0;

    while (epoll_sets_next(set, &at, &member) != NULL) {
        assert_int_equal(member.set, set);
        count++;
    }
    return count;
}

static void notes_are_found_and_removed(void **state)
{
    struct member_state *notes;
    struct member member;
    unsigned at = 0;

    (void)state;
    assert_false(epoll_sets_any());
    assert_false(epoll_sets_has(0));
    assert_false(epoll_sets_has(-1));
    put(0, 0, 1, 10);
    put(0, INT32_MAX, 2, 20);
    put(INT32_MAX, 0, 3, 30);
    assert_true(epoll_sets_any());
    assert_true(epoll_sets_has(0));
    assert_true(epoll_sets_has(INT32_MAX));
    assert_false(epoll_sets_has(-1));
    assert_int_equal(count_of(0), 2);
    assert_int_equal(count_of(INT32_MAX), 1);

    /* A new registration forgets what was reported of the one before. */
    notes = epoll_sets_next(INT32_MAX, &at, &member);
    assert_non_null(notes);
    assert_int_equal(member.fd, 0);
    assert_int_equal(member.data, 30);
    notes->spent = true;
    notes->told = 5;
    put(INT32_MAX, 0, 4, 40);
    at = 0;
    assert_ptr_equal(epoll_sets_next(INT32_MAX, &at, &member), notes);
    assert_int_equal(member.events, 4);
    assert_int_equal(member.data, 40);
    assert_false(notes->spent);
    assert_int_equal(notes->told, UINT32_MAX);

    epoll_sets_remove(0, 1);
    assert_int_equal(count_of(0), 2);
    epoll_sets_remove(0, 0);
    epoll_sets_remove(0, INT32_MAX);
    epoll_sets_remove(INT32_MAX, 0);
    assert_false(epoll_sets_has(0));
    assert_false(epoll_sets_has(INT32_MAX));
}

static void room_is_bounded(void **state)
{
    (void)state;
    for (int fd = 0; fd < MANY; fd++)
        put(7, fd, 1, 1);
    assert_int_equal(count_of(7), 1024);
    for (int fd = 0; fd < MANY; fd++)
        epoll_sets_remove(7, fd);
    assert_int_equal(count_of(7), 0);
}

/* A socket that is gone gives its note's room to the next one. */
static void stale_notes_make_room(void **state)
{
    static struct icmp_socket socket;
    struct member member = {.set = 8, .kind = MEMBER_SOCKET, .socket = &socket, .cookie = 77};

    (void)state;
    socket.cookie = 78;
    for (int fd = 0; fd < 1024; fd++) {
        member.fd = fd;
        epoll_sets_put(&member);
    }
    put(9, 3, 1, 1);
    assert_true(epoll_sets_has(9));
    assert_int_equal(count_of(8), 1023);
    epoll_sets_remove(9, 3);
    for (int fd = 0; fd < 1024; fd++)
        epoll_sets_remove(8, fd);
}

static atomic_bool over;

static void *writes(void *argument)
{
    (void)argument;
    for (uint32_t i = 1; i < 20000; i++)
        put(11, 5, i, i);
    atomic_store(&over, true);
    return NULL;
}

static void *reads(void *argument)
{
    bool *torn = argument;

    while (!atomic_load(&over)) {
        struct member member;
        unsigned at = 0;

        if (epoll_sets_next(11, &at, &member) != NULL && member.events != member.data)
            *torn = true;
    }
    return NULL;
}

static void notes_are_never_torn(void **state)
{
    bool torn[2] = {false, false};
    pthread_t threads[3];

    (void)state;
    put(11, 5, 0, 0);
    assert_int_equal(pthread_create(&threads[0], NULL, writes, NULL), 0);
    assert_int_equal(pthread_create(&threads[1], NULL, reads, &torn[0]), 0);
    assert_int_equal(pthread_create(&threads[2], NULL, reads, &torn[1]), 0);
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    assert_false(torn[0] || torn[1]);
    epoll_sets_remove(11, 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(notes_are_found_and_removed),
        cmocka_unit_test(room_is_bounded),
        cmocka_unit_test(stale_notes_make_room),
        cmocka_unit_test(notes_are_never_torn),
    };

    real_bind();
    return cmocka_run_group_tests_name("epoll sets", tests, NULL, NULL);
}
