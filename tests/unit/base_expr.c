/* Expressions: values, precedence, errors with their places, canonical text. */
#include "tests/assert_diags.h"

#include <string.h>

struct value_example {
    const char *text;
    int64_t value;
};

struct error_example {
    const char *text;
    const char *code;
    int column; /* within the text */
    int length;
};

static struct scope *example_scope(void)
{
    struct scope *scope = scope_new(NULL);
    scope_set(scope, "P", 64);
    scope_set(scope, "M0", 16);
    scope_set(scope, "gbuf.size", 1024);
    scope_set(scope, "least", INT64_MIN);
    scope_set(scope, "most", INT64_MAX);
    return scope;
}

static enum status parse_and_eval(struct diags *diags, const char *text,
                                  int64_t *value)
{
    const struct source *source = diags_add_text(diags, "expr", text);
    struct span at = {source, 1, 1, (int)strlen(text), NULL};
    AUTO(expr) expr = NULL;
    AUTO(scope) scope = example_scope();
    TRY(expr_parse(diags, at, text, &expr));
    return expr_eval(expr, scope, diags, value);
}

static void check_values(const struct value_example *examples, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        AUTO(diags) diags = diags_new();
        int64_t value = 0;
        enum status status = parse_and_eval(diags, examples[i].text, &value);
        if (status != OK || value != examples[i].value) {
            fail_msg("'%s': status %d, value %" G_GINT64_FORMAT,
                     examples[i].text, (int)status, value);
        }
        assert_int_equal(diags_count(diags), 0);
    }
}

static void check_errors(const struct error_example *examples, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        AUTO(diags) diags = diags_new();
        int64_t value = -77;
        enum status status = parse_and_eval(diags, examples[i].text, &value);
        print_message("# %s\n", examples[i].text);
        assert_int_equal(status, ERR_INPUT);
        assert_true(value == -77);
        assert_one_diag(diags, examples[i].code, 1, examples[i].column);
        assert_int_equal(diags_get(diags, 0)->span.length, examples[i].length);
    }
}

static void test_literals_and_their_suffixes(void **state)
{
    (void)state;
    static const struct value_example examples[] = {
        {"0", 0},
        {"007", 7},
        {" 1K ", 1024},
        {"3Ki", 3072},
        {"3KiB", 3072},
        {"2M", 2 << 20},
        {"2Mi", 2 << 20},
        {"2MiB", 2 << 20},
        {"1G", 1 << 30},
        {"1Gi", 1 << 30},
        {"1GiB", 1 << 30},
        {"9223372036854775807", INT64_MAX},
        {"-9223372036854775808", INT64_MIN},
        {"-8589934592G", INT64_MIN},
        {"8589934591G", INT64_MAX - (1 << 30) + 1},
    };
    check_values(examples, G_N_ELEMENTS(examples));
}

static void test_operators_bind_as_in_c(void **state)
{
    (void)state;
    static const struct value_example examples[] = {
        {"1 + 2 * 3", 7},
        {"(1 + 2) * 3", 9},
        {"10 - 4 - 3", 3},
        {"100 / 10 / 5", 2},
        {"100 / (10 / 5)", 50},
        {"2 * 7 % 4", 2},
        {"-2 * -3", 6},
        {"- - 2", 2},
        {"!0 + 1", 2},
        {"!5", 0},
        {"!!5", 1},
        {"1 < 2 == 2 > 1", 1},
        {"1 + 1 == 2", 1},
        {"1 || 0 && 0", 1},
        {"2 && 3", 1},
        {"0 || 0", 0},
        {"1 == 1 && 2 != 2", 0},
        {"3 <= 3", 1},
        {"3 >= 4", 0},
        {"0 ? 1 : 0 ? 2 : 3", 3},
        {"1 ? 0 ? 1 : 2 : 3", 2},
        {"1 + 0 ? 5 : 6", 5},
        {"P>M0?P-M0:0", 48},
        {"-P", -64},
        {"gbuf.size / 4", 256},
        {"5--3", 8},
    };
    check_values(examples, G_N_ELEMENTS(examples));
}

