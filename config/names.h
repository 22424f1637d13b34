/* SPDX-License-Identifier: MIT */
/* Names of the language for things that have numbers: address sets, errnos, socket families. */
#ifndef SOCKADE_CONFIG_NAMES_H
#define SOCKADE_CONFIG_NAMES_H

#include "config/ranges.h"

/* Adds the ranges of `any`, `loopback`, `private`, `link-local`, `multicast` or `metadata`; false for other names. */
bool address_name_add(const char *name, struct range_set *set);

int errno_by_name(const char *name);  /* "EACCES" to EACCES; 0: unknown */
const char *errno_name(int error);    /* NULL: none of ours */
bool errno_makes_loops(int error);    /* EINTR, EAGAIN, EINPROGRESS, EALREADY and their like */
int family_by_name(const char *name); /* "inet6" to AF_INET6; -1: unknown */

/* For "did you mean" and the manual. */
extern const char *const address_names[];
extern const size_t address_name_count;
extern const char *const errno_names[];
extern const size_t errno_name_count;
extern const char *const family_names[];
extern const size_t family_name_count;

#endif
