/* What the analyses say to statements beyond affine accesses: predicates count
 * the points that exist, what is not followed is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "mapping/mapping.h"
#include "tests/unit/einsum_text.h"

static void test_passes_count_the_points_that_exist(void **state)
{
    (void)state;
    AUTO(pass_analysis) analysis = NULL;
    struct loaded loaded =
        load_cascade("P: 6, M: 6, E: 4", "Q: \"[p,e]\", K: \"[m,e]\"",
                     "S[p,m] = Q[p,e] * K[m,e] where m <= p", "S");
    assert_int_equal(
        pass_analysis_new(loaded.workload, 2, loaded.diags, &analysis), OK);
    assert_int_equal(analysis->ops[EINSUM_MAC], 21 * 4);
    g_clear_pointer(&analysis, pass_analysis_free);
    loaded_clear(&loaded);
}

static void test_passes_say_what_data_decides(void **state)
{
    (void)state;
    static const struct {
        const char *einsum;
        const char *assumption; /* NULL: none */
    } cases[] = {
        {"Y[n,d] = X[n,d] * 2 where d <= IDX[n]",
         "the condition of 'Y' on data holds everywhere"},
        {"Y[n,d] = X[zero(n-1),d] * IDX[n]", NULL},
        {"Y[n,d] = X[clamp(IDX[n]),d] * 2",
         "'Y' may gather any element of 'X' along 'n'"},
        {"Y[c=IDX[n],d] = X[n,d]", "'Y' may write any element along 'c'"},
        {"Y[n] = argmax(d) X[n,d] * IDX[n]", NULL},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        struct pass_analysis *analysis = NULL;
        struct loaded loaded =
            load_cascade("N: 6, C: 4, D: 3", "X: \"[n,d]\", IDX: \"[n]\"",
                         cases[i].einsum, "Y");
        assert_int_equal(
            pass_analysis_new(loaded.workload, 2, loaded.diags, &analysis), OK);
        assert_int_equal(analysis->assumptions->len,
                         cases[i].assumption == NULL ? 0 : 1);
        if (cases[i].assumption != NULL) {
            assert_string_equal(g_ptr_array_index(analysis->assumptions, 0),
                                cases[i].assumption);
        }
        pass_analysis_free(analysis);
        loaded_clear(&loaded);
    }
}

static void test_mappings_say_what_data_decides(void **state)
{
    (void)state;
    AUTO(mapping) mapping = NULL;
    AUTO(plan) plan = NULL;
    AUTO(arch) arch = NULL;
    struct loaded loaded = load_cascade(
        "B: 1, H: 1, P: 8, M: 8, E: 4, F: 4",
        "Q: \"[b,h,p,e]\", K: \"[b,h,m,e]\", V: \"[b,h,m,f]\"",
        "QK[b,h,m,p] = Q[b,h,p,e] * K[b,h,m,e] where K[b,h,m,e] > 0\n"
        "GM[b,h,p] = max(m) QK[b,h,m,p]\n"
        "SN[b,h,m,p] = exp(QK[b,h,m,p] - GM[b,h,p])\n"
        "SD[b,h,p] = sum(m) SN[b,h,m,p]\n"
        "A[b,h,m,p] = SN[b,h,m,p] / SD[b,h,p]\n"
        "AV[b,h,f,p] = A[b,h,m,p] * V[b,h,m,f]",
        "AV");
    loaded.workload->name = "attention-3pass";
    assert_int_equal(
        mapping_load_file(loaded.diags, "mappings/unfused.yaml", &mapping), OK);
    assert_int_equal(arch_load_file(loaded.diags,
                                    "arch-configs/flat-cloud.yaml", NULL,
                                    &arch),
                     OK);
    assert_int_equal(
        plan_bind(mapping, loaded.workload, arch, NULL, loaded.diags, &plan),
        OK);
    assert_int_equal(plan->notes->len, 1);
    assert_string_equal(g_ptr_array_index(plan->notes, 0),
                        "conditions of 'QK' on data are counted as if they "
                        "held");
    loaded_clear(&loaded);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_passes_count_the_points_that_exist),
        cmocka_unit_test(test_passes_say_what_data_decides),
        cmocka_unit_test(test_mappings_say_what_data_decides),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
