/* A row evaluates the postfix expression on vectors of up to ROW_CHUNK elements,
 * one operation over all of them at a time, so that the cost of choosing the
 * operation is spread thin; operands that already lie side by side are used
 * where they are. With error analysis every vector of values goes with the
 * vector of their errors' bounds (rounding.c has the formulas). Sums of products
 * without it have rows of their own. */
#include "einsum/interpret.h"

#include <math.h>
#include <string.h>

#include "einsum/einsum_ops.h"
#include "einsum/rounding.h"

/* ---- sums of products
 * -------------------------------------------------------- */

/* Four sums in parallel: one alone waits for its own addition each time. */
static double dot_adjacent(const double *a, const double *b, int64_t count)
{
    double sum[4] = {0.0, 0.0, 0.0, 0.0};
    int64_t i = 0;
    for (; i + 4 <= count; i += 4) {
        sum[0] += a[i] * b[i];
        sum[1] += a[i + 1] * b[i + 1];
        sum[2] += a[i + 2] * b[i + 2];
        sum[3] += a[i + 3] * b[i + 3];
    }
    for (; i < count; i++) {
        sum[0] += a[i] * b[i];
    }
    return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}

static double dot_strided(const double *a, int64_t stride_a, const double *b,
                          int64_t stride_b, int64_t count)
{
    double sum = 0.0;
    for (int64_t i = 0; i < count; i++) {
        sum += a[i * stride_a] * b[i * stride_b];
    }
    return sum;
}

static void axpy_adjacent(double *restrict y, double a,
                          const double *restrict x, int64_t count)
{
    for (int64_t i = 0; i < count; i++) {
        y[i] += a * x[i];
    }
}

struct factor {
    const double *value;
    int64_t stride;
};

static void axpy_strided(double *y, int64_t stride, struct factor a,
                         struct factor b, int64_t count)
{
    for (int64_t i = 0; i < count; i++) {
        y[i * stride] += a.value[i * a.stride] * b.value[i * b.stride];
    }
}

static struct factor find_factor(const struct box_plan *plan, int node,
                                 const int64_t *at)
{
    int read = plan->expr->nodes[node].read;
    const struct box_loop *row = &plan->loop[plan->loop_count - 1];
    return (struct factor){plan->read[read].value + at[read + 1],
                           row->read_stride[read]};
}

void row_dot(const struct box_plan *plan, const int64_t *at)
{
    int64_t count = plan->loop[plan->loop_count - 1].count;
    struct factor a = find_factor(plan, 0, at);
    struct factor b = find_factor(plan, 1, at);
    plan->output.value[at[0]] +=
        a.stride == 1 && b.stride == 1
            ? dot_adjacent(a.value, b.value, count)
            : dot_strided(a.value, a.stride, b.value, b.stride, count);
}

void row_axpy(const struct box_plan *plan, const int64_t *at)
{
    const struct box_loop *row = &plan->loop[plan->loop_count - 1];
    struct factor a = find_factor(plan, 0, at);
    struct factor b = find_factor(plan, 1, at);
    double *y = plan->output.value + at[0];
    if (row->output_stride == 1 && a.stride == 0 && b.stride == 1) {
        axpy_adjacent(y, a.value[0], b.value, row->count);
    } else if (row->output_stride == 1 && a.stride == 1 && b.stride == 0) {
        axpy_adjacent(y, b.value[0], a.value, row->count);
    } else {
        axpy_strided(y, row->output_stride, a, b, row->count);
    }
}

/* ---- any expression
 * ------------------------------------------------------------ */

/* Defines a function that applies `value` to every element. */
#define VECTOR_OP(name, value)                                                 \
    static void name(const double *const *operand, double *result,             \
                     int64_t count)                                            \
    {                                                                          \
        const double *a = operand[0];                                          \
        const double *b = operand[1];                                          \
        const double *c = operand[2];                                          \
        (void)b;                                                               \
        (void)c;                                                               \
        for (int64_t i = 0; i < count; i++) {                                  \
            result[i] = (value);                                               \
        }                                                                      \
    }

