/* What the parts of functional execution share. Private to sim/execute/.
 *
 * Every hold of a mapping has a store: for each lane that has one of its own,
 * `copies` frames with room for one tile each. An element lies in its frame at a
 * place that follows from its coordinates, as in hardware; its tag says which
 * element it is, its credit how much of it is computed. A tile step takes its
 * operands from the stores that the mapping says, by tag, and leaves its result
 * in one; a move copies from one store to another. Nothing else carries values
 * from step to step. */
#ifndef WEIR_SIM_EXECUTE_H
#define WEIR_SIM_EXECUTE_H

#include "sim/sim.h"

/* ---- boxes and where their elements lie (image.c) ------------------------ */

/* Half open, by rank id. */
struct region {
    int64_t low[EINSUM_MAX_RANKS];
    int64_t high[EINSUM_MAX_RANKS];
};

/* Of a frame: row-major over the tile; along `wrap_dim` (-1: none) index i lies
 * in slice i % slices. */
struct layout {
    int64_t stride[EINSUM_MAX_DIMS];
    int64_t elements;
    int wrap_dim;
    int64_t slices;
};

/* A frame's place for a tile that begins at `origin`. */
struct place {
    const struct layout *layout;
    const int64_t *origin;
};

#define IMAGE_PLACES 2

/* Offsets of one element: in the tensor, row-major, and in up to two frames. */
struct image_step {
    int64_t element;
    int64_t at[IMAGE_PLACES];
};

/* The elements of an access over a region, row by row. Ranks that no statement has
 * stand for whole dimensions (plan->workload, where data decides): a region has
 * all of them. */
struct image {
    const struct workload *workload;
    const struct einsum_access *access;
    struct place place[IMAGE_PLACES];
    int place_count;
    struct region region; /* what is left of it along wrap_rank */
    int wrap_rank;        /* stepped one by one; -1: none */
    int depth;
    int64_t count[EINSUM_MAX_RANKS];
    struct image_step step[EINSUM_MAX_RANKS];
    int64_t index[EINSUM_MAX_RANKS];
    /* The current row: `row_count` elements, `row_step` apart. */
    struct image_step row;
    struct image_step row_step;
    int64_t row_count;
};

/* Stands at the first row of a region that is not empty. */
void image_init(struct image *image, const struct workload *workload,
                const struct einsum_access *access, const struct region *region,
                const struct place *places, int place_count);
/* False after the last row. */
bool image_next(struct image *image);
/* The least and the largest value that an index takes in a region. */
int64_t index_lowest(const struct affine *index, const struct region *region);
int64_t index_highest(const struct affine *index, const struct region *region);
/* The layout of a whole tensor. */
struct layout layout_of_tensor(const struct einsum_tensor *tensor);

/* ---- how much of an element is computed (credit.c) ----------------------- */

/* The credit of an element is the sum, modulo 2^64, of a number for each point
 * that has contributed: in the low bits 1, so that they count, above them bits
 * that tell points apart. An element is finished when its credit is that of all
 * its points: each of them has contributed just once. */
#define CREDIT_COUNT_BITS 28

struct credits;
MUST_USE enum status credits_new(const struct workload *workload,
                                 struct diags *diags, struct credits **credits);
void credits_free(struct credits *credits);
BASE_DEFINE_CLEANUP(credits)
/* What a box without exceptions gives each of its elements. */
uint64_t credits_of_box(const struct credits *credits,
                        const struct einsum_statement *statement,
                        const struct region *region);
/* Of a finished element; 0 if nothing contributes to it. */
uint64_t credits_needed(const struct credits *credits, int tensor,
                        int64_t element);
/* The same for all elements of a tensor; NULL: they differ. */
const uint64_t *credits_uniform(const struct credits *credits, int tensor);
/* Appends the parts (struct region) of a statement's box in which every point
 * exists, and which together are all its points. */
void credits_split_box(const struct workload *workload, int statement,
                       const struct region *region, GArray *parts);
static inline int64_t credit_count(uint64_t credit)
{
    return (int64_t)(credit & ((UINT64_C(1) << CREDIT_COUNT_BITS) - 1));
}

/* ---- stores (execute_store.c) -------------------------------------------- */

/* One leaf's use of a store's tensor, below its hold. */
struct store_use {
    int leaf;
    bool is_write;
    bool is_fetched; /* by the hold's fills */
    const struct einsum_statement *statement;
    const struct einsum_access *access;
};

