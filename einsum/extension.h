/* What a bound statement has beyond affine accesses: indices as trees, a
 * condition, a selection. Private to this folder.
 *
 *   workload_extension.c  builds it
 *   workload_sparse.c     patterns of sparse inputs, which are conditions
 *   index_node.c          values and ranges of indices
 *   condition.c           whether a condition holds at a point
 *   condition_solve.c     for which values of one rank a condition holds
 *   condition_count.c     how many points it leaves
 *   used_elements.c       which elements an access then meets
 *   interpret_points.c    runs a statement that has one
 *   interpret_fiber.c     bodies of operators over whole fibers
 *   interpret_select.c    topk and the like
 *   interpret_transform.c fft and the like
 */
#ifndef WEIR_EINSUM_EXTENSION_H
#define WEIR_EINSUM_EXTENSION_H

#include "einsum/ast.h"
#include "einsum/binder.h"
#include "einsum/einsum.h"

/* ---- indices ------------------------------------------------------------- */

/* Values of indices stay within +- INDEX_LIMIT, so that sums of two fit. */
#define INDEX_LIMIT ((int64_t)1 << 61)

enum index_kind {
    INDEX_NODE_NUMBER,
    INDEX_NODE_RANK,
    INDEX_NODE_OP,
    INDEX_NODE_READ,
};

/* What happens out of range. */
enum index_mode { MODE_NONE, MODE_ZERO, MODE_CLAMP, MODE_WRAP };

struct bound_access;

struct index_node {
    enum index_kind kind;
    enum einsum_op op; /* add, sub, mul, divide (floor), mod, min, max, abs,
                        * negate */
    struct index_node *child[2];
    struct bound_access *read;
    guint32 ranks; /* bit r: rank r occurs */
    bool has_data;
    bool is_affine;
    struct affine affine;
};

struct bound_access {
    int tensor;
    int dim_count;
    struct index_node *index[EINSUM_MAX_DIMS];
    enum index_mode mode[EINSUM_MAX_DIMS];
    int64_t extent[EINSUM_MAX_DIMS];
    int64_t stride[EINSUM_MAX_DIMS];
    guint32 ranks;
    /* Ranks in indices that a row cannot step through. */
    guint32 fixed_ranks;
};

/* ---- conditions ---------------------------------------------------------- */

enum condition_kind {
    CONDITION_ALL,     /* both parts hold */
    CONDITION_ANY,     /* some part holds */
    CONDITION_INDEX,   /* index compared with 0, in integers */
    CONDITION_DATA,    /* left compared with right, in doubles */
    CONDITION_PATTERN, /* a sparse input is not zero there */
};

enum value_kind { VALUE_NUMBER, VALUE_INDEX, VALUE_READ, VALUE_OP };

struct value_node {
    enum value_kind kind;
    double number;
    double error;
    struct index_node *index;
    struct bound_access *read;
    enum einsum_op op;
    int child_count;
    struct value_node *child[3];
    guint32 ranks;
};

struct condition {
    enum condition_kind kind;
    struct condition *part[2];
    enum einsum_op
        relation; /* less_equal, less (data only), equal, not_equal */
    struct index_node *index;
    struct value_node *left;
    struct value_node *right;
    const struct einsum_pattern *pattern;
    int rank[2]; /* that index the pattern's dimensions */
    guint32 ranks;
    bool has_data;
};

#define EINSUM_MAX_CONDITIONS 64

struct einsum_extension {
    GPtrArray *memory; /* owns every node */
    /* All of them hold for a point that exists. */
    int condition_count;
    struct condition *condition[EINSUM_MAX_CONDITIONS];
    struct bound_access *read[EINSUM_MAX_READS]; /* NULL: affine */
    struct bound_access *output;                 /* of a scatter, or NULL */
    /* Values of index(..), streams after the reads. */
    int index_count;
    struct index_node *index[EINSUM_MAX_READS];
    enum selection selection;
    bool gives_values;
    int order_dim;                 /* of the output; -1 without one */
    struct einsum_expr *imaginary; /* of a transform, or NULL */
};

void extension_free(struct einsum_extension *extension);

/* ---- binding (workload_extension.c) -------------------------------------- */

