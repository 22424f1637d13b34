/* SPDX-License-Identifier: MIT */
/*
 * The policy image: the compiled form of one layer, in a file and in memory alike.
 *
 * Flat, position independent, fixed-width fields, host byte order, the same for 32-bit and 64-bit processes. A file is
 * a `struct image_header` and behind it sections, each named in the header (or in a chain) by offset and count.
 *
 * What may be trusted: nothing but what `image_open` has checked. It looks at the header and at the chains that the
 * process uses, that every section lies inside the file and is aligned; the payload (keys, values, steps, rules) is
 * never looked at before it is used, so every index out of it is bounded where it is read (see decide.c).
 *
 * No function here allocates or makes a system call.
 */
#ifndef SOCKADE_POLICY_IMAGE_H
#define SOCKADE_POLICY_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define IMAGE_MAGIC "SOCKADE" /* eight bytes with its NUL */
#define IMAGE_VERSION 2u      /* also part of every image's file name */
#define IMAGE_BYTE_ORDER 0x01020304u
#define IMAGE_NO_RULE UINT32_MAX /* ends a list of steps */
#define IMAGE_NO_PROGRAM UINT32_MAX

/* A part of the file: `offset` bytes from its start, `count` elements. Offsets are multiples of 8. */
struct image_section {
    uint32_t offset;
    uint32_t count;
};

/* The direction of a query, in the policy's words. */
enum direction {
    DIRECTION_TO,   /* the remote side of what the program reaches */
    DIRECTION_FROM, /* the remote side of what reaches the program */
    DIRECTION_ON,   /* the local side of bind, listen, accept */
    DIRECTIONS
};

enum image_mode { MODE_ENFORCE, MODE_AUDIT, MODE_OFF };
enum rule_action { ACTION_ALLOW, ACTION_DENY, ACTION_DROP };

/* Protocols as a set, one bit each. */
enum {
    PROTO_TCP = 1,  /* MPTCP too */
    PROTO_UDP = 2,  /* UDP-Lite too */
    PROTO_ICMP = 4, /* raw ICMP and ping sockets */
    PROTO_ICMP6 = 8,
    PROTO_SCTP = 16,
    PROTO_RAW = 32, /* every other protocol */
    PROTO_ANY = 63,
    PROTO_WITH_PORTS = PROTO_TCP | PROTO_UDP | PROTO_SCTP
};

/* What decides: 16 bytes a rule, read on the way to a verdict. */
struct image_rule {
    uint8_t action; /* enum rule_action */
    uint8_t protos; /* set of PROTO_* */
    uint8_t flags;  /* RULE_* */
    uint8_t reserved;
    uint16_t error;      /* the errno of a refusal; EACCES (EAFNOSUPPORT for a family) where the text names none */
    uint16_t port_count; /* 0: any port */
    uint32_t ports;      /* its first entry in the section `ports` */
    uint32_t reserved2;
};

enum {
    RULE_LOG = 1,         /* write an event whenever this rule decides */
    RULE_AUDIT = 2,       /* write an event and go on to the next rule */
    RULE_ERROR_NAMED = 4, /* `errno` stands in the text */
};

/* What people read about a rule, same index; offsets into `strings`, 0 where absent. Never read to decide. */
struct image_rule_text {
    uint32_t name;
    uint32_t reason;
    uint32_t file;
    uint32_t line;
};

struct image_port_range {
    uint16_t first;
    uint16_t last;
};

/*
 * Lists of rules, in `steps`: the numbers of a few in order, up to IMAGE_NO_RULE; or IMAGE_LONG with a count, and so
 * many numbers of bundles. A list ends with its first rule that holds whatever is asked. List 0 is empty.
 *
 * Long lists are bits by position, which is a rule's place among those of its chain and direction. Where many rules
 * overlap, two neighbouring ranges' lists differ by one rule; so they share all their bundles but one, and this all its
 * bitmaps but one.
 */
#define IMAGE_FEW 16u /* rules, at most, of a list of numbers */
#define IMAGE_LONG 0x80000000u

struct image_bitmap {
    uint64_t words[2]; /* 128 positions, the lowest bit first */
};

struct image_bundle {
    uint32_t bitmaps[8]; /* their numbers; bitmap 0 and bundle 0 are empty */
};

