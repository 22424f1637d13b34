/* SPDX-License-Identifier: MIT */
/*
 * Packets that a socket does not want, while it waits: by a filter, by the peer it is connected to, by the address it
 * is bound to. The wait goes on for what is left of its time, and ends with what is wanted.
 */
#include "tests/conformance/conformance.h"

#include <linux/filter.h>
#include <sys/epoll.h>

static unsigned char buffer[4096];

/* Blocks errors: every type but the reply's. */
static void block_errors(int fd)
{
    struct icmp6_filter filter;
    ICMP6_FILTER_SETBLOCKALL(&filter);
    ICMP6_FILTER_SETPASS(ICMP6_ECHO_REPLY, &filter);
    if (family == AF_INET)
        must("ICMP_FILTER", set_int(fd, SOL_RAW, ICMP_FILTER, ~(1 << ICMP_ECHOREPLY)));
    else
        must("ICMP6_FILTER", setsockopt(fd, IPPROTO_ICMPV6, ICMP6_FILTER, &filter, sizeof(filter)));
}

static void block_replies(int fd)
{
    struct icmp6_filter filter;
    ICMP6_FILTER_SETPASSALL(&filter);
    ICMP6_FILTER_SETBLOCK(ICMP6_ECHO_REPLY, &filter);
    if (family == AF_INET)
        must("ICMP_FILTER", set_int(fd, SOL_RAW, ICMP_FILTER, 1 << ICMP_ECHOREPLY));
    else
        must("ICMP6_FILTER", setsockopt(fd, IPPROTO_ICMPV6, ICMP6_FILTER, &filter, sizeof(filter)));
}

/* By the first `calls` kinds of wait in turn: what it says, and that it lasted about as long as it should. */
static void say_waits(const char *what, int fd, int calls, void (*unwanted)(int))
{
    struct timeval limit = {.tv_usec = 90000};
    struct pollfd entry = {.fd = fd, .events = POLLIN};
    struct epoll_event event = {.events = EPOLLIN};
    int set = (int)must("epoll_create1", epoll_create1(0));
    must("add", epoll_ctl(set, EPOLL_CTL_ADD, fd, &event));
    must("SO_RCVTIMEO", setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)));
    for (int call = 0; call < calls; call++) {
        fd_set in;
        FD_ZERO(&in);
        FD_SET(fd, &in);
        unwanted(fd);
        long long begun = now_ms();
        printf("%s ", what);
        switch (call) {
        case 0:
            CHECK("recv", recv(fd, buffer, 300, 0));
            break;
        case 1:
            CHECK("poll", poll(&entry, 1, 90));
            break;
        case 2:
            CHECK("select", select(fd + 1, &in, NULL, NULL, &(struct timeval){.tv_usec = 90000}));
            break;
        case 3:
            CHECK("epoll_wait", epoll_wait(set, &event, 1, 90));
            break;
        case 4:
            CHECK("ppoll", ppoll(&entry, 1, &(struct timespec){.tv_nsec = 90000000}, NULL));
            break;
        default:
            CHECK("recvmsg", recvmsg(fd, &(struct msghdr){.msg_iovlen = 0}, 0));
        }
        long long lasted = now_ms() - begun;
        say_value("  it lasted", lasted >= 88 && lasted < 5000);
        settle_late();
        CHECK("  nothing there", recv(fd, buffer, 300, MSG_DONTWAIT));
    }
    close(set);
    limit = (struct timeval){0};
    must("SO_RCVTIMEO", setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)));
}

static void late_error(int fd)
{
    must("send", ask(fd, LATE_ERROR, 0, 1));
}

static void late_reply(int fd)
{
    must("send", ask(fd, REPLY, LATE, 1));
}

static void errors_and_reply(int fd)
{
    must("send", ask(fd, UNREACHABLE, 1, 1));
    must("send", ask(fd, LATE_ERROR, 0, 2));
    must("send", ask(fd, REPLY, LATE, 3));
}

static void by_filter(void)
{
    int fd = open_icmp();
    block_errors(fd);
    say_waits("errors blocked:", fd, 6, late_error);
    for (int i = 0; i < 3; i++) {
        errors_and_reply(fd);
        if (i == 1)
            say_value("poll", is_readable(fd, 1000));
        say_next("only the reply", fd, 0);
        settle_late();
        CHECK("nothing more", recv(fd, buffer, 300, MSG_DONTWAIT));
    }
    block_replies(fd);
    say_waits("replies blocked:", fd, 2, late_reply);
    must("send", ask(fd, BOTH, REPLY_FIRST, 1));
    say_next("only the error", fd, 0);
    settle();
    CHECK("nothing more", recv(fd, buffer, 300, MSG_DONTWAIT));
}

