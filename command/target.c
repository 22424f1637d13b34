/* SPDX-License-Identifier: MIT */
/*
 * Judging a program before it is started: by its ELF header, its mode and its attributes, as the kernel and the loader
 * will look at them.
 */
#include "command/target.h"

#include "command/command.h"
#include "config/memory.h"
#include "state/program.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SHELL "/bin/sh"

/* Whether `path` is a regular file that we may execute; else errno tells why. */
static bool is_executable(const char *path)
{
    struct stat st;

    if (stat(path, &st) != 0)
        return false;
    if (!S_ISREG(st.st_mode)) {
        errno = S_ISDIR(st.st_mode) ? EISDIR : EACCES;
        return false;
    }
    return faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) == 0;
}

/* Whether nothing was found, rather than something that does not work. */
static bool nothing_there(int error)
{
    return error == ENOENT || error == ENOTDIR;
}

/*
 * Looks through PATH for `name`; what was found but cannot be executed is in errno. A folder that we may not search
 * holds nothing: execvp(3) would say EACCES then, even where the program is nowhere.
 */
static bool search_path(char path[PATH_MAX], const char *name)
{
    const char *at = getenv("PATH");
    int found = ENOENT;
    struct stat st;

    for (at = at != NULL ? at : "/bin:/usr/bin"; at != NULL; at = strchr(at, ':') ? strchr(at, ':') + 1 : NULL) {
        int length = (int)strcspn(at, ":");

        /* "./": a bare name would send the dynamic loader, if it must start the program, to the library folders. */
        if (snprintf(path, PATH_MAX, "%.*s/%s", length > 0 ? length : 1, length > 0 ? at : ".", name) >= PATH_MAX)
            continue;
        if (is_executable(path))
            return true;
        if (errno != EISDIR && stat(path, &st) == 0)
            found = EACCES;
    }
    errno = found;
    return false;
}

int target_find(char path[PATH_MAX], const char *name, bool quiet)
{
    bool has_slash = strchr(name, '/') != NULL;
    int error;

    errno = ENAMETOOLONG;
    if (name[0] == '\0')
        errno = ENOENT;
    else if (!has_slash && search_path(path, name))
        return EXIT_FINE;
    else if (has_slash && snprintf(path, PATH_MAX, "%s", name) < PATH_MAX && is_executable(path))
        return EXIT_FINE;
    error = errno;
    if (!quiet && nothing_there(error))
        complain("'%s': not found%s", name, has_slash || name[0] == '\0' ? "" : " along PATH");
    else if (!quiet)
        complain("'%s' cannot be executed: %s", name, strerror(error));
    return nothing_there(error) ? EXIT_NOT_FOUND : EXIT_CANNOT_EXECUTE;
}

/* Opens a program to look at it; says why it cannot, unless `quiet`. */
static int open_program(const char *path, bool quiet)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

    if (fd < 0 && !quiet)
        complain("'%s' cannot be read (%s), so nobody can tell whether the policy would hold for it; make it readable",
                 path, strerror(errno));
    return fd;
}

static size_t arguments_count(char *const *argv)
{
    size_t count = 0;

    while (argv[count] != NULL)
        count++;
    return count;
}

static void arguments_free(char **argv)
{
    for (size_t i = 0; argv != NULL && argv[i] != NULL; i++)
        free(argv[i]);
    free(argv);
}

/* Copies of `first` and `second` where they are not "", and of `argv` with `path` in place of its first. */
static char **arguments_make(const char *first, const char *second, const char *path, char *const *argv)
{
    size_t count = arguments_count(argv), at = 0;
    char **out = memory_new((count + 4) * sizeof(*out));

    if (*first != '\0')
        out[at++] = memory_text(first);
    if (*second != '\0')
        out[at++] = memory_text(second);
    out[at++] = memory_text(path);
    for (size_t i = 1; i < count; i++)
        out[at++] = memory_text(argv[i]);
    return out;
}

