/* Rows under an arithmetic: every operation rounded to its format.
 *
 * Errors: with x the exact result of an operation on computed operands, known in
 * double, and e what its operands' errors amount to (rounding.c), rounding moves
 * it by at most format_rounding_error(x, 2 e) more: an evaluation in another order
 * computes an x' within e of the same exact value, so |x' - x| <= 2 e. Where the
 * format has all results anyway (the maximum of two of its values), nothing is
 * added. A sum of n terms in any order rounds each term at most n times, so a
 * term t adds ((1+u)^n - 1)(|t| + e_t), and near 0 the smallest value n times. */
#include "einsum/interpret.h"

#include <math.h>
#include <string.h>

#include "einsum/einsum_ops.h"

bool plan_is_mac(const struct box_plan *plan)
{
    const struct einsum_expr *expr = plan->expr;
    const struct expr_node *root = &expr->nodes[expr->node_count - 1];
    return plan->reduce == EINSUM_SUM && root->kind == NODE_OP &&
           root->op == EINSUM_MUL;
}

const struct einsum_operation *plan_reduction(const struct box_plan *plan)
{
    const struct einsum_operation *operation = plan->operation;
    switch (plan->reduce) {
    case EINSUM_SUM:
        return &operation[plan_is_mac(plan) ? EINSUM_MAC : EINSUM_ADD];
    case EINSUM_MAXIMUM:
        return &operation[EINSUM_MAX];
    case EINSUM_MINIMUM:
        return &operation[EINSUM_MIN];
    case EINSUM_PRODUCT:
    case EINSUM_NO_REDUCE:
        break;
    }
    return &operation[EINSUM_MUL];
}

/* The bound `error` of x, raised by its rounding. */
static double rounded_error(const struct einsum_operation *operation, double x,
                            double error)
{
    error += format_rounding_error(operation->format, &operation->policy, x,
                                   2.0 * error);
    return error * ERROR_INFLATE;
}

static double round_to(const struct einsum_operation *operation, double x)
{
    return format_round(operation->format, &operation->policy, x);
}

/* ---- one operation of an expression ---------------------------------------- */

/* The result is an operand, its negation, 0 or 1. */
static bool is_selection(enum einsum_op op)
{
    switch (op) {
    case EINSUM_MAX:
    case EINSUM_MIN:
    case EINSUM_ABS:
    case EINSUM_NEGATE:
    case EINSUM_RELU:
    case EINSUM_SIGN:
    case EINSUM_LESS:
    case EINSUM_LESS_EQUAL:
    case EINSUM_EQUAL:
    case EINSUM_NOT_EQUAL:
    case EINSUM_SELECT:
        return true;
    case EINSUM_MAC:
    case EINSUM_MUL:
    case EINSUM_ADD:
    case EINSUM_SUB:
    case EINSUM_DIVIDE:
    case EINSUM_EXP:
    case EINSUM_LOG:
    case EINSUM_SQRT:
    case EINSUM_TANH:
    case EINSUM_SIGMOID:
    case EINSUM_ERF:
    case EINSUM_RSQRT:
    case EINSUM_SIN:
    case EINSUM_COS:
    case EINSUM_FLOOR:
    case EINSUM_POW:
    case EINSUM_MOD:
    case EINSUM_OP_COUNT:
        break;
    }
    return false;
}

static bool is_comparison(enum einsum_op op)
{
    return op == EINSUM_LESS || op == EINSUM_LESS_EQUAL || op == EINSUM_EQUAL ||
           op == EINSUM_NOT_EQUAL || op == EINSUM_SIGN;
}

/* Has the format all values that the operation can select from? An integer
 * format lacks the negation of its least value. */
static bool has_results(const struct format *format, enum einsum_op op,
                        const struct bounded_row *operand)
{
    if (is_comparison(op)) {
        return format->kind != FORMAT_SIGN;
    }
    for (int i = op == EINSUM_SELECT ? 1 : 0; i < op_arity(op); i++) {
        if (operand[i].format == NULL ||
            !format_contains(format, operand[i].format)) {
            return false;
        }
    }
    return is_selection(op) && format->kind == FORMAT_FLOAT;
}

