/* What values inputs take: the constants of their declarations. */
#include "einsum/binder.h"

#include <math.h>

#include "einsum/einsum_ops.h"

/* Beyond it not every whole number is a double. */
#define LARGEST_INTEGER 0x1p53

static double constant_value(const struct binder *binder,
                             const struct ast_node *node)
{
    int64_t value = 0;
    double operand[OP_MAX_ARITY] = {0.0};
    if (node->kind == AST_NUMBER) {
        return node->number;
    }
    if (node->kind == AST_SHAPE) {
        return scope_get(binder->scope, node->name, &value) ? (double)value
                                                            : (double)NAN;
    }
    for (int i = 0; i < node->child_count; i++) {
        operand[i] = constant_value(binder, node->child[i]);
    }
    return node->op == EINSUM_SELECT
               ? (double)NAN
               : op_apply(node->op, operand[0], operand[1]);
}

static double number_at(const struct binder *binder,
                        const struct ast_values *parsed, guint i)
{
    return constant_value(binder, g_ptr_array_index(parsed->numbers, i));
}

/* "M/2" of an odd M means the whole number below, as in an index. */
static double integer_at(const struct binder *binder,
                         const struct ast_values *parsed, guint i)
{
    return floor(number_at(binder, parsed, i));
}

static int find_dim(const struct cascade_tensor *parsed,
                    const struct ast_node *rank)
{
    for (int d = 0; rank != NULL && d < parsed->dim_count; d++) {
        if (g_str_equal(parsed->declaration->child[d]->name, rank->name)) {
            return d;
        }
    }
    return -1;
}

/* How many values there are to choose from; infinite for reals. */
static double count_choices(const struct einsum_values *values)
{
    if (values->kind == EINSUM_VALUES_INTEGER) {
        return values->high - values->low + 1.0;
    }
    return values->kind == EINSUM_VALUES_SET ? (double)values->set_count
                                             : (double)INFINITY;
}

static const char *find_fault(const struct einsum_values *values)
{
    if (values->kind == EINSUM_VALUES_SET) {
        for (int i = 0; i < values->set_count; i++) {
            if (!isfinite(values->set[i])) {
                return "a set of values has finite numbers";
            }
        }
        return NULL;
    }
    bool is_integer = values->kind == EINSUM_VALUES_INTEGER;
    if (is_integer && (!(fabs(values->low) < LARGEST_INTEGER) ||
                       !(fabs(values->high) < LARGEST_INTEGER))) {
        return "whole numbers stay below 2^53";
    }
    if (!(values->low < values->high) &&
        !(is_integer && values->low <= values->high)) {
        return "there is no value between these ends";
    }
    return NULL;
}

/* A number that stands twice in a set is drawn twice as often. */
static bool has_repeated(const struct einsum_values *values)
{
    for (int i = 0; i < values->set_count; i++) {
        for (int j = 0; j < i; j++) {
            if (values->set[i] <= values->set[j] &&
                values->set[i] >= values->set[j]) {
                return true;
            }
        }
    }
    return false;
}

static void check_values(const struct binder *binder,
                         const struct ast_values *parsed,
                         const struct einsum_tensor *tensor)
{
    const struct einsum_values *values = &tensor->values;
    const char *fault = find_fault(values);
    int dim = values->distinct_dim;
    if (fault != NULL) {
        diag_error(binder->diags, place_span(parsed->place),
                   "einsum-input-values", NULL, "%s", fault);
    } else if (dim >= 0 && has_repeated(values)) {
        diag_error(binder->diags, place_span(parsed->place),
                   "einsum-input-values", NULL,
                   "a set with a repeated number has no distinct values");
    } else if (dim >= 0 &&
               count_choices(values) < (double)tensor->extent[dim]) {
        diag_error(binder->diags, place_span(parsed->place),
                   "einsum-input-values", NULL,
                   "%.0f values cannot be distinct along '%s', which has "
                   "%" G_GINT64_FORMAT,
                   count_choices(values), parsed->distinct->name,
                   tensor->extent[dim]);
    }
}

static void bind_values(const struct binder *binder,
                        const struct cascade_tensor *parsed,
                        struct einsum_tensor *tensor)
{
    const struct ast_values *written = parsed->values;
    struct einsum_values *values = &tensor->values;
    values->kind = written->kind;
    values->distinct_dim = find_dim(parsed, written->distinct);
    values->sorted_dim = find_dim(parsed, written->sorted);
    if (written->kind == EINSUM_VALUES_SET) {
        values->set_count = (int)written->numbers->len;
        values->set = g_new0(double, written->numbers->len);
        for (guint i = 0; i < written->numbers->len; i++) {
            values->set[i] = number_at(binder, written, i);
        }
    } else if (written->kind == EINSUM_VALUES_INTEGER) {
        values->low = integer_at(binder, written, 0);
        values->high = integer_at(binder, written, 1);
    } else {
        values->low = number_at(binder, written, 0);
        values->high = number_at(binder, written, 1);
    }
    check_values(binder, written, tensor);
}

void bind_inputs(struct binder *binder)
{
    for (int i = 0; i < binder->workload->tensor_count; i++) {
        const struct cascade_tensor *parsed =
            cascade_tensor_at(binder->cascade, (size_t)i);
        struct einsum_tensor *tensor = &binder->workload->tensors[i];
        tensor->values.distinct_dim = -1;
        tensor->values.sorted_dim = -1;
        if (parsed->values != NULL) {
            bind_values(binder, parsed, tensor);
        }
    }
}
