/* Typed access: defaults, refusals, and where they are reported. */
#include "tests/assert_diags.h"

#include "tests/assert_close.h"

struct fixture {
    struct diags *diags;
    struct yaml_document *document;
    const struct yaml_node *root;
};

static void load(struct fixture *fixture, const char *text)
{
    fixture->diags = diags_new();
    const struct source *source =
        diags_add_text(fixture->diags, "f.yaml", text);
    assert_int_equal(
        yaml_load_source(fixture->diags, source, &fixture->document), OK);
    fixture->root = yaml_root(fixture->document);
}

static void clear(struct fixture *fixture)
{
    yaml_document_free(fixture->document);
    diags_free(fixture->diags);
}

static void test_wrong_kind_says_what_and_where(void **state)
{
    (void)state;
    struct fixture f;
    load(&f, "shapes: [1, 2]\n");
    const struct yaml_node *value = NULL;
    assert_int_equal(
        yaml_get_node(f.diags, f.root, "shapes", YAML_MAPPING, &value),
        ERR_INPUT);
    assert_null(value);
    assert_rendered(f.diags, "f.yaml:1:9: error: 'shapes' must be a mapping, "
                             "not a list [yaml-wrong-type]\n"
                             "    1 | shapes: [1, 2]\n"
                             "      |         ^~~~~~\n");
    clear(&f);
}

static void test_missing_key_is_reported_at_its_mapping(void **state)
{
    (void)state;
    struct fixture f;
    load(&f, "outer:\n  inner:\n    a: 1\n");
    const struct yaml_node *inner =
        yaml_find(yaml_find(f.root, "outer"), "inner");
    const char *text = NULL;
    assert_int_equal(yaml_get_text(f.diags, inner, "name", &text), ERR_INPUT);
    assert_null(text);
    assert_rendered(f.diags, "f.yaml:2:3: error: missing key 'name' "
                             "[yaml-missing-key]\n"
                             "    2 |   inner:\n"
                             "      |   ^~~~~\n");
    clear(&f);
}

static void test_absent_optional_keys_keep_their_defaults(void **state)
{
    (void)state;
    struct fixture f;
    load(&f, "a: 1\n");
    const struct yaml_node *node = f.root;
    const char *text = "default";
    bool flag = true;
    int64_t count = 7;
    double real = 0.5;
    assert_int_equal(yaml_find_node(f.diags, f.root, "x", YAML_MAPPING, &node),
                     OK);
    assert_int_equal(yaml_find_text(f.diags, f.root, "x", &text), OK);
    assert_int_equal(yaml_find_bool(f.diags, f.root, "x", &flag), OK);
    assert_int_equal(
        yaml_find_count(f.diags, f.root, "x", UNIT_BYTES, NULL, &count), OK);
    assert_int_equal(yaml_find_real(f.diags, f.root, "x", UNIT_PJ, NULL, &real),
                     OK);
    assert_ptr_equal(node, f.root);
    assert_string_equal(text, "default");
    assert_true(flag);
    assert_int_equal(count, 7);
    assert_close(real, 0.5, 0);
    assert_int_equal(diags_count(f.diags), 0);
    clear(&f);
}

static void test_present_keys_are_read(void **state)
{
    (void)state;
    struct fixture f;
    load(&f, "name: gbuf\nsize: P * 1 KiB\nread: 2.5 pJ\nbig: true\n"
             "small: false\nlist: [1]\n");
    AUTO(scope) scope = scope_new(NULL);
    scope_set(scope, "P", 64);
    const char *text = NULL;
    int64_t size_bytes = 0;
    double read_pj = 0;
    bool is_big = false;
    bool is_small = true;
    const struct yaml_node *list = NULL;
    assert_int_equal(yaml_get_text(f.diags, f.root, "name", &text), OK);
    assert_string_equal(text, "gbuf");
    assert_int_equal(
        yaml_get_count(f.diags, f.root, "size", UNIT_BYTES, scope, &size_bytes),
        OK);
    assert_int_equal(size_bytes, 65536);
    assert_int_equal(
        yaml_get_real(f.diags, f.root, "read", UNIT_PJ, NULL, &read_pj), OK);
    assert_close(read_pj, 2.5, 0);
    assert_int_equal(yaml_find_bool(f.diags, f.root, "big", &is_big), OK);
    assert_int_equal(yaml_find_bool(f.diags, f.root, "small", &is_small), OK);
    assert_true(is_big && !is_small);
    assert_int_equal(
        yaml_find_node(f.diags, f.root, "list", YAML_SEQUENCE, &list), OK);
    assert_int_equal(yaml_count(list), 1);
    clear(&f);
}

static void test_bool_is_true_or_false_alone(void **state)
{
    (void)state;
    struct fixture f;
    load(&f, "chained: yes\n");
    bool flag = false;
    assert_int_equal(yaml_find_bool(f.diags, f.root, "chained", &flag),
                     ERR_INPUT);
    assert_false(flag);
    assert_one_diag(f.diags, "yaml-wrong-type", 1, 10);
    clear(&f);
}

