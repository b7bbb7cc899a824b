/* Statements with conditions, gathers and other indices that are not affine.
 *
 * The ranks become nested levels. Each condition belongs to the level at which
 * its last rank is known, and gives there the intervals of that rank that are
 * visited, so that the work is that of the points that exist. The innermost
 * level is a rank that moves all operands evenly, if there is one: each of its
 * intervals is one row, run by the same functions as plain statements; else
 * every point is a row. */
#include <math.h>

#include "einsum/extension.h"
#include "einsum/interpret.h"
#include "einsum/rounding.h"

struct points {
    const struct einsum_statement *statement;
    const struct einsum_extension *extension;
    struct einsum_data *data;
    struct point point;
    struct box_plan plan;
    int level_count;
    int level_rank[EINSUM_MAX_RANKS];
    int64_t low[EINSUM_MAX_RANKS];
    int64_t high[EINSUM_MAX_RANKS];
    guint64 conditions[EINSUM_MAX_RANKS];
    bool has_row; /* the last level is one */
    /* By output (0) and reads: element at index 0, element step by rank. */
    int64_t start[EINSUM_MAX_READS + 1];
    int64_t stride[EINSUM_MAX_READS + 1][EINSUM_MAX_RANKS];
    /* The condition does not hold, but only just: the point counts as unknown
     * and computes nothing. */
    bool is_excluded;
    double zero; /* what zero(..) reads out of range */
};

/* ---- operands ------------------------------------------------------------ */

static void find_affine_strides(const struct workload *workload,
                                const struct einsum_access *access,
                                int64_t *start, int64_t *stride)
{
    const struct einsum_tensor *tensor = &workload->tensors[access->tensor];
    int64_t step = 1;
    *start = 0;
    for (int d = access->dim_count - 1; d >= 0; d--) {
        *start += access->index[d].constant * step;
        for (int r = 0; r < workload->rank_count; r++) {
            stride[r] += access->index[d].coefficient[r] * step;
        }
        step *= tensor->extent[d];
    }
}

/* Only ranks outside of fixed_ranks are stepped along. */
static void find_bound_strides(const struct bound_access *access,
                               int64_t *stride)
{
    for (int d = 0; d < access->dim_count; d++) {
        const struct index_node *index = access->index[d];
        for (int r = 0; index->is_affine && r < EINSUM_MAX_RANKS; r++) {
            stride[r] += index->affine.coefficient[r] * access->stride[d];
        }
    }
}

static void find_operands(struct points *points)
{
    const struct workload *workload = points->point.workload;
    const struct einsum_statement *statement = points->statement;
    const struct einsum_extension *extension = points->extension;
    if (extension->output != NULL) {
        find_bound_strides(extension->output, points->stride[0]);
    } else {
        find_affine_strides(workload, &statement->output, &points->start[0],
                            points->stride[0]);
    }
    for (int i = 0; i < statement->read_count; i++) {
        if (extension->read[i] != NULL) {
            find_bound_strides(extension->read[i], points->stride[i + 1]);
        } else {
            find_affine_strides(workload, &statement->resolved_reads[i],
                                &points->start[i + 1], points->stride[i + 1]);
        }
    }
    for (int i = 0; i < extension->index_count; i++) {
        const struct affine *affine = &extension->index[i]->affine;
        int stream = statement->read_count + i + 1;
        points->start[stream] = affine->constant;
        for (int r = 0; r < EINSUM_MAX_RANKS; r++) {
            points->stride[stream][r] = affine->coefficient[r];
        }
    }
}

static struct box_operand whole_tensor(const struct points *points, int tensor)
{
    const struct tensor_data *data = &points->data->tensors[tensor];
    return (struct box_operand){.value = data->value, .error = data->error};
}

static int64_t offset_at(const struct points *points, int operand)
{
    int64_t offset = points->start[operand];
    for (int i = 0; i < points->statement->rank_count; i++) {
        int rank = points->statement->rank[i];
        offset += points->stride[operand][rank] * points->point.index[rank];
    }
    return offset;
}

