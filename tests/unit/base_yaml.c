/* Loading YAML: what is composed, and what is refused and where. */
#include "tests/assert_diags.h"

#include <stdio.h>
#include <string.h>

#include <glib/gstdio.h>

static enum status load(struct diags *diags, const char *text,
                        struct yaml_document **document)
{
    return yaml_load_source(diags, diags_add_text(diags, "f.yaml", text),
                            document);
}

struct refusal {
    const char *text;
    const char *code;
    int line;
    int column;
};

static void check_refusals(const struct refusal *refusals, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        AUTO(diags) diags = diags_new();
        AUTO(yaml_document) document = NULL;
        print_message("# %s\n", refusals[i].code);
        assert_int_equal(load(diags, refusals[i].text, &document), ERR_INPUT);
        assert_null(document);
        assert_one_diag(diags, refusals[i].code, refusals[i].line,
                        refusals[i].column);
    }
}

static void test_tree_of_mappings_lists_and_scalars(void **state)
{
    (void)state;
    AUTO(diags) diags = diags_new();
    AUTO(yaml_document) document = NULL;
    assert_int_equal(load(diags,
                          "schema: 1\n"
                          "shapes: {P: 64, M: '1K'}\n"
                          "list:\n  - a\n  - [b, \"c\"]\n"
                          "none:\n",
                          &document),
                     OK);
    const struct yaml_node *root = yaml_root(document);
    assert_int_equal(yaml_kind(root), YAML_MAPPING);
    assert_int_equal(yaml_count(root), 4);
    assert_string_equal(yaml_pair_key(root, 1), "shapes");
    assert_string_equal(yaml_text(yaml_find(root, "schema")), "1");
    const struct yaml_node *shapes = yaml_pair_value(root, 1);
    assert_string_equal(yaml_text(yaml_find(shapes, "M")), "1K");
    assert_null(yaml_find(shapes, "N"));
    assert_null(yaml_text(shapes));
    const struct yaml_node *list = yaml_find(root, "list");
    assert_int_equal(yaml_kind(list), YAML_SEQUENCE);
    assert_string_equal(yaml_text(yaml_item(list, 0)), "a");
    assert_string_equal(yaml_text(yaml_item(yaml_item(list, 1), 1)), "c");
    assert_null(yaml_find(list, "a"));
    assert_string_equal(yaml_text(yaml_find(root, "none")), "");
    assert_int_equal(yaml_count(yaml_find(root, "none")), 0);
}

static void test_nodes_and_keys_know_their_places(void **state)
{
    (void)state;
    AUTO(diags) diags = diags_new();
    AUTO(yaml_document) document = NULL;
    assert_int_equal(load(diags,
                          "# \xE6\xBC\xA2\n"
                          "\xC3\xA4\xC3\xB6: value # why\n"
                          "map:\n"
                          "  inner: 'quoted'\n"
                          "seq: [one, two]\n"
                          "none:\n",
                          &document),
                     OK);
    const struct yaml_node *root = yaml_root(document);
    const struct yaml_node *first = yaml_pair_value(root, 0);
    assert_span(yaml_span(root), 2, 1, 15);
    assert_span(yaml_key_span(root), 2, 1, 15);
    assert_span(yaml_span(first), 2, 5, 5);
    assert_span(yaml_key_span(first), 2, 1, 2);
    const struct yaml_node *map = yaml_find(root, "map");
    assert_span(yaml_key_span(map), 3, 1, 3);
    assert_span(yaml_span(map), 4, 3, 15);
    assert_span(yaml_span(yaml_find(map, "inner")), 4, 10, 8);
    const struct yaml_node *seq = yaml_find(root, "seq");
    assert_span(yaml_span(seq), 5, 6, 10);
    assert_span(yaml_span(yaml_item(seq, 1)), 5, 12, 3);
    assert_span(yaml_key_span(yaml_item(seq, 1)), 5, 12, 3);
    assert_int_equal(yaml_span(yaml_find(root, "none")).line, 6);
    assert_ptr_equal(yaml_span(root).source, yaml_source(document));
}

