/* What the steps of binding share. Private to mapping/. The steps, in order:
 *   bind.c      names and expressions -> nodes, leaves, phases
 *   coverage.c  every point computed exactly once; geometry of a leaf's step
 *   flows.c     what moves where, how often
 *   order.c     every operand there when it is read
 *   residency.c what the architecture lets a memory keep, and pass
 *   capacity.c  copies, footprints, spilling */
#ifndef WEIR_MAPPING_BUILDER_H
#define WEIR_MAPPING_BUILDER_H

#include "mapping/mapping.h"
#include "mapping/tree.h"

#define MAX_LOOPS 64  /* and spatial nodes, above any node */
#define MAX_NODES 512 /* of a plan */

/* When a FILL, REFILL or DRAIN happens, in terms of the loops above its hold.
 */
struct flow_rule {
    int loop_count;
    int loop[MAX_LOOPS];     /* node ids, outermost first */
    bool is_last[MAX_LOOPS]; /* only in this loop's last iteration (`at`) */
    int innermost; /* the tile changes when this one of loop[] advances; -1 */
    /* The hold stands above the pipeline of `phase`. */
    bool is_outer;
    int phase;
    bool has_last;      /* some is_last is set */
    int64_t iterations; /* of the phase in which the tile stays: the trips of
                           loops inside the innermost */
    int first_delay;    /* of the children that use what moves */
    int last_delay;
};

/* Where a flow's numbers come from: what retile.c needs to find them again. */
struct flow_source {
    int leaf; /* of a leaf's flow or a stream's, or -1 */
    const struct einsum_access *access; /* likewise, or NULL */
    GArray *uses;                       /* of a hold's, below it; owned */
    bool *is_counted;                   /* of the uses; owned */
    bool is_fetched;                    /* less what is computed below */
    int keeper;                         /* the hold outside, or -1 */
};

struct builder {
    struct plan *plan;
    const struct mapping *mapping;
    const struct workload *workload;
    const struct arch *arch;
    struct diags *diags;
    struct scope *scope;
    GArray *nodes;             /* struct plan_node */
    GArray *leaves;            /* struct plan_leaf */
    GArray *phases;            /* struct plan_phase */
    GArray *flows;             /* struct plan_flow */
    GArray *rules;             /* struct flow_rule, by flow */
    GArray *crossings;         /* struct plan_crossing */
    GArray *sources;           /* struct flow_source, by flow */
    bool keeps_empty_flows;    /* also flows that move nothing */
    struct flow_source source; /* of the flows that are added next */
    /* The tree item behind each node, by node id. */
    GPtrArray *items;
};

enum status build_nodes(struct builder *b, const struct tree_variant *variant);
/* Fills in node `id` from pair `pair` of a `spatial` item; `unit` is the name of
 * a unit below it, which tells what its axes are. */
enum status build_spatial(struct builder *b, const struct tree_item *item,
                          guint pair, int id, const struct tree_name *unit);
enum status check_spatial(struct builder *b);
/* Lanes of the axis (id) that spatial nodes above `node` take. */
int64_t spatial_lanes_above(const struct plan *plan, int node, int axis);
/* The axis of that id above a unit, or a memory; NULL: it is not there. */
const struct arch_axis *unit_find_axis(const struct arch_unit *unit, int id);
const struct arch_axis *memory_find_axis(const struct arch_memory *memory,
                                         int id);
/* Reports a name that is none of `known`, with the nearest. */
void builder_report_unknown(struct builder *b, const struct tree_name *name,
                            const char *what, const char *code,
                            GPtrArray *known);
int builder_find_rank(struct builder *b, const struct tree_name *name);
/* Is a tile of that size possible where `left` is left of the rank? */
enum status builder_check_tile(struct builder *b, const struct expr *value,
                               const char *rank, int64_t tile, int64_t left);
enum status build_leaf_steps(struct builder *b);
enum status check_coverage(struct builder *b);
/* May the leaf compute its points again in loops over ranks it does not have? */
enum status check_recompute(struct builder *b, int leaf);
enum status build_flows(struct builder *b);
enum status check_order(struct builder *b);
enum status build_capacity(struct builder *b);
enum status check_residency(struct builder *b);
/* The pipeline that loops and holds alone lie between it and `node`; -1. */
int capacity_find_pipeline(const struct plan *plan, int node);
/* Iterations of the pipeline between a tensor's first and last uses, both
 * counted. */
int64_t capacity_count_in_flight(struct builder *b, const GArray *uses);
/* Runs the steps but the last on what plan_bind's arguments name; the builder is
 * cleared by builder_hand_over, whatever came of it. */
enum status builder_start(struct builder *b, const struct mapping *mapping,
                          const struct workload *workload,
                          const struct arch *arch, struct diags *diags,
                          bool keeps_empty_flows);
enum status builder_run(struct builder *b, const struct scope *chosen);
/* The plan takes over what the builder's arrays hold. */
void builder_hand_over(struct builder *b);
/* NULL is legal. */
void builder_clear_sources(GArray *sources);
/* Cycles until a reduction across so many lanes of an axis has arrived. */
int64_t coverage_count_reduce_cycles(const struct arch_axis *axis,
                                     int64_t lanes);

/* ---- the tree of a plan ------------------------------------------------- */

/* Is the node a loop or a `spatial` node: does it split a rank? */
bool node_is_split(const struct plan_node *node);
/* Those above `node`, outermost first, into `splits`; returns how many. */
int node_splits(const struct plan *plan, int node, int splits[MAX_LOOPS]);
/* The different extents of a rank that can be left at `node`, where tiles need
 * not divide, largest first; returns how many. */