/* A tile that has been put in a frame. */
struct frame {
    int64_t serial; /* in its lane, from 0; -1: none yet */
    uint64_t key;   /* which tile */
    int64_t slot;
    int64_t origin[EINSUM_MAX_DIMS];
    int filled_by; /* flow; -1: none yet */
};

struct store {
    int node; /* hold; -1: the outermost memory keeps the whole tensor */
    int tensor;
    int memory;
    GArray *uses;                     /* struct store_use */
    uint32_t key_ranks;               /* bit r: the tile moves with rank r */
    bool is_shifted[EINSUM_MAX_DIMS]; /* frames begin at the tile's corner */
    struct layout layout;
    int lane_depth; /* spatial nodes above, outermost first */
    int *lane_node;
    int64_t lanes;
    int64_t copies;
    int64_t frame_count; /* of the last tiles that are remembered, each lane */
    struct frame *frames;
    int64_t *newest; /* serial, by lane */
    int64_t *cursor; /* serial, by lane and leaf use: the tile it is at */
    /* By lane, slot and place. */
    double *value;
    double *error;     /* NULL without error analysis */
    int64_t *tag;      /* element, -1: none; NULL: every element is there */
    uint64_t *credit;  /* NULL: inputs, always finished */
    int64_t *present;  /* elements, by lane; NULL of the outermost memory */
    int64_t instances; /* of the memory, over which a lane's tiles spread */
    bool borrows_values;
    bool is_carried; /* values go over from one tile to the next */
};

struct execution;

MUST_USE enum status stores_new(struct execution *x);
void stores_free(struct execution *x);
/* Does the use tell where a tile begins along the dimension? Along the rank that a
 * tensor advances, an access to its last value does not, where others step. */
bool store_shapes_dim(const struct execution *x, const struct store *store,
                      guint use, int dim);
/* The store that a hold is; NULL for streams, and holds in the memory that keeps
 * the tensor already. */
struct store *store_of_hold(const struct execution *x, int node, int tensor);
/* The store outside of a hold. */
struct store *store_outside(const struct execution *x, int node, int tensor);
/* Which lane's part `index` (by node id) is in. */
int64_t store_lane(const struct store *store, const struct execution *x,
                   const int64_t *index);
/* The tile of the hold where the loops stand at `index`; false if it is empty. */
bool store_region(const struct execution *x, const struct store *store,
                  const int64_t *index, struct region *region);
uint64_t store_key(const struct store *store, const struct region *region);
struct frame *store_begin_frame(struct execution *x, struct store *store,
                                int64_t lane, const struct region *region);
/* The newest frame with that tile; NULL: none is remembered. */
struct frame *store_find_frame(const struct store *store, int64_t lane,
                               uint64_t key);
/* The frame that a leaf's use comes to, from the one it was at; NULL: none. */
struct frame *store_follow(struct store *store, int64_t lane, int leaf,
                           uint64_t key);
/* The next newer one of the same tile than the leaf is at; NULL: none. */
struct frame *store_follow_newer(struct store *store, int64_t lane, int leaf);
int64_t store_base(const struct store *store, int64_t lane,
                   const struct frame *frame);
/* Do the elements of the access lie within the frame? */
bool store_has_room(const struct store *store, const struct frame *frame,
                    const struct einsum_access *access,
                    const struct region *region);
/* If they do not: one that lies outside. */
int64_t store_element_outside(const struct execution *x,
                              const struct store *store,
                              const struct frame *frame,
                              const struct einsum_access *access,
                              const struct region *region);
/* The newest frame of the lane (age 0), the one before, ...; NULL: no more. */
struct frame *store_remembered(const struct store *store, int64_t lane,
                               int64_t age);
struct place store_place(const struct store *store, const struct frame *frame);
/* Is element `at` (base and place) of the store `element`, computed or begun? */
static inline bool store_has(const struct store *store, int64_t at,
                             int64_t element)
{
    return store->tag != NULL ? store->tag[at] == element
                              : store->credit == NULL || store->credit[at] != 0;
}

/* And is it finished? (carry.c) */
bool store_has_finished(const struct execution *x, const struct store *store,
                        int64_t at, int64_t element);
/* Where a tensor advances from tile to tile (is_carried): what older frames still
 * have of the access goes over into this one. */
void store_carry(struct execution *x, struct store *store, int64_t lane,
                 const struct frame *frame, const struct einsum_access *access,
                 const struct region *region);

/* ---- the whole ----------------------------------------------------------- */

/* What was written in the current slot: nobody on another unit sees it yet. */
struct fresh {
    const struct store *store;
    int64_t lane;
    int64_t serial; /* of the frame */
    int leaf;
    struct region region;
};

