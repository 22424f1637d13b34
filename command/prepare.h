/* SPDX-License-Identifier: MIT */
/* Everything about the policy that can be wrong is found out before a program starts. */
#ifndef SOCKADE_COMMAND_PREPARE_H
#define SOCKADE_COMMAND_PREPARE_H

#include "command/texts.h"

/*
 * Sees to it that each layer of a program that starts with our environment has a fresh image. `policy` takes the place
 * of the user's own (NULL: it stays) and becomes SOCKADE_POLICY in our environment, as what the additions make does.
 * False where it was said why no program should start.
 */
bool prepare_policy(const char *policy, const struct additions *additions);

#endif
