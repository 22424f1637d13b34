/* SPDX-License-Identifier: MIT */
/* What scan found, as a table in which peers of one program under one rule share a line, as JSON, and as changes. */
#include "command/columns.h"
#include "command/command.h"
#include "command/scan.h"
#include "config/memory.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define PEERS_SHOWN 3

#define FIRST_DIFFERENCE(difference)                                                                                   \
    do {                                                                                                               \
        int difference_ = (difference);                                                                                \
        if (difference_ != 0)                                                                                          \
            return difference_;                                                                                        \
    } while (0)

/* By all that stands in one line of the table. */
static int compare_lines(const struct sight *a, const struct sight *b)
{
    FIRST_DIFFERENCE((int)b->refused - (int)a->refused);
    FIRST_DIFFERENCE(strcmp(a->program, b->program));
    FIRST_DIFFERENCE((a->pid > b->pid) - (a->pid < b->pid));
    FIRST_DIFFERENCE(strcmp(a->direction, b->direction));
    FIRST_DIFFERENCE(strcmp(a->proto, b->proto));
    FIRST_DIFFERENCE(strcmp(a->outcome, b->outcome));
    FIRST_DIFFERENCE(strcmp(a->layer, b->layer));
    FIRST_DIFFERENCE(strcmp(a->rule, b->rule));
    return strcmp(a->at, b->at);
}

static int compare(const void *one, const void *other)
{
    const struct sight *a = one, *b = other;

    FIRST_DIFFERENCE(compare_lines(a, b));
    return strcmp(a->peer, b->peer);
}

/* An index of the sights in order, in which equal ones are counted together; their number is `*count`. */
static struct sight *make_order(const struct sights *sights, size_t *count)
{
    struct sight *order = memory_new((sights->count + 1) * sizeof(*order));
    size_t kept = 0;

    if (sights->count > 0) {
        memcpy(order, sights->list, sights->count * sizeof(*order));
        qsort(order, sights->count, sizeof(*order), compare);
    }
    for (size_t i = 0; i < sights->count; i++) {
        if (kept > 0 && compare(&order[kept - 1], &order[i]) == 0)
            order[kept - 1].sockets += order[i].sockets;
        else
            order[kept++] = order[i];
    }
    *count = kept;
    return order;
}

/* How many from `from` on stand in the same line. */
static size_t line_length(const struct sight *order, size_t from, size_t count)
{
    size_t to = from + 1;

    while (to < count && compare_lines(&order[from], &order[to]) == 0)
        to++;
    return to - from;
}

/* "192.0.2.1:443 (3), 192.0.2.2:443, and 7 more"; to be freed. */
static char *peers_text(const struct sight *order, size_t count)
{
    char *text = memory_text("");

    for (size_t i = 0; i < count && i < PEERS_SHOWN; i++) {
        char *often = order[i].sockets > 1 ? memory_print(" (%zu)", order[i].sockets) : memory_text("");
        char *longer = memory_print("%s%s%s%s", text, i > 0 ? ", " : "", order[i].peer, often);

        free(often);
        free(text);
        text = longer;
    }
    if (count > PEERS_SHOWN) {
        char *longer = memory_print("%s, and %zu more", text, count - PEERS_SHOWN);

        free(text);
        text = longer;
    }
    return text;
}

static const char *rule_name(const struct sight *sight)
{
    return sight->rule[0] != '\0' ? sight->rule : sight->at[0] != '\0' ? "(no name)" : "no rule names it";
}

static void add_line(struct columns *columns, const struct sight *order, size_t count)
{
    char *peers = peers_text(order, count);

    columns_add(columns, order->refused ? COLOUR_RED : COLOUR_GREEN, order->outcome);
    columns_print_cell(columns, COLOUR_BOLD, "%s%s", order->program, order->shimmed ? " [sockade]" : "");
    columns_print_cell(columns, COLOUR_NONE, "%ld", (long)order->pid);
    columns_print_cell(columns, COLOUR_NONE, "%s%s%s", order->direction, order->proto[0] != '\0' ? " " : "",
                       order->proto);
    columns_add(columns, COLOUR_NONE, peers);
    columns_add(columns, COLOUR_NONE, rule_name(order));
    columns_add(columns, COLOUR_NONE, order->reason);
    columns_add(columns, COLOUR_FAINT, order->at);
    free(peers);
}

