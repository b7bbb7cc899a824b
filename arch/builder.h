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
    struct scope *scope;     /* the params */
    GStringChunk *strings;   /* every string of the arch */
    const struct arch *arch; /* its head is read before the tree */
    GArray *nodes;           /* struct arch_node */
    GArray *memories;        /* struct arch_memory */
    GArray *fanouts;         /* struct arch_fanout */
    GArray *units;           /* struct arch_unit */
    GArray *features;        /* struct arch_feature_use */
    GArray *taken;           /* struct arch_taken */
    int axis_count;
};

/* What the path from the root gives to the next node. */
struct arch_branch {
    int node;   /* the parent's index, -1 above the root */
    int memory; /* innermost so far, -1 above the root */
    int64_t instances;
    int axis_count;
    struct arch_axis axis[ARCH_MAX_AXES];
};

/* ---- the tree (arch_tree.c) ---------------------------------------------- */

/* Adds the tree below `root` to the builder. Errors go to its diags. */
void arch_add_tree(struct arch_builder *builder, const struct yaml_node *root);
/* Adds what stands below a node, which must be something. */
void arch_add_children(struct arch_builder *builder,
                       const struct yaml_node *node, const char *kind,
                       const struct arch_branch *branch);
/* The node's name under `key`, interned; "" after a message. */
const char *arch_take_name(struct arch_builder *builder,
                           const struct yaml_node *node, const char *key);

/* ---- nodes of each kind, with all that stands below them ------------------- */

void arch_add_memory(struct arch_builder *builder, const struct yaml_node *node,
                     const struct arch_branch *branch);
void arch_add_fanout(struct arch_builder *builder, const struct yaml_node *node,
                     const struct arch_branch *branch);
void arch_add_unit(struct arch_builder *builder, const struct yaml_node *node,
                   const struct arch_branch *branch);

/* A fan-out's `network`, NULL if it has none. */
void arch_parse_network(struct arch_builder *builder,
                        const struct yaml_node *node,
                        struct arch_fanout *fanout);

/* Reads a unit's `ops` into a new array; compositions are summed. Cycles are
 * multiplied by `clock_ratio`. Errors go to the builder's diags, and then the
 * array is incomplete. */
void arch_parse_ops(struct arch_builder *builder, const struct yaml_node *ops,
                    int64_t clock_ratio, struct arch_unit *unit);

/* The chip's `formats`, if there are any (arch_formats.c). */
void arch_parse_formats(struct arch_builder *builder,
                        const struct yaml_node *root,
                        struct arch_formats *formats);

/* A unit's `ports`, with all that belongs to them, or NULL. Caller owns. */
struct arch_ports *arch_parse_ports(struct arch_builder *builder,
                                    const struct yaml_node *node,
                                    const char *unit);

/* ---- attributes ------------------------------------------------------------ */

/* Is it a letter or '_', followed by letters, digits and '_'? If not, reports
 * 'arch-bad-name' at `span`. What stands in expressions must be. */
bool arch_check_name(struct arch_builder *builder, const char *name,
                     struct span span);

/* Reads an integer that must be at least `least`: 'arch-out-of-range'. True if
 * it could be read. */
bool arch_get_count(struct arch_builder *builder,
                    const struct yaml_node *mapping, const char *key,
                    enum unit_kind kind, int64_t least, int64_t *count);
/* Likewise, if the key is there; else false, and *count as it was. */
bool arch_find_count(struct arch_builder *builder,
                     const struct yaml_node *mapping, const char *key,
                     enum unit_kind kind, int64_t least, int64_t *count);

/* true, false, or an expression over the params (0 is false), if the key is
 * there; else *flag as it was. */
void arch_find_flag(struct arch_builder *builder,
                    const struct yaml_node *mapping, const char *key,
                    bool *flag);

/* One of `names`, NULL-terminated; 0, the first, if the key is absent. A word
 * that is none of them is reported as `code`, "unknown WHAT 'x', known are". */
int arch_find_word(struct arch_builder *builder,
                   const struct yaml_node *mapping, const char *key,
                   const char *const *names, const char *code,
                   const char *what);

/* Notes that a node has an attribute which not everyone can use; the span is of
 * the key, or of the node if there is none. */
void arch_note_feature(struct arch_builder *builder, enum arch_feature feature,
                       const char *node_name, const struct yaml_node *node,
                       const char *key);

/* ---- costs (costs.c) ------------------------------------------------------- */

/* The cost that the node's `class` gives; all unknown without one. `query` has
 * what the node knows of itself; the arch's technology and voltage are filled
 * in, and the class's own parameters win. */
struct arch_class_cost arch_parse_class(struct arch_builder *builder,
                                        const struct yaml_node *node,
                                        enum arch_class_kind kind,
                                        struct arch_class_query *query);
/* The file's own number under `key`, or the class's. */
double arch_get_cost(struct arch_builder *builder, const struct yaml_node *node,
                     const char *key, enum unit_kind kind, double of_class);
/* As arch_get_cost, but ARCH_UNKNOWN if there is neither. */
double arch_find_cost(struct arch_builder *builder,
                      const struct yaml_node *node, const char *key,
                      enum unit_kind kind, double of_class);
/* The sum, unknown if one of them is. */
static inline double arch_add_costs(double a, double b)
{
    return arch_is_known(a) && arch_is_known(b) ? a + b : ARCH_UNKNOWN;
}

/* Marks a call whose failure is in the diags already: the loader goes on to
 * collect more, and ends with what the diags say. */
static inline void arch_reported(enum status status)
{
    (void)status;
}

#endif
