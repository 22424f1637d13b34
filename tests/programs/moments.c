/* SPDX-License-Identifier: MIT */
/*
 * Calls at bad moments: under limits that are reached, in threads that are cancelled or have little stack, in a
 * sandbox, with descriptors 0 to 2 closed. Decisions are the policy's all the same; what it costs is an event at most.
 *
 * usage: moments MOMENT
 *
 * The policy is that of faulted.c: 127.0.0.9 is refused by EHOSTDOWN, and 127.0.0.8 as a source. Says what is wrong.
 */
#include "faulted.h"

#include <limits.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <pthread.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/uio.h>

#define MANY 1024

static int refused_stream, refused_datagram, streams[8], datagrams[8];

static int peer(const char *text, int type)
{
    struct sockaddr_in address = inet(text, PORT);
    int fd = (int)RAW(SYS_socket, AF_INET, type | SOCK_NONBLOCK, 0);

    must("bind", RAW(SYS_bind, fd, &address, sizeof(address)));
    if (type == SOCK_STREAM)
        must("listen", RAW(SYS_listen, fd, 4096));
    return fd;
}

/* Sockets that the object saw come, but where `seen` is false. */
static void sockets_make(bool seen)
{
    for (int i = 0; i < 8; i++) {
        streams[i] = seen ? socket(AF_INET, SOCK_STREAM, 0) : unseen(SOCK_STREAM);
        datagrams[i] = seen ? socket(AF_INET, SOCK_DGRAM, 0) : unseen(SOCK_DGRAM);
    }
}

static void calls(void)
{
    struct iovec part = {(char *)"x", 1};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_name = &refused, .msg_namelen = sizeof(refused)};

    CALL(-1, connect(streams[0], TO(refused)));
    CALL(-1, sendto(datagrams[0], "x", 1, 0, TO(refused)));
    CALL(-1, sendmsg(datagrams[0], &message, 0));
    CALL(1, sendto(datagrams[0], "x", 1, 0, TO(allowed)));
    CALL(0, connect(datagrams[1], TO(allowed)));
}

static void limit_to(int what, rlim_t value)
{
    struct rlimit limit;

    getrlimit(what, &limit);
    limit.rlim_cur = value;
    must("setrlimit", setrlimit(what, &limit));
}

/* Each limit alone, in a child of its own. */
static void limits(void)
{
    static const struct {
        const char *name;
        int what;
    } all[] = {{"RLIMIT_NOFILE", RLIMIT_NOFILE}, {"RLIMIT_AS", RLIMIT_AS},     {"RLIMIT_FSIZE", RLIMIT_FSIZE},
               {"RLIMIT_NPROC", RLIMIT_NPROC},   {"RLIMIT_DATA", RLIMIT_DATA}, {"RLIMIT_MEMLOCK", RLIMIT_MEMLOCK}};

    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        for (int seen = 0; seen < 2; seen++) {
            pid_t child = fork();
            int status = 0;

            if (child == 0) {
                sockets_make(seen);
                if (all[i].what == RLIMIT_MEMLOCK && mlockall(MCL_FUTURE) != 0)
                    _exit(0);
                limit_to(all[i].what, 0);
                calls();
                calls();
                judge_results(all[i].name);
                fflush(stdout);
                _exit(wrong != 0);
            }
            waitpid(child, &status, 0);
            if (status != 0)
                wrong += printf("%s: status %x; ", all[i].name, (unsigned)status) > 0;
        }
    }
}

/* A newer policy that cannot be taken: the old one stays, and the next one is taken when that can be. */
static void limits_at_reloads(void)
{
    static const int all[] = {RLIMIT_NOFILE, RLIMIT_AS, RLIMIT_FSIZE, RLIMIT_NPROC};

    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        struct rlimit usual;

        sockets_make(true);
        publish("a");
        refusal = other_refusal = EHOSTDOWN;
        calls();
        judge_results("before");
        publish("b");
        other_refusal = ENETDOWN;
        getrlimit(all[i], &usual);
        limit_to(all[i], 0);
        calls();
        calls();
        judge_results("under a limit");
        must("setrlimit", setrlimit(all[i], &usual));
        publish("c");
        refusal = other_refusal = ENETRESET;
        close(datagrams[1]);
        datagrams[1] = socket(AF_INET, SOCK_DGRAM, 0);
        calls();
        judge_results("after it");
        for (int k = 0; k < 8; k++) {
            close(streams[k]);
            close(datagrams[k]);
        }
    }
}

/* Little stack */

static struct mmsghdr many[MANY];

