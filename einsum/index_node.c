/* Values and ranges of indices. */
#include "einsum/extension.h"

#include <math.h>

/* ---- values -------------------------------------------------------------- */

static int64_t read_index(const struct bound_access *read, struct point *point)
{
    int64_t element = access_element(read, point);
    const struct tensor_data *tensor = &point->data->tensors[read->tensor];
    if (element == ELEMENT_ZERO) {
        return 0;
    }
    double value = element < 0 ? (double)NAN : tensor->value[element];
    if (!(fabs(value) < 0x1p53) || floor(value) < value) {
        point->outside = read;
        return -1;
    }
    if (tensor->error != NULL && !(tensor->error[element] <= 0.0)) {
        point->is_undecided = true;
    }
    return (int64_t)value;
}

static int64_t apply(enum einsum_op op, int64_t a, int64_t b)
{
    if (op == EINSUM_ADD) {
        return a + b;
    }
    if (op == EINSUM_SUB) {
        return a - b;
    }
    if (op == EINSUM_MUL) {
        return a * b;
    }
    if (op == EINSUM_DIVIDE) {
        return floor_div(a, b);
    }
    if (op == EINSUM_MOD) {
        return a - b * floor_div(a, b);
    }
    if (op == EINSUM_MIN) {
        return MIN(a, b);
    }
    if (op == EINSUM_MAX) {
        return MAX(a, b);
    }
    return op == EINSUM_ABS ? ABS(a) : -a;
}

int64_t index_value(const struct index_node *node, struct point *point)
{
    if (node->is_affine) {
        int64_t value = node->affine.constant;
        for (int r = 0; node->ranks >> r != 0; r++) {
            value += node->affine.coefficient[r] * point->index[r];
        }
        return value;
    }
    if (node->kind == INDEX_NODE_READ) {
        return read_index(node->read, point);
    }
    int64_t a = index_value(node->child[0], point);
    int64_t b = node->child[1] == NULL ? 0 : index_value(node->child[1], point);
    return apply(node->op, a, b);
}

int64_t access_element(const struct bound_access *access, struct point *point)
{
    int64_t element = 0;
    for (int d = 0; d < access->dim_count; d++) {
        int64_t index = index_value(access->index[d], point);
        int64_t extent = access->extent[d];
        bool is_outside = index < 0 || index >= extent;
        if (is_outside && access->mode[d] == MODE_ZERO) {
            return ELEMENT_ZERO;
        }
        if (is_outside && access->mode[d] == MODE_NONE) {
            return ELEMENT_OUTSIDE;
        }
        if (is_outside) {
            index = access->mode[d] == MODE_CLAMP
                        ? CLAMP(index, 0, extent - 1)
                        : apply(EINSUM_MOD, index, extent);
        }
        element += index * access->stride[d];
    }
    return element;
}

/* ---- ranges -------------------------------------------------------------- */

/* Of a tensor that holds whole numbers only. */
static bool values_range(const struct einsum_values *values, int64_t *low,
                         int64_t *high)
{
    if (values->kind == EINSUM_VALUES_INTEGER) {
        *low = (int64_t)values->low;
        *high = (int64_t)values->high;
        return true;
    }
    for (int i = 0; i < values->set_count; i++) {
        double value = values->set[i];
        if (!(fabs(value) < 0x1p53) || floor(value) < value) {
            return false;
        }
        *low = i == 0 ? (int64_t)value : MIN(*low, (int64_t)value);
        *high = i == 0 ? (int64_t)value : MAX(*high, (int64_t)value);
    }
    return values->set_count > 0;
}

/* zero(..) gives 0 beside what is in the tensor. */
static bool include_zero(const struct bound_access *read, int64_t *low,
                         int64_t *high)
{
    for (int d = 0; d < read->dim_count; d++) {
        if (read->mode[d] == MODE_ZERO) {
            *low = MIN(*low, 0);
            *high = MAX(*high, 0);
        }
    }
    return true;
}

/* What producers of indices and inputs of whole numbers give; other tensors may
 * hold anything. */
static bool read_range(const struct index_node *node,
                       const struct workload *workload, int64_t *low,
                       int64_t *high)
{
    int producer = workload->tensors[node->read->tensor].producer;
    const struct einsum_extension *extension =
        producer < 0 || workload->statements[producer].next_part >= 0
            ? NULL
            : workload->statements[producer].extension;
    if (extension == NULL || extension->selection == SELECT_NONE) {
        return values_range(&workload->tensors[node->read->tensor].values, low,
                            high) &&
               include_zero(node->read, low, high);
    }
    if (extension->gives_values ||
        selection_is_transform(extension->selection)) {
        return false;
    }
    const struct einsum_statement *statement = &workload->statements[producer];
    int selected = statement->rank[statement->rank_count - 1];
    *low = extension->condition_count > 0 ? -1 : 0;
    *high = workload->rank[selected].extent - 1;
    return include_zero(node->read, low, high);
}

static void put_in_order(int64_t *low, int64_t *high)
{
    int64_t least = MIN(*low, *high);
    *high = MAX(*low, *high);
    *low = least;
}

static bool is_small(int64_t value)
{
    return value > -((int64_t)1 << 30) && value < ((int64_t)1 << 30);
}

static bool product_range(const int64_t *a, const int64_t *b, int64_t *low,
                          int64_t *high)
{
    if (!is_small(a[0]) || !is_small(a[1]) || !is_small(b[0]) ||
        !is_small(b[1])) {
        return false;
    }
    const int64_t products[4] = {a[0] * b[0], a[0] * b[1], a[1] * b[0],
                                 a[1] * b[1]};
    *low = *high = products[0];
    for (int i = 1; i < 4; i++) {
        *low = MIN(*low, products[i]);
        *high = MAX(*high, products[i]);
    }
    return true;
}

static bool op_range(const struct index_node *node,
                     const struct workload *workload, int64_t *low,
                     int64_t *high)
{
    int64_t a[2] = {0, 0};
    int64_t b[2] = {0, 0};
    if (node->op == EINSUM_MOD) { /* whatever is divided */
        *low = 0;
        *high = node->child[1]->affine.constant - 1;
        return true;
    }
    if (!index_range(node->child[0], workload, &a[0], &a[1]) ||
        (node->child[1] != NULL &&
         !index_range(node->child[1], workload, &b[0], &b[1]))) {
        return false;
    }
    if (node->op == EINSUM_MUL) {
        return product_range(a, b, low, high);
    }
    bool is_difference = node->op == EINSUM_SUB;
    *low = apply(node->op, a[0], is_difference ? b[1] : b[0]);
    *high = apply(node->op, a[1], is_difference ? b[0] : b[1]);
    put_in_order(low, high);
    if (node->op == EINSUM_ABS && a[0] <= 0 && a[1] >= 0) {
        *low = 0;
    }
    return true;
}

bool index_range(const struct index_node *node, const struct workload *workload,
                 int64_t *low, int64_t *high)
{
    bool is_known = false;
    if (node->is_affine) {
        is_known = affine_range(&node->affine, workload->rank,
                                workload->rank_count, low, high);
    } else if (node->kind == INDEX_NODE_READ) {
        is_known = read_range(node, workload, low, high);
    } else {
        is_known = op_range(node, workload, low, high);
    }
    return is_known && *low > -INDEX_LIMIT && *high < INDEX_LIMIT;
}
