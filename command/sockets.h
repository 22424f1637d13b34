/* SPDX-License-Identifier: MIT */
/*
 * The sockets of a network namespace, as the kernel lists them: by sock_diag(7) where it may be asked, else from
 * /proc/PID/net. By its inode each is found again behind a process' descriptors.
 */
#ifndef SOCKADE_COMMAND_SOCKETS_H
#define SOCKADE_COMMAND_SOCKETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

struct held_socket {
    uint64_t inode;
    uint64_t space; /* the network namespace, by its inode */
    int family;     /* AF_* */
    unsigned proto; /* PROTO_* of IP sockets; else 0 */
    bool listening, connected;
    bool stream; /* of Unix sockets: connections, not datagrams */
    struct sockaddr_storage local, remote;
    socklen_t local_length, remote_length; /* 0: none */
    uint64_t peer;                         /* of Unix sockets: the other end's inode; 0: not known */
};

/* Ports that somebody in a namespace listens on. */
struct listener {
    uint64_t space;
    unsigned proto;
    uint16_t port;
};

struct socket_table {
    struct held_socket *list;
    size_t count, room;
    struct listener *listeners;
    size_t listener_count, listener_room;
    bool without_peers; /* somewhere Unix sockets were read without their other ends */
};

/* Adds the sockets of our own namespace, of number `space`. */
void sockets_read_own(struct socket_table *table, uint64_t space);

/* Adds those that /proc/PID/net shows; false with errno where it cannot be read. */
bool sockets_read_proc(struct socket_table *table, uint64_t space, pid_t pid);

/* The same without those that sock_diag tells: the other half of sockets_read_own. */
void sockets_read_rest(struct socket_table *table, uint64_t space, bool without_inet, bool without_unix);

/* Asks sock_diag for TCP and UDP, and for Unix sockets; false where it does not tell (all of) them. */
bool sockets_ask_inet(struct socket_table *table, uint64_t space);
bool sockets_ask_unix(struct socket_table *table, uint64_t space);

/* For those who fill a table: one more, all-zero but for the first three members; and the address of a Unix socket. */
struct held_socket *sockets_add(struct socket_table *table, uint64_t space, uint64_t inode, int family);
void socket_set_name(struct held_socket *socket, const char *name, size_t length);

/* What a state of the kernel's (net/tcp_states.h) means for a socket. */
void socket_set_state(struct held_socket *socket, unsigned state);

/* To be called when all were added: sorts them, so that they can be found. */
void sockets_order(struct socket_table *table);

/* NULL: there is none, or it is of a family that is not listed. */
const struct held_socket *sockets_find(const struct socket_table *table, uint64_t inode);

/* Whether somebody listens on a port in that namespace. */
bool sockets_have_listener(const struct socket_table *table, uint64_t space, unsigned proto, uint16_t port);

/* The port of an IP address. */
uint16_t address_port(const struct sockaddr_storage *address);

void sockets_free(struct socket_table *table);

#endif
