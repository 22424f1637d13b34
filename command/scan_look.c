/* SPDX-License-Identifier: MIT */
/* One look at all sockets of the user's programs: each is put to the policy as the call that made it would be. */
#include "command/command.h"
#include "command/holders.h"
#include "command/mapped.h"
#include "command/scan.h"
#include "command/sockets.h"
#include "command/wording.h"
#include "config/endpoint.h"
#include "config/memory.h"
#include "config/messages.h"
#include "config/names.h"
#include "state/kernel.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#define PORT_RANGE "/proc/sys/net/ipv4/ip_local_port_range"

/* One look, and in it one program. */
struct look {
    struct sights *sights;
    const struct scan_policy *policy;
    bool all;
    struct socket_table table;
    unsigned chosen_first, chosen_last; /* ports that the kernel chooses for clients */
    struct view opened[LAYERS_MAX];
    const struct view *views[LAYERS_MAX];
    const struct layer *present[LAYERS_MAX];
    int count;
    unsigned watch; /* WATCH_* of all views */
    bool asks_unix; /* some view has rules for paths that are reached */
    pid_t pid;
    const char *program;
    bool shimmed;
};

/* How the program is judged: the chains that hold for it. */
static void open_views(struct look *look, const struct program_names *names)
{
    look->count = 0;
    look->watch = 0;
    for (int i = 0; i < look->policy->count; i++) {
        const struct layer *layer = &look->policy->layers[i];
        struct view *view = &look->opened[look->count];

        if (layer->outcome == LAYER_ABSENT)
            continue;
        if (layer->outcome == LAYER_CLOSED || image_open(view, layer->base, layer->size, names) != IMAGE_OK) {
            view = NULL;
            look->watch |= WATCH_ALL;
        } else {
            look->watch |= view->watch;
        }
        look->present[look->count] = layer;
        look->views[look->count++] = view;
    }
}

/* A printable copy of a text that is freed; names of files and sockets may hold anything. */
static char *cleaned(char *text)
{
    char *clean = printable(text);

    free(text);
    return clean;
}

static void set_rule(struct sight *sight, const struct view *view, const struct verdict *verdict)
{
    struct image_rule_text text;
    const char *file;

    if (view == NULL || verdict->source != BY_RULE) {
        sight->at = memory_text("");
        sight->reason = memory_text("");
        sight->rule = memory_text(view == NULL                    ? "fail-closed: the policy cannot be read"
                                  : verdict->source == BY_DEFAULT ? "default"
                                                                  : "");
        return;
    }
    text = view_rule_text(view, verdict->rule);
    file = view_string(view, text.file);
    sight->rule = printable(view_string(view, text.name));
    sight->at = cleaned(text.line != 0 ? memory_print("%s:%u", file, text.line) : memory_text(file));
    sight->reason = printable(view_string(view, text.reason));
}

/* Notes one verdict, unless it allows and only refusals are wanted. */
static void note(struct look *look, const struct judgement *judgement, const char *direction, const char *proto,
                 char *peer)
{
    struct sights *sights = look->sights;
    struct sight *sight;
    const struct verdict *verdict = &judgement->verdicts[judgement->standing];
    bool refused = verdict->action != ACTION_ALLOW;

    sights->refused += refused;
    if (!refused && !look->all) {
        free(peer);
        return;
    }
    sights->list = memory_grow(sights->list, sights->count, &sights->room, sizeof(*sights->list));
    sight = &sights->list[sights->count++];
    *sight = (struct sight){
        .pid = look->pid,
        .program = printable(look->program),
        .shimmed = look->shimmed,
        .direction = direction,
        .proto = proto,
        .peer = cleaned(peer),
        .refused = refused,
        .outcome = verdict_outcome(verdict),
        .error = memory_text(verdict->action == ACTION_DENY ? error_text(verdict->error) : ""),
        .layer = layer_kind(look->present[judgement->standing]),
        .sockets = 1,
    };
    set_rule(sight, look->views[judgement->standing], verdict);
}

/*
 * The verdict that would stand, of layers that only observe too: what these would refuse once they enforce is what is
 * asked here.
 */
static void choose_standing(struct judgement *judgement, int count)
{
    for (int i = 0; i < count; i++) {
        if (judgement->verdicts[judgement->standing].action == ACTION_ALLOW &&
            judgement->verdicts[i].action != ACTION_ALLOW)
            judgement->standing = i;
    }
}

