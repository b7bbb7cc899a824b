/* Rows with error analysis, point by point: each value on the stack goes with
 * the bound of its error (rounding.c has the formulas). */
#include "einsum/interpret.h"

#include <float.h>
#include <math.h>

#include "einsum/einsum_ops.h"
#include "einsum/rounding.h"

struct bounded {
    double value;
    double error;
};

static struct bounded apply_select(const struct bounded *operand)
{
    bool is_first = fabs(operand[0].value) > 0.0;
    return (struct bounded){is_first ? operand[1].value : operand[2].value,
                            select_error(operand[0].value, operand[0].error,
                                         operand[1].value, operand[1].error,
                                         operand[2].value, operand[2].error)};
}

static struct bounded apply(enum einsum_op op, const struct bounded *operand)
{
    if (op == EINSUM_SELECT) {
        return apply_select(operand);
    }
    struct bounded a = operand[0];
    struct bounded b = operand[1];
    double value = op_apply(op, a.value, b.value);
    return (struct bounded){
        value, op_error(op, a.value, a.error, b.value, b.error, value)};
}

static struct bounded eval_point(const struct box_plan *plan, const int64_t *at,
                                 int64_t i)
{
    const struct box_loop *row = &plan->loop[plan->loop_count - 1];
    struct bounded stack[EINSUM_MAX_STACK + OP_MAX_ARITY] = {{0.0, 0.0}};
    int depth = 0;
    for (int n = 0; n < plan->expr->node_count; n++) {
        const struct expr_node *node = &plan->expr->nodes[n];
        if (node->kind == NODE_NUMBER) {
            stack[depth] = (struct bounded){node->number, node->error};
        } else if (node->kind == NODE_INDEX) {
            int64_t value = plan->read[node->read].start + at[node->read + 1] +
                            i * row->read_stride[node->read];
            stack[depth] = (struct bounded){(double)value, 0.0};
        } else if (node->kind == NODE_READ) {
            const struct box_operand *read = &plan->read[node->read];
            int64_t offset =
                at[node->read + 1] + i * row->read_stride[node->read];
            stack[depth] =
                (struct bounded){read->value[offset], read->error[offset]};
        } else {
            depth -= op_arity(node->op);
            stack[depth] = apply(node->op, &stack[depth]);
        }
        depth++;
    }
    return stack[0];
}

static void fold_point(const struct box_plan *plan, struct bounded term,
                       double *value, double *error)
{
    double before = *value;
    *value = reduce_apply(plan->reduce, before, term.value);
    switch (plan->reduce) {
    case EINSUM_NO_REDUCE:
        *error = term.error;
        break;
    case EINSUM_PRODUCT:
        *error =
            product_term_error(before, *error, term.value, term.error, *value);
        break;
    case EINSUM_SUM:
        *error += sum_term_error(term.value, term.error, plan->gamma);
        break;
    case EINSUM_MAXIMUM:
    case EINSUM_MINIMUM:
        *error = isnan(*value) ? (double)NAN : fmax(*error, term.error);
        break;
    }
}

void row_error(const struct box_plan *plan, const int64_t *at)
{
    const struct box_loop *row = &plan->loop[plan->loop_count - 1];
    for (int64_t i = 0; i < row->count; i++) {
        int64_t offset = at[0] + i * row->output_stride;
        fold_point(plan, eval_point(plan, at, i), plan->output.value + offset,
                   plan->output.error + offset);
    }
}

/* ---- sums of products ------------------------------------------------------- */

/* The same formulas for the usual case, a normal product of finite operands,
 * without calls; everything else takes the general way. */
static void fold_product(const struct box_plan *plan, const int64_t *at,
                         int64_t i, struct bounded a, struct bounded b,
                         struct bounded *sum)
{
    double product = a.value * b.value;
    double size = fabs(product);
    double error = (fabs(a.value) * b.error + fabs(b.value) * a.error +
                    a.error * b.error + UNIT_ROUNDOFF * size) *
                   ERROR_INFLATE;
    if (size >= DBL_MIN && size <= DBL_MAX && error <= DBL_MAX) {
        sum->value += product;
        sum->error +=
            (error * (1.0 + plan->gamma) + plan->gamma * size) * ERROR_INFLATE;
    } else {
        fold_point(plan, eval_point(plan, at, i), &sum->value, &sum->error);
    }
}

static struct bounded read_factor(const struct box_plan *plan,
                                  const int64_t *at, int node, int64_t i)
{
    const struct box_loop *row = &plan->loop[plan->loop_count - 1];
    int read = plan->expr->nodes[node].read;
    int64_t offset = at[read + 1] + i * row->read_stride[read];
    return (struct bounded){plan->read[read].value[offset],
                            plan->read[read].error[offset]};
}

void row_error_product(const struct box_plan *plan, const int64_t *at)
{
    const struct box_loop *row = &plan->loop[plan->loop_count - 1];
    for (int64_t i = 0; i < row->count; i++) {
        int64_t offset = at[0] + i * row->output_stride;
        struct bounded sum = {plan->output.value[offset],
                              plan->output.error[offset]};
        fold_product(plan, at, i, read_factor(plan, at, 0, i),
                     read_factor(plan, at, 1, i), &sum);
        plan->output.value[offset] = sum.value;
        plan->output.error[offset] = sum.error;
    }
}