#define IMAGE_BITMAP_RULES 128u
#define IMAGE_BUNDLE_BITMAPS 8u

/*
 * Which of the rules of one chain and direction may hold by port and protocol: of a long list only those are looked at.
 * From word `at` of the section `sieve_words` on stand:
 *  - `rules` words: the number of the rule at each position
 *  - `classes` words: the first port of each class, which are ports that the same rules name; the first one begins
 *    with 0
 *  - `classes` + IMAGE_SIEVE_PROTOS + 1 words: which is the first pair of each class, then of each PROTO_*, then of all
 *    protocols together, and how many pairs there are
 *  - 2 * `pairs` words: which bitmap of a list, in ascending order, and the number of the bitmap that tells which of
 *    its
 *    rules: of a class those that name its ports, of a protocol those that name it and no port
 */
struct image_sieve {
    uint32_t rules;
    uint32_t classes; /* 0: there is no sieve, since no list is long */
    uint32_t pairs;
    uint32_t at;
};

#define IMAGE_SIEVE_PROTOS 7u /* each PROTO_* by its bit, and all */

/*
 * Addresses to lists of rules. A table has ranges of keys, which do not overlap, each with the list that it leads to;
 * keys in none of them lead to `usual`, the list that would be met most. Lists are offsets into `steps`. Keys are IPv4
 * addresses, or the upper halves of IPv6 ones: of networks hardly any is longer than 64 bits. A table of zeroes has no
 * rule.
 *
 * Ranges stand in blocks of 64 bytes, a cache line each, which are found by arithmetic: a node divides the keys from
 * `low` on into equal slots and has a block for each. So a key costs one line that is not in the cache, and where no
 * range holds it nothing else is touched. Ranges come in clusters (registries, providers in them, customers in these),
 * so a block whose ranges would be too many has a node of its own instead.
 */
struct image_node {
    uint64_t low;   /* the key where its first slot begins; lower ones are in no range */
    uint32_t block; /* of its first slot */
    uint32_t last;  /* slot, counted from 0; it has whatever lies behind it, too */
    uint32_t shift; /* a slot holds 2^shift keys */
    uint32_t reserved;
};

struct image_table {
    struct image_section blocks; /* of one kind all, as `kind` tells */
    struct image_section
        nodes; /* struct image_node, but for the first one, which is `root`; their numbers begin with 1 */
    struct image_section values; /* for each place of each block, and one more a block: uint16_t, or uint32_t where
                                    `wide`; none where no block needs them */
    struct image_section parts;  /* struct image_part */
    struct image_node root;
    uint32_t usual;
    uint32_t most; /* where most ranges lead to */
    uint16_t wide;
    uint16_t kind; /* enum image_block_kind */
    uint32_t reserved;
};

/*
 * In each of its places a block has where a range begins, which goes up to the next one or has 2^size keys; or a mark
 * from which on there is none. So any range takes two places at most, and a network one. The search is for the last
 * that does not begin above the key; places that are left over repeat the last one.
 */
enum image_block_kind {
    BLOCK_DENSE, /* many IPv4 ranges: the lower halves of addresses; the root has a slot for each upper half */
    BLOCK_INET,  /* IPv4 addresses */
    BLOCK_INET6, /* halves of IPv6 addresses */
    BLOCK_KINDS
};

#define IMAGE_BLOCK 64u
#define IMAGE_DENSE 21u /* places in a block */
#define IMAGE_INET 12u
#define IMAGE_INET6 7u

/* Beside the size: */
#define IMAGE_NO_RANGE 0x80u /* here begins what no range holds */
#define IMAGE_VALUE 0x40u    /* it does not lead to `most`, but where its value says */

/* What `kind` of a block tells. */
enum image_block_use {
    BLOCK_PLAIN,
    BLOCK_DIVIDED, /* its first four bytes are the number of the node that divides the slot */
    BLOCK_OTHER,   /* keys in none of its ranges lead to its last value instead of `usual` */
};

struct image_dense {
    uint16_t first[IMAGE_DENSE];
    uint8_t size[IMAGE_DENSE];
    uint8_t kind;
};

struct image_inet {
    uint32_t first[IMAGE_INET];
    uint8_t size[IMAGE_INET];
    uint8_t reserved[3];
    uint8_t kind;
};

struct image_inet6 {
    uint64_t first[IMAGE_INET6];
    uint8_t size[IMAGE_INET6];
    uint8_t kind;
};

