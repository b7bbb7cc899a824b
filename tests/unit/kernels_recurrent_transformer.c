/* The recurrent layer against long double, from scratch for each token; one
 * token alone; without WO it gives back what it got. */
#include "tests/kernel_fixture.h"

enum { B = 2, S = 5, H = 2, D = 4, E = 3, F = 2 };

static struct kernel_fixture *layer_new(double output_scale)
{
    struct kernel_fixture *fixture =
        kernel_fixture_new(8, "bshdef", (const int[]){B, S, H, D, E, F});
    fixture_input(fixture, "X", "bsd", 1.0);
    fixture_input(fixture, "WQ", "hed", 0.5);
    fixture_input(fixture, "WK", "hed", 0.5);
    fixture_input(fixture, "WV", "hfd", 0.5);
    fixture_input(fixture, "WO", "hfd", output_scale);
    fixture_result(fixture, "Y", "bsd");
    return fixture;
}

/* Row `row` of weight tensor `which` times a token. */
static long double project(const struct kernel_fixture *fixture, int which,
                           int row, const long double *token)
{
    long double sum = 0.0L;
    for (int d = 0; d < D; d++) {
        sum +=
            (long double)fixture->tensors[which].value[row * D + d] * token[d];
    }
    return sum;
}

static long double power(const struct kernel_fixture *fixture, int head,
                         const long double *query, const long double *key)
{
    long double sum = 0.0L;
    for (int e = 0; e < E; e++) {
        sum += project(fixture, 1, head * E + e, query) *
               project(fixture, 2, head * E + e, key);
    }
    return expl(sum);
}

/* y[t] from x and y[0] to y[t-1], all [.][d]. */
static void step(const struct kernel_fixture *fixture, int t,
                 const long double *x, long double *y)
{
    memcpy(&y[t * D], &x[t * D], D * sizeof(long double));
    for (int i = 0; i < H * F; i++) {
        long double all = 0.0L;
        long double mean = 0.0L;
        for (int k = 0; k <= t; k++) {
            const long double *seen = k == t ? &x[t * D] : &y[k * D];
            long double weight = power(fixture, i / F, &x[t * D], seen);
            all += weight;
            mean += weight * project(fixture, 3, i, seen);
        }
        for (int d = 0; d < D; d++) {
            y[t * D + d] +=
                (long double)fixture->tensors[4].value[i * D + d] * mean / all;
        }
    }
}

static void test_values_lie_within_bounds(void **state)
{
    (void)state;
    AUTO(kernel_fixture) fixture = layer_new(0.5);
    long double x[B * S * D];
    long double exact[B * S * D];
    fixture_run(fixture, "recurrent-transformer");
    for (int i = 0; i < B * S * D; i++) {
        x[i] = (long double)fixture->tensors[0].value[i];
    }
    for (int b = 0; b < B; b++) {
        for (int t = 0; t < S; t++) {
            /* y[t] is x[t] while it is computed. */
            long double copy[S * D];
            memcpy(copy, &exact[b * S * D], sizeof(copy));
            step(fixture, t, &x[b * S * D], copy);
            memcpy(&exact[(b * S + t) * D], &copy[t * D],
                   D * sizeof(long double));
        }
    }
    assert_exact_within_bounds(fixture, exact, 1e-11);
}

static void test_without_output_weights_nothing_changes(void **state)
{
    (void)state;
    AUTO(kernel_fixture) fixture = layer_new(0.0);
    fixture_run(fixture, "recurrent-transformer");
    for (int i = 0; i < B * S * D; i++) {
        assert_true(fabs(fixture->result[i] - fixture->tensors[0].value[i]) <=
                    0.0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values_lie_within_bounds),
        cmocka_unit_test(test_without_output_weights_nothing_changes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
