/* What the two kinds of arrays share. Private to sim/pe/.
 *
 * Lanes see the same stream, each a cycle after its neighbour: what enters row r
 * or column c in cycle t stands at position t - r or t - c of the stream. Values
 * that move from register to register every cycle lie still in memory, and the
 * beginning of the row moves instead. */
#ifndef WEIR_SIM_PE_ARRAY_H
#define WEIR_SIM_PE_ARRAY_H

#include "sim/pe/pe.h"

/* Where a lane is in the folds. */
struct cursor {
    int64_t index;
};

struct array {
    struct pe_array shape;
    const struct pe_fold *folds;
    int64_t fold_count;
    /* Cycle in which each fold's stream enters lane 0. */
    int64_t *start;
    /* Folds with weights of their own, and when the first of these enters. */
    int64_t load_count;
    int64_t *load_fold;
    int64_t *load_start;
};

/* Of rising times the last that is not after `at`, which must not fall from call
 * to call of a cursor; *offset since then, < 0 before the first. */
static inline int64_t cursor_find(struct cursor *cursor, const int64_t *time,
                                  int64_t count, int64_t at, int64_t *offset)
{
    while (cursor->index + 1 < count && time[cursor->index + 1] <= at) {
        cursor->index++;
    }
    *offset = at - time[cursor->index];
    return cursor->index;
}

/* The fold whose stream is at position *position in cycle `at`, or NULL. */
static inline const struct pe_fold *array_find_fold(struct cursor *cursor,
                                                    const struct array *array,
                                                    int64_t at,
                                                    int64_t *position)
{
    const struct pe_fold *fold = &array->folds[cursor_find(
        cursor, array->start, array->fold_count, at, position)];
    return *position >= 0 && *position < fold->length ? fold : NULL;
}

/* A plane of rows that all move right by a column each cycle: row r begins at
 * values + r * pitch + head. */
struct moving_plane {
    double *values;
    int64_t pitch;
    int64_t room; /* steps until the rows have to be laid anew */
    int64_t head;
};
bool moving_plane_new(struct moving_plane *plane, int rows, int columns);
void moving_plane_clear(struct moving_plane *plane);
/* A cycle passes: the first column is free for new values. */
void moving_plane_step(struct moving_plane *plane, int rows, int columns);
static inline double *moving_plane_row(const struct moving_plane *plane,
                                       int row)
{
    return plane->values + row * plane->pitch + plane->head;
}
/* New values enter at the left. */
void moving_plane_enter(struct moving_plane *plane, const struct array *array,
                        struct cursor *cursors, int64_t cycle);

/* sum[i] += a[i] * b[i], each rounded twice. */
typedef void (*row_mac_function)(double *sum, const double *a, const double *b,
                                 int64_t count);
row_mac_function array_choose_mac(void);

static inline double *matrix_at(const struct pe_matrix *matrix, int64_t row,
                                int64_t column)
{
    return matrix->value + row * matrix->row_stride +
           column * matrix->column_stride;
}

/* Step until the last result has left; ERR_MEM. */
enum status array_run_output_stationary(struct array *array,
                                        struct diags *diags, int64_t *cycles);
enum status array_run_weight_stationary(struct array *array,
                                        struct diags *diags, int64_t *cycles);

#endif
