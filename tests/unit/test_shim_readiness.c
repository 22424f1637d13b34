/* SPDX-License-Identifier: MIT */
/* Notes of what was reported readable: low and high descriptors, and epoll's results looked up in /proc. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "shim/readiness.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

static void notes_are_taken_once(void **state)
{
    static const int numbers[] = {0, 1, 63, 64, 1023, 1024, 65536, INT32_MAX};

    (void)state;
    for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++)
        readiness_note(numbers[i]);
    for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
        errno = 4242;
        assert_true(readiness_take(numbers[i]));
        assert_false(readiness_take(numbers[i]));
        assert_int_equal(errno, 4242);
        readiness_note(numbers[i]);
        readiness_end(numbers[i]);
        assert_false(readiness_take(numbers[i]));
    }
    readiness_note(-1);
    readiness_end(-1);
    assert_false(readiness_take(-1));
    assert_false(readiness_take(2));
}

static void *other_thread(void *fd)
{
    return readiness_take(*(int *)fd) ? fd : NULL;
}

static void notes_belong_to_a_thread(void **state)
{
    int fd = 9;
    void *result = &fd;
    pthread_t thread;

    (void)state;
    readiness_note(fd);
    assert_int_equal(pthread_create(&thread, NULL, other_thread, &fd), 0);
    pthread_join(thread, &result);
    assert_null(result);
    assert_true(readiness_take(fd));
}

static void epoll_data_is_looked_up(void **state)
{
    struct epoll_event events[40];
    int pipes[40][2];
    int set = epoll_create1(0);

    (void)state;
    for (int i = 0; i < 40; i++) {
        struct epoll_event event = {.events = EPOLLIN, .data.u64 = 0xffffffff00000000u + (unsigned)i};

        assert_int_equal(pipe(pipes[i]), 0);
        assert_int_equal(epoll_ctl(set, EPOLL_CTL_ADD, pipes[i][0], &event), 0);
    }
    assert_int_equal(write(pipes[3][1], "x", 1) + write(pipes[30][1], "x", 1), 2);
    for (int round = 0; round < 2; round++) {
        readiness_note_epoll(set, events, epoll_wait(set, events, 40, 0));
        errno = 4242;
        assert_true(readiness_take(pipes[3][0]));
        assert_false(readiness_take(pipes[3][0]));
        assert_false(readiness_take(pipes[4][0]));
        assert_false(readiness_take(pipes[3][1]));
        readiness_end(pipes[30][0]);
        assert_false(readiness_take(pipes[30][0]));
        assert_int_equal(errno, 4242);
    }
    /* More than are kept: every member of the set may have been reported. */
    for (int i = 0; i < 40; i++)
        assert_int_equal(write(pipes[i][1], "x", 1), 1);
    readiness_note_epoll(set, events, epoll_wait(set, events, 40, 0));
    for (int i = 0; i < 40; i++)
        assert_true(readiness_take(pipes[i][0]));
    assert_false(readiness_take(pipes[0][1]));
    /* A set that is gone tells nothing; a file of another kind names nobody. */
    readiness_note_epoll(set, events, 1);
    close(set);
    assert_true(readiness_take(pipes[0][0]));
    set = open("/dev/null", O_RDONLY);
    readiness_note_epoll(set, events, 1);
    assert_false(readiness_take(pipes[0][0]));
    close(set);
    for (int i = 0; i < 40; i++) {
        close(pipes[i][0]);
        close(pipes[i][1]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(notes_are_taken_once),
        cmocka_unit_test(notes_belong_to_a_thread),
        cmocka_unit_test(epoll_data_is_looked_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
