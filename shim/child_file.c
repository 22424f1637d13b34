/* SPDX-License-Identifier: MIT */
/*
 * The kernel's own way from a name to a program, followed by looking: along PATH, over #! lines, to the ELF file and
 * its dynamic loader.
 */
#include "shim/child_file.h"

#include "shim/child_environment.h"
#include "shim/judge.h"
#include "shim/sandbox.h"
#include "state/binfmt.h"
#include "state/kernel.h"
#include "state/text.h"

#include <elf.h>
#include <link.h>
#include <string.h>
#include <sys/xattr.h>

#define SHELL "/bin/sh"
#define OPEN_FLAGS (O_RDONLY | O_NONBLOCK | O_NOCTTY)

/* The head of our own file, as it is mapped; the linker defines it. */
extern const ElfW(Ehdr) __ehdr_start __attribute__((visibility("hidden")));

const char *reach_text(enum reach reach)
{
    switch (reach) {
    case REACH_STATIC:
        return "it is statically linked: it loads no library";
    case REACH_GO:
        return "it is built by Go: it makes its system calls itself";
    case REACH_FOREIGN:
        return "it is of another architecture, for which there is no object";
    case REACH_MUSL:
        return "it is linked with musl, into which an object for the GNU C library cannot be loaded";
    case REACH_SET_ID:
        return "it is set-user-id or set-group-id, and gains what makes the loader ignore LD_PRELOAD";
    case REACH_CAPABILITIES:
        return "it carries capabilities, which make the loader ignore LD_PRELOAD";
    case REACH_IDS:
        return "real and effective user or group differ, which makes the loader ignore LD_PRELOAD";
    case REACH_UNREADABLE:
        return "it cannot be read, so nobody can tell what it is";
    case REACH_UNSEEN:
        return "it could not be looked at";
    case REACH_NO_OBJECT:
        return "our object cannot be read from here";
    case REACH_FULL:
    case REACH_NOTHING:
    case REACH_BY_LOADER:
    default:
        return NULL;
    }
}

/* Whether somebody may execute the file; also where that cannot be found out. */
static bool may_be_executed(int folder, const char *path)
{
    return faccessat(folder, path, X_OK, 0) == 0 || !error_is_of_path(errno);
}

static enum reach reach_unseen(struct child_file *out)
{
    out->error = errno;
    return REACH_UNSEEN;
}

/*
 * What it means that a file could not be opened. Only what the kernel says of the file itself lets the call go on, to
 * fail: it would start one whose lease we did not wait for (EAGAIN), or that we had no descriptor for.
 */
static enum reach reach_unopened(struct child_file *out, int folder, const char *path)
{
    if (errno == EACCES || errno == EPERM)
        return may_be_executed(folder, path) ? REACH_UNREADABLE : REACH_NOTHING;
    return error_is_of_path(errno) ? REACH_NOTHING : reach_unseen(out);
}

static bool is_our_machine(const struct machine *machine)
{
    const struct machine own = {.class = __ehdr_start.e_ident[EI_CLASS],
                                .data = __ehdr_start.e_ident[EI_DATA],
                                .machine = __ehdr_start.e_machine};

    return machine_equals(machine, &own);
}

/* Whether an object of ours is there for programs of another machine. */
static __attribute__((noinline)) bool is_reached(const struct machine *machine)
{
    char other[PATH_MAX];

    return object_for(child_object_value(), machine, other);
}

/* What an ELF file's headers and its mode and attributes mean. */
static enum reach reach_elf(const struct program *program, bool is_loader, int fd, const struct stat *st)
{
    enum privilege privilege;

    if (!is_our_machine(&program->machine) && !is_reached(&program->machine))
        return REACH_FOREIGN;
    if (program->form == PROGRAM_STATIC && !is_loader)
        return REACH_STATIC;
    if (program->form == PROGRAM_DYNAMIC && loader_is_musl(program->text))
        return REACH_MUSL;
    if (program->go)
        return REACH_GO;
    privilege = program_privilege(fd, st, false);
    if ((privilege == PRIVILEGE_USER || privilege == PRIVILEGE_GROUP) && no_new_privileges())
        privilege = program_privilege(fd, st, true);
    switch (privilege) {
    case PRIVILEGE_USER:
    case PRIVILEGE_GROUP:
        return REACH_SET_ID;
    case PRIVILEGE_CAPABILITIES:
        if (kernel_real_uid() == 0) /* security/commoncap.c: to root they are nothing special */
            return REACH_FULL;
        return program->form == PROGRAM_DYNAMIC ? REACH_BY_LOADER : REACH_CAPABILITIES;
    case PRIVILEGE_NONE:
    default:
        return REACH_FULL;
    }
}

/* Whether the call starts a shell for a file that is neither a program nor a script. */
static bool falls_back(const struct child *child)
{
    return child->way == BY_EXECVP || child->way == BY_EXECVPE;
}

