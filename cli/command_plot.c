#include <stdlib.h>

#include <jansson.h>

#include "cli/command.h"
#include "cli/timeline.h"
#include "cli/trace.h"
#include "explore/explore.h"

static enum status parse_formats(struct cli *cli, bool *formats)
{
    static const char *const names[] = {"pdf", "svg", "png"};
    GPtrArray *list = cli->settings.format;
    if (list->len == 0) {
        formats[FIGURE_PDF] = true;
        formats[FIGURE_PNG] = true;
    }
    for (guint i = 0; i < list->len; i++) {
        g_auto(GStrv) words = g_strsplit(g_ptr_array_index(list, i), ",", -1);
        for (char **word = words; *word != NULL; word++) {
            enum figure_format format = figure_format_find(*word);
            if (format == FIGURE_FORMAT_COUNT) {
                g_autofree char *suggestion =
                    suggest_text(*word, names, G_N_ELEMENTS(names));
                return cli_fail_usage(cli, suggestion,
                                      "unknown format '%s' (pdf, svg, png)",
                                      *word);
            }
            formats[format] = true;
        }
    }
    return OK;
}

/* Operands after the first must be figures of the experiment. */
static enum status check_figures(struct cli *cli,
                                 const struct experiment *experiment,
                                 const char *const *figures)
{
    const char *const *known = experiment_figures(experiment);
    size_t count = 0;
    while (known[count] != NULL) {
        count++;
    }
    for (; *figures != NULL; figures++) {
        if (!g_strv_contains(known, *figures)) {
            g_autofree char *suggestion = suggest_text(*figures, known, count);
            diag_error(cli->diags, SPAN_NONE, "plot-unknown-figure", suggestion,
                       "experiment '%s' has no figure '%s'",
                       experiment_name(experiment), *figures);
            return ERR_INPUT;
        }
    }
    return OK;
}

static void print_json(struct cli *cli, const GPtrArray *paths,
                       const char *tables)
{
    json_t *object = json_object();
    json_t *list = json_array();
    for (guint i = 0; i < paths->len; i++) {
        json_array_append_new(list, json_string(g_ptr_array_index(paths, i)));
    }
    json_object_set_new(object, "figures", list);
    json_object_set_new(object, "tables", json_loads(tables, 0, NULL));
    char *printed =
        json_dumps(object, JSON_REAL_PRECISION(17) | JSON_INDENT(2));
    g_string_append_printf(cli->out, "%s\n", printed);
    free(printed);
    json_decref(object);
}

static enum status plot(struct cli *cli, const struct experiment *experiment,
                        const char *const *figures)
{
    AUTO(store) store = NULL;
    struct draw_options options = {
        .figures = figures,
        .directory = cli->settings.directory,
    };
    const char *path = cli->settings.db != NULL
                           ? cli->settings.db
                           : experiment_database(experiment);
    TRY(parse_formats(cli, options.formats));
    TRY(check_figures(cli, experiment, figures));
    TRY(cli_need(cli, path, "db"));
    TRY(store_open(cli->diags, path, STORE_READ, &store));
    g_autoptr(GPtrArray) paths = g_ptr_array_new_with_free_func(g_free);
    TRY(explore_draw(experiment, store, cli->diags, &options, paths));
    for (guint i = 0; i < paths->len; i++) {
        cli_note(cli, "wrote %s", (char *)g_ptr_array_index(paths, i));
    }
    g_autoptr(GString) tables = g_string_new(NULL);
    TRY(explore_print_tables(experiment, store, cli->diags,
                             cli->settings.as_json, tables));
    if (cli->settings.as_json) {
        print_json(cli, paths, tables->str);
    } else {
        g_string_append(cli->out, tables->str);
    }
    return OK;
}

static enum status run_timeline(struct cli *cli)
{
    bool formats[FIGURE_FORMAT_COUNT] = {false};
    if (cli->settings.operands->len > 0) {
        return cli_fail_usage(
            cli, NULL, "'--timeline' is of --cascade, --arch and --mapping");
    }
    TRY(parse_formats(cli, formats));
    return timeline_plot(cli, formats);
}

