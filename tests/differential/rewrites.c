/* Rewritten cascades against the old ones: the same inputs, outputs and kernel;
 * the same values on random data at several shapes, within the sum of both
 * running error bounds; the passes that the rewrite is for; and text that reads
 * back as itself.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "einsum/einsum.h"

struct extent {
    const char *name;
    int64_t value;
};

/* One cascade at one choice of shapes, computed. */
struct computed {
    struct workload *workload;
    struct einsum_data *data;
};

static void computed_free(struct computed *computed)
{
    einsum_data_free(computed->data);
    workload_free(computed->workload);
}
BASE_DEFINE_CLEANUP(computed)

static void print_diags(const struct diags *diags)
{
    g_autoptr(GString) text = g_string_new(NULL);
    diags_print(diags, false, text);
    print_error("%s", text->str);
}

static struct cascade *load(struct diags *diags, const char *text)
{
    struct cascade *cascade = NULL;
    enum status status =
        strchr(text, '\n') == NULL
            ? cascade_load_file(diags, text, &cascade)
            : cascade_load_source(diags, diags_add_text(diags, "test", text),
                                  &cascade);
    if (status != OK) {
        print_diags(diags);
    }
    assert_int_equal(status, OK);
    return cascade;
}

/* Applies "a,b,c"; the caller frees. NULL: one did not apply. */
static struct cascade *rewrite(struct diags *diags, const char *text,
                               const char *chain)
{
    g_auto(GStrv) specs = g_strsplit(chain, ",", -1);
    struct cascade *cascade = load(diags, text);
    for (char **spec = specs; *spec != NULL && cascade != NULL; spec++) {
        AUTO(cascade) old = cascade;
        enum status status = cascade_rewrite(old, *spec, diags, &cascade);
        if (status != OK) {
            print_diags(diags);
        }
        assert_int_equal(status, OK);
    }
    return cascade;
}

static void compute(struct computed *computed, const struct cascade *cascade,
                    const struct scope *chosen, uint64_t seed,
                    struct diags *diags)
{
    enum status status =
        workload_bind(cascade, chosen, NULL, diags, &computed->workload);
    if (status != OK) {
        print_diags(diags);
    }
    assert_int_equal(status, OK);
    assert_int_equal(
        einsum_data_new(computed->workload, true, diags, &computed->data), OK);
    einsum_fill_inputs(computed->workload, seed, computed->data);
    assert_int_equal(einsum_run(computed->workload, diags, computed->data), OK);
}

/* Every input and output of `old` is one of `new`, and its values agree. */
static void compare(const struct computed *old, const struct computed *new)
{
    int output_count = 0;
    for (int i = 0; i < old->workload->tensor_count; i++) {
        const struct einsum_tensor *tensor = &old->workload->tensors[i];
        if (tensor->kind == TENSOR_INTERMEDIATE) {
            continue;
        }
        int other = workload_find_tensor(new->workload, tensor->name);
        assert_true(other >= 0);
        const struct einsum_tensor *same = &new->workload->tensors[other];
        assert_int_equal(same->kind, tensor->kind);
        assert_int_equal(same->element_count, tensor->element_count);
        const struct tensor_data *a = &old->data->tensors[i];
        const struct tensor_data *b = &new->data->tensors[other];
        output_count += tensor->kind == TENSOR_OUTPUT ? 1 : 0;
        for (int64_t e = 0; e < tensor->element_count; e++) {
            double bound = a->error[e] + b->error[e];
            assert_true(fabs(a->value[e] - b->value[e]) <= bound);
            /* A bound of this size still says much; one that was larger
             * before (an iterated inverse) is not much larger now, and a
             * selection that rounding leaves open never had one. */
            bool is_tight = bound < 1e-9 * MAX(1.0, fabs(a->value[e]));
            assert_true(is_tight || bound < 100.0 * a->error[e] ||
                        !isfinite(a->error[e]));
        }
    }
    assert_true(output_count > 0);
}

