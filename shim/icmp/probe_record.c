/* SPDX-License-Identifier: MIT */
/*
 * What was sent lately: an ICMP error quotes little, and the kernel hands over even less of it (not the UDP header).
 * Its length and its checksum are known only to who sent it.
 */
#include "shim/icmp/packet.h"
#include "shim/icmp/parts.h"
#include "shim/icmp/probe_table.h"

#include <string.h>

size_t probe_address(const struct sockaddr_in6 *name, unsigned char out[16])
{
    const struct sockaddr_in *four = (const struct sockaddr_in *)(const void *)name;

    memset(out, 0, 16);
    if (name->sin6_family == AF_INET6) {
        memcpy(out, &name->sin6_addr, sizeof(name->sin6_addr));
        return sizeof(name->sin6_addr);
    }
    memcpy(out, &four->sin_addr, sizeof(four->sin_addr));
    return sizeof(four->sin_addr);
}

bool probe_same_name(const struct sockaddr_in6 *a, const struct sockaddr_in6 *b)
{
    unsigned char address_a[16];
    unsigned char address_b[16];

    /* Both families have the port at one place. */
    return a->sin6_family == b->sin6_family && a->sin6_port == b->sin6_port &&
           probe_address(a, address_a) == probe_address(b, address_b) && memcmp(address_a, address_b, 16) == 0;
}

/* The sum of the parts; a piece of even length at a time, so that it can be continued. */
static uint32_t sum_parts(const struct iovec *parts, size_t count, size_t length)
{
    unsigned char piece[256];
    uint32_t sum = 0;

    for (size_t at = 0; at < length;) {
        size_t size = parts_read(parts, count, at, piece, length - at < sizeof(piece) ? length - at : sizeof(piece));

        if (size == 0)
            break;
        sum = checksum_add(sum, piece, size);
        at += size;
    }
    return sum;
}

void probe_remember(struct probe *probe, const struct sent *facts, const struct iovec *parts, size_t count)
{
    uint32_t turn = atomic_fetch_add(&probe->turn, 1) + 1;
    struct sent *sent = &probe->sent[turn % SENT];

    if (turn == 0)
        return; /* 4 billion datagrams later: this one is not remembered */
    atomic_store_explicit(&sent->turn, 0, memory_order_relaxed);
    atomic_thread_fence(memory_order_release);
    memcpy(sent->address, facts->address, sizeof(sent->address));
    sent->port = facts->port;
    sent->source_port = facts->source_port;
    sent->checksum = facts->checksum;
    sent->length = facts->length;
    sent->sum = sum_parts(parts, count, facts->length);
    sent->ttl = facts->ttl;
    sent->tos = facts->tos;
    atomic_store_explicit(&sent->turn, turn, memory_order_release);
}

bool probe_recall(const struct probe *probe, const struct sockaddr_in6 *to, struct sent *out)
{
    unsigned char address[16];
    uint32_t found = 0;

    probe_address(to, address);
    for (size_t i = 0; i < SENT; i++) {
        const struct sent *sent = &probe->sent[i];
        uint32_t turn = atomic_load_explicit(&sent->turn, memory_order_acquire);

        if (turn <= found || sent->port != to->sin6_port || memcmp(sent->address, address, sizeof(address)) != 0)
            continue;
        memcpy(out, sent, sizeof(*out));
        atomic_thread_fence(memory_order_acquire);
        if (atomic_load_explicit(&sent->turn, memory_order_relaxed) == turn)
            found = turn;
    }
    return found > 0;
}
