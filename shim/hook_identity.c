/* SPDX-License-Identifier: MIT */
/*
 * getuid, geteuid, setuid, seteuid and setgroups under `icmp.pretend_root`: for programs that refuse to ping before
 * they ask the kernel.
 *
 * It fools a program's own check and gains nothing: the kernel is asked first, and only where it refuses to make root
 * what is not root is the program told that it is done. So whatever a program gives up is given up.
 */
#include "shim/icmp/open.h"
#include "shim/judge.h"
#include "shim/real.h"
#include "shim/sandbox.h"

#include <errno.h>

#define GROUPS_KNOWN 64 /* more a program is not believed to know */

/*
 * The reading ones are called from constructors before ours, so the kernel's answer is at hand where nothing is
 * known.
 */
static bool pretends(void)
{
    return process_ready(WATCH_PRETEND) && process_is_ready();
}

static __attribute__((noinline)) uid_t pretended_getuid(void)
{
    return pretends() ? 0 : RARE_REAL(getuid)();
}

static uid_t judged_getuid(void)
{
    if (!watching(WATCH_PRETEND))
        return RARE_REAL(getuid)();
    return pretended_getuid();
}

static __attribute__((noinline)) uid_t pretended_geteuid(void)
{
    return pretends() ? 0 : RARE_REAL(geteuid)();
}

static uid_t judged_geteuid(void)
{
    if (!watching(WATCH_PRETEND))
        return RARE_REAL(geteuid)();
    return pretended_geteuid();
}

/*
 * Whether the kernel's refusal of a change to what the program takes itself for is kept from it. EINVAL is what a user
 * namespace says in which nobody is root.
 */
static bool is_glossed_over(int result, bool ours)
{
    return result != 0 && (errno == EPERM || errno == EINVAL) && ours && pretends();
}

static __attribute__((noinline)) int pretended_setuid(uid_t uid)
{
    int saved = errno;
    int result;

    process_ready(WATCH_PRETEND);
    result = RARE_REAL(setuid)(uid);
    if (!is_glossed_over(result, uid == 0))
        return result;
    errno = saved;
    return 0;
}

static int judged_setuid(uid_t uid)
{
    if (!watching(WATCH_PRETEND))
        return RARE_REAL(setuid)(uid);
    return pretended_setuid(uid);
}

static __attribute__((noinline)) int pretended_seteuid(uid_t uid)
{
    int saved = errno;
    int result;

    process_ready(WATCH_PRETEND);
    result = RARE_REAL(seteuid)(uid);
    if (!is_glossed_over(result, uid == 0))
        return result;
    errno = saved;
    return 0;
}

static int judged_seteuid(uid_t uid)
{
    if (!watching(WATCH_PRETEND))
        return RARE_REAL(seteuid)(uid);
    return pretended_seteuid(uid);
}

/* Whether the process is in all these groups, as far as they are few. errno is preserved. */
static bool are_own_groups(size_t count, const gid_t *groups)
{
    gid_t own[GROUPS_KNOWN + 1];
    int saved = errno;
    int more = sandboxed() ? 0 : getgroups(GROUPS_KNOWN, own + 1);
    size_t have = 1 + (more > 0 ? (size_t)more : 0);
    bool all = count <= GROUPS_KNOWN && (count == 0 || !plainly_bad(groups));

    errno = saved;
    if (sandboxed())
        return false;
    own[0] = getegid();
    for (size_t i = 0; all && i < count; i++) {
        size_t at = 0;

        while (at < have && own[at] != groups[i])
            at++;
        all = at < have;
    }
    return all;
}

static __attribute__((noinline)) int pretended_setgroups(size_t count, const gid_t *groups)
{
    int saved = errno;
    int result;

    process_ready(WATCH_PRETEND);
    result = RARE_REAL(setgroups)(count, groups);
    if (!is_glossed_over(result, true) || !are_own_groups(count, groups))
        return result;
    errno = saved;
    return 0;
}

static int judged_setgroups(size_t count, const gid_t *groups)
{
    if (!watching(WATCH_PRETEND))
        return RARE_REAL(setgroups)(count, groups);
    return pretended_setgroups(count, groups);
}

EXPORT uid_t getuid(void)
{
    return judged_getuid();
}

EXPORT uid_t geteuid(void)
{
    return judged_geteuid();
}

EXPORT int setuid(uid_t uid)
{
    return judged_setuid(uid);
}

EXPORT int seteuid(uid_t uid)
{
    return judged_seteuid(uid);
}

EXPORT int setgroups(size_t count, const gid_t *groups)
{
    return judged_setgroups(count, groups);
}
