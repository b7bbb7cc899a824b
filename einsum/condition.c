/* Whether a condition holds at one point, and what its data says. */
#include "einsum/extension.h"
#include "einsum/pattern.h"

#include <math.h>

#include "einsum/einsum_ops.h"
#include "einsum/rounding.h"

struct bounded {
    double value;
    double error;
};

static struct bounded value_read(const struct value_node *node,
                                 struct point *point)
{
    int64_t element = access_element(node->read, point);
    const struct tensor_data *tensor =
        &point->data->tensors[node->read->tensor];
    if (element < 0) {
        point->outside =
            element == ELEMENT_OUTSIDE ? node->read : point->outside;
        return (struct bounded){0.0, 0.0};
    }
    return (struct bounded){
        tensor->value[element],
        tensor->error == NULL ? 0.0 : tensor->error[element],
    };
}

static struct bounded apply_op(enum einsum_op op, const struct bounded *operand)
{
    if (op == EINSUM_SELECT) {
        bool is_first = fabs(operand[0].value) > 0.0;
        return (struct bounded){
            is_first ? operand[1].value : operand[2].value,
            select_error(operand[0].value, operand[0].error, operand[1].value,
                         operand[1].error, operand[2].value, operand[2].error)};
    }
    double result = op_apply(op, operand[0].value, operand[1].value);
    return (struct bounded){result, op_error(op, operand[0].value,
                                             operand[0].error, operand[1].value,
                                             operand[1].error, result)};
}

static struct bounded value_of(const struct value_node *node,
                               struct point *point)
{
    struct bounded operand[OP_MAX_ARITY] = {{0.0, 0.0}};
    switch (node->kind) {
    case VALUE_NUMBER:
        return (struct bounded){node->number, node->error};
    case VALUE_INDEX:
        return (struct bounded){(double)index_value(node->index, point), 0.0};
    case VALUE_READ:
        return value_read(node, point);
    case VALUE_OP:
        break;
    }
    for (int i = 0; i < node->child_count; i++) {
        operand[i] = value_of(node->child[i], point);
    }
    return apply_op(node->op, operand);
}

static bool data_holds(const struct condition *condition, struct point *point)
{
    struct bounded left = value_of(condition->left, point);
    struct bounded right = value_of(condition->right, point);
    double holds = op_apply(condition->relation, left.value, right.value);
    double error = op_error(condition->relation, left.value, left.error,
                            right.value, right.error, holds);
    point->is_undecided = point->is_undecided || !(error <= 0.0);
    return holds > 0.5;
}

int condition_index_side(const struct condition *condition, int rank)
{
    guint32 bit = (guint32)1 << rank;
    if (condition->kind != CONDITION_DATA ||
        (condition->relation != EINSUM_LESS &&
         condition->relation != EINSUM_LESS_EQUAL)) {
        return -1;
    }
    if (condition->left->kind == VALUE_INDEX &&
        (condition->left->ranks & bit) != 0 &&
        (condition->right->ranks & bit) == 0) {
        return 0;
    }
    bool is_right = condition->right->kind == VALUE_INDEX &&
                    (condition->right->ranks & bit) != 0 &&
                    (condition->left->ranks & bit) == 0;
    return is_right ? 1 : -1;
}

bool condition_exact_value(const struct value_node *node, struct point *point,
                           double *value)
{
    const struct bound_access *outside = point->outside;
    struct bounded found = value_of(node, point);
    bool is_exact = point->outside == outside && found.error <= 0.0 &&
                    isfinite(found.value);
    point->outside = outside;
    *value = found.value;
    return is_exact;
}

/* Values are computed where they are, points counted as they are packed. */
static bool pattern_holds(const struct condition *condition,
                          const struct point *point)
{
    const int64_t at[2] = {point->index[condition->rank[0]],
                           point->index[condition->rank[1]]};
    return pattern_has(condition->pattern, point->data == NULL, at);
}

bool condition_holds(const struct condition *condition, struct point *point)
{
    switch (condition->kind) {
    case CONDITION_ALL:
        return condition_holds(condition->part[0], point) &&
               condition_holds(condition->part[1], point);
    case CONDITION_ANY:
        return condition_holds(condition->part[0], point) ||
               condition_holds(condition->part[1], point);
    case CONDITION_DATA:
        return data_holds(condition, point);
    case CONDITION_PATTERN:
        return pattern_holds(condition, point);
    case CONDITION_INDEX:
        break;
    }
    int64_t value = index_value(condition->index, point);
    if (condition->relation == EINSUM_LESS_EQUAL) {
        return value <= 0;
    }
    return (value == 0) == (condition->relation == EINSUM_EQUAL);
}
