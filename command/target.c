/* SPDX-License-Identifier: MIT */
/*
 * Judging a program before it is started: by its ELF header, its mode and its attributes, as the kernel and the loader
 * will look at them.
 */
#include "command/target.h"

#include "command/command.h"
#include "config/memory.h"
#include "state/kernel.h"
#include "state/locate.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#define SCRIPT_LINE 256 /* the kernel's BINPRM_BUF_SIZE since 5.1; what is longer it refuses or cuts */
#define SCRIPT_DEPTH 5  /* fs/exec.c: more interpreters in a row give ELOOP */
#define SHELL "/bin/sh"

typedef ElfW(Ehdr) elf_header;

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

/*
 * Splits a script's first line as fs/binfmt_script.c does: the interpreter, and all the rest as one argument ("" for
 * none). False where it is no script, or one that the kernel refuses.
 */
static bool split_script_line(char *line, size_t length, char **interpreter, char **argument)
{
    char *end;

    if (length < 2 || line[0] != '#' || line[1] != '!')
        return false;
    line[length] = '\0';
    end = line + strcspn(line, "\n");
    while (end > line && (end[-1] == ' ' || end[-1] == '\t'))
        end--;
    *end = '\0';
    *interpreter = line + 2 + strspn(line + 2, " \t");
    *argument = *interpreter + strcspn(*interpreter, " \t");
    if (**argument != '\0') {
        *(*argument)++ = '\0';
        *argument += strspn(*argument, " \t");
    }
    return **interpreter != '\0';
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

/* One step from a script to its interpreter. Returns 1 for a step, 0 at the program's own file, else an exit code. */
static int follow_once(struct target *target, bool quiet)
{
    char line[SCRIPT_LINE + 1], shell[] = SHELL;
    char *interpreter, *argument, **longer;
    int fd = open_program(target->program, quiet);
    ssize_t length;

    if (fd < 0)
        return EXIT_OWN;
    length = pread(fd, line, SCRIPT_LINE, 0);
    close(fd);
    if (length >= SELFMAG && memcmp(line, ELFMAG, SELFMAG) == 0)
        return 0;
    if (length < 0 || !split_script_line(line, (size_t)length, &interpreter, &argument)) {
        /* The kernel will say ENOEXEC; execvp(3) and every shell take such a file for a shell script. */
        interpreter = shell;
        argument = shell + strlen(shell);
    }
    if (!is_executable(interpreter)) {
        if (!quiet)
            complain("'%s' cannot be executed: its interpreter '%s': %s", target->program, interpreter,
                     strerror(errno));
        return EXIT_CANNOT_EXECUTE;
    }
    longer = arguments_make(interpreter, argument, target->program, target->expanded);
    arguments_free(target->expanded);
    target->expanded = longer;
    snprintf(target->program, sizeof(target->program), "%s", interpreter);
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

/* Reads the header of an ELF file. */
static bool read_header(int fd, elf_header *out)
{
    return pread(fd, out, sizeof(*out), 0) == (ssize_t)sizeof(*out) && memcmp(out->e_ident, ELFMAG, SELFMAG) == 0;
}

/* The header of our object, which tells what programs it can be loaded into. */
static bool read_object_header(const char *file, elf_header *out)
{
    int fd = open(file, O_RDONLY | O_CLOEXEC);
    bool read = fd >= 0 && read_header(fd, out);

    if (fd >= 0)
        close(fd);
    if (!read)
        complain("'%s' is no shared object; build or install it again", file);
    return read;
}

/*
 * Reads which dynamic loader a program names (PT_INTERP). Returns 1, 0 where it names none, -1 where the file is
 * damaged.
 */
static int read_loader(int fd, const elf_header *header, char loader[PATH_MAX])
{
    ElfW(Phdr) part;

    if (header->e_phentsize != sizeof(part) || header->e_phoff > INT32_MAX)
        return -1;
    for (unsigned i = 0; i < header->e_phnum; i++) {
        if (pread(fd, &part, sizeof(part), (off_t)(header->e_phoff + i * sizeof(part))) != (ssize_t)sizeof(part))
            return -1;
        if (part.p_type != PT_INTERP)
            continue;
        if (part.p_filesz < 2 || part.p_filesz > PATH_MAX || part.p_offset > INT32_MAX ||
            pread(fd, loader, part.p_filesz, (off_t)part.p_offset) != (ssize_t)part.p_filesz ||
            loader[part.p_filesz - 1] != '\0')
            return -1;
        return 1;
    }
    return 0;
}

/* Whether the loader is one that preloads our object; says why not. */
static int judge_loader(const struct target *target)
{
    if (strstr(target->loader, "ld-musl") != NULL) {
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
static int judge_elf(struct target *target, int fd, const struct preload *preload)
{
    elf_header object, header;
    int found;

    if (!read_object_header(preload->file, &object))
        return EXIT_OWN;
    if (!read_header(fd, &header)) {
        complain("'%s' cannot be executed: its ELF header is cut short", target->program);
        return EXIT_CANNOT_EXECUTE;
    }
    if (header.e_ident[EI_CLASS] != object.e_ident[EI_CLASS] || header.e_ident[EI_DATA] != object.e_ident[EI_DATA] ||
        header.e_machine != object.e_machine) {
        complain(
            "'%s' is a program of another architecture (%d-bit, machine %d) than '%s', which cannot be loaded into "
            "it; use a native build of it",
            target->program, header.e_ident[EI_CLASS] == ELFCLASS32 ? 32 : 64, header.e_machine, preload->file);
        return EXIT_OWN;
    }
    found = read_loader(fd, &header, target->loader);
    if (found < 0) {
        complain("'%s' cannot be executed: its program headers are damaged", target->program);
        return EXIT_CANNOT_EXECUTE;
    }
    if (found == 0) {
        complain("'%s' is statically linked: it loads no library, so the policy could not hold for it; use a "
                 "dynamically linked build of it",
                 target->program);
        return EXIT_OWN;
    }
    return judge_loader(target);
}

/*
 * Whether privileges that the file carries would make the loader ignore LD_PRELOAD (AT_SECURE). Under no_new_privs a
 * set-user-id file gains nothing and is loaded like any other.
 */
static int judge_privileges(struct target *target, int fd, bool keep_privileges)
{
    struct stat st;
    bool changes_user, changes_group;

    target->capabilities = fgetxattr(fd, "security.capability", NULL, 0) > 0;
    if (!keep_privileges)
        return EXIT_FINE;
    if (fstat(fd, &st) != 0) {
        complain("fstat '%s': %s", target->program, strerror(errno));
        return EXIT_OWN;
    }
    changes_user = (st.st_mode & S_ISUID) && st.st_uid != kernel_real_uid();
    changes_group = (st.st_mode & S_ISGID) && (st.st_mode & S_IXGRP) && st.st_gid != getgid();
    if (changes_user || changes_group) {
        complain(
            "'%s' is set-%s-id, and such a program loads nothing that its caller names, so the policy could not hold "
            "for it; leave out --keep-privileges, and it runs without the privilege but under the policy",
            target->program, changes_user ? "user" : "group");
        return EXIT_OWN;
    }
    return EXIT_FINE;
}

int target_judge(struct target *target, const struct preload *preload, bool keep_privileges)
{
    int fd, code;

    if (kernel_real_uid() != kernel_effective_uid() || getgid() != getegid()) {
        complain("real and effective user or group differ, so the loader would ignore LD_PRELOAD; start the command as "
                 "one user");
        return EXIT_OWN;
    }
    fd = open_program(target->program, false);
    if (fd < 0)
        return EXIT_OWN;
    code = judge_elf(target, fd, preload);
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
