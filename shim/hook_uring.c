/* SPDX-License-Identifier: MIT */
/*
 * liburing's ways to make an io_uring, by which a program connects, accepts and sends past every hook. liburing enters the
 * kernel by an instruction of its own, so syscall(2) never sees it. While there is a policy under which something can be
 * refused or noted, programs are told that this kernel has none; they fall back to the calls that they would make there. A ring that was
 * made before (by a program that handed its descriptor down, or before a policy came) is out of reach.
 *
 * The real functions are in liburing and not in libc, perhaps opened by dlopen(3) with RTLD_LOCAL, where dlsym(RTLD_NEXT)
 * does not look: dl_iterate_phdr(3), under the loader's lock, goes through all that is loaded now. They are looked
 * up at each call: what was found may be unloaded and loaded elsewhere.
 */
#include "shim/uring.h"

#include "shim/process.h"
#include "shim/real.h"

#include <errno.h>
#include <link.h>
#include <sys/syscall.h>

bool uring_is_hidden(void)
{
    return policy_ready(WATCH_ALL);
}

struct wanted {
    const char *name;
    uintptr_t own;
    void *found;
};

static int visit(struct dl_phdr_info *info, size_t size, void *data)
{
    struct wanted *wanted = data;

    (void)size;
    if (info->dlpi_addr == wanted->own)
        return 0;
    for (unsigned i = 0; i < info->dlpi_phnum && wanted->found == NULL; i++) {
        if (info->dlpi_phdr[i].p_type == PT_DYNAMIC)
            wanted->found = definition_in(info->dlpi_addr, (const void *)(info->dlpi_addr + info->dlpi_phdr[i].p_vaddr),
                                          wanted->name);
    }
    return wanted->found != NULL;
}

static void *uring_find(const char *name)
{
    static void *iterate_found;
    struct wanted wanted = {.name = name, .own = own_base()};
    int (*iterate)(int (*)(struct dl_phdr_info *, size_t, void *), void *);

    *(void **)(&iterate) = rare_function(&iterate_found, "dl_iterate_phdr");
    if (iterate != NULL)
        iterate(visit, &wanted);
    return wanted.found;
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
