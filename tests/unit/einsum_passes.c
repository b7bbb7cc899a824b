/* The pass analysis: cascades with known passes, what forces them, what is
 * live. That the counts are right in general is tested against sweeps in
 * tests/differential/passes_brute_force.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/einsum_text.h"

struct analyzed {
    struct loaded loaded;
    struct pass_analysis *analysis;
};

static struct analyzed analyze(struct loaded loaded)
{
    struct analyzed analyzed = {loaded, NULL};
    assert_int_equal(
        pass_analysis_new(loaded.workload, 2, loaded.diags, &analyzed.analysis),
        OK);
    return analyzed;
}

static struct analyzed analyze_file(const char *name)
{
    g_autofree char *path = g_strdup_printf("workloads/%s.yaml", name);
    return analyze(load_workload(path, NULL));
}

static struct analyzed analyze_text(const char *shapes, const char *inputs,
                                    const char *einsums, const char *output)
{
    return analyze(load_cascade(shapes, inputs, einsums, output));
}

static void clear(struct analyzed *analyzed)
{
    pass_analysis_free(analyzed->analysis);
    loaded_clear(&analyzed->loaded);
}

static const struct pass_family *family_of(const struct analyzed *analyzed,
                                           const char *name)
{
    const struct pass_analysis *analysis = analyzed->analysis;
    for (int i = 0; i < analysis->family_count; i++) {
        if (g_str_equal(analysis->families[i].name, name)) {
            return &analysis->families[i];
        }
    }
    fail_msg("no family '%s'", name);
    return NULL;
}

static const struct pass_tensor *tensor_of(const struct analyzed *analyzed,
                                           const char *name)
{
    int tensor = workload_find_tensor(analyzed->loaded.workload, name);
    assert_true(tensor >= 0);
    return &analyzed->analysis->tensors[tensor];
}

static const struct pass_fiber *fiber_of(const struct analyzed *analyzed,
                                         const char *tensor, const char *family)
{
    const struct pass_tensor *t = tensor_of(analyzed, tensor);
    for (int i = 0; i < t->fiber_count; i++) {
        const struct pass_family *f =
            &analyzed->analysis->families[t->fibers[i].family];
        if (g_str_equal(f->name, family)) {
            return &t->fibers[i];
        }
    }
    fail_msg("no fibers of '%s' over '%s'", tensor, family);
    return NULL;
}

static void assert_passes(const struct analyzed *analyzed, const char *tensor,
                          const char *family, int64_t passes)
{
    assert_int_equal(fiber_of(analyzed, tensor, family)->pass_count, passes);
}

/* "2:SN<GM 3:A<SD" */
static void assert_waits(const struct analyzed *analyzed, const char *tensor,
                         const char *family, const char *expected)
{
    const struct pass_fiber *fiber = fiber_of(analyzed, tensor, family);
    const struct workload *workload = analyzed->loaded.workload;
    g_autoptr(GString) text = g_string_new(NULL);
    for (int i = 0; i < fiber->wait_count; i++) {
        const struct pass_wait *wait = &fiber->waits[i];
        g_string_append_printf(text, "%s%d:%s<%s", i > 0 ? " " : "",
                               (int)wait->pass,
                               workload->statements[wait->statement].name,
                               workload->statements[wait->reduction].name);
    }
    assert_string_equal(text->str, expected);
}

/* "QK=M GM=1": tensor and extent, held ones with '*'. */
static void assert_live(const struct analyzed *analyzed, const char *family,
                        const char *expected, const char *peak)
{
    const struct pass_family *f = family_of(analyzed, family);
    const struct workload *workload = analyzed->loaded.workload;
    g_autoptr(GString) text = g_string_new(NULL);
    for (int i = 0; i < f->live_count; i++) {
        g_string_append_printf(text, "%s%s%s=%s", i > 0 ? " " : "",
                               workload->tensors[f->live[i].tensor].name,
                               f->live[i].is_held ? "*" : "",
                               f->live[i].extent);
    }
    assert_string_equal(text->str, expected);
    assert_string_equal(f->peak, peak);
}

