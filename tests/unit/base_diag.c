/* Diagnostics: what is kept, and how it is rendered. */
#include "tests/assert_diags.h"

#include <stdio.h>
#include <string.h>

#include <glib/gstdio.h>

static struct span span_at(const struct source *source, int line, int column,
                           int length)
{
    return (struct span){source, line, column, length, NULL};
}

static void test_error_shows_line_caret_and_suggestion(void **state)
{
    (void)state;
    AUTO(diags) diags = diags_new();
    const struct source *source =
        diags_add_text(diags, "f.yaml", "a: 1\n  S[m,n] = exp(QKT[m,n])\n");
    diag_error(diags, span_at(source, 2, 16, 3), "einsum-unknown-tensor",
               "did you mean 'QK'?", "unknown tensor '%s' in einsum '%s'",
               "QKT", "SN");
    assert_rendered(diags,
                    "f.yaml:2:16: error: unknown tensor 'QKT' in einsum 'SN' "
                    "[einsum-unknown-tensor]\n"
                    "    2 |   S[m,n] = exp(QKT[m,n])\n"
                    "      |                ^~~ did you mean 'QK'?\n");
}

static void test_caret_accounts_for_tabs(void **state)
{
    (void)state;
    AUTO(diags) diags = diags_new();
    const struct source *source = diags_add_text(diags, "f", "ab\tcd\tx y\n");
    diag_error(diags, span_at(source, 1, 4, 2), "c", NULL, "first");
    diag_error(diags, span_at(source, 1, 7, 1), "c", NULL, "second");
    assert_rendered(diags, "f:1:4: error: first [c]\n"
                           "    1 | ab      cd      x y\n"
                           "      |         ^~\n"
                           "f:1:7: error: second [c]\n"
                           "    1 | ab      cd      x y\n"
                           "      |                 ^\n");
}

static void test_caret_accounts_for_wide_and_combining_characters(void **state)
{
    (void)state;
    AUTO(diags) diags = diags_new();
    /* Two wide ideographs, an e with a combining acute, then a word. */
    const struct source *source =
        diags_add_text(diags, "f", "\xE6\xBC\xA2\xE5\xAD\x97 e\xCC\x81 bad");
    diag_error(diags, span_at(source, 1, 2, 1), "c", NULL, "wide");
    diag_error(diags, span_at(source, 1, 7, 3), "c", NULL, "after");
    assert_rendered(diags, "f:1:2: error: wide [c]\n"
                           "    1 | \xE6\xBC\xA2\xE5\xAD\x97 e\xCC\x81 bad\n"
                           "      |   ^~\n"
                           "f:1:7: error: after [c]\n"
                           "    1 | \xE6\xBC\xA2\xE5\xAD\x97 e\xCC\x81 bad\n"
                           "      |        ^~~\n");
}

static void test_multi_byte_characters_are_one_column(void **state)
{
    (void)state;
    AUTO(diags) diags = diags_new();
    const struct source *source =
        diags_add_text(diags, "f", "\xC3\xA4\xC3\xB6\xC3\xBC = 1");
    diag_warning(diags, span_at(source, 1, 5, 1), "c", NULL, "look");
    assert_rendered(diags, "f:1:5: warning: look [c]\n"
                           "    1 | \xC3\xA4\xC3\xB6\xC3\xBC = 1\n"
                           "      |     ^\n");
}

static void test_caret_past_the_end_and_clipped_to_the_line(void **state)
{
    (void)state;
    AUTO(diags) diags = diags_new();
    const struct source *source = diags_add_text(diags, "f", "abc\r\ndef");
    diag_error(diags, span_at(source, 1, 4, 1), "c", NULL, "end");
    diag_error(diags, span_at(source, 1, 2, 99), "c", NULL, "clip");
    diag_error(diags, span_at(source, 2, 4, 1), "c", NULL, "end of file");
    assert_rendered(diags, "f:1:4: error: end [c]\n"
                           "    1 | abc\n"
                           "      |    ^\n"
                           "f:1:2: error: clip [c]\n"
                           "    1 | abc\n"
                           "      |  ^~\n"
                           "f:2:4: error: end of file [c]\n"
                           "    2 | def\n"
                           "      |    ^\n");
}

static void test_option_text_is_a_source_of_its_own(void **state)
{
    (void)state;
    AUTO(diags) diags = diags_new();
    const struct source *source = diags_add_text(diags, "--set", "P=1/0");
    diag_error(diags, span_at(source, 1, 5, 1), "expr-division-by-zero", NULL,
               "division by zero");
    assert_rendered(
        diags, "--set:1:5: error: division by zero [expr-division-by-zero]\n"
               "    1 | P=1/0\n"
               "      |     ^\n");
}

