/* Values of inputs: kinds, ranges, order, the same everywhere. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>

#include "tests/unit/einsum_text.h"

static struct loaded load_input(const char *shapes, const char *input)
{
    g_autofree char *inputs = g_strdup_printf("%s, X: \"[m]\"", input);
    const char *name = strchr(input, ':');
    g_autofree char *einsums =
        g_strdup_printf("Y[m] = X[m] + %.*s[%s]\n", (int)(name - input), input,
                        strchr(name, '[')[2] == ']' ? "m" : "m,0");
    return load_cascade(shapes, inputs, einsums, "Y");
}

/* Each whole number of -3..4 turns up, and nothing else. */
static void test_integers_stay_in_range_and_fill_it(void **state)
{
    (void)state;
    struct loaded loaded = load_input("M: 400, K: 8", "A: \"[m] in -3..K/2\"");
    struct einsum_data *data = new_data(&loaded, false, 1);
    const double *value = values_of(&loaded, data, "A")->value;
    int seen[8] = {0};
    for (int i = 0; i < 400; i++) {
        assert_true(value[i] >= -3.0 && value[i] <= 4.0);
        assert_true(floor(value[i]) >= value[i]);
        seen[(int)value[i] + 3]++;
    }
    for (int i = 0; i < 8; i++) {
        assert_in_range(seen[i], 25, 85); /* 50 expected, deviation 6.6 */
    }
    einsum_data_free(data);
    loaded_clear(&loaded);
}

static void test_sets_and_reals(void **state)
{
    (void)state;
    static const struct {
        const char *input;
        double low;
        double high;
        double mean;
    } cases[] = {
        {"A: \"[m] in {-1,1}\"", -1.0, 1.0, 0.0},
        {"A: \"[m] in {0,0,0,1}\"", 0.0, 1.0, 0.25},
        {"A: \"[m] in (0,1)\"", 0.0, 1.0, 0.5},
        {"A: \"[m] in (1/M,2)\"", 0.0005, 2.0, 1.00025},
        {"A: \"[m] in (2,inf)\"", 2.0, HUGE_VAL, 3.0},
        {"A: \"[m] in (-inf,-1)\"", -HUGE_VAL, -1.0, -2.0},
        {"A: \"[m] in (-inf,inf)\"", -HUGE_VAL, HUGE_VAL, 0.0},
    };
    for (size_t c = 0; c < G_N_ELEMENTS(cases); c++) {
        struct loaded loaded = load_input("M: 2000", cases[c].input);
        struct einsum_data *data = new_data(&loaded, false, 3);
        const double *value = values_of(&loaded, data, "A")->value;
        bool is_set = strchr(cases[c].input, '{') != NULL;
        double sum = 0.0;
        for (int i = 0; i < 2000; i++) {
            bool is_end = value[i] <= cases[c].low || value[i] >= cases[c].high;
            assert_true(is_end == is_set);
            sum += value[i];
        }
        /* Deviations of one value are at most 1. */
        assert_true(fabs(sum / 2000.0 - cases[c].mean) < 5.0 / sqrt(2000.0));
        einsum_data_free(data);
        loaded_clear(&loaded);
    }
}

/* Distinct along j, for every p; all of them if there are as many. */
static void check_distinct(const char *input, int64_t choices, bool is_sorted)
{
    struct loaded loaded = load_input("M: 30, J: 6", input);
    struct einsum_data *data = new_data(&loaded, false, 11);
    const double *value = values_of(&loaded, data, "A")->value;
    int64_t pairs_in_order = 0;
    for (int p = 0; p < 30; p++) {
        for (int j = 0; j < 6; j++) {
            double x = value[p * 6 + j];
            assert_true(x >= 0.0 && x < (double)choices);
            for (int k = 0; k < j; k++) {
                assert_true(fabs(value[p * 6 + k] - x) >= 1.0);
                pairs_in_order += value[p * 6 + k] < x ? 1 : 0;
            }
        }
    }
    if (is_sorted) {
        assert_int_equal(pairs_in_order, 30 * 15);
    } else {
        assert_in_range(pairs_in_order, 170, 280); /* 225 expected */
    }
    einsum_data_free(data);
    loaded_clear(&loaded);
}

static void test_distinct_and_sorted(void **state)
{
    (void)state;
    check_distinct("A: \"[m,j] in 0..J-1 distinct(j)\"", 6, false);
    check_distinct("A: \"[m,j] in 0..99 distinct(j)\"", 100, false);
    check_distinct("A: \"[m,j] in 0..9 sorted(j) distinct(j)\"", 10, true);
    check_distinct("A: \"[m,j] in {0,1,2,3,4,5,6} distinct(j)\"", 7, false);
    /* Along the outer rank. */
    struct loaded loaded =
        load_input("M: 7, J: 5", "A: \"[m,j] in 0..6 distinct(m)\"");
    struct einsum_data *data = new_data(&loaded, false, 2);
    const double *value = values_of(&loaded, data, "A")->value;
    for (int j = 0; j < 5; j++) {
        unsigned seen = 0;
        for (int m = 0; m < 7; m++) {
            seen |= 1U << (int)value[m * 5 + j];
        }
        assert_int_equal(seen, 127);
    }
    einsum_data_free(data);
    loaded_clear(&loaded);
}

