/* Fan-outs: axes along which everything below exists once per lane. They
 * multiply the instances of memories and give memories and units their axes. */
#include "arch/builder.h"

#include <string.h>

static const char *const fanout_keys[] = {"fanout", "axes", "network",
                                          "children", NULL};
static const char *const axis_keys[] = {
    "size", "multicast", "reduce", "hop", "neighbours", "skew", NULL};
static const char *const reduce_names[] = {"none", "chain", "tree", "in_place",
                                           NULL};

/* `hop` belongs to a network of reductions: needed with one, meaningless
 * without. */
static void parse_hop(struct arch_builder *builder,
                      const struct yaml_node *node, struct arch_axis *axis)
{
    const struct yaml_node *hop = yaml_find(node, "hop");
    if (axis->reduce == ARCH_REDUCE_CHAIN || axis->reduce == ARCH_REDUCE_TREE) {
        (void)arch_get_count(builder, node, "hop", UNIT_CYCLES, 0,
                             &axis->hop_cycles);
    } else if (hop != NULL && (yaml_find(node, "reduce") == NULL ||
                               axis->reduce == ARCH_REDUCE_IN_PLACE)) {
        diag_error(builder->diags, yaml_key_span(hop), "arch-hop", NULL,
                   "'hop' is of a reduction by chain or tree, and the axis has "
                   "none");
    }
}

static void note_features(struct arch_builder *builder, const char *fanout,
                          const struct yaml_node *node,
                          const struct arch_axis *axis)
{
    if (axis->reduce == ARCH_REDUCE_IN_PLACE) {
        arch_note_feature(builder, ARCH_FEATURE_REDUCE_IN_PLACE, fanout, node,
                          "reduce");
    }
    if (axis->has_neighbours) {
        arch_note_feature(builder, ARCH_FEATURE_NEIGHBOURS, fanout, node,
                          "neighbours");
    }
}

/* Is the name free on the path? 'size' and 'lanes' name other attributes in
 * expressions (array2d.lanes). */
static bool check_axis_name(struct arch_builder *builder, const char *name,
                            struct span span, const struct arch_branch *branch)
{
    if (!arch_check_name(builder, name, span)) {
        return false;
    }
    if (strcmp(name, "lanes") == 0 || strcmp(name, "size") == 0) {
        diag_error(builder->diags, span, "arch-reserved-name", NULL,
                   "'%s' cannot be the name of an axis", name);
        return false;
    }
    for (int i = 0; i < branch->axis_count; i++) {
        if (strcmp(branch->axis[i].name, name) == 0) {
            diag_error(builder->diags, span, "arch-duplicate-axis", NULL,
                       "a fan-out further out has an axis '%s' already", name);
            return false;
        }
    }
    return true;
}

static void add_axis(struct arch_builder *builder, const struct yaml_node *node,
                     const char *name, struct arch_branch *branch,
                     struct arch_fanout *fanout)
{
    struct diags *diags = builder->diags;
    struct arch_axis axis = {.size = 1, .fanout = (int)builder->fanouts->len};
    if (yaml_expect(diags, node, YAML_MAPPING, "an axis") != OK ||
        !check_axis_name(builder, name, yaml_key_span(node), branch)) {
        return;
    }
    if (branch->axis_count == ARCH_MAX_AXES) {
        diag_error(diags, yaml_key_span(node), "arch-too-many-axes", NULL,
                   "axis '%s' is one more than the %d that a unit may have",
                   name, ARCH_MAX_AXES);
        return;
    }
    axis.id = builder->axis_count++;
    axis.name = g_string_chunk_insert_const(builder->strings, name);
    arch_reported(yaml_check_keys(diags, node, axis_keys));
    (void)arch_get_count(builder, node, "size", UNIT_COUNT, 1, &axis.size);
    arch_reported(yaml_find_bool(diags, node, "multicast", &axis.is_multicast));
    arch_reported(
        yaml_find_bool(diags, node, "neighbours", &axis.has_neighbours));
    axis.reduce =
        (enum arch_reduce)arch_find_word(builder, node, "reduce", reduce_names,
                                         "arch-unknown-reduce", "reduction");
    parse_hop(builder, node, &axis);
    (void)arch_find_count(builder, node, "skew", UNIT_CYCLES, 0,
                          &axis.skew_cycles);
    note_features(builder, fanout->name, node, &axis);
    branch->axis[branch->axis_count++] = axis;
    fanout->axis[fanout->axis_count++] = axis;
    if (!num_mul(branch->instances, axis.size, &branch->instances)) {
        diag_error(diags, yaml_key_span(node), "arch-too-large", NULL,
                   "more instances than a 64-bit count holds");
    }
}

static void add_axes(struct arch_builder *builder, const struct yaml_node *node,
                     struct arch_branch *below, struct arch_fanout *fanout)
{
    const struct yaml_node *axes = NULL;
    if (yaml_get_node(builder->diags, node, "axes", YAML_MAPPING, &axes) !=
        OK) {
        return;
    }
    if (yaml_count(axes) == 0) {
        diag_error(builder->diags, yaml_span(axes), "arch-no-axes", NULL,
                   "a fan-out needs an axis");
    }
    for (size_t i = 0; i < yaml_count(axes); i++) {
        add_axis(builder, yaml_pair_value(axes, i), yaml_pair_key(axes, i),
                 below, fanout);
    }
}

void arch_add_fanout(struct arch_builder *builder, const struct yaml_node *node,
                     const struct arch_branch *branch)
{
    const struct yaml_node *network = NULL;
    arch_reported(yaml_check_keys(builder->diags, node, fanout_keys));
    struct arch_fanout fanout = {
        .name = arch_take_name(builder, node, "fanout"),
        .instances = branch->instances,
        .first_axis = branch->axis_count,
        .first_axis_id = builder->axis_count,
        .network = {.bandwidth_bytes_per_s = NUM_UNLIMITED},
        .span = yaml_span(yaml_find(node, "fanout")),
    };
    struct arch_branch below = *branch;
    size_t errors = diags_error_count(builder->diags);
    add_axes(builder, node, &below, &fanout);
    arch_reported(yaml_find_node(builder->diags, node, "network", YAML_MAPPING,
                                 &network));
    if (diags_error_count(builder->diags) == errors) {
        arch_parse_network(builder, network, &fanout);
    }
    struct arch_node place = {ARCH_NODE_FANOUT, (int)builder->fanouts->len,
                              branch->node};
    below.node = (int)builder->nodes->len;
    g_array_append_val(builder->nodes, place);
    g_array_append_val(builder->fanouts, fanout);
    arch_add_children(builder, node, "fanout", &below);
}
