/* SPDX-License-Identifier: MIT */
/*
 * bind, connect, getsockname, getpeername and ioctl with good and bad addresses, lengths and pointers; filters that are
 * set in parts, locked and read back; options whose answers depend on what was done before.
 *
 * Not compared: what a raw socket that was disconnected (AF_UNSPEC) receives, which is nothing ever again; connecting a
 * raw ICMPv6 socket to an IPv4-mapped address, which the kernel grants and then has no use for.
 */
#include "tests/conformance/unprivileged.h"

#include <linux/filter.h>
#include <linux/sockios.h>

static const int lengths[] = {0, 1, 2, 3, 7, 8, 15, 16, 20, 24, 27, 28, 29, 100, 128, 129, -1};

static const char *const addresses4[] = {"127.0.0.1", "0.0.0.0",         "198.18.7.7", LAB_OWN4,    "224.0.0.1",
                                         "239.1.2.3", "255.255.255.255", "192.0.2.99", "127.9.9.9", "127.255.255.255"};
static const char *const addresses6[] = {
    "::1",     "::",      "2001:db8:18::7", LAB_OWN6,           "ff02::1",
    "ff0e::1", "fe80::1", "fe80::99",       "::ffff:127.0.0.1", "2001:db8:dead::1"};

static bool sends_only; /* IPPROTO_RAW in place of the family's ICMP */

static int protocol(void)
{
    return sends_only ? IPPROTO_RAW : icmp_protocol();
}

static union place place_at(size_t i, unsigned scope)
{
    union place place = {.storage = {0}};

    if (family == AF_INET) {
        place.inet = inet_address(addresses4[i], 0);
    } else {
        place.inet6 = inet6_address(addresses6[i], 0);
        place.inet6.sin6_scope_id = scope;
    }
    return place;
}

static size_t place_count(void)
{
    return family == AF_INET ? COUNT(addresses4) : COUNT(addresses6);
}

static const char *text_at(size_t i)
{
    return family == AF_INET ? addresses4[i] : addresses6[i];
}

static void say_name(const char *what, int result, const union place *place, socklen_t length)
{
    say(what, result);
    if (result != 0)
        return;
    say_place("  is", place, length);
    if (length == sizeof(place->inet6) && place->any.sa_family == AF_INET6)
        printf("  scope %u flow %u\n", place->inet6.sin6_scope_id, place->inet6.sin6_flowinfo);
}

static void say_names(int fd)
{
    union place place;
    socklen_t length = sizeof(place);

    memset(&place, 0, sizeof(place));
    errno = UNTOUCHED;
    say_name("  getsockname", getsockname(fd, &place.any, &length), &place, length);
    length = sizeof(place);
    errno = UNTOUCHED;
    say_name("  getpeername", getpeername(fd, &place.any, &length), &place, length);
}

static void say_interface(int fd)
{
    int interface = -1;
    socklen_t length = sizeof(interface);

    CHECK("  SO_BINDTOIFINDEX", getsockopt(fd, SOL_SOCKET, 62, &interface, &length));
    say_value("  is", interface);
}

static void binding(void)
{
    for (size_t i = 0; i < place_count(); i++) {
        static const unsigned scopes[] = {0, 1, 4000};

        for (size_t s = 0; s < (family == AF_INET ? 1 : COUNT(scopes)); s++) {
            union place place = place_at(i, scopes[s]);
            int fd = open_raw(protocol());

            printf("bind %s scope %u\n", text_at(i), scopes[s]);
            place.inet.sin_port = htons(4711);
            CHECK("  bind", bind(fd, &place.any, place_size()));
            say_names(fd);
            say_interface(fd);
            place = place_at(0, 0);
            CHECK("  bind to loopback", bind(fd, &place.any, place_size()));
            say_names(fd);
            CHECK("  connect to loopback", connect(fd, &place.any, place_size()));
            say_names(fd);
            CHECK("  bind when connected", bind(fd, &place.any, place_size()));
            close(fd);
        }
    }
}

