/* What passes_oracle.h plays with: the elements of a cascade's tensors, and the
 * points of its statements with the elements that each takes and gives. */
#ifndef WEIR_TESTS_PASSES_ORACLE_POINTS_H
#define WEIR_TESTS_PASSES_ORACLE_POINTS_H

#include <string.h>

#include "einsum/einsum.h"
#include "einsum/extension.h"

struct oracle_fiber {
    int tensor;
    int64_t stride[EINSUM_MAX_DIMS]; /* coordinate = sum of stride * index */
    int64_t extent;
    int64_t block; /* coordinates visited together */
    int64_t reach; /* coordinates before them that are still there */
};

#define ORACLE_OFF     (-1)
#define ORACLE_UNKNOWN (-2)

struct oracle_point {
    int output;
    int traversal;     /* those of one statement along one fiber; -1: none */
    int64_t number;    /* in the iteration space */
    GArray *operand;   /* int */
    GArray *is_sought; /* bool: one of those that a gather may mean */
    GArray *is_index;  /* bool: says what a gather means */
    bool *is_taken;
    bool is_executed;
};

struct oracle {
    const struct workload *workload;
    struct oracle_fiber fiber;
    int element_count;
    int *first_element; /* by tensor */
    int *tensor_of;     /* by element */
    int64_t *coordinate;
    GArray *points;     /* struct oracle_point */
    guint *first_point; /* by statement, and one more */
    int traversal_count;
    /* By element. */
    int *points_left; /* points of a kept element still to be executed */
    bool *is_kept;    /* complete */
    int *visit;       /* the visit in which an element on the fiber is there */
    bool *is_free;    /* inputs and initial slices: nothing computes them */
    int now;          /* number of the visit */
};

static inline struct oracle_point *oracle_point(const struct oracle *oracle,
                                                guint i)
{
    return &g_array_index(oracle->points, struct oracle_point, i);
}

/* ---- elements and points ------------------------------------------------- */

/* The elements that an access may mean at a point: one, none outside of
 * zero(..), or all along a dimension whose index is data. */
struct oracle_meaning {
    const struct oracle *oracle;
    const struct einsum_access *access;
    const struct bound_access *bound; /* or NULL */
    struct point point;
    bool is_sought;
    GArray *elements; /* int */
};

/* ELEMENT_ZERO: none; ELEMENT_OUTSIDE: any. */
static inline int64_t oracle_index(struct oracle_meaning *meaning, int d)
{
    const struct einsum_access *access = meaning->access;
    int64_t extent =
        meaning->oracle->workload->tensors[access->tensor].extent[d];
    int64_t index = access->index[d].constant;
    if (meaning->bound == NULL && (access->beyond_affine >> d & 1U) != 0) {
        return ELEMENT_OUTSIDE;
    }
    if (meaning->bound == NULL) {
        for (int r = 0; r < meaning->oracle->workload->rank_count; r++) {
            index += access->index[d].coefficient[r] * meaning->point.index[r];
        }
        return index;
    }
    if (meaning->bound->index[d]->has_data) {
        return ELEMENT_OUTSIDE;
    }
    index = index_value(meaning->bound->index[d], &meaning->point);
    switch (meaning->bound->mode[d]) {
    case MODE_CLAMP:
        return CLAMP(index, 0, extent - 1);
    case MODE_WRAP:
        return (index % extent + extent) % extent;
    case MODE_ZERO:
    case MODE_NONE:
        break;
    }
    return index < 0 || index >= extent ? ELEMENT_ZERO : index;
}