static void check_text(const struct cascade *old, const struct cascade *new,
                       struct diags *diags)
{
    AUTO(cascade) again = load(diags, cascade_text(new));
    g_autofree char *printed = cascade_print(new);
    g_autofree char *reprinted = cascade_print(again);
    g_autofree char *before = cascade_print(old);
    assert_string_equal(printed, reprinted);
    assert_string_not_equal(printed, before);
    if (cascade_kernel(old) == NULL) {
        assert_null(cascade_kernel(new));
    } else {
        assert_string_equal(cascade_kernel(new), cascade_kernel(old));
    }
    for (size_t i = 0; i < diags_count(diags); i++) {
        print_error("%s\n", diags_get(diags, i)->message);
    }
    assert_int_equal(diags_count(diags), 0);
}

static int64_t count_passes(const struct workload *workload,
                            struct diags *diags)
{
    AUTO(pass_analysis) analysis = NULL;
    assert_int_equal(pass_analysis_new(workload, 2, diags, &analysis), OK);
    return analysis->pass_count;
}

#define SHAPES 4

/* Extents all different in the second and third: no index can be mixed up. In
 * the last there is one block, or blocks of one. */
static const struct extent shapes[SHAPES][9] = {
    {{NULL, 0}},
    {{"B", 2}, {"H", 3}, {"P", 7}, {"M", 55}, {"E", 9}, {"F", 5}, {"M0", 11}},
    {{"B", 1}, {"H", 2}, {"P", 5}, {"M", 24}, {"E", 3}, {"F", 4}, {"M0", 1}},
    {{"B", 1}, {"H", 1}, {"P", 1}, {"M", 6}, {"E", 2}, {"F", 1}, {"M0", 6}},
};

/* Shapes that a cascade does not have are of no use to it. */
static struct scope *choose(const struct cascade *cascade, size_t choice)
{
    struct scope *chosen = scope_new(NULL);
    for (const struct extent *e = shapes[choice]; e->name != NULL; e++) {
        for (size_t i = 0; i < cascade_shape_count(cascade); i++) {
            if (strcmp(cascade_shape_name(cascade, i), e->name) == 0) {
                scope_set(chosen, e->name, e->value);
            }
        }
    }
    return chosen;
}

/* The chain keeps what `text` means and makes it a cascade of `passes`. */
static void check(const char *text, const char *chain, int64_t passes)
{
    AUTO(diags) diags = diags_new();
    AUTO(cascade) old = load(diags, text);
    AUTO(cascade) new = rewrite(diags, text, chain);
    if (new == NULL) {
        print_diags(diags);
    }
    assert_non_null(new);
    check_text(old, new, diags);
    for (size_t choice = 0; choice < SHAPES; choice++) {
        AUTO(scope) chosen_old = choose(old, choice);
        AUTO(scope) chosen_new = choose(new, choice);
        for (uint64_t seed = 1; seed <= 2; seed++) {
            struct computed before = {0};
            struct computed after = {0};
            AUTO(computed) a = &before;
            AUTO(computed) b = &after;
            compute(a, old, chosen_old, seed, diags);
            compute(b, new, chosen_new, seed, diags);
            compare(a, b);
            if (choice < 2) {
                assert_int_equal(count_passes(b->workload, diags), passes);
            }
        }
    }
}

/* One rewrite of a cascade of the tree: refused with a reason, or right. */
static bool check_or_refuse(const char *path, const char *spec)
{
    AUTO(diags) diags = diags_new();
    AUTO(cascade) old = load(diags, path);
    AUTO(cascade) new = NULL;
    size_t before = diags_count(diags);
    assert_int_equal(cascade_rewrite(old, spec, diags, &new), OK);
    if (new == NULL) {
        const struct diag *diag = diags_get(diags, before);
        assert_true(g_str_has_prefix(diag->code, "rewrite-"));
        for (size_t i = before + 1; i < diags_count(diags); i++) {
            /* Where a macro was called whose text it points at. */
            assert_int_equal(diags_get(diags, i)->severity, DIAG_NOTE);
        }
        return false;
    }
    struct computed values_before = {0};
    struct computed values_after = {0};
    AUTO(computed) a = &values_before;
    AUTO(computed) b = &values_after;
    compute(a, old, NULL, 7, diags);
    compute(b, new, NULL, 7, diags);
    compare(a, b);
    return true;
}