/* An endpoint as `explain` takes it; to be freed. */
static char *endpoint_text(const struct sockaddr_storage *address, bool has_port, uint16_t port)
{
    char text[INET6_ADDRSTRLEN] = "";

    if (address->ss_family == AF_UNIX) {
        const struct sockaddr_un *name = (const void *)address;

        if (name->sun_path[0] == '\0')
            return memory_print("unix:@%.*s", (int)sizeof(name->sun_path) - 1, name->sun_path + 1);
        return memory_print("unix:%.*s", (int)sizeof(name->sun_path), name->sun_path);
    }
    if (address->ss_family == AF_INET6) {
        const struct in6_addr *six = &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr;

        inet_ntop(AF_INET6, six, text, sizeof(text));
        return has_port ? memory_print("[%s]:%u", text, port) : memory_text(text);
    }
    inet_ntop(AF_INET, &((const struct sockaddr_in *)(const void *)address)->sin_addr, text, sizeof(text));
    return has_port ? memory_print("%s:%u", text, port) : memory_text(text);
}

/* Puts one question about an address to the policy. `port` is the service's. */
static void ask(struct look *look, enum direction direction, const struct sockaddr_storage *address, socklen_t length,
                unsigned proto, uint16_t port)
{
    static const char *const directions[] = {"to", "from", "on"};
    struct question question = {.direction = direction, .domain = -1, .protos = proto, .port = port};
    bool has_port = (proto & PROTO_WITH_PORTS) != 0;
    const struct sockaddr_un *name = (const void *)address;
    bool files = address->ss_family != AF_UNIX || name->sun_path[0] == '/';
    struct judgement judgement;

    question.has_port = has_port;
    question.address = *address;
    question.length = length;
    judgement = question_judge(&question, proto, look->views, look->count, files);
    if (judgement.kernel || judgement.standing < 0)
        return;
    choose_standing(&judgement, look->count);
    note(look, &judgement, directions[direction], proto != 0 ? proto_text(proto) : "",
         endpoint_text(address, has_port, port));
}

/* socket(2) itself, by the family; only where a policy has such rules. */
static void ask_family(struct look *look, int family)
{
    struct question question = {.domain = family};
    struct judgement judgement;
    const char *name = NULL;

    if (!(look->watch & WATCH_FAMILY))
        return;
    judgement = question_judge(&question, 0, look->views, look->count, false);
    if (judgement.standing < 0)
        return;
    choose_standing(&judgement, look->count);
    for (size_t i = 0; i < family_name_count && name == NULL; i++) {
        if (family_by_name(family_names[i]) == family)
            name = family_names[i];
    }
    note(look, &judgement, "family", "", name != NULL ? memory_text(name) : memory_print("%d", family));
}

/* Whether the kernel chose this port for a client, who is not judged for it. */
static bool port_is_chosen(const struct look *look, uint16_t port)
{
    return port == 0 || (port >= look->chosen_first && port <= look->chosen_last);
}

static void judge_stream(struct look *look, const struct held_socket *socket)
{
    uint16_t own = address_port(&socket->local);

    if (socket->listening) {
        ask(look, DIRECTION_ON, &socket->local, socket->local_length, socket->proto, own);
    } else if (socket->connected && sockets_have_listener(&look->table, socket->space, socket->proto, own)) {
        ask(look, DIRECTION_FROM, &socket->remote, socket->remote_length, socket->proto, own);
        if (look->watch & WATCH_ON_SPECIFIC) /* accept judges it by its own address too */
            ask(look, DIRECTION_ON, &socket->local, socket->local_length, socket->proto, own);
    } else if (socket->connected) {
        ask(look, DIRECTION_TO, &socket->remote, socket->remote_length, socket->proto, address_port(&socket->remote));
    }
}

static void judge_datagrams(struct look *look, const struct held_socket *socket)
{
    bool has_ports = (socket->proto & PROTO_WITH_PORTS) != 0;
    uint16_t own = address_port(&socket->local);

    if (socket->connected || (!has_ports && socket->remote_length > 0))
        ask(look, DIRECTION_TO, &socket->remote, socket->remote_length, socket->proto, address_port(&socket->remote));
    if (socket->local_length > 0 && !(has_ports && port_is_chosen(look, own)))
        ask(look, DIRECTION_ON, &socket->local, socket->local_length, socket->proto, own);
}

/* A connected one that has no name is a client; one that has a listener's name was accepted, and its peer has none. */
static void judge_unix(struct look *look, const struct held_socket *socket)
{
    const struct held_socket *peer = socket->peer != 0 ? sockets_find(&look->table, socket->peer) : NULL;

    if (socket->local_length > 0 && (socket->listening || !socket->stream))
        ask(look, DIRECTION_ON, &socket->local, socket->local_length, 0, 0);
    if (peer != NULL && peer->local_length > 0 && (socket->local_length == 0 || !socket->stream))
        ask(look, DIRECTION_TO, &peer->local, peer->local_length, 0, 0);
}