/* ---- attention ----------------------------------------------------------- */

static void test_attention_takes_three_two_and_one_passes(void **state)
{
    static const struct {
        const char *name;
        int64_t passes;
    } cascades[] = {{"attention/three-pass", 3},
                    {"attention/three-pass-deferred", 2},
                    {"attention/two-pass", 2},
                    {"attention/one-pass", 1}};
    (void)state;
    for (size_t i = 0; i < G_N_ELEMENTS(cascades); i++) {
        struct analyzed a = analyze_file(cascades[i].name);
        assert_int_equal(a.analysis->pass_count, cascades[i].passes);
        assert_int_equal(family_of(&a, "m")->pass_count, cascades[i].passes);
        assert_int_equal(family_of(&a, "m")->chain_length, cascades[i].passes);
        assert_int_equal(family_of(&a, "p")->pass_count, 1);
        assert_passes(&a, "K", "m", cascades[i].passes);
        assert_passes(&a, "V", "m", 1);
        clear(&a);
    }
}

static void test_what_forces_the_passes_of_attention(void **state)
{
    (void)state;
    struct analyzed three = analyze_file("attention/three-pass");
    assert_waits(&three, "K", "m", "2:SN<GM 3:A<SD");
    assert_waits(&three, "SN", "m", "2:A<SD");
    assert_waits(&three, "V", "m", "");
    clear(&three);
    struct analyzed two = analyze_file("attention/two-pass");
    assert_waits(&two, "K", "m", "2:CN<GM 2:A<GD");
    clear(&two);
}

static void
test_blocks_belong_to_the_family_of_the_rank_they_split(void **state)
{
    (void)state;
    struct analyzed a = analyze_file("attention/one-pass");
    const struct pass_family *m = family_of(&a, "m");
    assert_int_equal(m->rank_count, 3);
    assert_int_equal(a.analysis->family_count, 6);
    assert_true(fiber_of(&a, "QK", "m")->is_whole);
    assert_false(fiber_of(&a, "LM", "m")->is_whole);
    assert_string_equal(fiber_of(&a, "K", "m")->footprint, "M0");
    assert_int_equal(fiber_of(&a, "K", "m")->footprint_elements, 16);
    clear(&a);
}

static void test_views_have_no_fibers_of_their_own(void **state)
{
    (void)state;
    struct analyzed a = analyze_file("attention/one-pass");
    assert_int_equal(tensor_of(&a, "BK")->fiber_count, 0);
    assert_null(tensor_of(&a, "BK")->footprint);
    clear(&a);
}

static void
test_one_pass_attention_carries_what_does_not_depend_on_m(void **state)
{
    (void)state;
    struct analyzed a = analyze_file("attention/one-pass");
    const struct pass_family *m = family_of(&a, "m");
    assert_live(&a, "m", "RM=1 RD=1 RNV=F", "F + 2");
    assert_int_equal(m->peak_elements, 10);
    assert_false(m->grows);
    assert_int_equal(m->per_count, 3);
    assert_false(tensor_of(&a, "K")->grows);
    clear(&a);
}

static void test_three_pass_attention_holds_fibers_of_m(void **state)
{
    (void)state;
    struct analyzed a = analyze_file("attention/three-pass");
    assert_live(&a, "m", "QK*=M SN*=M GM=1 SD=1 AV=F", "M + F + 2");
    assert_int_equal(family_of(&a, "m")->peak_elements, 74);
    assert_true(family_of(&a, "m")->grows);
    assert_string_equal(tensor_of(&a, "QK")->footprint, "M");
    assert_string_equal(tensor_of(&a, "V")->footprint, "1");
    assert_int_equal(tensor_of(&a, "K")->footprint_elements, 64);
    clear(&a);
}

static void test_two_pass_attention_holds_numerators_and_summaries(void **state)
{
    (void)state;
    struct analyzed a = analyze_file("attention/two-pass");
    assert_live(&a, "m", "SLN*=M LM*=M1 SLD*=M1 PRM*=M1 GM=1 GD=1 AV=F",
                "M + 2*M1 + F + 2");
    clear(&a);
}

