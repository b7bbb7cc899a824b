/* The steps of the pass analysis (doc/passes.md), in this order:
 *
 *   passes_axes.c      which ranks traverse the same: axes, splits
 *   passes_index.c     indices that are not affine: how far they reach
 *   passes_window.c    what conditions leave of a fiber; with passes_length.c
 *   passes_schedule.c  statements, operands first
 *   passes_order.c     in which pass each statement runs
 *   passes_fiber.c     passes over the fibers of one tensor
 *   passes_live.c      what is held on chip meanwhile
 *   passes.c           all of it for all tensors, and the counts
 */
#ifndef WEIR_EINSUM_PASSES_H
#define WEIR_EINSUM_PASSES_H

#include "einsum/einsum.h"

/* ---- axes ---------------------------------------------------------------- */

/* Ranks that index the same dimension of some tensor lie on one axis. An axis
 * may be split into others, outermost first; an axis that is no part is the
 * root of a family. Axes are numbered like ranks: an axis bears the number of
 * its first rank. */
struct axis_split {
    int whole;
    int part_count;
    int part[EINSUM_MAX_RANKS];
};

struct axes {
    const struct workload *workload;
    int of_rank[EINSUM_MAX_RANKS];
    int parent[EINSUM_MAX_RANKS]; /* or -1 */
    int split_count;
    struct axis_split split[EINSUM_MAX_RANKS];
    bool is_of_input[EINSUM_MAX_RANKS]; /* by axis: indexes an input itself */
    /* [a * EINSUM_MAX_RANKS + b]: some iteration space or tensor has both. */
    bool meets[EINSUM_MAX_RANKS * EINSUM_MAX_RANKS];
    /* By axis, the rank that its extent is said by: of a tensor in parts, one
     * that has all of it. */
    int longest[EINSUM_MAX_RANKS];
};

void axes_init(struct axes *axes, const struct workload *workload);
int axes_root(const struct axes *axes, int axis);
bool axes_is_within(const struct axes *axes, int axis, int whole);
/* `axis` is `whole` or its outermost part. */
bool axes_is_outermost(const struct axes *axes, int axis, int whole);
/* The axes in `has` together make up `axis`. */
bool axes_cover(const struct axes *axes, const bool *has, int axis);
/* Axis of a tensor's dimension; -1 if it has none. */
int axes_of_dim(const struct axes *axes, int tensor, int dim);
/* The axes of a statement's iteration space, of the ranks of its output, of a
 * tensor's dimensions: `has` by axis. */
void axes_of_statement(const struct axes *axes, int statement, bool *has);
void axes_of_output(const struct axes *axes, int statement, bool *has);
void axes_of_tensor(const struct axes *axes, int tensor, bool *has);
/* Some rank of the index lies within `whole`. */
bool axes_moves(const struct axes *axes, const struct affine *index, int whole);
/* Name of the extent, "M". Inner extent of a step: "M0", "1" if not split. */
const char *axes_shape(const struct axes *axes, int axis);
int64_t axes_extent(const struct axes *axes, int axis);
/* The statement's rank on the axis, or -1. */
int axes_rank_of(const struct axes *axes, int statement, int axis);
/* The length names the extent of a dimension of some input, or of its blocks. */
bool axes_grows(const struct axes *axes, const char *length);
char *axes_block(const struct axes *axes, int axis, int64_t *elements);

/* ---- indices ------------------------------------------------------------- */

struct bound_access;
struct index_node;

/* index = slope * rank + something in [low, high] */
struct trend {
    double slope;
    double low;
    double high;
};

/* Of read `read` of the statement: NULL if its indices are affine or, in
 * conditions and in indices, not known. */
const struct bound_access *pass_bound_read(const struct einsum_statement *s,
                                           int read);
bool pass_index_is_affine(const struct einsum_access *access, int dim);
/* NULL: affine, or not known. */
const struct index_node *pass_index_tree(const struct einsum_statement *s,
                                         int read, int dim);
