/* SPDX-License-Identifier: MIT */
/*
 * accept and accept4: streams by their peer, which is known only afterwards.
 *
 * A refused connection is taken, reset and closed, and accept goes on until the kernel itself has nothing more, so that
 * edge-triggered servers miss nobody and level-triggered ones do not spin. Where the rule names an errno accept itself
 * fails with it, once a refused connection. A refused local port takes nothing.
 */
#include "shim/follow.h"
#include "shim/hints.h"
#include "shim/local.h"
#include "shim/patience.h"
#include "shim/readiness.h"
#include "shim/real.h"
#include "shim/sandbox.h"
#include "state/kernel.h"

#include <errno.h>
#include <string.h>

#define KINDS (WATCH_FROM_STREAM | WATCH_FROM_UNIX | WATCH_ON | WATCH_ON_UNIX)

/* Refused connections that one call takes: a flood must not hold it for ever. */
#define REFUSED_MAX 1024

struct taking {
    struct listener listener;
    int flags;
    bool four;     /* accept4: `flags` count */
    bool reported; /* this thread was told that it is readable */
    bool late;     /* the kernel was asked under an older policy, which had nothing to judge, and gave `taken` */
    int taken;
    uint64_t state; /* under which the listener's own address was judged */
    struct patience patience;
};

/*
 * Closes with a reset (tcp(7): linger of zero), so that the peer does not take the refusal for an answer. In a sandbox
 * only closes.
 */
static void reset_and_close(int fd)
{
    struct linger linger = {.l_onoff = 1, .l_linger = 0};
    int saved = errno;

    if (!sandboxed())
        real.setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
    kernel_close(fd); /* close(2) is a cancellation point, and would leave it open */
    errno = saved;
}

static int take(struct taking *taking, struct own_address *peer)
{
    peer->length = sizeof(peer->storage);
    if (unlikely(taking->late)) {
        taking->late = false;
        if (!sandboxed() && real.getpeername(taking->taken, (struct sockaddr *)&peer->storage, &peer->length) == 0)
            return taking->taken;
        /* Whose name is no longer known has gone: nobody misses a connection that was lost before it was taken. */
        reset_and_close(taking->taken);
        peer->length = sizeof(peer->storage);
    }
    if (taking->four)
        return real.accept4(taking->listener.fd, (struct sockaddr *)&peer->storage, &peer->length, taking->flags);
    return real.accept(taking->listener.fd, (struct sockaddr *)&peer->storage, &peer->length);
}

/* Gives the caller the address as the kernel would: as much as fits, and the whole length. */
static void address_give(const struct own_address *own, struct sockaddr *address, socklen_t *length)
{
    if (address == NULL)
        return;
    memcpy(address, &own->storage, *length < own->length ? *length : own->length);
    *length = own->length;
}

/* The name of a connection that was taken, where anything depends on it. It is asked for once at most. */
static bool taken_name(const struct taking *taking, int fd, struct own_address *name)
{
    return (taking->listener.remembered || (taking->listener.wildcard && watching(WATCH_ON_SPECIFIC))) &&
           bound_name(fd, name);
}

/*
 * Judges the peer of a connection that was taken, and its local address (or NULL) where the listener's is a wildcard.
 */
static void judge_taken(struct ruling *ruling, const struct taking *taking, int fd, const struct own_address *peer,
                        const struct own_address *name)
{
    char path[QUERY_PATH];
    struct query query;

    ruling->refused = false;
    if (watching(WATCH_FROM_STREAM | WATCH_FROM_UNIX) &&
        query_from_sockaddr(&query, DIRECTION_FROM, (const struct sockaddr *)&peer->storage, peer->length,
                            UNSPEC_IS_NOTHING, hint_get(taking->listener.fd).protos & (PROTO_TCP | PROTO_SCTP),
                            path) == QUERY_JUDGE) {
        query.port_known = name != NULL && name_port(name, &query.port);
        if (sandboxed() && taking->listener.remembered) { /* what was accepted has the listener's port */
            query.port_known = true;
            query.port = taking->listener.port;
        }
        judge(ruling, &query, fd, "accept");
    }
    if (!ruling->refused && name == NULL && taking->listener.wildcard && watching(WATCH_ON_SPECIFIC)) {
        ruling->refused = true; /* which of our addresses it came to may not be asked */
        ruling->error_named = false;
    }
    if (!ruling->refused && name != NULL && taking->listener.wildcard && watching(WATCH_ON_SPECIFIC)) {
        int saved = errno;

        if (bound_name_refused(fd, name, "accept")) {
            ruling->refused = true;
            ruling->error_named = false;
            errno = saved;
        }
    }
}

/*
 * After a refusal on a blocking listener: whether to ask the kernel again. A caller that was just told "readable" must
 * not be left waiting, and one with a time limit waits only for what is left of it.
 */
