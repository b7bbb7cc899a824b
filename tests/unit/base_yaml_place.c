/* The places of a scalar's characters. Each example's text has letters that
 * occur once; every one must be found where the file has it. */
#include "tests/assert_diags.h"

#include <stdio.h>
#include <string.h>

/* The file holds one key 'k'. Every letter A-Z and every one of the wide or
 * accented letters below occurs once in it. */
static const char *const documents[] = {
    /* Plain. */
    "k: ABC D",
    "k: &a ABC D",
    "{k: ABC D}",
    "k: \xC3\xA4 A \xE6\xBC\xA2 B",
    "k:\n  AB C\n  DE\n\n\n  F  G  # H?\n",
    "k:\tA\r\n  B\r\n  C",
    "k: A#B",
    /* Quoted. */
    "k: 'AB  C'",
    "k: 'A''B''''C'",
    "k: 'A\n\n  B\n   C  \n  D'",
    "k: 'A\r\n  B'",
    "k: '\xE6\xBC\xA2' # A",
    "k: \"AB  C\"",
    "k: \"A\\tB\\x20C\\u00e4D\\U0001F600E\\\"F\\\\G\\ H\\\tI\"",
    "k: \"A\n  B\n\n C  \n  D\"",
    "k: \"A\\\n   B\\\n\n  C \\\n  \\ D\"",
    "k: \"\\  A\n  \\  B\"",
    "k: &a \"A\"",
    "k: &a # comment\n  'A B'\n",
    /* Literal. */
    "k: |\n  A\n  B C\n",
    "k: |\n    A\n      B\n    C\n",
    "k: | # D\n  A\n\n\n  B\n",
    "k: |2\n    A\n  B\n",
    "k: |+2\n    A\n  B\n\n",
    "k: |-\n\n\n  A\n   \n  B\n",
    "k: |\r\n  A\r\n    B\r\n  C\r\n",
    "k: |\n  \xC3\xA4 A\n  \xE6\xBC\xA2\tB\n",
    "k: |\n  D\n  \tA\n  \t B\tC\n",
    "k: |\n  A #D\n  B\n# E\n",
    "k: &a |\n  A\n",
    /* Folded. */
    "k: >\n  A\n  B\n\n  C\n    D\n    E\n  F\n",
    "k: >-\n\n  A\n\n  B",
};

static gunichar letter_at(const char *text, size_t offset)
{
    return g_utf8_get_char(text + offset);
}

/* The code point at line:column of the file. */
static gunichar letter_of(const char *file, struct span span)
{
    for (int line = 1; line < span.line; line++) {
        file = strchr(file, '\n') + 1;
    }
    return g_utf8_get_char(g_utf8_offset_to_pointer(file, span.column - 1));
}

static bool is_marked(gunichar letter)
{
    return (letter >= 'A' && letter <= 'Z') || letter == 0x6F22;
}

static const struct yaml_node *find_node(const struct yaml_document *document)
{
    return yaml_find(yaml_root(document), "k");
}

static void test_every_letter_is_found_where_it_stands(void **state)
{
    (void)state;
    for (size_t i = 0; i < G_N_ELEMENTS(documents); i++) {
        AUTO(diags) diags = diags_new();
        AUTO(yaml_document) document = NULL;
        const struct source *source = diags_add_text(diags, "f", documents[i]);
        enum status status = yaml_load_source(diags, source, &document);
        if (status != OK) {
            fail_msg("document %zu is refused", i);
        }
        const struct yaml_node *node = find_node(document);
        const char *text = yaml_text(node);
        int found = 0;
        for (const char *p = text; *p != '\0'; p = g_utf8_next_char(p)) {
            size_t offset = (size_t)(p - text);
            if (!is_marked(letter_at(text, offset))) {
                continue;
            }
            struct span span = yaml_text_span(node, offset, 1);
            found++;
            if (letter_of(documents[i], span) != letter_at(text, offset)) {
                fail_msg("document %zu, '%c' is not at %d:%d", i,
                         (int)letter_at(text, offset), span.line, span.column);
            }
        }
        assert_true(found > 0);
    }
}

static const struct yaml_node *load(struct diags *diags, const char *text,
                                    struct yaml_document **document)
{
    assert_int_equal(
        yaml_load_source(diags, diags_add_text(diags, "f", text), document),
        OK);
    return find_node(*document);
}

