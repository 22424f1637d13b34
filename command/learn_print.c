/* SPDX-License-Identifier: MIT */
/* What was learnt, as the text of a policy with comments that say why each rule is there. */
#include "command/learn.h"

#include "command/command.h"
#include "config/endpoint.h"
#include "config/memory.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define NAME_SERVER_PORT 53
#define MOST_WORDS 3     /* programs, or names, in one comment */
#define MOST_COMMAND 300 /* bytes of the command line that was run */

/* ---- comments ---- */

/* "a, b, c and 4 more" of what is fit to be read. */
static void print_some(FILE *out, const struct words *words)
{
    for (size_t i = 0; i < words->count && i < MOST_WORDS; i++) {
        char *text = printable(words->list[i]);

        fprintf(out, "%s%s", i > 0 ? ", " : "", text);
        free(text);
    }
    if (words->count > MOST_WORDS)
        fprintf(out, " and %zu more", words->count - MOST_WORDS);
}

/* The names that were looked up for the addresses of a net. */
static struct words names_of(const struct needs *needs, const struct learnt_rule *rule, const struct net *net)
{
    struct words names = {0};
    char address[ADDRESS_TEXT];

    for (size_t i = net->first; i < net->first + net->count; i++) {
        const json_t *list;

        address_format(&rule->addresses[i], address);
        list = json_object_get(needs->names, address);
        for (size_t j = 0; j < json_array_size(list); j++)
            words_add(&names, json_string_value(json_array_get(list, j)));
    }
    return names;
}

/* The comment in front of a rule. */
static void print_why(FILE *out, const struct learnt_rule *rule, const struct words *names)
{
    static const char *const kinds[] = {
        [PORT_ITSELF] = "",
        [PORT_CHOSEN] = "; ports that the kernel chose",
        [PORT_CLIENT] = "; answers to clients",
        [PORT_OWN] = "; ports that it chose itself",
        [PORT_LOW] = "; ports that the C library chose",
    };

    fputs("  # ", out);
    if (names != NULL && names->count > 0) {
        print_some(out, names);
        fputs(", ", out);
    }
    if (rule->exes.count > 0) {
        fputs("by ", out);
        print_some(out, &rule->exes);
        fputs(", ", out);
    }
    if (rule->calls > 0)
        fprintf(out, "%ld call%s", rule->calls, plural((size_t)rule->calls));
    else
        fputs("the answers of whom it asked", out);
    fputs(kinds[rule->kind], out);
    fputc('\n', out);
    for (size_t i = 0; i < rule->refused.count && i < MOST_WORDS; i++) {
        char *text = printable(rule->refused.list[i]);

        fprintf(out, "  # refused by %s\n", text);
        free(text);
    }
}

/* ---- rules ---- */

static void print_protos(FILE *out, unsigned protos)
{
    const char *between = "";
    bool several = (protos & (protos - 1)) != 0;

    if (protos == 0)
        return;
    fputs(several ? " proto = [ " : " proto = ", out);
    for (unsigned bit = 1; bit <= PROTO_RAW; bit <<= 1) {
        if (protos & bit) {
            fprintf(out, "%s\"%s\"", between, proto_text(bit));
            between = ", ";
        }
    }
    fputs(several ? " ];" : ";", out);
}

static void print_chosen_ports(FILE *out)
{
    int first, last;

    chosen_ports(&first, &last);
    fprintf(out, " port = \"%d-%d\";", first, last);
}

static void print_ports(FILE *out, const struct learnt_rule *rule)
{
    bool several = rule->port_count > 1;

    if (rule->kind == PORT_CLIENT || rule->kind == PORT_OWN)
        fputs(" port = \"1024-65535\";", out);
    else if (rule->kind == PORT_LOW)
        fputs(" port = \"512-1023\";", out);
    else if (rule->kind == PORT_CHOSEN)
        print_chosen_ports(out);
    if (rule->kind != PORT_ITSELF)
        return;
    if (rule->port_count == 0)
        return;
    fputs(several ? " port = ( " : " port = ", out);
    for (size_t i = 0; i < rule->port_count; i++) {
        const struct image_port_range *range = &rule->ports[i];

        fputs(i > 0 ? ", " : "", out);
        if (range->first == range->last)
            fprintf(out, "%u", range->first);
        else
            fprintf(out, "\"%u-%u\"", range->first, range->last);
    }
    fputs(several ? " );" : ";", out);
}

