/* BigBird against long double with the block pattern drawn as a picture; what
 * its random blocks may be. */
#include "tests/kernel_fixture.h"

enum { P = 18, M = 12, E = 5, F = 3, L = 6, R = 1 };

/* Blocks 1 to 4 have one random block each. */
static const double random_blocks[L] = {3.0, 4.0, 4.0, 1.0, 0.0, 2.0};
static const char *const pattern[L] = {
    "######", /* global rows */
    "###.##", /* window 0-2, global 5, random 4 */
    "######", /* window 1-3, random 4 */
    "######", /* window 2-4, random 1 */
    "#..###", /* window 3-5, random 0, which is global already */
    "######",
};

static struct kernel_fixture *attention_new(void)
{
    struct kernel_fixture *fixture =
        kernel_fixture_new(1, "pmeflr", (const int[]){P, M, E, F, L, R});
    fixture_input(fixture, "Q", "pe", 1.0);
    fixture_input(fixture, "K", "me", 1.0);
    fixture_input(fixture, "V", "mf", 1.0);
    fixture_result(fixture, "AV", "pf");
    double *blocks = fixture_input(fixture, "R", "lr", 1.0);
    memcpy(blocks, random_blocks, sizeof(random_blocks));
    return fixture;
}

static long double picture(int p, int m, const void *data)
{
    (void)data;
    return pattern[p / (P / L)][m / (M / L)] == '#' ? 0.0L : -HUGE_VALL;
}

static void test_blocks_are_those_of_the_picture(void **state)
{
    (void)state;
    AUTO(kernel_fixture) fixture = attention_new();
    struct oracle oracle = {P, M, E, F, picture, NULL};
    long double exact[P * F];
    fixture_run(fixture, "bigbird");
    oracle_attend(&oracle, fixture->tensors[0].value, fixture->tensors[1].value,
                  fixture->tensors[2].value, exact);
    assert_exact_within_bounds(fixture, exact, 1e-13);
}

static void test_three_blocks_are_full_attention(void **state)
{
    (void)state;
    AUTO(kernel_fixture) fixture = attention_new();
    fixture->tensors[4].extent[0] = 3;
    memset(fixture->tensors[4].value, 0, 3 * sizeof(double));
    fixture_run(fixture, "softmax-attention");
    g_autofree double *value = fixture_copy(fixture, fixture->result);
    g_autofree double *error = fixture_copy(fixture, fixture->error);
    fixture_run(fixture, "bigbird");
    assert_agrees(fixture, value, error, 1e-13);
}

static void test_random_blocks_must_be_integers_in_range(void **state)
{
    (void)state;
    const double wrong[] = {-1.0, L, 1.5, (double)NAN, HUGE_VAL, -0.25};
    for (size_t i = 0; i < G_N_ELEMENTS(wrong); i++) {
        AUTO(kernel_fixture) fixture = attention_new();
        fixture->tensors[4].value[3] = wrong[i];
        fixture_expect_refusal(fixture, "bigbird", "kernel-index");
    }
}

static void test_blocks_must_be_equal(void **state)
{
    (void)state;
    AUTO(kernel_fixture) fixture = attention_new();
    fixture->tensors[4].extent[0] = 5;
    fixture_expect_refusal(fixture, "bigbird", "kernel-extents");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_blocks_are_those_of_the_picture),
        cmocka_unit_test(test_three_blocks_are_full_attention),
        cmocka_unit_test(test_random_blocks_must_be_integers_in_range),
        cmocka_unit_test(test_blocks_must_be_equal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