/* The chain does not apply, for a reason of this code. */
static void check_refused(const char *text, const char *chain, const char *code)
{
    AUTO(diags) diags = diags_new();
    AUTO(cascade) new = rewrite(diags, text, chain);
    assert_null(new);
    assert_int_equal(diags_count(diags), 1);
    assert_string_equal(diags_get(diags, 0)->code, code);
}

#define SPLIT "split:rank=m:by=M0"

static const char three_pass[] = "workloads/attention/three-pass.yaml";
static const char deferred[] = "workloads/attention/three-pass-deferred.yaml";
static const char two_pass[] = "workloads/attention/two-pass.yaml";
static const char one_pass[] = "workloads/attention/one-pass.yaml";

static const char linear[] =
    "schema: 1\ncascade: linear\n"
    "shapes: {B: 1, H: 2, P: 12, M: 10, E: 3, F: 4}\n"
    "inputs: {Q: \"[b,h,p,e]\", K: \"[b,h,m,e]\", V: \"[b,h,m,f]\"}\n"
    "einsums: |\n"
    "  FQ[b,h,p,e] = exp(Q[b,h,p,e])\n"
    "  FK[b,h,m,e] = exp(K[b,h,m,e])\n"
    "  S[b,h,m,p] = FQ[b,h,p,e] * FK[b,h,m,e]\n"
    "  D[b,h,p] = sum(m) S[b,h,m,p]\n"
    "  A[b,h,m,p] = S[b,h,m,p] / D[b,h,p]\n"
    "  Y[b,h,p,f] = A[b,h,m,p] * V[b,h,m,f]\n"
    "outputs: [Y]\n";

/* A softmax with other names, scores scaled in place, and two more outputs. */
static const char pooling[] = "schema: 1\ncascade: pooling\n"
                              "shapes: {B: 2, M: 12, E: 3}\n"
                              "inputs: {X: \"[b,m]\", W: \"[m,e]\"}\n"
                              "einsums: |\n"
                              "  Top[b] = max(m) X[b,m] * 2\n"
                              "  Z[b,m] = exp(X[b,m] * 2 - Top[b])\n"
                              "  Total[b] = Z[b,m]\n"
                              "  Pool[b,e] = Z[b,m] / Total[b] * W[m,e] / 3\n"
                              "  Lse[b] = Top[b] + log(Total[b])\n"
                              "outputs: [Pool, Lse, Total]\n";

/* One input read along two ranks. */
static const char gram[] = "schema: 1\ncascade: gram\n"
                           "shapes: {M: 12, N: M, E: 4}\n"
                           "inputs: {X: \"[n,e]\", Y: \"[m]\"}\n"
                           "einsums: |\n"
                           "  G[m,n] = X[m,e] * X[n,e]\n"
                           "  R[n] = G[m,n] * Y[m]\n"
                           "  C[m] = max(n) G[m,n]\n"
                           "  T[n] = R[n] * C[m]\n"
                           "outputs: [T]\n";

/* C is computed along m and read along n. */
static const char transposed[] = "schema: 1\ncascade: transposed\n"
                                 "shapes: {M: 12, N: M}\n"
                                 "inputs: {X: \"[m]\"}\n"
                                 "einsums: |\n"
                                 "  C[m] = exp(X[m])\n"
                                 "  T[n] = C[n]\n"
                                 "outputs: [T]\n";

static void test_deferred_division_saves_a_pass(void **state)
{
    (void)state;
    check(three_pass, "defer-division", 2);
    check(two_pass, "defer-division", 2);
}

