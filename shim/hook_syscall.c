/* SPDX-License-Identifier: MIT */
/*
 * syscall(2): six longs forwarded whatever the number, as libc's own function reads six whatever it was given; those
 * that are hooked by name lead to the same hooks.
 *
 * The way of all other numbers is a jump into libc's function with the stack as it was: a clone with a stack of its
 * own, and a vfork, return from there into the program and never to us.
 *
 * Such a call is no cancellation point, and the libc functions behind the hooks are. So cancellation is held back
 * meanwhile, where anything is to be done at all; else the number goes to the kernel as it came.
 */
#include "shim/numbers.h"

#include "shim/child.h"
#include "shim/hints.h"
#include "shim/icmp/socket.h"
#include "shim/judge.h"
#include "shim/numbers_wait.h"
#include "shim/process.h"
#include "shim/real.h"
#include "shim/sandbox.h"
#include "shim/uring.h"
#include "state/call.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>

typedef long syscall_function(long number, long a, long b, long c, long d, long e, long f);

struct arguments {
    long number;
    long at[6];
    const struct arguments *whole; /* the call that it came in, or NULL (socketcall) */
};

/* As libc does it; never itself a hook of ours. */
static long forward(const struct arguments *call)
{
    syscall_function *real_call = (syscall_function *)rare_function((void **)(void *)&real.syscall, "syscall");
    const long *at;

    if (call->whole != NULL)
        call = call->whole;
    at = call->at;
    return real_call(call->number, at[0], at[1], at[2], at[3], at[4], at[5]);
}

#ifndef KERNEL_CALL_DIRECT
long kernel_call_forward(long number, long a, long b, long c, long d, long e, long f)
{
    return forward(&(struct arguments){number, {a, b, c, d, e, f}, NULL});
}
#endif

/* Arguments in the types of the calls. */
#define NUMBER(i) ((int)at[i])
#define SIZE(i) ((size_t)at[i])
#define POINTER(i) ((void *)at[i])
#define LENGTH(i) ((socklen_t)at[i])

/* Hooks, by the names under which they are defined, where libc's headers promise more than programs keep. */
int fcntl_hook(int fd, int command, void *argument) __asm__("fcntl");
int ioctl_hook(int fd, unsigned long request, void *argument) __asm__("ioctl");
int prctl_hook(int option, unsigned long a, unsigned long b, unsigned long c, unsigned long d) __asm__("prctl");

/* Names: creating, addressing, local side. */
static long call_names(enum way way, const long at[6])
{
    switch (way) {
    case WAY_SOCKET:
        return socket(NUMBER(0), NUMBER(1), NUMBER(2));
    case WAY_SOCKETPAIR:
        return socketpair(NUMBER(0), NUMBER(1), NUMBER(2), POINTER(3));
    case WAY_CONNECT:
        return connect(NUMBER(0), (struct sockaddr *)POINTER(1), LENGTH(2));
    case WAY_ACCEPT:
        return accept(NUMBER(0), (struct sockaddr *)POINTER(1), POINTER(2));
    case WAY_ACCEPT4:
        return accept4(NUMBER(0), (struct sockaddr *)POINTER(1), POINTER(2), NUMBER(3));
    case WAY_BIND:
        return bind(NUMBER(0), (struct sockaddr *)POINTER(1), LENGTH(2));
    case WAY_LISTEN:
        return listen(NUMBER(0), NUMBER(1));
    case WAY_SETSOCKOPT:
        return setsockopt(NUMBER(0), NUMBER(1), NUMBER(2), POINTER(3), LENGTH(4));
    case WAY_GETSOCKOPT:
        return getsockopt(NUMBER(0), NUMBER(1), NUMBER(2), POINTER(3), POINTER(4));
    case WAY_GETSOCKNAME:
        return getsockname(NUMBER(0), (struct sockaddr *)POINTER(1), POINTER(2));
    case WAY_GETPEERNAME:
    default:
        return getpeername(NUMBER(0), (struct sockaddr *)POINTER(1), POINTER(2));
    }
}

