/* From a box to loops. The order of the loops is free, because a statement's
 * points do not depend on each other except along its iterative rank, which
 * becomes the outermost loop. The order of additions in a sum is therefore not
 * the textual one, but it is a fixed one. */
#include "einsum/extension.h"
#include "einsum/interpret.h"

#include <math.h>
#include <string.h>

#include "einsum/rounding.h"

/* Elements between neighbours along each dimension, row-major. */
static void find_dim_strides(const struct einsum_tensor *tensor,
                             int64_t *strides)
{
    int64_t stride = 1;
    for (int d = tensor->dim_count - 1; d >= 0; d--) {
        strides[d] = stride;
        stride *= tensor->extent[d];
    }
}

/* Element offset of the access at the box's first point, and its stride along
 * each rank of the statement. A rank of extent 1 never moves; its coefficient
 * may be any number, so it is not looked at. */
static int64_t find_strides(const struct workload *workload,
                            const struct einsum_statement *statement,
                            const struct einsum_access *access,
                            const int64_t *lo, int64_t *strides)
{
    int64_t dim_strides[EINSUM_MAX_DIMS] = {0};
    int64_t offset = 0;
    find_dim_strides(&workload->tensors[access->tensor], dim_strides);
    for (int d = 0; d < access->dim_count; d++) {
        offset += access->index[d].constant * dim_strides[d];
    }
    for (int i = 0; i < statement->rank_count; i++) {
        int rank = statement->rank[i];
        strides[i] = 0;
        for (int d = 0;
             workload->rank[rank].extent > 1 && d < access->dim_count; d++) {
            strides[i] += access->index[d].coefficient[rank] * dim_strides[d];
        }
        offset += strides[i] * lo[i];
    }
    return offset;
}

static struct box_operand make_operand(const struct tensor_data *tensor,
                                       int64_t offset)
{
    return (struct box_operand){
        tensor->value + offset,
        tensor->error == NULL ? NULL : tensor->error + offset,
        0,
    };
}

/* ---- order of the loops
 * -------------------------------------------------------- */

static double stride_cost(int64_t stride)
{
    if (stride == 0) {
        return 0.0;
    }
    return stride == 1 || stride == -1 ? 1.0 : 4.0;
}

/* Of one point with `loop` innermost: memory touched, and the start of a row
 * spread over its points. */
static double loop_cost(const struct box_plan *plan,
                        const struct box_loop *loop)
{
    double cost =
        2.0 * stride_cost(loop->output_stride) + 8.0 / (double)loop->count;
    for (int i = 0; i < plan->read_count; i++) {
        cost += stride_cost(loop->read_stride[i]);
    }
    return cost;
}

static void move_loop(struct box_plan *plan, int from, int to)
{
    struct box_loop moved = plan->loop[from];
    int low = MIN(from, to);
    int high = MAX(from, to);
    if (from < to) {
        memmove(&plan->loop[low], &plan->loop[low + 1],
                (size_t)(high - low) * sizeof moved);
    } else {
        memmove(&plan->loop[low + 1], &plan->loop[low],
                (size_t)(high - low) * sizeof moved);
    }
    plan->loop[to] = moved;
}

static void choose_inner(struct box_plan *plan, int first)
{
    int best = plan->loop_count - 1;
    for (int i = plan->loop_count - 2; i >= first; i--) {
        if (loop_cost(plan, &plan->loop[i]) <
            loop_cost(plan, &plan->loop[best])) {
            best = i;
        }
    }
    move_loop(plan, best, plan->loop_count - 1);
}

static bool can_merge(const struct box_plan *plan, const struct box_loop *outer,
                      const struct box_loop *inner)
{
    if (outer->output_stride != inner->output_stride * inner->count) {
        return false;
    }
    for (int i = 0; i < plan->read_count; i++) {
        if (outer->read_stride[i] != inner->read_stride[i] * inner->count) {
            return false;
        }
    }
    return true;
}

/* Two loops that together walk evenly are one longer loop. */
static void merge_loops(struct box_plan *plan, int first)
{
    for (int i = plan->loop_count - 2; i >= first; i--) {
        struct box_loop *inner = &plan->loop[i + 1];
        if (can_merge(plan, &plan->loop[i], inner)) {
            inner->count *= plan->loop[i].count;
            move_loop(plan, i, plan->loop_count - 1);
            plan->loop_count--;
        }
    }
}

/* Returns how many loops in front must stay where they are: the iterative
 * one, whose steps must not run side by side in a row. */
static int add_loops(struct box_plan *plan,
                     const struct einsum_statement *statement,
                     const int64_t *count, int64_t strides[][EINSUM_MAX_RANKS])
{
    int iterative = -1;
    for (int i = 0; i < statement->rank_count; i++) {
        struct box_loop *loop = &plan->loop[plan->loop_count];
        if (count[i] == 1) {
            continue;
        }
        loop->count = count[i];
        loop->output_stride = strides[0][i];
        for (int r = 0; r < plan->read_count; r++) {
            loop->read_stride[r] = strides[r + 1][i];
        }
        if (statement->rank[i] == statement->iterative_rank) {
            iterative = plan->loop_count;
        }
        plan->loop_count++;
    }
    if (iterative >= 0) {
        move_loop(plan, iterative, 0);
    }
    int first = iterative >= 0 ? 1 : 0;
    if (plan->loop_count == first) {
        plan->loop[plan->loop_count++] = (struct box_loop){.count = 1};
    }
    return first;
}

/* ---- the row
 * -------------------------------------------------------------------- */

static bool is_product_sum(const struct box_plan *plan)
{
    const struct expr_node *nodes = plan->expr->nodes;
    return plan->reduce == EINSUM_SUM && plan->expr->node_count == 3 &&
           nodes[0].kind == NODE_READ && nodes[1].kind == NODE_READ &&
           nodes[2].op == EINSUM_MUL;
}

