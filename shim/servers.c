/* SPDX-License-Identifier: MIT */
/*
 * Name servers left out of a resolver state for one call.
 *
 * Since glibc 2.26 (resolv/resolv_conf.c) a state whose list of servers is not the file's own is taken for a program's
 * choice: it is used as it stands, and not read anew from /etc/resolv.conf. A list without servers is one too: the call
 * ends at once with "try again" and opens no socket. The state is brought up to date before the look at it, and not
 * once more during the call (RES_NORELOAD), so that what is judged is what is used. Proved in
 * tests/kernel/no_servers.c.
 *
 * An IPv4 server stands in nsaddr_list; for an IPv6 one the family there is 0, and nsaddrs points to it. The second
 * list and the sockets count only when _ext.nscount is not 0, which the first question sets.
 */
#include "shim/servers.h"

#include "shim/judge.h"
#include "shim/real.h"

#include <errno.h>
#include <netdb.h>
#include <string.h>

#define EXTENDED(state) ((state)->_u._ext)

/* What a call of this thread left out, while it lasts. It stays where a signal handler jumps out of the call. */
static __thread struct servers left_out __attribute__((tls_model("initial-exec")));
static __thread uintptr_t left_out_by __attribute__((tls_model("initial-exec"))); /* that call's frame, or 0 */

