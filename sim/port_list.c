/* Which ports a machine has. A port is a server with a bandwidth: of a memory
 * one for each bandwidth that it states, of a fan-out's network the links that
 * join it to the memory above (in a crossbar, or between every two, those of the
 * lanes): one inwards, one outwards. A bus has one wire for both ways. Banks that
 * tensors lie in have a share of each of their memory's bandwidths. */
#include "sim/timing.h"

/* PORT_ALL, PORT_READS, PORT_WRITES. */
enum { BANK_KINDS = PORT_WRITES + 1 };

static int first_link(const struct arch *arch)
{
    return port_of(arch->memory_count, PORT_ALL);
}

int port_of_link(const struct arch *arch, int fanout, bool is_inwards)
{
    bool is_first =
        is_inwards || arch->fanouts[fanout].network.topology == ARCH_BUS;
    return first_link(arch) + 2 * fanout + (is_first ? 0 : 1);
}

int port_first_of_banks(const struct arch *arch)
{
    return first_link(arch) + 2 * arch->fanout_count;
}

/* Those of all kinds that share a bandwidth. */
static int count_bank_ports(const struct arch *arch, int memory)
{
    const struct arch_memory *m = &arch->memories[memory];
    return m->is_banked_by_tensor ? (int)m->banks * BANK_KINDS : 0;
}

int port_of_bank(const struct arch *arch, int memory, enum port_kind kind,
                 int bank)
{
    int port = port_first_of_banks(arch);
    for (int m = 0; m < memory; m++) {
        port += count_bank_ports(arch, m);
    }
    return port + bank * BANK_KINDS + (int)kind;
}

int port_count(const struct arch *arch)
{
    return port_of_bank(arch, arch->memory_count, PORT_ALL, 0);
}

static struct port_owner find_bank(const struct arch *arch, int of_banks)
{
    int memory = 0;
    for (; of_banks >= count_bank_ports(arch, memory); memory++) {
        of_banks -= count_bank_ports(arch, memory);
    }
    return (struct port_owner){memory, -1,
                               (enum port_kind)(of_banks % BANK_KINDS), false,
                               of_banks / BANK_KINDS};
}

struct port_owner port_find_owner(const struct arch *arch, int port)
{
    int link = port - first_link(arch);
    if (port >= port_first_of_banks(arch)) {
        return find_bank(arch, port - port_first_of_banks(arch));
    }
    if (link >= 0) {
        return (struct port_owner){-1, link / 2, PORT_ALL, link % 2 == 0, -1};
    }
    return (struct port_owner){port / PORT_KINDS, -1,
                               (enum port_kind)(port % PORT_KINDS), false, -1};
}

int64_t port_bandwidth(const struct arch *arch, int port)
{
    struct port_owner owner = port_find_owner(arch, port);
    if (owner.fanout >= 0) {
        const struct arch_network *network =
            &arch->fanouts[owner.fanout].network;
        return network->is_given ? network->bandwidth_bytes_per_s
                                 : NUM_UNLIMITED;
    }
    const struct arch_memory *m = &arch->memories[owner.memory];
    switch (owner.kind) {
    case PORT_ALL:
        return m->bandwidth_bytes_per_s;
    case PORT_READS:
        return m->read_bandwidth_bytes_per_s;
    case PORT_WRITES:
        return m->write_bandwidth_bytes_per_s;
    case PORT_LOADS:
    case PORT_DRAM:
        return NUM_UNLIMITED;
    case PORT_KINDS:
        break;
    }
    BUG("port %d", port);
}

int port_of_serial(const struct arch *arch, int memory, bool is_write)
{
    int all = port_of(memory, PORT_ALL);
    int own = port_of(memory, is_write ? PORT_WRITES : PORT_READS);
    return port_bandwidth(arch, all) < port_bandwidth(arch, own) ? all : own;
}

bool port_is_serial(const struct arch *arch, int port)
{
    struct port_owner owner = port_find_owner(arch, port);
    return owner.memory >= 0 && owner.bank < 0 && owner.kind <= PORT_WRITES &&
           arch->memories[owner.memory].is_serial &&
           port_bandwidth(arch, port) != NUM_UNLIMITED;
}

int64_t port_shares(const struct arch *arch, int port)
{
    struct port_owner owner = port_find_owner(arch, port);
    return owner.bank >= 0 ? arch->memories[owner.memory].banks : 1;
}