static void test_syntax_errors_stand_where_libyaml_gave_up(void **state)
{
    (void)state;
    static const struct refusal refusals[] = {
        {"a: [1, 2\nb: 3\n", "yaml-syntax", 2, 2}, /* list not closed */
        {"a: [1, 2", "yaml-syntax", 1, 9},         /* truncated */
        {"a: {b: 1", "yaml-syntax", 1, 9},         /* truncated */
        {"a: \"text", "yaml-syntax", 1, 9},        /* truncated */
        {"a: 'te\nxt", "yaml-syntax", 2, 3},       /* truncated */
        {"a: 1\nb\n", "yaml-syntax", 3, 1},        /* no colon */
        {"a: 1\n  b: 2\n", "yaml-syntax", 2, 4},   /* indented */
        {"a: 1\n\tb: 2\n", "yaml-syntax", 2, 1},   /* tab */
        {"a: 1\n- b\n", "yaml-syntax", 2, 1},      /* list in mapping */
        {"a: @x\n", "yaml-syntax", 1, 4},          /* reserved */
        {"a: b: c\n", "yaml-syntax", 1, 5},
        {"a: \"\\q\"\n", "yaml-syntax", 1, 5}, /* unknown escape */
        {"\xC3\xA4\xE6\xBC\xA2: \x01\n", "yaml-syntax", 1, 5}, /* control */
        {"%YAML 3.0\n---\na: 1\n", "yaml-syntax", 1, 1},
        {"a: !no!tag x\n", "yaml-syntax", 1, 4}, /* undeclared handle */
    };
    check_refusals(refusals, G_N_ELEMENTS(refusals));
}

static void test_structure_is_refused_where_it_goes_wrong(void **state)
{
    (void)state;
    static const struct refusal refusals[] = {
        {"", "yaml-empty", 1, 1},
        {"# nothing\n", "yaml-empty", 1, 1},
        {"---\n...\n", "yaml-empty", 1, 1},
        {"a: 1\nb: 2\na: 3\n", "yaml-duplicate-key", 3, 1},
        {"x: {a: 1, 'a': 3}\n", "yaml-duplicate-key", 1, 11},
        {"a: 1\n---\nb: 2\n", "yaml-several-documents", 2, 1},
        {"a: !!str 1\n", "yaml-tag", 1, 4},
        {"a: !mine [1]\n", "yaml-tag", 1, 4},
        {"!!map {a: 1}\n", "yaml-tag", 1, 1},
        {"a: ! 1\n", "yaml-tag", 1, 4},
        {"[a]: 1\n", "yaml-key", 1, 1},
        {"? {a: 1}\n: 2\n", "yaml-key", 1, 3},
        {"a: *b\n", "yaml-alias-unknown", 1, 4},
        {"a: &b [1, *b]\n", "yaml-alias-recursive", 1, 11},
        {"a: \"x\\0y\"\n", "yaml-nul", 1, 4},
    };
    check_refusals(refusals, G_N_ELEMENTS(refusals));
}

static void test_duplicate_key_says_where_the_first_stands(void **state)
{
    (void)state;
    AUTO(diags) diags = diags_new();
    AUTO(yaml_document) document = NULL;
    assert_int_equal(load(diags, "P: 1\nM: 2\nP: 3\n", &document), ERR_INPUT);
    assert_rendered(diags, "f.yaml:3:1: error: duplicate key 'P', first in "
                           "line 1 [yaml-duplicate-key]\n"
                           "    3 | P: 3\n"
                           "      | ^\n");
}

static void test_tab_indentation_is_named(void **state)
{
    (void)state;
    AUTO(diags) diags = diags_new();
    AUTO(yaml_document) document = NULL;
    assert_int_equal(load(diags, "a:\n\tb: 1\n", &document), ERR_INPUT);
    assert_rendered(
        diags, "f.yaml:2:1: error: found character that cannot start any token "
               "while scanning for the next token [yaml-syntax]\n"
               "    2 |         b: 1\n"
               "      | ^~~~~~~~ indent with spaces, not with a tab\n");
}

static void test_unclosed_list_says_where_it_starts(void **state)
{
    (void)state;
    AUTO(diags) diags = diags_new();
    AUTO(yaml_document) document = NULL;
    assert_int_equal(load(diags, "a: [1,\n  2\n", &document), ERR_INPUT);
    assert_rendered(diags,
                    "f.yaml:3:1: error: did not find expected ',' or ']' while "
                    "parsing a flow sequence that starts in line 1 "
                    "[yaml-syntax]\n"
                    "    3 | \n"
                    "      | ^\n");
}

