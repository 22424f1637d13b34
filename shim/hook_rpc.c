/* SPDX-License-Identifier: MIT */
/*
 * Sun RPC inside libc, for old programs (hooks_old.def): where a client is to go is judged before it is made. A
 * service's port is asked for here, so that the one that is judged is the one that is used. A server is judged by where
 * it stands once it is made; what it takes from whom is not judged, since it waits and receives inside libc.
 */
#ifdef OLD_VERSION

#include "shim/asking.h"
#include "shim/hints.h"
#include "shim/local.h"
#include "state/kernel.h"

#include <errno.h>
#include <string.h>
#include <sys/time.h>

#define KINDS (WATCH_TO | WATCH_ON)
#define MAPPER_PORT 111
#define TIME_PORT 37

/* The results that a refusal gives (rpc/clnt.h, enum clnt_stat). */
#define RPC_CANNOT_SEND 3
#define RPC_SYSTEM_ERROR 12

struct client;
struct mappings;

/* SVCXPRT and its operations, as far as they are looked at here. */
struct transport {
    int socket;
    uint16_t port;
    const struct operations {
        void (*other[5])(void);
        void (*destroy)(struct transport *transport);
    } * operations;
};

/* struct rpc_createerr. */
struct creation_error {
    int status;
    struct {
        int status;
        union {
            int number;
            unsigned long versions[2];
        } of;
    } error;
};

/* An export of the version that old programs ask for; `local: *_old` hides the name that it has here. */
#define OLD_EXPORT(name) __asm__(".symver " #name "_old, " #name "@" OLD_VERSION)