static const char *direction_text(const struct learnt_rule *rule)
{
    static const char *const names[DIRECTIONS] = {"to", "from", "on"};

    return names[rule->direction];
}

/* The wildcard that was listened on: `::` takes IPv4 too, unless the program says otherwise. */
static const char *any_text(const struct learnt_rule *rule)
{
    for (size_t i = 0; i < rule->address_count; i++) {
        if (address_is_wildcard(&rule->addresses[i]) && rule->addresses[i].family == ADDRESS_INET6)
            return "any";
    }
    return "0.0.0.0/0";
}

/* A rule of one address or net, in one line. */
static void print_short(FILE *out, const struct learnt_rule *rule, const struct needs *needs, const char *start)
{
    struct words names = {0};
    char range[RANGE_TEXT];

    if (!rule->any) {
        range_format(&rule->nets[0].range, range);
        names = names_of(needs, rule, &rule->nets[0]);
    }
    print_why(out, rule, &names);
    fprintf(out, "%s{ action = \"allow\"; %s = \"%s\";", start, direction_text(rule),
            rule->any ? any_text(rule) : range);
    print_protos(out, rule->protos);
    print_ports(out, rule);
    fputs(" }", out);
    words_free(&names);
}

/* A rule of several, with a line for each. */
static void print_long(FILE *out, const struct learnt_rule *rule, const struct needs *needs, const char *start)
{
    print_why(out, rule, NULL);
    fprintf(out, "%s{ action = \"allow\";", start);
    print_protos(out, rule->protos);
    print_ports(out, rule);
    fprintf(out, " %s = [\n", direction_text(rule));
    for (size_t i = 0; i < rule->net_count; i++) {
        const struct net *net = &rule->nets[i];
        struct words names = names_of(needs, rule, net);
        char range[RANGE_TEXT];

        range_format(&net->range, range);
        fprintf(out, "%s    \"%s\"%s", start, range, i + 1 < rule->net_count ? "," : "");
        if (net->count > 1 || names.count > 0)
            fputs("  # ", out);
        if (net->count > 1)
            fprintf(out, "%zu addresses%s", net->count, names.count > 0 ? ": " : "");
        print_some(out, &names);
        fputc('\n', out);
        words_free(&names);
    }
    fprintf(out, "%s]; }", start);
}

void rules_print(FILE *out, const struct learnt_rules *rules, const struct needs *needs, bool commented)
{
    const char *start = commented ? "  # " : "  ";

    for (size_t i = 0; i < rules->count; i++) {
        if (rules->list[i].any || rules->list[i].net_count == 1)
            print_short(out, &rules->list[i], needs, start);
        else
            print_long(out, &rules->list[i], needs, start);
        fputs(i + 1 < rules->count && !commented ? ",\n" : "\n", out);
    }
}

/* ---- what is no rule ---- */

/* Unix sockets, which no default touches. */
static void print_unix(FILE *out, const struct needs *needs, const char *indent)
{
    bool first = true;

    for (size_t i = 0; i < needs->count; i++) {
        const struct need *need = &needs->list[i];
        char *path;

        if (need->address.family != ADDRESS_UNIX)
            continue;
        if (first)
            fprintf(out, "%s# Unix sockets, which no default refuses:\n", indent);
        first = false;
        path = printable(need->path);
        fprintf(out, "%s#   %s %s, by ", indent, need_direction(need), path);
        print_some(out, &need->exes);
        fputc('\n', out);
        free(path);
    }
}

void remarks_print(FILE *out, const struct needs *needs, const char *indent)
{
    long lost = needs->left_out + needs->unreadable;

    print_unix(out, needs, indent);
    if (needs->families.count > 0) {
        fprintf(out, "%s# Sockets of other families were opened, which rules with `family` judge: ", indent);
        print_some(out, &needs->families);
        fputc('\n', out);
    }
    if (needs->strange.count > 0) {
        fprintf(out, "%s# Addresses of other families were given to ", indent);
        print_some(out, &needs->strange);
        fprintf(out, ".\n%s# No rule can name them: a closed policy refuses them.\n", indent);
    }
    if (needs->unreached_count > 0)
        fprintf(out, "%s# Out of reach, so that nothing is known of what they did, and no policy holds for them:\n",
                indent);
    for (size_t i = 0; i < needs->unreached_count; i++) {
        char *target = printable(needs->unreached[i].target), *reason = printable(needs->unreached[i].reason);

        fprintf(out, "%s#   %s: %s\n", indent, target, reason);
        free(target);
        free(reason);
    }
    if (lost > 0)
        fprintf(out, "%s# INCOMPLETE: %ld event%s lost. Run it once more.\n", indent, lost,
                lost == 1 ? " was" : "s were");
    if (needs->full)
        fprintf(out, "%s# INCOMPLETE: events may be lost, for there was no room for them. Run it once more.\n", indent);
}

