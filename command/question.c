/* SPDX-License-Identifier: MIT */
/* From words to the query that a socket call would make. */
#include "command/question.h"

#include "command/command.h"
#include "command/target.h"
#include "command/texts.h"
#include "config/endpoint.h"
#include "config/messages.h"
#include "config/names.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>

static bool read_family(struct question *out, const char *text, char *problem, size_t size)
{
    const char *near;

    out->domain = family_by_name(text);
    if (out->domain >= 0)
        return true;
    near = nearest_name(text, family_names, family_name_count);
    if (near != NULL)
        return problem_say(problem, size, "unknown family '%.80s'; did you mean '%s'?", text, near);
    return problem_say(problem, size, "unknown family '%.80s'", text);
}

/* "/path", or "@name" for an abstract one, whose name begins with a NUL byte and ends without. */
static bool read_unix(struct question *out, const char *path, char *problem, size_t size)
{
    struct sockaddr_un *address = (struct sockaddr_un *)(void *)&out->address;
    size_t length = strlen(path);

    if (length == 0)
        return problem_say(problem, size, "'unix:' names no path; write 'unix:/path' or 'unix:@name'");
    if (length >= sizeof(address->sun_path))
        return problem_say(problem, size, "'%.40s...' is longer than a socket's path can be, %zu bytes", path,
                           sizeof(address->sun_path) - 1);
    address->sun_family = AF_UNIX;
    memcpy(address->sun_path, path, length + 1);
    out->length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length + 1);
    if (path[0] == '@') {
        address->sun_path[0] = '\0';
        out->length--;
    }
    return true;
}

/* Says why an endpoint's address is not one address. */
static bool wrong_address(const char *text, char *problem, size_t size)
{
    struct address_range range;
    char hint[RANGE_TEXT] = "";

    for (size_t i = 0; i < address_name_count; i++) {
        if (strcmp(text, address_names[i]) == 0)
            return problem_say(problem, size, "'%s' names many addresses; ask about one of them", text);
    }
    if (text[0] == '@')
        return problem_say(problem, size, "'%.80s' is a set; ask about one of its addresses", text);
    if (range_parse(text, true, &range, NULL, hint) == ADDRESS_OK)
        return problem_say(problem, size, "'%.80s' holds many addresses; ask about one of them", text);
    return problem_say(problem, size, "'%.80s' is no IPv4 or IPv6 address; host names are not looked up", text);
}

/* The sockaddr of an address, as inet_pton(3) and a program would make it. */
static void make_sockaddr(struct question *out, const struct address *address, uint16_t port)
{
    if (address->family == ADDRESS_INET) {
        struct sockaddr_in *inet = (struct sockaddr_in *)(void *)&out->address;

        inet->sin_family = AF_INET;
        inet->sin_port = htons(port);
        inet->sin_addr.s_addr = htonl((uint32_t)address->lo);
        out->length = sizeof(*inet);
    } else {
        struct sockaddr_in6 *inet6 = (struct sockaddr_in6 *)(void *)&out->address;

        inet6->sin6_family = AF_INET6;
        inet6->sin6_port = htons(port);
        for (int i = 0; i < 8; i++) {
            inet6->sin6_addr.s6_addr[i] = (uint8_t)(address->hi >> (56 - 8 * i));
            inet6->sin6_addr.s6_addr[8 + i] = (uint8_t)(address->lo >> (56 - 8 * i));
        }
        out->length = sizeof(*inet6);
    }
}

static bool read_endpoint(struct question *out, const char *text, char *problem, size_t size)
{
    struct endpoint endpoint;
    struct address address;

    if (!endpoint_parse(text, &endpoint, problem, size))
        return false;
    if (strncmp(endpoint.address, "unix:", 5) == 0)
        return read_unix(out, endpoint.address + 5, problem, size);
    if (address_parse(endpoint.address, &address) != ADDRESS_OK)
        return wrong_address(endpoint.address, problem, size);
    if (endpoint.has_port && endpoint.port.first != endpoint.port.last)
        return problem_say(problem, size, "'%.80s' holds many ports; ask about one of them", text);
    out->has_port = endpoint.has_port;
    out->port = endpoint.port.first;
    out->protos = endpoint.protos;
    /* Port 0 would be a client's bind, which is not judged; without a port it is set unknown later. */
    make_sockaddr(out, &address, endpoint.has_port ? endpoint.port.first : 1);
    return true;
}

