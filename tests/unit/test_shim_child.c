/* SPDX-License-Identifier: MIT */
/* Pins that are joined, and the memory of children. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "shim/child_memory.h"
#include "shim/pin.h"

#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void joined(const char *theirs, const char *ours, const char *want)
{
    char out[500];

    memset(out, 'x', sizeof(out));
    pin_join(out, theirs, strlen(theirs), ours);
    assert_string_equal(out, want);
    assert_true(strlen(out) <= strlen(theirs) + strlen(ours));
    assert_true(pin_holds(out, ours));
}

static void pins_are_joined(void **state)
{
    (void)state;
    joined("SOCKADE_PINNED=1:5:/a", "SOCKADE_PINNED=1:5:/b", "SOCKADE_PINNED=1:5:/a:/b");
    joined("SOCKADE_PINNED=1:5:/a:/b", "SOCKADE_PINNED=1:5:/b", "SOCKADE_PINNED=1:5:/a:/b");
    joined("SOCKADE_PINNED=1:5:/a", "SOCKADE_PINNED=1:5:/b:/a:/c", "SOCKADE_PINNED=1:5:/a:/b:/c");
    joined("SOCKADE_PINNED=1:5:/ab", "SOCKADE_PINNED=1:5:/a", "SOCKADE_PINNED=1:5:/ab:/a");
    joined("SOCKADE_PINNED=", "SOCKADE_PINNED=1:5:/b", "SOCKADE_PINNED=1:5:/b");
    joined("SOCKADE_PINNED=1:5", "SOCKADE_PINNED=1:5:/b", "SOCKADE_PINNED=1:5:/b");
    joined("SOCKADE_PINNED=1:55:/a", "SOCKADE_PINNED=1:5:/b", "SOCKADE_PINNED=1:5:/b");
    joined("SOCKADE_PINNED=1:6:/a", "SOCKADE_PINNED=1:5:/b", "SOCKADE_PINNED=1:5:/b");
    joined("SOCKADE_PINNED=rubbish:::", "SOCKADE_PINNED=1:5:/b", "SOCKADE_PINNED=1:5:/b");
    joined("SOCKADE_PINNED=1:5:/a", "SOCKADE_PINNED=unreadable", "SOCKADE_PINNED=unreadable");
}

static void pins_are_compared(void **state)
{
    (void)state;
    assert_true(pin_holds("SOCKADE_PINNED=1:5:/a:/b", "SOCKADE_PINNED=1:5:/b"));
    assert_true(pin_holds("SOCKADE_PINNED=unreadable", "SOCKADE_PINNED=unreadable"));
    assert_false(pin_holds("SOCKADE_PINNED=1:5:/a:/b", "SOCKADE_PINNED=1:5:/c"));
    assert_false(pin_holds("SOCKADE_PINNED=1:5:/a:/bc", "SOCKADE_PINNED=1:5:/b"));
    assert_false(pin_holds("SOCKADE_PINNED=1:5", "SOCKADE_PINNED=1:5:/b"));
    assert_false(pin_holds("SOCKADE_PINNED=1:50:/b", "SOCKADE_PINNED=1:5:/b"));
    assert_false(pin_holds("", "SOCKADE_PINNED=1:5:/b"));
}

/* One call holds two kinds; a call inside it, as from a signal handler, gets memory of its own. */
static void memory_is_not_shared(void **state)
{
    char *one = child_memory_take(MEMORY_ENVIRONMENT, 5000);
    char *other = child_memory_take(MEMORY_ARGUMENTS, 100000);
    char *inner = child_memory_take(MEMORY_ENVIRONMENT, 10);

    (void)state;
    memset(one, 1, 5000);
    memset(other, 2, 100000);
    memset(inner, 3, 10);
    assert_int_equal((uintptr_t)one % sizeof(void *), 0);
    assert_true(inner + 10 <= one || inner >= one + 5000);
    child_memory_give(MEMORY_ENVIRONMENT, inner);
    assert_int_equal(one[4999], 1);
    assert_int_equal(other[99999], 2);
    child_memory_give(MEMORY_ENVIRONMENT, one);
    child_memory_give(MEMORY_ARGUMENTS, other);
    child_memory_give(MEMORY_ARGUMENTS, NULL);
}

/* What a vfork child took and never gave back is used again. */
static void memory_of_vfork_children_is_used_again(void **state)
{
    static void *volatile taken[3];

    (void)state;
#ifdef __SANITIZE_THREAD__
    skip(); /* it makes vfork a fork */
#endif
    for (volatile int i = 0; i < 3; i++) {
        pid_t pid = vfork();

        if (pid == 0) {
            taken[i] = child_memory_take(MEMORY_ENVIRONMENT, i == 2 ? 3000 : 9000);
            _exit(0);
        }
        waitpid(pid, NULL, 0);
    }
    assert_ptr_equal(taken[0], taken[1]);
    assert_ptr_equal(taken[0], taken[2]);
    assert_ptr_equal(child_memory_take(MEMORY_ENVIRONMENT, 100), taken[0]);
    child_memory_give(MEMORY_ENVIRONMENT, taken[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pins_are_joined),
        cmocka_unit_test(pins_are_compared),
        cmocka_unit_test(memory_is_not_shared),
        cmocka_unit_test(memory_of_vfork_children_is_used_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