struct execution {
    const struct plan *plan;
    const struct workload *workload;
    struct diags *diags;
    struct einsum_data *data;    /* inputs and outputs of the run */
    struct einsum_data *scratch; /* what a unit has at hand during a step */
    bool *is_scratch_own;        /* by tensor: not shared with data */
    struct credits *credits;
    GPtrArray *stores;        /* of holds */
    struct store **outermost; /* by tensor, or NULL */
    uint8_t **is_done;        /* by tensor and element: was finished once */
    GArray *parts;            /* struct region: of the box that runs */
    GArray *fresh;            /* struct fresh */
    bool is_step_begin;       /* before the first slot */
    GArray *late;   /* int64_t: fills of this step that wait for elements: flow,
                     then the index by node id */
    GArray *handed; /* struct fresh: of leaves that run together */
    int64_t *index; /* by node id: scratch */
    struct room *room;
    GArray *streams; /* struct stream */
    struct walk_event event;
};

bool leaf_takes_handed(const struct execution *x, int leaf,
                       const struct einsum_access *read);
/* The store that a leaf reads the tensor from, or leaves it in. */
struct store *leaf_store(const struct execution *x, int leaf, int tensor);

/* One lane's box of a tile step (tile_step.c). */
MUST_USE enum status tile_step_run(struct execution *x);
/* A FILL, REFILL or DRAIN (move.c). */
MUST_USE enum status move_run(struct execution *x);
/* At the beginning of a slot: what fills of this step did not find yet. */
MUST_USE enum status move_run_late(struct execution *x);

/* What passes through memories without being kept (stream.c). */
void streams_new(struct execution *x);
/* The stream is sent the tensor for the visit at `index`. */
void stream_announce(struct execution *x, int node, int tensor,
                     const int64_t *index);
/* Was what the leaf takes of the tensor sent, if it comes from a stream? */
bool stream_has(const struct execution *x, int leaf, int tensor);

/* ---- spoilt schedules, for tests ----------------------------------------- */

enum tampering {
    TAMPER_KEEP,
    TAMPER_DROP,
    TAMPER_DOUBLE,
    TAMPER_DELAY, /* until after the next move or tile step */
};
/* Called with every move and tile step before it happens; may change it. */
typedef enum tampering (*tamper_function)(void *context,
                                          struct walk_event *event);
/* sim_execute of what `tamper` (NULL: nobody) makes of the schedule. */
MUST_USE enum status execute_tampered(const struct plan *plan,
                                      tamper_function tamper, void *context,
                                      struct diags *diags,
                                      struct einsum_data *data);

/* What memories hold at once (room.c). */
struct room;
struct room *room_new(const struct execution *x);
void room_free(struct room *room);
/* Before an event below `node`: what stands beside it, and takes turns with it,
 * gives way. */
void room_enter(struct execution *x, int node);
MUST_USE enum status room_check(struct execution *x, const struct store *store);
/* A frame that was begun before its store gave way was there meanwhile. */
MUST_USE enum status room_check_kept(struct execution *x,
                                     const struct store *store,
                                     const struct frame *frame);

/* ---- messages (complaint.c) ---------------------------------------------- */

/* "RM[0,3,17]"; caller frees. */
char *element_name(const struct workload *workload, int tensor,
                   int64_t element);
/* " in step 3, slot 0"; caller frees. */
char *step_name(const struct execution *x);
/* An operand that is not as it should be. */
struct operand {
    int leaf;
    const struct einsum_access *read;
    int64_t element;
    const struct store *store; /* NULL: nothing brings it to the leaf */
    int64_t lane;
    const struct frame *frame;
    int64_t at; /* in the store; -1: nowhere */
};
enum status complain_operand(struct execution *x,
                             const struct operand *operand);
enum status complain_race(struct execution *x, int leaf,
                          const struct einsum_access *read, int writer);
enum status complain_twice(struct execution *x, int leaf, int64_t element,
                           uint64_t credit);
/* Partial results of `lost` give way to `element`. */
enum status complain_lost(struct execution *x, const struct store *store,
                          int64_t lost, uint64_t credit, int64_t element);
/* The frames of the store are too small for what the leaf writes. */
enum status complain_room(struct execution *x, int leaf,
                          const struct store *store);
/* Only a part of what shares a scale is finished. */
enum status complain_scale(struct execution *x,
                           const struct einsum_statement *statement);
enum status complain_missing(struct execution *x,
                             const struct einsum_statement *statement,
                             int64_t element, uint64_t credit, bool is_made);

#endif
