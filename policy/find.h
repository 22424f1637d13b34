/* SPDX-License-Identifier: MIT */
/*
 * From an address to the list of the rules that cover it, by one table of an image.
 *
 * Any bytes may stand in the table's sections: every number out of them is compared with what image_open has checked
 * before it is used, and the answer is some number then, found in bounded time.
 */
#ifndef SOCKADE_POLICY_FIND_H
#define SOCKADE_POLICY_FIND_H

#include "policy/image.h"

/* Both return an offset into `steps`; 0, the empty list, where no rule covers the address. */
uint32_t find4(const struct view *view, const struct image_table *table, uint32_t address);
uint32_t find6(const struct view *view, const struct image_table *table, uint64_t hi, uint64_t lo);

#endif
