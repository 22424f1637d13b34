/* SPDX-License-Identifier: MIT */
/* Telling why there is no ICMP for this program, and the way out. */
#ifndef SOCKADE_SHIM_ICMP_ADVICE_H
#define SOCKADE_SHIM_ICMP_ADVICE_H

#include <stdbool.h>

/*
 * One line a process: a raw socket of `domain` was refused, and a ping socket in its place with `error`. Goes as an
 * event to the logs of layers that log refusals, and to stderr where that is a terminal and `on_stderr` is set. errno
 * is preserved.
 */
void icmp_advise(int domain, int error, bool on_stderr);

#endif