#define MAX_EXTENTS (MAX_LOOPS + 1)
int node_possible_extents(const struct plan *plan, int node, int rank,
                          int64_t extent[MAX_EXTENTS]);
/* Does the statement's static predicate leave a point of the box (by position in
 * statement.rank[])? ERR_LIMIT beyond int64. */
MUST_USE enum status box_has_point(const struct workload *workload,
                                   int statement, const int64_t *low,
                                   const int64_t *high, bool *has_point);
/* The index of each split of an irregular plan's phase at an iteration, by node
 * id. */
void walk_decode_uneven(const struct plan *plan, const struct plan_phase *phase,
                        int64_t iteration, int64_t *index);
/* Iterations of splits[from..count-1] together where each rank (by id) has
 * `extent`; of lanes, those of the first. False on overflow. */
bool splits_count_iterations(const struct plan *plan, const int *splits,
                             int count, int from, const int64_t *extent,
                             int64_t *iterations);
/* Loops above `node` (and below `top`, exclusive; -1: from the root), outermost
 * first, into `loops`; returns how many. */
int node_loops(const struct plan *plan, int top, int node,
               int loops[MAX_LOOPS]);
/* Deepest common ancestor. */
int node_common(const struct plan *plan, int a, int b);
bool node_holds(const struct plan_node *node, int tensor);
/* The innermost hold of `tensor` on the way from the root to `node`, `node`
 * excluded; -1 if there is none. */
int node_find_hold(const struct plan *plan, int node, int tensor);
/* Largest extents left of every rank (by rank id) at `node`: the tile of the
 * innermost loop or `spatial` node over it above, or its full extent. */
void node_extents(const struct plan *plan, int node,
                  int64_t extent[EINSUM_MAX_RANKS]);
/* Likewise of one rank. */
int64_t node_extent(const struct plan *plan, int node, int rank);

/* The tensor behind a view (BK -> K), or the tensor itself. */
int workload_resolve_tensor(const struct workload *workload, int tensor);
/* Does the rank move the access? */
bool access_uses_rank(const struct einsum_access *access, int rank);
/* Can different points of the ranks give the same value? Not if they are the
 * digits of a number: m1*M0+m0. */
bool affine_overlaps(const struct workload *workload,
                     const struct affine *index);
bool affine_equal(const struct affine *a, const struct affine *b);
/* Number of values an index takes when each rank (by id) spans `extent`. */
int64_t affine_count_values(const struct affine *index, const int64_t *extent);

/* ---- accesses that are not affine (projection.c) ------------------------- */

/* Makes `plan->workload` a projection if the workload has such accesses. Refuses
 * what has none: parts, transforms, gathers along an iterative dimension. */
enum status projection_new(struct plan *plan, const struct mapping *mapping,
                           struct diags *diags);
/* NULL is legal. */
void projection_free(struct projection *projection);
/* What a leaf itself moves of an access of its statement. */
const struct einsum_access *
projection_elements(const struct plan *plan, int leaf,
                    const struct einsum_access *access);
/* What the statement selects from must be whole in every step, and where it
 * scatters to may differ from lane to lane. */
enum status check_selection(struct builder *b, int leaf);
/* Factor of the output that no rank of the statement iterates: the results of a
 * selection from one fiber, the extents that a scatter may reach. False on
 * overflow. */
bool projection_count_foreign(const struct plan *plan,
                              const struct einsum_statement *s,
                              int64_t *elements);

/* ---- uses of tensors ---------------------------------------------------- */

/* One leaf's use of a (resolved) tensor. */
struct tensor_use {
    int leaf;
    bool is_write;
    bool is_forwarded; /* arrives inside the lane */
    const struct einsum_access *access;
};

/* Does the operand reach the leaf inside the lane, from a leaf computed together
 * with it? Values of an earlier step of an iterative rank do not. */
bool leaf_is_handed(const struct plan *plan, int leaf,
                    const struct einsum_access *read);
/* All uses of `tensor` by leaves, tree order. Caller unrefs. */
GArray *plan_uses(const struct plan *plan, int tensor);
/* Those below a hold. */
GArray *uses_below(struct builder *b, int hold, int tensor);
/* Elements that the uses marked by `is_counted` (NULL: all) touch between them
 * when each rank (by id) spans `extent`, as a box of the values of each index;
 * `skipped_dim` (-1: none) counts as one. False on overflow. */
bool uses_count_elements(const GArray *uses, const bool *is_counted,
                         const int64_t *extent, int skipped_dim,
                         int64_t *elements);
/* Delay of the pipeline child a leaf belongs to. */
int leaf_delay(const struct plan *plan, const struct plan_leaf *leaf);
int leaf_slot(const struct plan *plan, const struct plan_leaf *leaf);

/* Are the elements that leaf `reader` reads among those written in the same
 * iteration of the loops above `node` or, with `is_past_kept`, before? */
bool read_stays_within(const struct plan *plan, int reader,
                       const struct einsum_access *read,
                       const struct einsum_access *written, int node,
                       bool is_past_kept);
/* Slices of the tensor that a hold keeps where it advances along an iterative
 * rank inside; 0 where it keeps all. `uses`: those below the hold. */
int64_t hold_count_slices(struct builder *b, int hold, int tensor,
                          const GArray *uses);

#endif