static void test_several_errors_are_collected(void **state)
{
    (void)state;
    AUTO(diags) diags = diags_new();
    AUTO(yaml_document) document = NULL;
    assert_int_equal(
        load(diags, "a: !x 1\na: 2\n[b]: 3\nc: &d 4\nc: *d\n", &document),
        ERR_INPUT);
    assert_int_equal(diags_error_count(diags), 4);
}

/* ---- aliases ------------------------------------------------------------- */

static void test_alias_stands_for_its_anchor(void **state)
{
    (void)state;
    AUTO(diags) diags = diags_new();
    AUTO(yaml_document) document = NULL;
    assert_int_equal(load(diags,
                          "a: &x {k: 1}\n"
                          "b: *x\n"
                          "c: &x again\n"
                          "d: [*x, &y two, *y]\n"
                          "&z key: *z\n",
                          &document),
                     OK);
    const struct yaml_node *root = yaml_root(document);
    const struct yaml_node *b = yaml_find(root, "b");
    assert_string_equal(yaml_text(yaml_find(b, "k")), "1");
    assert_span(yaml_key_span(b), 2, 1, 1);
    assert_span(yaml_span(yaml_find(b, "k")), 1, 11, 1);
    assert_span(yaml_key_span(yaml_find(root, "a")), 1, 1, 1);
    const struct yaml_node *d = yaml_find(root, "d");
    assert_string_equal(yaml_text(yaml_item(d, 0)), "again");
    assert_string_equal(yaml_text(yaml_item(d, 2)), "two");
    assert_string_equal(yaml_text(yaml_find(root, "key")), "key");
}

static void test_billion_laughs_are_refused(void **state)
{
    (void)state;
    GString *text = g_string_new("a0: &a0 [lol, lol, lol, lol, lol]\n");
    for (int i = 1; i < 30; i++) {
        g_string_append_printf(text,
                               "a%d: &a%d [*a%d, *a%d, *a%d, *a%d, *a%d]\n", i,
                               i, i - 1, i - 1, i - 1, i - 1, i - 1);
    }
    AUTO(diags) diags = diags_new();
    AUTO(yaml_document) document = NULL;
    assert_int_equal(load(diags, text->str, &document), ERR_INPUT);
    /* Lines 1..6 are 6, 31, 156, 781, 3906, 19531 nodes; line 7 has the fifth
     * alias that passes 100,000. */
    assert_int_equal(diags_count(diags), 1);
    assert_string_equal(diags_get(diags, 0)->code, "yaml-alias-bomb");
    assert_int_equal(diags_get(diags, 0)->span.line, 7);
    g_string_free(text, TRUE);
}

static void test_depth_through_aliases_is_counted(void **state)
{
    (void)state;
    GString *text = g_string_new("a0: &a0 [x]\n");
    for (int i = 1; i < 100; i++) {
        g_string_append_printf(text, "a%d: &a%d [*a%d]\n", i, i, i - 1);
    }
    AUTO(diags) diags = diags_new();
    AUTO(yaml_document) document = NULL;
    assert_int_equal(load(diags, text->str, &document), ERR_INPUT);
    assert_int_equal(diags_count(diags), 1);
    assert_string_equal(diags_get(diags, 0)->code, "yaml-too-deep");
    g_string_free(text, TRUE);
}

/* ---- limits -------------------------------------------------------------- */

static char *nested_lists(int depth)
{
    g_autofree char *open = g_strnfill((gsize)depth, '[');
    g_autofree char *close = g_strnfill((gsize)depth, ']');
    return g_strconcat(open, close, NULL);
}

static void test_nesting_is_limited_to_64_levels(void **state)
{
    (void)state;
    AUTO(diags) diags = diags_new();
    AUTO(yaml_document) good = NULL;
    AUTO(yaml_document) bad = NULL;
    g_autofree char *deep = nested_lists(64);
    assert_int_equal(load(diags, deep, &good), OK);
    g_autofree char *too_deep = nested_lists(65);
    assert_int_equal(load(diags, too_deep, &bad), ERR_INPUT);
    assert_one_diag(diags, "yaml-too-deep", 1, 65);
}

