/* SPDX-License-Identifier: MIT */
/*
 * Runs a program whose ping sockets are taken away by a seccomp filter: altogether, as container profiles do it, or
 * bind alone, as SELinux may.
 *
 *     no_ping socket|bind PROGRAM ARG...
 *
 * `bind` refuses it for every socket: a filter sees no more of a descriptor than its number.
 */
#include <errno.h>
#include <netinet/in.h>
#include <seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    TYPE_BITS = 0xf, /* what is not SOCK_CLOEXEC or SOCK_NONBLOCK */
};

/* No datagram socket of this family and protocol. */
static int without(scmp_filter_ctx filter, unsigned family, unsigned protocol)
{
    return seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(socket), 3, SCMP_A0(SCMP_CMP_EQ, family, 0),
                            SCMP_A1(SCMP_CMP_MASKED_EQ, TYPE_BITS, SOCK_DGRAM), SCMP_A2(SCMP_CMP_EQ, protocol, 0));
}

int main(int count, char **arguments)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
    int status = -1;

    if (count < 3 || filter == NULL) {
        fprintf(stderr, "usage: no_ping socket|bind PROGRAM ARG...\n");
        return 125;
    }
    if (strcmp(arguments[1], "bind") == 0)
        status = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EACCES), SCMP_SYS(bind), 0);
    else if (without(filter, AF_INET, IPPROTO_ICMP) == 0)
        status = without(filter, AF_INET6, IPPROTO_ICMPV6);
    if (status != 0 || seccomp_load(filter) != 0) { /* sets no_new_privs too */
        perror("no_ping: seccomp");
        return 125;
    }
    execvp(arguments[2], arguments + 2);
    perror(arguments[2]);
    return 127;
}