static void test_error_without_place_has_no_line(void **state)
{
    (void)state;
    AUTO(diags) diags = diags_new();
    diag_error(diags, SPAN_NONE, "c", "try harder", "nowhere");
    assert_rendered(diags, "error: nowhere [c]\n    try harder\n");
}

static void test_control_characters_do_not_reach_the_terminal(void **state)
{
    (void)state;
    AUTO(diags) diags = diags_new();
    const struct source *source = diags_add_text(diags, "f\033", "a\033[31mb");
    diag_error(diags, span_at(source, 1, 1, 1), "c", NULL, "bad '\033\n'");
    assert_rendered(diags, "f :1:1: error: bad '  ' [c]\n"
                           "    1 | a [31mb\n"
                           "      | ^\n");
}

static void test_long_line_is_cut_around_the_caret(void **state)
{
    (void)state;
    AUTO(diags) diags = diags_new();
    GString *line = g_string_new(NULL);
    for (int i = 0; i < 1000; i++) {
        g_string_append_printf(line, "%d", i % 10);
    }
    const struct source *source = diags_add_text(diags, "f", line->str);
    diag_error(diags, span_at(source, 1, 501, 2), "c", "here", "far");
    GString *out = g_string_new(NULL);
    diags_print(diags, false, out);
    char **lines = g_strsplit(out->str, "\n", -1);
    assert_true(strlen(lines[1]) < 140);
    const char *caret = strchr(lines[2], '^');
    assert_non_null(caret);
    assert_true(g_str_has_prefix(caret, "^~ here"));
    /* Column 501 holds the digit 0, and the one before it a 9. */
    size_t cell = (size_t)(caret - lines[2]);
    assert_int_equal(lines[1][cell], '0');
    assert_int_equal(lines[1][cell - 1], '9');
    g_strfreev(lines);
    g_string_free(out, TRUE);
    g_string_free(line, TRUE);
}

static void test_long_word_is_cut_in_the_message(void **state)
{
    (void)state;
    AUTO(diags) diags = diags_new();
    g_autofree char *word = g_strnfill(100000, 'a');
    diag_error(diags, SPAN_NONE, "c", NULL, "unknown '%s'", word);
    const char *message = diags_get(diags, 0)->message;
    assert_int_equal(strlen(message), 403);
    assert_true(g_str_has_suffix(message, "a..."));
}

static void test_color_changes_nothing_but_colour(void **state)
{
    (void)state;
    AUTO(diags) diags = diags_new();
    const struct source *source = diags_add_text(diags, "f", "abc");
    diag_error(diags, span_at(source, 1, 2, 1), "c", "hint", "bad");
    GString *out = g_string_new(NULL);
    diags_print(diags, true, out);
    assert_non_null(strstr(out->str, "\033[1;31merror:\033[0m"));
    g_autoptr(GRegex) escape = g_regex_new("\033\\[[0-9;]*m", 0, 0, NULL);
    g_autofree char *plain =
        g_regex_replace_literal(escape, out->str, -1, 0, "", 0, NULL);
    assert_rendered(diags, plain);
    g_string_free(out, TRUE);
}

static void test_errors_past_twenty_are_counted_only(void **state)
{
    (void)state;
    AUTO(diags) diags = diags_new();
    for (int i = 0; i < 25; i++) {
        diag_error(diags, SPAN_NONE, "c", NULL, "number %d", i);
    }
    diag_warning(diags, SPAN_NONE, "w", NULL, "still kept");
    assert_int_equal(diags_error_count(diags), 25);
    assert_int_equal(diags_count(diags), 21);
    GString *out = g_string_new(NULL);
    diags_print(diags, false, out);
    assert_non_null(strstr(out->str, "number 19"));
    assert_null(strstr(out->str, "number 20"));
    assert_true(g_str_has_suffix(out->str, "note: too many errors, 5 more not "
                                           "shown [diag-too-many]\n"));
    g_string_free(out, TRUE);
}

static void test_status_is_input_error_or_the_first_failure(void **state)
{
    (void)state;
    AUTO(diags) diags = diags_new();
    diag_warning(diags, SPAN_NONE, "w", NULL, "harmless");
    assert_int_equal(diags_status(diags), OK);
    diag_error(diags, SPAN_NONE, "c", NULL, "wrong");
    assert_int_equal(diags_status(diags), ERR_INPUT);
    assert_int_equal(diag_fail(diags, ERR_IO, "io", "disk"), ERR_IO);
    assert_int_equal(diag_fail(diags, ERR_MEM, "mem", "memory"), ERR_MEM);
    assert_int_equal(diags_status(diags), ERR_IO);
    assert_int_equal(diags_error_count(diags), 3);
}

