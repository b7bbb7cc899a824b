/* Arithmetic on affine indices. All of it is checked for overflow: false means
 * that a number left int64. */
#ifndef WEIR_EINSUM_AFFINE_H
#define WEIR_EINSUM_AFFINE_H

#include "einsum/einsum.h"

struct affine affine_constant(int64_t value);
struct affine affine_rank(int rank);
MUST_USE bool affine_add(const struct affine *a, const struct affine *b,
                         struct affine *sum);
MUST_USE bool affine_scale(const struct affine *a, int64_t factor,
                           struct affine *product);
bool affine_is_constant(const struct affine *a);
bool affine_is_equal(const struct affine *a, const struct affine *b);
/* The rank if `a` is exactly that rank, else -1. */
int affine_single_rank(const struct affine *a);
/* Smallest and largest value over 0 <= rank < extent. */
MUST_USE bool affine_range(const struct affine *a,
                           const struct einsum_rank *ranks, int rank_count,
                           int64_t *min, int64_t *max);
/* Replaces every rank r of `a` by substitute[r] (NULL: stays). */
MUST_USE bool affine_substitute(const struct affine *a,
                                const struct affine *const *substitute,
                                struct affine *result);

#endif
