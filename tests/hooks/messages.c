/* SPDX-License-Identifier: MIT */
/*
 * recvmsg and recvmmsg in every form, where no rule refuses anything: run bare and with the shim, the output must be
 * the same, down to each field of each header.
 */
#include "hook_test.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/uio.h>

#define BATCH 40 /* more than one real call of the shim takes */

static int in, out;
static uint16_t port;
static char data[BATCH][32];
static char control[BATCH][128];
static struct sockaddr_storage sources[BATCH];
static struct iovec vectors[BATCH];
static struct mmsghdr batch[BATCH];

static void queue(const char *text)
{
    send_text(out, port, text);
}

static void drain(void)
{
    struct pollfd entry = {.fd = in, .events = POLLIN};

    while (poll(&entry, 1, 0) > 0 && (entry.revents & POLLIN))
        recv(in, data[0], sizeof(data[0]), MSG_DONTWAIT);
}

/* Headers with room for everything. */
static void prepare(void)
{
    memset(data, '.', sizeof(data));
    memset(control, 0x55, sizeof(control));
    memset(sources, 0x55, sizeof(sources));
    for (size_t i = 0; i < BATCH; i++) {
        vectors[i] = (struct iovec){data[i], sizeof(data[i])};
        batch[i] = (struct mmsghdr){.msg_len = 77,
                                    .msg_hdr = {.msg_name = &sources[i],
                                                .msg_namelen = sizeof(sources[i]),
                                                .msg_iov = &vectors[i],
                                                .msg_iovlen = 1,
                                                .msg_control = control[i],
                                                .msg_controllen = sizeof(control[i]),
                                                .msg_flags = 0x5555}};
    }
}

/* All that the kernel wrote, and that it wrote no more. */
static void show(const struct msghdr *header, size_t i)
{
    size_t left = header->msg_controllen;

    printf("  namelen %d controllen %zu flags %x family %u data \"%.8s\"\n", (int)header->msg_namelen, left,
           (unsigned)header->msg_flags, (unsigned)sources[i].ss_family, data[i]);
    printf("  untouched name %d iov %d\n", header->msg_name == &sources[i] || header->msg_name == NULL,
           header->msg_iov == &vectors[i] && header->msg_iovlen == 1);
}

static void show_batch(size_t count)
{
    for (size_t i = 0; i < count; i++) {
        printf("  %zu: len %u\n", i, batch[i].msg_len);
        show(&batch[i].msg_hdr, i);
    }
    fflush(stdout);
}

/* Control messages: where we were reached, and the time to live. */
static void ask_for_control(int on)
{
    must("IP_PKTINFO", setsockopt(in, IPPROTO_IP, IP_PKTINFO, &on, sizeof(on)));
    must("IP_RECVTTL", setsockopt(in, IPPROTO_IP, IP_RECVTTL, &on, sizeof(on)));
}

static void headers(void)
{
    static const int name_rooms[] = {0, 2, 8, 16, 28, 128, 1000, -1};
    static const size_t control_rooms[] = {0, 1, 15, 16, 24, 28, 30, 40, 48, 56, 60, 128};
    struct msghdr *header = &batch[0].msg_hdr;

    for (size_t i = 0; i < COUNT(name_rooms); i++) {
        prepare();
        queue("hello");
        header->msg_namelen = (socklen_t)name_rooms[i];
        CHECK("name room", recvmsg(in, header, MSG_DONTWAIT));
        show(header, 0);
        drain();
    }
    ask_for_control(1);
    for (size_t i = 0; i < COUNT(control_rooms); i++) {
        prepare();
        queue("hello");
        header->msg_controllen = control_rooms[i];
        CHECK("control room", recvmsg(in, header, 0));
        show(header, 0);
        say_value("behind", control[0][control_rooms[i] % 128] == 0x55);
    }
    prepare();
    queue("hello");
    header->msg_control = NULL;
    CHECK("no control", recvmsg(in, header, 0));
    show(header, 0);
    prepare();
    queue("hello");
    header->msg_control = BAD_POINTER;
    CHECK("bad control", recvmsg(in, header, 0));
    show(header, 0);
    ask_for_control(0);
}

