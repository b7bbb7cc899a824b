/* What goes beyond affine indices over all points: values computed here by hand
 * from the definition in doc/language.md. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>

#include "tests/unit/einsum_text.h"

struct fixture {
    struct loaded loaded;
    struct einsum_data *data;
};

static struct fixture start(const char *shapes, const char *inputs,
                            const char *einsums, const char *outputs)
{
    struct fixture f = {.loaded =
                            load_cascade(shapes, inputs, einsums, outputs)};
    f.data = new_data(&f.loaded, true, 3);
    return f;
}

static void end(struct fixture *f)
{
    einsum_data_free(f->data);
    loaded_clear(&f->loaded);
}

static double *value(const struct fixture *f, const char *name)
{
    return values_of(&f->loaded, f->data, name)->value;
}

static const double *error(const struct fixture *f, const char *name)
{
    return values_of(&f->loaded, f->data, name)->error;
}

/* Within the tensor's own error bound, which must be small. */
static void assert_value(const struct fixture *f, const char *name, int64_t at,
                         double expected)
{
    double actual = value(f, name)[at];
    double bound = error(f, name)[at];
    if (!(fabs(actual - expected) <= bound + 1e-14 * (1.0 + fabs(expected))) ||
        !(bound < 1e-9)) {
        print_error("%s[%d] is %.17g +- %.3g, not %.17g\n", name, (int)at,
                    actual, bound, expected);
        fail();
    }
}

/* ---- functions ---- */

static void test_functions_of_values(void **state)
{
    (void)state;
    struct fixture f =
        start("M: 5", "X: \"[m]\", W: \"[m]\"",
              "A[m] = sigmoid(X[m]) + relu(X[m]) + erf(X[m]) + sin(X[m]) * "
              "cos(X[m])\n"
              "B[m] = rsqrt(abs(X[m])) + floor(X[m]) + sign(X[m])\n"
              "C[m] = pow(abs(X[m]), W[m]) + silu(X[m]) + gelu(X[m]) + "
              "softplus(X[m])\n"
              "D[m] = select(X[m] < W[m], X[m], 2 * W[m]) + (X[m] >= W[m])\n"
              "E[m] = index(2*m+1) * X[m] + X[m] mod 3",
              "A, B, C, D, E");
    run_all(&f.loaded, f.data);
    for (int m = 0; m < 5; m++) {
        double x = value(&f, "X")[m];
        double w = value(&f, "W")[m];
        double s = 1.0 / (1.0 + exp(-x));
        assert_value(&f, "A", m, s + fmax(x, 0.0) + erf(x) + sin(x) * cos(x));
        assert_value(&f, "B", m,
                     1.0 / sqrt(fabs(x)) + floor(x) + (x > 0 ? 1.0 : -1.0));
        assert_value(&f, "C", m,
                     pow(fabs(x), w) + x * s +
                         0.5 * x * (1.0 + erf(x / sqrt(2.0))) +
                         log(1.0 + exp(x)));
        assert_value(&f, "D", m, x < w ? x : 2.0 * w + 1.0);
        assert_value(&f, "E", m, (2 * m + 1) * x + (x - 3 * floor(x / 3)));
    }
    end(&f);
}

static void test_products_and_means(void **state)
{
    (void)state;
    struct fixture f = start("P: 3, M: 4", "X: \"[p,m]\"",
                             "Y[p] = prod(m) X[p,m]\n"
                             "Z[p] = mean(m) X[p,m]\n"
                             "L[p,m] = layernorm(m, 1e-5) X[p,m]",
                             "Y, Z, L");
    run_all(&f.loaded, f.data);
    for (int p = 0; p < 3; p++) {
        const double *x = value(&f, "X") + 4 * p;
        double mean = (x[0] + x[1] + x[2] + x[3]) / 4;
        double variance = 0.0;
        for (int m = 0; m < 4; m++) {
            variance += (x[m] - mean) * (x[m] - mean) / 4;
        }
        assert_value(&f, "Y", p, x[0] * x[1] * x[2] * x[3]);
        assert_value(&f, "Z", p, mean);
        for (int m = 0; m < 4; m++) {
            assert_value(&f, "L", 4 * p + m,
                         (x[m] - mean) / sqrt(variance + 1e-5));
        }
    }
    const int64_t *ops = statement_of(&f.loaded, "Z")->ops_per_point;
    assert_int_equal(ops[EINSUM_DIVIDE], 1);
    assert_int_equal(
        statement_of(&f.loaded, "Z_SUM")->ops_per_point[EINSUM_ADD], 1);
    end(&f);
}

