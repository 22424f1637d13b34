/* SPDX-License-Identifier: MIT */
/*
 * A resolver state without servers (glibc 2.26 and newer): names fail at once with "try again", no network socket is
 * opened, what needs no server is found, and the state stays as it is, which is not read anew from /etc/resolv.conf.
 */
#include "tests/kernel/proof.h"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netdb.h>
#include <resolv.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>

#define WORD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offsetof(struct seccomp_data, field))
#define EQUALS(value, yes, no) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (value), (yes), (no))

/* From here on an IP socket is the end of the program. The low half of an argument comes first on little endian. */
static void no_ip_sockets(void)
{
    struct sock_filter filter[] = {
        WORD(nr),
        EQUALS(SYS_socket, 0, 4),
        WORD(args[0]),
        EQUALS(AF_INET, 1, 0),
        EQUALS(AF_INET6, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {.len = sizeof(filter) / sizeof(filter[0]), .filter = filter};

    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
        skip("no seccomp filter to be had");
}

int main(void)
{
    const struct addrinfo hints = {.ai_family = AF_INET, .ai_flags = AI_NUMERICSERV};
    struct addrinfo *list = NULL;
    struct timespec start, end;
    int count;

    prove(gethostbyname("127.0.0.1") != NULL, "a literal is found");
    prove((_res.options & RES_INIT) != 0, "a literal makes the state ready");
    count = _res.nscount;
    prove(count > 0, "there is a server, 127.0.0.1 where no file names one");
    _res.nscount = 0;
    no_ip_sockets();
    clock_gettime(CLOCK_MONOTONIC, &start);
    for (int i = 0; i < 3; i++) {
        int result = getaddrinfo("name.invalid", "80", &hints, &list);

        if (result == EAI_NONAME)
            skip("names are not looked up by DNS here");
        prove(result == EAI_AGAIN, "getaddrinfo says try again, not %d", result);
        prove(_res.nscount == 0, "the state stays without servers");
    }
    clock_gettime(CLOCK_MONOTONIC, &end);
    prove(end.tv_sec - start.tv_sec < 3, "at once");
    prove(gethostbyname("127.0.0.1") != NULL && _res.nscount == 0, "a literal is found, and changes nothing");
    _res.nscount = count;
    printf("ok: without servers names fail at once and no socket is opened\n");
    return 0;
}