static void test_deferred_division_is_the_cascade_of_the_tree(void **state)
{
    (void)state;
    AUTO(diags) diags = diags_new();
    AUTO(cascade) new = rewrite(diags, three_pass, "defer-division");
    AUTO(cascade) expected = load(diags, deferred);
    g_autofree char *a = cascade_print(new);
    g_autofree char *b = cascade_print(expected);
    assert_string_equal(a, b);
}

static void test_division_inside_a_sum_is_deferred(void **state)
{
    (void)state;
    check(pooling, "defer-division", 2);
}

static void test_split_keeps_values_and_passes(void **state)
{
    (void)state;
    check(three_pass, SPLIT, 3);
    check(deferred, SPLIT, 2);
    check(three_pass, "split:rank=e:by=EI", 3);
    check(three_pass, SPLIT ",split:rank=m0:by=MI:size=1", 3);
}

static void
test_split_sees_what_is_read_by_two_ranks_through_views(void **state)
{
    (void)state;
    check(gram, "split:rank=m:by=M0", 2);
}

static void test_local_maximum_saves_a_pass(void **state)
{
    (void)state;
    check(three_pass, SPLIT ",local-maximum", 2);
    check(deferred, SPLIT ",local-maximum", 2);
}

static void test_running_maximum_leaves_one_pass(void **state)
{
    (void)state;
    check(deferred, "running-maximum", 1);
    check(deferred, SPLIT ",running-maximum", 1);
    check(three_pass, "defer-division," SPLIT ",running-maximum", 1);
}

static void test_passes_fall_from_three_to_one_step_by_step(void **state)
{
    (void)state;
    check(three_pass, "defer-division", 2);
    check(three_pass, "defer-division," SPLIT, 2);
    check(three_pass, "defer-division," SPLIT ",local-maximum", 2);
    check(three_pass, "defer-division," SPLIT ",local-maximum,running-maximum",
          1);
    check(three_pass, SPLIT ",local-maximum,defer-division,running-maximum", 1);
}

static void test_two_pass_cascade_of_the_tree_becomes_one_pass(void **state)
{
    (void)state;
    check(two_pass, "defer-division,running-maximum", 1);
}

static void test_split_k_merges_partial_results(void **state)
{
    (void)state;
    check(deferred, SPLIT ",merge-split-k", 1);
    check(deferred, SPLIT ",local-maximum,merge-split-k", 1);
    check(deferred, SPLIT ",merge-split-k,running-maximum", 1);
    check(deferred, SPLIT ",merge-split-k,running-maximum:rank=m0", 1);
    check(two_pass, "defer-division,merge-split-k", 1);
}

static void test_softmax_is_found_by_structure_not_by_names(void **state)
{
    (void)state;
    check(pooling, "defer-division,running-maximum", 1);
    check(pooling, "defer-division," SPLIT ",local-maximum", 2);
    check(pooling, "defer-division," SPLIT ",merge-split-k", 1);
    check(pooling, "defer-division," SPLIT ",local-maximum,running-maximum", 1);
}

static void test_linear_attention_is_reassociated(void **state)
{
    (void)state;
    check(linear, "defer-division,reassociate", 1);
}

static void test_reassociation_saves_operations(void **state)
{
    (void)state;
    AUTO(diags) diags = diags_new();
    int64_t macs[2] = {0};
    const char *const chains[] = {"defer-division",
                                  "defer-division,reassociate"};
    for (size_t i = 0; i < 2; i++) {
        AUTO(cascade) cascade = rewrite(diags, linear, chains[i]);
        AUTO(workload) workload = NULL;
        AUTO(pass_analysis) analysis = NULL;
        assert_int_equal(workload_bind(cascade, NULL, NULL, diags, &workload),
                         OK);
        assert_int_equal(pass_analysis_new(workload, 2, diags, &analysis), OK);
        macs[i] = analysis->ops[EINSUM_MAC];
    }
    /* B*H times P*M*(E+F), and E*F*M + P*E*(F+1). */
    assert_int_equal(macs[0], 2 * 12 * 10 * (3 + 4));
    assert_int_equal(macs[1], 2 * (3 * 4 * 10 + 12 * 3 * (4 + 1)));
}

