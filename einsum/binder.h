/* The steps from a cascade and its shapes to a workload, in this order:
 *
 *   workload_shapes.c      values of the shapes the file names
 *   workload_extents.c     extents of ranks (inferred ones too) and tensors
 *   workload_inputs.c      which values inputs take
 *   workload_sparse.c      where sparse inputs are not zero
 *   workload_statement.c   accesses, expressions, iteration spaces, op counts
 *   workload_parts.c       tensors that several statements define
 *   workload_fiber.c       operators over whole fibers
 *   workload_ops.c         operations of a statement
 *   workload_whole.c       tensors of whole numbers
 *   workload_views.c       operands seen through views
 *   workload_recurrence.c  which statements recur on each other
 *
 * A step reports all it finds; the next one runs only if there was nothing.
 */
#ifndef WEIR_EINSUM_BINDER_H
#define WEIR_EINSUM_BINDER_H

#include "einsum/affine.h"
#include "einsum/ast.h"

struct binder {
    const struct cascade *cascade;
    const struct scope *chosen;
    const struct scope *proposed;
    struct diags *diags;
    struct scope *scope; /* every shape known so far */
    struct workload *workload;
};

/* Shapes of the file into binder->scope. */
void bind_shapes(struct binder *binder);
/* workload->rank and ->tensors with their extents. */
void bind_extents(struct binder *binder);
/* What values the inputs take. */
void bind_inputs(struct binder *binder);
/* Patterns of the inputs that `sparse:` names. */
void bind_sparse(struct binder *binder);
/* workload->statements, except what the two below add. */
void bind_statements(struct binder *binder);
void bind_parts(struct binder *binder);
/* Of a statement that is bound besides: its operations, and the range of its
 * tensor if that holds whole numbers only. */
void count_ops(const struct binder *binder, size_t i);
void bind_range(const struct binder *binder, size_t i);
void bind_views(struct binder *binder);
void bind_recurrences(struct binder *binder);
/* Warnings about statements and elements without a point (workload_empty.c). */
void check_empty_reductions(struct binder *binder);

/* Value of a shape bound from outside: chosen before proposed. */
bool binder_get_outside(const struct binder *binder, const char *shape,
                        int64_t *value);
/* Id of a rank of the cascade. */
int binder_rank(const struct binder *binder, const char *name);
/* The index as affine form. False: some shape has no value yet, or a number
 * left int64, which is reported if `is_final`. */
MUST_USE bool binder_affine(const struct binder *binder,
                            const struct ast_node *index, bool is_final,
                            struct affine *affine);

/* ---- bound expressions ---- */

enum expr_node_kind {
    NODE_NUMBER,
    NODE_READ,
    NODE_INDEX, /* index(p-m): `read` counts on behind the reads */
    NODE_OP,
};

/* In postfix order: operands stand before their operation. */
struct expr_node {
    enum expr_node_kind kind;
    enum einsum_op op;
    double number;
    double error; /* bound on the rounding error of a folded number */
    int read;     /* position in statement.reads */
};

struct einsum_expr {
    int node_count;
    int depth; /* values on the stack at most */
    struct expr_node nodes[];
};

/* Deeper stacks are refused when binding; sizes the interpreter's buffers. */
#define EINSUM_MAX_STACK 24

/* Which statements are stepped together by einsum_run: statements that reach
 * each other through what they read. Equal ids: the same group. */
void workload_find_groups(const struct workload *workload, int *group);

#endif