static void test_endless_nesting_is_refused_at_once(void **state)
{
    (void)state;
    AUTO(diags) diags = diags_new();
    AUTO(yaml_document) document = NULL;
    g_autofree char *open = g_strnfill(3000000, '[');
    assert_int_equal(load(diags, open, &document), ERR_INPUT);
    assert_one_diag(diags, "yaml-too-deep", 1, 65);
}

static void test_nodes_are_limited(void **state)
{
    (void)state;
    GString *text = g_string_new("a: [");
    for (int i = 0; i < 100000; i++) {
        g_string_append(text, "1,");
    }
    g_string_append(text, "]\n");
    AUTO(diags) diags = diags_new();
    AUTO(yaml_document) document = NULL;
    assert_int_equal(load(diags, text->str, &document), ERR_INPUT);
    /* The root, the key and the list are the first three nodes. */
    assert_one_diag(diags, "yaml-too-large", 1, 4 + 2 * (100000 - 3) + 1);
    g_string_free(text, TRUE);
}

static void test_large_file_is_a_limit(void **state)
{
    (void)state;
    char *path = NULL;
    int descriptor = g_file_open_tmp("weir-XXXXXX", &path, NULL);
    assert_true(descriptor >= 0);
    assert_true(g_close(descriptor, NULL));
    g_autofree char *text = g_strnfill(4 * 1024 * 1024 + 1, '#');
    assert_true(g_file_set_contents(path, text, -1, NULL));
    AUTO(diags) diags = diags_new();
    AUTO(yaml_document) document = NULL;
    assert_int_equal(yaml_load_file(diags, path, &document), ERR_LIMIT);
    assert_string_equal(diags_get(diags, 0)->code, "yaml-too-large");
    assert_int_equal(load(diags, text, &document), ERR_LIMIT);
    remove(path);
    g_free(path);
}

static void test_missing_file_is_an_io_error(void **state)
{
    (void)state;
    AUTO(diags) diags = diags_new();
    AUTO(yaml_document) document = NULL;
    assert_int_equal(yaml_load_file(diags, "/no/such.yaml", &document), ERR_IO);
    assert_string_equal(diags_get(diags, 0)->code, "file-open");
}

static void test_every_truncation_is_accepted_or_refused(void **state)
{
    (void)state;
    static const char whole[] = "schema: 1\n"
                                "about: \"a \\u00e4 'b'\" # c\n"
                                "shapes: {B: 1, M0: &m 16, E: *m}\n"
                                "einsums: |\n"
                                "  A[b] = B[b]\n"
                                "    where b < 3\n"
                                "list:\n"
                                "  - 'it''s'\n"
                                "  - >-\n"
                                "    folded\n"
                                "    text\n"
                                "last: ? [x]\n";
    for (size_t length = 0; length <= strlen(whole); length++) {
        g_autofree char *text = g_strndup(whole, length);
        AUTO(diags) diags = diags_new();
        AUTO(yaml_document) document = NULL;
        enum status status = load(diags, text, &document);
        assert_int_equal(status, diags_status(diags));
        assert_true((status == OK) == (document != NULL));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tree_of_mappings_lists_and_scalars),
        cmocka_unit_test(test_nodes_and_keys_know_their_places),
        cmocka_unit_test(test_syntax_errors_stand_where_libyaml_gave_up),
        cmocka_unit_test(test_structure_is_refused_where_it_goes_wrong),
        cmocka_unit_test(test_duplicate_key_says_where_the_first_stands),
        cmocka_unit_test(test_tab_indentation_is_named),
        cmocka_unit_test(test_unclosed_list_says_where_it_starts),
        cmocka_unit_test(test_several_errors_are_collected),
        cmocka_unit_test(test_alias_stands_for_its_anchor),
        cmocka_unit_test(test_billion_laughs_are_refused),
        cmocka_unit_test(test_depth_through_aliases_is_counted),
        cmocka_unit_test(test_nesting_is_limited_to_64_levels),
        cmocka_unit_test(test_endless_nesting_is_refused_at_once),
        cmocka_unit_test(test_nodes_are_limited),
        cmocka_unit_test(test_large_file_is_a_limit),
        cmocka_unit_test(test_missing_file_is_an_io_error),
        cmocka_unit_test(test_every_truncation_is_accepted_or_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