/* ---- predicates ---- */

static void test_a_masked_softmax_ignores_masked_points(void **state)
{
    (void)state;
    struct fixture f = start(
        "P: 4, M: 5", "X: \"[p,m]\"",
        "A[p,m] = softmax(m) X[p,m] where m < p && (m != 1 || p == 3)", "A");
    run_all(&f.loaded, f.data);
    for (int p = 0; p < 4; p++) {
        double sum = 0.0;
        for (int m = 0; m < 5; m++) {
            bool is_in = m < p && (m != 1 || p == 3);
            sum += is_in ? exp(value(&f, "X")[5 * p + m]) : 0.0;
        }
        for (int m = 0; m < 5; m++) {
            bool is_in = m < p && (m != 1 || p == 3);
            double x = value(&f, "X")[5 * p + m];
            assert_value(&f, "A", 5 * p + m, is_in ? exp(x) / sum : 0.0);
        }
    }
    end(&f);
}

static const char *const conditions[] = {
    "m <= p",
    "abs(p - m) <= 2",
    "p / 3 == m / 3",
    "p / 3 != m / 4 && !(m < 2)",
    "(p - m) mod 3 == 0 && abs(p - m) <= 6",
    "m == 0 || p == 0 || abs(p - m) < 2",
    "max(p, m) < 7 && min(p, m) > 1",
    "2*m - p >= 3 && 3*p - 2*m >= 1",
    "-m + P <= p || m * 3 / 2 < p",
    "abs(m - 2*p) / 2 >= 2",
};

static bool holds(int condition, int64_t p, int64_t m, int64_t extent)
{
    switch (condition) {
    case 0:
        return m <= p;
    case 1:
        return llabs(p - m) <= 2;
    case 2:
        return p / 3 == m / 3;
    case 3:
        return p / 3 != m / 4 && m >= 2;
    case 4:
        return llabs(p - m) % 3 == 0 && llabs(p - m) <= 6;
    case 5:
        return m == 0 || p == 0 || llabs(p - m) < 2;
    case 6:
        return p < 7 && m < 7 && p > 1 && m > 1;
    case 7:
        return 2 * m - p >= 3 && 3 * p - 2 * m >= 1;
    case 8:
        return extent - m <= p || m * 3 / 2 < p;
    default:
        return llabs(m - 2 * p) / 2 >= 2;
    }
}

/* Every form of condition, at every order of the two ranks. */
static void check_condition(int condition, const char *left, const char *shapes)
{
    g_autofree char *einsums =
        g_strdup_printf("Y[%s] = X[p,m] + 1 where %s\n"
                        "N[p] = sum(m) X[p,m] where %s",
                        left, conditions[condition], conditions[condition]);
    struct fixture f = start(shapes, "X: \"[p,m]\"", einsums, "Y, N");
    const struct workload *workload = f.loaded.workload;
    int64_t p_count = workload->rank[workload_find_rank(workload, "p")].extent;
    int64_t m_count = workload->rank[workload_find_rank(workload, "m")].extent;
    int64_t expected = 0;
    int64_t count = 0;
    run_all(&f.loaded, f.data);
    for (int64_t p = 0; p < p_count; p++) {
        double sum = 0.0;
        for (int64_t m = 0; m < m_count; m++) {
            bool is_in = holds(condition, p, m, p_count);
            int64_t at = left[0] == 'p' ? p * m_count + m : m * p_count + p;
            double x = value(&f, "X")[p * m_count + m];
            assert_value(&f, "Y", at, is_in ? x + 1.0 : 0.0);
            sum += is_in ? x : 0.0;
            expected += is_in ? 1 : 0;
        }
        assert_value(&f, "N", p, sum);
    }
    for (int s = 0; s < 2; s++) {
        assert_int_equal(workload_count_points(workload, s, &count), OK);
        assert_int_equal(count, expected);
    }
    end(&f);
}

