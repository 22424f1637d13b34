/* SPDX-License-Identifier: MIT */
/*
 * The two type filters, and classic BPF programs: some by hand, and many at random that the kernel runs as well, as
 * filters of a Unix datagram socket, whose packets a filter sees from their first byte on. Both must keep the same
 * bytes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <linux/if_ether.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "shim/icmp/filter.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))
#define STATEMENT(c, operand) ((struct sock_filter)BPF_STMT((c), (operand)))
#define JUMP(c, operand, yes, no) ((struct sock_filter)BPF_JUMP((c), (operand), (yes), (no)))
#define PROGRAMS 4000

/* An echo reply as a raw IPv4 socket shows it: identifier 0x1234, sequence number 7. */
static const unsigned char reply[] = {0x45, 0, 0, 32, 0, 0, 0,    0,    64,   1,    0, 0, 127, 0,   0,   1,
                                      127,  0, 0, 1,  0, 0, 0xab, 0xcd, 0x12, 0x34, 0, 7, 'd', 'a', 't', 'a'};

static uint32_t run(const struct sock_filter *program, size_t count)
{
    struct filter_packet packet = {.bytes = reply, .length = sizeof(reply), .protocol = ETH_P_IP, .interface = 3};

    return filter_run(program, count, &packet);
}

static void types(void **state)
{
    uint32_t six[8] = {0};

    (void)state;
    for (unsigned type = 0; type < 256; type++) {
        assert_int_equal(icmp_filter_blocks(0, (uint8_t)type), false);
        assert_int_equal(icmp_filter_blocks(0xffffffff, (uint8_t)type), type < 32);
        assert_int_equal(icmp_filter_blocks(1u << 8 | 1u << 31, (uint8_t)type), type == 8 || type == 31);
        assert_false(icmp6_filter_blocks(six, (uint8_t)type));
        six[type >> 5] |= 1u << (type & 31);
        assert_true(icmp6_filter_blocks(six, (uint8_t)type));
        assert_false(icmp6_filter_blocks(six, (uint8_t)(type + 1)) && type < 255);
    }
}

/* What programs attach to a raw ICMP socket: only echo replies with their identifier. */
static void identifier(void **state)
{
    struct sock_filter program[] = {
        STATEMENT(BPF_LDX | BPF_B | BPF_MSH, 0),
        STATEMENT(BPF_LD | BPF_B | BPF_IND, 0),
        JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 3),
        STATEMENT(BPF_LD | BPF_H | BPF_IND, 4),
        JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0x1234, 0, 1),
        STATEMENT(BPF_RET | BPF_K, 0xffffffff),
        STATEMENT(BPF_RET | BPF_K, 0),
    };

    (void)state;
    assert_int_equal(run(program, COUNT(program)), sizeof(reply));
    program[5].k = 20;
    assert_int_equal(run(program, COUNT(program)), 20);
    program[4].k = 0x1235;
    assert_int_equal(run(program, COUNT(program)), 0);
}

/* What a load of `code` and `operand` puts into the accumulator, or NOTHING where it drops the packet. */
#define NOTHING 0xdeadbeef
static uint32_t loaded(uint16_t code, uint32_t operand, uint32_t expected, uint16_t protocol)
{
    struct filter_packet packet = {.bytes = reply, .length = sizeof(reply), .protocol = protocol, .interface = 3};
    struct sock_filter program[] = {
        STATEMENT(BPF_LDX | BPF_IMM, 2), STATEMENT(code, operand),      JUMP(BPF_JMP | BPF_JEQ | BPF_K, expected, 0, 1),
        STATEMENT(BPF_RET | BPF_K, 1),   STATEMENT(BPF_RET | BPF_K, 2),
    };
    uint32_t kept = filter_run(program, COUNT(program), &packet);

    return kept == 0 ? NOTHING : kept == 1 ? expected : ~expected;
}