static void more_headers(void)
{
    struct msghdr *header = &batch[0].msg_hdr;
    static struct iovec many[1025];

    prepare();
    queue("hello");
    header->msg_name = NULL;
    CHECK("no name", recvmsg(in, header, 0));
    show(header, 0);
    prepare();
    queue("hello");
    header->msg_name = NULL;
    header->msg_namelen = (socklen_t)-1;
    CHECK("no name, negative length", recvmsg(in, header, 0));
    show(header, 0);
    prepare();
    queue("hello");
    header->msg_name = BAD_POINTER;
    CHECK("bad name", recvmsg(in, header, MSG_DONTWAIT));
    drain();
    prepare();
    queue("hello");
    vectors[0].iov_len = 2;
    CHECK("truncated", recvmsg(in, header, 0));
    show(header, 0);
    prepare();
    queue("hello");
    vectors[0].iov_len = 2;
    CHECK("truncated, MSG_TRUNC", recvmsg(in, header, MSG_TRUNC));
    show(header, 0);
    prepare();
    queue("hello");
    CHECK("MSG_PEEK", recvmsg(in, header, MSG_PEEK));
    show(header, 0);
    prepare();
    CHECK("after MSG_PEEK", recvmsg(in, header, MSG_DONTWAIT));
    prepare();
    CHECK("nothing there", recvmsg(in, header, MSG_DONTWAIT));
    show(header, 0);
    queue("hello");
    header->msg_iovlen = 0;
    CHECK("no parts", recvmsg(in, header, MSG_DONTWAIT));
    header->msg_iovlen = 1025;
    header->msg_iov = many;
    CHECK("too many parts", recvmsg(in, header, MSG_DONTWAIT));
    header->msg_iovlen = 1;
    header->msg_iov = BAD_POINTER;
    CHECK("bad parts", recvmsg(in, header, MSG_DONTWAIT));
    CHECK("no header", recvmsg(in, NO_POINTER, MSG_DONTWAIT));
    CHECK("bad header", recvmsg(in, BAD_POINTER, MSG_DONTWAIT));
    drain();
    prepare();
    CHECK("MSG_ERRQUEUE", recvmsg(in, header, MSG_ERRQUEUE));
    show(header, 0);
}

static void batches(void)
{
    char text[8];

    prepare();
    queue("one");
    queue("two");
    queue("three");
    CHECK("recvmmsg", recvmmsg(in, batch, 3, 0, NULL));
    show_batch(4);
    prepare();
    queue("one");
    queue("two");
    CHECK("MSG_WAITFORONE", recvmmsg(in, batch, BATCH, MSG_WAITFORONE, NULL));
    show_batch(3);
    prepare();
    queue("one");
    CHECK("MSG_DONTWAIT", recvmmsg(in, batch, 2, MSG_DONTWAIT, NULL));
    show_batch(2);
    prepare();
    CHECK("nothing there", recvmmsg(in, batch, 2, MSG_DONTWAIT, NULL));
    show_batch(1);
    for (int i = 0; i < BATCH; i++) {
        snprintf(text, sizeof(text), "no %d", i);
        queue(text);
    }
    prepare();
    CHECK("a large batch", recvmmsg(in, batch, BATCH, 0, NULL));
    show_batch(BATCH);
    for (int i = 0; i < 20; i++)
        queue("some");
    prepare();
    CHECK("part of a large batch", recvmmsg(in, batch, BATCH, MSG_DONTWAIT, NULL));
    for (int i = 0; i < 20; i++)
        queue("some");
    receive_timeout(in, 50);
    prepare();
    CHECK("a large batch under SO_RCVTIMEO", recvmmsg(in, batch, BATCH, 0, NULL));
    receive_timeout(in, 0);
    queue("one");
    queue("two");
    prepare();
    CHECK("MSG_PEEK", recvmmsg(in, batch, 3, MSG_PEEK | MSG_DONTWAIT, NULL));
    show_batch(3);
    drain();
}

