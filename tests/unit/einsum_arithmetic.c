/* The interpreter in formats. Sums of products against the machine's own floats
 * and fused multiply-add, one after another; everything else against double, within
 * the bound. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <float.h>
#include <math.h>

#include "tests/unit/einsum_text.h"

static struct einsum_arithmetic *arithmetic_of(const struct loaded *loaded,
                                               const char *dtype)
{
    struct einsum_arithmetic *made = einsum_arithmetic_new(loaded->workload);
    struct einsum_complaint complaint = {NULL, NULL};
    assert_true(einsum_arithmetic_set(made, dtype, &complaint));
    return made;
}

static void run(const struct loaded *loaded,
                const struct einsum_arithmetic *arithmetic,
                struct einsum_data *data)
{
    data->arithmetic = arithmetic;
    einsum_store_inputs(loaded->workload, data);
    assert_int_equal(einsum_run(loaded->workload, loaded->diags, data), OK);
}

static int64_t extent(const struct loaded *loaded, const char *rank)
{
    const struct workload *workload = loaded->workload;
    return workload->rank[workload_find_rank(workload, rank)].extent;
}

/* C[m,n] over k, with the machine's fma. */
static void check_product(const char *dtype, const char *shapes, bool has_error)
{
    struct loaded loaded = load_cascade(shapes, "A: \"[m,k]\", B: \"[k,n]\"",
                                        "C[m,n] = A[m,k] * B[k,n]", "C");
    AUTO(einsum_arithmetic) arithmetic = arithmetic_of(&loaded, dtype);
    struct einsum_complaint complaint = {NULL, NULL};
    assert_true(
        einsum_arithmetic_set_tensor(arithmetic, "C", "fp32", &complaint));
    AUTO(einsum_data) data = new_data(&loaded, has_error, 3);
    run(&loaded, arithmetic, data);
    const double *a = values_of(&loaded, data, "A")->value;
    const double *b = values_of(&loaded, data, "B")->value;
    const struct tensor_data *c = values_of(&loaded, data, "C");
    int64_t count_m = extent(&loaded, "m");
    int64_t count_n = extent(&loaded, "n");
    int64_t count_k = extent(&loaded, "k");
    for (int64_t i = 0; i < count_m * count_n; i++) {
        float sum = 0.0F;
        long double exact = 0.0L;
        for (int64_t k = 0; k < count_k; k++) {
            double x = a[i / count_n * count_k + k];
            double y = b[k * count_n + i % count_n];
            sum = fmaf((float)x, (float)y, sum);
            exact += (long double)x * y;
        }
        if (!(c->value[i] <= (double)sum && c->value[i] >= (double)sum)) {
            fail_msg("%s %s %d: %a, not %a", dtype, shapes, has_error,
                     c->value[i], (double)sum);
        }
        if (has_error) {
            assert_true(fabsl(exact - c->value[i]) <= c->error[i]);
        }
    }
    loaded_clear(&loaded);
}

static void test_float_sums_are_fused(void **state)
{
    (void)state;
    for (int has_error = 0; has_error < 2; has_error++) {
        check_product("fp32", "M: 19, N: 21, K: 300", has_error);
        check_product("fp32", "M: 3, N: 5, K: 40", has_error); /* rows */
        check_product("bf16:stored:fp32", "M: 19, N: 21, K: 300", has_error);
        check_product("fp16", "M: 3, N: 40, K: 7", has_error);
        check_product("fp8-e4m3", "M: 16, N: 16, K: 200", has_error);
    }
}

/* Operands to tf32 before they are multiplied. */
static void test_multiplicands_are_rounded(void **state)
{
    (void)state;
    struct loaded loaded =
        load_cascade("M: 8, N: 8, K: 8", "A: \"[m,k]\", B: \"[k,n]\"",
                     "C[m,n] = A[m,k] * B[k,n]", "C");
    AUTO(einsum_arithmetic) narrow = arithmetic_of(&loaded, "fp32:tf32:fp32");
    AUTO(einsum_arithmetic) stored = arithmetic_of(&loaded, "tf32");
    struct einsum_complaint complaint = {NULL, NULL};
    assert_true(einsum_arithmetic_set_tensor(stored, "C", "fp32", &complaint));
    AUTO(einsum_data) one = new_data(&loaded, true, 5);
    AUTO(einsum_data) other = new_data(&loaded, true, 5);
    run(&loaded, narrow, one);
    run(&loaded, stored, other);
    const struct tensor_data *a = values_of(&loaded, one, "C");
    const struct tensor_data *b = values_of(&loaded, other, "C");
    for (int i = 0; i < 64; i++) {
        assert_true(a->value[i] <= b->value[i] && a->value[i] >= b->value[i]);
        assert_true(a->error[i] > b->error[i]);
    }
    loaded_clear(&loaded);
}

