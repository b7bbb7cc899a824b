/* Whole cascades: what they compute, and recurrences. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>

#include "einsum/normal.h"
#include "tests/assert_close.h"
#include "tests/unit/einsum_text.h"

/* ---- attention ---- */

static struct scope *attention_shapes(void)
{
    struct scope *chosen = scope_new(NULL);
    scope_set(chosen, "B", 2);
    scope_set(chosen, "H", 3);
    scope_set(chosen, "P", 10);
    scope_set(chosen, "M", 24);
    scope_set(chosen, "M0", 4);
    scope_set(chosen, "E", 5);
    scope_set(chosen, "F", 7);
    return chosen;
}

static void assert_same_attention(const char *path)
{
    AUTO(scope) chosen = attention_shapes();
    struct loaded reference =
        load_workload("workloads/attention/three-pass.yaml", chosen);
    struct loaded other = load_workload(path, chosen);
    struct einsum_data *expected = new_data(&reference, true, 11);
    struct einsum_data *actual = new_data(&other, true, 11);
    run_all(&reference, expected);
    run_all(&other, actual);
    const struct tensor_data *a = values_of(&reference, expected, "AV");
    const struct tensor_data *b = values_of(&other, actual, "AV");
    for (int64_t e = 0; e < element_count(&reference, "AV"); e++) {
        assert_true(isfinite(a->value[e]));
        assert_true(a->error[e] < 1e-11 && b->error[e] < 1e-11);
        assert_true(fabs(a->value[e] - b->value[e]) <=
                    a->error[e] + b->error[e]);
    }
    einsum_data_free(expected);
    einsum_data_free(actual);
    loaded_clear(&reference);
    loaded_clear(&other);
}

static void test_every_attention_cascade_computes_the_same(void **state)
{
    (void)state;
    assert_same_attention("workloads/attention/one-pass.yaml");
    assert_same_attention("workloads/attention/two-pass.yaml");
    assert_same_attention("workloads/attention/three-pass-deferred.yaml");
}

static void test_attention_of_equal_keys_is_the_mean_of_values(void **state)
{
    (void)state;
    struct loaded loaded =
        load_workload("workloads/attention/one-pass.yaml", NULL);
    struct einsum_data *data = new_data(&loaded, false, 1);
    double *k = values_of(&loaded, data, "K")->value;
    const double *v = values_of(&loaded, data, "V")->value;
    const double *av = values_of(&loaded, data, "AV")->value;
    for (int64_t e = 0; e < element_count(&loaded, "K"); e++) {
        k[e] = 0.25;
    }
    run_all(&loaded, data);
    for (int f = 0; f < 8; f++) {
        double mean = 0.0;
        for (int m = 0; m < 64; m++) {
            mean += v[m * 8 + f] / 64.0;
        }
        for (int p = 0; p < 64; p++) {
            assert_close(av[f * 64 + p], mean, 1e-12);
        }
    }
    einsum_data_free(data);
    loaded_clear(&loaded);
}

/* ---- products ---- */

static void test_gemm_equals_three_loops(void **state)
{
    (void)state;
    AUTO(scope) chosen = scope_new(NULL);
    scope_set(chosen, "M", 9);
    scope_set(chosen, "N", 700);
    scope_set(chosen, "K", 13);
    struct loaded loaded = load_workload("workloads/gemm.yaml", chosen);
    struct einsum_data *data = new_data(&loaded, false, 5);
    run_all(&loaded, data);
    const double *a = values_of(&loaded, data, "A")->value;
    const double *b = values_of(&loaded, data, "B")->value;
    const double *z = values_of(&loaded, data, "Z")->value;
    for (int m = 0; m < 9; m++) {
        for (int n = 0; n < 700; n++) {
            double sum = 0.0;
            double size = 0.0;
            for (int k = 0; k < 13; k++) {
                sum += a[m * 13 + k] * b[k * 700 + n];
                size += fabs(a[m * 13 + k] * b[k * 700 + n]);
            }
            assert_true(fabs(z[m * 700 + n] - sum) <= 1e-14 * size);
        }
    }
    einsum_data_free(data);
    loaded_clear(&loaded);
}

