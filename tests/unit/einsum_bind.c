/* From names to numbers: extents, iteration spaces, operations, views. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/einsum_text.h"

#define ONE_PASS "workloads/attention/one-pass.yaml"

/* ---- shapes ---- */

static int64_t shape_value(const struct workload *workload, const char *name)
{
    for (int i = 0; i < workload->shape_count; i++) {
        if (g_str_equal(workload->shape_name[i], name)) {
            return workload->shape_value[i];
        }
    }
    fail_msg("no shape '%s'", name);
    return 0;
}

static void test_chosen_wins_over_proposed_over_file(void **state)
{
    (void)state;
    struct loaded loaded = load_workload(ONE_PASS, NULL);
    AUTO(scope) chosen = scope_new(NULL);
    AUTO(scope) proposed = scope_new(NULL);
    scope_set(chosen, "M", 1024);
    scope_set(proposed, "M", 4096);
    scope_set(proposed, "M0", 256);
    AUTO(workload) workload = NULL;
    assert_int_equal(workload_bind(loaded.cascade, chosen, proposed,
                                   loaded.diags, &workload),
                     OK);
    assert_int_equal(shape_value(workload, "M"), 1024);
    assert_int_equal(shape_value(workload, "M0"), 256);
    assert_int_equal(shape_value(workload, "P"), 64);
    assert_int_equal(shape_value(workload, "M1"), 4);
    assert_string_equal(workload->shape_name[workload->shape_count - 1], "M1");
    loaded_clear(&loaded);
}

static void test_shape_expressions_are_evaluated_when_needed(void **state)
{
    (void)state;
    struct loaded loaded = load_cascade("M: K*2, K: \"min(N, 5)\", N: 8",
                                        "X: \"[m,k]\"", "Y[m] = X[m,k]", "Y");
    assert_int_equal(shape_value(loaded.workload, "M"), 10);
    AUTO(scope) scope = scope_new(NULL);
    AUTO(scope) chosen = scope_new(NULL);
    scope_set(chosen, "N", 3);
    assert_int_equal(
        cascade_eval_shapes(loaded.cascade, chosen, NULL, loaded.diags, scope),
        OK);
    int64_t value = 0;
    assert_true(scope_get(scope, "M", &value));
    assert_int_equal(value, 6);
    loaded_clear(&loaded);
}

static void test_two_level_split_infers_the_outermost_rank(void **state)
{
    (void)state;
    struct loaded loaded = load_cascade(
        "M: 24, M1: 3, M0: 2", "X: \"[m]\"",
        "B[m2,m1,m0] = X[m2*M1*M0+m1*M0+m0]\nY[m2] = B[m2,m1,m0]", "Y");
    assert_int_equal(shape_value(loaded.workload, "M2"), 4);
    loaded_clear(&loaded);
}

static void test_split_of_an_intermediate_tensor_is_inferred(void **state)
{
    (void)state;
    struct loaded loaded = load_cascade(
        "M: 24, M0: 6", "X: \"[m]\"",
        "T[m] = X[m] * 2\nB[m1,m0] = T[m1*M0+m0]\nY[m1] = B[m1,m0]", "Y");
    assert_int_equal(shape_value(loaded.workload, "M1"), 4);
    loaded_clear(&loaded);
}

/* ---- tensors ---- */

static void test_iterative_tensor_has_one_element_more(void **state)
{
    (void)state;
    struct loaded loaded = load_workload(ONE_PASS, NULL);
    const struct workload *workload = loaded.workload;
    const struct einsum_tensor *rnv =
        &workload->tensors[workload_find_tensor(workload, "RNV")];
    assert_int_equal(rnv->dim_count, 5);
    assert_int_equal(rnv->iterative_dim, 3);
    assert_string_equal(workload->rank[rnv->iterative_rank].name, "m1");
    assert_int_equal(rnv->extent[3], 5);
    assert_int_equal(rnv->element_count, 8 * 5 * 64);
    assert_int_equal(rnv->producer, workload_find_statement(workload, "RNV"));
    assert_int_equal(workload->statements[rnv->initializer].kind,
                     EINSUM_INITIAL);
    loaded_clear(&loaded);
}

static void test_tensor_kinds(void **state)
{
    (void)state;
    struct loaded loaded = load_workload(ONE_PASS, NULL);
    const struct workload *workload = loaded.workload;
    assert_int_equal(workload->tensors[0].kind, TENSOR_INPUT);
    assert_int_equal(workload->tensors[0].producer, -1);
    assert_int_equal(
        workload->tensors[workload_find_tensor(workload, "AV")].kind,
        TENSOR_OUTPUT);
    assert_int_equal(
        workload->tensors[workload_find_tensor(workload, "SPD")].kind,
        TENSOR_INTERMEDIATE);
    loaded_clear(&loaded);
}

/* ---- statements ---- */

