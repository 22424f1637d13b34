/* SPDX-License-Identifier: MIT */
/* Programs that are run under a checker of threads see nothing of ours reported. */
#ifndef SOCKADE_SHIM_CHECKERS_H
#define SOCKADE_SHIM_CHECKERS_H

/* Tells valgrind's helgrind and drd to leave our variables out; a handful of instructions that do nothing elsewhere. */
void checkers_leave_out(void);

#endif
