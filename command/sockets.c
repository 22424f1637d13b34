/* SPDX-License-Identifier: MIT */
/* The table of sockets, and the files of /proc/PID/net that fill it. */
#include "command/sockets.h"

#include "config/memory.h"
#include "policy/query.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

/* include/net/tcp_states.h, which the UDP and Unix sockets of the kernel use too. */
enum { STATE_ESTABLISHED = 1, STATE_TIME_WAIT = 6, STATE_CLOSE = 7, STATE_LISTEN = 10, STATE_BOUND_INACTIVE = 13 };

#define UNIX_LISTENS 0x10000u /* __SO_ACCEPTCON in the flags of /proc/net/unix */
#define UNIX_CONNECTED 3u     /* SS_CONNECTED */

struct held_socket *sockets_add(struct socket_table *table, uint64_t space, uint64_t inode, int family)
{
    struct held_socket *added;

    table->list = memory_grow(table->list, table->count, &table->room, sizeof(*table->list));
    added = &table->list[table->count++];
    memset(added, 0, sizeof(*added));
    added->space = space;
    added->inode = inode;
    added->family = family;
    return added;
}

void socket_set_name(struct held_socket *socket, const char *name, size_t length)
{
    struct sockaddr_un *address = (struct sockaddr_un *)(void *)&socket->local;

    if (length == 0 || length > sizeof(address->sun_path))
        return;
    address->sun_family = AF_UNIX;
    memcpy(address->sun_path, name, length);
    socket->local_length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
}

void socket_set_state(struct held_socket *socket, unsigned state)
{
    socket->listening = state == STATE_LISTEN;
    socket->connected = state != STATE_LISTEN && state != STATE_CLOSE && state != STATE_TIME_WAIT &&
                        state != STATE_BOUND_INACTIVE && socket->remote_length > 0;
}

uint16_t address_port(const struct sockaddr_storage *address)
{
    if (address->ss_family == AF_INET)
        return ntohs(((const struct sockaddr_in *)(const void *)address)->sin_port);
    if (address->ss_family == AF_INET6)
        return ntohs(((const struct sockaddr_in6 *)(const void *)address)->sin6_port);
    return 0;
}

/* /proc's addresses are words of the machine's own byte order in hexadecimal digits; false where they are not. */
static bool read_address(struct sockaddr_storage *out, socklen_t *length, const char *digits, unsigned port)
{
    uint32_t words[4];
    size_t count = strlen(digits) / 8;

    if (strlen(digits) % 8 != 0 || (count != 1 && count != 4))
        return false;
    for (size_t i = 0; i < count; i++) {
        char word[9];

        memcpy(word, digits + 8 * i, 8);
        word[8] = '\0';
        words[i] = (uint32_t)strtoul(word, NULL, 16);
    }
    if (count == 1) {
        struct sockaddr_in *inet = (struct sockaddr_in *)(void *)out;

        inet->sin_family = AF_INET;
        inet->sin_port = htons((uint16_t)port);
        inet->sin_addr.s_addr = words[0];
        *length = sizeof(*inet);
    } else {
        struct sockaddr_in6 *inet6 = (struct sockaddr_in6 *)(void *)out;

        inet6->sin6_family = AF_INET6;
        inet6->sin6_port = htons((uint16_t)port);
        memcpy(&inet6->sin6_addr, words, sizeof(words));
        *length = sizeof(*inet6);
    }
    return true;
}

/* Whether an address is the unspecified one with port 0, which is how /proc shows that there is none. */
static bool is_nothing(const char *digits, unsigned port)
{
    return port == 0 && digits[strspn(digits, "0")] == '\0';
}

/* A line of /proc/net/tcp, udp, raw, icmp, and their like for IPv6. */
static void take_inet(struct socket_table *table, uint64_t space, const char *line, unsigned proto)
{
    char local[33], remote[33];
    unsigned local_port, remote_port, state;
    unsigned long long inode;
    struct held_socket *added;
    bool has_ports = (proto & PROTO_WITH_PORTS) != 0;

    if (sscanf(line, " %*u: %32[0-9A-Fa-f]:%4x %32[0-9A-Fa-f]:%4x %2x %*s %*s %*s %*u %*u %20llu", local, &local_port,
               remote, &remote_port, &state, &inode) != 6 ||
        inode == 0)
        return;
    added = sockets_add(table, space, inode, strlen(local) > 8 ? AF_INET6 : AF_INET);
    added->proto = proto;
    if (proto == PROTO_RAW) /* its own port is the protocol's number */
        added->proto = protocol_of(added->family, SOCK_RAW, (int)local_port);
    if (!is_nothing(local, has_ports ? local_port : 0))
        read_address(&added->local, &added->local_length, local, has_ports ? local_port : 0);
    if (!is_nothing(remote, has_ports ? remote_port : 0))
        read_address(&added->remote, &added->remote_length, remote, has_ports ? remote_port : 0);
    socket_set_state(added, state);
}

/* A line of /proc/net/unix. An abstract name begins with '@', for a NUL byte. */
static void take_unix(struct socket_table *table, uint64_t space, const char *line, unsigned proto)
{
    unsigned flags, type, state;
    unsigned long long inode;
    struct held_socket *added;
    char name[sizeof(((struct sockaddr_un *)0)->sun_path) + 1] = "";
    size_t length;

    (void)proto;
    if (sscanf(line, "%*s %*x %*x %8x %4x %2x %20llu %108[^\n]", &flags, &type, &state, &inode, name) < 4 || inode == 0)
        return;
    added = sockets_add(table, space, inode, AF_UNIX);
    added->listening = (flags & UNIX_LISTENS) != 0;
    added->connected = state == UNIX_CONNECTED;
    added->stream = type != SOCK_DGRAM;
    length = strlen(name);
    if (name[0] == '@')
        name[0] = '\0';
    socket_set_name(added, name, length);
}

