/* SPDX-License-Identifier: MIT */
/*
 * ICMP errors: of every type and code, by every call, beside replies, while a receive waits, and never at the cost of a
 * send.
 */
#include "tests/conformance/conformance.h"

static unsigned char buffer[LARGEST];

/* Asks for one error and prints it. */
static void provoke(int fd, enum kind kind, unsigned variant)
{
    printf("kind %d, variant %u ", kind, variant);
    CHECK("send", ask(fd, kind, variant, variant + 1));
    settle();
    say_waiting("  error", fd);
}

static void every_type(void)
{
    int fd = open_icmp();
    for (unsigned code = 0; code < 16; code++) /* those of IPv4 that are not assigned the kernel keeps to itself */
        if (family == AF_INET || code < 9)
            provoke(fd, UNREACHABLE, code);
    provoke(fd, EXCEEDED, 0);
    for (unsigned pointer = 0; pointer < 64; pointer += 9)
        provoke(fd, PARAMETER, pointer);
    for (unsigned code = 0; code < 4; code++)
        provoke(fd, BAD_PARAMETER, code);
    provoke(fd, TOO_BIG, 0);
    provoke(fd, TOO_BIG, 120);
    provoke(fd, SHORT_QUOTE, 0);
    if (family == AF_INET) {
        for (unsigned code = 0; code < 4; code++)
            provoke(fd, REDIRECT, code);
        provoke(fd, QUENCH, 0);
    }
}

static void extensions(void)
{
    int fd = open_icmp();
    provoke(fd, EXTENDED, ONE_LABEL);
    provoke(fd, EXTENDED, TWO_LABELS);
    provoke(fd, EXTENDED, BROKEN_EXTENSION);
}

/* What is quoted of requests of many sizes: all of it, or its beginning. */
static void quotes(void)
{
    static const size_t sizes[] = {0, 1, 2, 5, 56, 57, 500, 508, 1400};
    int fd = open_icmp();
    for (size_t i = 0; i < COUNT(sizes); i++)
        for (unsigned pass = 0; pass < 2; pass++) {
            union place to = place_of(pass == 0 ? UNREACHABLE : SHORT_QUOTE, 1);
            printf("%zu bytes of data ", sizes[i]);
            CHECK("send", echo_with(fd, &to, ID, 77, sizes[i]));
            settle();
            say_waiting("  error", fd);
        }
}

static void say_result(const char *name, ssize_t result)
{
    say(name, result);
    if (result > 0)
        say_packet("  packet", buffer, (size_t)result, (size_t)result, NULL);
}

/* The calls other than recvfrom, which every other case uses. */
static void every_call(void)
{
    union place from = {.storage = {0}};
    struct iovec vectors[2] = {{buffer, 27}, {buffer + 27, 300}};
    struct msghdr header = {.msg_name = &from, .msg_namelen = sizeof(from), .msg_iov = vectors, .msg_iovlen = 2};
    struct mmsghdr batch[3] = {{.msg_hdr = header}, {.msg_hdr = header}, {.msg_hdr = header}};
    int fd = open_icmp();
    for (unsigned i = 0; i < 5; i++) {
        must("send", ask(fd, EXCEEDED, 0, i));
        settle();
        errno = UNTOUCHED;
        switch (i) {
        case 0:
            say_result("read", read(fd, buffer, 300));
            break;
        case 1:
            say_result("recv", recv(fd, buffer, 300, 0));
            break;
        case 2:
            say_result("readv", readv(fd, vectors, 2));
            break;
        case 3:
            say_result("recvmsg", recvmsg(fd, &header, 0));
            break;
        default:
            must("send", ask(fd, UNREACHABLE, 1, i));
            settle();
            say("recvmmsg", recvmmsg(fd, batch, 3, MSG_DONTWAIT, NULL));
            say_value("  first", batch[0].msg_len);
            say_value("  second", batch[1].msg_len);
        }
        say_place("  from", &from, header.msg_namelen);
        say_value("  flags", header.msg_flags);
        CHECK("  nothing more", recv(fd, buffer, 300, MSG_DONTWAIT));
    }
}