/* ---- faults -------------------------------------------------------------- */

static void record_fault(struct points *points,
                         const struct bound_access *access)
{
    const struct workload *workload = points->point.workload;
    struct einsum_data *data = points->data;
    if (data->fault != NULL) {
        return;
    }
    GString *text = g_string_new(NULL);
    g_string_printf(text, "an index into '%s' is out of range or no integer",
                    workload->tensors[access->tensor].name);
    for (int i = 0; i < points->statement->rank_count; i++) {
        int rank = points->statement->rank[i];
        g_string_append_printf(text, "%s %s=%" G_GINT64_FORMAT,
                               i == 0 ? " at" : ",", workload->rank[rank].name,
                               points->point.index[rank]);
    }
    data->fault = g_string_free(text, FALSE);
    data->fault_statement = (int)(points->statement - workload->statements);
}

/* ---- one row ------------------------------------------------------------- */

static void mark_unknown(const struct points *points, int64_t output,
                         int64_t count)
{
    double *error = points->plan.output.error;
    for (int64_t i = 0; error != NULL && i < count; i++) {
        error[output + i * points->plan.loop[0].output_stride] =
            (double)INFINITY;
    }
}

/* Where the read lies; false after a fault. */
static bool place_read(struct points *points, int read, int row_rank,
                       struct box_plan *plan, int64_t *at)
{
    const struct bound_access *access = points->extension->read[read];
    int tensor = points->statement->resolved_reads[read].tensor;
    plan->loop[0].read_stride[read] =
        row_rank < 0 ? 0 : points->stride[read + 1][row_rank];
    if (access == NULL) {
        *at = offset_at(points, read + 1);
        return true;
    }
    *at = access_element(access, &points->point);
    plan->read[read] = whole_tensor(points, tensor);
    if (*at == ELEMENT_OUTSIDE) {
        record_fault(points, access);
        return false;
    }
    if (*at == ELEMENT_ZERO) {
        plan->read[read] = (struct box_operand){.value = &points->zero,
                                                .error = &points->zero};
        plan->loop[0].read_stride[read] = 0;
        *at = 0;
    }
    return true;
}

static void run_row(struct points *points, int row_rank, int64_t count)
{
    const struct einsum_extension *extension = points->extension;
    struct box_plan *plan = &points->plan;
    int read_count = points->statement->read_count;
    int64_t at[EINSUM_MAX_READS + 1] = {0};
    bool is_undecided = points->point.is_undecided;
    at[0] = extension->output != NULL
                ? access_element(extension->output, &points->point)
                : offset_at(points, 0);
    if (at[0] == ELEMENT_OUTSIDE) {
        record_fault(points, extension->output);
        return;
    }
    plan->loop[0].count = count;
    plan->loop[0].output_stride =
        row_rank < 0 ? 0 : points->stride[0][row_rank];
    if (points->is_excluded) {
        mark_unknown(points, at[0], count);
        return;
    }
    for (int i = 0; i < read_count; i++) {
        if (!place_read(points, i, row_rank, plan, &at[i + 1])) {
            return;
        }
    }
    for (int i = 0; i < extension->index_count; i++) {
        int stream = read_count + i;
        at[stream + 1] = index_value(extension->index[i], &points->point);
        plan->loop[0].read_stride[stream] =
            row_rank < 0 ? 0 : points->stride[stream + 1][row_rank];
    }
    if (points->point.outside != NULL) {
        record_fault(points, points->point.outside);
        points->point.outside = NULL;
        return;
    }
    plan_choose_row(plan);
    plan->run_row(plan, at);
    if (points->point.is_undecided) {
        mark_unknown(points, at[0], count);
    }
    points->point.is_undecided = is_undecided;
}

/* ---- levels -------------------------------------------------------------- */

static bool holds(struct points *points, guint64 conditions)
{
    for (int i = 0; i < points->extension->condition_count; i++) {
        if ((conditions >> i & 1) != 0 &&
            !condition_holds(points->extension->condition[i], &points->point)) {
            return false;
        }
    }
    return true;
}

