/* SPDX-License-Identifier: MIT */
/* Held packets: order, bounds, locks of killed holders, rubbish in shared memory; and the small helpers around them. */
#include "shim/icmp/control.h"
#include "shim/icmp/inbox.h"
#include "shim/icmp/label.h"
#include "shim/icmp/parts.h"
#include "shim/icmp/socket.h"

#include <netinet/in.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static struct inbox *inbox;

static int setup(void **state)
{
    (void)state;
    inbox = mmap(NULL, sizeof(*inbox), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return inbox == MAP_FAILED ? -1 : 0;
}

static int teardown(void **state)
{
    (void)state;
    return munmap(inbox, sizeof(*inbox));
}

static bool add(const void *data, size_t length)
{
    struct sockaddr_in name = {.sin_family = AF_INET};
    struct held message = {.data = data,
                           .length = length,
                           .name = &name,
                           .name_length = sizeof(name),
                           .control = "control",
                           .control_length = 7};
    struct inbox_guard guard;
    bool added;

    assert_true(inbox_lock(inbox, &guard));
    added = inbox_add(inbox, &message);
    inbox_unlock(inbox, &guard);
    return added;
}

/* Takes the first message; returns its length, or -1. */
static long take(void *out, size_t room)
{
    struct inbox_guard guard;
    struct held message;
    long length = -1;

    assert_true(inbox_lock(inbox, &guard));
    if (inbox_first(inbox, &message)) {
        length = (long)message.length;
        memcpy(out, message.data, message.length < room ? message.length : room);
        assert_int_equal(message.name_length, sizeof(struct sockaddr_in));
        assert_memory_equal(message.control, "control", 7);
        inbox_drop(inbox);
    }
    inbox_unlock(inbox, &guard);
    return length;
}

static void test_first_in_first_out(void **state)
{
    char out[8];

    (void)state;
    assert_int_equal(take(out, sizeof(out)), -1);
    assert_true(add("one", 3));
    assert_true(add("", 0));
    assert_true(add("three", 5));
    assert_int_equal(inbox->count, 3);
    assert_int_equal(take(out, sizeof(out)), 3);
    assert_memory_equal(out, "one", 3);
    assert_int_equal(take(out, sizeof(out)), 0);
    assert_int_equal(take(out, sizeof(out)), 5);
    assert_memory_equal(out, "three", 5);
    assert_int_equal(take(out, sizeof(out)), -1);
    assert_int_equal(inbox->count, 0);
}

/* Messages of many sizes go round and round; what is put in comes out, and a full inbox takes no more. */
static void test_bounds(void **state)
{
    static unsigned char bytes[70000], out[70000];
    unsigned added = 0;
    unsigned taken = 0;

    (void)state;
    for (unsigned round = 0; round < 2000; round++) {
        size_t length = (round * 7919u) % 66000;

        memset(bytes, (int)(added & 0xff), length);
        if (add(bytes, length)) {
            added++;
        } else {
            assert_true(inbox->count > 0);
            assert_true(take(out, sizeof(out)) >= 0);
            assert_true(out[0] == (taken & 0xff));
            taken++;
        }
    }
    assert_int_equal(inbox->count, added - taken);
    while (take(out, sizeof(out)) >= 0)
        ;
    assert_int_equal(inbox->count, 0);
    assert_false(add(bytes, INBOX_MESSAGE + 1));
}

/* Whatever stands in the shared memory, nothing outside it is touched. */
static void test_rubbish(void **state)
{
    unsigned char out[64];
    uint32_t seed = 1;

    (void)state;
    for (unsigned round = 0; round < 20000; round++) {
        for (unsigned i = 0; i < 64; i++)
            inbox->bytes[i] = (unsigned char)((seed = seed * 1664525u + 1013904223u) >> 24);
        inbox->head = (seed >> 8) % 3 == 0 ? seed : seed % 64;
        inbox->tail = (seed >> 4) % 3 == 0 ? seed * 3 : seed % 128;
        take(out, 0);
        add("x", 1);
    }
}

/* A holder that was killed loses the lock. */
static void test_killed_holder(void **state)
{
    struct inbox_guard guard;
    pid_t child = fork();

    (void)state;
    if (child == 0) {
        inbox_lock(inbox, &guard);
        _exit(0);
    }
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_true(add("after", 5));
}

static void *adder(void *argument)
{
    for (unsigned i = 0; i < 1000; i++) {
        while (!add(argument, 4))
            ;
    }
    return NULL;
}

/* Two threads and a child put, this one takes: nothing is lost or torn. */
static void test_both_sides_of_a_fork(void **state)
{
    pthread_t threads[2];
    unsigned count = 0;
    char out[5] = "";
    pid_t child;

    (void)state;
    child = fork();
    if (child == 0) {
        adder("CCCC");
        _exit(0);
    }
    assert_int_equal(pthread_create(&threads[0], NULL, adder, "AAAA"), 0);
    assert_int_equal(pthread_create(&threads[1], NULL, adder, "BBBB"), 0);
    while (count < 3000) {
        if (take(out, 4) != 4)
            continue;
        assert_true(out[0] == out[1] && out[1] == out[2] && out[2] == out[3]);
        count++;
    }
    pthread_join(threads[0], NULL);
    pthread_join(threads[1], NULL);
    waitpid(child, NULL, 0);
    assert_int_equal(take(out, 4), -1);
}

static void test_parts(void **state)
{
    char a[3] = "", b[1] = "", c[8] = "";
    struct iovec parts[] = {{a, 3}, {NULL, 0}, {b, 1}, {c, 8}};
    char out[12];

    (void)state;
    assert_int_equal(parts_size(parts, 4), 12);
    parts_write(parts, 4, 0, "0123456789", 10);
    assert_memory_equal(a, "012", 3);
    assert_memory_equal(b, "3", 1);
    assert_memory_equal(c, "456789", 6);
    assert_int_equal(parts_read(parts, 4, 2, out, 20), 10);
    assert_memory_equal(out, "23456789", 8);
    parts_move_up(parts, 4, 2, 4, 8);
    assert_int_equal(parts_read(parts, 4, 0, out, 12), 12);
    assert_memory_equal(out, "012323456789", 12);
    parts_write(parts, 4, 11, "xyz", 3); /* what lies behind the end is left out */
    assert_int_equal(c[7], 'x');
}

/* Two control messages of the kernel into rooms of every size: never more than fits, and told so. */
static void test_control(void **state)
{
    _Alignas(struct cmsghdr) unsigned char given[128];
    _Alignas(struct cmsghdr) unsigned char got[128];
    struct msghdr from = {.msg_control = given, .msg_controllen = CMSG_SPACE(4) + CMSG_SPACE(8)};
    struct cmsghdr *control = CMSG_FIRSTHDR(&from);

    (void)state;
    memset(given, 0, sizeof(given));
    *control = (struct cmsghdr){.cmsg_len = CMSG_LEN(4), .cmsg_level = IPPROTO_IP, .cmsg_type = IP_TTL};
    CMSG_DATA(control)[0] = 64;
    control = CMSG_NXTHDR(&from, control);
    *control = (struct cmsghdr){.cmsg_len = CMSG_LEN(8), .cmsg_level = SOL_SOCKET, .cmsg_type = SO_TIMESTAMP};
    for (size_t room = 0; room <= sizeof(got); room++) {
        struct msghdr to = {.msg_control = got, .msg_controllen = room};

        control_give(&to, given, from.msg_controllen, 0, false); /* nobody asked for the TTL */
        assert_true(to.msg_controllen <= room && to.msg_controllen <= CMSG_SPACE(8));
        assert_int_equal((to.msg_flags & MSG_CTRUNC) != 0, room < CMSG_LEN(8));
        to = (struct msghdr){.msg_control = got, .msg_controllen = room};
        control_give(&to, given, from.msg_controllen, ASKED_TTL, false);
        assert_int_equal((to.msg_flags & MSG_CTRUNC) != 0, room < CMSG_SPACE(4) + CMSG_LEN(8));
        if (room >= CMSG_LEN(4))
            assert_int_equal(CMSG_DATA(CMSG_FIRSTHDR(&to))[0], 64);
    }
}

static void test_label(void **state)
{
    struct label label = {
        .kind = KIND_ICMP6, .fixed = true, .header_included = true, .asked = 0x2f, .identifier = 0xbeef};
    struct label back;

    (void)state;
    assert_true(label_unpack(&back, label_pack(&label)));
    assert_true(label_pack(&back) == label_pack(&label));
    assert_false(label_unpack(&back, 0));
    assert_false(label_unpack(&back, UINT64_MAX)); /* no rate */
    assert_false(label_unpack(&back, 1000000));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_first_in_first_out, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bounds, setup, teardown),
        cmocka_unit_test_setup_teardown(test_rubbish, setup, teardown),
        cmocka_unit_test_setup_teardown(test_killed_holder, setup, teardown),
        cmocka_unit_test_setup_teardown(test_both_sides_of_a_fork, setup, teardown),
        cmocka_unit_test(test_parts),
        cmocka_unit_test(test_control),
        cmocka_unit_test(test_label),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
