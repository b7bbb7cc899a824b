/* Runs: keys, JSON there and back, tables, and that every number is a row of
 * metrics.def. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdlib.h>

#include <jansson.h>

#include "tests/unit/reports_fixture.h"

static void test_json_comes_back_as_it_was(void **state)
{
    (void)state;
    AUTO(diags) diags = diags_new();
    AUTO(run) run = fixture_run("P=64 M=64", FIDELITY_SIM);
    /* Doubles that need all their digits. */
    run->evaluation.energy_pj = 0.1 + 0.2;
    run->evaluation.units[0].utilization_ratio = 1.0 / 3.0;
    AUTO(run) again = NULL;
    g_autofree char *text = run_print_json(run, 0);
    assert_int_equal(run_parse_json(diags, text, &again), OK);
    g_autofree char *text_again = run_print_json(again, 0);
    assert_string_equal(text_again, text);
    assert_true(again->evaluation.energy_pj == 0.1 + 0.2);
    assert_int_equal(again->evaluation.action_count,
                     run->evaluation.action_count);
    assert_true(run->evaluation.action_count > 0);
}

static void test_unknown_energy_is_null(void **state)
{
    (void)state;
    AUTO(diags) diags = diags_new();
    AUTO(run) run = fixture_run("P=64 M=64", FIDELITY_MODEL);
    AUTO(run) again = NULL;
    run->evaluation.energy_pj = (double)NAN;
    g_autofree char *text = run_print_json(run, 0);
    assert_non_null(strstr(text, "\"energy_pj\": null"));
    assert_int_equal(run_parse_json(diags, text, &again), OK);
    assert_true(isnan(again->evaluation.energy_pj));
}

static void test_text_that_is_no_run_is_refused(void **state)
{
    (void)state;
    const char *const texts[] = {"", "{", "[]", "{}", "{\"cycles\": 1}"};
    for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
        AUTO(diags) diags = diags_new();
        struct run *run = NULL;
        assert_int_equal(run_parse_json(diags, texts[i], &run), ERR_IO);
        assert_null(run);
        assert_int_equal(diags_count(diags), 1);
    }
}

static void test_key_depends_on_every_input_and_not_on_order(void **state)
{
    (void)state;
    AUTO(scope) one = fixture_scope("P=1 M=2");
    AUTO(scope) turned = fixture_scope("M=2 P=1");
    AUTO(scope) other = fixture_scope("P=1 M=3");
    AUTO(scope) fewer = fixture_scope("P=1");
    g_autofree char *key = run_key(FIDELITY_MODEL, "c", "a", "m", one);
    g_autofree char *same = run_key(FIDELITY_MODEL, "c", "a", "m", turned);
    assert_string_equal(key, same);
    char *const others[] = {
        run_key(FIDELITY_SIM, "c", "a", "m", one),
        run_key(FIDELITY_MODEL, "d", "a", "m", one),
        run_key(FIDELITY_MODEL, "c", "b", "m", one),
        run_key(FIDELITY_MODEL, "c", "a", "n", one),
        run_key(FIDELITY_MODEL, "c", "a", "m", other),
        run_key(FIDELITY_MODEL, "c", "a", "m", fewer),
    };
    for (size_t i = 0; i < G_N_ELEMENTS(others); i++) {
        assert_string_not_equal(others[i], key);
        g_free(others[i]);
    }
}

/* ---- metrics --------------------------------------------------------------- */

static bool is_metric(const char *path)
{
    for (int i = 0; i < METRIC_COUNT; i++) {
        if (g_pattern_match_simple(metric_get((enum metric)i)->json, path)) {
            return true;
        }
    }
    return false;
}

/* Paths of all numbers; what a name or an index stands for matches '*'. */
static void check_numbers(json_t *value, const char *path)
{
    const char *key = NULL;
    json_t *part = NULL;
    size_t i = 0;
    if (json_is_number(value) && !is_metric(path)) {
        fail_msg("'%s' is no metric", path);
    }
    if (json_is_object(value)) {
        json_object_foreach(value, key, part)
        {
            g_autofree char *inner = path[0] == '\0'
                                         ? g_strdup(key)
                                         : g_strdup_printf("%s.%s", path, key);
            check_numbers(part, inner);
        }
    }
    json_array_foreach(value, i, part)
    {
        g_autofree char *inner = g_strdup_printf("%s.%zu", path, i);
        check_numbers(part, inner);
    }
}

