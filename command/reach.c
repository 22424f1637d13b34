/* SPDX-License-Identifier: MIT */
/* A file judged as command/target.c and the shim's child.c do it, with words and remedies for each outcome. */
#include "command/reach.h"

#include "config/memory.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SHELL "/bin/sh"

static const struct {
    const char *words;
    enum mark mark;
} kinds[REACH_KINDS] = {
    [REACH_FULL] = {"protected", MARK_OK},
    [REACH_LOADER] = {"carries capabilities: started through its loader", MARK_OK},
    [REACH_PRIVILEGE] = {"set-user-id or set-group-id", MARK_WARNING},
    [REACH_STATIC] = {"statically linked", MARK_PROBLEM},
    [REACH_GO] = {"built by Go", MARK_PROBLEM},
    [REACH_MUSL] = {"linked with musl", MARK_PROBLEM},
    [REACH_FOREIGN] = {"of another architecture", MARK_PROBLEM},
    [REACH_NO_OBJECT] = {"32-bit, for which there is no object", MARK_PROBLEM},
    [REACH_NO_LOADER] = {"its dynamic loader is missing", MARK_PROBLEM},
    [REACH_DAMAGED] = {"damaged", MARK_PROBLEM},
    [REACH_UNREADABLE] = {"cannot be read", MARK_PROBLEM},
    [REACH_NO_INTERPRETER] = {"its interpreter cannot be executed", MARK_PROBLEM},
    [REACH_TOO_DEEP] = {"too many interpreters in a row", MARK_PROBLEM},
    [REACH_LIBRARY] = {"a shared library", MARK_OK},
};

const char *reach_words(enum reach kind)
{
    return kinds[kind].words;
}

bool reach_protects(enum reach kind)
{
    return kind == REACH_FULL || kind == REACH_LOADER || kind == REACH_PRIVILEGE;
}

static enum reach judge_machine(const struct machine *machine, const char *object)
{
    char file[PATH_MAX];
    struct machine own;
    int fd;
    bool read;

    if (object_for(object, machine, file))
        return REACH_FULL;
    fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    read = fd >= 0 && machine_read(&own, fd);
    if (fd >= 0)
        close(fd);
    /* The other width of x86-64 runs here, and only lacks an object. */
    return read && own.machine == EM_X86_64 && machine->machine == EM_386 ? REACH_NO_OBJECT : REACH_FOREIGN;
}

static enum reach judge_file(const struct reached *reached, int fd, const char *object)
{
    const struct program *what = &reached->what;
    enum reach kind;
    struct stat st;

    if (what->machine.class == 0)
        return REACH_DAMAGED;
    kind = judge_machine(&what->machine, object);
    if (kind != REACH_FULL)
        return kind;
    if (what->form == PROGRAM_DAMAGED)
        return REACH_DAMAGED;
    if (what->form == PROGRAM_STATIC)
        return is_loader_name(reached->program)  ? REACH_FULL
               : strstr(reached->program, ".so") ? REACH_LIBRARY
                                                 : REACH_STATIC;
    if (what->go)
        return REACH_GO;
    if (loader_is_musl(what->text))
        return REACH_MUSL;
    if (access(what->text, X_OK) != 0)
        return REACH_NO_LOADER;
    if (fstat(fd, &st) != 0)
        return REACH_UNREADABLE;
    switch (program_privilege(fd, &st, false)) {
    case PRIVILEGE_CAPABILITIES:
        return REACH_LOADER;
    case PRIVILEGE_USER:
    case PRIVILEGE_GROUP:
        return REACH_PRIVILEGE;
    case PRIVILEGE_NONE:
        break;
    }
    return REACH_FULL;
}

/* One file of the chain. True: go on with its interpreter, which stands in `out->program` now. */
static bool judge_step(struct reached *out, const char *object)
{
    int fd = open(out->program, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    bool script;

    if (fd < 0 || !program_read(&out->what, fd)) {
        out->error = errno;
        out->kind = out->steps > 0 && out->error != EACCES ? REACH_NO_INTERPRETER : REACH_UNREADABLE;
        if (fd >= 0)
            close(fd);
        return false;
    }
    script = out->what.form == PROGRAM_SCRIPT || out->what.form == PROGRAM_OTHER;
    if (!script)
        out->kind = judge_file(out, fd, object);
    close(fd);
    if (!script)
        return false;
    memcpy(out->before, out->program, sizeof(out->before));
    snprintf(out->program, sizeof(out->program), "%s", out->what.form == PROGRAM_SCRIPT ? out->what.text : SHELL);
    out->steps++;
    if (access(out->program, X_OK) == 0)
        return true;
    out->error = errno;
    out->kind = REACH_NO_INTERPRETER;
    return false;
}

void reach_judge(struct reached *out, const char *path, const char *object)
{
    memset(out, 0, sizeof(*out));
    snprintf(out->program, sizeof(out->program), "%s", path);
    while (judge_step(out, object)) {
        if (out->steps > SCRIPT_DEPTH) {
            out->kind = REACH_TOO_DEEP;
            return;
        }
    }
}

/* A word that names the machine of an ELF file. */
static const char *machine_name(const struct machine *machine)
{
    static const struct {
        uint16_t machine;
        const char *name;
    } names[] = {
        {EM_X86_64, "x86-64"}, {EM_386, "x86"},          {EM_AARCH64, "aarch64"}, {EM_ARM, "arm"},
        {EM_RISCV, "RISC-V"},  {EM_PPC64, "PowerPC 64"}, {EM_S390, "s390"},       {EM_MIPS, "MIPS"},
    };

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (names[i].machine == machine->machine && machine->data == ELFDATA2LSB)
            return names[i].name;
    }
    return "a foreign machine";
}

