/* Passes over the fibers of one tensor. A fiber is followed through what is
 * derived from it point by point: in K -> QK -> SN -> A each has one element for
 * each m, computed from the one before it, so that reading SN again costs
 * reading K again, or holding as much as a fiber of K. A reduction, a window or
 * a recurrence along the fiber ends it: what comes out is a tensor of its own.
 * The passes over the fiber are those of the statements that read any tensor on
 * it. */
#include "einsum/passes.h"

#include <string.h>

#include "einsum/affine.h"

/* ---- what is derived point by point -------------------------------------- */

/* The dimension's own rank, or a split of it, and nothing else. */
static bool is_pure(const struct axes *axes, const struct affine *index,
                    int dim_axis)
{
    bool has[EINSUM_MAX_RANKS] = {false};
    for (int r = 0; r < axes->workload->rank_count; r++) {
        int axis = axes->of_rank[r];
        if (index->coefficient[r] == 0) {
            continue;
        }
        if (index->coefficient[r] < 0 ||
            !axes_is_within(axes, axis, dim_axis) ||
            (axis == dim_axis && index->coefficient[r] != 1)) {
            return false;
        }
        has[axis] = true;
    }
    return index->constant == 0 && axes_cover(axes, has, dim_axis);
}

/* floor(h/c), which meets every element: coordinates come in order, several
 * times each. */
static bool is_coarse(const struct axes *axes, const struct einsum_statement *s,
                      int read, int dim, int dim_axis)
{
    int rank = pass_index_coarse_rank(s, read, dim, axes->workload);
    for (int i = 0; rank >= 0 && i < s->rank_count; i++) {
        if (s->rank[i] == rank && s->is_reduced[i]) {
            return false;
        }
    }
    return rank >= 0 && axes->of_rank[rank] == dim_axis;
}

static bool is_pointwise_read(const struct axes *axes, int axis,
                              const struct einsum_statement *s, int i)
{
    const struct einsum_access *read = &s->resolved_reads[i];
    for (int d = 0; d < read->dim_count; d++) {
        int dim_axis = axes_of_dim(axes, read->tensor, d);
        if (dim_axis < 0 || !axes_is_within(axes, dim_axis, axis)) {
            continue;
        }
        if (pass_index_is_affine(read, d)
                ? !is_pure(axes, &read->index[d], dim_axis)
                : !is_coarse(axes, s, i, d, dim_axis)) {
            return false;
        }
    }
    return true;
}

/* What says where on the fiber to read has to be there all the time. */
static bool is_read_as_index(const struct axes *axes, int axis, int tensor,
                             const bool *is_candidate)
{
    const struct workload *workload = axes->workload;
    for (int i = 0; i < workload->statement_count; i++) {
        if (pass_tensor_is_index(axes, axis, &workload->statements[i], tensor,
                                 is_candidate)) {
            return true;
        }
    }
    return false;
}

static bool is_derived(const struct axes *axes, int axis, int statement,
                       const bool *is_on_fiber)
{
    const struct workload *workload = axes->workload;
    const struct einsum_statement *s = &workload->statements[statement];
    bool has[EINSUM_MAX_RANKS];
    bool reads_fiber = false;
    axes_of_output(axes, statement, has);
    if (s->kind != EINSUM_COMPUTE || (s->features & EINSUM_PART) != 0 ||
        !axes_cover(axes, has, axis) ||
        (s->iterative_rank >= 0 &&
         axes_is_within(axes, axes->of_rank[s->iterative_rank],
                        axes_root(axes, axis)))) {
        return false;
    }
    for (int d = 0; d < s->output.dim_count; d++) {
        if (s->output.index[d].constant != 0 &&
            axes_moves(axes, &s->output.index[d], axis)) {
            return false;
        }
    }
    for (int i = 0; i < s->read_count; i++) {
        const struct einsum_access *read = &s->resolved_reads[i];
        if (is_on_fiber[read->tensor] &&
            !pass_read_is_initial(workload, read)) {
            reads_fiber = true;
            if (!is_pointwise_read(axes, axis, s, i)) {
                return false;
            }
        }
    }
    return reads_fiber;
}

/* In the schedule's order operands come first, so once through is enough, but
 * for recurrences along other ranks. `is_candidate`: what may lie on the fiber;
 * NULL: everything, indices included. */
static void close_derived(const struct axes *axes,
                          const struct pass_schedule *schedule, int axis,
                          const bool *is_candidate, bool *is_on_fiber)
{
    bool has_changed = true;
    while (has_changed) {
        has_changed = false;
        for (int i = 0; i < schedule->count; i++) {
            int statement = schedule->statement[i];
            int output = axes->workload->statements[statement].output.tensor;
            if (!is_on_fiber[output] &&
                is_derived(axes, axis, statement, is_on_fiber) &&
                (is_candidate == NULL ||
                 !is_read_as_index(axes, axis, output, is_candidate))) {
                is_on_fiber[output] = true;
                has_changed = true;
            }
        }
    }
}

