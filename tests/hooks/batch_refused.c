/* SPDX-License-Identifier: MIT */
/*
 * Batches with refused datagrams in them: what is left moves forward, as if the others had never come.
 */
#include "refused.h"

#define BATCH 40 /* more than one real call of the shim takes */

static char data[BATCH][16];
static char control[BATCH][64];
static struct sockaddr_in sources[BATCH];
static struct iovec vectors[BATCH][2];
static struct mmsghdr batch[BATCH];

/* Headers with room for everything, the data in two parts. */
static void prepare(void)
{
    memset(data, 0, sizeof(data));
    memset(control, 0, sizeof(control));
    memset(sources, 0, sizeof(sources));
    for (size_t i = 0; i < BATCH; i++) {
        vectors[i][0] = (struct iovec){data[i], 2};
        vectors[i][1] = (struct iovec){data[i] + 2, sizeof(data[i]) - 3};
        batch[i] = (struct mmsghdr){.msg_len = 77,
                                    .msg_hdr = {.msg_name = &sources[i],
                                                .msg_namelen = sizeof(sources[i]),
                                                .msg_iov = vectors[i],
                                                .msg_iovlen = 2,
                                                .msg_control = control[i],
                                                .msg_controllen = sizeof(control[i]),
                                                .msg_flags = 0x55}};
    }
}

/* Entry `i` holds `text` from the friend, and nothing of a stranger. */
static void assert_entry(size_t i, const char *text)
{
    assert_int_equal(batch[i].msg_len, strlen(text));
    assert_memory_equal(data[i], text, strlen(text));
    assert_int_equal(batch[i].msg_hdr.msg_namelen, sizeof(sources[i]));
    assert_int_equal(ntohs(sources[i].sin_port), port_of(friend_));
    assert_int_equal(batch[i].msg_hdr.msg_flags, 0);
}

/* Entry `i` is as we made it. */
static void assert_unused(size_t i)
{
    assert_int_equal(batch[i].msg_len, 77);
    assert_int_equal(batch[i].msg_hdr.msg_namelen, sizeof(sources[i]));
    assert_int_equal(batch[i].msg_hdr.msg_controllen, sizeof(control[i]));
    assert_int_equal(batch[i].msg_hdr.msg_flags, 0x55);
}

/* s: stranger, digits: friend */
static void queue(const char *pattern)
{
    for (; *pattern != '\0'; pattern++) {
        char text[8] = {'n', 'o', ' ', *pattern};

        if (*pattern == 's')
            from_stranger("a stranger");
        else
            from_friend(text);
    }
}

static void compacted(void **state)
{
    static const char *const patterns[] = {"s1s2s", "12sss", "sss12", "1s2ss", "ss1s2"};

    (void)state;
    for (size_t i = 0; i < COUNT(patterns); i++) {
        prepare();
        queue(patterns[i]);
        errno = UNTOUCHED;
        assert_int_equal(recvmmsg(in, batch, 8, MSG_DONTWAIT, NULL), 2);
        assert_int_equal(errno, UNTOUCHED);
        assert_entry(0, "no 1");
        assert_entry(1, "no 2");
        assert_unused(2);
        assert_false(is_readable(in));
    }
}

static void large(void **state)
{
    (void)state;
    prepare();
    for (int i = 0; i < 30; i++)
        queue(i % 3 == 0 ? "s1" : "2s");
    assert_int_equal(recvmmsg(in, batch, BATCH, MSG_DONTWAIT, NULL), 30);
    for (size_t i = 0; i < 30; i++)
        assert_entry(i, i % 3 == 0 ? "no 1" : "no 2");
    assert_unused(30);
    prepare();
    for (int i = 0; i < 60; i++)
        queue("s1");
    assert_int_equal(recvmmsg(in, batch, BATCH, MSG_WAITFORONE, NULL), BATCH);
    assert_entry(BATCH - 1, "no 1");
    prepare();
    assert_int_equal(recvmmsg(in, batch, BATCH, MSG_WAITFORONE, NULL), 20);
    assert_entry(19, "no 1");
}

