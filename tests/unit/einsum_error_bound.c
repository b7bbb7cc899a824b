/* The running error analysis: the bound covers the true error, measured against
 * long double (64 bits of significand), and is not absurdly large. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>

#include "einsum/einsum_ops.h"
#include "einsum/rounding.h"
#include "tests/unit/einsum_text.h"

#define CASES 20000

/* ---- one operation ---- */

static long double exact(enum einsum_op op, long double a, long double b)
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
        return fmaxl(a, b);
    case EINSUM_MIN:
        return fminl(a, b);
    case EINSUM_EXP:
        return expl(a);
    case EINSUM_LOG:
        return logl(a);
    case EINSUM_SQRT:
        return sqrtl(a);
    case EINSUM_ABS:
        return fabsl(a);
    case EINSUM_NEGATE:
        return -a;
    case EINSUM_TANH:
        return tanhl(a);
    case EINSUM_SIGMOID:
        return 1.0L / (1.0L + expl(-a));
    case EINSUM_RELU:
        return fmaxl(a, 0.0L);
    case EINSUM_ERF:
        return erfl(a);
    case EINSUM_RSQRT:
        return 1.0L / sqrtl(a);
    case EINSUM_SIN:
        return sinl(a);
    case EINSUM_COS:
        return cosl(a);
    case EINSUM_FLOOR:
        return floorl(a);
    case EINSUM_SIGN:
        return a > 0.0L ? 1.0L : a < 0.0L ? -1.0L : 0.0L;
    case EINSUM_POW:
        return powl(a, b);
    case EINSUM_MOD:
        return a - b * floorl(a / b);
    case EINSUM_LESS:
        return a < b ? 1.0L : 0.0L;
    case EINSUM_LESS_EQUAL:
        return a <= b ? 1.0L : 0.0L;
    case EINSUM_EQUAL:
        return a <= b && a >= b ? 1.0L : 0.0L;
    case EINSUM_NOT_EQUAL:
        return a <= b && a >= b ? 0.0L : 1.0L;
    case EINSUM_SELECT: /* three operands: a test of its own */
    case EINSUM_MAC:
    case EINSUM_OP_COUNT:
        break;
    }
    fail();
    return 0.0L;
}

static double random_magnitude(GRand *random, double low, double high)
{
    return pow(10.0, g_rand_double_range(random, low, high));
}

/* The exact operand lies anywhere within the error of the computed one; the
 * ends are where the bound is tightest. */
static long double random_exact(GRand *random, double value, double error)
{
    static const double ends[] = {-1.0, 1.0, 0.0};
    int pick = g_rand_int_range(random, 0, 4);
    double share = pick < 3 ? ends[pick] : g_rand_double_range(random, -1, 1);
    return (long double)value + (long double)share * (long double)error;
}

static void check_op(GRand *random, enum einsum_op op)
{
    bool is_positive = op == EINSUM_LOG || op == EINSUM_SQRT ||
                       op == EINSUM_RSQRT || op == EINSUM_POW;
    bool is_steep = op == EINSUM_EXP || op == EINSUM_TANH ||
                    op == EINSUM_SIGMOID || op == EINSUM_ERF ||
                    op == EINSUM_MOD || op == EINSUM_SIN || op == EINSUM_COS;
    double top = op == EINSUM_POW ? 1.0 : is_steep ? 2.0 : 8.0;
    double a = random_magnitude(random, -6.0, top);
    double b = random_magnitude(random, -6.0, top);
    a = !is_positive && g_rand_boolean(random) ? -a : a;
    b = g_rand_boolean(random) ? -b : b;
    double error_a = fabs(a) * random_magnitude(random, -18.0, -0.1);
    double error_b = fabs(b) * random_magnitude(random, -18.0, -0.1);
    double result = op_apply(op, a, b);
    double bound = op_error(op, a, error_a, b, error_b, result);
    long double true_result = exact(op, random_exact(random, a, error_a),
                                    random_exact(random, b, error_b));
    /* What long double itself rounds away. */
    long double slack = fabsl(true_result) * 0x1p-62L;
    long double error = fabsl((long double)result - true_result);
    if (!(error <= (long double)bound + slack)) {
        print_error("%s(%.17g +- %.3g, %.17g +- %.3g): error %.3Lg, bound "
                    "%.3g\n",
                    einsum_op_name(op), a, error_a, b, error_b, error, bound);
        fail();
    }
}