static void judge_socket(struct look *look, const struct held_socket *socket)
{
    look->sights->sockets++;
    ask_family(look, socket->family);
    if (socket->family == AF_UNIX)
        judge_unix(look, socket);
    else if (socket->family == AF_INET || socket->family == AF_INET6) {
        if (socket->proto == PROTO_TCP)
            judge_stream(look, socket);
        else
            judge_datagrams(look, socket);
    }
}

static void add_unseen(struct sights *sights, pid_t pid, const char *program, const char *why)
{
    sights->unseen = memory_grow(sights->unseen, sights->unseen_count, &sights->unseen_room, sizeof(*sights->unseen));
    sights->unseen[sights->unseen_count++] = (struct unseen){pid, printable(program), memory_text(why)};
}

static void judge_holder(struct look *look, const struct holder *holder)
{
    static struct exe_names names;
    static struct mapped mapped;
    uint64_t *inodes = NULL;
    ssize_t count = holder_sockets(holder->pid, &inodes);
    int error = errno;
    bool named = holder_names(&names, holder->pid);
    char *program = holder_program(&names, holder->pid);

    if (count < 0 && error != ENOENT && error != ESRCH)
        add_unseen(look->sights, holder->pid, program, strerror(error));
    else if (count > 0 && holder->space == 0)
        add_unseen(look->sights, holder->pid, program, "another network namespace, whose sockets cannot be read");
    look->sights->processes += count >= 0;
    if (count > 0) {
        mapped_read(&mapped, holder->pid);
        look->pid = holder->pid;
        look->program = program;
        look->shimmed = mapped.object[0] != '\0';
        open_views(look, named ? &names.names : NULL);
        look->asks_unix = look->asks_unix || (look->watch & WATCH_TO_UNIX);
        for (ssize_t i = 0; i < count && look->count > 0; i++) {
            const struct held_socket *socket = sockets_find(&look->table, inodes[i]);

            if (socket != NULL)
                judge_socket(look, socket);
        }
    }
    free(inodes);
    free(program);
}

/* Whether the sockets of a namespace were read for one of the first `count` processes. */
static bool space_is_read(const struct holders *holders, size_t count, uint64_t space)
{
    for (size_t i = 0; i < count; i++) {
        if (holders->list[i].space == space)
            return true;
    }
    return false;
}

/* Reads the sockets of each namespace that some process is in, once; where that fails the process has none. */
static void read_spaces(struct look *look, struct holders *holders)
{
    uint64_t own = space_of("self");

    sockets_read_own(&look->table, own);
    for (size_t i = 0; i < holders->count; i++) {
        struct holder *holder = &holders->list[i];

        if (holder->space != own && holder->space != 0 && !space_is_read(holders, i, holder->space) &&
            !sockets_read_proc(&look->table, holder->space, holder->pid))
            holder->space = 0;
    }
    sockets_order(&look->table);
}

static void read_chosen_ports(struct look *look)
{
    FILE *file = fopen(PORT_RANGE, "re");

    if (file == NULL || fscanf(file, "%5u %5u", &look->chosen_first, &look->chosen_last) != 2) {
        look->chosen_first = 32768; /* the kernel's own default */
        look->chosen_last = 60999;
    }
    if (file != NULL)
        fclose(file);
}

bool scan_look(struct sights *out, const struct scan_policy *policy, bool all)
{
    static struct look look;
    struct holders holders;

    memset(out, 0, sizeof(*out));
    memset(&look, 0, sizeof(look));
    look.sights = out;
    look.policy = policy;
    look.all = all;
    if (!holders_list(&holders, kernel_effective_uid())) {
        complain("/proc cannot be read: %s; mount it: mount -t proc proc /proc", strerror(errno));
        return false;
    }
    for (int i = 0; i < policy->count; i++)
        out->policy = out->policy || policy->layers[i].outcome != LAYER_ABSENT;
    read_chosen_ports(&look);
    read_spaces(&look, &holders);
    for (size_t i = 0; i < holders.count; i++)
        judge_holder(&look, &holders.list[i]);
    out->without_peers = look.table.without_peers && look.asks_unix;
    sockets_free(&look.table);
    holders_free(&holders);
    return true;
}

void sights_free(struct sights *sights)
{
    for (size_t i = 0; i < sights->count; i++) {
        struct sight *sight = &sights->list[i];

        free(sight->program);
        free(sight->peer);
        free(sight->error);
        free(sight->rule);
        free(sight->at);
        free(sight->reason);
    }
    for (size_t i = 0; i < sights->unseen_count; i++) {
        free(sights->unseen[i].program);
        free(sights->unseen[i].why);
    }
    free(sights->list);
    free(sights->unseen);
    *sights = (struct sights){0};
}
