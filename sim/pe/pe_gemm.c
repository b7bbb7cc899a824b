/* A matrix product as folds of an array. */
#include "sim/pe/pe.h"

/* The product as the array sees it: what is spread over its rows and columns, and
 * what streams. */
struct cut {
    enum pe_dataflow dataflow;
    struct pe_gemm gemm; /* turned if input stationary */
    int64_t row_extent;
    int64_t column_extent;
    int64_t length;
};

static struct pe_matrix transpose(struct pe_matrix matrix)
{
    return (struct pe_matrix){matrix.value, matrix.column_stride,
                              matrix.row_stride};
}

static struct pe_matrix part(struct pe_matrix matrix, int64_t row,
                             int64_t column)
{
    matrix.value += row * matrix.row_stride + column * matrix.column_stride;
    return matrix;
}

static struct cut cut_product(const struct pe_array *array,
                              const struct pe_gemm *gemm)
{
    struct cut cut = {.dataflow = array->dataflow, .gemm = *gemm};
    if (array->dataflow == PE_INPUT_STATIONARY) {
        /* C^T = B^T A^T with A^T as the weights. */
        cut.gemm = (struct pe_gemm){gemm->n,
                                    gemm->m,
                                    gemm->k,
                                    transpose(gemm->b),
                                    transpose(gemm->a),
                                    transpose(gemm->c)};
    }
    bool is_output = array->dataflow == PE_OUTPUT_STATIONARY;
    cut.row_extent = is_output ? gemm->m : gemm->k;
    cut.column_extent = cut.gemm.n;
    cut.length = is_output ? gemm->k : cut.gemm.m;
    return cut;
}

static struct pe_fold fold_at(const struct cut *cut,
                              const struct pe_array *array, int64_t row,
                              int64_t column)
{
    const struct pe_gemm *gemm = &cut->gemm;
    struct pe_fold fold = {
        .rows = (int)MIN(cut->row_extent - row, array->rows),
        .columns = (int)MIN(cut->column_extent - column, array->columns),
        .length = cut->length,
    };
    if (cut->dataflow == PE_OUTPUT_STATIONARY) {
        fold.left = part(gemm->a, row, 0);
        fold.top = part(gemm->b, 0, column);
        fold.result = part(gemm->c, row, column);
    } else {
        fold.left = transpose(part(gemm->a, 0, row));
        fold.top = part(gemm->b, row, column);
        fold.result = part(gemm->c, 0, column);
    }
    return fold;
}

static void clear(const struct pe_gemm *gemm)
{
    for (int64_t m = 0; m < gemm->m; m++) {
        for (int64_t n = 0; n < gemm->n; n++) {
            *part(gemm->c, m, n).value = 0.0;
        }
    }
}

enum status pe_run_gemm(const struct pe_array *array,
                        const struct pe_gemm *gemm, struct diags *diags,
                        struct pe_result *result)
{
    if (array->rows < 1 || array->columns < 1 || gemm->m < 1 || gemm->n < 1 ||
        gemm->k < 1) {
        return diag_fail(diags, ERR_INPUT, "sim-pe-size",
                         "an array or a matrix without elements");
    }
    const struct cut cut = cut_product(array, gemm);
    int64_t row_folds = num_ceil_div(cut.row_extent, array->rows);
    int64_t column_folds = num_ceil_div(cut.column_extent, array->columns);
    int64_t count = 0;
    if (!num_mul(row_folds, column_folds, &count)) {
        return diag_fail(diags, ERR_LIMIT, "sim-limit",
                         "cycles exceed 64 bits");
    }
    g_autofree struct pe_fold *folds = g_try_new(struct pe_fold, (gsize)count);
    if (folds == NULL) {
        return diag_fail(diags, ERR_MEM, "sim-memory", "no memory for folds");
    }
    for (int64_t f = 0; f < count; f++) {
        folds[f] = fold_at(&cut, array, f / column_folds * array->rows,
                           f % column_folds * array->columns);
    }
    clear(&cut.gemm);
    return pe_run_folds(array, folds, count, diags, result);
}