static void test_every_number_in_json_is_a_metric(void **state)
{
    (void)state;
    AUTO(run) run = fixture_run("P=64 M=64", FIDELITY_SIM);
    g_autofree char *text = run_print_json(run, 0);
    json_t *object = json_loads(text, 0, NULL);
    assert_non_null(object);
    check_numbers(object, "");
    json_decref(object);
    assert_false(is_metric("cycle"));
}

static void test_every_metric_is_described(void **state)
{
    (void)state;
    for (int i = 0; i < METRIC_COUNT; i++) {
        const struct metric_info *info = metric_get((enum metric)i);
        assert_true(info->column[0] != '\0' && info->json[0] != '\0');
        assert_true(info->heading[0] != '\0' && info->meaning[0] != '\0');
        assert_true(info->invariant[0] != '\0');
    }
}

/* Invariants of metrics.def that one run can show. */
static void test_simulated_cycles_are_accounted_for(void **state)
{
    (void)state;
    AUTO(run) run = fixture_run("P=64 M=64", FIDELITY_SIM);
    const struct evaluation *evaluation = &run->evaluation;
    for (int i = 0; i < evaluation->unit_count; i++) {
        int64_t sum = evaluation->units[i].busy_cycles;
        for (int cause = 0; cause < STALL_COUNT; cause++) {
            sum += evaluation->units[i].stall_cycles[cause];
        }
        assert_int_equal(sum, evaluation->cycles);
    }
    assert_true(evaluation->model_cycles <= evaluation->cycles);
    assert_true(evaluation->bound_cycles <= evaluation->model_cycles);
}

/* ---- tables ---------------------------------------------------------------- */

static void test_columns_are_aligned_and_headed(void **state)
{
    (void)state;
    AUTO(table) table = table_new();
    table_add_text_column(table, "unit");
    table_add_metric_column(table, METRIC_BUSY_CYCLES);
    table_add_text_column(table, "remark");
    table_add_text(table, "a");
    table_add_count(table, 1234567);
    table_add_text(table, "");
    table_add_text(table, "Größe");
    table_add_count(table, 5);
    table_add_text(table, "x");
    g_autoptr(GString) out = g_string_new(NULL);
    table_print(table, out);
    assert_string_equal(out->str, "unit        busy  remark\n"
                                  "          cycles\n"
                                  "a      1,234,567\n"
                                  "Größe          5  x\n");
}

static void test_table_of_a_simulation_names_what_limits_it(void **state)
{
    (void)state;
    AUTO(run) run = fixture_run("P=64 M=64", FIDELITY_SIM);
    g_autoptr(GString) out = g_string_new(NULL);
    run_print_table(run, out);
    const char *const words[] = {"bottleneck", run->evaluation.bottleneck,
                                 "simulated:", "dependency",
                                 "compulsory", "of bandwidth",
                                 "SLNV",       "P=64"};
    for (size_t i = 0; i < G_N_ELEMENTS(words); i++) {
        assert_non_null(strstr(out->str, words[i]));
    }
    AUTO(run) model = fixture_run("P=64 M=64", FIDELITY_MODEL);
    g_string_truncate(out, 0);
    run_print_table(model, out);
    assert_null(strstr(out->str, "dependency"));
    assert_non_null(strstr(out->str, "drain"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_json_comes_back_as_it_was),
        cmocka_unit_test(test_unknown_energy_is_null),
        cmocka_unit_test(test_text_that_is_no_run_is_refused),
        cmocka_unit_test(test_key_depends_on_every_input_and_not_on_order),
        cmocka_unit_test(test_every_number_in_json_is_a_metric),
        cmocka_unit_test(test_every_metric_is_described),
        cmocka_unit_test(test_simulated_cycles_are_accounted_for),
        cmocka_unit_test(test_columns_are_aligned_and_headed),
        cmocka_unit_test(test_table_of_a_simulation_names_what_limits_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