static void test_statement_kinds(void **state)
{
    (void)state;
    struct loaded loaded = load_workload(ONE_PASS, NULL);
    int kinds[3] = {0, 0, 0};
    for (int i = 0; i < loaded.workload->statement_count; i++) {
        kinds[loaded.workload->statements[i].kind]++;
    }
    assert_int_equal(kinds[EINSUM_COMPUTE], 12);
    assert_int_equal(kinds[EINSUM_VIEW], 2);
    assert_int_equal(kinds[EINSUM_INITIAL], 3);
    loaded_clear(&loaded);
}

static void test_an_output_that_only_copies_is_computed(void **state)
{
    (void)state;
    struct loaded loaded =
        load_cascade("M: 4", "X: \"[m]\"", "V[m] = X[m]\nY[m] = V[m]", "Y");
    assert_int_equal(statement_of(&loaded, "V")->kind, EINSUM_VIEW);
    assert_int_equal(statement_of(&loaded, "Y")->kind, EINSUM_COMPUTE);
    struct einsum_data *data = new_data(&loaded, false, 1);
    run_all(&loaded, data);
    assert_memory_equal(values_of(&loaded, data, "Y")->value,
                        values_of(&loaded, data, "X")->value,
                        4 * sizeof(double));
    einsum_data_free(data);
    loaded_clear(&loaded);
}

static void test_iteration_space_of_a_contraction(void **state)
{
    (void)state;
    struct loaded loaded = load_workload(ONE_PASS, NULL);
    const struct einsum_statement *qk = statement_of(&loaded, "QK");
    static const char *const names[] = {"b", "h", "m1", "m0", "p", "e"};
    assert_int_equal(qk->rank_count, 6);
    for (int i = 0; i < 6; i++) {
        assert_string_equal(loaded.workload->rank[qk->rank[i]].name, names[i]);
        assert_int_equal(qk->is_reduced[i], i == 5);
    }
    assert_int_equal(qk->point_count, 64 * 64 * 8);
    assert_int_equal(qk->reduce, EINSUM_SUM);
    assert_int_equal(qk->iterative_rank, -1);
    loaded_clear(&loaded);
}

static void test_only_statements_that_recur_are_iterative(void **state)
{
    (void)state;
    static const char *const recurring[] = {"RM", "SPD", "RD", "SPNV", "RNV"};
    struct loaded loaded = load_workload(ONE_PASS, NULL);
    int m1 = workload_find_rank(loaded.workload, "m1");
    int count = 0;
    for (int i = 0; i < loaded.workload->statement_count; i++) {
        count += loaded.workload->statements[i].iterative_rank >= 0 ? 1 : 0;
    }
    assert_int_equal(count, 5);
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(statement_of(&loaded, recurring[i])->iterative_rank,
                         m1);
    }
    loaded_clear(&loaded);
}

static void test_the_same_operand_is_read_once(void **state)
{
    (void)state;
    struct loaded loaded = load_cascade(
        "M: 4", "X: \"[m]\"", "Y[m] = X[m] * X[m] + X[3] * X[M-1] + X[0]", "Y");
    assert_int_equal(statement_of(&loaded, "Y")->read_count, 3);
    loaded_clear(&loaded);
}

/* ---- operations ---- */

static void assert_ops(const char *einsum, const char *expected)
{
    struct loaded loaded = load_cascade(
        "M: 4, K: 3", "X: \"[m,k]\", W: \"[k]\", C: \"[m]\"", einsum, "Y");
    const struct einsum_statement *statement = statement_of(&loaded, "Y");
    g_autoptr(GString) ops = g_string_new(NULL);
    for (int op = 0; op < EINSUM_OP_COUNT; op++) {
        if (statement->ops_per_point[op] > 0) {
            g_string_append_printf(ops, "%s%d %s", ops->len > 0 ? ", " : "",
                                   (int)statement->ops_per_point[op],
                                   einsum_op_name((enum einsum_op)op));
        }
    }
    assert_string_equal(ops->str, expected);
    loaded_clear(&loaded);
}

static void test_operations_of_each_kind_of_statement(void **state)
{
    (void)state;
    assert_ops("Y[m] = X[m,k] * W[k]", "1 mac");
    assert_ops("Y[m] = X[m,k] * W[k] * C[m]", "1 mac, 1 mul");
    assert_ops("Y[m] = X[m,k]", "1 add");
    assert_ops("Y[m] = sum(k) X[m,k] * W[k] + C[m]", "1 mac, 1 add");
    assert_ops("Y[m] = max(k) X[m,k]", "1 max");
    assert_ops("Y[m] = min(k) X[m,k] * W[k]", "1 mul, 1 min");
    assert_ops("Y[m,k] = exp(X[m,k] - C[m])", "1 sub, 1 exp");
    assert_ops("Y[m,k] = X[m,k] / C[m]", "1 divide");
    assert_ops("Y[m,k] = X[m,k] * W[k]", "1 mul");
    assert_ops("Y[m] = -sqrt(abs(C[m]))", "1 sqrt, 1 abs, 1 negate");
    assert_ops("Y[m] = tanh(log(max(C[m], 0)))", "1 max, 1 log, 1 tanh");
}

static void test_constants_are_folded(void **state)
{
    (void)state;
    assert_ops("Y[m] = C[m] * (2 * K - 1) / -(M)", "1 mul, 1 divide");
    assert_ops("Y[m] = C[m] + exp(0)", "1 add");
}

