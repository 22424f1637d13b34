/* SPDX-License-Identifier: MIT */
/* The folder that a file lies in: opened one name at a time, so that no copy of the path is needed, and made. */
#ifndef SOCKADE_STATE_FOLDER_H
#define SOCKADE_STATE_FOLDER_H

#include <stdbool.h>
#include <sys/types.h>

/*
 * Opens the folder in which the last part of the absolute `path` stands; `*name` gets that part, inside `path`.
 * With `make` missing folders are made, mode 0700 at most. Returns a descriptor (O_PATH) or -1 with errno.
 */
int folder_of(const char *path, uid_t uid, bool make, const char **name);

/*
 * Whether `uid` should make something in `folder`; errno is EACCES where not. Root that was started with another
 * user's HOME or XDG_RUNTIME_DIR (sudo -E) must leave nothing there that its owner then could not use. Sticky folders
 * such as /dev/shm are everybody's.
 */
bool folder_may_hold_new(int folder, uid_t uid);

#endif
