/* Reductions keyed by an index tensor, and tensors made from index values. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/einsum_text.h"

enum { N = 7, G = 3, T = 4 };

/* Softmax within each segment: maximum and sum are scattered, then gathered. */
static void test_softmax_of_segments_keyed_by_an_index_tensor(void **state)
{
    (void)state;
    struct loaded loaded =
        load_cascade("N: 7, G: 3", "S: \"[n]\", SEG: \"[n] in 0..G-1\"",
                     "MX[g=SEG[n]] = max(n) S[n]\n"
                     "E[n] = exp(S[n] - MX[SEG[n]])\n"
                     "SD[g=SEG[n]] = sum(n) E[n]\n"
                     "A[n] = E[n] / SD[SEG[n]]\n"
                     "C[g=SEG[n]] = 1",
                     "A, C");
    for (uint64_t seed = 1; seed <= 5; seed++) {
        struct einsum_data *data = new_data(&loaded, seed % 2 == 0, seed);
        run_all(&loaded, data);
        const double *s = values_of(&loaded, data, "S")->value;
        const double *segment = values_of(&loaded, data, "SEG")->value;
        double total[G] = {0.0};
        double count[G] = {0.0};
        for (int n = 0; n < N; n++) {
            total[(int)segment[n]] += exp(s[n]);
            count[(int)segment[n]] += 1.0;
        }
        for (int n = 0; n < N; n++) {
            double expected = exp(s[n]) / total[(int)segment[n]];
            double found = values_of(&loaded, data, "A")->value[n];
            assert_true(fabs(found - expected) <= 1e-13);
        }
        for (int g = 0; g < G; g++) {
            double found = values_of(&loaded, data, "C")->value[g];
            assert_true(fabs(found - count[g]) <= 0.0);
        }
        einsum_data_free(data);
    }
    loaded_clear(&loaded);
}

static void test_tensors_made_from_index_values(void **state)
{
    (void)state;
    struct loaded loaded =
        load_cascade("T: 4, I: 4", "X: \"[t]\"",
                     "DECAY[t,i] = pow(0.5, index(t-i)) where i <= t\n"
                     "LOWER[t,i] = select(index(max(t-i+1, 0)), 1, 0)\n"
                     "SIGN[t]    = 1 - 2*index(t mod 2)\n"
                     "LOG[t]     = log(index(t+1))\n"
                     "Y[t]       = SIGN[t] * X[t]",
                     "DECAY, LOWER, LOG, Y");
    struct einsum_data *data = new_data(&loaded, true, 1);
    run_all(&loaded, data);
    const double *x = values_of(&loaded, data, "X")->value;
    for (int t = 0; t < T; t++) {
        for (int i = 0; i < T; i++) {
            double decay = values_of(&loaded, data, "DECAY")->value[t * T + i];
            double lower = values_of(&loaded, data, "LOWER")->value[t * T + i];
            assert_true(fabs(decay - (i <= t ? pow(0.5, t - i) : 0.0)) <= 0.0);
            assert_true(fabs(lower - (i <= t ? 1.0 : 0.0)) <= 0.0);
        }
        double y = values_of(&loaded, data, "Y")->value[t];
        assert_true(fabs(y - (t % 2 == 0 ? x[t] : -x[t])) <= 0.0);
        assert_true(fabs(values_of(&loaded, data, "LOG")->value[t] -
                         log(t + 1.0)) <= 1e-15);
    }
    einsum_data_free(data);
    loaded_clear(&loaded);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_softmax_of_segments_keyed_by_an_index_tensor),
        cmocka_unit_test(test_tensors_made_from_index_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