static void test_conditions_leave_the_points_that_satisfy_them(void **state)
{
    (void)state;
    for (int i = 0; i < (int)G_N_ELEMENTS(conditions); i++) {
        check_condition(i, "p,m", "P: 9, M: 11");
        check_condition(i, "m,p", "P: 9, M: 11");
        check_condition(i, "p,m", "P: 1, M: 6");
        check_condition(i, "p,m", "P: 13, M: 5");
    }
}

static void test_a_million_tokens_are_counted_at_once(void **state)
{
    (void)state;
    struct loaded loaded = load_cascade(
        "H: 3, P: 1048576, M: 1048576, W: 512", "Q: \"[h,p]\", K: \"[h,m]\"",
        "A[h,p] = sum(m) Q[h,p] * K[h,m] where m <= p\n"
        "B[h,p] = sum(m) Q[h,p] * K[h,m] where abs(p - m) <= W",
        "A, B");
    int64_t n = 1048576;
    int64_t count = 0;
    gint64 before = g_get_monotonic_time();
    assert_int_equal(workload_count_points(loaded.workload, 0, &count), OK);
    assert_int_equal(count, 3 * (n * (n + 1) / 2));
    assert_int_equal(workload_count_points(loaded.workload, 1, &count), OK);
    assert_int_equal(count, 3 * (n * 1025 - 512 * 513));
    assert_true(g_get_monotonic_time() - before < 50000);
    loaded_clear(&loaded);
}

static void test_conditions_on_data(void **state)
{
    (void)state;
    struct fixture f =
        start("P: 6, M: 7", "X: \"[p,m]\", L: \"[p]\"",
              "Y[p] = max(m) X[p,m] where m < L[p] && X[p,m] > 0", "Y");
    for (int p = 0; p < 6; p++) {
        value(&f, "L")[p] = p;
    }
    run_all(&f.loaded, f.data);
    for (int p = 0; p < 6; p++) {
        double most = -INFINITY;
        for (int m = 0; m < p; m++) {
            double x = value(&f, "X")[7 * p + m];
            most = x > 0 ? fmax(most, x) : most;
        }
        assert_true(value(&f, "Y")[p] >= most && value(&f, "Y")[p] <= most);
    }
    end(&f);
}

static void test_an_undecided_condition_has_no_bound(void **state)
{
    (void)state;
    struct fixture f = start("M: 3", "X: \"[m]\"",
                             "S[m] = X[m] + 0.1\n"
                             "Y[m] = X[m] where S[m] > 0.1",
                             "Y");
    value(&f, "X")[0] = 0.0;
    value(&f, "X")[1] = 1.0;
    value(&f, "X")[2] = -1.0;
    run_all(&f.loaded, f.data);
    assert_true(isinf(error(&f, "Y")[0]));
    assert_value(&f, "Y", 1, 1.0);
    assert_value(&f, "Y", 2, 0.0);
    end(&f);
}

/* ---- indices ---- */

static void test_index_modes(void **state)
{
    (void)state;
    struct fixture f = start("Y: 5, I: 3, S: 2", "X: \"[y]\"",
                             "A[y] = X[zero(y+i-1)]\n"
                             "B[y] = X[clamp(y+2*i-2)]\n"
                             "C[y] = X[wrap(y-S)]\n"
                             "D[y] = max(i) X[skip(y+i-1)]\n"
                             "E[y] = X[(y+S) mod Y] + X[y/2] * X[max(y-1,0)]",
                             "A, B, C, D, E");
    run_all(&f.loaded, f.data);
    const double *x = value(&f, "X");
    for (int y = 0; y < 5; y++) {
        double sum = 0.0;
        double clamped = 0.0;
        double most = -INFINITY;
        for (int i = 0; i < 3; i++) {
            int at = y + i - 1;
            bool is_in = at >= 0 && at < 5;
            sum += is_in ? x[at] : 0.0;
            most = is_in ? fmax(most, x[at]) : most;
            clamped += x[CLAMP(y + 2 * i - 2, 0, 4)];
        }
        assert_value(&f, "A", y, sum);
        assert_value(&f, "B", y, clamped);
        assert_value(&f, "C", y, x[(y + 3) % 5]);
        assert_value(&f, "D", y, most);
        assert_value(&f, "E", y, x[(y + 2) % 5] + x[y / 2] * x[MAX(y - 1, 0)]);
    }
    end(&f);
}