static void run_level(struct points *points, int level);

/* One value of the level's rank, whose conditions are still to be tested. */
static void test_value(struct points *points, int level)
{
    bool was_undecided = points->point.is_undecided;
    bool was_excluded = points->is_excluded;
    bool is_in = holds(points, points->conditions[level]);
    if (points->point.outside != NULL) {
        record_fault(points, points->point.outside);
        points->point.outside = NULL;
        is_in = false;
    }
    points->is_excluded = was_excluded || !is_in;
    if (is_in || (points->point.is_undecided &&
                  points->data->tensors[0].error != NULL)) {
        run_level(points, level + 1);
    }
    points->is_excluded = was_excluded;
    points->point.is_undecided = was_undecided;
}

static void run_level(struct points *points, int level)
{
    struct ranges ranges;
    if (level == points->level_count) {
        run_row(points, -1, 1);
        return;
    }
    int rank = points->level_rank[level];
    int64_t *index = &points->point.index[rank];
    conditions_solve(points->extension, points->conditions[level], rank,
                     points->low[level], points->high[level], &points->point,
                     &ranges);
    for (int i = 0; i < ranges.count; i++) {
        if (ranges.is_exact && points->has_row &&
            level == points->level_count - 1) {
            *index = ranges.low[i];
            run_row(points, rank, ranges.high[i] - ranges.low[i] + 1);
            continue;
        }
        for (*index = ranges.low[i]; *index <= ranges.high[i]; (*index)++) {
            if (ranges.is_exact) {
                run_level(points, level + 1);
            } else {
                test_value(points, level);
            }
        }
    }
}

/* ---- order of the levels ------------------------------------------------- */

/* Of m < LEN[b] the values of m are an interval. */
static guint32 find_tested_ranks(const struct condition *condition)
{
    guint32 ranks = condition->ranks;
    for (int r = 0; r < EINSUM_MAX_RANKS; r++) {
        if ((ranks >> r & 1) != 0 && condition_index_side(condition, r) >= 0) {
            ranks &= ~((guint32)1 << r);
        }
    }
    return ranks;
}

static guint32 find_fixed_ranks(const struct points *points)
{
    const struct einsum_extension *extension = points->extension;
    guint32 fixed = 0;
    if (extension->output != NULL) {
        fixed |= extension->output->fixed_ranks;
    }
    for (int i = 0; i < points->statement->read_count; i++) {
        if (extension->read[i] != NULL) {
            fixed |= extension->read[i]->fixed_ranks;
        }
    }
    for (int i = 0; i < extension->index_count; i++) {
        const struct index_node *index = extension->index[i];
        fixed |= index->is_affine ? 0 : index->ranks;
    }
    for (int i = 0; i < extension->condition_count; i++) {
        const struct condition *condition = extension->condition[i];
        fixed |= condition->has_data ? find_tested_ranks(condition) : 0;
    }
    return fixed;
}

static double row_cost(const struct points *points, int rank, int64_t count)
{
    double cost = 8.0 / (double)count;
    for (int i = 0; i <= points->plan.read_count; i++) {
        int64_t stride = ABS(points->stride[i][rank]);
        double weight = i == 0 ? 2.0 : 1.0;
        cost += stride == 0 ? 0.0 : stride == 1 ? weight : 4.0 * weight;
    }
    return cost;
}

static int choose_row_level(const struct points *points)
{
    guint32 fixed = find_fixed_ranks(points);
    double best_cost = (double)INFINITY;
    int best = -1;
    for (int k = 0; k < points->level_count; k++) {
        int rank = points->level_rank[k];
        int64_t count = points->high[k] - points->low[k] + 1;
        double cost = row_cost(points, rank, count);
        if (count > 1 && (fixed >> rank & 1) == 0 &&
            rank != points->statement->iterative_rank && cost < best_cost) {
            best = k;
            best_cost = cost;
        }
    }
    return best;
}

