/* A matrix product as folds of an array. */
#include "sim/pe/array.h"

static struct pe_matrix transpose(struct pe_matrix matrix)
{
    return (struct pe_matrix){matrix.value, matrix.column_stride,
                              matrix.row_stride};
}

/* Cycles of one fold alone, its load included; from start to start of two folds
 * where they follow as closely as the links and the spare registers allow. */
static bool place_folds(struct array *array)
{
    int64_t rows = array->shape.rows;
    int64_t columns = array->shape.columns;
    bool has_load = array->shape.dataflow != PE_OUTPUT_STATIONARY;
    array->load_before_start = has_load ? rows : 0;
    array->first_start = array->load_before_start;
    array->fold_distance =
        array->shape.overlaps_folds
            ? MAX(array->length, array->load_before_start)
            : array->length + array->load_before_start + rows + columns - 2;
    int64_t row_folds = num_ceil_div(array->row_extent, rows);
    array->column_folds = num_ceil_div(array->column_extent, columns);
    int64_t end = 0;
    return num_mul(row_folds, array->column_folds, &array->fold_count) &&
           num_mul(array->fold_count, array->fold_distance, &end) &&
           num_add(end, 4 * (rows + columns), &end);
}

static bool is_positive(const struct pe_array *array,
                        const struct pe_gemm *gemm)
{
    return array->rows > 0 && array->columns > 0 && gemm->m > 0 &&
           gemm->n > 0 && gemm->k > 0;
}

enum status pe_run_gemm(const struct pe_array *shape,
                        const struct pe_gemm *gemm, struct diags *diags,
                        struct pe_result *result)
{
    if (!is_positive(shape, gemm)) {
        return diag_fail(diags, ERR_INPUT, "sim-pe-size",
                         "an array or a matrix without elements");
    }
    /* Input stationary: C^T = B^T A^T with A^T as the weights. */
    bool is_turned = shape->dataflow == PE_INPUT_STATIONARY;
    const struct pe_gemm turned = {gemm->n,
                                   gemm->m,
                                   gemm->k,
                                   transpose(gemm->b),
                                   transpose(gemm->a),
                                   transpose(gemm->c)};
    struct array array = {.shape = *shape, .gemm = is_turned ? &turned : gemm};
    bool is_output = shape->dataflow == PE_OUTPUT_STATIONARY;
    array.row_extent = is_output ? gemm->m : gemm->k;
    array.column_extent = array.gemm->n;
    array.length = is_output ? gemm->k : array.gemm->m;
    struct pe_result r = {0, 0, 0};
    if (!place_folds(&array) || !num_mul(gemm->m, gemm->n, &r.mac_count) ||
        !num_mul(r.mac_count, gemm->k, &r.mac_count)) {
        return diag_fail(diags, ERR_LIMIT, "sim-limit",
                         "cycles exceed 64 bits");
    }
    TRY(is_output ? array_run_output_stationary(&array, diags, &r.cycles)
                  : array_run_weight_stationary(&array, diags, &r.cycles));
    r.fold_count = array.fold_count;
    *result = r;
    return OK;
}
