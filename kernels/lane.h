/* Private to kernels/: walking tensors. A slice is one batch element and head
 * of a call; a cut is an operand of a slice with named axes left; a lane is one
 * row of numbers, of a tensor or of a kernel's own bounded values.
 */
#ifndef WEIR_KERNELS_LANE_H
#define WEIR_KERNELS_LANE_H

#include "kernels/bounded.h"
#include "kernels/call.h"

#define CUT_MAX_AXES 4

struct lane {
    double *value;
    double *error; /* NULL: exact, or a result without bounds */
    int64_t stride;
};

static inline struct bounded lane_get(struct lane lane, int64_t i)
{
    int64_t at = i * lane.stride;
    return (struct bounded){lane.value[at],
                            lane.error == NULL ? 0.0 : lane.error[at]};
}

static inline void lane_put(struct lane lane, int64_t i, struct bounded result)
{
    int64_t at = i * lane.stride;
    lane.value[at] = result.value;
    if (lane.error != NULL) {
        lane.error[at] = isfinite(result.value) ? result.error : HUGE_VAL;
    }
}

/* Row `row` of a dense matrix of bounded values. */
static inline struct lane lane_of_row(struct bounded *matrix, int64_t columns,
                                      int64_t row)
{
    struct bounded *start = matrix + row * columns;
    return (struct lane){&start->value, &start->error, 2};
}

/* a[i] b[i] summed in order. */
struct bounded lane_dot(struct lane a, struct lane b, int64_t count);

struct cut {
    double *value;
    double *error;
    int64_t stride[CUT_MAX_AXES]; /* 0 for axes that the operand lacks */
};

static inline struct lane cut_lane(const struct cut *cut, int64_t i)
{
    int64_t at = i * cut->stride[0];
    return (struct lane){cut->value + at,
                         cut->error == NULL ? NULL : cut->error + at,
                         cut->stride[1]};
}

static inline struct lane cut_lane_2(const struct cut *cut, int64_t i,
                                     int64_t j)
{
    int64_t at = i * cut->stride[0] + j * cut->stride[1];
    return (struct lane){cut->value + at,
                         cut->error == NULL ? NULL : cut->error + at,
                         cut->stride[2]};
}

/* Inputs only: they are exact. */
static inline double cut_get(const struct cut *cut, int64_t i, int64_t j)
{
    return cut->value[i * cut->stride[0] + j * cut->stride[1]];
}

struct slice {
    const struct kernel_call *call;
    int64_t batch;
    int64_t head;
};

/* for (struct slice s = slice_first(call); slice_is_valid(&s); slice_next(&s))
 */
struct slice slice_first(const struct kernel_call *call);
bool slice_is_valid(const struct slice *slice);
void slice_next(struct slice *slice);
/* `axes` from the outermost; the last is that of lanes. The operand must have
 * been given. */
struct cut slice_cut(const struct slice *slice, int operand, const char *axes);
/* For slices by batch alone: all heads of one. */
struct cut slice_head_cut(const struct slice *slice, int operand, int64_t head,
                          const char *axes);

static inline int64_t slice_extent(const struct slice *slice, char dim)
{
    return kernel_extent(slice->call, dim);
}

/* `rows` x `columns` bounded values, or NULL with a diagnostic. g_free. */
struct bounded *scratch_new(int64_t rows, int64_t columns, struct diags *diags);
/* The same for integers. */
int64_t *scratch_new_indices(int64_t rows, int64_t columns,
                             struct diags *diags);

#endif
