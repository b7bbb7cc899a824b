/* Operations: names, arity and meaning on doubles. Private to this folder. */
#ifndef WEIR_EINSUM_OPS_H
#define WEIR_EINSUM_OPS_H

#include "einsum/einsum.h"

#define OP_MAX_ARITY 3

/* Operands of an operation as it stands in an expression (mac: 2). */
int op_arity(enum einsum_op op);
/* "+", "<=", "mod" between or before its operands; NULL for an operation
 * written as a call of its name. */
const char *op_sign(enum einsum_op op);
/* How tightly it binds: OP_BINDS_OR ... OP_BINDS_CALL. */
int op_binding(enum einsum_op op);
/* The operation written as a call of that name; EINSUM_OP_COUNT if none. */
enum einsum_op op_find_call(const char *name);
/* Not for EINSUM_MAC and EINSUM_SELECT. max and min give NaN when either
 * operand is NaN. */
double op_apply(enum einsum_op op, double a, double b);
/* What a reduction starts from: 0, -inf, inf, 1. */
double reduce_identity(enum einsum_reduce reduce);
double reduce_apply(enum einsum_reduce reduce, double a, double b);
/* "sum", "max", "min", "prod". */
const char *reduce_name(enum einsum_reduce reduce);

enum op_binding {
    OP_BINDS_OR,
    OP_BINDS_AND,
    OP_BINDS_COMPARISON,
    OP_BINDS_SUM,
    OP_BINDS_PRODUCT,
    OP_BINDS_NEGATION,
    OP_BINDS_CALL,
};

/* 1 / (1 + exp(-a)) without overflow. */
double sigmoid(double a);
/* a - b floor(a/b): the sign of b. */
double floor_mod(double a, double b);

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