static void test_integers_share_a_scale(void **state)
{
    (void)state;
    struct loaded loaded =
        load_cascade("M: 3, K: 4", "A: \"[m,k]\"", "S[m] = A[m,k]", "S");
    AUTO(einsum_arithmetic) channel = arithmetic_of(&loaded, "int8@channel");
    AUTO(einsum_data) data = new_data(&loaded, true, 5);
    AUTO(einsum_data) plain = new_data(&loaded, true, 5);
    run(&loaded, channel, data);
    const double *stored = values_of(&loaded, data, "A")->value;
    const double *given = values_of(&loaded, plain, "A")->value;
    for (int m = 0; m < 3; m++) {
        double most = 0.0;
        for (int k = 0; k < 4; k++) {
            most = fmax(most, fabs(given[m * 4 + k]));
        }
        for (int k = 0; k < 4; k++) {
            double code = stored[m * 4 + k] / (most / 127.0);
            assert_true(fabs(code - rint(code)) < 1e-9);
            assert_true(fabs(stored[m * 4 + k] - given[m * 4 + k]) <=
                        most / 254.0 * (1.0 + 1e-12));
        }
    }
    loaded_clear(&loaded);
}

/* bf16 does not have the place 601. */
static void test_places_stay_whole(void **state)
{
    (void)state;
    struct loaded loaded =
        load_cascade("P: 1, M: 800", "A: \"[p,m]\", B: \"[m]\"",
                     "W[p,m] = exp(0 * A[p,m] - 0.5 * abs(index(m - 601)))\n"
                     "I[p] = argmax(m) W[p,m]\n"
                     "Y[p] = B[I[p]]",
                     "Y");
    AUTO(einsum_arithmetic) arithmetic = arithmetic_of(&loaded, "bf16");
    AUTO(einsum_data) data = new_data(&loaded, true, 5);
    run(&loaded, arithmetic, data);
    double place = values_of(&loaded, data, "I")->value[0];
    assert_true(place > 600.5 && place < 601.5);
    loaded_clear(&loaded);
}

/* Every storage and every rounding, on a cascade with most operations. */
static void check_bound(const char *dtype, enum format_rounding rounding)
{
    struct loaded loaded = load_cascade(
        "P: 6, M: 9, E: 5, F: 3", "Q: \"[p,e]\", K: \"[m,e]\", V: \"[m,f]\"",
        "QK[m,p] = Q[p,e] * K[m,e]\n"
        "T[m,p] = tanh(QK[m,p] / sqrt(5)) - 0.1 * sigmoid(QK[m,p])\n"
        "GM[p] = max(m) T[m,p]\n"
        "SN[m,p] = exp(T[m,p] - GM[p])\n"
        "SD[p] = SN[m,p]\n"
        "A[m,p] = SN[m,p] / SD[p]\n"
        "AV[f,p] = A[m,p] * V[m,f]\n"
        "N[p] = sum(f) AV[f,p] * AV[f,p] + 1\n"
        "Y[f,p] = AV[f,p] * rsqrt(N[p]) + relu(AV[f,p])",
        "Y");
    AUTO(einsum_arithmetic) arithmetic = arithmetic_of(&loaded, dtype);
    const struct format_policy policy = {rounding, false, false};
    einsum_arithmetic_set_policy(arithmetic, policy);
    AUTO(einsum_data) data = new_data(&loaded, true, 5);
    AUTO(einsum_data) exact = new_data(&loaded, true, 5);
    run(&loaded, arithmetic, data);
    for (int i = 0; i < loaded.workload->tensor_count; i++) {
        const struct einsum_tensor *tensor = &loaded.workload->tensors[i];
        for (int64_t e = 0;
             tensor->kind == TENSOR_INPUT && e < tensor->element_count; e++) {
            exact->tensors[i].value[e] = data->tensors[i].value[e];
        }
    }
    run(&loaded, NULL, exact);
    const struct tensor_data *y = values_of(&loaded, data, "Y");
    const struct tensor_data *x = values_of(&loaded, exact, "Y");
    double most = 0.0;
    for (int i = 0; i < 18; i++) {
        double difference = fabs(y->value[i] - x->value[i]);
        most = fmax(most, difference);
        if (!(difference <= y->error[i] + x->error[i])) {
            fail_msg("%s, rounding %d: off by %g, bound %g", dtype,
                     (int)rounding, difference, y->error[i]);
        }
    }
    assert_true(most > 0.0);
    loaded_clear(&loaded);
}

static void test_bounds_hold_in_every_format(void **state)
{
    (void)state;
    static const char *const dtypes[] = {
        "fp32",         "tf32",           "bf16",        "bf16:stored:bf16",
        "fp16",         "fp16:bf16:fp16", "fp8-e4m3",    "fp8-e5m2:stored:fp16",
        "int8",         "int8@channel",   "fp4-e2m1@mx", "int4@2",
        "fp8-e4m3@mx4", "fp6-e2m3@tensor"};
    for (size_t i = 0; i < G_N_ELEMENTS(dtypes); i++) {
        for (int mode = FORMAT_TO_NEAREST_EVEN; mode <= FORMAT_DOWN; mode++) {
            check_bound(dtypes[i], (enum format_rounding)mode);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_float_sums_are_fused),
        cmocka_unit_test(test_multiplicands_are_rounded),
        cmocka_unit_test(test_integers_share_a_scale),
        cmocka_unit_test(test_places_stay_whole),
        cmocka_unit_test(test_bounds_hold_in_every_format),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
