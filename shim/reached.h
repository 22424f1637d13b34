/* SPDX-License-Identifier: MIT */
/*
 * The destinations that this thread's last calls named, and that the policy allows without another word: no event is
 * wanted, and nothing had to be asked for. A call to one of them needs no decision.
 *
 * An entry holds for one state of the process (its policy's generation and what it watches), and one hint of the
 * descriptor; with address and port that is all that the verdict depended on. The address is copied first, and the copy
 * is what is compared and passed on.
 *
 * Entries belong to their thread, but a signal handler may come in between and write one. Of two words, state and name,
 * the state is read first: a name that a handler put there since was allowed under that state or a later one. IPv6
 * takes more words, and a count of writes tells whether they belong together.
 */
#ifndef SOCKADE_SHIM_REACHED_H
#define SOCKADE_SHIM_REACHED_H

#include "shim/answers.h"
#include "shim/hints.h"
#include "shim/judge.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

/* Few: a thread's own variables are taken from its stack, which may be all of 16 KiB. */
#define REACHED_BITS 3
#define REACHED_ENTRIES (1 << REACHED_BITS)

/* A sockaddr of one of the two usual lengths, in words: the first is family, port and IPv4 address or flow label. */
union reached_address {
    uint64_t words[4];
    struct sockaddr_in inet;
    struct sockaddr_in6 inet6;
};

/* A bit that no state has, turned in that of sendto's entries whose peers must also be expected to answer. */
#define REACHED_AWAITED (UINT64_C(1) << 30)

/* What a verdict depended on. 32 bytes, so that its place is a shift away. */
struct reached_entry {
    uint64_t state; /* 0: free */
    uint64_t name;  /* of reached_name */
    uint64_t hi;    /* the IPv6 address; 0 where it is IPv4, and not looked at */
    uint64_t lo;
};

struct reached {
    struct reached_entry entries[REACHED_ENTRIES];
    uint32_t writes;
};

/*
 * One of connect's and one of sendto's, which judge the same descriptor differently. Where sockets are translated a
 * call is more than the policy's question: these two are not written in such a process (its state says so).
 */
#define REACHED_THREAD __thread __attribute__((tls_model("initial-exec"), visibility("hidden")))
extern REACHED_THREAD struct reached reached_by_connect;
extern REACHED_THREAD struct reached reached_by_sendto;

/* Of sendto's entries, in a process that judges datagrams: that the peer's answers are expected. */
extern REACHED_THREAD struct answer_note reached_answers[REACHED_ENTRIES];

/*
 * The first word of a sockaddr with the descriptor's hint in the upper byte of the family, which is 0 in any family
 * that there is: the kernel refuses others.
 */
static inline uint64_t reached_name(const union reached_address *copy, uint8_t hint)
{
    unsigned shift = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? 8 : 56;

    return copy->words[0] ^ (uint64_t)hint << shift;
}

/*
 * Where an entry goes, by the first word for IPv4, by the last of the address for IPv6. A factor that fits an
 * instruction: the top bits of the product still depend on all of it. Who finds two addresses that fall together makes
 * a program decide anew, no more. Not by the member's name where gcc 12 checks for NULL: it takes the first variable of
 * a thread for that.
 */
static inline struct reached_entry *reached_entry(struct reached *reached, uint64_t mixed)
{
    uint64_t place = (mixed * UINT64_C(0x61c88647)) >> (64 - REACHED_BITS);

#ifdef __SANITIZE_ADDRESS__
    return (struct reached_entry *)(void *)reached + place;
#else
    return &reached->entries[place];
#endif
}

/*
 * Copies a sockaddr of IPv4's length or IPv6's; false where its memory is plainly not the program's. The statements
 * without instructions keep the compiler from reading the caller's memory again, which another thread may write by
 * then.
 */
static inline bool reached_copy4(union reached_address *copy, const struct sockaddr *address)
{
    uint64_t words[2];

    if (unlikely(plainly_bad(address)))
        return false;
    memcpy(words, address, sizeof(words));
    __asm__("" : "+r"(words[0]));
    memcpy(copy, words, sizeof(words));
    return true;
}

static inline bool reached_copy6(union reached_address *copy, const struct sockaddr *address)
{
    if (unlikely(plainly_bad(address)))
        return false;
    memcpy(copy, address, sizeof(copy->inet6));
    __asm__("" : "+m"(*copy));
    return true;
}

/*
 * Whether an entry that does not hold in `state` is one of sendto's that holds there if the peer's answers are
 * expected, and they are. Read again, not kept: the usual way would have to save a register for it.
 */
static inline bool reached_is_awaited(const struct reached_entry *entry, uint64_t state, uint64_t name)
{
    const struct answer_note *answer;
    bool stands;

    atomic_signal_fence(memory_order_seq_cst);
    if (entry->state != (state ^ REACHED_AWAITED))
        return false;
    atomic_signal_fence(memory_order_seq_cst);
    answer = &reached_answers[entry - reached_by_sendto.entries];
    stands = atomic_load_explicit(answer->place, memory_order_relaxed) == answer->hash;
    atomic_signal_fence(memory_order_seq_cst);
    return stands && entry->name == name;
}

/*
 * Whether a copied IPv4 destination needs no decision on `fd`. A name of AF_INET6 that is as short as AF_INET's is the
 * kernel's to refuse, whatever is said here. `awaited`: of sendto's, those too whose answers have to be expected, and
 * are.
 */
static inline __attribute__((always_inline)) bool reached_knows4(struct reached *reached, int fd,
                                                                 const union reached_address *copy, bool awaited)
{
    const struct reached_entry *entry = reached_entry(reached, copy->words[0]);
    uint64_t state = process_state();
    uint64_t name;

    if (unlikely((unsigned)fd >= HINT_COUNT))
        return false;
    name = reached_name(copy, hint_of(fd));
    if (unlikely(entry->state != state))
        return awaited && reached_is_awaited(entry, state, name);
    atomic_signal_fence(memory_order_seq_cst);
    return likely(entry->name == name);
}

/* The same for IPv6. */
static inline __attribute__((always_inline)) bool reached_knows6(struct reached *reached, int fd,
                                                                 const union reached_address *copy, bool awaited)
{
    const struct reached_entry *entry = reached_entry(reached, copy->words[2]);
    uint64_t state = process_state();
    uint32_t writes = reached->writes;
    uint64_t name;

    __asm__("" : "+r"(entry)); /* or gcc 12 works it out twice */
    if (unlikely((unsigned)fd >= HINT_COUNT))
        return false;
    name = reached_name(copy, hint_of(fd));
    if (unlikely(entry->state != state) && (!awaited || !reached_is_awaited(entry, state, name)))
        return false;
    atomic_signal_fence(memory_order_seq_cst);
    if (unlikely(entry->name != name || entry->lo != copy->words[2] || entry->hi != copy->words[1]))
        return false;
    atomic_signal_fence(memory_order_seq_cst);
    return likely(reached->writes == writes);
}

/* What to remember should a destination turn out to be allowed, taken before it is judged. */
struct reached_claim {
    struct reached *reached;
    uint8_t hint;
    union reached_address address;
    uint64_t state; /* 0: nothing */
};

/* Any address may be given; `fd` is what it is judged for. */
void reached_expect(struct reached_claim *claim, struct reached *reached, int fd, const struct sockaddr *address,
                    socklen_t length);

/*
 * It was allowed, without a word, by what the claim knew: where `fd` has another hint by now nothing is remembered.
 * `answer` is what answers_expect gave, under a policy that judges datagrams.
 */
void reached_allow(const struct reached_claim *claim, int fd, struct answer_note answer);

#endif
