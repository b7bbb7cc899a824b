#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "einsum/lexer.h"
#include "tests/assert_diags.h"

struct scan {
    struct diags *diags;
    struct yaml_document *document;
    GArray *tokens;
};

/* Tokens of a block scalar, which stands on line 2 from column 3. */
static struct scan scan_text(const char *text)
{
    struct scan scan = {.diags = diags_new()};
    g_autofree char *yaml = g_strdup_printf("text: |\n  %s\n", text);
    const struct source *source = diags_add_text(scan.diags, "test", yaml);
    assert_int_equal(yaml_load_source(scan.diags, source, &scan.document), OK);
    scan.tokens =
        lexer_scan(yaml_find(yaml_root(scan.document), "text"), scan.diags);
    return scan;
}

static void scan_clear(struct scan *scan)
{
    g_array_unref(scan->tokens);
    yaml_document_free(scan->document);
    diags_free(scan->diags);
}

static void assert_kinds(const char *text, const enum token_kind *kinds,
                         guint count)
{
    struct scan scan = scan_text(text);
    assert_int_equal(scan.tokens->len, count);
    for (guint i = 0; i < count; i++) {
        assert_int_equal(g_array_index(scan.tokens, struct token, i).kind,
                         kinds[i]);
    }
    assert_int_equal(diags_count(scan.diags), 0);
    scan_clear(&scan);
}

static void test_every_sign_is_a_token(void **state)
{
    static const enum token_kind kinds[] = {
        TOKEN_LEFT_BRACKET, TOKEN_RIGHT_BRACKET, TOKEN_LEFT_PAREN,
        TOKEN_RIGHT_PAREN,  TOKEN_COMMA,         TOKEN_EQUALS,
        TOKEN_PLUS,         TOKEN_MINUS,         TOKEN_STAR,
        TOKEN_SLASH,        TOKEN_END,
    };
    (void)state;
    assert_kinds("[](),=+-*/", kinds, G_N_ELEMENTS(kinds));
}

static void test_number_ends_before_sign(void **state)
{
    static const enum token_kind kinds[] = {
        TOKEN_NUMBER, TOKEN_PLUS,   TOKEN_NUMBER, TOKEN_MINUS, TOKEN_NUMBER,
        TOKEN_STAR,   TOKEN_NUMBER, TOKEN_MINUS,  TOKEN_NAME,  TOKEN_END,
    };
    (void)state;
    assert_kinds("1+2.5-1e-5*3E+2-m0", kinds, G_N_ELEMENTS(kinds));
}

static void test_comment_reaches_to_end_of_line(void **state)
{
    static const enum token_kind kinds[] = {TOKEN_NAME, TOKEN_NAME, TOKEN_END};
    (void)state;
    assert_kinds("a # [ % 2x\n  b # c", kinds, G_N_ELEMENTS(kinds));
}

static void test_tokens_know_place_and_line_start(void **state)
{
    (void)state;
    struct scan scan = scan_text("ab cd\n  e");
    const struct token *tokens =
        (const struct token *)(void *)scan.tokens->data;
    assert_int_equal(scan.tokens->len, 4);
    assert_true(tokens[0].starts_line);
    assert_false(tokens[1].starts_line);
    assert_int_equal(tokens[1].offset, 3);
    assert_int_equal(tokens[1].length, 2);
    assert_true(tokens[2].starts_line);
    assert_int_equal(tokens[2].offset, 6);
    assert_true(tokens[3].starts_line);
    scan_clear(&scan);
}

static void test_number_that_runs_into_name_is_reported_whole(void **state)
{
    (void)state;
    struct scan scan = scan_text("a 12ab");
    assert_one_diag(scan.diags, "einsum-bad-number", 2, 5);
    assert_span(diags_get(scan.diags, 0)->span, 2, 5, 4);
    scan_clear(&scan);
}

static void test_wide_character_is_reported_once(void **state)
{
    (void)state;
    struct scan scan = scan_text("\xc3\x97 a");
    assert_one_diag(scan.diags, "einsum-bad-character", 2, 3);
    assert_int_equal(scan.tokens->len, 3);
    scan_clear(&scan);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_sign_is_a_token),
        cmocka_unit_test(test_number_ends_before_sign),
        cmocka_unit_test(test_comment_reaches_to_end_of_line),
        cmocka_unit_test(test_tokens_know_place_and_line_start),
        cmocka_unit_test(test_number_that_runs_into_name_is_reported_whole),
        cmocka_unit_test(test_wide_character_is_reported_once),
    };
    return cmocka_run_group_tests_name("einsum_lexer", tests, NULL, NULL);
}
