/* Products on the systolic array of arch-configs/systolic.yaml, tile by tile,
 * against the closed forms of SCALE-Sim (what the tool prints, plus the one cycle
 * that it leaves out), against cycles that the tool printed, and against the array
 * stepped cycle by cycle. */
#include "sim/pe/pe.h"
#include "tests/sim_support.h"

struct product {
    int64_t m, n, k;
    int64_t rows, columns;
};

static const char *const dataflow_names[] = {"os", "ws", "is"};

static struct evaluation *simulate(const struct product *p, int dataflow,
                                   bool overlaps, int64_t *bound_cycles)
{
    g_autofree char *mapping =
        g_strdup_printf("gemm-%s", dataflow_names[dataflow]);
    g_autofree char *settings = g_strdup_printf(
        "M=%d N=%d K=%d ROWS=%d COLS=%d OVERLAP=%d", (int)p->m, (int)p->n,
        (int)p->k, (int)p->rows, (int)p->columns, overlaps);
    AUTO(fixture) fixture = fixture_load("gemm", "systolic", mapping, settings);
    AUTO(evaluation) fast = run(fixture, true, NULL);
    AUTO(evaluation) slow = run(fixture, false, NULL);
    assert_same_times(fast, slow);
    assert_stalls_add_up(fast);
    *bound_cycles = fast->bound_cycles;
    assert_true(fast->bound_cycles <= fast->model_cycles);
    assert_filled_below(fast);
    return g_steal_pointer(&fast);
}

static int64_t cycles_of(const struct product *p, int dataflow, bool overlaps)
{
    int64_t bound_cycles = 0;
    AUTO(evaluation) e = simulate(p, dataflow, overlaps, &bound_cycles);
    return e->cycles;
}

static int64_t ceil_of(int64_t a, int64_t b)
{
    return (a + b - 1) / b;
}

static int64_t closed_form(const struct product *p, int dataflow)
{
    int64_t r = p->rows;
    int64_t c = p->columns;
    switch (dataflow) {
    case 0:
        return ceil_of(p->m, r) * ceil_of(p->n, c) * (p->k + r + c - 2);
    case 1:
        return ceil_of(p->k, r) * ceil_of(p->n, c) * (p->m + 2 * r + c - 2);
    default:
        return ceil_of(p->k, r) * ceil_of(p->m, c) * (p->n + 2 * r + c - 2);
    }
}

static int64_t pe_cycles(const struct product *p, int dataflow, bool overlaps)
{
    g_autofree double *values =
        g_new0(double, (gsize)(p->m * p->k + p->k * p->n + p->m * p->n));
    double *b = values + p->m * p->k;
    const struct pe_gemm gemm = {.m = p->m,
                                 .n = p->n,
                                 .k = p->k,
                                 .a = {values, p->k, 1},
                                 .b = {b, p->n, 1},
                                 .c = {b + p->k * p->n, p->n, 1}};
    const struct pe_array array = {(int)p->rows, (int)p->columns,
                                   (enum pe_dataflow)dataflow, overlaps};
    struct pe_result result = {0};
    assert_int_equal(pe_run_gemm(&array, &gemm, NULL, &result), OK);
    return result.cycles;
}

/* Loads hidden and folds overlapped: no less than the bound, no more than with
 * all of it exposed. */
static void check_product(const struct product *p)
{
    for (int d = 0; d < 3; d++) {
        int64_t bound_cycles = 0;
        int64_t apart_cycles = cycles_of(p, d, false);
        AUTO(evaluation) overlapped = simulate(p, d, true, &bound_cycles);
        assert_int_equal(apart_cycles, closed_form(p, d));
        assert_in_range(overlapped->cycles, bound_cycles, apart_cycles);
        assert_int_equal(apart_cycles, pe_cycles(p, d, false));
        assert_int_equal(overlapped->cycles, pe_cycles(p, d, true));
    }
}

