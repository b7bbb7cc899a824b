/* Patterns of sparse inputs: what distributions promise, exactly; counts of boxes
 * against looking at each element; values where the pattern has none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <glib/gstdio.h>

#include "einsum/einsum.h"

enum { M = 12, K = 20 };

static struct workload *bind(struct diags *diags, struct cascade **cascade,
                             const char *sparse)
{
    g_autofree char *text =
        g_strdup_printf("schema: 1\ncascade: product\n"
                        "shapes: {M: 12, N: 3, K: 20, D: 30}\n"
                        "inputs: {W: \"[m,k]\", A: \"[k,n]\"}\n"
                        "sparse:\n  W: {%s}\n"
                        "einsums: |\n  Z[m,n] = W[m,k] * A[k,n]\n"
                        "outputs: [Z]\n",
                        sparse);
    struct workload *workload = NULL;
    assert_int_equal(
        cascade_load_source(diags, diags_add_text(diags, "c", text), cascade),
        OK);
    assert_int_equal(workload_bind(*cascade, NULL, NULL, diags, &workload), OK);
    return workload;
}

static int64_t count(const struct einsum_pattern *pattern, bool is_placed,
                     int64_t m0, int64_t k0, int64_t m1, int64_t k1)
{
    const int64_t low[2] = {m0, k0};
    const int64_t high[2] = {m1, k1};
    return pattern_count(pattern, is_placed, low, high);
}

static void test_a_density_keeps_so_many_blocks(void **state)
{
    (void)state;
    AUTO(diags) diags = diags_new();
    AUTO(cascade) cascade = NULL;
    AUTO(workload)
    w = bind(diags, &cascade, "density: D percent, block: {m: 4}, seed: 7");
    const struct einsum_pattern *pattern = w->tensors[0].pattern;
    assert_non_null(pattern);
    assert_null(w->tensors[1].pattern);
    /* 3 x 20 blocks of 4, 30 % of 60 */
    assert_int_equal(pattern_count_all(pattern), 18 * 4);
    assert_string_equal(pattern_text(pattern),
                        "uniform, density 30 %, blocks 4x1, seed 7");
    for (int m = 0; m < M; m += 4) {
        for (int k = 0; k < K; k++) {
            int64_t kept = count(pattern, false, m, k, m + 4, k + 1);
            assert_true(kept == 0 || kept == 4);
        }
    }
}

/* Over seeds, each place is kept about as often as the density says: 600 draws of
 * 0.3 lie within 5 deviations, 0.094. */
static void test_every_place_is_equally_likely(void **state)
{
    (void)state;
    enum { SEEDS = 600 };
    int kept[M][K] = {{0}};
    for (int seed = 0; seed < SEEDS; seed++) {
        g_autofree char *sparse =
            g_strdup_printf("density: 30 percent, seed: %d", seed);
        AUTO(diags) diags = diags_new();
        AUTO(cascade) cascade = NULL;
        AUTO(workload) w = bind(diags, &cascade, sparse);
        for (int m = 0; m < M; m++) {
            for (int k = 0; k < K; k++) {
                kept[m][k] += (int)count(w->tensors[0].pattern, false, m, k,
                                         m + 1, k + 1);
            }
        }
    }
    for (int m = 0; m < M; m++) {
        for (int k = 0; k < K; k++) {
            assert_in_range(kept[m][k], 124, 236);
        }
    }
}

static void test_structured_keeps_so_many_of_each_group(void **state)
{
    (void)state;
    AUTO(diags) diags = diags_new();
    AUTO(cascade) cascade = NULL;
    AUTO(workload)
    w = bind(diags, &cascade, "structured: {keep: 2, of: 6, along: k}");
    for (int m = 0; m < M; m++) {
        for (int k = 0; k < K; k += 6) {
            assert_int_equal(
                count(w->tensors[0].pattern, false, m, k, m + 1, MIN(k + 6, K)),
                2);
        }
    }
}

