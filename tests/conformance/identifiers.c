/* SPDX-License-Identifier: MIT */
/*
 * Identifiers: what a program puts in is what it finds, in replies and inside quoted packets, also where the identifier
 * is taken, changed, shared or many. A raw socket shows every packet of the host: so packets are looked for, and only
 * where there is one socket is it printed that nothing else came.
 */
#include "tests/conformance/conformance.h"

static unsigned char buffer[4096];

/* The identifier and sequence of a packet, a quoted one's for an error, as one number; kind is its ICMP type. */
static unsigned key_of(const unsigned char *packet, size_t length, int *type)
{
    size_t icmp = family == AF_INET ? (size_t)(packet[0] & 15) * 4 : 0;
    *type = length > icmp ? packet[icmp] : -1;
    if (is_error(*type))
        icmp += family == AF_INET ? 8 + 20 : 8 + 40;
    if (length < icmp + 8)
        return 0;
    return (unsigned)packet[icmp + 4] << 24 | (unsigned)packet[icmp + 5] << 16 | (unsigned)packet[icmp + 6] << 8 |
           packet[icmp + 7];
}

/* Takes packets until that of this identifier and sequence comes, and prints it. */
static void find(const char *name, int fd, unsigned id, unsigned sequence)
{
    for (int i = 0; i < 2000 && is_readable(fd, 200); i++) {
        int type;
        ssize_t length = take(fd, buffer, sizeof(buffer), MSG_DONTWAIT, NULL);
        if (length <= 0 || key_of(buffer, (size_t)length, &type) != (id << 16 | sequence))
            continue;
        say_packet(name, buffer, (size_t)length, (size_t)length, NULL);
        return;
    }
    printf("%s: NOT FOUND, %x %u\n", name, id, sequence);
}

static ssize_t send_as(int fd, unsigned id, enum kind kind, unsigned sequence)
{
    union place to = place_of(kind, kind == UNREACHABLE);
    return echo_with(fd, &to, id, sequence, DATA);
}

static void one(void)
{
    static const unsigned ids[] = {0, 1, 80, 1023, 1024, 0x1234, 0x3412, 0xfffe, 0xffff};
    for (size_t i = 0; i < COUNT(ids); i++) {
        int fd = open_icmp();
        CHECK("send", send_as(fd, ids[i], REPLY, 0));
        CHECK("send", send_as(fd, ids[i], UNREACHABLE, 0xffff));
        CHECK("send", send_as(fd, ids[i], SHORT_QUOTE, 0x8000));
        settle();
        say_errors_first("packet", fd);
        CHECK("nothing more", recv(fd, buffer, 9, MSG_DONTWAIT));
        close(fd);
    }
}

/* Another socket of the host has it: a ping socket, that lets nobody else in. */
static void taken(void)
{
    union place own = {.storage = {0}};
    int other = (int)must("socket", socket(family, SOCK_DGRAM, icmp_protocol()));
    own.any.sa_family = (sa_family_t)family;
    own.inet.sin_port = htons(ID);
    must("SO_REUSEADDR", set_int(other, SOL_SOCKET, SO_REUSEADDR, 0));
    must("bind", bind(other, &own.any, place_size()));
    int fd = open_icmp();
    for (unsigned i = 0; i < 5; i++) {
        union place twice = place_of(REPLY, TWICE);
        CHECK("send", i == 4 ? echo_with(fd, &twice, ID, i, DATA) : send_as(fd, ID, i == 3 ? UNREACHABLE : REPLY, i));
        settle();
        find("own", fd, ID, i);
        if (i == 4)
            find("once more", fd, ID, i);
    }
    CHECK("send", send_as(fd, ID, SHORT_QUOTE, 7));
    settle();
    find("a short quote", fd, ID, 7);
    while (recv(other, buffer, sizeof(buffer), MSG_DONTWAIT) > 0)
        continue; /* beside a raw socket it gets the replies too */
    union place to = place_of(REPLY, PLAIN);
    must("send", echo_with(other, &to, 0, 99, DATA));
    settle();
    CHECK("the other's reply", recv(other, buffer, sizeof(buffer), MSG_DONTWAIT));
    printf("  its identifier %02x%02x\n", buffer[4], buffer[5]);
}

