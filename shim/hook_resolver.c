/* SPDX-License-Identifier: MIT */
/* Names looked up by libc: each call is the real one, made without the name servers that the policy refuses. */
#include "shim/asking.h"
#include "shim/judge.h"
#include "state/kernel.h"

#include <errno.h>
#include <string.h>

/* Names and addresses. */

/*
 * Whether getaddrinfo has nobody to ask: for literals, which are most of what it is given, nothing is to be looked at.
 */
static bool is_literal(const char *node, const struct addrinfo *hints)
{
    static void *bound;
    int (*parse)(int, const char *, void *) = NULL;
    struct in6_addr address;
    int saved = errno;
    bool literal;

    if (plainly_bad(node) || (!plainly_bad(hints) && (hints->ai_flags & AI_NUMERICHOST)))
        return true;
    *(void **)(&parse) = libc_function(&bound, "inet_pton");
    literal = parse != NULL && (parse(AF_INET, node, &address) == 1 || parse(AF_INET6, node, &address) == 1);
    errno = saved;
    return literal;
}

EXPORT int getaddrinfo(const char *restrict node, const char *restrict service, const struct addrinfo *restrict hints,
                       struct addrinfo **restrict out)
{
    if (watching(WATCH_TO) && is_literal(node, hints))
        return RARE_REAL(getaddrinfo)(node, service, hints, out);
    ASKING_NAMES(int, "getaddrinfo", NULL, false, 0, RARE_REAL(getaddrinfo)(node, service, hints, out),
                 result == EAI_AGAIN, result == 0 ? found_addresses("getaddrinfo", node, *out) : (void)0);
}

/* Whether getnameinfo gave a number where a name was asked for. */
static bool is_number(const char *host)
{
    return strspn(host, "0123456789.") == strlen(host) || strchr(host, ':') != NULL;
}

/* Tells of the name that getnameinfo found. */
static void named(const char *host, socklen_t size, int result, const struct sockaddr *address, socklen_t length)
{
    if (result == 0 && host != NULL && size > 0 && !is_number(host))
        found_name("getnameinfo", host, address, length);
}

EXPORT int getnameinfo(const struct sockaddr *restrict address, socklen_t length, char *restrict host,
                       socklen_t host_size, char *restrict service, socklen_t service_size, int flags)
{
    if (flags & NI_NUMERICHOST)
        return RARE_REAL(getnameinfo)(address, length, host, host_size, service, service_size, flags);
    ASKING_NAMES(int, "getnameinfo", NULL, false, 0,
                 RARE_REAL(getnameinfo)(address, length, host, host_size, service, service_size, flags),
                 result == EAI_AGAIN || (result == 0 && host != NULL && host_size > 0 && is_number(host)),
                 named(host, host_size, result, address, length));
}

EXPORT struct hostent *gethostbyname(const char *name)
{
    struct hostent *(*look_up)(const char *) = RARE_REAL(gethostbyname);

    ASKING_NAMES(struct hostent *, "gethostbyname", NULL, false, 0, look_up(name), result == NULL,
                 found_host("gethostbyname", name, result));
}

EXPORT struct hostent *gethostbyname2(const char *name, int family)
{
    ASKING_NAMES(struct hostent *, "gethostbyname2", NULL, false, 0, RARE_REAL(gethostbyname2)(name, family),
                 result == NULL, found_host("gethostbyname2", name, result));
}

EXPORT struct hostent *gethostbyaddr(const void *address, socklen_t length, int family)
{
    ASKING_NAMES(struct hostent *, "gethostbyaddr", NULL, false, 0, RARE_REAL(gethostbyaddr)(address, length, family),
                 result == NULL, found_host("gethostbyaddr", result != NULL ? result->h_name : NULL, result));
}

EXPORT int gethostbyname_r(const char *restrict name, struct hostent *restrict room, char *restrict buffer, size_t size,
                           struct hostent **restrict out, int *restrict error)
{
    ASKING_NAMES(int, "gethostbyname_r", NULL, false, 0,
                 RARE_REAL(gethostbyname_r)(name, room, buffer, size, out, error), *out == NULL && *error == TRY_AGAIN,
                 found_host("gethostbyname_r", name, *out));
}

EXPORT int gethostbyname2_r(const char *restrict name, int family, struct hostent *restrict room, char *restrict buffer,
                            size_t size, struct hostent **restrict out, int *restrict error)
{
    ASKING_NAMES(int, "gethostbyname2_r", NULL, false, 0,
                 RARE_REAL(gethostbyname2_r)(name, family, room, buffer, size, out, error),
                 *out == NULL && *error == TRY_AGAIN, found_host("gethostbyname2_r", name, *out));
}

EXPORT int gethostbyaddr_r(const void *restrict address, socklen_t length, int family, struct hostent *restrict room,
                           char *restrict buffer, size_t size, struct hostent **restrict out, int *restrict error)
{
    ASKING_NAMES(int, "gethostbyaddr_r", NULL, false, 0,
                 RARE_REAL(gethostbyaddr_r)(address, length, family, room, buffer, size, out, error),
                 *out == NULL && *error == TRY_AGAIN,
                 found_host("gethostbyaddr_r", *out != NULL ? (*out)->h_name : NULL, *out));
}

