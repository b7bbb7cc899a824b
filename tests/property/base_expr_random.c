/* Random expressions. A generator writes a text and computes its value beside
 * it in 128 bits, with its own rules for rounding and for what is an error; the
 * evaluator must agree. Printing must reach a fixed point at once, and the
 * printed text must have the same value. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "base/base.h"

#define ROUNDS 20000

__extension__ typedef __int128 wide_int;

/* A generated text with its value; not valid: evaluating it is an error. */
struct generated {
    GString *text;
    bool is_valid;
    wide_int value;
};

static struct generated generate(GRand *random, int depth);

static void settle(struct generated *result)
{
    if (result->value > INT64_MAX || result->value < INT64_MIN) {
        result->is_valid = false;
    }
}

static int64_t random_value(GRand *random)
{
    static const int64_t ends[] = {0, 1, 2, INT64_MAX, INT64_MAX - 1};
    int kind = g_rand_int_range(random, 0, 4);
    if (kind == 0) {
        return ends[g_rand_int_range(random, 0, G_N_ELEMENTS(ends))];
    }
    if (kind == 1) {
        return (int64_t)g_rand_int(random) << g_rand_int_range(random, 0, 31);
    }
    return g_rand_int_range(random, 0, 20);
}

static struct generated generate_leaf(GRand *random)
{
    struct generated leaf = {g_string_new(NULL), true, 0};
    if (g_rand_int_range(random, 0, 4) == 0) {
        g_string_assign(leaf.text, g_rand_boolean(random) ? "P" : "gb.size");
        leaf.value = leaf.text->str[0] == 'P' ? 64 : -3;
        return leaf;
    }
    int64_t value = random_value(random);
    leaf.value = value;
    if (value % 1024 == 0 && g_rand_boolean(random)) {
        g_string_append_printf(leaf.text, "%" G_GINT64_FORMAT "KiB",
                               value / 1024);
    } else {
        g_string_append_printf(leaf.text, "%" G_GINT64_FORMAT, value);
    }
    return leaf;
}

/* a <op> b, both in parentheses. '&&' and '||' need not evaluate b. */
static struct generated generate_binary(GRand *random, int depth)
{
    static const char *const operators[] = {
        "+", "-", "*", "/", "%", "==", "!=", "<", "<=", ">", ">=", "&&", "||"};
    struct generated a = generate(random, depth - 1);
    struct generated b = generate(random, depth - 1);
    int i = g_rand_int_range(random, 0, G_N_ELEMENTS(operators));
    struct generated result = {g_string_new(NULL), a.is_valid && b.is_valid, 0};
    g_string_printf(result.text, "(%s)%s(%s)", a.text->str, operators[i],
                    b.text->str);
    wide_int x = a.value;
    wide_int y = b.value;
    if (i == 11 || i == 12) {
        bool decides = (x != 0) == (i == 12);
        result.is_valid = a.is_valid && (decides || b.is_valid);
        result.value = i == 11 ? x != 0 && y != 0 : x != 0 || y != 0;
    } else if ((i == 3 || i == 4) && y == 0) {
        result.is_valid = false;
    } else if (result.is_valid) {
        /* The remainder of the divisor's sign, then the quotient from it. */
        wide_int rest = y == 0 ? 0 : ((x % y) + y) % y;
        wide_int quotient = y == 0 ? 0 : (x - rest) / y;
        const wide_int values[] = {x + y, x - y,  x * y,  quotient,
                                   rest,  x == y, x != y, x<y, x <= y, x> y,
                                   x >= y};
        result.value = values[i];
    }
    settle(&result);
    g_string_free(a.text, TRUE);
    g_string_free(b.text, TRUE);
    return result;
}

static struct generated generate_unary(GRand *random, int depth)
{
    struct generated a = generate(random, depth - 1);
    bool is_minus = g_rand_boolean(random);
    struct generated result = {g_string_new(NULL), a.is_valid,
                               is_minus ? -a.value : a.value == 0};
    g_string_printf(result.text, "%c(%s)", is_minus ? '-' : '!', a.text->str);
    settle(&result);
    g_string_free(a.text, TRUE);
    return result;
}