/* The last number of a line is the inode; no more is wanted of these. */
static void take_family(struct socket_table *table, uint64_t space, const char *line, unsigned family)
{
    const char *last;
    unsigned long long inode;
    size_t length = strlen(line);

    while (length > 0 && (line[length - 1] == ' ' || line[length - 1] == '\n'))
        length--;
    for (last = line + length; last > line && last[-1] >= '0' && last[-1] <= '9'; last--)
        ;
    if (sscanf(last, "%20llu", &inode) == 1 && inode != 0)
        sockets_add(table, space, inode, (int)family);
}

static const struct proc_file {
    const char *name;
    void (*take)(struct socket_table *, uint64_t, const char *, unsigned);
    unsigned what; /* the protocol or family */
    bool told_by_diag;
} files[] = {
    {"tcp", take_inet, PROTO_TCP, true},
    {"tcp6", take_inet, PROTO_TCP, true},
    {"udp", take_inet, PROTO_UDP, true},
    {"udp6", take_inet, PROTO_UDP, true},
    {"udplite", take_inet, PROTO_UDP, false},
    {"udplite6", take_inet, PROTO_UDP, false},
    {"raw", take_inet, PROTO_RAW, false},
    {"raw6", take_inet, PROTO_RAW, false},
    {"icmp", take_inet, PROTO_ICMP, false},
    {"icmp6", take_inet, PROTO_ICMP6, false},
    {"netlink", take_family, AF_NETLINK, false},
    {"packet", take_family, AF_PACKET, false},
    {"unix", take_unix, 0, true},
};

/* Reads one file of a folder; false with errno where it cannot be read. */
static bool read_file(struct socket_table *table, uint64_t space, const char *folder, const struct proc_file *which)
{
    char path[96];
    char *line = NULL;
    size_t room = 0;
    FILE *file;

    snprintf(path, sizeof(path), "%s/%s", folder, which->name);
    file = fopen(path, "re");
    if (file == NULL)
        return false;
    if (getline(&line, &room, file) > 0) { /* the heading */
        while (getline(&line, &room, file) > 0)
            which->take(table, space, line, which->what);
    }
    free(line);
    fclose(file);
    return true;
}

bool sockets_read_proc(struct socket_table *table, uint64_t space, pid_t pid)
{
    char folder[64];
    bool any = false;

    snprintf(folder, sizeof(folder), "/proc/%ld/net", (long)pid);
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
        any = read_file(table, space, folder, &files[i]) || any;
    table->without_peers = true;
    return any;
}

void sockets_read_rest(struct socket_table *table, uint64_t space, bool without_inet, bool without_unix)
{
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        bool is_unix = files[i].take == take_unix;

        if (!files[i].told_by_diag || (is_unix ? !without_unix : !without_inet))
            read_file(table, space, "/proc/self/net", &files[i]);
    }
}

void sockets_read_own(struct socket_table *table, uint64_t space)
{
    size_t before = table->count;
    bool inet = sockets_ask_inet(table, space), others;

    if (!inet)
        table->count = before;
    before = table->count;
    others = sockets_ask_unix(table, space);
    if (!others)
        table->count = before;
    sockets_read_rest(table, space, inet, others);
    table->without_peers = table->without_peers || !others;
}

static int by_inode(const void *one, const void *other)
{
    const struct held_socket *a = one, *b = other;

    return a->inode < b->inode ? -1 : a->inode > b->inode;
}

static int by_place(const void *one, const void *other)
{
    const struct listener *a = one, *b = other;

    if (a->space != b->space)
        return a->space < b->space ? -1 : 1;
    if (a->proto != b->proto)
        return a->proto < b->proto ? -1 : 1;
    return a->port < b->port ? -1 : a->port > b->port;
}

void sockets_order(struct socket_table *table)
{
    if (table->count > 0)
        qsort(table->list, table->count, sizeof(*table->list), by_inode);
    for (size_t i = 0; i < table->count; i++) {
        const struct held_socket *at = &table->list[i];

        if (!at->listening || at->family == AF_UNIX)
            continue;
        table->listeners = memory_grow(table->listeners, table->listener_count, &table->listener_room,
                                       sizeof(*table->listeners));
        table->listeners[table->listener_count++] = (struct listener){at->space, at->proto, address_port(&at->local)};
    }
    if (table->listener_count > 0)
        qsort(table->listeners, table->listener_count, sizeof(*table->listeners), by_place);
}

const struct held_socket *sockets_find(const struct socket_table *table, uint64_t inode)
{
    const struct held_socket wanted = {.inode = inode};

    if (table->count == 0)
        return NULL;
    return bsearch(&wanted, table->list, table->count, sizeof(*table->list), by_inode);
}

bool sockets_have_listener(const struct socket_table *table, uint64_t space, unsigned proto, uint16_t port)
{
    const struct listener wanted = {space, proto, port};

    return table->listener_count > 0 &&
           bsearch(&wanted, table->listeners, table->listener_count, sizeof(*table->listeners), by_place) != NULL;
}

void sockets_free(struct socket_table *table)
{
    free(table->list);
    free(table->listeners);
    *table = (struct socket_table){0};
}