static void test_bound_of_every_operation_holds(void **state)
{
    (void)state;
    g_autoptr(GRand) random = g_rand_new_with_seed(1);
    for (int i = 0; i < CASES; i++) {
        for (int op = EINSUM_MUL; op < EINSUM_SELECT; op++) {
            check_op(random, (enum einsum_op)op);
        }
    }
}

static void test_bound_of_exact_operands_is_one_rounding(void **state)
{
    (void)state;
    const double u = UNIT_ROUNDOFF;
    assert_true(op_error(EINSUM_ADD, 1.0, 0.0, 2.0, 0.0, 3.0) < 3.01 * u);
    assert_true(op_error(EINSUM_EXP, 1.0, 0.0, 0.0, 0.0, exp(1.0)) < 5.5 * u);
    assert_true(fabs(op_error(EINSUM_MAX, 1.0, 0.0, 2.0, 0.0, 2.0)) <= 0.0);
    assert_true(fabs(op_error(EINSUM_NEGATE, 1.0, 0.0, 0.0, 0.0, -1.0)) <= 0.0);
}

static void test_given_infinities_are_exact(void **state)
{
    (void)state;
    const double inf = HUGE_VAL;
    assert_true(fabs(op_error(EINSUM_SUB, -inf, 0.0, 3.0, 0.1, -inf)) <= 0.1);
    assert_true(fabs(op_error(EINSUM_SUB, -inf, 0.0, 3.0, 0.0, -inf)) <= 0.0);
    assert_true(fabs(op_error(EINSUM_EXP, -inf, 0.0, 0.0, 0.0, 0.0)) <= 0.0);
    assert_true(fabs(op_error(EINSUM_MAX, -inf, 0.0, 3.0, 0.0, 3.0)) <= 0.0);
    assert_true(fabs(op_error(EINSUM_MUL, 0.0, 0.0, 3.0, 0.0, 0.0)) <= 0.0);
}

static void test_overflow_and_nan_have_no_finite_bound(void **state)
{
    (void)state;
    const double inf = HUGE_VAL;
    assert_true(isinf(op_error(EINSUM_EXP, 800.0, 0.0, 0.0, 0.0, inf)));
    assert_true(isinf(op_error(EINSUM_MUL, 1e200, 0.0, 1e200, 0.0, inf)));
    assert_true(isnan(op_error(EINSUM_SUB, inf, 0.0, inf, 0.0, (double)NAN)));
    assert_true(isinf(op_error(EINSUM_DIVIDE, 1.0, 0.0, 1.0, 1.0, 1.0)));
    assert_true(isinf(op_error(EINSUM_LOG, 1.0, 1.0, 0.0, 0.0, 0.0)));
}

static void test_underflow_is_covered(void **state)
{
    (void)state;
    double bound = op_error(EINSUM_EXP, -800.0, 0.0, 0.0, 0.0, exp(-800.0));
    assert_true(bound > 0.0);
    bound = op_error(EINSUM_MUL, 1e-200, 0.0, 1e-200, 0.0, 0.0);
    assert_true(bound > 0.0);
}

/* ---- a sum in any order ---- */

static double sum_shuffled(GRand *random, const double *terms, int count)
{
    g_autofree double *left = g_memdup2(terms, (gsize)count * sizeof *terms);
    /* Adds random pairs: any grouping may come up. */
    for (int n = count; n > 1; n--) {
        int i = g_rand_int_range(random, 0, n);
        double first = left[i];
        left[i] = left[n - 1];
        int j = g_rand_int_range(random, 0, n - 1);
        left[j] += first;
    }
    return left[0];
}

static void test_bound_of_a_sum_holds_for_any_order(void **state)
{
    (void)state;
    enum { COUNT = 500 };
    g_autoptr(GRand) random = g_rand_new_with_seed(2);
    struct loaded loaded =
        load_cascade("M: 500", "X: \"[m]\"", "Y[] = X[m]", "Y");
    struct einsum_data *data = new_data(&loaded, true, 1);
    double *x = values_of(&loaded, data, "X")->value;
    long double sum = 0.0L;
    for (int i = 0; i < COUNT; i++) {
        x[i] *= random_magnitude(random, -8.0, 8.0);
        sum += (long double)x[i];
    }
    run_all(&loaded, data);
    double bound = values_of(&loaded, data, "Y")->error[0];
    for (int i = 0; i < 500; i++) {
        double shuffled = sum_shuffled(random, x, COUNT);
        assert_true(fabsl((long double)shuffled - sum) <= (long double)bound);
    }
    assert_true(bound > 0.0 && (long double)bound < 1e-4L * fabsl(sum));
    einsum_data_free(data);
    loaded_clear(&loaded);
}