static void several(void)
{
    int fd = open_icmp();
    for (unsigned i = 0; i < 6; i++)
        CHECK("send", send_as(fd, 0x4000 + i % 3, REPLY, 5));
    for (unsigned i = 0; i < 3; i++)
        CHECK("send", send_as(fd, 0x5000 + i, i == 1 ? SHORT_QUOTE : UNREACHABLE, 6));
    settle();
    say_errors_first("packet", fd);
    union place to = loopback_place();
    for (unsigned i = 0; i < 300; i++) {
        must("send", echo_with(fd, &to, i, i ^ 0x55, 9));
        find(i % 60 == 0 ? "one of many" : "next", fd, i, i ^ 0x55);
    }
    CHECK("nothing more", take(fd, buffer, sizeof(buffer), MSG_DONTWAIT, NULL));
}

/* The same sequence again, as ping programs do after 65,536 or with one number for all. */
static void repeated(void)
{
    int fd = open_icmp();
    for (unsigned i = 0; i < 4; i++)
        CHECK("send", send_as(fd, 0x4000 + i, REPLY, 1));
    settle();
    say_errors_first("packet", fd);
    for (unsigned i = 0; i < 4; i++) {
        CHECK("one id, one sequence", send_as(fd, 0x4000, i == 2 ? UNREACHABLE : REPLY, 1));
        settle();
        say_waiting("packet", fd);
    }
}

static void both_families(void)
{
    int fds[2];
    for (int i = 0; i < 2; i++) {
        family = i ? AF_INET6 : AF_INET;
        fds[i] = open_icmp();
        CHECK("send", send_as(fds[i], 0x6161, REPLY, 1));
    }
    for (unsigned round = 2; round < 5; round++)
        for (int i = 0; i < 2; i++) {
            family = i ? AF_INET6 : AF_INET;
            CHECK("send", send_as(fds[i], 0x6161, round == 3 ? UNREACHABLE : REPLY, round));
            settle();
            say_errors_first("packet", fds[i]);
        }
}

/* Several sockets of one program, one identifier: each finds its own. */
static void shared(void)
{
    enum { SOCKETS = 5 };
    int fds[SOCKETS];
    for (int i = 0; i < SOCKETS; i++)
        fds[i] = open_icmp();
    for (unsigned round = 0; round < 3; round++) {
        for (unsigned i = 0; i < SOCKETS; i++)
            CHECK("send", send_as(fds[i], ID, round == 1 ? UNREACHABLE : REPLY, round * 16 + i));
        settle();
        for (unsigned i = 0; i < SOCKETS; i++)
            find("own", fds[SOCKETS - 1 - i], ID, round * 16 + SOCKETS - 1 - i);
    }
}

/* The same between programs. */
static void between_programs(void)
{
    for (unsigned i = 0; i < 4; i++) {
        fflush(stdout);
        if (fork() == 0) {
            if (freopen("/dev/null", "w", stdout) == NULL)
                _exit(2);
            int fd = open_icmp();
            for (unsigned round = 0; round < 10; round++) {
                unsigned sequence = 100 * i + round;
                int type;
                must("send", send_as(fd, ID, round % 3 == 2 ? UNREACHABLE : REPLY, sequence));
                do { /* a raw socket sees the others' too */
                    if (!is_readable(fd, 1000))
                        _exit(1);
                    ssize_t length = take(fd, buffer, sizeof(buffer), 0, NULL);
                    if (length > 0 && key_of(buffer, (size_t)length, &type) == (ID << 16 | sequence))
                        break;
                } while (true);
            }
            _exit(0);
        }
    }
    for (int i = 0, status; i < 4; i++) {
        must("wait", wait(&status));
        say_value("a program found all its own", status == 0);
    }
}

