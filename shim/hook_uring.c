/* SPDX-License-Identifier: MIT */
/*
 * liburing's ways to make an io_uring, by which a program connects, accepts and sends past every hook. liburing enters
 * the kernel by an instruction of its own, so syscall(2) never sees it. While there is a policy under which something
 * can be refused or noted, programs are told that this kernel has none, and fall back to other calls. A ring that was
 * made before (by a program that handed its descriptor down, or before a policy came) is out of reach.
 *
 * The real functions are in liburing and not in libc, perhaps opened by dlopen(3) with RTLD_LOCAL, where
 * dlsym(RTLD_NEXT) does not look; rare_bind goes through all that is loaded, under the loader's lock. They are looked
 * up at each call: what was found may be unloaded and loaded elsewhere.
 */
#include "shim/uring.h"

#include "shim/process.h"
#include "shim/real.h"

#include <errno.h>

bool uring_is_hidden(void)
{
    return policy_ready(WATCH_ALL);
}

static void *uring_find(const char *name)
{
    void *found = NULL;

    return rare_bind(&found, name);
}

/* What to call instead of us; NULL: it is hidden, or there is none (somebody asked dlsym(3), and found ours). */
#define URING(name) ((__typeof__(&name))(uring_is_hidden() ? NULL : uring_find(#name)))

EXPORT int io_uring_setup(unsigned entries, struct io_uring_params *params)
{
    __typeof__(&io_uring_setup) call = URING(io_uring_setup);

    return call == NULL ? -ENOSYS : call(entries, params);
}

EXPORT int io_uring_queue_init(unsigned entries, struct io_uring *ring, unsigned flags)
{
    __typeof__(&io_uring_queue_init) call = URING(io_uring_queue_init);

    return call == NULL ? -ENOSYS : call(entries, ring, flags);
}

EXPORT int io_uring_queue_init_params(unsigned entries, struct io_uring *ring, struct io_uring_params *params)
{
    __typeof__(&io_uring_queue_init_params) call = URING(io_uring_queue_init_params);

    return call == NULL ? -ENOSYS : call(entries, ring, params);
}

EXPORT int io_uring_queue_init_mem(unsigned entries, struct io_uring *ring, struct io_uring_params *params,
                                   void *memory, size_t size)
{
    __typeof__(&io_uring_queue_init_mem) call = URING(io_uring_queue_init_mem);

    return call == NULL ? -ENOSYS : call(entries, ring, params, memory, size);
}
