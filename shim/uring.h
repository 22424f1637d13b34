/* SPDX-License-Identifier: MIT */
/* Whether io_uring is to be hidden from the program. */
#ifndef SOCKADE_SHIM_URING_H
#define SOCKADE_SHIM_URING_H

#include <stdbool.h>

/* While there is a policy under which something can be refused or noted. */
bool uring_is_hidden(void);

#endif
