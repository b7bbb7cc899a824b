/* Figures: scripts that cannot be broken out of, files that are whole. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <glib/gstdio.h>

#include "reports/gnuplot.h"
#include "tests/unit/reports_fixture.h"

static void test_quotes_and_control_characters_are_tamed(void **state)
{
    (void)state;
    g_autofree char *quoted = gnuplot_quote("it's `date`\n\"x\"");
    assert_string_equal(quoted, "'it''s `date` \"x\"'");
}

static void test_complaints_of_gnuplot_are_passed_on(void **state)
{
    (void)state;
    AUTO(diags) diags = diags_new();
    assert_int_equal(gnuplot_run(diags, "plot 'no such file'\n"), ERR_IO);
    assert_string_equal(diags_get(diags, 0)->code, "figure-gnuplot");
    assert_non_null(strstr(diags_get(diags, 0)->message, "no such file"));
}

static void test_missing_gnuplot_is_an_error_of_the_environment(void **state)
{
    (void)state;
    AUTO(diags) diags = diags_new();
    g_autofree char *path = g_strdup(g_getenv("PATH"));
    g_setenv("PATH", "/nonexistent", TRUE);
    enum status status = gnuplot_run(diags, "set output\n");
    g_setenv("PATH", path, TRUE);
    assert_int_equal(status, ERR_IO);
    assert_string_equal(diags_get(diags, 0)->code, "figure-no-gnuplot");
    assert_non_null(strstr(diags_get(diags, 0)->message, "gnuplot-nox"));
}

/* ---- drawing --------------------------------------------------------------- */

struct drawing {
    char *folder;
    struct run *runs[2];
    const struct run *cells[8];
    struct figure_grid grid;
};

static const char *const groups[] = {"it's", "under_score"};
static const char *const ticks[] = {"64", "128"};
static const char *const bars[] = {"slow", "fast"};

static int make_drawing(void **state)
{
    struct drawing *drawing = g_new0(struct drawing, 1);
    drawing->folder = g_dir_make_tmp("weir-figure-XXXXXX", NULL);
    drawing->runs[0] = fixture_run("P=64 M=128", FIDELITY_MODEL);
    drawing->runs[1] = fixture_run("P=64 M=64", FIDELITY_MODEL);
    for (size_t i = 0; i < G_N_ELEMENTS(drawing->cells); i++) {
        drawing->cells[i] = drawing->runs[i % 2];
    }
    drawing->cells[3] = NULL; /* a gap */
    drawing->grid =
        (struct figure_grid){2, groups, 2, ticks, 2, bars, 1, drawing->cells};
    *state = drawing;
    return 0;
}

static size_t count_files(const char *folder, bool remove_them)
{
    size_t count = 0;
    GDir *dir = g_dir_open(folder, 0, NULL);
    const char *name = NULL;
    while ((name = g_dir_read_name(dir)) != NULL) {
        g_autofree char *path = g_build_filename(folder, name, NULL);
        count++;
        if (remove_them) {
            g_unlink(path);
        }
    }
    g_dir_close(dir);
    return count;
}

static int remove_drawing(void **state)
{
    struct drawing *drawing = *state;
    count_files(drawing->folder, true);
    g_rmdir(drawing->folder);
    g_free(drawing->folder);
    run_free(drawing->runs[0]);
    run_free(drawing->runs[1]);
    g_free(drawing);
    return 0;
}

