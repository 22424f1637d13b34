/* SPDX-License-Identifier: MIT */
/* The user's own running programs, each with the sockets behind its descriptors and the names that policies know. */
#ifndef SOCKADE_COMMAND_HOLDERS_H
#define SOCKADE_COMMAND_HOLDERS_H

#include "command/question.h"

#include <stdint.h>
#include <sys/types.h>

struct holder {
    pid_t pid;
    uint64_t space; /* its network namespace, by its inode; 0: not to be told */
};

struct holders {
    struct holder *list;
    size_t count, room;
};

/* Lists the processes of user `uid` but ourselves. False with errno where /proc cannot be read. */
bool holders_list(struct holders *out, uid_t uid);
void holders_free(struct holders *holders);

/* The network namespace of a process ("self" or a number); 0: not to be told. */
uint64_t space_of(const char *pid);

/*
 * The inodes of the sockets that a process holds, each once, in ascending order. -1 with errno where its descriptors
 * may not be looked at; else their number, and a list to be freed.
 */
ssize_t holder_sockets(pid_t pid, uint64_t **inodes);

/*
 * The names under which the object in it would know a process: what was executed, the file behind it, a script's
 * interpreter. Where the kernel does not tell what was executed it is guessed from the arguments.
 */
bool holder_names(struct exe_names *out, pid_t pid);

/* The program in words; to be freed. */
char *holder_program(const struct exe_names *names, pid_t pid);

#endif
