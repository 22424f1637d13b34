/* SPDX-License-Identifier: MIT */
/*
 * What a run needed, out of its events. The audit image refuses all, so that each call which a closed policy would
 * judge is there, and nothing else: what is an answer, or an earlier decision's matter, is no event.
 */
#include "command/learn.h"

#include "config/endpoint.h"
#include "config/memory.h"
#include "config/names.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#define MOST_NAMES 8       /* of one address */
#define OWN_LEAST 4        /* UDP ports bound at one address, which may be chosen at random */
#define CLIENTS_FIRST 1024 /* of the ports that clients have */

void words_add(struct words *words, const char *text)
{
    for (size_t i = 0; i < words->count; i++) {
        if (strcmp(words->list[i], text) == 0)
            return;
    }
    words->list = memory_grow(words->list, words->count, &words->room, sizeof(*words->list));
    words->list[words->count++] = memory_text(text);
}

void words_free(struct words *words)
{
    for (size_t i = 0; i < words->count; i++)
        free(words->list[i]);
    free(words->list);
    *words = (struct words){0};
}

const char *need_direction(const struct need *need)
{
    static const char *const names[DIRECTIONS] = {"to", "from", "on"};

    return names[need->direction];
}

char *need_endpoint(const struct need *need)
{
    char address[ADDRESS_TEXT], port[16] = "";
    const char *proto = need->protos != 0 ? proto_text(need->protos & -need->protos) : "";
    bool brackets = need->port >= 0 && need->address.family == ADDRESS_INET6;

    if (need->address.family == ADDRESS_UNIX)
        return memory_text(need->path);
    address_format(&need->address, address);
    if (need->port >= 0)
        snprintf(port, sizeof(port), ":%d", need->port);
    return memory_print("%s%s%s%s%s%s", brackets ? "[" : "", address, brackets ? "]" : "", port,
                        proto[0] != '\0' ? "/" : "", proto);
}

/* Whether the call is one of libc's resolver, which asks a name server. */
static bool is_look_up(const char *op)
{
    static const char *const beginnings[] = {"getaddrinfo", "gethost", "getname", "getnet",
                                             "res_",        "ruserok", "iruserok"};

    for (size_t i = 0; i < sizeof(beginnings) / sizeof(beginnings[0]); i++) {
        if (strncmp(op, beginnings[i], strlen(beginnings[i])) == 0)
            return true;
    }
    return false;
}

/* The need with this key, made where it is new. */
static struct need *need_find(struct needs *needs, const struct need *like)
{
    char *endpoint = need_endpoint(like);
    char *key = memory_print("%s %s", need_direction(like), endpoint);
    json_t *at = json_object_get(needs->index, key);
    size_t number = at != NULL ? (size_t)json_integer_value(at) : needs->count;

    if (at == NULL) {
        needs->list = memory_grow(needs->list, needs->count, &needs->room, sizeof(*needs->list));
        needs->list[needs->count] = *like;
        needs->list[needs->count].path = memory_text(like->path);
        json_object_set_new(needs->index, key, json_integer((json_int_t)needs->count++));
    }
    free(key);
    free(endpoint);
    return &needs->list[number];
}

/* A call that an address was given to. */
static void add_call(struct needs *needs, const struct event_record *event)
{
    static const char *const directions[DIRECTIONS] = {"to", "from", "on"};
    struct need like = {.port = event->port};
    struct need *need;

    while (like.direction < DIRECTION_ON && strcmp(event->direction, directions[like.direction]) != 0)
        like.direction++;
    if (strncmp(event->peer, "unix:", 5) == 0) {
        like.address.family = ADDRESS_UNIX;
        like.path = (char *)(uintptr_t)event->peer;
        like.port = -1;
    } else if (address_parse(event->peer, &like.address) == ADDRESS_OK) {
        like.protos = event->proto != NULL ? proto_parse(event->proto) : 0;
    } else {
        needs->unreadable++;
        return;
    }
    if (like.protos & ~(unsigned)PROTO_WITH_PORTS)
        like.port = -1;
    need = need_find(needs, &like);
    need->calls++;
    needs->calls++;
    if (event->op != NULL && is_look_up(event->op))
        need->resolver = true;
    if (event->op != NULL && (strcmp(event->op, "bindresvport") == 0 || strcmp(event->op, "rresvport") == 0))
        need->kind = PORT_LOW;
    if (event->exe != NULL)
        words_add(&need->exes, event->exe);
    if (like.direction == DIRECTION_ON && like.port >= 0 && event->op != NULL && strcmp(event->op, "listen") != 0 &&
        strcmp(event->op, "accept") != 0) {
        char *key = memory_print("%u %d", like.protos, like.port);

        json_object_set_new(needs->bound, key, json_true());
        free(key);
    }
}

