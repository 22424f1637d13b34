/* SPDX-License-Identifier: MIT */
/*
 * Decisions by one image, printed as numbers: built for 32 and for 64 bits, and what both print is compared.
 *
 * usage: both_widths IMAGE
 */
#include "policy/decide.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define DECISIONS 20000

/* Numbers that are the same in every run. */
static uint32_t random_next(void)
{
    static uint64_t state = 42;

    state = state * UINT64_C(6364136223846793005) + 1442695040888963407u;
    return (uint32_t)(state >> 32);
}

/* Half of the addresses lie where the policy of the test has its prefixes. */
static struct query random_query(void)
{
    static const enum direction directions[] = {DIRECTION_TO, DIRECTION_FROM, DIRECTION_ON};
    struct query query = {.direction = directions[random_next() % 3], .port_known = true, .strict = true};
    unsigned char six[16];
    uint32_t words[4] = {random_next(), random_next(), random_next(), random_next()};

    query.port = (uint16_t)(random_next() % 100);
    query.protos = 1u << random_next() % 3;
    if (random_next() % 2 == 0) {
        query.address = address_from_v4(random_next() % 2 == 0 ? words[0] : (10u << 24) | (words[0] & 0xffffff));
        return query;
    }
    memcpy(six, words, sizeof(six));
    if (random_next() % 2 == 0)
        memcpy(six, "\x20\x01\x0d\xb8", 4);
    query.address = address_from_v6(six);
    return query;
}

int main(int argc, char **argv)
{
    static struct view view;
    struct stat st;
    void *base;
    int fd;

    if (argc != 2 || (fd = open(argv[1], O_RDONLY)) < 0 || fstat(fd, &st) != 0)
        return 2;
    base = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (base == MAP_FAILED || image_verify(base, (size_t)st.st_size) != IMAGE_OK ||
        image_open(&view, base, (size_t)st.st_size, NULL) != IMAGE_OK)
        return 3;
    for (int i = 0; i < DECISIONS; i++) {
        struct query query = random_query();
        struct verdict verdict = decide(&view, &query);

        printf("%d %u %d\n", (int)verdict.action, (unsigned)verdict.rule, verdict.error);
    }
    return 0;
}