static void test_division_rounds_down(void **state)
{
    (void)state;
    static const struct value_example examples[] = {
        {"7 / 2", 3},
        {"-7 / 2", -4},
        {"7 / -2", -4},
        {"-7 / -2", 3},
        {"7 % 2", 1},
        {"-7 % 2", 1},
        {"7 % -2", -1},
        {"-7 % -2", -1},
        {"-8 / 2", -4},
        {"-8 % 2", 0},
        {"least % -1", 0},
        {"least / 1", INT64_MIN},
        {"least / 2 * 2", INT64_MIN},
        {"most % least", -1},
        {"least % most", INT64_MAX - 1},
    };
    check_values(examples, G_N_ELEMENTS(examples));
}

static void test_functions(void **state)
{
    (void)state;
    static const struct value_example examples[] = {
        {"min(P, 256) * 2", 128},
        {"min(3, 1, 2)", 1},
        {"max(3, 1, 2, 9, 4)", 9},
        {"max(-1, -2)", -1},
        {"ceil_div(7, 2)", 4},
        {"ceil_div(0, 2)", 0},
        {"largest_divisor(60, 16)", 15},
        {"largest_divisor(60, 0)", 1},
        {"gcd(12, 18)", 6},
        {"gcd(12, 18, 8)", 2},
        {"gcd(0, 0)", 0},
        {"log2_ceil(1)", 0},
        {"log2_ceil(2)", 1},
        {"log2_ceil(3)", 2},
        {"log2_ceil(1K)", 10},
        {"log2_ceil(1025)", 11},
        {"log2_ceil(most)", 63},
        {"max(min(1, 2), ceil_div(9, min(4, 5)))", 3},
    };
    check_values(examples, G_N_ELEMENTS(examples));
}

static void test_only_what_is_needed_is_evaluated(void **state)
{
    (void)state;
    static const struct value_example examples[] = {
        {"1 ? 5 : 1 / 0", 5}, {"0 ? 1 / 0 : 5", 5},  {"0 && 1 / 0", 0},
        {"1 || unknown", 1},  {"P > 0 || P / 0", 1},
    };
    check_values(examples, G_N_ELEMENTS(examples));
}

static void test_syntax_errors_stand_at_the_offending_character(void **state)
{
    (void)state;
    static const struct error_example examples[] = {
        {"", "expr-syntax", 1, 1},
        {"   ", "expr-syntax", 1, 3},
        {"1 +", "expr-syntax", 4, 1},
        {"1 + * 2", "expr-syntax", 5, 1},
        {"1 2", "expr-syntax", 3, 1},
        {"(1 + 2", "expr-syntax", 7, 1},
        {"1 + 2)", "expr-syntax", 6, 1},
        {"P ? 1", "expr-syntax", 6, 1},
        {"P ? 1 ; 2", "expr-syntax", 7, 1},
        {"min(1, 2", "expr-syntax", 9, 1},
        {"min(1,", "expr-syntax", 7, 1},
        {"min(, 1)", "expr-syntax", 5, 1},
        {"min(1,)", "expr-syntax", 7, 1},
        {"1.5", "expr-syntax", 1, 3},
        {"16X + 1", "expr-syntax", 1, 3},
        {"1 & 2", "expr-syntax", 3, 1},
        {"1 = 2", "expr-syntax", 3, 1},
        {"1 + \xC3\xA4\xC3\xB6", "expr-syntax", 5, 1},
        {"\"a\"", "expr-syntax", 1, 1},
        {"1 << 2", "expr-syntax", 4, 1},
    };
    check_errors(examples, G_N_ELEMENTS(examples));
}

static void test_errors_of_names_and_functions(void **state)
{
    (void)state;
    static const struct error_example examples[] = {
        {"P + Q", "expr-unknown-name", 5, 1},
        {"1 + nim(1, 2)", "expr-unknown-function", 5, 3},
        {"min()", "expr-arguments", 1, 3},
        {"min(1)", "expr-arguments", 1, 3},
        {"2 * log2_ceil(1, 2)", "expr-arguments", 5, 9},
        {"ceil_div(1, 2, 3)", "expr-arguments", 1, 8},
        {"1 + ceil_div(1, 0)", "expr-domain", 5, 14},
        {"ceil_div(-1, 2)", "expr-domain", 1, 15},
        {"largest_divisor(0, 2)", "expr-domain", 1, 21},
        {"log2_ceil(0)", "expr-domain", 1, 12},
        {"gcd(4, -2)", "expr-domain", 1, 10},
    };
    check_errors(examples, G_N_ELEMENTS(examples));
}

