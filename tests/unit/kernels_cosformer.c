/* cosFormer, computed with the cosine of the distance, against its linear form
 * in long double, with sine and cosine features and the released code's index
 * that starts at 1. */
#include "tests/kernel_fixture.h"

enum { H = 2, P = 6, E = 5, F = 3 };

struct state {
    long double kv[2][E][F];
    long double ks[2][E];
};

static struct kernel_fixture *attention_new(int m_count)
{
    struct kernel_fixture *fixture =
        kernel_fixture_new(1, "hpmef", (const int[]){H, P, m_count, E, F});
    fixture_input(fixture, "Q", "hpe", 1.0);
    fixture_input(fixture, "K", "hme", 1.0);
    fixture_input(fixture, "V", "hmf", 1.0);
    fixture_result(fixture, "AV", "hpf");
    return fixture;
}

static long double feature(double x, int half, int position, int length)
{
    long double angle =
        acosl(0.0L) * (long double)(position + 1) / (long double)length;
    long double relu = x > 0.0 ? (long double)x : 0.0L;
    return relu * (half == 0 ? sinl(angle) : cosl(angle));
}

static void absorb(struct state *state, const double *k, const double *v, int m,
                   int length)
{
    for (int i = 0; i < 2 * E; i++) {
        long double phi = feature(k[i % E], i / E, m, length);
        state->ks[i / E][i % E] += phi;
        for (int f = 0; f < F; f++) {
            state->kv[i / E][i % E][f] += phi * (long double)v[f];
        }
    }
}

static void emit(const struct state *state, const double *q, int p, int length,
                 long double *result)
{
    long double numerator[F] = {0.0L};
    long double denominator = 0.0L;
    for (int i = 0; i < 2 * E; i++) {
        long double phi = feature(q[i % E], i / E, p, length);
        denominator += phi * state->ks[i / E][i % E];
        for (int f = 0; f < F; f++) {
            numerator[f] += phi * state->kv[i / E][i % E][f];
        }
    }
    for (int f = 0; f < F; f++) {
        result[f] = numerator[f] / fmaxl(denominator, (long double)1e-6);
    }
}

static void check(const char *kernel, int m_count, bool is_causal)
{
    AUTO(kernel_fixture) fixture = attention_new(m_count);
    long double exact[H * P * F];
    int length = MAX(P, m_count);
    fixture_run(fixture, kernel);
    for (int h = 0; h < H; h++) {
        struct state state = {0};
        int absorbed = 0;
        for (int p = 0; p < P; p++) {
            for (; absorbed < (is_causal ? p + 1 : m_count); absorbed++) {
                int at = h * m_count + absorbed;
                absorb(&state, &fixture->tensors[1].value[at * E],
                       &fixture->tensors[2].value[at * F], absorbed, length);
            }
            emit(&state, &fixture->tensors[0].value[(h * P + p) * E], p, length,
                 &exact[(h * P + p) * F]);
        }
    }
    assert_exact_within_bounds(fixture, exact, 1e-12);
}

static void test_cosine_of_the_distance_is_the_linear_form(void **state)
{
    (void)state;
    check("cosformer", 9, false);
    check("cosformer", 4, false);
}

static void test_causal_form_is_the_recurrence(void **state)
{
    (void)state;
    check("cosformer-causal", P, true);
}

static void test_vanishing_weights_are_divided_by_the_floor(void **state)
{
    (void)state;
    AUTO(kernel_fixture) fixture = attention_new(4);
    for (int i = 0; i < H * P * E; i++) {
        fixture->tensors[0].value[i] = 1e-9;
    }
    for (int i = 0; i < H * 4 * E; i++) {
        fixture->tensors[1].value[i] = i % E == 0 ? 1.0 : -1.0;
    }
    for (int i = 0; i < H * 4 * F; i++) {
        fixture->tensors[2].value[i] = 1.0;
    }
    fixture_run(fixture, "cosformer");
    /* At most 4 weights of 1e-9, over 1e-6: well below the mean of 1. */
    assert_true(fixture->result[0] > 1e-3 && fixture->result[0] <= 4.1e-3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cosine_of_the_distance_is_the_linear_form),
        cmocka_unit_test(test_causal_form_is_the_recurrence),
        cmocka_unit_test(test_vanishing_weights_are_divided_by_the_floor),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