static void test_counts_are_those_of_the_file(void **state)
{
    (void)state;
    static const int expected[] = {0, 20, 7};
    g_autofree char *path = NULL;
    int file = g_file_open_tmp("weir-counts-XXXXXX", &path, NULL);
    assert_true(file >= 0);
    assert_true(g_file_set_contents(path, "0 20\n7\n", -1, NULL));
    g_autofree char *sparse =
        g_strdup_printf("counts: %s, block: {m: 4}, pack: k", path);
    AUTO(diags) diags = diags_new();
    AUTO(cascade) cascade = NULL;
    AUTO(workload) w = bind(diags, &cascade, sparse);
    const struct einsum_pattern *pattern = w->tensors[0].pattern;
    for (int i = 0; i < 3; i++) {
        int64_t m = 4 * i;
        assert_int_equal(count(pattern, false, m, 0, m + 4, K),
                         4 * expected[i]);
        /* Packed, they are the first. */
        assert_int_equal(count(pattern, true, m, 0, m + 4, expected[i]),
                         4 * expected[i]);
    }
    assert_int_equal(pattern_packed_dim(pattern), 1);
    (void)g_unlink(path);
    (void)g_close(file, NULL);
}

/* Blocks that the extents cut, boxes that cut blocks. */
static void test_boxes_are_sums_of_elements(void **state)
{
    (void)state;
    AUTO(diags) diags = diags_new();
    AUTO(cascade) cascade = NULL;
    AUTO(workload)
    w = bind(diags, &cascade, "density: 45 percent, block: {m: 5, k: 3}");
    const struct einsum_pattern *pattern = w->tensors[0].pattern;
    for (int m0 = 0; m0 < M; m0++) {
        for (int m1 = m0; m1 <= M; m1++) {
            for (int k0 = 0; k0 < K; k0 += 2) {
                int64_t sum = 0;
                for (int k1 = k0 + 1; k1 <= K; k1++) {
                    for (int m = m0; m < m1; m++) {
                        sum += count(pattern, false, m, k1 - 1, m + 1, k1);
                    }
                    assert_int_equal(count(pattern, false, m0, k0, m1, k1),
                                     sum);
                }
            }
        }
    }
}

/* Points are those of nonzeros, zeros are zeros, sums those of the dense product. */
static void test_statements_see_the_pattern(void **state)
{
    (void)state;
    AUTO(diags) diags = diags_new();
    AUTO(cascade) cascade = NULL;
    AUTO(workload)
    w = bind(diags, &cascade, "density: 30 percent, pack: k");
    int64_t points = 0;
    int64_t least = 0;
    int64_t most = 0;
    assert_int_equal(workload_count_points(w, 0, &points), OK);
    assert_int_equal(points, 72 * 3);
    assert_int_equal(workload_count_used_elements(w, 0, &least, &most), OK);
    assert_int_equal(least, 72);
    assert_int_equal(most, 72);
    AUTO(einsum_data) data = NULL;
    assert_int_equal(einsum_data_new(w, false, diags, &data), OK);
    einsum_fill_inputs(w, 3, data);
    assert_int_equal(einsum_run(w, diags, data), OK);
    const double *values = data->tensors[0].value;
    for (int m = 0; m < M; m++) {
        for (int n = 0; n < 3; n++) {
            double sum = 0;
            for (int k = 0; k < K; k++) {
                bool is_kept =
                    count(w->tensors[0].pattern, false, m, k, m + 1, k + 1) > 0;
                assert_true(is_kept ==
                            (values[m * K + k] < 0 || values[m * K + k] > 0));
                sum += values[m * K + k] * data->tensors[1].value[k * 3 + n];
            }
            double got = data->tensors[2].value[m * 3 + n];
            assert_true(got - sum < 1e-12 && sum - got < 1e-12);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_density_keeps_so_many_blocks),
        cmocka_unit_test(test_every_place_is_equally_likely),
        cmocka_unit_test(test_structured_keeps_so_many_of_each_group),
        cmocka_unit_test(test_counts_are_those_of_the_file),
        cmocka_unit_test(test_boxes_are_sums_of_elements),
        cmocka_unit_test(test_statements_see_the_pattern),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