static void test_errors_of_arithmetic_stand_at_their_part(void **state)
{
    (void)state;
    static const struct error_example examples[] = {
        {"1 + P / (M0 - 16)", "expr-division-by-zero", 9, 9},
        {"5 % 0", "expr-division-by-zero", 5, 1},
        {"1 + (most + 1)", "expr-overflow", 5, 10},
        {"least - 1", "expr-overflow", 1, 9},
        {"4G * 4G", "expr-overflow", 1, 7},
        {"-least", "expr-overflow", 1, 6},
        {"least / -1", "expr-overflow", 1, 10},
        {"9223372036854775808", "expr-overflow", 1, 19},
        {"1 + 99999999999999999999", "expr-overflow", 5, 20},
        {"8589934592G", "expr-overflow", 1, 11},
        {"-9223372036854775809", "expr-overflow", 2, 19},
    };
    check_errors(examples, G_N_ELEMENTS(examples));
}

static void test_unknown_name_suggests_a_near_one(void **state)
{
    (void)state;
    AUTO(diags) diags = diags_new();
    int64_t value = 0;
    assert_int_equal(parse_and_eval(diags, "2 * gbuf.sise", &value), ERR_INPUT);
    assert_rendered(
        diags, "expr:1:5: error: unknown name 'gbuf.sise' [expr-unknown-name]\n"
               "    1 | 2 * gbuf.sise\n"
               "      |     ^~~~~~~~~ did you mean 'gbuf.size'?\n");
}

static void test_unknown_function_suggests_a_near_one(void **state)
{
    (void)state;
    AUTO(diags) diags = diags_new();
    int64_t value = 0;
    assert_int_equal(parse_and_eval(diags, "ceil_dvi(1, 2)", &value),
                     ERR_INPUT);
    assert_string_equal(diags_get(diags, 0)->suggestion,
                        "did you mean 'ceil_div'?");
}

static void test_places_count_from_where_the_text_stands(void **state)
{
    (void)state;
    AUTO(diags) diags = diags_new();
    const struct source *source =
        diags_add_text(diags, "f", "\n\xC3\xA4: 1 + Q");
    struct span at = {source, 2, 4, 5, NULL};
    AUTO(expr) expr = NULL;
    assert_int_equal(expr_parse(diags, at, "1 + Q", &expr), OK);
    assert_span(expr_span(expr), 2, 4, 5);
    int64_t value = 0;
    assert_int_equal(expr_eval(expr, NULL, diags, &value), ERR_INPUT);
    assert_one_diag(diags, "expr-unknown-name", 2, 8);
}

static char *repeat(const char *before, const char *middle, const char *after,
                    int count)
{
    GString *text = g_string_new(NULL);
    for (int i = 0; i < count; i++) {
        g_string_append(text, before);
    }
    g_string_append(text, middle);
    for (int i = 0; i < count; i++) {
        g_string_append(text, after);
    }
    return g_string_free(text, FALSE);
}

static void test_nesting_is_limited(void **state)
{
    (void)state;
    static const struct {
        const char *before;
        const char *after;
    } shapes[] = {
        {"(", ")"},      {"-", ""},    {"!", ""},
        {"min(1,", ")"}, {"1?", ":2"}, {"1?2:", ""},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(shapes); i++) {
        int64_t value = 0;
        g_autofree char *good =
            repeat(shapes[i].before, "P", shapes[i].after, 60);
        AUTO(diags) diags = diags_new();
        assert_int_equal(parse_and_eval(diags, good, &value), OK);
        g_autofree char *deep =
            repeat(shapes[i].before, "P", shapes[i].after, 100000);
        assert_int_equal(parse_and_eval(diags, deep, &value), ERR_INPUT);
        assert_int_equal(diags_count(diags), 1);
        assert_string_equal(diags_get(diags, 0)->code, "expr-too-deep");
    }
}