/* A function of libc's that is not hooked. */
#define LIBC(name)                                                                                                     \
    ({                                                                                                                 \
        static void *bound;                                                                                            \
        (__typeof__(&(name)))libc_function(&bound, #name);                                                             \
    })

/* This thread's state. */
static res_state thread_state(void)
{
    __typeof__(&__res_state) find = LIBC(__res_state);

    return find == NULL ? NULL : find();
}

/*
 * Brings this thread's state up to date. What is a literal asks nobody, and reads /etc/resolv.conf anew where that has
 * changed. The calls named res_ keep what a program has set before its first one.
 */
static void state_update(res_state state, bool early)
{
    __typeof__(&gethostbyname_r) look_up = LIBC(gethostbyname_r); /* another preload's might ask somebody */
    __typeof__(&__res_init) begin = LIBC(__res_init);
    struct hostent host;
    struct hostent *found;
    char room[256];
    int error;

    if (early && !(state->options & RES_INIT) && begin != NULL)
        begin();
    else if (look_up != NULL)
        look_up("127.0.0.1", &host, room, sizeof(room), &found, &error);
}

/* Server `i` as an address; 0 where it has none that could be asked. */
static socklen_t server_address(const struct __res_state *state, int i, struct sockaddr_in6 *out)
{
    if (state->nsaddr_list[i].sin_family != 0) {
        memcpy(out, &state->nsaddr_list[i], sizeof(state->nsaddr_list[i]));
        return sizeof(state->nsaddr_list[i]);
    }
    if (plainly_bad(EXTENDED(state).nsaddrs[i]))
        return 0;
    memcpy(out, EXTENDED(state).nsaddrs[i], sizeof(*out));
    return sizeof(*out);
}

/* Judges server `i`. `op`, where not NULL: events are written under this name. */
static bool server_refused(const struct __res_state *state, int i, unsigned proto, bool *has_news, const char *op)
{
    struct sockaddr_in6 address;
    socklen_t length = server_address(state, i, &address);
    char path[QUERY_PATH];
    struct query query;
    struct ruling ruling;

    if (query_from_sockaddr(&query, DIRECTION_TO, (struct sockaddr *)&address, length, UNSPEC_IS_NOTHING, proto,
                            path) != QUERY_JUDGE)
        return false;
    judge_silently(&ruling, &query, -1);
    if (op != NULL)
        judge_report(&ruling, &query, op);
    *has_news |= ruling.reportable;
    return ruling.refused;
}

static int server_count(const struct __res_state *state)
{
    return state->nscount < 0 ? 0 : state->nscount > MAXNS ? MAXNS : state->nscount;
}

/* Judges all of them: those that are allowed come first in `order`, else it is as it was. */
static void servers_judge(struct servers *servers)
{
    const struct __res_state *state = servers->state;
    unsigned proto = servers->by_tcp ? PROTO_TCP : PROTO_UDP;
    uint8_t refused[MAXNS] = {0};
    int refused_count = 0;

    servers->count = server_count(state);
    for (int i = 0; i < servers->count; i++) {
        if (server_refused(state, i, proto, &servers->has_news, NULL)) {
            refused[refused_count++] = (uint8_t)i;
            continue;
        }
        servers->order[servers->kept++] = (uint8_t)i;
        /*
         * Answers that do not fit a datagram are asked for again by TCP; where that is refused what there is must do.
         */
        if (!servers->by_tcp && watching(WATCH_PROTOCOL) && server_refused(state, i, PROTO_TCP, &(bool){false}, NULL))
            servers->added |= RES_IGNTC;
    }
    memcpy(servers->order + servers->kept, refused, (size_t)refused_count);
}

/* Moves servers, with what belongs to each: the one in place from[i] comes to to[i], where NULL is i itself. */
static void servers_move(res_state state, const uint8_t *from, const uint8_t *to, int count)
{
    struct __res_state before = *state;

    for (int i = 0; i < count; i++) {
        int source = from == NULL ? i : from[i];
        int target = to == NULL ? i : to[i];

        state->nsaddr_list[target] = before.nsaddr_list[source];
        EXTENDED(state).nsaddrs[target] = EXTENDED(&before).nsaddrs[source];
        EXTENDED(state).nssocks[target] = EXTENDED(&before).nssocks[source];
    }
}

static bool has_open_sockets(const struct __res_state *state, int count)
{
    for (int i = 0; i < count; i++) {
        if (EXTENDED(state).nssocks[i] != -1)
            return true;
    }
    return false;
}

/* Makes the state one that shows whether a server has been asked, where it has no sockets to lose. */
static void make_untouched(struct servers *servers)
{
    res_state state = servers->state;

    if (EXTENDED(state).nscount != 0 && EXTENDED(state).nscount <= MAXNS &&
        !has_open_sockets(state, EXTENDED(state).nscount))
        EXTENDED(state).nscount = 0;
    servers->untouched = EXTENDED(state).nscount == 0;
}

/* The state as it was, but for what the call itself has done to it. */
static void state_restore(const struct servers *servers)
{
    res_state state = servers->state;

    state->options &= ~servers->added;
    if (servers->kept == servers->count)
        return;
    if (servers->kept > 0) {
        servers_move(state, NULL, servers->order, servers->count);
        /* Those that were left out have no socket if nothing was known of any before. */
        for (int i = servers->kept; i < servers->count && servers->untouched; i++)
            EXTENDED(state).nssocks[servers->order[i]] = -1;
        if (servers->untouched && EXTENDED(state).nscount != 0 && !has_open_sockets(state, servers->count))
            EXTENDED(state).nscount = 0;
    }
    state->nscount = servers->count;
}

void servers_leave_out(struct servers *servers, const char *op, res_state state, bool early, size_t question)
{
    int saved = errno;

    *servers = (struct servers){.op = op};
    /* A call that a signal handler jumped out of: its frame was no deeper than this one. */
    if (left_out_by != 0 && left_out_by <= (uintptr_t)servers) {
        state_restore(&left_out);
        left_out_by = 0;
    }
    if (state == NULL && (state = thread_state()) != NULL) {
        if (left_out_by == 0)
            state_update(state, early);
        servers->own = true;
        servers->added = RES_NORELOAD;
    }
    errno = saved;
    if (plainly_bad(state))
        return;
    servers->state = state;
    servers->by_tcp = (state->options & RES_USEVC) || question > QUESTION_BY_UDP;
    servers_judge(servers);
    /*
     * It could not be brought up to date, for want of memory perhaps. What the call would find is unknown: it finds
     * none.
     */
    if (servers->own && !(state->options & RES_INIT))
        servers->added |= RES_INIT;
    servers->added &= ~state->options;
    state->options |= servers->added;
    if (servers->kept < servers->count) {
        if (servers->kept > 0)
            servers_move(state, servers->order, NULL, servers->count);
        state->nscount = servers->kept;
    }
    if (servers->has_news || servers->kept < servers->count)
        make_untouched(servers);
    if (servers->own && left_out_by == 0) {
        left_out = *servers;
        left_out_by = (uintptr_t)servers;
    }
}

/* Whether a server was asked, or would have been. */
static bool were_asked(const struct servers *servers, bool unanswered)
{
    if (servers->kept == 0)
        return unanswered;
    return !servers->untouched || EXTENDED(servers->state).nscount != 0;
}

/* Events of those that were left out, and of the first that was not. */
static void servers_report(const struct servers *servers)
{
    unsigned proto = servers->by_tcp ? PROTO_TCP : PROTO_UDP;

    for (int i = 0; i < servers->count; i++) {
        bool ignored = false;

        if (i == 0 || i >= servers->kept)
            server_refused(servers->state, servers->order[i], proto, &ignored, servers->op);
    }
}

void servers_put_back(struct servers *servers, bool unanswered)
{
    int saved = errno;
    bool asked;

    if (servers->state == NULL)
        return;
    asked = servers->has_news && were_asked(servers, unanswered);
    state_restore(servers);
    if (left_out_by == (uintptr_t)servers)
        left_out_by = 0;
    if (asked)
        servers_report(servers);
    errno = saved;
}

bool servers_are_refused(void)
{
    struct servers servers;
    bool refused;

    servers_leave_out(&servers, "", NULL, false, 0);
    refused = servers.state == NULL || servers.kept < servers.count;
    servers.has_news = false;
    servers_put_back(&servers, false);
    /* NOLINTNEXTLINE(clang-analyzer-core.StackAddressEscape): a number to compare, which is 0 again */
    return refused;
}