/* Figures of checks, from the store. */
static enum status run_errors(struct cli *cli)
{
    AUTO(store) store = NULL;
    bool formats[FIGURE_FORMAT_COUNT] = {false};
    const char *directory = cli->settings.directory;
    TRY(parse_formats(cli, formats));
    TRY(cli_need(cli, cli->settings.db, "db"));
    TRY(store_open(cli->diags, cli->settings.db, STORE_READ, &store));
    if (g_mkdir_with_parents(directory, 0777) != 0) {
        return diag_fail(cli->diags, ERR_IO, "figure-write",
                         "cannot make the folder '%s'", directory);
    }
    for (int i = 0; i < FIGURE_FORMAT_COUNT; i++) {
        enum figure_format format = (enum figure_format)i;
        if (!formats[i]) {
            continue;
        }
        g_autofree char *errors = g_strdup_printf("%s/errors.%s", directory,
                                                  figure_format_name(format));
        g_autofree char *histogram = g_strdup_printf(
            "%s/error-histogram.%s", directory, figure_format_name(format));
        TRY(figure_draw_errors(store, cli->diags, "M", format, errors));
        TRY(figure_draw_histogram(store, cli->diags, format, histogram));
        cli_note(cli, "wrote %s and %s", errors, histogram);
    }
    return OK;
}

/* An experiment has its own files; a timeline is of one run. */
static enum status check_experiment(struct cli *cli)
{
    const struct settings *s = &cli->settings;
    if (s->operands->len == 0) {
        return cli_fail_usage(cli, NULL, "too few arguments");
    }
    return s->cascade != NULL || s->arch != NULL || s->mapping != NULL ||
                   s->trace_window != NULL || s->trace_only->len > 0
               ? cli_need(cli, NULL, "timeline")
               : OK;
}

static enum status run(struct cli *cli)
{
    if (cli->settings.wants_timeline) {
        return run_timeline(cli);
    }
    if (cli->settings.wants_errors) {
        return run_errors(cli);
    }
    AUTO(scope) chosen = NULL;
    AUTO(experiment) experiment = NULL;
    GPtrArray *operands = cli->settings.operands;
    struct experiment_options options = {0};
    TRY(check_experiment(cli));
    TRY(cli_parse_set(cli, &chosen));
    options.chosen = chosen;
    TRY(cli_parse_fidelity(cli, &options.wants_model, &options.wants_sim));
    TRY(experiment_load_file(cli->diags, g_ptr_array_index(operands, 0),
                             &options, &experiment));
    g_ptr_array_add(operands, NULL);
    return plot(cli, experiment, (const char *const *)operands->pdata + 1);
}

static const struct option options[] = {
    {"output", 'o', OPTION_TEXT, "DIR", offsetof(struct settings, directory),
     "folder of the figures; made if missing"},
    {"format", 'F', OPTION_LIST, "FORMAT", offsetof(struct settings, format),
     "pdf, svg, png or several; pdf,png otherwise"},
    OPTION_FIDELITY,
    OPTION_SET,
    {"timeline", 0, OPTION_FLAG, NULL,
     offsetof(struct settings, wants_timeline),
     "draw a window of one simulated run, of the files that follow"},
    {"errors", 0, OPTION_FLAG, NULL, offsetof(struct settings, wants_errors),
     "draw what 'weir verify --db' has stored: errors beside their bounds over "
     "M"},
    OPTION_CASCADE_FILE,
    OPTION_ARCH_FILE,
    OPTION_MAPPING_FILE,
    OPTION_TRACE_SELECTION,
    OPTION_DB("the store; the experiment's 'database' otherwise"),
    OPTION_JSON("paths and tables as one JSON object"),
    OPTION_END,
};

const struct command command_plot = {
    .options = options,
    .min_operands = 0,
    .max_operands = -1,
    .about =
        "Draws the figures of an experiment, all or those named, from the "
        "runs\n"
        "that 'weir sweep' has stored, with gnuplot; one file a figure, "
        "fidelity\n"
        "and format: DIR/fig8-model.pdf. Then prints the experiment's tables.\n"
        "Give the same --set as to the sweep.\n\n"
        "With --timeline there is no experiment: one run is simulated, and a "
        "window\n"
        "of it, that of --trace-window or one in its midst, is drawn as "
        "a\n"
        "waterfall of units and memory ports: DIR/timeline-MAPPING.pdf.\n\n"
        "With --errors there is none either: DIR/errors.pdf has the errors of "
        "all\n"
        "checks of a store, a panel for each kind of inputs, and\n"
        "DIR/error-histogram.pdf how those of the newest are spread.\n",
    .examples = "  weir plot experiments/fusemax.yaml -o out/fusemax\n"
                "  weir plot experiments/fusemax.yaml fig8 --format svg\n"
                "  weir plot --errors --db out/numerics.db -o out\n"
                "  weir plot --timeline \\\n"
                "    --cascade workloads/attention/one-pass.yaml \\\n"
                "    --arch arch-configs/fusemax-cloud.yaml \\\n"
                "    --mapping mappings/fusemax-binding.yaml \\\n"
                "    --set E=64,F=64,P=1K,M=1K --trace-window 4000:4600\n",
    .run = run,
};