/* How many places a block of a kind has. */
uint32_t image_block_places(uint32_t kind);

/* A value with this bit is the number of a part: not all of the 2^64 addresses of an upper half lead to one list. */
#define IMAGE_PART 0x80000000u

struct image_part {
    uint64_t first; /* of lower halves */
    uint64_t last;
    uint32_t value;     /* with IMAGE_PART the number of a node instead, which has lower halves as its keys */
    uint32_t otherwise; /* where lower halves outside lead to */
};

/* A Unix path pattern that leads to a rule; in rule order within a section. */
struct image_pattern {
    uint32_t text; /* offset into strings; "@name" for abstract names */
    uint32_t length;
    uint32_t rule;
    uint32_t excepts; /* how many patterns of the same rule right behind this one are exceptions */
};

/* A socket family (AF_*) that leads to a rule. */
struct image_family {
    uint32_t domain;
    uint32_t rule;
};

/* One ordered set of rules: the command line's, a program's, or the general one with the shorthand lists. */
struct image_chain {
    struct image_table inet[DIRECTIONS];
    struct image_table inet6[DIRECTIONS];
    struct image_section paths[DIRECTIONS]; /* struct image_pattern */
    struct image_section families;          /* struct image_family */
    uint32_t watch;                         /* WATCH_*: what this chain can refuse or note at all */
    uint32_t sieves;                        /* the first of DIRECTIONS in the section */
};

/*
 * What hooks must look at. A bit that is not set: no rule, and no default, of that kind can refuse or note anything, so
 * the call goes straight to the kernel.
 */
enum {
    WATCH_TO = 1,             /* outbound by address */
    WATCH_TO_UNIX = 2,        /* outbound by path */
    WATCH_FROM_STREAM = 4,    /* accept by peer */
    WATCH_FROM_DATAGRAM = 8,  /* datagrams by source */
    WATCH_FROM_UNIX = 16,     /* accept and datagrams by the peer's path */
    WATCH_ON = 32,            /* bind, listen, accept by the local address */
    WATCH_ON_UNIX = 64,       /* bind by path */
    WATCH_FAMILY = 128,       /* socket by family */
    WATCH_PROTOCOL = 256,     /* some verdict depends on the protocol */
    WATCH_FROM_PING = 512,    /* a `from` rule names icmp or icmp6: replies are judged too */
    WATCH_ON_SPECIFIC = 1024, /* an `on` rule names an address that is neither `any` nor a wildcard */
    WATCH_ALL = 2047,
};

enum { DEFAULT_ALLOW, DEFAULT_DENY };
enum { UNPROTECTED_DENY, UNPROTECTED_WARN, UNPROTECTED_ALLOW };
enum { TRANSLATE_AUTO, TRANSLATE_ALWAYS, TRANSLATE_NEVER };
enum { LOG_NONE, LOG_DENIED, LOG_ALL };

/* What is in force for a process beside the rules: general, or a program's own. */
struct image_settings {
    uint8_t default_action[DIRECTIONS]; /* DEFAULT_* */
    uint8_t default_loopback;           /* DEFAULT_DENY: the defaults hold for loopback too */
    uint8_t unprotected;                /* UNPROTECTED_* */
    uint8_t icmp_translate;             /* TRANSLATE_* */
    uint8_t icmp_hint;
    uint8_t icmp_pretend_root;
    uint8_t log_what;  /* LOG_* */
    uint8_t log_given; /* a `log` group stands in the text */
    uint8_t reserved[6];
    uint32_t log_to;    /* offset into strings: "stderr", "syslog" or "file:PATH" as written */
    uint32_t log_limit; /* lines a second and process */
    uint32_t reserved2[2];
    uint64_t log_max_size; /* bytes */
};

/* A `programs` entry: its patterns of executables, its chain and its settings. */
struct image_program {
    uint32_t first_exe; /* in the section `exes` */
    uint32_t exe_count;
    uint32_t name; /* what explain calls it: the first pattern */
    uint32_t line;
};

struct image_exe {
    uint32_t text;
    uint32_t length;
};

enum image_source_kind {
    SOURCE_FILE,   /* a text or a list that was read */
    SOURCE_FOLDER, /* a folder whose names were read */
    SOURCE_ABSENT, /* a file that may appear */
};