static void test_all_formats_of_all_kinds_are_drawn(void **state)
{
    struct drawing *drawing = *state;
    static const char *const magic[FIGURE_FORMAT_COUNT] = {"%PDF", "<?xml",
                                                           "\x89PNG"};
    for (const char *const *kind = figure_kind_names(); *kind != NULL; kind++) {
        for (int f = 0; f < FIGURE_FORMAT_COUNT; f++) {
            AUTO(diags) diags = diags_new();
            struct figure_options options = {
                .name = "f",
                .kind = *kind,
                .unit = figure_needs_unit(*kind) ? "array2d" : NULL,
                .baseline = figure_needs_baseline(*kind) ? "slow" : NULL,
                .title = "a 'title'",
            };
            if (figure_draw(diags, &options, &drawing->grid,
                            (enum figure_format)f, drawing->folder) != OK) {
                fixture_print(diags);
                fail();
            }
            g_autofree char *path =
                g_strdup_printf("%s/f.%s", drawing->folder,
                                figure_format_name((enum figure_format)f));
            g_autofree char *bytes = NULL;
            assert_true(g_file_get_contents(path, &bytes, NULL, NULL));
            assert_true(g_str_has_prefix(bytes, magic[f]));
        }
    }
    /* Nothing unfinished is left. */
    assert_int_equal(count_files(drawing->folder, false), FIGURE_FORMAT_COUNT);
}

/* The SVG has its texts as texts: labels, legend and axis must be there. */
static void test_figure_says_what_it_shows(void **state)
{
    struct drawing *drawing = *state;
    AUTO(diags) diags = diags_new();
    struct figure_options options = {
        .name = "f",
        .kind = "speedup",
        .baseline = "slow",
        .x_label = "sequence length",
    };
    g_autofree char *path = g_strdup_printf("%s/f.svg", drawing->folder);
    g_autofree char *text = NULL;
    assert_int_equal(figure_draw(diags, &options, &drawing->grid, FIGURE_SVG,
                                 drawing->folder),
                     OK);
    assert_true(g_file_get_contents(path, &text, NULL, NULL));
    const char *const words[] = {"under_score", "128", "fast",
                                 "Speedup over slow", "Sequence length"};
    for (size_t i = 0; i < G_N_ELEMENTS(words); i++) {
        if (strstr(text, words[i]) == NULL) {
            fail_msg("the figure lacks '%s'", words[i]);
        }
    }
}

static void test_unknown_unit_and_baseline_are_suggested(void **state)
{
    struct drawing *drawing = *state;
    const struct {
        struct figure_options options;
        const char *code;
        const char *suggestion;
    } cases[] = {
        {{.name = "f", .kind = "utilization", .unit = "array2"},
         "figure-unknown-unit",
         "array2d"},
        {{.name = "f", .kind = "speedup", .baseline = "slwo"},
         "figure-unknown-baseline",
         "slow"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        AUTO(diags) diags = diags_new();
        assert_int_equal(figure_draw(diags, &cases[i].options, &drawing->grid,
                                     FIGURE_SVG, drawing->folder),
                         ERR_INPUT);
        assert_string_equal(diags_get(diags, 0)->code, cases[i].code);
        assert_non_null(
            strstr(diags_get(diags, 0)->suggestion, cases[i].suggestion));
    }
    assert_int_equal(count_files(drawing->folder, false), 0);
}

static void test_missing_folder_is_an_error_of_the_environment(void **state)
{
    struct drawing *drawing = *state;
    AUTO(diags) diags = diags_new();
    struct figure_options options = {
        .name = "f", .kind = "speedup", .baseline = "slow"};
    assert_int_equal(figure_draw(diags, &options, &drawing->grid, FIGURE_PDF,
                                 "/nonexistent/folder"),
                     ERR_IO);
}

#define DRAW_TEST(test)                                                        \
    cmocka_unit_test_setup_teardown(test, make_drawing, remove_drawing)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_quotes_and_control_characters_are_tamed),
        cmocka_unit_test(test_complaints_of_gnuplot_are_passed_on),
        cmocka_unit_test(test_missing_gnuplot_is_an_error_of_the_environment),
        DRAW_TEST(test_all_formats_of_all_kinds_are_drawn),
        DRAW_TEST(test_figure_says_what_it_shows),
        DRAW_TEST(test_unknown_unit_and_baseline_are_suggested),
        DRAW_TEST(test_missing_folder_is_an_error_of_the_environment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
