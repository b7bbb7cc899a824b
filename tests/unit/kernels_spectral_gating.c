/* Spectral gating against long double as the circular convolution that it is;
 * a filter of ones changes nothing. */
#include "tests/kernel_fixture.h"

enum { B = 2, C = 2, MOST = 6 };

static struct kernel_fixture *gating_new(int y_count, int x_count)
{
    int extents[] = {B, C, y_count, x_count, y_count, x_count / 2 + 1};
    struct kernel_fixture *fixture = kernel_fixture_new(4, "bcyxuv", extents);
    fixture_input(fixture, "I", "byxc", 1.0);
    fixture_input(fixture, "W_RE", "uvc", 1.0);
    fixture_input(fixture, "W_IM", "uvc", 1.0);
    fixture_result(fixture, "R", "byxc");
    return fixture;
}

/* The filter in space, at distance (y,x). */
static long double filter(const struct kernel_fixture *fixture, int y, int x,
                          int c)
{
    int y_count = (int)fixture->extent['y' - 'a'];
    int x_count = (int)fixture->extent['x' - 'a'];
    int v_count = x_count / 2 + 1;
    long double sum = 0.0L;
    for (int i = 0; i < y_count * v_count; i++) {
        int v = i % v_count;
        long double angle =
            2.0L * acosl(-1.0L) *
            ((long double)(i / v_count * y) / (long double)y_count +
             (long double)(v * x) / (long double)x_count);
        long double term =
            (long double)fixture->tensors[1].value[i * C + c] * cosl(angle) -
            (long double)fixture->tensors[2].value[i * C + c] * sinl(angle);
        sum += v == 0 || 2 * v == x_count ? term : 2.0L * term;
    }
    return sum / (long double)(y_count * x_count);
}

static void check(int y_count, int x_count)
{
    AUTO(kernel_fixture) fixture = gating_new(y_count, x_count);
    int n_count = y_count * x_count;
    long double exact[B * MOST * MOST * C] = {0.0L};
    fixture_run(fixture, "spectral-gating");
    for (int i = 0; i < B * n_count * C; i++) {
        int b = i / C / n_count;
        int to = i / C % n_count;
        for (int from = 0; from < n_count; from++) {
            exact[i] += filter(fixture, to / x_count - from / x_count,
                               to % x_count - from % x_count, i % C) *
                        (long double)fixture->tensors[0]
                            .value[(b * n_count + from) * C + i % C];
        }
    }
    assert_exact_within_bounds(fixture, exact, 1e-12);
}

static void test_gating_is_a_circular_convolution(void **state)
{
    (void)state;
    check(4, 6);
    check(3, 5);
    check(1, 2);
    check(6, 1);
}

static void test_a_filter_of_ones_changes_nothing(void **state)
{
    (void)state;
    AUTO(kernel_fixture) fixture = gating_new(5, 4);
    for (int i = 0; i < 5 * 3 * C; i++) {
        fixture->tensors[1].value[i] = 1.0;
        fixture->tensors[2].value[i] = 0.0;
    }
    fixture_run(fixture, "spectral-gating");
    for (int i = 0; i < B * 5 * 4 * C; i++) {
        assert_true(fabs(fixture->result[i] - fixture->tensors[0].value[i]) <=
                    fixture->error[i]);
        assert_true(fixture->error[i] < 1e-13);
    }
}

static void test_the_filter_must_fit_the_map(void **state)
{
    (void)state;
    AUTO(kernel_fixture) fixture = gating_new(4, 6);
    fixture->tensors[1].extent[1] = fixture->tensors[2].extent[1] = 3;
    fixture_expect_refusal(fixture, "spectral-gating", "kernel-extents");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gating_is_a_circular_convolution),
        cmocka_unit_test(test_a_filter_of_ones_changes_nothing),
        cmocka_unit_test(test_the_filter_must_fit_the_map),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
