/* Sums of products as matrix products. Private to this folder. */
#ifndef WEIR_EINSUM_CONTRACT_H
#define WEIR_EINSUM_CONTRACT_H

#include "einsum/interpret.h"

/* Of a sum of products of two operands: the loops of a matrix product (inner)
 * and those around it (outer). False if it is none that is worth it. */
bool contract_split(const struct box_plan *plan, struct box_plan *inner,
                    struct box_plan *outer);

/* Adds the product to the output at `at` (as row_function). False, with
 * nothing done, if a number in it may leave the range of doubles. */
bool contract_run(const struct box_plan *inner, const int64_t *at);

#endif
