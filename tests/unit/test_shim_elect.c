/* SPDX-License-Identifier: MIT */
/*
 * One thread at a time; who waits for it does so neither for ever nor in a way that holds a handler up; a fork in the
 * middle does not leave the claim behind, and a vfork child leaves it alone.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "shim/elect.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
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

static _Atomic bool through;

static void *wait_for_it(void *unused)
{
    (void)unused;
    errno = EDOM;
    return (void *)(uintptr_t)(elect_wait() && through && errno == EDOM);
}

static void who_waits_goes_on_afterwards(void **state)
{
    pthread_t threads[4];
    void *right;

    (void)state;
    assert_true(elect(&before));
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, wait_for_it, NULL), 0);
    usleep(20000);
    through = true;
    elect_end(&before);
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], &right);
        assert_non_null(right);
    }
    assert_true(elect_wait()); /* nobody is at work */
}

static uint64_t milliseconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void nobody_waits_for_ever_nor_twice(void **state)
{
    uint64_t start = milliseconds(), end;

    (void)state;
    assert_true(elect(&before));
    assert_false(elect_wait());
    end = milliseconds();
    assert_true(end - start >= ELECT_PATIENCE_NS / 1000000 - 1);
    assert_false(elect_wait());
    assert_true(milliseconds() - end < ELECT_PATIENCE_NS / 2000000);
    elect_end(&before);
    assert_true(elect_wait());
}

/* A wake-up that is lost costs all the patience there is. */
static void *take_turns(void *unused)
{
    for (int i = 0; i < 5000; i++) {
        sigset_t mask;

        while (!elect(&mask)) {
            uint64_t start = milliseconds();

            if (!elect_wait() || milliseconds() - start > ELECT_PATIENCE_NS / 1000000 - 50)
                return NULL;
        }
        elect_end(&mask);
    }
    return unused;
}

static void no_wake_up_is_lost(void **state)
{
    pthread_t threads[4];
    void *right;

    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, take_turns, state), 0);
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], &right);
        assert_ptr_equal(right, state);
    }
}

static sigjmp_buf back;

static void jump(int signal_number)
{
    (void)signal_number;
    siglongjmp(back, 1);
}

static void *wait_and_jump(void *unused)
{
    const struct itimerval soon = {.it_value.tv_usec = 20000};
    sigset_t alarms;

    sigemptyset(&alarms);
    sigaddset(&alarms, SIGALRM);
    signal(SIGALRM, jump);
    if (sigsetjmp(back, 1) != 0)
        return &before;
    (void)unused;
    setitimer(ITIMER_REAL, &soon, NULL);
    pthread_sigmask(SIG_UNBLOCK, &alarms, NULL); /* the thread that is at work has it blocked */
    elect_wait();
    return NULL;
}

static void a_handler_may_leave_the_wait(void **state)
{
    pthread_t thread;
    void *jumped;

    (void)state;
#ifdef __SANITIZE_THREAD__
    skip(); /* it holds signals back until a call that it knows */
#endif
    assert_true(elect(&before));
    assert_int_equal(pthread_create(&thread, NULL, wait_and_jump, NULL), 0);
    pthread_join(thread, &jumped);
    assert_ptr_equal(jumped, &before);
    elect_end(&before);
}

/*
 * A child of vfork(2) that is killed in its first election of all leaves a claim, which whoever waits in vain takes
 * away.
 */
static void a_dead_claim_is_taken_away(void **state)
{
    int status = -1;
    pid_t child;

    (void)state;
#ifdef __SANITIZE_THREAD__
    skip(); /* it makes vfork a fork */
#endif
    child = fork();
    if (child == 0) {
        static volatile bool elected;
        pid_t grandchild = vfork();

        if (grandchild == 0) {
            elected = elect(&before);
            kill(getpid(), SIGKILL);
        }
        waitpid(grandchild, NULL, 0);
        _exit(!elected || elect(&before) || !elect_wait() || !elect(&before));
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_one_is_elected),
        cmocka_unit_test(a_child_of_fork_may_be_elected_at_once),
        cmocka_unit_test(a_child_of_vfork_is_not),
        cmocka_unit_test(threads_exclude_each_other),
        cmocka_unit_test(who_waits_goes_on_afterwards),
        cmocka_unit_test(no_wake_up_is_lost),
        cmocka_unit_test(nobody_waits_for_ever_nor_twice),
        cmocka_unit_test(a_handler_may_leave_the_wait),
        cmocka_unit_test(a_dead_claim_is_taken_away),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