static void loads(void **state)
{
    const uint16_t word = BPF_LD | BPF_W | BPF_ABS;
    const uint16_t half = BPF_LD | BPF_H | BPF_ABS;
    const uint16_t byte = BPF_LD | BPF_B | BPF_ABS;

    (void)state;
    assert_int_equal(loaded(word, 24, 0x12340007, ETH_P_IP), 0x12340007);
    assert_int_equal(loaded(word, 28, 0x64617461, ETH_P_IP), 0x64617461);
    assert_int_equal(loaded(word, 29, 0, ETH_P_IP), NOTHING);
    assert_int_equal(loaded(half, 30, 0x7461, ETH_P_IP), 0x7461);
    assert_int_equal(loaded(half, 31, 0, ETH_P_IP), NOTHING);
    assert_int_equal(loaded(byte, 31, 'a', ETH_P_IP), 'a');
    assert_int_equal(loaded(byte, 32, 0, ETH_P_IP), NOTHING);
    assert_int_equal(loaded(byte, 0x7fffffff, 0, ETH_P_IP), NOTHING);
    assert_int_equal(loaded(BPF_LD | BPF_B | BPF_IND, 22, 0x12, ETH_P_IP), 0x12);
    assert_int_equal(loaded(BPF_LD | BPF_B | BPF_IND, 0xffffffff, 0, ETH_P_IP), 0); /* 2 - 1 */
    assert_int_equal(loaded(BPF_LD | BPF_B | BPF_IND, 0xfffffffd, 0, ETH_P_IP), NOTHING);
    assert_int_equal(loaded(BPF_LD | BPF_W | BPF_LEN, 0, 32, ETH_P_IP), 32);
    /* From the IP header on, which an ICMPv6 socket's packet lacks; no link-layer header anywhere */
    assert_int_equal(loaded(byte, (uint32_t)SKF_NET_OFF + 8, 64, ETH_P_IP), 64);
    assert_int_equal(loaded(byte, (uint32_t)SKF_NET_OFF + 39, 0, ETH_P_IPV6), NOTHING);
    assert_int_equal(loaded(byte, (uint32_t)SKF_NET_OFF + 40, 0x45, ETH_P_IPV6), 0x45);
    assert_int_equal(loaded(byte, (uint32_t)SKF_LL_OFF, 0, ETH_P_IP), NOTHING);
    assert_int_equal(loaded(byte, 0x80000000, 0, ETH_P_IP), NOTHING);
    /* Beside the packet */
    assert_int_equal(loaded(half, (uint32_t)SKF_AD_OFF + SKF_AD_PROTOCOL, ETH_P_IP, ETH_P_IP), ETH_P_IP);
    assert_int_equal(loaded(word, (uint32_t)SKF_AD_OFF + SKF_AD_IFINDEX, 3, ETH_P_IP), 3);
    assert_int_equal(loaded(word, (uint32_t)SKF_AD_OFF + SKF_AD_PKTTYPE, 0, ETH_P_IP), 0);
    assert_int_equal(loaded(word, (uint32_t)SKF_AD_OFF + SKF_AD_PAY_OFFSET, 28, ETH_P_IP), 28);
    assert_int_equal(loaded(word, (uint32_t)SKF_AD_OFF + SKF_AD_PAY_OFFSET, 8, ETH_P_IPV6), 8);
    assert_int_equal(loaded(word, (uint32_t)SKF_AD_OFF + SKF_AD_ALU_XOR_X, 2, ETH_P_IP), 2);
    assert_int_equal(loaded(word, (uint32_t)SKF_AD_OFF + SKF_AD_MAX, 0, ETH_P_IP), NOTHING);
    assert_int_equal(loaded(word, (uint32_t)SKF_AD_OFF + 1, 0, ETH_P_IP), NOTHING);
}

/* One instruction that must drop the packet, in front of a return that keeps it. */
static void drops(uint16_t code, uint8_t yes, uint8_t no, uint32_t operand)
{
    struct sock_filter program[] = {{code, yes, no, operand}, STATEMENT(BPF_RET | BPF_K, 1)};

    assert_int_equal(run(program, COUNT(program)), 0);
}