/* A name, and an address that the program was told for it. */
static void add_name(struct needs *needs, const struct event_record *event)
{
    json_t *list = json_object_get(needs->names, event->peer);

    if (list == NULL) {
        list = json_array();
        json_object_set_new(needs->names, event->peer, list);
    }
    for (size_t i = 0; i < json_array_size(list); i++) {
        if (strcmp(json_string_value(json_array_get(list, i)), event->target) == 0)
            return;
    }
    if (json_array_size(list) < MOST_NAMES)
        json_array_append_new(list, json_string(event->target));
}

static void add_unreached(struct needs *needs, const struct event_record *event)
{
    const char *target = event->target != NULL ? event->target : "?";

    for (size_t i = 0; i < needs->unreached_count; i++) {
        if (strcmp(needs->unreached[i].target, target) == 0)
            return;
    }
    needs->unreached = memory_grow(needs->unreached, needs->unreached_count, &needs->unreached_room,
                                   sizeof(*needs->unreached));
    needs->unreached[needs->unreached_count++] = (struct unreached){
        memory_text(target), memory_text(event->reason != NULL ? event->reason : "preloading does not reach it")};
}

/* Families that no rule of addresses can name, and that a closed default refuses all the same. */
static void add_family(struct needs *needs, const struct event_record *event)
{
    static const int plain[] = {AF_UNSPEC, AF_UNIX, AF_INET, AF_INET6, AF_NETLINK, AF_ALG};
    char number[32];

    for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++) {
        if (event->family == plain[i])
            return;
    }
    for (size_t i = 0; i < family_name_count; i++) {
        if (family_by_name(family_names[i]) == event->family) {
            words_add(&needs->families, family_names[i]);
            return;
        }
    }
    snprintf(number, sizeof(number), "number %d", event->family);
    words_add(&needs->families, number);
}

static void add_event(struct needs *needs, const struct event_record *event)
{
    needs->events++;
    needs->left_out += event->left_out;
    if (event->exe != NULL && event->exe[0] != '\0')
        words_add(&needs->exes, event->exe);
    if (event->rule != NULL && strcmp(event->rule, "unprotected") == 0)
        add_unreached(needs, event);
    else if (event->family >= 0)
        add_family(needs, event);
    else if (event->target != NULL && event->peer != NULL && !event_is_refusal(event))
        add_name(needs, event);
    else if (event_is_refusal(event) && event->peer != NULL)
        add_call(needs, event);
    else if (event_is_refusal(event) && event->op != NULL)
        words_add(&needs->strange, event->op);
}

void needs_add(struct needs *needs, const char *line, size_t length)
{
    struct event_record event;
    char problem[256];

    if (needs->index == NULL) {
        needs->index = json_object();
        needs->names = json_object();
        needs->bound = json_object();
    }
    if (!event_read(&event, line, length, problem, sizeof(problem))) {
        needs->unreadable++;
        return;
    }
    add_event(needs, &event);
    event_free(&event);
}

/* Whether a port of this protocol was bound by its number. */
static bool is_bound(const struct needs *needs, unsigned protos, int port)
{
    char *key = memory_print("%u %d", protos, port);
    bool bound = json_object_get(needs->bound, key) != NULL;

    free(key);
    return bound;
}

void chosen_ports(int *first, int *last)
{
    FILE *file = fopen("/proc/sys/net/ipv4/ip_local_port_range", "re");

    if (file == NULL || fscanf(file, "%d %d", first, last) != 2) {
        *first = 32768;
        *last = 60999;
    }
    if (file != NULL)
        fclose(file);
}

/*
 * A port that was listened on but never bound by its number was chosen by the kernel. What reaches it, or comes to it,
 * goes by it too.
 */
static void tell_chosen(struct needs *needs)
{
    json_t *chosen = json_object();
    int first, last;

    chosen_ports(&first, &last);
    for (size_t i = 0; i < needs->count; i++) {
        struct need *need = &needs->list[i];

        if (need->direction != DIRECTION_TO && need->port >= first && need->port <= last &&
            !is_bound(needs, need->protos, need->port)) {
            char *key = memory_print("%u %d", need->protos, need->port);

            need->kind = PORT_CHOSEN;
            json_object_set_new(chosen, key, json_true());
            free(key);
        }
    }
    for (size_t i = 0; i < needs->count; i++) {
        struct need *need = &needs->list[i];
        char *key = memory_print("%u %d", need->protos, need->port);

        if (need->direction == DIRECTION_TO && address_is_loopback(&need->address) &&
            json_object_get(chosen, key) != NULL)
            need->kind = PORT_CHOSEN;
        free(key);
    }
    json_decref(chosen);
}

