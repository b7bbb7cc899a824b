/* The tree, depth first: a memory before what it serves, so that ids grow
 * inwards. Fan-outs leave no node of their own: they multiply the instances of
 * memories and give units their axes.
 */
#include "arch/arch.h"
#include "arch/builder.h"

#include <string.h>

/* What the path from the root gives to the next node. */
struct branch {
    int memory; /* innermost so far, -1 above the root */
    int64_t instances;
    int axis_count;
    struct arch_axis axis[ARCH_MAX_AXES];
};

static const char *const memory_keys[] = {
    "memory", "size", "bandwidth", "access", "read", "write", "children", NULL,
};
static const char *const fanout_keys[] = {"fanout", "axes", "children", NULL};
static const char *const unit_keys[] = {"unit", "ops", "chainable", "children",
                                        NULL};
static const char *const axis_keys[] = {"size", "multicast", "reduce", "hop",
                                        NULL};
static const char *const kind_keys[] = {"memory", "fanout", "unit"};
static const char *const reduce_names[] = {"none", "chain", "tree"};

static void visit_node(struct arch_builder *builder,
                       const struct yaml_node *node,
                       const struct branch *branch);

static int kind_of_key(const char *key)
{
    for (int i = 0; i < 3; i++) {
        if (strcmp(kind_keys[i], key) == 0) {
            return i;
        }
    }
    return -1;
}

static void report_no_kind(struct arch_builder *builder,
                           const struct yaml_node *node)
{
    const char *first_key = yaml_count(node) > 0 ? yaml_pair_key(node, 0) : "";
    g_autofree char *suggestion = suggest_text(first_key, kind_keys, 3);
    diag_error(builder->diags, yaml_span(node), "arch-node-kind", suggestion,
               "a node needs one of 'memory', 'fanout' and 'unit'");
}

/* Index in kind_keys, or -1 after a message. */
static int find_kind(struct arch_builder *builder, const struct yaml_node *node)
{
    int found = -1;
    for (size_t i = 0; i < yaml_count(node); i++) {
        int kind = kind_of_key(yaml_pair_key(node, i));
        if (kind >= 0 && found >= 0) {
            diag_error(builder->diags, yaml_key_span(yaml_pair_value(node, i)),
                       "arch-node-kind", NULL,
                       "a node is one of '%s' and '%s', not both",
                       kind_keys[found], kind_keys[kind]);
            return -1;
        }
        found = kind >= 0 ? kind : found;
    }
    if (found < 0) {
        report_no_kind(builder, node);
    }
    return found;
}

/* The node's name, interned; NULL after a message. */
static const char *take_name(struct arch_builder *builder,
                             const struct yaml_node *node, const char *key)
{
    const char *name = NULL;
    if (yaml_get_text(builder->diags, node, key, &name) != OK) {
        return NULL;
    }
    struct span span = yaml_span(yaml_find(node, key));
    if (!arch_check_name(builder, name, span)) {
        return NULL;
    }
    for (guint i = 0; i < builder->taken->len; i++) {
        const struct arch_taken *taken =
            &g_array_index(builder->taken, struct arch_taken, i);
        if (strcmp(taken->name, name) == 0) {
            diag_error(builder->diags, span, "arch-duplicate-name", NULL,
                       "'%s' is the name of a node in line %d already", name,
                       taken->span.line);
            return NULL;
        }
    }
    struct arch_taken taken = {
        .name = g_string_chunk_insert_const(builder->strings, name),
        .span = span,
    };
    g_array_append_val(builder->taken, taken);
    return taken.name;
}

static void visit_children(struct arch_builder *builder,
                           const struct yaml_node *node, const char *kind,
                           const struct branch *branch)
{
    const struct yaml_node *children = NULL;
    if (yaml_find_node(builder->diags, node, "children", YAML_SEQUENCE,
                       &children) != OK) {
        return;
    }
    size_t count = children == NULL ? 0 : yaml_count(children);
    if (count == 0) {
        const struct yaml_node *name = yaml_find(node, kind);
        diag_error(builder->diags, yaml_span(name), "arch-no-unit", NULL,
                   "no unit stands below %s '%s'", kind,
                   yaml_kind(name) == YAML_SCALAR ? yaml_text(name) : "");
    }
    for (size_t i = 0; i < count; i++) {
        visit_node(builder, yaml_item(children, i), branch);
    }
}

/* ---- memories ------------------------------------------------------------ */

static void add_memory(struct arch_builder *builder,
                       const struct yaml_node *node,
                       const struct branch *branch)
{
    struct diags *diags = builder->diags;
    arch_reported(yaml_check_keys(diags, node, memory_keys));
    const char *name = take_name(builder, node, "memory");
    struct arch_memory memory = {
        .name = name == NULL ? "" : name,
        .parent = branch->memory,
        .axis_count = branch->axis_count,
        .instances = branch->instances,
        .span = yaml_span(yaml_find(node, "memory")),
    };
    memcpy(memory.axis, branch->axis, sizeof(memory.axis));
    (void)arch_get_count(builder, node, "size", UNIT_BYTES, 1,
                         &memory.size_bytes);
    (void)arch_get_count(builder, node, "bandwidth", UNIT_BYTES_PER_SECOND, 1,
                         &memory.bandwidth_bytes_per_s);
    (void)arch_get_count(builder, node, "access", UNIT_BITS, 1,
                         &memory.access_bits);
    arch_reported(yaml_get_real(diags, node, "read", UNIT_PJ, builder->scope,
                                &memory.read_energy_pj_per_access));
    arch_reported(yaml_get_real(diags, node, "write", UNIT_PJ, builder->scope,
                                &memory.write_energy_pj_per_access));

    struct branch below = *branch;
    below.memory = (int)builder->memories->len;
    g_array_append_val(builder->memories, memory);
    visit_children(builder, node, "memory", &below);
}