/* libc's own `name`, with the type of the hook. */
#define OLD_REAL(name)                                                                                                 \
    ({                                                                                                                 \
        static void *bound;                                                                                            \
        (__typeof__(&name##_old))libc_function(&bound, #name);                                                         \
    })

static bool judged(void)
{
    return concerned(KINDS) && policy_ready(KINDS);
}

/* Whether the policy refuses `port` there, in host order; errno is set then. */
static bool port_refused(const struct sockaddr_in *to, uint16_t port, unsigned proto, const char *op)
{
    struct sockaddr_in address = *to;
    char path[QUERY_PATH];
    struct query query;
    struct ruling ruling;

    address.sin_port = htons(port);
    if (query_from_sockaddr(&query, DIRECTION_TO, (struct sockaddr *)&address, sizeof(address), UNSPEC_IS_NOTHING,
                            proto, path) != QUERY_JUDGE)
        return false;
    judge(&ruling, &query, -1, op);
    if (ruling.refused)
        errno = ruling.drop ? ETIMEDOUT : ruling.error;
    return ruling.refused;
}

/* Notes a refusal where clnt_pcreateerror(3) looks for it. */
static void creation_refused(void)
{
    static void *bound;
    struct creation_error *(*find)(void) = NULL;
    struct creation_error *error;
    int number = errno;

    *(void **)(&find) = libc_function(&bound, "__rpc_thread_createerr");
    error = find == NULL ? NULL : find();
    if (error != NULL) {
        error->status = RPC_SYSTEM_ERROR;
        error->error.of.number = number;
    }
    errno = number;
}

/* The port mapper. */

EXPORT uint16_t pmap_getport_old(struct sockaddr_in *to, unsigned long program, unsigned long version,
                                 unsigned protocol);
OLD_EXPORT(pmap_getport);
uint16_t pmap_getport_old(struct sockaddr_in *to, unsigned long program, unsigned long version, unsigned protocol)
{
    if (judged() && !plainly_bad(to) &&
        port_refused(to, MAPPER_PORT, protocol == IPPROTO_TCP ? PROTO_TCP : PROTO_UDP, "pmap_getport")) {
        creation_refused();
        return 0;
    }
    return OLD_REAL(pmap_getport)(to, program, version, protocol);
}

EXPORT struct mappings *pmap_getmaps_old(struct sockaddr_in *to);
OLD_EXPORT(pmap_getmaps);
struct mappings *pmap_getmaps_old(struct sockaddr_in *to)
{
    if (judged() && !plainly_bad(to) && port_refused(to, MAPPER_PORT, PROTO_TCP, "pmap_getmaps"))
        return NULL;
    return OLD_REAL(pmap_getmaps)(to);
}

EXPORT int pmap_rmtcall_old(struct sockaddr_in *to, unsigned long program, unsigned long version,
                            unsigned long procedure, void *write, void *arguments, void *read, void *result,
                            struct timeval wait, unsigned long *port);
OLD_EXPORT(pmap_rmtcall);
int pmap_rmtcall_old(struct sockaddr_in *to, unsigned long program, unsigned long version, unsigned long procedure,
                     void *write, void *arguments, void *read, void *result, struct timeval wait, unsigned long *port)
{
    if (judged() && !plainly_bad(to) && port_refused(to, MAPPER_PORT, PROTO_UDP, "pmap_rmtcall"))
        return RPC_CANNOT_SEND;
    return OLD_REAL(pmap_rmtcall)(to, program, version, procedure, write, arguments, read, result, wait, port);
}

EXPORT int clnt_broadcast_old(unsigned long program, unsigned long version, unsigned long procedure, void *write,
                              void *arguments, void *read, void *result, void *each);
OLD_EXPORT(clnt_broadcast);
int clnt_broadcast_old(unsigned long program, unsigned long version, unsigned long procedure, void *write,
                       void *arguments, void *read, void *result, void *each)
{
    const struct sockaddr_in all = {.sin_family = AF_INET, .sin_addr = {INADDR_BROADCAST}};

    if (judged() && port_refused(&all, MAPPER_PORT, PROTO_UDP, "clnt_broadcast"))
        return RPC_CANNOT_SEND;
    return OLD_REAL(clnt_broadcast)(program, version, procedure, write, arguments, read, result, each);
}

/* Clients of an address. */

/* Whether a client may not be made: it is refused, or nobody knows the port. As in libc, the port is put into `to`. */
static bool client_refused(struct sockaddr_in *to, unsigned long program, unsigned long version, int protocol,
                           const char *op)
{
    bool refused;

    if (plainly_bad(to))
        return false;
    if (to->sin_port == 0) {
        uint16_t port = pmap_getport_old(to, program, version, (unsigned)protocol);

        if (port == 0)
            return true;
        to->sin_port = htons(port);
    }
    refused = port_refused(to, ntohs(to->sin_port), protocol == IPPROTO_TCP ? PROTO_TCP : PROTO_UDP, op);
    if (refused)
        creation_refused();
    return refused;
}

EXPORT struct client *clnttcp_create_old(struct sockaddr_in *to, unsigned long program, unsigned long version, int *fd,
                                         unsigned send_size, unsigned receive_size);
OLD_EXPORT(clnttcp_create);
struct client *clnttcp_create_old(struct sockaddr_in *to, unsigned long program, unsigned long version, int *fd,
                                  unsigned send_size, unsigned receive_size)
{
    if (judged() && client_refused(to, program, version, IPPROTO_TCP, "clnttcp_create"))
        return NULL;
    return OLD_REAL(clnttcp_create)(to, program, version, fd, send_size, receive_size);
}

EXPORT struct client *clntudp_bufcreate_old(struct sockaddr_in *to, unsigned long program, unsigned long version,
                                            struct timeval wait, int *fd, unsigned send_size, unsigned receive_size);
OLD_EXPORT(clntudp_bufcreate);
struct client *clntudp_bufcreate_old(struct sockaddr_in *to, unsigned long program, unsigned long version,
                                     struct timeval wait, int *fd, unsigned send_size, unsigned receive_size)
{
    if (judged() && client_refused(to, program, version, IPPROTO_UDP, "clntudp_bufcreate"))
        return NULL;
    return OLD_REAL(clntudp_bufcreate)(to, program, version, wait, fd, send_size, receive_size);
}

EXPORT struct client *clntudp_create_old(struct sockaddr_in *to, unsigned long program, unsigned long version,
                                         struct timeval wait, int *fd);
OLD_EXPORT(clntudp_create);
struct client *clntudp_create_old(struct sockaddr_in *to, unsigned long program, unsigned long version,
                                  struct timeval wait, int *fd)
{
    if (judged() && client_refused(to, program, version, IPPROTO_UDP, "clntudp_create"))
        return NULL;
    return OLD_REAL(clntudp_create)(to, program, version, wait, fd);
}

/* Clients of a host. */

/* Looks up the host's first IPv4 address, as libc does; false where libc itself is to say that there is none. */
static bool host_address(const char *host, struct sockaddr_in *out, const char *op)
{
    struct hostent room;
    struct hostent *found = NULL;
    char buffer[1024];
    int error = 0;
    struct servers servers;

    servers_leave_out(&servers, op, NULL, false, 0);
    RARE_REAL(gethostbyname_r)(host, &room, buffer, sizeof(buffer), &found, &error);
    servers_put_back(&servers, found == NULL && error == TRY_AGAIN);
    if (found == NULL || found->h_addrtype != AF_INET)
        return false;
    memset(out, 0, sizeof(*out));
    out->sin_family = AF_INET;
    memcpy(&out->sin_addr, found->h_addr_list[0], sizeof(out->sin_addr));
    return true;
}

EXPORT struct client *clnt_create_old(const char *host, unsigned long program, unsigned long version,
                                      const char *protocol);
OLD_EXPORT(clnt_create);
struct client *clnt_create_old(const char *host, unsigned long program, unsigned long version, const char *protocol)
{
    struct sockaddr_in to;
    int fd = -1; /* RPC_ANYSOCK */

    if (judged() && !plainly_bad(host) && !plainly_bad(protocol) && host_address(host, &to, "clnt_create")) {
        if (strcmp(protocol, "tcp") == 0)
            return clnttcp_create_old(&to, program, version, &fd, 0, 0);
        if (strcmp(protocol, "udp") == 0)
            return clntudp_create_old(&to, program, version, (struct timeval){.tv_sec = 5}, &fd);
    }
    ASKING(struct client *, "clnt_create", NULL, false, 0, OLD_REAL(clnt_create)(host, program, version, protocol),
           false);
}

EXPORT int getrpcport_old(const char *host, unsigned long program, unsigned long version, unsigned protocol);
OLD_EXPORT(getrpcport);
int getrpcport_old(const char *host, unsigned long program, unsigned long version, unsigned protocol)
{
    struct sockaddr_in to;

    if (judged() && !plainly_bad(host) && host_address(host, &to, "getrpcport"))
        return pmap_getport_old(&to, program, version, protocol);
    ASKING(int, "getrpcport", NULL, false, 0, OLD_REAL(getrpcport)(host, program, version, protocol), false);
}

EXPORT int callrpc_old(const char *host, unsigned long program, unsigned long version, unsigned long procedure,
                       void *write, const char *arguments, void *read, char *out);
OLD_EXPORT(callrpc);
int callrpc_old(const char *host, unsigned long program, unsigned long version, unsigned long procedure, void *write,
                const char *arguments, void *read, char *out)
{
    struct sockaddr_in to;

    if (judged() && !plainly_bad(host) && host_address(host, &to, "callrpc") &&
        client_refused(&to, program, version, IPPROTO_UDP, "callrpc"))
        return RPC_SYSTEM_ERROR;
    ASKING(int, "callrpc", NULL, false, 0,
           OLD_REAL(callrpc)(host, program, version, procedure, write, arguments, read, out), false);
}

EXPORT int rtime_old(struct sockaddr_in *to, void *time, void *wait);
OLD_EXPORT(rtime);
int rtime_old(struct sockaddr_in *to, void *time, void *wait)
{
    if (judged() && !plainly_bad(to) && port_refused(to, TIME_PORT, wait == NULL ? PROTO_TCP : PROTO_UDP, "rtime"))
        return -1;
    return OLD_REAL(rtime)(to, time, wait);
}

/* Servers. */

/* The transport, or NULL where it may not stand where it does. */
static struct transport *standing(struct transport *transport, const char *op)
{
    struct own_address name;
    int number;

    if (transport == NULL || !judged())
        return transport;
    hint_forget(transport->socket);
    if (!bound_name(transport->socket, &name) || !bound_name_refused(transport->socket, &name, op))
        return transport;
    number = errno;
    transport->operations->destroy(transport);
    errno = number;
    return NULL;
}

EXPORT struct transport *svctcp_create_old(int fd, unsigned send_size, unsigned receive_size);
OLD_EXPORT(svctcp_create);
struct transport *svctcp_create_old(int fd, unsigned send_size, unsigned receive_size)
{
    return standing(OLD_REAL(svctcp_create)(fd, send_size, receive_size), "svctcp_create");
}

EXPORT struct transport *svcudp_bufcreate_old(int fd, unsigned send_size, unsigned receive_size);
OLD_EXPORT(svcudp_bufcreate);
struct transport *svcudp_bufcreate_old(int fd, unsigned send_size, unsigned receive_size)
{
    return standing(OLD_REAL(svcudp_bufcreate)(fd, send_size, receive_size), "svcudp_bufcreate");
}

EXPORT struct transport *svcudp_create_old(int fd);
OLD_EXPORT(svcudp_create);
struct transport *svcudp_create_old(int fd)
{
    return standing(OLD_REAL(svcudp_create)(fd), "svcudp_create");
}

#endif