/* What stops a script, when it is the carriage return of another system's text file. */
static bool ends_with_return(const char *interpreter)
{
    size_t length = strlen(interpreter);

    return length > 0 && interpreter[length - 1] == '\r';
}

static void add_interpreter_remedy(struct diagnosis *diagnosis, const struct reached *reached)
{
    char *word = shell_word(reached->before);

    if (ends_with_return(reached->program))
        diagnosis_remedy(diagnosis, REMEDY_COMMAND, "sed -i 's/\\r$//' %s", word);
    else
        diagnosis_remedy(diagnosis, REMEDY_ADVICE, "install %s, or correct the first line of %s", reached->program,
                         reached->before);
    free(word);
}

static void add_loader_remedy(struct diagnosis *diagnosis, const struct reached *reached)
{
    if (reached->what.machine.machine == EM_386)
        diagnosis_remedy(diagnosis, REMEDY_ROOT_COMMAND,
                         "dpkg --add-architecture i386 && apt-get update && apt-get install libc6:i386");
    else
        diagnosis_remedy(diagnosis, REMEDY_ADVICE, "install the C library that has %s", reached->what.text);
}

static void add_remedy(struct diagnosis *diagnosis, const char *path, const struct reached *reached)
{
    char *word = shell_word(reached->kind == REACH_UNREADABLE ? reached->program : path);
    struct stat st;

    switch (reached->kind) {
    case REACH_PRIVILEGE:
        diagnosis_remedy(diagnosis, REMEDY_COMMAND, "sockade run -- %s", word);
        break;
    case REACH_STATIC:
    case REACH_MUSL:
        diagnosis_remedy(diagnosis, REMEDY_ADVICE,
                         "use a build of it that is linked dynamically with the GNU C library");
        break;
    case REACH_GO:
        diagnosis_remedy(diagnosis, REMEDY_ADVICE,
                         "use another program: one built by Go makes its system calls itself");
        break;
    case REACH_FOREIGN:
        diagnosis_remedy(diagnosis, REMEDY_ADVICE, "use a build of it for this machine");
        break;
    case REACH_NO_OBJECT:
        diagnosis_remedy(diagnosis, REMEDY_ADVICE,
                         "install the package libsockade:i386, or gcc-multilib and build again");
        break;
    case REACH_NO_LOADER:
        add_loader_remedy(diagnosis, reached);
        break;
    case REACH_NO_INTERPRETER:
        add_interpreter_remedy(diagnosis, reached);
        break;
    case REACH_UNREADABLE:
        if (stat(reached->program, &st) == 0)
            diagnosis_remedy(diagnosis, st.st_uid == geteuid() ? REMEDY_COMMAND : REMEDY_ROOT_COMMAND, "chmod %s %s",
                             st.st_uid == geteuid() ? "u+r" : "o+r", word);
        break;
    default:
        break;
    }
    free(word);
}

/* What is known of the file, behind the verdict. */
static char *details(const struct reached *reached)
{
    const struct program *what = &reached->what;
    int bits = what->machine.class == ELFCLASS32 ? 32 : 64;

    switch (reached->kind) {
    case REACH_FULL:
        return memory_print(" (%d-bit, %s)", bits, what->text[0] != '\0' ? what->text : "the loader itself");
    case REACH_FOREIGN:
        return memory_print(" (%d-bit, %s)", bits, machine_name(&what->machine));
    case REACH_PRIVILEGE:
        return memory_text(": under 'sockade run' it is protected, without the privilege; as a child of other programs "
                           "the loader ignores LD_PRELOAD");
    case REACH_LOADER:
        return memory_text(", without them, which 'sockade run' and the object see to");
    case REACH_NO_LOADER:
        return memory_print(" (%s)", what->text);
    case REACH_UNREADABLE:
        return memory_print(" (%s), so nobody can tell whether the policy would hold for it", strerror(reached->error));
    case REACH_NO_INTERPRETER:
        return memory_print(" (%s: %s)", reached->program, strerror(reached->error));
    default:
        return memory_text("");
    }
}

void reach_report(struct diagnosis *diagnosis, const char *check, const char *path, const struct reached *reached)
{
    char *more = details(reached);
    bool chain = reached->steps > 0 && reached->kind != REACH_NO_INTERPRETER;

    diagnosis_add(diagnosis, kinds[reached->kind].mark, check, "%s%s%s: %s%s%s", path, chain ? ", run by " : "",
                  chain ? reached->program : "",
                  reach_protects(reached->kind) ? "" : "not protected: ", kinds[reached->kind].words, more);
    add_remedy(diagnosis, path, reached);
    free(more);
}
