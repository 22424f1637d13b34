/* SPDX-License-Identifier: MIT */
/*
 * A classic BPF program is run here and not by the kernel, since the kernel would run it on a packet that lacks the IP
 * header. What bpf_check_classic (net/core/filter.c) refuses when a program is attached drops the packet here.
 */
#include "shim/icmp/filter.h"
#include "shim/icmp/packet.h"

#include <linux/if_ether.h>
#include <net/if_arp.h>

/* The kernel's LOOPBACK_IFINDEX: the first interface of every network namespace. */
#define LOOPBACK_INTERFACE 1

bool icmp_filter_blocks(uint32_t filter, uint8_t type)
{
    return type < 32 && (filter >> type & 1) != 0;
}

bool icmp6_filter_blocks(const uint32_t filter[8], uint8_t type)
{
    return (filter[type / 32] >> type % 32 & 1) != 0;
}

/* A program while it runs. */
struct machine {
    const struct filter_packet *packet;
    uint32_t accumulator;
    uint32_t index;
    uint32_t scratch[BPF_MEMWORDS];
};

/*
 * Where a load's offset is in the packet. Negative ones (SKF_NET_OFF) count from the IP header, which a raw IPv6
 * socket's packet does not hold; SKF_LL_OFF names a link-layer header that nobody knows. False: no such place.
 */
static bool place_find(const struct machine *machine, uint32_t offset, size_t *out)
{
    uint32_t network = (uint32_t)SKF_NET_OFF;

    if ((offset & 0x80000000u) == 0) {
        *out = offset;
        return true;
    }
    if (offset < network)
        return false;
    *out = offset - network;
    if (machine->packet->protocol == ETH_P_IPV6) {
        if (*out < IPV6_HEADER)
            return false;
        *out -= IPV6_HEADER;
    }
    return true;
}

/* Loads 1, 2 or 4 bytes in network byte order; false behind the packet's end. */
static bool bytes_load(const struct machine *machine, uint32_t offset, size_t width, uint32_t *out)
{
    const struct filter_packet *packet = machine->packet;
    uint32_t value = 0;
    size_t at;

    if (!place_find(machine, offset, &at) || at > packet->length || packet->length - at < width)
        return false;
    for (size_t i = 0; i < width; i++)
        value = value << 8 | packet->bytes[at + i];
    *out = value;
    return true;
}

/* A number from the packet that differs from packet to packet as SKF_AD_RANDOM's does: FNV-1a. */
static uint32_t scatter(const struct filter_packet *packet)
{
    uint32_t hash = 2166136261u;

    for (size_t i = 0; i < packet->length; i++)
        hash = (hash ^ packet->bytes[i]) * 16777619u;
    return hash;
}

/* Where the payload begins (SKF_AD_PAY_OFFSET, skb_get_poff): behind the ICMP header. */
static uint32_t payload_offset(const struct filter_packet *packet)
{
    if (packet->protocol == ETH_P_IPV6)
        return ICMP_HEADER;
    return packet->length > 0 ? (packet->bytes[0] & 0xfu) * 4 + ICMP_HEADER : 0;
}

/*
 * The words beside the packet (SKF_AD_*). Those that are 0 here are 0 for most packets in the kernel too: a packet
 * for this host, without mark, hash, queue and VLAN.
 */
static bool ancillary_load(struct machine *machine, uint32_t which)
{
    const struct filter_packet *packet = machine->packet;
    uint32_t *out = &machine->accumulator;

    switch (which) {
    case SKF_AD_PROTOCOL:
        *out = packet->protocol;
        return true;
    case SKF_AD_IFINDEX:
        *out = (uint32_t)packet->interface;
        return true;
    case SKF_AD_HATYPE:
        *out = packet->interface == LOOPBACK_INTERFACE ? ARPHRD_LOOPBACK : ARPHRD_ETHER;
        return true;
    case SKF_AD_PAY_OFFSET:
        *out = payload_offset(packet);
        return true;
    case SKF_AD_RANDOM:
        *out = scatter(packet);
        return true;
    case SKF_AD_ALU_XOR_X:
        *out ^= machine->index;
        return true;
    case SKF_AD_PKTTYPE:
    case SKF_AD_NLATTR:
    case SKF_AD_NLATTR_NEST:
    case SKF_AD_MARK:
    case SKF_AD_QUEUE:
    case SKF_AD_RXHASH:
    case SKF_AD_CPU:
    case SKF_AD_VLAN_TAG:
    case SKF_AD_VLAN_TAG_PRESENT:
    case SKF_AD_VLAN_TPID:
        *out = 0;
        return true;
    default:
        return false;
    }
}

/* BPF_LD: into the accumulator. */
static bool load(struct machine *machine, const struct sock_filter *instruction)
{
    uint32_t operand = instruction->k;
    size_t width = BPF_SIZE(instruction->code) == BPF_W ? 4 : BPF_SIZE(instruction->code) == BPF_H ? 2 : 1;

    switch (instruction->code) {
    case BPF_LD | BPF_W | BPF_ABS:
    case BPF_LD | BPF_H | BPF_ABS:
    case BPF_LD | BPF_B | BPF_ABS:
        if (operand >= (uint32_t)SKF_AD_OFF)
            return ancillary_load(machine, operand - (uint32_t)SKF_AD_OFF);
        return bytes_load(machine, operand, width, &machine->accumulator);
    case BPF_LD | BPF_W | BPF_IND:
    case BPF_LD | BPF_H | BPF_IND:
    case BPF_LD | BPF_B | BPF_IND:
        return bytes_load(machine, machine->index + operand, width, &machine->accumulator);
    case BPF_LD | BPF_IMM:
        machine->accumulator = operand;
        return true;
    case BPF_LD | BPF_W | BPF_LEN:
        machine->accumulator = (uint32_t)machine->packet->length;
        return true;
    case BPF_LD | BPF_MEM:
        if (operand >= BPF_MEMWORDS)
            return false;
        machine->accumulator = machine->scratch[operand];
        return true;
    default:
        return false;
    }
}