static void move_level(struct points *points, int from, int to)
{
    int step = from < to ? 1 : -1;
    for (int k = from; k != to; k += step) {
        int rank = points->level_rank[k];
        int64_t low = points->low[k];
        int64_t high = points->high[k];
        points->level_rank[k] = points->level_rank[k + step];
        points->low[k] = points->low[k + step];
        points->high[k] = points->high[k + step];
        points->level_rank[k + step] = rank;
        points->low[k + step] = low;
        points->high[k + step] = high;
    }
}

static int find_level(const struct points *points, int rank)
{
    int level = 0;
    while (points->level_rank[level] != rank) {
        level++;
    }
    return level;
}

/* m of m < LEN[b] inside of b: only its values below LEN[b] are visited. */
static void order_intervals(struct points *points)
{
    for (int i = 0; i < points->extension->condition_count; i++) {
        const struct condition *condition = points->extension->condition[i];
        int inner = -1;
        int outer = -1;
        for (int r = 0; r < EINSUM_MAX_RANKS; r++) {
            if ((condition->ranks >> r & 1) == 0) {
                continue;
            }
            int level = find_level(points, r);
            if (condition_index_side(condition, r) >= 0) {
                inner = level;
            } else {
                outer = MAX(outer, level);
            }
        }
        if (inner >= 0 && outer > inner) {
            move_level(points, inner, outer);
        }
    }
}

static void order_levels(struct points *points, const int64_t *lo,
                         const int64_t *hi)
{
    const struct einsum_statement *statement = points->statement;
    points->level_count = statement->rank_count;
    for (int k = 0; k < statement->rank_count; k++) {
        points->level_rank[k] = statement->rank[k];
        points->low[k] = lo[k];
        points->high[k] = hi[k] - 1;
    }
    int row = choose_row_level(points);
    int row_rank = row < 0 ? -1 : points->level_rank[row];
    points->has_row = row >= 0;
    order_intervals(points);
    row = row < 0 ? row : find_level(points, row_rank);
    if (row >= 0) {
        move_level(points, row, points->level_count - 1);
    }
    for (int k = 0; k < points->level_count; k++) {
        if (points->level_rank[k] == statement->iterative_rank) {
            move_level(points, k, 0);
        }
    }
    conditions_place(points->extension, points->level_rank, points->level_count,
                     points->conditions);
}

/* ---- running ------------------------------------------------------------- */

static bool is_empty(const struct einsum_statement *statement,
                     const int64_t *lo, const int64_t *hi)
{
    for (int i = 0; i < statement->rank_count; i++) {
        if (lo[i] >= hi[i]) {
            return true;
        }
    }
    return false;
}

void points_run(const struct workload *workload, int statement_id,
                const int64_t *lo, const int64_t *hi,
                const struct points_output *output, struct einsum_data *data)
{
    const struct einsum_statement *statement =
        &workload->statements[statement_id];
    struct points points = {
        .statement = statement,
        .extension = statement->extension,
        .data = data,
        .point = {.workload = workload, .data = data},
    };
    if (is_empty(statement, lo, hi)) {
        return;
    }
    find_operands(&points);
    plan_init_row(&points.plan, workload, statement, data->arithmetic);
    points.plan.output = whole_tensor(&points, statement->output.tensor);
    if (data->is_free != NULL && data->is_free[statement->output.tensor]) {
        points.plan.output.error = NULL;
    }
    for (int i = 0; i < statement->read_count; i++) {
        points.plan.read[i] =
            whole_tensor(&points, statement->resolved_reads[i].tensor);
    }
    if (output != NULL && output->expr != NULL) {
        points.plan.expr = output->expr;
    }
    if (output != NULL) {
        points.plan.output = output->operand;
        points.start[0] = output->start;
        for (int r = 0; r < EINSUM_MAX_RANKS; r++) {
            points.stride[0][r] = output->stride[r];
        }
    }
    order_levels(&points, lo, hi);
    if (points.level_count > 0 || holds(&points, ~(guint64)0)) {
        run_level(&points, 0);
    }
}
