/* Private to kernels/: choices by value. Each says whether the error bounds
 * prove it: see "undecided" in kernels.h. */
#ifndef WEIR_KERNELS_SELECT_H
#define WEIR_KERNELS_SELECT_H

#include "kernels/bounded.h"

/* The index of the largest of `count` >= 1 values, the lowest among equals.
 * Clears *is_decided if another could be the largest; never sets it. */
int64_t select_largest(const struct bounded *x, int64_t count,
                       bool *is_decided);

/* The indices of the `wanted` largest of `count` values, in ascending order;
 * ties to the lower index. Clears *is_decided if the set could be another. */
void select_top(const struct bounded *x, int64_t count, int64_t wanted,
                int64_t *index, bool *is_decided);

#endif
