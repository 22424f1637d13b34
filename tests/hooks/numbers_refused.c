/* SPDX-License-Identifier: MIT */
/* What is refused by name is refused by number, and io_uring, which would go past both, is not there. */
#include "refusal.h"

#include <dlfcn.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>

static union peer nobody;

static void outbound(void **state)
{
    int udp = open_one(AF_INET, SOCK_DGRAM, 0), tcp = open_one(AF_INET, SOCK_STREAM, 0);
    struct iovec part = {(char[]){"x"}, 1};
    struct mmsghdr entry = {.msg_hdr = {&nobody, sizeof(nobody.inet), &part, 1, NULL, 0, 0}};

    (void)state;
    assert_refused(EHOSTUNREACH, syscall(SYS_connect, tcp, &nobody, sizeof(nobody.inet)));
    assert_refused(EHOSTUNREACH, syscall(SYS_sendto, udp, "x", 1, 0, &nobody, sizeof(nobody.inet)));
    assert_refused(EHOSTUNREACH, syscall(SYS_sendmsg, udp, &entry.msg_hdr, 0));
    assert_refused(EHOSTUNREACH, syscall(SYS_sendmmsg, udp, &entry, 1, 0));
#if UINTPTR_MAX > UINT32_MAX
    assert_refused(EHOSTUNREACH, syscall(SYS_connect | 1L << 40, tcp, &nobody, sizeof(nobody.inet)));
#endif
    close(udp);
    close(tcp);
}

static void local(void **state)
{
    int tcp = open_one(AF_INET, SOCK_STREAM, 0);
    union peer any = peer_of("0.0.0.0", 10000);

    (void)state;
    assert_refused(EIO, syscall(SYS_bind, tcp, &any, sizeof(any.inet)));
    assert_refused(EPROTO, syscall(SYS_socket, AF_PACKET, SOCK_DGRAM, 0));
    close(tcp);
}

static void inbound(void **state)
{
    int in = bound("127.0.0.1", 0, SOCK_DGRAM), stranger = bound("127.0.0.2", 0, SOCK_DGRAM);
    char bytes[8];
    struct iovec part = {bytes, sizeof(bytes)};
    struct mmsghdr entry = {.msg_hdr = {.msg_iov = &part, .msg_iovlen = 1}};

    (void)state;
    nonblocking(in, true);
    for (int i = 0; i < 5; i++)
        send_text(stranger, port_of(in), "x");
    assert_refused(EAGAIN, syscall(SYS_recvfrom, in, bytes, sizeof(bytes), 0, NULL, NULL));
    for (int i = 0; i < 5; i++)
        send_text(stranger, port_of(in), "x");
    assert_refused(EAGAIN, syscall(SYS_read, in, bytes, sizeof(bytes)));
    send_text(stranger, port_of(in), "x");
    assert_refused(EAGAIN, syscall(SYS_readv, in, &part, 1));
    send_text(stranger, port_of(in), "x");
    assert_refused(EAGAIN, syscall(SYS_recvmsg, in, &entry.msg_hdr, 0));
    send_text(stranger, port_of(in), "x");
    assert_refused(EAGAIN, syscall(SYS_recvmmsg, in, &entry, 1, 0, NULL));
    close(in);
    close(stranger);
}

static void accepting(void **state)
{
    int listener = listening("127.0.0.1", 0);
    int refused = client_to("127.0.0.2", "127.0.0.1", port_of(listener));

    (void)state;
    nonblocking(listener, true);
    assert_refused(EAGAIN, syscall(SYS_accept4, listener, NULL, NULL, 0));
    assert_reset(refused);
    close(listener);
}

/* A wait that was told of a refused datagram by number, too: the receive then gives EAGAIN and does not wait. */
static void told(void **state)
{
    int in = bound("127.0.0.1", 0, SOCK_DGRAM), stranger = bound("127.0.0.2", 0, SOCK_DGRAM);
    struct pollfd entry = {.fd = in, .events = POLLIN};
    struct timespec second = {1, 0};
    char byte;

    (void)state;
    send_text(stranger, port_of(in), "x");
    assert_int_equal(syscall(SYS_ppoll, &entry, 1, &second, NULL, 8), 1);
    assert_refused(EAGAIN, syscall(SYS_recvfrom, in, &byte, 1, 0, NULL, NULL));
    close(in);
    close(stranger);
}

/* A sanitizer's own, which the object cannot be loaded without in its build. */
static char *sanitizer_options(void)
{
    for (char **at = environ; *at != NULL; at++) {
        if (strncmp(*at, "ASAN_OPTIONS=", 13) == 0)
            return *at;
    }
    return NULL;
}

