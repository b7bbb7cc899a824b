/* Mapping: how a cascade runs on an architecture.
 *
 * A mapping is read from YAML as a tree (struct mapping, names and expressions)
 * and bound to a workload and an architecture (struct plan, numbers only). The
 * plan is checked for legality with reasons; walking it yields the schedule:
 * the stream of moves and tile steps that timing, counting and numerics are all
 * taken from.
 *
 * The tree. A chain of nodes, the last of which may branch:
 *   for: {p: 256}          iterate rank p in tiles of 256
 *   spatial: {m: X}        each lane of axis X takes one tile of rank m, all at
 *                          once; what stands below exists per lane
 *   hold: [Q], in: gbuf    from here inwards tensor Q lives in gbuf: its tile is
 *                          fetched when it changes and kept until then
 *   stream: [K], in: gbuf  K passes through gbuf: every use is fetched anew and
 *                          cut through; it takes space but no accesses
 *   phases: [...]          children one after another, memory traffic included
 *   sequence: [...]        children one after another; fetches may run ahead
 *   pipeline: [...]        software pipeline over the iterations of the loops
 *                          above: in step t the child with `delay` d works on
 *                          iteration t-d; a step is divided into `slot`s that
 *                          all units enter together
 *   compute: QK, on: unit  one tile step of an Einsum on a unit
 *
 * Only phases may stand above a pipeline beside loops and holds, and there is
 * at most one pipeline on any path. A phase without a pipeline is one with a
 * single child, slot 0, delay 0.
 *
 * Ownership: a plan borrows its mapping, workload and arch. Walkers borrow the
 * plan and allocate nothing while they walk.
 */
#ifndef WEIR_MAPPING_H
#define WEIR_MAPPING_H

#include <stdint.h>

#include "arch/arch.h"
#include "base/base.h"
#include "einsum/einsum.h"

/* ---- the mapping as written --------------------------------------------- */

struct mapping;

MUST_USE enum status mapping_load_file(struct diags *diags, const char *path,
                                       struct mapping **mapping);
MUST_USE enum status mapping_load_source(struct diags *diags,
                                         const struct source *source,
                                         struct mapping **mapping);
void mapping_free(struct mapping *mapping);
BASE_DEFINE_CLEANUP(mapping)

const char *mapping_name(const struct mapping *mapping);
const char *mapping_path(const struct mapping *mapping);
const char *mapping_hash(const struct mapping *mapping);    /* SHA-256, hex */
const char *mapping_cascade(const struct mapping *mapping); /* name it is for */
/* Names that --set may override: the params of the file and its variants. */
size_t mapping_param_count(const struct mapping *mapping);
const char *mapping_param_name(const struct mapping *mapping, size_t i);
/* YAML text; load(print(x)) prints the same. Caller frees. */
char *mapping_print(const struct mapping *mapping);

/* ---- binding all three files -------------------------------------------- */

/* A whole problem: what `weir model`, `sim` and `verify` take. The mapping's
 * `shapes` (M0: min(M, array2d.Y)) are proposed to the cascade; `chosen`
 * (--set) wins. Names in `chosen` must belong to the cascade's shapes, the
 * arch's params or the mapping's params (problem_names); the caller checks. */
struct problem {
    struct cascade *cascade;
    struct arch *arch;       /* NULL when only a cascade was asked for */
    struct mapping *mapping; /* NULL likewise */
    struct workload *workload;
    struct plan *plan; /* NULL without a mapping */
    bool borrows_files;
};

MUST_USE enum status problem_load(struct diags *diags, const char *cascade_path,
                                  const char *arch_path,
                                  const char *mapping_path,
                                  const struct scope *chosen,
                                  struct problem **problem);
/* As problem_load, of files read before, which stay the caller's and must
 * outlive the problem: for many problems of the same files. `chosen` must be
 * what the arch was loaded with as far as it names the arch's params. */
MUST_USE enum status problem_bind(struct diags *diags, struct cascade *cascade,
                                  struct arch *arch, struct mapping *mapping,
                                  const struct scope *chosen,
                                  struct problem **problem);