static void test_even_and_odd_shapes(void **state)
{
    (void)state;
    const struct product cases[] = {
        {1, 1, 1, 1, 1},        {1, 1, 1, 8, 8},       {1, 1, 1, 3, 7},
        {2, 2, 2, 2, 2},        {8, 8, 8, 8, 8},       {9, 9, 9, 8, 8},
        {7, 7, 7, 8, 8},        {16, 16, 16, 4, 4},    {17, 15, 13, 4, 4},
        {64, 64, 64, 16, 16},   {65, 63, 61, 16, 16},  {1, 100, 10, 16, 16},
        {100, 1, 10, 16, 16},   {10, 100, 1, 16, 16},  {33, 47, 19, 7, 12},
        {33, 47, 19, 12, 7},    {128, 96, 64, 32, 16}, {127, 97, 65, 32, 16},
        {31, 31, 500, 16, 8},   {500, 31, 31, 16, 8},  {31, 500, 31, 16, 8},
        {5, 5, 5, 1, 9},        {5, 5, 5, 9, 1},       {40, 30, 20, 1, 1},
        {12, 12, 12, 5, 3},     {13, 11, 12, 3, 5},    {256, 256, 16, 32, 32},
        {255, 257, 17, 32, 32}, {96, 80, 112, 24, 20}, {97, 81, 113, 24, 20},
        {3, 200, 3, 2, 64},     {200, 3, 3, 64, 2},    {50, 50, 50, 25, 25},
        {50, 50, 50, 26, 24},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        check_product(&cases[i]);
    }
}

/* What SCALE-Sim v3 (commit 1d62b68) printed as compute cycles, without stalls:
 * the index of the last cycle. */
static void test_cycles_that_scale_sim_printed(void **state)
{
    (void)state;
    const struct {
        struct product p;
        int dataflow;
        int64_t printed_cycles;
    } cases[] = {
        {{1024, 1024, 64, 128, 128}, 1, 11247},
        {{1024, 1024, 64, 128, 128}, 0, 20351},
        {{1024, 64, 1024, 128, 128}, 1, 11247},
        {{1024, 64, 1024, 128, 128}, 0, 10223},
        {{1024, 64, 1024, 128, 128}, 2, 28543},
        {{1024, 1024, 1024, 128, 128}, 0, 81791},
        {{1024, 1024, 1024, 128, 128}, 1, 89983},
        {{1024, 1024, 128, 256, 256}, 0, 10207},
        {{1, 2048, 128, 128, 128}, 0, 6111},
        {{512, 512, 64, 32, 32}, 1, 19391},
        {{512, 512, 64, 32, 32}, 0, 32255},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        assert_int_equal(cycles_of(&cases[i].p, cases[i].dataflow, false),
                         cases[i].printed_cycles + 1);
    }
}

/* A plain chip hides loads and overlaps folds, but has memories of finite bandwidth:
 * still no worse than with everything exposed, as on SCALE-Sim's array. */
static void test_a_tensor_processor_lies_between(void **state)
{
    (void)state;
    const struct product cases[] = {{512, 512, 512, 128, 128},
                                    {1000, 1000, 1000, 128, 128},
                                    {700, 300, 900, 128, 128}};
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        const struct product *p = &cases[i];
        g_autofree char *settings =
            g_strdup_printf("M=%d N=%d K=%d", (int)p->m, (int)p->n, (int)p->k);
        AUTO(fixture)
        fixture = fixture_load("gemm", "tpu-like", "gemm-tpu-ws", settings);
        AUTO(evaluation) e = run(fixture, true, NULL);
        assert_in_range(e->cycles, e->bound_cycles, closed_form(p, 1));
    }
}

/* WEIR_SYSTOLIC_COUNT products (default 60), on arrays up to 16 x 16. */
static void test_random_products(void **state)
{
    (void)state;
    const char *wanted = g_getenv("WEIR_SYSTOLIC_COUNT");
    int64_t count = wanted == NULL ? 60 : g_ascii_strtoll(wanted, NULL, 10);
    g_autoptr(GRand) rand = g_rand_new_with_seed(7);
    for (int64_t i = 0; i < count; i++) {
        const struct product p = {
            g_rand_int_range(rand, 1, 50), g_rand_int_range(rand, 1, 50),
            g_rand_int_range(rand, 1, 50), g_rand_int_range(rand, 1, 17),
            g_rand_int_range(rand, 1, 17)};
        check_product(&p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_even_and_odd_shapes),
        cmocka_unit_test(test_cycles_that_scale_sim_printed),
        cmocka_unit_test(test_a_tensor_processor_lies_between),
        cmocka_unit_test(test_random_products),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