static void binding_interface(void)
{
    unsigned lab = if_nametoindex("lab0");
    union place place = {.storage = {0}};
    int fd = open_raw(protocol());

    if (family == AF_INET || lab == 0)
        return;
    place.inet6 = inet6_address("fe80::1", 0);
    place.inet6.sin6_scope_id = lab;
    CHECK("bind with a scope", bind(fd, &place.any, place_size()));
    CHECK("once more", bind(fd, &place.any, place_size()));
    CHECK("without the scope's bytes", bind(fd, &place.any, 24));
    say_names(fd);
    CHECK("an address of another interface",
          bind(fd, &(union place){.inet6 = inet6_address("::1", 0)}.any, place_size()));
    CHECK("any", bind(fd, &(union place){.inet6 = inet6_address("::", 0)}.any, place_size()));
    say_names(fd);
    place.inet6 = inet6_address("fe80::77", 0);
    place.inet6.sin6_scope_id = lab;
    CHECK("connect with a scope", connect(fd, &place.any, place_size()));
    say_names(fd);
}

static void free_binding(void)
{
    union place place = place_at(family == AF_INET ? 7 : 9, 0);
    int level = family == AF_INET ? IPPROTO_IP : IPPROTO_IPV6;
    int name = family == AF_INET ? IP_FREEBIND : IPV6_FREEBIND;
    int fd = open_raw(protocol());

    CHECK("not local", bind(fd, &place.any, place_size()));
    CHECK("freebind", set_int(fd, level, name, 1));
    CHECK("not local", bind(fd, &place.any, place_size()));
    say_names(fd);
}

static void lengths_and_families(void)
{
    for (size_t i = 0; i < COUNT(lengths); i++) {
        union place place = place_at(0, 0);
        int fd = open_raw(protocol());
        int other = open_raw(protocol());

        printf("length %d\n", lengths[i]);
        CHECK("  bind", bind(fd, &place.any, (socklen_t)lengths[i]));
        CHECK("  bind, bad pointer", bind(fd, BAD_POINTER, (socklen_t)lengths[i]));
        CHECK("  bind, no pointer", bind(fd, NO_POINTER, (socklen_t)lengths[i]));
        CHECK("  connect", connect(other, &place.any, (socklen_t)lengths[i]));
        CHECK("  connect, bad pointer", connect(other, BAD_POINTER, (socklen_t)lengths[i]));
        CHECK("  connect, no pointer", connect(other, NO_POINTER, (socklen_t)lengths[i]));
        say_names(other);
        place.any.sa_family = AF_UNSPEC;
        CHECK("  disconnect", connect(other, &place.any, (socklen_t)lengths[i]));
        say_names(other);
        CHECK("  bind without a family", bind(open_raw(protocol()), &place.any, (socklen_t)lengths[i]));
        place.any.sa_family = AF_UNIX;
        CHECK("  connect, another family", connect(fd, &place.any, (socklen_t)lengths[i]));
        CHECK("  bind, another family", bind(fd, &place.any, (socklen_t)lengths[i]));
        place.any.sa_family = family == AF_INET ? AF_INET6 : AF_INET;
        CHECK("  connect, the other family", connect(fd, &place.any, (socklen_t)lengths[i]));
        CHECK("  bind, the other family", bind(fd, &place.any, (socklen_t)lengths[i]));
        close(fd);
        close(other);
    }
}

