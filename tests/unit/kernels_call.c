/* What a kernel call refuses, and the table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "kernels/kernels.h"

/* A, B, Z of a 2x3 by 3x4 product; tests spoil one thing. */
struct call {
    double a[6];
    double b[12];
    double z[8];
    struct kernel_tensor tensors[3];
};

static struct call *call_new(void)
{
    struct call *call = g_new0(struct call, 1);
    call->tensors[0] = (struct kernel_tensor){"A", "mk", {2, 3}, call->a, NULL};
    call->tensors[1] = (struct kernel_tensor){"B", "kn", {3, 4}, call->b, NULL};
    call->tensors[2] = (struct kernel_tensor){"Z", "mn", {2, 4}, call->z, NULL};
    return call;
}

static void expect_refused(struct call *call, const char *code)
{
    AUTO(diags) diags = diags_new();
    assert_int_equal(
        kernel_run(kernel_find("gemm"), call->tensors, 3, diags, SPAN_NONE),
        ERR_INPUT);
    assert_true(diags_count(diags) >= 1);
    assert_string_equal(diags_get(diags, 0)->code, code);
}

static void test_the_unspoilt_call_runs(void **state)
{
    (void)state;
    g_autofree struct call *call = call_new();
    AUTO(diags) diags = diags_new();
    assert_int_equal(
        kernel_run(kernel_find("gemm"), call->tensors, 3, diags, SPAN_NONE),
        OK);
    assert_int_equal(diags_count(diags), 0);
}

static void test_missing_tensor_is_refused(void **state)
{
    (void)state;
    g_autofree struct call *call = call_new();
    call->tensors[1].name = "W";
    expect_refused(call, "kernel-missing-tensor");
}

static void test_unknown_dimension_is_refused(void **state)
{
    (void)state;
    g_autofree struct call *call = call_new();
    call->tensors[0].dims = "mx";
    expect_refused(call, "kernel-dimensions");
}

static void test_repeated_dimension_is_refused(void **state)
{
    (void)state;
    g_autofree struct call *call = call_new();
    call->tensors[0].dims = "mmk";
    expect_refused(call, "kernel-dimensions");
}

static void test_missing_dimension_is_refused(void **state)
{
    (void)state;
    g_autofree struct call *call = call_new();
    call->tensors[0].dims = "m";
    expect_refused(call, "kernel-dimensions");
}

static void test_disagreeing_extents_are_refused(void **state)
{
    (void)state;
    g_autofree struct call *call = call_new();
    call->tensors[1].extent[0] = 2;
    expect_refused(call, "kernel-extents");
}

static void test_empty_extent_is_refused(void **state)
{
    (void)state;
    g_autofree struct call *call = call_new();
    call->tensors[0].extent[0] = 0;
    expect_refused(call, "kernel-extents");
}

static void test_huge_extents_are_refused(void **state)
{
    (void)state;
    g_autofree struct call *call = call_new();
    call->tensors[0].extent[0] = INT64_MAX;
    call->tensors[2].extent[0] = INT64_MAX;
    expect_refused(call, "kernel-extents");
}

static void test_result_without_the_batch_is_refused(void **state)
{
    (void)state;
    g_autofree struct call *call = call_new();
    call->tensors[0] =
        (struct kernel_tensor){"A", "bmk", {2, 1, 3}, call->a, NULL};
    call->tensors[2] = (struct kernel_tensor){"Z", "mn", {1, 4}, call->z, NULL};
    expect_refused(call, "kernel-dimensions");
}

static void test_unknown_kernel_has_a_suggestion(void **state)
{
    (void)state;
    AUTO(diags) diags = diags_new();
    assert_null(kernel_look_up(diags, SPAN_NONE, "softmax-atention"));
    assert_string_equal(diags_get(diags, 0)->code, "kernel-unknown");
    assert_string_equal(diags_get(diags, 0)->suggestion,
                        "did you mean 'softmax-attention'?");
}