void problem_free(struct problem *problem);
BASE_DEFINE_CLEANUP(problem)
/* The names `chosen` could have used; caller frees the array only. */
GPtrArray *problem_names(const struct problem *problem);

/* ---- the plan ----------------------------------------------------------- */

enum plan_kind {
    PLAN_LOOP,
    PLAN_SPATIAL,
    PLAN_HOLD,
    PLAN_PHASES,
    PLAN_SEQUENCE,
    PLAN_PIPELINE,
    PLAN_COMPUTE,
};

#define PLAN_MAX_HELD 12 /* tensors of one hold node */

struct plan_node {
    enum plan_kind kind;
    int parent; /* node id, -1 for the root */
    int first_child;
    int next_sibling; /* -1 at the end */
    struct span span;
    /* As a child of a pipeline. */
    int slot;
    int delay;
    /* LOOP, SPATIAL. Where tiles do not divide, the last one is smaller. */
    int rank;
    int64_t tile;
    int64_t trips;       /* iterations, or lanes, of the largest extent that is
                            left here */
    int64_t least_trips; /* of the smallest */
    /* SPATIAL: id of the axis. One node for each pair of `spatial: {...}`. */
    int axis;
    /* HOLD */
    int memory;
    int held_count;
    int held[PLAN_MAX_HELD]; /* tensor ids */
    bool is_stream;
    bool is_shared;   /* the tensors take turns in one buffer */
    bool is_resident; /* its tile is there before the run and stays after it */
    bool
        is_copy; /* another form of its tensors: it is read and written even if the
                     place outside is the same memory */
    bool can_spill;      /* what does not fit lives in the memory outside */
    int64_t copies;      /* buffers per tensor (double buffering = 2) */
    bool spills_through; /* what spills passes this memory all the same */
    bool refetches;      /* tiles that overlap are fetched whole */
    /* By `held`: elements whose first write is counted as an update, which
     * reads first (`first_reads:`). */
    int64_t first_reads[PLAN_MAX_HELD];
    /* By `held`: copies of the tile; slices along the iterative dimension, of a
     * tensor that advances inside the hold (0: all are kept). */
    int64_t held_copies[PLAN_MAX_HELD];
    int64_t held_slices[PLAN_MAX_HELD];
    int64_t held_bytes[PLAN_MAX_HELD]; /* by `held`, copies included */
    const char *assumption;  /* NULL, or why the study counts fewer copies than
                                its pipeline needs (`assume:`) */
    int64_t footprint_bytes; /* copies included */
    /* COMPUTE */
    int leaf;
};

/* Traffic of one tensor between two neighbouring places. `elements` move each
 * time the anchor happens, `events` times in the run. Spilling: of what a leaf
 * or an inner hold exchanges with a hold that `spills`, the fraction
 * spilled/footprint (struct plan_memory) goes to the memory outside instead;
 * of that hold's own FILL and DRAIN the same fraction does not happen. */
enum flow_kind {
    FLOW_READ,    /* leaf reads an operand from `memory` */
    FLOW_WRITE,   /* leaf writes its output (or partial sums) to `memory` */
    FLOW_PARTIAL, /* leaf reads back partial sums from `memory` */
    FLOW_FILL,    /* hold fetches its tile from `outer` into `memory` */
    FLOW_REFILL,  /* hold fetches partial sums back from `outer` */
    FLOW_DRAIN,   /* hold writes its tile from `memory` to `outer` */
};

/* So many elements of a flow take so many bits where it passes: the format of the
 * tensor there. No elements: a word each. */
struct plan_ratio {
    int64_t bits;
    int64_t elements;
    int64_t value_bits; /* of one element that is stored */
};

