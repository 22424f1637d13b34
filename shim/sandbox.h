/* SPDX-License-Identifier: MIT */
/*
 * Whether this process has put itself under a seccomp filter, which may end it for any system call that it would not
 * have made without us.
 *
 * From then on hooks make none: nothing is asked (neither kernel nor files), no event is written, no newer policy is
 * followed. What would have to be asked is judged strictly. Closing what was refused is the exception.
 *
 * The flag is the process', though filters are a thread's: which threads share one cannot be told without asking. A
 * filter that came by exec is none of the process' own and is not looked for: it lets the loader open, read and map
 * files, which is what hooks do. A translated socket that is there already goes on to be translated, with the calls
 * that this takes.
 */
#ifndef SOCKADE_SHIM_SANDBOX_H
#define SOCKADE_SHIM_SANDBOX_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* SANDBOX_INSTALLED, and how many threads are about to install one. */
extern _Atomic uint32_t sandbox_state __attribute__((visibility("hidden")));

#define SANDBOX_INSTALLED (1u << 31)

/* Also while a filter is being installed: of several threads that get it at once none is to be late. */
static inline bool sandboxed(void)
{
    return __builtin_expect(atomic_load_explicit(&sandbox_state, memory_order_relaxed) != 0, 0);
}

/* Around the call that installs a filter. Before the first one what may matter later is asked. errno is preserved. */
void sandbox_begin(void);
void sandbox_end(bool installed);

#endif
