/* SPDX-License-Identifier: MIT */
/* The walk over all open descriptors finds each of them once, wherever they stand and whatever the limit is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "shim/descriptors.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define HIGHEST 4096

static unsigned char seen[HIGHEST];

static void see(int fd)
{
    if (fd >= 0 && fd < HIGHEST && fcntl(fd, F_GETFD) >= 0)
        seen[fd]++;
}

/* How many numbers are open and were not visited once, or were visited and are not open. */
static int wrong(void)
{
    int count = 0;

    memset(seen, 0, sizeof(seen));
    errno = ENOTTY;
    descriptors_each(see);
    if (errno != ENOTTY)
        count++;
    for (int fd = 0; fd < HIGHEST; fd++)
        count += seen[fd] != (fcntl(fd, F_GETFD) >= 0);
    return count;
}

/* In a child, whose descriptors and limits are its own: what `look` finds wrong. */
static int in_child(int (*look)(void))
{
    int status = -1;
    pid_t child = fork();

    if (child == 0)
        _exit(look());
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

static int as_it_is(void)
{
    return wrong();
}

static int one_at_each_place(void)
{
    static const int places[] = {62, 63, 64, 65, 127, 128, 191, 192, 255, 256, 257, 319, 320, 1000, 4000};

    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        if (dup2(0, places[i]) != places[i] || wrong() != 0)
            return 1;
        close(places[i]);
        if (wrong() != 0)
            return 2;
    }
    return 0;
}

static int all_of_them(void)
{
    for (int fd = 3; fd < 1000; fd++) {
        if (dup2(0, fd) != fd)
            return 1;
    }
    return wrong();
}

static int none_at_all(void)
{
    for (int fd = 0; fd < HIGHEST; fd++)
        close(fd);
    return wrong();
}

static int under_a_small_limit(void)
{
    struct rlimit few = {20, 20};

    dup2(0, 15);
    dup2(0, 300); /* stays, over the limit */
    return setrlimit(RLIMIT_NOFILE, &few) != 0 || wrong() != 0;
}

/* No descriptor is left to read /proc by. */
static int when_used_up(void)
{
    struct rlimit most = {400, 400};

    if (setrlimit(RLIMIT_NOFILE, &most) != 0)
        return 1;
    while (dup(0) >= 0)
        continue;
    return wrong();
}

static void finds_each_once(void **state)
{
    struct rlimit limit;

    (void)state;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    if (limit.rlim_cur < HIGHEST && limit.rlim_max >= HIGHEST) {
        limit.rlim_cur = HIGHEST;
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    }
    assert_int_equal(in_child(as_it_is), 0);
    assert_int_equal(in_child(one_at_each_place), 0);
    assert_int_equal(in_child(all_of_them), 0);
    assert_int_equal(in_child(none_at_all), 0);
    assert_int_equal(in_child(under_a_small_limit), 0);
    assert_int_equal(in_child(when_used_up), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(finds_each_once)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