/* The command line, as it can be read. */
static char *command_words(const struct run *run)
{
    char *text = memory_text("");

    for (size_t i = 0; run->argv[i] != NULL && strlen(text) < MOST_COMMAND; i++) {
        char *word = printable(run->argv[i]);
        char *longer = memory_print("%s%s%s", text, i > 0 ? " " : "", word);

        free(word);
        free(text);
        text = longer;
    }
    if (strlen(text) > MOST_COMMAND)
        memcpy(text + MOST_COMMAND - 3, "...", 4);
    return text;
}

char *run_words(const struct run *run)
{
    char *command = command_words(run), *words, date[40] = "";
    struct tm broken;

    if (gmtime_r(&run->begun, &broken) != NULL)
        strftime(date, sizeof(date), "%Y-%m-%d %H:%M UTC", &broken);
    words = memory_print("Learnt by sockade on %s from: %s", date, command);
    free(command);
    return words;
}

static void print_head(FILE *out, const struct run *run, const struct needs *needs)
{
    char *words = run_words(run), *program = printable(run->argv[0]);

    fprintf(out, "# %s\n", words);
    fprintf(out, "# It ran %.1f seconds and ended with %d; %ld call%s", run->seconds, run->status, needs->calls,
            plural((size_t)needs->calls));
    if (needs->exes.count > 0) {
        fputs(" by ", out);
        print_some(out, &needs->exes);
    }
    fputs(
        ".\n#\n"
        "# Allows what this run did, and refuses all other peers and ports. Not seen: what its processes did behind a\n"
        "# seccomp filter of their own, or as another user.\n#\n",
        out);
    fprintf(out,
            "# Run under it:  sockade run --policy FILE -- %s ...\n"
            "# Check it:      sockade check FILE\n"
            "# Add to it:     sockade learn --append FILE -- %s ...\n",
            program, program);
    free(program);
    free(words);
}

/* Whether some address of the rules is reached that way; `port` -1: any. */
static bool is_reached(const struct needs *needs, int port, bool loopback)
{
    for (size_t i = 0; i < needs->count; i++) {
        const struct need *need = &needs->list[i];

        if (need->direction == DIRECTION_TO && need->address.family != ADDRESS_UNIX &&
            (port < 0 || need->port == port) && (!loopback || address_is_loopback(&need->address)))
            return true;
    }
    return false;
}

/* What `check` would warn of is meant so: the run needed neither. */
static void print_ignored(FILE *out, const struct needs *needs)
{
    bool asked = is_reached(needs, NAME_SERVER_PORT, false), local = is_reached(needs, -1, true);

    if (!asked || !local)
        fprintf(out, "# The run %s%s%s. sockade: ignore%s%s\n", asked ? "" : "asked no name server",
                asked || local ? "" : ", and ", local ? "" : "reached nothing on this machine",
                asked ? "" : " no-resolver", local ? "" : " no-loopback");
}

void policy_print(FILE *out, const struct run *run, const struct needs *needs)
{
    struct learnt_rules rules = rules_make(needs, FATE_ALLOW, NULL);

    print_head(out, run, needs);
    fputs("version = 1;\n\n"
          "# loopback = \"deny\": rules say whom it may reach on this machine too.\n",
          out);
    print_ignored(out, needs);
    fputs("default = { outbound = \"deny\"; inbound = \"deny\"; listen = \"deny\"; loopback = \"deny\"; };\n\n", out);
    remarks_print(out, needs, "");
    if (needs->unreached_count > 0)
        fputs("unprotected = \"warn\"; # \"deny\" refuses these programs\n\n", out);
    fputs("rules = (\n", out);
    rules_print(out, &rules, needs, false);
    fputs(");\n", out);
    rules_free(&rules);
}
