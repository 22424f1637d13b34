/* SPDX-License-Identifier: MIT */
/*
 * The label of a translated socket: 64 bits that an ordinary user may put on a socket (SO_MAX_PACING_RATE) and that
 * come along through dup, SCM_RIGHTS and exec. The top bits are set, since with the fq queueing discipline it is a
 * rate.
 */
#ifndef SOCKADE_SHIM_ICMP_LABEL_H
#define SOCKADE_SHIM_ICMP_LABEL_H

#include <stdbool.h>
#include <stdint.h>

#define LABEL_MAGIC UINT64_C(0xf50c)

struct label {
    unsigned kind; /* enum icmp_kind */
    bool fixed;    /* `identifier` is the one on the wire */
    bool mapped;
    bool header_included;
    uint16_t asked; /* ASKED_* */
    uint16_t identifier;
};

static inline uint64_t label_pack(const struct label *label)
{
    return LABEL_MAGIC << 48 | (uint64_t)(label->kind & 3) << 46 | (uint64_t)label->fixed << 45 |
           (uint64_t)label->mapped << 44 | (uint64_t)label->header_included << 43 | (uint64_t)label->asked << 16 |
           label->identifier;
}

/* False where `word` is no label, but a rate or nothing. */
static inline bool label_unpack(struct label *out, uint64_t word)
{
    *out = (struct label){.kind = (unsigned)(word >> 46) & 3,
                          .fixed = (word >> 45) & 1,
                          .mapped = (word >> 44) & 1,
                          .header_included = (word >> 43) & 1,
                          .asked = (uint16_t)(word >> 16),
                          .identifier = (uint16_t)word};
    return word >> 48 == LABEL_MAGIC;
}

#endif
