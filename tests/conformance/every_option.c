/* SPDX-License-Identifier: MIT */
/*
 * Every option of every level that a raw ICMP socket could have, by number: what it is at first, and what becomes of it
 * with good and bad values, lengths and pointers. What is refused as unknown (ENOPROTOOPT) is not printed.
 *
 * The calls are made without capabilities on both sides, since they are what an ordinary user's socket is compared
 * with.
 *
 * Not compared: numbers that are the kernel's own choice (cookies, processors, memory in use), and the options of a
 * multicast router (MRT_*, MRT6_*), which want a privileged process and its own protocol's socket. Nor what turns a
 * UDP socket of IPv6 into one of IPv4 (IPV6_ADDRFORM).
 */
#include "tests/conformance/unprivileged.h"

enum { OPTIONS = 256, ROOM = 100, PATTERN = 128 };

static const struct {
    const char *name;
    int number;
} levels[] = {{"SOL_SOCKET", SOL_SOCKET}, {"IPPROTO_IP", IPPROTO_IP}, {"IPPROTO_IPV6", IPPROTO_IPV6},
              {"SOL_RAW", IPPROTO_RAW},   {"ICMPv6", IPPROTO_ICMPV6}, {"UDP", IPPROTO_UDP},
              {"TCP", IPPROTO_TCP},       {"SCTP", IPPROTO_SCTP},     {"PACKET", 263},
              {"nothing", 12345}};

static const int lengths[] = {0, 1, 2, 3, 4, 7, 8, 31, 32, 100, -1};
static const int values[] = {0, 1, 2, 3, 4, 5, 6, -1, -2, 7, 64, 255, 256, 1024, 100000, INT32_MAX, INT32_MIN};

static int protocol;

/* What is not the same twice, or not meant to be. */
static bool is_left_out(int level, int name)
{
    static const int own[] = {SO_INCOMING_CPU, SO_INCOMING_NAPI_ID, SO_COOKIE,
                              SO_MEMINFO,      SO_PEERCRED,         71 /* SO_NETNS_COOKIE */};

    for (size_t i = 0; level == SOL_SOCKET && i < COUNT(own); i++)
        if (name == own[i])
            return true;
    if (protocol == IPPROTO_UDP && level == IPPROTO_IPV6 && name == IPV6_ADDRFORM)
        return true;
    return (level == IPPROTO_IP || level == IPPROTO_IPV6) && name >= 200 && name <= 212;
}

static const char *error_name(int result)
{
    if (result >= 0)
        return errno == UNTOUCHED ? "ok" : "ok, but errno";
    return strerrorname_np(errno);
}

/* One getsockopt; the bytes behind its length must stay as they were. */
static void say_get(int fd, int level, int name, int room)
{
    unsigned char bytes[PATTERN];
    socklen_t length = (socklen_t)room;
    int result;

    memset(bytes, 0xa5, sizeof(bytes));
    errno = UNTOUCHED;
    result = getsockopt(fd, level, name, bytes, &length);
    printf(" %d:%s", room, error_name(result));
    if ((int)length != room)
        printf("(%d)", (int)length);
    if (result < 0)
        return;
    printf("=");
    for (int i = 0; i < ROOM && bytes[i] != 0xa5; i++)
        printf("%02x", bytes[i]);
}

static void defaults(void)
{
    int fd = open_raw(protocol);

    for (size_t l = 0; l < COUNT(levels); l++) {
        for (int name = -1; name < OPTIONS; name++) {
            unsigned char bytes[PATTERN];
            socklen_t length = ROOM;

            if (is_left_out(levels[l].number, name) ||
                (getsockopt(fd, levels[l].number, name, bytes, &length) < 0 && errno == ENOPROTOOPT))
                continue;
            printf("%s %d:", levels[l].name, name);
            for (size_t i = 0; i < COUNT(lengths); i++)
                say_get(fd, levels[l].number, name, lengths[i]);
            length = ROOM;
            errno = UNTOUCHED;
            printf(" value:%s", error_name(getsockopt(fd, levels[l].number, name, NO_POINTER, &length)));
            errno = UNTOUCHED;
            printf(" bad value:%s", error_name(getsockopt(fd, levels[l].number, name, BAD_POINTER, &length)));
            errno = UNTOUCHED;
            printf(" length:%s\n", error_name(getsockopt(fd, levels[l].number, name, bytes, NO_POINTER)));
        }
    }
}

/* Sets an option in all ways, each on a socket that has not been set before, and prints what it is then. */
static void set_option(const char *level_name, int level, int name)
{
    int fd = open_raw(protocol);
    bool known = false;

    printf("%s %d:", level_name, name);
    for (size_t i = 0; i < COUNT(lengths); i++) {
        unsigned char pattern[PATTERN] = {1};

        errno = UNTOUCHED;
        printf(" %d:%s", lengths[i], error_name(setsockopt(fd, level, name, pattern, (socklen_t)lengths[i])));
        known |= errno != ENOPROTOOPT;
        say_get(fd, level, name, ROOM);
    }
    errno = UNTOUCHED;
    printf(" null:%s", error_name(setsockopt(fd, level, name, NO_POINTER, 4)));
    errno = UNTOUCHED;
    printf(" bad:%s", error_name(setsockopt(fd, level, name, BAD_POINTER, 4)));
    for (size_t i = 0; i < COUNT(values); i++) {
        errno = UNTOUCHED;
        printf(" %d=%s", values[i], error_name(setsockopt(fd, level, name, &values[i], sizeof(int))));
        say_get(fd, level, name, 4);
        if (level == SOL_SOCKET && name == SO_LOCK_FILTER) {
            close(fd);
            fd = open_raw(protocol);
        }
    }
    printf("%s\n", known ? "" : " unknown");
    close(fd);
}

static void settings(void)
{
    for (size_t l = 0; l < COUNT(levels); l++)
        for (int name = -1; name < OPTIONS; name++) {
            int value = 1;
            int fd = open_raw(protocol);
            bool unknown = setsockopt(fd, levels[l].number, name, &value, sizeof(value)) < 0 && errno == ENOPROTOOPT;

            close(fd);
            if (!unknown && !is_left_out(levels[l].number, name))
                set_option(levels[l].name, levels[l].number, name);
        }
}

/* Runs a case for all kinds of sockets. */
static void each_kind(const char *name, void (*body)(void))
{
    char title[64];

    protocol = IPPROTO_ICMP;
    run_one(name, body, AF_INET);
    protocol = IPPROTO_ICMPV6;
    run_one(name, body, AF_INET6);
    protocol = IPPROTO_RAW;
    snprintf(title, sizeof(title), "%s, IPPROTO_RAW", name);
    run_one(title, body, AF_INET);
}

/* A raw UDP socket as mtr has it, beside one of ICMPv6. */
static void udp_defaults(void)
{
    open_raw(IPPROTO_ICMPV6);
    defaults();
}

static void udp_settings(void)
{
    open_raw(IPPROTO_ICMPV6);
    settings();
}

int main(void)
{
    each_kind("defaults", defaults);
    each_kind("settings", settings);
    protocol = IPPROTO_UDP;
    run_one("defaults, IPPROTO_UDP", udp_defaults, AF_INET6);
    run_one("settings, IPPROTO_UDP", udp_settings, AF_INET6);
    return 0;
}
