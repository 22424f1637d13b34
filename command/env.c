/* SPDX-License-Identifier: MIT */
/*
 * `sockade env`: what a shell has to evaluate so that all it starts from then on runs under the policy.
 *
 * Nothing is printed unless everything was found right, and what is printed is one line: it is applied as a whole.
 */
#include "command/command.h"
#include "command/options.h"
#include "command/preload.h"
#include "command/prepare.h"
#include "config/memory.h"
#include "config/messages.h"
#include "state/preload.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define OBJECT_NAME "libsockade.so"

/* How a shell is told of a variable. */
struct shell {
    const char *name;
    const char *set, *joint;   /* what stands in front of the variable, and behind it */
    const char *unset;         /* what stands in front of one that is taken away */
    const char *quote;         /* what a single quote becomes within single quotes */
    const char *special;       /* other bytes that need a backslash there */
    const char *begins, *ends; /* how our output is evaluated: what stands around the command */
};

static const struct shell shells[] = {
    {"sh", "export", "=", "unset", "'\\''", "", "eval \"$(", ")\""},
    {"csh", "setenv", " ", "unsetenv", "'\\''", "!\n", "eval \"`", "`\""},
    {"fish", "set -gx", " ", "set -e", "\\'", "\\", "", " | source"},
};

#define SHELL_COUNT (sizeof(shells) / sizeof(shells[0]))

struct env_choices {
    const char *policy, *shell;
    bool off;
};

/* The shell of that name, which may be a path; NULL: none of ours. */
static const struct shell *shell_named(const char *name)
{
    static const char *const like_sh[] = {"bash", "dash", "zsh", "ksh", "mksh", "ash", "busybox"};
    const char *slash = strrchr(name, '/');

    name = slash != NULL ? slash + 1 : name;
    if (strcmp(name, "tcsh") == 0)
        name = "csh";
    for (size_t i = 0; i < sizeof(like_sh) / sizeof(like_sh[0]); i++) {
        if (strcmp(name, like_sh[i]) == 0)
            return &shells[0];
    }
    for (size_t i = 0; i < SHELL_COUNT; i++) {
        if (strcmp(name, shells[i].name) == 0)
            return &shells[i];
    }
    return NULL;
}

/* The value as it stands between the quotes of that shell. */
static char *quoted(const struct shell *shell, const char *value)
{
    size_t longest = strlen(shell->quote) + 1;
    char *out = memory_new(strlen(value) * longest + 1);
    char *end = out;

    for (; *value != '\0'; value++) {
        if (*value == '\'') {
            end = stpcpy(end, shell->quote);
            continue;
        }
        if (strchr(shell->special, *value) != NULL)
            *end++ = '\\';
        *end++ = *value;
    }
    *end = '\0';
    return out;
}

/* Adds what sets a variable to the line, or takes it away where there is no value. */
static void add_variable(char **line, const struct shell *shell, const char *name, const char *value)
{
    char *old = *line;

    if (value == NULL || value[0] == '\0') {
        *line = memory_print("%s%s %s; ", old, shell->unset, name);
    } else {
        char *between = quoted(shell, value);

        *line = memory_print("%s%s %s%s'%s'; ", old, shell->set, name, shell->joint, between);
        free(between);
    }
    free(old);
}

/* What LD_PRELOAD holds without any object of ours, wherever it lies. */
static char *preload_without_ours(const char *list)
{
    char *rest = memory_text("");

    for (list += strspn(list, PRELOAD_SEPARATORS); *list != '\0'; list += strspn(list, PRELOAD_SEPARATORS)) {
        int length = (int)strcspn(list, PRELOAD_SEPARATORS);
        char *one = memory_print("%.*s", length, list);
        const char *slash = strrchr(one, '/');

        if (strcmp(slash != NULL ? slash + 1 : one, OBJECT_NAME) != 0) {
            char *longer = memory_print("%s%s%s", rest, rest[0] != '\0' ? ":" : "", one);

            free(rest);
            rest = longer;
        }
        free(one);
        list += length;
    }
    return rest;
}

/* Whether the shell itself runs under our object, which hands on to every child what it found at the start. */
static bool shell_is_preloaded(void)
{
    char path[32], line[4096];
    bool found = false;
    FILE *maps;

    snprintf(path, sizeof(path), "/proc/%d/maps", (int)getppid());
    maps = fopen(path, "re");
    while (maps != NULL && !found && fgets(line, sizeof(line), maps) != NULL)
        found = strstr(line, "/" OBJECT_NAME) != NULL;
    if (maps != NULL)
        fclose(maps);
    return found;
}