static void test_op_names_are_found_again(void **state)
{
    (void)state;
    for (int op = 0; op < EINSUM_OP_COUNT; op++) {
        assert_int_equal(einsum_op_find(einsum_op_name((enum einsum_op)op)),
                         op);
    }
    assert_int_equal(einsum_op_find("mad"), EINSUM_OP_COUNT);
}

/* ---- views ---- */

static void test_read_through_a_view_is_resolved(void **state)
{
    (void)state;
    struct loaded loaded = load_workload(ONE_PASS, NULL);
    const struct workload *workload = loaded.workload;
    const struct einsum_statement *qk = statement_of(&loaded, "QK");
    const struct einsum_access *k = &qk->resolved_reads[1];
    assert_string_equal(workload->tensors[qk->reads[1].tensor].name, "BK");
    assert_string_equal(workload->tensors[k->tensor].name, "K");
    assert_int_equal(k->dim_count, 4);
    assert_int_equal(
        k->index[2].coefficient[workload_find_rank(workload, "m1")], 16);
    assert_int_equal(
        k->index[2].coefficient[workload_find_rank(workload, "m0")], 1);
    assert_int_equal(k->index[2].constant, 0);
    loaded_clear(&loaded);
}

static void test_views_of_views_are_composed(void **state)
{
    (void)state;
    struct loaded loaded =
        load_cascade("M: 24, M0: 6, A: 2", "X: \"[m]\"",
                     "B[m1,m0] = X[m1*M0+m0]\nT[m0,m1] = B[m1,m0]\n"
                     "D[m1,b,a] = T[b*A+a,m1]\nY[m1,a] = D[M1-1-m1,b,a] * 2",
                     "Y");
    const struct workload *workload = loaded.workload;
    const struct einsum_access *x =
        &statement_of(&loaded, "Y")->resolved_reads[0];
    assert_string_equal(workload->tensors[x->tensor].name, "X");
    assert_int_equal(x->index[0].constant, 18);
    assert_int_equal(
        x->index[0].coefficient[workload_find_rank(workload, "m1")], -6);
    assert_int_equal(x->index[0].coefficient[workload_find_rank(workload, "b")],
                     2);
    assert_int_equal(x->index[0].coefficient[workload_find_rank(workload, "a")],
                     1);
    loaded_clear(&loaded);
}

/* ---- compulsory traffic ---- */

static void assert_compulsory(const char *einsums, int64_t inputs,
                              int64_t outputs)
{
    struct loaded loaded = load_cascade(
        "M: 24, M0: 6, K: 5, S: 3", "X: \"[m,k]\", W: \"[m]\"", einsums, "Y");
    int64_t input_elements = 0;
    int64_t output_elements = 0;
    assert_int_equal(workload_count_compulsory_elements(
                         loaded.workload, &input_elements, &output_elements),
                     OK);
    assert_int_equal(input_elements, inputs);
    assert_int_equal(output_elements, outputs);
    loaded_clear(&loaded);
}

static void test_compulsory_elements(void **state)
{
    (void)state;
    assert_compulsory("Y[m] = X[m,k] * W[m]", 24 * 5 + 24, 24);
    assert_compulsory("Y[m] = X[m,0] * W[m]", 24 + 24, 24);
    assert_compulsory("B[m1,m0] = W[m1*M0+m0]\nY[m1] = B[m1,m0] * X[0,0]",
                      24 + 1, 4);
    assert_compulsory("Y[k] = X[k*2+s,k] * 2", 5 * 3, 5);
    assert_compulsory("Y[s] = W[s+k] * 2", 7, 3);
    assert_compulsory("Y[s] = W[5*s+k] * 2", 15, 3);
    assert_compulsory("Y[s] = W[6*s+k] * 2", 15, 3);
    assert_compulsory("Y[k] = X[k+0,k] * 2", 5, 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_chosen_wins_over_proposed_over_file),
        cmocka_unit_test(test_shape_expressions_are_evaluated_when_needed),
        cmocka_unit_test(test_two_level_split_infers_the_outermost_rank),
        cmocka_unit_test(test_split_of_an_intermediate_tensor_is_inferred),
        cmocka_unit_test(test_iterative_tensor_has_one_element_more),
        cmocka_unit_test(test_tensor_kinds),
        cmocka_unit_test(test_statement_kinds),
        cmocka_unit_test(test_an_output_that_only_copies_is_computed),
        cmocka_unit_test(test_iteration_space_of_a_contraction),
        cmocka_unit_test(test_only_statements_that_recur_are_iterative),
        cmocka_unit_test(test_the_same_operand_is_read_once),
        cmocka_unit_test(test_operations_of_each_kind_of_statement),
        cmocka_unit_test(test_constants_are_folded),
        cmocka_unit_test(test_op_names_are_found_again),
        cmocka_unit_test(test_read_through_a_view_is_resolved),
        cmocka_unit_test(test_views_of_views_are_composed),
        cmocka_unit_test(test_compulsory_elements),
    };
    return cmocka_run_group_tests_name("einsum_bind", tests, NULL, NULL);
}
