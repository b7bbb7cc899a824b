#include "cli/timeline.h"

#include <errno.h>

#include <glib/gstdio.h>
#include <jansson.h>
#include <stdlib.h>

#include "cli/trace.h"
#include "explore/explore.h"

/* Without --trace-window: so many tile steps, stalls and transfers well inside the
 * run, where no common number of heads ends. */

#define SLICES_UNASKED 72

static enum status simulate(struct cli *cli, const struct scope *chosen,
                            struct trace *trace, struct run **run)
{
    struct sim_options sim = SIM_OPTIONS_DEFAULT;
    struct point point = {
        .fidelity = FIDELITY_SIM,
        .cascade = cli->settings.cascade,
        .arch = cli->settings.arch,
        .mapping = cli->settings.mapping,
        .chosen = chosen,
        .key = "",
    };
    sim.trace = trace;
    return explore_evaluate(cli->diags, NULL, &point, &cli->origin, &sim, run);
}

static enum status choose_window(struct cli *cli, const struct scope *chosen,
                                 struct trace_options *options)
{
    AUTO(run) run = NULL;
    if (cli->settings.trace_window == NULL) {
        TRY(simulate(cli, chosen, NULL, &run));
        options->from_cycle = run->evaluation.cycles / 13 * 5;
        options->slice_goal = SLICES_UNASKED;
    }
    return OK;
}

static void print_paths(struct cli *cli, const GPtrArray *paths)
{
    json_t *list = json_array();
    for (guint i = 0; i < paths->len; i++) {
        const char *path = g_ptr_array_index(paths, i);
        cli_note(cli, "wrote %s", path);
        json_array_append_new(list, json_string(path));
    }
    json_t *object = json_pack("{so}", "figures", list);
    char *printed = json_dumps(object, JSON_INDENT(2));
    if (cli->settings.as_json) {
        g_string_append_printf(cli->out, "%s\n", printed);
    }
    free(printed);
    json_decref(object);
}

static enum status draw_format(struct cli *cli, const struct trace *trace,
                               const char *name, enum figure_format format,
                               GPtrArray *paths)
{
    const char *folder = cli->settings.directory;
    TRY(figure_draw_timeline(cli->diags, trace, NULL, name, format, folder));
    g_ptr_array_add(paths, g_strdup_printf("%s/%s.%s", folder, name,
                                           figure_format_name(format)));
    return OK;
}

static enum status draw(struct cli *cli, const struct run *run,
                        const struct trace *trace, const bool *formats)
{
    g_autoptr(GPtrArray) paths = g_ptr_array_new_with_free_func(g_free);
    g_autofree char *name = g_strdup_printf("timeline-%s", run->mapping);
    enum status status = OK;
    if (g_mkdir_with_parents(cli->settings.directory, 0777) != 0) {
        return diag_fail(cli->diags, ERR_IO, "figure-folder",
                         "cannot make the folder '%s': %s",
                         cli->settings.directory, g_strerror(errno));
    }
    for (int f = 0; f < FIGURE_FORMAT_COUNT && status == OK; f++) {
        status = formats[f] ? draw_format(cli, trace, name,
                                          (enum figure_format)f, paths)
                            : OK;
    }
    print_paths(cli, paths);
    return status;
}

static enum status plot(struct cli *cli, struct trace_request *request,
                        const bool *formats)
{
    AUTO(scope) chosen = NULL;
    AUTO(run) run = NULL;
    TRY(cli_parse_set(cli, &chosen));
    TRY(trace_request_parse_selection(cli, request));
    TRY(choose_window(cli, chosen, &request->options));
    trace_free(request->trace);
    request->trace = trace_new(&request->options);
    TRY(simulate(cli, chosen, request->trace, &run));
    return draw(cli, run, request->trace, formats);
}

enum status timeline_plot(struct cli *cli, const bool *formats)
{
    const struct settings *settings = &cli->settings;
    struct trace_request request = {0};
    TRY(cli_need(cli, settings->cascade, "cascade"));
    TRY(cli_need(cli, settings->arch, "arch"));
    TRY(cli_need(cli, settings->mapping, "mapping"));
    TRY(cli_need_file(cli, settings->cascade));
    TRY(cli_need_file(cli, settings->arch));
    TRY(cli_need_file(cli, settings->mapping));
    enum status status = plot(cli, &request, formats);
    trace_request_clear(&request);
    return status;
}
