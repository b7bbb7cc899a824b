/* Deformable attention against long double, from the four pixels around each
 * position; positions on pixels and outside. */
#include "tests/kernel_fixture.h"

enum { B = 2, H = 2, P = 5, L = 3, T = 2, Y = 4, X = 5, F = 2 };

static const double level_sizes[L * 2] = {5, 4, 3, 2, 1, 1};

static struct kernel_fixture *attention_new(void)
{
    struct kernel_fixture *fixture = kernel_fixture_new(
        6, "bhpltyxfz", (const int[]){B, H, P, L, T, Y, X, F, 2});
    fixture_input(fixture, "V", "bhlyxf", 1.0);
    fixture_input(fixture, "LG", "bhplt", 1.0);
    double *reference = fixture_input(fixture, "REF", "bplz", 0.25);
    for (int i = 0; i < B * P * L * 2; i++) {
        reference[i] += 0.5;
    }
    fixture_input(fixture, "OFF", "bhpltz", 1.0);
    memcpy(fixture_input(fixture, "SZ", "lz", 1.0), level_sizes,
           sizeof(level_sizes));
    fixture_result(fixture, "AV", "bhpf");
    return fixture;
}

static long double pixel(const struct kernel_fixture *fixture, int map, int y,
                         int x, int f)
{
    const double *size = &level_sizes[map % L * 2];
    if (y < 0 || x < 0 || y >= (int)size[1] || x >= (int)size[0]) {
        return 0.0L;
    }
    return (long double)fixture->tensors[0]
        .value[((map * Y + y) * X + x) * F + f];
}

/* The position's component z: pixel and fraction. */
static long double split(const struct kernel_fixture *fixture, int slice,
                         int point, int z, int *whole)
{
    int p = point / (L * T);
    int l = point / T % L;
    long double size = (long double)level_sizes[l * 2 + z];
    long double at = (long double)fixture->tensors[2]
                             .value[((slice / H * P + p) * L + l) * 2 + z] *
                         size +
                     (long double)fixture->tensors[3]
                         .value[(slice * P * L * T + point) * 2 + z] -
                     0.5L;
    *whole = (int)floorl(at);
    return at - floorl(at);
}

static long double sample(const struct kernel_fixture *fixture, int slice,
                          int point, int f)
{
    int map = slice * L + point / T % L;
    int y = 0;
    int x = 0;
    long double below = split(fixture, slice, point, 1, &y);
    long double right = split(fixture, slice, point, 0, &x);
    return (1.0L - below) * ((1.0L - right) * pixel(fixture, map, y, x, f) +
                             right * pixel(fixture, map, y, x + 1, f)) +
           below * ((1.0L - right) * pixel(fixture, map, y + 1, x, f) +
                    right * pixel(fixture, map, y + 1, x + 1, f));
}

static void check(struct kernel_fixture *fixture)
{
    long double exact[B * H * P * F] = {0.0L};
    fixture_run(fixture, "deformable-attention");
    for (int i = 0; i < B * H * P * F; i++) {
        int slice = i / F / P;
        long double all = 0.0L;
        for (int k = 0; k < L * T; k++) {
            int point = i / F % P * L * T + k;
            long double share = expl((long double)fixture->tensors[1]
                                         .value[slice * P * L * T + point]);
            all += share;
            exact[i] += share * sample(fixture, slice, point, i % F);
        }
        exact[i] /= all;
    }
    assert_exact_within_bounds(fixture, exact, 1e-12);
}

static void test_values_lie_within_bounds(void **state)
{
    (void)state;
    AUTO(kernel_fixture) fixture = attention_new();
    check(fixture);
}

/* Interpolation has corners but no jumps: the bound holds there too. */
static void test_positions_may_be_pixels(void **state)
{
    (void)state;
    AUTO(kernel_fixture) fixture = attention_new();
    for (int i = 0; i < B * P * L * 2; i++) {
        fixture->tensors[2].value[i] = 0.5;
    }
    for (int i = 0; i < B * H * P * L * T * 2; i++) {
        fixture->tensors[3].value[i] = 0.5 * (double)(i % 9 - 4);
    }
    check(fixture);
}

static void test_levels_must_be_part_of_the_maps(void **state)
{
    (void)state;
    AUTO(kernel_fixture) fixture = attention_new();
    fixture->tensors[4].value[1] = Y + 1;
    fixture_expect_refusal(fixture, "deformable-attention", "kernel-extents");
    fixture->tensors[4].value[1] = 0.5;
    fixture_expect_refusal(fixture, "deformable-attention", "kernel-index");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values_lie_within_bounds),
        cmocka_unit_test(test_positions_may_be_pixels),
        cmocka_unit_test(test_levels_must_be_part_of_the_maps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
