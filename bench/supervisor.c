/* SPDX-License-Identifier: MIT */
/*
 * Yardsticks: starts a program under what the kernel itself offers to confine an ordinary user's process.
 *
 *   filter     a seccomp filter that allows every call: what any filter costs
 *   same CPU, other CPU
 *              a seccomp supervisor that is asked about network calls and lets each go on. It does the least that one
 *              can do: a real one also reads the address out of the other process and decides
 *   landlock   TCP connects are allowed to ten ports, PORT among them
 *
 * usage: supervisor filter|same|other|landlock PORT PROGRAM [ARGUMENT...]
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <seccomp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef SECCOMP_IOCTL_NOTIF_SET_FLAGS /* since Linux 6.6 */
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS SECCOMP_IOW(4, __u64)
#endif
#define SYNC_WAKE_UP 1 /* the same header's SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP */

/* linux/landlock.h knows ports since Linux 6.7; the structures are written out for older headers. */
#define LANDLOCK_CREATE_RULESET 444
#define LANDLOCK_ADD_RULE 445
#define LANDLOCK_RESTRICT_SELF 446
#define CONNECT_TCP 2
#define RULE_NET_PORT 2
struct landlock_ruleset {
    uint64_t files;
    uint64_t network;
};
struct landlock_port {
    uint64_t allowed;
    uint64_t port;
};

static _Noreturn void fail(const char *what)
{
    perror(what);
    exit(125);
}

static _Noreturn void run(char **program)
{
    execvp(program[0], program);
    fail(program[0]);
}

/* `asked`: what the filter answers to network calls. Returns the filter's descriptor where there is somebody to ask. */
static int load_filter(uint32_t asked)
{
    static const int calls[] = {SCMP_SYS(connect), SCMP_SYS(sendto), SCMP_SYS(recvfrom), SCMP_SYS(accept),
                                SCMP_SYS(accept4)};
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);

    if (filter == NULL)
        fail("seccomp_init");
    for (size_t i = 0; asked != SCMP_ACT_ALLOW && i < sizeof(calls) / sizeof(calls[0]); i++)
        if ((errno = -seccomp_rule_add(filter, asked, calls[i], 0)) != 0)
            fail("seccomp_rule_add");
    if ((errno = -seccomp_load(filter)) != 0)
        fail("seccomp_load");
    return asked == SCMP_ACT_ALLOW ? -1 : seccomp_notify_fd(filter);
}

/* sendmsg is not asked about, so that this passes before anybody listens. */
static void send_descriptor(int channel, int descriptor)
{
    char byte = 0;
    struct iovec part = {&byte, 1};
    union {
        struct cmsghdr header;
        char room[CMSG_SPACE(sizeof(int))];
    } control = {.header = {CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS}};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)};

    memcpy(CMSG_DATA(&control.header), &descriptor, sizeof(descriptor));
    if (sendmsg(channel, &message, 0) != 1)
        fail("sendmsg");
}

static int receive_descriptor(int channel)
{
    char byte;
    int descriptor = -1;
    struct iovec part = {&byte, 1};
    union {
        struct cmsghdr header;
        char room[CMSG_SPACE(sizeof(int))];
    } control;
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)};

    if (recvmsg(channel, &message, MSG_CMSG_CLOEXEC) != 1 || CMSG_FIRSTHDR(&message) == NULL)
        fail("recvmsg");
    memcpy(&descriptor, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(descriptor));
    return descriptor;
}

/* Ends when the last process under the filter has. */
static void answer(int notify)
{
    struct seccomp_notif *request;
    struct seccomp_notif_resp *response;

    if (seccomp_notify_alloc(&request, &response) != 0)
        fail("seccomp_notify_alloc");
    for (;;) {
        memset(request, 0, sizeof(*request));
        if (ioctl(notify, SECCOMP_IOCTL_NOTIF_RECV, request) != 0) {
            if (errno == EINTR)
                continue;
            return;
        }
        *response = (struct seccomp_notif_resp){.id = request->id, .flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE};
        if (ioctl(notify, SECCOMP_IOCTL_NOTIF_SEND, response) != 0 && errno != ENOENT)
            return;
    }
}

/* The first allowed CPU that is not the one where this process is held. */
static void move_to_another_cpu(void)
{
    size_t here = (size_t)sched_getcpu();
    cpu_set_t cpus;

    for (size_t cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        CPU_ZERO(&cpus);
        CPU_SET(cpu, &cpus);
        if (cpu != here && sched_setaffinity(0, sizeof(cpus), &cpus) == 0)
            return;
    }
    fail("no other CPU");
}

static int supervise(int same_cpu, char **program)
{
    int channel[2], status, notify;
    pid_t child;

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, channel) != 0 || (child = fork()) < 0)
        fail("fork");
    if (child == 0) {
        send_descriptor(channel[1], load_filter(SCMP_ACT_NOTIFY));
        run(program);
    }
    close(channel[1]);
    notify = receive_descriptor(channel[0]);
    /* Hands the CPU over at once, which is the fastest that there is on one CPU; older kernels refuse. */
    if (same_cpu)
        ioctl(notify, SECCOMP_IOCTL_NOTIF_SET_FLAGS, SYNC_WAKE_UP);
    else
        move_to_another_cpu();
    answer(notify);
    if (waitpid(child, &status, 0) != child)
        fail("waitpid");
    return WIFEXITED(status) ? WEXITSTATUS(status) : 125;
}

static void restrict_ports(uint64_t wanted)
{
    struct landlock_ruleset ruleset = {.network = CONNECT_TCP};
    int descriptor = (int)syscall(LANDLOCK_CREATE_RULESET, &ruleset, sizeof(ruleset), 0);

    if (descriptor < 0)
        fail("landlock_create_ruleset");
    for (uint64_t i = 0; i < 10; i++) {
        struct landlock_port rule = {CONNECT_TCP, i == 0 ? wanted : 80 + i};

        if (syscall(LANDLOCK_ADD_RULE, descriptor, RULE_NET_PORT, &rule, 0) != 0)
            fail("landlock_add_rule");
    }
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || syscall(LANDLOCK_RESTRICT_SELF, descriptor, 0) != 0)
        fail("landlock_restrict_self");
    close(descriptor);
}

int main(int count, char **words)
{
    if (count < 4) {
        fprintf(stderr, "usage: supervisor filter|same|other|landlock PORT PROGRAM [ARGUMENT...]\n");
        return 125;
    }
    if (strcmp(words[1], "same") == 0 || strcmp(words[1], "other") == 0)
        return supervise(words[1][0] == 's', words + 3);
    if (strcmp(words[1], "landlock") == 0)
        restrict_ports((uint64_t)atoi(words[2]));
    else
        load_filter(SCMP_ACT_ALLOW);
    run(words + 3);
}
