/* SPDX-License-Identifier: MIT */
/* `sockade explain --effective`: all that holds for a program, in the order in which it is judged. */
#ifndef SOCKADE_COMMAND_EFFECTIVE_H
#define SOCKADE_COMMAND_EFFECTIVE_H

#include "command/scene.h"

/* Prints every layer of the scene, or gives it as an array. */
void effective_print(const struct scene *scene);
json_t *effective_json(const struct scene *scene);

#endif
