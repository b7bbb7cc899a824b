/* Area: the parts of the tree with how often each exists. */
#include "arch/arch.h"

static struct arch_area_part make_part(const struct arch *arch,
                                       const struct arch_node *node)
{
    struct arch_area_part part = {.kind = node->kind};
    switch (node->kind) {
    case ARCH_NODE_MEMORY: {
        const struct arch_memory *memory = &arch->memories[node->id];
        part.name = memory->name;
        part.instances = memory->instances;
        part.area_um2 = memory->area_um2;
        part.leakage_mw = memory->leakage_mw;
        break;
    }
    case ARCH_NODE_FANOUT: {
        const struct arch_fanout *fanout = &arch->fanouts[node->id];
        part.name = fanout->name;
        part.instances = fanout->instances;
        part.area_um2 = fanout->network.area_um2;
        part.leakage_mw = fanout->network.leakage_mw;
        break;
    }
    case ARCH_NODE_UNIT: {
        const struct arch_unit *unit = &arch->units[node->id];
        part.name = unit->name;
        part.instances = unit->lanes;
        part.area_um2 = unit->area_um2;
        part.leakage_mw = unit->leakage_mw;
        break;
    }
    }
    return part;
}

struct arch_area *arch_sum_area(const struct arch *arch)
{
    struct arch_area *area = g_new0(struct arch_area, 1);
    area->parts = g_new0(struct arch_area_part, (gsize)arch->node_count);
    for (int i = 0; i < arch->node_count; i++) {
        const struct arch_node *node = &arch->nodes[i];
        if (node->kind == ARCH_NODE_FANOUT &&
            !arch->fanouts[node->id].network.is_given) {
            continue;
        }
        struct arch_area_part part = make_part(arch, node);
        if (arch_is_known(part.area_um2)) {
            area->known_um2 += (double)part.instances * part.area_um2;
        } else {
            area->unknown_count++;
        }
        area->parts[area->part_count++] = part;
    }
    area->total_um2 = area->unknown_count == 0 ? area->known_um2 : ARCH_UNKNOWN;
    return area;
}

void arch_area_free(struct arch_area *area)
{
    if (area != NULL) {
        g_free(area->parts);
        g_free(area);
    }
}
