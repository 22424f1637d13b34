/* SPDX-License-Identifier: MIT */
/*
 * Sorted addresses are divided where the smallest net around them splits in two halves, until what is left is a net
 * that may stand for them, or single addresses.
 */
#include "config/nets.h"

struct joining {
    const struct address *addresses;
    struct net *out;
    size_t made;
    bool (*may_join)(const struct address_range *range, void *data);
    void *data;
};

/* How many of the leading bits two addresses of one family have in common. */
static unsigned common_bits(const struct address *a, const struct address *b)
{
    if (a->family == ADDRESS_INET)
        return a->lo == b->lo ? 32 : (unsigned)__builtin_clzll(a->lo ^ b->lo) - 32;
    if (a->hi != b->hi)
        return (unsigned)__builtin_clzll(a->hi ^ b->hi);
    return a->lo == b->lo ? 128 : 64 + (unsigned)__builtin_clzll(a->lo ^ b->lo);
}

static bool bit_of(const struct address *a, unsigned bit)
{
    if (a->family == ADDRESS_INET)
        return a->lo >> (31 - bit) & 1;
    return (bit < 64 ? a->hi >> (63 - bit) : a->lo >> (127 - bit)) & 1;
}

/* The low `bits` of a word. */
static uint64_t low_bits(unsigned bits)
{
    return bits >= 64 ? UINT64_MAX : (UINT64_C(1) << bits) - 1;
}

/* The net of `prefix` bits around an address. */
static struct address_range net_around(const struct address *a, unsigned prefix)
{
    unsigned rest = (a->family == ADDRESS_INET ? 32 : 128) - prefix;
    uint64_t high = rest > 64 ? low_bits(rest - 64) : 0, low = low_bits(rest);
    struct address_range range = {*a, *a};

    range.first.hi &= ~high;
    range.first.lo &= ~low;
    range.last.hi |= high;
    range.last.lo |= low;
    return range;
}

/* Whether a net of `prefix` bits may stand for `count` addresses in it. */
static bool is_dense(enum address_family family, unsigned prefix, size_t count)
{
    if (count < NETS_LEAST)
        return false;
    if (family == ADDRESS_INET6)
        return prefix >= NETS_WIDEST6;
    return prefix >= NETS_WIDEST4 && count * NETS_SHARE >= (size_t)1 << (32 - prefix);
}

static void put(struct joining *joining, struct address_range range, size_t first, size_t count)
{
    joining->out[joining->made++] = (struct net){range, first, count};
}

/* Addresses from `first` to before `end`, all of one family. Each level has a longer prefix, so 128 of them at most. */
static void join(struct joining *joining, size_t first, size_t end)
{
    const struct address *addresses = joining->addresses;
    unsigned prefix = common_bits(&addresses[first], &addresses[end - 1]);
    struct address_range net = net_around(&addresses[first], prefix);
    size_t middle = first;

    if (end - first == 1 || (is_dense(addresses[first].family, prefix, end - first) &&
                             (joining->may_join == NULL || joining->may_join(&net, joining->data)))) {
        put(joining, net, first, end - first);
        return;
    }
    while (!bit_of(&addresses[middle], prefix))
        middle++;
    join(joining, first, middle);
    join(joining, middle, end);
}

size_t nets_make(struct net *out, const struct address *addresses, size_t count,
                 bool (*may_join)(const struct address_range *range, void *data), void *data)
{
    struct joining joining = {addresses, out, 0, may_join, data};

    for (size_t first = 0, end; first < count; first = end) {
        for (end = first + 1; end < count && addresses[end].family == addresses[first].family;)
            end++;
        join(&joining, first, end);
    }
    return joining.made;
}