/* Data: sending and receiving. */
static long call_data(enum way way, const long at[6])
{
    switch (way) {
    case WAY_SEND:
        return send(NUMBER(0), POINTER(1), SIZE(2), NUMBER(3));
    case WAY_SENDTO:
        return sendto(NUMBER(0), POINTER(1), SIZE(2), NUMBER(3), (struct sockaddr *)POINTER(4), LENGTH(5));
    case WAY_SENDMSG:
        return sendmsg(NUMBER(0), POINTER(1), NUMBER(2));
    case WAY_SENDMMSG:
        return sendmmsg(NUMBER(0), POINTER(1), (unsigned)at[2], NUMBER(3));
    case WAY_RECV:
        return recv(NUMBER(0), POINTER(1), SIZE(2), NUMBER(3));
    case WAY_RECVFROM:
        return recvfrom(NUMBER(0), POINTER(1), SIZE(2), NUMBER(3), (struct sockaddr *)POINTER(4), POINTER(5));
    case WAY_RECVMSG:
        return recvmsg(NUMBER(0), POINTER(1), NUMBER(2));
    case WAY_READ:
        return read(NUMBER(0), POINTER(1), SIZE(2));
    case WAY_READV:
        return readv(NUMBER(0), POINTER(1), NUMBER(2));
    case WAY_WRITE:
        return write(NUMBER(0), POINTER(1), SIZE(2));
    case WAY_WRITEV:
    default:
        return writev(NUMBER(0), POINTER(1), NUMBER(2));
    }
}

/* A descriptor that another process had. */
static long taken_over(long fd)
{
    if (fd >= 0) {
        hint_forget((int)fd);
        icmp_adopt((int)fd);
    }
    return fd;
}

/* Descriptors. fcntl is libc's own only where it makes one: it knows other lock structures than the kernel. */
static long call_descriptors(enum way way, const struct arguments *call)
{
    const long *at = call->at;

    switch (way) {
    case WAY_FCNTL:
        if (NUMBER(1) != F_DUPFD && NUMBER(1) != F_DUPFD_CLOEXEC)
            return forward(call);
        return fcntl_hook(NUMBER(0), NUMBER(1), POINTER(2));
    case WAY_IOCTL:
        return ioctl_hook(NUMBER(0), (unsigned long)at[1], POINTER(2));
    case WAY_DUP:
        return dup(NUMBER(0));
    case WAY_DUP2:
        return dup2(NUMBER(0), NUMBER(1));
    case WAY_DUP3:
        return dup3(NUMBER(0), NUMBER(1), NUMBER(2));
    case WAY_PIDFD_GETFD:
    default:
        return taken_over(forward(call));
    }
}

static long call_hook(enum way way, const struct arguments *call)
{
    if (way >= WAY_POLL && way <= WAY_EPOLL_CTL) {
        long answer;

        return numbers_wait(way, call->at, &answer) ? answer : forward(call);
    }
    switch (way) {
    case WAY_RECVMMSG:
    case WAY_RECVMMSG_TIME64: {
        long answer;

        return numbers_recvmmsg(way, call->at, &answer) ? answer : forward(call);
    }
    case WAY_SEND:
    case WAY_SENDTO:
    case WAY_SENDMSG:
    case WAY_SENDMMSG:
    case WAY_RECV:
    case WAY_RECVFROM:
    case WAY_RECVMSG:
    case WAY_READ:
    case WAY_READV:
    case WAY_WRITE:
    case WAY_WRITEV:
        return call_data(way, call->at);
    case WAY_IOCTL:
    case WAY_FCNTL:
    case WAY_DUP:
    case WAY_DUP2:
    case WAY_DUP3:
    case WAY_PIDFD_GETFD:
        return call_descriptors(way, call);
    default:
        return call_names(way, call->at);
    }
}

/* Functions of libc that are found behind us: importing them would cost every start a look-up. */
static int cancel_set(void **found, const char *name, int value)
{
    int (*set)(int, int *);
    int before = value;

    *(void **)(&set) = rare_function(found, name);
    if (set != NULL)
        set(value, &before);
    return before;
}

/* PTHREAD_CANCEL_ENABLE or DISABLE; returns what it was. */
static int cancel_state(int state)
{
    static void *found;

    return cancel_set(&found, "pthread_setcancelstate", state);
}

static int cancel_type(int type)
{
    static void *found;

    return cancel_set(&found, "pthread_setcanceltype", type);
}

/*
 * A thread that may be cancelled at any instruction has made the call a cancellation point by itself, and so it stays.
 */