static int send_many(int fd, struct sockaddr_in *last)
{
    static struct iovec part;

    part = (struct iovec){(char *)"x", 1};
    for (int i = 0; i < MANY; i++) {
        many[i].msg_hdr = (struct msghdr){.msg_iov = &part,
                                          .msg_iovlen = 1,
                                          .msg_name = i == MANY - 1 ? last : &allowed,
                                          .msg_namelen = sizeof(*last)};
    }
    return sendmmsg(fd, many, MANY, 0);
}

static int receive_many(int fd)
{
    static struct iovec parts[MANY];
    static char bytes[MANY][8];

    for (int i = 0; i < MANY; i++) {
        parts[i] = (struct iovec){bytes[i], sizeof(bytes[i])};
        many[i].msg_hdr = (struct msghdr){.msg_iov = &parts[i], .msg_iovlen = 1};
    }
    return recvmmsg(fd, many, MANY, MSG_DONTWAIT, NULL);
}

static int client(const char *from, int server, int count, const char *text)
{
    struct sockaddr_in own, source = inet(from, 0);
    socklen_t length = sizeof(own);
    int fd = (int)RAW(SYS_socket, AF_INET, SOCK_DGRAM, 0);

    must("name", RAW(SYS_getsockname, server, &own, &length));
    must("client", RAW(SYS_bind, fd, &source, sizeof(source)));
    must(from, RAW(SYS_connect, fd, &own, sizeof(own)));
    for (int i = 0; i < count; i++)
        must("send", RAW(SYS_sendto, fd, text, strlen(text), 0, NULL, 0));
    return fd;
}

static void *small(void *unused)
{
    int server = unseen(SOCK_DGRAM), bad, good;

    sockets_make(true);
    calls();
    CALL(MANY - 1, send_many(datagrams[2], &refused));
    CALL(MANY, send_many(datagrams[2], &allowed));
    bad = client("127.0.0.8", server, 20, "bad");
    good = client("127.0.0.1", server, 50, "good");
    CALL(50, receive_many(server));
    publish("b");
    refusal = other_refusal = ENETDOWN;
    close(datagrams[1]);
    datagrams[1] = socket(AF_INET, SOCK_DGRAM, 0);
    calls();
    close(bad);
    close(good);
    return unused;
}

static void in_small_thread(void)
{
    pthread_attr_t attributes;
    pthread_t thread;

    pthread_attr_init(&attributes);
    must("stack", -pthread_attr_setstacksize(&attributes, (size_t)PTHREAD_STACK_MIN));
    publish("a");
    must("thread", -pthread_create(&thread, &attributes, small, NULL));
    pthread_join(thread, NULL);
    refusal = EHOSTDOWN;
    judge_results("in a thread of 16 KiB");
}

/* Cancellation */

static int blocking;

static void *block(void *number)
{
    char bytes[8];
    struct iovec part = {bytes, sizeof(bytes)};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    struct mmsghdr one = {.msg_hdr = message};
    struct pollfd entry = {.fd = blocking, .events = POLLIN};
    int type;

    pthread_setcanceltype((intptr_t)number & 1 ? PTHREAD_CANCEL_ASYNCHRONOUS : PTHREAD_CANCEL_DEFERRED, &type);
    for (;;) {
        switch ((intptr_t)number / 2 % 8) {
        case 0:
            recv(blocking, bytes, sizeof(bytes), 0);
            break;
        case 1:
            recvfrom(blocking, bytes, sizeof(bytes), 0, NULL, NULL);
            break;
        case 2:
            recvmsg(blocking, &message, 0);
            break;
        case 3:
            recvmmsg(blocking, &one, 1, 0, NULL);
            break;
        case 4:
            (void)!read(blocking, bytes, sizeof(bytes));
            break;
        case 5:
            poll(&entry, 1, 1);
            break;
        case 6:
            connect(streams[0], TO(refused));
            break;
        default:
            sendto(datagrams[0], "x", 1, 0, TO(refused));
            break;
        }
    }
    return NULL;
}

/* Threads that are thrown out of every call that blocks, while what is refused keeps coming. */
static void cancellations(void)
{
    struct sockaddr_in any = inet("127.0.0.1", 0);
    int bad;

    sockets_make(true);
    blocking = socket(AF_INET, SOCK_DGRAM, 0);
    must("bind", bind(blocking, TO(any)));
    bad = client("127.0.0.8", blocking, 1, "bad");
    before = state_now();
    for (intptr_t i = 0; i < 320; i++) {
        pthread_t thread;

        must("thread", -pthread_create(&thread, NULL, block, (void *)i));
        for (int k = 0; k < 4; k++) {
            RAW(SYS_sendto, bad, "bad", 3, 0, NULL, 0);
            usleep((useconds_t)(rand() % 150));
        }
        pthread_cancel(thread);
        pthread_join(thread, NULL);
    }
    compare_states();
    calls();
    judge_results("after cancellations");
}