VECTOR_OP(vector_mul, a[i] * b[i])
VECTOR_OP(vector_add, a[i] + b[i])
VECTOR_OP(vector_sub, a[i] - b[i])
VECTOR_OP(vector_divide, a[i] / b[i])
VECTOR_OP(vector_max, max_keep_nan(a[i], b[i]))
VECTOR_OP(vector_min, min_keep_nan(a[i], b[i]))
VECTOR_OP(vector_exp, exp(a[i]))
VECTOR_OP(vector_log, log(a[i]))
VECTOR_OP(vector_sqrt, sqrt(a[i]))
VECTOR_OP(vector_abs, fabs(a[i]))
VECTOR_OP(vector_negate, -a[i])
VECTOR_OP(vector_tanh, tanh(a[i]))
VECTOR_OP(vector_sigmoid, sigmoid(a[i]))
VECTOR_OP(vector_relu, max_keep_nan(a[i], 0.0))
VECTOR_OP(vector_erf, erf(a[i]))
VECTOR_OP(vector_rsqrt, 1.0 / sqrt(a[i]))
VECTOR_OP(vector_sin, sin(a[i]))
VECTOR_OP(vector_cos, cos(a[i]))
VECTOR_OP(vector_floor, floor(a[i]))
VECTOR_OP(vector_sign, op_apply(EINSUM_SIGN, a[i], 0.0))
VECTOR_OP(vector_pow, pow(a[i], b[i]))
VECTOR_OP(vector_mod, floor_mod(a[i], b[i]))
VECTOR_OP(vector_less, a[i] < b[i] ? 1.0 : 0.0)
VECTOR_OP(vector_less_equal, a[i] <= b[i] ? 1.0 : 0.0)
VECTOR_OP(vector_equal, a[i] <= b[i] && a[i] >= b[i] ? 1.0 : 0.0)
VECTOR_OP(vector_not_equal, a[i] <= b[i] && a[i] >= b[i] ? 0.0 : 1.0)
VECTOR_OP(vector_select, fabs(a[i]) > 0.0 ? b[i] : c[i])

typedef void (*vector_function)(const double *const *operand, double *result,
                                int64_t count);

static const vector_function vector_ops[EINSUM_OP_COUNT] = {
    [EINSUM_MUL] = vector_mul,         [EINSUM_ADD] = vector_add,
    [EINSUM_SUB] = vector_sub,         [EINSUM_DIVIDE] = vector_divide,
    [EINSUM_MAX] = vector_max,         [EINSUM_MIN] = vector_min,
    [EINSUM_EXP] = vector_exp,         [EINSUM_LOG] = vector_log,
    [EINSUM_SQRT] = vector_sqrt,       [EINSUM_ABS] = vector_abs,
    [EINSUM_NEGATE] = vector_negate,   [EINSUM_TANH] = vector_tanh,
    [EINSUM_SIGMOID] = vector_sigmoid, [EINSUM_RELU] = vector_relu,
    [EINSUM_ERF] = vector_erf,         [EINSUM_RSQRT] = vector_rsqrt,
    [EINSUM_SIN] = vector_sin,         [EINSUM_COS] = vector_cos,
    [EINSUM_FLOOR] = vector_floor,     [EINSUM_SIGN] = vector_sign,
    [EINSUM_POW] = vector_pow,         [EINSUM_MOD] = vector_mod,
    [EINSUM_LESS] = vector_less,       [EINSUM_LESS_EQUAL] = vector_less_equal,
    [EINSUM_EQUAL] = vector_equal,     [EINSUM_NOT_EQUAL] = vector_not_equal,
    [EINSUM_SELECT] = vector_select,
};

static const double *load(const double *from, int64_t stride, double *buffer,
                          int64_t count)
{
    if (stride == 1) {
        return from;
    }
    for (int64_t i = 0; i < count; i++) {
        buffer[i] = from[i * stride];
    }
    return buffer;
}

