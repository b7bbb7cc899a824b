/* Operations: names, arity and meaning on doubles. Private to this folder. */
#ifndef WEIR_EINSUM_OPS_H
#define WEIR_EINSUM_OPS_H

#include "einsum/einsum.h"

/* Operands of an operation as it stands in an expression (mac: 2). */
int op_arity(enum einsum_op op);
/* '+', '-', '*', '/' or 0 for an operation written otherwise. */
char op_sign(enum einsum_op op);
/* Not for EINSUM_MAC. max and min give NaN when either operand is NaN. */
double op_apply(enum einsum_op op, double a, double b);
/* What a reduction starts from: 0, -inf, inf. */
double reduce_identity(enum einsum_reduce reduce);
double reduce_apply(enum einsum_reduce reduce, double a, double b);
/* "sum", "max", "min". */
const char *reduce_name(enum einsum_reduce reduce);

/* Unlike fmax, keeps NaN: a value read before it was written stays visible. */
static inline double max_keep_nan(double a, double b)
{
    return a >= b || a != a ? a : b;
}

static inline double min_keep_nan(double a, double b)
{
    return a <= b || a != a ? a : b;
}

#endif
