/* SPDX-License-Identifier: MIT */
/*
 * Opening raw ICMP sockets: the real one where it is to be had, a translated one else, and the advice where neither
 * is.
 */
#ifndef SOCKADE_SHIM_ICMP_OPEN_H
#define SOCKADE_SHIM_ICMP_OPEN_H

#include <stdbool.h>

#define WATCH_PRETEND (1u << 18) /* a bit of process.watch: this process is told that it is root */

/*
 * Whether socket(2) with these arguments concerns us at all: SOCK_RAW of ICMP, ICMPv6, or IPv4's IPPROTO_RAW; and of
 * UDP over IPv6 where this process holds a translated ICMPv6 socket. errno is preserved.
 */
bool icmp_is_raw_request(int domain, int type, int protocol);

/*
 * socket(2) for such a request, as `icmp.translate` wants it: "auto" the real raw socket, and a translated one where
 * that is refused with EPERM or EACCES; "always" the translated one; "never" the real one. Where a ping socket is
 * refused as well the errno is the raw socket's (EPERM), and one line a process says why and how to mend it. Sets the
 * descriptor's hint.
 */
int icmp_open(int domain, int type, int protocol);

/*
 * Whether `icmp.pretend_root` holds for this program: some layer wants it, and the process started with one uid that
 * is not root's. To be asked once the layers are known.
 */
bool icmp_pretends_root(void);

#endif
