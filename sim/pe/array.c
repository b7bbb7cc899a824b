/* Folds in time, and registers that move. */
#include "sim/pe/array.h"

#include <stdlib.h>
#include <string.h>

#define MOVING_ROOM 1024 /* cycles between layings of a moving plane */
#define LANES       8    /* doubles of the widest vector */

/* ---- folds --------------------------------------------------------------- */

/* Folds follow as closely as the links and the spare registers allow, or each when
 * the one before has left; weights arrive just in time. */
static bool place_folds(struct array *array, struct pe_result *result)
{
    bool has_weights = array->shape.dataflow != PE_OUTPUT_STATIONARY;
    int64_t rows = array->shape.rows;
    int64_t last_pe = rows + array->shape.columns - 2;
    int64_t free_at = 0; /* of the array; the links for weights */
    int64_t links_free_at = 0;
    for (int64_t f = 0; f < array->fold_count; f++) {
        const struct pe_fold *fold = &array->folds[f];
        int64_t macs = (int64_t)fold->rows * fold->columns;
        if (has_weights && !fold->keeps_weights) {
            int64_t load_from = array->shape.overlaps_folds
                                    ? MAX(free_at - rows, links_free_at)
                                    : free_at;
            array->load_fold[array->load_count] = f;
            array->load_start[array->load_count++] = load_from;
            links_free_at = load_from + rows;
            free_at = links_free_at;
        }
        array->start[f] = free_at;
        if (!num_mul(macs, fold->length, &macs) ||
            !num_add(result->mac_count, macs, &result->mac_count) ||
            !num_add(result->busy_cycles, fold->length, &result->busy_cycles) ||
            !num_add(free_at, fold->length, &free_at) ||
            !num_add(free_at, array->shape.overlaps_folds ? 0 : last_pe,
                     &free_at)) {
            return false;
        }
    }
    return num_add(free_at, 4 * (last_pe + 2), &free_at);
}

static bool is_positive(const struct array *array)
{
    bool is_all = array->shape.rows > 0 && array->shape.columns > 0 &&
                  array->fold_count > 0;
    for (int64_t f = 0; is_all && f < array->fold_count; f++) {
        const struct pe_fold *fold = &array->folds[f];
        is_all = fold->length > 0 && fold->rows > 0 && fold->columns > 0 &&
                 fold->rows <= array->shape.rows &&
                 fold->columns <= array->shape.columns &&
                 (f > 0 || !fold->keeps_weights);
    }
    return is_all;
}

/* Folds apart: each is followed by its drain. Overlapped: loads that a stream
 * does not hide leave the lanes after it to drain meanwhile. */
static int64_t count_drain(const struct array *array, int64_t cycles)
{
    int64_t drain_cycles = 0;
    int64_t last_pe = (int64_t)array->shape.rows + array->shape.columns - 2;
    for (int64_t f = 0; f < array->fold_count; f++) {
        int64_t end = array->start[f] + array->folds[f].length;
        int64_t next = f + 1 < array->fold_count ? array->start[f + 1] : cycles;
        drain_cycles += MIN(last_pe, next - end);
    }
    return drain_cycles;
}

enum status pe_run_folds(const struct pe_array *shape,
                         const struct pe_fold *folds, int64_t count,
                         struct diags *diags, struct pe_result *result)
{
    struct array array = {.shape = *shape, .folds = folds, .fold_count = count};
    if (!is_positive(&array)) {
        return diag_fail(diags, ERR_INPUT, "sim-pe-size",
                         "an array or a fold without elements");
    }
    bool is_output = shape->dataflow == PE_OUTPUT_STATIONARY;
    g_autofree int64_t *times = g_try_new0(int64_t, 3 * (gsize)count);
    if (times == NULL) {
        return diag_fail(diags, ERR_MEM, "sim-memory", "no memory for folds");
    }
    array.start = times;
    array.load_fold = times + count;
    array.load_start = times + 2 * count;
    struct pe_result r = {.fold_count = count};
    if (!place_folds(&array, &r)) {
        return diag_fail(diags, ERR_LIMIT, "sim-limit",
                         "cycles exceed 64 bits");
    }
    TRY(is_output ? array_run_output_stationary(&array, diags, &r.cycles)
                  : array_run_weight_stationary(&array, diags, &r.cycles));
    r.drain_cycles = count_drain(&array, r.cycles);
    *result = r;
    return OK;
}

/* ---- registers ------------------------------------------------------------ */

bool moving_plane_new(struct moving_plane *plane, int rows, int columns)
{
    plane->room = MOVING_ROOM;
    plane->head = plane->room;
    plane->pitch = plane->room + columns + LANES;
    size_t count = (size_t)rows * (size_t)plane->pitch;
    plane->values = g_try_new0(double, count);
    return plane->values != NULL;
}

void moving_plane_clear(struct moving_plane *plane)
{
    g_free(plane->values);
    plane->values = NULL;
}

void moving_plane_step(struct moving_plane *plane, int rows, int columns)
{
    if (plane->head == 0) {
        for (int r = 0; r < rows; r++) {
            double *row = plane->values + r * plane->pitch;
            memmove(row + plane->room, row, (size_t)columns * sizeof *row);
        }
        plane->head = plane->room;
    }
    plane->head--;
}

void moving_plane_enter(struct moving_plane *plane, const struct array *array,
                        struct cursor *cursors, int64_t cycle)
{
    for (int r = 0; r < array->shape.rows; r++) {
        int64_t at = 0;
        const struct pe_fold *fold =
            array_find_fold(&cursors[r], array, cycle - r, &at);
        *moving_plane_row(plane, r) = fold != NULL && r < fold->rows
                                          ? *matrix_at(&fold->left, r, at)
                                          : 0.0;
    }
}

/* ---- a row of multiply-accumulates ------------------------------------------ */

typedef double vector __attribute__((vector_size(LANES * sizeof(double))));

#define DEFINE_MAC(name, attribute)                                            \
    attribute static void name(double *sum, const double *a, const double *b,  \
                               int64_t count)                                  \
    {                                                                          \
        int64_t i = 0;                                                         \
        for (; i + LANES <= count; i += LANES) {                               \
            vector x;                                                          \
            vector y;                                                          \
            vector s;                                                          \
            memcpy(&x, a + i, sizeof x);                                       \
            memcpy(&y, b + i, sizeof y);                                       \
            memcpy(&s, sum + i, sizeof s);                                     \
            s += x * y;                                                        \
            memcpy(sum + i, &s, sizeof s);                                     \
        }                                                                      \
        for (; i < count; i++) {                                               \
            sum[i] += a[i] * b[i];                                             \
        }                                                                      \
    }

DEFINE_MAC(mac_baseline, )

#ifdef __x86_64__
DEFINE_MAC(mac_avx2, __attribute__((target("avx2"))))
DEFINE_MAC(mac_avx512, __attribute__((target("avx512f"))))

row_mac_function array_choose_mac(void)
{
    if (__builtin_cpu_supports("avx512f")) {
        return mac_avx512;
    }
    return __builtin_cpu_supports("avx2") ? mac_avx2 : mac_baseline;
}
#else
row_mac_function array_choose_mac(void)
{
    return mac_baseline;
}
#endif