static void by_attached_filter(void)
{
    struct sock_filter none[] = {BPF_STMT(BPF_RET | BPF_K, 0)};
    struct sock_fprog program = {.len = 1, .filter = none};
    int fd = open_icmp();
    must("SO_ATTACH_FILTER", setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)));
    say_waits("all blocked:", fd, 2, late_error);
    say_waits("all blocked:", fd, 2, late_reply);
    /* The last packet of nobody does not come when the filter goes. */
    must("SO_DETACH_FILTER", set_int(fd, SOL_SOCKET, SO_DETACH_FILTER, 0));
    must("send", ask(fd, REPLY, PLAIN, 9));
    say_next("after it", fd, 0);
    CHECK("nothing more", recv(fd, buffer, 300, MSG_DONTWAIT));
}

/* By each kind of wait in turn, and then by a receive that gets the next reply. */
static void say_probed(const char *what, int fd)
{
    printf("%s ", what);
    must("send", ask(fd, REPLY, PROBED, 1));
    settle();
    say_value("readable", is_readable(fd, 0));
    must("send", ask(fd, REPLY, PLAIN, 2));
    say_next("  what comes", fd, 0);
    settle();
    say_waiting("  what waits", fd);
}

static void say_program(int fd)
{
    struct sock_filter code[8];
    socklen_t count = COUNT(code);

    CHECK("SO_GET_FILTER", getsockopt(fd, SOL_SOCKET, SO_GET_FILTER, code, &count));
    say_value("  instructions", count);
}

/* The other answer that a ping socket gets. IPv4's filter does not reach its type. */
static void extended_replies(void)
{
    struct sock_filter all[] = {BPF_STMT(BPF_RET | BPF_K, UINT32_MAX)};
    struct sock_fprog program = {.len = 1, .filter = all};
    struct icmp6_filter passes;
    int fd = open_icmp();

    say_probed("no filter:", fd);
    block_errors(fd);
    say_probed("echo replies alone:", fd);
    say_program(fd);
    say_probed("after a look:", fd);
    CHECK("nothing to detach", set_int(fd, SOL_SOCKET, SO_DETACH_FILTER, 0));
    block_errors(fd);
    CHECK("nothing to detach", set_int(fd, SOL_SOCKET, SO_DETACH_FILTER, 0));
    block_errors(fd);
    CHECK("attach", setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)));
    say_probed("with a program:", fd);
    block_errors(fd);
    say_program(fd);
    CHECK("detach", set_int(fd, SOL_SOCKET, SO_DETACH_FILTER, 0));
    say_probed("without:", fd);
    block_errors(fd);
    say_probed("once more:", fd);
    if (family == AF_INET6) {
        ICMP6_FILTER_SETPASSALL(&passes);
        must("ICMP6_FILTER", setsockopt(fd, IPPROTO_ICMPV6, ICMP6_FILTER, &passes, sizeof(passes)));
        say_probed("all:", fd);
        block_errors(fd);
    }
    CHECK("lock", set_int(fd, SOL_SOCKET, SO_LOCK_FILTER, 1));
    say_program(fd);
    block_errors(fd);
    say_probed("locked:", fd);
}

/* The reply comes from an address that the socket is not connected to. */
static void reply_from_elsewhere(int fd)
{
    must("send", ask(fd, REPLY, ELSEWHERE, 1));
}

static void by_peer(void)
{
    union place to = place_of(REPLY, PLAIN);
    int fd = open_icmp();
    must("connect", connect(fd, &to.any, place_size()));
    say_waits("from elsewhere:", fd, 2, reply_from_elsewhere);
    must("send", ask(fd, REPLY, ELSEWHERE, 1));
    must("send", ask(fd, REPLY, PLAIN, 2));
    say_next("only the peer's", fd, 0);
    CHECK("nothing more", recv(fd, buffer, 300, MSG_DONTWAIT));
    struct sockaddr nobody = {.sa_family = AF_UNSPEC};
    must("disconnect", connect(fd, &nobody, sizeof(nobody)));
}

/* The router's errors come to our address in the laboratory's net, and the socket has another one. */
static void by_own_address(void)
{
    union place own = loopback_place();
    union place to = loopback_place();
    int fd = open_icmp();
    must("bind", bind(fd, &own.any, place_size()));
    CHECK("to ourselves", echo_with(fd, &to, ID, 3, DATA));
    say_next("reply", fd, 0);
    must("bind", bind(fd, &own.any, place_size()));
    CHECK("to ourselves again", echo_with(fd, &to, ID, 4, DATA));
    say_next("reply", fd, 0);
    CHECK("nothing more", take(fd, buffer, sizeof(buffer), MSG_DONTWAIT, NULL));
    close(fd);
    if (family == AF_INET)
        own.inet = inet_address(LAB_OWN4, 0);
    else
        own.inet6 = inet6_address(LAB_OWN6, 0);
    fd = open_icmp();
    must("bind", bind(fd, &own.any, place_size()));
    CHECK("to the router", ask(fd, BOTH, ERROR_FIRST, 3));
    settle();
    say_errors_first("both", fd);
    CHECK("to its mirror", ask(fd, REPLY, MIRROR, 4));
    say_mirrored(fd);
}

int main(void)
{
    run_case("by ICMP filter", by_filter);
    run_case("by attached filter", by_attached_filter);
    run_case("extended replies", extended_replies);
    run_case("by peer", by_peer);
    run_case("by own address", by_own_address);
    return 0;
}