static inline void oracle_mean(struct oracle_meaning *meaning, int d,
                               int64_t linear)
{
    const struct einsum_access *access = meaning->access;
    if (d == access->dim_count) {
        int element =
            meaning->oracle->first_element[access->tensor] + (int)linear;
        g_array_append_val(meaning->elements, element);
        return;
    }
    int64_t extent =
        meaning->oracle->workload->tensors[access->tensor].extent[d];
    int64_t index = oracle_index(meaning, d);
    if (index == ELEMENT_OUTSIDE) {
        meaning->is_sought = true;
        for (int64_t i = 0; i < extent; i++) {
            oracle_mean(meaning, d + 1, linear * extent + i);
        }
    } else if (index != ELEMENT_ZERO) {
        oracle_mean(meaning, d + 1, linear * extent + index);
    }
}

static inline struct oracle_meaning
oracle_meaning(const struct oracle *oracle, const struct einsum_access *access,
               const struct bound_access *bound, const int64_t *at)
{
    struct oracle_meaning meaning = {
        .oracle = oracle,
        .access = access,
        .bound = bound,
        .point = {.workload = oracle->workload},
        .elements = g_array_new(FALSE, FALSE, sizeof(int)),
    };
    memcpy(meaning.point.index, at, sizeof meaning.point.index);
    oracle_mean(&meaning, 0, 0);
    return meaning;
}

static inline const struct bound_access *
oracle_bound(const struct einsum_statement *s, int read)
{
    return s->extension == NULL ? NULL : s->extension->read[read];
}

static inline bool oracle_tree_reads(const struct index_node *node, int tensor)
{
    if (node == NULL) {
        return false;
    }
    if (node->kind == INDEX_NODE_READ) {
        return node->read->tensor == tensor;
    }
    return oracle_tree_reads(node->child[0], tensor) ||
           oracle_tree_reads(node->child[1], tensor);
}

/* A gather of the statement takes its index from the tensor. */
static inline bool oracle_is_index(const struct einsum_statement *s, int tensor)
{
    for (int i = 0; i < s->read_count; i++) {
        const struct bound_access *bound = oracle_bound(s, i);
        for (int d = 0; bound != NULL && d < bound->dim_count; d++) {
            if (oracle_tree_reads(bound->index[d], tensor)) {
                return true;
            }
        }
    }
    return false;
}

static inline bool oracle_exists(const struct oracle *oracle,
                                 const struct einsum_statement *s,
                                 const int64_t *at)
{
    struct point point = {.workload = oracle->workload};
    memcpy(point.index, at, sizeof point.index);
    for (int i = 0; s->extension != NULL && i < s->extension->condition_count;
         i++) {
        const struct condition *condition = s->extension->condition[i];
        if (!condition->has_data && !condition_holds(condition, &point)) {
            return false;
        }
    }
    return true;
}

static inline void oracle_add_operands(const struct oracle *oracle,
                                       const struct einsum_statement *s,
                                       const int64_t *at,
                                       struct oracle_point *point)
{
    for (int i = 0; i < s->read_count; i++) {
        const struct einsum_access *read = &s->resolved_reads[i];
        struct oracle_meaning meaning =
            oracle_meaning(oracle, read, oracle_bound(s, i), at);
        bool is_index = oracle_is_index(s, read->tensor);
        g_array_append_vals(point->operand, meaning.elements->data,
                            meaning.elements->len);
        for (guint e = 0; e < meaning.elements->len; e++) {
            g_array_append_val(point->is_sought, meaning.is_sought);
            g_array_append_val(point->is_index, is_index);
        }
        g_array_unref(meaning.elements);
    }
}

/* A scatter adds to elements that nobody knows before: each of its points is
 * one of all of them. */
static inline void oracle_add_point(struct oracle *oracle,
                                    const struct einsum_statement *s,
                                    const int64_t *at, int64_t number)
{
    struct oracle_meaning outputs =
        oracle_meaning(oracle, &s->output,
                       s->extension == NULL ? NULL : s->extension->output, at);
    for (guint e = 0; e < outputs.elements->len; e++) {
        struct oracle_point point = {
            .output = g_array_index(outputs.elements, int, e),
            .traversal = -1,
            .number = number,
            .operand = g_array_new(FALSE, FALSE, sizeof(int)),
            .is_sought = g_array_new(FALSE, FALSE, sizeof(bool)),
            .is_index = g_array_new(FALSE, FALSE, sizeof(bool)),
        };
        oracle_add_operands(oracle, s, at, &point);
        point.is_taken = g_new0(bool, point.operand->len + 1);
        oracle->is_free[point.output] = false;
        g_array_append_val(oracle->points, point);
    }
    g_array_unref(outputs.elements);
}