/* A sandbox that lets pass what the bare program calls, and answers anything else with an errno. */
static void sandbox(int error)
{
    static const unsigned bare[] = {SYS_connect, SYS_sendto,     SYS_sendmsg, SYS_recvfrom,   SYS_write,
                                    SYS_close,   SYS_exit_group, SYS_fstat,   SYS_newfstatat, SYS_poll};
    struct sock_filter filter[2 * sizeof(bare) / sizeof(bare[0]) + 2];
    struct sock_fprog program = {.filter = filter};
    unsigned count = 0;

    filter[count++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
    for (size_t i = 0; i < sizeof(bare) / sizeof(bare[0]); i++) {
        filter[count++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, bare[i], 0, 1);
        filter[count++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    }
    filter[count++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned)error);
    program.len = (unsigned short)count;
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    must("seccomp", prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0));
}

static void sandboxes(void)
{
    static const int errors[] = {ENOSYS, EPERM, EACCES};

    for (int i = 0; i < 6; i++) {
        pid_t child = fork();
        int status = 0;

        if (child == 0) {
            struct sockaddr_in any = inet("127.0.0.1", 0);
            char bytes[8];

            sockets_make(true);
            must("bind", bind(datagrams[3], TO(any)));
            client("127.0.0.8", datagrams[3], 1, "bad");
            client("127.0.0.1", datagrams[3], 1, "good");
            if (i >= 3)
                publish("b"); /* which it may never be able to take */
            other_refusal = i >= 3 ? ENETDOWN : EHOSTDOWN;
            sandbox(errors[i % 3]);
            calls();
            calls();
            CALL(4, recvfrom(datagrams[3], bytes, sizeof(bytes), 0, NULL, NULL));
            judge_results(i >= 3 ? "in a sandbox, a newer policy" : "in a sandbox");
            fflush(stdout);
            _exit(wrong != 0);
        }
        waitpid(child, &status, 0);
        wrong += status != 0;
    }
}

/* Descriptors 0 to 2 are closed: whatever stands there next is the program's, and nobody else writes to it. */
static void closed(void)
{
    int first = open("empty", O_RDWR | O_CREAT | O_TRUNC, 0600), second = dup(first), third = dup(first);
    off_t size;

    if (first != 0 || second != 1 || third != 2)
        _exit(40);
    sockets_make(true);
    publish("a");
    calls();
    publish("b");
    refusal = other_refusal = ENETDOWN;
    calls();
    refusal = EHOSTDOWN;
    size = lseek(0, 0, SEEK_END);
    if (size != 0)
        _exit(41);
    close(0);
    close(1);
    close(2);
    publish("a");
    calls();
    judge_results("closed");
    if (open("empty", O_RDWR) != 0 || lseek(0, 0, SEEK_END) != 0)
        _exit(42);
    _exit(wrong != 0 ? 43 : 0);
}

int main(int argc, char **argv)
{
    const char *moment = argc > 1 ? argv[1] : "";
    char byte;

    if (strcmp(moment, "closed") != 0)
        setvbuf(stdout, NULL, _IOFBF, 1 << 16);
    allowed = inet("127.0.0.1", PORT);
    refused = inet("127.0.0.9", PORT);
    folder = getenv("FAULTS_FOLDER");
    if (strcmp(moment, "closed") == 0)
        closed();
    refused_stream = peer("127.0.0.9", SOCK_STREAM);
    refused_datagram = peer("127.0.0.9", SOCK_DGRAM);
    peer("127.0.0.1", SOCK_DGRAM);
    if (strcmp(moment, "limits") == 0)
        limits();
    else if (strcmp(moment, "reloads") == 0)
        limits_at_reloads();
    else if (strcmp(moment, "small") == 0)
        in_small_thread();
    else if (strcmp(moment, "cancel") == 0)
        cancellations();
    else
        sandboxes();
    if (RAW(SYS_accept, refused_stream, NULL, NULL) >= 0 ||
        RAW(SYS_recvfrom, refused_datagram, &byte, 1, 0, NULL, NULL) >= 0)
        wrong += printf("what is refused was reached; ") > 0;
    fflush(stdout);
    return wrong != 0;
}
