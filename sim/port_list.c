/* Which ports a machine has. A port is a server with a bandwidth: of a memory
 * one for each bandwidth that it states, of a fan-out's network the links that
 * join it to the memory above (in a crossbar, or between every two, those of the
 * lanes): one inwards, one outwards. A bus has one wire for both ways. */
#include "sim/timing.h"

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

int port_count(const struct arch *arch)
{
    return first_link(arch) + 2 * arch->fanout_count;
}

struct port_owner port_find_owner(const struct arch *arch, int port)
{
    int link = port - first_link(arch);
    if (link >= 0) {
        return (struct port_owner){-1, link / 2, PORT_ALL, link % 2 == 0};
    }
    return (struct port_owner){port / PORT_KINDS, -1,
                               (enum port_kind)(port % PORT_KINDS), false};
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
    return owner.memory >= 0 && owner.kind <= PORT_WRITES &&
           arch->memories[owner.memory].is_serial &&
           port_bandwidth(arch, port) != NUM_UNLIMITED;
}
