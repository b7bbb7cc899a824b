/* The inside of one step of a leaf: its loops in time, outermost first, and
 * what the lanes take at one point in time. Private to mapping/. */
#ifndef WEIR_MAPPING_STEP_H
#define WEIR_MAPPING_STEP_H

#include "mapping/builder.h"

struct step_loop {
    int rank; /* rank id */
    int64_t tile;
    int64_t trips; /* of the largest step */
};

#define STEP_MAX_WRITTEN 32 /* loops of a compute node's `for` */

struct step {
    int loop_count;
    struct step_loop loop[STEP_MAX_WRITTEN + EINSUM_MAX_RANKS];
    /* By rank id, of the largest step; 1 if not spatial. */
    int64_t lane_extent[EINSUM_MAX_RANKS];
};

enum status step_of_leaf(struct builder *b, int leaf, struct step *step);

#endif