static bool cancels_anywhere(void)
{
    int type = cancel_type(PTHREAD_CANCEL_DEFERRED);

    if (type != PTHREAD_CANCEL_DEFERRED)
        cancel_type(type);
    return type != PTHREAD_CANCEL_DEFERRED;
}

/* What has something to do where nothing is watched: raw ICMP sockets are looked at without any policy. */
static bool is_for_hooks(enum way way)
{
    return process_ready(WATCH_HINTS) || policy_may_have_moved() || way == WAY_SOCKET || way == WAY_BIND ||
           way == WAY_LISTEN || way == WAY_ACCEPT || way == WAY_ACCEPT4 || way == WAY_RECVMSG;
}

/*
 * Another library behind us may define one of the hooked names, and make that call by its number: to us again, and
 * round and round. A few calls within calls are judged, as handlers make them too; what is deeper has been judged by
 * then.
 *
 * Where this thread's calls in progress stand on its stack, outermost first.
 */
#define NESTED 3
static __thread struct {
    const void *volatile frames[NESTED];
    volatile unsigned count;
} policing;

/* Notes a call; false where it is too deep. What has been left by siglongjmp(3) lies beneath us, and counts no more. */
static bool police_begin(const void *frame, unsigned *before)
{
    unsigned count = policing.count;

    while (count > 0 && policing.frames[count - 1] <= frame)
        count--;
    *before = count;
    if (count == NESTED)
        return false;
    policing.frames[count] = frame;
    policing.count = count + 1;
    return true;
}

static long police(enum way way, const struct arguments *call)
{
    int before = PTHREAD_CANCEL_DISABLE;
    int saved = errno;
    unsigned outer;
    long answer;

    if (!is_for_hooks(way) || !police_begin(__builtin_frame_address(0), &outer))
        return forward(call);
    if (!cancels_anywhere())
        before = cancel_state(PTHREAD_CANCEL_DISABLE);
    errno = saved;
    answer = call_hook(way, call);
    saved = errno;
    if (before != PTHREAD_CANCEL_DISABLE)
        cancel_state(before);
    policing.count = outer;
    errno = saved;
    return answer;
}

/*
 * seccomp(2): SECCOMP_SET_MODE_FILTER may give a descriptor. Questions about what the kernel can do fail, and count for
 * nothing.
 */
static long seccomp(const struct arguments *call)
{
    const long *at = call->at;
    long answer;

    if (NUMBER(0) != SECCOMP_SET_MODE_STRICT && (NUMBER(0) != SECCOMP_SET_MODE_FILTER || POINTER(2) == NULL))
        return forward(call);
    sandbox_begin();
    answer = forward(call);
    sandbox_end(answer >= 0);
    return answer;
}

#ifdef SYS_socketcall
/* One call with its arguments in an array. The kernel reads as many as it has, and so do we. */
static long socketcall(const struct arguments *call)
{
    struct arguments inner = {.number = call->number, .whole = call};
    unsigned count = 0;
    enum way way = way_of_socketcall(call->at[0], &count);
    const void *array = (const void *)call->at[1];

    if (way == WAY_PLAIN || plainly_bad(array))
        return forward(call);
    memcpy(inner.at, array, count * sizeof(long));
    return police(way, &inner);
}
#endif

/* exec, by the number that is that of no libc function: as execve(2). */
static long start(enum way way, const long at[6])
{
    bool by_folder = way == WAY_EXECVEAT;
    const struct child child = {.way = by_folder ? BY_EXECVEAT : BY_EXECVE,
                                .op = by_folder ? "execveat" : "execve",
                                .fd = by_folder ? NUMBER(0) : 0,
                                .flags = by_folder ? NUMBER(4) : 0,
                                .path = POINTER(by_folder ? 1 : 0),
                                .argv = POINTER(by_folder ? 2 : 1),
                                .envp = POINTER(by_folder ? 3 : 2)};

    return child_start(&child);
}

/*
 * What is policed, and what comes before we know libc's own function: the number and six words behind it, as they came.
 * Read, never written: see below.
 */