/* One file of the chain. True where its interpreter, which then stands in out->program, comes next. */
static bool step(struct child_file *out, int fd, const char *path, bool falls_back)
{
    bool is_loader = is_loader_name(path); /* before `path`, which may be the text of the last step, is written over */
    struct stat st;

    out->reach = REACH_NOTHING;
    if (fstat(fd, &st) != 0) {
        out->reach = reach_unseen(out);
        return false;
    }
    if (!S_ISREG(st.st_mode))
        return false;
    if (!program_read(&out->program, fd)) {
        out->reach = REACH_UNREADABLE;
        return false;
    }
    if (out->program.form == PROGRAM_DYNAMIC || out->program.form == PROGRAM_STATIC) {
        out->reach = reach_elf(&out->program, is_loader, fd, &st);
        return false;
    }
    if (out->program.form == PROGRAM_SCRIPT)
        return true;
    out->registered = binfmt_find(out->program.text, BINFMT_FOLDER, fd, path);
    if (!out->registered && !falls_back)
        return false;
    if (!out->registered)
        memcpy(out->program.text, SHELL, sizeof(SHELL));
    out->program.argument = (uint16_t)strlen(out->program.text);
    return true;
}

/* Whether the loader can be told of a script's interpreter: one, with a path. */
static bool can_be_argument(const struct child_file *file, int depth)
{
    return depth == 1 && !file->registered && strchr(file->script.text, '/') != NULL;
}

/* From an open file, which is closed, over its interpreters to the program. */
static void follow(struct child_file *out, int fd, const char *path, bool falls_back)
{
    out->interpreted = out->registered = false;
    for (int depth = 0; depth <= SCRIPT_DEPTH; depth++) {
        bool more = step(out, fd, path, falls_back && depth == 0);

        kernel_close(fd);
        if (!more) {
            if (out->reach == REACH_BY_LOADER && depth > 0 && !can_be_argument(out, depth))
                out->reach = REACH_CAPABILITIES;
            return;
        }
        if (depth == 0) {
            out->interpreted = true;
            out->script = out->program;
        }
        path = out->program.text;
        fd = kernel_open(AT_FDCWD, path, OPEN_FLAGS, 0);
        if (fd < 0) {
            out->reach = reach_unopened(out, AT_FDCWD, path);
            return;
        }
    }
    out->reach = REACH_NOTHING; /* ELOOP */
}

/* Whether this is the file along PATH that the call will start; `out` then says what it is. */
typedef bool probe(struct child_file *out, const struct child *child, const char *path);

static bool probe_by_looking(struct child_file *out, const struct child *child, const char *path)
{
    int fd = kernel_open(AT_FDCWD, path, OPEN_FLAGS, 0);

    if (fd < 0) {
        out->reach = reach_unopened(out, AT_FDCWD, path);
    } else if (!may_be_executed(AT_FDCWD, path)) {
        kernel_close(fd);
        out->reach = REACH_NOTHING;
    } else {
        follow(out, fd, path, falls_back(child));
    }
    return out->reach != REACH_NOTHING;
}

static bool probe_for_capabilities(struct child_file *out, const struct child *child, const char *path)
{
    bool has = getxattr(path, CAPABILITIES_NAME, NULL, 0) > 0;

    (void)child;
    out->reach = has ? REACH_BY_LOADER : REACH_NOTHING;
    return has || (errno != ENOENT && errno != ENOTDIR && access(path, X_OK) == 0);
}

/* Writes FOLDER/NAME. */
static void path_write(char *out, const char *folder, size_t length, const char *name)
{
    memcpy(out, folder, length);
    out[length] = '/';
    memcpy(out + length + 1, name, strlen(name) + 1);
}

/* Whether there is something to be started behind a name that `found` has no room for. */
static __attribute__((noinline)) bool is_far_away(const char *folder, size_t length, const char *name)
{
    char path[PATH_MAX];
    struct stat st;

    if (length + 1 + strlen(name) >= sizeof(path)) /* libc passes it over as well */
        return false;
    path_write(path, folder, length, name);
    return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}

/*
 * Goes through PATH as execvpe(3) does: what cannot be executed is passed over, and PATH is this process' own whatever
 * the child's environment says. A path that is longer than any in use stands for a file that nobody can look at.
 */
static void search(struct child_file *out, const struct child *child, probe *is_found)
{
    const char *at = environment_get(__environ, "PATH");
    size_t name = strlen(child->path);

    out->path = child->path;
    out->reach = REACH_NOTHING;
    if (name == 0 || name > NAME_MAX)
        return;
    for (at = at != NULL ? at : "/bin:/usr/bin"; at != NULL; at = strchr(at, ':') ? strchr(at, ':') + 1 : NULL) {
        size_t length = strcspn(at, ":");
        const char *folder = length > 0 ? at : ".";

        if (length == 0)
            length = 1;
        if (length + 1 + name >= sizeof(out->found)) {
            if (!is_far_away(folder, length, child->path))
                continue;
            out->reach = REACH_UNREADABLE;
            return;
        }
        path_write(out->found, folder, length, child->path);
        if (is_found(out, child, out->found)) {
            out->path = out->found;
            return;
        }
    }
}

