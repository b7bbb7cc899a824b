/* PE (r, c) multiplies A[m, k] from the left with B[k, n] from above, k = t - r -
 * c since the fold's start, and adds to its own sum. When it has the fold's last
 * product its sum is final; it goes out through a register of its own, so the
 * next fold may begin. */
#include "sim/pe/array.h"

struct output_stationary {
    struct array *array;
    struct moving_plane a; /* moves right */
    double *b;             /* rows move down: row r is (b_head + r) % rows */
    int64_t b_head;
    double *sum;
    struct cursor *row_at;
    struct cursor *column_at;
    row_mac_function mac;
    int64_t cycle;
};

static void enter_top(struct output_stationary *os)
{
    const struct array *array = os->array;
    double *row = os->b + os->b_head * array->shape.columns;
    for (int c = 0; c < array->shape.columns; c++) {
        int64_t k = 0;
        const struct pe_fold *fold =
            array_find_fold(&os->column_at[c], array, os->cycle - c, &k);
        row[c] = fold != NULL && c < fold->columns
                     ? *matrix_at(&fold->top, k, c)
                     : 0.0;
    }
}

/* Sums that became final in this cycle leave. */
static void leave(struct output_stationary *os, int64_t fold_index)
{
    const struct array *array = os->array;
    const struct pe_fold *fold = &array->folds[fold_index];
    int64_t diagonal =
        os->cycle - (array->start[fold_index] + fold->length - 1);
    for (int r = 0; r < array->shape.rows; r++) {
        int64_t c = diagonal - r;
        if (c < 0 || c >= array->shape.columns) {
            continue;
        }
        double *sum = &os->sum[(int64_t)r * array->shape.columns + c];
        if (r < fold->rows && c < fold->columns) {
            *matrix_at(&fold->result, r, c) += *sum;
        }
        *sum = 0.0;
    }
}

static void step(struct output_stationary *os)
{
    const struct pe_array *shape = &os->array->shape;
    moving_plane_step(&os->a, shape->rows, shape->columns);
    os->b_head = (os->b_head + shape->rows - 1) % shape->rows;
    moving_plane_enter(&os->a, os->array, os->row_at, os->cycle);
    enter_top(os);
    for (int r = 0; r < shape->rows; r++) {
        int64_t b_row = (os->b_head + r) % shape->rows;
        os->mac(os->sum + (int64_t)r * shape->columns,
                moving_plane_row(&os->a, r), os->b + b_row * shape->columns,
                shape->columns);
    }
}

/* Folds whose last products some PE has in this cycle. */
static bool leave_all(struct output_stationary *os, int64_t *first)
{
    const struct array *array = os->array;
    int64_t last_pe = array->shape.rows + array->shape.columns - 2;
    for (int64_t f = *first; f < array->fold_count; f++) {
        int64_t end = array->start[f] + array->folds[f].length - 1;
        if (end > os->cycle) {
            break;
        }
        leave(os, f);
        *first = end + last_pe == os->cycle ? f + 1 : *first;
    }
    return *first == array->fold_count;
}

enum status array_run_output_stationary(struct array *array,
                                        struct diags *diags, int64_t *cycles)
{
    size_t elements = (size_t)array->shape.rows * (size_t)array->shape.columns;
    g_autofree double *planes = g_try_new0(double, 2 * elements);
    g_autofree struct cursor *cursors = g_new0(
        struct cursor, (gsize)(array->shape.rows + array->shape.columns));
    struct output_stationary os = {.array = array,
                                   .row_at = cursors,
                                   .column_at = cursors + array->shape.rows,
                                   .mac = array_choose_mac()};
    if (planes == NULL ||
        !moving_plane_new(&os.a, array->shape.rows, array->shape.columns)) {
        return diag_fail(diags, ERR_MEM, "sim-memory",
                         "no memory for an array of %d x %d", array->shape.rows,
                         array->shape.columns);
    }
    os.sum = planes;
    os.b = planes + elements;
    int64_t first = 0;
    bool is_done = false;
    for (; !is_done; os.cycle++) {
        step(&os);
        is_done = leave_all(&os, &first);
    }
    *cycles = os.cycle;
    moving_plane_clear(&os.a);
    return OK;
}
