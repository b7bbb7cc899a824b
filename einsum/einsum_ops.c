#include "einsum/einsum_ops.h"

#include <math.h>

static const struct op {
    const char *name;
    int arity;
    const char *sign;
    int binding;
} ops[EINSUM_OP_COUNT] = {
    [EINSUM_MAC] = {"mac", 2, NULL, OP_BINDS_CALL},
    [EINSUM_MUL] = {"mul", 2, "*", OP_BINDS_PRODUCT},
    [EINSUM_ADD] = {"add", 2, "+", OP_BINDS_SUM},
    [EINSUM_SUB] = {"sub", 2, "-", OP_BINDS_SUM},
    [EINSUM_DIVIDE] = {"divide", 2, "/", OP_BINDS_PRODUCT},
    [EINSUM_MAX] = {"max", 2, NULL, OP_BINDS_CALL},
    [EINSUM_MIN] = {"min", 2, NULL, OP_BINDS_CALL},
    [EINSUM_EXP] = {"exp", 1, NULL, OP_BINDS_CALL},
    [EINSUM_LOG] = {"log", 1, NULL, OP_BINDS_CALL},
    [EINSUM_SQRT] = {"sqrt", 1, NULL, OP_BINDS_CALL},
    [EINSUM_ABS] = {"abs", 1, NULL, OP_BINDS_CALL},
    [EINSUM_NEGATE] = {"negate", 1, "-", OP_BINDS_NEGATION},
    [EINSUM_TANH] = {"tanh", 1, NULL, OP_BINDS_CALL},
    [EINSUM_SIGMOID] = {"sigmoid", 1, NULL, OP_BINDS_CALL},
    [EINSUM_RELU] = {"relu", 1, NULL, OP_BINDS_CALL},
    [EINSUM_ERF] = {"erf", 1, NULL, OP_BINDS_CALL},
    [EINSUM_RSQRT] = {"rsqrt", 1, NULL, OP_BINDS_CALL},
    [EINSUM_SIN] = {"sin", 1, NULL, OP_BINDS_CALL},
    [EINSUM_COS] = {"cos", 1, NULL, OP_BINDS_CALL},
    [EINSUM_FLOOR] = {"floor", 1, NULL, OP_BINDS_CALL},
    [EINSUM_SIGN] = {"sign", 1, NULL, OP_BINDS_CALL},
    [EINSUM_POW] = {"pow", 2, NULL, OP_BINDS_CALL},
    [EINSUM_MOD] = {"mod", 2, "mod", OP_BINDS_PRODUCT},
    [EINSUM_LESS] = {"less", 2, "<", OP_BINDS_COMPARISON},
    [EINSUM_LESS_EQUAL] = {"less_equal", 2, "<=", OP_BINDS_COMPARISON},
    [EINSUM_EQUAL] = {"equal", 2, "==", OP_BINDS_COMPARISON},
    [EINSUM_NOT_EQUAL] = {"not_equal", 2, "!=", OP_BINDS_COMPARISON},
    [EINSUM_SELECT] = {"select", 3, NULL, OP_BINDS_CALL},
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

const char *op_sign(enum einsum_op op)
{
    return ops[op].sign;
}

int op_binding(enum einsum_op op)
{
    return ops[op].binding;
}

enum einsum_op op_find_call(const char *name)
{
    enum einsum_op op = einsum_op_find(name);
    bool is_call =
        op != EINSUM_OP_COUNT && op != EINSUM_MAC && ops[op].sign == NULL;
    return is_call ? op : EINSUM_OP_COUNT;
}

double sigmoid(double a)
{
    double small = exp(-fabs(a));
    return a >= 0.0 ? 1.0 / (1.0 + small) : small / (1.0 + small);
}

double floor_mod(double a, double b)
{
    double rest = fmod(a, b);
    bool is_other_side = (rest < 0.0 && b > 0.0) || (rest > 0.0 && b < 0.0);
    return is_other_side ? rest + b : rest;
}

static double sign(double a)
{
    return a > 0.0 ? 1.0 : a < 0.0 ? -1.0 : a;
}

static bool is_same(double a, double b)
{
    return a <= b && a >= b;
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
    case EINSUM_SIGMOID:
        return sigmoid(a);
    case EINSUM_RELU:
        return max_keep_nan(a, 0.0);
    case EINSUM_ERF:
        return erf(a);
    case EINSUM_RSQRT:
        return 1.0 / sqrt(a);
    case EINSUM_SIN:
        return sin(a);
    case EINSUM_COS:
        return cos(a);
    case EINSUM_FLOOR:
        return floor(a);
    case EINSUM_SIGN:
        return sign(a);
    case EINSUM_POW:
        return pow(a, b);
    case EINSUM_MOD:
        return floor_mod(a, b);
    case EINSUM_LESS:
        return a < b ? 1.0 : 0.0;
    case EINSUM_LESS_EQUAL:
        return a <= b ? 1.0 : 0.0;
    case EINSUM_EQUAL:
        return is_same(a, b) ? 1.0 : 0.0;
    case EINSUM_NOT_EQUAL:
        return is_same(a, b) ? 0.0 : 1.0;
    case EINSUM_SELECT:
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
    case EINSUM_PRODUCT:
        return 1.0;
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
    case EINSUM_PRODUCT:
        return a * b;
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
    case EINSUM_PRODUCT:
        return "prod";
    case EINSUM_NO_REDUCE:
        break;
    }
    return NULL;
}