static const double *fill(double number, double *buffer, int64_t count)
{
    for (int64_t i = 0; i < count; i++) {
        buffer[i] = number;
    }
    return buffer;
}

static void fill_index(int64_t start, int64_t stride, double *buffer,
                       int64_t count)
{
    for (int64_t i = 0; i < count; i++) {
        buffer[i] = (double)(start + i * stride);
    }
}

/* Places of the expression's stack. Errors are not touched by rows without error
 * analysis. */
struct row_buffers {
    double value[EINSUM_MAX_STACK + 1][ROW_CHUNK];
    double error[EINSUM_MAX_STACK + 1][ROW_CHUNK];
    double result[ROW_CHUNK]; /* while its operands are still needed */
    double raised[ROW_CHUNK]; /* likewise, its error */
};

/* Points first .. first + count - 1 of a row. */
struct chunk {
    const struct box_plan *plan;
    const int64_t *at;
    int64_t first;
    int64_t count;
    struct row_buffers *buffers;
};

static struct bounded_row read_chunk(const struct chunk *chunk, int read,
                                     int depth)
{
    const struct box_plan *plan = chunk->plan;
    const struct box_operand *operand = &plan->read[read];
    int64_t stride = plan->loop[plan->loop_count - 1].read_stride[read];
    int64_t offset = chunk->at[read + 1] + chunk->first * stride;
    struct bounded_row row = {load(operand->value + offset, stride,
                                   chunk->buffers->value[depth], chunk->count),
                              NULL, plan->read_format[read]};
    if (operand->error != NULL) {
        row.error = load(operand->error + offset, stride,
                         chunk->buffers->error[depth], chunk->count);
    }
    return row;
}

static struct bounded_row number_chunk(const struct chunk *chunk, double number,
                                       double error, int depth)
{
    bool has_error = chunk->plan->output.error != NULL;
    return (struct bounded_row){
        fill(number, chunk->buffers->value[depth], chunk->count),
        has_error ? fill(error, chunk->buffers->error[depth], chunk->count)
                  : NULL,
        NULL,
    };
}

static struct bounded_row index_chunk(const struct chunk *chunk, int stream,
                                      int depth)
{
    const struct box_plan *plan = chunk->plan;
    int64_t stride = plan->loop[plan->loop_count - 1].read_stride[stream];
    struct bounded_row row = number_chunk(chunk, 0.0, 0.0, depth);
    fill_index(plan->read[stream].start + chunk->at[stream + 1] +
                   chunk->first * stride,
               stride, chunk->buffers->value[depth], chunk->count);
    return row;
}

static void select_errors(const struct bounded_row *operand, double *error,
                          int64_t count)
{
    for (int64_t i = 0; i < count; i++) {
        error[i] = select_error(operand[0].value[i], operand[0].error[i],
                                operand[1].value[i], operand[1].error[i],
                                operand[2].value[i], operand[2].error[i]);
    }
}

static void apply_errors(enum einsum_op op, const struct bounded_row *operand,
                         const double *result, double *error, int64_t count)
{
    if (op == EINSUM_SELECT) {
        select_errors(operand, error, count);
    } else {
        op_error_row(op, &operand[0], &operand[op_arity(op) - 1], result, error,
                     count);
    }
}

/* Of a mac, in their places of the stack. */
static void convert_operands(const struct chunk *chunk,
                             struct bounded_row *operand, int depth)
{
    for (int i = 0; i < 2; i++) {
        struct tensor_data to = {chunk->buffers->value[depth + i],
                                 chunk->plan->output.error == NULL
                                     ? NULL
                                     : chunk->buffers->error[depth + i]};
        format_multiplicand(chunk->plan, &operand[i], &to, chunk->count);
    }
}

/* `operand` is the stack from the operation's first operand on; the root gives
 * the expression's value. */