static void test_gather_and_scatter(void **state)
{
    (void)state;
    struct fixture f =
        start("N: 6, C: 4, D: 3", "X: \"[n,d]\", IDX: \"[n]\"",
              "G[n,d] = X[clamp(IDX[n]),d] + X[(IDX[n]+1) mod N,d]\n"
              "S[c=IDX[n],d] = X[n,d]\n"
              "T[c=IDX[n],d] = max(n) X[n,d]",
              "G, S, T");
    for (int n = 0; n < 6; n++) {
        value(&f, "IDX")[n] = n % 3;
    }
    run_all(&f.loaded, f.data);
    const double *x = value(&f, "X");
    for (int d = 0; d < 3; d++) {
        for (int n = 0; n < 6; n++) {
            assert_value(&f, "G", 3 * n + d,
                         x[3 * (n % 3) + d] + x[3 * (n % 3 + 1) + d]);
        }
        for (int c = 0; c < 3; c++) {
            assert_value(&f, "S", 3 * c + d, x[3 * c + d] + x[3 * c + 9 + d]);
            assert_value(&f, "T", 3 * c + d,
                         fmax(x[3 * c + d], x[3 * c + 9 + d]));
        }
        assert_value(&f, "S", 9 + d, 0.0);
        assert_true(isinf(value(&f, "T")[9 + d]));
    }
    end(&f);
}

static void test_a_gather_out_of_range_is_an_error(void **state)
{
    (void)state;
    struct fixture f = start("N: 4, M: 3", "X: \"[m]\", IDX: \"[n]\"",
                             "Y[n] = X[IDX[n]]", "Y");
    const double indices[] = {0, 2, 3, 1};
    assert_string_equal(diags_get(f.loaded.diags, 0)->code,
                        "einsum-gather-range");
    memcpy(value(&f, "IDX"), indices, sizeof indices);
    assert_int_equal(einsum_run(f.loaded.workload, f.loaded.diags, f.data),
                     ERR_INPUT);
    const struct diag *last =
        diags_get(f.loaded.diags, diags_count(f.loaded.diags) - 1);
    assert_string_equal(last->code, "einsum-gather-range");
    assert_non_null(strstr(last->message, "n=2"));
    value(&f, "IDX")[2] = 1.5;
    assert_int_equal(einsum_run(f.loaded.workload, f.loaded.diags, f.data),
                     ERR_INPUT);
    value(&f, "IDX")[2] = 1;
    run_all(&f.loaded, f.data);
    end(&f);
}

/* ---- selections ---- */

static void test_selections(void **state)
{
    (void)state;
    struct fixture f = start("P: 2, M: 5, T: 3, R: 5", "S: \"[p,m]\"",
                             "V[p,t], I[t,p] = topk(m, T) S[p,m]\n"
                             "A[p] = argmax(m) S[p,m]\n"
                             "B[p] = argmin(m) S[p,m]\n"
                             "C[p,r] = argsort(m) S[p,m]\n"
                             "J[p,t] = topk(m, T) S[p,m] where m <= p\n"
                             "W[p,t] = S[p,I[t,p]]",
                             "V, I, A, B, C, J, W");
    const double s[] = {1, 3, 2, 3, 0, 5, -1, 5, 5, 2};
    memcpy(value(&f, "S"), s, sizeof s);
    run_all(&f.loaded, f.data);
    const double v[] = {3, 3, 2, 5, 5, 5};
    const double i[] = {1, 0, 3, 2, 2, 3};
    const double c[] = {4, 0, 2, 1, 3, 1, 4, 0, 2, 3};
    const double j[] = {0, -1, -1, 0, 1, -1};
    for (int k = 0; k < 6; k++) {
        assert_value(&f, "V", k, v[k]);
        assert_value(&f, "W", k, v[k]);
        assert_value(&f, "I", k, i[k]);
        assert_value(&f, "J", k, j[k]);
    }
    for (int k = 0; k < 10; k++) {
        assert_value(&f, "C", k, c[k]);
    }
    assert_value(&f, "A", 0, 1);
    assert_value(&f, "A", 1, 0);
    assert_value(&f, "B", 0, 4);
    assert_value(&f, "B", 1, 1);
    end(&f);
}

