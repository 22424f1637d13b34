/* SPDX-License-Identifier: MIT */
/*
 * Questions to name servers as a program puts them, in libc's words res_query and its kin.
 *
 * The names in their answers are not told of: those are packets, which the program reads by itself.
 *
 * What a newer libc calls res_query was __res_query before glibc 2.34, and old programs still say so.
 */
#include "shim/asking.h"

EXPORT int res_query(const char *domain, int class, int type, unsigned char *answer, int size)
{
    ASKING(int, "res_query", NULL, true, 0, RARE_REAL(res_query)(domain, class, type, answer, size), result < 0);
}

EXPORT int __res_query(const char *domain, int class, int type, unsigned char *answer, int size)
{
    ASKING(int, "res_query", NULL, true, 0, RARE_REAL(__res_query)(domain, class, type, answer, size), result < 0);
}

EXPORT int res_search(const char *domain, int class, int type, unsigned char *answer, int size)
{
    ASKING(int, "res_search", NULL, true, 0, RARE_REAL(res_search)(domain, class, type, answer, size), result < 0);
}

EXPORT int __res_search(const char *domain, int class, int type, unsigned char *answer, int size)
{
    ASKING(int, "res_search", NULL, true, 0, RARE_REAL(__res_search)(domain, class, type, answer, size), result < 0);
}

EXPORT int res_querydomain(const char *host, const char *domain, int class, int type, unsigned char *answer, int size)
{
    ASKING(int, "res_querydomain", NULL, true, 0, RARE_REAL(res_querydomain)(host, domain, class, type, answer, size),
           result < 0);
}

EXPORT int __res_querydomain(const char *host, const char *domain, int class, int type, unsigned char *answer, int size)
{
    ASKING(int, "res_querydomain", NULL, true, 0, RARE_REAL(__res_querydomain)(host, domain, class, type, answer, size),
           result < 0);
}

EXPORT int res_send(const unsigned char *question, int length, unsigned char *answer, int size)
{
    ASKING(int, "res_send", NULL, true, length < 0 ? 0 : length, RARE_REAL(res_send)(question, length, answer, size),
           result < 0);
}

EXPORT int __res_send(const unsigned char *question, int length, unsigned char *answer, int size)
{
    ASKING(int, "res_send", NULL, true, length < 0 ? 0 : length, RARE_REAL(__res_send)(question, length, answer, size),
           result < 0);
}

/* The same with a state of the program's own. */

EXPORT int res_nquery(res_state state, const char *domain, int class, int type, unsigned char *answer, int size)
{
    ASKING(int, "res_nquery", state, true, 0, RARE_REAL(res_nquery)(state, domain, class, type, answer, size),
           result < 0);
}

EXPORT int __res_nquery(res_state state, const char *domain, int class, int type, unsigned char *answer, int size)
{
    ASKING(int, "res_nquery", state, true, 0, RARE_REAL(__res_nquery)(state, domain, class, type, answer, size),
           result < 0);
}

EXPORT int res_nsearch(res_state state, const char *domain, int class, int type, unsigned char *answer, int size)
{
    ASKING(int, "res_nsearch", state, true, 0, RARE_REAL(res_nsearch)(state, domain, class, type, answer, size),
           result < 0);
}

EXPORT int __res_nsearch(res_state state, const char *domain, int class, int type, unsigned char *answer, int size)
{
    ASKING(int, "res_nsearch", state, true, 0, RARE_REAL(__res_nsearch)(state, domain, class, type, answer, size),
           result < 0);
}

EXPORT int res_nquerydomain(res_state state, const char *host, const char *domain, int class, int type,
                            unsigned char *answer, int size)
{
    ASKING(int, "res_nquerydomain", state, true, 0,
           RARE_REAL(res_nquerydomain)(state, host, domain, class, type, answer, size), result < 0);
}

EXPORT int __res_nquerydomain(res_state state, const char *host, const char *domain, int class, int type,
                              unsigned char *answer, int size)
{
    ASKING(int, "res_nquerydomain", state, true, 0,
           RARE_REAL(__res_nquerydomain)(state, host, domain, class, type, answer, size), result < 0);
}

EXPORT int res_nsend(res_state state, const unsigned char *question, int length, unsigned char *answer, int size)
{
    ASKING(int, "res_nsend", state, true, length < 0 ? 0 : length,
           RARE_REAL(res_nsend)(state, question, length, answer, size), result < 0);
}

EXPORT int __res_nsend(res_state state, const unsigned char *question, int length, unsigned char *answer, int size)
{
    ASKING(int, "res_nsend", state, true, length < 0 ? 0 : length,
           RARE_REAL(__res_nsend)(state, question, length, answer, size), result < 0);
}

/* What libresolv alone has, for programs of before glibc 2.1. */

EXPORT struct hostent *res_gethostbyname(const char *name)
{
    struct hostent *(*look_up)(const char *) = RARE_REAL(res_gethostbyname);

    ASKING_NAMES(struct hostent *, "res_gethostbyname", NULL, true, 0, look_up(name), result == NULL,
                 found_host("res_gethostbyname", name, result));
}

EXPORT struct hostent *res_gethostbyname2(const char *name, int family)
{
    ASKING_NAMES(struct hostent *, "res_gethostbyname2", NULL, true, 0, RARE_REAL(res_gethostbyname2)(name, family),
                 result == NULL, found_host("res_gethostbyname2", name, result));
}

EXPORT struct hostent *res_gethostbyaddr(const void *address, socklen_t length, int family)
{
    ASKING_NAMES(struct hostent *, "res_gethostbyaddr", NULL, true, 0,
                 RARE_REAL(res_gethostbyaddr)(address, length, family), result == NULL,
                 found_host("res_gethostbyaddr", result != NULL ? result->h_name : NULL, result));
}
