/* SPDX-License-Identifier: MIT */
/*
 * Runs a program on a kernel that seems older: a seccomp filter answers ENOSYS to every call that Linux did not have in
 * 3.13, which is long before the oldest that glibc 2.28 is found on. With -c also ENOPROTOOPT to SO_COOKIE, which came
 * with 4.12.
 *
 *     older_kernel [-c] PROGRAM ARG...
 */
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define X86_64_FIRST 314 /* sched_setattr, Linux 3.14 */
#define X86_64_GETSOCKOPT 55
#define I386_FIRST 351 /* the same there; among them the sockets' own numbers */
#define GENERIC_FIRST 274

#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define ANSWER(what) BPF_STMT(BPF_RET | BPF_K, what)
#define IS(value, yes, no) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, yes, no)
#define IS_FROM(value, yes, no) BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, value, yes, no)

int main(int count, char **arguments)
{
    int first = count > 1 && strcmp(arguments[1], "-c") == 0 ? 2 : 1;
    struct sock_filter code[] = {
        LOAD(arch),
        IS(AUDIT_ARCH_I386, 3, 0),
        IS(AUDIT_ARCH_X86_64, 4, 0),
        LOAD(nr),
        IS_FROM(GENERIC_FIRST, 9, 10),
        LOAD(nr),
        IS_FROM(I386_FIRST, 7, 8),
        LOAD(nr),
        IS_FROM(X86_64_FIRST, 5, 0),
        IS(X86_64_GETSOCKOPT, 0, 5),
        LOAD(args[1]),
        IS(SOL_SOCKET, 0, 3),
        LOAD(args[2]),
        IS(first == 2 ? SO_COOKIE : 0xffffffff, 2, 1),
        ANSWER(SECCOMP_RET_ERRNO | ENOSYS),
        ANSWER(SECCOMP_RET_ALLOW),
        ANSWER(SECCOMP_RET_ERRNO | ENOPROTOOPT),
    };
    struct sock_fprog filter = {sizeof(code) / sizeof(code[0]), code};

    if (count <= first) {
        fprintf(stderr, "usage: older_kernel [-c] PROGRAM ARG...\n");
        return 125;
    }
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) != 0) {
        perror("older_kernel");
        return 125;
    }
    execvp(arguments[first], arguments + first);
    perror(arguments[first]);
    return 127;
}