static void test_a_selection_of_near_values_has_no_bound(void **state)
{
    (void)state;
    struct fixture f = start("M: 4, T: 2", "X: \"[m]\"",
                             "S[m] = X[m] + 0.1\n"
                             "I[t] = topk(m, T) S[m]",
                             "I");
    const double x[] = {1.0, 3.0, 1.0 + 0x1p-52, -1.0};
    memcpy(value(&f, "X"), x, sizeof x);
    run_all(&f.loaded, f.data);
    assert_value(&f, "I", 0, 1);
    assert_true(isinf(error(&f, "I")[1]));
    end(&f);
}

/* ---- text ---- */

static void test_the_printed_text_reads_back(void **state)
{
    (void)state;
    static const char text[] =
        "G[n,d] = X[clamp(IDX[n]-1),d] + X[(IDX[n]+1) mod N,d]\n"
        "S[c=IDX[n],d] = prod(n) silu(X[n,d]) where n <= 3 && !(d == 1) || "
        "IDX[n] > 2\n"
        "V[n], I[n] = argmax(d) X[n,d]\n"
        "L[n] = select(V[n] < 2, index(n*2+1), -1) + (V[n] == 3 mod 2)\n";
    struct loaded loaded =
        load_cascade("N: 6, C: 4, D: 3", "X: \"[n,d]\", IDX: \"[n]\"", text,
                     "G, S, V, I, L");
    g_autofree char *printed = cascade_print(loaded.cascade);
    struct loaded again =
        load_cascade("N: 6, C: 4, D: 3", "X: \"[n,d]\", IDX: \"[n]\"", printed,
                     "G, S, V, I, L");
    g_autofree char *twice = cascade_print(again.cascade);
    assert_string_equal(twice, printed);
    assert_non_null(strstr(printed, "S[c=IDX[n],d] = prod(n) silu(X[n,d]) "
                                    "where n <= 3 && !(d == 1) || "
                                    "2 < IDX[n]\n"));
    assert_non_null(strstr(printed, "V[n], I[n] = argmax(d) X[n,d]\n"));
    loaded_clear(&loaded);
    loaded_clear(&again);
}

static void test_features_name_what_a_consumer_must_know(void **state)
{
    (void)state;
    struct loaded loaded =
        load_cascade("N: 6, C: 4, D: 3", "X: \"[n,d]\", IDX: \"[n]\"",
                     "A[n,d] = X[n,d] * 2 where d <= n\n"
                     "B[n,d] = X[n,d] * 2 where d <= IDX[n]\n"
                     "E[n,d] = X[zero(n-1),d] * 2\n"
                     "F[n,d] = X[clamp(IDX[n]),d] * 2\n"
                     "G[c=IDX[n],d] = X[n,d]\n"
                     "H[n] = argmax(d) X[n,d]\n"
                     "J[n,d] = X[zero(n),d] * 2",
                     "A, B, E, F, G, H, J");
    const unsigned expected[] = {EINSUM_PREDICATE,
                                 EINSUM_DATA_PREDICATE,
                                 EINSUM_INDEX_MODE,
                                 EINSUM_GATHER,
                                 EINSUM_SCATTER,
                                 EINSUM_INDEX_PRODUCER,
                                 0};
    for (int i = 0; i < 7; i++) {
        assert_int_equal(loaded.workload->statements[i].features, expected[i]);
    }
    loaded_clear(&loaded);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_functions_of_values),
        cmocka_unit_test(test_products_and_means),
        cmocka_unit_test(test_a_masked_softmax_ignores_masked_points),
        cmocka_unit_test(test_conditions_leave_the_points_that_satisfy_them),
        cmocka_unit_test(test_a_million_tokens_are_counted_at_once),
        cmocka_unit_test(test_conditions_on_data),
        cmocka_unit_test(test_an_undecided_condition_has_no_bound),
        cmocka_unit_test(test_index_modes),
        cmocka_unit_test(test_gather_and_scatter),
        cmocka_unit_test(test_a_gather_out_of_range_is_an_error),
        cmocka_unit_test(test_selections),
        cmocka_unit_test(test_a_selection_of_near_values_has_no_bound),
        cmocka_unit_test(test_the_printed_text_reads_back),
        cmocka_unit_test(test_features_name_what_a_consumer_must_know),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