/* What the image was made of; where any of it differs from stat(2), the image is stale. */
struct image_source {
    uint64_t inode;
    uint64_t size;
    int64_t mtime_ns;
    int64_t ctime_ns;
    uint32_t path; /* offset into strings */
    uint32_t kind; /* enum image_source_kind */
};

struct image_header {
    char magic[8];
    uint32_t version;
    uint32_t byte_order;
    uint32_t size;         /* of the whole file in bytes */
    uint32_t header_size;  /* sizeof(struct image_header) */
    uint64_t checksum;     /* image_checksum of everything behind the header */
    uint32_t mode;         /* enum image_mode */
    uint32_t layer_kind;   /* 0: user, 1: system */
    uint32_t compiled_uid; /* who compiled it, for people */
    uint32_t origin; /* offset into strings: what `sockade run` combined, additions and a text's path; 0: nothing */
    struct image_section strings;     /* bytes; the first is NUL, and the last too */
    struct image_section rules;       /* struct image_rule */
    struct image_section rule_texts;  /* struct image_rule_text, as many */
    struct image_section ports;       /* struct image_port_range */
    struct image_section steps;       /* uint32_t; the first is IMAGE_NO_RULE */
    struct image_section bitmaps;     /* struct image_bitmap */
    struct image_section bundles;     /* struct image_bundle */
    struct image_section sieves;      /* struct image_sieve: DIRECTIONS for each chain */
    struct image_section sieve_words; /* uint32_t */
    struct image_section programs;    /* struct image_program */
    struct image_section exes;        /* struct image_exe */
    struct image_section settings;    /* struct image_settings: general, then one a program */
    struct image_section chains;      /* struct image_chain: command line, general, then one a program */
    struct image_section sources;     /* struct image_source */
};

enum { CHAIN_COMMAND_LINE, CHAIN_GENERAL, CHAIN_PROGRAMS };

/* At most so many chains judge one call: the command line's, the program's, the general one. */
#define VIEW_CHAINS 3

/* An image as one process sees it: checked, and with the chains that hold for its program, empty ones left out. */
struct view {
    const unsigned char *base;
    uint32_t size;
    uint32_t watch;   /* WATCH_* of all its chains and defaults */
    uint32_t program; /* index, or IMAGE_NO_PROGRAM */
    uint32_t chain_count;
    struct image_chain chains[VIEW_CHAINS];
    struct image_section strings, rules, rule_texts, ports, steps, bitmaps, bundles, sieves, sieve_words, programs,
        sources;
    struct image_settings settings;
    enum image_mode mode;
};

/* The names under which a process may be known to a `programs` entry: absolute paths, NULL where there is none. */
struct program_names {
    const char *executed;    /* AT_EXECFN made absolute */
    const char *resolved;    /* the file behind it */
    const char *interpreter; /* for a #! script, the interpreter's file */
};

enum image_error {
    IMAGE_OK,
    IMAGE_TRUNCATED, /* shorter than its header says, or than a header */
    IMAGE_FOREIGN,   /* no image at all, or one of another byte order */
    IMAGE_OTHER_VERSION,
    IMAGE_DAMAGED, /* a section lies outside the file, or the checksum is wrong */
};

/*
 * Judges the header of the `size` bytes at `base` (8-byte aligned), chooses the program's chains and fills `view`.
 * Reads the header, the chains and the `programs` entries, nothing else. `names` may be NULL: no program's own rules.
 */
enum image_error image_open(struct view *view, const void *base, size_t size, const struct program_names *names);

/* The whole payload against the header's checksum; reads every page, so only where an image is written or checked. */
enum image_error image_verify(const void *base, size_t size);

uint64_t image_checksum(const void *bytes, size_t size);

/* In words for a message. */
const char *image_error_text(enum image_error error);

/* A string of the image, bounded; "" for offset 0 or one that lies outside. */
const char *view_string(const struct view *view, uint32_t offset);

/* What it was combined of by `sockade run`, or "": then it is what was written, whatever became of its text since. */
const char *view_origin(const struct view *view);

/* What people read about rule `rule`; all-zero where there is no such rule. */
struct image_rule_text view_rule_text(const struct view *view, uint32_t rule);

/* Source number `i`, or false behind the last one. */
bool view_source(const struct view *view, uint32_t i, struct image_source *out);

#endif
