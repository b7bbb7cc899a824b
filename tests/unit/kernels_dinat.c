/* Neighbourhood attention against masked softmax attention in long double, with
 * neighbourhoods found by sorting tokens of the same remainder by distance; a
 * window that covers everything is plain attention. */
#include "tests/kernel_fixture.h"

enum { H = 2, N = 13, E = 4, F = 3, Y = 7, X = 6 };

struct window {
    int width;
    int dilation;
    const double *table;
};

/* The tokens of p's remainder, nearest first; of two at the same distance the
 * lower: that is the clamped window of odd width. */
static bool is_neighbour(int p, int m, int length, const struct window *window)
{
    int nearer = 0;
    if (p % window->dilation != m % window->dilation) {
        return false;
    }
    for (int i = p % window->dilation; i < length; i += window->dilation) {
        int distance = abs(i - p) - abs(m - p);
        nearer += distance < 0 || (distance == 0 && i < m);
    }
    return nearer < window->width;
}

static int table_index(int p, int m, const struct window *window)
{
    return (m - p) / window->dilation + window->width - 1;
}

static long double row_bias(int p, int m, const void *data)
{
    const struct window *window = data;
    if (!is_neighbour(p, m, N, window)) {
        return -HUGE_VALL;
    }
    return (long double)window->table[table_index(p, m, window)];
}

static long double image_bias(int p, int m, const void *data)
{
    const struct window *window = data;
    if (!is_neighbour(p / X, m / X, Y, window) ||
        !is_neighbour(p % X, m % X, X, window)) {
        return -HUGE_VALL;
    }
    return (long double)window
        ->table[table_index(p / X, m / X, window) * (2 * window->width - 1) +
                table_index(p % X, m % X, window)];
}

static struct kernel_fixture *row_new(int width, int dilation)
{
    struct kernel_fixture *fixture = kernel_fixture_new(
        1, "hnefi", (const int[]){H, N, E, F, 2 * width - 1});
    fixture_input(fixture, "Q", "hne", 1.0);
    fixture_input(fixture, "K", "hne", 1.0);
    fixture_input(fixture, "V", "hnf", 1.0);
    fixture_result(fixture, "AV", "hnf");
    fixture_input(fixture, "RB", "hi", 1.0);
    fixture_parameter(fixture, "W", width);
    fixture_parameter(fixture, "D", dilation);
    return fixture;
}

static void evaluate(const struct kernel_fixture *fixture, oracle_bias bias,
                     int count, int table_count, int width, int dilation,
                     long double *exact)
{
    for (int h = 0; h < H; h++) {
        struct window window = {width, dilation,
                                &fixture->tensors[4].value[h * table_count]};
        struct oracle oracle = {count, count, E, F, bias, &window};
        oracle_attend(&oracle, &fixture->tensors[0].value[h * count * E],
                      &fixture->tensors[1].value[h * count * E],
                      &fixture->tensors[2].value[h * count * F],
                      &exact[h * count * F]);
    }
}

static void check_row(int width, int dilation)
{
    AUTO(kernel_fixture) fixture = row_new(width, dilation);
    long double exact[H * N * F];
    fixture_run(fixture, "dinat-1d");
    evaluate(fixture, row_bias, N, 2 * width - 1, width, dilation, exact);
    assert_exact_within_bounds(fixture, exact, 1e-12);
}

static void test_window_is_clamped_at_the_ends(void **state)
{
    (void)state;
    check_row(3, 1);
    check_row(7, 1);
}

static void test_dilated_window_stays_in_its_remainder(void **state)
{
    (void)state;
    check_row(3, 2);
    check_row(3, 4); /* remainders of 4, 3, 3 and 3 tokens */
    check_row(5, 2);
}

static void check_image(int width, int dilation)
{
    int side = 2 * width - 1;
    AUTO(kernel_fixture)
    fixture = kernel_fixture_new(2, "hyxefij",
                                 (const int[]){H, Y, X, E, F, side, side});
    long double exact[H * Y * X * F];
    fixture_input(fixture, "Q", "hyxe", 1.0);
    fixture_input(fixture, "K", "hyxe", 1.0);
    fixture_input(fixture, "V", "hyxf", 1.0);
    fixture_result(fixture, "AV", "hyxf");
    fixture_input(fixture, "RB", "hij", 1.0);
    fixture_parameter(fixture, "W", width);
    fixture_parameter(fixture, "D", dilation);
    fixture_run(fixture, "dinat-2d");
    evaluate(fixture, image_bias, Y * X, side * side, width, dilation, exact);
    assert_exact_within_bounds(fixture, exact, 1e-12);
}

static void test_image_window_is_the_product_of_both_axes(void **state)
{
    (void)state;
    check_image(3, 1);
    check_image(5, 1);
    check_image(3, 2);
}

static void test_window_of_everything_is_softmax_attention(void **state)
{
    (void)state;
    AUTO(kernel_fixture) fixture = row_new(N, 1);
    for (int i = 0; i < H * (2 * N - 1); i++) {
        fixture->tensors[4].value[i] = 0.25; /* adds nothing */
    }
    fixture_run(fixture, "dinat-1d");
    g_autofree double *value = fixture_copy(fixture, fixture->result);
    g_autofree double *error = fixture_copy(fixture, fixture->error);
    fixture->tensors[0].dims = "hpe";
    fixture->tensors[1].dims = "hme";
    fixture->tensors[2].dims = "hmf";
    fixture->tensors[3].dims = "hpf";
    fixture_run(fixture, "softmax-attention");
    assert_agrees(fixture, value, error, 1e-12);
}

static void test_windows_that_do_not_fit_are_refused(void **state)
{
    (void)state;
    AUTO(kernel_fixture) fixture = row_new(5, 3);
    fixture_expect_refusal(fixture, "dinat-1d", "kernel-extents");
    AUTO(kernel_fixture) even = row_new(4, 1);
    fixture_expect_refusal(even, "dinat-1d", "kernel-extents");
    AUTO(kernel_fixture) table = row_new(5, 1);
    fixture_parameter(table, "W", 3);
    fixture_expect_refusal(table, "dinat-1d", "kernel-extents");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_window_is_clamped_at_the_ends),
        cmocka_unit_test(test_dilated_window_stays_in_its_remainder),
        cmocka_unit_test(test_image_window_is_the_product_of_both_axes),
        cmocka_unit_test(test_window_of_everything_is_softmax_attention),
        cmocka_unit_test(test_windows_that_do_not_fit_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
