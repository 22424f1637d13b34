/* SPDX-License-Identifier: MIT */
/*
 * A system call without libc.
 *
 * syscall(2) does the same and is used where the machine's own instruction is not known here. But the shim's is a hook,
 * and each name that the object imports costs the loader 0.1 to 0.3 us at every start of every program.
 */
#ifndef SOCKADE_STATE_CALL_H
#define SOCKADE_STATE_CALL_H

#include <errno.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The analyzer knows that syscall(2) writes to what it is handed. */
#if ((defined(__x86_64__) && !defined(__ILP32__)) || defined(__aarch64__) || defined(__i386__)) &&                     \
    !defined(__clang_analyzer__)
#define KERNEL_CALL_DIRECT
#endif

/* kernel_call(number, arguments): at least one argument is named (0 where there is none). -1 with errno on failure. */
#define kernel_call(number, ...) KERNEL_CALL_SIX(number, __VA_ARGS__, 0, 0, 0, 0, 0, 0)
#define KERNEL_CALL_SIX(number, a, b, c, d, e, f, ...)                                                                 \
    kernel_call_six(number, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))

#if defined(KERNEL_CALL_DIRECT) && defined(__i386__)
/* In call.c: six arguments and the number take all registers but the stack's. */
long kernel_answer(long number, long a, long b, long c, long d, long e, long f) __attribute__((visibility("hidden")));
#elif defined(KERNEL_CALL_DIRECT)
/* What the kernel answers: -4095 to -1 are errors. */
static inline long kernel_answer(long number, long a, long b, long c, long d, long e, long f)
{
#ifdef __x86_64__
    register long fourth __asm__("r10") = d;
    register long fifth __asm__("r8") = e;
    register long sixth __asm__("r9") = f;
    long answer;

    __asm__ volatile("syscall"
                     : "=a"(answer)
                     : "0"(number), "D"(a), "S"(b), "d"(c), "r"(fourth), "r"(fifth), "r"(sixth)
                     : "rcx", "r11", "memory");
    return answer;
#else
    register long which __asm__("x8") = number;
    register long answer __asm__("x0") = a;
    register long second __asm__("x1") = b;
    register long third __asm__("x2") = c;
    register long fourth __asm__("x3") = d;
    register long fifth __asm__("x4") = e;
    register long sixth __asm__("x5") = f;

    __asm__ volatile("svc #0"
                     : "+r"(answer)
                     : "r"(which), "r"(second), "r"(third), "r"(fourth), "r"(fifth), "r"(sixth)
                     : "memory");
    return answer;
#endif
}
#endif

#ifdef KERNEL_CALL_DIRECT
static inline long kernel_call_six(long number, long a, long b, long c, long d, long e, long f)
{
    long answer = kernel_answer(number, a, b, c, d, e, f);

    if (__builtin_expect((unsigned long)answer > -4096UL, 0)) {
        errno = (int)-answer;
        return -1;
    }
    return answer;
}
#else
/* libc's own; only the object has this one, in which `syscall` is a hook (hook_syscall.c). */
extern long kernel_call_forward(long number, long a, long b, long c, long d, long e, long f)
    __attribute__((weak, visibility("hidden")));

static inline long kernel_call_six(long number, long a, long b, long c, long d, long e, long f)
{
    if (kernel_call_forward != NULL)
        return kernel_call_forward(number, a, b, c, d, e, f);
    return syscall(number, a, b, c, d, e, f);
}
#endif

#endif