static void bad_instructions(void **state)
{
    struct sock_filter keep = STATEMENT(BPF_RET | BPF_K, 1);
    struct sock_filter *longest = calloc(FILTER_INSTRUCTIONS + 1, sizeof(*longest));

    (void)state;
    assert_int_equal(run(&keep, 1), 1);
    assert_int_equal(run(&keep, 0), 0);
    assert_int_equal(run(NULL, 0), 0);
    drops(BPF_ALU | BPF_DIV | BPF_K, 0, 0, 0);
    drops(BPF_ALU | BPF_MOD | BPF_K, 0, 0, 0);
    drops(BPF_ALU | BPF_DIV | BPF_X, 0, 0, 0);
    drops(BPF_ALU | BPF_MOD | BPF_X, 0, 0, 0);
    drops(BPF_ALU | BPF_LSH | BPF_K, 0, 0, 32);
    drops(BPF_ALU | BPF_RSH | BPF_K, 0, 0, 0xffffffff);
    drops(BPF_ALU | 0xb0, 0, 0, 0);
    drops(BPF_JMP | BPF_JA, 0, 0, 1);
    drops(BPF_JMP | BPF_JA, 0, 0, 0xffffffff);
    drops(BPF_JMP | BPF_JEQ | BPF_K, 1, 0, 0);
    drops(BPF_JMP | BPF_JEQ | BPF_K, 0, 255, 1);
    drops(BPF_JMP | 0x50, 0, 0, 0);
    drops(BPF_LD | BPF_MEM, 0, 0, BPF_MEMWORDS);
    drops(BPF_LDX | BPF_MEM, 0, 0, BPF_MEMWORDS);
    drops(BPF_ST, 0, 0, BPF_MEMWORDS);
    drops(BPF_STX, 0, 0, 0xffffffff);
    drops(BPF_LDX | BPF_W | BPF_ABS, 0, 0, 0);
    drops(BPF_LD | BPF_W | BPF_MSH, 0, 0, 0);
    drops(BPF_MISC | 0x40, 0, 0, 0);
    drops(BPF_RET | BPF_X, 0, 0, 0);
    drops(0x100 | BPF_LD | BPF_IMM, 0, 0, 0);
    drops(0x100 | BPF_ALU | BPF_ADD | BPF_K, 0, 0, 0);
    /* The longest program, one more instruction, and one that does not return */
    assert_non_null(longest);
    longest[FILTER_INSTRUCTIONS - 1] = keep;
    longest[FILTER_INSTRUCTIONS] = keep;
    assert_int_equal(run(longest, FILTER_INSTRUCTIONS), 1);
    assert_int_equal(run(longest, FILTER_INSTRUCTIONS + 1), 0);
    assert_int_equal(run(longest, FILTER_INSTRUCTIONS - 1), 0);
    free(longest);
}

static uint32_t below(uint32_t bound)
{
    return (uint32_t)random() % bound;
}

/* An operand of interest: small, an offset in a packet, large. */
static uint32_t any_operand(void)
{
    switch (below(4)) {
    case 0:
        return below(40);
    case 1:
        return (uint32_t)random() << 1 ^ (uint32_t)random();
    case 2:
        return 0 - below(40);
    default:
        return 1u << below(32);
    }
}

/* One instruction at random that the kernel most likely accepts, `left` instructions before the program's end. */
static struct sock_filter any_instruction(uint32_t left)
{
    static const uint16_t operations[] = {BPF_ADD, BPF_SUB, BPF_MUL, BPF_DIV, BPF_MOD, BPF_AND,
                                          BPF_OR,  BPF_XOR, BPF_LSH, BPF_RSH, BPF_NEG};
    static const uint16_t jumps[] = {BPF_JA, BPF_JEQ, BPF_JGT, BPF_JGE, BPF_JSET};
    static const uint16_t sizes[] = {BPF_W, BPF_H, BPF_B};
    static const uint16_t moves[] = {
        BPF_LD | BPF_MEM,         BPF_LDX | BPF_MEM,        BPF_ST, BPF_STX, BPF_MISC | BPF_TAX, BPF_MISC | BPF_TXA,
        BPF_LD | BPF_W | BPF_LEN, BPF_LDX | BPF_W | BPF_LEN};
    uint16_t source = below(2) != 0 ? BPF_X : BPF_K;
    uint16_t code;

