#include "einsum/einsum_ops.h"

#include <math.h>

static const struct op {
    const char *name;
    int arity;
    char sign;
} ops[EINSUM_OP_COUNT] = {
    [EINSUM_MAC] = {"mac", 2, 0},         [EINSUM_MUL] = {"mul", 2, '*'},
    [EINSUM_ADD] = {"add", 2, '+'},       [EINSUM_SUB] = {"sub", 2, '-'},
    [EINSUM_DIVIDE] = {"divide", 2, '/'}, [EINSUM_MAX] = {"max", 2, 0},
    [EINSUM_MIN] = {"min", 2, 0},         [EINSUM_EXP] = {"exp", 1, 0},
    [EINSUM_LOG] = {"log", 1, 0},         [EINSUM_SQRT] = {"sqrt", 1, 0},
    [EINSUM_ABS] = {"abs", 1, 0},         [EINSUM_NEGATE] = {"negate", 1, '-'},
    [EINSUM_TANH] = {"tanh", 1, 0},
};

const char *einsum_op_name(enum einsum_op op)
{
    return ops[op].name;
}

enum einsum_op einsum_op_find(const char *name)
{
    for (int i = 0; i < EINSUM_OP_COUNT; i++) {
        if (g_str_equal(ops[i].name, name)) {
            return (enum einsum_op)i;
        }
    }
    return EINSUM_OP_COUNT;
}

int op_arity(enum einsum_op op)
{
    return ops[op].arity;
}

char op_sign(enum einsum_op op)
{
    return ops[op].sign;
}

double op_apply(enum einsum_op op, double a, double b)
{
    switch (op) {
    case EINSUM_MUL:
        return a * b;
    case EINSUM_ADD:
        return a + b;
    case EINSUM_SUB:
        return a - b;
    case EINSUM_DIVIDE:
        return a / b;
    case EINSUM_MAX:
        return max_keep_nan(a, b);
    case EINSUM_MIN:
        return min_keep_nan(a, b);
    case EINSUM_EXP:
        return exp(a);
    case EINSUM_LOG:
        return log(a);
    case EINSUM_SQRT:
        return sqrt(a);
    case EINSUM_ABS:
        return fabs(a);
    case EINSUM_NEGATE:
        return -a;
    case EINSUM_TANH:
        return tanh(a);
    case EINSUM_MAC:
    case EINSUM_OP_COUNT:
        break;
    }
    BUG("operation %d has no value of its own", (int)op);
}

double reduce_identity(enum einsum_reduce reduce)
{
    switch (reduce) {
    case EINSUM_SUM:
        return 0.0;
    case EINSUM_MAXIMUM:
        return -(double)INFINITY;
    case EINSUM_MINIMUM:
        return (double)INFINITY;
    case EINSUM_NO_REDUCE:
        break;
    }
    return (double)NAN;
}

double reduce_apply(enum einsum_reduce reduce, double a, double b)
{
    switch (reduce) {
    case EINSUM_SUM:
        return a + b;
    case EINSUM_MAXIMUM:
        return max_keep_nan(a, b);
    case EINSUM_MINIMUM:
        return min_keep_nan(a, b);
    case EINSUM_NO_REDUCE:
        break;
    }
    return b;
}

const char *reduce_name(enum einsum_reduce reduce)
{
    switch (reduce) {
    case EINSUM_SUM:
        return "sum";
    case EINSUM_MAXIMUM:
        return "max";
    case EINSUM_MINIMUM:
        return "min";
    case EINSUM_NO_REDUCE:
        break;
    }
    return NULL;
}
