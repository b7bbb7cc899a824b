/* Folds in time, and registers that move. */
#include "sim/pe/array.h"

#include <stdlib.h>
#include <string.h>

#define MOVING_ROOM 1024 /* cycles between layings of a moving plane */
#define LANES       8    /* doubles of the widest vector */

/* ---- folds --------------------------------------------------------------- */

struct fold array_fold(const struct array *array, int64_t fold)
{
    struct fold f = {
        .row_from = fold / array->column_folds * array->shape.rows,
        .column_from = fold % array->column_folds * array->shape.columns,
        .start = array->first_start + fold * array->fold_distance,
    };
    f.rows = (int)MIN(array->row_extent - f.row_from, array->shape.rows);
    f.columns =
        (int)MIN(array->column_extent - f.column_from, array->shape.columns);
    f.load = f.start - array->load_before_start;
    return f;
}

bool array_find_fold(const struct array *array, int64_t at, int64_t *fold,
                     int64_t *offset)
{
    int64_t since = at - array->first_start;
    if (since < 0) {
        return false;
    }
    *fold = since / array->fold_distance;
    *offset = since % array->fold_distance;
    return *fold < array->fold_count && *offset < array->length;
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
