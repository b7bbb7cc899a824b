/* What single events of an irregular plan move. Private to mapping/. */
#ifndef WEIR_MAPPING_MOVES_H
#define WEIR_MAPPING_MOVES_H

#include "mapping/builder.h"

struct moves;

/* Of a plan whose flows are built; borrows it. */
enum status moves_new(struct builder *b, struct moves **moves);
void moves_free(struct moves *moves);

/* What the flow (FILL, REFILL, DRAIN) moves at the visit of its hold that `index`
 * (by node id) names; false if nothing. */
bool moves_count(const struct plan *plan, int flow, const int64_t *index,
                 struct walk_move *move);

/* The costs of a leaf's steps, each kind counted once. */
struct step_costs;
struct step_costs *step_costs_new(const struct plan *plan);
void step_costs_free(struct step_costs *costs);
const struct walk_cost *step_costs_get(struct step_costs *costs, int leaf,
                                       const int64_t *index);

#endif