static void short_buffers(void)
{
    static const int flags[] = {0, MSG_TRUNC, MSG_PEEK};
    int fd = open_icmp();
    for (size_t f = 0; f < COUNT(flags); f++)
        for (size_t room = 0; room < 90; room += 11) {
            must("send", ask(fd, UNREACHABLE, 1, 5));
            settle();
            printf("room %zu, flags %x ", room, (unsigned)flags[f]);
            CHECK("recv", recv(fd, buffer, room, flags[f]));
            if (room > 0)
                say_packet("  packet", buffer, room < 80 ? room : 80, 4711, NULL);
            if (flags[f] & MSG_PEEK)
                say_next("  peeked", fd, MSG_DONTWAIT);
            CHECK("  nothing more", recv(fd, buffer, 300, MSG_DONTWAIT));
        }
}

/* Errors between sends: each send goes out, each error arrives. */
static void no_send_is_lost(void)
{
    int fd = open_icmp();
    for (unsigned i = 0; i < 12; i++) {
        CHECK("to a dead host", ask(fd, UNREACHABLE, 1, 2 * i));
        settle();
        CHECK("to a living one", ask(fd, REPLY, PLAIN, 2 * i + 1));
        settle();
        if (i % 4 == 3)
            say_errors_first("waiting", fd);
    }
    for (unsigned i = 0; i < 8; i++)
        must("send", ask(fd, i % 3 ? EXCEEDED : BOTH, 0, i));
    settle();
    say_errors_first("in a row", fd);
    int pending = -1;
    CHECK("SO_ERROR", getsockopt(fd, SOL_SOCKET, SO_ERROR, &pending, &(socklen_t){sizeof(pending)}));
    say_value("  is", pending);
}

/* A batch goes out whole, whatever errors are pending. */
static void no_batch_is_cut(void)
{
    enum { BATCH = 8 };
    static unsigned char packets[BATCH][64];
    struct mmsghdr batch[BATCH] = {0};
    struct iovec vectors[BATCH];
    union place to[BATCH];
    int fd = open_icmp();
    for (unsigned i = 0; i < BATCH; i++) {
        to[i] = place_of(i % 2 ? REPLY : UNREACHABLE, i % 2 ? PLAIN : 1);
        vectors[i] = (struct iovec){packets[i], make_echo(packets[i], ID, i, 4)};
        batch[i].msg_hdr = (struct msghdr){
            .msg_name = &to[i], .msg_namelen = place_size(), .msg_iov = &vectors[i], .msg_iovlen = 1};
    }
    for (int round = 0; round < 2; round++) { /* as much as say_errors_first takes */
        CHECK("sendmmsg", sendmmsg(fd, batch, BATCH, 0));
        for (int i = 0; i < BATCH; i++)
            printf("  %u", batch[i].msg_len);
        printf("\n");
        settle();
    }
    say_errors_first("waiting", fd);
    batch[3].msg_hdr.msg_namelen = 3;
    CHECK("a bad one among them", sendmmsg(fd, batch, BATCH, 0));
    settle();
    say_errors_first("waiting", fd);
}

static void so_error_is_quiet(void)
{
    int pending = -1;
    socklen_t size = sizeof(pending);
    int fd = open_icmp();
    must("send", ask(fd, UNREACHABLE, 1, 1));
    settle();
    CHECK("SO_ERROR", getsockopt(fd, SOL_SOCKET, SO_ERROR, &pending, &size));
    say_value("  is", pending);
    say_waiting("  error", fd);
    must("send", ask(fd, UNREACHABLE, 1, 1));
    must("send", ask(fd, REPLY, PLAIN, 2));
    settle();
    CHECK("SO_ERROR", getsockopt(fd, SOL_SOCKET, SO_ERROR, &pending, &size));
    say_value("  is", pending);
    say_errors_first("  waiting", fd);
}

static void beside_replies(void)
{
    static const unsigned variants[] = {ERROR_FIRST, REPLY_FIRST, TWO_ERRORS};
    int fd = open_icmp();
    for (size_t i = 0; i < COUNT(variants); i++) {
        must("send", ask(fd, BOTH, variants[i], 9));
        settle();
        say_errors_first("both", fd);
    }
    must("send", ask(fd, BOTH, REPLY_LATE, 10));
    say_next("first the error", fd, 0);
    say_next("then the reply", fd, 0);
}

/* An error that comes while a receive waits is what it returns. */
static void ends_a_wait(void)
{
    struct timeval limit = {.tv_sec = 1};
    int fd = open_icmp();
    must("send", ask(fd, LATE_ERROR, 0, 1));
    say_next("recvfrom", fd, 0);
    must("send", ask(fd, LATE_ERROR, 0, 2));
    errno = UNTOUCHED;
    say_result("read", read(fd, buffer, 300));
    must("send", ask(fd, LATE_ERROR, 0, 3));
    must("send", ask(fd, LATE_ERROR, 0, 4));
    say_next("two", fd, 0);
    say_next("two", fd, 0);
    must("SO_RCVTIMEO", setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)));
    must("send", ask(fd, LATE_ERROR, 0, 5));
    say_next("with a limit", fd, 0);
    must("send", ask(fd, LATE_ERROR, 0, 6));
    say_value("poll", is_readable(fd, 1000));
    say_next("after poll", fd, 0);
    CHECK("nothing more", recv(fd, buffer, 300, MSG_DONTWAIT));
}

