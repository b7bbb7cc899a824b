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

#include "tests/passes_oracle_points.h"

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