/* Where it reads is data, or not known. */
bool pass_index_has_data(const struct einsum_statement *s, int read, int dim);
/* For a dimension with a tree. */
struct trend pass_index_trend(const struct einsum_statement *s, int read,
                              int dim, const struct workload *workload,
                              int rank);
/* The rank that moves the index further than all others together, or -1. */
int pass_index_carrier(const struct einsum_statement *s, int read, int dim,
                       const struct workload *workload);
/* r of floor(r/c), if that meets every element of the dimension; else -1. */
int pass_index_coarse_rank(const struct einsum_statement *s, int read, int dim,
                           const struct workload *workload);
/* Elements of `tensor` say where the statement reads along `axis`, of tensors on
 * the fiber if `is_on_fiber` is not NULL. */
bool pass_tensor_is_index(const struct axes *axes, int axis,
                          const struct einsum_statement *s, int tensor,
                          const bool *is_on_fiber);

/* ---- windows ------------------------------------------------------------- */

/* Of `rank`, what the statement's conditions leave for one point of the other
 * ranks. */
struct pass_window {
    char *text; /* "W", "2*W+1"; caller frees */
    int64_t elements;
    guint32 ranks; /* other ranks that say where it lies */
};

/* False: all of the rank. */
MUST_USE bool pass_window_find(const struct workload *workload, int statement,
                               int rank, struct pass_window *window);

/* ---- order --------------------------------------------------------------- */

/* Statements in an order in which operands come first; those that recur on
 * each other stand together. COMPUTE statements only. */
struct pass_schedule {
    int count;
    int *statement;
    int *group; /* by statement id */
};

void pass_schedule_init(struct pass_schedule *schedule,
                        const struct workload *workload);
void pass_schedule_clear(struct pass_schedule *schedule);
/* The statement of the group that computes the tensor or a part of it, or -1. */
int pass_schedule_part(const struct pass_schedule *schedule,
                       const struct workload *workload, int tensor, int group);

/* Times in half passes: 2n is during pass n, 2n+1 between it and the next, 0
 * before the first. */
struct pass_order {
    const struct axes *axes;
    const struct pass_schedule *schedule;
    int axis;
    const bool *is_traversal;  /* by statement */
    const bool *is_on_fiber;   /* by tensor; NULL: all may be */
    int64_t *statement_time;   /* when it runs */
    int64_t *tensor_time;      /* from when on it can be read */
    int64_t *last_tensor_time; /* the same at the previous step */
    int *waits_for;            /* by tensor: the last complete reduction */
};

/* The earliest times. `is_traversal` and `is_on_fiber` are borrowed. */
void pass_order_init(struct pass_order *order, const struct axes *axes,
                     const struct pass_schedule *schedule, int axis,
                     const bool *is_traversal, const bool *is_on_fiber);
void pass_order_clear(struct pass_order *order);
int64_t pass_order_count(const struct pass_order *order);
/* Where pass numbers rise: struct pass_wait, sorted; caller unrefs. */
GArray *pass_order_waits(const struct pass_order *order);
/* The read is of constants that the operand starts from: RM[0]. */
bool pass_read_is_initial(const struct workload *workload,
                          const struct einsum_access *read);
/* The statement's reduction is over the outermost rank that it has of `axis`. */
bool pass_statement_completes(const struct axes *axes, int axis, int statement);

/* ---- fibers and footprints ----------------------------------------------- */

void pass_fibers_find(const struct axes *axes,
                      const struct pass_schedule *schedule, int tensor,
                      struct pass_tensor *result);
/* Needs family->name, ->rank and `root`, its axis; fills the rest but
 * pass_count and tensor. */
MUST_USE enum status pass_family_find_live(const struct axes *axes,
                                           const struct pass_schedule *schedule,
                                           int root,
                                           struct pass_family *family);

#endif