static void test_rows_longer_than_a_chunk(void **state)
{
    (void)state;
    struct loaded loaded =
        load_cascade("M: 3, N: 1000", "X: \"[m,n]\", Z: \"[n,m]\"",
                     "T[m,n] = exp(X[m,n]) - Z[n,m]\nS[m] = T[m,n]\n"
                     "G[m] = max(n) T[m,n]\nY[m] = S[m] * G[m]",
                     "Y");
    struct einsum_data *data = new_data(&loaded, false, 5);
    run_all(&loaded, data);
    const double *x = values_of(&loaded, data, "X")->value;
    const double *z = values_of(&loaded, data, "Z")->value;
    const double *y = values_of(&loaded, data, "Y")->value;
    for (int m = 0; m < 3; m++) {
        double sum = 0.0;
        double most = -HUGE_VAL;
        for (int n = 0; n < 1000; n++) {
            double t = exp(x[m * 1000 + n]) - z[n * 3 + m];
            sum += t;
            most = fmax(most, t);
        }
        assert_close(y[m], sum * most, 1e-12);
    }
    einsum_data_free(data);
    loaded_clear(&loaded);
}

/* ---- recurrences ---- */

static void test_second_order_recurrence(void **state)
{
    (void)state;
    struct loaded loaded = load_cascade(
        "I: 20", "", "F[0] = 0\nF[1] = 1\nF[i+2] = F[i+1] + F[i]", "F");
    struct einsum_data *data = new_data(&loaded, false, 1);
    run_all(&loaded, data);
    assert_int_equal(element_count(&loaded, "F"), 22);
    assert_close(values_of(&loaded, data, "F")->value[21], 10946.0, 1e-15);
    einsum_data_free(data);
    loaded_clear(&loaded);
}

/* H[t+1,i] = tanh(sum over j ...) needs a tensor for the sum, so two
 * statements recur; the iterative rank is not the first one. */
static void test_recurrent_network_with_mixing_rank(void **state)
{
    (void)state;
    struct loaded loaded =
        load_cascade("I: 4, J: 4, T: 6", "W: \"[i,j]\", X: \"[i,t]\"",
                     "H[i,0] = 0.5\nS[i,t] = W[i,j] * H[j,t]\n"
                     "H[i,t+1] = tanh(S[i,t] + X[i,t])",
                     "H");
    struct einsum_data *data = new_data(&loaded, false, 1);
    run_all(&loaded, data);
    const double *w = values_of(&loaded, data, "W")->value;
    const double *x = values_of(&loaded, data, "X")->value;
    const double *h = values_of(&loaded, data, "H")->value;
    double now[4] = {0.5, 0.5, 0.5, 0.5};
    for (int t = 0; t < 6; t++) {
        double next[4];
        for (int i = 0; i < 4; i++) {
            double sum = 0.0;
            for (int j = 0; j < 4; j++) {
                sum += w[i * 4 + j] * now[j];
            }
            next[i] = tanh(sum + x[i * 6 + t]);
            assert_close(h[i * 7 + t + 1], next[i], 1e-13);
        }
        memcpy(now, next, sizeof now);
    }
    einsum_data_free(data);
    loaded_clear(&loaded);
}

/* One statement that recurs and mixes: the box must advance along t first,
 * although t is the last of its ranks. */
static void test_recurrence_that_sums_over_its_own_last_step(void **state)
{
    (void)state;
    struct loaded loaded =
        load_cascade("I: 3, J: 3, T: 5", "W: \"[i,j]\"",
                     "H[i,0] = 1\nH[i,t+1] = W[i,j] * H[j,t]", "H");
    struct einsum_data *data = new_data(&loaded, false, 1);
    run_all(&loaded, data);
    const double *w = values_of(&loaded, data, "W")->value;
    const double *h = values_of(&loaded, data, "H")->value;
    for (int t = 0; t < 5; t++) {
        for (int i = 0; i < 3; i++) {
            double sum = 0.0;
            for (int j = 0; j < 3; j++) {
                sum += w[i * 3 + j] * h[j * 6 + t];
            }
            assert_close(h[i * 6 + t + 1], sum, 1e-13);
        }
    }
    einsum_data_free(data);
    loaded_clear(&loaded);
}

