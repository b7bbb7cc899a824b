/* The shape that the rewrites of maxima share, told by structure: a maximum G
 * of scores X over blocks, and exponentials E = exp(X - G) summed over the same
 * blocks. Or, with a maximum L of each block, E = exp(X - L), corrected by
 * C = exp(L - G), either each (N = E * C) or in sums of the blocks.
 *
 * The numerator N stands for exp(X - G) in both forms: E itself, or E * C. */
#ifndef WEIR_EINSUM_REWRITE_SOFTMAX_H
#define WEIR_EINSUM_REWRITE_SOFTMAX_H

#include "einsum/rewrite.h"

struct softmax {
    int global;                   /* statement of G */
    int local;                    /* of L, or -1 */
    int exponential;              /* of E */
    int correction;               /* of C, or -1 */
    int corrected;                /* of N = E * C, or -1 */
    const struct ast_node *score; /* X */
    const char *outer;            /* the blocks' rank */
    GPtrArray *inner;             /* ranks within a block; may be empty */
};

/* Refuses the draft if there is none. Free what it holds in any case. */
bool softmax_find(struct draft *draft, struct softmax *softmax);
void softmax_clear(struct softmax *softmax);

/* Of the maximum and its exponentials; NULL: none. */
const struct ast_node *softmax_condition(const struct draft *draft,
                                         const struct softmax *softmax);
/* The condition leaves something of the first block, for all other ranks. */
bool softmax_first_block_exists(struct draft *draft,
                                const struct softmax *softmax);
/* It leaves something of some block. Else refuses. */
bool softmax_check_rows(struct draft *draft, const struct softmax *softmax);

/* Output of the statement that computes N; NULL if there is none. */
const struct ast_node *softmax_numerator(const struct draft *draft,
                                         const struct softmax *softmax);
/* `statement` sums products of `access` over the blocks, for each element of G
 * apart. Else refuses. */
bool softmax_check_sum(struct draft *draft, const struct softmax *softmax,
                       int statement, const struct ast_node *access);
/* Every reader of N is such a sum, and N is no output. Else refuses. */
bool softmax_check_numerator(struct draft *draft,
                             const struct softmax *softmax);
/* Blocks must have ranks of their own. Else refuses. */
bool softmax_check_split(struct draft *draft, const struct softmax *softmax);

/* Where the blocks' rank goes among the indices of `output`: behind the ranks
 * that stand before it in E. */
int softmax_place(const struct draft *draft, const struct softmax *softmax,
                  const struct ast_node *output);
/* NAME[indices of `output`, the blocks' rank]. */
struct ast_node *softmax_block(struct draft *draft,
                               const struct softmax *softmax, const char *name,
                               const struct ast_node *output);
/* The statement's reduced ranks without the blocks'. */
GPtrArray *softmax_inner_of(const struct draft *draft,
                            const struct softmax *softmax, int statement);
/* exp(a - b) */
struct ast_node *softmax_exp(struct draft *draft, const struct ast_node *a,
                             const struct ast_node *b);
/* L = max(inner) X in front of what replaces G, for the form without L. */
struct ast_node *softmax_emit_local(struct draft *draft,
                                    const struct softmax *softmax);

#endif
