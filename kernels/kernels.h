/* Kernels: reference algorithms in plain C double, each written from the
 * formula of the literature and never from a cascade, so that a cascade can be
 * checked against something that does not share its mistakes.
 *
 * Beside each value a kernel gives a rigorous bound on its own rounding error,
 * from the number format alone: the exact result for the given inputs lies
 * within value +- error. Constants of a formula (an epsilon of 1e-6) are the
 * nearest doubles.
 *
 * Undecided: where a formula selects (top-k, argmax, sort, hash), the selection
 * is taken only if the error bounds of what is compared prove the order, or if
 * both are exact (then ties go to the lower index). Otherwise another correct
 * program may select differently, and every element that depends on it has the
 * bound +infinity. Infinite means: this element says nothing.
 *
 * Scales: a factor such as 1/sqrt(E) that a caller can give to Q (or to Q and
 * K) beforehand is left to the caller. The few kernels that must scale
 * themselves say so in their help line.
 *
 * Tensors are passed with the names of their dimensions, one letter each
 * ("bhpe": outermost first, row-major), so any order of indices will do. A
 * dimension that an operand may lack (K without 'h': all heads share it) is
 * broadcast. The dimension 's' of an operand is the one sequence that queries
 * and keys share; a tensor may write it as any of KERNEL_SEQUENCE_LETTERS that
 * are no other dimension of that operand.
 *
 * Memory: the caller owns every tensor. Kernels may run in several threads at
 * once on different results. Time and scratch memory are those of the textbook
 * algorithm: clarity before speed.
 */
#ifndef WEIR_KERNELS_H
#define WEIR_KERNELS_H

#include <stdint.h>

#include "base/base.h"

#define KERNEL_MAX_OPERANDS   8
#define KERNEL_MAX_PARAMETERS 4
#define KERNEL_MAX_DIMS       8

#define KERNEL_SEQUENCE_LETTERS "spmntli"

/* What a kernel wants of one tensor. */
struct kernel_operand {
    const char *name;     /* as in the cascade: "Q" */
    const char *dims;     /* all dimensions it may have: "bhpe" */
    const char *required; /* those it must have: "pe" */
    bool is_result;
    bool is_optional; /* the formula has a form without it */
    /* Values are indices: integers, exact in double, in a range that the kernel
     * checks. */
    bool is_index;
};

/* An integer that a kernel wants beside the extents: a window, a top-k. */
struct kernel_wish {
    const char *name; /* as a shape of the cascade: "W" */
    int64_t least;
};

struct kernel_call;

struct kernel {
    const char *name; /* as in a cascade's `kernel:` */
    const char *help; /* one line */
    enum status (*run)(const struct kernel_call *call, struct diags *diags);
    struct kernel_wish parameter[KERNEL_MAX_PARAMETERS]; /* to name NULL */
    struct kernel_operand operand[KERNEL_MAX_OPERANDS];  /* to name NULL */
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

/* A caller's integer: a shape of the cascade. */
struct kernel_parameter {
    const char *name;
    int64_t value;
};

size_t kernel_count(void);
const struct kernel *kernel_get(size_t i);
/* NULL if there is none of that name. */
const struct kernel *kernel_find(const char *name);
/* As kernel_find, but reports 'kernel-unknown' at `at` with a suggestion. */
const struct kernel *kernel_look_up(struct diags *diags, struct span at,
                                    const char *name);

/* Checks the tensors against the kernel (all operands present that are not
 * optional, dimensions known and not repeated, extents agreeing) and runs it;
 * tensors that are no operand are ignored. Errors are reported at `at`, the
 * place that named the kernel.
 * ERR_MEM if scratch memory is short. A result that is not finite has an
 * infinite bound. */
MUST_USE enum status kernel_run(const struct kernel *kernel,
                                const struct kernel_tensor *tensors,
                                size_t tensor_count, struct diags *diags,
                                struct span at);

/* What a kernel is run on. */
struct kernel_arguments {
    const struct kernel_tensor *tensors;
    size_t tensor_count;
    const struct kernel_parameter *parameters;
    size_t parameter_count;
};

/* As kernel_run, for kernels with parameters: each must be among the
 * `parameters`; others are ignored. Typically all shapes of the cascade are
 * passed. */
MUST_USE enum status kernel_run_with(const struct kernel *kernel,
                                     const struct kernel_arguments *arguments,
                                     struct diags *diags, struct span at);

#endif
