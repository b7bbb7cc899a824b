/* Let x be the computed and x' the exact value, |x - x'| <= e_x, u = 2^-53.
 *
 * + -   result r = (a+b)(1+d), |d| <= u, so |r - (a'+b')| <= e_a + e_b + u|r|:
 *       in round to nearest |r - (a+b)| <= u|r| as well as u|a+b|. Exact whole
 *       numbers below 2^53 give exact ones; so for *.
 * *     a'b' - ab = (a'-a)b + a(b'-b) + (a'-a)(b'-b), so
 *       |a|e_b + |b|e_a + e_a e_b + u|r|.
 * /     a/b - a'/b' = (a(b'-b) + b(a-a')) / (b b') and |b'| >= |b| - e_b, so
 *       (e_a + |a/b| e_b) / (|b| - e_b) + u|r|, infinite if e_b >= |b|.
 * max   |max(a,b) - max(a',b')| <= max(e_a, e_b); min likewise; no rounding.
 * exp   exp(a') lies within exp(a) * (exp(e_a) - 1) of exp(a); the library is
 *       within 1 unit in the last place, at most 2u|r|.
 * log   |log(a'/a)| <= -log(1 - e_a/a), infinite if e_a >= a; library 2u|r|.
 * sqrt  |sqrt(a) - sqrt(a')| = |a-a'| / (sqrt(a)+sqrt(a')) is at most
 *       e_a/sqrt(a) and at most sqrt(e_a); correctly rounded, u|r|.
 * tanh  its slope is at most 1: e_a; library 2 units in the last place, 4u|r|.
 * sigmoid  its slope is at most 1/4, and the slope of its logarithm at most 1:
 *       min(e_a/4, r (exp(e_a) - 1)); computed from exp in at most 8u|r|.
 * erf   its slope is at most 2/sqrt(pi) < 1.1284; sin, cos: 1; library 4u|r|.
 * rsqrt 1/sqrt(a') - 1/sqrt(a) is largest at a' = a - e_a; two roundings.
 * relu  max(a, 0). sign, floor: 0 unless a value within e_a of a gives another
 *       result, then the difference. Comparisons likewise: 1 if undecided.
 * pow   |log(a'^b' / a^b)| <= (|b|+e_b) -log(1 - e_a/|a|) + e_b |log|a||, or, for
 *       exact b > 0, at most |r| + (|a|+e_a)^b; library 2u|r|.
 * mod   slope 1 within one period of an exact b, else |b| + e_b at most.
 * select  as the chosen operand if the condition is decided, else what both
 *       may differ.
 * sum   of n computed terms t_i in any order and grouping: every term passes
 *       at most n-1 additions, so the result is sum t_i (1+d_i) with |d_i| <=
 *       gamma_(n-1), gamma_k = k u / (1 - k u), and its error is at most
 *       sum (e_i + gamma |t_i|). Each term's share is added to the output's
 *       error as it comes, so boxes may come in any order.
 *
 * A result below the normal range may be off by the smallest subnormal more.
 * The bounds are themselves computed in double: ERROR_INFLATE covers the at most 8
 * roundings of one formula, and a sum's gamma is doubled to cover the n
 * additions of its error.
 *
 * Infinities are exact when an operand is one (the start of a running maximum):
 * their error is 0. An infinity from finite operands is an overflow, error inf;
 * NaN has error NaN.
 */
#include "einsum/rounding.h"

#include <float.h>
#include <math.h>

#include "einsum/einsum_ops.h"

/* 0 * inf = 0 for an exact operand: it adds nothing, however large the other. No
 * bound stays none. */
static double scaled(double error, double factor)
{
    return error > 0.0 && error <= DBL_MAX ? error * fabs(factor) : error;
}

static double product_error(double a, double error_a, double b, double error_b)
{
    return scaled(error_b, a) + scaled(error_a, b) + scaled(error_a, error_b);
}

static double quotient_error(double error_a, double b, double error_b,
                             double result)
{
    if (error_b >= fabs(b)) {
        return (double)INFINITY;
    }
    return (error_a + scaled(error_b, result)) / (fabs(b) - error_b);
}

static double sqrt_error(double a, double error_a)
{
    double root = sqrt(error_a);
    double slope = error_a / sqrt(a);
    return error_a > 0.0 ? fmin(root, slope) : 0.0;
}

static double rsqrt_error(double a, double error_a, double result)
{
    return error_a < a ? scaled(1.0 / sqrt(1.0 - error_a / a) - 1.0, result)
                       : (double)INFINITY;
}

