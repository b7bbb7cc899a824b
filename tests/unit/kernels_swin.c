/* Shifted windows against masked softmax attention over the whole image in long
 * double, with window and region drawn as pictures; one window is plain
 * attention with a bias. */
#include "tests/kernel_fixture.h"

enum { H = 2, Y = 6, X = 6, E = 4, F = 3, W = 3, N = Y * X, SIDE = 2 * W - 1 };

static struct kernel_fixture *attention_new(int y, int x, int window, int shift)
{
    struct kernel_fixture *fixture = kernel_fixture_new(
        1, "hyxefij",
        (const int[]){H, y, x, E, F, 2 * window - 1, 2 * window - 1});
    fixture_input(fixture, "Q", "hyxe", 1.0);
    fixture_input(fixture, "K", "hyxe", 1.0);
    fixture_input(fixture, "V", "hyxf", 1.0);
    fixture_result(fixture, "AV", "hyxf");
    fixture_input(fixture, "RB", "hij", 1.0);
    fixture_parameter(fixture, "W", window);
    fixture_parameter(fixture, "S", shift);
    return fixture;
}

/* Rows (and columns) of the image itself, for a shift of 1: windows are rows
 * 1-3 and 4,5,0; row 0 came from the other edge. */
static const int window_of[Y] = {1, 0, 0, 0, 1, 1};
static const int place_of[Y] = {2, 0, 1, 2, 0, 1};
static const int region_of[Y] = {2, 0, 0, 0, 1, 1};

static long double shifted(int p, int m, const void *data)
{
    const double *table = data;
    int p_y = p / X;
    int p_x = p % X;
    int m_y = m / X;
    int m_x = m % X;
    if (window_of[p_y] != window_of[m_y] || window_of[p_x] != window_of[m_x]) {
        return -HUGE_VALL;
    }
    bool is_apart =
        region_of[p_y] != region_of[m_y] || region_of[p_x] != region_of[m_x];
    int row = place_of[p_y] - place_of[m_y] + W - 1;
    int column = place_of[p_x] - place_of[m_x] + W - 1;
    return (long double)table[row * SIDE + column] +
           (is_apart ? -100.0L : 0.0L);
}

static long double one_window(int p, int m, const void *data)
{
    const double *table = data;
    int row = p / W - m / W + W - 1;
    int column = p % W - m % W + W - 1;
    return (long double)table[row * SIDE + column];
}

static void evaluate(const struct kernel_fixture *fixture, oracle_bias bias,
                     int count, long double *exact)
{
    for (int h = 0; h < H; h++) {
        struct oracle oracle = {
            count, count, E,
            F,     bias,  &fixture->tensors[4].value[h * SIDE * SIDE]};
        oracle_attend(&oracle, &fixture->tensors[0].value[h * count * E],
                      &fixture->tensors[1].value[h * count * E],
                      &fixture->tensors[2].value[h * count * F],
                      &exact[h * count * F]);
    }
}

static void test_shifted_windows_are_those_of_the_picture(void **state)
{
    (void)state;
    AUTO(kernel_fixture) fixture = attention_new(Y, X, W, 1);
    long double exact[H * N * F];
    fixture_run(fixture, "swin");
    evaluate(fixture, shifted, N, exact);
    assert_exact_within_bounds(fixture, exact, 1e-12);
}

/* Biases as large as the mask: its exact size shows. */
static void test_other_regions_get_minus_100_not_infinity(void **state)
{
    (void)state;
    AUTO(kernel_fixture) fixture = attention_new(Y, X, W, 1);
    long double exact[H * N * F];
    for (int i = 0; i < H * SIDE * SIDE; i++) {
        fixture->tensors[4].value[i] *= 60.0;
    }
    fixture_run(fixture, "swin");
    evaluate(fixture, shifted, N, exact);
    assert_exact_within_bounds(fixture, exact, 1e-11);
}

static void test_one_window_is_attention_with_a_bias(void **state)
{
    (void)state;
    AUTO(kernel_fixture) fixture = attention_new(W, W, W, 0);
    long double exact[H * W * W * F];
    fixture_run(fixture, "swin");
    evaluate(fixture, one_window, W * W, exact);
    assert_exact_within_bounds(fixture, exact, 1e-12);
}

/* Whatever the bias. */
static void test_window_of_one_returns_the_value(void **state)
{
    (void)state;
    AUTO(kernel_fixture) fixture = attention_new(Y, X, 1, 0);
    fixture_run(fixture, "swin");
    for (int i = 0; i < H * N * F; i++) {
        assert_true(fabs(fixture->result[i] - fixture->tensors[2].value[i]) <=
                    fixture->error[i]);
    }
}

static void test_shapes_that_do_not_fit_are_refused(void **state)
{
    (void)state;
    AUTO(kernel_fixture) fixture = attention_new(Y, X, W, 3);
    fixture_expect_refusal(fixture, "swin", "kernel-extents");
    fixture_parameter(fixture, "S", 1);
    fixture_parameter(fixture, "W", 2); /* the table is for 3 */
    fixture_expect_refusal(fixture, "swin", "kernel-extents");
    fixture_parameter(fixture, "W", 4);
    fixture_expect_refusal(fixture, "swin", "kernel-extents");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shifted_windows_are_those_of_the_picture),
        cmocka_unit_test(test_other_regions_get_minus_100_not_infinity),
        cmocka_unit_test(test_one_window_is_attention_with_a_bias),
        cmocka_unit_test(test_window_of_one_returns_the_value),
        cmocka_unit_test(test_shapes_that_do_not_fit_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
