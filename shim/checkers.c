/* SPDX-License-Identifier: MIT */
/*
 * Valgrind's helgrind and drd see C11's relaxed and acquire loads as plain ones (they are, on x86), and report each as
 * a race: they would fill a program's report with lines about us. So they are told to leave our variables out. What the
 * program's own memory goes through is still looked at.
 *
 * A request to valgrind is four rotations of a register that together leave it as it was, and an exchange of a register
 * with itself (valgrind.h, "client requests"); without valgrind that does nothing.
 */
#include "shim/checkers.h"

#include <stdint.h>

/* Where the object begins and ends in memory: the linker's own symbols. */
extern const char __ehdr_start[] __attribute__((visibility("hidden")));
extern const char _end[] __attribute__((visibility("hidden")));

#if defined(__x86_64__) || defined(__i386__)
/* Requests are numbered from the tool's two letters on (helgrind.h, drd.h). */
#define TOOL(a, b) ((uintptr_t)(a) << 24 | (uintptr_t)(b) << 16)
#define HELGRIND_MAKE_UNTRACKED (TOOL('H', 'G') + 256 + 39)
#define DRD_START_SUPPRESSION (TOOL('D', 'R') + 2)

static void request(uintptr_t number, uintptr_t address, uintptr_t size)
{
    const volatile uintptr_t words[6] = {number, address, size};
    uintptr_t answer = 0;

    __asm__ volatile(
#ifdef __x86_64__
        "rolq $3, %%rdi\n rolq $13, %%rdi\n rolq $61, %%rdi\n rolq $51, %%rdi\n xchgq %%rbx, %%rbx"
#else
        "roll $3, %%edi\n roll $13, %%edi\n roll $29, %%edi\n roll $19, %%edi\n xchgl %%ebx, %%ebx"
#endif
        : "+d"(answer)
        : "a"(&words[0])
        : "cc", "memory");
}

void checkers_leave_out(void)
{
    uintptr_t size = (uintptr_t)_end - (uintptr_t)__ehdr_start;

    request(HELGRIND_MAKE_UNTRACKED, (uintptr_t)__ehdr_start, size);
    request(DRD_START_SUPPRESSION, (uintptr_t)__ehdr_start, size);
}
#else
void checkers_leave_out(void)
{
}
#endif