static bool may_take_again(struct taking *taking)
{
    struct pollfd one = {.fd = taking->listener.fd, .events = POLLIN};
    bool wait;

    if (sandboxed()) { /* the kernel is asked as the caller asked it */
        if (!readiness_take(taking->listener.fd) && !taking->reported)
            return true;
        errno = ECONNABORTED;
        return false;
    }
    if (real.fcntl(taking->listener.fd, F_GETFL) & O_NONBLOCK) /* the kernel says EAGAIN by itself */
        return true;
    taking->reported |= readiness_take(taking->listener.fd);
    if (real.poll(&one, 1, 0) > 0)
        return true;
    if (taking->reported) {
        errno = ECONNABORTED;
        return false;
    }
    return patience_waits(&taking->patience, NULL, &wait);
}

/*
 * A server mostly waits in accept while its policy is changed. What it takes then is judged by the newer one, and so is
 * the listener itself: true where that refuses, with errno set.
 */
static bool refused_meanwhile(struct taking *taking)
{
    if (likely(process_state() == taking->state))
        return false;
    policy_ready(0);
    taking->state = process_state();
    return watching(WATCH_ON | WATCH_ON_UNIX) && listener_refused(&taking->listener);
}

static int accept_loop(struct taking *taking, struct own_address *peer)
{
    int saved = errno;

    for (int refused = 0; refused < REFUSED_MAX; refused++) {
        int fd = take(taking, peer);
        struct own_address name;
        struct ruling ruling;
        bool named;

        if (fd < 0)
            return -1;
        hint_copy_accepted(taking->listener.fd, fd); /* the number may have been another socket's */
        if (refused_meanwhile(taking)) {
            reset_and_close(fd);
            return -1;
        }
        named = taken_name(taking, fd, &name);
        /* So may the listener's: close(2) is not watched, and not every socket is made in our sight. */
        if (named && listener_is_another(&taking->listener, &name) && listener_refused(&taking->listener)) {
            reset_and_close(fd);
            return -1;
        }
        judge_taken(&ruling, taking, fd, peer, named ? &name : NULL);
        if (!ruling.refused) {
            errno = saved;
            return fd;
        }
        reset_and_close(fd);
        if (ruling.error_named && !ruling.drop) {
            errno = ruling.error;
            return -1;
        }
        if (refused == 0)
            patience_begin(&taking->patience, taking->listener.fd, 0);
        if (!may_take_again(taking))
            return -1;
    }
    errno = ECONNABORTED;
    return -1;
}

static int accept_judged(struct taking *taking, struct sockaddr *address, socklen_t *length)
{
    struct own_address peer;
    int fd;

    patience_enter(&taking->patience, 0);
    hint_expect_stream(taking->listener.fd);
    hint_of_listener(taking->listener.fd);
    taking->state = process_state();
    if (watching(WATCH_ON | WATCH_ON_UNIX) && listener_refused(&taking->listener)) {
        if (taking->late)
            reset_and_close(taking->taken);
        cancellation_point();
        return -1;
    }
    fd = accept_loop(taking, &peer);
    readiness_end(taking->listener.fd);
    if (fd >= 0)
        address_give(&peer, address, length);
    return fd;
}

/* Arguments that the kernel itself refuses, after it has taken the connection or before. */
static bool is_for_kernel(const struct sockaddr *address, const socklen_t *length)
{
    return address != NULL && (plainly_bad(address) || plainly_bad(length) || (int)*length < 0);
}

static int accept_watched(struct taking *taking, struct sockaddr *address, socklen_t *length)
{
    bool for_kernel = is_for_kernel(address, length);
    socklen_t room = for_kernel || address == NULL ? 0 : *length;

    follow_sources();
    if (policy_ready(KINDS) && !for_kernel)
        return accept_judged(taking, address, length);
    taking->taken = taking->four ? real.accept4(taking->listener.fd, address, length, taking->flags)
                                 : real.accept(taking->listener.fd, address, length);
    if (watching(WATCH_HINTS))
        hint_copy_accepted(taking->listener.fd, taking->taken);
    if (taking->taken < 0 || for_kernel || !policy_ready(KINDS))
        return taking->taken;
    taking->late = true;
    if (address != NULL)
        *length = room;
    return accept_judged(taking, address, length);
}

/* accept */

static __attribute__((noinline)) int accept_slow(int fd, struct sockaddr *address, socklen_t *length)
{
    struct taking taking = {.listener = {.fd = fd}};

    return accept_watched(&taking, address, length);
}

static inline int sockade_accept(int fd, struct sockaddr *address, socklen_t *length)
{
    if (!watching(~0u))
        return real.accept(fd, address, length);
    return accept_slow(fd, address, length);
}

EXPORT int accept(int fd, struct sockaddr *address, socklen_t *length)
{
    return sockade_accept(fd, address, length);
}

/* accept4 */

static __attribute__((noinline)) int accept4_slow(int fd, struct sockaddr *address, socklen_t *length, int flags)
{
    struct taking taking = {.listener = {.fd = fd}, .flags = flags, .four = true};

    return accept_watched(&taking, address, length);
}

static inline int sockade_accept4(int fd, struct sockaddr *address, socklen_t *length, int flags)
{
    if (!watching(~0u))
        return real.accept4(fd, address, length, flags);
    return accept4_slow(fd, address, length, flags);
}

EXPORT int accept4(int fd, struct sockaddr *address, socklen_t *length, int flags)
{
    return sockade_accept4(fd, address, length, flags);
}