/* Looks at target->program, which stays open; says why it cannot, unless `quiet`. */
static int look(struct program *out, const struct target *target, bool quiet)
{
    int fd = open_program(target->program, quiet);

    if (fd >= 0 && !program_read(out, fd)) {
        if (!quiet)
            complain("'%s' cannot be read: %s", target->program, strerror(errno));
        close(fd);
        return -1;
    }
    return fd;
}

/* One step from a script to its interpreter. Returns 1 for a step, 0 at the program's own file, else an exit code. */
static int follow_once(struct target *target, bool quiet)
{
    struct program program;
    char **longer;
    int fd = look(&program, target, quiet);

    if (fd < 0)
        return EXIT_OWN;
    close(fd);
    if (program.form == PROGRAM_OTHER) {
        /* The kernel will say ENOEXEC; execvp(3) and every shell take such a file for a shell script. */
        memcpy(program.text, SHELL, sizeof(SHELL));
        program.argument = sizeof(SHELL) - 1;
    } else if (program.form != PROGRAM_SCRIPT) {
        return 0;
    }
    if (!is_executable(program.text)) {
        if (!quiet)
            complain("'%s' cannot be executed: its interpreter '%s': %s", target->program, program.text,
                     strerror(errno));
        return EXIT_CANNOT_EXECUTE;
    }
    longer = arguments_make(program.text, program.text + program.argument, target->program, target->expanded);
    arguments_free(target->expanded);
    target->expanded = longer;
    snprintf(target->program, sizeof(target->program), "%s", program.text);
    return 1;
}

int target_follow(struct target *target, bool quiet)
{
    target->expanded = arguments_make("", "", target->argv[0], target->argv);
    memcpy(target->program, target->path, sizeof(target->program));
    for (int depth = 0; depth <= SCRIPT_DEPTH; depth++) {
        int step = follow_once(target, quiet);

        if (step != 1)
            return step;
    }
    if (!quiet)
        complain("'%s' cannot be executed: more than %d interpreters in a row", target->path, SCRIPT_DEPTH);
    return EXIT_CANNOT_EXECUTE;
}

/* Whether our object can be loaded into a program of this machine; says why not. */
static bool object_fits(const struct target *target, const struct machine *machine, const struct preload *preload)
{
    char other[PATH_MAX];
    struct machine own;
    int fd = open(preload->file, O_RDONLY | O_CLOEXEC);
    bool read = fd >= 0 && machine_read(&own, fd);

    if (fd >= 0)
        close(fd);
    if (!read) {
        complain("'%s' is no shared object; build or install it again", preload->file);
        return false;
    }
    if (machine_equals(&own, machine) || object_for(preload->value, machine, other))
        return true;
    complain(
        "'%s' is a program of another architecture (%d-bit, machine %d) than '%s', which cannot be loaded into it; "
        "use a native build of it",
        target->program, machine->class == ELFCLASS32 ? 32 : 64, machine->machine, preload->file);
    return false;
}

/* Whether the loader is one that preloads our object; says why not. */
static int judge_loader(const struct target *target)
{
    if (loader_is_musl(target->loader)) {
        complain("'%s' is linked with musl ('%s'), into which our object, built for the GNU C library, cannot be "
                 "loaded; use a build of it for the GNU C library",
                 target->program, target->loader);
        return EXIT_OWN;
    }
    if (!is_executable(target->loader)) {
        complain("'%s' cannot be executed: its dynamic loader '%s': %s", target->program, target->loader,
                 strerror(errno));
        return EXIT_CANNOT_EXECUTE;
    }
    return EXIT_FINE;
}