/* ---- other dependences --------------------------------------------------- */

static void test_linear_attention_takes_one_pass(void **state)
{
    (void)state;
    struct analyzed a = analyze_text("P: 4, M: 5, E: 3, F: 2",
                                     "Q: \"[p,e]\", K: \"[m,e]\", V: \"[m,f]\"",
                                     "KV[e,f] = exp(K[m,e]) * V[m,f]\n"
                                     "KS[e] = exp(K[m,e])\n"
                                     "N[p,f] = exp(Q[p,e]) * KV[e,f]\n"
                                     "D[p] = exp(Q[p,e]) * KS[e]\n"
                                     "AV[p,f] = N[p,f] / D[p]",
                                     "AV");
    assert_int_equal(a.analysis->pass_count, 1);
    assert_live(&a, "m", "KV=F KS=1", "F + 1");
    clear(&a);
}

static void
test_a_product_of_a_product_is_a_chain_but_not_two_passes(void **state)
{
    (void)state;
    struct analyzed a = analyze_text(
        "M: 4, K: 3, N: 2", "A: \"[m,k]\", B: \"[k,n]\", C: \"[n,k]\"",
        "T[m,n] = A[m,k] * B[k,n]\nZ[m,k] = T[m,n] * C[n,k]", "Z");
    assert_int_equal(family_of(&a, "k")->pass_count, 1);
    assert_int_equal(family_of(&a, "k")->chain_length, 2);
    clear(&a);
}

static void test_a_rank_by_another_name_traverses_the_same_fiber(void **state)
{
    (void)state;
    struct analyzed a =
        analyze_text("M: 4, N: 4", "X: \"[m]\"",
                     "S[] = sum(n) X[n]\nY[m] = X[m] / S[]", "Y");
    assert_passes(&a, "X", "m", 2);
    assert_int_equal(family_of(&a, "m")->rank_count, 2);
    assert_string_equal(tensor_of(&a, "X")->footprint, "M");
    clear(&a);
}

static void
test_queries_and_keys_of_one_tensor_are_different_families(void **state)
{
    (void)state;
    struct analyzed a = analyze_text("P: 4, M: 4, D: 2", "X: \"[m,d]\"",
                                     "QK[p,m] = X[p,d] * X[m,d]\n"
                                     "GM[p] = max(m) QK[p,m]\n"
                                     "A[p,m] = exp(QK[p,m] - GM[p])",
                                     "A");
    assert_int_equal(family_of(&a, "p")->pass_count, 1);
    assert_int_equal(family_of(&a, "m")->pass_count, 2);
    clear(&a);
}

static void test_a_window_ends_a_fiber_and_moves_with_its_output(void **state)
{
    (void)state;
    struct analyzed a = analyze_text(
        "Y: 8, X: 10, I: 3", "S: \"[x]\", W: \"[i]\"",
        "C[y] = S[y+i] * W[i]\nG[] = max(y) C[y]\nN[y] = C[y] - G[]", "N");
    assert_passes(&a, "S", "x", 1);
    assert_passes(&a, "C", "x", 2);
    clear(&a);
}

static void test_reading_backwards_waits_for_the_end(void **state)
{
    (void)state;
    struct analyzed a = analyze_text("M: 6", "X: \"[m]\"",
                                     "Y[m] = exp(X[m])\n"
                                     "Z[m] = X[m] * Y[M-1-m]",
                                     "Z");
    assert_passes(&a, "X", "m", 2);
    assert_waits(&a, "X", "m", "2:Z<Y");
    clear(&a);
}

static void test_only_the_end_of_a_recurrence_waits(void **state)
{
    static const char inputs[] = "X: \"[i]\"";
    static const char start[] = "S[0] = 0\nS[i+1] = S[i] + X[i]\n";
    static const struct {
        const char *index;
        int64_t passes;
    } reads[] = {{"i", 1}, {"i+1", 1}, {"0", 1}, {"1", 1}, {"2", 2}, {"I", 2}};
    (void)state;
    for (size_t i = 0; i < G_N_ELEMENTS(reads); i++) {
        g_autofree char *einsums =
            g_strdup_printf("%sY[i] = X[i] * S[%s]", start, reads[i].index);
        struct analyzed a = analyze_text("I: 5", inputs, einsums, "Y");
        assert_passes(&a, "X", "i", reads[i].passes);
        clear(&a);
    }
}