static void test_statement_between_the_two_of_a_recurrence(void **state)
{
    (void)state;
    /* U stands inside the recurrence of R and S but only reads it. */
    struct loaded loaded =
        load_cascade("T: 4", "X: \"[t]\"",
                     "R[0] = 1\nS[t] = R[t] * 2\nU[t] = S[t] + R[t]\n"
                     "R[t+1] = S[t] + X[t]\nY[t] = U[t] * 1",
                     "Y");
    struct einsum_data *data = new_data(&loaded, false, 1);
    run_all(&loaded, data);
    const double *x = values_of(&loaded, data, "X")->value;
    const double *y = values_of(&loaded, data, "Y")->value;
    double r = 1.0;
    for (int t = 0; t < 4; t++) {
        assert_close(y[t], 3.0 * r, 1e-14);
        r = 2.0 * r + x[t];
    }
    einsum_data_free(data);
    loaded_clear(&loaded);
}

static void test_recurrence_waits_for_what_stands_within_it(void **state)
{
    (void)state;
    struct loaded loaded =
        load_cascade("T: 4", "X: \"[t]\"",
                     "R[0] = 1\nS[t] = R[t] * 2\nD[t] = X[t] * X[t]\n"
                     "R[t+1] = S[t] + D[t]",
                     "R");
    struct einsum_data *data = new_data(&loaded, false, 1);
    run_all(&loaded, data);
    const double *x = values_of(&loaded, data, "X")->value;
    double r = 1.0;
    for (int t = 0; t < 4; t++) {
        r = 2.0 * r + x[t] * x[t];
    }
    assert_close(values_of(&loaded, data, "R")->value[4], r, 1e-14);
    einsum_data_free(data);
    loaded_clear(&loaded);
}

/* ---- state of the data ---- */

static void test_data_before_the_run(void **state)
{
    (void)state;
    struct loaded loaded =
        load_workload("workloads/attention/one-pass.yaml", NULL);
    struct einsum_data *data = new_data(&loaded, true, 1);
    assert_null(values_of(&loaded, data, "BK")->value);
    assert_true(isnan(values_of(&loaded, data, "SPD")->value[0]));
    assert_true(fabs(values_of(&loaded, data, "QK")->value[0]) <= 0.0);
    assert_true(isinf(values_of(&loaded, data, "LM")->value[0]));
    assert_true(isinf(values_of(&loaded, data, "RM")->value[0]));
    assert_true(isnan(values_of(&loaded, data, "RM")->value[64]));
    assert_true(fabs(values_of(&loaded, data, "LM")->error[0]) <= 0.0);
    einsum_data_free(data);
    loaded_clear(&loaded);
}

static void test_a_second_run_gives_the_same(void **state)
{
    (void)state;
    struct loaded loaded =
        load_workload("workloads/attention/one-pass.yaml", NULL);
    struct einsum_data *data = new_data(&loaded, false, 1);
    run_all(&loaded, data);
    const double *av = values_of(&loaded, data, "AV")->value;
    size_t size_bytes = (size_t)element_count(&loaded, "AV") * sizeof(double);
    g_autofree double *first = g_memdup2(av, size_bytes);
    run_all(&loaded, data);
    assert_memory_equal(first, av, size_bytes);
    einsum_data_free(data);
    loaded_clear(&loaded);
}

static void test_too_large_a_tensor_is_an_error(void **state)
{
    (void)state;
    struct loaded loaded = load_cascade("M: 1500000000, N: 1500000000",
                                        "X: \"[m,n]\"", "Y[m] = X[m,n]", "Y");
    struct einsum_data *data = NULL;
    assert_int_equal(
        einsum_data_new(loaded.workload, false, loaded.diags, &data), ERR_MEM);
    assert_null(data);
    const struct diag *diag = diags_get(loaded.diags, 0);
    assert_string_equal(diag->code, "einsum-no-memory");
    assert_non_null(strstr(diag->message, "2,250,000,000,000,000,000"));
    loaded_clear(&loaded);
}

/* ---- inputs ---- */

