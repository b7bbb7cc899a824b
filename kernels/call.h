/* Private to kernels/: a checked call, as a kernel sees it, and the functions
 * of kernels.def. */
#ifndef WEIR_KERNELS_CALL_H
#define WEIR_KERNELS_CALL_H

#include "kernels/kernels.h"

#define KERNEL_LETTERS 26

struct kernel_view {
    const char *name;
    double *value; /* NULL: an optional operand that was not given */
    int64_t element_count;
    double *error; /* of the result; NULL: not asked for, or an input */
    /* Elements from one index to the next, by letter of the dimension; 0 along
     * a dimension that the tensor lacks. */
    int64_t stride[KERNEL_LETTERS];
};

struct kernel_call {
    /* By letter; 1 for dimensions that no tensor has. */
    int64_t extent[KERNEL_LETTERS];
    struct kernel_view view[KERNEL_MAX_OPERANDS]; /* as in kernels.def */
    int64_t parameter[KERNEL_MAX_PARAMETERS];     /* likewise */
    struct span at;                               /* for errors */
};

static inline int64_t kernel_extent(const struct kernel_call *call, char dim)
{
    return call->extent[dim - 'a'];
}

static inline int64_t kernel_stride(const struct kernel_view *view, char dim)
{
    return view->stride[dim - 'a'];
}

static inline bool kernel_has(const struct kernel_call *call, int operand)
{
    return call->view[operand].value != NULL;
}

/* Errors that only a kernel can see, at the place that named it. */
#define KERNEL_REJECT(call, diags, code, ...)                                  \
    (diag_error(diags, (call)->at, code, NULL, __VA_ARGS__), ERR_INPUT)

/* All values of an index operand in [0, limit)? Else 'kernel-index'. */
MUST_USE enum status kernel_check_index(const struct kernel_call *call,
                                        int operand, int64_t limit,
                                        struct diags *diags);
/* Does `part` divide `whole`? Else 'kernel-extents'; the names are for the
 * message. */
MUST_USE enum status kernel_check_divides(const struct kernel_call *call,
                                          const char *part_name, int64_t part,
                                          const char *whole_name, int64_t whole,
                                          struct diags *diags);

/* The functions of the table. */
#define KERNEL(name, function, ...)                                            \
    enum status function(const struct kernel_call *call, struct diags *diags);
#include "kernels/kernels.def"
#undef KERNEL

#endif
