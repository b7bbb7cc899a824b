/* How many times faster a bar is than the baseline of its cluster. */
#include "reports/figures/grouped_bars.h"
#include "reports/figures/kind.h"

static enum status write_chart(struct diags *diags,
                               const struct figure_options *options,
                               const struct figure_grid *grid, GString *script)
{
    size_t count = grid->group_count * grid->tick_count * grid->bar_count;
    g_autofree double *values = g_new0(double, count);
    size_t baseline = 0;
    TRY(grouped_bars_find(diags, grid, options->baseline, &baseline));
    for (size_t i = 0; i < count; i++) {
        size_t cluster = i - i % grid->bar_count;
        values[i] = figure_cell_seconds(grid, cluster + baseline) /
                    figure_cell_seconds(grid, i);
    }
    g_autofree char *label = g_strdup_printf(
        "%s over %s", metric_get(METRIC_SPEEDUP)->heading, options->baseline);
    struct grouped_bars chart = {
        .title = options->title,
        .x_label = options->x_label,
        .y_label = label,
        .y_line = 1.0,
        .values = values,
    };
    grouped_bars_write(&chart, grid, script);
    return OK;
}

const struct figure_kind figure_kind_speedup = {
    .name = "speedup",
    .help = "time of a baseline over time, by cluster",
    .needs_baseline = true,
    .can_sum = true,
    .write = write_chart,
};