static void test_blanks_of_literal_blocks_are_exact(void **state)
{
    (void)state;
    AUTO(diags) diags = diags_new();
    AUTO(yaml_document) document = NULL;
    /* "a  b\n    c\n\nd \n" */
    const struct yaml_node *node =
        load(diags, "k: |\n  a  b\n      c\n\n  d \n", &document);
    assert_string_equal(yaml_text(node), "a  b\n    c\n\nd \n");
    assert_span(yaml_text_span(node, 1, 1), 2, 4, 1);
    assert_span(yaml_text_span(node, 2, 1), 2, 5, 1);
    assert_span(yaml_text_span(node, 4, 1), 2, 7, 1); /* the line break */
    assert_span(yaml_text_span(node, 5, 1), 3, 3, 1); /* indentation */
    assert_span(yaml_text_span(node, 8, 1), 3, 6, 1);
    assert_span(yaml_text_span(node, 9, 5), 3, 7, 5);
    assert_span(yaml_text_span(node, 13, 1), 5, 4, 1); /* blank behind d */
}

static void test_end_of_text_stands_behind_its_last_line(void **state)
{
    (void)state;
    static const struct {
        const char *file;
        int line;
        int column;
    } examples[] = {
        {"k: abc", 1, 7},
        {"k: 'abc'", 1, 8},
        {"k: \"abc\"", 1, 8},
        {"k: \"ab\\n\"", 1, 9},
        {"k: |\n  ab\n  cd\nl: 1\n", 3, 5},
        {"k: |-\n  ab\n  cd\nl: 1\n", 3, 5},
        {"k: ''", 1, 5},
        {"k: ", 1, 3},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(examples); i++) {
        AUTO(diags) diags = diags_new();
        AUTO(yaml_document) document = NULL;
        const struct yaml_node *node = load(diags, examples[i].file, &document);
        struct span span = yaml_text_span(node, strlen(yaml_text(node)), 1);
        assert_span(span, examples[i].line, examples[i].column, 1);
        span = yaml_text_span(node, 1000, 1);
        assert_span(span, examples[i].line, examples[i].column, 1);
    }
}

static void test_byte_order_mark_takes_no_column(void **state)
{
    (void)state;
    char *path = NULL;
    int descriptor = g_file_open_tmp("weir-XXXXXX", &path, NULL);
    FILE *file = fdopen(descriptor, "wb");
    assert_true(fputs("\xEF\xBB\xBFk: value\n", file) >= 0);
    assert_int_equal(fclose(file), 0);
    AUTO(diags) diags = diags_new();
    AUTO(yaml_document) document = NULL;
    assert_int_equal(yaml_load_file(diags, path, &document), OK);
    assert_span(yaml_span(find_node(document)), 1, 4, 5);
    assert_span(yaml_key_span(find_node(document)), 1, 1, 1);
    remove(path);
    g_free(path);
}

static void test_places_in_very_long_lines(void **state)
{
    (void)state;
    AUTO(diags) diags = diags_new();
    AUTO(yaml_document) document = NULL;
    GString *text = g_string_new("[");
    for (int i = 0; i < 20000; i++) {
        g_string_append(text, "\xC3\xA4\xE6\xBC\xA2,");
    }
    g_string_append(text, "x]");
    const struct source *source = diags_add_text(diags, "f", text->str);
    assert_int_equal(yaml_load_source(diags, source, &document), OK);
    const struct yaml_node *root = yaml_root(document);
    for (size_t i = 0; i < 20000; i += 777) {
        assert_span(yaml_span(yaml_item(root, i)), 1, 2 + 3 * (int)i, 2);
        assert_span(yaml_text_span(yaml_item(root, i), 2, 1), 1, 3 + 3 * (int)i,
                    1);
    }
    assert_span(yaml_span(yaml_item(root, 20000)), 1, 60002, 1);
    g_string_free(text, TRUE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_letter_is_found_where_it_stands),
        cmocka_unit_test(test_blanks_of_literal_blocks_are_exact),
        cmocka_unit_test(test_end_of_text_stands_behind_its_last_line),
        cmocka_unit_test(test_byte_order_mark_takes_no_column),
        cmocka_unit_test(test_places_in_very_long_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
