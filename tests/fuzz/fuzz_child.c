/* SPDX-License-Identifier: MIT */
/*
 * Any environment of a child, and any command of system(3): what the child gets lacks nothing, keeps every variable
 * that is none of ours, and the shell takes from the longer command what was put into it.
 *
 * The input: the command, and variables, with a NUL behind each.
 */
#include "shim/child_environment.h"
#include "shim/pin.h"
#include "shim/real.h"
#include "shim/shell_command.h"

#include <stdlib.h>
#include <string.h>

#define VARIABLES 24

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What stands in for our own object: a file that can be read. */
const char *own_object(void)
{
    return "/proc/self/exe";
}

char **environment_now(void)
{
    return __environ;
}

/* Ends the run with a finding. */
static void must(bool holds)
{
    if (!holds)
        abort();
}

static char *text_take(const uint8_t **data, size_t *size)
{
    const uint8_t *end = *size > 0 ? memchr(*data, '\0', *size) : NULL;
    size_t length = end != NULL ? (size_t)(end - *data) : *size;
    char *out = malloc(length + 1);

    must(out != NULL);
    if (length > 0)
        memcpy(out, *data, length);
    out[length] = '\0';
    length += end != NULL;
    *data += length;
    *size -= length;
    return out;
}

/* A process with a pin, a policy and a home: all that children can be given. */
static void start(void)
{
    static const struct layer_place places[1] = {{.path = "/home/me/policy's.conf"}};
    static const bool held[1] = {true};
    static const char policy[] = POLICY_NAME "/home/me/policy's.conf", home[] = HOME_NAME "/home/me";
    struct surroundings surroundings = {.uid = 1000, .allow_on_error = true};

    surroundings.policy = policy + strlen(POLICY_NAME);
    surroundings.home = home + strlen(HOME_NAME);
    pin_children(&surroundings, places, held, 1);
    child_environment_start(&surroundings);
}

static bool is_in(char *const *list, const char *variable)
{
    for (; *list != NULL; list++) {
        if (strcmp(*list, variable) == 0)
            return true;
    }
    return false;
}

static void environment_check(char *const *envp)
{
    struct lack lack, none;
    char *const *complete;
    void *memory;

    if (!environment_lacks(&lack, envp))
        return;
    memory = malloc(environment_size(&lack));
    must(memory != NULL);
    complete = environment_complete(memory, &lack, envp);
    must(!environment_lacks(&none, complete));
    must(none.count == lack.count + lack.added);
    for (char *const *one = envp; *one != NULL; one++)
        must(strncmp(*one, "LD_PRELOAD=", 11) == 0 || strncmp(*one, PIN_NAME, strlen(PIN_NAME)) == 0 ||
             is_in(complete, *one));
    free(memory);
}

/* Reads a word in single quotes as the shell does; `*at` moves behind it. */
static char *unquoted(const char **at)
{
    char *out = malloc(strlen(*at) + 1);
    size_t length = 0;

    must(out != NULL && **at == '\'');
    while (**at == '\'' || **at == '\\') {
        if (**at == '\\') {
            must((*at)[1] == '\'');
            out[length++] = '\'';
            *at += 2;
            continue;
        }
        for ((*at)++; **at != '\''; (*at)++) {
            must(**at != '\0');
            out[length++] = **at;
        }
        (*at)++;
    }
    out[length] = '\0';
    return out;
}

/*
 * `export NAME='VALUE'...; exec /bin/sh -c -- 'COMMAND' sh`: the variables complete `environ`, the command is the same.
 */
static void longer_check(const char *text, const char *command)
{
    static const char begin[] = "export", middle[] = "; exec /bin/sh -c -- ";
    char *whole;

    must(strncmp(text, begin, strlen(begin)) == 0);
    for (text += strlen(begin); *text == ' ';) {
        const char *name = ++text;
        char *value;

        must(strncmp(name, "LD_PRELOAD=", 11) == 0 || strncmp(name, "SOCKADE_", 8) == 0);
        text += strcspn(text, "=") + 1;
        value = unquoted(&text);
        if (strncmp(name, "LD_PRELOAD=", 11) == 0)
            must(strstr(value, own_object()) != NULL);
        if (strncmp(name, PIN_NAME, strlen(PIN_NAME)) == 0)
            must(strstr(value, "/home/me/policy's.conf") != NULL);
        free(value);
    }
    must(strncmp(text, middle, strlen(middle)) == 0);
    text += strlen(middle);
    whole = unquoted(&text);
    must(strcmp(whole, command) == 0 && strcmp(text, " sh") == 0);
    free(whole);
}

static void command_check(const char *command, char **envp)
{
    struct shell_command made;
    char **before = __environ;

    __environ = envp;
    must(shell_command_make(&made, command));
    __environ = before;
    if (made.memory == NULL)
        must(made.text == command);
    else
        longer_check(made.text, command);
    shell_command_drop(&made);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool started;
    char *envp[VARIABLES + 1] = {NULL};
    char *command;

    if (!started)
        start();
    started = true;
    command = text_take(&data, &size);
    for (int i = 0; i < VARIABLES && size > 0; i++)
        envp[i] = text_take(&data, &size);
    environment_check(envp);
    command_check(command, envp);
    for (int i = 0; i < VARIABLES; i++)
        free(envp[i]);
    free(command);
    return 0;
}