static void round_results(const struct einsum_operation *operation,
                          enum einsum_op op, const struct bounded_row *operand,
                          const double *exact, double *result, int64_t count)
{
    const struct format *format = operation->format;
    const struct format_policy *policy = &operation->policy;
    const double *a = operand[0].value;
    const double *b = operand[1].value;
    size_t n = (size_t)count;
    switch ((int)op) {
    case EINSUM_ADD:
        format_apply_row(FORMAT_ADD, format, policy, a, b, result, n);
        return;
    case EINSUM_SUB:
        format_apply_row(FORMAT_SUBTRACT, format, policy, a, b, result, n);
        return;
    case EINSUM_MUL:
        format_apply_row(FORMAT_MULTIPLY, format, policy, a, b, result, n);
        return;
    case EINSUM_DIVIDE:
        format_apply_row(FORMAT_DIVIDE, format, policy, a, b, result, n);
        return;
    case EINSUM_SQRT:
        format_apply_row(FORMAT_SQUARE_ROOT, format, policy, a, a, result, n);
        return;
    default:
        memcpy(result, exact, n * sizeof(double));
        format_round_row(format, policy, result, n);
    }
}

/* The relative error is of the result for these or other operands within twice
 * their errors; subnormal and overflowing results are rounded besides. */
static void approximate(const struct einsum_operation *operation,
                        const struct bounded_row *operand, int operand_count,
                        const double *exact, double *result, double *error,
                        int64_t count)
{
    const struct approximation *approximation = operation->approximation;
    const double *second = operand[operand_count - 1].value;
    for (int64_t i = 0; i < count; i++) {
        double a = operand[0].value[i];
        if (error != NULL) {
            double reach = fabs(a) + 2.0 * operand[0].error[i];
            double share =
                isfinite(reach)
                    ? approximation_error(approximation, operation->format,
                                          &operation->policy, reach)
                : isinf(a) ? 0.0
                           : (double)INFINITY;
            double size = fabs(exact[i]) + 2.0 * error[i];
            double own = isfinite(exact[i]) ? share * size : 0.0;
            error[i] = rounded_error(operation, exact[i], error[i]) +
                       own * ERROR_INFLATE;
        }
        result[i] = approximation_value(approximation, operation->format,
                                        &operation->policy, a, second[i]);
    }
}

const struct format *format_chunk(const struct box_plan *plan,
                                  enum einsum_op op, bool is_root,
                                  const struct bounded_row *operand,
                                  const double *exact, double *result,
                                  double *error, int64_t count)
{
    const struct einsum_arithmetic *arithmetic = plan->arithmetic;
    struct einsum_operation operation = plan->operation[op];
    bool is_mac = is_root && plan_is_mac(plan);
    if (is_mac) {
        operation.format = arithmetic->product; /* NULL: exact */
    }
    if (operation.format == NULL ||
        has_results(operation.format, op, operand)) {
        memcpy(result, exact, (size_t)count * sizeof(double));
        return operation.format;
    }
    if (operation.approximation != NULL) {
        approximate(&operation, operand, op_arity(op), exact, result, error,
                    count);
        return operation.format;
    }
    for (int64_t i = 0; error != NULL && i < count; i++) {
        error[i] = rounded_error(&operation, exact[i], error[i]);
    }
    round_results(&operation, op, operand, exact, result, count);
    return operation.format;
}

double format_constant(const struct box_plan *plan, double number,
                       double *error)
{
    const struct einsum_operation *operation = &plan->operation[EINSUM_MUL];
    bool is_held = operation->format->kind == FORMAT_FLOAT;
    double held = is_held ? round_to(operation, number) : number;
    if (isfinite(number)) {
        *error += fabs(held - number);
    }
    return held;
}

/* ---- sums of products ------------------------------------------------------ */

/* Needs a value of this format to be rounded before it is multiplied? */
static bool is_converted(const struct box_plan *plan,
                         const struct format *format)
{
    const struct format *multiplicand = plan->arithmetic->multiplicand;
    return multiplicand != NULL &&
           (format == NULL || !format_contains(multiplicand, format));
}

void format_multiplicand(const struct box_plan *plan, struct bounded_row *row,
                         const struct tensor_data *to, int64_t count)
{
    const struct einsum_operation operation = {
        plan->arithmetic->multiplicand, plan->operation[EINSUM_MAC].policy,
        NULL};
    if (!is_converted(plan, row->format)) {
        return;
    }
    for (int64_t i = 0; to->error != NULL && i < count; i++) {
        to->error[i] = rounded_error(&operation, row->value[i], row->error[i]);
    }
    memmove(to->value, row->value, (size_t)count * sizeof(double));
    format_round_row(operation.format, &operation.policy, to->value,
                     (size_t)count);
    *row = (struct bounded_row){to->value, to->error, operation.format};
}

static double round_term(const struct einsum_operation *operation, double term,
                         double *error)
{
    *error = rounded_error(operation, term, *error);
    return round_to(operation, term);
}