/* Prints the line for the shell; to a person, how it is meant. */
static void tell(const struct shell *shell, const char *line, const struct env_choices *choices)
{
    puts(line);
    if (isatty(STDOUT_FILENO))
        fprintf(stderr, "# This is for the shell to evaluate: %ssockade env%s%s%s\n", shell->begins,
                choices->off ? " --off" : "", choices->policy != NULL ? " --policy FILE" : "", shell->ends);
}

static int turn_off(const struct shell *shell, const struct env_choices *choices)
{
    const char *preload = getenv("LD_PRELOAD");
    char *rest, *line = memory_text("");

    if (shell_is_preloaded()) {
        complain("this shell was itself started under the policy, which it hands on whatever its variables say; leave "
                 "it, or log in anew");
        free(line);
        return EXIT_OWN;
    }
    rest = preload_without_ours(preload != NULL ? preload : "");
    add_variable(&line, shell, "LD_PRELOAD", rest);
    add_variable(&line, shell, "SOCKADE_POLICY", "");
    tell(shell, line, choices);
    free(rest);
    free(line);
    return EXIT_FINE;
}

static int turn_on(const struct shell *shell, const struct env_choices *choices)
{
    static const struct additions none;
    static struct preload preload;
    char *line;

    if (!prepare_policy(choices->policy, &none) || !preload_find(&preload) || !preload_set(&preload))
        return EXIT_OWN;
    line = memory_text("");
    if (choices->policy != NULL)
        add_variable(&line, shell, "SOCKADE_POLICY", getenv("SOCKADE_POLICY"));
    add_variable(&line, shell, "LD_PRELOAD", getenv("LD_PRELOAD"));
    tell(shell, line, choices);
    free(line);
    return EXIT_FINE;
}

/* The shell that was named, else the user's own, else sh; NULL, and said, where the named one is none of ours. */
static const struct shell *choose_shell(const struct usage *usage, const char *name)
{
    const char *own = getenv("SHELL");
    const struct shell *shell;

    if (name == NULL) {
        shell = own != NULL ? shell_named(own) : NULL;
        return shell != NULL ? shell : &shells[0];
    }
    shell = shell_named(name);
    if (shell == NULL) {
        char *shown = printable(name);

        usage_error(usage, "there is no form for the shell '%s'; there are sh, csh and fish", shown);
        free(shown);
    }
    return shell;
}

int command_env(int argc, char **argv)
{
    struct env_choices choices = {0};
    const struct option_row rows[] = {
        {"policy", 0, "FILE", "the policy, text or image, in place of yours", NULL, &choices.policy, NULL},
        {"shell", 0, "sh|csh|fish", "for this shell; else by $SHELL", NULL, &choices.shell, NULL},
        {"off", 0, NULL, "undo it", &choices.off, NULL, NULL},
    };
    const struct usage usage = {
        .command = "env",
        .arguments = "[OPTION]...",
        .what = "Prints what a shell evaluates so that all it starts from then on runs under the policy.",
        .more = "  sh, bash, zsh   eval \"$(sockade env)\"\n"
                "  csh, tcsh       eval \"`sockade env`\"\n"
                "  fish            sockade env | source\n\n"
                "The shell itself keeps what it is, and it can't be kept from gaining privileges: set-user-id\n"
                "programs and static ones that it starts are outside. 'sockade run -- SHELL' starts a shell that\n"
                "is inside with all its children.\n"
                "Exit code: 0 printed, 125 something is wrong, was said, and nothing was printed.",
        .error_exit = EXIT_OWN,
        .rows = rows,
        .row_count = sizeof(rows) / sizeof(rows[0]),
    };
    const struct shell *shell;
    int code;
    int operands = options_parse(&usage, argc, argv, &code);

    if (operands < 0)
        return code;
    if (operands > 0)
        return usage_error(&usage, "unexpected '%s'; 'sockade run' starts a program", argv[0]);
    if (choices.off && choices.policy != NULL)
        return usage_error(&usage, "either --policy or --off");
    shell = choose_shell(&usage, choices.shell);
    if (shell == NULL)
        return EXIT_OWN;
    return choices.off ? turn_off(shell, &choices) : turn_on(shell, &choices);
}
