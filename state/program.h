/* SPDX-License-Identifier: MIT */
/*
 * What an executable file is, as the kernel and the loader will look at it: whether a preloaded object gets into it.
 *
 * The command looks so at what it starts, the shim at what a program starts. Async-signal-safe, no allocation.
 */
#ifndef SOCKADE_STATE_PROGRAM_H
#define SOCKADE_STATE_PROGRAM_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#define PROGRAM_TEXT 512 /* a loader's name with its NUL; a script's line is at most half of it */
#define CAPABILITIES_NAME "security.capability" /* the attribute that holds a file's capabilities */
#define SCRIPT_DEPTH 5                          /* fs/exec.c: more interpreters in a row give ELOOP */

enum program_form {
    PROGRAM_DYNAMIC, /* ELF, with a dynamic loader */
    PROGRAM_STATIC,  /* ELF without one */
    PROGRAM_SCRIPT,  /* with a #! line that the kernel takes */
    PROGRAM_OTHER,   /* something else: ENOEXEC, unless binfmt_misc knows it */
    PROGRAM_DAMAGED, /* ELF, and cut short or with headers that nobody can follow */
};

/* What of an ELF file must be equal for one to be loaded into the other. */
struct machine {
    uint8_t class; /* ELFCLASS* */
    uint8_t data;  /* ELFDATA* */
    uint16_t machine;
};

struct program {
    enum program_form form;
    struct machine machine; /* of an ELF file */
    bool go;                /* built by Go: its network calls are system calls of its own, with a dynamic loader too */
    uint16_t argument; /* where in `text` a script's argument stands: all behind the interpreter, as one; "": none */
    char text[PROGRAM_TEXT]; /* the loader, or a script's interpreter (and its argument behind a NUL); else "" */
};

/* Looks at an open file, whose offset stays. False with errno where it cannot be read. */
bool program_read(struct program *out, int fd);

/* Whether `fd` is an ELF file; its machine. */
bool machine_read(struct machine *out, int fd);

bool machine_equals(const struct machine *one, const struct machine *other);

/* Whether the dynamic loader is musl's: objects that were built for the GNU C library cannot be loaded by it. */
bool loader_is_musl(const char *loader);

/*
 * Whether a file's name is that of the GNU C library's dynamic loader, which has no loader itself and is no static
 * program.
 */
bool is_loader_name(const char *path);

/* What a file's mode and attributes mean for the loader of a process that starts it. */
enum privilege {
    PRIVILEGE_NONE,
    PRIVILEGE_USER,         /* another user: the loader ignores LD_PRELOAD */
    PRIVILEGE_GROUP,        /* another group: the same */
    PRIVILEGE_CAPABILITIES, /* the same even under no_new_privs; not where it is started through its loader */
};

/*
 * For the real user of this process, of an open file and what fstat(2) said of it. Under no_new_privs a set-user-id
 * file gains nothing and is loaded like any other.
 */
enum privilege program_privilege(int fd, const struct stat *st, bool no_new_privs);

/* Whether an errno tells something of the path that was asked for, and not of who asked (limits, memory, a sandbox). */
bool error_is_of_path(int error);

/*
 * Whether this process' own ids make the loader of whatever it starts ignore LD_PRELOAD: real and effective ones
 * differ.
 */
bool ids_differ(void);

bool no_new_privileges(void);

/*
 * Whether `value`, which may hold the loader's token $LIB, leads to an object for this machine. What the token becomes
 * is compiled into each loader; tried are the usual folders. `file` gets the path.
 */
bool object_for(const char *value, const struct machine *machine, char file[PATH_MAX]);

#endif