static void test_each_unknown_key_gets_its_suggestion(void **state)
{
    (void)state;
    static const char *const keys[] = {"schema", "cascade", "einsums", NULL};
    struct fixture f;
    load(&f, "schema: 1\neinsum: x\nblurb: y\ncascade: z\n");
    assert_int_equal(yaml_check_keys(f.diags, f.root, keys), ERR_INPUT);
    assert_rendered(
        f.diags, "f.yaml:2:1: error: unknown key 'einsum' [yaml-unknown-key]\n"
                 "    2 | einsum: x\n"
                 "      | ^~~~~~ did you mean 'einsums'?\n"
                 "f.yaml:3:1: error: unknown key 'blurb' [yaml-unknown-key]\n"
                 "    3 | blurb: y\n"
                 "      | ^~~~~\n");
    clear(&f);
}

static void test_known_keys_pass(void **state)
{
    (void)state;
    static const char *const keys[] = {"a", "b", NULL};
    struct fixture f;
    load(&f, "b: 1\n");
    assert_int_equal(yaml_check_keys(f.diags, f.root, keys), OK);
    clear(&f);
}

static void test_schema_is_asked_for(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *code; /* NULL: good */
        int line;
        int column;
    } examples[] = {
        {"schema: 1\n", NULL, 0, 0},
        {"a: 1\nschema: '1'\n", NULL, 0, 0},
        {"a: 1\n", "yaml-schema", 1, 1},
        {"a: 1\nschema: 2\n", "yaml-schema", 2, 9},
        {"schema:\n", "yaml-schema", 1, 8},
        {"schema: [1]\n", "yaml-wrong-type", 1, 9},
        {"- schema\n", "yaml-wrong-type", 1, 1},
        {"text\n", "yaml-wrong-type", 1, 1},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(examples); i++) {
        struct fixture f;
        load(&f, examples[i].text);
        enum status status = yaml_check_schema(f.diags, f.root);
        assert_int_equal(status, examples[i].code ? ERR_INPUT : OK);
        if (examples[i].code != NULL) {
            assert_one_diag(f.diags, examples[i].code, examples[i].line,
                            examples[i].column);
        }
        clear(&f);
    }
}

static void test_expression_errors_stand_inside_the_scalar(void **state)
{
    (void)state;
    struct fixture f;
    load(&f, "a: 'P + Q'\nb: [1]\nc: |-\n  1 +* 2\nd: P + 1\n");
    AUTO(scope) scope = scope_new(NULL);
    scope_set(scope, "P", 64);
    int64_t value = -1;
    const struct yaml_node *root = f.root;
    assert_int_equal(yaml_eval(f.diags, yaml_find(root, "d"), scope, &value),
                     OK);
    assert_int_equal(value, 65);
    assert_int_equal(yaml_eval(f.diags, yaml_find(root, "a"), scope, &value),
                     ERR_INPUT);
    assert_int_equal(yaml_eval(f.diags, yaml_find(root, "b"), scope, &value),
                     ERR_INPUT);
    assert_int_equal(yaml_eval(f.diags, yaml_find(root, "c"), scope, &value),
                     ERR_INPUT);
    assert_int_equal(value, 65);
    assert_rendered(
        f.diags,
        "f.yaml:1:9: error: unknown name 'Q' [expr-unknown-name]\n"
        "    1 | a: 'P + Q'\n"
        "      |         ^\n"
        "f.yaml:2:4: error: an expression must be a scalar, not a list "
        "[yaml-wrong-type]\n"
        "    2 | b: [1]\n"
        "      |    ^~~\n"
        "f.yaml:4:6: error: expected a number, a name or '(', found '*' "
        "[expr-syntax]\n"
        "    4 |   1 +* 2\n"
        "      |      ^\n");
    clear(&f);
}

static void test_quantity_without_unit_stands_at_the_scalar(void **state)
{
    (void)state;
    struct fixture f;
    load(&f, "size: 16\n");
    int64_t size_bytes = -1;
    assert_int_equal(
        yaml_get_count(f.diags, f.root, "size", UNIT_BYTES, NULL, &size_bytes),
        ERR_INPUT);
    assert_int_equal(size_bytes, -1);
    assert_one_diag(f.diags, "unit-missing", 1, 7);
    clear(&f);
}

static void test_keys_of_what_is_no_mapping(void **state)
{
    (void)state;
    struct fixture f;
    load(&f, "- a\n");
    const char *text = NULL;
    assert_int_equal(yaml_find_text(f.diags, f.root, "a", &text), ERR_INPUT);
    assert_one_diag(f.diags, "yaml-wrong-type", 1, 1);
    clear(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wrong_kind_says_what_and_where),
        cmocka_unit_test(test_missing_key_is_reported_at_its_mapping),
        cmocka_unit_test(test_absent_optional_keys_keep_their_defaults),
        cmocka_unit_test(test_present_keys_are_read),
        cmocka_unit_test(test_bool_is_true_or_false_alone),
        cmocka_unit_test(test_each_unknown_key_gets_its_suggestion),
        cmocka_unit_test(test_known_keys_pass),
        cmocka_unit_test(test_schema_is_asked_for),
        cmocka_unit_test(test_expression_errors_stand_inside_the_scalar),
        cmocka_unit_test(test_quantity_without_unit_stands_at_the_scalar),
        cmocka_unit_test(test_keys_of_what_is_no_mapping),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