static const char causal[] = "workloads/attention/causal.yaml";
static const char sliding[] = "workloads/attention/sliding-window.yaml";
static const char symmetric[] = "workloads/attention/symmetric-window.yaml";

static void test_causal_attention_becomes_one_pass(void **state)
{
    (void)state;
    check(causal, "defer-division", 2);
    check(causal, SPLIT, 3);
    check(causal, SPLIT ",local-maximum", 2);
    check(causal, "defer-division," SPLIT ",local-maximum", 2);
    check(causal, "defer-division," SPLIT ",running-maximum", 1);
    check(causal, "defer-division," SPLIT ",local-maximum,running-maximum", 1);
    check(causal, "defer-division," SPLIT ",merge-split-k", 1);
}

static void test_windows_become_one_pass(void **state)
{
    (void)state;
    check(sliding, "defer-division", 2);
    check(sliding, "defer-division," SPLIT ",running-maximum", 1);
    check(sliding, SPLIT ",local-maximum", 2);
    check(sliding, "defer-division," SPLIT ",merge-split-k", 1);
    check(symmetric, SPLIT ",running-maximum", 1);
}

/* Rows without any key, blocks without any, in front and behind. */
static const char gappy[] =
    "schema: 1\ncascade: gappy\n"
    "shapes: {P: 9, M: 12, F: 2}\n"
    "inputs: {X: \"[p,m]\", V: \"[m,f]\"}\n"
    "einsums: |\n"
    "  A[p,m] = softmax(m) X[p,m] where m >= 3*p && m < 3*p + 4\n"
    "  Y[p,f] = A[p,m] * V[m,f] where m >= 3*p && m < 3*p + 4\n"
    "outputs: [Y]\n";

static void test_rows_and_blocks_without_a_point_stay_zero(void **state)
{
    (void)state;
    check(gappy, "defer-division", 2);
    check(gappy, "defer-division," SPLIT ",running-maximum", 1);
    check_refused(gappy, SPLIT ",local-maximum", "rewrite-condition");
    check_refused(gappy, "defer-division," SPLIT ",merge-split-k",
                  "rewrite-condition");
}

static void test_conditions_that_forbid_a_rewrite(void **state)
{
    (void)state;
    check_refused("workloads/attention/lightning-quadratic.yaml", "reassociate",
                  "rewrite-no-products");
    check_refused(causal,
                  "defer-division," SPLIT
                  ",merge-split-k,running-maximum:rank=m0",
                  "rewrite-not-split");
    check_refused(causal, "defer-division,running-maximum",
                  "rewrite-not-split");
}

static void test_every_attention_of_the_tree_stays_right(void **state)
{
    (void)state;
    static const char folder[] = "workloads/attention";
    static const char *const specs[] = {
        "defer-division",  "split:rank=m:by=MX", "local-maximum",
        "running-maximum", "merge-split-k",      "reassociate",
    };
    g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
    assert_non_null(dir);
    int applied = 0;
    for (const char *name = g_dir_read_name(dir); name != NULL;
         name = g_dir_read_name(dir)) {
        g_autofree char *path = g_build_filename(folder, name, NULL);
        for (size_t i = 0; i < G_N_ELEMENTS(specs); i++) {
            applied += check_or_refuse(path, specs[i]) ? 1 : 0;
        }
    }
    assert_true(applied >= 6);
}