static struct generated generate_ternary(GRand *random, int depth)
{
    struct generated a = generate(random, depth - 1);
    struct generated b = generate(random, depth - 1);
    struct generated c = generate(random, depth - 1);
    const struct generated *chosen = a.value != 0 ? &b : &c;
    struct generated result = {g_string_new(NULL),
                               a.is_valid && chosen->is_valid, chosen->value};
    bool is_bare = g_rand_boolean(random);
    g_string_printf(result.text, is_bare ? "(%s)?%s:%s" : "(%s)?(%s):(%s)",
                    a.text->str, b.text->str, c.text->str);
    g_string_free(a.text, TRUE);
    g_string_free(b.text, TRUE);
    g_string_free(c.text, TRUE);
    return result;
}

static struct generated generate_minimum(GRand *random, int depth)
{
    struct generated a = generate(random, depth - 1);
    struct generated b = generate(random, depth - 1);
    struct generated result = {g_string_new(NULL), a.is_valid && b.is_valid,
                               a.value < b.value ? a.value : b.value};
    g_string_printf(result.text, "min(%s, %s)", a.text->str, b.text->str);
    g_string_free(a.text, TRUE);
    g_string_free(b.text, TRUE);
    return result;
}

static struct generated generate(GRand *random, int depth)
{
    int kind = depth <= 0 ? 0 : g_rand_int_range(random, 0, 8);
    if (kind <= 1) {
        return generate_leaf(random);
    }
    if (kind <= 4) {
        return generate_binary(random, depth);
    }
    if (kind == 5) {
        return generate_unary(random, depth);
    }
    return kind == 6 ? generate_ternary(random, depth)
                     : generate_minimum(random, depth);
}

static void check_value(const struct expr *expr, const struct scope *scope,
                        const struct generated *expected, const char *text)
{
    AUTO(diags) diags = diags_new();
    int64_t value = 0;
    enum status status = expr_eval(expr, scope, diags, &value);
    if ((status == OK) != expected->is_valid ||
        (status == OK && value != expected->value)) {
        fail_msg("'%s' gives status %d, value %" G_GINT64_FORMAT
                 ", expected %s %" G_GINT64_FORMAT,
                 text, (int)status, value,
                 expected->is_valid ? "value" : "an error, not",
                 (int64_t)expected->value);
    }
}

static void parse(const char *text, struct expr **expr)
{
    AUTO(diags) diags = diags_new();
    if (expr_parse(diags, SPAN_NONE, text, expr) != OK) {
        fail_msg("'%s' is refused: %s", text, diags_get(diags, 0)->message);
    }
}

static void check_one(GRand *random, const struct scope *scope)
{
    struct generated generated = generate(random, 5);
    AUTO(expr) expr = NULL;
    AUTO(expr) again = NULL;
    parse(generated.text->str, &expr);
    check_value(expr, scope, &generated, generated.text->str);
    g_autofree char *printed = expr_print(expr);
    parse(printed, &again);
    check_value(again, scope, &generated, printed);
    g_autofree char *printed_again = expr_print(again);
    assert_string_equal(printed, printed_again);
    g_string_free(generated.text, TRUE);
}

static void test_values_agree_and_printing_round_trips(void **state)
{
    (void)state;
    const char *chosen = g_getenv("WEIR_TEST_SEED");
    guint32 seed = chosen ? (guint32)strtoul(chosen, NULL, 10) : 20240605;
    print_message("# WEIR_TEST_SEED=%u\n", seed);
    GRand *random = g_rand_new_with_seed(seed);
    AUTO(scope) scope = scope_new(NULL);
    scope_set(scope, "P", 64);
    scope_set(scope, "gb.size", -3);
    for (int i = 0; i < ROUNDS; i++) {
        check_one(random, scope);
    }
    g_rand_free(random);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values_agree_and_printing_round_trips),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
