/* What the text means as a tree, seen through its canonical print. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/einsum_text.h"

static const char shapes[] = "M: 6, M0: 3, K: 4, E: 2";
static const char inputs[] = "X: \"[m,k]\", W: \"[k,e]\", C: \"[m]\"";

static void assert_printed(const char *einsums, const char *printed)
{
    struct loaded loaded = load_cascade(shapes, inputs, einsums, "Y");
    g_autofree char *text = cascade_print(loaded.cascade);
    assert_string_equal(text, printed);
    loaded_clear(&loaded);
}

static void test_product_binds_tighter_than_sum(void **state)
{
    (void)state;
    assert_printed("Y[m,k]=C[m]+X[m,k]*2", "Y[m,k] = C[m] + X[m,k] * 2\n");
    assert_printed("Y[m,k]=(C[m]+X[m,k])*2", "Y[m,k] = (C[m] + X[m,k]) * 2\n");
}

static void test_operators_group_to_the_left(void **state)
{
    (void)state;
    assert_printed("Y[m,k] = (X[m,k] - C[m]) - 1",
                   "Y[m,k] = X[m,k] - C[m] - 1\n");
    assert_printed("Y[m,k] = X[m,k] - (C[m] - 1)",
                   "Y[m,k] = X[m,k] - (C[m] - 1)\n");
    assert_printed("Y[m,k] = X[m,k] / (C[m] * 2)",
                   "Y[m,k] = X[m,k] / (C[m] * 2)\n");
}

static void test_negation_binds_tightest(void **state)
{
    (void)state;
    assert_printed("Y[m,k] = - X[m,k] * - C[m]", "Y[m,k] = -X[m,k] * -C[m]\n");
    assert_printed("Y[m,k] = -(X[m,k] + 1)", "Y[m,k] = -(X[m,k] + 1)\n");
    assert_printed("Y[m,k] = --X[m,k]", "Y[m,k] = --X[m,k]\n");
}

static void test_redundant_parentheses_disappear(void **state)
{
    (void)state;
    assert_printed("Y[m,k] = ((exp(((X[m,k])))))", "Y[m,k] = exp(X[m,k])\n");
}

static void test_numbers_print_as_they_read(void **state)
{
    (void)state;
    assert_printed("Y[m,k] = X[m,k] * 0.1 + 1e-5 + 12 + 1e300",
                   "Y[m,k] = X[m,k] * 0.1 + 1e-05 + 12 + 1e+300\n");
}

static void test_reduction_is_told_from_call(void **state)
{
    (void)state;
    assert_printed("Y[m] = max(k) X[m,k]", "Y[m] = max(k) X[m,k]\n");
    assert_printed("Y[m] = max(k) (X[m,k])", "Y[m] = max(k) X[m,k]\n");
    assert_printed("Y[m] = max(k) -X[m,k]", "Y[m] = max(k) -X[m,k]\n");
    assert_printed("Y[m,k] = max(C[m], X[m,k])",
                   "Y[m,k] = max(C[m], X[m,k])\n");
    assert_printed("Y[] = min( m , k ) X[m,k]", "Y[] = min(m,k) X[m,k]\n");
    assert_printed("Y[m] = sum(k) max(X[m,k],0)",
                   "Y[m] = sum(k) max(X[m,k], 0)\n");
}

static void test_index_is_an_expression(void **state)
{
    (void)state;
    assert_printed("B[m1,m0,k] = X[ m1 * M0 + m0 , k ]\nY[m0] = B[M1-1,m0,K-1]",
                   "B[m1,m0,k] = X[m1*M0+m0,k]\nY[m0] = B[M1-1,m0,K-1]\n");
}

static void test_statement_continues_in_bracket_and_after_operator(void **state)
{
    (void)state;
    assert_printed("Y[m,\nk] = X[m,k] +  # the first\n  C[m] *\n  2",
                   "Y[m,k] = X[m,k] + C[m] * 2\n");
    assert_printed("Y[m,k] =\nmax(X[m,k]\n,\n  0)\n",
                   "Y[m,k] = max(X[m,k], 0)\n");
}

static void test_infinity_is_a_number(void **state)
{
    (void)state;
    assert_printed("R[0] = -inf\nR[m+1] = max(R[m], C[m])\nY[] = R[M]",
                   "R[0] = -inf\nR[m+1] = max(R[m], C[m])\nY[] = R[M]\n");
}

static void test_comments_and_blank_lines_are_nothing(void **state)
{
    (void)state;
    assert_printed("# first\n\nY[m] = C[m] + 1 # last\n\n",
                   "Y[m] = C[m] + 1\n");
}

static void test_errors_of_several_lines_are_all_found(void **state)
{
    (void)state;
    AUTO(diags) diags = diags_new();
    AUTO(cascade) cascade = NULL;
    g_autofree char *text = cascade_yaml(
        shapes, inputs, "Y[m] = C[m] +* 1\nZ[m] = C[m\nU[m] = foo(C[m])", "Y");
    const struct source *source = diags_add_text(diags, "test", text);
    assert_int_equal(cascade_load_source(diags, source, &cascade), ERR_INPUT);
    assert_int_equal(diags_error_count(diags), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_product_binds_tighter_than_sum),
        cmocka_unit_test(test_operators_group_to_the_left),
        cmocka_unit_test(test_negation_binds_tightest),
        cmocka_unit_test(test_redundant_parentheses_disappear),
        cmocka_unit_test(test_numbers_print_as_they_read),
        cmocka_unit_test(test_reduction_is_told_from_call),
        cmocka_unit_test(test_index_is_an_expression),
        cmocka_unit_test(
            test_statement_continues_in_bracket_and_after_operator),
        cmocka_unit_test(test_infinity_is_a_number),
        cmocka_unit_test(test_comments_and_blank_lines_are_nothing),
        cmocka_unit_test(test_errors_of_several_lines_are_all_found),
    };
    return cmocka_run_group_tests_name("einsum_parser", tests, NULL, NULL);
}