/* ---- files --------------------------------------------------------------- */

static char *write_file(const char *bytes, size_t length)
{
    char *path = NULL;
    int descriptor = g_file_open_tmp("weir-XXXXXX", &path, NULL);
    assert_true(descriptor >= 0);
    assert_true(g_close(descriptor, NULL));
    assert_true(g_file_set_contents(path, bytes, (gssize)length, NULL));
    return path;
}

static void test_file_is_read_without_its_byte_order_mark(void **state)
{
    (void)state;
    AUTO(diags) diags = diags_new();
    g_autofree char *path = write_file("\xEF\xBB\xBF"
                                       "abc\n",
                                       7);
    const struct source *source = NULL;
    assert_int_equal(diags_read_file(diags, path, 7, &source), OK);
    assert_string_equal(source->text, "abc\n");
    assert_int_equal(source->length_bytes, 4);
    assert_string_equal(source->path, path);
    remove(path);
}

static void test_file_past_its_limit_is_refused(void **state)
{
    (void)state;
    AUTO(diags) diags = diags_new();
    g_autofree char *path = write_file("12345", 5);
    const struct source *source = NULL;
    assert_int_equal(diags_read_file(diags, path, 4, &source), ERR_LIMIT);
    assert_null(source);
    assert_string_equal(diags_get(diags, 0)->code, "file-too-large");
    remove(path);
}

static void test_missing_file_and_directory_are_io_errors(void **state)
{
    (void)state;
    AUTO(diags) diags = diags_new();
    const struct source *source = NULL;
    assert_int_equal(diags_read_file(diags, "/no/such", 9, &source), ERR_IO);
    assert_int_equal(diags_read_file(diags, "/", 9, &source), ERR_IO);
    assert_rendered(diags,
                    "error: cannot open '/no/such': No such file or directory "
                    "[file-open]\n"
                    "error: cannot read '/': Is a directory [file-read]\n");
}

static void test_bytes_that_are_not_utf8_are_placed(void **state)
{
    (void)state;
    AUTO(diags) diags = diags_new();
    g_autofree char *path = write_file("a\n\xC3\xA4\xFFz", 6);
    const struct source *source = NULL;
    assert_int_equal(diags_read_file(diags, path, 9, &source), ERR_INPUT);
    assert_one_diag(diags, "file-encoding", 2, 2);
    remove(path);
}

static void test_nul_bytes_are_placed(void **state)
{
    (void)state;
    AUTO(diags) diags = diags_new();
    g_autofree char *path = write_file("ab\0c", 4);
    const struct source *source = NULL;
    assert_int_equal(diags_read_file(diags, path, 9, &source), ERR_INPUT);
    assert_one_diag(diags, "file-nul", 1, 3);
    remove(path);
}

static void test_hash_is_sha256(void **state)
{
    (void)state;
    AUTO(diags) diags = diags_new();
    g_autofree char *hash = source_hash(diags_add_text(diags, "f", "abc"));
    /* FIPS 180-2, appendix B.1. */
    assert_string_equal(hash, "ba7816bf8f01cfea414140de5dae2223"
                              "b00361a396177a9cb410ff61f20015ad");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_error_shows_line_caret_and_suggestion),
        cmocka_unit_test(test_caret_accounts_for_tabs),
        cmocka_unit_test(test_caret_accounts_for_wide_and_combining_characters),
        cmocka_unit_test(test_multi_byte_characters_are_one_column),
        cmocka_unit_test(test_caret_past_the_end_and_clipped_to_the_line),
        cmocka_unit_test(test_option_text_is_a_source_of_its_own),
        cmocka_unit_test(test_error_without_place_has_no_line),
        cmocka_unit_test(test_control_characters_do_not_reach_the_terminal),
        cmocka_unit_test(test_long_line_is_cut_around_the_caret),
        cmocka_unit_test(test_long_word_is_cut_in_the_message),
        cmocka_unit_test(test_color_changes_nothing_but_colour),
        cmocka_unit_test(test_errors_past_twenty_are_counted_only),
        cmocka_unit_test(test_status_is_input_error_or_the_first_failure),
        cmocka_unit_test(test_file_is_read_without_its_byte_order_mark),
        cmocka_unit_test(test_file_past_its_limit_is_refused),
        cmocka_unit_test(test_missing_file_and_directory_are_io_errors),
        cmocka_unit_test(test_bytes_that_are_not_utf8_are_placed),
        cmocka_unit_test(test_nul_bytes_are_placed),
        cmocka_unit_test(test_hash_is_sha256),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
