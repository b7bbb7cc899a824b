/* The network of a fan-out: what carries values between the memory above and the
 * lanes, or joins chips. */
#include "arch/builder.h"

static const char *const network_keys[] = {
    "topology", "chips", "bandwidth", "hop", "energy",
    "class",    "area",  "leakage",   NULL,
};
static const char *const topology_names[] = {
    "bus", "crossbar", "tree", "ring", "mesh", "torus", "all_to_all", NULL,
};

const char *arch_topology_name(enum arch_topology topology)
{
    return topology_names[topology];
}

static void note_features(struct arch_builder *builder,
                          const struct yaml_node *node,
                          const struct arch_fanout *fanout)
{
    const struct arch_network *network = &fanout->network;
    if (network->bandwidth_bytes_per_s != NUM_UNLIMITED) {
        arch_note_feature(builder, ARCH_FEATURE_NETWORK_BANDWIDTH, fanout->name,
                          node, "bandwidth");
    }
    if (network->hop_cycles > 0) {
        arch_note_feature(builder, ARCH_FEATURE_NETWORK_LATENCY, fanout->name,
                          node, "hop");
    }
    if (network->energy_pj_per_bit > 0) {
        arch_note_feature(builder, ARCH_FEATURE_NETWORK_ENERGY, fanout->name,
                          node, "energy");
    }
    if (network->leakage_mw > 0) {
        arch_note_feature(builder, ARCH_FEATURE_LEAKAGE, fanout->name, node,
                          "leakage");
    }
}

/* A class is of one lane's part; the file's own numbers are of the network. */
static void parse_costs(struct arch_builder *builder,
                        const struct yaml_node *node, int64_t lanes,
                        struct arch_network *network)
{
    struct arch_class_query query;
    arch_class_query_init(&query);
    struct arch_class_cost cost =
        arch_parse_class(builder, node, ARCH_CLASS_NETWORK, &query);
    network->energy_pj_per_bit =
        arch_get_cost(builder, node, "energy", UNIT_PJ, cost.read_energy_pj);
    network->area_um2 = arch_find_cost(builder, node, "area", UNIT_UM2,
                                       arch_is_known(cost.area_um2)
                                           ? (double)lanes * cost.area_um2
                                           : ARCH_UNKNOWN);
    network->leakage_mw = arch_find_cost(builder, node, "leakage", UNIT_MW,
                                         arch_is_known(cost.leakage_mw)
                                             ? (double)lanes * cost.leakage_mw
                                             : ARCH_UNKNOWN);
}

void arch_parse_network(struct arch_builder *builder,
                        const struct yaml_node *node,
                        struct arch_fanout *fanout)
{
    struct arch_network *network = &fanout->network;
    int64_t lanes = 1;
    const char *text = NULL;
    if (node == NULL) {
        return;
    }
    network->is_given = true;
    for (int i = 0; i < fanout->axis_count; i++) {
        lanes *= fanout->axis[i].size;
    }
    arch_reported(yaml_check_keys(builder->diags, node, network_keys));
    arch_reported(yaml_get_text(builder->diags, node, "topology", &text));
    network->topology = (enum arch_topology)arch_find_word(
        builder, node, "topology", topology_names, "arch-unknown-topology",
        "topology");
    arch_reported(
        yaml_find_bool(builder->diags, node, "chips", &network->joins_chips));
    (void)arch_get_count(builder, node, "bandwidth", UNIT_BYTES_PER_SECOND, 1,
                         &network->bandwidth_bytes_per_s);
    (void)arch_get_count(builder, node, "hop", UNIT_CYCLES, 0,
                         &network->hop_cycles);
    parse_costs(builder, node, lanes, network);
    note_features(builder, node, fanout);
}