static void show_table(const struct sights *sights, FILE *stream)
{
    static const char *const heads[] = {"VERDICT", "PROGRAM", "PID", "WHAT", "PEERS", "RULE", "REASON", "AT"};
    static const bool right[] = {false, false, true, false, false, false, false, false};
    struct columns columns = {.width = sizeof(heads) / sizeof(heads[0]), .right = right};
    size_t count;
    struct sight *order = make_order(sights, &count);

    for (size_t i = 0; i < columns.width; i++)
        columns_add(&columns, COLOUR_NONE, heads[i]);
    for (size_t i = 0, length; i < count; i += length) {
        length = line_length(order, i, count);
        add_line(&columns, &order[i], length);
    }
    if (count > 0)
        columns_print(&columns, stream, true);
    columns_free(&columns);
    free(order);
}

void scan_show(const struct sights *sights, FILE *stream)
{
    show_table(sights, stream);
    for (size_t i = 0; i < sights->unseen_count; i++)
        fprintf(stream, "not seen: %s (%ld): %s\n", sights->unseen[i].program, (long)sights->unseen[i].pid,
                sights->unseen[i].why);
    if (sights->without_peers)
        fputs(
            "not seen: whom Unix sockets are connected to, in other network namespaces or where sock_diag is refused\n",
            stream);
    if (!sights->policy) {
        fputs("there is no policy here, so nothing would be refused; name one by --policy\n", stream);
        return;
    }
    fprintf(stream, "%zu socket%s of %zu program%s looked at: ", sights->sockets, plural(sights->sockets),
            sights->processes, plural(sights->processes));
    if (sights->refused > 0)
        fprintf(stream, "%zu would be refused\n", sights->refused);
    else
        fputs("none would be refused\n", stream);
}

static json_t *line_json(const struct sight *order, size_t count)
{
    json_t *peers = json_array();

    for (size_t i = 0; i < count; i++)
        json_array_append_new(peers,
                              json_pack("{s:s, s:I}", "peer", order[i].peer, "sockets", (json_int_t)order[i].sockets));
    return json_pack("{s:s, s:s, s:I, s:b, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:o}", "verdict", order->outcome,
                     "program", order->program, "pid", (json_int_t)order->pid, "shimmed", order->shimmed, "direction",
                     order->direction, "proto", order->proto, "errno", order->error, "layer", order->layer, "rule",
                     order->rule, "at", order->at, "reason", order->reason, "peers", peers);
}

void scan_show_json(const struct sights *sights, FILE *stream)
{
    size_t count;
    struct sight *order = make_order(sights, &count);
    json_t *lines = json_array(), *unseen = json_array();
    json_t *all;

    for (size_t i = 0, length; i < count; i += length) {
        length = line_length(order, i, count);
        json_array_append_new(lines, line_json(&order[i], length));
    }
    for (size_t i = 0; i < sights->unseen_count; i++)
        json_array_append_new(unseen, json_pack("{s:s, s:I, s:s}", "program", sights->unseen[i].program, "pid",
                                                (json_int_t)sights->unseen[i].pid, "why", sights->unseen[i].why));
    all = json_pack("{s:i, s:b, s:I, s:I, s:I, s:b, s:o, s:o}", "v", 1, "policy", sights->policy, "processes",
                    (json_int_t)sights->processes, "sockets", (json_int_t)sights->sockets, "refused",
                    (json_int_t)sights->refused, "unix_peers", !sights->without_peers, "found", lines, "unseen",
                    unseen);
    json_dumpf(all, stream, JSON_COMPACT);
    fputc('\n', stream);
    json_decref(all);
    free(order);
}

static void print_change(char sign, const struct sight *sight, FILE *stream)
{
    fprintf(stream, "%c %s %s%s %ld %s%s%s %s", sign, sight->outcome, sight->program,
            sight->shimmed ? " [sockade]" : "", (long)sight->pid, sight->direction, sight->proto[0] != '\0' ? " " : "",
            sight->proto, sight->peer);
    fprintf(stream, " by %s%s%s\n", rule_name(sight), sight->at[0] != '\0' ? " at " : "", sight->at);
}

void scan_show_changes(const struct sights *before, const struct sights *now, FILE *stream)
{
    size_t old_count, new_count, i = 0, j = 0;
    struct sight *old = make_order(before, &old_count);
    struct sight *new = make_order(now, &new_count);

    while (i < old_count || j < new_count) {
        int difference = i == old_count ? 1 : j == new_count ? -1 : compare(&old[i], &new[j]);

        if (difference < 0)
            print_change('-', &old[i++], stream);
        else if (difference > 0)
            print_change('+', &new[j++], stream);
        else {
            i++;
            j++;
        }
    }
    free(old);
    free(new);
}