/* A blocking batch is filled with allowed ones only. */
static void filled(void **state)
{
    struct later later;

    (void)state;
    prepare();
    queue("s1ss2");
    later_start(&later, friend_, 30, "late");
    assert_int_equal(recvmmsg(in, batch, 3, 0, NULL), 3);
    assert_entry(0, "no 1");
    assert_entry(1, "no 2");
    assert_entry(2, "late");
    pthread_join(later.thread, NULL);
    prepare();
    queue("ss");
    later_start(&later, friend_, 30, "late");
    assert_int_equal(recvmmsg(in, batch, BATCH, MSG_WAITFORONE, NULL), 1);
    assert_entry(0, "late");
    pthread_join(later.thread, NULL);
}

static void nothing_left(void **state)
{
    (void)state;
    prepare();
    queue("sssss");
    assert_int_equal(recvmmsg(in, batch, 3, MSG_DONTWAIT, NULL), -1);
    assert_int_equal(errno, EAGAIN);
    assert_unused(0);
    assert_false(is_readable(in));
    queue("ss");
    assert_true(is_readable(in));
    assert_int_equal(recvmmsg(in, batch, 3, MSG_WAITFORONE, NULL), -1);
    assert_int_equal(errno, EAGAIN);
}

/*
 * The call's own timeout: counted down as the kernel does it, and the end of a wait that only strangers prolong. (The
 * kernel looks at it only behind a datagram, so these batches are full of strangers from the first call on.)
 */
static void timeouts(void **state)
{
    struct timespec time = {.tv_nsec = 150000000};
    struct later later;
    long begun = milliseconds();

    (void)state;
    prepare();
    queue("ss");
    assert_int_equal(recvmmsg(in, batch, 2, 0, &time), -1);
    assert_int_equal(errno, EAGAIN);
    assert_in_range(milliseconds() - begun, 140, 3000);
    assert_int_equal(time.tv_nsec, 150000000);
    time = (struct timespec){.tv_sec = 5};
    queue("s");
    later_start(&later, friend_, 50, "late");
    assert_int_equal(recvmmsg(in, batch, 1, 0, &time), 1);
    assert_entry(0, "late");
    assert_int_equal(time.tv_sec, 4);
    assert_in_range(time.tv_nsec, 500000000, 960000000);
    pthread_join(later.thread, NULL);
    time = (struct timespec){.tv_sec = 0};
    queue("s");
    assert_int_equal(recvmmsg(in, batch, 1, 0, &time), -1);
    assert_int_equal(errno, EAGAIN);
}

/* An entry with less room than the one that the datagram came in cuts it, and says so. */
static void smaller_rooms(void **state)
{
    (void)state;
    prepare();
    queue("s1");
    vectors[0][1].iov_len = 0;
    assert_int_equal(recvmmsg(in, batch, 2, MSG_DONTWAIT, NULL), 1);
    assert_int_equal(batch[0].msg_len, 2);
    assert_int_equal(batch[0].msg_hdr.msg_flags, MSG_TRUNC);
    assert_memory_equal(data[0], "no", 3);
    prepare();
    queue("s1");
    vectors[0][1].iov_len = 1;
    assert_int_equal(recvmmsg(in, batch, 2, MSG_DONTWAIT | MSG_TRUNC, NULL), 1);
    assert_int_equal(batch[0].msg_len, 4);
    assert_int_equal(batch[0].msg_hdr.msg_flags, MSG_TRUNC);
    assert_memory_equal(data[0], "no \0", 4);
    prepare();
    queue("s1");
    batch[0].msg_hdr.msg_namelen = 4;
    assert_int_equal(recvmmsg(in, batch, 2, MSG_DONTWAIT, NULL), 1);
    assert_int_equal(batch[0].msg_hdr.msg_namelen, sizeof(sources[0]));
    assert_int_equal(sources[0].sin_addr.s_addr, 0);
    prepare();
    queue("s1");
    batch[0].msg_hdr.msg_name = NULL;
    batch[0].msg_hdr.msg_namelen = 9;
    assert_int_equal(recvmmsg(in, batch, 2, MSG_DONTWAIT, NULL), 1);
    assert_int_equal(batch[0].msg_hdr.msg_namelen, 9);
    assert_int_equal(batch[0].msg_len, 4);
}

