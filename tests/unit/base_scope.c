/* Scopes: shadowing and order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/base.h"

static void test_inner_names_shadow_outer_ones(void **state)
{
    (void)state;
    AUTO(scope) outer = scope_new(NULL);
    AUTO(scope) inner = scope_new(outer);
    scope_set(outer, "P", 1);
    scope_set(outer, "M", 2);
    scope_set(inner, "P", 3);
    int64_t value = 0;
    assert_true(scope_get(inner, "P", &value));
    assert_int_equal(value, 3);
    assert_true(scope_get(inner, "M", &value));
    assert_int_equal(value, 2);
    assert_true(scope_get(outer, "P", &value));
    assert_int_equal(value, 1);
}

static void test_absent_name_leaves_the_value_alone(void **state)
{
    (void)state;
    AUTO(scope) scope = scope_new(NULL);
    int64_t value = 7;
    assert_false(scope_get(scope, "P", &value));
    assert_int_equal(value, 7);
}

static void test_setting_again_replaces_and_keeps_the_place(void **state)
{
    (void)state;
    AUTO(scope) outer = scope_new(NULL);
    AUTO(scope) scope = scope_new(outer);
    scope_set(outer, "Z", 0);
    scope_set(scope, "B", 1);
    scope_set(scope, "A", 2);
    scope_set(scope, "B", 3);
    int64_t value = 0;
    assert_true(scope_get(scope, "B", &value));
    assert_int_equal(value, 3);
    g_autoptr(GPtrArray) names = scope_names(scope);
    assert_int_equal(names->len, 3);
    assert_string_equal(names->pdata[0], "B");
    assert_string_equal(names->pdata[1], "A");
    assert_string_equal(names->pdata[2], "Z");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_inner_names_shadow_outer_ones),
        cmocka_unit_test(test_absent_name_leaves_the_value_alone),
        cmocka_unit_test(test_setting_again_replaces_and_keeps_the_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