static double pow_error(double a, double error_a, double b, double error_b,
                        double result)
{
    bool is_exact_power = !(error_b > 0.0);
    if (is_exact_power && !(error_a > 0.0)) {
        return 0.0;
    }
    bool has_sign = a > 0.0 || (is_exact_power && floor(b) >= b);
    if (has_sign && error_a < fabs(a)) {
        double change = (fabs(b) + error_b) * -log1p(-error_a / fabs(a)) +
                        scaled(error_b, log(fabs(a)));
        return scaled(expm1(change * ERROR_INFLATE), result);
    }
    if (is_exact_power && b > 0.0) {
        return fabs(result) + pow(fabs(a) + error_a, b);
    }
    return (double)INFINITY;
}

static double mod_error(double error_a, double b, double error_b, double result)
{
    if (!(error_a > 0.0) && !(error_b > 0.0)) {
        return 0.0;
    }
    bool is_inside = !(error_b > 0.0) && fabs(result) - error_a >= 0.0 &&
                     fabs(result) + error_a < fabs(b);
    return is_inside ? error_a : fabs(b) + error_b;
}

/* 0 if the order of a and b is certain. */
static double comparison_error(double a, double error_a, double b,
                               double error_b)
{
    double error = error_a + error_b;
    bool is_exact = !(error > 0.0) && !isnan(error);
    return is_exact || isinf(a) || isinf(b) ||
                   fabs(a - b) > error * ERROR_INFLATE
               ? 0.0
               : 1.0;
}

/* What the operands' errors become. Inline, as the functions up to error_of: in
 * a row the operation is a constant. */
static inline double propagated(enum einsum_op op, double a, double error_a,
                                double b, double error_b, double result)
{
    switch (op) {
    case EINSUM_ADD:
    case EINSUM_SUB:
        return error_a + error_b;
    case EINSUM_MUL:
        return product_error(a, error_a, b, error_b);
    case EINSUM_DIVIDE:
        return quotient_error(error_a, b, error_b, result);
    case EINSUM_MAX:
    case EINSUM_MIN:
        return fmax(error_a, error_b);
    case EINSUM_EXP:
        return scaled(expm1(error_a), result);
    case EINSUM_LOG:
        return error_a < a ? -log1p(-error_a / a) : (double)INFINITY;
    case EINSUM_SQRT:
        return sqrt_error(a, error_a);
    case EINSUM_SIGMOID:
        return fmin(0.25 * error_a, scaled(expm1(error_a), result));
    case EINSUM_ERF:
        return 1.1284 * error_a;
    case EINSUM_RSQRT:
        return rsqrt_error(a, error_a, result);
    case EINSUM_SIN:
    case EINSUM_COS:
        return fmin(error_a, 2.0);
    case EINSUM_FLOOR:
        return error_a > 0.0 ? floor(a + error_a) - floor(a - error_a) : 0.0;
    case EINSUM_SIGN:
        return error_a > 0.0 && error_a >= fabs(a) ? 2.0 : 0.0;
    case EINSUM_POW:
        return pow_error(a, error_a, b, error_b, result);
    case EINSUM_MOD:
        return mod_error(error_a, b, error_b, result);
    case EINSUM_LESS:
    case EINSUM_LESS_EQUAL:
    case EINSUM_EQUAL:
    case EINSUM_NOT_EQUAL:
        return comparison_error(a, error_a, b, error_b);
    case EINSUM_TANH:
    case EINSUM_ABS:
    case EINSUM_NEGATE:
    case EINSUM_RELU:
        return error_a;
    case EINSUM_SELECT:
    case EINSUM_MAC:
    case EINSUM_OP_COUNT:
        break;
    }
    BUG("operation %d has no error bound of its own", (int)op);
}

/* Units of u|result| that the operation itself may be off. */
static inline double roundings(enum einsum_op op)
{
    switch (op) {
    case EINSUM_ADD:
    case EINSUM_SUB:
    case EINSUM_MUL:
    case EINSUM_DIVIDE:
    case EINSUM_SQRT:
    case EINSUM_MOD:
        return 1.0;
    case EINSUM_EXP:
    case EINSUM_LOG:
    case EINSUM_POW:
        return 2.0;
    case EINSUM_TANH:
    case EINSUM_ERF:
    case EINSUM_RSQRT:
    case EINSUM_SIN:
    case EINSUM_COS:
        return 4.0;
    case EINSUM_SIGMOID:
        return 8.0;
    case EINSUM_RELU:
    case EINSUM_FLOOR:
    case EINSUM_SIGN:
    case EINSUM_LESS:
    case EINSUM_LESS_EQUAL:
    case EINSUM_EQUAL:
    case EINSUM_NOT_EQUAL:
    case EINSUM_SELECT:
    case EINSUM_MAX:
    case EINSUM_MIN:
    case EINSUM_ABS:
    case EINSUM_NEGATE:
    case EINSUM_MAC:
    case EINSUM_OP_COUNT:
        break;
    }
    return 0.0;
}

