/* The schedule applied to data gives what the interpreter gives, and every way
 * in which a schedule can be wrong is noticed, with names and coordinates. */
#include <math.h>

#include "tests/assert_close.h"
#include "tests/sim_support.h"

#define SETTINGS                                                               \
    "P=24 M=48 E=8 F=8 B=2 H=2 X2=8 Y2=8 X1=8 RF2=64 RF1=64 GBUF=8192"

/* ---- right numbers ------------------------------------------------------- */

static void check_tensor(const struct workload *workload, int tensor,
                         const struct einsum_data *got,
                         const struct einsum_data *expected)
{
    const struct einsum_tensor *t = &workload->tensors[tensor];
    for (int64_t i = 0; i < t->element_count; i++) {
        assert_close(got->tensors[tensor].value[i],
                     expected->tensors[tensor].value[i], 1e-9);
    }
}

static void check_numbers(const struct fixture *fixture)
{
    const struct problem *problem = fixture->problem;
    AUTO(einsum_data) got = NULL;
    AUTO(einsum_data) expected = NULL;
    assert_ok(einsum_data_new(problem->workload, false, fixture->diags, &got),
              fixture->diags);
    assert_ok(
        einsum_data_new(problem->workload, false, fixture->diags, &expected),
        fixture->diags);
    einsum_fill_inputs(problem->workload, 7, got);
    einsum_fill_inputs(problem->workload, 7, expected);
    assert_ok(einsum_run(problem->workload, fixture->diags, expected),
              fixture->diags);
    assert_ok(sim_execute(problem->plan, fixture->diags, got), fixture->diags);
    for (int t = 0; t < problem->workload->tensor_count; t++) {
        if (problem->workload->tensors[t].kind == TENSOR_OUTPUT) {
            check_tensor(problem->workload, t, got, expected);
        }
    }
}

static void check_mapping(const char *cascade, const char *mapping)
{
    AUTO(fixture)
    fixture = fixture_load(cascade, "teaching", mapping, SETTINGS);
    check_numbers(fixture);
}

static void test_fusemax_binding_gives_the_interpreters_numbers(void **state)
{
    (void)state;
    check_mapping("attention/one-pass", "fusemax-binding");
}

static void
test_fusemax_architecture_gives_the_interpreters_numbers(void **state)
{
    (void)state;
    check_mapping("attention/one-pass", "fusemax-architecture");
}

static void test_fusemax_cascade_gives_the_interpreters_numbers(void **state)
{
    (void)state;
    check_mapping("attention/one-pass", "fusemax-cascade");
}

static void test_flat_gives_the_interpreters_numbers(void **state)
{
    (void)state;
    check_mapping("attention/three-pass", "flat");
}

static void test_unfused_gives_the_interpreters_numbers(void **state)
{
    (void)state;
    check_mapping("attention/three-pass", "unfused");
}

static void test_a_split_reduction_adds_up(void **state)
{
    (void)state;
    AUTO(fixture)
    fixture =
        fixture_of_tree("gemm", "teaching",
                        "- for: {k: 8}\n"
                        "- for: {m: 4}\n"
                        "- for: {n: 4}\n"
                        "- {compute: Z, on: array2d, spatial: {m: Y, n: X}}\n",
                        "M=12 N=8 K=32");
    check_numbers(fixture);
}

/* ---- schedules that are wrong -------------------------------------------- */

/* The message of the only error. */
static const char *execute_badly(const struct fixture *fixture,
                                 const char *code)
{
    const struct problem *problem = fixture->problem;
    AUTO(einsum_data) data = NULL;
    assert_ok(einsum_data_new(problem->workload, false, fixture->diags, &data),
              fixture->diags);
    einsum_fill_inputs(problem->workload, 7, data);
    assert_int_equal(sim_execute(problem->plan, fixture->diags, data),
                     ERR_INPUT);
    assert_int_equal(diags_count(fixture->diags), 1);
    const struct diag *diag = diags_get(fixture->diags, 0);
    assert_string_equal(diag->code, code);
    assert_int_equal(diag->severity, DIAG_ERROR);
    assert_true(diag->span.line > 0);
    return diag->message;
}

static int leaf_of(const struct plan *plan, const char *einsum)
{
    int statement = workload_find_statement(plan->workload, einsum);
    for (int l = 0; l < plan->leaf_count; l++) {
        if (plan->leaves[l].statement == statement) {
            return l;
        }
    }
    fail();
    return -1;
}

/* Legality would refuse such plans, so a good one is spoilt. */
static void test_an_operand_that_is_read_too_early_is_named(void **state)
{
    (void)state;
    AUTO(fixture)
    fixture = fixture_load("attention/one-pass", "teaching", "fusemax-binding",
                           SETTINGS);
    struct plan *plan = fixture->problem->plan;
    int leaf = leaf_of(plan, "SLN");
    /* Now SLN runs two iterations before QK and RM of the same tile. */
    plan->phases[0].children[plan->leaves[leaf].child].delay = 0;
    plan->phases[0].children[plan->leaves[leaf_of(plan, "QK")].child].delay = 2;
    const char *message = execute_badly(fixture, "execute-unfinished-operand");
    assert_non_null(strstr(message, "'LM' reads QK[0,0,0,0,0]"));
    assert_non_null(strstr(message, "0 of 8 contributions"));
}

