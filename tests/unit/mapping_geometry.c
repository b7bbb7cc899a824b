/* How many values an affine index takes: counted by visiting them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "mapping/builder.h"

#define MAX_VALUES 4096

/* Distinct values of the index, ranks 0..2. */
static int64_t visit(const struct affine *index, const int64_t *extent,
                     int64_t *range)
{
    bool seen[MAX_VALUES] = {false};
    int64_t low = MAX_VALUES;
    int64_t high = 0;
    int64_t count = 0;
    for (int64_t i = 0; i < extent[0]; i++) {
        for (int64_t j = 0; j < extent[1]; j++) {
            for (int64_t k = 0; k < extent[2]; k++) {
                int64_t value = MAX_VALUES / 2 + index->constant +
                                i * index->coefficient[0] +
                                j * index->coefficient[1] +
                                k * index->coefficient[2];
                assert_in_range(value, 0, MAX_VALUES - 1);
                count += !seen[value];
                seen[value] = true;
                low = MIN(low, value);
                high = MAX(high, value);
            }
        }
    }
    *range = high - low + 1;
    return count;
}

static void set_extents(int64_t *extent, int64_t a, int64_t b, int64_t c)
{
    for (int r = 0; r < EINSUM_MAX_RANKS; r++) {
        extent[r] = 1;
    }
    extent[0] = a;
    extent[1] = b;
    extent[2] = c;
}

/* m2*S2 + m1*S1 + m0, tiles of any size: what splitting a rank gives. */
static void test_split_ranks_are_counted_exactly(void **state)
{
    (void)state;
    for (int64_t s1 = 1; s1 <= 6; s1++) {
        for (int64_t s2 = s1; s2 <= 24; s2 += s1) {
            for (int tile = 0; tile < 5 * 4 * 4; tile++) {
                int64_t extent[EINSUM_MAX_RANKS];
                set_extents(extent, MIN(1 + tile % 5, s1),
                            MIN(1 + tile / 5 % 4, s2 / s1), 1 + tile / 20);
                struct affine index = {.constant = 3,
                                       .coefficient = {1, s1, s2}};
                int64_t range = 0;
                assert_int_equal(affine_count_values(&index, extent),
                                 visit(&index, extent, &range));
            }
        }
    }
}

/* x*S + w: strided windows, with overlap and without. */
static void test_windows_are_counted_exactly(void **state)
{
    (void)state;
    for (int64_t stride = 1; stride <= 5; stride++) {
        for (int64_t width = 1; width <= 7; width++) {
            for (int64_t count = 1; count <= 6; count++) {
                int64_t extent[EINSUM_MAX_RANKS];
                set_extents(extent, count, width, 1);
                struct affine index = {.coefficient = {stride, 1}};
                int64_t range = 0;
                assert_int_equal(affine_count_values(&index, extent),
                                 visit(&index, extent, &range));
                index.coefficient[1] = -1;
                assert_int_equal(affine_count_values(&index, extent),
                                 visit(&index, extent, &range));
            }
        }
    }
}

/* Whatever the coefficients: never too few, never more than the range. */
static void test_any_index_is_bounded(void **state)
{
    (void)state;
    GRand *rand = g_rand_new_with_seed(7);
    for (int i = 0; i < 5000; i++) {
        int64_t extent[EINSUM_MAX_RANKS];
        set_extents(extent, g_rand_int_range(rand, 1, 6),
                    g_rand_int_range(rand, 1, 6), g_rand_int_range(rand, 1, 6));
        struct affine index = {.constant = g_rand_int_range(rand, -5, 6)};
        for (int r = 0; r < 3; r++) {
            index.coefficient[r] = g_rand_int_range(rand, -20, 21);
        }
        int64_t range = 0;
        int64_t count = visit(&index, extent, &range);
        assert_in_range(affine_count_values(&index, extent), count, range);
    }
    g_rand_free(rand);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_split_ranks_are_counted_exactly),
        cmocka_unit_test(test_windows_are_counted_exactly),
        cmocka_unit_test(test_any_index_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
