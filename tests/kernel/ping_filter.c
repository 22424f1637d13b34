/* SPDX-License-Identifier: MIT */
/* A socket filter's offset 0 is the IP header on a raw IPv4 socket, and the ICMP header on a ping socket. */
#include "tests/kernel/ping.h"

#include <linux/filter.h>

/* Lets pass what has `value` in its first byte. */
static void attach(int fd, unsigned value)
{
    struct sock_filter code[] = {BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 0),
                                 BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, 1),
                                 BPF_STMT(BPF_RET | BPF_K, UINT32_MAX), BPF_STMT(BPF_RET | BPF_K, 0)};
    struct sock_fprog program = {.len = 4, .filter = code};
    prove(setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) == 0, "SO_ATTACH_FILTER");
}

static bool comes_through(int family, int type, unsigned value)
{
    int sender = open_ping(family);
    int fd = type == SOCK_RAW ? open_raw(family) : sender;
    attach(fd, value);
    prove(send_echo(sender, family, 0, 1) == ECHO_SIZE, "send");
    bool came = !nothing_waits(fd);
    close(sender);
    if (fd != sender)
        close(fd);
    return came;
}

int main(void)
{
    enter_ping_network();
    prove(comes_through(AF_INET, SOCK_RAW, 0x45) && !comes_through(AF_INET, SOCK_RAW, ICMP_ECHOREPLY),
          "raw, IPv4: the IP header");
    prove(comes_through(AF_INET, SOCK_DGRAM, ICMP_ECHOREPLY) && !comes_through(AF_INET, SOCK_DGRAM, 0x45),
          "ping: the ICMP header");
    prove(comes_through(AF_INET6, SOCK_RAW, ICMP6_ECHO_REPLY) && comes_through(AF_INET6, SOCK_DGRAM, ICMP6_ECHO_REPLY),
          "IPv6: the ICMPv6 header on both");
    return proved("SO_ATTACH_FILTER sees the IP header on raw IPv4 sockets alone");
}
