/* PE (r, c) keeps B[k, n]. A[m, k] comes from the left, m = t - r - c since the
 * fold's start, and is multiplied into the partial sum that comes from above and
 * goes on below; at the bottom the fold's sums are added to those of folds
 * before.
 *
 * Weights come down a column, the last row's first, column c a cycle after
 * column c - 1. When the first row's is in place, so are all of the column, and
 * they are captured in the spare registers; PE (r, c) takes its spare weight when
 * the fold's first value reaches it. */
#include <string.h>

#include "sim/pe/array.h"

struct weight_stationary {
    struct array *array;
    struct moving_plane a; /* moves right */
    /* Rows move down: row r is (head + r) % rows. */
    double *sum;
    double *arriving;
    int64_t head;
    double *spare;
    double *weight;
    struct cursor *row_at;
    struct cursor *load_at;
    struct cursor *leave_at;
    struct cursor newest;
    row_mac_function mac;
    int64_t cycle;
};

static double *moving_row(const struct weight_stationary *ws, double *plane,
                          int64_t row)
{
    const struct pe_array *shape = &ws->array->shape;
    return plane + (ws->head + row) % shape->rows * shape->columns;
}

/* Weights enter the columns, the last row's first. */
static void enter_top(struct weight_stationary *ws)
{
    const struct array *array = ws->array;
    int rows = array->shape.rows;
    int columns = array->shape.columns;
    double *arriving = moving_row(ws, ws->arriving, 0);
    memset(moving_row(ws, ws->sum, 0), 0, (size_t)columns * sizeof(double));
    for (int c = 0; c < columns; c++) {
        int64_t step = 0;
        int64_t load = cursor_find(&ws->load_at[c], array->load_start,
                                   array->load_count, ws->cycle - c, &step);
        const struct pe_fold *fold = &array->folds[array->load_fold[load]];
        arriving[c] = 0.0;
        if (step < 0 || step >= rows) {
            continue;
        }
        int64_t row = rows - 1 - step;
        if (row < fold->rows && c < fold->columns) {
            arriving[c] = *matrix_at(&fold->top, row, c);
        }
        for (int r = 0; step == rows - 1 && r < rows; r++) {
            ws->spare[(int64_t)r * columns + c] =
                moving_row(ws, ws->arriving, r)[c];
        }
    }
}

/* PEs that the first value of a fold reaches take their spare weights. */
static void take_weights(struct weight_stationary *ws)
{
    const struct array *array = ws->array;
    int columns = array->shape.columns;
    int64_t last_pe = array->shape.rows + columns - 2;
    int64_t since = 0;
    int64_t newest = cursor_find(&ws->newest, array->start, array->fold_count,
                                 ws->cycle, &since);
    for (int64_t f = newest; since >= 0 && f >= 0; f--) {
        int64_t diagonal = ws->cycle - array->start[f];
        if (diagonal > last_pe) {
            break;
        }
        if (array->folds[f].keeps_weights) {
            continue;
        }
        for (int r = 0; r < array->shape.rows; r++) {
            int64_t c = diagonal - r;
            if (c >= 0 && c < columns) {
                ws->weight[(int64_t)r * columns + c] =
                    ws->spare[(int64_t)r * columns + c];
            }
        }
    }
}

/* What leaves at the bottom is a result if a fold's value passed through. */
static bool leave(struct weight_stationary *ws)
{
    const struct array *array = ws->array;
    int last_row = array->shape.rows - 1;
    const double *sum = moving_row(ws, ws->sum, last_row);
    bool is_last = false;
    for (int c = 0; c < array->shape.columns; c++) {
        int64_t m = 0;
        const struct pe_fold *fold = array_find_fold(
            &ws->leave_at[c], array, ws->cycle - last_row - c, &m);
        if (fold == NULL) {
            continue;
        }
        if (c < fold->columns) {
            *matrix_at(&fold->result, m, c) += sum[c];
        }
        is_last |= fold == &array->folds[array->fold_count - 1] &&
                   m == fold->length - 1 && c == array->shape.columns - 1;
    }
    return is_last;
}

static void step(struct weight_stationary *ws)
{
    const struct pe_array *shape = &ws->array->shape;
    moving_plane_step(&ws->a, shape->rows, shape->columns);
    ws->head = (ws->head + shape->rows - 1) % shape->rows;
    moving_plane_enter(&ws->a, ws->array, ws->row_at, ws->cycle);
    take_weights(ws); /* before the spare registers take new ones */
    enter_top(ws);
    for (int r = 0; r < shape->rows; r++) {
        ws->mac(moving_row(ws, ws->sum, r), moving_plane_row(&ws->a, r),
                ws->weight + (int64_t)r * shape->columns, shape->columns);
    }
}

enum status array_run_weight_stationary(struct array *array,
                                        struct diags *diags, int64_t *cycles)
{
    size_t elements = (size_t)array->shape.rows * (size_t)array->shape.columns;
    g_autofree double *planes = g_try_new0(double, 4 * elements);
    int rows = array->shape.rows;
    int columns = array->shape.columns;
    g_autofree struct cursor *cursors =
        g_new0(struct cursor, (gsize)(rows + 2 * columns));
    struct weight_stationary ws = {.array = array,
                                   .row_at = cursors,
                                   .load_at = cursors + rows,
                                   .leave_at = cursors + rows + columns,
                                   .mac = array_choose_mac()};
    if (planes == NULL || !moving_plane_new(&ws.a, rows, columns)) {
        return diag_fail(diags, ERR_MEM, "sim-memory",
                         "no memory for an array of %d x %d", rows, columns);
    }
    ws.sum = planes;
    ws.arriving = planes + elements;
    ws.spare = planes + 2 * elements;
    ws.weight = planes + 3 * elements;
    bool is_done = false;
    for (; !is_done; ws.cycle++) {
        step(&ws);
        is_done = leave(&ws);
    }
    *cycles = ws.cycle;
    moving_plane_clear(&ws.a);
    return OK;
}
