/* SPDX-License-Identifier: MIT */
/*
 * Where large arrays stand: behind the small variables, which then share a few pages. Each page that a start touches
 * first costs 0.5 to 1.5 us. The object is linked with --sort-section=name, so that these come last in .bss.
 */
#ifndef SOCKADE_STATE_LARGE_H
#define SOCKADE_STATE_LARGE_H

#define LARGE __attribute__((section(".bss.large")))

#endif