static void batch_rooms(void)
{
    static const int rooms[] = {0, 8, 16, 27, 28, 29, 128};

    ask_for_control(1);
    prepare();
    for (size_t i = 0; i < COUNT(rooms); i++) {
        queue("hello");
        batch[i].msg_hdr.msg_namelen = (socklen_t)rooms[i];
        batch[i].msg_hdr.msg_controllen = i * 10;
        vectors[i].iov_len = i;
    }
    CHECK("rooms", recvmmsg(in, batch, COUNT(rooms), 0, NULL));
    show_batch(COUNT(rooms));
    prepare();
    for (size_t i = 0; i < COUNT(rooms); i++) {
        queue("hello");
        batch[i].msg_hdr.msg_name = NULL;
        vectors[i].iov_len = i;
    }
    CHECK("rooms, MSG_TRUNC", recvmmsg(in, batch, COUNT(rooms), MSG_TRUNC, NULL));
    show_batch(COUNT(rooms));
    ask_for_control(0);
    queue("one");
    queue("two");
    prepare();
    batch[1].msg_hdr.msg_namelen = (socklen_t)-1;
    CHECK("the second is bad", recvmmsg(in, batch, 2, MSG_DONTWAIT, NULL));
    CHECK("which the next call tells", recvmmsg(in, batch, 1, MSG_DONTWAIT, NULL));
    drain();
    queue("one");
    prepare();
    batch[0].msg_hdr.msg_iov = BAD_POINTER;
    CHECK("the first is bad", recvmmsg(in, batch, 2, MSG_DONTWAIT, NULL));
    drain();
}

static void batch_times(void)
{
    struct timespec time = {5, 0};

    queue("one");
    prepare();
    CHECK("timeout", recvmmsg(in, batch, 1, 0, &time));
    say_value("some left", time.tv_sec == 4 && time.tv_nsec > 0);
    time = (struct timespec){5, 0};
    CHECK("timeout, nothing there", recvmmsg(in, batch, 1, MSG_DONTWAIT, &time));
    say_value("all left", time.tv_sec == 5 && time.tv_nsec == 0);
    time = (struct timespec){0, 0};
    queue("one");
    queue("two");
    CHECK("no time", recvmmsg(in, batch, 2, 0, &time));
    say_value("none left", time.tv_sec == 0 && time.tv_nsec == 0);
    drain();
    time = (struct timespec){-1, 0};
    CHECK("negative time", recvmmsg(in, batch, 1, MSG_DONTWAIT, &time));
    time = (struct timespec){0, 1000000000};
    CHECK("too many nanoseconds", recvmmsg(in, batch, 1, MSG_DONTWAIT, &time));
    if (sizeof(long) == 8) /* a 32-bit libc reads it itself */
        CHECK("bad time", recvmmsg(in, batch, 1, MSG_DONTWAIT, BAD_POINTER));
    queue("one");
    CHECK("empty batch", recvmmsg(in, batch, 0, MSG_DONTWAIT, NULL));
    CHECK("no batch", recvmmsg(in, NO_POINTER, 1, MSG_DONTWAIT, NULL));
    CHECK("no empty batch", recvmmsg(in, NO_POINTER, 0, MSG_DONTWAIT, NULL));
    drain();
}

/* Descriptors that arrive work, and one that the program does not take is not left open. */
static void descriptors(void)
{
    struct carrier parcel, taken;
    int pair[2], pipes[2];
    int type = SOCK_STREAM;
    int fd;

    must("pipe", pipe(pipes));
    do {
        must("socketpair", socketpair(AF_UNIX, type, 0, pair));
        carrier_make(&parcel, "pipe", pipes[0]);
        must("sendmsg", sendmsg(pair[0], &parcel.header, 0));
        carrier_make(&taken, "", -1);
        CHECK("a passed pipe", recvmsg(pair[1], &taken.header, MSG_CMSG_CLOEXEC));
        fd = carried(&taken.header);
        say_value("arrived", fd >= 0);
        say_value("closed on exec", fcntl(fd, F_GETFD));
        must("write", write(pipes[1], "hello", 5));
        CHECK("read of the passed pipe", read(fd, data[0], sizeof(data[0])));
        close(fd);
        must("sendmsg", sendmsg(pair[0], &parcel.header, 0));
        CHECK("by recv", recv(pair[1], data[0], sizeof(data[0]), 0));
        say_value("next descriptor", dup(0) == fd && close(fd) == 0);
        close(pair[0]);
        close(pair[1]);
        type = type == SOCK_STREAM ? SOCK_DGRAM : type == SOCK_DGRAM ? SOCK_SEQPACKET : 0;
    } while (type != 0);
    close(pipes[0]);
    close(pipes[1]);
}

int main(void)
{
    deadline(30);
    in = bound("127.0.0.1", 0, SOCK_DGRAM);
    out = bound("127.0.0.1", 0, SOCK_DGRAM);
    port = port_of(in);
    headers();
    more_headers();
    batches();
    batch_rooms();
    batch_times();
    descriptors();
    return 0;
}
