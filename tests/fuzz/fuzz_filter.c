/* SPDX-License-Identifier: MIT */
/*
 * Any bytes as a classic BPF program on any packet: it ends, stays in bounds, says the same twice, and keeps no more
 * than there is. The first byte tells how many instructions the input holds, the second which protocol it is.
 */
#include "shim/icmp/filter.h"

#include <linux/if_ether.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Ends the run with a finding. */
static void must(bool holds)
{
    if (!holds)
        abort();
}

/* A copy of its own size, so that a byte past it is seen. */
static void *copied(const uint8_t *bytes, size_t size)
{
    void *copy = malloc(size > 0 ? size : 1);

    must(copy != NULL);
    if (size > 0)
        memcpy(copy, bytes, size);
    return copy;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct filter_packet packet = {.interface = 1};
    struct sock_filter *program;
    unsigned char *bytes;
    uint32_t types[8] = {0};
    size_t count;
    uint32_t kept;

    if (size < 2)
        return 0;
    count = data[0];
    packet.protocol = (data[1] & 1) != 0 ? ETH_P_IPV6 : ETH_P_IP;
    packet.interface = data[1];
    data += 2;
    size -= 2;
    if (count > size / sizeof(*program))
        count = size / sizeof(*program);
    program = copied(data, count * sizeof(*program));
    packet.length = size - count * sizeof(*program);
    bytes = copied(data + count * sizeof(*program), packet.length);
    packet.bytes = bytes;
    kept = filter_run(program, count, &packet);
    must(kept <= packet.length);
    must(kept == filter_run(program, count, &packet));
    /* The type filters: of any bit set and any type, exactly the bits that are set block. */
    memcpy(types, bytes, packet.length < sizeof(types) ? packet.length : sizeof(types));
    for (unsigned type = 0; type < 256; type++) {
        must(icmp6_filter_blocks(types, (uint8_t)type) == ((types[type >> 5] & 1u << (type & 31)) != 0));
        must(icmp_filter_blocks(types[0], (uint8_t)type) == (type < 32 && (types[0] & 1u << type) != 0));
    }
    free(program);
    free(bytes);
    return 0;
}