static void test_chains_are_limited(void **state)
{
    (void)state;
    int64_t value = 0;
    AUTO(diags) diags = diags_new();
    g_autofree char *good = repeat("1+", "1", "", 900);
    assert_int_equal(parse_and_eval(diags, good, &value), OK);
    assert_int_equal(value, 901);
    g_autofree char *tall = repeat("1+", "1", "", 1000000);
    assert_int_equal(parse_and_eval(diags, tall, &value), ERR_INPUT);
    assert_int_equal(diags_count(diags), 1);
    assert_string_equal(diags_get(diags, 0)->code, "expr-too-deep");
}

static void test_canonical_text(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *printed;
    } examples[] = {
        {" ( 1+2 )*3 ", "(1 + 2) * 3"},
        {"((1*2))+3", "1 * 2 + 3"},
        {"1-(2-3)", "1 - (2 - 3)"},
        {"(1-2)-3", "1 - 2 - 3"},
        {"1K", "1024"},
        {"-5", "-5"},
        {"-(5)", "-(5)"},
        {"-(-5)", "--5"},
        {"--P", "--P"},
        {"-(P+1)", "-(P + 1)"},
        {"-P*2", "-P * 2"},
        {"!(1&&0)||0", "!(1 && 0) || 0"},
        {"(a?b:c)?d:e", "(a ? b : c) ? d : e"},
        {"a?(b?c:d):(e?f:g)", "a ? b ? c : d : e ? f : g"},
        {"(a?b:c)+1", "(a ? b : c) + 1"},
        {"min( 1,(2) , a?b:c)", "min(1, 2, a ? b : c)"},
        {"-9223372036854775808", "-9223372036854775808"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(examples); i++) {
        AUTO(diags) diags = diags_new();
        AUTO(expr) expr = NULL;
        assert_int_equal(expr_parse(diags, SPAN_NONE, examples[i].text, &expr),
                         OK);
        g_autofree char *printed = expr_print(expr);
        assert_string_equal(printed, examples[i].printed);
    }
}

static void append_name(const char *name, struct span span, void *data)
{
    g_string_append_printf(data, "%s@%d ", name, span.column);
}

static void test_names_are_visited_left_to_right(void **state)
{
    (void)state;
    AUTO(diags) diags = diags_new();
    const char *text = "a + min(b, -c) * (d ? e : a)";
    const struct source *source = diags_add_text(diags, "f", text);
    AUTO(expr) expr = NULL;
    assert_int_equal(
        expr_parse(diags, (struct span){source, 1, 1, 1, NULL}, text, &expr),
        OK);
    GString *names = g_string_new(NULL);
    expr_visit_names(expr, append_name, names);
    assert_string_equal(names->str, "a@1 b@9 c@13 d@19 e@23 a@27 ");
    g_string_free(names, TRUE);
}

static void test_literal_without_a_text(void **state)
{
    (void)state;
    AUTO(diags) diags = diags_new();
    AUTO(expr) expr = expr_new_literal(INT64_MIN, SPAN_NONE);
    int64_t value = 0;
    assert_int_equal(expr_eval(expr, NULL, diags, &value), OK);
    assert_true(value == INT64_MIN);
    g_autofree char *printed = expr_print(expr);
    assert_string_equal(printed, "-9223372036854775808");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_literals_and_their_suffixes),
        cmocka_unit_test(test_operators_bind_as_in_c),
        cmocka_unit_test(test_division_rounds_down),
        cmocka_unit_test(test_functions),
        cmocka_unit_test(test_only_what_is_needed_is_evaluated),
        cmocka_unit_test(test_syntax_errors_stand_at_the_offending_character),
        cmocka_unit_test(test_errors_of_names_and_functions),
        cmocka_unit_test(test_errors_of_arithmetic_stand_at_their_part),
        cmocka_unit_test(test_unknown_name_suggests_a_near_one),
        cmocka_unit_test(test_unknown_function_suggests_a_near_one),
        cmocka_unit_test(test_places_count_from_where_the_text_stands),
        cmocka_unit_test(test_nesting_is_limited),
        cmocka_unit_test(test_chains_are_limited),
        cmocka_unit_test(test_canonical_text),
        cmocka_unit_test(test_names_are_visited_left_to_right),
        cmocka_unit_test(test_literal_without_a_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
