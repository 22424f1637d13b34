/* SPDX-License-Identifier: MIT */
/*
 * One line is always there. Who finds it taken (by another thread, by what a signal handler interrupted, or for ever by
 * who was in the middle when this process was forked) gets a page of its own.
 */
#include "shim/event_line.h"

#include "shim/process.h"
#include "state/large.h"

#include <errno.h>
#include <sys/mman.h>

LARGE static char usual[EVENT_MAX];
static _Atomic bool taken;

char *event_line_take(void)
{
    int saved = errno;
    void *page;

    if (!atomic_exchange(&taken, true))
        return usual;
    page = mmap(NULL, EVENT_MAX, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    errno = saved;
    if (page != MAP_FAILED)
        return page;
    atomic_fetch_add_explicit(&process.limit.left_out, 1, memory_order_relaxed);
    return NULL;
}

void event_line_give(char *line)
{
    int saved = errno;

    if (line == usual)
        atomic_store(&taken, false);
    else
        munmap(line, EVENT_MAX);
    errno = saved;
}
