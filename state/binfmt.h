/* SPDX-License-Identifier: MIT */
/* binfmt_misc: interpreters that the administrator has registered for files which are neither programs nor scripts. */
#ifndef SOCKADE_STATE_BINFMT_H
#define SOCKADE_STATE_BINFMT_H

#include "state/program.h"

#define BINFMT_FOLDER "/proc/sys/fs/binfmt_misc"
#define BINFMT_HEAD 256 /* so much of a file is compared: the kernel's BINPRM_BUF_SIZE */

/*
 * Finds the interpreter of the open file `fd`, which was named `path`, among the entries of `folder` (BINFMT_FOLDER).
 * False where there is none, or binfmt_misc is not mounted. Async-signal-safe, no allocation.
 */
bool binfmt_find(char interpreter[PROGRAM_TEXT], const char *folder, int fd, const char *path);

#endif