/* ---- fan-outs ------------------------------------------------------------ */

/* 'none' if the axis does not say. */
static enum arch_reduce parse_reduce(struct arch_builder *builder,
                                     const struct yaml_node *axis)
{
    const char *text = "none";
    arch_reported(yaml_find_text(builder->diags, axis, "reduce", &text));
    for (int i = 0; i < 3; i++) {
        if (strcmp(text, reduce_names[i]) == 0) {
            return (enum arch_reduce)i;
        }
    }
    g_autofree char *suggestion = suggest_text(text, reduce_names, 3);
    diag_error(builder->diags, yaml_span(yaml_find(axis, "reduce")),
               "arch-unknown-reduce", suggestion,
               "unknown reduction '%s', known are none, chain, tree", text);
    return ARCH_REDUCE_NONE;
}

/* `hop` belongs to a reduction: needed with one, meaningless without. */
static void parse_hop(struct arch_builder *builder,
                      const struct yaml_node *node, struct arch_axis *axis)
{
    const struct yaml_node *hop = yaml_find(node, "hop");
    if (axis->reduce != ARCH_REDUCE_NONE) {
        (void)arch_get_count(builder, node, "hop", UNIT_CYCLES, 0,
                             &axis->hop_cycles);
    } else if (hop != NULL && yaml_find(node, "reduce") == NULL) {
        diag_error(builder->diags, yaml_key_span(hop), "arch-hop", NULL,
                   "'hop' is of a reduction, and the axis has none");
    }
}

/* Is the name free on the path? 'size' and 'lanes' name other attributes in
 * expressions (array2d.lanes). */
static bool check_axis_name(struct arch_builder *builder, const char *name,
                            struct span span, const struct branch *branch)
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
                     const char *name, struct branch *branch)
{
    struct diags *diags = builder->diags;
    struct arch_axis axis = {.size = 1};
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
    axis.reduce = parse_reduce(builder, node);
    parse_hop(builder, node, &axis);
    branch->axis[branch->axis_count++] = axis;
    if (!num_mul(branch->instances, axis.size, &branch->instances)) {
        diag_error(diags, yaml_key_span(node), "arch-too-large", NULL,
                   "more instances than a 64-bit count holds");
    }
}

static void add_fanout(struct arch_builder *builder,
                       const struct yaml_node *node,
                       const struct branch *branch)
{
    const struct yaml_node *axes = NULL;
    struct branch below = *branch;
    arch_reported(yaml_check_keys(builder->diags, node, fanout_keys));
    (void)take_name(builder, node, "fanout");
    if (yaml_get_node(builder->diags, node, "axes", YAML_MAPPING, &axes) ==
        OK) {
        if (yaml_count(axes) == 0) {
            diag_error(builder->diags, yaml_span(axes), "arch-no-axes", NULL,
                       "a fan-out needs an axis");
        }
        for (size_t i = 0; i < yaml_count(axes); i++) {
            add_axis(builder, yaml_pair_value(axes, i), yaml_pair_key(axes, i),
                     &below);
        }
    }
    visit_children(builder, node, "fanout", &below);
}

/* ---- units --------------------------------------------------------------- */

static void add_unit(struct arch_builder *builder, const struct yaml_node *node,
                     const struct branch *branch)
{
    struct diags *diags = builder->diags;
    const struct yaml_node *ops = NULL;
    const struct yaml_node *children = yaml_find(node, "children");
    arch_reported(yaml_check_keys(diags, node, unit_keys));
    const char *name = take_name(builder, node, "unit");
    if (children != NULL) {
        diag_error(diags, yaml_key_span(children), "arch-unit-children", NULL,
                   "a unit computes, nothing can stand below it");
    }
    struct arch_unit unit = {
        .name = name == NULL ? "" : name,
        .memory = branch->memory,
        .axis_count = branch->axis_count,
        .lanes = branch->instances,
        .span = yaml_span(yaml_find(node, "unit")),
    };
    memcpy(unit.axis, branch->axis, sizeof(unit.axis));
    arch_reported(yaml_find_bool(diags, node, "chainable", &unit.is_chainable));
    if (yaml_get_node(diags, node, "ops", YAML_MAPPING, &ops) == OK) {
        arch_parse_ops(builder, ops, &unit);
    }
    g_array_append_val(builder->units, unit);
}

/* ---- the walk ------------------------------------------------------------ */

static void visit_node(struct arch_builder *builder,
                       const struct yaml_node *node,
                       const struct branch *branch)
{
    if (yaml_expect(builder->diags, node, YAML_MAPPING, "a node") != OK) {
        return;
    }
    switch (find_kind(builder, node)) {
    case 0:
        add_memory(builder, node, branch);
        break;
    case 1:
        add_fanout(builder, node, branch);
        break;
    case 2:
        add_unit(builder, node, branch);
        break;
    default:
        break;
    }
}

void arch_add_tree(struct arch_builder *builder, const struct yaml_node *root)
{
    struct branch branch = {.memory = -1, .instances = 1};
    if (yaml_find(root, "memory") == NULL &&
        (yaml_find(root, "fanout") != NULL ||
         yaml_find(root, "unit") != NULL)) {
        diag_error(builder->diags, yaml_span(root), "arch-root", NULL,
                   "the outermost node must be a memory: the backing store");
        return;
    }
    visit_node(builder, root, &branch);
}