static struct bounded_row apply_chunk(const struct chunk *chunk,
                                      enum einsum_op op, bool is_root,
                                      struct bounded_row *operand, int depth)
{
    const double *value[OP_MAX_ARITY];
    bool has_error = chunk->plan->output.error != NULL;
    bool is_formatted = chunk->plan->arithmetic != NULL;
    if (is_formatted && is_root && plan_is_mac(chunk->plan)) {
        convert_operands(chunk, operand, depth);
    }
    for (int i = 0; i < OP_MAX_ARITY; i++) {
        value[i] = operand[i].value;
    }
    double *result = chunk->buffers->value[depth];
    double *kept = has_error ? chunk->buffers->error[depth] : NULL;
    double *error = has_error && is_formatted ? chunk->buffers->raised : kept;
    if (!has_error && !is_formatted) {
        vector_ops[op](value, result, chunk->count);
        return (struct bounded_row){result, NULL, NULL};
    }
    double *exact = chunk->buffers->result;
    const struct format *format = NULL;
    vector_ops[op](value, exact, chunk->count);
    if (has_error) {
        apply_errors(op, operand, exact, error, chunk->count);
    }
    if (is_formatted) {
        format = format_chunk(chunk->plan, op, is_root, operand, exact, result,
                              error, chunk->count);
        if (has_error) {
            memcpy(kept, error, (size_t)chunk->count * sizeof(double));
        }
    } else {
        memcpy(result, exact, (size_t)chunk->count * sizeof(double));
    }
    return (struct bounded_row){result, kept, format};
}

static struct bounded_row constant_chunk(const struct chunk *chunk,
                                         const struct expr_node *node,
                                         int depth)
{
    double error = node->error;
    double number = node->number;
    if (chunk->plan->arithmetic != NULL) {
        number = format_constant(chunk->plan, number, &error);
    }
    return number_chunk(chunk, number, error, depth);
}

/* In the chunk's buffers, or in the operand itself. */
static struct bounded_row eval_chunk(const struct chunk *chunk)
{
    const struct einsum_expr *expr = chunk->plan->expr;
    struct bounded_row stack[EINSUM_MAX_STACK + OP_MAX_ARITY] = {
        {NULL, NULL, NULL}};
    int depth = 0;
    for (int n = 0; n < expr->node_count; n++) {
        const struct expr_node *node = &expr->nodes[n];
        switch (node->kind) {
        case NODE_NUMBER:
            stack[depth] = constant_chunk(chunk, node, depth);
            break;
        case NODE_READ:
            stack[depth] = read_chunk(chunk, node->read, depth);
            break;
        case NODE_INDEX:
            stack[depth] = index_chunk(chunk, node->read, depth);
            break;
        case NODE_OP:
            depth -= op_arity(node->op);
            stack[depth] =
                apply_chunk(chunk, node->op, n == expr->node_count - 1,
                            &stack[depth], depth);
            break;
        }
        depth++;
    }
    return stack[0];
}

/* ---- into the output
 * ------------------------------------------------------------- */

static double reduce_chunk(enum einsum_reduce reduce, double start,
                           const double *values, int64_t count)
{
    double result = start;
    if (reduce == EINSUM_SUM) {
        double sum[4] = {0.0, 0.0, 0.0, 0.0};
        int64_t i = 0;
        for (; i + 4 <= count; i += 4) {
            sum[0] += values[i];
            sum[1] += values[i + 1];
            sum[2] += values[i + 2];
            sum[3] += values[i + 3];
        }
        for (; i < count; i++) {
            sum[0] += values[i];
        }
        return result + ((sum[0] + sum[1]) + (sum[2] + sum[3]));
    }
    for (int64_t i = 0; i < count; i++) {
        result = reduce_apply(reduce, result, values[i]);
    }
    return result;
}