    switch (below(6)) {
    case 0:
        code = (uint16_t)(BPF_LD | sizes[below(3)] | (below(2) != 0 ? BPF_ABS : BPF_IND));
        return STATEMENT(code, below(8) == 0 ? (uint32_t)SKF_AD_OFF + SKF_AD_ALU_XOR_X : below(40));
    case 1:
        code = moves[below(COUNT(moves))];
        return STATEMENT(code, below(3));
    case 2:
        if (below(3) == 0)
            return STATEMENT(BPF_LDX | BPF_B | BPF_MSH, below(40));
        return STATEMENT((uint16_t)(below(2) != 0 ? BPF_LD | BPF_IMM : BPF_LDX | BPF_IMM), any_operand());
    case 3:
        code = (uint16_t)(BPF_JMP | jumps[below(COUNT(jumps))]);
        if (code == (BPF_JMP | BPF_JA))
            return STATEMENT(code, below(left));
        return JUMP((uint16_t)(code | source), any_operand(), (uint8_t)below(left), (uint8_t)below(left));
    default:
        code = (uint16_t)(BPF_ALU | operations[below(COUNT(operations))]);
        if (code == (BPF_ALU | BPF_NEG))
            return STATEMENT(code, 0);
        return STATEMENT((uint16_t)(code | source), any_operand());
    }
}

static uint16_t any_program(struct sock_filter *out, uint16_t room)
{
    uint16_t count = 0;
    uint16_t last = (uint16_t)(6 + below(room - 6u));

    /* The kernel refuses words of scratch memory that are read before they were written. */
    for (; count < 3; count++)
        out[count] = STATEMENT(BPF_ST, count);
    for (; count < last - 1; count++)
        out[count] = any_instruction(last - 1u - count);
    out[count++] = below(3) == 0 ? STATEMENT(BPF_RET | BPF_K, below(50)) : STATEMENT(BPF_RET | BPF_A, 0);
    return count;
}

/* How much of a packet the kernel lets through; 0: it was dropped. */
static uint32_t kernel_keeps(const int pair[2], const unsigned char *bytes, size_t length)
{
    unsigned char room[64];
    ssize_t kept;

    assert_int_equal(send(pair[0], bytes, length, 0), length);
    kept = recv(pair[1], room, sizeof(room), MSG_DONTWAIT);
    return kept > 0 ? (uint32_t)kept : 0;
}

static void as_the_kernel_runs_it(void **state)
{
    struct sock_filter program[24];
    struct sock_fprog attached = {.filter = program};
    unsigned char bytes[40];
    unsigned accepted = 0;
    unsigned kept = 0;
    int pair[2];

    (void)state;
    srandom(1);
    assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair), 0);
    for (unsigned i = 0; i < PROGRAMS; i++) {
        attached.len = any_program(program, COUNT(program));
        if (setsockopt(pair[1], SOL_SOCKET, SO_ATTACH_FILTER, &attached, sizeof(attached)) != 0)
            continue;
        accepted++;
        for (unsigned j = 0; j < 4; j++) {
            struct filter_packet packet = {.bytes = bytes, .length = 1 + below(sizeof(bytes)), .protocol = ETH_P_IP};
            uint32_t keeps;

            for (size_t k = 0; k < sizeof(bytes); k++)
                bytes[k] = (unsigned char)(below(3) == 0 ? 0 : random());
            keeps = filter_run(program, attached.len, &packet);
            assert_int_equal(keeps, kernel_keeps(pair, bytes, packet.length));
            kept += keeps > 0;
        }
    }
    close(pair[0]);
    close(pair[1]);
    assert_true(accepted > PROGRAMS / 4);
    assert_true(kept > accepted);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(types),
        cmocka_unit_test(identifier),
        cmocka_unit_test(loads),
        cmocka_unit_test(bad_instructions),
        cmocka_unit_test(as_the_kernel_runs_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