struct plan_flow {
    enum flow_kind kind;
    int tensor;
    int leaf;   /* of READ, WRITE, PARTIAL; producer of a DRAIN; else -1 */
    int node;   /* hold node of FILL, REFILL, DRAIN; else -1 */
    int memory; /* the inner place */
    int outer;  /* FILL, REFILL, DRAIN: the outer place, else -1 */
    bool is_cut_through; /* of a stream, or drained from a memory that forwards:
                            no accesses of `memory` */
    bool spills;         /* `memory` may hold only part of the tile */
    bool outer_spills;   /* likewise `outer` */
    int64_t elements;    /* per event; of an irregular plan, of the first */
    int64_t events;      /* exact; for PARTIAL and REFILL the number of elements
                            moved in the run is `total`, as the first visit of a
                            tile reads nothing. Of an irregular plan, those of
                            lane 0 */
    int64_t total;       /* elements in the whole run that pass the outer place
                            (of a leaf's flow: `memory`) */
    int64_t inner_total; /* that pass the inner place: what one read sends to
                            several lanes is written once in each */
    struct plan_ratio inner_ratio; /* at `memory` */
    struct plan_ratio outer_ratio; /* at `outer` */
};

/* What a flow sends over the network of one fan-out between its two places, all
 * instances of the fan-out. Values that lanes share go along a tree. */
struct plan_crossing {
    int flow;
    int fanout;
    bool is_inwards;   /* else results */
    int64_t entries;   /* values at the place outside: those shared once */
    int64_t arrivals;  /* values at the lanes */
    int64_t hops;      /* links that the values cross, summed */
    int64_t instances; /* of the fan-out that are used */
    int64_t lanes;     /* of one instance that are used */
};

#define PLAN_MAX_AT 4

struct plan_leaf {
    int node;
    int statement;
    int unit;
    int phase; /* index into phases[] */
    int child; /* index into the phase's children[] */
    /* The largest step: extents of its tile by position in statement.rank[]. */
    int64_t step_extent[EINSUM_MAX_RANKS];
    int axis_of[EINSUM_MAX_RANKS]; /* unit axis by position; -1: in time */
    int64_t lane_extent[EINSUM_MAX_RANKS]; /* lanes of that axis by position */
    int64_t lanes_used;      /* at most, `spatial` nodes above included */
    int64_t trips_per_step;  /* temporal iterations inside the step */
    int64_t cycles_per_trip; /* by the unit's operation table */
    int64_t busy_cycles_per_step;
    int64_t step_count;      /* lanes of a `spatial` node step together */
    int64_t points_per_step; /* of one lane of the `spatial` nodes above */
    int64_t busy_cycles;     /* of the whole run: a step lasts as long as its
                                busiest lane */
    int64_t point_count; /* of the whole run, all lanes, computed: points that
                                a predicate leaves out are where the unit
                                cannot mask */
    /* On a unit with ports; else NULL: */
    double *instructions; /* of the whole run, one core, by the unit's number */
    double operation_cycles;       /* that those of the operations alone need */
    double serial_cycles;          /* that serial ports are busy */
    int64_t reduce_latency_cycles; /* of a reduction across lanes */
    int64_t
        op_latency_cycles; /* from the end of a step until the pipelines of its
                                  operations have given the last result */
    bool is_chained;
    bool is_masked; /* the statement has a predicate: steps without a point are
                       left out; of others, see `masking` */
    enum arch_masking masking; /* what is done of what the unit can */
    bool is_recomputed; /* may stand below loops over ranks it does not have:
                           each iteration makes its results anew */
    /* `compute: [SN, SD]`: leaves forward_from .. this-1 run point by point
     * with this one; what they compute arrives inside the lane. -1: none. */
    int forward_from;
    /* Runs only when these loops are in their last iteration. */
    int at_count;
    int at_node[PLAN_MAX_AT]; /* loop node ids */
    int first_flow;           /* flows of this leaf are contiguous */
    int flow_count;
};

/* One child of a phase's pipeline: a program that runs serially. */
struct plan_child {
    int node; /* the child's first node */
    int slot;
    int delay;
};

/* Loops above the pipeline flattened: iteration 0 .. iteration_count-1. */
struct plan_phase {
    int node;     /* first node of the phase */
    int pipeline; /* PIPELINE node, or -1 */
    int loop_count;
    int *loops; /* node ids, outermost first */
    int64_t iteration_count;
    int child_count;
    struct plan_child *children; /* listed order */
    int slot_count;
    int max_delay;
    const char *name; /* "QK", or the mapping's name */
};

