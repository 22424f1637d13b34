/* SPDX-License-Identifier: MIT */
/* Setting and getting the filters of a translated socket (filter.h). All return 0 or an errno. */
#ifndef SOCKADE_SHIM_ICMP_OPTION_FILTER_H
#define SOCKADE_SHIM_ICMP_OPTION_FILTER_H

#include "shim/icmp/socket.h"

#include <sys/socket.h>

/* ICMP_FILTER and ICMP6_FILTER, as the socket's family has it. */
int type_filter_set(struct icmp_socket *socket, int fd, const void *value, socklen_t length);
int type_filter_get(const struct icmp_socket *socket, void *value, socklen_t *length);

/* Takes away the filter that is ours: before the program sees or locks those of the socket. errno is preserved. */
void extended_let_in(struct icmp_socket *socket, int fd);

/* SO_ATTACH_FILTER, SO_DETACH_FILTER, SO_ATTACH_BPF (by `name`) and SO_GET_FILTER. */
int program_set(struct icmp_socket *socket, int fd, int name, const void *value, socklen_t length);
int program_get(struct icmp_socket *socket, int fd, void *value, socklen_t *length);

#endif
