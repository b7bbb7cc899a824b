/* How often a fiber must be swept, found by executing the cascade one
 * multiplication at a time. Knows tensors, elements and points; no ranks,
 * families or reductions. Include after cmocka.h.
 *
 * A fiber is given as a tensor and a coordinate of each of its elements. An
 * element of another tensor lies on the fiber, at coordinate x, if all elements
 * on the fiber that it is computed from lie at x. A tensor is on the fiber if
 * that holds for all its elements computed from any, and every coordinate has
 * one; a recurrence of which some tensor is not on the fiber is off it
 * altogether.
 *
 * Rules of the game. Sweeps run over the blocks of the coordinate in ascending
 * order. While a block is visited, elements on the fiber at its coordinates can
 * be used: those of the given tensor at once, the others after they have been
 * computed again during this visit. When the block is left they are lost. All
 * other elements are kept for ever, once complete; inputs are there from the
 * start. A point of a statement whose output is not on the fiber is executed
 * once: when its kept operands are there, it takes those on the fiber as they
 * come by. A point that does not exist is not executed; one whose condition
 * looks at data exists. A gather may need any element of the dimension it
 * gathers from: it takes all of them, and none before it has its index, which is
 * why an index that says where on the fiber to read cannot lie on it. Elements
 * stay for `reach` coordinates after their own, which is what a window that
 * looks ahead has to buffer. The answer is the sweep in which the last point with an operand on
 * the fiber is executed; since executing early never hurts, it is the least. */
#ifndef WEIR_TESTS_PASSES_ORACLE_H
#define WEIR_TESTS_PASSES_ORACLE_H

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

/* ---- what lies on the fiber ---------------------------------------------- */

static inline void oracle_set_source(struct oracle *oracle)
{
    int t = oracle->fiber.tensor;
    const struct einsum_tensor *tensor = &oracle->workload->tensors[t];
    for (int64_t e = 0; e < tensor->element_count; e++) {
        int64_t rest = e;
        int64_t coordinate = 0;
        for (int d = tensor->dim_count - 1; d >= 0; d--) {
            coordinate += rest % tensor->extent[d] * oracle->fiber.stride[d];
            rest /= tensor->extent[d];
        }
        oracle->coordinate[oracle->first_element[t] + e] = coordinate;
    }
}

static inline void oracle_start(struct oracle *oracle, const bool *is_off)
{
    for (int e = 0; e < oracle->element_count; e++) {
        int t = oracle->tensor_of[e];
        oracle->coordinate[e] =
            is_off[t] || oracle->workload->tensors[t].kind == TENSOR_INPUT
                ? ORACLE_OFF
                : ORACLE_UNKNOWN;
    }
    oracle_set_source(oracle);
}

/* Hands coordinates on from operands to outputs; marks contradictions. */
static inline void oracle_propagate(struct oracle *oracle, bool *is_wrong)
{
    bool has_changed = true;
    while (has_changed) {
        has_changed = false;
        for (guint i = 0; i < oracle->points->len; i++) {
            const struct oracle_point *point = oracle_point(oracle, i);
            int64_t *output = &oracle->coordinate[point->output];
            int t = oracle->tensor_of[point->output];
            for (guint j = 0; j < point->operand->len; j++) {
                int64_t x = oracle->coordinate[oracle_operand(point, j)];
                if (x < 0 || *output == ORACLE_OFF ||
                    t == oracle->fiber.tensor) {
                    continue;
                }
                if (*output == ORACLE_UNKNOWN) {
                    *output = x;
                    has_changed = true;
                } else if (*output != x && !is_wrong[t]) {
                    is_wrong[t] = true;
                    has_changed = true;
                }
            }
        }
    }
}

/* What a gather may mean lies at several coordinates: its index must be kept. */
static inline void oracle_check_indices(const struct oracle *oracle,
                                        bool *is_wrong)
{
    for (guint i = 0; i < oracle->points->len; i++) {
        const struct oracle_point *point = oracle_point(oracle, i);
        int64_t least = INT64_MAX;
        int64_t most = -1;
        for (guint j = 0; j < point->operand->len; j++) {
            int64_t x = oracle->coordinate[oracle_operand(point, j)];
            if (x >= 0 && g_array_index(point->is_sought, bool, j)) {
                least = MIN(least, x);
                most = MAX(most, x);
            }
        }
        for (guint j = 0; j < point->operand->len && least < most; j++) {
            int element = oracle_operand(point, j);
            if (g_array_index(point->is_index, bool, j) &&
                oracle->tensor_of[element] != oracle->fiber.tensor) {
                is_wrong[oracle->tensor_of[element]] = true;
            }
        }
    }
}

