/* When the first operands of a phase's children can have arrived, and how long
 * their last results are on the way. Private to model/. */
#ifndef WEIR_MODEL_ARRIVAL_H
#define WEIR_MODEL_ARRIVAL_H

#include "model/model.h"

struct arrivals {
    /* By child: the first tile step starts no earlier. */
    int64_t *ready_cycles;
    /* Likewise: from the end of the last tile step until everything that then
     * leaves has arrived. */
    int64_t *tail_cycles;
};

MUST_USE enum status arrivals_new(const struct plan *plan, int phase,
                                  struct arrivals **arrivals);
void arrivals_free(struct arrivals *arrivals);
BASE_DEFINE_CLEANUP(arrivals)

#endif
