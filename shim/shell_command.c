/* SPDX-License-Identifier: MIT */
/*
 * system(3) and popen(3) start /bin/sh from inside libc, by posix_spawn's inner name and with `__environ`. Where a
 * program has emptied that there are three ways to give the shell what it lacks:
 *
 * - `__environ` changed during the call: other threads read and write it meanwhile, and a second call that comes
 *   while the
 *   first one ends would lose it.
 * - Both functions written anew: what they do to SIGINT, SIGQUIT and SIGCHLD, with cancellation and among threads,
 *   and what
 *   pclose(3) knows of popen's child, would have to be copied from each libc.
 * - The command changed, so that the shell itself does it: `export LD_PRELOAD='...'; exec /bin/sh -c -- '...' sh`. No
 *   state
 *   of the process is touched, and everything else stays libc's own. The second shell is ours from its first
 *   instruction,
 *   and the first one does nothing in between.
 *
 * It is the third, and only where something is missing.
 */
#include "shim/shell_command.h"

#include "shim/child_environment.h"
#include "shim/child_memory.h"
#include "state/kernel.h"

#include <string.h>

static const char export_word[] = "export";
static const char exec_words[] = "; exec /bin/sh -c -- ";
static const char name_word[] = " sh"; /* $0, as libc names its shell */

#define QUOTED(length) (4 * (length) + 2) /* at most */

static size_t put(char *out, const char *text)
{
    size_t length = strlen(text);

    memcpy(out, text, length);
    return length;
}

/* In single quotes, in which only they themselves need help. */
static size_t put_quoted(char *out, const char *text, size_t length)
{
    size_t at = 0;

    out[at++] = '\'';
    for (size_t i = 0; i < length; i++) {
        if (text[i] == '\'')
            at += put(out + at, "'\\'");
        out[at++] = text[i];
    }
    out[at++] = '\'';
    return at;
}

/* ` NAME='VALUE'` */
static size_t put_variable(char *out, const char *variable)
{
    size_t name = strcspn(variable, "=") + 1;
    size_t at = 1;

    out[0] = ' ';
    memcpy(out + at, variable, name);
    at += name;
    return at + put_quoted(out + at, variable + name, strlen(variable + name));
}

/* The longer command; returns its length. */
static size_t command_write(char *out, const struct environment_change *changes, size_t count, const char *command,
                            size_t length)
{
    size_t at = put(out, export_word);

    for (size_t i = 0; i < count; i++)
        at += put_variable(out + at, changes[i].variable);
    at += put(out + at, exec_words);
    at += put_quoted(out + at, command, length);
    at += put(out + at, name_word);
    out[at] = '\0';
    return at;
}

_Bool shell_command_make(struct shell_command *out, const char *command)
{
    struct environment_change changes[ENVIRONMENT_CHANGES];
    int saved = errno;
    size_t length = strlen(command);
    struct lack lack;
    size_t room, count;

    *out = (struct shell_command){.text = command};
    if (!environment_lacks(&lack, __environ))
        return true;
    room = environment_size(&lack);
    out->size = room + QUOTED(environment_changes_length(&lack)) + ENVIRONMENT_CHANGES * QUOTED(1) + QUOTED(length) +
                sizeof(export_word) + sizeof(exec_words) + sizeof(name_word);
    out->memory = child_memory_take(MEMORY_ENVIRONMENT, out->size);
    errno = saved;
    if (out->memory == NULL)
        return false;
    count = environment_changes(out->memory, &lack, changes);
    command_write((char *)out->memory + room, changes, count, command, length);
    out->text = (char *)out->memory + room;
    return true;
}

void shell_command_drop(struct shell_command *command)
{
    child_memory_give(MEMORY_ENVIRONMENT, command->memory);
}
