/* SPDX-License-Identifier: MIT */
/*
 * What one decision costs as the policy grows: linked with the very objects of libsockade.so that decide, without any
 * hook.
 *
 * Prefixes and rules are random, the same for the same numbers, and are made anew in each run instead of being stored.
 *
 * usage: growth list COUNT [COUNT6]           prints COUNT IPv4 and COUNT6 (else as many) IPv6 prefixes, one a line
 *        growth rules COUNT                   prints COUNT rules with ports over overlapping ranges
 *        growth time IMAGE FAMILY COUNT       ns a decision, for a list of COUNT prefixes (0: none, random addresses)
 *        growth count IMAGE FAMILY COUNT      the same under callgrind, which counts
 *        growth first IMAGE FAMILY COUNT      the first decision of a process: page faults, and how long it takes
 *        growth dropped IMAGE FAMILY COUNT    the same where the image is not even in the page cache
 */
#include "timing.h"

#include "policy/decide.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <valgrind/callgrind.h>

#define MANY (1u << 17) /* random addresses: more cache lines than a core keeps to itself */
#define SOME (1u << 14) /* of an image that is small, so that all of it is soon in the caches */
#define LARGE (1u << 20)
#define HOT 32u /* hot ones */
#define COUNTED 256u
#define CHUNKS 64u
#define ROUNDS 2u
#define FEW_PREFIXES 4096u /* as many are made anew where no more are asked for */
#define PORT 30000         /* no rule of `growth rules` names it */

struct prefix {
    uint64_t hi, lo; /* an IPv4 address stands in the upper half of `hi` */
    int bits;
};

struct addresses {
    struct sockaddr_in6 *some; /* IPv4 ones too: one size, so that the caches see the same */
    unsigned count;
};

static struct view view;
static bool six;
static unsigned long prefix_count;
static struct prefix *prefixes;

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

static uint64_t random_state = 42;