/* BPF_LDX, BPF_ST, BPF_STX and BPF_MISC: what moves words between registers, scratch memory and packet. */
static bool move(struct machine *machine, const struct sock_filter *instruction)
{
    uint32_t operand = instruction->k;

    switch (instruction->code) {
    case BPF_LDX | BPF_IMM:
        machine->index = operand;
        return true;
    case BPF_LDX | BPF_W | BPF_LEN:
        machine->index = (uint32_t)machine->packet->length;
        return true;
    case BPF_LDX | BPF_B | BPF_MSH:
        if (!bytes_load(machine, operand, 1, &machine->index))
            return false;
        machine->index = (machine->index & 0xf) * 4;
        return true;
    case BPF_MISC | BPF_TAX:
        machine->index = machine->accumulator;
        return true;
    case BPF_MISC | BPF_TXA:
        machine->accumulator = machine->index;
        return true;
    default:
        break;
    }
    if (operand >= BPF_MEMWORDS)
        return false;
    switch (instruction->code) {
    case BPF_LDX | BPF_MEM:
        machine->index = machine->scratch[operand];
        return true;
    case BPF_ST:
        machine->scratch[operand] = machine->accumulator;
        return true;
    case BPF_STX:
        machine->scratch[operand] = machine->index;
        return true;
    default:
        return false;
    }
}

/*
 * BPF_ALU. A shift by the index uses its low five bits, as the kernel's interpreter does and the machine instruction.
 */
static bool calculate(struct machine *machine, const struct sock_filter *instruction)
{
    bool by_index = BPF_SRC(instruction->code) == BPF_X;
    uint32_t operand = by_index ? machine->index : instruction->k;
    uint32_t *out = &machine->accumulator;

    switch (BPF_OP(instruction->code)) {
    case BPF_ADD:
        *out += operand;
        return true;
    case BPF_SUB:
        *out -= operand;
        return true;
    case BPF_MUL:
        *out *= operand;
        return true;
    case BPF_DIV:
        *out = operand != 0 ? *out / operand : 0;
        return operand != 0;
    case BPF_MOD:
        *out = operand != 0 ? *out % operand : 0;
        return operand != 0;
    case BPF_AND:
        *out &= operand;
        return true;
    case BPF_OR:
        *out |= operand;
        return true;
    case BPF_XOR:
        *out ^= operand;
        return true;
    case BPF_LSH:
        *out <<= operand & 31;
        return by_index || operand < 32;
    case BPF_RSH:
        *out >>= operand & 31;
        return by_index || operand < 32;
    case BPF_NEG:
        *out = 0 - *out;
        return !by_index;
    default:
        return false;
    }
}

/* BPF_JMP: how many instructions to skip. */
static bool jump(const struct machine *machine, const struct sock_filter *instruction, size_t *skip)
{
    uint32_t operand = BPF_SRC(instruction->code) == BPF_X ? machine->index : instruction->k;
    uint32_t value = machine->accumulator;
    bool holds;

    switch (BPF_OP(instruction->code)) {
    case BPF_JA:
        *skip = instruction->k;
        return BPF_SRC(instruction->code) == BPF_K;
    case BPF_JEQ:
        holds = value == operand;
        break;
    case BPF_JGT:
        holds = value > operand;
        break;
    case BPF_JGE:
        holds = value >= operand;
        break;
    case BPF_JSET:
        holds = (value & operand) != 0;
        break;
    default:
        return false;
    }
    *skip = holds ? instruction->jt : instruction->jf;
    return true;
}

/* One instruction that is no return; false drops the packet. */
static bool step(struct machine *machine, const struct sock_filter *instruction, size_t *skip)
{
    *skip = 0;
    if (instruction->code > UINT8_MAX)
        return false;
    switch (BPF_CLASS(instruction->code)) {
    case BPF_LD:
        return load(machine, instruction);
    case BPF_LDX:
    case BPF_ST:
    case BPF_STX:
    case BPF_MISC:
        return move(machine, instruction);
    case BPF_ALU:
        return calculate(machine, instruction);
    case BPF_JMP:
        return jump(machine, instruction, skip);
    default:
        return false;
    }
}

uint32_t filter_run(const struct sock_filter *program, size_t count, const struct filter_packet *packet)
{
    struct machine machine = {.packet = packet};
    size_t at = 0;

    if (count > FILTER_INSTRUCTIONS)
        return 0;
    while (at < count) {
        const struct sock_filter *instruction = &program[at++];
        uint32_t keep;
        size_t skip;

        if (BPF_CLASS(instruction->code) == BPF_RET) {
            if (instruction->code != (BPF_RET | BPF_K) && instruction->code != (BPF_RET | BPF_A))
                return 0;
            keep = instruction->code == (BPF_RET | BPF_K) ? instruction->k : machine.accumulator;
            return keep < packet->length ? keep : (uint32_t)packet->length;
        }
        if (!step(&machine, instruction, &skip) || skip > count - at)
            return 0;
        at += skip;
    }
    return 0;
}
