/* Private to arch/: what the loader carries while it flattens the tree. */
#ifndef WEIR_ARCH_BUILDER_H
#define WEIR_ARCH_BUILDER_H

#include "arch/arch.h"

#define ARCH_MAX_OPS 256 /* of one unit; bounds the depth of compositions */

/* A name taken by a node, and where. */
struct arch_taken {
    const char *name;
    struct span span;
};

struct arch_builder {
    struct diags *diags;
    struct scope *scope;   /* the params */
    GStringChunk *strings; /* every string of the arch */
    GArray *memories;      /* struct arch_memory */
    GArray *units;         /* struct arch_unit */
    GArray *taken;         /* struct arch_taken */
    int axis_count;
};

/* Adds the tree below `root` to the builder. Errors go to its diags. */
void arch_add_tree(struct arch_builder *builder, const struct yaml_node *root);

/* Reads a unit's `ops` into a new array; compositions are summed. Errors go to
 * the builder's diags, and then the array is incomplete. */
void arch_parse_ops(struct arch_builder *builder, const struct yaml_node *ops,
                    struct arch_unit *unit);

/* Is it a letter or '_', followed by letters, digits and '_'? If not, reports
 * 'arch-bad-name' at `span`. What stands in expressions must be. */
bool arch_check_name(struct arch_builder *builder, const char *name,
                     struct span span);

/* Reads an integer that must be at least `least`: 'arch-out-of-range'. True if
 * it could be read. */
bool arch_get_count(struct arch_builder *builder,
                    const struct yaml_node *mapping, const char *key,
                    enum unit_kind kind, int64_t least, int64_t *count);

/* Marks a call whose failure is in the diags already: the loader goes on to
 * collect more, and ends with what the diags say. */
static inline void arch_reported(enum status status)
{
    (void)status;
}

#endif