static inline void oracle_check_cover(const struct oracle *oracle, int t,
                                      bool *is_wrong)
{
    g_autofree bool *has = g_new0(bool, (size_t)oracle->fiber.extent);
    const struct einsum_tensor *tensor = &oracle->workload->tensors[t];
    for (int64_t e = 0; e < tensor->element_count; e++) {
        int64_t element = oracle->first_element[t] + e;
        int64_t x = oracle->coordinate[element];
        if (x >= 0) {
            has[x] = true;
        }
    }
    for (int64_t x = 0; x < oracle->fiber.extent; x++) {
        *is_wrong = *is_wrong || !has[x];
    }
}

static inline bool oracle_reaches(const struct oracle *oracle, int from, int to)
{
    const struct workload *workload = oracle->workload;
    g_autofree bool *is_reached = g_new0(bool, (size_t)workload->tensor_count);
    bool has_changed = true;
    is_reached[from] = true;
    while (has_changed) {
        has_changed = false;
        for (int i = 0; i < workload->statement_count; i++) {
            const struct einsum_statement *s = &workload->statements[i];
            for (int j = 0; j < s->read_count; j++) {
                if (is_reached[s->resolved_reads[j].tensor] &&
                    !is_reached[s->output.tensor]) {
                    is_reached[s->output.tensor] = true;
                    has_changed = true;
                }
            }
        }
    }
    return is_reached[to];
}

/* The first wrong tensor in text order, -1 for none. */
static inline int oracle_find_wrong(const struct oracle *oracle,
                                    const bool *is_off, bool *is_wrong)
{
    const struct workload *workload = oracle->workload;
    for (int i = 0; i < workload->statement_count; i++) {
        int t = workload->statements[i].output.tensor;
        if (!is_off[t] && t != oracle->fiber.tensor) {
            oracle_check_cover(oracle, t, &is_wrong[t]);
            if (is_wrong[t]) {
                return t;
            }
        }
    }
    return -1;
}

/* Takes tensors off the fiber, the first wrong one in text order first, until
 * what is left is consistent; indices only when all else is, since what they
 * lead to may not be on the fiber. */
static inline void oracle_find_fiber(struct oracle *oracle)
{
    const struct workload *workload = oracle->workload;
    g_autofree bool *is_off = g_new0(bool, (size_t)workload->tensor_count);
    int wrong = 0;
    while (wrong >= 0) {
        g_autofree bool *is_wrong =
            g_new0(bool, (size_t)workload->tensor_count);
        oracle_start(oracle, is_off);
        oracle_propagate(oracle, is_wrong);
        wrong = oracle_find_wrong(oracle, is_off, is_wrong);
        if (wrong < 0) {
            oracle_check_indices(oracle, is_wrong);
            wrong = oracle_find_wrong(oracle, is_off, is_wrong);
        }
        for (int t = 0; wrong >= 0 && t < workload->tensor_count; t++) {
            if (t == wrong || (oracle_reaches(oracle, wrong, t) &&
                               oracle_reaches(oracle, t, wrong))) {
                is_off[t] = true;
            }
        }
    }
}

/* ---- sweeping ------------------------------------------------------------ */

static inline bool oracle_is_visited(const struct oracle *oracle, int element,
                                     int64_t block)
{
    const struct oracle_fiber *fiber = &oracle->fiber;
    int64_t x = oracle->coordinate[element];
    return x >= 0 && x >= block * fiber->block - fiber->reach &&
           x < (block + 1) * fiber->block;
}

static inline bool oracle_is_here(const struct oracle *oracle, int element,
                                  int64_t block)
{
    return oracle_is_visited(oracle, element, block) &&
           (oracle->tensor_of[element] == oracle->fiber.tensor ||
            oracle->is_free[element] || oracle->visit[element] == oracle->now);
}

/* Every operand is there now: an element on the fiber can be computed. */
static inline bool oracle_has_all(const struct oracle *oracle,
                                  const struct oracle_point *point,
                                  int64_t block)
{
    for (guint j = 0; j < point->operand->len; j++) {
        int element = oracle_operand(point, j);
        if (oracle->coordinate[element] >= 0
                ? !oracle_is_here(oracle, element, block)
                : !oracle->is_kept[element]) {
            return false;
        }
    }
    return true;
}