static void fold_sum(const struct box_plan *plan, double term,
                     double term_error, double *value, double *error)
{
    const struct einsum_operation *sum = plan_reduction(plan);
    double before = *value;
    *value =
        sum->format->kind == FORMAT_FLOAT
            ? format_apply(FORMAT_ADD, sum->format, &sum->policy, before, term)
            : before + term;
    if (error == NULL) {
        return;
    }
    *error += sum_term_error(term, term_error, plan->gamma) + plan->least;
    if (!isfinite(*value) && isfinite(before) && isfinite(term)) {
        *error = (double)INFINITY; /* an overflow */
    }
}

/* Of terms in formats up to fp32, which a format that has that keeps as they
 * are. */
static void fold_extremum(const struct box_plan *plan, double term,
                          double term_error, double *value, double *error)
{
    const struct einsum_operation *operation = plan_reduction(plan);
    double rounded = round_to(operation, term);
    bool is_same = rounded <= term && rounded >= term;
    bool is_wide = operation->format->kind == FORMAT_FLOAT &&
                   operation->format->bits >= 32;
    if (!isnan(term) && !(is_wide && is_same)) {
        term_error = rounded_error(operation, term, term_error);
        term = rounded;
    }
    *value = reduce_apply(plan->reduce, *value, term);
    if (error != NULL) {
        *error = isnan(*value) ? (double)NAN : fmax(*error, term_error);
    }
}

static void fold_product(const struct box_plan *plan, double term,
                         double term_error, double *value, double *error)
{
    const struct einsum_operation *operation = plan_reduction(plan);
    double before = *value;
    *value = format_apply(FORMAT_MULTIPLY, operation->format,
                          &operation->policy, before, term);
    if (error != NULL) {
        /* Other orders of multiplication round other products: four times as
         * much as this one (rounding.h). */
        double exact = before * term;
        double passed =
            product_term_error(before, *error, term, term_error, exact);
        double own = format_rounding_error(operation->format,
                                           &operation->policy, exact, passed);
        *error = (passed + 4.0 * own) * ERROR_INFLATE;
    }
}

void row_format_fold(const struct box_plan *plan, double term,
                     double term_error, double *value, double *error)
{
    switch (plan->reduce) {
    case EINSUM_NO_REDUCE:
        *value = term;
        if (error != NULL) {
            *error = term_error;
        }
        return;
    case EINSUM_SUM:
        fold_sum(plan, term, term_error, value, error);
        return;
    case EINSUM_MAXIMUM:
    case EINSUM_MINIMUM:
        fold_extremum(plan, term, term_error, value, error);
        return;
    case EINSUM_PRODUCT:
        fold_product(plan, term, term_error, value, error);
        return;
    }
}

struct factor {
    const double *value;
    const double *error;
    int64_t stride;
    bool is_converted;
};

static struct factor find_factor(const struct box_plan *plan, const int64_t *at,
                                 int node)
{
    int read = plan->expr->nodes[node].read;
    const struct box_operand *operand = &plan->read[read];
    return (struct factor){
        operand->value + at[read + 1],
        operand->error == NULL ? NULL : operand->error + at[read + 1],
        plan->loop[plan->loop_count - 1].read_stride[read],
        is_converted(plan, plan->read_format[read]),
    };
}

static double read_factor(const struct box_plan *plan,
                          const struct factor *factor, int64_t i, double *error)
{
    const struct einsum_operation operation = {
        plan->arithmetic->multiplicand, plan->operation[EINSUM_MAC].policy,
        NULL};
    double value = factor->value[i * factor->stride];
    *error = factor->error == NULL ? 0.0 : factor->error[i * factor->stride];
    return factor->is_converted ? round_term(&operation, value, error) : value;
}

void row_format_product(const struct box_plan *plan, const int64_t *at)
{
    const struct einsum_operation product = {
        plan->arithmetic->product, plan->operation[EINSUM_MAC].policy, NULL};
    const struct box_loop *row = &plan->loop[plan->loop_count - 1];
    struct factor a = find_factor(plan, at, 0);
    struct factor b = find_factor(plan, at, 1);
    bool has_error = plan->output.error != NULL;
    int64_t offset = at[0];
    for (int64_t i = 0; i < row->count; i++, offset += row->output_stride) {
        double error_a = 0.0;
        double error_b = 0.0;
        double x = read_factor(plan, &a, i, &error_a);
        double y = read_factor(plan, &b, i, &error_b);
        double term = x * y;
        double error = has_error
                           ? op_error(EINSUM_MUL, x, error_a, y, error_b, term)
                           : 0.0;
        if (product.format != NULL) {
            error = has_error ? rounded_error(&product, term, error) : 0.0;
            term = format_apply(FORMAT_MULTIPLY, product.format,
                                &product.policy, x, y);
        }
        row_format_fold(plan, term, error, plan->output.value + offset,
                        has_error ? plan->output.error + offset : NULL);
    }
}
