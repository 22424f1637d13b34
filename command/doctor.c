/* SPDX-License-Identifier: MIT */
/*
 * `sockade doctor`: what works here and what does not, each with the remedy.
 *
 * Everything is tried as the object and `sockade run` would do it, by the same functions, and nothing is written.
 */
#include "command/doctor.h"

#include "command/command.h"
#include "command/options.h"
#include "command/target.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#ifndef VERSION
#define VERSION "unreleased"
#endif

static void check_host(struct findings *findings)
{
    static struct preload preload;
    bool usable = doctor_object(findings, &preload);

    doctor_preload(findings, usable ? &preload : NULL);
    doctor_variables(findings);
    doctor_translation(findings, doctor_policy(findings));
    doctor_kernel(findings);
    doctor_names(findings);
}

static void check_named(struct findings *findings, char **names, int count, const char *pid)
{
    static struct preload preload;
    char problem[PATH_MAX + 256];

    if (!preload_look(&preload, problem, sizeof(problem))) {
        doctor_object(findings, &preload);
        return;
    }
    if (pid != NULL)
        doctor_process(findings, (pid_t)atol(pid));
    for (int i = 0; i < count; i++) {
        struct stat st;

        if (stat(names[i], &st) == 0 && S_ISDIR(st.st_mode))
            doctor_folder(findings, &preload, names[i]);
        else
            doctor_program(findings, &preload, names[i]);
    }
}

static int report(struct findings *findings, bool json)
{
    int code = findings->problems > 0 ? EXIT_NEGATIVE : EXIT_FINE;

    if (json) {
        findings_print_json(findings, stdout);
    } else {
        puts("sockade " VERSION);
        findings_print(findings, stdout);
        if (findings->problems > 0 || findings->warnings > 0)
            printf("%zu problem%s, %zu warning%s\n", findings->problems, plural(findings->problems), findings->warnings,
                   plural(findings->warnings));
        else
            puts("everything works");
    }
    findings_free(findings);
    return code;
}

int command_doctor(int argc, char **argv)
{
    const char *pid = NULL;
    bool json = false;
    const struct option_row rows[] = {
        {"pid", 0, "PID", "look at a running process of yours and its children", NULL, &pid, NULL},
        {"json", 0, NULL, "one line of JSON", &json, NULL, NULL},
    };
    const struct usage usage = {
        .command = "doctor",
        .arguments = "[OPTION]... [PROGRAM | FOLDER]...",
        .what =
            "Tells what works here and what does not, each with the remedy. With programs or folders of them: which "
            "of them can be protected.",
        .more = "Exit code: 0 all is well, or only warnings; 1 something does not work; 2 wrong usage.",
        .error_exit = EXIT_USAGE,
        .rows = rows,
        .row_count = sizeof(rows) / sizeof(rows[0]),
    };
    struct findings findings = {0};
    int code;
    int operands = options_parse(&usage, argc, argv, &code);

    if (operands < 0)
        return code;
    if (pid != NULL && (pid[0] == '\0' || pid[strspn(pid, "0123456789")] != '\0' || atol(pid) <= 0))
        return usage_error(&usage, "--pid '%s' is no process id", pid);
    if (operands > 0 || pid != NULL)
        check_named(&findings, argv, operands, pid);
    else
        check_host(&findings);
    return report(&findings, json);
}