/* A datagram to a high port of somebody who has sent some by himself is an answer, and goes where he asked from. */
static void tell_clients(struct needs *needs)
{
    json_t *clients = json_object();

    for (int step = 0; step < 2; step++) {
        for (size_t i = 0; i < needs->count; i++) {
            struct need *need = &needs->list[i];
            char address[ADDRESS_TEXT];

            if (need->protos != PROTO_UDP || need->address.family == ADDRESS_UNIX)
                continue;
            address_format(&need->address, address);
            if (step == 0 && need->direction == DIRECTION_FROM)
                json_object_set_new(clients, address, json_true());
            if (step == 1 && need->direction == DIRECTION_TO && need->port >= CLIENTS_FIRST && !need->resolver &&
                need->kind == PORT_ITSELF && json_object_get(clients, address) != NULL)
                need->kind = PORT_CLIENT;
        }
    }
    json_decref(clients);
}

/* Resolvers and the like bind a port of their own choice for each question. */
static void tell_own(struct needs *needs)
{
    json_t *counts = json_object();

    for (int step = 0; step < 2; step++) {
        for (size_t i = 0; i < needs->count; i++) {
            struct need *need = &needs->list[i];
            char address[ADDRESS_TEXT];
            json_int_t count;

            if (need->direction != DIRECTION_ON || need->protos != PROTO_UDP || need->port < CLIENTS_FIRST ||
                need->kind != PORT_ITSELF)
                continue;
            address_format(&need->address, address);
            count = json_integer_value(json_object_get(counts, address));
            if (step == 0)
                json_object_set_new(counts, address, json_integer(count + 1));
            else if (count >= OWN_LEAST)
                need->kind = PORT_OWN;
        }
    }
    json_decref(counts);
}

/* Where rules judge the sources of ICMP there are no answers: each echo's target needs to be allowed to answer. */
static void add_replies(struct needs *needs, bool replies_judged)
{
    const unsigned icmp = PROTO_ICMP | PROTO_ICMP6;
    size_t count = needs->count;

    for (size_t i = 0; i < count && !replies_judged; i++)
        replies_judged = needs->list[i].direction == DIRECTION_FROM && (needs->list[i].protos & icmp) != 0;
    for (size_t i = 0; i < count && replies_judged; i++) {
        struct need like = needs->list[i], *reply;

        if (like.direction != DIRECTION_TO || (like.protos & icmp) == 0)
            continue;
        like = (struct need){.direction = DIRECTION_FROM, .protos = like.protos, .port = -1, .address = like.address};
        reply = need_find(needs, &like);
        for (size_t j = 0; j < needs->list[i].exes.count; j++)
            words_add(&reply->exes, needs->list[i].exes.list[j]);
    }
}

/* A name server is asked by UDP and, for long answers, by TCP, which no event tells: one service, and one need. */
static void join_servers(struct needs *needs)
{
    const unsigned both = PROTO_UDP | PROTO_TCP;

    for (size_t i = 0; i < needs->count; i++) {
        struct need *server = &needs->list[i];

        for (size_t j = 0; j < needs->count && server->resolver; j++) {
            struct need *other = &needs->list[j];

            if (i != j && other->direction == DIRECTION_TO && other->port == server->port &&
                (other->protos & ~both) == 0 && address_compare(&other->address, &server->address) == 0)
                other->fate = FATE_PART;
        }
        if (server->resolver && server->fate != FATE_PART)
            server->protos = both;
    }
}

/* What is listened on at all addresses needs no address of its own; `::` takes IPv4 too (ipv6(7)). */
static void join_wildcards(struct needs *needs)
{
    for (size_t i = 0; i < needs->count; i++) {
        const struct need *all = &needs->list[i];
        bool wildcard = all->direction == DIRECTION_ON && address_is_wildcard(&all->address);

        for (size_t j = 0; j < needs->count && wildcard && all->fate != FATE_PART; j++) {
            struct need *one = &needs->list[j];

            if (i != j && one->direction == DIRECTION_ON && one->protos == all->protos && one->port == all->port &&
                (all->address.family == ADDRESS_INET6 || one->address.family == ADDRESS_INET))
                one->fate = FATE_PART;
        }
    }
}

void needs_settle(struct needs *needs, bool replies_judged)
{
    if (needs->index == NULL)
        return;
    tell_chosen(needs);
    tell_clients(needs);
    tell_own(needs);
    add_replies(needs, replies_judged);
    join_servers(needs);
    join_wildcards(needs);
}

void needs_free(struct needs *needs)
{
    for (size_t i = 0; i < needs->count; i++) {
        free(needs->list[i].path);
        free(needs->list[i].refused);
        words_free(&needs->list[i].exes);
    }
    for (size_t i = 0; i < needs->unreached_count; i++) {
        free(needs->unreached[i].target);
        free(needs->unreached[i].reason);
    }
    free(needs->list);
    free(needs->unreached);
    json_decref(needs->index);
    json_decref(needs->names);
    json_decref(needs->bound);
    words_free(&needs->exes);
    words_free(&needs->families);
    words_free(&needs->strange);
    *needs = (struct needs){0};
}
