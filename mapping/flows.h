/* What counting the flows of leaves (flows.c), of holds (hold_flows.c) and the
 * visits of tiles (visits.c) share. Private to mapping/. */
#ifndef WEIR_MAPPING_FLOWS_H
#define WEIR_MAPPING_FLOWS_H

#include "mapping/chain.h"

/* Reports traffic beyond 64 bits. */
enum status flows_limit(struct builder *b);
/* False for -1. */
bool flows_hold_spills(struct builder *b, int node);
/* The nearest hold outside `node` that is not a stream; -1 if there is none. */
int flows_find_keeper(const struct plan *plan, int node, int tensor);
/* Its memory; the outermost memory for -1. */
int flows_keeper_memory(struct builder *b, int hold);
/* Elements that the lanes of a leaf exchange in one step. */
enum status flows_count_step(struct builder *b, const struct plan_leaf *leaf,
                             const struct step *step,
                             const struct einsum_access *access, bool is_write,
                             int64_t *elements);
/* Elements the statement computes in all. */
enum status flows_count_distinct(struct builder *b,
                                 const struct einsum_statement *s,
                                 int64_t *distinct);
/* Adds a flow that moves anything; sets `total` where it follows. */
enum status flows_add(struct builder *b, struct plan_flow flow,
                      const struct flow_rule *rule);

/* Elements that lanes take of an access when, at one point in time, each rank
 * (by id) spans `lane_extent` over them. */
int64_t flows_lane_footprint(const struct plan *plan,
                             const struct plan_leaf *leaf,
                             const struct einsum_access *access, bool is_write,
                             const int64_t *lane_extent);

/* ---- of irregular plans (irregular.c) ------------------------------------ */

/* What a hold keeps of a tensor at a visit, as count_fetched and count_tile of
 * hold_flows.c have it. */
struct hold_tile {
    struct builder *b;
    int hold;
    int tensor;
    const GArray *uses;
    const bool *is_counted;
    bool is_fetched; /* else: all */
};
/* Elements of it when each rank (by id) has `extent`. False on overflow. */
bool hold_tile_count(const void *hold_tile, const int64_t *extent,
                     int64_t *elements);

/* Elements of the tile of `to` that that of `from` has as well. */
bool hold_tile_kept(const void *hold_tile, const struct region *from,
                    const struct region *to, int64_t *elements);
/* Does the hold keep what tiles of the tensor have in common? `is_counted`: of the
 * uses; NULL: what is read and not handed on inside a lane. */
bool uses_keep_overlap(const struct plan *plan, int hold, int tensor,
                       const GArray *uses, const bool *is_counted);
/* Of any tensor, between iterations of loops above? */
bool hold_keeps_overlap(struct builder *b, int hold);
/* How such tiles are looked at, where they are fetched (else: drained). */
struct chain_tile flows_chain_tile(const struct hold_tile *tile,
                                   bool is_fetched);

/* What the lanes of a leaf take of an access at one point in time. */
struct lane_access {
    const struct plan *plan;
    const struct plan_leaf *leaf;
    const struct einsum_access *access;
    bool is_write;
};
bool flows_count_lanes(const void *lane_access, const int64_t *extent,
                       int64_t *elements);
/* The chain above a leaf, in which lanes that share what moves between them and
 * the place that `keeper` is in are single. The leaf's step is not part of it. */
void flows_chain_of_lanes(const struct plan *plan, int leaf,
                          const struct einsum_access *access, bool is_write,
                          int keeper, struct chain *chain);
/* The chain above a hold; no lanes are single yet. */
void flows_chain_of_hold(const struct hold_tile *tile, struct chain *chain);
void flows_share_lanes(const struct plan *plan, struct chain *chain, int keeper,
                       const GArray *uses, const bool *is_counted,
                       bool is_write);
/* Likewise where the place outside adds up what lanes send: of what it has not
 * got for the first time. */
void flows_share_first(const struct hold_tile *tile, int keeper,
                       struct chain *chain);
/* Follows of a chain only the visits that begin results: the first of loops over
 * ranks that the statement reduces. */
void flows_begin_results(struct chain *chain, const struct einsum_statement *s);
/* Do lanes between the hold and the place outside it send partial results that
 * nothing adds up on the way? */
bool flows_adds_up_outside(const struct plan *plan, int hold,
                           const struct einsum_statement *s);

/* Sets `total` to what the lanes of a leaf exchange with the place that `keeper`
 * (a hold; -1: the outermost memory) is in, over the whole run. */
enum status flows_sum_lanes(struct builder *b, int leaf,
                            const struct einsum_access *access, bool is_write,
                            int keeper, struct plan_flow *flow);
/* The elements of the output that those lanes write for the first time there. */
enum status flows_sum_covered(struct builder *b, int leaf, int keeper,
                              int64_t *elements);
/* Sets both totals, `events` and `elements` of a FILL or DRAIN. */
enum status flows_sum_hold(const struct hold_tile *tile, int keeper,
                           struct plan_flow *flow);
/* Likewise of the REFILL that belongs to the DRAIN that `flow` is. */
enum status flows_sum_refill(const struct hold_tile *tile, int keeper,
                             struct plan_flow *flow);

/* Do the uses (those marked) take other elements as the rank advances? */
bool flows_is_moved(const GArray *uses, const bool *is_counted, int rank);
/* Is the node (-1: none) inside the hold? -1: it is. */
bool flows_is_below(const struct plan *plan, int node, int keeper);

/* ---- networks (crossing.c) ----------------------------------------------- */

/* What `flow`, which is the last of the builder's and comes from its source,
 * sends over networks between its two places. */
enum status flows_add_crossings(struct builder *b,
                                const struct plan_flow *flow);

enum status build_hold_flows(struct builder *b, int hold);

/* The loops above the hold; those in whose last iteration alone every use
 * happens are marked. */
struct flow_rule visits_loops(struct builder *b, int hold, const GArray *uses);
/* How often the tile of the accesses marked by `is_counted` changes, and by
 * which loop. */
enum status visits_count(struct builder *b, struct flow_rule *rule,
                         const GArray *uses, const bool *is_counted,
                         bool is_stream, int64_t *visits);
/* Where in the software pipeline the counted uses stand. */
void visits_place(struct builder *b, int hold, const GArray *uses,
                  const bool *is_counted, struct flow_rule *rule);
/* A hold above the pipeline keeps its tile while the loops between it and the
 * pipeline run: they join those that must be at their first (or last) iteration
 * when the tile moves. */
enum status visits_extend(struct builder *b, int hold, struct flow_rule *rule);

#endif