/* From another implementation of the generators (splitmix64, FNV-1a, the
 * shuffle), in Python. */
static void test_values_are_the_same_everywhere(void **state)
{
    (void)state;
    static const double integers[] = {-45, -31, -4, -19, 36, -38};
    static const double reals[] = {3.1840196825883735, 3.080209324726409,
                                   4.101466577117716};
    static const double permutations[] = {4, 0, 5, 2, 3, 1, 5, 0, 2, 4, 1, 3};
    struct loaded loaded =
        load_cascade("M: 6, J: 6",
                     "A: \"[m] in -50..49\", B: \"[m] in (2,5)\", "
                     "P: \"[m,j] in 0..5 distinct(j)\"",
                     "Y[m] = A[m] + B[m] + P[m,0]\n", "Y");
    struct einsum_data *data = new_data(&loaded, false, 5);
    assert_memory_equal(values_of(&loaded, data, "A")->value, integers,
                        sizeof integers);
    assert_memory_equal(values_of(&loaded, data, "B")->value, reals,
                        sizeof reals);
    assert_memory_equal(values_of(&loaded, data, "P")->value, permutations,
                        sizeof permutations);
    einsum_data_free(data);
    loaded_clear(&loaded);
}

/* A declared range bounds a gather: no warning, and it runs. */
static void check_gather(const char *values, const char *index, size_t warnings)
{
    g_autofree char *inputs =
        g_strdup_printf("X: \"[m]\", I: \"[j] in %s\"", values);
    g_autofree char *einsums = g_strdup_printf("Y[j] = X[%s]\n", index);
    struct loaded loaded = load_cascade("M: 9, J: 50", inputs, einsums, "Y");
    assert_int_equal(diags_count(loaded.diags), warnings);
    if (warnings == 0) {
        struct einsum_data *data = new_data(&loaded, true, 4);
        const double *x = values_of(&loaded, data, "X")->value;
        const double *i = values_of(&loaded, data, "I")->value;
        run_all(&loaded, data);
        for (int j = 0; j < 50 && g_str_equal(index, "I[j]"); j++) {
            assert_true(fabs(values_of(&loaded, data, "Y")->value[j] -
                             x[(int)i[j]]) <= 0.0);
        }
        einsum_data_free(data);
    }
    loaded_clear(&loaded);
}

static void test_declared_values_bound_gathers(void **state)
{
    (void)state;
    check_gather("0..M-1", "I[j]", 0);
    check_gather("0..M", "I[j]", 1);
    check_gather("0..M", "clamp(I[j])", 0);
    check_gather("0..M/2", "2*I[j]", 0);
    check_gather("{0,1,8}", "I[j]", 0);
    check_gather("{0,9}", "I[j]", 1);
    check_gather("{0,0.5}", "I[j]", 1);
    check_gather("(0,8)", "I[j]", 1);
    check_gather("-2..2", "I[j]+2", 0);
    check_gather("1..8", "I[zero(j-1)]", 0);
    check_gather("-5..-1", "I[zero(j-1)]", 1);
}

/* Computed from whole numbers: bounded, and exact so that it is decided. */
static void test_computed_whole_numbers_bound_gathers(void **state)
{
    (void)state;
    struct loaded loaded = load_cascade(
        "M: 12, Y: 3, X: 4, J: 30, B: 2",
        "T: \"[m]\", R: \"[j] in 0..Y-1\", C: \"[j] in 0..X-1\", "
        "S: \"[j,b] in {-1,1}\"",
        "I[j] = R[j] * X + C[j]\n"
        "A[j] = T[I[j]]\n"
        "D[j] = sum(b) S[j,b] * S[j,b] + select(S[j,0] < 0, 9, max(R[j], 1))\n"
        "E[j] = T[D[j]/2]\n",
        "A, E");
    assert_int_equal(diags_count(loaded.diags), 0);
    struct einsum_data *data = new_data(&loaded, true, 4);
    run_all(&loaded, data);
    const double *t = values_of(&loaded, data, "T")->value;
    const double *r = values_of(&loaded, data, "R")->value;
    const double *c = values_of(&loaded, data, "C")->value;
    const struct tensor_data *a = values_of(&loaded, data, "A");
    for (int j = 0; j < 30; j++) {
        assert_true(a->error[j] <= 0.0);
        assert_true(fabs(a->value[j] - t[(int)(r[j] * 4.0 + c[j])]) <= 0.0);
        assert_true(values_of(&loaded, data, "D")->error[j] <= 0.0);
    }
    einsum_data_free(data);
    loaded_clear(&loaded);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_integers_stay_in_range_and_fill_it),
        cmocka_unit_test(test_sets_and_reals),
        cmocka_unit_test(test_distinct_and_sorted),
        cmocka_unit_test(test_values_are_the_same_everywhere),
        cmocka_unit_test(test_declared_values_bound_gathers),
        cmocka_unit_test(test_computed_whole_numbers_bound_gathers),
    };
    return cmocka_run_group_tests_name("einsum_inputs", tests, NULL, NULL);
}
