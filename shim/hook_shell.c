/* SPDX-License-Identifier: MIT */
/* system(3), popen(3) and wordexp(3), which start a shell from inside libc with what stands in `__environ`. */
#include "shim/child.h"
#include "shim/child_environment.h"
#include "shim/judge.h"
#include "shim/real.h"
#include "shim/shell_command.h"
#include "shim/unprotected.h"

#include <errno.h>
#include <string.h>

#define NO_SHELL (127 << 8) /* what system(3) returns where no shell could be started */

static int judged_system(const char *command)
{
    struct shell_command longer;
    int saved = errno;
    int status;

    policy_ready(0);
    if (!child_shell_allowed("system")) {
        errno = saved;
        return command == NULL ? 0 : NO_SHELL;
    }
    if (plainly_bad(command))
        return RARE_REAL(system)(command);
    if (!shell_command_make(&longer, command) && unprotected_matters())
        return NO_SHELL;
    status = RARE_REAL(system)(longer.text);
    shell_command_drop(&longer);
    return status;
}

static FILE *judged_popen(const char *command, const char *mode)
{
    struct shell_command longer;
    FILE *stream;

    policy_ready(0);
    if (!child_shell_allowed("popen"))
        return NULL;
    if (plainly_bad(command))
        return RARE_REAL(popen)(command, mode);
    if (!shell_command_make(&longer, command) && unprotected_matters()) {
        errno = ENOMEM;
        return NULL;
    }
    stream = RARE_REAL(popen)(longer.text, mode);
    shell_command_drop(&longer);
    return stream;
}

/* Whether words hold a command to be substituted. One in single quotes counts too: it is only refused, not run. */
static bool has_command(const char *words)
{
    return strstr(words, "$(") != NULL || strchr(words, '`') != NULL;
}

/* Whether the shell of a substitution may be started, which gets `__environ` and nothing else. */
static bool substitution_allowed(void)
{
    struct lack lack;

    if (!unprotected_matters())
        return true;
    if (!child_shell_allowed("wordexp"))
        return false;
    return !environment_lacks(&lack, __environ) ||
           !unprotected_refused("wordexp", "/bin/sh", "the program's environment does not name our object");
}

static int judged_wordexp(const char *words, wordexp_t *out, int flags)
{
    int saved = errno;

    policy_ready(0);
    if (!(flags & WRDE_NOCMD) && !plainly_bad(words) && has_command(words) && !substitution_allowed())
        flags |= WRDE_NOCMD;
    errno = saved;
    return RARE_REAL(wordexp)(words, out, flags);
}

EXPORT int system(const char *command)
{
    return judged_system(command);
}

EXPORT FILE *popen(const char *command, const char *mode)
{
    return judged_popen(command, mode);
}

EXPORT int wordexp(const char *words, wordexp_t *out, int flags)
{
    return judged_wordexp(words, out, flags);
}
