/* SPDX-License-Identifier: MIT */
/*
 * The system call of 32-bit x86: by the interrupt, which every kernel and emulator knows, from wherever it is called.
 * The quicker ways lie in the vDSO, at an address that libc alone is told of.
 *
 * A function of its own and not part of its callers, which may keep their frame in ebp, the sixth argument's register.
 * What it does to the stack is told to unwinders (a thread may be cancelled here, or a handler make a backtrace).
 */
#include "state/call.h"

#if defined(KERNEL_CALL_DIRECT) && defined(__i386__)
__asm__(".pushsection .text.kernel_answer, \"ax\", @progbits\n"
        ".globl kernel_answer\n"
        ".hidden kernel_answer\n"
        ".type kernel_answer, @function\n"
        "kernel_answer:\n"
        ".cfi_startproc\n"
        "pushl %ebp\n.cfi_adjust_cfa_offset 4\n.cfi_rel_offset ebp, 0\n"
        "pushl %edi\n.cfi_adjust_cfa_offset 4\n.cfi_rel_offset edi, 0\n"
        "pushl %esi\n.cfi_adjust_cfa_offset 4\n.cfi_rel_offset esi, 0\n"
        "pushl %ebx\n.cfi_adjust_cfa_offset 4\n.cfi_rel_offset ebx, 0\n"
        "movl 20(%esp), %eax\n" /* behind the four and the way back */
        "movl 24(%esp), %ebx\n"
        "movl 28(%esp), %ecx\n"
        "movl 32(%esp), %edx\n"
        "movl 36(%esp), %esi\n"
        "movl 40(%esp), %edi\n"
        "movl 44(%esp), %ebp\n"
        "int $0x80\n"
        "popl %ebx\n.cfi_adjust_cfa_offset -4\n.cfi_restore ebx\n"
        "popl %esi\n.cfi_adjust_cfa_offset -4\n.cfi_restore esi\n"
        "popl %edi\n.cfi_adjust_cfa_offset -4\n.cfi_restore edi\n"
        "popl %ebp\n.cfi_adjust_cfa_offset -4\n.cfi_restore ebp\n"
        "ret\n"
        ".cfi_endproc\n"
        ".size kernel_answer, .-kernel_answer\n"
        ".popsection\n");
#endif
