/* CLEAR attention against long double with the disk drawn as a picture. */
#include "tests/kernel_fixture.h"

enum { T = 2, Y = 4, X = 5, S = T + Y * X, E = 4, F = 3 };

/* Keys of the image that the query in the middle of the picture sees: those
 * nearer than 3, so not the four that are 3 away, and all at (2,2). */
static const char *const disk[] = {
    ".......", ".#####.", ".#####.", ".#####.", ".#####.", ".#####.", ".......",
};

static struct kernel_fixture *attention_new(int64_t radius)
{
    struct kernel_fixture *fixture =
        kernel_fixture_new(7, "hpmef", (const int[]){2, S, S, E, F});
    fixture_input(fixture, "Q", "hpe", 1.0);
    fixture_input(fixture, "K", "hme", 1.0);
    fixture_input(fixture, "V", "hmf", 1.0);
    fixture_result(fixture, "AV", "hpf");
    fixture_parameter(fixture, "T", T);
    fixture_parameter(fixture, "X", X);
    fixture_parameter(fixture, "R", radius);
    return fixture;
}

static long double picture(int p, int m, const void *data)
{
    (void)data;
    if (p < T || m < T) {
        return 0.0L;
    }
    int row = (m - T) / X - (p - T) / X + 3;
    int column = (m - T) % X - (p - T) % X + 3;
    bool is_drawn = row >= 0 && row < 7 && column >= 0 && column < 7 &&
                    disk[row][column] == '#';
    return is_drawn ? 0.0L : -HUGE_VALL;
}

static void test_keys_are_those_of_the_picture(void **state)
{
    (void)state;
    AUTO(kernel_fixture) fixture = attention_new(3);
    struct oracle oracle = {S, S, E, F, picture, NULL};
    long double exact[2 * S * F];
    fixture_run(fixture, "clear");
    for (int h = 0; h < 2; h++) {
        oracle_attend(&oracle, &fixture->tensors[0].value[h * S * E],
                      &fixture->tensors[1].value[h * S * E],
                      &fixture->tensors[2].value[h * S * F], &exact[h * S * F]);
    }
    assert_exact_within_bounds(fixture, exact, 1e-13);
}

static void test_a_disk_beyond_the_image_is_full_attention(void **state)
{
    (void)state;
    AUTO(kernel_fixture) fixture = attention_new(6);
    fixture_run(fixture, "softmax-attention");
    g_autofree double *value = fixture_copy(fixture, fixture->result);
    g_autofree double *error = fixture_copy(fixture, fixture->error);
    fixture_run(fixture, "clear");
    assert_agrees(fixture, value, error, 1e-13);
}

static void test_the_image_must_be_whole_rows(void **state)
{
    (void)state;
    AUTO(kernel_fixture) fixture = attention_new(3);
    fixture_parameter(fixture, "X", 3);
    fixture_expect_refusal(fixture, "clear", "kernel-extents");
    fixture_parameter(fixture, "X", X);
    fixture_parameter(fixture, "T", S + 1);
    fixture_expect_refusal(fixture, "clear", "kernel-extents");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keys_are_those_of_the_picture),
        cmocka_unit_test(test_a_disk_beyond_the_image_is_full_attention),
        cmocka_unit_test(test_the_image_must_be_whole_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
