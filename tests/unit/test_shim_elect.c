/* SPDX-License-Identifier: MIT */
/* One thread at a time; a fork in the middle does not leave the claim behind, and a vfork child leaves it alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "shim/elect.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static sigset_t before;

static void only_one_is_elected(void **state)
{
    sigset_t mask, now;

    (void)state;
    errno = EDOM;
    assert_true(elect(&before));
    assert_false(elect(&mask));
    pthread_sigmask(SIG_SETMASK, NULL, &now);
    assert_true(sigismember(&now, SIGTERM));
    errno = ERANGE;
    elect_end(&before);
    assert_int_equal(errno, EDOM);
    pthread_sigmask(SIG_SETMASK, NULL, &now);
    assert_false(sigismember(&now, SIGTERM));
    assert_true(elect(&mask));
    elect_end(&mask);
}

static void a_child_of_fork_may_be_elected_at_once(void **state)
{
    int status = -1;
    pid_t child;

    (void)state;
    assert_true(elect(&before));
    child = fork();
    if (child == 0) {
        sigset_t mask;
        bool elected = elect(&mask);

        if (elected)
            elect_end(&mask);
        _exit(!elected);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_false(elect(&(sigset_t){0}));
    elect_end(&before);
}

static void a_child_of_vfork_is_not(void **state)
{
    static volatile int elected;
    int status = -1;
    pid_t child;

    (void)state;
#ifdef __SANITIZE_THREAD__
    skip(); /* it makes vfork a fork */
#endif
    assert_true(elect(&before));
    elect_end(&before);
    elected = 2;
    child = vfork();
    if (child == 0) {
        elected = elect(&before);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(elected, 0);
    assert_true(elect(&before));
    elect_end(&before);
}

static _Atomic int inside, most;
static _Atomic long elections;

static void *compete(void *unused)
{
    for (int i = 0; i < 20000; i++) {
        sigset_t mask;

        if (!elect(&mask))
            continue;
        if (atomic_fetch_add(&inside, 1) > 0)
            most = 2;
        elections++;
        atomic_fetch_sub(&inside, 1);
        elect_end(&mask);
    }
    return unused;
}

static void threads_exclude_each_other(void **state)
{
    pthread_t threads[8];

    (void)state;
    for (int i = 0; i < 8; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, compete, NULL), 0);
    for (int i = 0; i < 8; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(most, 0);
    assert_true(elections > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_one_is_elected),
        cmocka_unit_test(a_child_of_fork_may_be_elected_at_once),
        cmocka_unit_test(a_child_of_vfork_is_not),
        cmocka_unit_test(threads_exclude_each_other),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