static void test_every_step_of_an_outer_recurrence_is_a_pass(void **state)
{
    static const char inputs[] = "X: \"[p,m]\", R0: \"[p]\"";
    static const char einsums[] = "R[0,p] = 1\n"
                                  "G[i,p] = max(m) X[p,m] * R[i,p]\n"
                                  "R[i+1,p] = sum(m) X[p,m] / G[i,p]\n"
                                  "Y[p] = R[I,p] + R0[p]";
    (void)state;
    struct analyzed few =
        analyze_text("P: 2, M: 3, I: 4", inputs, einsums, "Y");
    assert_passes(&few, "X", "m", 8);
    clear(&few);
    struct analyzed many =
        analyze_text("P: 2, M: 3, I: 1000000", inputs, einsums, "Y");
    assert_passes(&many, "X", "m", 2000000);
    clear(&many);
}

/* D reads what R was before this step, so that both share a pass. */
static void test_a_step_reads_what_the_step_before_left(void **state)
{
    (void)state;
    struct analyzed a =
        analyze_text("P: 2, M: 3, I: 4", "X: \"[p,m]\"",
                     "R[0,p] = 1\n"
                     "S[0,p] = 0\n"
                     "R[i+1,p] = max(m) X[p,m] * R[i,p] + S[i,p]\n"
                     "D[i,p] = sum(m) X[p,m] * R[i,p]\n"
                     "S[i+1,p] = S[i,p] + D[i,p]\n"
                     "Y[p] = R[I,p]",
                     "Y");
    assert_passes(&a, "X", "m", 4);
    clear(&a);
}

static void test_reducing_inner_ranks_stays_in_the_pass(void **state)
{
    (void)state;
    struct analyzed a = analyze_text("M: 12, M0: 3", "X: \"[m]\"",
                                     "B[m1,m0] = X[m1*M0+m0]\n"
                                     "L[m1] = max(m0) B[m1,m0]\n"
                                     "Y[m1,m0] = exp(B[m1,m0] - L[m1])\n"
                                     "C[m0] = sum(m1) Y[m1,m0]\n"
                                     "Z[m1,m0] = Y[m1,m0] / C[m0]",
                                     "Z");
    assert_passes(&a, "X", "m", 2);
    assert_waits(&a, "X", "m", "2:Z<C");
    clear(&a);
}

static void test_a_split_of_a_split_is_one_family(void **state)
{
    (void)state;
    struct analyzed a = analyze_text("M: 24, M0: 3, M1: 8, N0: 2", "X: \"[m]\"",
                                     "B[m1,m0] = X[m1*M0+m0]\n"
                                     "L[m1] = sum(m0) B[m1,m0]\n"
                                     "S[n1,n0] = L[n1*N0+n0]\n"
                                     "T[n1] = sum(n0) S[n1,n0]\n"
                                     "G[] = max(n1) T[n1]\n"
                                     "Y[m1,m0] = B[m1,m0] - G[]",
                                     "Y");
    assert_int_equal(a.analysis->family_count, 1);
    assert_int_equal(family_of(&a, "m")->rank_count, 5);
    assert_passes(&a, "X", "m", 2);
    assert_waits(&a, "X", "m", "2:Y<G");
    clear(&a);
}

/* ---- counts -------------------------------------------------------------- */

