/* SPDX-License-Identifier: MIT */
/*
 * `sockade run`: everything that can be wrong is found out first, then the program is executed in our own place.
 */
#include "command/command.h"
#include "command/options.h"
#include "command/preload.h"
#include "command/prepare.h"
#include "command/target.h"
#include "config/memory.h"
#include "config/messages.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

struct choices {
    const char *policy, *log;
    char *log_target;
    bool keep_privileges;
    struct additions additions;
};

/* Judges the program and starts it. Returns only where that failed. */
static int start(struct target *target, struct preload *preload, bool keep_privileges)
{
    int code = target_find(target->path, target->argv[0], false);

    if (code == EXIT_FINE)
        code = target_follow(target, false);
    if (code == EXIT_FINE)
        code = target_judge(target, preload, keep_privileges);
    if (code != EXIT_FINE)
        return code;
    if (!keep_privileges && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
        complain("prctl PR_SET_NO_NEW_PRIVS: %s; --keep-privileges does without", strerror(errno));
        return EXIT_OWN;
    }
    if (!preload_set(preload))
        return EXIT_OWN;
    return target_start(target, preload);
}

/* Makes the target of --log an addition, as a policy would name it. */
static bool take_log(const struct usage *usage, struct choices *choices)
{
    static const char *const targets[] = {"stderr", "syslog", "file:PATH"};
    struct option_uses *uses = &choices->additions.rules;
    const char *log = choices->log;
    const char *near;
    char path[PATH_MAX];

    if (strncmp(log, "file:", 5) == 0 && log[5] != '\0' && log[strlen(log) - 1] != '/') {
        if (strncmp(log + 5, "~/", 2) == 0)
            choices->log_target = memory_text(log);
        else if (path_absolute(path, log + 5))
            choices->log_target = memory_print("file:%s", path);
        else
            return false;
    } else if (strcmp(log, "stderr") == 0 || strcmp(log, "syslog") == 0) {
        choices->log_target = memory_text(log);
    } else if (strpbrk(log, "/.") != NULL && log[strlen(log) - 1] != '/' && strncmp(log, "file:", 5) != 0) {
        usage_error(usage, "--log '%s' lacks its kind; write 'file:%s'", log, log);
        return false;
    } else {
        near = nearest_name(log, targets, sizeof(targets) / sizeof(targets[0]));
        usage_error(usage, "--log '%s' is neither 'stderr' nor 'syslog' nor 'file:PATH'%s%s%s", log,
                    near != NULL ? "; did you mean '" : "", near != NULL ? near : "", near != NULL ? "'?" : "");
        return false;
    }
    uses->list = memory_grow(uses->list, uses->count, &uses->room, sizeof(*uses->list));
    uses->list[uses->count++] = (struct option_use){"log", choices->log_target};
    return true;
}

static int run(const struct choices *choices, char **argv)
{
    static struct preload preload;
    static struct target target;
    int code;

    if (!prepare_policy(choices->policy, &choices->additions) || !preload_find(&preload))
        return EXIT_OWN;
    target.argv = argv;
    code = start(&target, &preload, choices->keep_privileges);
    target_free(&target);
    return code;
}

int command_run(int argc, char **argv)
{
    struct choices choices = {0};
    struct option_uses *rules = &choices.additions.rules;
    const struct option_row rows[] = {
        {"policy", 0, "FILE", "the policy, text or image, in place of yours", NULL, &choices.policy, NULL},
        {"audit", 0, NULL, "refuse nothing, write what would be refused", &choices.additions.audit, NULL, NULL},
        {"log", 0, "stderr|syslog|file:PATH", "where to write it", NULL, &choices.log, NULL},
        {"keep-privileges", 0, NULL, "let set-user-id programs gain theirs", &choices.keep_privileges, NULL, NULL},
        {"deny-to", 0, "ENDPOINT", "refuse reaching ADDRESS[:PORT[-PORT]][/PROTO]", NULL, NULL, rules},
        {"deny-from", 0, "ENDPOINT", "refuse being reached from it, on this port of ours", NULL, NULL, rules},
        {"deny-on", 0, "ENDPOINT", "refuse listening on it", NULL, NULL, rules},
        {"deny-family", 0, "FAMILY", "refuse sockets of it: inet6, netlink, packet, ...", NULL, NULL, rules},
        {"allow-to", 0, "ENDPOINT", "allow reaching it", NULL, NULL, rules},
        {"allow-from", 0, "ENDPOINT", "allow being reached from it", NULL, NULL, rules},
        {"allow-on", 0, "ENDPOINT", "allow listening on it", NULL, NULL, rules},
        {"closed", 0, NULL, "refuse what no rule allows, but for loopback", NULL, NULL, rules},
    };
    const struct usage usage = {
        .command = "run",
        .arguments = "[OPTION]... [--] PROGRAM [ARG...]",
        .what = "Starts PROGRAM under the policy, in this process.",
        .more = "Rules of the command line come before those of the policy, in the order given: the first that\n"
                "matches decides, so --allow-to stands before a wider --deny-to. An ADDRESS is one, a CIDR, a range\n"
                "A-B, unix:/PATH, a @set of the policy, or one of any, loopback, private, link-local,\n"
                "multicast, metadata.\n"
                "PROGRAM and its children cannot gain privileges unless --keep-privileges is given.\n"
                "Exit code: 125 nothing was started, 126 cannot be executed, 127 not found, else PROGRAM's own.\n\n"
                "  sockade run --deny-to metadata --deny-to 10.0.0.0/8:22/tcp -- curl http://169.254.169.254/\n"
                "  sockade run --closed --allow-to 192.0.2.53:53 --allow-to any:443/tcp -- ./job\n"
                "  sockade run --audit --closed --log stderr -- ./program      tells what it would have refused",
        .error_exit = EXIT_OWN,
        .in_order = true,
        .rows = rows,
        .row_count = sizeof(rows) / sizeof(rows[0]),
    };
    int code;
    int operands = options_parse(&usage, argc, argv, &code);

    if (operands == 0)
        code = usage_error(&usage, "name a program");
    else if (operands > 0)
        code = choices.log != NULL && !take_log(&usage, &choices) ? EXIT_OWN : run(&choices, argv);
    free(rules->list);
    free(choices.log_target);
    return code;
}
