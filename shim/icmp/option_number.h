/* SPDX-License-Identifier: MIT */
/* Options that are one number, which the program is shown and the kernel is not, or not as it stands. */
#ifndef SOCKADE_SHIM_ICMP_OPTION_NUMBER_H
#define SOCKADE_SHIM_ICMP_OPTION_NUMBER_H

#include "shim/icmp/option_value.h"
#include "shim/icmp/socket.h"

struct option_number {
    enum { SOCKETS_ALL, SOCKETS_FOUR, SOCKETS_SIX } sockets;
    int level;
    int name;
    enum manner manner;
    uint32_t bit; /* of `asked`, where that is all */
    int (*set)(struct icmp_socket *socket, int fd, int value);
    int (*get)(struct icmp_socket *socket, int fd);
};

/* NULL where the kernel answers. */
const struct option_number *option_number_of(const struct icmp_socket *socket, int level, int name);

/* Return 0, an errno, or OPTION_NATURAL: the kernel is to be asked after all. */
#define OPTION_NATURAL (-1)
int option_number_set(const struct option_number *option, struct icmp_socket *socket, int fd, const void *value,
                      socklen_t length);
int option_number_get(const struct option_number *option, struct icmp_socket *socket, int fd, void *value,
                      socklen_t *length);

#endif