static void control_moves(void **state)
{
    const struct cmsghdr *first = (const struct cmsghdr *)(const void *)control[0];
    int on = 1;

    (void)state;
    must("IP_PKTINFO", setsockopt(in, IPPROTO_IP, IP_PKTINFO, &on, sizeof(on)));
    must("IP_RECVTTL", setsockopt(in, IPPROTO_IP, IP_RECVTTL, &on, sizeof(on)));
    prepare();
    queue("s1");
    assert_int_equal(recvmmsg(in, batch, 2, MSG_DONTWAIT, NULL), 1);
    assert_entry(0, "no 1");
    assert_int_equal(batch[0].msg_hdr.msg_controllen, CMSG_SPACE(sizeof(struct in_pktinfo)) + CMSG_SPACE(sizeof(int)));
    assert_int_equal(first->cmsg_type, IP_PKTINFO);
    prepare();
    queue("s1");
    batch[0].msg_hdr.msg_controllen = CMSG_SPACE(sizeof(struct in_pktinfo)) + 8;
    assert_int_equal(recvmmsg(in, batch, 2, MSG_DONTWAIT, NULL), 1);
    assert_int_equal(batch[0].msg_hdr.msg_controllen, CMSG_SPACE(sizeof(struct in_pktinfo)));
    assert_int_equal(batch[0].msg_hdr.msg_flags, MSG_CTRUNC);
}

/* Descriptors of refused messages are closed; those of allowed ones move, or are closed where there is no room. */
static void descriptors_move(void **state)
{
    int service = unix_bound("sockade-test-service", SOCK_DGRAM);
    int client = unix_bound("sockade-test-client", SOCK_DGRAM);
    int other = unix_bound("sockade-stranger-1", SOCK_DGRAM);
    struct carrier parcel;
    socklen_t length;
    struct sockaddr_un address = abstract_address("sockade-test-service", &length);
    int before = open_descriptors();

    (void)state;
    for (int round = 0; round < 2; round++) {
        prepare();
        carrier_make(&parcel, "pipe", 0);
        parcel.header.msg_name = &address;
        parcel.header.msg_namelen = length;
        must("sendmsg", sendmsg(other, &parcel.header, 0));
        must("sendmsg", sendmsg(client, &parcel.header, 0));
        batch[0].msg_hdr.msg_controllen = round == 0 ? sizeof(control[0]) : 4;
        assert_int_equal(recvmmsg(service, batch, 4, MSG_DONTWAIT, NULL), 1);
        assert_int_equal(batch[0].msg_hdr.msg_flags, round == 0 ? 0 : MSG_CTRUNC);
        assert_int_equal(open_descriptors() - before, round == 0 ? 1 : 0);
        if (round == 0)
            close(carried(&batch[0].msg_hdr));
    }
    close(service);
    close(client);
    close(other);
}

/* With MSG_PEEK each entry shows the same datagram, as the kernel has it. */
static void peeked(void **state)
{
    (void)state;
    prepare();
    queue("ss1s2");
    assert_int_equal(recvmmsg(in, batch, 3, MSG_PEEK, NULL), 3);
    for (size_t i = 0; i < 3; i++)
        assert_entry(i, "no 1");
    prepare();
    assert_int_equal(recvmmsg(in, batch, 3, MSG_DONTWAIT, NULL), 2);
    assert_entry(0, "no 1");
    assert_entry(1, "no 2");
}

/* A pending error that a refused datagram hides comes out. */
static void errors(void **state)
{
    (void)state;
    prepare();
    queue("s1");
    batch[1].msg_hdr.msg_iov = BAD_POINTER;
    assert_int_equal(recvmmsg(in, batch, 2, MSG_DONTWAIT, NULL), -1);
    assert_int_equal(errno, EFAULT);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(compacted),     TEST(large),         TEST(filled),           TEST(nothing_left), TEST(timeouts),
        TEST(smaller_rooms), TEST(control_moves), TEST(descriptors_move), TEST(peeked),       TEST(errors),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
