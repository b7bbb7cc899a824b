/* Shared by complex.c (inputs, statements) and complex_expr.c (expressions). */
#ifndef WEIR_EINSUM_COMPLEX_H
#define WEIR_EINSUM_COMPLEX_H

#include "einsum/ast.h"

struct lowering {
    struct cascade *cascade;
    struct diags *diags;
    GHashTable *complex; /* names of complex tensors, interned */
};

/* im is NULL for a real value. */
struct parts {
    struct ast_node *re;
    struct ast_node *im;
    int64_t size; /* nodes of both, written out */
};

bool complex_is_name(const struct lowering *lowering, const char *name);
/* A complex tensor or a function of complex values occurs in it. */
bool complex_is_mentioned(const struct lowering *lowering,
                          const struct ast_node *node);
void complex_report(const struct lowering *lowering,
                    const struct ast_node *node, const char *message);
/* T_RE[..] or T_IM[..] of T[..]. */
struct ast_node *complex_access(const struct lowering *lowering,
                                const struct ast_node *access,
                                const char *suffix);
/* Reports indices that are complex. */
void complex_check_index(const struct lowering *lowering,
                         const struct ast_node *access);
/* The parts of an expression, which have all been reported on. */
struct parts complex_lower(const struct lowering *lowering,
                           struct ast_node *node);
/* Reports `message` if it is not real. */
struct ast_node *complex_lower_real(const struct lowering *lowering,
                                    struct ast_node *node, const char *message);
/* The imaginary part, 0 of a real value. */
struct ast_node *complex_imaginary(const struct lowering *lowering,
                                   const struct ast_node *from,
                                   const struct parts *parts);

#endif
