/* What the two kinds of arrays share. Private to sim/pe/.
 *
 * Lanes see the same stream, each a cycle after its neighbour: what enters row r
 * or column c in cycle t stands at position t - r or t - c of the stream. Values
 * that move from register to register every cycle lie still in memory, and the
 * beginning of the row moves instead. */
#ifndef WEIR_SIM_PE_ARRAY_H
#define WEIR_SIM_PE_ARRAY_H

#include "sim/pe/pe.h"

/* The folds of a run: fold f covers rows row_from .. +rows of the array's row
 * dimension, likewise columns; its stream has `length` positions. */
struct fold {
    int64_t row_from; /* in the problem: m (os) or k */
    int64_t column_from;
    int rows; /* in use */
    int columns;
    int64_t
        start;    /* cycle in which the stream's first position enters lane 0 */
    int64_t load; /* cycle in which the first weight enters the top */
};

struct array {
    struct pe_array shape;
    const struct pe_gemm *gemm;
    int64_t row_extent; /* of the problem along the array's rows */
    int64_t column_extent;
    int64_t length; /* of each fold's stream */
    int64_t column_folds;
    int64_t fold_count;
    int64_t fold_distance; /* cycles from start to start */
    int64_t first_start;
    int64_t load_before_start; /* cycles */
    int64_t mac_count;
};

struct fold array_fold(const struct array *array, int64_t fold);
/* The fold whose stream position `at` belongs to; false between folds. */
bool array_find_fold(const struct array *array, int64_t at, int64_t *fold,
                     int64_t *offset);

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
