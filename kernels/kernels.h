/* Kernels: reference algorithms in plain C double, each written from the
 * formula of the literature and never from a cascade, so that a cascade can be
 * checked against something that does not share its mistakes.
 *
 * Beside each value a kernel gives a rigorous bound on its own rounding error,
 * derived in the kernel's file from the number format alone: the exact result
 * for the given inputs lies within value +- error.
 *
 * Tensors are passed with the names of their dimensions, one letter each
 * ("bhpe": outermost first, row-major), so any order of indices will do. A
 * dimension that an operand may lack (K without 'h': all heads share it) is
 * broadcast.
 *
 * Memory: the caller owns every tensor. Kernels may run in several threads at
 * once on different results. Time and scratch memory are those of the textbook
 * algorithm: clarity before speed.
 */
#ifndef WEIR_KERNELS_H
#define WEIR_KERNELS_H

#include <stdint.h>

#include "base/base.h"

#define KERNEL_MAX_OPERANDS 4
#define KERNEL_MAX_DIMS     8

/* What a kernel wants of one tensor. */
struct kernel_operand {
    const char *name;     /* as in the cascade: "Q" */
    const char *dims;     /* all dimensions it may have: "bhpe" */
    const char *required; /* those it must have: "pe" */
    bool is_result;
};

struct kernel_call;

struct kernel {
    const char *name; /* as in a cascade's `kernel:` */
    const char *help; /* one line */
    enum status (*run)(const struct kernel_call *call, struct diags *diags);
    struct kernel_operand operand[KERNEL_MAX_OPERANDS]; /* to name NULL */
};

/* A caller's tensor. */
struct kernel_tensor {
    const char *name;
    const char *dims; /* a letter for each dimension, outermost first */
    int64_t extent[KERNEL_MAX_DIMS];
    double *value; /* row-major; only read if the tensor is not the result */
    /* For the result: receives the bounds, or NULL. Unused for inputs, which
     * are taken as exact. */
    double *error;
};

size_t kernel_count(void);
const struct kernel *kernel_get(size_t i);
/* NULL if there is none of that name. */
const struct kernel *kernel_find(const char *name);
/* As kernel_find, but reports 'kernel-unknown' at `at` with a suggestion. */
const struct kernel *kernel_look_up(struct diags *diags, struct span at,
                                    const char *name);

/* Checks the tensors against the kernel (all operands present, dimensions known
 * and not repeated, extents agreeing) and runs it; tensors that are no operand
 * are ignored. Errors are reported at `at`, the place that named the kernel.
 * ERR_MEM if scratch memory is short. A result that is not finite has an
 * infinite bound. */
MUST_USE enum status kernel_run(const struct kernel *kernel,
                                const struct kernel_tensor *tensors,
                                size_t tensor_count, struct diags *diags,
                                struct span at);

#endif