/* Parent and child send on one socket, each with identifiers of its own; whoever receives finds what was sent. */
static void after_fork(void)
{
    int status;
    int fd = open_icmp();
    must("send", send_as(fd, 0x6000, REPLY, 1));
    fflush(stdout);
    if (fork() == 0) {
        for (unsigned i = 0; i < 4; i++)
            must("send", send_as(fd, 0x6001 + i, i == 2 ? UNREACHABLE : REPLY, 2));
        _exit(0);
    }
    must("wait", wait(&status));
    for (unsigned i = 0; i < 4; i++)
        must("send", send_as(fd, 0x6100 + i, i == 2 ? SHORT_QUOTE : REPLY, 3));
    settle();
    say_errors_first("in the parent", fd);
    must("send", send_as(fd, 0x6201, REPLY, 4));
    must("send", send_as(fd, 0x6202, UNREACHABLE, 4));
    settle();
    fflush(stdout);
    if (fork() == 0) {
        say_errors_first("in the child", fd);
        _exit(0);
    }
    must("wait", wait(&status));
}

/* 65,536 outstanding echoes of one socket, of 16 identifiers, sent before anything is read but what has come. */
static void outstanding(void)
{
    enum { MANY = 65536 };
    static bool seen[MANY];
    union place to = loopback_place();
    unsigned count = 0;
    unsigned wrong = 0;
    int fd = open_icmp();
    union place silent = place_of(SILENT, 0);
    must("SO_RCVBUF", set_int(fd, SOL_SOCKET, SO_RCVBUF, 1 << 20));
    for (unsigned i = 0; i < MANY; i++) {
        bool answered = i % 16 == 0;
        must("send", echo_with(fd, answered ? &to : &silent, 0x7000 + i / 4096, i % 4096, 8));
        if (i % 1024 != 1023)
            continue;
        for (ssize_t length; (length = take(fd, buffer, sizeof(buffer), MSG_DONTWAIT, NULL)) > 0;) {
            int type;
            unsigned key = key_of(buffer, (size_t)length, &type);
            unsigned index = ((key >> 16) - 0x7000) * 4096 + (key & 4095);
            if (index >= MANY || index % 16 != 0 || seen[index])
                wrong++;
            else
                seen[index] = true;
            count++;
        }
    }
    say_value("replies", count);
    say_value("wrong", wrong);
}

/* connect and bind before the first send, as some programs do. */
static void connected_first(void)
{
    union place to = place_of(REPLY, PLAIN);
    union place own = loopback_place();
    int fd = open_icmp();
    must("connect", connect(fd, &to.any, place_size()));
    size_t length = make_echo(buffer, 0x4321, 3, DATA);
    CHECK("send", send(fd, buffer, length, 0));
    settle();
    say_errors_first("packet", fd);
    fd = open_icmp();
    own.inet.sin_port = htons(0x1111);
    must("bind", bind(fd, &own.any, place_size()));
    own.inet.sin_port = 0;
    CHECK("send", echo_with(fd, &own, 0x4322, 4, DATA));
    settle();
    find("packet", fd, 0x4322, 4);
    fd = open_icmp();
    int copy = dup(fd);
    CHECK("send", send_as(fd, 0x4323, REPLY, 1));
    CHECK("by the copy", send_as(copy, 0x4323, REPLY, 2));
    settle();
    say_errors_first("packet", fd);
}

int main(void)
{
    run_case("one", one);
    run_case("taken by another socket", taken);
    run_case("several on one socket", several);
    run_case("repeated", repeated);
    run_one("both families at once", both_families, AF_INET);
    run_case("shared by sockets", shared);
    run_case("between programs", between_programs);
    run_case("after fork", after_fork);
    run_case("outstanding", outstanding);
    run_case("connected first", connected_first);
    return 0;
}