/* This program once more, without an environment. */
static void children(void **state)
{
    char *argv[] = {(char *)"child", NULL};
    pid_t pid = fork();
    int status;

    (void)state;
    if (pid == 0) {
        syscall(SYS_execve, "/proc/self/exe", argv, (char *[]){sanitizer_options(), NULL});
        _exit(99);
    }
    waitpid(pid, &status, 0);
    assert_int_equal(WEXITSTATUS(status), EHOSTUNREACH);
}

static void io_uring(void **state)
{
    int (*queue_init)(unsigned, void *, unsigned);

    (void)state;
    assert_refused(ENOSYS, syscall(SYS_io_uring_setup, 8, (char[256]){0}));
    *(void **)(&queue_init) = dlsym(RTLD_DEFAULT, "io_uring_queue_init");
    assert_non_null(queue_init);
    assert_int_equal(queue_init(8, (char[1024]){0}, 0), -ENOSYS);
}

#ifdef SYS_socketcall
#include <linux/net.h>

static long socketcall(int call, long a, long b, long c, long d, long e, long f)
{
    return syscall(SYS_socketcall, call, (long[]){a, b, c, d, e, f});
}

static void socketcalls(void **state)
{
    int udp = open_one(AF_INET, SOCK_DGRAM, 0), tcp = open_one(AF_INET, SOCK_STREAM, 0);
    int in = bound("127.0.0.1", 0, SOCK_DGRAM), stranger = bound("127.0.0.2", 0, SOCK_DGRAM);
    int listener = listening("127.0.0.1", 0);
    int refused = client_to("127.0.0.2", "127.0.0.1", port_of(listener));
    union peer any = peer_of("0.0.0.0", 10000);
    struct iovec part = {(char[8]){"x"}, 1};
    struct mmsghdr entry = {.msg_hdr = {&nobody, sizeof(nobody.inet), &part, 1, NULL, 0, 0}};
    long to = (long)&nobody, size = sizeof(nobody.inet), bytes = (long)part.iov_base;

    (void)state;
    assert_refused(EPROTO, socketcall(SYS_SOCKET, AF_PACKET, SOCK_DGRAM, 0, 0, 0, 0));
    assert_refused(EHOSTUNREACH, socketcall(SYS_CONNECT, tcp, to, size, 0, 0, 0));
    assert_refused(EIO, socketcall(SYS_BIND, tcp, (long)&any, size, 0, 0, 0));
    assert_refused(EHOSTUNREACH, socketcall(SYS_SENDTO, udp, bytes, 1, 0, to, size));
    assert_refused(EHOSTUNREACH, socketcall(SYS_SENDMSG, udp, (long)&entry.msg_hdr, 0, 0, 0, 0));
    assert_refused(EHOSTUNREACH, socketcall(SYS_SENDMMSG, udp, (long)&entry, 1, 0, 0, 0));
    entry.msg_hdr.msg_name = NULL;
    nonblocking(in, true);
    send_text(stranger, port_of(in), "x");
    assert_refused(EAGAIN, socketcall(SYS_RECV, in, bytes, 1, 0, 0, 0));
    send_text(stranger, port_of(in), "x");
    assert_refused(EAGAIN, socketcall(SYS_RECVFROM, in, bytes, 1, 0, 0, 0));
    send_text(stranger, port_of(in), "x");
    assert_refused(EAGAIN, socketcall(SYS_RECVMSG, in, (long)&entry.msg_hdr, 0, 0, 0, 0));
    send_text(stranger, port_of(in), "x");
    assert_refused(EAGAIN, socketcall(SYS_RECVMMSG, in, (long)&entry, 1, 0, 0, 0));
    nonblocking(listener, true);
    assert_refused(EAGAIN, socketcall(SYS_ACCEPT, listener, 0, 0, 0, 0, 0));
    assert_reset(refused);
}
#endif

int main(int count, char **arguments)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(outbound),    cmocka_unit_test(local), cmocka_unit_test(inbound),
        cmocka_unit_test(accepting),   cmocka_unit_test(told),  cmocka_unit_test(children),
        cmocka_unit_test(io_uring),
#ifdef SYS_socketcall
        cmocka_unit_test(socketcalls),
#endif
    };

    deadline(30);
    nobody = peer_of("192.0.2.2", 9);
    if (count > 0 && strcmp(arguments[0], "child") == 0)
        return connect(open_one(AF_INET, SOCK_STREAM, 0), &nobody.any, sizeof(nobody.inet)) == 0 ? 0 : errno;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