static void find_derived(const struct axes *axes,
                         const struct pass_schedule *schedule, int axis,
                         bool *is_on_fiber)
{
    size_t size = (size_t)axes->workload->tensor_count * sizeof *is_on_fiber;
    g_autofree bool *is_candidate = g_malloc(size);
    memcpy(is_candidate, is_on_fiber, size);
    close_derived(axes, schedule, axis, NULL, is_candidate);
    close_derived(axes, schedule, axis, is_candidate, is_on_fiber);
}

/* The read finds its place along the fiber by itself: from data, or from ranks
 * that lie on other axes. */
static bool is_led_elsewhere(const struct axes *axes, int axis,
                             const struct einsum_access *read)
{
    for (int d = 0; d < read->dim_count; d++) {
        int dim_axis = axes_of_dim(axes, read->tensor, d);
        if (!pass_index_is_affine(read, d) && dim_axis >= 0 &&
            axes_is_outermost(axes, dim_axis, axis)) {
            return true;
        }
    }
    return false;
}

static void find_traversals(const struct axes *axes, int axis,
                            const bool *is_on_fiber, bool *is_traversal)
{
    const struct workload *workload = axes->workload;
    for (int i = 0; i < workload->statement_count; i++) {
        const struct einsum_statement *s = &workload->statements[i];
        bool has[EINSUM_MAX_RANKS];
        axes_of_statement(axes, i, has);
        for (int j = 0; j < s->read_count && s->kind == EINSUM_COMPUTE; j++) {
            const struct einsum_access *read = &s->resolved_reads[j];
            if (is_on_fiber[read->tensor] &&
                !pass_read_is_initial(workload, read) &&
                (axes_cover(axes, has, axis) ||
                 is_led_elsewhere(axes, axis, read))) {
                is_traversal[i] = true;
            }
        }
    }
}

/* ---- one fiber ----------------------------------------------------------- */

static void find_passes(const struct axes *axes,
                        const struct pass_schedule *schedule, int tensor,
                        int axis, bool *is_traversal, struct pass_fiber *fiber)
{
    const struct workload *workload = axes->workload;
    g_autofree bool *is_on_fiber = g_new0(bool, (size_t)workload->tensor_count);
    struct pass_order order;
    is_on_fiber[tensor] = true;
    find_derived(axes, schedule, axis, is_on_fiber);
    find_traversals(axes, axis, is_on_fiber, is_traversal);
    pass_order_init(&order, axes, schedule, axis, is_traversal, is_on_fiber);
    GArray *waits = pass_order_waits(&order);
    fiber->pass_count = MAX(1, pass_order_count(&order));
    fiber->wait_count = (int)waits->len;
    fiber->waits = (struct pass_wait *)(void *)g_array_free(waits, FALSE);
    pass_order_clear(&order);
}

/* The largest that a traversal's conditions leave of the fiber; false if one
 * leaves all of it. As the window moves, what is in it is held, so that the
 * fiber is read once in all. */
static bool find_window(const struct axes *axes, int axis,
                        const bool *is_traversal, struct pass_fiber *fiber)
{
    g_autofree char *largest = NULL;
    int64_t elements = 0;
    for (int i = 0; i < axes->workload->statement_count; i++) {
        struct pass_window window;
        int rank = axes_rank_of(axes, i, axis);
        if (!is_traversal[i]) {
            continue;
        }
        if (rank < 0 || !pass_window_find(axes->workload, i, rank, &window)) {
            return false;
        }
        if (largest == NULL || window.elements > elements) {
            g_free(largest);
            largest = window.text;
            elements = window.elements;
        } else {
            g_free(window.text);
        }
    }
    if (largest != NULL && elements < fiber->footprint_elements) {
        g_free(fiber->footprint);
        fiber->footprint = g_steal_pointer(&largest);
        fiber->footprint_elements = elements;
    }
    return true;
}

