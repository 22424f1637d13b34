/* SPDX-License-Identifier: MIT */
/* Lists that are empty or that nobody fetches any more, or that cover what one lives from. */
#include "config/lint_internal.h"

#include "config/names.h"

#include <time.h>

#define STALE_DAYS 30
#define DAY_NS ((int64_t)86400 * 1000000000)

static int64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* A list that nobody fetches any more looks like protection. */
static void check_lists(const struct policy *policy, struct messages *messages)
{
    int64_t now = now_ns();

    for (size_t i = 0; i < policy->set_count; i++) {
        const struct named_set *set = &policy->sets[i];
        for (size_t j = 0; j < set->file_count; j++) {
            const struct list_file *list = &set->files[j];
            int64_t days = list->mtime_ns < now ? (now - list->mtime_ns) / DAY_NS : 0;
            if (list->entries == 0)
                warn(messages, "list-empty", set->place, "list '%s' of set '%.200s' is empty", list->path, set->name);
            else if (days > STALE_DAYS)
                warn(messages, "list-old", set->place,
                     "list '%s' of set '%.200s' was last changed %lld days ago; is it still fetched?", list->path,
                     set->name, (long long)days);
        }
    }
}

/* Whether the rule refuses something of both the set and `what`. */
static bool refuses_part(const struct rule *rule, const struct named_set *set, const struct range_set *what)
{
    struct range_set part = range_set_intersect(what, rule->cover);
    struct range_set common = range_set_intersect(&part, &set->ranges);
    bool found = !range_set_is_empty(&common);

    range_set_free(&part);
    range_set_free(&common);
    return found;
}

/* Public feeds hold "bogons": a private or loopback address in one cuts off what the user lives from. */
static void check_cover(const struct policy *policy, const struct rule *rule, const char *name,
                        const struct range_set *what, struct messages *messages)
{
    if (rule->action == ACTION_ALLOW)
        return;
    for (size_t i = 0; i < rule->set_count; i++) {
        const struct named_set *set = &policy->sets[rule->sets[i]];
        if (set->from_list && refuses_part(rule, set, what))
            warn(messages, "list-covers", rule->place,
                 "the list behind '@%.200s' covers %s addresses; take them out by 'except' if that "
                 "is not meant",
                 set->name, name);
    }
}

static void check_covers(const struct policy *policy, const struct range_set *resolvers, struct messages *messages)
{
    static const char *const names[] = {"loopback", "private"};
    struct range_set known[2] = {{0}};

    for (size_t i = 0; i < 2; i++) {
        address_name_add(names[i], &known[i]);
        range_set_normalise(&known[i]);
    }
    for (size_t i = 0; i < policy->rule_count; i++) {
        const struct rule *rule = &policy->rules[i];
        for (size_t j = 0; j < 2; j++)
            check_cover(policy, rule, names[j], &known[j], messages);
        if (resolvers && rule->kind == DIRECTION_TO)
            check_cover(policy, rule, "this machine's resolver", resolvers, messages);
    }
    for (size_t i = 0; i < 2; i++)
        range_set_free(&known[i]);
}

void lint_lists(const struct policy *policy, const struct range_set *resolvers, struct messages *messages)
{
    check_lists(policy, messages);
    check_covers(policy, resolvers, messages);
}
