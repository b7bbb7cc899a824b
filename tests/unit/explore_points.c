/* Experiments: from axes to points. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <glib/gstdio.h>
#include <string.h>

#include "explore/explore.h"
#include "tests/problem_fixture.h"

/* Writes the text to a file in the build folder and loads it, with paths as
 * from there. */
static enum status load(struct diags *diags, const char *text,
                        const struct experiment_options *options,
                        struct experiment **experiment)
{
    g_autofree char *folder = g_dir_make_tmp("weir-points-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(folder, "x.yaml", NULL);
    assert_true(g_file_set_contents(path, text, -1, NULL));
    enum status status = experiment_load_file(diags, path, options, experiment);
    g_unlink(path);
    g_rmdir(folder);
    return status;
}

/* Absolute paths of the inputs, so that the file may lie anywhere. */
static char *with_inputs(const char *rest)
{
    g_autofree char *root = g_get_current_dir();
    return g_strdup_printf("schema: 1\nexperiment: x\n"
                           "cascade: %s/workloads/attention/one-pass.yaml\n"
                           "arch: %s/arch-configs/teaching.yaml\n"
                           "mapping: %s/mappings/fusemax-binding.yaml\n%s",
                           root, root, root, rest);
}

static struct experiment *load_good(struct diags *diags, const char *rest,
                                    const struct experiment_options *options)
{
    g_autofree char *text = with_inputs(rest);
    struct experiment *experiment = NULL;
    enum status status = load(diags, text, options, &experiment);
    if (status != OK) {
        fixture_print(diags);
    }
    assert_int_equal(status, OK);
    return experiment;
}

static int64_t value_of(const struct point *point, const char *name)
{
    int64_t value = -1;
    assert_true(scope_get(point->chosen, name, &value));
    return value;
}

static void test_last_axis_runs_fastest_and_fidelity_slowest(void **state)
{
    (void)state;
    AUTO(diags) diags = diags_new();
    struct experiment_options options = {0};
    AUTO(experiment)
    experiment =
        load_good(diags,
                  "fidelity: [sim, model]\n"
                  "axes:\n"
                  "- {axis: heads, set: [H], values: [1, 2]}\n"
                  "- {axis: length, set: [P, M], values: [64, 1K, 2K]}\n",
                  &options);
    static const char *const labels[] = {
        "heads=1 length=64", "heads=1 length=1K", "heads=1 length=2K",
        "heads=2 length=64", "heads=2 length=1K", "heads=2 length=2K"};
    assert_int_equal(experiment_point_count(experiment), 12);
    for (size_t i = 0; i < 12; i++) {
        const struct point *point = experiment_point(experiment, i);
        assert_int_equal(point->fidelity,
                         i < 6 ? FIDELITY_MODEL : FIDELITY_SIM);
        assert_string_equal(point->label, labels[i % 6]);
        assert_int_equal(value_of(point, "P"), value_of(point, "M"));
    }
    assert_int_equal(value_of(experiment_point(experiment, 4), "P"), 1024);
    assert_int_equal(value_of(experiment_point(experiment, 4), "H"), 2);
}

static void test_points_have_keys_of_their_own(void **state)
{
    (void)state;
    AUTO(diags) diags = diags_new();
    struct experiment_options options = {0};
    AUTO(experiment)
    experiment =
        load_good(diags,
                  "fidelity: [model, sim]\n"
                  "axes: [{axis: length, set: [P, M], values: [64, 128]}]\n",
                  &options);
    for (size_t i = 0; i < 4; i++) {
        for (size_t k = 0; k < i; k++) {
            assert_string_not_equal(experiment_point(experiment, i)->key,
                                    experiment_point(experiment, k)->key);
        }
    }
}

static void test_values_are_expressions_over_earlier_names(void **state)
{
    (void)state;
    AUTO(diags) diags = diags_new();
    struct experiment_options options = {0};
    AUTO(experiment)
    experiment = load_good(
        diags,
        "fidelity: [model]\n"
        "set: {H: 3, B: H + 1}\n"
        "axes:\n"
        "- {axis: length, set: [P], values: [64, B * 32]}\n"
        "- axis: keys\n"
        "  entries: {same: {set: {M: P}}, twice: {set: {M: P * 2}}}\n",
        &options);
    const struct point *point = experiment_point(experiment, 3);
    assert_int_equal(value_of(point, "B"), 4);
    assert_int_equal(value_of(point, "P"), 128);
    assert_int_equal(value_of(point, "M"), 256);
    assert_string_equal(point->label, "length=B * 32 keys=twice");
}

static void test_set_wins_over_what_is_common_and_not_over_axes(void **state)
{
    (void)state;
    const char *text = "fidelity: [model]\n"
                       "set: {B: 2, E: 8}\n"
                       "axes:\n"
                       "- axis: width\n"
                       "  entries: {own: {set: {E: 16}}, file: {}}\n";
    AUTO(diags) diags = diags_new();
    AUTO(scope) chosen = fixture_scope("B=5 F=4");
    struct experiment_options options = {.chosen = chosen};
    AUTO(experiment) experiment = load_good(diags, text, &options);
    assert_int_equal(value_of(experiment_point(experiment, 0), "B"), 5);
    assert_int_equal(value_of(experiment_point(experiment, 0), "F"), 4);
    assert_int_equal(value_of(experiment_point(experiment, 0), "E"), 16);
    assert_int_equal(value_of(experiment_point(experiment, 1), "E"), 8);

    AUTO(scope) bad = fixture_scope("E=4");
    g_autofree char *whole = with_inputs(text);
    struct experiment *refused = NULL;
    options.chosen = bad;
    assert_int_equal(load(diags, whole, &options, &refused), ERR_INPUT);
    assert_string_equal(diags_get(diags, 0)->code, "explore-set-axis");
}

static void test_asked_fidelity_wins_over_the_file(void **state)
{
    (void)state;
    AUTO(diags) diags = diags_new();
    struct experiment_options options = {.wants_sim = true};
    AUTO(experiment)
    experiment = load_good(diags, "fidelity: [model]\n", &options);
    assert_int_equal(experiment_point_count(experiment), 1);
    assert_int_equal(experiment_point(experiment, 0)->fidelity, FIDELITY_SIM);
    assert_string_equal(experiment_point(experiment, 0)->label, "");
}

static void test_too_many_points_are_a_limit(void **state)
{
    (void)state;
    g_autoptr(GString) rest = g_string_new("fidelity: [model]\naxes:\n");
    for (int axis = 0; axis < 2; axis++) {
        g_string_append_printf(rest, "- {axis: a%d, set: [N%d], values: [0",
                               axis, axis);
        for (int i = 1; i <= 1000; i++) {
            g_string_append_printf(rest, ", %d", i);
        }
        g_string_append(rest, "]}\n");
    }
    AUTO(diags) diags = diags_new();
    g_autofree char *text = with_inputs(rest->str);
    struct experiment_options options = {0};
    struct experiment *experiment = NULL;
    assert_int_equal(load(diags, text, &options, &experiment), ERR_LIMIT);
    assert_string_equal(diags_get(diags, 0)->code, "explore-too-many-points");
}

static void test_paths_are_seen_from_the_experiment_file(void **state)
{
    (void)state;
    AUTO(diags) diags = diags_new();
    struct experiment_options options = {0};
    AUTO(experiment) experiment = NULL;
    assert_int_equal(experiment_load_file(diags, "experiments/fusemax.yaml",
                                          &options, &experiment),
                     OK);
    assert_string_equal(experiment_point(experiment, 0)->cascade,
                        "workloads/attention/three-pass.yaml");
    assert_int_equal(experiment_point_count(experiment), 480);
}

static void test_command_repeats_the_point(void **state)
{
    (void)state;
    AUTO(scope) chosen = fixture_scope("P=64 M=32");
    struct point point = {
        .fidelity = FIDELITY_SIM,
        .cascade = "a b.yaml",
        .arch = "a.yaml",
        .mapping = "m.yaml",
        .chosen = chosen,
    };
    g_autofree char *command = explore_print_command(&point);
    assert_string_equal(command, "weir sim --cascade 'a b.yaml' --arch 'a.yaml'"
                                 " --mapping 'm.yaml' --set P=64,M=32");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_last_axis_runs_fastest_and_fidelity_slowest),
        cmocka_unit_test(test_points_have_keys_of_their_own),
        cmocka_unit_test(test_values_are_expressions_over_earlier_names),
        cmocka_unit_test(test_set_wins_over_what_is_common_and_not_over_axes),
        cmocka_unit_test(test_asked_fidelity_wins_over_the_file),
        cmocka_unit_test(test_too_many_points_are_a_limit),
        cmocka_unit_test(test_paths_are_seen_from_the_experiment_file),
        cmocka_unit_test(test_command_repeats_the_point),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