/* A connected socket gets what its peer sends, and of routers' errors the errno of those that are final. */
static void connected(void)
{
    static const unsigned codes[] = {1, 3, 4};
    int fd = open_icmp();
    size_t length = make_echo(buffer, ID, 1, DATA);
    for (size_t i = 0; i < COUNT(codes); i++) {
        union place to = place_of(UNREACHABLE, codes[i]);
        must("connect", connect(fd, &to.any, place_size()));
        CHECK("send", send(fd, buffer, length, 0));
        settle();
        say_waiting("error", fd);
        CHECK("send again", send(fd, buffer, length, 0));
        settle();
        CHECK("and again", send(fd, buffer, length, 0));
        settle();
        CHECK("recv", recv(fd, buffer + 64, 300, MSG_DONTWAIT));
        CHECK("once", recv(fd, buffer + 64, 300, MSG_DONTWAIT));
    }
    union place to = place_of(REPLY, PLAIN);
    must("connect", connect(fd, &to.any, place_size()));
    length = make_echo(buffer, ID, 2, DATA);
    CHECK("send", send(fd, buffer, length, 0));
    settle();
    say_waiting("reply", fd);
}

/* As many errors as a program with many hosts has outstanding. */
static void many(void)
{
    enum { MANY = 200 };
    unsigned seen = 0;
    unsigned wrong = 0;
    bool had[MANY] = {false};
    size_t at = family == AF_INET ? 20 + 8 + 20 : 8 + 40;
    int fd = open_icmp();
    for (unsigned i = 0; i < MANY; i++) {
        must("send", ask(fd, i % 2 ? UNREACHABLE : EXCEEDED, i % 2, i));
        if (i % 40 == 39)
            settle();
    }
    for (ssize_t length; (length = recv(fd, buffer, sizeof(buffer), MSG_DONTWAIT)) > 0; seen++) {
        unsigned sequence = (unsigned)(buffer[at + 6] << 8 | buffer[at + 7]);
        if ((size_t)length != at + 8 + DATA || sequence >= MANY || had[sequence] || buffer[at + 5] != (ID & 255))
            wrong++;
        else
            had[sequence] = true;
    }
    say_value("errors", seen);
    say_value("wrong", wrong);
}

/* The kernel's own: a host on loopback's net that is not there, a prohibited route, a packet too large for the line. */
static void local_errors(void)
{
    union place to = place_of(REPLY, PLAIN);
    int fd = open_icmp();
    must("IP_MTU_DISCOVER", family == AF_INET ? set_int(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO)
                                              : set_int(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_DO));
    CHECK("larger than the line", echo_with(fd, &to, ID, 1, 3000));
    CHECK("it leaves no error", recv(fd, buffer, 300, MSG_DONTWAIT));
    CHECK("the next one goes", echo_with(fd, &to, ID, 2, 3));
    say_next("and is answered", fd, 0);
    union place nowhere = to;
    if (family == AF_INET)
        nowhere.inet = inet_address("203.0.113.1", 0);
    else
        nowhere.inet6 = inet6_address("2001:db8:ffff::1", 0);
    CHECK("no route", echo_with(fd, &nowhere, ID, 3, 3));
    CHECK("the next one goes", echo_with(fd, &to, ID, 4, 3));
    say_next("and is answered", fd, 0);
    CHECK("nothing more", recv(fd, buffer, 300, MSG_DONTWAIT));
}

int main(void)
{
    run_case("every type and code", every_type);
    run_case("extensions", extensions);
    run_case("quotes", quotes);
    run_case("every call", every_call);
    run_case("short buffers", short_buffers);
    run_case("no send is lost", no_send_is_lost);
    run_case("no batch is cut", no_batch_is_cut);
    run_case("SO_ERROR", so_error_is_quiet);
    run_case("beside replies", beside_replies);
    run_case("an error ends a wait", ends_a_wait);
    run_case("connected", connected);
    run_case("many", many);
    run_case("local errors", local_errors);
    return 0;
}
