/* SPDX-License-Identifier: MIT */
/* Who gets a ping socket: whose group is in the namespace's range, root or not; a raw socket takes CAP_NET_RAW. */
#include "tests/kernel/ping.h"

#include <linux/capability.h>
#include <sys/syscall.h>

static int opens(int family, int type)
{
    int fd = socket(family, type, family == AF_INET ? (int)IPPROTO_ICMP : (int)IPPROTO_ICMPV6);
    if (fd >= 0)
        close(fd);
    return fd < 0 ? -1 : 0;
}

static void lose_capabilities(void)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct none[2] = {{0}};
    prove(syscall(SYS_capset, &header, none) == 0, "capset");
}

int main(void)
{
    enter_closed_network();
    prove_fails(opens(AF_INET, SOCK_DGRAM), EACCES, "with the range closed, as root");
    prove_fails(opens(AF_INET6, SOCK_DGRAM), EACCES, "with the range closed, IPv6");
    prove(opens(AF_INET, SOCK_RAW) == 0 && opens(AF_INET6, SOCK_RAW) == 0, "raw sockets do not ask for the range");

    prove(write_file(RANGE_FILE, "0 0"), "the namespace's root may open the range");
    lose_capabilities();
    prove(opens(AF_INET, SOCK_DGRAM) == 0, "with the range open, without any capability");
    prove(opens(AF_INET6, SOCK_DGRAM) == 0, "the same range holds for IPv6");
    prove_fails(opens(AF_INET, SOCK_RAW), EPERM, "a raw socket without CAP_NET_RAW");
    prove_fails(opens(AF_INET6, SOCK_RAW), EPERM, "a raw IPv6 socket without CAP_NET_RAW");
    prove_fails(socket(AF_INET, SOCK_RAW, IPPROTO_RAW), EPERM, "IPPROTO_RAW without CAP_NET_RAW");
    prove_fails(socket(AF_INET, SOCK_RAW, 0), EPROTONOSUPPORT, "a raw socket of protocol 0");
    return proved("ping sockets go by ping_group_range alone (EACCES), raw ones by CAP_NET_RAW alone (EPERM)");
}