static void store_chunk(enum einsum_reduce reduce, double *output,
                        int64_t stride, const double *values, int64_t count)
{
    switch (reduce) {
    case EINSUM_NO_REDUCE:
        for (int64_t i = 0; i < count; i++) {
            output[i * stride] = values[i];
        }
        break;
    case EINSUM_SUM:
        for (int64_t i = 0; i < count; i++) {
            output[i * stride] += values[i];
        }
        break;
    case EINSUM_MAXIMUM:
        for (int64_t i = 0; i < count; i++) {
            output[i * stride] = max_keep_nan(output[i * stride], values[i]);
        }
        break;
    case EINSUM_MINIMUM:
        for (int64_t i = 0; i < count; i++) {
            output[i * stride] = min_keep_nan(output[i * stride], values[i]);
        }
        break;
    case EINSUM_PRODUCT:
        for (int64_t i = 0; i < count; i++) {
            output[i * stride] *= values[i];
        }
        break;
    }
}

static void fold_error(const struct box_plan *plan, double term,
                       double term_error, double *value, double *error)
{
    double before = *value;
    *value = reduce_apply(plan->reduce, before, term);
    switch (plan->reduce) {
    case EINSUM_NO_REDUCE:
        *error = term_error;
        break;
    case EINSUM_PRODUCT:
        *error = product_term_error(before, *error, term, term_error, *value);
        break;
    case EINSUM_SUM:
        *error += sum_term_error(term, term_error, plan->gamma);
        break;
    case EINSUM_MAXIMUM:
    case EINSUM_MINIMUM:
        *error = isnan(*value) ? (double)NAN : fmax(*error, term_error);
        break;
    }
}

static void store_folded(const struct chunk *chunk,
                         const struct bounded_row *row)
{
    const struct box_plan *plan = chunk->plan;
    int64_t stride = plan->loop[plan->loop_count - 1].output_stride;
    int64_t offset = chunk->at[0] + chunk->first * stride;
    for (int64_t i = 0; i < chunk->count; i++) {
        double error = row->error == NULL ? 0.0 : row->error[i];
        row_format_fold(
            plan, row->value[i], error, plan->output.value + offset,
            plan->output.error == NULL ? NULL : plan->output.error + offset);
        offset += stride;
    }
}

static void store_errors(const struct chunk *chunk,
                         const struct bounded_row *row)
{
    const struct box_plan *plan = chunk->plan;
    int64_t stride = plan->loop[plan->loop_count - 1].output_stride;
    int64_t offset = chunk->at[0] + chunk->first * stride;
    for (int64_t i = 0; i < chunk->count; i++) {
        fold_error(plan, row->value[i], row->error[i],
                   plan->output.value + offset, plan->output.error + offset);
        offset += stride;
    }
}

static void store_values(const struct chunk *chunk, const double *values)
{
    const struct box_plan *plan = chunk->plan;
    g_assert(values != NULL); /* no expression is empty */
    int64_t stride = plan->loop[plan->loop_count - 1].output_stride;
    double *output = plan->output.value + chunk->at[0] + chunk->first * stride;
    if (plan->reduce != EINSUM_NO_REDUCE && stride == 0) {
        *output = reduce_chunk(plan->reduce, *output, values, chunk->count);
    } else {
        store_chunk(plan->reduce, output, stride, values, chunk->count);
    }
}

void row_general(const struct box_plan *plan, const int64_t *at)
{
    struct row_buffers buffers;
    int64_t points = plan->loop[plan->loop_count - 1].count;
    for (int64_t first = 0; first < points; first += ROW_CHUNK) {
        struct chunk chunk = {
            .plan = plan,
            .at = at,
            .first = first,
            .count = MIN(points - first, ROW_CHUNK),
            .buffers = &buffers,
        };
        struct bounded_row row = eval_chunk(&chunk);
        if (plan->arithmetic != NULL) {
            store_folded(&chunk, &row);
        } else if (plan->output.error != NULL) {
            store_errors(&chunk, &row);
        } else {
            store_values(&chunk, row.value);
        }
    }
}