/* Networks, where nsswitch.conf has `networks: dns`. */

EXPORT struct netent *getnetbyname(const char *name)
{
    struct netent *(*look_up)(const char *) = RARE_REAL(getnetbyname);

    ASKING(struct netent *, "getnetbyname", NULL, false, 0, look_up(name), result == NULL);
}

EXPORT struct netent *getnetbyaddr(uint32_t net, int type)
{
    ASKING(struct netent *, "getnetbyaddr", NULL, false, 0, RARE_REAL(getnetbyaddr)(net, type), result == NULL);
}

EXPORT int getnetbyname_r(const char *restrict name, struct netent *restrict room, char *restrict buffer, size_t size,
                          struct netent **restrict out, int *restrict error)
{
    ASKING(int, "getnetbyname_r", NULL, false, 0, RARE_REAL(getnetbyname_r)(name, room, buffer, size, out, error),
           *out == NULL && *error == TRY_AGAIN);
}

EXPORT int getnetbyaddr_r(uint32_t net, int type, struct netent *restrict room, char *restrict buffer, size_t size,
                          struct netent **restrict out, int *restrict error)
{
    ASKING(int, "getnetbyaddr_r", NULL, false, 0, RARE_REAL(getnetbyaddr_r)(net, type, room, buffer, size, out, error),
           *out == NULL && *error == TRY_AGAIN);
}

/* What looks up names on its way. */

EXPORT long gethostid(void)
{
    long (*identify)(void) = RARE_REAL(gethostid);

    ASKING(long, "gethostid", NULL, false, 0, identify(), result == 0);
}

EXPORT int ruserok(const char *host, int superuser, const char *remote, const char *local)
{
    ASKING(int, "ruserok", NULL, false, 0, RARE_REAL(ruserok)(host, superuser, remote, local), result != 0);
}

EXPORT int ruserok_af(const char *host, int superuser, const char *remote, const char *local, sa_family_t family)
{
    ASKING(int, "ruserok_af", NULL, false, 0, RARE_REAL(ruserok_af)(host, superuser, remote, local, family),
           result != 0);
}

EXPORT int iruserok(uint32_t address, int superuser, const char *remote, const char *local)
{
    ASKING(int, "iruserok", NULL, false, 0, RARE_REAL(iruserok)(address, superuser, remote, local), result != 0);
}

EXPORT int iruserok_af(const void *address, int superuser, const char *remote, const char *local, sa_family_t family)
{
    ASKING(int, "iruserok_af", NULL, false, 0, RARE_REAL(iruserok_af)(address, superuser, remote, local, family),
           result != 0);
}

/*
 * getaddrinfo_a: libc looks up in threads of its own, each with a state of its own, which is made from
 * /etc/resolv.conf. Where that has a server which is refused the names are looked up here, one after the other; without
 * any server at once.
 */

/* What a program that does not wait is told when all is done. */
static void notify(const struct sigevent *event)
{
    siginfo_t info;

    if (event == NULL || event->sigev_notify == SIGEV_NONE)
        return;
    if (event->sigev_notify != SIGEV_SIGNAL) {
        RARE_REAL(getaddrinfo_a)(GAI_NOWAIT, NULL, 0, (struct sigevent *)(uintptr_t)event);
        return;
    }
    memset(&info, 0, sizeof(info));
    info.si_signo = event->sigev_signo;
    info.si_code = SI_ASYNCNL;
    info.si_pid = getpid();
    info.si_uid = (uid_t)kernel_call(SYS_getuid, 0);
    info.si_value = event->sigev_value;
    kernel_call(SYS_rt_sigqueueinfo, info.si_pid, info.si_signo, &info);
}

static int look_up(const struct gaicb *request, struct addrinfo **out)
{
    ASKING_NAMES(int, "getaddrinfo_a", NULL, false, 0,
                 RARE_REAL(getaddrinfo)(request->ar_name, request->ar_service, request->ar_request, out),
                 result == EAI_AGAIN, result == 0 ? found_addresses("getaddrinfo_a", request->ar_name, *out) : (void)0);
}

/* By libc's threads. Names can be told of where the program waits for all of them. */
static int look_up_aside(int mode, struct gaicb **list, int count, struct sigevent *event)
{
    int result = RARE_REAL(getaddrinfo_a)(mode, list, count, event);

    if (!servers_matter() || !found_names_matter() || mode != GAI_WAIT || result != 0)
        return result;
    for (int i = 0; i < count; i++) {
        if (list[i] != NULL && list[i]->__return == 0)
            found_addresses("getaddrinfo_a", list[i]->ar_name, list[i]->ar_result);
    }
    return result;
}

EXPORT int getaddrinfo_a(int mode, struct gaicb **restrict list, int count, struct sigevent *restrict event)
{
    if (!servers_matter() || (mode != GAI_WAIT && mode != GAI_NOWAIT) || !servers_are_refused())
        return look_up_aside(mode, list, count, event);
    for (int i = 0; i < count; i++) {
        if (list[i] != NULL)
            list[i]->__return = look_up(list[i], &list[i]->ar_result);
    }
    if (mode == GAI_NOWAIT)
        notify(event);
    return 0;
}