static inline void oracle_point_at(const struct oracle *oracle,
                                   const struct einsum_statement *s,
                                   int64_t number, int64_t *at)
{
    memset(at, 0, EINSUM_MAX_RANKS * sizeof *at);
    for (int i = s->rank_count - 1; i >= 0; i--) {
        int64_t extent = oracle->workload->rank[s->rank[i]].extent;
        at[s->rank[i]] = number % extent;
        number /= extent;
    }
}

/* Points of the statement follow each other in oracle->points. */
static inline void oracle_add_points(struct oracle *oracle, int statement)
{
    const struct einsum_statement *s = &oracle->workload->statements[statement];
    oracle->first_point[statement] = oracle->points->len;
    for (int64_t n = 0; n < s->point_count; n++) {
        int64_t at[EINSUM_MAX_RANKS];
        oracle_point_at(oracle, s, n, at);
        if (oracle_exists(oracle, s, at)) {
            oracle_add_point(oracle, s, at, n);
        }
    }
}

static inline void oracle_clear_point(gpointer data)
{
    struct oracle_point *point = data;
    g_array_unref(point->operand);
    g_array_unref(point->is_sought);
    g_array_unref(point->is_index);
    g_free(point->is_taken);
}

static inline int oracle_operand(const struct oracle_point *point, guint j)
{
    return g_array_index(point->operand, int, j);
}

static inline void oracle_init(struct oracle *oracle,
                               const struct workload *workload,
                               struct oracle_fiber fiber)
{
    *oracle = (struct oracle){.workload = workload, .fiber = fiber};
    oracle->first_element = g_new0(int, (size_t)workload->tensor_count);
    for (int t = 0; t < workload->tensor_count; t++) {
        oracle->first_element[t] = oracle->element_count;
        oracle->element_count += (int)workload->tensors[t].element_count;
    }
    size_t count = (size_t)oracle->element_count;
    oracle->tensor_of = g_new0(int, count);
    oracle->coordinate = g_new0(int64_t, count);
    oracle->points_left = g_new0(int, count);
    oracle->is_kept = g_new0(bool, count);
    oracle->visit = g_new0(int, count);
    oracle->is_free = g_new0(bool, count);
    for (int t = 0; t < workload->tensor_count; t++) {
        for (int e = 0; e < workload->tensors[t].element_count; e++) {
            oracle->tensor_of[oracle->first_element[t] + e] = t;
        }
    }
    memset(oracle->is_free, true, count);
    oracle->points = g_array_new(FALSE, FALSE, sizeof(struct oracle_point));
    g_array_set_clear_func(oracle->points, oracle_clear_point);
    oracle->first_point = g_new0(guint, (size_t)workload->statement_count + 1);
    for (int i = 0; i < workload->statement_count; i++) {
        oracle->first_point[i] = oracle->points->len;
        if (workload->statements[i].kind == EINSUM_COMPUTE) {
            oracle_add_points(oracle, i);
        }
    }
    oracle->first_point[workload->statement_count] = oracle->points->len;
}

static inline void oracle_clear(struct oracle *oracle)
{
    g_array_free(oracle->points, TRUE);
    g_free(oracle->first_point);
    g_free(oracle->first_element);
    g_free(oracle->tensor_of);
    g_free(oracle->coordinate);
    g_free(oracle->points_left);
    g_free(oracle->is_kept);
    g_free(oracle->visit);
    g_free(oracle->is_free);
}

#endif