static void test_contributing_twice_is_named(void **state)
{
    (void)state;
    AUTO(fixture)
    fixture =
        fixture_of_tree("gemm", "teaching",
                        "- for: {k: 8}\n"
                        "- for: {m: 4}\n"
                        "- for: {n: 4}\n"
                        "- {compute: Z, on: array2d, spatial: {m: Y, n: X}}\n",
                        "M=12 N=8 K=32");
    /* One iteration too many begins again. */
    fixture->problem->plan->phases[0].iteration_count++;
    const char *message = execute_badly(fixture, "execute-twice");
    assert_non_null(strstr(message, "'Z' computes more than all of Z[0,0]"));
    assert_non_null(strstr(message, "40 of 32 contributions"));
}

static void test_an_element_that_is_left_out_is_named(void **state)
{
    (void)state;
    AUTO(fixture)
    fixture =
        fixture_of_tree("gemm", "teaching",
                        "- for: {m: 4}\n"
                        "- for: {n: 4}\n"
                        "- {compute: Z, on: array2d, spatial: {m: Y, n: X}}\n",
                        "M=12 N=8 K=32");
    fixture->problem->plan->phases[0].iteration_count--;
    const char *message = execute_badly(fixture, "execute-missing");
    assert_non_null(strstr(message, "'Z' leaves unfinished Z[8,4]"));
    assert_non_null(strstr(message, "0 of 32 contributions"));
}

/* ---- formats -------------------------------------------------------------- */

static struct einsum_arithmetic *arithmetic_of(const struct fixture *fixture,
                                               const char *dtype)
{
    struct einsum_complaint complaint = {0};
    struct einsum_arithmetic *arithmetic =
        einsum_arithmetic_new(fixture->problem->workload);
    assert_true(einsum_arithmetic_set(arithmetic, dtype, &complaint));
    return arithmetic;
}

static struct einsum_data *data_in(const struct fixture *fixture,
                                   const struct einsum_arithmetic *arithmetic)
{
    struct einsum_data *data = NULL;
    const struct workload *workload = fixture->problem->workload;
    assert_ok(einsum_data_new(workload, true, fixture->diags, &data),
              fixture->diags);
    data->arithmetic = arithmetic;
    einsum_fill_inputs(workload, 7, data);
    einsum_store_inputs(workload, data);
    return data;
}

/* Scores and weights are finished in tiles of whole groups, each element's sum in
 * one tile step: the interpreter's values, bit for bit. */
static void check_stored(const char *dtype)
{
    AUTO(fixture)
    fixture = fixture_load("attention/three-pass", "teaching", "flat",
                           "P=16 M=16 E=4 F=4 GBUF=8192");
    AUTO(einsum_arithmetic) arithmetic = arithmetic_of(fixture, dtype);
    AUTO(einsum_data) expected = data_in(fixture, arithmetic);
    AUTO(einsum_data) got = data_in(fixture, arithmetic);
    const struct workload *workload = fixture->problem->workload;
    assert_ok(einsum_run(workload, fixture->diags, expected), fixture->diags);
    assert_ok(sim_execute(fixture->problem->plan, fixture->diags, got),
              fixture->diags);
    int scores = workload_find_tensor(workload, "QK");
    for (int t = 0; t < workload->tensor_count; t++) {
        const struct tensor_data *a = &expected->tensors[t];
        const struct tensor_data *b = &got->tensors[t];
        for (int64_t i = 0; i < workload->tensors[t].element_count; i++) {
            double bound = t == scores ? 0.0 : a->error[i] + b->error[i];
            assert_true(fabs(a->value[i] - b->value[i]) <= bound);
        }
    }
}

static void test_values_are_stored_when_they_are_finished(void **state)
{
    (void)state;
    check_stored("bf16");
    check_stored("fp16:stored:fp16");
    check_stored("int8@4");
    check_stored("fp8-e4m3@mx4");
}

static void test_a_scale_beyond_the_tile_is_named(void **state)
{
    (void)state;
    AUTO(fixture)
    fixture = fixture_load("attention/one-pass", "teaching", "fusemax-binding",
                           SETTINGS);
    AUTO(einsum_arithmetic) arithmetic = arithmetic_of(fixture, "int8@tensor");
    AUTO(einsum_data) data = data_in(fixture, arithmetic);
    assert_int_equal(sim_execute(fixture->problem->plan, fixture->diags, data),
                     ERR_INPUT);
    const struct diag *diag = diags_get(fixture->diags, 0);
    assert_string_equal(diag->code, "execute-scale");
    assert_non_null(strstr(diag->message,
                           "'QK' finishes part of what shares a scale in step "
                           "0, slot 0"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fusemax_binding_gives_the_interpreters_numbers),
        cmocka_unit_test(
            test_fusemax_architecture_gives_the_interpreters_numbers),
        cmocka_unit_test(test_fusemax_cascade_gives_the_interpreters_numbers),
        cmocka_unit_test(test_flat_gives_the_interpreters_numbers),
        cmocka_unit_test(test_unfused_gives_the_interpreters_numbers),
        cmocka_unit_test(test_a_split_reduction_adds_up),
        cmocka_unit_test(test_an_operand_that_is_read_too_early_is_named),
        cmocka_unit_test(test_contributing_twice_is_named),
        cmocka_unit_test(test_an_element_that_is_left_out_is_named),
        cmocka_unit_test(test_values_are_stored_when_they_are_finished),
        cmocka_unit_test(test_a_scale_beyond_the_tile_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
