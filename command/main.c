/* SPDX-License-Identifier: MIT */
/* The `sockade` program: finds the subcommand that was named, and hands over. */
#include "command/command.h"
#include "command/log_filter.h"
#include "command/options.h"
#include "command/templates.h"
#include "config/messages.h"
#include "config/names.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#ifndef VERSION
#define VERSION "unreleased"
#endif

#define HELP_WHAT "show this, or with a command's name its own help"

static const struct command commands[] = {
    {"run", "start a program under the policy", command_run},
    {"learn", "run a program and print a policy of what it did", command_learn},
    {"env", "print what puts a shell's programs under the policy", command_env},
    {"init", "write a commented policy to start from", command_init},
    {"check", "judge a policy: errors, and what is perhaps not meant", command_check},
    {"explain", "tell what the policy says about an endpoint or an event, and why", command_explain},
    {"test", "hold a policy against a table of expected decisions", command_test},
    {"log", "show what was refused and by which rule, or who talked to whom", command_log},
    {"compile", "turn a policy into the image that programs map", command_compile},
    {"doctor", "tell what works here and what does not, each with the remedy", command_doctor},
    {"scan", "tell which sockets of running programs a policy would refuse", command_scan},
    {"reload", "publish a policy to the programs that run under it", command_reload},
};

#define COMMAND_COUNT (sizeof(commands) / sizeof(commands[0]))

void complain(const char *format, ...)
{
    va_list arguments;

    fputs("sockade: ", stderr);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
}

static void print_help(void)
{
    puts("Usage: sockade COMMAND [ARGUMENT]...\n"
         "Denies programs what a policy of yours refuses them to reach, to be reached from, or to listen on.\n\n"
         "Commands:");
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        printf("  %-10s %s\n", commands[i].name, commands[i].what);
    puts("  help       " HELP_WHAT "\n\n"
         "Options:\n"
         "  -h, --help   show this\n"
         "  --version    show the version\n\n"
         "'sockade COMMAND --help' tells more, and so do sockade(1) and sockade.conf(5).");
}

static const struct command *command_find(const char *name)
{
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    }
    return NULL;
}

static int unknown_command(const char *name)
{
    const char *names[COMMAND_COUNT + 1];
    const char *near;

    for (size_t i = 0; i < COMMAND_COUNT; i++)
        names[i] = commands[i].name;
    names[COMMAND_COUNT] = "help";
    near = nearest_name(name, names, COMMAND_COUNT + 1);
    if (near != NULL)
        complain("unknown command '%s'; did you mean '%s'? See 'sockade --help'", name, near);
    else
        complain("unknown command '%s'; see 'sockade --help'", name);
    return EXIT_USAGE;
}

/* The words that a value of this name may begin with, or be. */
static void print_values(const char *value, const char *const *words, size_t count, const char *end)
{
    printf("values\t%s\t", value);
    for (size_t i = 0; i < count; i++)
        printf("%s%s%s", i > 0 ? " " : "", words[i], end);
    putchar('\n');
}

/*
 * All commands and options, for shells that complete them: lines of fields between tabs, "-" for nothing. Each command
 * prints its own part, for none does anything else under --help.
 */
static int help_table(void)
{
    char asked[] = "--help";

    options_as_table = true;
    puts("v\t1");
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        char *argv[] = {asked, asked, NULL};

        printf("command\t%s\t%s\n", commands[i].name, commands[i].what);
        commands[i].run(2, argv);
    }
    puts("command\thelp\t" HELP_WHAT "\n"
         "operands\thelp\t[COMMAND | --table]\n"
         "option\thelp\t-h\t--help\t-\tshow this\n"
         "option\thelp\t-\t--table\t-\tall commands and options, for programs\n"
         "option\t-\t-h\t--help\t-\tshow this\n"
         "option\t-\t-\t--version\t-\tshow the version");
    print_values("ENDPOINT", address_names, address_name_count, ":");
    print_values("FAMILY", family_names, family_name_count, "");
    print_values("VERDICT", verdict_names, verdict_name_count, "");
    printf("values\tTEMPLATE\t");
    for (size_t i = 0; i < template_count; i++)
        printf("%s%c", templates[i].name, i + 1 < template_count ? ' ' : '\n');
    return EXIT_FINE;
}

static int help(char *name)
{
    const struct command *command = name != NULL ? command_find(name) : NULL;
    char asked[] = "--help";
    char *argv[] = {name, asked, NULL};

    if (command != NULL)
        return command->run(2, argv);
    if (name != NULL && strcmp(name, "--table") == 0)
        return help_table();
    if (name != NULL && strcmp(name, "help") != 0 && strcmp(name, "--help") != 0 && strcmp(name, "-h") != 0)
        return unknown_command(name);
    print_help();
    return EXIT_FINE;
}

static int dispatch(int argc, char **argv)
{
    const struct command *command;

    if (argc < 2) {
        complain("name a command; see 'sockade --help'");
        return EXIT_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
        return help(NULL);
    if (strcmp(argv[1], "help") == 0)
        return help(argv[2]);
    if (strcmp(argv[1], "--version") == 0) {
        puts("sockade " VERSION);
        return EXIT_FINE;
    }
    command = command_find(argv[1]);
    if (command == NULL)
        return unknown_command(argv[1]);
    return command->run(argc - 1, argv + 1);
}

int main(int argc, char **argv)
{
    int code = dispatch(argc, argv);

    /* A verdict that could not be written must not look like one that was. */
    if (fflush(stdout) != 0 || ferror(stdout)) {
        complain("write to standard output: %s", strerror(errno));
        return EXIT_OWN;
    }
    return code;
}