static void asking_names(void)
{
    int fd = open_raw(protocol());
    union place place = place_at(0, 0);

    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < COUNT(lengths); i++) {
            unsigned char bytes[160];
            socklen_t length = (socklen_t)lengths[i];

            memset(bytes, 0xa5, sizeof(bytes));
            printf("length %d\n", lengths[i]);
            CHECK("  getsockname", getsockname(fd, (struct sockaddr *)bytes, &length));
            say_value("  then", (int)length);
            printf("  ");
            for (size_t b = 0; b < 32; b++)
                printf("%02x", bytes[b]);
            printf("\n");
            length = (socklen_t)lengths[i];
            CHECK("  no pointer", getsockname(fd, NO_POINTER, &length));
            length = (socklen_t)lengths[i];
            CHECK("  bad pointer", getsockname(fd, BAD_POINTER, &length));
        }
        CHECK("no length", getsockname(fd, &place.any, NO_POINTER));
        CHECK("bad length", getsockname(fd, &place.any, BAD_POINTER));
        place = place_at(0, 0);
        CHECK("bind", bind(fd, &place.any, place_size()));
    }
}

static void connecting(void)
{
    for (size_t i = 0; i < place_count(); i++) {
        union place place = place_at(i, 0);

        if (family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&place.inet6.sin6_addr))
            continue;
        int fd = open_raw(protocol());
        int value = -1;
        socklen_t length = sizeof(value);

        printf("connect %s\n", text_at(i));
        CHECK("  connect", connect(fd, &place.any, place_size()));
        say_names(fd);
        CHECK("  mtu", getsockopt(fd, family == AF_INET ? IPPROTO_IP : IPPROTO_IPV6,
                                  family == AF_INET ? IP_MTU : IPV6_MTU, &value, &length));
        say_value("  is", value);
        place.inet.sin_port = htons(7);
        CHECK("  connect with a port", connect(fd, &place.any, place_size()));
        say_names(fd);
        place = place_at(3, 0);
        CHECK("  connect elsewhere", connect(fd, &place.any, place_size()));
        say_names(fd);
        place.any.sa_family = AF_UNSPEC;
        CHECK("  disconnect", connect(fd, &place.any, place_size()));
        say_names(fd);
        place = place_at(0, 0);
        CHECK("  bind", bind(fd, &place.any, place_size()));
        say_names(fd);
        CHECK("  connect again", connect(fd, &place.any, place_size()));
        say_names(fd);
        close(fd);
    }
}

/* Sends with and without an address, and prints the replies, which show the source that was used. */
static void exchange(const char *name, int fd, bool connected)
{
    unsigned char packet[64];
    union place to = place_at(0, 0);
    size_t length = make_echo(packet, ID, 1, DATA);

    printf("%s:\n", name);
    CHECK("  sendto", echo_with(fd, &to, ID, 2, DATA));
    receive_timeout(fd, 300);
    say_next("  reply", fd, 0);
    if (connected) {
        CHECK("  send", send(fd, packet, length, 0));
        say_next("  reply", fd, 0);
    }
    say_names(fd);
}

static void sources(void)
{
    const bool four = family == AF_INET;
    union place home = place_at(0, 0);
    union place own = place_at(3, 0);
    struct sockaddr nowhere = {.sa_family = AF_UNSPEC};
    int fd = open_raw(protocol());

    CHECK("bind", bind(fd, &own.any, place_size()));
    exchange("bound", fd, false);
    CHECK("connect", connect(fd, &home.any, place_size()));
    exchange("then connected", fd, true);
    CHECK("disconnect", connect(fd, &nowhere, sizeof(nowhere)));
    close(fd);

    fd = open_raw(protocol());
    CHECK("bind", bind(fd, &own.any, place_size()));
    CHECK("connect", connect(fd, &home.any, place_size()));
    exchange("bound and connected", fd, true);
    close(fd);

    fd = open_raw(protocol());
    CHECK("bind", bind(fd, &own.any, place_size()));
    nowhere.sa_family = AF_UNIX;
    CHECK("connect to nowhere", connect(fd, &nowhere, sizeof(nowhere)));
    exchange("bound, but not connected", fd, false);
    close(fd);

    fd = open_raw(protocol());
    CHECK("connect", connect(fd, &home.any, place_size()));
    exchange("connected", fd, true);
    CHECK("connect again", connect(fd, &own.any, place_size()));
    CHECK("send to the earlier peer", echo_with(fd, &home, ID, 3, DATA));
    CHECK("its reply is not for us", take(fd, (unsigned char[512]){0}, 512, 0, NULL));
    close(fd);

    fd = open_raw(protocol());
    CHECK("bind", bind(fd, &home.any, place_size()));
    CHECK("bind elsewhere", bind(fd, &own.any, place_size()));
    exchange("bound twice", fd, false);
    home = place_at(1, 0);
    CHECK("bind to any", bind(fd, &home.any, place_size()));
    if (four)
        exchange("bound no more", fd, false);
    close(fd);
}

