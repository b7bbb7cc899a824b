/* Rows of sums of products with error analysis: the formulas of rounding.c for
 * the usual case, a normal product of finite operands, without calls. */
#include "einsum/interpret.h"

#include <float.h>
#include <math.h>

#include "einsum/rounding.h"

struct bounded {
    double value;
    double error;
};

static void fold_product(const struct box_plan *plan, struct bounded a,
                         struct bounded b, struct bounded *sum)
{
    double product = a.value * b.value;
    double size = fabs(product);
    double error = (fabs(a.value) * b.error + fabs(b.value) * a.error +
                    a.error * b.error + UNIT_ROUNDOFF * size) *
                   ERROR_INFLATE;
    sum->value += product;
    if (size >= DBL_MIN && size <= DBL_MAX && error <= DBL_MAX) {
        sum->error +=
            (error * (1.0 + plan->gamma) + plan->gamma * size) * ERROR_INFLATE;
    } else {
        error =
            op_error(EINSUM_MUL, a.value, a.error, b.value, b.error, product);
        sum->error += sum_term_error(product, error, plan->gamma);
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
        fold_product(plan, read_factor(plan, at, 0, i),
                     read_factor(plan, at, 1, i), &sum);
        plan->output.value[offset] = sum.value;
        plan->output.error[offset] = sum.error;
    }
}
