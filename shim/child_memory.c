/* SPDX-License-Identifier: MIT */
/*
 * A child of vfork(2) shares its parent's memory. What it maps for its exec stays mapped in the parent when that has
 * succeeded, and nobody is left to release it. So each thread remembers its last mapping (the child of its vfork has
 * the same thread-local memory), and uses it again: a program that does so a thousand times has one mapping and not a
 * thousand. Whose it was is no more by then, for the thread has slept until its child had executed or ended.
 */
#include "shim/child_memory.h"

#include "shim/sandbox.h"
#include "state/kernel.h"
#include "state/large.h"

#include <stdatomic.h>

#include <sys/mman.h>

/* Stands in front of the memory. */
struct mapping {
    size_t size;
    pid_t user; /* the thread, or the vfork child in its place, that took it last */
};

#define FRONT 16

_Static_assert(sizeof(struct mapping) <= FRONT, "the memory behind it is aligned for anything");

static __thread struct mapping *volatile kept[CHILD_MEMORIES]; /* volatile: signal handlers start children too */

/*
 * For a process that may not map any (sandbox.h): one of each kind. A child of vfork(2) that has taken it never gives
 * it back where its exec succeeds; what comes after that is without memory.
 */
LARGE static _Alignas(FRONT) char spare[CHILD_MEMORIES][65536];
static atomic_flag spare_taken[CHILD_MEMORIES] = {ATOMIC_FLAG_INIT, ATOMIC_FLAG_INIT};

static void *spare_take(enum child_memory which, size_t size)
{
    if (size <= sizeof(spare[which]) && !atomic_flag_test_and_set(&spare_taken[which]))
        return spare[which];
    errno = ENOMEM;
    return NULL;
}

static bool spare_give(const void *memory)
{
    for (unsigned i = 0; i < CHILD_MEMORIES; i++) {
        if (memory != spare[i])
            continue;
        atomic_flag_clear(&spare_taken[i]);
        return true;
    }
    return false;
}

static pid_t self(void)
{
    return (pid_t)kernel_call(SYS_gettid, 0);
}

static struct mapping *map(size_t size)
{
    struct mapping *made = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (made == MAP_FAILED)
        return NULL;
    made->size = size;
    return made;
}

static void unmap(struct mapping *mapping)
{
    int saved = errno;

    munmap(mapping, mapping->size);
    errno = saved;
}

void *child_memory_take(enum child_memory which, size_t size)
{
    struct mapping *mapping;

    if (sandboxed())
        return spare_take(which, size);
    mapping = kept[which];
    size += FRONT;
    kept[which] = NULL; /* a signal handler that comes in between gets memory of its own */
    if (mapping != NULL && mapping->user == self())
        mapping = NULL; /* we are that handler: what it holds is in use, and its owner will release it */
    if (mapping != NULL && mapping->size < size) {
        unmap(mapping);
        mapping = NULL;
    }
    if (mapping == NULL)
        mapping = map(size);
    if (mapping == NULL)
        return NULL;
    mapping->user = self();
    kept[which] = mapping;
    return (char *)mapping + FRONT;
}

void child_memory_give(enum child_memory which, void *memory)
{
    struct mapping *mapping;

    if (memory == NULL || spare_give(memory))
        return;
    mapping = (struct mapping *)(void *)((char *)memory - FRONT);
    if (kept[which] == mapping)
        kept[which] = NULL;
    unmap(mapping);
}