/* What is asked of a memory over the whole run. */
struct plan_memory {
    int64_t footprint_bytes; /* the most that is held at once, one instance */
    int64_t spilled_bytes;   /* footprint - size if spillable and over */
    bool spills_through;     /* of what spills, accesses count here too */
    int64_t instances_used;  /* of a memory below `spatial` nodes */
};

struct plan {
    const struct mapping *mapping;
    const struct workload *workload; /* as bound, or projected */
    struct projection *projection;   /* NULL: all accesses are affine */
    const struct arch *arch;
    int node_count;
    struct plan_node *nodes; /* preorder; 0 is the root */
    int leaf_count;
    struct plan_leaf *leaves; /* tree order */
    int phase_count;
    struct plan_phase *phases;
    int flow_count;
    struct plan_flow *flows;
    struct flow_rule *rules; /* by flow id: when it happens; for the walkers */
    int crossing_count;      /* 0 without networks; by flow */
    struct plan_crossing *crossings;
    struct plan_memory *memories; /* by arch memory id */
    int64_t word_bytes;
    int64_t clock_hz; /* the arch's, or that of the slowest licence in use */
    /* Every tile divides what it tiles, there is no `spatial` node, no predicate,
     * nothing is computed repeatedly and no hold keeps what windows overlap in: all events of a flow, all steps of a
     * leaf are alike. */
    bool is_regular;
    /* `spatial` nodes spread a rank that a predicate below names: lanes have points
     * at different times. What moves was added up event by event. */
    bool has_masked_lanes;
    struct moves *moves; /* of an irregular plan: what each event moves; for the
                            walkers */
    GPtrArray
        *notes;      /* char *: what counts take for granted where data decides;
                         part of every result */
    int param_count; /* the mapping's parameters as they came out */
    const char **param_name;
    int64_t *param_value;
};

/* Binds and checks. Every reason of illegality is its own error code:
 *   mapping-unmapped          an Einsum is computed nowhere
 *   mapping-mapped-twice      or in two places
 *   mapping-recompute         points computed more than once, unsaid or where
 *                             they cannot be
 *   mapping-masked            the unit cannot gate or skip
 *   mapping-missing-points    points never computed
 *   mapping-tile-too-large    tile larger than its rank
 *   mapping-not-held          an operand is in no memory when it is read
 *   mapping-unreachable       the memory that holds it does not serve the unit
 *   mapping-order             read before it is written
 *   mapping-partial-read      read before its reduction is finished
 *   mapping-selection         what topk and the like select from, in parts
 *   mapping-lost-partial      a tile is left before its reduction is finished, and
 *                             nothing keeps it
 *   mapping-capacity          more held than fits
 *   mapping-too-few-copies    overwritten while still needed
 *   mapping-spatial-size      more lanes than the axis has
 *   mapping-spatial-reduce    a reduction across lanes that cannot reduce
 *   mapping-hold-order        a tensor would move to a memory not inside the one
 *                             that keeps it
 *   mapping-spill             spilled into a memory it does not come from
 *   mapping-hold-in-lane      held outside an axis, below its `spatial` node
 *   mapping-axis-twice, mapping-no-op, mapping-unknown-*, ... */
MUST_USE enum status plan_bind(const struct mapping *mapping,
                               const struct workload *workload,
                               const struct arch *arch,
                               const struct scope *chosen, struct diags *diags,
                               struct plan **plan);
void plan_free(struct plan *plan);
BASE_DEFINE_CLEANUP(plan)

/* Is `node` the same as, or an ancestor of, `descendant`? */
bool plan_is_above(const struct plan *plan, int node, int descendant);
/* Bits that `elements` of a flow take at a memory that it passes, rounded up.
 * False on overflow. */
MUST_USE bool plan_count_bits(const struct plan *plan, int flow, int memory,
                              int64_t elements, int64_t *bits);
/* Does the read see the value before the current step of its tensor's iterative
 * rank (RM[m1] while RM[m1+1] is being computed)? */
