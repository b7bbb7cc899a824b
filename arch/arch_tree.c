/* The tree, depth first: a memory before what it serves, so that ids grow
 * inwards. tree_memory.c, tree_fanout.c and tree_unit.c read the nodes. */
#include "arch/arch.h"
#include "arch/builder.h"

#include <string.h>

static const char *const kind_keys[] = {"memory", "fanout", "unit"};

static void visit_node(struct arch_builder *builder,
                       const struct yaml_node *node,
                       const struct arch_branch *branch);

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

const char *arch_take_name(struct arch_builder *builder,
                           const struct yaml_node *node, const char *key)
{
    const char *name = NULL;
    if (yaml_get_text(builder->diags, node, key, &name) != OK) {
        return "";
    }
    struct span span = yaml_span(yaml_find(node, key));
    if (!arch_check_name(builder, name, span)) {
        return "";
    }
    for (guint i = 0; i < builder->taken->len; i++) {
        const struct arch_taken *taken =
            &g_array_index(builder->taken, struct arch_taken, i);
        if (strcmp(taken->name, name) == 0) {
            diag_error(builder->diags, span, "arch-duplicate-name", NULL,
                       "'%s' is the name of a node in line %d already", name,
                       taken->span.line);
            return "";
        }
    }
    struct arch_taken taken = {
        .name = g_string_chunk_insert_const(builder->strings, name),
        .span = span,
    };
    g_array_append_val(builder->taken, taken);
    return taken.name;
}

void arch_add_children(struct arch_builder *builder,
                       const struct yaml_node *node, const char *kind,
                       const struct arch_branch *branch)
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

/* ---- the walk ------------------------------------------------------------ */

static void visit_node(struct arch_builder *builder,
                       const struct yaml_node *node,
                       const struct arch_branch *branch)
{
    if (yaml_expect(builder->diags, node, YAML_MAPPING, "a node") != OK) {
        return;
    }
    switch (find_kind(builder, node)) {
    case 0:
        arch_add_memory(builder, node, branch);
        break;
    case 1:
        arch_add_fanout(builder, node, branch);
        break;
    case 2:
        arch_add_unit(builder, node, branch);
        break;
    default:
        break;
    }
}

void arch_add_tree(struct arch_builder *builder, const struct yaml_node *root)
{
    struct arch_branch branch = {.node = -1, .memory = -1, .instances = 1};
    if (yaml_find(root, "memory") == NULL &&
        (yaml_find(root, "fanout") != NULL ||
         yaml_find(root, "unit") != NULL)) {
        diag_error(builder->diags, yaml_span(root), "arch-root", NULL,
                   "the outermost node must be a memory: the backing store");
        return;
    }
    visit_node(builder, root, &branch);
}
