/* The array stepped cycle by cycle against closed forms of its cycles (SCALE-Sim's
 * where folds do not overlap) and against a product by the textbook, exactly:
 * the numbers are small integers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sim/pe/pe.h"

struct problem {
    int64_t m, n, k;
    double *a; /* m x k */
    double *b; /* k x n */
    double *c; /* m x n */
};

static struct problem problem_new(GRand *rand, int64_t m, int64_t n, int64_t k)
{
    struct problem p = {m,
                        n,
                        k,
                        g_new(double, (gsize)(m * k)),
                        g_new(double, (gsize)(k * n)),
                        g_new(double, (gsize)(m * n))};
    for (int64_t i = 0; i < m * k; i++) {
        p.a[i] = g_rand_int_range(rand, -9, 10);
    }
    for (int64_t i = 0; i < k * n; i++) {
        p.b[i] = g_rand_int_range(rand, -9, 10);
    }
    for (int64_t i = 0; i < m * n; i++) {
        p.c[i] = 1e9; /* must be overwritten */
    }
    return p;
}

static void problem_clear(struct problem *p)
{
    g_free(p->a);
    g_free(p->b);
    g_free(p->c);
}

static void check_values(const struct problem *p)
{
    for (int64_t i = 0; i < p->m; i++) {
        for (int64_t j = 0; j < p->n; j++) {
            double sum = 0.0;
            for (int64_t x = 0; x < p->k; x++) {
                sum += p->a[i * p->k + x] * p->b[x * p->n + j];
            }
            double difference = p->c[i * p->n + j] - sum;
            assert_true(!(difference < 0.0) && !(difference > 0.0));
        }
    }
}

static struct pe_result run(const struct pe_array *array, struct problem *p)
{
    const struct pe_gemm gemm = {.m = p->m,
                                 .n = p->n,
                                 .k = p->k,
                                 .a = {p->a, p->k, 1},
                                 .b = {p->b, p->n, 1},
                                 .c = {p->c, p->n, 1}};
    struct pe_result result = {0};
    struct diags *diags = diags_new();
    assert_int_equal(pe_run_gemm(array, &gemm, diags, &result), OK);
    diags_free(diags);
    return result;
}

static int64_t ceil_of(int64_t a, int64_t b)
{
    return (a + b - 1) / b;
}

/* The table of the SCALE-Sim paper and tool, in its letters: folds and cycles a
 * fold for R x C arrays. */
static int64_t closed_form(const struct pe_array *array,
                           const struct problem *p)
{
    int64_t rows = array->rows;
    int64_t columns = array->columns;
    switch (array->dataflow) {
    case PE_OUTPUT_STATIONARY:
        return ceil_of(p->m, rows) * ceil_of(p->n, columns) *
               (p->k + rows + columns - 2);
    case PE_WEIGHT_STATIONARY:
        return ceil_of(p->k, rows) * ceil_of(p->n, columns) *
               (p->m + 2 * rows + columns - 2);
    case PE_INPUT_STATIONARY:
        return ceil_of(p->k, rows) * ceil_of(p->m, columns) *
               (p->n + 2 * rows + columns - 2);
    }
    return -1;
}

/* Folds that follow as closely as they can: what one takes alone, and for each
 * further one the longer of its stream and its load. */
static int64_t overlapped_form(const struct pe_array *array,
                               const struct problem *p)
{
    bool is_output = array->dataflow == PE_OUTPUT_STATIONARY;
    int64_t stream = is_output                                 ? p->k
                     : array->dataflow == PE_WEIGHT_STATIONARY ? p->m
                                                               : p->n;
    int64_t load = is_output ? 0 : array->rows;
    struct pe_array one = *array;
    one.overlaps_folds = false;
    int64_t alone = stream + load + array->rows + array->columns - 2;
    int64_t folds = closed_form(&one, p) / alone;
    return alone + (folds - 1) * MAX(stream, load);
}

static const enum pe_dataflow dataflows[] = {
    PE_OUTPUT_STATIONARY, PE_WEIGHT_STATIONARY, PE_INPUT_STATIONARY};

static void check_case(GRand *rand, int rows, int columns, int64_t m, int64_t n,
                       int64_t k)
{
    for (size_t d = 0; d < G_N_ELEMENTS(dataflows); d++) {
        for (int overlap = 0; overlap < 2; overlap++) {
            const struct pe_array array = {rows, columns, dataflows[d],
                                           overlap != 0};
            struct problem p = problem_new(rand, m, n, k);
            struct pe_result result = run(&array, &p);
            check_values(&p);
            assert_int_equal(result.cycles, overlap != 0
                                                ? overlapped_form(&array, &p)
                                                : closed_form(&array, &p));
            assert_int_equal(result.mac_count, m * n * k);
            problem_clear(&p);
        }
    }
}

static void test_even_and_odd_shapes(void **state)
{
    (void)state;
    const struct {
        int rows, columns;
        int64_t m, n, k;
    } cases[] = {
        {1, 1, 1, 1, 1},      {1, 1, 3, 2, 4},      {4, 4, 4, 4, 4},
        {4, 4, 8, 12, 16},    {4, 8, 5, 9, 7},      {8, 4, 17, 3, 1},
        {3, 5, 1, 11, 13},    {16, 16, 16, 16, 64}, {16, 16, 33, 31, 5},
        {7, 2, 20, 20, 20},   {2, 7, 20, 20, 20},   {16, 4, 3, 3, 50},
        {32, 32, 64, 64, 64}, {5, 5, 26, 1, 1},     {12, 12, 11, 13, 12},
    };
    g_autoptr(GRand) rand = g_rand_new_with_seed(3);
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        check_case(rand, cases[i].rows, cases[i].columns, cases[i].m,
                   cases[i].n, cases[i].k);
    }
}

static void test_random_arrays(void **state)
{
    (void)state;
    g_autoptr(GRand) rand = g_rand_new_with_seed(4);
    for (int i = 0; i < 150; i++) {
        check_case(rand, g_rand_int_range(rand, 1, 17),
                   g_rand_int_range(rand, 1, 17), g_rand_int_range(rand, 1, 40),
                   g_rand_int_range(rand, 1, 40),
                   g_rand_int_range(rand, 1, 40));
    }
}

/* Longer than the registers' rows are laid out for. */
static void test_long_streams(void **state)
{
    (void)state;
    g_autoptr(GRand) rand = g_rand_new_with_seed(5);
    check_case(rand, 3, 6, 2, 4, 3000);
    check_case(rand, 3, 6, 2500, 4, 3);
    check_case(rand, 3, 6, 3, 2500, 4);
}

static void test_sizes_below_one_are_refused(void **state)
{
    (void)state;
    const struct pe_array array = {4, 0, PE_OUTPUT_STATIONARY, false};
    const struct pe_gemm gemm = {.m = 1, .n = 1, .k = 1};
    struct pe_result result = {.cycles = 7};
    struct diags *diags = diags_new();
    assert_int_equal(pe_run_gemm(&array, &gemm, diags, &result), ERR_INPUT);
    assert_int_equal(result.cycles, 7);
    diags_free(diags);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_even_and_odd_shapes),
        cmocka_unit_test(test_random_arrays),
        cmocka_unit_test(test_long_streams),
        cmocka_unit_test(test_sizes_below_one_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