static void test_errors_given_with_inputs_are_not_read(void **state)
{
    (void)state;
    g_autofree struct call *call = call_new();
    double wrong[6] = {(double)NAN, -1.0, HUGE_VAL,
                       (double)NAN, -1.0, HUGE_VAL};
    double error[8];
    for (int i = 0; i < 6; i++) {
        call->a[i] = 1.0;
    }
    AUTO(diags) diags = diags_new();
    double k[6] = {0.0};
    struct kernel_tensor tensors[] = {
        {"Q", "pe", {2, 3}, call->a, wrong},
        {"K", "me", {2, 3}, k, wrong},
        {"V", "mf", {2, 3}, call->a, wrong},
        {"AV", "pf", {2, 3}, call->z, error},
    };
    assert_int_equal(kernel_run(kernel_find("causal-attention"), tensors, 4,
                                diags, SPAN_NONE),
                     OK);
    for (int i = 0; i < 6; i++) {
        assert_true(fabs(call->z[i] - 1.0) <= error[i]);
        assert_true(error[i] < 1e-14);
    }
}

static void test_bounds_need_not_be_asked_for(void **state)
{
    (void)state;
    double q[2] = {0.5, 1.5};
    double value[2] = {0.0};
    struct kernel_tensor tensors[] = {
        {"Q", "pe", {2, 1}, q, NULL},
        {"K", "me", {2, 1}, q, NULL},
        {"V", "mf", {2, 1}, q, NULL},
        {"AV", "pf", {2, 1}, value, NULL},
    };
    for (size_t i = 0; i < kernel_count(); i++) {
        /* Every kernel that takes these four and nothing else. */
        AUTO(diags) diags = diags_new();
        enum status status =
            kernel_run(kernel_get(i), tensors, 4, diags, SPAN_NONE);
        assert_true(status == OK || status == ERR_INPUT);
        assert_true(status == ERR_INPUT || fabs(value[1]) > 0.0);
        value[1] = 0.0;
    }
}

static void test_every_parameter_is_named_once(void **state)
{
    (void)state;
    for (size_t i = 0; i < kernel_count(); i++) {
        const struct kernel *kernel = kernel_get(i);
        for (int p = 0;
             p < KERNEL_MAX_PARAMETERS && kernel->parameter[p].name != NULL;
             p++) {
            assert_true(kernel->parameter[p].least >= 0);
            for (int other = 0; other < p; other++) {
                assert_string_not_equal(kernel->parameter[p].name,
                                        kernel->parameter[other].name);
            }
        }
    }
}

static void test_every_kernel_has_one_result_and_a_help_line(void **state)
{
    (void)state;
    assert_true(kernel_count() >= 2);
    for (size_t i = 0; i < kernel_count(); i++) {
        const struct kernel *kernel = kernel_get(i);
        int results = 0;
        for (int o = 0;
             o < KERNEL_MAX_OPERANDS && kernel->operand[o].name != NULL; o++) {
            results += kernel->operand[o].is_result;
        }
        assert_int_equal(results, 1);
        assert_true(strlen(kernel->help) > 0);
        assert_ptr_equal(kernel_find(kernel->name), kernel);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_unspoilt_call_runs),
        cmocka_unit_test(test_missing_tensor_is_refused),
        cmocka_unit_test(test_unknown_dimension_is_refused),
        cmocka_unit_test(test_repeated_dimension_is_refused),
        cmocka_unit_test(test_missing_dimension_is_refused),
        cmocka_unit_test(test_disagreeing_extents_are_refused),
        cmocka_unit_test(test_empty_extent_is_refused),
        cmocka_unit_test(test_huge_extents_are_refused),
        cmocka_unit_test(test_result_without_the_batch_is_refused),
        cmocka_unit_test(test_unknown_kernel_has_a_suggestion),
        cmocka_unit_test(test_errors_given_with_inputs_are_not_read),
        cmocka_unit_test(test_bounds_need_not_be_asked_for),
        cmocka_unit_test(test_every_parameter_is_named_once),
        cmocka_unit_test(test_every_kernel_has_one_result_and_a_help_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
