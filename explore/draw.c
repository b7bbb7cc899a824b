/* Figures of an experiment: picks the runs of a plan out of the study. */
#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>

#include "explore/study.h"

/* Labels of an axis, NULL-terminated; one empty label without an axis. */
static const char **list_labels(const struct experiment *experiment, int axis,
                                size_t *count)
{
    *count = axis < 0 ? 1 : experiment_axis(experiment, axis)->entries->len;
    const char **labels = g_new0(const char *, *count + 1);
    for (size_t i = 0; i < *count; i++) {
        labels[i] =
            axis < 0
                ? ""
                : axis_entry(experiment_axis(experiment, axis), (int)i)->label;
    }
    return labels;
}

static const char **list_shown(const struct figure_plan *plan)
{
    const char **names = g_new0(const char *, plan->shown->len + 1);
    for (guint i = 0; i < plan->shown->len; i++) {
        names[i] = g_array_index(plan->shown, struct shown_bar, i).name;
    }
    return names;
}

static void set_entry(int *entries, int axis, size_t entry)
{
    if (axis >= 0) {
        entries[axis] = (int)entry;
    }
}

/* Runs of one cell: one, or one for each entry of the axis that is summed. */
static size_t count_parts(const struct experiment *experiment,
                          const struct figure_plan *plan)
{
    return plan->sum < 0 ? 1
                         : experiment_axis(experiment, plan->sum)->entries->len;
}

static void fill_cells(const struct study *study,
                       const struct figure_plan *plan, enum fidelity fidelity,
                       const struct figure_grid *grid, const struct run **cells)
{
    g_autofree int *entries = g_memdup2(
        plan->at, (study->experiment->axes->len + 1) * sizeof(*entries));
    for (size_t group = 0; group < grid->group_count; group++) {
        for (size_t tick = 0; tick < grid->tick_count; tick++) {
            for (size_t bar = 0; bar < grid->bar_count; bar++) {
                set_entry(entries, plan->group, group);
                set_entry(entries, plan->x, tick);
                set_entry(
                    entries, plan->bars,
                    (size_t)g_array_index(plan->shown, struct shown_bar, bar)
                        .entry);
                for (size_t part = 0; part < grid->part_count; part++) {
                    set_entry(entries, plan->sum, part);
                    *cells++ = study_find(study, fidelity, entries);
                }
            }
        }
    }
}

static enum status draw_formats(struct diags *diags,
                                const struct figure_options *figure,
                                const struct figure_grid *grid,
                                const struct draw_options *options,
                                GPtrArray *paths)
{
    for (int f = 0; f < FIGURE_FORMAT_COUNT; f++) {
        enum figure_format format = (enum figure_format)f;
        if (!options->formats[format]) {
            continue;
        }
        TRY(figure_draw(diags, figure, grid, format, options->directory));
        g_ptr_array_add(paths, g_strdup_printf("%s/%s.%s", options->directory,
                                               figure->name,
                                               figure_format_name(format)));
    }
    return OK;
}

static enum status draw(const struct study *study, struct diags *diags,
                        const struct figure_plan *plan, enum fidelity fidelity,
                        const struct draw_options *options, GPtrArray *paths)
{
    struct figure_grid grid = {0};
    const struct experiment *experiment = study->experiment;
    g_autofree const char **groups =
        list_labels(experiment, plan->group, &grid.group_count);
    g_autofree const char **ticks =
        list_labels(experiment, plan->x, &grid.tick_count);
    g_autofree const char **bars = list_shown(plan);
    grid.bar_count = plan->shown->len;
    grid.part_count = count_parts(experiment, plan);
    g_autofree const struct run **cells = g_new0(
        const struct run *,
        grid.group_count *grid.tick_count *grid.bar_count *grid.part_count + 1);
    grid.groups = groups;
    grid.ticks = ticks;
    grid.bars = bars;
    grid.cells = cells;
    fill_cells(study, plan, fidelity, &grid, cells);
    struct figure_options figure = plan->options;
    g_autofree char *name =
        g_strdup_printf("%s-%s", figure.name, fidelity_name(fidelity));
    figure.name = name;
    return draw_formats(diags, &figure, &grid, options, paths);
}

static bool has_results(const struct study *study, enum fidelity fidelity)
{
    const struct experiment *experiment = study->experiment;
    for (size_t i = 0; i < experiment_point_count(experiment); i++) {
        if (study->runs[i] != NULL &&
            experiment_point(experiment, i)->fidelity == fidelity) {
            return true;
        }
    }
    return false;
}

static enum status draw_fidelities(const struct study *study,
                                   struct diags *diags,
                                   const struct figure_plan *plan,
                                   const struct draw_options *options,
                                   GPtrArray *paths)
{
    for (int f = FIDELITY_MODEL; f <= FIDELITY_SIM; f++) {
        if (!has_results(study, (enum fidelity)f)) {
            continue;
        }
        TRY(draw(study, diags, plan, (enum fidelity)f, options, paths));
    }
    return OK;
}

enum status explore_draw(const struct experiment *experiment,
                         struct store *store, struct diags *diags,
                         const struct draw_options *options, GPtrArray *paths)
{
    AUTO(study) study = NULL;
    TRY(study_new(experiment, store, diags, &study));
    if (g_mkdir_with_parents(options->directory, 0777) != 0) {
        return diag_fail(diags, ERR_IO, "explore-folder",
                         "cannot make the folder '%s': %s", options->directory,
                         g_strerror(errno));
    }
    for (guint i = 0; i < experiment->figures->len; i++) {
        const struct figure_plan *plan =
            g_ptr_array_index(experiment->figures, i);
        if (options->figures[0] != NULL &&
            !g_strv_contains(options->figures, plan->options.name)) {
            continue;
        }
        TRY(draw_fidelities(study, diags, plan, options, paths));
    }
    return OK;
}