__attribute__((used, visibility("hidden"))) long numbers_by_hook(const long *words);
long numbers_by_hook(const long *words)
{
    const struct arguments call = {words[0], {words[1], words[2], words[3], words[4], words[5], words[6]}, NULL};
    const long *at = call.at;
    enum way way = way_of(call.number);

    switch (way) {
    case WAY_PLAIN:
        return forward(&call);
    case WAY_EXECVE:
    case WAY_EXECVEAT:
        return start(way, call.at);
    case WAY_PRCTL:
        return prctl_hook(NUMBER(0), (unsigned long)at[1], (unsigned long)at[2], (unsigned long)at[3],
                          (unsigned long)at[4]);
    case WAY_SECCOMP:
        return seccomp(&call);
    case WAY_IO_URING_SETUP:
        if (!uring_is_hidden())
            return forward(&call);
        errno = ENOSYS;
        return -1;
#ifdef SYS_socketcall
    case WAY_SOCKETCALL:
        return socketcall(&call);
#endif
    default:
        return police(way, &call);
    }
}

/*
 * The entry: a jump, with the arguments where they are, for all other numbers. Not in C where arguments stand on the
 * stack: programs call with fewer, so that a variable of theirs stands there, and compilers take what they were given
 * for their own and write to it (gcc 12 does when it jumps on).
 */
#if defined(__x86_64__) && !defined(__ILP32__)
EXPORT __attribute__((naked, no_profile_instrument_function)) void syscall_hook(void) __asm__("syscall");
void syscall_hook(void)
{
    __asm__("cmp %1, %%edi\n\t"
            "jae 1f\n\t"
            "mov %%edi, %%eax\n\t"
            "lea numbers(%%rip), %%r11\n\t"
            "cmpb $0, (%%r11, %%rax)\n\t"
            "jne 2f\n"
            "1:\tmov real+%c0(%%rip), %%r11\n\t"
            "test %%r11, %%r11\n\t"
            "je 2f\n\t"
            "jmp *%%r11\n"
            "2:\tmov 8(%%rsp), %%rax\n\t"
            "sub $72, %%rsp\n\t"
            ".cfi_adjust_cfa_offset 72\n\t"
            "mov %%rdi, (%%rsp)\n\t"
            "mov %%rsi, 8(%%rsp)\n\t"
            "mov %%rdx, 16(%%rsp)\n\t"
            "mov %%rcx, 24(%%rsp)\n\t"
            "mov %%r8, 32(%%rsp)\n\t"
            "mov %%r9, 40(%%rsp)\n\t"
            "mov %%rax, 48(%%rsp)\n\t"
            "mov %%rsp, %%rdi\n\t"
            "call numbers_by_hook\n\t"
            "add $72, %%rsp\n\t"
            ".cfi_adjust_cfa_offset -72\n\t"
            "ret"
            :
            : "i"(offsetof(struct real, syscall)), "i"(sizeof(numbers)));
}
#elif defined(__i386__)
EXPORT __attribute__((naked, no_profile_instrument_function)) void syscall_hook(void) __asm__("syscall");
void syscall_hook(void)
{
    __asm__("call 3f\n"
            "3:\tpop %%ecx\n\t"
            "add $_GLOBAL_OFFSET_TABLE_+[.-3b], %%ecx\n\t"
            "mov 4(%%esp), %%eax\n\t"
            "cmp %1, %%eax\n\t"
            "jae 1f\n\t"
            "cmpb $0, numbers@GOTOFF(%%ecx, %%eax)\n\t"
            "jne 2f\n"
            "1:\tmov real@GOTOFF+%c0(%%ecx), %%ecx\n\t"
            "test %%ecx, %%ecx\n\t"
            "je 2f\n\t"
            "jmp *%%ecx\n"
            "2:\tlea 4(%%esp), %%eax\n\t"
            "sub $8, %%esp\n\t"
            ".cfi_adjust_cfa_offset 8\n\t"
            "push %%eax\n\t"
            ".cfi_adjust_cfa_offset 4\n\t"
            "call numbers_by_hook\n\t"
            "add $12, %%esp\n\t"
            ".cfi_adjust_cfa_offset -12\n\t"
            "ret"
            :
            : "i"(offsetof(struct real, syscall)), "i"(sizeof(numbers)));
}
#else
EXPORT syscall_function syscall_hook __asm__("syscall");
long syscall_hook(long number, long a, long b, long c, long d, long e, long f)
{
    syscall_function *real_call = (syscall_function *)real.syscall;

    if (unlikely(way_of(number) != WAY_PLAIN || real_call == NULL))
        return numbers_by_hook((const long[]){number, a, b, c, d, e, f});
    return real_call(number, a, b, c, d, e, f);
}
#endif
