/* SPDX-License-Identifier: MIT */
/* Who listens to how far the work is: nobody, until a command has a terminal to show it on. */
#include "config/progress.h"

void (*progress_listener)(const struct progress *progress);
