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

static void check_host(struct diagnosis *diagnosis)
{
    static struct preload preload;
    bool usable = doctor_object(diagnosis, &preload);

    doctor_preload(diagnosis, usable ? &preload : NULL);
    doctor_variables(diagnosis);
    doctor_translation(diagnosis, doctor_policy(diagnosis));
    doctor_kernel(diagnosis);
    doctor_names(diagnosis);
}

static void check_named(struct diagnosis *diagnosis, char **names, int count, const char *pid)
{
    static struct preload preload;
    char problem[PATH_MAX + 256];

    if (!preload_look(&preload, problem, sizeof(problem))) {
        doctor_object(diagnosis, &preload);
        return;
    }
    if (pid != NULL)
        doctor_process(diagnosis, (pid_t)atol(pid));
    for (int i = 0; i < count; i++) {
        struct stat st;

        if (stat(names[i], &st) == 0 && S_ISDIR(st.st_mode))
            doctor_folder(diagnosis, &preload, names[i]);
        else
            doctor_program(diagnosis, &preload, names[i]);
    }
}

static int report(struct diagnosis *diagnosis, bool json)
{
    int code = diagnosis->problems > 0 ? EXIT_NEGATIVE : EXIT_FINE;

    if (json) {
        diagnosis_print_json(diagnosis, stdout);
    } else {
        puts("sockade " VERSION);
        diagnosis_print(diagnosis, stdout);
        if (diagnosis->problems > 0 || diagnosis->warnings > 0)
            printf("%zu problem%s, %zu warning%s\n", diagnosis->problems, plural(diagnosis->problems),
                   diagnosis->warnings, plural(diagnosis->warnings));
        else
            puts("everything works");
    }
    diagnosis_free(diagnosis);
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
    struct diagnosis diagnosis = {0};
    int code;
    int operands = options_parse(&usage, argc, argv, &code);

    if (operands < 0)
        return code;
    if (pid != NULL && (pid[0] == '\0' || pid[strspn(pid, "0123456789")] != '\0' || atol(pid) <= 0))
        return usage_error(&usage, "--pid '%s' is no process id", pid);
    if (operands > 0 || pid != NULL)
        check_named(&diagnosis, argv, operands, pid);
    else
        check_host(&diagnosis);
    return report(&diagnosis, json);
}
