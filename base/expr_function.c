/* Operators and functions of expressions, as tables. */
#include "base/expr.h"

static const struct expr_operator operators[] = {
    {EXPR_TOKEN_OR, "||", 2},     {EXPR_TOKEN_AND, "&&", 3},
    {EXPR_TOKEN_EQUAL, "==", 4},  {EXPR_TOKEN_UNEQUAL, "!=", 4},
    {EXPR_TOKEN_LESS, "<", 5},    {EXPR_TOKEN_LESS_EQUAL, "<=", 5},
    {EXPR_TOKEN_GREATER, ">", 5}, {EXPR_TOKEN_GREATER_EQUAL, ">=", 5},
    {EXPR_TOKEN_ADD, "+", 6},     {EXPR_TOKEN_SUB, "-", 6},
    {EXPR_TOKEN_MUL, "*", 7},     {EXPR_TOKEN_DIV, "/", 7},
    {EXPR_TOKEN_MOD, "%", 7},
};

const struct expr_operator *expr_find_operator(enum expr_token_kind token)
{
    for (size_t i = 0; i < G_N_ELEMENTS(operators); i++) {
        if (operators[i].token == token) {
            return &operators[i];
        }
    }
    return NULL;
}

static const char *find_no_fault(const int64_t *values, size_t count)
{
    (void)values;
    (void)count;
    return NULL;
}

static int64_t apply_min(const int64_t *values, size_t count)
{
    int64_t least = values[0];
    for (size_t i = 1; i < count; i++) {
        least = MIN(least, values[i]);
    }
    return least;
}

static int64_t apply_max(const int64_t *values, size_t count)
{
    int64_t most = values[0];
    for (size_t i = 1; i < count; i++) {
        most = MAX(most, values[i]);
    }
    return most;
}

static const char *find_ceil_div_fault(const int64_t *values, size_t count)
{
    (void)count;
    if (values[0] < 0) {
        return "the dividend is negative";
    }
    return values[1] <= 0 ? "the divisor is not positive" : NULL;
}

static int64_t apply_ceil_div(const int64_t *values, size_t count)
{
    (void)count;
    return num_ceil_div(values[0], values[1]);
}

static const char *find_not_positive(const int64_t *values, size_t count)
{
    (void)count;
    return values[0] < 1 ? "the number is not positive" : NULL;
}

static int64_t apply_largest_divisor(const int64_t *values, size_t count)
{
    (void)count;
    return num_largest_divisor(values[0], values[1]);
}

static const char *find_negative(const int64_t *values, size_t count)
{
    return apply_min(values, count) < 0 ? "a number is negative" : NULL;
}

static int64_t apply_gcd(const int64_t *values, size_t count)
{
    int64_t divisor = values[0];
    for (size_t i = 1; i < count; i++) {
        divisor = num_gcd(divisor, values[i]);
    }
    return divisor;
}

static int64_t apply_log2_ceil(const int64_t *values, size_t count)
{
    (void)count;
    int64_t bits = 0;
    for (int64_t rest = values[0] - 1; rest > 0; rest /= 2) {
        bits++;
    }
    return bits;
}

static const struct expr_function functions[EXPR_FUNCTION_COUNT] = {
    {"min", 2, SIZE_MAX, find_no_fault, apply_min},
    {"max", 2, SIZE_MAX, find_no_fault, apply_max},
    {"ceil_div", 2, 2, find_ceil_div_fault, apply_ceil_div},
    {"largest_divisor", 2, 2, find_not_positive, apply_largest_divisor},
    {"gcd", 2, SIZE_MAX, find_negative, apply_gcd},
    {"log2_ceil", 1, 1, find_not_positive, apply_log2_ceil},
};

const struct expr_function *expr_functions(void)
{
    return functions;
}