static bool is_searched(const struct child *child)
{
    return (child->way == BY_EXECVP || child->way == BY_EXECVPE || child->way == BY_SPAWNP) &&
           strchr(child->path, '/') == NULL;
}

/*
 * Opens what a call names by descriptor, which may be one that only names its file (O_PATH): so by the kernel's own
 * name for it. `found` gets the file's name as far as it still has one, "" else. `fd` stays the program's.
 */
static int open_by_descriptor(struct child_file *out, int fd)
{
    static const char folder[] = "/proc/self/fd/";
    char link[sizeof(folder) + DECIMAL_TEXT];
    size_t at = sizeof(folder) - 1;
    struct stat ours, named;
    ssize_t length;
    int own;

    memcpy(link, folder, at);
    at += text_decimal(link + at, (unsigned)fd);
    link[at] = '\0';
    length = readlink(link, out->found, sizeof(out->found) - 1);
    out->found[length > 0 ? length : 0] = '\0';
    if (fstat(fd, &ours) != 0 || stat(out->found, &named) != 0 || ours.st_ino != named.st_ino ||
        ours.st_dev != named.st_dev)
        out->found[0] = '\0';
    own = kernel_open(AT_FDCWD, link, OPEN_FLAGS, 0);
    return own < 0 && errno == ENOENT ? kernel_duplicate(fd, 0) : own;
}

static bool is_by_descriptor(const struct child *child)
{
    return child->way == BY_FEXECVE ||
           (child->way == BY_EXECVEAT && (child->flags & AT_EMPTY_PATH) && child->path[0] == '\0');
}

static void look_by_descriptor(struct child_file *out, const struct child *child)
{
    int fd = open_by_descriptor(out, child->fd);

    out->path = out->found[0] != '\0' ? out->found : "(a file without a name)";
    if (fd < 0) {
        out->reach = reach_unopened(out, child->fd, "");
        return;
    }
    follow(out, fd, out->path, false);
    if (out->reach == REACH_BY_LOADER && out->found[0] == '\0')
        out->reach = REACH_CAPABILITIES;
}

static void look_by_name(struct child_file *out, const struct child *child)
{
    bool at = child->way == BY_EXECVEAT;
    int folder = at ? child->fd : AT_FDCWD;
    int flags = at && (child->flags & AT_SYMLINK_NOFOLLOW) ? OPEN_FLAGS | O_NOFOLLOW : OPEN_FLAGS;
    int fd = kernel_open(folder, child->path, flags, 0);

    if (fd < 0) {
        out->reach = reach_unopened(out, folder, child->path);
        return;
    }
    follow(out, fd, child->path, falls_back(child));
    /* What cannot be executed is the kernel's to refuse. */
    if (out->reach >= REACH_STATIC && !may_be_executed(folder, child->path))
        out->reach = REACH_NOTHING;
    /* The loader would have to find it by its name, from its own place. */
    if (out->reach == REACH_BY_LOADER && folder != AT_FDCWD && child->path[0] != '/')
        out->reach = REACH_CAPABILITIES;
}

/* Whether the child starts with the real ids in place of the effective ones. */
static bool resets_ids(const struct child *child)
{
    short flags = 0;

    return child->attributes != NULL && posix_spawnattr_getflags(child->attributes, &flags) == 0 &&
           (flags & POSIX_SPAWN_RESETIDS) != 0;
}

void child_file_look(struct child_file *out, const struct child *child)
{
    int saved = errno;

    out->error = 0;
    out->reach = REACH_NOTHING;
    out->interpreted = false;
    out->path = child->path;
    if (child->way != BY_FEXECVE && plainly_bad(child->path))
        return;
    if (sandboxed()) {
        out->reach = REACH_UNSEEN;
        out->error = EACCES;
        return;
    }
    if (is_by_descriptor(child))
        look_by_descriptor(out, child);
    else if (is_searched(child))
        search(out, child, probe_by_looking);
    else
        look_by_name(out, child);
    if (out->reach == REACH_FULL || out->reach == REACH_BY_LOADER) {
        if (ids_differ() && !resets_ids(child))
            out->reach = REACH_IDS;
        else if (access(child_object(), R_OK) != 0)
            out->reach = REACH_NO_OBJECT;
    }
    errno = saved;
}

bool child_file_is_capable(const struct child *child)
{
    struct child_file found;
    int saved = errno;
    bool is;

    if (child->way == BY_FEXECVE || plainly_bad(child->path) || child->way == BY_EXECVEAT) {
        is = false;
    } else if (is_searched(child)) {
        search(&found, child, probe_for_capabilities);
        is = found.reach == REACH_BY_LOADER;
    } else {
        is = getxattr(child->path, CAPABILITIES_NAME, NULL, 0) > 0;
    }
    errno = saved;
    return is;
}
