/* Share of a unit's peak that was used. */
#include <math.h>
#include <string.h>

#include "reports/figures/grouped_bars.h"
#include "reports/figures/kind.h"

/* NaN, which is no bar, where there is no run. */
static enum status find_value(struct diags *diags, const struct run *run,
                              const char *unit, double *value)
{
    if (run == NULL) {
        *value = (double)NAN;
        return OK;
    }
    const struct evaluation *evaluation = &run->evaluation;
    g_autofree const char **names =
        g_new0(const char *, (size_t)evaluation->unit_count + 1);
    for (int i = 0; i < evaluation->unit_count; i++) {
        names[i] = evaluation->units[i].name;
        if (strcmp(names[i], unit) == 0) {
            *value = evaluation->units[i].utilization_ratio;
            return OK;
        }
    }
    g_autofree char *suggestion =
        suggest_text(unit, names, (size_t)evaluation->unit_count);
    diag_error(diags, SPAN_NONE, "figure-unknown-unit", suggestion,
               "architecture '%s' has no unit '%s'", run->arch, unit);
    return ERR_INPUT;
}

static enum status write_chart(struct diags *diags,
                               const struct figure_options *options,
                               const struct figure_grid *grid, GString *script)
{
    size_t count = grid->group_count * grid->tick_count * grid->bar_count;
    g_autofree double *values = g_new0(double, count);
    for (size_t i = 0; i < count; i++) {
        TRY(find_value(diags, grid->cells[i], options->unit, &values[i]));
    }
    g_autofree char *label = g_strdup_printf(
        "%s of %s", metric_get(METRIC_UTILIZATION)->heading, options->unit);
    struct grouped_bars chart = {
        .title = options->title,
        .x_label = options->x_label,
        .y_label = label,
        .y_max = 1.0,
        .values = values,
    };
    grouped_bars_write(&chart, grid, script);
    return OK;
}

const struct figure_kind figure_kind_utilization = {
    .name = "utilization",
    .help = "share of a compute unit's peak",
    .needs_unit = true,
    .write = write_chart,
};