bool plan_reads_previous(const struct plan *plan,
                         const struct einsum_access *read);

/* Elements of `total` that a spilling memory sends outside: floor(total *
 * spilled / footprint). */
int64_t plan_count_spilled(const struct plan *plan, int memory, int64_t total);
/* Elements of `total` that the memory itself sees: all that do not spill, or
 * all when what spills passes through. */
int64_t plan_count_seen(const struct plan *plan, int memory, int64_t total);

/* ---- many tilings of one tree --------------------------------------------- */

/* A retiler is a bound plan whose tiles may be chosen anew, thousands of times a
 * millisecond: the same tree, other numbers. Binding works out on which tiles
 * each number of the plan depends; applying tiles fills the numbers in, without
 * allocating, reading or walking anything. What a search lives on.
 *
 * Tiles must divide what they tile. Their sizes, capacities, copies and lanes are
 * checked, the order of reads and writes is not: bind the winner as a plan.
 * Holds that spill, predicates, `recompute: true`, and fan-outs with networks are
 * refused ('mapping-retile'). One thread a retiler. */
struct retiler;

enum retiling {
    RETILING_OK,
    RETILING_TILE,      /* below 1, beyond its extent, or does not divide it */
    RETILING_LANES,     /* more lanes than an axis has */
    RETILING_COPIES,    /* fewer copies are declared than are in flight */
    RETILING_CAPACITY,  /* more is held than fits */
    RETILING_STRUCTURE, /* other moves than those that were bound: a loop over an
                           iterative rank vanishes, or a reduction needs an axis
                           that cannot reduce */
    RETILING_LIMIT,     /* a count beyond 64 bits */
};

/* As plan_bind, which the tiles as written must pass. */
MUST_USE enum status
retiler_bind(const struct mapping *mapping, const struct workload *workload,
             const struct arch *arch, const struct scope *chosen,
             struct diags *diags, struct retiler **retiler);
void retiler_free(struct retiler *retiler);
BASE_DEFINE_CLEANUP(retiler)
/* How many tiles there are to choose: those of `for` and `spatial` nodes in the
 * order of nodes, then of loops written in compute nodes. */
int retiler_tile_count(const struct retiler *retiler);
/* The node (of the compute node, where the loop is written in one), the rank and
 * the size as applied last, or as written. */
int retiler_node(const struct retiler *retiler, int tile);
int retiler_rank(const struct retiler *retiler, int tile);
int64_t retiler_tile(const struct retiler *retiler, int tile);
/* Takes tile_count tiles. If not OK, the plan's numbers mean nothing until the
 * next call. */
enum retiling retiler_apply(struct retiler *retiler, const int64_t *tiles);
/* With the numbers of the last call; flows may move nothing (total 0). For
 * counting, not for walking. */
const struct plan *retiler_plan(const struct retiler *retiler);

/* ---- the schedule ------------------------------------------------------- */

/* What happens in one tile step of an irregular plan. */
struct walk_cost {
    int64_t busy_cycles;
    int64_t points;     /* computed, all lanes */
    int64_t elements[]; /* by flow of the leaf (from first_flow on): those of
                            READ and WRITE; 0 of PARTIAL */
};

/* One event of a FILL, REFILL or DRAIN. */
struct walk_move {
    int flow;
    int64_t outside; /* elements that pass the outer place, of all lanes */
    int64_t inside;  /* that pass the inner place */
};

enum walk_kind {
    WALK_PHASE,   /* a phase begins */
    WALK_STEP,    /* a pipeline step begins */
    WALK_SLOT,    /* a slot of the step begins */
    WALK_MOVE,    /* a flow of kind FILL, REFILL or DRAIN happens */
    WALK_COMPUTE, /* a leaf runs one tile step */
    WALK_END,
};