bool question_read(struct question *out, const char *direction, const char *text, char *problem, size_t problem_size)
{
    static const char *const directions[] = {"to", "from", "on"};

    memset(out, 0, sizeof(*out));
    out->domain = -1;
    if (strcmp(direction, "family") == 0)
        return read_family(out, text, problem, problem_size);
    for (unsigned i = 0; i < DIRECTIONS; i++) {
        if (strcmp(direction, directions[i]) == 0) {
            out->direction = (enum direction)i;
            return read_endpoint(out, text, problem, problem_size);
        }
    }
    return problem_say(problem, problem_size, "'%.80s' is none of to, from, on, family", direction);
}

unsigned question_protos(const struct question *question)
{
    unsigned foreign = question->address.ss_family == AF_INET ? PROTO_ICMP6 : PROTO_ICMP;

    if (question->domain >= 0 || question->address.ss_family == AF_UNIX)
        return 0;
    if (question->protos == 0)
        return PROTO_TCP | PROTO_UDP;
    if (question->protos & (question->protos - 1)) /* several: each family has its own ICMP */
        return question->protos & ~foreign;
    return question->protos;
}

/* Whether two paths lead to one file; for query.same_file. */
static bool same_file(const struct query *query, const char *rule_path)
{
    struct stat rule, asked;
    char path[QUERY_PATH + 1];

    if (query->path_length > QUERY_PATH)
        return false;
    memcpy(path, query->path, query->path_length);
    path[query->path_length] = '\0';
    return stat(rule_path, &rule) == 0 && stat(path, &asked) == 0 && rule.st_dev == asked.st_dev &&
           rule.st_ino == asked.st_ino;
}

/* The query of one socket call; false where the kernel alone has a say. */
static bool make_query(const struct question *question, unsigned proto, bool files, char *path_buffer,
                       struct query *query)
{
    if (query_from_sockaddr(query, question->direction, (const struct sockaddr *)(const void *)&question->address,
                            question->length, UNSPEC_IS_NOTHING, proto, path_buffer) != QUERY_JUDGE)
        return false;
    /* A sockaddr of `from` holds the peer's port; the shim asks the socket for its own. */
    query->port = proto & PROTO_WITH_PORTS ? question->port : 0;
    query->port_known = !(proto & PROTO_WITH_PORTS) || question->has_port;
    query->same_file = files ? same_file : NULL;
    return true;
}

struct judgement question_judge(const struct question *question, unsigned proto, const struct view *const *views,
                                int count, bool files)
{
    struct judgement judgement = {.standing = -1};
    char path_buffer[QUERY_PATH];
    struct query query;

    if (question->domain < 0 && !make_query(question, proto, files, path_buffer, &query)) {
        judgement.kernel = true;
        return judgement;
    }
    for (int i = 0; i < count; i++) {
        struct verdict *verdict = &judgement.verdicts[i];

        if (question->domain >= 0)
            *verdict = views[i] != NULL ? decide_family(views[i], question->domain) : (struct verdict){0};
        else
            *verdict = views[i] != NULL ? decide(views[i], &query) : decide_closed(&query);
        judgement.needs |= verdict->needs;
        if (judgement.standing < 0 || verdict_is_stricter(verdict, &judgement.verdicts[judgement.standing]))
            judgement.standing = i;
    }
    return judgement;
}

bool exe_names_find(struct exe_names *out, const char *exe)
{
    struct target target = {0};
    char *argv[] = {target.path, NULL};
    char found[PATH_MAX];

    memset(out, 0, sizeof(*out));
    if (target_find(found, exe, true) != EXIT_FINE)
        snprintf(found, sizeof(found), "%s", exe);
    if (!path_absolute(out->executed, found))
        return false;
    out->names.executed = out->executed;
    if (realpath(out->executed, out->resolved) != NULL)
        out->names.resolved = out->resolved;
    memcpy(target.path, out->executed, sizeof(target.path));
    target.argv = argv;
    if (out->names.resolved != NULL && target_follow(&target, true) == EXIT_FINE &&
        strcmp(target.program, target.path) != 0 && realpath(target.program, out->interpreter) != NULL)
        out->names.interpreter = out->interpreter;
    target_free(&target);
    return true;
}
