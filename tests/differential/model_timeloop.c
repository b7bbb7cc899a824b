/* Per-level statistics and cycles of a real Timeloop (tests/data/timeloop/, which
 * names its version) against the model's transfers and cycles, integer for
 * integer. Every memory and tensor that Timeloop knows has a line; what has none
 * must move nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "model/model.h"
#include "tests/problem_fixture.h"

#define DATA "tests/data/timeloop/"

enum { CASE_NAME, CASE_CASCADE, CASE_ARCH, CASE_MAPPING, CASE_SETTINGS };
enum { CASE_CYCLES = CASE_SETTINGS + 2, CASE_FIELDS };
enum { COUNT_CASE, COUNT_MEMORY, COUNT_TENSOR, COUNT_READS, COUNT_FIELDS = 6 };

/* The lines of a table, without comments and the heading: GStrv of fields. */
static GPtrArray *table_load(const char *path, guint fields)
{
    g_autofree char *text = NULL;
    assert_true(g_file_get_contents(path, &text, NULL, NULL));
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    GPtrArray *table =
        g_ptr_array_new_with_free_func((GDestroyNotify)g_strfreev);
    bool is_heading = true;
    for (char **line = lines; *line != NULL; line++) {
        if (**line == '\0' || **line == '#') {
            continue;
        }
        char **row = g_strsplit(*line, ",", -1);
        assert_int_equal(g_strv_length(row), fields);
        if (is_heading) {
            g_strfreev(row);
        } else {
            g_ptr_array_add(table, row);
        }
        is_heading = false;
    }
    return table;
}

static int64_t number(const char *text)
{
    char *end = NULL;
    int64_t value = g_ascii_strtoll(text, &end, 10);
    assert_true(end != text && *end == '\0');
    return value;
}

static const struct evaluation_transfer *
find_transfer(const struct evaluation *e, const char *memory,
              const char *tensor)
{
    static const struct evaluation_transfer none;
    for (int i = 0; i < e->transfer_count; i++) {
        if (strcmp(e->transfers[i].memory, memory) == 0 &&
            strcmp(e->transfers[i].tensor, tensor) == 0) {
            return &e->transfers[i];
        }
    }
    return &none;
}

/* Drains are not counted by Timeloop. */
static int64_t sum_transfer(const struct evaluation_transfer *t)
{
    return t->reads + t->fills + t->updates;
}

static void check_count(const struct evaluation *e, char *const *row,
                        int64_t *sum)
{
    const struct evaluation_transfer *t =
        find_transfer(e, row[COUNT_MEMORY], row[COUNT_TENSOR]);
    const int64_t counted[] = {t->reads, t->fills, t->updates};
    for (gsize i = 0; i < G_N_ELEMENTS(counted); i++) {
        int64_t expected = number(row[COUNT_READS + i]);
        if (counted[i] != expected) {
            print_error("%s, %s of '%s': model %" G_GINT64_FORMAT
                        ", Timeloop %" G_GINT64_FORMAT " (column %zu)\n",
                        row[COUNT_CASE], row[COUNT_MEMORY], row[COUNT_TENSOR],
                        counted[i], expected, i);
        }
        assert_int_equal(counted[i], expected);
        *sum += expected;
    }
}

static void check_case(char *const *fields, const GPtrArray *counts)
{
    AUTO(diags) diags = diags_new();
    AUTO(scope) chosen = fixture_scope(fields[CASE_SETTINGS]);
    AUTO(problem) problem = NULL;
    if (problem_load(diags, fields[CASE_CASCADE], fields[CASE_ARCH],
                     fields[CASE_MAPPING], chosen, &problem) != OK) {
        fixture_print(diags);
        fail_msg("%s does not load", fields[CASE_NAME]);
    }
    AUTO(evaluation) e = NULL;
    assert_int_equal(model_evaluate(problem->plan, diags, &e), OK);
    int64_t listed = 0;
    guint rows = 0;
    for (guint i = 0; i < counts->len; i++) {
        char *const *row = counts->pdata[i];
        if (strcmp(row[COUNT_CASE], fields[CASE_NAME]) == 0) {
            check_count(e, row, &listed);
            rows++;
        }
    }
    assert_int_not_equal(rows, 0);
    int64_t all = 0;
    for (int i = 0; i < e->transfer_count; i++) {
        all += sum_transfer(&e->transfers[i]);
    }
    assert_int_equal(all, listed);
    if (*fields[CASE_CYCLES] != '\0') {
        assert_int_equal(e->cycles, number(fields[CASE_CYCLES]));
    }
}

static void test_counts_and_cycles_are_those_of_timeloop(void **state)
{
    (void)state;
    g_autoptr(GPtrArray) cases = table_load(DATA "cases.csv", CASE_FIELDS);
    g_autoptr(GPtrArray) counts = table_load(DATA "counts.csv", COUNT_FIELDS);
    assert_in_range(cases->len, 25, 1000);
    for (guint i = 0; i < cases->len; i++) {
        check_case(cases->pdata[i], counts);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counts_and_cycles_are_those_of_timeloop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
