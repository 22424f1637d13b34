/* SPDX-License-Identifier: MIT */
/*
 * Under which names this process was started: what execve(2) was told, the file behind it, and for a #! script the
 * interpreter.
 *
 * AT_EXECFN names the script or program even where /proc/self/exe names the interpreter or the dynamic loader. The
 * files behind it are looked up for policies with `programs` alone: that takes longer than the rest of a start.
 */
#include "policy/image.h"
#include "shim/process.h"
#include "shim/start.h"
#include "state/kernel.h"
#include "state/large.h"
#include "state/program.h"

#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

LARGE static char executed[PATH_MAX];
LARGE static char resolved[PATH_MAX];
LARGE static char interpreter[PATH_MAX];

static bool read_link(const char *path, char out[PATH_MAX])
{
    ssize_t length = readlink(path, out, PATH_MAX - 1);

    out[length > 0 ? length : 0] = '\0';
    return length > 0 && out[0] == '/';
}

/* The real path of an open file's name, by the kernel's own knowledge of it. */
static bool resolve(const char *path, char out[PATH_MAX])
{
    char link[32] = "/proc/self/fd/";
    size_t at = strlen(link);
    char digits[12];
    size_t count = 0;
    int fd = kernel_open(AT_FDCWD, path, O_PATH, 0);
    bool found;

    if (fd < 0)
        return false;
    for (int rest = fd; count == 0 || rest > 0; rest /= 10)
        digits[count++] = (char)('0' + rest % 10);
    while (count > 0)
        link[at++] = digits[--count];
    link[at] = '\0';
    found = read_link(link, out);
    kernel_close(fd);
    return found;
}

/* What execve(2) was told, behind the current folder where it is relative; into `executed`, which is empty before. */
static bool make_executed(void)
{
    const char *name = (const char *)(uintptr_t)getauxval(AT_EXECFN);

    if (name == NULL || name[0] == '\0')
        return read_link("/proc/self/exe", executed);
    if (name[0] == '/')
        return path_join(executed, "", name + 1);
    if (getcwd(executed, sizeof(executed)) == NULL || executed[0] != '/')
        return false;
    while (strncmp(name, "./", 2) == 0)
        name += 2;
    return path_join(executed, strcmp(executed, "/") == 0 ? "" : executed, name);
}

void process_name(void)
{
    if (process.exe == executed)
        return;
    if (!make_executed())
        executed[0] = '\0';
    process.exe = executed;
}

const struct program_names *process_names(void)
{
    static struct program_names names;
    bool running;

    if (names.executed != NULL)
        return &names;
    process_name();
    running = read_link("/proc/self/exe", interpreter);
    if (running && strcmp(interpreter, executed) == 0)
        names.resolved = interpreter;
    else if (resolve(executed, resolved))
        names.resolved = resolved;
    if (running && names.resolved != interpreter && strcmp(interpreter, resolved) != 0 && !is_loader_name(interpreter))
        names.interpreter = interpreter;
    names.executed = executed;
    return &names;
}