static void test_inputs_depend_on_seed_and_name_only(void **state)
{
    (void)state;
    AUTO(scope) chosen = attention_shapes();
    struct loaded a =
        load_workload("workloads/attention/three-pass.yaml", chosen);
    struct loaded b =
        load_workload("workloads/attention/one-pass.yaml", chosen);
    struct einsum_data *data_a = new_data(&a, false, 9);
    struct einsum_data *data_b = new_data(&b, false, 9);
    struct einsum_data *data_c = new_data(&b, false, 10);
    const double *k = values_of(&a, data_a, "K")->value;
    assert_memory_equal(k, values_of(&b, data_b, "K")->value,
                        (size_t)element_count(&a, "K") * sizeof(double));
    assert_true(fabs(k[0] - values_of(&a, data_a, "Q")->value[0]) > 1e-9);
    assert_true(fabs(k[0] - values_of(&b, data_c, "K")->value[0]) > 1e-9);
    /* Pinned: the same on every machine. */
    assert_close(k[0], -0.06739941523658644, 1e-15);
    assert_close(k[1], -0.1640484362858195, 1e-15);
    einsum_data_free(data_a);
    einsum_data_free(data_b);
    einsum_data_free(data_c);
    loaded_clear(&a);
    loaded_clear(&b);
}

static void test_inputs_are_standard_normal(void **state)
{
    (void)state;
    const int64_t count = 200000;
    struct loaded loaded =
        load_cascade("M: 200000", "X: \"[m]\"", "Y[] = X[m]", "Y");
    struct einsum_data *data = new_data(&loaded, false, 1);
    const double *x = values_of(&loaded, data, "X")->value;
    double moments[5] = {0.0};
    int64_t beyond[2] = {0, 0};
    for (int64_t i = 0; i < count; i++) {
        for (int power = 1; power <= 4; power++) {
            moments[power] += pow(x[i], power) / (double)count;
        }
        beyond[0] += fabs(x[i]) > 1.959963984540054 ? 1 : 0;
        beyond[1] += fabs(x[i]) > 3.290526731491926 ? 1 : 0;
    }
    /* Four standard deviations of each estimate. */
    assert_true(fabs(moments[1]) < 4.0 * sqrt(1.0 / 200000));
    assert_true(fabs(moments[2] - 1.0) < 4.0 * sqrt(2.0 / 200000));
    assert_true(fabs(moments[3]) < 4.0 * sqrt(15.0 / 200000));
    assert_true(fabs(moments[4] - 3.0) < 4.0 * sqrt(96.0 / 200000));
    assert_true(llabs(beyond[0] - 10000) < 4 * 98);
    assert_true(llabs(beyond[1] - 200) < 4 * 15);
    einsum_data_free(data);
    loaded_clear(&loaded);
}

/* erfc of the library, an independent way back. */
static void test_inverse_of_the_normal_distribution(void **state)
{
    (void)state;
    static const double probabilities[] = {1e-300, 1e-16, 1e-13, 1e-11, 1e-8,
                                           0.001,  0.07,  0.08,  0.3,   0.5,
                                           0.9,    0.95,  0.999};
    for (size_t i = 0; i < G_N_ELEMENTS(probabilities); i++) {
        double p = probabilities[i];
        assert_close(0.5 * erfc(-inverse_normal(p) / sqrt(2.0)), p, 1e-12);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_attention_cascade_computes_the_same),
        cmocka_unit_test(test_attention_of_equal_keys_is_the_mean_of_values),
        cmocka_unit_test(test_gemm_equals_three_loops),
        cmocka_unit_test(test_rows_longer_than_a_chunk),
        cmocka_unit_test(test_second_order_recurrence),
        cmocka_unit_test(test_recurrent_network_with_mixing_rank),
        cmocka_unit_test(test_recurrence_that_sums_over_its_own_last_step),
        cmocka_unit_test(test_statement_between_the_two_of_a_recurrence),
        cmocka_unit_test(test_recurrence_waits_for_what_stands_within_it),
        cmocka_unit_test(test_data_before_the_run),
        cmocka_unit_test(test_a_second_run_gives_the_same),
        cmocka_unit_test(test_too_large_a_tensor_is_an_error),
        cmocka_unit_test(test_inputs_depend_on_seed_and_name_only),
        cmocka_unit_test(test_inputs_are_standard_normal),
        cmocka_unit_test(test_inverse_of_the_normal_distribution),
    };
    return cmocka_run_group_tests_name("einsum_run", tests, NULL, NULL);
}
