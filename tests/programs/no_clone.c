/* SPDX-License-Identifier: MIT */
/*
 * Runs a program that cannot start another: a seccomp filter answers every way to make a process with EPERM, as
 * sandboxes and strict services have it.
 *
 *     no_clone PROGRAM ARG...
 */
#include <errno.h>
#include <seccomp.h>
#include <stdio.h>
#include <unistd.h>

int main(int count, char **arguments)
{
    static const int ways[] = {SCMP_SYS(clone), SCMP_SYS(clone3), SCMP_SYS(fork), SCMP_SYS(vfork)};
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);

    if (count < 2 || filter == NULL) {
        fprintf(stderr, "usage: no_clone PROGRAM ARG...\n");
        return 125;
    }
    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        if (seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), ways[i], 0) != 0)
            return 125;
    }
    if (seccomp_load(filter) != 0) { /* sets no_new_privs too */
        perror("no_clone: seccomp_load");
        return 125;
    }
    execvp(arguments[1], arguments + 1);
    perror(arguments[1]);
    return 127;
}
