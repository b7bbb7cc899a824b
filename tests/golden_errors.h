/* Golden diagnostics: tests/golden/errors/PREFIX*.yaml begin with one comment
 * line for each message that reading them must give, in order:
 *     # expect: LINE:COLUMN CODE
 * golden_errors_run makes each file a test point of its own. Include after
 * cmocka.h.
 */
#ifndef WEIR_TESTS_GOLDEN_ERRORS_H
#define WEIR_TESTS_GOLDEN_ERRORS_H

#include <stdlib.h>
#include <string.h>

#include "base/base.h"

#define GOLDEN_FOLDER "tests/golden/errors"

/* Reads the file, reporting to diags; frees what it has read. */
typedef enum status (*golden_load)(struct diags *diags, const char *path);

struct golden_case {
    char *path;
    golden_load load;
};

/* "7:3 arch-root" lines of what was expected. */
static inline GString *golden_expected(const char *text)
{
    static const char mark[] = "# expect: ";
    GString *expected = g_string_new(NULL);
    while (g_str_has_prefix(text, mark)) {
        const char *end = strchr(text, '\n');
        text += strlen(mark);
        g_string_append_len(expected, text, end + 1 - text);
        text = end + 1;
    }
    return expected;
}

static inline GString *golden_actual(const struct diags *diags)
{
    GString *actual = g_string_new(NULL);
    for (size_t i = 0; i < diags_count(diags); i++) {
        const struct diag *diag = diags_get(diags, i);
        g_string_append_printf(actual, "%d:%d %s\n", diag->span.line,
                               diag->span.column, diag->code);
    }
    return actual;
}

static inline void golden_check(void **state)
{
    const struct golden_case *golden = *state;
    g_autofree char *text = NULL;
    assert_true(g_file_get_contents(golden->path, &text, NULL, NULL));
    g_autoptr(GString) expected = golden_expected(text);
    assert_true(expected->len > 0);

    AUTO(diags) diags = diags_new();
    enum status status = golden->load(diags, golden->path);
    g_autoptr(GString) actual = golden_actual(diags);
    if (strcmp(actual->str, expected->str) != 0) {
        g_autoptr(GString) rendering = g_string_new(NULL);
        diags_print(diags, false, rendering);
        print_error("%s", rendering->str);
    }
    assert_string_equal(actual->str, expected->str);
    assert_int_equal(status, ERR_INPUT);
}

/* Runs all cases whose file begins with `prefix`; the number that failed. */
static inline int golden_errors_run(const char *prefix, golden_load load)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    GDir *dir = g_dir_open(GOLDEN_FOLDER, 0, NULL);
    const char *name = NULL;
    while (dir != NULL && (name = g_dir_read_name(dir)) != NULL) {
        if (g_str_has_prefix(name, prefix) && g_str_has_suffix(name, ".yaml")) {
            g_ptr_array_add(names, g_strdup(name));
        }
    }
    g_clear_pointer(&dir, g_dir_close);
    g_ptr_array_sort(names, (GCompareFunc)(void (*)(void))g_strcmp0);

    struct CMUnitTest *tests = g_new0(struct CMUnitTest, names->len + 1);
    struct golden_case *cases = g_new0(struct golden_case, names->len + 1);
    for (guint i = 0; i < names->len; i++) {
        tests[i].name = names->pdata[i];
        tests[i].test_func = golden_check;
        cases[i].path = g_build_filename(GOLDEN_FOLDER, tests[i].name, NULL);
        cases[i].load = load;
        tests[i].initial_state = &cases[i];
    }
    /* No case at all is a failure: the folder is looked for in vain. */
    int failed =
        names->len == 0
            ? 1
            : _cmocka_run_group_tests(prefix, tests, names->len, NULL, NULL);
    for (guint i = 0; i < names->len; i++) {
        g_free(cases[i].path);
        g_free(names->pdata[i]);
    }
    g_free(cases);
    g_free(tests);
    return failed;
}

#endif
