/* SPDX-License-Identifier: MIT */
/*
 * The word is raised by pwrite(2) and read through a shared mapping: both are the same page of the kernel's cache. So
 * a writer that is killed leaves it either raised or not, and never meets SIGBUS.
 */
#include "state/generation.h"

#include "state/kernel.h"
#include "state/locate.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#define GENERATION_MAGIC "SOCKCTL" /* eight bytes with its NUL */
#define GENERATION_VERSION 1u
#define TEMPORARY GENERATION_FILE ".new"

static bool page_is_good(const struct generation_page *page)
{
    return memcmp(page->magic, GENERATION_MAGIC, sizeof(page->magic)) == 0 && page->version == GENERATION_VERSION;
}

/* Puts a page of nothing into a place. Where this fails what is there stays. */
static void place_clear(union generation_place *place)
{
    void *nothing = mmap(place, GENERATION_SIZE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);

    (void)nothing;
}

bool generation_map(struct generation *out, int folder, const char *path, uid_t uid, bool system,
                    union generation_place *place)
{
    int descriptor = kernel_open(folder, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0);
    void *page = MAP_FAILED;
    struct stat st;

    memset(out, 0, sizeof(*out));
    if (descriptor < 0)
        return false;
    if (fstat(descriptor, &st) == 0 && S_ISREG(st.st_mode) && st.st_size >= GENERATION_SIZE &&
        trust_problem(&st, uid, system) == NULL)
        page = mmap(place, GENERATION_SIZE, PROT_READ, MAP_SHARED | (place == NULL ? 0 : MAP_FIXED), descriptor, 0);
    kernel_close(descriptor);
    if (page == MAP_FAILED) {
        /* The kernel clears the place before it asks the file system, which may refuse (FUSE with direct_io). */
        if (place != NULL)
            place_clear(place);
        return false;
    }
    out->page = page;
    out->place = place;
    out->device = st.st_dev;
    out->inode = st.st_ino;
    if (!page_is_good(page)) {
        generation_unmap(out);
        return false;
    }
    out->word = atomic_load_explicit(&out->page->word, memory_order_acquire);
    return true;
}

/* The mapping is ours to give up; only what it shows is constant. */
static void *mapping_of(const struct generation *generation)
{
    return (void *)(uintptr_t)generation->page;
}

void generation_unmap(struct generation *generation)
{
    if (generation->place != NULL)
        place_clear(generation->place); /* a file that stays says no more by its word than to look again */
    else if (generation->page != NULL)
        munmap(mapping_of(generation), GENERATION_SIZE);
    memset(generation, 0, sizeof(*generation));
}

bool generation_move(struct generation *generation, union generation_place *place)
{
    if (generation->place == place)
        return true;
    if (mremap(mapping_of(generation), GENERATION_SIZE, GENERATION_SIZE, MREMAP_MAYMOVE | MREMAP_FIXED, place) ==
        MAP_FAILED) {
        generation_unmap(generation);
        return false;
    }
    generation->page = &place->page;
    generation->place = place;
    return true;
}

/* Opens the control file for writing if it is one; -1 otherwise, with errno. */
static int generation_open(int folder)
{
    int descriptor = kernel_open(folder, GENERATION_FILE, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0);
    struct generation_page page;
    struct stat st;

    if (descriptor < 0)
        return -1;
    if (fstat(descriptor, &st) == 0 && S_ISREG(st.st_mode) && st.st_size >= GENERATION_SIZE &&
        pread(descriptor, &page, sizeof(page), 0) == (ssize_t)sizeof(page) && page_is_good(&page))
        return descriptor;
    kernel_close(descriptor);
    errno = ENOENT;
    return -1;
}

bool generation_make(int folder, mode_t mode)
{
    static const union {
        struct generation_page page;
        char bytes[GENERATION_SIZE];
    } first = {.page = {.magic = GENERATION_MAGIC, .version = GENERATION_VERSION, .word = 1}};
    int descriptor = generation_open(folder);
    bool written;

    if (descriptor >= 0) {
        kernel_close(descriptor);
        return true;
    }
    unlinkat(folder, TEMPORARY, 0);
    descriptor = kernel_open(folder, TEMPORARY, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
    if (descriptor < 0)
        return false;
    written = kernel_write(descriptor, first.bytes, sizeof(first)) == (ssize_t)sizeof(first) &&
              fchmod(descriptor, mode) == 0;
    kernel_close(descriptor);
    if (written && renameat(folder, TEMPORARY, folder, GENERATION_FILE) == 0)
        return true;
    unlinkat(folder, TEMPORARY, 0);
    return false;
}

bool generation_raise(int folder)
{
    int descriptor = generation_open(folder);
    const off_t at = offsetof(struct generation_page, word);
    uint32_t word;
    bool raised;

    if (descriptor < 0)
        return false;
    raised = pread(descriptor, &word, sizeof(word), at) == (ssize_t)sizeof(word);
    word++;
    raised = raised && pwrite(descriptor, &word, sizeof(word), at) == (ssize_t)sizeof(word);
    kernel_close(descriptor);
    return raised;
}