struct walk_event {
    enum walk_kind kind;
    int phase;
    int64_t step;
    int slot;
    int child;
    struct walk_move move; /* MOVE */
    int leaf;              /* COMPUTE */
    /* COMPUTE: NULL if as planned (regular plans), or with boxes. The walker's,
     * the same for steps alike. */
    const struct walk_cost *cost;
    /* COMPUTE: the tile's corner and end by position in statement.rank[]; below
     * `spatial` nodes, of lane 0: the others follow (walk_next_lane). */
    int64_t lo[EINSUM_MAX_RANKS];
    int64_t hi[EINSUM_MAX_RANKS];
    /* MOVE, COMPUTE: by node id, where the loops above stand, and which lane of
     * spatial nodes (of a move: the first). The walker's, until it goes on. */
    const int64_t *index;
};

/* The program of one child at one iteration: its moves and tile steps in order.
 * With `want_boxes` false, lo and hi are not filled in (timing needs none). */
struct walk_child;
struct walk_child *walk_child_new(const struct plan *plan, int phase, int child,
                                  bool want_boxes);
void walk_child_free(struct walk_child *walk);
BASE_DEFINE_CLEANUP(walk_child)
void walk_child_start(struct walk_child *walk, int64_t iteration);
/* False at the end of the iteration's program. Yields MOVE and COMPUTE. Fills
 * of holds above the pipeline belong to no child: see walk_outer_fills. */
bool walk_child_next(struct walk_child *walk, struct walk_event *event);
/* As walk_next_lane. */
bool walk_child_next_lane(struct walk_child *walk, struct walk_event *event);

/* By node id, where the loops stand at the event that was yielded last, until the
 * next one is asked for. */
const int64_t *walk_child_index(const struct walk_child *walk);
/* Likewise those of a phase at an iteration, into `index`. */
void walk_find_place(const struct plan *plan, int phase, int64_t iteration,
                     int64_t *index);

/* The flows (FILL, REFILL) of holds above the pipeline that must have arrived
 * before the children of step `step` start, in tree order: a hold whose first
 * reader has delay d needs the tile of iteration step-d then. Returns how many
 * (0 for steps where no tile changes). */
int walk_outer_fills(const struct plan *plan, int phase, int64_t step,
                     struct walk_move *moves, int capacity);
/* Of one flow: false if nothing of it is due. */
bool walk_outer_fill(const struct plan *plan, int phase, int flow, int64_t step,
                     struct walk_move *move);
/* The delays of the first and the last child that use what a hold above the
 * pipeline keeps of a flow's tensor: the tile of iteration i is needed from
 * step i+first to the end of step i+last. */
void walk_use_delays(const struct plan *plan, int flow, int *first, int *last);
/* How many iterations of the phase a hold above the pipeline keeps one tile: it
 * changes at iterations that are multiples of it. */
int64_t walk_tile_iterations(const struct plan *plan, int flow);
/* Of any plan: it can change at no other iterations than multiples of this, those
 * at which the hold is visited. */
int64_t walk_visit_iterations(const struct plan *plan, int flow);
/* The iterations of full tiles of a phase's loop around one iteration: `trips` of
 * them, `inside` iterations each, from `begin` on. */
struct walk_run {
    int64_t begin;
    int64_t inside;
    int64_t trips;
};
/* False if `iteration` is in the remainder, or lanes do not have as many of the
 * tiles. Where a predicate names the loop's rank: those trips alike from that of
 * `iteration` on; false if there is none. */
bool walk_find_run(const struct plan *plan, int phase, int loop,
                   int64_t iteration, struct walk_run *run);
/* The DRAIN flows of holds above the pipeline that are due when `child` has
 * finished iteration i. */
int walk_outer_drains(const struct plan *plan, int phase, int child,
                      int64_t iteration, struct walk_move *moves, int capacity);

/* The whole schedule in program order. */
struct walk;
struct walk *walk_new(const struct plan *plan, bool want_boxes);
void walk_free(struct walk *walk);
BASE_DEFINE_CLEANUP(walk)
bool walk_next(struct walk *walk, struct walk_event *event);
/* After a COMPUTE: the box of the next lane that has a part in the same step;
 * false if there is none. Needs `want_boxes`. */
bool walk_next_lane(struct walk *walk, struct walk_event *event);

#endif