/* Takes what comes by; true if that was the last. */
static inline bool oracle_take(const struct oracle *oracle,
                               struct oracle_point *point, int64_t block)
{
    bool has_all = true;
    bool has_index = true;
    for (guint j = 0; j < point->operand->len; j++) {
        int element = oracle_operand(point, j);
        if (oracle->coordinate[element] < 0 && !oracle->is_kept[element]) {
            return false;
        }
        has_index = has_index && (!g_array_index(point->is_index, bool, j) ||
                                  oracle->coordinate[element] < 0 ||
                                  oracle_is_here(oracle, element, block));
    }
    for (guint j = 0; j < point->operand->len; j++) {
        int element = oracle_operand(point, j);
        bool is_there =
            (oracle->coordinate[element] < 0 ||
             oracle_is_here(oracle, element, block)) &&
            (has_index || !g_array_index(point->is_sought, bool, j));
        point->is_taken[j] = point->is_taken[j] || is_there;
        has_all = has_all && point->is_taken[j];
    }
    return has_all;
}

static inline bool oracle_touches(const struct oracle *oracle,
                                  const struct oracle_point *point)
{
    for (guint j = 0; j < point->operand->len; j++) {
        if (oracle->coordinate[oracle_operand(point, j)] >= 0) {
            return true;
        }
    }
    return false;
}

/* The points of elements on the fiber at this block: computed again at every
 * visit. An element is there when the last of its points is computed. */
static inline bool oracle_compute_here(struct oracle *oracle, int64_t block,
                                       int *left)
{
    bool has_changed = false;
    memset(left, 0, (size_t)oracle->element_count * sizeof *left);
    for (guint i = 0; i < oracle->points->len; i++) {
        const struct oracle_point *point = oracle_point(oracle, i);
        left[point->output] += !oracle_has_all(oracle, point, block);
    }
    for (guint i = 0; i < oracle->points->len; i++) {
        struct oracle_point *point = oracle_point(oracle, i);
        int element = point->output;
        if (!oracle_is_visited(oracle, element, block) || left[element] > 0) {
            continue;
        }
        point->is_executed = true;
        if (oracle->visit[element] != oracle->now) {
            oracle->visit[element] = oracle->now;
            has_changed = true;
        }
    }
    return has_changed;
}

static inline bool oracle_compute_kept(struct oracle *oracle, int64_t block)
{
    bool has_changed = false;
    for (guint i = 0; i < oracle->points->len; i++) {
        struct oracle_point *point = oracle_point(oracle, i);
        if (oracle->coordinate[point->output] >= 0 || point->is_executed ||
            !oracle_take(oracle, point, block)) {
            continue;
        }
        point->is_executed = true;
        has_changed = true;
        if (--oracle->points_left[point->output] == 0) {
            oracle->is_kept[point->output] = true;
        }
    }
    return has_changed;
}

/* ---- traversals ---------------------------------------------------------- */

/* The coordinate of an operand on the fiber, where there is just one. */
static inline int64_t oracle_coordinate_at(const struct oracle *oracle,
                                           const struct einsum_statement *s,
                                           int read, const int64_t *at)
{
    struct oracle_meaning meaning = oracle_meaning(
        oracle, &s->resolved_reads[read], oracle_bound(s, read), at);
    int64_t x = ORACLE_OFF;
    if (meaning.elements->len == 1) {
        x = oracle->coordinate[g_array_index(meaning.elements, int, 0)];
    }
    g_array_unref(meaning.elements);
    return x;
}

/* The coordinate of an operand on the fiber changes with the rank. */
static inline bool oracle_moves_along(const struct oracle *oracle,
                                      const struct einsum_statement *s,
                                      int rank)
{
    for (int j = 0; j < s->read_count; j++) {
        int64_t at[EINSUM_MAX_RANKS] = {0};
        int64_t first = ORACLE_OFF;
        for (; at[rank] < oracle->workload->rank[rank].extent; at[rank]++) {
            int64_t x = oracle_coordinate_at(oracle, s, j, at);
            if (first >= 0 && x >= 0 && x != first) {
                return true;
            }
            first = first < 0 ? x : first;
        }
    }
    return false;
}

/* Numbers the points of a statement by the values of the ranks that do not move
 * along the fiber. */
