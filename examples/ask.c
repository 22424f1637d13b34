/* SPDX-License-Identifier: MIT */
/*
 * Asks Sockade about an endpoint before going there, and says it as a person would want to hear it.
 *
 *   cc ask.c $(pkg-config --cflags --libs sockade) -o ask
 *   ./ask 192.0.2.1 443                      no Sockade here
 *   sockade run --deny-to 192.0.2.1 -- ./ask 192.0.2.1 443
 */
#include <sockade.h>

#include <netdb.h>
#include <stdio.h>
#include <string.h>

static void tell(const struct sockade_verdict *verdict)
{
    if (verdict->action == SOCKADE_ALLOW)
        puts(verdict->audit ? "allowed, and noted: the policy would refuse it" : "allowed");
    else
        printf("refused: %s\n", strerror(verdict->error));
    if (verdict->source == SOCKADE_BY_RULE)
        printf("  by rule '%s', %s, line %u%s%s\n", verdict->rule, verdict->file, (unsigned)verdict->line,
               verdict->reason[0] != '\0' ? ": " : "", verdict->reason);
    else if (verdict->source == SOCKADE_BY_DEFAULT)
        printf("  by the default of %s\n", verdict->layer);
}

int main(int argc, char **argv)
{
    const struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV, .ai_socktype = SOCK_STREAM};
    struct addrinfo *address;
    struct sockade_verdict verdict;
    char layers[2048];

    if (argc != 3 || getaddrinfo(argv[1], argv[2], &hints, &address) != 0) {
        fputs("usage: ask ADDRESS PORT\n", stderr);
        return 2;
    }
    if (!sockade_is_active()) {
        puts("no Sockade here: the kernel alone has a say");
        freeaddrinfo(address);
        return 0;
    }
    sockade_policy(layers, sizeof(layers));
    fputs(layers[0] != '\0' ? layers : "no policy\n", stdout);
    if (sockade_explain(SOCKADE_TO, address->ai_addr, address->ai_addrlen, IPPROTO_TCP, &verdict) != 0) {
        perror("sockade_explain");
        freeaddrinfo(address);
        return 2;
    }
    freeaddrinfo(address);
    tell(&verdict);
    return verdict.action == SOCKADE_ALLOW ? 0 : 1;
}