static uint64_t random_next(void)
{
    uint64_t mixed = random_state += UINT64_C(0x9e3779b97f4a7c15);

    mixed = (mixed ^ (mixed >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    mixed = (mixed ^ (mixed >> 27)) * UINT64_C(0x94d049bb133111eb);
    return mixed ^ (mixed >> 31);
}

static uint64_t random_below(uint64_t limit)
{
    return random_next() % limit;
}

/* The upper half of an address somewhere in what registries hand out, or of any IPv4 address but loopback and 0. */
static uint64_t random_top(bool v6)
{
    static const uint64_t blocks[] = {0x2001, 0x2400, 0x2600, 0x2800, 0x2a00, 0x2c00};
    uint64_t top = random_next();

    if (v6)
        return (top & UINT64_C(0x000fffffffffffff)) | (blocks[random_below(6)] << 48);
    top &= UINT64_C(0xffffffff00000000);
    return top >> 56 == 0 || top >> 56 == 127 ? top ^ UINT64_C(1) << 57 : top;
}

static struct prefix random_prefix(bool v6)
{
    static const int bits4[] = {20, 24, 24, 28, 32, 32};
    static const int bits6[] = {32, 48, 48, 64, 64, 128};
    struct prefix prefix = {.hi = random_top(v6), .bits = (v6 ? bits6 : bits4)[random_below(6)]};

    if (prefix.bits < 64)
        prefix.hi &= ~(UINT64_MAX >> prefix.bits);
    if (prefix.bits == 128)
        prefix.lo = random_below(1 << 16);
    return prefix;
}

static void print_prefix(const struct prefix *prefix, bool v6)
{
    uint64_t words[2] = {htobe64(prefix->hi), htobe64(prefix->lo)};
    char text[INET6_ADDRSTRLEN];

    inet_ntop(v6 ? AF_INET6 : AF_INET, words, text, sizeof(text));
    printf("%s/%d\n", text, prefix->bits);
}

static void make_prefixes(void)
{
    random_state = six ? 6 : 4;
    prefixes = calloc(prefix_count + 1, sizeof(*prefixes));
    if (prefixes == NULL)
        fail("memory");
    for (unsigned long i = 0; i < prefix_count; i++)
        prefixes[i] = random_prefix(six);
}

static void print_list(unsigned long count4, unsigned long count6)
{
    for (int v6 = 0; v6 < 2; v6++) {
        six = v6;
        prefix_count = six ? count6 : count4;
        make_prefixes();
        for (unsigned long i = 0; i < prefix_count; i++)
            print_prefix(&prefixes[i], six);
        free(prefixes);
    }
}

/* One rule: a third of all addresses of each family, two ports of a few thousand, one of two protocols. */
static void print_rules(unsigned long count)
{
    for (unsigned long i = 0; i < count; i++) {
        uint32_t a = (uint32_t)random_next();
        uint32_t b = (uint32_t)random_next();
        unsigned port = 1 + (unsigned)random_below(20000);

        if (a > b) {
            uint32_t other = a;

            a = b;
            b = other;
        }
        printf("  { action = \"deny\"; to = [ \"%u.%u.%u.%u-%u.%u.%u.%u\", \"2001:%x:%x::-2001:%x:%x::\" ]; port = ( "
               "%u, \"%u-%u\" );"
               " proto = \"%s\"; }%s\n",
               a >> 24, a >> 16 & 255, a >> 8 & 255, a & 255, b >> 24, b >> 16 & 255, b >> 8 & 255, b & 255, a >> 16,
               a & 65535, b >> 16, b & 65535, port, port + 5, port + 5 + (unsigned)random_below(20),
               i % 2 ? "tcp" : "udp", i + 1 < count ? "," : "");
    }
}

/* The image */

static void open_image(const char *path, int advice)
{
    struct stat stat;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    void *bytes;

    if (fd < 0 || fstat(fd, &stat) != 0)
        fail(path);
    if (advice == MADV_RANDOM)
        posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
    bytes = mmap(NULL, (size_t)stat.st_size, PROT_READ, MAP_SHARED, fd, 0);
    if (bytes == MAP_FAILED || madvise(bytes, (size_t)stat.st_size, advice) != 0)
        fail(path);
    if (image_open(&view, bytes, (size_t)stat.st_size, NULL) != IMAGE_OK) {
        fprintf(stderr, "%s: no image\n", path);
        exit(1);
    }
    close(fd);
}

/* What the shim does for an address that it has not seen before. True: allowed. */
static __attribute__((noinline)) bool decision(const struct sockaddr_in6 *address)
{
    socklen_t length = address->sin6_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(*address);
    char path[QUERY_PATH];
    struct query query;
    struct verdict verdict;

    if (query_from_sockaddr(&query, DIRECTION_TO, (const struct sockaddr *)address, length, UNSPEC_IS_NOTHING,
                            PROTO_UDP, path) != QUERY_JUDGE)
        return true;
    return !decide_tells(&view, &query, &verdict) || !verdict_refuses(&verdict);
}

/* Addresses */

static struct sockaddr_in6 sockaddr_of(uint64_t hi, uint64_t lo)
{
    union {
        struct sockaddr_in inet;
        struct sockaddr_in6 inet6;
    } address = {.inet6 = {.sin6_family = AF_INET6, .sin6_port = htons(PORT)}};
    uint64_t words[2] = {htobe64(hi), htobe64(lo)};

    if (six) {
        memcpy(&address.inet6.sin6_addr, words, sizeof(words));
    } else {
        address.inet.sin_family = AF_INET;
        memcpy(&address.inet.sin_addr, words, sizeof(address.inet.sin_addr));
    }
    return address.inet6;
}

static struct sockaddr_in6 random_inside(const struct prefix *prefix)
{
    uint64_t hi = random_next();
    uint64_t lo = random_next();

    hi = prefix->bits >= 64 ? prefix->hi : prefix->hi | (hi & (UINT64_MAX >> prefix->bits));
    return sockaddr_of(hi, prefix->bits == 128 ? prefix->lo : lo);
}

static struct sockaddr_in6 random_anywhere(void)
{
    uint64_t hi = random_top(six);

    if (prefix_count == 0 && six) /* where `growth rules` has its ranges */
        hi = UINT64_C(0x2001) << 48 | hi >> 16;
    return sockaddr_of(hi, random_next());
}

static struct addresses addresses_make(bool allowed, unsigned count)
{
    struct addresses addresses = {.some = calloc(count, sizeof(*addresses.some))};

    if (addresses.some == NULL)
        fail("memory");
    while (addresses.count < count) {
        struct sockaddr_in6 one = allowed || prefix_count == 0 ? random_anywhere()
                                                               : random_inside(&prefixes[random_below(prefix_count)]);

        if (decision(&one) == allowed)
            addresses.some[addresses.count++] = one;
    }
    return addresses;
}

/* Time */

static unsigned sink;

/* Keeps the next decision from being begun while this one waits for memory, where the machine has a way to say so. */
#if defined(__x86_64__) || defined(__i386__)
#define WAIT() __builtin_ia32_lfence()
#else
#define WAIT() __sync_synchronize()
#endif

/* Some of them once. */
static double time_some(const struct sockaddr_in6 *at, unsigned count, bool alone)
{
    double begun = now_ns();

    for (unsigned i = 0; i < count; i++, at++) {
        sink += decision(at);
        if (alone)
            WAIT();
    }
    return (now_ns() - begun) / count;
}

/*
 * All addresses in chunks so short that most of them are disturbed by no other process; of the chunks the lower decile.
 * When a chunk comes again all others have been through the caches.
 */
static void print_time(const char *name, const struct addresses *addresses, bool hot, bool alone)
{
    unsigned chunk = addresses->count / CHUNKS;
    double values[ROUNDS * CHUNKS];

    for (unsigned i = 0; i < ROUNDS * CHUNKS; i++) {
        double spent = 0;

        if (!hot)
            values[i] = time_some(addresses->some + i % CHUNKS * chunk, chunk, alone);
        for (unsigned r = 0; hot && r < chunk / HOT; r++)
            spent += time_some(addresses->some, HOT, false);
        if (hot)
            values[i] = spent / (chunk / HOT);
    }
    sort_values(values, ROUNDS * CHUNKS);
    printf("%s %.2f\n", name, values[ROUNDS * CHUNKS / 10]);
}

static void print_count(const char *name, const struct addresses *addresses)
{
    CALLGRIND_ZERO_STATS;
    for (unsigned i = 0; i < addresses->count; i++)
        sink += decision(&addresses->some[i]);
    CALLGRIND_DUMP_STATS_AT(name);
    printf("%s %u\n", name, addresses->count);
}

static void measure(bool counted)
{
    unsigned count = counted ? COUNTED : view.size > LARGE ? MANY : SOME;
    struct addresses allowed = addresses_make(true, count);
    struct addresses refused = {0};

    if (prefix_count > 0)
        refused = addresses_make(false, count);
    if (counted) {
        print_count("allowed", &allowed);
        if (refused.count > 0)
            print_count("refused", &refused);
        return;
    }
    print_time("random-allowed", &allowed, false, false);
    print_time("alone-allowed", &allowed, false, true);
    print_time("hot-allowed", &allowed, true, false);
    if (refused.count > 0) {
        print_time("random-refused", &refused, false, false);
        print_time("alone-refused", &refused, false, true);
        print_time("hot-refused", &refused, true, false);
    }
}

/*
 * One decision over an image that no page table knows: faults, of which so many had to read, and how long it takes.
 * `dropped`: the page cache has nothing of it either, and reads no more than what is asked for.
 */
static void measure_first(const char *path, bool dropped)
{
    struct addresses allowed = addresses_make(true, 1);
    struct rusage before, after;
    double begun, ended;

    munmap((void *)(uintptr_t)view.base, view.size);
    open_image(path, dropped ? MADV_RANDOM : MADV_NORMAL);
    getrusage(RUSAGE_SELF, &before);
    begun = now_ns();
    sink += decision(&allowed.some[0]);
    ended = now_ns();
    getrusage(RUSAGE_SELF, &after);
    printf("us %.2f\nfaults %ld\n", (ended - begun) / 1e3,
           after.ru_minflt - before.ru_minflt + after.ru_majflt - before.ru_majflt);
}

int main(int argc, char **argv)
{
    const char *what = argc > 2 ? argv[1] : "";

    if (strcmp(what, "list") == 0 || strcmp(what, "rules") == 0) {
        unsigned long count = strtoul(argv[2], NULL, 10);

        if (what[0] == 'l')
            print_list(count, argc > 3 ? strtoul(argv[3], NULL, 10) : count);
        else
            print_rules(count);
        return 0;
    }
    if (argc != 5)
        return 2;
    six = strcmp(argv[3], "6") == 0;
    prefix_count = strtoul(argv[4], NULL, 10);
    if (strcmp(what, "time") != 0 && prefix_count > FEW_PREFIXES)
        prefix_count = FEW_PREFIXES; /* the first ones of the list */
    make_prefixes();
    open_image(argv[2], MADV_NORMAL);
    if (strcmp(what, "first") == 0 || strcmp(what, "dropped") == 0)
        measure_first(argv[2], what[0] == 'd');
    else
        measure(strcmp(what, "count") == 0);
    return sink == 0;
}