struct extension_builder {
    struct binder *binder;
    struct einsum_statement *statement;
    struct einsum_extension *extension;
    /* Adds an access to the statement's reads. */
    void (*add_dependence)(void *data, const struct ast_node *access);
    void *data;
};

struct index_node *extension_index(struct extension_builder *builder,
                                   const struct ast_node *node);
/* An access whose indices are not all affine. */
struct bound_access *extension_access(struct extension_builder *builder,
                                      const struct ast_node *node);
void extension_add_condition(struct extension_builder *builder,
                             const struct ast_node *node);
/* Adds one that is bound. */
void extension_add(struct einsum_extension *extension,
                   struct einsum_statement *statement,
                   struct condition *condition, struct diags *diags);
/* Adds 0 <= index < extent. */
void extension_add_range(struct extension_builder *builder,
                         const struct ast_node *index, int64_t extent);
/* The index is more than ranks, shapes and integers with + - *. */
bool ast_is_beyond_affine(const struct ast_node *index);

/* ---- binding (workload_fiber.c) ------------------------------------------ */

/* Selections and transforms. */
void bind_fiber_operator(const struct binder *binder,
                         const struct ast_statement *parsed,
                         struct einsum_statement *statement,
                         struct einsum_extension *extension);

/* ---- binding (workload_sparse.c) ----------------------------------------- */

/* Points at which a sparse operand is zero do not exist. */
void add_sparse_conditions(const struct binder *binder,
                           struct einsum_statement *statement,
                           struct einsum_extension *extension);

/* ---- evaluation ---------------------------------------------------------- */

/* Where one point is: indices by rank id, and the values. */
struct point {
    const struct workload *workload;
    const struct einsum_data *data; /* NULL while counting */
    int64_t index[EINSUM_MAX_RANKS];
    /* Set if a value that is not exact decided something. */
    bool is_undecided;
    /* Set if a gather left its range or took an index that is no integer. */
    const struct bound_access *outside;
};

int64_t index_value(const struct index_node *node, struct point *point);
/* Smallest and largest value; false if unknown or beyond INDEX_LIMIT. */
MUST_USE bool index_range(const struct index_node *node,
                          const struct workload *workload, int64_t *low,
                          int64_t *high);

#define ELEMENT_ZERO    ((int64_t)-1) /* zero() reads nothing */
#define ELEMENT_OUTSIDE ((int64_t)-2)
/* The element that the access means, or one of the above. */
int64_t access_element(const struct bound_access *access, struct point *point);
bool condition_holds(const struct condition *condition, struct point *point);

/* Of a comparison of data by < or <=, the side (0: left, 1: right) that is an
 * index with `rank` while the other is a value without it; else -1. */
int condition_index_side(const struct condition *condition, int rank);
/* False if the value is not exact or reads out of range. */
bool condition_exact_value(const struct value_node *node, struct point *point,
                           double *value);

/* Values of one rank: disjoint intervals in rising order, ends included. */
#define RANGES_MAX 16

struct ranges {
    int count;
    int64_t low[RANGES_MAX];
    int64_t high[RANGES_MAX];
    bool is_exact; /* else all that hold are in it, and each must be tested */
};

/* The values low..high of `rank` for which the conditions with the given bits
 * hold, the other ranks being as in `point`. Data conditions make it inexact. */
void conditions_solve(const struct einsum_extension *extension,
                      guint64 conditions, int rank, int64_t low, int64_t high,
                      struct point *point, struct ranges *ranges);
/* Sets bit i of conditions[k] if condition i can be looked at once the ranks
 * order[0..k] are known: its last rank is order[k]. Those without a rank: k 0. */
void conditions_place(const struct einsum_extension *extension,
                      const int *order, int count, guint64 *conditions);

/* Points of the given ranks for which all conditions hold; none of them has
 * data, and their ranks are among those. Time as workload_count_points. */
MUST_USE enum status conditions_count(const struct workload *workload,
                                      const struct einsum_extension *part,
                                      const int *ranks, int rank_count,
                                      int64_t *count);

static inline int64_t floor_div(int64_t a, int64_t b)
{
    int64_t quotient = a / b;
    return a % b != 0 && (a < 0) != (b < 0) ? quotient - 1 : quotient;
}

#endif