/* What a window reads of the fiber at one place. */
static int64_t find_reach(const struct axes *axes, int axis,
                          const struct einsum_statement *s, int read)
{
    const struct workload *workload = axes->workload;
    const struct einsum_access *access = &s->resolved_reads[read];
    int64_t most = 1;
    for (int d = 0; d < access->dim_count; d++) {
        int64_t low = 0;
        int64_t high = 0;
        if (axes_of_dim(axes, access->tensor, d) != axis) {
            continue;
        }
        if (!pass_index_is_affine(access, d)) {
            int carrier = pass_index_carrier(s, read, d, workload);
            struct trend trend = {0, 0, 0};
            if (carrier >= 0) {
                trend = pass_index_trend(s, read, d, workload, carrier);
            }
            most = MAX(most, (int64_t)(trend.high - trend.low) + 1);
            continue;
        }
        struct affine rest = access->index[d];
        for (int r = 0; r < workload->rank_count; r++) {
            rest.coefficient[r] = axes_is_within(axes, axes->of_rank[r], axis)
                                      ? 0
                                      : rest.coefficient[r];
        }
        if (affine_range(&rest, workload->rank, workload->rank_count, &low,
                         &high) &&
            !axes_moves(axes, &access->index[d], axis)) {
            high = low; /* another traversal */
        }
        most = MAX(most, high - low + 1);
    }
    return most;
}

static void find_single_footprint(const struct axes *axes, int axis, int tensor,
                                  struct pass_fiber *fiber)
{
    int64_t reach = 1;
    fiber->footprint = axes_block(axes, axis, &fiber->footprint_elements);
    for (int i = 0; i < axes->workload->statement_count; i++) {
        const struct einsum_statement *s = &axes->workload->statements[i];
        for (int j = 0; j < s->read_count && s->kind == EINSUM_COMPUTE; j++) {
            if (s->resolved_reads[j].tensor == tensor) {
                reach = MAX(reach, find_reach(axes, axis, s, j));
            }
        }
    }
    if (reach > fiber->footprint_elements) {
        g_free(fiber->footprint);
        fiber->footprint = g_strdup_printf("%" G_GINT64_FORMAT, reach);
        fiber->footprint_elements = reach;
    }
}

static void find_footprint(const struct axes *axes, int axis, int tensor,
                           const bool *is_traversal, struct pass_fiber *fiber)
{
    if (fiber->pass_count > 1) {
        fiber->footprint = g_strdup(axes_shape(axes, axis));
        fiber->footprint_elements = axes_extent(axes, axis);
        (void)find_window(axes, axis, is_traversal, fiber);
        fiber->grows = axes_grows(axes, fiber->footprint);
    } else {
        find_single_footprint(axes, axis, tensor, fiber);
    }
}

/* ---- one tensor ---------------------------------------------------------- */

/* The part of the family that the tensor has: the root if it has all of it,
 * else the outermost. -1: nothing. */
static int find_fiber_axis(const struct axes *axes, int tensor, int root)
{
    bool has[EINSUM_MAX_RANKS];
    int found = -1;
    axes_of_tensor(axes, tensor, has);
    if (axes_cover(axes, has, root)) {
        return root;
    }
    for (int axis = 0; axis < axes->workload->rank_count; axis++) {
        bool is_part = has[axis] && axes_is_within(axes, axis, root);
        if (is_part && (found < 0 || (axes_is_outermost(axes, axis, root) &&
                                      !axes_is_outermost(axes, found, root)))) {
            found = axis;
        }
    }
    return found;
}

static void add_footprint(struct pass_tensor *tensor,
                          const struct pass_fiber *fiber, GString *text)
{
    tensor->pass_count = MAX(tensor->pass_count, fiber->pass_count);
    tensor->grows = tensor->grows || fiber->grows;
    /* A product of extents of its dimensions, at most its elements. */
    tensor->footprint_elements *= fiber->footprint_elements;
    if (!g_str_equal(fiber->footprint, "1")) {
        g_string_append_printf(text, "%s%s", text->len > 0 ? "*" : "",
                               fiber->footprint);
    }
}

void pass_fibers_find(const struct axes *axes,
                      const struct pass_schedule *schedule, int tensor,
                      struct pass_tensor *result)
{
    const struct workload *workload = axes->workload;
    int dim_count = workload->tensors[tensor].dim_count;
    g_autoptr(GString) text = g_string_new(NULL);
    *result = (struct pass_tensor){
        .fibers = g_new0(struct pass_fiber, (size_t)dim_count),
        .pass_count = 1,
        .footprint_elements = 1,
    };
    for (int root = 0; root < workload->rank_count; root++) {
        bool is_root = axes->of_rank[root] == root && axes->parent[root] < 0;
        int axis = is_root ? find_fiber_axis(axes, tensor, root) : -1;
        if (axis < 0) {
            continue;
        }
        struct pass_fiber *fiber = &result->fibers[result->fiber_count++];
        fiber->family = root; /* an index once families are numbered */
        fiber->is_whole = axis == root;
        g_autofree bool *is_traversal =
            g_new0(bool, (size_t)workload->statement_count);
        find_passes(axes, schedule, tensor, axis, is_traversal, fiber);
        find_footprint(axes, axis, tensor, is_traversal, fiber);
        if (fiber->is_whole) {
            add_footprint(result, fiber, text);
        }
    }
    result->footprint = g_strdup(text->len > 0 ? text->str : "1");
}
