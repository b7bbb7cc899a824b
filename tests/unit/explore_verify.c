/* weir verify: right cascades pass, wrong ones do not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <glib/gstdio.h>
#include <math.h>
#include <string.h>

#include "explore/explore.h"
#include "tests/problem_fixture.h"

static const struct verify_options options = {.seed = 3};

static void test_mapped_attention_agrees_with_its_kernel(void **state)
{
    (void)state;
    AUTO(diags) diags = diags_new();
    AUTO(problem)
    problem = fixture_load(diags, "attention/one-pass", "teaching",
                           "fusemax-binding", "B=2 H=2 P=16 M=32 E=4 F=8");
    AUTO(verification) verification = NULL;
    assert_int_equal(explore_verify(diags, problem, &options, &verification),
                     OK);
    assert_int_equal(verification->count, 2);
    for (size_t i = 0; i < 2; i++) {
        const struct check *check = &verification->checks[i];
        assert_true(check->is_ok);
        assert_int_equal(check->point_count, 2 * 2 * 16 * 8);
        assert_true(check->max_abs_error <= check->error_bound);
        assert_true(check->error_bound > 0.0 && check->error_bound < 1e-10);
        assert_int_equal(check->seed, 3);
    }
    assert_string_equal(verification->checks[1].mapping, "fusemax-binding");
}

/* The cascade of the file with one word replaced. */
static enum status verify_changed(struct diags *diags, const char *from,
                                  const char *to, bool *is_ok)
{
    g_autofree char *text = NULL;
    assert_true(g_file_get_contents("workloads/attention/three-pass.yaml",
                                    &text, NULL, NULL));
    assert_non_null(strstr(text, from));
    g_auto(GStrv) parts = g_strsplit(text, from, -1);
    g_autofree char *changed = g_strjoinv(to, parts);
    g_autofree char *path = NULL;
    int file = g_file_open_tmp("weir-verify-XXXXXX.yaml", &path, NULL);
    assert_true(file >= 0);
    g_close(file, NULL);
    assert_true(g_file_set_contents(path, changed, -1, NULL));
    AUTO(problem) problem = NULL;
    AUTO(verification) verification = NULL;
    enum status status = problem_load(diags, path, NULL, NULL, NULL, &problem);
    g_unlink(path);
    assert_int_equal(status, OK);
    status = explore_verify(diags, problem, &options, &verification);
    *is_ok = status == OK && verification->checks[0].is_ok;
    return status;
}

static void test_wrong_formula_fails(void **state)
{
    (void)state;
    AUTO(diags) diags = diags_new();
    bool is_ok = true;
    assert_int_equal(
        verify_changed(diags, "A[b,h,m,p] * V", "SN[b,h,m,p] * V", &is_ok), OK);
    assert_false(is_ok);
}

static void test_nan_fails(void **state)
{
    (void)state;
    AUTO(diags) diags = diags_new();
    bool is_ok = true;
    assert_int_equal(verify_changed(diags, "exp(QK[b,h,m,p] - GM[b,h,p])",
                                    "sqrt(QK[b,h,m,p] - GM[b,h,p] - GM[b,h,p])",
                                    &is_ok),
                     OK);
    assert_false(is_ok);
}

static void test_missing_and_unknown_kernels_are_reported(void **state)
{
    (void)state;
    bool is_ok = true;
    AUTO(diags) without = diags_new();
    assert_int_equal(
        verify_changed(without, "kernel: softmax-attention\n", "", &is_ok),
        ERR_INPUT);
    assert_string_equal(diags_get(without, 0)->code, "verify-no-kernel");
    AUTO(diags) unknown = diags_new();
    assert_int_equal(verify_changed(unknown, "kernel: softmax-attention",
                                    "kernel: softmax-attentoin", &is_ok),
                     ERR_INPUT);
    assert_string_equal(diags_get(unknown, 0)->code, "kernel-unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mapped_attention_agrees_with_its_kernel),
        cmocka_unit_test(test_wrong_formula_fails),
        cmocka_unit_test(test_nan_fails),
        cmocka_unit_test(test_missing_and_unknown_kernels_are_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
