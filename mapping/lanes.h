/* Lanes that a predicate tells apart: what they do together. Private to mapping/. */
#ifndef WEIR_MAPPING_LANES_H
#define WEIR_MAPPING_LANES_H

#include "mapping/chain.h"

/* Lanes alike, by link of a chain, and what is left to each of them. */
struct lane_member {
    const int64_t *lane;
    int64_t times;
    int group; /* those that share what moves; below `groups` */
    struct region region;
};

/* Lanes of a leaf that step together, from link `depth` of a chain on; links from
 * `leaf_depth` on are those of the leaf's step. */
struct lanes_together {
    const struct chain *chain;
    const struct chain_tile *tile;
    int depth;
    int leaf_depth;
    int groups;
};

/* Elements of the tile that the members, which have a point each, are sent: in every
 * iteration of the step in which any lane has a point, each group that has a part
 * in it is sent its tile if that is another one than before. Every iteration is
 * looked at. */
int64_t lanes_count_together(const struct lanes_together *lanes,
                             const struct lane_member *members, int count);

/* Adds up what really happens in a plan whose lanes a predicate tells apart, by
 * walking its schedule once. ERR_LIMIT if that is too long. */
enum status lanes_sum_schedule(struct plan *plan, struct diags *diags);

#endif
