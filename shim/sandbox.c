/* SPDX-License-Identifier: MIT */
/* The flag alone; who raises it is in hook_sandbox.c. */
#include "shim/sandbox.h"

_Atomic uint32_t sandbox_state;