static inline void oracle_group(struct oracle *oracle, int statement)
{
    const struct einsum_statement *s = &oracle->workload->statements[statement];
    bool is_moving[EINSUM_MAX_RANKS];
    int64_t groups = 1;
    for (int i = 0; i < s->rank_count; i++) {
        is_moving[i] = oracle_moves_along(oracle, s, s->rank[i]);
        groups *= is_moving[i] ? 1 : oracle->workload->rank[s->rank[i]].extent;
    }
    for (guint n = oracle->first_point[statement];
         n < oracle->first_point[statement + 1]; n++) {
        struct oracle_point *point = oracle_point(oracle, n);
        int64_t rest = point->number;
        int64_t group = 0;
        for (int i = s->rank_count - 1; i >= 0; i--) {
            int64_t extent = oracle->workload->rank[s->rank[i]].extent;
            if (!is_moving[i]) {
                group = group * extent + rest % extent;
            }
            rest /= extent;
        }
        if (oracle->coordinate[point->output] < 0 &&
            oracle_touches(oracle, point)) {
            point->traversal = oracle->traversal_count + (int)group;
        }
    }
    oracle->traversal_count += (int)groups;
}

static inline void oracle_find_traversals(struct oracle *oracle)
{
    for (int i = 0; i < oracle->workload->statement_count; i++) {
        if (oracle->workload->statements[i].kind == EINSUM_COMPUTE) {
            oracle_group(oracle, i);
        }
    }
}

/* At the end of a sweep. */
static inline void oracle_undo_unfinished(struct oracle *oracle)
{
    g_autofree bool *is_unfinished =
        g_new0(bool, (size_t)oracle->traversal_count + 1);
    for (guint i = 0; i < oracle->points->len; i++) {
        const struct oracle_point *point = oracle_point(oracle, i);
        if (point->traversal >= 0 && !point->is_executed) {
            is_unfinished[point->traversal] = true;
        }
    }
    for (guint i = 0; i < oracle->points->len; i++) {
        struct oracle_point *point = oracle_point(oracle, i);
        if (point->traversal < 0 || !is_unfinished[point->traversal]) {
            continue;
        }
        memset(point->is_taken, 0, point->operand->len);
        if (point->is_executed) {
            point->is_executed = false;
            oracle->points_left[point->output]++;
            oracle->is_kept[point->output] = false;
        }
    }
}

/* ---- the game ------------------------------------------------------------ */

/* Points still to be executed: all, or those with an operand on the fiber. */
static inline int oracle_count_open(const struct oracle *oracle,
                                    bool must_touch)
{
    int open = 0;
    for (guint i = 0; i < oracle->points->len; i++) {
        const struct oracle_point *point = oracle_point(oracle, i);
        open += !point->is_executed &&
                (!must_touch || oracle_touches(oracle, point));
    }
    return open;
}

static inline void oracle_prepare(struct oracle *oracle)
{
    oracle_find_fiber(oracle);
    for (int e = 0; e < oracle->element_count; e++) {
        /* The fiber's own elements need not be computed: they are read. But
         * what else is computed from kept values may have to be. */
        oracle->is_kept[e] = oracle->is_free[e] && oracle->coordinate[e] < 0;
    }
    for (guint i = 0; i < oracle->points->len; i++) {
        struct oracle_point *point = oracle_point(oracle, i);
        oracle->points_left[point->output]++;
        if (oracle->tensor_of[point->output] == oracle->fiber.tensor) {
            point->is_executed = true;
        }
    }
    oracle_find_traversals(oracle);
}

static inline void oracle_sweep(struct oracle *oracle, int *left)
{
    int64_t blocks = num_ceil_div(oracle->fiber.extent, oracle->fiber.block);
    for (int64_t block = 0; block < blocks; block++) {
        bool has_changed = true;
        oracle->now++;
        while (has_changed) {
            has_changed = oracle_compute_here(oracle, block, left);
            has_changed |= oracle_compute_kept(oracle, block);
        }
    }
    oracle_undo_unfinished(oracle);
}

/* The least number of sweeps; 0 if the execution gets stuck. */
static inline int64_t oracle_count_sweeps(const struct workload *workload,
                                          struct oracle_fiber fiber)
{
    struct oracle oracle;
    int64_t sweeps = 0;
    oracle_init(&oracle, workload, fiber);
    oracle_prepare(&oracle);
    g_autofree int *left = g_new0(int, (size_t)oracle.element_count + 1);
    int open = oracle_count_open(&oracle, false);
    while (oracle_count_open(&oracle, true) > 0) {
        sweeps++;
        oracle_sweep(&oracle, left);
        int still_open = oracle_count_open(&oracle, false);
        if (still_open == open) {
            sweeps = -1;
            break;
        }
        open = still_open;
    }
    oracle_clear(&oracle);
    return sweeps < 0 ? 0 : MAX(1, sweeps);
}

#endif
