/* Lengths as expressions in shapes: sums of products such as 2*W+1, with their
 * values. Ranks may occur until they cancel (p - (p-W+1) + 1 = W). What is no
 * sum of products (M/L) is an atom, printed as it stands. All lengths are owned
 * by the `lengths` they come from. */
#ifndef WEIR_EINSUM_PASSES_LENGTH_H
#define WEIR_EINSUM_PASSES_LENGTH_H

#include "einsum/ast.h"

struct length; /* never changed once made */

struct lengths;
struct lengths *lengths_new(const struct workload *workload);
void lengths_free(struct lengths *lengths);
BASE_DEFINE_CLEANUP(lengths)

const struct length *length_number(struct lengths *lengths, int64_t number);
/* A shape or rank by name. */
const struct length *length_name(struct lengths *lengths, const char *name);
/* a + factor * b */
const struct length *length_add(struct lengths *lengths, const struct length *a,
                                int64_t factor, const struct length *b);
/* a / b rounded up, without ranks: W of W*D / D, else the atom ceil(W/D). */
const struct length *length_divide(struct lengths *lengths,
                                   const struct length *a,
                                   const struct length *b);
const struct length *length_multiply(struct lengths *lengths,
                                     const struct length *a,
                                     const struct length *b);
/* NULL: has what is no index, or data. */
const struct length *length_of(struct lengths *lengths,
                               const struct ast_node *node);

bool length_has_rank(const struct lengths *lengths, const struct length *a);
/* Bits of the ranks that occur. */
guint32 length_ranks(const struct lengths *lengths, const struct length *a);
/* At most 0 for all ranks (from 0) and shapes (from 1): no term grows, and with
 * every shape 1 and every rank 0 it is at most 0. */
bool length_is_never_positive(const struct lengths *lengths,
                              const struct length *a);
/* Of a length without ranks; false beyond int64. */
MUST_USE bool length_value(const struct lengths *lengths,
                           const struct length *a, int64_t *value);
/* "2*W+1", caller frees. */
char *length_print(const struct length *a);

/* The term with exactly these factors: its coefficient, 0 if there is none. */
int64_t length_coefficient(const struct length *a,
                           const struct length *factors);
/* Atoms floor(rank/c) with c without ranks: calls `visit` with each and c. */
typedef void (*length_visitor)(const struct length *atom,
                               const struct length *divisor, void *data);
void length_visit_quotients(struct lengths *lengths, const struct length *a,
                            const char *rank, length_visitor visit, void *data);

#endif
