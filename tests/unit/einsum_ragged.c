/* Ragged ranks: values, and the points that are counted and visited, against
 * plain C. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/einsum_text.h"

static void set_values(const struct loaded *loaded, struct einsum_data *data,
                       const char *name, const double *values)
{
    int tensor = workload_find_tensor(loaded->workload, name);
    memcpy(data->tensors[tensor].value, values,
           (size_t)element_count(loaded, name) * sizeof *values);
}

static int64_t count_with(const struct loaded *loaded,
                          const struct einsum_data *data, const char *name)
{
    int64_t count = 0;
    int statement = workload_find_statement(loaded->workload, name);
    assert_int_equal(
        einsum_count_points(loaded->workload, data, statement, &count), OK);
    return count;
}

/* ---- padded batches ------------------------------------------------------ */

enum { B = 3, P = 2, M = 5, E = 2 };

static void attend(const double *q, const double *k, const double *v,
                   int length, double *out)
{
    double total = 0.0;
    for (int f = 0; f < E; f++) {
        out[f] = 0.0;
    }
    for (int m = 0; m < length; m++) {
        double score = 0.0;
        for (int e = 0; e < E; e++) {
            score += q[e] * k[m * E + e];
        }
        total += exp(score);
        for (int f = 0; f < E; f++) {
            out[f] += exp(score) * v[m * E + f];
        }
    }
    for (int f = 0; f < E; f++) {
        out[f] /= total;
    }
}

static void test_attention_over_sequences_of_several_lengths(void **state)
{
    (void)state;
    static const double lengths[B] = {3, 5, 1};
    for (int with_error = 0; with_error < 2; with_error++) {
        struct loaded loaded = load_ragged(
            "B: 3, P: 2, M: 5, E: 2, F: 2",
            "Q: \"[b,p,e]\", K: \"[b,m,e]\", V: \"[b,m,f]\", LEN: \"[b]\"",
            "m: \"LEN[b]\"",
            "S[b,p,m]  = Q[b,p,e] * K[b,m,e]\n"
            "A[b,p,m]  = softmax(m) S[b,p,m]\n"
            "AV[b,p,f] = A[b,p,m] * V[b,m,f]\n"
            "KT[m,b,e] = K[b,m,e]\n"
            "KD[m,b]   = sum(e) KT[m,b,e]",
            "AV, KD");
        struct einsum_data *data = new_data(&loaded, with_error != 0, 3);
        set_values(&loaded, data, "LEN", lengths);
        run_all(&loaded, data);
        const double *q = values_of(&loaded, data, "Q")->value;
        const double *k = values_of(&loaded, data, "K")->value;
        const double *v = values_of(&loaded, data, "V")->value;
        const struct tensor_data *av = values_of(&loaded, data, "AV");
        const double *kd = values_of(&loaded, data, "KD")->value;
        for (int b = 0; b < B; b++) {
            for (int p = 0; p < P; p++) {
                double out[E];
                attend(q + (b * P + p) * E, k + b * M * E, v + b * M * E,
                       (int)lengths[b], out);
                for (int f = 0; f < E; f++) {
                    int at = (b * P + p) * E + f;
                    assert_true(fabs(av->value[at] - out[f]) < 1e-13);
                    assert_true(with_error == 0 || isfinite(av->error[at]));
                }
            }
            for (int m = 0; m < M; m++) {
                double sum = k[(b * M + m) * E] + k[(b * M + m) * E + 1];
                assert_true(fabs(kd[m * B + b] -
                                 (m < (int)lengths[b] ? sum : 0.0)) < 1e-13);
            }
        }
        assert_int_equal(count_with(&loaded, data, "S"), 9 * P * E);
        assert_int_equal(count_with(&loaded, data, "A_EXP"), 9 * P);
        assert_int_equal(count_with(&loaded, data, "KD"), 9 * E);
        /* A view of the padded keys stays one. */
        assert_int_equal(statement_of(&loaded, "KT")->kind, EINSUM_VIEW);
        einsum_data_free(data);
        loaded_clear(&loaded);
    }
}

/* ---- lists of neighbours, packed ----------------------------------------- */

static void test_neighbours_of_each_row_packed_one_after_the_other(void **state)
{
    (void)state;
    enum { R = 4, X = 7 };
    static const double offsets[R + 1] = {0, 2, 2, 6, 7};
    static const double columns[X] = {1, 3, 0, 1, 2, 3, 2};
    struct loaded loaded = load_ragged(
        "R: 4, Q: R+1, T: 4, X: 7",
        "OFF: \"[q]\", COL: \"[x]\", W: \"[x]\", V: \"[r]\"",
        "t: \"OFF[r+1] - OFF[r+0]\"",
        "Y[r]   = W[clamp(OFF[r+0]+t)] * V[COL[clamp(OFF[r+0]+t)]]\n"
        "DEG[r] = sum(t) 1 + 0*index(t) + 0*index(r)",
        "Y, DEG");
    struct einsum_data *data = new_data(&loaded, false, 5);
    set_values(&loaded, data, "OFF", offsets);
    set_values(&loaded, data, "COL", columns);
    run_all(&loaded, data);
    const double *w = values_of(&loaded, data, "W")->value;
    const double *v = values_of(&loaded, data, "V")->value;
    for (int r = 0; r < R; r++) {
        double sum = 0.0;
        for (int x = (int)offsets[r]; x < (int)offsets[r + 1]; x++) {
            sum += w[x] * v[(int)columns[x]];
        }
        assert_true(fabs(values_of(&loaded, data, "Y")->value[r] - sum) <
                    1e-13);
        assert_true(fabs(values_of(&loaded, data, "DEG")->value[r] -
                         (offsets[r + 1] - offsets[r])) < 1e-13);
    }
    assert_int_equal(count_with(&loaded, data, "Y"), X);
    einsum_data_free(data);
    loaded_clear(&loaded);
}