/* What the ELF header tells: the architecture, and whether there is a dynamic loader. */
static int judge_elf(struct target *target, const struct program *program, const struct preload *preload)
{
    if (program->machine.class == 0) {
        complain("'%s' cannot be executed: its ELF header is cut short", target->program);
        return EXIT_CANNOT_EXECUTE;
    }
    if (!object_fits(target, &program->machine, preload))
        return EXIT_OWN;
    if (program->form == PROGRAM_DAMAGED) {
        complain("'%s' cannot be executed: its program headers are damaged", target->program);
        return EXIT_CANNOT_EXECUTE;
    }
    if (program->form == PROGRAM_STATIC && is_loader_name(target->program))
        return EXIT_FINE; /* it preloads for the program that is its argument */
    if (program->form == PROGRAM_STATIC) {
        complain("'%s' is statically linked: it loads no library, so the policy could not hold for it; use a "
                 "dynamically linked build of it",
                 target->program);
        return EXIT_OWN;
    }
    if (program->go) {
        complain(
            "'%s' is built by Go: it makes its system calls itself, so the policy could not hold for it; use a program "
            "that calls the C library",
            target->program);
        return EXIT_OWN;
    }
    snprintf(target->loader, sizeof(target->loader), "%s", program->text);
    return judge_loader(target);
}

/* Whether privileges that the file carries would make the loader ignore LD_PRELOAD (AT_SECURE). */
static int judge_privileges(struct target *target, int fd, bool keep_privileges)
{
    enum privilege privilege;
    struct stat st;

    if (fstat(fd, &st) != 0) {
        complain("fstat '%s': %s", target->program, strerror(errno));
        return EXIT_OWN;
    }
    privilege = program_privilege(fd, &st, !keep_privileges);
    target->capabilities = privilege == PRIVILEGE_CAPABILITIES;
    if (privilege != PRIVILEGE_USER && privilege != PRIVILEGE_GROUP)
        return EXIT_FINE;
    complain("'%s' is set-%s-id, and such a program loads nothing that its caller names, so the policy could not hold "
             "for it; leave out --keep-privileges, and it runs without the privilege but under the policy",
             target->program, privilege == PRIVILEGE_USER ? "user" : "group");
    return EXIT_OWN;
}

int target_judge(struct target *target, const struct preload *preload, bool keep_privileges)
{
    struct program program;
    int fd, code;

    if (ids_differ()) {
        complain("real and effective user or group differ, so the loader would ignore LD_PRELOAD; start the command as "
                 "one user");
        return EXIT_OWN;
    }
    fd = look(&program, target, false);
    if (fd < 0)
        return EXIT_OWN;
    code = judge_elf(target, &program, preload);
    if (code == EXIT_FINE)
        code = judge_privileges(target, fd, keep_privileges);
    close(fd);
    return code;
}

/*
 * A file with effective capabilities makes the loader ignore LD_PRELOAD even under no_new_privs, or its execve fails
 * where they lie outside the bounding set. Started through its loader (glibc 2.33 for --argv0) it has no capabilities.
 */
static void start_through_loader(struct target *target, struct preload *preload)
{
    static char preload_option[] = "--preload", name_option[] = "--argv0";
    size_t count = arguments_count(target->expanded);
    char **argv = memory_new((count + 6) * sizeof(*argv));

    argv[0] = target->loader;
    argv[1] = preload_option;
    argv[2] = preload->value;
    argv[3] = name_option;
    argv[4] = target->expanded[0];
    argv[5] = target->program;
    for (size_t i = 1; i < count; i++)
        argv[5 + i] = target->expanded[i];
    execve(target->loader, argv, environ);
    free(argv);
}

int target_start(struct target *target, struct preload *preload)
{
    int error;

    if (target->capabilities)
        start_through_loader(target, preload);
    else
        execve(target->path, target->argv, environ);
    if (errno == ENOEXEC && !target->capabilities)
        execve(target->program, target->expanded, environ); /* a shell script without #! */
    error = errno;
    complain("'%s' cannot be executed: %s", target->path, strerror(error));
    return nothing_there(error) ? EXIT_NOT_FOUND : EXIT_CANNOT_EXECUTE;
}

void target_free(struct target *target)
{
    arguments_free(target->expanded);
    target->expanded = NULL;
}
