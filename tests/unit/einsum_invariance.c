/* Tensors that a result does not depend on: found where softmax subtracts them,
 * not found where a correction is missing or the result shows them; and a result
 * that is computed with others in their place is the same within the bounds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>

#include "tests/unit/einsum_text.h"

#define SHAPES "P: 3, M: 12, M0: 4, E: 5, F: 2"
#define INPUTS "Q: \"[p,e]\", K: \"[m,e]\", V: \"[m,f]\""

/* Running maximum and sum, the result from `last` line. */
#define ONLINE(correction, maximum, last)                                      \
    "BK[m1,m0,e] = K[m1*M0+m0,e]\n"                                            \
    "BV[m1,m0,f] = V[m1*M0+m0,f]\n"                                            \
    "QK[m1,m0,p] = Q[p,e] * BK[m1,m0,e]\n"                                     \
    "LM[m1,p] = max(m0) QK[m1,m0,p]\n"                                         \
    "RM[0,p] = -inf\n"                                                         \
    "RM[m1+1,p] = " maximum "\n"                                               \
    "SLN[m1,m0,p] = exp(QK[m1,m0,p] - RM[m1+1,p])\n"                           \
    "SLNV[m1,f,p] = SLN[m1,m0,p] * BV[m1,m0,f]\n"                              \
    "SLD[m1,p] = SLN[m1,m0,p]\n"                                               \
    "PRM[m1,p] = exp(RM[m1,p] - RM[m1+1,p])\n"                                 \
    "RD[0,p] = 0\n"                                                            \
    "RD[m1+1,p] = RD[m1,p] * " correction " + SLD[m1,p]\n"                     \
    "RNV[0,f,p] = 0\n"                                                         \
    "RNV[m1+1,f,p] = RNV[m1,f,p] * PRM[m1,p] + SLNV[m1,f,p]\n" last
#define RUNNING "max(RM[m1,p], LM[m1,p])"
#define DIVIDED "AV[f,p] = RNV[M1,f,p] / RD[M1,p]"

static struct einsum_data *run(const struct loaded *loaded)
{
    struct einsum_data *data = NULL;
    assert_int_equal(
        einsum_data_new(loaded->workload, true, loaded->diags, &data), OK);
    einsum_fill_inputs(loaded->workload, 7, data);
    assert_int_equal(einsum_run(loaded->workload, loaded->diags, data), OK);
    return data;
}

static bool is_free(const struct loaded *loaded, const struct einsum_data *data,
                    const char *tensor)
{
    return data->is_free[workload_find_tensor(loaded->workload, tensor)];
}

static void check(const char *einsums, const char *output, const char *tensor,
                  bool wanted)
{
    struct loaded loaded = load_cascade(SHAPES, INPUTS, einsums, output);
    AUTO(einsum_data) data = run(&loaded);
    assert_int_equal(is_free(&loaded, data, tensor), wanted);
    int out = workload_find_tensor(loaded.workload, output);
    assert_false(data->is_relative[out]);
    assert_true(data->tensors[out].error[0] > 0.0);
    loaded_clear(&loaded);
}

static void test_running_maximum_is_free(void **state)
{
    (void)state;
    check(ONLINE("PRM[m1,p]", RUNNING, DIVIDED), "AV", "RM", true);
}

static void test_without_the_correction_it_is_not(void **state)
{
    (void)state;
    check(ONLINE("1", RUNNING, DIVIDED), "AV", "RM", false);
}

static void test_where_the_result_shows_it_it_is_not(void **state)
{
    (void)state;
    check(ONLINE("PRM[m1,p]", RUNNING, DIVIDED " * RM[M1,p]"), "AV", "RM",
          false);
}

/* log(RD) + RM: the logarithm of the sum of exponentials. */
static void test_it_cancels_in_a_logarithm(void **state)
{
    (void)state;
    check(ONLINE("PRM[m1,p]", RUNNING,
                 DIVIDED "\nL[p] = log(RD[M1,p]) + RM[M1,p]"),
          "L", "RM", true);
}

static void test_stale_maximum_is_not(void **state)
{
    (void)state;
    check("QK[m,p] = Q[p,e] * K[m,e]\n"
          "GM[p] = max(m) QK[m,p]\n"
          "SN[m,p] = exp(QK[m,p] - GM[p])\n"
          "SD[p] = exp(QK[m,p])\n"
          "AV[f,p] = SN[m,p] * V[m,f] / SD[p]",
          "AV", "GM", false);
}

/* Any other numbers in its place give the same result, within the bounds. */
static void test_other_numbers_give_the_same(void **state)
{
    (void)state;
    struct loaded a = load_cascade(SHAPES, INPUTS,
                                   ONLINE("PRM[m1,p]", RUNNING, DIVIDED), "AV");
    struct loaded b = load_cascade(
        SHAPES, INPUTS,
        ONLINE("PRM[m1,p]", "0.5 * LM[m1,p] + 0.1 * Q[p,0]", DIVIDED), "AV");
    AUTO(einsum_data) one = run(&a);
    AUTO(einsum_data) other = run(&b);
    int out_a = workload_find_tensor(a.workload, "AV");
    int out_b = workload_find_tensor(b.workload, "AV");
    for (int64_t i = 0; i < a.workload->tensors[out_a].element_count; i++) {
        double difference =
            fabs(one->tensors[out_a].value[i] - other->tensors[out_b].value[i]);
        assert_true(difference <= one->tensors[out_a].error[i] +
                                      other->tensors[out_b].error[i]);
    }
    loaded_clear(&a);
    loaded_clear(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_running_maximum_is_free),
        cmocka_unit_test(test_without_the_correction_it_is_not),
        cmocka_unit_test(test_where_the_result_shows_it_it_is_not),
        cmocka_unit_test(test_it_cancels_in_a_logarithm),
        cmocka_unit_test(test_stale_maximum_is_not),
        cmocka_unit_test(test_other_numbers_give_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