/* ---- means --------------------------------------------------------------- */

static void test_a_mean_is_divided_by_the_points_that_exist(void **state)
{
    (void)state;
    const double lengths[] = {5, 2, 0};
    struct loaded loaded = load_ragged(
        "B: 3, M: 5", "X: \"[b,m]\", LEN: \"[b] in 0..M\"", "m: \"LEN[b]\"",
        "A[b] = mean(m) X[b,m]\nV[b] = variance(m) X[b,m]", "A, V");
    struct einsum_data *data = new_data(&loaded, false, 3);
    set_values(&loaded, data, "LEN", lengths);
    run_all(&loaded, data);
    const double *x = values_of(&loaded, data, "X")->value;
    for (int b = 0; b < 3; b++) {
        double mean = 0.0;
        double squares = 0.0;
        for (int m = 0; m < (int)lengths[b]; m++) {
            mean += x[5 * b + m] / lengths[b];
        }
        for (int m = 0; m < (int)lengths[b]; m++) {
            squares += (x[5 * b + m] - mean) * (x[5 * b + m] - mean);
        }
        double variance = lengths[b] > 0.0 ? squares / lengths[b] : 0.0;
        assert_true(fabs(values_of(&loaded, data, "A")->value[b] - mean) <=
                    1e-14);
        assert_true(fabs(values_of(&loaded, data, "V")->value[b] - variance) <=
                    1e-14);
    }
    einsum_data_free(data);
    loaded_clear(&loaded);
}

/* ---- lengths that follow from ranks -------------------------------------- */

static void test_static_lengths_are_counted_without_values(void **state)
{
    (void)state;
    int64_t count = 0;
    struct loaded loaded =
        load_ragged("P: 1000, M: 1000", "X: \"[p,m]\"", "m: \"p+1\"",
                    "Y[p] = sum(m) X[p,m]\nZ[p,m] = X[p,m]", "Y, Z");
    int y = workload_find_statement(loaded.workload, "Y");
    assert_int_equal(workload_count_points(loaded.workload, y, &count), OK);
    assert_int_equal(count, 1000 * 1001 / 2);
    g_autofree char *text = cascade_print(loaded.cascade);
    assert_string_equal(text, "Y[p] = sum(m) X[p,m]\nZ[p,m] = X[p,m]\n");
    /* An output that is a copy has no values that do not exist. */
    struct einsum_data *data = new_data(&loaded, false, 5);
    run_all(&loaded, data);
    const double *z = values_of(&loaded, data, "Z")->value;
    assert_true(fabs(z[1]) <= 0.0 && fabs(z[1000]) > 0.0);
    einsum_data_free(data);
    loaded_clear(&loaded);
}

/* ---- random lengths: the same points everywhere -------------------------- */

static void test_counted_points_are_those_that_are_summed(void **state)
{
    (void)state;
    static const char *const einsums[] = {
        "N[a,b] = sum(c) 1 + 0*index(c) + 0*index(a) + 0*index(b)",
        "N[b,a] = sum(c) 1 + 0*index(c) + 0*index(a) + 0*index(b) where c != a",
        "N[b] = sum(c,a) 1 + 0*index(c) + 0*index(a) + 0*index(b)",
        "N[c] = sum(a,b) 1 + 0*index(c) + 0*index(a) + 0*index(b)",
    };
    g_autoptr(GRand) random = g_rand_new_with_seed(11);
    for (int round = 0; round < 40; round++) {
        struct loaded loaded =
            load_ragged("A: 4, B: 5, C: 6", "LB: \"[a]\", LC: \"[a,b]\"",
                        "b: \"LB[a]\", c: \"LC[a,b] - 1\"",
                        einsums[round % (int)G_N_ELEMENTS(einsums)], "N");
        struct einsum_data *data = new_data(&loaded, round % 3 == 0, 1);
        double lb[4];
        double lc[20];
        for (int i = 0; i < 20; i++) {
            lb[i % 4] = g_rand_int_range(random, -1, 8);
            lc[i] = g_rand_int_range(random, -1, 9) * 0.5;
        }
        set_values(&loaded, data, "LB", lb);
        set_values(&loaded, data, "LC", lc);
        run_all(&loaded, data);
        int64_t expected = 0;
        for (int i = 0; i < 4 * 5 * 6; i++) {
            int a = i / 30;
            int b = i / 6 % 5;
            int c = i % 6;
            expected += b < lb[a] && c < lc[a * 5 + b] - 1.0 &&
                                (round % 4 != 1 || c != a)
                            ? 1
                            : 0;
        }
        double total = 0.0;
        for (int64_t i = 0; i < element_count(&loaded, "N"); i++) {
            total += values_of(&loaded, data, "N")->value[i];
        }
        assert_int_equal((int64_t)total, expected);
        assert_int_equal(count_with(&loaded, data, "N"), expected);
        einsum_data_free(data);
        loaded_clear(&loaded);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_attention_over_sequences_of_several_lengths),
        cmocka_unit_test(
            test_neighbours_of_each_row_packed_one_after_the_other),
        cmocka_unit_test(test_a_mean_is_divided_by_the_points_that_exist),
        cmocka_unit_test(test_static_lengths_are_counted_without_values),
        cmocka_unit_test(test_counted_points_are_those_that_are_summed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
