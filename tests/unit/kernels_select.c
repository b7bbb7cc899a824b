/* Choices by value: ties, and when a choice is proved. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <glib.h>

#include "kernels/select.h"

enum { N = 5 };

static void test_largest_takes_the_first_of_exact_equals(void **state)
{
    (void)state;
    const struct bounded x[N] = {
        {1.0, 0.0}, {3.0, 0.0}, {2.0, 0.0}, {3.0, 0.0}, {0.0, 0.0}};
    bool is_decided = true;
    assert_int_equal(select_largest(x, N, &is_decided), 1);
    assert_true(is_decided);
}

static void test_largest_is_undecided_if_intervals_touch(void **state)
{
    (void)state;
    struct bounded x[N] = {
        {1.0, 0.1}, {3.0, 0.1}, {2.0, 0.1}, {2.9, 0.1}, {0.0, 0.1}};
    bool is_decided = true;
    assert_int_equal(select_largest(x, N, &is_decided), 1);
    assert_false(is_decided);
    x[3].value = 2.7;
    is_decided = true;
    assert_int_equal(select_largest(x, N, &is_decided), 1);
    assert_true(is_decided);
}

static void test_top_is_ascending_by_index_with_ties_to_the_lower(void **state)
{
    (void)state;
    const struct bounded x[N] = {
        {1.0, 0.0}, {3.0, 0.0}, {2.0, 0.0}, {3.0, 0.0}, {2.0, 0.0}};
    int64_t index[3] = {0};
    bool is_decided = true;
    select_top(x, N, 3, index, &is_decided);
    assert_int_equal(index[0], 1);
    assert_int_equal(index[1], 2);
    assert_int_equal(index[2], 3);
    assert_true(is_decided);
}

static void test_top_minds_only_the_border_of_the_set(void **state)
{
    (void)state;
    struct bounded x[N] = {
        {1.0, 0.1}, {3.0, 0.1}, {2.0, 0.1}, {3.05, 0.1}, {0.0, 0.1}};
    int64_t index[3] = {0};
    bool is_decided = true;
    /* 1 and 3 may change places, but both are in. */
    select_top(x, N, 2, index, &is_decided);
    assert_true(is_decided);
    assert_int_equal(index[0], 1);
    assert_int_equal(index[1], 3);
    select_top(x, N, 1, index, &is_decided);
    assert_false(is_decided);
    is_decided = true;
    x[0].error = 2.0;
    select_top(x, N, 3, index, &is_decided);
    assert_false(is_decided);
}

static void test_what_is_not_a_number_is_never_decided(void **state)
{
    (void)state;
    const struct bounded x[3] = {
        {3.0, 0.0}, bounded_exact((double)NAN), {5.0, 0.0}};
    for (int64_t wanted = 1; wanted <= 2; wanted++) {
        int64_t index[2] = {-1, -1};
        bool is_decided = true;
        select_top(x, 3, wanted, index, &is_decided);
        assert_int_equal(index[wanted - 1], 2);
        assert_false(is_decided);
    }
    bool is_decided = true;
    assert_int_equal(select_largest(x, 3, &is_decided), 2);
    assert_false(is_decided);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_largest_takes_the_first_of_exact_equals),
        cmocka_unit_test(test_largest_is_undecided_if_intervals_touch),
        cmocka_unit_test(test_top_is_ascending_by_index_with_ties_to_the_lower),
        cmocka_unit_test(test_top_minds_only_the_border_of_the_set),
        cmocka_unit_test(test_what_is_not_a_number_is_never_decided),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