static void requests(void)
{
    static const unsigned long numbers[] = {FIONREAD,    SIOCINQ,    SIOCOUTQ,  TIOCOUTQ,    SIOCGSTAMP,
                                            FIOASYNC,    SIOCATMARK, SIOCGPGRP, SIOCOUTQNSD, TCGETS,
                                            SIOCGIFCONF, 0,          0x12345678};
    int fd = open_raw(protocol());

    for (size_t i = 0; i < COUNT(numbers); i++) {
        unsigned char bytes[256] = {0};

        printf("ioctl %lx\n", numbers[i]);
        CHECK("  it", ioctl(fd, numbers[i], bytes));
        CHECK("  no pointer", ioctl(fd, numbers[i], NO_POINTER));
        CHECK("  bad pointer", ioctl(fd, numbers[i], BAD_POINTER));
        for (size_t b = 0; b < 16; b++)
            printf("%02x", bytes[b]);
        printf("\n");
    }
}

static const struct sock_filter nothing[] = {BPF_STMT(BPF_RET | BPF_K, 0)};
static const struct sock_filter all[] = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0), BPF_STMT(BPF_RET | BPF_K, 0xffffffff)};
static const struct sock_filter broken[] = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0)};

static int attach(int fd, const struct sock_filter *code, size_t count)
{
    struct sock_fprog program = {.len = (unsigned short)count, .filter = (struct sock_filter *)(uintptr_t)code};

    return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program));
}

static void say_program(int fd)
{
    struct sock_filter code[8] = {{0}};

    for (socklen_t room = 0; room < 4; room++) {
        socklen_t length = room;

        memset(code, 0, sizeof(code));
        CHECK("  SO_GET_FILTER", getsockopt(fd, SOL_SOCKET, SO_GET_FILTER, code, &length));
        printf("  %u instructions, the first is %x %u %u %x\n", length, code[0].code, code[0].jt, code[0].jf,
               code[0].k);
    }
}

static void programs(void)
{
    struct sock_fprog program = {.len = 2, .filter = BAD_POINTER};
    unsigned char data[2000];
    int none = 0;
    int fd = open_raw(protocol());

    say_program(fd);
    CHECK("detach nothing", setsockopt(fd, SOL_SOCKET, SO_DETACH_FILTER, &none, sizeof(none)));
    CHECK("a broken program", attach(fd, broken, COUNT(broken)));
    CHECK("an empty program", attach(fd, broken, 0));
    CHECK("a bad pointer", setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)));
    CHECK("a bad length", setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, 8));
    CHECK("attach", attach(fd, nothing, COUNT(nothing)));
    say_program(fd);
    CHECK("ask", ask(fd, REPLY, PLAIN, 1));
    settle();
    CHECK("all is dropped", recv(fd, data, sizeof(data), MSG_DONTWAIT));
    CHECK("a broken one in its place", attach(fd, broken, COUNT(broken)));
    CHECK("another one", attach(fd, all, COUNT(all)));
    say_program(fd);
    CHECK("ask", ask(fd, REPLY, PLAIN, 2));
    settle();
    say_next("nothing is dropped", fd, MSG_DONTWAIT);
    CHECK("detach, short", setsockopt(fd, SOL_SOCKET, SO_DETACH_FILTER, &none, 0));
    CHECK("detach", setsockopt(fd, SOL_SOCKET, SO_DETACH_FILTER, &none, sizeof(none)));
    CHECK("detach again", setsockopt(fd, SOL_SOCKET, SO_DETACH_FILTER, &none, sizeof(none)));
    CHECK("attach", attach(fd, all, COUNT(all)));
    CHECK("lock", set_int(fd, SOL_SOCKET, SO_LOCK_FILTER, 1));
    CHECK("attach when locked", attach(fd, nothing, COUNT(nothing)));
    CHECK("detach when locked", setsockopt(fd, SOL_SOCKET, SO_DETACH_FILTER, &none, sizeof(none)));
    CHECK("unlock", set_int(fd, SOL_SOCKET, SO_LOCK_FILTER, 0));
    say_program(fd);
    CHECK("SO_ATTACH_BPF of no program", set_int(open_raw(protocol()), SOL_SOCKET, SO_ATTACH_BPF, fd));
}

