/* Compute units. A unit may run at a clock of its own that divides the arch's,
 * so that its cycles are whole cycles of the result. */
#include "arch/builder.h"

static const char *const unit_keys[] = {
    "unit",         "ops",      "chainable", "clock",   "masking",
    "area",         "leakage",  "children",  "ports",   "issue",
    "instructions", "licences", "serial",    "overlap", NULL,
};
static const char *const masking_names[] = {"none", "gate", "skip", NULL};

/* Cycles of the arch in one of the unit; 1 after a message. */
static int64_t parse_clock(struct arch_builder *builder,
                           const struct yaml_node *node, struct arch_unit *unit)
{
    int64_t arch_hz = builder->arch->clock_hz;
    unit->clock_hz = arch_hz;
    if (!arch_find_count(builder, node, "clock", UNIT_HZ, 1, &unit->clock_hz) ||
        arch_hz < 1) {
        return 1;
    }
    if (arch_hz % unit->clock_hz != 0) {
        diag_error(builder->diags, yaml_span(yaml_find(node, "clock")),
                   "arch-clock-ratio",
                   "let 'clock:' of the file be a common multiple",
                   "the clock of unit '%s' does not divide that of the file, "
                   "%" G_GINT64_FORMAT " Hz",
                   unit->name, arch_hz);
        return 1;
    }
    return arch_hz / unit->clock_hz;
}

/* The file's own number, or the sum over the operations. */
static void parse_costs(struct arch_builder *builder,
                        const struct yaml_node *node, struct arch_unit *unit)
{
    double area_um2 = 0;
    double leakage_mw = 0;
    for (int i = 0; i < unit->op_count; i++) {
        area_um2 = arch_add_costs(area_um2, unit->ops[i].area_um2);
        leakage_mw = arch_add_costs(leakage_mw, unit->ops[i].leakage_mw);
    }
    unit->area_um2 = arch_find_cost(builder, node, "area", UNIT_UM2, area_um2);
    unit->leakage_mw =
        arch_find_cost(builder, node, "leakage", UNIT_MW, leakage_mw);
    if (unit->leakage_mw > 0) {
        arch_note_feature(builder, ARCH_FEATURE_LEAKAGE, unit->name, node,
                          "leakage");
    }
}

static void check_no_children(struct arch_builder *builder,
                              const struct yaml_node *node)
{
    const struct yaml_node *children = yaml_find(node, "children");
    if (children != NULL) {
        diag_error(builder->diags, yaml_key_span(children),
                   "arch-unit-children", NULL,
                   "a unit computes, nothing can stand below it");
    }
}

void arch_add_unit(struct arch_builder *builder, const struct yaml_node *node,
                   const struct arch_branch *branch)
{
    struct diags *diags = builder->diags;
    const struct yaml_node *ops = NULL;
    arch_reported(yaml_check_keys(diags, node, unit_keys));
    struct arch_unit unit = {
        .name = arch_take_name(builder, node, "unit"),
        .memory = branch->memory,
        .axis_count = branch->axis_count,
        .lanes = branch->instances,
        .span = yaml_span(yaml_find(node, "unit")),
    };
    for (int i = 0; i < branch->axis_count; i++) {
        unit.axis[i] = branch->axis[i];
    }
    check_no_children(builder, node);
    int64_t clock_ratio = parse_clock(builder, node, &unit);
    arch_reported(yaml_find_bool(diags, node, "chainable", &unit.is_chainable));
    unit.overlaps_steps = true;
    arch_find_flag(builder, node, "overlap", &unit.overlaps_steps);
    unit.masking = (enum arch_masking)arch_find_word(
        builder, node, "masking", masking_names, "arch-unknown-masking",
        "masking");
    if (unit.masking != ARCH_MASKING_NONE) {
        arch_note_feature(builder, ARCH_FEATURE_MASKING, unit.name, node,
                          "masking");
    }
    if (yaml_get_node(diags, node, "ops", YAML_MAPPING, &ops) == OK) {
        unit.ports = arch_parse_ports(builder, node, unit.name);
        arch_parse_ops(builder, ops, clock_ratio, &unit);
    }
    parse_costs(builder, node, &unit);
    struct arch_node place = {ARCH_NODE_UNIT, (int)builder->units->len,
                              branch->node};
    g_array_append_val(builder->nodes, place);
    g_array_append_val(builder->units, unit);
}
