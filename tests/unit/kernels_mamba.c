/* The selective scan, a recurrence, against its unrolled double sum in long
 * double; with constant parameters it is a geometric series. */
#include "tests/kernel_fixture.h"

enum { B = 2, N = 9, I = 3, S = 4 };

static struct kernel_fixture *scan_new(bool has_all)
{
    struct kernel_fixture *fixture =
        kernel_fixture_new(1, "blin", (const int[]){B, N, I, S});
    fixture_input(fixture, "X", "bli", 1.0);
    double *dt = fixture_input(fixture, "DT", "bli", 0.5);
    double *a = fixture_input(fixture, "A", "in", 1.0);
    fixture_input(fixture, "B", "bln", 1.0);
    fixture_input(fixture, "C", "bln", 1.0);
    fixture_result(fixture, "Y", "bli");
    if (has_all) {
        fixture_input(fixture, "D", "i", 1.0);
        fixture_input(fixture, "Z", "bli", 1.0);
    }
    for (int i = 0; i < B * N * I; i++) {
        dt[i] = fabs(dt[i]);
    }
    for (int i = 0; i < I * S; i++) {
        a[i] = -fabs(a[i]);
    }
    return fixture;
}

/* y[t] = sum over j <= t, n of C[t,n] exp(A[n] sum of dt in (j, t]) dt[j] B[j,n]
 * x[j]. */
static long double unrolled(const struct kernel_fixture *fixture, int b, int t,
                            int i)
{
    const double *x = &fixture->tensors[0].value[b * N * I];
    const double *dt = &fixture->tensors[1].value[b * N * I];
    const double *a = &fixture->tensors[2].value[i * S];
    const double *in = &fixture->tensors[3].value[b * N * S];
    const double *out = &fixture->tensors[4].value[b * N * S];
    long double y = 0.0L;
    long double time = 0.0L;
    for (int j = t; j >= 0; j--) {
        for (int n = 0; n < S; n++) {
            y += (long double)out[t * S + n] * expl((long double)a[n] * time) *
                 (long double)dt[j * I + i] * (long double)in[j * S + n] *
                 (long double)x[j * I + i];
        }
        time += (long double)dt[j * I + i];
    }
    return y;
}

static void check(bool has_all)
{
    AUTO(kernel_fixture) fixture = scan_new(has_all);
    long double exact[B * N * I];
    fixture_run(fixture, "mamba");
    for (int j = 0; j < B * N * I; j++) {
        exact[j] = unrolled(fixture, j / (N * I), j / I % N, j % I);
        if (has_all) {
            long double x = (long double)fixture->tensors[0].value[j];
            long double d = (long double)fixture->tensors[6].value[j % I];
            long double z = (long double)fixture->tensors[7].value[j];
            exact[j] = (exact[j] + d * x) * z / (1.0L + expl(-z));
        }
    }
    assert_exact_within_bounds(fixture, exact, 1e-12);
}

static void test_recurrence_is_the_unrolled_sum(void **state)
{
    (void)state;
    check(false);
}

static void test_skip_and_gate_are_applied(void **state)
{
    (void)state;
    check(true);
}

static void test_constant_parameters_are_a_geometric_series(void **state)
{
    (void)state;
    AUTO(kernel_fixture) fixture = scan_new(false);
    const double constants[5] = {2.0, 0.25, -1.5, 0.5, 3.0};
    for (int i = 0; i < 5; i++) {
        int count = i == 2 ? I * S : i < 2 ? B * N * I : B * N * S;
        for (int j = 0; j < count; j++) {
            fixture->tensors[i].value[j] = constants[i];
        }
    }
    fixture_run(fixture, "mamba");
    long double ratio = expl(-1.5L * 0.25L);
    for (int j = 0; j < B * N * I; j++) {
        /* S times C dt B x (1 - ratio^(t+1)) / (1 - ratio). */
        long double sum = (long double)S * 3.0L * 0.25L * 0.5L * 2.0L *
                          (1.0L - powl(ratio, (long double)(j / I % N + 1))) /
                          (1.0L - ratio);
        assert_true(fabsl(sum - (long double)fixture->result[j]) <=
                    (long double)fixture->error[j]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_recurrence_is_the_unrolled_sum),
        cmocka_unit_test(test_skip_and_gate_are_applied),
        cmocka_unit_test(test_constant_parameters_are_a_geometric_series),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