static row_function choose_row(const struct box_plan *plan)
{
    if (!plan->is_product_sum) {
        return row_general;
    }
    if (plan->arithmetic != NULL) {
        return row_format_product;
    }
    if (plan->output.error != NULL) {
        return row_error_product;
    }
    return plan->loop[plan->loop_count - 1].output_stride == 0 ? row_dot
                                                               : row_axpy;
}

static double count_reduced_terms(const struct workload *workload,
                                  const struct einsum_statement *statement)
{
    double count = 1.0;
    for (int i = 0; i < statement->rank_count; i++) {
        if (statement->is_reduced[i]) {
            count *= (double)workload->rank[statement->rank[i]].extent;
        }
    }
    return count;
}

void plan_choose_row(struct box_plan *plan)
{
    /* Fast products know no exact sums. */
    bool is_exact = plan->output.error != NULL && !(plan->gamma > 0.0);
    plan->is_product_sum = is_product_sum(plan) && !is_exact;
    plan->run_row = choose_row(plan);
}

static int count_streams(const struct einsum_statement *statement)
{
    return statement->extension == NULL ? 0 : statement->extension->index_count;
}

static void init_arithmetic(struct box_plan *plan,
                            const struct einsum_statement *statement,
                            double term_count)
{
    const struct einsum_operation *sum = plan_reduction(plan);
    bool is_float = sum->format->kind == FORMAT_FLOAT;
    for (int i = 0; i < statement->read_count; i++) {
        const struct format_storage *storage =
            &plan->arithmetic->storage[statement->resolved_reads[i].tensor]
                 .storage;
        plan->read_format[i] =
            storage->sharing == FORMAT_UNSCALED ? storage->format : NULL;
    }
    plan->least =
        is_float ? format_rounding_error(sum->format, &sum->policy, 0.0, 0.0)
                 : 0.0;
    if (is_float) {
        /* No term is rounded more often than there are terms, whatever their
         * order: (1 + u)^n - 1. */
        double unit =
            format_rounding_error(sum->format, &sum->policy, 1.0, 0.0);
        plan->gamma += expm1(term_count * log1p(unit)) * ERROR_INFLATE;
    }
}

void plan_init_row(struct box_plan *plan, const struct workload *workload,
                   const struct einsum_statement *statement,
                   const struct einsum_arithmetic *arithmetic)
{
    plan->expr = statement->expr;
    plan->reduce = statement->reduce;
    plan->read_count = statement->read_count + count_streams(statement);
    plan->loop_count = 1;
    plan->fixed_count = 0;
    bool is_exact = workload->tensors[statement->output.tensor].values.kind ==
                    EINSUM_VALUES_INTEGER;
    double terms = count_reduced_terms(workload, statement);
    plan->gamma = is_exact ? 0.0 : sum_gamma(terms);
    plan->least = 0.0;
    plan->arithmetic = is_exact ? NULL : arithmetic;
    plan->operation = NULL;
    if (plan->arithmetic != NULL) {
        plan->operation =
            arithmetic->of_statement[statement - workload->statements];
    }
    if (plan->arithmetic != NULL && plan->operation == NULL) {
        plan->operation = arithmetic->operation;
    }
    for (int i = 0; i < plan->read_count; i++) {
        plan->read_format[i] = NULL;
    }
    if (plan->arithmetic != NULL) {
        init_arithmetic(plan, statement, terms);
    }
}

/* index(..): the stream's value instead of an element. */
static void add_index_streams(struct box_plan *plan,
                              const struct einsum_statement *statement,
                              const int64_t *lo,
                              int64_t strides[][EINSUM_MAX_RANKS])
{
    for (int k = 0; k < count_streams(statement); k++) {
        const struct affine *affine = &statement->extension->index[k]->affine;
        int stream = statement->read_count + k;
        plan->read[stream] = (struct box_operand){.start = affine->constant};
        for (int i = 0; i < statement->rank_count; i++) {
            strides[stream + 1][i] = affine->coefficient[statement->rank[i]];
            plan->read[stream].start += strides[stream + 1][i] * lo[i];
        }
    }
}

bool plan_init(struct box_plan *plan, const struct workload *workload,
               int statement_id, const int64_t *lo, const int64_t *hi,
               const struct einsum_data *data)
{
    const struct einsum_statement *statement =
        &workload->statements[statement_id];
    int64_t count[EINSUM_MAX_RANKS];
    int64_t strides[EINSUM_MAX_READS + 1][EINSUM_MAX_RANKS];
    for (int i = 0; i < statement->rank_count; i++) {
        count[i] = hi[i] - lo[i];
        if (count[i] < 1) {
            return false;
        }
    }
    plan_init_row(plan, workload, statement, data->arithmetic);
    plan->loop_count = 0;
    plan->output = make_operand(
        &data->tensors[statement->output.tensor],
        find_strides(workload, statement, &statement->output, lo, strides[0]));
    if (data->is_free != NULL && data->is_free[statement->output.tensor]) {
        plan->output.error = NULL;
    }
    for (int r = 0; r < statement->read_count; r++) {
        const struct einsum_access *read = &statement->resolved_reads[r];
        plan->read[r] = make_operand(
            &data->tensors[read->tensor],
            find_strides(workload, statement, read, lo, strides[r + 1]));
    }
    add_index_streams(plan, statement, lo, strides);
    int first = add_loops(plan, statement, count, strides);
    choose_inner(plan, first);
    merge_loops(plan, first);
    plan->fixed_count = first;
    plan_choose_row(plan);
    return true;
}