static void test_what_does_not_apply_is_refused(void **state)
{
    (void)state;
    const char *const cases[][3] = {
        {deferred, "defer-division", "rewrite-no-division"},
        {three_pass, "split:rank=z:by=M0", "rewrite-no-rank"},
        {two_pass, "split:rank=f:by=M0", "rewrite-rank-taken"},
        {one_pass, "split:rank=m:by=MB", "rewrite-no-rank"},
        {three_pass, "split:rank=f:by=F0", "rewrite-output-rank"},
        {one_pass, "split:rank=m1:by=MB:size=2", "rewrite-index"},
        {two_pass, "split:rank=m1:by=MB", "rewrite-block-size"},
        {transposed, "split:rank=m:by=M0", "rewrite-index"},
        {three_pass, "local-maximum", "rewrite-not-split"},
        {two_pass, "local-maximum", "rewrite-already"},
        {three_pass, "running-maximum", "rewrite-not-linear"},
        {two_pass, "merge-split-k", "rewrite-not-linear"},
        {deferred, "merge-split-k", "rewrite-not-split"},
        {deferred, SPLIT ",merge-split-k,merge-split-k", "rewrite-already"},
        {deferred, "running-maximum:rank=p", "rewrite-no-softmax"},
        {one_pass, "running-maximum", "rewrite-no-softmax"},
        {"workloads/gemm.yaml", "running-maximum", "rewrite-no-softmax"},
        {"workloads/gemm.yaml", "reassociate", "rewrite-no-products"},
        {three_pass, "reassociate", "rewrite-no-products"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        check_refused(cases[i][0], cases[i][1], cases[i][2]);
    }
}

static void test_wrong_names_and_arguments_are_errors_of_input(void **state)
{
    (void)state;
    const char *const specs[][2] = {
        {"defer", "rewrite-unknown"},
        {"", "rewrite-unknown"},
        {"defer-division:rank=m", "rewrite-argument"},
        {"split", "rewrite-argument"},
        {"split:rank=m", "rewrite-argument"},
        {"split:rank=m:rank=m:by=M0", "rewrite-argument"},
        {"split:rank=m:by=m0", "rewrite-argument"},
        {"split:rank=m:by=M0:size=-1", "rewrite-argument"},
        {"split:rank:by=M0", "rewrite-argument"},
        {"split::", "rewrite-argument"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(specs); i++) {
        AUTO(diags) diags = diags_new();
        AUTO(cascade) old = load(diags, three_pass);
        AUTO(cascade) new = NULL;
        assert_int_equal(cascade_rewrite(old, specs[i][0], diags, &new),
                         ERR_INPUT);
        assert_string_equal(diags_get(diags, 0)->code, specs[i][1]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_deferred_division_saves_a_pass),
        cmocka_unit_test(test_deferred_division_is_the_cascade_of_the_tree),
        cmocka_unit_test(test_division_inside_a_sum_is_deferred),
        cmocka_unit_test(test_split_keeps_values_and_passes),
        cmocka_unit_test(
            test_split_sees_what_is_read_by_two_ranks_through_views),
        cmocka_unit_test(test_local_maximum_saves_a_pass),
        cmocka_unit_test(test_running_maximum_leaves_one_pass),
        cmocka_unit_test(test_passes_fall_from_three_to_one_step_by_step),
        cmocka_unit_test(test_two_pass_cascade_of_the_tree_becomes_one_pass),
        cmocka_unit_test(test_split_k_merges_partial_results),
        cmocka_unit_test(test_softmax_is_found_by_structure_not_by_names),
        cmocka_unit_test(test_linear_attention_is_reassociated),
        cmocka_unit_test(test_reassociation_saves_operations),
        cmocka_unit_test(test_causal_attention_becomes_one_pass),
        cmocka_unit_test(test_windows_become_one_pass),
        cmocka_unit_test(test_rows_and_blocks_without_a_point_stay_zero),
        cmocka_unit_test(test_conditions_that_forbid_a_rewrite),
        cmocka_unit_test(test_every_attention_of_the_tree_stays_right),
        cmocka_unit_test(test_what_does_not_apply_is_refused),
        cmocka_unit_test(test_wrong_names_and_arguments_are_errors_of_input),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