/* ---- whole cascades ---- */

static void test_bound_of_a_matrix_product_holds(void **state)
{
    (void)state;
    struct loaded loaded = load_workload("workloads/gemm.yaml", NULL);
    struct einsum_data *data = new_data(&loaded, true, 4);
    run_all(&loaded, data);
    const double *a = values_of(&loaded, data, "A")->value;
    const double *b = values_of(&loaded, data, "B")->value;
    const struct tensor_data *z = values_of(&loaded, data, "Z");
    for (int e = 0; e < 64 * 64; e++) {
        long double sum = 0.0L;
        for (int k = 0; k < 64; k++) {
            sum += (long double)a[e / 64 * 64 + k] *
                   (long double)b[k * 64 + e % 64];
        }
        long double error = fabsl((long double)z->value[e] - sum);
        assert_true(error <= (long double)z->error[e]);
        assert_true(z->error[e] < 1e-11);
    }
    einsum_data_free(data);
    loaded_clear(&loaded);
}

/* Softmax attention of one query from the formula, in long double. */
static void attend(const double *q, const double *k, const double *v,
                   long double *result)
{
    long double score[64];
    long double most = -HUGE_VALL;
    long double denominator = 0.0L;
    for (int m = 0; m < 64; m++) {
        score[m] = 0.0L;
        for (int e = 0; e < 8; e++) {
            score[m] += (long double)q[e] * (long double)k[m * 8 + e];
        }
        most = fmaxl(most, score[m]);
    }
    memset(result, 0, 8 * sizeof *result);
    for (int m = 0; m < 64; m++) {
        long double weight = expl(score[m] - most);
        denominator += weight;
        for (int f = 0; f < 8; f++) {
            result[f] += weight * (long double)v[m * 8 + f];
        }
    }
    for (int f = 0; f < 8; f++) {
        result[f] /= denominator;
    }
}

static void check_attention(const char *path)
{
    struct loaded loaded = load_workload(path, NULL);
    struct einsum_data *data = new_data(&loaded, true, 6);
    run_all(&loaded, data);
    const struct tensor_data *av = values_of(&loaded, data, "AV");
    for (int p = 0; p < 64; p++) {
        long double expected[8];
        attend(values_of(&loaded, data, "Q")->value + p * 8,
               values_of(&loaded, data, "K")->value,
               values_of(&loaded, data, "V")->value, expected);
        for (int f = 0; f < 8; f++) {
            long double error =
                fabsl((long double)av->value[f * 64 + p] - expected[f]);
            assert_true(error <= (long double)av->error[f * 64 + p]);
            assert_true(av->error[f * 64 + p] < 1e-11);
        }
    }
    einsum_data_free(data);
    loaded_clear(&loaded);
}

static void test_bound_of_attention_holds(void **state)
{
    (void)state;
    check_attention("workloads/attention/one-pass.yaml");
    check_attention("workloads/attention/two-pass.yaml");
    check_attention("workloads/attention/three-pass.yaml");
    check_attention("workloads/attention/three-pass-deferred.yaml");
}

static void test_folded_constants_keep_their_error(void **state)
{
    (void)state;
    struct loaded loaded =
        load_cascade("M: 3", "X: \"[m]\"", "Y[m] = 0 * X[m] + 0.1 / M", "Y");
    struct einsum_data *data = new_data(&loaded, true, 1);
    run_all(&loaded, data);
    const struct tensor_data *y = values_of(&loaded, data, "Y");
    long double error = fabsl((long double)y->value[0] - 0.1L / 3.0L);
    assert_true(error <= (long double)y->error[0] && y->error[0] < 1e-16);
    einsum_data_free(data);
    loaded_clear(&loaded);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bound_of_every_operation_holds),
        cmocka_unit_test(test_bound_of_exact_operands_is_one_rounding),
        cmocka_unit_test(test_given_infinities_are_exact),
        cmocka_unit_test(test_overflow_and_nan_have_no_finite_bound),
        cmocka_unit_test(test_underflow_is_covered),
        cmocka_unit_test(test_bound_of_a_sum_holds_for_any_order),
        cmocka_unit_test(test_bound_of_a_matrix_product_holds),
        cmocka_unit_test(test_bound_of_attention_holds),
        cmocka_unit_test(test_folded_constants_keep_their_error),
    };
    return cmocka_run_group_tests_name("einsum_error_bound", tests, NULL, NULL);
}