static inline bool may_underflow(enum einsum_op op, double a, double b,
                                 double result)
{
    if (fabs(result) >= DBL_MIN) {
        return false;
    }
    if (op == EINSUM_MUL) {
        return fabs(a) > 0.0 && fabs(b) > 0.0;
    }
    if (op == EINSUM_DIVIDE) {
        return fabs(a) > 0.0 && isfinite(b);
    }
    if (op == EINSUM_SIGMOID || op == EINSUM_ERF || op == EINSUM_SIN ||
        op == EINSUM_POW) {
        return fabs(a) > 0.0 && isfinite(a);
    }
    return op == EINSUM_EXP && isfinite(a);
}

static bool is_integer(double a)
{
    return fabs(a) < 0x1p53 && floor(a) >= a;
}

/* a^b by multiplications that are all exact. */
static bool is_power(double a, double b, double result)
{
    double power = 1.0;
    for (double i = 0.0; i < b && fabs(power) < 0x1p53 && i < 64.0; i += 1.0) {
        power *= a;
    }
    return b >= 0.0 && b < 64.0 && power <= result && power >= result;
}

/* Sums, products and powers of whole numbers are exact while they are doubles,
 * quotients that are whole too. */
static bool is_whole(enum einsum_op op, double a, double b, double result)
{
    bool is_ring = op == EINSUM_ADD || op == EINSUM_SUB || op == EINSUM_MUL;
    if ((!is_ring && op != EINSUM_DIVIDE && op != EINSUM_POW) ||
        !is_integer(a) || !is_integer(b) || !is_integer(result)) {
        return false;
    }
    return is_ring || (op == EINSUM_POW ? is_power(a, b, result)
                                        : result * b <= a && result * b >= a);
}

static inline double error_of(enum einsum_op op, double a, double error_a,
                              double b, double error_b, double result)
{
    if (isnan(result)) {
        return (double)NAN;
    }
    double error = propagated(op, a, error_a, b, error_b, result);
    if (isinf(result)) {
        bool is_given = isinf(a) || (op_arity(op) == 2 && isinf(b));
        return is_given ? error : (double)INFINITY;
    }
    if (!(error > 0.0) && is_whole(op, a, b, result)) {
        return 0.0;
    }
    error =
        (error + roundings(op) * UNIT_ROUNDOFF * fabs(result)) * ERROR_INFLATE;
    return may_underflow(op, a, b, result) ? error + DBL_TRUE_MIN : error;
}

double op_error(enum einsum_op op, double a, double error_a, double b,
                double error_b, double result)
{
    return error_of(op, a, error_a, b, error_b, result);
}

/* The loop of op_error_row with the operation as a constant. */
#define ROW_OF(op)                                                             \
    case op:                                                                   \
        for (int64_t i = 0; i < count; i++) {                                  \
            error[i] = error_of(op, a->value[i], a->error[i], b->value[i],     \
                                b->error[i], result[i]);                       \
        }                                                                      \
        return;

void op_error_row(enum einsum_op op, const struct bounded_row *a,
                  const struct bounded_row *b, const double *result,
                  double *error, int64_t count)
{
    switch ((int)op) {
        ROW_OF(EINSUM_ADD)
        ROW_OF(EINSUM_SUB)
        ROW_OF(EINSUM_MUL)
        ROW_OF(EINSUM_DIVIDE)
        ROW_OF(EINSUM_MAX)
        ROW_OF(EINSUM_MIN)
        ROW_OF(EINSUM_EXP)
    default:
        for (int64_t i = 0; i < count; i++) {
            error[i] = error_of(op, a->value[i], a->error[i], b->value[i],
                                b->error[i], result[i]);
        }
    }
}

double sum_gamma(double term_count)
{
    double product = 2.0 * term_count * UNIT_ROUNDOFF;
    return product / (1.0 - product);
}

double sum_term_error(double term, double error, double gamma)
{
    if (isinf(term)) {
        return error;
    }
    return error * (1.0 + gamma) * ERROR_INFLATE +
           gamma * fabs(term) * ERROR_INFLATE;
}

double select_error(double condition, double error_condition, double a,
                    double error_a, double b, double error_b)
{
    bool is_decided =
        !(error_condition > 0.0) || fabs(condition) > error_condition;
    double chosen = fabs(condition) > 0.0 ? error_a : error_b;
    return is_decided ? chosen : fmax(error_a, error_b) + fabs(a - b);
}

double product_term_error(double before, double error_before, double term,
                          double error_term, double result)
{
    if (isnan(result)) {
        return (double)NAN;
    }
    double error = product_error(before, error_before, term, error_term);
    return (error + 4.0 * UNIT_ROUNDOFF * fabs(result)) * ERROR_INFLATE;
}