static void test_counts_of_gemm(void **state)
{
    (void)state;
    struct loaded loaded = load_workload("workloads/gemm.yaml", NULL);
    AUTO(pass_analysis) analysis = NULL;
    assert_int_equal(
        pass_analysis_new(loaded.workload, 4, loaded.diags, &analysis), OK);
    assert_int_equal(analysis->pass_count, 1);
    assert_int_equal(analysis->ops[EINSUM_MAC], 64 * 64 * 64);
    assert_int_equal(analysis->op_count, 64 * 64 * 64);
    assert_int_equal(analysis->point_count, 64 * 64 * 64);
    assert_int_equal(analysis->input_elements, 2 * 64 * 64);
    assert_int_equal(analysis->output_elements, 64 * 64);
    assert_int_equal(analysis->compulsory_bytes, 4 * 3 * 64 * 64);
    assert_true(analysis->ops_per_byte > 5.333 &&
                analysis->ops_per_byte < 5.334);
    pass_analysis_free(g_steal_pointer(&analysis));
    loaded_clear(&loaded);
}

static void test_counts_beyond_int64_are_an_error(void **state)
{
    (void)state;
    struct loaded loaded =
        load_cascade("I: 2147483648, J: 2147483648", "A: \"[i]\", B: \"[j]\"",
                     "Z[] = A[i] * B[j] * A[i]", "Z");
    struct pass_analysis *analysis = NULL;
    assert_int_equal(
        pass_analysis_new(loaded.workload, 2, loaded.diags, &analysis),
        ERR_LIMIT);
    assert_null(analysis);
    assert_string_equal(diags_get(loaded.diags, 0)->code, "passes-count-limit");
    loaded_clear(&loaded);
}

/* Two ranks one behind the other, and a loop that starts from a tensor. */
static void test_tensors_in_parts_have_fibers_of_their_own(void **state)
{
    (void)state;
    struct loaded loaded =
        load_cascade("P: 3, J: 4, L: 2, N: J+L, E: 2, T: 5",
                     "Q: \"[p,e]\", K: \"[j,e]\", G: \"[l,e]\", V: \"[n]\"",
                     "S[p,j] = Q[p,e] * K[j,e]\n"
                     "S[p,J+l] = Q[p,e] * G[l,e]\n"
                     "A[p,n] = softmax(n) S[p,n]\n"
                     "Y[0,p] = A[p,n] * V[n]\n"
                     "Y[t+1,p] = Y[t,p] * 2",
                     "Y");
    AUTO(pass_analysis) analysis = NULL;
    assert_int_equal(
        pass_analysis_new(loaded.workload, 2, loaded.diags, &analysis), OK);
    assert_int_equal(analysis->pass_count, 3);
    g_clear_pointer(&analysis, pass_analysis_free);
    loaded_clear(&loaded);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tensors_in_parts_have_fibers_of_their_own),
        cmocka_unit_test(test_attention_takes_three_two_and_one_passes),
        cmocka_unit_test(test_what_forces_the_passes_of_attention),
        cmocka_unit_test(
            test_blocks_belong_to_the_family_of_the_rank_they_split),
        cmocka_unit_test(test_views_have_no_fibers_of_their_own),
        cmocka_unit_test(
            test_one_pass_attention_carries_what_does_not_depend_on_m),
        cmocka_unit_test(test_three_pass_attention_holds_fibers_of_m),
        cmocka_unit_test(
            test_two_pass_attention_holds_numerators_and_summaries),
        cmocka_unit_test(test_linear_attention_takes_one_pass),
        cmocka_unit_test(
            test_a_product_of_a_product_is_a_chain_but_not_two_passes),
        cmocka_unit_test(test_a_rank_by_another_name_traverses_the_same_fiber),
        cmocka_unit_test(
            test_queries_and_keys_of_one_tensor_are_different_families),
        cmocka_unit_test(test_a_window_ends_a_fiber_and_moves_with_its_output),
        cmocka_unit_test(test_reading_backwards_waits_for_the_end),
        cmocka_unit_test(test_only_the_end_of_a_recurrence_waits),
        cmocka_unit_test(test_every_step_of_an_outer_recurrence_is_a_pass),
        cmocka_unit_test(test_a_step_reads_what_the_step_before_left),
        cmocka_unit_test(test_reducing_inner_ranks_stays_in_the_pass),
        cmocka_unit_test(test_a_split_of_a_split_is_one_family),
        cmocka_unit_test(test_counts_of_gemm),
        cmocka_unit_test(test_counts_beyond_int64_are_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
