/* Private to kernels/: a checked call, as a kernel sees it, and the functions
 * of kernels.def. */
#ifndef WEIR_KERNELS_CALL_H
#define WEIR_KERNELS_CALL_H

#include "kernels/kernels.h"

#define KERNEL_LETTERS 26

struct kernel_view {
    double *value;
    double *error; /* NULL: not asked for */
    /* Elements from one index to the next, by letter of the dimension; 0 along
     * a dimension that the tensor lacks. */
    int64_t stride[KERNEL_LETTERS];
};

struct kernel_call {
    /* By letter; 1 for dimensions that no tensor has. */
    int64_t extent[KERNEL_LETTERS];
    struct kernel_view view[KERNEL_MAX_OPERANDS]; /* as in kernels.def */
};

static inline int64_t kernel_extent(const struct kernel_call *call, char dim)
{
    return call->extent[dim - 'a'];
}

static inline int64_t kernel_stride(const struct kernel_view *view, char dim)
{
    return view->stride[dim - 'a'];
}

enum status kernel_softmax_attention(const struct kernel_call *call,
                                     struct diags *diags);
enum status kernel_gemm(const struct kernel_call *call, struct diags *diags);

#endif
