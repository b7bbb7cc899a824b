/* Slices and cuts of a call, sums of products, scratch memory. */
#include "kernels/lane.h"

struct bounded lane_dot(struct lane a, struct lane b, int64_t count)
{
    struct bounded sum = bounded_exact(0.0);
    for (int64_t i = 0; i < count; i++) {
        sum = bounded_add(sum, bounded_mul(lane_get(a, i), lane_get(b, i)));
    }
    return sum;
}

struct slice slice_first(const struct kernel_call *call)
{
    return (struct slice){.call = call};
}

bool slice_is_valid(const struct slice *slice)
{
    return slice->batch < slice_extent(slice, 'b');
}

void slice_next(struct slice *slice)
{
    if (++slice->head == slice_extent(slice, 'h')) {
        slice->head = 0;
        slice->batch++;
    }
}

struct cut slice_head_cut(const struct slice *slice, int operand, int64_t head,
                          const char *axes)
{
    const struct kernel_view *view = &slice->call->view[operand];
    int64_t at = slice->batch * kernel_stride(view, 'b') +
                 head * kernel_stride(view, 'h');
    struct cut cut = {
        .value = view->value + at,
        .error = view->error == NULL ? NULL : view->error + at,
    };
    for (int i = 0; i < CUT_MAX_AXES && axes[i] != '\0'; i++) {
        cut.stride[i] = kernel_stride(view, axes[i]);
    }
    return cut;
}

struct cut slice_cut(const struct slice *slice, int operand, const char *axes)
{
    return slice_head_cut(slice, operand, slice->head, axes);
}

/* `rows` x `columns` things of `size_bytes`. */
static void *allocate(int64_t rows, int64_t columns, gsize size_bytes,
                      struct diags *diags)
{
    int64_t count = 0;
    void *scratch = NULL;
    if (num_mul(rows, columns, &count)) {
        scratch = g_try_malloc_n((gsize)count, size_bytes);
    }
    if (scratch == NULL) {
        /* The caller returns ERR_MEM; the message is in `diags`. */
        (void)diag_fail(diags, ERR_MEM, "kernel-memory",
                        "no memory for %" G_GINT64_FORMAT " x %" G_GINT64_FORMAT
                        " intermediate values",
                        rows, columns);
    }
    return scratch;
}

struct bounded *scratch_new(int64_t rows, int64_t columns, struct diags *diags)
{
    return allocate(rows, columns, sizeof(struct bounded), diags);
}

int64_t *scratch_new_indices(int64_t rows, int64_t columns, struct diags *diags)
{
    return allocate(rows, columns, sizeof(int64_t), diags);
}