static void type_filters(void)
{
    int level = family == AF_INET ? IPPROTO_RAW : IPPROTO_ICMPV6;
    unsigned char bytes[64];
    int fd = open_raw(protocol());

    memset(bytes, 0xff, sizeof(bytes));
    for (socklen_t size = 40; size < 64; size--) {
        unsigned char got[64] = {0};
        socklen_t length = sizeof(got);

        CHECK("set", setsockopt(fd, level, 1, bytes, size));
        CHECK("get", getsockopt(fd, level, 1, got, &length));
        printf("%u bytes:", length);
        for (socklen_t i = 0; i < length && i < sizeof(got); i++)
            printf("%02x", got[i]);
        printf("\n");
        bytes[size % 7] ^= 0x11;
    }
}

/* Errors that the program asked to be told of: SO_ERROR shows one once, and turning it off forgets what was queued. */
static void pending(void)
{
    int level = family == AF_INET ? IPPROTO_IP : IPPROTO_IPV6;
    int name = family == AF_INET ? IP_RECVERR : IPV6_RECVERR;
    unsigned char data[4096];
    int fd = open_raw(protocol());

    for (int on = 0; on < 2; on++) {
        int error = -1;
        socklen_t length = sizeof(error);

        CHECK("RECVERR", set_int(fd, level, name, on));
        CHECK("ask", ask(fd, UNREACHABLE, 1, 1));
        settle();
        CHECK("SO_ERROR", getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length));
        say_value("  is", error);
        CHECK("SO_ERROR again", getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length));
        say_value("  is", error);
        say_next("the packet", fd, MSG_DONTWAIT);
        CHECK("ask", ask(fd, UNREACHABLE, 1, 2));
        settle();
        CHECK("SO_ERROR, no room", getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, NO_POINTER));
        CHECK("off", set_int(fd, level, name, 0));
        CHECK("nothing queued", recv(fd, data, sizeof(data), MSG_DONTWAIT | MSG_ERRQUEUE));
        CHECK("SO_ERROR", getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length));
        say_value("  is", error);
        say_next("the packet", fd, MSG_DONTWAIT);
    }
}

int main(void)
{
    run_case("binding", binding);
    run_case("binding to an interface", binding_interface);
    run_case("binding freely", free_binding);
    run_case("lengths and families", lengths_and_families);
    run_case("asking for names", asking_names);
    run_case("connecting", connecting);
    run_case("sources", sources);
    run_case("ioctl", requests);
    run_case("programs as filters", programs);
    run_case("filters of types", type_filters);
    run_case("pending errors", pending);
    sends_only = true;
    run_one("binding, IPPROTO_RAW", binding, AF_INET);
    run_one("lengths and families, IPPROTO_RAW", lengths_and_families, AF_INET);
    run_one("asking for names, IPPROTO_RAW", asking_names, AF_INET);
    run_one("connecting, IPPROTO_RAW", connecting, AF_INET);
    run_one("ioctl, IPPROTO_RAW", requests, AF_INET);
    return 0;
}
