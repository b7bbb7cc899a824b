/* The inside of one step of a leaf: its loops in time, outermost first, and
 * what the lanes take at one point in time. Private to mapping/. */
#ifndef WEIR_MAPPING_STEP_H
#define WEIR_MAPPING_STEP_H

#include "mapping/builder.h"

struct step_loop {
    int rank; /* rank id */
    int64_t trips;
};

struct step {
    int loop_count;
    struct step_loop loop[2 * EINSUM_MAX_RANKS];
    int64_t lane_extent[EINSUM_MAX_RANKS]; /* by rank id; 1 if not spatial */
};

enum status step_of_leaf(struct builder *b, int leaf, struct step *step);

#endif
