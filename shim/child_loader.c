/* SPDX-License-Identifier: MIT */
/*
 * A file with effective capabilities makes the loader ignore LD_PRELOAD even under no_new_privs, or its execve fails
 * where they lie outside the bounding set. `ld.so FILE ARGUMENTS` has none, and reads LD_PRELOAD.
 */
#include "shim/child_loader.h"

#include "shim/child_environment.h"
#include "shim/child_memory.h"
#include "shim/judge.h"
#include "shim/real.h"

#include <errno.h>
#include <gnu/libc-version.h>
#include <string.h>

/* The loader, --argv0 and its argument, the program, and of a script the argument and the script itself. */
#define ARGUMENTS_BEFORE 6

/* Whether the loader can give the program another name than its file's: since glibc 2.33, and it came with our libc. */
static bool loader_knows_argv0(void)
{
    const char *version = gnu_get_libc_version();
    unsigned parts[2] = {0, 0};

    for (int i = 0; i < 2; i++) {
        for (; *version >= '0' && *version <= '9'; version++)
            parts[i] = parts[i] * 10 + (unsigned)(*version - '0');
        version += *version == '.';
    }
    return parts[0] > 2 || (parts[0] == 2 && parts[1] >= 33);
}

/* The arguments of the program, as the kernel would make them of the call's. */
static void arguments_fill(const char **list, const struct child *child, const struct child_file *file,
                           const char *name)
{
    const char *program = file->interpreted ? file->script.text : name;
    const char *shown = file->interpreted || child->argv == NULL ? program : child->argv[0];
    size_t at = 0;

    list[at++] = file->program.text;
    if (shown != NULL && loader_knows_argv0()) {
        list[at++] = "--argv0";
        list[at++] = shown;
    }
    list[at++] = program;
    if (file->interpreted && file->script.text[file->script.argument] != '\0')
        list[at++] = file->script.text + file->script.argument;
    if (file->interpreted)
        list[at++] = name;
    for (size_t i = 1; child->argv != NULL && child->argv[0] != NULL && child->argv[i] != NULL; i++)
        list[at++] = child->argv[i];
    list[at] = NULL;
}

int child_start_by_loader(const struct child *child, const struct child_file *file)
{
    struct child loader = *child;
    size_t count = 0;
    size_t path = strlen(file->path) + 1;
    size_t pointers;
    char *memory, *name;
    int result;

    while (child->argv != NULL && child->argv[count] != NULL)
        count++;
    pointers = (count + ARGUMENTS_BEFORE + 1) * sizeof(char *);
    memory = child_memory_take(MEMORY_ARGUMENTS, pointers + path + 2);
    if (memory == NULL)
        return child_failed(child, ENOMEM);
    name = memory + pointers;
    memcpy(name, "./", 2); /* a bare name would send the loader to the library folders */
    memcpy(name + 2, file->path, path);
    if (strchr(file->path, '/') != NULL)
        name += 2;
    arguments_fill((const char **)(void *)memory, child, file, name);
    loader.way = child_spawns(child) ? BY_SPAWN : BY_EXECVE;
    loader.path = file->program.text;
    loader.argv = (char *const *)(void *)memory;
    result = child_call(&loader);
    child_memory_give(MEMORY_ARGUMENTS, memory);
    return result;
}
