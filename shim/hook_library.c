/* SPDX-License-Identifier: MIT */
/*
 * dlopen(3) and dlmopen(3). A library that is opened with RTLD_DEEPBIND finds libc's functions before ours and walks
 * past every hook; PHP opens each of its extensions so. Under a policy the flag is cleared. A namespace of its own has
 * a libc of its own, where no preloaded object is: that is told of, or refused as `unprotected` says.
 *
 * The loader takes the return address for the caller, whose RUNPATH and namespace count. So these hooks are no calls
 * but jumps: the arguments are set down, looked at by the function below, taken up again, and the real function is
 * jumped to.
 */
#include "shim/follow.h"
#include "shim/judge.h"
#include "shim/real.h"
#include "shim/unprotected.h"

#include <dlfcn.h>
#include <stdint.h>

#define KINDS (WATCH_ALL | WATCH_FOLLOW)
#define CALLERS_NAMESPACE (-2) /* what dlopen says to the loader (glibc, __LM_ID_CALLER) */
#define NO_NAMESPACE (-3)      /* for this one dlmopen says that it is invalid */

/* A word for each argument, as the jumps below set them down. */
struct dlopen_words {
    uintptr_t path, flags;
};

struct dlmopen_words {
    uintptr_t space, path, flags;
};

/* Before glibc 2.34 these stand in libdl, which may not be there. */
static void *nothing_opened(void)
{
    return NULL;
}

static void *real_or_nothing(void **slot, const char *name)
{
    void *function = rare_function(slot, name);

    return function != NULL ? function : (void *)nothing_opened;
}

static uintptr_t flags_without_deepbind(uintptr_t flags)
{
    return watching(KINDS) ? flags & ~(uintptr_t)RTLD_DEEPBIND : flags;
}

/* The function to go on with; the words may have been changed. */
__attribute__((visibility("hidden"), used)) void *dlopen_judged(struct dlopen_words *words);
void *dlopen_judged(struct dlopen_words *words)
{
    if (words->flags & RTLD_DEEPBIND) {
        policy_ready(KINDS);
        words->flags = flags_without_deepbind(words->flags);
    }
    return real_or_nothing((void **)(void *)&rare.dlopen, "dlopen");
}

__attribute__((visibility("hidden"), used)) void *dlmopen_judged(struct dlmopen_words *words);
void *dlmopen_judged(struct dlmopen_words *words)
{
    const char *path = (const char *)words->path;

    if (words->space == LM_ID_BASE || words->space == (uintptr_t)CALLERS_NAMESPACE)
        words->flags = flags_without_deepbind(words->flags);
    else if (policy_ready(KINDS) && unprotected_matters() &&
             unprotected_refused("dlmopen", plainly_bad(path) ? "" : path,
                                 "a namespace of its own has a libc of its own"))
        words->space = (uintptr_t)NO_NAMESPACE;
    return real_or_nothing((void **)(void *)&rare.dlmopen, "dlmopen");
}

EXPORT void *dlopen(const char *path, int flags);
EXPORT void *dlmopen(Lmid_t space, const char *path, int flags);

#if defined(__x86_64__)

/* Three words, so that the stack is aligned at the call. */
#define JUMP(name)                                                                                                     \
    __asm__(".pushsection .text." #name ", \"ax\", @progbits\n"                                                        \
            ".globl " #name "\n.type " #name ", @function\n" #name ":\n"                                               \
            "    .cfi_startproc\n"                                                                                     \
            "    endbr64\n"                                                                                            \
            "    push %rdx\n    .cfi_adjust_cfa_offset 8\n"                                                            \
            "    push %rsi\n    .cfi_adjust_cfa_offset 8\n"                                                            \
            "    push %rdi\n    .cfi_adjust_cfa_offset 8\n"                                                            \
            "    mov %rsp, %rdi\n"                                                                                     \
            "    call " #name "_judged\n"                                                                              \
            "    pop %rdi\n    .cfi_adjust_cfa_offset -8\n"                                                            \
            "    pop %rsi\n    .cfi_adjust_cfa_offset -8\n"                                                            \
            "    pop %rdx\n    .cfi_adjust_cfa_offset -8\n"                                                            \
            "    jmp *%rax\n"                                                                                          \
            "    .cfi_endproc\n"                                                                                       \
            ".size " #name ", . - " #name "\n.popsection")

#elif defined(__i386__)

/* The words are the caller's own: they stand where the arguments are. */
#define JUMP(name)                                                                                                     \
    __asm__(".pushsection .text." #name ", \"ax\", @progbits\n"                                                        \
            ".globl " #name "\n.type " #name ", @function\n" #name ":\n"                                               \
            "    .cfi_startproc\n"                                                                                     \
            "    endbr32\n"                                                                                            \
            "    leal 4(%esp), %eax\n"                                                                                 \
            "    subl $8, %esp\n    .cfi_adjust_cfa_offset 8\n"                                                        \
            "    pushl %eax\n    .cfi_adjust_cfa_offset 4\n"                                                           \
            "    call " #name "_judged\n"                                                                              \
            "    addl $12, %esp\n    .cfi_adjust_cfa_offset -12\n"                                                     \
            "    jmp *%eax\n"                                                                                          \
            "    .cfi_endproc\n"                                                                                       \
            ".size " #name ", . - " #name "\n.popsection")

#elif defined(__aarch64__)

#define JUMP(name)                                                                                                     \
    __asm__(".pushsection .text." #name ", \"ax\", @progbits\n"                                                        \
            ".globl " #name "\n.type " #name ", %function\n" #name ":\n"                                               \
            "    .cfi_startproc\n"                                                                                     \
            "    hint 34\n" /* bti c */                                                                                \
            "    stp x29, x30, [sp, -48]!\n"                                                                           \
            "    .cfi_def_cfa_offset 48\n"                                                                             \
            "    .cfi_offset 29, -48\n    .cfi_offset 30, -40\n"                                                       \
            "    stp x0, x1, [sp, 16]\n"                                                                               \
            "    str x2, [sp, 32]\n"                                                                                   \
            "    add x0, sp, 16\n"                                                                                     \
            "    bl " #name "_judged\n"                                                                                \
            "    mov x16, x0\n"                                                                                        \
            "    ldp x0, x1, [sp, 16]\n"                                                                               \
            "    ldr x2, [sp, 32]\n"                                                                                   \
            "    ldp x29, x30, [sp], 48\n"                                                                             \
            "    .cfi_restore 29\n    .cfi_restore 30\n    .cfi_def_cfa_offset 0\n"                                    \
            "    br x16\n"                                                                                             \
            "    .cfi_endproc\n"                                                                                       \
            ".size " #name ", . - " #name "\n.popsection")

#endif

#ifdef JUMP

JUMP(dlopen);
JUMP(dlmopen);

#else

/* Compilers make jumps of these by themselves where they optimise. */

void *dlopen(const char *path, int flags)
{
    struct dlopen_words words = {.path = (uintptr_t)path, .flags = (uintptr_t)flags};

    return ((__typeof__(&dlopen))dlopen_judged(&words))(path, (int)words.flags);
}

void *dlmopen(Lmid_t space, const char *path, int flags)
{
    struct dlmopen_words words = {.space = (uintptr_t)space, .path = (uintptr_t)path, .flags = (uintptr_t)flags};

    return ((__typeof__(&dlmopen))dlmopen_judged(&words))((Lmid_t)words.space, path, (int)words.flags);
}

#endif
