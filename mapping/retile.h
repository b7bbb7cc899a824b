/* What compiling (retile_new.c) and applying (retile.c) share. Private to
 * mapping/. */
#ifndef WEIR_MAPPING_RETILE_H
#define WEIR_MAPPING_RETILE_H

#include "mapping/flows.h"
#include "mapping/turns.h"

/* A loop, a spatial node, a loop written in a compute node, or a rank that a step
 * runs through index by index: it leaves tiles of `extent`. */
struct split {
    int node; /* of the plan; of the others, the compute node */
    int rank;
    int extent;   /* value index: what is split */
    bool is_loop; /* a node that takes time */
    bool is_lane; /* a spatial node */
    int axis;
    int64_t axis_size;
};

/* Values: tiles of all splits, then the full extents of all ranks, then a 1. */

/* How many values an index takes. */
enum dim_kind {
    DIM_RANGE, /* value[extent] + constant, at least `least` */
    DIM_PAIR, /* of step * i + j, i below value[outer], j below value[extent] */
};

struct dim {
    enum dim_kind kind;
    int extent;
    int outer;
    int64_t step;
    int64_t constant;
    int64_t least;
};

struct lane {
    int split;
    bool is_below;     /* the keeper: between the two places */
    bool is_moved;     /* by what moves */
    bool is_single;    /* below, not moved, and the axis shares what moves */
    bool is_unreduced; /* below, not moved, and added up outside */
};

#define RETILE_MAX_LOOPS (MAX_LOOPS + STEP_MAX_WRITTEN + EINSUM_MAX_RANKS)

/* The numbers of one flow. */
struct formula {
    int flow;
    int leaf; /* of a leaf's flow and of a stream's; else -1 */
    int product; /* PARTIAL, REFILL: the flow that moved what comes back; else -1 */
    /* PARTIAL, REFILL: the formula of what the hold that the sums are in sends
     * on; -1 if it sends nothing. */
    int sent_on;
    /* Elements at one point in time. */
    int dim_count;
    struct dim dim[EINSUM_MAX_DIMS + EINSUM_MAX_RANKS];
    /* Where no dim says it: counted by the general rule. */
    bool is_general;
    const struct einsum_access *access; /* of a leaf's flow */
    const GArray *uses;                 /* of a hold's; borrowed */
    const bool *is_counted;
    int rank_extent[EINSUM_MAX_RANKS]; /* value indices by rank id */
    int skipped_dim;
    /* Slices along an iterative dimension: min(value + reach, most); -1: none */
    int slice_extent;
    int64_t slice_reach;
    int64_t slice_most;
    /* Loops around, outermost first: of a hold those above it, of a leaf those of
     * its step. The elements move anew for each iteration of those down to the
     * innermost that moves them. */
    int loop_count;
    int loop[RETILE_MAX_LOOPS];
    bool is_mover[RETILE_MAX_LOOPS];
    bool is_last[RETILE_MAX_LOOPS];
    int lane_count;
    struct lane lane[MAX_LOOPS];
    int64_t distinct; /* PARTIAL, REFILL: elements of the output */
};

/* Lanes: trips of splits times values. */
struct lanes {
    int trips_count;
    int trips[MAX_LOOPS];
    int value_count;
    int value[EINSUM_MAX_RANKS];
};

/* Copies and footprint of one tensor in a hold. */
struct kept {
    int hold;
    int held; /* position in the hold */
    int tensor;
    GArray *uses;          /* below the hold; owned by the retiler */
    struct formula tile;   /* its dims */
    bool is_iterative;     /* slices are counted by the general rule */
    struct formula slice;  /* then the dims of one slice */
    int64_t in_flight;     /* iterations */
    struct lanes distance; /* iterations between two visits to a part */
    int spread_count;      /* over instances: the most of these */
    struct lanes *spread;
};

/* A node, as capacity sees it: what nodes are is too much to go through. */
struct place {
    int parent;
    int memory;          /* of a hold, or -1 */
    bool adds_up_inside; /* its branches are there at once */
};

/* A loop above a leaf in all iterations of which it runs, or lanes. */
struct above {
    int split;
    bool is_lane;
};

/* A reduction across lanes: latency = lanes * hop, or log2(lanes) * hop. */
struct lane_reduction {
    int leaf;
    int trips; /* split, or -1 */
    int value; /* value index, or -1 */
    const struct arch_axis *axis;
};

/* An iterative tensor's hold: whether the loop over its rank is inside decides
 * what is fetched. */
struct inside {
    int extent; /* value index */
    int64_t full;
    bool is_full;
};

struct retiler {
    struct builder builder;
    struct plan *plan; /* ours: its numbers change with every tiling */
    int variable_count;
    int *variables; /* splits whose tiles are chosen */
    int split_count;
    struct split *splits;
    int value_count;
    int64_t *value;
    int64_t *trips;    /* by split */
    int64_t *declared; /* copies by node; 0: as many as needed */
    bool has_lanes;    /* some split is a spatial node */
    int *leaf_extent;  /* [leaf * EINSUM_MAX_RANKS + position]: value indices */
    int *step_first;   /* by leaf: the splits of its step */
    int *step_count;
    int *above_first;   /* by leaf, and one more: in `above` */
    GArray *above;      /* struct above: splits above each leaf */
    GArray *formulas;   /* struct formula */
    GArray *kepts;      /* struct kept */
    GArray *reductions; /* struct lane_reduction */
    GArray *insides;    /* struct inside */
    GArray *sources;    /* of the builder: formulas borrow their uses */
    int64_t *footprint; /* scratch, by node */
    GArray *turns;      /* struct turns_tile */
    struct turns_bytes *staying; /* scratch, by node */
    bool *is_used;               /* by memory: some hold is in it */
    struct place *places;        /* by node */
};

/* Compiles what has been bound. */
enum status retiler_compile(struct retiler *r);

/* ---- retile_splits.c ------------------------------------------------------- */

enum status retile_compile_splits(struct retiler *r);
/* The split of a node that is one. */
int retile_split_of_node(const struct retiler *r, int node);
/* Value index of what is left of a rank at a node; of a leaf, after the splits of
 * its step below `end`. */
int retile_extent_at(const struct retiler *r, int node, int rank);
int retile_extent_in_step(const struct retiler *r, int leaf, int end, int rank);
/* The value that is 1. */
int retile_one(const struct retiler *r);
const struct arch_axis *retile_find_axis(const struct plan *plan, int id);

/* ---- retile_flows.c -------------------------------------------------------- */

enum status retile_compile_flow(struct retiler *r, int id);
/* When all flows are compiled: where partial sums are sent on to. */
void retile_connect_flows(struct retiler *r);
/* Elements of the tile of a tensor in a hold. */
void retile_add_tile(const struct retiler *r, struct formula *f, int hold,
                     int tensor, bool is_fetched);

/* ---- retile_kept.c --------------------------------------------------------- */

void retile_compile_reductions(struct retiler *r, int leaf_id);
void retile_compile_hold(struct retiler *r, int hold);

#endif
