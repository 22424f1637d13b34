/* SPDX-License-Identifier: MIT */
/* Events of successful look-ups. */
#include "shim/found_names.h"

#include "shim/event_line.h"
#include "shim/icmp/settings.h"
#include "shim/judge.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define MOST_ADDRESSES 16

/* One layer's event, where it wants those of all that happens. */
static __attribute__((noinline)) void event_write(const struct layer *layer, const char *op, const char *name,
                                                  const struct address *address)
{
    struct event event = {.port = -1,
                          .domain = -1,
                          .pid = getpid(),
                          .exe = process.exe,
                          .op = op,
                          .target = name,
                          .direction = DIRECTION_TO,
                          .address = address,
                          .verdict = "allow",
                          .layer = layer->system ? "system" : "user"};
    struct image_settings settings;
    char *line;

    if (atomic_load_explicit(&layer->closed, memory_order_acquire) || !layer_settings(layer, &settings) ||
        settings.log_what != LOG_ALL || layer_log(layer)->target == LOG_TO_NOWHERE ||
        !log_limit_pass(&process.limit, settings.log_limit, &event.left_out))
        return;
    clock_gettime(CLOCK_REALTIME, &event.time);
    line = event_line_take();
    if (line == NULL)
        return;
    log_write(layer_log(layer), line, event_format(&event, line), process.uid, event.pid);
    event_line_give(line);
}

/* A literal is no name. */
static void tell(const char *op, const char *name, const struct address *address)
{
    int saved = errno;
    int count = atomic_load_explicit(&process.layer_count, memory_order_acquire);
    char text[ADDRESS_TEXT];

    address_format(address, text);
    if (strcmp(name, text) == 0)
        return;
    for (int i = 0; i < count; i++)
        event_write(&process.layers[i], op, name, address);
    errno = saved;
}

/* False where it is no IP address. */
static bool address_read(struct address *out, const struct sockaddr *given, socklen_t length)
{
    if (!plainly_bad(given) && length >= sizeof(struct sockaddr_in) && given->sa_family == AF_INET)
        *out = address_from_v4(ntohl(((const struct sockaddr_in *)(const void *)given)->sin_addr.s_addr));
    else if (!plainly_bad(given) && length >= sizeof(struct sockaddr_in6) && given->sa_family == AF_INET6)
        *out = address_from_v6(((const struct sockaddr_in6 *)(const void *)given)->sin6_addr.s6_addr);
    else
        return false;
    return true;
}

void found_name(const char *op, const char *name, const struct sockaddr *address, socklen_t length)
{
    struct address found;

    if (!plainly_bad(name) && address_read(&found, address, length))
        tell(op, name, &found);
}

/* An address stands in the list once for each kind of socket, one behind the other. */
void found_addresses(const char *op, const char *name, const struct addrinfo *list)
{
    struct address before = {.family = ADDRESS_NONE}, found;
    int told = 0;

    for (; !plainly_bad(name) && list != NULL && told < MOST_ADDRESSES; list = list->ai_next) {
        if (!address_read(&found, list->ai_addr, list->ai_addrlen) || address_compare(&found, &before) == 0)
            continue;
        tell(op, name, &found);
        before = found;
        told++;
    }
}

void found_host(const char *op, const char *name, const struct hostent *host)
{
    struct address found;

    if (plainly_bad(name) || plainly_bad(host) || host->h_addr_list == NULL)
        return;
    for (int i = 0; i < MOST_ADDRESSES && host->h_addr_list[i] != NULL; i++) {
        const char *bytes = host->h_addr_list[i];
        uint32_t four;

        if (host->h_addrtype == AF_INET && host->h_length == sizeof(four)) {
            memcpy(&four, bytes, sizeof(four));
            found = address_from_v4(ntohl(four));
        } else if (host->h_addrtype == AF_INET6 && host->h_length == sizeof(struct in6_addr)) {
            found = address_from_v6((const uint8_t *)bytes);
        } else {
            return;
        }
        tell(op, name, &found);
    }
}
